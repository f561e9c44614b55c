/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unigram-load.c - a unigram tokenizer from tokenizer.json or spiece.model.
 *
 * T5's own rules are the reference's, whatever the file says besides words,
 * scores and rules of normalization; another model's are those of its file.
 *
 * Source: transformers 5, tokenization_t5.py, convert_slow_tokenizer.py.
 */
#include "text/unigram-private.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

#define MAX_SPIECE_BYTES (64u * 1024 * 1024)

/* T5's: its words begin <pad>, </s>, <unk>; its last are "<extra_id_N>". */
#define T5_UNK       2
#define T5_EXTRA_IDS 100
#define MAX_EXTRA    1000

gboolean
_dif_unigram_fits (DifTokenizerFiles *files)
{
  DifJson *model = files->whole ? dif_json_member (files->main, "model") : NULL;

  if (files->spiece)
    return TRUE;
  return model && dif_json_type (model) == DIF_JSON_OBJECT &&
         strcmp (dif_json_string (model, "type", ""), "Unigram") == 0;
}

/* A folder of diffusers' that says no class holds T5's. */
static gboolean
is_t5 (DifTokenizerFiles *files)
{
  const char *name = dif_json_string (files->config, "tokenizer_class", "");

  return ! *name || g_str_has_prefix (name, "T5Tokenizer");
}

/* ---- pieces ---- */

/* The pieces while they are read. */
typedef struct
{
  DifUnigram *u;
  GArray     *scores; /* double */
} Pieces;

static void
add_piece (Pieces *p, const char *text, double score, gboolean is_text)
{
  gint32 id = (gint32) p->scores->len;

  g_array_append_val (p->scores, score);
  _dif_files_add_word (&p->u->base, id, text);
  if (is_text)
    dif_trie_add (p->u->pieces, text, strlen (text), id);
}

/* "<extra_id_99>" down to "<extra_id_0>" behind the file's own pieces. */
static void
add_extra_ids (Pieces *p, DifTokenizerFiles *files, DifTrie *all)
{
  gint64 n = dif_json_int (files->config, "extra_ids", T5_EXTRA_IDS, 0, MAX_EXTRA);

  for (gint64 i = n - 1; i >= 0; i--)
    {
      g_autofree char *text = g_strdup_printf ("<extra_id_%d>", (int) i);

      dif_trie_add (all, text, strlen (text), (gint32) p->scores->len);
      add_piece (p, text, 0, TRUE);
    }
}

/* They are special tokens, too, unless a file lists such. */
static void
note_extra_ids (DifTokenizer *t, DifTokenizerFiles *files)
{
  gint64 n = dif_json_int (files->config, "extra_ids", T5_EXTRA_IDS, 0, MAX_EXTRA);

  for (guint i = 0; i < files->extras->len; i++)
    if (strstr (g_array_index (files->extras, DifAddedToken, i).content, "<extra_id_"))
      return;
  for (gint64 i = 0; i < n; i++)
    {
      g_autofree char *text  = g_strdup_printf ("<extra_id_%d>", (int) i);
      DifAddedToken    token = { .content = g_string_chunk_insert (t->chunk, text),
                                 .special = TRUE };

      g_array_append_val (files->extras, token);
    }
}

static gboolean
finish_pieces (Pieces *p, DifTokenizerFiles *files, const char *where, GError **error)
{
  DifUnigram *u = p->u;
  guint       n = p->scores->len;

  files->n_words = n;
  u->scores      = (double *) (gpointer) g_array_free (g_steal_pointer (&p->scores), FALSE);
  if (u->unk < 0 || (guint) u->unk >= n)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                   "%s: expected the unknown piece among %u, found the id %d", where, n, u->unk);
      return FALSE;
    }
  for (guint i = 0; i < 256; i++)
    {
      char name[8];

      g_snprintf (name, sizeof name, "<0x%02X>", i);
      u->byte_ids[i] = _dif_files_lookup (files, name);
    }
  return TRUE;
}

/* ---- spiece.model ---- */

/* What is text to SentencePiece; to the reference, every piece is. */
static gboolean
is_text (const DifUnigram *u, const DifPiece *piece)
{
  return ! u->sentence || piece->type == DIF_PIECE_NORMAL ||
         piece->type == DIF_PIECE_USER_DEFINED || piece->type == DIF_PIECE_UNUSED;
}

static void
take_pieces (Pieces *p, DifTokenizerFiles *files, const DifSentencePiece *sp)
{
  DifUnigram *u = p->u;

  u->types = u->sentence ? g_new0 (guint8, sp->pieces->len) : NULL;
  for (guint i = 0; i < sp->pieces->len; i++)
    {
      const DifPiece *piece = &g_array_index (sp->pieces, DifPiece, i);

      if (! u->sentence || piece->type == DIF_PIECE_NORMAL)
        {
          u->min_score = MIN (u->min_score, piece->score);
          u->max_score = MAX (u->max_score, piece->score);
        }
      if (u->types)
        u->types[i] = (guint8) piece->type;
      if (u->sentence && piece->type == DIF_PIECE_USER_DEFINED)
        dif_trie_add (u->user_defined, piece->text, strlen (piece->text), (gint32) i);
      dif_trie_add (files->words, piece->text, strlen (piece->text), (gint32) i);
      add_piece (p, piece->text, piece->score, is_text (u, piece));
    }
}

