/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-single-file.c - checkpoints in one file: families, names, settings, and what is none.
 *
 * Files of published size are written sparse: a header, and a hole for the data.
 */
#include "base/error.h"
#include "formats/checkpoint.h"
#include "formats/ldm-keys.h"
#include "formats/safetensors.h"
#include "formats/single-file.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "formats/scratch.h"
#include "support.h"

#define UNET "model.diffusion_model."

/* ---- published families ---- */

/* Tensors that are in published files besides those of the parts. */
static const struct
{
  const char *name, *dtype;
  guint       bytes;
} strays[] = {
  { "alphas_cumprod", "F32", 4 },
  { "model_ema.decay", "F32", 4 },
  { "model_ema.num_updates", "I32", 4 },
  { "model_ema.diffusion_modelinput_blocks00weight", "F16", 2 },
  { "first_stage_model.loss.logvar", "F32", 4 },
  { "cond_stage_model.transformer.text_model.embeddings.position_ids", "I64", 8 },
  { "cond_stage_model.logit_scale", "F64", 8 },
  { "note", "U8", 1 },
};

static void
append_tensor (GString *header, const char *name, const char *dtype, const char *shape,
               guint64 *at, guint64 bytes)
{
  g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],",
                          header->len > 1 ? "," : "", name, dtype, shape);
  g_string_append_printf (header, "\"data_offsets\":[%ju,%ju]}", (uintmax_t) *at,
                          (uintmax_t) (*at + bytes));
  *at += bytes;
}

static void
write_sparse (const char *path, DifJson *rows)
{
  g_autoptr (GString) header = g_string_new ("{");
  guint64             at     = 0, length;
  GError             *error  = NULL;

  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson            *row   = dif_json_at (rows, i);
      DifJson            *shape = dif_json_at (row, 2);
      g_autoptr (GString) dims  = g_string_new (NULL);
      guint64             bytes = 2;

      for (guint k = 0; k < dif_json_length (shape); k++)
        {
          gint64 d = dif_json_value_int (dif_json_at (shape, k), 0, G_MAXINT);

          bytes *= (guint64) d;
          g_string_append_printf (dims, "%s%" G_GINT64_FORMAT, k ? "," : "", d);
        }
      append_tensor (header, dif_json_value_string (dif_json_at (row, 0)), "F16", dims->str, &at,
                     bytes);
    }
  for (guint i = 0; i < G_N_ELEMENTS (strays); i++)
    append_tensor (header, strays[i].name, strays[i].dtype, "1", &at, strays[i].bytes);
  g_string_append_c (header, '}');
  length = GUINT64_TO_LE (header->len);
  g_string_prepend_len (header, (const char *) &length, 8);
  g_file_set_contents (path, header->str, (gssize) header->len, &error);
  g_assert_no_error (error);
  g_assert_cmpint (truncate (path, (off_t) (header->len + at)), ==, 0);
}

/* The shape of a row's tensor as our weights have it. */
static DifShape
expected_shape (DifJson *row)
{
  DifJson *from  = dif_json_at (row, 2);
  DifShape shape = { .n = dif_json_length (from) };

  for (guint k = 0; k < shape.n; k++)
    shape.d[k] = (gsize) dif_json_value_int (dif_json_at (from, k), 0, G_MAXINT);
  if (dif_json_length (row) == 6)
    shape.d[0] /= 3;
  if (g_str_has_suffix (dif_json_value_string (dif_json_at (row, 0)), "text_projection"))
    {
      gsize first = shape.d[0];

      shape.d[0] = shape.d[1];
      shape.d[1] = first;
    }
  return shape;
}

