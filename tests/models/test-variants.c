/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-variants.c - what no fixture holds: options of published U-Nets that
 * can be told from the plain one, pictures of odd sizes, and inputs that do
 * not fit.
 */
#include <math.h>
#include <string.h>

#include "rig.h"

/* A model of the small SD 1.5 checkpoint, with one key of its config changed. */
typedef struct
{
  Rig         rig;
  DifJson    *config;
  DifWeights *weights;
} Part;

static void
part_open (Part *p, const RigDevice *place, const char *part, const char *key, const char *value)
{
  g_autofree char          *path       = test_fixture ("models/sd15");
  GError                   *error      = NULL;
  g_autoptr (DifCheckpoint) checkpoint = dif_checkpoint_open (path, &error);

  g_assert_no_error (error);
  p->config = dif_checkpoint_config (checkpoint, part, &error);
  g_assert_no_error (error);
  p->weights = dif_checkpoint_weights (checkpoint, part, &error);
  g_assert_no_error (error);
  if (key && strcmp (value, "true") == 0)
    dif_json_set_bool (p->config, key, TRUE);
  else if (key)
    dif_json_set_null (p->config, key);
  g_assert_true (rig_open (&p->rig, place, p->weights));
}

static void
part_close (Part *p)
{
  rig_close (&p->rig);
  dif_weights_free (p->weights);
  dif_json_unref (p->config);
}

static DifTensor *
noise (Rig *rig, guint64 seed, gsize n, gsize h, gsize w, gsize c)
{
  g_autoptr (DifRng) rng = dif_rng_new (seed);

  return dif_randn (rig->cx, rng, n, h, w, c);
}

/* Embeddings [n, 5, 32]. */
static DifTensor *
embeds (Rig *rig, guint64 seed, gsize n)
{
  return dif_reshape (rig->cx, noise (rig, seed, n, 5, 1, 32), DIF_SHAPE (n, 5, 32));
}

static DifUnet *
unet_load (Part *p)
{
  GError  *error = NULL;
  DifUnet *m     = dif_unet_load (p->config, p->rig.loader, &error);

  g_assert_no_error (error);
  return m;
}

/* One call; the result as float32 [N, C, h, w]. */
static float *
unet_run (Part *p, DifTensor *sample, DifTensor *context)
{
  DifUnet     *m    = unet_load (p);
  DifUnetText *text = dif_unet_text_new (m, p->rig.cx, context);
  DifTensor   *out  = dif_unet_forward (m, p->rig.cx, sample, 321.5, text);
  float       *data = rig_download (&p->rig, out);

  g_assert_true (dif_shape_equal (&out->shape, &sample->shape));
  dif_unet_text_free (text);
  dif_unet_free (m);
  return data;
}

/* ---- options ---- */

/* Puts zeros where tensors called @name would be. */
static void
replace_by_zeros (DifWeights *w, const char *name)
{
  const DifHostArray *old   = dif_weights_lookup (w, name);
  DifHostArray        array = { .encoding = DIF_ENC_F32 };
  g_autofree char    *away  = g_strconcat ("away.", name, NULL);
  g_autoptr (GBytes)  owner = NULL;
  gsize               n;

  g_assert_nonnull (old);
  array.shape = old->shape;
  g_assert_true (dif_shape_count (&array.shape, &n));
  owner      = g_bytes_new_take (g_new0 (float, n), n * sizeof (float));
  array.data = g_bytes_get_data (owner, NULL);
  g_assert_true (dif_weights_rename (w, name, away));
  g_assert_true (dif_weights_add (w, name, &array, owner));
}

/* A middle block whose last projections are zero adds nothing, so it is the
 * same as none. */
