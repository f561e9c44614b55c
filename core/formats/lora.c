/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora.c - the modules of a LoRA file, and what can be told of them. */
#include "formats/lora.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/lora-private.h"
#include "formats/safetensors.h"
#include "formats/stranger.h"

static void
module_free (gpointer data)
{
  DifLoraModule *m = data;

  g_free (m->key);
  g_free (m->name);
  g_free (m->dotted);
  g_free (m);
}

void
dif_lora_free (DifLora *lora)
{
  if (! lora)
    return;
  g_ptr_array_unref (lora->modules);
  dif_weights_free (lora->tensors);
  g_free (lora->path);
  g_free (lora);
}

/* ---- names ---- */

/* What the names are besides those of a LoRA. */
typedef struct
{
  const char *method, *stranger;
  gboolean    any;
} Census;

static Census
count_names (GPtrArray *names)
{
  Census c = { NULL, NULL, FALSE };

  for (guint i = 0; i < names->len; i++)
    {
      const char      *name   = names->pdata[i];
      DifLoraRole      role   = DIF_LORA_ALPHA;
      const char      *method = _dif_lora_other_method (name);
      g_autofree char *module = _dif_lora_split (name, &role);

      if (method && ! c.method)
        c.method = method;
      if (! module && ! method && ! c.stranger)
        c.stranger = name;
      c.any = c.any || (module && role != DIF_LORA_ALPHA);
    }
  return c;
}

gboolean
dif_lora_is_one (const char *path)
{
  g_autoptr (GPtrArray) names = dif_safetensors_names (path, NULL);
  Census                c     = names ? count_names (names) : (Census) { NULL, NULL, FALSE };

  return c.any || c.method;
}

/* Every name must be understood. */
static gboolean
check_names (const char *path, GPtrArray *names, GError **error)
{
  Census c = count_names (names);

  if (c.any && ! c.method && ! c.stranger)
    return TRUE;
  if (c.method)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected a LoRA, DoRA, LoHa, LoKr or a difference of weights, found %s", path,
                 c.method);
  else if (c.any)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected the tensors of a LoRA only, found %s", path, c.stranger);
  else
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected a LoRA, found %s", path, dif_stranger_describe (names));
  return FALSE;
}

/* ---- reading ---- */

static DifLoraModule *
module_new (const char *key)
{
  DifLoraModule *m = g_new0 (DifLoraModule, 1);

  m->key   = g_strdup (key);
  m->scale = 1;
  _dif_lora_name (m);
  return m;
}

/* The module of @key, under whatever spelling it came before. */
static DifLoraModule *
find_module (DifLora *lora, GHashTable *found, const char *key)
{
  DifLoraModule   *fresh = module_new (key), *m;
  g_autofree char *id    = g_strconcat (fresh->part ? fresh->part : "", "/",
                                     fresh->name ? fresh->name : key, NULL);

  m = g_hash_table_lookup (found, id);
  if (m)
    {
      m->is_peft = m->is_peft || fresh->is_peft;
      module_free (fresh);
      return m;
    }
  g_hash_table_insert (found, g_steal_pointer (&id), fresh);
  g_ptr_array_add (lora->modules, fresh);
  return fresh;
}

/* Files the tensors under their modules. */
static gboolean
collect (DifLora *lora, GError **error)
{
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray)  names = dif_weights_names (lora->tensors);

  for (guint i = 0; i < names->len; i++)
    {
      DifLoraRole      role = DIF_LORA_ALPHA;
      g_autofree char *key  = _dif_lora_split (names->pdata[i], &role);
      DifLoraModule   *m    = find_module (lora, found, key);

      if (_dif_lora_has (m, role))
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                       "%s: %s: expected it once, found it under two names", lora->path,
                       (const char *) names->pdata[i]);
          return FALSE;
        }
      m->tensors[role] = *dif_weights_lookup (lora->tensors, names->pdata[i]);
    }
  return TRUE;
}

/* What is multiplied with a weight must be numbers. */
static gboolean
check_finite (const DifLora *lora, const DifLoraModule *m, GError **error)
{
  for (guint role = 0; role < DIF_LORA_N_ROLES; role++)
    {
      g_autofree float *values = NULL;
      gsize             n = 0, bad = 0;

      if (! _dif_lora_has (m, role) || role == DIF_LORA_ALPHA)
        continue;
      values = _dif_lora_floats (m, role, &n);
      if (! values)
        {
          g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                       "%s: no memory to read a LoRA", lora->path);
          return FALSE;
        }
      while (bad < n && isfinite (values[bad]))
        bad++;
      if (bad < n)
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                       "%s: %s: expected finite numbers, found %g", lora->path, m->key,
                       (double) values[bad]);
          return FALSE;
        }
    }
  return TRUE;
}

/* Measures every module; drops those that are an alpha and no more. */
static gboolean
check_modules (DifLora *lora, GError **error)
{
  for (guint i = lora->modules->len; i-- > 0;)
    {
      DifLoraModule   *m     = lora->modules->pdata[i];
      gboolean         idle  = _dif_lora_is_idle (m);
      g_autofree char *found = idle ? NULL : _dif_lora_measure (m);

      if (found)
        {
          g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                       "%s: %s: expected the matrices of a change of weights, found %s", lora->path,
                       m->key, found);
          return FALSE;
        }
      if (! idle && ! check_finite (lora, m, error))
        return FALSE;
      lora->n_idle += idle;
      if (idle)
        g_ptr_array_remove_index (lora->modules, i);
    }
  return TRUE;
}

