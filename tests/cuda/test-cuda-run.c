/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-cuda-run.c - whole runs on a card that is the host: the plan of memory,
 * weights that wait in host memory, a step as one graph, and what "auto" does.
 *
 * Bits are compared, since the host does the same however it is asked.  What this
 * cannot show: that a real card does (cuBLASLt may choose another way with another
 * workspace), races between the card and the host, how fast any of it is.
 */
#include <dlfcn.h>
#include <string.h>

#include "../support.h"

static long (*count) (const char *what);

/* ---- drawing ---- */

/* What to draw, and on what. */
typedef struct
{
  const char *model, *device, *dtype, *scheduler, *guidance, *n_images, *steps, *side;
  const char *card; /* DIF_FAKE_CUDA */
} Case;

static const Case usual = { .model     = "models/sdxl",
                            .device    = "cuda",
                            .dtype     = "f32",
                            .scheduler = "euler",
                            .guidance  = "5",
                            .n_images  = "1",
                            .steps     = "4",
                            .side      = "32",
                            .card      = "memory=8192" };

/* What was seen at the reports of progress. */
typedef struct
{
  long allocations[2], waits[2]; /* after the first two steps, and after the last */
  long encoding;                 /* allocations when the run began to compute */

  GCancellable *cancel_load; /* cancelled when a run loads something; may be NULL */
} Watch;

static void
watch (const DifProgress *p, gpointer user_data)
{
  Watch *w  = user_data;
  guint  at = p->step == p->n_steps;

  if (w->cancel_load && strcmp (p->stage, "load") == 0)
    g_cancellable_cancel (w->cancel_load);
  if (strcmp (p->stage, "encode") == 0)
    w->encoding = count ("allocations");
  if (strcmp (p->stage, "denoise") != 0 || (p->step != 2 && ! at))
    return;
  w->allocations[at] = count ("allocations");
  w->waits[at]       = count ("waits");
}

static DifPipeline *
load (const Case *c, GError **error)
{
  g_autofree char *path = test_fixture (c->model);

  g_setenv ("DIF_FAKE_CUDA", c->card, TRUE);
  return dif_pipeline_load (path, c->device, c->dtype, NULL, NULL, NULL, error);
}

static DifResult *
draw (DifPipeline *pipe, const Case *c, Watch *w, GError **error)
{
  const char *settings[][2] = {
    { "prompt", "a large red cube" },
    { "seed", "7" },
    { "safety-checker", "off" },
    { "scheduler", c->scheduler },
    { "steps", c->steps },
    { "num-images", c->n_images },
    { "guidance-scale", c->guidance },
    { "width", c->side },
    { "height", c->side },
  };
  g_autoptr (DifRequest) rq = dif_request_new ("txt2img", error);

  for (guint i = 0; rq && i < G_N_ELEMENTS (settings); i++)
    if (! dif_request_set (rq, settings[i][0], settings[i][1], error))
      return NULL;
  return dif_pipeline_run (pipe, rq, w ? watch : NULL, w, w ? w->cancel_load : NULL, error);
}

