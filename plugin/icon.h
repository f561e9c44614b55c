/* SPDX-License-Identifier: GPL-3.0-or-later */
/* icon.h - the plug-in's icon. */
#ifndef DIF_PLUGIN_ICON_H
#define DIF_PLUGIN_ICON_H

#include <gdk-pixbuf/gdk-pixbuf.h>

G_BEGIN_DECLS

/**
 * dif_icon_new:
 * @side: in pixels
 *
 * A disk that comes out of noise, from left to right.
 *
 * Returns: (transfer full): a square with alpha
 */
GdkPixbuf *dif_icon_new (int side);

G_END_DECLS

#endif /* DIF_PLUGIN_ICON_H */
