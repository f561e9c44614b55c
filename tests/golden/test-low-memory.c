/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-low-memory.c - parts that come and go draw what parts that stay draw, to the
 * last bit; what lies over them comes back with them; files that have changed
 * meanwhile are not taken for the model.
 */
#include <string.h>

#include "../formats/scratch.h"
#include "support.h"

/* What to draw; NULL where nothing is said. */
typedef struct
{
  const char *name, *model, *task, *lora, *embedding, *prompt;
} Case;

static const Case cases[] = {
  { "txt2img", "models/sd15", "txt2img", NULL, NULL, "a large red cube" },
  /* the autoencoder is needed before the loop and after it */
  { "img2img", "models/sd15", "img2img", NULL, NULL, "a large red cube" },
  { "inpaint", "models/inpaint", "inpaint", NULL, NULL, "a large red cube" },
  { "depth2img", "models/depth", "depth2img", NULL, NULL, "a large red cube" },
  /* two text encoders, one after the other and back for the negative prompt */
  { "sdxl", "models/sdxl", "txt2img", NULL, NULL, "a large red cube" },
  { "unconditional", "models/ddpm", "unconditional", NULL, NULL, NULL },
  { "adapters", "models/sd15", "txt2img", "adapters/peft.safetensors",
    "adapters/cube.safetensors", "a large <cube>" },
};

static DifImage *
picture (guint channels)
{
  g_autofree float *data = g_new (float, 32 * 32 * channels);

  for (gsize i = 0; i < 32 * 32 * channels; i++)
    data[i] = channels == 1 ? (float) (i % 32 < 16) : (float) (i * 37 % 101) / 100;
  return dif_image_new (32, 32, channels, data);
}

static void
set (DifRequest *rq, const char *name, const char *value)
{
  GError *error = NULL;

  dif_request_set (rq, name, value, &error);
  g_assert_no_error (error);
}

static DifRequest *
request (const Case *c, const char *model, gboolean low)
{
  g_autoptr (DifImage) image = picture (3), mask = picture (1);
  g_autofree char     *lora = NULL, *embedding = NULL;
  GError              *error = NULL;
  DifRequest          *rq    = dif_request_new (c->task, &error);

  g_assert_no_error (error);
  set (rq, "model", model);
  set (rq, "device", "cpu");
  set (rq, "dtype", "f32");
  set (rq, "seed", "11");
  set (rq, "steps", "3");
  set (rq, "low-memory", low ? "on" : "off");
  if (c->prompt)
    {
      set (rq, "prompt", c->prompt);
      set (rq, "negative-prompt", "blue");
      set (rq, "safety-checker", "off");
    }
  if (strcmp (c->task, "txt2img") == 0)
    {
      set (rq, "width", "32");
      set (rq, "height", "32");
    }
  else if (c->prompt)
    dif_request_set_image (rq, "image", image, &error);
  if (strcmp (c->task, "inpaint") == 0)
    dif_request_set_image (rq, "mask", mask, &error);
  g_assert_no_error (error);
  if (c->lora)
    {
      lora      = test_fixture (c->lora);
      embedding = test_fixture (c->embedding);
      set (rq, "lora", lora);
      set (rq, "embedding", embedding);
    }
  return rq;
}

