/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scheduler.h - how noise leaves the picture, step by step.
 *
 * A scheduler is a vtable in one file of this folder; the registry is
 * generated from the list in core/schedulers/meson.build.  Schedulers know no model:
 * they see f32 tensors [N, h, w, C] and scalars.  Names, keys, defaults and
 * arithmetic are those of diffusers' class of the same name.
 */
#ifndef DIF_SCHEDULERS_SCHEDULER_H
#define DIF_SCHEDULERS_SCHEDULER_H

#include "base/json.h"
#include "base/rng.h"
#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * dif_scheduler_class_names:
 *
 * Returns: (transfer none) (array zero-terminated=1): diffusers' class names,
 * sorted
 */
DIF_API const char *const *dif_scheduler_class_names (void);

/**
 * dif_scheduler_short_name:
 * @class_name: such as "EulerDiscreteScheduler"
 *
 * Returns: (transfer none) (nullable): such as "euler"
 */
DIF_API const char *dif_scheduler_short_name (const char *class_name);

/**
 * dif_scheduler_resolve_name:
 * @name: a class name, with or without "Scheduler", or a short name; case and
 *   dashes do not matter
 * @error: return location
 *
 * Errors: DIF_MODEL_ERROR UNKNOWN_CLASS; the message lists the short names.
 *
 * Returns: (transfer none) (nullable): the class name
 */
DIF_API const char *dif_scheduler_resolve_name (const char *name, GError **error);

/**
 * dif_scheduler_new:
 * @class_name: as dif_scheduler_resolve_name() takes
 * @config: (nullable): scheduler_config.json, or another scheduler's config;
 *   NULL for all defaults
 * @error: return location
 *
 * Transfers exactly the keys that diffusers' `from_config` would: those
 * literally in @config that this class knows; all others take this class's
 * defaults.
 *
 * Errors: DIF_MODEL_ERROR UNKNOWN_CLASS; DIF_FORMAT_ERROR BAD_VALUE,
 * UNSUPPORTED (a value diffusers refuses or we do not do).
 *
 * Returns: (transfer full) (nullable): a scheduler without timesteps
 */
DIF_API DifScheduler *dif_scheduler_new (const char *class_name, DifJson *config, GError **error);

/**
 * dif_scheduler_free:
 * @s: (nullable) (transfer full): a scheduler
 */
DIF_API void dif_scheduler_free (DifScheduler *s);

/**
 * dif_scheduler_class_name:
 * @s: a scheduler
 *
 * Returns: (transfer none): diffusers' class name
 */
DIF_API const char *dif_scheduler_class_name (DifScheduler *s);

/**
 * dif_scheduler_config:
 * @s: a scheduler
 *
 * The full config: every key of the class (given or default) and "_class_name";
 * explicitly given ones are those that pass on to another class.
 *
 * Returns: (transfer full): a JSON object
 */
DIF_API DifJson *dif_scheduler_config (DifScheduler *s);

/**
 * dif_scheduler_set_key:
 * @s: a scheduler without timesteps
 * @key: a config key of its class
 * @value: JSON text, or a bare word taken for a string
 * @error: return location
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM: unknown key (known ones are listed) or
 * a value of the wrong type.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_scheduler_set_key (DifScheduler *s, const char *key, const char *value,
                                        GError **error);

/**
 * dif_scheduler_patch_for_pipeline:
 * @s: a scheduler without timesteps
 *
 * What diffusers' Stable Diffusion pipelines do to the config of the scheduler
 * they are built with: `steps_offset` 1, `clip_sample` false, where the keys
 * exist; effective only for what set_timesteps and step read from the config.
 */
DIF_API void dif_scheduler_patch_for_pipeline (DifScheduler *s);

/**
 * dif_scheduler_set_strength:
 * @s: a scheduler
 * @strength: part of the way to go, above 0, at most 1
 * @error: return location
 *
 * For consistency models: later dif_scheduler_set_timesteps() spread all steps
 * over the last @strength of the way.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM: @strength out of range, or a class whose
 * set_timesteps has no strength.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_scheduler_set_strength (DifScheduler *s, double strength, GError **error);

/**
 * dif_scheduler_is_flow:
 * @s: a scheduler
 *
 * Returns: whether it is for models that predict a flow: sample is (1 - sigma)
 * picture + sigma noise
 */
DIF_API gboolean dif_scheduler_is_flow (DifScheduler *s);

/**
 * dif_scheduler_linear_mu:
 * @s: a scheduler
 * @n_tokens: of the picture
 *
 * The straight line through (base_image_seq_len, base_shift) and
 * (max_image_seq_len, max_shift).
 *
 * Source: diffusers calculate_shift.
 *
 * Returns: a shift for dif_scheduler_set_flow(); NaN for a class without these keys
 */
DIF_API double dif_scheduler_linear_mu (DifScheduler *s, guint n_tokens);

/**
 * dif_scheduler_set_flow:
 * @s: a scheduler; one that is not for flows does not heed it
 * @from_one: whether later dif_scheduler_set_timesteps() begin with sigmas from 1
 *   to 1 / n_steps, as most pipelines hand them over; else with the training's
 *   own ends (Stable Diffusion 3)
 * @mu: shift for use_dynamic_shifting, which fails without; NaN for none
 */
