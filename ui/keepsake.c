/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keepsake.c - see keepsake.h.
 *
 * An array of pairs: the text of an entry, and its PNG file.  GVariant reads bytes that it
 * does not trust without ever leaving them.
 */
#include "config.h"

#include <string.h>

#include "ui/keepsake.h"

#define TYPE         "a(say)"
#define MAX_PIXELS   (16 * 1024 * 1024)
#define PNG_HEADER   24 /* signature, length and name of IHDR, width, height */
#define WIDTH_OFFSET 16

GBytes *
dif_ui_keepsake_new (DifUiHistory *history, const char *image_key)
{
  GPtrArray           *entries = dif_ui_history_entries (history);
  g_autoptr (GVariant) all     = NULL;
  GVariantBuilder      builder;
  gsize                sum = 0;
  guint                n   = 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE (TYPE));
  for (guint i = 0; i < entries->len && n < DIF_UI_KEEPSAKE_RESULTS; i++)
    {
      DifUiEntry      *entry   = g_ptr_array_index (entries, i);
      g_autofree char *path    = dif_ui_history_path (history, entry->id);
      g_autofree char *text    = NULL;
      g_autofree char *picture = NULL;
      gsize            length  = 0;

      if (strcmp (entry->image_key, image_key) != 0 ||
          ! g_file_get_contents (path, &picture, &length, NULL))
        continue;
      text = dif_ui_entry_to_json (entry);
      sum += length + strlen (text) + 16;
      if (sum > DIF_UI_KEEPSAKE_BYTES)
        break;
      g_variant_builder_add (
          &builder, "(s@ay)", text,
          g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, picture, length, 1));
      n++;
    }
  all = g_variant_ref_sink (g_variant_builder_end (&builder));
  return n > 0 ? g_variant_get_data_as_bytes (all) : NULL;
}

/* A small file may say that it is a huge picture: its header is looked at first. */
static gboolean
is_sane (const guint8 *png, gsize length)
{
  guint32 width, height;

  if (length < PNG_HEADER)
    return FALSE;
  memcpy (&width, png + WIDTH_OFFSET, 4);
  memcpy (&height, png + WIDTH_OFFSET + 4, 4);
  width  = GUINT32_FROM_BE (width);
  height = GUINT32_FROM_BE (height);
  return width > 0 && height > 0 && (guint64) width * height <= MAX_PIXELS;
}

static DifImage *
read_picture (const guint8 *png, gsize length)
{
  g_autoptr (GdkPixbufLoader) loader = gdk_pixbuf_loader_new_with_type ("png", NULL);
  GdkPixbuf                  *pixbuf;
  gboolean                    is_whole;

  if (loader == NULL || ! is_sane (png, length))
    return NULL;
  is_whole = gdk_pixbuf_loader_write (loader, png, length, NULL);
  is_whole = gdk_pixbuf_loader_close (loader, NULL) && is_whole;
  pixbuf   = is_whole ? gdk_pixbuf_loader_get_pixbuf (loader) : NULL;
  return pixbuf != NULL ? dif_ui_picture_from_pixbuf (pixbuf) : NULL;
}

void
dif_ui_keepsake_foreach (GBytes *bytes, const char *image_key, DifUiKeepsakeFunc func,
                         gpointer user_data)
{
  g_autoptr (GVariant) all =
      g_variant_ref_sink (g_variant_new_from_bytes (G_VARIANT_TYPE (TYPE), bytes, FALSE));
  gsize n = MIN (g_variant_n_children (all), DIF_UI_KEEPSAKE_RESULTS);

  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) png     = NULL;
      g_autoptr (DifImage) picture = NULL;
      const char          *text    = NULL;
      gconstpointer        data;
      gsize                length = 0;
      DifUiEntry          *entry;

      g_variant_get_child (all, i, "(&s@ay)", &text, &png);
      data  = g_variant_get_fixed_array (png, &length, 1);
      entry = dif_ui_entry_from_json (text, strlen (text), NULL);
      if (entry != NULL && strcmp (entry->image_key, image_key) == 0)
        picture = read_picture (data, length);
      if (picture != NULL)
        func (entry, picture, user_data);
      else
        dif_ui_entry_free (entry);
    }
}
