/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-checkpoint.c - diffusers folders: as published, as saved today, and broken. */
#include "base/error.h"
#include "formats/safetensors.h"

#include <string.h>
#include <unistd.h>

#include "formats/scratch.h"
#include "pipelines/open-checkpoint.h"

#define INDEX                                                                          \
  "{\"_class_name\": \"StableDiffusionPipeline\", \"_diffusers_version\": \"0.6.0\", " \
  "\"requires_safety_checker\": false, \"safety_checker\": [null, null], "             \
  "\"scheduler\": [\"diffusers\", \"PNDMScheduler\"], "                                \
  "\"text_encoder\": [\"transformers\", \"CLIPTextModel\"], "                          \
  "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], "                             \
  "\"feature_extractor\": [\"transformers\", \"CLIPImageProcessor\"], "                \
  "\"vae\": [\"diffusers\", \"AutoencoderKL\"], \"sizes\": [1, 2], \"force\": 3}"

/* Writes a file of one-element tensors with the values 1, 2 ... */
static void
write_tensors (const char *folder, const char *relative, const char *const *names)
{
  g_autofree char                 *path  = scratch_path (folder, relative);
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  g_autoptr (GError)               error = NULL;
  float                            value = 0;

  scratch_write_text (folder, relative, "");
  for (guint i = 0; names[i]; i++)
    dif_safetensors_writer_declare (w, names[i], DIF_F32, &DIF_SHAPE (1));
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (guint i = 0; names[i]; i++)
    {
      value++;
      g_assert_true (dif_safetensors_writer_put (w, &value, sizeof value, &error));
    }
  g_assert_true (dif_safetensors_writer_close (w, &error));
}

static char *
new_checkpoint (void)
{
  char *folder = scratch_new ();

  scratch_write_text (folder, "model_index.json", INDEX);
  return folder;
}

static DifCheckpoint *
open_good (const char *folder)
{
  g_autoptr (GError) error = NULL;
  DifCheckpoint     *c     = dif_checkpoint_open (folder, &error);

  g_assert_no_error (error);
  g_assert_nonnull (c);
  return c;
}

static void
assert_weights (const char *folder, const char *part, const char *const *names)
{
  g_autoptr (DifCheckpoint) c        = open_good (folder);
  g_autoptr (GError)        error    = NULL;
  g_autoptr (DifWeights)    weights  = dif_checkpoint_weights (c, part, &error);
  g_autoptr (GPtrArray)     found    = NULL;
  g_autofree char          *expected = g_strjoinv (" ", (char **) names);
  g_autofree char          *list     = NULL;

  g_assert_no_error (error);
  found = dif_weights_names (weights);
  g_ptr_array_add (found, NULL);
  list = g_strjoinv (" ", (char **) found->pdata);
  g_assert_cmpstr (list, ==, expected);
}

static void
assert_no_weights (const char *folder, const char *part, GQuark domain, int code, const char *what)
{
  g_autoptr (DifCheckpoint) c       = open_good (folder);
  g_autoptr (GError)        error   = NULL;
  g_autoptr (DifWeights)    weights = dif_checkpoint_weights (c, part, &error);

  g_assert_null (weights);
  g_assert_error (error, domain, code);
  assert_one_line (error, what);
}

static void
assert_not_opened (const char *path, GQuark domain, int code, const char *what)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (dif_checkpoint_open (path, &error));
  g_assert_error (error, domain, code);
  assert_one_line (error, path);
  assert_one_line (error, what);
}

