/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* inspect.c - a checkpoint's part held against what its config calls for.
 *
 * Networks are asked by a dry run of their loading, so that nothing is said
 * twice about which tensors they have.
 */
#include <string.h>

#include "inspect.h"

typedef struct
{
  GHashTable   *seen; /* names; fused weights are asked for more than once */
  CliTensorFunc func;
  gpointer      user_data;
} Visit;

static void
visit (const char *name, const DifShape *shape, gpointer data)
{
  Visit *v = data;

  if (g_hash_table_add (v->seen, g_strdup (name)))
    v->func (name, shape, v->user_data);
}

gboolean
cli_network_tensors (const char *class_name, DifJson *config, CliTensorFunc func,
                     gpointer user_data, GError **error)
{
  const DifModelClass   *klass = dif_model_class_find (class_name);
  g_autoptr (DifBackend) ref   = dif_backend_open ("ref", error);
  g_autoptr (DifStore)   store = NULL;
  Visit                  v     = { NULL, func, user_data };
  DifLoader             *loader;
  gpointer               model;

  if (! ref)
    return FALSE;
  if (! klass)
    {
      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_UNKNOWN_CLASS, "no network of class %s",
                   class_name);
      return FALSE;
    }
  v.seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  loader = dif_loader_new (NULL, ref, DIF_F32, NULL);
  dif_loader_set_visitor (loader, visit, &v);
  model = klass->load (config, loader, error);
  store = dif_loader_finish (loader, model ? error : NULL);
  if (model)
    klass->free (model);
  g_hash_table_unref (v.seen);
  return model && store;
}

/* ---- parts ---- */

typedef struct
{
  CliPart    *part;
  DifWeights *weights;
  GHashTable *wanted; /* names the config calls for */
} Comparison;

/* [N, K, 1, 1] is the same matrix as [N, K] */
static gboolean
same_shape (const DifShape *a, const DifShape *b)
{
  const DifShape *longer = a->n > b->n ? a : b, *shorter = a->n > b->n ? b : a;

  if (a->n == b->n)
    return dif_shape_equal (a, b);
  return shorter->n == 2 && longer->n == 4 && longer->d[2] == 1 && longer->d[3] == 1 &&
         longer->d[0] == shorter->d[0] && longer->d[1] == shorter->d[1];
}

static void
compare_tensor (const char *name, const DifShape *shape, gpointer data)
{
  Comparison         *c        = data;
  const DifHostArray *found    = dif_weights_lookup (c->weights, name);
  g_autofree char    *expected = dif_shape_to_string (shape);

  g_hash_table_add (c->wanted, g_strdup (name));
  if (! found)
    g_ptr_array_add (c->part->missing, g_strdup_printf ("%s %s", name, expected));
  else if (! same_shape (&found->shape, shape))
    {
      g_autofree char *is = dif_shape_to_string (&found->shape);

      g_ptr_array_add (c->part->wrong,
                       g_strdup_printf ("%s: expected %s, found %s", name, expected, is));
    }
}

static void
count_tensors (CliPart *part, DifWeights *weights, GHashTable *wanted)
{
  g_autoptr (GPtrArray) names                 = dif_weights_names (weights);
  gboolean              seen[DIF_N_ENCODINGS] = { FALSE };

  part->parameters = dif_weights_count_parameters (weights);
  for (guint i = 0; i < names->len; i++)
    {
      const DifHostArray *array = dif_weights_lookup (weights, names->pdata[i]);
      gsize               bytes;

      if (dif_host_bytes (array, &bytes))
        part->file_bytes += bytes;
      seen[array->encoding] = TRUE;
      if (wanted && ! g_hash_table_contains (wanted, names->pdata[i]))
        g_ptr_array_add (part->unused, g_strdup (names->pdata[i]));
    }
  for (guint d = 0; d < DIF_N_ENCODINGS; d++)
    if (seen[d])
      g_string_append_printf (part->dtypes, "%s%s", part->dtypes->len ? " " : "",
                              dif_encoding_name ((DifEncoding) d));
}

