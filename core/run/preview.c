/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* preview.c - what the pictures of a run are becoming.
 *
 * Invariant: a preview changes nothing of the run, and one that cannot be made is
 * left out.
 */
#include "run/preview.h"

#include <math.h>
#include <string.h>

#include "tensor/backend.h"
#include "tensor/ops.h"

struct _DifPreviewer
{
  guint n_channels; /* 0: what is denoised are colors */
  float (*rows)[3];
  DifPreviewFunc func;
  gpointer       user_data;
  gint64         interval, last; /* microseconds */

  /* one that the device is still to bring: two paces from when it was asked for */
  gconstpointer arriving;
  guint         n_paces;
  DifPreview    about;
  guint         about_channels;
};

DifPreviewer *
dif_previewer_new (const DifLatentRgb *colors, DifPreviewFunc func, gpointer user_data,
                   guint interval_ms)
{
  DifPreviewer *p = g_new0 (DifPreviewer, 1);

  if (colors)
    {
      p->n_channels = colors->n_channels;
      p->rows       = g_memdup2 (colors->rows, sizeof *p->rows * (colors->n_channels + 1));
    }
  p->func      = func;
  p->user_data = user_data;
  p->interval  = (gint64) interval_ms * 1000;
  p->last      = -p->interval;
  return p;
}

void
dif_previewer_free (DifPreviewer *p)
{
  if (! p)
    return;
  g_free (p->rows);
  g_free (p);
}

static guint8
to_byte (float value)
{
  return (guint8) (CLAMP (value * 0.5f + 0.5f, 0.0f, 1.0f) * 255.0f + 0.5f);
}

/* One pixel: NaN, which no CLAMP catches, is black. */
static void
colors_of (const DifPreviewer *p, const float *z, guint n_channels, guint8 *rgb)
{
  for (guint k = 0; k < 3; k++)
    {
      float sum = p->n_channels ? p->rows[p->n_channels][k] : z[n_channels == 3 ? k : 0];

      for (guint c = 0; c < p->n_channels; c++)
        sum += z[c] * p->rows[c][k];
      rgb[k] = isnan (sum) ? 0 : to_byte (sum);
    }
}

static void
show (DifPreviewer *p, const float *z)
{
  guint              n_channels = p->about_channels;
  gsize              n          = (gsize) p->about.n_images * p->about.height * p->about.width;
  g_autofree guint8 *pixels     = g_try_malloc (n * 3);

  if (! pixels)
    return;
  for (gsize i = 0; i < n; i++)
    colors_of (p, z + i * n_channels, n_channels, pixels + i * 3);
  p->about.pixels = pixels;
  p->last         = g_get_monotonic_time ();
  p->func (&p->about, p->user_data);
  p->about.pixels = NULL;
}

/* Whether the channels are those that the colors are of. */
static gboolean
can_show (DifPreviewer *p, DifTensor *x)
{
  gsize n_channels = x->shape.n == 4 ? dif_tensor_dim (x, 3) : 0;

  return p->n_channels ? n_channels == p->n_channels : n_channels == 3 || n_channels == 1;
}

/* Brings what is predicted to the host, at once or by and by. */
static void
bring (DifRun *run, DifTensor *clean)
{
  DifPreviewer     *p    = run->previewer;
  DifBackend       *be   = dif_context_backend (run->cx);
  g_autofree float *data = NULL;

  p->about.n_images = (guint) dif_tensor_dim (clean, 0);
  p->about.height   = (guint) dif_tensor_dim (clean, 1);
  p->about.width    = (guint) dif_tensor_dim (clean, 2);
  p->about_channels = (guint) dif_tensor_dim (clean, 3);
  if (be->klass->fetch)
    {
      p->arriving = be->klass->fetch (be, clean->data, clean->bytes, NULL);
      p->n_paces  = 0;
      return;
    }
  data = g_try_new (float, dif_tensor_count (clean));
  if (data && dif_download (run->cx, clean, data))
    show (p, data);
}

void
dif_run_preview (DifRun *run, DifTensor *sample, DifTensor *output, guint i, guint step,
                 guint n_steps)
{
  DifPreviewer *p = run->previewer;
  double        factors[2];
  float         coef[2];
  DifTensor    *clean;

  if (! p || dif_context_failed (run->cx) || p->arriving || ! can_show (p, sample) ||
      (! run->spec->is_plan && g_get_monotonic_time () - p->last < p->interval) ||
      ! dif_scheduler_clean_factors (run->scheduler, i, factors))
    return;
  coef[0]          = (float) factors[0];
  coef[1]          = (float) factors[1];
  clean            = dif_lincomb (run->cx, 2, coef, (DifTensor *[]) { sample, output });
  p->about.step    = step;
  p->about.n_steps = n_steps;
  if (! run->spec->is_plan && ! dif_context_failed (run->cx))
    bring (run, clean);
  dif_context_release (run->cx, clean);
}

void
dif_run_preview_paced (DifRun *run)
{
  DifPreviewer *p = run->previewer;

  if (! p || ! p->arriving || dif_context_failed (run->cx) || ++p->n_paces < 2)
    return;
  show (p, g_steal_pointer (&p->arriving));
}
