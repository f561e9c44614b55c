/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-names.c - what the tensors of a LoRA are called, in every spelling.
 *
 * All spellings of a module's name agree once dots are underscores; what is
 * before it names the part, what is behind it says what the tensor is.
 *
 * Sources: diffusers, state_dict_utils.py (DIFFUSERS_OLD_TO_PEFT,
 * DIFFUSERS_TO_PEFT) and lora_conversion_utils.py; kohya-ss/sd-scripts,
 * networks/lora.py; LyCORIS, modules (weight_list) and wrapper.py (lycoris_);
 * ComfyUI, lora.py; OneTrainer, convert_sdxl_lora.py; peft, save_and_load.py.
 */
#include <string.h>

#include "formats/lora-private.h"

/* Ends of keys; what is before them names the module. */
static const struct
{
  const char *end;
  DifLoraRole role;
} ends[] = {
  { ".lora_linear_layer.down.weight", DIF_LORA_DOWN },
  { ".lora_linear_layer.up.weight", DIF_LORA_UP },
  { ".lora_down.weight", DIF_LORA_DOWN },
  { ".lora_up.weight", DIF_LORA_UP },
  { ".lora_mid.weight", DIF_LORA_MID },
  { ".lora.down.weight", DIF_LORA_DOWN },
  { ".lora.up.weight", DIF_LORA_UP },
  { "_lora.down.weight", DIF_LORA_DOWN },
  { "_lora.up.weight", DIF_LORA_UP },
  { "_lora.alpha", DIF_LORA_ALPHA },
  { ".alpha", DIF_LORA_ALPHA },
  { ".dora_scale", DIF_LORA_DORA },
  { ".hada_w1_a", DIF_LORA_HADA_W1_A },
  { ".hada_w1_b", DIF_LORA_HADA_W1_B },
  { ".hada_w2_a", DIF_LORA_HADA_W2_A },
  { ".hada_w2_b", DIF_LORA_HADA_W2_B },
  { ".hada_t1", DIF_LORA_HADA_T1 },
  { ".hada_t2", DIF_LORA_HADA_T2 },
  { ".lokr_w1", DIF_LORA_KRON_W1 },
  { ".lokr_w1_a", DIF_LORA_KRON_W1_A },
  { ".lokr_w1_b", DIF_LORA_KRON_W1_B },
  { ".lokr_w2", DIF_LORA_KRON_W2 },
  { ".lokr_w2_a", DIF_LORA_KRON_W2_A },
  { ".lokr_w2_b", DIF_LORA_KRON_W2_B },
  { ".lokr_t2", DIF_LORA_KRON_T2 },
  { ".diff", DIF_LORA_DIFF },
  { ".diff_b", DIF_LORA_DIFF_BIAS },
  { ".w_norm", DIF_LORA_DIFF },
  { ".b_norm", DIF_LORA_DIFF_BIAS },
};

/* peft's: the word, perhaps the adapter's name, perhaps what it is of it. */
static const struct
{
  const char *word;
  DifLoraRole weight, bias;
} adapters[] = {
  { ".lora_A", DIF_LORA_DOWN, DIF_LORA_N_ROLES },
  { ".lora_B", DIF_LORA_UP, DIF_LORA_UP_BIAS },
  { ".lora_magnitude_vector", DIF_LORA_DORA_OUT, DIF_LORA_N_ROLES },
  { ".hada_w1_a", DIF_LORA_HADA_W1_A, DIF_LORA_N_ROLES },
  { ".hada_w1_b", DIF_LORA_HADA_W1_B, DIF_LORA_N_ROLES },
  { ".hada_w2_a", DIF_LORA_HADA_W2_A, DIF_LORA_N_ROLES },
  { ".hada_w2_b", DIF_LORA_HADA_W2_B, DIF_LORA_N_ROLES },
  { ".hada_t1", DIF_LORA_HADA_T1, DIF_LORA_N_ROLES },
  { ".hada_t2", DIF_LORA_HADA_T2, DIF_LORA_N_ROLES },
  { ".lokr_w1", DIF_LORA_KRON_W1, DIF_LORA_N_ROLES },
  { ".lokr_w1_a", DIF_LORA_KRON_W1_A, DIF_LORA_N_ROLES },
  { ".lokr_w1_b", DIF_LORA_KRON_W1_B, DIF_LORA_N_ROLES },
  { ".lokr_w2", DIF_LORA_KRON_W2, DIF_LORA_N_ROLES },
  { ".lokr_w2_a", DIF_LORA_KRON_W2_A, DIF_LORA_N_ROLES },
  { ".lokr_w2_b", DIF_LORA_KRON_W2_B, DIF_LORA_N_ROLES },
  { ".lokr_t2", DIF_LORA_KRON_T2, DIF_LORA_N_ROLES },
};

