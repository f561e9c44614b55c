/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* encode.c - prompts to embeddings.
 *
 * Source: diffusers StableDiffusionPipeline.encode_prompt: padded to the
 * tokenizer's length, cut with a warning; the negative prompt ignores
 * clip_skip.
 */
#include "pipelines/task.h"

gboolean
dif_run_guided (DifRun *run)
{
  return run->guidance > 1;
}

/* One prompt, repeated for every image: [n_images, T, D]. */
static DifTensor *
encode_one (DifRun *run, const char *text, guint skip, const char *what)
{
  DifTokenizer      *tok    = dif_pipeline_tokenizer (run->pipe);
  guint              length = dif_tokenizer_max_length (tok), dropped = 0;
  g_autofree gint32 *ids = g_new (gint32, length);
  DifTensor         *one, *all;
  GError            *error = NULL;

  if (! dif_tokenizer_encode (tok, text, ids, NULL, &dropped, &error))
    {
      g_prefix_error (&error, "%s: ", what);
      return dif_context_fail (run->cx, error);
    }
  if (dropped)
    g_string_append_printf (run->warning,
                            "%s%s: the last %u tokens do not fit the model's %u and were left out",
                            run->warning->len ? "; " : "", what, dropped, length - 2);
  one = dif_clip_text_encode (dif_pipeline_text_encoder (run->pipe), run->cx, ids, 1, length, skip);
  all = one;
  for (guint i = 1; i < run->n_images; i++)
    all = dif_concat_batch (run->cx, all, one);
  return all;
}

DifTensor *
dif_run_encode_prompts (DifRun *run)
{
  DifContext *cx   = run->cx;
  guint       skip = (guint) dif_request_number (run->rq, "clip-skip");
  DifTensor  *positive, *negative;

  dif_run_report (run, "encode", 0, 1, 0);
  positive = encode_one (run, dif_request_text (run->rq, "prompt"), skip, "prompt");
  dif_context_dump (cx, positive, "prompt_embeds");
  if (! dif_run_guided (run))
    return positive;
  negative = encode_one (run, dif_request_text (run->rq, "negative-prompt"), 0, "negative prompt");
  dif_context_dump (cx, negative, "negative_prompt_embeds");
  return dif_concat_batch (cx, negative, positive);
}
