/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-single-spelling.c - the names that other programs give, and what files say by names. */
#include "base/error.h"

#include <string.h>

#include "formats/scratch.h"
#include "formats/single-checks.h"
#include "pipelines/open-checkpoint.h"
#include "support.h"

#define UNET "model.diffusion_model."

/* singles/published.json.gz, while the tests run */
static DifJson *published_families;

/* ---- other spellings ---- */

/* A published family's file with every @from in its names replaced by @to. */
static const struct
{
  const char *what, *family, *from, *to;
} spellings[] = {
  { "sgm-sd2", "sd2", "cond_stage_model.model.", "conditioner.embedders.0.model." },
  { "sgm-sd1", "sd1", "cond_stage_model.transformer.", "conditioner.embedders.0.transformer." },
  { "no-text-model", "sd1", "transformer.text_model.", "transformer." },
  { "no-text-model-xl", "xl", "transformer.text_model.", "transformer." },
  { "twice-text-model", "sd1", ".text_model.", ".text_model.text_model." },
  { "vae", "sd1", "first_stage_model.", "vae." },
  { "diffusion-model", "xl", "model.diffusion_model.", "diffusion_model." },
  { "double-model", "sd1", "model.diffusion_model.", "model.model.diffusion_model." },
  { "double-diffusion-model", "sd1", "model.diffusion_model.",
    "model.diffusion_model.model.diffusion_model." },
  { "double-vae", "sd1", "first_stage_model.", "first_stage_model.first_stage_model." },
  { "compiled", "xl", "model.diffusion_model.", "model.diffusion_model._orig_mod." },
  { "vae-query", "sd1", "mid.attn_1.q.", "mid.attn_1.query." },
  { "vae-to-q", "xl", "mid.attn_1.q.", "mid.attn_1.to_q." },
  { "vae-to-k", "xl", "mid.attn_1.k.", "mid.attn_1.to_k." },
  { "vae-to-v", "xl", "mid.attn_1.v.", "mid.attn_1.to_v." },
  { "vae-to-out", "xl", "mid.attn_1.proj_out.", "mid.attn_1.to_out.0." },
  { "vae-group-norm", "xl", "mid.attn_1.norm.", "mid.attn_1.group_norm." },
  { "vae-conv-shortcut", "sd1", ".nin_shortcut.", ".conv_shortcut." },
  { "vae-quant-inside", "sd1", "first_stage_model.quant_conv.",
    "first_stage_model.encoder.quant_conv." },
  { "vae-post-quant-inside", "sd1", "first_stage_model.post_quant_conv.",
    "first_stage_model.decoder.post_quant_conv." },
  { "clip-l", "sd1", "cond_stage_model.transformer.", "cond_stage_model.clip_l.transformer." },
  { "wrapped", "xl", "", "state_dict." },
  { "wrapped-twice", "sd2-inpaint", "", "module._orig_mod." },
};

static void
test_spelling (gconstpointer data)
{
  guint                     i   = GPOINTER_TO_UINT (data);
  DifJson                  *all = dif_json_member (published_families, "families"), *family = NULL;
  char                     *folder = scratch_new ();
  g_autofree char          *path   = scratch_path (folder, "model.safetensors");
  GError                   *error  = NULL;
  g_autoptr (DifCheckpoint) c      = NULL;
  DifJson                  *parts;

  for (guint k = 0; k < dif_json_length (all); k++)
    if (g_strcmp0 (dif_json_string (dif_json_at (all, k), "name", NULL), spellings[i].family) == 0)
      family = dif_json_at (all, k);
  g_assert_nonnull (family);
  parts = dif_json_member (family, "configs");
  single_write_sparse (path, dif_json_member (family, "tensors"), spellings[i].from,
                       spellings[i].to);
  c = dif_checkpoint_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (dif_checkpoint_pipeline_class (c), ==,
                   dif_json_string (family, "pipeline", NULL));
  for (guint k = 0; k < dif_json_length (parts); k++)
    {
      DifJson *published = dif_json_at (parts, k);

      single_check_part (c, dif_json_member (family, "tensors"), dif_json_key (published));
      single_check_config (c, published, dif_json_key (published));
    }
  scratch_free (folder);
}

