/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* import.c - CLIP's vocabulary from whatever it comes in.
 *
 * Every kind ends as the two texts that older tokenizer folders hold.
 */
#include "text/import.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/gunzip.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/bpe-merges.h"
#include "text/tokenizer.h"

#define MAX_BYTES     (64u * 1024 * 1024)
#define MAX_ARCHIVE   (256u * 1024 * 1024)
#define MERGES_HEADER "#version: 0.2\n"

/* Of OpenAI's list only so many merges are used: 49152 - 256 - 2. */
#define MAX_MERGES 48894

typedef struct
{
  GString *words;  /* vocab.json */
  GString *merges; /* merges.txt */
} Texts;

/* ---- OpenAI's list ---- */

static void
add_word (Texts *texts, const char *left, const char *right, guint *n)
{
  g_autofree char *word   = g_strconcat (left, right, NULL);
  g_autofree char *quoted = dif_json_quote (word);

  g_string_append_printf (texts->words, "%s%s: %u", *n ? ", " : "{", quoted, *n);
  (*n)++;
}

/* The 256 bytes, those that print first, each inside and at the end of a word. */
static void
add_bytes (Texts *texts, guint *n)
{
  static const char *const ends[] = { "", "</w>" };

  for (guint end = 0; end < 2; end++)
    for (guint printing = 0; printing < 2; printing++)
      for (guint byte = 0; byte < 256; byte++)
        {
          gunichar c          = _dif_byte_symbol (byte);
          char     symbol[16] = "";

          if ((c == byte) == (printing == 0))
            {
              g_unichar_to_utf8 (c, symbol);
              add_word (texts, symbol, ends[end], n);
            }
        }
}

static gboolean
read_list (Texts *texts, GBytes *bytes, const char *path, GError **error)
{
  gsize            size;
  const char      *data  = g_bytes_get_data (bytes, &size);
  g_autofree char *text  = g_strndup (data ? data : "", size);
  g_auto (GStrv)   lines = NULL;
  guint            n = 0, n_merges = 0;

  if (strlen (text) != size || ! g_utf8_validate (text, (gssize) size, NULL) ||
      ! strstr (text, "#version"))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected a list of merges that begins with #version, found other text",
                   path);
      return FALSE;
    }
  lines = g_strsplit (text, "\n", MAX_MERGES + 2);
  add_bytes (texts, &n);
  g_string_append (texts->merges, MERGES_HEADER);
  for (guint i = 1; lines[0] && lines[i] && n_merges < MAX_MERGES; i++)
    {
      g_auto (GStrv) pair = NULL;

      g_strchomp (lines[i]);
      pair = g_strsplit (lines[i], " ", 3);
      if (g_strv_length (pair) == 0 && ! lines[i + 1])
        break;
      if (g_strv_length (pair) != 2)
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                       "%s: line %u: expected two symbols, found %u", path, i + 1,
                       g_strv_length (pair));
          return FALSE;
        }
      add_word (texts, pair[0], pair[1], &n);
      g_string_append_printf (texts->merges, "%s\n", lines[i]);
      n_merges++;
    }
  add_word (texts, "<|startoftext|>", "", &n);
  add_word (texts, "<|endoftext|>", "", &n);
  g_string_append (texts->words, "}\n");
  return TRUE;
}

/* ---- files of tokenizer folders ---- */

static gboolean
append_file (GString *to, const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = dif_file_read (path, MAX_BYTES, error);
  gsize              size;
  const char        *data;

  if (! bytes)
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  g_string_append_len (to, data ? data : "", (gssize) size);
  return TRUE;
}

static void
append_merge (GString *to, DifJson *entry)
{
  if (dif_json_type (entry) == DIF_JSON_ARRAY && dif_json_length (entry) == 2)
    g_string_append_printf (to, "%s %s\n", dif_json_value_string (dif_json_at (entry, 0)),
                            dif_json_value_string (dif_json_at (entry, 1)));
  else
    g_string_append_printf (to, "%s\n", dif_json_value_string (entry));
}

static gboolean
read_whole (Texts *texts, const char *path, GError **error)
{
  g_autoptr (DifJson) json   = dif_json_load (path, error);
  DifJson            *model  = json ? dif_json_member (json, "model") : NULL;
  DifJson            *words  = model ? dif_json_member (model, "vocab") : NULL;
  DifJson            *merges = model ? dif_json_member (model, "merges") : NULL;
  g_autofree char    *text   = NULL;

  if (! json)
    return FALSE;
  if (! words || ! merges || dif_json_type (words) != DIF_JSON_OBJECT ||
      dif_json_type (merges) != DIF_JSON_ARRAY)
    {
      dif_json_fail (json, DIF_FORMAT_ERROR_UNSUPPORTED,
                     "expected a tokenizer with an object \"model.vocab\" and an array "
                     "\"model.merges\", found none");
      return dif_json_finish (json, error);
    }
  text = dif_json_to_string (words, FALSE);
  g_string_append_printf (texts->words, "%s\n", text);
  g_string_append (texts->merges, MERGES_HEADER);
  for (guint i = 0; i < dif_json_length (merges); i++)
    append_merge (texts->merges, dif_json_at (merges, i));
  return dif_json_finish (json, error);
}

