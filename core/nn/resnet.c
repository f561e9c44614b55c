/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* resnet.c - norm, SiLU, convolution, twice, beside a shortcut. */
#include "nn/resnet.h"

void
dif_resnet_load (DifResnet *r, DifLoader *l, gsize n_in, gsize n_out, gsize n_time, guint n_groups,
                 float eps)
{
  r->n_groups = n_groups;
  r->eps      = eps;
  r->norm1    = dif_loader_norm (l, "norm1", n_in);
  r->conv1    = dif_loader_conv (l, "conv1", n_out, n_in, 3, 1, 1);
  if (n_time)
    r->time = dif_loader_linear (l, "time_emb_proj", n_out, n_time, TRUE);
  r->norm2 = dif_loader_norm (l, "norm2", n_out);
  r->conv2 = dif_loader_conv (l, "conv2", n_out, n_out, 3, 1, 1);
  if (n_in != n_out)
    r->shortcut = dif_loader_linear (l, "conv_shortcut", n_out, n_in, TRUE);
}

DifTensor *
dif_resnet_forward (const DifResnet *r, DifContext *cx, DifTensor *x, DifTensor *time)
{
  DifTensor *h, *g, *shift = NULL;

  if (r->time && time)
    shift = dif_cast (cx, dif_linear (cx, time, r->time, DIF_ACT_NONE, NULL), DIF_F32);
  h = dif_group_norm (cx, x, r->norm1, r->n_groups, r->eps, DIF_ACT_SILU);
  g = dif_conv2d (cx, h, r->conv1, shift, NULL);
  dif_context_release (cx, h);
  h = dif_group_norm (cx, g, r->norm2, r->n_groups, r->eps, DIF_ACT_SILU);
  dif_context_release (cx, g);
  if (r->shortcut)
    x = dif_linear (cx, x, r->shortcut, DIF_ACT_NONE, NULL);
  return dif_conv2d (cx, h, r->conv2, NULL, x);
}
