/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* tokenizer-files.c - the files of a tokenizer's folder, and what all kinds read from them.
 *
 * Three generations of files say the same: vocab.json with merges.txt (or
 * spiece.model) and special_tokens_map.json; the same with added_tokens_decoder
 * in tokenizer_config.json; tokenizer.json.  Which of them wins is what
 * transformers 5 does (tokenization_utils_base.py, `_from_pretrained`;
 * tokenization_utils_tokenizers.py, `convert_to_native_format`, `__init__`).
 */
#include "text/tokenizer-files.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "text/tokenizer-private.h"

/* Python's "no limit" is 1e30. */
#define NO_LIMIT 1e6

/* More extra special tokens are not read. */
#define MAX_EXTRAS 4096

static const char *const special_keys[DIF_N_SPECIAL] = { "bos_token", "eos_token", "unk_token",
                                                         "sep_token", "pad_token", "cls_token",
                                                         "mask_token" };

/* ---- words ---- */

gint32
_dif_files_lookup (DifTokenizerFiles *files, const char *word)
{
  if (files->words)
    return dif_trie_find (files->words, word, strlen (word));
  return (gint32) dif_json_int (files->vocabulary, word, -1, 0, DIF_MAX_VOCABULARY - 1);
}

void
_dif_files_add_word (DifTokenizer *t, gint32 id, const char *word)
{
  if ((guint) id >= t->words->len)
    g_ptr_array_set_size (t->words, id + 1);
  t->words->pdata[id] = g_string_chunk_insert (t->chunk, word);
  t->vocabulary_size  = MAX (t->vocabulary_size, (guint) id + 1);
}

gboolean
_dif_files_read_words (DifTokenizerFiles *files, DifTokenizer *t, GError **error)
{
  DifJson *model = files->whole ? dif_json_member (files->main, "model") : NULL;
  guint    n;

  files->vocabulary = files->whole ? (model ? dif_json_member (model, "vocab") : NULL)
                                   : files->main;
  if (model && strcmp (dif_json_string (model, "type", "BPE"), "BPE") != 0)
    dif_json_fail_value (dif_json_member (model, "type"), DIF_FORMAT_ERROR_UNSUPPORTED,
                         "a model of type BPE");
  if (! files->vocabulary || dif_json_type (files->vocabulary) != DIF_JSON_OBJECT)
    {
      dif_json_fail (files->main, DIF_FORMAT_ERROR_BAD_VALUE,
                     "expected an object of words and ids as vocabulary");
      return dif_json_finish (files->main, error);
    }
  n = dif_json_length (files->vocabulary);
  if (n > DIF_MAX_VOCABULARY)
    dif_json_fail (files->vocabulary, DIF_FORMAT_ERROR_TOO_LARGE,
                   "expected at most %d words, found %u", DIF_MAX_VOCABULARY, n);
  for (guint i = 0; i < n; i++)
    {
      DifJson *node = dif_json_at (files->vocabulary, i);
      gint64   id   = dif_json_value_int (node, 0, DIF_MAX_VOCABULARY - 1);

      if (dif_json_key (node))
        _dif_files_add_word (t, (gint32) id, dif_json_key (node));
    }
  files->n_words = n;
  return dif_json_finish (files->main, error);
}

/* ---- special and added tokens ---- */

/* A token that @node, an object, states; @normalized where it does not say. */
static DifAddedToken
read_token (DifJson *node, gboolean normalized)
{
  DifAddedToken token = { .content     = dif_json_string (node, "content", ""),
                          .special     = dif_json_bool (node, "special", FALSE),
                          .normalized  = dif_json_bool (node, "normalized", normalized),
                          .lstrip      = dif_json_bool (node, "lstrip", FALSE),
                          .rstrip      = dif_json_bool (node, "rstrip", FALSE),
                          .single_word = dif_json_bool (node, "single_word", FALSE) };

  return token;
}

