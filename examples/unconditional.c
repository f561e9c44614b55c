/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unconditional.c - a UNet2DModel and a scheduler by hand: print the model's
 * config, start from noise, step a DDPMScheduler, and look at the picture
 * every 50 steps.  What comes out last is what `dif unconditional` draws with
 * DDPMScheduler, the same number of steps and seed 0.
 */
#include <dif-parts.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <math.h>
#include <stdlib.h>

#define LOOK_EVERY 50
#define SEED       0

static gboolean
print_config (DifPipeline *pipe, GError **error)
{
  g_autoptr (DifJson) config =
      dif_checkpoint_config (dif_pipeline_checkpoint (pipe), "unet", error);
  g_autofree char *text = config ? dif_json_to_string (config, TRUE) : NULL;

  if (text)
    g_print ("%s\n", text);
  return text != NULL;
}

/* Writes NAME-0050.png and so on; the context keeps the first error. */
static void
look (DifContext *cx, DifTensor *sample, const char *name, guint step)
{
  int                   H = (int) dif_tensor_dim (sample, 1), W = (int) dif_tensor_dim (sample, 2);
  gsize                 n      = dif_tensor_count (sample);
  g_autofree char      *path   = g_strdup_printf ("%s-%04u.png", name, step);
  g_autofree float     *pixels = g_new0 (float, n);
  g_autofree guint8    *bytes  = g_new0 (guint8, n);
  g_autoptr (GdkPixbuf) pixbuf = NULL;
  GError               *error  = NULL;

  if (! dif_download (cx, sample, pixels))
    return;
  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) rintf (CLAMP (pixels[i] * 0.5f + 0.5f, 0, 1) * 255);
  pixbuf = gdk_pixbuf_new_from_data (bytes, GDK_COLORSPACE_RGB, FALSE, 8, W, H, W * 3, NULL, NULL);
  if (! gdk_pixbuf_save (pixbuf, path, "png", &error, NULL))
    dif_context_fail (cx, error);
  else
    g_print ("%s\n", path);
}

static void
denoise (DifPipeline *pipe, DifContext *cx, DifScheduler *scheduler, const char *name)
{
  DifUnet2d         *unet   = dif_pipeline_part (pipe, "unet", "UNet2DModel");
  gsize              side   = dif_unet2d_sample_size (unet);
  g_autoptr (DifRng) rng    = dif_rng_new (SEED);
  DifTensor         *sample = dif_randn (cx, rng, 1, side, side, dif_unet2d_channels (unet));
  guint              n      = dif_scheduler_n_calls (scheduler);

  for (guint i = 0; i < n; i++)
    {
      DifTensor *noise, *before = sample;

      dif_context_enter (cx, "step.%u", i);
      noise  = dif_unet2d_forward (unet, cx, sample, dif_scheduler_timestep (scheduler, i));
      sample = dif_scheduler_step (scheduler, cx, noise, i, sample, 0, rng);
      sample = dif_context_leave (cx, sample);
      if (sample != before)
        dif_context_release (cx, before);
      if ((i + 1) % LOOK_EVERY == 0 || i + 1 == n)
        look (cx, sample, name, i + 1);
    }
}

int
main (int argc, char **argv)
{
  const char *model   = argc > 1 ? argv[1] : NULL;
  guint       n_steps = argc > 2 ? (guint) atoi (argv[2]) : 1000;
  const char *name    = argc > 3 ? argv[3] : "unconditional";
  const char *device  = argc > 4 ? argv[4] : "auto";
  const char *dtype   = argc > 5 ? argv[5] : "auto";

  g_autoptr (GError)       error     = NULL;
  g_autoptr (DifPipeline)  pipe      = dif_pipeline_load (model, device, dtype, NULL, NULL,
                                                          NULL, &error);
  g_autoptr (DifContext)   cx        = NULL;
  g_autoptr (DifScheduler) scheduler = NULL;

  if (pipe && ! dif_pipeline_part (pipe, "unet", "UNet2DModel"))
    {
      g_printerr ("unconditional: expected a model with a UNet2DModel, found one with prompts\n");
      return 1;
    }
  if (pipe && print_config (pipe, &error))
    scheduler = dif_pipeline_scheduler (pipe, "DDPMScheduler", &error);
  if (scheduler && dif_scheduler_set_timesteps (scheduler, n_steps, &error))
    {
      cx = dif_context_new (dif_pipeline_backend (pipe), dif_pipeline_dtype (pipe));
      denoise (pipe, cx, scheduler, name);
      dif_context_finish (cx, &error);
    }
  /* a scheduler may hold tensors of the context */
  g_clear_pointer (&scheduler, dif_scheduler_free);
  if (error)
    g_printerr ("unconditional: %s\n", error->message);
  return error != NULL;
}
