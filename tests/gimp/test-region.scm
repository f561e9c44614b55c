; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-region.scm - which part of the canvas tasks start from, and where their pictures go.

(define (draw task image . arguments)
  (vector-ref (car (apply task #:image image #:prompt "a red cube" #:steps 2 #:seed 7 arguments))
              0))

(define (place layer)
  (list (offset-x layer) (offset-y layer)
        (gimp-drawable-get-width layer) (gimp-drawable-get-height layer)))

(define (canvas width height)
  (let ((image (test-image width height RGB PRECISION-U8-NON-LINEAR)))
    (paint-pattern image)
    image))

(define (select image x y width height)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE x y width height)
  (gimp-image-clean-all image))

; Nothing but the selection changes, and the layer is where it should be.
(define (check-place name task image wanted . arguments)
  (let* ((before (flattened image))
         (selection (gimp-selection-save (gimp-item-get-image before)))
         (layer (apply draw task image arguments))
         (after (flattened image))
         (changes (compare before after
                           (if (gimp-selection-is-empty image) -1 selection))))
    (check (string-append name ": its place") (equal? wanted (place layer)))
    (check (string-append name ": it is on top")
           (= layer (vector-ref (gimp-image-get-layers image) 0)))
    (if (gimp-selection-is-empty image)
        (check (string-append name ": everything changes") (> (car changes) 0))
        (check (string-append name ": nothing else changes")
               (and (= 0 (car changes)) (> (cadr changes) 0))))
    (forget before)
    (forget after)
    (gimp-image-remove-layer image layer)))

(define image (canvas 400 300))
(check-place "no selection" plug-in-diffusion-img2img image '(0 0 400 300) #:width 64 #:height 64)
(check-place "no selection, inpainting" plug-in-diffusion-inpaint image '(0 0 400 300)
             #:width 64 #:height 64)
(select image 200 150 20 20)
(check-place "context around a small selection" plug-in-diffusion-inpaint image
             '(146 96 128 128))
(check-place "the same for image to image" plug-in-diffusion-img2img image '(146 96 128 128))
(select image 0 280 20 20)
(check-place "context in the corner" plug-in-diffusion-inpaint image '(0 172 128 128))
(check-place "padding that was asked for" plug-in-diffusion-inpaint image '(0 260 40 40)
             #:padding 20)
(check-place "no padding" plug-in-diffusion-inpaint image '(0 280 20 20) #:padding 0)
(select image 10 10 380 280)
(check-place "a large selection is scaled" plug-in-diffusion-inpaint image '(0 0 400 300))
(check-place "a size that was asked for" plug-in-diffusion-inpaint image '(0 0 400 300)
             #:width 64 #:height 48)

; One pixel, faintly selected.
(select image 100 100 1 1)
(define channel (gimp-selection-save image))
(gimp-context-set-foreground "#020202")
(gimp-drawable-edit-fill channel FILL-FOREGROUND)
(gimp-image-select-item image CHANNEL-OP-REPLACE channel)
(gimp-image-remove-channel image channel)
(define layer (draw plug-in-diffusion-inpaint image))
(check "a faint pixel is enough" (equal? '(37 37 128 128) (place layer)))
(gimp-image-delete image)

; What the layer mask is, and that feathering goes inwards.
(define image (canvas 128 128))
(select-softly image 30 30 60 60)
(define selection (gimp-selection-save image))
; Each result is hidden from the next.
(define (draw-hidden task image . arguments)
  (let ((layer (apply draw task image arguments)))
    (gimp-item-set-visible layer #f)
    layer))
(define layer (draw-hidden plug-in-diffusion-inpaint image))
(check "the mask is the selection"
       (= 0 (car (compare (gimp-layer-get-mask layer) selection -1))))
(check "the mask can be edited" (gimp-layer-get-edit-mask layer))
(define feathered (draw-hidden plug-in-diffusion-inpaint image #:feather 6))
(define changes (compare (gimp-layer-get-mask feathered) selection selection))
(check "feathering changes the mask inside only" (and (= 0 (car changes)) (> (cadr changes) 100)))
(check "the picture below it is the same" (> 0.01 (cadddr (compare layer feathered -1))))
(define grown (draw-hidden plug-in-diffusion-inpaint image #:grow 40))
(check "growing changes the picture" (< 0.05 (cadddr (compare layer grown -1))))
(check "growing leaves the mask alone"
       (= 0 (car (compare (gimp-layer-get-mask grown) selection -1))))
(gimp-selection-none image)
(define layer (draw plug-in-diffusion-inpaint image))
(define mask (gimp-layer-get-mask layer))
(check "without a selection it is white" (= 255 (car (pixel mask 3 3)) (car (pixel mask 99 99))))
(define layer (draw plug-in-diffusion-img2img image))
(check "image to image has none then" (= -1 (gimp-layer-get-mask layer)))
(gimp-image-delete image)

; The source: what is visible, or a layer alone.
(define image (canvas 128 128))
(define below (background image))
(define hidden (gimp-layer-new image "hidden" 128 128 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image hidden 0 2)
(gimp-context-set-foreground "#ff0000")
(gimp-drawable-fill hidden FILL-FOREGROUND)
(define top (vector-ref (gimp-image-get-layers image) 0))
(define visible (draw plug-in-diffusion-img2img image #:drawables (vector hidden) #:strength 0.5))
(check "pictures of what is visible are on top"
       (= visible (vector-ref (gimp-image-get-layers image) 0)))
(gimp-item-set-visible visible #f)
(define alone (draw plug-in-diffusion-img2img image #:drawables (vector hidden) #:strength 0.5
                    #:source "layer"))
(check "pictures of a layer are right above it"
       (= 1 (- (gimp-image-get-item-position image hidden)
               (gimp-image-get-item-position image alone))))
(check "they differ" (< 0.2 (cadddr (compare visible alone -1))))
(gimp-item-set-visible top #f)
(gimp-item-set-visible alone #f)
(gimp-item-set-visible below #f)
(define seen (draw plug-in-diffusion-img2img image #:drawables (vector top) #:strength 0.5))
(check "a layer that alone is visible gives the same" (> 0.01 (cadddr (compare seen alone -1))))
(gimp-image-delete image)

; Layers that reach beyond the canvas, and ones in groups.
(define image (canvas 128 128))
(define group (gimp-group-layer-new image "group"))
(gimp-image-insert-layer image group 0 0)
(define far (gimp-layer-new image "far" 100 60 RGBA-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image far group 0)
(gimp-layer-set-offsets far -40 90)
(gimp-drawable-fill far FILL-FOREGROUND)
(define layer (draw plug-in-diffusion-img2img image #:drawables (vector far) #:source "layer"))
(check "a layer beyond the canvas keeps its place" (equal? '(-40 90 100 60) (place layer)))
(check "in its group" (= group (gimp-item-get-parent layer)))
(define layer (draw plug-in-diffusion-img2img image #:drawables (vector group) #:source "layer"))
(check "a group is a layer, too" (equal? '(-40 90 100 60) (place layer)))
(select image 0 100 20 20)
(define layer (draw plug-in-diffusion-inpaint image #:drawables (vector far) #:source "layer"
                    #:padding 8))
(check "context stays in the layer" (equal? '(-8 92 36 36) (place layer)))
(gimp-image-delete image)

; Transparent canvas, and next to none at all.
(define image (gimp-image-new 64 64 RGB))
(define layer (gimp-layer-new image "clear" 64 64 RGBA-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image layer 0 0)
(check "transparent canvas" (equal? '(0 0 64 64) (place (draw plug-in-diffusion-img2img image))))
(gimp-image-delete image)
(define image (test-image 1 1 GRAY PRECISION-U16-LINEAR))
(check "a single pixel" (equal? '(0 0 1 1) (place (draw plug-in-diffusion-inpaint image))))
(gimp-image-delete image)
(define image (test-image 3 200 RGB PRECISION-FLOAT-LINEAR))
(check "a strip" (equal? '(0 0 3 200) (place (draw plug-in-diffusion-img2img image))))
(gimp-image-delete image)

; A canvas as large as they come costs what the selection costs.
(define image (gimp-image-new 20000 20000 RGB))
(define layer (gimp-layer-new image "large" 20000 20000 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image layer 0 0)
(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 9000 12000 80 60)
(check "a large canvas"
       (equal? '(8976 11966 128 128) (place (draw plug-in-diffusion-inpaint image))))
(gimp-image-delete image)

; Several pictures.
(define image (canvas 128 128))
(select image 40 40 30 30)
(define result (plug-in-diffusion-inpaint #:image image #:num-images 2 #:steps 2 #:seed 3))
(check "several pictures" (= 2 (vector-length (car result))))
(check "they differ" (> (car (compare (vector-ref (car result) 0) (vector-ref (car result) 1) -1))
                        100))
(check "each has its mask" (and (< 0 (gimp-layer-get-mask (vector-ref (car result) 0)))
                                (< 0 (gimp-layer-get-mask (vector-ref (car result) 1)))))
(check "the seed comes back" (= 3 (cadr result)))
(gimp-image-delete image)

; Depth: estimated, given, kept.
(define depth-model (string-append fixtures "/models/depth"))
(define (draw-depth image . arguments)
  (car (apply plug-in-diffusion-depth2img #:image image #:model depth-model #:steps 2 #:seed 7
              arguments)))
(define image (canvas 64 64))
(define below (background image))
(define layers (draw-depth image))
(check "depth to image adds a layer" (equal? '(0 0 64 64) (place (vector-ref layers 0))))
(gimp-item-set-visible (vector-ref layers 0) #f)
(define both (draw-depth image #:depth-layer #t))
(check "estimated depth comes as one more layer" (= 2 (vector-length both)))
(check "it is hidden, below the picture"
       (and (not (gimp-item-get-visible (vector-ref both 1)))
            (= 1 (- (gimp-image-get-item-position image (vector-ref both 1))
                    (gimp-image-get-item-position image (vector-ref both 0))))))
(check "the picture is the same without it"
       (> 0.01 (cadddr (compare (vector-ref layers 0) (vector-ref both 0) -1))))
(gimp-item-set-visible (vector-ref both 0) #f)
(define given (draw-depth image #:depth (vector-ref both 1) #:depth-layer #t))
(check "depth that is given is not estimated" (= 1 (vector-length given)))
(check "given the estimate, the picture is about the same"
       (> 0.1 (cadddr (compare (vector-ref layers 0) (vector-ref given 0) -1))))
(gimp-item-set-visible (vector-ref given 0) #f)
(define slope (gimp-layer-new image "slope" 64 64 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image slope 0 9)
(gimp-context-set-foreground "#ffffff")
(gimp-drawable-fill slope FILL-FOREGROUND)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 64 30)
(gimp-context-set-foreground "#000000")
(gimp-drawable-edit-fill slope FILL-FOREGROUND)
(gimp-selection-none image)
(define other (draw-depth image #:depth slope))
(check "another depth, another picture"
       (< 0.01 (cadddr (compare (vector-ref layers 0) (vector-ref other 0) -1))))
(gimp-item-set-visible (vector-ref other 0) #f)
(define far (gimp-layer-new image "far" 20 20 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
(gimp-image-insert-layer image far 0 9)
(gimp-layer-set-offsets far 300 300)
(gimp-image-clean-all image)
(define stranger (canvas 64 64))
(check "depth beside the area is refused" (fails? (draw-depth image #:depth far)))
(check "depth of another image is refused"
       (fails? (draw-depth image #:depth (background stranger))))
(check "and nothing has changed" (not (gimp-image-is-dirty image)))
(gimp-image-delete stranger)
(gimp-image-delete image)

; With nothing but defaults.
(define image (canvas 128 128))
(check "image to image by its defaults"
       (= 1 (vector-length (car (plug-in-diffusion-img2img #:image image)))))
(check "inpainting by its defaults"
       (= 1 (vector-length (car (plug-in-diffusion-inpaint #:image image)))))
(gimp-image-delete image)

; Without a prompt and without a canvas to start from.
(define image (test-image 64 64 RGB PRECISION-U8-NON-LINEAR))
(define fixture (string-append fixtures "/models/ddpm"))
(define result (plug-in-diffusion-unconditional #:image image #:model fixture #:steps 2 #:seed 3))
(check "unconditional adds a layer" (= 2 (layer-count image)))
(check "it is named by its task"
       (string=? "Unconditional" (gimp-item-get-name (vector-ref (car result) 0))))
(define again (plug-in-diffusion-unconditional #:image image #:model fixture #:steps 2 #:seed 3))
(check "the same seed draws the same"
       (= 0 (car (compare (vector-ref (car result) 0) (vector-ref (car again) 0) -1))))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
