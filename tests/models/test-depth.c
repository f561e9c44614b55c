/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-depth.c - depth estimators and their processors against transformers.
 *
 * Every entry of tests/fixtures/depth/modules.json: estimators on every
 * backend, pixel values of processors; and resampling of maps by hand.
 */
#include <math.h>
#include <string.h>

#include "models/dpt.h"
#include "tasks/depth.h"
#include "rig.h"
#include "tensor/resample.h"

typedef struct
{
  const RigDevice *place;
  DifJson         *entry;
} Case;

static DifWeights *tensors;

/* ---- estimators ---- */

static void
test_model (gconstpointer data)
{
  const Case            *k       = data;
  const char            *model   = dif_json_string (k->entry, "model", "?");
  const char            *input   = dif_json_string (k->entry, "pixel_values", "?");
  const char            *output  = dif_json_string (k->entry, "predicted_depth", "?");
  g_autofree char       *folder  = g_build_filename ("models", model, NULL);
  g_autofree char       *path    = test_fixture (folder);
  g_autofree char       *json    = g_build_filename (path, "config.json", NULL);
  g_autofree char       *file    = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (DifWeights) weights = test_read_tensors (file);
  g_autofree char       *torch   = rig_torch_off (k->entry);
  GError                *error   = NULL;
  g_autoptr (DifJson)    config  = dif_json_load (json, &error);
  DifShape               shape, expected_shape;
  g_autofree float      *pixels = test_floats (tensors, input, &shape), *found = NULL;
  g_autofree float      *expected = test_floats (tensors, output, &expected_shape);
  DifTensor             *depth;
  DifDpt                *m;
  Rig                    rig;
  gsize                  n;
  double                 worst;

  g_assert_no_error (error);
  if (! rig_open (&rig, k->place, weights))
    return;
  m = dif_dpt_load (config, rig.loader, &error);
  g_assert_no_error (error);
  depth = dif_dpt_estimate (m, rig.cx, pixels, (guint) shape.d[2], (guint) shape.d[3]);
  found = rig_download (&rig, depth);
  g_assert_true (dif_shape_count (&expected_shape, &n));
  g_assert_cmpuint (dif_tensor_dim (depth, 1), ==, expected_shape.d[1]);
  g_assert_cmpuint (dif_tensor_dim (depth, 2), ==, expected_shape.d[2]);
  worst = test_relative_difference (found, expected, n);
  g_test_message ("%.1e of %.0e%s", worst, k->place->model_bound, torch);
  g_assert_cmpfloat (worst, <=, k->place->model_bound);
  dif_dpt_free (m);
  rig_close (&rig);
}

/* ---- processors ---- */

static void
test_processor (gconstpointer data)
{
  DifJson          *entry = ((const Case *) data)->entry;
  GError           *error = NULL;
  DifShape          shape, expected_shape;
  g_autofree float *image = test_floats (tensors, dif_json_string (entry, "image", "?"), &shape);
  g_autofree float *expected =
      test_floats (tensors, dif_json_string (entry, "pixel_values", "?"), &expected_shape);
  gsize                n       = shape.d[0] * shape.d[1] * 3;
  g_autofree guint8   *bytes   = g_new (guint8, n);
  g_autofree float    *found   = NULL;
  g_autoptr (DifImage) picture = NULL;
  DifDptProcessor      p;
  guint                height, width;

  for (gsize i = 0; i < n; i++)
    bytes[i] = (guint8) image[i];
  height  = (guint) shape.d[0];
  width   = (guint) shape.d[1];
  picture = dif_image_new_8bit (width, height, 3, bytes, (gsize) width * 3, 3);
  g_assert_true (dif_dpt_processor_read (&p, dif_json_member (entry, "config"), &error));
  g_assert_no_error (error);
  found = dif_dpt_processor_run (&p, picture, &height, &width, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (height, ==, expected_shape.d[2]);
  g_assert_cmpuint (width, ==, expected_shape.d[3]);
  g_assert_cmpfloat (test_max_difference (found, expected, (gsize) 3 * height * width), <, 1e-6);
}

static void
refuse (const char *text, const char *key)
{
  g_autoptr (DifJson) config = dif_json_parse (text, strlen (text), "test", NULL);
  g_autoptr (GError)  error  = NULL;
  DifDptProcessor     p;

  g_assert_nonnull (config);
  g_assert_false (dif_dpt_processor_read (&p, config, &error));
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, key));
}

static void
test_bad_processors (void)
{
  refuse ("{\"size\": 0}", "size");
  refuse ("{\"size\": {\"shortest_edge\": 384}}", "height and width");
  refuse ("{\"size\": \"large\"}", "size");
  refuse ("{\"resample\": 4}", "resample");
  refuse ("{\"image_mean\": [0.5, 0.5]}", "image_mean");
  refuse ("{\"image_std\": [0.5, 0, 0.5]}", "image_std");
  refuse ("{\"image_std\": {}}", "image_std");
  refuse ("{\"do_pad\": true}", "do_pad");
  refuse ("{\"ensure_multiple_of\": 0}", "ensure_multiple_of");
}

