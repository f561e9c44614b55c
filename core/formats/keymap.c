/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* keymap.c - every spelling of a tensor's name to diffusers' canonical one.
 *
 * Names only: knows neither files nor models.  Invariant: a canonical name is
 * mapped to itself.
 */
#include "formats/keymap.h"

#include <string.h>

/* The last but one part of a name, such as "query" in
 * "decoder.mid_block.attentions.0.query.weight". */
static const struct
{
  const char *legacy;
  const char *canonical;
} attention_names[] = {
  { "query", "to_q" },
  { "key", "to_k" },
  { "value", "to_v" },
  { "proj_attn", "to_out.0" },
};

/* First parts of a CLIP text encoder's names without its prefix. */
static const char *const text_model_parts[] = { "embeddings.", "encoder.", "final_layer_norm." };

/* First parts of a safety checker's names below "vision_model.vision_model.", of
 * which newer libraries leave out one. */
static const char *const vision_model_parts[] = { "vision_model.embeddings.",
                                                  "vision_model.encoder.",
                                                  "vision_model.pre_layrnorm.",
                                                  "vision_model.post_layernorm." };

/* Where the part before @end begins; @end is a dot or the name's end. */
static const char *
part_before (const char *name, const char *end)
{
  while (end > name && end[-1] != '.')
    end--;
  return end;
}

static gboolean
is_number (const char *begin, const char *end)
{
  if (begin == end)
    return FALSE;
  for (; begin < end; begin++)
    if (! g_ascii_isdigit (*begin))
      return FALSE;
  return TRUE;
}

/* "....attentions.N.LEGACY.weight" or ".bias"; NULL if @name is none. */
static char *
rename_attention (const char *name)
{
  static const char before[] = "attentions.";
  const gsize       n_before = sizeof before - 1;
  const char       *last     = strrchr (name, '.');
  const char       *legacy, *number;

  if (! last || (strcmp (last, ".weight") != 0 && strcmp (last, ".bias") != 0))
    return NULL;
  legacy = part_before (name, last);
  if (legacy == name)
    return NULL;
  number = part_before (name, legacy - 1);
  if (! is_number (number, legacy - 1) || (gsize) (number - name) < n_before ||
      memcmp (number - n_before, before, n_before) != 0)
    return NULL;
  for (guint i = 0; i < G_N_ELEMENTS (attention_names); i++)
    if (strlen (attention_names[i].legacy) == (gsize) (last - legacy) &&
        memcmp (legacy, attention_names[i].legacy, (gsize) (last - legacy)) == 0)
      return g_strdup_printf ("%.*s%s%s", (int) (legacy - name), name, attention_names[i].canonical,
                              last);
  return NULL;
}

char *
dif_keymap_canonical (const char *part_class, const char *name)
{
  char *renamed;

  if (g_str_has_suffix (name, "embeddings.position_ids"))
    return NULL;
  if (g_str_has_prefix (part_class, "CLIPText"))
    for (guint i = 0; i < G_N_ELEMENTS (text_model_parts); i++)
      if (g_str_has_prefix (name, text_model_parts[i]))
        return g_strconcat ("text_model.", name, NULL);
  if (strcmp (part_class, "StableDiffusionSafetyChecker") == 0)
    for (guint i = 0; i < G_N_ELEMENTS (vision_model_parts); i++)
      if (g_str_has_prefix (name, vision_model_parts[i]))
        return g_strconcat ("vision_model.", name, NULL);
  renamed = rename_attention (name);
  return renamed ? renamed : g_strdup (name);
}
