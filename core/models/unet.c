/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet.c - running a UNet2DConditionModel.
 *
 * Down, middle, up; every output of the way down is kept and joined on the
 * way up.  Upsampling goes to the size of the skip it meets, so sizes need
 * not be multiples of 2^(levels - 1).
 */
#include "base/error.h"
#include "models/unet-private.h"
#include "nn/embed.h"

guint
dif_unet_in_channels (DifUnet *m)
{
  return m->in;
}

guint
dif_unet_out_channels (DifUnet *m)
{
  return m->out;
}

guint
dif_unet_sample_size (DifUnet *m)
{
  return m->sample_size;
}

guint
dif_unet_cross_dim (DifUnet *m)
{
  return m->n_cross[0];
}

guint
dif_unet_guidance_dim (DifUnet *m)
{
  return m->n_guidance;
}

guint
dif_unet_added_dim (DifUnet *m)
{
  return m->n_added;
}

guint
dif_unet_size_dim (DifUnet *m)
{
  return m->n_size;
}

/* ---- what stays the same for a prompt ---- */

struct _DifUnetText
{
  GPtrArray *kv;       /* of DifTensor, in the order in which the blocks run */
  DifTensor *added;    /* [N, n_time]; NULL where nothing is added */
  DifTensor *guidance; /* [N, channels[0]]; NULL where there is none */
  gboolean   failed;
};

DifUnetText *
dif_unet_text_new (DifUnet *m, DifContext *cx, DifTensor *embeds)
{
  DifUnetText *text = g_new0 (DifUnetText, 1);

  text->kv = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref);
  dif_context_enter (cx, "unet.text");
  for (guint i = 0; i < m->n_levels; i++)
    for (guint j = 0; m->down[i].transformers && j < m->down[i].n_layers; j++)
      dif_transformer_text (&m->down[i].transformers[j], cx, embeds, text->kv);
  dif_transformer_text (&m->mid_transformer, cx, embeds, text->kv);
  for (guint i = 0; i < m->n_levels; i++)
    for (guint j = 0; m->up[i].transformers && j < m->up[i].n_layers; j++)
      dif_transformer_text (&m->up[i].transformers[j], cx, embeds, text->kv);
  dif_context_leave (cx, NULL);
  text->failed = dif_context_failed (cx);
  if (text->failed)
    g_ptr_array_set_size (text->kv, 0);
  return text;
}

/* Closes the scope that @made was made in and keeps @made in @place. */
static void
keep (DifUnetText *text, DifContext *cx, DifTensor **place, DifTensor *made)
{
  dif_context_leave (cx, made);
  text->failed = dif_context_failed (cx);
  if (! text->failed)
    *place = dif_tensor_ref (made);
}

void
dif_unet_text_add_sizes (DifUnetText *text, DifUnet *m, DifContext *cx, DifTensor *pooled,
                         const float *sizes, guint n_sizes)
{
  gsize             n = dif_tensor_dim (pooled, 0), width = (gsize) n_sizes * m->n_size;
  g_autofree float *sinusoids = NULL;
  DifTensor        *t;

  if (dif_context_failed (cx))
    return;
  if (! m->n_added || dif_tensor_dim (pooled, -1) + width != m->n_added)
    {
      dif_context_fail (
          cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                           "unet: expected %u added channels, found %" G_GSIZE_FORMAT
                           " of the text and %u sizes of %u",
                           m->n_added, dif_tensor_dim (pooled, -1), n_sizes, m->n_size));
      return;
    }
  sinusoids = g_new (float, n *width);
  for (gsize i = 0; i < n * n_sizes; i++)
    dif_timestep_embedding (sinusoids + i * m->n_size, m->n_size, (double) sizes[i],
                            m->flip_sin_to_cos, m->freq_shift);
  dif_context_enter (cx, "unet.add_embedding");
  t = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, width), sinusoids);
  t = dif_linear (cx, dif_concat (cx, pooled, t), m->added1, DIF_ACT_SILU, NULL);
  keep (text, cx, &text->added, dif_linear (cx, t, m->added2, DIF_ACT_NONE, NULL));
}

