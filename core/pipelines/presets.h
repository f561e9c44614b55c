/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* presets.h - what a model says of itself: dif.json, beside its parts.
 *
 * Its own defaults ("steps", "guidance-scale", "strength"), which count where a
 * request says nothing; what it is ("about", one line for people); and all
 * "words" that it was trained with, where they are so few that others are
 * worth a warning; colors of its latents for previews ("latent-rgb": a row of red,
 * green and blue for every channel, and one for what is there without any), where its
 * autoencoder is not its family's.  Of a single file, settings of its parts as well, which
 * formats/ reads.
 */
#ifndef DIF_PIPELINES_PRESETS_H
#define DIF_PIPELINES_PRESETS_H

#include "formats/checkpoint.h"

G_BEGIN_DECLS

/** DIF_PRESETS_MAX_COLORS: rows of "latent-rgb" at most. */
#define DIF_PRESETS_MAX_COLORS 129u

/**
 * dif_presets_load:
 * @c: a checkpoint
 * @presets: (out) (transfer full) (nullable): what it says; NULL for nothing
 * @error: return location
 *
 * Errors: those of dif_json_load(); DIF_FORMAT_ERROR BAD_VALUE naming the key: one that
 * nobody reads, a value of another type, or one that the parameter's row does not
 * allow.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_presets_load (DifCheckpoint *c, DifJson **presets, GError **error);

/**
 * dif_presets_check:
 * @presets: what was read
 * @parts: (array zero-terminated=1): members that may be there besides, objects
 * @error: return location
 *
 * Errors: as dif_presets_load().
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_presets_check (DifJson *presets, const char *const *parts, GError **error);

/**
 * dif_presets_about:
 * @presets: (nullable): as of dif_presets_load()
 *
 * Returns: (transfer none) (nullable): what the model says it is, to be translated
 */
DIF_API const char *dif_presets_about (DifJson *presets);

/**
 * dif_presets_colors:
 * @presets: (nullable): as of dif_presets_load()
 * @rows: (out): filled as far as there are rows
 *
 * Returns: of how many channels of latents it has the colors; 0 if it does not say
 */
DIF_API guint dif_presets_colors (DifJson *presets, float rows[DIF_PRESETS_MAX_COLORS][3]);

/**
 * dif_presets_unknown_words:
 * @presets: (nullable): as of dif_presets_load()
 * @prompt: (nullable): a prompt
 *
 * Returns: (transfer full) (nullable): those of its words that the model was not
 * trained with, each once, with ", " between; NULL for none, or if it does not say
 */
DIF_API char *dif_presets_unknown_words (DifJson *presets, const char *prompt);

/**
 * dif_model_about:
 * @model: (nullable): as of dif_catalog_resolve()
 *
 * Reads the model's own words only.
 *
 * Returns: (transfer full) (nullable): as dif_presets_about(); NULL also for a model
 * that cannot be read
 */
DIF_API char *dif_model_about (const char *model);

G_END_DECLS

#endif /* DIF_PIPELINES_PRESETS_H */
