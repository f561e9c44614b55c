/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* encode.c - prompts to embeddings.
 *
 * Source: diffusers encode_prompt of StableDiffusionPipeline and
 * StableDiffusionXLPipeline: padded to the tokenizer's length, cut with a
 * warning; the negative prompt ignores clip_skip.
 */
#include "base/error.h"
#include "pipelines/pipeline-private.h"

/* One of the two prompts: what is asked for, or what is not. */
typedef struct
{
  const char *text, *text2; /* for each encoder */
  const char *what, *what2; /* for warnings; what2 is NULL where the texts are the same */
  guint       skip;
} Prompt;

gboolean
dif_run_guided (DifRun *run)
{
  return run->guidance > 1 && ! dif_unet_guidance_dim (run->pipe->unet);
}

/* Ids through an encoder, as the family has them: [1, T, D].  @pooled is for
 * an encoder with a projection. */
static DifTensor *
encode_ids (DifRun *run, DifClipText *encoder, const gint32 *ids, guint n_ids, guint skip,
            DifTensor **pooled)
{
  if (run->pipe->family->kind == DIF_FAMILY_SDXL)
    return dif_clip_text_penultimate (encoder, run->cx, ids, 1, n_ids, skip, pooled);
  return dif_clip_text_encode (encoder, run->cx, ids, 1, n_ids, skip);
}

/* One prompt through one encoder: [1, T, D]. */
static DifTensor *
encode_one (DifRun *run, DifTokenizer *tok, DifClipText *encoder, const char *text,
            const char *what, guint skip, DifTensor **pooled)
{
  guint              length = dif_tokenizer_max_length (tok), dropped = 0;
  g_autofree gint32 *ids   = g_new (gint32, length);
  GError            *error = NULL;

  if (! dif_tokenizer_encode (tok, text, ids, NULL, &dropped, &error))
    {
      g_prefix_error (&error, "%s: ", what ? what : "prompt");
      return dif_context_fail (run->cx, error);
    }
  if (dropped && what)
    g_string_append_printf (run->warning,
                            "%s%s: the last %u tokens do not fit the model's %u and were left out",
                            run->warning->len ? "; " : "", what, dropped, length - 2);
  return encode_ids (run, encoder, ids, length, skip, pooled);
}

/* One prompt through every encoder, for every image: [n_images, T, D].
 * @pooled: [n_images, P], where there is a projection. */
static DifTensor *
encode_prompt (DifRun *run, const Prompt *p, DifTensor **pooled)
{
  DifPipeline *pipe = run->pipe;
  DifTensor   *one  = NULL, *two;

  if (pipe->text)
    one = encode_one (run, pipe->tokenizer, pipe->text, p->text, p->what, p->skip, NULL);
  if (pipe->text2)
    {
      two     = encode_one (run, pipe->tokenizer2, pipe->text2, one ? p->text2 : p->text,
                        one ? p->what2 : p->what, p->skip, pooled);
      *pooled = dif_run_repeat (run, *pooled);
      one     = one ? dif_concat (run->cx, one, two) : two;
    }
  return dif_run_repeat (run, one);
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

/* A second prompt that is not given is the first one. */
static Prompt
read_prompt (DifRun *run, const char *key, const char *key2, const char *what, guint skip)
{
  const char *text = dif_request_text (run->rq, key), *text2 = dif_request_text (run->rq, key2);
  gboolean    own = text2 && *text2;

  return (Prompt) { .text  = text,
                    .text2 = own ? text2 : text,
                    .what  = what,
                    .what2 = own ? key2 : NULL,
                    .skip  = skip };
}

/* The negative prompt, or the zeros that SDXL was trained with where none is
 * given. */
static DifTensor *
encode_negative (DifRun *run, DifTensor *positive, DifTensor **pooled)
{
  Prompt p =
      read_prompt (run, "negative-prompt", "negative-prompt-2", "negative prompt", 0);

  if (! run->pipe->zeros_for_empty || dif_request_has (run->rq, "negative-prompt"))
    return encode_prompt (run, &p, pooled);
  *pooled = zeros_like (run->cx, run->pooled);
  return zeros_like (run->cx, positive);
}

DifTensor *
dif_run_encode_prompts (DifRun *run)
{
  DifContext *cx   = run->cx;
  guint       skip = (guint) dif_request_number (run->rq, "clip-skip");
  Prompt      p    = read_prompt (run, "prompt", "prompt-2", "prompt", skip);
  DifTensor  *positive, *negative, *pooled = NULL;

  dif_run_report (run, "encode", 0, 1, 0);
  positive = encode_prompt (run, &p, &run->pooled);
  dif_context_dump (cx, positive, "prompt_embeds");
  if (run->pooled)
    dif_context_dump (cx, run->pooled, "pooled_prompt_embeds");
  if (! dif_run_guided (run))
    return positive;
  negative = encode_negative (run, positive, &pooled);
  dif_context_dump (cx, negative, "negative_prompt_embeds");
  if (pooled)
    {
      dif_context_dump (cx, pooled, "negative_pooled_prompt_embeds");
      run->pooled = dif_concat_batch (cx, pooled, run->pooled);
    }
  return dif_concat_batch (cx, negative, positive);
}
