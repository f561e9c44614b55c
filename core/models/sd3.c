/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sd3.c - SD3Transformer2DModel.
 *
 * Blocks of two streams, the picture's before the text's in the sequence.  Where a
 * token is in the picture is added to it once.  Blocks may attend to the picture
 * alone a second time; the last one has no use for the text's stream afterwards.
 */
#include <string.h>

#include "base/error.h"
#include "models/sd3.h"
#include "nn/adaln.h"
#include "nn/joint-attention.h"

#define N_WAVES 256
#define EPS     1e-6f

/* One stream of a block; @out and what follows are NULL where it ends. */
typedef struct
{
  DifProjection heads;
  DifLinear    *modulation, *out, *up, *down;
  guint         n_mod; /* vectors of the modulation */
} Stream;

typedef struct
{
  Stream        image, text;
  DifProjection second; /* of the picture alone; no qkv without */
  DifLinear    *second_out;
} Block;

struct _DifSd3
{
  guint        channels, out, patch, n_layers, text, pooled, sample_size, table_side;
  gsize        width, mlp;
  DifHeadShape heads;
  gboolean     head_norms, *dual;
  DifTimeMlp   time, prompt;
  DifLinear   *image_in, *text_in, *norm_out, *proj_out;
  float       *table; /* [table_side, table_side, width] */
  Block       *blocks;
};

/* ---- loading ---- */

static void
read_dual (DifSd3 *m, DifJson *config)
{
  DifJson *list = dif_json_member (config, "dual_attention_layers");

  m->dual = g_new0 (gboolean, m->n_layers);
  for (guint i = 0; list && i < dif_json_length (list); i++)
    {
      guint k = (guint) dif_json_value_int (dif_json_at (list, i), 0, m->n_layers - 1);

      if (k < m->n_layers)
        m->dual[k] = TRUE;
    }
}

static gboolean
read_config (DifSd3 *m, DifJson *config, GError **error)
{
  const char *norm =
      dif_json_has (config, "qk_norm") ? dif_json_string (config, "qk_norm", "") : NULL;
  guint width;

  m->sample_size      = (guint) dif_json_int (config, "sample_size", 128, 1, 1 << 16);
  m->patch            = (guint) dif_json_int (config, "patch_size", 2, 1, 16);
  m->channels         = (guint) dif_json_int (config, "in_channels", 16, 1, 1 << 12);
  m->out              = (guint) dif_json_int (config, "out_channels", 16, 1, 1 << 12);
  m->n_layers         = (guint) dif_json_int (config, "num_layers", 18, 1, 1000);
  m->heads.head_dim   = (guint) dif_json_int (config, "attention_head_dim", 64, 1, 1 << 12);
  m->heads.n_heads    = (guint) dif_json_int (config, "num_attention_heads", 18, 1, 1 << 12);
  m->text             = (guint) dif_json_int (config, "joint_attention_dim", 4096, 1, 1 << 18);
  m->pooled           = (guint) dif_json_int (config, "pooled_projection_dim", 2048, 1, 1 << 16);
  m->table_side       = (guint) dif_json_int (config, "pos_embed_max_size", 96, 1, 1 << 12);
  m->heads.n_kv_heads = m->heads.n_heads;
  m->heads.eps        = EPS;
  m->width            = (gsize) m->heads.n_heads * m->heads.head_dim;
  m->mlp              = 4 * m->width;
  m->head_norms       = norm != NULL;

  width = (guint) dif_json_int (config, "caption_projection_dim", 1152, 1, 1 << 16);
  if (width != m->width)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "caption_projection_dim: expected num_attention_heads times "
                   "attention_head_dim (%u), found %u",
                   (guint) m->width, width);
  if (norm && strcmp (norm, "rms_norm") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "qk_norm: expected null or \"rms_norm\", found \"%s\"", norm);
  read_dual (m, config);
  return dif_json_finish (config, error);
}

