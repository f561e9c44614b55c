/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-modules.c - whole networks, and a U-Net block by block, against
 * diffusers.
 *
 * Every entry of `models` in tests/fixtures/modules/index.json, on every
 * backend.  A module nobody here knows fails the test.
 */
#include <string.h>

#include "models/unet-private.h"
#include "nn/embed.h"
#include "rig.h"

typedef struct
{
  const RigDevice *place;
  const char      *tensors; /* name of the fixture, but for the model's */
  DifJson         *entry;
} Case;

/* One case while it runs. */
typedef struct
{
  const RigDevice *place;
  DifJson         *entry;
  const char      *model;
  DifWeights      *tensors; /* the fixture's inputs and outputs */
  Rig              rig;
} Run;

static const char *
name_of (DifJson *entry, const char *group, const char *key)
{
  return dif_json_string (dif_json_member (entry, group), key, "?");
}

/* Opens part @part of the model's checkpoint; FALSE if the place lacks it. */
static gboolean
open_part (Run *run, const char *part, DifJson **config, DifWeights **weights)
{
  g_autofree char          *relative   = g_build_filename ("models", run->model, NULL);
  g_autofree char          *path       = test_fixture (relative);
  GError                   *error      = NULL;
  g_autoptr (DifCheckpoint) checkpoint = dif_checkpoint_open (path, &error);

  g_assert_no_error (error);
  *config = dif_checkpoint_config (checkpoint, part, &error);
  g_assert_no_error (error);
  *weights = dif_checkpoint_weights (checkpoint, part, &error);
  g_assert_no_error (error);
  return rig_open (&run->rig, run->place, *weights);
}

static DifTensor *
input (Run *run, const char *key)
{
  return rig_upload (&run->rig, run->tensors, name_of (run->entry, "inputs", key));
}

/* Compares and prints; a difference fails the test at its end, so that all are seen. */
static void
check (Run *run, DifTensor *found, const char *tensor, const char *what)
{
  double           worst = rig_compare (&run->rig, found, run->tensors, tensor);
  double           bound = run->place->model_bound;
  g_autofree char *torch = rig_torch_off (run->entry);

  g_test_message ("%s: %.1e of %.0e%s", what, worst, bound, torch);
  if (worst > bound)
    g_test_fail_printf ("%s: %.3e is more than %.0e", what, worst, bound);
}

/* ---- text encoder ---- */

static gint32 *
read_ids (Run *run, gsize *n_batch, gsize *n_ids)
{
  const char         *name  = name_of (run->entry, "inputs", "input_ids");
  const DifHostArray *array = dif_weights_lookup (run->tensors, name);
  gint32             *ids;

  g_assert_nonnull (array);
  g_assert_true (array->encoding == DIF_ENC_I64 || array->encoding == DIF_ENC_I32);
  *n_batch = array->shape.d[0];
  *n_ids   = *n_batch * array->shape.d[1];
  ids      = g_new (gint32, *n_ids);
  for (gsize i = 0; i < *n_ids; i++)
    ids[i] = array->encoding == DIF_ENC_I64 ? (gint32) ((const gint64 *) array->data)[i]
                                            : ((const gint32 *) array->data)[i];
  return ids;
}

/* The whole prompt and the layers before the last, of an encoder with a
 * projection. */
