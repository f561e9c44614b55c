/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* encoder-layer.c - norm, attention, norm, feed-forward. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/encoder-layer.h"
#include "nn/transformer.h"

void
dif_encoder_shape_read (DifEncoderShape *shape, DifJson *config)
{
  const char *act = dif_json_string (config, "hidden_act", "quick_gelu");

  shape->width    = (guint) dif_json_int (config, "hidden_size", shape->width, 1, 1 << 16);
  shape->mlp      = (guint) dif_json_int (config, "intermediate_size", shape->mlp, 1, 1 << 18);
  shape->n_layers = (guint) dif_json_int (config, "num_hidden_layers", shape->n_layers, 1, 1000);
  shape->n_heads =
      (guint) dif_json_int (config, "num_attention_heads", shape->n_heads, 1, 1 << 12);
  shape->eps = (float) dif_json_double (config, "layer_norm_eps", 1e-5);
  if (strcmp (act, "quick_gelu") == 0)
    shape->act = DIF_ACT_QUICK_GELU;
  else if (strcmp (act, "gelu") == 0)
    shape->act = DIF_ACT_GELU;
  else
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "hidden_act: expected \"quick_gelu\" or \"gelu\", found \"%s\"", act);
  if (! (shape->eps > 0) || ! isfinite (shape->eps))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "layer_norm_eps: expected a positive number, found %g", (double) shape->eps);
  if (shape->width % shape->n_heads)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "hidden_size: expected a multiple of num_attention_heads (%u), found %u",
                   shape->n_heads, shape->width);
}

void
dif_encoder_layer_load (DifEncoderLayer *y, DifLoader *l, const DifEncoderShape *shape)
{
  static const char *const qkv[] = { "q_proj", "k_proj", "v_proj" };
  guint                    C     = shape->width;

  dif_loader_enter (l, "self_attn");
  y->qkv = dif_loader_linear_stack (l, qkv, 3, C, C, TRUE);
  y->out = dif_loader_linear (l, "out_proj", C, C, TRUE);
  dif_loader_leave (l);
  y->norm1 = dif_loader_norm (l, "layer_norm1", C);
  y->up    = dif_loader_linear (l, "mlp.fc1", shape->mlp, C, TRUE);
  y->down  = dif_loader_linear (l, "mlp.fc2", C, shape->mlp, TRUE);
  y->norm2 = dif_loader_norm (l, "layer_norm2", C);
}

DifTensor *
dif_encoder_layer_forward (const DifEncoderLayer *y, DifContext *cx, DifTensor *x,
                           const DifEncoderShape *shape, gboolean causal)
{
  DifTensor *h;

  h = dif_layer_norm (cx, x, y->norm1, shape->eps);
  h = dif_linear (cx, h, y->qkv, DIF_ACT_NONE, NULL);
  h = dif_self_attention (cx, h, shape->n_heads, causal);
  x = dif_linear (cx, h, y->out, DIF_ACT_NONE, x);
  h = dif_layer_norm (cx, x, y->norm2, shape->eps);
  h = dif_linear (cx, h, y->up, shape->act, NULL);
  return dif_linear (cx, h, y->down, DIF_ACT_NONE, x);
}
