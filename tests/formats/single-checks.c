/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single-checks.c - see single-checks.h. */
#include "formats/single-checks.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "formats/scratch.h"
#include "support.h"

/* Tensors that are in published files besides those of the parts. */
static const struct
{
  const char *name, *dtype;
  guint       bytes;
} strays[] = {
  { "alphas_cumprod", "F32", 4 },
  { "model_ema.decay", "F32", 4 },
  { "model_ema.num_updates", "I32", 4 },
  { "model_ema.diffusion_modelinput_blocks00weight", "F16", 2 },
  { "first_stage_model.loss.logvar", "F32", 4 },
  { "cond_stage_model.transformer.text_model.embeddings.position_ids", "I64", 8 },
  { "cond_stage_model.logit_scale", "F64", 8 },
  { "note", "U8", 1 },
};

static void
append_tensor (GString *header, const char *name, const char *dtype, const char *shape,
               guint64 *at, guint64 bytes)
{
  g_string_append_printf (header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],",
                          header->len > 1 ? "," : "", name, dtype, shape);
  g_string_append_printf (header, "\"data_offsets\":[%ju,%ju]}", (uintmax_t) *at,
                          (uintmax_t) (*at + bytes));
  *at += bytes;
}

/* @name with the first @from replaced by @to; from an empty one, @to comes first. */
static char *
respelled (const char *name, const char *from, const char *to)
{
  const char *at = strstr (name, from);

  return at ? g_strdup_printf ("%.*s%s%s", (int) (at - name), name, to, at + strlen (from))
            : g_strdup (name);
}

void
single_write_sparse (const char *path, DifJson *rows, const char *from, const char *to)
{
  g_autoptr (GString) header = g_string_new ("{");
  guint64             at     = 0, length;
  GError             *error  = NULL;

  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson            *row   = dif_json_at (rows, i);
      DifJson            *shape = dif_json_at (row, 2);
      g_autoptr (GString) dims  = g_string_new (NULL);
      g_autofree char    *name  = NULL;
      guint64             bytes = 2;

      for (guint k = 0; k < dif_json_length (shape); k++)
        {
          gint64 d = dif_json_value_int (dif_json_at (shape, k), 0, G_MAXINT);

          bytes *= (guint64) d;
          g_string_append_printf (dims, "%s%" G_GINT64_FORMAT, k ? "," : "", d);
        }
      name = respelled (dif_json_value_string (dif_json_at (row, 0)), from, to);
      append_tensor (header, name, "F16", dims->str, &at, bytes);
    }
  for (guint i = 0; i < G_N_ELEMENTS (strays); i++)
    append_tensor (header, strays[i].name, strays[i].dtype, "1", &at, strays[i].bytes);
  g_string_append_c (header, '}');
  length = GUINT64_TO_LE (header->len);
  g_string_prepend_len (header, (const char *) &length, 8);
  g_file_set_contents (path, header->str, (gssize) header->len, &error);
  g_assert_no_error (error);
  g_assert_cmpint (truncate (path, (off_t) (header->len + at)), ==, 0);
}

/* The shape of a row's tensor as our weights have it. */
static DifShape
expected_shape (DifJson *row)
{
  DifJson *from  = dif_json_at (row, 2);
  DifShape shape = { .n = dif_json_length (from) };

  for (guint k = 0; k < shape.n; k++)
    shape.d[k] = (gsize) dif_json_value_int (dif_json_at (from, k), 0, G_MAXINT);
  if (dif_json_length (row) == 6)
    shape.d[0] /= 3;
  if (g_str_has_suffix (dif_json_value_string (dif_json_at (row, 0)), "text_projection"))
    {
      gsize first = shape.d[0];

      shape.d[0] = shape.d[1];
      shape.d[1] = first;
    }
  return shape;
}

void
single_check_part (DifCheckpoint *c, DifJson *rows, const char *part)
{
  GError                *error   = NULL;
  g_autoptr (DifWeights) weights = dif_checkpoint_weights (c, part, &error);
  g_autoptr (GPtrArray)  names   = NULL;
  guint                  n       = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson *row      = dif_json_at (rows, i);
      DifShape expected = expected_shape (row);

      if (strcmp (dif_json_value_string (dif_json_at (row, 1)), part) != 0)
        continue;
      for (guint k = 3; k < dif_json_length (row); k++, n++)
        {
          const char         *name  = dif_json_value_string (dif_json_at (row, k));
          const DifHostArray *array = dif_weights_lookup (weights, name);

          if (! array)
            g_error ("%s: no tensor %s", part, name);
          if (! dif_shape_equal (&array->shape, &expected))
            g_error ("%s: tensor %s has another shape", part, name);
          g_assert_cmpint (array->encoding, ==, DIF_ENC_F16);
        }
    }
  names = dif_weights_names (weights);
  g_assert_cmpuint (names->len, ==, n);
}

