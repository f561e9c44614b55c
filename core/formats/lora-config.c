/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-config.c - how strong a LoRA's modules are: alphas, and peft's settings.
 *
 * Sources: diffusers, lora_base.py (LORA_ADAPTER_METADATA_KEY); peft,
 * utils/other.py (get_pattern_key) and tuners/lora/layer.py (scaling).
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "formats/lora-private.h"
#include "formats/safetensors.h"

/* A pattern comes with the file and may be anybody's: the matcher gives up
 * after so many steps of one match, and after so many in all. */
#define MATCH_LIMIT "(*LIMIT_MATCH=200000)"
#define MAX_PATTERN 512
#define MAX_MATCHES (1 << 18)

/* The settings of one file. */
typedef struct
{
  DifJson    *config;
  gboolean    has_parts; /* keys begin with the part, as in diffusers' metadata */
  GHashTable *regexes;   /* pattern -> GRegex */
  guint       n_matches;
} Settings;

/* ---- patterns ---- */

static gboolean
is_plain (const char *pattern)
{
  return strspn (pattern, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
         strlen (pattern);
}

/* Whether the end of @name is @pattern, in which a dot is any character. */
static gboolean
matches_plain (const char *pattern, const char *name)
{
  gsize       n = strlen (pattern), length = strlen (name);
  const char *at = name + length - MIN (n, length);

  if (n > length || (at > name && at[-1] != '.'))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    if (pattern[i] != '.' && pattern[i] != at[i])
      return FALSE;
  return TRUE;
}

/* The compiled pattern (transfer none); NULL, and an error in @settings, if it
 * is none. */
static GRegex *
regex_of (Settings *s, DifJson *entry, const char *pattern)
{
  GRegex            *regex = g_hash_table_lookup (s->regexes, pattern);
  g_autoptr (GError) error = NULL;
  g_autofree char   *text  = NULL;

  if (regex)
    return regex;
  text  = g_strconcat (MATCH_LIMIT "(.*\\.)?(", pattern, ")$", NULL);
  regex = strlen (pattern) <= MAX_PATTERN
              ? g_regex_new (text, G_REGEX_ANCHORED, G_REGEX_MATCH_ANCHORED, &error)
              : NULL;
  if (regex)
    g_hash_table_insert (s->regexes, g_strdup (pattern), regex);
  else
    dif_json_fail (entry, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected a regular expression of at most %d characters, found %s", MAX_PATTERN,
                   error ? "none that can be read" : "a longer one");
  return regex;
}

/* peft: the whole of @name matches `(.*\.)?(pattern)$`. */
static gboolean
matches (Settings *s, DifJson *entry, const char *pattern, const char *name)
{
  g_autoptr (GError) error = NULL;
  GRegex            *regex;
  gboolean           found;

  if (is_plain (pattern))
    return matches_plain (pattern, name);
  regex = regex_of (s, entry, pattern);
  if (! regex)
    return FALSE;
  found = g_regex_match_full (regex, name, -1, 0, 0, NULL, &error);
  if (error || ++s->n_matches > MAX_MATCHES)
    dif_json_fail (entry, DIF_FORMAT_ERROR_TOO_LARGE,
                   "expected patterns that are soon compared, found one that is not");
  return found && ! error;
}

/* The number that the first matching pattern of @key gives, else @fallback. */
static double
by_pattern (Settings *s, const DifLoraModule *m, const char *key, double fallback)
{
  g_autofree char *full     = g_strdup_printf ("%s%s%s", s->has_parts ? m->part : "",
                                           s->has_parts ? "." : "", key);
  g_autofree char *longer   = g_strconcat ("text_model.", m->dotted, NULL);
  DifJson         *patterns = dif_json_member (s->config, full);

  for (guint i = 0; patterns && i < dif_json_length (patterns); i++)
    {
      DifJson    *entry   = dif_json_at (patterns, i);
      const char *pattern = dif_json_key (entry);

      /* versions of transformers differ in the names of an encoder's modules */
      if (pattern && (matches (s, entry, pattern, m->dotted) ||
                      (strcmp (m->part, "unet") != 0 && matches (s, entry, pattern, longer))))
        return dif_json_value_double (entry);
    }
  return fallback;
}

/* ---- settings ---- */

static char *
full_key (const Settings *s, const DifLoraModule *m, const char *key)
{
  return s->has_parts ? g_strconcat (m->part, ".", key, NULL) : g_strdup (key);
}

static double
stated (const Settings *s, const DifLoraModule *m, const char *key, double fallback)
{
  g_autofree char *full = full_key (s, m, key);

  return dif_json_double (s->config, full, fallback);
}

static gboolean
is_stated (const Settings *s, const DifLoraModule *m, const char *key)
{
  g_autofree char *full = full_key (s, m, key);

  return dif_json_bool (s->config, full, FALSE);
}

/* peft calls LoRA's alpha "lora_alpha", and those of its other kinds "alpha". */
static double
stated_alpha (Settings *s, const DifLoraModule *m)
{
  double rank  = (double) m->rank;
  double alpha = stated (s, m, "lora_alpha", stated (s, m, "alpha", rank));

  return by_pattern (s, m, "alpha_pattern", alpha);
}

/* The ranks that the settings state must be those of the tensors, or nobody
 * knows what alpha is a part of. */
static void
check_rank (Settings *s, const DifLoraModule *m)
{
  double rank = by_pattern (s, m, "rank_pattern", stated (s, m, "r", (double) m->rank));

  if (rank != (double) m->rank)
    dif_json_fail (s->config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected %s of rank %g as is stated, found rank %" G_GSIZE_FORMAT, m->key, rank,
                   m->rank);
}

static void
apply_settings (Settings *s, DifLoraModule *m)
{
  double   rank    = (double) m->rank;
  gboolean is_dora = _dif_lora_is_dora (m);

  check_rank (s, m);
  m->scale = stated_alpha (s, m) / (is_stated (s, m, "use_rslora") ? sqrt (rank) : rank);
  if (is_stated (s, m, "use_dora") && ! is_dora)
    dif_json_fail (s->config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "expected magnitudes of %s since it says use_dora, found none", m->key);
}

/* ---- alphas in the file ---- */

static double
alpha_of (const DifLoraModule *m)
{
  const DifHostArray *array = &m->tensors[DIF_LORA_ALPHA];
  float               alpha;
  gint64              whole;
  gint32              small;

  if (array->encoding == DIF_ENC_I64)
    {
      memcpy (&whole, array->data, sizeof whole);
      return (double) whole;
    }
  if (array->encoding == DIF_ENC_I32)
    {
      memcpy (&small, array->data, sizeof small);
      return small;
    }
  dif_host_rows_to_f32 (array, 0, 1, &alpha);
  return (double) alpha;
}

/* ---- where the settings are ---- */

/* peft's own file lies beside its weights. */
static DifJson *
read_beside (const DifLora *lora, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (lora->path);
  g_autofree char *path   = g_build_filename (folder, "adapter_config.json", NULL);

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected peft's adapter_config.json beside it, which says how strong it "
                   "is, found none",
                   lora->path);
      return NULL;
    }
  return dif_json_load (path, error);
}

