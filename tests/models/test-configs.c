/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-configs.c - what a config.json asks for, without any weights.
 *
 * Published configs must ask for exactly the published number of parameters,
 * checkpoints for exactly the tensors they hold, and a config that is no good
 * must be refused with one line that names the key.  Where DIF_TEST_CONFIGS
 * names a folder of published checkpoints' JSON files, those are read as well.
 */
#include <string.h>

#include "support.h"

#define UNET           "UNet2DConditionModel"
#define VAE            "AutoencoderKL"
#define CLIP           "CLIPTextModel"
#define CLIP_PROJECTED "CLIPTextModelWithProjection"
#define UNET2D         "UNet2DModel"
#define DPT            "DPTForDepthEstimation"

/* Keys as published, but for those that say nothing about shapes. */
#define LEVELS                                                                          \
  "\"block_out_channels\": [320, 640, 1280, 1280],"                                     \
  "\"down_block_types\": [\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\","          \
  "  \"CrossAttnDownBlock2D\", \"DownBlock2D\"],"                                       \
  "\"up_block_types\": [\"UpBlock2D\", \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\"," \
  "  \"CrossAttnUpBlock2D\"],"                                                          \
  "\"act_fn\": \"silu\", \"center_input_sample\": false, \"downsample_padding\": 1,"    \
  "\"flip_sin_to_cos\": true, \"freq_shift\": 0, \"mid_block_scale_factor\": 1,"        \
  "\"norm_eps\": 1e-05, \"norm_num_groups\": 32, \"out_channels\": 4,"
#define SD1                                                                                  \
  "{" LEVELS "\"attention_head_dim\": 8, \"cross_attention_dim\": 768, \"sample_size\": 64," \
  "\"layers_per_block\": 2,"
#define SD2                                                                               \
  "{" LEVELS "\"attention_head_dim\": [5, 10, 20, 20], \"cross_attention_dim\": 1024,"    \
  "\"layers_per_block\": 2, \"dual_cross_attention\": false, \"num_class_embeds\": null," \
  "\"only_cross_attention\": false, \"use_linear_projection\": true,"
/* SD 1.5 with parts left out and no middle, after Kim et al. 2023 (BK-SDM) */
#define SMALL                                                                               \
  "{" LEVELS "\"attention_head_dim\": 8, \"cross_attention_dim\": 768, \"in_channels\": 4," \
  "\"layers_per_block\": 1, \"mid_block_type\": null}"
#define TINY                                                                         \
  "{\"block_out_channels\": [320, 640, 1280], \"attention_head_dim\": 8,"            \
  "\"down_block_types\": [\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\","       \
  "  \"CrossAttnDownBlock2D\"], \"up_block_types\": [\"CrossAttnUpBlock2D\","        \
  "  \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\"], \"cross_attention_dim\": 768," \
  "\"layers_per_block\": 1, \"mid_block_type\": null}"
#define SD_VAE                                                                             \
  "{\"act_fn\": \"silu\", \"block_out_channels\": [128, 256, 512, 512],"                   \
  "\"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\","                 \
  "  \"DownEncoderBlock2D\", \"DownEncoderBlock2D\"],"                                     \
  "\"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\", \"UpDecoderBlock2D\"," \
  "  \"UpDecoderBlock2D\"],"                                                               \
  "\"in_channels\": 3, \"latent_channels\": 4, \"layers_per_block\": 2,"                   \
  "\"norm_num_groups\": 32, \"out_channels\": 3, \"sample_size\": 512}"
#define CLIP_L                                                                          \
  "{\"hidden_act\": \"quick_gelu\", \"hidden_size\": 768, \"intermediate_size\": 3072," \
  "\"layer_norm_eps\": 1e-05, \"max_position_embeddings\": 77,"                         \
  "\"num_attention_heads\": 12, \"num_hidden_layers\": 12, \"vocab_size\": 49408}"
#define CLIP_H                                                                     \
  "{\"hidden_act\": \"gelu\", \"hidden_size\": 1024, \"intermediate_size\": 4096," \
  "\"layer_norm_eps\": 1e-05, \"max_position_embeddings\": 77,"                    \
  "\"num_attention_heads\": 16, \"num_hidden_layers\": 23, \"vocab_size\": 49408}"

#define CLIP_G                                                                     \
  "{\"hidden_act\": \"gelu\", \"hidden_size\": 1280, \"intermediate_size\": 5120," \
  "\"layer_norm_eps\": 1e-05, \"max_position_embeddings\": 77,"                    \
  "\"num_attention_heads\": 20, \"num_hidden_layers\": 32, \"vocab_size\": 49408," \
  "\"projection_dim\": 1280}"
