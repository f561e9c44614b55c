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

; What a test draws it draws in f32 on the CPU, unless it says otherwise: `auto` depends on the
; machine, and in bf16 a last bit of the canvas makes another picture.  Of an argument that is
; given twice the last counts.  A test of `auto` itself says #:device "auto" #:dtype "auto".
(define (in-f32 procedure)
  (lambda arguments
    (apply procedure (append '(#:device "cpu" #:dtype "f32") arguments))))
(define plug-in-diffusion-txt2img (in-f32 plug-in-diffusion-txt2img))
(define plug-in-diffusion-img2img (in-f32 plug-in-diffusion-img2img))
(define plug-in-diffusion-inpaint (in-f32 plug-in-diffusion-inpaint))
(define plug-in-diffusion-depth2img (in-f32 plug-in-diffusion-depth2img))
(define plug-in-diffusion-unconditional (in-f32 plug-in-diffusion-unconditional))
(define plug-in-diffusion-repeat (in-f32 plug-in-diffusion-repeat))

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

; The image as one layer, in an image of its own.
(define (flattened image)
  (let ((copy (gimp-image-duplicate image)))
    (gimp-image-flatten copy)
    (vector-ref (gimp-image-get-layers copy) 0)))

(define (forget layer)
  (gimp-image-delete (gimp-item-get-image layer)))

; (pixels that differ outside the mask, inside it, pixels outside, greatest difference)
(define (compare a b mask)
  (test-pixels #:a a #:b b #:mask mask))

; Two overlapping layers in many colors, the upper one half transparent.
(define (paint-pattern image)
  (let* ((width (gimp-image-get-width image))
         (height (gimp-image-get-height image))
         (is-gray (= GRAY (gimp-image-get-base-type image)))
         (layer (gimp-layer-new image "pattern" width height
                                (if is-gray GRAYA-IMAGE RGBA-IMAGE) 70.0 LAYER-MODE-NORMAL))
         (colors '("#d04020" "#20a050" "#3050c0" "#e0d060" "#101418" "#f0f4f8")))
    (gimp-image-insert-layer image layer 0 0)
    (do ((i 0 (+ i 1)))
        ((= i 6))
      (gimp-image-select-rectangle image CHANNEL-OP-REPLACE (* i (/ width 6)) (* (modulo i 3) 9)
                                   (/ width 5) (/ height 2))
      (gimp-context-set-foreground (list-ref colors i))
      (gimp-drawable-edit-fill (if (< i 3) layer (background image)) FILL-FOREGROUND))
    (gimp-selection-none image)
    (gimp-image-clean-all image)))

; An ellipse, its left half in grey.  No feathering: in floating point it leaves traces all
; over the canvas.
(define (select-softly image x y width height)
  (gimp-image-select-ellipse image CHANNEL-OP-REPLACE x y width height)
  (let ((channel (gimp-selection-save image)))
    (gimp-image-select-rectangle image CHANNEL-OP-INTERSECT x y (/ width 2) height)
    (gimp-context-set-foreground "#606060")
    (gimp-drawable-edit-fill channel FILL-FOREGROUND)
    (gimp-image-select-item image CHANNEL-OP-REPLACE channel)
    (gimp-image-remove-channel image channel)))
