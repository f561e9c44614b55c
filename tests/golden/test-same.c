/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-same.c - the same request gives the same bits: again, after other sizes, in a
 * pipeline that was loaded again, and while other processes want the processor.
 */
#include <string.h>

#include "support.h"

#define N_AGAIN 12

typedef struct
{
  const char *name, *model, *task, *width, *height;
} Row;

static const Row rows[] = {
  { "txt2img", "models/sd15", "txt2img", "64", "40" },
  { "sdxl", "models/sdxl", "txt2img", "64", "40" },
  { "img2img", "models/sd15", "img2img", NULL, NULL },
  { "inpaint", "models/inpaint", "inpaint", NULL, NULL },
  { "depth2img", "models/depth", "depth2img", NULL, NULL },
};

static DifImage *
picture (guint width, guint height, guint channels)
{
  gsize             n    = (gsize) width * height * channels;
  g_autofree float *data = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    data[i] = channels == 1 ? (float) (i % width < width / 2) : (float) (i * 7 % 251) / 250;
  return dif_image_new (width, height, channels, data);
}

/* Of another size than the others when @is_other. */
static DifResult *
draw (DifPipeline *pipe, const Row *row, gboolean is_other)
{
  GError                *error = NULL;
  guint                  extra = is_other ? 16 : 0;
  g_autoptr (DifRequest) rq    = dif_request_new (row->task, &error);
  g_autoptr (DifImage)   image = picture (96 + extra, 80, 3);
  g_autoptr (DifImage)   mask  = picture (96 + extra, 80, 1);
  DifResult             *result;

  dif_request_set (rq, "prompt", "a large red cube", &error);
  dif_request_set (rq, "seed", "7", &error);
  dif_request_set (rq, "steps", "2", &error);
  dif_request_set (rq, "safety-checker", "off", &error);
  if (row->width)
    {
      dif_request_set_number (rq, "width", 64 + extra, &error);
      dif_request_set (rq, "height", row->height, &error);
    }
  else
    {
      dif_request_set_image (rq, "image", image, &error);
      if (strcmp (row->task, "inpaint") == 0)
        dif_request_set_image (rq, "mask", mask, &error);
    }
  g_assert_no_error (error);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return result;
}

static DifPipeline *
load (const Row *row)
{
  g_autofree char *path  = test_fixture (row->model);
  GError          *error = NULL;
  DifPipeline     *pipe  = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

/* How many values of the picture differ. */
static gsize
n_different (DifResult *found, DifResult *expected)
{
  gsize n = (gsize) dif_result_width (expected) * dif_result_height (expected) * 3, different = 0;

  g_assert_cmpuint (dif_result_width (found), ==, dif_result_width (expected));
  for (gsize i = 0; i < n; i++)
    different += dif_result_pixels (found, 0)[i] != dif_result_pixels (expected, 0)[i];
  return different;
}

static void
check (DifPipeline *pipe, const Row *row, DifResult *first, const char *when, guint *n_bad)
{
  g_autoptr (DifResult) found = draw (pipe, row, FALSE);
  gsize                 n     = n_different (found, first);

  if (n)
    g_test_message ("%s: %" G_GSIZE_FORMAT " values differ", when, n);
  *n_bad += n > 0;
}

static void
test_same (gconstpointer data)
{
  const Row              *row   = data;
  g_autoptr (DifPipeline) pipe  = load (row);
  g_autoptr (DifResult)   first = draw (pipe, row, FALSE), other = NULL;
  g_autoptr (DifPipeline) second = NULL;
  guint                   n_bad  = 0;

  for (guint i = 0; i < N_AGAIN; i++)
    check (pipe, row, first, "again", &n_bad);
  other = draw (pipe, row, TRUE);
  check (pipe, row, first, "after another size", &n_bad);
  second = load (row);
  check (second, row, first, "loaded anew", &n_bad);
  g_clear_pointer (&other, dif_result_free);
  dif_pipeline_free (second);
  second = load (row);
  other  = draw (second, row, TRUE);
  check (second, row, first, "another size first", &n_bad);
  g_assert_cmpuint (n_bad, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/same/", rows[i].name, NULL);

      g_test_add_data_func (path, &rows[i], test_same);
    }
  return g_test_run ();
}
