/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* templates.c - configurations of published models, as values.
 *
 * Source: the config.json files of Stable Diffusion 1.5, 2.1 (v) and 2 depth,
 * and of SDXL 1.0 base and refiner.  "tiny", "tiny-xl" and "tiny-depth" are ours:
 * the same classes, small enough for tests.
 */
#include <string.h>

#include "templates.h"

#define UNET_BLOCKS                                                                  \
  "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\","         \
  "\"CrossAttnDownBlock2D\",\"DownBlock2D\"],"                                       \
  "\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\"," \
  "\"CrossAttnUpBlock2D\"],"

#define UNET_SIZED                                                                   \
  "\"_class_name\":\"UNet2DConditionModel\",\"act_fn\":\"silu\","                    \
  "\"center_input_sample\":false,\"downsample_padding\":1,\"flip_sin_to_cos\":true," \
  "\"freq_shift\":0,\"layers_per_block\":2,"                                         \
  "\"mid_block_scale_factor\":1,\"norm_eps\":1e-05,\"out_channels\":4,"

#define UNET_COMMON UNET_SIZED "\"in_channels\":4,"

#define VAE_COMMON                                                                      \
  "\"_class_name\":\"AutoencoderKL\",\"act_fn\":\"silu\","                              \
  "\"down_block_types\":[\"DownEncoderBlock2D\",\"DownEncoderBlock2D\","                \
  "\"DownEncoderBlock2D\",\"DownEncoderBlock2D\"],"                                     \
  "\"up_block_types\":[\"UpDecoderBlock2D\",\"UpDecoderBlock2D\",\"UpDecoderBlock2D\"," \
  "\"UpDecoderBlock2D\"],"                                                              \
  "\"in_channels\":3,\"out_channels\":3,\"latent_channels\":4,"

#define VAE_SD \
  "\"block_out_channels\":[128,256,512,512],\"layers_per_block\":2,\"norm_num_groups\":32,"

#define VAE_XL                                                        \
  "{" VAE_COMMON VAE_SD "\"force_upcast\":true,\"sample_size\":1024," \
  "\"scaling_factor\":0.13025}"

/* without the keys of training (dropout, initialization): transformers 5 insists on their
 * being spelled as floats */
#define TEXT_COMMON                     \
  "\"model_type\":\"clip_text_model\"," \
  "\"layer_norm_eps\":1e-05,\"max_position_embeddings\":77,"

#define TEXT_L                                                         \
  "{" TEXT_COMMON "\"hidden_act\":\"quick_gelu\",\"hidden_size\":768," \
  "\"intermediate_size\":3072,\"num_attention_heads\":12,"             \
  "\"num_hidden_layers\":12,\"projection_dim\":768,\"vocab_size\":49408}"

#define TEXT_TINY                                                     \
  "{" TEXT_COMMON "\"hidden_act\":\"quick_gelu\",\"hidden_size\":32," \
  "\"intermediate_size\":64,\"num_attention_heads\":4,"               \
  "\"num_hidden_layers\":2,\"projection_dim\":32,\"vocab_size\":514}"

#define VAE_TINY                                                              \
  "{" VAE_COMMON "\"block_out_channels\":[8,8,16,16],\"layers_per_block\":1," \
  "\"norm_num_groups\":4,\"sample_size\":64,"

#define TEXT_G                                                    \
  "{" TEXT_COMMON "\"hidden_act\":\"gelu\",\"hidden_size\":1280," \
  "\"intermediate_size\":5120,\"num_attention_heads\":20,"        \
  "\"num_hidden_layers\":32,\"projection_dim\":1280,\"vocab_size\":49408}"

#define SCHEDULER_COMMON                                                             \
  "\"beta_start\":0.00085,\"beta_end\":0.012,\"beta_schedule\":\"scaled_linear\","   \
  "\"num_train_timesteps\":1000,\"set_alpha_to_one\":false,\"skip_prk_steps\":true," \
  "\"steps_offset\":1,\"trained_betas\":null,\"clip_sample\":false"

