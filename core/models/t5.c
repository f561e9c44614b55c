/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* t5.c - T5EncoderModel.
 *
 * Root mean square norms, no biases, attention without a factor on its scores;
 * where a token is shows in a bias that depends on the distance and is the same
 * in all layers.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/t5.h"
#include "models/text-encoder.h"

typedef struct
{
  DifLinear *qkv, *out, *gate, *value, *down;
  DifNorm   *norm1, *norm2;
} Layer;

struct _DifT5
{
  guint     width, head_dim, n_heads, mlp, n_layers, vocabulary, n_buckets, max_distance;
  float     eps;
  DifTable *tokens;
  float    *distances; /* [n_buckets, n_heads] */
  Layer    *layers;
  DifNorm  *norm;
};

static gboolean
read_config (DifT5 *m, DifJson *config, GError **error)
{
  const char *act = dif_json_string (config, "feed_forward_proj", "relu");

  m->width      = (guint) dif_json_int (config, "d_model", 512, 1, 1 << 16);
  m->head_dim   = (guint) dif_json_int (config, "d_kv", 64, 1, 1 << 12);
  m->mlp        = (guint) dif_json_int (config, "d_ff", 2048, 1, 1 << 20);
  m->n_layers   = (guint) dif_json_int (config, "num_layers", 6, 1, 1000);
  m->n_heads    = (guint) dif_json_int (config, "num_heads", 8, 1, 1 << 12);
  m->vocabulary = (guint) dif_json_int (config, "vocab_size", 32128, 1, 1 << 24);
  m->n_buckets  = (guint) dif_json_int (config, "relative_attention_num_buckets", 32, 4, 1 << 12);
  m->max_distance =
      (guint) dif_json_int (config, "relative_attention_max_distance", 128, 2, 1 << 20);
  m->eps = (float) dif_json_double (config, "layer_norm_epsilon", 1e-6);
  if (strcmp (act, "gated-gelu") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "feed_forward_proj: expected \"gated-gelu\", found \"%s\"", act);
  if (! (m->eps > 0) || m->n_buckets % 4 || m->max_distance <= m->n_buckets / 4)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a positive layer_norm_epsilon, relative_attention_num_buckets of four "
                   "parts and a greater relative_attention_max_distance, found %g, %u and %u",
                   (double) m->eps, m->n_buckets, m->max_distance);
  return dif_json_finish (config, error);
}

static void
load_layer (DifT5 *m, Layer *y, DifLoader *l)
{
  static const char *const qkv[] = { "q", "k", "v" };
  gsize                    inner = (gsize) m->n_heads * m->head_dim;

  dif_loader_enter (l, "layer.0.SelfAttention");
  y->qkv = dif_loader_linear_stack (l, qkv, 3, inner, m->width, FALSE);
  y->out = dif_loader_linear (l, "o", m->width, inner, FALSE);
  dif_loader_leave (l);
  dif_loader_enter (l, "layer.1.DenseReluDense");
  y->gate  = dif_loader_linear (l, "wi_0", m->mlp, m->width, FALSE);
  y->value = dif_loader_linear (l, "wi_1", m->mlp, m->width, FALSE);
  y->down  = dif_loader_linear (l, "wo", m->width, m->mlp, FALSE);
  dif_loader_leave (l);
  y->norm1 = dif_loader_scale (l, "layer.0.layer_norm", m->width);
  y->norm2 = dif_loader_scale (l, "layer.1.layer_norm", m->width);
}

DifT5 *
dif_t5_load (DifJson *config, DifLoader *l, GError **error)
{
  DifT5 *m = g_new0 (DifT5, 1);

  if (! read_config (m, config, error))
    {
      dif_t5_free (m);
      return NULL;
    }
  m->layers = g_new0 (Layer, m->n_layers);
  m->tokens = dif_loader_table (l, "shared.weight", m->vocabulary, m->width);
  dif_loader_enter (l, "encoder");
  m->distances =
      dif_loader_floats (l, "block.0.layer.0.SelfAttention.relative_attention_bias.weight",
                         DIF_SHAPE (m->n_buckets, m->n_heads));
  for (guint i = 0; i < m->n_layers; i++)
    {
      dif_loader_enter (l, "block.%u", i);
      load_layer (m, &m->layers[i], l);
      dif_loader_leave (l);
    }
  m->norm = dif_loader_scale (l, "final_layer_norm", m->width);
  dif_loader_leave (l);
  return m;
}

void
dif_t5_free (DifT5 *m)
{
  if (! m)
    return;
  g_free (m->distances);
  g_free (m->layers);
  g_free (m);
}

guint
dif_t5_width (DifT5 *m)
{
  return m->width;
}

/* Which row of the table a key at @distance behind the query has: near ones by
 * number, far ones by logarithm, each direction half. */