/* What other methods leave in a file. */
static const struct
{
  const char *part;
  const char *method;
} others[] = {
  { ".oft_blocks", "OFT or BOFT" },
  { ".oft_diag", "OFT" },
  { ".oft_R", "OFT" },
  { ".oft_r", "OFT" },
  { ".boft_", "BOFT" },
  { ".on_input", "IA3" },
  { ".ia3_l", "IA3" },
  { ".a1.weight", "GLoRA" },
  { ".b2.weight", "GLoRA" },
  { ".lora_E", "AdaLoRA" },
  { ".vera_lambda", "VeRA" },
  { ".lora_embedding_", "a LoRA of an embedding table" },
  { ".hra_u", "HRA" },
  { ".lokr_t1", "a LoKr with a lokr_t1" },
  { ".set_weight", "one that sets weights" },
  { ".reshape_weight", "one that reshapes weights" },
  { "lora_controlnet", "a control-LoRA" },
  { "bundle_emb.", "a LoRA with textual-inversion words inside" },
};

/* What begins a module's name, and the part it means. */
static const struct
{
  const char *prefix;
  const char *part;
  gboolean    keeps; /* the beginning is a part of the name */
} prefixes[] = {
  { "lora_unet_", "unet", FALSE },
  { "lora_unet.", "unet", FALSE },
  { "lycoris_", "unet", FALSE },
  { "lora_te_", "text_encoder", FALSE },
  { "lora_te.", "text_encoder", FALSE },
  { "lora_te1_", "text_encoder", FALSE },
  { "lora_te1.", "text_encoder", FALSE },
  { "lora_te2_", "text_encoder_2", FALSE },
  { "lora_te2.", "text_encoder_2", FALSE },
  { "unet.", "unet", FALSE },
  { "model.diffusion_model.", "unet", FALSE },
  { "diffusion_model.", "unet", FALSE },
  { "text_encoder.", "text_encoder", FALSE },
  { "text_encoder_2.", "text_encoder_2", FALSE },
  { "clip_l.", "text_encoder", FALSE },
  { "clip_g.", "text_encoder_2", FALSE },
  { "text_encoders.clip_l.", "text_encoder", FALSE },
  { "text_encoders.clip_h.", "text_encoder", FALSE },
  { "text_encoders.clip_g.", "text_encoder_2", FALSE },
  /* a network alone, as diffusers and peft save it */
  { "down_blocks.", "unet", TRUE },
  { "mid_block.", "unet", TRUE },
  { "up_blocks.", "unet", TRUE },
  { "input_blocks.", "unet", TRUE },
  { "middle_block.", "unet", TRUE },
  { "output_blocks.", "unet", TRUE },
  { "conv_in.", "unet", TRUE },
  { "conv_out.", "unet", TRUE },
  { "conv_norm_out.", "unet", TRUE },
  { "time_embedding.", "unet", TRUE },
  { "add_embedding.", "unet", TRUE },
  { "text_model.", "text_encoder", TRUE },
};

/* The oldest spelling calls a text encoder's projections like a U-Net's. */
static const struct
{
  const char *from;
  const char *to;
} text_ends[] = {
  { "_self_attn_to_q", "_self_attn_q_proj" },
  { "_self_attn_to_k", "_self_attn_k_proj" },
  { "_self_attn_to_v", "_self_attn_v_proj" },
  { "_self_attn_to_out", "_self_attn_out_proj" },
};

/* Names that no U-Net has, and the models that do. */
static const struct
{
  const char *part;
  const char *model;
} models[] = {
  { "lora_prior_", "Stable Cascade" },
  { "joint_blocks", "Stable Diffusion 3" },
  { "lora_te3_", "Stable Diffusion 3 or Flux" },
  { "double_blocks", "Flux" },
  { "single_blocks", "Flux" },
  { "single_transformer_blocks", "Flux" },
  { "noise_refiner", "Z-Image or Lumina" },
  { "context_refiner", "Z-Image or Lumina" },
  { "txt_mod", "Qwen-Image" },
  { "img_mlp", "Qwen-Image" },
  { "add_k_proj", "Stable Diffusion 3, Flux or Qwen-Image" },
  { "adaLN_modulation", "Z-Image or another diffusion transformer" },
  { "adaln_single", "PixArt" },
  { "cross_attn", "Wan or another diffusion transformer" },
};

