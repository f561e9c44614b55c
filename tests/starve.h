/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* starve.h - refusing the n-th allocation.
 *
 * What may be large is allocated by functions that return NULL: GLib's g_try_*(), and
 * aligned_alloc() for tensors and weights.  In a program that has starve.c its own are taken
 * instead of the libraries'.
 */
#ifndef DIF_TESTS_STARVE_H
#define DIF_TESTS_STARVE_H

#include <glib.h>

G_BEGIN_DECLS

/** starve_begin: from now on allocations are counted, and the @n-th is refused; 0 for none. */
void starve_begin (guint n);

/** starve_end: none is refused any more; how many were asked for. */
guint starve_end (void);

G_END_DECLS

#endif /* DIF_TESTS_STARVE_H */