#define XL                                                                         \
  "\"addition_embed_type\": \"text_time\", \"addition_embed_type_num_heads\": 64," \
  "\"addition_time_embed_dim\": 256, \"class_embed_type\": null,"                  \
  "\"layers_per_block\": 2, \"num_attention_heads\": null,"                        \
  "\"use_linear_projection\": true,"
#define XL_BASE                                                                           \
  "{" XL "\"attention_head_dim\": [5, 10, 20], \"block_out_channels\": [320, 640, 1280]," \
  "\"cross_attention_dim\": 2048, \"down_block_types\": [\"DownBlock2D\","                \
  "  \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"], \"up_block_types\": ["          \
  "  \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\", \"UpBlock2D\"],"                     \
  "\"transformer_layers_per_block\": [1, 2, 10],"                                         \
  "\"projection_class_embeddings_input_dim\": 2816,"
#define XL_REFINER                                                                     \
  "{" XL "\"attention_head_dim\": [6, 12, 24, 24], \"block_out_channels\": [384, 768," \
  "  1536, 1536], \"cross_attention_dim\": 1280, \"down_block_types\": ["              \
  "  \"DownBlock2D\", \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\","             \
  "  \"DownBlock2D\"], \"up_block_types\": [\"UpBlock2D\", \"CrossAttnUpBlock2D\","    \
  "  \"CrossAttnUpBlock2D\", \"UpBlock2D\"], \"transformer_layers_per_block\": 4,"     \
  "\"projection_class_embeddings_input_dim\": 2560}"

/* segmind/SSD-1B and Segmind-Vega; the numbers of blocks as ComfyUI has them,
 * model_detection.py, SSD_1B and Segmind_Vega */
#define SEGMIND(down, up)                                                                 \
  "{" XL "\"attention_head_dim\": [5, 10, 20], \"block_out_channels\": [320, 640, 1280]," \
  "\"cross_attention_dim\": 2048, \"down_block_types\": [\"DownBlock2D\","                \
  "  \"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"], \"up_block_types\": ["          \
  "  \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\", \"UpBlock2D\"],"                     \
  "\"mid_block_type\": \"UNetMidBlock2D\", \"transformer_layers_per_block\": " down ","   \
  "\"reverse_transformer_layers_per_block\": " up ","                                     \
  "\"projection_class_embeddings_input_dim\": 2816}"

#define DDPM                                                                            \
  "\"act_fn\": \"silu\", \"attention_head_dim\": null, \"center_input_sample\": false," \
  "\"downsample_padding\": 0, \"flip_sin_to_cos\": false, \"freq_shift\": 1,"           \
  "\"in_channels\": 3, \"layers_per_block\": 2, \"mid_block_scale_factor\": 1,"         \
  "\"norm_eps\": 1e-06, \"norm_num_groups\": 32, \"out_channels\": 3,"                  \
  "\"time_embedding_type\": \"positional\","
#define DDPM_32                                                                   \
  "{" DDPM "\"block_out_channels\": [128, 256, 256, 256], \"sample_size\": 32,"   \
  "\"down_block_types\": [\"DownBlock2D\", \"AttnDownBlock2D\", \"DownBlock2D\"," \
  "  \"DownBlock2D\"], \"up_block_types\": [\"UpBlock2D\", \"UpBlock2D\","        \
  "  \"AttnUpBlock2D\", \"UpBlock2D\"]}"
#define DDPM_256                                                                           \
  "{" DDPM "\"block_out_channels\": [128, 128, 256, 256, 512, 512], \"sample_size\": 256," \
  "\"down_block_types\": [\"DownBlock2D\", \"DownBlock2D\", \"DownBlock2D\","              \
  "  \"DownBlock2D\", \"AttnDownBlock2D\", \"DownBlock2D\"],"                              \
  "\"up_block_types\": [\"UpBlock2D\", \"AttnUpBlock2D\", \"UpBlock2D\", \"UpBlock2D\","   \
  "  \"UpBlock2D\", \"UpBlock2D\"]}"

/* What a dry run asked for.  A tensor that is taken in two parts is asked for
 * twice and counts once. */
typedef struct
{
  guint64     total, part;
  const char *prefixes[2]; /* (nullable): of the tensors counted in @part */
  DifWeights *weights;     /* (nullable): must hold these tensors and no other */
  GHashTable *names;
} Asked;

