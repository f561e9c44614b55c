; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-matrix.scm - every type and precision of image, for every task that starts from
; one: nothing but the selection changes, and the same picture comes everywhere.

(define width 96)
(define height 80)

(define tasks
  (list (list "img2img" plug-in-diffusion-img2img "")
        (list "inpaint" plug-in-diffusion-inpaint "")
        (list "depth2img" plug-in-diffusion-depth2img (string-append fixtures "/models/depth"))))

(define (draw task image)
  (let ((row (assoc task tasks)))
    (vector-ref (car ((cadr row) #:image image #:model (caddr row) #:prompt "a red cube" #:steps 2
                                 #:seed 7 #:width 64 #:height 64 #:padding 100))
                0)))

(define (canvas type precision profile)
  (let ((image (test-image width height type precision)))
    (paint-pattern image)
    (if profile
        (gimp-image-convert-color-profile-from-file image profile
                                                    COLOR-RENDERING-INTENT-RELATIVE-COLORIMETRIC
                                                    #f))
    (select-softly image 30 20 40 36)
    (gimp-image-clean-all image)
    image))

; The first picture of each task and type is what the others are measured by.
(define references '())

(define (reference key layer)
  (let ((known (assoc key references)))
    (if known
        (cdr known)
        (let ((image (gimp-image-duplicate (gimp-item-get-image layer))))
          (set! references (cons (cons key (vector-ref (gimp-image-get-layers image) 0))
                                 references))
          (cdar references)))))

(define (check-case task type precision name tolerance profile)
  (let* ((image (canvas type precision profile))
         (bounds (gimp-selection-bounds image))
         (active (gimp-image-get-selected-layers image))
         (before (flattened image))
         (selection (gimp-selection-save (gimp-item-get-image before)))
         (layer (draw task image))
         (after (flattened image))
         (changes (compare before after selection))
         (mask (gimp-layer-get-mask layer))
         (mask-changes (compare mask selection -1)))
    (set! name (string-append task ", " (if (= type GRAY) "grey, " "RGB, ") name))
    (check (string-append name ": pixels outside are the same bits")
           (and (= 0 (car changes)) (> (caddr changes) 1000)))
    (check (string-append name ": pixels inside change") (> (cadr changes) 800))
    (check (string-append name ": the mask is the selection") (= 0 (car mask-changes)))
    (check (string-append name ": the selection stays")
           (equal? bounds (gimp-selection-bounds image)))
    (check (string-append name ": selected layers stay")
           (equal? active (gimp-image-get-selected-layers image)))
    (check (string-append name ": the picture is the same")
           (< (cadddr (compare layer (reference (list task type) layer) -1)) tolerance))
    (forget before)
    (forget after)
    (gimp-image-delete image)))

; What may differ is what rounding the canvas makes of the picture, some ten times as much;
; the coarsest has 13 steps of the curve in one of its own where it is dark.
(define precisions
  (list (list "float" PRECISION-FLOAT-NON-LINEAR 0.001)
        (list "8 bit" PRECISION-U8-NON-LINEAR 0.04)
        (list "8 bit linear" PRECISION-U8-LINEAR 0.12)
        (list "8 bit perceptual" PRECISION-U8-PERCEPTUAL 0.04)
        (list "16 bit" PRECISION-U16-NON-LINEAR 0.001)
        (list "16 bit linear" PRECISION-U16-LINEAR 0.005)
        (list "32 bit" PRECISION-U32-NON-LINEAR 0.001)
        (list "32 bit linear" PRECISION-U32-LINEAR 0.001)
        (list "half float" PRECISION-HALF-NON-LINEAR 0.01)
        (list "half float linear" PRECISION-HALF-LINEAR 0.01)
        (list "float linear" PRECISION-FLOAT-LINEAR 0.001)
        (list "double" PRECISION-DOUBLE-NON-LINEAR 0.001)
        (list "double linear" PRECISION-DOUBLE-LINEAR 0.001)))

(define (check-all task type rows)
  (for-each (lambda (row) (check-case task type (cadr row) (car row) (caddr row) #f)) rows))

(define some (map (lambda (i) (list-ref precisions i)) '(0 1 5 10)))

(for-each
 (lambda (type)
   (check-all "inpaint" type precisions)
   (check-all "img2img" type some)
   (check-all "depth2img" type some))
 (list RGB GRAY))

(for-each
 (lambda (row)
   (check-case "inpaint" RGB (cadr row) (string-append (car row) ", wide gamut") (caddr row)
               wide-profile)
   (check-case "img2img" RGB (cadr row) (string-append (car row) ", wide gamut") (caddr row)
               wide-profile))
 some)

(for-each (lambda (row) (forget (cdr row))) references)
(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
