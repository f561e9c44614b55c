/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-runs.c - computes one row of the table on one backend.
 *
 * Every tensor lies between bands of a value that nothing computes; a band
 * that has changed afterwards is a write out of bounds.
 */
#include <math.h>
#include <setjmp.h>
#include <string.h>

#include "base/error.h"
#include "op-runs.h"
#include "tensor/loader.h"
#include "tensor/ops.h"

#define BAND     ((gsize) 64)
#define SENTINEL 12345.0f

/* where a failed row goes on, and why it failed; one row runs at a time */
static jmp_buf give_up;
static GError *failure;

void
op_check (gboolean ok, GError *error)
{
  if (ok && ! error)
    return;
  failure = error ? error
                  : g_error_new_literal (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                                         "expected success or a reason, found neither");
  longjmp (give_up, 1);
}

/* xorshift; in [-1, 1) */
float
op_next (OpRun *r)
{
  r->seed ^= r->seed << 13;
  r->seed ^= r->seed >> 17;
  r->seed ^= r->seed << 5;
  return (float) (r->seed >> 8) / 8388608.0f - 1.0f;
}

static gsize
band_before (const OpRun *r)
{
  return BAND + (r->row->flags & SLICE ? 1 : 0);
}

/* Floats to memory of the device, of any dtype. */
static void
put (OpRun *r, gpointer to, DifDtype dtype, const float *values, gsize n)
{
  gsize            bytes = n * dif_dtype_size (dtype);
  g_autofree char *data  = g_malloc (bytes);
  GError          *error = NULL;

  dif_convert_from_f32 (data, dtype, values, n);
  op_check (r->be->klass->upload (r->be, to, data, bytes, &error), error);
}

/* All elements of a tensor, as floats. */
static float *
get (DifBackend *be, const DifTensor *t)
{
  gsize            n      = dif_tensor_count (t);
  g_autofree char *data   = g_malloc (t->bytes);
  float           *values = g_new (float, n);
  GError          *error  = NULL;

  op_check (be->klass->download (be, data, t->data, t->bytes, &error), error);
  dif_convert_to_f32 (values, data, t->dtype, n);
  return values;
}

DifTensor *
op_banded (OpRun *r, DifDtype dtype, DifShape shape)
{
  GError           *error  = NULL;
  DifShape          whole  = { .n = 1 };
  g_autofree float *values = NULL;
  DifTensor        *base, *view;
  gsize             n = 0;

  op_check (dif_shape_count (&shape, &n), NULL);
  whole.d[0] = n + 2 * BAND + 1;
  base       = dif_tensor_new (r->be, dtype, &whole, &error);
  op_check (base != NULL, error);
  values = g_new (float, whole.d[0]);
  for (gsize i = 0; i < whole.d[0]; i++)
    values[i] = SENTINEL;
  put (r, base->data, dtype, values, whole.d[0]);
  view = dif_tensor_view (base, band_before (r), &shape);
  dif_tensor_unref (base);
  g_ptr_array_add (r->tensors, view);
  return view;
}

static void
check_bands (const OpRun *r)
{
  float sentinel;

  for (guint i = 0; i < r->tensors->len; i++)
    {
      const DifTensor  *view = r->tensors->pdata[i], *base = view->base;
      gsize             n = dif_tensor_count (base), first = band_before (r);
      gsize             last   = first + dif_tensor_count (view);
      g_autofree float *values = get (r->be, base);

      sentinel = base->dtype == DIF_F32 ? SENTINEL : values[0];
      for (gsize k = 0; k < n; k++)
        if (k < first || k >= last)
          op_check (
              values[k] == sentinel,
              values[k] == sentinel
                  ? NULL
                  : g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                                 "expected nothing written outside, found %g at %" G_GSIZE_FORMAT
                                 " of %" G_GSIZE_FORMAT " to %" G_GSIZE_FORMAT,
                                 (double) values[k], k, first, last));
    }
}

static void
fill (OpRun *r, DifTensor *t)
{
  gsize             n      = dif_tensor_count (t);
  g_autofree float *values = g_new (float, n);
  float             scale  = r->row->flags & LARGE ? 50.0f : 1.0f;
  float             offset = r->row->flags & OFFSET ? 30.0f : 0.0f;

  for (gsize i = 0; i < n; i++)
    values[i] = (op_next (r) + op_next (r)) * scale + offset;
  put (r, t->data, t->dtype, values, n);
}

DifTensor *
op_input (OpRun *r, DifDtype dtype, DifShape shape)
{
  DifTensor *t = op_banded (r, dtype, shape);

  fill (r, t);
  return t;
}

