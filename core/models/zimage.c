/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* zimage.c - ZImageTransformer2DModel.
 *
 * One stream: the picture's tokens, then the caption's, each refined by blocks of
 * their own before.  Norms stand before and after what they are added around;
 * the time scales the former and gates the latter.
 */
#include <math.h>

#include "base/error.h"
#include "models/zimage.h"
#include "nn/adaln.h"
#include "nn/joint-attention.h"

/* tokens are padded to multiples of this */
#define MULTIPLE 32

/* greatest width of what the time is told by, and of the layer inside */
#define TIME_WIDTH  256
#define TIME_INSIDE 1024
#define N_WAVES     256

typedef struct
{
  DifProjection heads;
  DifLinear    *out, *gate, *value, *down;
  DifNorm      *before[2], *after[2]; /* of attention and of the feed-forward */
  DifLinear    *modulation;           /* NULL for a caption's blocks */
} Block;

struct _DifZimage
{
  guint         channels, patch, n_layers, n_refiners, text;
  guint         lengths[3]; /* positions that there are, of each axis */
  gsize         width, mlp, time_width;
  double        time_scale;
  DifHeadShape  heads;
  DifRotaryAxes axes;
  float         eps;
  gboolean      head_norms;
  DifTimeMlp    time;
  DifLinear    *image_in, *text_in, *scale_out, *proj_out;
  DifNorm      *text_norm;
  DifTable     *image_pad, *text_pad;
  Block        *image_blocks, *text_blocks, *blocks;
};

/* ---- loading ---- */

static void
read_axes (DifZimage *m, DifJson *config)
{
  static const guint dims[] = { 32, 48, 48 }, lengths[] = { 1024, 512, 512 };
  DifJson           *d = dif_json_member (config, "axes_dims");
  DifJson           *n = dif_json_member (config, "axes_lens");

  m->axes       = (DifRotaryAxes) { .n = 3, .rounding = DIF_ROTARY_ANGLE };
  m->axes.theta = dif_json_double (config, "rope_theta", 256);
  if ((d && dif_json_length (d) != 3) || (n && dif_json_length (n) != 3))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "axes_dims and axes_lens: expected 3 numbers each");
  dif_rotary_axes_read (&m->axes, config, "axes_dims", dims, "dim / n_heads", m->heads.head_dim);
  for (guint i = 0; i < 3; i++)
    m->lengths[i] = n ? (guint) dif_json_value_int (dif_json_at (n, i), 1, 1 << 24) : lengths[i];
  if (! (m->axes.theta > 0) || ! isfinite (m->axes.theta))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "rope_theta: expected a positive number, found %g", m->axes.theta);
}

/* The only patch that there is. */
static void
read_patch (DifZimage *m, DifJson *config)
{
  DifJson *patch = dif_json_member (config, "all_patch_size");
  DifJson *deep  = dif_json_member (config, "all_f_patch_size");

  m->patch = patch ? (guint) dif_json_value_int (dif_json_at (patch, 0), 1, 16) : 2;
  if ((patch && dif_json_length (patch) != 1) || (deep && dif_json_length (deep) != 1))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "all_patch_size and all_f_patch_size: expected one number each");
  if (deep)
    dif_json_value_int (dif_json_at (deep, 0), 1, 1);
  if (dif_json_has (config, "siglip_feat_dim"))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "siglip_feat_dim: expected null, found a value");
}

static gboolean
read_config (DifZimage *m, DifJson *config, GError **error)
{
  read_patch (m, config);
  m->channels      = (guint) dif_json_int (config, "in_channels", 16, 1, 1 << 12);
  m->width         = (gsize) dif_json_int (config, "dim", 3840, 2, 1 << 16);
  m->n_layers      = (guint) dif_json_int (config, "n_layers", 30, 0, 1000);
  m->n_refiners    = (guint) dif_json_int (config, "n_refiner_layers", 2, 0, 1000);
  m->heads.n_heads = (guint) dif_json_int (config, "n_heads", 30, 1, 1 << 12);
  m->eps           = (float) dif_json_double (config, "norm_eps", 1e-5);
  m->head_norms    = dif_json_bool (config, "qk_norm", TRUE);
  m->text          = (guint) dif_json_int (config, "cap_feat_dim", 2560, 1, 1 << 16);
  m->time_scale    = dif_json_double (config, "t_scale", 1000);
  m->time_width    = MIN (m->width, TIME_WIDTH);
  m->mlp           = (gsize) ((double) m->width / 3 * 8);

  m->heads.n_kv_heads = (guint) dif_json_int (config, "n_kv_heads", m->heads.n_heads,
                                              m->heads.n_heads, m->heads.n_heads);
  m->heads.head_dim   = (guint) (m->width / m->heads.n_heads);
  m->heads.eps        = 1e-5f;
  if (m->width % m->heads.n_heads || ! (m->eps > 0) || ! isfinite (m->time_scale))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a dim of n_heads (%u) equal parts, a positive norm_eps and a finite "
                   "t_scale, found %u, %g and %g",
                   m->heads.n_heads, (guint) m->width, (double) m->eps, m->time_scale);
  else
    read_axes (m, config);
  return dif_json_finish (config, error);
}

