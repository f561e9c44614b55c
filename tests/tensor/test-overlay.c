/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-overlay.c - changes laid over prepared weights: beside them, in them, and off again. */
#include <math.h>
#include <string.h>

#include "backends/backends.h"
#include "base/error.h"
#include "support.h"
#include "tensor/ops.h"
#include "tensor/overlay.h"

/* Made-up numbers in [-1, 1), the same ones for the same @seed. */
static float *
numbers (guint32 seed, gsize n)
{
  float *x = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    {
      seed = seed * 1664525u + 1013904223u;
      x[i] = (float) (seed >> 8) / 8388608.0f - 1.0f;
    }
  return x;
}

/* ---- a part with every way to take a weight ---- */

/* What is changed, how, and by what factors. */
typedef struct
{
  const char *name;
  DifChange   change;
  gsize       rank;
} Row;

static const Row low_rank[] = {
  { "plain.weight", DIF_CHANGE_LOW_RANK, 2 },
  { "plain.bias", DIF_CHANGE_LOW_RANK, 0 },
  { "q.weight", DIF_CHANGE_LOW_RANK, 2 },
  { "v.weight", DIF_CHANGE_LOW_RANK, 1 },
  { "proj.weight", DIF_CHANGE_LOW_RANK, 3 },
  { "conv.weight", DIF_CHANGE_LOW_RANK, 2 },
  { "point.weight", DIF_CHANGE_LOW_RANK, 1 },
  { NULL },
};

static const Row other[] = {
  { "plain.weight", DIF_CHANGE_LOW_RANK, 1 },
  { "k.weight", DIF_CHANGE_LOW_RANK, 1 },
  { "conv.weight", DIF_CHANGE_LOW_RANK, 3 },
  { NULL },
};

static const Row any[] = {
  { "plain.weight", DIF_CHANGE_ANY, 2 },
  { "q.weight", DIF_CHANGE_ANY, 2 },
  { "v.weight", DIF_CHANGE_LOW_RANK, 1 },
  { "conv.bias", DIF_CHANGE_ANY, 0 },
  { "norm.weight", DIF_CHANGE_ANY, 0 },
  { NULL },
};

/* more than computing it beside the weight is worth */
static const Row high_rank[] = { { "plain.weight", DIF_CHANGE_LOW_RANK, 11 }, { NULL } };

static const Row *
find (const Row *rows, const char *name)
{
  while (rows->name && strcmp (rows->name, name) != 0)
    rows++;
  return rows->name ? rows : NULL;
}

static DifChange
change_of (const char *name, gsize *rank, gpointer rows)
{
  const Row *row = find (rows, name);

  *rank += row ? row->rank : 0;
  return row ? row->change : DIF_CHANGE_NONE;
}

static gboolean
factors_of (const char *name, gsize rank, gsize n_rows, gsize n_columns, float *down, float *up,
            gpointer rows, GError **error)
{
  g_autofree float *a = numbers (g_str_hash (name), rank * n_columns);
  g_autofree float *b = numbers (g_str_hash (name) + 1, n_rows * rank);

  g_assert_cmpuint (find (rows, name)->rank, ==, rank);
  memcpy (down, a, rank * n_columns * sizeof *a);
  memcpy (up, b, n_rows * rank * sizeof *b);
  return TRUE;
}

static gboolean
patch (const char *name, DifHostArray *array, GBytes **owner, gpointer rows, GError **error)
{
  const Row *row = find (rows, name);
  gsize      n, n_rows, n_columns;
  float     *w, *a, *b;

  if (! row)
    return TRUE;
  w         = dif_host_to_f32 (array, &n);
  n_rows    = array->shape.d[0];
  n_columns = n / n_rows;
  a         = numbers (g_str_hash (name), MAX (row->rank, 1) * n_columns);
  b         = numbers (g_str_hash (name) + 1, n_rows * MAX (row->rank, 1));
  for (gsize o = 0; o < n_rows; o++)
    for (gsize i = 0; i < n_columns; i++)
      for (gsize r = 0; r < MAX (row->rank, 1); r++)
        w[o * n_columns + i] += b[o * MAX (row->rank, 1) + r] * a[r * n_columns + i];
  g_free (a);
  g_free (b);
  *array = (DifHostArray) { .shape = array->shape, .data = w };
  *owner = g_bytes_new_take (w, n * sizeof *w);
  return TRUE;
}

