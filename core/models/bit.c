/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bit.c - BitBackbone.
 *
 * A wide convolution, a pool, then stages of bottlenecks.  Filters are
 * standardised at loading; paddings are TensorFlow's "same", which puts the odd
 * row at the bottom and the odd column at the right.
 */
#include <string.h>

#include "base/error.h"
#include "models/bit.h"
#include "tensor/resample.h"

#define EPS 1e-5f

/* A convolution and its group norm. */
typedef struct
{
  DifConv *conv;
  DifNorm *norm;
} Unit;

typedef struct
{
  Unit units[3], shortcut; /* shortcut.conv is NULL but in a stage's first layer */
} Layer;

typedef struct
{
  guint  depth, channels, side;
  Layer *layers;
} Stage;

struct _DifBit
{
  guint       in, stem_channels, stem_side, n_groups, n_stages, n_features;
  guint       features[DIF_BIT_MAX_STAGES]; /* 0 is the stem, i the i-th stage */
  Unit        stem;
  DifConvSpec pool;
  Stage       stages[DIF_BIT_MAX_STAGES];
};

/* ---- config ---- */

/* What DPT hybrid has where its config says nothing of its backbone. */
#define HYBRID                                                                   \
  "{\"depths\":[3,4,9],\"embedding_dynamic_padding\":true,"                      \
  "\"global_padding\":\"same\",\"layer_type\":\"bottleneck\",\"out_features\":[" \
  "\"stage1\",\"stage2\",\"stage3\"]}"

/* Options of the reference that are done for one value only. */
static void
refuse_others (DifJson *config)
{
  static const struct
  {
    const char *key, *fallback, *value;
  } fixed[] = { { "layer_type", "preactivation", "bottleneck" },
                { "hidden_act", "relu", "relu" },
                { "global_padding", "null", "same" } };

  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    {
      const char *value = dif_json_string (config, fixed[i].key, fixed[i].fallback);

      if (g_ascii_strcasecmp (value, fixed[i].value) != 0)
        dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected \"%s\", found \"%s\"",
                       fixed[i].key, fixed[i].value, value);
    }
  if (! dif_json_bool (config, "embedding_dynamic_padding", FALSE))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "embedding_dynamic_padding: expected true, found false");
}

/* Channels are whole multiples of 8, and no more than a tenth below what was
 * asked for. */
static guint
divisible (double value)
{
  guint n = MAX (8, (guint) (value + 4) / 8 * 8);

  return n < 0.9 * value ? n + 8 : n;
}

static void
read_stages (DifBit *m, DifJson *config)
{
  static const guint defaults[][2] = { { 3, 256 }, { 4, 512 }, { 6, 1024 }, { 3, 2048 } };
  DifJson           *depths        = dif_json_member (config, "depths");
  DifJson           *sizes         = dif_json_member (config, "hidden_sizes");
  guint              width         = (guint) dif_json_int (config, "width_factor", 1, 1, 64);
  guint              n             = depths ? dif_json_length (depths) : G_N_ELEMENTS (defaults);

  m->n_stages = MIN (n, sizes ? dif_json_length (sizes) : G_N_ELEMENTS (defaults));
  if (! m->n_stages || m->n_stages > DIF_BIT_MAX_STAGES)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "depths, hidden_sizes: expected 1 to %u stages, found %u", DIF_BIT_MAX_STAGES,
                     m->n_stages);
      m->n_stages = 0;
    }
  for (guint i = 0; i < m->n_stages; i++)
    {
      guint size = sizes ? (guint) dif_json_value_int (dif_json_at (sizes, i), 1, 1 << 16)
                         : defaults[i][1];

      m->stages[i].depth    = depths ? (guint) dif_json_value_int (dif_json_at (depths, i), 1, 1000)
                                     : defaults[i][0];
      m->stages[i].channels = divisible ((double) size * width);
    }
}

