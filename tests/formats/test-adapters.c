/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-adapters.c - LoRAs and embeddings: the arithmetic, and files that do not fit. */
#include "base/error.h"
#include "formats/catalog.h"
#include "formats/embedding.h"
#include "formats/lora.h"
#include "formats/safetensors.h"

#include <string.h>

#include "formats/scratch.h"

typedef struct
{
  const char *name;
  DifShape    shape;
  float       values[16];
} Tensor;

static char *
write_file (const char *folder, const char *name, const Tensor *tensors, guint n)
{
  char                            *path  = scratch_path (folder, name);
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  GError                          *error = NULL;

  for (guint i = 0; i < n; i++)
    dif_safetensors_writer_declare (w, tensors[i].name, DIF_F32, &tensors[i].shape);
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (guint i = 0; i < n; i++)
    {
      gsize bytes;

      g_assert_true (dif_shape_bytes (&tensors[i].shape, DIF_F32, &bytes));
      g_assert_cmpuint (bytes, <=, sizeof tensors[i].values);
      g_assert_true (dif_safetensors_writer_put (w, tensors[i].values, bytes, &error));
    }
  g_assert_true (dif_safetensors_writer_close (w, &error));
  return path;
}

/* a tensor of zeros */
#define ZERO(name, ...) { name, DIF_SHAPE (__VA_ARGS__), { 0 } }

