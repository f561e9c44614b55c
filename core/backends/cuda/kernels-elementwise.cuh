/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels-elementwise.cuh - access to elements, and kernels that make one at a time. */
#ifndef DIF_BACKENDS_CUDA_KERNELS_ELEMENTWISE_H
#define DIF_BACKENDS_CUDA_KERNELS_ELEMENTWISE_H

DEVICE float
load (const void *p, int dtype, size_t i)
{
  if (dtype == KERNEL_F16)
    return half_to_float (((const unsigned short *) p)[i]);
  if (dtype == KERNEL_BF16)
    return bfloat_to_float (((const unsigned short *) p)[i]);
  return ((const float *) p)[i];
}

DEVICE void
store (void *p, int dtype, size_t i, float v)
{
  if (dtype == KERNEL_F16)
    ((unsigned short *) p)[i] = float_to_half (v);
  else if (dtype == KERNEL_BF16)
    ((unsigned short *) p)[i] = float_to_bfloat (v);
  else
    ((float *) p)[i] = v;
}

DEVICE float
activated (float x, int act)
{
  switch (act)
    {
    case KERNEL_ACT_SILU:
      return x / (1.0f + expf (-x));
    case KERNEL_ACT_GELU:
      return x * 0.5f * erfcf (-x * 0.70710678118654752f);
    case KERNEL_ACT_QUICK_GELU:
      return x / (1.0f + expf (-1.702f * x));
    case KERNEL_ACT_RELU:
      return x > 0.0f ? x : 0.0f;
    case KERNEL_ACT_GELU_TANH:
      return x / (1.0f + expf (-1.5957691216057308f * x * (1.0f + 0.044715f * x * x)));
    case KERNEL_ACT_TANH:
      return tanhf (x);
    case KERNEL_ACT_SIGMOID:
      return 1.0f / (1.0f + expf (-x));
    case KERNEL_ACT_LEAKY_RELU:
      return x > 0.0f ? x : 0.2f * x;
    default:
      return x;
    }
}

/* Where row @r begins. */
DEVICE size_t
row_at (const RowsAt *at, size_t r)
{
  return r / at->per_item * at->item + r % at->per_item * at->row;
}

/* What @v at channel @c of row @r becomes. */
DEVICE float
modulated (const ScaleShiftArgs *s, size_t item, size_t r, size_t c, int dtype, float v)
{
  float factor = s->plus;

  if (s->scale)
    factor += load (s->scale, s->scale_dtype, item * s->scale_item + c);
  v *= factor;
  if (s->shift)
    v += load (s->shift, s->shift_dtype, item * s->shift_item + c);
  return s->residual ? v + load (s->residual, dtype, row_at (&s->residual_at, r) + c) : v;
}

KERNEL (cast, CastArgs)
{
  EACH (i, a.n)
    store (a.y, a.to, i, load (a.x, a.from, i));
}

KERNEL (pack, PackArgs)
{
  size_t row = a.n_in * a.n_spots;

  EACH (i, a.rows * row)
    {
      size_t o = i / row, s = i % row / a.n_in, c = i % a.n_in;

      store (a.y, a.to, i, load (a.x, a.from, o * row + c * a.n_spots + s));
    }
}

KERNEL (activate, ActivateArgs)
{
  EACH (i, a.n)
    store (a.y, a.dtype, i, activated (load (a.x, a.dtype, i), a.act));
}

KERNEL (add, AddArgs)
{
  EACH (i, a.n)
    store (a.y, a.dtype, i, load (a.a, a.dtype, i) + load (a.b, a.dtype, i));
}

KERNEL (concat, ConcatArgs)
{
  size_t width = a.n_a + a.n_b;

  EACH (i, a.rows * width)
    {
      size_t row = i / width, c = i % width;
      float  v = c < a.n_a ? load (a.a, a.dtype, row * a.n_a + c)
                           : load (a.b, a.dtype, row * a.n_b + c - a.n_a);

      store (a.y, a.dtype, i, v);
    }
}

KERNEL (upsample, UpsampleArgs)
{
  EACH (i, a.N * a.H * a.W * a.C)
    {
      size_t c = i % a.C, j = i / a.C % a.W, r = i / a.C / a.W % a.H, n = i / a.C / a.W / a.H;

      store (a.y, a.dtype, i,
             load (a.x, a.dtype, ((n * a.h + r * a.h / a.H) * a.w + j * a.w / a.W) * a.C + c));
    }
}

KERNEL (gather, GatherArgs)
{
  EACH (i, a.N * a.n_out * a.C)
    {
      size_t c = i % a.C, row = i / a.C % a.n_out, n = i / a.C / a.n_out;
      float  result = a.weights ? 0.0f : -INFINITY;

      for (size_t k = row * a.n_terms; k < (row + 1) * a.n_terms; k++)
        {
          float v = 0.0f;

          if (a.rows[k] >= 0)
            v = load (a.x, a.dtype, (n * a.n_in + (size_t) a.rows[k]) * a.C + c);
          if (a.weights)
            result = fmaf (a.weights[k], v, result);
          else
            result = v > result ? v : result;
        }
      store (a.y, a.dtype, i, result);
    }
}

KERNEL (embed, EmbedArgs)
{
  EACH (i, a.n * a.width)
    {
      size_t row = (size_t) a.ids[i / a.width];

      store (a.y, a.to, i, load (a.table, a.from, row * a.width + i % a.width));
    }
}

KERNEL (lincomb, LincombArgs)
{
  EACH (i, a.n)
    {
      float sum = 0;

      for (int k = 0; k < a.terms; k++)
        sum = fmaf (a.coef[k], a.x[k][i], sum);
      a.y[i] = sum;
    }
}

KERNEL (clamp, ClampArgs)
{
  EACH (i, a.n)
    a.y[i] = a.x[i] > a.hi ? a.hi : a.x[i] < a.lo ? a.lo
                                                  : a.x[i];
}

KERNEL (glu, GluArgs)
{
  EACH (i, a.n)
    store (a.y, a.dtype, i, a.value[i] * activated (a.gate[i], a.act));
}

KERNEL (modulate, ModulateArgs)
{
  EACH (i, a.rows * a.C)
    {
      size_t r = i / a.C, c = i % a.C;
      float  v = load (a.x, a.dtype, row_at (&a.at, r) + c);

      store (a.y, a.dtype, i, modulated (&a.by, r / a.at.per_item, r, c, a.dtype, v));
    }
}

KERNEL (multiply, MultiplyArgs)
{
  EACH (i, a.rows * a.C)
    {
      size_t r = i / a.C, c = i % a.C;

      store (a.y, a.dtype, i,
             activated (load (a.a, a.dtype, row_at (&a.a_at, r) + c), a.act) *
                 load (a.b, a.dtype, row_at (&a.b_at, r) + c));
    }
}

KERNEL (prelu, PreluArgs)
{
  EACH (i, a.n)
    {
      float v = load (a.x, a.dtype, i);

      store (a.y, a.dtype, i, v < 0.0f ? v * a.slope[i % a.C] : v);
    }
}

KERNEL (permute, PermuteArgs)
{
  EACH (i, a.n)
    {
      size_t at = a.offset, rest = i;

      for (int k = a.dims - 1; k >= 0; k--)
        {
          at += rest % a.d[k] * a.stride[k];
          rest /= a.d[k];
        }
      store (a.y, a.dtype, i, load (a.x, a.dtype, at));
    }
}

#endif /* DIF_BACKENDS_CUDA_KERNELS_ELEMENTWISE_H */
