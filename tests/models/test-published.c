/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-published.c - the numbers that diffusers' own tests publish for layers
 * and blocks.
 *
 * Weights and inputs are not stored: they are drawn, in the published order,
 * with this library's own random numbers.  What the core has (resnets,
 * transformers, samplers) is used as it is; blocks of other networks are put
 * together from the same parts here.
 */
#include <math.h>
#include <string.h>

#include "nn/attention.h"
#include "nn/embed.h"
#include "nn/resnet.h"
#include "nn/transformer.h"
#include "draws.h"
#include "rig.h"

/* diffusers' defaults for these classes */
#define GROUPS 32
#define EPS    1e-6f

/* One entry while it runs. */
typedef struct
{
  Rig      rig;
  DifJson *config, *defaults;
} Run;

/* ---- parts ---- */

static guint
number (Run *run, const char *key, guint fallback)
{
  gint64 theirs = fallback;

  if (run->defaults)
    theirs = dif_json_int (run->defaults, key, fallback, 0, 1 << 16);
  return (guint) dif_json_int (run->config, key, theirs, 0, 1 << 16);
}

static DifTensor *
input (Run *run, const char *name)
{
  return rig_upload (&run->rig, run->rig.weights, name);
}

/* Mean of 2 x 2 pixels.  The core has no such layer, so it is a convolution
 * with a kernel of quarters, whose third row and column are zero. */
static DifTensor *
pool (Run *run, DifTensor *x)
{
  gsize              C = dif_tensor_dim (x, -1);
  float             *k = g_new0 (float, C *C * 9), *bias = g_new0 (float, C);
  DifHostArray       array = { DIF_ENC_F32, DIF_SHAPE (C, C, 3, 3), k };
  g_autoptr (GBytes) owner = g_bytes_new_take (k, C * C * 9 * sizeof *k);
  g_autoptr (GBytes) other = g_bytes_new_take (bias, C * sizeof *bias);

  for (gsize c = 0; c < C; c++)
    for (gsize i = 0; i < 4; i++)
      k[(c * C + c) * 9 + i / 2 * 3 + i % 2] = 0.25f;
  if (dif_weights_add (run->rig.weights, "pool.weight", &array, owner))
    {
      array.shape = DIF_SHAPE (C);
      array.data  = bias;
      g_assert_true (dif_weights_add (run->rig.weights, "pool.bias", &array, other));
    }
  return dif_conv2d (run->rig.cx, x,
                     dif_loader_conv (run->rig.loader, "pool", C, C, 3, 2, DIF_PAD_RIGHT_BOTTOM),
                     NULL, NULL);
}

static DifTensor *
twice (Run *run, DifTensor *x)
{
  return dif_upsample_nearest (run->rig.cx, x, 2 * dif_tensor_dim (x, 1),
                               2 * dif_tensor_dim (x, 2));
}

typedef enum
{
  SAME,
  UP,
  DOWN
} Resize;

static DifTensor *
resized (Run *run, DifTensor *x, Resize resize)
{
  return resize == UP ? twice (run, x) : resize == DOWN ? pool (run, x)
                                                        : x;
}

