/* SPDX-License-Identifier: GPL-3.0-or-later */
/* canvas-view.c - see canvas-view.h. */
#include "config.h"

#include <math.h>

#include "ui/canvas-view.h"

#include <glib/gi18n-lib.h>

#define MARGIN    8.0
#define CHECK     8
#define GRIP      6.0 /* how near to an edge the mouse takes it, in widget pixels */
#define LEAST     8   /* a frame is not dragged smaller, in canvas pixels */
#define ZOOM_STEP 1.25
#define MAX_ZOOM  32.0
#define NO_WIPE   (-1.0)

/* Which edges of the frame the mouse has. */
enum
{
  LEFT   = 1 << 0,
  RIGHT  = 1 << 1,
  TOP    = 1 << 2,
  BOTTOM = 1 << 3
};

struct _DifUiCanvasView
{
  GtkDrawingArea   parent_instance;
  cairo_surface_t *canvas;
  int              width, height; /* of the canvas; 0 for none */
  gboolean         has_plan;
  DifUiRect        context;
  int              plan_width, plan_height;
  cairo_surface_t *denoise, *composite;
  cairo_surface_t *picture;
  DifUiRect        area;
  gboolean         is_before;
  double           wipe; /* of the picture's width, or NO_WIPE */
  double           zoom; /* 1 fits */
  double           x, y; /* of the canvas, what is in the middle */
  guint            edges;
};

G_DEFINE_FINAL_TYPE (DifUiCanvasView, dif_ui_canvas_view, GTK_TYPE_DRAWING_AREA)

static guint seen_changed;

/* ---- where things are ---- */

/* Widget pixels for one of the canvas. */
static double
scale_of (DifUiCanvasView *view)
{
  double width  = gtk_widget_get_allocated_width (GTK_WIDGET (view)) - 2.0 * MARGIN;
  double height = gtk_widget_get_allocated_height (GTK_WIDGET (view)) - 2.0 * MARGIN;

  if (view->width == 0 || width < 1.0 || height < 1.0)
    return 1.0;
  return MIN (width / view->width, height / view->height) * view->zoom;
}

static void
to_widget (DifUiCanvasView *view, double x, double y, double *to_x, double *to_y)
{
  double scale = scale_of (view);

  *to_x = (x - view->x) * scale + gtk_widget_get_allocated_width (GTK_WIDGET (view)) / 2.0;
  *to_y = (y - view->y) * scale + gtk_widget_get_allocated_height (GTK_WIDGET (view)) / 2.0;
}

static void
to_canvas (DifUiCanvasView *view, double x, double y, double *to_x, double *to_y)
{
  double scale = scale_of (view);

  *to_x = (x - gtk_widget_get_allocated_width (GTK_WIDGET (view)) / 2.0) / scale + view->x;
  *to_y = (y - gtk_widget_get_allocated_height (GTK_WIDGET (view)) / 2.0) / scale + view->y;
}

/* ---- pixels ---- */

static cairo_surface_t *
surface_of_mask (DifImage *mask)
{
  int              width = (int) dif_image_width (mask), height = (int) dif_image_height (mask);
  const float     *from    = dif_image_pixels (mask);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, width, height);
  guchar          *pixels  = cairo_image_surface_get_data (surface);
  int              stride  = cairo_image_surface_get_stride (surface);

  if (pixels == NULL)
    return surface;
  for (int y = 0; y < height; y++)
    {
      for (int x = 0; x < width; x++)
        pixels[y * stride + x] = (guchar) lrintf (from[y * width + x] * 255.0f);
    }
  cairo_surface_mark_dirty (surface);
  return surface;
}

static guint32
pixel_of (const float *rgb, float alpha)
{
  guint32 a = (guint32) lrintf (alpha * 255.0f);
  guint32 r = (guint32) lrintf (rgb[0] * alpha * 255.0f);
  guint32 g = (guint32) lrintf (rgb[1] * alpha * 255.0f);
  guint32 b = (guint32) lrintf (rgb[2] * alpha * 255.0f);

  return a << 24 | r << 16 | g << 8 | b;
}