void
dif_unet_text_add_guidance (DifUnetText *text, DifUnet *m, DifContext *cx, gsize n, double scale)
{
  g_autofree float *sinusoids = NULL;
  DifTensor        *t;

  if (dif_context_failed (cx))
    return;
  sinusoids = g_new (float, n * m->n_guidance);
  for (gsize i = 0; i < n; i++)
    dif_guidance_embedding (sinusoids + i * m->n_guidance, m->n_guidance, scale);
  dif_context_enter (cx, "unet.time_embedding.cond_proj");
  t = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, m->n_guidance), sinusoids);
  keep (text, cx, &text->guidance, dif_linear (cx, t, m->guidance, DIF_ACT_NONE, NULL));
}

void
dif_unet_text_free (DifUnetText *text)
{
  if (! text)
    return;
  dif_tensor_unref (text->added);
  dif_tensor_unref (text->guidance);
  g_ptr_array_unref (text->kv);
  g_free (text);
}

/* ---- one call ---- */

/* What travels along the blocks. */
typedef struct
{
  DifUnet    *m;
  DifContext *cx;
  DifTensor  *time;  /* [N, n_time], SiLU applied */
  GPtrArray  *skips; /* borrowed tensors of the call's scope */
  DifTensor **kv;    /* keys and values of the next transformer */
} Call;

/* Whether the U-Net can be asked: the text is sound and says all it has to. */
static gboolean
is_conditioned (DifUnet *m, DifContext *cx, const DifUnetText *text)
{
  if (dif_context_failed (cx) || text->failed)
    return FALSE;
  if ((! m->n_added || text->added) && (! m->n_guidance || text->guidance))
    return TRUE;
  dif_context_fail (cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                     "unet: expected %s beside the prompt, found none",
                                     m->n_added && ! text->added ? "sizes" : "a guidance scale"));
  return FALSE;
}

static DifTensor *
time_embedding (DifUnet *m, DifContext *cx, gsize n, double timestep, const DifUnetText *text)
{
  g_autofree float *sinusoids = g_new (float, n * m->channels[0]);
  DifTensor        *t;

  for (gsize i = 0; i < n; i++)
    dif_timestep_embedding (sinusoids + i * m->channels[0], m->channels[0], timestep,
                            m->flip_sin_to_cos, m->freq_shift);
  t = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, m->channels[0]), sinusoids);
  if (text->guidance)
    t = dif_add (cx, t, text->guidance);
  t = dif_linear (cx, t, m->time1, DIF_ACT_SILU, NULL);
  /* every resnet takes SiLU of the embedding, so it is applied once here */
  if (! text->added)
    return dif_linear (cx, t, m->time2, DIF_ACT_SILU, NULL);
  t = dif_linear (cx, t, m->time2, DIF_ACT_NONE, text->added);
  return dif_activation (cx, t, DIF_ACT_SILU);
}

static DifTensor *
layer_forward (Call *call, DifUnetLevel *level, guint j, DifTensor *h)
{
  DifContext *cx = call->cx;

  dif_context_enter (cx, "resnets.%u", j);
  h = dif_context_leave (cx, dif_resnet_forward (&level->resnets[j], cx, h, call->time));
  if (level->transformers)
    {
      DifTensor *before = h;

      dif_context_enter (cx, "attentions.%u", j);
      h = dif_context_leave (cx,
                             dif_transformer_forward (&level->transformers[j], cx, h, call->kv));
      call->kv += level->transformers[j].n_blocks;
      dif_context_release (cx, before);
    }
  return h;
}

static DifTensor *
down_forward (Call *call, guint i, DifTensor *h)
{
  DifUnetLevel *level = &call->m->down[i];
  DifContext   *cx    = call->cx;

  dif_context_enter (cx, "down_blocks.%u", i);
  for (guint j = 0; j < level->n_layers; j++)
    {
      h = layer_forward (call, level, j, h);
      g_ptr_array_add (call->skips, dif_context_keep (cx, h));
    }
  if (level->sampler)
    {
      h = dif_conv2d (cx, h, level->sampler, NULL, NULL);
      g_ptr_array_add (call->skips, dif_context_keep (cx, h));
    }
  dif_context_leave (cx, NULL);
  return h;
}

