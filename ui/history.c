/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history.c - see history.h. */
#include "config.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "ui/history.h"

#define FORMAT      1
#define MAX_SIDE    32768
#define MAX_TEXT    (4 * 1024 * 1024)
#define ID_LENGTH   25 /* 16 digits of time, a dash, 8 of chance */
#define COMPRESSION "2"

struct _DifUiHistory
{
  char      *folder;
  guint64    max_bytes;
  GPtrArray *entries; /* newest first */
};

void
dif_ui_entry_free (DifUiEntry *entry)
{
  if (entry == NULL)
    return;
  g_free (entry->id);
  g_free (entry->image_key);
  g_free (entry->job);
  g_free (entry->verb);
  g_free (entry->prompt);
  g_free (entry->recipe);
  g_free (entry->settings);
  g_free (entry);
}

DifUiEntry *
dif_ui_entry_copy (const DifUiEntry *entry)
{
  DifUiEntry *copy = g_memdup2 (entry, sizeof *entry);

  copy->id        = g_strdup (entry->id);
  copy->image_key = g_strdup (entry->image_key);
  copy->job       = g_strdup (entry->job);
  copy->verb      = g_strdup (entry->verb);
  copy->prompt    = g_strdup (entry->prompt);
  copy->recipe    = g_strdup (entry->recipe);
  copy->settings  = g_strdup (entry->settings);
  return copy;
}

static void
set_text (DifJson *json, const char *key, const char *text)
{
  dif_json_set_string (json, key, text != NULL ? text : "");
}

char *
dif_ui_entry_to_json (const DifUiEntry *entry)
{
  g_autoptr (DifJson) json = dif_json_new_object ("history");

  dif_json_set_double (json, "format", FORMAT);
  set_text (json, "id", entry->id);
  set_text (json, "image", entry->image_key);
  set_text (json, "job", entry->job);
  dif_json_set_double (json, "index", entry->index);
  dif_json_set_double (json, "time", (double) entry->time);
  set_text (json, "verb", entry->verb);
  set_text (json, "prompt", entry->prompt);
  dif_json_set_double (json, "seed", (double) entry->seed);
  dif_json_set_double (json, "width", entry->width);
  dif_json_set_double (json, "height", entry->height);
  dif_json_set_double (json, "x", entry->x);
  dif_json_set_double (json, "y", entry->y);
  dif_json_set_double (json, "area-width", entry->area_width);
  dif_json_set_double (json, "area-height", entry->area_height);
  dif_json_set_double (json, "safety", entry->safety);
  set_text (json, "recipe", entry->recipe);
  set_text (json, "settings", entry->settings);
  return dif_json_to_string (json, FALSE);
}

/* Names of files come from our own folder, but also out of images. */
static gboolean
is_id (const char *id)
{
  if (strlen (id) != ID_LENGTH || id[16] != '-')
    return FALSE;
  for (guint i = 0; i < ID_LENGTH; i++)
    {
      if (i != 16 && ! g_ascii_isxdigit (id[i]))
        return FALSE;
    }
  return TRUE;
}

DifUiEntry *
dif_ui_entry_from_json (const char *text, gsize length, GError **error)
{
  g_autoptr (DifJson) json = dif_json_parse (text, length, "history", error);
  DifUiEntry         *entry;

  if (json == NULL)
    return NULL;
  entry              = g_new0 (DifUiEntry, 1);
  entry->id          = g_strdup (dif_json_string (json, "id", ""));
  entry->image_key   = g_strdup (dif_json_string (json, "image", ""));
  entry->job         = g_strdup (dif_json_string (json, "job", ""));
  entry->index       = (guint) dif_json_int (json, "index", 0, 0, 65535);
  entry->time        = dif_json_require_int (json, "time", 0, G_MAXINT64 / 2);
  entry->verb        = g_strdup (dif_json_string (json, "verb", ""));
  entry->prompt      = g_strdup (dif_json_string (json, "prompt", ""));
  entry->seed        = (guint64) dif_json_int (json, "seed", 0, 0, G_MAXUINT32);
  entry->width       = (guint) dif_json_require_int (json, "width", 1, MAX_SIDE);
  entry->height      = (guint) dif_json_require_int (json, "height", 1, MAX_SIDE);
  entry->x           = (int) dif_json_int (json, "x", 0, -524288, 524288);
  entry->y           = (int) dif_json_int (json, "y", 0, -524288, 524288);
  entry->area_width  = (int) dif_json_int (json, "area-width", entry->width, 1, 524288);
  entry->area_height = (int) dif_json_int (json, "area-height", entry->height, 1, 524288);
  entry->safety      = (DifSafety) dif_json_int (json, "safety", DIF_SAFETY_UNCHECKED,
                                                 DIF_SAFETY_UNCHECKED, DIF_SAFETY_FLAGGED);
  entry->recipe      = g_strdup (dif_json_string (json, "recipe", ""));
  entry->settings    = g_strdup (dif_json_string (json, "settings", ""));
  if (dif_json_int (json, "format", 0, 0, G_MAXINT) != FORMAT || ! is_id (entry->id))
    dif_json_fail (json, DIF_FORMAT_ERROR_UNSUPPORTED, "expected a result, found something else");
  if (dif_json_finish (json, error))
    return entry;
  dif_ui_entry_free (entry);
  return NULL;
}

