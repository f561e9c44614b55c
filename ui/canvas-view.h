/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canvas-view.h - a canvas in small: what is on it, what would be drawn, what has been.
 *
 * Pictures are shown in their place.  While nothing is shown, the two masks are: tinted
 * red what is repainted, and blue where the new layer would show.  A dashed frame is what
 * the model sees; its edges can be dragged.  The key B, held, or the mouse drawn over a
 * picture shows what was there before; plus, minus and 0, or Ctrl and the wheel, zoom.
 */
#ifndef DIF_UI_CANVAS_VIEW_H
#define DIF_UI_CANVAS_VIEW_H

#include <gtk/gtk.h>

#include "ui/host.h"

G_BEGIN_DECLS

#define DIF_UI_TYPE_CANVAS_VIEW (dif_ui_canvas_view_get_type ())
G_DECLARE_FINAL_TYPE (DifUiCanvasView, dif_ui_canvas_view, DIF_UI, CANVAS_VIEW, GtkDrawingArea)

/**
 * dif_ui_canvas_view_new:
 *
 * Its signal "seen-changed" (a pointer to a DifUiRect) says what the model is to see,
 * when its frame was dragged.
 *
 * Returns: (transfer floating): an empty view
 */
GtkWidget *dif_ui_canvas_view_new (void);

/**
 * dif_ui_canvas_view_set_canvas:
 * @view: a view
 * @thumbnail: (nullable): what can be seen; NULL for no image
 * @width: @height: of the canvas, in its pixels
 */
void dif_ui_canvas_view_set_canvas (DifUiCanvasView *view, GdkPixbuf *thumbnail, int width,
                                    int height);

/**
 * dif_ui_canvas_view_set_plan:
 * @view: a view
 * @plan: (nullable): where a drawing would go; its masks are kept, not copied
 */
void dif_ui_canvas_view_set_plan (DifUiCanvasView *view, const DifUiPlan *plan);

/**
 * dif_ui_canvas_view_set_picture:
 * @view: a view
 * @picture: (nullable): what to show; NULL for the masks
 * @area: where it goes
 * @mask: (nullable): one channel: how much of it shows
 */
void dif_ui_canvas_view_set_picture (DifUiCanvasView *view, DifImage *picture,
                                     const DifUiRect *area, DifImage *mask);

/**
 * dif_ui_canvas_view_set_before:
 * @view: a view
 * @is_before: whether it shows what was there instead of the picture
 */
void dif_ui_canvas_view_set_before (DifUiCanvasView *view, gboolean is_before);

/**
 * dif_ui_canvas_view_zoom:
 * @view: a view
 * @by: factor; 0 to fit all of the canvas
 */
void dif_ui_canvas_view_zoom (DifUiCanvasView *view, double by);

G_END_DECLS

#endif /* DIF_UI_CANVAS_VIEW_H */