/* a weight in the dtype the row asks for, off by one element from alignment */
DifHostArray
op_host (OpRun *r, DifShape shape, float scale, float offset)
{
  DifHostArray      a      = { .encoding = DIF_ENC_F32, .shape = shape };
  gsize             n      = 0;
  g_autofree float *values = NULL;
  char             *data;
  DifDtype          dtype = r->row->flags & FROM_F16    ? DIF_F16
                            : r->row->flags & FROM_BF16 ? DIF_BF16
                                                        : DIF_F32;

  a.encoding = dif_encoding_of_dtype (dtype);
  g_assert_true (dif_shape_count (&shape, &n));
  values = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    values[i] = op_next (r) * scale + offset;
  data   = g_malloc ((n + 1) * dif_dtype_size (dtype));
  a.data = data + dif_dtype_size (dtype);
  dif_convert_from_f32 ((void *) a.data, dtype, values, n);
  g_ptr_array_add (r->floats, data);
  return a;
}

static DifHostArray
host_bias (OpRun *r, gsize n)
{
  if (r->row->flags & NO_BIAS)
    return (DifHostArray) { .shape = DIF_SHAPE (n) };
  return op_host (r, DIF_SHAPE (n), 0.5f, 0);
}

/* ---- one function per op ---- */

static gpointer
make_linear (OpRun *r, gsize N, gsize K)
{
  GError      *error = NULL;
  DifHostArray w     = op_host (r, DIF_SHAPE (N, K), 1.0f / sqrtf ((float) K), 0);
  DifHostArray bias  = host_bias (r, N);
  gsize        bytes = 0;
  gpointer     made  = r->be->klass->linear_new (r->be, r->dtype, &w, &bias, &bytes, &error);

  op_check (made && bytes > 0, error);
  return made;
}

static DifTensor *
run_linear (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  gpointer     w     = make_linear (r, d[2], d[1]);
  DifTensor   *x = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1])), *residual = NULL, *y;

  if (r->row->flags & RESIDUAL)
    residual = op_input (r, r->dtype, DIF_SHAPE (d[0], d[2]));
  y = r->row->flags & ALIAS ? residual : op_banded (r, r->dtype, DIF_SHAPE (d[0], d[2]));
  op_check (r->be->klass->linear (r->be, x, w, r->row->act, residual, y, &error), error);
  r->be->klass->linear_free (r->be, w);
  return y;
}

static DifTensor *
run_glu (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  gpointer     value = make_linear (r, d[2], d[1]), gate = make_linear (r, d[2], d[1]);
  DifTensor   *x = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1]));
  DifTensor   *y = op_banded (r, r->dtype, DIF_SHAPE (d[0], d[2]));

  op_check (r->be->klass->glu (r->be, x, value, gate, r->row->act, y, &error), error);
  r->be->klass->linear_free (r->be, value);
  r->be->klass->linear_free (r->be, gate);
  return y;
}

static DifTensor *
run_conv2d (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  DifConvSpec  spec  = { .stride = (guint) d[6] };
  gsize        k = d[5], more = d[7] + d[8] - k;
  gsize        h = (d[1] + more) / d[6] + 1, w = (d[2] + more) / d[6] + 1;
  float        scale    = 1.0f / sqrtf ((float) (d[3] * k * k));
  DifHostArray kernel   = op_host (r, DIF_SHAPE (d[4], d[3], k, k), scale, 0);
  DifHostArray bias     = host_bias (r, d[4]);
  DifTensor   *x        = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2], d[3])), *y;
  DifTensor   *residual = NULL, *per_channel = NULL;
  gsize        bytes = 0;
  gpointer     made;

  spec.pad.top = spec.pad.left = (guint) d[7];
  spec.pad.bottom = spec.pad.right = (guint) d[8];

  made = r->be->klass->conv_new (r->be, r->dtype, &kernel, &bias, &spec, &bytes, &error);
  op_check (made && bytes > 0, error);
  if (r->row->flags & RESIDUAL)
    residual = op_input (r, r->dtype, DIF_SHAPE (d[0], h, w, d[4]));
  if (r->row->flags & PER_CHANNEL)
    per_channel = op_input (r, DIF_F32, DIF_SHAPE (d[0], d[4]));
  y = r->row->flags & ALIAS ? residual : op_banded (r, r->dtype, DIF_SHAPE (d[0], h, w, d[4]));
  op_check (r->be->klass->conv2d (r->be, x, made, &spec, per_channel, residual, y, &error), error);
  r->be->klass->conv_free (r->be, made);
  return y;
}

