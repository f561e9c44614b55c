/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipe-check.c - see recipe-check.h.
 *
 * A checked recipe can be read without a further look: whatever is followed has the
 * type, the range and the length that its row allows.
 */
#include "config.h"

#include <string.h>

#include "plugin/recipe-check.h"

#define MAX_SIDE     524288 /* GIMP's own */
#define MAX_IMAGES   64
#define MAX_SHOWN    400
#define MAX_TIMES    4
#define SAFE_PIXELS  (64.0 * 1024 * 1024)
#define CANVAS_TIMES 9

/* Encodings that selections have; anything else in a recipe is damage. */
static const char *const encodings[] = { "Y u8", "Y' u8", "Y u16", "Y' u16",
                                         "Y u32", "Y' u32", "Y half", "Y' half",
                                         "Y float", "Y' float", "Y double", "Y' double",
                                         NULL };

gboolean
dif_recipe_follows (const DifParam *row)
{
  static const char *const texts[]     = { "prompt", "negative-prompt", "prompt-2",
                                           "negative-prompt-2", "scheduler", "scheduler-set",
                                           NULL };
  static const char *const not_words[] = { "dtype", "safety-checker", NULL };

  switch (row->type)
    {
    case DIF_PARAM_STRING:
    case DIF_PARAM_STRINGS:
      return g_strv_contains (texts, row->name);
    case DIF_PARAM_CHOICE:
      return ! g_strv_contains (not_words, row->name);
    case DIF_PARAM_IMAGE:
      return FALSE;
    case DIF_PARAM_BOOL:
      return strcmp (row->name, "low-memory") != 0;
    default:
      return TRUE;
    }
}

char *
dif_recipe_shown (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString         *shown = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (shown->len >= MAX_SHOWN)
        {
          g_string_append (shown, "\342\200\246");
          break;
        }
      g_string_append_unichar (shown, g_unichar_isprint (c) ? c : 0xfffd);
    }
  return g_string_free (shown, FALSE);
}

/* ---- the whole ---- */

DifJson *
dif_recipe_parse (const char *text, gsize size, const char *name, GError **error)
{
  g_autoptr (DifJson) json = NULL;

  if (size > 0 && text[size - 1] == '\0')
    size--;
  if (size > DIF_RECIPE_MAX_BYTES)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "%s: expected at most %u bytes, found %" G_GSIZE_FORMAT, name,
                   DIF_RECIPE_MAX_BYTES, size);
      return NULL;
    }
  json = dif_json_parse (text, size, name, error);
  if (json == NULL)
    return NULL;
  if (dif_json_int (json, "format", 0, 0, G_MAXINT) != DIF_RECIPE_FORMAT ||
      dif_json_type (json) != DIF_JSON_OBJECT || dif_json_member (json, "canvas") == NULL ||
      dif_json_type (dif_json_member (json, "canvas")) != DIF_JSON_OBJECT)
    dif_json_fail (json, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "expected format %d with a canvas, found something else", DIF_RECIPE_FORMAT);
  return dif_json_finish (json, error) ? g_steal_pointer (&json) : NULL;
}

static void
check_number (DifJson *json, const DifParam *row)
{
  double value = dif_json_double (json, row->name, row->fallback);

  if (! dif_param_allows (row, value))
    dif_json_fail (json, DIF_FORMAT_ERROR_BAD_VALUE,
                   "%s: expected a %snumber from %g to %g, found %g", row->name,
                   row->type == DIF_PARAM_INT ? "whole " : "", row->min, row->max, value);
}

static void
check_text (DifJson *json, const DifParam *row)
{
  const char *text = dif_json_string (json, row->name, "");

  if (strlen (text) > DIF_RECIPE_MAX_TEXT)
    dif_json_fail (json, DIF_FORMAT_ERROR_TOO_LARGE, "%s: expected at most %u bytes, found %zu",
                   row->name, DIF_RECIPE_MAX_TEXT, strlen (text));
  if (row->type == DIF_PARAM_CHOICE && ! g_strv_contains (row->choices, text))
    {
      g_autofree char *known = g_strjoinv (", ", (char **) row->choices);
      g_autofree char *shown = dif_recipe_shown (text);

      dif_json_fail (json, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected one of %s, found \"%s\"",
                     row->name, known, shown);
    }
}

