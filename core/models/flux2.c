/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* flux2.c - Flux2Transformer2DModel.
 *
 * Blocks of two streams, the text's before the picture's in the sequence, then
 * blocks of one.  What the time does to all blocks of a kind is the same: three
 * modulations in all.  No biases.
 */
#include <math.h>

#include "base/error.h"
#include "models/flux2.h"
#include "nn/adaln.h"
#include "nn/joint-attention.h"

/* One stream of a block of two. */
typedef struct
{
  DifProjection heads;
  DifLinear    *out, *gate, *value, *down;
} Stream;

typedef struct
{
  Stream image, text;
} Double;

/* Attention and feed-forward side by side: one product in, one out. */
typedef struct
{
  DifProjection heads;
  DifLinear    *gate, *value, *out;
} Single;

struct _DifFlux2
{
  guint         in, out, text, n_double, n_single, n_waves;
  gsize         width, mlp;
  DifHeadShape  heads;
  DifRotaryAxes axes;
  float         eps;
  gboolean      guidance;
  DifTimeMlp    time, guide;
  DifLinear    *image_in, *text_in, *norm_out, *proj_out;
  DifLinear    *image_mod, *text_mod, *single_mod;
  Double       *doubles;
  Single       *singles;
};

/* ---- loading ---- */

static void
read_axes (DifFlux2 *m, DifJson *config)
{
  static const guint defaults[] = { 32, 32, 32, 32 };

  m->axes = (DifRotaryAxes) { .n = 4, .theta = dif_json_double (config, "rope_theta", 2000) };
  dif_rotary_axes_read (&m->axes, config, "axes_dims_rope", defaults, "attention_head_dim",
                        m->heads.head_dim);
  if (! (m->axes.theta > 0) || ! isfinite (m->axes.theta))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "rope_theta: expected a positive number, found %g", m->axes.theta);
}

static gboolean
read_config (DifFlux2 *m, DifJson *config, GError **error)
{
  double ratio;

  dif_json_int (config, "patch_size", 1, 1, 1);
  m->in             = (guint) dif_json_int (config, "in_channels", 128, 1, 1 << 16);
  m->out            = dif_json_has (config, "out_channels")
                          ? (guint) dif_json_int (config, "out_channels", 128, 1, 1 << 16)
                          : m->in;
  m->n_double       = (guint) dif_json_int (config, "num_layers", 8, 0, 1000);
  m->n_single       = (guint) dif_json_int (config, "num_single_layers", 48, 0, 1000);
  m->heads.head_dim = (guint) dif_json_int (config, "attention_head_dim", 128, 2, 1 << 12);
  m->heads.n_heads  = (guint) dif_json_int (config, "num_attention_heads", 48, 1, 1 << 12);
  m->text           = (guint) dif_json_int (config, "joint_attention_dim", 15360, 1, 1 << 18);
  m->n_waves        = (guint) dif_json_int (config, "timestep_guidance_channels", 256, 2, 1 << 16);
  m->eps            = (float) dif_json_double (config, "eps", 1e-6);
  m->guidance       = dif_json_bool (config, "guidance_embeds", TRUE);
  ratio             = dif_json_double (config, "mlp_ratio", 3.0);

  m->heads.n_kv_heads = m->heads.n_heads;
  m->heads.eps        = m->eps;
  m->width            = (gsize) m->heads.n_heads * m->heads.head_dim;
  if (! (ratio > 0 && ratio < 100) || ! (m->eps > 0))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a positive mlp_ratio below 100 and a positive eps, found %g and %g",
                   ratio, (double) m->eps);
  m->mlp = (gsize) ((double) m->width * ratio);
  read_axes (m, config);
  return dif_json_finish (config, error);
}