static void
test_no_middle (gconstpointer data)
{
  static const char *const last[] = { "resnets.0.conv2", "resnets.1.conv2",
                                      "attentions.0.proj_out" };
  Part                     with, without;
  g_autofree float        *a = NULL, *b = NULL;

  part_open (&with, data, "unet", NULL, NULL);
  part_open (&without, data, "unet", "mid_block_type", "null");
  for (guint i = 0; i < G_N_ELEMENTS (last); i++)
    {
      g_autofree char *weight = g_strdup_printf ("mid_block.%s.weight", last[i]);
      g_autofree char *bias   = g_strdup_printf ("mid_block.%s.bias", last[i]);

      replace_by_zeros (with.weights, weight);
      replace_by_zeros (with.weights, bias);
    }
  a = unet_run (&with, noise (&with.rig, 1, 1, 8, 8, 4), embeds (&with.rig, 2, 1));
  b = unet_run (&without, noise (&without.rig, 1, 1, 8, 8, 4), embeds (&without.rig, 2, 1));
  g_assert_cmpfloat (test_relative_difference (b, a, 4 * 8 * 8), <=, 1e-6);
  part_close (&with);
  part_close (&without);
}

static void
test_centered (gconstpointer data)
{
  Part              plain, centered;
  g_autofree float *a = NULL, *b = NULL, *x = NULL;
  DifTensor        *sample;

  part_open (&plain, data, "unet", NULL, NULL);
  part_open (&centered, data, "unet", "center_input_sample", "true");
  sample = noise (&plain.rig, 1, 1, 8, 8, 4);
  x      = rig_download (&plain.rig, sample);
  for (guint i = 0; i < 4 * 8 * 8; i++)
    x[i] = 2 * x[i] - 1;
  sample = dif_upload_nchw (plain.rig.cx, DIF_F32, 1, 4, 8, 8, x);
  a      = unet_run (&plain, sample, embeds (&plain.rig, 2, 1));
  b      = unet_run (&centered, noise (&centered.rig, 1, 1, 8, 8, 4), embeds (&centered.rig, 2, 1));
  g_assert_cmpfloat (test_relative_difference (b, a, 4 * 8 * 8), <=, 1e-5);
  part_close (&plain);
  part_close (&centered);
}

/* ---- sizes and batches ---- */

/* Any size is drawn, however small: nothing divides by 2^levels. */
static void
test_sizes (gconstpointer data)
{
  static const gsize sizes[][2] = { { 1, 1 }, { 1, 5 }, { 2, 3 }, { 7, 1 }, { 17, 9 } };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      gsize             h = sizes[i][0], w = sizes[i][1];
      Part              p;
      g_autofree float *out = NULL;

      part_open (&p, data, "unet", NULL, NULL);
      out = unet_run (&p, noise (&p.rig, 1, 1, h, w, 4), embeds (&p.rig, 2, 1));
      for (gsize k = 0; k < 4 * h * w; k++)
        g_assert_true (isfinite (out[k]));
      part_close (&p);
    }
}

/* Two pictures of two prompts at once are the two by themselves. */
static void
test_batch (gconstpointer data)
{
  const gsize       n = 4 * 6 * 5;
  Part              p;
  DifContext       *cx;
  DifTensor        *x, *e;
  g_autofree float *both = NULL;

  part_open (&p, data, "unet", NULL, NULL);
  cx   = p.rig.cx;
  x    = noise (&p.rig, 1, 2, 6, 5, 4);
  e    = embeds (&p.rig, 2, 2);
  both = unet_run (&p, x, e);
  for (gsize i = 0; i < 2; i++)
    {
      g_autofree float *one = unet_run (&p, dif_slice_batch (cx, x, i, 1),
                                        dif_slice_batch (cx, e, i, 1));

      g_assert_cmpfloat (test_relative_difference (both + i * n, one, n), <=, 1e-5);
    }
  part_close (&p);
}

/* ---- inputs that do not fit ---- */

