/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* flux.c - FluxTransformer2DModel.
 *
 * Blocks of two streams, the text's before the picture's in the sequence, then
 * blocks of one.  Each block has modulations of its own, made of the time, the
 * whole prompt and, if the model takes it, the guidance scale.
 */
#include "base/error.h"
#include "models/flux.h"
#include "nn/adaln.h"
#include "nn/joint-attention.h"

/* One stream of a block of two. */
typedef struct
{
  DifProjection heads;
  DifLinear    *modulation, *out, *up, *down;
} Stream;

typedef struct
{
  Stream image, text;
} Double;

/* Attention and feed-forward side by side. */
typedef struct
{
  DifProjection heads;
  DifLinear    *modulation, *up, *out;
} Single;

struct _DifFlux
{
  guint         in, out, text, pooled, n_double, n_single;
  gsize         width, mlp;
  DifHeadShape  heads;
  DifRotaryAxes axes;
  gboolean      guidance;
  DifTimeMlp    time, guide, prompt;
  DifLinear    *image_in, *text_in, *norm_out, *proj_out;
  Double       *doubles;
  Single       *singles;
};

/* numbers the time is told by; of all norms */
#define N_WAVES 256
#define EPS     1e-6f

/* ---- loading ---- */

static void
read_axes (DifFlux *m, DifJson *config)
{
  static const guint defaults[] = { 16, 56, 56 };

  m->axes = (DifRotaryAxes) { .n = 3, .theta = 10000 };
  dif_rotary_axes_read (&m->axes, config, "axes_dims_rope", defaults, "attention_head_dim",
                        m->heads.head_dim);
}

static gboolean
read_config (DifFlux *m, DifJson *config, GError **error)
{
  dif_json_int (config, "patch_size", 1, 1, 1);
  m->in             = (guint) dif_json_int (config, "in_channels", 64, 1, 1 << 16);
  m->out            = dif_json_has (config, "out_channels")
                          ? (guint) dif_json_int (config, "out_channels", 64, 1, 1 << 16)
                          : m->in;
  m->n_double       = (guint) dif_json_int (config, "num_layers", 19, 0, 1000);
  m->n_single       = (guint) dif_json_int (config, "num_single_layers", 38, 0, 1000);
  m->heads.head_dim = (guint) dif_json_int (config, "attention_head_dim", 128, 2, 1 << 12);
  m->heads.n_heads  = (guint) dif_json_int (config, "num_attention_heads", 24, 1, 1 << 12);
  m->text           = (guint) dif_json_int (config, "joint_attention_dim", 4096, 1, 1 << 18);
  m->pooled         = (guint) dif_json_int (config, "pooled_projection_dim", 768, 1, 1 << 16);
  m->guidance       = dif_json_bool (config, "guidance_embeds", FALSE);

  m->heads.n_kv_heads = m->heads.n_heads;
  m->heads.eps        = EPS;
  m->width            = (gsize) m->heads.n_heads * m->heads.head_dim;
  m->mlp              = 4 * m->width;
  read_axes (m, config);
  return dif_json_finish (config, error);
}

static void
load_stream (DifFlux *m, Stream *s, DifLoader *l, const DifProjectionNames *names, const char *norm,
             const char *out, const char *mlp)
{
  dif_loader_enter (l, "%s", norm);
  s->modulation = dif_loader_linear (l, "linear", 6 * m->width, m->width, TRUE);
  dif_loader_leave (l);
  dif_loader_enter (l, "attn");
  dif_projection_load (&s->heads, l, names, &m->heads, m->width, TRUE);
  s->out = dif_loader_linear (l, out, m->width, m->width, TRUE);
  dif_loader_leave (l);
  dif_loader_enter (l, "%s.net", mlp);
  s->up   = dif_loader_linear (l, "0.proj", m->mlp, m->width, TRUE);
  s->down = dif_loader_linear (l, "2", m->width, m->mlp, TRUE);
  dif_loader_leave (l);
}

