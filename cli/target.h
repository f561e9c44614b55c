/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* target.h - the file that an output option leads to.
 *
 * Whatever can be known of it is asked before the work begins; afterwards it
 * appears whole or not at all.
 */
#ifndef DIF_CLI_TARGET_H
#define DIF_CLI_TARGET_H

#include <glib.h>

G_BEGIN_DECLS

/* The file that @path leads to through symbolic links, whether it is there or
 * not, so that the links stay what they are.  Errors: G_FILE_ERROR (a circle). */
char *cli_target_follow (const char *path, GError **error);

/* Whether @path is written to as it stands: a device, a pipe, or a descriptor
 * such as /dev/stdout, whatever that is open for. */
gboolean cli_target_is_stream (const char *path);

/* Whether a file can be made at @path: its name is not too long, its folder is
 * there and a file can be made in it, it is no folder and no file that may not
 * be written.  Errors: G_FILE_ERROR. */
gboolean cli_target_check (const char *path, GError **error);

/* Whether the file system of @path has room for @bytes.  Errors: G_FILE_ERROR
 * NOSPC. */
gboolean cli_target_check_space (const char *path, guint64 bytes, GError **error);

/* Writes a whole file.  Errors: G_FILE_ERROR. */
gboolean cli_target_write (const char *path, const char *data, gsize length, GError **error);

/* What could not be written to @path, written to a folder that is not the
 * user's choice but is there: gimp-diffusion/rescued in the user's cache folder,
 * or the one for temporary files.  Returns its path, or NULL if that fails too. */
char *cli_target_rescue (const char *path, const char *data, gsize length);

G_END_DECLS

#endif /* DIF_CLI_TARGET_H */
