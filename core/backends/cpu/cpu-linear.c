/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-linear.c - matrix products by oneDNN, everything around them fused in.
 *
 * x is a matrix [M, K]; the weight is oneDNN's [K, N], packed.
 */
#include <string.h>

#include "backends/cpu/cpu-private.h"

/* What a key's numbers mean here. */
enum
{
  KEY_M,
  KEY_ACT,
  KEY_RESIDUAL, /* 0 none, 1 in y already, 2 another tensor */
  KEY_TIMES,    /* whether the result is multiplied by another tensor */
  KEY_BIAS
};

/* The M for which layouts are chosen: a 64x64 latent has 4096 tokens, 77 are
 * text; the choice hardly differs above a few hundred. */
#define TYPICAL_M 1024

static dnnl_status_t
append_act (dnnl_post_ops_t ops, DifAct act)
{
  switch (act)
    {
    case DIF_ACT_SILU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_swish, 1.0f, 0.0f);
    case DIF_ACT_GELU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_gelu_erf, 0.0f, 0.0f);
    case DIF_ACT_QUICK_GELU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_swish, 1.702f, 0.0f);
    case DIF_ACT_RELU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_relu, 0.0f, 0.0f);
    case DIF_ACT_GELU_TANH:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_gelu_tanh, 0.0f, 0.0f);
    case DIF_ACT_TANH:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_tanh, 0.0f, 0.0f);
    case DIF_ACT_SIGMOID:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_logistic, 0.0f, 0.0f);
    case DIF_ACT_LEAKY_RELU:
      return dnnl_post_ops_append_eltwise (ops, dnnl_eltwise_relu, 0.2f, 0.0f);
    case DIF_ACT_NONE:
    default:
      return dnnl_success;
    }
}

/* act, then the product with or the sum with another [M, N] */
static dnnl_status_t
append_all (dnnl_post_ops_t ops, const gint64 *key, const_dnnl_memory_desc_t dst,
            DifCpuPrimitive *p)
{
  dnnl_status_t s = append_act (ops, (DifAct) key[KEY_ACT]);

  if (s == dnnl_success && key[KEY_RESIDUAL] == 1)
    s = dnnl_post_ops_append_sum (ops, 1.0f, 0, dnnl_data_type_undef);
  if (s == dnnl_success && (key[KEY_RESIDUAL] == 2 || key[KEY_TIMES]))
    {
      const dnnl_alg_kind_t what = key[KEY_TIMES] ? dnnl_binary_mul : dnnl_binary_add;
      int                   at   = dnnl_post_ops_len (ops);

      s               = dnnl_post_ops_append_binary (ops, what, dst);
      p->extra_arg[0] = DNNL_ARG_ATTR_MULTIPLE_POST_OP (at) | DNNL_ARG_SRC_1;
      p->n_extra      = 1;
    }
  return s;
}

static dnnl_status_t
describe_linear (DifCpu *cpu, const DifCpuWeight *w, const gint64 *key,
                 const_dnnl_memory_desc_t weights, dnnl_primitive_desc_t *pd, DifCpuPrimitive *p)
{
  const gint64          M = key[KEY_M], K = (gint64) w->n_in, N = (gint64) w->n_out;
  dnnl_memory_desc_t    src = NULL, dst = NULL, bias = NULL;
  dnnl_primitive_attr_t attr = NULL;
  dnnl_post_ops_t       ops  = NULL;
  dnnl_status_t         s;

  s = _dif_cpu_md (&src, 2, (gint64[]) { M, K }, w->dtype, dnnl_ab);
  if (s == dnnl_success)
    s = _dif_cpu_md (&dst, 2, (gint64[]) { M, N }, w->dtype, dnnl_ab);
  if (s == dnnl_success && key[KEY_BIAS])
    s = _dif_cpu_md (&bias, 2, (gint64[]) { 1, N }, DIF_F32, dnnl_ab);
  if (s == dnnl_success)
    s = dnnl_primitive_attr_create (&attr);
  if (s == dnnl_success)
    s = dnnl_primitive_attr_set_scratchpad_mode (attr, dnnl_scratchpad_mode_user);
  if (s == dnnl_success)
    s = dnnl_post_ops_create (&ops);
  if (s == dnnl_success)
    s = append_all (ops, key, dst, p);
  if (s == dnnl_success)
    s = dnnl_primitive_attr_set_post_ops (attr, ops);
  if (s == dnnl_success)
    s = dnnl_matmul_primitive_desc_create (pd, cpu->engine, src, weights, bias, dst, attr);
  if (ops)
    dnnl_post_ops_destroy (ops);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
  for (guint i = 0; i < 3; i++)
    if ((dnnl_memory_desc_t[]) { src, dst, bias }[i])
      dnnl_memory_desc_destroy ((dnnl_memory_desc_t[]) { src, dst, bias }[i]);
  return s;
}

