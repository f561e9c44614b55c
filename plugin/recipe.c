/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipe.c - see recipe.h. */
#include "config.h"

#include <string.h>

#include "plugin/arguments.h"
#include "plugin/recipe.h"
#include "plugin/region.h"
#include "plugin/resources.h"

#include <glib/gi18n-lib.h>

#define GROUP_PARASITE "gimp-diffusion-group"

/* ---- writing ---- */

void
dif_recipe_name_item (DifJson *json, const char *key, GimpDrawable *drawable)
{
  g_autoptr (DifJson) named   = dif_json_new_object (key);
  g_autofree char    *name    = gimp_item_get_name (GIMP_ITEM (drawable));
  gboolean            is_mask = GIMP_IS_LAYER_MASK (drawable);
  GimpItem           *item    = GIMP_ITEM (drawable);
  const char         *kind    = is_mask                    ? "mask-of"
                                : GIMP_IS_LAYER (drawable) ? "layer"
                                                           : "channel";

  if (is_mask)
    item = GIMP_ITEM (gimp_layer_from_mask (GIMP_LAYER_MASK (drawable)));
  dif_json_set_double (named, kind, gimp_item_get_tattoo (item));
  dif_json_set_string (named, "name", name);
  dif_json_set_copy (json, key, named);
}

static void
write_argument (DifJson *json, const DifParam *row, GObject *config)
{
  g_autoptr (GimpDrawable) drawable = NULL;
  g_autofree char         *text     = NULL;
  gboolean                 is_on    = FALSE;

  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      dif_json_set_double (json, row->name, dif_arguments_number (config, row->name));
      break;
    case DIF_PARAM_BOOL:
      g_object_get (config, row->name, &is_on, NULL);
      dif_json_set_bool (json, row->name, is_on);
      break;
    case DIF_PARAM_STRING:
    case DIF_PARAM_CHOICE:
    case DIF_PARAM_STRINGS:
      g_object_get (config, row->name, &text, NULL);
      dif_json_set_string (json, row->name, text != NULL ? text : "");
      break;
    case DIF_PARAM_IMAGE:
      g_object_get (config, row->name, &drawable, NULL);
      if (drawable != NULL)
        dif_recipe_name_item (json, row->name, drawable);
      break;
    }
}

DifJson *
dif_recipe_canvas (GimpImage *image, const char *task, GimpProcedureConfig *config,
                   const char *origin)
{
  DifJson            *canvas = dif_json_new_object ("canvas");
  g_autoptr (DifJson) size   = dif_json_new_object ("image");
  g_autofree char    *fresh  = g_uuid_string_random ();
  guint               n      = 0;
  const DifParam     *rows   = dif_region_params (task, &n);

  dif_json_set_string (canvas, "origin", origin != NULL ? origin : fresh);
  dif_json_set_double (size, "width", gimp_image_get_width (image));
  dif_json_set_double (size, "height", gimp_image_get_height (image));
  dif_json_set_copy (canvas, "image", size);
  for (guint i = 0; i < n; i++)
    write_argument (canvas, &rows[i], G_OBJECT (config));
  rows = dif_task_params (task, &n);
  for (guint i = 0; i < n; i++)
    {
      if (dif_region_is_layer_row (&rows[i]))
        write_argument (canvas, &rows[i], G_OBJECT (config));
    }
  return canvas;
}

/* What libdif does not mention was at its default, which may be another one day. */
static void
fill_in (DifJson *recipe, const char *task)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (task, &n);

  for (guint i = 0; i < n; i++)
    {
      const DifParam *row = &rows[i];

      if (row->type == DIF_PARAM_IMAGE || row->auto_default || dif_region_replaces (row) ||
          ! dif_recipe_follows (row) || dif_json_has (recipe, row->name))
        continue;
      if (row->type == DIF_PARAM_INT || row->type == DIF_PARAM_DOUBLE ||
          row->type == DIF_PARAM_BOOL)
        dif_json_set_double (recipe, row->name, row->fallback);
      else
        dif_json_set_string (recipe, row->name, row->text != NULL ? row->text : "");
    }
}

static void
move (DifJson *from, const char *key, DifJson *to)
{
  if (dif_json_has (from, key))
    dif_json_set_copy (to, key, dif_json_member (from, key));
}

/* What it is, the parameters in their order, and all the rest: the same text for the same
 * recipe, whatever of it was asked for and whatever settled by the model. */
static DifJson *
in_order (DifJson *recipe, const char *task)
{
  static const char *const head[]  = { "format", "program", "version", "task" };
  DifJson                 *ordered = dif_json_new_object ("recipe");
  guint                    n       = 0;
  const DifParam          *rows    = dif_task_params (task, &n);

  for (guint i = 0; i < G_N_ELEMENTS (head); i++)
    move (recipe, head[i], ordered);
  for (guint i = 0; i < n; i++)
    move (recipe, rows[i].name, ordered);
  for (guint i = 0; i < dif_json_length (recipe); i++)
    {
      const char *key = dif_json_key (dif_json_at (recipe, i));

      if (! dif_json_has (ordered, key))
        move (recipe, key, ordered);
    }
  return ordered;
}

