; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-reports.scm - what users of other programs of this kind have reported, tried on this one.
; Each line names the kind of fault.

(load (string-append fixtures "/../gimp/recipes.scm"))

(define (draw-here task image . arguments)
  (apply draw task image #:dtype "f32" #:device "cpu" arguments))

(define (select image x y width height)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE x y width height))

; Nothing but the selection changes, not by a bit.
(define (check-kept name image task . arguments)
  (let* ((before (flattened image))
         (selection (gimp-selection-save (gimp-item-get-image before)))
         (layer (apply draw-here task image arguments))
         (after (flattened image))
         (changes (compare before after selection)))
    (check name (and (= 0 (car changes)) (< 0 (cadr changes))))
    (forget before)
    (forget after)
    layer))

; Selections at every edge and beyond, where crops went negative or came out empty.
(define image (canvas 120 90 RGB PRECISION-U8-NON-LINEAR))
(for-each (lambda (where)
            (apply select image (cdr where))
            (let ((layer (check-kept (string-append "a selection " (car where)) image
                                     plug-in-diffusion-inpaint #:padding 10)))
              (check (string-append (car where) ": its layer lies on the canvas")
                     (and (>= (offset-x layer) 0) (>= (offset-y layer) 0)
                          (<= (+ (offset-x layer) (gimp-drawable-get-width layer)) 120)
                          (<= (+ (offset-y layer) (gimp-drawable-get-height layer)) 90)))
              (gimp-image-remove-layer image layer)))
          '(("at the right edge" 110 20 40 20) ("beyond two edges" -20 -20 30 30)
            ("of a long line" 0 40 120 1)))
(gimp-image-delete image)

; A part that was erased lies below the selection: the mask holds all the same.
(define image (gimp-image-new 96 80 RGB))
(define layer (gimp-layer-new image "erased" 96 80 RGBA-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image layer 0 0)
(gimp-drawable-fill layer FILL-WHITE)
(select image 30 20 30 30)
(gimp-drawable-edit-clear layer)
(select image 20 20 30 30)
(check-kept "an erased part below the selection" image plug-in-diffusion-inpaint)
(gimp-image-delete image)

; Layers that are locked, in a locked group: the picture is a layer of its own.
(define image (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
(define group (gimp-group-layer-new image "locked"))
(gimp-image-insert-layer image group 0 0)
(define inner (gimp-layer-new image "inner" 60 60 RGBA-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image inner group 0)
(gimp-drawable-fill inner FILL-WHITE)
(for-each (lambda (item)
            (gimp-item-set-lock-content item #t)
            (gimp-item-set-lock-position item #t))
          (list inner group))
(define layer (draw-here plug-in-diffusion-txt2img image #:drawables (vector inner)))
(check "a layer in a locked group" (and (gimp-item-id-is-valid layer)
                                        (gimp-item-get-visible layer)))
(define layer (draw-here plug-in-diffusion-img2img image #:drawables (vector inner)
                         #:source "layer" #:strength 0.6))
(check "a locked layer as the source" (equal? '(0 0 60 60) (place layer)))
(gimp-image-delete image)

; No layer at all, and no layer but a channel in hand.
(define image (gimp-image-new 64 64 RGB))
(draw-here plug-in-diffusion-txt2img image)
(check "an empty image gets its first layer" (= 1 (layer-count image)))
(gimp-image-delete image)
(define image (gimp-image-new 64 64 RGB))
(draw-here plug-in-diffusion-img2img image #:strength 0.6)
(check "also from what is visible" (= 1 (layer-count image)))
(gimp-image-delete image)
(define image (canvas 64 64 RGB PRECISION-U8-NON-LINEAR))
(select image 10 10 20 20)
(define channel (gimp-selection-save image))
(gimp-image-set-selected-channels image (vector channel))
(draw-here plug-in-diffusion-txt2img image)
(check "a channel in hand stays in hand"
       (equal? (vector channel) (gimp-image-get-selected-channels image)))
(check "and the picture is on top" (= 3 (layer-count image)))
(gimp-image-delete image)

; After cropping, a layer may be larger than the canvas, or not cover it.
(define image (canvas 120 90 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-resize image 60 60 -40 -20)
(select image 20 20 20 20)
(check-kept "a canvas smaller than its layers" image plug-in-diffusion-inpaint #:padding 40)
(gimp-image-delete image)

; Prompts that are no names: lines, markup, no letters at all, very long ones.
(define image (canvas 64 64 RGB PRECISION-U8-NON-LINEAR))
(for-each (lambda (prompt)
            (let ((layer (vector-ref (car (plug-in-diffusion-txt2img
                                           #:image image #:model (model-of #f) #:steps 1 #:seed 1
                                           #:width 64 #:height 64 #:dtype "f32" #:device "cpu"
                                           #:prompt prompt)) 0)))
              (check (string-append "a name of a prompt of " (number->string
                                                              (string-length prompt)))
                     (< 0 (string-length (gimp-item-get-name layer)) 80))))
          (list "one\ntwo\n\nthree" "<b>bold</b> & _under_" "   "
                (make-string 3000 #\a)))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
