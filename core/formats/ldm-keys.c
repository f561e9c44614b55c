/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm-keys.c - the original names of Stable Diffusion's tensors, and diffusers'.
 *
 * Knows neither files nor models.  The tables are read in both directions;
 * every entry ends where a name's part ends.
 */
#include "formats/ldm-keys.h"

#include <stdlib.h>
#include <string.h>

#include "formats/keymap.h"

typedef struct
{
  const char *ldm;
  const char *canonical;
} Pair;

static const Pair unet_ends[] = {
  { "time_embed.0", "time_embedding.linear_1" },
  { "time_embed.2", "time_embedding.linear_2" },
  { "time_embed.cond_proj", "time_embedding.cond_proj" },
  { "label_emb.0.0", "add_embedding.linear_1" },
  { "label_emb.0.2", "add_embedding.linear_2" },
  { "input_blocks.0.0", "conv_in" },
  { "out.0", "conv_norm_out" },
  { "out.2", "conv_out" },
};

static const Pair unet_resnet[] = {
  { "in_layers.0", "norm1" },
  { "in_layers.2", "conv1" },
  { "emb_layers.1", "time_emb_proj" },
  { "out_layers.0", "norm2" },
  { "out_layers.3", "conv2" },
  { "skip_connection", "conv_shortcut" },
};

static const Pair unet_middle[] = {
  { "middle_block.0", "mid_block.resnets.0" },
  { "middle_block.1", "mid_block.attentions.0" },
  { "middle_block.2", "mid_block.resnets.1" },
};

static const Pair vae_ends[] = {
  { "norm_out", "conv_norm_out" },
  { "conv_in", "conv_in" },
  { "conv_out", "conv_out" },
};

static const char *const vae_middle[] = { "mid.block_1", "mid.block_2" };

/* The last ones are diffusers' own, which converters leave behind. */
static const Pair vae_attention[] = {
  { "norm", "group_norm" },
  { "q", "to_q" },
  { "k", "to_k" },
  { "v", "to_v" },
  { "proj_out", "to_out.0" },
  { "group_norm", "group_norm" },
  { "to_q", "to_q" },
  { "to_k", "to_k" },
  { "to_v", "to_v" },
  { "to_out.0", "to_out.0" },
  { "query", "to_q" },
  { "key", "to_k" },
  { "value", "to_v" },
  { "proj_attn", "to_out.0" },
};

/* What a transformer of the U-Net is made of; both sides call it the same. */
static const char *const transformer_ends[]  = { "norm", "proj_in", "proj_out" };
static const char *const transformer_block[] = {
  "norm1",
  "norm2",
  "norm3",
  "attn1.to_q",
  "attn1.to_k",
  "attn1.to_v",
  "attn2.to_q",
  "attn2.to_k",
  "attn2.to_v",
  "attn1.to_out.0",
  "ff.net.2",
  "ff.net.0.proj",
  "attn2.to_out.0",
};

/* What a layer of Hugging Face's CLIP is made of, and what stands around them. */
static const char *const clip_layer[] = {
  "layer_norm1",
  "layer_norm2",
  "mlp.fc1",
  "mlp.fc2",
  "self_attn.q_proj",
  "self_attn.k_proj",
  "self_attn.v_proj",
  "self_attn.out_proj",
};
static const char *const clip_ends[] = {
  "text_model.embeddings.token_embedding", "text_model.embeddings.position_embedding",
  "text_model.final_layer_norm", "text_projection"
};

static const Pair vae_resnet[] = {
  { "norm1", "norm1" },
  { "conv1", "conv1" },
  { "norm2", "norm2" },
  { "conv2", "conv2" },
  { "nin_shortcut", "conv_shortcut" },
  { "conv_shortcut", "conv_shortcut" },
};

static const Pair open_clip_ends[] = {
  { "token_embedding", "text_model.embeddings.token_embedding" },
  { "positional_embedding", "text_model.embeddings.position_embedding.weight" },
  { "ln_final", "text_model.final_layer_norm" },
  { "text_projection", "text_projection" },
};

