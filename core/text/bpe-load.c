/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bpe-load.c - a CLIP tokenizer from the files of its folder.
 *
 * Three generations of files say the same: vocab.json with merges.txt and
 * special_tokens_map.json; the same with added_tokens_decoder in
 * tokenizer_config.json; tokenizer.json.  Which of them wins is what
 * transformers 5 does (tokenization_utils_base.py, `_from_pretrained`;
 * tokenization_utils_tokenizers.py, `convert_to_native_format`, `__init__`).
 */
#include "text/bpe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/bpe-private.h"

/* Ids are below this, and there are no more words or merges. */
#define MAX_VOCABULARY 1000000

/* CLIP's context; also taken where Python's "no limit" (1e30) is stated. */
#define DEFAULT_MAX_LENGTH 77
#define MAX_MAX_LENGTH     8192
#define NO_LIMIT           1e6

#define END_OF_WORD "</w>"

#define MAX_MERGES_BYTES (64u * 1024 * 1024)

/* The special tokens in the order in which transformers adds them. */
enum
{
  BOS,
  EOS,
  UNK,
  SEP,
  PAD,
  CLS,
  MASK,
  N_SPECIAL
};

static const char *const special_keys[N_SPECIAL] = { "bos_token", "eos_token", "unk_token",
                                                     "sep_token", "pad_token", "cls_token",
                                                     "mask_token" };

/* A special token as its file states it. */
typedef struct
{
  const char *content;
  gboolean    is_text; /* stated as a string, not as an object */
  gboolean    normalized;
} Special;

/* An added token as its file states it. */
typedef struct
{
  gint64      id;
  const char *content;
  gboolean    normalized;
} Stated;

/* The files, as far as they are there, and what has been read from them. */
typedef struct
{
  const char   *folder;
  DifJson      *config;     /* tokenizer_config.json */
  DifJson      *map;        /* special_tokens_map.json */
  DifJson      *extra;      /* added_tokens.json */
  DifJson      *main;       /* tokenizer.json or vocab.json */
  gboolean      whole;      /* @main is tokenizer.json */
  gboolean      given;      /* @config is the caller's; the folder's own settings do not count */
  DifJson      *vocabulary; /* inside @main */
  Special       special[N_SPECIAL];
  DifTokenizer *t;
} Load;

/* ---- the vocabulary and its merges ---- */

static gint32
lookup (Load *l, const char *symbol)
{
  return (gint32) dif_json_int (l->vocabulary, symbol, -1, 0, MAX_VOCABULARY - 1);
}

static gboolean
read_vocabulary (Load *l, GError **error)
{
  DifJson *model = l->whole ? dif_json_member (l->main, "model") : NULL;
  guint    n;

  l->vocabulary = l->whole ? (model ? dif_json_member (model, "vocab") : NULL) : l->main;
  if (model && strcmp (dif_json_string (model, "type", "BPE"), "BPE") != 0)
    dif_json_fail_value (dif_json_member (model, "type"), DIF_FORMAT_ERROR_UNSUPPORTED,
                         "a model of type BPE");
  if (! l->vocabulary || dif_json_type (l->vocabulary) != DIF_JSON_OBJECT)
    {
      dif_json_fail (l->main, DIF_FORMAT_ERROR_BAD_VALUE,
                     "expected an object of words and ids as vocabulary");
      return dif_json_finish (l->main, error);
    }
  n = dif_json_length (l->vocabulary);
  if (n > MAX_VOCABULARY)
    dif_json_fail (l->vocabulary, DIF_FORMAT_ERROR_TOO_LARGE, "expected at most %d words, found %u",
                   MAX_VOCABULARY, n);
  for (guint i = 0; i < n; i++)
    {
      guint id = (guint) dif_json_value_int (dif_json_at (l->vocabulary, i), 0, MAX_VOCABULARY - 1);

      l->t->vocabulary_size = MAX (l->t->vocabulary_size, id + 1);
    }
  return dif_json_finish (l->main, error);
}

gunichar
_dif_byte_symbol (guint byte)
{
  guint others = 0;

  for (guint b = 0; b < 256; b++)
    {
      gboolean printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;

      if (b == byte)
        return printable ? b : 256 + others;
      others += ! printable;
    }
  return 0;
}

