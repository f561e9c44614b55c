/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ref.h - shared by the files of the ref backend only. */
#ifndef DIF_BACKENDS_REF_H
#define DIF_BACKENDS_REF_H

#include "tensor/backend.h"

G_BEGIN_DECLS

/** RefWeight: a weight as float32, already rounded to its dtype; bias NULL for none. */
typedef struct
{
  gsize  n_out, n_in, kh, kw;
  float *w;
  float *bias;
  gsize  bytes;
} RefWeight;

/** Ref: the device. */
typedef struct
{
  DifBackend parent;
  int        fail_at; /* allocations still to succeed; negative: no injection */
} Ref;

/** ref_get: element @i of @t as a number. */
double ref_get (const DifTensor *t, gsize i);

/** ref_set: element @i of @t becomes @v, rounded to its dtype. */
void ref_set (DifTensor *t, gsize i, double v);

/** ref_act: the non-linearity itself. */
double ref_act (double x, DifAct act);

/** ref_alloc: the backend's allocator; counts towards the failure injector. */
gpointer ref_alloc (DifBackend *be, gsize bytes, GError **error);

/** ref_free: gives back what ref_alloc() gave. */
void ref_free (DifBackend *be, gpointer data, gsize bytes);

gboolean ref_linear (DifBackend *be, const DifTensor *x, gpointer w, DifAct act,
                     const DifTensor *residual, DifTensor *y, GError **error);
gboolean ref_glu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate, DifAct act,
                  DifTensor *y, GError **error);
gboolean ref_conv2d (DifBackend *be, const DifTensor *x, gpointer w, const DifConvSpec *spec,
                     const DifTensor *per_channel, const DifTensor *residual, DifTensor *y,
                     GError **error);
gboolean ref_group_norm (DifBackend *be, const DifTensor *x, gpointer norm, guint n_groups,
                         float eps, DifAct act, DifTensor *y, GError **error);
gboolean ref_row_norm (DifBackend *be, const DifTensor *x, gpointer norm, const DifRowNorm *spec,
                       const DifScaleShift *after, DifTensor *y, GError **error);
gboolean ref_scale_shift (DifBackend *be, const DifTensor *x, const DifScaleShift *s, DifTensor *y,
                          GError **error);
gboolean ref_rotate (DifBackend *be, const DifTensor *x, gpointer norm, const DifRotary *spec,
                     DifTensor *y, GError **error);
gboolean ref_multiply (DifBackend *be, const DifTensor *a, DifAct act, const DifTensor *b,
                       DifTensor *y, GError **error);
gboolean ref_prelu (DifBackend *be, const DifTensor *x, gpointer norm, DifTensor *y,
                    GError **error);
gboolean ref_permute (DifBackend *be, const DifTensor *x, const DifPermutation *p, DifTensor *y,
                      GError **error);
gboolean ref_attention (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error);
gboolean ref_activation (DifBackend *be, const DifTensor *x, DifAct act, DifTensor *y,
                         GError **error);
gboolean ref_add (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                  GError **error);
gboolean ref_concat (DifBackend *be, const DifTensor *a, const DifTensor *b, DifTensor *y,
                     GError **error);
gboolean ref_upsample (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);
gboolean ref_gather (DifBackend *be, const DifTensor *x, const DifGather *g, DifTensor *y,
                     GError **error);
gboolean ref_embed (DifBackend *be, gpointer table, const gint32 *ids, gsize n, DifTensor *y,
                    GError **error);
gboolean ref_lincomb (DifBackend *be, guint n, const float *coef, const DifTensor *const *x,
                      DifTensor *y, GError **error);
gboolean ref_clamp (DifBackend *be, const DifTensor *x, float lo, float hi, DifTensor *y,
                    GError **error);
gboolean ref_cast (DifBackend *be, const DifTensor *x, DifTensor *y, GError **error);

G_END_DECLS

#endif /* DIF_BACKENDS_REF_H */