/* Control and user-defined pieces are added tokens to the reference. */
static void
note_special_pieces (DifTokenizer *t, DifTokenizerFiles *files, const DifSentencePiece *sp)
{
  g_array_set_size (files->extras, 0);
  for (guint i = 0; i < sp->pieces->len && files->extras->len < DIF_MAX_ADDED_TOKENS; i++)
    {
      const DifPiece *piece = &g_array_index (sp->pieces, DifPiece, i);
      DifAddedToken   token = { .special = piece->type == DIF_PIECE_CONTROL };

      if (piece->type != DIF_PIECE_CONTROL && piece->type != DIF_PIECE_USER_DEFINED)
        continue;
      token.content = g_string_chunk_insert (t->chunk, piece->text);
      g_array_append_val (files->extras, token);
    }
}

static gboolean
check_kind (const DifSentencePiece *sp, const char *path, GError **error)
{
  if (sp->model_type == 1 && ! sp->whitespace_as_suffix)
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
               "%s: expected a unigram model with blanks before its words, found %s", path,
               sp->model_type == 1 ? "one with blanks behind them" : "another kind of model");
  return FALSE;
}

static gboolean
load_spiece (Pieces *p, DifTokenizerFiles *files, GError **error)
{
  DifUnigram                  *u     = p->u;
  g_autoptr (GBytes)           bytes = dif_file_read (files->spiece, MAX_SPIECE_BYTES, error);
  g_autoptr (DifSentencePiece) sp    = NULL;

  sp = bytes ? dif_sentencepiece_parse (bytes, files->spiece, error) : NULL;
  if (! sp || ! check_kind (sp, files->spiece, error))
    return FALSE;
  if (sp->charsmap)
    {
      u->charsmap = dif_charsmap_new (sp->charsmap, files->spiece, error);
      if (! u->charsmap)
        return FALSE;
    }
  if (u->sentence)
    {
      u->user_defined  = dif_trie_new ();
      u->byte_fallback = sp->byte_fallback;
      u->dummy_prefix  = sp->add_dummy_prefix;
      u->remove_extra  = sp->remove_extra_whitespaces;
      u->escape        = sp->escape_whitespaces;
    }
  u->unk = u->sentence ? sp->unk_id : T5_UNK;
  take_pieces (p, files, sp);
  if (u->min_score > u->max_score)
    u->min_score = u->max_score = 0;
  if (! u->sentence)
    {
      note_special_pieces (&u->base, files, sp);
      add_extra_ids (p, files, files->words);
    }
  return TRUE;
}

/* ---- tokenizer.json ---- */

/* [[piece, score], …] */
static void
read_vocabulary (Pieces *p, DifTokenizerFiles *files)
{
  DifJson *model = dif_json_member (files->main, "model");
  DifJson *list  = model ? dif_json_member (model, "vocab") : NULL;
  guint    n     = list && dif_json_type (list) == DIF_JSON_ARRAY ? dif_json_length (list) : 0;

  if (n == 0 || n > DIF_MAX_VOCABULARY)
    dif_json_fail (files->main, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected an array \"model.vocab\" of 1 to %d pieces, found none",
                   DIF_MAX_VOCABULARY);
  for (guint i = 0; i < MIN (n, DIF_MAX_VOCABULARY); i++)
    {
      DifJson    *pair  = dif_json_at (list, i);
      gboolean    whole = dif_json_type (pair) == DIF_JSON_ARRAY && dif_json_length (pair) == 2;
      const char *text  = whole ? dif_json_value_string (dif_json_at (pair, 0)) : NULL;
      double      score = whole ? dif_json_value_double (dif_json_at (pair, 1)) : 0;

      if (! text || ! *text || strlen (text) > DIF_PIECE_MAX_BYTES || ! isfinite (score))
        {
          dif_json_fail_value (pair, DIF_FORMAT_ERROR_BAD_VALUE,
                               "a piece of 1 to 512 bytes and its score");
          return;
        }
      p->u->min_score = MIN (p->u->min_score, score);
      dif_trie_add (files->words, text, strlen (text), (gint32) i);
      add_piece (p, text, score, TRUE);
    }
}

static void
read_charsmap (DifUnigram *u, DifJson *node)
{
  const char        *text  = dif_json_string (node, "precompiled_charsmap", "");
  gsize              size  = 0;
  guint8            *data  = g_base64_decode (text, &size);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, size);
  g_autoptr (GError) error = NULL;

  if (u->charsmap)
    return;
  u->charsmap = dif_charsmap_new (bytes, "precompiled_charsmap", &error);
  if (! u->charsmap)
    dif_json_fail (node, DIF_FORMAT_ERROR_CORRUPT, "%s", error->message);
}