static void
read_features (DifBit *m, DifJson *config)
{
  DifJson *names = dif_json_member (config, "out_features");

  m->n_features = names ? dif_json_length (names) : 0;
  if (! m->n_features || m->n_features > m->n_stages + 1)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "out_features: expected 1 to %u names of stages, found %u", m->n_stages + 1,
                     m->n_features);
      m->n_features = 0;
    }
  for (guint i = 0; i < m->n_features; i++)
    {
      const char *name  = dif_json_value_string (dif_json_at (names, i));
      guint       stage = 0;

      for (guint k = 1; k <= m->n_stages; k++)
        {
          g_autofree char *known = g_strdup_printf ("stage%u", k);

          if (strcmp (name, known) == 0)
            stage = k;
        }
      if ((! stage && strcmp (name, "stem") != 0) || (i && stage <= m->features[i - 1]))
        dif_json_fail (dif_json_at (names, i), DIF_FORMAT_ERROR_BAD_VALUE,
                       "expected \"stem\" or \"stage1\" to \"stage%u\", in order, found \"%s\"",
                       m->n_stages, name);
      m->features[i] = stage;
    }
}

static void
read_config (DifBit *m, DifJson *config)
{
  m->in            = (guint) dif_json_int (config, "num_channels", 3, 1, 64);
  m->stem_channels = (guint) dif_json_int (config, "embedding_size", 64, 1, 1 << 14);
  m->n_groups      = (guint) dif_json_int (config, "num_groups", 32, 1, 1 << 14);
  refuse_others (config);
  read_stages (m, config);
  read_features (m, config);
  /* the stem shrinks four times, every stage but the first twice */
  if (dif_json_int (config, "output_stride", 32, 1, 1 << 16) < 2 << m->n_stages)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "output_stride: expected at least %d, where no convolution is dilated",
                   2 << m->n_stages);
  for (guint i = 0; i < m->n_stages; i++)
    if (divisible (m->stages[i].channels / 4.0) % m->n_groups ||
        m->stages[i].channels % m->n_groups || m->stem_channels % m->n_groups)
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "num_groups: expected a divisor of all channels, found %u", m->n_groups);
}

/* ---- loading ---- */

/* What brings a side of n pixels to one of ceil (n / stride). */
static DifConvSpec
same_padding (guint n, guint k, guint stride)
{
  guint       out = (n + stride - 1) / stride, needed = (out - 1) * stride + k;
  guint       all  = needed > n ? needed - n : 0;
  DifConvSpec spec = { .stride = stride };

  spec.pad.top = spec.pad.left = all / 2;
  spec.pad.bottom = spec.pad.right = all - all / 2;
  return spec;
}

static Unit
load_unit (DifLoader *l, const char *conv, const char *norm, guint n_out, guint n_in, guint k,
           DifConvSpec spec)
{
  Unit u;

  u.conv = dif_loader_weight (l, &(DifWeightSpec) { .kind  = DIF_WEIGHT_CONV,
                                                    .form  = DIF_FORM_STANDARDIZED,
                                                    .names = { conv },
                                                    .n_out = n_out,
                                                    .n_in  = n_in,
                                                    .k     = k,
                                                    .conv  = spec });
  u.norm = dif_loader_norm (l, norm, n_out);
  return u;
}

static void
load_layer (Layer *y, DifLoader *l, guint n_in, guint n_out, guint side, guint stride,
            gboolean first)
{
  guint mid = divisible (n_out / 4.0), out = (side + stride - 1) / stride;

  if (first)
    y->shortcut = load_unit (l, "downsample.conv", "downsample.norm", n_out, n_in, 1,
                             same_padding (side, 1, stride));
  y->units[0] = load_unit (l, "conv1", "norm1", mid, n_in, 1, same_padding (side, 1, 1));
  y->units[1] = load_unit (l, "conv2", "norm2", mid, mid, 3, same_padding (side, 3, stride));
  y->units[2] = load_unit (l, "conv3", "norm3", n_out, mid, 1, same_padding (out, 1, 1));
}

