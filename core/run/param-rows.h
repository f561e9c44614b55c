/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* param-rows.h - rows that several tasks share.
 *
 * Macros, because a task's parameters are one constant array.  The includer
 * provides N_().
 */
#ifndef DIF_RUN_PARAM_ROWS_H
#define DIF_RUN_PARAM_ROWS_H

#include "base/params.h"

G_BEGIN_DECLS

/** dif_dtype_choices: words of the "dtype" parameter. */
extern const char *const dif_dtype_choices[];

/** dif_generator_choices: words of the "generator" parameter. */
extern const char *const dif_generator_choices[];

/** dif_syntax_choices: words of the "prompt-syntax" parameter. */
extern const char *const dif_syntax_choices[];

/** dif_safety_choices: words of the "safety-checker" parameter. */
extern const char *const dif_safety_choices[];

/* One backslash behind each line: aligned ones would be wider than the page. */
/* clang-format off */

/** DIF_PROMPT_PARAMS: of tasks that follow a prompt. */
#define DIF_PROMPT_PARAMS \
  { .name = "prompt", \
    .type = DIF_PARAM_STRING, \
    .label = N_ ("_Prompt"), \
    .blurb = N_ ("What should be in the picture"), \
    .text = "" }, \
      { .name = "negative-prompt", \
        .type = DIF_PARAM_STRING, \
        .label = N_ ("_Negative prompt"), \
        .blurb = \
            N_ ("What should not be in the picture; used when the guidance scale is above 1"), \
        .text = "" }, \
      { .name = "guidance-scale", \
        .type = DIF_PARAM_DOUBLE, \
        .label = N_ ("_Guidance scale"), \
        .blurb = N_ ("How closely the prompt is followed; 1 or less turns guidance off"), \
        .min = 0, \
        .max = 100, \
        .fallback = -1, \
        .auto_default = TRUE }, \
      { .name = "clip-skip", \
        .type = DIF_PARAM_INT, \
        .label = N_ ("C_LIP skip"), \
        .blurb = N_ ("Last layers of the text encoder to leave out for the prompt"), \
        .unit = "layers", \
        .min = 0, \
        .max = 64, \
        .fallback = 0, \
        .advanced = TRUE }, \
      { .name = "lora", \
        .type = DIF_PARAM_STRINGS, \
        .label = N_ ("_LoRA"), \
        .blurb = N_ ( \
            "FILE[:WEIGHT]: a LoRA, by its file or its name in the folder loras, merged into the " \
            "model"), \
        .advanced = TRUE }, \
      { .name = "embedding", \
        .type = DIF_PARAM_STRINGS, \
        .label = N_ ("Em_bedding"), \
        .blurb = N_ ( \
            "FILE[:WORD]: a textual-inversion word for the prompt, by its file or its name " \
            "in the folder embeddings"), \
        .advanced = TRUE }, \
      { .name = "prompt-syntax", \
        .type = DIF_PARAM_CHOICE, \
        .label = N_ ("Prompt synta_x"), \
        .blurb = \
            N_ ("How prompts are read: plain as diffusers does, long without a limit, weighted " \
                "without a limit and with (emphasis:1.3) and [less]"), \
        .text = "plain", \
        .choices = dif_syntax_choices, \
        .advanced = TRUE }, \
      { .name = "safety-checker", \
        .type = DIF_PARAM_CHOICE, \
        .label = N_ ("Sa_fety checker"), \
        .blurb = \
            N_ ("Of pictures not safe for work: warn (or on) marks them, block withholds them, " \
                "off does not look; auto warns if the model ships a checker"), \
        .text = "auto", \
        .choices = dif_safety_choices, \
        .advanced = TRUE }, \
  { \
    .name = "guidance-rescale", .type = DIF_PARAM_DOUBLE, .label = N_ ("Guidance _rescale"), \
    .blurb = N_ ("Tames overexposure at high guidance; 0 is off"), .min = 0, .max = 1, \
    .fallback = 0, .advanced = TRUE \
  }

