/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* keymap.h - every spelling of a tensor's name to diffusers' canonical one. */
#ifndef DIF_FORMATS_KEYMAP_H
#define DIF_FORMATS_KEYMAP_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_keymap_canonical:
 * @part_class: class of the part, such as "CLIPTextModel"
 * @name: a tensor's name in a file of a diffusers folder
 *
 * Legacy attention names (query, key, value, proj_attn) become to_q, to_k,
 * to_v and to_out.0; a CLIP text encoder's tensors get the prefix
 * `text_model.` that transformers 5.6 and later leave out, and a safety
 * checker's the second `vision_model.`.
 *
 * Source: diffusers, modeling_utils.py
 * `_convert_deprecated_attention_blocks`; transformers, modeling_clip.py.
 *
 * Returns: (transfer full) (nullable): the canonical name; NULL for a tensor
 * that holds no weight (`position_ids`)
 */
char *dif_keymap_canonical (const char *part_class, const char *name);

G_END_DECLS

#endif /* DIF_FORMATS_KEYMAP_H */