/* ---- pictures ---- */

GdkPixbuf *
dif_ui_picture_to_pixbuf (DifImage *picture)
{
  int          width = (int) dif_image_width (picture), height = (int) dif_image_height (picture);
  guint        n      = dif_image_channels (picture);
  const float *from   = dif_image_pixels (picture);
  GdkPixbuf   *pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, width, height);

  for (int y = 0; pixbuf != NULL && y < height; y++)
    {
      guchar *row = gdk_pixbuf_get_pixels (pixbuf) + (gsize) y * gdk_pixbuf_get_rowstride (pixbuf);

      for (int x = 0; x < width; x++, from += n)
        {
          for (guint c = 0; c < 3; c++)
            row[3 * x + (int) c] = (guchar) lrintf (from[n == 3 ? c : 0] * 255.0f);
        }
    }
  return pixbuf;
}

DifImage *
dif_ui_picture_from_pixbuf (GdkPixbuf *pixbuf)
{
  return dif_image_new_8bit ((guint) gdk_pixbuf_get_width (pixbuf),
                             (guint) gdk_pixbuf_get_height (pixbuf), 3,
                             gdk_pixbuf_read_pixels (pixbuf),
                             (gsize) gdk_pixbuf_get_rowstride (pixbuf),
                             (guint) gdk_pixbuf_get_n_channels (pixbuf));
}

/* ---- files ---- */

static char *
file_of (DifUiHistory *history, const char *id, const char *ending)
{
  g_autofree char *name = g_strconcat (id, ending, NULL);

  return g_build_filename (history->folder, name, NULL);
}

char *
dif_ui_history_path (DifUiHistory *history, const char *id)
{
  return file_of (history, id, ".png");
}

static guint64
size_of (const char *path)
{
  GStatBuf st;

  return g_stat (path, &st) == 0 ? (guint64) st.st_size : 0;
}

static guint64
size_of_entry (DifUiHistory *history, const DifUiEntry *entry)
{
  g_autofree char *picture = file_of (history, entry->id, ".png");
  g_autofree char *text    = file_of (history, entry->id, ".json");

  return size_of (picture) + size_of (text);
}

guint64
dif_ui_history_bytes (DifUiHistory *history)
{
  guint64 sum = 0;

  for (guint i = 0; i < history->entries->len; i++)
    sum += size_of_entry (history, g_ptr_array_index (history->entries, i));
  return sum;
}

/* The text first: then the result is gone, whatever happens next. */
static void
unlink_entry (DifUiHistory *history, const char *id)
{
  static const char *const endings[] = { ".json", ".png" };

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *path = file_of (history, id, endings[i]);

      g_unlink (path);
    }
}

static void
make_room (DifUiHistory *history)
{
  guint64 sum = dif_ui_history_bytes (history);

  while (sum > history->max_bytes && history->entries->len > 0)
    {
      guint       last  = history->entries->len - 1;
      DifUiEntry *entry = g_ptr_array_index (history->entries, last);

      sum -= size_of_entry (history, entry);
      unlink_entry (history, entry->id);
      g_ptr_array_remove_index (history->entries, last);
    }
}

static DifUiEntry *
read_entry (DifUiHistory *history, const char *name)
{
  g_autofree char *id      = g_strndup (name, ID_LENGTH);
  g_autofree char *path    = g_build_filename (history->folder, name, NULL);
  g_autofree char *picture = NULL;
  g_autofree char *text    = NULL;
  gsize            length  = 0;
  DifUiEntry      *entry;

  if (! is_id (id) || strcmp (name + strlen (id), ".json") != 0 || size_of (path) > MAX_TEXT ||
      ! g_file_get_contents (path, &text, &length, NULL))
    return NULL;
  picture = file_of (history, id, ".png");
  entry   = dif_ui_entry_from_json (text, length, NULL);
  if (entry != NULL && (strcmp (entry->id, id) != 0 || size_of (picture) == 0))
    g_clear_pointer (&entry, dif_ui_entry_free);
  return entry;
}

static int
by_id (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(DifUiEntry *const *) b)->id, (*(DifUiEntry *const *) a)->id);
}

/* What belongs to no result is what a crash left: nobody else writes here. */
static void
sweep (DifUiHistory *history, GPtrArray *names)
{
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < history->entries->len; i++)
    g_hash_table_add (known, ((DifUiEntry *) g_ptr_array_index (history->entries, i))->id);
  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *id   = g_strndup (g_ptr_array_index (names, i), ID_LENGTH);
      g_autofree char *path = g_build_filename (history->folder, g_ptr_array_index (names, i),
                                                NULL);

      if (is_id (id) && (! g_hash_table_contains (known, id) || g_str_has_suffix (path, ".part")))
        g_unlink (path);
    }
}