/* [5, 5, 5] says the same as 5. */
static char *
plain_value (DifJson *value)
{
  g_autofree char *text  = dif_json_to_string (value, FALSE);
  g_autofree char *first = NULL;

  if (dif_json_type (value) != DIF_JSON_ARRAY || dif_json_length (value) == 0)
    return g_steal_pointer (&text);
  first = dif_json_to_string (dif_json_at (value, 0), FALSE);
  for (guint i = 1; i < dif_json_length (value); i++)
    {
      g_autofree char *other = dif_json_to_string (dif_json_at (value, i), FALSE);

      if (strcmp (other, first) != 0)
        return g_steal_pointer (&text);
    }
  return g_steal_pointer (&first);
}

/* Every key that a model reads and the published config has. */
void
single_check_config (DifCheckpoint *c, DifJson *published, const char *part)
{
  static const char *const keys[] = {
    "act_fn", "addition_embed_type", "addition_time_embed_dim", "attention_head_dim",
    "block_out_channels", "center_input_sample", "cross_attention_dim", "down_block_types",
    "downsample_padding", "flip_sin_to_cos", "freq_shift", "hidden_act", "hidden_size",
    "in_channels", "intermediate_size", "latent_channels", "layer_norm_eps", "layers_per_block",
    "max_position_embeddings", "norm_eps", "norm_num_groups", "num_attention_heads",
    "num_hidden_layers", "out_channels", "projection_class_embeddings_input_dim",
    "reverse_transformer_layers_per_block", "scaling_factor", "transformer_layers_per_block",
    "up_block_types", "use_linear_projection", "vocab_size"
  };
  static const char   middle[] = "UNetMidBlock2DCrossAttn"; /* what an absent one means */
  GError             *error    = NULL;
  g_autoptr (DifJson) own      = dif_checkpoint_config (c, part, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      DifJson         *theirs   = dif_json_member (published, keys[i]);
      DifJson         *ours     = dif_json_member (own, keys[i]);
      g_autofree char *expected = theirs ? plain_value (theirs) : NULL;
      g_autofree char *found    = ours ? plain_value (ours) : NULL;

      if (expected && g_strcmp0 (expected, found) != 0)
        g_error ("%s: %s: expected %s, found %s", part, keys[i], expected, found);
    }
  g_assert_cmpstr (dif_json_string (own, "mid_block_type", middle), ==,
                   dif_json_string (published, "mid_block_type", middle));
}

DifJson *
single_read_published (void)
{
  g_autofree char         *path   = test_fixture ("singles/published.json.gz");
  g_autoptr (GFile)        file   = g_file_new_for_path (path);
  GError                  *error  = NULL;
  g_autoptr (GInputStream) packed = G_INPUT_STREAM (g_file_read (file, NULL, &error));
  g_autoptr (GConverter)   gunzip =
      G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP));
  g_autoptr (GInputStream)  plain  = g_converter_input_stream_new (packed, gunzip);
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  DifJson                  *json;

  g_output_stream_splice (memory, plain, G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET, NULL, &error);
  g_assert_no_error (error);
  json = dif_json_parse (g_memory_output_stream_get_data (G_MEMORY_OUTPUT_STREAM (memory)),
                         g_memory_output_stream_get_data_size (G_MEMORY_OUTPUT_STREAM (memory)),
                         path, &error);
  g_assert_no_error (error);
  return json;
}

/* Writes one-element tensors; NAME:D1xD2… has that shape. */
char *
single_write_names (const char *folder, const char *const *names)
{
  char                            *path  = scratch_path (folder, "file.safetensors");
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  GError                          *error = NULL;
  gsize                            total = 0, n;

  for (guint i = 0; names[i]; i++)
    {
      g_auto (GStrv) parts = g_strsplit (names[i], ":", 2);
      g_auto (GStrv) dims  = g_strsplit (parts[1] ? parts[1] : "1", "x", -1);
      DifShape       shape = { 0 };

      for (; dims[shape.n]; shape.n++)
        shape.d[shape.n] = (gsize) g_ascii_strtoull (dims[shape.n], NULL, 10);
      g_assert_true (dif_shape_count (&shape, &n));
      total += n;
      dif_safetensors_writer_declare (w, parts[0], DIF_F32, &shape);
    }
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (gsize i = 0; i < total; i++)
    {
      float zero = 0;

      g_assert_true (dif_safetensors_writer_put (w, &zero, sizeof zero, &error));
    }
  g_assert_true (dif_safetensors_writer_close (w, &error));
  return path;
}
