/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* task.h - what a task is, inside pipelines/.
 *
 * A task is a `const DifTaskClass` in one file plus one word in
 * core/pipelines/meson.build: its parameters, and what it does before, inside
 * and after the one denoising loop (denoise.c).
 */
#ifndef DIF_PIPELINES_TASK_H
#define DIF_PIPELINES_TASK_H

#include "base/rng.h"
#include "models/clip-text.h"
#include "models/unet.h"
#include "models/vae.h"
#include "pipelines/pipeline.h"

G_BEGIN_DECLS

/**
 * DifRun:
 * @pipe: the model
 * @rq: what is asked for
 * @cx: the run's own context
 * @scheduler: the run's own scheduler, timesteps set by the task
 * @rng: the run's numbers
 * @seed: what @rng was made from
 * @n_images: pictures of this run
 * @width: of a picture, in pixels
 * @height: of a picture, in pixels
 * @n_steps: steps asked for
 * @guidance: guidance scale
 * @warning: collected for the result
 *
 * One run in progress; owned by pipeline.c.
 */
typedef struct
{
  DifPipeline    *pipe;
  DifRequest     *rq;
  DifContext     *cx;
  DifScheduler   *scheduler;
  DifRng         *rng;
  guint64         seed;
  guint           n_images, width, height, n_steps;
  double          guidance;
  GString        *warning;
  DifProgressFunc progress;
  gpointer        progress_data;
  gint64          started;      /* g_get_monotonic_time(), microseconds */
  double          units, total; /* of work done and in all, for the estimate */
} DifRun;

/**
 * DifTaskClass:
 * @name: "txt2img"
 * @label: for menus, translatable
 * @blurb: one sentence, translatable
 * @params: (array length=n_params): its parameters
 * @n_params: how many
 * @run: draws `[n_images, H, W, 3]` f32, about [-1, 1]; errors stay in the
 *   run's context
 */
typedef struct
{
  const char     *name;
  const char     *label;
  const char     *blurb;
  const DifParam *params;
  guint           n_params;
  DifTensor *(*run) (DifRun *run);
} DifTaskClass;

/**
 * dif_task_find:
 * @name: a task
 *
 * Returns: (transfer none) (nullable): its class
 */
const DifTaskClass *dif_task_find (const char *name);

/**
 * dif_run_report:
 * @run: a run
 * @stage: "encode", "denoise", "decode"
 * @step: done in this stage
 * @n_steps: of this stage
 * @units: work done in all, in calls of the U-Net
 */
void dif_run_report (DifRun *run, const char *stage, guint step, guint n_steps, double units);

/**
 * dif_run_encode_prompts:
 * @run: a run
 *
 * Encodes the prompt and, when guidance is above 1, the negative prompt.
 * Dumps `prompt_embeds` and `negative_prompt_embeds`.
 *
 * Returns: `[B, T, D]`: negatives first, each repeated for the run's images
 */
DifTensor *dif_run_encode_prompts (DifRun *run);

/**
 * dif_run_denoise:
 * @run: a run whose scheduler has timesteps
 * @embeds: as dif_run_encode_prompts() makes
 * @latents: `[n_images, h, w, C]` f32, noised for call @first
 * @first: the first call to make
 *
 * The one denoising loop.  Dumps `noise_pred.N` and `latents.N`.
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_denoise (DifRun *run, DifTensor *embeds, DifTensor *latents, guint first);

/**
 * dif_run_decode:
 * @run: a run
 * @latents: `[n_images, h, w, C]` f32, scaled
 *
 * Returns: `[n_images, H, W, 3]` f32, about [-1, 1]
 */
DifTensor *dif_run_decode (DifRun *run, DifTensor *latents);

/**
 * dif_run_guided:
 * @run: a run
 *
 * Returns: whether the U-Net is asked twice (guidance scale above 1)
 */
gboolean dif_run_guided (DifRun *run);

/**
 * DIF_COMMON_PARAMS:
 *
 * Rows that every task has.
 */
