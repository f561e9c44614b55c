/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* backends.h - the classes that are linked in; registry.c alone reads it. */
#ifndef DIF_BACKENDS_BACKENDS_H
#define DIF_BACKENDS_BACKENDS_H

#include "tensor/backend.h"

G_BEGIN_DECLS

/** dif_backend_ref_class: naive loops, the oracle. */
extern const DifBackendClass dif_backend_ref_class;

/** dif_backend_cpu: oneDNN and own kernels. */
extern const DifBackendClass dif_backend_cpu;

/**
 * dif_backend_ref_fail_at:
 * @be: an open ref backend
 * @n: the n-th allocation from now on fails, 0 being the next; negative: none
 *
 * For the sweep that checks that running out of memory is survived anywhere.
 */
void dif_backend_ref_fail_at (DifBackend *be, int n);

G_END_DECLS

#endif /* DIF_BACKENDS_BACKENDS_H */
