/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels-matrix.cuh - products of matrices, and what surrounds those of cuBLASLt.
 *
 * `matmul` is the plain one: it does every product, convolutions included,
 * where cuBLASLt is absent or refuses a shape.
 */
#ifndef DIF_BACKENDS_CUDA_KERNELS_MATRIX_H
#define DIF_BACKENDS_CUDA_KERNELS_MATRIX_H

/* Element (m, k) of x, or of x unfolded for a convolution. */
DEVICE float
unfolded (const void *x, int dtype, const ConvWindow *w, size_t m, size_t k)
{
  size_t c = k % w->C, s = k / w->C % w->kw, r = k / w->C / w->kw;
  size_t j = m % w->W, i = m / w->W % w->H, n = m / w->W / w->H;
  size_t row = i * w->stride + r, column = j * w->stride + s;

  if (row < w->top || row - w->top >= w->h || column < w->left || column - w->left >= w->w)
    return 0;
  return load (x, dtype, ((n * w->h + row - w->top) * w->w + column - w->left) * w->C + c);
}

KERNEL (unfold, UnfoldArgs)
{
  size_t K = a.window.kh * a.window.kw * a.window.C;

  EACH (i, a.rows * K)
    store (a.y, a.dtype, i, unfolded (a.x, a.dtype, &a.window, a.first_row + i / K, i % K));
}

KERNEL (epilogue, EpilogueArgs)
{
  EACH (i, a.rows * a.N)
    {
      size_t o = i % a.N;
      float  v = activated (a.x[i] + (a.bias ? a.bias[o] : 0.0f), a.act);

      if (a.per_channel)
        v += a.per_channel[(a.first_row + i / a.N) / a.rows_per_item * a.N + o];
      if (a.residual)
        v += load (a.residual, a.dtype, i);
      store (a.y, a.dtype, i, v);
    }
}

#define MATMUL_DEPTH 16

/* Thread (r, c) of 16 x 16 makes rows 4 r .. 4 r + 3 and columns c, c + 16, c + 32, c + 48
 * of the block's tile, MATMUL_DEPTH products of each at a time. */
KERNEL (matmul, MatmulArgs)
{
  SHARED float xs[MATMUL_DEPTH][MATMUL_TILE + 1];
  SHARED float ws[MATMUL_DEPTH][MATMUL_TILE + 1];
  OWN (float, sums, 16);
  size_t tiles_n = (a.N + MATMUL_TILE - 1) / MATMUL_TILE;
  size_t first_m = BLOCK / tiles_n * MATMUL_TILE, first_n = BLOCK % tiles_n * MATMUL_TILE;

  PHASE
  {
    UNROLL
    for (int i = 0; i < 16; i++)
      MINE (sums, i) = 0;
  }
  for (size_t first_k = 0; first_k < a.K; first_k += MATMUL_DEPTH)
    {
      PHASE
      {
        for (int e = lane; e < MATMUL_DEPTH * MATMUL_TILE; e += THREADS)
          {
            size_t k = first_k + (size_t) (e % MATMUL_DEPTH), row = (size_t) (e / MATMUL_DEPTH);
            size_t m = first_m + row, n = first_n + row;
            float  x = 0, w = 0;

            if (m < a.M && k < a.K)
              x = a.is_conv ? unfolded (a.x, a.dtype, &a.window, m, k)
                            : load (a.x, a.dtype, m * a.K + k);
            if (n < a.N && k < a.K)
              w = load (a.w, a.dtype, n * a.K + k);
            xs[e % MATMUL_DEPTH][row] = x;
            ws[e % MATMUL_DEPTH][row] = w;
          }
      }
      PHASE
      {
        for (int k = 0; k < MATMUL_DEPTH; k++)
          {
            UNROLL
            for (int i = 0; i < 16; i++)
              MINE (sums, i) = fmaf (xs[k][lane / 16 * 4 + i / 4], ws[k][lane % 16 + i % 4 * 16],
                                     MINE (sums, i));
          }
      }
    }
  PHASE
  {
    UNROLL
    for (int e = 0; e < 16; e++)
      {
        size_t m = first_m + (size_t) (lane / 16 * 4 + e / 4);
        size_t n = first_n + (size_t) (lane % 16 + e % 4 * 16), at = m * a.N + n;

        if (m < a.M && n < a.N)
          {
            float v = activated (MINE (sums, e) + (a.bias ? a.bias[n] : 0.0f), a.act);

            if (a.per_channel)
              v += a.per_channel[(a.first_row + m) / a.rows_per_item * a.N + n];
            if (a.residual)
              v += load (a.residual, a.dtype, at);
            store (a.y, a.to, at, v);
          }
      }
  }
}

#endif /* DIF_BACKENDS_CUDA_KERNELS_MATRIX_H */
