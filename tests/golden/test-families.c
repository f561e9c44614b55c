/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-families.c - what the families of models do not bear: parts that are
 * missing or do not fit, parameters of another family; and in which dtype their
 * VAEs compute.
 */
#include <math.h>
#include <string.h>

#include "formats/scratch.h"
#include "support.h"

/* Replaces a text, which must be there, in a file of the model in @folder. */
static void
edit (const char *folder, const char *file, const char *from, const char *to)
{
  g_autofree char *path = g_build_filename (folder, "model", file, NULL), *text = NULL;
  g_auto (GStrv)   parts = NULL;
  GError          *error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  parts = g_strsplit (text, from, 2);
  g_assert_cmpuint (g_strv_length (parts), ==, 2);
  g_free (text);
  text = g_strjoinv (to, parts);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

/* A copy of a model of the fixtures. */
static char *
copied_model (const char *model)
{
  g_autofree char *relative = g_build_filename ("models", model, NULL),
                  *source   = test_fixture (relative);
  char *folder              = scratch_new ();

  scratch_copy (folder, "model", source);
  return folder;
}

static DifPipeline *
load (const char *folder, const char *device, const char *dtype, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "model", NULL);

  return dif_pipeline_load (path, device, dtype, NULL, NULL, NULL, error);
}

/* ---- parts ---- */

static const struct
{
  const char *name, *model, *file, *from, *to, *expected;
} misfits[] = {
  { "no-second-encoder", "sdxl", "model_index.json", "\"text_encoder_2\"", "\"text_encoder_3\"",
    "text_encoder_2: expected a CLIPTextModelWithProjection, found none" },
  { "second-encoder-of-another-class", "sdxl", "model_index.json", "CLIPTextModelWithProjection",
    "CLIPTextModel",
    "text_encoder_2: expected a CLIPTextModelWithProjection, found CLIPTextModel" },
  { "no-first-encoder", "sdxl", "model_index.json", "\"text_encoder\"", "\"text_encoder_0\"",
    "unet: expected a cross_attention_dim of the text encoder's 16, found 28" },
  { "score-not-made-for", "sdxl", "model_index.json", "\"force_zeros",
    "\"requires_aesthetics_score\": true, \"force_zeros",
    "expected the text encoder's 10 and 5 sizes of 8 (requires_aesthetics_score), 50 in all, found "
    "58" },
  { "score-left-out", "refiner", "model_index.json", "requires_aesthetics_score",
    "requires_nothing",
    "projection_class_embeddings_input_dim: expected the text encoder's 10 and 6 sizes of 8, 58 in "
    "all, found 50" },
  { "score-no-truth-value", "refiner", "model_index.json", "\"requires_aesthetics_score\": true",
    "\"requires_aesthetics_score\": 3", "requires_aesthetics_score" },
  { "sdxl-as-sd", "sdxl", "model_index.json", "StableDiffusionXLPipeline",
    "StableDiffusionPipeline",
    "unet: expected a cross_attention_dim of the text encoder's 12, found 28" },
  { "sd-as-sdxl", "sd15", "model_index.json", "StableDiffusionPipeline",
    "StableDiffusionXLPipeline",
    "tokenizer_2: expected vocab.json" },
  { "sd-as-lcm", "sd15", "model_index.json", "StableDiffusionPipeline",
    "LatentConsistencyModelPipeline", "unet: time_cond_proj_dim: expected a number, found null" },
  { "tokenizers-differ", "sdxl", "tokenizer_2/tokenizer_config.json", "\"model_max_length\": 77",
    "\"model_max_length\": 40",
    "tokenizer_2: expected the first tokenizer's model_max_length of 77" },
  { "statistics-of-sdxl", "sd15", "vae/config.json", "\"latent_channels\": 4",
    "\"latents_mean\": [0, 0, 0, 0], \"latents_std\": [1, 1, 1, 1], \"latent_channels\": 4",
    "vae: latents_mean: expected null for a StableDiffusionPipeline, found a value" },
  { "added-of-another-width", "sdxl", "unet/config.json",
    "\"projection_class_embeddings_input_dim\": 58",
    "\"projection_class_embeddings_input_dim\": 59",
    "add_embedding.linear_1.weight: expected shape [48, 59], found [48, 58]" },
  { "unknown-pipeline", "sdxl", "model_index.json", "StableDiffusionXLPipeline",
    "StableDiffusion3Pipeline", "StableDiffusionXLPipeline, " },
};