typedef struct
{
  DifBackend *be;
  DifWeights *weights;
  DifStore   *store;
  DifLinear  *plain, *qkv, *value, *gate;
  DifConv    *conv, *point;
  DifNorm    *norm;
} Part;

static void
add (DifWeights *w, const char *name, DifShape shape)
{
  gsize        n;
  float       *data;
  DifHostArray array = { .encoding = DIF_ENC_F32, .shape = shape };

  g_assert_true (dif_shape_count (&shape, &n));
  data       = numbers (g_str_hash (name) + 2, n);
  array.data = data;
  g_assert_true (dif_weights_add (w, name, &array, g_bytes_new_take (data, n * sizeof *data)));
}

static DifWeights *
make_weights (void)
{
  DifWeights *w = dif_weights_new ("part");

  add (w, "plain.weight", DIF_SHAPE (13, 17));
  add (w, "plain.bias", DIF_SHAPE (13));
  add (w, "q.weight", DIF_SHAPE (6, 17));
  add (w, "k.weight", DIF_SHAPE (6, 17));
  add (w, "v.weight", DIF_SHAPE (6, 17));
  add (w, "proj.weight", DIF_SHAPE (10, 17));
  add (w, "proj.bias", DIF_SHAPE (10));
  add (w, "conv.weight", DIF_SHAPE (7, 17, 3, 3));
  add (w, "conv.bias", DIF_SHAPE (7));
  add (w, "point.weight", DIF_SHAPE (5, 17, 1, 1));
  add (w, "point.bias", DIF_SHAPE (5));
  add (w, "norm.weight", DIF_SHAPE (17));
  add (w, "norm.bias", DIF_SHAPE (17));
  return w;
}

/* @merged: rows that change the tensors on their way, or NULL. */
static void
part_open (Part *p, const char *device, const Row *merged)
{
  const char *const names[] = { "q", "k", "v" };
  GError           *error   = NULL;
  DifLoader        *l;

  p->be = dif_backend_open (device, &error);
  g_assert_no_error (error);
  p->weights = make_weights ();
  l          = dif_loader_new (p->weights, p->be, DIF_F32, NULL);
  if (merged)
    dif_loader_set_patch (l, patch, (gpointer) merged);
  p->plain = dif_loader_linear (l, "plain", 13, 17, TRUE);
  p->qkv   = dif_loader_linear_stack (l, names, 3, 6, 17, FALSE);
  p->value = dif_loader_linear_rows (l, "proj", 10, 0, 5, 17, TRUE);
  p->gate  = dif_loader_linear_rows (l, "proj", 10, 5, 5, 17, TRUE);
  p->conv  = dif_loader_conv (l, "conv", 7, 17, 3, 2, 1);
  p->point = dif_loader_conv (l, "point", 5, 17, 1, 1, 0);
  p->norm  = dif_loader_norm (l, "norm", 17);
  p->store = dif_loader_finish (l, &error);
  g_assert_no_error (error);
}

static void
part_close (Part *p)
{
  dif_store_free (p->store);
  dif_weights_free (p->weights);
  g_assert_cmpuint (p->be->live_bytes, ==, 0);
  dif_backend_unref (p->be);
}

static gboolean
lay (Part *p, const Row *rows, GCancellable *cancellable, GError **error)
{
  DifOverlay overlay = { change_of, factors_of, patch, (gpointer) rows };

  return dif_store_lay_over (p->store, p->weights, rows ? &overlay : NULL, cancellable, error);
}

static void
lay_well (Part *p, const Row *rows)
{
  GError *error = NULL;

  g_assert_true (lay (p, rows, NULL, &error));
  g_assert_no_error (error);
}

