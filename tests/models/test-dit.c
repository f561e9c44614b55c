/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-dit.c - the modern families' networks against diffusers and transformers.
 *
 * Every entry of tests/fixtures/dit/index.json, on every backend.  A model
 * nobody here knows fails the test.
 */
#include <string.h>

#include "formats/safetensors.h"
#include "models/flux.h"
#include "models/flux2.h"
#include "models/qwen3.h"
#include "models/sd3.h"
#include "models/t5.h"
#include "models/vae.h"
#include "models/zimage.h"
#include "rig.h"

typedef struct
{
  const RigDevice *place;
  DifJson         *entry;
} Case;

/* One case while it runs. */
typedef struct
{
  const RigDevice *place;
  DifJson         *entry, *config;
  DifWeights      *tensors, *weights;
  Rig              rig;
} Run;

/* Compares and prints; a difference fails the test at its end, so that all are seen. */
static void
check (Run *run, DifTensor *found, const char *tensor)
{
  double           worst = rig_compare (&run->rig, found, run->tensors, tensor);
  double           bound = run->place->model_bound;
  g_autofree char *torch = rig_torch_off (run->entry);

  g_test_message ("%s: %.1e of %.0e%s", tensor, worst, bound, torch);
  if (worst > bound)
    g_test_fail_printf ("%s: %.3e is more than %.0e", tensor, worst, bound);
}

static DifTensor *
input (Run *run, const char *tensor)
{
  return rig_upload (&run->rig, run->tensors, tensor);
}

static gint32 *
read_ids (Run *run, const char *name, gsize *n_batch, gsize *n_ids)
{
  const DifHostArray *array = dif_weights_lookup (run->tensors, name);
  gint32             *ids;

  g_assert_nonnull (array);
  g_assert_true (array->encoding == DIF_ENC_I64);
  *n_batch = array->shape.d[0];
  *n_ids   = *n_batch * array->shape.d[1];
  ids      = g_new (gint32, *n_ids);
  for (gsize i = 0; i < *n_ids; i++)
    ids[i] = (gint32) ((const gint64 *) array->data)[i];
  return ids;
}

/* ---- text encoders ---- */

static void
run_qwen3 (Run *run)
{
  DifJson           *lengths = dif_json_member (run->entry, "lengths");
  DifJson           *layers  = dif_json_member (run->entry, "layers");
  guint              n       = dif_json_length (layers), seen[8];
  int                wanted[8];
  GError            *error = NULL;
  gsize              n_batch, n_ids;
  g_autofree gint32 *ids = read_ids (run, "ids", &n_batch, &n_ids);
  DifQwen3          *m   = dif_qwen3_load (run->config, run->rig.loader, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < n; i++)
    wanted[i] = (int) dif_json_value_int (dif_json_at (layers, i), 0, 100);
  for (guint i = 0; i < n_batch; i++)
    seen[i] = (guint) dif_json_value_int (dif_json_at (lengths, i), 1, 1000);
  check (run, dif_qwen3_encode (m, run->rig.cx, ids, seen, n_batch, n_ids, wanted, n), "states");
  for (guint i = 0; i < n; i++)
    wanted[i] -= (int) dif_qwen3_n_layers (m) + 1;
  check (run, dif_qwen3_encode (m, run->rig.cx, ids, seen, n_batch, n_ids, wanted, n), "states");
  dif_qwen3_free (m);
}

static void
run_t5 (Run *run)
{
  GError            *error = NULL;
  gsize              n_batch, n_ids;
  g_autofree gint32 *ids = read_ids (run, "ids", &n_batch, &n_ids);
  DifT5             *m   = dif_t5_load (run->config, run->rig.loader, &error);

  g_assert_no_error (error);
  check (run, dif_t5_encode (m, run->rig.cx, ids, n_batch, n_ids), "states");
  dif_t5_free (m);
}

/* ---- denoisers ---- */

