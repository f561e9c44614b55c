/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canvas.c - see canvas.h. */
#include "config.h"

#include <string.h>

#include "plugin/canvas.h"
#include "plugin/mask.h"
#include "plugin/projection.h"
#include "plugin/recipe.h"

#include <glib/gi18n-lib.h>

#define NAME_CHARACTERS 60
#define LEAST_OPACITY   0.2 /* percent: half of what 8 bits can tell from nothing */
#define LEAST_MASK      (0.5f / 255.0f)

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

gboolean
dif_canvas_check_item (GimpImage *image, GimpItem *item, const char *argument, GError **error)
{
  GimpImage       *other = gimp_item_get_image (item);
  g_autofree char *name = NULL, *here = NULL, *there = NULL;

  if (other == image)
    return TRUE;
  name  = gimp_item_get_name (item);
  here  = gimp_image_get_name (image);
  there = other != NULL ? gimp_image_get_name (other) : g_strdup (_ ("no image"));
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               _ ("%s: expected a layer or channel of %s, found \"%s\" of %s"), argument, here,
               name, there);
  return FALSE;
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

/* The buffer carries the image's profile, so babl converts to it, and to luminance
 * in grey images. */
static gboolean
write_pixels (GimpLayer *layer, DifImage *picture)
{
  GeglRectangle all    = { 0, 0, (int) dif_image_width (picture),
                           (int) dif_image_height (picture) };
  const char   *format = dif_image_channels (picture) == 1 ? "Y' float" : "R'G'B' float";

  g_autoptr (GeglBuffer) buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (layer));

  if (buffer == NULL)
    return FALSE;
  gegl_buffer_set (buffer, &all, 0, babl_format (format), dif_image_pixels (picture),
                   GEGL_AUTO_ROWSTRIDE);
  return TRUE;
}

/* The picture, scaled to where it goes if it is to fill that; NULL stands for no memory. */
static DifImage *
fit_picture (DifImage *picture, const DifInsertion *insertion, GError **error)
{
  guint     width  = picture != NULL ? dif_image_width (picture) : 0;
  guint     height = picture != NULL ? dif_image_height (picture) : 0;
  DifImage *fit    = NULL;

  if (insertion->is_filled)
    {
      width  = (guint) insertion->area.width;
      height = (guint) insertion->area.height;
    }
  if (picture != NULL)
    fit = dif_image_resize (picture, width, height, DIF_FILTER_LANCZOS);
  if (fit == NULL)
    g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                 "out of memory: a layer of %u x %u pixels", width, height);
  return fit;
}

static gboolean
no_memory_for_mask (guint width, guint height, GError **error)
{
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
               "out of memory: a mask of %u x %u pixels", width, height);
  return FALSE;
}

/* Softens the edge of the mask in @buffer, which is a layer mask, where something lies below
 * it: over nothing a soft edge would be a transparent one. */
static gboolean
feather_mask (GeglBuffer *buffer, const DifInsertion *insertion, GError **error)
{
  const GeglRectangle *all   = gegl_buffer_get_extent (buffer);
  guint                width = (guint) all->width, height = (guint) all->height;
  gsize                n      = (gsize) width * height;
  g_autofree float    *values = g_try_new (float, n), *soft = g_try_new (float, n);
  const float         *cover = insertion->cover;

  if (values == NULL || soft == NULL)
    return no_memory_for_mask (width, height, error);
  gegl_buffer_get (buffer, all, 1.0, babl_format ("Y float"), values, GEGL_AUTO_ROWSTRIDE,
                   GEGL_ABYSS_NONE);
  memcpy (soft, values, n * sizeof (float));
  if (! dif_mask_feather (soft, width, height, insertion->feather))
    return no_memory_for_mask (width, height, error);
  for (gsize i = 0; i < n; i++)
    values[i] = soft[i] * cover[i] + values[i] * (1.0f - cover[i]);
  gegl_buffer_set (buffer, all, 0, babl_format ("Y float"), values, GEGL_AUTO_ROWSTRIDE);
  return TRUE;
}

static gboolean
add_mask (GimpLayer *layer, const DifInsertion *insertion, GError **error)
{
  GimpLayerMask         *mask   = gimp_layer_create_mask (layer, GIMP_ADD_MASK_WHITE);
  g_autoptr (GeglBuffer) buffer = NULL;
  GeglRectangle          all    = { 0, 0, insertion->area.width, insertion->area.height };

  if (mask == NULL || ! gimp_layer_add_mask (layer, mask))
    return dif_canvas_set_error (_ ("GIMP could not make the layer mask: %s"), error);
  if (insertion->mask == NULL)
    return TRUE;
  buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (mask));
  if (buffer == NULL)
    return dif_canvas_set_error (_ ("GIMP could not make the layer mask: %s"), error);
  gegl_buffer_copy (insertion->mask, NULL, GEGL_ABYSS_NONE, buffer, &all);
  return insertion->feather == 0 || feather_mask (buffer, insertion, error);
}

