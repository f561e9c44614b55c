/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* unet-load.c - a U-Net's config, and the weights it calls for.
 *
 * Nothing is compiled in: a two-level, eight-channel network is a valid U-Net.
 * Options that change the arithmetic and are not done here are refused by
 * name.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "models/unet-private.h"

/* A number for every level: either one for all, or a list. */
static void
per_level (DifJson *config, const char *key, guint fallback, guint max, guint n_levels, guint *out)
{
  DifJson *node = dif_json_member (config, key);
  gboolean list = node && dif_json_type (node) == DIF_JSON_ARRAY;

  if (list && dif_json_length (node) != n_levels)
    dif_json_fail (node, DIF_FORMAT_ERROR_BAD_VALUE, "expected %u numbers, found %u", n_levels,
                   dif_json_length (node));
  for (guint i = 0; i < n_levels; i++)
    {
      DifJson *one = list ? dif_json_at (node, i) : node;

      out[i] = one ? (guint) dif_json_value_int (one, 1, max) : fallback;
    }
}

static void
read_types (DifJson *config, const char *key, const char *plain, const char *crossed,
            guint n_levels, gboolean *out)
{
  DifJson *types = dif_json_member (config, key);

  if (! types)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_MISSING_KEY,
                     "%s: expected a list of block types, found none", key);
      return;
    }
  if (dif_json_length (types) != n_levels)
    dif_json_fail (types, DIF_FORMAT_ERROR_BAD_VALUE, "expected %u block types, found %u", n_levels,
                   dif_json_length (types));
  for (guint i = 0; i < MIN (n_levels, dif_json_length (types)); i++)
    {
      const char *type = dif_json_value_string (dif_json_at (types, i));

      out[i] = strcmp (type, crossed) == 0;
      if (! out[i] && strcmp (type, plain) != 0)
        dif_json_fail (dif_json_at (types, i), DIF_FORMAT_ERROR_UNSUPPORTED,
                       "expected \"%s\" or \"%s\", found \"%s\"", plain, crossed, type);
    }
}

/* Options of the reference that are fine at their defaults only. */
static void
refuse_others (DifJson *config)
{
  static const char *const absent[] = { "class_embed_type",
                                        "num_class_embeds",
                                        "encoder_hid_dim",
                                        "encoder_hid_dim_type",
                                        "time_embedding_act_fn",
                                        "timestep_post_act",
                                        "cross_attention_norm",
                                        "time_embedding_dim",
                                        NULL };
  static const char *const off[]    = { "dual_cross_attention", "resnet_skip_time_act",
                                        "class_embeddings_concat", "only_cross_attention",
                                        "mid_block_only_cross_attention", NULL };
  static const char *const one[]    = { "mid_block_scale_factor", "resnet_out_scale_factor", NULL };
  static const struct
  {
    const char *key, *value;
  } fixed[] = { { "time_embedding_type", "positional" },
                { "resnet_time_scale_shift", "default" },
                { "attention_type", "default" } };

  for (guint i = 0; absent[i]; i++)
    if (dif_json_has (config, absent[i]))
      dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected null, found a value",
                     absent[i]);
  for (guint i = 0; off[i]; i++)
    if (dif_json_bool (config, off[i], FALSE))
      dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected false, found true",
                     off[i]);
  for (guint i = 0; i < G_N_ELEMENTS (fixed); i++)
    {
      const char *value = dif_json_string (config, fixed[i].key, fixed[i].value);

      if (strcmp (value, fixed[i].value) != 0)
        dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected \"%s\", found \"%s\"",
                       fixed[i].key, fixed[i].value, value);
    }
  for (guint i = 0; one[i]; i++)
    if (dif_json_double (config, one[i], 1) != 1)
      dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "%s: expected 1, found %g", one[i],
                     dif_json_double (config, one[i], 1));
  dif_json_int (config, "conv_in_kernel", 3, 3, 3);
  dif_json_int (config, "conv_out_kernel", 3, 3, 3);
}

