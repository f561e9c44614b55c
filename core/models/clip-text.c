/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* clip-text.c - CLIPTextModel, with or without projection.
 *
 * Token and position embeddings, then pre-norm layers with causal attention.
 * Padding is not masked: the id that pads matters.
 */

#include "base/error.h"
#include "models/clip-text.h"
#include "nn/encoder-layer.h"

struct _DifClipText
{
  DifEncoderShape  shape;
  guint            max_length, vocabulary;
  guint            n_projected; /* 0 without projection */
  gint32           eos;
  DifTable        *tokens, *positions;
  DifEncoderLayer *layers;
  DifNorm         *final_norm;
  DifLinear       *projection;
};

/* Older configs say 2 for the end of a text, whatever its id is; it is then
 * the greatest id of the prompt. */
#define EOS_UNKNOWN 2

static gboolean
read_config (DifClipText *m, DifJson *config, GError **error)
{
  m->shape = (DifEncoderShape) { .width = 512, .mlp = 2048, .n_layers = 12, .n_heads = 8 };
  dif_encoder_shape_read (&m->shape, config);
  m->max_length = (guint) dif_json_int (config, "max_position_embeddings", 77, 1, 1 << 16);
  m->vocabulary = (guint) dif_json_int (config, "vocab_size", 49408, 1, 1 << 24);
  m->eos        = (gint32) dif_json_int (config, "eos_token_id", 49407, 0, 1 << 24);
  return dif_json_finish (config, error);
}

static DifClipText *
load_model (DifJson *config, DifLoader *l, gboolean projected, GError **error)
{
  DifClipText *m = g_new0 (DifClipText, 1);

  if (projected)
    m->n_projected = (guint) dif_json_int (config, "projection_dim", 512, 1, 1 << 16);
  if (! read_config (m, config, error))
    {
      dif_clip_text_free (m);
      return NULL;
    }
  m->layers = g_new0 (DifEncoderLayer, m->shape.n_layers);
  dif_loader_enter (l, "text_model");
  m->tokens =
      dif_loader_table (l, "embeddings.token_embedding.weight", m->vocabulary, m->shape.width);
  m->positions =
      dif_loader_table (l, "embeddings.position_embedding.weight", m->max_length, m->shape.width);
  for (guint i = 0; i < m->shape.n_layers; i++)
    {
      dif_loader_enter (l, "encoder.layers.%u", i);
      dif_encoder_layer_load (&m->layers[i], l, &m->shape);
      dif_loader_leave (l);
    }
  m->final_norm = dif_loader_norm (l, "final_layer_norm", m->shape.width);
  dif_loader_leave (l);
  if (projected)
    m->projection = dif_loader_linear (l, "text_projection", m->n_projected, m->shape.width, FALSE);
  return m;
}

DifClipText *
dif_clip_text_load (DifJson *config, DifLoader *l, GError **error)
{
  return load_model (config, l, FALSE, error);
}

DifClipText *
dif_clip_text_load_projected (DifJson *config, DifLoader *l, GError **error)
{
  return load_model (config, l, TRUE, error);
}

void
dif_clip_text_free (DifClipText *m)
{
  if (! m)
    return;
  g_free (m->layers);
  g_free (m);
}

guint
dif_clip_text_pooled_width (DifClipText *m)
{
  return m->n_projected;
}

static DifTensor *
embed (DifClipText *m, DifContext *cx, const gint32 *ids, gsize n_batch, gsize n_ids)
{
  gsize              T     = n_ids / n_batch;
  g_autofree gint32 *where = g_new (gint32, n_ids);
  DifTensor         *x;

  for (gsize i = 0; i < n_ids; i++)
    where[i] = (gint32) (i % T);
  x = dif_add (cx, dif_embed (cx, m->tokens, ids, n_ids),
               dif_embed (cx, m->positions, where, n_ids));
  return dif_reshape (cx, x, DIF_SHAPE (n_batch, T, m->shape.width));
}