/* @ends: whether the block is the last one, of the text. */
static void
load_stream (DifSd3 *m, Stream *s, DifLoader *l, const DifProjectionNames *names, const char *norm,
             const char *out, const char *mlp, guint n_mod, gboolean ends)
{
  s->n_mod = n_mod;
  dif_loader_enter (l, "%s", norm);
  s->modulation = dif_loader_linear (l, "linear", n_mod * m->width, m->width, TRUE);
  dif_loader_leave (l);
  dif_loader_enter (l, "attn");
  dif_projection_load (&s->heads, l, names, &m->heads, m->width, TRUE);
  if (! ends)
    s->out = dif_loader_linear (l, out, m->width, m->width, TRUE);
  dif_loader_leave (l);
  if (ends)
    return;
  dif_loader_enter (l, "%s.net", mlp);
  s->up   = dif_loader_linear (l, "0.proj", m->mlp, m->width, TRUE);
  s->down = dif_loader_linear (l, "2", m->width, m->mlp, TRUE);
  dif_loader_leave (l);
}

static void
load_block (DifSd3 *m, Block *b, DifLoader *l, guint i)
{
  DifProjectionNames image = { "to_q", "to_k", "to_v", "norm_q", "norm_k" };
  DifProjectionNames text  = { "add_q_proj", "add_k_proj", "add_v_proj", "norm_added_q",
                               "norm_added_k" };
  gboolean           ends  = i + 1 == m->n_layers;

  if (! m->head_norms)
    image.norm_q = image.norm_k = text.norm_q = text.norm_k = NULL;
  load_stream (m, &b->image, l, &image, "norm1", "to_out.0", "ff", m->dual[i] ? 9 : 6, FALSE);
  load_stream (m, &b->text, l, &text, "norm1_context", "to_add_out", "ff_context", ends ? 2 : 6,
               ends);
  if (! m->dual[i])
    return;
  dif_loader_enter (l, "attn2");
  dif_projection_load (&b->second, l, &image, &m->heads, m->width, TRUE);
  b->second_out = dif_loader_linear (l, "to_out.0", m->width, m->width, TRUE);
  dif_loader_leave (l);
}

static void
load_weights (DifSd3 *m, DifLoader *l)
{
  gsize W = m->width, side = m->table_side;

  dif_loader_enter (l, "pos_embed");
  m->image_in = dif_loader_weight (l, &(DifWeightSpec) { .form  = DIF_FORM_PATCHES,
                                                         .names = { "proj" },
                                                         .n_out = W,
                                                         .n_in  = m->channels,
                                                         .k     = m->patch,
                                                         .bias  = TRUE });
  m->table    = dif_loader_floats (l, "pos_embed", DIF_SHAPE (1, side * side, W));
  dif_loader_leave (l);
  dif_loader_enter (l, "time_text_embed");
  dif_time_mlp_load (&m->time, l, "timestep_embedder", W, N_WAVES, TRUE);
  dif_time_mlp_load (&m->prompt, l, "text_embedder", W, m->pooled, TRUE);
  dif_loader_leave (l);
  m->text_in = dif_loader_linear (l, "context_embedder", W, m->text, TRUE);
  for (guint i = 0; i < m->n_layers; i++)
    {
      dif_loader_enter (l, "transformer_blocks.%u", i);
      load_block (m, &m->blocks[i], l, i);
      dif_loader_leave (l);
    }
  m->norm_out = dif_loader_linear (l, "norm_out.linear", 2 * W, W, TRUE);
  m->proj_out = dif_loader_linear (l, "proj_out", (gsize) m->patch * m->patch * m->out, W, TRUE);
}

DifSd3 *
dif_sd3_load (DifJson *config, DifLoader *l, GError **error)
{
  DifSd3 *m = g_new0 (DifSd3, 1);

  if (! read_config (m, config, error))
    {
      dif_sd3_free (m);
      return NULL;
    }
  m->blocks = g_new0 (Block, m->n_layers);
  load_weights (m, l);
  return m;
}

void
dif_sd3_free (DifSd3 *m)
{
  if (! m)
    return;
  g_free (m->dual);
  g_free (m->table);
  g_free (m->blocks);
  g_free (m);
}

guint
dif_sd3_channels (DifSd3 *m)
{
  return m->channels;
}

