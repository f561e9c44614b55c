/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet2d.c - UNet2DModel, as google/ddpm-* and their kin have it.
 *
 * Down, middle, up with skips; some levels have plain self attention.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/unet2d.h"
#include "nn/attention.h"
#include "nn/embed.h"
#include "nn/resnet.h"

#define MAX_LEVELS 12

typedef struct
{
  guint              n_layers;
  DifResnet         *resnets;
  DifAttentionBlock *attentions; /* NULL without attention */
  DifConv           *sampler;    /* NULL at the last level */
} Level;

struct _DifUnet2d
{
  guint    n_levels, channels[MAX_LEVELS], n_layers, in, out, sample_size;
  guint    n_groups, head_dim, n_time;
  guint    downsample_padding;
  gboolean down_attention[MAX_LEVELS], up_attention[MAX_LEVELS], mid_attention, flip_sin_to_cos;
  float    eps, freq_shift;

  DifConv          *conv_in, *conv_out;
  DifLinear        *time1, *time2;
  Level             down[MAX_LEVELS], up[MAX_LEVELS];
  DifResnet         mid_resnets[2];
  DifAttentionBlock mid;
  DifNorm          *norm_out;
};

static void
read_types (DifJson *config, const char *key, const char *plain, const char *attended, DifUnet2d *m,
            gboolean *out)
{
  DifJson *types = dif_json_member (config, key);
  guint    n     = types ? dif_json_length (types) : 0;

  if (n != m->n_levels)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected %u block types, found %u", key,
                   m->n_levels, n);
  for (guint i = 0; i < MIN (n, m->n_levels); i++)
    {
      const char *type = dif_json_value_string (dif_json_at (types, i));

      out[i] = strcmp (type, attended) == 0;
      if (! out[i] && strcmp (type, plain) != 0)
        dif_json_fail (dif_json_at (types, i), DIF_FORMAT_ERROR_UNSUPPORTED,
                       "expected \"%s\" or \"%s\", found \"%s\"", plain, attended, type);
    }
}

/* Options of the reference that are fine at their defaults only. */
static void
refuse_others (DifJson *config)
{
  static const struct
  {
    const char *key, *value;
  } fixed[]                         = { { "time_embedding_type", "positional" },
                                        { "resnet_time_scale_shift", "default" },
                                        { "downsample_type", "conv" },
                                        { "upsample_type", "conv" },
                                        { "act_fn", "silu" } };
  static const char *const absent[] = { "class_embed_type", "num_class_embeds",
                                        "attn_norm_num_groups", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    {
      const char *value = dif_json_string (config, fixed[i].key, fixed[i].value);

      if (strcmp (value, fixed[i].value) != 0)
        dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected \"%s\", found \"%s\"",
                       fixed[i].key, fixed[i].value, value);
    }
  for (guint i = 0; absent[i]; i++)
    if (dif_json_has (config, absent[i]))
      dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected null, found a value",
                     absent[i]);
  if (dif_json_bool (config, "center_input_sample", FALSE))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "center_input_sample: expected false, found true");
  if (dif_json_double (config, "mid_block_scale_factor", 1) != 1)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "mid_block_scale_factor: expected 1, found %g",
                   dif_json_double (config, "mid_block_scale_factor", 1));
}

/* Heads matter only where there is attention. */
static gboolean
attends (const DifUnet2d *m, guint level)
{
  return m->down_attention[level] || m->up_attention[m->n_levels - 1 - level] ||
         (m->mid_attention && level == m->n_levels - 1);
}

static void
read_channels (DifUnet2d *m, DifJson *config, DifJson *channels)
{
  for (guint i = 0; i < m->n_levels; i++)
    {
      m->channels[i] = (guint) dif_json_value_int (dif_json_at (channels, i), 1, 1 << 16);
      if (m->channels[i] % m->n_groups)
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                       "block_out_channels: expected multiples of norm_num_groups (%u), found %u",
                       m->n_groups, m->channels[i]);
      if (attends (m, i) && m->head_dim && m->channels[i] % m->head_dim)
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                       "block_out_channels: expected multiples of attention_head_dim (%u) at "
                       "levels with attention, found %u",
                       m->head_dim, m->channels[i]);
    }
}

