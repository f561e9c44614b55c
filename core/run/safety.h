/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safety.h - verdicts of a safety checker. */
#ifndef DIF_RUN_SAFETY_H
#define DIF_RUN_SAFETY_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * DifSafety:
 * @DIF_SAFETY_UNCHECKED: nobody looked: the model ships no safety checker, or
 *   it was turned off
 * @DIF_SAFETY_PASSED: the safety checker found nothing
 * @DIF_SAFETY_FLAGGED: the safety checker took it for not safe for work
 *
 * Verdict on a picture.
 */
typedef enum
{
  DIF_SAFETY_UNCHECKED,
  DIF_SAFETY_PASSED,
  DIF_SAFETY_FLAGGED
} DifSafety;

G_END_DECLS

#endif /* DIF_RUN_SAFETY_H */
