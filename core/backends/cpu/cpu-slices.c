/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-slices.c - a large weight times few rows, a slice of outputs at a time.
 *
 * With few rows a product is as long as its weight takes to come from memory;
 * widening the weight as a whole would send it there and back once more.  So
 * every thread takes slices of outputs that fit its cache, widens a slice there
 * and multiplies with it.  Weights that are stored wide go the same way, so
 * that a picture does not depend on how they are stored.
 */
#include <omp.h>
#include <string.h>

#include "backends/cpu/cpu-private.h"

/* Above this the whole weight costs less: it is used often enough. */
#define FEW_ROWS ((gsize) 1024)

/* Weights below this, in elements, stay in the cache anyway. */
#define LARGE ((gsize) 512 << 10)

/* What a widened slice takes at most, if one block of outputs allows it. */
#define SLICE_BYTES ((gsize) 1 << 20)

/* One thread's part: its primitives for a whole slice and for the rest, and
 * its memory: the widened slice, what it makes, the rest's bias, further
 * operands.  The rest is filled up to whole blocks, as the weight is. */
typedef struct
{
  DifCpuPrimitive *by[2];
  float           *wide, *y, *bias, *extra[DIF_CPU_MAX_EXTRA];
  void            *scratch;
} Share;

typedef struct
{
  DifCpu           *cpu;
  DifCpuWeight     *w;
  const DifCpuCall *call;
  DifCpuSlices      s;
  Share            *shares;
} Job;

#define PAD64(bytes) (((bytes) + 63) & ~(gsize) 63)

/* The size of slices that leaves threads idle least; of several the largest. */
static gsize
best_blocks (const DifCpuSlices *s, gsize n_blocks, gsize n_threads)
{
  gsize most = SLICE_BYTES / (s->row * s->block * sizeof (float)), best = 1, least = G_MAXSIZE;

  for (gsize b = MAX (most, 1); b >= 1; b--)
    {
      gsize slices = (n_blocks + b - 1) / b, rounds = (slices + n_threads - 1) / n_threads;

      if (rounds * b < least)
        {
          least = rounds * b;
          best  = b;
        }
    }
  return best;
}

static gboolean
plan (Job *job)
{
  const DifCpuWeight *w = job->w;
  gsize               n_blocks, n_threads = (gsize) job->cpu->n_threads;

  if (w->dtype != DIF_F32 || job->call->rows >= FEW_ROWS ||
      w->n_out * w->n_in * w->kh * w->kw < LARGE || ! _dif_cpu_cut (w, &job->s) || ! job->s.joined)
    return FALSE;
  n_blocks = (w->n_out + job->s.block - 1) / job->s.block;
  if (n_blocks < 2 * n_threads)
    return FALSE;
  _dif_cpu_cut_into (w, &job->s, best_blocks (&job->s, n_blocks, n_threads));
  return TRUE;
}

/* A primitive for @rows outputs and for one thread; NULL if there is none. */
static DifCpuPrimitive *
find (Job *job, gsize rows, int thread, DifCpuDescribe describe)
{
  DifCpuWeight       part = *job->w;
  dnnl_memory_desc_t md   = NULL;
  DifCpuPrimitive   *p    = NULL;
  gint64             key[DIF_CPU_KEY];

  memcpy (key, job->call->key, sizeof key);
  key[DIF_CPU_KEY_SLICE]  = (gint64) rows;
  key[DIF_CPU_KEY_THREAD] = thread;
  for (guint i = 0; i < part.primitives->len; i++)
    {
      p = part.primitives->pdata[i];
      if (memcmp (p->key, key, sizeof key) == 0)
        return p;
    }
  p          = NULL;
  part.n_out = rows;
  if (_dif_cpu_slice_md (job->w, &job->s, job->w->md, 0, rows, &md) == dnnl_success)
    p = _dif_cpu_primitive_new (job->cpu, &part, key, md, describe);
  if (md)
    dnnl_memory_desc_destroy (md);
  if (p)
    g_ptr_array_add (part.primitives, p);
  return p;
}

/* oneDNN chooses its loops for as many threads as there are when it describes */
static gboolean
find_all (Job *job, DifCpuDescribe describe)
{
  gboolean ok = TRUE;

  omp_set_num_threads (1);
  for (int t = 0; t < job->cpu->n_threads && ok; t++)
    {
      Share *share = &job->shares[t];

      share->by[0] = find (job, job->s.rows, t, describe);
      share->by[1] = job->s.rest ? find (job, job->s.rest_rows, t, describe) : share->by[0];
      ok           = share->by[0] && share->by[1];
    }
  omp_set_num_threads (job->cpu->n_threads);
  return ok;
}

/* rows of a further operand: as many as the result's, or one an item */
static gsize
extra_rows (const Job *job, const DifCpuPrimitive *p, guint i)
{
  const_dnnl_memory_desc_t md = NULL;

  dnnl_memory_get_memory_desc (p->extra[i], &md);
  return dnnl_memory_desc_get_size (md) / sizeof (float) / job->s.rows;
}