static void
run_text_projected (Run *run)
{
  const DifHiddenSpec    penultimate = { .layer = -2 }, before = { .layer = -3 };
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (DifWeights) weights = NULL;
  GError                *error   = NULL;
  gsize                  n_batch, n_ids;
  g_autofree gint32     *ids    = read_ids (run, &n_batch, &n_ids);
  DifTensor             *pooled = NULL, *hidden;
  DifClipText           *m;

  if (! open_part (run, "text_encoder_2", &config, &weights))
    return;
  m = dif_clip_text_load_projected (config, run->rig.loader, &error);
  g_assert_no_error (error);
  hidden = dif_clip_text_encode (m, run->rig.cx, ids, n_batch, n_ids, &penultimate, &pooled);
  g_assert_cmpuint (dif_tensor_dim (pooled, 1), ==, dif_clip_text_pooled_width (m));
  check (run, pooled, name_of (run->entry, "outputs", "text_embeds"), "text_embeds");
  check (run, hidden, name_of (run->entry, "outputs", "skip 0"), "skip 0");
  hidden = dif_clip_text_encode (m, run->rig.cx, ids, n_batch, n_ids, &before, &pooled);
  check (run, pooled, name_of (run->entry, "outputs", "text_embeds"), "text_embeds, skipping");
  check (run, hidden, name_of (run->entry, "outputs", "skip 1"), "skip 1");
  hidden = dif_clip_text_encode (m, run->rig.cx, ids, n_batch, n_ids, &before, NULL);
  check (run, hidden, name_of (run->entry, "outputs", "skip 1"), "skip 1 alone");
  dif_clip_text_free (m);
  rig_close (&run->rig);
}

static void
run_text (Run *run)
{
  const DifHiddenSpec    last     = { .layer = -1, .is_normed = TRUE };
  g_autoptr (DifJson)    config   = NULL;
  g_autoptr (DifWeights) weights  = NULL;
  GError                *error    = NULL;
  DifJson               *hidden   = dif_json_member (run->entry, "hidden_states");
  int                    n_layers = (int) dif_json_length (hidden) - 1;
  gsize                  n_batch, n_ids;
  g_autofree gint32     *ids = read_ids (run, &n_batch, &n_ids);
  DifClipText           *m;
  DifContext            *cx;

  if (! open_part (run, "text_encoder", &config, &weights))
    return;
  cx = run->rig.cx;
  m  = dif_clip_text_load (config, run->rig.loader, &error);
  g_assert_no_error (error);
  check (run, dif_clip_text_encode (m, cx, ids, n_batch, n_ids, &last, NULL),
         name_of (run->entry, "outputs", "last_hidden_state"), "last_hidden_state");
  for (int i = 0; i <= n_layers; i++)
    {
      const char         *tensor   = dif_json_value_string (dif_json_at (hidden, (guint) i));
      const DifHiddenSpec from_end = { .layer = i - n_layers - 1 }, from_start = { .layer = i };
      gsize               n_one = n_ids / n_batch;

      check (run, dif_clip_text_encode (m, cx, ids, 1, n_one, &from_start, NULL), tensor, tensor);
      if (i)
        check (run, dif_clip_text_encode (m, cx, ids, 1, n_one, &from_end, NULL), tensor,
               "the same, counted from the end");
    }
  dif_clip_text_free (m);
  rig_close (&run->rig);
}

/* ---- U-Net ---- */

/* What some families add to the prompt. */
static void
add_to_text (Run *run, DifUnet *m, DifUnetText *text)
{
  DifJson *inputs = dif_json_member (run->entry, "inputs");

  if (dif_json_has (inputs, "time_ids"))
    {
      DifShape          s;
      g_autofree float *ids = test_floats (run->tensors, name_of (run->entry, "inputs", "time_ids"),
                                           &s);

      dif_unet_text_add_sizes (text, m, run->rig.cx, input (run, "text_embeds"), ids,
                               (guint) s.d[1]);
    }
  if (dif_json_has (run->entry, "guidance_scale"))
    dif_unet_text_add_guidance (text, m, run->rig.cx, 2,
                                dif_json_double (run->entry, "guidance_scale", 0));
}

static void
run_unet (Run *run)
{
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (DifWeights) weights = NULL;
  GError                *error   = NULL;
  double                 t       = dif_json_double (run->entry, "timestep", -1);
  DifUnet               *m;
  DifUnetText           *text;
  DifTensor             *out;

  if (! open_part (run, "unet", &config, &weights))
    return;
  m = dif_unet_load (config, run->rig.loader, &error);
  g_assert_no_error (error);
  text = dif_unet_text_new (m, run->rig.cx, input (run, "encoder_hidden_states"));
  add_to_text (run, m, text);
  out = dif_unet_forward (m, run->rig.cx, input (run, "sample"), t, text);
  check (run, out, name_of (run->entry, "outputs", "sample"), "sample");
  g_assert_cmpint (out->dtype, ==, DIF_F32);
  dif_unet_text_free (text);
  dif_unet_free (m);
  rig_close (&run->rig);
}

