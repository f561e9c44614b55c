/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* kernels-attention.cuh - attention with the softmax done on the way.
 *
 * A block makes ATTENTION_WIDTH columns of ATTENTION_QUERIES rows of one
 * head's y.  It goes over the keys in tiles: scores of the tile; then the
 * largest score so far, by which what was summed up before is scaled down;
 * then weights exp (score - largest), whose sum and whose products with the
 * values are kept (Milakov & Gimelshein 2018; Dao et al. 2022).  A head wider
 * than ATTENTION_WIDTH is made by several blocks, each with all the scores.
 */
#ifndef DIF_BACKENDS_CUDA_KERNELS_ATTENTION_H
#define DIF_BACKENDS_CUDA_KERNELS_ATTENTION_H

#define KEYS       32 /* of a tile */
#define SCORE_DEEP 32 /* of a head, at a time, when scores are made */

enum
{
  ATTENTION_Q,
  ATTENTION_K,
  ATTENTION_V
};

/* Element @d of head @head of row @row of the whole sequence, or 0 beyond the end. */
DEVICE float
row_element (const AttentionArgs *a, int what, size_t item, size_t head, size_t row, size_t n_rows,
             size_t d)
{
  const AttentionSegment *s = a->segments;
  const AttentionRows    *rows;

  if (row >= n_rows || d >= a->head_dim)
    return 0;
  for (int i = 1; i < a->n_segments; i++)
    if (row >= (what == ATTENTION_Q ? a->segments[i].query : a->segments[i].key))
      s = a->segments + i;
  rows = what == ATTENTION_Q ? &s->q : what == ATTENTION_K ? &s->k
                                                           : &s->v;
  row -= what == ATTENTION_Q ? s->query : s->key;
  return load (rows->data, a->dtype,
               row * rows->stride + item * rows->batch + head * a->head_dim + d);
}

/* What is added to a score. */
DEVICE float
bias_element (const AttentionArgs *a, size_t item, size_t head, size_t query, size_t key)
{
  size_t row = (item % a->bias_d[0] * a->bias_d[1] + head % a->bias_d[1]) * a->bias_d[2];

  return a->bias ? a->bias[(row + query % a->bias_d[2]) * a->n_keys + key] : 0.0f;
}

/* Long, because its phases share what the block and each thread keep, which no
 * function could be given.
 *
 * Thread (r, c) of 16 x 16 has rows 4 r .. 4 r + 3 of scores and of y, columns c and c + 16
 * of scores, c, c + 16, .. c + 112 of y. */