static void
load_time (DifFlux *m, DifLoader *l)
{
  gsize W = m->width;

  dif_loader_enter (l, "time_text_embed");
  dif_time_mlp_load (&m->time, l, "timestep_embedder", W, N_WAVES, TRUE);
  if (m->guidance)
    dif_time_mlp_load (&m->guide, l, "guidance_embedder", W, N_WAVES, TRUE);
  dif_time_mlp_load (&m->prompt, l, "text_embedder", W, m->pooled, TRUE);
  dif_loader_leave (l);
}

static void
load_weights (DifFlux *m, DifLoader *l)
{
  const DifProjectionNames image = { "to_q", "to_k", "to_v", "norm_q", "norm_k" };
  const DifProjectionNames text  = { "add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q",
                                     "norm_added_k" };
  gsize                    W     = m->width;

  load_time (m, l);
  m->image_in = dif_loader_linear (l, "x_embedder", W, m->in, TRUE);
  m->text_in  = dif_loader_linear (l, "context_embedder", W, m->text, TRUE);
  for (guint i = 0; i < m->n_double; i++)
    {
      Double *d = &m->doubles[i];

      dif_loader_enter (l, "transformer_blocks.%u", i);
      load_stream (m, &d->image, l, &image, "norm1", "to_out.0", "ff");
      load_stream (m, &d->text, l, &text, "norm1_context", "to_add_out", "ff_context");
      dif_loader_leave (l);
    }
  for (guint i = 0; i < m->n_single; i++)
    {
      Single *s = &m->singles[i];

      dif_loader_enter (l, "single_transformer_blocks.%u", i);
      s->modulation = dif_loader_linear (l, "norm.linear", 3 * W, W, TRUE);
      dif_loader_enter (l, "attn");
      dif_projection_load (&s->heads, l, &image, &m->heads, W, TRUE);
      dif_loader_leave (l);
      s->up  = dif_loader_linear (l, "proj_mlp", m->mlp, W, TRUE);
      s->out = dif_loader_linear (l, "proj_out", W, W + m->mlp, TRUE);
      dif_loader_leave (l);
    }
  m->norm_out = dif_loader_linear (l, "norm_out.linear", 2 * W, W, TRUE);
  m->proj_out = dif_loader_linear (l, "proj_out", m->out, W, TRUE);
}

DifFlux *
dif_flux_load (DifJson *config, DifLoader *l, GError **error)
{
  DifFlux *m = g_new0 (DifFlux, 1);

  if (! read_config (m, config, error))
    {
      dif_flux_free (m);
      return NULL;
    }
  m->doubles = g_new0 (Double, m->n_double);
  m->singles = g_new0 (Single, m->n_single);
  load_weights (m, l);
  return m;
}

void
dif_flux_free (DifFlux *m)
{
  if (! m)
    return;
  g_free (m->doubles);
  g_free (m->singles);
  g_free (m);
}

guint
dif_flux_in_channels (DifFlux *m)
{
  return m->in;
}

guint
dif_flux_out_channels (DifFlux *m)
{
  return m->out;
}

guint
dif_flux_text_width (DifFlux *m)
{
  return m->text;
}

guint
dif_flux_pooled_width (DifFlux *m)
{
  return m->pooled;
}

gboolean
dif_flux_takes_guidance (DifFlux *m)
{
  return m->guidance;
}

/* ---- forward ---- */

DifTensor *
dif_flux_time (DifFlux *m, DifContext *cx, gsize n, double timestep, double guidance,
               DifTensor *pooled)
{
  DifTensor *t, *p;

  dif_context_enter (cx, "time_text_embed");
  /* as the reference's division and product round it */
  t = dif_time_mlp_forward (&m->time, cx, n, (float) timestep / 1000.0f * 1000.0f, N_WAVES);
  if (m->guidance)
    t = dif_add (cx, t, dif_time_mlp_forward (&m->guide, cx, n, guidance * 1000, N_WAVES));
  p = dif_time_mlp_of (&m->prompt, cx, n, pooled);
  return dif_context_leave (cx, dif_add (cx, t, p));
}

DifTensor *
dif_flux_positions (DifFlux *m, DifContext *cx, gsize n, const float *ids)
{
  return dif_rotary_table (cx, &m->axes, n, ids);
}

