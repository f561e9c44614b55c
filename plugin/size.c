/* SPDX-License-Identifier: GPL-3.0-or-later */
/* size.c - see size.h. */
#include "config.h"

#include "plugin/geometry.h"
#include "plugin/size.h"

#define DEFAULT_SAMPLE_SIZE 64
#define MAX_SAMPLE_SIZE     4096
#define MAX_LEVELS          8

int
dif_size_native (const char *model, GError **error)
{
  g_autofree char          *path       = dif_catalog_resolve (model, error);
  g_autoptr (DifCheckpoint) checkpoint = NULL;
  g_autoptr (DifJson)       unet       = NULL;
  g_autoptr (DifJson)       vae        = NULL;
  DifJson                  *levels;
  int                       sample;
  guint                     n_levels;

  if (path == NULL || (checkpoint = dif_checkpoint_open (path, error)) == NULL)
    return 0;
  unet = dif_checkpoint_config (checkpoint, "unet", error);
  if (unet == NULL)
    return 0;
  sample = (int) dif_json_int (unet, "sample_size", DEFAULT_SAMPLE_SIZE, 1, MAX_SAMPLE_SIZE);
  if (! dif_json_finish (unet, error))
    return 0;
  if (dif_checkpoint_part_class (checkpoint, "vae") == NULL)
    return sample;
  if ((vae = dif_checkpoint_config (checkpoint, "vae", error)) == NULL)
    return 0;
  levels   = dif_json_member (vae, "block_out_channels");
  n_levels = levels != NULL ? dif_json_length (levels) : 1;
  return sample << (CLAMP (n_levels, 1, MAX_LEVELS) - 1);
}

static gboolean
has_size (const char *task)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (task, &n);

  for (guint i = 0; i < n; i++)
    {
      if (g_str_equal (rows[i].name, "width"))
        return TRUE;
    }
  return FALSE;
}

gboolean
dif_size_fit (DifRequest *rq, int width, int height, GError **error)
{
  int native;

  if (! has_size (dif_request_task (rq)) ||
      (dif_request_has (rq, "width") && dif_request_has (rq, "height")))
    return TRUE;
  native = dif_size_native (dif_request_model (rq), error);
  if (native == 0)
    return FALSE;
  dif_geometry_own_or_native (native, &width, &height);
  return (dif_request_has (rq, "width") || dif_request_set_number (rq, "width", width, error)) &&
         (dif_request_has (rq, "height") || dif_request_set_number (rq, "height", height, error));
}
