/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-engine.c - what the process that keeps models loaded is doing, and how to end it. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "engine/client.h"

static const CliOption options[] = {
  { "json", 0, NULL, "Print one JSON object instead of text", NULL, "Output" },
};

static char *
size_text (DifJson *object, const char *key)
{
  return g_format_size ((guint64) MAX (dif_json_double (object, key, 0), 0));
}

static void
print_model (DifJson *model)
{
  g_autofree char *size = size_text (model, "weight_bytes");

  printf ("  %s: %s, %s, %s, used %.0f s ago\n", dif_json_string (model, "model", ""),
          dif_json_string (model, "device", ""), dif_json_string (model, "dtype", ""), size,
          dif_json_double (model, "idle_seconds", 0));
}

static void
print_status (DifJson *status)
{
  DifJson         *models = dif_json_member (status, "models");
  guint            n      = models ? dif_json_length (models) : 0;
  g_autofree char *used   = size_text (status, "weight_bytes");
  g_autofree char *budget = size_text (status, "memory_budget");

  printf ("process %.0f, version %s, up for %.0f s\n", dif_json_double (status, "pid", 0),
          dif_json_string (status, "version", ""), dif_json_double (status, "uptime_seconds", 0));
  printf ("runs: %.0f waiting or running, %.0f done\n", dif_json_double (status, "jobs", 0),
          dif_json_double (status, "done", 0));
  printf ("models loaded: %u, %s of %s\n", n, used, budget);
  for (guint i = 0; i < n; i++)
    print_model (dif_json_at (models, i));
}

static void
print_json (DifJson *object)
{
  g_autofree char *text = dif_json_to_string (object, TRUE);

  printf ("%s\n", text);
}

static gboolean
show_status (gboolean as_json, GError **error)
{
  g_autoptr (GError)  failure = NULL;
  g_autoptr (DifJson) status  = dif_engine_status (&failure);

  if (status && as_json)
    print_json (status);
  else if (status)
    print_status (status);
  else if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                         "engine: expected one that is running, found none");
  else
    g_propagate_error (error, g_steal_pointer (&failure));
  return status != NULL;
}

/* No engine holds no models. */
static gboolean
unload (gboolean as_json, GError **error)
{
  g_autoptr (GError)  failure = NULL;
  g_autoptr (DifJson) answer  = dif_engine_unload (&failure);
  g_autofree char    *size    = answer ? size_text (answer, "weight_bytes") : g_strdup ("");

  if (! answer && ! g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (answer && as_json)
    print_json (answer);
  else if (answer)
    printf ("unloaded %.0f models, %s\n", dif_json_double (answer, "models", 0), size);
  return TRUE;
}

static gboolean
stop (gboolean as_json, GError **error)
{
  static const char *const words[] = {
    [DIF_ENGINE_ENDED_NONE]       = "none",
    [DIF_ENGINE_ENDED_ASKED]      = "asked",
    [DIF_ENGINE_ENDED_TERMINATED] = "terminated",
    [DIF_ENGINE_ENDED_KILLED]     = "killed",
  };
  DifEngineEnd        end;
  g_autoptr (DifJson) said = dif_json_new_object ("engine");

  if (! dif_engine_quit (&end, error))
    return FALSE;
  dif_json_set_string (said, "ended", words[end.how]);
  if (as_json)
    print_json (said);
  else if (end.how == DIF_ENGINE_ENDED_NONE)
    printf ("no engine was running\n");
  else if (end.how == DIF_ENGINE_ENDED_ASKED)
    printf ("stopped\n");
  else
    printf ("process %d did not answer: %s\n", end.pid, words[end.how]);
  return TRUE;
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  const char      *what    = args->rest->pdata[0];
  gboolean         as_json = cli_args_has (args, "json");
  g_autofree char *shown   = cli_shown (what);

  if (strcmp (what, "status") == 0)
    return show_status (as_json, error);
  if (strcmp (what, "unload") == 0)
    return unload (as_json, error);
  if (strcmp (what, "stop") == 0)
    return stop (as_json, error);
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
               "engine: expected status, unload or stop, found \"%s\"", shown);
  return FALSE;
}

const CliCommand cmd_engine = {
  .name      = "engine",
  .summary   = "The process that keeps models loaded for GIMP: status, unload or stop",
  .usage     = "[OPTION]... status|unload|stop",
  .details   = "status fails if no engine is running.  unload has it let go of its models, that\n"
               "of a run when the run is over; stop ends it, whatever it is doing, with\n"
               "signals if it does not answer, and says how.\n"
               "\n"
               "Example:\n"
               "  dif engine status\n",
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .min_args  = 1,
  .max_args  = 1,
  .run       = run,
};
