/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* random-weights.c - a network's weights, drawn so that it computes sanely.
 *
 * Every matrix keeps the variance of what goes through it (1 / fan-in, times a
 * gain); what a residual branch adds is kept smaller than what it is added to;
 * norms are near one.  So activations neither die nor explode, predicted noise
 * has about unit variance and decoded pictures stay inside [-1, 1].
 *
 * Numbers are uniform, by a counter: fast, and the same in every order.
 */
#include <math.h>
#include <string.h>

#include "inspect.h"
#include "random-weights.h"

#define CHUNK_ELEMENTS (1u << 20)

/* Distinct values per tensor: enough for any layer, few enough for a table. */
#define LEVEL_BITS 12

/**
 * Gain:
 * @ending: how a tensor's name ends
 * @gain: factor on 1 / sqrt (fan-in)
 *
 * The first match counts.
 */
typedef struct
{
  const char *ending;
  double      gain;
} Gain;

/* SiLU leaves 0.36 of a unit normal's mean square: 1.7 restores it before an
 * output. */
static const Gain gains[] = {
  { "decoder.conv_out.weight", 0.5 }, /* pictures with a deviation of 0.3 */
  { "encoder.conv_out.weight", 0.7 },
  { "conv_out.weight", 1.7 },
  { "conv2.weight", 0.7 },
  { "attn2.to_out.0.weight", 1.5 }, /* a mean over 77 tokens is small */
  { "to_out.0.weight", 0.5 },
  { "ff.net.2.weight", 0.7 },
  { "proj_out.weight", 0.5 },
  { "self_attn.out_proj.weight", 0.5 },
  { "mlp.fc2.weight", 0.5 },
};

typedef struct
{
  char    *name;
  DifShape shape;
} Tensor;

typedef struct
{
  GArray  *tensors; /* of Tensor */
  gboolean linear_projection;
} List;

/* What the network asks for as a matrix the file may hold as a 1x1
 * convolution, as diffusers wants it. */
static gboolean
is_convolution (const char *name, gboolean linear_projection)
{
  return g_str_has_suffix (name, "conv_shortcut.weight") ||
         g_str_has_suffix (name, "quant_conv.weight") ||
         (! linear_projection && (g_str_has_suffix (name, "proj_in.weight") ||
                                  g_str_has_suffix (name, "proj_out.weight")));
}

static void
add_tensor (const char *name, const DifShape *shape, gpointer data)
{
  List  *list = data;
  Tensor t    = { g_strdup (name), *shape };

  if (shape->n == 2 && is_convolution (name, list->linear_projection))
    {
      t.shape.n    = 4;
      t.shape.d[2] = 1;
      t.shape.d[3] = 1;
    }
  g_array_append_val (list->tensors, t);
}

static void
tensor_clear (gpointer data)
{
  g_free (((Tensor *) data)->name);
}

/* Mean and standard deviation of a tensor's numbers. */
static void
statistics (const Tensor *t, double *mean, double *deviation)
{
  double fan_in = 1;

  *mean = 0;
  if (t->shape.n == 1)
    {
      gboolean norm = g_str_has_suffix (t->name, "weight");

      *mean      = norm ? 1 : 0;
      *deviation = norm ? 0.1 : 0.05;
      return;
    }
  if (strstr (t->name, "embedding.weight"))
    {
      *deviation = strstr (t->name, "position") ? 0.3 : 0.8;
      return;
    }
  for (guint i = 1; i < t->shape.n; i++)
    fan_in *= (double) t->shape.d[i];
  *deviation = 1 / sqrt (fan_in);
  for (guint i = 0; i < G_N_ELEMENTS (gains); i++)
    if (g_str_has_suffix (t->name, gains[i].ending))
      {
        *deviation *= gains[i].gain;
        return;
      }
}

