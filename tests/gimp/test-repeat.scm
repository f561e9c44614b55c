; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-repeat.scm - the same layer again, whatever has become of the canvas.

(load (string-append fixtures "/../gimp/recipes.scm"))

; Draws, selects something else, repeats: nothing but a layer more, and that the same.
(define (check-repeats name task image . arguments)
  (let ((layer (apply draw task image arguments)))
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 5 5 9 9)
    (let* ((bounds (gimp-selection-bounds image))
           (active (gimp-image-get-selected-layers image))
           (again (repeat image layer))
           (third (repeat image again)))
      (check (string-append name ": the same layer again") (same-layer? layer again))
      (check (string-append name ": and from that one") (same-layer? layer third))
      (check (string-append name ": right above it")
             (and (= (gimp-item-get-parent layer) (gimp-item-get-parent again))
                  (= (- (position layer) 2) (position third))
                  (= (- (position layer) 1) (position again))))
      (check (string-append name ": with the same recipe") (string=? (recipe layer)
                                                                     (recipe again)))
      (check (string-append name ": selection and selected layers stay")
             (and (equal? bounds (gimp-selection-bounds image))
                  (equal? active (gimp-image-get-selected-layers image)))))
    (gimp-image-delete image)))

(define (soft-canvas type precision)
  (let ((image (canvas 128 112 type precision)))
    (select-softly image 30 30 60 50)
    image))