DIF_API void dif_scheduler_set_flow (DifScheduler *s, gboolean from_one, double mu);

/**
 * dif_scheduler_set_timesteps:
 * @s: a scheduler
 * @n_steps: 1 to num_train_timesteps
 * @error: return location
 *
 * Also forgets the history of earlier steps.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM: @n_steps out of range (PNDM without
 * skip_prk_steps wants 4, consistency models at most original_inference_steps),
 * or keys set one by one that do not go together.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_scheduler_set_timesteps (DifScheduler *s, guint n_steps, GError **error);

/**
 * dif_scheduler_n_calls:
 * @s: a scheduler with timesteps
 *
 * Returns: how often the model is called; may differ from the number of steps
 * (PNDM: n + 1, Heun: 2n - 1)
 */
DIF_API guint dif_scheduler_n_calls (DifScheduler *s);

/**
 * dif_scheduler_timestep:
 * @s: a scheduler with timesteps
 * @i: below dif_scheduler_n_calls()
 *
 * Returns: the timestep to give the model, may be fractional
 */
DIF_API double dif_scheduler_timestep (DifScheduler *s, guint i);

/**
 * dif_scheduler_sigmas:
 * @s: a scheduler with timesteps
 * @n: (out): count
 *
 * Returns: (transfer none) (nullable): the sigma table as the class keeps it,
 * or NULL if it has none
 */
DIF_API const float *dif_scheduler_sigmas (DifScheduler *s, guint *n);

/**
 * dif_scheduler_order:
 * @s: a scheduler
 *
 * Returns: model calls per step, 1 or 2; img2img skips order * steps calls
 */
DIF_API guint dif_scheduler_order (DifScheduler *s);

/**
 * dif_scheduler_init_noise_sigma:
 * @s: a scheduler with timesteps
 *
 * Returns: factor of the initial noise
 */
DIF_API double dif_scheduler_init_noise_sigma (DifScheduler *s);

/**
 * dif_scheduler_set_begin:
 * @s: a scheduler with timesteps
 * @i: the call img2img begins with
 */
DIF_API void dif_scheduler_set_begin (DifScheduler *s, guint i);

/**
 * dif_scheduler_scale_model_input:
 * @s: a scheduler with timesteps
 * @cx: a context
 * @sample: f32 `[N, h, w, C]`
 * @i: which call
 *
 * Returns: what the model is to see, f32, as @sample; may be @sample itself
 */
DIF_API DifTensor *dif_scheduler_scale_model_input (DifScheduler *s, DifContext *cx,
                                                    DifTensor *sample,
                                                    guint      i);

/**
 * dif_scheduler_step:
 * @s: a scheduler with timesteps
 * @cx: a context
 * @model_output: f32, what the model answered for call @i, after guidance
 * @i: which call; calls come in order from dif_scheduler_set_begin()'s
 * @sample: f32, before the step
 * @eta: noise of DDIM (and TCD), 0 to 1; ignored by others
 * @rng: for stochastic schedulers; drawn from as diffusers does, even where
 *   the factor of the noise is zero
 *
 * A step that fails drops the history: memory is back where it was.
 *
 * Errors (of the context): DIF_REQUEST_ERROR BAD_PARAM (more calls than there
 * are, keys that give a step of infinite size), MISSING_INPUT (no @rng where
 * one is needed); those of the ops.
 *
 * Returns: the sample after the step, f32
 */
DIF_API DifTensor *dif_scheduler_step (DifScheduler *s, DifContext *cx, DifTensor *model_output,
                                       guint      i,
                                       DifTensor *sample, double eta, DifRng *rng);

/**
 * dif_scheduler_clean_factors:
 * @s: a scheduler with timesteps
 * @i: which call, before its dif_scheduler_step()
 * @factors: (out): of the sample before the step and of the model's answer
 *
 * The picture without noise that the answer predicts, without the bounds that a config
 * may set it, is their sum.
 *
 * Returns: FALSE if nothing finite is predicted
 */
DIF_API gboolean dif_scheduler_clean_factors (DifScheduler *s, guint i, double factors[2]);

/**
 * dif_scheduler_add_noise:
 * @s: a scheduler with timesteps
 * @cx: a context
 * @sample: f32, clean
 * @noise: f32, standard normal, same shape
 * @i: the call whose noise level is wanted (diffusers' index rules for
 *   begin and step index included)
 *
 * Returns: the noised sample, f32
 */
DIF_API DifTensor *dif_scheduler_add_noise (DifScheduler *s, DifContext *cx, DifTensor *sample,
                                            DifTensor *noise, guint i);

/**
 * dif_scheduler_reset:
 * @s: a scheduler
 *
 * Drops the tensors it holds from earlier steps; set_timesteps does so too.
 */
DIF_API void dif_scheduler_reset (DifScheduler *s);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifScheduler, dif_scheduler_free)

G_END_DECLS

#endif /* DIF_SCHEDULERS_SCHEDULER_H */
