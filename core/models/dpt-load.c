/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpt-load.c - reading DPT's config and taking its weights.
 *
 * Defaults are those of transformers' DPTConfig.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/dpt-private.h"

/* Channels in the middle of the head; add_projection has its own constant. */
#define HEAD_CHANNELS       32
#define PROJECTION_CHANNELS 256

static const DifConvSpec plain = { .stride = 1 };
static const DifConvSpec one   = { .stride = 1, .pad = { 1, 1, 1, 1 } };
static const DifConvSpec two   = { .stride = 2, .pad = { 1, 1, 1, 1 } };

/* ---- config ---- */

static void
read_words (DifDpt *m, DifJson *config)
{
  static const struct
  {
    const char *name;
    DifAct      act;
  } acts[]                            = { { "gelu", DIF_ACT_GELU },
                                          { "relu", DIF_ACT_RELU },
                                          { "silu", DIF_ACT_SILU },
                                          { "quick_gelu", DIF_ACT_QUICK_GELU } };
  static const char *const readouts[] = { "ignore", "add", "project" };
  const char              *act        = dif_json_string (config, "hidden_act", "gelu");
  const char              *readout    = dif_json_string (config, "readout_type", "project");
  guint                    i;

  for (i = 0; i < G_N_ELEMENTS (acts) && strcmp (act, acts[i].name) != 0; i++)
    ;
  if (i == G_N_ELEMENTS (acts))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "hidden_act: expected gelu, relu, silu or quick_gelu, found \"%s\"", act);
  else
    m->shape.act = acts[i].act;
  for (i = 0; i < G_N_ELEMENTS (readouts) && strcmp (readout, readouts[i]) != 0; i++)
    ;
  m->readout = (DifDptReadout) i;
  if (i == G_N_ELEMENTS (readouts) || (m->hybrid && m->readout != DIF_DPT_PROJECT))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "readout_type: expected %s\"project\", found \"%s\"",
                   m->hybrid ? "" : "\"ignore\", \"add\" or ", readout);
}

static void
refuse_others (DifDpt *m, DifJson *config)
{
  DifJson *list = dif_json_member (config, "neck_ignore_stages");

  if (! m->hybrid && dif_json_member (config, "backbone_config"))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "backbone_config: expected null where is_hybrid is false, found a \"%s\" "
                   "backbone",
                   dif_json_string (dif_json_member (config, "backbone_config"), "model_type",
                                    "nameless"));
  if (dif_json_bool (config, "use_batch_norm_in_fusion_residual", FALSE))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "use_batch_norm_in_fusion_residual: expected false, found true");
  if (m->hybrid && list &&
      (dif_json_length (list) != 2 || dif_json_value_int (dif_json_at (list, 0), 0, 99) != 0 ||
       dif_json_value_int (dif_json_at (list, 1), 0, 99) != 1))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "neck_ignore_stages: expected [0, 1] in a hybrid model");
  if (m->add_projection && m->fusion != PROJECTION_CHANNELS)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "fusion_hidden_size: expected %d with add_projection, found %u",
                   PROJECTION_CHANNELS, m->fusion);
}

static void
read_factor (DifDptLevel *level, DifJson *factor)
{
  double value = dif_json_value_double (factor);

  level->enlarge = 1;
  if (value == 0.5)
    level->shrink = TRUE;
  else if (value >= 1 && value <= 64 && value == floor (value))
    level->enlarge = (guint) value;
  else
    dif_json_fail_value (factor, DIF_FORMAT_ERROR_UNSUPPORTED, "0.5, or a whole number up to 64");
}

/* Which layer every level is taken from; the first two of a hybrid model come
 * from the backbone, whatever stands in their places. */
