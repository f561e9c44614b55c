; SPDX-License-Identifier: LGPL-3.0-or-later
;
; painter.scm - two images in windows, and what becomes of them, told line by line until the
; file `stop-file` is there.  The file `close-file` closes the second one.

(define first (test-image 256 200 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-rectangle first CHANNEL-OP-REPLACE 64 36 128 128)
(gimp-image-clean-all first)
(define second (test-image 192 160 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-clean-all second)
(define second-display (gimp-display-new second))
(gimp-display-new first)

(define (state-of name image)
  (string-append name " layers " (number->string (layer-count image))
                 (if (gimp-image-is-dirty image) " dirty" " clean")))

(define is-open #t)

(define (state)
  (string-append (state-of "first" first) "; "
                 (if is-open (state-of "second" second) "second closed")))

(define (watch last)
  (if (and is-open (file-exists? close-file))
      (begin
       (set! is-open #f)
       (gimp-image-clean-all second)
       (gimp-display-delete second-display)))
  (let ((now (state)))
    (if (not (string=? now last))
        (begin
         (display now)
         (newline)))
    (usleep 50000)
    (if (not (file-exists? stop-file))
        (watch now))))

(watch "")
