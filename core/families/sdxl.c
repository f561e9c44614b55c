/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* sdxl.c - Stable Diffusion XL and its refiner: two text encoders, or the second
 * alone, and micro-conditioning: the sizes of what it was trained on.
 *
 * Source: diffusers StableDiffusionXLPipeline and its Img2Img and Inpaint variants
 * (_get_add_time_ids, denoising_start, denoising_end); model_index.json and
 * config.json of stabilityai/stable-diffusion-xl-base-1.0, -xl-refiner-1.0 and
 * diffusers/stable-diffusion-xl-1.0-inpainting-0.1.
 */
#include "config.h"

#include "families/sdxl.h"

#include <glib/gi18n-lib.h>

#include "base/error.h"
#include "run/prompt.h"

const DifFamilyPipeline dif_sdxl_pipelines[3] = {
  { "StableDiffusionXLPipeline", 50, FALSE },
  { "StableDiffusionXLImg2ImgPipeline", 50, FALSE },
  { "StableDiffusionXLInpaintPipeline", 50, FALSE },
};

/* the refiner has the second encoder alone; saved without that name, it has it
 * under the first's */
const DifPartSpec dif_sdxl_parts[4] = {
  { "text_encoder", "CLIPTextModel", DIF_ROLE_TEXT, DIF_STAGE_PROMPT, .tokenizer = "tokenizer",
    .optional = TRUE },
  { "text_encoder_2", "CLIPTextModelWithProjection", DIF_ROLE_TEXT_2, DIF_STAGE_PROMPT,
    .tokenizer = "tokenizer_2", .alias = "text_encoder", .alias_tokenizer = "tokenizer" },
  { "unet", "UNet2DConditionModel", DIF_ROLE_DENOISER, DIF_STAGE_DENOISE },
  { "vae", "AutoencoderKL", DIF_ROLE_AUTOENCODER, DIF_STAGE_DECODE },
};

/* ---- parameters ---- */

/* clang-format off */

/* a size that the denoiser is conditioned on, `least` or more pixels; 0 unless set */
#define SIZE(name_, label_, least, blurb_) \
  { \
    .name = name_, .type = DIF_PARAM_INT, .label = label_, .blurb = blurb_, .unit = "pixels", \
    .min = least, .max = 32768, .fallback = 0, .auto_default = least, .advanced = TRUE \
  }

static const DifParam params[] = {
  { .name = "prompt-2",
    .type = DIF_PARAM_STRING,
    .label = N_ ("Second prom_pt"),
    .blurb = N_ ("SDXL: what the second text encoder reads; empty for the prompt"),
    .text = "",
    .advanced = TRUE },
      { .name = "negative-prompt-2",
        .type = DIF_PARAM_STRING,
        .label = N_ ("Second ne_gative prompt"),
        .blurb = N_ ("SDXL: what the second text encoder reads; empty for the negative prompt"),
        .text = "",
        .advanced = TRUE },
      SIZE ("original-width", N_ ("Original _width"), 1,
                     N_ ("SDXL: width that the picture is to look as if it once had, before it "
                         "was scaled; 0 for its own")),
      SIZE ("original-height", N_ ("Original _height"), 1,
                     N_ ("SDXL: height that the picture is to look as if it once had, before it "
                         "was scaled; 0 for its own")),
      SIZE ("crop-left", N_ ("Crop _left"), 0,
                     N_ ("SDXL: pixels to pretend were cropped from the left")),
      SIZE ("crop-top", N_ ("Crop _top"), 0,
                     N_ ("SDXL: pixels to pretend were cropped from the top")),
      SIZE ("target-width", N_ ("Target wi_dth"), 1,
                     N_ ("SDXL: width that the model, not its refiner, is conditioned on; 0 for "
                         "the picture's own")),
      SIZE ("target-height", N_ ("Target hei_ght"), 1,
                     N_ ("SDXL: height that the model, not its refiner, is conditioned on; 0 for "
                         "the picture's own")),
  {
    .name = "denoising-end", .type = DIF_PARAM_DOUBLE, .label = N_ ("Denoising e_nd"),
    .blurb = N_ ("SDXL: part of the way after which to stop, for a refiner to go on; 1 is off"),
    .min = 0, .max = 1, .fallback = 1, .advanced = TRUE
  },
};