/* A resnet named @scope, of any input; @time has SiLU applied. */
static DifTensor *
resnet (Run *run, const char *scope, DifTensor *x, DifTensor *time, gsize n_out, Resize resize)
{
  DifContext *cx   = run->rig.cx;
  DifLoader  *l    = run->rig.loader;
  gsize       n_in = dif_tensor_dim (x, -1);
  DifResnet   r    = { 0 };
  DifTensor  *h, *shift;

  if (scope)
    dif_loader_enter (l, "%s", scope);
  dif_resnet_load (&r, l, n_in, n_out, time ? dif_tensor_dim (time, -1) : 0, GROUPS, EPS);
  if (n_in == n_out && dif_loader_has (l, "conv_shortcut.weight"))
    r.shortcut = dif_loader_linear (l, "conv_shortcut", n_out, n_in, TRUE);
  if (scope)
    dif_loader_leave (l);
  if (resize == SAME)
    return dif_resnet_forward (&r, cx, x, time);
  /* resized between the first activation and the first convolution */
  shift = dif_linear (cx, time, r.time, DIF_ACT_NONE, NULL);
  h     = dif_group_norm (cx, x, r.norm1, r.n_groups, r.eps, DIF_ACT_SILU);
  h     = dif_conv2d (cx, resized (run, h, resize), r.conv1, shift, NULL);
  h     = dif_group_norm (cx, h, r.norm2, r.n_groups, r.eps, DIF_ACT_SILU);
  return dif_conv2d (cx, h, r.conv2, NULL, resized (run, x, resize));
}

/* A transformer block whose second attention, if any, attends to the tokens
 * themselves: diffusers does so when no context is given. */
static DifTensor *
block_alone (Run *run, DifTensor *x, guint n_heads)
{
  static const char *const qkv[] = { "to_q", "to_k", "to_v" };
  DifContext              *cx    = run->rig.cx;
  DifLoader               *l     = run->rig.loader;
  gsize                    C     = dif_tensor_dim (x, -1);
  DifTensor               *h;

  for (guint i = 1; i <= 2; i++)
    {
      g_autofree char *norm = g_strdup_printf ("norm%u", i);
      g_autofree char *has  = g_strconcat (norm, ".weight", NULL);
      DifLinear       *in, *out;

      if (! dif_loader_has (l, has))
        continue;
      h = dif_layer_norm (cx, x, dif_loader_norm (l, norm, C), 1e-5f);
      dif_loader_enter (l, "attn%u", i);
      in  = dif_loader_linear_stack (l, qkv, 3, C, C, FALSE);
      out = dif_loader_linear (l, "to_out.0", C, C, TRUE);
      dif_loader_leave (l);
      h = dif_linear (cx, h, in, DIF_ACT_NONE, NULL);
      x = dif_linear (cx, dif_self_attention (cx, h, n_heads, FALSE), out, DIF_ACT_NONE, x);
    }
  h = dif_layer_norm (cx, x, dif_loader_norm (l, "norm3", C), 1e-5f);
  h = dif_glu (cx, h, dif_loader_linear_rows (l, "ff.net.0.proj", 8 * C, 0, 4 * C, C, TRUE),
               dif_loader_linear_rows (l, "ff.net.0.proj", 8 * C, 4 * C, 4 * C, C, TRUE),
               DIF_ACT_GELU);
  return dif_linear (cx, h, dif_loader_linear (l, "ff.net.2", C, 4 * C, TRUE), DIF_ACT_NONE, x);
}

static DifTensor *
transformer_alone (Run *run, DifTensor *x, guint n_heads)
{
  DifContext *cx    = run->rig.cx;
  DifLoader  *l     = run->rig.loader;
  DifShape    image = x->shape;
  gsize       C     = dif_tensor_dim (x, -1);
  DifTensor  *h;

  x = dif_reshape (cx, x, DIF_SHAPE (image.d[0], image.d[1] * image.d[2], C));
  h = dif_group_norm (cx, x, dif_loader_norm (l, "norm", C), GROUPS, 1e-6f, DIF_ACT_NONE);
  h = dif_linear (cx, h, dif_loader_linear (l, "proj_in", C, C, TRUE), DIF_ACT_NONE, NULL);
  dif_loader_enter (l, "transformer_blocks.0");
  h = block_alone (run, h, n_heads);
  dif_loader_leave (l);
  h = dif_linear (cx, h, dif_loader_linear (l, "proj_out", C, C, TRUE), DIF_ACT_NONE, x);
  return dif_reshape (cx, h, image);
}

/* ---- layers ---- */