/* The text, without the selection's values if it would be too long with them. */
static char *
to_text (DifJson *recipe)
{
  char    *text      = dif_json_to_string (recipe, FALSE);
  DifJson *canvas    = dif_json_member (recipe, "canvas");
  DifJson *selection = dif_json_member (canvas, "selection");

  if (strlen (text) > DIF_RECIPE_MAX_BYTES && selection != NULL)
    {
      dif_json_set_null (selection, "zlib");
      g_free (text);
      text = dif_json_to_string (recipe, FALSE);
    }
  if (strlen (text) > DIF_RECIPE_MAX_BYTES)
    *text = '\0';
  return text;
}

char **
dif_recipe_write (DifResult *result, const char *task, DifJson *canvas, GError **error)
{
  guint          n       = dif_result_n_images (result);
  g_auto (GStrv) recipes = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    {
      const char         *drawn   = dif_result_recipe (result, i);
      g_autoptr (DifJson) recipe  = dif_json_parse (drawn, strlen (drawn), "recipe", error);
      g_autoptr (DifJson) ordered = NULL;

      if (recipe == NULL)
        return NULL;
      dif_json_set_double (recipe, "format", DIF_RECIPE_FORMAT);
      fill_in (recipe, task);
      dif_json_set_copy (recipe, "canvas", canvas);
      ordered    = in_order (recipe, task);
      recipes[i] = to_text (ordered);
    }
  return g_steal_pointer (&recipes);
}

static gboolean
attach (GimpLayer *layer, const char *name, const char *text)
{
  GimpParasite *parasite = gimp_parasite_new (name, GIMP_PARASITE_PERSISTENT,
                                              (guint32) strlen (text) + 1, text);
  gboolean      is_done  = gimp_item_attach_parasite (GIMP_ITEM (layer), parasite);

  gimp_parasite_free (parasite);
  return is_done;
}

void
dif_recipe_attach (GimpLayer *layer, const char *recipe)
{
  if (*recipe != '\0')
    attach (layer, DIF_RECIPE_PARASITE, recipe);
}

gboolean
dif_recipe_mark_group (GimpLayer *group)
{
  return attach (group, GROUP_PARASITE, "pictures");
}

gboolean
dif_recipe_is_group (GimpLayer *layer)
{
  GimpParasite *parasite = gimp_item_get_parasite (GIMP_ITEM (layer), GROUP_PARASITE);
  gboolean      is_group = parasite != NULL;

  g_clear_pointer (&parasite, gimp_parasite_free);
  return is_group;
}

void
dif_recipe_set_rect (DifJson *json, const char *key, const DifRect *rect)
{
  g_autoptr (DifJson) member = dif_json_new_object (key);

  dif_json_set_double (member, "x", rect->x);
  dif_json_set_double (member, "y", rect->y);
  dif_json_set_double (member, "width", rect->width);
  dif_json_set_double (member, "height", rect->height);
  dif_json_set_copy (json, key, member);
}

/* ---- reading ---- */

static DifJson *
parse (GimpLayer *layer, GimpParasite *parasite, GError **error)
{
  g_autofree char *name  = gimp_item_get_name (GIMP_ITEM (layer));
  g_autofree char *shown = dif_recipe_shown (name);
  g_autofree char *text  = g_strdup_printf ("recipe of layer \"%s\"", shown);
  guint32          size  = 0;
  const char      *data  = gimp_parasite_get_data (parasite, &size);

  return dif_recipe_parse (data, size, text, error);
}

DifJson *
dif_recipe_read (GimpLayer *layer, GError **error)
{
  GimpParasite    *parasite = gimp_item_get_parasite (GIMP_ITEM (layer), DIF_RECIPE_PARASITE);
  g_autofree char *name     = gimp_item_get_name (GIMP_ITEM (layer));
  DifJson         *recipe;

  if (parasite == NULL)
    {
      g_set_error (error, GIMP_PLUG_IN_ERROR, 0,
                   _ ("The layer \"%s\" has no recipe. Select a layer that Diffusion drew."),
                   name);
      return NULL;
    }
  recipe = parse (layer, parasite, error);
  gimp_parasite_free (parasite);
  return recipe;
}

char *
dif_recipe_origin (GimpLayer *layer)
{
  g_autoptr (DifJson) recipe = dif_recipe_read (layer, NULL);

  return recipe != NULL
             ? g_strdup (dif_json_string (dif_json_member (recipe, "canvas"), "origin", NULL))
             : NULL;
}

