/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* hello.c - a picture in ten lines: load, prompt, save. */
#include <dif.h>
#include <gdk-pixbuf/gdk-pixbuf.h>

int
main (int argc, char **argv)
{
  const char *model = argc > 1 ? argv[1] : NULL, *prompt = argc > 2 ? argv[2] : "a large red cube";
  const char *path = argc > 3 ? argv[3] : "hello.png";

  g_autoptr (GError)      error  = NULL;
  g_autoptr (DifPipeline) pipe   = dif_pipeline_load (model, NULL, NULL, NULL, NULL, NULL, &error);
  g_autoptr (DifRequest)  rq     = pipe ? dif_request_new ("txt2img", &error) : NULL;
  g_autoptr (DifResult)   result = NULL;
  if (rq && dif_request_set (rq, "prompt", prompt, &error) &&
      dif_request_set (rq, "seed", "7", &error))
    result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  if (result)
    {
      int width = (int) dif_result_width (result), height = (int) dif_result_height (result);

      g_autoptr (GBytes)    rgb    = dif_result_rgb8 (result, 0);
      g_autoptr (GdkPixbuf) pixbuf = gdk_pixbuf_new_from_bytes (rgb, GDK_COLORSPACE_RGB, FALSE, 8,
                                                                width, height, width * 3);
      gdk_pixbuf_save (pixbuf, path, "png", &error, NULL);
    }
  if (error)
    g_printerr ("hello: %s\n", error->message);
  return error != NULL;
}
