/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-arena.c - best fit over all free blocks, neighbours joined when freed.
 *
 * Blocks of a region are a list in order of address; the free ones are also
 * in a sequence ordered by size, then address, so that the smallest that fits
 * is found in a logarithm of steps and the same calls give the same layout.
 */
#include "backends/cuda/cuda-arena.h"

#define ALIGNMENT ((gsize) 256)

typedef struct _Block Block;

struct _Block
{
  char          *data;
  gsize          bytes;
  Block         *before, *after; /* in the same region */
  GSequenceIter *spot;           /* among the free ones; NULL while in use */
};

struct _DifCudaArena
{
  DifCudaArenaSource source;
  gsize              region, mapped;
  GSequence         *spare;  /* of Block */
  GHashTable        *used;   /* data -> Block */
  GHashTable        *firsts; /* first block of every region */
};

static int
by_size (gconstpointer a, gconstpointer b, gpointer user_data)
{
  const Block *x = a, *y = b;

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

      arena->mapped -= first->bytes;
      if (first->spot)
        g_sequence_remove (first->spot);
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
  block->spot = g_sequence_insert_sorted (arena->spare, block, by_size, NULL);
}

static Block *
new_region (DifCudaArena *arena, gsize bytes)
{
  gsize    wanted = MAX (bytes, arena->region);
  gpointer data   = arena->source.get (wanted, arena->source.user_data);
  Block   *block;

  if (! data && wanted > bytes)
    data = arena->source.get (wanted = bytes, arena->source.user_data);
  if (! data)
    return NULL;
  block        = g_new0 (Block, 1);
  block->data  = data;
  block->bytes = wanted;
  arena->mapped += wanted;
  g_hash_table_add (arena->firsts, block);
  set_free (arena, block);
  return block;
}

/* The smallest free block of at least @bytes. */
static Block *
find (DifCudaArena *arena, gsize bytes)
{
  Block          key  = { .bytes = bytes };
  GSequenceIter *iter = g_sequence_search (arena->spare, &key, by_size, NULL);

  return g_sequence_iter_is_end (iter) ? NULL : g_sequence_get (iter);
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
    block = new_region (arena, bytes);
  if (! block)
    {
      /* several free regions may together be what is missing */
      _dif_cuda_arena_trim (arena);
      block = new_region (arena, bytes);
    }
  if (! block)
    return NULL;
  g_clear_pointer (&block->spot, g_sequence_remove);
  if (block->bytes > bytes)
    {
      rest         = g_new0 (Block, 1);
      rest->data   = block->data + bytes;
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
  return block->data;
}

/* @block takes over the block after it. */
static void
join (Block *block)
{
  Block *after = block->after;

  g_clear_pointer (&after->spot, g_sequence_remove);
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
  if (block->after && block->after->spot)
    join (block);
  if (block->before && block->before->spot)
    {
      block = block->before;
      /* its size changes: it leaves its place in the order first */
      join (block);
      g_sequence_remove (block->spot);
    }
  set_free (arena, block);
}

void
_dif_cuda_arena_trim (DifCudaArena *arena)
{
  GHashTableIter iter;
  gpointer       key;

  g_hash_table_iter_init (&iter, arena->firsts);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    {
      Block *first = key;

      if (first->after || ! first->spot)
        continue;
      g_hash_table_iter_remove (&iter);
      release (arena, first);
    }
}

gsize
_dif_cuda_arena_mapped (const DifCudaArena *arena)
{
  return arena->mapped;
}