static const DifParam image_params[] = {
  { .name = "denoising-start",
    .type = DIF_PARAM_DOUBLE,
    .label = N_ ("Denoising s_tart"),
    .blurb = N_ ("SDXL: part of the way that the picture has behind it, instead of a strength; "
                 "0 is off"),
    .min = 0,
    .max = 1,
    .fallback = 0,
    .advanced = TRUE },
      { .name = "aesthetic-score",
        .type = DIF_PARAM_DOUBLE,
        .label = N_ ("_Aesthetic score"),
        .blurb = N_ ("SDXL's refiner: the aesthetic score to aim at"),
        .min = 0,
        .max = 10,
        .fallback = 6,
        .advanced = TRUE },
  {
    .name = "negative-aesthetic-score", .type = DIF_PARAM_DOUBLE,
    .label = N_ ("Negative aest_hetic score"),
    .blurb = N_ ("SDXL's refiner: the aesthetic score to steer away from"), .min = 0, .max = 10,
    .fallback = 2.5, .advanced = TRUE
  },
};
/* clang-format on */

const DifFamilyRows dif_sdxl_rows[2] = {
  { DIF_CAN_TXT2IMG | DIF_CAN_IMG2IMG | DIF_CAN_INPAINT, params, G_N_ELEMENTS (params) },
  { DIF_CAN_IMG2IMG | DIF_CAN_INPAINT, image_params, G_N_ELEMENTS (image_params) },
};

gboolean
dif_sdxl_check_run (DifRun *run, GError **error)
{
  double start = dif_request_number (run->rq, "denoising-start"),
         end   = dif_request_number (run->rq, "denoising-end");

  if (! (start > 0 && end > 0 && start >= end))
    return TRUE;
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               _ ("denoising-start: expected less than denoising-end (%g), found %g"), end, start);
  return FALSE;
}

/* ---- the model ---- */

/* What model_index.json says. */
typedef struct
{
  gboolean zeros_for_empty; /* force_zeros_for_empty_prompt */
  gboolean wants_score;     /* requires_aesthetics_score */
} Index;

gpointer
dif_sdxl_read_index (DifJson *json)
{
  Index *index = g_new (Index, 1);

  index->zeros_for_empty = dif_json_bool (json, "force_zeros_for_empty_prompt", TRUE);
  index->wants_score     = dif_json_bool (json, "requires_aesthetics_score", FALSE);
  return index;
}

static gboolean
wants_score (DifPipeline *pipe)
{
  return ((const Index *) pipe->family_data)->wants_score;
}

/* A refiner goes on with pictures. */
guint
dif_sdxl_can (DifPipeline *pipe)
{
  return dif_latent_can (pipe) & ~(wants_score (pipe) ? (guint) DIF_CAN_TXT2IMG : 0u);
}

gboolean
dif_sdxl_check (DifPipeline *pipe, GError **error)
{
  const DifDenoiserInfo *unet = dif_pipeline_denoiser (pipe);
  guint                  n    = wants_score (pipe) ? 5 : 6, pooled, whole;

  if (! dif_latent_check (pipe, error))
    return FALSE;
  pooled = dif_pipeline_text_encoder (pipe, 1)->pooled_width;
  whole  = pooled + n * unet->size_width;
  if (! unet->added_width)
    return dif_latent_misfit (pipe, error,
                              "unet: addition_embed_type: expected \"text_time\", found null");
  if (unet->added_width == whole)
    return TRUE;
  return dif_latent_misfit (pipe, error,
                            "unet: projection_class_embeddings_input_dim: expected the text "
                            "encoder's %u and %u sizes of %u%s, %u in all, found %u",
                            pooled, n, unet->size_width,
                            wants_score (pipe) ? " (requires_aesthetics_score)" : "", whole,
                            unet->added_width);
}

/* ---- conditioning ---- */

/* Appends height and width, or top and left. */
static void
append_pair (GArray *ids, double first, double second)
{
  float pair[2] = { (float) first, (float) second };

  g_array_append_vals (ids, pair, 2);
}

/* A number of the request, or what counts without it. */
static double
micro_condition (DifRun *run, const char *name, double fallback)
{
  return dif_request_has (run->rq, name) ? dif_request_number (run->rq, name) : fallback;
}