/* What travels along the blocks when they are run one by one; @last is what
 * the output's norm is given. */
typedef struct
{
  Run       *run;
  DifUnet   *m;
  DifTensor *context, *time, *h, *last;
  GPtrArray *skips;
} Walk;

/* Compares what a block gave, if the fixture has it. */
static void
reached (Walk *w, const char *format, ...)
{
  DifJson         *outputs = dif_json_member (w->run->entry, "outputs");
  g_autofree char *name    = NULL;
  va_list          args;

  va_start (args, format);
  name = g_strdup_vprintf (format, args);
  va_end (args);
  if (dif_json_has (outputs, name))
    check (w->run, w->h, dif_json_string (outputs, name, "?"), name);
}

static DifTensor *
attend (Walk *w, const DifTransformer *t, DifTensor *x)
{
  g_autoptr (GPtrArray) kv = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref);

  dif_transformer_text (t, w->run->rig.cx, w->context, kv);
  return dif_transformer_forward (t, w->run->rig.cx, x, (DifTensor **) kv->pdata);
}

static void
walk_layer (Walk *w, const DifUnetLevel *level, guint j, const char *block)
{
  w->h = dif_resnet_forward (&level->resnets[j], w->run->rig.cx, w->h, w->time);
  reached (w, "%s.resnets.%u", block, j);
  if (level->transformers)
    w->h = attend (w, &level->transformers[j], w->h);
  reached (w, "%s.attentions.%u", block, j);
}

static void
walk_down (Walk *w, guint i)
{
  g_autofree char    *block = g_strdup_printf ("down_blocks.%u", i);
  const DifUnetLevel *level = &w->m->down[i];

  for (guint j = 0; j < level->n_layers; j++)
    {
      walk_layer (w, level, j, block);
      g_ptr_array_add (w->skips, w->h);
    }
  if (level->sampler)
    {
      w->h = dif_conv2d (w->run->rig.cx, w->h, level->sampler, NULL, NULL);
      g_ptr_array_add (w->skips, w->h);
    }
  reached (w, "%s", block);
}

static void
walk_up (Walk *w, guint i)
{
  g_autofree char    *block = g_strdup_printf ("up_blocks.%u", i);
  const DifUnetLevel *level = &w->m->up[i];
  DifContext         *cx    = w->run->rig.cx;

  for (guint j = 0; j < level->n_layers; j++)
    {
      w->h = dif_concat (cx, w->h, g_ptr_array_steal_index (w->skips, w->skips->len - 1));
      walk_layer (w, level, j, block);
    }
  if (level->sampler)
    {
      DifTensor *meets = g_ptr_array_index (w->skips, w->skips->len - 1);

      w->h = dif_upsample_nearest (cx, w->h, dif_tensor_dim (meets, 1), dif_tensor_dim (meets, 2));
      w->h = dif_conv2d (cx, w->h, level->sampler, NULL, NULL);
    }
  reached (w, "%s", block);
}

static void
walk_time (Walk *w, double t)
{
  DifUnet          *m  = w->m;
  DifContext       *cx = w->run->rig.cx;
  gsize             n = dif_tensor_dim (w->context, 0), width = m->channels[0];
  g_autofree float *sinusoids = g_new (float, n *width);

  for (gsize i = 0; i < n; i++)
    dif_timestep_embedding (sinusoids + i * width, (guint) width, t, m->flip_sin_to_cos,
                            m->freq_shift);
  w->h = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (n, width), sinusoids);
  w->h = dif_linear (cx, w->h, m->time1, DIF_ACT_SILU, NULL);
  w->h = dif_linear (cx, w->h, m->time2, DIF_ACT_NONE, NULL);
  reached (w, "time_embedding");
  w->time = dif_activation (cx, w->h, DIF_ACT_SILU);
}

