/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-layers.c - single layers against diffusers.
 *
 * Every entry of `layers` in tests/fixtures/modules/index.json, on every
 * backend.  An entry nobody here knows fails the test.
 */
#include <string.h>

#include "nn/attention.h"
#include "nn/embed.h"
#include "nn/resnet.h"
#include "nn/transformer.h"
#include "rig.h"

typedef struct
{
  const RigDevice *place;
  DifJson         *entry;
} Case;

/* What a layer's function works with. */
typedef struct
{
  Rig        rig;
  DifJson   *config;
  char      *scope; /* weights' prefix in the file */
  DifTensor *x;
  DifJson   *inputs;
} Layer;

static guint
number (Layer *y, const char *key)
{
  return (guint) dif_json_int (y->config, key, 0, 0, 1 << 16);
}

static float
eps (Layer *y)
{
  return (float) dif_json_double (y->config, "eps", 0);
}

static DifTensor *
input (Layer *y, const char *key)
{
  return rig_upload (&y->rig, y->rig.weights, dif_json_string (y->inputs, key, "?"));
}

static DifTensor *
group_norm (Layer *y)
{
  DifNorm *norm = dif_loader_norm (y->rig.loader, y->scope, number (y, "channels"));

  return dif_group_norm (y->rig.cx, y->x, norm, number (y, "groups"), eps (y), DIF_ACT_NONE);
}

static DifTensor *
layer_norm (Layer *y)
{
  DifNorm *norm = dif_loader_norm (y->rig.loader, y->scope, number (y, "channels"));

  return dif_layer_norm (y->rig.cx, y->x, norm, eps (y));
}

static DifTensor *
conv3 (Layer *y)
{
  DifConv *conv = dif_loader_conv (y->rig.loader, y->scope, number (y, "out"), number (y, "in"),
                                   number (y, "kernel"), number (y, "stride"),
                                   (int) number (y, "padding"));

  return dif_conv2d (y->rig.cx, y->x, conv, NULL, NULL);
}

/* The core's resnet has no output scale, so it is applied here. */
static DifTensor *
resnet (Layer *y)
{
  const float scale = (float) (1 / dif_json_double (y->config, "output_scale_factor", 1));
  DifResnet   r     = { 0 };
  DifTensor  *time  = NULL, *out;

  dif_loader_enter (y->rig.loader, "%s", y->scope);
  dif_resnet_load (&r, y->rig.loader, number (y, "in"), number (y, "out"), number (y, "temb"),
                   number (y, "groups"), eps (y));
  dif_loader_leave (y->rig.loader);
  if (number (y, "temb"))
    time = dif_activation (y->rig.cx, input (y, "temb"), DIF_ACT_SILU);
  out = dif_resnet_forward (&r, y->rig.cx, y->x, time);
  if (scale == 1)
    return out;
  out = dif_cast (y->rig.cx, out, DIF_F32);
  return dif_lincomb (y->rig.cx, 1, &scale, &out);
}

static DifTensor *
transformer (Layer *y)
{
  g_autoptr (GPtrArray) kv = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref);
  DifTransformer        t  = { 0 };
  DifTensor            *out;

  g_assert_cmpuint (number (y, "channels"), ==, number (y, "heads") * number (y, "head_dim"));
  dif_loader_enter (y->rig.loader, "%s", y->scope);
  dif_transformer_load (&t, y->rig.loader, number (y, "channels"), number (y, "heads"),
                        number (y, "layers"), number (y, "cross"), number (y, "groups"));
  dif_loader_leave (y->rig.loader);
  dif_transformer_text (&t, y->rig.cx, input (y, "context"), kv);
  out = dif_transformer_forward (&t, y->rig.cx, y->x, (DifTensor **) kv->pdata);
  dif_transformer_clear (&t);
  return out;
}

static DifTensor *
vae_attention (Layer *y)
{
  DifAttentionBlock a;

  dif_loader_enter (y->rig.loader, "%s", y->scope);
  dif_attention_block_load (&a, y->rig.loader, number (y, "channels"), number (y, "heads"),
                            number (y, "groups"), eps (y));
  dif_loader_leave (y->rig.loader);
  return dif_attention_block_forward (&a, y->rig.cx, y->x);
}