static void
load_stream (DifFlux2 *m, Stream *s, DifLoader *l, const DifProjectionNames *names, const char *out,
             const char *mlp)
{
  dif_loader_enter (l, "attn");
  dif_projection_load (&s->heads, l, names, &m->heads, m->width, FALSE);
  s->out = dif_loader_linear (l, out, m->width, m->width, FALSE);
  dif_loader_leave (l);
  dif_loader_enter (l, "%s", mlp);
  s->gate  = dif_loader_linear_rows (l, "linear_in", 2 * m->mlp, 0, m->mlp, m->width, FALSE);
  s->value = dif_loader_linear_rows (l, "linear_in", 2 * m->mlp, m->mlp, m->mlp, m->width, FALSE);
  s->down  = dif_loader_linear (l, "linear_out", m->width, m->mlp, FALSE);
  dif_loader_leave (l);
}

static void
load_single (DifFlux2 *m, Single *s, DifLoader *l)
{
  static const char *const name = "to_qkv_mlp_proj";
  gsize                    W = m->width, M = m->mlp, all = 3 * W + 2 * M;

  dif_loader_enter (l, "attn");
  s->heads.qkv    = dif_loader_linear_rows (l, name, all, 0, 3 * W, W, FALSE);
  s->gate         = dif_loader_linear_rows (l, name, all, 3 * W, M, W, FALSE);
  s->value        = dif_loader_linear_rows (l, name, all, 3 * W + M, M, W, FALSE);
  s->heads.norm_q = dif_loader_scale (l, "norm_q", m->heads.head_dim);
  s->heads.norm_k = dif_loader_scale (l, "norm_k", m->heads.head_dim);
  s->out          = dif_loader_linear (l, "to_out", W, W + M, FALSE);
  dif_loader_leave (l);
}

static void
load_weights (DifFlux2 *m, DifLoader *l)
{
  const DifProjectionNames image = { "to_q", "to_k", "to_v", "norm_q", "norm_k" };
  const DifProjectionNames text  = { "add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q",
                                     "norm_added_k" };
  gsize                    W     = m->width;

  dif_loader_enter (l, "time_guidance_embed");
  dif_time_mlp_load (&m->time, l, "timestep_embedder", W, m->n_waves, FALSE);
  if (m->guidance)
    dif_time_mlp_load (&m->guide, l, "guidance_embedder", W, m->n_waves, FALSE);
  dif_loader_leave (l);
  m->image_mod  = dif_loader_linear (l, "double_stream_modulation_img.linear", 6 * W, W, FALSE);
  m->text_mod   = dif_loader_linear (l, "double_stream_modulation_txt.linear", 6 * W, W, FALSE);
  m->single_mod = dif_loader_linear (l, "single_stream_modulation.linear", 3 * W, W, FALSE);
  m->image_in   = dif_loader_linear (l, "x_embedder", W, m->in, FALSE);
  m->text_in    = dif_loader_linear (l, "context_embedder", W, m->text, FALSE);
  for (guint i = 0; i < m->n_double; i++)
    {
      dif_loader_enter (l, "transformer_blocks.%u", i);
      load_stream (m, &m->doubles[i].image, l, &image, "to_out.0", "ff");
      load_stream (m, &m->doubles[i].text, l, &text, "to_add_out", "ff_context");
      dif_loader_leave (l);
    }
  for (guint i = 0; i < m->n_single; i++)
    {
      dif_loader_enter (l, "single_transformer_blocks.%u", i);
      load_single (m, &m->singles[i], l);
      dif_loader_leave (l);
    }
  m->norm_out = dif_loader_linear (l, "norm_out.linear", 2 * W, W, FALSE);
  m->proj_out = dif_loader_linear (l, "proj_out", m->out, W, FALSE);
}

DifFlux2 *
dif_flux2_load (DifJson *config, DifLoader *l, GError **error)
{
  DifFlux2 *m = g_new0 (DifFlux2, 1);

  if (! read_config (m, config, error))
    {
      dif_flux2_free (m);
      return NULL;
    }
  m->doubles = g_new0 (Double, m->n_double);
  m->singles = g_new0 (Single, m->n_single);
  load_weights (m, l);
  return m;
}