static void
read_special (DifJson *file, guint which, gboolean normalized, DifSpecial *special)
{
  DifJson *node = dif_json_member (file, special_keys[which]);

  if (! node)
    return;
  special->is_text = dif_json_type (node) != DIF_JSON_OBJECT;
  if (special->is_text)
    special->token = (DifAddedToken) { .content = dif_json_value_string (node) };
  else
    special->token = read_token (node, normalized);
  special->token.special = TRUE;
  if (special->token.content && strlen (special->token.content) > DIF_MAX_ADDED_BYTES)
    dif_json_fail (node, DIF_FORMAT_ERROR_TOO_LARGE, "expected a token of at most %d bytes",
                   DIF_MAX_ADDED_BYTES);
}

/* Further special tokens, in a list, or in an object of names. */
static void
read_extras (DifTokenizerFiles *l, DifJson *file)
{
  DifJson *list = dif_json_member (file, "extra_special_tokens");

  if (! list || dif_json_length (list) == 0)
    list = dif_json_member (file, "additional_special_tokens");
  if (list && dif_json_type (list) != DIF_JSON_ARRAY && dif_json_type (list) != DIF_JSON_OBJECT)
    dif_json_fail_value (list, DIF_FORMAT_ERROR_BAD_VALUE, "a list of tokens");
  for (guint i = 0; list && i < dif_json_length (list) && l->extras->len < MAX_EXTRAS; i++)
    {
      DifJson      *node  = dif_json_at (list, i);
      DifAddedToken token = { .content = NULL };

      if (dif_json_type (node) == DIF_JSON_OBJECT)
        token = read_token (node, FALSE);
      else
        token.content = dif_json_value_string (node);
      token.special = TRUE;
      if (token.content && *token.content)
        g_array_append_val (l->extras, token);
    }
}

/* special_tokens_map.json overrides tokenizer_config.json (SD 2's padding
 * depends on it) unless the latter is of the later kind that states
 * added_tokens_decoder. */
gboolean
_dif_files_read_specials (DifTokenizerFiles *l, const char *const *defaults, GError **error)
{
  gboolean use_map = l->map && ! dif_json_has (l->config, "added_tokens_decoder");

  l->extras = g_array_new (FALSE, FALSE, sizeof (DifAddedToken));
  for (guint i = 0; i < DIF_N_SPECIAL; i++)
    {
      l->specials[i] = (DifSpecial) { { .content = defaults[i], .special = TRUE }, TRUE };
      read_special (l->config, i, TRUE, &l->specials[i]);
      if (use_map)
        read_special (l->map, i, FALSE, &l->specials[i]);
    }
  read_extras (l, l->config);
  if (use_map)
    read_extras (l, l->map);
  return dif_json_finish (l->config, error) && (! l->map || dif_json_finish (l->map, error));
}

static gboolean
is_special (DifTokenizerFiles *l, const char *content)
{
  for (guint i = 0; i < DIF_N_SPECIAL; i++)
    if (g_strcmp0 (l->specials[i].token.content, content) == 0)
      return TRUE;
  for (guint i = 0; i < l->extras->len; i++)
    if (strcmp (g_array_index (l->extras, DifAddedToken, i).content, content) == 0)
      return TRUE;
  return FALSE;
}

static void
note_stated (GArray *list, DifJson *node, DifAddedToken token)
{
  if (list->len >= DIF_MAX_ADDED_TOKENS)
    dif_json_fail (node, DIF_FORMAT_ERROR_TOO_LARGE, "expected at most %d added tokens",
                   DIF_MAX_ADDED_TOKENS);
  else if (strlen (token.content) > DIF_MAX_ADDED_BYTES)
    dif_json_fail (node, DIF_FORMAT_ERROR_TOO_LARGE,
                   "expected an added token of at most %d bytes", DIF_MAX_ADDED_BYTES);
  else if (*token.content)
    g_array_append_val (list, token);
}

static void
note_object (GArray *list, DifJson *node, gint64 id)
{
  DifAddedToken token = read_token (node, ! dif_json_bool (node, "special", FALSE));

  token.id = (gint32) id;
  note_stated (list, node, token);
}

