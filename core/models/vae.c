/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* vae.c - AutoencoderKL, and AutoencoderKLFlux2, whose latents are normalised in patches.
 *
 * The encoder's downsampling pads right and bottom only (the reference's
 * asymmetric padding; a symmetric one shifts the picture).  All norms have
 * eps 1e-6.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/vae.h"
#include "nn/attention.h"
#include "nn/resnet.h"

#define MAX_LEVELS 8
#define EPS        1e-6f

typedef struct
{
  guint      n_resnets;
  DifResnet *resnets;
  DifConv   *sampler; /* to the next level; NULL at the last */
} Level;

typedef struct
{
  DifResnet         resnets[2];
  DifAttentionBlock attention;
} Middle;

typedef struct
{
  guint    channels[MAX_LEVELS];
  DifConv *conv_in, *conv_out;
  Level    levels[MAX_LEVELS];
  Middle   mid;
  DifNorm *norm_out;
} Half;

struct _DifVae
{
  guint      n_levels, n_layers, n_groups, in, out, latent;
  guint      patch; /* side of the patches that are one latent's channels */
  double     scaling, shift, norm_eps;
  double    *mean, *std; /* of each packed channel; NULL where latents are scaled only */
  gboolean   quant, post_quant, attention;
  Half       encoder, decoder;
  DifLinear *quant_conv, *post_quant_conv;
};

static void
check_types (DifJson *config, const char *key, const char *expected, guint n_levels)
{
  DifJson *types = dif_json_member (config, key);

  if (! types)
    return;
  if (dif_json_length (types) != n_levels)
    dif_json_fail (types, DIF_FORMAT_ERROR_BAD_VALUE, "expected %u block types, found %u", n_levels,
                   dif_json_length (types));
  for (guint i = 0; i < dif_json_length (types); i++)
    {
      const char *type = dif_json_value_string (dif_json_at (types, i));

      if (strcmp (type, expected) != 0)
        dif_json_fail (types, DIF_FORMAT_ERROR_UNSUPPORTED, "expected \"%s\", found \"%s\"",
                       expected, type);
    }
}

/* One number for every latent channel, or NULL if there are none. */
static double *
read_statistics (DifVae *m, DifJson *config, const char *key, double least)
{
  DifJson *node = dif_json_has (config, key) ? dif_json_member (config, key) : NULL;
  double  *out;

  if (! node)
    return NULL;
  out = g_new0 (double, m->latent);
  if (dif_json_type (node) != DIF_JSON_ARRAY || dif_json_length (node) != m->latent)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "%s: expected an array of latent_channels (%u) numbers, found another value",
                   key, m->latent);
  else
    for (guint i = 0; i < m->latent; i++)
      {
        out[i] = dif_json_value_double (dif_json_at (node, i));
        if (! isfinite (out[i]) || out[i] <= least)
          dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                         "%s: expected finite numbers%s, found %g", key,
                         least == 0 ? " above 0" : "", out[i]);
      }
  return out;
}

static gboolean
overflows (DifJson *config)
{
  return dif_json_bool (config, "force_upcast", TRUE);
}

/* How latents are scaled. */
static void
read_scaling (DifVae *m, DifJson *config)
{
  m->scaling = dif_json_double (config, "scaling_factor", 0.18215);
  m->mean    = read_statistics (m, config, "latents_mean", -G_MAXDOUBLE);
  m->std     = read_statistics (m, config, "latents_std", 0);
  if (! m->mean != ! m->std)
    dif_json_fail (config, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected latents_mean and latents_std, found one of them");
  if (! isfinite (m->scaling) || m->scaling == 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "scaling_factor: expected a number other than 0, found %g", m->scaling);
  if (dif_json_has (config, "shift_factor"))
    m->shift = dif_json_double (config, "shift_factor", 0);
  if (! isfinite (m->shift) || (m->shift != 0 && m->mean))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "shift_factor: expected a finite number without latents_mean, found %g",
                   m->shift);
}