/** DIF_COMMON_PARAMS: of every task. */
#define DIF_COMMON_PARAMS \
  { .name = "model", \
    .type = DIF_PARAM_STRING, \
    .label = N_ ("_Model"), \
    .blurb = \
        N_ ("A diffusers folder, a .safetensors file, or the name of an installed model; empty " \
            "for the bundled one"), \
    .text = "" }, \
      { .name = "steps", \
        .type = DIF_PARAM_INT, \
        .label = N_ ("_Steps"), \
        .blurb = N_ ("Number of denoising steps; more are slower and usually cleaner"), \
        .unit = "steps", \
        .min = 1, \
        .max = 1000, \
        .fallback = 0, \
        .auto_default = TRUE }, \
      { .name = "seed", \
        .type = DIF_PARAM_INT, \
        .label = N_ ("S_eed"), \
        .blurb = N_ ("The same seed and settings draw the same picture; -1 takes a new one"), \
        .min = -1, \
        .max = 4294967295.0, \
        .fallback = -1 }, \
      { .name = "num-images", \
        .type = DIF_PARAM_INT, \
        .label = N_ ("Number of _images"), \
        .blurb = N_ ("How many pictures to draw at once"), \
        .unit = "images", \
        .min = 1, \
        .max = 64, \
        .fallback = 1 }, \
      { .name = "scheduler", \
        .type = DIF_PARAM_STRING, \
        .label = N_ ("S_cheduler"), \
        .blurb = N_ ( \
            "How noise is removed, such as euler or DDIMScheduler; empty for the model's own"), \
        .text = "" }, \
      { .name = "scheduler-set", \
        .type = DIF_PARAM_STRINGS, \
        .label = N_ ("Scheduler se_ttings"), \
        .blurb = N_ ("KEY=VALUE: a key of the scheduler's configuration, as diffusers spells it"), \
        .advanced = TRUE }, \
      { .name = "eta", \
        .type = DIF_PARAM_DOUBLE, \
        .label = N_ ("E_ta"), \
        .blurb = N_ ("Fresh noise in every step of the DDIM scheduler"), \
        .min = 0, \
        .max = 1, \
        .fallback = 0, \
        .advanced = TRUE }, \
      { .name = "device", \
        .type = DIF_PARAM_STRING, \
        .label = N_ ("_Device"), \
        .blurb = N_ ("Where to compute: auto, cpu, cuda, cuda:1, cuda:all (shares the pictures) " \
                     "or ref"), \
        .text = "auto", \
        .advanced = TRUE }, \
      { .name = "dtype", \
        .type = DIF_PARAM_CHOICE, \
        .label = N_ ("_Precision"), \
        .blurb = N_ ("What to compute in; auto is the fastest that keeps pictures right"), \
        .text = "auto", \
        .choices = dif_dtype_choices, \
        .advanced = TRUE }, \
      { .name = "low-memory", \
        .type = DIF_PARAM_BOOL, \
        .label = N_ ("Low memor_y"), \
        .blurb = N_ ("Load each part of the model when it is needed and let it go afterwards; " \
                     "slower, the picture is the same"), \
        .advanced = TRUE }, \
  { \
    .name = "generator", .type = DIF_PARAM_CHOICE, .label = N_ ("Random num_ber generator"), \
    .blurb = N_ ("Whose random numbers to draw: torch's on the CPU, the same on every device"), \
    .text = "torch-cpu", .choices = dif_generator_choices, .advanced = TRUE \
  }

/** DIF_SIZE_PARAMS: of tasks that start from nothing. */
#define DIF_SIZE_PARAMS \
  { .name = "width", \
    .type = DIF_PARAM_INT, \
    .label = N_ ("_Width"), \
    .blurb = N_ ("Width of the picture, a multiple of 8; 0 for what the model was trained for"), \
    .unit = "pixels", \
    .min = 8, \
    .max = 8192, \
    .fallback = 0, \
    .auto_default = TRUE }, \
  { \
    .name = "height", .type = DIF_PARAM_INT, .label = N_ ("_Height"), \
    .blurb = N_ ("Height of the picture, a multiple of 8; 0 for what the model was trained for"), \
    .unit = "pixels", .min = 8, .max = 8192, .fallback = 0, .auto_default = TRUE \
  }

/** DIF_IMAGE_PARAMS: of tasks that start from a picture. */
#define DIF_IMAGE_PARAMS \
  { .name = "image", \
    .type = DIF_PARAM_IMAGE, \
    .label = N_ ("_Image"), \
    .blurb = N_ ("The picture to start from"), \
    .required = TRUE, \
    .instead = "latents" }, \
      { .name = "strength", \
        .type = DIF_PARAM_DOUBLE, \
        .label = N_ ("S_trength"), \
        .blurb = N_ ("How much of the image is replaced: 0 keeps it, 1 ignores it"), \
        .min = 0, \
        .max = 1, \
        .fallback = -1, \
        .auto_default = TRUE }, \
      { .name = "width", \
        .type = DIF_PARAM_INT, \
        .label = N_ ("_Width"), \
        .blurb = \
            N_ ("Width of the picture, a multiple of 8; 0 for the input's own, rounded down"), \
        .unit = "pixels", \
        .min = 8, \
        .max = 8192, \
        .fallback = 0, \
        .auto_default = TRUE, \
        .advanced = TRUE }, \
  { \
    .name = "height", .type = DIF_PARAM_INT, .label = N_ ("_Height"), \
    .blurb = N_ ("Height of the picture, a multiple of 8; 0 for the input's own, rounded down"), \
    .unit = "pixels", .min = 8, .max = 8192, .fallback = 0, .auto_default = TRUE, \
    .advanced = TRUE \
  }

/* clang-format on */

G_END_DECLS

#endif /* DIF_RUN_PARAM_ROWS_H */
