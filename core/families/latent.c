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
  guint latent = dif_pipeline_autoencoder (pipe)->latent_channels,
        in     = dif_pipeline_denoiser (pipe)->in_channels;

  return in == latent           ? DIF_CAN_TXT2IMG | DIF_CAN_IMG2IMG | DIF_CAN_INPAINT
         : in == latent + 1     ? DIF_CAN_DEPTH2IMG
         : in == 2 * latent + 1 ? DIF_CAN_INPAINT
                                : 0;
}

/* Every text encoder reads what its tokenizer makes, all of them equally many tokens. */
static gboolean
check_tokenizers (DifPipeline *pipe, GError **error)
{
  guint first = 0;

  for (guint i = 0; i < DIF_N_TEXT_ROLES; i++)
    {
      const DifPart *part = &pipe->parts[DIF_ROLE_TEXT + i];
      guint          length;

      if (! part->spec)
        continue;
      length = dif_tokenizer_max_length (part->tokenizer);
      first  = first ? first : length;
      if (length != first)
        return dif_latent_misfit (pipe, error,
                                  "%s: expected the first tokenizer's model_max_length of %u, "
                                  "found %u",
                                  part->spec->tokenizer, first, length);
      if (length > part->info.text.max_length)
        return dif_latent_misfit (pipe, error,
                                  "%s: expected at most %u tokens, found a model_max_length of %u",
                                  part->spec->tokenizer, part->info.text.max_length, length);
    }
  return TRUE;
}

gboolean
dif_latent_check (DifPipeline *pipe, GError **error)
{
  const DifDenoiserInfo *info   = dif_pipeline_denoiser (pipe);
  guint                  latent = dif_pipeline_autoencoder (pipe)->latent_channels, width = 0;

  for (guint i = 0; i < DIF_N_TEXT_ROLES; i++)
    width += dif_pipeline_text_encoder (pipe, i) ? dif_pipeline_text_encoder (pipe, i)->width : 0;
  if (width != info->token_width)
    return dif_latent_misfit (pipe, error,
                              "unet: expected a cross_attention_dim of the text encoder's %u, "
                              "found %u",
                              width, info->token_width);
  if (! dif_latent_can (pipe) || info->out_channels != latent)
    return dif_latent_misfit (pipe, error,
                              "unet: expected %u (plain), %u (depth) or %u (inpainting) channels "
                              "in and %u out, found %u and %u",
                              latent, latent + 1, 2 * latent + 1, latent, info->in_channels,
                              info->out_channels);
  return check_tokenizers (pipe, error);
}

gboolean
dif_latent_check_plain (DifPipeline *pipe, GError **error)
{
  const char *klass = dif_checkpoint_pipeline_class (pipe->checkpoint);

  if (dif_pipeline_denoiser (pipe)->added_width)
    return dif_latent_misfit (pipe, error,
                              "unet: addition_embed_type: expected null for a %s, found "
                              "\"text_time\"",
                              klass);
  if (dif_pipeline_autoencoder (pipe)->has_statistics)
    return dif_latent_misfit (pipe, error,
                              "vae: latents_mean: expected null for a %s, found a value", klass);
  return TRUE;
}
