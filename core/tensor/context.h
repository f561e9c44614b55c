/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* context.h - backend, scopes, first error, hooks.
 *
 * Ops return tensors, never a status: the context keeps the first failure,
 * hands out an inert tensor afterwards and is asked once, by
 * dif_context_finish().  Scopes bound the life of temporaries and name the
 * module for messages, dumps and profiles.  One thread uses a context at a
 * time.
 */
#ifndef DIF_TENSOR_CONTEXT_H
#define DIF_TENSOR_CONTEXT_H

#include "tensor/tensor.h"

G_BEGIN_DECLS

/**
 * DifDumpFunc:
 * @name: such as "latents.3"
 * @shape: dimensions, in diffusers' layout (images [N, C, H, W])
 * @data: float32 elements, valid during the call
 * @user_data: as given
 */
typedef void (*DifDumpFunc) (const char *name, const DifShape *shape, const float *data,
                             gpointer user_data);

/**
 * DifProfileFunc:
 * @op: op class, such as "conv3x3", "linear", "attention"
 * @seconds: wall time
 * @macs: multiply-adds done; 0 for those that only move memory
 * @bytes: bytes read and written, at least
 * @user_data: as given
 */
typedef void (*DifProfileFunc) (const char *op, double seconds, double macs, double bytes,
                                gpointer user_data);

/**
 * dif_context_new:
 * @backend: where to compute
 * @dtype: dtype of activations: F32, or what the backend supports
 *
 * Returns: (transfer full): a context with an empty outermost scope
 */
DIF_API DifContext *dif_context_new (DifBackend *backend, DifDtype dtype);

/**
 * dif_context_free:
 * @cx: (nullable) (transfer full): a context; its tensors are released
 */
DIF_API void dif_context_free (DifContext *cx);

/**
 * dif_context_backend:
 * @cx: a context
 *
 * Returns: (transfer none): its backend
 */
DIF_API DifBackend *dif_context_backend (DifContext *cx);

/**
 * dif_context_dtype:
 * @cx: a context
 *
 * Returns: dtype of activations
 */
DIF_API DifDtype dif_context_dtype (DifContext *cx);

/**
 * dif_context_set_dtype:
 * @cx: a context
 * @dtype: F32, or what the backend supports
 *
 * For a network whose weights were prepared for another dtype than the rest.
 *
 * Returns: the dtype before, to be set again
 */
DIF_API DifDtype dif_context_set_dtype (DifContext *cx, DifDtype dtype);

/**
 * dif_context_set_cancellable:
 * @cx: a context
 * @cancellable: (nullable): checked before every op; a cancelled one makes
 *   the context fail with G_IO_ERROR_CANCELLED
 */
DIF_API void dif_context_set_cancellable (DifContext *cx, GCancellable *cancellable);

/**
 * dif_context_set_dump:
 * @cx: a context
 * @func: (nullable): receives named tensors
 * @user_data: for @func
 */
DIF_API void dif_context_set_dump (DifContext *cx, DifDumpFunc func, gpointer user_data);

/**
 * dif_context_set_profile:
 * @cx: a context
 * @func: (nullable): receives the time of every op
 * @user_data: for @func
 */
DIF_API void dif_context_set_profile (DifContext *cx, DifProfileFunc func, gpointer user_data);

/**
 * dif_context_enter:
 * @cx: a context
 * @format: printf format of the scope's name, such as "resnets.%u"
 *
 * Opens a scope: tensors made from now on live until its leave.
 */
