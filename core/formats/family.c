/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* family.c - which Stable Diffusion a single file holds, and the settings it lacks.
 *
 * Sources: diffusers, single_file_utils.py (detection); model_index.json and
 * config.json of runwayml/stable-diffusion-v1-5 and -inpainting,
 * stabilityai/stable-diffusion-2-1, -2-inpainting, -2-depth, -xl-base-1.0,
 * -xl-refiner-1.0 and diffusers/stable-diffusion-xl-1.0-inpainting-0.1.
 */
#include "formats/family.h"

#include <string.h>

#include "base/error.h"

#define UNET      "model.diffusion_model."
#define VAE       "first_stage_model."
#define SECOND_HF "conditioner.embedders.1.transformer."

/* Steps that SD 2.0 and 2.1 base were trained for; they predict noise at 512 pixels. */
#define SD2_BASE_STEPS 875000

#define SCHEDULE                                                   \
  "\"beta_start\": 0.00085, \"beta_end\": 0.012, "                 \
  "\"beta_schedule\": \"scaled_linear\", \"clip_sample\": false, " \
  "\"num_train_timesteps\": 1000, \"set_alpha_to_one\": false, "   \
  "\"skip_prk_steps\": true, \"steps_offset\": 1, \"trained_betas\": null"

#define PNDM "{\"_class_name\": \"PNDMScheduler\", " SCHEDULE "}"
#define DDIM "{\"_class_name\": \"DDIMScheduler\", " SCHEDULE "}"
#define DDIM_V \
  "{\"_class_name\": \"DDIMScheduler\", " SCHEDULE ", \"prediction_type\": \"v_prediction\"}"
#define EULER                                                                \
  "{\"_class_name\": \"EulerDiscreteScheduler\", " SCHEDULE                  \
  ", \"interpolation_type\": \"linear\", \"prediction_type\": \"epsilon\", " \
  "\"sample_max_value\": 1.0, \"timestep_spacing\": \"leading\", \"use_karras_sigmas\": false}"

/* stabilityai/sd-turbo and SimianLuo/LCM_Dreamshaper_v7, scheduler_config.json */
#define EULER_TRAILING                                                       \
  "{\"_class_name\": \"EulerDiscreteScheduler\", " SCHEDULE                  \
  ", \"interpolation_type\": \"linear\", \"prediction_type\": \"epsilon\", " \
  "\"sample_max_value\": 1.0, \"timestep_spacing\": \"trailing\", \"use_karras_sigmas\": false}"
#define LCM_SCHEDULER                                                             \
  "{\"_class_name\": \"LCMScheduler\", \"beta_start\": 0.00085, "                 \
  "\"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\", "                   \
  "\"clip_sample\": false, \"num_train_timesteps\": 1000, "                       \
  "\"original_inference_steps\": 50, \"prediction_type\": \"epsilon\", "          \
  "\"set_alpha_to_one\": true, \"steps_offset\": 1, \"timestep_scaling\": 10.0, " \
  "\"timestep_spacing\": \"leading\", \"trained_betas\": null}"

#define ONE_ENCODER                                           \
  "\"text_encoder\": [\"transformers\", \"CLIPTextModel\"], " \
  "\"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], "
#define TWO_ENCODERS                                                                      \
  ONE_ENCODER "\"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"], " \
              "\"tokenizer_2\": [\"transformers\", \"CLIPTokenizer\"], "
#define SECOND_ENCODER                                                        \
  "\"text_encoder\": [null, null], \"tokenizer\": [null, null], "             \
  "\"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"], " \
  "\"tokenizer_2\": [\"transformers\", \"CLIPTokenizer\"], "

struct _DifFamily
{
  const char *label;
  const char *pipeline;
  const char *settings; /* of the pipeline, as members of its index */
  const char *encoders; /* the same */
  const char *scheduler_class;
  const char *scheduler;
  guint       sample_size; /* latent cells */
  guint       head_dim;    /* channels of a head; 0: eight heads everywhere */
  gboolean    is_xl;
};

enum
{
  SD1,
  SD1_INPAINT,
  SD2,
  SD2_BASE,
  SD2_INPAINT,
  SD2_DEPTH,
  SD2_TURBO,
  LCM,
  XL,
  XL_INPAINT,
  XL_REFINER
};

#define SAFE_1 "\"requires_safety_checker\": false, "

