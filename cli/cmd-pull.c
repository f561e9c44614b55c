/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-pull.c - models fetched from a server; the only command that uses a network. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "commands.h"
#include "fetch/fetch.h"
#include "offers.h"

#define BAR_CELLS 20

static const CliOption options[] = {
  { "list", 'l', NULL, "List models to begin with, their sizes and conditions", NULL, "Choice" },
  { "revision", 0, "NAME", "Branch, tag or commit", "main", "Choice" },
  { "variant", 0, "NAME", "Weights to prefer where there are several; none for the plain ones",
    "fp16", "Choice" },
  { "file", 0, "GLOB", "Only files of this name, such as \"*.safetensors\"", NULL, "Choice" },
  { "kind", 0, "FOLDER", "What a single file is: models, loras or embeddings", "models",
    "Choice" },
  { "sha256", 0, "HEX", "What the file of an address must have as hash", NULL, "Choice" },
  { "dry-run", 'n', NULL, "Say what would be fetched, and fetch nothing", NULL, "Output" },
  { "quiet", 'q', NULL, "No progress", NULL, "Output" },
};

/* ---- progress ---- */

static void
print_progress (const DifFetchProgress *p, gpointer user_data)
{
  g_autofree char    *done  = g_format_size (p->n_done);
  g_autofree char    *all   = g_format_size (p->n_bytes);
  g_autofree char    *speed = g_format_size ((guint64) p->speed);
  g_autoptr (GString) line  = g_string_new (NULL);
  double              share = p->n_bytes ? (double) p->n_done / (double) p->n_bytes : 0;
  struct winsize      size;
  gsize               width = 80;

  if (p->n_bytes)
    {
      g_string_append_c (line, '[');
      for (guint i = 0; i < BAR_CELLS; i++)
        g_string_append_c (line, i < (guint) (share * BAR_CELLS + 0.5) ? '#' : '.');
      g_string_append_printf (line, "] %s of %s", done, all);
    }
  else
    g_string_append (line, done);
  g_string_append_printf (line, ", %s/s", speed);
  if (p->n_bytes && p->speed > 1)
    {
      double seconds = (double) (p->n_bytes - p->n_done) / p->speed;

      if (seconds < 360000)
        g_string_append_printf (line, ", %u:%02u left", (guint) seconds / 60, (guint) seconds % 60);
    }
  g_string_append_printf (line, "  %s", p->note ? p->note : p->file ? p->file
                                                                    : "");
  if (ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
    width = size.ws_col;
  if (line->len >= width)
    g_string_truncate (line, width - 1);
  fprintf (stderr, "\r\033[K%s", line->str);
  fflush (stderr);
}

static DifFetchFunc
progress_for (const CliArgs *args)
{
  return ! cli_args_has (args, "quiet") && isatty (STDERR_FILENO) ? print_progress : NULL;
}

static void
end_progress (DifFetchFunc progress)
{
  if (progress)
    fputs ("\r\033[K", stderr);
}

/* ---- what is where ---- */

static gboolean
check_kind (const char *kind, GError **error)
{
  g_autoptr (GString) known = g_string_new ("models");

  if (strcmp (kind, "models") == 0)
    return TRUE;
  for (guint i = 0; dif_adapter_kind (i); i++)
    {
      const char *folder = dif_adapter_kind (i)->folder;

      if (strcmp (kind, folder) == 0)
        return TRUE;
      g_string_append_printf (known, "%s%s", dif_adapter_kind (i + 1) ? ", " : " or ", folder);
    }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "--kind: expected %s, found \"%.60s\"", known->str, kind);
  return FALSE;
}

static char *
own_folder (const char *kind)
{
  return g_build_filename (g_get_user_data_dir (), "gimp-diffusion", kind, NULL);
}

