/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* encode.c - prompts to embeddings.
 *
 * Source: diffusers StableDiffusionPipeline.encode_prompt: padded to the
 * tokenizer's length, cut with a warning; the negative prompt ignores
 * clip_skip.  Weights and prompts of any length: the rule is in
 * text/prompt-weights.h.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "pipelines/task.h"

gboolean
dif_run_guided (DifRun *run)
{
  return run->guidance > 1;
}

DifPrompt *
dif_run_prompt (DifRun *run, DifTokenizer *tokenizer, const char *name)
{
  const char *const *names = dif_prompt_syntax_names ();
  const char        *word  = dif_request_text (run->rq, "prompt-syntax");
  guint              syntax;
  GError            *error = NULL;
  DifPrompt         *p;

  for (syntax = DIF_PROMPT_PLAIN; names[syntax] && strcmp (names[syntax], word) != 0;)
    syntax++;
  p = dif_prompt_new (tokenizer, dif_request_text (run->rq, name), (DifPromptSyntax) syntax,
                      &error);
  if (! p)
    {
      g_prefix_error (&error, "%s: ", name);
      dif_context_fail (run->cx, error);
      return NULL;
    }
  if (p->n_dropped)
    g_string_append_printf (run->warning,
                            "%s%s: the last %u tokens do not fit the model's %u and were left out",
                            run->warning->len ? "; " : "", name, p->n_dropped, p->length - 2);
  return p;
}

/* Multiplies the rows of one chunk by their weights and restores its mean. */
static void
weigh_chunk (float *rows, const float *weights, guint n_rows, gsize width)
{
  double before = 0, after = 0;
  float  restore;

  for (guint i = 0; i < n_rows; i++)
    for (gsize k = 0; k < width; k++)
      {
        before += rows[i * width + k];
        rows[i * width + k] *= weights[i];
        after += rows[i * width + k];
      }
  restore = (float) (before / after);
  if (isfinite (restore))
    for (gsize k = 0; k < n_rows * width; k++)
      rows[k] *= restore;
}

DifTensor *
dif_run_weigh (DifRun *run, DifTensor *hidden, const DifPrompt *prompt)
{
  DifContext       *cx    = run->cx;
  gsize             width = dif_tensor_dim (hidden, -1), chunk = prompt->length * width;
  DifShape          shape = DIF_SHAPE (1, (gsize) prompt->n_chunks * prompt->length, width);
  gboolean          any   = FALSE;
  g_autofree float *rows  = NULL;

  for (guint i = 0; i < prompt->n_chunks; i++)
    any = any || dif_prompt_is_weighted (prompt, i);
  if (! any || dif_context_failed (cx))
    return dif_reshape (cx, hidden, shape);
  rows = g_try_new (float, prompt->n_chunks *chunk);
  if (! rows)
    return dif_context_fail (cx, g_error_new_literal (DIF_BACKEND_ERROR,
                                                      DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                                      "out of memory while weighting a prompt"));
  if (! dif_download (cx, hidden, rows))
    return dif_context_inert (cx);
  for (guint i = 0; i < prompt->n_chunks; i++)
    if (dif_prompt_is_weighted (prompt, i))
      weigh_chunk (rows + i * chunk, prompt->weights + (gsize) i * prompt->length, prompt->length,
                   width);
  return dif_upload (cx, hidden->dtype, shape, rows);
}

/* A prompt, repeated for every image: [n_images, T, D]. */
static DifTensor *
encode_one (DifRun *run, const DifPrompt *prompt, guint skip)
{
  DifTensor *hidden = dif_clip_text_encode (dif_pipeline_text_encoder (run->pipe), run->cx,
                                            prompt->ids, prompt->n_chunks,
                                            (gsize) prompt->n_chunks * prompt->length, skip);

  return dif_run_repeat (run, dif_run_weigh (run, hidden, prompt));
}

DifTensor *
dif_run_encode_prompts (DifRun *run)
{
  DifContext           *cx     = run->cx;
  DifTokenizer         *tok    = dif_pipeline_tokenizer (run->pipe);
  guint                 skip   = (guint) dif_request_number (run->rq, "clip-skip");
  g_autoptr (DifPrompt) prompt = NULL, against = NULL;
  DifTensor            *positive, *negative;

  dif_run_report (run, "encode", 0, 1, 0);
  prompt = dif_run_prompt (run, tok, "prompt");
  if (dif_run_guided (run))
    against = dif_run_prompt (run, tok, "negative-prompt");
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  if (against)
    {
      dif_prompt_pad (prompt, tok, against->n_chunks);
      dif_prompt_pad (against, tok, prompt->n_chunks);
    }
  positive = encode_one (run, prompt, skip);
  dif_context_dump (cx, positive, "prompt_embeds");
  if (! against)
    return positive;
  negative = encode_one (run, against, 0);
  dif_context_dump (cx, negative, "negative_prompt_embeds");
  return dif_concat_batch (cx, negative, positive);
}
