/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* commands.h - the subcommands that are no tasks, one file each. */
#ifndef DIF_CLI_COMMANDS_H
#define DIF_CLI_COMMANDS_H

#include "cli.h"

G_BEGIN_DECLS

extern const CliCommand cmd_info;
extern const CliCommand cmd_import_tokenizer;
extern const CliCommand cmd_schedulers;
extern const CliCommand cmd_make_checkpoint;
extern const CliCommand cmd_pull;
extern const CliCommand cmd_bench;
extern const CliCommand cmd_selftest;
extern const CliCommand cmd_engine;

G_END_DECLS

#endif /* DIF_CLI_COMMANDS_H */
