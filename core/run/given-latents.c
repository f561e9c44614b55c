/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* given-latents.c - latents of another run, to start from instead of a picture.
 *
 * Source: diffusers StableDiffusionImg2ImgPipeline.prepare_latents and
 * StableDiffusionXLImg2ImgPipeline's: latents given as the image are taken as
 * they are, and no number is drawn for them.
 */
#include "run/given-latents.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "formats/safetensors.h"
#include "run/pipeline-private.h"

#define NAME "latents"

/* The tensor NAME, else NAME.N of the greatest N: that of the last step. */
static const char *
choose (GPtrArray *names)
{
  const char *best = NULL;
  guint64     last = 0;

  for (guint i = 0; i < names->len; i++)
    {
      const char *name = names->pdata[i], *number;
      guint64     n;

      if (strcmp (name, NAME) == 0)
        return name;
      if (! g_str_has_prefix (name, NAME "."))
        continue;
      number = name + strlen (NAME ".");
      if (g_ascii_string_to_unsigned (number, 10, 0, G_MAXUINT32, &n, NULL) &&
          (! best || n > last))
        {
          best = name;
          last = n;
        }
    }
  return best;
}

static char *
rename_chosen (const char *name, gpointer chosen)
{
  return strcmp (name, chosen) == 0 ? g_strdup (NAME) : NULL;
}

/* "latents: FILE: expected EXPECTED, found FOUND" */
static GError *
misfit (DifRun *run, const char *expected, const char *found)
{
  return g_error_new (DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE,
                      NAME ": %s: expected %s, found %s", dif_request_text (run->rq, NAME),
                      expected, found);
}

gboolean
dif_run_read_latents (DifRun *run, GError **error)
{
  const char           *path   = dif_request_text (run->rq, NAME), *chosen;
  g_autoptr (GPtrArray) names  = NULL;
  g_autofree char      *wanted = NULL, *found = NULL;
  const DifShape       *shape;

  if (! path || ! *path)
    return TRUE;
  names  = dif_safetensors_names (path, error);
  chosen = names ? choose (names) : NULL;
  if (names && ! chosen)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 "%s: expected a tensor " NAME " or " NAME ".N, found none", path);
  wanted       = g_strdup (chosen);
  run->latents = chosen ? dif_weights_new (NAME) : NULL;
  if (! run->latents ||
      ! dif_safetensors_read (path, run->latents, rename_chosen, wanted, error))
    {
      g_prefix_error (error, NAME ": ");
      return FALSE;
    }
  shape = &dif_weights_lookup (run->latents, NAME)->shape;
  if (shape->n == 4)
    return TRUE;
  found = dif_shape_to_string (shape);
  g_propagate_error (error, misfit (run, "a shape of four numbers", found));
  return FALSE;
}

gboolean
dif_run_check_latents (DifRun *run, const DifRunSpec *spec, GError **error)
{
  const DifHostArray *array = run->latents ? dif_weights_lookup (run->latents, NAME) : NULL;
  g_autofree char    *found = NULL, *expected = NULL;
  guint               factor, n               = spec->batch, C, h, w;
  const DifShape     *shape;

  if (! array)
    return TRUE;
  factor = dif_pipeline_autoencoder (run->pipe)->factor;
  C      = dif_pipeline_autoencoder (run->pipe)->latent_channels;
  h      = spec->height / factor;
  w      = spec->width / factor;
  shape  = &array->shape;
  if ((shape->d[0] == 1 || shape->d[0] == n) && shape->d[1] == C &&
      shape->d[2] == h && shape->d[3] == w && dif_host_is_weight (array))
    return TRUE;
  found    = dif_shape_to_string (shape);
  expected = g_strdup_printf ("floats of shape [%s%u, %u, %u, %u] for %u of %u x %u pixels",
                              n > 1 ? "1 or " : "", n, C, h, w, n, spec->width, spec->height);
  g_propagate_error (error, misfit (run, expected, found));
  return FALSE;
}

DifTensor *
dif_run_given_latents (DifRun *run)
{
  const DifHostArray *array = dif_weights_lookup (run->latents, NAME);
  const gsize        *d     = array->shape.d;
  gsize               n     = d[0] * d[1] * d[2] * d[3];
  g_autofree float   *z     = g_try_new (float, n);

  if (! z)
    return dif_run_out_of_memory (run, "reading latents");
  dif_host_rows_to_f32 (array, 0, d[0], z);
  for (gsize i = 0; i < n; i++)
    if (! isfinite (z[i]))
      return dif_context_fail (run->cx, misfit (run, "finite numbers", "others"));
  if (d[0] == 1)
    return dif_repeat_batch (run->cx, dif_upload_nchw (run->cx, DIF_F32, 1, d[1], d[2], d[3], z),
                             run->spec->n_images);
  return dif_upload_nchw (run->cx, DIF_F32, run->spec->n_images, d[1], d[2], d[3],
                          z + run->spec->first_image * d[1] * d[2] * d[3]);
}

void
dif_run_latents_size (DifRun *run, double *width, double *height)
{
  const gsize *d      = dif_weights_lookup (run->latents, NAME)->shape.d;
  guint        factor = dif_pipeline_autoencoder (run->pipe)->factor;

  *width  = (double) d[3] * factor;
  *height = (double) d[2] * factor;
}
