/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-arena.h - memory of the card in large regions, handed out in blocks.
 *
 * Asking the driver costs far more than most ops, and waits for the card.
 * All work is done on one stream, so a block that is freed may be given out
 * again at once.  Books are kept in host memory; nothing here touches the
 * card but the two functions given.  One thread at a time.
 */
#ifndef DIF_BACKENDS_CUDA_ARENA_H
#define DIF_BACKENDS_CUDA_ARENA_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DifCudaArena: regions and the blocks in them. */
typedef struct _DifCudaArena DifCudaArena;

/**
 * DifCudaArenaSource:
 * @get: @bytes of the card's memory, 256-byte aligned; NULL if there is none
 * @put: gives them back
 * @user_data: for both
 */
typedef struct
{
  gpointer (*get) (gsize bytes, gpointer user_data);
  void (*put) (gpointer region, gpointer user_data);
  gpointer user_data;
} DifCudaArenaSource;

/**
 * _dif_cuda_arena_new:
 * @source: where regions come from
 * @region: bytes to ask for at a time, if there is room
 */
DifCudaArena *_dif_cuda_arena_new (DifCudaArenaSource source, gsize region);

/** _dif_cuda_arena_free: gives everything back, blocks in use too; NULL is fine. */
void _dif_cuda_arena_free (DifCudaArena *arena);

/** _dif_cuda_arena_take: a block, 256-byte aligned, or NULL if there is no room. */
gpointer _dif_cuda_arena_take (DifCudaArena *arena, gsize bytes);

/** _dif_cuda_arena_give: a block back; NULL is fine. */
void _dif_cuda_arena_give (DifCudaArena *arena, gpointer data);

/** _dif_cuda_arena_trim: gives back regions of which nothing is in use. */
void _dif_cuda_arena_trim (DifCudaArena *arena);

/** _dif_cuda_arena_reserve: makes an arena of which nothing is in use one region of @bytes
 * at least. Returns: FALSE if there is no room */
gboolean _dif_cuda_arena_reserve (DifCudaArena *arena, gsize bytes);

/** _dif_cuda_arena_set_kept: whether it keeps its regions when it is trimmed. */
void _dif_cuda_arena_set_kept (DifCudaArena *arena, gboolean is_kept);

/** _dif_cuda_arena_set_closed: a closed one keeps the regions it has and takes no more. */
void _dif_cuda_arena_set_closed (DifCudaArena *arena, gboolean is_closed);

/** _dif_cuda_arena_is_closed: whether it is. */
gboolean _dif_cuda_arena_is_closed (const DifCudaArena *arena);

/** _dif_cuda_arena_most: the furthest that a block ever reached into its region, in bytes. */
gsize _dif_cuda_arena_most (const DifCudaArena *arena);

/** _dif_cuda_arena_is_idle: whether no block is in use. */
gboolean _dif_cuda_arena_is_idle (const DifCudaArena *arena);

G_END_DECLS

#endif /* DIF_BACKENDS_CUDA_ARENA_H */
