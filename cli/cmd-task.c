/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-task.c - `dif txt2img` and every other task the library knows.
 *
 * The options are made from the task's DifParam rows; this file knows the name
 * of none but those it needs itself (model, device, dtype).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bar.h"
#include "cli.h"
#include "input.h"
#include "output.h"
#include "target.h"

#define GROUP_MAIN   "What to draw"
#define GROUP_MORE   "Finer settings"
#define GROUP_OUTPUT "Output"

static const CliOption output_options[] = {
  { "output", 'o', "FILE.png",
    "Where to write the picture; several become FILE-1.png, FILE-2.png ...", NULL, GROUP_OUTPUT },
  { "preview", 0, "FILE.png",
    "A small picture of what is coming, written anew while it is drawn; several one below the "
    "other",
    NULL, GROUP_OUTPUT },
  { "dump", 0, "FILE.safetensors", "Write named intermediate tensors, for comparing with diffusers",
    NULL, GROUP_OUTPUT },
  { "quiet", 0, NULL, "No progress, no warnings, no line about the file", NULL, GROUP_OUTPUT },
};

static const char details[] =
    "With --model M, --help shows only what such a model has.\n"
    "PNG files carry their recipe: \"parameters\" to read, \"dif-recipe\" as JSON.\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n"
    "\n"
    "Example:\n"
    "  dif %s%s -o out.png\n";

/* What the example gives the tasks that want it. */
static const struct
{
  const char *name, *text;
} example_options[] = {
  { "image", " --image photo.png" },
  { "mask", " --mask mask.png" },
  { "prompt", " --prompt \"a red cube\"" },
};

static const DifParam *
find_row (const char *task, const char *name)
{
  guint           n;
  const DifParam *rows = dif_task_params (task, &n);

  for (guint i = 0; i < n; i++)
    if (strcmp (rows[i].name, name) == 0)
      return &rows[i];
  return NULL;
}

/* ---- options from rows ---- */

static char *
row_metavar (const DifParam *row)
{
  switch (row->type)
    {
    case DIF_PARAM_INT:
      return g_strdup ("N");
    case DIF_PARAM_DOUBLE:
      return g_strdup ("X");
    case DIF_PARAM_BOOL:
      return g_strdup ("on|off");
    case DIF_PARAM_CHOICE:
      return g_strjoinv ("|", (char **) row->choices);
    case DIF_PARAM_STRINGS:
      /* "KEY=VALUE: a key of ..." names its form itself */
      if (strstr (row->blurb, ": "))
        return g_strndup (row->blurb, (gsize) (strstr (row->blurb, ": ") - row->blurb));
      return g_strdup ("TEXT");
    case DIF_PARAM_IMAGE:
      return g_strdup ("FILE");
    case DIF_PARAM_STRING:
      break;
    }
  return g_strdup ("TEXT");
}

static char *
number_text (double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  return g_strdup (g_ascii_formatd (text, sizeof text, "%.12g", value));
}

static char *
row_fallback (const DifParam *row)
{
  switch (row->type)
    {
    case DIF_PARAM_INT:
    case DIF_PARAM_DOUBLE:
      return row->auto_default ? g_strdup ("the model's own") : number_text (row->fallback);
    case DIF_PARAM_BOOL:
      return g_strdup (row->fallback != 0 ? "on" : "off");
    case DIF_PARAM_STRINGS:
    case DIF_PARAM_IMAGE:
      return NULL;
    default:
      return row->text && *row->text ? g_strdup (row->text) : NULL;
    }
}

static char *
row_blurb (const DifParam *row)
{
  g_autofree char *min = number_text (row->min), *max = number_text (row->max);
  const char      *zero = row->auto_default ? strstr (row->blurb, "; 0 for ") : NULL;
  gsize            length;

  if (row->type == DIF_PARAM_STRINGS)
    return g_strdup_printf ("%s; may be given several times", row->blurb);
  if (row->type != DIF_PARAM_INT && row->type != DIF_PARAM_DOUBLE)
    return g_strdup (row->blurb);
  /* what a dialog stores for "automatic" is here said by leaving the option out */
  length = zero ? (gsize) (zero - row->blurb) : strlen (row->blurb);
  return g_strdup_printf ("%.*s; %s to %s", (int) length, row->blurb, min, max);
}

