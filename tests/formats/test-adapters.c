/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-adapters.c - LoRAs: the arithmetic, the spellings, and files that do not fit. */
#include "base/error.h"
#include "base/json.h"
#include "formats/catalog.h"
#include "formats/lora.h"
#include "formats/safetensors.h"

#include <math.h>
#include <string.h>

#include "formats/scratch-tensors.h"

#define LINEAR "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
#define FLAT   "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
/* the same in a single file */
#define ORIGINAL "input_blocks.1.1.transformer_blocks.0.attn2.to_k"
#define CODER    "text_model.encoder.layers.0.self_attn.q_proj"

/* A part with a linear layer, a convolution and a table. */
static const float zeros[64];

static DifWeights *
part_new (void)
{
  static const Tensor rows[] = {
    ZERO (LINEAR ".weight", 2, 3),
    ZERO ("down_blocks.0.resnets.0.conv1.weight", 2, 1, 1, 2),
    ZERO ("down_blocks.0.resnets.0.conv1.bias", 2),
    ZERO ("text_model.embeddings.token_embedding.weight", 4, 2),
    ZERO (CODER ".weight", 2, 3),
    ZERO (CODER ".bias", 2),
    ZERO ("down_blocks.0.norm.weight", 2),
    ZERO ("down_blocks.0.norm.bias", 2),
    ZERO ("conv_in.weight", 1, 9, 1, 1),
  };
  DifWeights *w = dif_weights_new ("unet");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      DifHostArray array = { .encoding = DIF_ENC_F32, .shape = rows[i].shape, .data = zeros };

      dif_weights_add (w, rows[i].name, &array, NULL);
    }
  return w;
}

static void
assert_patched (DifLoraSet *set, const char *name, DifShape shape, const float *expected, gsize n)
{
  g_autoptr (GBytes) owner = NULL;
  GError            *error = NULL;
  DifHostArray       array = { .encoding = DIF_ENC_F32, .shape = shape, .data = zeros };

  g_assert_true (dif_lora_set_patch (name, &array, &owner, set, &error));
  g_assert_no_error (error);
  g_assert_nonnull (owner);
  for (gsize i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon ((double) ((const float *) array.data)[i], (double) expected[i],
                                    1e-6);
}

/* W += weight * alpha / rank * up * down, by every spelling. */
static void
test_product (void)
{
  static const struct
  {
    const char *down, *up;
  } spellings[] = {
    { "unet." LINEAR ".lora_A.weight", "unet." LINEAR ".lora_B.weight" },
    { "unet." LINEAR ".lora.down.weight", "unet." LINEAR ".lora.up.weight" },
    { "lora_unet_" FLAT ".lora_down.weight", "lora_unet_" FLAT ".lora_up.weight" },
    { "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k.lora_down.weight",
      "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k.lora_up.weight" },
    { "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight",
      "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight" },
    { "down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight",
      "down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight" },
    /* a network alone; an adapter's name; no "weight" */
    { LINEAR ".lora_A.weight", LINEAR ".lora_B.weight" },
    { "unet." LINEAR ".lora_A.default.weight", "unet." LINEAR ".lora_B.default.weight" },
    { "unet." LINEAR ".lora_A.style_1", "unet." LINEAR ".lora_B.style_1" },
    { "unet." LINEAR ".lora_A", "unet." LINEAR ".lora_B" },
    /* LyCORIS' wrapper, ComfyUI, both of OneTrainer's, diffusers' script for kohya's spelling */
    { "lycoris_" FLAT ".lora_down.weight", "lycoris_" FLAT ".lora_up.weight" },
    { "diffusion_model." ORIGINAL ".lora_down.weight",
      "diffusion_model." ORIGINAL ".lora_up.weight" },
    { "model.diffusion_model." ORIGINAL ".lora_A.weight",
      "model.diffusion_model." ORIGINAL ".lora_B.weight" },
    { "unet." ORIGINAL ".lora_down.weight", "unet." ORIGINAL ".lora_up.weight" },
    { "lora_unet." LINEAR ".lora_down.weight", "lora_unet." LINEAR ".lora_up.weight" },
    { "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2.to_k.lora_down.weight",
      "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2.to_k.lora_up.weight" },
    /* halves that are not spelled alike */
    { "unet." LINEAR ".lora.down.weight", "lora_unet_" FLAT ".lora_up.weight" },
  };
  /* up = [[1, 2], [3, 4]], down = [[1, 0, 2], [0, 1, 1]] */
  static const float product[] = { 1, 2, 4, 3, 4, 10 };

  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++)
    for (guint with_alpha = 0; with_alpha < 2; with_alpha++)
      {
        char            *folder = scratch_new ();
        g_autofree char *stem   = g_strndup (spellings[i].down,
                                             strcspn (spellings[i].down, "."));
        g_autofree char *alpha  = g_strconcat (stem, ".alpha", NULL);
        gboolean         kohya  = g_str_has_prefix (stem, "lora_unet_") &&
                         strstr (spellings[i].down, FLAT ".lora_down");
        const Tensor tensors[] = {
          { spellings[i].down, DIF_SHAPE (2, 3), { 1, 0, 2, 0, 1, 1 } },
          { spellings[i].up, DIF_SHAPE (2, 2), { 1, 2, 3, 4 } },
          { alpha, { .n = 0 }, { 6 } },
        };
        g_autofree char       *path    = write_file (folder, "a.safetensors", tensors,
                                            kohya && with_alpha ? 3 : 2);
        g_autofree char       *spec    = g_strconcat (path, ":0.5", NULL);
        const char *const      specs[] = { spec, path, NULL };
        GError                *error   = NULL;
        g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
        g_autoptr (DifWeights) part    = part_new ();
        float                  expected[6];

        g_assert_no_error (error);
        g_assert_true (dif_lora_set_bind (set, "text_encoder", part, &error));
        g_assert_true (dif_lora_set_bind (set, "unet", part, &error));
        g_assert_true (dif_lora_set_finish (set, &error));
        g_assert_no_error (error);
        for (guint k = 0; k < 6; k++)
          expected[k] = product[k] * 1.5f * (kohya && with_alpha ? 6 / 2 : 1);
        assert_patched (set, LINEAR ".weight", DIF_SHAPE (2, 3), expected, 6);
        scratch_free (folder);
      }
}