static void
check_part (DifCheckpoint *c, DifJson *rows, const char *part)
{
  GError                *error   = NULL;
  g_autoptr (DifWeights) weights = dif_checkpoint_weights (c, part, &error);
  g_autoptr (GPtrArray)  names   = NULL;
  guint                  n       = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson *row      = dif_json_at (rows, i);
      DifShape expected = expected_shape (row);

      if (strcmp (dif_json_value_string (dif_json_at (row, 1)), part) != 0)
        continue;
      for (guint k = 3; k < dif_json_length (row); k++, n++)
        {
          const char         *name  = dif_json_value_string (dif_json_at (row, k));
          const DifHostArray *array = dif_weights_lookup (weights, name);

          if (! array)
            g_error ("%s: no tensor %s", part, name);
          if (! dif_shape_equal (&array->shape, &expected))
            g_error ("%s: tensor %s has another shape", part, name);
          g_assert_cmpint (array->encoding, ==, DIF_ENC_F16);
        }
    }
  names = dif_weights_names (weights);
  g_assert_cmpuint (names->len, ==, n);
}

/* [5, 5, 5] says the same as 5. */
static char *
plain_value (DifJson *value)
{
  g_autofree char *text  = dif_json_to_string (value, FALSE);
  g_autofree char *first = NULL;

  if (dif_json_type (value) != DIF_JSON_ARRAY || dif_json_length (value) == 0)
    return g_steal_pointer (&text);
  first = dif_json_to_string (dif_json_at (value, 0), FALSE);
  for (guint i = 1; i < dif_json_length (value); i++)
    {
      g_autofree char *other = dif_json_to_string (dif_json_at (value, i), FALSE);

      if (strcmp (other, first) != 0)
        return g_steal_pointer (&text);
    }
  return g_steal_pointer (&first);
}

/* Every key that a model reads and the published config has. */
static void
check_config (DifCheckpoint *c, DifJson *published, const char *part)
{
  static const char *const keys[] = {
    "act_fn", "addition_embed_type", "addition_time_embed_dim", "attention_head_dim",
    "block_out_channels", "center_input_sample", "cross_attention_dim", "down_block_types",
    "downsample_padding", "flip_sin_to_cos", "freq_shift", "hidden_act", "hidden_size",
    "in_channels", "intermediate_size", "latent_channels", "layer_norm_eps", "layers_per_block",
    "max_position_embeddings", "norm_eps", "norm_num_groups", "num_attention_heads",
    "num_hidden_layers", "out_channels", "projection_class_embeddings_input_dim",
    "scaling_factor", "transformer_layers_per_block", "up_block_types", "use_linear_projection",
    "vocab_size"
  };
  GError             *error = NULL;
  g_autoptr (DifJson) own   = dif_checkpoint_config (c, part, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      DifJson         *theirs   = dif_json_member (published, keys[i]);
      DifJson         *ours     = dif_json_member (own, keys[i]);
      g_autofree char *expected = theirs ? plain_value (theirs) : NULL;
      g_autofree char *found    = ours ? plain_value (ours) : NULL;

      if (expected && g_strcmp0 (expected, found) != 0)
        g_error ("%s: %s: expected %s, found %s", part, keys[i], expected, found);
    }
}

static void
check_inverse (DifCheckpoint *c, DifJson *rows)
{
  g_autoptr (DifWeights) unet = dif_checkpoint_weights (c, "unet", NULL);
  DifLdmLayout           layout;

  dif_ldm_layout_from_unet (&layout, unet);
  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson         *row  = dif_json_at (rows, i);
      g_autofree char *back = NULL;

      if (strcmp (dif_json_value_string (dif_json_at (row, 1)), "unet") != 0)
        continue;
      back = dif_ldm_from_canonical (&layout, dif_json_value_string (dif_json_at (row, 3)));
      g_assert_cmpstr (back, ==, dif_json_value_string (dif_json_at (row, 0)) + strlen (UNET));
    }
}