/* Micro-conditioning: SDXL's sizes, LCM's guidance scale. */
static void
read_added (DifUnet *m, DifJson *config)
{
  const char *type = dif_json_string (config, "addition_embed_type", "");

  if (dif_json_has (config, "time_cond_proj_dim"))
    m->n_guidance = (guint) dif_json_int (config, "time_cond_proj_dim", 0, 4, 1 << 16);
  if (! *type)
    return;
  if (strcmp (type, "text_time") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "addition_embed_type: expected null or \"text_time\", found \"%s\"", type);
  m->n_size = (guint) dif_json_int (config, "addition_time_embed_dim", 0, 2, 1 << 16);
  m->n_added =
      (guint) dif_json_int (config, "projection_class_embeddings_input_dim", 0, 1, 1 << 20);
  if (! m->n_size || ! m->n_added)
    dif_json_fail (config, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected a number for \"text_time\", found none",
                   m->n_size ? "projection_class_embeddings_input_dim" : "addition_time_embed_dim");
  else if (m->freq_shift == (float) (m->n_size / 2))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "freq_shift: expected a number other than half of addition_time_embed_dim (%u), "
                   "found %g",
                   m->n_size, (double) m->freq_shift);
}

static void
check_levels (DifUnet *m, DifJson *config, const char *heads)
{
  for (guint i = 0; i < m->n_levels; i++)
    {
      /* the middle attends with the last level's heads */
      gboolean attention = m->down_attention[i] || m->up_attention[m->n_levels - 1 - i] ||
                           (m->n_mid_resnets == 2 && i + 1 == m->n_levels);

      if (m->channels[i] % m->n_groups)
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                       "block_out_channels: expected multiples of norm_num_groups (%u), found %u",
                       m->n_groups, m->channels[i]);
      if (attention && m->channels[i] % m->n_heads[i])
        dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                       "%s: expected a number of heads that divides %u channels, found %u", heads,
                       m->channels[i], m->n_heads[i]);
    }
}

/* A null type, unlike an absent one, means no middle block (Kim et al. 2023,
 * BK-SDM); a plain one is a single resnet, as diffusers makes it. */
static void
read_middle (DifUnet *m, DifJson *config)
{
  const char *type = dif_json_string (config, "mid_block_type", "UNetMidBlock2DCrossAttn");

  m->n_mid_resnets = strcmp (type, "UNetMidBlock2D") == 0 ? 1 : 2;
  for (guint i = 0; i < dif_json_length (config); i++)
    {
      DifJson *member = dif_json_at (config, i);

      if (g_strcmp0 (dif_json_key (member), "mid_block_type") == 0 &&
          dif_json_type (member) == DIF_JSON_NULL)
        m->n_mid_resnets = 0;
    }
  if (m->n_mid_resnets == 2 && strcmp (type, "UNetMidBlock2DCrossAttn") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "mid_block_type: expected \"UNetMidBlock2DCrossAttn\" or \"UNetMidBlock2D\", "
                   "found \"%s\"",
                   type);
}

/* Blocks of the transformers of a level, by its entry: one number for all, or one
 * a layer. */
static void
read_level_blocks (DifUnetLevel *level, DifJson *entry, guint n_layers)
{
  gboolean list = entry && dif_json_type (entry) == DIF_JSON_ARRAY;

  level->n_layers = n_layers;
  if (list && dif_json_length (entry) != n_layers)
    dif_json_fail (entry, DIF_FORMAT_ERROR_BAD_VALUE, "expected %u numbers, found %u", n_layers,
                   dif_json_length (entry));
  for (guint j = 0; j < n_layers; j++)
    {
      DifJson *one = list ? dif_json_at (entry, j) : entry;

      level->n_blocks[j] = one ? (guint) dif_json_value_int (one, 1, DIF_UNET_MAX_LAYERS) : 1;
    }
}

/* The entry of level @i of a number for all or a list; NULL without one. */
static DifJson *
level_entry (DifJson *node, guint i)
{
  return node && dif_json_type (node) == DIF_JSON_ARRAY ? dif_json_at (node, i) : node;
}

/* transformer_layers_per_block, and for the way up reverse_…, which a list of lists
 * cannot do without. */
static void
read_blocks (DifUnet *m, DifJson *config)
{
  static const char key[]  = "transformer_layers_per_block";
  static const char back[] = "reverse_transformer_layers_per_block";
  DifJson          *down = dif_json_member (config, key), *up = dif_json_member (config, back);
  DifJson          *both[] = { down, up };

  for (guint i = 0; i < G_N_ELEMENTS (both); i++)
    if (both[i] && dif_json_type (both[i]) == DIF_JSON_ARRAY &&
        dif_json_length (both[i]) != m->n_levels)
      {
        dif_json_fail (both[i], DIF_FORMAT_ERROR_BAD_VALUE, "expected %u entries, found %u",
                       m->n_levels, dif_json_length (both[i]));
        return;
      }
  for (guint i = 0; i < m->n_levels; i++)
    {
      guint    at    = m->n_levels - 1 - i;
      DifJson *entry = level_entry (down, i), *mirror = level_entry (down, at);

      read_level_blocks (&m->down[i], entry, m->n_layers[i]);
      if (! up && entry && dif_json_type (entry) == DIF_JSON_ARRAY)
        dif_json_fail (entry, DIF_FORMAT_ERROR_MISSING_KEY, "expected %s beside a list, found none",
                       back);
      else
        read_level_blocks (&m->up[i], up ? level_entry (up, i) : mirror, m->n_layers[at] + 1);
    }
  m->n_mid_blocks = m->down[m->n_levels - 1].n_blocks[0];
}