static DifTensor *
middle_forward (Call *call, DifTensor *h)
{
  DifUnet    *m  = call->m;
  DifContext *cx = call->cx;

  dif_context_enter (cx, "mid_block");
  for (guint i = 0; i < m->n_mid_resnets; i++)
    {
      if (i == 1)
        {
          h = dif_transformer_forward (&m->mid_transformer, cx, h, call->kv);
          call->kv += m->mid_transformer.n_blocks;
        }
      h = dif_resnet_forward (&m->mid_resnets[i], cx, h, call->time);
    }
  return dif_context_leave (cx, h);
}

static DifTensor *
up_forward (Call *call, guint i, DifTensor *h)
{
  DifUnetLevel *level = &call->m->up[i];
  DifContext   *cx    = call->cx;
  DifTensor    *below = h;

  dif_context_enter (cx, "up_blocks.%u", i);
  for (guint j = 0; j < level->n_layers; j++)
    {
      DifTensor *skip   = g_ptr_array_steal_index (call->skips, call->skips->len - 1);
      DifTensor *joined = dif_concat (cx, h, skip), *before = h;

      dif_context_release (cx, before);
      h = layer_forward (call, level, j, joined);
      dif_context_release (cx, joined);
    }
  if (level->sampler)
    {
      DifTensor *meets = g_ptr_array_index (call->skips, call->skips->len - 1), *before = h;

      h = dif_upsample_nearest (cx, h, dif_tensor_dim (meets, 1), dif_tensor_dim (meets, 2));
      dif_context_release (cx, before);
      h = dif_conv2d (cx, h, level->sampler, NULL, NULL);
    }
  dif_context_leave (cx, h);
  dif_context_release (cx, below);
  return h;
}

/* 2 x - 1 */
static DifTensor *
centered (DifContext *cx, DifTensor *x)
{
  g_autofree float *ones    = NULL;
  const float       coef[2] = { 2, -1 };
  DifTensor        *terms[2];
  gsize             n = dif_tensor_count (x);

  ones = g_new (float, MAX (n, 1));
  for (gsize i = 0; i < n; i++)
    ones[i] = 1;
  terms[0] = dif_cast (cx, x, DIF_F32);
  terms[1] = dif_upload (cx, DIF_F32, x->shape, ones);
  return dif_lincomb (cx, 2, coef, terms);
}

DifTensor *
dif_unet_time (DifUnet *m, DifContext *cx, gsize n, double timestep, DifUnetText *text)
{
  if (! is_conditioned (m, cx, text))
    return dif_context_inert (cx);
  dif_context_enter (cx, "unet");
  return dif_context_leave (cx, time_embedding (m, cx, n, timestep, text));
}

DifTensor *
dif_unet_sample (DifUnet *m, DifContext *cx, DifTensor *sample)
{
  if (m->center_input)
    sample = centered (cx, sample);
  return dif_cast (cx, sample, dif_context_dtype (cx));
}

DifTensor *
dif_unet_forward (DifUnet *m, DifContext *cx, DifTensor *sample, double timestep, DifUnetText *text)
{
  DifTensor *time = dif_unet_time (m, cx, dif_tensor_dim (sample, 0), timestep, text);

  return dif_unet_forward_at (m, cx, dif_unet_sample (m, cx, sample), time, text);
}

DifTensor *
dif_unet_forward_at (DifUnet *m, DifContext *cx, DifTensor *sample, DifTensor *time,
                     DifUnetText *text)
{
  g_autoptr (GPtrArray) skips = g_ptr_array_new ();
  Call                  call  = { .m = m, .cx = cx, .time = time, .skips = skips };
  DifTensor            *h;

  if (! is_conditioned (m, cx, text) || ! sample->data)
    return dif_context_inert (cx);
  call.kv = (DifTensor **) text->kv->pdata;
  dif_context_enter (cx, "unet");
  h = dif_conv2d (cx, sample, m->conv_in, NULL, NULL);
  g_ptr_array_add (skips, h);
  for (guint i = 0; i < m->n_levels; i++)
    h = down_forward (&call, i, h);
  if (m->n_mid_resnets)
    h = middle_forward (&call, h);
  for (guint i = 0; i < m->n_levels; i++)
    h = up_forward (&call, i, h);
  h = dif_group_norm (cx, h, m->norm_out, m->n_groups, m->eps, DIF_ACT_SILU);
  h = dif_conv2d (cx, h, m->conv_out, NULL, NULL);
  return dif_context_leave (cx, dif_cast (cx, h, DIF_F32));
}