/* What follows attention in one stream. */
static DifTensor *
stream_end (const Stream *s, DifContext *cx, DifTensor *x, DifTensor *attended, DifTensor *mod)
{
  DifTensor *h = dif_linear (cx, attended, s->out, DIF_ACT_NONE, NULL);

  x = dif_gated (cx, h, dif_chunk (cx, mod, 2, 6), x);
  h = dif_adaln_chunks (cx, x, mod, 3, 6, EPS);
  h = dif_linear (cx, h, s->up, DIF_ACT_GELU_TANH, NULL);
  h = dif_linear (cx, h, s->down, DIF_ACT_NONE, NULL);
  return dif_gated (cx, h, dif_chunk (cx, mod, 5, 6), x);
}

static void
double_forward (DifFlux *m, const Double *d, DifContext *cx, DifTensor **image, DifTensor **text,
                DifTensor *time, DifTensor *positions, DifTensor *text_positions)
{
  DifTensor *image_mod = dif_linear (cx, time, d->image.modulation, DIF_ACT_NONE, NULL);
  DifTensor *text_mod  = dif_linear (cx, time, d->text.modulation, DIF_ACT_NONE, NULL);
  DifTensor *h, *x = *image, *c = *text;
  gsize      L = dif_tensor_dim (c, 1), T = dif_tensor_dim (x, 1);
  DifSegment segments[2];

  segments[0] = dif_projection_forward (&d->text.heads, cx,
                                        dif_adaln_chunks (cx, c, text_mod, 0, 6, EPS), &m->heads,
                                        text_positions);
  segments[1] = dif_projection_forward (&d->image.heads, cx,
                                        dif_adaln_chunks (cx, x, image_mod, 0, 6, EPS), &m->heads,
                                        positions);
  h           = dif_joint_attention (cx, &m->heads, segments, 2, FALSE, NULL);
  *text       = stream_end (&d->text, cx, c, dif_slice_tokens (cx, h, 0, L), text_mod);
  *image      = stream_end (&d->image, cx, x, dif_slice_tokens (cx, h, L, T), image_mod);
}

static DifTensor *
single_forward (DifFlux *m, const Single *s, DifContext *cx, DifTensor *x, DifTensor *time,
                DifTensor *positions)
{
  DifTensor *mod     = dif_linear (cx, time, s->modulation, DIF_ACT_NONE, NULL), *h, *g;
  DifTensor *n       = dif_adaln_chunks (cx, x, mod, 0, 3, EPS);
  DifSegment segment = dif_projection_forward (&s->heads, cx, n, &m->heads, positions);

  h = dif_joint_attention (cx, &m->heads, &segment, 1, FALSE, NULL);
  g = dif_linear (cx, n, s->up, DIF_ACT_GELU_TANH, NULL);
  h = dif_linear (cx, dif_concat (cx, h, g), s->out, DIF_ACT_NONE, NULL);
  return dif_gated (cx, h, dif_chunk (cx, mod, 2, 3), x);
}

/* All blocks: the picture's tokens before the last norm. */
static DifTensor *
run_blocks (DifFlux *m, DifContext *cx, DifTensor *x, DifTensor *c, DifTensor *time,
            DifTensor *positions, DifTensor *text_positions)
{
  gsize L = dif_tensor_dim (c, 1), T = dif_tensor_dim (x, 1);

  for (guint i = 0; i < m->n_double; i++)
    {
      DifTensor *before[] = { x, c };

      dif_context_enter (cx, "transformer_blocks.%u", i);
      double_forward (m, &m->doubles[i], cx, &x, &c, time, positions, text_positions);
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
      x = dif_context_leave (cx, single_forward (m, &m->singles[i], cx, x, time, positions));
      dif_context_release (cx, before);
    }
  return dif_slice_tokens (cx, x, L, T);
}

DifTensor *
dif_flux_forward (DifFlux *m, DifContext *cx, DifTensor *tokens, DifTensor *text, DifTensor *time,
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
  x   = dif_adaln_continuous (cx, x, mod, EPS);
  x   = dif_linear (cx, x, m->proj_out, DIF_ACT_NONE, NULL);
  return dif_context_leave (cx, dif_cast (cx, x, DIF_F32));
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_flux_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_flux_free (m);
}

const DifModelClass dif_model_flux = {
  .class_name = "FluxTransformer2DModel",
  .load       = load,
  .free       = release,
};