/* A picture, as transparent as the mask says. */
static cairo_surface_t *
surface_of_picture (DifImage *picture, DifImage *mask)
{
  guint                width = dif_image_width (picture), height = dif_image_height (picture);
  g_autoptr (DifImage) rgb = dif_image_to_rgb (picture);
  g_autoptr (DifImage) fit = mask != NULL
                                 ? dif_image_resize (mask, width, height, DIF_FILTER_BILINEAR)
                                 : NULL;
  cairo_surface_t     *surface =
      cairo_image_surface_create (CAIRO_FORMAT_ARGB32, (int) width, (int) height);
  guint32 *pixels = (guint32 *) (gpointer) cairo_image_surface_get_data (surface);

  if (pixels == NULL || rgb == NULL)
    return surface;
  for (gsize i = 0; i < (gsize) width * height; i++)
    pixels[i] = pixel_of (dif_image_pixels (rgb) + 3 * i,
                          fit != NULL ? dif_image_pixels (fit)[i] : 1.0f);
  cairo_surface_mark_dirty (surface);
  return surface;
}

/* ---- drawing ---- */

static void
paint_surface (cairo_t *cr, DifUiCanvasView *view, cairo_surface_t *surface,
               const DifUiRect *area, gboolean is_mask)
{
  double x, y, scale = scale_of (view);

  to_widget (view, area->x, area->y, &x, &y);
  cairo_save (cr);
  cairo_translate (cr, x, y);
  cairo_scale (cr, scale * area->width / cairo_image_surface_get_width (surface),
               scale * area->height / cairo_image_surface_get_height (surface));
  if (is_mask)
    cairo_mask_surface (cr, surface, 0.0, 0.0);
  else
    {
      cairo_set_source_surface (cr, surface, 0.0, 0.0);
      cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
      cairo_rectangle (cr, 0.0, 0.0, cairo_image_surface_get_width (surface),
                       cairo_image_surface_get_height (surface));
      cairo_fill (cr);
    }
  cairo_restore (cr);
}

/* What GIMP shows where nothing is. */
static void
paint_checks (cairo_t *cr, double x, double y, double width, double height)
{
  cairo_save (cr);
  cairo_rectangle (cr, x, y, width, height);
  cairo_clip (cr);
  cairo_set_source_rgb (cr, 0.6, 0.6, 0.6);
  cairo_paint (cr);
  cairo_set_source_rgb (cr, 0.4, 0.4, 0.4);
  for (int row = 0; row * CHECK < height; row++)
    {
      for (int column = row % 2; column * CHECK < width; column += 2)
        cairo_rectangle (cr, x + column * CHECK, y + row * CHECK, CHECK, CHECK);
    }
  cairo_fill (cr);
  cairo_restore (cr);
}

static void
paint_canvas (cairo_t *cr, DifUiCanvasView *view)
{
  DifUiRect all   = { 0, 0, view->width, view->height };
  double    scale = scale_of (view), x, y;

  to_widget (view, 0.0, 0.0, &x, &y);
  paint_checks (cr, x, y, view->width * scale, view->height * scale);
  paint_surface (cr, view, view->canvas, &all, FALSE);
}

static void
paint_masks (cairo_t *cr, DifUiCanvasView *view)
{
  cairo_set_source_rgba (cr, 0.9, 0.2, 0.2, 0.35);
  if (view->denoise != NULL)
    paint_surface (cr, view, view->denoise, &view->context, TRUE);
  cairo_set_source_rgba (cr, 0.25, 0.45, 1.0, 0.45);
  if (view->composite != NULL)
    paint_surface (cr, view, view->composite, &view->context, TRUE);
}

