/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* recipe.c - what is needed to draw a picture again: see dif_result_recipe(). */
#include "config.h"

#include "pipelines/pipelines-private.h"

char *
_dif_run_recipe (DifRun *run, guint i, DifSafety safety)
{
  g_autoptr (DifJson) json   = dif_request_to_json (run->rq);
  g_autoptr (DifJson) config = dif_scheduler_config (run->scheduler);
  g_autofree char    *name   = g_path_get_basename (dif_checkpoint_path (run->pipe->checkpoint));
  const char         *model  = dif_request_text (run->rq, "model");

  dif_json_set_string (json, "program", "gimp-diffusion");
  dif_json_set_string (json, "version", DIF_VERSION);
  dif_json_set_string (json, "model", model && *model ? model : name);
  dif_json_set_string (json, "model-fingerprint", run->pipe->fingerprint);
  if (run->pipe->extras_fingerprint)
    dif_json_set_string (json, "extras-fingerprint", run->pipe->extras_fingerprint);
  if (! run->pipe->unet2d)
    {
      dif_json_set_string (json, "prompt", dif_request_text (run->rq, "prompt"));
      dif_json_set_string (json, "negative-prompt", dif_request_text (run->rq, "negative-prompt"));
      dif_json_set_double (json, "guidance-scale", run->spec->guidance);
      dif_json_set_double (json, "width", run->spec->width);
      dif_json_set_double (json, "height", run->spec->height);
    }
  dif_json_set_double (json, "seed", (double) run->spec->seed);
  dif_json_set_double (json, "steps", run->spec->n_steps);
  if (run->latents || dif_request_image (run->rq, "image"))
    dif_json_set_double (json, "strength", run->spec->strength);
  dif_json_set_double (json, "num-images", run->spec->batch);
  dif_json_set_double (json, "index", run->spec->first_image + i);
  dif_json_set_string (json, "scheduler", dif_scheduler_class_name (run->scheduler));
  dif_json_set_copy (json, "scheduler-config", config);
  if (safety != DIF_SAFETY_UNCHECKED)
    {
      dif_json_set_string (json, "safety-checker", run->spec->safety);
      dif_json_set_bool (json, "nsfw", safety == DIF_SAFETY_FLAGGED);
    }
  dif_json_set_string (json, "device", run->pipe->backend->klass->name);
  dif_json_set_string (json, "dtype", dif_dtype_name (run->pipe->dtype));
  return dif_json_to_string (json, FALSE);
}