/* Whether @key is there with the value null, which dif_json_has() does not
 * tell from absent. */
static gboolean
is_null (DifJson *config, const char *key)
{
  for (guint i = 0; i < dif_json_length (config); i++)
    {
      DifJson *member = dif_json_at (config, i);

      if (strcmp (dif_json_key (member), key) == 0)
        return dif_json_type (member) == DIF_JSON_NULL;
    }
  return FALSE;
}

static gboolean
read_config (DifUnet2d *m, DifJson *config, GError **error)
{
  DifJson *channels = dif_json_member (config, "block_out_channels");

  m->n_levels = channels ? dif_json_length (channels) : 0;
  if (m->n_levels < 1 || m->n_levels > MAX_LEVELS)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "block_out_channels: expected 1 to %d numbers, found %u", MAX_LEVELS,
                     m->n_levels);
      return dif_json_finish (config, error);
    }
  if (dif_json_type (channels) != DIF_JSON_ARRAY)
    dif_json_fail_value (channels, DIF_FORMAT_ERROR_BAD_VALUE, "an array of numbers");
  m->n_groups = (guint) dif_json_int (config, "norm_num_groups", 32, 1, 1 << 16);
  /* null means one head as wide as the level; absent means 8 */
  m->head_dim = (guint) dif_json_int (config, "attention_head_dim", 0, 1, 1 << 16);
  if (! m->head_dim && ! is_null (config, "attention_head_dim"))
    m->head_dim = 8;
  read_types (config, "down_block_types", "DownBlock2D", "AttnDownBlock2D", m, m->down_attention);
  read_types (config, "up_block_types", "UpBlock2D", "AttnUpBlock2D", m, m->up_attention);
  m->n_layers           = (guint) dif_json_int (config, "layers_per_block", 2, 1, 64);
  m->in                 = (guint) dif_json_int (config, "in_channels", 3, 1, 1024);
  m->out                = (guint) dif_json_int (config, "out_channels", 3, 1, 1024);
  m->sample_size        = (guint) dif_json_int (config, "sample_size", 32, 1, 1 << 14);
  m->eps                = (float) dif_json_double (config, "norm_eps", 1e-5);
  m->flip_sin_to_cos    = dif_json_bool (config, "flip_sin_to_cos", TRUE);
  m->freq_shift         = (float) dif_json_double (config, "freq_shift", 0);
  m->downsample_padding = (guint) dif_json_int (config, "downsample_padding", 1, 0, 1);
  m->mid_attention      = dif_json_bool (config, "add_attention", TRUE);
  read_channels (m, config, channels);
  m->n_time = 4 * m->channels[0];
  if (! (m->eps > 0) || ! isfinite (m->eps))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "norm_eps: expected a positive number, found %g", (double) m->eps);
  /* frequencies are spread over half - freq_shift steps */
  if (! isfinite (m->freq_shift) || m->freq_shift == (float) (m->channels[0] / 2))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "freq_shift: expected a number other than half of %u channels, found %g",
                   m->channels[0], (double) m->freq_shift);
  refuse_others (config);
  return dif_json_finish (config, error);
}

static void
load_attention (DifAttentionBlock *a, DifUnet2d *m, DifLoader *l, guint at, guint C)
{
  dif_loader_enter (l, "attentions.%u", at);
  dif_attention_block_load (a, l, C, m->head_dim ? C / m->head_dim : 1, m->n_groups, m->eps);
  dif_loader_leave (l);
}

static void
load_layer (Level *level, DifUnet2d *m, DifLoader *l, guint j, gsize n_in, guint C)
{
  dif_loader_enter (l, "resnets.%u", j);
  dif_resnet_load (&level->resnets[j], l, n_in, C, m->n_time, m->n_groups, m->eps);
  dif_loader_leave (l);
  if (level->attentions)
    load_attention (&level->attentions[j], m, l, j, C);
}

static void
level_init (Level *level, guint n_layers, gboolean attention)
{
  level->n_layers   = n_layers;
  level->resnets    = g_new0 (DifResnet, n_layers);
  level->attentions = attention ? g_new0 (DifAttentionBlock, n_layers) : NULL;
}

