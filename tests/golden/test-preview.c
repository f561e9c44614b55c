/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-preview.c - what is shown of pictures that are being drawn. */
#include <math.h>
#include <string.h>

#include "support.h"

#define MAX_SEEN 64

/* What was shown. */
typedef struct
{
  guint   n, steps[MAX_SEEN], n_steps;
  guint   n_images, width, height;
  guint8 *last;
} Seen;

static void
on_preview (const DifPreview *preview, gpointer user_data)
{
  Seen *seen = user_data;
  gsize n    = (gsize) preview->n_images * preview->width * preview->height * 3;

  g_assert_cmpuint (seen->n, <, MAX_SEEN);
  seen->steps[seen->n++] = preview->step;
  seen->n_steps          = preview->n_steps;
  seen->n_images         = preview->n_images;
  seen->width            = preview->width;
  seen->height           = preview->height;
  g_free (seen->last);
  seen->last = g_memdup2 (preview->pixels, n);
}

static DifPipeline *
load (const char *model)
{
  GError          *error = NULL;
  g_autofree char *path  = strchr (model, '/') ? test_fixture (model) : g_strdup (model);
  DifPipeline     *pipe  = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static DifRequest *
request (const char *task, guint n_steps, guint n_images)
{
  GError     *error = NULL;
  DifRequest *rq    = dif_request_new (task, &error);

  g_assert_no_error (error);
  dif_request_set (rq, "prompt", "a red cube on a green floor", NULL);
  dif_request_set_number (rq, "seed", 1, NULL);
  dif_request_set_number (rq, "steps", n_steps, &error);
  dif_request_set_number (rq, "num-images", n_images, &error);
  g_assert_no_error (error);
  return rq;
}

static DifResult *
run (DifPipeline *pipe, DifRequest *rq)
{
  GError    *error  = NULL;
  DifResult *result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return result;
}

/* How much the last preview of picture @i is like it, shrunk to its size, in dB. */
static double
likeness (const Seen *seen, DifResult *result, guint i)
{
  guint             factor = dif_result_width (result) / seen->width, W = seen->width * factor;
  gsize             n        = (gsize) seen->width * seen->height * 3;
  const float      *pixels   = dif_result_pixels (result, i);
  g_autofree float *shrunken = g_new0 (float, n);
  g_autofree float *shown    = g_new (float, n);

  for (gsize k = 0; k < n * factor * factor; k++)
    {
      gsize y = k / 3 / W / factor, x = k / 3 % W / factor;

      shrunken[(y * seen->width + x) * 3 + k % 3] += pixels[k] / (float) (factor * factor);
    }
  for (gsize k = 0; k < n; k++)
    shown[k] = (float) seen->last[i * n + k] / 255.0f;
  return test_psnr (shown, shrunken, n);
}

static void
assert_same (DifResult *a, DifResult *b)
{
  gsize n = (gsize) dif_result_width (a) * dif_result_height (a) * 3;

  g_assert_cmpuint (dif_result_n_images (a), ==, dif_result_n_images (b));
  for (guint i = 0; i < dif_result_n_images (a); i++)
    g_assert_cmpmem (dif_result_pixels (a, i), n * sizeof (float), dif_result_pixels (b, i),
                     n * sizeof (float));
}

/* The bundled model: every step is shown, the last is like the picture, and the picture
 * is what it is without. */
static void
test_bundled (gconstpointer scheduler)
{
  g_autoptr (DifPipeline) pipe    = load ("tiny-scenes");
  g_autoptr (DifRequest)  rq      = request ("txt2img", 6, 2);
  g_autoptr (DifResult)   without = NULL, with = NULL;
  Seen                    seen = { 0 };

  dif_request_set (rq, "scheduler", scheduler, NULL);
  without = run (pipe, rq);
  dif_pipeline_set_preview (pipe, on_preview, &seen, 0);
  with = run (pipe, rq);
  assert_same (with, without);
  g_assert_cmpuint (seen.n, ==, seen.n_steps);
  for (guint i = 0; i < seen.n; i++)
    g_assert_cmpuint (seen.steps[i], ==, i + 1);
  g_assert_cmpuint (seen.n_images, ==, 2);
  g_assert_cmpuint (seen.width, ==, 16);
  g_assert_cmpuint (seen.height, ==, 16);
  for (guint i = 0; i < 2; i++)
    {
      g_test_message ("%s: %.1f dB", (const char *) scheduler, likeness (&seen, with, i));
      g_assert_cmpfloat (likeness (&seen, with, i), >, 20);
    }
  g_free (seen.last);
}

/* Where there are no latents the picture itself is shown. */
static void
test_unconditional (void)
{
  g_autoptr (DifPipeline) pipe   = load ("tiny-scenes-unconditional");
  g_autoptr (DifRequest)  rq     = request ("unconditional", 8, 1);
  g_autoptr (DifResult)   result = NULL;
  Seen                    seen   = { 0 };

  dif_pipeline_set_preview (pipe, on_preview, &seen, 0);
  result = run (pipe, rq);
  g_assert_cmpuint (seen.width, ==, dif_result_width (result));
  g_assert_cmpuint (seen.n, ==, 8);
  g_test_message ("%.1f dB", likeness (&seen, result, 0));
  g_assert_cmpfloat (likeness (&seen, result, 0), >, 40);
  g_free (seen.last);
}

/* What would come sooner is not made: the first is shown, and no other in an hour. */
static void
test_interval (void)
{
  g_autoptr (DifPipeline) pipe   = load ("models/sd15");
  g_autoptr (DifRequest)  rq     = request ("txt2img", 6, 1);
  g_autoptr (DifResult)   result = NULL, again = NULL;
  Seen                    seen = { 0 };

  dif_pipeline_set_preview (pipe, on_preview, &seen, 3600 * 1000);
  result = run (pipe, rq);
  g_assert_cmpuint (seen.n, ==, 1);
  g_assert_cmpuint (seen.steps[0], ==, 1);
  dif_pipeline_set_preview (pipe, NULL, NULL, 0);
  again = run (pipe, rq);
  g_assert_cmpuint (seen.n, ==, 1);
  assert_same (result, again);
  g_free (seen.last);
}

/* Every family has colors, whatever its scheduler. */
static void
test_families (void)
{
  static const char *const models[] = { "models/sd15", "models/sd21", "models/sdxl",
                                        "models/lcm" };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autoptr (DifPipeline) pipe   = load (models[i]);
      g_autoptr (DifRequest)  rq     = request ("txt2img", 2, 1);
      g_autoptr (DifResult)   result = NULL;
      Seen                    seen   = { 0 };

      dif_pipeline_set_preview (pipe, on_preview, &seen, 0);
      result = run (pipe, rq);
      g_assert_cmpuint (seen.n, ==, seen.n_steps);
      g_free (seen.last);
    }
}

int
main (int argc, char *argv[])
{
  static const char *const schedulers[] = { "euler", "dpm++", "pndm" };

  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (schedulers); i++)
    {
      g_autofree char *path = g_strconcat ("/preview/of-the-bundled-model/", schedulers[i], NULL);

      g_test_add_data_func (path, schedulers[i], test_bundled);
    }
  g_test_add_func ("/preview/of-pictures-themselves", test_unconditional);
  g_test_add_func ("/preview/keeps-its-interval", test_interval);
  g_test_add_func ("/preview/of-every-family", test_families);
  return g_test_run ();
}
