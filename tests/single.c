/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single.c - see single.h. */
#include "single.h"

#include <string.h>

#include "formats/scratch.h"
#include "support.h"

/* What a file of the family cannot know about our small models. */
static const struct
{
  const char *model;
  const char *settings;
} settings[] = {
  { "sd15",
    "{\"unet\": {\"norm_num_groups\": 8}, \"vae\": {\"norm_num_groups\": 8}, "
    "\"text_encoder\": {\"num_attention_heads\": 4}}" },
  { "sd21",
    "{\"unet\": {\"norm_num_groups\": 8, \"sample_size\": 8, "
    "\"attention_head_dim\": [1, 2, 3, 3]}, \"vae\": {\"norm_num_groups\": 8}, "
    "\"text_encoder\": {\"num_attention_heads\": 2}}" },
  { "sdxl",
    "{\"unet\": {\"norm_num_groups\": 4, \"sample_size\": 6, "
    "\"attention_head_dim\": [2, 3, 4], \"addition_time_embed_dim\": 8}, "
    "\"vae\": {\"norm_num_groups\": 4}, "
    "\"text_encoder\": {\"num_attention_heads\": 3}, "
    "\"text_encoder_2\": {\"num_attention_heads\": 2}}" },
  { "refiner",
    "{\"unet\": {\"norm_num_groups\": 4, \"sample_size\": 6, "
    "\"attention_head_dim\": [2, 3, 4, 4], \"addition_time_embed_dim\": 8}, "
    "\"vae\": {\"norm_num_groups\": 4, \"force_upcast\": false, \"scaling_factor\": 0.5, "
    "\"latents_mean\": [-1.6574, 1.886, -1.383, 2.5155], "
    "\"latents_std\": [8.4927, 5.9022, 6.5498, 5.2299]}, "
    "\"text_encoder_2\": {\"num_attention_heads\": 2, \"eos_token_id\": 843}}" },
};

static const char *const part_names[] = { "unet", "vae", "text_encoder", "text_encoder_2" };

typedef struct
{
  DifWeights *parts[G_N_ELEMENTS (part_names)]; /* NULL: the model has none */
  DifDtype    dtype;
} Single;

static const DifHostArray *
find (Single *s, const char *part, const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (part_names); i++)
    if (strcmp (part, part_names[i]) == 0)
      {
        const DifHostArray *array = dif_weights_lookup (s->parts[i], name);

        g_assert_nonnull (array);
        return array;
      }
  g_assert_not_reached ();
}

/* The shape of a row's tensor in the file, and its operation. */
static DifShape
shape_of (Single *s, DifJson *row, const char **operation)
{
  const char *part  = dif_json_value_string (dif_json_at (row, 2));
  DifShape    shape = find (s, part, dif_json_value_string (dif_json_at (row, 3)))->shape;

  *operation = dif_json_value_string (dif_json_at (row, 1));
  if (strcmp (*operation, "stack") == 0)
    shape.d[0] *= 3;
  else if (strcmp (*operation, "transpose") == 0)
    shape = DIF_SHAPE (shape.d[1], shape.d[0]);
  else if (strcmp (*operation, "convolution") == 0)
    {
      shape.n    = 4;
      shape.d[2] = shape.d[3] = 1;
    }
  else
    g_assert_cmpstr (*operation, ==, "copy");
  return shape;
}

static float *
transposed (const float *values, const DifShape *shape)
{
  gsize  rows = shape->d[0], columns = shape->d[1];
  float *out = g_new (float, rows *columns);

  for (gsize i = 0; i < rows; i++)
    for (gsize j = 0; j < columns; j++)
      out[j * rows + i] = values[i * columns + j];
  return out;
}

static void
put (Single *s, DifSafetensorsWriter *w, const DifHostArray *array, const char *operation)
{
  g_autofree float   *values = NULL;
  g_autofree guint16 *halves = NULL;
  gsize               n;
  GError             *error = NULL;

  values = dif_host_to_f32 (array, &n);
  g_assert_nonnull (values);
  halves = g_new (guint16, n);
  if (strcmp (operation, "transpose") == 0)
    {
      float *turned = transposed (values, &array->shape);

      g_free (values);
      values = turned;
    }
  if (s->dtype != DIF_F32)
    dif_convert_from_f32 (halves, s->dtype, values, n);
  dif_safetensors_writer_put (w, s->dtype == DIF_F32 ? (void *) values : (void *) halves,
                              n * dif_dtype_size (s->dtype), &error);
  g_assert_no_error (error);
}

static void
write_tensors (Single *s, DifJson *rows, const char *path)
{
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  GError                          *error = NULL;

  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson    *row = dif_json_at (rows, i);
      const char *operation;
      DifShape    shape = shape_of (s, row, &operation);

      dif_safetensors_writer_declare (w, dif_json_value_string (dif_json_at (row, 0)), s->dtype,
                                      &shape);
    }
  dif_safetensors_writer_open (w, path, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < dif_json_length (rows); i++)
    {
      DifJson    *row       = dif_json_at (rows, i);
      const char *operation = dif_json_value_string (dif_json_at (row, 1));
      const char *part      = dif_json_value_string (dif_json_at (row, 2));

      for (guint k = 3; k < dif_json_length (row); k++)
        put (s, w, find (s, part, dif_json_value_string (dif_json_at (row, k))), operation);
    }
  dif_safetensors_writer_close (w, &error);
  g_assert_no_error (error);
}

char *
single_write (const char *folder, const char *model, DifDtype dtype)
{
  g_autofree char          *models = g_build_filename ("models", model, NULL);
  g_autofree char          *from   = test_fixture (models);
  g_autofree char          *list   = g_strdup_printf ("singles/%s.json", model);
  g_autofree char          *rows   = test_fixture (list);
  g_autofree char          *name   = g_strconcat (model, ".safetensors", NULL);
  g_autofree char          *own    = g_strconcat (model, ".dif.json", NULL);
  char                     *path   = g_build_filename (folder, name, NULL);
  GError                   *error  = NULL;
  Single                    s      = { .dtype = dtype };
  g_autoptr (DifJson)       json   = dif_json_load (rows, &error);
  g_autoptr (DifCheckpoint) c      = dif_checkpoint_open (from, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (part_names); i++)
    if (dif_checkpoint_part_class (c, part_names[i]))
      s.parts[i] = dif_checkpoint_weights (c, part_names[i], &error);
  g_assert_no_error (error);
  write_tensors (&s, dif_json_member (json, "tensors"), path);
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (strcmp (settings[i].model, model) == 0)
      scratch_write_text (folder, own, settings[i].settings);
  for (guint i = 0; i < G_N_ELEMENTS (part_names); i++)
    dif_weights_free (s.parts[i]);
  return path;
}
