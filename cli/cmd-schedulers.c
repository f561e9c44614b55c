/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-schedulers.c - the schedulers, their names and their config keys. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

static const CliOption options[] = {
  { "verbose", 'v', NULL, "Also list every config key with its default", NULL, "Output" },
};

static gboolean
print_keys (const char *class_name, GError **error)
{
  g_autoptr (DifScheduler) scheduler = dif_scheduler_new (class_name, NULL, error);
  g_autoptr (DifJson)      config    = scheduler ? dif_scheduler_config (scheduler) : NULL;

  if (! config)
    return FALSE;
  for (guint i = 0; i < dif_json_length (config); i++)
    {
      DifJson         *member = dif_json_at (config, i);
      g_autofree char *value  = dif_json_to_string (member, FALSE);

      if (dif_json_key (member)[0] != '_')
        printf ("    %-28s %s\n", dif_json_key (member), value);
    }
  return TRUE;
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  const char *const *names = dif_scheduler_class_names ();

  for (guint i = 0; names[i]; i++)
    {
      printf ("%-34s %s\n", names[i], dif_scheduler_short_name (names[i]));
      if (cli_args_has (args, "verbose") && ! print_keys (names[i], error))
        return FALSE;
    }
  return TRUE;
}

const CliCommand cmd_schedulers = {
  .name      = "schedulers",
  .summary   = "Lists the schedulers: diffusers' class name, then the short name",
  .usage     = "[OPTION]...",
  .details   = "Either name works after --scheduler; keys work after --scheduler-set.\n"
               "\n"
               "Example:\n"
               "  dif txt2img --scheduler dpm++ --scheduler-set use_karras_sigmas=true ...\n",
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .run       = run,
};
