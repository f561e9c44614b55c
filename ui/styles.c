/* SPDX-License-Identifier: GPL-3.0-or-later */
/* styles.c - see styles.h. */
#include "config.h"

#include <string.h>

#include "ui/settings.h"
#include "ui/styles.h"

#include <glib/gi18n-lib.h>

#define FOLDER      "styles"
#define ENDING      ".json"
#define PLACEHOLDER "{prompt}"
#define MAX_TEXT    (16 * 1024)

/* Names of those that come with the program, so that they are translated. */
G_GNUC_UNUSED static const char *const names[] = {
  N_ ("Photograph"),
  N_ ("Photograph (XL)"),
  N_ ("Painting"),
  N_ ("Painting (XL)"),
  N_ ("Line drawing"),
  N_ ("Few steps (LCM)"),
  N_ ("One step (Turbo)"),
};

/* What belongs to a picture or to a machine, and to no style. */
static const char *const not_of_a_style[] = {
  "prompt", "negative-prompt", "seed", "strength", "width", "height",
  "device", "dtype", "low-memory", "style", "latents", "safety-checker", "num-images",
  "generator", "embedding", "source", "padding", "square", NULL
};

void
dif_ui_style_free (DifUiStyle *style)
{
  if (style == NULL)
    return;
  g_free (style->name);
  g_free (style->id);
  g_free (style->path);
  g_strfreev (style->pipelines);
  g_free (style->prompt);
  g_free (style->negative);
  g_free (style->settings);
  g_free (style);
}

static char **
read_words (DifJson *json, const char *key)
{
  DifJson *list = dif_json_member (json, key);
  char   **words;

  if (list == NULL || dif_json_type (list) != DIF_JSON_ARRAY)
    return NULL;
  words = g_new0 (char *, dif_json_length (list) + 1);
  for (guint i = 0; i < dif_json_length (list); i++)
    words[i] = g_strdup (dif_json_value_string (dif_json_at (list, i)));
  return words;
}

static char *
read_text (DifJson *json, const char *key)
{
  const char *text = dif_json_string (json, key, NULL);

  if (text != NULL && strlen (text) > MAX_TEXT)
    dif_json_fail (json, DIF_FORMAT_ERROR_TOO_LARGE, "%s: expected at most %d bytes, found %zu",
                   key, MAX_TEXT, strlen (text));
  return g_strdup (text);
}

/* The settings that a style may have: others are left out. */
static char *
read_settings (DifJson *json)
{
  DifJson            *from = dif_json_member (json, "settings");
  g_autoptr (DifJson) to   = NULL;

  if (from == NULL || dif_json_type (from) != DIF_JSON_OBJECT)
    return NULL;
  to = dif_json_new_object ("settings");
  for (guint i = 0; i < dif_json_length (from); i++)
    {
      DifJson *member = dif_json_at (from, i);

      if (! g_strv_contains (not_of_a_style, dif_json_key (member)))
        dif_json_set_copy (to, dif_json_key (member), member);
    }
  return dif_json_to_string (to, FALSE);
}

DifUiStyle *
dif_ui_style_load (const char *path, GError **error)
{
  g_autoptr (DifJson) json  = dif_json_load (path, error);
  g_autofree char    *file  = g_path_get_basename (path);
  DifUiStyle         *style = NULL;

  if (json == NULL)
    return NULL;
  style = g_new0 (DifUiStyle, 1);
  if (g_str_has_suffix (file, ENDING))
    file[strlen (file) - strlen (ENDING)] = '\0';
  style->id        = g_strdup (file);
  style->path      = g_strdup (path);
  style->name      = g_strdup (dif_json_string (json, "name", file));
  style->pipelines = read_words (json, "pipelines");
  style->prompt    = read_text (json, "prompt");
  style->negative  = read_text (json, "negative-prompt");
  style->settings  = read_settings (json);
  if (dif_json_finish (json, error))
    return style;
  dif_ui_style_free (style);
  return NULL;
}

static char *
own_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "gimp-diffusion", FOLDER, NULL);
}

static void
read_folder (const char *folder, gboolean is_own, GPtrArray *styles)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char      *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path  = g_build_filename (folder, name, NULL);
      DifUiStyle      *style = NULL;

      if (g_str_has_suffix (name, ENDING) && *name != '.')
        style = dif_ui_style_load (path, NULL);
      if (style == NULL || dif_ui_styles_find (styles, style->id) != NULL)
        {
          dif_ui_style_free (style);
          continue;
        }
      style->is_own = is_own;
      if (! is_own)
        {
          char *translated = g_strdup (g_dgettext (GETTEXT_PACKAGE, style->name));

          g_free (style->name);
          style->name = translated;
        }
      g_ptr_array_add (styles, style);
    }
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return g_utf8_collate ((*(DifUiStyle *const *) a)->name, (*(DifUiStyle *const *) b)->name);
}

