; SPDX-License-Identifier: LGPL-3.0-or-later
;
; batch-inpaint.scm - draws a part of every picture in a folder anew.
;
;   gimp-console-3.0 -i --batch-interpreter=plug-in-script-fu-eval --quit -b '(begin
;     (load "batch-inpaint.scm")
;     (diffusion-batch-inpaint "photos" "photos/masks" "photos/done" "a clear blue sky"))'
;
; (diffusion-batch-inpaint PICTURES WHERE RESULTS PROMPT ARGUMENTS...)
;
;   PICTURES   a folder; every file in it that is not hidden is taken for a picture
;   WHERE      what to repaint: a folder with a mask of the same name for every picture,
;              white is drawn, or a list (X Y WIDTH HEIGHT) in pixels for all of them
;   RESULTS    a folder that exists; results get the names of the pictures in it.  Those of
;              formats without layers are flattened
;   PROMPT     what should be there
;   ARGUMENTS  any of plug-in-diffusion-inpaint's, such as #:seed 5 #:steps 20
;
; Says of every file what became of it and goes on after one that is broken.  Returns the names
; of those that failed.

(script-fu-use-v3)

; The last error's message: Script-Fu hands it to this hook and forgets it.
(define diffusion-batch-reason "")
(define (*error-hook* . parts)
  (diffusion-batch-fail (if (string? (car parts)) (car parts) "unknown")))

(define (diffusion-batch-fail reason)
  (set! diffusion-batch-reason reason)
  (throw reason))

(define (diffusion-batch-files folder)
  (let ((stream (dir-open-stream folder)))
    (let loop ((entry (dir-read-entry stream))
               (found '()))
      (cond ((eof-object? entry)
             (dir-close-stream stream)
             (reverse found))
            ((or (char=? #\. (string-ref entry 0))
                 (not (= FILE-TYPE-FILE (file-type (string-append folder "/" entry)))))
             (loop (dir-read-entry stream) found))
            (else (loop (dir-read-entry stream) (cons entry found)))))))

; Selects what is white in the file: as a layer's mask, which can be selected.
(define (diffusion-batch-select-mask image file)
  (let ((layer (gimp-file-load-layer RUN-NONINTERACTIVE image file)))
    (if (not (and (= (gimp-drawable-get-width layer) (gimp-image-get-width image))
                  (= (gimp-drawable-get-height layer) (gimp-image-get-height image))))
        (diffusion-batch-fail (string-append file ": expected a mask as large as the picture")))
    (gimp-image-insert-layer image layer 0 0)
    (let ((mask (gimp-layer-create-mask layer ADD-MASK-COPY)))
      (gimp-layer-add-mask layer mask)
      (gimp-image-select-item image CHANNEL-OP-REPLACE mask))
    (gimp-image-remove-layer image layer)))

(define (diffusion-batch-one file where result prompt arguments)
  (let ((image (gimp-file-load RUN-NONINTERACTIVE file)))
    (catch (begin (gimp-image-delete image)
                  (diffusion-batch-fail diffusion-batch-reason))
           (if (string? where)
               (diffusion-batch-select-mask image where)
               (apply gimp-image-select-rectangle image CHANNEL-OP-REPLACE where))
           (apply plug-in-diffusion-inpaint #:image image #:prompt prompt arguments)
           (gimp-selection-none image)
           (gimp-file-save RUN-NONINTERACTIVE image result))
    (gimp-image-delete image)))

(define (diffusion-batch-say file what)
  (display (string-append file ": " what))
  (newline))

(define (diffusion-batch-inpaint pictures where results prompt . arguments)
  (let loop ((names (diffusion-batch-files pictures))
             (failed '()))
    (if (null? names)
        (reverse failed)
        (let* ((name (car names))
               (is-done
                (catch #f
                       (diffusion-batch-one (string-append pictures "/" name)
                                            (if (string? where) (string-append where "/" name)
                                                where)
                                            (string-append results "/" name) prompt arguments)
                       #t)))
          (diffusion-batch-say name (if is-done "done" diffusion-batch-reason))
          (loop (cdr names) (if is-done failed (cons name failed)))))))