/* The sizes of one prompt.  A picture is told to be whole and as large as it
 * is to become, unless told otherwise; a refiner is told how good it should
 * look instead, and nothing of cuts for what is not wanted. */
static void
append_sizes (DifRun *run, GArray *ids, gboolean negative)
{
  gboolean has_score = wants_score (run->pipe);

  append_pair (ids, micro_condition (run, "original-height", run->spec->height),
               micro_condition (run, "original-width", run->spec->width));
  if (has_score && negative)
    append_pair (ids, 0, 0);
  else
    append_pair (ids, micro_condition (run, "crop-top", 0), micro_condition (run, "crop-left", 0));
  if (has_score)
    {
      const char *name  = negative ? "negative-aesthetic-score" : "aesthetic-score";
      float       score = (float) dif_request_number (run->rq, name);

      g_array_append_val (ids, score);
    }
  else
    append_pair (ids, micro_condition (run, "target-height", run->spec->height),
                 micro_condition (run, "target-width", run->spec->width));
}

void
dif_sdxl_encode (DifRun *run, DifConditioning *c)
{
  static const DifHiddenSpec penultimate = { .layer = -2 };
  const Index               *index       = run->pipe->family_data;
  gsize                      n;

  dif_run_encode_prompts (run, &penultimate, index->zeros_for_empty, c);
  if (! c->pooled)
    return;
  n        = dif_tensor_dim (c->pooled, 0);
  c->micro = g_array_new (FALSE, FALSE, sizeof (float));
  for (gsize i = 0; i < n; i++)
    append_sizes (run, c->micro, n > run->spec->n_images && i < run->spec->n_images);
}

/* Latents scaled by 0.13025.  Source: ComfyUI latent_formats.SDXL, fitted to that
 * autoencoder. */
static const float rgb_rows[][3] = {
  { 0.3651f, 0.4232f, 0.4341f },
  { -0.2533f, -0.0042f, 0.1068f },
  { 0.1076f, 0.1111f, -0.0362f },
  { -0.3165f, -0.2492f, -0.2188f },
  { 0.1084f, -0.0175f, -0.0011f },
};

const DifLatentRgb dif_sdxl_colors = { G_N_ELEMENTS (rgb_rows) - 1, rgb_rows };

/* ---- single files ---- */

#define SECOND_ONLY DIF_LDM_NO_ENCODER DIF_LDM_ENCODER_2 DIF_LDM_NETWORKS
#define NO_SCORE    "\"requires_aesthetics_score\": false, "
#define SCORE \
  "\"force_zeros_for_empty_prompt\": false, \"requires_aesthetics_score\": true, "

static const DifSingleKind
    base    = { "Stable Diffusion XL", "StableDiffusionXLPipeline", DIF_SDXL_INDEX,
                DIF_LDM_EULER ("leading"), DIF_SDXL_VAE, 128, 64 },
    inpaint = { "Stable Diffusion XL inpainting", "StableDiffusionXLInpaintPipeline",
                NO_SCORE DIF_SDXL_INDEX, DIF_LDM_EULER ("leading"), DIF_SDXL_VAE, 128, 64 },
    refiner = { "Stable Diffusion XL refiner", "StableDiffusionXLImg2ImgPipeline",
                SCORE SECOND_ONLY, DIF_LDM_EULER ("leading"), DIF_SDXL_VAE, 128, 64 };

static const DifSingleKind *
detect (const DifSingleHeader *header, const char **stranger)
{
  DifLdmTraits traits = dif_ldm_traits (header);

  if (! traits.channels || ! (traits.has_second || traits.has_second_alone))
    return NULL;
  *stranger = dif_ldm_stranger (header, &traits);
  if (*stranger)
    return NULL;
  return traits.channels == 9 ? &inpaint : traits.has_second ? &base
                                                             : &refiner;
}

static const DifSingleFamily single = {
  .label  = "XL",
  .keys   = &dif_ldm_keys_two,
  .detect = detect,
  .config = dif_ldm_config,
};

/* ---- templates ---- */

#define OF_REFINER SCORE DIF_LDM_NO_ENCODER "\"add_watermarker\":null,"