static Block *
load_blocks (DifZimage *m, DifLoader *l, const char *name, guint n, gboolean modulated)
{
  DifProjectionNames names = { "to_q", "to_k", "to_v", "norm_q", "norm_k" };
  Block             *all   = g_new0 (Block, n);

  if (! m->head_norms)
    names.norm_q = names.norm_k = NULL;
  for (guint i = 0; i < n; i++)
    {
      Block *b = &all[i];

      dif_loader_enter (l, "%s.%u", name, i);
      dif_loader_enter (l, "attention");
      dif_projection_load (&b->heads, l, &names, &m->heads, m->width, FALSE);
      b->out = dif_loader_linear (l, "to_out.0", m->width, m->width, FALSE);
      dif_loader_leave (l);
      b->gate      = dif_loader_linear (l, "feed_forward.w1", m->mlp, m->width, FALSE);
      b->value     = dif_loader_linear (l, "feed_forward.w3", m->mlp, m->width, FALSE);
      b->down      = dif_loader_linear (l, "feed_forward.w2", m->width, m->mlp, FALSE);
      b->before[0] = dif_loader_scale (l, "attention_norm1", m->width);
      b->before[1] = dif_loader_scale (l, "ffn_norm1", m->width);
      b->after[0]  = dif_loader_scale (l, "attention_norm2", m->width);
      b->after[1]  = dif_loader_scale (l, "ffn_norm2", m->width);
      if (modulated)
        b->modulation =
            dif_loader_linear (l, "adaLN_modulation.0", 4 * m->width, m->time_width, TRUE);
      dif_loader_leave (l);
    }
  return all;
}

static void
load_weights (DifZimage *m, DifLoader *l)
{
  gsize            patch = (gsize) m->patch * m->patch * m->channels;
  g_autofree char *name  = g_strdup_printf ("%u-1", m->patch);

  dif_loader_enter (l, "all_x_embedder");
  m->image_in = dif_loader_linear (l, name, m->width, patch, TRUE);
  dif_loader_leave (l);
  dif_loader_enter (l, "all_final_layer.%u-1", m->patch);
  m->proj_out  = dif_loader_linear (l, "linear", patch, m->width, TRUE);
  m->scale_out = dif_loader_linear (l, "adaLN_modulation.1", m->width, m->time_width, TRUE);
  dif_loader_leave (l);
  m->time.up      = dif_loader_linear (l, "t_embedder.mlp.0", TIME_INSIDE, N_WAVES, TRUE);
  m->time.down    = dif_loader_linear (l, "t_embedder.mlp.2", m->time_width, TIME_INSIDE, TRUE);
  m->text_norm    = dif_loader_scale (l, "cap_embedder.0", m->text);
  m->text_in      = dif_loader_linear (l, "cap_embedder.1", m->width, m->text, TRUE);
  m->image_pad    = dif_loader_table (l, "x_pad_token", 1, m->width);
  m->text_pad     = dif_loader_table (l, "cap_pad_token", 1, m->width);
  m->image_blocks = load_blocks (m, l, "noise_refiner", m->n_refiners, TRUE);
  m->text_blocks  = load_blocks (m, l, "context_refiner", m->n_refiners, FALSE);
  m->blocks       = load_blocks (m, l, "layers", m->n_layers, TRUE);
}

DifZimage *
dif_zimage_load (DifJson *config, DifLoader *l, GError **error)
{
  DifZimage *m = g_new0 (DifZimage, 1);

  if (! read_config (m, config, error))
    {
      dif_zimage_free (m);
      return NULL;
    }
  load_weights (m, l);
  return m;
}

