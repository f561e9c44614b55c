/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-golden-files.c - pictures from single files, and with LoRAs and embeddings.
 *
 * The folders' pictures are compared with diffusers' by test-golden.c; a single
 * file of the same tensors must give the same ones, bit for bit.  One thread:
 * the order of sums depends on their number.  Pictures drawn with LoRAs and
 * embeddings are compared with what diffusers draws, adapters/cases.json.
 */
#include <string.h>

#include "formats/scratch.h"
#include "single.h"
#include "support.h"

#define IMAGE_BOUND  5e-4
#define MODULE_BOUND 1e-5

static char *scratch;

static DifImage *
ramp (void)
{
  guint8 bytes[64 * 64];

  for (guint i = 0; i < G_N_ELEMENTS (bytes); i++)
    bytes[i] = (guint8) (i / 64 * 2 + i % 64);
  return dif_image_new_8bit (64, 64, 1, bytes, 64, 1);
}

static DifResult *
draw_task (DifPipeline *pipe, const char *task)
{
  GError                *error = NULL;
  g_autoptr (DifRequest) rq    = dif_request_new (task, &error);
  g_autoptr (DifImage)   image = ramp ();
  DifResult             *result;

  if (strcmp (task, "img2img") == 0)
    dif_request_set_image (rq, "image", image, &error);
  dif_request_set (rq, "prompt", "a red cube beside a blue sphere, night!", &error);
  g_assert_no_error (error);
  dif_request_set_number (rq, "steps", 4, &error);
  dif_request_set_number (rq, "width", 64, &error);
  dif_request_set_number (rq, "height", 64, &error);
  dif_request_set_number (rq, "seed", 5, &error);
  g_assert_no_error (error);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return result;
}

static DifResult *
draw (DifPipeline *pipe)
{
  return draw_task (pipe, "txt2img");
}

static DifPipeline *
load (const char *path)
{
  GError      *error = NULL;
  DifPipeline *pipe  = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static double
difference (DifResult *a, DifResult *b)
{
  gsize n = (gsize) dif_result_width (a) * dif_result_height (a) * 3;

  g_assert_cmpuint (dif_result_width (a), ==, dif_result_width (b));
  g_assert_cmpuint (dif_result_height (a), ==, dif_result_height (b));
  return test_max_difference (dif_result_pixels (a, 0), dif_result_pixels (b, 0), n);
}

static const struct
{
  const char *model, *task, *words;
} singles[] = {
  { "sd15", "txt2img", "tokenizer" },
  { "sd21", "txt2img", "tokenizer" },
  { "sdxl", "txt2img", "tokenizer" },
  { "refiner", "img2img", "tokenizer_2" },
};

static void
test_single (gconstpointer data)
{
  guint                   i         = GPOINTER_TO_UINT (data);
  char                   *folder    = scratch_new ();
  g_autofree char        *models    = g_build_filename ("models", singles[i].model, NULL);
  g_autofree char        *from      = test_fixture (models);
  g_autofree char        *tokenizer = g_build_filename (from, singles[i].words, NULL);
  g_autofree char        *path      = single_write (folder, singles[i].model, DIF_F32);
  g_autoptr (DifPipeline) whole     = NULL;
  g_autoptr (DifPipeline) single    = NULL;
  g_autoptr (DifResult)   a = NULL, b = NULL;

  scratch_copy (folder, "tokenizer", tokenizer);
  whole  = load (from);
  single = load (path);
  a      = draw_task (whole, singles[i].task);
  b      = draw_task (single, singles[i].task);
  g_assert_cmpfloat (difference (a, b), ==, 0);
  scratch_free (folder);
}

/* Halves are computed in f32, so that their rounding is all that is lost. */
static void
test_dtypes (void)
{
  static const struct
  {
    DifDtype dtype;
    double   bound;
  } rows[]                      = { { DIF_F16, 0.01 }, { DIF_BF16, 0.1 } };
  g_autofree char        *from  = test_fixture ("models/sd15");
  g_autofree char        *words = test_fixture ("models/sd15/tokenizer");
  g_autoptr (DifPipeline) whole = load (from);
  g_autoptr (DifResult)   a     = draw (whole);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                   *folder = scratch_new ();
      g_autofree char        *path   = single_write (folder, "sd15", rows[i].dtype);
      g_autoptr (DifPipeline) single = NULL;
      g_autoptr (DifResult)   b      = NULL;
      double                  found;

      scratch_copy (folder, "tokenizer", words);
      single = load (path);
      b      = draw (single);
      found  = difference (a, b);
      g_test_message ("%s: %.1e", dif_dtype_name (rows[i].dtype), found);
      g_assert_cmpfloat (found, >, 0);
      g_assert_cmpfloat (found, <, rows[i].bound);
      scratch_free (folder);
    }
}

