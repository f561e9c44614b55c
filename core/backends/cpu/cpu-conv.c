/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-conv.c - convolutions by oneDNN, channels last.
 *
 * oneDNN speaks of [N, C, H, W] whatever the memory looks like; the tag nhwc
 * says that ours has the channels last.
 */
#include <string.h>

#include "backends/cpu/cpu-private.h"

enum
{
  KEY_N,
  KEY_H,
  KEY_W,
  KEY_RESIDUAL, /* 0 none, 1 in y already, 2 another tensor */
  KEY_PER_CHANNEL,
  KEY_WIDER /* whether one more column is computed, see conv_one_column() */
};

static gint64
pad_right (const DifCpuWeight *w, const gint64 *key)
{
  return (gint64) w->spec.pad.right + (key[KEY_WIDER] ? w->spec.stride : 0);
}

/* the description's own memory descriptions, freed together */
typedef struct
{
  dnnl_memory_desc_t src, dst, bias, per_channel;
} Descs;

static dnnl_status_t
describe_tensors (const DifCpuWeight *w, const gint64 *key, Descs *d)
{
  const gint64  N = key[KEY_N], H = key[KEY_H], W = key[KEY_W], O = (gint64) w->n_out;
  const gint64  stride = w->spec.stride;
  const gint64  h      = (H + w->spec.pad.top + w->spec.pad.bottom - (gint64) w->kh) / stride + 1;
  const gint64  v      = (W + w->spec.pad.left + pad_right (w, key) - (gint64) w->kw) / stride + 1;
  dnnl_status_t s;

  s = _dif_cpu_md (&d->src, 4, (gint64[]) { N, (gint64) w->n_in, H, W }, w->dtype, dnnl_nhwc);
  if (s == dnnl_success)
    s = _dif_cpu_md (&d->dst, 4, (gint64[]) { N, O, h, v }, w->dtype, dnnl_nhwc);
  if (s == dnnl_success && w->bias)
    s = _dif_cpu_md (&d->bias, 1, &O, DIF_F32, dnnl_a);
  if (s == dnnl_success && key[KEY_PER_CHANNEL])
    s = _dif_cpu_md (&d->per_channel, 4, (gint64[]) { N, O, 1, 1 }, DIF_F32, dnnl_nhwc);
  return s;
}

static void
descs_clear (Descs *d)
{
  dnnl_memory_desc_t all[] = { d->src, d->dst, d->bias, d->per_channel };

  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    if (all[i])
      dnnl_memory_desc_destroy (all[i]);
}

static dnnl_status_t
append_binary (dnnl_post_ops_t ops, const_dnnl_memory_desc_t md, DifCpuPrimitive *p)
{
  int at = dnnl_post_ops_len (ops);

  p->extra_arg[p->n_extra++] = DNNL_ARG_ATTR_MULTIPLE_POST_OP (at) | DNNL_ARG_SRC_1;
  return dnnl_post_ops_append_binary (ops, dnnl_binary_add, md);
}

static dnnl_status_t
make_attr (const gint64 *key, const Descs *d, dnnl_primitive_attr_t *attr, DifCpuPrimitive *p)
{
  dnnl_post_ops_t ops = NULL;
  dnnl_status_t   s   = dnnl_primitive_attr_create (attr);

  p->n_extra = 0;
  if (s == dnnl_success)
    s = dnnl_primitive_attr_set_scratchpad_mode (*attr, dnnl_scratchpad_mode_user);
  if (s == dnnl_success)
    s = dnnl_post_ops_create (&ops);
  /* the sum comes first: implementations take it most readily there */
  if (s == dnnl_success && key[KEY_RESIDUAL] == 1)
    s = dnnl_post_ops_append_sum (ops, 1.0f, 0, dnnl_data_type_undef);
  if (s == dnnl_success && key[KEY_PER_CHANNEL])
    s = append_binary (ops, d->per_channel, p);
  if (s == dnnl_success && key[KEY_RESIDUAL] == 2)
    s = append_binary (ops, d->dst, p);
  if (s == dnnl_success)
    s = dnnl_primitive_attr_set_post_ops (*attr, ops);
  if (ops)
    dnnl_post_ops_destroy (ops);
  return s;
}

static dnnl_status_t
describe_conv (DifCpu *cpu, const DifCpuWeight *w, const gint64 *key,
               const_dnnl_memory_desc_t weights, dnnl_primitive_desc_t *pd, DifCpuPrimitive *p)
{
  const dnnl_dims_t     strides = { w->spec.stride, w->spec.stride }, dilates = { 0, 0 };
  const dnnl_dims_t     before = { w->spec.pad.top, w->spec.pad.left };
  const dnnl_dims_t     after  = { w->spec.pad.bottom, pad_right (w, key) };
  dnnl_primitive_attr_t attr   = NULL;
  Descs                 d      = { 0 };
  dnnl_status_t         s      = describe_tensors (w, key, &d);

  if (s == dnnl_success)
    s = make_attr (key, &d, &attr, p);
  if (s == dnnl_success)
    s = dnnl_convolution_forward_primitive_desc_create (pd, cpu->engine, dnnl_forward_inference,
                                                        dnnl_convolution_direct, d.src, weights,
                                                        d.bias, d.dst, strides, dilates, before,
                                                        after, attr);
  if (attr)
    dnnl_primitive_attr_destroy (attr);
  descs_clear (&d);
  return s;
}

/* Where a layer of so many channels stands in Stable Diffusion: the U-Net's
 * 320 are at 64x64, 640 at 32x32, 1280 at 16x16; the VAE's 128 at 512x512. */