static gboolean
read_bytes (Load *l, GError **error)
{
  gint32 unknown = lookup (l, l->special[UNK].content);

  for (guint byte = 0; byte < 256; byte++)
    for (guint at_end = 0; at_end < 2; at_end++)
      {
        char   symbol[16] = "";
        gint32 id;

        g_unichar_to_utf8 (_dif_byte_symbol (byte), symbol);
        if (at_end)
          g_strlcat (symbol, END_OF_WORD, sizeof symbol);
        id = lookup (l, symbol);
        if (id < 0 && unknown < 0)
          dif_json_fail (l->vocabulary, DIF_FORMAT_ERROR_MISSING_KEY,
                         "expected \"%s\" or the unknown token, found neither", symbol);
        l->t->byte_ids[at_end][byte] = id < 0 ? unknown : id;
      }
  return dif_json_finish (l->main, error);
}

/* Notes the merge of @left and @right; returns FALSE if a symbol is unknown. */
static gboolean
add_merge (Load *l, GArray *merges, const char *left, const char *right)
{
  g_autofree char *joined = g_strconcat (left, right, NULL);
  DifMerge         merge  = { .rank = (gint32) merges->len };

  merge.left   = lookup (l, left);
  merge.right  = lookup (l, right);
  merge.joined = lookup (l, joined);
  g_array_append_val (merges, merge);
  return merge.left >= 0 && merge.right >= 0 && merge.joined >= 0;
}

/* A line or string "left right". */
static gboolean
add_merge_text (Load *l, GArray *merges, const char *text)
{
  g_auto (GStrv) parts = g_strsplit (text, " ", 3);

  return g_strv_length (parts) == 2 && add_merge (l, merges, parts[0], parts[1]);
}

static gboolean
read_merges_text (Load *l, GArray *merges, GError **error)
{
  g_autofree char   *path  = g_build_filename (l->folder, "merges.txt", NULL);
  g_autoptr (GBytes) bytes = dif_file_read (path, MAX_MERGES_BYTES, error);
  g_autofree char   *text  = NULL;
  g_auto (GStrv)     lines = NULL;
  const char        *data;
  gsize              size;

  if (! bytes)
    return FALSE;
  data = g_bytes_get_data (bytes, &size);
  text = g_strndup (data ? data : "", size);
  if (strlen (text) != size)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: expected text, found a zero byte", path);
      return FALSE;
    }
  lines = g_strsplit (text, "\n", MAX_VOCABULARY + 2);
  for (guint i = 0; lines[i]; i++)
    {
      g_strchomp (lines[i]);
      if (! *lines[i] || g_str_has_prefix (lines[i], "#version"))
        continue;
      if (! add_merge_text (l, merges, lines[i]))
        {
          g_set_error (
              error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
              "%s: line %u: expected two words of the vocabulary that make a third, found none",
              path, i + 1);
          return FALSE;
        }
    }
  return dif_json_finish (l->main, error);
}

static gboolean
read_merges_json (Load *l, GArray *merges, GError **error)
{
  DifJson *list = dif_json_member (dif_json_member (l->main, "model"), "merges");

  if (! list || dif_json_type (list) != DIF_JSON_ARRAY)
    dif_json_fail (l->main, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected an array \"model.merges\", found none");
  for (guint i = 0; list && i < dif_json_length (list); i++)
    {
      DifJson *entry = dif_json_at (list, i);
      gboolean good  = FALSE;

      if (dif_json_type (entry) == DIF_JSON_STRING)
        good = add_merge_text (l, merges, dif_json_value_string (entry));
      else if (dif_json_type (entry) == DIF_JSON_ARRAY && dif_json_length (entry) == 2)
        good = add_merge (l, merges, dif_json_value_string (dif_json_at (entry, 0)),
                          dif_json_value_string (dif_json_at (entry, 1)));
      if (! good)
        {
          dif_json_fail_value (entry, DIF_FORMAT_ERROR_BAD_VALUE,
                               "two words of the vocabulary that make a third");
          break;
        }
    }
  return dif_json_finish (l->main, error);
}

static int
compare_by_rank_too (gconstpointer a, gconstpointer b)
{
  int order = _dif_merge_compare (a, b);

  return order ? order : ((const DifMerge *) a)->rank - ((const DifMerge *) b)->rank;
}

static gboolean
read_merges (Load *l, GError **error)
{
  g_autoptr (GArray) merges = g_array_new (FALSE, FALSE, sizeof (DifMerge));
  guint              n      = 0;

  if (! (l->whole ? read_merges_json (l, merges, error) : read_merges_text (l, merges, error)))
    return FALSE;
  g_array_sort (merges, compare_by_rank_too);
  /* Of a pair that is listed twice the last rank counts. */
  for (guint i = 0; i < merges->len; i++)
    {
      const DifMerge *m = &g_array_index (merges, DifMerge, i);

      if (i + 1 == merges->len || _dif_merge_compare (m, m + 1) != 0)
        g_array_index (merges, DifMerge, n++) = *m;
    }
  l->t->n_merges = n;
  l->t->merges   = (DifMerge *) g_array_free (g_steal_pointer (&merges), FALSE);
  return TRUE;
}

