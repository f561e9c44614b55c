/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz-recipe.c - any bytes as a layer's recipe: read, checked, judged and unpacked.
 *
 * What passes the check must hold what it promises: every followed value in its row's
 * range, a place that is not empty, and a line for the user that is one.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "plugin/recipe-check.h"
#include "plugin/resources.h"

static const char *const sources[] = { "visible", "layer", NULL };

static const DifParam rows[] = {
  { .name = "source", .type = DIF_PARAM_CHOICE, .text = "visible", .choices = sources },
  { .name = "padding", .type = DIF_PARAM_INT, .max = 32768, .fallback = -1 },
  { .name = "feather", .type = DIF_PARAM_INT, .max = 32768 },
  { .name = "square", .type = DIF_PARAM_BOOL },
};

static void
hold (DifJson *json, const DifParam *own, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      if (! dif_recipe_follows (&own[i]) || ! dif_json_has (json, own[i].name))
        continue;
      if (own[i].type == DIF_PARAM_INT || own[i].type == DIF_PARAM_DOUBLE)
        g_assert_true (dif_param_allows (&own[i], dif_json_double (json, own[i].name, 0)));
      else if (own[i].type != DIF_PARAM_BOOL)
        g_assert_cmpuint (strlen (dif_json_string (json, own[i].name, "")), <=,
                          DIF_RECIPE_MAX_TEXT);
    }
}

static void
judge (DifJson *recipe)
{
  static const char *const none[] = { NULL };
  g_autoptr (GPtrArray)    all    = dif_resources_read (recipe, none);
  g_autofree char         *lora   = dif_resources_value (all, "lora");

  for (guint i = 0; i < all->len; i++)
    {
      const DifResource *r    = g_ptr_array_index (all, i);
      g_autofree char   *line = dif_resource_problem (r);

      /* nothing is installed here */
      g_assert_false (dif_resource_is_sure (r));
      g_assert_null (r->found);
      g_assert_null (strchr (line, '\n'));
      g_assert_true (g_utf8_validate (line, -1, NULL));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_autoptr (GError)  error  = NULL;
  g_autoptr (DifJson) recipe = NULL;
  guint               n      = 0;
  const DifParam     *own;
  DifJson            *canvas;
  DifRect             place;

  g_setenv ("DIF_DATA_DIR", "/nonexistent", TRUE);
  g_setenv ("XDG_DATA_HOME", "/nonexistent", TRUE);
  g_setenv ("XDG_DATA_DIRS", "/nonexistent", TRUE);
  recipe = dif_recipe_parse ((const char *) data, size, "recipe", &error);
  if (recipe == NULL || ! dif_recipe_check (recipe, rows, G_N_ELEMENTS (rows), &error))
    {
      g_assert_null (strchr (error->message, '\n'));
      return 0;
    }
  own    = dif_task_params (dif_json_string (recipe, "task", ""), &n);
  canvas = dif_json_member (recipe, "canvas");
  hold (recipe, own, n);
  hold (canvas, rows, G_N_ELEMENTS (rows));
  dif_recipe_get_rect (canvas, "context", &place);
  g_assert_cmpint (place.width, >, 0);
  g_assert_cmpint (place.height, >, 0);
  g_assert_true (dif_json_finish (recipe, NULL));
  judge (recipe);
  if (dif_recipe_has_values (canvas) && (gint64) place.width * place.height < 1 << 20)
    {
      g_autoptr (GBytes) values =
          dif_recipe_unpack (canvas, (gsize) place.width * (gsize) place.height);

      g_assert_cmpint (values != NULL, ==, dif_json_finish (recipe, NULL));
    }
  return 0;
}