static void
check_flag (DifJson *json, const DifParam *row)
{
  DifJson *member = dif_json_member (json, row->name);

  if (member == NULL) /* something failed before */
    return;
  if (dif_json_type (member) == DIF_JSON_NUMBER)
    check_number (json, row);
  else
    dif_json_value_bool (member);
}

static void
check_rows (DifJson *json, const DifParam *rows, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      const DifParam *row = &rows[i];

      if (! dif_recipe_follows (row) || ! dif_json_has (json, row->name))
        continue;
      if (row->type == DIF_PARAM_INT || row->type == DIF_PARAM_DOUBLE)
        check_number (json, row);
      else if (row->type == DIF_PARAM_BOOL)
        check_flag (json, row);
      else
        check_text (json, row);
    }
}

/* The work that the whole batch is. */
static void
check_work (DifJson *recipe)
{
  double n     = (double) dif_json_int (recipe, "num-images", 1, 1, MAX_IMAGES);
  double steps = dif_json_double (recipe, "steps", 0);

  dif_json_int (recipe, "index", 0, 0, MAX (n - 1, 0));
  if (n * steps > DIF_RECIPE_MAX_STEPS)
    dif_json_fail (recipe, DIF_FORMAT_ERROR_TOO_LARGE,
                   "steps: expected at most %d for all pictures of the batch, found %.0f for each "
                   "of %.0f",
                   DIF_RECIPE_MAX_STEPS, steps, n);
}

/* What is a text in a checked recipe, but no parameter. */
static void
check_strings (DifJson *json, const char *const *keys)
{
  for (guint i = 0; keys[i] != NULL; i++)
    {
      if (strlen (dif_json_string (json, keys[i], "")) > DIF_RECIPE_MAX_TEXT)
        dif_json_fail (json, DIF_FORMAT_ERROR_TOO_LARGE,
                       "%s: expected at most %u bytes, found more",
                       keys[i], DIF_RECIPE_MAX_TEXT);
    }
}

static void
check_selection (DifJson *canvas)
{
  DifJson    *selection = dif_json_member (canvas, "selection");
  const char *packed;

  if (selection == NULL)
    return;
  packed = dif_json_string (selection, "zlib", "");
  if (! g_strv_contains (encodings, dif_json_string (selection, "format", "")))
    dif_json_fail (selection, DIF_FORMAT_ERROR_BAD_VALUE,
                   "format: expected that of a selection's values, found another");
  /* four letters are three bytes */
  if (strlen (packed) / 4 * 3 > DIF_RECIPE_MAX_PACKED + 3)
    dif_json_fail (selection, DIF_FORMAT_ERROR_TOO_LARGE,
                   "zlib: expected at most %u bytes, found more", DIF_RECIPE_MAX_PACKED);
}

gboolean
dif_recipe_check (DifJson *recipe, const DifParam *rows, guint n, GError **error)
{
  static const char *const names[]  = { "model", "model-fingerprint", "extras-fingerprint", NULL };
  static const char *const origin[] = { "origin", NULL };
  DifJson                 *canvas   = dif_json_member (recipe, "canvas");
  const char              *task     = dif_json_string (recipe, "task", "");
  g_autofree char         *shown    = dif_recipe_shown (task);
  g_autoptr (DifRequest)   known    = dif_request_new (shown, error);
  guint                    n_own    = 0;
  const DifParam          *own      = dif_task_params (task, &n_own);
  DifRect                  place;

  if (known == NULL)
    return FALSE;
  check_rows (recipe, own, n_own);
  check_rows (canvas, rows, n);
  check_work (recipe);
  check_strings (recipe, names);
  for (guint i = 0; dif_adapter_kind (i) != NULL; i++)
    {
      const DifAdapterKind *kind     = dif_adapter_kind (i);
      const char *const     theirs[] = { kind->option, kind->prints, NULL };

      check_strings (recipe, theirs);
    }
  check_strings (canvas, origin);
  check_selection (canvas);
  dif_recipe_get_rect (canvas, "context", &place);
  return dif_json_finish (recipe, error);
}

/* ---- places ---- */

