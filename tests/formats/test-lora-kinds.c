/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-lora-kinds.c - what every kind of change makes of a model's weights, against what
 * LyCORIS' forward pass and peft's merging make of them (fixtures/kinds). */
#include <math.h>
#include <string.h>

#include "formats/lora.h"
#include "pipelines/open-checkpoint.h"
#include "support.h"

/* Of the largest number of the tensor; both sides add in single precision. */
#define BOUND 2e-6

static double
largest (const float *x, gsize n)
{
  double out = 0;

  for (gsize i = 0; i < n; i++)
    out = MAX (out, fabs ((double) x[i]));
  return out;
}

/* The tensor @full of the model after the set has changed it, against @golden. */
static double
difference (DifLoraSet *set, DifWeights *weights, const char *name, const DifHostArray *golden)
{
  const DifHostArray *before = dif_weights_lookup (weights, name);
  DifHostArray        array;
  g_autoptr (GBytes)  owner = NULL;
  GError             *error = NULL;
  double              worst = 0;
  gsize               n;

  g_assert_nonnull (before);
  array = *before;
  g_assert_true (dif_lora_set_patch (name, &array, &owner, set, &error));
  g_assert_no_error (error);
  g_assert_nonnull (owner);
  g_assert_true (dif_shape_count (&array.shape, &n));
  g_assert_true (dif_shape_equal (&array.shape, &golden->shape));
  for (gsize i = 0; i < n; i++)
    {
      double d = fabs ((double) ((const float *) array.data)[i] -
                       (double) ((const float *) golden->data)[i]);

      g_assert_true (isfinite (d));
      worst = MAX (worst, d);
    }
  return worst / largest (golden->data, n);
}

/* All tensors of @part in @golden that were merged with @weight. */
static guint
compare_part (DifLoraSet *set, const char *part, const char *weight, DifWeights *golden,
              double *worst)
{
  g_autofree char          *model  = test_fixture ("models/sd15");
  GError                   *error  = NULL;
  g_autoptr (DifCheckpoint) c      = dif_checkpoint_open (model, &error);
  g_autoptr (DifWeights)    loaded = dif_checkpoint_weights (c, part, &error);
  g_autofree char          *prefix = g_strdup_printf ("%s/%s.", weight, part);
  g_autoptr (GPtrArray)     names  = dif_weights_names (golden);
  guint                     n      = 0;

  g_assert_no_error (error);
  g_assert_true (dif_lora_set_bind (set, part, loaded, &error));
  g_assert_no_error (error);
  for (guint i = 0; i < names->len; i++)
    if (g_str_has_prefix (names->pdata[i], prefix))
      {
        const char *name = (const char *) names->pdata[i] + strlen (prefix);
        double      d    = difference (set, loaded, name,
                                       dif_weights_lookup (golden, names->pdata[i]));

        g_test_message ("%s%s: %.1e", prefix, name, d);
        *worst = MAX (*worst, d);
        n++;
      }
  return n;
}

static void
test_kind (gconstpointer data)
{
  DifJson               *c       = (DifJson *) data;
  DifJson               *weights = dif_json_member (c, "weights");
  const char            *name    = dif_json_string (c, "name", "");
  g_autofree char       *plain   = g_strconcat (name, ".safetensors", NULL);
  g_autofree char       *file    = g_build_filename ("kinds", dif_json_string (c, "lora", plain),
                                                     NULL);
  g_autofree char       *path    = test_fixture (file);
  g_autofree char       *merged  = g_strdup_printf ("kinds/%s-merged.safetensors", name);
  g_autoptr (DifWeights) golden  = test_read_tensors (merged);

  for (guint i = 0; i < dif_json_length (weights); i++)
    {
      g_autofree char       *weight  = g_strdup_printf ("%g",
                                                        dif_json_value_double (
                                                     dif_json_at (weights, i)));
      g_autofree char       *spec    = g_strdup_printf ("%s:%s", path, weight);
      const char *const      specs[] = { spec, NULL };
      GError                *error   = NULL;
      g_autoptr (DifLoraSet) set     = dif_lora_set_new (specs, &error);
      double                 worst   = 0;
      guint                  n;

      g_assert_no_error (error);
      n = compare_part (set, "unet", weight, golden, &worst) +
          compare_part (set, "text_encoder", weight, golden, &worst);
      g_assert_true (dif_lora_set_finish (set, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (n, >, 1);
      g_assert_cmpfloat (worst, <, BOUND);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) root = NULL;
  DifJson            *merges;

  g_test_init (&argc, &argv, NULL);
  root   = test_read_json ("kinds/cases.json");
  merges = dif_json_member (root, "merges");
  for (guint i = 0; i < dif_json_length (merges); i++)
    {
      DifJson         *c    = dif_json_at (merges, i);
      g_autofree char *path = g_strdup_printf ("/formats/lora/kinds/%s",
                                               dif_json_string (c, "name", "?"));

      g_test_add_data_func (path, c, test_kind);
    }
  return g_test_run ();
}
