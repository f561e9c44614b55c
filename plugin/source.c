/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.c - see source.h.
 *
 * Large areas are averaged while they are read, to no less than twice the size
 * that is wanted, so that memory depends on the model and not on the canvas.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "plugin/canvas.h"
#include "plugin/mask.h"
#include "plugin/projection.h"
#include "plugin/source.h"

#include <glib/gi18n-lib.h>

#define MAX_WHOLE_PIXELS (16 * 1024 * 1024)
#define STRIP_ROWS       64
#define NEUTRAL          0.5f
#define SELECTION        "Y float"
#define OPAQUE           0.999f
#define MAX_8BIT_ERROR   1e-4f

/* Pixels with alpha, read as @n_channels and alpha, put on @ground. */
typedef struct
{
  GeglBuffer   *buffer;
  GeglRectangle area;
  const char   *format;
  guint         n_channels;
  float         ground;
  int           factor; /* pixels that become one, each way */
  int           width, height;
  float        *cover; /* NULL, or the sums of alpha, [height, width] */
} Reading;

typedef void (*RowFunc) (int y, int width, const float *values, gpointer user_data);

static gpointer
out_of_memory (int width, int height, GError **error)
{
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory: %d x %d pixels of the image", width, height);
  return NULL;
}

void
dif_source_bounds (GimpImage *image, GimpLayer *layer, DifRect *bounds)
{
  bounds->x = bounds->y = 0;
  if (layer == NULL)
    {
      bounds->width  = gimp_image_get_width (image);
      bounds->height = gimp_image_get_height (image);
      return;
    }
  gimp_drawable_get_offsets (GIMP_DRAWABLE (layer), &bounds->x, &bounds->y);
  bounds->width  = gimp_drawable_get_width (GIMP_DRAWABLE (layer));
  bounds->height = gimp_drawable_get_height (GIMP_DRAWABLE (layer));
}

static gboolean
for_each_row (GeglBuffer *buffer, const char *format, const GeglRectangle *area, RowFunc func,
              gpointer user_data)
{
  g_autofree float *strip = g_try_new (float, (gsize) area->width *STRIP_ROWS);

  if (strip == NULL)
    return FALSE;
  for (int y = 0; y < area->height; y += STRIP_ROWS)
    {
      int           n_rows = MIN (STRIP_ROWS, area->height - y);
      GeglRectangle part   = { area->x, area->y + y, area->width, n_rows };

      gegl_buffer_get (buffer, &part, 1.0, babl_format (format), strip, GEGL_AUTO_ROWSTRIDE,
                       GEGL_ABYSS_NONE);
      for (int i = 0; i < n_rows; i++)
        func (y + i, area->width, strip + (gsize) i * (guint) area->width, user_data);
    }
  return TRUE;
}

/* Where selected pixels are, relative to the area: first and last. */
typedef struct
{
  int x1, y1, x2, y2;
} Extent;

static void
extend (int y, int width, const float *values, gpointer user_data)
{
  Extent *extent = user_data;
  int     first = 0, last = width - 1;

  while (first < width && values[first] < DIF_MASK_LEAST)
    first++;
  if (first == width)
    return;
  while (values[last] < DIF_MASK_LEAST)
    last--;
  extent->x1 = MIN (extent->x1, first);
  extent->x2 = MAX (extent->x2, last);
  extent->y1 = MIN (extent->y1, y);
  extent->y2 = y;
}

/* GIMP counts every trace, and in floating point traces are everywhere. */
static void
leave_out_traces (GimpImage *image, DifRect *bounds)
{
  GimpSelection         *selection = gimp_image_get_selection (image);
  g_autoptr (GeglBuffer) values    = gimp_drawable_get_buffer (GIMP_DRAWABLE (selection));
  GeglRectangle          area      = { bounds->x, bounds->y, bounds->width, bounds->height };
  Extent                 extent    = { G_MAXINT, G_MAXINT, -1, -1 };

  if (values == NULL || babl_format_get_bytes_per_pixel (gegl_buffer_get_format (values)) == 1 ||
      ! for_each_row (values, SELECTION, &area, extend, &extent))
    return;
  if (extent.x2 < 0)
    {
      bounds->width = bounds->height = 0;
      return;
    }
  bounds->x += extent.x1;
  bounds->y += extent.y1;
  bounds->width  = extent.x2 - extent.x1 + 1;
  bounds->height = extent.y2 - extent.y1 + 1;
}

