; SPDX-License-Identifier: LGPL-3.0-or-later
;
; window.scm - an image in a window, and what becomes of it, told line by line until
; the file `stop-file` is there.  The selection shows whether undo took one step.  The topmost
; layer is selected, for repeating; once the file `stranger-file` is there, its recipe is of a
; model that is not the one installed here.

(define image (test-image 256 200 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 64 36 128 128)
(gimp-image-clean-all image)
(gimp-display-new image)

(define (state)
  (string-append "layers " (number->string (layer-count image))
                 (if (gimp-image-is-dirty image) " dirty" " clean")
                 (if (< 0 (gimp-layer-get-mask (vector-ref (gimp-image-get-layers image) 0)))
                     " masked" "")))

(define (top-layer)
  (vector-ref (gimp-image-get-layers image) 0))

(load (string-append fixtures "/../gimp/recipes.scm"))

(define (make-strange)
  (set-recipe (top-layer) (replaced (recipe (top-layer)) "\"model-fingerprint\": \""
                                    "\"model-fingerprint\": \"0"))
  (file-delete stranger-file)
  (display "strange")
  (newline))

(define (watch last)
  (let ((now (state)))
    (if (file-exists? stranger-file) (make-strange))
    (if (not (string=? now last))
        (begin
         (gimp-image-set-selected-layers
          image (vector (vector-ref (gimp-image-get-layers image) 0)))
         (display now)
         (newline)))
    (usleep 100000)
    (if (not (file-exists? stop-file))
        (watch now))))

(watch "")
