/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* trie.c - words by their bytes, one step a byte.
 *
 * Edges stand in one hash table with open addressing, never more than half
 * full.
 */
#include "text/trie.h"

typedef struct
{
  guint64 key; /* node and byte; 0 where the place is free */
  guint32 to;
} Edge;

struct _DifTrie
{
  Edge   *edges;
  guint   bits; /* 2^bits places */
  guint   n_edges;
  GArray *values; /* gint32, by node; the first is no node */
};

static guint64
key_of (guint32 node, guint8 byte)
{
  return (guint64) node << 8 | byte;
}

/* The place of @key, or the free one where it belongs. */
static Edge *
place_of (const DifTrie *trie, guint64 key)
{
  guint64 mask = ((guint64) 1 << trie->bits) - 1;
  guint64 at   = (key * G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)) >> (64 - trie->bits);

  while (trie->edges[at].key && trie->edges[at].key != key)
    at = (at + 1) & mask;
  return &trie->edges[at];
}

static void
grow (DifTrie *trie)
{
  g_autofree Edge *old = trie->edges;
  gsize            n   = (gsize) 1 << trie->bits;

  trie->bits++;
  trie->edges = g_new0 (Edge, n * 2);
  for (gsize i = 0; i < n; i++)
    if (old[i].key)
      *place_of (trie, old[i].key) = old[i];
}

static guint32
add_node (DifTrie *trie)
{
  gint32 none = -1;

  g_array_append_val (trie->values, none);
  return trie->values->len - 1;
}

DifTrie *
dif_trie_new (void)
{
  DifTrie *trie = g_new0 (DifTrie, 1);

  trie->bits   = 6;
  trie->edges  = g_new0 (Edge, (gsize) 1 << trie->bits);
  trie->values = g_array_new (FALSE, FALSE, sizeof (gint32));
  add_node (trie);
  add_node (trie);
  return trie;
}

void
dif_trie_free (DifTrie *trie)
{
  if (! trie)
    return;
  g_array_unref (trie->values);
  g_free (trie->edges);
  g_free (trie);
}

void
dif_trie_add (DifTrie *trie, const char *word, gsize length, gint32 value)
{
  guint32 node = DIF_TRIE_ROOT;

  for (gsize i = 0; i < length; i++)
    {
      guint64 key  = key_of (node, (guint8) word[i]);
      Edge   *edge = place_of (trie, key);

      if (! edge->key)
        {
          edge->key = key;
          edge->to  = add_node (trie);
          node      = edge->to;
          if (++trie->n_edges * (gsize) 2 > (gsize) 1 << trie->bits)
            grow (trie);
        }
      else
        node = edge->to;
    }
  g_array_index (trie->values, gint32, node) = value;
}

guint32
dif_trie_step (const DifTrie *trie, guint32 node, guint8 byte)
{
  const Edge *edge = place_of (trie, key_of (node, byte));

  return edge->key ? edge->to : 0;
}

gint32
dif_trie_value (const DifTrie *trie, guint32 node)
{
  return g_array_index (trie->values, gint32, node);
}

gint32
dif_trie_find (const DifTrie *trie, const char *word, gsize length)
{
  guint32 node = DIF_TRIE_ROOT;

  for (gsize i = 0; node && i < length; i++)
    node = dif_trie_step (trie, node, (guint8) word[i]);
  return node ? dif_trie_value (trie, node) : -1;
}