/* Everything that the part makes of one input, one behind the other. */
static GArray *
draw (Part *p)
{
  GArray           *all   = g_array_new (FALSE, FALSE, sizeof (float));
  g_autofree float *in    = numbers (5, 2 * 5 * 3 * 17);
  DifContext       *cx    = dif_context_new (p->be, DIF_F32);
  DifTensor        *x     = dif_upload (cx, DIF_F32, DIF_SHAPE (2, 5, 3, 17), in);
  GError           *error = NULL;
  DifTensor        *ys[]  = {
    dif_linear (cx, x, p->plain, DIF_ACT_SILU, NULL),
    dif_linear (cx, x, p->qkv, DIF_ACT_NONE, NULL),
    dif_glu (cx, x, p->value, p->gate, DIF_ACT_GELU),
    dif_conv2d (cx, x, p->conv, NULL, NULL),
    dif_conv2d (cx, x, p->point, NULL, NULL),
    dif_layer_norm (cx, x, p->norm, 1e-5f),
  };

  for (guint i = 0; i < G_N_ELEMENTS (ys); i++)
    {
      gsize n = dif_tensor_count (ys[i]), at = all->len;

      g_array_set_size (all, (guint) (at + n));
      g_assert_true (dif_download (cx, ys[i], &g_array_index (all, float, at)));
    }
  g_assert_true (dif_context_finish (cx, &error));
  g_assert_no_error (error);
  dif_context_free (cx);
  return all;
}

static gboolean
same_bits (const GArray *a, const GArray *b)
{
  return a->len == b->len && memcmp (a->data, b->data, a->len * sizeof (float)) == 0;
}

/* ---- tests ---- */

static const char *const devices[] = { "ref", "cpu" };

/* What is computed beside a weight is what the changed weight gives. */
static void
test_agrees_with_merging (void)
{
  static const Row *const sets[] = { low_rank, other, any, high_rank };

  for (guint d = 0; d < G_N_ELEMENTS (devices); d++)
    for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
      {
        Part               laid, merged, bare;
        g_autoptr (GArray) a = NULL, b = NULL, none = NULL;
        double             off;

        part_open (&laid, devices[d], NULL);
        part_open (&merged, devices[d], sets[i]);
        part_open (&bare, devices[d], NULL);
        lay_well (&laid, sets[i]);
        a    = draw (&laid);
        b    = draw (&merged);
        none = draw (&bare);
        off  = test_relative_difference ((const float *) (gpointer) a->data,
                                         (const float *) (gpointer) b->data, a->len);
        g_test_message ("%s, set %u: %.1e", devices[d], i, off);
        g_assert_cmpfloat (off, <, 2e-6);
        g_assert_false (same_bits (a, none));
        part_close (&laid);
        part_close (&merged);
        part_close (&bare);
      }
}

static void
test_side_or_merged (void)
{
  Part p;

  part_open (&p, "ref", NULL);
  lay_well (&p, low_rank);
  g_assert_cmpuint (p.plain->side->rank, ==, 2);
  g_assert_cmpuint (p.qkv->side->rank, ==, 3);
  g_assert_cmpuint (p.value->side->rank, ==, 3);
  g_assert_cmpuint (p.conv->side->area, ==, 9);
  g_assert_cmpuint (p.point->side->rank, ==, 1);
  lay_well (&p, any);
  g_assert_null (p.plain->side);
  g_assert_null (p.qkv->side);
  g_assert_null (p.conv->side);
  lay_well (&p, high_rank);
  g_assert_null (p.plain->side);
  part_close (&p);
}

/* The numbers, and the memory, do not tell what was laid over before. */
static void
test_leaves_no_trace (void)
{
  static const Row *const sets[] = { low_rank, any, NULL, other, high_rank, low_rank, NULL, any };

  for (guint d = 0; d < G_N_ELEMENTS (devices); d++)
    {
      Part used;

      part_open (&used, devices[d], NULL);
      for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
        {
          Part               fresh;
          g_autoptr (GArray) a = NULL, b = NULL;

          part_open (&fresh, devices[d], NULL);
          lay_well (&fresh, sets[i]);
          lay_well (&used, sets[i]);
          a = draw (&used);
          b = draw (&fresh);
          g_test_message ("%s, set %u", devices[d], i);
          g_assert_true (same_bits (a, b));
          g_assert_cmpuint (dif_store_bytes (used.store), ==, dif_store_bytes (fresh.store));
          part_close (&fresh);
        }
      part_close (&used);
    }
}

