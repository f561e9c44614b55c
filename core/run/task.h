/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* task.h - what a task is, inside pipelines/.
 *
 * A task is a `const DifTaskClass` in one file plus one word in
 * core/tasks/meson.build: its parameters, and what it does before, inside
 * and after the one denoising loop (denoise.c).
 */
#ifndef DIF_RUN_TASK_H
#define DIF_RUN_TASK_H

#include "base/rng.h"
#include "models/clip-text.h"
#include "models/unet.h"
#include "models/unet2d.h"
#include "models/vae.h"
#include "run/param-rows.h"
#include "pipelines/pipeline.h"
#include "text/prompt-weights.h"

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
 * @first_image: the first of them, of the batch's
 * @batch: pictures asked for; those that are not this run's are drawn by other
 *   devices
 * @width: of a picture, in pixels
 * @height: of a picture, in pixels
 * @result_width: of what the task hands back, in pixels; @width unless a task
 *   changes it
 * @result_height: of what the task hands back, in pixels
 * @n_steps: steps asked for
 * @guidance: guidance scale
 * @strength: how much of a picture is drawn anew
 * @pooled: (nullable): `[B, P]`, the whole prompts, beside what
 *   dif_run_encode_prompts() returned; SDXL only
 * @scales_only: pictures become latents without the VAE's statistics, as
 *   diffusers' inpainting has it, although the way back has them
 * @latents: (nullable): `latents`, from a file, to start from instead of "image"
 * @warning: collected for the result
 * @verdicts: (array length=n_images) (nullable): of the safety checker; NULL
 *   until it was asked
 * @depth: (nullable): estimated, for the result: `[height, width]` in [0, 1]
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
  guint           n_images, first_image, batch;
  guint           width, height, result_width, result_height, n_steps;
  double          guidance, strength;
  gboolean        scales_only;
  DifTensor      *pooled;
  DifWeights     *latents;
  GString        *warning;
  DifSafety      *verdicts;
  float          *depth;
  gboolean        is_plan;     /* nothing is computed: memory.c looks what it takes */
  GCancellable   *cancellable; /* may be NULL */
  const char     *safety;      /* settled policy: "off", "warn" or "block" */
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
 * @DIF_UNET_UNCONDITIONAL: sees a picture and no prompt (UNet2DModel)
 *
 * What a U-Net is made for, read off its input channels.
 */
typedef enum
{
  DIF_UNET_PLAIN   = 1 << 0,
  DIF_UNET_INPAINT = 1 << 1,
  DIF_UNET_DEPTH   = 1 << 2,

  DIF_UNET_UNCONDITIONAL = 1 << 3
} DifUnetKind;

/**
 * DifTaskClass:
 * @name: "txt2img"
 * @label: for menus, translatable
 * @blurb: one sentence, translatable
 * @params: (array length=n_params): its parameters
 * @n_params: how many
 * @kinds: the kinds of U-Net it can use
 * @run: draws `[n_images, H, W, 3]` f32, about [-1, 1], of the run's result
 *   size; errors stay in the run's context
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
 * Encodes the prompt and, for a guided run, the negative prompt; with two text
 * encoders, both prompts of each, side by side, and their projections for
 * `pooled`.  Dumps `prompt_embeds` and `negative_prompt_embeds`, and the same
 * of `pooled_`.
 *
 * Returns: `[B, T, D]`: negatives first, each repeated for the run's images
 */
DifTensor *dif_run_encode_prompts (DifRun *run);

/**
 * dif_run_unet_text:
 * @run: a run
 * @embeds: as dif_run_encode_prompts() makes
 *
 * Returns: (transfer full): all that the U-Net is told of the prompt: keys and
 * values, sizes, guidance
 */
DifUnetText *dif_run_unet_text (DifRun *run, DifTensor *embeds);

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
  gpointer data;
} DifHooks;

/**
 * dif_run_denoise:
 * @run: a run whose scheduler has timesteps
 * @embeds: (nullable): as dif_run_encode_prompts() makes; NULL for a model
 *   without prompts
 * @latents: `[n_images, h, w, C]` f32, noised for call @first
 * @first: the first call to make
 * @hooks: (nullable): what the task does inside the loop
 *
 * The one denoising loop.  Dumps `noise_pred.N` and `latents.N`.
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_denoise (DifRun *run, DifTensor *embeds, DifTensor *latents, guint first,
                            const DifHooks *hooks);

/**
 * dif_run_begin_from_image:
 * @run: a run
 *
 * Sets the timesteps and skips the first of them as "strength" or
 * "denoising-start" says (diffusers' get_timesteps).
 *
 * Returns: the first call to make; the context fails if none is left
 */
guint dif_run_begin_from_image (DifRun *run);

/**
 * dif_run_begin_from_noise:
 * @run: a run
 *
 * Sets the timesteps; the context fails if that is not possible.
 */
void dif_run_begin_from_noise (DifRun *run);

/**
 * dif_run_end:
 * @run: a run whose scheduler has timesteps
 * @first: the first call to make
 *
 * Returns: the first call not to make any more, as "denoising-end" says
 */
guint dif_run_end (DifRun *run, guint first);

/**
 * dif_run_starts_noised:
 * @run: a run
 *
 * Returns: whether its picture has noise in it already ("denoising-start")
 */
gboolean dif_run_starts_noised (DifRun *run);

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
 * dif_run_picture_from:
 * @run: a run
 * @image: (nullable): of the run's size; NULL if memory ran out
 *
 * Returns: (transfer full) (nullable): as dif_run_picture()
 */
float *dif_run_picture_from (DifRun *run, DifImage *image);

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
 * dif_run_latents_from_picture:
 * @run: a run
 * @first: (out): the first call to make
 *
 * How a task begins from its "image": sets the timesteps by "strength", encodes
 * the picture and noises it for call @first.  Draws the posterior, then the
 * noise.  Latents that are given take the picture's place, and no posterior is
 * drawn.  Dumps `initial_latents`.
 *
 * Returns: `[n_images, h, w, C]` f32
 */
DifTensor *dif_run_latents_from_picture (DifRun *run, guint *first);

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
 * dif_run_pixels:
 * @run: a run
 * @image: `[n_images, H, W, 3]` f32, about [-1, 1]
 *
 * Downloads pictures; the context fails at a NaN, which no clamp catches and
 * which would be drawn as black.
 *
 * Source: diffusers VaeImageProcessor.postprocess.
 *
 * Returns: (transfer full) (nullable): `[n_images, H, W, 3]` in [0, 1]; NULL
 * after a failure
 */
float *dif_run_pixels (DifRun *run, DifTensor *image);

/**
 * dif_run_judge:
 * @run: a run, not judged yet
 * @pixels: `[n_images, height, width, 3]`, in [0, 1]
 * @width: of a picture, in pixels
 * @height: of a picture, in pixels
 *
 * Has the safety checker look at pictures, if the policy says so, sets the
 * run's verdicts and says in its warning what was found.  For tasks whose
 * result is more than what was drawn; the others' results are judged when they
 * are collected.  Errors stay in the run's context.
 */
void dif_run_judge (DifRun *run, const float *pixels, guint width, guint height);

/**
 * dif_run_guided:
 * @run: a run
 *
 * Returns: whether the U-Net is asked twice: guidance scale above 1, and the
 * U-Net is not told of it
 */
gboolean dif_run_guided (DifRun *run);

G_END_DECLS

#endif /* DIF_RUN_TASK_H */
