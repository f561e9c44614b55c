; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-errors.scm - what goes wrong leaves the canvas as it was.

(define nan (- (* 1e308 10) (* 1e308 10)))
(define image (test-image 128 128 RGB PRECISION-U8-NON-LINEAR))
(define before (pixel (background image) 5 5))

(define (check-untouched name image layers failed?)
  (check name (and failed?
                   (= layers (layer-count image))
                   (not (gimp-image-is-dirty image)))))

(define (check-refused name . arguments)
  (check-untouched name image 1
                   (fails? (apply plug-in-diffusion-txt2img #:image image arguments)))
  (check (string-append name ": pixels stay") (equal? before (pixel (background image) 5 5))))

(check-refused "an unknown scheduler" #:scheduler "nonsense")
(check-refused "a scheduler's setting without a value" #:scheduler-set "use_karras_sigmas")
(check-refused "an unknown device" #:device "abacus")
(check-refused "a model that is not there" #:model "no-such-model")
(check-refused "a folder without a model" #:model "/usr")
(check-refused "a file that is no model" #:model "/etc/passwd")
(check-refused "a width that is no multiple of 8" #:width 12)
(check-refused "a huge width" #:width 100000)
(check-refused "a negative height" #:height -8)
(check-refused "negative steps" #:steps -1)
(check-refused "too many steps" #:steps 1001)
(check-refused "no pictures" #:num-images 0)
(check-refused "a seed below -1" #:seed -2)
(check-refused "a seed beyond 32 bits" #:seed 4294967296)
(check-refused "half a seed" #:seed 1.5)
(check-refused "no number as seed" #:seed nan)
(check-refused "no number as guidance" #:guidance-scale nan)
(check-refused "endless guidance" #:guidance-scale (* 1e308 10))
(check-refused "an unknown argument" #:nonsense 1)

(define palette (test-image 64 64 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-convert-indexed palette CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 4 #f #f "")
(gimp-image-clean-all palette)
(check-untouched "an indexed image" palette 1
                 (fails? (plug-in-diffusion-txt2img #:image palette #:steps 1)))
(gimp-image-delete palette)

(define floating (test-image 64 64 RGB PRECISION-U8-NON-LINEAR))
(gimp-edit-copy (vector (background floating)))
(gimp-edit-paste (background floating) #f)
(gimp-image-clean-all floating)
(check-untouched "a floating selection" floating (layer-count floating)
                 (fails? (plug-in-diffusion-txt2img #:image floating #:steps 1)))
(gimp-image-delete floating)

; Tasks that start from what the canvas shows.
(define (check-refused-everywhere name . arguments)
  (let ((pixels (flattened image)))
    (for-each
     (lambda (task)
       (check-untouched name image 1
                        (fails? (apply task #:image image #:steps 2 arguments))))
     (list plug-in-diffusion-img2img plug-in-diffusion-inpaint))
    (check (string-append name ": every pixel stays")
           (= 0 (car (compare pixels (background image) -1))))
    (forget pixels)))

(check-refused-everywhere "negative padding" #:padding -2)
(check-refused-everywhere "negative feathering" #:feather -1)
(check-refused-everywhere "strength beyond 1" #:strength 1.5)
(check-refused-everywhere "no strength" #:strength 0)
(check-refused-everywhere "a width that is no multiple of 8" #:width 12)
(check-refused-everywhere "a model for something else"
                          #:model (string-append fixtures "/models/ddpm"))
(check-refused-everywhere "a model that is not there" #:model "no-such-model")

(define small (gimp-layer-new image "small" 20 20 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image small 0 0)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 60 60 20 20)
(gimp-image-clean-all image)
(check-untouched "a selection beside the layer" image 2
                 (fails? (plug-in-diffusion-inpaint #:image image #:steps 1 #:source "layer"
                                                    #:drawables (vector small))))
(gimp-selection-none image)
(gimp-image-remove-layer image small)
(gimp-image-clean-all image)

(define empty (gimp-image-new 64 64 RGB))
(gimp-image-clean-all empty)
(check-untouched "no layer as source" empty 0
                 (fails? (plug-in-diffusion-img2img #:image empty #:steps 2 #:source "layer")))
(gimp-image-delete empty)

; Types that Script-Fu 3.0 does not keep to, before anything reaches the plug-in: an int loses
; its fraction, and a word that is no choice is as if nothing had been said.
(define (drawn . arguments)
  (let* ((result (apply plug-in-diffusion-txt2img #:image image #:seed 3 #:width 64 #:height 64
                        #:model (string-append fixtures "/models/sd15") #:device "cpu" arguments))
         (layer (vector-ref (car result) 0)))
    (caddr (gimp-item-get-parasite layer "gimp-diffusion-recipe"))))
(define (says? recipe text)
  (let ((last (- (string-length recipe) (string-length text))))
    (let loop ((i 0))
      (and (<= i last) (or (string=? text (substring recipe i (+ i (string-length text))))
                           (loop (+ i 1)))))))
(check "Script-Fu makes two steps of two and a half"
       (says? (drawn #:dtype "f32" #:steps 2.5) "\"steps\": 2,"))
(check "Script-Fu makes nothing of a word that is no choice"
       (says? (drawn #:dtype "f32" #:steps 1 #:generator "dice") "\"generator\": \"torch-cpu\""))
(check "a seed is a double and keeps its 32 bits"
       (= 4294967295 (cadr (plug-in-diffusion-txt2img #:image image #:steps 1 #:dtype "f32"
                                                      #:device "cpu" #:seed 4294967295))))

; Layers of another image.
(define stranger (test-image 64 64 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-clean-all image)
(check-untouched "a layer of another image" image (layer-count image)
                 (fails? (plug-in-diffusion-img2img #:image image #:steps 2 #:source "layer"
                                                    #:drawables (vector (background stranger)))))
(check-untouched "also where it only says where to go" image (layer-count image)
                 (fails? (plug-in-diffusion-txt2img #:image image #:steps 2
                                                    #:drawables (vector (background stranger)))))
(gimp-image-delete stranger)
(gimp-image-delete image)
(check-done)
