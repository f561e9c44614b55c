/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* dpt.c - running DPTForDepthEstimation.
 *
 * A picture becomes tokens, by patches or by a backbone's last map.  From some
 * of the transformer's layers (and the backbone's first maps) come pictures of
 * features, which are fused from the smallest up; the last becomes depth.
 */
#include "base/error.h"
#include "models/dpt-private.h"
#include "nn/transformer.h"
#include "tensor/resample.h"

/* ---- tokens ---- */

/* Row i is patch i, as [C, patch, patch]: the order of the weight's columns. */
static DifTensor *
embed_patches (DifDpt *m, DifContext *cx, const float *pixels, guint side)
{
  gsize             p = m->patch, grid = side / p, K = m->in * p * p;
  g_autofree float *rows = g_try_new (float, grid *grid *K), *at = NULL;
  DifTensor        *x;
  gsize             n = 0;

  if (! rows)
    return dif_context_fail (
        cx, g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                 "out of memory for a picture's patches"));
  for (gsize i = 0; i < grid; i++)
    for (gsize j = 0; j < grid; j++)
      for (gsize c = 0; c < m->in; c++)
        for (gsize a = 0; a < p; a++)
          for (gsize b = 0; b < p; b++)
            rows[n++] = pixels[(c * side + i * p + a) * side + j * p + b];
  x = dif_upload (cx, m->dtype, DIF_SHAPE (1, grid, grid, K), rows);
  return dif_linear (cx, x, m->patches, DIF_ACT_NONE, NULL);
}

/* [1, grid, grid, width]; the backbone's maps go to @features. */
static DifTensor *
embed (DifDpt *m, DifContext *cx, const float *pixels, guint side, DifTensor **features)
{
  if (! m->hybrid)
    return embed_patches (m, cx, pixels, side);
  dif_bit_forward (m->bit, cx, dif_upload_nchw (cx, m->dtype, 1, m->in, side, side, pixels),
                   features);
  return dif_conv2d (cx, features[2], m->feature_projection, NULL, NULL);
}

/* Adds positions, resized where the picture is not of the size the model was
 * trained with, and puts the class token first: [1, 1 + grid^2, width]. */
static DifTensor *
add_positions (DifDpt *m, DifContext *cx, DifTensor *x)
{
  gsize             grid = dif_tensor_dim (x, 1), own = m->image_size / m->patch;
  gsize             D     = m->shape.width;
  g_autofree float *first = g_new (float, D);
  DifTensor        *places, *cls;

  for (gsize i = 0; i < D; i++)
    first[i] = m->cls[i] + m->positions[i];
  cls    = dif_upload (cx, m->dtype, DIF_SHAPE (1, D), first);
  places = dif_upload (cx, m->dtype, DIF_SHAPE (1, own, own, D), m->positions + D);
  x      = dif_add (cx, x, dif_resize_bilinear (cx, places, grid, grid, FALSE));
  x      = dif_concat_batch (cx, cls, dif_reshape (cx, x, DIF_SHAPE (grid * grid, D)));
  return dif_reshape (cx, x, DIF_SHAPE (1, 1 + grid * grid, D));
}

/* What the transformer gives each level that is not the backbone's. */
static void
transform (DifDpt *m, DifContext *cx, DifTensor *x, DifTensor **features)
{
  guint level = m->hybrid ? 2 : 0;

  for (guint i = 0; i < m->shape.n_layers && level < m->n_levels; i++)
    {
      dif_context_enter (cx, "encoder.layer.%u", i);
      x = dif_encoder_layer_forward (&m->layers[i], cx, x, &m->shape, FALSE);
      x = dif_context_leave (cx, x);
      if (m->levels[level].tap == i)
        features[level++] = x;
    }
}

/* ---- neck and head ---- */

/* Tokens back to a picture, the class token worked into the others. */
static DifTensor *
read_out (DifDpt *m, const DifDptLevel *y, DifContext *cx, DifTensor *x, gsize grid)
{
  gsize      n = grid * grid, D = m->shape.width;
  DifTensor *rows = dif_reshape (cx, x, DIF_SHAPE (1 + n, D));

  rows = dif_reshape (cx, dif_slice_batch (cx, rows, 1, n), DIF_SHAPE (1, n, D));
  if (m->readout == DIF_DPT_ADD)
    rows = dif_add (cx, rows, dif_repeat_row (cx, x, 0, n));
  if (m->readout == DIF_DPT_PROJECT)
    {
      rows = dif_concat (cx, rows, dif_repeat_row (cx, x, 0, n));
      rows = dif_linear (cx, rows, y->readout, m->shape.act, NULL);
    }
  return dif_reshape (cx, rows, DIF_SHAPE (1, grid, grid, D));
}