static gboolean
read_config (DifUnet *m, DifJson *config, GError **error)
{
  DifJson    *channels = dif_json_member (config, "block_out_channels");
  const char *act      = dif_json_string (config, "act_fn", "silu");
  /* a historic misnomer: attention_head_dim is the number of heads */
  const char *heads =
      dif_json_has (config, "num_attention_heads") ? "num_attention_heads" : "attention_head_dim";

  m->n_levels = channels ? dif_json_length (channels) : 0;
  if (m->n_levels < 1 || m->n_levels > DIF_UNET_MAX_LEVELS)
    {
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                     "block_out_channels: expected 1 to %d numbers, found %u", DIF_UNET_MAX_LEVELS,
                     m->n_levels);
      return dif_json_finish (config, error);
    }
  per_level (config, "block_out_channels", 0, 1 << 16, m->n_levels, m->channels);
  per_level (config, heads, 8, 1 << 16, m->n_levels, m->n_heads);
  per_level (config, "cross_attention_dim", 1280, 1 << 16, m->n_levels, m->n_cross);
  per_level (config, "layers_per_block", 2, DIF_UNET_MAX_LAYERS, m->n_levels, m->n_layers);
  read_types (config, "down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", m->n_levels,
              m->down_attention);
  read_types (config, "up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", m->n_levels,
              m->up_attention);
  read_middle (m, config);
  read_blocks (m, config);
  m->in                 = (guint) dif_json_int (config, "in_channels", 4, 1, 1024);
  m->out                = (guint) dif_json_int (config, "out_channels", 4, 1, 1024);
  m->sample_size        = (guint) dif_json_int (config, "sample_size", 64, 1, 1 << 16);
  m->n_groups           = (guint) dif_json_int (config, "norm_num_groups", 32, 1, 1 << 16);
  m->eps                = (float) dif_json_double (config, "norm_eps", 1e-5);
  m->flip_sin_to_cos    = dif_json_bool (config, "flip_sin_to_cos", TRUE);
  m->freq_shift         = (float) dif_json_double (config, "freq_shift", 0);
  m->center_input       = dif_json_bool (config, "center_input_sample", FALSE);
  m->downsample_padding = (guint) dif_json_int (config, "downsample_padding", 1, 0, 1);
  m->n_time             = 4 * m->channels[0];
  if (! (m->eps > 0) || ! isfinite (m->eps))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "norm_eps: expected a positive number, found %g", (double) m->eps);
  /* frequencies are spread over half - freq_shift steps */
  if (! isfinite (m->freq_shift) || m->freq_shift == (float) (m->channels[0] / 2))
    dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE,
                   "freq_shift: expected a number other than half of %u channels, found %g",
                   m->channels[0], (double) m->freq_shift);
  if (strcmp (act, "silu") != 0 && strcmp (act, "swish") != 0)
    dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED, "act_fn: expected \"silu\", found \"%s\"",
                   act);
  read_added (m, config);
  refuse_others (config);
  check_levels (m, config, heads);
  return dif_json_finish (config, error);
}

static void
load_level (DifUnetLevel *level, gboolean attention)
{
  level->resnets = g_new0 (DifResnet, level->n_layers);
  if (attention)
    level->transformers = g_new0 (DifTransformer, level->n_layers);
}

/* Layer @j of a level: its resnet, and its transformer if it has one. */
static void
load_layer (DifUnetLevel *level, DifUnet *m, DifLoader *l, guint j, gsize n_in, guint at)
{
  dif_loader_enter (l, "resnets.%u", j);
  dif_resnet_load (&level->resnets[j], l, n_in, m->channels[at], m->n_time, m->n_groups, m->eps);
  dif_loader_leave (l);
  if (! level->transformers)
    return;
  dif_loader_enter (l, "attentions.%u", j);
  dif_transformer_load (&level->transformers[j], l, m->channels[at], m->n_heads[at],
                        level->n_blocks[j], m->n_cross[at], m->n_groups);
  dif_loader_leave (l);
}

