/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safety.c - what the model's safety checker says of the pictures of a run.
 *
 * Never draws over a picture: one that was flagged is marked, or withheld with
 * the reason.  The checker is large (a ViT-L with Stable Diffusion 1), so it
 * is loaded by the first run that looks and stays loaded.
 *
 * Source: diffusers StableDiffusionPipeline.run_safety_checker: it sees the
 * picture in eight bits.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/clip-processor.h"
#include "models/safety-checker.h"
#include "pipelines/pipelines-private.h"

#define PART      "safety_checker"
#define PROCESSOR "feature_extractor"

/* ---- loading ---- */

static const DifPartSpec checker = { PART, "StableDiffusionSafetyChecker", DIF_ROLE_SAFETY,
                                     DIF_STAGE_DECODE };

static void
free_processor (gpointer processor)
{
  dif_clip_processor_free (processor);
}

static gboolean
load_processor (DifPipeline *pipe, DifPart *part, GError **error)
{
  g_autoptr (DifJson) config = dif_checkpoint_config (pipe->checkpoint, PROCESSOR, error);

  part->processor      = config ? dif_clip_processor_new (config, error) : NULL;
  part->free_processor = free_processor;
  return part->processor != NULL;
}

/* The processor must make what the checker sees, whatever the picture's size. */
static gboolean
check_size (DifPipeline *pipe, const DifPart *part, GError **error)
{
  guint expected = dif_clip_vision_image_size (dif_safety_checker_vision (part->model)), w, h;

  if (dif_clip_processor_size (part->processor, &w, &h) && w == expected && h == expected)
    return TRUE;
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
               "%s: " PROCESSOR ": expected pictures cut to the safety checker's %u x %u pixels, "
               "found %u x %u",
               dif_checkpoint_path (pipe->checkpoint), expected, expected, w, h);
  return FALSE;
}

static gboolean
ensure_loaded (DifRun *run, GError **error)
{
  DifPipeline *pipe  = run->pipe;
  DifPart     *part  = &pipe->parts[DIF_ROLE_SAFETY];
  const char  *klass = dif_checkpoint_part_class (pipe->checkpoint, PART);

  /* one that was loaded once and is not needed now can be loaded again */
  if (part->spec)
    return TRUE;
  if (strcmp (klass, checker.klass) != 0)
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS,
                   "%s: " PART ": expected a %s, found a %s",
                   dif_checkpoint_path (pipe->checkpoint), checker.klass, klass);
      return FALSE;
    }
  *part = (DifPart) { .spec   = &checker,
                      .folder = PART,
                      .klass  = dif_model_class_find (klass),
                      .dtype  = pipe->dtype };
  if (load_processor (pipe, part, error) &&
      _dif_part_load (pipe, DIF_ROLE_SAFETY, run->cancellable, error) &&
      check_size (pipe, part, error))
    return TRUE;
  _dif_part_clear (part);
  return FALSE;
}

gboolean
_dif_run_prepare_safety (DifRun *run, const char **policy, GError **error)
{
  const char *asked = dif_request_text (run->rq, "safety-checker"), *where;
  gboolean    ships = dif_checkpoint_part_class (run->pipe->checkpoint, PART) != NULL;
  gboolean    automatic;
  GError     *failure = NULL;

  *policy = "off";
  where   = dif_checkpoint_path (run->pipe->checkpoint);
  if (! asked || strcmp (asked, "off") == 0)
    return TRUE;
  automatic = strcmp (asked, "auto") == 0;
  if (! ships && strcmp (asked, "block") == 0)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "safety-checker: expected a model that ships a safety checker, found none in %s",
                   where);
      return FALSE;
    }
  if (! ships && ! automatic)
    dif_run_warn (run, "%s ships no safety checker: nobody looked at the pictures", where);
  if (! ships)
    return TRUE;
  if (! ensure_loaded (run, &failure))
    {
      if (! automatic || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, failure);
          return FALSE;
        }
      dif_run_warn (run, "no safety checker looked at the pictures: %s", failure->message);
      g_error_free (failure);
      return TRUE;
    }
  *policy = strcmp (asked, "block") == 0 ? "block" : "warn";
  return TRUE;
}

/* ---- judging ---- */

static DifImage *
eight_bit (const float *pixels, guint width, guint height)
{
  gsize              n     = (gsize) width * height * 3;
  g_autofree guint8 *bytes = g_try_malloc (n);

  if (! bytes)
    return NULL;
  for (gsize k = 0; k < n; k++)
    bytes[k] = (guint8) rintf (pixels[k] * 255);
  return dif_image_new_8bit (width, height, 3, bytes, (gsize) width * 3, 3);
}

/* Says which concepts, by their numbers, were found in picture @i. */
static void
describe (DifRun *run, guint i, const DifSafetyVerdict *verdict)
{
  g_autoptr (GString) found = g_string_new (NULL);
  gboolean            block = strcmp (run->spec->safety, "block") == 0;

  for (guint k = 0; k < DIF_SAFETY_N_CONCEPTS; k++)
    if (verdict->scores[k] > 0)
      g_string_append_printf (found, "%s%u by %.3f", found->len ? ", " : "", k,
                              (double) verdict->scores[k]);
  dif_run_warn (run,
                "picture %u of %u%s: the safety checker took it for not safe for work (concept "
                "%s)",
                run->spec->first_image + i + 1, run->spec->batch, block ? " is withheld" : "",
                found->str);
}

static gboolean
judge_one (DifRun *run, DifImage *image, DifSafetyVerdict *verdict)
{
  const DifPart    *part = dif_run_part (run, DIF_ROLE_SAFETY);
  g_autofree float *seen = NULL;
  guint             width, height;

  if (! part)
    return FALSE;
  if (image)
    seen = dif_clip_processor_apply (part->processor, image, &width, &height);
  if (seen)
    return dif_safety_checker_judge (part->model, run->cx, seen, verdict);
  dif_run_out_of_memory (run, "checking a picture");
  return FALSE;
}

void
_dif_run_judge (DifRun *run, const float *pixels, guint width, guint height)
{
  gsize each = (gsize) width * height * 3;

  run->report.verdicts = g_new0 (DifSafety, run->spec->n_images); /* unchecked */
  for (guint i = 0; strcmp (run->spec->safety, "off") != 0 && i < run->spec->n_images; i++)
    {
      g_autoptr (DifImage) image = eight_bit (pixels + i * each, width, height);
      DifSafetyVerdict     verdict;

      if (! judge_one (run, image, &verdict))
        return;
      run->report.verdicts[i] = verdict.nsfw ? DIF_SAFETY_FLAGGED : DIF_SAFETY_PASSED;
      if (verdict.nsfw)
        describe (run, i, &verdict);
    }
}