/** TaskOptions: a command made at run time. */
typedef struct
{
  CliCommand command;
  GArray    *options; /* of CliOption */
  GPtrArray *texts;   /* strings the options point to */
  char      *details;
} TaskOptions;

static void
task_options_clear (TaskOptions *t)
{
  g_array_unref (t->options);
  g_ptr_array_unref (t->texts);
  g_free (t->details);
}

static char *
keep (TaskOptions *t, char *text)
{
  if (text)
    g_ptr_array_add (t->texts, text);
  return text;
}

static char *
make_details (const char *task)
{
  g_autoptr (GString) example = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (example_options); i++)
    if (find_row (task, example_options[i].name))
      g_string_append (example, example_options[i].text);
  return g_strdup_printf (details, task, example->str);
}

/* The heading of a row's option. */
static const char *
row_group (TaskOptions *t, const DifParam *row)
{
  g_autofree char *families = dif_param_families (row);

  return families        ? keep (t, g_strdup_printf ("Of models of the family %s", families))
         : row->advanced ? GROUP_MORE
                         : GROUP_MAIN;
}

static void
append_row (TaskOptions *t, const DifParam *row)
{
  CliOption option = { row->name,
                       0,
                       keep (t, row_metavar (row)),
                       keep (t, row_blurb (row)),
                       keep (t, row_fallback (row)),
                       row_group (t, row) };

  g_array_append_val (t->options, option);
}

/* @model: (nullable): only what such a model has. */
static void
task_options_init (TaskOptions *t, const char *task, DifCheckpoint *model)
{
  guint           n;
  const DifParam *rows = dif_task_params (task, &n);

  t->options = g_array_new (FALSE, FALSE, sizeof (CliOption));
  t->texts   = g_ptr_array_new_with_free_func (g_free);
  t->details = make_details (task);
  /* what there is to draw, where to, finer settings, those of some models only */
  for (guint kind = 0; kind < 3; kind++)
    {
      for (guint i = 0; i < n; i++)
        if (kind == (rows[i].families ? 2 : rows[i].advanced ? 1
                                                             : 0) &&
            (! model || dif_param_is_for (&rows[i], model)))
          append_row (t, &rows[i]);
      if (kind == 0)
        g_array_append_vals (t->options, output_options, G_N_ELEMENTS (output_options));
    }
  memset (&t->command, 0, sizeof t->command);
  t->command.name      = task;
  t->command.summary   = dif_task_blurb (task);
  t->command.usage     = "[OPTION]... -o FILE.png";
  t->command.details   = t->details;
  t->command.options   = (const CliOption *) (void *) t->options->data;
  t->command.n_options = t->options->len;
}

void
cmd_task_help (const char *task)
{
  TaskOptions t;

  task_options_init (&t, task, NULL);
  cli_print_help (&t.command);
  task_options_clear (&t);
}

/* Help on what a model has, where one is given: by --model or as it is. */
static void
help_for (const char *task, const CliArgs *args, GError **error)
{
  const char               *given = args->rest->len ? args->rest->pdata[0] : NULL;
  const char               *model = given ? given : cli_args_value (args, "model", NULL);
  g_autofree char          *path  = model ? dif_catalog_resolve (model, error) : NULL;
  g_autoptr (DifCheckpoint) c     = path ? dif_checkpoint_open (path, error) : NULL;
  TaskOptions               t;

  if (model && ! c)
    return;
  task_options_init (&t, task, c);
  cli_print_help (&t.command);
  task_options_clear (&t);
}

/* ---- running ---- */

/* "steps: expected ..." becomes "--steps: expected ..." */
static void
name_option (const char *task, GError *error)
{
  guint           n;
  const DifParam *rows   = dif_task_params (task, &n);
  gsize           length = strcspn (error->message, ":");

  for (guint i = 0; i < n; i++)
    if (strlen (rows[i].name) == length && strncmp (rows[i].name, error->message, length) == 0)
      {
        char *message = g_strconcat ("--", error->message, NULL);

        g_free (error->message);
        error->message = message;
        return;
      }
}