static const Pair open_clip_layer[] = {
  { "ln_1", "layer_norm1" },
  { "ln_2", "layer_norm2" },
  { "mlp.c_fc", "mlp.fc1" },
  { "mlp.c_proj", "mlp.fc2" },
  { "attn.out_proj", "self_attn.out_proj" },
  { "attn", "self_attn" },
};

/* What training keeps beside a part: a discriminator, a buffer of positions, and how
 * activations would be scaled by who multiplies in fp8. */
static const char *const left_out[] = { "first_stage_model.loss.", "first_stage_model.logvar" };

static const char *const left_out_ends[] = { ".position_ids", ".scale_input", ".input_scale",
                                             ".scaled_fp8" };

static const DifLdmPart *
find_part (const DifLdmKeys *keys, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (left_out); i++)
    if (g_str_has_prefix (name, left_out[i]))
      return NULL;
  for (guint i = 0; keys->left_out && keys->left_out[i]; i++)
    if (g_str_has_prefix (name, keys->left_out[i]))
      return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (left_out_ends); i++)
    if (g_str_has_suffix (name, left_out_ends[i]))
      return NULL;
  for (guint i = 0; i < keys->n_parts; i++)
    if (g_str_has_prefix (name, keys->parts[i].prefix))
      return &keys->parts[i];
  return NULL;
}

const char *
dif_ldm_part (const DifLdmKeys *keys, const char *name)
{
  const DifLdmPart *part = find_part (keys, name);

  return part ? part->part : NULL;
}

/* ---- reading names ---- */

/* Steps over @word if *@p begins with it and it ends a part there: the next
 * character, a dot, is stepped over too. */
static gboolean
skip (const char **p, const char *word)
{
  gsize n = strlen (word);

  if (strncmp (*p, word, n) != 0 || ((*p)[n] && (*p)[n] != '.'))
    return FALSE;
  *p += n + ((*p)[n] == '.');
  return TRUE;
}

/* A number of up to three digits and the dot behind it. */
static gboolean
skip_number (const char **p, guint *number)
{
  const char *q = *p;

  *number = 0;
  while (g_ascii_isdigit (*q) && q < *p + 3)
    *number = *number * 10 + (guint) (*q++ - '0');
  if (q == *p || *q != '.' || (**p == '0' && q > *p + 1))
    return FALSE;
  *p = q + 1;
  return TRUE;
}

/* @before, the other side of the entry that *@name begins with, and what is left, one
 * part at most; NULL if there is none. */
static char *
translate (const char *before, const char *name, const Pair *pairs, guint n, gboolean back)
{
  for (guint i = 0; i < n; i++)
    {
      const char *rest = name;

      if (skip (&rest, back ? pairs[i].canonical : pairs[i].ldm) && ! strchr (rest, '.'))
        return g_strconcat (before, back ? pairs[i].ldm : pairs[i].canonical, *rest ? "." : "",
                            rest, NULL);
    }
  return NULL;
}

#define TRANSLATE(before, name, table, back) \
  translate (before, name, table, G_N_ELEMENTS (table), back)

/* Whether @name is one of @known and a last part. */
static gboolean
is_tensor_of (const char *name, const char *const *known, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      const char *rest = name;

      if (skip (&rest, known[i]) && *rest && ! strchr (rest, '.'))
        return TRUE;
    }
  return FALSE;
}

#define IS_TENSOR_OF(name, table) is_tensor_of (name, table, G_N_ELEMENTS (table))

/* Whether a transformer of the U-Net has a tensor @name. */
static gboolean
is_transformers (const char *name)
{
  guint block;

  if (! skip (&name, "transformer_blocks"))
    return IS_TENSOR_OF (name, transformer_ends);
  return skip_number (&name, &block) && IS_TENSOR_OF (name, transformer_block);
}

static gboolean
is_clips (const char *name)
{
  guint layer;

  if (! skip (&name, "text_model.encoder.layers"))
    return IS_TENSOR_OF (name, clip_ends);
  return skip_number (&name, &layer) && IS_TENSOR_OF (name, clip_layer);
}

/* ---- layouts ---- */