static gint64
typical_side (gsize channels)
{
  if (channels <= 128)
    return 256;
  if (channels <= 512)
    return 64;
  return channels <= 960 ? 32 : 16;
}

gpointer
_dif_cpu_conv_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, const DifHostArray *bias,
                   const DifConvSpec *spec, gsize *bytes, GError **error)
{
  DifCpuWeight  plain            = { .dtype = dtype, .is_conv = TRUE, .spec = *spec };
  guint         padding          = spec->pad.top + spec->pad.bottom + spec->pad.left;
  gint64        key[DIF_CPU_KEY] = { [KEY_N] = 2 };
  DifCpu       *cpu;
  DifCpuWeight *made;

  plain.n_out = w->shape.d[0];
  plain.n_in  = w->shape.d[1];
  plain.kh    = w->shape.n > 2 ? w->shape.d[2] : 1;
  plain.kw    = w->shape.n > 3 ? w->shape.d[3] : 1;
  /* a matrix, and multiplied as one */
  if (plain.kh == 1 && plain.kw == 1 && spec->stride == 1 && padding + spec->pad.right == 0)
    return _dif_cpu_linear_new (be, dtype, w, bias, bytes, error);
  cpu        = _dif_cpu_begin (be);
  key[KEY_H] = typical_side (MAX (plain.n_in, plain.n_out));
  key[KEY_W] = key[KEY_H];

  made = _dif_cpu_weight_new (cpu, &plain, w, bias, describe_conv, key, error);
  if (made)
    *bytes = made->bytes;
  _dif_cpu_end (cpu, TRUE);
  return made;
}

/* a 1x1 convolution; what is added per channel joins the bias, item by item */
static gboolean
conv_as_matrix (DifCpu *cpu, const DifTensor *x, DifCpuWeight *w, const DifTensor *per_channel,
                const DifTensor *residual, DifTensor *y, GError **error)
{
  gsize items = per_channel ? x->shape.d[0] : 1, rows = dif_tensor_count (x) / w->n_in / items;
  gsize in = x->bytes / items, out = y->bytes / items;

  for (gsize i = 0; i < items; i++)
    {
      const char *more = residual ? (const char *) residual->data + i * out : NULL;
      float      *bias = NULL;

      if (per_channel)
        {
          bias = _dif_cpu_buffer (cpu, 1, w->n_out * sizeof *bias, error);
          if (! bias)
            return FALSE;
          memcpy (bias, (const float *) per_channel->data + i * w->n_out, w->n_out * sizeof *bias);
          for (gsize o = 0; o < w->n_out && w->bias; o++)
            bias[o] += w->bias[o];
        }
      if (! _dif_cpu_matmul (cpu, (const char *) x->data + i * in, rows, w, bias, DIF_ACT_NONE,
                             more, (char *) y->data + i * out, error))
        return FALSE;
    }
  return TRUE;
}

/* oneDNN 3.7's AMX convolutions with a stride compute nonsense where the result is one
 * column wide and more than one row high: a second column is computed and left out. */
static gboolean
is_one_column (const DifCpuWeight *w, const DifTensor *y)
{
  return w->dtype == DIF_BF16 && w->spec.stride > 1 && y->shape.d[2] == 1 && y->shape.d[1] > 1;
}

static gboolean
conv_one_column (DifCpu *cpu, DifCpuWeight *w, DifCpuCall *call, const DifTensor *residual,
                 DifTensor *y, GError **error)
{
  char *wide = _dif_cpu_buffer (cpu, 2, 2 * y->bytes, error);
  gsize row  = w->n_out * dif_dtype_size (y->dtype);

  call->key[KEY_WIDER]    = 1;
  call->key[KEY_RESIDUAL] = residual != NULL;
  call->dst               = wide;
  if (wide && residual)
    for (gsize r = 0; r < 2 * call->rows; r++)
      memcpy (wide + r * row, (const char *) residual->data + r / 2 * row, row);
  if (! wide || ! _dif_cpu_weight_run (cpu, w, call, describe_conv, error))
    return FALSE;
  for (gsize r = 0; r < call->rows; r++)
    memcpy ((char *) y->data + r * row, wide + 2 * r * row, row);
  return TRUE;
}

gboolean
_dif_cpu_conv2d (DifBackend *be, const DifTensor *x, gpointer weight, const DifConvSpec *spec,
                 const DifTensor *per_channel, const DifTensor *residual, DifTensor *y,
                 GError **error)
{
  DifCpu       *cpu  = _dif_cpu_begin (be);
  DifCpuWeight *w    = weight;
  DifCpuCall    call = { .src = x->data, .dst = y->data };
  guint         n    = 0;

  if (! w->is_conv)
    return _dif_cpu_end (cpu, conv_as_matrix (cpu, x, w, per_channel, residual, y, error));
  call.rows       = dif_tensor_count (y) / w->n_out;
  call.key[KEY_N] = (gint64) x->shape.d[0];
  call.key[KEY_H] = (gint64) x->shape.d[1];
  call.key[KEY_W] = (gint64) x->shape.d[2];
  if (per_channel)
    {
      call.key[KEY_PER_CHANNEL] = 1;
      call.extra[n++]           = per_channel->data;
    }
  if (is_one_column (w, y))
    return _dif_cpu_end (cpu, conv_one_column (cpu, w, &call, residual, y, error));
  if (residual)
    {
      call.sum               = residual->data == y->data;
      call.key[KEY_RESIDUAL] = call.sum ? 1 : 2;
      if (! call.sum)
        call.extra[n++] = residual->data;
    }
  return _dif_cpu_end (cpu, _dif_cpu_weight_run (cpu, w, &call, describe_conv, error));
}
