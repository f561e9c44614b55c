/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-attention.c - flash attention: softmax (scale q k^T) v without the whole q k^T.
 *
 * Keys and values are packed once per item and head; then every block of
 * queries runs over blocks of keys, keeping a running maximum and sum per row
 * (Dao et al. 2022).  The two products are oneDNN's micro-kernels, in the
 * tensors' dtype; without those they are the kernel table's, in f32.
 */
#include <omp.h>
#include <string.h>

#include "backends/cpu/cpu-private.h"
#include "backends/cpu/cpu-ukernel.h"

#define ROWS       32  /* queries in a block */
#define PANEL      64  /* keys in a packed panel; columns of a value panel at most */
#define MAX_BLOCK  256 /* keys in a block */
#define PAD(x, to) (((x) + (to) - 1) / (to) * (to))

/* oneDNN's kernels for the products of one block; NULL without them, and where
 * a size does not occur.  Index 1 is for what is left at the end. */
typedef struct
{
  const DifCpuUkernel *qk[2];    /* [part of a key panel] */
  const DifCpuUkernel *pv[2][2]; /* [part of a block][part of a value panel] */
} Products;

typedef struct
{
  const DifAttention  *a;
  const DifCpuKernels *k;
  DifSegment           segments[DIF_MAX_SEGMENTS];
  gsize                n_queries, n_keys; /* of all segments */
  gsize                n_kv, group;       /* heads of keys; of queries to each */
  const float         *bias;              /* times log2 (e), or NULL */
  gboolean             in_bf16;           /* what the tensors hold */
  gboolean             bf16;              /* what is multiplied */
  gsize                size;              /* bytes of what is multiplied */
  gsize                block;             /* keys in a block */
  gsize                d_k, d_v;          /* padded head_dim of packed keys and values */
  gsize                v_panel;           /* columns in a value panel, but the last */
  gsize                panels;            /* of PANEL keys */
  gsize                k_bytes, bytes;    /* packed keys, and both, per item and head */
  char                *packed;
  gsize                scratch; /* bytes the kernels need, per thread */
  Products             by;
  DifTensor           *y;
} Flash;

/* one thread's working memory */
typedef struct
{
  float *scores, *acc, *row, max[ROWS], sum[ROWS];
  char  *p, *q;
  void  *scratch;
} Work;

enum
{
  QUERY,
  KEY,
  VALUE
};

/* Row @i of the whole sequence from @column on, wherever its segment lies. */
static const char *
row_of (const Flash *f, int what, gsize b, gsize i, gsize column)
{
  const DifSegment *s = f->segments;
  const DifRows    *r;

  while (i >= (what == QUERY ? s->n_queries : s->n_keys))
    i -= what == QUERY ? s++->n_queries : s++->n_keys;
  r = what == QUERY ? &s->q : what == KEY ? &s->k
                                          : &s->v;
  return (const char *) r->t->data +
         (r->offset + b * r->batch + i * r->stride + column) * dif_dtype_size (r->t->dtype);
}

/* ---- packing ---- */

/* n elements of a row as floats: the row itself, or converted */
static const float *
as_floats (const Flash *f, const char *row, gsize n, float *buffer)
{
  if (! f->in_bf16)
    return (const float *) row;
  f->k->bf16_to_f32 (buffer, (const guint16 *) row, n);
  return buffer;
}

/* the keys of a panel, as columns: [d_k, PANEL], in pairs for bf16 */
static void
pack_keys (const Flash *f, gsize b, gsize h, gsize panel, char *to, float *buffer)
{
  gsize D = f->a->head_dim, first = panel * PANEL, n = MIN (PANEL, f->n_keys - first);

  memset (to, 0, f->d_k * PANEL * f->size);
  for (gsize j = 0; j < n; j++)
    {
      const char *row = row_of (f, KEY, b, first + j, h * D);

      if (f->bf16)
        {
          guint32 *out = (guint32 *) to + j, pair;

          for (gsize d = 0; d + 2 <= D; d += 2, out += PANEL)
            {
              memcpy (&pair, row + d * 2, sizeof pair);
              *out = pair;
            }
          if (D % 2)
            *out = ((const guint16 *) row)[D - 1];
        }
      else
        {
          const float *in  = as_floats (f, row, D, buffer);
          float       *out = (float *) to + j;

          for (gsize d = 0; d < D; d++)
            out[d * PANEL] = in[d];
        }
    }
}

/* the values of a panel of keys, columns c to c + width: [PANEL, width padded
 * to 16], in pairs for bf16 */