static GimpDrawable *
find_item (DifJson *named, GimpImage *image)
{
  guint      layer   = (guint) dif_json_int (named, "layer", 0, 0, G_MAXUINT32);
  guint      mask_of = (guint) dif_json_int (named, "mask-of", 0, 0, G_MAXUINT32);
  guint      channel = (guint) dif_json_int (named, "channel", 0, 0, G_MAXUINT32);
  GimpLayer *owner;

  if (layer > 0)
    return GIMP_DRAWABLE (gimp_image_get_layer_by_tattoo (image, layer));
  if (channel > 0)
    return GIMP_DRAWABLE (gimp_image_get_channel_by_tattoo (image, channel));
  owner = mask_of > 0 ? gimp_image_get_layer_by_tattoo (image, mask_of) : NULL;
  return owner != NULL ? GIMP_DRAWABLE (gimp_layer_get_mask (owner)) : NULL;
}

GimpDrawable *
dif_recipe_item (DifJson *json, const char *key, GimpImage *image)
{
  DifJson      *named = dif_json_member (json, key);
  GimpDrawable *found = named != NULL ? find_item (named, image) : NULL;

  if (found == NULL)
    dif_json_fail (json, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected the layer \"%s\" in the image, found it gone", key,
                   named != NULL ? dif_json_string (named, "name", "") : "");
  return found;
}

static gboolean
read_flag (DifJson *json, const DifParam *row)
{
  DifJson *member = dif_json_member (json, row->name);

  if (dif_json_type (member) == DIF_JSON_NUMBER)
    return dif_json_value_double (member) != 0.0;
  return dif_json_value_bool (member);
}

/* GObject puts the default in the place of a word that is none, without an error. */
static const char *
read_choice (DifJson *json, const DifParam *row)
{
  const char *word = dif_json_string (json, row->name, row->text);

  if (word != NULL && g_strv_contains (row->choices, word))
    return word;
  dif_json_fail (json, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected a choice of it, found \"%s\"",
                 row->name, word != NULL ? word : "");
  return row->text;
}

static void
read_argument (DifJson *json, const DifParam *row, GimpImage *image, GObject *config)
{
  if (! dif_json_has (json, row->name))
    return;
  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      dif_arguments_set_number (config, row->name,
                                dif_json_double (json, row->name, row->fallback));
      break;
    case DIF_PARAM_BOOL:
      g_object_set (config, row->name, read_flag (json, row), NULL);
      break;
    case DIF_PARAM_CHOICE:
      g_object_set (config, row->name, read_choice (json, row), NULL);
      break;
    case DIF_PARAM_STRING:
    case DIF_PARAM_STRINGS:
      g_object_set (config, row->name, dif_json_string (json, row->name, ""), NULL);
      break;
    case DIF_PARAM_IMAGE:
      g_object_set (config, row->name, dif_recipe_item (json, row->name, image), NULL);
      break;
    }
}

/* Whether the recipe says what the argument is. */
static gboolean
is_of_recipe (const DifParam *row, const char *const *given)
{
  return dif_recipe_follows (row) && ! dif_resource_is_row (row) && ! dif_region_replaces (row) &&
         ! g_strv_contains (given, row->name);
}

gboolean
dif_recipe_to_config (DifJson *recipe, GimpImage *image, const char *task,
                      const char *const *given, GimpProcedureConfig *config, GError **error)
{
  DifJson        *canvas = dif_json_member (recipe, "canvas");
  guint           n      = 0;
  const DifParam *rows   = dif_region_params (task, &n);

  for (guint i = 0; i < n; i++)
    {
      if (is_of_recipe (&rows[i], given))
        read_argument (canvas, &rows[i], image, G_OBJECT (config));
    }
  rows = dif_task_params (task, &n);
  for (guint i = 0; i < n; i++)
    {
      if (dif_region_is_layer_row (&rows[i]) && ! g_strv_contains (given, rows[i].name))
        read_argument (canvas, &rows[i], image, G_OBJECT (config));
      else if (is_of_recipe (&rows[i], given))
        read_argument (recipe, &rows[i], image, G_OBJECT (config));
    }
  return dif_json_finish (recipe, error);
}

char *
dif_recipe_difference (DifJson *recipe, DifResult *result)
{
  const char         *drawn  = dif_result_recipe (result, 0);
  g_autoptr (DifJson) now    = dif_json_parse (drawn, strlen (drawn), "recipe", NULL);
  const char         *before = dif_json_string (recipe, "dtype", "");
  const char         *after  = now != NULL ? dif_json_string (now, "dtype", "") : "";
  g_autofree char    *shown  = dif_recipe_shown (before);

  if (*before == '\0' || *after == '\0' || g_str_equal (before, after))
    return NULL;
  return g_strdup_printf (_ ("The layer was drawn in %s, this picture in %s: they differ a "
                             "little."),
                          shown, after);
}