static void
asked_for (const char *name, const DifShape *shape, gpointer user_data)
{
  Asked *asked = user_data;
  gsize  n;

  g_assert_true (dif_shape_count (shape, &n));
  if (! g_hash_table_add (asked->names, g_strdup (name)))
    return;
  asked->total += n;
  for (guint i = 0; i < G_N_ELEMENTS (asked->prefixes); i++)
    if (asked->prefixes[i] && g_str_has_prefix (name, asked->prefixes[i]))
      asked->part += n;
}

static void
check_names (Asked *asked)
{
  g_autoptr (GPtrArray) names = dif_weights_names (asked->weights);

  for (guint i = 0; i < names->len; i++)
    if (! g_hash_table_contains (asked->names, names->pdata[i]))
      g_error ("nobody asked for %s", (const char *) names->pdata[i]);
  g_assert_cmpuint (g_hash_table_size (asked->names), ==, names->len);
  g_assert_cmpuint (asked->total, ==, dif_weights_count_parameters (asked->weights));
}

/* Loads @config without weights; FALSE and @error if it is refused. */
static gboolean
dry_run (const char *class_name, DifJson *config, Asked *asked, GError **error)
{
  const DifModelClass   *klass = dif_model_class_find (class_name);
  g_autoptr (DifBackend) be    = dif_backend_open ("ref", NULL);
  g_autoptr (DifStore)   store = NULL;
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  DifLoader             *loader;
  gpointer               model;

  g_assert_nonnull (klass);
  loader       = dif_loader_new (NULL, be, DIF_F32, NULL);
  asked->names = names;
  dif_loader_set_visitor (loader, asked_for, asked);
  model = klass->load (config, loader, error);
  store = dif_loader_finish (loader, NULL);
  g_assert_nonnull (store);
  g_assert_cmpuint (dif_store_bytes (store), ==, 0);
  if (model)
    klass->free (model);
  if (asked->weights)
    check_names (asked);
  return model != NULL;
}

static DifJson *
parse (const char *text)
{
  GError  *error = NULL;
  DifJson *root  = dif_json_parse (text, strlen (text), "config.json", &error);

  g_assert_no_error (error);
  return root;
}

/* ---- published ---- */

typedef struct
{
  const char *name, *class_name, *json, *file; /* @file: below DIF_TEST_CONFIGS */
  guint64     total, decoder;
} Published;

static const Published published[] = {
  { "sd15-unet", UNET, SD1 "\"in_channels\": 4}", "stable-diffusion-v1-5/unet", 859520964, 0 },
  { "sd15-inpainting-unet", UNET, SD1 "\"in_channels\": 9}", "stable-diffusion-inpainting/unet",
    859535364, 0 },
  { "sd21-unet", UNET, SD2 "\"in_channels\": 4, \"sample_size\": 96, \"upcast_attention\": true}",
    "stable-diffusion-2-1/unet", 865910724, 0 },
  { "sd2-depth-unet", UNET, SD2 "\"in_channels\": 5, \"sample_size\": 64}", NULL, 865913604, 0 },
  { "sd2-inpainting-unet", UNET, SD2 "\"in_channels\": 9, \"sample_size\": 64}",
    "stable-diffusion-2-inpainting/unet", 865925124, 0 },
  { "small-unet", UNET, SMALL, NULL, 482346884, 0 },
  { "tiny-unet", UNET, TINY, NULL, 323384964, 0 },
  { "sdxl-unet", UNET, XL_BASE "\"in_channels\": 4}", "stable-diffusion-xl-base-1.0/unet",
    2567463684, 0 },
  { "sdxl-inpainting-unet", UNET, XL_BASE "\"in_channels\": 9}",
    "stable-diffusion-xl-1.0-inpainting-0.1/unet", 2567478084, 0 },
  { "sdxl-refiner-unet", UNET, XL_REFINER, "stable-diffusion-xl-refiner-1.0/unet", 2259526660, 0 },
  { "ssd-1b-unet", UNET, SEGMIND ("[1, [2, 2], [4, 4]]", "[[4, 4, 10], [2, 1, 1], 1]"), NULL,
    1331334404, 0 },
  { "segmind-vega-unet", UNET, SEGMIND ("[1, 1, 2]", "[2, 1, 1]"), NULL, 745225604, 0 },
  { "lcm-sdxl-unet", UNET, XL_BASE "\"time_cond_proj_dim\": 256}", NULL, 2567545604, 0 },
  { "lcm-sd15-unet", UNET, SD1 "\"time_cond_proj_dim\": 256}", NULL, 859602884, 0 },
  { "ddpm-cifar10-32", UNET2D, DDPM_32, NULL, 35746307, 0 },
  { "ddpm-celebahq-256", UNET2D, DDPM_256, NULL, 113673219, 0 },
  { "sd15-vae", VAE, SD_VAE, "stable-diffusion-v1-5/vae", 83653863, 49490199 },
  { "sd21-vae", VAE, SD_VAE, "stable-diffusion-2-1/vae", 83653863, 49490199 },
  { "sd15-text", CLIP, CLIP_L, "stable-diffusion-v1-5/text_encoder", 123060480, 0 },
  { "sdxl-vae", VAE, SD_VAE, "stable-diffusion-xl-base-1.0/vae", 83653863, 49490199 },
  { "sdxl-text-2", CLIP_PROJECTED, CLIP_G, "stable-diffusion-xl-base-1.0/text_encoder_2",
    694659840, 0 },
  { "sd21-text", CLIP, CLIP_H, "stable-diffusion-2-1/text_encoder", 340387840, 0 },
  { "dpt-hybrid", DPT,
    "{\"is_hybrid\": true, \"neck_hidden_sizes\": [256, 512, 768, 768],"
    "\"reassemble_factors\": [1, 1, 1, 0.5]}",
    NULL, 122377985, 0 },
  { "dpt-large", DPT,
    "{\"hidden_size\": 1024, \"num_hidden_layers\": 24, \"num_attention_heads\": 16,"
    "\"intermediate_size\": 4096, \"neck_hidden_sizes\": [256, 512, 1024, 1024],"
    "\"backbone_out_indices\": [5, 11, 17, 23]}",
    NULL, 343030465, 0 },
};