static DifTensor *
run_group_norm (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  gsize        C = d[2], bytes = 0;
  DifHostArray scale = op_host (r, DIF_SHAPE (C), 0.3f, 1),
               shift = op_host (r, DIF_SHAPE (C), 0.5f, 0);
  gpointer   norm    = r->be->klass->norm_new (r->be, &scale, &shift, &bytes, &error);
  DifTensor *x       = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1], C));
  DifTensor *y       = r->row->flags & ALIAS ? x : op_banded (r, r->dtype, x->shape);

  op_check (norm && bytes > 0, error);
  op_check (r->be->klass->group_norm (r->be, x, norm, (guint) d[3], 1e-5f, r->row->act, y, &error),
            error);
  r->be->klass->norm_free (r->be, norm);
  return y;
}

static DifTensor *
run_elementwise (OpRun *r)
{
  GError    *error = NULL;
  DifShape   shape = DIF_SHAPE (r->row->d[0]);
  DifDtype   dtype = r->row->op == OP_CLAMP ? DIF_F32 : r->dtype;
  DifTensor *x     = op_input (r, dtype, shape);
  DifTensor *y     = r->row->flags & ALIAS ? x : op_banded (r, dtype, shape);

  if (r->row->op == OP_ACTIVATION)
    op_check (r->be->klass->activation (r->be, x, r->row->act, y, &error), error);
  else if (r->row->op == OP_CLAMP)
    op_check (r->be->klass->clamp (r->be, x, -0.5f, 0.75f, y, &error), error);
  else
    op_check (r->be->klass->add (r->be, x, op_input (r, dtype, shape), y, &error), error);
  return y;
}

static DifTensor *
run_concat (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  DifTensor   *a     = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1]));
  DifTensor   *b     = op_input (r, r->dtype, DIF_SHAPE (d[0], d[2]));
  DifTensor   *y     = op_banded (r, r->dtype, DIF_SHAPE (d[0], d[1] + d[2]));

  op_check (r->be->klass->concat (r->be, a, b, y, &error), error);
  return y;
}

static DifTensor *
run_upsample (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  DifTensor   *x     = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2], d[3]));
  DifTensor   *y     = op_banded (r, r->dtype, DIF_SHAPE (d[0], d[4], d[5], d[3]));

  op_check (r->be->klass->upsample (r->be, x, y, &error), error);
  return y;
}

/* every fifth term is a row of zeros */
static DifTensor *
run_gather (OpRun *r)
{
  const gsize       *d = r->row->d, n = d[3] * d[4];
  GError            *error   = NULL;
  g_autofree gint32 *rows    = g_new (gint32, n);
  g_autofree float  *weights = r->row->flags & GREATEST ? NULL : g_new (float, n);
  DifGather          g       = { d[3], d[4], rows, weights };
  DifTensor         *x       = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2]));
  DifTensor         *y       = op_banded (r, r->dtype, DIF_SHAPE (d[0], d[3], d[2]));

  for (gsize i = 0; i < n; i++)
    {
      rows[i] = i % 5 == 4 ? -1 : (gint32) (i * 7919 % d[1]);
      if (weights)
        weights[i] = op_next (r);
    }
  op_check (r->be->klass->gather (r->be, x, &g, y, &error), error);
  return y;
}

static DifTensor *
run_embed (OpRun *r)
{
  const gsize       *d     = r->row->d;
  GError            *error = NULL;
  DifHostArray       w     = op_host (r, DIF_SHAPE (d[0], d[1]), 1, 0);
  gsize              bytes = 0;
  gpointer           table = r->be->klass->table_new (r->be, r->dtype, &w, &bytes, &error);
  g_autofree gint32 *ids   = g_new (gint32, d[2]);
  DifTensor         *y     = op_banded (r, r->dtype, DIF_SHAPE (d[2], d[1]));

  op_check (table && bytes > 0, error);
  for (gsize i = 0; i < d[2]; i++)
    ids[i] = (gint32) (i * 37 % d[0]);
  op_check (r->be->klass->embed (r->be, table, ids, d[2], y, &error), error);
  r->be->klass->table_free (r->be, table);
  return y;
}

static DifTensor *
run_lincomb (OpRun *r)
{
  const gsize     *d     = r->row->d;
  GError          *error = NULL;
  const DifTensor *x[8];
  float            coef[8];
  DifTensor       *y = NULL;

  for (gsize i = 0; i < d[0]; i++)
    {
      y       = op_input (r, DIF_F32, DIF_SHAPE (d[1]));
      x[i]    = y;
      coef[i] = op_next (r) * 3;
    }
  if (! (r->row->flags & ALIAS))
    y = op_banded (r, DIF_F32, DIF_SHAPE (d[1]));
  op_check (r->be->klass->lincomb (r->be, (guint) d[0], coef, x, y, &error), error);
  return y;
}

