/* SPDX-License-Identifier: GPL-3.0-or-later */
/* styles.h - named ways to draw: a prompt's frame and the settings that go with it.
 *
 * Knows neither GTK nor GIMP.  A style is a JSON file in a folder `styles` beside the
 * models', the user's own or one that came with the program:
 *
 *   { "name": "Photograph", "pipelines": ["StableDiffusionPipeline"],
 *     "prompt": "{prompt}, photograph", "negative-prompt": "painting",
 *     "settings": { "steps": 25, "guidance-scale": 7, "scheduler": "dpm++" } }
 *
 * Everything but the name may be left out.  A file can be somebody else's: it says nothing
 * but texts and numbers that settings allow, never where to compute or how careful to be.
 */
#ifndef DIF_UI_STYLES_H
#define DIF_UI_STYLES_H

#include "dif.h"

G_BEGIN_DECLS

/**
 * DifUiStyle:
 * @name: for people; translated if it came with the program
 * @id: of the file, without its ending
 * @path: of the file
 * @is_own: whether it is in the user's folder
 * @pipelines: (nullable) (array zero-terminated=1): class names of the models that it is
 *   for; NULL for all
 * @prompt: (nullable): a frame, in which "{prompt}" stands for what was written
 * @negative: (nullable): goes before what was written there
 * @settings: (nullable): JSON text, as of dif_ui_settings_to_json()
 *
 * A style.
 */
typedef struct
{
  char    *name, *id, *path;
  gboolean is_own;
  char   **pipelines;
  char    *prompt, *negative, *settings;
} DifUiStyle;

/**
 * dif_ui_style_free:
 * @style: (nullable) (transfer full): a style
 */
void dif_ui_style_free (DifUiStyle *style);

/**
 * dif_ui_style_load:
 * @path: a file
 * @error: return location
 *
 * Errors: those of dif_json_load(); DIF_FORMAT_ERROR naming the member.
 *
 * Returns: (transfer full) (nullable): the style
 */
DifUiStyle *dif_ui_style_load (const char *path, GError **error);

/**
 * dif_ui_styles_list:
 *
 * Returns: (transfer full) (element-type DifUiStyle): all that can be read, sorted by name;
 * the user's own take the place of others of the same file name
 */
GPtrArray *dif_ui_styles_list (void);

/**
 * dif_ui_styles_find:
 * @styles: (element-type DifUiStyle): styles
 * @id: of one
 *
 * Returns: (transfer none) (nullable): it
 */
DifUiStyle *dif_ui_styles_find (GPtrArray *styles, const char *id);

/**
 * dif_ui_style_is_for:
 * @style: a style
 * @pipeline: (nullable): a model's class name
 *
 * Returns: whether it suits such a model
 */
gboolean dif_ui_style_is_for (const DifUiStyle *style, const char *pipeline);

/**
 * dif_ui_style_choose:
 * @style: (nullable): a style; NULL for none
 * @settings: (inout): get what it says, but for prompts
 *
 * What it does not say stays as it is.
 */
void dif_ui_style_choose (const DifUiStyle *style, GObject *settings);

/**
 * dif_ui_style_frame:
 * @style: a style
 * @settings: (inout): whose prompts go into its frame
 */
void dif_ui_style_frame (const DifUiStyle *style, GObject *settings);

/**
 * dif_ui_style_save:
 * @name: for people
 * @settings: what it is to say: those that are not as they were at first, but for what
 *   belongs to a picture (prompt, seed, strength, size, number) or a machine
 * @pipeline: (nullable): class name of the model that it is for
 * @frame: (nullable): its prompt's frame
 * @error: return location
 *
 * Writes it into the user's folder.  Errors: G_FILE_ERROR.
 *
 * Returns: (transfer full) (nullable): its path
 */
char *dif_ui_style_save (const char *name, GObject *settings, const char *pipeline,
                         const char *frame, GError **error);

G_END_DECLS

#endif /* DIF_UI_STYLES_H */
