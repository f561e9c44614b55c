/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* loop.c - the denoising loop by hand: encode the prompt, ask the U-Net, let
 * the scheduler step, decode.  Draws what `dif txt2img` draws with the same
 * prompt, 10 steps, guidance scale 7.5 and seed 7.
 *
 * Ops return tensors and never fail aloud: the context keeps the first error
 * and is asked once, at the end.
 */
#include <dif-parts.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <math.h>

#define N_STEPS  10
#define GUIDANCE 7.5f
#define SEED     7

/* The empty prompt and @prompt, in one batch: [2, T, D]. */
static DifTensor *
encode (DifPipeline *pipe, DifContext *cx, const char *prompt)
{
  const DifHiddenSpec last      = { .layer = -1, .is_normed = TRUE };
  DifTokenizer       *tokenizer = dif_pipeline_part (pipe, "tokenizer", "CLIPTokenizer");
  guint               T         = dif_tokenizer_max_length (tokenizer);
  g_autofree gint32  *ids       = g_new (gint32, 2 * T);
  GError             *error     = NULL;

  if (! dif_tokenizer_encode (tokenizer, "", ids, T, NULL, NULL, &error) ||
      ! dif_tokenizer_encode (tokenizer, prompt, ids + T, T, NULL, NULL, &error))
    return dif_context_fail (cx, error);
  return dif_clip_text_encode (dif_pipeline_part (pipe, "text_encoder", "CLIPTextModel"), cx, ids,
                               2, 2 * T, &last, NULL);
}

static DifTensor *
denoise (DifPipeline *pipe, DifContext *cx, DifScheduler *scheduler, DifRng *rng, DifTensor *embeds)
{
  DifUnet                *unet    = dif_pipeline_part (pipe, "unet", "UNet2DConditionModel");
  g_autoptr (DifUnetText) text    = dif_unet_text_new (unet, cx, embeds);
  gsize                   side    = dif_unet_sample_size (unet);
  DifTensor              *latents = dif_randn (cx, rng, 1, side, side, dif_unet_in_channels (unet));
  float                   sigma   = (float) dif_scheduler_init_noise_sigma (scheduler);
  const float             mix[2]  = { 1 - GUIDANCE, GUIDANCE };

  latents = dif_lincomb (cx, 1, &sigma, &latents);
  for (guint i = 0; i < dif_scheduler_n_calls (scheduler); i++)
    {
      DifTensor *x, *noise, *halves[2];

      dif_context_enter (cx, "step.%u", i);
      x         = dif_scheduler_scale_model_input (scheduler, cx, latents, i);
      noise     = dif_unet_forward (unet, cx, dif_concat_batch (cx, x, x),
                                    dif_scheduler_timestep (scheduler, i), text);
      halves[0] = dif_slice_batch (cx, noise, 0, 1);
      halves[1] = dif_slice_batch (cx, noise, 1, 1);
      noise     = dif_lincomb (cx, 2, mix, halves);
      latents   = dif_scheduler_step (scheduler, cx, noise, i, latents, 0, rng);
      latents   = dif_context_leave (cx, latents);
    }
  return latents;
}

static gboolean
decode (DifPipeline *pipe, DifContext *cx, DifTensor *latents, const char *path, GError **error)
{
  DifVae               *vae   = dif_pipeline_part (pipe, "vae", "AutoencoderKL");
  float                 scale = (float) (1 / dif_vae_scaling (vae));
  DifTensor            *image = dif_vae_decode (vae, cx, dif_lincomb (cx, 1, &scale, &latents));
  gsize                 n     = dif_tensor_count (image);
  int                   H = (int) dif_tensor_dim (image, 1), W = (int) dif_tensor_dim (image, 2);
  g_autofree float     *pixels = g_new0 (float, n);
  g_autofree guint8    *bytes  = g_new0 (guint8, n);
  g_autoptr (GdkPixbuf) pixbuf = NULL;

  dif_download (cx, image, pixels);
  if (! dif_context_finish (cx, error))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) rintf (CLAMP (pixels[i] * 0.5f + 0.5f, 0, 1) * 255);
  pixbuf = gdk_pixbuf_new_from_data (bytes, GDK_COLORSPACE_RGB, FALSE, 8, W, H, W * 3, NULL, NULL);
  return gdk_pixbuf_save (pixbuf, path, "png", error, NULL);
}

int
main (int argc, char **argv)
{
  const char *model = argc > 1 ? argv[1] : NULL, *prompt = argc > 2 ? argv[2] : "a large red cube";
  const char *path   = argc > 3 ? argv[3] : "loop.png";
  const char *device = argc > 4 ? argv[4] : "auto", *dtype = argc > 5 ? argv[5] : "auto";

  g_autoptr (GError)       error     = NULL;
  g_autoptr (DifPipeline)  pipe      = dif_pipeline_load (model, device, dtype, NULL, NULL,
                                                          NULL, &error);
  g_autoptr (DifContext)   cx        = NULL;
  g_autoptr (DifScheduler) scheduler = pipe ? dif_pipeline_scheduler (pipe, NULL, &error) : NULL;
  g_autoptr (DifRng)       rng       = dif_rng_new (SEED);

  if (scheduler && dif_scheduler_set_timesteps (scheduler, N_STEPS, &error))
    {
      DifTensor *embeds, *latents;

      cx      = dif_context_new (dif_pipeline_backend (pipe), dif_pipeline_dtype (pipe));
      embeds  = encode (pipe, cx, prompt);
      latents = denoise (pipe, cx, scheduler, rng, embeds);
      decode (pipe, cx, latents, path, &error);
    }
  /* a scheduler may hold tensors of the context */
  g_clear_pointer (&scheduler, dif_scheduler_free);
  if (error)
    g_printerr ("loop: %s\n", error->message);
  return error != NULL;
}