static gboolean
needs_file (const DifLora *lora)
{
  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m = lora->modules->pdata[i];

      if (m->is_peft && m->rank && ! _dif_lora_has (m, DIF_LORA_ALPHA))
        return TRUE;
    }
  return FALSE;
}

static gboolean
read_settings (const DifLora *lora, Settings *s, GError **error)
{
  g_autofree char *name = g_strconcat (lora->path, ": lora_adapter_metadata", NULL);
  g_autofree char *text = NULL;

  if (! dif_safetensors_metadata (lora->path, "lora_adapter_metadata", &text, error))
    return FALSE;
  s->has_parts = text != NULL;
  if (text)
    s->config = dif_json_parse (text, strlen (text), name, error);
  else if (needs_file (lora))
    s->config = read_beside (lora, error);
  else
    return TRUE;
  return s->config != NULL;
}

static gboolean
set_scale (const DifLora *lora, Settings *s, DifLoraModule *m, GError **error)
{
  m->scale = 1;
  if (m->rank && _dif_lora_has (m, DIF_LORA_ALPHA))
    m->scale = alpha_of (m) / (double) m->rank;
  else if (m->rank && m->part && s->config)
    apply_settings (s, m);
  else if (m->is_peft && s->config && _dif_lora_has (m, DIF_LORA_KRON_W1))
    /* two whole factors: LyCORIS takes no scale, peft takes its own */
    m->scale = stated_alpha (s, m) / stated (s, m, "r", 1);
  if (isfinite (m->scale))
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
               "%s: %s: expected a finite alpha / rank, found %g",
               lora->path, m->key, m->scale);
  return FALSE;
}

gboolean
_dif_lora_set_scales (DifLora *lora, GError **error)
{
  Settings               s       = { NULL, FALSE, NULL, 0 };
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (GHashTable) regexes = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                          (GDestroyNotify) g_regex_unref);

  if (! read_settings (lora, &s, error))
    return FALSE;
  config    = s.config;
  s.regexes = regexes;
  for (guint i = 0; i < lora->modules->len; i++)
    if (! set_scale (lora, &s, lora->modules->pdata[i], error))
      return FALSE;
  return ! s.config || dif_json_finish (s.config, error);
}
