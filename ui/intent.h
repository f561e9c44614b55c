/* SPDX-License-Identifier: GPL-3.0-or-later */
/* intent.h - what pressing the button will do, from what is selected, visible and written.
 *
 * Pure arithmetic: knows neither GTK nor GIMP.
 */
#ifndef DIF_UI_INTENT_H
#define DIF_UI_INTENT_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiVerb:
 * @DIF_UI_GENERATE: a picture from nothing
 * @DIF_UI_FILL: what is selected is repainted
 * @DIF_UI_REFINE: a picture, or the selected part of it, is repainted in part
 * @DIF_UI_EXPAND: what is selected, and is not there yet, goes on from what is
 * @DIF_UI_REMOVE: what is selected is filled from its surroundings
 * @DIF_UI_RESTYLE: a picture is repainted with the depth that it has
 * @DIF_UI_EDIT: a picture is changed as the prompt says
 * @DIF_UI_N_VERBS: how many there are; also for "none chosen"
 *
 * What is done to a canvas.
 */
typedef enum
{
  DIF_UI_GENERATE,
  DIF_UI_FILL,
  DIF_UI_REFINE,
  DIF_UI_EXPAND,
  DIF_UI_REMOVE,
  DIF_UI_RESTYLE,
  DIF_UI_EDIT,
  DIF_UI_N_VERBS
} DifUiVerb;

/**
 * DifUiFacts:
 * @is_selected: whether something is
 * @cover: how opaque the selection, or all of the canvas, is on average, 0 to 1
 * @strength: how much of a picture is replaced, 0 to 1
 * @has_prompt: whether something is written
 * @tasks: (nullable) (array zero-terminated=1): tasks that the model can do; NULL for
 *   all, as models are bundled for all
 *
 * What a verb follows from.
 */
typedef struct
{
  gboolean           is_selected;
  double             cover;
  double             strength;
  gboolean           has_prompt;
  const char *const *tasks;
} DifUiFacts;

/**
 * dif_ui_intent:
 * @facts: facts
 *
 * Returns: what a painter most likely wants; the model can do it unless it can do
 * nothing at all
 */
DifUiVerb dif_ui_intent (const DifUiFacts *facts);

/**
 * dif_ui_intent_task:
 * @verb: a verb
 * @facts: facts
 * @reason: (out) (optional) (transfer none): translated: why not, if NULL is returned
 *
 * Returns: (transfer none) (nullable): the task that does it; NULL if the model or the
 * canvas does not allow it
 */
const char *dif_ui_intent_task (DifUiVerb verb, const DifUiFacts *facts, const char **reason);

/**
 * dif_ui_intent_label:
 * @verb: a verb
 * @strength: 0 to 1
 *
 * Returns: (transfer full): what a button says, with a mnemonic: "_Refine 60 %"
 */
char *dif_ui_intent_label (DifUiVerb verb, double strength);

/**
 * dif_ui_intent_about:
 * @verb: a verb
 *
 * Returns: (transfer none): one sentence, translated
 */
const char *dif_ui_intent_about (DifUiVerb verb);

/**
 * dif_ui_intent_word: dif_ui_intent_from_word:
 * @verb: a verb
 * @word: (nullable): as of dif_ui_intent_word()
 *
 * Returns: (transfer none): its name in files; the verb of that name, DIF_UI_N_VERBS for
 * any other
 */
const char *dif_ui_intent_word (DifUiVerb verb);
DifUiVerb   dif_ui_intent_from_word (const char *word);

/**
 * dif_ui_intent_cover:
 * @alpha: (array): one byte a pixel, 0 to 255: how opaque
 * @selection: (nullable) (array): one byte a pixel: how selected; NULL for all
 * @n: pixels
 *
 * Returns: the mean of @alpha weighted with @selection, 0 to 1; 0 if nothing is selected
 */
double dif_ui_intent_cover (const guint8 *alpha, const guint8 *selection, gsize n);

G_END_DECLS

#endif /* DIF_UI_INTENT_H */
