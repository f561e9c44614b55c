/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bench-ops.c - times every op of a network at its real shapes, one by one.
 *
 * bench-ops [sd15|sdxl|vae] [f32|bf16] [REPEATS] [FILTER]
 * bench-ops [sd15|sdxl|vae] stored [REPEATS] [FILTER]
 *
 * Prints, per shape, the best of some repeats, the rate and how often the
 * network uses it; then the sum per class and for the whole network beside the
 * machine's limit.  Networks are batch 2 (guidance), the VAE batch 1 at 512.
 *
 * "stored" holds weights that are kept in f16 against the same ones kept in
 * f32, op by op in turn and in f32 both, with a cache that has seen other data
 * in between, as it has from step to step.  What counts there is processor time
 * of all threads, which other processes disturb least.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensor/backend.h"

typedef enum
{
  CONV,       /* H, in, out */
  CONV_DOWN,  /* H, in, out */
  CONV_TIME,  /* H, in, out: with the time embedding */
  CONV_ADD,   /* H, in, out: with a residual */
  LINEAR,     /* rows, in, out */
  LINEAR_ADD, /* rows, in, out: with a residual */
  GEGLU,      /* rows, in, out */
  SELF,       /* tokens, heads, head_dim */
  CROSS,      /* tokens, heads, head_dim: 77 keys */
  GROUP_NORM, /* H, C */
  LAYER_NORM, /* rows, C */
  CONCAT,     /* H, Ca, Cb */
  UPSAMPLE,   /* H, C */
  N_KINDS
} Kind;

static const char *const kind_names[N_KINDS] = {
  "conv3x3", "conv3x3 down", "conv3x3+time", "conv3x3+res", "linear", "linear+res", "geglu",
  "self-attention", "cross-attention", "group norm", "layer norm", "concat", "upsample"
};

typedef struct
{
  Kind  kind;
  gsize a, b, c;
  guint count;
} Shape;

/* one transformer block at C channels, T tokens, h heads, k times, in batch 2 */
#define BLOCK(T, C, h, k)                                                                       \
  { LAYER_NORM, 2 * T, C, 0, 3 * k }, { LINEAR, 2 * T, C, 3 * C, k }, { SELF, T, h, C / h, k }, \
      { LINEAR_ADD, 2 * T, C, C, 2 * k }, { LINEAR, 2 * T, C, C, k },                           \
      { CROSS, T, h, C / h, k }, { GEGLU, 2 * T, C, 4 * C, k },                                 \
  {                                                                                             \
    LINEAR_ADD, 2 * T, 4 * C, C, k                                                              \
  }
/* around the blocks: norm, projection in and out */
#define AROUND(H, C, k)                                       \
  { GROUP_NORM, H, C, 0, k }, { LINEAR, 2 * H * H, C, C, k }, \
  {                                                           \
    LINEAR_ADD, 2 * H *H, C, C, k                             \
  }