/* Puts metadata into the file at @path. */
static void
add_metadata (const char *path, const char *text)
{
  g_autofree char    *data  = NULL;
  g_autofree char    *value = dif_json_quote (text);
  g_autofree char    *entry = g_strdup_printf ("\"__metadata__\":{\"lora_adapter_metadata\":%s},",
                                               value);
  g_autoptr (GString) out   = g_string_new (NULL);
  gsize               size;
  guint64             length;

  g_assert_true (g_file_get_contents (path, &data, &size, NULL));
  memcpy (&length, data, 8);
  length = GUINT64_TO_LE (GUINT64_FROM_LE (length) + strlen (entry));
  g_string_append_len (out, (const char *) &length, 8);
  g_string_append_c (out, '{');
  g_string_append (out, entry);
  g_string_append_len (out, data + 9, (gssize) size - 9);
  g_assert_true (g_file_set_contents (path, out->str, (gssize) out->len, NULL));
}

/* peft's settings, which diffusers keeps in the metadata. */
static void
test_metadata (void)
{
  static const Tensor tensors[] = {
    { "unet." LINEAR ".lora_A.weight", DIF_SHAPE (2, 3), { 1, 0, 2, 0, 1, 1 } },
    { "unet." LINEAR ".lora_B.weight", DIF_SHAPE (2, 2), { 1, 2, 3, 4 } },
  };
  static const float product[] = { 1, 2, 4, 3, 4, 10 };
  static const struct
  {
    const char *text;
    float       scale; /* 0: refused */
    const char *what;
  } rows[] = {
    { "{}", 1, NULL },
    { "{\"unet.r\": 2, \"unet.lora_alpha\": 8}", 4, NULL },
    { "{\"unet.lora_alpha\": 8, \"unet.alpha_pattern\": {\"attn2.to_k\": 3, \"to_q\": 9}}", 1.5,
      NULL },
    { "{\"unet.lora_alpha\": 8, \"unet.alpha_pattern\": {\"ttn2.to_k\": 3}}", 4, NULL },
    /* keys are regular expressions, and the first that matches counts */
    { "{\"unet.lora_alpha\": 8, \"unet.alpha_pattern\": {\"attn..to_(q|k)\": 3}}", 1.5, NULL },
    { "{\"unet.alpha_pattern\": {\"down_blocks\\\\.[0-9]+\\\\..*\": 6, \"to_k\": 2}}", 3, NULL },
    { "{\"unet.alpha_pattern\": {\"to_k\": 2, \"down_blocks\\\\.[0-9]+\\\\..*\": 6}}", 1, NULL },
    { "{\"unet.alpha_pattern\": {\"attn2xto_k\": 6}}", 1, NULL },
    { "{\"unet.alpha_pattern\": {\"attn2[.]to\": 6, \"^attn2\": 7, \"k|q\": 8}}", 1, NULL },
    { "{\"unet.alpha_pattern\": {\"(up|down)_.*k\": 6}}", 3, NULL },
    { "{\"unet.alpha_pattern\": {\"(\": 6}}", 0, "expected a regular expression" },
    { "{\"unet.alpha_pattern\": {\"((((a|.)+)+)+)+[0-9][0-9]\": 6}}", 0,
      "patterns that are soon compared" },
    { "{\"unet.alpha_pattern\": {\"(?:(?:(?:a{1,999}){1,999}){1,999})\": 6}}", 0,
      "expected a regular expression" },
    { "{\"unet.r\": 8, \"unet.lora_alpha\": 8, \"unet.rank_pattern\": {\".*to_k\": 2}}", 4, NULL },
    { "{\"unet.r\": 8, \"unet.lora_alpha\": 8}", 0, "of rank 8 as is stated, found rank 2" },
    { "{\"unet.lora_alpha\": 4, \"unet.use_rslora\": true}", 2.8284271f, NULL },
    { "{\"text_encoder.lora_alpha\": 8}", 1, NULL },
    { "{\"unet.use_dora\": true}", 0, "since it says use_dora, found none" },
    { "{\"unet.lora_alpha\": \"x\"}", 0, "unet.lora_alpha: expected a number" },
    { "{\"unet.lora_alpha\": Infinity}", 0, "expected a finite alpha / rank, found inf" },
    { "{", 0, "lora_adapter_metadata" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                  *folder  = scratch_new ();
      g_autofree char       *path    = write_file (folder, "p.safetensors", tensors, 2);
      const char *const      specs[] = { path, NULL };
      g_autoptr (GError)     error   = NULL;
      g_autoptr (DifLoraSet) set     = NULL;
      g_autoptr (DifWeights) part    = part_new ();
      float                  expected[6];

      add_metadata (path, rows[i].text);
      set = dif_lora_set_new (specs, &error);
      if (rows[i].what)
        {
          g_assert_null (set);
          assert_one_line (error, rows[i].what);
        }
      else
        {
          g_assert_no_error (error);
          g_assert_true (dif_lora_set_bind (set, "unet", part, &error));
          for (guint k = 0; k < 6; k++)
            expected[k] = product[k] * rows[i].scale;
          assert_patched (set, LINEAR ".weight", DIF_SHAPE (2, 3), expected, 6);
        }
      scratch_free (folder);
    }
}

static void
test_convolution (void)
{
#define CONV "lora_unet_down_blocks_0_resnets_0_conv1"
  static const Tensor plain[] = {
    { CONV ".lora_down.weight", DIF_SHAPE (1, 1, 1, 2), { 2, 3 } },
    { CONV ".lora_up.weight", DIF_SHAPE (2, 1, 1, 1), { 1, -1 } },
  };
  /* down [[2], [1]], mid[a][b] = one kernel each, up [[1, 2], [0, 1]] */
  static const Tensor middle[] = {
    { CONV ".lora_down.weight", DIF_SHAPE (2, 1, 1, 1), { 2, 1 } },
    { CONV ".lora_mid.weight", DIF_SHAPE (2, 2, 1, 2), { 1, 0, 0, 1, 1, 1, 2, 0 } },
    { CONV ".lora_up.weight", DIF_SHAPE (2, 2, 1, 1), { 1, 2, 0, 1 } },
  };
  static const struct
  {
    const Tensor *tensors;
    guint         n;
    float         expected[4];
  } rows[] = {
    { plain, 2, { 2, 3, -2, -3 } },
    /* rows through the middle: [2·(1,0) + 1·(0,1)] = (2,1); [2·(1,1) + 1·(2,0)] = (4,2) */
    { middle, 3, { 10, 5, 4, 2 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                  *folder  = scratch_new ();
      g_autofree char       *path    = write_file (folder, "c.safetensors", rows[i].tensors,
                                                   rows[i].n);
      const char *const      specs[] = { path, NULL };
      GError                *error   = NULL;
      g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
      g_autoptr (DifWeights) part    = part_new ();
      g_autoptr (GBytes)     owner   = NULL;
      DifHostArray           bias    = { DIF_ENC_F32, DIF_SHAPE (2), zeros };

      g_assert_no_error (error);
      g_assert_true (dif_lora_set_bind (set, "unet", part, &error));
      assert_patched (set, "down_blocks.0.resnets.0.conv1.weight", DIF_SHAPE (2, 1, 1, 2),
                      rows[i].expected, 4);
      /* what nothing changes stays where it is */
      g_assert_true (dif_lora_set_patch ("down_blocks.0.resnets.0.conv1.bias", &bias, &owner, set,
                                         &error));
      g_assert_null (owner);
      g_assert_true (bias.data == zeros);
      scratch_free (folder);
    }
}

/* LoRAs whose names or shapes fit nothing say what they are for. */
static void
test_misfits (void)
{
  static const struct
  {
    Tensor      down, up;
    int         code;
    const char *family, *what;
  } rows[] = {
    { ZERO ("unet." LINEAR ".lora_A.weight", 1, 5),
      ZERO ("unet." LINEAR ".lora_B.weight", 2, 1),
      DIF_MODEL_ERROR_SHAPE,
      "another model",
      "changes a tensor of shape [2, 5], found one of shape [2, 3]" },
    { ZERO ("lora_unet_nowhere.lora_down.weight", 1, 3),
      ZERO ("lora_unet_nowhere.lora_up.weight", 2, 1),
      DIF_MODEL_ERROR_MISSING_WEIGHT,
      "another model",
      "found no such tensor in the model's unet" },
    { ZERO ("lora_te2_text_model_x.lora_down.weight", 1, 3),
      ZERO ("lora_te2_text_model_x.lora_up.weight", 2, 1),
      DIF_MODEL_ERROR_MISSING_WEIGHT,
      "Stable Diffusion XL",
      "found no such tensor in the model's text_encoder_2" },
    { ZERO ("lora_unet_double_blocks_0_img_attn_proj.lora_down.weight", 1, 3),
      ZERO ("lora_unet_double_blocks_0_img_attn_proj.lora_up.weight", 2, 1),
      DIF_MODEL_ERROR_MISSING_WEIGHT,
      "Flux",
      "no such tensor" },
    { ZERO ("transformer.single_transformer_blocks.0.x.lora_A.weight", 1, 3),
      ZERO ("transformer.single_transformer_blocks.0.x.lora_B.weight", 2, 1),
      DIF_MODEL_ERROR_MISSING_WEIGHT,
      "Flux",
      "no such tensor in the model's parts" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                  *folder    = scratch_new ();
      const Tensor           tensors[] = { rows[i].down, rows[i].up };
      g_autofree char       *path      = write_file (folder, "m.safetensors", tensors, 2);
      const char *const      specs[]   = { path, NULL };
      g_autoptr (GError)     error     = NULL;
      g_autoptr (DifLoraSet) set       = dif_lora_set_new (specs, &error);
      g_autoptr (DifWeights) part      = part_new ();
      g_autofree char       *family    = g_strdup_printf ("found one for %s", rows[i].family);

      g_assert_no_error (error);
      g_assert_false (dif_lora_set_bind (set, "unet", part, &error) &&
                      dif_lora_set_finish (set, &error));
      g_assert_error (error, DIF_MODEL_ERROR, rows[i].code);
      assert_one_line (error, path);
      assert_one_line (error, family);
      assert_one_line (error, rows[i].what);
      scratch_free (folder);
    }
}

/* Files that are no LoRA, and what is said of them. */
#define X    "unet.x"
#define DOWN ZERO (X ".lora_A.weight", 1, 2)
static const struct
{
  int         code;
  const char *what;
  guint       n;
  Tensor      tensors[5];
} not_loras[] = {
  { DIF_FORMAT_ERROR_UNSUPPORTED, "expected a LoRA, found", 1, { ZERO ("a", 1) } },
  { DIF_FORMAT_ERROR_UNSUPPORTED,
    "found an embedding",
    1,
    { ZERO ("emb_params", 1, 2) } },
  { DIF_FORMAT_ERROR_UNSUPPORTED,
    "expected a LoRA, DoRA, LoHa, LoKr or a difference of weights, found GLoRA",
    1,
    { ZERO (X ".a1.weight", 1, 2) } },
  { DIF_FORMAT_ERROR_UNSUPPORTED, "found IA3", 1, { ZERO (X ".on_input", 1) } },
  { DIF_FORMAT_ERROR_UNSUPPORTED, "found OFT", 1, { ZERO (X ".oft_blocks", 1, 2, 2) } },
  { DIF_FORMAT_ERROR_UNSUPPORTED,
    "expected the tensors of a LoRA only, found rest",
    2,
    { DOWN, ZERO ("rest", 1) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "unet.x: expected the matrices of a change of weights, found one alone",
    1,
    { DOWN } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found halves of different ranks",
    2,
    { DOWN, ZERO (X ".lora_B.weight", 2, 2) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found a rank of 0",
    2,
    { ZERO (X ".lora_A.weight", 0, 2),
      ZERO (X ".lora_B.weight", 2, 0) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found shapes of something else",
    2,
    { ZERO (X ".lora_A.weight", 1), ZERO (X ".lora_B.weight", 2) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "expected it once, found it under two names",
    3,
    { DOWN, ZERO (X ".lora.down.weight", 1, 2), ZERO (X ".lora_B.weight", 2, 1) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "magnitudes that are neither as many as outputs nor as inputs",
    3,
    { DOWN, ZERO (X ".lora_B.weight", 3, 1), ZERO (X ".dora_scale", 4) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found a factor that is not there once",
    2,
    { ZERO (X ".lokr_w1", 1, 2), ZERO (X ".lokr_w2_a", 1, 2) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found factors that do not fit each other",
    3,
    { ZERO (X ".lokr_w1", 1, 2),
      ZERO (X ".lokr_w2_a", 2, 3),
      ZERO (X ".lokr_w2_b", 2, 2) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found a rank of 0",
    3,
    { ZERO (X ".lokr_w1", 1, 2),
      ZERO (X ".lokr_w2_a", 2, 0),
      ZERO (X ".lokr_w2_b", 0, 2) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found one alone",
    2,
    { ZERO (X ".hada_w1_a", 1, 2), ZERO (X ".hada_w1_b", 2, 1) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found one core alone",
    5,
    { ZERO (X ".hada_w1_a", 1, 2),
      ZERO (X ".hada_w1_b", 1, 2),
      ZERO (X ".hada_w2_a", 1, 2),
      ZERO (X ".hada_w2_b", 1, 2),
      ZERO (X ".hada_t1", 1, 1, 1, 1) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found no numbers",
    2,
    { ZERO (X ".lora_A.weight", 1, 2, 0, 3), ZERO (X ".lora_B.weight", 2, 1, 1, 1) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found halves of different ranks",
    3,
    { ZERO (X ".lora_down.weight", 1, 2, 1, 1),
      ZERO (X ".lora_up.weight", 2, 1, 1, 1),
      ZERO (X ".lora_mid.weight", 1, 1, 0, 3) } },
  { DIF_FORMAT_ERROR_CORRUPT, "found shapes of something else", 1, { ZERO (X ".diff", 2, 2, 2) } },
  { DIF_FORMAT_ERROR_CORRUPT,
    "found an alpha of several numbers",
    3,
    { DOWN, ZERO (X ".lora_B.weight", 2, 1), ZERO (X ".alpha", 2) } },
};

static void
test_not_loras (void)
{
  g_autoptr (GError) pickled = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (not_loras); i++)
    {
      char              *folder = scratch_new ();
      g_autofree char   *path   = write_file (folder, "n.safetensors", not_loras[i].tensors,
                                              not_loras[i].n);
      g_autoptr (GError) error  = NULL;

      g_assert_null (dif_lora_open (path, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, not_loras[i].code);
      assert_one_line (error, path);
      assert_one_line (error, not_loras[i].what);
      scratch_free (folder);
    }
  g_assert_null (dif_lora_open ("x.pt", &pickled));
  g_assert_error (pickled, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
  assert_one_line (pickled, "x.pt: expected a .safetensors file, found a pickled one");
}

static void
test_specs (void)
{
  static const char *const texts[] = { "a:x", "a:0x1", "a:nan", "a:1e999", "a: 1" };
  g_autoptr (GError)       absent  = NULL;
  const char *const        none[]  = { "no-such-lora:0.5", NULL };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      const char *const  specs[] = { texts[i], NULL };
      g_autoptr (GError) error   = NULL;

      g_assert_null (dif_lora_set_new (specs, &error));
      g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
      assert_one_line (error, "lora: expected FILE or FILE:WEIGHT with a number, found \"");
    }
  g_assert_null (dif_lora_set_new (none, &absent));
  g_assert_error (absent, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (absent, "lora: no-such-lora: expected a file, or the name of one in ");
  assert_one_line (absent, "loras");
}

/* A LoRA that is a file of these tensors; NULL if it is refused. */
static DifLora *
open_tensors (const Tensor *tensors, guint n, char **text)
{
  char              *folder = scratch_new ();
  g_autofree char   *path   = write_file (folder, "t.safetensors", tensors, n);
  g_autoptr (GError) error  = NULL;
  DifLora           *lora   = dif_lora_open (path, &error);

  *text = error ? g_strdup (error->message) : NULL;
  scratch_free (folder);
  return lora;
}

/* Names of a text encoder, of either. */
static void
test_encoders (void)
{
  static const struct
  {
    const char *key;
    const char *part;
  } rows[] = {
    { "text_encoder." CODER, "text_encoder" },
    { "text_encoder.encoder.layers.0.self_attn.q_proj", "text_encoder" },
    { "text_encoder."
      "text_model.encoder.layers.0.self_attn.to_q",
      "text_encoder" },
    { "lora_te_text_model_encoder_layers_0_self_attn_q_proj", "text_encoder" },
    { "lora_te1_text_model_encoder_layers_0_self_attn_q_proj", "text_encoder" },
    { "lora_te1." CODER, "text_encoder" },
    { "clip_l." CODER, "text_encoder" },
    { "text_encoders.clip_l.transformer." CODER, "text_encoder" },
    { "text_encoder_2." CODER, "text_encoder_2" },
    { "lora_te2_text_model_encoder_layers_0_self_attn_q_proj", "text_encoder_2" },
    { "clip_g." CODER, "text_encoder_2" },
    { "text_encoders.clip_g.transformer." CODER, "text_encoder_2" },
    { "text_model.encoder.layers.0.self_attn.q_proj", "text_encoder" },
  };
  static const float expected[] = { 1, 2, 4, 3, 4, 10 };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char            *folder    = scratch_new ();
      g_autofree char *down      = g_strconcat (rows[i].key, ".lora_down.weight", NULL);
      g_autofree char *up        = g_strconcat (rows[i].key, ".lora_up.weight", NULL);
      const Tensor     tensors[] = {
        { down, DIF_SHAPE (2, 3), { 1, 0, 2, 0, 1, 1 } },
        { up, DIF_SHAPE (2, 2), { 1, 2, 3, 4 } },
      };
      g_autofree char       *path    = write_file (folder, "e.safetensors", tensors, 2);
      const char *const      specs[] = { path, NULL };
      GError                *error   = NULL;
      g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
      g_autoptr (DifWeights) part    = part_new ();

      g_assert_no_error (error);
      g_assert_true (dif_lora_set_bind (set, rows[i].part, part, &error));
      g_assert_true (dif_lora_set_finish (set, &error));
      g_assert_no_error (error);
      assert_patched (set, CODER ".weight", DIF_SHAPE (2, 3), expected, 6);
      scratch_free (folder);
    }
}

/* Biases and norms, and a convolution of a U-Net that sees a mask besides. */
static void
test_more_than_matrices (void)
{
  static const Tensor tensors[] = {
    { "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight",
      DIF_SHAPE (1, 3),
      { 1, 2, 3 } },
    { "lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_up.weight",
      DIF_SHAPE (2, 1),
      { 1, 1 } },
    { "lora_te_text_model_encoder_layers_0_self_attn_q_proj.diff_b", DIF_SHAPE (2), { 5, 6 } },
    { "lora_unet_down_blocks_0_norm.w_norm", DIF_SHAPE (2), { 1, 2 } },
    { "lora_unet_down_blocks_0_norm.b_norm", DIF_SHAPE (2), { 3, 4 } },
    { "lora_unet_conv_in.diff", DIF_SHAPE (1, 4, 1, 1), { 1, 2, 3, 4 } },
    { "lora_unet_down_blocks_0_resnets_0_conv1.alpha", { .n = 0 }, { 4 } },
  };
  static const float     bias[] = { 2.5, 3 }, scale[] = { 0.5, 1 }, shift[] = { 1.5, 2 };
  static const float     first[] = { 0.5, 1, 1.5, 2, 0, 0, 0, 0, 0 };
  char                  *folder  = scratch_new ();
  g_autofree char       *path    = write_file (folder, "b.safetensors", tensors,
                                               G_N_ELEMENTS (tensors));
  g_autofree char       *spec    = g_strconcat (path, ":0.5", NULL);
  const char *const      specs[] = { spec, NULL };
  GError                *error   = NULL;
  g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
  g_autoptr (DifLora)    lora    = dif_lora_open (path, &error);
  g_autoptr (DifWeights) part    = part_new ();
  g_autofree char       *kinds   = dif_lora_kinds (lora);

  g_assert_no_error (error);
  g_assert_cmpstr (kinds, ==, "LoRA, full difference");
  g_assert_cmpuint (dif_lora_idle (lora), ==, 1);
  g_assert_true (dif_lora_set_bind (set, "text_encoder", part, &error));
  assert_patched (set, CODER ".bias", DIF_SHAPE (2), bias, 2);
  g_assert_true (dif_lora_set_bind (set, "unet", part, &error));
  assert_patched (set, "down_blocks.0.norm.weight", DIF_SHAPE (2), scale, 2);
  assert_patched (set, "down_blocks.0.norm.bias", DIF_SHAPE (2), shift, 2);
  assert_patched (set, "conv_in.weight", DIF_SHAPE (1, 9, 1, 1), first, 9);
  g_assert_true (dif_lora_set_finish (set, &error));
  g_assert_no_error (error);
  scratch_free (folder);
}

/* A bias that the model does not have is refused, unless it is nothing. */
static void
test_absent_bias (void)
{
  for (guint i = 0; i < 2; i++)
    {
      const Tensor tensors[] = {
        { "unet." LINEAR ".lora_A.weight", DIF_SHAPE (1, 3), { 1, 2, 3 } },
        { "unet." LINEAR ".lora_B.weight", DIF_SHAPE (2, 1), { 1, 1 } },
        { "unet." LINEAR ".lora_B.bias", DIF_SHAPE (2), { 0, (float) i } },
      };
      char                  *folder  = scratch_new ();
      g_autofree char       *path    = write_file (folder, "b.safetensors", tensors, 3);
      const char *const      specs[] = { path, NULL };
      g_autoptr (GError)     error   = NULL;
      g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
      g_autoptr (DifWeights) part    = part_new ();

      g_assert_no_error (error);
      g_assert_true (dif_lora_set_bind (set, "unet", part, &error) == (i == 0));
      if (i)
        {
          g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_MISSING_WEIGHT);
          assert_one_line (error, "expected a bias of 2 numbers in the model");
        }
      scratch_free (folder);
    }
}

/* What peft saves states its strength in another file. */
static void
test_peft_folder (void)
{
  static const Tensor tensors[] = {
    { "base_model.model." LINEAR ".lora_A.weight", DIF_SHAPE (2, 3), { 1, 0, 2, 0, 1, 1 } },
    { "base_model.model." LINEAR ".lora_B.weight", DIF_SHAPE (2, 2), { 1, 2, 3, 4 } },
  };
  static const float     expected[] = { 3, 6, 12, 9, 12, 30 };
  char                  *folder     = scratch_new ();
  g_autofree char       *path       = write_file (folder, "adapter_model.safetensors", tensors, 2);
  const char *const      specs[]    = { path, NULL };
  g_autoptr (GError)     absent     = NULL;
  GError                *error      = NULL;
  g_autoptr (DifLoraSet) set        = NULL;
  g_autoptr (DifWeights) part       = part_new ();

  g_assert_null (dif_lora_set_new (specs, &absent));
  g_assert_error (absent, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (absent, "expected peft's adapter_config.json beside it");
  scratch_write_text (folder, "adapter_config.json", "{\"r\": 2, \"lora_alpha\": 6}");
  set = dif_lora_set_new (specs, &error);
  g_assert_no_error (error);
  g_assert_true (dif_lora_set_bind (set, "unet", part, &error));
  assert_patched (set, LINEAR ".weight", DIF_SHAPE (2, 3), expected, 6);
  scratch_free (folder);
}

/* Halves in F64 and in F8_E4M3: [[1, 0, 2], [0, 1, 1]] and [[1, 2], [3, 4]]. */
static void
test_encodings (void)
{
  static const char header[] =
      "{\"lora_unet_" FLAT ".lora_down.weight\":"
      "{\"dtype\":\"F64\",\"shape\":[2,3],\"data_offsets\":[0,48]},"
      "\"lora_unet_" FLAT ".lora_up.weight\":"
      "{\"dtype\":\"F8_E4M3\",\"shape\":[2,2],\"data_offsets\":[48,52]}}";
  static const double    down[]     = { 1, 0, 2, 0, 1, 1 };
  static const guint8    up[]       = { 0x38, 0x40, 0x44, 0x48 };
  static const float     expected[] = { 1, 2, 4, 3, 4, 10 };
  guint64                length     = GUINT64_TO_LE (strlen (header));
  char                  *folder     = scratch_new ();
  g_autofree char       *path       = scratch_path (folder, "n.safetensors");
  const char *const      specs[]    = { path, NULL };
  GError                *error      = NULL;
  g_autoptr (GString)    data       = g_string_new_len ((const char *) &length, 8);
  g_autoptr (DifLoraSet) set        = NULL;
  g_autoptr (DifWeights) part       = part_new ();

  g_string_append (data, header);
  g_string_append_len (data, (const char *) down, sizeof down);
  g_string_append_len (data, (const char *) up, sizeof up);
  scratch_write (folder, "n.safetensors", data->str, data->len);
  set = dif_lora_set_new (specs, &error);
  g_assert_no_error (error);
  g_assert_true (dif_lora_set_bind (set, "unet", part, &error));
  assert_patched (set, LINEAR ".weight", DIF_SHAPE (2, 3), expected, 6);
  scratch_free (folder);
}

/* Numbers that would spoil a model without a word. */
static void
test_odd_numbers (void)
{
  static const struct
  {
    float       value, alpha;
    const char *what; /* NULL: it is taken */
    guint       idle;
  } rows[] = {
    { 1, 1, NULL, 0 },
    { 1, 0, NULL, 1 },
    { NAN, 1, "unet.x: expected finite numbers, found nan", 0 },
    { -INFINITY, 1, "unet.x: expected finite numbers, found -inf", 0 },
    { 1, NAN, "unet.x: expected a finite alpha / rank, found nan", 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const Tensor tensors[] = {
        { "unet.x.lora_A.weight", DIF_SHAPE (1, 2), { 0, rows[i].value } },
        { "unet.x.lora_B.weight", DIF_SHAPE (2, 1), { 1, 1 } },
        { "unet.x.alpha", { .n = 0 }, { rows[i].alpha } },
      };
      g_autofree char    *text = NULL;
      g_autoptr (DifLora) lora = open_tensors (tensors, 3, &text);

      g_assert_true ((lora == NULL) == (rows[i].what != NULL));
      if (rows[i].what)
        g_assert_nonnull (strstr (text, rows[i].what));
      else
        g_assert_cmpuint (dif_lora_idle (lora), ==, rows[i].idle);
    }
}

/* The widths of published models are told by name. */
static void
test_families (void)
{
  static const struct
  {
    gsize       width;
    const char *family;
  } rows[] = {
    { 768, "Stable Diffusion 1.x" },
    { 1024, "Stable Diffusion 2.x" },
    { 2048, "Stable Diffusion XL" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                            *folder = scratch_new ();
      g_autofree char                 *path   = scratch_path (folder, "f.safetensors");
      g_autoptr (DifSafetensorsWriter) w      = dif_safetensors_writer_new ();
      g_autofree float                *values = g_new0 (float, rows[i].width + 1);
      GError                          *error  = NULL;
      g_autoptr (DifLora)              lora   = NULL;
      gsize                            least, greatest;

      dif_safetensors_writer_declare (w, "unet." LINEAR ".lora_A.weight", DIF_F32,
                                      &DIF_SHAPE (1, rows[i].width));
      dif_safetensors_writer_declare (w, "unet." LINEAR ".lora_B.weight", DIF_F32,
                                      &DIF_SHAPE (1, 1));
      g_assert_true (dif_safetensors_writer_open (w, path, &error));
      g_assert_true (dif_safetensors_writer_put (w, values, 4 * (rows[i].width + 1), &error));
      g_assert_true (dif_safetensors_writer_close (w, &error));
      lora = dif_lora_open (path, &error);
      g_assert_no_error (error);
      g_assert_cmpstr (dif_lora_family (lora), ==, rows[i].family);
      g_assert_cmpuint (dif_lora_count (lora, "unet"), ==, 1);
      g_assert_cmpuint (dif_lora_count (lora, "text_encoder"), ==, 0);
      dif_lora_ranks (lora, &least, &greatest);
      g_assert_cmpuint (least, ==, 1);
      g_assert_cmpuint (greatest, ==, 1);
      scratch_free (folder);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/formats/lora/product-by-every-spelling", test_product);
  g_test_add_func ("/formats/lora/alphas-in-the-metadata", test_metadata);
  g_test_add_func ("/formats/lora/text-encoders", test_encoders);
  g_test_add_func ("/formats/lora/biases-and-norms", test_more_than_matrices);
  g_test_add_func ("/formats/lora/bias-that-is-not-there", test_absent_bias);
  g_test_add_func ("/formats/lora/peft-folder", test_peft_folder);
  g_test_add_func ("/formats/lora/encodings", test_encodings);
  g_test_add_func ("/formats/lora/odd-numbers", test_odd_numbers);
  g_test_add_func ("/formats/lora/convolutions", test_convolution);
  g_test_add_func ("/formats/lora/says-what-it-is-for", test_misfits);
  g_test_add_func ("/formats/lora/families", test_families);
  g_test_add_func ("/formats/lora/files-that-are-none", test_not_loras);
  g_test_add_func ("/formats/lora/weights-are-numbers", test_specs);
  return g_test_run ();
}
