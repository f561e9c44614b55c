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
 * DifUnetKind:
 * @DIF_UNET_PLAIN: sees the latents alone
 * @DIF_UNET_INPAINT: sees a mask and a masked picture as well (9 channels)
 * @DIF_UNET_DEPTH: sees depth as well (5 channels)
 *
 * What a U-Net is made for, read off its input channels.
 */
typedef enum
{
  DIF_UNET_PLAIN   = 1 << 0,
  DIF_UNET_INPAINT = 1 << 1,
  DIF_UNET_DEPTH   = 1 << 2
} DifUnetKind;

/**
 * DifTaskClass:
 * @name: "txt2img"
 * @label: for menus, translatable
 * @blurb: one sentence, translatable
 * @params: (array length=n_params): its parameters
 * @n_params: how many
 * @kinds: the kinds of U-Net it can use
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
  DifUnetKind     kinds;
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
 * DifHooks:
 * @extra: (nullable): `[n_images, h, w, E]` f32, channels that the U-Net sees
 *   behind the latents, not scaled: a mask and a masked picture, or depth
 * @after: (nullable): replaces the latents after call @i of the scheduler
 * @data: for @after
 *
 * What a task does inside the loop.
 */
typedef struct
{
  DifTensor *extra;
  DifTensor *(*after) (DifRun *run, guint i, DifTensor *latents, gpointer data);
  gpointer   data;
} DifHooks;

/**
 * dif_run_denoise:
 * @run: a run whose scheduler has timesteps
 * @embeds: as dif_run_encode_prompts() makes
 * @latents: `[n_images, h, w, C]` f32, noised for call @first
 * @first: the first call to make
 * @hooks: (nullable): what the task does inside the loop
 *
 * The one denoising loop.  Dumps `noise_pred.N` and `latents.N`.
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_denoise (DifRun *run, DifTensor *embeds, DifTensor *latents, guint first, const DifHooks *hooks);

/**
 * dif_run_begin_from_image:
 * @run: a run
 *
 * Sets the timesteps and skips the first of them as "strength" says
 * (diffusers' get_timesteps).
 *
 * Returns: the first call to make; the context fails if none is left
 */
guint dif_run_begin_from_image (DifRun *run);

/**
 * dif_run_picture:
 * @run: a run
 * @name: an IMAGE parameter
 *
 * The image as the VAE wants it: RGB, resized (Lanczos) to the run's size.
 *
 * Returns: (transfer full) (nullable): `[H, W, 3]` floats in [-1, 1]; NULL
 * after a failure
 */
float *dif_run_picture (DifRun *run, const char *name);

/**
 * dif_run_encode_picture:
 * @run: a run
 * @picture: `[H, W, 3]` in [-1, 1]
 *
 * A sample of the VAE's posterior, scaled: draws one randn (1, C, h, w).
 *
 * Returns: `[n_images, h, w, C]` f32, the same for all images
 */
DifTensor *dif_run_encode_picture (DifRun *run, const float *picture);

/**
 * dif_run_noise:
 * @run: a run
 *
 * Draws one randn (n_images, C, h, w).
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_noise (DifRun *run);

/**
 * dif_run_repeat:
 * @run: a run
 * @one: `[1, ..]`
 *
 * Returns: `[n_images, ..]`
 */
DifTensor *dif_run_repeat (DifRun *run, DifTensor *one);

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

/**
 * DIF_IMAGE_PARAMS:
 * @default_strength: diffusers' default for the task
 *
 * Rows of every task that starts from a picture.
 */
#define DIF_IMAGE_PARAMS(default_strength)                                                                           \
  {                                                                                                                  \
    .name = "image", .type = DIF_PARAM_IMAGE, .label = N_ ("_Image"), .blurb = N_ ("The picture to start from"),     \
    .required = TRUE                                                                                                 \
  },                                                                                                                 \
    { .name = "strength",                                                                                            \
      .type = DIF_PARAM_DOUBLE,                                                                                      \
      .label = N_ ("S_trength"),                                                                                     \
      .blurb = N_ ("How much is drawn anew: 0 keeps the picture, 1 forgets it"),                                     \
      .min = 0,                                                                                                      \
      .max = 1,                                                                                                      \
      .fallback = (default_strength) },                                                                              \
    { .name = "width",                                                                                               \
      .type = DIF_PARAM_INT,                                                                                         \
      .label = N_ ("_Width"),                                                                                        \
      .blurb = N_ ("Width to work at, a multiple of 8; 0 for the picture's own, rounded down"),                      \
      .unit = "pixels",                                                                                              \
      .min = 8,                                                                                                      \
      .max = 8192,                                                                                                   \
      .fallback = 0,                                                                                                 \
      .auto_default = TRUE },                                                                                        \
    {                                                                                                                \
      .name = "height", .type = DIF_PARAM_INT, .label = N_ ("_Height"),                                              \
      .blurb = N_ ("Height to work at, a multiple of 8; 0 for the picture's own, rounded down"), .unit = "pixels",   \
      .min = 8, .max = 8192, .fallback = 0, .auto_default = TRUE                                                     \
    }

/** dif_dtype_choices: words of the "dtype" parameter. */
extern const char *const dif_dtype_choices[];

/** dif_generator_choices: words of the "generator" parameter. */
extern const char *const dif_generator_choices[];

G_END_DECLS

#endif /* DIF_PIPELINES_TASK_H */