static const Shape sd15[] = {
  { CONV, 64, 4, 320, 1 },
  { CONV, 64, 320, 4, 1 },
  { CONV_TIME, 64, 320, 320, 2 },
  { CONV_ADD, 64, 320, 320, 5 },
  { CONV_TIME, 64, 960, 320, 1 },
  { CONV_TIME, 64, 640, 320, 2 },
  { CONV, 64, 640, 640, 1 },
  { CONV_DOWN, 64, 320, 320, 1 },
  { CONV_TIME, 32, 320, 640, 1 },
  { CONV_TIME, 32, 640, 640, 1 },
  { CONV_ADD, 32, 640, 640, 5 },
  { CONV_TIME, 32, 1920, 640, 1 },
  { CONV_TIME, 32, 1280, 640, 1 },
  { CONV_TIME, 32, 960, 640, 1 },
  { CONV, 32, 1280, 1280, 1 },
  { CONV_DOWN, 32, 640, 640, 1 },
  { CONV_TIME, 16, 640, 1280, 1 },
  { CONV_TIME, 16, 1280, 1280, 1 },
  { CONV_ADD, 16, 1280, 1280, 5 },
  { CONV_TIME, 16, 2560, 1280, 2 },
  { CONV_TIME, 16, 1920, 1280, 1 },
  { CONV, 16, 1280, 1280, 1 },
  { CONV_DOWN, 16, 1280, 1280, 1 },
  { CONV_TIME, 8, 1280, 1280, 4 },
  { CONV_ADD, 8, 1280, 1280, 7 },
  { CONV_TIME, 8, 2560, 1280, 3 },
  { LINEAR, 8192, 960, 320, 1 },
  { LINEAR, 8192, 640, 320, 2 },
  { LINEAR, 2048, 320, 640, 1 },
  { LINEAR, 2048, 1920, 640, 1 },
  { LINEAR, 2048, 1280, 640, 1 },
  { LINEAR, 2048, 960, 640, 1 },
  { LINEAR, 512, 640, 1280, 1 },
  { LINEAR, 512, 2560, 1280, 2 },
  { LINEAR, 512, 1920, 1280, 1 },
  { LINEAR, 128, 2560, 1280, 3 },
  { GROUP_NORM, 64, 320, 0, 8 },
  { GROUP_NORM, 64, 640, 0, 2 },
  { GROUP_NORM, 64, 960, 0, 1 },
  { GROUP_NORM, 32, 320, 0, 1 },
  { GROUP_NORM, 32, 640, 0, 6 },
  { GROUP_NORM, 32, 1920, 0, 1 },
  { GROUP_NORM, 32, 1280, 0, 1 },
  { GROUP_NORM, 32, 960, 0, 1 },
  { GROUP_NORM, 16, 640, 0, 1 },
  { GROUP_NORM, 16, 1280, 0, 6 },
  { GROUP_NORM, 16, 2560, 0, 2 },
  { GROUP_NORM, 16, 1920, 0, 1 },
  { GROUP_NORM, 8, 1280, 0, 11 },
  { GROUP_NORM, 8, 2560, 0, 3 },
  { CONCAT, 64, 640, 320, 1 },
  { CONCAT, 64, 320, 320, 2 },
  { CONCAT, 32, 1280, 640, 1 },
  { CONCAT, 32, 640, 640, 1 },
  { CONCAT, 32, 640, 320, 1 },
  { CONCAT, 16, 1280, 1280, 2 },
  { CONCAT, 16, 1280, 640, 1 },
  { CONCAT, 8, 1280, 1280, 3 },
  { UPSAMPLE, 8, 1280, 0, 1 },
  { UPSAMPLE, 16, 1280, 0, 1 },
  { UPSAMPLE, 32, 640, 0, 1 },
  AROUND (64, 320, 5),
  AROUND (32, 640, 5),
  AROUND (16, 1280, 5),
  AROUND (8, 1280, 1),
  BLOCK (4096, 320, 8, 5),
  BLOCK (1024, 640, 8, 5),
  BLOCK (256, 1280, 8, 5),
  BLOCK (64, 1280, 8, 1),
  { LINEAR, 154, 768, 640, 5 },
  { LINEAR, 154, 768, 1280, 5 },
  { LINEAR, 154, 768, 2560, 6 },
};

/* the shapes that carry SDXL at 1024 (the U-Net starts at 128, heads of 64) */
static const Shape sdxl[] = {
  { CONV_TIME, 128, 320, 320, 2 },
  { CONV_ADD, 128, 320, 320, 5 },
  { CONV_TIME, 128, 960, 320, 1 },
  { CONV_TIME, 128, 640, 320, 2 },
  { CONV, 128, 640, 640, 1 },
  { CONV_DOWN, 128, 320, 320, 1 },
  { CONV_TIME, 64, 320, 640, 1 },
  { CONV_TIME, 64, 640, 640, 1 },
  { CONV_ADD, 64, 640, 640, 5 },
  { CONV_TIME, 64, 1920, 640, 1 },
  { CONV_TIME, 64, 1280, 640, 1 },
  { CONV_TIME, 64, 960, 640, 1 },
  { CONV, 64, 1280, 1280, 1 },
  { CONV_DOWN, 64, 640, 640, 1 },
  { CONV_TIME, 32, 640, 1280, 1 },
  { CONV_ADD, 32, 1280, 1280, 7 },
  { CONV_TIME, 32, 2560, 1280, 2 },
  { CONV_TIME, 32, 1920, 1280, 1 },
  { CONV_TIME, 32, 1280, 1280, 3 },
  AROUND (64, 640, 5),
  AROUND (32, 1280, 6),
  BLOCK (4096, 640, 10, 10),
  BLOCK (1024, 1280, 20, 60),
};