static DifJson *
read_published (void)
{
  g_autofree char         *path   = test_fixture ("singles/published.json.gz");
  g_autoptr (GFile)        file   = g_file_new_for_path (path);
  GError                  *error  = NULL;
  g_autoptr (GInputStream) packed = G_INPUT_STREAM (g_file_read (file, NULL, &error));
  g_autoptr (GConverter)   gunzip =
      G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  g_autoptr (GInputStream)  plain  = g_converter_input_stream_new (packed, gunzip);
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  DifJson                  *json;

  g_output_stream_splice (memory, plain, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, &error);
  g_assert_no_error (error);
  json = dif_json_parse (g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (memory)),
                         g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)),
                         path, &error);
  g_assert_no_error (error);
  return json;
}

static void
test_published (gconstpointer data)
{
  DifJson                  *family = (DifJson *) data;
  DifJson                  *rows   = dif_json_member (family, "tensors");
  DifJson                  *parts  = dif_json_member (family, "configs");
  char                     *folder = scratch_new ();
  g_autofree char          *path   = scratch_path (folder, "model.safetensors");
  GError                   *error  = NULL;
  g_autoptr (DifCheckpoint) c      = NULL;

  write_sparse (path, rows);
  c = dif_checkpoint_open (path, &error);
  g_assert_no_error (error);
  g_assert_true (dif_checkpoint_is_file (c));
  g_assert_cmpstr (dif_checkpoint_pipeline_class (c), ==,
                   dif_json_string (family, "pipeline", NULL));
  for (guint i = 0; i < dif_json_length (parts); i++)
    {
      DifJson *published = dif_json_at (parts, i);

      check_part (c, rows, dif_json_key (published));
      check_config (c, published, dif_json_key (published));
    }
  g_assert_true ((dif_checkpoint_part_class (c, "text_encoder") != NULL) ==
                 dif_json_has (parts, "text_encoder"));
  g_assert_true ((dif_checkpoint_part_class (c, "tokenizer_2") != NULL) ==
                 dif_json_has (parts, "text_encoder_2"));
  check_inverse (c, rows);
  scratch_free (folder);
}

/* ---- small files ---- */

/* Writes one-element tensors; NAME:D1xD2… has that shape. */
static char *
write_names (const char *folder, const char *const *names)
{
  char                            *path  = scratch_path (folder, "file.safetensors");
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  GError                          *error = NULL;
  gsize                            total = 0, n;

  for (guint i = 0; names[i]; i++)
    {
      g_auto (GStrv) parts = g_strsplit (names[i], ":", 2);
      g_auto (GStrv) dims  = g_strsplit (parts[1] ? parts[1] : "1", "x", -1);
      DifShape       shape = { 0 };

      for (; dims[shape.n]; shape.n++)
        shape.d[shape.n] = (gsize) g_ascii_strtoull (dims[shape.n], NULL, 10);
      g_assert_true (dif_shape_count (&shape, &n));
      total += n;
      dif_safetensors_writer_declare (w, parts[0], DIF_F32, &shape);
    }
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (gsize i = 0; i < total; i++)
    {
      float zero = 0;

      g_assert_true (dif_safetensors_writer_put (w, &zero, sizeof zero, &error));
    }
  g_assert_true (dif_safetensors_writer_close (w, &error));
  return path;
}