#define DIF_COMMON_PARAMS                                                                                            \
  {                                                                                                                  \
    .name = "prompt", .type = DIF_PARAM_STRING, .label = N_ ("_Prompt"),                                             \
    .blurb = N_ ("What should be in the picture"), .text = ""                                                        \
  },                                                                                                                 \
    { .name = "negative-prompt",                                                                                     \
      .type = DIF_PARAM_STRING,                                                                                      \
      .label = N_ ("_Negative prompt"),                                                                              \
      .blurb = N_ ("What should not be in the picture; used when the guidance scale is above 1"),                    \
      .text = "" },                                                                                                  \
    { .name = "model",                                                                                               \
      .type = DIF_PARAM_STRING,                                                                                      \
      .label = N_ ("_Model"),                                                                                        \
      .blurb = N_ ("A diffusers folder, or the name of an installed model; empty for the bundled one"),              \
      .text = "" },                                                                                                  \
    { .name = "steps",                                                                                               \
      .type = DIF_PARAM_INT,                                                                                         \
      .label = N_ ("_Steps"),                                                                                        \
      .blurb = N_ ("How often the picture is refined; more is slower and usually cleaner"),                          \
      .unit = "steps",                                                                                               \
      .min = 1,                                                                                                      \
      .max = 1000,                                                                                                   \
      .fallback = 0,                                                                                                 \
      .auto_default = TRUE },                                                                                        \
    { .name = "guidance-scale",                                                                                      \
      .type = DIF_PARAM_DOUBLE,                                                                                      \
      .label = N_ ("_Guidance scale"),                                                                               \
      .blurb = N_ ("How closely the prompt is followed; 1 or less turns guidance off"),                              \
      .min = 0,                                                                                                      \
      .max = 100,                                                                                                    \
      .fallback = -1,                                                                                                \
      .auto_default = TRUE },                                                                                        \
    { .name = "seed",                                                                                                \
      .type = DIF_PARAM_INT,                                                                                         \
      .label = N_ ("S_eed"),                                                                                         \
      .blurb = N_ ("The same seed and settings draw the same picture; -1 takes a new one"),                          \
      .min = -1,                                                                                                     \
      .max = 4294967295.0,                                                                                           \
      .fallback = -1 },                                                                                              \
    { .name = "num-images",                                                                                          \
      .type = DIF_PARAM_INT,                                                                                         \
      .label = N_ ("Number of _images"),                                                                             \
      .blurb = N_ ("How many pictures to draw at once"),                                                             \
      .unit = "images",                                                                                              \
      .min = 1,                                                                                                      \
      .max = 64,                                                                                                     \
      .fallback = 1 },                                                                                               \
    { .name = "scheduler",                                                                                           \
      .type = DIF_PARAM_STRING,                                                                                      \
      .label = N_ ("S_cheduler"),                                                                                    \
      .blurb = N_ ("How noise is removed, such as euler or DDIMScheduler; empty for the model's own"),               \
      .text = "" },                                                                                                  \
    { .name = "scheduler-set",                                                                                       \
      .type = DIF_PARAM_STRINGS,                                                                                     \
      .label = N_ ("Scheduler se_ttings"),                                                                           \
      .blurb = N_ ("KEY=VALUE: a key of the scheduler's configuration, as diffusers spells it"),                     \
      .advanced = TRUE },                                                                                            \
    { .name = "eta",                                                                                                 \
      .type = DIF_PARAM_DOUBLE,                                                                                      \
      .label = N_ ("E_ta"),                                                                                          \
      .blurb = N_ ("Fresh noise in every step of the DDIM scheduler"),                                               \
      .min = 0,                                                                                                      \
      .max = 1,                                                                                                      \
      .fallback = 0,                                                                                                 \
      .advanced = TRUE },                                                                                            \
    { .name = "clip-skip",                                                                                           \
      .type = DIF_PARAM_INT,                                                                                         \
      .label = N_ ("C_LIP skip"),                                                                                    \
      .blurb = N_ ("Last layers of the text encoder to leave out for the prompt"),                                   \
      .unit = "layers",                                                                                              \
      .min = 0,                                                                                                      \
      .max = 64,                                                                                                     \
      .fallback = 0,                                                                                                 \
      .advanced = TRUE },                                                                                            \
    { .name = "guidance-rescale",                                                                                    \
      .type = DIF_PARAM_DOUBLE,                                                                                      \
      .label = N_ ("Guidance _rescale"),                                                                             \
      .blurb = N_ ("Tames overexposure at high guidance; 0 is off"),                                                 \
      .min = 0,                                                                                                      \
      .max = 1,                                                                                                      \
      .fallback = 0,                                                                                                 \
      .advanced = TRUE },                                                                                            \
    { .name = "device",                                                                                              \
      .type = DIF_PARAM_STRING,                                                                                      \
      .label = N_ ("_Device"),                                                                                       \
      .blurb = N_ ("Where to compute: auto, cpu, cuda, cuda:1 or ref"),                                              \
      .text = "auto",                                                                                                \
      .advanced = TRUE },                                                                                            \
    { .name = "dtype",                                                                                               \
      .type = DIF_PARAM_CHOICE,                                                                                      \
      .label = N_ ("Numb_er format"),                                                                                \
      .blurb = N_ ("What to compute in; auto is the fastest that keeps pictures right"),                             \
      .text = "auto",                                                                                                \
      .choices = dif_dtype_choices,                                                                                  \
      .advanced = TRUE },                                                                                            \
    {                                                                                                                \
      .name = "generator", .type = DIF_PARAM_CHOICE, .label = N_ ("Random num_bers"),                                \
      .blurb = N_ ("Whose random numbers to draw: torch's on the CPU, the same on every device"),                    \
      .text = "torch-cpu", .choices = dif_generator_choices, .advanced = TRUE                                        \
    }

/** dif_dtype_choices: words of the "dtype" parameter. */
extern const char *const dif_dtype_choices[];

/** dif_generator_choices: words of the "generator" parameter. */
extern const char *const dif_generator_choices[];

G_END_DECLS

#endif /* DIF_PIPELINES_TASK_H */