static const Shape vae[] = {
  { CONV, 64, 4, 512, 1 },
  { CONV, 64, 512, 512, 5 },
  { CONV_ADD, 64, 512, 512, 5 },
  { LINEAR, 4096, 512, 1536, 1 },
  { SELF, 4096, 1, 512, 1 },
  { LINEAR_ADD, 4096, 512, 512, 1 },
  { CONV, 128, 512, 512, 4 },
  { CONV_ADD, 128, 512, 512, 3 },
  { CONV, 256, 512, 512, 1 },
  { CONV, 256, 512, 256, 1 },
  { CONV, 256, 256, 256, 2 },
  { CONV_ADD, 256, 256, 256, 3 },
  { LINEAR, 65536, 512, 256, 1 },
  { CONV, 512, 256, 256, 1 },
  { CONV, 512, 256, 128, 1 },
  { CONV, 512, 128, 128, 2 },
  { CONV_ADD, 512, 128, 128, 3 },
  { LINEAR, 262144, 256, 128, 1 },
  { CONV, 512, 128, 3, 1 },
  { GROUP_NORM, 64, 512, 0, 11 },
  { GROUP_NORM, 128, 512, 0, 6 },
  { GROUP_NORM, 256, 512, 0, 1 },
  { GROUP_NORM, 256, 256, 0, 5 },
  { GROUP_NORM, 512, 256, 0, 1 },
  { GROUP_NORM, 512, 128, 0, 6 },
  { UPSAMPLE, 64, 512, 0, 1 },
  { UPSAMPLE, 128, 512, 0, 1 },
  { UPSAMPLE, 256, 256, 0, 1 },
};

typedef struct
{
  const char  *name;
  const Shape *shapes;
  guint        n;
  gsize        batch;
} Network;

static const Network networks[] = {
  { "sd15", sd15, G_N_ELEMENTS (sd15), 2 },
  { "sdxl", sdxl, G_N_ELEMENTS (sdxl), 2 },
  { "vae", vae, G_N_ELEMENTS (vae), 1 },
};

typedef struct
{
  DifBackend *be;
  DifDtype    dtype;
  gsize       batch;
  guint       repeats;
  DifDtype    file; /* of the weights that are prepared */
  DifTensor  *x, *y, *extra;
  gpointer    w, w2;
  DifConvSpec spec;
} Bench;

static DifTensor *
tensor (const Bench *b, DifDtype dtype, DifShape shape)
{
  GError    *error = NULL;
  DifTensor *t     = dif_tensor_new (b->be, dtype, &shape, &error);
  float      pattern[4093];
  gsize      n, size;

  if (! t)
    {
      fprintf (stderr, "bench-ops: %s\n", error->message);
      exit (1);
    }
  /* a pattern over and over: making numbers must not take longer than the ops */
  for (gsize i = 0; i < G_N_ELEMENTS (pattern); i++)
    pattern[i] = (float) (i * 2654435761u % 1021) / 510.0f - 1.0f;
  n    = dif_tensor_count (t);
  size = dif_dtype_size (dtype);
  dif_convert_from_f32 (t->data, dtype, pattern, MIN (n, G_N_ELEMENTS (pattern)));
  for (gsize i = G_N_ELEMENTS (pattern); i < n; i += G_N_ELEMENTS (pattern))
    memcpy ((char *) t->data + i * size, t->data, MIN (n - i, G_N_ELEMENTS (pattern)) * size);
  return t;
}

static gpointer
weight (const Bench *b, DifShape shape, gboolean conv)
{
  g_autoptr (DifTensor) plain = tensor (b, b->file, shape);
  g_autoptr (DifTensor) more  = tensor (b, DIF_F32, DIF_SHAPE (shape.d[0]));
  DifHostArray          w     = { dif_encoding_of_dtype (b->file), shape, plain->data };
  DifHostArray          bias  = { DIF_ENC_F32, more->shape, more->data };
  gsize                 bytes;

  return conv ? b->be->klass->conv_new (b->be, b->dtype, &w, &bias, &b->spec, &bytes, NULL)
              : b->be->klass->linear_new (b->be, b->dtype, &w, &bias, &bytes, NULL);
}