static gboolean
set_option (DifRequest *rq, const DifParam *row, const char *value, GError **error)
{
  g_autoptr (DifImage) image = NULL;

  if (row->type != DIF_PARAM_IMAGE)
    return dif_request_set (rq, row->name, value, error);
  image = cli_input_image (value, error);
  return image && dif_request_set_image (rq, row->name, image, error);
}

static gboolean
check_required (DifRequest *rq, GError **error)
{
  const DifParam  *missing = dif_request_missing (rq);
  g_autofree char *metavar = missing ? row_metavar (missing) : NULL;

  if (missing)
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "--%s: expected %s, found nothing", missing->name, metavar);
  return missing == NULL;
}

static DifRequest *
make_request (const char *task, const CliArgs *args, GError **error)
{
  g_autoptr (DifRequest) rq = dif_request_new (task, error);

  for (guint i = 0; rq && i < args->names->len; i++)
    {
      const DifParam *row = find_row (task, args->names->pdata[i]);

      if (row && ! set_option (rq, row, args->values->pdata[i], error))
        return NULL;
    }
  return rq && check_required (rq, error) ? g_steal_pointer (&rq) : NULL;
}

/* About what a picture of photographic content takes as PNG, of its raw bytes. */
#define PNG_SHARE 0.5

/* Values of a dump for each of a picture: the picture itself in three channels and,
 * for every step, latents and two predictions of four channels at an eighth of
 * its sides. */
#define DUMP_VALUES(n_steps) (3.0 + 3.0 * 4.0 / 64.0 * (n_steps))

/* Bytes that a request's pictures and its dump will take, as far as the request
 * tells their size; 0 if it does not. */
static void
estimate (DifRequest *rq, double *pictures, double *dump)
{
  const char *task   = dif_request_task (rq);
  DifImage   *image  = find_row (task, "image") ? dif_request_image (rq, "image") : NULL;
  gboolean    sized  = find_row (task, "width") != NULL;
  double      width  = sized ? dif_request_number (rq, "width") : 0;
  double      height = sized ? dif_request_number (rq, "height") : 0;
  double      pixels;

  if (image && ! width)
    width = dif_image_width (image);
  if (image && ! height)
    height = dif_image_height (image);
  pixels    = width * height * dif_request_number (rq, "num-images");
  *pictures = pixels * 3 * PNG_SHARE;
  *dump     = pixels * sizeof (float) * DUMP_VALUES (dif_request_number (rq, "steps"));
}

/* Every file that will be written is asked for: of several pictures the last
 * one's name is the longest, and none may be a folder. */