/* ---- behind the module's name ---- */

/* The adapter's name, "weight" and "bias" behind @word; FALSE if @rest is
 * something else. */
static gboolean
split_adapter (const char *rest, gboolean *is_bias)
{
  g_auto (GStrv) words = g_strsplit (rest, ".", 4);
  guint          n     = g_strv_length (words); /* the first is empty: "" or ".default.weight" */
  const char    *last  = n > 1 ? words[n - 1] : "";

  *is_bias = n > 1 && strcmp (last, "bias") == 0;
  if (n == 0)
    return TRUE;
  if (*words[0] || n > 3)
    return FALSE;
  return n < 3 || strcmp (last, "weight") == 0 || *is_bias;
}

char *
_dif_lora_split (const char *name, DifLoraRole *role)
{
  gboolean is_bias;

  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (g_str_has_suffix (name, ends[i].end) && strlen (name) > strlen (ends[i].end))
      {
        *role = ends[i].role;
        return g_strndup (name, strlen (name) - strlen (ends[i].end));
      }
  for (guint i = 0; i < G_N_ELEMENTS (adapters); i++)
    {
      const char *at   = g_strrstr (name, adapters[i].word);
      const char *rest = at ? at + strlen (adapters[i].word) : NULL;

      if (! at || at == name || ! split_adapter (rest, &is_bias))
        continue;
      *role = is_bias ? adapters[i].bias : adapters[i].weight;
      if (*role != DIF_LORA_N_ROLES)
        return g_strndup (name, (gsize) (at - name));
    }
  return NULL;
}

const char *
_dif_lora_other_method (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    if (strstr (name, others[i].part))
      return others[i].method;
  return NULL;
}

/* ---- the module's name ---- */

/* Takes @word out of @name wherever it is. */
static void
remove_word (GString *name, const char *word)
{
  g_string_replace (name, word, "", 0);
}

/* The canonical name, but for dots, of what is left without a prefix. */
static char *
flat_name (const char *part, const char *rest)
{
  g_autoptr (GString) name = g_string_new (rest);

  g_string_replace (name, ".", "_", 0);
  remove_word (name, "_processor");
  if (strcmp (part, "unet") == 0)
    {
      if (g_str_has_suffix (name->str, "_to_out"))
        g_string_append (name, "_0");
      return g_strdup (name->str);
    }
  if (g_str_has_prefix (name->str, "transformer_text_"))
    g_string_erase (name, 0, (gssize) strlen ("transformer_"));
  for (guint i = 0; i < G_N_ELEMENTS (text_ends); i++)
    if (g_str_has_suffix (name->str, text_ends[i].from))
      {
        g_string_truncate (name, name->len - strlen (text_ends[i].from));
        g_string_append (name, text_ends[i].to);
      }
  if (g_str_has_prefix (name->str, "encoder_") || g_str_has_prefix (name->str, "embeddings_") ||
      g_str_has_prefix (name->str, "final_layer_norm"))
    g_string_prepend (name, "text_model_");
  return g_strdup (name->str);
}

void
_dif_lora_name (DifLoraModule *m)
{
  static const char peft[] = "base_model.model.";
  const char       *rest   = m->key;

  m->is_peft = strstr (m->key, peft) != NULL;
  if (g_str_has_prefix (rest, peft))
    rest += strlen (peft);
  for (guint i = 0; i < G_N_ELEMENTS (prefixes) && ! m->part; i++)
    if (g_str_has_prefix (rest, prefixes[i].prefix) ||
        /* "conv_in" is a whole name */
        (prefixes[i].keeps && strlen (rest) + 1 == strlen (prefixes[i].prefix) &&
         g_str_has_prefix (prefixes[i].prefix, rest)))
      {
        m->part     = prefixes[i].part;
        m->is_alone = prefixes[i].keeps && strcmp (m->part, "text_encoder") == 0;
        rest += prefixes[i].keeps ? 0 : strlen (prefixes[i].prefix);
      }
  if (m->part && g_str_has_prefix (rest, peft))
    rest += strlen (peft);
  if (m->part)
    {
      g_autoptr (GString) dotted = g_string_new (rest);

      remove_word (dotted, ".processor");
      m->dotted = g_strdup (dotted->str);
      m->name   = flat_name (m->part, rest);
    }
}

const char *
_dif_lora_model_of_key (const char *key)
{
  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    if (strstr (key, models[i].part))
      return models[i].model;
  return g_str_has_prefix (key, "transformer.") ? "a diffusion transformer" : NULL;
}