static void
run_flux2 (Run *run)
{
  DifContext       *cx = run->rig.cx;
  DifShape          s, t;
  g_autofree float *ids      = test_floats (run->tensors, "img_ids", &s);
  g_autofree float *text_ids = test_floats (run->tensors, "txt_ids", &t);
  double            at       = dif_json_double (run->entry, "timestep", -1);
  double            guidance = dif_json_double (run->entry, "guidance", -1);
  gsize             n        = (gsize) dif_json_int (run->entry, "tokens", 0, 1, 1000);
  GError           *error    = NULL;
  DifFlux2         *m        = dif_flux2_load (run->config, run->rig.loader, &error);
  DifTensor        *time, *out;

  g_assert_no_error (error);
  time = dif_flux2_time (m, cx, 1, at, guidance);
  out  = dif_flux2_forward (
      m, cx, input (run, "hidden_states"), input (run, "encoder_hidden_states"), time,
      dif_flux2_positions (m, cx, s.d[0], ids), dif_flux2_positions (m, cx, t.d[0], text_ids), n);
  check (run, out, "sample");
  g_assert_cmpint (out->dtype, ==, DIF_F32);
  dif_flux2_free (m);
}

static void
run_flux (Run *run)
{
  DifContext       *cx = run->rig.cx;
  DifShape          s, t;
  g_autofree float *ids      = test_floats (run->tensors, "img_ids", &s);
  g_autofree float *text_ids = test_floats (run->tensors, "txt_ids", &t);
  double            at       = dif_json_double (run->entry, "timestep", -1);
  double            guidance = dif_json_double (run->entry, "guidance", -1);
  gsize             n        = (gsize) dif_json_int (run->entry, "tokens", 0, 1, 1000);
  GError           *error    = NULL;
  DifFlux          *m        = dif_flux_load (run->config, run->rig.loader, &error);
  DifTensor        *time, *out;

  g_assert_no_error (error);
  time = dif_flux_time (m, cx, 2, at, guidance, input (run, "pooled_projections"));
  out  = dif_flux_forward (m, cx, input (run, "hidden_states"),
                           input (run, "encoder_hidden_states"),
                           time, dif_flux_positions (m, cx, s.d[0], ids),
                           dif_flux_positions (m, cx, t.d[0], text_ids), n);
  check (run, out, "sample");
  dif_flux_free (m);
}

static void
run_zimage (Run *run)
{
  DifContext     *cx      = run->rig.cx;
  double          at      = dif_json_double (run->entry, "timestep", -1);
  GError         *error   = NULL;
  DifTensor      *latents = input (run, "latents"), *states = input (run, "states");
  DifZimage      *m = dif_zimage_load (run->config, run->rig.loader, &error);
  DifTensor      *caption, *time;
  DifZimageLayout layout;

  g_assert_no_error (error);
  dif_zimage_layout (m, cx, dif_tensor_dim (latents, 1), dif_tensor_dim (latents, 2),
                     dif_tensor_dim (states, 1), &layout);
  caption = dif_zimage_caption (m, cx, states, &layout);
  time    = dif_zimage_time (m, cx, 1, at);
  check (run, dif_zimage_forward (m, cx, latents, caption, time, &layout), "sample");
  dif_zimage_free (m);
}

static void
run_sd3 (Run *run)
{
  DifContext *cx      = run->rig.cx;
  double      at      = dif_json_double (run->entry, "timestep", -1);
  GError     *error   = NULL;
  DifTensor  *latents = input (run, "latents"), *positions, *time;
  DifSd3     *m       = dif_sd3_load (run->config, run->rig.loader, &error);

  g_assert_no_error (error);
  positions = dif_sd3_positions (m, cx, dif_tensor_dim (latents, 1), dif_tensor_dim (latents, 2));
  time      = dif_sd3_time (m, cx, 2, at, input (run, "pooled_projections"));
  check (run, dif_sd3_forward (m, cx, latents, input (run, "states"), time, positions), "sample");
  dif_sd3_free (m);
}

/* ---- autoencoders ---- */

