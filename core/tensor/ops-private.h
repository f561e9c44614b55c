/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ops-private.h - what the files of ops share.
 *
 * Each op follows one pattern: stop if the context has failed, check that the
 * arguments fit, make the output, call the slot, hand the output to the
 * current scope.  Backends rely on the checks made here.
 */
#ifndef DIF_TENSOR_OPS_PRIVATE_H
#define DIF_TENSOR_OPS_PRIVATE_H

#include "tensor/loader.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/** DIF_OPS_CLASS: the slots of a context's backend. */
#define DIF_OPS_CLASS(cx) (dif_context_backend (cx)->klass)

/** _dif_ops_misfit: fails the context with SHAPE and a formatted message. */
DifTensor *_dif_ops_misfit (DifContext *cx, const char *format, ...) G_GNUC_PRINTF (2, 3);

/** _dif_ops_misfit_shapes: fails the context: @op expected something else than @a. */
DifTensor *_dif_ops_misfit_shapes (DifContext *cx, const char *op, const DifTensor *a,
                                   const char *expected);

/** _dif_ops_ready: whether the op may run: context sound, not cancelled, arguments real. */
gboolean _dif_ops_ready (DifContext *cx, const DifTensor *a, const DifTensor *b);

/** _dif_ops_output: (transfer full): a new tensor, or the inert one, which has no data. */
DifTensor *_dif_ops_output (DifContext *cx, DifDtype dtype, const DifShape *shape);

/** _dif_ops_done: ends an op: adopts @y into the scope, or fails the context. */
DifTensor *_dif_ops_done (DifContext *cx, DifTensor *y, gboolean ok, GError *error);

/** _dif_ops_agree_but: whether both agree in dtype and in all dimensions but number @but. */
gboolean _dif_ops_agree_but (const DifTensor *a, const DifTensor *b, guint but);

G_END_DECLS

#endif /* DIF_TENSOR_OPS_PRIVATE_H */
