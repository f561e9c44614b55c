/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-make-checkpoint.c - a diffusers folder with random weights.
 *
 * For benchmarks and for comparing with diffusers at real size without any
 * published weights.  Made in a temporary folder beside it, then renamed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "commands.h"
#include "random-weights.h"
#include "target.h"
#include "vocabulary.h"

static const CliOption options[] = {
  { "like", 0, "NAME",
    "Whose sizes, of the models below", "sd15",
    "What to make" },
  { "seed", 0, "N", "The same seed gives the same numbers", "0", "What to make" },
  { "dtype", 0, "f16|f32|bf16", "Number format of the files", "f16", "What to make" },
};

typedef struct
{
  Cli               *cli;
  const DifTemplate *like;
  const char        *folder; /* the temporary one */
  DifDtype           dtype;
  guint64            seed;
} Job;

static gboolean
fail_file (const char *path, int number, GError **error)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (number), "%s: %s", path,
               g_strerror (number));
  return FALSE;
}

/* ---- parts ---- */

static gboolean
write_json (const char *folder, const char *name, DifJson *json, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = dif_json_to_string (json, TRUE);

  return g_file_set_contents (path, text, -1, error);
}

/* Makes the part's folder and writes its config. */
static char *
begin_part (Job *job, const char *part, const char *config_name, DifJson *config, GError **error)
{
  g_autofree char *folder = g_build_filename (job->folder, part, NULL);

  if (g_mkdir (folder, 0777) != 0)
    {
      fail_file (folder, errno, error);
      return NULL;
    }
  return write_json (folder, config_name, config, error) ? g_steal_pointer (&folder) : NULL;
}

static DifJson *
parse (const char *text, const char *name, GError **error)
{
  return dif_json_parse (text, strlen (text), name, error);
}

/* What a text encoder's config says of its tokenizer, and that beside it. */
static gboolean
write_tokenizer (Job *job, const DifTemplatePart *part, DifJson *config, GError **error)
{
  g_autofree char *folder = g_build_filename (job->folder, part->tokenizer, NULL);
  const char      *dtype  = job->dtype == DIF_F32    ? "float32"
                            : job->dtype == DIF_BF16 ? "bfloat16"
                                                     : "float16";
  guint            size;

  size = (guint) dif_json_int (config, "vocab_size", 0, CLI_VOCABULARY_MIN, CLI_VOCABULARY_MAX);
  dif_json_set_string (config, "torch_dtype", dtype);
  dif_json_set_double (config, "bos_token_id", size - 2);
  dif_json_set_double (config, "eos_token_id", size - 1);
  if (g_mkdir (folder, 0777) != 0)
    return fail_file (folder, errno, error);
  return cli_vocabulary_write (folder, size, part->pad, error);
}

/* Parts that are settings alone, by the end of their class's name. */
static const struct
{
  const char *class_end, *file;
} settings[] = {
  { "Scheduler", "scheduler_config.json" },
  { "Processor", "preprocessor_config.json" },
};

static gboolean
write_part (Job *job, const DifTemplatePart *part, GError **error)
{
  g_autoptr (DifJson) config  = parse (part->config, part->name, error);
  gboolean            is_hugs = strcmp (part->library, "transformers") == 0;
  g_autofree char    *folder  = NULL;
  g_autofree char    *path    = NULL;

  if (! config)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (g_str_has_suffix (part->klass, settings[i].class_end))
      {
        folder = begin_part (job, part->name, settings[i].file, config, error);
        return folder != NULL;
      }
  if (part->tokenizer && ! write_tokenizer (job, part, config, error))
    return FALSE;
  folder = begin_part (job, part->name, "config.json", config, error);
  if (! folder)
    return FALSE;
  path = g_build_filename (
      folder, is_hugs ? "model.safetensors" : "diffusion_pytorch_model.safetensors", NULL);
  return cli_random_weights_write (path, part->klass, config, job->dtype, job->seed,
                                   job->cli->cancellable, error);
}

