; SPDX-License-Identifier: LGPL-3.0-or-later
;
; test-hostile.scm - an XCF of a stranger's, opened and repeated: an error at once, and the
; image as it was.

(load (string-append fixtures "/../gimp/recipes.scm"))

(define image (canvas 128 112 RGB PRECISION-U8-NON-LINEAR))
(select-softly image 30 30 60 50)
(define layer (draw plug-in-diffusion-inpaint image))
(gimp-selection-none image)
(define text (recipe layer))

; What lies in the file of that name once it was saved and opened again.
(define (stranger new)
  (let ((file (string-append folder "/stranger.xcf")))
    (set-recipe layer new)
    (gimp-xcf-save RUN-NONINTERACTIVE image file)
    (set-recipe layer text)
    (let ((loaded (gimp-file-load RUN-NONINTERACTIVE file)))
      (gimp-image-clean-all loaded)
      loaded)))

(define (top image)
  (vector-ref (gimp-image-get-layers image) 0))

; Refused within the seconds that a start of the plug-in takes, changing nothing.
(define (check-hostile name new . arguments)
  (let* ((image (stranger new))
         (before (flattened image))
         (images (vector-length (gimp-get-images)))
         (start (car (gettimeofday)))
         (failed (fails? (apply repeat image (top image) arguments)))
         (seconds (- (car (gettimeofday)) start))
         (after (flattened image)))
    (check name (and failed (< seconds 60)))
    (check (string-append name ": the image is as it was")
           (and (= 2 (- (layer-count image) 1)) (not (gimp-image-is-dirty image))
                (= 0 (car (compare before after -1)))
                (= (+ images 1) (vector-length (gimp-get-images)))))
    (forget before)
    (forget after)
    (gimp-image-delete image)))

(define (with word by) (replaced text word by))
(define (model-is name) (with "\"model\": \"sd15\"" (string-append "\"model\": \"" name "\"")))
(define (with-member member) (with "\"format\": 1," (string-append "\"format\": 1, " member ",")))

; Where things are.
(define no-print (replaced text "\"model-fingerprint\": \"" "\"model-fingerprint\": \"0"))
(check-hostile "a model that is a file of the system"
               (replaced no-print "\"model\": \"sd15\"" "\"model\": \"/etc/passwd\""))
(check-hostile "a model elsewhere"
               (replaced no-print "\"model\": \"sd15\""
                         (string-append "\"model\": \"" fixtures "/models/sd15\"")))
(check-hostile "a model on another machine"
               (replaced no-print "\"model\": \"sd15\"" "\"model\": \"/net/host/model\""))
(check-hostile "a name that is not installed" (model-is "no-such-model"))
(check-hostile "the folder above" (model-is ".."))
(check-hostile "another fingerprint" no-print)
(check-hostile "no fingerprint" (with "\"model-fingerprint\"" "\"x\""))
(check-hostile "no model" (with "\"model\": \"sd15\"" "\"y\": 1"))
(check-hostile "a LoRA that is a file of the system" (with-member "\"lora\": \"/etc/passwd:1\""))
(check-hostile "a LoRA that is not installed" (with-member "\"lora\": \"ink:1\""))
(check-hostile "an embedding that is a path" (with-member "\"embedding\": \"/dev/zero:x\""))
(check-hostile "latents" (replaced (with-member "\"latents\": \"/dev/zero\"") "inpaint" "img2img"))

; How much.
(check-hostile "a canvas beyond all bounds"
               (with "\"context\": {"
                     "\"context\": {\"width\": 524288, \"height\": 524288}, \"x\": {"))
(check-hostile "a context of nothing" (with "\"context\": {" "\"context\": {}, \"x\": {"))
(check-hostile "half a number"
               (with "\"context\": {" "\"context\": {\"width\": 8.5, \"height\": 1e300}, \"x\": {"))
(check-hostile "pictures beyond all bounds"
               (replaced (with "\"width\": 64" "\"width\": 8192") "\"height\": 64"
                         "\"height\": 8192"))
(check-hostile "work without an end"
               (replaced (with "\"steps\": 2" "\"steps\": 1000") "\"num-images\": 1"
                         "\"num-images\": 64"))
