/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* adaln.c - the time as vectors, and what they do to tokens. */
#include "nn/adaln.h"
#include "nn/embed.h"

void
dif_time_mlp_load (DifTimeMlp *m, DifLoader *l, const char *name, gsize n_out, gsize n_in,
                   gboolean bias)
{
  dif_loader_enter (l, "%s", name);
  m->up   = dif_loader_linear (l, "linear_1", n_out, n_in, bias);
  m->down = dif_loader_linear (l, "linear_2", n_out, n_out, bias);
  dif_loader_leave (l);
}

DifTensor *
dif_time_mlp_forward (const DifTimeMlp *m, DifContext *cx, gsize n, double value, guint n_waves)
{
  g_autofree float *sinusoids = g_new (float, n *n_waves);
  DifTensor        *t;

  for (gsize i = 0; i < n; i++)
    dif_timestep_embedding (sinusoids + i * n_waves, n_waves, value, TRUE, 0);
  t = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, n_waves), sinusoids);
  t = dif_linear (cx, t, m->up, DIF_ACT_SILU, NULL);
  return dif_linear (cx, t, m->down, DIF_ACT_NONE, NULL);
}

DifTensor *
dif_time_mlp_of (const DifTimeMlp *m, DifContext *cx, gsize n, DifTensor *x)
{
  DifTensor *t = dif_cast (cx, x, dif_context_dtype (cx));

  t = dif_linear (cx, t, m->up, DIF_ACT_SILU, NULL);
  t = dif_linear (cx, t, m->down, DIF_ACT_NONE, NULL);
  return dif_tensor_dim (t, 0) == 1 && n > 1 ? dif_repeat_batch (cx, t, (guint) n) : t;
}

DifTensor *
dif_chunk (DifContext *cx, DifTensor *x, guint i, guint n)
{
  gsize width = dif_tensor_dim (x, -1) / n;

  return dif_slice_channels (cx, x, i * width, width);
}

DifTensor *
dif_adaln (DifContext *cx, DifTensor *x, DifTensor *shift, DifTensor *scale, float eps)
{
  return dif_row_norm (cx, x, NULL, &(DifRowNorm) { TRUE, 1, eps },
                       &(DifScaleShift) { .scale = scale, .shift = shift, .plus = 1 });
}

DifTensor *
dif_adaln_chunks (DifContext *cx, DifTensor *x, DifTensor *mod, guint first, guint n, float eps)
{
  return dif_adaln (cx, x, dif_chunk (cx, mod, first, n), dif_chunk (cx, mod, first + 1, n), eps);
}

DifTensor *
dif_adaln_continuous (DifContext *cx, DifTensor *x, DifTensor *mod, float eps)
{
  return dif_adaln (cx, x, dif_chunk (cx, mod, 1, 2), dif_chunk (cx, mod, 0, 2), eps);
}

DifTensor *
dif_gated (DifContext *cx, DifTensor *x, DifTensor *gate, DifTensor *residual)
{
  return dif_scale_shift (cx, x, &(DifScaleShift) { .scale = gate, .residual = residual });
}
