/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* soak-client.c - a client of the engine that draws one picture and tells its checksum.
 *
 * soak-client MODEL STEPS prints the picture's SHA-256 and the engine's process id, 0 where
 * this process had to compute by itself; soak-client quit ends the engine.
 */
#include <stdlib.h>

#include "engine/client.h"

static int
fail (GError *error)
{
  g_printerr ("soak-client: %s\n", error->message);
  return 1;
}

static DifRequest *
request (const char *model, const char *steps, GError **error)
{
  g_autoptr (DifRequest) rq = dif_request_new ("txt2img", error);

  if (rq && dif_request_set (rq, "model", model, error) &&
      dif_request_set (rq, "prompt", "a red cube", error) &&
      dif_request_set (rq, "device", "cpu", error) && dif_request_set (rq, "dtype", "f32", error) &&
      dif_request_set (rq, "steps", steps, error) && dif_request_set (rq, "seed", "7", error) &&
      dif_request_set (rq, "width", "64", error) && dif_request_set (rq, "height", "64", error))
    return g_steal_pointer (&rq);
  return NULL;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError)     error  = NULL;
  g_autoptr (DifRequest) rq     = NULL;
  g_autoptr (DifResult)  result = NULL;
  g_autoptr (DifJson)    status = NULL;
  g_autofree char       *sum    = NULL;
  gsize                  size;

  if (argc == 2 && g_str_equal (argv[1], "quit"))
    return dif_engine_quit (NULL, &error) ? 0 : fail (error);
  if (argc != 3)
    {
      g_printerr ("usage: soak-client MODEL STEPS | quit\n");
      return 2;
    }
  rq     = request (argv[1], argv[2], &error);
  result = rq ? dif_engine_run (rq, NULL, NULL, NULL, &error) : NULL;
  if (! result)
    return fail (error);
  size   = (gsize) dif_result_width (result) * dif_result_height (result) * 3 * sizeof (float);
  sum    = g_compute_checksum_for_data (G_CHECKSUM_SHA256,
                                        (const guchar *) dif_result_pixels (result, 0), size);
  status = dif_engine_status (NULL);
  g_print ("%s %d\n", sum,
           status ? (int) dif_json_int (status, "pid", 0, 0, G_MAXINT) : 0);
  return 0;
}
