/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-pool.c - best fit with merging, over regions aligned to huge pages.
 *
 * Invariant: the blocks of a region lie in address order without gaps, and no
 * two free ones are neighbours.  Small requests go to the C library.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "backends/cpu/cpu-pool.h"

#define ALIGNMENT ((gsize) 64)
#define HUGE_PAGE ((gsize) 2 << 20)
/* Only what is touched takes memory: a generous region costs address space. */
#define REGION ((gsize) 256 << 20)
#define SMALL  ((gsize) 16 << 10)

typedef struct _Block Block;

struct _Block
{
  Block   *prev, *next;
  char    *data;
  gsize    size;
  gboolean used;
};

typedef struct
{
  char  *data;
  gsize  size;
  Block *first;
} Region;

struct _DifCpuPool
{
  GMutex      lock;
  GPtrArray  *regions;
  GHashTable *blocks; /* data of a used block -> Block */
};

DifCpuPool *
_dif_cpu_pool_new (void)
{
  DifCpuPool *pool = g_new0 (DifCpuPool, 1);

  g_mutex_init (&pool->lock);
  pool->regions = g_ptr_array_new ();
  pool->blocks  = g_hash_table_new (NULL, NULL);
  return pool;
}

static void
region_free (Region *region)
{
  for (Block *b = region->first, *next; b; b = next)
    {
      next = b->next;
      g_free (b);
    }
  munmap (region->data, region->size);
  g_free (region);
}

void
_dif_cpu_pool_destroy (DifCpuPool *pool)
{
  if (! pool)
    return;
  for (guint i = 0; i < pool->regions->len; i++)
    region_free (pool->regions->pdata[i]);
  g_ptr_array_unref (pool->regions);
  g_hash_table_unref (pool->blocks);
  g_mutex_clear (&pool->lock);
  g_free (pool);
}

/* maps size bytes (whole huge pages) on a huge page's boundary */
static char *
map_aligned (gsize size)
{
  gsize total = size + HUGE_PAGE, head;
  char *data  = mmap (NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (data == MAP_FAILED)
    return NULL;
  head = (HUGE_PAGE - (gsize) data % HUGE_PAGE) % HUGE_PAGE;
  if (head)
    munmap (data, head);
  munmap (data + head + size, HUGE_PAGE - head);
  madvise (data + head, size, MADV_HUGEPAGE);
  return data + head;
}

static Block *
region_new (DifCpuPool *pool, gsize bytes)
{
  gsize   exact = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), size = MAX (exact, REGION);
  char   *data = map_aligned (size);
  Region *region;

  if (! data && size > exact)
    data = map_aligned (size = exact);
  if (! data)
    return NULL;
  region              = g_new0 (Region, 1);
  region->data        = data;
  region->size        = size;
  region->first       = g_new0 (Block, 1);
  region->first->data = data;
  region->first->size = size;
  g_ptr_array_add (pool->regions, region);
  return region->first;
}

static Block *
best_fit (DifCpuPool *pool, gsize bytes)
{
  Block *best = NULL;

  for (guint i = 0; i < pool->regions->len; i++)
    for (Block *b = ((Region *) pool->regions->pdata[i])->first; b; b = b->next)
      if (! b->used && b->size >= bytes && (! best || b->size < best->size))
        best = b;
  return best;
}

gpointer
_dif_cpu_pool_alloc (DifCpuPool *pool, gsize bytes)
{
  Block   *b;
  gpointer data = NULL;

  if (bytes > G_MAXSSIZE - REGION)
    return NULL;
  bytes = MAX (ALIGNMENT, (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
  if (bytes < SMALL)
    return aligned_alloc (ALIGNMENT, bytes);
  g_mutex_lock (&pool->lock);
  b = best_fit (pool, bytes);
  if (! b)
    b = region_new (pool, bytes);
  if (b)
    {
      if (b->size > bytes)
        {
          Block *rest = g_new0 (Block, 1);

          rest->data = b->data + bytes;
          rest->size = b->size - bytes;
          rest->prev = b;
          rest->next = b->next;
          if (b->next)
            b->next->prev = rest;
          b->next = rest;
          b->size = bytes;
        }
      b->used = TRUE;
      g_hash_table_insert (pool->blocks, b->data, b);
      data = b->data;
    }
  g_mutex_unlock (&pool->lock);
  return data;
}

/* adds b's successor to b */
static void
swallow_next (Block *b)
{
  Block *next = b->next;

  b->size += next->size;
  b->next = next->next;
  if (b->next)
    b->next->prev = b;
  g_free (next);
}

void
_dif_cpu_pool_free (DifCpuPool *pool, gpointer data)
{
  Block *b;

  if (! data)
    return;
  g_mutex_lock (&pool->lock);
  b = g_hash_table_lookup (pool->blocks, data);
  if (b)
    {
      g_hash_table_remove (pool->blocks, data);
      b->used = FALSE;
      if (b->next && ! b->next->used)
        swallow_next (b);
      if (b->prev && ! b->prev->used)
        swallow_next (b->prev);
    }
  g_mutex_unlock (&pool->lock);
  if (! b)
    free (data);
}

void
_dif_cpu_pool_trim (DifCpuPool *pool)
{
  g_mutex_lock (&pool->lock);
  for (guint i = pool->regions->len; i-- > 0;)
    {
      Region *region = pool->regions->pdata[i];

      if (! region->first->used && ! region->first->next)
        {
          g_ptr_array_remove_index_fast (pool->regions, i);
          region_free (region);
          continue;
        }
      for (Block *b = region->first; b; b = b->next)
        {
          gsize from = ((gsize) b->data + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
          gsize to   = ((gsize) b->data + b->size) & ~(HUGE_PAGE - 1);

          if (! b->used && from < to)
            madvise ((void *) from, to - from, MADV_DONTNEED);
        }
    }
  g_mutex_unlock (&pool->lock);
}

gsize
_dif_cpu_pool_mapped (DifCpuPool *pool)
{
  gsize total = 0;

  g_mutex_lock (&pool->lock);
  for (guint i = 0; i < pool->regions->len; i++)
    total += ((Region *) pool->regions->pdata[i])->size;
  g_mutex_unlock (&pool->lock);
  return total;
}