static void
pack_values (const Flash *f, gsize b, gsize first, gsize column, gsize width, char *to,
             float *buffer)
{
  static const guint16 none[PANEL];
  gsize                n = MIN (PANEL, f->n_keys - first), ld = PAD (width, 16);

  memset (to, 0, PANEL * ld * f->size);
  for (gsize j = 0; j < n && f->bf16; j += 2)
    {
      const guint16 *even = (const guint16 *) row_of (f, VALUE, b, first + j, column);
      const guint16 *odd  = none;
      guint32       *out  = (guint32 *) to + j / 2 * ld;

      if (j + 1 < n)
        odd = (const guint16 *) row_of (f, VALUE, b, first + j + 1, column);
      for (gsize d = 0; d < width; d++)
        out[d] = even[d] | (guint32) odd[d] << 16;
    }
  for (gsize j = 0; j < n && ! f->bf16; j++)
    {
      const char *row = row_of (f, VALUE, b, first + j, column);

      memcpy ((float *) to + j * ld, as_floats (f, row, width, buffer), width * sizeof (float));
    }
}

static void
pack_all (const Flash *f, const Work *w)
{
  gsize D = f->a->head_dim, H = f->n_kv, P = f->panels;

#pragma omp for schedule(static)
  for (gsize i = 0; i < f->a->n_batch * H * P; i++)
    {
      gsize b = i / P / H, h = i / P % H, panel = i % P;
      char *keys = f->packed + i / P * f->bytes, *values = keys + f->k_bytes;

      pack_keys (f, b, h, panel, keys + panel * f->d_k * PANEL * f->size, w->row);
      for (gsize c = 0; c < D; c += f->v_panel)
        pack_values (f, b, panel * PANEL, h * D + c, MIN (f->v_panel, D - c),
                     values + (c * P + panel * MIN (f->v_panel, f->d_v - c)) * PANEL * f->size,
                     w->row);
    }
}

/* ---- one block of queries ---- */

static void
product (const Flash *f, const DifCpuUkernel *u, const DifCpuTile *t, const char *a, const char *b,
         float *c, const Work *w)
{
  DifCpuGemm g = { .a = (const float *) a, .b = (const float *) b, .c = c };

  if (u)
    {
      _dif_cpu_ukernel_enter (u);
      _dif_cpu_ukernel_run (u, a, b, c, w->scratch);
      return;
    }
  g.lda = (gsize) t->lda;
  g.ldb = (gsize) t->ldb;
  g.ldc = (gsize) t->ldc;
  g.m   = (gsize) t->m;
  g.n   = (gsize) t->n;
  g.k   = (gsize) t->k;
  g.add = t->add;
  f->k->gemm (&g);
}

static DifCpuTile
qk_tile (const Flash *f, gsize keys)
{
  DifCpuTile t = { .m = ROWS, .n = (gint64) keys, .k = (gint64) f->d_k, .ldb = PANEL };

  t.lda  = (gint64) f->d_k;
  t.ldc  = (gint64) f->block;
  t.bf16 = f->bf16;
  return t;
}

static DifCpuTile
pv_tile (const Flash *f, gsize keys, gsize columns)
{
  DifCpuTile t = { .m = ROWS, .n = (gint64) columns, .k = (gint64) keys, .add = TRUE };

  t.lda  = (gint64) f->block;
  t.ldb  = (gint64) columns;
  t.ldc  = (gint64) f->d_v;
  t.bf16 = f->bf16;
  return t;
}

/* scores of the block's keys from first on; keys is a multiple of 16 */
static void
score (const Flash *f, const Work *w, const char *packed, gsize first, gsize keys)
{
  for (gsize j = 0; j < keys; j += PANEL)
    {
      gsize      n = MIN (PANEL, keys - j);
      DifCpuTile t = qk_tile (f, n);

      product (f, f->by.qk[n < PANEL], &t, w->q,
               packed + (first + j) * f->d_k * f->size, w->scores + j, w);
    }
}

static void
weigh (const Flash *f, const Work *w, const char *values, gsize first, gsize keys)
{
  for (gsize c = 0; c < f->d_v; c += f->v_panel)
    {
      gsize      n = MIN (f->v_panel, f->d_v - c);
      DifCpuTile t = pv_tile (f, keys, n);

      product (f, f->by.pv[keys < f->block][n < f->v_panel], &t, w->p,
               values + (c * f->panels * PANEL + first * n) * f->size, w->acc + c, w);
    }
}