#define SCHEDULER_XL                                                               \
  "{\"_class_name\":\"EulerDiscreteScheduler\",\"interpolation_type\":\"linear\"," \
  "\"prediction_type\":\"epsilon\",\"timestep_spacing\":\"leading\","              \
  "\"use_karras_sigmas\":false," SCHEDULER_COMMON "}"

#define SD_SETTINGS                                                  \
  "\"feature_extractor\":[null,null],\"image_encoder\":[null,null]," \
  "\"requires_safety_checker\":false,\"safety_checker\":[null,null],"

#define XL_SETTINGS "\"force_zeros_for_empty_prompt\":true,\"add_watermarker\":null,"

#define DEPTH_SETTINGS                                                \
  "\"depth_estimator\":[\"transformers\",\"DPTForDepthEstimation\"]," \
  "\"feature_extractor\":[\"transformers\",\"DPTImageProcessor\"],"

#define UNET_XL \
  "\"addition_embed_type\":\"text_time\",\"use_linear_projection\":true,"

#define UNET_TINY                                                    \
  "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"DownBlock2D\"]," \
  "\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\"],"       \
  "\"attention_head_dim\":4,\"block_out_channels\":[32,64],"         \
  "\"cross_attention_dim\":32,\"norm_num_groups\":8,\"sample_size\":8"

#define DPT_COMMON                                                                       \
  "\"architectures\":[\"DPTForDepthEstimation\"],\"model_type\":\"dpt\","                \
  "\"is_hybrid\":true,\"hidden_act\":\"gelu\",\"layer_norm_eps\":1e-12,"                 \
  "\"neck_ignore_stages\":[0,1],\"num_channels\":3,\"patch_size\":16,\"qkv_bias\":true," \
  "\"readout_type\":\"project\",\"reassemble_factors\":[1,1,1,0.5],"

#define BIT_COMMON                                                                         \
  "\"model_type\":\"bit\",\"embedding_dynamic_padding\":true,\"global_padding\":\"same\"," \
  "\"hidden_act\":\"relu\",\"layer_type\":\"bottleneck\",\"num_channels\":3,"              \
  "\"out_features\":[\"stage1\",\"stage2\",\"stage3\"],\"output_stride\":32,"

#define PROCESSOR(side)                                                                       \
  "{\"image_processor_type\":\"DPTImageProcessor\",\"do_normalize\":true,\"do_resize\":true," \
  "\"ensure_multiple_of\":1,\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.5,0.5,0.5],"        \
  "\"keep_aspect_ratio\":false,\"resample\":3,\"size\":{\"height\":" side ",\"width\":" side "}}"

