; SPDX-License-Identifier: LGPL-3.0-or-later
;
; recipes.scm - drawing with models of random weights, and layers compared with their
; repetitions.

; Random weights at a size that costs nothing.
(define (model-of task)
  (string-append fixtures (if (eq? task plug-in-diffusion-depth2img) "/models/depth"
                              "/models/sd15")))

(define (draw-all task image arguments)
  (car (apply task #:image image #:model (model-of task) #:prompt "a red cube" #:steps 2 #:seed 7
              #:width 64 #:height 64 arguments)))

(define (draw task image . arguments)
  (vector-ref (draw-all task image arguments) 0))

(define (repeated image layer . arguments)
  (car (apply plug-in-diffusion-repeat #:image image #:drawables (vector layer) arguments)))

(define (repeat image layer . arguments)
  (vector-ref (apply repeated image layer arguments) 0))

(define (recipe layer)
  (caddr (gimp-item-get-parasite layer "gimp-diffusion-recipe")))

(define (set-recipe layer text)
  (gimp-item-attach-parasite layer (list "gimp-diffusion-recipe" 1 text)))

(define (index-of text word)
  (let ((last (- (string-length text) (string-length word))))
    (let loop ((i 0))
      (cond ((> i last) #f)
            ((string=? (substring text i (+ i (string-length word))) word) i)
            (else (loop (+ i 1)))))))

(define (holds? layer word)
  (number? (index-of (recipe layer) word)))

; The text with one word replaced.
(define (replaced text word by)
  (let ((i (index-of text word)))
    (string-append (substring text 0 i) by
                   (substring text (+ i (string-length word)) (string-length text)))))

(define (place layer)
  (list (offset-x layer) (offset-y layer)
        (gimp-drawable-get-width layer) (gimp-drawable-get-height layer)))

(define (position layer)
  (gimp-image-get-item-position (gimp-item-get-image layer) layer))

(define (same-pixels? a b)
  (and (= (gimp-drawable-get-width a) (gimp-drawable-get-width b))
       (= (gimp-drawable-get-height a) (gimp-drawable-get-height b))
       (= 0 (car (compare a b -1)))))

; In every bit, the mask included.
(define (same-layer? a b)
  (let ((mask-a (gimp-layer-get-mask a))
        (mask-b (gimp-layer-get-mask b)))
    (and (equal? (place a) (place b))
         (same-pixels? a b)
         (equal? (= -1 mask-a) (= -1 mask-b))
         (or (= -1 mask-a) (same-pixels? mask-a mask-b)))))

(define (canvas width height type precision)
  (let ((image (test-image width height type precision)))
    (paint-pattern image)
    image))