static const DifTemplatePart sdxl_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("EulerDiscreteScheduler", DIF_LDM_EULER ("leading")),
  DIF_TEMPLATE_TEXT_PART (DIF_TEMPLATE_TEXT_L, NULL),
  DIF_TEMPLATE_TEXT_2_PART (DIF_SDXL_TEXT_2),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE ("1024", DIF_SDXL_VAE)),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_COMMON DIF_SDXL_UNET
                          "\"down_block_types\":[\"DownBlock2D\","
                          "\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\"],"
                          "\"up_block_types\":[\"CrossAttnUpBlock2D\","
                          "\"CrossAttnUpBlock2D\",\"UpBlock2D\"],"
                          "\"addition_time_embed_dim\":256,"
                          "\"projection_class_embeddings_input_dim\":2816,"
                          "\"attention_head_dim\":[5,10,20],"
                          "\"block_out_channels\":[320,640,1280],"
                          "\"transformer_layers_per_block\":[1,2,10],"
                          "\"cross_attention_dim\":2048,\"norm_num_groups\":32,"
                          "\"sample_size\":128}"),
};

static const DifTemplatePart refiner_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("EulerDiscreteScheduler", DIF_LDM_EULER ("leading")),
  DIF_TEMPLATE_TEXT_2_PART (DIF_SDXL_TEXT_2),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE ("1024", DIF_SDXL_VAE)),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_COMMON DIF_SDXL_UNET
                          "\"down_block_types\":[\"DownBlock2D\","
                          "\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\","
                          "\"DownBlock2D\"],\"up_block_types\":[\"UpBlock2D\","
                          "\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\",\"UpBlock2D\"],"
                          "\"addition_time_embed_dim\":256,"
                          "\"projection_class_embeddings_input_dim\":2560,"
                          "\"attention_head_dim\":[6,12,24,24],"
                          "\"block_out_channels\":[384,768,1536,1536],"
                          "\"transformer_layers_per_block\":4,"
                          "\"cross_attention_dim\":1280,\"norm_num_groups\":32,"
                          "\"sample_size\":128}"),
};

static const DifTemplatePart tiny_xl_parts[] = {
  DIF_TEMPLATE_SCHEDULER_PART ("EulerDiscreteScheduler", DIF_LDM_EULER ("leading")),
  DIF_TEMPLATE_TEXT_PART (DIF_TEMPLATE_TEXT_TINY, NULL),
  DIF_TEMPLATE_TEXT_2_PART ("{" DIF_TEMPLATE_TEXT_COMMON
                            "\"hidden_act\":\"gelu\",\"hidden_size\":24,\"intermediate_size\":48,"
                            "\"num_attention_heads\":2,\"num_hidden_layers\":3,"
                            "\"projection_dim\":24,\"vocab_size\":514}"),
  DIF_TEMPLATE_VAE_PART (DIF_TEMPLATE_VAE_TINY "\"scaling_factor\":0.13025}"),
  DIF_TEMPLATE_UNET_PART ("{" DIF_TEMPLATE_UNET_COMMON DIF_SDXL_UNET
                          "\"down_block_types\":[\"DownBlock2D\","
                          "\"CrossAttnDownBlock2D\"],"
                          "\"up_block_types\":[\"CrossAttnUpBlock2D\",\"UpBlock2D\"],"
                          "\"addition_time_embed_dim\":8,"
                          "\"projection_class_embeddings_input_dim\":72,"
                          "\"attention_head_dim\":[2,4],\"block_out_channels\":[32,64],"
                          "\"transformer_layers_per_block\":[1,2],"
                          "\"cross_attention_dim\":56,\"norm_num_groups\":8,"
                          "\"sample_size\":8}"),
};

static const DifTemplate templates[] = {
  DIF_TEMPLATE ("sdxl", "StableDiffusionXLPipeline", DIF_SDXL_SETTINGS, sdxl_parts),
  DIF_TEMPLATE ("sdxl-refiner", "StableDiffusionXLImg2ImgPipeline", OF_REFINER, refiner_parts),
  DIF_TEMPLATE ("tiny-xl", "StableDiffusionXLPipeline", DIF_SDXL_SETTINGS, tiny_xl_parts),
};

const DifFamilyClass dif_family_sdxl = {
  DIF_SDXL_MEMBERS,
  .name        = "sdxl",
  .label       = "SDXL",
  .single      = &single,
  .templates   = templates,
  .n_templates = G_N_ELEMENTS (templates),
};
