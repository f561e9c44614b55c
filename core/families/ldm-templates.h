/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm-templates.h - what templates of models with CLIP, a U-Net and an autoencoder
 * share: configs, as JSON, and rows of parts.
 *
 * "tiny" ones are ours: the same classes, small enough for tests.
 */
#ifndef DIF_FAMILIES_LDM_TEMPLATES_H
#define DIF_FAMILIES_LDM_TEMPLATES_H

#include "run/template.h"

G_BEGIN_DECLS

/** DIF_TEMPLATE_UNET_SIZED: what U-Nets have in common, but for their input. */
#define DIF_TEMPLATE_UNET_SIZED                                                      \
  "\"_class_name\":\"UNet2DConditionModel\",\"act_fn\":\"silu\","                    \
  "\"center_input_sample\":false,\"downsample_padding\":1,\"flip_sin_to_cos\":true," \
  "\"freq_shift\":0,\"layers_per_block\":2,"                                         \
  "\"mid_block_scale_factor\":1,\"norm_eps\":1e-05,\"out_channels\":4,"

/** DIF_TEMPLATE_UNET_COMMON: the same, of plain models. */
#define DIF_TEMPLATE_UNET_COMMON DIF_TEMPLATE_UNET_SIZED "\"in_channels\":4,"

/** DIF_TEMPLATE_UNET_BLOCKS: blocks of four levels, as of Stable Diffusion 1.x and 2.x. */
#define DIF_TEMPLATE_UNET_BLOCKS                                                     \
  "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\","         \
  "\"CrossAttnDownBlock2D\",\"DownBlock2D\"],"                                       \
  "\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\"," \
  "\"CrossAttnUpBlock2D\"],"

/** DIF_TEMPLATE_UNET_TINY: the rest of one for tests. */
#define DIF_TEMPLATE_UNET_TINY                                       \
  "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"DownBlock2D\"]," \
  "\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\"],"       \
  "\"attention_head_dim\":4,\"block_out_channels\":[32,64],"         \
  "\"cross_attention_dim\":32,\"norm_num_groups\":8,\"sample_size\":8"

/** DIF_TEMPLATE_VAE_COMMON: what autoencoders have in common. */
#define DIF_TEMPLATE_VAE_COMMON                                                         \
  "\"_class_name\":\"AutoencoderKL\",\"act_fn\":\"silu\","                              \
  "\"down_block_types\":[\"DownEncoderBlock2D\",\"DownEncoderBlock2D\","                \
  "\"DownEncoderBlock2D\",\"DownEncoderBlock2D\"],"                                     \
  "\"up_block_types\":[\"UpDecoderBlock2D\",\"UpDecoderBlock2D\",\"UpDecoderBlock2D\"," \
  "\"UpDecoderBlock2D\"],"                                                              \
  "\"in_channels\":3,\"out_channels\":3,\"latent_channels\":4,"

/** DIF_TEMPLATE_VAE_SIZES: sizes of the published ones. */
#define DIF_TEMPLATE_VAE_SIZES \
  "\"block_out_channels\":[128,256,512,512],\"layers_per_block\":2,\"norm_num_groups\":32,"

/** DIF_TEMPLATE_VAE_TINY: an autoencoder for tests, but for its scaling; not closed. */
#define DIF_TEMPLATE_VAE_TINY                                                              \
  "{" DIF_TEMPLATE_VAE_COMMON "\"block_out_channels\":[8,8,16,16],\"layers_per_block\":1," \
  "\"norm_num_groups\":4,\"sample_size\":64,"

/** DIF_TEMPLATE_TEXT_COMMON: what text encoders have in common, without the keys of
 * training (dropout, initialization): transformers 5 insists on their being spelled as
 * floats. */
#define DIF_TEMPLATE_TEXT_COMMON        \
  "\"model_type\":\"clip_text_model\"," \
  "\"layer_norm_eps\":1e-05,\"max_position_embeddings\":77,"

/** DIF_TEMPLATE_TEXT_L: the text encoder of Stable Diffusion 1.x. */
#define DIF_TEMPLATE_TEXT_L                                                         \
  "{" DIF_TEMPLATE_TEXT_COMMON "\"hidden_act\":\"quick_gelu\",\"hidden_size\":768," \
  "\"intermediate_size\":3072,\"num_attention_heads\":12,"                          \
  "\"num_hidden_layers\":12,\"projection_dim\":768,\"vocab_size\":49408}"

/** DIF_TEMPLATE_TEXT_TINY: one for tests. */
#define DIF_TEMPLATE_TEXT_TINY                                                     \
  "{" DIF_TEMPLATE_TEXT_COMMON "\"hidden_act\":\"quick_gelu\",\"hidden_size\":32," \
  "\"intermediate_size\":64,\"num_attention_heads\":4,"                            \
  "\"num_hidden_layers\":2,\"projection_dim\":32,\"vocab_size\":514}"

/** DIF_TEMPLATE_VAE: a published one for pictures of @size pixels. */
#define DIF_TEMPLATE_VAE(size, scaling) \
  "{" DIF_TEMPLATE_VAE_COMMON DIF_TEMPLATE_VAE_SIZES "\"sample_size\":" size "," scaling "}"

/** DIF_TEMPLATE_SCHEDULER_PART: the scheduler. */
#define DIF_TEMPLATE_SCHEDULER_PART(klass, config) { "scheduler", "diffusers", klass, config }
/** DIF_TEMPLATE_TEXT_PART: the first text encoder. */
#define DIF_TEMPLATE_TEXT_PART(config, pad_token) \
  { "text_encoder", "transformers", "CLIPTextModel", config, "tokenizer", pad_token }
/** DIF_TEMPLATE_TEXT_2_PART: the second one. */
#define DIF_TEMPLATE_TEXT_2_PART(config) \
  { "text_encoder_2", "transformers", "CLIPTextModelWithProjection", config, "tokenizer_2", "!" }
/** DIF_TEMPLATE_VAE_PART: the autoencoder. */
#define DIF_TEMPLATE_VAE_PART(config) { "vae", "diffusers", "AutoencoderKL", config }
/** DIF_TEMPLATE_UNET_PART: the U-Net. */
#define DIF_TEMPLATE_UNET_PART(config) { "unet", "diffusers", "UNet2DConditionModel", config }

/** DIF_TEMPLATE: a row of DifTemplate with the table @parts. */
#define DIF_TEMPLATE(name, pipeline, settings, parts) \
  { name, pipeline, settings, parts, G_N_ELEMENTS (parts) }

G_END_DECLS

#endif /* DIF_FAMILIES_LDM_TEMPLATES_H */
