/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-golden-files.c - pictures from single files, against those from folders.
 *
 * The folders' pictures are compared with diffusers' by test-golden.c; a single
 * file of the same tensors must give the same ones, bit for bit.  One thread:
 * the order of sums depends on their number.
 */
#include <string.h>

#include "formats/scratch.h"
#include "single.h"
#include "support.h"

static char *scratch;

static DifResult *
draw (DifPipeline *pipe)
{
  GError                *error = NULL;
  g_autoptr (DifRequest) rq    = dif_request_new ("txt2img", &error);
  DifResult             *result;

  dif_request_set (rq, "prompt", "a red cube beside a blue sphere, night!", &error);
  g_assert_no_error (error);
  dif_request_set_number (rq, "steps", 3, &error);
  dif_request_set_number (rq, "width", 64, &error);
  dif_request_set_number (rq, "height", 64, &error);
  dif_request_set_number (rq, "seed", 5, &error);
  g_assert_no_error (error);
  result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
  g_assert_no_error (error);
  return result;
}

static DifPipeline *
load (const char *path)
{
  GError      *error = NULL;
  DifPipeline *pipe  = dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error);

  g_assert_no_error (error);
  return pipe;
}

static double
difference (DifResult *a, DifResult *b)
{
  gsize n = (gsize) dif_result_width (a) * dif_result_height (a) * 3;

  g_assert_cmpuint (dif_result_width (a), ==, dif_result_width (b));
  g_assert_cmpuint (dif_result_height (a), ==, dif_result_height (b));
  return test_max_difference (dif_result_pixels (a, 0), dif_result_pixels (b, 0), n);
}

static void
test_single (gconstpointer data)
{
  const char             *model     = data;
  char                   *folder    = scratch_new ();
  g_autofree char        *models    = g_build_filename ("models", model, NULL);
  g_autofree char        *from      = test_fixture (models);
  g_autofree char        *tokenizer = g_build_filename (from, "tokenizer", NULL);
  g_autofree char        *path      = single_write (folder, model, DIF_F32);
  g_autoptr (DifPipeline) whole     = NULL;
  g_autoptr (DifPipeline) single    = NULL;
  g_autoptr (DifResult)   a = NULL, b = NULL;

  scratch_copy (folder, "tokenizer", tokenizer);
  whole  = load (from);
  single = load (path);
  a      = draw (whole);
  b      = draw (single);
  g_assert_cmpfloat (difference (a, b), ==, 0);
  scratch_free (folder);
}

/* Halves are computed in f32, so that their rounding is all that is lost. */
static void
test_dtypes (void)
{
  static const struct
  {
    DifDtype dtype;
    double   bound;
  } rows[]                      = { { DIF_F16, 0.01 }, { DIF_BF16, 0.1 } };
  g_autofree char        *from  = test_fixture ("models/sd15");
  g_autofree char        *words = test_fixture ("models/sd15/tokenizer");
  g_autoptr (DifPipeline) whole = load (from);
  g_autoptr (DifResult)   a     = draw (whole);

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char                   *folder = scratch_new ();
      g_autofree char        *path   = single_write (folder, "sd15", rows[i].dtype);
      g_autoptr (DifPipeline) single = NULL;
      g_autoptr (DifResult)   b      = NULL;
      double                  found;

      scratch_copy (folder, "tokenizer", words);
      single = load (path);
      b      = draw (single);
      found  = difference (a, b);
      g_test_message ("%s: %.1e", dif_dtype_name (rows[i].dtype), found);
      g_assert_cmpfloat (found, >, 0);
      g_assert_cmpfloat (found, <, rows[i].bound);
      scratch_free (folder);
    }
}

/* Without a vocabulary one line says how to get one; then it is found in the
 * user's data folder, beside the file, or in an installed model. */
static void
test_vocabulary (void)
{
  char                    *folder   = scratch_new ();
  g_autofree char         *path     = single_write (folder, "sd15", DIF_F32);
  g_autofree char         *words    = test_fixture ("models/sd15/tokenizer");
  g_autofree char         *other    = test_fixture ("models/sd21/tokenizer");
  static const char *const places[] = { "data/gimp-diffusion/tokenizers/clip",
                                        "data/gimp-diffusion/models/other/tokenizer" };
  g_autoptr (GError)       error    = NULL;

  g_assert_null (dif_pipeline_load (path, "cpu", "f32", NULL, NULL, NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (error, "sd15.safetensors: expected CLIP's vocabulary of 844 words");
  assert_one_line (error, "dif import-tokenizer");
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autoptr (DifPipeline) pipe = NULL;

      scratch_copy (scratch, places[i], i ? other : words);
      scratch_write_text (scratch, "data/gimp-diffusion/models/other/model_index.json", "{}");
      pipe = load (path);
      /* whichever folder the words are from, the file's family fills prompts */
      g_assert_cmpint (dif_tokenizer_pad (dif_pipeline_tokenizer (pipe)), ==, 843);
      scratch_remove (scratch, places[i]);
    }
  scratch_free (folder);
}

int
main (int argc, char **argv)
{
  g_autofree char *data = NULL;
  int              status;

  g_setenv ("OMP_NUM_THREADS", "1", TRUE);
  scratch = scratch_new ();
  data    = scratch_path (scratch, "data");
  g_setenv ("XDG_DATA_HOME", data, TRUE);
  g_setenv ("XDG_DATA_DIRS", data, TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/golden/single-file/sd15", "sd15", test_single);
  g_test_add_data_func ("/golden/single-file/sd21", "sd21", test_single);
  g_test_add_func ("/golden/single-file/halves", test_dtypes);
  g_test_add_func ("/golden/single-file/vocabulary", test_vocabulary);
  status = g_test_run ();
  scratch_free (scratch);
  return status;
}
