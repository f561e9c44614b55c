/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* safety-checker.h - StableDiffusionSafetyChecker: is a picture safe for work?
 *
 * A picture's CLIP embedding is compared with those of concepts.  The model is
 * shipped with Stable Diffusion 1; it errs in both directions.
 */
#ifndef DIF_MODELS_SAFETY_CHECKER_H
#define DIF_MODELS_SAFETY_CHECKER_H

#include "models/clip-vision.h"
#include "models/model.h"

G_BEGIN_DECLS

/** DIF_SAFETY_N_SPECIAL: concepts that make the others count more. */
#define DIF_SAFETY_N_SPECIAL 3

/** DIF_SAFETY_N_CONCEPTS: concepts that make a picture not safe. */
#define DIF_SAFETY_N_CONCEPTS 17

/**
 * DifSafetyVerdict:
 * @special_cosines: cosine of the picture and each special concept
 * @cosines: cosine of the picture and each concept
 * @special_scores: what each special cosine exceeds its threshold by, in
 *   whole thousandths
 * @scores: the same for the concepts; above 0 means found
 * @nsfw: whether any concept was found
 */
typedef struct
{
  float    special_cosines[DIF_SAFETY_N_SPECIAL];
  float    cosines[DIF_SAFETY_N_CONCEPTS];
  float    special_scores[DIF_SAFETY_N_SPECIAL];
  float    scores[DIF_SAFETY_N_CONCEPTS];
  gboolean nsfw;
} DifSafetyVerdict;

/**
 * dif_safety_checker_load:
 * @config: config.json
 * @l: where the weights are taken from
 * @error: return location
 *
 * Source: diffusers StableDiffusionSafetyChecker.
 *
 * Errors: DIF_FORMAT_ERROR; weights' errors stay in the loader.
 *
 * Returns: (transfer full) (nullable): a model whose weights the loader's
 * store owns
 */
DIF_API DifSafetyChecker *dif_safety_checker_load (DifJson *config, DifLoader *l, GError **error);

/**
 * dif_safety_checker_free:
 * @m: (nullable) (transfer full): a model
 */
DIF_API void dif_safety_checker_free (DifSafetyChecker *m);

/**
 * dif_safety_checker_vision:
 * @m: a model
 *
 * Returns: (transfer none): the part that looks
 */
DIF_API DifClipVision *dif_safety_checker_vision (DifSafetyChecker *m);

/**
 * dif_safety_checker_judge:
 * @m: a model
 * @cx: a context
 * @pixels: as dif_clip_vision_embed() takes them
 * @verdict: (out caller-allocates): what was found
 *
 * Returns: FALSE, @verdict untouched, if the context has failed
 */
DIF_API gboolean dif_safety_checker_judge (DifSafetyChecker *m, DifContext *cx, const float *pixels,
                                           DifSafetyVerdict *verdict);

G_END_DECLS

#endif /* DIF_MODELS_SAFETY_CHECKER_H */
