; SPDX-License-Identifier: GPL-3.0-or-later
;
; demo.scm - what `./dev demo` has GIMP do: pictures from prompts, a canvas with three
; empty frames that get filled, and every other task on a canvas, before and after.  Nothing
; here but GIMP's own procedures and the plug-in's; every file goes into the folder
; `demo-folder`, which ./dev defines before it loads this.

(script-fu-use-v3)

(define (demo-say . parts)
  (display "demo: ")
  (for-each display parts)
  (newline))

; Seconds since some moment, with fractions.
(define (demo-clock)
  (let ((now (gettimeofday)))
    (+ (car now) (/ (cadr now) 1000000.0))))

(define (demo-tenths seconds)
  (/ (round (* 10.0 seconds)) 10.0))

(define (demo-path name)
  (string-append demo-folder "/" name))

; As sRGB of 8 bit, whatever the image is.
(define (demo-export image name)
  (let* ((copy (gimp-image-new (gimp-image-get-width image) (gimp-image-get-height image) RGB))
         (layer (gimp-layer-new-from-visible image copy "visible")))
    (gimp-image-insert-layer copy layer 0 0)
    (file-png-export #:run-mode RUN-NONINTERACTIVE #:image copy #:file (demo-path name))
    (gimp-image-delete copy)))

; A new image with one opaque layer of one colour.
(define (demo-image width height colour)
  (let* ((image (gimp-image-new width height RGB))
         (layer (gimp-layer-new image "Background" width height RGB-IMAGE 100.0
                                LAYER-MODE-NORMAL)))
    (gimp-image-insert-layer image layer 0 0)
    (gimp-context-set-foreground colour)
    (gimp-drawable-fill layer FILL-FOREGROUND)
    image))

; Calls the plug-in, says how long it took, returns how many layers came back.
(define (demo-paint image prompt seed)
  (let* ((started (demo-clock))
         (result (plug-in-diffusion-txt2img #:run-mode RUN-NONINTERACTIVE #:image image
                                            #:prompt prompt #:seed seed))
         (layers (vector-length (car result))))
    (demo-say "\"" prompt "\", seed " seed ": " (demo-tenths (- (demo-clock) started)) " s")
    layers))

; One picture by itself; the file is NAME.png.
(define (demo-picture name prompt seed size)
  (let ((image (demo-image size size "#808080")))
    (demo-paint image prompt seed)
    (demo-export image (string-append name ".png"))
    (gimp-image-delete image)))

(define (demo-fill-rectangle image layer x y width height colour)
  (gimp-image-select-rectangle image CHANNEL-OP-REPLACE x y width height)
  (gimp-context-set-foreground colour)
  (gimp-drawable-edit-fill layer FILL-FOREGROUND)
  (gimp-selection-none image))

; A wall with a wainscot and as many empty frames as there are pictures to come.
(define (demo-wall size frames)
  (let* ((step (+ size 56))
         (width (+ 56 (* frames step)))
         (height (+ size 132))
         (image (demo-image width height "#d9d2c3"))
         (layer (vector-ref (gimp-image-get-layers image) 0)))
    (demo-fill-rectangle image layer 0 (- height 52) width 52 "#7b5b43")
    (demo-fill-rectangle image layer 0 (- height 52) width 4 "#5d432f")
    (do ((i 0 (+ i 1)))
        ((= i frames) image)
      (demo-fill-rectangle image layer (+ 46 (* i step)) 30 (+ size 20) (+ size 20) "#3a2a1c")
      (demo-fill-rectangle image layer (+ 50 (* i step)) 34 (+ size 12) (+ size 12) "#c8a24a")
      (demo-fill-rectangle image layer (+ 56 (* i step)) 40 size size "#ffffff"))))

; Fills the frames one after another: select the inside, write what should be there.
(define (demo-canvas prompts seed size)
  (let ((image (demo-wall size (length prompts))))
    (demo-export image "canvas-before.png")
    (do ((i 0 (+ i 1))
         (rest prompts (cdr rest)))
        ((null? rest))
      (gimp-image-select-rectangle image CHANNEL-OP-REPLACE (+ 56 (* i (+ size 56))) 40
                                   size size)
      (demo-paint image (car rest) (+ seed i)))
    (gimp-selection-none image)
    (demo-export image "canvas-after.png")
    (gimp-xcf-save 0 image (demo-path "canvas.xcf"))
    (demo-say "the canvas has " (vector-length (gimp-image-get-layers image)) " layers now")
    (gimp-image-delete image)))

; The image with 16 bits in a wide gamut, or with transparent canvas on its right.
(define (demo-prepare image canvas size)
  (cond ((string=? canvas "wide")
         (gimp-image-convert-precision image PRECISION-U16-NON-LINEAR)
         (gimp-image-convert-color-profile-from-file
          image demo-wide-profile COLOR-RENDERING-INTENT-RELATIVE-COLORIMETRIC #t))
        ((string=? canvas "margin")
         (gimp-image-resize image (+ size (/ size 2)) size 0 0))))

; Any other task: on a scene of its own, whose layer is selected, or on an empty canvas where
; SCENE is "".  SELECTION is a procedure that selects and what it takes, or empty.
(define (demo-task name procedure canvas scene scene-seed prompt seed selection size arguments)
  (let ((image (demo-image size size "#808080"))
        (started 0))
    (if (not (string=? scene ""))
        (demo-paint image scene scene-seed))
    (gimp-image-set-selected-layers image
                                    (vector (vector-ref (gimp-image-get-layers image) 0)))
    (demo-prepare image canvas size)
    (demo-export image (string-append name "-before.png"))
    (if (pair? selection)
        (apply (car selection) image CHANNEL-OP-REPLACE (cdr selection)))
    (set! started (demo-clock))
    (apply procedure #:run-mode RUN-NONINTERACTIVE #:image image #:seed seed
           (append (if (string=? prompt "") '() (list #:prompt prompt)) arguments))
    (demo-say name ", \"" prompt "\": " (demo-tenths (- (demo-clock) started)) " s")
    (gimp-selection-none image)
    (demo-export image (string-append name "-after.png"))
    (gimp-xcf-save 0 image (demo-path (string-append name ".xcf")))
    (gimp-image-delete image)))
