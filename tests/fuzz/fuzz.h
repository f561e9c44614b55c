/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz.h - what a fuzz target is, and inputs that stand for several files. */
#ifndef DIF_TESTS_FUZZ_H
#define DIF_TESTS_FUZZ_H

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LLVMFuzzerTestOneInput: libFuzzer's entry, defined once by every target.
 *
 * Must hold for any @data whatever: a parser that crashes, hangs, leaks or
 * breaks its promises is caught by a sanitizer or by g_assert().
 */
int LLVMFuzzerTestOneInput (const guint8 *data, size_t size);

/** FuzzFile: a letter and the file that it stands for. */
typedef struct
{
  char        letter;
  const char *name;
} FuzzFile;

/**
 * fuzz_write_files: splits @data at the lines `==LETTER` and writes each part
 * as the file its letter stands for, into a folder kept for the process, where
 * nothing else is then.
 *
 * Returns: (transfer none): the folder
 */
const char *fuzz_write_files (const guint8 *data, gsize size, const FuzzFile *files, guint n_files);

/**
 * fuzz_find_part: the part of @data behind the line `==LETTER`.
 *
 * Returns: (transfer none) (nullable): where it begins; *@length is set
 */
const guint8 *fuzz_find_part (const guint8 *data, gsize size, char letter, gsize *length);

G_END_DECLS

#endif /* DIF_TESTS_FUZZ_H */
