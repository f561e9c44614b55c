; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-fate.scm - repeating a layer after the canvas was changed as a whole: the new layer lies
; exactly on the old one, or there is none.

(load (string-append fixtures "/../gimp/recipes.scm"))

; A start of the plug-in takes a second: an image is drawn once, and its copies are changed.
(define (copy image)
  (let ((other (gimp-image-duplicate image)))
    (gimp-image-clean-all other)
    (list other (vector-ref (gimp-image-get-layers other) 0))))

; An inpainted layer left of the middle, whose selection is alike on no two sides.
(define (new-drawn . arguments)
  (let ((image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR)))
    (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 24 24 20 20)
    (gimp-image-select-rectangle image CHANNEL-OP-ADD 24 44 44 8)
    (let ((layer (apply draw plug-in-diffusion-inpaint image #:padding 8 arguments)))
      (gimp-selection-none image)
      image)))

(define hard (new-drawn))
(define soft (new-drawn #:feather 6))
(define (drawn) (copy hard))

; Whether a layer mask marks the same part of the canvas as another.
(define (same-mask? a b)
  (= 0 (car (compare (gimp-layer-get-mask a) (gimp-layer-get-mask b) -1))))

; A copy of an image, changed, and its layer repeated; with MORE? the new one once more, which the
; first change of every kind is enough for.  Where the recipe's size is of no use any more it is
; the model's own, 512, unless one is given: that takes as long as all the others together.
(define (check-follows-in from name change more? . size)
  (let* ((both (copy from))
         (image (car both))
         (layer (cadr both)))
    (change image layer)
    (let ((again (apply repeat image layer size)))
      (check (string-append name ": on the layer") (equal? (place layer) (place again)))
      (check (string-append name ": with its mask") (same-mask? layer again))
      (if more?
          (check (string-append name ": and once more")
                 (let ((third (apply repeat image again size)))
                   (and (equal? (place layer) (place third)) (same-mask? layer third))))))
    (gimp-image-delete image)))

(define (check-follows name change)
  (check-follows-in hard name change #f #:width 64 #:height 64))

(define (check-follows-twice name change)
  (check-follows-in hard name change #t #:width 64 #:height 64))

(check-follows-twice "scaled" (lambda (image layer) (gimp-image-scale image 200 175)))
(check-follows "scaled down" (lambda (image layer) (gimp-image-scale image 96 84)))
(check-follows "scaled to other proportions"
               (lambda (image layer) (gimp-image-scale image 200 112)))
(check-follows "cropped beside it" (lambda (image layer) (gimp-image-crop image 100 100 8 6)))
(check-follows-twice "cropped through it"
                     (lambda (image layer) (gimp-image-crop image 90 80 38 32)))
(check-follows-in hard "flipped"
                  (lambda (image layer) (gimp-image-flip image ORIENTATION-HORIZONTAL)) #t)
(check-follows "flipped upside down"
               (lambda (image layer) (gimp-image-flip image ORIENTATION-VERTICAL)))
(check-follows-twice "turned by 90"
                     (lambda (image layer) (gimp-image-rotate image ROTATE-DEGREES90)))
(check-follows "turned by 180" (lambda (image layer) (gimp-image-rotate image ROTATE-DEGREES180)))
(check-follows "turned by 270" (lambda (image layer) (gimp-image-rotate image ROTATE-DEGREES270)))
(check-follows "resized" (lambda (image layer) (gimp-image-resize image 180 150 30 20)))
(check-follows-twice "resized through it"
                     (lambda (image layer) (gimp-image-resize image 80 80 -40 -36)))
(check-follows "a layer cut to the canvas"
               (lambda (image layer)
                 (gimp-image-resize image 80 80 -40 -36)
                 (gimp-layer-resize-to-image-size layer)))
(check-follows "a layer scaled by itself"
               (lambda (image layer) (gimp-layer-scale layer 90 50 #t)))
(check-follows-in soft "a soft edge, flipped"
                  (lambda (image layer) (gimp-image-flip image ORIENTATION-HORIZONTAL)) #f
                  #:width 64 #:height 64)
(gimp-image-delete soft)

; An image that was scaled: the same picture, as far as its surroundings are the same.
(define both (drawn))
(define image (car both))
(define layer (cadr both))
(gimp-image-scale image 256 224)
(define again (repeat image layer))
(check "scaled: the same size for the model" (and (holds? again "\"width\": 64")
                                                  (holds? again "\"height\": 64")))
(gimp-image-delete image)

; Where nothing can be known, nothing is drawn.
(define (check-refused name image layer)
  (gimp-image-clean-all image)
  (let ((count (layer-count image)))
    (check name (and (fails? (repeat image layer)) (= count (layer-count image))
                     (not (gimp-image-is-dirty image)))))
  (gimp-image-delete image))

(define both (drawn))
(gimp-image-scale (car both) 256 224)
(gimp-layer-remove-mask (cadr both) MASK-DISCARD)
(check-refused "scaled, and its mask is gone" (car both) (cadr both))
(define both (drawn))
(gimp-image-crop (car both) 90 80 38 32)
(gimp-layer-remove-mask (cadr both) MASK-APPLY)
(check-refused "cropped, and its mask is applied" (car both) (cadr both))
(define both (drawn))
(gimp-image-resize (car both) 30 30 -90 -80)
(check-refused "off the canvas" (car both) (cadr both))
(define both (drawn))
(gimp-layer-set-offsets (cadr both) 500 500)
(check-refused "moved off the canvas" (car both) (cadr both))

; From nothing: scaled with its image, drawn again and scaled; cut, drawn again whole.
(gimp-image-delete hard)
(define from-nothing (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(draw plug-in-diffusion-txt2img from-nothing)
(define (plain) (copy from-nothing))
(define both (plain))
(define image (car both))
(gimp-image-scale image 256 224)
(define again (repeat image (cadr both)))
(check "text to image, scaled" (equal? (place (cadr both)) (place again)))
(check "and once more" (equal? (place again) (place (repeat image again))))
(gimp-image-delete image)
(define both (plain))
(define image (car both))
(gimp-image-crop image 40 112 64 0)
(define again (repeat image (cadr both)))
(check "text to image, cropped through it"
       (equal? (list 64 64) (cddr (place again))))
(gimp-image-delete image)
(define both (plain))
(gimp-image-resize (car both) 30 30 -100 -90)
(check-refused "text to image, off the canvas" (car both) (cadr both))
(gimp-image-delete from-nothing)

; All that is visible, without a selection: there is no mask to follow.
(define image (canvas 96 80 RGB PRECISION-U8-NON-LINEAR))
(define layer (draw plug-in-diffusion-img2img image #:strength 0.6))
(gimp-image-flip image ORIENTATION-HORIZONTAL)
(check "image to image, flipped" (equal? (place layer) (place (repeat image layer))))
(gimp-image-crop image 50 40 20 20)
(check "image to image, cropped"
       (equal? (list 0 0 50 40) (place (repeat image layer #:width 64 #:height 64))))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