/* ---- special and added tokens ---- */

/* The matching rules besides "normalized" are off in every CLIP tokenizer. */
static void
refuse_rules (DifJson *node)
{
  static const char *const rules[] = { "lstrip", "rstrip", "single_word" };

  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (dif_json_bool (node, rules[i], FALSE))
      dif_json_fail (node, DIF_FORMAT_ERROR_UNSUPPORTED, "expected \"%s\": false, found true",
                     rules[i]);
}

static void
read_special (DifJson *file, guint which, gboolean normalized, Special *special)
{
  DifJson *node = dif_json_member (file, special_keys[which]);

  if (! node)
    return;
  if (dif_json_type (node) != DIF_JSON_OBJECT)
    {
      special->content    = dif_json_value_string (node);
      special->is_text    = TRUE;
      special->normalized = FALSE;
      return;
    }
  refuse_rules (node);
  special->content    = dif_json_string (node, "content", "");
  special->is_text    = FALSE;
  special->normalized = dif_json_bool (node, "normalized", normalized);
}

/* special_tokens_map.json overrides tokenizer_config.json (SD 2's padding
 * depends on it) unless the latter is of the later kind that states
 * added_tokens_decoder. */
static gboolean
read_specials (Load *l, GError **error)
{
  const Special default_begin = { .content = "<|startoftext|>", .is_text = TRUE };
  const Special default_end   = { .content = "<|endoftext|>", .is_text = TRUE };
  gboolean      use_map       = l->map && ! dif_json_has (l->config, "added_tokens_decoder");

  l->special[BOS] = default_begin;
  l->special[EOS] = default_end;
  l->special[UNK] = default_end;
  l->special[PAD] = default_end;
  for (guint i = 0; i < N_SPECIAL; i++)
    {
      read_special (l->config, i, TRUE, &l->special[i]);
      if (use_map)
        read_special (l->map, i, FALSE, &l->special[i]);
    }
  return dif_json_finish (l->config, error) && (! l->map || dif_json_finish (l->map, error));
}

static gboolean
is_special (Load *l, const char *content)
{
  for (guint i = 0; i < N_SPECIAL; i++)
    if (g_strcmp0 (l->special[i].content, content) == 0)
      return TRUE;
  return FALSE;
}

static void
note_stated (GArray *list, DifJson *node, gint64 id, const char *content, gboolean normalized)
{
  Stated stated = { .id = id, .content = content, .normalized = normalized };

  if (list->len >= DIF_MAX_ADDED_TOKENS)
    dif_json_fail (node, DIF_FORMAT_ERROR_TOO_LARGE, "expected at most %d added tokens",
                   DIF_MAX_ADDED_TOKENS);
  else if (*content)
    g_array_append_val (list, stated);
}

static void
note_object (GArray *list, DifJson *node, gint64 id)
{
  gboolean special = dif_json_bool (node, "special", FALSE);

  refuse_rules (node);
  note_stated (list, node, id, dif_json_string (node, "content", ""),
               dif_json_bool (node, "normalized", ! special));
}

static gint64
id_of_key (DifJson *node)
{
  guint64 id;

  if (g_ascii_string_to_unsigned (dif_json_key (node), 10, 0, MAX_VOCABULARY - 1, &id, NULL))
    return (gint64) id;
  dif_json_fail (node, DIF_FORMAT_ERROR_BAD_VALUE, "expected an id as key");
  return 0;
}

/* Everything that a file states as added. */
static void
read_stated (Load *l, GArray *list)
{
  DifJson *decoder = dif_json_member (l->config, "added_tokens_decoder");
  DifJson *added   = l->whole && ! l->given ? dif_json_member (l->main, "added_tokens") : NULL;

  for (guint i = 0; decoder && i < dif_json_length (decoder); i++)
    if (dif_json_key (dif_json_at (decoder, i)))
      note_object (list, dif_json_at (decoder, i), id_of_key (dif_json_at (decoder, i)));
  for (guint i = 0; ! decoder && l->extra && i < dif_json_length (l->extra); i++)
    {
      DifJson    *node    = dif_json_at (l->extra, i);
      const char *content = dif_json_key (node);

      if (content)
        note_stated (list, node, dif_json_value_int (node, 0, MAX_VOCABULARY - 1), content,
                     ! is_special (l, content));
    }
  for (guint i = 0; ! decoder && added && i < dif_json_length (added); i++)
    {
      DifJson *node = dif_json_at (added, i);

      note_object (list, node, dif_json_int (node, "id", 0, 0, MAX_VOCABULARY - 1));
    }
}