static void
test_others (void)
{
  static const struct
  {
    const char *names[4];
    const char *what;
  } rows[] = {
    { { "x.lora_down.weight", "x.lora_up.weight" }, "found a LoRA, which --lora takes" },
    { { "unet.x.lora_A.weight" }, "found a LoRA" },
    { { "x.hada_w1_a" }, "found a LoHa" },
    { { "emb_params:2x4" }, "found an embedding, which --embedding takes" },
    { { "down_blocks.0.resnets.0.conv1.weight" }, "found the U-Net of a diffusers folder" },
    { { "decoder.conv_in.weight" }, "found a VAE alone" },
    { { "control_model.time_embed.0.weight" }, "found a ControlNet" },
    { { UNET "double_blocks.0.img_attn.norm.key_norm.scale" }, "found Flux" },
    { { UNET "joint_blocks.0.context_block.adaLN_modulation.1.bias" }, "found Stable Diffusion 3" },
    { { UNET "input_blocks.0.0.weight:2x8x3x3" }, "found Instruct-Pix2Pix" },
    { { UNET "input_blocks.0.0.weight:2x4x3x3", "edm_mean" }, "found Playground 2.5" },
    { { UNET "input_blocks.0.0.weight:2x6x3x3" }, "another number of input channels" },
    { { "something.else" }, "found tensors of something else" },
    { { "<word>:4" }, "found an embedding" },
    { { NULL }, "found no tensors" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char              *folder = scratch_new ();
      g_autofree char   *path   = write_names (folder, rows[i].names);
      g_autoptr (GError) error  = NULL;

      g_assert_null (dif_checkpoint_open (path, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
      assert_one_line (error, path);
      assert_one_line (error, "expected a checkpoint of Stable Diffusion 1.x, 2.x or XL");
      assert_one_line (error, rows[i].what);
      scratch_free (folder);
    }
}

/* Parts that are not there, and tensors of impossible shapes. */
static void
test_incomplete (void)
{
  static const char *const  names[] = { UNET "input_blocks.0.0.weight:2x4x3x3",
                                        "cond_stage_model.model.token_embedding.weight:4x2",
                                        "cond_stage_model.model.transformer.resblocks.0.attn."
                                         "in_proj_weight:4x2",
                                        NULL };
  char                     *folder  = scratch_new ();
  g_autofree char          *path    = write_names (folder, names);
  g_autoptr (GError)        error   = NULL;
  g_autoptr (DifCheckpoint) c       = dif_checkpoint_open (path, &error);

  g_assert_no_error (error);
  g_assert_null (dif_checkpoint_weights (c, "vae", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (error, "file.safetensors: expected the tensors of a vae, found none");
  g_clear_error (&error);
  g_assert_null (dif_checkpoint_config (c, "vae", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  g_clear_error (&error);
  g_assert_null (dif_checkpoint_config (c, "text_encoder_2", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  g_clear_error (&error);
  g_assert_null (dif_checkpoint_weights (c, "text_encoder", &error));
  g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE);
  assert_one_line (error, "in_proj_weight: expected q, k and v of one size, found shape [4, 2]");
  scratch_free (folder);
}

/* The number of steps tells SD 2 base from SD 2; NAME.dif.json overrules. */
static void
test_prediction (void)
{
  static const gint64 steps[] = { 875000, 140000 };
  char               *folder  = scratch_new ();
  g_autofree char    *path    = scratch_path (folder, "two.safetensors");

  for (guint i = 0; i < 4; i++)
    {
      g_autoptr (DifSafetensorsWriter) w         = dif_safetensors_writer_new ();
      g_autoptr (DifCheckpoint)        c         = NULL;
      g_autoptr (DifJson)              config    = NULL;
      GError                          *error     = NULL;
      float                            zeros[16] = { 0 };

      dif_safetensors_writer_declare (w, "global_step", DIF_I64, &DIF_SHAPE (1));
      dif_safetensors_writer_declare (w, UNET "input_blocks.0.0.weight", DIF_F32,
                                      &DIF_SHAPE (1, 4, 1, 1));
      dif_safetensors_writer_declare (w, "cond_stage_model.model.token_embedding.weight", DIF_F32,
                                      &DIF_SHAPE (1, 1));
      g_assert_true (dif_safetensors_writer_open (w, path, &error));
      g_assert_true (dif_safetensors_writer_put (w, &steps[i % 2], 8, &error));
      g_assert_true (dif_safetensors_writer_put (w, zeros, 20, &error));
      g_assert_true (dif_safetensors_writer_close (w, &error));
      if (i == 2)
        scratch_write_text (folder, "two.dif.json",
                            "{\"steps\": 9, \"scheduler\": {\"prediction_type\": \"sample\"}}");
      c      = dif_checkpoint_open (path, &error);
      config = dif_checkpoint_config (c, "scheduler", &error);
      g_assert_no_error (error);
      g_assert_cmpstr (dif_json_string (config, "prediction_type", "none"), ==,
                       i >= 2 ? "sample" : i == 0 ? "none"
                                                  : "v_prediction");
      g_assert_cmpstr (dif_checkpoint_family (c), ==,
                       i % 2 == 0 ? "Stable Diffusion 2.x base" : "Stable Diffusion 2.x");
    }
  scratch_free (folder);
}

static void
test_bad_settings (void)
{
  static const char *const names[] = { UNET "input_blocks.0.0.weight:2x4x3x3", NULL };
  static const struct
  {
    const char *text, *what;
    gboolean    opens;
  } rows[] = {
    { "{\"unet\": 5}", "file.dif.json: unet: expected an object, found 5", TRUE },
    { "[]", "file.dif.json: expected an object", FALSE },
    { "{", "file.dif.json: ", FALSE },
  };
  char            *folder = scratch_new ();
  g_autofree char *path   = write_names (folder, names);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError)        error = NULL;
      g_autoptr (DifCheckpoint) c     = NULL;

      scratch_write_text (folder, "file.dif.json", rows[i].text);
      c = dif_checkpoint_open (path, &error);
      g_assert_true ((c != NULL) == rows[i].opens);
      if (c)
        g_assert_null (dif_checkpoint_config (c, "unet", &error));
      g_assert_nonnull (error);
      assert_one_line (error, rows[i].what);
    }
  scratch_free (folder);
}

/* Cut off, of a dtype nobody computes in, and no safetensors at all. */
static void
test_broken (void)
{
  static const char      odd[]  = "{\"" UNET "input_blocks.0.0.weight\":{\"dtype\":\"F8_E8M0\","
                                  "\"shape\":[1,4],\"data_offsets\":[0,4]}}";
  char                  *folder = scratch_new ();
  g_autofree char       *path   = scratch_path (folder, "file.safetensors");
  g_autoptr (GByteArray) bytes  = g_byte_array_new ();
  guint64                length = GUINT64_TO_LE (strlen (odd));
  g_autoptr (GError)     error  = NULL;

  g_byte_array_append (bytes, (const guint8 *) &length, 8);
  g_byte_array_append (bytes, (const guint8 *) odd, (guint) strlen (odd));
  g_byte_array_append (bytes, (const guint8 *) "abc", 3);
  scratch_write (folder, "file.safetensors", bytes->data, bytes->len);
  g_assert_null (dif_checkpoint_open (path, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT);
  assert_one_line (error, "the file is cut off");
  g_clear_error (&error);
  g_byte_array_append (bytes, (const guint8 *) "d", 1);
  scratch_write (folder, "file.safetensors", bytes->data, bytes->len);
  g_assert_null (dif_checkpoint_open (path, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
  assert_one_line (error, "I64, I32 or I8, found F8_E8M0");
  g_clear_error (&error);
  scratch_write_text (folder, "file.safetensors", "PK\3\4 a zip archive, really");
  g_assert_null (dif_checkpoint_open (path, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_one_line (error, path);
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) json = NULL;
  DifJson            *families;

  g_test_init (&argc, &argv, NULL);
  json     = read_published ();
  families = dif_json_member (json, "families");
  for (guint i = 0; i < dif_json_length (families); i++)
    {
      DifJson         *family = dif_json_at (families, i);
      g_autofree char *path   = g_strdup_printf ("/formats/single-file/published/%s",
                                                 dif_json_string (family, "name", "?"));

      g_test_add_data_func (path, family, test_published);
    }
  g_test_add_func ("/formats/single-file/says-what-a-file-is-instead", test_others);
  g_test_add_func ("/formats/single-file/names-the-part-that-is-missing", test_incomplete);
  g_test_add_func ("/formats/single-file/prediction-type", test_prediction);
  g_test_add_func ("/formats/single-file/bad-settings", test_bad_settings);
  g_test_add_func ("/formats/single-file/broken-files", test_broken);
  return g_test_run ();
}