static void
read_taps (DifDpt *m, DifJson *config)
{
  static const guint defaults[] = { 2, 5, 8, 11 };
  DifJson           *taps       = dif_json_member (config, "backbone_out_indices");
  guint              n          = taps ? dif_json_length (taps) : G_N_ELEMENTS (defaults);

  if (n != m->n_levels)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "backbone_out_indices: expected as many as neck_hidden_sizes (%u), found %u",
                     m->n_levels, n);
      return;
    }
  for (guint i = m->hybrid ? 2 : 0; i < n; i++)
    {
      DifJson *number = taps ? dif_json_at (taps, i) : NULL;
      guint    tap =
          taps ? (guint) dif_json_value_int (number, 0, m->shape.n_layers - 1) : defaults[i];

      m->levels[i].tap = tap;
      if (tap >= m->shape.n_layers || (i > (m->hybrid ? 2 : 0) && tap <= m->levels[i - 1].tap))
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                       "backbone_out_indices: expected rising numbers below num_hidden_layers "
                       "(%u), found %u",
                       m->shape.n_layers, tap);
    }
}

static void
read_levels (DifDpt *m, DifJson *config)
{
  static const guint  sizes[]   = { 96, 192, 384, 768 };
  static const double factors[] = { 4, 2, 1, 0.5 };
  DifJson            *channels  = dif_json_member (config, "neck_hidden_sizes");
  DifJson            *scale     = dif_json_member (config, "reassemble_factors");
  gint64              head      = dif_json_int (config, "head_in_index", -1, -99, 99);

  m->n_levels = channels ? dif_json_length (channels) : G_N_ELEMENTS (sizes);
  if (m->n_levels < (m->hybrid ? 3 : 1) || m->n_levels > DIF_DPT_MAX_LEVELS ||
      (scale ? dif_json_length (scale) : G_N_ELEMENTS (factors)) != m->n_levels)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "neck_hidden_sizes: expected %d to %d, and as many reassemble_factors, "
                     "found %u",
                     m->hybrid ? 3 : 1, DIF_DPT_MAX_LEVELS, m->n_levels);
      m->n_levels = 0;
      return;
    }
  for (guint i = 0; i < m->n_levels; i++)
    {
      DifDptLevel *level = &m->levels[i];

      level->from_backbone = m->hybrid && i < 2;
      level->channels =
          channels ? (guint) dif_json_value_int (dif_json_at (channels, i), 1, 1 << 16) : sizes[i];
      level->enlarge = 1;
      if (level->from_backbone)
        continue;
      if (scale)
        read_factor (level, dif_json_at (scale, i));
      else
        {
          level->enlarge = (guint) MAX (factors[i], 1);
          level->shrink  = factors[i] < 1;
        }
    }
  head = head < 0 ? head + m->n_levels : head;
  if (head < 0 || head >= m->n_levels)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "head_in_index: expected -%u to %u, found something else", m->n_levels,
                   m->n_levels - 1);
  m->head_level = (guint) head;
  read_taps (m, config);
}

static gboolean
read_config (DifDpt *m, DifJson *config, GError **error)
{
  m->hybrid         = dif_json_bool (config, "is_hybrid", FALSE);
  m->qkv_bias       = dif_json_bool (config, "qkv_bias", TRUE);
  m->fusion_bias    = dif_json_bool (config, "use_bias_in_fusion_residual", TRUE);
  m->add_projection = dif_json_bool (config, "add_projection", FALSE);
  m->in             = (guint) dif_json_int (config, "num_channels", 3, 1, 64);
  m->shape.width    = (guint) dif_json_int (config, "hidden_size", 768, 1, 1 << 16);
  m->shape.mlp      = (guint) dif_json_int (config, "intermediate_size", 3072, 1, 1 << 18);
  m->shape.n_layers = (guint) dif_json_int (config, "num_hidden_layers", 12, 1, 1000);
  m->shape.n_heads  = (guint) dif_json_int (config, "num_attention_heads", 12, 1, 1 << 12);
  m->image_size     = (guint) dif_json_int (config, "image_size", 384, 1, 1 << 14);
  m->patch          = (guint) dif_json_int (config, "patch_size", 16, 1, 1 << 10);
  m->fusion         = (guint) dif_json_int (config, "fusion_hidden_size", 256, 2, 1 << 14);
  m->shape.eps      = (float) dif_json_double (config, "layer_norm_eps", 1e-12);
  if (! (m->shape.eps > 0) || ! isfinite (m->shape.eps))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "layer_norm_eps: expected a positive number, found %g", (double) m->shape.eps);
  if (m->shape.width % m->shape.n_heads)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "hidden_size: expected a multiple of num_attention_heads (%u), found %u",
                   m->shape.n_heads, m->shape.width);
  if (m->patch > m->image_size)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "patch_size: expected at most the image_size of %u, found %u", m->image_size,
                   m->patch);
  read_words (m, config);
  read_levels (m, config);
  refuse_others (m, config);
  return dif_json_finish (config, error);
}