static void
prepare (Bench *b, const Shape *s)
{
  const DifBackendClass *k = b->be->klass;
  gsize                  n = b->batch, side = s->a, bytes, out = side;
  gsize                  rows = s->a;
  gboolean               norm = s->kind == GROUP_NORM;

  b->spec = (DifConvSpec) { .stride = s->kind == CONV_DOWN ? 2 : 1, .pad = { 1, 1, 1, 1 } };
  if (s->kind <= CONV_ADD)
    {
      out      = s->kind == CONV_DOWN ? side / 2 : side;
      b->x     = tensor (b, b->dtype, DIF_SHAPE (n, side, side, s->b));
      b->y     = tensor (b, b->dtype, DIF_SHAPE (n, out, out, s->c));
      b->w     = weight (b, DIF_SHAPE (s->c, s->b, 3, 3), TRUE);
      b->extra = s->kind == CONV_TIME ? tensor (b, DIF_F32, DIF_SHAPE (n, s->c))
                                      : tensor (b, b->dtype, b->y->shape);
    }
  else if (s->kind <= GEGLU)
    {
      b->x     = tensor (b, b->dtype, DIF_SHAPE (rows, s->b));
      b->y     = tensor (b, b->dtype, DIF_SHAPE (rows, s->c));
      b->extra = tensor (b, b->dtype, b->y->shape);
      b->w     = weight (b, DIF_SHAPE (s->c, s->b), FALSE);
      b->w2    = weight (b, DIF_SHAPE (s->c, s->b), FALSE);
    }
  else if (s->kind <= CROSS)
    {
      b->x     = tensor (b, b->dtype, DIF_SHAPE (n, s->a, 3 * s->b * s->c));
      b->extra = tensor (b, b->dtype, DIF_SHAPE (n, 77, 2 * s->b * s->c));
      b->y     = tensor (b, b->dtype, DIF_SHAPE (n, s->a, s->b * s->c));
    }
  else if (norm || s->kind == LAYER_NORM)
    {
      g_autoptr (DifTensor) one = tensor (b, DIF_F32, DIF_SHAPE (s->b));
      DifHostArray          a   = { DIF_ENC_F32, one->shape, one->data };

      b->x = tensor (b, b->dtype, norm ? DIF_SHAPE (n, side, side, s->b) : DIF_SHAPE (rows, s->b));
      b->y = tensor (b, b->dtype, b->x->shape);
      b->w = k->norm_new (b->be, &a, &a, &bytes, NULL);
    }
  else
    {
      gboolean up = s->kind == UPSAMPLE;

      b->x     = tensor (b, b->dtype, DIF_SHAPE (n, side, side, s->b));
      b->extra = up ? NULL : tensor (b, b->dtype, DIF_SHAPE (n, side, side, s->c));
      out      = up ? side * 2 : side;
      b->y     = tensor (b, b->dtype, DIF_SHAPE (n, out, out, up ? s->b : s->b + s->c));
    }
}

static gboolean
attend (const Bench *b, const Shape *s)
{
  gsize        width = s->b * s->c, ld = 3 * width;
  gboolean     self = s->kind == SELF;
  DifTensor   *kv   = self ? b->x : b->extra;
  gsize        keys = self ? s->a : 77, kv_ld = self ? ld : 2 * width;
  DifAttention a = { .q = { b->x, 0, ld, s->a * ld }, .n_batch = b->batch, .n_queries = s->a };

  a.k        = (DifRows) { kv, self ? width : 0, kv_ld, keys * kv_ld };
  a.v        = (DifRows) { kv, self ? 2 * width : width, kv_ld, keys * kv_ld };
  a.n_keys   = keys;
  a.n_heads  = (guint) s->b;
  a.head_dim = (guint) s->c;
  a.scale    = 0.1f;
  return b->be->klass->attention (b->be, &a, b->y, NULL);
}

