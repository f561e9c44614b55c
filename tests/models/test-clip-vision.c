/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-clip-vision.c - CLIP's image processor, its vision model and the safety
 * checker, against transformers and diffusers: tests/fixtures/safety.
 */
#include <math.h>
#include <string.h>

#include "rig.h"

#define PIXEL_BOUND  1e-6
#define COSINE_BOUND 1e-5

static DifImage *
read_picture (DifWeights *tensors, guint i)
{
  g_autofree char   *name  = g_strdup_printf ("picture.%u", i);
  g_autofree float  *data  = NULL;
  g_autofree guint8 *bytes = NULL;
  DifShape           s;
  gsize              n;

  data = test_floats (tensors, name, &s);
  g_assert_true (dif_shape_count (&s, &n));
  bytes = g_new (guint8, n);
  for (gsize k = 0; k < n; k++)
    bytes[k] = (guint8) data[k];
  return dif_image_new_8bit ((guint) s.d[1], (guint) s.d[0], 3, bytes, s.d[1] * 3, 3);
}

/* ---- the processor ---- */

static void
compare_pixels (DifWeights *tensors, DifClipProcessor *p, guint i, const char *name)
{
  g_autoptr (DifImage) picture = read_picture (tensors, i);
  g_autofree float    *found   = NULL, *planar, *expected;
  DifShape             s;
  guint                W, H, w, h;

  found  = dif_clip_processor_apply (p, picture, &W, &H);
  planar = g_new (float, (gsize) W *H * 3);
  g_assert_nonnull (found);
  for (gsize k = 0; k < (gsize) W * H; k++)
    for (gsize c = 0; c < 3; c++)
      planar[c * W * H + k] = found[k * 3 + c];
  expected = test_floats (tensors, name, &s);
  g_assert_cmpuint (s.d[2], ==, H);
  g_assert_cmpuint (s.d[3], ==, W);
  if (dif_clip_processor_size (p, &w, &h))
    g_assert_true (w == W && h == H);
  g_test_message ("%s: %.1e", name, test_relative_difference (planar, expected, (gsize) W * H * 3));
  g_assert_cmpfloat (test_relative_difference (planar, expected, (gsize) W * H * 3), <,
                     PIXEL_BOUND);
}

static void
test_processor (void)
{
  g_autoptr (DifWeights) tensors = test_read_tensors ("safety/safety.safetensors");
  g_autoptr (DifJson)    cases   = test_read_json ("safety/cases.json");
  DifJson               *all     = dif_json_member (cases, "processors");
  guint                  n_sizes = dif_json_length (dif_json_member (cases, "sizes")), n = 0;

  for (guint k = 0; k < dif_json_length (all); k++)
    {
      GError                      *error = NULL;
      g_autoptr (DifClipProcessor) p     = dif_clip_processor_new (dif_json_at (all, k), &error);

      g_assert_no_error (error);
      for (guint i = 0; i < n_sizes; i++)
        {
          g_autofree char *name =
              g_strdup_printf ("pixel_values.%s.%u", dif_json_key (dif_json_at (all, k)), i);

          if (! dif_weights_lookup (tensors, name))
            continue;
          compare_pixels (tensors, p, i, name);
          n++;
        }
    }
  g_assert_cmpuint (n, >, 20);
}