/* Layers @first to @end - 1. */
static DifTensor *
run_layers (DifClipText *m, DifContext *cx, DifTensor *x, guint first, guint end)
{
  for (guint i = first; i < end; i++)
    {
      dif_context_enter (cx, "encoder.layers.%u", i);
      x = dif_context_leave (cx, dif_encoder_layer_forward (&m->layers[i], cx, x, &m->shape, TRUE));
    }
  return x;
}

/* Where a prompt of @n ids ends. */
static gsize
end_of (DifClipText *m, const gint32 *ids, gsize n)
{
  gsize at = 0;

  for (gsize i = 0; i < n; i++)
    if (m->eos == EOS_UNKNOWN ? ids[i] > ids[at] : ids[i] == m->eos)
      {
        at = i;
        if (m->eos != EOS_UNKNOWN)
          break;
      }
  return at;
}

/* The last layer's output where each prompt ends, normed and projected: [n_batch, n_projected]. */
static DifTensor *
project (DifClipText *m, DifContext *cx, DifTensor *x, const gint32 *ids, gsize n_batch,
         gsize n_ids)
{
  gsize      T    = n_ids / n_batch;
  DifTensor *ends = NULL;

  x = dif_reshape (cx, x, DIF_SHAPE (n_ids, m->shape.width));
  for (gsize i = 0; i < n_batch; i++)
    {
      DifTensor *end = dif_slice_batch (cx, x, i * T + end_of (m, ids + i * T, T), 1);

      ends = ends ? dif_concat_batch (cx, ends, end) : end;
    }
  x = dif_layer_norm (cx, ends, m->final_norm, m->shape.eps);
  return dif_context_keep (cx, dif_linear (cx, x, m->projection, DIF_ACT_NONE, NULL));
}

DifTensor *
dif_clip_text_encode (DifClipText *m, DifContext *cx, const gint32 *ids, gsize n_batch, gsize n_ids,
                      const DifHiddenSpec *which, DifTensor **pooled)
{
  int        all = (int) m->shape.n_layers;
  guint      n   = (guint) CLAMP (which->layer < 0 ? all + 1 + which->layer : which->layer, 0, all);
  DifTensor *x, *hidden;

  dif_context_enter (cx, "text_model");
  x = hidden = run_layers (m, cx, embed (m, cx, ids, n_batch, n_ids), 0, n);
  if (which->is_normed)
    hidden = dif_layer_norm (cx, x, m->final_norm, m->shape.eps);
  if (pooled)
    *pooled = project (m, cx, run_layers (m, cx, x, n, m->shape.n_layers), ids, n_batch, n_ids);
  return dif_context_leave (cx, hidden);
}

static void
info (gpointer model, DifTextEncoderInfo *info)
{
  DifClipText *m = model;

  *info = (DifTextEncoderInfo) { .width        = m->shape.width,
                                 .max_length   = m->max_length,
                                 .pooled_width = m->n_projected };
}

static DifTensor *
encode (gpointer model, DifContext *cx, const gint32 *ids, gsize n_batch, gsize n_ids,
        const DifHiddenSpec *hidden, DifTensor **pooled)
{
  return dif_clip_text_encode (model, cx, ids, n_batch, n_ids, hidden, pooled);
}

static const DifTextEncoderClass text_encoder = { .info = info, .encode = encode };

static gpointer
load_projected (DifJson *config, DifLoader *l, GError **error)
{
  return dif_clip_text_load_projected (config, l, error);
}

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_clip_text_load (config, l, error);
}

static void
release (gpointer m)
{
  dif_clip_text_free (m);
}

const DifModelClass dif_model_clip_text = {
  .class_name   = "CLIPTextModel",
  .load         = load,
  .free         = release,
  .text_encoder = &text_encoder,
};

const DifModelClass dif_model_clip_text_projected = {
  .class_name   = "CLIPTextModelWithProjection",
  .load         = load_projected,
  .free         = release,
  .text_encoder = &text_encoder,
};