GPtrArray *
dif_ui_styles_list (void)
{
  GPtrArray       *styles  = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_ui_style_free);
  g_auto (GStrv)   folders = dif_catalog_folders ();
  g_autofree char *own     = own_folder ();

  read_folder (own, TRUE, styles);
  for (guint i = 0; folders[i] != NULL; i++)
    {
      g_autofree char *above  = g_path_get_dirname (folders[i]);
      g_autofree char *folder = g_build_filename (above, FOLDER, NULL);

      read_folder (folder, FALSE, styles);
    }
  g_ptr_array_sort (styles, by_name);
  return styles;
}

DifUiStyle *
dif_ui_styles_find (GPtrArray *styles, const char *id)
{
  for (guint i = 0; i < styles->len; i++)
    {
      DifUiStyle *style = g_ptr_array_index (styles, i);

      if (g_strcmp0 (style->id, id) == 0)
        return style;
    }
  return NULL;
}

gboolean
dif_ui_style_is_for (const DifUiStyle *style, const char *pipeline)
{
  return style->pipelines == NULL || pipeline == NULL ||
         g_strv_contains ((const char *const *) style->pipelines, pipeline);
}

void
dif_ui_style_choose (const DifUiStyle *style, GObject *settings)
{
  g_autoptr (GObject)     wanted = NULL;
  guint                   n      = 0;
  g_autofree GParamSpec **specs  = NULL;

  if (style == NULL || style->settings == NULL)
    return;
  wanted = g_object_new (G_OBJECT_TYPE (settings), NULL);
  dif_ui_settings_from_json (wanted, style->settings);
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (settings), &n);
  for (guint i = 0; i < n; i++)
    {
      g_auto (GValue) value = G_VALUE_INIT;

      if (dif_ui_settings_is_default (wanted, specs[i]->name))
        continue;
      g_object_get_property (wanted, specs[i]->name, &value);
      g_object_set_property (settings, specs[i]->name, &value);
    }
}

void
dif_ui_style_frame (const DifUiStyle *style, GObject *settings)
{
  g_autofree char *prompt   = dif_ui_settings_text (settings, "prompt");
  g_autofree char *negative = dif_ui_settings_text (settings, "negative-prompt");
  g_autofree char *framed   = NULL;
  g_autofree char *joined   = NULL;

  if (style->prompt != NULL && *prompt != '\0')
    {
      g_auto (GStrv) parts = g_strsplit (style->prompt, PLACEHOLDER, 2);

      framed = parts[0] != NULL && parts[1] != NULL
                   ? g_strconcat (parts[0], prompt, parts[1], NULL)
                   : g_strconcat (prompt, ", ", style->prompt, NULL);
      dif_ui_settings_set_text (settings, "prompt", framed);
    }
  if (style->negative != NULL)
    {
      joined = g_strconcat (style->negative, *negative != '\0' ? ", " : "", negative, NULL);
      dif_ui_settings_set_text (settings, "negative-prompt", joined);
    }
}

/* A file's name that every system takes. */
static char *
file_name (const char *name)
{
  g_autofree char *folded = g_utf8_strdown (name, -1);
  GString         *file   = g_string_new (NULL);

  for (const char *p = folded; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar letter = g_utf8_get_char (p);

      g_string_append_unichar (file, g_unichar_isalnum (letter) ? letter : '-');
    }
  g_string_append (file, ENDING);
  return g_string_free (file, FALSE);
}

/* JSON text as a node; NULL for none. */
static DifJson *
parse (const char *text)
{
  return text != NULL ? dif_json_parse (text, strlen (text), "style", NULL) : NULL;
}

/* Of @settings what a style may have. */
static DifJson *
settings_of_style (GObject *settings)
{
  g_autofree char    *all  = dif_ui_settings_to_json (settings);
  g_autofree char    *kept = NULL;
  g_autoptr (DifJson) from = parse (all);
  g_autoptr (DifJson) json = dif_json_new_object ("style");

  dif_json_set_copy (json, "settings", from);
  kept = read_settings (json);
  return parse (kept);
}

char *
dif_ui_style_save (const char *name, GObject *settings, const char *pipeline, const char *frame,
                   GError **error)
{
  g_autoptr (DifJson) json   = dif_json_new_object ("style");
  g_autoptr (DifJson) kept   = settings_of_style (settings);
  g_autofree char    *folder = own_folder ();
  g_autofree char    *file   = file_name (name);
  g_autofree char    *quoted = pipeline != NULL ? dif_json_quote (pipeline) : NULL;
  g_autofree char    *list   = quoted != NULL ? g_strdup_printf ("[%s]", quoted) : NULL;
  g_autoptr (DifJson) words  = parse (list);
  g_autofree char    *text   = NULL;
  char               *path   = g_build_filename (folder, file, NULL);

  dif_json_set_string (json, "name", name);
  if (words != NULL)
    dif_json_set_copy (json, "pipelines", words);
  if (frame != NULL && *frame != '\0')
    dif_json_set_string (json, "prompt", frame);
  if (kept != NULL)
    dif_json_set_copy (json, "settings", kept);
  text = dif_json_to_string (json, TRUE);
  g_mkdir_with_parents (folder, 0700);
  if (g_file_set_contents (path, text, -1, error))
    return path;
  g_free (path);
  return NULL;
}
