/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canvas.c - see canvas.h. */
#include "config.h"

#include <string.h>

#include "plugin/canvas.h"

#include <glib/gi18n-lib.h>

#define NAME_CHARACTERS 60

gboolean
dif_canvas_check (GimpImage *image, GError **error)
{
  g_autofree char *name = NULL;

  if (! gimp_image_is_valid (image))
    {
      g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0,
                           _ ("The image was closed before the picture was done."));
      return FALSE;
    }
  name = gimp_image_get_name (image);
  if (gimp_image_get_base_type (image) == GIMP_INDEXED)
    {
      g_set_error (error, GIMP_PLUG_IN_ERROR, 0,
                   _ ("%s is an indexed image, whose palette would spoil the picture. "
                      "Convert it first: Image \342\226\270 Mode \342\226\270 RGB."),
                   name);
      return FALSE;
    }
  if (gimp_image_get_floating_sel (image) != NULL)
    {
      g_set_error (error, GIMP_PLUG_IN_ERROR, 0,
                   _ ("%s has a floating selection. Anchor it or make it a layer first."), name);
      return FALSE;
    }
  return TRUE;
}

void
dif_canvas_area (GimpImage *image, GeglRectangle *area)
{
  gboolean is_there = FALSE;
  int      x1, y1, x2, y2;

  gegl_rectangle_set (area, 0, 0, (guint) gimp_image_get_width (image),
                      (guint) gimp_image_get_height (image));
  if (gimp_selection_bounds (image, &is_there, &x1, &y1, &x2, &y2) && is_there)
    gegl_rectangle_set (area, x1, y1, (guint) (x2 - x1), (guint) (y2 - y1));
}

char *
dif_canvas_layer_name (const char *prompt, const char *fallback)
{
  g_auto (GStrv)      words = g_strsplit_set (prompt != NULL ? prompt : "", " \t\r\n", -1);
  g_autoptr (GString) name  = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    {
      if (*words[i] != '\0')
        g_string_append_printf (name, "%s%s", name->len > 0 ? " " : "", words[i]);
    }
  if (name->len == 0)
    return g_strdup (fallback);
  if (g_utf8_strlen (name->str, -1) > NAME_CHARACTERS)
    {
      g_string_truncate (name, (gsize) (g_utf8_offset_to_pointer (name->str, NAME_CHARACTERS - 1) -
                                        name->str));
      g_string_append (name, "\342\200\246");
    }
  return g_string_free (g_steal_pointer (&name), FALSE);
}

static void
attach_recipe (GimpLayer *layer, const char *recipe)
{
  GimpParasite *parasite = gimp_parasite_new (DIF_RECIPE_PARASITE, GIMP_PARASITE_PERSISTENT,
                                              (guint32) strlen (recipe) + 1, recipe);

  gimp_item_attach_parasite (GIMP_ITEM (layer), parasite);
  gimp_parasite_free (parasite);
}

/* The buffer carries the image's profile, so babl converts to it, and to luminance
 * in grey images. */
static gboolean
write_pixels (GimpLayer *layer, const float *pixels, int width, int height)
{
  g_autoptr (GeglBuffer) buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (layer));

  if (buffer == NULL)
    return FALSE;
  gegl_buffer_set (buffer, GEGL_RECTANGLE (0, 0, width, height), 0, babl_format ("R'G'B' float"),
                   pixels, GEGL_AUTO_ROWSTRIDE);
  return TRUE;
}

static GimpLayer *
layer_of_picture (GimpImage *image, DifResult *result, guint i, const GeglRectangle *area,
                  const char *name)
{
  int           width  = (int) dif_result_width (result);
  int           height = (int) dif_result_height (result);
  GimpImageType type   = gimp_image_get_base_type (image) == GIMP_GRAY ? GIMP_GRAYA_IMAGE
                                                                       : GIMP_RGBA_IMAGE;
  GimpLayer    *layer  = gimp_layer_new (image, name, width, height, type, 100.0,
                                         gimp_image_get_default_new_layer_mode (image));

  if (layer == NULL)
    return NULL;
  if (! write_pixels (layer, dif_result_pixels (result, i), width, height))
    {
      gimp_item_delete (GIMP_ITEM (layer));
      return NULL;
    }
  gimp_layer_set_offsets (layer, area->x + (area->width - width) / 2,
                          area->y + (area->height - height) / 2);
  attach_recipe (layer, dif_result_recipe (result, i));
  return layer;
}

static void
delete_layers (GPtrArray *layers)
{
  for (guint i = 0; i < layers->len; i++)
    {
      if (gimp_item_is_valid (g_ptr_array_index (layers, i)))
        gimp_item_delete (g_ptr_array_index (layers, i));
    }
}

/* Where a user looks for it: right above what was selected. */
static gboolean
insert_layers (GimpImage *image, GimpLayer *above, GPtrArray *layers)
{
  GimpItem *parent   = above != NULL ? gimp_item_get_parent (GIMP_ITEM (above)) : NULL;
  int       position = above != NULL ? gimp_image_get_item_position (image, GIMP_ITEM (above)) : 0;

  for (guint i = 0; i < layers->len; i++)
    {
      GimpLayer *layer = g_ptr_array_index (layers, i);

      if (! gimp_image_insert_layer (image, layer, (GimpLayer *) parent,
                                     MAX (position, 0) + (int) i))
        return FALSE;
      gimp_drawable_update (GIMP_DRAWABLE (layer), 0, 0,
                            gimp_drawable_get_width (GIMP_DRAWABLE (layer)),
                            gimp_drawable_get_height (GIMP_DRAWABLE (layer)));
    }
  return TRUE;
}

static gboolean
set_gimp_error (GError **error)
{
  const char *reason = gimp_pdb_get_last_error (gimp_get_pdb ());

  g_set_error (error, GIMP_PLUG_IN_ERROR, 0, _ ("GIMP could not make the layer: %s"),
               reason != NULL ? reason : "");
  return FALSE;
}

GimpLayer **
dif_canvas_add_pictures (GimpImage *image, GimpLayer *above, DifResult *result,
                         const GeglRectangle *area, const char *name, GError **error)
{
  g_autoptr (GPtrArray) layers = g_ptr_array_new ();
  gboolean              is_in;

  for (guint i = 0; i < dif_result_n_images (result); i++)
    {
      GimpLayer *layer = layer_of_picture (image, result, i, area, name);

      if (layer == NULL)
        {
          set_gimp_error (error);
          delete_layers (layers);
          return NULL;
        }
      g_ptr_array_add (layers, layer);
    }
  gimp_image_undo_group_start (image);
  is_in = insert_layers (image, above, layers);
  if (! is_in)
    {
      set_gimp_error (error);
      delete_layers (layers);
    }
  g_ptr_array_add (layers, NULL);
  if (is_in)
    gimp_image_set_selected_layers (image, (const GimpLayer **) layers->pdata);
  gimp_image_undo_group_end (image);
  return is_in ? (GimpLayer **) g_ptr_array_free (g_steal_pointer (&layers), FALSE) : NULL;
}