guint
dif_sd3_patch (DifSd3 *m)
{
  return m->patch;
}

guint
dif_sd3_text_width (DifSd3 *m)
{
  return m->text;
}

guint
dif_sd3_pooled_width (DifSd3 *m)
{
  return m->pooled;
}

guint
dif_sd3_sample_size (DifSd3 *m)
{
  return m->sample_size;
}

/* ---- forward ---- */

DifTensor *
dif_sd3_time (DifSd3 *m, DifContext *cx, gsize n, double timestep, DifTensor *pooled)
{
  DifTensor *t, *p;

  dif_context_enter (cx, "time_text_embed");
  t = dif_time_mlp_forward (&m->time, cx, n, timestep, N_WAVES);
  p = dif_time_mlp_of (&m->prompt, cx, n, pooled);
  return dif_context_leave (cx, dif_add (cx, t, p));
}

DifTensor *
dif_sd3_positions (DifSd3 *m, DifContext *cx, gsize h, gsize w)
{
  gsize             H = h / m->patch, W = w / m->patch, side = m->table_side;
  gsize             top, left;
  g_autofree float *rows = NULL;

  if (! m->table || dif_context_failed (cx))
    return dif_context_inert (cx);
  if (! H || ! W || H > side || W > side)
    return dif_context_fail (cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                              "pos_embed_max_size: expected 1 to %u tokens a side, "
                                              "found %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT,
                                              m->table_side, W, H));
  top  = (side - H) / 2;
  left = (side - W) / 2;
  rows = g_new (float, H *W * m->width);
  for (gsize i = 0; i < H; i++)
    memcpy (rows + i * W * m->width, m->table + ((top + i) * side + left) * m->width,
            W * m->width * sizeof *rows);
  return dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (1, H * W, m->width), rows);
}

/* Feed-forward of one stream. */
static DifTensor *
stream_end (const Stream *s, DifContext *cx, DifTensor *x, DifTensor *mod)
{
  DifTensor *h = dif_adaln_chunks (cx, x, mod, 3, s->n_mod, EPS);

  h = dif_linear (cx, h, s->up, DIF_ACT_GELU_TANH, NULL);
  h = dif_linear (cx, h, s->down, DIF_ACT_NONE, NULL);
  return dif_gated (cx, h, dif_chunk (cx, mod, 5, s->n_mod), x);
}

/* The text before attention; the last block scales first and shifts second. */
static DifTensor *
text_norm (const Stream *s, DifContext *cx, DifTensor *c, DifTensor *mod)
{
  if (s->out)
    return dif_adaln_chunks (cx, c, mod, 0, s->n_mod, EPS);
  return dif_adaln_continuous (cx, c, mod, EPS);
}

/* Attention to the picture alone, added to what the first one made. */
static DifTensor *
attend_again (DifSd3 *m, const Block *b, DifContext *cx, DifTensor *before, DifTensor *x,
              DifTensor *mod)
{
  DifTensor *h       = dif_adaln_chunks (cx, before, mod, 6, 9, EPS);
  DifSegment segment = dif_projection_forward (&b->second, cx, h, &m->heads, NULL);

  h = dif_joint_attention (cx, &m->heads, &segment, 1, FALSE, NULL);
  h = dif_linear (cx, h, b->second_out, DIF_ACT_NONE, NULL);
  return dif_gated (cx, h, dif_chunk (cx, mod, 8, 9), x);
}