static DifTensor *
reassemble (DifDpt *m, const DifDptLevel *y, DifContext *cx, DifTensor *x, gsize grid)
{
  if (! y->from_backbone)
    {
      x = dif_conv2d (cx, read_out (m, y, cx, x, grid), y->projection, NULL, NULL);
      if (y->larger)
        x = dif_pixel_shuffle (cx, dif_linear (cx, x, y->larger, DIF_ACT_NONE, NULL), y->enlarge);
      if (y->smaller)
        x = dif_conv2d (cx, x, y->smaller, NULL, NULL);
    }
  return dif_conv2d (cx, x, y->conv, NULL, NULL);
}

static DifTensor *
residual_unit (DifConv *const *convs, DifContext *cx, DifTensor *x)
{
  DifTensor *h;

  h = dif_conv2d (cx, dif_activation (cx, x, DIF_ACT_RELU), convs[0], NULL, NULL);
  return dif_conv2d (cx, dif_activation (cx, h, DIF_ACT_RELU), convs[1], NULL, x);
}

static DifTensor *
twice (DifContext *cx, DifTensor *x)
{
  return dif_resize_bilinear (cx, x, 2 * dif_tensor_dim (x, 1), 2 * dif_tensor_dim (x, 2), TRUE);
}

/* @x is what came so far, NULL at first; @map is the level's own. */
static DifTensor *
fuse (const DifDptFusion *f, DifContext *cx, DifTensor *x, DifTensor *map)
{
  if (x)
    {
      map = dif_resize_bilinear (cx, map, dif_tensor_dim (x, 1), dif_tensor_dim (x, 2), FALSE);
      x   = dif_add (cx, x, residual_unit (f->units[0], cx, map));
    }
  x = residual_unit (f->units[1], cx, x ? x : map);
  return dif_conv2d (cx, twice (cx, x), f->projection, NULL, NULL);
}

static DifTensor *
head (DifDpt *m, DifContext *cx, DifTensor *x)
{
  if (m->head_projection)
    x = dif_activation (cx, dif_conv2d (cx, x, m->head_projection, NULL, NULL), DIF_ACT_RELU);
  x = twice (cx, dif_conv2d (cx, x, m->head[0], NULL, NULL));
  x = dif_activation (cx, dif_conv2d (cx, x, m->head[1], NULL, NULL), DIF_ACT_RELU);
  return dif_activation (cx, dif_conv2d (cx, x, m->head[2], NULL, NULL), DIF_ACT_RELU);
}

/* Fails the context if the model cannot see a picture of this size. */
static gboolean
check_size (DifDpt *m, DifContext *cx, guint height, guint width)
{
  if (height == width && height >= m->patch && (! m->hybrid || height == m->image_size))
    return TRUE;
  dif_context_fail (cx, m->hybrid
                            ? g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                           "depth estimator: expected %u x %u pixels from its "
                                           "image processor, found %u x %u",
                                           m->image_size, m->image_size, width, height)
                            : g_error_new (DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                                           "depth estimator: expected a square of at least %u "
                                           "pixels from its image processor, found %u x %u",
                                           m->patch, width, height));
  return FALSE;
}

DifTensor *
dif_dpt_estimate (DifDpt *m, DifContext *cx, const float *pixels, guint height, guint width)
{
  DifTensor *features[DIF_DPT_MAX_LEVELS + 1] = { NULL }, *x, *fused = NULL;
  gsize      grid = height / m->patch;

  if (! check_size (m, cx, height, width))
    return dif_context_inert (cx);
  dif_context_enter (cx, "dpt");
  x = add_positions (m, cx, embed (m, cx, pixels, height, features));
  transform (m, cx, x, features);
  for (guint i = 0; i <= m->head_level; i++)
    {
      guint level = m->n_levels - 1 - i;

      dif_context_enter (cx, "neck.%u", level);
      x     = reassemble (m, &m->levels[level], cx, features[level], grid);
      fused = dif_context_leave (cx, fuse (&m->fusions[i], cx, fused, x));
    }
  return dif_context_leave (cx, head (m, cx, fused));
}