/* A processor's sides may vanish for a very narrow picture. */
static void
test_vanishing_picture (void)
{
  g_autoptr (DifImage) line  = dif_image_new (1, 600, 3, NULL);
  g_autoptr (GError)   error = NULL;
  DifDptProcessor      p     = { .resize = TRUE, .keep_aspect = TRUE, .height = 60, .width = 60 };
  guint                height, width;

  p.multiple = 8;
  g_assert_null (dif_dpt_processor_run (&p, line, &height, &width, &error));
  g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_SIZE);
}

/* ---- configs ---- */

static void
refuse_dpt (const char *text, const char *key)
{
  g_autoptr (DifJson)    config = dif_json_parse (text, strlen (text), "config.json", NULL);
  g_autoptr (GError)     error  = NULL;
  g_autoptr (DifBackend) ref    = dif_backend_open ("ref", NULL);
  DifLoader             *loader = dif_loader_new (NULL, ref, DIF_F32, NULL);
  DifDpt                *m;

  g_assert_nonnull (config);
  m = dif_dpt_load (config, loader, &error);
  g_assert_null (m);
  dif_store_free (dif_loader_finish (loader, NULL));
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, key));
}

static void
test_bad_configs (void)
{
  refuse_dpt ("{\"hidden_size\": 100}", "num_attention_heads");
  refuse_dpt ("{\"readout_type\": \"loud\"}", "readout_type");
  refuse_dpt ("{\"is_hybrid\": true, \"readout_type\": \"add\"}", "readout_type");
  refuse_dpt ("{\"hidden_act\": \"tanh\"}", "hidden_act");
  refuse_dpt ("{\"neck_hidden_sizes\": [1, 2]}", "reassemble_factors");
  refuse_dpt ("{\"reassemble_factors\": [4, 2, 1, 0.3]}", "reassemble_factors");
  refuse_dpt ("{\"backbone_out_indices\": [2, 5, 8]}", "backbone_out_indices");
  refuse_dpt ("{\"backbone_out_indices\": [2, 5, 5, 8]}", "backbone_out_indices");
  refuse_dpt ("{\"backbone_out_indices\": [2, 5, 8, 12]}", "backbone_out_indices");
  refuse_dpt ("{\"head_in_index\": 4}", "head_in_index");
  refuse_dpt ("{\"use_batch_norm_in_fusion_residual\": true}", "use_batch_norm");
  refuse_dpt ("{\"backbone_config\": {\"model_type\": \"dinov2\"}}", "dinov2");
  refuse_dpt ("{\"image_size\": [384, 512]}", "image_size");
  refuse_dpt ("{\"patch_size\": 1000}", "patch_size");
  refuse_dpt ("{\"add_projection\": true, \"fusion_hidden_size\": 64}", "fusion_hidden_size");
  refuse_dpt ("{\"is_hybrid\": true}", "neck_hidden_sizes");
#define FEATURES "\"out_features\": [\"stage1\", \"stage2\", \"stage3\"], "
#define BIT(more)                                                              \
  "{\"is_hybrid\": true, \"neck_hidden_sizes\": [256, 512, 768, 768], "        \
  "\"backbone_config\": {\"layer_type\": \"bottleneck\", \"global_padding\": " \
  "\"same\", \"embedding_dynamic_padding\": true, \"depths\": [3, 4, 9], " more "}}"
  refuse_dpt (BIT ("\"out_features\": [\"stage1\"]"), "out_features");
  refuse_dpt (BIT ("\"out_features\": [\"stage1\", \"stage2\", \"stage9\"]"), "stage9");
  refuse_dpt (BIT ("\"out_features\": [\"stage1\", \"stage3\", \"stage2\"]"), "stage2");
  refuse_dpt (BIT ("\"out_features\": [\"stem\", \"stage1\", \"stage2\"]"), "last map of 24");
  refuse_dpt (BIT (FEATURES "\"num_groups\": 48"), "num_groups");
  refuse_dpt (BIT (FEATURES "\"output_stride\": 8"), "output_stride");
  refuse_dpt (BIT (FEATURES "\"hidden_act\": \"gelu\""), "hidden_act");
  refuse_dpt ("{\"is_hybrid\": true, \"backbone_config\": {}}", "layer_type");
}