DIF_API void dif_context_enter (DifContext *cx, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * dif_context_leave:
 * @cx: a context
 * @keep: (nullable): a tensor that moves to the enclosing scope
 *
 * Closes the current scope and releases its temporaries.
 *
 * Returns: (transfer none): @keep
 */
DIF_API DifTensor *dif_context_leave (DifContext *cx, DifTensor *keep);

/**
 * dif_context_keep:
 * @cx: a context
 * @t: a tensor of the current scope, moved to the enclosing one now
 *
 * Returns: (transfer none): @t
 */
DIF_API DifTensor *dif_context_keep (DifContext *cx, DifTensor *t);

/**
 * dif_context_release:
 * @cx: a context
 * @t: (nullable): a tensor of the current scope that is needed no more
 *
 * Frees @t before its scope ends, to lower the peak of memory.
 */
DIF_API void dif_context_release (DifContext *cx, DifTensor *t);

/**
 * dif_context_adopt:
 * @cx: a context
 * @t: (transfer full) (nullable): a reference the current scope takes over
 *
 * Returns: (transfer none): @t, or the inert tensor for NULL
 */
DIF_API DifTensor *dif_context_adopt (DifContext *cx, DifTensor *t);

/**
 * dif_context_failed:
 * @cx: a context
 *
 * Returns: whether an op has failed
 */
DIF_API gboolean dif_context_failed (DifContext *cx);

/**
 * dif_context_fail:
 * @cx: a context
 * @error: (transfer full): why; the current scopes' names are put before it,
 *   unless it is a cancellation.  Only the first failure is kept.
 *
 * Returns: (transfer none): the inert tensor
 */
DIF_API DifTensor *dif_context_fail (DifContext *cx, GError *error);

/**
 * dif_context_check:
 * @cx: a context
 *
 * Fails the context if it is cancelled.
 *
 * Returns: TRUE if the next op may run
 */
DIF_API gboolean dif_context_check (DifContext *cx);

/**
 * dif_context_inert:
 * @cx: a context
 *
 * Returns: (transfer none): the tensor that stands for "failed"
 */
DIF_API DifTensor *dif_context_inert (DifContext *cx);

/**
 * dif_context_finish:
 * @cx: a context
 * @error: return location
 *
 * Asks for the first failure and clears it.  Scopes stay as they are: callers
 * leave every scope they enter, failed or not.
 *
 * Returns: TRUE if nothing failed
 */
DIF_API gboolean dif_context_finish (DifContext *cx, GError **error);

/**
 * dif_context_wants_dump:
 * @cx: a context
 *
 * Returns: whether a dump function is set
 */
DIF_API gboolean dif_context_wants_dump (DifContext *cx);

/**
 * dif_context_dump_host:
 * @cx: a context
 * @name: what it is
 * @shape: of @data
 * @data: what the dump function is given, if there is one and nothing has failed
 */
DIF_API void dif_context_dump_host (DifContext *cx, const char *name, const DifShape *shape,
                                    const float *data);

/**
 * dif_context_dump:
 * @cx: a context
 * @t: a tensor; one of four dimensions is taken for [N, H, W, C] and dumped
 *   as [N, C, H, W]
 * @format: printf format of the name
 */
DIF_API void dif_context_dump (DifContext *cx, DifTensor *t, const char *format,
                               ...) G_GNUC_PRINTF (3, 4);

/**
 * dif_context_pace:
 * @cx: a context
 *
 * Ends a turn of a loop: waits until the turn before this one is computed, on a
 * device that works behind the caller's back.  So the device always has a turn
 * to do, and a cancel or a report is late by one turn at most.
 */
DIF_API void dif_context_pace (DifContext *cx);

/**
 * dif_context_profile:
 * @cx: a context
 * @op: op class
 * @start: g_get_monotonic_time() before the op, in microseconds
 * @macs: multiply-adds
 * @bytes: bytes moved
 *
 * For ops.
 */
DIF_API void dif_context_profile (DifContext *cx, const char *op, gint64 start, double macs,
                                  double bytes);

/**
 * dif_context_wants_profile:
 * @cx: a context
 *
 * Returns: whether a profile function is set
 */
DIF_API gboolean dif_context_wants_profile (DifContext *cx);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifContext, dif_context_free)

G_END_DECLS

#endif /* DIF_TENSOR_CONTEXT_H */