static const CliTemplate templates[] = {
  { .name     = "sd15",
    .pipeline = "StableDiffusionPipeline",
    .settings = SD_SETTINGS,
    .unet     = "{" UNET_COMMON UNET_BLOCKS
            "\"attention_head_dim\":8,\"block_out_channels\":[320,640,1280,1280],"
            "\"cross_attention_dim\":768,\"norm_num_groups\":32,\"sample_size\":64}",
    .vae             = "{" VAE_COMMON VAE_SD "\"sample_size\":512,\"scaling_factor\":0.18215}",
    .text_encoder    = TEXT_L,
    .scheduler       = "{\"_class_name\":\"PNDMScheduler\"," SCHEDULER_COMMON "}",
    .scheduler_class = "PNDMScheduler" },
  { .name     = "sd21",
    .pipeline = "StableDiffusionPipeline",
    .settings = SD_SETTINGS,
    .unet     = "{" UNET_COMMON UNET_BLOCKS
            "\"attention_head_dim\":[5,10,20,20],\"block_out_channels\":[320,640,1280,1280],"
            "\"cross_attention_dim\":1024,\"norm_num_groups\":32,\"sample_size\":96,"
            "\"use_linear_projection\":true,\"upcast_attention\":true}",
    .vae          = "{" VAE_COMMON VAE_SD "\"sample_size\":768,\"scaling_factor\":0.18215}",
    .text_encoder = "{" TEXT_COMMON
                    "\"hidden_act\":\"gelu\",\"hidden_size\":1024,\"intermediate_size\":4096,"
                    "\"num_attention_heads\":16,\"num_hidden_layers\":23,\"projection_dim\":512,"
                    "\"vocab_size\":49408}",
    .scheduler = "{\"_class_name\":\"DDIMScheduler\"," SCHEDULER_COMMON
                 ",\"prediction_type\":\"v_prediction\"}",
    .scheduler_class = "DDIMScheduler",
    .pad_token       = "!" },
  { .name            = "tiny",
    .pipeline        = "StableDiffusionPipeline",
    .settings        = SD_SETTINGS,
    .unet            = "{" UNET_COMMON UNET_TINY "}",
    .vae             = VAE_TINY "\"scaling_factor\":0.18215}",
    .text_encoder    = TEXT_TINY,
    .scheduler       = "{\"_class_name\":\"PNDMScheduler\"," SCHEDULER_COMMON "}",
    .scheduler_class = "PNDMScheduler" },
  { .name     = "sdxl",
    .pipeline = "StableDiffusionXLPipeline",
    .settings = XL_SETTINGS,
    .unet     = "{" UNET_COMMON UNET_XL
            "\"down_block_types\":[\"DownBlock2D\",\"CrossAttnDownBlock2D\","
            "\"CrossAttnDownBlock2D\"],"
            "\"up_block_types\":[\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\",\"UpBlock2D\"],"
            "\"addition_time_embed_dim\":256,"
            "\"projection_class_embeddings_input_dim\":2816,"
            "\"attention_head_dim\":[5,10,20],\"block_out_channels\":[320,640,1280],"
            "\"transformer_layers_per_block\":[1,2,10],\"cross_attention_dim\":2048,"
            "\"norm_num_groups\":32,\"sample_size\":128}",
    .vae             = VAE_XL,
    .text_encoder    = TEXT_L,
    .text_encoder_2  = TEXT_G,
    .scheduler       = SCHEDULER_XL,
    .scheduler_class = "EulerDiscreteScheduler" },
  { .name     = "sdxl-refiner",
    .pipeline = "StableDiffusionXLImg2ImgPipeline",
    .settings = "\"force_zeros_for_empty_prompt\":false,\"add_watermarker\":null,"
                "\"requires_aesthetics_score\":true,",
    .unet     = "{" UNET_COMMON UNET_XL
            "\"down_block_types\":[\"DownBlock2D\",\"CrossAttnDownBlock2D\","
            "\"CrossAttnDownBlock2D\",\"DownBlock2D\"],"
            "\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\","
            "\"UpBlock2D\"],\"addition_time_embed_dim\":256,"
            "\"projection_class_embeddings_input_dim\":2560,\"attention_head_dim\":[6,12,24,24],"
            "\"block_out_channels\":[384,768,1536,1536],\"transformer_layers_per_block\":4,"
            "\"cross_attention_dim\":1280,\"norm_num_groups\":32,\"sample_size\":128}",
    .vae             = VAE_XL,
    .text_encoder_2  = TEXT_G,
    .scheduler       = SCHEDULER_XL,
    .scheduler_class = "EulerDiscreteScheduler" },
  { .name     = "tiny-xl",
    .pipeline = "StableDiffusionXLPipeline",
    .settings = XL_SETTINGS,
    .unet     = "{" UNET_COMMON UNET_XL
            "\"down_block_types\":[\"DownBlock2D\",\"CrossAttnDownBlock2D\"],"
            "\"up_block_types\":[\"CrossAttnUpBlock2D\",\"UpBlock2D\"],"
            "\"addition_time_embed_dim\":8,\"projection_class_embeddings_input_dim\":72,"
            "\"attention_head_dim\":[2,4],\"block_out_channels\":[32,64],"
            "\"transformer_layers_per_block\":[1,2],\"cross_attention_dim\":56,"
            "\"norm_num_groups\":8,\"sample_size\":8}",
    .vae            = VAE_TINY "\"scaling_factor\":0.13025}",
    .text_encoder   = TEXT_TINY,
    .text_encoder_2 = "{" TEXT_COMMON
                      "\"hidden_act\":\"gelu\",\"hidden_size\":24,\"intermediate_size\":48,"
                      "\"num_attention_heads\":2,\"num_hidden_layers\":3,\"projection_dim\":24,"
                      "\"vocab_size\":514}",
    .scheduler       = SCHEDULER_XL,
    .scheduler_class = "EulerDiscreteScheduler" },
  { .name            = "sd2-depth",
    .pipeline        = "StableDiffusionDepth2ImgPipeline",
    .settings        = DEPTH_SETTINGS,
    .unet            = "{" UNET_SIZED UNET_BLOCKS "\"in_channels\":5,"
                       "\"attention_head_dim\":[5,10,20,20],"
                       "\"block_out_channels\":[320,640,1280,1280],\"cross_attention_dim\":1024,"
                       "\"norm_num_groups\":32,\"sample_size\":64,\"use_linear_projection\":true}",
    .vae             = "{" VAE_COMMON VAE_SD "\"sample_size\":512,\"scaling_factor\":0.18215}",
    .text_encoder    = "{" TEXT_COMMON "\"hidden_act\":\"gelu\",\"hidden_size\":1024,"
                       "\"intermediate_size\":4096,\"num_attention_heads\":16,"
                       "\"num_hidden_layers\":23,\"projection_dim\":512,\"vocab_size\":49408}",
    .scheduler       = "{\"_class_name\":\"PNDMScheduler\"," SCHEDULER_COMMON "}",
    .scheduler_class = "PNDMScheduler",
    .pad_token       = "!",
    .depth           = "{" DPT_COMMON "\"backbone_config\":{" BIT_COMMON "\"depths\":[3,4,9],"
                       "\"embedding_size\":64,\"hidden_sizes\":[256,512,1024,2048],"
                       "\"num_groups\":32},\"backbone_featmap_shape\":[1,1024,24,24],"
                       "\"backbone_out_indices\":[2,5,8,11],\"fusion_hidden_size\":256,"
                       "\"hidden_size\":768,\"image_size\":384,\"intermediate_size\":3072,"
                       "\"neck_hidden_sizes\":[256,512,768,768],\"num_attention_heads\":12,"
                       "\"num_hidden_layers\":12}",
    .depth_processor = PROCESSOR ("384") },
  { .name            = "tiny-depth",
    .pipeline        = "StableDiffusionDepth2ImgPipeline",
    .settings        = DEPTH_SETTINGS,
    .unet            = "{" UNET_SIZED "\"in_channels\":5," UNET_TINY "}",
    .vae             = VAE_TINY "\"scaling_factor\":0.18215}",
    .text_encoder    = TEXT_TINY,
    .scheduler       = "{\"_class_name\":\"PNDMScheduler\"," SCHEDULER_COMMON "}",
    .scheduler_class = "PNDMScheduler",
    .depth           = "{" DPT_COMMON "\"backbone_config\":{" BIT_COMMON "\"depths\":[1,1,1],"
                       "\"embedding_size\":8,\"hidden_sizes\":[16,16,32],\"num_groups\":4},"
                       "\"backbone_featmap_shape\":[1,32,4,4],\"backbone_out_indices\":[0,0,1,2],"
                       "\"fusion_hidden_size\":8,\"hidden_size\":16,\"image_size\":64,"
                       "\"intermediate_size\":32,\"neck_hidden_sizes\":[16,16,16,16],"
                       "\"num_attention_heads\":2,\"num_hidden_layers\":3}",
    .depth_processor = PROCESSOR ("64") },
};

const CliTemplate *
cli_template_find (const char *name, GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (templates); i++)
    {
      if (strcmp (templates[i].name, name) == 0)
        return &templates[i];
      g_string_append_printf (known, "%s%s", i ? ", " : "", templates[i].name);
    }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--like: expected one of %s, found \"%s\"", known->str, name);
  return NULL;
}
