/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet.c - running a UNet2DConditionModel.
 *
 * Down, middle, up; every output of the way down is kept and joined on the
 * way up.  Upsampling goes to the size of the skip it meets, so sizes need
 * not be multiples of 2^(levels - 1).
 */
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

/* ---- the prompt's keys and values ---- */

struct _DifUnetText
{
  GPtrArray *kv; /* of DifTensor, in the order in which the blocks run */
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

void
dif_unet_text_free (DifUnetText *text)
{
  if (! text)
    return;
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

static DifTensor *
time_embedding (DifUnet *m, DifContext *cx, gsize n, double timestep)
{
  g_autofree float *waves = g_new (float, n * m->channels[0]);
  DifTensor        *t;

  for (gsize i = 0; i < n; i++)
    dif_timestep_embedding (waves + i * m->channels[0], m->channels[0], timestep,
                            m->flip_sin_to_cos, m->freq_shift);
  t = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, m->channels[0]), waves);
  t = dif_linear (cx, t, m->time1, DIF_ACT_SILU, NULL);
  /* every resnet takes SiLU of the embedding, so it is applied once here */
  return dif_linear (cx, t, m->time2, DIF_ACT_SILU, NULL);
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
  h = dif_resnet_forward (&m->mid_resnets[0], cx, h, call->time);
  h = dif_transformer_forward (&m->mid_transformer, cx, h, call->kv);
  call->kv += m->mid_transformer.n_blocks;
  h = dif_resnet_forward (&m->mid_resnets[1], cx, h, call->time);
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
dif_unet_forward (DifUnet *m, DifContext *cx, DifTensor *sample, double timestep, DifUnetText *text)
{
  g_autoptr (GPtrArray) skips = g_ptr_array_new ();
  Call                  call  = { .m = m, .cx = cx, .skips = skips };
  DifTensor            *h;

  if (dif_context_failed (cx) || ! sample->data || text->failed)
    return dif_context_inert (cx);
  call.kv = (DifTensor **) text->kv->pdata;
  dif_context_enter (cx, "unet");
  call.time = time_embedding (m, cx, dif_tensor_dim (sample, 0), timestep);
  if (m->center_input)
    sample = centered (cx, sample);
  h = dif_conv2d (cx, dif_cast (cx, sample, dif_context_dtype (cx)), m->conv_in, NULL, NULL);
  g_ptr_array_add (skips, h);
  for (guint i = 0; i < m->n_levels; i++)
    h = down_forward (&call, i, h);
  if (m->middle)
    h = middle_forward (&call, h);
  for (guint i = 0; i < m->n_levels; i++)
    h = up_forward (&call, i, h);
  h = dif_group_norm (cx, h, m->norm_out, m->n_groups, m->eps, DIF_ACT_SILU);
  h = dif_conv2d (cx, h, m->conv_out, NULL, NULL);
  return dif_context_leave (cx, dif_cast (cx, h, DIF_F32));
}