/* ---- weights ---- */

static DifConv *
conv (DifLoader *l, const char *name, gsize n_out, gsize n_in, guint k, const DifConvSpec *spec,
      gboolean bias)
{
  return dif_loader_weight (l, &(DifWeightSpec) { .kind  = DIF_WEIGHT_CONV,
                                                  .names = { name },
                                                  .n_out = n_out,
                                                  .n_in  = n_in,
                                                  .k     = k,
                                                  .conv  = *spec,
                                                  .bias  = bias });
}

static void
load_layer (DifEncoderLayer *y, DifDpt *m, DifLoader *l)
{
  static const char *const qkv[] = { "query", "key", "value" };

  dif_loader_enter (l, "attention.attention");
  y->qkv = dif_loader_linear_stack (l, qkv, 3, m->shape.width, m->shape.width, m->qkv_bias);
  dif_loader_leave (l);
  y->out   = dif_loader_linear (l, "attention.output.dense", m->shape.width, m->shape.width, TRUE);
  y->norm1 = dif_loader_norm (l, "layernorm_before", m->shape.width);
  y->up    = dif_loader_linear (l, "intermediate.dense", m->shape.mlp, m->shape.width, TRUE);
  y->down  = dif_loader_linear (l, "output.dense", m->shape.width, m->shape.mlp, TRUE);
  y->norm2 = dif_loader_norm (l, "layernorm_after", m->shape.width);
}

/* The backbone's maps must be what the neck and the transformer take. */
static gboolean
check_backbone (DifDpt *m, DifJson *config, GError **error)
{
  guint last = dif_bit_n_features (m->bit) - 1, grid = m->image_size / m->patch;

  if (last != 2)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "backbone_config: expected 3 out_features, found %u", last + 1);
  else if (dif_bit_feature_side (m->bit, last) != grid)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "backbone_config: expected a last map of %u pixels a side, found %u", grid,
                   dif_bit_feature_side (m->bit, last));
  for (guint i = 0; i < MIN (last, 2); i++)
    if (dif_bit_feature_channels (m->bit, i) != m->levels[i].channels)
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "neck_hidden_sizes: expected the backbone's %u channels, found %u",
                     dif_bit_feature_channels (m->bit, i), m->levels[i].channels);
  return dif_json_finish (config, error);
}

static DifLinear *
load_patches (DifDpt *m, DifLoader *l)
{
  DifWeightSpec spec = { .form  = DIF_FORM_PATCHES,
                         .names = { "patch_embeddings.projection" },
                         .n_out = m->shape.width,
                         .n_in  = m->in,
                         .k     = m->patch,
                         .bias  = TRUE };

  return dif_loader_weight (l, &spec);
}

static gboolean
load_embeddings (DifDpt *m, DifJson *config, DifLoader *l, GError **error)
{
  guint grid = m->image_size / m->patch;

  dif_loader_enter (l, "dpt.embeddings");
  m->cls       = dif_loader_floats (l, "cls_token", DIF_SHAPE (1, 1, m->shape.width));
  m->positions = dif_loader_floats (l, "position_embeddings",
                                    DIF_SHAPE (1, (gsize) grid * grid + 1, m->shape.width));
  if (m->hybrid)
    {
      dif_loader_enter (l, "backbone");
      m->bit = dif_bit_load (dif_json_member (config, "backbone_config"), l, m->image_size, error);
      dif_loader_leave (l);
      if (! m->bit || ! check_backbone (m, config, error))
        return FALSE;
      m->feature_projection = conv (
          l, "projection", m->shape.width, dif_bit_feature_channels (m->bit, 2), 1, &plain, TRUE);
    }
  else
    m->patches = load_patches (m, l);
  dif_loader_leave (l);
  return TRUE;
}

