/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-batch.c - a batch over several devices is the batch of a single one.
 *
 * The devices are two or three of "ref", which computes an item the same way
 * whatever stands beside it, so that bits are compared.
 */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "support.h"

/* What to draw; NULL where nothing is said. */
typedef struct
{
  const char *name, *model, *task, *n_images, *scheduler, *generator, *eta;
} Case;

static const Case cases[] = {
  /* numbers at the beginning only; in every step; in fewer than a block's */
  { "txt2img", "models/sd15", "txt2img", "3", "euler", NULL, NULL },
  { "ancestral", "models/sd15", "txt2img", "3", "euler-a", NULL, NULL },
  { "philox", "models/sd15", "txt2img", "2", "euler-a", "torch-cuda", NULL },
  /* a posterior's first, which all pictures have in common */
  { "img2img", "models/sd15", "img2img", "3", "ddim", NULL, "0.5" },
  { "inpaint", "models/inpaint", "inpaint", "2", "lcm", NULL, NULL },
  { "sdxl", "models/sdxl", "txt2img", "2", NULL, NULL, NULL },
  { "unconditional", "models/ddpm", "unconditional", "5", "ddpm", NULL, NULL },
};

static DifImage *
picture (guint channels)
{
  gsize             n    = (gsize) 32 * 32 * channels;
  g_autofree float *data = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    data[i] = channels == 1 ? (float) (i % 32 < 16) : 0.5f + 0.5f * sinf ((float) i / 7);
  return dif_image_new (32, 32, channels, data);
}

static DifRequest *
request (const Case *c)
{
  const char *settings[][2] = {
    { "prompt", "a large red cube" },
    { "seed", "11" },
    { "steps", "2" },
    { "num-images", c->n_images },
    { "scheduler", c->scheduler },
    { "generator", c->generator },
    { "eta", c->eta },
    { "safety-checker", "off" },
  };
  gboolean    is_free = strcmp (c->task, "unconditional") == 0;
  GError     *error   = NULL;
  DifRequest *rq      = dif_request_new (c->task, &error);

  for (guint i = is_free; i < G_N_ELEMENTS (settings); i++)
    if (settings[i][1] && ! (is_free && strcmp (settings[i][0], "safety-checker") == 0))
      g_assert_true (dif_request_set (rq, settings[i][0], settings[i][1], &error));
  if (strcmp (c->task, "txt2img") == 0)
    {
      dif_request_set (rq, "width", "32", &error);
      dif_request_set (rq, "height", "32", &error);
    }
  else if (! is_free)
    {
      g_autoptr (DifImage) image = picture (3), mask = picture (1);

      dif_request_set_image (rq, "image", image, &error);
      if (strcmp (c->task, "inpaint") == 0)
        dif_request_set_image (rq, "mask", mask, &error);
    }
  g_assert_no_error (error);
  return rq;
}