void
dif_zimage_free (DifZimage *m)
{
  if (! m)
    return;
  g_free (m->image_blocks);
  g_free (m->text_blocks);
  g_free (m->blocks);
  g_free (m);
}

guint
dif_zimage_channels (DifZimage *m)
{
  return m->channels;
}

guint
dif_zimage_patch (DifZimage *m)
{
  return m->patch;
}

guint
dif_zimage_text_width (DifZimage *m)
{
  return m->text;
}

/* ---- forward ---- */

DifTensor *
dif_zimage_time (DifZimage *m, DifContext *cx, gsize n, double timestep)
{
  DifTensor *t;
  float      u = (1000.0f - (float) timestep) / 1000.0f;

  dif_context_enter (cx, "t_embedder");
  t = dif_time_mlp_forward (&m->time, cx, n, u * (float) m->time_scale, N_WAVES);
  return dif_context_leave (cx, t);
}

static gsize
padded (gsize n)
{
  return (n + MULTIPLE - 1) / MULTIPLE * MULTIPLE;
}

/* @n rows of a pad token. */
static DifTensor *
pad_rows (DifZimage *m, DifContext *cx, const DifTable *token, gsize n)
{
  g_autofree gint32 *ids = g_new0 (gint32, n);

  return dif_reshape (cx, dif_embed (cx, token, ids, n), DIF_SHAPE (1, n, m->width));
}

void
dif_zimage_layout (DifZimage *m, DifContext *cx, gsize h, gsize w, gsize n_caption,
                   DifZimageLayout *layout)
{
  gsize             H = h / m->patch, W = w / m->patch, n = H * W, L = padded (n_caption);
  g_autofree float *image   = g_new0 (float, padded (n) * 3);
  g_autofree float *caption = g_new0 (float, L * 3);

  *layout = (DifZimageLayout) { dif_context_inert (cx), dif_context_inert (cx),
                                dif_context_inert (cx), NULL };
  if (L + 1 >= m->lengths[0] || H > m->lengths[1] || W > m->lengths[2])
    {
      dif_context_fail (cx, g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                         "axes_lens: expected at most %u tokens of text and %u x "
                                         "%u of a picture, found %" G_GSIZE_FORMAT
                                         " and %" G_GSIZE_FORMAT " x %" G_GSIZE_FORMAT,
                                         m->lengths[0] - 2, m->lengths[2], m->lengths[1], L, W, H));
      return;
    }
  for (gsize i = 0; i < L; i++)
    caption[3 * i] = (float) (i + 1);
  for (gsize i = 0; i < n; i++)
    {
      image[3 * i]     = (float) (L + 1);
      image[3 * i + 1] = (float) (i / W);
      image[3 * i + 2] = (float) (i % W);
    }
  layout->image   = dif_rotary_table (cx, &m->axes, padded (n), image);
  layout->caption = dif_rotary_table (cx, &m->axes, L, caption);
  layout->all     = dif_concat_batch (cx, layout->image, layout->caption);
  if (padded (n) > n)
    layout->padding = pad_rows (m, cx, m->image_pad, padded (n) - n);
}

static DifTensor *
block_forward (DifZimage *m, const Block *b, DifContext *cx, DifTensor *x, DifTensor *time,
               DifTensor *table)
{
  const DifRowNorm norm   = { FALSE, 1, m->eps };
  DifScaleShift    in[2]  = { { .plus = 1 }, { .plus = 1 } };
  DifScaleShift    out[2] = { { .plus = 1 }, { .plus = 1 } };
  DifTensor       *h;
  DifSegment       segment;

  if (b->modulation)
    {
      DifTensor *mod = dif_linear (cx, time, b->modulation, DIF_ACT_NONE, NULL);

      for (guint i = 0; i < 2; i++)
        {
          in[i].scale  = dif_chunk (cx, mod, 2 * i, 4);
          out[i].scale = dif_activation (cx, dif_chunk (cx, mod, 2 * i + 1, 4), DIF_ACT_TANH);
          out[i].plus  = 0;
        }
    }
  h       = dif_row_norm (cx, x, b->before[0], &norm, &in[0]);
  segment = dif_projection_forward (&b->heads, cx, h, &m->heads, table);
  h       = dif_joint_attention (cx, &m->heads, &segment, 1, FALSE, NULL);
  h       = dif_linear (cx, h, b->out, DIF_ACT_NONE, NULL);

  out[0].residual = x;
  x               = dif_row_norm (cx, h, b->after[0], &norm, &out[0]);
  h               = dif_row_norm (cx, x, b->before[1], &norm, &in[1]);
  h               = dif_glu (cx, h, b->value, b->gate, DIF_ACT_SILU);
  h               = dif_linear (cx, h, b->down, DIF_ACT_NONE, NULL);
  out[1].residual = x;
  return dif_row_norm (cx, h, b->after[1], &norm, &out[1]);
}

