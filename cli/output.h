/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* output.h - files that appear whole or not at all. */
#ifndef DIF_CLI_OUTPUT_H
#define DIF_CLI_OUTPUT_H

#include "dif.h"

G_BEGIN_DECLS

/* Whether a file can be made at @path, asked before the work begins, as
 * cli_target_check().  With @suffix the name must end in it, unless @path is a
 * device, a pipe or a descriptor.  @option is for the message.
 * Errors: G_OPTION_ERROR (the suffix), G_FILE_ERROR. */
gboolean cli_output_check (const char *option, const char *path, const char *suffix,
                           GError **error);

/* The name of picture @i of @n: @path itself for one, else "out-1.png" ... */
char *cli_output_name (const char *path, guint i, guint n);

/* Writes picture @i with its recipe as a PNG file; where that fails for want of
 * a place, @kept is where it is instead, or NULL.  Errors: G_FILE_ERROR,
 * GDK_PIXBUF_ERROR. */
gboolean cli_output_png (const char *path, DifResult *result, guint i, char **kept,
                         GError **error);

/* Writes a preview as a PNG file, several pictures one below the other.  Errors:
 * G_FILE_ERROR, GDK_PIXBUF_ERROR. */
gboolean cli_output_preview (const char *path, const DifPreview *preview, GError **error);

/** CliDump: named tensors on their way to a file. */
typedef struct _CliDump CliDump;

CliDump *cli_dump_new (void);
void     cli_dump_free (CliDump *dump);

/* A DifDumpFunc; @dump is a CliDump. */
void cli_dump_add (const char *name, const DifShape *shape, const float *data, gpointer dump);

/* Writes a safetensors file.  Errors: as dif_safetensors_writer_open(). */
gboolean cli_dump_write (CliDump *dump, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CliDump, cli_dump_free)

G_END_DECLS

#endif /* DIF_CLI_OUTPUT_H */