static gboolean
write_index (Job *job, GError **error)
{
  const DifTemplate  *like = job->like;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (DifJson) json = NULL;

  g_string_printf (text, "{%s", like->settings);
  for (guint i = 0; i < like->n_parts; i++)
    {
      const DifTemplatePart *part = &like->parts[i];

      g_string_append_printf (text, "\"%s\":[\"%s\",\"%s\"],", part->name, part->library,
                              part->klass);
      if (part->tokenizer)
        g_string_append_printf (text, "\"%s\":[\"transformers\",\"CLIPTokenizer\"],",
                                part->tokenizer);
    }
  g_string_append_printf (text, "\"_class_name\":\"%s\",\"_diffusers_version\":\"0.30.0\"}",
                          like->pipeline);
  json = parse (text->str, "model_index.json", error);
  return json && write_json (job->folder, "model_index.json", json, error);
}

static gboolean
write_all (Job *job, GError **error)
{
  for (guint i = 0; i < job->like->n_parts; i++)
    if (! write_part (job, &job->like->parts[i], error))
      return FALSE;
  return write_index (job, error);
}

/* ---- the folder ---- */

static void
remove_tree (const char *path)
{
  GDir       *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      if (g_unlink (child) != 0)
        remove_tree (child);
    }
  if (dir)
    g_dir_close (dir);
  g_rmdir (path);
}

/* The target may be absent or an empty folder. */
static gboolean
check_target (const char *target, GError **error)
{
  struct stat      st;
  g_autoptr (GDir) dir = NULL;

  if (g_stat (target, &st) != 0)
    return errno == ENOENT || fail_file (target, errno, error);
  if (! S_ISDIR (st.st_mode))
    return fail_file (target, ENOTDIR, error);
  dir = g_dir_open (target, 0, error);
  if (! dir)
    return FALSE;
  return ! g_dir_read_name (dir) || fail_file (target, ENOTEMPTY, error);
}

static gboolean
make (Job *job, const char *target, GError **error)
{
  g_autofree char *followed  = cli_target_follow (target, error);
  g_autofree char *clean     = followed ? g_canonicalize_filename (followed, NULL) : NULL;
  g_autofree char *beside    = clean ? g_path_get_dirname (clean) : NULL;
  g_autofree char *temporary = beside ? g_build_filename (beside, ".dif-XXXXXX", NULL) : NULL;

  if (! clean || ! check_target (clean, error))
    return FALSE;
  if (! g_mkdtemp_full (temporary, 0777))
    return fail_file (clean, errno, error);
  job->folder = temporary;
  if (write_all (job, error) && (rename (temporary, clean) == 0 || fail_file (clean, errno, error)))
    return TRUE;
  remove_tree (temporary);
  return FALSE;
}

static const DifTemplate *
find_template (const char *name, GError **error)
{
  const DifTemplate *found = dif_template_find (name);
  g_autofree char   *known = found ? NULL : dif_template_known ();
  g_autofree char   *shown = found ? NULL : cli_shown (name);

  if (! found)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--like: expected one of %s, found \"%s\"", known, shown);
  return found;
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  const char *dtype  = cli_args_value (args, "dtype", "f16");
  const char *target = args->rest->pdata[0];
  gint64      seed;
  Job         job = { .cli = cli };

  job.like = find_template (cli_args_value (args, "like", "sd15"), error);
  if (! job.like || ! cli_args_int (args, "seed", 0, G_MAXUINT32, 0, &seed, error))
    return FALSE;
  job.seed = (guint64) seed;
  if (! dif_dtype_from_name (dtype, &job.dtype) || ! dif_dtype_is_float (job.dtype))
    {
      g_autofree char *shown = cli_shown (dtype);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--dtype: expected f16, f32 or bf16, found \"%s\"", shown);
      return FALSE;
    }
  return make (&job, target, error);
}

static char *
list (void)
{
  g_autofree char *known = dif_template_known ();

  return g_strconcat ("Models: ", known, ".", NULL);
}

const CliCommand cmd_make_checkpoint = {
  .name      = "make-checkpoint",
  .summary   = "Makes a model folder with random weights, for benchmarks and comparisons",
  .usage     = "[OPTION]... FOLDER",
  .details   = "FOLDER must not exist or be empty; it appears whole or not at all.  sd15 takes\n"
               "2.1 GB, sdxl 6.9 GB.  diffusers loads it too.  Its pictures show noise.\n"
               "\n"
               "Example:\n"
               "  dif make-checkpoint --like sd15 --dtype f16 random-sd15\n",
  .list      = list,
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .min_args  = 1,
  .max_args  = 1,
  .run       = run,
};