static void
test_misfit (gconstpointer data)
{
  guint              i      = GPOINTER_TO_UINT (data);
  char              *folder = copied_model (misfits[i].model);
  g_autoptr (GError) error  = NULL;

  edit (folder, misfits[i].file, misfits[i].from, misfits[i].to);
  g_assert_null (load (folder, "cpu", "f32", &error));
  g_test_message ("%s", error->message);
  assert_one_line (error, misfits[i].expected);
  scratch_free (folder);
}

/* ---- requests ---- */

/* Runs "NAME=VALUE ..." on @model. */
static DifResult *
draw (DifPipeline *pipe, const char *task, const char *settings, GError **error)
{
  g_auto (GStrv)         pairs = g_strsplit (settings, " ", -1);
  g_autoptr (DifRequest) rq    = dif_request_new (task, error);
  guint8                 gray[64 * 64];
  DifImage              *image;

  memset (gray, 130, sizeof gray);
  image = dif_image_new_8bit (64, 64, 1, gray, 64, 1);
  g_assert_true (dif_request_set (rq, "prompt", "a red cube", error));
  g_assert_true (dif_request_set (rq, "seed", "3", error));
  if (strcmp (task, "txt2img") != 0)
    g_assert_true (dif_request_set_image (rq, "image", image, error));
  if (strcmp (task, "inpaint") == 0)
    g_assert_true (dif_request_set_image (rq, "mask", image, error));
  dif_image_unref (image);
  for (guint i = 0; pairs[i] && *pairs[i]; i++)
    {
      g_auto (GStrv) pair = g_strsplit (pairs[i], "=", 2);

      g_assert_true (dif_request_set (rq, pair[0], pair[1], error));
    }
  return dif_pipeline_run (pipe, rq, NULL, NULL, NULL, error);
}

static const struct
{
  const char *name, *model, *task, *settings, *expected;
} refused[] = {
  { "second-prompt-of-sd", "sd15", "txt2img", "prompt-2=b",
    "'s family, found a StableDiffusionPipeline" },
  { "end-of-sd", "sd15", "img2img", "denoising-end=0.5",
    "denoising-end: expected a model of SDXL" },
  { "sizes-of-sd", "sd15", "txt2img", "crop-top=8", "crop-top: expected a model of SDXL" },
  { "second-prompt-of-lcm", "lcm", "txt2img", "prompt-2=b", "prompt-2: expected a model of SDXL" },
  { "score-of-lcm", "lcm", "img2img", "aesthetic-score=5", "aesthetic-score: expected a model of" },
  { "start-behind-end", "sdxl", "img2img", "denoising-start=0.6 denoising-end=0.5",
    "denoising-start: expected less than denoising-end (0.5), found 0.6" },
  { "nothing-before-end", "sdxl", "img2img", "steps=5 denoising-end=0.01 strength=0.2",
    "denoising-end: expected a value that leaves one of 5 steps to make, found 0.01" },
  { "no-strength", "sdxl", "img2img", "steps=3",
    "strength: expected a value that leaves one of 3 steps to make, found 0.3" },
  { "text-to-refiner", "refiner", "txt2img", "", "txt2img needs another kind of model" },
  { "text-to-inpainting", "sdxl-inpaint", "txt2img", "", "is made for inpaint" },
  { "lcm-without-its-scheduler", "lcm", "img2img", "scheduler=euler",
    "scheduler: expected one for consistency models, such as lcm, found EulerDiscreteScheduler" },
  { "lcm-too-short", "lcm", "img2img", "strength=0.05",
    "steps: expected at most strength * original_inference_steps (2), found 4" },
  { "lcm-no-strength", "lcm", "img2img", "strength=0",
    "strength: expected a number above 0, at most 1, found 0" },
};

static void
test_refused (gconstpointer data)
{
  guint                   i      = GPOINTER_TO_UINT (data);
  char                   *folder = copied_model (refused[i].model);
  g_autoptr (GError)      error  = NULL;
  g_autoptr (DifPipeline) pipe   = load (folder, "cpu", "f32", &error);
  gsize                   before;

  g_assert_no_error (error);
  before = dif_pipeline_backend (pipe)->live_bytes;
  g_assert_null (draw (pipe, refused[i].task, refused[i].settings, &error));
  g_test_message ("%s", error->message);
  assert_one_line (error, refused[i].expected);
  g_assert_cmpuint (dif_pipeline_backend (pipe)->live_bytes, ==, before);
  scratch_free (folder);
}

/* Every parameter of some families is offered to a model of one of them, to no
 * other, and says for whom it is. */
