/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.h - a question that must be answered before anything is drawn. */
#ifndef DIF_PLUGIN_ASK_H
#define DIF_PLUGIN_ASK_H

#include <glib.h>

G_BEGIN_DECLS

/**
 * dif_ask:
 * @title: of the window
 * @question: one sentence
 * @details: lines, shown in full, that can be selected and copied
 * @yes: label of the button that goes on, with a mnemonic
 *
 * The other button, which Escape and Return press, gives up.
 *
 * Returns: whether to go on
 */
gboolean dif_ask (const char *title, const char *question, const char *details, const char *yes);

G_END_DECLS

#endif /* DIF_PLUGIN_ASK_H */
