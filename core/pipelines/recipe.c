/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* recipe.c - what is needed to draw a picture again: see dif_result_recipe(). */
#include "config.h"

#include "formats/catalog.h"
#include "formats/fingerprint.h"
#include "pipelines/adapters-private.h"
#include "pipelines/pipelines-private.h"

/* Every FILE or FILE:REST of the list by its name. */
static void
name_list (DifRequest *rq, const char *row)
{
  g_auto (GStrv) list = g_strdupv ((char **) dif_request_list (rq, row));

  dif_request_unset (rq, row);
  for (guint i = 0; list[i]; i++)
    {
      g_autofree char *rest = NULL;
      g_autofree char *file = dif_catalog_split_spec (list[i], &rest);
      g_autofree char *name = dif_catalog_name_of (file);
      g_autofree char *spec = g_strconcat (name, rest ? ":" : NULL, rest, NULL);

      dif_request_set (rq, row, spec, NULL);
    }
}

/* Recipes are shown to others: they say names, never paths. */
static DifJson *
named_request (DifRun *run)
{
  g_autoptr (DifRequest) rq      = dif_request_copy (run->rq);
  const char            *latents = dif_request_text (rq, "latents");
  g_autofree char       *print   = NULL;
  DifJson               *json;

  if (latents && *latents)
    print = dif_fingerprint_of_file (latents, NULL);
  dif_request_unset (rq, "latents");
  dif_request_unset (rq, "low-memory");
  for (guint i = 0; dif_adapter_kind (i); i++)
    name_list (rq, dif_adapter_kind (i)->option);
  json = dif_request_to_json (rq);
  if (print)
    dif_json_set_string (json, "latents-fingerprint", print);
  for (guint i = 0; dif_adapter_kind (i); i++)
    {
      const char *prints = _dif_adapters_prints (run->pipe->adapters, i);

      if (prints)
        dif_json_set_string (json, dif_adapter_kind (i)->prints, prints);
    }
  return json;
}

char *
_dif_run_recipe (DifRun *run, guint i, DifSafety safety)
{
  g_autoptr (DifJson) json   = named_request (run);
  g_autoptr (DifJson) config = dif_scheduler_config (run->scheduler);
  g_autofree char    *name   = dif_catalog_name_of (dif_checkpoint_path (run->pipe->checkpoint));

  dif_json_set_string (json, "program", "gimp-diffusion");
  dif_json_set_string (json, "version", DIF_VERSION);
  dif_json_set_string (json, "model", name);
  dif_json_set_string (json, "model-fingerprint", run->pipe->fingerprint);
  if (run->pipe->family->encode)
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
