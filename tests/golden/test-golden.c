/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-golden.c - whole pictures against diffusers.
 *
 * Every case of golden/cases.json (from text), prompts/cases.json (weighted
 * and long ones), pictures/cases.json (from a picture), regions/cases.json
 * (inpainting beyond what diffusers has), depth/cases.json, families/cases.json,
 * family-<word>/cases.json, of which there may be any number,
 * and unconditional/cases.json in tests/fixtures is drawn and compared tensor by
 * tensor.  Bounds: 1e-5 relative for embeddings and single network calls; a loop
 * multiplies what the steps before it left, so latents and pictures have the
 * bound of the contract, 5e-4.  What was measured is printed.
 *
 * DIF_TEST_SAMPLE=N runs every N-th case and skips the others by name, for slow
 * builds: the sanitizers look for damage, not for digits.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

#define IMAGE_BOUND  5e-4
#define MODULE_BOUND 1e-5

typedef struct
{
  const char *device, *dtype;
  GHashTable *pipes; /* model -> DifPipeline */
} Suite;

typedef struct
{
  Suite      *suite;
  const char *folder; /* of the case's file: "golden", "pictures", ... */
  DifJson    *c;
  gboolean    skip; /* not of the sample that was asked for */
} Case;

static Suite cpu_f32  = { "cpu", "f32", NULL };
static Suite cpu_bf16 = { "cpu", "bf16", NULL };

static DifPipeline *
pipeline_for (Suite *suite, const char *model)
{
  DifPipeline *pipe = suite->pipes ? g_hash_table_lookup (suite->pipes, model) : NULL;

  if (! suite->pipes)
    suite->pipes =
        g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) dif_pipeline_free);
  if (! pipe)
    {
      g_autofree char *relative = g_build_filename ("models", model, NULL),
                      *path     = test_fixture (relative);
      GError *error             = NULL;

      pipe = dif_pipeline_load (path, suite->device, suite->dtype, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      g_hash_table_insert (suite->pipes, g_strdup (model), pipe);
    }
  return pipe;
}

/* What a run dumps, by name. */
typedef struct
{
  GHashTable *tensors; /* name -> GBytes of float32 */
  guint       n_noise, n_latents;
} Dump;

static void
keep (const char *name, const DifShape *shape, const float *data, gpointer user_data)
{
  Dump *dump = user_data;
  gsize n;

  g_assert_true (dif_shape_count (shape, &n));
  g_hash_table_insert (dump->tensors, g_strdup (name), g_bytes_new (data, n * sizeof *data));
  dump->n_noise += g_str_has_prefix (name, "noise_pred.");
  dump->n_latents += g_str_has_prefix (name, "latents.");
}

/* Keys of a case, and the parameters they are. */
typedef struct
{
  const char *key, *name;
} Named;

static const Named texts[] = { { "prompt", "prompt" },
                               { "negative_prompt", "negative-prompt" },
                               { "prompt_2", "prompt-2" },
                               { "negative_prompt_2", "negative-prompt-2" },
                               { "prompt_syntax", "prompt-syntax" },
                               { "scheduler", "scheduler" },
                               { "fill", "fill" },
                               { "match_colors", "match-colors" } };

static const Named numbers[] = { { "width", "width" },
                                 { "height", "height" },
                                 { "steps", "steps" },
                                 { "guidance_scale", "guidance-scale" },
                                 { "guidance_rescale", "guidance-rescale" },
                                 { "num_images", "num-images" },
                                 { "seed", "seed" },
                                 { "eta", "eta" },
                                 { "strength", "strength" },
                                 { "clip_skip", "clip-skip" },
                                 { "padding", "padding-mask-crop" },
                                 { "differential", "differential" },
                                 { "denoising_start", "denoising-start" },
                                 { "denoising_end", "denoising-end" },
                                 { "aesthetic_score", "aesthetic-score" } };

/* Keys of [height, width] and [top, left], and the parameters they are. */
static const struct
{
  const char *key, *names[2];
} pairs[] = { { "original", { "original-height", "original-width" } },
              { "crop", { "crop-top", "crop-left" } },
              { "target", { "target-height", "target-width" } } };

static void
set_pairs (DifRequest *rq, DifJson *c)
{
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i++)
    for (guint k = 0; k < 2 && dif_json_has (c, pairs[i].key); k++)
      {
        DifJson *value = dif_json_at (dif_json_member (c, pairs[i].key), k);

        dif_request_set_number (rq, pairs[i].names[k], dif_json_value_double (value), &error);
        g_assert_no_error (error);
      }
}

