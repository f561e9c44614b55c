/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-set.c - LoRAs laid over a part: which of its tensors they change, and how.
 *
 * Invariant: the file's tensors stay as they are; a changed one is a copy that
 * lives until the device has packed it.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/catalog.h"
#include "formats/ldm-keys.h"
#include "formats/lora-private.h"

typedef struct
{
  DifLora *lora;
  double   weight;
} Member;

struct _DifLoraSet
{
  GArray     *members; /* of Member */
  GHashTable *targets; /* tensor's name -> GPtrArray of Change, of the part bound last */
};

/* One module and the tensor that it changes. */
typedef struct
{
  const DifLoraModule *module;
  double               weight;
  gboolean             is_bias;
} Change;

/* ---- the set ---- */

static void
clear_member (gpointer data)
{
  dif_lora_free (((Member *) data)->lora);
}

static void
free_changes (gpointer data)
{
  g_ptr_array_unref (data);
}

void
dif_lora_set_free (DifLoraSet *set)
{
  if (! set)
    return;
  g_hash_table_unref (set->targets);
  g_array_unref (set->members);
  g_free (set);
}

static gboolean
add_member (DifLoraSet *set, const char *spec, GError **error)
{
  g_autofree char *text = NULL;
  g_autofree char *file = dif_catalog_split_spec (spec, &text);
  g_autofree char *path = NULL;
  Member           m    = { NULL, 1.0 };
  char            *end  = NULL;

  if (text)
    {
      m.weight = g_ascii_strtod (text, &end);
      if (*end || ! isfinite (m.weight) || g_ascii_isspace (*text) || strpbrk (text, "xX"))
        {
          g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                       "lora: expected FILE or FILE:WEIGHT with a number, found \"%s\"", spec);
          return FALSE;
        }
    }
  path   = dif_catalog_resolve_file ("loras", file, error);
  m.lora = path ? dif_lora_open (path, error) : NULL;
  if (m.lora)
    g_array_append_val (set->members, m);
  else
    g_prefix_error (error, "lora: ");
  return m.lora != NULL;
}

DifLoraSet *
dif_lora_set_new (const char *const *specs, GError **error)
{
  g_autoptr (DifLoraSet) set = g_new0 (DifLoraSet, 1);

  set->members = g_array_new (FALSE, FALSE, sizeof (Member));
  set->targets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_changes);
  g_array_set_clear_func (set->members, clear_member);
  for (guint i = 0; specs && specs[i]; i++)
    if (! add_member (set, specs[i], error))
      return NULL;
  return g_steal_pointer (&set);
}

/* ---- finding the tensors ---- */

static char *
flat_name (const char *name)
{
  return g_strdelimit (g_strdup (name), ".", '_');
}

/* Names with underscores, both diffusers' and the original ones, without
 * "weight", to those with dots. */
static GHashTable *
flat_names (DifWeights *weights, const char *part)
{
  g_autoptr (GPtrArray) names = dif_weights_names (weights);
  GHashTable           *flat  = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  DifLdmLayout          layout;

  dif_ldm_layout_from_unet (&layout, weights);
  for (guint i = 0; i < names->len; i++)
    {
      const char      *name = names->pdata[i];
      g_autofree char *bare = NULL, *original = NULL;

      if (! g_str_has_suffix (name, ".weight"))
        continue;
      bare = g_strndup (name, strlen (name) - strlen (".weight"));
      g_hash_table_insert (flat, flat_name (bare), g_strdup (bare));
      original = strcmp (part, "unet") == 0 ? dif_ldm_from_canonical (&layout, bare) : NULL;
      if (original)
        g_hash_table_insert (flat, flat_name (original), g_strdup (bare));
    }
  return flat;
}

/* What a row of @w has, and of what kernel. */
static gsize
area_of (const DifHostArray *w)
{
  return w->shape.n == 4 ? w->shape.d[2] * w->shape.d[3] : 1;
}