#define LINEAR "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
#define FLAT   "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"

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
  };
  /* up = [[1, 2], [3, 4]], down = [[1, 0, 2], [0, 1, 1]] */
  static const float product[] = { 1, 2, 4, 3, 4, 10 };

  for (guint i = 0; i < G_N_ELEMENTS (spellings); i++)
    for (guint with_alpha = 0; with_alpha < 2; with_alpha++)
      {
        char            *folder    = scratch_new ();
        g_autofree char *stem      = g_strndup (spellings[i].down,
                                                strcspn (spellings[i].down, "."));
        g_autofree char *alpha     = g_strconcat (stem, ".alpha", NULL);
        gboolean         kohya     = g_str_has_prefix (stem, "lora_");
        const Tensor     tensors[] = {
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
    { "{\"unet.lora_alpha\": 4, \"unet.use_rslora\": true}", 2.8284271f, NULL },
    { "{\"text_encoder.lora_alpha\": 8}", 1, NULL },
    { "{\"unet.use_dora\": true}", 0, "expected a plain LoRA, found one with use_dora" },
    { "{\"unet.lora_alpha\": \"x\"}", 0, "unet.lora_alpha: expected a number" },
    { "{\"unet.lora_alpha\": Infinity}", 0, "expected finite alphas" },
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
      "changes a tensor by [2, 1] times [1, 5], found one of shape [2, 3]" },
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

static void
test_not_loras (void)
{
#define X    "unet.x"
#define DOWN ZERO (X ".lora_A.weight", 1, 2)
  static const struct
  {
    int         code;
    const char *what;
    guint       n;
    Tensor      tensors[3];
  } rows[] = {
    { DIF_FORMAT_ERROR_UNSUPPORTED, "expected a LoRA, found", 1, { ZERO ("a", 1) } },
    { DIF_FORMAT_ERROR_UNSUPPORTED,
      "found an embedding",
      1,
      { ZERO ("emb_params", 1, 2) } },
    { DIF_FORMAT_ERROR_UNSUPPORTED,
      "expected a plain LoRA, found DoRA",
      2,
      { DOWN, ZERO (X ".dora_scale", 1) } },
    { DIF_FORMAT_ERROR_UNSUPPORTED,
      "found LoHa",
      1,
      { ZERO (X ".hada_w1_a", 1, 2) } },
    { DIF_FORMAT_ERROR_UNSUPPORTED,
      "expected the tensors of a LoRA only, found rest",
      2,
      { DOWN, ZERO ("rest", 1) } },
    { DIF_FORMAT_ERROR_CORRUPT,
      "unet.x: expected two matrices whose product is a change of weights, found one alone",
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
      "found an alpha of several numbers",
      3,
      { DOWN, ZERO (X ".lora_B.weight", 2, 1), ZERO (X ".alpha", 2) } },
  };
  g_autoptr (GError) pickled = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char              *folder = scratch_new ();
      g_autofree char   *path   = write_file (folder, "n.safetensors", rows[i].tensors, rows[i].n);
      g_autoptr (GError) error  = NULL;

      g_assert_null (dif_lora_open (path, &error));
      g_assert_error (error, DIF_FORMAT_ERROR, rows[i].code);
      assert_one_line (error, path);
      assert_one_line (error, rows[i].what);
      scratch_free (folder);
    }
  g_assert_null (dif_lora_open ("x.pt", &pickled));
  g_assert_error (pickled, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
  assert_one_line (pickled, "x.pt: expected a .safetensors file, found a pickled one");
  g_clear_error (&pickled);
  g_assert_null (dif_embedding_open ("x.ckpt", NULL, &pickled));
  g_assert_error (pickled, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED);
  assert_one_line (pickled, "x.ckpt: expected a .safetensors file, found a pickled one");
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

/* ---- embeddings ---- */

typedef struct
{
  char  words[3][16];
  guint first[3], n[3], count;
} Learned;

static gboolean
learn (const char *token, guint first, guint n, gpointer user_data, GError **error)
{
  Learned *l = user_data;

  g_strlcpy (l->words[l->count], token, sizeof l->words[0]);
  l->first[l->count] = first;
  l->n[l->count++]   = n;
  return TRUE;
}

static void
test_rows (void)
{
  static const Tensor         one[]      = { { "<one>", DIF_SHAPE (2), { 1, 2 } } };
  static const Tensor         two[]      = { { "emb_params", DIF_SHAPE (2, 2), { 3, 4, 5, 6 } } };
  static const Tensor         xl[]       = { ZERO ("clip_g", 1, 3),
                                             { "clip_l", DIF_SHAPE (1, 2), { 7, 8 } } };
  static const float          expected[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
  char                       *folder     = scratch_new ();
  g_autofree char            *a          = write_file (folder, "a.safetensors", one, 1);
  g_autofree char            *b          = write_file (folder, "beta.safetensors", two, 1);
  g_autofree char            *c          = write_file (folder, "c.safetensors", xl, 2);
  g_autofree char            *named      = g_strconcat (c, ":<word>", NULL);
  const char *const           specs[]    = { a, b, named, NULL };
  GError                     *error      = NULL;
  g_autoptr (DifWeights)      part       = part_new ();
  g_autoptr (DifJson)         config     = dif_json_new_object ("config");
  Learned                     l          = { 0 };
  const DifHostArray         *table;
  g_autoptr (DifEmbeddingSet) set = dif_embedding_set_new (specs, &error);

  g_assert_no_error (error);
  g_assert_true (dif_embedding_set_apply (set, "text_encoder", part, config, learn, &l, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (l.count, ==, 3);
  g_assert_cmpstr (l.words[0], ==, "<one>");
  g_assert_cmpstr (l.words[1], ==, "beta");
  g_assert_cmpstr (l.words[2], ==, "<word>");
  g_assert_cmpuint (l.first[0], ==, 4);
  g_assert_cmpuint (l.first[1], ==, 5);
  g_assert_cmpuint (l.first[2], ==, 7);
  g_assert_cmpuint (l.n[1], ==, 2);
  g_assert_cmpint (dif_json_int (config, "vocab_size", 0, 0, 99), ==, 8);
  table = dif_weights_lookup (part, "text_model.embeddings.token_embedding.weight");
  g_assert_cmpuint (table->shape.d[0], ==, 8);
  g_assert_cmpmem ((const float *) table->data + 8, sizeof expected, expected, sizeof expected);
  scratch_free (folder);
}

static void
test_bad_embeddings (void)
{
  static const struct
  {
    const char *part, *what;
    guint       n;
    Tensor      tensors[2];
  } rows[] = {
    {
        "text_encoder",
        "expected vectors of 2 numbers as this model's text_encoder has, found 3",
        1,
        { ZERO ("w", 3) },
    },
    {
        "text_encoder_2",
        "expected vectors for this model's text_encoder_2, found none",
        1,
        { ZERO ("w", 2) },
    },
    {
        "text_encoder",
        "expected vectors for this model's text_encoder, found none",
        1,
        { ZERO ("clip_g", 1, 2) },
    },
    {
        NULL,
        "expected an embedding of one word, found tensors of something else",
        2,
        { ZERO ("a", 2), ZERO ("b", 2) },
    },
    {
        NULL,
        "a: expected a vector or several, found f32 of shape [1, 1, 2]",
        1,
        { ZERO ("a", 1, 1, 2) },
    },
    { NULL, "expected a vector or several", 1, { ZERO ("a", 0, 2) } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                       *folder  = scratch_new ();
      g_autofree char            *path    = write_file (folder, "e.safetensors", rows[i].tensors,
                                                        rows[i].n);
      const char *const           specs[] = { path, NULL };
      g_autoptr (GError)          error   = NULL;
      g_autoptr (DifEmbeddingSet) set     = dif_embedding_set_new (specs, &error);
      g_autoptr (DifWeights)      part    = part_new ();
      g_autoptr (DifJson)         config  = dif_json_new_object ("config");
      Learned                     l       = { 0 };

      g_assert_true ((set != NULL) == (rows[i].part != NULL));
      if (set)
        g_assert_false (
            dif_embedding_set_apply (set, rows[i].part, part, config, learn, &l, &error));
      g_assert_nonnull (error);
      assert_one_line (error, "embedding: ");
      assert_one_line (error, path);
      assert_one_line (error, rows[i].what);
      scratch_free (folder);
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
  g_test_add_func ("/formats/lora/convolutions", test_convolution);
  g_test_add_func ("/formats/lora/says-what-it-is-for", test_misfits);
  g_test_add_func ("/formats/lora/families", test_families);
  g_test_add_func ("/formats/lora/files-that-are-none", test_not_loras);
  g_test_add_func ("/formats/lora/weights-are-numbers", test_specs);
  g_test_add_func ("/formats/embedding/rows-behind-the-table", test_rows);
  g_test_add_func ("/formats/embedding/files-that-do-not-fit", test_bad_embeddings);
  return g_test_run ();
}
