/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* templates.h - what `make-checkpoint --like` can make. */
#ifndef DIF_CLI_TEMPLATES_H
#define DIF_CLI_TEMPLATES_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * CliTemplate:
 * @name: word after --like
 * @pipeline: diffusers' class
 * @settings: members of model_index.json besides the parts, each with its comma
 * @unet: @vae: config.json of the part
 * @text_encoder: (nullable): config.json of a CLIPTextModel
 * @text_encoder_2: (nullable): config.json of a CLIPTextModelWithProjection
 * @scheduler: scheduler_config.json
 * @scheduler_class: its class, for model_index.json
 * @pad_token: the first tokenizer's padding; NULL for the end-of-text token
 * @depth: (nullable): config.json of a depth_estimator
 * @depth_processor: (nullable): preprocessor_config.json beside it
 */
typedef struct
{
  const char *name;
  const char *pipeline;
  const char *settings;
  const char *unet;
  const char *vae;
  const char *text_encoder;
  const char *text_encoder_2;
  const char *scheduler;
  const char *scheduler_class;
  const char *pad_token;
  const char *depth;
  const char *depth_processor;
} CliTemplate;

/* Finds a template.  Errors: G_OPTION_ERROR, with the names there are. */
const CliTemplate *cli_template_find (const char *name, GError **error);

G_END_DECLS

#endif /* DIF_CLI_TEMPLATES_H */