/* A text encoder that was saved alone does not say which it is: 1280 numbers
 * are the second's of Stable Diffusion XL. */
static void
place_encoder (DifLora *lora)
{
  gboolean is_second = FALSE;

  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m = lora->modules->pdata[i];

      if (m->is_alone && (m->n_in == 1280 || m->n_out == 1280))
        is_second = TRUE;
    }
  for (guint i = 0; is_second && i < lora->modules->len; i++)
    {
      DifLoraModule *m = lora->modules->pdata[i];

      if (m->is_alone)
        m->part = "text_encoder_2";
    }
}

DifLora *
dif_lora_open (const char *path, GError **error)
{
  g_autoptr (DifLora)   lora  = g_new0 (DifLora, 1);
  g_autoptr (GPtrArray) names = NULL;

  lora->path    = g_strdup (path);
  lora->tensors = dif_weights_new ("lora");
  lora->modules = g_ptr_array_new_with_free_func (module_free);
  names         = dif_safetensors_names (path, error);
  if (! names || ! check_names (path, names, error) ||
      ! dif_safetensors_read (path, lora->tensors, NULL, NULL, error) || ! collect (lora, error) ||
      ! check_modules (lora, error))
    return NULL;
  place_encoder (lora);
  return _dif_lora_set_scales (lora, error) ? g_steal_pointer (&lora) : NULL;
}

/* ---- telling ---- */

/* What a text encoder's width alone tells. */
static const char *
family_of_encoder (const DifLoraModule *m)
{
  if (! strstr (m->name, "self_attn"))
    return NULL;
  return m->n_in == 768    ? "Stable Diffusion 1.x or XL"
         : m->n_in == 1024 ? "Stable Diffusion 2.x"
                           : NULL;
}

static const char *
family_of_context (gsize context)
{
  return context == 768    ? "Stable Diffusion 1.x"
         : context == 1024 ? "Stable Diffusion 2.x"
         : context == 1280 ? "the refiner of Stable Diffusion XL"
         : context == 2048 ? "Stable Diffusion XL"
                           : NULL;
}

const char *
dif_lora_family (DifLora *lora)
{
  const char *family = NULL, *guess = NULL;

  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m     = lora->modules->pdata[i];
      const char          *other = _dif_lora_model_of_key (m->key);

      if (g_strcmp0 (m->part, "text_encoder_2") == 0)
        return "Stable Diffusion XL";
      if (other)
        return other;
      if (! m->part)
        continue;
      if (strstr (m->name, "attn2_to_k") || strstr (m->name, "attn2_to_v"))
        family = family_of_context (m->n_in);
      else if (strcmp (m->part, "text_encoder") == 0 && ! guess)
        guess = family_of_encoder (m);
    }
  return family ? family : guess ? guess
                                 : "another model";
}

guint
dif_lora_count (DifLora *lora, const char *part)
{
  guint n = 0;

  for (guint i = 0; i < lora->modules->len; i++)
    n += g_strcmp0 (((const DifLoraModule *) lora->modules->pdata[i])->part, part) == 0;
  return n;
}

void
dif_lora_ranks (DifLora *lora, gsize *least, gsize *greatest)
{
  *least    = G_MAXSIZE;
  *greatest = 0;
  for (guint i = 0; i < lora->modules->len; i++)
    {
      gsize rank = ((const DifLoraModule *) lora->modules->pdata[i])->rank;

      *least    = rank ? MIN (*least, rank) : *least;
      *greatest = MAX (*greatest, rank);
    }
  if (! *greatest)
    *least = 0;
}

void
dif_lora_scales (DifLora *lora, double *least, double *greatest)
{
  *least    = INFINITY;
  *greatest = -INFINITY;
  for (guint i = 0; i < lora->modules->len; i++)
    {
      double scale = ((const DifLoraModule *) lora->modules->pdata[i])->scale;

      *least    = MIN (*least, scale);
      *greatest = MAX (*greatest, scale);
    }
}

char *
dif_lora_kinds (DifLora *lora)
{
  g_autoptr (GHashTable) seen   = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GString)    out    = g_string_new (NULL);
  guint                  n_dora = 0;

  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m = lora->modules->pdata[i];

      g_hash_table_add (seen, (gpointer) m->kind->name);
      n_dora += _dif_lora_is_dora (m);
    }
  for (guint i = 0; _dif_lora_kind_name (i); i++)
    if (g_hash_table_contains (seen, _dif_lora_kind_name (i)))
      g_string_append_printf (out, "%s%s", out->len ? ", " : "", _dif_lora_kind_name (i));
  if (n_dora)
    g_string_append (out, ", with magnitudes (DoRA)");
  return g_strdup (out->str);
}

guint
dif_lora_unknown (DifLora *lora, const char **example)
{
  guint n = 0;

  *example = NULL;
  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m = lora->modules->pdata[i];

      if (! m->part && ! *example)
        *example = m->key;
      n += ! m->part;
    }
  return n;
}

guint
dif_lora_idle (DifLora *lora)
{
  guint n = lora->n_idle;

  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m = lora->modules->pdata[i];

      n += m->scale == 0 && ! _dif_lora_has_bias (m);
    }
  return n;
}
