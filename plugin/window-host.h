/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window-host.h - GIMP, as the painter's window sees it. */
#ifndef DIF_PLUGIN_WINDOW_HOST_H
#define DIF_PLUGIN_WINDOW_HOST_H

#include <libgimp/gimp.h>

#include "ui/host.h"

G_BEGIN_DECLS

/**
 * dif_window_host_init:
 * @host: (out): everything of it
 * @plug_in: whose procedures' arguments count; outlives @host
 *
 * Ids are looked up anew at every call: what is gone is answered with nothing, and no call
 * is made about it, which would end the process.
 */
void dif_window_host_init (DifUiHost *host, GimpPlugIn *plug_in);

G_END_DECLS

#endif /* DIF_PLUGIN_WINDOW_HOST_H */
