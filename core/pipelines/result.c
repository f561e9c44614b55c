/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* result.c - the pictures of a run. */
#include <math.h>
#include <string.h>

#include "pipelines/pipelines-private.h"

struct _DifResult
{
  guint   n_images, width, height;
  guint64 seed;
  float  *pixels;
  char  **recipes;
  char   *warning;
  guint   n_withheld;
  struct
  {
    guint     index;
    DifSafety safety;
  } *verdicts;

  GHashTable *planes; /* name -> DifImage */
};

DifResult *
dif_result_new (guint n_images, guint width, guint height, guint64 seed)
{
  gsize      n_values = (gsize) n_images * width * height * 3;
  float     *pixels   = g_try_new0 (float, MAX (n_values, 1));
  DifResult *r;

  if (! pixels)
    return NULL;
  r           = g_new0 (DifResult, 1);
  r->n_images = n_images;
  r->width    = width;
  r->height   = height;
  r->seed     = seed;
  r->pixels   = pixels;
  r->recipes  = g_new0 (char *, n_images + 1);
  r->verdicts = g_malloc0_n (n_images, sizeof *r->verdicts);
  r->planes   = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                       (GDestroyNotify) dif_image_unref);
  for (guint i = 0; i < n_images; i++)
    {
      r->recipes[i]        = g_strdup ("{}");
      r->verdicts[i].index = i;
    }
  return r;
}

void
dif_result_free (DifResult *r)
{
  if (! r)
    return;
  g_free (r->pixels);
  g_strfreev (r->recipes);
  g_free (r->verdicts);
  g_free (r->warning);
  g_hash_table_unref (r->planes);
  g_free (r);
}

void
dif_result_fill (DifResult *r, guint i, const float *pixels, const char *recipe)
{
  gsize each = (gsize) r->width * r->height * 3;

  g_return_if_fail (i < r->n_images);
  memcpy (r->pixels + i * each, pixels, each * sizeof *pixels);
  g_free (r->recipes[i]);
  r->recipes[i] = g_strdup (recipe);
}

void
dif_result_set_verdict (DifResult *r, guint i, guint index, DifSafety safety)
{
  g_return_if_fail (i < r->n_images);
  r->verdicts[i].index  = index;
  r->verdicts[i].safety = safety;
}

void
dif_result_set_n_withheld (DifResult *r, guint n)
{
  r->n_withheld = n;
}

void
dif_result_set_warning (DifResult *r, const char *warning)
{
  g_free (r->warning);
  r->warning = g_strdup (warning);
}

guint
dif_result_n_images (DifResult *r)
{
  return r->n_images;
}

guint
dif_result_width (DifResult *r)
{
  return r->width;
}

guint
dif_result_height (DifResult *r)
{
  return r->height;
}

const float *
dif_result_pixels (DifResult *r, guint i)
{
  g_return_val_if_fail (i < r->n_images, NULL);
  return r->pixels + (gsize) i * r->width * r->height * 3;
}

GBytes *
dif_result_rgb8 (DifResult *r, guint i)
{
  const float *pixels = dif_result_pixels (r, i);
  gsize        n      = (gsize) r->width * r->height * 3;
  guint8      *bytes;

  g_return_val_if_fail (pixels, NULL);
  bytes = g_try_malloc (n);
  if (! bytes)
    return NULL;
  for (gsize k = 0; k < n; k++)
    bytes[k] = (guint8) rintf (pixels[k] * 255);
  return g_bytes_new_take (bytes, n);
}

guint64
dif_result_seed (DifResult *r)
{
  return r->seed;
}

const char *
dif_result_recipe (DifResult *r, guint i)
{
  g_return_val_if_fail (i < r->n_images, NULL);
  return r->recipes[i];
}

DifSafety
dif_result_safety (DifResult *r, guint i)
{
  g_return_val_if_fail (i < r->n_images, DIF_SAFETY_UNCHECKED);
  return r->verdicts[i].safety;
}

guint
dif_result_index (DifResult *r, guint i)
{
  g_return_val_if_fail (i < r->n_images, i);
  return r->verdicts[i].index;
}

guint
dif_result_n_withheld (DifResult *r)
{
  return r->n_withheld;
}

const char *
dif_result_warning (DifResult *r)
{
  return r->warning;
}

void
dif_result_set_plane (DifResult *r, const char *name, DifImage *image)
{
  g_hash_table_replace (r->planes, g_strdup (name), dif_image_ref (image));
}

DifImage *
dif_result_plane (DifResult *r, const char *name)
{
  return g_hash_table_lookup (r->planes, name);
}

const char **
dif_result_plane_names (DifResult *r)
{
  return (const char **) g_hash_table_get_keys_as_array (r->planes, NULL);
}

/* What the parts warn of, each thing once; NULL for nothing. */
static char *
join_warnings (DifResult *const *parts, guint n)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);

  for (guint k = 0; k < n; k++)
    {
      g_auto (GStrv) clauses = g_strsplit (parts[k]->warning ? parts[k]->warning : "", "; ", -1);

      for (guint i = 0; clauses[i]; i++)
        if (! g_ptr_array_find_with_equal_func (all, clauses[i], g_str_equal, NULL))
          g_ptr_array_add (all, g_strdup (clauses[i]));
    }
  g_ptr_array_add (all, NULL);
  return all->pdata[0] ? g_strjoinv ("; ", (char **) all->pdata) : NULL;
}

DifResult *
_dif_result_join (DifResult *const *parts, guint n)
{
  DifResult       *all;
  guint            total = 0, at = 0;
  g_autofree char *warning = join_warnings (parts, n);

  for (guint k = 0; k < n; k++)
    total += parts[k]->n_images;
  all = dif_result_new (total, parts[0]->width, parts[0]->height, parts[0]->seed);
  if (! all)
    return NULL;
  for (guint k = 0; k < n; k++)
    {
      for (guint i = 0; i < parts[k]->n_images; i++, at++)
        {
          dif_result_fill (all, at, dif_result_pixels (parts[k], i), parts[k]->recipes[i]);
          dif_result_set_verdict (all, at, parts[k]->verdicts[i].index,
                                  parts[k]->verdicts[i].safety);
        }
      all->n_withheld += parts[k]->n_withheld;
    }
  dif_result_set_warning (all, warning);
  g_hash_table_unref (all->planes);
  all->planes = g_hash_table_ref (parts[0]->planes);
  return all;
}
