/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress-text.c - see progress-text.h. */
#include "config.h"

#include "ui/progress-text.h"

#include <glib/gi18n-lib.h>

/* Estimates below this are not worth a reader's time, in seconds. */
#define MIN_SECONDS_SHOWN 3.0

char *
dif_ui_progress_text (const DifProgress *progress)
{
  if (g_str_equal (progress->stage, "wait"))
    return g_strdup_printf (ngettext ("Waiting for %u other picture",
                                      "Waiting for %u other pictures", progress->n_steps),
                            progress->n_steps);
  if (g_str_equal (progress->stage, "load"))
    return g_strdup (_ ("Loading the model"));
  if (g_str_equal (progress->stage, "encode"))
    return g_strdup (_ ("Reading the prompt"));
  if (g_str_equal (progress->stage, "decode"))
    return g_strdup (_ ("Developing the picture"));
  if (progress->seconds_left >= MIN_SECONDS_SHOWN)
    return g_strdup_printf (_ ("Step %u of %u, about %.0f s left"), progress->step,
                            progress->n_steps, progress->seconds_left);
  return g_strdup_printf (_ ("Step %u of %u"), progress->step, progress->n_steps);
}
