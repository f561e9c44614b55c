; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-script-fu.scm - the recipes in examples/script-fu, as they are.

(load (string-append examples "/script-fu/batch-inpaint.scm"))
(load (string-append examples "/script-fu/tile-texture.scm"))
(load (string-append examples "/script-fu/restyle-layers.scm"))

(define small (string-append fixtures "/models/sd15"))

(define (canvas width height)
  (let ((image (test-image width height RGB PRECISION-U8-NON-LINEAR)))
    (paint-pattern image)
    image))

; ---- batch-inpaint ----

(define (in name) (string-append folder "/" name))
(for-each dir-make (map in '("pictures" "masks" "results" "more-results")))

; White where x and y are beyond 32.
(define (mask-image width height)
  (let ((image (test-image width height GRAY PRECISION-U8-NON-LINEAR)))
    (gimp-context-set-foreground "#000000")
    (gimp-drawable-fill (background image) FILL-FOREGROUND)
    (gimp-context-set-foreground "#ffffff")
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 32 32 (- width 32) (- height 32))
    (gimp-drawable-edit-fill (background image) FILL-FOREGROUND)
    (gimp-selection-none image)
    image))

(define (save image name)
  (gimp-file-save RUN-NONINTERACTIVE image (in name) -1)
  (gimp-image-delete image))

(save (canvas 64 64) "pictures/one.xcf")
(save (canvas 80 64) "pictures/two.png")
(save (canvas 64 64) "pictures/three.xcf")
(save (mask-image 64 64) "masks/one.xcf")
(save (mask-image 80 64) "masks/two.png")
(save (mask-image 40 40) "masks/three.xcf")
(define broken (open-output-file (in "pictures/broken.png")))
(display "no picture" broken)
(close-output-port broken)
(define hidden (open-output-file (in "pictures/.hidden")))
(display "no picture" hidden)
(close-output-port hidden)

(define (member? name names)
  (and (pair? names)
       (or (string=? name (car names)) (member? name (cdr names)))))

(define (flat-pixels file)
  (let* ((image (gimp-file-load RUN-NONINTERACTIVE (in file)))
         (layer (flattened image)))
    (gimp-image-delete image)
    layer))

; Draws a folder and looks at one result: the same outside (32, 32), another inside.
(define (check-result name file result)
  (let* ((before (flat-pixels file))
         (after (flat-pixels result))
         (masks (mask-image (gimp-drawable-get-width before) (gimp-drawable-get-height before)))
         (changes (compare before after (background masks))))
    (check (string-append name ": nothing else changes") (= 0 (car changes)))
    (check (string-append name ": what is masked changes") (> (cadr changes) 100))
    (gimp-image-delete masks)
    (forget before)
    (forget after)))

(define failed (diffusion-batch-inpaint (in "pictures") (in "masks") (in "results") "a red cube"
                                        #:model small #:steps 2 #:width 64 #:height 64))
(check "broken files and wrong masks are named, others are drawn"
       (and (= 2 (length failed)) (member? "broken.png" failed) (member? "three.xcf" failed)))
(check "results have the names of the pictures"
       (and (file-exists? (in "results/one.xcf")) (file-exists? (in "results/two.png"))
            (not (file-exists? (in "results/three.xcf")))
            (not (file-exists? (in "results/broken.png")))))
(check-result "an XCF" "pictures/one.xcf" "results/one.xcf")
(check-result "a PNG" "pictures/two.png" "results/two.png")
(define failed (diffusion-batch-inpaint (in "pictures") '(32 32 32 32) (in "more-results")
                                        "a red cube" #:model small #:steps 2 #:width 64
                                        #:height 64))
(check "one rectangle for all" (and (= 1 (length failed)) (member? "broken.png" failed)))
(check-result "the rectangle" "pictures/three.xcf" "more-results/three.xcf")
(define failed (diffusion-batch-inpaint (in "pictures") '(32 32 32 32) (in "no-folder") "x"
                                        #:model small #:steps 1 #:width 64 #:height 64))
(check "a folder that is not there fails for all" (= 4 (length failed)))

; ---- tile-texture ----

(define image (test-image 128 112 RGB PRECISION-U8-NON-LINEAR))
; Left and upper quarter dark, so that both seams are hard.
(gimp-context-set-foreground "#101010")
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 0 0 64 112)
(gimp-drawable-edit-fill (background image) FILL-FOREGROUND)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 64 0 64 56)
(gimp-context-set-foreground "#d0d0d0")
(gimp-drawable-edit-fill (background image) FILL-FOREGROUND)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 3 3 9 9)
(define bounds (gimp-selection-bounds image))
(define channels (vector-length (gimp-image-get-channels image)))
(define before (flattened image))
(define layer (diffusion-tile-texture image 20 "grey stones" #:seed 3 #:steps 4))
(check "one layer comes, on top" (and (= 2 (layer-count image))
                                      (= layer (vector-ref (gimp-image-get-layers image) 0))))
(check "as large as the image" (and (= 128 (gimp-drawable-get-width layer))
                                    (= 112 (gimp-drawable-get-height layer))
                                    (= 0 (offset-x layer)) (= 0 (offset-y layer))))
(check "selection and channels stay"
       (and (equal? bounds (gimp-selection-bounds image))
            (= channels (vector-length (gimp-image-get-channels image)))))

; The mask of what may change: a frame of half a band, and the ends of the cross.
(define frame (test-image 128 112 GRAY PRECISION-U8-NON-LINEAR))
(gimp-context-set-foreground "#000000")
(gimp-image-select-rectangle frame CHANNEL-OP-REPLACE 10 10 108 92)
(for-each (lambda (place) (apply gimp-image-select-rectangle frame CHANNEL-OP-SUBTRACT place))
          '((44 -20 40 40) (44 92 40 40) (-20 36 40 40) (108 36 40 40)))
(gimp-drawable-edit-fill (background frame) FILL-FOREGROUND)
(define after (flattened image))
(define changes (compare before after (background frame)))
(check "all but the seam stays" (= 0 (car changes)))
(check "the seam changes" (> (cadr changes) 2000))

; How much neighbours across the edges differ, on the average.
(define (difference a b)
  (abs (- (car a) (car b))))
(define (seam layer)
  (let loop ((i 0) (sum 0))
    (if (= i 112)
        (/ sum 224)
        (loop (+ i 1)
              (+ sum
                 (difference (pixel layer 0 i) (pixel layer 127 i))
                 (difference (pixel layer i 0) (pixel layer i 111)))))))
(display "# seam: ") (display (seam before)) (display " -> ") (display (seam after)) (newline)
(check "the seam is gone" (< (seam after) (/ (seam before) 4)))
(forget before)
(forget after)
(gimp-image-delete frame)
(gimp-image-clean-all image)
(check "too wide a band is refused"
       (and (fails? (diffusion-tile-texture image 28 "stones"))
            (not (gimp-image-is-dirty image))))
(gimp-image-delete image)

; ---- restyle-layers ----

(define depth-model (string-append fixtures "/models/depth"))
(define image (canvas 64 64))
(define (add-layer name parent x y width height)
  (let ((layer (gimp-layer-new image name width height RGBA-IMAGE 100.0 LAYER-MODE-NORMAL)))
    (gimp-image-insert-layer image layer parent 0)
    (gimp-layer-set-offsets layer x y)
    layer))
(define empty (add-layer "empty" 0 0 0 64 64))
(define group (gimp-group-layer-new image "group"))
(gimp-image-insert-layer image group 0 0)
(define figure (add-layer "figure" group 8 8 48 40))
(gimp-image-select-ellipse image CHANNEL-OP-REPLACE 12 12 30 30)
(gimp-context-set-foreground "#c02020")
(gimp-drawable-edit-fill figure FILL-FOREGROUND)
(gimp-selection-none image)
(define unseen (add-layer "unseen" 0 0 0 64 64))
(gimp-drawable-fill unseen FILL-WHITE)
(gimp-item-set-visible unseen #f)
(gimp-image-set-selected-layers image (vector figure))
(define below (background image))
(define drawn (diffusion-restyle-layers image "a paper model" #:model depth-model #:steps 2
                                        #:seed 5))
(check "a picture for every layer that shows something" (= 3 (length drawn)))
(check "each right above its layer, in its group"
       (and (= group (gimp-item-get-parent (car drawn)))
            (= 1 (- (gimp-image-get-item-position image figure)
                    (gimp-image-get-item-position image (car drawn))))
            (= 1 (- (gimp-image-get-item-position image below)
                    (gimp-image-get-item-position image (list-ref drawn 2))))))
(check "the layers themselves are hidden"
       (and (not (gimp-item-get-visible figure)) (not (gimp-item-get-visible below))
            (gimp-item-get-visible (car drawn))))
(check "the figure keeps its shape"
       (let ((mask (gimp-layer-get-mask (car drawn))))
         (and (= 255 (car (pixel mask (- 27 (offset-x (car drawn))) (- 27 (offset-y (car drawn))))))
              (= 0 (car (pixel mask 0 0))))))
(check "nothing is selected as before" (gimp-selection-is-empty image))
(check "the selected layer stays"
       (equal? (vector figure) (gimp-image-get-selected-layers image)))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