/* Without a vocabulary one line says how to get one; then it is found in the
 * user's data folder, beside the file, or in an installed model. */
static void
test_vocabulary (void)
{
  char                    *folder   = scratch_new ();
  g_autofree char         *path     = single_write (folder, "sd15", DIF_F32);
  g_autofree char         *words    = test_fixture ("models/sd15/tokenizer");
  g_autofree char         *other    = test_fixture ("models/sd21/tokenizer");
  static const char *const places[] = { "data/gimp-diffusion/tokenizers/clip",
                                        "data/gimp-diffusion/models/other/tokenizer" };
  g_autoptr (GError)       error    = NULL;

  g_assert_null (dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (error, "sd15.safetensors: expected CLIP's vocabulary of 844 words");
  assert_one_line (error, "dif import-tokenizer");
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autoptr (DifPipeline) pipe = NULL;

      scratch_copy (scratch, places[i], i ? other : words);
      scratch_write_text (scratch, "data/gimp-diffusion/models/other/model_index.json", "{}");
      pipe = load (path);
      /* whichever folder the words are from, the file's family fills prompts */
      g_assert_cmpint (dif_tokenizer_pad (dif_pipeline_part (pipe, "tokenizer", "CLIPTokenizer")),
                       ==, 843);
      scratch_remove (scratch, places[i]);
    }
  scratch_free (folder);
}

/* ---- LoRAs and embeddings ---- */

/* What is compared: copies of what the run dumps. */
static void
keep (const char *name, const DifShape *shape, const float *data, gpointer user_data)
{
  gsize n;

  g_assert_true (dif_shape_count (shape, &n));
  g_hash_table_insert (user_data, g_strdup (name), g_bytes_new (data, n * sizeof *data));
}

static double
compare (GHashTable *dump, const char *ours, DifWeights *golden, const char *theirs)
{
  GBytes           *bytes = g_hash_table_lookup (dump, ours);
  DifShape          shape;
  g_autofree float *expected = test_floats (golden, theirs, &shape);
  gsize             n;

  g_assert_nonnull (bytes);
  g_assert_true (dif_shape_count (&shape, &n));
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, n * sizeof (float));
  return test_relative_difference (g_bytes_get_data (bytes, NULL), expected, n);
}

static double
compare_rows (DifResult *result, DifWeights *golden)
{
  DifShape          shape;
  g_autofree float *expected = test_floats (golden, "image.rows3", &shape);
  const float      *pixels   = dif_result_pixels (result, 0);
  double            worst    = 0;

  for (gsize c = 0; c < 3; c++)
    for (gsize y = 0; y < shape.d[2]; y++)
      for (gsize x = 0; x < shape.d[3]; x++)
        {
          float a = pixels[(3 * y * shape.d[3] + x) * 3 + c];
          float b = expected[(c * shape.d[2] + y) * shape.d[3] + x];

          worst = MAX (worst, ABS ((double) a - (double) b));
        }
  return worst;
}

