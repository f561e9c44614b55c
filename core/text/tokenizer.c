/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tokenizer.c - what every kind of tokenizer does.
 *
 * Source: tokenizers, added_vocabulary.rs, tokenizer/mod.rs.
 */
#include "text/tokenizer.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "text/normalize.h"
#include "text/tokenizer-private.h"

/* In the order in which files without a tokenizer_class are tried; the last
 * one takes what is left. */
static const DifTokenizerClass *const classes[] = { &_dif_unigram_class, &_dif_byte_bpe_class,
                                                    &_dif_clip_bpe_class };

/* ---- loading ---- */

static const DifTokenizerClass *
class_of (DifTokenizerFiles *files)
{
  const char *name = dif_json_string (files->config, "tokenizer_class", "");
  guint       i    = 0;

  for (guint k = 0; k < G_N_ELEMENTS (classes); k++)
    if (g_strv_contains (classes[k]->model_classes, name))
      return classes[k];
  while (i + 1 < G_N_ELEMENTS (classes) && ! classes[i]->fits (files))
    i++;
  return classes[i];
}

static GString *
normalize (const char *text, gsize length, gpointer user_data)
{
  DifTokenizer *t = user_data;

  return t->class->normalize ? t->class->normalize (t, text, length)
                             : g_string_new_len (text, (gssize) length);
}

static DifTokenizer *
load (const char *folder, DifJson *config, GError **error)
{
  DifTokenizerFiles files;
  DifTokenizer     *t    = NULL;
  gboolean          done = _dif_files_open (&files, folder, config, error);

  if (done)
    {
      const DifTokenizerClass *class = class_of (&files);

      t        = g_malloc0 (class->size);
      t->class = class;
      t->chunk = g_string_chunk_new (4096);
      t->words = g_ptr_array_new ();
      done     = _dif_files_read_specials (&files, class->specials, error) &&
             class->load (t, &files, error) && _dif_files_read_added (&files, t, error) &&
             _dif_files_read_max_length (&files, t, error);
    }
  _dif_files_clear (&files);
  if (done)
    dif_added_tokens_freeze (t->added, normalize, t);
  else
    g_clear_pointer (&t, dif_tokenizer_free);
  return t;
}

DifTokenizer *
dif_tokenizer_load (const char *folder, GError **error)
{
  return load (folder, NULL, error);
}

DifTokenizer *
dif_tokenizer_load_configured (const char *folder, DifJson *config, GError **error)
{
  return load (folder, config, error);
}

void
dif_tokenizer_free (DifTokenizer *t)
{
  if (! t)
    return;
  t->class->clear (t);
  dif_added_tokens_free (t->added);
  if (t->placeholders)
    g_array_unref (t->placeholders);
  g_ptr_array_unref (t->words);
  g_string_chunk_free (t->chunk);
  g_free (t);
}

/* ---- text to ids ---- */

static void
encode_normalized (DifTokenizer *t, const char *text, gsize length, GArray *ids)
{
  DifAddedCursor at = { 0 };
  gint32         id;

  do
    {
      gsize begin = at.from, end;

      id = dif_added_tokens_next (t->added, TRUE, text, length, &at, &end);
      if (end > begin)
        t->class->encode (t, text + begin, end - begin, ids);
      if (id >= 0)
        g_array_append_val (ids, id);
    }
  while (id >= 0);
}

static void
encode_typed (DifTokenizer *t, const char *text, gsize length, GArray *ids)
{
  DifAddedCursor at = { 0 };
  gint32         id;

  do
    {
      gsize begin = at.from, end;

      id = dif_added_tokens_next (t->added, FALSE, text, length, &at, &end);
      if (end > begin)
        {
          GString *plain = normalize (text + begin, end - begin, t);

          encode_normalized (t, plain->str, plain->len, ids);
          g_string_free (plain, TRUE);
        }
      if (id >= 0)
        g_array_append_val (ids, id);
    }
  while (id >= 0);
}

/* ---- textual-inversion words ---- */

static gboolean
has_id (GArray *ids, gint32 id)
{
  for (guint i = 0; i < ids->len; i++)
    if (g_array_index (ids, gint32, i) == id)
      return TRUE;
  return FALSE;
}

/* @text with the words written out that stand for several; NULL if there are
 * none.  As diffusers does it: found in either case, written out in the case
 * in which it was learned. */
static GString *
write_out (DifTokenizer *t, const char *text, gsize length, GArray *ids)
{
  GString *out = NULL;

  for (guint i = 0; t->placeholders && i < t->placeholders->len; i++)
    {
      const DifPlaceholder *l = &g_array_index (t->placeholders, DifPlaceholder, i);

      if (! ids->len)
        encode_typed (t, text, length, ids);
      if (! has_id (ids, l->id))
        continue;
      if (! out)
        out = g_string_new_len (text, (gssize) length);
      g_string_replace (out, l->word, l->all, 0);
    }
  g_array_set_size (ids, 0);
  return out;
}

/* ---- public ---- */

GArray *
dif_tokenizer_split (DifTokenizer *t, const char *text, gssize length, GError **error)
{
  gsize    n = length < 0 ? strlen (text) : (gsize) length;
  GArray  *ids;
  GString *written;

  if (n > DIF_TOKENIZER_MAX_BYTES)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "prompt: expected at most %u bytes, found %" G_GSIZE_FORMAT,
                   DIF_TOKENIZER_MAX_BYTES, n);
      return NULL;
    }
  if (! dif_text_is_valid (text, n))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "prompt: expected UTF-8 text, found bytes that are none");
      return NULL;
    }
  ids     = g_array_new (FALSE, FALSE, sizeof (gint32));
  written = write_out (t, text, n, ids);
  encode_typed (t, written ? written->str : text, written ? written->len : n, ids);
  if (written)
    g_string_free (written, TRUE);
  return ids;
}