/* rows of q, padded to d_k columns and ROWS rows with zeros */
static void
take_queries (const Flash *f, const Work *w, gsize b, gsize h, gsize first, gsize n)
{
  gsize D = f->a->head_dim;

  memset (w->q, 0, ROWS * f->d_k * f->size);
  for (gsize r = 0; r < n; r++)
    {
      const char *row = row_of (f, QUERY, b, first + r, h * D);
      char       *to  = w->q + r * f->d_k * f->size;

      if (f->in_bf16 && ! f->bf16)
        f->k->bf16_to_f32 ((float *) to, (const guint16 *) row, D);
      else
        memcpy (to, row, D * f->size);
    }
}

static void
give_rows (const Flash *f, const Work *w, gsize b, gsize h, gsize first, gsize n)
{
  gsize D = f->a->head_dim, width = D * f->a->n_heads;

  for (gsize r = 0; r < n; r++)
    {
      gsize  at  = (b * f->n_queries + first + r) * width + h * D;
      float *acc = w->acc + r * f->d_v, inv = 1.0f / w->sum[r];

      for (gsize d = 0; d < D; d++)
        acc[d] *= inv;
      if (f->in_bf16)
        f->k->f32_to_bf16 ((guint16 *) f->y->data + at, acc, D);
      else
        memcpy ((float *) f->y->data + at, acc, D * sizeof (float));
    }
}

/* What is added to the scores of one query. */
static const float *
bias_of (const Flash *f, gsize b, gsize h, gsize i)
{
  const gsize *d = f->a->bias->shape.d;

  return f->bias + ((b % d[0] * d[1] + h % d[1]) * d[2] + i % d[2]) * d[3];
}

static void
attend (const Flash *f, Work *w, gsize b, gsize h, gsize first)
{
  const char   *keys   = f->packed + (b * f->n_kv + h / f->group) * f->bytes;
  const char   *values = keys + f->k_bytes;
  const float  *bias[ROWS];
  gsize         n    = MIN (ROWS, f->n_queries - first), limit[ROWS];
  gsize         seen = f->a->causal ? MIN (f->n_keys, first + n) : f->n_keys;
  DifCpuSoftmax s    = { .scores = w->scores, .p = w->p, .ld = f->block, .rows = ROWS };

  s.limit = limit;
  s.bias  = f->bias ? bias : NULL;
  s.scale = f->a->scale * 1.44269504088896f;
  s.max   = w->max;
  s.sum   = w->sum;
  s.acc   = w->acc;
  s.n_acc = f->d_v;
  s.bf16  = f->bf16;
  take_queries (f, w, b, h, first, n);
  memset (w->acc, 0, ROWS * f->d_v * sizeof (float));
  for (gsize r = 0; r < ROWS; r++)
    {
      w->max[r] = -G_MAXFLOAT;
      w->sum[r] = 0;
    }
  for (gsize j = 0; j < seen; j += f->block)
    {
      gsize width = MIN (f->block, PAD (f->n_keys - j, 16));

      for (gsize r = 0; r < ROWS; r++)
        {
          gsize last = f->a->causal ? MIN (f->n_keys, first + r + 1) : f->n_keys;

          limit[r] = last > j ? last - j : 0;
          if (f->bias)
            bias[r] = bias_of (f, b, h, MIN (first + r, f->n_queries - 1)) + j;
        }
      score (f, w, keys, j, width);
      f->k->softmax (&s);
      weigh (f, w, values, j, width);
    }
  give_rows (f, w, b, h, first, n);
}

/* ---- the op ---- */

/* a kernel for a tile that may be empty; FALSE if it is not and there is none */
static gboolean
find_kernel (DifCpu *cpu, Flash *f, DifCpuTile tile, const DifCpuUkernel **kernel)
{
  *kernel = NULL;
  if (! tile.n || ! tile.k)
    return TRUE;
  *kernel = _dif_cpu_ukernel_get (cpu, &tile);
  if (*kernel)
    f->scratch = MAX (f->scratch, _dif_cpu_ukernel_scratch (*kernel));
  return *kernel != NULL;
}

/* oneDNN's kernels, all of them or none */
static gboolean
find_products (DifCpu *cpu, Flash *f)
{
  Products *by   = &f->by;
  gsize     rest = PAD (f->n_keys % f->block, 16) % f->block;
  gsize     part = (rest ? rest : f->block) % PANEL, column = f->d_v % f->v_panel;
  gboolean  ok;

  ok = find_kernel (cpu, f, qk_tile (f, f->block < PANEL ? 0 : PANEL), &by->qk[0]) &&
       find_kernel (cpu, f, qk_tile (f, part), &by->qk[1]) &&
       find_kernel (cpu, f, pv_tile (f, f->block, f->v_panel), &by->pv[0][0]) &&
       find_kernel (cpu, f, pv_tile (f, f->block, column), &by->pv[0][1]) &&
       find_kernel (cpu, f, pv_tile (f, rest, f->v_panel), &by->pv[1][0]) &&
       find_kernel (cpu, f, pv_tile (f, rest, column), &by->pv[1][1]);
  if (! ok)
    *by = (Products) { 0 };
  return ok;
}