static GimpLayer *
layer_of_picture (GimpImage *image, DifImage *picture, const DifInsertion *insertion,
                  const char *name,
                  GError    **error)
{
  int           width  = (int) dif_image_width (picture);
  int           height = (int) dif_image_height (picture);
  GimpImageType type   = gimp_image_get_base_type (image) == GIMP_GRAY ? GIMP_GRAYA_IMAGE
                                                                       : GIMP_RGBA_IMAGE;
  GimpLayer    *layer  = gimp_layer_new (image, name, width, height, type, 100.0,
                                         gimp_image_get_default_new_layer_mode (image));

  if (layer == NULL || ! write_pixels (layer, picture))
    {
      dif_canvas_set_error (_ ("GIMP could not make the layer: %s"), error);
      if (layer != NULL)
        gimp_item_delete (GIMP_ITEM (layer));
      return NULL;
    }
  gimp_layer_set_offsets (layer, insertion->area.x + (insertion->area.width - width) / 2,
                          insertion->area.y + (insertion->area.height - height) / 2);
  if (insertion->has_mask && ! add_mask (layer, insertion, error))
    {
      gimp_item_delete (GIMP_ITEM (layer));
      return NULL;
    }
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

static GimpLayer *
make_layer (GimpImage *image, DifResult *result, guint i, const DifInsertion *insertion,
            const char *name,
            GError    **error)
{
  guint                width = dif_result_width (result), height = dif_result_height (result);
  g_autoptr (DifImage) drawn      = dif_image_new (width, height, 3, dif_result_pixels (result, i));
  g_autoptr (DifImage) picture    = fit_picture (drawn, insertion, error);
  gboolean             is_flagged = dif_result_safety (result, i) == DIF_SAFETY_FLAGGED;
  g_autofree char     *flagged    = NULL;
  GimpLayer           *layer;

  if (is_flagged)
    flagged = g_strdup_printf (_ ("%s (not safe for work)"), name);
  if (picture == NULL)
    return NULL;
  layer = layer_of_picture (image, picture, insertion, is_flagged ? flagged : name, error);
  if (layer != NULL)
    dif_recipe_attach (layer, insertion->recipes[i]);
  return layer;
}

static GimpLayer *
make_depth_layer (GimpImage *image, DifResult *result, const DifInsertion *insertion,
                  GError **error)
{
  DifInsertion         bare    = *insertion;
  g_autoptr (DifImage) picture = fit_picture (dif_result_plane (result, "depth"), insertion, error);
  GimpLayer           *layer   = NULL;

  bare.has_mask = FALSE;
  if (picture != NULL)
    layer = layer_of_picture (image, picture, &bare, _ ("Depth"), error);
  return layer;
}

/* Layers that belong to no stack yet. */
static GPtrArray *
make_layers (GimpImage *image, DifResult *result, const DifInsertion *insertion, const char *name,
             GError **error)
{
  GPtrArray *layers = g_ptr_array_new ();
  guint      n      = dif_result_n_images (result);
  gboolean   more   = insertion->has_depth && dif_result_plane (result, "depth") != NULL;

  for (guint i = 0; i < n + (more ? 1 : 0); i++)
    {
      GimpLayer *layer = i < n ? make_layer (image, result, i, insertion, name, error)
                               : make_depth_layer (image, result, insertion, error);

      if (layer == NULL)
        {
          delete_layers (layers);
          g_ptr_array_unref (layers);
          return NULL;
        }
      g_ptr_array_add (layers, layer);
    }
  return layers;
}

static GimpLayer *
insert_group (GimpImage *image, GimpLayer *parent, int position, const char *name)
{
  GimpLayer *group = GIMP_LAYER (gimp_group_layer_new (image, name));

  if (group == NULL || ! gimp_layer_set_mode (group, GIMP_LAYER_MODE_PASS_THROUGH) ||
      ! dif_recipe_mark_group (group))
    return NULL;
  return gimp_image_insert_layer (image, group, parent, position) ? group : NULL;
}

static gboolean
insert_layer (GimpImage *image, GimpLayer *layer, GimpLayer *parent, int position)
{
  if (! gimp_image_insert_layer (image, layer, parent, position))
    return FALSE;
  gimp_drawable_update (GIMP_DRAWABLE (layer), 0, 0,
                        gimp_drawable_get_width (GIMP_DRAWABLE (layer)),
                        gimp_drawable_get_height (GIMP_DRAWABLE (layer)));
  return TRUE;
}

/* Whether nothing that is in @group can be seen in @area. */
static gboolean
shows_nothing (GimpItem *group, const DifRect *area)
{
  GimpLayer             *layer  = GIMP_LAYER (group);
  GimpLayerMask         *mask   = gimp_layer_get_mask (layer);
  g_autoptr (GeglBuffer) buffer = NULL;
  g_autofree float      *row    = NULL;
  GeglRectangle          part   = { area->x, area->y, area->width, 1 };
  int                    x = 0, y = 0;

  if (! gimp_item_get_visible (group) || gimp_layer_get_opacity (layer) < LEAST_OPACITY)
    return TRUE;
  if (mask == NULL || ! gimp_layer_get_apply_mask (layer))
    return FALSE;
  buffer = gimp_drawable_get_buffer (GIMP_DRAWABLE (mask));
  row    = g_try_new (float, area->width);
  if (buffer == NULL || row == NULL ||
      ! gimp_drawable_get_offsets (GIMP_DRAWABLE (layer), &x, &y))
    return FALSE;
  part.x -= x;
  part.y -= y;
  for (int i = 0; i < area->height; i++, part.y++)
    {
      gegl_buffer_get (buffer, &part, 1.0, babl_format ("Y float"), row, GEGL_AUTO_ROWSTRIDE,
                       GEGL_ABYSS_CLAMP);
      for (int k = 0; k < area->width; k++)
        {
          if (row[k] >= LEAST_MASK)
            return FALSE;
        }
    }
  return TRUE;
}

/* The layer to go above in order to be seen. */
static GimpItem *
above_what_hides (GimpItem *item, const DifRect *area)
{
  GimpItem *above = item;

  while (item != NULL && (item = gimp_item_get_parent (item)) != NULL)
    {
      if (shows_nothing (item, area))
        above = item;
    }
  return above;
}

/* Several pictures get a group, unless they are to join one; the others are hidden so that
 * the image looks as the first alone makes it, soft edges included. */
static gboolean
insert_layers (GimpImage *image, const DifInsertion *insertion, GPtrArray *layers, guint n_pictures,
               const char *name)
{
  GimpItem  *item     = above_what_hides ((GimpItem *) insertion->above, &insertion->area);
  GimpLayer *parent   = item != NULL ? (GimpLayer *) gimp_item_get_parent (item) : NULL;
  int        position = item != NULL ? gimp_image_get_item_position (image, item) : 0;

  position = MAX (position, 0);
  if (n_pictures > 1 && (parent == NULL || ! dif_recipe_is_group (parent)))
    {
      parent   = insert_group (image, parent, position, name);
      position = 0;
      if (parent == NULL)
        return FALSE;
    }
  for (guint i = 0; i < layers->len; i++)
    {
      if (i > 0)
        gimp_item_set_visible (g_ptr_array_index (layers, i), FALSE);
      if (! insert_layer (image, g_ptr_array_index (layers, i), parent, position + (int) i))
        return FALSE;
    }
  return TRUE;
}

/* GIMP selects what is inserted; what the user had selected is selected again. */
static void
select_again (GimpImage *image, GimpLayer **layers, GimpChannel **channels, GPtrArray *new_ones)
{
  if (layers != NULL && layers[0] != NULL)
    gimp_image_set_selected_layers (image, (const GimpLayer **) layers);
  else if (channels != NULL && channels[0] != NULL)
    gimp_image_set_selected_channels (image, (const GimpChannel **) channels);
  else
    gimp_image_set_selected_layers (image, (const GimpLayer **) new_ones->pdata);
}

gboolean
dif_canvas_set_error (const char *format, GError **error)
{
  const char      *reason = gimp_pdb_get_last_error (gimp_get_pdb ());
  g_auto (GStrv)   parts  = g_strsplit (format, "%s", 2);
  g_autofree char *text   = g_strjoinv (reason != NULL ? reason : "", parts);

  g_set_error_literal (error, GIMP_PLUG_IN_ERROR, 0, text);
  return FALSE;
}

static DifRect
area_of (GimpLayer *layer)
{
  DifRect area = { 0, 0, gimp_drawable_get_width (GIMP_DRAWABLE (layer)),
                   gimp_drawable_get_height (GIMP_DRAWABLE (layer)) };

  gimp_drawable_get_offsets (GIMP_DRAWABLE (layer), &area.x, &area.y);
  return area;
}

/* What is seen where a picture goes, if it may be hidden there: on top of all it is not. */
static DifProjection *
look_before (GimpImage *image, const DifRect *area, const DifInsertion *insertion)
{
  GimpItem *item = (GimpItem *) insertion->above;

  if (item == NULL || (gimp_item_get_parent (item) == NULL &&
                       gimp_image_get_item_position (image, item) == 0))
    return NULL;
  return dif_projection_of_image (image, area, NULL);
}

/* Says so if the picture in @layer cannot be seen. */
static void
tell_if_hidden (GimpImage *image, const DifRect *area, GimpLayer *layer,
                const DifProjection *before)
{
  DifRect                   canvas = { 0, 0, gimp_image_get_width (image),
                                       gimp_image_get_height (image) };
  DifRect                   both;
  g_autofree char          *name  = gimp_item_get_name (GIMP_ITEM (layer));
  g_autofree char          *text  = NULL;
  g_autoptr (DifProjection) after = NULL;

  if (! dif_geometry_intersect (area, &canvas, &both))
    text = g_strdup_printf (_ ("The new layer \"%s\" lies beyond the canvas."), name);
  else if (before != NULL && (after = dif_projection_of_image (image, area, NULL)) != NULL &&
           dif_projection_equal (before, after))
    text = g_strdup_printf (_ ("The new layer \"%s\" is hidden by what lies above it."), name);
  if (text != NULL)
    gimp_message (text);
}

GimpLayer **
dif_canvas_add_pictures (GimpImage *image, DifResult *result, const DifInsertion *insertion,
                         const char *name, GError **error)
{
  g_autoptr (GPtrArray)     layers   = make_layers (image, result, insertion, name, error);
  g_autofree GimpLayer    **selected = gimp_image_get_selected_layers (image);
  g_autofree GimpChannel  **channels = gimp_image_get_selected_channels (image);
  g_autoptr (DifProjection) before   = NULL;
  gboolean                  is_in;
  DifRect                   area;

  if (layers == NULL)
    return NULL;
  area   = area_of (g_ptr_array_index (layers, 0));
  before = look_before (image, &area, insertion);
  gimp_image_undo_group_start (image);
  is_in = insert_layers (image, insertion, layers, dif_result_n_images (result), name);
  if (! is_in)
    {
      dif_canvas_set_error (_ ("GIMP could not make the layer: %s"), error);
      delete_layers (layers);
    }
  g_ptr_array_add (layers, NULL);
  if (is_in)
    select_again (image, selected, channels, layers);
  gimp_image_undo_group_end (image);
  if (! is_in)
    return NULL;
  tell_if_hidden (image, &area, g_ptr_array_index (layers, 0), before);
  return (GimpLayer **) g_ptr_array_free (g_steal_pointer (&layers), FALSE);
}

/* GIMP ends a plug-in that writes to such a layer. */
static gboolean
can_be_written (GimpLayer *layer, GError **error)
{
  g_autofree char *name = NULL;

  if (! gimp_item_is_group (GIMP_ITEM (layer)) && ! gimp_item_get_lock_content (GIMP_ITEM (layer)))
    return TRUE;
  name = gimp_item_get_name (GIMP_ITEM (layer));
  g_set_error (error, GIMP_PLUG_IN_ERROR, 0, _ ("The layer \"%s\" is locked."), name);
  return FALSE;
}

gboolean
dif_canvas_write_picture (GimpLayer *layer, DifImage *picture, const char *recipe, GError **error)
{
  GimpImage           *image     = gimp_item_get_image (GIMP_ITEM (layer));
  DifInsertion         insertion = { .area = area_of (layer), .is_filled = TRUE };
  g_autoptr (DifImage) fit       = NULL;

  if (! can_be_written (layer, error) || (fit = fit_picture (picture, &insertion, error)) == NULL)
    return FALSE;
  if (! write_pixels (layer, fit))
    return dif_canvas_set_error (_ ("GIMP could not make the layer: %s"), error);
  gimp_drawable_update (GIMP_DRAWABLE (layer), 0, 0, insertion.area.width, insertion.area.height);
  /* GIMP pushes a step that cannot be undone for a parasite of a layer. */
  gimp_image_undo_freeze (image);
  dif_recipe_attach (layer, recipe);
  gimp_image_undo_thaw (image);
  return TRUE;
}
