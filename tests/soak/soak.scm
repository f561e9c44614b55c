; SPDX-License-Identifier: LGPL-3.0-or-later
;
; soak.scm - one picture on a canvas while harm is done, and what became of the canvas.

(define image (gimp-file-load RUN-NONINTERACTIVE (string-append folder "/canvas.xcf")))
(define before (flattened image))
(define selection (gimp-selection-save (gimp-item-get-image before)))
(define layers (layer-count image))
(gimp-image-clean-all image)
(define failed
  (fails? (plug-in-diffusion-inpaint #:image image #:prompt "a red cube" #:steps 4 #:seed 7
                                     #:model (string-append fixtures "/models/sd15")
                                     #:width 64 #:height 64)))
(define after (flattened image))
(define outside (car (compare before after selection)))
(newline)
(display (cond ((and failed (not (gimp-image-is-dirty image)) (= layers (layer-count image))
                     (= 0 (car (compare before after -1))))
                "failed, and nothing has changed")
               ((and (not failed) (= (+ 1 layers) (layer-count image)) (= 0 outside))
                "drawn, and nothing else has changed")
               (else "the canvas has changed")))
(newline)
