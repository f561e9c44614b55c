; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-canvas.scm - what plug-in-diffusion-txt2img does to a canvas.

(define prompt "a large red cube on a grey floor, under a blue sky")
(define places '((10 20) (64 64) (100 90)))

(define (paint image)
  (vector-ref (car (plug-in-diffusion-txt2img #:image image #:prompt prompt #:steps 2 #:seed 5))
              0))

(define (pixels layer)
  (map (lambda (place) (pixel layer (car place) (cadr place))) places))

(define (first-three color)
  (list (car color) (cadr color) (caddr color)))

; sRGB's curve, and luminance as babl weighs it (sRGB's primaries adapted to D50).
(define (linear byte)
  (let ((v (/ byte 255.0)))
    (if (<= v 0.04045) (/ v 12.92) (expt (/ (+ v 0.055) 1.055) 2.4))))

(define (curved v)
  (* 255.0 (if (<= v 0.0031308) (* v 12.92) (- (* 1.055 (expt v (/ 1 2.4))) 0.055))))

(define (luminance color)
  (curved (+ (* 0.2225 (linear (car color)))
             (* 0.7169 (linear (cadr color)))
             (* 0.0606 (linear (caddr color))))))

(define (contains? text word)
  (let ((last (- (string-length text) (string-length word))))
    (let loop ((i 0))
      (cond ((> i last) #f)
            ((string=? (substring text i (+ i (string-length word))) word) #t)
            (else (loop (+ i 1)))))))

; The simplest call.
(define image (test-image 128 128 RGB PRECISION-U8-NON-LINEAR))
(define before (pixel (background image) 5 5))
(define result (plug-in-diffusion-txt2img #:image image #:prompt prompt #:seed 4294967295
                                          #:steps 2))
(define layer (vector-ref (car result) 0))
(check "one layer comes back" (= 1 (vector-length (car result))))
(check "one layer is added" (= 2 (layer-count image)))
(check "the greatest seed survives" (= 4294967295 (cadr result)))
(check "it is on top" (= layer (vector-ref (gimp-image-get-layers image) 0)))
(check "the selected layer stays selected"
       (equal? (vector (background image)) (gimp-image-get-selected-layers image)))
(check "it has the canvas's size" (and (= 128 (gimp-drawable-get-width layer))
                                       (= 128 (gimp-drawable-get-height layer))))
(check "it lies on the canvas" (and (= 0 (offset-x layer)) (= 0 (offset-y layer))))
(check "it is named after the prompt"
       (string=? prompt (gimp-item-get-name layer)))
(check "the layer below is as before" (equal? before (pixel (background image) 5 5)))
(check "the image has changed" (gimp-image-is-dirty image))
(define recipe (caddr (gimp-item-get-parasite layer "gimp-diffusion-recipe")))
(check "the recipe knows the seed" (contains? recipe "4294967295"))
(check "the recipe knows the prompt" (contains? recipe prompt))
(check "the recipe is saved with the image"
       (= 1 (cadr (gimp-item-get-parasite layer "gimp-diffusion-recipe"))))
(gimp-image-delete image)

; Types and precisions: the same picture everywhere.
(define image (test-image 128 128 RGB PRECISION-U8-NON-LINEAR))
(define expected (map first-three (pixels (paint image))))
(check "the same seed draws the same picture"
       (equal? expected (map first-three (pixels (paint image)))))
(gimp-image-delete image)

; One step of 8-bit linear light is up to 13 steps of the curve where it is dark, so there
; a value may differ by one step of either.
(define (same-color? precision a b)
  (cond ((null? a) #t)
        ((not (or (near? (car a) (car b) 1)
                  (and (= precision PRECISION-U8-LINEAR)
                       (near? (* 255.0 (linear (car a))) (* 255.0 (linear (car b))) 1)))) #f)
        (else (same-color? precision (cdr a) (cdr b)))))

(define (check-rgb name precision)
  (let* ((image (test-image 128 128 RGB precision))
         (found (map first-three (pixels (paint image)))))
    (check (string-append "RGB, " name)
           (and (same-color? precision (car expected) (car found))
                (same-color? precision (cadr expected) (cadr found))
                (same-color? precision (caddr expected) (caddr found))))
    (gimp-image-delete image)))

(define (check-gray name precision)
  (let* ((image (test-image 128 128 GRAY precision))
         (found (map car (pixels (paint image)))))
    (check (string-append "grey, " name) (all-near? (map luminance expected) found 2))
    (gimp-image-delete image)))

(define precisions
  (list (list "8 bit" PRECISION-U8-NON-LINEAR)
        (list "8 bit linear" PRECISION-U8-LINEAR)
        (list "16 bit" PRECISION-U16-NON-LINEAR)
        (list "32 bit linear" PRECISION-U32-LINEAR)
        (list "half float" PRECISION-HALF-NON-LINEAR)
        (list "float linear" PRECISION-FLOAT-LINEAR)
        (list "double" PRECISION-DOUBLE-NON-LINEAR)))
(for-each (lambda (row) (check-rgb (car row) (cadr row))) precisions)
(for-each (lambda (row) (check-gray (car row) (cadr row))) precisions)

; Where pictures go.
(define (check-place name width height select? arguments x y w h)
  (let* ((image (test-image width height RGB PRECISION-U8-NON-LINEAR)))
    (if select? (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 40 16 128 128))
    (let* ((bounds (gimp-selection-bounds image))
           (layer (vector-ref (car (apply plug-in-diffusion-txt2img #:image image #:steps 1
                                          arguments)) 0)))
      (check name (and (= x (offset-x layer)) (= y (offset-y layer))
                       (= w (gimp-drawable-get-width layer))
                       (= h (gimp-drawable-get-height layer))))
      (check (string-append name ": the selection stays")
             (equal? bounds (gimp-selection-bounds image))))
    (gimp-image-delete image)))

(check-place "in the selection" 300 160 #t '() 40 16 128 128)
(check-place "the model's own size, centered" 300 400 #f '() 86 136 128 128)
(check-place "a multiple of 8, centered" 100 84 #f '() 2 2 96 80)
(check-place "a size that was asked for" 32 48 #f (list #:width 64 #:height 96) -16 -24 64 96)

; Layers and groups.
(define image (test-image 128 128 RGB PRECISION-U8-NON-LINEAR))
(define group (gimp-group-layer-new image "group"))
(gimp-image-insert-layer image group 0 0)
(define inner (gimp-layer-new image "inner" 64 64 RGBA-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image inner group 0)
(define mask (gimp-layer-create-mask inner ADD-MASK-WHITE))
(gimp-layer-add-mask inner mask)
(define layer (vector-ref (car (plug-in-diffusion-txt2img #:image image #:drawables (vector inner)
                                                          #:steps 1)) 0))
(check "above the selected layer, in its group"
       (and (= group (gimp-item-get-parent layer))
            (= 0 (gimp-image-get-item-position image layer))
            (= 1 (gimp-image-get-item-position image inner))))
(check "masks stay" (= mask (gimp-layer-get-mask inner)))
(check "an empty prompt is named by the task"
       (string=? "Text to Image" (gimp-item-get-name layer)))
(define layer (vector-ref (car (plug-in-diffusion-txt2img #:image image #:drawables (vector mask)
                                                          #:steps 1)) 0))
(check "above the layer of a selected mask" (= group (gimp-item-get-parent layer)))
(define layer (vector-ref (car (plug-in-diffusion-txt2img #:image image #:steps 1)) 0))
(check "above the selected layer when no drawables are given"
       (and (= group (gimp-item-get-parent layer))
            (= 1 (- (gimp-image-get-item-position image inner)
                    (gimp-image-get-item-position image layer)))))
(define channel (gimp-channel-new image "channel" 128 128 50.0 "red"))
(gimp-image-insert-channel image channel 0 0)
(define layer (vector-ref (car (plug-in-diffusion-txt2img #:image image #:steps 1)) 0))
(check "on top when no layer is selected" (= 0 (gimp-image-get-item-position image layer)))
(check "a selected channel stays selected"
       (and (= 0 (vector-length (gimp-image-get-selected-layers image)))
            (equal? (vector channel) (gimp-image-get-selected-channels image))))
(gimp-image-delete image)

; Several at once, names, seeds.
(define image (gimp-image-new 64 64 RGB))
(define result (plug-in-diffusion-txt2img #:image image #:prompt "a   blue\ncone " #:num-images 3
                                          #:steps 1 #:seed 1))
(define layers (car result))
(check "three pictures, three layers, one group"
       (and (= 3 (vector-length layers)) (= 1 (layer-count image))))
(define group (vector-ref (gimp-image-get-layers image) 0))
(check "the group holds them, the first on top"
       (equal? layers (gimp-item-get-children group)))
(check "it passes through" (= LAYER-MODE-PASS-THROUGH (gimp-layer-get-mode group)))
(check "it has the prompt's name, in one line"
       (string=? "a blue cone" (gimp-item-get-name group)))
(check "so have its pictures"
       (string=? "a blue cone" (substring (gimp-item-get-name (vector-ref layers 2)) 0 11)))
(check "the first is visible, the others are not"
       (and (gimp-item-get-visible group) (gimp-item-get-visible (vector-ref layers 0))
            (not (gimp-item-get-visible (vector-ref layers 1)))
            (not (gimp-item-get-visible (vector-ref layers 2)))))
(check "each has its recipe"
       (and (contains? (caddr (gimp-item-get-parasite (vector-ref layers 0)
                                                      "gimp-diffusion-recipe")) "\"index\": 0")
            (contains? (caddr (gimp-item-get-parasite (vector-ref layers 2)
                                                      "gimp-diffusion-recipe")) "\"index\": 2")))
(check "all are selected" (= 3 (vector-length (gimp-image-get-selected-layers image))))
(define (column layer) (map (lambda (y) (pixel layer 30 y)) '(5 15 25 35 45 55)))
(check "they differ" (not (equal? (column (vector-ref layers 0)) (column (vector-ref layers 1)))))
(define long (make-string 400 #\x))
(define result (plug-in-diffusion-txt2img #:image image #:prompt long #:steps 1))
(check "long names are cut"
       (< (string-length (gimp-item-get-name (vector-ref (car result) 0))) 80))
(define other (plug-in-diffusion-txt2img #:image image #:steps 1))
(check "seeds are drawn when none is given" (not (= (cadr result) (cadr other))))
(define same (plug-in-diffusion-txt2img #:image image #:prompt "x" #:steps 2
                                        #:scheduler "EulerDiscreteScheduler"
                                        #:scheduler-set "use_karras_sigmas=true\n"
                                        #:negative-prompt "y" #:guidance-scale 2.5))
(check "scheduler settings reach the recipe"
       (contains? (caddr (gimp-item-get-parasite (vector-ref (car same) 0)
                                                 "gimp-diffusion-recipe"))
                  "\"use_karras_sigmas\": true"))
(gimp-image-delete image)
(check-done)
