/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels-norm.cuh - norms of rows and of groups, and rotary embedding with its norm.
 *
 * Norms take the mean first and the squares around it after, so that data far
 * from zero loses nothing.
 */
#ifndef DIF_BACKENDS_CUDA_KERNELS_NORM_H
#define DIF_BACKENDS_CUDA_KERNELS_NORM_H

/* Adds up the THREADS numbers in @v, which every thread has written: the sum is v[0]. */
#define SUM_UP(v)                                  \
  for (int half_ = THREADS / 2; half_; half_ /= 2) \
    PHASE                                          \
  if (lane < half_)                                \
  v[lane] += v[lane + half_]

KERNEL (row_norm, RowNormArgs)
{
  SHARED float sums[THREADS];
  SHARED float stats[2]; /* mean, 1 / deviation */
  size_t       D = a.C / a.n_heads, r = BLOCK / a.n_heads, head = BLOCK % a.n_heads * D;
  size_t       first = row_at (&a.at, r) + head;

  PHASE
  {
    float sum = 0;

    for (size_t c = (size_t) lane; c < D && a.center; c += THREADS)
      sum += load (a.x, a.dtype, first + c);
    sums[lane] = sum;
  }
  SUM_UP (sums);
  PHASE
  {
    if (lane == 0)
      stats[0] = sums[0] / (float) D;
  }
  PHASE
  {
    float sum = 0;

    for (size_t c = (size_t) lane; c < D; c += THREADS)
      {
        float d = load (a.x, a.dtype, first + c) - stats[0];

        sum = fmaf (d, d, sum);
      }
    sums[lane] = sum;
  }
  SUM_UP (sums);
  PHASE
  {
    if (lane == 0)
      stats[1] = 1.0f / sqrtf (sums[0] / (float) D + a.eps);
  }
  PHASE
  {
    for (size_t c = (size_t) lane; c < D; c += THREADS)
      {
        float v = (load (a.x, a.dtype, first + c) - stats[0]) * stats[1];

        if (a.scale)
          v *= a.scale[c];
        if (a.shift)
          v += a.shift[c];
        store (a.y, a.dtype, r * a.C + head + c,
               modulated (&a.after, r / a.at.per_item, r, head + c, a.dtype, v));
      }
  }
}

/* Pairs are read before either is written, by the thread that writes both: y may be x. */
KERNEL (rotate, RotateArgs)
{
  SHARED float sums[THREADS];
  size_t       r = BLOCK / a.n_heads, head = BLOCK % a.n_heads * a.D;
  size_t       from = row_at (&a.at, r) + head, to = r * a.n_heads * a.D + head;
  const float *own = a.table + r % a.T * 2 * a.D, *other = own + a.D;

  PHASE
  {
    float sum = 0;

    for (size_t c = (size_t) lane; c < a.D && a.scale; c += THREADS)
      {
        float v = load (a.x, a.dtype, from + c);

        sum = fmaf (v, v, sum);
      }
    sums[lane] = sum;
  }
  SUM_UP (sums);
  PHASE
  {
    float inv = a.scale ? 1.0f / sqrtf (sums[0] / (float) a.D + a.eps) : 1.0f;

    for (size_t i = (size_t) lane; i < a.D / 2; i += THREADS)
      {
        size_t c = a.halves ? i : 2 * i, d = a.halves ? i + a.D / 2 : c + 1;
        float  u = load (a.x, a.dtype, from + c), v = load (a.x, a.dtype, from + d);

        if (a.scale)
          {
            u *= inv * a.scale[c];
            v *= inv * a.scale[d];
          }
        store (a.y, a.dtype, to + c, u * own[c] + v * other[c]);
        store (a.y, a.dtype, to + d, v * own[d] + u * other[d]);
      }
  }
}

/* Where element @e of a group's slice lies: its positions begin at @at. */
DEVICE size_t
group_element (size_t at, size_t e, size_t width, size_t C)
{
  return at + e / width * C + e % width;
}

/* A block is one slice of one group of one item. */
KERNEL (group_moments, GroupNormArgs)
{
  SHARED float sums[THREADS];
  SHARED float mean[1];
  size_t       slice = BLOCK % a.n_slices, group = BLOCK / a.n_slices % a.n_groups;
  size_t       item = BLOCK / a.n_slices / a.n_groups, width = a.C / a.n_groups;
  size_t       begin = a.P * slice / a.n_slices, end = a.P * (slice + 1) / a.n_slices;
  size_t       n = (end - begin) * width, at = (item * a.P + begin) * a.C + group * width;

  PHASE
  {
    float sum = 0;

    for (size_t e = (size_t) lane; e < n; e += THREADS)
      sum += load (a.x, a.dtype, group_element (at, e, width, a.C));
    sums[lane] = sum;
  }
  SUM_UP (sums);
  PHASE
  {
    if (lane == 0)
      mean[0] = n ? sums[0] / (float) n : 0;
  }
  PHASE
  {
    float sum = 0;

    for (size_t e = (size_t) lane; e < n; e += THREADS)
      {
        float d = load (a.x, a.dtype, group_element (at, e, width, a.C)) - mean[0];

        sum = fmaf (d, d, sum);
      }
    sums[lane] = sum;
  }
  SUM_UP (sums);
  PHASE
  {
    if (lane == 0)
      {
        a.moments[BLOCK].n       = (float) n;
        a.moments[BLOCK].mean    = mean[0];
        a.moments[BLOCK].squares = sums[0];
      }
  }
}

/* Chan, Golub & LeVeque 1979: moments of two sets from those of each. */
KERNEL (group_merge, GroupNormArgs)
{
  EACH (i, a.N * a.n_groups)
    {
      GroupMoments all = a.moments[i * a.n_slices];

      for (size_t s = 1; s < a.n_slices; s++)
        {
          GroupMoments more  = a.moments[i * a.n_slices + s];
          float        n     = all.n + more.n;
          float        delta = more.mean - all.mean;

          if (more.n > 0)
            {
              all.squares += more.squares + delta * delta * (all.n * more.n / n);
              all.mean += delta * (more.n / n);
              all.n = n;
            }
        }
      a.stats[2 * i]     = all.mean;
      a.stats[2 * i + 1] = 1.0f / sqrtf (all.squares / all.n + a.eps);
    }
}

KERNEL (group_apply, GroupNormArgs)
{
  size_t width = a.C / a.n_groups;

  EACH (i, a.N * a.P * a.C)
    {
      size_t       c     = i % a.C;
      const float *stats = a.stats + 2 * (i / a.C / a.P * a.n_groups + c / width);
      float        v     = (load (a.x, a.dtype, i) - stats[0]) * stats[1] * a.scale[c] + a.shift[c];

      store (a.y, a.dtype, i, activated (v, a.act));
    }
}

#endif /* DIF_BACKENDS_CUDA_KERNELS_NORM_H */
