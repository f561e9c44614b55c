/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json-private.h - the nodes of a document, for json.c and json-write.c. */
#ifndef DIF_BASE_JSON_PRIVATE_H
#define DIF_BASE_JSON_PRIVATE_H

#include "base/json.h"

G_BEGIN_DECLS

/**
 * DifJsonDocument:
 * @ref_count: references to any of its nodes
 * @name: shown in messages
 * @root: the outermost value
 * @error: (nullable): first failure since the last dif_json_finish()
 */
typedef struct
{
  gint     ref_count;
  char    *name;
  DifJson *root;
  GError  *error;
} DifJsonDocument;

/**
 * DifJson:
 * @document: what it belongs to
 * @parent: (nullable): the array or object it is in
 * @key: (nullable): its key, if @parent is an object
 * @index: its place in @parent
 * @type: what it holds
 * @inexact: a whole number that the text states more precisely than @number
 * @truth: value of a truth value
 * @number: value of a number
 * @string: value of a string
 * @children: (element-type DifJson): elements or members, in order
 * @sorted: (nullable): members by key, for large objects that were parsed
 */
struct _DifJson
{
  DifJsonDocument *document;
  DifJson         *parent;
  char            *key;
  guint            index;
  DifJsonType      type;
  gboolean         inexact;
  gboolean         truth;
  double           number;
  char            *string;
  GPtrArray       *children;
  DifJson        **sorted;
};

/**
 * _dif_json_node_new:
 * @document: what it will belong to
 * @type: what it will hold; arrays and objects start empty
 *
 * Returns: (transfer full): a node without a parent
 */
DifJson *_dif_json_node_new (DifJsonDocument *document, DifJsonType type);

/**
 * _dif_json_node_free:
 * @node: (transfer full): a node; its children are freed with it
 */
void _dif_json_node_free (gpointer node);

/**
 * _dif_json_node_append:
 * @parent: an array or object
 * @key: (nullable): its key, if @parent is an object
 * @child: (transfer full): a node without a parent
 */
void _dif_json_node_append (DifJson *parent, const char *key, DifJson *child);

/**
 * _dif_json_node_find:
 * @object: a node
 * @key: a key
 *
 * Returns: (transfer none) (nullable): the member, also when it is null
 */
DifJson *_dif_json_node_find (DifJson *object, const char *key);

G_END_DECLS

#endif /* DIF_BASE_JSON_PRIVATE_H */
