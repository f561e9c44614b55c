/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ldm-spelling.c - the many ways in which programs write the original names.
 *
 * Invariant: a name in the original spelling stays what it is.
 */
#include "formats/ldm-spelling.h"

#include <string.h>

#define FIRST  "conditioner.embedders.0."
#define SECOND "conditioner.embedders.1."

/* What wraps a whole file's names: training frameworks, torch.compile(), and
 * prefixes that were put before names which had them already. */
static const char *const wrappers[] = { "state_dict.", "module.", "_orig_mod." };
static const char *const doubled[]  = { "model.diffusion_model.", "first_stage_model.",
                                        "cond_stage_model.", "conditioner.", "model." };

typedef struct
{
  const char *from, *to;
} Pair;

/* Beginnings of names, the first that fits. */
static const Pair beginnings[] = {
  { "diffusion_model.", "model.diffusion_model." },
  { "model._orig_mod.diffusion_model.", "model.diffusion_model." },
  { "model.diffusion_model._orig_mod.", "model.diffusion_model." },
  { "vae.", "first_stage_model." },
  { FIRST "open_clip.", FIRST },
  { SECOND "open_clip.", SECOND },
  { "cond_stage_model.clip_l.", "cond_stage_model." },
  { "cond_stage_model.clip_h.", "cond_stage_model." },
};

/* The same for names whose beginning is in order. */
static const Pair insides[] = {
  { "first_stage_model.decoder.post_quant_conv.", "first_stage_model.post_quant_conv." },
  { "first_stage_model.encoder.quant_conv.", "first_stage_model.quant_conv." },
};

/* Where Hugging Face's CLIP lies, and what follows there with or without
 * "text_model.". */
static const char *const clips[]      = { "cond_stage_model.transformer.", FIRST "transformer.",
                                          SECOND "transformer." };
static const char *const clip_parts[] = { "embeddings.", "encoder.", "final_layer_norm.",
                                          "text_model.text_model." };

DifLdmSpelling
dif_ldm_spelling_of (GPtrArray *names)
{
  DifLdmSpelling plain     = { FALSE };
  gboolean       has_first = FALSE, has_second = FALSE, has_sizes = FALSE;

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *name = dif_ldm_respell (&plain, names->pdata[i]);

      has_first |= g_str_has_prefix (name, FIRST);
      has_second |= g_str_has_prefix (name, SECOND);
      has_sizes |= g_str_has_prefix (name, "model.diffusion_model.label_emb.");
    }
  /* Stable Diffusion XL is told sizes, and has two encoders or, as the refiner, sizes alone */
  plain.one_encoder = has_first && ! has_second && ! has_sizes;
  return plain;
}

/* @name behind what wraps it. */
static const char *
unwrapped (const char *name)
{
  gboolean again = TRUE;

  while (again)
    {
      again = FALSE;
      for (guint i = 0; i < G_N_ELEMENTS (wrappers); i++)
        if (g_str_has_prefix (name, wrappers[i]))
          {
            name += strlen (wrappers[i]);
            again = TRUE;
          }
      for (guint i = 0; i < G_N_ELEMENTS (doubled); i++)
        if (g_str_has_prefix (name, doubled[i]) &&
            g_str_has_prefix (name + strlen (doubled[i]), doubled[i]))
          {
            name += strlen (doubled[i]);
            again = TRUE;
          }
    }
  return name;
}

/* @name, owned, with its beginning replaced if @pairs have it. */
static char *
replace_beginning (char *name, const Pair *pairs, guint n)
{
  for (guint i = 0; i < n; i++)
    if (g_str_has_prefix (name, pairs[i].from))
      {
        char *other = g_strconcat (pairs[i].to, name + strlen (pairs[i].from), NULL);

        g_free (name);
        return other;
      }
  return name;
}

/* @name, owned, with "text_model." just once where Hugging Face's CLIP has it. */
static char *
settle_clip (char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (clips); i++)
    for (guint k = 0; g_str_has_prefix (name, clips[i]) && k < G_N_ELEMENTS (clip_parts); k++)
      if (g_str_has_prefix (name + strlen (clips[i]), clip_parts[k]))
        {
          const char *rest  = name + strlen (clips[i]);
          gboolean    twice = g_str_has_prefix (rest, "text_model.");
          char       *other = g_strconcat (clips[i], twice ? "" : "text_model.",
                                           rest + (twice ? strlen ("text_model.") : 0), NULL);

          g_free (name);
          return other;
        }
  return name;
}

char *
dif_ldm_respell (const DifLdmSpelling *spelling, const char *name)
{
  static const Pair one_encoder[] = { { FIRST, "cond_stage_model." } };
  char             *own           = g_strdup (unwrapped (name));

  own = replace_beginning (own, beginnings, G_N_ELEMENTS (beginnings));
  own = replace_beginning (own, insides, G_N_ELEMENTS (insides));
  if (spelling->one_encoder)
    own = replace_beginning (own, one_encoder, G_N_ELEMENTS (one_encoder));
  return settle_clip (own);
}
