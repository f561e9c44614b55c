/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* prompt.c - prompts to conditioning.
 *
 * Source: diffusers encode_prompt of StableDiffusionPipeline and
 * StableDiffusionXLPipeline: padded to the tokenizer's length, cut with a
 * warning; the negative prompt ignores clip_skip.  Weights and prompts of any
 * length: the rule is in text/prompt-weights.h.
 */
#include "run/prompt.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "run/pipeline-private.h"
#include "text/prompt-weights.h"

/* One of the two prompts, what is asked for or what is not, in chunks for each
 * encoder; NULL for an encoder that the model lacks. */
typedef struct
{
  DifPrompt *of[DIF_N_TEXT_ROLES];
  guint      skip;
} Prompt;

static DifTokenizer *
tokenizer_of (DifRun *run, guint encoder)
{
  return run->pipe->parts[DIF_ROLE_TEXT + encoder].tokenizer;
}

static DifPrompt *
read_one (DifRun *run, DifTokenizer *tokenizer, const char *name)
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
    }
  return p;
}

/* A second prompt that is not given is the first one; what was dropped of a
 * text is said once. */
static void
read_prompt (DifRun *run, const char *key, const char *key2, Prompt *prompt)
{
  const char *text2 = dif_request_text (run->rq, key2), *said = NULL;
  gboolean    is_own = text2 && *text2 && dif_pipeline_text_encoder (run->pipe, 0);

  for (guint e = 0; e < DIF_N_TEXT_ROLES && ! dif_context_failed (run->cx); e++)
    {
      const char *name = e == 1 && is_own ? key2 : key;
      DifPrompt  *p;

      if (! tokenizer_of (run, e))
        continue;
      p = prompt->of[e] = read_one (run, tokenizer_of (run, e), name);
      if (p && p->n_dropped && name != said)
        dif_run_warn (run, "%s: the last %u tokens do not fit the model's %u and were left out",
                      name, p->n_dropped, p->length - 2);
      said = name;
    }
}

static void
prompt_clear (Prompt *prompt)
{
  for (guint e = 0; e < DIF_N_TEXT_ROLES; e++)
    dif_prompt_free (prompt->of[e]);
}

static guint
most_chunks (const Prompt *prompt)
{
  guint most = 1;

  for (guint e = 0; e < DIF_N_TEXT_ROLES; e++)
    if (prompt->of[e])
      most = MAX (most, prompt->of[e]->n_chunks);
  return most;
}

static void
pad (DifRun *run, Prompt *prompt, guint n_chunks)
{
  for (guint e = 0; e < DIF_N_TEXT_ROLES; e++)
    if (prompt->of[e])
      dif_prompt_pad (prompt->of[e], tokenizer_of (run, e), n_chunks);
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

/* Applies the weights of @prompt to an encoder's output for its chunks,
 * [n_chunks, length, D]; where all are 1 nothing is computed.
 * [1, n_chunks * length, D]. */
static DifTensor *
weigh (DifRun *run, DifTensor *hidden, const DifPrompt *prompt)
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
    return dif_run_out_of_memory (run, "weighting a prompt");
  if (! dif_download (cx, hidden, rows))
    return dif_context_inert (cx);
  for (guint i = 0; i < prompt->n_chunks; i++)
    if (dif_prompt_is_weighted (prompt, i))
      weigh_chunk (rows + i * chunk, prompt->weights + (gsize) i * prompt->length, prompt->length,
                   width);
  return dif_upload (cx, hidden->dtype, shape, rows);
}

/* Chunks through an encoder: the hidden state @which, [1, n_chunks * length, D].
 * @pooled: the first chunk's, [n_images, P], for an encoder with a projection. */
static DifTensor *
encode_one (DifRun *run, const DifHiddenSpec *which, const DifPart *part, const DifPrompt *p,
            DifTensor **pooled)
{
  DifContext *cx     = run->cx;
  gsize       n_ids  = (gsize) p->n_chunks * p->length;
  gboolean    pools  = part->info.text.pooled_width > 0;
  DifTensor  *hidden = part->klass->text_encoder->encode (part->model, cx, p->ids, p->n_chunks,
                                                          n_ids, which, pools ? pooled : NULL);

  hidden = weigh (run, hidden, p);
  if (pools)
    *pooled = dif_repeat_batch (cx, dif_slice_batch (cx, *pooled, 0, 1), run->spec->n_images);
  return hidden;
}