(check-hostile "a prompt without an end"
               (with "\"prompt\": \"" (string-append "\"prompt\": \"" (make-string 70000 #\a))))
(check-hostile "a recipe without an end"
               (with "\"format\": 1" (string-append "\"format\": 1, \"z\": \""
                                                    (make-string 1200000 #\a) "\"")))
; 16 MiB of zeros for a selection of a few thousand values.
(define bomb
  (string-append "eNrswQEBAAAAgJD+r+4ICg" (make-string 5458 #\A)
                 "gNmDAwEAAAAAIP/XRlB" (make-string 5460 #\V)
                 "hDw4EAAAAAID8XxtB" (make-string 5460 #\V)
                 "pT04IAAAAAAQ8v91QwI" (make-string 5291 #\A)
                 "DAVQ8AAAE="))
(check-hostile "a selection that swells"
               (replaced (with "\"zlib\": \"" "\"zlib\": \"@BOMB@\", \"old\": \"") "@BOMB@" bomb))

; What is not followed does no harm.
(define (harmless name new)
  (let* ((image (stranger new))
         (again (repeat image (top image))))
    (check name (same-layer? again (vector-ref (gimp-image-get-layers image) 1)))
    (gimp-image-delete image)))
(harmless "a device for every byte"
          (replaced text "\"device\": \"cpu\""
                    (string-append "\"device\": \"cpu"
                                   (apply string-append (map (lambda (i) ",ref")
                                                             (vector->list (make-vector 500 0))))
                                   "\"")))
(harmless "a number format that there is not" (with "\"dtype\": \"f32\"" "\"dtype\": \"f8\""))
(harmless "no safety checker" (with-member "\"safety-checker\": \"off\""))
(harmless "an older recipe's path, of what is installed"
          (model-is "/nowhere/models/stable-diffusion"))
(harmless "a place that is not the layer's"
          (with "\"context\": {\"x\": " "\"context\": {\"x\": -"))

; The user's own word counts.
(define loaded (stranger (replaced no-print "\"model\": \"sd15\"" "\"model\": \"/etc/passwd\"")))
(check "another model, by the user"
       (same-layer? (repeat loaded (top loaded) #:model "sd15")
                    (vector-ref (gimp-image-get-layers loaded) 1)))
(gimp-image-delete loaded)

; What is written: no path, and not much.
(define (no-paths? layer)
  (not (index-of (recipe layer) fixtures)))
(check "the recipe holds no path" (no-paths? layer))
(define lora (string-append fixtures "/adapters/peft.safetensors"))
(define other (vector-ref (car (plug-in-diffusion-txt2img
                                #:image image #:model (string-append fixtures "/models/sd15")
                                #:lora (string-append lora ":0.5") #:steps 1 #:width 64
                                #:height 64)) 0))
(check "nor that of a LoRA" (and (no-paths? other) (holds? other "\"lora\": \"peft:0.5\"")
                                 (holds? other "\"lora-fingerprints\": \"")))
(check "which is asked for by name" (fails? (repeat image other)))
(check "and taken from the user"
       (same-pixels? other (repeat image other #:lora (string-append lora ":0.5"))))
(gimp-image-delete image)

; A selection like noise packs badly; the layer mask is kept instead.
(define image (test-image 1200 1000 RGB PRECISION-FLOAT-NON-LINEAR))
(gimp-image-select-rectangle image CHANNEL-OP-REPLACE 100 100 1000 800)
(define channel (gimp-selection-save image))
(gimp-image-select-item image CHANNEL-OP-REPLACE channel)
(gimp-drawable-merge-new-filter channel "gegl:noise-rgb" 0 LAYER-MODE-REPLACE 1.0 "red" 1.0
                                "green" 1.0 "blue" 1.0 "correlated" #f)
(gimp-image-select-item image CHANNEL-OP-REPLACE channel)
(gimp-image-remove-channel image channel)
(define layer (draw plug-in-diffusion-inpaint image))
(check "a recipe of at most a megabyte" (< (string-length (recipe layer)) 1048577))
(check "the values are left out" (not (index-of (recipe layer) "zlib\": \"")))
(gimp-selection-none image)
(check "and it draws the same" (same-layer? layer (repeat image layer)))
(gimp-image-delete image)

(check "no image is left behind" (= 0 (vector-length (gimp-get-images))))
(check-done)
