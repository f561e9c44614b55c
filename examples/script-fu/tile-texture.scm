; SPDX-License-Identifier: LGPL-3.0-or-later
;
; tile-texture.scm - makes a picture that repeats without a seam.
;
;   gimp-console-3.0 -i --batch-interpreter=plug-in-script-fu-eval --quit -b '(begin
;     (load "tile-texture.scm")
;     (let ((image (gimp-file-load RUN-NONINTERACTIVE "bricks.png")))
;       (diffusion-tile-texture image 48 "a wall of old bricks")
;       (gimp-file-save RUN-NONINTERACTIVE image "tile.png")))'
;
; (diffusion-tile-texture IMAGE BAND PROMPT ARGUMENTS...)
;
;   IMAGE      what is visible in it becomes the tile, a new layer on top
;   BAND       how wide the seam is that is repainted, in pixels; less than a quarter of the
;              image's shorter side
;   PROMPT     what the texture is of
;   ARGUMENTS  any of plug-in-diffusion-inpaint's, such as #:seed 5 #:steps 20
;
; The picture is moved by half its size, round its edges, so that these become a cross in the
; middle, and the cross is repainted.  Its four ends lie on the edges then, two and two on one
; place of the tile; moved by a quarter more they are inside, and are repainted, too.
; Everything else stays as it is.  Returns the layer.  One undo step.

(script-fu-use-v3)

(define (diffusion-tile-move layer x y)
  (gimp-drawable-offset layer #t OFFSET-WRAP-AROUND "black" x y))

; Draws what is selected anew, in the layer itself.
(define (diffusion-tile-draw image layer prompt arguments)
  (let* ((result (apply plug-in-diffusion-inpaint #:image image #:drawables (vector layer)
                        #:source "layer" #:prompt prompt arguments))
         (drawn (vector-ref (car result) 0)))
    (gimp-selection-none image)
    (gimp-image-merge-down image drawn EXPAND-AS-NECESSARY)))

(define (diffusion-tile-select-square image x y band)
  (gimp-image-select-rectangle image CHANNEL-OP-ADD (- x band) (- y band) (* 2 band) (* 2 band)))

(define (diffusion-tile-texture image band prompt . arguments)
  (let* ((width (gimp-image-get-width image))
         (height (gimp-image-get-height image))
         (half-x (quotient width 2))
         (half-y (quotient height 2))
         (quarter-x (quotient width 4))
         (quarter-y (quotient height 4))
         (start-x (- half-x (quotient band 2)))
         (start-y (- half-y (quotient band 2)))
         (selection #f)
         (layer #f))
    (if (not (< 0 (* 4 band) (min width height)))
        (throw "expected a band of less than a quarter of the image's shorter side"))
    (gimp-image-undo-group-start image)
    (set! selection (gimp-selection-save image))
    (gimp-selection-none image)
    (set! layer (gimp-layer-new-from-visible image image "Tile"))
    (gimp-image-insert-layer image layer 0 0)

    (diffusion-tile-move layer half-x half-y)
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE start-x 0 band height)
    (gimp-image-select-rectangle image CHANNEL-OP-ADD 0 start-y width band)
    (set! layer (diffusion-tile-draw image layer prompt arguments))

    (diffusion-tile-move layer quarter-x quarter-y)
    (diffusion-tile-select-square image (+ half-x quarter-x) quarter-y band)
    (diffusion-tile-select-square image quarter-x (+ half-y quarter-y) band)
    (set! layer (diffusion-tile-draw image layer prompt arguments))

    (diffusion-tile-move layer (- (+ half-x quarter-x)) (- (+ half-y quarter-y)))
    (gimp-image-select-item image CHANNEL-OP-REPLACE selection)
    (gimp-image-remove-channel image selection)
    (gimp-image-undo-group-end image)
    layer))