gboolean
dif_source_selection (GimpImage *image, DifRect *bounds)
{
  gboolean is_there = FALSE;
  int      x1, y1, x2, y2;

  if (! gimp_selection_bounds (image, &is_there, &x1, &y1, &x2, &y2) || ! is_there)
    return FALSE;
  bounds->x      = x1;
  bounds->y      = y1;
  bounds->width  = x2 - x1;
  bounds->height = y2 - y1;
  leave_out_traces (image, bounds);
  return TRUE;
}

/* Adds one row of pixels to the averages that it belongs to, those of row @to. */
static void
add_row (const Reading *r, float *all, int to, const float *row)
{
  guint  n     = r->n_channels;
  gsize  first = (gsize) to * (guint) r->width;
  float *sums  = all + first * n;
  float *cover = r->cover != NULL ? r->cover + first : NULL;

  for (int x = 0; x < r->area.width; x++)
    {
      const float *pixel = row + (gsize) x * (n + 1);
      float       *sum   = sums + (gsize) MIN (x / r->factor, r->width - 1) * n;
      float        alpha = CLAMP (pixel[n], 0.0f, 1.0f);

      for (guint c = 0; c < n; c++)
        sum[c] += alpha < 1.0f ? pixel[c] * alpha + r->ground * (1.0f - alpha) : pixel[c];
      if (cover != NULL)
        cover[MIN (x / r->factor, r->width - 1)] += alpha;
    }
}

/* How many pixels the last average has, when @size of them make @n. */
static int
members (int i, int n, int size, int factor)
{
  return i == n - 1 ? size - i * factor : factor;
}

/* What was one of 256 values is that one again, so that it is resized as diffusers does it. */
static float
settle (float value)
{
  float level = rintf (value * 255.0f);

  return fabsf (value * 255.0f - level) < MAX_8BIT_ERROR ? level / 255.0f : value;
}

static void
divide (const Reading *r, float *sums, guint n_channels)
{
  for (int y = 0; y < r->height; y++)
    {
      for (int x = 0; x < r->width; x++)
        {
          float *sum = sums + ((gsize) y * (guint) r->width + (guint) x) * n_channels;
          float  n   = (float) members (x, r->width, r->area.width, r->factor) *
                    (float) members (y, r->height, r->area.height, r->factor);

          for (guint c = 0; c < n_channels; c++)
            sum[c] = settle (sum[c] / n);
        }
    }
}

static gboolean
read_strips (const Reading *r, float *sums)
{
  gsize             stride = (gsize) r->area.width * (r->n_channels + 1);
  g_autofree float *strip  = g_try_new (float, stride *STRIP_ROWS);

  if (strip == NULL)
    return FALSE;
  for (int y = 0; y < r->area.height; y += STRIP_ROWS)
    {
      int           n_rows = MIN (STRIP_ROWS, r->area.height - y);
      GeglRectangle part   = { r->area.x, r->area.y + y, r->area.width, n_rows };

      gegl_buffer_get (r->buffer, &part, 1.0, babl_format (r->format), strip, GEGL_AUTO_ROWSTRIDE,
                       GEGL_ABYSS_NONE);
      for (int i = 0; i < n_rows; i++)
        add_row (r, sums, MIN ((y + i) / r->factor, r->height - 1), strip + (gsize) i * stride);
    }
  return TRUE;
}

/* Averages to an image of the size that is wanted; NULL if memory runs out. */
static DifImage *
to_image (const Reading *r, float *sums, guint n_channels, int width, int height)
{
  g_autoptr (DifImage) whole = NULL;

  divide (r, sums, n_channels);
  whole = dif_image_new ((guint) r->width, (guint) r->height, n_channels, sums);
  if (whole == NULL)
    return NULL;
  return dif_image_resize (whole, (guint) width, (guint) height, DIF_FILTER_LANCZOS);
}

/* @cover: (out) (optional): how opaque the pixels are, of one channel. */
static DifImage *
read_area (Reading *r, int width, int height, DifImage **cover, GError **error)
{
  gint64            n_pixels = (gint64) r->area.width * r->area.height;
  g_autofree float *sums = NULL, *alpha = NULL;
  DifImage         *fit = NULL;
  gsize             n;

  r->factor = n_pixels <= MAX_WHOLE_PIXELS
                  ? 1
                  : MAX (MIN (r->area.width / (2 * width), r->area.height / (2 * height)), 1);
  r->width  = r->area.width / r->factor;
  r->height = r->area.height / r->factor;
  n         = (gsize) r->width * (guint) r->height;
  sums      = g_try_new0 (float, n * r->n_channels);
  alpha     = cover != NULL ? g_try_new0 (float, n) : NULL;
  r->cover  = alpha;
  if (sums == NULL || (cover != NULL && alpha == NULL) || ! read_strips (r, sums))
    return out_of_memory (r->area.width, r->area.height, error);
  fit = to_image (r, sums, r->n_channels, width, height);
  if (fit != NULL && cover != NULL && (*cover = to_image (r, alpha, 1, width, height)) == NULL)
    g_clear_pointer (&fit, dif_image_unref);
  return fit != NULL ? fit : out_of_memory (r->area.width, r->area.height, error);
}

