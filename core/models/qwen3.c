/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* qwen3.c - Qwen3Model.
 *
 * Root mean square norms, of heads as well; rotary positions; fewer heads of
 * keys than of queries; SwiGLU; no biases.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/qwen3.h"
#include "nn/joint-attention.h"

typedef struct
{
  DifLinear    *q, *kv, *out, *gate, *up, *down;
  DifProjection heads; /* its norms only */
  DifNorm      *norm1, *norm2;
} Layer;

struct _DifQwen3
{
  guint        width, mlp, n_layers, vocabulary;
  double       theta;
  gboolean     bias;
  DifHeadShape heads;
  DifTable    *tokens;
  Layer       *layers;
  DifNorm     *norm;
};

/* Newer configs have the base of the rotation one level down. */
static double
read_theta (DifJson *config)
{
  DifJson *rope =
      dif_json_has (config, "rope_parameters") ? dif_json_member (config, "rope_parameters") : NULL;
  double      theta = dif_json_double (rope ? rope : config, "rope_theta", 10000);
  const char *type  = rope ? dif_json_string (rope, "rope_type", "default") : "default";

  if (strcmp (type, "default") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "rope_type: expected \"default\", found \"%s\"", type);
  if (dif_json_has (config, "rope_scaling"))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "rope_scaling: expected null, found a value");
  if (! (theta > 0) || ! isfinite (theta))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "rope_theta: expected a positive number, found %g", theta);
  return theta;
}

static gboolean
read_config (DifQwen3 *m, DifJson *config, GError **error)
{
  const char *act = dif_json_string (config, "hidden_act", "silu");

  m->width      = (guint) dif_json_int (config, "hidden_size", 4096, 1, 1 << 16);
  m->mlp        = (guint) dif_json_int (config, "intermediate_size", 22016, 1, 1 << 20);
  m->n_layers   = (guint) dif_json_int (config, "num_hidden_layers", 32, 1, 1000);
  m->vocabulary = (guint) dif_json_int (config, "vocab_size", 151936, 1, 1 << 24);
  m->theta      = read_theta (config);
  m->bias       = dif_json_bool (config, "attention_bias", FALSE);
  m->heads      = (DifHeadShape) { .halves = TRUE };

  m->heads.n_heads    = (guint) dif_json_int (config, "num_attention_heads", 32, 1, 1 << 12);
  m->heads.n_kv_heads = (guint) dif_json_int (config, "num_key_value_heads", 32, 1, 1 << 12);
  m->heads.head_dim   = (guint) dif_json_int (config, "head_dim", 128, 2, 1 << 12);
  m->heads.eps        = (float) dif_json_double (config, "rms_norm_eps", 1e-6);
  if (m->heads.n_heads % m->heads.n_kv_heads || m->heads.head_dim % 2)
    dif_json_fail (
        config, DIF_FORMAT_ERROR_BAD_VALUE,
        "num_attention_heads: expected a multiple of num_key_value_heads (%u) and an even "
        "head_dim, found %u heads of %u",
        m->heads.n_kv_heads, m->heads.n_heads, m->heads.head_dim);
  if (! (m->heads.eps > 0))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "rms_norm_eps: expected a positive number, found %g", (double) m->heads.eps);
  if (strcmp (act, "silu") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "hidden_act: expected \"silu\", found \"%s\"", act);
  if (dif_json_bool (config, "use_sliding_window", FALSE))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "use_sliding_window: expected false, found true");
  return dif_json_finish (config, error);
}

static void
load_layer (DifQwen3 *m, Layer *y, DifLoader *l)
{
  static const char *const kv[] = { "k_proj", "v_proj" };
  gsize                    D    = m->heads.head_dim;

  dif_loader_enter (l, "self_attn");
  y->q            = dif_loader_linear (l, "q_proj", m->heads.n_heads * D, m->width, m->bias);
  y->kv           = dif_loader_linear_stack (l, kv, 2, m->heads.n_kv_heads * D, m->width, m->bias);
  y->out          = dif_loader_linear (l, "o_proj", m->width, m->heads.n_heads * D, m->bias);
  y->heads.norm_q = dif_loader_scale (l, "q_norm", D);
  y->heads.norm_k = dif_loader_scale (l, "k_norm", D);
  dif_loader_leave (l);
  dif_loader_enter (l, "mlp");
  y->gate = dif_loader_linear (l, "gate_proj", m->mlp, m->width, FALSE);
  y->up   = dif_loader_linear (l, "up_proj", m->mlp, m->width, FALSE);
  y->down = dif_loader_linear (l, "down_proj", m->width, m->mlp, FALSE);
  dif_loader_leave (l);
  y->norm1 = dif_loader_scale (l, "input_layernorm", m->width);
  y->norm2 = dif_loader_scale (l, "post_attention_layernorm", m->width);
}

DifQwen3 *
dif_qwen3_load (DifJson *config, DifLoader *l, GError **error)
{
  DifQwen3 *m = g_new0 (DifQwen3, 1);
  gboolean  bare;

  if (! read_config (m, config, error))
    {
      dif_qwen3_free (m);
      return NULL;
    }
  bare      = dif_loader_has (l, "embed_tokens.weight");
  m->layers = g_new0 (Layer, m->n_layers);
  if (! bare)
    dif_loader_enter (l, "model");
  m->tokens = dif_loader_table (l, "embed_tokens.weight", m->vocabulary, m->width);
  for (guint i = 0; i < m->n_layers; i++)
    {
      dif_loader_enter (l, "layers.%u", i);
      load_layer (m, &m->layers[i], l);
      dif_loader_leave (l);
    }
  m->norm = dif_loader_scale (l, "norm", m->width);
  if (! bare)
    dif_loader_leave (l);
  return m;
}

