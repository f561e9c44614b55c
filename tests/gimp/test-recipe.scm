; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-recipe.scm - what a recipe holds, repeating it with changes, and what it cannot bear.

(load (string-append fixtures "/../gimp/recipes.scm"))

(define image (canvas 128 112 RGB PRECISION-FLOAT-NON-LINEAR))
(select-softly image 40 30 50 50)
(define layer (draw plug-in-diffusion-inpaint image))

; What the recipe holds.
(for-each
 (lambda (word)
   (check (string-append "the recipe holds " word) (holds? layer (string-append "\"" word "\":"))))
 '("format" "version" "task" "model" "model-fingerprint" "prompt" "negative-prompt" "seed" "index"
   "num-images" "steps" "guidance-scale" "strength" "scheduler" "scheduler-config" "eta" "generator"
   "width" "height" "device" "dtype" "canvas" "origin" "image" "source" "padding" "feather" "grow"
   "context" "target" "selection"))
(gimp-image-delete image)

(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(define layer (draw plug-in-diffusion-img2img image #:strength 0.7))

; Changes.
(define (check-change name word . arguments)
  (let ((other (apply repeat image layer arguments)))
    (check (string-append name " changes the picture") (not (same-pixels? layer other)))
    (check (string-append name " is in the new recipe") (holds? other word))
    (gimp-image-remove-layer image other)))
(check-change "the prompt" "\"prompt\": \"a green sphere\"" #:prompt "a green sphere")
(check-change "an empty prompt" "\"prompt\": \"\"" #:prompt "")
(check-change "the negative prompt" "\"negative-prompt\": \"red\"" #:negative-prompt "red"
              #:guidance-scale 4)
(check-change "the seed" "\"seed\": 4294967295" #:seed 4294967295)
(check-change "the number of steps" "\"steps\": 3" #:steps 3)
(check-change "the guidance scale" "\"guidance-scale\": 2.5" #:guidance-scale 2.5)
(check-change "the strength" "\"strength\": 1" #:strength 1)
(check-change "the scheduler" "\"scheduler\": \"EulerDiscreteScheduler\"" #:scheduler "euler")
(check-change "the model" "sd21" #:model (string-append fixtures "/models/sd21"))
(check "a size that is smaller"
       (equal? (place layer) (place (repeat image layer #:width 32 #:height 48))))
(check "the layer's name is the new prompt's"
       (string=? "a white cone"
                 (gimp-item-get-name (repeat image layer #:prompt "a white cone"))))
(gimp-image-delete image)

; An installed model goes by its name, wherever it is.
(define image (test-image 64 64 RGB PRECISION-U8-NON-LINEAR))
(define layer (vector-ref (car (plug-in-diffusion-txt2img #:image image #:steps 1)) 0))
(check "the model has its name" (holds? layer "\"model\": \"tiny-scenes\""))
(check "and is found by it" (same-layer? layer (repeat image layer)))
(check "the model's own number of steps" (holds? (repeat image layer #:steps 0) "\"steps\": "))
(gimp-image-delete image)

; Saved and opened again.
(define image (canvas 128 112 RGB PRECISION-U16-LINEAR))
(select-softly image 30 30 60 50)
(define layer (draw plug-in-diffusion-inpaint image #:feather 4))
(define file (string-append folder "/recipe.xcf"))
(gimp-xcf-save RUN-NONINTERACTIVE image file)
(define loaded (gimp-file-load RUN-NONINTERACTIVE file))
(define other (vector-ref (gimp-image-get-layers loaded) 0))
(check "an XCF keeps the recipe" (string=? (recipe layer) (recipe other)))
(gimp-selection-none loaded)
(check "and it draws the same" (same-layer? layer (repeat loaded other)))
(gimp-image-delete loaded)

; What cannot be repeated.
(define text (recipe layer))
(define (check-refused name . arguments)
  (gimp-image-clean-all image)
  (let ((count (layer-count image)))
    (check name (and (fails? (apply repeat image layer arguments))
                     (= count (layer-count image))
                     (not (gimp-image-is-dirty image))))))
(define (check-damaged name new)
  (set-recipe layer new)
  (check-refused name)
  (set-recipe layer text))
(gimp-image-clean-all image)
(check "a layer without a recipe" (fails? (repeat image (background image))))
(check-damaged "no JSON" "{\"task\":")
(check-damaged "no recipe at all" "{}")
(check-damaged "another format" (replaced text "\"format\": 1" "\"format\": 99"))
(check-damaged "an unknown task" (replaced text "\"inpaint\"" "\"outpaint\""))
(check-damaged "a number beyond its range" (replaced text "\"steps\": 2" "\"steps\": -5"))
(check-damaged "a word for a number" (replaced text "\"steps\": 2" "\"steps\": \"two\""))
(check-damaged "a model that is not there"
               (replaced text "\"model\": \"sd15\"" "\"model\": \"no-such-model\""))
(check-damaged "a canvas that is none" (replaced text "\"canvas\": {" "\"canvas\": 5, \"x\": {"))
(check-damaged "a place of no size" (replaced text "\"context\": {" "\"context\": {}, \"x\": {"))
(check-damaged "a selection of another format" (replaced text "\"Y u16\"" "\"CIE Lab u8\""))
(check-damaged "a selection that is too short" (replaced text "\"Y u16\"" "\"Y double\""))
(check-damaged "a selection that is too long" (replaced text "\"Y u16\"" "\"Y u8\""))
(check-damaged "a selection that is none"
               (replaced text "\"selection\": {" "\"selection\": 5, \"x\": {"))
(check-damaged "a word that is no choice"
               (replaced text "\"generator\": \"torch-cpu\"" "\"generator\": \"dice\""))
(check-refused "steps beyond their range" #:steps 1001)
(check-refused "an unknown scheduler" #:scheduler "nonsense")
(check-refused "what the task does not have" #:depth-layer "on")
(check "a good call works afterwards" (same-layer? layer (repeat image layer)))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