static void
paint_picture (cairo_t *cr, DifUiCanvasView *view)
{
  double x, y, width = scale_of (view) * view->area.width;

  cairo_save (cr);
  if (view->wipe >= 0.0)
    {
      to_widget (view, view->area.x, view->area.y, &x, &y);
      cairo_rectangle (cr, x + view->wipe * width, y, (1.0 - view->wipe) * width,
                       scale_of (view) * view->area.height);
      cairo_clip (cr);
    }
  paint_surface (cr, view, view->picture, &view->area, FALSE);
  cairo_restore (cr);
  if (view->wipe < 0.0)
    return;
  cairo_set_source_rgba (cr, 1.0, 1.0, 1.0, 0.8);
  cairo_rectangle (cr, x + view->wipe * width - 0.5, y, 1.0,
                   scale_of (view) * view->area.height);
  cairo_fill (cr);
}

/* A dashed frame that is seen on any ground. */
static void
paint_frame (cairo_t *cr, double x, double y, double width, double height)
{
  static const double dashes[] = { 5.0, 5.0 };

  cairo_set_line_width (cr, 1.0);
  for (int i = 0; i < 2; i++)
    {
      cairo_set_source_rgba (cr, i, i, i, 0.9);
      cairo_set_dash (cr, dashes, 2, 5.0 * i);
      cairo_rectangle (cr, floor (x) + 0.5, floor (y) + 0.5, floor (width), floor (height));
      cairo_stroke (cr);
    }
}

/* The size that is computed at, in the frame's corner. */
static void
paint_size (cairo_t *cr, DifUiCanvasView *view, double x, double y)
{
  g_autofree char *text =
      g_strdup_printf (_ ("%d × %d"), view->plan_width, view->plan_height);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (view), text);
  int                     width, height;

  pango_layout_get_pixel_size (layout, &width, &height);
  x = CLAMP (x, 0.0, MAX (gtk_widget_get_allocated_width (GTK_WIDGET (view)) - width - 8.0, 0.0));
  y = MAX (y - height - 4.0, 0.0);
  cairo_set_source_rgba (cr, 0.0, 0.0, 0.0, 0.7);
  cairo_rectangle (cr, x, y, width + 8.0, height + 4.0);
  cairo_fill (cr);
  cairo_set_source_rgb (cr, 1.0, 1.0, 1.0);
  cairo_move_to (cr, x + 4.0, y + 2.0);
  pango_cairo_show_layout (cr, layout);
}

static gboolean
draw (GtkWidget *widget, cairo_t *cr)
{
  DifUiCanvasView *view   = DIF_UI_CANVAS_VIEW (widget);
  GtkStyleContext *style  = gtk_widget_get_style_context (widget);
  double           scale  = scale_of (view), x, y;
  int              width  = gtk_widget_get_allocated_width (widget);
  int              height = gtk_widget_get_allocated_height (widget);

  gtk_render_background (style, cr, 0, 0, width, height);
  if (view->canvas != NULL)
    {
      paint_canvas (cr, view);
      if (view->picture != NULL && ! view->is_before)
        paint_picture (cr, view);
      else if (view->picture == NULL && view->has_plan)
        paint_masks (cr, view);
      if (view->has_plan)
        {
          to_widget (view, view->context.x, view->context.y, &x, &y);
          paint_frame (cr, x, y, view->context.width * scale, view->context.height * scale);
          paint_size (cr, view, x, y);
        }
    }
  if (gtk_widget_has_visible_focus (widget))
    gtk_render_focus (style, cr, 0, 0, width, height);
  return FALSE;
}

/* ---- the mouse and keys ---- */