static DifTensor *
downsample (Layer *y)
{
  g_autofree char *name = g_strconcat (y->scope, ".conv", NULL);
  guint            C    = number (y, "channels");
  int              pad  = number (y, "padding") ? 1 : DIF_PAD_RIGHT_BOTTOM;
  DifConv         *conv = dif_loader_conv (y->rig.loader, name, C, C, 3, 2, pad);

  return dif_conv2d (y->rig.cx, y->x, conv, NULL, NULL);
}

static DifTensor *
upsample (Layer *y)
{
  g_autofree char *name   = g_strconcat (y->scope, ".conv", NULL);
  guint            C      = number (y, "channels");
  DifJson         *size   = dif_json_member (y->config, "size");
  gsize            height = 2 * dif_tensor_dim (y->x, 1), width = 2 * dif_tensor_dim (y->x, 2);
  DifConv         *conv = dif_loader_conv (y->rig.loader, name, C, C, 3, 1, 1);

  if (size)
    {
      height = (gsize) dif_json_value_int (dif_json_at (size, 0), 1, 64);
      width  = (gsize) dif_json_value_int (dif_json_at (size, 1), 1, 64);
    }
  return dif_conv2d (y->rig.cx, dif_upsample_nearest (y->rig.cx, y->x, height, width), conv, NULL,
                     NULL);
}

static DifTensor *
time_embedding (Layer *y)
{
  guint      n_out = number (y, "out");
  DifLinear *first, *second;
  DifTensor *h;

  dif_loader_enter (y->rig.loader, "%s", y->scope);
  first  = dif_loader_linear (y->rig.loader, "linear_1", n_out, number (y, "in"), TRUE);
  second = dif_loader_linear (y->rig.loader, "linear_2", n_out, n_out, TRUE);
  dif_loader_leave (y->rig.loader);
  h = dif_linear (y->rig.cx, y->x, first, DIF_ACT_SILU, NULL);
  return dif_linear (y->rig.cx, h, second, DIF_ACT_NONE, NULL);
}

static DifTensor *
silu (Layer *y)
{
  return dif_activation (y->rig.cx, y->x, DIF_ACT_SILU);
}

static DifTensor *
gelu (Layer *y)
{
  return dif_activation (y->rig.cx, y->x, DIF_ACT_GELU);
}

static DifTensor *
quick_gelu (Layer *y)
{
  return dif_activation (y->rig.cx, y->x, DIF_ACT_QUICK_GELU);
}

/* The core has a softmax inside attention only: with unit vectors for keys and
 * for values, attention is the softmax of its queries. */
static DifTensor *
softmax (Layer *y)
{
  DifContext       *cx = y->rig.cx;
  gsize             n = dif_tensor_dim (y->x, -1), rows = dif_tensor_count (y->x) / n;
  DifShape          shape = y->x->shape;
  g_autofree float *units = g_new0 (float, n *n);
  DifTensor        *q     = dif_reshape (cx, y->x, DIF_SHAPE (1, rows, n)), *k;
  DifAttention      a;

  for (gsize i = 0; i < n; i++)
    units[i * n + i] = 1;
  k = dif_upload (cx, dif_context_dtype (cx), DIF_SHAPE (1, n, n), units);
  a = (DifAttention) {
    .q         = { .t = q, .stride = n },
    .k         = { .t = k, .stride = n },
    .v         = { .t = k, .stride = n },
    .n_batch   = 1,
    .n_queries = rows,
    .n_keys    = n,
    .n_heads   = 1,
    .head_dim  = (guint) n,
    .scale     = 1,
  };
  return dif_reshape (cx, dif_attention (cx, &a), shape);
}

static const struct
{
  const char *name;
  DifTensor *(*run) (Layer *y);
} layers[] = {
  { "group_norm", group_norm },
  { "group_norm_eps", group_norm },
  { "layer_norm", layer_norm },
  { "conv3", conv3 },
  { "resnet", resnet },
  { "resnet_shortcut", resnet },
  { "resnet_no_temb", resnet },
  { "resnet_scale", resnet },
  { "transformer_conv", transformer },
  { "transformer_linear", transformer },
  { "vae_attention", vae_attention },
  { "downsample_padding1", downsample },
  { "downsample_padding0", downsample },
  { "downsample_padding0_odd", downsample },
  { "upsample", upsample },
  { "upsample_size", upsample },
  { "time_embedding", time_embedding },
  { "silu", silu },
  { "gelu", gelu },
  { "quick_gelu", quick_gelu },
  { "softmax", softmax },
};

