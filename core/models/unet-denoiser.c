/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet-denoiser.c - UNet2DConditionModel and UNet2DModel as denoisers. */
#include "models/denoiser.h"
#include "models/model.h"
#include "models/unet.h"
#include "models/unet2d.h"

/* ---- UNet2DConditionModel ---- */

static void
unet_info (gpointer model, DifDenoiserInfo *info)
{
  *info = (DifDenoiserInfo) { .in_channels    = dif_unet_in_channels (model),
                              .out_channels   = dif_unet_out_channels (model),
                              .sample_size    = dif_unet_sample_size (model),
                              .token_width    = dif_unet_cross_dim (model),
                              .added_width    = dif_unet_added_dim (model),
                              .size_width     = dif_unet_size_dim (model),
                              .takes_guidance = dif_unet_guidance_dim (model) != 0 };
}

static void
unet_prepare (gpointer model, DifContext *cx, DifConditioning *c)
{
  DifUnetText *text = dif_unet_text_new (model, cx, c->tokens);
  gsize        n    = dif_tensor_dim (c->tokens, 0);

  if (c->pooled && c->micro && n)
    dif_unet_text_add_sizes (text, model, cx, c->pooled,
                             (const float *) (void *) c->micro->data, c->micro->len / (guint) n);
  if (dif_unet_guidance_dim (model))
    dif_unet_text_add_guidance (text, model, cx, n, c->guidance);
  c->cached      = text;
  c->free_cached = (GDestroyNotify) dif_unet_text_free;
}

static DifTensor *
unet_time (gpointer model, DifContext *cx, gsize n, double timestep, const DifConditioning *c)
{
  return dif_unet_time (model, cx, n, timestep, c->cached);
}

static DifTensor *
unet_input (gpointer model, DifContext *cx, DifTensor *sample)
{
  return dif_unet_sample (model, cx, sample);
}

static DifTensor *
unet_forward (gpointer model, DifContext *cx, DifTensor *sample, DifTensor *time,
              const DifConditioning *c)
{
  return dif_unet_forward_at (model, cx, sample, time, c->cached);
}

static gpointer
unet_load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_unet_load (config, l, error);
}

static void
unet_free (gpointer model)
{
  dif_unet_free (model);
}

static const DifDenoiserClass unet_denoiser = {
  .info    = unet_info,
  .prepare = unet_prepare,
  .time    = unet_time,
  .input   = unet_input,
  .forward = unet_forward,
};

const DifModelClass dif_model_unet = {
  .class_name = "UNet2DConditionModel",
  .load       = unet_load,
  .free       = unet_free,
  .denoiser   = &unet_denoiser,
};

/* ---- UNet2DModel ---- */

static void
unet2d_info (gpointer model, DifDenoiserInfo *info)
{
  *info = (DifDenoiserInfo) { .in_channels  = dif_unet2d_channels (model),
                              .out_channels = dif_unet2d_channels (model),
                              .sample_size  = dif_unet2d_sample_size (model) };
}

static DifTensor *
unet2d_time (gpointer model, DifContext *cx, gsize n, double timestep, const DifConditioning *c)
{
  return dif_unet2d_time (model, cx, n, timestep);
}

static DifTensor *
unet2d_input (gpointer model, DifContext *cx, DifTensor *sample)
{
  return dif_cast (cx, sample, dif_context_dtype (cx));
}

static DifTensor *
unet2d_forward (gpointer model, DifContext *cx, DifTensor *sample, DifTensor *time,
                const DifConditioning *c)
{
  return dif_unet2d_forward_at (model, cx, sample, time);
}

static gpointer
unet2d_load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_unet2d_load (config, l, error);
}

static void
unet2d_free (gpointer model)
{
  dif_unet2d_free (model);
}

static const DifDenoiserClass unet2d_denoiser = {
  .info    = unet2d_info,
  .time    = unet2d_time,
  .input   = unet2d_input,
  .forward = unet2d_forward,
};

const DifModelClass dif_model_unet2d = {
  .class_name = "UNet2DModel",
  .load       = unet2d_load,
  .free       = unet2d_free,
  .denoiser   = &unet2d_denoiser,
};
