/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* bar.h - progress on one line of a terminal. */
#ifndef DIF_CLI_BAR_H
#define DIF_CLI_BAR_H

#include "dif.h"

G_BEGIN_DECLS

/** CliBar: what stands on the line now. */
typedef struct
{
  gboolean enabled;
  gboolean shown;
  gint64   drawn; /* g_get_monotonic_time () of the last drawing */
  char     stage[16];
} CliBar;

/* Draws nothing unless stderr is a terminal and @quiet is FALSE. */
void cli_bar_init (CliBar *bar, gboolean quiet);

/* A DifProgressFunc; @bar is a CliBar. */
void cli_bar_update (const DifProgress *progress, gpointer bar);

/* Clears the line. */
void cli_bar_clear (CliBar *bar);

G_END_DECLS

#endif /* DIF_CLI_BAR_H */