static guint
edges_at (DifUiCanvasView *view, double x, double y)
{
  double x1, y1, x2, y2;
  guint  edges = 0;

  if (! view->has_plan)
    return 0;
  to_widget (view, view->context.x, view->context.y, &x1, &y1);
  to_widget (view, view->context.x + view->context.width, view->context.y + view->context.height,
             &x2, &y2);
  if (x < x1 - GRIP || x > x2 + GRIP || y < y1 - GRIP || y > y2 + GRIP)
    return 0;
  edges |= fabs (x - x1) <= GRIP ? LEFT : fabs (x - x2) <= GRIP ? RIGHT
                                                                : 0;
  edges |= fabs (y - y1) <= GRIP ? TOP : fabs (y - y2) <= GRIP ? BOTTOM
                                                               : 0;
  return edges;
}

static void
show_cursor (DifUiCanvasView *view, guint edges)
{
  static const char *const names[] = {
    [0]        = NULL,
    [LEFT]     = "w-resize",
    [RIGHT]    = "e-resize",
    [TOP]      = "n-resize",
    [TOP |
        LEFT]  = "nw-resize",
    [TOP |
        RIGHT] = "ne-resize",
    [BOTTOM]   = "s-resize",
    [BOTTOM |
        LEFT]  = "sw-resize",
    [BOTTOM |
        RIGHT] = "se-resize",
  };
  GdkWindow            *window = gtk_widget_get_window (GTK_WIDGET (view));
  g_autoptr (GdkCursor) cursor = NULL;

  if (edges < G_N_ELEMENTS (names) && names[edges] != NULL)
    cursor = gdk_cursor_new_from_name (gdk_window_get_display (window), names[edges]);
  gdk_window_set_cursor (window, cursor);
}

static void
set_wipe (DifUiCanvasView *view, double x)
{
  double x1, y1;

  to_widget (view, view->area.x, view->area.y, &x1, &y1);
  view->wipe = CLAMP ((x - x1) / (scale_of (view) * view->area.width), 0.0, 1.0);
  gtk_widget_queue_draw (GTK_WIDGET (view));
}

static gboolean
button_press (GtkWidget *widget, GdkEventButton *event)
{
  DifUiCanvasView *view = DIF_UI_CANVAS_VIEW (widget);

  gtk_widget_grab_focus (widget);
  if (event->button != GDK_BUTTON_PRIMARY)
    return FALSE;
  view->edges = edges_at (view, event->x, event->y);
  if (view->edges == 0 && view->picture != NULL)
    set_wipe (view, event->x);
  return TRUE;
}

static void
drag_edges (DifUiCanvasView *view, double x, double y)
{
  DifUiRect *r  = &view->context;
  int        x2 = r->x + r->width, y2 = r->y + r->height;

  to_canvas (view, x, y, &x, &y);
  if (view->edges & LEFT)
    r->x = CLAMP ((int) x, 0, x2 - LEAST);
  if (view->edges & RIGHT)
    x2 = CLAMP ((int) x, r->x + LEAST, MAX (view->width, r->x + LEAST));
  if (view->edges & TOP)
    r->y = CLAMP ((int) y, 0, y2 - LEAST);
  if (view->edges & BOTTOM)
    y2 = CLAMP ((int) y, r->y + LEAST, MAX (view->height, r->y + LEAST));
  r->width  = x2 - r->x;
  r->height = y2 - r->y;
  gtk_widget_queue_draw (GTK_WIDGET (view));
}

static gboolean
motion (GtkWidget *widget, GdkEventMotion *event)
{
  DifUiCanvasView *view = DIF_UI_CANVAS_VIEW (widget);

  if (view->edges != 0)
    drag_edges (view, event->x, event->y);
  else if (view->wipe >= 0.0)
    set_wipe (view, event->x);
  else
    show_cursor (view, edges_at (view, event->x, event->y));
  return TRUE;
}

static gboolean
button_release (GtkWidget *widget, GdkEventButton *event)
{
  DifUiCanvasView *view    = DIF_UI_CANVAS_VIEW (widget);
  DifUiRect        context = view->context;
  gboolean         is_drag = view->edges != 0;

  view->edges = 0;
  view->wipe  = NO_WIPE;
  gtk_widget_queue_draw (widget);
  if (is_drag)
    g_signal_emit (view, seen_changed, 0, &context);
  return TRUE;
}

