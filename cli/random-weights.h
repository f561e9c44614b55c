/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* random-weights.h - a network's weights, drawn so that it computes sanely. */
#ifndef DIF_CLI_RANDOM_WEIGHTS_H
#define DIF_CLI_RANDOM_WEIGHTS_H

#include "dif-parts.h"

G_BEGIN_DECLS

/* Writes a safetensors file at @path with every tensor that a network of class
 * @class_name made from @config has.  @seed chooses the numbers; the same seed
 * gives the same file everywhere.  Errors: those of cli_network_tensors() and
 * dif_safetensors_writer_open(), G_IO_ERROR_CANCELLED. */
gboolean cli_random_weights_write (const char *path, const char *class_name, DifJson *config,
                                   DifDtype dtype, guint64 seed, GCancellable *cancellable,
                                   GError **error);

G_END_DECLS

#endif /* DIF_CLI_RANDOM_WEIGHTS_H */