static void
test_rows (void)
{
  static const struct
  {
    const char *model;
    gboolean    has_them;
  } models[] = {
    { "sd15", FALSE },
    { "lcm", FALSE },
    { "depth", FALSE },
    { "sdxl", TRUE },
    { "refiner", TRUE },
  };
  guint           n, n_bound = 0;
  const DifParam *rows = dif_task_params ("img2img", &n);

  for (guint k = 0; k < G_N_ELEMENTS (models); k++)
    {
      g_autofree char          *name  = g_build_filename ("models", models[k].model, NULL);
      g_autofree char          *path  = test_fixture (name);
      g_autoptr (GError)        error = NULL;
      g_autoptr (DifCheckpoint) c     = dif_checkpoint_open (path, &error);

      g_assert_no_error (error);
      for (guint i = 0; i < n; i++)
        g_assert_cmpint (dif_param_is_for (&rows[i], c), ==,
                         ! rows[i].families || models[k].has_them);
    }
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *families = dif_param_families (&rows[i]);

      g_assert_true ((families == NULL) == (rows[i].families == NULL));
      if (! families)
        continue;
      n_bound++;
      g_assert_true (g_str_has_prefix (families, "SDXL"));
      g_assert_true (g_str_has_prefix (rows[i].blurb, "SDXL"));
    }
  g_assert_cmpuint (n_bound, ==, 12);
}

/* ---- latents from a file ---- */

static void
keep_latents (const char *name, const DifShape *shape, const float *data, gpointer user_data)
{
  GBytes **kept = user_data;
  gsize    n;

  g_assert_true (dif_shape_count (shape, &n));
  if (strcmp (name, "initial_latents") == 0)
    *kept = g_bytes_new (data, n * sizeof *data);
}

typedef struct
{
  const char *name;
  DifShape    shape;
  float       value;
} Filled;

/* A file of @n tensors, each of one number throughout. */
static char *
write_filled (const char *folder, const Filled *tensors, guint n)
{
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  char                            *path  = scratch_path (folder, "latents.safetensors");
  GError                          *error = NULL;

  for (guint i = 0; i < n; i++)
    dif_safetensors_writer_declare (w, tensors[i].name, DIF_F32, &tensors[i].shape);
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (guint i = 0; i < n; i++)
    {
      g_autofree float *values = NULL;
      gsize             count;

      g_assert_true (dif_shape_count (&tensors[i].shape, &count));
      values = g_new (float, count);
      for (gsize k = 0; k < count; k++)
        values[k] = tensors[i].value;
      g_assert_true (dif_safetensors_writer_put (w, values, count * sizeof *values, &error));
    }
  g_assert_true (dif_safetensors_writer_close (w, &error));
  g_assert_no_error (error);
  return path;
}

/* Refines the latents at @path, without a picture. */
static DifResult *
refine (DifPipeline *pipe, const char *path, guint n_images, const char *width, GError **error)
{
  g_autoptr (DifRequest) rq = dif_request_new ("img2img", error);

  g_assert_true (dif_request_set (rq, "latents", path, error));
  g_assert_true (dif_request_set (rq, "seed", "3", error));
  g_assert_true (dif_request_set (rq, "steps", "4", error));
  g_assert_true (dif_request_set (rq, "denoising-start", "0.6", error));
  g_assert_true (dif_request_set_number (rq, "num-images", n_images, error));
  if (width)
    g_assert_true (dif_request_set (rq, "width", width, error));
  return dif_pipeline_run (pipe, rq, NULL, NULL, NULL, error);
}

static void
test_latents_misfit (void)
{
  static const struct
  {
    Filled      tensor;
    guint       n_images;
    const char *width, *expected;
  } rows[] = {
    { { "image", DIF_SHAPE (1, 4, 3, 2), 0 }, 1, NULL, "expected a tensor latents or latents.N" },
    { { "latents.x", DIF_SHAPE (1, 4, 3, 2), 0 }, 1, NULL, "expected a tensor latents" },
    { { "latents", DIF_SHAPE (1, 4, 3, 2), 0 }, 1, "24", "[1, 4, 3, 3] for 1 of 24 x 24 pixels" },
    { { "latents", DIF_SHAPE (1, 3, 3, 2), 0 }, 1, NULL, "expected floats of shape [1, 4, 3, 2]" },
    { { "latents", DIF_SHAPE (2, 4, 3, 2), 0 }, 3, NULL, "shape [1 or 3, 4, 3, 2] for 3 of" },
    { { "latents", DIF_SHAPE (4, 3, 2), 0 }, 1, "16", "a shape of four numbers, found [4, 3, 2]" },
    { { "latents", DIF_SHAPE (1, 4, 3, 2), NAN }, 1, NULL, "expected finite numbers" },
  };
  char                   *folder = copied_model ("refiner");
  g_autoptr (GError)      error  = NULL;
  g_autoptr (DifPipeline) pipe   = load (folder, "cpu", "f32", &error);
  gsize                   before = dif_pipeline_backend (pipe)->live_bytes;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = write_filled (folder, &rows[i].tensor, 1);

      g_assert_null (refine (pipe, path, rows[i].n_images, rows[i].width, &error));
      g_test_message ("%s", error->message);
      assert_one_line (error, "latents: ");
      assert_one_line (error, rows[i].expected);
      g_clear_error (&error);
      g_assert_cmpuint (dif_pipeline_backend (pipe)->live_bytes, ==, before);
    }
  g_assert_null (refine (pipe, "no-such-file.safetensors", 1, NULL, &error));
  assert_one_line (error, "latents: no-such-file.safetensors: ");
  scratch_free (folder);
}