guint
dif_tokenizer_wrap (DifTokenizer *t, const gint32 *text_ids, guint n, gint32 *ids, guint length)
{
  guint begins = t->class->begins ? 1 : 0;
  guint ends   = t->class->ends ? 1 : 0;
  guint kept, used;

  g_return_val_if_fail (length >= begins + ends, 0);
  kept = MIN (n, length - begins - ends);
  used = begins + kept + ends;
  if (begins)
    ids[0] = t->special[DIF_SPECIAL_BOS];
  if (kept > 0)
    memcpy (ids + begins, text_ids, kept * sizeof (gint32));
  if (ends)
    ids[begins + kept] = t->special[DIF_SPECIAL_EOS];
  for (guint i = used; i < length; i++)
    ids[i] = t->special[DIF_SPECIAL_PAD];
  return used;
}

gboolean
dif_tokenizer_encode (DifTokenizer *t, const char *text, gint32 *ids, guint length, guint *n_used,
                      guint *n_dropped, GError **error)
{
  g_autoptr (GArray) all = dif_tokenizer_split (t, text, -1, error);
  guint              used;

  if (! all)
    return FALSE;
  used = dif_tokenizer_wrap (t, (const gint32 *) (gconstpointer) all->data, all->len, ids, length);
  if (n_used)
    *n_used = used;
  if (n_dropped)
    *n_dropped = all->len - (used - dif_tokenizer_overhead (t, NULL));
  return TRUE;
}

static void
clear_placeholder (gpointer data)
{
  DifPlaceholder *l = data;

  g_free (l->word);
  g_free (l->all);
}

/* Whether @word can be added; sets @error if it cannot. */
static gboolean
check_new (DifTokenizer *t, const char *word, GError **error)
{
  gsize            length = strlen (word);
  gboolean         known  = dif_added_tokens_find (t->added, word) >= 0;
  g_autofree char *shown  = g_utf8_make_valid (word, (gssize) MIN (length, 60));

  if (length > 0 && length <= 255 && ! known && dif_text_is_valid (word, length) &&
      dif_added_tokens_count (t->added) < DIF_MAX_ADDED_TOKENS)
    return TRUE;
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "embedding: expected a new word of 1 to 255 bytes, found %s\"%s\"",
               known ? "the known one " : "", shown);
  return FALSE;
}

gboolean
dif_tokenizer_add_placeholder (DifTokenizer *t, const char *word, guint first, guint n,
                               GError **error)
{
  GString       *all = g_string_new (word);
  DifPlaceholder l   = { NULL, NULL, (gint32) first };
  gboolean       ok  = TRUE;

  for (guint i = 0; ok && i < n; i++)
    {
      g_autofree char *one = i ? g_strdup_printf ("%s_%u", word, i) : g_strdup (word);

      ok = check_new (t, one, error);
      if (ok)
        dif_added_tokens_add (t->added, &(DifAddedToken) { .content    = one,
                                                           .id         = (gint32) (first + i),
                                                           .normalized = TRUE });
      if (i)
        g_string_append_printf (all, " %s", one);
    }
  dif_added_tokens_freeze (t->added, normalize, t);
  t->vocabulary_size = MAX (t->vocabulary_size, first + n);
  if (! t->placeholders)
    {
      t->placeholders = g_array_new (FALSE, FALSE, sizeof (DifPlaceholder));
      g_array_set_clear_func (t->placeholders, clear_placeholder);
    }
  l.word = g_strdup (word);
  l.all  = g_string_free (all, FALSE);
  if (n > 1 && ok)
    g_array_append_val (t->placeholders, l);
  else
    clear_placeholder (&l);
  return ok;
}

const char *
dif_tokenizer_kind (DifTokenizer *t)
{
  return t->class->name;
}

guint
dif_tokenizer_max_length (DifTokenizer *t)
{
  return t->max_length;
}

guint
dif_tokenizer_vocabulary_size (DifTokenizer *t)
{
  return t->vocabulary_size;
}

guint
dif_tokenizer_overhead (DifTokenizer *t, guint *before)
{
  if (before)
    *before = t->class->begins ? 1 : 0;
  return (t->class->begins ? 1 : 0) + (t->class->ends ? 1 : 0);
}

gint32
dif_tokenizer_bos (DifTokenizer *t)
{
  return t->special[DIF_SPECIAL_BOS];
}

gint32
dif_tokenizer_eos (DifTokenizer *t)
{
  return t->special[DIF_SPECIAL_EOS];
}

gint32
dif_tokenizer_unk (DifTokenizer *t)
{
  return t->special[DIF_SPECIAL_UNK];
}

gint32
dif_tokenizer_pad (DifTokenizer *t)
{
  return t->special[DIF_SPECIAL_PAD];
}

gint32
dif_tokenizer_find (DifTokenizer *t, const char *token)
{
  return dif_added_tokens_find (t->added, token);
}

gboolean
dif_tokenizer_is_special (DifTokenizer *t, gint32 id)
{
  const DifAddedToken *token = dif_added_tokens_of_id (t->added, id);

  return token && token->special;
}

char *
dif_tokenizer_show (DifTokenizer *t, gint32 id)
{
  const DifAddedToken *token = dif_added_tokens_of_id (t->added, id);
  const char          *word  = NULL;
  g_autofree char     *shown = NULL;

  if (token)
    return g_strdup (token->content);
  if (id >= 0 && (guint) id < t->words->len)
    word = t->words->pdata[id];
  if (! word)
    return g_strdup ("");
  shown = t->class->show ? t->class->show (word) : g_strdup (word);
  return g_utf8_make_valid (shown, -1);
}