static gboolean
scroll (GtkWidget *widget, GdkEventScroll *event)
{
  DifUiCanvasView *view  = DIF_UI_CANVAS_VIEW (widget);
  double           scale = scale_of (view), delta_x = 0.0, delta_y = 0.0;

  if (! gdk_event_get_scroll_deltas ((GdkEvent *) event, &delta_x, &delta_y))
    {
      delta_x = event->direction == GDK_SCROLL_LEFT    ? -1.0
                : event->direction == GDK_SCROLL_RIGHT ? 1.0
                                                       : 0.0;
      delta_y = event->direction == GDK_SCROLL_UP     ? -1.0
                : event->direction == GDK_SCROLL_DOWN ? 1.0
                                                      : 0.0;
    }
  if ((event->state & GDK_CONTROL_MASK) != 0)
    dif_ui_canvas_view_zoom (view, pow (ZOOM_STEP, -delta_y));
  else if (view->zoom > 1.0)
    {
      view->x = CLAMP (view->x + 40.0 * delta_x / scale, 0.0, view->width);
      view->y = CLAMP (view->y + 40.0 * delta_y / scale, 0.0, view->height);
      gtk_widget_queue_draw (widget);
    }
  else
    return FALSE;
  return TRUE;
}

static gboolean
key_press (GtkWidget *widget, GdkEventKey *event)
{
  DifUiCanvasView *view = DIF_UI_CANVAS_VIEW (widget);

  switch (event->keyval)
    {
    case GDK_KEY_b:
    case GDK_KEY_B:
      dif_ui_canvas_view_set_before (view, TRUE);
      return TRUE;
    case GDK_KEY_plus:
    case GDK_KEY_equal:
    case GDK_KEY_KP_Add:
      dif_ui_canvas_view_zoom (view, ZOOM_STEP);
      return TRUE;
    case GDK_KEY_minus:
    case GDK_KEY_KP_Subtract:
      dif_ui_canvas_view_zoom (view, 1.0 / ZOOM_STEP);
      return TRUE;
    case GDK_KEY_0:
    case GDK_KEY_KP_0:
      dif_ui_canvas_view_zoom (view, 0.0);
      return TRUE;
    default:
      return GTK_WIDGET_CLASS (dif_ui_canvas_view_parent_class)->key_press_event (widget, event);
    }
}

static gboolean
key_release (GtkWidget *widget, GdkEventKey *event)
{
  if (event->keyval != GDK_KEY_b && event->keyval != GDK_KEY_B)
    return GTK_WIDGET_CLASS (dif_ui_canvas_view_parent_class)->key_release_event (widget, event);
  dif_ui_canvas_view_set_before (DIF_UI_CANVAS_VIEW (widget), FALSE);
  return TRUE;
}

static gboolean
focus_out (GtkWidget *widget, GdkEventFocus *event)
{
  dif_ui_canvas_view_set_before (DIF_UI_CANVAS_VIEW (widget), FALSE);
  return GTK_WIDGET_CLASS (dif_ui_canvas_view_parent_class)->focus_out_event (widget, event);
}

/* ---- the object ---- */

static void
clear_plan (DifUiCanvasView *view)
{
  g_clear_pointer (&view->denoise, cairo_surface_destroy);
  g_clear_pointer (&view->composite, cairo_surface_destroy);
  view->has_plan = FALSE;
}

static void
finalize (GObject *object)
{
  DifUiCanvasView *view = DIF_UI_CANVAS_VIEW (object);

  clear_plan (view);
  g_clear_pointer (&view->canvas, cairo_surface_destroy);
  g_clear_pointer (&view->picture, cairo_surface_destroy);
  G_OBJECT_CLASS (dif_ui_canvas_view_parent_class)->finalize (object);
}