static void
load_down (DifUnet *m, DifLoader *l)
{
  gsize n_in = m->channels[0];

  for (guint i = 0; i < m->n_levels; i++)
    {
      DifUnetLevel *level = &m->down[i];

      dif_loader_enter (l, "down_blocks.%u", i);
      load_level (level, m->down_attention[i]);
      for (guint j = 0; j < level->n_layers; j++)
        load_layer (level, m, l, j, j ? m->channels[i] : n_in, i);
      n_in = m->channels[i];
      if (i + 1 < m->n_levels)
        level->sampler = dif_loader_conv (l, "downsamplers.0.conv", n_in, n_in, 3, 2,
                                          m->downsample_padding ? 1 : DIF_PAD_RIGHT_BOTTOM);
      dif_loader_leave (l);
    }
}

/* Up blocks take the skips in reverse: all but the last resnet of a level see
 * skips of its own width, the last one those of the level before it. */
static void
load_up (DifUnet *m, DifLoader *l)
{
  gsize previous = m->channels[m->n_levels - 1];

  for (guint i = 0; i < m->n_levels; i++)
    {
      DifUnetLevel *level = &m->up[i];
      guint         at    = m->n_levels - 1 - i;
      gsize         own = m->channels[at], below = m->channels[at ? at - 1 : 0];

      dif_loader_enter (l, "up_blocks.%u", i);
      load_level (level, m->up_attention[i]);
      for (guint j = 0; j < level->n_layers; j++)
        load_layer (level, m, l, j, (j ? own : previous) + (j + 1 < level->n_layers ? own : below),
                    at);
      previous = own;
      if (i + 1 < m->n_levels)
        level->sampler = dif_loader_conv (l, "upsamplers.0.conv", own, own, 3, 1, 1);
      dif_loader_leave (l);
    }
}

static void
load_middle (DifUnet *m, DifLoader *l)
{
  guint at = m->n_levels - 1;
  gsize C  = m->channels[at];

  dif_loader_enter (l, "mid_block");
  for (guint i = 0; i < m->n_mid_resnets; i++)
    {
      dif_loader_enter (l, "resnets.%u", i);
      dif_resnet_load (&m->mid_resnets[i], l, C, C, m->n_time, m->n_groups, m->eps);
      dif_loader_leave (l);
    }
  if (m->n_mid_resnets == 2)
    {
      dif_loader_enter (l, "attentions.0");
      dif_transformer_load (&m->mid_transformer, l, C, m->n_heads[at], m->n_mid_blocks,
                            m->n_cross[at], m->n_groups);
      dif_loader_leave (l);
    }
  dif_loader_leave (l);
}

DifUnet *
dif_unet_load (DifJson *config, DifLoader *l, GError **error)
{
  DifUnet *m = g_new0 (DifUnet, 1);

  if (! read_config (m, config, error))
    {
      dif_unet_free (m);
      return NULL;
    }
  m->conv_in = dif_loader_conv (l, "conv_in", m->channels[0], m->in, 3, 1, 1);
  m->time1   = dif_loader_linear (l, "time_embedding.linear_1", m->n_time, m->channels[0], TRUE);
  m->time2   = dif_loader_linear (l, "time_embedding.linear_2", m->n_time, m->n_time, TRUE);
  if (m->n_guidance)
    m->guidance = dif_loader_linear (l, "time_embedding.cond_proj", m->channels[0], m->n_guidance,
                                     FALSE);
  if (m->n_added)
    {
      m->added1 = dif_loader_linear (l, "add_embedding.linear_1", m->n_time, m->n_added, TRUE);
      m->added2 = dif_loader_linear (l, "add_embedding.linear_2", m->n_time, m->n_time, TRUE);
    }
  load_down (m, l);
  load_middle (m, l);
  load_up (m, l);
  m->norm_out = dif_loader_norm (l, "conv_norm_out", m->channels[0]);
  m->conv_out = dif_loader_conv (l, "conv_out", m->out, m->channels[0], 3, 1, 1);
  return m;
}

static void
clear_level (DifUnetLevel *level)
{
  for (guint j = 0; level->transformers && j < level->n_layers; j++)
    dif_transformer_clear (&level->transformers[j]);
  g_free (level->transformers);
  g_free (level->resnets);
}

void
dif_unet_free (DifUnet *m)
{
  if (! m)
    return;
  for (guint i = 0; i < DIF_UNET_MAX_LEVELS; i++)
    {
      clear_level (&m->down[i]);
      clear_level (&m->up[i]);
    }
  dif_transformer_clear (&m->mid_transformer);
  g_free (m);
}