static DifImage *
read_projection (const DifProjection *from, const DifRect *area, gboolean is_gray, int width,
                 int height, DifImage **cover, GError **error)
{
  Reading r = { .buffer = from->buffer };

  r.area       = (GeglRectangle) { area->x - from->x, area->y - from->y, area->width,
                                   area->height };
  r.format     = is_gray ? "Y'A float" : "R'G'B'A float";
  r.n_channels = is_gray ? 1 : 3;
  r.ground     = is_gray ? 0.0f : NEUTRAL;
  return read_area (&r, width, height, cover, error);
}

/* What is not opaque is laid on what lies around it instead of neutral gray. */
static DifImage *
on_surroundings (DifImage *picture, DifImage *cover)
{
  guint              width = dif_image_width (picture), height = dif_image_height (picture);
  gsize              n   = (gsize) width * height;
  const float       *old = dif_image_pixels (picture), *alpha = dif_image_pixels (cover);
  g_autofree float  *ground = g_try_new (float, 3 * n);
  g_autofree guint8 *known  = g_try_new (guint8, n);
  gboolean           is_any = FALSE;

  if (ground == NULL || known == NULL)
    return NULL;
  memcpy (ground, old, 3 * n * sizeof (float));
  for (gsize i = 0; i < n; i++)
    {
      known[i] = alpha[i] > OPAQUE;
      is_any |= known[i];
    }
  if (! dif_fill_smoothly (ground, width, height, 3, known))
    return NULL;
  for (gsize i = 0; is_any && i < 3 * n; i++)
    {
      if (! known[i / 3])
        ground[i] = old[i] + (ground[i] - NEUTRAL) * (1.0f - alpha[i / 3]);
    }
  return dif_image_new (width, height, 3, ground);
}

static DifImage *
picture_of (const DifProjection *from, const DifRect *area, int width, int height,
            gboolean extends, GError **error)
{
  g_autoptr (DifImage) cover = NULL;
  g_autoptr (DifImage) plain = read_projection (from, area, FALSE, width, height,
                                                extends ? &cover : NULL, error);
  DifImage            *laid;

  if (plain == NULL || ! extends)
    return g_steal_pointer (&plain);
  laid = on_surroundings (plain, cover);
  return laid != NULL ? laid : out_of_memory (width, height, error);
}

DifImage *
dif_source_layer (GimpLayer *layer, const DifRect *area, int width, int height, gboolean extends,
                  GError **error)
{
  g_autoptr (DifProjection) from =
      dif_projection_of_drawable (GIMP_DRAWABLE (layer), area, error);

  return from != NULL ? picture_of (from, area, width, height, extends, error) : NULL;
}

DifImage *
dif_source_gray (GimpDrawable *drawable, const DifRect *area, int width, int height,
                 GError **error)
{
  g_autoptr (DifProjection) from = dif_projection_of_drawable (drawable, area, error);

  return from != NULL ? read_projection (from, area, TRUE, width, height, NULL, error) : NULL;
}

DifImage *
dif_source_visible (GimpImage *image, const DifRect *area, int width, int height, gboolean extends,
                    GError **error)
{
  g_autoptr (DifProjection) from = dif_projection_of_image (image, area, error);

  return from != NULL ? picture_of (from, area, width, height, extends, error) : NULL;
}

float *
dif_source_cover (GimpImage *image, const DifRect *area, GError **error)
{
  g_autoptr (DifProjection) from = dif_projection_of_image (image, area, error);
  GeglRectangle             part;
  float                    *alpha;

  if (from == NULL)
    return NULL;
  part  = (GeglRectangle) { area->x - from->x, area->y - from->y, area->width, area->height };
  alpha = g_try_new (float, (gsize) part.width *(guint) part.height);
  if (alpha == NULL)
    return out_of_memory (part.width, part.height, error);
  gegl_buffer_get (from->buffer, &part, 1.0, babl_format ("A float"), alpha, GEGL_AUTO_ROWSTRIDE,
                   GEGL_ABYSS_NONE);
  return alpha;
}