static gboolean
once (const Bench *b, const Shape *s)
{
  const DifBackendClass *k = b->be->klass;

  switch (s->kind)
    {
    case CONV:
    case CONV_DOWN:
      return k->conv2d (b->be, b->x, b->w, &b->spec, NULL, NULL, b->y, NULL);
    case CONV_TIME:
      return k->conv2d (b->be, b->x, b->w, &b->spec, b->extra, NULL, b->y, NULL);
    case CONV_ADD:
      return k->conv2d (b->be, b->x, b->w, &b->spec, NULL, b->extra, b->y, NULL);
    case LINEAR:
      return k->linear (b->be, b->x, b->w, DIF_ACT_NONE, NULL, b->y, NULL);
    case LINEAR_ADD:
      return k->linear (b->be, b->x, b->w, DIF_ACT_NONE, b->extra, b->y, NULL);
    case GEGLU:
      return k->glu (b->be, b->x, b->w, b->w2, DIF_ACT_GELU, b->y, NULL);
    case SELF:
    case CROSS:
      return attend (b, s);
    case GROUP_NORM:
      return k->group_norm (b->be, b->x, b->w, 32, 1e-5f, DIF_ACT_SILU, b->y, NULL);
    case LAYER_NORM:
      return k->row_norm (b->be, b->x, b->w, &(DifRowNorm) { TRUE, 1, 1e-5f }, NULL, b->y, NULL);
    case CONCAT:
      return k->concat (b->be, b->x, b->extra, b->y, NULL);
    case UPSAMPLE:
      return k->upsample (b->be, b->x, b->y, NULL);
    case N_KINDS:
    default:
      return FALSE;
    }
}

static double
macs (const Bench *b, const Shape *s)
{
  double n = (double) dif_tensor_count (b->y);

  switch (s->kind)
    {
    case CONV:
    case CONV_DOWN:
    case CONV_TIME:
    case CONV_ADD:
      return n * 9 * (double) s->b;
    case LINEAR:
    case LINEAR_ADD:
      return n * (double) s->b;
    case GEGLU:
      return n * 2 * (double) s->b;
    case SELF:
      return n * 2 * (double) s->a;
    case CROSS:
      return n * 2 * 77;
    default:
      return 0;
    }
}

static void
forget (Bench *b, const Shape *s)
{
  const DifBackendClass *k = b->be->klass;

  if (s->kind <= CONV_ADD)
    k->conv_free (b->be, b->w);
  else if (s->kind <= GEGLU)
    {
      k->linear_free (b->be, b->w);
      k->linear_free (b->be, b->w2);
    }
  else if (b->w)
    k->norm_free (b->be, b->w);
  b->w = b->w2 = NULL;
  g_clear_pointer (&b->x, dif_tensor_unref);
  g_clear_pointer (&b->y, dif_tensor_unref);
  g_clear_pointer (&b->extra, dif_tensor_unref);
}

/* seconds, best of the repeats */
static double
measure (Bench *b, const Shape *s, double *work)
{
  gint64 best = G_MAXINT64;

  prepare (b, s);
  for (guint i = 0; i <= b->repeats; i++)
    {
      gint64 start = g_get_monotonic_time ();

      if (! once (b, s))
        {
          fprintf (stderr, "bench-ops: %s failed\n", kind_names[s->kind]);
          exit (1);
        }
      best = MIN (best, g_get_monotonic_time () - start);
    }
  *work = macs (b, s);
  forget (b, s);
  return (double) best * 1e-6;
}

/* ---- narrow weights beside wide ones ---- */

/* larger than what a core's share of the last cache is likely to be */
#define OTHER_DATA ((gsize) 64 << 20)