static void
load_level (DifDpt *m, guint i, DifLoader *l)
{
  DifDptLevel     *y    = &m->levels[i];
  g_autofree char *name = g_strdup_printf ("convs.%u", i);

  y->conv = conv (l, name, m->fusion, y->channels, 3, &one, FALSE);
  if (y->from_backbone)
    return;
  if (m->readout == DIF_DPT_PROJECT)
    {
      dif_loader_enter (l, "reassemble_stage.readout_projects.%u", i);
      y->readout = dif_loader_linear (l, "0", m->shape.width, 2 * (gsize) m->shape.width, TRUE);
      dif_loader_leave (l);
    }
  dif_loader_enter (l, "reassemble_stage.layers.%u", i);
  y->projection =
      conv (l, "projection", y->channels, m->shape.width, 1, &plain, TRUE);
  if (y->enlarge > 1)
    y->larger = dif_loader_weight (l, &(DifWeightSpec) { .form  = DIF_FORM_ENLARGING,
                                                         .names = { "resize" },
                                                         .n_out = y->channels,
                                                         .n_in  = y->channels,
                                                         .k     = y->enlarge,
                                                         .bias  = TRUE });
  if (y->shrink)
    y->smaller = conv (l, "resize", y->channels, y->channels, 3, &two, TRUE);
  dif_loader_leave (l);
}

/* The first of all has a unit that is never asked; checkpoints hold it. */
static void
load_fusion (DifDptFusion *f, DifDpt *m, DifLoader *l)
{
  gsize n = m->fusion;

  f->projection = conv (l, "projection", n, n, 1, &plain, TRUE);
  for (guint u = 0; u < 2; u++)
    for (guint c = 0; c < 2; c++)
      {
        g_autofree char *name = g_strdup_printf ("residual_layer%u.convolution%u", u + 1, c + 1);

        f->units[u][c] = conv (l, name, n, n, 3, &one, m->fusion_bias);
      }
}

static void
load_head (DifDpt *m, DifLoader *l)
{
  gsize half = m->fusion / 2;

  dif_loader_enter (l, "head");
  if (m->add_projection)
    m->head_projection =
        conv (l, "projection", m->fusion, m->fusion, 3, &one, TRUE);
  m->head[0] = conv (l, "head.0", half, m->fusion, 3, &one, TRUE);
  m->head[1] = conv (l, "head.2", HEAD_CHANNELS, half, 3, &one, TRUE);
  m->head[2] = conv (l, "head.4", 1, HEAD_CHANNELS, 1, &plain, TRUE);
  dif_loader_leave (l);
}

DifDpt *
dif_dpt_load (DifJson *config, DifLoader *l, GError **error)
{
  DifDpt *m = g_new0 (DifDpt, 1);

  m->dtype = dif_loader_dtype (l);
  if (! read_config (m, config, error) || ! load_embeddings (m, config, l, error))
    {
      dif_dpt_free (m);
      return NULL;
    }
  m->layers = g_new0 (DifEncoderLayer, m->shape.n_layers);
  for (guint i = 0; i < m->shape.n_layers; i++)
    {
      dif_loader_enter (l, "dpt.encoder.layer.%u", i);
      load_layer (&m->layers[i], m, l);
      dif_loader_leave (l);
    }
  /* behind the last layer, where nothing is taken from; checkpoints hold it */
  dif_loader_norm (l, "dpt.layernorm", m->shape.width);
  dif_loader_enter (l, "neck");
  for (guint i = 0; i < m->n_levels; i++)
    load_level (m, i, l);
  for (guint i = 0; i < m->n_levels; i++)
    {
      dif_loader_enter (l, "fusion_stage.layers.%u", i);
      load_fusion (&m->fusions[i], m, l);
      dif_loader_leave (l);
    }
  dif_loader_leave (l);
  load_head (m, l);
  return m;
}

void
dif_dpt_free (DifDpt *m)
{
  if (! m)
    return;
  dif_bit_free (m->bit);
  g_free (m->cls);
  g_free (m->positions);
  g_free (m->layers);
  g_free (m);
}

guint
dif_dpt_channels (DifDpt *m)
{
  return m->in;
}

guint
dif_dpt_image_size (DifDpt *m)
{
  return m->image_size;
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_dpt_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_dpt_free (m);
}

const DifModelClass dif_model_dpt = {
  .class_name = "DPTForDepthEstimation",
  .load       = load,
  .free       = release,
};
