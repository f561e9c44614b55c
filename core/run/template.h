/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* template.h - configs of a model, to make one with random weights. */
#ifndef DIF_RUN_TEMPLATE_H
#define DIF_RUN_TEMPLATE_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifTemplatePart:
 * @name: of the folder: "text_encoder"
 * @library: that has the class: "transformers" or "diffusers"
 * @klass: such as "CLIPTextModel"
 * @config: its config, as JSON; a text encoder's without the ids of its tokens
 * @tokenizer: (nullable): of a text encoder: the folder of its tokenizer
 * @pad: (nullable): what fills a short prompt; NULL for the token that ends it
 *
 * A part of a model.
 */
typedef struct
{
  const char *name, *library, *klass, *config;
  const char *tokenizer, *pad;
} DifTemplatePart;

/**
 * DifTemplate:
 * @name: "sd15"
 * @pipeline: diffusers' class
 * @settings: members of model_index.json besides the parts, each with its comma
 * @parts: (array length=n_parts): its parts
 * @n_parts: how many
 *
 * A model folder but for its weights.
 */
typedef struct
{
  const char            *name, *pipeline, *settings;
  const DifTemplatePart *parts;
  guint                  n_parts;
} DifTemplate;

G_END_DECLS

#endif /* DIF_RUN_TEMPLATE_H */
