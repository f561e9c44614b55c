/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* checkpoint.c - a model on disk: parts, their configs and their weights.
 *
 * Knows diffusers folders, and hands over to single-file.c where there is but
 * one file; knows nothing of models.  Invariant: no path is opened
 * that a file's contents could lead out of the folder; part names and names of
 * shards are plain file names.
 */
#include "formats/checkpoint.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "formats/keymap.h"
#include "formats/safetensors.h"
#include "formats/single-file.h"

struct _DifCheckpoint
{
  char          *path;
  DifSingleFile *single; /* NULL for a folder */
  DifJson       *index;
  GPtrArray     *parts;   /* names, NULL-terminated */
  GPtrArray     *classes; /* class of each */
};

/* Where a part's settings are, by the end of its class name. */
static const struct
{
  const char *class_end;
  const char *file;
} config_files[] = {
  { "Scheduler", "scheduler_config.json" },
  { "Tokenizer", "tokenizer_config.json" },
  { "TokenizerFast", "tokenizer_config.json" },
  { "ImageProcessor", "preprocessor_config.json" },
  { "ImageProcessorFast", "preprocessor_config.json" },
  { "ImageProcessorPil", "preprocessor_config.json" },
  { "FeatureExtractor", "preprocessor_config.json" },
  { "", "config.json" },
};

/* Names of weight files in the order in which they are looked for: the stem,
 * then one of these endings.  Both spellings of an index with a variant are
 * found on the Hub. */
static const char *const weight_stems[]   = { "diffusion_pytorch_model", "model" };
static const char *const weight_endings[] = {
  ".safetensors",
  ".safetensors.index.json",
  ".fp16.safetensors",
  ".safetensors.index.fp16.json",
  ".fp16.safetensors.index.json",
};

/* A name that stays inside the folder it is looked for in. */
static gboolean
is_plain_name (const char *name)
{
  return *name && *name != '.' && ! strpbrk (name, "/\\");
}

/* ---- opening ---- */

/* Says what @path is instead of a folder. */
static void
fail_not_folder (const char *path, GError **error)
{
  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                 "%s: expected a model folder, found nothing there", path);
  else if (dif_file_is_pickled (path))
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected a diffusers folder or a .safetensors file, found a pickled "
                 "checkpoint, which may hold code and is not read",
                 path);
  else
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 "%s: expected a model folder with model_index.json or a .safetensors file, found "
                 "another file",
                 path);
}

/* Notes a member such as "unet": ["diffusers", "UNet2DConditionModel"]; other
 * members are settings of the pipeline. */
static void
note_part (DifCheckpoint *c, DifJson *member)
{
  const char *name = dif_json_key (member);
  DifJson    *library, *class;

  if (*name == '_' || dif_json_type (member) != DIF_JSON_ARRAY || dif_json_length (member) != 2)
    return;
  library = dif_json_at (member, 0);
  class   = dif_json_at (member, 1);
  if (dif_json_type (library) != DIF_JSON_STRING && dif_json_type (class) != DIF_JSON_STRING)
    return;
  if (! is_plain_name (name))
    dif_json_fail (member, DIF_FORMAT_ERROR_BAD_VALUE, "expected a plain folder name as part");
  dif_json_value_string (library);
  g_ptr_array_add (c->classes, g_strdup (dif_json_value_string (class)));
  g_ptr_array_add (c->parts, g_strdup (name));
}