/* The mean of what the encoder gives, and as latents, in patches where it has them. */
static void
check_encoded (Run *run, DifVae *m)
{
  DifContext       *cx     = run->rig.cx;
  DifTensor        *both   = dif_vae_encode (m, cx, input (run, "image"));
  DifTensor        *mode   = dif_slice_channels (cx, both, 0, dif_vae_latent_channels (m));
  DifTensor        *packed = dif_patchify (cx, mode, dif_vae_patch (m), TRUE);
  g_autofree float *z      = NULL;
  gsize             n = dif_tensor_dim (packed, 0), C = dif_vae_packed_channels (m);
  gsize             h = dif_tensor_dim (packed, 1), w = dif_tensor_dim (packed, 2);

  check (run, mode, "mode");
  z = rig_download (&run->rig, packed);
  dif_vae_to_latents (m, z, n, h * w, TRUE);
  check (run, dif_upload_nchw (cx, DIF_F32, n, C, h, w, z), "latents");
}

/* There and back: latents to what the decoder takes. */
static void
check_decoded (Run *run, DifVae *m)
{
  DifContext       *cx = run->rig.cx;
  DifShape          s;
  g_autofree float *z = test_floats (run->tensors, "latents", &s);
  DifTensor        *packed, *mode;

  dif_vae_from_latents (m, z, s.d[0], s.d[2] * s.d[3]);
  packed = dif_upload_nchw (cx, DIF_F32, s.d[0], s.d[1], s.d[2], s.d[3], z);
  mode   = dif_unpatchify (cx, packed, dif_vae_patch (m), TRUE);
  check (run, mode, "mode");
  check (run, dif_vae_decode (m, cx, mode), "decoded");
}

static void
run_vae (Run *run)
{
  const char *class = dif_json_string (run->config, "_class_name", "?");
  GError *error     = NULL;
  DifVae *m;

  m = strcmp (class, "AutoencoderKLFlux2") == 0
          ? dif_vae_load_packed (run->config, run->rig.loader, &error)
          : dif_vae_load (run->config, run->rig.loader, &error);
  g_assert_no_error (error);
  check_encoded (run, m);
  check_decoded (run, m);
  dif_vae_free (m);
}

static const struct
{
  const char *class;
  void (*run) (Run *run);
} known[] = { { "Qwen3Model", run_qwen3 },
              { "T5EncoderModel", run_t5 },
              { "FluxTransformer2DModel", run_flux },
              { "Flux2Transformer2DModel", run_flux2 },
              { "ZImageTransformer2DModel", run_zimage },
              { "SD3Transformer2DModel", run_sd3 },
              { "AutoencoderKLFlux2", run_vae },
              { "AutoencoderKL", run_vae } };

static void
test_case (gconstpointer data)
{
  const Case            *c       = data;
  const char            *model   = dif_json_string (c->entry, "model", "?"), *class;
  g_autofree char       *folder  = g_build_filename ("dit", model, NULL);
  g_autofree char       *config  = g_build_filename (folder, "config.json", NULL);
  g_autofree char       *file    = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char       *name    = NULL;
  g_autoptr (DifJson)    json    = test_read_json (config);
  g_autoptr (DifWeights) weights = test_read_tensors (file);
  Run                    run     = { .place = c->place, .entry = c->entry, .config = json };

  name        = g_strdup_printf ("dit/%s.safetensors", dif_json_string (c->entry, "name", "?"));
  run.tensors = test_read_tensors (name);
  class       = dif_json_string (json, "_class_name", "?");
  if (rig_open (&run.rig, c->place, weights))
    {
      guint i = 0;

      while (i < G_N_ELEMENTS (known) && strcmp (known[i].class, class) != 0)
        i++;
      g_assert_cmpuint (i, <, G_N_ELEMENTS (known));
      known[i].run (&run);
      rig_close (&run.rig);
    }
  dif_weights_free (run.tensors);
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) index = NULL;
  DifJson            *models;

  g_test_init (&argc, &argv, NULL);
  index  = test_read_json ("dit/index.json");
  models = dif_json_member (index, "models");
  for (guint i = 0; i < dif_json_length (models); i++)
    for (guint p = 0; p < G_N_ELEMENTS (rig_devices); p++)
      {
        Case            *c     = g_new (Case, 1);
        DifJson         *entry = dif_json_at (models, i);
        g_autofree char *path  = NULL;

        *c   = (Case) { &rig_devices[p], entry };
        path = g_strdup_printf ("/models/dit/%s/%s", dif_json_string (entry, "name", "?"),
                                rig_devices[p].name);
        g_test_add_data_func_full (path, c, test_case, g_free);
      }
  return g_test_run ();
}