/* Of a dump the last step's latents count, by number and not by letter; they
 * are handed on as they are, to every picture. */
static void
test_latents_of_last_step (void)
{
  static const Filled tensors[] = {
    { "latents.10", DIF_SHAPE (1, 4, 3, 2), 0.25f },
    { "latents.9", DIF_SHAPE (1, 4, 3, 2), 9 },
    { "image", DIF_SHAPE (1), 0 },
  };
  char                   *folder = copied_model ("refiner");
  g_autofree char        *path   = write_filled (folder, tensors, G_N_ELEMENTS (tensors));
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = load (folder, "cpu", "f32", &error);
  g_autoptr (DifResult)   result = NULL;
  g_autoptr (GBytes)      begun  = NULL;
  const float            *values;
  gsize                   size;

  dif_pipeline_set_dump (pipe, keep_latents, &begun);
  result = refine (pipe, path, 2, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (dif_result_width (result), ==, 16);
  g_assert_cmpuint (dif_result_height (result), ==, 24);
  values = g_bytes_get_data (begun, &size);
  g_assert_cmpuint (size, ==, 2 * 4 * 3 * 2 * sizeof (float));
  for (gsize i = 0; i < size / sizeof (float); i++)
    g_assert_cmpfloat (values[i], ==, 0.25f);
  scratch_free (folder);
}

static double
difference (DifResult *a, DifResult *b)
{
  g_assert_cmpuint (dif_result_width (a), ==, dif_result_width (b));
  return test_max_difference (dif_result_pixels (a, 0), dif_result_pixels (b, 0),
                              (gsize) dif_result_width (a) * dif_result_height (a) * 3);
}

/* Whatever parts a model has, their memory is told. */
static void
test_weight_bytes (void)
{
  static const char *const models[] = { "sd15", "ddpm", "lcm", "sdxl", "refiner" };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      char *folder = copied_model (models[i]);

      g_autoptr (DifPipeline) pipe  = NULL;
      GError                 *error = NULL;

      pipe = load (folder, "cpu", "f32", &error);
      g_assert_no_error (error);
      g_assert_cmpuint (dif_pipeline_weight_bytes (pipe), >, 100000);
      scratch_free (folder);
    }
}

/* A second prompt that is empty is the first one; an empty negative prompt is
 * another thing than none. */
