; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-cancel.scm - the plug-in is killed in the middle of a picture, as GIMP's
; Cancel does it; run_gimp.py waits for "waiting for the kill" and does it.

(define image (test-image 128 128 RGB PRECISION-U8-NON-LINEAR))
(plug-in-diffusion-txt2img #:image image #:steps 1)
(gimp-image-clean-all image)
(display "waiting for the kill")
(newline)
(define killed? (fails? (plug-in-diffusion-txt2img #:image image #:steps 1000 #:num-images 8)))
(check "a killed plug-in is an error" killed?)
(check "no layer came" (= 2 (layer-count image)))
(check "nothing changed" (not (gimp-image-is-dirty image)))
(plug-in-diffusion-txt2img #:image image #:steps 1)
(check "the next call works" (= 3 (layer-count image)))
(gimp-image-delete image)
(check-done)
