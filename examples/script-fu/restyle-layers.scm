; SPDX-License-Identifier: LGPL-3.0-or-later
;
; restyle-layers.scm - draws every layer of an image in another style, each from its own depth.
;
;   gimp-console-3.0 -i --batch-interpreter=plug-in-script-fu-eval --quit -b '(begin
;     (load "restyle-layers.scm")
;     (let ((image (gimp-file-load RUN-NONINTERACTIVE "scene.xcf")))
;       (diffusion-restyle-layers image "a paper model, soft light")
;       (gimp-xcf-save RUN-NONINTERACTIVE image "restyled.xcf")))'
;
; (diffusion-restyle-layers IMAGE PROMPT ARGUMENTS...)
;
;   IMAGE      an image; its groups are gone through, too
;   PROMPT     what all layers should look like
;   ARGUMENTS  any of plug-in-diffusion-depth2img's, such as #:strength 0.8 #:seed 5
;
; Above each layer comes one that was drawn from it alone, with the layer's own shape as its
; mask; the layer itself is hidden.  Layers that are hidden or show nothing stay as they are.
; Returns the new layers in a list, the topmost first.  One undo step.

(script-fu-use-v3)

; Layers that are no groups, the topmost first, those in groups included.
(define (diffusion-restyle-leaves layers)
  (cond ((null? layers) '())
        ((not (gimp-item-get-visible (car layers)))
         (diffusion-restyle-leaves (cdr layers)))
        ((gimp-item-is-group (car layers))
         (append (diffusion-restyle-leaves (vector->list (gimp-item-get-children (car layers))))
                 (diffusion-restyle-leaves (cdr layers))))
        (else (cons (car layers) (diffusion-restyle-leaves (cdr layers))))))

; The new layer, or #f where there is nothing to see.
(define (diffusion-restyle-one image layer prompt arguments)
  (gimp-image-select-item image CHANNEL-OP-REPLACE layer)
  (if (gimp-selection-is-empty image)
      #f
      (let ((result (apply plug-in-diffusion-depth2img #:image image #:drawables (vector layer)
                           #:source "layer" #:prompt prompt arguments)))
        (gimp-item-set-visible layer #f)
        (vector-ref (car result) 0))))

(define (diffusion-restyle-layers image prompt . arguments)
  (let ((layers (diffusion-restyle-leaves (vector->list (gimp-image-get-layers image))))
        (selected (gimp-image-get-selected-layers image))
        (selection #f)
        (drawn '()))
    (gimp-image-undo-group-start image)
    (set! selection (gimp-selection-save image))
    (for-each (lambda (layer)
                (let ((new (diffusion-restyle-one image layer prompt arguments)))
                  (if new
                      (set! drawn (cons new drawn)))))
              layers)
    (gimp-image-select-item image CHANNEL-OP-REPLACE selection)
    (gimp-image-remove-channel image selection)
    (gimp-image-set-selected-layers image selected)
    (gimp-image-undo-group-end image)
    (reverse drawn)))