static DifTensor *
run_blocks (DifZimage *m, const Block *blocks, guint n, const char *name, DifContext *cx,
            DifTensor *x, DifTensor *time, DifTensor *table)
{
  for (guint i = 0; i < n; i++)
    {
      DifTensor *before = x;

      dif_context_enter (cx, "%s.%u", name, i);
      x = dif_context_leave (cx, block_forward (m, &blocks[i], cx, x, time, table));
      dif_context_release (cx, before);
    }
  return x;
}

DifTensor *
dif_zimage_caption (DifZimage *m, DifContext *cx, DifTensor *states, const DifZimageLayout *layout)
{
  gsize      n = dif_tensor_dim (states, 1), B = dif_tensor_dim (states, 0);
  DifTensor *x, *pad;

  dif_context_enter (cx, "transformer");
  x = dif_cast (cx, states, dif_context_dtype (cx));
  x = dif_linear (cx, dif_rms_norm (cx, x, m->text_norm, m->eps), m->text_in, DIF_ACT_NONE, NULL);
  if (padded (n) > n)
    {
      pad = pad_rows (m, cx, m->text_pad, padded (n) - n);
      x   = dif_concat_tokens (cx, x, dif_repeat_batch (cx, pad, (guint) B));
    }
  x = run_blocks (m, m->text_blocks, m->n_refiners, "context_refiner", cx, x, NULL,
                  layout->caption);
  return dif_context_leave (cx, x);
}

/* The picture as tokens, padded and refined. */
static DifTensor *
take_image (DifZimage *m, DifContext *cx, DifTensor *latents, DifTensor *time,
            const DifZimageLayout *layout)
{
  DifTensor *x = dif_patchify (cx, dif_cast (cx, latents, dif_context_dtype (cx)), m->patch, FALSE);
  gsize      B = dif_tensor_dim (x, 0), n = dif_tensor_dim (x, 1) * dif_tensor_dim (x, 2);

  x = dif_reshape (cx, x, DIF_SHAPE (B, n, dif_tensor_dim (x, 3)));
  x = dif_linear (cx, x, m->image_in, DIF_ACT_NONE, NULL);
  if (layout->padding)
    x = dif_concat_tokens (cx, x, dif_repeat_batch (cx, layout->padding, (guint) B));
  return run_blocks (m, m->image_blocks, m->n_refiners, "noise_refiner", cx, x, time,
                     layout->image);
}

DifTensor *
dif_zimage_forward (DifZimage *m, DifContext *cx, DifTensor *latents, DifTensor *caption,
                    DifTensor *time, const DifZimageLayout *layout)
{
  gsize      B = dif_tensor_dim (latents, 0), H = dif_tensor_dim (latents, 1) / m->patch;
  gsize      W = dif_tensor_dim (latents, 2) / m->patch;
  DifTensor *x, *scale;

  dif_context_enter (cx, "transformer");
  x = take_image (m, cx, latents, time, layout);
  if (dif_tensor_dim (caption, 0) == 1 && B > 1)
    caption = dif_repeat_batch (cx, caption, (guint) B);
  x = dif_concat_tokens (cx, x, caption);
  x = run_blocks (m, m->blocks, m->n_layers, "layers", cx, x, time, layout->all);
  x = dif_slice_tokens (cx, x, 0, H * W);

  scale = dif_activation (cx, time, DIF_ACT_SILU);
  scale = dif_linear (cx, scale, m->scale_out, DIF_ACT_NONE, NULL);
  x     = dif_adaln (cx, x, NULL, scale, 1e-6f);
  x     = dif_linear (cx, x, m->proj_out, DIF_ACT_NONE, NULL);
  x     = dif_reshape (cx, x, DIF_SHAPE (B, H, W, dif_tensor_dim (x, 2)));
  x     = dif_unpatchify (cx, x, m->patch, FALSE);
  return dif_context_leave (cx, dif_cast (cx, x, DIF_F32));
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_zimage_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_zimage_free (m);
}

const DifModelClass dif_model_zimage = {
  .class_name = "ZImageTransformer2DModel",
  .load       = load,
  .free       = release,
};