static void
walk (Walk *w)
{
  DifUnet    *m  = w->m;
  DifContext *cx = w->run->rig.cx;

  walk_time (w, dif_json_double (w->run->entry, "timestep", -1));
  w->h = dif_conv2d (cx, input (w->run, "sample"), m->conv_in, NULL, NULL);
  reached (w, "conv_in");
  g_ptr_array_add (w->skips, w->h);
  for (guint i = 0; i < m->n_levels; i++)
    walk_down (w, i);
  w->h = dif_resnet_forward (&m->mid_resnets[0], cx, w->h, w->time);
  w->h = attend (w, &m->mid_transformer, w->h);
  w->h = dif_resnet_forward (&m->mid_resnets[1], cx, w->h, w->time);
  reached (w, "mid_block");
  for (guint i = 0; i < m->n_levels; i++)
    walk_up (w, i);
  g_assert_cmpuint (w->skips->len, ==, 0);
  w->last = w->h;
  w->h    = dif_group_norm (cx, w->last, m->norm_out, m->n_groups, m->eps, DIF_ACT_NONE);
  reached (w, "conv_norm_out");
  w->h = dif_conv2d (cx, dif_activation (cx, w->h, DIF_ACT_SILU), m->conv_out, NULL, NULL);
  reached (w, "out");
}

/* The output's norm has the config's epsilon: at its true size it is far below
 * the variance here, so a great one is put in its place. */
static void
check_out_epsilon (Walk *w, DifTensor *sample, double t, DifUnetText *text)
{
  Run              *run  = w->run;
  DifUnet          *m    = w->m;
  float             eps  = m->eps;
  g_autofree float *ours = NULL, *theirs = NULL;
  DifTensor        *out;
  double            worst;

  m->eps = 100;
  out    = dif_unet_forward (m, run->rig.cx, sample, t, text);
  w->h   = dif_group_norm (run->rig.cx, w->last, m->norm_out, m->n_groups, m->eps, DIF_ACT_SILU);
  w->h   = dif_conv2d (run->rig.cx, w->h, m->conv_out, NULL, NULL);
  m->eps = eps;
  ours   = rig_download (&run->rig, out);
  theirs = rig_download (&run->rig, w->h);
  worst  = test_relative_difference (ours, theirs, dif_tensor_count (out));
  g_test_message ("out, with an epsilon of 100: %.1e", worst);
  g_assert_cmpfloat (worst, <=, run->place->model_bound);
}

/* The blocks' places in the struct are what the U-Net itself runs, so a block
 * that differs is named here, and unet.c's own order is checked by `out`. */
static void
run_unet_blocks (Run *run)
{
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (DifWeights) weights = NULL;
  g_autoptr (GPtrArray)  skips   = g_ptr_array_new ();
  GError                *error   = NULL;
  Walk                   w       = { .run = run, .skips = skips };
  double                 t       = dif_json_double (run->entry, "timestep", -1);
  DifUnetText           *text;
  DifTensor             *sample;

  if (! open_part (run, "unet", &config, &weights))
    return;
  w.m = dif_unet_load (config, run->rig.loader, &error);
  g_assert_no_error (error);
  w.context = input (run, "encoder_hidden_states");
  walk (&w);
  sample = input (run, "sample");
  text   = dif_unet_text_new (w.m, run->rig.cx, w.context);
  check (run, dif_unet_forward (w.m, run->rig.cx, sample, t, text),
         name_of (run->entry, "outputs", "out"), "out, as the U-Net runs it");
  check_out_epsilon (&w, sample, t, text);
  dif_unet_text_free (text);
  dif_unet_free (w.m);
  rig_close (&run->rig);
}

/* ---- VAE ---- */

/* Half of the channels of @moments [N, h, w, 2 C]; the log-variance, which is
 * the second half, as the reference clamps it. */