static DifTensor *
run_upsample (Run *run)
{
  guint      C = number (run, "channels", 0), n_out = number (run, "out_channels", C);
  DifTensor *x = twice (run, input (run, "hidden_states"));

  if (! dif_json_bool (run->config, "use_conv", FALSE))
    return x;
  return dif_conv2d (run->rig.cx, x, dif_loader_conv (run->rig.loader, "conv", n_out, C, 3, 1, 1),
                     NULL, NULL);
}

static DifTensor *
run_downsample (Run *run)
{
  guint      C = number (run, "channels", 0), n_out = number (run, "out_channels", C);
  DifTensor *x = input (run, "hidden_states");

  if (! dif_json_bool (run->config, "use_conv", FALSE))
    return pool (run, x);
  return dif_conv2d (run->rig.cx, x, dif_loader_conv (run->rig.loader, "conv", n_out, C, 3, 2, 1),
                     NULL, NULL);
}

static DifTensor *
run_resnet (Run *run)
{
  DifTensor *time   = dif_activation (run->rig.cx, input (run, "temb"), DIF_ACT_SILU);
  Resize     resize = dif_json_bool (run->config, "up", FALSE)     ? UP
                      : dif_json_bool (run->config, "down", FALSE) ? DOWN
                                                                   : SAME;

  return resnet (run, NULL, input (run, "input_tensor"), time, number (run, "in_channels", 0),
                 resize);
}

static DifTensor *
run_transformer (Run *run)
{
  g_autoptr (GPtrArray) kv      = NULL;
  guint                 C       = number (run, "in_channels", 0);
  guint                 n_heads = number (run, "num_attention_heads", 0);
  DifTransformer        t       = { 0 };
  DifTensor            *x       = input (run, "hidden_states");

  if (! dif_json_has (run->config, "cross_attention_dim"))
    return transformer_alone (run, x, n_heads);
  dif_transformer_load (&t, run->rig.loader, C, n_heads, 1,
                        number (run, "cross_attention_dim", 0), GROUPS);
  kv = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref);
  dif_transformer_text (&t, run->rig.cx, input (run, "encoder_hidden_states"), kv);
  x = dif_transformer_forward (&t, run->rig.cx, x, (DifTensor **) kv->pdata);
  dif_transformer_clear (&t);
  return x;
}

/* ---- blocks ---- */

typedef enum
{
  NO_ATTENTION,
  SELF,
  CROSS
} Attention;
typedef enum
{
  NO_SAMPLER,
  CONV_DOWN,
  CONV_UP,
  RESNET_DOWN,
  RESNET_UP
} Sampler;

typedef struct
{
  const char *name;
  Attention   attention;
  Sampler     sampler;
  guint       n_resnets;
} Block;

static DifTensor *
sampled (Run *run, Sampler sampler, DifTensor *x, DifTensor *time)
{
  DifLoader *l = run->rig.loader;
  gsize      C = dif_tensor_dim (x, -1);

  switch (sampler)
    {
    case CONV_DOWN:
      g_assert_cmpuint (number (run, "downsample_padding", 1), ==, 1);
      return dif_conv2d (run->rig.cx, x,
                         dif_loader_conv (l, "downsamplers.0.conv", C, C, 3, 2, 1), NULL, NULL);
    case CONV_UP:
      return dif_conv2d (run->rig.cx, twice (run, x),
                         dif_loader_conv (l, "upsamplers.0.conv", C, C, 3, 1, 1), NULL, NULL);
    case RESNET_DOWN:
      return resnet (run, "downsamplers.0", x, time, C, DOWN);
    case RESNET_UP:
      return resnet (run, "upsamplers.0", x, time, C, UP);
    default:
      return x;
    }
}

static DifTensor *
self_attention (Run *run, DifTensor *x)
{
  guint             C       = (guint) dif_tensor_dim (x, -1);
  guint             n_heads = C / number (run, "attention_head_dim", 1);
  DifAttentionBlock a;

  dif_attention_block_load (&a, run->rig.loader, C, n_heads, GROUPS, EPS);
  return dif_attention_block_forward (&a, run->rig.cx, x);
}

