/* SPDX-License-Identifier: GPL-3.0-or-later */
/* models.c - see models.h. */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>

#include "ui/models.h"

#include <glib/gi18n-lib.h>

#define MAX_DEPTH 4

static guint64
bytes_of (const char *path, int depth)
{
  g_autoptr (GDir) dir = NULL;
  const char      *name;
  guint64          sum = 0;
  GStatBuf         st;

  if (g_stat (path, &st) != 0)
    return 0;
  if ((st.st_mode & S_IFMT) != S_IFDIR)
    return (guint64) st.st_size;
  if (depth == MAX_DEPTH || (dir = g_dir_open (path, 0, NULL)) == NULL)
    return 0;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      sum += bytes_of (inner, depth + 1);
    }
  return sum;
}

static char **
words (const char *first, ...)
{
  GPtrArray  *all = g_ptr_array_new ();
  const char *word;
  va_list     args;

  va_start (args, first);
  for (word = first; word != NULL; word = va_arg (args, const char *))
    g_ptr_array_add (all, g_strdup (word));
  va_end (args);
  g_ptr_array_add (all, NULL);
  return (char **) g_ptr_array_free (all, FALSE);
}

/* What it can do follows from what its U-Net takes in: latents, latents and depth, or latents,
 * mask and masked picture. */
static char **
tasks_of (DifCheckpoint *checkpoint, GError **error)
{
  g_autoptr (DifJson) unet = dif_checkpoint_config (checkpoint, "unet", error);
  g_autoptr (DifJson) vae  = NULL;
  int                 in, latent;

  if (unet == NULL)
    return NULL;
  if (dif_checkpoint_part_class (checkpoint, "vae") == NULL)
    return words ("unconditional", NULL);
  if ((vae = dif_checkpoint_config (checkpoint, "vae", error)) == NULL)
    return NULL;
  in     = (int) dif_json_int (unet, "in_channels", 4, 1, 1024);
  latent = (int) dif_json_int (vae, "latent_channels", 4, 1, 1024);
  if (! dif_json_finish (unet, error) || ! dif_json_finish (vae, error))
    return NULL;
  if (in == latent + 1)
    return words ("depth2img", NULL);
  if (in == 2 * latent + 1)
    return words ("inpaint", NULL);
  if (strstr (dif_checkpoint_pipeline_class (checkpoint), "Img2Img") != NULL &&
      strstr (dif_checkpoint_pipeline_class (checkpoint), "XL") != NULL)
    return words ("img2img", "inpaint", NULL);
  return words ("txt2img", "img2img", "inpaint", NULL);
}

static void
look (DifUiModel *model)
{
  g_autoptr (GError) error = NULL;
  g_autofree char   *path  = dif_catalog_resolve (model->name, &error);

  if (path != NULL && (model->checkpoint = dif_checkpoint_open (path, &error)) != NULL)
    {
      const char *family = dif_checkpoint_family (model->checkpoint);

      model->family = g_strdup (family != NULL
                                    ? family
                                    : dif_checkpoint_pipeline_class (model->checkpoint));
      if (*model->name == '\0')
        return;
      model->tasks = tasks_of (model->checkpoint, &error);
      model->bytes = bytes_of (path, 0);
    }
  if (error != NULL)
    model->problem = g_strdup (error->message);
}

DifUiModel *
dif_ui_model_new (const char *name)
{
  DifUiModel *model = g_new0 (DifUiModel, 1);

  model->name = g_strdup (name);
  if (*name == '\0')
    model->label = g_strdup_printf (_ ("%s (bundled)"), DIF_DEFAULT_MODEL);
  else
    model->label = g_path_is_absolute (name) ? dif_catalog_name_of (name) : g_strdup (name);
  look (model);
  return model;
}

void
dif_ui_model_free (DifUiModel *model)
{
  if (model == NULL)
    return;
  g_free (model->name);
  g_free (model->label);
  g_free (model->family);
  g_strfreev (model->tasks);
  dif_checkpoint_free (model->checkpoint);
  g_free (model->problem);
  g_free (model);
}

/* Those that an empty name stands for are one entry already. */
static gboolean
is_bundled (const char *name)
{
  const char *const *tasks = dif_task_names ();

  for (guint i = 0; tasks[i] != NULL; i++)
    {
      if (g_str_equal (dif_catalog_default (tasks[i]), name))
        return TRUE;
    }
  return FALSE;
}

GPtrArray *
dif_ui_models_list (void)
{
  GPtrArray     *list  = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_ui_model_free);
  g_auto (GStrv) names = dif_catalog_names ();

  g_ptr_array_add (list, dif_ui_model_new (""));
  for (guint i = 0; names[i] != NULL; i++)
    {
      if (! is_bundled (names[i]))
        g_ptr_array_add (list, dif_ui_model_new (names[i]));
    }
  return list;
}

gboolean
dif_ui_model_allows (const DifUiModel *model, const DifParam *row)
{
  return model->checkpoint != NULL ? dif_param_is_for (row, model->checkpoint)
                                   : row->families == NULL;
}