static gboolean
share_out (Job *job, GError **error)
{
  const DifCpuPrimitive *p = job->shares[0].by[0], *r = job->shares[0].by[1];
  gsize                  wide = 0, y, bias, extra = 0, scratch;
  char                  *at;

  if (job->w->stored != job->w->dtype)
    wide = PAD64 (job->s.stride * sizeof (float));
  y       = PAD64 (job->call->rows * job->s.rows * sizeof (float));
  bias    = PAD64 (job->s.rows * sizeof (float));
  scratch = PAD64 (MAX (p->scratch_bytes, r->scratch_bytes));
  for (guint i = 0; i < p->n_extra; i++)
    extra += PAD64 (extra_rows (job, p, i) * job->s.rows * sizeof (float));
  at = _dif_cpu_buffer (job->cpu, 3,
                        (wide + y + bias + extra + scratch) * (gsize) job->cpu->n_threads, error);
  for (int t = 0; t < job->cpu->n_threads && at; t++)
    {
      Share *share = &job->shares[t];

      share->wide    = (float *) (gpointer) at;
      share->y       = (float *) (gpointer) (at += wide);
      share->bias    = (float *) (gpointer) (at += y);
      share->scratch = at += bias;
      at += scratch;
      for (guint i = 0; i < p->n_extra; i++)
        {
          share->extra[i] = (float *) (gpointer) at;
          at += PAD64 (extra_rows (job, p, i) * job->s.rows * sizeof (float));
        }
    }
  return at != NULL;
}

/* @n columns of @rows rows, from one row length to another */
static void
copy_columns (float *to, gsize to_row, const float *from, gsize from_row, gsize rows, gsize n)
{
  for (gsize r = 0; r < rows; r++)
    memcpy (to + r * to_row, from + r * from_row, n * sizeof *to);
}

/* the weights of slice @i, of @rows outputs */
static const float *
weights_of (const Job *job, const Share *share, gsize i, gsize rows)
{
  gsize at = i * job->s.stride, n = rows / job->s.block * job->s.block_stride;

  if (job->w->stored == job->w->dtype)
    return (const float *) job->w->data + at;
  _dif_cpu_span_to_f32 (job->cpu, share->wide, (const guint16 *) job->w->data + at, job->w->stored,
                        n);
  return share->wide;
}

/* what is added to @n outputs from @first on, filled up to @rows */
static const float *
bias_of (const Job *job, const Share *share, gsize first, gsize n, gsize rows)
{
  const float *bias = job->call->bias ? job->call->bias : job->w->bias;

  if (! bias || n == rows)
    return bias ? bias + first : NULL;
  memset (share->bias, 0, rows * sizeof *bias);
  memcpy (share->bias, bias + first, n * sizeof *bias);
  return share->bias;
}

static dnnl_status_t
run_slice (const Job *job, const Share *share, gsize i)
{
  gboolean         last  = i == job->s.n;
  gsize            first = i * job->s.rows, n = last ? job->s.rest : job->s.rows;
  gsize            rows = last ? job->s.rest_rows : n, row = job->w->n_out;
  DifCpuPrimitive *p    = share->by[last];
  DifCpuCall       call = { .src = job->call->src, .dst = share->y };
  float           *y    = (float *) job->call->dst + first;
  dnnl_status_t    status;

  if (job->call->sum)
    copy_columns (share->y, rows, y, row, job->call->rows, n);
  for (guint k = 0; k < p->n_extra; k++)
    {
      copy_columns (share->extra[k], rows, (const float *) job->call->extra[k] + first, row,
                    extra_rows (job, share->by[0], k), n);
      call.extra[k] = share->extra[k];
    }
  status = _dif_cpu_primitive_run (job->cpu, p, &call, weights_of (job, share, i, rows),
                                   bias_of (job, share, first, n, rows), share->scratch);
  copy_columns (y, row, share->y, rows, job->call->rows, n);
  return status;
}

static dnnl_status_t
run_all (const Job *job)
{
  gsize         n     = job->s.n + (job->s.rest > 0);
  dnnl_status_t worst = dnnl_success;

#pragma omp parallel for num_threads(job->cpu->n_threads) schedule(dynamic)
  for (gsize i = 0; i < n; i++)
    {
      dnnl_status_t status = run_slice (job, &job->shares[omp_get_thread_num ()], i);

      if (status != dnnl_success)
        {
#pragma omp atomic write
          worst = status;
        }
    }
  return worst;
}

gboolean
_dif_cpu_slices_run (DifCpu *cpu, DifCpuWeight *w, const DifCpuCall *call, DifCpuDescribe describe,
                     gboolean *ok, GError **error)
{
  Job               job    = { .cpu = cpu, .w = w, .call = call };
  g_autofree Share *shares = NULL;

  if (! plan (&job))
    return FALSE;
  shares     = g_new0 (Share, (gsize) cpu->n_threads);
  job.shares = shares;
  if (! find_all (&job, describe))
    return FALSE;
  *ok = share_out (&job, error) &&
        _dif_cpu_check (run_all (&job), w->is_conv ? "conv2d" : "linear", error);
  return TRUE;
}