/* Files that are models by themselves get their name among the installed ones. */
static gboolean
link_files (const DifFetchPlan *plan, const char *snapshot, const char *kind, GError **error)
{
  g_autofree char *folder = own_folder (kind);

  if (g_mkdir_with_parents (folder, 0755) != 0)
    {
      g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", folder,
                   g_strerror (errno));
      return FALSE;
    }
  for (guint i = 0; i < plan->files->len; i++)
    {
      const DifFetchFile *file   = plan->files->pdata[i];
      g_autofree char    *target = g_build_filename (snapshot, file->path, NULL);
      g_autofree char    *name   = g_path_get_basename (file->path);
      g_autofree char    *path   = g_build_filename (folder, name, NULL);
      g_autofree char    *old    = g_file_read_link (path, NULL);

      if (! g_str_has_suffix (name, ".safetensors"))
        continue;
      if (old && strcmp (old, target) == 0)
        continue;
      if (symlink (target, path) != 0)
        {
          g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s: %s", path,
                       g_strerror (errno));
          return FALSE;
        }
      printf ("%s: %s\n", name, path);
    }
  return TRUE;
}

static gboolean
is_pipeline (const DifFetchPlan *plan)
{
  for (guint i = 0; i < plan->files->len; i++)
    if (strcmp (((const DifFetchFile *) plan->files->pdata[i])->path, "model_index.json") == 0)
      return TRUE;
  return FALSE;
}

static void
print_plan (const DifFetchPlan *plan)
{
  g_autofree char *all     = g_format_size (plan->n_bytes);
  g_autofree char *missing = g_format_size (plan->n_missing);

  printf ("%s at %.12s: %u files, %s, %s to fetch\n", plan->repository, plan->commit,
          plan->files->len, all, missing);
  if (plan->license)
    printf ("licence: %s\n", plan->license);
}

/* ---- pulls ---- */

/* What a name on the command line stands for. */
typedef struct
{
  const char *repository, *revision, *file, *kind;
} Wanted;

static gboolean
pull_repository (Cli *cli, const CliArgs *args, const DifFetchSettings *settings,
                 const Wanted *wanted, GError **error)
{
  const char              *variant  = cli_args_value (args, "variant", "fp16");
  DifFetchFunc             progress = progress_for (args);
  g_autoptr (DifFetchPlan) plan     = NULL;
  g_autofree char         *folder   = NULL;

  plan = dif_fetch_plan_new (settings, wanted->repository, wanted->revision,
                             strcmp (variant, "none") == 0 ? NULL : variant, wanted->file,
                             cli->cancellable, error);
  if (! plan)
    return FALSE;
  print_plan (plan);
  if (cli_args_has (args, "dry-run"))
    {
      for (guint i = 0; i < plan->files->len; i++)
        {
          const DifFetchFile *file = plan->files->pdata[i];
          g_autofree char    *size = g_format_size (file->size);

          printf ("    %s (%s%s)\n", file->path, size, file->is_there ? ", is there" : "");
        }
      return TRUE;
    }
  fflush (stdout);
  folder = dif_fetch_run (settings, plan, progress, NULL, cli->cancellable, error);
  end_progress (progress);
  if (! folder)
    return FALSE;
  if (! is_pipeline (plan))
    return link_files (plan, folder, wanted->kind, error);
  printf ("--model %s: %s\n", plan->repository, folder);
  return TRUE;
}