/* Channels of one half's levels, from the outermost. */
static void
read_channels (DifVae *m, DifJson *config, const char *key, guint *out)
{
  DifJson *channels = dif_json_member (config, key);

  if (channels && dif_json_type (channels) != DIF_JSON_ARRAY)
    dif_json_fail_value (channels, DIF_FORMAT_ERROR_BAD_VALUE, "an array of numbers");
  if (channels && dif_json_length (channels) != m->n_levels)
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE, "%s: expected %u numbers, found %u", key,
                   m->n_levels, dif_json_length (channels));
  for (guint i = 0; i < m->n_levels; i++)
    {
      out[i] = channels ? (guint) dif_json_value_int (dif_json_at (channels, i), 1, 1 << 16) : 64;
      if (out[i] % m->n_groups)
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                       "%s: expected multiples of norm_num_groups (%u), found %u", key, m->n_groups,
                       out[i]);
    }
}

/* What only AutoencoderKLFlux2 has. */
static void
read_packing (DifVae *m, DifJson *config)
{
  DifJson *patch = dif_json_member (config, "patch_size");

  m->patch    = patch ? (guint) dif_json_value_int (dif_json_at (patch, 0), 1, 16) : 2;
  m->norm_eps = dif_json_double (config, "batch_norm_eps", 1e-4);
  if (patch && (dif_json_length (patch) != 2 ||
                dif_json_value_int (dif_json_at (patch, 1), 1, 16) != (gint64) m->patch))
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "patch_size: expected two equal numbers");
  if (! (m->norm_eps > 0) || ! isfinite (m->norm_eps))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "batch_norm_eps: expected a positive number, found %g", m->norm_eps);
}

static gboolean
read_config (DifVae *m, DifJson *config, gboolean packed, GError **error)
{
  DifJson    *channels = dif_json_member (config, "block_out_channels");
  const char *act      = dif_json_string (config, "act_fn", "silu");

  m->n_levels = channels ? dif_json_length (channels) : 1;
  if (m->n_levels < 1 || m->n_levels > MAX_LEVELS)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "block_out_channels: expected 1 to %d numbers, found %u", MAX_LEVELS,
                     m->n_levels);
      return dif_json_finish (config, error);
    }
  (void) overflows (config); /* a value of another type is an error of the config */
  m->n_groups = (guint) dif_json_int (config, "norm_num_groups", 32, 1, 1 << 16);
  read_channels (m, config, "block_out_channels", m->encoder.channels);
  read_channels (m, config,
                 packed && dif_json_has (config, "decoder_block_out_channels")
                     ? "decoder_block_out_channels"
                     : "block_out_channels",
                 m->decoder.channels);
  m->n_layers   = (guint) dif_json_int (config, "layers_per_block", 1, 1, 64);
  m->in         = (guint) dif_json_int (config, "in_channels", 3, 3, 3);
  m->out        = (guint) dif_json_int (config, "out_channels", 3, 3, 3);
  m->latent     = (guint) dif_json_int (config, "latent_channels", packed ? 32 : 4, 1, 256);
  m->quant      = dif_json_bool (config, "use_quant_conv", TRUE);
  m->post_quant = dif_json_bool (config, "use_post_quant_conv", TRUE);
  m->attention  = dif_json_bool (config, "mid_block_add_attention", TRUE);
  check_types (config, "down_block_types", "DownEncoderBlock2D", m->n_levels);
  check_types (config, "up_block_types", "UpDecoderBlock2D", m->n_levels);
  if (strcmp (act, "silu") != 0 && strcmp (act, "swish") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "act_fn: expected \"silu\", found \"%s\"",
                   act);
  m->patch   = 1;
  m->scaling = 1;
  if (packed)
    read_packing (m, config);
  else
    read_scaling (m, config);
  return dif_json_finish (config, error);
}

static void
load_middle (Middle *mid, DifVae *m, DifLoader *l, gsize C)
{

  dif_loader_enter (l, "mid_block");
  for (guint i = 0; i < 2; i++)
    {
      dif_loader_enter (l, "resnets.%u", i);
      dif_resnet_load (&mid->resnets[i], l, C, C, 0, m->n_groups, EPS);
      dif_loader_leave (l);
    }
  if (m->attention)
    {
      dif_loader_enter (l, "attentions.0");
      dif_attention_block_load (&mid->attention, l, C, 1, m->n_groups, EPS);
      dif_loader_leave (l);
    }
  dif_loader_leave (l);
}