static const DifFamily families[] = {
  [SD1]         = { "Stable Diffusion 1.x", "StableDiffusionPipeline", SAFE_1, ONE_ENCODER,
                    "PNDMScheduler", PNDM, 64, 0, FALSE },
  [SD1_INPAINT] = { "Stable Diffusion 1.x inpainting", "StableDiffusionInpaintPipeline", SAFE_1,
                    ONE_ENCODER, "DDIMScheduler", DDIM, 64, 0, FALSE },
  [SD2]         = { "Stable Diffusion 2.x", "StableDiffusionPipeline", SAFE_1, ONE_ENCODER,
                    "DDIMScheduler", DDIM_V, 96, 64, FALSE },
  [SD2_BASE]    = { "Stable Diffusion 2.x base", "StableDiffusionPipeline", SAFE_1, ONE_ENCODER,
                    "PNDMScheduler", PNDM, 64, 64, FALSE },
  [SD2_INPAINT] = { "Stable Diffusion 2.x inpainting", "StableDiffusionInpaintPipeline", SAFE_1,
                    ONE_ENCODER, "PNDMScheduler", PNDM, 64, 64, FALSE },
  [SD2_DEPTH]   = { "Stable Diffusion 2.x depth", "StableDiffusionDepth2ImgPipeline", "",
                    ONE_ENCODER, "PNDMScheduler", PNDM, 64, 64, FALSE },
  [SD2_TURBO]   = { "Stable Diffusion 2.x Turbo", "StableDiffusionPipeline", SAFE_1, ONE_ENCODER,
                    "EulerDiscreteScheduler", EULER_TRAILING, 64, 64, FALSE },
  [LCM]         = { "Stable Diffusion 1.x, latent consistency", "LatentConsistencyModelPipeline",
                    SAFE_1, ONE_ENCODER, "LCMScheduler", LCM_SCHEDULER, 96, 0, FALSE },
  [XL]          = { "Stable Diffusion XL", "StableDiffusionXLPipeline",
                    "\"force_zeros_for_empty_prompt\": true, ", TWO_ENCODERS,
                    "EulerDiscreteScheduler", EULER, 128, 64, TRUE },
  [XL_INPAINT]  = { "Stable Diffusion XL inpainting", "StableDiffusionXLInpaintPipeline",
                    "\"force_zeros_for_empty_prompt\": true, "
                     "\"requires_aesthetics_score\": false, ",
                    TWO_ENCODERS, "EulerDiscreteScheduler", EULER, 128, 64, TRUE },
  [XL_REFINER]  = { "Stable Diffusion XL refiner", "StableDiffusionXLImg2ImgPipeline",
                    "\"force_zeros_for_empty_prompt\": false, "
                     "\"requires_aesthetics_score\": true, ",
                    SECOND_ENCODER, "EulerDiscreteScheduler", EULER, 128, 64, TRUE },
};

/* ---- detection ---- */

/* What else a file may be, by the name of a tensor it has or by how one ends. */
static const struct
{
  const char *key;
  const char *what;
  gboolean    is_ending;
} others[] = {
  { UNET "input_blocks.0.0.weight", "the U-Net of a checkpoint", FALSE },
  { "model_ema.diffusion_modelinput_blocks00weight",
    "averaged weights (model_ema.) alone, whose names cannot be read back", FALSE },
  { "joint_blocks.0.context_block.adaLN_modulation.1.bias", "Stable Diffusion 3", TRUE },
  { "double_blocks.0.img_attn.norm.key_norm.scale", "Flux", TRUE },
  { "control_model.time_embed.0.weight", "a ControlNet", FALSE },
  { "controlnet_cond_embedding.conv_in.weight", "a ControlNet", FALSE },
  { "lora_down.weight", "a LoRA, which --lora takes", TRUE },
  { "lora.down.weight", "a LoRA, which --lora takes", TRUE },
  { "lora_A.weight", "a LoRA, which --lora takes", TRUE },
  { ".hada_w1_a", "a LoHa, which --lora takes", TRUE },
  { ".lokr_w1", "a LoKr, which --lora takes", TRUE },
  { "emb_params", "an embedding, which --embedding takes", FALSE },
  { "clip_g", "an embedding, which --embedding takes", FALSE },
  { "down_blocks.0.resnets.0.conv1.weight", "the U-Net of a diffusers folder", FALSE },
  { "encoder.down_blocks.0.resnets.0.conv1.weight", "the VAE of a diffusers folder", FALSE },
  { "embeddings.token_embedding.weight", "a text encoder alone", TRUE },
  { "decoder.conv_in.weight", "a VAE alone", TRUE },
};