static void
test_layer (gconstpointer data)
{
  const Case            *c       = data;
  const char            *name    = dif_json_string (c->entry, "layer", "?");
  g_autoptr (DifWeights) tensors = test_read_tensors ("modules/layers.safetensors");
  Layer                  y       = { .config = dif_json_member (c->entry, "config"),
                                     .inputs = dif_json_member (c->entry, "inputs") };
  g_autofree char       *scope   = g_strconcat (name, ".weights", NULL);
  g_autofree char       *torch   = NULL;
  DifTensor             *out     = NULL;
  double                 worst;

  if (! rig_open (&y.rig, c->place, tensors))
    return;
  y.scope = scope;
  y.x     = input (&y, "x");
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    if (strcmp (layers[i].name, name) == 0)
      out = layers[i].run (&y);
  if (! out)
    g_error ("no test for layer %s", name);
  worst = rig_compare (&y.rig, out, tensors, dif_json_string (c->entry, "output", "?"));
  torch = rig_torch_off (c->entry);
  g_test_message ("%s: %.1e of %.0e%s", name, worst, c->place->layer_bound, torch);
  g_assert_cmpfloat (worst, <=, c->place->layer_bound);
  rig_close (&y.rig);
}

/* The sinusoids are made on the host, in float32, whatever the backend. */
static void
test_timesteps (gconstpointer data)
{
  const Case            *c       = data;
  DifJson               *config  = dif_json_member (c->entry, "config");
  DifJson               *inputs  = dif_json_member (c->entry, "inputs");
  guint                  dim     = (guint) dif_json_int (config, "dim", 0, 1, 1024);
  g_autoptr (DifWeights) tensors = test_read_tensors ("modules/layers.safetensors");
  DifShape               s, expected_shape;
  g_autofree float      *t = test_floats (tensors, dif_json_string (inputs, "x", "?"), &s);
  g_autofree float      *expected =
      test_floats (tensors, dif_json_string (c->entry, "output", "?"), &expected_shape);
  g_autofree float *found = g_new (float, s.d[0] * dim);
  double            worst;

  g_assert_cmpuint (expected_shape.d[0], ==, s.d[0]);
  g_assert_cmpuint (expected_shape.d[1], ==, dim);
  for (gsize i = 0; i < s.d[0]; i++)
    dif_timestep_embedding (found + i * dim, dim, t[i],
                            dif_json_bool (config, "flip_sin_to_cos", FALSE),
                            (float) dif_json_double (config, "downscale_freq_shift", 0));
  worst = test_relative_difference (found, expected, s.d[0] * dim);
  g_test_message ("timesteps: %.1e", worst);
  g_assert_cmpfloat (worst, <=, 1e-6);
}

static void
case_free (gpointer data)
{
  Case *c = data;

  dif_json_unref (c->entry);
  g_free (c);
}

static void
add (const RigDevice *place, DifJson *entry)
{
  const char      *name = dif_json_string (entry, "layer", "?");
  Case            *c    = g_new0 (Case, 1);
  g_autofree char *path = NULL;

  c->place = place;
  c->entry = dif_json_ref (entry);
  path     = g_strdup_printf ("/models/layers/%s/%s", place ? place->name : "host",
                          place ? name : dif_json_string (entry, "output", "?"));
  g_test_add_data_func_full (path, c, place ? test_layer : test_timesteps, case_free);
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) root = NULL;
  DifJson            *list;

  g_test_init (&argc, &argv, NULL);
  root = test_read_json ("modules/index.json");
  list = dif_json_member (root, "layers");
  g_assert_cmpuint (dif_json_length (list), >, 20);
  for (guint i = 0; i < dif_json_length (list); i++)
    {
      DifJson *entry = dif_json_at (list, i);

      if (strcmp (dif_json_string (entry, "layer", "?"), "timesteps") == 0)
        add (NULL, entry);
      else
        for (guint p = 0; p < G_N_ELEMENTS (rig_devices); p++)
          add (&rig_devices[p], entry);
    }
  return g_test_run ();
}
