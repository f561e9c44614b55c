/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* family.h - what a family of models is.
 *
 * A family is a `const DifFamilyClass dif_family_<word>` in one file plus one
 * word in core/families/meson.build.  Nobody compares a family's name: who wants
 * to know something of it asks a member.
 */
#ifndef DIF_RUN_FAMILY_H
#define DIF_RUN_FAMILY_H

#include "base/params.h"
#include "formats/single-family.h"
#include "models/denoiser.h"
#include "run/preview.h"
#include "run/run.h"
#include "run/template.h"

G_BEGIN_DECLS

/**
 * DifAbility:
 * @DIF_CAN_TXT2IMG: draws from noise and a prompt
 * @DIF_CAN_IMG2IMG: repaints a picture
 * @DIF_CAN_INPAINT: repaints a part of a picture
 * @DIF_CAN_DEPTH2IMG: keeps a picture's depth
 * @DIF_CAN_UNCONDITIONAL: draws without a prompt
 *
 * What a model can do; a task names the one it needs.
 */
typedef enum
{
  DIF_CAN_TXT2IMG       = 1 << 0,
  DIF_CAN_IMG2IMG       = 1 << 1,
  DIF_CAN_INPAINT       = 1 << 2,
  DIF_CAN_DEPTH2IMG     = 1 << 3,
  DIF_CAN_UNCONDITIONAL = 1 << 4
} DifAbility;

/**
 * DifRole:
 * @DIF_ROLE_TEXT: the first text encoder, with the part's tokenizer
 * @DIF_ROLE_TEXT_2: the one whose projection is the pooled prompt, with its own
 * @DIF_ROLE_DENOISER: predicts noise
 * @DIF_ROLE_AUTOENCODER: between pictures and latents
 * @DIF_ROLE_DEPTH: estimates depth
 * @DIF_ROLE_SAFETY: looks at what was drawn
 * @DIF_N_ROLES: how many there are
 *
 * What a part is for.
 */
typedef enum
{
  DIF_ROLE_TEXT,
  DIF_ROLE_TEXT_2,
  DIF_ROLE_DENOISER,
  DIF_ROLE_AUTOENCODER,
  DIF_ROLE_DEPTH,
  DIF_ROLE_SAFETY,
  DIF_N_ROLES
} DifRole;

/**
 * DifPartSpec:
 * @name: of the folder, such as "text_encoder_2"
 * @klass: the model's class name
 * @role: what it is for
 * @stage: when it is needed
 * @tokenizer: (nullable): the folder of its tokenizer
 * @alias: (nullable): another folder, looked at where @name is not there
 * @alias_tokenizer: (nullable): the tokenizer's folder then
 * @optional: whether a model may lack it
 *
 * A part of a model.
 */
typedef struct
{
  const char *name, *klass;
  DifRole     role;
  DifStage    stage;
  const char *tokenizer, *alias, *alias_tokenizer;
  gboolean    optional;
} DifPartSpec;

/**
 * DifFamilyPipeline:
 * @klass: diffusers' class name
 * @steps: default number of steps
 * @patches_scheduler: whether it edits the config of the scheduler that it is
 *   built with
 *
 * One of diffusers' pipelines for a family.
 */
typedef struct
{
  const char *klass;
  guint       steps;
  gboolean    patches_scheduler;
} DifFamilyPipeline;

/**
 * DifFamilyRows:
 * @tasks: the abilities whose tasks have them
 * @params: (array length=n_params): rows; their `families` are all that name the
 *   same table, and are filled in by dif_task_params()
 * @n_params: how many
 *
 * Parameters that not every family has.
 */
typedef struct
{
  guint           tasks;
  const DifParam *params;
  guint           n_params;
} DifFamilyRows;

/**
 * DifDefaults:
 * @guidance: guidance scale
 * @strength: of a picture
 *
 * What counts where neither request nor checkpoint says anything.
 */
typedef struct
{
  double guidance, strength;
} DifDefaults;

/**
 * DifFamilyClass:
 * @name: "sdxl"
 * @label: for people: "SDXL"
 * @pipelines: (array length=n_pipelines): diffusers' pipelines
 * @n_pipelines: how many
 * @parts: (array length=n_parts): in the order in which they are loaded
 * @n_parts: how many
 * @rows: (array length=n_rows): parameters that not every family has
 * @n_rows: how many
 * @single: (nullable): its single files
 * @templates: (array length=n_templates): models to be made with random weights
 * @n_templates: how many
 * @defaults: of its tasks
 * @inpaint: those of inpainting
 * @upcasts: whether an autoencoder that says "force_upcast" encodes in f32, and
 *   decodes in f32 where it would overflow in f16
 * @owns: (nullable): of models saved from one of its pipelines, whether one is
 *   its own; those that nobody owns are the family's without such a member.  Reads
 *   configs only
 * @read_index: (nullable): (transfer full): what it wants of model_index.json, which
 *   is the pipeline's `family_data` and freed with it; errors stay in @index
 * @can: what a loaded model can do: DifAbility; 0 if its parts fit nothing known
 * @check: (nullable): whether the parts fit each other, or ops would fail later
 *   with less to say
 * @check_run: (nullable): whether the request makes sense
 * @encode: (nullable): prompts to conditioning; NULL for a family without prompts.
 *   Errors stay in the run's context
 * @shortens: whether img2img spreads all steps over the shorter way that strength
 *   leaves, instead of leaving out the first of them
 * @colors: (nullable): of its latents
 * @begins_at_first: whether txt2img begins with a given call, where others leave
 *   it to the scheduler to find out
 *
 * A family: all that is the same for every model of it.
 */
struct _DifFamilyClass
{
  const char              *name, *label;
  const DifFamilyPipeline *pipelines;
  guint                    n_pipelines;
  const DifPartSpec       *parts;
  guint                    n_parts;
  const DifFamilyRows     *rows;
  guint                    n_rows;
  const DifSingleFamily   *single;
  const DifTemplate       *templates;
  guint                    n_templates;
  DifDefaults              defaults, inpaint;
  gboolean                 upcasts;
  gboolean (*owns) (DifCheckpoint *c);
  gpointer (*read_index) (DifJson *index);
  guint (*can) (DifPipeline *pipe);
  gboolean (*check) (DifPipeline *pipe, GError **error);
  gboolean (*check_run) (DifRun *run, GError **error);
  void (*encode) (DifRun *run, DifConditioning *c);
  gboolean            shortens, begins_at_first;
  const DifLatentRgb *colors;
};

G_END_DECLS

#endif /* DIF_RUN_FAMILY_H */
