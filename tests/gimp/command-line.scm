; SPDX-License-Identifier: LGPL-3.0-or-later
;
; command-line.scm - compares the plug-in's picture with the command line's: places and
; colors as (x y red green blue).

(define (same? layer place)
  (let ((found (pixel layer (car place) (cadr place))))
    (and (near? (car found) (list-ref place 2) 1)
         (near? (cadr found) (list-ref place 3) 1)
         (near? (caddr found) (list-ref place 4) 1))))

(define (all? test items)
  (cond ((null? items) #t)
        ((test (car items)) (all? test (cdr items)))
        (else #f)))

(define (check-picture image places)
  (gimp-selection-none image)
  (let ((layer (vector-ref (car (plug-in-diffusion-img2img
                                 #:image image #:prompt "a red cube" #:strength 0.6 #:steps 5
                                 #:seed 9)) 0)))
    (display (if (all? (lambda (place) (same? layer place)) places) "the same" "another"))
    (newline)))