static void
load_level (Level *level, DifVae *m, DifLoader *l, gsize n_in, gsize n_out, guint n_resnets)
{
  level->n_resnets = n_resnets;
  level->resnets   = g_new0 (DifResnet, n_resnets);
  for (guint j = 0; j < n_resnets; j++)
    {
      dif_loader_enter (l, "resnets.%u", j);
      dif_resnet_load (&level->resnets[j], l, j ? n_out : n_in, n_out, 0, m->n_groups, EPS);
      dif_loader_leave (l);
    }
}

static void
load_encoder (DifVae *m, DifLoader *l)
{
  Half *h    = &m->encoder;
  gsize n_in = h->channels[0];

  dif_loader_enter (l, "encoder");
  h->conv_in = dif_loader_conv (l, "conv_in", n_in, m->in, 3, 1, 1);
  for (guint i = 0; i < m->n_levels; i++)
    {
      dif_loader_enter (l, "down_blocks.%u", i);
      load_level (&h->levels[i], m, l, n_in, h->channels[i], m->n_layers);
      n_in = h->channels[i];
      if (i + 1 < m->n_levels)
        h->levels[i].sampler =
            dif_loader_conv (l, "downsamplers.0.conv", n_in, n_in, 3, 2, DIF_PAD_RIGHT_BOTTOM);
      dif_loader_leave (l);
    }
  load_middle (&h->mid, m, l, n_in);
  h->norm_out = dif_loader_norm (l, "conv_norm_out", n_in);
  h->conv_out = dif_loader_conv (l, "conv_out", 2 * m->latent, n_in, 3, 1, 1);
  dif_loader_leave (l);
}

static void
load_decoder (DifVae *m, DifLoader *l)
{
  Half *h    = &m->decoder;
  gsize n_in = h->channels[m->n_levels - 1];

  dif_loader_enter (l, "decoder");
  h->conv_in = dif_loader_conv (l, "conv_in", n_in, m->latent, 3, 1, 1);
  load_middle (&h->mid, m, l, n_in);
  for (guint i = 0; i < m->n_levels; i++)
    {
      gsize n_out = h->channels[m->n_levels - 1 - i];

      dif_loader_enter (l, "up_blocks.%u", i);
      load_level (&h->levels[i], m, l, n_in, n_out, m->n_layers + 1);
      n_in = n_out;
      if (i + 1 < m->n_levels)
        h->levels[i].sampler = dif_loader_conv (l, "upsamplers.0.conv", n_in, n_in, 3, 1, 1);
      dif_loader_leave (l);
    }
  h->norm_out = dif_loader_norm (l, "conv_norm_out", n_in);
  h->conv_out = dif_loader_conv (l, "conv_out", m->out, n_in, 3, 1, 1);
  dif_loader_leave (l);
}

/* Running statistics of the latents in patches. */
static void
load_statistics (DifVae *m, DifLoader *l)
{
  guint             n    = m->latent * m->patch * m->patch;
  g_autofree float *mean = dif_loader_floats (l, "bn.running_mean", DIF_SHAPE (n));
  g_autofree float *var  = dif_loader_floats (l, "bn.running_var", DIF_SHAPE (n));

  m->mean = g_new0 (double, n);
  m->std  = g_new0 (double, n);
  for (guint i = 0; i < n; i++)
    {
      m->mean[i] = mean ? mean[i] : 0;
      m->std[i]  = sqrtf (var ? var[i] + (float) m->norm_eps : 1);
      if (! isfinite (m->mean[i]) || ! isfinite (m->std[i]) || m->std[i] <= 0)
        {
          dif_loader_fail (l, g_error_new (DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                                           "bn.running_var: expected finite variances, found one "
                                           "that is none, of channel %u",
                                           i));
          return;
        }
    }
}