static void
add_list (DifRequest *rq, DifJson *c, const char *folder, const char *key, const char *name)
{
  DifJson *list  = dif_json_member (c, key);
  GError  *error = NULL;

  for (guint i = 0; i < dif_json_length (list); i++)
    {
      const char      *spec = dif_json_value_string (dif_json_at (list, i));
      g_autofree char *file = g_build_filename (folder, spec, NULL);
      g_autofree char *path = test_fixture (file);

      dif_request_set (rq, name, path, &error);
      g_assert_no_error (error);
    }
}

static DifRequest *
request_for (DifJson *c, const char *folder)
{
  static const char *const numbers[][2] = {
    { "steps", "steps" },
    { "width", "width" },
    { "height", "height" },
    { "seed", "seed" },
    { "guidance_scale", "guidance-scale" },
    { "clip_skip", "clip-skip" }
  };
  g_autofree char *relative = g_build_filename ("models", dif_json_string (c, "model", ""), NULL);
  g_autofree char *model    = test_fixture (relative);
  GError          *error    = NULL;
  DifRequest      *rq       = dif_request_new ("txt2img", &error);

  dif_request_set (rq, "model", model, &error);
  dif_request_set (rq, "device", "cpu", &error);
  dif_request_set (rq, "dtype", "f32", &error);
  dif_request_set (rq, "prompt", dif_json_string (c, "prompt", ""), &error);
  dif_request_set (rq, "negative-prompt", dif_json_string (c, "negative_prompt", ""), &error);
  dif_request_set (rq, "scheduler", dif_json_string (c, "scheduler", ""), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    if (dif_json_has (c, numbers[i][0]))
      {
        dif_request_set_number (rq, numbers[i][1], dif_json_double (c, numbers[i][0], 0), &error);
        g_assert_no_error (error);
      }
  add_list (rq, c, folder, "loras", "lora");
  add_list (rq, c, folder, "embeddings", "embedding");
  return rq;
}

static void
check_ids (DifTokenizer *tokenizer, DifJson *c, DifWeights *golden, const char *name)
{
  const DifHostArray *expected = dif_weights_lookup (golden, name);
  gint32              ids[77];
  GError             *error = NULL;

  g_assert_true (! tokenizer == ! expected);
  if (! tokenizer)
    return;
  dif_tokenizer_encode (tokenizer, dif_json_string (c, "prompt", ""), ids,
                        dif_tokenizer_max_length (tokenizer), NULL, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    g_assert_cmpint (ids[i], ==, ((const gint64 *) expected->data)[i]);
}

static void
test_adapters (gconstpointer data)
{
  DifJson                *c        = (DifJson *) data;
  const char             *folder   = dif_json_has (c, "folder") ? dif_json_string (c, "folder", "")
                                                                : "adapters";
  g_autofree char        *relative = g_build_filename (folder, dif_json_string (c, "file", ""),
                                                       NULL);
  g_autoptr (DifWeights)  golden   = test_read_tensors (relative);
  g_autoptr (DifRequest)  rq       = request_for (c, folder);
  GError                 *error    = NULL;
  g_autoptr (DifPipeline) pipe     = dif_pipeline_load_for (rq, NULL, NULL, NULL, &error);
  g_autoptr (DifResult)   result   = NULL;
  g_autofree char        *last     = NULL;
  g_autoptr (GHashTable)  dump     = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                            (GDestroyNotify) g_bytes_unref);
  double                  embeds, noise, image;

  g_assert_no_error (error);
  check_ids (dif_pipeline_part (pipe, "tokenizer", "CLIPTokenizer"), c, golden, "input_ids");
  check_ids (dif_pipeline_part (pipe, "tokenizer_2", "CLIPTokenizer"), c, golden, "input_ids_2");
  dif_pipeline_set_dump (pipe, keep, dump);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  last   = g_strdup_printf ("noise_pred.%d", (int) dif_json_int (c, "unet_calls", 1, 1, 99) - 1);
  embeds = compare (dump, "prompt_embeds", golden, "prompt_embeds");
  if (dif_weights_lookup (golden, "pooled_prompt_embeds"))
    embeds = MAX (embeds, compare (dump, "pooled_prompt_embeds", golden, "pooled_prompt_embeds"));
  noise = compare (dump, "noise_pred.0", golden, "noise_pred.first");
  image = compare_rows (result, golden);
  g_test_message ("embeds %.1e, first noise %.1e, last noise %.1e, image %.1e", embeds, noise,
                  compare (dump, last, golden, "noise_pred.last"), image);
  g_assert_cmpfloat (embeds, <, MODULE_BOUND);
  g_assert_cmpfloat (noise, <, MODULE_BOUND);
  g_assert_cmpfloat (compare (dump, last, golden, "noise_pred.last"), <, IMAGE_BOUND);
  g_assert_cmpfloat (image, <, IMAGE_BOUND);
}

/* ---- other adapters on a loaded pipeline ---- */

/* What one picture is drawn with: LoRAs of the fixtures, up to the first NULL. */
typedef struct
{
  const char *loras[3];
} Laid;

static DifRequest *
request_with (const char *model, const Laid *laid)
{
  g_autofree char *relative = g_build_filename ("models", model, NULL);
  g_autofree char *path     = test_fixture (relative);
  DifRequest      *rq       = dif_request_new ("txt2img", NULL);

  g_assert_true (dif_request_set (rq, "model", path, NULL) &&
                 dif_request_set (rq, "device", "cpu", NULL) &&
                 dif_request_set (rq, "dtype", "f32", NULL) &&
                 dif_request_set (rq, "prompt", "a red cube, night", NULL) &&
                 dif_request_set_number (rq, "steps", 2, NULL) &&
                 dif_request_set_number (rq, "width", 48, NULL) &&
                 dif_request_set_number (rq, "height", 40, NULL) &&
                 dif_request_set_number (rq, "seed", 3, NULL));
  for (guint i = 0; laid && laid->loras[i]; i++)
    {
      g_autofree char *file = test_fixture (laid->loras[i]);

      g_assert_true (dif_request_set (rq, "lora", file, NULL));
    }
  return rq;
}

static void
assert_same (DifResult *a, DifResult *b)
{
  g_assert_cmpfloat (difference (a, b), ==, 0);
  g_assert_cmpstr (dif_result_recipe (a, 0), ==, dif_result_recipe (b, 0));
}

/* Each one in turn on the same pipeline draws what one loaded for it draws. */
static void
assert_exchangeable (const char *model, const Laid *all, guint n)
{
  g_autoptr (DifRequest)  bare  = request_with (model, NULL);
  GError                 *error = NULL;
  g_autoptr (DifPipeline) warm  = dif_pipeline_load_for (bare, NULL, NULL, NULL, &error);
  g_autoptr (DifResult)   first = dif_pipeline_run (warm, bare, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (DifRequest)  rq    = request_with (model, &all[i]);
      g_autoptr (DifPipeline) fresh = dif_pipeline_load_for (rq, NULL, NULL, NULL, &error);
      g_autoptr (DifResult)   a = NULL, b = NULL;

      g_assert_no_error (error);
      g_assert_true (dif_pipeline_set_adapters (warm, rq, NULL, &error));
      g_assert_no_error (error);
      a = dif_pipeline_run (warm, rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      b = dif_pipeline_run (fresh, rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      assert_same (a, b);
      g_assert_cmpuint (dif_pipeline_weight_bytes (warm), ==, dif_pipeline_weight_bytes (fresh));
      if (all[i].loras[0])
        g_assert_cmpfloat (difference (a, first), >, 0);
      else
        assert_same (a, first);
    }
}

static void
test_exchange (void)
{
  /* beside the weights, in them, both at once; another weight, order, and none */
  static const Laid sd15[] = {
    { { "adapters/peft.safetensors" } },
    { { "adapters/peft.safetensors:0.5", "adapters/kohya.safetensors:-0.4" } },
    { { "adapters/kohya.safetensors:-0.4", "adapters/peft.safetensors:0.5" } },
    { { "kinds/loha.safetensors:0.6" } },
    { { NULL } },
    { { "kinds/locon-dora.safetensors", "adapters/kohya.safetensors" } },
    { { "kinds/locon-tucker.safetensors" } },
    { { "kinds/norm.safetensors" } },
    { { NULL } },
  };
  static const Laid sdxl[] = {
    { { "adapters/peft-xl.safetensors:0.7" } },
    { { "adapters/kohya-xl.safetensors" } },
    { { NULL } },
  };

  assert_exchangeable ("sd15", sd15, G_N_ELEMENTS (sd15));
  assert_exchangeable ("sdxl", sdxl, G_N_ELEMENTS (sdxl));
}

/* What does not fit, or cannot be changed, is one error and leaves all as it was. */
static void
test_exchange_fails (void)
{
  static const Laid       good  = { { "adapters/peft.safetensors" } };
  static const Laid       bad[] = { { { "adapters/kohya-xl.safetensors" } },
                                    { { "adapters/kohya.safetensors", "models/sd15/unet" } } };
  g_autoptr (DifRequest)  rq    = request_with ("sd15", &good);
  g_autoptr (DifRequest)  words = request_with ("sd15", &good);
  g_autofree char        *word  = test_fixture ("adapters/cube.safetensors");
  GError                 *error = NULL;
  g_autoptr (DifPipeline) pipe  = dif_pipeline_load_for (rq, NULL, NULL, NULL, &error);
  g_autoptr (DifResult)   first = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (DifRequest) other  = request_with ("sd15", &bad[i]);
      g_autoptr (DifResult)  result = NULL;
      g_autoptr (GError)     why    = NULL;

      g_assert_false (dif_pipeline_set_adapters (pipe, other, NULL, &why));
      g_assert_nonnull (why);
      result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      assert_same (first, result);
    }
  g_assert_true (dif_request_set (words, "embedding", word, NULL));
  g_assert_false (dif_pipeline_set_adapters (pipe, words, NULL, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
  g_clear_error (&error);
}

static DifJson *
add_adapters (const char *file)
{
  DifJson *root  = test_read_json (file);
  DifJson *cases = dif_json_member (root, "cases");

  for (guint i = 0; i < dif_json_length (cases); i++)
    {
      DifJson         *c    = dif_json_at (cases, i);
      g_autofree char *name = g_strdup_printf ("/golden/adapters/%s",
                                               dif_json_string (c, "name", "?"));

      g_test_add_data_func (name, c, test_adapters);
    }
  return root;
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) adapters = NULL;
  g_autoptr (DifJson) kinds    = NULL;
  g_autofree char    *data     = NULL;
  int                 status;

  g_setenv ("OMP_NUM_THREADS", "1", TRUE);
  scratch = scratch_new ();
  data    = scratch_path (scratch, "data");
  g_setenv ("XDG_DATA_HOME", data, TRUE);
  g_setenv ("XDG_DATA_DIRS", data, TRUE);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (singles); i++)
    {
      g_autofree char *path = g_strconcat ("/golden/single-file/", singles[i].model, NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_single);
    }
  g_test_add_func ("/golden/single-file/halves", test_dtypes);
  g_test_add_func ("/golden/single-file/vocabulary", test_vocabulary);
  g_test_add_func ("/golden/adapters-exchanged/as-if-loaded-with", test_exchange);
  g_test_add_func ("/golden/adapters-exchanged/failure-leaves-those-before", test_exchange_fails);
  adapters = add_adapters ("adapters/cases.json");
  kinds    = add_adapters ("kinds/cases.json");
  status   = g_test_run ();
  scratch_free (scratch);
  return status;
}