void
dif_flux2_free (DifFlux2 *m)
{
  if (! m)
    return;
  g_free (m->doubles);
  g_free (m->singles);
  g_free (m);
}

guint
dif_flux2_in_channels (DifFlux2 *m)
{
  return m->in;
}

guint
dif_flux2_out_channels (DifFlux2 *m)
{
  return m->out;
}

guint
dif_flux2_text_width (DifFlux2 *m)
{
  return m->text;
}

gboolean
dif_flux2_takes_guidance (DifFlux2 *m)
{
  return m->guidance;
}

/* ---- forward ---- */

DifTensor *
dif_flux2_time (DifFlux2 *m, DifContext *cx, gsize n, double timestep, double guidance)
{
  DifTensor *t;

  dif_context_enter (cx, "time_guidance_embed");
  /* as the reference's division and product round it */
  t = dif_time_mlp_forward (&m->time, cx, n, (float) timestep / 1000.0f * 1000.0f, m->n_waves);
  if (m->guidance)
    t = dif_add (cx, t, dif_time_mlp_forward (&m->guide, cx, n, guidance * 1000, m->n_waves));
  return dif_context_leave (cx, t);
}

DifTensor *
dif_flux2_positions (DifFlux2 *m, DifContext *cx, gsize n, const float *ids)
{
  return dif_rotary_table (cx, &m->axes, n, ids);
}

/* What the time does: six vectors of a stream of two, or three of the only one. */
typedef struct
{
  DifTensor *all;
  guint      n;
} Modulation;

static DifTensor *
adaln (DifFlux2 *m, DifContext *cx, DifTensor *x, const Modulation *mod, guint first)
{
  return dif_adaln_chunks (cx, x, mod->all, first, mod->n, m->eps);
}

static DifTensor *
gated (DifContext *cx, DifTensor *x, const Modulation *mod, guint which, DifTensor *residual)
{
  return dif_gated (cx, x, dif_chunk (cx, mod->all, which, mod->n), residual);
}

/* What follows attention in one stream. */
static DifTensor *
stream_end (DifFlux2 *m, const Stream *s, DifContext *cx, DifTensor *x, DifTensor *attended,
            const Modulation *mod)
{
  DifTensor *h = dif_linear (cx, attended, s->out, DIF_ACT_NONE, NULL);

  x = gated (cx, h, mod, 2, x);
  h = adaln (m, cx, x, mod, 3);
  h = dif_glu (cx, h, s->value, s->gate, DIF_ACT_SILU);
  h = dif_linear (cx, h, s->down, DIF_ACT_NONE, NULL);
  return gated (cx, h, mod, 5, x);
}

static void
double_forward (DifFlux2 *m, const Double *d, DifContext *cx, DifTensor **image, DifTensor **text,
                const Modulation *image_mod, const Modulation *text_mod, DifTensor *positions,
                DifTensor *text_positions)
{
  DifSegment segments[2];
  DifTensor *h, *x = *image, *c = *text;
  gsize      L = dif_tensor_dim (c, 1), T = dif_tensor_dim (x, 1);

  segments[0] = dif_projection_forward (&d->text.heads, cx, adaln (m, cx, c, text_mod, 0),
                                        &m->heads, text_positions);
  segments[1] = dif_projection_forward (&d->image.heads, cx, adaln (m, cx, x, image_mod, 0),
                                        &m->heads, positions);
  h           = dif_joint_attention (cx, &m->heads, segments, 2, FALSE, NULL);
  *text       = stream_end (m, &d->text, cx, c, dif_slice_tokens (cx, h, 0, L), text_mod);
  *image      = stream_end (m, &d->image, cx, x, dif_slice_tokens (cx, h, L, T), image_mod);
}

