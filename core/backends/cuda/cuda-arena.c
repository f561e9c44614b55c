/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-arena.c - best fit over all free blocks, neighbours joined when freed.
 *
 * Blocks of a region are a list in order of address; the free ones are also
 * in a sequence ordered by size, then address, so that the smallest that fits
 * is found in a logarithm of steps and the same calls give the same layout.
 * The last block of a region counts as the largest: it is cut only where no
 * other will do, so the layout does not depend on how large the region is, as
 * long as that is enough.  A plan made in a region without end relies on it.
 */
#include "backends/cuda/cuda-arena.h"

#define ALIGNMENT ((gsize) 256)

typedef struct _Block Block;

struct _Block
{
  char          *data, *region;
  gsize          bytes;
  Block         *before, *after; /* in the same region */
  GSequenceIter *iter;           /* among the free ones; NULL while in use */
};

struct _DifCudaArena
{
  DifCudaArenaSource source;
  gsize              region, most;
  gboolean           is_kept, is_closed;
  GSequence         *spare;  /* of Block */
  GHashTable        *used;   /* data -> Block */
  GHashTable        *firsts; /* first block of every region */
};

static int
by_size (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const Block *x = a, *y = b;

  if ((x->after == NULL) != (y->after == NULL))
    return x->after ? -1 : 1;
  if (x->bytes != y->bytes)
    return x->bytes < y->bytes ? -1 : 1;
  return (x->data > y->data) - (x->data < y->data);
}

DifCudaArena *
_dif_cuda_arena_new (DifCudaArenaSource source, gsize region)
{
  DifCudaArena *arena = g_new0 (DifCudaArena, 1);

  arena->source = source;
  arena->region = region;
  arena->spare  = g_sequence_new (NULL);
  arena->used   = g_hash_table_new (NULL, NULL);
  arena->firsts = g_hash_table_new (NULL, NULL);
  return arena;
}

static void
release (DifCudaArena *arena, Block *first)
{
  gpointer data = first->data;

  while (first)
    {
      Block *after = first->after;

      if (first->iter)
        g_sequence_remove (first->iter);
      g_free (first);
      first = after;
    }
  arena->source.put (data, arena->source.user_data);
}

void
_dif_cuda_arena_free (DifCudaArena *arena)
{
  GHashTableIter iter;
  gpointer       first;

  if (! arena)
    return;
  g_hash_table_iter_init (&iter, arena->firsts);
  while (g_hash_table_iter_next (&iter, &first, NULL))
    release (arena, first);
  g_hash_table_unref (arena->firsts);
  g_hash_table_unref (arena->used);
  g_sequence_free (arena->spare);
  g_free (arena);
}

static void
set_free (DifCudaArena *arena, Block *block)
{
  block->iter = g_sequence_insert_sorted (arena->spare, block, by_size, NULL);
}

static Block *
new_region (DifCudaArena *arena, gsize bytes)
{
  gpointer data = arena->source.get (bytes, arena->source.user_data);
  Block   *block;

  if (! data)
    return NULL;
  block         = g_new0 (Block, 1);
  block->data   = data;
  block->region = data;
  block->bytes  = bytes;
  g_hash_table_add (arena->firsts, block);
  set_free (arena, block);
  return block;
}

/* The smallest free block of at least @bytes that is not its region's last;
 * else the smallest of those. */
static Block *
find (DifCudaArena *arena, gsize bytes)
{
  Block          last = { .bytes = bytes }, inner = { .bytes = bytes, .after = &last };
  GSequenceIter *iter = g_sequence_search (arena->spare, &inner, by_size, NULL);
  Block         *block;

  if (g_sequence_iter_is_end (iter))
    return NULL;
  block = g_sequence_get (iter);
  if (block->after)
    return block;
  iter = g_sequence_search (arena->spare, &last, by_size, NULL);
  return g_sequence_iter_is_end (iter) ? NULL : g_sequence_get (iter);
}