void
dif_qwen3_free (DifQwen3 *m)
{
  if (! m)
    return;
  g_free (m->layers);
  g_free (m);
}

guint
dif_qwen3_width (DifQwen3 *m)
{
  return m->width;
}

guint
dif_qwen3_n_layers (DifQwen3 *m)
{
  return m->n_layers;
}

static DifTensor *
layer_forward (DifQwen3 *m, const Layer *y, DifContext *cx, DifTensor *x, DifTensor *table,
               DifTensor *mask)
{
  const DifHeadShape *s = &m->heads;
  DifTensor          *h = dif_rms_norm (cx, x, y->norm1, s->eps), *q, *k, *kv;
  gsize               T = dif_tensor_dim (x, 1), width = (gsize) s->n_kv_heads * s->head_dim;
  DifSegment          segment;

  q       = dif_linear (cx, h, y->q, DIF_ACT_NONE, NULL);
  kv      = dif_linear (cx, h, y->kv, DIF_ACT_NONE, NULL);
  q       = dif_rotate (cx, q, y->heads.norm_q, &(DifRotary) { table, s->n_heads, TRUE, s->eps });
  k       = dif_rotate (cx, dif_slice_channels (cx, kv, 0, width), y->heads.norm_k,
                        &(DifRotary) { table, s->n_kv_heads, TRUE, s->eps });
  segment = (DifSegment) { dif_rows (q, 0), dif_rows (k, 0), dif_rows (kv, width), T, T };
  h       = dif_joint_attention (cx, s, &segment, 1, TRUE, mask);
  x       = dif_linear (cx, h, y->out, DIF_ACT_NONE, x);
  h       = dif_rms_norm (cx, x, y->norm2, s->eps);
  h       = dif_glu (cx, h, y->up, y->gate, DIF_ACT_SILU);
  return dif_linear (cx, h, y->down, DIF_ACT_NONE, x);
}

/* Hides padding from everybody; NULL if there is none. */
static DifTensor *
make_mask (DifContext *cx, const guint *lengths, gsize n_batch, gsize T)
{
  g_autofree float *mask = g_new0 (float, n_batch *T);
  gboolean          any  = FALSE;

  for (gsize i = 0; i < n_batch && lengths; i++)
    for (gsize j = lengths[i]; j < T; j++)
      {
        mask[i * T + j] = -INFINITY;
        any             = TRUE;
      }
  return any ? dif_upload (cx, DIF_F32, DIF_SHAPE (n_batch, 1, 1, T), mask) : NULL;
}

static DifTensor *
make_table (DifQwen3 *m, DifContext *cx, gsize T)
{
  DifRotaryAxes     axes  = { .n = 1, .halves = TRUE, .rounding = DIF_ROTARY_SINGLE };
  g_autofree float *where = g_new (float, T);

  axes.dims[0] = m->heads.head_dim;
  axes.theta   = m->theta;
  for (gsize i = 0; i < T; i++)
    where[i] = (float) i;
  return dif_rotary_table (cx, &axes, T, where);
}

DifTensor *
dif_qwen3_encode (DifQwen3 *m, DifContext *cx, const gint32 *ids, const guint *lengths,
                  gsize n_batch, gsize n_ids, const int *layers, guint n_layers)
{
  gsize      T = n_ids / n_batch;
  guint      k = 0;
  DifTensor *x, *table, *mask, *all = NULL;

  dif_context_enter (cx, "model");
  x     = dif_embed (cx, m->tokens, ids, n_ids);
  x     = dif_reshape (cx, x, DIF_SHAPE (n_batch, T, m->width));
  table = make_table (m, cx, T);
  mask  = make_mask (cx, lengths, n_batch, T);
  for (guint i = 0; k < n_layers; i++)
    {
      DifTensor *before;
      int        wanted = layers[k] < 0 ? (int) m->n_layers + 1 + layers[k] : layers[k];

      if (wanted == (int) i)
        {
          DifTensor *state = i == m->n_layers ? dif_rms_norm (cx, x, m->norm, m->heads.eps) : x;

          all = all ? dif_concat (cx, all, state) : state;
          k++;
        }
      if (i == m->n_layers || k == n_layers)
        break;
      before = x;
      dif_context_enter (cx, "layers.%u", i);
      x = dif_context_leave (cx, layer_forward (m, &m->layers[i], cx, x, table, mask));
      if (before != all)
        dif_context_release (cx, before);
    }
  if (k < n_layers)
    all = dif_context_fail (cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                             "hidden states: expected rising numbers up to %u, "
                                             "found %d",
                                             m->n_layers, layers[k]));
  return dif_context_leave (cx, all);
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_qwen3_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_qwen3_free (m);
}

const DifModelClass dif_model_qwen3 = {
  .class_name = "Qwen3Model",
  .load       = load,
  .free       = release,
};

const DifModelClass dif_model_qwen3_causal = {
  .class_name = "Qwen3ForCausalLM",
  .load       = load,
  .free       = release,
};