static DifTensor *
run_block (Run *run, const Block *block)
{
  DifTensor *x = input (run, "hidden_states"), *time = NULL;
  gsize      n_out = number (run, "out_channels", number (run, "in_channels", 0));

  if (number (run, "temb_channels", 0))
    time = dif_activation (run->rig.cx, input (run, "temb"), DIF_ACT_SILU);
  if (dif_weights_lookup (run->rig.weights, "res_hidden_states_tuple.0"))
    x = dif_concat (run->rig.cx, x, input (run, "res_hidden_states_tuple.0"));
  x = resnet (run, "resnets.0", x, time, n_out, SAME);
  dif_loader_enter (run->rig.loader, "attentions.0");
  if (block->attention == SELF)
    x = self_attention (run, x);
  else if (block->attention == CROSS)
    x = transformer_alone (run, x, number (run, "num_attention_heads", 1));
  dif_loader_leave (run->rig.loader);
  if (block->n_resnets == 2)
    x = resnet (run, "resnets.1", x, time, n_out, SAME);
  return sampled (run, block->sampler, x, time);
}

static const Block blocks[] = {
  { "DownBlock2D", NO_ATTENTION, CONV_DOWN, 1 },
  { "AttnDownBlock2D", SELF, CONV_DOWN, 1 },
  { "CrossAttnDownBlock2D", CROSS, CONV_DOWN, 1 },
  { "DownEncoderBlock2D", NO_ATTENTION, CONV_DOWN, 1 },
  { "AttnDownEncoderBlock2D", SELF, CONV_DOWN, 1 },
  { "ResnetDownsampleBlock2D", NO_ATTENTION, RESNET_DOWN, 1 },
  { "UNetMidBlock2D", SELF, NO_SAMPLER, 2 },
  { "UNetMidBlock2DCrossAttn", CROSS, NO_SAMPLER, 2 },
  { "UpBlock2D", NO_ATTENTION, CONV_UP, 1 },
  { "AttnUpBlock2D", SELF, CONV_UP, 1 },
  { "CrossAttnUpBlock2D", CROSS, CONV_UP, 1 },
  { "UpDecoderBlock2D", NO_ATTENTION, CONV_UP, 1 },
  { "AttnUpDecoderBlock2D", SELF, CONV_UP, 1 },
  { "ResnetUpsampleBlock2D", NO_ATTENTION, RESNET_UP, 1 },
};

static const struct
{
  const char *name;
  DifTensor *(*run) (Run *run);
} layers[] = {
  { "Upsample2D", run_upsample },
  { "Downsample2D", run_downsample },
  { "ResnetBlock2D", run_resnet },
  { "Transformer2DModel", run_transformer },
};

/* ---- tests ---- */

/* Nine numbers against the published ones, and against what the reference
 * gives with all digits, relative to @scale, the output's greatest magnitude. */
static void
check_nine (DifJson *entry, const float *found, double scale, double bound)
{
  DifJson *expected  = dif_json_member (entry, "expected");
  DifJson *exact     = dif_json_member (entry, "found");
  double   tolerance = dif_json_double (entry, "tolerance", 0), worst = 0, off = 0;

  g_assert_cmpuint (dif_json_length (expected), ==, 9);
  for (guint i = 0; i < 9; i++)
    {
      double v = (double) found[i];

      worst = fmax (worst, fabs (v - dif_json_value_double (dif_json_at (expected, i))));
      off   = fmax (off, fabs (v - dif_json_value_double (dif_json_at (exact, i))) / scale);
    }
  g_test_message ("%.1e off what is published (of %.0e), %.1e off the reference (of %.0e)", worst,
                  tolerance, off, bound);
  g_assert_cmpfloat (worst, <=, tolerance);
  g_assert_cmpfloat (off, <=, bound);
}