static gboolean
has (DifWeights *w, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
has (DifWeights *w, const char *format, ...)
{
  g_autofree char *name = NULL;
  va_list          args;

  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  return dif_weights_lookup (w, name) != NULL;
}

static void
layout_down (DifLdmLayout *layout, DifWeights *file)
{
  static const char prefix[] = "model.diffusion_model.input_blocks";

  for (guint i = 1;; i++)
    if (has (file, "%s.%u.0.in_layers.2.weight", prefix, i))
      {
        layout->n_down = MAX (layout->n_down, 1);
        layout->down[layout->n_down - 1]++;
      }
    else if (has (file, "%s.%u.0.op.weight", prefix, i) && layout->n_down < DIF_LDM_MAX_LEVELS)
      layout->n_down = MAX (layout->n_down, 1) + 1;
    else
      break;
}

static void
layout_up (DifLdmLayout *layout, DifWeights *file)
{
  static const char prefix[] = "model.diffusion_model.output_blocks";
  gboolean          closed   = TRUE;

  for (guint i = 0; has (file, "%s.%u.0.in_layers.2.weight", prefix, i); i++)
    {
      if (closed && layout->n_up == DIF_LDM_MAX_LEVELS)
        break;
      layout->n_up += closed;
      layout->up[layout->n_up - 1]++;
      if (has (file, "%s.%u.1.norm.weight", prefix, i))
        layout->up_attention[layout->n_up - 1] = TRUE;
      closed = has (file, "%s.%u.1.conv.weight", prefix, i) ||
               has (file, "%s.%u.2.conv.weight", prefix, i);
    }
}

void
dif_ldm_layout_from_file (DifLdmLayout *layout, DifWeights *file)
{
  memset (layout, 0, sizeof *layout);
  layout_down (layout, file);
  layout_up (layout, file);
  while (layout->n_vae < DIF_LDM_MAX_LEVELS &&
         has (file, "first_stage_model.decoder.up.%u.block.0.conv1.weight", layout->n_vae))
    layout->n_vae++;
}

void
dif_ldm_layout_from_unet (DifLdmLayout *layout, DifWeights *unet)
{
  memset (layout, 0, sizeof *layout);
  for (; layout->n_down < DIF_LDM_MAX_LEVELS; layout->n_down++)
    {
      guint *n = &layout->down[layout->n_down];

      while (has (unet, "down_blocks.%u.resnets.%u.conv1.weight", layout->n_down, *n))
        (*n)++;
      if (! *n)
        break;
    }
  for (; layout->n_up < DIF_LDM_MAX_LEVELS; layout->n_up++)
    {
      guint *n = &layout->up[layout->n_up];

      while (has (unet, "up_blocks.%u.resnets.%u.conv1.weight", layout->n_up, *n))
        (*n)++;
      if (! *n)
        break;
      layout->up_attention[layout->n_up] =
          has (unet, "up_blocks.%u.attentions.0.norm.weight", layout->n_up);
    }
}

/* ---- original to canonical ---- */

/* "input_blocks.I.…", I counted from 1: every level's resnets, then its
 * downsampler. */
static char *
input_block (const DifLdmLayout *layout, guint i, const char *rest)
{
  g_autofree char *before = NULL;
  guint            level = 0, at = 1;

  while (level < layout->n_down && i > at + layout->down[level])
    at += layout->down[level++] + 1;
  if (i == 0 || level == layout->n_down)
    return NULL;
  if (i == at + layout->down[level])
    return skip (&rest, "0.op")
               ? g_strdup_printf ("down_blocks.%u.downsamplers.0.conv.%s", level, rest)
               : NULL;
  if (skip (&rest, "0"))
    {
      before = g_strdup_printf ("down_blocks.%u.resnets.%u.", level, i - at);
      return TRANSLATE (before, rest, unet_resnet, FALSE);
    }
  return skip (&rest, "1") && is_transformers (rest)
             ? g_strdup_printf ("down_blocks.%u.attentions.%u.%s", level, i - at, rest)
             : NULL;
}

static char *
output_block (const DifLdmLayout *layout, guint i, const char *rest)
{
  g_autofree char *before = NULL;
  guint            level = 0, at = 0;

  while (level < layout->n_up && i >= at + layout->up[level])
    at += layout->up[level++];
  if (level == layout->n_up)
    return NULL;
  if (skip (&rest, "1.conv") || skip (&rest, "2.conv"))
    return g_strdup_printf ("up_blocks.%u.upsamplers.0.conv.%s", level, rest);
  if (skip (&rest, "0"))
    {
      before = g_strdup_printf ("up_blocks.%u.resnets.%u.", level, i - at);
      return TRANSLATE (before, rest, unet_resnet, FALSE);
    }
  return skip (&rest, "1") && is_transformers (rest)
             ? g_strdup_printf ("up_blocks.%u.attentions.%u.%s", level, i - at, rest)
             : NULL;
}

static char *
unet_name (const DifLdmLayout *layout, const char *name)
{
  char       *done = TRANSLATE ("", name, unet_ends, FALSE);
  const char *p    = name;
  guint       i;

  if (done)
    return done;
  if (skip (&p, "input_blocks"))
    return skip_number (&p, &i) ? input_block (layout, i, p) : NULL;
  if (skip (&p, "output_blocks"))
    return skip_number (&p, &i) ? output_block (layout, i, p) : NULL;
  for (i = 0; i < G_N_ELEMENTS (unet_middle); i++)
    if (p = name, skip (&p, unet_middle[i].ldm))
      {
        g_autofree char *before = g_strconcat (unet_middle[i].canonical, ".", NULL);

        if (i != 1)
          return TRANSLATE (before, p, unet_resnet, FALSE);
        return is_transformers (p) ? g_strconcat (before, p, NULL) : NULL;
      }
  return NULL;
}

/* What follows "down.I." or "up.I." of the VAE, now called @before. */
static char *
vae_level (const char *before, const char *rest)
{
  g_autofree char *resnet = NULL;
  guint            j;

  if (skip (&rest, "downsample.conv"))
    return g_strconcat (before, "downsamplers.0.conv.", rest, NULL);
  if (skip (&rest, "upsample.conv"))
    return g_strconcat (before, "upsamplers.0.conv.", rest, NULL);
  if (! skip (&rest, "block") || ! skip_number (&rest, &j))
    return NULL;
  resnet = g_strdup_printf ("%sresnets.%u.", before, j);
  return TRANSLATE (resnet, rest, vae_resnet, FALSE);
}

static char *
vae_name (const DifLdmLayout *layout, const char *name)
{
  const char      *p      = name;
  const char      *half   = skip (&p, "encoder")   ? "encoder."
                            : skip (&p, "decoder") ? "decoder."
                                                   : NULL;
  const char      *rest   = p;
  g_autofree char *before = NULL;
  guint            i;

  if (! half)
    return skip (&p, "quant_conv") || skip (&p, "post_quant_conv") ? g_strdup (name) : NULL;
  if (skip (&rest, "mid.attn_1"))
    {
      before = g_strconcat (half, "mid_block.attentions.0.", NULL);
      return TRANSLATE (before, rest, vae_attention, FALSE);
    }
  for (i = 0; i < G_N_ELEMENTS (vae_middle); i++)
    if (skip (&rest, vae_middle[i]))
      {
        before = g_strdup_printf ("%smid_block.resnets.%u.", half, i);
        return TRANSLATE (before, rest, vae_resnet, FALSE);
      }
  if (skip (&rest, "down") && skip_number (&rest, &i))
    {
      before = g_strdup_printf ("%sdown_blocks.%u.", half, i);
      return vae_level (before, rest);
    }
  /* the decoder's levels are counted from the top */
  if (skip (&rest, "up") && skip_number (&rest, &i) && i < layout->n_vae)
    {
      before = g_strdup_printf ("%sup_blocks.%u.", half, layout->n_vae - 1 - i);
      return vae_level (before, rest);
    }
  return TRANSLATE (half, p, vae_ends, FALSE);
}

static char *
open_clip_name (const char *name)
{
  g_autofree char *before = NULL;
  const char      *p      = name;
  guint            i;

  if (! skip (&p, "transformer.resblocks") || ! skip_number (&p, &i))
    return TRANSLATE ("", name, open_clip_ends, FALSE);
  before = g_strdup_printf ("text_model.encoder.layers.%u.", i);
  return TRANSLATE (before, p, open_clip_layer, FALSE);
}

static char *
canonical (const DifLdmLayout *layout, DifLdmNaming naming, const char *rest)
{
  switch (naming)
    {
    case DIF_LDM_UNET:
      return unet_name (layout, rest);
    case DIF_LDM_VAE:
      return vae_name (layout, rest);
    case DIF_LDM_OPEN_CLIP:
      return open_clip_name (rest);
    case DIF_LDM_CLIP:
      break;
    }
  return is_clips (rest) ? dif_keymap_canonical ("CLIPTextModel", rest) : NULL;
}

/* How names end: tensors, and what is kept beside one (scales.h). */
static const char *const last_parts[] = { "weight", "bias", "text_projection", "scale_weight",
                                          "weight_scale", "comfy_quant", "in_proj_weight",
                                          "in_proj_bias" };

char *
dif_ldm_canonical (const DifLdmKeys *keys, const DifLdmLayout *layout, const char *name)
{
  const DifLdmPart *part = find_part (keys, name);
  g_autofree char  *done = part ? canonical (layout, part->naming, name + strlen (part->prefix))
                                : NULL;
  const char       *last = done ? strrchr (done, '.') : NULL;

  last = last ? last + 1 : done;
  for (guint k = 0; last && k < G_N_ELEMENTS (last_parts); k++)
    if (strcmp (last, last_parts[k]) == 0)
      return g_steal_pointer (&done);
  return NULL;
}

/* ---- canonical to original ---- */

static char *
down_block (const DifLdmLayout *layout, guint level, const char *rest)
{
  g_autofree char *before = NULL;
  guint            at     = 1, j;

  if (level >= layout->n_down)
    return NULL;
  for (guint i = 0; i < level; i++)
    at += layout->down[i] + 1;
  if (skip (&rest, "downsamplers.0.conv"))
    return g_strdup_printf ("input_blocks.%u.0.op%s%s", at + layout->down[level], *rest ? "." : "",
                            rest);
  if (skip (&rest, "resnets") && skip_number (&rest, &j))
    {
      before = g_strdup_printf ("input_blocks.%u.0.", at + j);
      return TRANSLATE (before, rest, unet_resnet, TRUE);
    }
  if (skip (&rest, "attentions") && skip_number (&rest, &j))
    return g_strdup_printf ("input_blocks.%u.1.%s", at + j, rest);
  return NULL;
}

static char *
up_block (const DifLdmLayout *layout, guint level, const char *rest)
{
  g_autofree char *before = NULL;
  guint            at     = 0, j;

  if (level >= layout->n_up)
    return NULL;
  for (guint i = 0; i < level; i++)
    at += layout->up[i];
  if (skip (&rest, "upsamplers.0.conv"))
    return g_strdup_printf ("output_blocks.%u.%d.conv%s%s", at + layout->up[level] - 1,
                            layout->up_attention[level] ? 2 : 1, *rest ? "." : "", rest);
  if (skip (&rest, "resnets") && skip_number (&rest, &j))
    {
      before = g_strdup_printf ("output_blocks.%u.0.", at + j);
      return TRANSLATE (before, rest, unet_resnet, TRUE);
    }
  if (skip (&rest, "attentions") && skip_number (&rest, &j))
    return g_strdup_printf ("output_blocks.%u.1.%s", at + j, rest);
  return NULL;
}

char *
dif_ldm_from_canonical (const DifLdmLayout *layout, const char *name)
{
  char       *done = TRANSLATE ("", name, unet_ends, TRUE);
  const char *p    = name;
  guint       i;

  if (done)
    return done;
  if (skip (&p, "down_blocks"))
    return skip_number (&p, &i) ? down_block (layout, i, p) : NULL;
  if (skip (&p, "up_blocks"))
    return skip_number (&p, &i) ? up_block (layout, i, p) : NULL;
  for (i = 0; i < G_N_ELEMENTS (unet_middle); i++)
    if (p = name, skip (&p, unet_middle[i].canonical))
      {
        g_autofree char *before = g_strconcat (unet_middle[i].ldm, ".", NULL);

        return i == 1 ? g_strconcat (before, p, NULL) : TRANSLATE (before, p, unet_resnet, TRUE);
      }
  return NULL;
}