static void
test_processor_configs (void)
{
  static const struct
  {
    const char *text, *message;
  } rows[] = {
    { "{\"resample\": 4}", "*resample: expected 0 to 3*found 4*" },
    { "{\"size\": 0}", "*size*0*" },
    { "{\"size\": \"big\"}", "*size*" },
    { "{\"crop_size\": {\"height\": 10, \"width\": 100000}}", "*width*100000*" },
    { "{\"image_mean\": [1, 2]}", "*image_mean*three numbers*" },
    { "{\"image_std\": [1, 0, 1]}", "*image_std*above 0, found 0*" },
    { "{\"do_resize\": 1}", "*do_resize*" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError             *error = NULL;
      g_autoptr (DifJson) json =
          dif_json_parse (rows[i].text, strlen (rows[i].text), "preprocessor_config.json", &error);
      g_autoptr (DifClipProcessor) p = NULL;

      g_assert_no_error (error);
      p = dif_clip_processor_new (json, &error);
      g_assert_null (p);
      g_assert_nonnull (error);
      g_assert_true (error->domain == DIF_FORMAT_ERROR);
      if (! g_pattern_match_simple (rows[i].message, error->message))
        g_error ("expected %s, found %s", rows[i].message, error->message);
      g_clear_error (&error);
    }
}

/* ---- the checker ---- */

static void
open_checker (DifJson **config, DifWeights **weights)
{
  g_autofree char *folder = test_fixture ("safety/parts/safety_checker");
  g_autofree char *json   = g_build_filename (folder, "config.json", NULL);
  g_autofree char *file   = g_build_filename (folder, "model.safetensors", NULL);
  GError          *error  = NULL;

  *config = dif_json_load (json, &error);
  g_assert_no_error (error);
  *weights = dif_weights_new ("safety_checker");
  dif_safetensors_read (file, *weights, NULL, NULL, &error);
  g_assert_no_error (error);
}

/* Picture @i as the model sees it, [H, W, 3]. */
static float *
seen (DifWeights *tensors, guint i)
{
  g_autofree char  *name = g_strdup_printf ("pixel_values.published.%u", i);
  g_autofree float *data = NULL;
  DifShape          s;
  gsize             cells;
  float            *pixels;

  data   = test_floats (tensors, name, &s);
  cells  = s.d[2] * s.d[3];
  pixels = g_new (float, cells * 3);
  for (gsize k = 0; k < cells; k++)
    for (gsize c = 0; c < 3; c++)
      pixels[k * 3 + c] = data[c * cells + k];
  return pixels;
}

static void
check_verdict (DifJson *expected, const DifSafetyVerdict *found, double bound)
{
  DifJson *cosines = dif_json_member (expected, "cosines"),
          *scores  = dif_json_member (expected, "scores");
  const guint S    = DIF_SAFETY_N_SPECIAL;

  for (guint k = 0; k < S + DIF_SAFETY_N_CONCEPTS; k++)
    {
      double cosine = k < S ? found->special_cosines[k] : found->cosines[k - S];
      double score  = k < S ? found->special_scores[k] : found->scores[k - S];

      g_assert_cmpfloat (fabs (cosine - dif_json_value_double (dif_json_at (cosines, k))), <,
                         bound);
      if (bound <= COSINE_BOUND)
        g_assert_cmpfloat (fabs (score - dif_json_value_double (dif_json_at (scores, k))), <, 1e-6);
    }
  if (bound <= COSINE_BOUND)
    g_assert_cmpint (found->nsfw, ==, dif_json_bool (expected, "nsfw", FALSE));
}

static void
test_checker (gconstpointer data)
{
  const RigDevice       *place    = data;
  g_autoptr (DifWeights) tensors  = test_read_tensors ("safety/safety.safetensors");
  g_autoptr (DifJson)    cases    = test_read_json ("safety/cases.json");
  DifJson               *verdicts = dif_json_member (cases, "verdicts");
  guint                  n        = dif_json_length (dif_json_member (cases, "sizes"));
  g_autoptr (DifJson)    config   = NULL;
  g_autoptr (DifWeights) weights  = NULL;
  g_autofree float      *pooled   = NULL;
  g_autofree char       *torch    = rig_torch_off (cases);
  DifSafetyChecker      *m;
  GError                *error = NULL;
  double                 worst = 0;
  Rig                    rig;
  gsize                  width;

  open_checker (&config, &weights);
  if (! rig_open (&rig, place, weights))
    return;
  m = dif_safety_checker_load (config, rig.loader, &error);
  g_assert_no_error (error);
  width  = dif_clip_vision_width (dif_safety_checker_vision (m));
  pooled = test_floats (tensors, "pooled", NULL);
  for (guint i = 0; i < n; i++)
    {
      g_autofree float *pixels = seen (tensors, i), *found = NULL;
      DifSafetyVerdict  verdict;

      found = rig_download (
          &rig, dif_clip_vision_embed (dif_safety_checker_vision (m), rig.cx, pixels));
      worst = MAX (worst, test_relative_difference (found, pooled + i * width, width));
      g_assert_true (dif_safety_checker_judge (m, rig.cx, pixels, &verdict));
      check_verdict (dif_json_at (verdicts, i), &verdict,
                     MAX (place->model_bound, COSINE_BOUND));
    }
  g_test_message ("pooled: %.1e of %.0e%s", worst, place->model_bound, torch);
  g_assert_cmpfloat (worst, <, place->model_bound);
  dif_safety_checker_free (m);
  rig_close (&rig);
}

static void
test_checker_configs (void)
{
  static const struct
  {
    const char *text, *message;
  } rows[] = {
    { "{\"projection_dim\": 8}", "*vision_config*found none*" },
    { "{\"projection_dim\": 0, \"vision_config\": {}}", "*projection_dim*" },
    { "{\"vision_config\": {\"num_channels\": 4}}", "*num_channels: expected 3, found 4*" },
    { "{\"vision_config\": {\"patch_size\": 40, \"image_size\": 30}}", "*patch_size*found 40*" },
    { "{\"vision_config\": {\"hidden_act\": \"relu\"}}", "*hidden_act*relu*" },
    { "{\"vision_config\": {\"hidden_size\": 10, \"num_attention_heads\": 4}}",
      "*hidden_size*multiple*(4), found 10*" },
  };
  g_autoptr (DifBackend) be = dif_backend_open ("ref", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GError             *error = NULL;
      g_autoptr (DifJson) json =
          dif_json_parse (rows[i].text, strlen (rows[i].text), "config.json", &error);
      DifLoader *loader = dif_loader_new (NULL, be, DIF_F32, NULL);

      g_assert_no_error (error);
      g_assert_null (dif_safety_checker_load (json, loader, &error));
      g_assert_nonnull (error);
      if (! g_pattern_match_simple (rows[i].message, error->message))
        g_error ("expected %s, found %s", rows[i].message, error->message);
      g_clear_error (&error);
      dif_store_free (dif_loader_finish (loader, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/models/clip-vision/processor", test_processor);
  g_test_add_func ("/models/clip-vision/processor/bad-configs", test_processor_configs);
  g_test_add_func ("/models/safety-checker/bad-configs", test_checker_configs);
  for (guint i = 0; i < G_N_ELEMENTS (rig_devices); i++)
    {
      g_autofree char *path = g_strdup_printf ("/models/safety-checker/%s", rig_devices[i].name);

      g_test_add_data_func (path, &rig_devices[i], test_checker);
    }
  return g_test_run ();
}