static void
add_mask_row (int y, int width, const float *values, gpointer latents)
{
  dif_latent_mask_add_row (latents, (guint) y, values);
}

/* The latent pixels that a selection touches; NULL if memory runs out. */
static DifImage *
mask_of_selection (GeglBuffer *selection, guint grow, gboolean is_soft, int width, int height)
{
  const float               all     = 1.0f;
  g_autoptr (DifLatentMask) latents = NULL;

  if (selection == NULL)
    {
      latents = dif_latent_mask_new (1, 1, 0, (guint) width, (guint) height, is_soft);
      dif_latent_mask_add_row (latents, 0, &all);
      return dif_latent_mask_to_image (latents);
    }
  latents = dif_latent_mask_new ((guint) gegl_buffer_get_width (selection),
                                 (guint) gegl_buffer_get_height (selection), grow, (guint) width,
                                 (guint) height, is_soft);
  return for_each_row (selection, SELECTION, gegl_buffer_get_extent (selection), add_mask_row,
                       latents)
             ? dif_latent_mask_to_image (latents)
             : NULL;
}

/* Pixels of the model's picture that @length canvas pixels are, at least one. */
static guint
in_picture (guint length, int size, int canvas_size)
{
  return (guint) MAX (ceil ((double) length * size / canvas_size), 1.0);
}

DifImage *
dif_source_mask (GeglBuffer *selection, const DifMaskShape *shape, int width, int height,
                 GError **error)
{
  g_autoptr (DifImage) latents =
      mask_of_selection (selection, shape->grow, shape->is_soft, width, height);
  DifImage *mask = NULL;
  guint     fade;

  if (latents != NULL && shape->fade > 0 && selection != NULL)
    {
      fade = in_picture (shape->fade, width, gegl_buffer_get_width (selection));
      mask = dif_mask_fade (latents, (fade + 1) / 2);
    }
  else
    mask = g_steal_pointer (&latents);
  return mask != NULL ? mask : out_of_memory (width, height, error);
}

DifImage *
dif_source_shown (GeglBuffer *selection, guint feather, int width, int height)
{
  const GeglRectangle *all    = gegl_buffer_get_extent (selection);
  double               scale  = MIN ((double) MAX (width, height) / MAX (all->width, all->height),
                                     1.0);
  GeglRectangle        part   = { (int) floor (all->x * scale), (int) floor (all->y * scale),
                                  MAX ((int) (all->width * scale), 1),
                                  MAX ((int) (all->height * scale), 1) };
  g_autofree float    *values = g_try_new (float, (gsize) part.width *(guint) part.height);
  g_autoptr (DifImage) whole  = NULL;

  if (values == NULL)
    return NULL;
  gegl_buffer_get (selection, &part, scale, babl_format (SELECTION), values, GEGL_AUTO_ROWSTRIDE,
                   GEGL_ABYSS_CLAMP);
  if (feather > 0 && ! dif_mask_feather (values, (guint) part.width, (guint) part.height,
                                         (guint) ceil (feather * scale)))
    return NULL;
  whole = dif_image_new ((guint) part.width, (guint) part.height, 1, values);
  return whole != NULL
             ? dif_image_resize (whole, (guint) width, (guint) height, DIF_FILTER_BILINEAR)
             : NULL;
}

/* What a channel marks, it marks by its values; a layer marks what it covers. */
gboolean
dif_source_marked (GimpDrawable *drawable, DifRect *bounds, GError **error)
{
  const char               *format = GIMP_IS_LAYER (drawable) ? "A float" : "Y float";
  Extent                    extent = { G_MAXINT, G_MAXINT, -1, -1 };
  g_autoptr (DifProjection) from   = NULL;
  DifRect                   reach;
  GeglRectangle             part;

  if (! dif_projection_reach (drawable, &reach))
    return dif_canvas_set_error (_ ("GIMP could not read the layer: %s"), error);
  if ((from = dif_projection_of_drawable (drawable, &reach, error)) == NULL)
    return FALSE;
  part = (GeglRectangle) { reach.x - from->x, reach.y - from->y, reach.width, reach.height };
  if (! for_each_row (from->buffer, format, &part, extend, &extent))
    return out_of_memory (reach.width, reach.height, error) != NULL;
  *bounds = (DifRect) { 0 };
  if (extent.x2 >= 0)
    *bounds = (DifRect) { reach.x + extent.x1, reach.y + extent.y1, extent.x2 - extent.x1 + 1,
                          extent.y2 - extent.y1 + 1 };
  return TRUE;
}
