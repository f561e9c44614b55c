/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm-config.c - configs of the parts of a single file with Stability's names.
 *
 * What shapes tell is read from them; what they do not tell (heads, activations)
 * is as in the kind's published folder.
 */
#include <string.h>

#include "families/ldm.h"

#define UNET "model.diffusion_model."
#define VAE  "first_stage_model."

static DifJson *
parse (const char *text, const char *name, GError **error)
{
  return dif_json_parse (text, strlen (text), name, error);
}

static gsize
dimension (DifWeights *file, const char *name, guint i)
{
  const DifHostArray *array = dif_weights_lookup (file, name);

  return array && i < array->shape.n ? array->shape.d[i] : 0;
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

/* What the shapes of the levels say. */
typedef struct
{
  guint    channels[DIF_LDM_MAX_LEVELS], heads[DIF_LDM_MAX_LEVELS];
  gboolean attention[DIF_LDM_MAX_LEVELS];
} Levels;

/* Blocks of the transformer in @blocks ("input_blocks"), number @at. */
static guint
depth_of (DifWeights *file, const char *blocks, guint at)
{
  g_autofree char *before = g_strdup_printf (UNET "%s.%u.1.transformer_blocks", blocks, at);

  return count (file, before, ".norm1.weight");
}

static void
read_levels (const DifSingleKind *kind, DifWeights *file, const DifLdmLayout *layout, Levels *out)
{
  guint at = 1;

  for (guint i = 0; i < layout->n_down; i++)
    {
      out->channels[i] =
          (guint) dimension_of (file, 0, UNET "input_blocks.%u.0.out_layers.3.weight", at);
      out->attention[i] = depth_of (file, "input_blocks", at) > 0;
      out->heads[i]     = kind->head_dim ? MAX (out->channels[i] / kind->head_dim, 1) : 8;
      at += layout->down[i] + 1;
    }
}

/* Appends what a level says: one number where its @n transformers from @at on are of
 * one depth, or one for each.  Without any, @fallback. */
static void
append_depths (GString *s, DifWeights *file, const char *blocks, guint at, guint n, guint fallback)
{
  guint    first = depth_of (file, blocks, at);
  gboolean even  = TRUE;

  for (guint j = 1; j < n; j++)
    even &= depth_of (file, blocks, at + j) == first;
  if (even || ! first)
    {
      g_string_append_printf (s, "%u", first ? first : fallback);
      return;
    }
  for (guint j = 0; j < n; j++)
    g_string_append_printf (s, "%s%u", j ? ", " : "[", depth_of (file, blocks, at + j));
  g_string_append_c (s, ']');
}

/* Whether a level's transformers on the way up are not as those on the way down, or
 * differ among themselves. */
static gboolean
is_uneven (DifWeights *file, const DifLdmLayout *layout)
{
  guint down = 1, up[DIF_LDM_MAX_LEVELS] = { 0 };

  for (guint i = 1; i < layout->n_up; i++)
    up[i] = up[i - 1] + layout->up[i - 1];
  for (guint i = 0; i < layout->n_down && layout->n_up == layout->n_down; i++)
    {
      guint first = depth_of (file, "input_blocks", down), mirror = layout->n_up - 1 - i;

      for (guint j = 0; j < layout->down[i]; j++)
        if (depth_of (file, "input_blocks", down + j) != first)
          return TRUE;
      for (guint j = 0; j < layout->up[mirror]; j++)
        if (depth_of (file, "output_blocks", up[mirror] + j) != first)
          return TRUE;
      down += layout->down[i] + 1;
    }
  return FALSE;
}

/* Numbers of transformer blocks, and where they need it those of the way up by
 * themselves. */
static void
append_blocks (GString *s, DifWeights *file, const DifLdmLayout *layout)
{
  guint at = 1, middle = count (file, UNET "middle_block.1.transformer_blocks", ".norm1.weight");

  g_string_append (s, ", \"transformer_layers_per_block\": [");
  for (guint i = 0; i < layout->n_down; i++)
    {
      g_string_append (s, i ? ", " : "");
      /* the middle has the depth of the last level */
      append_depths (s, file, "input_blocks", at, layout->down[i],
                     middle && i + 1 == layout->n_down ? middle : 1);
      at += layout->down[i] + 1;
    }
  g_string_append_c (s, ']');
  if (! is_uneven (file, layout))
    return;
  at = 0;
  g_string_append (s, ", \"reverse_transformer_layers_per_block\": [");
  for (guint i = 0; i < layout->n_up; i++)
    {
      g_string_append (s, i ? ", " : "");
      append_depths (s, file, "output_blocks", at, layout->up[i], 1);
      at += layout->up[i];
    }
  g_string_append_c (s, ']');
}

/* How the first transformer there is begins, the middle's before others: all have the
 * same context and way of projection. */
static char *
find_transformer (DifWeights *file, const DifLdmLayout *layout)
{
  guint n = 0;

  for (guint i = 0; i < layout->n_down; i++)
    n += layout->down[i] + 1;
  if (! dif_weights_lookup (file, UNET "middle_block.1.proj_in.weight"))
    for (guint at = 1; at <= n; at++)
      if (depth_of (file, "input_blocks", at))
        return g_strdup_printf (UNET "input_blocks.%u.1.", at);
  return g_strdup (UNET "middle_block.1.");
}

static void
append_attention (GString *s, DifWeights *file, const DifLdmLayout *layout)
{
  g_autofree char    *first = find_transformer (file, layout);
  g_autofree char    *name  = g_strconcat (first, "proj_in.weight", NULL);
  const DifHostArray *proj  = dif_weights_lookup (file, name);
  gsize               context =
      dimension_of (file, 1, "%stransformer_blocks.0.attn2.to_k.weight", first);

  g_string_append_printf (s, ", \"cross_attention_dim\": %" G_GSIZE_FORMAT, MAX (context, 1));
  g_string_append_printf (s, ", \"use_linear_projection\": %s",
                          proj && proj->shape.n == 2 ? "true" : "false");
  if (dif_weights_lookup (file, UNET "middle_block.0.in_layers.0.weight") &&
      ! dif_weights_lookup (file, UNET "middle_block.1.norm.weight"))
    g_string_append (s, ", \"mid_block_type\": \"UNetMidBlock2D\"");
}

static DifJson *
unet_config (const DifSingleKind *kind, DifWeights *file, const DifLdmLayout *layout,
             const char *name, GError **error)
{
  g_autoptr (GString) s        = g_string_new ("{\"_class_name\": \"UNet2DConditionModel\"");
  Levels              v        = { 0 };
  gsize               added    = dimension (file, UNET "label_emb.0.0.weight", 1);
  gsize               guidance = dimension (file, UNET "time_embed.cond_proj.weight", 1);

  read_levels (kind, file, layout, &v);
  g_string_append_printf (
      s,
      ", \"act_fn\": \"silu\", \"center_input_sample\": false, \"downsample_padding\": 1, "
      "\"flip_sin_to_cos\": true, \"freq_shift\": 0, \"mid_block_scale_factor\": 1, "
      "\"norm_eps\": 1e-05, \"norm_num_groups\": 32, \"sample_size\": %u, "
      "\"in_channels\": %" G_GSIZE_FORMAT ", \"out_channels\": %" G_GSIZE_FORMAT,
      kind->sample_size, dimension (file, UNET "input_blocks.0.0.weight", 1),
      dimension (file, UNET "out.2.weight", 0));
  append_numbers (s, "block_out_channels", v.channels, layout->n_down);
  append_numbers (s, "layers_per_block", layout->down, layout->n_down);
  append_blocks (s, file, layout);
  append_numbers (s, "attention_head_dim", v.heads, layout->n_down);
  append_types (s, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", v.attention,
                layout->n_down);
  append_types (s, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", layout->up_attention,
                layout->n_up);
  append_attention (s, file, layout);
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
vae_config (const DifSingleKind *kind, DifWeights *file, const DifLdmLayout *layout,
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
      ", %s",
      kind->sample_size * 8, MAX (count (file, VAE "encoder.down.0.block", ".conv1.weight"), 1),
      dimension (file, VAE "encoder.conv_in.weight", 1),
      dimension (file, VAE "decoder.conv_out.weight", 0),
      dimension (file, VAE "decoder.conv_in.weight", 1), kind->vae);
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
text_config (DifWeights *file, const DifLdmPart *part, const char *name, GError **error)
{
  const Spelling  *k      = part->naming == DIF_LDM_OPEN_CLIP ? &open_clip : &hugging_face;
  const char      *prefix = part->prefix;
  g_autofree char *layers = g_strconcat (prefix, k->layers, NULL);
  g_autofree char *text   = NULL;
  gsize            width  = dimension_of (file, 1, "%s%s", prefix, k->tokens);
  gsize            joined = dimension_of (file, 1, "%stext_projection", prefix);
  gsize            turned = dimension_of (file, 0, "%stext_projection.weight", prefix);
  guint            n      = count (file, layers, k->layer_end);

  if (part->n_layers)
    n = MIN (n, part->n_layers);
  joined = joined ? joined : turned;
  text   = g_strdup_printf (
      "{\"architectures\": [\"%s\"], \"hidden_act\": \"%s\", \"hidden_size\": %" G_GSIZE_FORMAT
      ", \"intermediate_size\": %" G_GSIZE_FORMAT ", \"layer_norm_eps\": 1e-05, "
        "\"max_position_embeddings\": %" G_GSIZE_FORMAT ", \"model_type\": \"clip_text_model\", "
        "\"num_attention_heads\": %" G_GSIZE_FORMAT ", \"num_hidden_layers\": %u, "
        "\"projection_dim\": %" G_GSIZE_FORMAT ", \"vocab_size\": %" G_GSIZE_FORMAT
      ", \"bos_token_id\": 0, \"eos_token_id\": 2, \"pad_token_id\": 1}",
      joined ? "CLIPTextModelWithProjection" : "CLIPTextModel",
      part->is_open ? "gelu" : "quick_gelu", width,
      dimension_of (file, 0, "%s.0%s", layers, k->mlp),
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

/* How the text encoder @part is stored in @file, or the first way in which it can be. */
static const DifLdmPart *
find_encoder (const DifLdmKeys *keys, DifWeights *file, const char *part)
{
  const DifLdmPart *first = NULL;

  for (guint i = 0; i < keys->n_parts; i++)
    {
      const DifLdmPart *p = &keys->parts[i];
      const Spelling   *k = p->naming == DIF_LDM_OPEN_CLIP ? &open_clip : &hugging_face;

      if (strcmp (p->part, part) != 0)
        continue;
      if (dimension_of (file, 0, "%s%s", p->prefix, k->tokens))
        return p;
      first = first ? first : p;
    }
  return first;
}

DifJson *
dif_ldm_config (const DifLdmKeys *keys, const DifSingleKind *kind, const DifSingleHeader *header,
                const char *part, const char *name, GError **error)
{
  static const char tokenizer[] = "tokenizer";
  gboolean          is_words    = g_str_has_prefix (part, tokenizer);
  g_autofree char  *encoder =
      g_strconcat ("text_encoder", is_words ? part + strlen (tokenizer) : "", NULL);
  const DifLdmPart *text = find_encoder (keys, header->shapes, is_words ? encoder : part);

  if (strcmp (part, "unet") == 0)
    return unet_config (kind, header->shapes, &header->layout, name, error);
  if (strcmp (part, "vae") == 0)
    return vae_config (kind, header->shapes, &header->layout, name, error);
  if (! text)
    return parse (kind->scheduler, name, error);
  return is_words ? tokenizer_config (text->is_open, name, error)
                  : text_config (header->shapes, text, name, error);
}
