/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-merge.c - LoRAs added to a part's tensors, one tensor at a time.
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

/* One module to be added to a tensor. */
typedef struct
{
  const DifLoraModule *module;
  float                scale;
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

/* Names with underscores, both diffusers' and the original ones, to tensors. */
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
      g_hash_table_insert (flat, flat_name (bare), g_strdup (name));
      original = strcmp (part, "unet") == 0 ? dif_ldm_from_canonical (&layout, bare) : NULL;
      if (original)
        g_hash_table_insert (flat, flat_name (original), g_strdup (name));
    }
  return flat;
}

/* Whether the product of the halves has the tensor's size. */
static gboolean
fits (const DifLoraModule *m, const DifHostArray *w)
{
  gsize area   = m->mid.data            ? m->mid.shape.d[2] * m->mid.shape.d[3]
                 : m->down.shape.n == 4 ? m->down.shape.d[2] * m->down.shape.d[3]
                                        : 1;
  gsize w_area = w->shape.n == 4 ? w->shape.d[2] * w->shape.d[3] : 1;

  return dif_host_is_weight (w) && (w->shape.n == 2 || w->shape.n == 4) &&
         w->shape.d[0] == m->up.shape.d[0] && w->shape.d[1] == m->down.shape.d[1] && w_area == area;
}

static gboolean
fail_fit (DifLora *lora, const DifLoraModule *m, const char *part, const DifHostArray *w,
          GError **error)
{
  g_autofree char *up   = dif_shape_to_string (&m->up.shape);
  g_autofree char *down = dif_shape_to_string (&m->down.shape);
  g_autofree char *is   = w ? dif_shape_to_string (&w->shape) : NULL;
  g_autofree char *what = w ? g_strdup_printf ("one of shape %s", is)
                            : g_strdup_printf ("no such tensor in the model's %s", part);

  g_set_error (error, DIF_MODEL_ERROR, w ? DIF_MODEL_ERROR_SHAPE : DIF_MODEL_ERROR_MISSING_WEIGHT,
               "lora: %s: expected a LoRA for this model, found one for %s: %s changes a tensor by "
               "%s times %s, found %s",
               lora->path, dif_lora_family (lora), m->key, up, down, what);
  return FALSE;
}

static void
note_change (DifLoraSet *set, const char *target, const DifLoraModule *m, double weight)
{
  GPtrArray *changes = g_hash_table_lookup (set->targets, target);
  Change    *change  = g_new (Change, 1);

  if (! changes)
    {
      changes = g_ptr_array_new_with_free_func (g_free);
      g_hash_table_insert (set->targets, g_strdup (target), changes);
    }
  change->module = m;
  change->scale  = (float) (weight * m->scale);
  g_ptr_array_add (changes, change);
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
          DifLoraModule      *m    = member->lora->modules->pdata[k];
          g_autofree char    *full = NULL;
          const DifHostArray *w;

          if (g_strcmp0 (m->part, part) != 0)
            continue;
          full = m->flat ? g_strdup (g_hash_table_lookup (flat, m->name))
                         : g_strconcat (m->name, ".weight", NULL);
          w    = full ? dif_weights_lookup (weights, full) : NULL;
          if (! w || ! fits (m, w))
            return fail_fit (member->lora, m, part, w, error);
          note_change (set, full, m, member->weight);
          m->bound = TRUE;
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

/* `[rank, in]` and `[rank', rank, kh, kw]` to `[rank', in, kh, kw]`. */
static float *
through_middle (const DifLoraModule *m, const float *down, gsize n_in)
{
  gsize             rows = m->mid.shape.d[0], ranks = m->mid.shape.d[1], size, n;
  gsize             area = m->mid.shape.d[2] * m->mid.shape.d[3];
  g_autofree float *mid  = dif_host_to_f32 (&m->mid, &n);
  float            *out  = NULL;

  if (mid && g_size_checked_mul (&size, rows, n_in) && g_size_checked_mul (&size, size, area))
    out = g_try_new0 (float, size);
  for (gsize a = 0; out && a < rows; a++)
    for (gsize b = 0; b < ranks; b++)
      for (gsize i = 0; i < n_in; i++)
        for (gsize k = 0; k < area; k++)
          out[(a * n_in + i) * area + k] += mid[(a * ranks + b) * area + k] * down[b * n_in + i];
  return out;
}

/* w += scale * up * down, rows of w apart. */
static void
add_product (float *w, gsize n_out, gsize n, const float *up, const float *down, gsize rank,
             float scale, float *rows, guint n_rows)
{
#pragma omp parallel for num_threads(n_rows) schedule(static, 1)
  for (guint thread = 0; thread < n_rows; thread++)
    for (gsize o = thread; o < n_out; o += n_rows)
      {
        float *row = rows + thread * n;

        memset (row, 0, n * sizeof *row);
        for (gsize r = 0; r < rank; r++)
          {
            float        factor = up[o * rank + r];
            const float *from   = down + r * n;

            for (gsize i = 0; i < n; i++)
              row[i] += factor * from[i];
          }
        for (gsize i = 0; i < n; i++)
          w[o * n + i] += scale * row[i];
      }
}

static gboolean
apply (float *w, gsize size, const Change *change)
{
  const DifLoraModule *m     = change->module;
  guint                n_row = MIN (g_get_num_processors (), 32);
  gsize                n_out = m->up.shape.d[0], n = size / n_out, count;
  g_autofree float    *up   = dif_host_to_f32 (&m->up, &count);
  g_autofree float    *down = dif_host_to_f32 (&m->down, &count);
  g_autofree float    *rows = g_try_new (float, MAX (n * n_row, 1)), *joined = NULL;

  if (up && down && m->mid.data)
    {
      joined = through_middle (m, down, m->down.shape.d[1]);
      if (! joined)
        return FALSE;
    }
  if (! up || ! down || ! rows)
    return FALSE;
  add_product (w, n_out, n, up, joined ? joined : down, _dif_lora_rank (m), change->scale, rows,
               n_row);
  return TRUE;
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
    done = apply (w, n, changes->pdata[i]);
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
