/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-published-pipelines.c - the pictures that diffusers' own tests publish
 * for pipelines without prompts.
 *
 * Parameters and noise are drawn, in the published order, with this library's
 * own random numbers; so this ties them, UNet2DModel and three schedulers to
 * numbers from outside.
 */
#include <math.h>
#include <string.h>

#include "draws.h"
#include "rig.h"

/* The reference's own rounding, over 23 calls at most. */
#define REFERENCE_BOUND 5e-4

static DifTensor *
draw_picture (Rig *rig, DifJson *entry, DifUnet2d *unet)
{
  GError                  *error = NULL;
  g_autoptr (DifScheduler) s =
      dif_scheduler_new (dif_json_string (entry, "scheduler", "?"), NULL, &error);
  g_autoptr (DifRng) rng  = dif_rng_new (0);
  gsize              side = dif_unet2d_sample_size (unet);
  guint              n    = dif_unet2d_channels (unet);
  DifTensor         *x    = dif_randn (rig->cx, rng, 1, side, side, n), *out;

  g_assert_no_error (error);
  dif_scheduler_set_timesteps (s, (guint) dif_json_int (entry, "steps", 0, 1, 1000), &error);
  g_assert_no_error (error);
  for (guint i = 0; i < dif_scheduler_n_calls (s); i++)
    {
      out = dif_unet2d_forward (unet, rig->cx, x, dif_scheduler_timestep (s, i));
      x   = dif_scheduler_step (s, rig->cx, out, i, x, 0, rng);
    }
  return x;
}

static void
test_pipeline (gconstpointer data)
{
  DifJson               *entry    = (DifJson *) data;
  g_autoptr (DifWeights) w        = draws_make (dif_json_member (entry, "draws"));
  DifJson               *expected = dif_json_member (entry, "expected");
  DifJson               *exact    = dif_json_member (entry, "found");
  double                 worst = 0, off = 0;
  g_autofree float      *image = NULL;
  GError                *error = NULL;
  DifUnet2d             *unet;
  DifTensor             *x;
  gsize                  H, W;
  Rig                    rig;

  g_assert_cmpstr (dif_json_string (entry, "slice", "?"), ==, "[0,-3:,-3:,-1]");
  g_assert_true (rig_open (&rig, &rig_devices[1], w));
  unet = dif_unet2d_load (dif_json_member (entry, "unet"), rig.loader, &error);
  g_assert_no_error (error);
  x     = draw_picture (&rig, entry, unet);
  image = rig_download (&rig, x);
  H     = dif_tensor_dim (x, 1);
  W     = dif_tensor_dim (x, 2);
  for (gsize i = 0; i < 9; i++)
    {
      float  last = image[2 * H * W + (H - 3 + i / 3) * W + W - 3 + i % 3];
      double v    = (double) CLAMP (last * 0.5f + 0.5f, 0, 1);

      worst = fmax (worst, fabs (v - dif_json_value_double (dif_json_at (expected, (guint) i))));
      off   = fmax (off, fabs (v - dif_json_value_double (dif_json_at (exact, (guint) i))));
    }
  g_test_message ("%.1e off what is published, %.1e off the reference", worst, off);
  g_assert_cmpfloat (worst, <=, dif_json_double (entry, "tolerance", 0));
  g_assert_cmpfloat (off, <=, REFERENCE_BOUND);
  dif_unet2d_free (unet);
  rig_close (&rig);
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) root = NULL;
  DifJson            *list;

  g_test_init (&argc, &argv, NULL);
  root = test_read_json ("published-pipelines.json");
  list = dif_json_member (root, "pipelines");
  g_assert_cmpuint (dif_json_length (list), ==, 3);
  for (guint i = 0; i < dif_json_length (list); i++)
    {
      DifJson         *entry = dif_json_at (list, i);
      g_autofree char *name  = g_strdup_printf ("/models/published/%s",
                                                dif_json_string (entry, "name", "?"));

      g_test_add_data_func (name, entry, test_pipeline);
    }
  return g_test_run ();
}