static Block *
grow (DifCudaArena *arena, gsize bytes)
{
  Block *block = NULL;

  if (arena->is_closed)
    return NULL;
  if (arena->region > bytes)
    block = new_region (arena, arena->region);
  if (! block)
    block = new_region (arena, bytes);
  if (! block)
    {
      /* several free regions may together be what is missing */
      _dif_cuda_arena_trim (arena);
      block = new_region (arena, bytes);
    }
  return block;
}

gpointer
_dif_cuda_arena_take (DifCudaArena *arena, gsize bytes)
{
  Block *block, *rest;

  if (! bytes || bytes > G_MAXSSIZE)
    return NULL;
  bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  block = find (arena, bytes);
  if (! block)
    block = grow (arena, bytes);
  if (! block)
    return NULL;
  g_clear_pointer (&block->iter, g_sequence_remove);
  if (block->bytes > bytes)
    {
      rest         = g_new0 (Block, 1);
      rest->data   = block->data + bytes;
      rest->region = block->region;
      rest->bytes  = block->bytes - bytes;
      rest->before = block;
      rest->after  = block->after;
      if (rest->after)
        rest->after->before = rest;
      block->after = rest;
      block->bytes = bytes;
      set_free (arena, rest);
    }
  g_hash_table_insert (arena->used, block->data, block);
  arena->most = MAX (arena->most, (gsize) (block->data - block->region) + bytes);
  return block->data;
}

/* @block takes over the block after it. */
static void
join (Block *block)
{
  Block *after = block->after;

  g_clear_pointer (&after->iter, g_sequence_remove);
  block->bytes += after->bytes;
  block->after = after->after;
  if (block->after)
    block->after->before = block;
  g_free (after);
}

void
_dif_cuda_arena_give (DifCudaArena *arena, gpointer data)
{
  Block *block;

  if (! data)
    return;
  block = g_hash_table_lookup (arena->used, data);
  g_assert (block);
  g_hash_table_remove (arena->used, data);
  if (block->after && block->after->iter)
    join (block);
  if (block->before && block->before->iter)
    {
      block = block->before;
      /* its size changes: it leaves its place in the order first */
      join (block);
      g_sequence_remove (block->iter);
    }
  set_free (arena, block);
}

void
_dif_cuda_arena_trim (DifCudaArena *arena)
{
  GHashTableIter iter;
  gpointer       key;

  if (arena->is_kept || arena->is_closed)
    return;
  g_hash_table_iter_init (&iter, arena->firsts);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      Block *first = key;

      if (first->after || ! first->iter)
        continue;
      g_hash_table_iter_remove (&iter);
      release (arena, first);
    }
}

gboolean
_dif_cuda_arena_reserve (DifCudaArena *arena, gsize bytes)
{
  GHashTableIter iter;
  gpointer       key;

  bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  g_hash_table_iter_init (&iter, arena->firsts);
  if (g_hash_table_size (arena->firsts) == 1 && g_hash_table_iter_next (&iter, &key, NULL))
    {
      const Block *only = key;

      if (only->iter && ! only->after && only->bytes >= bytes)
        return TRUE;
    }
  _dif_cuda_arena_trim (arena);
  return bytes == 0 || new_region (arena, bytes) != NULL;
}

void
_dif_cuda_arena_set_kept (DifCudaArena *arena, gboolean is_kept)
{
  arena->is_kept = is_kept;
}

void
_dif_cuda_arena_set_closed (DifCudaArena *arena, gboolean is_closed)
{
  arena->is_closed = is_closed;
}

gboolean
_dif_cuda_arena_is_closed (const DifCudaArena *arena)
{
  return arena->is_closed;
}

gsize
_dif_cuda_arena_most (const DifCudaArena *arena)
{
  return arena->most;
}

gboolean
_dif_cuda_arena_is_idle (const DifCudaArena *arena)
{
  return g_hash_table_size (arena->used) == 0;
}