/* Pictures of another size than the model's. */
static void
test_wrong_size (void)
{
  g_autoptr (DifWeights) weights =
      test_read_tensors ("models/depth/depth_estimator/model.safetensors");
  g_autoptr (DifJson) config = test_read_json ("models/depth/depth_estimator/config.json");
  g_autofree float   *pixels = g_new0 (float, 3 * 80 * 80);
  g_autoptr (GError)  error  = NULL;
  DifDpt             *m;
  Rig                 rig;

  g_assert_true (rig_open (&rig, &rig_devices[0], weights));
  m = dif_dpt_load (config, rig.loader, &error);
  g_assert_no_error (error);
  dif_dpt_estimate (m, rig.cx, pixels, 80, 80);
  g_assert_false (dif_context_finish (rig.cx, &error));
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, "64 x 64"));
  dif_dpt_free (m);
  rig_close (&rig);
}

/* ---- maps ---- */

static void
test_flat_maps (void)
{
  float flat[] = { 3, 3, 3 }, slope[] = { 1, 3, 2 }, broken[] = { 1, NAN };

  g_assert_true (dif_depth_normalize (flat, 3, -1, 1));
  g_assert_true (dif_depth_normalize (slope, 3, -1, 1));
  g_assert_false (dif_depth_normalize (broken, 2, 0, 1));
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpfloat (flat[i], ==, 0);
      g_assert_cmpfloat (slope[i], ==, ((float[]) { -1, 1, 0 })[i]);
    }
}

/* Pooling and enlarging of the plainest pictures. */
static void
test_cells (void)
{
  const float            image[] = { -1, -2, -3, -4, 5, -6, -7, -8, -9 };
  g_autoptr (DifBackend) be      = dif_backend_open ("cpu", NULL);
  DifContext            *cx      = dif_context_new (be, DIF_F32);
  DifConvSpec            spec    = { .stride = 2, .pad = { 0, 1, 0, 1 } };
  DifTensor             *x       = dif_upload (cx, DIF_F32, DIF_SHAPE (1, 3, 3, 1), image), *y;
  float                  out[9];

  y = dif_max_pool (cx, x, 3, &spec);
  g_assert_cmpuint (dif_tensor_count (y), ==, 1);
  g_assert_true (dif_download (cx, y, out));
  g_assert_cmpfloat (out[0], ==, 5);
  /* zeros around count as pixels */
  spec.pad.top = spec.pad.left = 1;
  y                            = dif_max_pool (cx, x, 3, &spec);
  g_assert_cmpuint (dif_tensor_count (y), ==, 4);
  x = dif_upload (cx, DIF_F32, DIF_SHAPE (1, 1, 2, 4), image);
  y = dif_pixel_shuffle (cx, x, 2);
  g_assert_true (dif_download (cx, y, out));
  for (guint i = 0; i < 8; i++)
    g_assert_cmpfloat (out[i], ==, ((float[]) { -1, -2, 5, -6, -3, -4, -7, -8 })[i]);
  x = dif_upload (cx, DIF_F32, DIF_SHAPE (1, 1, 2, 1), image);
  g_assert_true (dif_download (cx, dif_resize_bilinear (cx, x, 1, 4, TRUE), out));
  g_assert_cmpfloat_with_epsilon (out[1], -4 / 3.0, 1e-6);
  g_assert_true (dif_download (cx, dif_resize_bilinear (cx, x, 1, 4, FALSE), out));
  g_assert_cmpfloat_with_epsilon (out[1], -1.25, 1e-6);
  dif_context_free (cx);
}

static void
free_case (gpointer data)
{
  g_free (data);
}

static void
add_cases (DifJson *list, guint n_places, const char *kind, const char *key, GTestDataFunc func)
{
  for (guint i = 0; i < dif_json_length (list); i++)
    for (guint p = 0; p < n_places; p++)
      {
        Case            *k    = g_new0 (Case, 1);
        g_autofree char *path = NULL;

        k->entry = dif_json_at (list, i);
        k->place = &rig_devices[p];
        path     = g_strdup_printf ("/models/depth/%s/%s/%s", kind,
                                n_places > 1 ? k->place->name : "cpu",
                                    dif_json_string (k->entry, key, "?"));
        g_test_add_data_func_full (path, k, func, free_case);
      }
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) index = NULL;
  int                 status;

  g_test_init (&argc, &argv, NULL);
  index   = test_read_json ("depth/modules.json");
  tensors = test_read_tensors ("depth/modules.safetensors");
  /* pipelines load estimators for f32, whatever the rest computes in */
  add_cases (dif_json_member (index, "models"), 2, "estimators", "predicted_depth", test_model);
  add_cases (dif_json_member (index, "processors"), 1, "processors", "pixel_values",
             test_processor);
  g_test_add_func ("/models/depth/processors/bad", test_bad_processors);
  g_test_add_func ("/models/depth/processors/vanishing-picture", test_vanishing_picture);
  g_test_add_func ("/models/depth/configs/bad", test_bad_configs);
  g_test_add_func ("/models/depth/estimators/wrong-size", test_wrong_size);
  g_test_add_func ("/models/depth/maps/flat", test_flat_maps);
  g_test_add_func ("/models/depth/maps/pixels", test_cells);
  status = g_test_run ();
  dif_weights_free (tensors);
  return status;
}
