/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* output.c - PNG files with their recipes, and dumps of tensors.
 *
 * A PNG file carries three text chunks: "Software"; "parameters", the recipe
 * as Stable Diffusion programs write it for people to read; and "dif-recipe",
 * the JSON object of dif_result_recipe(), which is complete.
 */
#include "config.h"

#include <string.h>

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "output.h"
#include "target.h"

gboolean
cli_output_check (const char *option, const char *path, const char *suffix, GError **error)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  if (! cli_target_is_stream (path) && (! *path || (suffix && ! g_str_has_suffix (lower, suffix))))
    {
      g_autofree char *shown = g_filename_display_name (path);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--%s: expected a file name that ends in %s, found \"%s\"", option,
                   suffix ? suffix : "its format's suffix", shown);
      return FALSE;
    }
  return cli_target_check (path, error);
}

char *
cli_output_name (const char *path, guint i, guint n)
{
  const char *dot = strrchr (path, '.');

  if (n == 1 || cli_target_is_stream (path) || ! dot || strchr (dot, '/'))
    return g_strdup (path);
  return g_strdup_printf ("%.*s-%u%s", (int) (dot - path), path, i + 1, dot);
}

/* ---- PNG ---- */

static void
append_number (GString *s, const char *label, DifJson *recipe, const char *key)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (dif_json_has (recipe, key))
    g_string_append_printf (s, "%s: %s, ", label,
                            g_ascii_formatd (text, sizeof text, "%.12g",
                                             dif_json_double (recipe, key, 0)));
}

/* What is missing from the line below in most programs' files, so that nobody gets the picture
 * again: the strength, the layers left out (others count from 1), LoRAs. */
static void
append_further (GString *s, DifJson *recipe)
{
  double           skip  = dif_json_double (recipe, "clip-skip", 0);
  const char      *loras = dif_json_string (recipe, "lora", "");
  g_auto (GStrv)   lines = g_strsplit (loras, "\n", -1);
  g_autofree char *list  = g_strjoinv (" ", lines);

  append_number (s, "Denoising strength", recipe, "strength");
  if (skip > 0)
    g_string_append_printf (s, "Clip skip: %.0f, ", skip + 1);
  if (*list)
    g_string_append_printf (s, "Lora: %s, ", list);
}

/* "PROMPT \n Negative prompt: ... \n Steps: 20, Sampler: ..., CFG scale: ..." */
static char *
readable_recipe (DifJson *recipe)
{
  GString    *s        = g_string_new (dif_json_string (recipe, "prompt", ""));
  const char *negative = dif_json_string (recipe, "negative-prompt", "");
  char        width[G_ASCII_DTOSTR_BUF_SIZE], height[G_ASCII_DTOSTR_BUF_SIZE];

  if (*negative)
    g_string_append_printf (s, "\nNegative prompt: %s", negative);
  g_string_append_c (s, '\n');
  append_number (s, "Steps", recipe, "steps");
  g_string_append_printf (s, "Sampler: %s, ", dif_json_string (recipe, "scheduler", ""));
  append_number (s, "CFG scale", recipe, "guidance-scale");
  append_number (s, "Seed", recipe, "seed");
  append_further (s, recipe);
  g_ascii_formatd (width, sizeof width, "%.0f", dif_json_double (recipe, "width", 0));
  g_ascii_formatd (height, sizeof height, "%.0f", dif_json_double (recipe, "height", 0));
  g_string_append_printf (s, "Size: %sx%s, Model: %s, Version: %s %s", width, height,
                          dif_json_string (recipe, "model", ""),
                          dif_json_string (recipe, "program", "dif"),
                          dif_json_string (recipe, "version", DIF_VERSION));
  return g_string_free (s, FALSE);
}

static gboolean
encode_png (DifResult *result, guint i, char **data, gsize *length, GError **error)
{
  const char           *recipe = dif_result_recipe (result, i);
  guint                 W = dif_result_width (result), H = dif_result_height (result);
  g_autoptr (GBytes)    rgb      = dif_result_rgb8 (result, i);
  g_autoptr (GdkPixbuf) pixbuf   = NULL;
  g_autoptr (DifJson)   json     = dif_json_parse (recipe, strlen (recipe), "recipe", error);
  g_autofree char      *text     = json ? readable_recipe (json) : NULL;
  const char           *keys[]   = { "tEXt::Software", "tEXt::parameters", "tEXt::dif-recipe",
                                     NULL };
  const char           *values[] = { "dif " DIF_VERSION, text, recipe, NULL };

  if (! json)
    return FALSE;
  if (! rgb)
    {
      g_set_error_literal (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                           "out of memory for the picture's bytes");
      return FALSE;
    }
  pixbuf = gdk_pixbuf_new_from_bytes (rgb, GDK_COLORSPACE_RGB, FALSE, 8, (int) W, (int) H,
                                      (int) W * 3);
  return gdk_pixbuf_save_to_bufferv (pixbuf, data, length, "png", (char **) keys, (char **) values,
                                     error);
}