/* One prompt through every encoder, for every image: [n_images, T, D].
 * @pooled: [n_images, P], where there is a projection. */
static DifTensor *
encode_prompt (DifRun *run, const DifHiddenSpec *hidden, const Prompt *p, DifTensor **pooled)
{
  DifHiddenSpec which = *hidden;
  DifTensor    *all   = NULL;

  which.layer -= (int) p->skip;
  for (guint e = 0; e < DIF_N_TEXT_ROLES; e++)
    if (p->of[e])
      {
        const DifPart *part = dif_run_part (run, DIF_ROLE_TEXT + e);
        DifTensor     *one;

        if (! part)
          return dif_context_inert (run->cx);
        one = encode_one (run, &which, part, p->of[e], pooled);
        all = all ? dif_concat (run->cx, all, one) : one;
      }
  return dif_repeat_batch (run->cx, all, run->spec->n_images);
}

static DifTensor *
zeros_like (DifContext *cx, DifTensor *t)
{
  g_autofree float *zeros = g_try_new0 (float, dif_tensor_count (t) + 1);

  if (! zeros)
    return dif_context_fail (cx, g_error_new_literal (DIF_BACKEND_ERROR,
                                                      DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                                      "out of memory for the negative prompt"));
  return dif_upload (cx, t->dtype, t->shape, zeros);
}

/* The zeros that a model was trained with where no negative prompt is given. */
static DifTensor *
negative_zeros (DifRun *run, const DifConditioning *positive, DifTensor **pooled)
{
  if (positive->pooled)
    *pooled = zeros_like (run->cx, positive->pooled);
  return zeros_like (run->cx, positive->tokens);
}

/* Both, negatives first.  @against: NULL for zeros. */
static void
encode_both (DifRun *run, const DifHiddenSpec *hidden, const Prompt *prompt, const Prompt *against,
             DifConditioning *c)
{
  DifContext *cx = run->cx;
  DifTensor  *negative, *pooled = NULL;

  c->tokens = encode_prompt (run, hidden, prompt, &c->pooled);
  dif_context_dump (cx, c->tokens, "prompt_embeds");
  if (c->pooled)
    dif_context_dump (cx, c->pooled, "pooled_prompt_embeds");
  if (! dif_run_guided (run))
    return;
  negative = against ? encode_prompt (run, hidden, against, &pooled)
                     : negative_zeros (run, c, &pooled);
  dif_context_dump (cx, negative, "negative_prompt_embeds");
  if (pooled)
    {
      dif_context_dump (cx, pooled, "negative_pooled_prompt_embeds");
      c->pooled = dif_concat_batch (cx, pooled, c->pooled);
    }
  c->tokens = dif_concat_batch (cx, negative, c->tokens);
}

void
dif_run_encode_prompts (DifRun *run, const DifHiddenSpec *hidden, gboolean zeros_for_empty,
                        DifConditioning *c)
{
  gboolean zeros   = zeros_for_empty && ! dif_request_has (run->rq, "negative-prompt");
  Prompt   prompt  = { .skip = (guint) dif_request_number (run->rq, "clip-skip") };
  Prompt   against = { 0 };

  read_prompt (run, "prompt", "prompt-2", &prompt);
  if (dif_run_guided (run))
    read_prompt (run, "negative-prompt", "negative-prompt-2", &against);
  if (dif_context_failed (run->cx))
    c->tokens = dif_context_inert (run->cx);
  else
    {
      guint n_chunks = MAX (most_chunks (&prompt), most_chunks (&against));

      pad (run, &prompt, n_chunks);
      pad (run, &against, n_chunks);
      encode_both (run, hidden, &prompt, zeros ? NULL : &against, c);
    }
  prompt_clear (&prompt);
  prompt_clear (&against);
}

void
dif_run_condition (DifRun *run)
{
  dif_work_expect (&run->work, DIF_STAGE_PROMPT, 1);
  dif_run_report (run, DIF_STAGE_PROMPT, 0, 1);
  run->conditioning.guidance = run->spec->guidance;
  run->pipe->family->encode (run, &run->conditioning);
}
