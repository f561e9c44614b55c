/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* schedulers.c - one prompt with another scheduler each time; the config that
 * every scheduler inherits from the model's own is printed.
 */
#include <dif-parts.h>
#include <gdk-pixbuf/gdk-pixbuf.h>

static gboolean
save (DifResult *result, const char *path, GError **error)
{
  int width = (int) dif_result_width (result), height = (int) dif_result_height (result);

  g_autoptr (GBytes)    rgb    = dif_result_rgb8 (result, 0);
  g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new_from_bytes (rgb, GDK_COLORSPACE_RGB, FALSE, 8,
                                                            width, height, width * 3);

  return gdk_pixbuf_save (pixbuf, path, "png", error, NULL);
}

static gboolean
draw_with (DifPipeline *pipe, const char *prompt, const char *class_name, GError **error)
{
  /* made from the model's config by diffusers' from_config rules */
  g_autoptr (DifScheduler) scheduler = dif_pipeline_scheduler (pipe, class_name, error);
  g_autoptr (DifRequest)   rq        = scheduler ? dif_request_new ("txt2img", error) : NULL;
  g_autoptr (DifResult)    result    = NULL;
  g_autoptr (DifJson)      config    = NULL;
  g_autofree char         *text = NULL, *path = NULL;

  if (! rq || ! dif_request_set (rq, "prompt", prompt, error) ||
      ! dif_request_set (rq, "scheduler", class_name, error) ||
      ! dif_request_set (rq, "steps", "8", error) || ! dif_request_set (rq, "seed", "7", error))
    return FALSE;
  config = dif_scheduler_config (scheduler);
  text   = dif_json_to_string (config, TRUE);
  path   = g_strdup_printf ("%s.png", dif_scheduler_short_name (class_name));
  g_print ("%s: %s", path, text);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, error);
  return result && save (result, path, error);
}

int
main (int argc, char **argv)
{
  const char *model = argc > 1 ? argv[1] : NULL, *prompt = argc > 2 ? argv[2] : "a large red cube";

  g_autoptr (GError)      error = NULL;
  g_autoptr (DifPipeline) pipe  = dif_pipeline_load (model, NULL, NULL, NULL, NULL, NULL, &error);
  const char *const      *names = dif_scheduler_class_names ();

  for (guint i = 0; pipe && ! error && names[i]; i++)
    draw_with (pipe, prompt, names[i], &error);
  if (error)
    g_printerr ("schedulers: %s\n", error->message);
  return error != NULL;
}