static void
dif_ui_canvas_view_class_init (DifUiCanvasViewClass *klass)
{
  GtkWidgetClass *widget = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = finalize;
  widget->draw                     = draw;
  widget->button_press_event       = button_press;
  widget->button_release_event     = button_release;
  widget->motion_notify_event      = motion;
  widget->scroll_event             = scroll;
  widget->key_press_event          = key_press;
  widget->key_release_event        = key_release;
  widget->focus_out_event          = focus_out;

  seen_changed = g_signal_new ("seen-changed", DIF_UI_TYPE_CANVAS_VIEW, G_SIGNAL_RUN_LAST, 0, NULL,
                               NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
dif_ui_canvas_view_init (DifUiCanvasView *view)
{
  GtkWidget *widget = GTK_WIDGET (view);

  view->wipe = NO_WIPE;
  view->zoom = 1.0;
  gtk_widget_set_can_focus (widget, TRUE);
  gtk_widget_add_events (widget, GDK_BUTTON_PRESS_MASK | GDK_BUTTON_RELEASE_MASK |
                                     GDK_POINTER_MOTION_MASK | GDK_SCROLL_MASK |
                                     GDK_SMOOTH_SCROLL_MASK | GDK_KEY_PRESS_MASK |
                                     GDK_KEY_RELEASE_MASK | GDK_FOCUS_CHANGE_MASK);
  atk_object_set_name (gtk_widget_get_accessible (widget), _ ("Canvas"));
  gtk_widget_set_name (widget, "canvas");
}

GtkWidget *
dif_ui_canvas_view_new (void)
{
  return g_object_new (DIF_UI_TYPE_CANVAS_VIEW, NULL);
}

void
dif_ui_canvas_view_set_canvas (DifUiCanvasView *view, GdkPixbuf *thumbnail, int width, int height)
{
  gboolean is_new = view->width != width || view->height != height;

  g_clear_pointer (&view->canvas, cairo_surface_destroy);
  if (thumbnail != NULL)
    view->canvas = gdk_cairo_surface_create_from_pixbuf (thumbnail, 1, NULL);
  view->width  = width;
  view->height = height;
  if (is_new)
    dif_ui_canvas_view_zoom (view, 0.0);
  gtk_widget_queue_draw (GTK_WIDGET (view));
}

void
dif_ui_canvas_view_set_plan (DifUiCanvasView *view, const DifUiPlan *plan)
{
  if (view->edges != 0)
    return;
  clear_plan (view);
  if (plan != NULL)
    {
      view->has_plan    = TRUE;
      view->context     = plan->context;
      view->plan_width  = plan->width;
      view->plan_height = plan->height;
      if (plan->denoise != NULL)
        view->denoise = surface_of_mask (plan->denoise);
      if (plan->composite != NULL)
        view->composite = surface_of_mask (plan->composite);
    }
  gtk_widget_queue_draw (GTK_WIDGET (view));
}

void
dif_ui_canvas_view_set_picture (DifUiCanvasView *view, DifImage *picture, const DifUiRect *area,
                                DifImage *mask)
{
  g_clear_pointer (&view->picture, cairo_surface_destroy);
  if (picture != NULL)
    {
      view->picture = surface_of_picture (picture, mask);
      view->area    = *area;
    }
  gtk_widget_queue_draw (GTK_WIDGET (view));
}

void
dif_ui_canvas_view_set_before (DifUiCanvasView *view, gboolean is_before)
{
  view->is_before = is_before;
  gtk_widget_queue_draw (GTK_WIDGET (view));
}

void
dif_ui_canvas_view_zoom (DifUiCanvasView *view, double by)
{
  if (by == 0.0)
    {
      view->zoom = 1.0;
      view->x    = view->width / 2.0;
      view->y    = view->height / 2.0;
    }
  else
    view->zoom = CLAMP (view->zoom * by, 1.0, MAX_ZOOM);
  gtk_widget_queue_draw (GTK_WIDGET (view));
}
