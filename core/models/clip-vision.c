/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-vision.c - CLIPVisionModel.
 *
 * Square patches become tokens behind a class token; layers as in the text
 * encoder, but every token sees all.  The patch embedding is a convolution
 * whose stride is its side, so it is a product over rows of patches.
 */
#include <string.h>

#include "base/error.h"
#include "models/clip-vision.h"
#include "nn/encoder-layer.h"

#define CHANNELS 3

struct _DifClipVision
{
  DifEncoderShape  shape;
  guint            image_size, patch;
  DifLinear       *patches;
  float           *class_token; /* [width]; NULL in a dry run */
  DifTable        *positions;
  DifNorm         *first_norm, *last_norm;
  DifEncoderLayer *layers;
};

static gboolean
read_config (DifClipVision *m, DifJson *config, GError **error)
{
  gint64 channels;

  m->shape = (DifEncoderShape) { .width = 768, .mlp = 3072, .n_layers = 12, .n_heads = 12 };
  dif_encoder_shape_read (&m->shape, config);
  m->image_size = (guint) dif_json_int (config, "image_size", 224, 1, 1 << 13);
  m->patch      = (guint) dif_json_int (config, "patch_size", 32, 1, 1 << 10);
  channels      = dif_json_int (config, "num_channels", CHANNELS, 1, 1 << 10);
  if (channels != CHANNELS)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "num_channels: expected %d, found %" G_GINT64_FORMAT, CHANNELS, channels);
  if (m->patch > m->image_size)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "patch_size: expected at most the image_size of %u, found %u", m->image_size,
                   m->patch);
  return dif_json_finish (config, error);
}

/* Patches along a side; what is left over at the right and bottom is not seen. */
static guint
side (const DifClipVision *m)
{
  return m->image_size / m->patch;
}

static void
load_layers (DifClipVision *m, DifLoader *l)
{
  m->layers = g_new0 (DifEncoderLayer, m->shape.n_layers);
  for (guint i = 0; i < m->shape.n_layers; i++)
    {
      dif_loader_enter (l, "encoder.layers.%u", i);
      dif_encoder_layer_load (&m->layers[i], l, &m->shape);
      dif_loader_leave (l);
    }
}

static DifLinear *
load_patches (DifClipVision *m, DifLoader *l)
{
  DifWeightSpec spec = { .form  = DIF_FORM_PATCHES,
                         .names = { "embeddings.patch_embedding" },
                         .n_out = m->shape.width,
                         .n_in  = CHANNELS,
                         .k     = m->patch };

  return dif_loader_weight (l, &spec);
}

DifClipVision *
dif_clip_vision_load (DifJson *config, DifLoader *l, GError **error)
{
  DifClipVision *m = g_new0 (DifClipVision, 1);
  guint          C;

  if (! read_config (m, config, error))
    {
      dif_clip_vision_free (m);
      return NULL;
    }
  C = m->shape.width;
  dif_loader_enter (l, "vision_model");
  m->class_token = dif_loader_floats (l, "embeddings.class_embedding", DIF_SHAPE (C));
  m->patches     = load_patches (m, l);
  m->positions =
      dif_loader_table (l, "embeddings.position_embedding.weight", 1 + side (m) * side (m), C);
  m->first_norm = dif_loader_norm (l, "pre_layrnorm", C);
  load_layers (m, l);
  m->last_norm = dif_loader_norm (l, "post_layernorm", C);
  dif_loader_leave (l);
  return m;
}

void
dif_clip_vision_free (DifClipVision *m)
{
  if (! m)
    return;
  g_free (m->class_token);
  g_free (m->layers);
  g_free (m);
}

guint
dif_clip_vision_width (DifClipVision *m)
{
  return m->shape.width;
}

guint
dif_clip_vision_image_size (DifClipVision *m)
{
  return m->image_size;
}

/* Row i is patch i, as [3, patch, patch]: the order of the weight's columns. */
static void
cut_patches (const DifClipVision *m, const float *pixels, float *rows)
{
  guint n = side (m), p = m->patch;

  for (guint i = 0; i < n * n; i++)
    for (guint c = 0; c < CHANNELS; c++)
      for (guint y = 0; y < p; y++)
        for (guint x = 0; x < p; x++)
          {
            gsize row = (gsize) (i / n) * p + y, column = (gsize) (i % n) * p + x;

            *rows++ = pixels[(row * m->image_size + column) * CHANNELS + c];
          }
}

/* [tokens, width]: the class token, then the patches, each at its place. */
static DifTensor *
embed (DifClipVision *m, DifContext *cx, const float *pixels)
{
  gsize              n = (gsize) side (m) * side (m), K = (gsize) CHANNELS * m->patch * m->patch;
  g_autofree float  *rows  = g_try_new (float, n *K);
  g_autofree gint32 *where = g_new (gint32, n + 1);
  DifTensor         *x, *first;

  if (! rows)
    return dif_context_fail (cx, g_error_new_literal (DIF_BACKEND_ERROR,
                                                      DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                                                      "out of memory for a picture's patches"));
  cut_patches (m, pixels, rows);
  for (gsize i = 0; i <= n; i++)
    where[i] = (gint32) i;
  x     = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, K), rows);
  x     = dif_linear (cx, x, m->patches, DIF_ACT_NONE, NULL);
  first = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (1, m->shape.width), m->class_token);
  x     = dif_concat_batch (cx, first, x);
  return dif_add (cx, x, dif_embed (cx, m->positions, where, n + 1));
}

DifTensor *
dif_clip_vision_embed (DifClipVision *m, DifContext *cx, const float *pixels)
{
  gsize      n = 1 + (gsize) side (m) * side (m);
  DifTensor *x;

  dif_context_enter (cx, "vision_model");
  x = dif_layer_norm (cx, embed (m, cx, pixels), m->first_norm, m->shape.eps);
  x = dif_reshape (cx, x, DIF_SHAPE (1, n, m->shape.width));
  for (guint i = 0; i < m->shape.n_layers; i++)
    {
      dif_context_enter (cx, "encoder.layers.%u", i);
      x = dif_encoder_layer_forward (&m->layers[i], cx, x, &m->shape, FALSE);
      x = dif_context_leave (cx, x);
    }
  x = dif_reshape (cx, x, DIF_SHAPE (n, m->shape.width));
  x = dif_layer_norm (cx, dif_slice_batch (cx, x, 0, 1), m->last_norm, m->shape.eps);
  return dif_context_leave (cx, x);
}