static DifPipeline *
load (const char *model, const char *device)
{
  g_autofree char *path  = test_fixture (model);
  GError          *error = NULL;
  DifPipeline     *pipe  = dif_pipeline_load (path, device, "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static DifResult *
run (DifPipeline *pipe, DifRequest *rq)
{
  GError    *error  = NULL;
  DifResult *result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return result;
}

static void
assert_same (DifResult *found, DifResult *expected)
{
  gsize each = (gsize) dif_result_width (expected) * dif_result_height (expected) * 3;

  g_assert_cmpuint (dif_result_n_images (found), ==, dif_result_n_images (expected));
  g_assert_cmpuint (dif_result_seed (found), ==, dif_result_seed (expected));
  for (guint i = 0; i < dif_result_n_images (expected); i++)
    {
      g_assert_cmpmem (dif_result_pixels (found, i), each * sizeof (float),
                       dif_result_pixels (expected, i), each * sizeof (float));
      g_assert_cmpuint (dif_result_index (found, i), ==, i);
      g_assert_cmpstr (dif_result_recipe (found, i), ==, dif_result_recipe (expected, i));
    }
}

static void
test_case (gconstpointer data)
{
  const Case             *c   = data;
  g_autoptr (DifPipeline) one = load (c->model, "ref"), several = NULL;
  g_autoptr (DifRequest)  rq       = request (c);
  g_autoptr (DifResult)   expected = run (one, rq), found = NULL;

  several = load (c->model, "cuda:0,cuda:1,cuda:2");
  g_assert_cmpuint (dif_pipeline_weight_bytes (several), ==, 3 * dif_pipeline_weight_bytes (one));
  found = run (several, rq);
  assert_same (found, expected);
}

/* pictures of one batch share a seed, also one that nobody named */
static void
test_random_seed (void)
{
  g_autoptr (DifPipeline) one   = load ("models/ddpm", "ref");
  g_autoptr (DifPipeline) two   = load ("models/ddpm", "cuda:0,cuda:1");
  g_autoptr (DifRequest)  rq    = request (&cases[6]);
  g_autoptr (DifResult)   found = NULL, expected = NULL;

  dif_request_set (rq, "seed", "-1", NULL);
  found = run (two, rq);
  dif_request_set_number (rq, "seed", (double) dif_result_seed (found), NULL);
  expected = run (one, rq);
  g_assert_cmpmem (dif_result_pixels (found, 4), 64, dif_result_pixels (expected, 4), 64);
}

/* ---- latents from a file ---- */

typedef struct
{
  char *path;
} Kept;

static void
keep (const char *name, const DifShape *shape, const float *data, gpointer user_data)
{
  Kept                            *kept  = user_data;
  g_autoptr (DifSafetensorsWriter) w     = NULL;
  GError                          *error = NULL;

  if (strcmp (name, "initial_latents") != 0)
    return;
  w = dif_safetensors_writer_new ();
  dif_safetensors_writer_declare (w, "latents", DIF_F32, shape);
  dif_safetensors_writer_open (w, kept->path, &error);
  g_assert_no_error (error);
  dif_safetensors_writer_put (w, data,
                              shape->d[0] * shape->d[1] * shape->d[2] * shape->d[3] * sizeof *data,
                              &error);
  dif_safetensors_writer_close (w, &error);
  g_assert_no_error (error);
}

/* each share takes its own of those that are given */
static void
test_latents (void)
{
  g_autoptr (DifPipeline) one = load ("models/sd15", "ref"), two = NULL;
  g_autoptr (DifRequest)  source = request (&cases[0]), rq = request (&cases[3]);
  g_autoptr (DifResult)   drawn = NULL, found = NULL, expected = NULL;
  GError                 *error  = NULL;
  g_autofree char        *folder = g_dir_make_tmp ("dif-batch-XXXXXX", &error);
  Kept                    kept   = { g_build_filename (folder, "latents.safetensors", NULL) };

  g_assert_no_error (error);
  dif_pipeline_set_dump (one, keep, &kept);
  drawn = run (one, source);
  dif_pipeline_set_dump (one, NULL, NULL);
  dif_request_set (rq, "latents", kept.path, &error);
  g_assert_no_error (error);
  expected = run (one, rq);
  two      = load ("models/sd15", "cuda:0,cuda:1");
  found    = run (two, rq);
  assert_same (found, expected);
  g_unlink (kept.path);
  g_rmdir (folder);
  g_free (kept.path);
}

/* ---- who looks, and what fails ---- */

static void
count_op (const char *what, double seconds, double flops, double bytes, gpointer n)
{
  ++*(guint *) n;
}

static void
count_tensor (const char *name, const DifShape *shape, const float *data, gpointer n)
{
  *(guint *) n += strcmp (name, "image") == 0 && shape->d[0] == 5;
}

/* single ops and tensors are those of the whole batch */
static void
test_looked_at (void)
{
  g_autoptr (DifPipeline) two   = load ("models/ddpm", "cuda:0,cuda:1");
  g_autoptr (DifRequest)  rq    = request (&cases[6]);
  g_autoptr (DifResult)   first = NULL, second = NULL;
  guint                   n_ops = 0, n_images = 0;

  dif_pipeline_set_profile (two, count_op, &n_ops);
  first = run (two, rq);
  dif_pipeline_set_profile (two, NULL, NULL);
  dif_pipeline_set_dump (two, count_tensor, &n_images);
  second = run (two, rq);
  g_assert_cmpuint (n_ops, >, 10);
  g_assert_cmpuint (n_images, ==, 1);
  assert_same (second, first);
}

static void
cancel_at_first_step (const DifProgress *p, gpointer cancellable)
{
  if (strcmp (p->stage, "denoise") == 0 && p->step == 1)
    g_cancellable_cancel (cancellable);
}

static void
test_cancel (void)
{
  g_autoptr (DifPipeline)  two         = load ("models/ddpm", "cuda:0,cuda:1");
  g_autoptr (DifRequest)   rq          = request (&cases[6]);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (DifResult)    again       = NULL;
  GError                  *error       = NULL;

  g_assert_null (dif_pipeline_run (two, rq, cancel_at_first_step, cancellable, cancellable,
                                   &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  again = run (two, rq);
}

/* Each of a list holds the model once more: only different cards, and not many. */
static void
test_lists (void)
{
  static const struct
  {
    const char *spec, *found;
  } rows[] = {
    { "cpu,cpu", "\"cpu\"" },
    { "ref,cuda:0", "\"ref\"" },
    { "cuda:0,cuda:1,cuda:0", "\"cuda:0\" twice" },
    { "cuda:0,cuda:00", "\"cuda:00\"" },
    { "cuda:0,cuda", "\"cuda\"" },
    { "cuda:all,cuda:0", "\"cuda:all\"" },
    { "cuda:0,", "\"\"" },
    { ",", "\"\"" },
    { "cuda:0, cuda:1", "\" cuda:1\"" },
    { "cuda:0,cuda:-1", "\"cuda:-1\"" },
  };
  GString       *many  = g_string_new ("cuda:0");
  GError        *error = NULL;
  g_auto (GStrv) two = dif_backend_list ("cuda:0,cuda:2", NULL), all = NULL;

  g_assert_cmpuint (g_strv_length (two), ==, 2);
  all = dif_backend_list ("cuda:all", NULL);
  g_assert_cmpuint (g_strv_length (all), ==, 4);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *message = g_strconcat ("device: expected several only as different cards "
                                              "cuda:N, at most 64, found ",
                                              rows[i].found, NULL);

      g_assert_null (dif_backend_list (rows[i].spec, &error));
      g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE);
      g_assert_cmpstr (error->message, ==, message);
      g_clear_error (&error);
    }
  for (guint i = 1; i < 100000; i++)
    g_string_append_printf (many, ",cuda:%u", i);
  g_assert_null (dif_backend_list (many->str, &error));
  g_assert_nonnull (strstr (error->message, "\"cuda:64\" beyond that"));
  g_clear_error (&error);
  g_string_free (many, TRUE);
}

static void
test_refusals (void)
{
  g_autofree char        *path  = test_fixture ("models/ddpm");
  g_autoptr (DifPipeline) two   = load ("models/ddpm", "cuda:0,cuda:1");
  g_autoptr (DifRequest)  rq    = request (&cases[6]);
  GError                 *error = NULL;

  g_assert_null (dif_pipeline_load (path, "cuda:0,cuda:7", "f32", NULL, NULL, NULL, &error));
  g_assert_cmpstr (error->message, ==,
                   "cuda:7: device cuda: expected a card's number, 0 to 3, found \"7\"");
  g_clear_error (&error);
  /* what all parts refuse is said once */
  dif_request_set (rq, "scheduler-set", "nonsense=1", NULL);
  g_assert_null (dif_pipeline_run (two, rq, NULL, NULL, NULL, &error));
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "scheduler-set: "));
  g_clear_error (&error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strconcat ("/batch/shared/", cases[i].name, NULL);

      g_test_add_data_func (name, &cases[i], test_case);
    }
  g_test_add_func ("/batch/random-seed", test_random_seed);
  g_test_add_func ("/batch/latents", test_latents);
  g_test_add_func ("/batch/looked-at", test_looked_at);
  g_test_add_func ("/batch/cancel", test_cancel);
  g_test_add_func ("/batch/refusals", test_refusals);
  g_test_add_func ("/batch/lists-are-of-different-cards", test_lists);
  return g_test_run ();
}