static DifTensor *
run_entry (Run *run, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (layers); i++)
    if (strcmp (layers[i].name, name) == 0)
      return layers[i].run (run);
  for (guint i = 0; i < G_N_ELEMENTS (blocks); i++)
    if (strcmp (blocks[i].name, name) == 0)
      return run_block (run, &blocks[i]);
  g_error ("no test for %s", name);
}

static void
test_entry (gconstpointer data)
{
  DifJson               *entry = (DifJson *) data;
  g_autoptr (DifWeights) w     = draws_make (dif_json_member (entry, "draws"));
  Run                    run   = { .config   = dif_json_member (entry, "config"),
                                   .defaults = dif_json_member (entry, "defaults") };
  g_autofree float      *out   = NULL;
  const float           *last;
  float                  nine[9];
  double                 scale = 0;
  DifTensor             *t;
  gsize                  H, W, C;

  g_assert_cmpstr (dif_json_string (entry, "slice", "?"), ==, "[0,-1,-3:,-3:]");
  g_assert_true (rig_open (&run.rig, &rig_devices[1], w));
  t   = run_entry (&run, dif_json_string (entry, "name", "?"));
  out = rig_download (&run.rig, t);
  H   = dif_tensor_dim (t, 1);
  W   = dif_tensor_dim (t, 2);
  C   = dif_tensor_dim (t, 3);
  for (gsize i = 0; i < dif_tensor_count (t); i++)
    scale = fmax (scale, fabs ((double) out[i]));
  last = out + (C - 1) * H * W;
  for (gsize i = 0; i < 9; i++)
    nine[i] = last[(H - 3 + i / 3) * W + W - 3 + i % 3];
  check_nine (entry, nine, scale, rig_devices[1].layer_bound);
  rig_close (&run.rig);
}

/* dif_timestep_embedding() has no scale of its own, so the timestep is scaled
 * and not the angle; angles up to 290 are then rounded elsewhere, by an ulp of
 * 3e-5. */
static void
test_embedding (gconstpointer data)
{
  DifJson          *entry = (DifJson *) data, *config = dif_json_member (entry, "config");
  guint             dim       = (guint) dif_json_int (config, "dim", 0, 1, 1024);
  g_autofree float *sinusoids = g_new (float, dim);
  float             nine[9];

  g_assert_cmpstr (dif_json_string (entry, "slice", "?"), ==, "[23:26,47:50]");
  for (guint r = 0; r < 3; r++)
    {
      dif_timestep_embedding (sinusoids, dim, (23 + r) * dif_json_double (config, "scale", 1),
                              dif_json_bool (config, "flip_sin_to_cos", FALSE),
                              (float) dif_json_double (config, "downscale_freq_shift", 1));
      memcpy (nine + 3 * r, sinusoids + 47, 3 * sizeof *nine);
    }
  check_nine (entry, nine, 1, dif_json_double (config, "scale", 1) == 1 ? 1e-6 : 3e-5);
}

int
main (int argc, char **argv)
{
  g_autoptr (DifJson) root = NULL;
  DifJson            *list;

  g_test_init (&argc, &argv, NULL);
  root = test_read_json ("published.json");
  list = dif_json_member (root, "modules");
  g_assert_cmpuint (dif_json_length (list), ==, 29);
  for (guint i = 0; i < dif_json_length (list); i++)
    {
      DifJson         *entry     = dif_json_at (list, i);
      gboolean         embedding = strcmp (dif_json_string (entry, "kind", "?"), "embedding") == 0;
      g_autofree char *name      = g_strdup_printf ("/models/published/%s-%u",
                                                    dif_json_string (entry, "name", "?"), i);

      g_test_add_data_func (name, entry, embedding ? test_embedding : test_entry);
    }
  return g_test_run ();
}
