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
(check-refused "an unknown number format" #:dtype "f64")
(check-refused "an unknown device" #:device "abacus")
(check-refused "an unknown generator" #:generator "dice")
(check-refused "a model that is not there" #:model "no-such-model")
(check-refused "a folder without a model" #:model "/usr")
(check-refused "a file that is no model" #:model "/etc/passwd")
(check-refused "a width that is no multiple of 8" #:width 12)
(check-refused "a huge width" #:width 100000)
(check-refused "an endless width" #:width 1e30)
(check-refused "a negative height" #:height -8)
(check-refused "negative steps" #:steps -1)
(check-refused "too many steps" #:steps 1001)
(check-refused "half a step" #:steps 2.5)
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

(define result (plug-in-diffusion-txt2img #:image image #:steps 1))
(check "a good call works afterwards" (= 2 (layer-count image)))
(gimp-image-delete image)
(check-done)