/* Loads and draws; must succeed. */
static DifResult *
picture (const Case *c, Watch *w)
{
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = load (c, &error);
  DifResult              *result = pipe ? draw (pipe, c, w, &error) : NULL;

  g_assert_no_error (error);
  g_assert_nonnull (result);
  return result;
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

/* ---- graphs and the plan ---- */

/* schedulers that keep what the U-Net said, that draw numbers, that ask twice a step */
static void
test_graph (void)
{
  static const struct
  {
    const char *scheduler, *guidance, *n_images, *dtype;
    long        n_calls;
  } rows[] = {
    { "euler", "1", "2", "f16", 4 },
    { "unipc", "1", "1", "f32", 4 },
    { "euler-a", "5", "1", "bf16", 4 },
    { "heun", "1", "1", "f32", 7 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      Case                  c    = usual;
      Watch                 w    = { { 0 }, { 0 }, 0 };
      g_autoptr (DifResult) with = NULL, without = NULL;

      c.scheduler = rows[i].scheduler;
      c.guidance  = rows[i].guidance;
      c.n_images  = rows[i].n_images;
      c.dtype     = rows[i].dtype;
      with        = picture (&c, &w);
      /* the first call is made for real, the others are launches of one graph */
      g_assert_cmpint (count ("captures"), ==, 1);
      g_assert_cmpint (count ("graphs"), ==, rows[i].n_calls - 1);
      /* nothing is taken and nobody waits while it goes on */
      g_assert_cmpint (w.allocations[0], ==, w.allocations[1]);
      g_assert_cmpint (w.waits[0], ==, w.waits[1]);
      g_setenv ("DIF_CUDA_GRAPH", "off", TRUE);
      without = picture (&c, NULL);
      g_unsetenv ("DIF_CUDA_GRAPH");
      g_assert_cmpint (count ("graphs"), ==, 0);
      assert_same (with, without);
    }
}

/* other shapes in the next run: a graph is a run's own */
static void
test_graph_is_a_runs_own (void)
{
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = load (&usual, &error);
  g_autoptr (DifResult)   first = NULL, other = NULL, again = NULL;
  Case                    larger = usual;

  larger.side = "48";
  first       = draw (pipe, &usual, NULL, &error);
  g_assert_no_error (error);
  other = draw (pipe, &larger, NULL, &error);
  g_assert_no_error (error);
  again = draw (pipe, &usual, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count ("captures"), ==, 3);
  assert_same (first, again);
}

/* What was shown, of one picture of a 32 x 32 pixels' latents. */
typedef struct
{
  guint  n, steps[8];
  guint8 pixels[8][16 * 16 * 3];
  gsize  n_pixels;
} Shown;

static void
keep_shown (const DifPreview *preview, gpointer user_data)
{
  Shown *shown = user_data;

  shown->n_pixels = (gsize) preview->n_images * preview->width * preview->height * 3;
  g_assert_cmpuint (shown->n, <, G_N_ELEMENTS (shown->steps));
  g_assert_cmpuint (shown->n_pixels, <=, sizeof shown->pixels[0]);
  memcpy (shown->pixels[shown->n], preview->pixels, shown->n_pixels);
  shown->steps[shown->n++] = preview->step;
}

/* Previews come a turn later, with nobody waiting for them, and are those of the host. */
static void
test_previews (void)
{
  GError                 *error = NULL;
  Case                    c = usual, host = usual;
  g_autoptr (DifPipeline) pipe = NULL, other = NULL;
  g_autoptr (DifResult)   with = NULL, without = NULL, there = NULL;
  Watch                   w     = { { 0 }, { 0 }, 0 };
  Shown                   shown = { 0 }, expected = { 0 };

  c.steps = host.steps = "6";
  host.device          = "ref";
  pipe                 = load (&c, &error);
  g_assert_no_error (error);
  other = load (&host, &error);
  g_assert_no_error (error);
  without = draw (pipe, &c, NULL, &error);
  g_assert_no_error (error);
  dif_pipeline_set_preview (pipe, keep_shown, &shown, 0);
  with = draw (pipe, &c, &w, &error);
  g_assert_no_error (error);
  g_assert_cmpint (w.allocations[0], ==, w.allocations[1]);
  g_assert_cmpint (w.waits[0], ==, w.waits[1]);
  assert_same (with, without);
  dif_pipeline_set_preview (other, keep_shown, &expected, 0);
  there = draw (other, &host, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (expected.n, ==, 6);
  g_assert_cmpuint (shown.n, ==, 3);
  g_assert_cmpuint (shown.n_pixels, ==, expected.n_pixels);
  for (guint i = 0; i < shown.n; i++)
    {
      guint at = shown.steps[i] - 1;

      g_assert_cmpuint (at, ==, 2 * i);
      for (gsize k = 0; k < shown.n_pixels; k++)
        g_assert_cmpint (ABS ((int) shown.pixels[i][k] - (int) expected.pixels[at][k]), <=, 1);
    }
}

/* what was planned before a run is all it takes, however long the loop */
static void
test_plan (void)
{
  static const char *const models[] = { "models/sdxl", "models/lcm" };
  static const char *const steps[]  = { "2", "5" };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    for (guint k = 0; k < G_N_ELEMENTS (steps); k++)
      {
        GError                 *error  = NULL;
        Case                    c      = usual;
        Watch                   w      = { { 0 }, { 0 }, 0 };
        g_autoptr (DifPipeline) pipe   = NULL;
        g_autoptr (DifResult)   result = NULL;
        gsize                   before;

        c.model     = models[i];
        c.steps     = steps[k];
        c.scheduler = "unipc";
        pipe        = load (&c, &error);
        g_assert_no_error (error);
        before = dif_pipeline_backend (pipe)->live_bytes;
        result = draw (pipe, &c, &w, &error);
        g_assert_no_error (error);
        g_assert_cmpint (w.encoding, >, 0);
        g_assert_cmpint (count ("allocations"), ==, w.encoding);
        g_assert_cmpuint (dif_pipeline_backend (pipe)->live_bytes, ==, before);
      }
}

/* A square of color, half of which is repainted. */
static DifRequest *
half_a_square (GError **error)
{
  DifRequest          *rq    = dif_request_new ("inpaint", error);
  g_autofree float    *color = g_new (float, 32 * 32 * 3), *half = g_new0 (float, 32 * 32);
  g_autoptr (DifImage) image = NULL, mask = NULL;

  for (guint i = 0; i < 32 * 32 * 3; i++)
    color[i] = (float) (i % 96) / 96;
  for (guint i = 0; i < 32 * 32; i++)
    half[i] = i % 32 < 16;
  image = dif_image_new (32, 32, 3, color);
  mask  = dif_image_new (32, 32, 1, half);
  dif_request_set_image (rq, "image", image, error);
  dif_request_set_image (rq, "mask", mask, error);
  dif_request_set (rq, "prompt", "a large red cube", error);
  dif_request_set_number (rq, "steps", 4, error);
  dif_request_set_number (rq, "seed", 7, error);
  return rq;
}

/* that latents are held to the picture in every step keeps nobody waiting either */
static void
test_inpaint_goes_on (void)
{
  GError                 *error = NULL;
  g_autoptr (DifRequest)  rq    = half_a_square (&error);
  g_autoptr (DifPipeline) card = NULL, host = NULL;
  g_autoptr (DifResult)   found = NULL, expected = NULL;
  Case                    c = usual;
  Watch                   w = { { 0 }, { 0 }, 0 };

  g_assert_no_error (error);
  c.model = "models/sd15";
  card    = load (&c, &error);
  g_assert_no_error (error);
  found = dif_pipeline_run (card, rq, watch, &w, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (w.allocations[0], ==, w.allocations[1]);
  g_assert_cmpint (w.waits[0], ==, w.waits[1]);
  c.device = "cpu";
  host     = load (&c, &error);
  g_assert_no_error (error);
  expected = dif_pipeline_run (host, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (test_max_difference (dif_result_pixels (found, 0),
                                          dif_result_pixels (expected, 0), 32 * 32 * 3),
                     <, 1e-3);
}

/* ---- several cards ---- */

static DifPipeline *
load_unconditional (const char *device)
{
  g_autofree char *path  = test_fixture ("models/ddpm");
  GError          *error = NULL;
  DifPipeline     *pipe  = dif_pipeline_load (path, device, "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static DifResult *
draw_unconditional (DifPipeline *pipe, double n_images, GError **error)
{
  g_autoptr (DifRequest) rq = dif_request_new ("unconditional", error);

  dif_request_set_number (rq, "seed", 7, NULL);
  dif_request_set_number (rq, "steps", 6, NULL);
  dif_request_set_number (rq, "num-images", n_images, NULL);
  return dif_pipeline_run (pipe, rq, NULL, NULL, NULL, error);
}

/* a model without prompts is a graph as well */
static void
test_graph_unconditional (void)
{
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = NULL;
  g_autoptr (DifResult)   with = NULL, without = NULL;

  g_setenv ("DIF_FAKE_CUDA", "cards=1", TRUE);
  pipe = load_unconditional ("cuda");
  with = draw_unconditional (pipe, 1, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count ("captures"), ==, 1);
  g_assert_cmpint (count ("graphs"), ==, 5);
  g_setenv ("DIF_CUDA_GRAPH", "off", TRUE);
  without = draw_unconditional (pipe, 1, &error);
  g_unsetenv ("DIF_CUDA_GRAPH");
  g_assert_no_error (error);
  g_assert_cmpint (count ("captures"), ==, 1);
  assert_same (with, without);
}

/* two draw at the same time, graphs and all, what one would draw */
static void
test_all_cards (void)
{
  GError                 *error = NULL;
  g_autoptr (DifPipeline) one = NULL, all = NULL;
  g_autoptr (DifResult)   expected = NULL, found = NULL;
  g_autoptr (DifResult)   words_one = NULL, words_all = NULL;
  Case                    c = usual;

  g_setenv ("DIF_FAKE_CUDA", "cards=3", TRUE);
  all   = load_unconditional ("cuda:all");
  found = draw_unconditional (all, 4, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count ("captures"), ==, 3);
  one      = load_unconditional ("cuda");
  expected = draw_unconditional (one, 4, &error);
  g_assert_no_error (error);
  assert_same (found, expected);

  c.card      = "cards=2";
  c.n_images  = "3";
  c.scheduler = "euler-a";
  words_one   = picture (&c, NULL);
  c.device    = "cuda:all";
  words_all   = picture (&c, NULL);
  assert_same (words_all, words_one);
}

/* one that is lost ends the whole batch, and says which it was */
static void
test_lost_card (void)
{
  GError                 *error = NULL;
  Case                    c     = usual;
  g_autoptr (DifPipeline) pipe  = NULL;
  g_autofree char        *lost  = NULL;

  c.card     = "cards=2";
  c.device   = "cuda:0,cuda:1";
  c.n_images = "2";
  pipe       = load (&c, &error);
  g_assert_no_error (error);
  lost = g_strdup_printf ("cards=2,fail=%ld", count ("launches") + 400);
  g_setenv ("DIF_FAKE_CUDA", lost, TRUE);
  g_assert_null (draw (pipe, &c, NULL, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_LOST);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, "cuda:"));
  g_clear_error (&error);
}

/* ---- too little memory ---- */

/* Bytes of weights, and of what a run takes beside them, on a card of plenty. */
static void
needs (const Case *c, gsize *weights, gsize *peak)
{
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = load (c, &error);
  g_autoptr (DifResult)   result = NULL;

  g_assert_no_error (error);
  *weights = dif_pipeline_weight_bytes (pipe);
  result   = draw (pipe, c, NULL, &error);
  g_assert_no_error (error);
  *peak = dif_pipeline_backend (pipe)->peak_bytes - *weights;
}

/* from all but fitting to hardly anything: the same bits, more copies */
static void
test_offload (void)
{
  g_autoptr (DifResult) roomy = picture (&usual, NULL), limited = NULL;
  long                  arrivals = count ("arrivals"), most = arrivals;
  gsize                 weights, peak;

  needs (&usual, &weights, &peak);
  for (guint tenths = 8; tenths >= 5; tenths -= 3)
    {
      g_autofree char      *card  = g_strdup_printf ("kib=%u", (guint) ((weights * tenths / 10 +
                                                                   2 * peak) /
                                                                  1024));
      Case                  c     = usual;
      g_autoptr (DifResult) tight = NULL;

      c.card = card;
      tight  = picture (&c, NULL);
      g_assert_cmpint (count ("arrivals"), >, arrivals);
      most = MAX (most, count ("arrivals"));
      assert_same (roomy, tight);
    }
  /* a large card of which little may be used is a small one */
  g_setenv ("DIF_CUDA_MEMORY", "1", TRUE);
  limited = picture (&usual, NULL);
  g_unsetenv ("DIF_CUDA_MEMORY");
  g_assert_cmpint (count ("arrivals"), >, arrivals);
  assert_same (roomy, limited);
  /* weights of the U-Net came again in each of four steps */
  g_assert_cmpint (2 * most, >, 3 * arrivals);
}

/* more pictures than the card has room for at a time */
static void
test_too_much (void)
{
  Case                    c      = usual;
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = NULL;
  g_autoptr (DifResult)   result = NULL;

  c.n_images = "8";
  c.card     = "kib=1500";
  pipe       = load (&c, &error);
  g_assert_no_error (error);
  g_assert_null (draw (pipe, &c, NULL, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message,
                                   "device cuda: out of memory for 8 x 32 x 32 pixels: expected "
                                   "room for "));
  g_assert_nonnull (strstr (error->message, "MiB beside the weights, found "));
  g_assert_nonnull (strstr (error->message, "; what would fit: "));
  g_clear_error (&error);
  /* and what is said to fit does */
  c.n_images = "1";
  result     = draw (pipe, &c, NULL, &error);
  g_assert_no_error (error);
}

/* ---- auto ---- */

/* What "auto" draws with that card: the CPU's picture and a reason. */
static void
turns (const char *card, const char *n_images, const char *reason)
{
  Case                  c = usual, cpu = usual;
  g_autoptr (DifResult) found = NULL, expected = NULL;
  g_autofree char      *line = g_strconcat (reason, "; computing on the CPU instead", NULL);

  c.device   = "auto";
  c.card     = card;
  cpu.device = "cpu";
  c.n_images = cpu.n_images = n_images;
  expected                  = picture (&cpu, NULL);
  found                     = picture (&c, NULL);
  assert_same (found, expected);
  g_test_message ("%s", dif_result_warning (found));
  g_assert_true (g_pattern_match_simple (line, dif_result_warning (found)));
  g_assert_true (g_pattern_match_simple ("*\"device\": *\"cpu\"*", dif_result_recipe (found, 0)));
}

static void
test_auto_takes_the_card (void)
{
  Case                    c      = usual;
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = NULL;
  g_autoptr (DifResult)   result = NULL;

  c.device = "auto";
  pipe     = load (&c, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dif_pipeline_backend (pipe)->klass->name, ==, "cuda");
  g_assert_null (dif_pipeline_fallback (pipe));
  result = draw (pipe, &c, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (dif_result_warning (result));
}

static void
test_auto_turns (void)
{
  turns ("driver=12040", "1",
         "device cuda: expected a driver for CUDA 13 or newer, found one for 12.4");
  turns ("major=7,minor=5", "1",
         "device cuda:0: expected compute capability 8.0 or newer, found 7.5 (Host as a card, "
         "number 0)");
  turns ("cards=0", "1",
         "device cuda: expected an NVIDIA card, the driver reports: no CUDA-capable device is "
         "detected");
  turns ("kib=40", "1", "*out of memory on the card: expected room for *");
  turns ("memory=64,pinned=0", "1", "*out of memory: expected room for *in pinned host memory*");
  turns ("fail=60", "1", "*the card reports CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure)");
  turns ("fail=900", "1",
         "*the card reports CUDA_ERROR_LAUNCH_FAILED (unspecified launch failure)");
}

/* A run too large for the card costs itself, not those after it. */
static void
test_auto_stays_for_smaller_runs (void)
{
  Case                    c     = usual;
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = NULL;
  g_autoptr (DifResult)   large = NULL, small = NULL;

  c.device = "auto";
  c.card   = "kib=1500";
  pipe     = load (&c, &error);
  g_assert_no_error (error);
  c.n_images = "8";
  large      = draw (pipe, &c, NULL, &error);
  g_assert_null (large);
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
  g_assert_nonnull (strstr (error->message, "; what would fit: "));
  g_clear_error (&error);
  c.n_images = "1";
  small      = draw (pipe, &c, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (dif_result_warning (small));
  g_assert_null (dif_pipeline_fallback (pipe));
  g_assert_cmpstr (dif_pipeline_backend (pipe)->klass->name, ==, "cuda");
}

/* The card is lost in mid-run, and whoever waits has enough while the model is
 * loaded once more: the pipeline is whole, and the next run turns. */
static void
test_cancelled_turn (void)
{
  Case                     c = usual, cpu = usual;
  GError                  *error       = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (DifPipeline)  pipe        = NULL;
  g_autoptr (DifResult)    none = NULL, found = NULL, expected = NULL;
  Watch                    w = { .cancel_load = cancellable };

  cpu.device = "cpu";
  expected   = picture (&cpu, NULL);
  c.device   = "auto";
  c.card     = "fail=900";
  pipe       = load (&c, &error);
  g_assert_no_error (error);
  none = draw (pipe, &c, &w, &error);
  g_assert_null (none);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpstr (dif_pipeline_backend (pipe)->klass->name, ==, "cuda");
  found = draw (pipe, &c, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dif_pipeline_backend (pipe)->klass->name, ==, "cpu");
  assert_same (found, expected);
}

/* a card that is asked for by name is not replaced */
static void
test_cuda_does_not_turn (void)
{
  Case                    c     = usual;
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = NULL;

  c.card = "fail=900";
  pipe   = load (&c, &error);
  g_assert_no_error (error);
  g_assert_null (draw (pipe, &c, NULL, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_LOST);
  g_clear_error (&error);
  /* it stays lost, and says so */
  g_assert_null (draw (pipe, &c, NULL, &error));
  g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_LOST);
  g_clear_error (&error);
}

/* no module: that is how most machines are, and no news */
static void
test_auto_without_module (void)
{
  g_autofree char        *folder = g_strdup (g_getenv ("DIF_MODULE_DIR"));
  Case                    c      = usual;
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = NULL;
  g_autoptr (DifResult)   result = NULL;

  c.device = "auto";
  g_setenv ("DIF_MODULE_DIR", "/nonexistent", TRUE);
  pipe = load (&c, &error);
  g_setenv ("DIF_MODULE_DIR", folder, TRUE);
  g_assert_no_error (error);
  g_assert_null (dif_pipeline_fallback (pipe));
  result = draw (pipe, &c, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (dif_result_warning (result));
}

int
main (int argc, char **argv)
{
  GError                *error = NULL;
  g_autoptr (DifBackend) be    = NULL;
  void                  *driver;

  g_test_init (&argc, &argv, NULL);
  be     = dif_backend_open ("cuda", &error);
  driver = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  g_assert_no_error (error);
  *(void **) &count = dlsym (driver, "fake_cuda_count");
  g_assert_nonnull (count);
  g_clear_pointer (&be, dif_backend_unref);
  g_test_add_func ("/cuda-run/graph-draws-the-same", test_graph);
  g_test_add_func ("/cuda-run/graph-is-a-runs-own", test_graph_is_a_runs_own);
  g_test_add_func ("/cuda-run/graph-unconditional", test_graph_unconditional);
  g_test_add_func ("/cuda-run/inpaint-goes-on", test_inpaint_goes_on);
  g_test_add_func ("/cuda-run/all-cards", test_all_cards);
  g_test_add_func ("/cuda-run/lost-card", test_lost_card);
  g_test_add_func ("/cuda-run/previews-come-by-and-by", test_previews);
  g_test_add_func ("/cuda-run/plan-is-enough", test_plan);
  g_test_add_func ("/cuda-run/weights-that-wait-draw-the-same", test_offload);
  g_test_add_func ("/cuda-run/too-much-says-what-fits", test_too_much);
  g_test_add_func ("/cuda-run/auto-takes-the-card", test_auto_takes_the_card);
  g_test_add_func ("/cuda-run/auto-turns-to-the-cpu", test_auto_turns);
  g_test_add_func ("/cuda-run/auto-stays-for-smaller-runs", test_auto_stays_for_smaller_runs);
  g_test_add_func ("/cuda-run/cancelled-turn-leaves-it-whole", test_cancelled_turn);
  g_test_add_func ("/cuda-run/cuda-does-not-turn", test_cuda_does_not_turn);
  g_test_add_func ("/cuda-run/auto-without-module", test_auto_without_module);
  return g_test_run ();
}