static void
test_empty_prompts (void)
{
  char                   *folder = copied_model ("sdxl");
  GError                 *error  = NULL;
  g_autoptr (DifPipeline) pipe   = load (folder, "cpu", "f32", &error);
  g_autoptr (DifResult)   plain = NULL, second = NULL, negative = NULL, other = NULL;

  plain    = draw (pipe, "txt2img", "steps=2", &error);
  second   = draw (pipe, "txt2img", "steps=2 prompt-2= negative-prompt-2=", &error);
  negative = draw (pipe, "txt2img", "steps=2 negative-prompt=", &error);
  other    = draw (pipe, "txt2img", "steps=2 prompt-2=castle", &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (difference (plain, second), ==, 0);
  g_assert_cmpfloat (difference (plain, negative), >, 0.01);
  g_assert_cmpfloat (difference (plain, other), >, 0.01);
  scratch_free (folder);
}

static void
rename_part (const char *folder, const char *from, const char *to)
{
  g_autofree char *here  = g_build_filename (folder, "model", from, NULL),
                  *there = g_build_filename ("model", to, NULL),
                  *old   = g_build_filename ("model", from, NULL);

  scratch_copy (folder, there, here);
  scratch_remove (folder, old);
}

/* A refiner whose one text encoder goes by the first one's name. */
static void
test_refiner_renamed (void)
{
  char *plain = copied_model ("refiner"), *renamed = copied_model ("refiner");

  g_autoptr (DifPipeline) a = NULL, b = NULL;
  g_autoptr (DifResult)   one = NULL, two = NULL;
  GError                 *error = NULL;

  edit (renamed, "model_index.json",
        "\"text_encoder\": [\n    null,\n    null\n  ],\n  \"text_encoder_2\": [",
        "\"text_encoder\": [");
  rename_part (renamed, "text_encoder_2", "text_encoder");
  rename_part (renamed, "tokenizer_2", "tokenizer");
  a = load (plain, "cpu", "f32", &error);
  g_assert_no_error (error);
  b = load (renamed, "cpu", "f32", &error);
  g_assert_no_error (error);
  one = draw (a, "img2img", "steps=4 strength=0.5", &error);
  g_assert_no_error (error);
  two = draw (b, "img2img", "steps=4 strength=0.5", &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (difference (one, two), ==, 0);
  scratch_free (plain);
  scratch_free (renamed);
}

/* ---- dtypes ---- */

/* Latents are so large that no f16 holds them: drawn all the same with
 * force_upcast, and refused with the reason without. */
static void
test_decodes_in_f32 (void)
{
  for (guint upcast = 0; upcast < 2; upcast++)
    {
      char *folder = copied_model ("sdxl");

      g_autoptr (DifPipeline) pipe   = NULL;
      g_autoptr (DifResult)   result = NULL;
      GError                 *error  = NULL;

      edit (folder, "vae/config.json", "0.13025", "1e-7");
      if (! upcast)
        edit (folder, "vae/config.json", "\"force_upcast\": true", "\"force_upcast\": false");
      pipe = load (folder, "ref", "f16", &error);
      g_assert_no_error (error);
      result = draw (pipe, "txt2img", "steps=1 width=32 height=32", &error);
      if (upcast)
        g_assert_no_error (error);
      else
        assert_one_line (error, "do not bear computing in f16");
      g_clear_error (&error);
      scratch_free (folder);
    }
}

/* A picture's latents, without noise. */
static GBytes *
latents_of_picture (const char *dtype, gboolean upcast)
{
  char *folder = copied_model ("sdxl");

  g_autoptr (DifPipeline) pipe   = NULL;
  g_autoptr (DifResult)   result = NULL;
  GBytes                 *kept   = NULL;
  GError                 *error  = NULL;

  if (! upcast)
    edit (folder, "vae/config.json", "\"force_upcast\": true", "\"force_upcast\": false");
  pipe = load (folder, "ref", dtype, &error);
  g_assert_no_error (error);
  dif_pipeline_set_dump (pipe, keep_latents, &kept);
  result = draw (pipe, "img2img", "steps=4 denoising-start=0.7 width=32 height=32", &error);
  g_assert_no_error (error);
  g_assert_nonnull (kept);
  scratch_free (folder);
  return kept;
}

/* With force_upcast pictures are encoded in f32, whatever the rest is in. */
static void
test_encodes_in_f32 (void)
{
  static const char *const dtypes[] = { "bf16", "f16" };
  g_autoptr (GBytes)       exact    = latents_of_picture ("f32", TRUE);

  for (guint i = 0; i < G_N_ELEMENTS (dtypes); i++)
    {
      g_autoptr (GBytes) same  = latents_of_picture (dtypes[i], TRUE);
      g_autoptr (GBytes) other = latents_of_picture (dtypes[i], FALSE);

      g_assert_true (g_bytes_equal (exact, same));
      g_assert_false (g_bytes_equal (exact, other));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (misfits); i++)
    {
      g_autofree char *path = g_strdup_printf ("/families/misfits/%s", misfits[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_misfit);
    }
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *path = g_strdup_printf ("/families/refused/%s", refused[i].name);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_refused);
    }
  g_test_add_func ("/families/rows", test_rows);
  g_test_add_func ("/families/latents-misfit", test_latents_misfit);
  g_test_add_func ("/families/latents-of-last-step", test_latents_of_last_step);
  g_test_add_func ("/families/weight-bytes", test_weight_bytes);
  g_test_add_func ("/families/empty-prompts", test_empty_prompts);
  g_test_add_func ("/families/refiner-renamed", test_refiner_renamed);
  g_test_add_func ("/families/decodes-in-f32", test_decodes_in_f32);
  g_test_add_func ("/families/encodes-in-f32", test_encodes_in_f32);
  return g_test_run ();
}