static void
block_forward (DifSd3 *m, const Block *b, DifContext *cx, DifTensor **image, DifTensor **text,
               DifTensor *time)
{
  DifTensor *mod  = dif_linear (cx, time, b->image.modulation, DIF_ACT_NONE, NULL);
  DifTensor *cmod = dif_linear (cx, time, b->text.modulation, DIF_ACT_NONE, NULL);
  DifTensor *x = *image, *c = *text, *h, *g;
  gsize      T = dif_tensor_dim (x, 1), L = dif_tensor_dim (c, 1);
  DifSegment segments[2];

  segments[0] = dif_projection_forward (&b->image.heads, cx,
                                        dif_adaln_chunks (cx, x, mod, 0, b->image.n_mod, EPS),
                                        &m->heads, NULL);
  segments[1] = dif_projection_forward (&b->text.heads, cx, text_norm (&b->text, cx, c, cmod),
                                        &m->heads, NULL);
  h           = dif_joint_attention (cx, &m->heads, segments, 2, FALSE, NULL);
  g           = dif_linear (cx, dif_slice_tokens (cx, h, 0, T), b->image.out, DIF_ACT_NONE, NULL);
  g           = dif_gated (cx, g, dif_chunk (cx, mod, 2, b->image.n_mod), x);
  if (b->second.qkv)
    g = attend_again (m, b, cx, x, g, mod);
  *image = stream_end (&b->image, cx, g, mod);
  if (! b->text.out)
    return;
  g     = dif_linear (cx, dif_slice_tokens (cx, h, T, L), b->text.out, DIF_ACT_NONE, NULL);
  g     = dif_gated (cx, g, dif_chunk (cx, cmod, 2, b->text.n_mod), c);
  *text = stream_end (&b->text, cx, g, cmod);
}

static DifTensor *
run_blocks (DifSd3 *m, DifContext *cx, DifTensor *x, DifTensor *c, DifTensor *time)
{
  for (guint i = 0; i < m->n_layers; i++)
    {
      DifTensor *before[] = { x, c };

      dif_context_enter (cx, "transformer_blocks.%u", i);
      block_forward (m, &m->blocks[i], cx, &x, &c, time);
      if (c != before[1])
        dif_context_keep (cx, c);
      dif_context_leave (cx, x);
      dif_context_release (cx, before[0]);
      if (c != before[1])
        dif_context_release (cx, before[1]);
    }
  return x;
}

/* The picture as tokens, with where they are. */
static DifTensor *
take_image (DifSd3 *m, DifContext *cx, DifTensor *latents, DifTensor *positions)
{
  DifTensor *x = dif_patchify (cx, dif_cast (cx, latents, dif_context_dtype (cx)), m->patch, TRUE);
  gsize      B = dif_tensor_dim (x, 0), n = dif_tensor_dim (x, 1) * dif_tensor_dim (x, 2);

  if (B > 1)
    positions = dif_repeat_batch (cx, positions, (guint) B);
  x = dif_reshape (cx, x, DIF_SHAPE (B, n, dif_tensor_dim (x, 3)));
  return dif_linear (cx, x, m->image_in, DIF_ACT_NONE, positions);
}

DifTensor *
dif_sd3_forward (DifSd3 *m, DifContext *cx, DifTensor *latents, DifTensor *text, DifTensor *time,
                 DifTensor *positions)
{
  gsize      B = dif_tensor_dim (latents, 0), H = dif_tensor_dim (latents, 1) / m->patch;
  gsize      W = dif_tensor_dim (latents, 2) / m->patch;
  DifTensor *x, *c, *mod;

  dif_context_enter (cx, "transformer");
  time = dif_activation (cx, time, DIF_ACT_SILU);
  x    = take_image (m, cx, latents, positions);
  c    = dif_cast (cx, text, dif_context_dtype (cx));
  c    = dif_linear (cx, c, m->text_in, DIF_ACT_NONE, NULL);
  if (dif_tensor_dim (c, 0) == 1 && B > 1)
    c = dif_repeat_batch (cx, c, (guint) B);
  x   = run_blocks (m, cx, x, c, time);
  mod = dif_linear (cx, time, m->norm_out, DIF_ACT_NONE, NULL);
  x   = dif_adaln_continuous (cx, x, mod, EPS);
  x   = dif_linear (cx, x, m->proj_out, DIF_ACT_NONE, NULL);
  x   = dif_reshape (cx, x, DIF_SHAPE (B, H, W, dif_tensor_dim (x, 2)));
  x   = dif_unpatchify (cx, x, m->patch, FALSE);
  return dif_context_leave (cx, dif_cast (cx, x, DIF_F32));
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_sd3_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_sd3_free (m);
}

const DifModelClass dif_model_sd3 = {
  .class_name = "SD3Transformer2DModel",
  .load       = load,
  .free       = release,
};