static void
read_folder (DifUiHistory *history)
{
  g_autoptr (GDir)      dir   = g_dir_open (history->folder, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char           *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  for (guint i = 0; i < names->len; i++)
    {
      DifUiEntry *entry = read_entry (history, g_ptr_array_index (names, i));

      if (entry != NULL)
        g_ptr_array_add (history->entries, entry);
    }
  g_ptr_array_sort (history->entries, by_id);
  sweep (history, names);
}

DifUiHistory *
dif_ui_history_new (const char *folder, guint64 max_bytes)
{
  DifUiHistory *history = g_new0 (DifUiHistory, 1);

  history->folder    = g_strdup (folder);
  history->max_bytes = max_bytes;
  history->entries   = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_ui_entry_free);
  if (g_mkdir_with_parents (folder, 0700) == 0)
    read_folder (history);
  make_room (history);
  return history;
}

void
dif_ui_history_free (DifUiHistory *history)
{
  if (history == NULL)
    return;
  g_ptr_array_unref (history->entries);
  g_free (history->folder);
  g_free (history);
}

void
dif_ui_history_set_max (DifUiHistory *history, guint64 max_bytes)
{
  history->max_bytes = max_bytes;
  make_room (history);
}

GPtrArray *
dif_ui_history_entries (DifUiHistory *history)
{
  return history->entries;
}

/* In its order of time even within a microsecond. */
static char *
new_id (DifUiHistory *history, gint64 time)
{
  const char *format = "%016" G_GINT64_MODIFIER "x-%08x";
  char       *id     = g_strdup_printf (format, (guint64) time, g_random_int ());
  DifUiEntry *newest = history->entries->len > 0 ? g_ptr_array_index (history->entries, 0) : NULL;

  if (newest == NULL || strcmp (id, newest->id) > 0)
    return id;
  g_free (id);
  return new_id (history, (gint64) g_ascii_strtoull (newest->id, NULL, 16) + 1);
}

static gboolean
rename_part (const char *part, const char *path, GError **error)
{
  if (g_rename (part, path) == 0)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", path,
               g_strerror (errno));
  return FALSE;
}

static gboolean
write_picture (DifUiHistory *history, const char *id, DifImage *picture, GError **error)
{
  g_autoptr (GdkPixbuf) pixbuf = dif_ui_picture_to_pixbuf (picture);
  g_autofree char      *path   = file_of (history, id, ".png");
  g_autofree char      *part   = file_of (history, id, ".png.part");

  if (pixbuf == NULL)
    {
      g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                           "out of memory: a picture for the history");
      return FALSE;
    }
  if (gdk_pixbuf_save (pixbuf, part, "png", error, "compression", COMPRESSION, NULL) &&
      rename_part (part, path, error))
    return TRUE;
  g_unlink (part);
  return FALSE;
}

static gboolean
write_text (DifUiHistory *history, const DifUiEntry *entry, GError **error)
{
  g_autofree char *path = file_of (history, entry->id, ".json");
  g_autofree char *text = dif_ui_entry_to_json (entry);

  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

gboolean
dif_ui_history_add (DifUiHistory *history, DifUiEntry *entry, DifImage *picture, GError **error)
{
  if (entry->time == 0)
    entry->time = g_get_real_time ();
  g_free (entry->id);
  entry->id     = new_id (history, entry->time);
  entry->width  = dif_image_width (picture);
  entry->height = dif_image_height (picture);
  if (! write_picture (history, entry->id, picture, error) ||
      ! write_text (history, entry, error))
    {
      unlink_entry (history, entry->id);
      return FALSE;
    }
  g_ptr_array_insert (history->entries, 0, dif_ui_entry_copy (entry));
  make_room (history);
  return TRUE;
}

DifImage *
dif_ui_history_load (DifUiHistory *history, const char *id, GError **error)
{
  g_autofree char      *path    = dif_ui_history_path (history, id);
  g_autoptr (GdkPixbuf) pixbuf  = gdk_pixbuf_new_from_file (path, error);
  DifImage             *picture = NULL;

  if (pixbuf != NULL && (picture = dif_ui_picture_from_pixbuf (pixbuf)) == NULL)
    g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY, "out of memory: %s",
                 path);
  return picture;
}

void
dif_ui_history_remove (DifUiHistory *history, const char *id)
{
  for (guint i = 0; i < history->entries->len; i++)
    {
      DifUiEntry *entry = g_ptr_array_index (history->entries, i);

      if (strcmp (entry->id, id) != 0)
        continue;
      unlink_entry (history, entry->id);
      g_ptr_array_remove_index (history->entries, i);
      return;
    }
}

void
dif_ui_history_clear (DifUiHistory *history)
{
  for (guint i = 0; i < history->entries->len; i++)
    unlink_entry (history, ((DifUiEntry *) g_ptr_array_index (history->entries, i))->id);
  g_ptr_array_set_size (history->entries, 0);
}