static DifPipeline *
load (DifRequest *rq)
{
  GError      *error = NULL;
  DifPipeline *pipe  = dif_pipeline_load_for (rq, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static DifResult *
draw (DifPipeline *pipe, DifRequest *rq)
{
  GError    *error  = NULL;
  DifResult *result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return result;
}

static gboolean
are_same (DifResult *a, DifResult *b)
{
  gsize n = (gsize) dif_result_width (a) * dif_result_height (a) * 3 * sizeof (float);

  g_assert_cmpuint (dif_result_width (a), ==, dif_result_width (b));
  g_assert_cmpuint (dif_result_height (a), ==, dif_result_height (b));
  return memcmp (dif_result_pixels (a, 0), dif_result_pixels (b, 0), n) == 0;
}

static const char *
denoiser_class (const Case *c)
{
  return c->prompt ? "UNet2DConditionModel" : "UNet2DModel";
}

/* A second run brings back what the first let go. */
static void
test_same (gconstpointer data)
{
  const Case             *c     = data;
  g_autofree char        *model = test_fixture (c->model);
  g_autoptr (DifRequest)  stays = request (c, model, FALSE), goes = request (c, model, TRUE);
  g_autoptr (DifPipeline) whole = load (stays), low = load (goes);
  g_autoptr (DifResult)   expected = draw (whole, stays), first = NULL, second = NULL;

  g_assert_cmpuint (dif_pipeline_weight_bytes (low), ==, 0);
  g_assert_nonnull (dif_pipeline_part (whole, "unet", denoiser_class (c)));
  first = draw (low, goes);
  g_assert_true (are_same (first, expected));
  /* images that are denoised themselves need no part after the loop */
  g_assert_cmpint (dif_pipeline_part (low, "unet", denoiser_class (c)) == NULL, ==,
                   c->prompt != NULL);
  if (c->prompt)
    g_assert_cmpuint (dif_pipeline_weight_bytes (low), <, dif_pipeline_weight_bytes (whole) / 2);
  second = draw (low, goes);
  g_assert_true (are_same (second, expected));
  g_assert_cmpstr (dif_result_recipe (second, 0), ==, dif_result_recipe (expected, 0));
}

/* Or the case above would say nothing of adapters. */
static void
test_adapters_count (void)
{
  Case                    with = cases[G_N_ELEMENTS (cases) - 1], without = with;
  g_autofree char        *model = test_fixture (with.model);
  g_autoptr (DifRequest)  rq = request (&with, model, TRUE), plain = NULL;
  g_autoptr (DifPipeline) pipe = load (rq), other = NULL;
  g_autoptr (DifResult)   a = draw (pipe, rq), b = NULL;

  without.lora = NULL;
  plain        = request (&without, model, TRUE);
  other        = load (plain);
  b            = draw (other, plain);
  g_assert_false (are_same (a, b));
}

/* Another LoRA is laid over parts that are not there. */
static void
test_exchange (void)
{
  Case                    with  = cases[G_N_ELEMENTS (cases) - 1];
  g_autofree char        *model = test_fixture (with.model);
  g_autofree char        *other = test_fixture ("adapters/kohya.safetensors");
  g_autoptr (DifRequest)  first = request (&with, model, TRUE);
  g_autoptr (DifRequest)  next  = request (&with, model, TRUE);
  g_autoptr (DifPipeline) pipe = load (first), fresh = NULL;
  g_autoptr (DifResult)   a = draw (pipe, first), b = NULL, expected = NULL, again = NULL;
  GError                 *error = NULL;

  dif_request_unset (next, "lora");
  set (next, "lora", other);
  dif_pipeline_set_adapters (pipe, next, NULL, &error);
  g_assert_no_error (error);
  b        = draw (pipe, next);
  fresh    = load (next);
  expected = draw (fresh, next);
  g_assert_true (are_same (b, expected));
  g_assert_false (are_same (a, b));
  dif_pipeline_set_adapters (pipe, first, NULL, &error);
  g_assert_no_error (error);
  again = draw (pipe, first);
  g_assert_true (are_same (again, a));
}

static void
assert_fails (DifPipeline *pipe, DifRequest *rq, const char *what)
{
  g_autoptr (GError)    error  = NULL;
  g_autoptr (DifResult) result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

  g_assert_null (result);
  assert_one_line (error, what);
}

/* The pipeline survives, and draws again once the files are back. */
static void
test_changed (void)
{
  static const char      *file    = "unet/diffusion_pytorch_model.safetensors";
  char                   *folder  = scratch_new ();
  g_autofree char        *fixture = test_fixture ("models/sd15"), *model = NULL, *path = NULL;
  g_autofree char        *bytes = NULL, *others = NULL;
  g_autoptr (DifRequest)  rq     = NULL;
  g_autoptr (DifPipeline) pipe   = NULL;
  g_autoptr (DifResult)   before = NULL, after = NULL;
  gsize                   n;

  scratch_copy (folder, "model", fixture);
  model = scratch_path (folder, "model");
  path  = g_strconcat ("model/", file, NULL);
  rq    = request (&cases[0], model, TRUE);
  pipe  = load (rq);
  {
    g_autofree char *whole = scratch_path (folder, path);

    g_assert_true (g_file_get_contents (whole, &bytes, &n, NULL));
  }
  before = draw (pipe, rq);
  others = g_memdup2 (bytes, n);
  for (gsize i = n / 2; i < n; i++)
    others[i] ^= 1;
  scratch_remove (folder, path);
  assert_fails (pipe, rq, "unet");
  scratch_write (folder, path, others, n);
  assert_fails (pipe, rq, "expected the weights that were there when the model was loaded");
  scratch_write (folder, path, bytes, n);
  after = draw (pipe, rq);
  g_assert_true (are_same (before, after));
  g_clear_pointer (&pipe, dif_pipeline_free);
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/low-memory/same/", cases[i].name, NULL);

      g_test_add_data_func (path, &cases[i], test_same);
    }
  g_test_add_func ("/low-memory/adapters-count", test_adapters_count);
  g_test_add_func ("/low-memory/exchange", test_exchange);
  g_test_add_func ("/low-memory/changed", test_changed);
  return g_test_run ();
}
