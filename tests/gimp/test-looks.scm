; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-looks.scm - the model sees what flattening sees, a layer that is named is taken as it
; looks by itself, and what is drawn is seen.

(load (string-append fixtures "/../gimp/recipes.scm"))

(define (draw-here task image . arguments)
  (apply draw task image #:dtype "f32" #:device "cpu" arguments))

(define (paint drawable color)
  (gimp-context-set-foreground color)
  (gimp-drawable-edit-fill drawable FILL-FOREGROUND))

(define (top image) (vector-ref (gimp-image-get-layers image) 0))

(define (add-layer image parent color x y width height)
  (let ((layer (gimp-layer-new image "layer" width height
                               (if (= GRAY (gimp-image-get-base-type image)) GRAYA-IMAGE RGBA-IMAGE)
                               100.0 LAYER-MODE-NORMAL)))
    (gimp-image-insert-layer image layer parent 0)
    (gimp-layer-set-offsets layer x y)
    (gimp-context-set-foreground color)
    (gimp-drawable-fill layer FILL-FOREGROUND)
    layer))

(define (add-channel image name)
  (let ((channel (gimp-channel-new image name (gimp-image-get-width image)
                                   (gimp-image-get-height image) 60.0 "#000000")))
    (gimp-image-insert-channel image channel 0 0)
    (paint channel "#000000")
    (gimp-item-set-visible channel #t)
    channel))

(define (add-group image)
  (let ((group (gimp-group-layer-new image "group")))
    (gimp-image-insert-layer image group 0 0)
    group))

; A mask that hides the left part.
(define (add-mask layer width)
  (let ((mask (gimp-layer-create-mask layer ADD-MASK-WHITE))
        (image (gimp-item-get-image layer)))
    (gimp-layer-add-mask layer mask)
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE (offset-x layer) -500 width 1000)
    (paint mask "#000000")
    (gimp-selection-none image)
    mask))

(define (invert layer)
  (gimp-drawable-append-new-filter layer "gegl:invert-gamma" "invert" LAYER-MODE-REPLACE 1.0))

(define (whole image)
  (let ((layer (draw-here plug-in-diffusion-img2img image #:strength 0.6)))
    (gimp-item-set-visible layer #f)
    (list layer)))

; The picture of the whole canvas and that of a selection.
(define (whole-and-part image)
  (let ((layers (whole image)))
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 20 30 40 40)
    (cons (draw-here plug-in-diffusion-inpaint image #:padding 10) layers)))

; To one step of 8 bits: on a busy machine rounding may fall to either side.
(define (nearly-same? a b)
  (> 0.005 (cadddr (compare a b -1))))

(define (all? same? a b)
  (or (null? a) (and (same? (car a) (car b)) (all? same? (cdr a) (cdr b)))))

(define (check-flat name type precision change pictures)
  (let* ((image (canvas 96 80 type precision)))
    (change image)
    (let* ((flat (gimp-item-get-image (flattened image)))
           (drawn (pictures image))
           (wanted (pictures flat)))
      (check (string-append name ": the model sees what flattening sees")
             (all? nearly-same? drawn wanted))
      (gimp-image-delete flat))
    (gimp-image-delete image)))

(define (check-rgb name change)
  (check-flat name RGB PRECISION-U8-NON-LINEAR change whole))

(check-flat "a channel with its eye on" RGB PRECISION-U8-NON-LINEAR
            (lambda (image) (add-channel image "saved")) whole-and-part)
(check-flat "one whose eye is locked, gray float" GRAY PRECISION-FLOAT-LINEAR
            (lambda (image) (gimp-item-set-lock-visibility (add-channel image "saved") #t)) whole)
(check-rgb "the quick mask"
           (lambda (image) (add-channel image "Qmask")))
(check-rgb "a component without its eye"
           (lambda (image) (gimp-image-set-component-visible image CHANNEL-RED #f)))
(check-rgb "effects, a mask and a group that passes through"
           (lambda (image)
             (let* ((group (add-group image))
                    (layer (add-layer image group "#c04020" 10 -20 50 70)))
               (gimp-layer-set-mode group LAYER-MODE-PASS-THROUGH)
               (gimp-layer-set-mode layer LAYER-MODE-MULTIPLY)
               (gimp-layer-set-opacity layer 80)
               (add-mask layer 20)
               (invert layer)
               (invert (background image)))))
(check-rgb "masks that are shown or switched off"
           (lambda (image)
              (let ((shown (add-layer image 0 "#c04020" 0 0 40 40))
                    (off (add-layer image 0 "#20c040" 40 40 56 40)))
                (add-mask shown 20)
                (gimp-layer-set-show-mask shown #t)
                (add-mask off 20)
                (gimp-layer-set-apply-mask off #f))))

; The reported case, with the bundled model.
(define (blue-picture change)
  (let ((image (test-image 128 128 RGB PRECISION-U8-NON-LINEAR)))
    (change image)
    (let* ((layers (plug-in-diffusion-img2img #:image image #:strength 0.1 #:seed 1
                                              #:dtype "f32" #:device "cpu"))
           (color (pixel (vector-ref (car layers) 0) 64 64)))
      (gimp-image-delete image)
      color)))
(define seen (blue-picture (lambda (image) (add-channel image "saved"))))
(check "a black channel with its eye on leaves blue blue"
       (and (all-near? seen (blue-picture (lambda (image) 0)) 1)
            (> (caddr seen) (+ 60 (car seen)))))

; ---- a layer by itself ----

; The picture that a layer gives: as the source, as depth, and what it marks.
(define (looks layer)
  (let* ((image (gimp-item-get-image layer))
         (source (draw-here plug-in-diffusion-img2img image #:drawables (vector layer)
                            #:source "layer" #:strength 0.6))
         (depth (draw-here plug-in-diffusion-depth2img image #:depth layer)))
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 40 40 4 4)
    (let ((marked (draw-here plug-in-diffusion-inpaint image #:context-area layer)))
      (gimp-selection-none image)
      (list source depth (place marked)))))

(define (same-looks? a b)
  (and (nearly-same? (car a) (car b)) (nearly-same? (cadr a) (cadr b))
       (equal? (caddr a) (caddr b))))

; Two images alike but for one layer: what a change of it looks like, and that made of pixels.
(define (check-alike name is-same type precision make change settle)
  (let* ((one (canvas 96 80 type precision))
         (two (canvas 96 80 type precision))
         (changed (make one))
         (settled (make two)))
    (change changed)
    (settle settled)
    ; Both are looked at over the same canvas.
    (for-each (lambda (layer) (gimp-item-set-visible layer #f)) (list changed settled))
    (check name (eq? is-same (same-looks? (looks changed) (looks settled))))
    (gimp-image-delete one)
    (gimp-image-delete two)))

(define (check-looks name make change settle)
  (check-alike name #t RGB PRECISION-U8-NON-LINEAR make change settle))

(define (plain image)
  (let ((layer (add-layer image 0 "#c04020" -10 20 90 70)))
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 20 30 30 20)
    (paint layer "#e0e020")
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 60 60 50 50)
    (gimp-drawable-edit-clear layer)
    (gimp-selection-none image)
    layer))

(define (apply-effects layer) (invert layer) (gimp-drawable-merge-filters layer))
(define (apply-mask layer) (add-mask layer 20) (gimp-layer-remove-mask layer MASK-APPLY))
(define (as-it-is layer) 0)

(check-looks "effects belong to a layer" plain invert apply-effects)
(check-looks "so does its mask, shown or not" plain
             (lambda (layer) (add-mask layer 20) (gimp-layer-set-show-mask layer #t)) apply-mask)
(check-looks "but not if it is switched off" plain
             (lambda (layer) (add-mask layer 20) (gimp-layer-set-apply-mask layer #f)) as-it-is)
(check-looks "opacity, mode and eye do not" plain
             (lambda (layer)
               (gimp-layer-set-opacity layer 30)
               (gimp-layer-set-mode layer LAYER-MODE-MULTIPLY)
               (gimp-item-set-visible layer #f)
               (gimp-item-set-lock-visibility layer #t))
             as-it-is)
(define (everything layer)
  (invert layer)
  (add-mask layer 20)
  (gimp-layer-set-opacity layer 30)
  (gimp-layer-set-mode layer LAYER-MODE-MULTIPLY)
  (gimp-item-set-lock-position layer #t)
  (gimp-item-set-visible layer #f)
  (gimp-item-set-lock-visibility layer #t))
(define (effects-and-mask layer) (apply-effects layer) (apply-mask layer))
(check-looks "not beside effects and a mask either" plain everything effects-and-mask)
(check-alike "all that in gray float" #t GRAY PRECISION-FLOAT-LINEAR plain everything
             effects-and-mask)
(check-alike "what effects change is seen" #f RGB PRECISION-U8-NON-LINEAR plain invert as-it-is)

; Groups: what their layers make of each other, with the group's own effects and mask.
(define (group-of-two image)
  (let* ((group (add-group image))
         (below (add-layer image group "#c04020" 0 10 60 60))
         (above (add-layer image group "#20a0e0" 30 30 60 40)))
    (gimp-layer-set-opacity above 50)
    (invert below)
    (add-mask above 10)
    group))
(define (merged layer)
  (gimp-group-layer-merge layer))
(define (check-group name change settle)
  (let* ((one (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
         (two (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
         (group (group-of-two one))
         (layer (merged (group-of-two two))))
    (change group)
    (settle layer)
    (gimp-item-set-visible group #f)
    (gimp-item-set-visible layer #f)
    (check name (same-looks? (looks group) (looks layer)))
    (gimp-image-delete one)
    (gimp-image-delete two)))
(check-group "a group is what its layers make, also one that passes through"
             (lambda (group)
               (gimp-layer-set-mode group LAYER-MODE-PASS-THROUGH)
               (gimp-layer-set-opacity group 20))
             as-it-is)
(check-group "its effects and its mask do"
             (lambda (group) (invert group) (add-mask group 20))
             (lambda (layer) (apply-effects layer) (apply-mask layer)))

; An effect that reaches beyond its layer marks what it covers.
(define image (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
(define small (add-layer image 0 "#ffffff" 60 50 10 10))
(gimp-drawable-append-new-filter small "gegl:dropshadow" "shadow" LAYER-MODE-REPLACE 1.0
                                 "x" -40.0 "y" -30.0 "radius" 0.0 "opacity" 1.0)
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 60 50 4 4)
(define layer (draw-here plug-in-diffusion-inpaint image #:context-area small))
(check "a shadow is part of what a layer covers"
       (and (<= (offset-x layer) 20) (<= (offset-y layer) 20)))
(gimp-image-delete image)

; Text.
(define image (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
(define text (catch -1 (gimp-text-layer-new image "W" (gimp-context-get-font) 40 UNIT-PIXEL)))
(if (> text 0)
    (begin
     (gimp-image-insert-layer image text 0 0)
     (gimp-layer-set-offsets text 5 -3)
     (invert text)
     (let* ((copy (gimp-image-duplicate image))
            (pixels (top copy)))
       (gimp-drawable-merge-filters pixels)
       (gimp-item-set-visible text #f)
       (gimp-item-set-visible pixels #f)
       (check "text is a layer, too" (same-looks? (looks text) (looks pixels)))
       (gimp-image-delete copy)))
    (check "text is a layer, too # SKIP no fonts" #t))
(gimp-image-delete image)

; ---- where pictures are seen ----

(define (check-seen name change)
  (let* ((image (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
         (outer (add-group image))
         (inner (gimp-group-layer-new image "inner")))
    (gimp-image-insert-layer image inner outer 0)
    (let ((below (add-layer image inner "#808080" 0 0 96 80)))
      (change outer inner below)
      (gimp-image-clean-all image)
      (let* ((before (flattened image))
             (layer (draw-here plug-in-diffusion-txt2img image #:drawables (vector below)))
             (after (flattened image))
             (again (draw-here plug-in-diffusion-img2img image #:drawables (vector below)
                               #:source "layer")))
        (check (string-append name ": a new picture is seen")
               (< 1000 (car (compare before after -1))))
        (gimp-item-set-visible layer #f)
        (check (string-append name ": above the group") (= -1 (gimp-item-get-parent layer)))
        (check (string-append name ": a layer's picture, too") (= -1 (gimp-item-get-parent again)))
        (forget before)
        (forget after)))
    (gimp-image-delete image)))
(check-seen "into a hidden group" (lambda (outer inner layer) (gimp-item-set-visible outer #f)))
(check-seen "into a transparent group" (lambda (outer inner layer)
                                         (gimp-layer-set-opacity outer 0)))
(check-seen "into a group that is masked out"
            (lambda (outer inner layer) (add-mask outer 100)))
(define image (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
(define group (add-group image))
(define below (add-layer image group "#808080" 0 0 96 80))
(gimp-layer-set-opacity group 50)
(gimp-item-set-visible below #f)
(define layer (draw-here plug-in-diffusion-txt2img image #:drawables (vector below)))
(check "a group that shows something takes it" (= group (gimp-item-get-parent layer)))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
