/* SPDX-License-Identifier: GPL-3.0-or-later */
/* intent.c - see intent.h. */
#include "config.h"

#include "ui/intent.h"

#include <glib/gi18n-lib.h>

#define NOTHING      0.004 /* less than one of 255 */
#define HARDLY_THERE 0.9   /* a selection that is less opaque reaches over an edge */

static const struct
{
  const char *word, *label, *about;
} verbs[DIF_UI_N_VERBS] = {
  { "generate", N_ ("_Generate"), N_ ("Draws a new picture, as large as the canvas") },
  { "fill", N_ ("_Fill"), N_ ("Draws anew what is selected, as the prompt says") },
  { "refine", N_ ("_Refine"), N_ ("Draws anew in part: the less strength, the more stays") },
  { "expand", N_ ("_Expand"), N_ ("Goes on into the empty part of the selection") },
  { "remove", N_ ("_Remove"), N_ ("Fills the selection from its surroundings") },
  { "restyle", N_ ("Restyle by _Depth"),
    N_ ("Draws the picture anew and keeps how near everything is") },
  { "edit", N_ ("E_dit"), N_ ("Changes the picture as the prompt says") },
};

static gboolean
can (const DifUiFacts *facts, const char *task)
{
  return facts->tasks != NULL ? g_strv_contains (facts->tasks, task)
                              : dif_task_params (task, &(guint) { 0 }) != NULL;
}

/* Whether the model is for that task and nothing else. */
static gboolean
is_only_for (const DifUiFacts *facts, const char *task)
{
  return facts->tasks != NULL && g_strv_length ((char **) facts->tasks) == 1 && can (facts, task);
}

static DifUiVerb
of_selection (const DifUiFacts *facts)
{
  if (facts->strength < 1.0)
    return DIF_UI_REFINE;
  if (facts->cover < HARDLY_THERE)
    return DIF_UI_EXPAND;
  return facts->has_prompt ? DIF_UI_FILL : DIF_UI_REMOVE;
}

DifUiVerb
dif_ui_intent (const DifUiFacts *facts)
{
  DifUiVerb verb;

  if (facts->tasks != NULL && can (facts, "edit") && facts->cover > NOTHING)
    return DIF_UI_EDIT;
  if (is_only_for (facts, "depth2img"))
    return DIF_UI_RESTYLE;
  if (facts->is_selected)
    verb = of_selection (facts);
  else if (facts->strength < 1.0 && facts->cover > NOTHING)
    verb = DIF_UI_REFINE;
  else
    verb = DIF_UI_GENERATE;
  return dif_ui_intent_task (verb, facts, NULL) != NULL ? verb : DIF_UI_GENERATE;
}

/* The first of the two that the model can. */
static const char *
either (const DifUiFacts *facts, const char *task, const char *other)
{
  if (can (facts, task))
    return task;
  return other != NULL && can (facts, other) ? other : NULL;
}

static const char *
fail (const char **reason, const char *text)
{
  if (reason != NULL)
    *reason = text;
  return NULL;
}

const char *
dif_ui_intent_task (DifUiVerb verb, const DifUiFacts *facts, const char **reason)
{
  const char *task = NULL;

  switch (verb)
    {
    case DIF_UI_GENERATE:
      task = either (facts, "txt2img", "unconditional");
      if (task == NULL && facts->cover > NOTHING)
        task = either (facts, "inpaint", "depth2img");
      break;
    case DIF_UI_FILL:
    case DIF_UI_REMOVE:
    case DIF_UI_EXPAND:
      if (! facts->is_selected)
        return fail (reason, _ ("Select something first."));
      task = either (facts, "inpaint", NULL);
      break;
    case DIF_UI_REFINE:
      task = facts->is_selected ? either (facts, "inpaint", NULL)
                                : either (facts, "img2img", "inpaint");
      break;
    case DIF_UI_RESTYLE:
      task = either (facts, "depth2img", NULL);
      break;
    case DIF_UI_EDIT:
      task = either (facts, "edit", NULL);
      break;
    default:
      break;
    }
  if (task == NULL)
    return fail (reason, _ ("This model cannot do that."));
  return task;
}

char *
dif_ui_intent_label (DifUiVerb verb, double strength)
{
  if (verb == DIF_UI_REFINE)
    return g_strdup_printf (_ ("%s %.0f %%"), _ (verbs[verb].label), 100.0 * strength);
  return g_strdup (_ (verbs[verb].label));
}

const char *
dif_ui_intent_about (DifUiVerb verb)
{
  return _ (verbs[verb].about);
}

const char *
dif_ui_intent_word (DifUiVerb verb)
{
  return verbs[verb].word;
}

DifUiVerb
dif_ui_intent_from_word (const char *word)
{
  DifUiVerb verb = DIF_UI_GENERATE;

  while (verb < DIF_UI_N_VERBS && g_strcmp0 (verbs[verb].word, word) != 0)
    verb++;
  return verb;
}

double
dif_ui_intent_cover (const guint8 *alpha, const guint8 *selection, gsize n)
{
  guint64 sum = 0, weight = 0;

  for (gsize i = 0; i < n; i++)
    {
      guint w = selection != NULL ? selection[i] : 255;

      sum += (guint64) alpha[i] * w;
      weight += w;
    }
  return weight > 0 ? (double) sum / (255.0 * (double) weight) : 0.0;
}