/* there and back: to the dtype under test, then to f32 */
static DifTensor *
run_cast (OpRun *r)
{
  GError    *error = NULL;
  DifShape   shape = DIF_SHAPE (r->row->d[0]);
  DifTensor *x     = op_input (r, DIF_F32, shape);
  DifTensor *y = op_banded (r, r->dtype, shape), *z = op_banded (r, DIF_F32, shape);

  op_check (r->be->klass->cast (r->be, x, y, &error), error);
  op_check (r->be->klass->cast (r->be, y, z, &error), error);
  return z;
}

/* ---- weights with a side path ---- */

/* as large as the weight's own part, so that an error of either shows */
static DifSide
make_side (OpRun *r, gsize rank, gsize N, gsize K, gsize k, const DifConvSpec *spec)
{
  GError      *error = NULL;
  float        scale = 1.0f / sqrtf ((float) (K * k * k));
  DifHostArray down  = op_host (r, spec ? DIF_SHAPE (rank, K, k, k) : DIF_SHAPE (rank, K), scale,
                                0);
  DifHostArray up    = op_host (r, DIF_SHAPE (N, rank), 1.0f / sqrtf ((float) rank), 0);
  DifHostArray bias = host_bias (r, N), none = { .shape = DIF_SHAPE (rank) };
  DifSide      side = { .rank = rank, .area = k * k };
  gsize        bytes;

  side.down = spec ? r->be->klass->conv_new (r->be, r->dtype, &down, &none, spec, &bytes, &error)
                   : r->be->klass->linear_new (r->be, r->dtype, &down, &none, &bytes, &error);
  op_check (side.down != NULL, error);
  side.up = r->be->klass->linear_new (r->be, r->dtype, &up, &bias, &bytes, &error);
  op_check (side.up != NULL, error);
  return side;
}

/* The op's result, which its context owns, among the run's tensors. */
static DifTensor *
keep_result (OpRun *r, DifContext *cx, DifTensor *found)
{
  GError    *error = NULL;
  DifTensor *y;

  op_check (dif_context_finish (cx, &error), error);
  y = op_banded (r, r->dtype, found->shape);
  op_check (r->be->klass->activation (r->be, found, DIF_ACT_NONE, y, &error), error);
  dif_context_free (cx);
  return y;
}

static DifTensor *
run_side_linear (OpRun *r)
{
  const gsize *d      = r->row->d;
  gboolean     is_glu = r->row->op == OP_SIDE_GLU;
  DifContext  *cx     = dif_context_new (r->be, r->dtype);
  DifLinear    w = { d[2], d[1], make_linear (r, d[2], d[1]), NULL }, gate = w;
  DifSide      side = make_side (r, d[3], d[2], d[1], 1, NULL), gate_side = { 0 };
  DifTensor   *x = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1])), *residual = NULL, *y;

  w.side = &side;
  if (r->row->flags & RESIDUAL)
    residual = op_input (r, r->dtype, DIF_SHAPE (d[0], d[2]));
  if (is_glu)
    {
      gate_side     = make_side (r, d[3], d[2], d[1], 1, NULL);
      gate.prepared = make_linear (r, d[2], d[1]);
      gate.side     = &gate_side;
    }
  y = keep_result (r, cx,
                   is_glu ? dif_glu (cx, x, &w, &gate, DIF_ACT_GELU)
                          : dif_linear (cx, x, &w, r->row->act, residual));
  for (guint i = 0; i < (is_glu ? 2 : 1); i++)
    {
      r->be->klass->linear_free (r->be, i ? gate.prepared : w.prepared);
      r->be->klass->linear_free (r->be, i ? gate_side.down : side.down);
      r->be->klass->linear_free (r->be, i ? gate_side.up : side.up);
    }
  return y;
}

