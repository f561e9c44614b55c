; SPDX-License-Identifier: LGPL-3.0-or-later
;
; check.scm - checks that speak TAP, for Script-Fu tests of the plug-in; and what
; several of them need.

(script-fu-use-v3)

(define check-count 0)

(define (check name is-good)
  (set! check-count (+ check-count 1))
  (display (if is-good "ok " "not ok "))
  (display check-count)
  (display " ")
  (display name)
  (newline))

(define (check-done)
  (display "1..")
  (display check-count)
  (newline))

; #t if the expression fails.  Script-Fu defines the hook, but where this does not see it.
(define *error-hook* throw)
(define-macro (fails? . body)
  `(catch #t ,@body #f))

(define (layer-count image)
  (vector-length (gimp-image-get-layers image)))

; An image with one opaque layer of one color, clean.
(define (test-image width height type precision)
  (let* ((image (gimp-image-new-with-precision width height type precision))
         (layer (gimp-layer-new image "Background" width height
                                (if (= type GRAY) GRAY-IMAGE RGB-IMAGE) 100.0
                                LAYER-MODE-NORMAL)))
    (gimp-image-insert-layer image layer 0 0)
    (gimp-context-set-foreground "#336699")
    (gimp-drawable-fill layer FILL-FOREGROUND)
    (gimp-image-clean-all image)
    image))

(define (background image)
  (let ((layers (gimp-image-get-layers image)))
    (vector-ref layers (- (vector-length layers) 1))))

(define (offset-x layer) (car (gimp-drawable-get-offsets layer)))
(define (offset-y layer) (cadr (gimp-drawable-get-offsets layer)))

(define (pixel layer x y)
  (gimp-drawable-get-pixel layer x y))

(define (near? a b tolerance)
  (<= (abs (- a b)) tolerance))

; Whether two lists of numbers agree, element by element.
(define (all-near? a b tolerance)
  (cond ((null? a) #t)
        ((not (near? (car a) (car b) tolerance)) #f)
        (else (all-near? (cdr a) (cdr b) tolerance))))
