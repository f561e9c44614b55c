/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store.c - see store.h. */
#include "config.h"

#include <string.h>

#include "ui/store.h"

#define ALL      "window"
#define SETTINGS "settings"
#define USED     "used"
#define PROMPTS  "prompts"

struct _DifUiStore
{
  char     *folder, *path;
  GKeyFile *file;
};

DifUiStore *
dif_ui_store_new (const char *folder)
{
  DifUiStore *store = g_new0 (DifUiStore, 1);

  store->folder = g_strdup (folder);
  store->path   = g_build_filename (folder, "window.conf", NULL);
  store->file   = g_key_file_new ();
  g_key_file_load_from_file (store->file, store->path, G_KEY_FILE_NONE, NULL);
  return store;
}

void
dif_ui_store_free (DifUiStore *store)
{
  if (store == NULL)
    return;
  g_key_file_unref (store->file);
  g_free (store->folder);
  g_free (store->path);
  g_free (store);
}

gboolean
dif_ui_store_save (DifUiStore *store)
{
  gsize            length = 0;
  g_autofree char *text   = g_key_file_to_data (store->file, &length, NULL);

  return g_mkdir_with_parents (store->folder, 0700) == 0 &&
         g_file_set_contents_full (store->path, text, (gssize) length,
                                   G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL);
}

char *
dif_ui_store_settings (DifUiStore *store, const char *image_key)
{
  return g_key_file_get_string (store->file, image_key != NULL ? image_key : ALL, SETTINGS, NULL);
}

/* Forgets the images that were not used for longest. */
static void
forget_images (DifUiStore *store)
{
  while (TRUE)
    {
      g_auto (GStrv) groups = g_key_file_get_groups (store->file, NULL);
      guint          n = 0, oldest = 0;
      gint64         time = G_MAXINT64;

      for (guint i = 0; groups[i] != NULL; i++)
        {
          gint64 used = g_key_file_get_int64 (store->file, groups[i], USED, NULL);

          if (strcmp (groups[i], ALL) == 0)
            continue;
          n++;
          if (used < time)
            {
              time   = used;
              oldest = i;
            }
        }
      if (n <= DIF_UI_STORE_IMAGES)
        return;
      g_key_file_remove_group (store->file, groups[oldest], NULL);
    }
}

void
dif_ui_store_set_settings (DifUiStore *store, const char *image_key, const char *text)
{
  g_key_file_set_string (store->file, ALL, SETTINGS, text);
  if (image_key == NULL)
    return;
  g_key_file_set_string (store->file, image_key, SETTINGS, text);
  g_key_file_set_int64 (store->file, image_key, USED, g_get_real_time ());
  forget_images (store);
}

char **
dif_ui_store_prompts (DifUiStore *store)
{
  char **prompts = g_key_file_get_string_list (store->file, ALL, PROMPTS, NULL, NULL);

  return prompts != NULL ? prompts : g_new0 (char *, 1);
}

void
dif_ui_store_add_prompt (DifUiStore *store, const char *prompt)
{
  g_auto (GStrv)        before = dif_ui_store_prompts (store);
  g_autoptr (GPtrArray) all    = g_ptr_array_new ();

  if (*prompt == '\0')
    return;
  g_ptr_array_add (all, (gpointer) prompt);
  for (guint i = 0; before[i] != NULL && all->len < DIF_UI_STORE_PROMPTS; i++)
    {
      if (strcmp (before[i], prompt) != 0)
        g_ptr_array_add (all, before[i]);
    }
  g_key_file_set_string_list (store->file, ALL, PROMPTS, (const char *const *) all->pdata,
                              all->len);
}

gint64
dif_ui_store_number (DifUiStore *store, const char *name, gint64 fallback)
{
  g_autoptr (GError) error  = NULL;
  gint64             number = g_key_file_get_int64 (store->file, ALL, name, &error);

  return error == NULL ? number : fallback;
}

void
dif_ui_store_set_number (DifUiStore *store, const char *name, gint64 number)
{
  g_key_file_set_int64 (store->file, ALL, name, number);
}