const char *
dif_family_describe (GPtrArray *names)
{
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    for (guint k = 0; k < names->len; k++)
      if (strcmp (names->pdata[k], others[i].key) == 0 ||
          (others[i].is_ending && g_str_has_suffix (names->pdata[k], others[i].key)))
        return others[i].what;
  /* diffusers' embeddings hold one tensor, named as the word */
  if (names->len == 1 && ! strchr (names->pdata[0], '.'))
    return "an embedding, which --embedding takes";
  return names->len ? "tensors of something else" : "no tensors";
}

static gsize
dimension (DifWeights *file, const char *name, guint i)
{
  const DifHostArray *array = dif_weights_lookup (file, name);

  return array && i < array->shape.n ? array->shape.d[i] : 0;
}

static gboolean
has_name (GPtrArray *names, const char *name)
{
  return g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL);
}

static gint64
global_step (DifWeights *file)
{
  const DifHostArray *array = dif_weights_lookup (file, "global_step");
  gint64              step  = 0;
  gint32              small;
  gsize               n;

  if (! array || ! dif_shape_count (&array->shape, &n) || n != 1)
    return 0;
  if (array->encoding == DIF_ENC_I64)
    memcpy (&step, array->data, sizeof step);
  else if (array->encoding == DIF_ENC_I32)
    {
      memcpy (&small, array->data, sizeof small);
      step = small;
    }
  return step;
}

const DifFamily *
dif_family_detect (DifWeights *file, GPtrArray *names, const char *path, GError **error)
{
  gsize    channels = dimension (file, UNET "input_blocks.0.0.weight", 1);
  gboolean is_2 =
      dimension (file, UNET "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight", 1) == 1024 ||
      dif_weights_lookup (file, "cond_stage_model.model.token_embedding.weight");
  gboolean is_xl =
      dif_weights_lookup (file, "conditioner.embedders.1.model.token_embedding.weight") ||
      dif_weights_lookup (file, SECOND_HF "text_model.embeddings.token_embedding.weight");
  gboolean is_refiner =
      dif_weights_lookup (file, "conditioner.embedders.0.model.token_embedding.weight") != NULL;
  const char *found = NULL;

  if (! channels)
    found = dif_family_describe (names);
  else if (has_name (names, "control_model.time_embed.0.weight"))
    found = "a ControlNet";
  else if (has_name (names, "edm_mean"))
    found = "Playground 2.5";
  else if (has_name (names, "edm_vpred.sigma_max"))
    found = "CosXL, whose noise follows another schedule";
  else if (dif_weights_lookup (file, UNET "input_blocks.10.0.skip_connection.bias") && ! is_xl &&
           ! is_refiner && channels == 7)
    found = "the upscaler x4";
  else if (is_2 && has_name (names, UNET "label_emb.0.0.weight"))
    found = "unCLIP, which draws variations of a picture from its embedding";
  else if (channels == 9)
    return &families[is_2 ? SD2_INPAINT : is_xl ? XL_INPAINT
                                                : SD1_INPAINT];
  else if (channels == 5 && is_2)
    return &families[SD2_DEPTH];
  else if (channels != 4)
    found = channels == 8 ? "Instruct-Pix2Pix, whose U-Net has eight input channels"
                          : "a U-Net of another number of input channels";
  if (found)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected a checkpoint of Stable Diffusion 1.x, 2.x or XL, found %s", path,
                   found);
      return NULL;
    }
  if (dif_weights_lookup (file, UNET "time_embed.cond_proj.weight") && ! is_2 && ! is_xl)
    return &families[LCM];
  /* of the SD 2 that there are only Turbo was written by SGM */
  if (is_2 && has_name (names, "conditioner.embedders.0.model.token_embedding.weight"))
    return &families[SD2_TURBO];
  if (is_2)
    return &families[global_step (file) == SD2_BASE_STEPS ? SD2_BASE : SD2];
  return &families[is_xl ? XL : is_refiner ? XL_REFINER
                                           : SD1];
}

const char *
dif_family_label (const DifFamily *family)
{
  return family->label;
}

const char *
dif_family_of_context (gsize context)
{
  return context == 768    ? "Stable Diffusion 1.x"
         : context == 1024 ? "Stable Diffusion 2.x"
         : context == 1280 ? "the refiner of Stable Diffusion XL"
         : context == 2048 ? "Stable Diffusion XL"
                           : NULL;
}