static double
processor_seconds (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* least processor time of each of two, in turn */
static void
measure_pair (Bench *const b[2], const Shape *s, double seconds[2])
{
  g_autofree char *other = g_malloc (OTHER_DATA);

  for (guint k = 0; k < 2; k++)
    {
      prepare (b[k], s);
      seconds[k] = G_MAXDOUBLE;
    }
  for (guint i = 0; i <= b[0]->repeats; i++)
    for (guint k = 0; k < 2; k++)
      {
        double start;

        memset (other, (int) i, OTHER_DATA);
        start = processor_seconds ();
        if (! once (b[k], s))
          exit (1);
        if (i)
          seconds[k] = MIN (seconds[k], processor_seconds () - start);
      }
  for (guint k = 0; k < 2; k++)
    forget (b[k], s);
}

static void
run_pairs (const Bench *b, const Network *network, const char *filter)
{
  Bench  wide = *b, narrow = *b;
  double sum[2] = { 0 };

  wide.file = narrow.file = DIF_F16;
  g_setenv ("DIF_CPU_WEIGHTS", "wide", TRUE);
  wide.be = dif_backend_open ("cpu", NULL);
  for (guint i = 0; wide.be && i < network->n; i++)
    {
      const Shape *s = &network->shapes[i];
      double       seconds[2];

      if (s->kind > GEGLU || (filter && ! strstr (kind_names[s->kind], filter)))
        continue;
      measure_pair ((Bench *[]) { &wide, &narrow }, s, seconds);
      printf ("%-16s %6zu %5zu %5zu  f32 %9.3f ms  f16 %9.3f ms  %+6.1f %%  x %2u = %+8.1f ms\n",
              kind_names[s->kind], s->a, s->b, s->c, seconds[0] * 1e3, seconds[1] * 1e3,
              100 * (seconds[1] / seconds[0] - 1), s->count,
              (seconds[1] - seconds[0]) * s->count * 1e3);
      fflush (stdout);
      for (guint k = 0; k < 2; k++)
        sum[k] += seconds[k] * s->count;
    }
  dif_backend_unref (wide.be);
  printf ("%s: processor time with weights kept in f32 %.3f s, in f16 %.3f s: %+.1f %%\n",
          network->name, sum[0], sum[1], 100 * (sum[1] / sum[0] - 1));
}

static void
run (Bench *b, const Network *network, const char *filter)
{
  double sum[N_KINDS] = { 0 }, all = 0, all_macs = 0;

  for (guint i = 0; i < network->n; i++)
    {
      const Shape *s = &network->shapes[i];
      double       work, seconds;

      if (filter && ! strstr (kind_names[s->kind], filter))
        continue;
      seconds = measure (b, s, &work);
      printf ("%-16s %6zu %5zu %5zu  %9.3f ms %7.1f GFLOP/s  x %2u = %8.1f ms\n",
              kind_names[s->kind], s->a, s->b, s->c, seconds * 1e3, 2e-9 * work / seconds, s->count,
              seconds * s->count * 1e3);
      fflush (stdout);
      sum[s->kind] += seconds * s->count;
      all += seconds * s->count;
      all_macs += work * s->count;
    }
  for (guint i = 0; i < N_KINDS; i++)
    if (sum[i] > 0)
      printf ("%-16s %8.1f ms  %4.1f %%\n", kind_names[i], sum[i] * 1e3, 100 * sum[i] / all);
  printf ("%s %s: %.3f s for %.1f GMAC", network->name, dif_dtype_name (b->dtype), all,
          all_macs * 1e-9);
  if (b->be->klass->limit)
    {
      double rate = b->be->klass->limit (b->be, b->dtype);

      printf ("; limit %.0f GFLOP/s, %.3f s: %.0f %%", 2e-9 * rate, all_macs / rate,
              100 * all_macs / rate / all);
    }
  printf ("\n");
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error   = NULL;
  const Network     *network = &networks[0];
  Bench              b       = { .repeats = 5, .file = DIF_F32 };
  gboolean           stored;

  for (guint i = 0; argc > 1 && i < G_N_ELEMENTS (networks); i++)
    if (strcmp (argv[1], networks[i].name) == 0)
      network = &networks[i];
  b.be = dif_backend_open ("cpu", &error);
  if (! b.be)
    {
      fprintf (stderr, "bench-ops: %s\n", error->message);
      return 1;
    }
  b.dtype = DIF_F32;
  b.batch = network->batch;
  stored  = argc > 2 && strcmp (argv[2], "stored") == 0;
  if (argc > 2 && ! stored &&
      (! dif_dtype_from_name (argv[2], &b.dtype) || ! b.be->klass->supports (b.be, b.dtype)))
    {
      fprintf (stderr, "bench-ops: %s: expected f32, stored or, on some CPUs, bf16\n", argv[2]);
      return 2;
    }
  if (argc > 3)
    b.repeats = (guint) MAX (1, atoi (argv[3]));
  if (stored)
    run_pairs (&b, network, argc > 4 ? argv[4] : NULL);
  else
    run (&b, network, argc > 4 ? argv[4] : NULL);
  dif_backend_unref (b.be);
  return 0;
}