/* Whether the change has the tensor's size, or that of the latents alone. */
static gboolean
fits (const DifLoraModule *m, const char *name, const DifHostArray *w)
{
  gsize    n_in      = w->shape.n > 1 ? w->shape.d[1] : 1;
  gboolean is_dora   = _dif_lora_is_dora (m);
  gboolean is_matrix = w->shape.n == 2 || w->shape.n == 4;

  if (! dif_host_is_weight (w) || w->shape.n < 1 || m->n_out != w->shape.d[0] ||
      (! is_matrix && ! _dif_lora_has (m, DIF_LORA_DIFF)))
    return FALSE;
  if (! m->area)
    return m->n_in == n_in * area_of (w);
  if (strcmp (name, "conv_in") == 0 && ! is_dora && m->n_in == 4 && (n_in == 5 || n_in == 9))
    return m->area == area_of (w);
  return m->n_in == n_in && m->area == area_of (w);
}

static gboolean
fail_fit (DifLora *lora, const DifLoraModule *m, const char *part, const DifHostArray *w,
          GError **error)
{
  g_autofree char *is      = w ? dif_shape_to_string (&w->shape) : NULL;
  g_autofree char *what    = w ? g_strdup_printf ("one of shape %s", is)
                               : g_strdup_printf ("no such tensor in the model's %s", part);
  g_autofree char *changes = m->area > 1
                                 ? g_strdup_printf ("[%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT
                                                    "] with kernels of %" G_GSIZE_FORMAT " numbers",
                                                    m->n_out, m->n_in, m->area)
                                 : g_strdup_printf ("[%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT "]",
                                                    m->n_out, m->n_in);

  g_set_error (error, DIF_MODEL_ERROR, w ? DIF_MODEL_ERROR_SHAPE : DIF_MODEL_ERROR_MISSING_WEIGHT,
               "lora: %s: expected a LoRA for this model, found one for %s: %s changes a tensor of "
               "shape %s, found %s",
               lora->path, dif_lora_family (lora), m->key, changes, what);
  return FALSE;
}

static gboolean
fail_bias (DifLora *lora, const DifLoraModule *m, const DifHostArray *bias, GError **error)
{
  g_autofree char *is   = bias ? dif_shape_to_string (&bias->shape) : NULL;
  g_autofree char *what = bias ? g_strdup_printf ("one of shape %s", is) : g_strdup ("none");

  g_set_error (error, DIF_MODEL_ERROR,
               bias ? DIF_MODEL_ERROR_SHAPE : DIF_MODEL_ERROR_MISSING_WEIGHT,
               "lora: %s: %s: expected a bias of %" G_GSIZE_FORMAT " numbers in the model, as it "
               "changes one, found %s",
               lora->path, m->key, _dif_lora_bias_size (m), what);
  return FALSE;
}

static void
note_change (DifLoraSet *set, const char *target, const DifLoraModule *m, double weight,
             gboolean is_bias)
{
  GPtrArray *changes = g_hash_table_lookup (set->targets, target);
  Change    *change;

  if (weight == 0 && ! _dif_lora_is_dora (m))
    return;
  change = g_new (Change, 1);
  if (! changes)
    {
      changes = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (set->targets, g_strdup (target), changes);
    }
  *change = (Change) { m, weight, is_bias };
  g_ptr_array_add (changes, change);
}

/* Notes what @m does to the part's tensors. */
static gboolean
bind_module (DifLoraSet *set, const Member *member, DifLoraModule *m, GHashTable *flat,
             DifWeights *weights, GError **error)
{
  const char         *bare   = g_hash_table_lookup (flat, m->name);
  g_autofree char    *full   = bare ? g_strconcat (bare, ".weight", NULL) : NULL;
  g_autofree char    *biased = bare ? g_strconcat (bare, ".bias", NULL) : NULL;
  const DifHostArray *w      = bare ? dif_weights_lookup (weights, full) : NULL;
  const DifHostArray *b      = bare ? dif_weights_lookup (weights, biased) : NULL;

  if (! w || (m->kind->delta && ! fits (m, bare, w)))
    return fail_fit (member->lora, m, m->part, w, error);
  if (_dif_lora_has_bias (m))
    {
      if (! b || ! dif_host_is_weight (b) || b->shape.n != 1 ||
          b->shape.d[0] != _dif_lora_bias_size (m))
        return fail_bias (member->lora, m, b, error);
      note_change (set, biased, m, member->weight, TRUE);
    }
  if (m->kind->delta)
    note_change (set, full, m, member->weight, FALSE);
  m->bound = TRUE;
  return TRUE;
}

