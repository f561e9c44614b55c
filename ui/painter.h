/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter.h - all of the painter's window but the window.
 *
 * It follows the host's images four times a second, says on its button what it would do,
 * draws one job after the other, and shows what comes.  Nothing of it touches a canvas
 * until the painter asks for it.
 */
#ifndef DIF_UI_PAINTER_H
#define DIF_UI_PAINTER_H

#include <gtk/gtk.h>

#include "ui/host.h"

G_BEGIN_DECLS

/** DifUiPainter: the widgets, the queue and the results. */
typedef struct _DifUiPainter DifUiPainter;

/**
 * dif_ui_painter_new:
 * @host: outlives the painter
 * @cache: folder for results
 * @config: folder for settings
 *
 * Returns: (transfer full): freed with its widget
 */
DifUiPainter *dif_ui_painter_new (const DifUiHost *host, const char *cache, const char *config);

/**
 * dif_ui_painter_widget:
 * @painter: a painter
 *
 * Returns: (transfer floating): what goes into a window
 */
GtkWidget *dif_ui_painter_widget (DifUiPainter *painter);

/**
 * dif_ui_painter_set_image:
 * @painter: a painter
 * @image: of the host; becomes the current one
 */
void dif_ui_painter_set_image (DifUiPainter *painter, int image);

/**
 * dif_ui_painter_generate:
 * @painter: a painter
 *
 * As if its button were pressed.
 */
void dif_ui_painter_generate (DifUiPainter *painter);

/**
 * dif_ui_painter_key:
 * @painter: a painter
 * @event: a key that was pressed in its window
 *
 * Ctrl+Enter draws, Escape cancels what is being drawn.
 *
 * Returns: whether that was one of them
 */
gboolean dif_ui_painter_key (DifUiPainter *painter, GdkEventKey *event);

G_END_DECLS

#endif /* DIF_UI_PAINTER_H */