static void
test_index (void)
{
  char                     *folder   = new_checkpoint ();
  g_autoptr (DifCheckpoint) c        = open_good (folder);
  g_autofree char          *parts    = g_strjoinv (" ", (char **) dif_checkpoint_parts (c));
  g_autofree char          *part     = dif_checkpoint_part_folder (c, "vae");
  g_autofree char          *expected = scratch_path (folder, "vae");

  g_assert_cmpstr (dif_checkpoint_path (c), ==, folder);
  g_assert_cmpstr (dif_checkpoint_pipeline_class (c), ==, "StableDiffusionPipeline");
  g_assert_cmpstr (parts, ==, "scheduler text_encoder tokenizer feature_extractor vae");
  g_assert_cmpstr (dif_checkpoint_part_class (c, "vae"), ==, "AutoencoderKL");
  g_assert_null (dif_checkpoint_part_class (c, "safety_checker"));
  g_assert_null (dif_checkpoint_part_class (c, "unet"));
  g_assert_cmpstr (part, ==, expected);
  g_assert_cmpint (dif_json_int (dif_checkpoint_index (c), "force", 0, 0, 9), ==, 3);
  scratch_free (folder);
}

static void
test_configs (void)
{
  static const char *const files[][2] = {
    { "scheduler", "scheduler_config.json" },
    { "text_encoder", "config.json" },
    { "tokenizer", "tokenizer_config.json" },
    { "feature_extractor", "preprocessor_config.json" },
  };
  char                     *folder = new_checkpoint ();
  g_autoptr (DifCheckpoint) c      = open_good (folder);
  g_autoptr (GError)        error  = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char    *relative = g_build_filename (files[i][0], files[i][1], NULL);
      g_autoptr (DifJson) config   = NULL;

      scratch_write_text (folder, relative, "{\"here\": 5}");
      config = dif_checkpoint_config (c, files[i][0], &error);
      g_assert_no_error (error);
      g_assert_cmpint (dif_json_int (config, "here", 0, 0, 9), ==, 5);
    }
  g_assert_null (dif_checkpoint_config (c, "vae", &error));
  g_assert_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
  assert_one_line (error, "vae/config.json: ");
  g_clear_error (&error);
  g_assert_null (dif_checkpoint_config (c, "unet", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (error, "model_index.json: expected a part \"unet\", found none");
  g_clear_error (&error);
  scratch_write_text (folder, "vae/config.json", "[]");
  g_assert_null (dif_checkpoint_config (c, "vae", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE);
  assert_one_line (error, "vae/config.json: expected an object, found an array of 0");
  g_clear_error (&error);
  scratch_write_text (folder, "vae/config.json", "{\"a\": }");
  g_assert_null (dif_checkpoint_config (c, "vae", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
  scratch_free (folder);
}

static void
test_not_folders (void)
{
  char            *folder = scratch_new ();
  g_autofree char *absent = scratch_path (folder, "absent");
  g_autofree char *single = scratch_path (folder, "sd.safetensors");
  g_autofree char *ckpt   = scratch_path (folder, "sd.ckpt");
  g_autofree char *file   = scratch_path (folder, "picture.png");

  scratch_write_text (folder, "sd.safetensors", "");
  scratch_write_text (folder, "sd.ckpt", "");
  scratch_write_text (folder, "picture.png", "");
  assert_not_opened (absent, G_FILE_ERROR, G_FILE_ERROR_NOENT, "found nothing there");
  assert_not_opened (single, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                     "expected at least 8 bytes of safetensors, found 0");
  assert_not_opened (ckpt, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                     "found a pickled checkpoint");
  assert_not_opened (file, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY, "found another file");
  assert_not_opened (folder, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                     "expected a model folder with model_index.json, found none in it");
  scratch_free (folder);
}

static void
test_bad_index (void)
{
  static const struct
  {
    const char *text;
    int         code;
    const char *what;
  } rows[] = {
    { "", DIF_FORMAT_ERROR_CORRUPT, "line 1" },
    { "{\"_class_name\": \"X\"", DIF_FORMAT_ERROR_CORRUPT, "syntax error" },
    { "[]", DIF_FORMAT_ERROR_BAD_VALUE, "expected an object, found an array of 0" },
    { "null", DIF_FORMAT_ERROR_BAD_VALUE, "expected an object, found null" },
    { "{}", DIF_FORMAT_ERROR_MISSING_KEY,
      "expected a pipeline's name under \"_class_name\", found none" },
    { "{\"_class_name\": 5}", DIF_FORMAT_ERROR_BAD_VALUE,
      "_class_name: expected a string, found 5" },
    { "{\"_class_name\": \"X\", \"unet\": [\"diffusers\", 5]}", DIF_FORMAT_ERROR_BAD_VALUE,
      "unet[1]: expected a string, found 5" },
    { "{\"_class_name\": \"X\", \"unet\": [null, \"Y\"]}", DIF_FORMAT_ERROR_BAD_VALUE,
      "unet[0]: expected a string, found null" },
    { "{\"_class_name\": \"X\", \"../unet\": [\"d\", \"Y\"]}", DIF_FORMAT_ERROR_BAD_VALUE,
      "expected a plain folder name" },
    { "{\"_class_name\": \"X\", \"..\": [\"d\", \"Y\"]}", DIF_FORMAT_ERROR_BAD_VALUE,
      "expected a plain folder name" },
    { "{\"_class_name\": \"X\", \"/etc\": [\"d\", \"Y\"]}", DIF_FORMAT_ERROR_BAD_VALUE,
      "expected a plain folder name" },
    { "{\"_class_name\": \"X\", \"\": [\"d\", \"Y\"]}", DIF_FORMAT_ERROR_BAD_VALUE,
      "expected a plain folder name" },
  };
  char *folder = scratch_new ();

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      scratch_write_text (folder, "model_index.json", rows[i].text);
      assert_not_opened (folder, DIF_FORMAT_ERROR, rows[i].code, rows[i].what);
    }
  scratch_free (folder);
}

static void
test_names_of_weights (void)
{
  static const char *const names[]   = { "model.safetensors", "diffusion_pytorch_model.safetensors",
                                         "model.fp16.safetensors",
                                         "diffusion_pytorch_model.fp16.safetensors" };
  static const char *const tensors[] = { "encoder.x", "mid_block.attentions.0.proj_attn.bias",
                                         "text_model.embeddings.position_ids", NULL };
  static const char *const vae[]     = { "encoder.x", "mid_block.attentions.0.to_out.0.bias",
                                         NULL };
  static const char *const text[]    = { "mid_block.attentions.0.to_out.0.bias",
                                         "text_model.encoder.x", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      char            *folder  = new_checkpoint ();
      g_autofree char *in_vae  = g_build_filename ("vae", names[i], NULL);
      g_autofree char *in_text = g_build_filename ("text_encoder", names[i], NULL);

      write_tensors (folder, in_vae, tensors);
      write_tensors (folder, in_text, tensors);
      assert_weights (folder, "vae", vae);
      assert_weights (folder, "text_encoder", text);
      scratch_free (folder);
    }
}

/* The plain file is taken before a variant, a whole one before shards. */
static void
test_precedence (void)
{
  static const char *const plain[]   = { "plain", NULL };
  static const char *const variant[] = { "variant", NULL };
  static const char *const shard[]   = { "shard", NULL };
  char                    *folder    = new_checkpoint ();

  write_tensors (folder, "vae/diffusion_pytorch_model.fp16.safetensors", variant);
  assert_weights (folder, "vae", variant);
  write_tensors (folder, "vae/s.safetensors", shard);
  scratch_write_text (folder, "vae/diffusion_pytorch_model.safetensors.index.json",
                      "{\"weight_map\": {\"shard\": \"s.safetensors\"}}");
  assert_weights (folder, "vae", shard);
  write_tensors (folder, "vae/diffusion_pytorch_model.safetensors", plain);
  assert_weights (folder, "vae", plain);
  scratch_free (folder);
}

static void
test_shards (void)
{
  static const char *const indexes[] = { "diffusion_pytorch_model.safetensors.index.json",
                                         "model.safetensors.index.json",
                                         "diffusion_pytorch_model.safetensors.index.fp16.json",
                                         "diffusion_pytorch_model.fp16.safetensors.index.json" };
  static const char *const first[]   = { "a", "elsewhere", NULL };
  static const char *const second[]  = { "attentions.0.key.bias", "elsewhere", NULL };
  static const char *const all[]     = { "a", "attentions.0.to_k.bias", "elsewhere", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (indexes); i++)
    {
      char            *folder   = new_checkpoint ();
      g_autofree char *relative = g_build_filename ("vae", indexes[i], NULL);

      scratch_write_text (
          folder, relative,
          "{\"metadata\": {\"total_size\": 12}, \"weight_map\": {\"a\": \"m-1.safetensors\", "
          "\"attentions.0.key.bias\": \"m-2.safetensors\", \"elsewhere\": \"m-2.safetensors\", "
          "\"x.embeddings.position_ids\": \"m-1.safetensors\"}}");
      write_tensors (folder, "vae/m-1.safetensors", first);
      write_tensors (folder, "vae/m-2.safetensors", second);
      assert_weights (folder, "vae", all);
      scratch_free (folder);
    }
}

static void
test_bad_shards (void)
{
  static const struct
  {
    const char *index;
    GQuark (*domain) (void);
    int         code;
    const char *what;
  } rows[] = {
    { "{}", dif_format_error_quark, DIF_FORMAT_ERROR_MISSING_KEY,
      "expected an object \"weight_map\"" },
    { "[]", dif_format_error_quark, DIF_FORMAT_ERROR_BAD_VALUE,
      "expected an object, found an array" },
    { "{\"weight_map\": {}}", dif_format_error_quark, DIF_FORMAT_ERROR_MISSING_KEY, "weight_map" },
    { "{\"weight_map\": []}", dif_format_error_quark, DIF_FORMAT_ERROR_MISSING_KEY, "weight_map" },
    { "{\"weight_map\": {\"a\": 5}}", dif_format_error_quark, DIF_FORMAT_ERROR_BAD_VALUE,
      "weight_map.a: expected a string, found 5" },
    { "{\"weight_map\": {\"a\": \"../one.safetensors\"}}", dif_format_error_quark,
      DIF_FORMAT_ERROR_BAD_VALUE,
      "weight_map.a: expected the plain name of a .safetensors file, found "
      "\"../one.safetensors\"" },
    { "{\"weight_map\": {\"a\": \"/one.safetensors\"}}", dif_format_error_quark,
      DIF_FORMAT_ERROR_BAD_VALUE, "plain name" },
    { "{\"weight_map\": {\"a\": \"x\\\\one.safetensors\"}}", dif_format_error_quark,
      DIF_FORMAT_ERROR_BAD_VALUE, "plain name" },
    { "{\"weight_map\": {\"a\": \".safetensors\"}}", dif_format_error_quark,
      DIF_FORMAT_ERROR_BAD_VALUE, "plain name" },
    { "{\"weight_map\": {\"a\": \"one.bin\"}}", dif_format_error_quark, DIF_FORMAT_ERROR_BAD_VALUE,
      "plain name" },
    { "{\"weight_map\": {\"a\": \"absent.safetensors\"}}", g_file_error_quark, G_FILE_ERROR_NOENT,
      "vae/absent.safetensors: " },
    { "{\"weight_map\": {\"b\": \"one.safetensors\"}}", dif_format_error_quark,
      DIF_FORMAT_ERROR_CORRUPT,
      "weight_map.b: expected the tensor in one.safetensors, found none" },
  };
  static const char *const one[]  = { "a", NULL };
  char                    *folder = new_checkpoint ();

  write_tensors (folder, "vae/one.safetensors", one);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      scratch_write_text (folder, "vae/model.safetensors.index.json", rows[i].index);
      assert_no_weights (folder, "vae", rows[i].domain (), rows[i].code, rows[i].what);
    }
  scratch_free (folder);
}

static void
test_no_weights (void)
{
  char *folder = new_checkpoint ();

  assert_no_weights (folder, "unet", DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                     "expected a part \"unet\"");
  assert_no_weights (folder, "vae", G_FILE_ERROR, G_FILE_ERROR_NOENT, folder);
  scratch_write_text (folder, "vae/config.json", "{}");
  assert_no_weights (
      folder, "vae", DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
      "expected diffusion_pytorch_model.safetensors or model.safetensors, found no weights");
  scratch_write_text (folder, "vae/diffusion_pytorch_model.bin", "");
  assert_no_weights (
      folder, "vae", DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
      "found diffusion_pytorch_model.bin, pickled weights, which may hold code and are not read");
  scratch_write_text (folder, "vae/diffusion_pytorch_model.non_ema.safetensors", "");
  assert_no_weights (folder, "vae", DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                     "found diffusion_pytorch_model.non_ema.safetensors");
  scratch_write_text (folder, "vae/model.safetensors", "short");
  assert_no_weights (folder, "vae", DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                     "vae/model.safetensors: expected at least 8 bytes");
  scratch_free (folder);
}

/* Both spellings of one tensor in one file. */
static void
test_both_spellings (void)
{
  static const char *const both[] = { "attentions.0.query.bias", "attentions.0.to_q.bias", NULL };
  char                    *folder = new_checkpoint ();

  write_tensors (folder, "vae/model.safetensors", both);
  assert_no_weights (folder, "vae", DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                     "found a second one for attentions.0.to_q.bias");
  scratch_free (folder);
}

static char *
test_model (const char *name)
{
  return g_build_filename (g_getenv ("DIF_FIXTURES"), "models", name, NULL);
}

/* The small models that diffusers itself saved. */
static void
test_fixtures (void)
{
  static const char *const models[] = { "sd15", "sd21", "odd" };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char          *path  = test_model (models[i]);
      g_autoptr (DifCheckpoint) c     = open_good (path);
      const char *const        *parts = dif_checkpoint_parts (c);

      for (guint k = 0; parts[k]; k++)
        {
          g_autoptr (GError)  error  = NULL;
          g_autoptr (DifJson) config = dif_checkpoint_config (c, parts[k], &error);

          g_assert_no_error (error);
          g_assert_nonnull (config);
        }
      for (guint k = 0; k < 3; k++)
        {
          static const char *const names[] = { "text_encoder", "unet", "vae" };
          static const char *const some[]  = { "text_model.final_layer_norm.weight",
                                               "conv_in.weight",
                                               "decoder.mid_block.attentions.0.to_out.0.weight" };
          g_autoptr (GError)       error   = NULL;
          g_autoptr (DifWeights)   weights = dif_checkpoint_weights (c, names[k], &error);

          g_assert_no_error (error);
          g_assert_nonnull (dif_weights_lookup (weights, some[k]));
        }
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/checkpoint/lists-parts", test_index);
  g_test_add_func ("/formats/checkpoint/finds-configs", test_configs);
  g_test_add_func ("/formats/checkpoint/says-what-is-no-model", test_not_folders);
  g_test_add_func ("/formats/checkpoint/refuses-a-broken-index", test_bad_index);
  g_test_add_func ("/formats/checkpoint/finds-weights-by-every-name", test_names_of_weights);
  g_test_add_func ("/formats/checkpoint/prefers-whole-and-plain-files", test_precedence);
  g_test_add_func ("/formats/checkpoint/reads-shards", test_shards);
  g_test_add_func ("/formats/checkpoint/refuses-broken-shards", test_bad_shards);
  g_test_add_func ("/formats/checkpoint/says-when-weights-are-missing", test_no_weights);
  g_test_add_func ("/formats/checkpoint/refuses-two-spellings-of-a-tensor", test_both_spellings);
  g_test_add_func ("/formats/checkpoint/opens-what-diffusers-saved", test_fixtures);
  return g_test_run ();
}