static void
plan (DifCpu *cpu, Flash *f)
{
  gsize D = f->a->head_dim;

  f->bf16    = f->in_bf16;
  f->block   = MIN (MAX_BLOCK, PAD (f->n_keys, 16));
  f->panels  = PAD (f->n_keys, PANEL) / PANEL;
  f->d_k     = PAD (D, 2);
  f->d_v     = PAD (D, 16);
  f->v_panel = MIN (PANEL, f->d_v);
  if (! find_products (cpu, f))
    f->bf16 = FALSE;
  f->size    = f->bf16 ? 2 : 4;
  f->k_bytes = f->panels * PANEL * f->d_k * f->size;
  f->bytes   = f->k_bytes + f->panels * PANEL * f->d_v * f->size;
}

static void
share_out (Work *w, const Flash *f, char *at)
{
  w->scores = (float *) at;
  at += ROWS * f->block * sizeof (float);
  w->acc = (float *) at;
  at += ROWS * f->d_v * sizeof (float);
  w->row = (float *) at;
  at += PAD (f->d_k, 16) * sizeof (float);
  w->p = at;
  at += ROWS * f->block * sizeof (float);
  w->q = at;
  at += ROWS * PAD (f->d_k, 16) * sizeof (float);
  w->scratch = at;
}

static void
join_segments (Flash *f)
{
  const DifAttention *a = f->a;

  f->segments[0] = (DifSegment) { a->q, a->k, a->v, a->n_queries, a->n_keys };
  for (guint i = 0; i < a->n_more; i++)
    f->segments[i + 1] = a->more[i];
  for (guint i = 0; i <= a->n_more; i++)
    {
      f->n_queries += f->segments[i].n_queries;
      f->n_keys += f->segments[i].n_keys;
    }
  f->n_kv  = a->n_kv_heads ? a->n_kv_heads : a->n_heads;
  f->group = a->n_heads / f->n_kv;
}

/* The bias in the softmax's unit; TRUE where there is none. */
static gboolean
take_bias (DifCpu *cpu, Flash *f, GError **error)
{
  const float *from;
  float       *to;
  gsize        n;

  if (! f->a->bias)
    return TRUE;
  n    = dif_tensor_count (f->a->bias);
  from = f->a->bias->data;
  to   = _dif_cpu_buffer (cpu, 3, n * sizeof *to, error);
  if (! to)
    return FALSE;
#pragma omp parallel for num_threads(_dif_cpu_team(cpu, n)) schedule(static)
  for (gsize i = 0; i < n; i++)
    to[i] = from[i] * 1.44269504088896f;
  f->bias = to;
  return TRUE;
}

gboolean
_dif_cpu_attention (DifBackend *be, const DifAttention *a, DifTensor *y, GError **error)
{
  DifCpu *cpu = _dif_cpu_begin (be);
  Flash   f   = { .a = a, .k = cpu->kernels, .in_bf16 = y->dtype == DIF_BF16, .y = y };
  gsize   blocks, each;
  char   *work;

  join_segments (&f);
  plan (cpu, &f);
  blocks = PAD (f.n_queries, ROWS) / ROWS;
  each   = (2 * ROWS * f.block + ROWS * f.d_v + (ROWS + 1) * PAD (f.d_k, 16)) * sizeof (float) +
         PAD (f.scratch, 64);
  work     = _dif_cpu_buffer (cpu, 1, each * (gsize) cpu->n_threads, error);
  f.packed = work ? _dif_cpu_buffer (cpu, 2, f.bytes * a->n_batch * f.n_kv, error) : NULL;
  if (! f.packed || ! take_bias (cpu, &f, error))
    return _dif_cpu_end (cpu, FALSE);
#pragma omp parallel num_threads(_dif_cpu_team(cpu, a->n_batch * a->n_heads * blocks * f.bytes))
  {
    Work w;

    share_out (&w, &f, work + each * (gsize) omp_get_thread_num ());
    pack_all (&f, &w);
#pragma omp for schedule(static)
    for (gsize i = 0; i < a->n_batch * a->n_heads * blocks; i++)
      attend (&f, &w, i / blocks / a->n_heads, i / blocks % a->n_heads, i % blocks * ROWS);
    if (f.by.pv[0][0])
      _dif_cpu_ukernel_leave ();
  }
  return _dif_cpu_end (cpu, TRUE);
}