static void
set (DifRequest *rq, DifJson *c, const char *key, const char *name)
{
  GError *error = NULL;

  if (! dif_json_has (c, key))
    return;
  dif_request_set_number (rq, name, dif_json_double (c, key, 0), &error);
  g_assert_no_error (error);
}

/* The pictures a case starts from: its own, or those of its folder. */
static void
set_images (DifRequest *rq, const char *folder, DifJson *c, DifWeights *golden)
{
  g_autoptr (DifWeights) shared   = NULL;
  const char            *file     = dif_json_string (c, "inputs", NULL);
  g_autofree char       *relative = file ? g_build_filename (folder, file, NULL) : NULL;

  if (relative)
    golden = shared = test_read_tensors (relative);
  test_set_image (rq, golden, "input.image", "image");
  test_set_image (rq, golden, "input.depth", "depth");
  if (strcmp (dif_request_task (rq), "inpaint") == 0)
    test_set_image (rq, golden, "input.mask", "mask");
}

static DifRequest *
request_for (const char *folder, DifJson *c, DifWeights *golden)
{
  GError     *error    = NULL;
  DifRequest *rq       = dif_request_new (dif_json_string (c, "task", "txt2img"), &error);
  DifJson    *settings = dif_json_member (c, "scheduler_set");

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if (dif_json_has (c, texts[i].key))
      {
        dif_request_set (rq, texts[i].name, dif_json_string (c, texts[i].key, NULL), &error);
        g_assert_no_error (error);
      }
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    set (rq, c, numbers[i].key, numbers[i].name);
  set_pairs (rq, c);
  set_images (rq, folder, c, golden);
  /* what a run was given instead of a picture lies in its own file */
  if (dif_weights_lookup (golden, "latents"))
    {
      g_autofree char *file = g_build_filename (folder, dif_json_string (c, "file", ""), NULL);
      g_autofree char *path = test_fixture (file);

      dif_request_set (rq, "latents", path, &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; settings && i < dif_json_length (settings); i++)
    {
      DifJson         *member = dif_json_at (settings, i);
      g_autofree char *value  = dif_json_to_string (member, FALSE);
      g_autofree char *pair   = g_strdup_printf ("%s=%s", dif_json_key (member), value);

      dif_request_set (rq, "scheduler-set", pair, &error);
      g_assert_no_error (error);
    }
  return rq;
}

/* Compares the dumped tensor @ours with the fixture's @theirs. */
static double
compare (Dump *dump, DifWeights *golden, const char *ours, const char *theirs, gboolean relative)
{
  GBytes           *bytes = g_hash_table_lookup (dump->tensors, ours);
  DifShape          shape;
  g_autofree float *expected = test_floats (golden, theirs, &shape);
  gsize             n, size;
  const float      *found;

  if (! bytes)
    g_error ("no tensor %s was dumped", ours);
  found = g_bytes_get_data (bytes, &size);
  g_assert_true (dif_shape_count (&shape, &n));
  g_assert_cmpuint (size, ==, n * sizeof *found);
  return relative ? test_relative_difference (found, expected, n)
                  : test_max_difference (found, expected, n);
}

/* The dumped picture's rows that the fixture keeps: all, or every third. */
static float *
kept_rows (Dump *dump, DifWeights *golden, float **expected, gsize *n)
{
  gboolean     whole = dif_weights_lookup (golden, "image") != NULL;
  DifShape     shape;
  const float *found = g_bytes_get_data (g_hash_table_lookup (dump->tensors, "image"), NULL);
  gsize        step  = whole ? 1 : 3, rows, width, planes, height;
  float       *kept;

  *expected = test_floats (golden, whole ? "image" : "image.rows3", &shape);
  g_assert_true (dif_shape_count (&shape, n));
  planes = shape.d[0] * shape.d[1];
  rows   = shape.d[2];
  width  = shape.d[3];
  height = g_bytes_get_size (g_hash_table_lookup (dump->tensors, "image")) / sizeof (float) /
           planes / width;
  g_assert_cmpuint ((height + step - 1) / step, ==, rows);
  kept = g_new (float, *n);
  for (gsize i = 0; i < planes; i++)
    for (gsize r = 0; r < rows; r++)
      memcpy (kept + (i * rows + r) * width, found + (i * height + r * step) * width,
              width * sizeof *kept);
  return kept;
}

/* Greatest difference.  A picture that was rounded to 8 bits on the way
 * (@rounded) may be a whole level off where its number lies between two: in one
 * value of 500 at most, and those are then left out. */
static double
compare_image (Dump *dump, DifWeights *golden, gboolean rounded)
{
  g_autofree float *expected = NULL, *found = NULL;
  gsize             n, off                  = 0;

  found = kept_rows (dump, golden, &expected, &n);
  for (gsize i = 0; rounded && i < n; i++)
    if (fabs ((double) found[i] - expected[i]) > IMAGE_BOUND)
      {
        g_assert_cmpfloat (fabs ((double) found[i] - expected[i]), <, 1.001 / 255);
        found[i] = expected[i];
        off++;
      }
  if (rounded)
    g_test_message ("a level off: %" G_GSIZE_FORMAT " of %" G_GSIZE_FORMAT, off, n);
  g_assert_cmpuint (off, <=, n / 500);
  return test_max_difference (found, expected, n);
}

/* Runs the case; returns whether memory is as it was. */
static gboolean
run_once (const Case *k, DifWeights *golden, Dump *dump, DifPipeline *pipe)
{
  g_autoptr (DifRequest) rq     = request_for (k->folder, k->c, golden);
  g_autoptr (DifResult)  r      = NULL;
  GError                *error  = NULL;
  gsize                  before = dif_pipeline_backend (pipe)->live_bytes;

  *dump = (Dump) { .tensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                     (GDestroyNotify) g_bytes_unref) };
  dif_pipeline_set_dump (pipe, keep, dump);
  r = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  dif_pipeline_set_dump (pipe, NULL, NULL);
  g_assert_no_error (error);
  g_assert_cmpuint (dif_result_n_images (r), ==,
                    (guint) dif_json_int (k->c, "num_images", 1, 1, 64));
  return dif_pipeline_backend (pipe)->live_bytes == before;
}

