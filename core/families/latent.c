/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* latent.c - what the families share that draw in an autoencoder's latents. */
#include "families/latent.h"

#include "base/error.h"

static const float sd_rows[][3] = {
  { 0.3512f, 0.2297f, 0.3227f },
  { 0.3250f, 0.4974f, 0.2350f },
  { -0.2829f, 0.1762f, 0.2721f },
  { -0.2120f, -0.2616f, -0.7177f },
  { 0, 0, 0 },
};

const DifLatentRgb dif_latent_rgb_sd = { G_N_ELEMENTS (sd_rows) - 1, sd_rows };

gboolean
dif_latent_misfit (DifPipeline *pipe, GError **error, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list          args;

  va_start (args, format);
  message = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE, "%s: %s",
               dif_checkpoint_path (pipe->checkpoint), message);
  return FALSE;
}

guint
dif_latent_can (DifPipeline *pipe)
{
  guint latent = dif_vae_latent_channels (pipe->vae), in = pipe->denoiser.info.in_channels;

  return in == latent           ? DIF_CAN_TXT2IMG | DIF_CAN_IMG2IMG | DIF_CAN_INPAINT
         : in == latent + 1     ? DIF_CAN_DEPTH2IMG
         : in == 2 * latent + 1 ? DIF_CAN_INPAINT
                                : 0;
}

static gboolean
check_tokenizer (DifPipeline *pipe, const char *name, DifTokenizer *tok, DifClipText *text,
                 GError **error)
{
  if (! text || dif_tokenizer_max_length (tok) <= dif_clip_text_max_length (text))
    return TRUE;
  return dif_latent_misfit (pipe, error,
                            "%s: expected at most %u tokens, found a model_max_length of %u", name,
                            dif_clip_text_max_length (text), dif_tokenizer_max_length (tok));
}

gboolean
dif_latent_check (DifPipeline *pipe, GError **error)
{
  const DifDenoiserInfo *info   = &pipe->denoiser.info;
  guint                  latent = dif_vae_latent_channels (pipe->vae), width;
  guint                  cross  = dif_unet_cross_dim (pipe->denoiser.model);

  width = (pipe->text ? dif_clip_text_width (pipe->text) : 0) +
          (pipe->text2 ? dif_clip_text_width (pipe->text2) : 0);
  if (width != cross)
    return dif_latent_misfit (pipe, error,
                              "unet: expected a cross_attention_dim of the text encoder's %u, "
                              "found %u",
                              width, cross);
  if (! dif_latent_can (pipe) || info->out_channels != latent)
    return dif_latent_misfit (pipe, error,
                              "unet: expected %u (plain), %u (depth) or %u (inpainting) channels "
                              "in and %u out, found %u and %u",
                              latent, latent + 1, 2 * latent + 1, latent, info->in_channels,
                              info->out_channels);
  if (pipe->text && pipe->text2 &&
      dif_tokenizer_max_length (pipe->tokenizer) != dif_tokenizer_max_length (pipe->tokenizer2))
    return dif_latent_misfit (pipe, error,
                              "tokenizer_2: expected the first tokenizer's model_max_length of "
                              "%u, found %u",
                              dif_tokenizer_max_length (pipe->tokenizer),
                              dif_tokenizer_max_length (pipe->tokenizer2));
  return check_tokenizer (pipe, "tokenizer", pipe->tokenizer, pipe->text, error) &&
         check_tokenizer (pipe, "tokenizer_2", pipe->tokenizer2, pipe->text2, error);
}

gboolean
dif_latent_check_plain (DifPipeline *pipe, GError **error)
{
  const char *klass = dif_checkpoint_pipeline_class (pipe->checkpoint);

  if (dif_unet_added_dim (pipe->denoiser.model))
    return dif_latent_misfit (pipe, error,
                              "unet: addition_embed_type: expected null for a %s, found "
                              "\"text_time\"",
                              klass);
  if (dif_vae_has_statistics (pipe->vae))
    return dif_latent_misfit (pipe, error,
                              "vae: latents_mean: expected null for a %s, found a value", klass);
  return TRUE;
}
