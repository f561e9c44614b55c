/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-fill.c - from a checkpoint's pages into a pinned buffer, by several threads.
 *
 * The pages are mapped, not read: one thread that copies them pays for every
 * page fault in turn and gets a part of what the memory bears.
 */
#include <string.h>

#include "backends/cuda/cuda-private.h"

#define MOST_PARTS 4
#define LEAST_PART ((gsize) 512 << 10) /* less is not worth waking a thread */

typedef struct
{
  GMutex lock;
  GCond  done;
  guint  left;
} Fill;

typedef struct
{
  Fill       *fill;
  char       *to;
  const char *from;
  gsize       bytes;
} Part;

static void
copy_part (gpointer data, gpointer unused)
{
  Part *part = data;

  memcpy (part->to, part->from, part->bytes);
  g_mutex_lock (&part->fill->lock);
  if (! --part->fill->left)
    g_cond_signal (&part->fill->done);
  g_mutex_unlock (&part->fill->lock);
}

void
_dif_cuda_start_readers (DifCuda *cuda)
{
  cuda->n_readers = MIN (g_get_num_processors (), MOST_PARTS) - 1;
  /* exclusive: its threads are there or it is not, so that what is pushed is done */
  if (cuda->n_readers)
    cuda->readers = g_thread_pool_new (copy_part, NULL, (int) cuda->n_readers, TRUE, NULL);
}

void
_dif_cuda_stop_readers (DifCuda *cuda)
{
  if (cuda->readers)
    g_thread_pool_free (g_steal_pointer (&cuda->readers), FALSE, TRUE);
}

void
_dif_cuda_fill (DifCuda *cuda, gpointer to, gconstpointer from, gsize bytes)
{
  guint n    = (guint) MIN (cuda->n_readers + 1, bytes / LEAST_PART);
  gsize each = n ? bytes / n : 0;
  Part  parts[MOST_PARTS];
  Fill  fill;

  if (! cuda->readers || n < 2)
    {
      memcpy (to, from, bytes);
      return;
    }
  g_mutex_init (&fill.lock);
  g_cond_init (&fill.done);
  fill.left = n - 1;
  for (guint i = 1; i < n; i++)
    {
      parts[i] = (Part) { &fill, (char *) to + i * each, (const char *) from + i * each,
                          i + 1 < n ? each : bytes - i * each };
      g_thread_pool_push (cuda->readers, &parts[i], NULL);
    }
  memcpy (to, from, each);
  g_mutex_lock (&fill.lock);
  while (fill.left)
    g_cond_wait (&fill.done, &fill.lock);
  g_mutex_unlock (&fill.lock);
  g_mutex_clear (&fill.lock);
  g_cond_clear (&fill.done);
}