static DifVae *
load_model (DifJson *config, DifLoader *l, gboolean packed, GError **error)
{
  DifVae *m = g_new0 (DifVae, 1);

  if (! read_config (m, config, packed, error))
    {
      dif_vae_free (m);
      return NULL;
    }
  load_encoder (m, l);
  load_decoder (m, l);
  if (m->quant)
    m->quant_conv = dif_loader_linear (l, "quant_conv", 2 * m->latent, 2 * m->latent, TRUE);
  if (m->post_quant)
    m->post_quant_conv = dif_loader_linear (l, "post_quant_conv", m->latent, m->latent, TRUE);
  if (packed)
    load_statistics (m, l);
  return m;
}

DifVae *
dif_vae_load (DifJson *config, DifLoader *l, GError **error)
{
  return load_model (config, l, FALSE, error);
}

DifVae *
dif_vae_load_packed (DifJson *config, DifLoader *l, GError **error)
{
  return load_model (config, l, TRUE, error);
}

void
dif_vae_free (DifVae *m)
{
  if (! m)
    return;
  for (guint i = 0; i < MAX_LEVELS; i++)
    {
      g_free (m->encoder.levels[i].resnets);
      g_free (m->decoder.levels[i].resnets);
    }
  g_free (m->mean);
  g_free (m->std);
  g_free (m);
}

guint
dif_vae_factor (DifVae *m)
{
  return 1u << (m->n_levels - 1);
}

guint
dif_vae_latent_channels (DifVae *m)
{
  return m->latent;
}

guint
dif_vae_patch (DifVae *m)
{
  return m->patch;
}

guint
dif_vae_packed_channels (DifVae *m)
{
  return m->latent * m->patch * m->patch;
}

double
dif_vae_scaling (DifVae *m)
{
  return m->scaling;
}

gboolean
dif_vae_has_statistics (DifVae *m)
{
  return m->mean != NULL;
}

void
dif_vae_to_latents (DifVae *m, float *z, gsize n, gsize pixels, gboolean statistics)
{
  float scale = (float) m->scaling, shift = (float) m->shift;
  guint C = dif_vae_packed_channels (m);

  for (gsize i = 0; i < n * C; i++)
    for (gsize k = i * pixels; k < (i + 1) * pixels; k++)
      if (m->mean && statistics)
        z[k] = (z[k] - (float) m->mean[i % C]) * scale / (float) m->std[i % C];
      else
        z[k] = (z[k] - shift) * scale;
}

void
dif_vae_from_latents (DifVae *m, float *z, gsize n, gsize pixels)
{
  float scale = (float) m->scaling, shift = (float) m->shift;
  guint C = dif_vae_packed_channels (m);

  for (gsize i = 0; i < n * C; i++)
    for (gsize k = i * pixels; k < (i + 1) * pixels; k++)
      if (m->mean)
        z[k] = z[k] * (float) m->std[i % C] / scale + (float) m->mean[i % C];
      else
        z[k] = z[k] / scale + shift;
}

static DifTensor *
middle_forward (const Middle *mid, DifVae *m, DifContext *cx, DifTensor *x)
{
  dif_context_enter (cx, "mid_block");
  x = dif_resnet_forward (&mid->resnets[0], cx, x, NULL);
  if (m->attention)
    x = dif_attention_block_forward (&mid->attention, cx, x);
  x = dif_resnet_forward (&mid->resnets[1], cx, x, NULL);
  return dif_context_leave (cx, x);
}

static DifTensor *
level_forward (const Level *level, DifContext *cx, DifTensor *x)
{
  for (guint j = 0; j < level->n_resnets; j++)
    {
      DifTensor *y;

      dif_context_enter (cx, "resnets.%u", j);
      y = dif_context_leave (cx, dif_resnet_forward (&level->resnets[j], cx, x, NULL));
      dif_context_release (cx, x);
      x = y;
    }
  return x;
}

DifTensor *
dif_vae_encode (DifVae *m, DifContext *cx, DifTensor *image)
{
  const Half *e = &m->encoder;
  DifTensor  *h;

  dif_context_enter (cx, "encoder");
  h = dif_conv2d (cx, dif_cast (cx, image, dif_context_dtype (cx)), e->conv_in, NULL, NULL);
  for (guint i = 0; i < m->n_levels; i++)
    {
      dif_context_enter (cx, "down_blocks.%u", i);
      h = level_forward (&e->levels[i], cx, h);
      if (e->levels[i].sampler)
        h = dif_conv2d (cx, h, e->levels[i].sampler, NULL, NULL);
      dif_context_leave (cx, h);
    }
  h = middle_forward (&e->mid, m, cx, h);
  h = dif_group_norm (cx, h, e->norm_out, m->n_groups, EPS, DIF_ACT_SILU);
  h = dif_conv2d (cx, h, e->conv_out, NULL, NULL);
  if (m->quant_conv)
    h = dif_linear (cx, h, m->quant_conv, DIF_ACT_NONE, NULL);
  return dif_context_leave (cx, dif_cast (cx, h, DIF_F32));
}

