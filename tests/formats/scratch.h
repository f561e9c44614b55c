/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scratch.h - folders of files made by a test and removed after it. */
#ifndef DIF_TESTS_SCRATCH_H
#define DIF_TESTS_SCRATCH_H

#include <gio/gio.h>

G_BEGIN_DECLS

/** scratch_new: a new empty folder; remove it with scratch_free(). */
char *scratch_new (void);

/** scratch_free: removes @folder and everything in it, and frees the name. */
void scratch_free (char *folder);

/** scratch_path: a path inside @folder; free it. */
char *scratch_path (const char *folder, const char *relative);

/** scratch_write: makes a file inside @folder, and the folders it is in. */
void scratch_write (const char *folder, const char *relative, const void *data, gsize length);

/** scratch_write_text: as scratch_write(), with a string. */
void scratch_write_text (const char *folder, const char *relative, const char *text);

/** scratch_copy: copies a file or a whole folder into @folder as @relative. */
void scratch_copy (const char *folder, const char *relative, const char *from);

/** scratch_remove: removes a file or a whole folder inside @folder. */
void scratch_remove (const char *folder, const char *relative);

/** scratch_count: how many entries @folder has. */
guint scratch_count (const char *folder);

/** assert_one_line: the message of @error names @what and has one line. */
void assert_one_line (const GError *error, const char *what);

G_END_DECLS

#endif /* DIF_TESTS_SCRATCH_H */