static int
compare_stated (gconstpointer a, gconstpointer b)
{
  gint64 x = ((const Stated *) a)->id;
  gint64 y = ((const Stated *) b)->id;

  return x < y ? -1 : x > y;
}

/* A word of the vocabulary keeps its id, another gets the next free one. */
static void
add_token (Load *l, const char *content, gboolean normalized)
{
  gint32 id  = dif_added_tokens_find (l->t->added, content);
  gint32 max = dif_added_tokens_max_id (l->t->added);
  gint32 n   = (gint32) dif_json_length (l->vocabulary);

  if (id < 0)
    id = lookup (l, content);
  if (id < 0)
    id = max >= n ? max + 1 : n;
  dif_added_tokens_add (l->t->added, content, id, normalized);
}

/* Whether the I-th special token is to be added: not if a file states it as
 * added or it equals one before it. */
static gboolean
is_new_special (Load *l, GArray *stated, guint i)
{
  const Special *s = &l->special[i];

  if (! s->content || ! *s->content)
    return FALSE;
  for (guint k = 0; k < stated->len; k++)
    if (strcmp (g_array_index (stated, Stated, k).content, s->content) == 0)
      return FALSE;
  for (guint k = 0; k < i; k++)
    if (g_strcmp0 (l->special[k].content, s->content) == 0 && l->special[k].is_text == s->is_text &&
        l->special[k].normalized == s->normalized)
      return FALSE;
  return TRUE;
}

static gboolean
read_added (Load *l, GError **error)
{
  g_autoptr (GArray) stated = g_array_new (FALSE, FALSE, sizeof (Stated));

  l->t->added = dif_added_tokens_new ();
  read_stated (l, stated);
  if (! dif_json_finish (l->config, error) || ! dif_json_finish (l->main, error) ||
      (l->extra && ! dif_json_finish (l->extra, error)))
    return FALSE;
  g_array_sort (stated, compare_stated);
  for (guint i = 0; i < stated->len; i++)
    add_token (l, g_array_index (stated, Stated, i).content,
               g_array_index (stated, Stated, i).normalized);
  for (guint i = 0; i < N_SPECIAL; i++)
    if (is_new_special (l, stated, i))
      add_token (l, l->special[i].content, l->special[i].normalized);
  dif_added_tokens_freeze (l->t->added);
  l->t->vocabulary_size = MAX (l->t->vocabulary_size,
                               (guint) (dif_added_tokens_max_id (l->t->added) + 1));
  l->t->bos             = dif_added_tokens_find (l->t->added, l->special[BOS].content);
  l->t->eos             = dif_added_tokens_find (l->t->added, l->special[EOS].content);
  l->t->pad             = dif_added_tokens_find (l->t->added, l->special[PAD].content);
  if (l->t->bos < 0 || l->t->eos < 0 || l->t->pad < 0)
    dif_json_fail (l->config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected tokens that begin, end and fill a prompt");
  return dif_json_finish (l->config, error);
}

static gboolean
read_max_length (Load *l, GError **error)
{
  double length = dif_json_double (l->config, "model_max_length", DEFAULT_MAX_LENGTH);

  if (length >= NO_LIMIT)
    length = DEFAULT_MAX_LENGTH;
  if (length < 2 || length > MAX_MAX_LENGTH || length != floor (length))
    dif_json_fail (l->config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a model_max_length from 2 to %d, found %g", MAX_MAX_LENGTH, length);
  l->t->max_length = (guint) length;
  return dif_json_finish (l->config, error);
}

/* ---- files ---- */

/* Loads @file into *json if it is there; returns FALSE if it is broken. */
static gboolean
load_optional (Load *l, const char *file, DifJson **json, GError **error)
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

static gboolean
load_files (Load *l, GError **error)
{
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
  if (! l->main)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 "%s: expected vocab.json and merges.txt, or tokenizer.json, found none",
                 l->folder);
  return l->main != NULL;
}

static DifTokenizer *
load (const char *folder, DifJson *config, GError **error)
{
  Load     l = { .folder = folder, .t = g_new0 (DifTokenizer, 1) };
  gboolean done;

  l.given  = config != NULL;
  l.config = config ? dif_json_ref (config) : NULL;
  done     = load_files (&l, error) && read_specials (&l, error) && read_vocabulary (&l, error) &&
         read_bytes (&l, error) && read_merges (&l, error) && read_added (&l, error) &&
         read_max_length (&l, error);
  dif_json_unref (l.config);
  dif_json_unref (l.map);
  dif_json_unref (l.extra);
  dif_json_unref (l.main);
  if (! done)
    g_clear_pointer (&l.t, dif_tokenizer_free);
  return l.t;
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