void
dif_recipe_get_rect (DifJson *json, const char *key, DifRect *rect)
{
  DifJson *member = dif_json_member (json, key);

  *rect = (DifRect) { 0, 0, 1, 1 };
  if (member == NULL)
    {
      dif_json_fail (json, DIF_FORMAT_ERROR_MISSING_KEY, "expected \"%s\", found none", key);
      return;
    }
  rect->x      = (int) dif_json_int (member, "x", 0, -MAX_SIDE, MAX_SIDE);
  rect->y      = (int) dif_json_int (member, "y", 0, -MAX_SIDE, MAX_SIDE);
  rect->width  = (int) dif_json_require_int (member, "width", 1, MAX_SIDE);
  rect->height = (int) dif_json_require_int (member, "height", 1, MAX_SIDE);
}

static gboolean
is_justified (const DifRect *rect, int width, int height)
{
  double pixels = (double) rect->width * rect->height;

  return pixels <= SAFE_PIXELS || pixels <= CANVAS_TIMES * (double) width * height;
}

gboolean
dif_recipe_check_place (const DifRect *layer, const DifRect *then, int width, int height,
                        const char *name, GError **error)
{
  const DifRect *wrong  = ! is_justified (layer, width, height)  ? layer
                          : ! is_justified (then, width, height) ? then
                                                                 : NULL;
  DifRect        canvas = { 0, 0, width, height };
  DifRect        seen;

  if (! dif_geometry_intersect (layer, &canvas, &seen))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                   "layer \"%s\": expected a part of it on the canvas, found it wholly outside: "
                   "move it back, or enlarge the canvas",
                   name);
      return FALSE;
    }
  if (wrong == NULL)
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
               "layer \"%s\": expected a size that its canvas of %d x %d pixels justifies, found "
               "%d x %d%s",
               name, width, height, wrong->width, wrong->height,
               wrong == then ? " in its recipe" : "");
  return FALSE;
}

gboolean
dif_recipe_check_size (double width, double height, const DifRect *layer, int native,
                       const char *name, GError **error)
{
  double room = MAX ((double) layer->width * layer->height, (double) native * native);

  if (width * height <= MAX_TIMES * room)
    return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
               "recipe of layer \"%s\": expected pictures that suit the layer's %d x %d pixels or "
               "the model's %d x %d, found %.0f x %.0f",
               name, layer->width, layer->height, native, native, width, height);
  return FALSE;
}

/* ---- a selection's values ---- */

gboolean
dif_recipe_has_values (DifJson *canvas)
{
  DifJson *selection = dif_json_member (canvas, "selection");

  return selection != NULL && dif_json_has (selection, "zlib");
}

/* Exactly @n bytes of the stream, and no more in it. */
static guint8 *
read_exactly (GInputStream *from, gsize n)
{
  g_autofree guint8 *values = g_try_malloc (MAX (n, 1));
  guint8             more;
  gsize              n_read = 0;

  if (values == NULL || ! g_input_stream_read_all (from, values, n, &n_read, NULL, NULL) ||
      n_read != n || g_input_stream_read (from, &more, 1, NULL, NULL) != 0)
    return NULL;
  return g_steal_pointer (&values);
}

GBytes *
dif_recipe_unpack (DifJson *canvas, gsize n)
{
  DifJson                      *selection = dif_json_member (canvas, "selection");
  const char                   *text      = "";
  g_autoptr (GZlibDecompressor) zlib      = NULL;
  g_autoptr (GInputStream)      memory = NULL, unpacked = NULL;
  gsize                         n_packed = 0;
  guchar                       *packed   = NULL;
  guint8                       *values   = NULL;

  if (selection != NULL)
    text = dif_json_string (selection, "zlib", "");
  packed   = g_base64_decode (text, &n_packed);
  memory   = g_memory_input_stream_new_from_data (packed, (gssize) n_packed, g_free);
  zlib     = g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB);
  unpacked = g_converter_input_stream_new (memory, G_CONVERTER (zlib));
  values   = read_exactly (unpacked, n);
  if (values != NULL)
    return g_bytes_new_take (values, n);
  dif_json_fail (canvas, DIF_FORMAT_ERROR_CORRUPT,
                 "expected a selection's values of %" G_GSIZE_FORMAT " bytes, found something else",
                 n);
  return NULL;
}
