/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-starved.c - the n-th allocation failing is survived.
 *
 * One is refused (starve.h), for n = 1, 2, ... until a run needs fewer.  That is one error, the
 * run's tensors are gone, and the same pipeline draws the same picture afterwards; leaks of other
 * memory are the sanitizers' to find.
 *
 * There are hundreds: between the first and the last ones every STRIDEth is refused.
 */
#include <string.h>

#include "starve.h"
#include "support.h"

#define EVERY_ONE 20
#define STRIDE    23

/* ---- drawing ---- */

/* What is drawn: a task, its model, and what makes it ask for memory. */
typedef struct
{
  const char *name, *model, *task;
  const char *settings[4][2];
} Row;

static const Row rows[] = {
  { "txt2img", "models/sd15", "txt2img", { { "num-images", "2" }, { "scheduler", "euler-a" } } },
  { "sdxl", "models/sdxl", "txt2img", { { "guidance-rescale", "0.5" } } },
  { "img2img", "models/sd15", "img2img", { { "strength", "0.5" } } },
  { "inpaint", "models/inpaint", "inpaint", { { "match-colors", "seamless" } } },
  { "inpaint/held", "models/sd15", "inpaint", { { "fill", "noise" }, { "strength", "0.8" } } },
  { "inpaint/gray", "models/sd15", "inpaint", { { "differential", "on" } } },
  { "inpaint/crop", "models/inpaint", "inpaint", { { "padding-mask-crop", "4" } } },
  { "depth2img", "models/depth", "depth2img", { { "strength", "0.8" } } },
};

static DifImage *
picture (guint channels)
{
  gsize             n    = (gsize) 32 * 32 * channels;
  g_autofree float *data = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    data[i] = channels == 1 ? (float) (i % 32 < 16) : 0.5f + 0.4f * (float) (i % 7 < 3);
  return dif_image_new (32, 32, channels, data);
}

static DifRequest *
request (const Row *row)
{
  GError     *error  = NULL;
  gboolean    is_new = strcmp (row->task, "txt2img") == 0;
  DifRequest *rq     = dif_request_new (row->task, &error);

  g_assert_no_error (error);
  dif_request_set (rq, "prompt", "a large red cube", &error);
  dif_request_set (rq, "seed", "11", &error);
  dif_request_set (rq, "steps", "2", &error);
  dif_request_set (rq, "safety-checker", "off", &error);
  for (guint i = 0; i < 4 && row->settings[i][0]; i++)
    dif_request_set (rq, row->settings[i][0], row->settings[i][1], &error);
  if (is_new)
    {
      dif_request_set (rq, "width", "32", &error);
      dif_request_set (rq, "height", "32", &error);
    }
  else
    {
      g_autoptr (DifImage) image = picture (3), mask = picture (1);

      dif_request_set_image (rq, "image", image, &error);
      if (strcmp (row->task, "inpaint") == 0)
        dif_request_set_image (rq, "mask", mask, &error);
    }
  g_assert_no_error (error);
  return rq;
}

static void
assert_same (DifResult *found, DifResult *expected)
{
  g_autofree const char **names = dif_result_plane_names (expected);
  gsize                   each  = dif_result_width (expected);

  each *= dif_result_height (expected) * 3;
  g_assert_cmpuint (dif_result_n_images (found), ==, dif_result_n_images (expected));
  for (guint i = 0; i < dif_result_n_images (expected); i++)
    g_assert_cmpmem (dif_result_pixels (found, i), each * sizeof (float),
                     dif_result_pixels (expected, i), each * sizeof (float));
  for (guint i = 0; names[i]; i++)
    g_assert_nonnull (dif_result_plane (found, names[i]));
}

static void
assert_is_one_error (GError *error, const char *name, guint n)
{
  if ((! g_error_matches (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY) &&
       ! g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM)) ||
      strchr (error->message, '\n'))
    g_error ("%s: allocation %u: expected one line that says that memory ran out, found %s", name,
             n, error ? error->message : "no error");
}

/* Refuses the @n-th. Returns: whether there was one */
static gboolean
draw_without (DifPipeline *pipe, DifRequest *rq, const Row *row, guint n, DifResult *expected,
              guint *n_errors)
{
  g_autoptr (GError)    error  = NULL;
  g_autoptr (DifResult) result = NULL;
  gsize                 before = dif_pipeline_backend (pipe)->live_bytes;
  gboolean              was;

  starve_begin (n);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  was    = starve_end () >= n;
  g_assert_cmpuint (dif_pipeline_backend (pipe)->live_bytes, ==, before);
  if (result)
    assert_same (result, expected);
  else
    assert_is_one_error (error, row->name, n);
  *n_errors += ! result;
  return was;
}

static DifPipeline *
load (const Row *row, GError **error)
{
  g_autofree char *path = test_fixture (row->model);

  return dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, error);
}

/* After @n of @total. */
static guint
next (guint n, guint total)
{
  return n < EVERY_ONE || n + EVERY_ONE + STRIDE > total ? n + 1 : n + STRIDE;
}

static void
test_run (gconstpointer data)
{
  const Row              *row      = data;
  g_autoptr (GError)      error    = NULL;
  g_autoptr (DifPipeline) pipe     = load (row, &error);
  g_autoptr (DifRequest)  rq       = request (row);
  g_autoptr (DifResult)   expected = NULL, after = NULL;
  guint                   total, n_errors = 0, n_tried = 0;

  g_assert_no_error (error);
  /* weights may change their layout at their first use, and with that their size */
  expected = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  starve_begin (0);
  after = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  total = starve_end ();
  assert_same (after, expected);
  g_clear_pointer (&after, dif_result_free);
  for (guint n = 1; draw_without (pipe, rq, row, n, expected, &n_errors); n = next (n, total))
    n_tried++;
  after = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  assert_same (after, expected);
  g_test_message ("%u allocations, %u of %u refused were errors", total, n_errors, n_tried);
  /* what is refused and not missed is the exception */
  g_assert_cmpuint (n_tried, >=, 3 * EVERY_ONE / 2);
  g_assert_cmpuint (n_errors, >, n_tried / 2);
}

static void
test_load (gconstpointer data)
{
  const Row *row = data;
  guint      total, n_errors = 0;
  gboolean   was = TRUE;

  starve_begin (0);
  dif_pipeline_free (load (row, NULL));
  total = starve_end ();
  for (guint n = 1; was; n = next (n, total))
    {
      g_autoptr (GError)      error = NULL;
      g_autoptr (DifPipeline) pipe  = NULL;

      starve_begin (n);
      pipe = load (row, &error);
      was  = starve_end () >= n;
      if (! pipe)
        assert_is_one_error (error, row->name, n);
      n_errors += ! pipe;
    }
  g_test_message ("%u allocations, %u errors", total, n_errors);
  g_assert_cmpuint (n_errors, >, EVERY_ONE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strconcat ("/starved/run/", rows[i].name, NULL);

      g_test_add_data_func (path, &rows[i], test_run);
    }
  g_test_add_data_func ("/starved/load/sd", &rows[0], test_load);
  g_test_add_data_func ("/starved/load/depth", &rows[7], test_load);
  return g_test_run ();
}
