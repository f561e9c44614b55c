/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter-private.h - what the files of the painter share. */
#ifndef DIF_UI_PAINTER_PRIVATE_H
#define DIF_UI_PAINTER_PRIVATE_H

#include "ui/canvas-view.h"
#include "ui/history.h"
#include "ui/intent.h"
#include "ui/job-queue.h"
#include "ui/models.h"
#include "ui/painter.h"
#include "ui/results-strip.h"
#include "ui/store.h"

G_BEGIN_DECLS

struct _DifUiPainter
{
  const DifUiHost *host;
  DifUiStore      *store;
  GObject         *settings;
  DifUiQueue      *queue;
  DifUiHistory    *history;
  DifUiModel      *model;
  gboolean         is_closing;

  int         image; /* 0 for none */
  char       *image_key;
  DifUiLook   look;
  char       *images_seen; /* ids and names, as the chooser has them */
  char       *verb_shown;  /* what the button says */
  guint       n_shown;     /* jobs, as the tab says */
  DifUiVerb   chosen;      /* DIF_UI_N_VERBS: whatever suits */
  DifUiRect   seen;
  gboolean    has_seen;
  guint       poll, planning, saving;
  GHashTable *layers;                      /* job's name -> number of the layer applied for it */
  guint       live, live_state, live_seed; /* its timer; what was drawn last */
  gint64      refined;                     /* when a layer was last written, likewise */
  gint64      live_begun;                  /* in microseconds */
  GQueue      fresh;                       /* results with pixels as they were drawn */

  GtkWidget *root, *images, *about, *style, *prompt, *strength, *verbs, *generate;
  GtkWidget *progress_box, *progress, *panel, *queue_list, *queue_tab, *canvas, *strip;
  GtkWidget *message_box, *message, *live_switch, *apply, *discard, *vary, *before;
};

/* painter-canvas.c: following the host's images. */
void dif_ui_painter_poll (DifUiPainter *painter);
void dif_ui_painter_facts (DifUiPainter *painter, DifUiFacts *facts);
void dif_ui_painter_show_verb (DifUiPainter *painter);
void dif_ui_painter_plan_soon (DifUiPainter *painter);
void dif_ui_painter_take_key (DifUiPainter *painter, gboolean make);

/* Looks at the current image, at nothing else. */
void dif_ui_painter_glance (DifUiPainter *painter);

/* painter-live.c: drawing while the painter paints. */
void dif_ui_painter_set_live (DifUiPainter *painter, gboolean is_live);
void dif_ui_painter_make_live (GObject *settings, guint seed);
void dif_ui_painter_take_live (DifUiPainter *painter, DifUiJob *job, DifResult *result);

/* painter-jobs.c: the queue and what comes out of it. */
/* Draws what the button says; @live_side: 0 for as it should be, or at most so large and
 * live. */
void dif_ui_painter_draw (DifUiPainter *painter, int live_side);
void dif_ui_painter_start_queue (DifUiPainter *painter);
void dif_ui_painter_show_result (DifUiPainter *painter, DifUiResult *result);
void dif_ui_painter_show_progress (DifUiPainter *painter);

/* painter-results.c: the strip. */
GtkWidget *dif_ui_painter_new_strip (DifUiPainter *painter);
void       dif_ui_painter_fill_strip (DifUiPainter *painter);
void       dif_ui_painter_take_keepsake (DifUiPainter *painter);
void       dif_ui_painter_refine_layer (DifUiPainter *painter, DifUiJob *job);
void       dif_ui_painter_take_result (DifUiPainter *painter, DifUiJob *job, DifResult *result);
void       dif_ui_painter_command (DifUiPainter *painter, DifUiResultCommand command);

/* painter.c */
void      dif_ui_painter_say (DifUiPainter *painter, const char *text);
DifUiVerb dif_ui_painter_verb (DifUiPainter *painter, const DifUiFacts *facts);

G_END_DECLS

#endif /* DIF_UI_PAINTER_PRIVATE_H */