/* Reads model_index.json of the folder c->path. */
static gboolean
open_folder (DifCheckpoint *c, GError **error)
{
  g_autofree char *index = g_build_filename (c->path, "model_index.json", NULL);

  if (! g_file_test (c->path, G_FILE_TEST_IS_DIR))
    {
      fail_not_folder (c->path, error);
      return FALSE;
    }
  if (! g_file_test (index, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected a model folder with model_index.json, found none in it", c->path);
      return FALSE;
    }
  c->index = dif_json_load (index, error);
  return c->index != NULL;
}

static gboolean
open_file (DifCheckpoint *c, const DifSingleFamily *const *families, GError **error)
{
  c->single = dif_single_file_open (c->path, families, error);
  c->index  = c->single ? dif_single_file_index (c->single, error) : NULL;
  return c->index != NULL;
}

DifCheckpoint *
dif_checkpoint_open_of (const char *path, const DifSingleFamily *const *families, GError **error)
{
  g_autoptr (DifCheckpoint) c       = g_new0 (DifCheckpoint, 1);
  gboolean                  is_file = dif_single_file_has_ending (path) &&
                     g_file_test (path, G_FILE_TEST_EXISTS) &&
                     ! g_file_test (path, G_FILE_TEST_IS_DIR);

  c->path    = g_strdup (path);
  c->parts   = g_ptr_array_new_with_free_func (g_free);
  c->classes = g_ptr_array_new_with_free_func (g_free);
  if (! (is_file ? open_file (c, families, error) : open_folder (c, error)))
    return NULL;
  if (! dif_json_string (c->index, "_class_name", NULL))
    dif_json_fail (c->index, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected a pipeline's name under \"_class_name\", found none");
  for (guint i = 0; dif_json_type (c->index) == DIF_JSON_OBJECT && i < dif_json_length (c->index);
       i++)
    note_part (c, dif_json_at (c->index, i));
  g_ptr_array_add (c->parts, NULL);
  return dif_json_finish (c->index, error) ? g_steal_pointer (&c) : NULL;
}

void
dif_checkpoint_free (DifCheckpoint *c)
{
  if (! c)
    return;
  dif_single_file_free (c->single);
  dif_json_unref (c->index);
  g_ptr_array_unref (c->parts);
  g_ptr_array_unref (c->classes);
  g_free (c->path);
  g_free (c);
}

const char *
dif_checkpoint_path (DifCheckpoint *c)
{
  return c->path;
}

gboolean
dif_checkpoint_is_file (DifCheckpoint *c)
{
  return c->single != NULL;
}

const char *
dif_checkpoint_family (DifCheckpoint *c)
{
  return c->single ? dif_single_file_label (c->single) : NULL;
}

char *
dif_checkpoint_settings_path (DifCheckpoint *c)
{
  return c->single ? dif_single_file_settings_path (c->path)
                   : g_build_filename (c->path, "dif.json", NULL);
}

const char *
dif_checkpoint_pipeline_class (DifCheckpoint *c)
{
  return dif_json_string (c->index, "_class_name", "");
}

DifJson *
dif_checkpoint_index (DifCheckpoint *c)
{
  return c->index;
}

const char *const *
dif_checkpoint_parts (DifCheckpoint *c)
{
  return (const char *const *) c->parts->pdata;
}

const char *
dif_checkpoint_part_class (DifCheckpoint *c, const char *part)
{
  for (guint i = 0; i < c->classes->len; i++)
    if (strcmp (g_ptr_array_index (c->parts, i), part) == 0)
      return g_ptr_array_index (c->classes, i);
  return NULL;
}

char *
dif_checkpoint_part_folder (DifCheckpoint *c, const char *part)
{
  return g_build_filename (c->path, part, NULL);
}

/* The class of @part, or NULL and an error. */
static const char *
require_part (DifCheckpoint *c, const char *part, GError **error)
{
  const char *class = dif_checkpoint_part_class (c, part);

  if (! class)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 c->single ? "%s: expected a part \"%s\", found none"
                           : "%s/model_index.json: expected a part \"%s\", found none",
                 c->path, part);
  return class;
}

DifJson *
dif_checkpoint_config (DifCheckpoint *c, const char *part, GError **error)
{
  const char *class          = require_part (c, part, error);
  g_autoptr (DifJson) config = NULL;
  g_autofree char    *path   = NULL;

  if (! class)
    return NULL;
  if (c->single)
    return dif_single_file_config (c->single, part, error);
  for (guint i = 0; ! path; i++)
    if (g_str_has_suffix (class, config_files[i].class_end))
      path = g_build_filename (c->path, part, config_files[i].file, NULL);
  config = dif_json_load (path, error);
  if (! config)
    return NULL;
  if (dif_json_type (config) != DIF_JSON_OBJECT)
    dif_json_fail_value (config, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
  return dif_json_finish (config, error) ? g_steal_pointer (&config) : NULL;
}

/* ---- weights ---- */

typedef struct
{
  const char *class;
  DifJson    *map; /* of an index; NULL when there is but one file */
  const char *file;
} Choice;

static char *
choose_tensor (const char *name, gpointer user_data)
{
  const Choice *choice = user_data;

  if (choice->map && g_strcmp0 (dif_json_string (choice->map, name, NULL), choice->file) != 0)
    return NULL;
  return dif_keymap_canonical (choice->class, name);
}

/* Path of the first weight file that is there, or NULL. */
static char *
find_weights (const char *folder)
{
  for (guint i = 0; i < G_N_ELEMENTS (weight_endings); i++)
    for (guint j = 0; j < G_N_ELEMENTS (weight_stems); j++)
      {
        g_autofree char *name = g_strconcat (weight_stems[j], weight_endings[i], NULL);
        g_autofree char *path = g_build_filename (folder, name, NULL);

        if (g_file_test (path, G_FILE_TEST_EXISTS))
          return g_steal_pointer (&path);
      }
  return NULL;
}

/* Says what is in @folder instead of weights that can be read. */
static void
fail_no_weights (const char *folder, GError **error)
{
  g_autoptr (GDir) dir    = g_dir_open (folder, 0, error);
  g_autofree char *found  = NULL;
  gboolean         pickle = FALSE;
  const char      *name;

  if (! dir)
    {
      g_prefix_error (error, "%s: ", folder);
      return;
    }
  while ((name = g_dir_read_name (dir)))
    {
      gboolean bin = dif_file_is_pickled (name);

      if ((bin && ! found) || g_str_has_suffix (name, ".safetensors"))
        {
          g_free (found);
          found  = g_strdup (name);
          pickle = bin;
        }
    }
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
               "%s: expected %s.safetensors or %s.safetensors, found %s%s", folder, weight_stems[0],
               weight_stems[1], found ? found : "no weights",
               pickle ? ", pickled weights, which may hold code and are not read" : "");
}

/* Checks the names of an index and returns the files, each once. */
static GPtrArray *
list_shards (DifJson *index, DifJson *map)
{
  g_autoptr (GHashTable) seen  = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray             *files = g_ptr_array_new ();

  if (! map || dif_json_type (map) != DIF_JSON_OBJECT || dif_json_length (map) == 0)
    dif_json_fail (index, DIF_FORMAT_ERROR_MISSING_KEY,
                   "expected an object \"weight_map\" of tensors, found none");
  for (guint i = 0; map && i < dif_json_length (map); i++)
    {
      DifJson    *entry = dif_json_at (map, i);
      const char *file  = dif_json_value_string (entry);

      if (! is_plain_name (file) || ! g_str_has_suffix (file, ".safetensors"))
        dif_json_fail_value (entry, DIF_FORMAT_ERROR_BAD_VALUE,
                             "the plain name of a .safetensors file");
      else if (g_hash_table_add (seen, (gpointer) file))
        g_ptr_array_add (files, (gpointer) file);
    }
  return files;
}

/* Every tensor that the index names must have been found. */
static void
check_shards (DifJson *map, const char *class, DifWeights *weights)
{
  for (guint i = 0; i < dif_json_length (map); i++)
    {
      DifJson         *entry = dif_json_at (map, i);
      g_autofree char *name  = dif_keymap_canonical (class, dif_json_key (entry));

      if (name && ! dif_weights_lookup (weights, name))
        dif_json_fail (entry, DIF_FORMAT_ERROR_CORRUPT, "expected the tensor in %s, found none",
                       dif_json_value_string (entry));
    }
}

static gboolean
read_shards (const char *folder, const char *path, const char *class, DifWeights *into,
             GError **error)
{
  g_autoptr (DifJson)   index  = dif_json_load (path, error);
  g_autoptr (GPtrArray) files  = NULL;
  Choice                choice = { .class = class };

  if (! index)
    return FALSE;
  choice.map = dif_json_member (index, "weight_map");
  files      = list_shards (index, choice.map);
  if (! dif_json_finish (index, error))
    return FALSE;
  for (guint i = 0; i < files->len; i++)
    {
      g_autofree char *shard = g_build_filename (folder, files->pdata[i], NULL);

      choice.file = files->pdata[i];
      if (! dif_safetensors_read (shard, into, choose_tensor, &choice, error))
        return FALSE;
    }
  check_shards (choice.map, class, into);
  return dif_json_finish (index, error);
}

DifWeights *
dif_checkpoint_weights (DifCheckpoint *c, const char *part, GError **error)
{
  const char *class              = require_part (c, part, error);
  g_autoptr (DifWeights) weights = dif_weights_new (part);
  g_autofree char       *folder  = NULL;
  g_autofree char       *path    = NULL;
  Choice                 choice  = { .class = class };
  gboolean               done;

  if (! class)
    return NULL;
  if (c->single)
    return dif_single_file_weights (c->single, part, error);
  folder = dif_checkpoint_part_folder (c, part);
  path   = find_weights (folder);
  if (! path)
    {
      fail_no_weights (folder, error);
      return NULL;
    }
  if (g_str_has_suffix (path, ".json"))
    done = read_shards (folder, path, class, weights, error);
  else
    done = dif_safetensors_read (path, weights, choose_tensor, &choice, error);
  return done ? g_steal_pointer (&weights) : NULL;
}
