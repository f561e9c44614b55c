/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-single-file.c - checkpoints in one file: families, names, settings, and what is none. */
#include "base/error.h"
#include "formats/ldm-keys.h"
#include "formats/safetensors.h"
#include "formats/single-file.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "formats/scratch.h"
#include "formats/single-checks.h"
#include "pipelines/open-checkpoint.h"
#include "support.h"

#define UNET "model.diffusion_model."

/* ---- published families ---- */

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

  single_write_sparse (path, rows, "", "");
  c = dif_checkpoint_open (path, &error);
  g_assert_no_error (error);
  g_assert_true (dif_checkpoint_is_file (c));
  g_assert_cmpstr (dif_checkpoint_pipeline_class (c), ==,
                   dif_json_string (family, "pipeline", NULL));
  for (guint i = 0; i < dif_json_length (parts); i++)
    {
      DifJson *published = dif_json_at (parts, i);

      single_check_part (c, rows, dif_json_key (published));
      single_check_config (c, published, dif_json_key (published));
    }
  g_assert_true ((dif_checkpoint_part_class (c, "text_encoder") != NULL) ==
                 dif_json_has (parts, "text_encoder"));
  g_assert_true ((dif_checkpoint_part_class (c, "tokenizer_2") != NULL) ==
                 dif_json_has (parts, "text_encoder_2"));
  check_inverse (c, rows);
  scratch_free (folder);
}

/* ---- small files ---- */

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
    { { UNET "input_blocks.0.0.weight:2x4x3x3", UNET "label_emb.0.0.weight:2x6",
        "cond_stage_model.model.token_embedding.weight:4x2" },
      "found unCLIP" },
    { { UNET "input_blocks.0.0.weight:2x4x3x3", "edm_vpred.sigma_max" }, "found CosXL" },
    { { "model_ema.decay", "model_ema.diffusion_modelinput_blocks00weight" },
      "found averaged weights (model_ema.) alone" },
    { { "first_stage_model.decoder.conv_in.weight" }, "found a VAE alone" },
    { { UNET "input_blocks.0.0.weight:2x6x3x3" }, "another number of input channels" },
    { { "something.else" }, "found tensors of something else" },
    { { "<word>:4" }, "found an embedding" },
    { { NULL }, "found no tensors" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char              *folder = scratch_new ();
      g_autofree char   *path   = single_write_names (folder, rows[i].names);
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
  g_autofree char          *path    = single_write_names (folder, names);
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
  g_autofree char *path   = single_write_names (folder, names);

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
  assert_one_line (error, "I64, I32, I8 or U8, found F8_E8M0");
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
  json     = single_read_published ();
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