static DifTensor *
half (Run *run, DifTensor *moments, gboolean second)
{
  DifContext       *cx   = run->rig.cx;
  gsize             C    = dif_tensor_dim (moments, -1) / 2;
  gsize             n    = dif_tensor_count (moments) / (2 * C);
  g_autofree float *data = g_new (float, n * 2 * C), *kept = g_new (float, n *C);
  DifShape          s = moments->shape;
  DifTensor        *part;

  g_assert_true (dif_download (cx, moments, data));
  for (gsize i = 0; i < n; i++)
    memcpy (kept + i * C, data + i * 2 * C + (second ? C : 0), C * sizeof *kept);
  s.d[3] = C;
  part   = dif_upload (cx, DIF_F32, s, kept);
  return second ? dif_clamp (cx, part, -30, 20) : part;
}

static void
run_vae (Run *run)
{
  g_autoptr (DifJson)    config  = NULL;
  g_autoptr (DifWeights) weights = NULL;
  GError                *error   = NULL;
  gboolean               encode  = dif_json_has (dif_json_member (run->entry, "inputs"), "image");
  DifVae                *m;
  DifTensor             *out;

  if (! open_part (run, "vae", &config, &weights))
    return;
  m = dif_vae_load (config, run->rig.loader, &error);
  g_assert_no_error (error);
  if (encode)
    {
      out = dif_vae_encode (m, run->rig.cx, input (run, "image"));
      check (run, half (run, out, FALSE), name_of (run->entry, "outputs", "mean"), "mean");
      check (run, half (run, out, TRUE), name_of (run->entry, "outputs", "logvar"), "logvar");
    }
  else
    {
      out = dif_vae_decode (m, run->rig.cx, input (run, "z"));
      check (run, out, name_of (run->entry, "outputs", "image"), "image");
    }
  g_assert_cmpint (out->dtype, ==, DIF_F32);
  dif_vae_free (m);
  rig_close (&run->rig);
}

static const struct
{
  const char *name;
  void (*func) (Run *run);
} modules[] = {
  { "text_encoder", run_text },
  { "text_encoder_2", run_text_projected },
  { "unet", run_unet },
  { "unet-blocks", run_unet_blocks },
  { "vae.encode", run_vae },
  { "vae.decode", run_vae },
};

static void
test_module (gconstpointer data)
{
  const Case            *c        = data;
  Run                    run      = { .place = c->place, .entry = c->entry };
  const char            *module   = dif_json_string (c->entry, "module", "?");
  g_autofree char       *relative = NULL;
  g_autoptr (DifWeights) tensors  = NULL;

  run.model   = dif_json_string (c->entry, "model", "?");
  relative    = g_strconcat (c->tensors, run.model, ".safetensors", NULL);
  tensors     = test_read_tensors (relative);
  run.tensors = tensors;
  for (guint i = 0; i < G_N_ELEMENTS (modules); i++)
    if (strcmp (modules[i].name, module) == 0)
      {
        modules[i].func (&run);
        return;
      }
  g_error ("no test for module %s", module);
}

static void
case_free (gpointer data)
{
  Case *c = data;

  dif_json_unref (c->entry);
  g_free (c);
}

static void
add (const RigDevice *place, const char *tensors, DifJson *entry, guint index)
{
  Case            *c = g_new0 (Case, 1);
  g_autofree char *path =
      g_strdup_printf ("/models/modules/%s/%s/%s-%u", place->name,
                       dif_json_string (entry, "model", "?"),
                       dif_json_string (entry, "module", "?"), index);

  c->place   = place;
  c->tensors = tensors;
  c->entry   = dif_json_ref (entry);
  g_test_add_data_func_full (path, c, test_module, case_free);
}

/* Entries of @index; their tensors are in @tensors, followed by the model's
 * name. */
static void
add_all (const char *index, const char *tensors, guint least)
{
  g_autoptr (DifJson) root = test_read_json (index);
  DifJson            *list = dif_json_member (root, "models");

  g_assert_cmpuint (dif_json_length (list), >=, least);
  for (guint p = 0; p < G_N_ELEMENTS (rig_devices); p++)
    for (guint i = 0; i < dif_json_length (list); i++)
      add (&rig_devices[p], tensors, dif_json_at (list, i), i);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_all ("modules/index.json", "modules/", 20);
  add_all ("families/modules.json", "families/modules-", 7);
  return g_test_run ();
}