static gboolean
read_folder (Texts *texts, const char *folder, GError **error)
{
  g_autofree char *words  = g_build_filename (folder, "vocab.json", NULL);
  g_autofree char *merges = g_build_filename (folder, "merges.txt", NULL);
  g_autofree char *whole  = g_build_filename (folder, "tokenizer.json", NULL);
  g_autofree char *below  = g_build_filename (folder, "tokenizer", NULL);

  if (g_file_test (words, G_FILE_TEST_EXISTS) && g_file_test (merges, G_FILE_TEST_EXISTS))
    return append_file (texts->words, words, error) && append_file (texts->merges, merges, error);
  if (g_file_test (whole, G_FILE_TEST_EXISTS))
    return read_whole (texts, whole, error);
  if (g_file_test (below, G_FILE_TEST_IS_DIR))
    return read_folder (texts, below, error);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
               "%s: expected vocab.json and merges.txt, or tokenizer.json, found none", folder);
  return FALSE;
}

/* A file is told by its first bytes. */
static gboolean
read_file (Texts *texts, const char *path, GError **error)
{
  g_autoptr (GBytes) bytes = NULL, list = NULL;
  gsize              size;
  const guint8      *data;

  if (g_str_has_suffix (path, ".json"))
    return read_whole (texts, path, error);
  bytes = dif_file_read (path, MAX_ARCHIVE, error);
  if (! bytes)
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  if (size >= 4 && memcmp (data, "PK\3\4", 4) == 0)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected a vocabulary, found a zip archive; unpack it and give the "
                   "bpe_simple_vocab_16e6.txt.gz or tokenizer.json inside",
                   path);
    }
  else if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b)
    list = dif_gunzip (bytes, path, MAX_BYTES, error);
  else
    list = g_bytes_ref (bytes);
  return list && read_list (texts, list, path, error);
}

/* ---- putting it in its place ---- */

static gboolean
fail_file (const char *path, GError **error)
{
  int code = errno;

  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s: %s", path,
               g_strerror (code));
  return FALSE;
}

static gboolean
write_text (const char *folder, const char *name, GString *text, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (g_file_set_contents_full (path, text->str, (gssize) text->len, G_FILE_SET_CONTENTS_DURABLE,
                                0644, error))
    return TRUE;
  g_prefix_error (error, "%s: ", path);
  return FALSE;
}

/* Removes a folder of ours: the two files, and what it may have held beside them stays. */
static void
remove_folder (const char *folder)
{
  static const char *const names[] = { "vocab.json", "merges.txt" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

static gboolean
try_tokenizer (const char *folder, const char *from, guint *n_words, GError **error)
{
  g_autoptr (DifTokenizer) t = dif_tokenizer_load (folder, error);

  if (! t)
    {
      g_prefix_error (error, "%s: ", from);
      return FALSE;
    }
  if (n_words)
    *n_words = dif_tokenizer_vocabulary_size (t);
  return TRUE;
}

/* Swaps @made for @folder, which may not be there yet. */
static gboolean
replace (const char *made, const char *folder, GError **error)
{
  g_autofree char *old = g_strconcat (made, ".old", NULL);

  if (g_rename (folder, old) != 0 && errno != ENOENT)
    return fail_file (folder, error);
  if (g_rename (made, folder) != 0)
    {
      fail_file (folder, error);
      g_rename (old, folder);
      return FALSE;
    }
  remove_folder (old);
  return TRUE;
}

gboolean
dif_tokenizer_import (const char *from, const char *folder, guint *n_words, GError **error)
{
  Texts            texts  = { g_string_new (NULL), g_string_new (NULL) };
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autofree char *made   = g_strconcat (folder, ".XXXXXX", NULL);
  gboolean         done;

  done = g_file_test (from, G_FILE_TEST_IS_DIR) ? read_folder (&texts, from, error)
                                                : read_file (&texts, from, error);
  if (done && (g_mkdir_with_parents (parent, 0755) != 0 || ! g_mkdtemp_full (made, 0755)))
    done = fail_file (parent, error);
  else if (done)
    {
      done = write_text (made, "vocab.json", texts.words, error) &&
             write_text (made, "merges.txt", texts.merges, error) &&
             try_tokenizer (made, from, n_words, error) && replace (made, folder, error);
      if (! done)
        remove_folder (made);
    }
  g_string_free (texts.words, TRUE);
  g_string_free (texts.merges, TRUE);
  return done;
}