/* A picture took long to draw: what cannot be written where it was to go is
 * written elsewhere. */
gboolean
cli_output_png (const char *path, DifResult *result, guint i, char **kept, GError **error)
{
  g_autofree char *data   = NULL;
  gsize            length = 0;

  if (! encode_png (result, i, &data, &length, error))
    {
      g_prefix_error (error, "%s: ", path);
      return FALSE;
    }
  if (cli_target_write (path, data, length, error))
    return TRUE;
  *kept = cli_target_is_stream (path) ? NULL : cli_target_rescue (path, data, length);
  return FALSE;
}

gboolean
cli_output_preview (const char *path, const DifPreview *preview, GError **error)
{
  g_autoptr (GdkPixbuf) pixbuf =
      gdk_pixbuf_new_from_data (preview->pixels, GDK_COLORSPACE_RGB, FALSE, 8,
                                (int) preview->width, (int) (preview->height * preview->n_images),
                                (int) preview->width * 3, NULL, NULL);
  g_autofree char *data   = NULL;
  gsize            length = 0;

  return gdk_pixbuf_save_to_buffer (pixbuf, &data, &length, "png", error, NULL) &&
         cli_target_write (path, data, length, error);
}

/* ---- dumps ---- */

typedef struct
{
  char    *name;
  DifShape shape;
  float   *data;
  gsize    bytes;
} DumpTensor;

struct _CliDump
{
  GPtrArray *tensors; /* of DumpTensor */
  gboolean   failed;  /* a copy did not fit in memory */
};

static void
dump_tensor_free (gpointer data)
{
  DumpTensor *t = data;

  g_free (t->name);
  g_free (t->data);
  g_free (t);
}

CliDump *
cli_dump_new (void)
{
  CliDump *dump = g_new0 (CliDump, 1);

  dump->tensors = g_ptr_array_new_with_free_func (dump_tensor_free);
  return dump;
}

void
cli_dump_free (CliDump *dump)
{
  if (! dump)
    return;
  g_ptr_array_unref (dump->tensors);
  g_free (dump);
}

void
cli_dump_add (const char *name, const DifShape *shape, const float *data, gpointer user_data)
{
  CliDump    *dump = user_data;
  DumpTensor *t;
  gsize       bytes;
  float      *copy;

  if (! dif_shape_bytes (shape, DIF_F32, &bytes) || ! (copy = g_try_malloc (MAX (bytes, 1))))
    {
      dump->failed = TRUE;
      return;
    }
  memcpy (copy, data, bytes);
  t        = g_new (DumpTensor, 1);
  t->name  = g_strdup (name);
  t->shape = *shape;
  t->data  = copy;
  t->bytes = bytes;
  g_ptr_array_add (dump->tensors, t);
}

gboolean
cli_dump_write (CliDump *dump, const char *path, GError **error)
{
  g_autoptr (DifSafetensorsWriter) writer = dif_safetensors_writer_new ();
  g_autofree char                 *target = cli_target_follow (path, error);

  if (! target)
    return FALSE;
  if (dump->failed)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "%s: out of memory for the dumped tensors", path);
      return FALSE;
    }
  for (guint i = 0; i < dump->tensors->len; i++)
    {
      const DumpTensor *t = dump->tensors->pdata[i];

      dif_safetensors_writer_declare (writer, t->name, DIF_F32, &t->shape);
    }
  if (! dif_safetensors_writer_open (writer, target, error))
    return FALSE;
  for (guint i = 0; i < dump->tensors->len; i++)
    {
      const DumpTensor *t = dump->tensors->pdata[i];

      if (! dif_safetensors_writer_put (writer, t->data, t->bytes, error))
        return FALSE;
    }
  return dif_safetensors_writer_close (writer, error);
}