gpointer
_dif_cpu_linear_new (DifBackend *be, DifDtype dtype, const DifHostArray *w,
                     const DifHostArray *bias, gsize *bytes, GError **error)
{
  DifCpu *cpu                    = _dif_cpu_begin (be);
  DifCpuWeight template          = { .dtype = dtype, .n_out = w->shape.d[0], .kh = 1, .kw = 1 };
  const gint64  key[DIF_CPU_KEY] = { [KEY_M] = TYPICAL_M, [KEY_BIAS] = bias && bias->data };
  DifCpuWeight *made;
  gsize         count = 0;

  dif_shape_count (&w->shape, &count);
  template.n_in = count / w->shape.d[0];
  made          = _dif_cpu_weight_new (cpu, &template, w, bias, describe_linear, key, error);
  if (made)
    *bytes = made->bytes;
  _dif_cpu_end (cpu, TRUE);
  return made;
}

gboolean
_dif_cpu_matmul (DifCpu *cpu, const void *x, gsize rows, DifCpuWeight *w, const float *bias,
                 DifAct act, const void *residual, void *y, GError **error)
{
  DifCpuCall call = { .rows = rows, .src = x, .dst = y, .bias = bias };

  call.key[KEY_M]    = (gint64) rows;
  call.key[KEY_ACT]  = act;
  call.key[KEY_BIAS] = bias || w->bias;
  if (residual)
    {
      call.sum               = residual == y;
      call.key[KEY_RESIDUAL] = call.sum ? 1 : 2;
      call.extra[0]          = residual;
    }
  return _dif_cpu_weight_run (cpu, w, &call, describe_linear, error);
}

gboolean
_dif_cpu_linear (DifBackend *be, const DifTensor *x, gpointer weight, DifAct act,
                 const DifTensor *residual, DifTensor *y, GError **error)
{
  DifCpu       *cpu  = _dif_cpu_begin (be);
  DifCpuWeight *w    = weight;
  gsize         rows = dif_tensor_count (x) / w->n_in;

  return _dif_cpu_end (cpu, _dif_cpu_matmul (cpu, x->data, rows, w, NULL, act,
                                             residual ? residual->data : NULL, y->data, error));
}

gboolean
_dif_cpu_glu (DifBackend *be, const DifTensor *x, gpointer value, gpointer gate, DifAct act,
              DifTensor *y, GError **error)
{
  DifCpu       *cpu  = _dif_cpu_begin (be);
  DifCpuWeight *w    = value;
  gsize         rows = dif_tensor_count (x) / w->n_in;
  DifCpuCall    call = { .rows = rows, .src = x->data, .dst = y->data };
  void         *open = _dif_cpu_buffer (cpu, 1, y->bytes, error);

  if (! open ||
      ! _dif_cpu_matmul (cpu, x->data, rows, gate, NULL, act, NULL, open, error))
    return _dif_cpu_end (cpu, FALSE);
  call.key[KEY_M]     = (gint64) rows;
  call.key[KEY_BIAS]  = w->bias != NULL;
  call.key[KEY_TIMES] = 1;
  call.extra[0]       = open;
  return _dif_cpu_end (cpu, _dif_cpu_weight_run (cpu, w, &call, describe_linear, error));
}