KERNEL (attention, AttentionArgs)
{
  SHARED float qs[ATTENTION_QUERIES][SCORE_DEEP + 1];
  SHARED float ks[KEYS][SCORE_DEEP + 1];
  SHARED float vs[KEYS][ATTENTION_WIDTH];
  SHARED float weights[ATTENTION_QUERIES][KEYS + 1]; /* scores first */
  SHARED float largest[ATTENTION_QUERIES], shrink[ATTENTION_QUERIES], sum[ATTENTION_QUERIES];
  OWN (float, scores, 8);
  OWN (float, out, 32);
  size_t n_parts = (a.head_dim + ATTENTION_WIDTH - 1) / ATTENTION_WIDTH;
  size_t n_tiles = (a.n_queries + ATTENTION_QUERIES - 1) / ATTENTION_QUERIES;
  size_t column = BLOCK % n_parts * ATTENTION_WIDTH, head = BLOCK / n_parts % a.n_heads;
  size_t query = BLOCK / n_parts / a.n_heads % n_tiles * ATTENTION_QUERIES;
  size_t item  = BLOCK / n_parts / a.n_heads / n_tiles;
  size_t kv = head / a.n_group, n_keys = a.n_keys;

  if (a.causal && query + ATTENTION_QUERIES < n_keys)
    n_keys = query + ATTENTION_QUERIES;
  PHASE
  {
    UNROLL
    for (int i = 0; i < 32; i++)
      MINE (out, i) = 0;
    if (lane < ATTENTION_QUERIES)
      {
        largest[lane] = -INFINITY;
        sum[lane]     = 0;
      }
  }
  for (size_t key = 0; key < n_keys; key += KEYS)
    {
      PHASE
      {
        UNROLL
        for (int i = 0; i < 8; i++)
          MINE (scores, i) = 0;
      }
      for (size_t d = 0; d < a.head_dim; d += SCORE_DEEP)
        {
          PHASE
          {
            size_t at = d + (size_t) (lane % SCORE_DEEP);

            for (int r = lane / SCORE_DEEP; r < ATTENTION_QUERIES; r += THREADS / SCORE_DEEP)
              qs[r][lane % SCORE_DEEP] = row_element (&a, ATTENTION_Q, item, head,
                                                      query + (size_t) r, a.n_queries, at);
            for (int r = lane / SCORE_DEEP; r < KEYS; r += THREADS / SCORE_DEEP)
              ks[r][lane % SCORE_DEEP] = row_element (&a, ATTENTION_K, item, kv,
                                                      key + (size_t) r, n_keys, at);
          }
          PHASE
          {
            for (int e = 0; e < SCORE_DEEP; e++)
              {
                UNROLL
                for (int i = 0; i < 8; i++)
                  MINE (scores, i) = fmaf (qs[lane / 16 * 4 + i / 2][e],
                                           ks[lane % 16 + i % 2 * 16][e], MINE (scores, i));
              }
          }
        }
      PHASE
      {
        UNROLL
        for (int i = 0; i < 8; i++)
          {
            int    r = lane / 16 * 4 + i / 2, c = lane % 16 + i % 2 * 16;
            size_t j    = key + (size_t) c;
            int    seen = j < n_keys && (! a.causal || j <= query + (size_t) r);

            weights[r][c] = -INFINITY;
            if (seen)
              weights[r][c] = MINE (scores, i) * a.scale +
                              bias_element (&a, item, head, query + (size_t) r, j);
          }
        for (int e = lane; e < KEYS * ATTENTION_WIDTH; e += THREADS)
          vs[e / ATTENTION_WIDTH][e % ATTENTION_WIDTH] =
              row_element (&a, ATTENTION_V, item, kv, key + (size_t) (e / ATTENTION_WIDTH), n_keys,
                           column + (size_t) (e % ATTENTION_WIDTH));
      }
      PHASE
      {
        if (lane < ATTENTION_QUERIES)
          {
            float top = largest[lane];

            for (int c = 0; c < KEYS; c++)
              top = fmaxf (top, weights[lane][c]);
            /* where all keys so far are hidden, nothing counts yet */
            if (top == -INFINITY)
              top = -3.0e38f;
            shrink[lane]  = expf (largest[lane] - top);
            largest[lane] = top;
          }
      }
      PHASE
      {
        for (int e = lane; e < ATTENTION_QUERIES * KEYS; e += THREADS)
          weights[e / KEYS][e % KEYS] = expf (weights[e / KEYS][e % KEYS] - largest[e / KEYS]);
      }
      PHASE
      {
        if (lane < ATTENTION_QUERIES)
          {
            sum[lane] *= shrink[lane];
            for (int c = 0; c < KEYS; c++)
              sum[lane] += weights[lane][c];
          }
        UNROLL
        for (int i = 0; i < 32; i++)
          MINE (out, i) *= shrink[lane / 16 * 4 + i / 8];
        for (int c = 0; c < KEYS; c++)
          {
            UNROLL
            for (int i = 0; i < 32; i++)
              MINE (out, i) = fmaf (weights[lane / 16 * 4 + i / 8][c],
                                    vs[c][lane % 16 + i % 8 * 16], MINE (out, i));
          }
      }
    }
  PHASE
  {
    UNROLL
    for (int i = 0; i < 32; i++)
      {
        int    r   = lane / 16 * 4 + i / 8;
        size_t row = query + (size_t) r, d = column + (size_t) (lane % 16 + i % 8 * 16);

        if (row < a.n_queries && d < a.head_dim)
          store (a.y, a.dtype, ((item * a.n_queries + row) * a.n_heads + head) * a.head_dim + d,
                 MINE (out, i) / sum[r]);
      }
  }
}

#endif /* DIF_BACKENDS_CUDA_KERNELS_ATTENTION_H */