static void
inspect_network (CliPart *part, DifCheckpoint *checkpoint)
{
  g_autoptr (DifWeights) weights = NULL;
  Comparison             c       = { .part = part };

  part->config = dif_checkpoint_config (checkpoint, part->name, &part->error);
  if (! part->config)
    return;
  weights = dif_checkpoint_weights (checkpoint, part->name, &part->error);
  if (! weights)
    return;
  c.weights = weights;
  c.wanted  = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (cli_network_tensors (part->class_name, part->config, compare_tensor, &c, &part->error))
    count_tensors (part, weights, c.wanted);
  g_hash_table_unref (c.wanted);
}

static void
inspect_tokenizer (CliPart *part, DifCheckpoint *checkpoint)
{
  g_autoptr (DifTokenizer) tokenizer = dif_vocabulary_load (checkpoint, part->name, &part->error);

  if (tokenizer)
    g_string_printf (part->note, "%u tokens, prompts of up to %u",
                     dif_tokenizer_vocabulary_size (tokenizer),
                     dif_tokenizer_max_length (tokenizer) - 2);
}

static void
inspect_scheduler (CliPart *part, DifCheckpoint *checkpoint)
{
  g_autoptr (DifScheduler) scheduler = NULL;

  part->config = dif_checkpoint_config (checkpoint, part->name, &part->error);
  if (part->config)
    scheduler = dif_scheduler_new (part->class_name, part->config, &part->error);
  if (scheduler)
    g_string_printf (part->note, "short name %s", dif_scheduler_short_name (part->class_name));
}

/* How pictures are prepared for the depth estimator. */
static void
inspect_depth_processor (CliPart *part, DifCheckpoint *checkpoint)
{
  DifDptProcessor p;

  part->config = dif_checkpoint_config (checkpoint, part->name, &part->error);
  if (part->config && dif_dpt_processor_read (&p, part->config, &part->error) && p.resize)
    g_string_printf (part->note, "pictures of %ux%u", p.width, p.height);
}

/* A part this program has no use for: count it if it is there. */
static void
inspect_stranger (CliPart *part, DifCheckpoint *checkpoint)
{
  g_autofree char       *folder  = dif_checkpoint_part_folder (checkpoint, part->name);
  g_autoptr (DifWeights) weights = NULL;

  if (! g_file_test (folder, G_FILE_TEST_IS_DIR))
    {
      g_string_assign (part->note, "not used, not there");
      return;
    }
  g_string_assign (part->note, "not used");
  part->config = dif_checkpoint_config (checkpoint, part->name, NULL);
  weights      = dif_checkpoint_weights (checkpoint, part->name, NULL);
  if (weights)
    count_tensors (part, weights, NULL);
}

CliPart *
cli_part_inspect (DifCheckpoint *checkpoint, const char *name)
{
  CliPart *part = g_new0 (CliPart, 1);

  part->name       = g_strdup (name);
  part->class_name = g_strdup (dif_checkpoint_part_class (checkpoint, name));
  part->dtypes     = g_string_new (NULL);
  part->note       = g_string_new (NULL);
  part->missing    = g_ptr_array_new_with_free_func (g_free);
  part->wrong      = g_ptr_array_new_with_free_func (g_free);
  part->unused     = g_ptr_array_new_with_free_func (g_free);
  part->used       = TRUE;
  if (g_str_has_prefix (name, "tokenizer"))
    inspect_tokenizer (part, checkpoint);
  else if (strcmp (name, "scheduler") == 0)
    inspect_scheduler (part, checkpoint);
  else if (strcmp (name, "feature_extractor") == 0 && g_str_has_prefix (part->class_name, "DPT"))
    inspect_depth_processor (part, checkpoint);
  else if (dif_model_class_find (part->class_name))
    inspect_network (part, checkpoint);
  else
    {
      part->used = FALSE;
      inspect_stranger (part, checkpoint);
    }
  return part;
}

void
cli_part_free (gpointer data)
{
  CliPart *part = data;

  g_free (part->name);
  g_free (part->class_name);
  dif_json_unref (part->config);
  g_string_free (part->dtypes, TRUE);
  g_string_free (part->note, TRUE);
  g_ptr_array_unref (part->missing);
  g_ptr_array_unref (part->wrong);
  g_ptr_array_unref (part->unused);
  g_clear_error (&part->error);
  g_free (part);
}