static void
check_published (const Published *p, DifJson *config)
{
  GError *error = NULL;
  Asked   asked = { .prefixes = { "decoder.", "post_quant_conv." } };

  dry_run (p->class_name, config, &asked, &error);
  g_assert_no_error (error);
  g_test_message ("%" G_GUINT64_FORMAT " parameters", asked.total);
  g_assert_cmpuint (asked.total, ==, p->total);
  if (p->decoder)
    g_assert_cmpuint (asked.part, ==, p->decoder);
}

static void
test_published (gconstpointer data)
{
  const Published    *p      = data;
  g_autoptr (DifJson) config = parse (p->json);

  check_published (p, config);
}

static DifJson *
published_file (const char *relative)
{
  const char      *folder = g_getenv ("DIF_TEST_CONFIGS");
  g_autofree char *path   = NULL;
  GError          *error  = NULL;
  DifJson         *config;

  if (! folder)
    {
      g_test_skip ("DIF_TEST_CONFIGS names no folder of published configs");
      return NULL;
    }
  path   = g_build_filename (folder, relative, "config.json", NULL);
  config = dif_json_load (path, &error);
  g_assert_no_error (error);
  return config;
}

static void
test_published_file (gconstpointer data)
{
  const Published    *p      = data;
  g_autoptr (DifJson) config = published_file (p->file);

  if (config)
    check_published (p, config);
}

/* Families this core does not draw with yet: refused by their first such key. */
static const struct
{
  const char *file, *class_name, *key;
} foreign[] = {
  { "stable-diffusion-x4-upscaler/unet", UNET, "num_class_embeds" },
};

static void
assert_refused (GError *error, const char *key)
{
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_true (error->domain == DIF_FORMAT_ERROR);
  g_assert_null (strchr (error->message, '\n'));
  if (key && ! strstr (error->message, key))
    g_error ("no \"%s\" in \"%s\"", key, error->message);
}

static void
test_foreign_files (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (foreign); i++)
    {
      g_autoptr (DifJson) config = published_file (foreign[i].file);
      g_autoptr (GError)  error  = NULL;
      Asked               asked  = { 0 };

      if (! config)
        return;
      g_assert_false (dry_run (foreign[i].class_name, config, &asked, &error));
      assert_refused (error, foreign[i].key);
    }
}

/* ---- every tensor of a checkpoint is asked for, and no other ---- */