/* The context must have failed, once, in one line that names @where. */
static void
assert_misfit (Part *p, DifTensor *out, const char *where)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (out->data);
  g_assert_false (dif_context_finish (p->rig.cx, &error));
  g_test_message ("%s", error->message);
  g_assert_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE);
  g_assert_null (strchr (error->message, '\n'));
  if (! strstr (error->message, where))
    g_error ("no \"%s\" in \"%s\"", where, error->message);
}

static void
test_unet_misfits (gconstpointer data)
{
  Part         p;
  DifContext  *cx;
  DifUnet     *m;
  DifUnetText *text;

  part_open (&p, data, "unet", NULL, NULL);
  cx   = p.rig.cx;
  m    = unet_load (&p);
  text = dif_unet_text_new (m, cx, embeds (&p.rig, 2, 1));
  assert_misfit (&p, dif_unet_forward (m, cx, noise (&p.rig, 1, 1, 8, 8, 9), 1, text), "conv");
  assert_misfit (&p, dif_unet_forward (m, cx, noise (&p.rig, 1, 3, 8, 8, 4), 1, text), "attention");
  dif_unet_text_free (text);
  text = dif_unet_text_new (m, cx, noise (&p.rig, 2, 1, 1, 5, 31));
  assert_misfit (&p, dif_unet_forward (m, cx, noise (&p.rig, 1, 1, 8, 8, 4), 1, text), "text");
  /* keys and values of a failed context stay no good */
  g_assert_null (dif_unet_forward (m, cx, noise (&p.rig, 1, 1, 8, 8, 4), 1, text)->data);
  dif_unet_text_free (text);
  dif_unet_free (m);
  part_close (&p);
}

static void
test_vae_misfits (gconstpointer data)
{
  Part    p;
  GError *error = NULL;
  DifVae *m;

  part_open (&p, data, "vae", NULL, NULL);
  m = dif_vae_load (p.config, p.rig.loader, &error);
  g_assert_no_error (error);
  assert_misfit (&p, dif_vae_decode (m, p.rig.cx, noise (&p.rig, 1, 1, 8, 8, 5)), "decoder");
  assert_misfit (&p, dif_vae_encode (m, p.rig.cx, noise (&p.rig, 1, 1, 8, 8, 4)), "encoder");
  dif_vae_free (m);
  part_close (&p);
}

static void
test_text_misfits (gconstpointer data)
{
  const DifHiddenSpec last    = { .layer = -1, .is_normed = TRUE };
  gint32              ids[78] = { 0 };
  Part                p;
  GError             *error = NULL;
  DifClipText        *m;

  part_open (&p, data, "text_encoder", NULL, NULL);
  m = dif_clip_text_load (p.config, p.rig.loader, &error);
  g_assert_no_error (error);
  assert_misfit (&p, dif_clip_text_encode (m, p.rig.cx, ids, 1, 78, &last, NULL), "embed");
  ids[5] = 844;
  assert_misfit (&p, dif_clip_text_encode (m, p.rig.cx, ids, 1, 77, &last, NULL), "844");
  ids[5] = -1;
  assert_misfit (&p, dif_clip_text_encode (m, p.rig.cx, ids, 1, 77, &last, NULL), "-1");
  dif_clip_text_free (m);
  part_close (&p);
}

static const struct
{
  const char   *name;
  GTestDataFunc func;
} tests[] = {
  { "no-middle-is-a-silent-middle", test_no_middle },
  { "centered-input", test_centered },
  { "any-size", test_sizes },
  { "a-batch-is-its-items", test_batch },
  { "misfits-unet", test_unet_misfits },
  { "misfits-vae", test_vae_misfits },
  { "misfits-text", test_text_misfits },
};

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint p = 0; p < 2; p++)
    for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
      {
        g_autofree char *path = g_strdup_printf ("/models/variants/%s/%s", rig_devices[p].name,
                                                 tests[i].name);

        g_test_add_data_func (path, &rig_devices[p], tests[i].func);
      }
  return g_test_run ();
}
