/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-checkpoint-config.c - any files as a checkpoint, any JSON as a config.
 *
 * An input that begins with a mark "==LETTER" is a folder that is opened, its
 * parts' weights included; any other is given to every model and scheduler as
 * its config.
 */
#include "backends/backends.h"
#include "fuzz/fuzz.h"
#include "models/clip-processor.h"
#include "models/dpt-processor.h"
#include "models/model.h"
#include "pipelines/open-checkpoint.h"
#include "schedulers/scheduler.h"

#include <string.h>

static const FuzzFile files[] = {
  { 'i', "model_index.json" },
  { 'c', "vae/config.json" },
  { 'x', "vae/diffusion_pytorch_model.safetensors.index.json" },
  { '1', "vae/one.safetensors" },
  { '2', "vae/two.safetensors" },
  { 'f', "vae/diffusion_pytorch_model.fp16.safetensors" },
  { 's', "scheduler/scheduler_config.json" },
  { 'e', "text_encoder/model.safetensors" },
};

static const char *const model_classes[] = { "UNet2DConditionModel", "AutoencoderKL",
                                             "CLIPTextModel", "CLIPTextModelWithProjection",
                                             "DPTForDepthEstimation",
                                             "StableDiffusionSafetyChecker" };

static void
check_message (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_null (strchr (error->message, '\n'));
}

static void
open_folder (const guint8 *data, gsize size)
{
  g_autoptr (GError)        error  = NULL;
  const char               *folder = fuzz_write_files (data, size, files, G_N_ELEMENTS (files));
  g_autoptr (DifCheckpoint) c      = dif_checkpoint_open (folder, &error);
  const char *const        *parts;

  if (! c)
    {
      check_message (error);
      return;
    }
  g_assert_nonnull (dif_checkpoint_pipeline_class (c));
  parts = dif_checkpoint_parts (c);
  for (guint i = 0; parts[i]; i++)
    {
      g_autoptr (DifJson)    config  = dif_checkpoint_config (c, parts[i], NULL);
      g_autoptr (DifWeights) weights = dif_checkpoint_weights (c, parts[i], &error);

      if (! weights)
        check_message (error);
      g_clear_error (&error);
    }
}

/* A dry run: every weight is there and none is prepared. */
static void
try_model (const char *name, DifJson *config, DifBackend *backend)
{
  const DifModelClass *class = dif_model_class_find (name);
  DifLoader           *l     = dif_loader_new (NULL, backend, DIF_F32, NULL);
  g_autoptr (GError)   error = NULL;
  gpointer             model = class->load (config, l, &error);
  g_autoptr (DifStore) store = dif_loader_finish (l, NULL);

  if (! model)
    check_message (error);
  else
    class->free (model);
  dif_json_finish (config, NULL);
}

static void
try_scheduler (const char *name, DifJson *config)
{
  g_autoptr (GError)       error = NULL;
  g_autoptr (DifScheduler) s     = dif_scheduler_new (name, config, &error);

  if (! s)
    check_message (error);
  else if (! dif_scheduler_set_timesteps (s, 7, &error))
    check_message (error);
  else
    for (guint i = 0; i < dif_scheduler_n_calls (s); i++)
      dif_scheduler_timestep (s, i);
  dif_json_finish (config, NULL);
}

/* A processor that is read must cope with any picture. */
static void
try_processor (DifJson *config)
{
  g_autoptr (GError)   error  = NULL;
  g_autofree float    *pixels = NULL;
  g_autoptr (DifImage) image  = NULL;
  DifDptProcessor      p;
  guint                height, width;

  if (! dif_dpt_processor_read (&p, config, &error))
    check_message (error);
  else if ((guint64) p.height * p.width < 1 << 16)
    {
      image  = dif_image_new (3, 2, 1, NULL);
      pixels = dif_dpt_processor_run (&p, image, &height, &width, &error);
      if (! pixels)
        check_message (error);
    }
}

static void
try_clip_processor (DifJson *config)
{
  g_autoptr (GError)           error  = NULL;
  g_autoptr (DifClipProcessor) p      = dif_clip_processor_new (config, &error);
  g_autofree float            *pixels = NULL;
  g_autoptr (DifImage)         image  = NULL;
  guint                        width, height, w, h;

  if (! p)
    {
      check_message (error);
      return;
    }
  image  = dif_image_new (1, 1, 1, NULL);
  pixels = dif_clip_processor_apply (p, image, &width, &height);
  if (pixels && dif_clip_processor_size (p, &w, &h))
    g_assert_true (w == width && h == height);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  static DifBackend  *backend;
  g_autoptr (DifJson) config = NULL;
  const char *const  *schedulers;

  if (size >= 2 && data[0] == '=' && data[1] == '=')
    {
      open_folder (data, size);
      return 0;
    }
  config = dif_json_parse ((const char *) data, size, "config.json", NULL);
  if (! config)
    return 0;
  if (! backend)
    backend = dif_backend_open ("ref", NULL);
  g_assert_nonnull (backend);
  for (guint i = 0; i < G_N_ELEMENTS (model_classes); i++)
    try_model (model_classes[i], config, backend);
  try_processor (config);
  dif_json_finish (config, NULL);
  try_clip_processor (config);
  dif_json_finish (config, NULL);
  schedulers = dif_scheduler_class_names ();
  for (guint i = 0; schedulers[i]; i++)
    try_scheduler (schedulers[i], config);
  return 0;
}