static void
check_part (DifCheckpoint *checkpoint, const char *part)
{
  GError                *error   = NULL;
  g_autoptr (DifJson)    config  = dif_checkpoint_config (checkpoint, part, &error);
  g_autoptr (DifWeights) weights = dif_checkpoint_weights (checkpoint, part, &error);
  Asked                  asked   = { .weights = weights };

  g_assert_no_error (error);
  dry_run (dif_checkpoint_part_class (checkpoint, part), config, &asked, &error);
  g_assert_no_error (error);
}

static void
test_checkpoint (gconstpointer data)
{
  g_autofree char          *relative   = g_build_filename ("models", data, NULL);
  g_autofree char          *path       = test_fixture (relative);
  GError                   *error      = NULL;
  g_autoptr (DifCheckpoint) checkpoint = dif_checkpoint_open (path, &error);

  g_assert_no_error (error);
  check_part (checkpoint, "unet");
  check_part (checkpoint, "vae");
  if (dif_checkpoint_part_class (checkpoint, "text_encoder"))
    check_part (checkpoint, "text_encoder");
  if (dif_checkpoint_part_class (checkpoint, "text_encoder_2"))
    check_part (checkpoint, "text_encoder_2");
  if (dif_checkpoint_part_class (checkpoint, "depth_estimator"))
    check_part (checkpoint, "depth_estimator");
}

/* ---- bad configs ---- */

typedef struct
{
  const char *key, *value, *named; /* @named: what the message must name; NULL: @key */
} Bad;

