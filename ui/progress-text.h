/* SPDX-License-Identifier: GPL-3.0-or-later */
/* progress-text.h - how far a drawing is, in words. */
#ifndef DIF_UI_PROGRESS_TEXT_H
#define DIF_UI_PROGRESS_TEXT_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * dif_ui_progress_text:
 * @progress: how far it is; its stage may be "wait", as dif_engine_run_async() says
 *
 * Returns: (transfer full): a line for people
 */
char *dif_ui_progress_text (const DifProgress *progress);

G_END_DECLS

#endif /* DIF_UI_PROGRESS_TEXT_H */