#define XL_NAMES                                                           \
  UNET "input_blocks.0.0.weight:2x4x3x3", UNET "label_emb.0.0.weight:2x6", \
      "conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight:4x2"
#define SD1_NAMES                         \
  UNET "input_blocks.0.0.weight:2x4x3x3", \
      "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight:4x2"

/* open_clip's projection lies the other way round than a Linear's. */
static void
test_projections (void)
{
  static const char *const files[][6] = {
    { XL_NAMES, "conditioner.embedders.1.model.token_embedding.weight:4x2",
      "conditioner.embedders.1.model.text_projection:2x3" },
    { XL_NAMES, "conditioner.embedders.1.model.token_embedding.weight:4x2",
      "conditioner.embedders.1.model.text_projection.weight:3x2" },
    { XL_NAMES,
      "conditioner.embedders.1.transformer.text_model.embeddings.token_embedding.weight:4x2",
      "conditioner.embedders.1.transformer.text_projection.weight:3x2" },
    { XL_NAMES, "conditioner.embedders.1.transformer.embeddings.token_embedding.weight:4x2",
      "conditioner.embedders.1.transformer.text_projection.weight:3x2" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      char                     *folder  = scratch_new ();
      g_autofree char          *path    = single_write_names (folder, files[i]);
      GError                   *error   = NULL;
      g_autoptr (DifCheckpoint) c       = dif_checkpoint_open (path, &error);
      g_autoptr (DifWeights)    weights = NULL;
      g_autoptr (DifJson)       config  = NULL;
      const DifHostArray       *array;

      g_assert_no_error (error);
      g_assert_cmpstr (dif_checkpoint_family (c), ==, "Stable Diffusion XL");
      weights = dif_checkpoint_weights (c, "text_encoder_2", &error);
      g_assert_no_error (error);
      array = dif_weights_lookup (weights, "text_projection.weight");
      g_assert_nonnull (array);
      g_assert_true (dif_shape_equal (&array->shape, &DIF_SHAPE (3, 2)));
      g_assert_nonnull (
          dif_weights_lookup (weights, "text_model.embeddings.token_embedding.weight"));
      config = dif_checkpoint_config (c, "text_encoder_2", &error);
      g_assert_no_error (error);
      g_assert_cmpint (dif_json_int (config, "projection_dim", 0, 0, 99), ==, 3);
      g_assert_cmpint (dif_json_int (config, "hidden_size", 0, 0, 99), ==, 2);
      g_assert_cmpstr (dif_json_string (config, "hidden_act", NULL), ==, "gelu");
      scratch_free (folder);
    }
}

static void
test_families_by_names (void)
{
  static const struct
  {
    const char *names[5];
    const char *label, *pipeline, *scheduler, *prediction;
  } rows[] = {
    { { UNET "input_blocks.0.0.weight:2x4x3x3",
        "conditioner.embedders.0.model.token_embedding.weight:4x2" },
      "Stable Diffusion 2.x Turbo",
      "StableDiffusionPipeline",
      "EulerDiscreteScheduler",
      "epsilon" },
    { { SD1_NAMES, UNET "time_embed.cond_proj.weight:4x5" },
      "Stable Diffusion 1.x, latent consistency",
      "LatentConsistencyModelPipeline",
      "LCMScheduler",
      "epsilon" },
    { { UNET "input_blocks.0.0.weight:2x4x3x3", UNET "label_emb.0.0.weight:2x6",
        "conditioner.embedders.0.model.token_embedding.weight:4x2" },
      "Stable Diffusion XL refiner",
      "StableDiffusionXLImg2ImgPipeline",
      "EulerDiscreteScheduler",
      "epsilon" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                     *folder = scratch_new ();
      g_autofree char          *path   = single_write_names (folder, rows[i].names);
      GError                   *error  = NULL;
      g_autoptr (DifCheckpoint) c      = dif_checkpoint_open (path, &error);
      g_autoptr (DifJson)       config = NULL, unet = NULL;
      g_autoptr (DifWeights)    weights = NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (dif_checkpoint_family (c), ==, rows[i].label);
      g_assert_cmpstr (dif_checkpoint_pipeline_class (c), ==, rows[i].pipeline);
      g_assert_cmpstr (dif_checkpoint_part_class (c, "scheduler"), ==, rows[i].scheduler);
      config  = dif_checkpoint_config (c, "scheduler", &error);
      unet    = dif_checkpoint_config (c, "unet", &error);
      weights = dif_checkpoint_weights (c, "unet", &error);
      g_assert_no_error (error);
      g_assert_cmpstr (dif_json_string (config, "prediction_type", NULL), ==, rows[i].prediction);
      g_assert_cmpint (dif_json_int (unet, "time_cond_proj_dim", 0, 0, 99), ==, i == 1 ? 5 : 0);
      g_assert_true ((dif_weights_lookup (weights, "time_embedding.cond_proj.weight") != NULL) ==
                     (i == 1));
      scratch_free (folder);
    }
}

/* Tensors without contents that say what the network predicts. */
static void
test_markers (void)
{
  static const struct
  {
    const char *names[6];
    const char *prediction;
    gboolean    zero_snr;
  } rows[] = {
    { { XL_NAMES, "conditioner.embedders.1.model.token_embedding.weight:4x2" }, "epsilon", FALSE },
    { { XL_NAMES, "conditioner.embedders.1.model.token_embedding.weight:4x2", "v_pred:0" },
      "v_prediction",
      FALSE },
    { { XL_NAMES, "v_pred:0", "ztsnr:0" }, "v_prediction", TRUE },
    { { SD1_NAMES, "v_pred:1", "ztsnr:1" }, "v_prediction", TRUE },
    { { SD1_NAMES, "ztsnr:0" }, "none", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                     *folder = scratch_new ();
      g_autofree char          *path   = single_write_names (folder, rows[i].names);
      GError                   *error  = NULL;
      g_autoptr (DifCheckpoint) c      = dif_checkpoint_open (path, &error);
      g_autoptr (DifJson)       config = NULL, own = NULL;

      g_assert_no_error (error);
      config = dif_checkpoint_config (c, "scheduler", &error);
      g_assert_no_error (error);
      g_assert_cmpstr (dif_json_string (config, "prediction_type", "none"), ==,
                       rows[i].prediction);
      g_assert_cmpint (dif_json_bool (config, "rescale_betas_zero_snr", FALSE), ==,
                       rows[i].zero_snr);
      scratch_free (folder);
    }
}

/* A file of a header and @bytes zeros. */
static char *
write_header (const char *folder, const char *header, guint bytes)
{
  char                  *path   = scratch_path (folder, "file.safetensors");
  g_autoptr (GByteArray) all    = g_byte_array_new ();
  guint64                length = GUINT64_TO_LE (strlen (header));
  g_autofree guint8     *zeros  = g_malloc0 (bytes);

  g_byte_array_append (all, (const guint8 *) &length, 8);
  g_byte_array_append (all, (const guint8 *) header, (guint) strlen (header));
  g_byte_array_append (all, zeros, bytes);
  scratch_write (folder, "file.safetensors", all->data, all->len);
  return path;
}

static void
test_stated_prediction (void)
{
  static const struct
  {
    const char *word, *prediction;
  } rows[] = {
    { "v", "v_prediction" },
    { "V_Prediction", "v_prediction" },
    { "velocity", "v_prediction" },
    { "epsilon", "epsilon" },
    { "", "none" },
    { "flow\\nmatching", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char            *folder = scratch_new ();
      g_autofree char *header = g_strdup_printf (
          "{\"__metadata__\":{\"modelspec.prediction_type\":\"%s\"},"
          "\"" UNET "input_blocks.0.0.weight\":{\"dtype\":\"F16\",\"shape\":[1,4],"
          "\"data_offsets\":[0,8]}}",
          rows[i].word);
      g_autofree char          *path   = write_header (folder, header, 8);
      GError                   *error  = NULL;
      g_autoptr (DifCheckpoint) c      = dif_checkpoint_open (path, &error);
      g_autoptr (DifJson)       config = NULL;

      if (rows[i].prediction)
        {
          g_assert_no_error (error);
          config = dif_checkpoint_config (c, "scheduler", &error);
          g_assert_no_error (error);
          g_assert_cmpstr (dif_json_string (config, "prediction_type", "none"), ==,
                           rows[i].prediction);
        }
      else
        {
          g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
          assert_one_line (error, "modelspec.prediction_type: expected epsilon or v, found");
          g_clear_error (&error);
        }
      scratch_free (folder);
    }
}

/* The training configuration beside a file; what the file itself says goes first. */
static void
test_yaml (void)
{
  static const struct
  {
    const char *text, *marker, *prediction;
  } rows[] = {
    { "model:\n  params:\n    parameterization: \"v\"  # velocity\n    linear_start: 0.00085\n",
      NULL, "v_prediction" },
    { "  parameterization: 'v'\r\n", NULL, "v_prediction" },
    { "parameterization: eps", "v_pred:0", "v_prediction" },
    { "parameterization: eps", NULL, "epsilon" },
    { "# parameterization: v\nmodel: 1\n", NULL, "none" },
    { "", NULL, "none" },
    { "parameterization: x0\n", NULL, NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *const         names[] = { SD1_NAMES, rows[i].marker, NULL };
      char                     *folder  = scratch_new ();
      g_autofree char          *path    = single_write_names (folder, names);
      GError                   *error   = NULL;
      g_autoptr (DifCheckpoint) c       = NULL;
      g_autoptr (DifJson)       config  = NULL;

      scratch_write_text (folder, "file.yaml", rows[i].text);
      c = dif_checkpoint_open (path, &error);
      if (rows[i].prediction)
        {
          g_assert_no_error (error);
          config = dif_checkpoint_config (c, "scheduler", &error);
          g_assert_no_error (error);
          g_assert_cmpstr (dif_json_string (config, "prediction_type", "none"), ==,
                           rows[i].prediction);
        }
      else
        {
          g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
          assert_one_line (error, "file.yaml: parameterization: expected epsilon or v, found");
          g_clear_error (&error);
        }
      scratch_free (folder);
    }
}

/* What lies below a part's name is taken, known to be needless, or named. */
static void
test_unknown_tensors (void)
{
  static const struct
  {
    const char *name;
    const char *part; /* that names it, or NULL */
  } rows[] = {
    { UNET "input_blocks.0.0.attn2.to_k_ip.weight", "unet" },
    { UNET "middle_block.1.transformer_blocks.0.attn2.to_k_ip.weight", "unet" },
    { UNET "middle_block.1.transformer_blocks.0.attn3.to_k.weight", "unet" },
    { UNET "middle_block.1.temporal.weight", "unet" },
    { UNET "time_embed.0.lora_down", "unet" },
    { UNET "class_embed.weight", "unet" },
    { "first_stage_model.decoder.mid.block_1.time_mix.weight", "vae" },
    { "cond_stage_model.transformer.text_model.encoder.layers.0.adapter.weight", "text_encoder" },
    { "cond_stage_model.transformer.vision_model.x.weight", "text_encoder" },
    { "cond_stage_model.transformer.text_model.embeddings.position_ids", NULL },
    { "cond_stage_model.transformer.text_projection.weight", NULL },
    { "cond_stage_model.logit_scale", NULL },
    { "first_stage_model.loss.discriminator.main.0.weight", NULL },
    { "model_ema.decay", NULL },
    { UNET "scaled_fp8", NULL },
    { "embedding_manager.string_to_param.x", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const char *const         names[] = { SD1_NAMES, "first_stage_model.decoder.conv_in.weight",
                                            rows[i].name, NULL };
      static const char *const  parts[] = { "unet", "vae", "text_encoder" };
      char                     *folder  = scratch_new ();
      g_autofree char          *path    = single_write_names (folder, names);
      GError                   *error   = NULL;
      g_autoptr (DifCheckpoint) c       = dif_checkpoint_open (path, &error);

      g_assert_no_error (error);
      for (guint k = 0; k < G_N_ELEMENTS (parts); k++)
        {
          g_autoptr (DifWeights) weights = dif_checkpoint_weights (c, parts[k], &error);

          if (g_strcmp0 (rows[i].part, parts[k]) == 0)
            {
              g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
              assert_one_line (error, rows[i].name);
              g_clear_error (&error);
            }
          g_assert_no_error (error);
        }
      scratch_free (folder);
    }
}

#define TO_Q UNET "middle_block.1.transformer_blocks.0.attn1.to_q."

/* Scaled fp8 as ComfyUI writes it, in both of its spellings. */
static void
test_scaled_fp8 (void)
{
  static const struct
  {
    const char *name, *dtype, *shape;
    guint       bytes, n_scales;
    const char *what;
  } rows[] = {
    { TO_Q "scale_weight", "F32", "", 4, 1, NULL },
    { TO_Q "scale_weight", "F32", "1", 4, 1, NULL },
    { TO_Q "weight_scale", "F16", "2,1", 4, 2, NULL },
    { TO_Q "weight_scale", "F32", "3", 12, 0, "expected one number, or one for each row of" },
    { UNET "middle_block.1.norm.scale_weight", "F32", "", 4, 0, "and no such tensor" },
    { TO_Q "comfy_quant", "U8", "4", 4, 0, "to_q.comfy_quant" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char            *folder = scratch_new ();
      g_autofree char *header = g_strdup_printf (
          "{\"" UNET "input_blocks.0.0.weight\":{\"dtype\":\"F16\",\"shape\":[1,4],"
          "\"data_offsets\":[0,8]},\"" UNET "scaled_fp8\":{\"dtype\":\"F8_E4M3\",\"shape\":[0],"
          "\"data_offsets\":[8,8]},\"" TO_Q "weight\":{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],"
          "\"data_offsets\":[8,12]},\"" TO_Q "scale_input\":{\"dtype\":\"F32\",\"shape\":[],"
          "\"data_offsets\":[12,16]},\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],"
          "\"data_offsets\":[16,%u]}}",
          rows[i].name, rows[i].dtype, rows[i].shape, 16 + rows[i].bytes);
      g_autofree char          *path    = write_header (folder, header, 16 + rows[i].bytes);
      GError                   *error   = NULL;
      g_autoptr (DifCheckpoint) c       = dif_checkpoint_open (path, &error);
      g_autoptr (DifWeights)    weights = NULL;
      g_autoptr (GPtrArray)     names   = NULL;

      g_assert_no_error (error);
      weights = dif_checkpoint_weights (c, "unet", &error);
      if (rows[i].what)
        {
          g_assert_nonnull (error);
          assert_one_line (error, rows[i].what);
          g_clear_error (&error);
        }
      else
        {
          const DifHostArray *array;

          g_assert_no_error (error);
          names = dif_weights_names (weights);
          array = dif_weights_lookup (
              weights, "mid_block.attentions.0.transformer_blocks.0.attn1.to_q.weight");
          g_assert_cmpuint (names->len, ==, 2);
          g_assert_cmpint (array->encoding, ==, DIF_ENC_F8_E4M3);
          g_assert_cmpuint (array->n_scales, ==, rows[i].n_scales);
        }
      scratch_free (folder);
    }
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  published_families = single_read_published ();
  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autofree char *path = g_strdup_printf ("/formats/single-file/spelled/%s",
                                               spellings[i].what);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_spelling);
    }
  g_test_add_func ("/formats/single-file/projections", test_projections);
  g_test_add_func ("/formats/single-file/families-by-names", test_families_by_names);
  g_test_add_func ("/formats/single-file/markers", test_markers);
  g_test_add_func ("/formats/single-file/stated-prediction", test_stated_prediction);
  g_test_add_func ("/formats/single-file/yaml", test_yaml);
  g_test_add_func ("/formats/single-file/unknown-tensors-are-named", test_unknown_tensors);
  g_test_add_func ("/formats/single-file/scaled-fp8", test_scaled_fp8);
  result = g_test_run ();
  dif_json_unref (published_families);
  return result;
}