/* Whichever allocation fails, the next laying puts everything right. */
static void
test_survives_want_of_memory (void)
{
  static const Row *const sets[] = { low_rank, any };
  Part                    p;
  g_autoptr (GArray)      bare = NULL;

  part_open (&p, "ref", NULL);
  bare = draw (&p);
  for (guint i = 0; i < G_N_ELEMENTS (sets); i++)
    {
      gboolean done = FALSE;
      int      n    = 0;

      for (; ! done; n++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GArray) again = NULL;

          dif_backend_ref_fail_at (p.be, n);
          done = lay (&p, sets[i], NULL, &error);
          dif_backend_ref_fail_at (p.be, -1);
          if (! done)
            g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
          lay_well (&p, NULL);
          again = draw (&p);
          g_assert_true (same_bits (bare, again));
        }
      g_assert_cmpint (n, >, 5);
    }
  part_close (&p);
}

static void
test_can_be_cancelled (void)
{
  Part                     p;
  g_autoptr (GCancellable) c     = g_cancellable_new ();
  g_autoptr (GError)       error = NULL;

  part_open (&p, "ref", NULL);
  g_cancellable_cancel (c);
  g_assert_false (lay (&p, low_rank, c, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  part_close (&p);
}

/* A weight in an encoding that a merged one would lose always has its change beside it. */
static void
test_encoded_weights_keep_their_encoding (void)
{
  static const guint8    f8[]   = { 0x38, 0xc0, 0x01, 0x7e, 0x00, 0xb8, 0x30, 0x28, 0x20 };
  static const Row       rows[] = { { "f8.weight", DIF_CHANGE_LOW_RANK, 5 }, { NULL } };
  DifHostArray           a      = { DIF_ENC_F8_E4M3, DIF_SHAPE (3, 3), f8 };
  g_autoptr (DifBackend) be     = dif_backend_open ("ref", NULL);
  g_autoptr (DifWeights) w      = dif_weights_new ("part");
  g_autoptr (DifStore)   store = NULL, merged = NULL;
  const DifLinear       *laid, *mixed;
  DifOverlay             overlay = { change_of, factors_of, patch, (gpointer) rows };
  DifLoader             *l;
  GError                *error = NULL;
  const float            x[]   = { 1, -2, 3 };
  float                  y[3], z[3];
  g_autoptr (DifContext) cx = dif_context_new (be, DIF_F32);
  DifTensor             *in = dif_upload (cx, DIF_F32, DIF_SHAPE (1, 3), x);

  dif_weights_add (w, "f8.weight", &a, NULL);
  l     = dif_loader_new (w, be, DIF_F32, NULL);
  laid  = dif_loader_linear (l, "f8", 3, 3, FALSE);
  store = dif_loader_finish (l, NULL);
  l     = dif_loader_new (w, be, DIF_F32, NULL);
  dif_loader_set_patch (l, patch, (gpointer) rows);
  mixed  = dif_loader_linear (l, "f8", 3, 3, FALSE);
  merged = dif_loader_finish (l, NULL);
  g_assert_true (dif_store_lay_over (store, w, &overlay, NULL, &error));
  g_assert_no_error (error);
  g_assert_nonnull (laid->side);
  g_assert_true (dif_download (cx, dif_linear (cx, in, laid, DIF_ACT_NONE, NULL), y));
  g_assert_true (dif_download (cx, dif_linear (cx, in, mixed, DIF_ACT_NONE, NULL), z));
  g_assert_cmpfloat (test_relative_difference (y, z, 3), <, 1e-6);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tensor/overlay/agrees-with-merging", test_agrees_with_merging);
  g_test_add_func ("/tensor/overlay/cost-and-kind-decide-how", test_side_or_merged);
  g_test_add_func ("/tensor/overlay/leaves-no-trace", test_leaves_no_trace);
  g_test_add_func ("/tensor/overlay/survives-want-of-memory", test_survives_want_of_memory);
  g_test_add_func ("/tensor/overlay/can-be-cancelled", test_can_be_cancelled);
  g_test_add_func ("/tensor/overlay/encoded-weights-keep-their-encoding",
                   test_encoded_weights_keep_their_encoding);
  return g_test_run ();
}