/* A shape that is new to a weight may make it change its layout, and with that its size: then
 * the same once more must leave everything as it was. */
static void
run_case (const Case *k, DifWeights *golden, Dump *dump)
{
  DifPipeline *pipe = pipeline_for (k->suite, dif_json_string (k->c, "model", ""));

  if (run_once (k, golden, dump, pipe))
    return;
  g_hash_table_unref (dump->tensors);
  g_assert_true (run_once (k, golden, dump, pipe));
}

static void
check_ids (DifPipeline *pipe, DifJson *c, const char *key, DifWeights *golden, const char *name)
{
  DifTokenizer       *tok   = dif_pipeline_part (pipe, "tokenizer", "CLIPTokenizer");
  const DifHostArray *array = dif_weights_lookup (golden, name);
  g_autofree gint32  *ids   = NULL;
  GError             *error = NULL;
  guint               n;

  if (! array)
    return;
  n   = dif_tokenizer_max_length (tok);
  ids = g_new (gint32, n);
  dif_tokenizer_encode (tok, dif_json_string (c, key, ""), ids, n, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (array->shape.d[1], ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (ids[i], ==, ((const gint64 *) array->data)[i]);
}

static gboolean
is_skipped (const Case *k)
{
  if (k->skip)
    g_test_skip ("not of the sample that DIF_TEST_SAMPLE asks for");
  return k->skip;
}

static void
test_f32 (gconstpointer data)
{
  static const char *const embeddings[] = { "prompt_embeds", "negative_prompt_embeds",
                                            "pooled_prompt_embeds",
                                            "negative_pooled_prompt_embeds" };
  const Case              *k            = data;
  g_autofree char         *relative =
      g_build_filename (k->folder, dif_json_string (k->c, "file", ""), NULL);
  g_autoptr (DifWeights) golden = test_read_tensors (relative);
  g_autofree char       *last   = NULL;
  Dump                   dump   = { 0 };
  double                 embeds = 0, noise, latents = 0, image;

  if (is_skipped (k))
    return;
  check_ids (pipeline_for (k->suite, dif_json_string (k->c, "model", "")), k->c, "prompt", golden,
             "input_ids");
  check_ids (pipeline_for (k->suite, dif_json_string (k->c, "model", "")), k->c, "negative_prompt",
             golden, "negative_input_ids");
  run_case (k, golden, &dump);
  g_assert_cmpuint (dump.n_noise, ==, (guint) dif_json_int (k->c, "unet_calls", 0, 1, 1000));
  /* stored once per model and prompts */
  for (guint i = 0; i < G_N_ELEMENTS (embeddings); i++)
    if (dif_weights_lookup (golden, embeddings[i]))
      embeds = MAX (embeds, compare (&dump, golden, embeddings[i], embeddings[i], TRUE));
  if (dif_weights_lookup (golden, "initial_latents"))
    g_assert_cmpfloat (compare (&dump, golden, "initial_latents", "initial_latents", TRUE), <,
                       1e-6);
  if (dif_weights_lookup (golden, "depth_map"))
    g_assert_cmpfloat (compare (&dump, golden, "depth_map", "depth_map", TRUE), <, MODULE_BOUND);
  noise = compare (&dump, golden, "noise_pred.0", "noise_pred.first", TRUE);
  for (guint i = 0; i < dump.n_latents; i++)
    {
      g_autofree char *name = g_strdup_printf ("latents.%u", i);

      if (dif_weights_lookup (golden, name))
        latents = MAX (latents, compare (&dump, golden, name, name, TRUE));
    }
  last  = g_strdup_printf ("noise_pred.%u", dump.n_noise - 1);
  image = compare_image (&dump, golden, dif_json_has (k->c, "padding"));
  g_test_message ("embeds %.1e, first noise %.1e, last noise %.1e, latents %.1e, image %.1e",
                  embeds, noise, compare (&dump, golden, last, "noise_pred.last", TRUE), latents,
                  image);
  g_assert_cmpfloat (embeds, <, MODULE_BOUND);
  g_assert_cmpfloat (noise, <, MODULE_BOUND);
  g_assert_cmpfloat (compare (&dump, golden, last, "noise_pred.last", TRUE), <, IMAGE_BOUND);
  g_assert_cmpfloat (latents, <, IMAGE_BOUND);
  g_assert_cmpfloat (image, <, IMAGE_BOUND);
  g_hash_table_unref (dump.tensors);
}

/* bf16 against the golden f32 picture: PSNR of at least 35 dB. */
static void
test_bf16 (gconstpointer data)
{
  const Case      *k = data;
  g_autofree char *relative =
      g_build_filename (k->folder, dif_json_string (k->c, "file", ""), NULL);
  g_autoptr (DifWeights) golden   = test_read_tensors (relative);
  g_autofree float      *expected = NULL, *found = NULL;
  g_autoptr (DifBackend) be   = dif_backend_open ("cpu", NULL);
  Dump                   dump = { 0 };
  gsize                  n;
  double                 psnr;

  if (! be->klass->supports (be, DIF_BF16))
    {
      g_test_skip ("this CPU does not compute in bf16");
      return;
    }
  if (is_skipped (k))
    return;
  run_case (k, golden, &dump);
  found = kept_rows (&dump, golden, &expected, &n);
  psnr  = test_psnr (found, expected, n);
  g_test_message ("bf16 against f32: %.1f dB", psnr);
  g_assert_cmpfloat (psnr, >=, 35);
  g_hash_table_unref (dump.tensors);
}

/* One word of the prompt changed must change the picture, or the models are
 * too quiet to notice anything. */
static void
test_loud (void)
{
  g_autoptr (DifWeights) a = test_read_tensors ("golden/sd15__own.safetensors");
  g_autoptr (DifWeights) b = test_read_tensors ("golden/sd15__own-word.safetensors");
  DifShape               shape;
  g_autofree float      *x = test_floats (a, "image", &shape), *y = test_floats (b, "image", NULL);
  gsize                  n;

  g_assert_true (dif_shape_count (&shape, &n));
  g_assert_cmpfloat (test_max_difference (x, y, n), >, 0.1);
}

/* Cancelled at any step, memory is back where it was and the next run draws
 * the same picture as ever. */
typedef struct
{
  guint         at, seen;
  GCancellable *cancellable;
} Stop;

static void
stop_at (const DifProgress *progress, gpointer user_data)
{
  Stop *stop = user_data;

  if (stop->seen++ == stop->at)
    g_cancellable_cancel (stop->cancellable);
}

static void
test_cancel (gconstpointer data)
{
  DifPipeline           *pipe   = pipeline_for (&cpu_f32, "sd15");
  g_autoptr (DifWeights) golden = test_read_tensors ("golden/sd15__own.safetensors");
  g_autoptr (DifRequest) rq     = request_for ("golden", ((const Case *) data)->c, golden);
  GError                *error  = NULL;
  g_autoptr (DifResult)  first  = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  /* now weights have the layout that these shapes ask for; under AVX2 it differs in size */
  gsize before = dif_pipeline_backend (pipe)->live_bytes;

  g_assert_no_error (error);
  for (guint at = 0;; at++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      Stop                     stop        = { at, 0, cancellable };
      g_autoptr (DifResult)    r           = NULL;

      r = dif_pipeline_run (pipe, rq, stop_at, &stop, cancellable, &error);

      g_assert_cmpuint (dif_pipeline_backend (pipe)->live_bytes, ==, before);
      if (r)
        {
          g_assert_no_error (error);
          g_assert_cmpuint (at, >, 9);
          return;
        }
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&error);
    }
}

static void
free_case (gpointer data)
{
  Case *k = data;

  dif_json_unref (k->c);
  g_free (k);
}

static void
add_cases (DifJson *root, const char *folder, Suite *suite, const char *suffix, GTestDataFunc func)
{
  DifJson    *cases  = dif_json_member (root, "cases");
  const char *sample = g_getenv ("DIF_TEST_SAMPLE");
  guint       every  = sample ? MAX ((guint) atoi (sample), 1) : 1;

  for (guint i = 0; i < dif_json_length (cases); i++)
    {
      Case            *k    = g_new0 (Case, 1);
      g_autofree char *path = NULL;

      k->suite  = suite;
      k->folder = folder;
      k->skip   = i % every != 0;
      k->c      = dif_json_ref (dif_json_at (cases, i));
      path      = g_strdup_printf ("/golden/%s/%s", suffix, dif_json_string (k->c, "name", "?"));
      g_test_add_data_func_full (path, k, func, free_case);
    }
}

static DifJson *
read_cases (const char *folder)
{
  g_autofree char *relative = g_build_filename (folder, "cases.json", NULL);

  return test_read_json (relative);
}

/* The folders of families that have one of their own; kept as long as the cases. */
static GPtrArray *
family_folders (void)
{
  g_autofree char *all     = test_fixture (".");
  g_autoptr (GDir) dir     = g_dir_open (all, 0, NULL);
  GPtrArray       *folders = g_ptr_array_new_with_free_func (g_free);
  const char      *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)))
    if (g_str_has_prefix (name, "family-"))
      g_ptr_array_add (folders, g_strdup (name));
  g_ptr_array_sort_values (folders, (GCompareFunc) g_strcmp0);
  return folders;
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) folders = NULL;
  g_autoptr (DifJson)   golden = NULL, pictures = NULL, depth = NULL, unconditional = NULL;
  g_autoptr (DifJson)   prompts = NULL, families = NULL, regions = NULL;
  static Case           first;
  int                   status;

  g_test_init (&argc, &argv, NULL);
  golden        = read_cases ("golden");
  pictures      = read_cases ("pictures");
  regions       = read_cases ("regions");
  depth         = read_cases ("depth");
  families      = read_cases ("families");
  unconditional = read_cases ("unconditional");
  prompts       = read_cases ("prompts");
  first.c       = dif_json_at (dif_json_member (golden, "cases"), 0);
  g_test_add_func ("/golden/models-are-loud", test_loud);
  add_cases (golden, "golden", &cpu_f32, "f32", test_f32);
  add_cases (pictures, "pictures", &cpu_f32, "f32", test_f32);
  add_cases (regions, "regions", &cpu_f32, "f32", test_f32);
  add_cases (depth, "depth", &cpu_f32, "f32", test_f32);
  add_cases (families, "families", &cpu_f32, "f32", test_f32);
  add_cases (unconditional, "unconditional", &cpu_f32, "f32", test_f32);
  add_cases (prompts, "prompts", &cpu_f32, "f32", test_f32);
  folders = family_folders ();
  for (guint i = 0; i < folders->len; i++)
    {
      g_autoptr (DifJson) cases = read_cases (folders->pdata[i]);

      add_cases (cases, folders->pdata[i], &cpu_f32, "f32", test_f32);
      add_cases (cases, folders->pdata[i], &cpu_bf16, "bf16", test_bf16);
    }
  add_cases (golden, "golden", &cpu_bf16, "bf16", test_bf16);
  add_cases (pictures, "pictures", &cpu_bf16, "bf16", test_bf16);
  add_cases (regions, "regions", &cpu_bf16, "bf16", test_bf16);
  add_cases (depth, "depth", &cpu_bf16, "bf16", test_bf16);
  add_cases (families, "families", &cpu_bf16, "bf16", test_bf16);
  g_test_add_data_func ("/golden/cancel-at-any-step", &first, test_cancel);
  status = g_test_run ();
  g_clear_pointer (&cpu_f32.pipes, g_hash_table_unref);
  g_clear_pointer (&cpu_bf16.pipes, g_hash_table_unref);
  return status;
}