static DifTensor *
single_forward (DifFlux2 *m, const Single *s, DifContext *cx, DifTensor *x, const Modulation *mod,
                DifTensor *positions)
{
  DifTensor *n       = adaln (m, cx, x, mod, 0), *h, *g;
  DifSegment segment = dif_projection_forward (&s->heads, cx, n, &m->heads, positions);

  h = dif_joint_attention (cx, &m->heads, &segment, 1, FALSE, NULL);
  g = dif_glu (cx, n, s->value, s->gate, DIF_ACT_SILU);
  h = dif_linear (cx, dif_concat (cx, h, g), s->out, DIF_ACT_NONE, NULL);
  return gated (cx, h, mod, 2, x);
}

static DifTensor *
modulation (DifContext *cx, DifTensor *time, const DifLinear *w)
{
  return dif_linear (cx, time, w, DIF_ACT_NONE, NULL);
}

/* All blocks: the picture's tokens before the last norm. */
static DifTensor *
run_blocks (DifFlux2 *m, DifContext *cx, DifTensor *x, DifTensor *c, DifTensor *time,
            DifTensor *positions, DifTensor *text_positions)
{
  const Modulation image  = { modulation (cx, time, m->image_mod), 6 };
  const Modulation text   = { modulation (cx, time, m->text_mod), 6 };
  const Modulation single = { modulation (cx, time, m->single_mod), 3 };
  gsize            L = dif_tensor_dim (c, 1), T = dif_tensor_dim (x, 1);

  for (guint i = 0; i < m->n_double; i++)
    {
      DifTensor *before[] = { x, c };

      dif_context_enter (cx, "transformer_blocks.%u", i);
      double_forward (m, &m->doubles[i], cx, &x, &c, &image, &text, positions, text_positions);
      dif_context_keep (cx, c);
      dif_context_leave (cx, x);
      dif_context_release (cx, before[0]);
      dif_context_release (cx, before[1]);
    }
  x         = dif_concat_tokens (cx, c, x);
  positions = dif_concat_batch (cx, text_positions, positions);
  for (guint i = 0; i < m->n_single; i++)
    {
      DifTensor *before = x;

      dif_context_enter (cx, "single_transformer_blocks.%u", i);
      x = dif_context_leave (cx, single_forward (m, &m->singles[i], cx, x, &single, positions));
      dif_context_release (cx, before);
    }
  return dif_slice_tokens (cx, x, L, T);
}

DifTensor *
dif_flux2_forward (DifFlux2 *m, DifContext *cx, DifTensor *tokens, DifTensor *text, DifTensor *time,
                   DifTensor *positions, DifTensor *text_positions, gsize n_out)
{
  DifDtype   dtype = dif_context_dtype (cx);
  DifTensor *x, *c, *mod;

  dif_context_enter (cx, "transformer");
  time = dif_activation (cx, time, DIF_ACT_SILU);
  x    = dif_linear (cx, dif_cast (cx, tokens, dtype), m->image_in, DIF_ACT_NONE, NULL);
  c    = dif_linear (cx, dif_cast (cx, text, dtype), m->text_in, DIF_ACT_NONE, NULL);
  if (dif_tensor_dim (c, 0) == 1 && dif_tensor_dim (x, 0) > 1)
    c = dif_repeat_batch (cx, c, (guint) dif_tensor_dim (x, 0));
  x   = run_blocks (m, cx, x, c, time, positions, text_positions);
  x   = dif_slice_tokens (cx, x, 0, n_out);
  mod = dif_linear (cx, time, m->norm_out, DIF_ACT_NONE, NULL);
  x   = dif_adaln_continuous (cx, x, mod, m->eps);
  x   = dif_linear (cx, x, m->proj_out, DIF_ACT_NONE, NULL);
  return dif_context_leave (cx, dif_cast (cx, x, DIF_F32));
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_flux2_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_flux2_free (m);
}

const DifModelClass dif_model_flux2 = {
  .class_name = "Flux2Transformer2DModel",
  .load       = load,
  .free       = release,
};