/* Source: Steele, Lea, Flood 2014, SplitMix64. */
static inline guint64
mix (guint64 z)
{
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

#define GOLDEN_GAMMA G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)

/* Fills @out with @n levels; @at is a multiple of four. */
static void
draw (guint16 *out, gsize n, guint64 stream, guint64 at)
{
  for (gsize i = 0; i < n; i += 4)
    {
      guint64 bits = mix (stream + GOLDEN_GAMMA * ((at + i) / 4));
      guint   some = (guint) MIN (4, n - i);

      for (guint k = 0; k < some; k++)
        out[i + k] = (guint16) (bits >> (16 * k) & ((1u << LEVEL_BITS) - 1));
    }
}

/* The values of all levels: mean +- sqrt (3) * deviation, evenly. */
static void
make_table (void *table, DifDtype dtype, const Tensor *t)
{
  float  values[1u << LEVEL_BITS];
  double mean, deviation;

  statistics (t, &mean, &deviation);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    values[i] = (float) (mean + deviation * sqrt (3) *
                                    ((2.0 * i + 1) / (double) G_N_ELEMENTS (values) - 1));
  dif_convert_from_f32 (table, dtype, values, G_N_ELEMENTS (values));
}

static void
look_up (void *out, const void *table, DifDtype dtype, const guint16 *levels, gsize n)
{
  if (dtype == DIF_F32)
    for (gsize i = 0; i < n; i++)
      ((guint32 *) out)[i] = ((const guint32 *) table)[levels[i]];
  else
    for (gsize i = 0; i < n; i++)
      ((guint16 *) out)[i] = ((const guint16 *) table)[levels[i]];
}

static gboolean
put_tensor (DifSafetensorsWriter *writer, const Tensor *t, DifDtype dtype, guint64 stream,
            GCancellable *cancellable, GError **error)
{
  g_autofree guint16 *levels = g_try_new (guint16, CHUNK_ELEMENTS);
  g_autofree guint32 *values = g_try_new (guint32, CHUNK_ELEMENTS);
  guint32             table[1u << LEVEL_BITS];
  gsize               count;

  if (! levels || ! values || ! dif_shape_count (&t->shape, &count))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                   "out of memory for tensor %s", t->name);
      return FALSE;
    }
  make_table (table, dtype, t);
  for (gsize at = 0; at < count; at += CHUNK_ELEMENTS)
    {
      gsize n = MIN (CHUNK_ELEMENTS, count - at);

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      draw (levels, n, stream, at);
      look_up (values, table, dtype, levels, n);
      if (! dif_safetensors_writer_put (writer, values, n * dif_dtype_size (dtype), error))
        return FALSE;
    }
  return TRUE;
}

gboolean
cli_random_weights_write (const char *path, const char *class_name, DifJson *config,
                          DifDtype dtype, guint64 seed, GCancellable *cancellable, GError **error)
{
  g_autoptr (DifSafetensorsWriter) writer  = dif_safetensors_writer_new ();
  g_autoptr (GArray)               tensors = g_array_new (FALSE, FALSE, sizeof (Tensor));
  List                             list    = { tensors, FALSE };

  list.linear_projection = dif_json_bool (config, "use_linear_projection", FALSE);
  g_array_set_clear_func (tensors, tensor_clear);
  if (! cli_network_tensors (class_name, config, add_tensor, &list, error))
    return FALSE;
  for (guint i = 0; i < tensors->len; i++)
    {
      const Tensor *t = &g_array_index (tensors, Tensor, i);

      dif_safetensors_writer_declare (writer, t->name, dtype, &t->shape);
    }
  if (! dif_safetensors_writer_open (writer, path, error))
    return FALSE;
  for (guint i = 0; i < tensors->len; i++)
    {
      const Tensor *t      = &g_array_index (tensors, Tensor, i);
      guint64       stream = mix (seed + mix (g_str_hash (class_name)) + GOLDEN_GAMMA * i);

      if (! put_tensor (writer, t, dtype, stream, cancellable, error))
        return FALSE;
    }
  return dif_safetensors_writer_close (writer, error);
}