static void
load_stages (DifBit *m, DifLoader *l)
{
  guint channels = m->stem_channels, side = m->stem_side;

  for (guint i = 0; i < m->n_stages; i++)
    {
      Stage *s = &m->stages[i];

      s->layers = g_new0 (Layer, s->depth);
      for (guint k = 0; k < s->depth; k++)
        {
          guint stride = i && ! k ? 2 : 1;

          dif_loader_enter (l, "encoder.stages.%u.layers.%u", i, k);
          load_layer (&s->layers[k], l, channels, s->channels, side, stride, k == 0);
          dif_loader_leave (l);
          side     = (side + stride - 1) / stride;
          channels = s->channels;
        }
      s->side = side;
    }
}

DifBit *
dif_bit_load (DifJson *config, DifLoader *l, guint side, GError **error)
{
  g_autoptr (DifJson) hybrid = NULL;
  DifBit             *m      = g_new0 (DifBit, 1);
  guint               half   = (side + 1) / 2;

  if (! config)
    config = hybrid = dif_json_parse (HYBRID, strlen (HYBRID), "backbone_config", error);
  if (config)
    read_config (m, config);
  if (! config || ! dif_json_finish (config, error))
    {
      dif_bit_free (m);
      return NULL;
    }
  m->stem_side = (half + 1) / 2;
  m->pool      = same_padding (half, 3, 2);
  dif_loader_enter (l, "bit");
  m->stem = load_unit (l, "embedder.convolution", "embedder.norm", m->stem_channels, m->in, 7,
                       same_padding (side, 7, 2));
  load_stages (m, l);
  dif_loader_leave (l);
  return m;
}

void
dif_bit_free (DifBit *m)
{
  if (! m)
    return;
  for (guint i = 0; i < DIF_BIT_MAX_STAGES; i++)
    g_free (m->stages[i].layers);
  g_free (m);
}

guint
dif_bit_n_features (DifBit *m)
{
  return m->n_features;
}

guint
dif_bit_feature_channels (DifBit *m, guint i)
{
  guint stage = m->features[i];

  return stage ? m->stages[stage - 1].channels : m->stem_channels;
}

guint
dif_bit_feature_side (DifBit *m, guint i)
{
  guint stage = m->features[i];

  return stage ? m->stages[stage - 1].side : m->stem_side;
}

/* ---- running ---- */

static DifTensor *
unit (const Unit *u, DifBit *m, DifContext *cx, DifTensor *x, DifAct act)
{
  DifTensor *h = dif_conv2d (cx, x, u->conv, NULL, NULL);

  return dif_group_norm (cx, h, u->norm, m->n_groups, EPS, act);
}

static DifTensor *
layer (const Layer *y, DifBit *m, DifContext *cx, DifTensor *x)
{
  DifTensor *shortcut = x, *h;

  if (y->shortcut.conv)
    shortcut = unit (&y->shortcut, m, cx, x, DIF_ACT_NONE);
  h = unit (&y->units[0], m, cx, x, DIF_ACT_RELU);
  h = unit (&y->units[1], m, cx, h, DIF_ACT_RELU);
  h = unit (&y->units[2], m, cx, h, DIF_ACT_NONE);
  return dif_activation (cx, dif_add (cx, h, shortcut), DIF_ACT_RELU);
}

void
dif_bit_forward (DifBit *m, DifContext *cx, DifTensor *x, DifTensor **features)
{
  guint n = 0;

  dif_context_enter (cx, "bit");
  x = unit (&m->stem, m, cx, x, DIF_ACT_RELU);
  x = dif_max_pool (cx, x, 3, &m->pool);
  if (m->features[0] == 0)
    features[n++] = dif_context_keep (cx, x);
  for (guint i = 0; i < m->n_stages && n < m->n_features; i++)
    {
      for (guint k = 0; k < m->stages[i].depth; k++)
        {
          dif_context_enter (cx, "encoder.stages.%u.layers.%u", i, k);
          x = dif_context_leave (cx, layer (&m->stages[i].layers[k], m, cx, x));
        }
      if (m->features[n] == i + 1)
        features[n++] = dif_context_keep (cx, x);
    }
  dif_context_leave (cx, NULL);
}