static DifTensor *
run_side_conv2d (OpRun *r)
{
  const gsize *d     = r->row->d;
  GError      *error = NULL;
  DifContext  *cx    = dif_context_new (r->be, r->dtype);
  gsize        k = d[5], h = (d[1] + d[7] + d[8] - k) / d[6] + 1;
  gsize        v = (d[2] + d[7] + d[8] - k) / d[6] + 1, bytes = 0;
  DifHostArray kernel   = op_host (r, DIF_SHAPE (d[4], d[3], k, k),
                                   1.0f / sqrtf ((float) (d[3] * k * k)), 0);
  DifHostArray bias     = host_bias (r, d[4]);
  DifConv      w        = { .n_out = d[4], .n_in = d[3], .kh = k, .kw = k };
  DifTensor   *x        = op_input (r, r->dtype, DIF_SHAPE (d[0], d[1], d[2], d[3])), *y;
  DifTensor   *residual = NULL, *per_channel = NULL;
  DifSide      side;

  w.spec.stride  = (guint) d[6];
  w.spec.pad.top = w.spec.pad.left = (guint) d[7];
  w.spec.pad.bottom = w.spec.pad.right = (guint) d[8];

  w.prepared = r->be->klass->conv_new (r->be, r->dtype, &kernel, &bias, &w.spec, &bytes, &error);
  op_check (w.prepared != NULL, error);
  side   = make_side (r, d[9], d[4], d[3], k, &w.spec);
  w.side = &side;
  if (r->row->flags & RESIDUAL)
    residual = op_input (r, r->dtype, DIF_SHAPE (d[0], h, v, d[4]));
  if (r->row->flags & PER_CHANNEL)
    per_channel = op_input (r, DIF_F32, DIF_SHAPE (d[0], d[4]));
  y = keep_result (r, cx, dif_conv2d (cx, x, &w, per_channel, residual));
  r->be->klass->conv_free (r->be, w.prepared);
  r->be->klass->conv_free (r->be, side.down);
  r->be->klass->linear_free (r->be, side.up);
  return y;
}

float *
op_run (DifBackend *be, DifDtype dtype, const Row *row, gsize *n, GError **error)
{
  static DifTensor *(*const runs[N_OPS]) (OpRun *) = {
    [OP_LINEAR]      = run_linear,
    [OP_GLU]         = run_glu,
    [OP_CONV2D]      = run_conv2d,
    [OP_GROUP_NORM]  = run_group_norm,
    [OP_ROW_NORM]    = op_run_row_norm,
    [OP_SCALE_SHIFT] = op_run_scale_shift,
    [OP_ROTATE]      = op_run_rotate,
    [OP_ATTENTION]   = op_run_attention,
    [OP_MULTIPLY]    = op_run_multiply,
    [OP_PRELU]       = op_run_prelu,
    [OP_PERMUTE]     = op_run_permute,
    [OP_ACTIVATION]  = run_elementwise,
    [OP_ADD]         = run_elementwise,
    [OP_CONCAT]      = run_concat,
    [OP_UPSAMPLE]    = run_upsample,
    [OP_GATHER]      = run_gather,
    [OP_EMBED]       = run_embed,
    [OP_LINCOMB]     = run_lincomb,
    [OP_CLAMP]       = run_elementwise,
    [OP_CAST]        = run_cast,
    [OP_SIDE_LINEAR] = run_side_linear,
    [OP_SIDE_GLU]    = run_side_linear,
    [OP_SIDE_CONV2D] = run_side_conv2d,
  };
  OpRun r                = { .be = be, .dtype = dtype, .row = row, .seed = 2463534242u };
  float *volatile values = NULL;

  r.tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref);
  r.views   = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref);
  r.floats  = g_ptr_array_new_with_free_func (g_free);
  /* what a failed row had made, weights apart, is freed all the same */
  if (setjmp (give_up) == 0)
    {
      DifTensor *y = runs[row->op](&r);

      check_bands (&r);
      *n     = dif_tensor_count (y);
      values = get (be, y);
    }
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  g_ptr_array_unref (r.views);
  g_ptr_array_unref (r.tensors);
  g_ptr_array_unref (r.floats);
  return values;
}

double
op_allowed (const Row *row, DifDtype dtype, gsize n)
{
  const Bound *bound = &op_bounds[row->op];
  /* halves of 11 bits instead of bf16's 8 are 8 times as near, 64 times in a square */
  double allowed = dtype == DIF_F32    ? bound->f32
                   : dtype == DIF_BF16 ? bound->bf16
                                       : bound->bf16 / 64;

  /* the bounds are means; few values may all lie at the worst of roundings */
  return n < 16 ? allowed * 10 : allowed;
}

double
op_nmse (const float *a, const float *b, gsize n)
{
  double error = 0, power = 0;

  for (gsize i = 0; i < n; i++)
    {
      double d = (double) a[i] - b[i];

      if (! isfinite (a[i]) || ! isfinite (b[i]))
        return INFINITY;
      error += d * d;
      power += (double) b[i] * b[i];
    }
  return error == 0 ? 0 : error / power;
}