static gint64
id_of_key (DifJson *node)
{
  guint64 id;

  if (g_ascii_string_to_unsigned (dif_json_key (node), 10, 0, DIF_MAX_VOCABULARY - 1, &id, NULL))
    return (gint64) id;
  dif_json_fail (node, DIF_FORMAT_ERROR_BAD_VALUE, "expected an id as key");
  return 0;
}

/* Everything that a file states as added. */
static void
read_stated (DifTokenizerFiles *l, GArray *list)
{
  DifJson *decoder = dif_json_member (l->config, "added_tokens_decoder");
  DifJson *added   = l->whole && ! l->given ? dif_json_member (l->main, "added_tokens") : NULL;

  for (guint i = 0; decoder && i < dif_json_length (decoder); i++)
    if (dif_json_key (dif_json_at (decoder, i)))
      note_object (list, dif_json_at (decoder, i), id_of_key (dif_json_at (decoder, i)));
  for (guint i = 0; ! decoder && l->extra && i < dif_json_length (l->extra); i++)
    {
      DifJson      *node  = dif_json_at (l->extra, i);
      DifAddedToken token = { .content = dif_json_key (node) };

      if (! token.content)
        continue;
      token.id         = (gint32) dif_json_value_int (node, 0, DIF_MAX_VOCABULARY - 1);
      token.special    = is_special (l, token.content);
      token.normalized = ! token.special;
      note_stated (list, node, token);
    }
  for (guint i = 0; ! decoder && added && i < dif_json_length (added); i++)
    {
      DifJson *node = dif_json_at (added, i);

      note_object (list, node, dif_json_int (node, "id", 0, 0, DIF_MAX_VOCABULARY - 1));
    }
}

static int
compare_stated (gconstpointer a, gconstpointer b)
{
  gint32 x = ((const DifAddedToken *) a)->id;
  gint32 y = ((const DifAddedToken *) b)->id;

  return x < y ? -1 : x > y;
}

/* A word of the vocabulary keeps its id, another gets the next free one. */
static void
add_token (DifTokenizerFiles *l, DifTokenizer *t, DifAddedToken token)
{
  gint32 id  = dif_added_tokens_find (t->added, token.content);
  gint32 max = dif_added_tokens_max_id (t->added);
  gint32 n   = (gint32) l->n_words;

  if (id < 0)
    id = _dif_files_lookup (l, token.content);
  if (id < 0)
    id = max >= n ? max + 1 : n;
  token.id = id;
  dif_added_tokens_add (t->added, &token);
}

static gboolean
is_stated (const GArray *stated, const char *content)
{
  for (guint k = 0; k < stated->len; k++)
    if (strcmp (g_array_index (stated, DifAddedToken, k).content, content) == 0)
      return TRUE;
  return FALSE;
}

/* Whether the I-th special token is to be added: not if a file states it as
 * added or it equals one before it. */
static gboolean
is_new_special (DifTokenizerFiles *l, GArray *stated, guint i)
{
  const DifSpecial *s = &l->specials[i];

  if (! s->token.content || ! *s->token.content || is_stated (stated, s->token.content))
    return FALSE;
  for (guint k = 0; k < i; k++)
    if (g_strcmp0 (l->specials[k].token.content, s->token.content) == 0 &&
        l->specials[k].is_text == s->is_text &&
        l->specials[k].token.normalized == s->token.normalized)
      return FALSE;
  return TRUE;
}

static void
add_all (DifTokenizerFiles *l, DifTokenizer *t, GArray *stated)
{
  for (guint i = 0; i < stated->len; i++)
    add_token (l, t, g_array_index (stated, DifAddedToken, i));
  for (guint i = 0; i < DIF_N_SPECIAL; i++)
    if (is_new_special (l, stated, i))
      add_token (l, t, l->specials[i].token);
  for (guint i = 0; i < l->extras->len; i++)
    {
      DifAddedToken token = g_array_index (l->extras, DifAddedToken, i);

      if (! is_stated (stated, token.content) &&
          dif_added_tokens_find (t->added, token.content) < 0 &&
          strlen (token.content) <= DIF_MAX_ADDED_BYTES)
        add_token (l, t, token);
    }
}