static void
load_down (DifUnet2d *m, DifLoader *l)
{
  guint n_in = m->channels[0];

  for (guint i = 0; i < m->n_levels; i++)
    {
      Level *level = &m->down[i];
      guint  C     = m->channels[i];

      dif_loader_enter (l, "down_blocks.%u", i);
      level_init (level, m->n_layers, m->down_attention[i]);
      for (guint j = 0; j < level->n_layers; j++)
        load_layer (level, m, l, j, j ? C : n_in, C);
      n_in = C;
      if (i + 1 < m->n_levels)
        level->sampler = dif_loader_conv (l, "downsamplers.0.conv", C, C, 3, 2,
                                          m->downsample_padding ? 1 : DIF_PAD_RIGHT_BOTTOM);
      dif_loader_leave (l);
    }
}

static void
load_middle (DifUnet2d *m, DifLoader *l)
{
  guint C = m->channels[m->n_levels - 1];

  dif_loader_enter (l, "mid_block");
  for (guint i = 0; i < 2; i++)
    {
      dif_loader_enter (l, "resnets.%u", i);
      dif_resnet_load (&m->mid_resnets[i], l, C, C, m->n_time, m->n_groups, m->eps);
      dif_loader_leave (l);
    }
  if (m->mid_attention)
    load_attention (&m->mid, m, l, 0, C);
  dif_loader_leave (l);
}

static void
load_up (DifUnet2d *m, DifLoader *l)
{
  guint previous = m->channels[m->n_levels - 1];

  for (guint i = 0; i < m->n_levels; i++)
    {
      Level *level = &m->up[i];
      guint  at = m->n_levels - 1 - i, own = m->channels[at], below = m->channels[at ? at - 1 : 0];

      dif_loader_enter (l, "up_blocks.%u", i);
      level_init (level, m->n_layers + 1, m->up_attention[i]);
      for (guint j = 0; j < level->n_layers; j++)
        load_layer (level, m, l, j, (j ? own : previous) + (j + 1 < level->n_layers ? own : below),
                    own);
      previous = own;
      if (i + 1 < m->n_levels)
        level->sampler = dif_loader_conv (l, "upsamplers.0.conv", own, own, 3, 1, 1);
      dif_loader_leave (l);
    }
}

DifUnet2d *
dif_unet2d_load (DifJson *config, DifLoader *l, GError **error)
{
  DifUnet2d *m = g_new0 (DifUnet2d, 1);

  if (! read_config (m, config, error))
    {
      dif_unet2d_free (m);
      return NULL;
    }
  m->conv_in = dif_loader_conv (l, "conv_in", m->channels[0], m->in, 3, 1, 1);
  m->time1   = dif_loader_linear (l, "time_embedding.linear_1", m->n_time, m->channels[0], TRUE);
  m->time2   = dif_loader_linear (l, "time_embedding.linear_2", m->n_time, m->n_time, TRUE);
  load_down (m, l);
  load_middle (m, l);
  load_up (m, l);
  m->norm_out = dif_loader_norm (l, "conv_norm_out", m->channels[0]);
  m->conv_out = dif_loader_conv (l, "conv_out", m->out, m->channels[0], 3, 1, 1);
  return m;
}

void
dif_unet2d_free (DifUnet2d *m)
{
  if (! m)
    return;
  for (guint i = 0; i < MAX_LEVELS; i++)
    {
      g_free (m->down[i].resnets);
      g_free (m->down[i].attentions);
      g_free (m->up[i].resnets);
      g_free (m->up[i].attentions);
    }
  g_free (m);
}

guint
dif_unet2d_channels (DifUnet2d *m)
{
  return m->in;
}

guint
dif_unet2d_sample_size (DifUnet2d *m)
{
  return m->sample_size;
}

static DifTensor *
time_embedding (DifUnet2d *m, DifContext *cx, gsize n, double timestep)
{
  g_autofree float *sinusoids = g_new (float, n * m->channels[0]);
  DifTensor        *t;

  for (gsize i = 0; i < n; i++)
    dif_timestep_embedding (sinusoids + i * m->channels[0], m->channels[0], timestep,
                            m->flip_sin_to_cos, m->freq_shift);
  t = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, m->channels[0]), sinusoids);
  t = dif_linear (cx, t, m->time1, DIF_ACT_SILU, NULL);
  /* every resnet takes SiLU of the embedding, so it is applied once here */
  return dif_linear (cx, t, m->time2, DIF_ACT_SILU, NULL);
}