gboolean
dif_lora_set_bind (DifLoraSet *set, const char *part, DifWeights *weights, GError **error)
{
  g_autoptr (GHashTable) flat = set->members->len ? flat_names (weights, part) : NULL;

  g_hash_table_remove_all (set->targets);
  for (guint i = 0; i < set->members->len; i++)
    {
      const Member *member = &g_array_index (set->members, Member, i);

      for (guint k = 0; k < member->lora->modules->len; k++)
        {
          DifLoraModule *m = member->lora->modules->pdata[k];

          if (g_strcmp0 (m->part, part) == 0 &&
              ! bind_module (set, member, m, flat, weights, error))
            return FALSE;
        }
    }
  return TRUE;
}

gboolean
dif_lora_set_finish (DifLoraSet *set, GError **error)
{
  for (guint i = 0; i < set->members->len; i++)
    {
      const Member *member = &g_array_index (set->members, Member, i);

      for (guint k = 0; k < member->lora->modules->len; k++)
        {
          const DifLoraModule *m = member->lora->modules->pdata[k];

          if (! m->bound)
            return fail_fit (member->lora, m, m->part ? m->part : "parts", NULL, error);
        }
    }
  return TRUE;
}

/* ---- merging ---- */

static gboolean
apply (float *w, const DifHostArray *array, gsize size, const Change *change)
{
  return change->is_bias ? _dif_lora_change_bias (change->module, w, change->weight)
                         : _dif_lora_change (change->module, w, size / array->shape.d[0],
                                             change->weight);
}

gboolean
dif_lora_set_patch (const char *name, DifHostArray *array, GBytes **owner, gpointer set,
                    GError **error)
{
  GPtrArray *changes = g_hash_table_lookup (((DifLoraSet *) set)->targets, name);
  gsize      n       = 0;
  float     *w;
  gboolean   done;

  if (! changes)
    return TRUE;
  w    = dif_host_to_f32 (array, &n);
  done = w != NULL;
  for (guint i = 0; done && i < changes->len; i++)
    done = apply (w, array, n, changes->pdata[i]);
  if (! done)
    {
      g_free (w);
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "no memory to merge a LoRA");
      return FALSE;
    }
  *array = (DifHostArray) { .shape = array->shape, .data = w };
  *owner = g_bytes_new_take (w, n * sizeof *w);
  return TRUE;
}

/* ---- as an overlay ---- */

static GPtrArray *
changes_of (const char *name, gpointer set)
{
  return g_hash_table_lookup (((DifLoraSet *) set)->targets, name);
}

static DifChange
change_of (const char *name, gsize *rank, gpointer set)
{
  GPtrArray *changes = changes_of (name, set);
  DifChange  all     = changes ? DIF_CHANGE_LOW_RANK : DIF_CHANGE_NONE;

  for (guint i = 0; changes && i < changes->len; i++)
    {
      const Change *change = changes->pdata[i];

      if (! _dif_lora_is_low_rank (change->module))
        all = DIF_CHANGE_ANY;
      *rank += change->is_bias ? 0 : change->module->rank;
    }
  return all;
}

static gboolean
factors_of (const char *name, gsize rank, gsize n_rows, gsize n_columns, float *down, float *up,
            gpointer set, GError **error)
{
  GPtrArray *changes = changes_of (name, set);
  gsize      at      = 0;

  for (guint i = 0; i < changes->len; i++)
    {
      const Change *change = changes->pdata[i];

      if (! _dif_lora_factors (change->module, n_columns, change->weight, down + at * n_columns,
                               up + at, rank))
        {
          g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                       "no memory to read a LoRA");
          return FALSE;
        }
      at += change->module->rank;
    }
  return TRUE;
}

DifOverlay
dif_lora_set_overlay (DifLoraSet *set)
{
  return (DifOverlay) { change_of, factors_of, dif_lora_set_patch, set };
}