/* The file's name is the address's last part; what the server would call it is not asked. */
static gboolean
pull_address (Cli *cli, const CliArgs *args, const DifFetchSettings *settings, const char *address,
              GError **error)
{
  const char      *kind     = cli_args_value (args, "kind", "models");
  const char      *hash     = cli_args_value (args, "sha256", NULL);
  g_autoptr (GUri) uri      = g_uri_parse (address, G_URI_FLAGS_NONE, error);
  DifFetchFunc     progress = progress_for (args);
  g_autofree char *name = NULL, *folder = NULL, *path = NULL, *lower = NULL;
  gboolean         done;

  if (! uri)
    {
      g_prefix_error (error, "%s: ", address);
      return FALSE;
    }
  name = g_path_get_basename (g_uri_get_path (uri));
  if (! g_str_has_suffix (name, ".safetensors") || *name == '.')
    {
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                   "%s: expected an address that ends in NAME.safetensors", address);
      return FALSE;
    }
  lower = hash ? g_ascii_strdown (hash, -1) : NULL;
  if (lower && (strlen (lower) != 64 || strspn (lower, "0123456789abcdef") != 64))
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--sha256: expected 64 hexadecimal digits, found \"%.80s\"", hash);
      return FALSE;
    }
  folder = own_folder (kind);
  path   = g_build_filename (folder, name, NULL);
  if (cli_args_has (args, "dry-run"))
    {
      printf ("%s would become %s\n", address, path);
      return TRUE;
    }
  done =
      dif_fetch_address (settings, address, lower, path, progress, NULL, cli->cancellable, error);
  end_progress (progress);
  if (done)
    printf ("%s: %s\n", name, path);
  return done;
}

/* A name of the list, or a repository's. */
static gboolean
find_wanted (const CliArgs *args, const char *name, Wanted *wanted, DifJson **list, GError **error)
{
  g_autoptr (GArray) offers = NULL;

  wanted->repository = name;
  wanted->revision   = cli_args_value (args, "revision", NULL);
  wanted->file       = cli_args_value (args, "file", NULL);
  wanted->kind       = cli_args_value (args, "kind", "models");
  if (strchr (name, '/'))
    return TRUE;
  offers = cli_offers_load (list, error);
  for (guint i = 0; offers && i < offers->len; i++)
    {
      const CliOffer *offer = &g_array_index (offers, CliOffer, i);

      if (strcmp (offer->name, name) != 0)
        continue;
      wanted->repository = offer->repository;
      wanted->file       = wanted->file ? wanted->file : offer->file;
      wanted->kind       = offer->kind;
      return check_kind (wanted->kind, error);
    }
  if (offers)
    g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                 "%.100s: expected OWNER/NAME, an address, or a name that `dif pull --list` shows",
                 name);
  return FALSE;
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  g_autoptr (DifFetchSettings) settings = dif_fetch_settings_new ();
  g_autoptr (DifJson)          list     = NULL;
  const char                  *name     = args->rest->len ? args->rest->pdata[0] : NULL;
  Wanted                       wanted;

  if (cli_args_has (args, "list"))
    {
      g_autoptr (GArray) offers = cli_offers_load (&list, error);

      if (offers)
        cli_offers_print (offers);
      return offers != NULL;
    }
  if (! name)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   "expected the name of a model, found none; --list shows some");
      return FALSE;
    }
  if (! check_kind (cli_args_value (args, "kind", "models"), error))
    return FALSE;
  if (strstr (name, "://"))
    return pull_address (cli, args, settings, name, error);
  return find_wanted (args, name, &wanted, &list, error) &&
         pull_repository (cli, args, settings, &wanted, error);
}

const CliCommand cmd_pull = {
  .name      = "pull",
  .summary   = "Fetches a model from the Hugging Face hub, or a file from an address",
  .usage     = "NAME|OWNER/NAME|ADDRESS",
  .details   = "Of a repository what a pipeline needs is fetched: configs, vocabularies and one\n"
               "set of safetensors. It goes into the Hugging Face cache, where other programs\n"
               "find it too, and is then --model OWNER/NAME. Every file is verified by its hash;\n"
               "what was cut off is gone on from. HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE,\n"
               "HF_HUB_OFFLINE and the usual variables for proxies are respected.\n"
               "\n"
               "Examples:\n"
               "  dif pull --list\n"
               "  dif pull sd15\n"
               "  dif pull latent-consistency/lcm-lora-sdv1-5 --kind loras\n",
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .min_args  = 0,
  .max_args  = 1,
  .run       = run,
};
