/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.h - what the painter's window asks of the program that it stands in.
 *
 * GIMP's is plugin/window-host.c; ui-demo has one for a picture out of a file.
 * Images and layers are numbers, looked up anew at every call: either may be gone.
 */
#ifndef DIF_UI_HOST_H
#define DIF_UI_HOST_H

#include <gdk-pixbuf/gdk-pixbuf.h>

#include "dif.h"

G_BEGIN_DECLS

/** DifUiRect: a part of a canvas, in its pixels. */
typedef struct
{
  int x, y, width, height;
} DifUiRect;

/**
 * DifUiLook:
 * @width: @height: of the canvas
 * @is_selected: whether something is
 * @selection: its bounds
 * @cover: as of DifUiFacts
 * @stamp: another one when what can be seen or is selected has changed
 *
 * A glance at an image: cheap enough for four a second.
 */
typedef struct
{
  int       width, height;
  gboolean  is_selected;
  DifUiRect selection;
  double    cover;
  guint     stamp;
} DifUiLook;

/**
 * DifUiPlan:
 * @context: what the model sees, and its picture covers
 * @target: the part that was asked for
 * @width: @height: of the model's picture
 * @denoise: (nullable) (transfer full): one channel, of that size: what is repainted
 * @composite: (nullable) (transfer full): likewise: where the new layer shows
 *
 * Where a drawing would go.
 */
typedef struct
{
  DifUiRect context, target;
  int       width, height;
  DifImage *denoise, *composite;
} DifUiPlan;

/**
 * DifUiDrawing:
 * @rq: what is asked for, pictures included
 * @task: its task
 * @context: the part of the canvas that pictures cover
 * @composite: (nullable): as of DifUiPlan
 * @before: (nullable): what could be seen in @context
 * @place: the host's own: where pictures go
 * @place_free: (nullable): frees @place
 *
 * All that a job needs, as it was when it was gathered.
 */
typedef struct
{
  DifRequest    *rq;
  const char    *task;
  DifUiRect      context;
  DifImage      *composite, *before;
  gpointer       place;
  GDestroyNotify place_free;
} DifUiDrawing;

/**
 * DifUiWish:
 * @image: the image
 * @task: a task
 * @settings: as of dif_ui_settings_new_all()
 * @seen: (nullable): what the model is to see, instead of the rule's context
 * @side: (optional): the picture's longest side at most, 0 for as large as suits the model
 *
 * What a plan or a drawing is for.
 */
typedef struct
{
  int              image;
  const char      *task;
  GObject         *settings;
  const DifUiRect *seen;
  int              side;
} DifUiWish;

/**
 * DifUiGift:
 * @pixels: a picture
 * @recipe: how it was made, where it goes included
 * @place: (nullable): as of DifUiDrawing, while its job is remembered
 * @safety: the verdict on it
 *
 * A picture for a canvas.
 */
typedef struct
{
  DifImage   *pixels;
  const char *recipe;
  gpointer    place;
  DifSafety   safety;
} DifUiGift;

/**
 * DifUiRunner:
 * @run: as dif_engine_run_async()
 * @finish: as dif_engine_run_finish()
 *
 * Who draws.
 */
typedef struct
{
  void (*run) (DifRequest *rq, const DifWatch *watch, GCancellable *cancellable,
               GAsyncReadyCallback callback, gpointer user_data);
  DifResult *(*finish) (GAsyncResult *result, GError **error);
} DifUiRunner;

/**
 * DifUiHost:
 * @data: for all functions
 * @runner: who draws
 * @images: ids of all open images, the newest first, and then 0 (transfer full)
 * @name: (transfer full) (nullable): what it is called; NULL if it is gone
 * @look: FALSE if the image is gone
 * @key: (transfer full) (nullable): a name of the image that outlives the session; NULL if
 *   it has none yet and @make is FALSE
 * @thumbnail: what can be seen, with alpha, no side longer than @side; NULL if it is gone
 * @params: parameters of a task besides its own
 * @plan: changes nothing on the canvas
 * @gather: changes nothing on the canvas
 * @recipes: of every picture of a result (transfer full)
 * @apply: one undo step; the layer's number, or 0 with @error
 * @write: puts a picture into a layer of apply(); no undo step; FALSE if it is gone
 * @keep: a few megabytes of results that stay with the image: no undo step, not dirty;
 *   without @bytes what was kept goes
 * @kept: (transfer full) (nullable): them
 *
 * A program with canvases.
 */
typedef struct
{
  gpointer    data;
  DifUiRunner runner;
  int *(*images) (gpointer data);
  char *(*name) (gpointer data, int image);
  gboolean (*look) (gpointer data, int image, DifUiLook *look);
  char *(*key) (gpointer data, int image, gboolean make);
  GdkPixbuf *(*thumbnail) (gpointer data, int image, int side);
  const DifParam *(*params) (gpointer data, const char *task, guint *n);
  gboolean (*plan) (gpointer data, const DifUiWish *wish, DifUiPlan *plan, GError **error);
  DifUiDrawing *(*gather) (gpointer data, const DifUiWish *wish, GError **error);
  char **(*recipes) (gpointer data, DifUiDrawing *drawing, DifResult *result, GError **error);
  int (*apply) (gpointer data, int image, const DifUiGift *gift, GError **error);
  gboolean (*write) (gpointer data, int image, int layer, const DifUiGift *gift, GError **error);
  void (*keep) (gpointer data, int image, GBytes *bytes);
  GBytes *(*kept) (gpointer data, int image);
} DifUiHost;

/**
 * dif_ui_drawing_free:
 * @drawing: (nullable) (transfer full): a drawing
 */
void dif_ui_drawing_free (DifUiDrawing *drawing);

/**
 * dif_ui_plan_clear:
 * @plan: a plan, whose masks are freed
 */
void dif_ui_plan_clear (DifUiPlan *plan);

G_END_DECLS

#endif /* DIF_UI_HOST_H */