/* Every document of the folder is as it should be. */
static gboolean
finish (DifTokenizerFiles *l, GError **error)
{
  return dif_json_finish (l->config, error) && (! l->main || dif_json_finish (l->main, error)) &&
         (! l->extra || dif_json_finish (l->extra, error));
}

gboolean
_dif_files_read_added (DifTokenizerFiles *l, DifTokenizer *t, GError **error)
{
  g_autoptr (GArray)       stated = g_array_new (FALSE, FALSE, sizeof (DifAddedToken));
  const DifTokenizerClass *c      = t->class;

  t->added = dif_added_tokens_new ();
  read_stated (l, stated);
  if (! finish (l, error))
    return FALSE;
  g_array_sort (stated, compare_stated);
  add_all (l, t, stated);
  t->vocabulary_size = MAX (t->vocabulary_size,
                            (guint) (dif_added_tokens_max_id (t->added) + 1));
  for (guint i = 0; i < DIF_N_SPECIAL; i++)
    t->special[i] = l->specials[i].token.content
                        ? dif_added_tokens_find (t->added, l->specials[i].token.content)
                        : -1;
  if ((c->begins && t->special[DIF_SPECIAL_BOS] < 0) ||
      (c->ends && t->special[DIF_SPECIAL_EOS] < 0) || t->special[DIF_SPECIAL_PAD] < 0)
    dif_json_fail (l->config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected tokens that begin, end and fill a prompt");
  return finish (l, error);
}

gboolean
_dif_files_read_max_length (DifTokenizerFiles *l, DifTokenizer *t, GError **error)
{
  const DifTokenizerClass *c = t->class;
  double                   length;

  length = dif_json_double (l->config, "model_max_length", c->default_length);
  if (length >= NO_LIMIT)
    length = c->default_length;
  if (length < 2 || length > c->max_length || length != floor (length))
    dif_json_fail (l->config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a model_max_length from 2 to %u, found %g", c->max_length, length);
  t->max_length = (guint) length;
  return dif_json_finish (l->config, error);
}

/* ---- files ---- */

/* Loads @file into *json if it is there; returns FALSE if it is broken. */
static gboolean
load_optional (DifTokenizerFiles *l, const char *file, DifJson **json, GError **error)
{
  g_autofree char *path = g_build_filename (l->folder, file, NULL);

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  *json = dif_json_load (path, error);
  if (! *json)
    return FALSE;
  if (dif_json_type (*json) != DIF_JSON_OBJECT)
    dif_json_fail_value (*json, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
  return dif_json_finish (*json, error);
}

gboolean
_dif_files_open (DifTokenizerFiles *l, const char *folder, DifJson *config, GError **error)
{
  g_autofree char *spiece = g_build_filename (folder, "spiece.model", NULL);

  *l        = (DifTokenizerFiles) { .folder = folder, .given = config != NULL };
  l->config = config ? dif_json_ref (config) : NULL;
  if (! l->given && (! load_optional (l, "tokenizer_config.json", &l->config, error) ||
                     ! load_optional (l, "special_tokens_map.json", &l->map, error) ||
                     ! load_optional (l, "added_tokens.json", &l->extra, error)))
    return FALSE;
  if (! load_optional (l, "tokenizer.json", &l->main, error))
    return FALSE;
  if (! l->config)
    l->config = dif_json_new_object (l->folder);
  l->whole = l->main != NULL;
  if (! l->main && ! load_optional (l, "vocab.json", &l->main, error))
    return FALSE;
  if (! l->main && g_file_test (spiece, G_FILE_TEST_EXISTS))
    l->spiece = g_steal_pointer (&spiece);
  else if (! l->main)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 "%s: expected vocab.json and merges.txt, tokenizer.json or spiece.model, found "
                 "none",
                 l->folder);
  return l->main || l->spiece;
}

void
_dif_files_clear (DifTokenizerFiles *l)
{
  dif_json_unref (l->config);
  dif_json_unref (l->map);
  dif_json_unref (l->extra);
  dif_json_unref (l->main);
  g_free (l->spiece);
  dif_trie_free (l->words);
  if (l->extras)
    g_array_unref (l->extras);
}