static const Bad bad_unet[] = {
  { "block_out_channels", "null", NULL },
  { "block_out_channels", "320", NULL },
  { "block_out_channels", "\"320\"", NULL },
  { "block_out_channels", "[]", NULL },
  { "block_out_channels", "{\"a\": 320, \"b\": 640, \"c\": 1280, \"d\": 1280}", NULL },
  { "block_out_channels", "[32, 32, 32, 32, 32, 32, 32, 32, 32]", NULL },
  { "block_out_channels", "[320, \"640\", 1280, 1280]", "block_out_channels[1]" },
  { "block_out_channels", "[320, 640, 1280, 0]", "block_out_channels[3]" },
  { "block_out_channels", "[320, 640, 1280, -32]", "block_out_channels[3]" },
  { "block_out_channels", "[320, 640, 1280, null]", "block_out_channels[3]" },
  { "block_out_channels", "[320, 640, 1280, 1300]", NULL },
  { "block_out_channels", "[320, 640, 1280]", "down_block_types" },
  { "down_block_types", "null", NULL },
  { "down_block_types", "\"CrossAttnDownBlock2D\"", NULL },
  { "down_block_types", "[\"DownBlock2D\"]", NULL },
  { "down_block_types", "[\"DownBlock2D\", \"SkipDownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]",
    "down_block_types[1]" },
  { "down_block_types", "[1, 2, 3, 4]", "down_block_types[0]" },
  { "up_block_types", "null", NULL },
  { "up_block_types", "[\"UpBlock2D\", \"UpBlock2D\", \"UpBlock2D\", \"AttnUpBlock2D\"]",
    "up_block_types[3]" },
  { "up_block_types", "[]", NULL },
  { "mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"", NULL },
  { "mid_block_type", "5", NULL },
  { "attention_head_dim", "7", NULL },
  { "attention_head_dim", "[8, 8, 8, 7]", NULL },
  { "attention_head_dim", "[5, 10, 20]", NULL },
  { "attention_head_dim", "\"8\"", NULL },
  { "attention_head_dim", "0", NULL },
  { "attention_head_dim", "8.5", NULL },
  { "num_attention_heads", "7", NULL },
  { "cross_attention_dim", "\"768\"", NULL },
  { "cross_attention_dim", "0", NULL },
  { "cross_attention_dim", "[768, 768]", NULL },
  { "transformer_layers_per_block", "0", NULL },
  { "transformer_layers_per_block", "[1, 2]", NULL },
  { "transformer_layers_per_block", "[[1, 1], 1, 1, 1]", "expected reverse_transformer_layers" },
  { "transformer_layers_per_block", "[[1, 1, 1], 1, 1, 1]", "expected 2 numbers, found 3" },
  { "transformer_layers_per_block", "[[[1], 1], 1, 1, 1]", "transformer_layers_per_block[0][0]" },
  { "transformer_layers_per_block", "65536", NULL },
  { "layers_per_block", "0", NULL },
  { "layers_per_block", "[2]", NULL },
  { "layers_per_block", "65536", NULL },
  { "in_channels", "0", NULL },
  { "out_channels", "\"4\"", NULL },
  { "sample_size", "[64, 64]", NULL },
  { "norm_num_groups", "0", NULL },
  { "norm_num_groups", "3", NULL },
  { "norm_eps", "0", NULL },
  { "norm_eps", "-1e-5", NULL },
  { "norm_eps", "Infinity", NULL },
  { "norm_eps", "NaN", NULL },
  { "norm_eps", "\"1e-5\"", NULL },
  { "freq_shift", "\"0\"", NULL },
  { "freq_shift", "160", NULL },
  { "freq_shift", "Infinity", NULL },
  { "flip_sin_to_cos", "1", NULL },
  { "center_input_sample", "\"no\"", NULL },
  { "downsample_padding", "2", NULL },
  { "act_fn", "\"gelu\"", NULL },
  { "act_fn", "3", NULL },
  { "class_embed_type", "\"timestep\"", NULL },
  { "num_class_embeds", "1000", NULL },
  { "addition_embed_type", "\"text_time\"", "addition_time_embed_dim" },
  { "addition_embed_type", "\"text\"", NULL },
  { "addition_embed_type", "1", NULL },
  { "encoder_hid_dim", "768", NULL },
  { "encoder_hid_dim_type", "\"text_proj\"", NULL },
  { "time_cond_proj_dim", "3", NULL },
  { "time_cond_proj_dim", "\"256\"", NULL },
  { "time_embedding_act_fn", "\"silu\"", NULL },
  { "time_embedding_dim", "1280", NULL },
  { "timestep_post_act", "\"silu\"", NULL },
  { "cross_attention_norm", "\"layer_norm\"", NULL },
  { "reverse_transformer_layers_per_block", "[1, 1]", NULL },
  { "reverse_transformer_layers_per_block", "[1, 1, [1, 1], 1]", "expected 3 numbers, found 2" },
  { "reverse_transformer_layers_per_block", "[1, 1, [1, 1, 0], 1]", "layers_per_block[2][2]" },
  { "dual_cross_attention", "true", NULL },
  { "resnet_skip_time_act", "true", NULL },
  { "class_embeddings_concat", "true", NULL },
  { "only_cross_attention", "true", NULL },
  { "only_cross_attention", "[true, true, true, false]", NULL },
  { "mid_block_only_cross_attention", "true", NULL },
  { "time_embedding_type", "\"fourier\"", NULL },
  { "resnet_time_scale_shift", "\"scale_shift\"", NULL },
  { "attention_type", "\"gated\"", NULL },
  { "conv_in_kernel", "1", NULL },
  { "conv_out_kernel", "5", NULL },
  { "mid_block_scale_factor", "2", NULL },
  { "resnet_out_scale_factor", "1.5", NULL },
  { NULL, NULL, NULL },
};

static const Bad bad_unet2d[] = {
  { "block_out_channels", "null", NULL },
  { "block_out_channels", "128", NULL },
  { "block_out_channels", "{\"a\": 128, \"b\": 256, \"c\": 256, \"d\": 256}", NULL },
  { "block_out_channels", "[128, 256, 256, 250]", NULL },
  { "block_out_channels", "[128, 256, \"256\", 256]", "block_out_channels[2]" },
  { "block_out_channels", "[128, 256]", "down_block_types" },
  { "down_block_types", "null", NULL },
  { "down_block_types", "[\"DownBlock2D\"]", NULL },
  { "up_block_types", "[\"UpBlock2D\", \"SkipUpBlock2D\", \"UpBlock2D\", \"UpBlock2D\"]",
    "up_block_types[1]" },
  { "attention_head_dim", "7", NULL },
  { "attention_head_dim", "0", NULL },
  { "layers_per_block", "0", NULL },
  { "layers_per_block", "65536", NULL },
  { "in_channels", "\"3\"", NULL },
  { "out_channels", "0", NULL },
  { "sample_size", "[32, 32]", NULL },
  { "norm_num_groups", "3", NULL },
  { "norm_eps", "0", NULL },
  { "freq_shift", "64", NULL },
  { "flip_sin_to_cos", "0", NULL },
  { "downsample_padding", "3", NULL },
  { "act_fn", "\"mish\"", NULL },
  { "add_attention", "1", NULL },
  { "class_embed_type", "\"timestep\"", NULL },
  { "num_class_embeds", "10", NULL },
  { "attn_norm_num_groups", "8", NULL },
  { "center_input_sample", "true", NULL },
  { "mid_block_scale_factor", "1.5", NULL },
  { "time_embedding_type", "\"fourier\"", NULL },
  { "resnet_time_scale_shift", "\"scale_shift\"", NULL },
  { "downsample_type", "\"resnet\"", NULL },
  { "upsample_type", "\"resnet\"", NULL },
  { NULL, NULL, NULL },
};

static const Bad bad_vae[] = {
  { "block_out_channels", "128", NULL },
  { "block_out_channels", "[]", NULL },
  { "block_out_channels", "{\"a\": 128, \"b\": 256, \"c\": 512, \"d\": 512}", NULL },
  { "block_out_channels", "[128, 256, 512, 500]", NULL },
  { "block_out_channels", "[128, 256, 512, \"512\"]", "block_out_channels[3]" },
  { "block_out_channels", "[32, 32, 32, 32, 32, 32, 32, 32, 32]", NULL },
  { "block_out_channels", "[128, 256]", "down_block_types" },
  { "down_block_types", "[\"DownEncoderBlock2D\"]", NULL },
  { "down_block_types", "\"DownEncoderBlock2D\"", NULL },
  { "down_block_types", "[\"DownEncoderBlock2D\", \"DownBlock2D\", 3, 4]", NULL },
  { "up_block_types", "[1, 2, 3, 4]", NULL },
  { "layers_per_block", "0", NULL },
  { "layers_per_block", "65536", NULL },
  { "latent_channels", "0", NULL },
  { "in_channels", "4", NULL },
  { "out_channels", "1", NULL },
  { "norm_num_groups", "0", NULL },
  { "norm_num_groups", "3", NULL },
  { "scaling_factor", "0", NULL },
  { "scaling_factor", "Infinity", NULL },
  { "scaling_factor", "\"0.18215\"", NULL },
  { "use_quant_conv", "1", NULL },
  { "use_post_quant_conv", "\"yes\"", NULL },
  { "mid_block_add_attention", "[]", NULL },
  { "act_fn", "\"relu\"", NULL },
  { "latents_mean", "[0, 0, 0, 0]", NULL },
  { "latents_mean", "[0, 0, 0]", NULL },
  { "latents_mean", "0", NULL },
  { "latents_mean", "[0, 0, 0, NaN]", NULL },
  { "latents_std", "[1, 1, 1, 1]", NULL },
  { "latents_std", "[1, 1, 1, 0]", NULL },
  { "latents_std", "[1, 1, 1, \"1\"]", "latents_std[3]" },
  { "force_upcast", "1", NULL },
  { "shift_factor", "\"0.1159\"", NULL },
  { "shift_factor", "NaN", NULL },
  { NULL, NULL, NULL },
};

static const Bad bad_clip[] = {
  { "hidden_act", "\"relu\"", NULL },
  { "hidden_act", "1", NULL },
  { "hidden_size", "0", NULL },
  { "hidden_size", "770", NULL },
  { "hidden_size", "\"768\"", NULL },
  { "intermediate_size", "-1", NULL },
  { "num_hidden_layers", "0", NULL },
  { "num_hidden_layers", "1e9", NULL },
  { "num_hidden_layers", "2.5", NULL },
  { "num_attention_heads", "0", NULL },
  { "num_attention_heads", "7", NULL },
  { "max_position_embeddings", "0", NULL },
  { "vocab_size", "[]", NULL },
  { "layer_norm_eps", "0", NULL },
  { "layer_norm_eps", "\"\"", NULL },
  { NULL, NULL, NULL },
};

static const Bad bad_unet_xl[] = {
  { "addition_time_embed_dim", "null", NULL },
  { "addition_time_embed_dim", "1", NULL },
  { "addition_time_embed_dim", "[256]", NULL },
  { "projection_class_embeddings_input_dim", "null", NULL },
  { "projection_class_embeddings_input_dim", "-2816", NULL },
  { "freq_shift", "128", NULL },
  { "transformer_layers_per_block", "[1, 2]", NULL },
  { NULL, NULL, NULL },
};

static const Bad bad_clip_projected[] = {
  { "projection_dim", "0", NULL },
  { "projection_dim", "\"1280\"", NULL },
  { "eos_token_id", "-1", NULL },
  { "eos_token_id", "[2]", NULL },
  { "hidden_size", "1281", NULL },
  { NULL, NULL, NULL },
};

static const struct
{
  const char *name, *class_name, *json;
  const Bad  *bad;
} families[] = {
  { "unet", UNET, SD1 "\"in_channels\": 4}", bad_unet },
  { "unet2d", UNET2D, DDPM_32, bad_unet2d },
  { "vae", VAE, SD_VAE, bad_vae },
  { "text", CLIP, CLIP_L, bad_clip },
  { "unet-xl", UNET, XL_BASE "\"freq_shift\": 0}", bad_unet_xl },
  { "text-projected", CLIP_PROJECTED, CLIP_G, bad_clip_projected },
};

/* @json with @key set to @value. */
static DifJson *
changed (const char *json, const char *key, const char *value)
{
  g_autoptr (DifJson) config = parse (json);
  g_autofree char    *wrap = g_strdup_printf ("{\"value\": %s}", value), *text = NULL;
  g_autoptr (DifJson) holder = parse (wrap);

  dif_json_set_copy (config, key, dif_json_at (holder, 0));
  text = dif_json_to_string (config, FALSE);
  return parse (text);
}

static void
test_bad (gconstpointer data)
{
  guint f = GPOINTER_TO_UINT (data);

  for (const Bad *b = families[f].bad; b->key; b++)
    {
      g_autoptr (DifJson) config = changed (families[f].json, b->key, b->value);
      g_autoptr (GError)  error  = NULL;
      Asked               asked  = { 0 };

      if (dry_run (families[f].class_name, config, &asked, &error))
        g_error ("%s: %s was taken", b->key, b->value);
      assert_refused (error, b->named ? b->named : b->key);
      g_assert_cmpuint (asked.total, ==, 0);
    }
}

/* Whatever stands at a key, a config is taken or refused in one line. */
static void
test_odd_values (gconstpointer data)
{
  static const char *const odd[] = { "null", "true", "-1", "0", "1", "3", "1e300", "2.5", "\"x\"",
                                     "\"\"", "[]", "{}", "[1]", "[null]", "[[[]]]", "NaN" };
  guint                    f     = GPOINTER_TO_UINT (data);
  g_autoptr (DifJson)      base  = parse (families[f].json);

  for (guint i = 0; i < dif_json_length (base); i++)
    for (guint k = 0; k < G_N_ELEMENTS (odd); k++)
      {
        const char         *key    = dif_json_key (dif_json_at (base, i));
        g_autoptr (DifJson) config = changed (families[f].json, key, odd[k]);
        g_autoptr (GError)  error  = NULL;
        Asked               asked  = { 0 };

        if (! dry_run (families[f].class_name, config, &asked, &error))
          assert_refused (error, NULL);
      }
}

static void
test_no_object (void)
{
  static const char *const roots[] = { "[]", "3", "\"x\"", "null", "{}" };

  for (guint f = 0; f < G_N_ELEMENTS (families); f++)
    for (guint i = 0; i < G_N_ELEMENTS (roots); i++)
      {
        g_autoptr (DifJson) config = parse (roots[i]);
        g_autoptr (GError)  error  = NULL;
        Asked               asked  = { 0 };

        if (! dry_run (families[f].class_name, config, &asked, &error))
          assert_refused (error, NULL);
        else
          g_assert_cmpstr (roots[i], ==, "{}");
      }
}

static void
test_unknown_class (void)
{
  g_assert_null (dif_model_class_find ("UNet3DConditionModel"));
  g_assert_null (dif_model_class_find (""));
}

static void
add (const char *format, const char *name, gconstpointer data, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf (format, name);

  g_test_add_data_func (path, data, func);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (published); i++)
    {
      add ("/models/configs/published/%s", published[i].name, &published[i], test_published);
      if (published[i].file)
        add ("/models/configs/published-file/%s", published[i].name, &published[i],
             test_published_file);
    }
  g_test_add_func ("/models/configs/published-file/refused", test_foreign_files);
  add ("/models/configs/checkpoint/%s", "sd15", "sd15", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "sd21", "sd21", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "odd", "odd", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "sdxl", "sdxl", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "refiner", "refiner", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "sdxl-inpaint", "sdxl-inpaint", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "lcm", "lcm", test_checkpoint);
  add ("/models/configs/checkpoint/%s", "depth", "depth", test_checkpoint);
  for (guint f = 0; f < G_N_ELEMENTS (families); f++)
    {
      add ("/models/configs/bad/%s", families[f].name, GUINT_TO_POINTER (f), test_bad);
      add ("/models/configs/odd-values/%s", families[f].name, GUINT_TO_POINTER (f),
           test_odd_values);
    }
  g_test_add_func ("/models/configs/bad/no-object", test_no_object);
  g_test_add_func ("/models/configs/bad/unknown-class", test_unknown_class);
  return g_test_run ();
}