DifTensor *
dif_vae_decode (DifVae *m, DifContext *cx, DifTensor *latents)
{
  const Half *d = &m->decoder;
  DifTensor  *h;

  dif_context_enter (cx, "decoder");
  h = dif_cast (cx, latents, dif_context_dtype (cx));
  if (m->post_quant_conv)
    h = dif_linear (cx, h, m->post_quant_conv, DIF_ACT_NONE, NULL);
  h = dif_conv2d (cx, h, d->conv_in, NULL, NULL);
  h = middle_forward (&d->mid, m, cx, h);
  for (guint i = 0; i < m->n_levels; i++)
    {
      DifTensor *before = h;

      dif_context_enter (cx, "up_blocks.%u", i);
      h = level_forward (&d->levels[i], cx, h);
      if (d->levels[i].sampler)
        {
          DifTensor *wide =
              dif_upsample_nearest (cx, h, 2 * dif_tensor_dim (h, 1), 2 * dif_tensor_dim (h, 2));

          dif_context_release (cx, h);
          h = dif_conv2d (cx, wide, d->levels[i].sampler, NULL, NULL);
        }
      dif_context_leave (cx, h);
      dif_context_release (cx, before);
    }
  h = dif_group_norm (cx, h, d->norm_out, m->n_groups, EPS, DIF_ACT_SILU);
  h = dif_conv2d (cx, h, d->conv_out, NULL, NULL);
  return dif_context_leave (cx, dif_cast (cx, h, DIF_F32));
}

static void
info (gpointer model, DifAutoencoderInfo *info)
{
  *info = (DifAutoencoderInfo) { .factor          = dif_vae_factor (model),
                                 .latent_channels = dif_vae_latent_channels (model),
                                 .has_statistics  = dif_vae_has_statistics (model) };
}

static DifTensor *
encode (gpointer model, DifContext *cx, DifTensor *image)
{
  return dif_vae_encode (model, cx, image);
}

static DifTensor *
decode (gpointer model, DifContext *cx, DifTensor *latents)
{
  return dif_vae_decode (model, cx, latents);
}

static void
to_latents (gpointer model, float *z, gsize n, gsize n_pixels, gboolean statistics)
{
  dif_vae_to_latents (model, z, n, n_pixels, statistics);
}

static void
from_latents (gpointer model, float *z, gsize n, gsize n_pixels)
{
  dif_vae_from_latents (model, z, n, n_pixels);
}

static const char *const encoder_names[] = { "encoder.", "quant_conv.", NULL };
static const char *const decoder_names[] = { "decoder.", "post_quant_conv.", NULL };

static const DifAutoencoderClass autoencoder = {
  .encoder_names = encoder_names,
  .decoder_names = decoder_names,
  .overflows     = overflows,
  .info          = info,
  .encode        = encode,
  .decode        = decode,
  .to_latents    = to_latents,
  .from_latents  = from_latents,
};

static gpointer
load (DifJson *config, DifLoader *l, GError **error)
{
  return dif_vae_load (config, l, error);
}

static gpointer
load_packed (DifJson *config, DifLoader *l, GError **error)
{
  return dif_vae_load_packed (config, l, error);
}

static void
release (gpointer m)
{
  dif_vae_free (m);
}

const DifModelClass dif_model_vae = {
  .class_name  = "AutoencoderKL",
  .load        = load,
  .free        = release,
  .autoencoder = &autoencoder,
};

const DifModelClass dif_model_vae_flux2 = {
  .class_name  = "AutoencoderKLFlux2",
  .load        = load_packed,
  .free        = release,
  .autoencoder = &autoencoder,
};