static DifTensor *
layer_forward (Level *level, DifContext *cx, guint j, DifTensor *h, DifTensor *time)
{
  dif_context_enter (cx, "layers.%u", j);
  h = dif_resnet_forward (&level->resnets[j], cx, h, time);
  if (level->attentions)
    h = dif_attention_block_forward (&level->attentions[j], cx, h);
  return dif_context_leave (cx, h);
}

static DifTensor *
down_forward (Level *level, DifContext *cx, guint i, DifTensor *h, DifTensor *time,
              GPtrArray *skips)
{
  dif_context_enter (cx, "down_blocks.%u", i);
  for (guint j = 0; j < level->n_layers; j++)
    {
      h = layer_forward (level, cx, j, h, time);
      g_ptr_array_add (skips, dif_context_keep (cx, h));
    }
  if (level->sampler)
    {
      h = dif_conv2d (cx, h, level->sampler, NULL, NULL);
      g_ptr_array_add (skips, dif_context_keep (cx, h));
    }
  dif_context_leave (cx, NULL);
  return h;
}

static DifTensor *
up_forward (Level *level, DifContext *cx, guint i, DifTensor *h, DifTensor *time, GPtrArray *skips)
{
  dif_context_enter (cx, "up_blocks.%u", i);
  for (guint j = 0; j < level->n_layers; j++)
    {
      DifTensor *skip = g_ptr_array_steal_index (skips, skips->len - 1);

      h = layer_forward (level, cx, j, dif_concat (cx, h, skip), time);
    }
  if (level->sampler)
    {
      DifTensor *meets = g_ptr_array_index (skips, skips->len - 1);

      h = dif_upsample_nearest (cx, h, dif_tensor_dim (meets, 1), dif_tensor_dim (meets, 2));
      h = dif_conv2d (cx, h, level->sampler, NULL, NULL);
    }
  return dif_context_leave (cx, h);
}

DifTensor *
dif_unet2d_time (DifUnet2d *m, DifContext *cx, gsize n, double timestep)
{
  if (dif_context_failed (cx))
    return dif_context_inert (cx);
  dif_context_enter (cx, "unet");
  return dif_context_leave (cx, time_embedding (m, cx, n, timestep));
}

DifTensor *
dif_unet2d_forward (DifUnet2d *m, DifContext *cx, DifTensor *sample, double timestep)
{
  DifTensor *time = dif_unet2d_time (m, cx, dif_tensor_dim (sample, 0), timestep);

  return dif_unet2d_forward_at (m, cx, dif_cast (cx, sample, dif_context_dtype (cx)), time);
}

DifTensor *
dif_unet2d_forward_at (DifUnet2d *m, DifContext *cx, DifTensor *sample, DifTensor *time)
{
  g_autoptr (GPtrArray) skips = g_ptr_array_new ();
  DifTensor            *h;

  if (dif_context_failed (cx) || ! sample->data)
    return dif_context_inert (cx);
  dif_context_enter (cx, "unet");
  h = dif_conv2d (cx, sample, m->conv_in, NULL, NULL);
  g_ptr_array_add (skips, h);
  for (guint i = 0; i < m->n_levels; i++)
    h = down_forward (&m->down[i], cx, i, h, time, skips);
  dif_context_enter (cx, "mid_block");
  h = dif_resnet_forward (&m->mid_resnets[0], cx, h, time);
  if (m->mid_attention)
    h = dif_attention_block_forward (&m->mid, cx, h);
  h = dif_context_leave (cx, dif_resnet_forward (&m->mid_resnets[1], cx, h, time));
  for (guint i = 0; i < m->n_levels; i++)
    h = up_forward (&m->up[i], cx, i, h, time, skips);
  h = dif_group_norm (cx, h, m->norm_out, m->n_groups, m->eps, DIF_ACT_SILU);
  h = dif_conv2d (cx, h, m->conv_out, NULL, NULL);
  return dif_context_leave (cx, dif_cast (cx, h, DIF_F32));
}