(check-repeats "txt2img" plug-in-diffusion-txt2img
               (canvas 96 80 RGB PRECISION-U8-NON-LINEAR) #:negative-prompt "blue")
(check-repeats "unconditional" (lambda arguments
                                 (apply plug-in-diffusion-unconditional
                                        #:image (cadr arguments)
                                        #:model (string-append fixtures "/models/ddpm")
                                        '(#:steps 2 #:seed 7)))
               (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
(check-repeats "img2img" plug-in-diffusion-img2img (soft-canvas RGB PRECISION-U8-NON-LINEAR)
               #:strength 0.6 #:padding 10)
(check-repeats "img2img without a selection" plug-in-diffusion-img2img
               (canvas 96 80 GRAY PRECISION-U16-LINEAR) #:strength 0.6)
(check-repeats "inpaint" plug-in-diffusion-inpaint (soft-canvas RGB PRECISION-U8-NON-LINEAR)
               #:feather 6 #:grow 9)
(check-repeats "inpaint in float" plug-in-diffusion-inpaint
               (soft-canvas RGB PRECISION-FLOAT-LINEAR) #:strength 0.5
               #:scheduler "EulerAncestralDiscreteScheduler"
               #:scheduler-set "timestep_spacing=trailing")
(check-repeats "inpaint with partial strength" plug-in-diffusion-inpaint
               (soft-canvas GRAY PRECISION-U16-NON-LINEAR) #:differential #t #:blur 12)
(check-repeats "depth2img" plug-in-diffusion-depth2img (canvas 64 64 RGB PRECISION-U8-NON-LINEAR))

; Feathering in floating point leaves traces all over the canvas; they come again.
(define image (canvas 128 112 RGB PRECISION-FLOAT-NON-LINEAR))
(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 40 30 50 50)
(gimp-selection-feather image 12.3)
(define layer (draw plug-in-diffusion-inpaint image))
(gimp-selection-none image)
(check "a feathered selection" (same-layer? layer (repeat image layer)))
(gimp-image-delete image)

; Feathering spares what lies over nothing; the layer itself is no ground.
(define (clear-canvas)
  (let ((image (gimp-image-new 96 80 RGB)))
    (gimp-image-insert-layer image (gimp-layer-new image "left" 48 80 RGB-IMAGE 100.0
                                                   LAYER-MODE-NORMAL) 0 0)
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 20 20 60 40)
    image))
(check-repeats "inpaint over nothing" plug-in-diffusion-inpaint (clear-canvas) #:feather 8)

; A layer as the source, elsewhere in the stack, and a layer of depth.
(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(define below (background image))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 30 30 40 40)
(define layer (draw plug-in-diffusion-inpaint image #:drawables (vector below) #:source "layer"))
(gimp-image-raise-item-to-top image layer)
(check "a layer as the source" (same-layer? layer (repeat image layer)))
(check "it goes above the layer that is repeated" (= 1 (position layer)))
(gimp-image-remove-layer image below)
(gimp-image-clean-all image)
(check "a source that is gone is an error"
       (and (fails? (repeat image layer)) (not (gimp-image-is-dirty image))))
(gimp-image-delete image)

(define image (canvas 64 64 RGB PRECISION-U8-NON-LINEAR))
(define slope (gimp-layer-new image "slope" 64 64 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image slope 0 9)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 64 30)
(gimp-drawable-edit-fill slope FILL-WHITE)
(gimp-selection-none image)
(define layer (draw plug-in-diffusion-depth2img image #:depth slope))
(check "depth from a layer" (same-layer? layer (repeat image layer)))
(gimp-drawable-edit-fill slope FILL-WHITE)
(check "which has changed" (not (same-pixels? layer (repeat image layer))))
(gimp-image-delete image)

; Several pictures: a group, and any one of them again.
(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(select-softly image 30 30 60 50)
(define layers (draw-all plug-in-diffusion-inpaint image '(#:num-images 3)))
(define group (gimp-item-get-parent (vector-ref layers 0)))
(define count (layer-count image))
(define again (repeat image (vector-ref layers 2)))
(check "the third picture again" (same-layer? (vector-ref layers 2) again))
(check "in the group of the others" (and (= group (gimp-item-get-parent again))
                                         (= count (layer-count image))))
(check "the first picture again"
       (same-layer? (vector-ref layers 0) (repeat image (vector-ref layers 0))))
(define more (repeated image (vector-ref layers 1) #:num-images 2 #:seed -1))
(check "variants join the group"
       (and (= 2 (vector-length more))
            (= group (gimp-item-get-parent (vector-ref more 0)))
            (= group (gimp-item-get-parent (vector-ref more 1)))
            (gimp-item-get-visible (vector-ref more 0))
            (not (gimp-item-get-visible (vector-ref more 1)))))
(check "they differ" (not (same-pixels? (vector-ref more 0) (vector-ref more 1))))
(gimp-image-delete image)

(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(define layer (draw plug-in-diffusion-img2img image #:strength 0.7))
(define variants (repeated image layer #:num-images 4))
(check "four variants of one picture"
       (and (= 4 (vector-length variants))
            (= -1 (gimp-item-get-parent layer))
            (= (- (position layer) 1) (position (gimp-item-get-parent (vector-ref variants 0))))))
(gimp-image-delete image)

; Moved layers, and canvases that have become larger.
(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 30 30 20 20)
(define layer (draw plug-in-diffusion-inpaint image #:padding 10))
(gimp-image-resize image 200 180 40 20)
(check "on a canvas that was resized" (same-layer? layer (repeat image layer)))
(gimp-layer-set-offsets layer 90 30)
(define moved (repeat image layer))
(check "where the layer was moved to" (and (equal? (place layer) (place moved))
                                           (not (same-pixels? layer moved))))
(gimp-layer-set-offsets layer -20 30)
(check "and beyond the canvas" (equal? (place layer) (place (repeat image layer))))
(gimp-image-delete image)

; A painted-over layer mask and a layer without one do not matter to the picture.
(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(select-softly image 30 30 60 50)
(define layer (draw plug-in-diffusion-inpaint image))
(define kept (vector-ref (gimp-image-get-layers (gimp-image-duplicate image)) 0))
(gimp-layer-remove-mask layer MASK-DISCARD)
(gimp-drawable-fill layer FILL-WHITE)
(gimp-item-set-visible layer #f)
(check "a layer that was painted over" (same-layer? kept (repeat image layer)))
(gimp-image-delete (gimp-item-get-image kept))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