static gboolean
check_pictures (const char *output, guint n, GError **error)
{
  for (guint i = 0; i < n; i++)
    {
      g_autofree char *path = cli_output_name (output, i, n);

      if (! cli_output_check ("output", path, ".png", error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
check_outputs (const CliArgs *args, DifRequest *rq, GError **error)
{
  const char *output   = cli_args_value (args, "output", NULL);
  const char *dump     = cli_args_value (args, "dump", NULL);
  const char *preview  = cli_args_value (args, "preview", NULL);
  guint       n_images = (guint) dif_request_number (rq, "num-images");
  double      pictures = 0, tensors = 0;

  if (! output && ! dump)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--output: expected FILE.png, found nothing");
      return FALSE;
    }
  estimate (rq, &pictures, &tensors);
  return (! output || check_pictures (output, n_images, error)) &&
         (! preview || cli_output_check ("preview", preview, ".png", error)) &&
         (! dump || cli_output_check ("dump", dump, ".safetensors", error)) &&
         (! output || cli_target_check_space (output, (guint64) pictures, error)) &&
         (! dump || cli_target_check_space (dump, (guint64) tensors, error));
}

/* Adds to the failure where a picture is instead. */
static void
note_kept (GError **failure, const char *kept, gboolean is_first)
{
  char *message = g_strdup_printf ("%s%s%s", (*failure)->message,
                                   is_first ? "; written instead: " : ", ", kept);

  g_free ((*failure)->message);
  (*failure)->message = message;
}

/* One that cannot be written where it was to go does not cost the others. */
static gboolean
save_pictures (const CliArgs *args, DifResult *result, GError **error)
{
  const char *output = cli_args_value (args, "output", NULL);
  guint       n = dif_result_n_images (result), n_kept = 0;
  GError     *failure = NULL;

  for (guint i = 0; output && i < n; i++)
    {
      g_autofree char *path = cli_output_name (output, dif_result_index (result, i),
                                               n + dif_result_n_withheld (result));
      g_autofree char *kept = NULL;

      if (cli_output_png (path, result, i, &kept, failure ? NULL : &failure))
        {
          if (! cli_args_has (args, "quiet") && ! cli_target_is_stream (path))
            printf ("%s: %ux%u, seed %" G_GUINT64_FORMAT "\n", path, dif_result_width (result),
                    dif_result_height (result), dif_result_seed (result));
        }
      else if (kept)
        {
          note_kept (&failure, kept, n_kept++ == 0);
        }
    }
  if (failure)
    g_propagate_error (error, failure);
  return failure == NULL;
}

static gboolean
save (const CliArgs *args, DifResult *result, CliDump *dump, GError **error)
{
  const char *path = cli_args_value (args, "dump", NULL);
  gboolean    ok   = save_pictures (args, result, error);

  return (! path || cli_dump_write (dump, path, ok ? error : NULL)) && ok;
}

/* The rest is written, but not all that was asked for is there. */
static gboolean
fail_withheld (DifResult *result, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                       dif_result_warning (result));
  return FALSE;
}

/* What the model says of itself, once, to a person: a warning may have said it. */
static void
tell_about (const CliArgs *args, DifPipeline *pipe, DifResult *result)
{
  const char *about   = dif_pipeline_about (pipe);
  const char *warning = dif_result_warning (result);

  if (about && isatty (STDERR_FILENO) && ! cli_args_has (args, "quiet") &&
      ! (warning && strstr (warning, about)))
    cli_warn (about);
}

/* One that cannot be written does not cost the pictures. */
static void
write_preview (const DifPreview *preview, gpointer path)
{
  cli_output_preview (path, preview, NULL);
}

static gboolean
draw (Cli *cli, const char *task, const CliArgs *args, GError **error)
{
  g_autoptr (DifRequest)  rq     = make_request (task, args, error);
  g_autoptr (DifPipeline) pipe   = NULL;
  g_autoptr (DifResult)   result = NULL;
  g_autoptr (CliDump)     dump   = cli_dump_new ();
  CliBar                  bar;

  if (! rq || ! check_outputs (args, rq, error))
    return FALSE;
  cli_bar_init (&bar, cli_args_has (args, "quiet"));
  pipe = dif_pipeline_load_for (rq, cli_bar_update, &bar, cli->cancellable, error);
  if (pipe && cli_args_has (args, "dump"))
    dif_pipeline_set_dump (pipe, cli_dump_add, dump);
  if (pipe && cli_args_has (args, "preview"))
    dif_pipeline_set_preview (pipe, write_preview,
                              (gpointer) cli_args_value (args, "preview", NULL), DIF_PREVIEW_MS);
  if (pipe)
    result = dif_pipeline_run (pipe, rq, cli_bar_update, &bar, cli->cancellable, error);
  cli_bar_clear (&bar);
  if (! result || g_cancellable_set_error_if_cancelled (cli->cancellable, error))
    return FALSE;
  if (dif_result_n_withheld (result))
    return save (args, result, dump, error) && fail_withheld (result, error);
  if (dif_result_warning (result) && ! cli_args_has (args, "quiet"))
    cli_warn (dif_result_warning (result));
  tell_about (args, pipe, result);
  return save (args, result, dump, error);
}

CliStatus
cmd_task (Cli *cli, const char *task, int argc, char **argv)
{
  g_autoptr (CliArgs) args   = NULL;
  g_autoptr (GError)  error  = NULL;
  CliStatus           status = CLI_DONE;
  TaskOptions         t;

  task_options_init (&t, task, NULL);
  args = cli_args_parse (&t.command, argc, argv, &error);
  if (args && cli_args_has (args, "help"))
    help_for (task, args, &error);
  else if (args)
    draw (cli, task, args, &error);
  if (! error)
    cli_flush (&error);
  if (error)
    {
      name_option (task, error);
      status = cli_fail (cli, error);
    }
  task_options_clear (&t);
  return status;
}