static guint
bucket_of (const DifT5 *m, gint64 distance)
{
  guint half = m->n_buckets / 2, near = half / 2, base = distance > 0 ? half : 0;
  guint d = (guint) ABS (distance);
  float far;

  if (d < near)
    return base + d;
  far = logf ((float) d / (float) near) / (float) log ((double) m->max_distance / near) *
        (float) (half - near);
  return base + MIN (near + (guint) far, half - 1);
}

static DifTensor *
make_bias (const DifT5 *m, DifContext *cx, gsize T)
{
  g_autofree float *bias = g_try_new (float, (gsize) m->n_heads *T *T);

  if (! bias || ! m->distances)
    return dif_context_fail (cx, g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                              "out of memory for the bias of distances"));
  for (gsize i = 0; i < T; i++)
    for (gsize j = 0; j < T; j++)
      {
        const float *row =
            m->distances + (gsize) bucket_of (m, (gint64) j - (gint64) i) * m->n_heads;

        for (guint h = 0; h < m->n_heads; h++)
          bias[((gsize) h * T + i) * T + j] = row[h];
      }
  return dif_upload (cx, DIF_F32, DIF_SHAPE (1, m->n_heads, T, T), bias);
}

static DifTensor *
layer_forward (const DifT5 *m, const Layer *y, DifContext *cx, DifTensor *x, DifTensor *bias)
{
  gsize      inner = (gsize) m->n_heads * m->head_dim, T = dif_tensor_dim (x, 1);
  DifTensor *h = dif_rms_norm (cx, x, y->norm1, m->eps);

  h = dif_linear (cx, h, y->qkv, DIF_ACT_NONE, NULL);
  h = dif_attention (cx, &(DifAttention) { .q         = dif_rows (h, 0),
                                           .k         = dif_rows (h, inner),
                                           .v         = dif_rows (h, 2 * inner),
                                           .n_batch   = dif_tensor_dim (x, 0),
                                           .n_queries = T,
                                           .n_keys    = T,
                                           .n_heads   = m->n_heads,
                                           .head_dim  = m->head_dim,
                                           .scale     = 1,
                                           .bias      = bias });
  x = dif_linear (cx, h, y->out, DIF_ACT_NONE, x);
  h = dif_rms_norm (cx, x, y->norm2, m->eps);
  h = dif_glu (cx, h, y->value, y->gate, DIF_ACT_GELU_TANH);
  return dif_linear (cx, h, y->down, DIF_ACT_NONE, x);
}

/* The output of the first @n_layers layers, with or without the final norm. */
static DifTensor *
hidden (DifT5 *m, DifContext *cx, const gint32 *ids, gsize n_batch, gsize n_ids, guint n_layers,
        gboolean is_normed)
{
  gsize      T = n_ids / n_batch;
  DifTensor *x, *bias;

  dif_context_enter (cx, "encoder");
  x    = dif_embed (cx, m->tokens, ids, n_ids);
  x    = dif_reshape (cx, x, DIF_SHAPE (n_batch, T, m->width));
  bias = make_bias (m, cx, T);
  for (guint i = 0; i < n_layers; i++)
    {
      DifTensor *before = x;

      dif_context_enter (cx, "block.%u", i);
      x = dif_context_leave (cx, layer_forward (m, &m->layers[i], cx, x, bias));
      dif_context_release (cx, before);
    }
  return dif_context_leave (cx, is_normed ? dif_rms_norm (cx, x, m->norm, m->eps) : x);
}

DifTensor *
dif_t5_encode (DifT5 *m, DifContext *cx, const gint32 *ids, gsize n_batch, gsize n_ids)
{
  return hidden (m, cx, ids, n_batch, n_ids, m->n_layers, TRUE);
}

static void
info (gpointer model, DifTextEncoderInfo *info)
{
  /* distances have no greatest */
  *info = (DifTextEncoderInfo) { .width = dif_t5_width (model), .max_length = G_MAXUINT16 };
}

static DifTensor *
encode (gpointer model, DifContext *cx, const gint32 *ids, gsize n_batch, gsize n_ids,
        const DifHiddenSpec *wanted, DifTensor **pooled)
{
  DifT5 *m = model;
  int    n = wanted->layer < 0 ? (int) m->n_layers + 1 + wanted->layer : wanted->layer;

  return hidden (m, cx, ids, n_batch, n_ids, (guint) CLAMP (n, 0, (int) m->n_layers),
                 wanted->is_normed);
}

static const DifTextEncoderClass text_encoder = { .info = info, .encode = encode };

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_t5_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_t5_free (m);
}

const DifModelClass dif_model_t5 = {
  .class_name   = "T5EncoderModel",
  .load         = load,
  .free         = release,
  .text_encoder = &text_encoder,
};