/* ---- configs ---- */

static DifJson *
parse (const char *text, const char *name, GError **error)
{
  return dif_json_parse (text, strlen (text), name, error);
}

DifJson *
dif_family_index (const DifFamily *family, const char *name, GError **error)
{
  g_autofree char *text = g_strdup_printf (
      "{\"_class_name\": \"%s\", %s%s\"scheduler\": [\"diffusers\", \"%s\"], "
      "\"unet\": [\"diffusers\", \"UNet2DConditionModel\"], "
      "\"vae\": [\"diffusers\", \"AutoencoderKL\"]}",
      family->pipeline, family->settings, family->encoders, family->scheduler_class);

  return parse (text, name, error);
}

static gsize
dimension_of (DifWeights *file, guint i, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gsize
dimension_of (DifWeights *file, guint i, const char *format, ...)
{
  g_autofree char *name = NULL;
  va_list          args;

  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  return dimension (file, name, i);
}

/* How many of "BEFORE.0AFTER", "BEFORE.1AFTER" … there are. */
static guint
count (DifWeights *file, const char *before, const char *after)
{
  guint n = 0;

  while (dimension_of (file, 0, "%s.%u%s", before, n, after))
    n++;
  return n;
}

/* Appends `, "KEY": [N, N, …]`. */
static void
append_numbers (GString *s, const char *key, const guint *numbers, guint n)
{
  g_string_append_printf (s, ", \"%s\": [", key);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (s, "%s%u", i ? ", " : "", numbers[i]);
  g_string_append_c (s, ']');
}

/* Appends `, "KEY": ["WORD", …]`. */
static void
append_types (GString *s, const char *key, const char *plain, const char *crossed,
              const gboolean *is_crossed, guint n)
{
  g_string_append_printf (s, ", \"%s\": [", key);
  for (guint i = 0; i < n; i++)
    g_string_append_printf (s, "%s\"%s\"", i ? ", " : "", is_crossed[i] ? crossed : plain);
  g_string_append_c (s, ']');
}

/* What the shapes of one level on the way down say. */
typedef struct
{
  guint    channels[DIF_LDM_MAX_LEVELS], depth[DIF_LDM_MAX_LEVELS], heads[DIF_LDM_MAX_LEVELS];
  gboolean attention[DIF_LDM_MAX_LEVELS];
} Levels;

static void
read_levels (const DifFamily *family, DifWeights *file, const DifLdmLayout *layout, Levels *out)
{
  guint at = 1;

  for (guint i = 0; i < layout->n_down; i++)
    {
      g_autofree char *blocks =
          g_strdup_printf (UNET "input_blocks.%u.1.transformer_blocks", at);

      out->channels[i] =
          (guint) dimension_of (file, 0, UNET "input_blocks.%u.0.out_layers.3.weight", at);
      out->depth[i]     = count (file, blocks, ".norm1.weight");
      out->attention[i] = out->depth[i] > 0;
      /* the middle has the depth of the last level */
      if (! out->depth[i] && i + 1 == layout->n_down)
        out->depth[i] =
            count (file, UNET "middle_block.1.transformer_blocks", ".norm1.weight");
      out->depth[i] = MAX (out->depth[i], 1);
      out->heads[i] = family->head_dim ? MAX (out->channels[i] / family->head_dim, 1) : 8;
      at += layout->down[i] + 1;
    }
}

static void
append_attention (GString *s, DifWeights *file)
{
  static const char middle[] = UNET "middle_block.1.";
  gsize             context =
      dimension_of (file, 1, "%stransformer_blocks.0.attn2.to_k.weight", middle);
  const DifHostArray *proj = dif_weights_lookup (file, UNET "middle_block.1.proj_in.weight");

  g_string_append_printf (s, ", \"cross_attention_dim\": %" G_GSIZE_FORMAT, MAX (context, 1));
  g_string_append_printf (s, ", \"use_linear_projection\": %s",
                          proj && proj->shape.n == 2 ? "true" : "false");
}

static DifJson *
unet_config (const DifFamily *family, DifWeights *file, const DifLdmLayout *layout,
             const char *name, GError **error)
{
  g_autoptr (GString) s        = g_string_new ("{\"_class_name\": \"UNet2DConditionModel\"");
  Levels              v        = { 0 };
  gsize               added    = dimension (file, UNET "label_emb.0.0.weight", 1);
  gsize               guidance = dimension (file, UNET "time_embed.cond_proj.weight", 1);

  read_levels (family, file, layout, &v);
  g_string_append_printf (
      s,
      ", \"act_fn\": \"silu\", \"center_input_sample\": false, \"downsample_padding\": 1, "
      "\"flip_sin_to_cos\": true, \"freq_shift\": 0, \"mid_block_scale_factor\": 1, "
      "\"norm_eps\": 1e-05, \"norm_num_groups\": 32, \"sample_size\": %u, "
      "\"in_channels\": %" G_GSIZE_FORMAT ", \"out_channels\": %" G_GSIZE_FORMAT,
      family->sample_size, dimension (file, UNET "input_blocks.0.0.weight", 1),
      dimension (file, UNET "out.2.weight", 0));
  append_numbers (s, "block_out_channels", v.channels, layout->n_down);
  append_numbers (s, "layers_per_block", layout->down, layout->n_down);
  append_numbers (s, "transformer_layers_per_block", v.depth, layout->n_down);
  append_numbers (s, "attention_head_dim", v.heads, layout->n_down);
  append_types (s, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", v.attention,
                layout->n_down);
  append_types (s, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", layout->up_attention,
                layout->n_up);
  append_attention (s, file);
  if (guidance)
    g_string_append_printf (s, ", \"time_cond_proj_dim\": %" G_GSIZE_FORMAT, guidance);
  if (added)
    g_string_append_printf (s,
                            ", \"addition_embed_type\": \"text_time\", "
                            "\"addition_time_embed_dim\": 256, "
                            "\"projection_class_embeddings_input_dim\": %" G_GSIZE_FORMAT,
                            added);
  g_string_append_c (s, '}');
  return parse (s->str, name, error);
}

static DifJson *
vae_config (const DifFamily *family, DifWeights *file, const DifLdmLayout *layout,
            const char *name, GError **error)
{
  g_autoptr (GString) s = g_string_new ("{\"_class_name\": \"AutoencoderKL\"");
  guint               channels[DIF_LDM_MAX_LEVELS];
  gboolean            attention[DIF_LDM_MAX_LEVELS] = { FALSE };

  for (guint i = 0; i < layout->n_vae; i++)
    channels[i] =
        (guint) dimension_of (file, 0, VAE "encoder.down.%u.block.0.conv1.weight", i);
  g_string_append_printf (
      s,
      ", \"act_fn\": \"silu\", \"norm_num_groups\": 32, \"sample_size\": %u, "
      "\"layers_per_block\": %u, \"in_channels\": %" G_GSIZE_FORMAT
      ", \"out_channels\": %" G_GSIZE_FORMAT ", \"latent_channels\": %" G_GSIZE_FORMAT
      ", \"scaling_factor\": %s",
      family->sample_size * 8, MAX (count (file, VAE "encoder.down.0.block", ".conv1.weight"), 1),
      dimension (file, VAE "encoder.conv_in.weight", 1),
      dimension (file, VAE "decoder.conv_out.weight", 0),
      dimension (file, VAE "decoder.conv_in.weight", 1), family->is_xl ? "0.13025" : "0.18215");
  if (family->is_xl)
    g_string_append (s, ", \"force_upcast\": true");
  append_numbers (s, "block_out_channels", channels, layout->n_vae);
  append_types (s, "down_block_types", "DownEncoderBlock2D", "", attention, layout->n_vae);
  append_types (s, "up_block_types", "UpDecoderBlock2D", "", attention, layout->n_vae);
  g_string_append_c (s, '}');
  return parse (s->str, name, error);
}

/* Names of an encoder's tensors: Hugging Face's CLIP and open_clip. */
typedef struct
{
  const char *tokens, *positions, *layers, *layer_end, *mlp;
} Spelling;

static const Spelling hugging_face = { "text_model.embeddings.token_embedding.weight",
                                       "text_model.embeddings.position_embedding.weight",
                                       "text_model.encoder.layers", ".layer_norm1.weight",
                                       ".mlp.fc1.weight" };
static const Spelling open_clip    = { "token_embedding.weight", "positional_embedding",
                                       "transformer.resblocks", ".ln_1.weight",
                                       ".mlp.c_fc.weight" };

static DifJson *
text_config (DifWeights *file, const char *prefix, const Spelling *k, gboolean is_open,
             const char *name, GError **error)
{
  g_autofree char *layers = g_strconcat (prefix, k->layers, NULL);
  g_autofree char *text   = NULL;
  gsize            width  = dimension_of (file, 1, "%s%s", prefix, k->tokens);
  gsize            joined = dimension_of (file, 1, "%stext_projection", prefix);
  gsize            turned = dimension_of (file, 0, "%stext_projection.weight", prefix);
  guint            n      = count (file, layers, k->layer_end);

  if (strcmp (prefix, "cond_stage_model.model.") == 0)
    n = MIN (n, 23); /* the last of 24 is left out, see ldm-keys.c */
  joined = joined ? joined : turned;
  text   = g_strdup_printf (
      "{\"architectures\": [\"%s\"], \"hidden_act\": \"%s\", \"hidden_size\": %" G_GSIZE_FORMAT
      ", \"intermediate_size\": %" G_GSIZE_FORMAT ", \"layer_norm_eps\": 1e-05, "
        "\"max_position_embeddings\": %" G_GSIZE_FORMAT ", \"model_type\": \"clip_text_model\", "
        "\"num_attention_heads\": %" G_GSIZE_FORMAT ", \"num_hidden_layers\": %u, "
        "\"projection_dim\": %" G_GSIZE_FORMAT ", \"vocab_size\": %" G_GSIZE_FORMAT
      ", \"bos_token_id\": 0, \"eos_token_id\": 2, \"pad_token_id\": 1}",
      joined ? "CLIPTextModelWithProjection" : "CLIPTextModel", is_open ? "gelu" : "quick_gelu",
      width, dimension_of (file, 0, "%s.0%s", layers, k->mlp),
      dimension_of (file, 0, "%s%s", prefix, k->positions), MAX (width / 64, 1), n,
      joined ? joined : MAX (width, 1), dimension_of (file, 0, "%s%s", prefix, k->tokens));
  return parse (text, name, error);
}

/* What fills a short prompt: open_clip takes id 0, "!". */
static DifJson *
tokenizer_config (gboolean is_open, const char *name, GError **error)
{
  g_autofree char *text = g_strdup_printf (
      "{\"bos_token\": {\"content\": \"<|startoftext|>\", \"normalized\": true}, "
      "\"eos_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}, "
      "\"unk_token\": {\"content\": \"<|endoftext|>\", \"normalized\": true}, "
      "\"pad_token\": \"%s\", \"model_max_length\": 77, "
      "\"tokenizer_class\": \"CLIPTokenizer\"}",
      is_open ? "!" : "<|endoftext|>");

  return parse (text, name, error);
}

/* The prefix of the encoder's tensors in @file, or the first possible one; how
 * they are spelled, and whether the network is one of open_clip. */
static const char *
encoder_prefix (DifWeights *file, gboolean second, const Spelling **spelling, gboolean *is_open)
{
  static const struct
  {
    const char     *prefix;
    gboolean        second, is_open;
    const Spelling *spelling;
  } rows[] = {
    { "cond_stage_model.transformer.", FALSE, FALSE, &hugging_face },
    { "cond_stage_model.model.", FALSE, TRUE, &open_clip },
    { "conditioner.embedders.0.transformer.", FALSE, FALSE, &hugging_face },
    { "conditioner.embedders.1.model.", TRUE, TRUE, &open_clip },
    { "conditioner.embedders.0.model.", TRUE, TRUE, &open_clip },
    { SECOND_HF, TRUE, TRUE, &hugging_face },
  };
  guint found = second ? 3 : 0;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (rows[i].second == second &&
        dimension_of (file, 0, "%s%s", rows[i].prefix, rows[i].spelling->tokens))
      {
        found = i;
        break;
      }
  *is_open  = rows[found].is_open;
  *spelling = rows[found].spelling;
  return rows[found].prefix;
}

DifJson *
dif_family_config (const DifFamily *family, DifWeights *file, const DifLdmLayout *layout,
                   const char *part, const char *name, GError **error)
{
  gboolean        is_open;
  const Spelling *k;
  const char     *prefix = encoder_prefix (file, g_str_has_suffix (part, "_2"), &k, &is_open);

  if (strcmp (part, "unet") == 0)
    return unet_config (family, file, layout, name, error);
  if (strcmp (part, "vae") == 0)
    return vae_config (family, file, layout, name, error);
  if (strcmp (part, "scheduler") == 0)
    return parse (family->scheduler, name, error);
  if (g_str_has_prefix (part, "tokenizer"))
    return tokenizer_config (is_open, name, error);
  return text_config (file, prefix, k, is_open, name, error);
}