/* One step of a file's normalizer; of T5's only the rules count. */
static void
read_step (DifUnigram *u, DifJson *node, gboolean t5)
{
  const char *type = dif_json_string (node, "type", "");
  DifStep     step = DIF_STEP_NONE;
  guint       n    = 0;

  if (strcmp (type, "Precompiled") == 0)
    {
      read_charsmap (u, node);
      step = DIF_STEP_CHARSMAP;
    }
  else if (t5)
    return;
  else if (strcmp (type, "NFC") == 0)
    step = DIF_STEP_NFC;
  else if (strcmp (type, "NFKC") == 0)
    step = DIF_STEP_NFKC;
  while (n < DIF_MAX_STEPS && u->steps[n] != DIF_STEP_NONE && ! t5)
    n++;
  if (step == DIF_STEP_NONE || n == DIF_MAX_STEPS)
    dif_json_fail (node, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected the normalizers Precompiled, NFC or NFKC, found another");
  else
    u->steps[n] = step;
}

static void
read_word_step (DifUnigram *u, DifJson *node)
{
  const char *type   = dif_json_string (node, "type", "");
  const char *scheme = dif_json_bool (node, "add_prefix_space", TRUE) ? "always" : "never";

  if (strcmp (type, "WhitespaceSplit") == 0)
    {
      u->split_space = TRUE;
      return;
    }
  scheme          = dif_json_string (node, "prepend_scheme", scheme);
  u->split_blank  = dif_json_bool (node, "split", TRUE);
  u->dummy_prefix = strcmp (scheme, "always") == 0;
  if (strcmp (type, "Metaspace") != 0 || strcmp (scheme, "first") == 0 ||
      strcmp (dif_json_string (node, "replacement", DIF_BLANK), DIF_BLANK) != 0)
    dif_json_fail (node, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected words at white space or Metaspace's, found another way");
}

static void
read_pipeline (DifUnigram *u, DifTokenizerFiles *files, gboolean t5)
{
  DifJson *normalizer = dif_json_member (files->main, "normalizer");
  DifJson *steps      = normalizer ? dif_json_member (normalizer, "normalizers") : NULL;
  DifJson *before     = t5 ? NULL : dif_json_member (files->main, "pre_tokenizer");
  DifJson *words      = before ? dif_json_member (before, "pretokenizers") : NULL;

  if (normalizer && ! steps)
    read_step (u, normalizer, t5);
  for (guint i = 0; steps && i < dif_json_length (steps); i++)
    read_step (u, dif_json_at (steps, i), t5);
  if (before && ! words)
    read_word_step (u, before);
  for (guint i = 0; words && i < dif_json_length (words); i++)
    read_word_step (u, dif_json_at (words, i));
}

static gboolean
load_whole (Pieces *p, DifTokenizerFiles *files, gboolean t5, GError **error)
{
  DifUnigram *u     = p->u;
  DifJson    *model = dif_json_member (files->main, "model");

  if (! model || strcmp (dif_json_string (model, "type", ""), "Unigram") != 0)
    dif_json_fail (files->main, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected a model of type Unigram, found another");
  u->unk = T5_UNK;
  if (model && ! t5)
    {
      u->unk           = (gint32) dif_json_int (model, "unk_id", -1, 0, DIF_MAX_VOCABULARY - 1);
      u->byte_fallback = dif_json_bool (model, "byte_fallback", FALSE);
    }
  read_vocabulary (p, files);
  read_pipeline (u, files, t5);
  return dif_json_finish (files->main, error);
}

gboolean
_dif_unigram_load (DifTokenizer *t, DifTokenizerFiles *files, GError **error)
{
  DifUnigram *u  = (DifUnigram *) t;
  gboolean    t5 = is_t5 (files);
  Pieces      p  = { u, g_array_new (FALSE, FALSE, sizeof (double)) };
  gboolean    done;

  u->pieces    = dif_trie_new ();
  files->words = dif_trie_new ();
  u->sentence  = files->spiece && ! t5;
  u->min_score = G_MAXDOUBLE;
  u->max_score = -G_MAXDOUBLE;
  if (t5)
    u->dummy_prefix = u->split_space = u->split_blank = TRUE;
  if (files->spiece)
    done = load_spiece (&p, files, error);
  else if (files->whole)
    done = load_whole (&p, files, t5, error);
  else
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected tokenizer.json or spiece.model, found neither", files->folder);
      done = FALSE;
    }
  if (done && t5)
    {
      note_extra_ids (t, files);
      if (u->charsmap)
        u->steps[0] = DIF_STEP_CHARSMAP;
    }
  done = done && finish_pieces (&p, files, files->spiece ? files->spiece : files->folder, error);
  if (p.scores)
    g_array_unref (p.scores);
  return done && dif_json_finish (files->config, error);
}
