/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* news.c - see news.h. */
#include "config.h"

#include "engine/news.h"

/* Sources that are still to be dispatched hold references. */
struct _DifNews
{
  GMainContext *context;
  DifWatch      watch;
  gboolean      is_over; /* nobody listens any more; of the context's thread */

  GMutex      lock; /* of what follows */
  DifProgress progress;
  gboolean    has_progress;
  DifPreview  preview;
  GBytes     *pixels; /* of the preview; NULL when it was shown */
};

static void
clear (gpointer data)
{
  DifNews *news = data;

  g_clear_pointer (&news->context, g_main_context_unref);
  g_clear_pointer (&news->pixels, g_bytes_unref);
  g_mutex_clear (&news->lock);
}

static void
release (gpointer news)
{
  g_atomic_rc_box_release_full (news, clear);
}

DifNews *
dif_news_new (GMainContext *context, const DifWatch *watch)
{
  DifNews *news = g_atomic_rc_box_new0 (DifNews);

  news->context = context != NULL ? g_main_context_ref (context) : NULL;
  news->watch   = *watch;
  g_mutex_init (&news->lock);
  return news;
}

void
dif_news_free (DifNews *news)
{
  if (news == NULL)
    return;
  news->is_over = TRUE;
  release (news);
}

/* Has the context call @func. */
static void
soon (DifNews *news, GSourceFunc func)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, g_atomic_rc_box_acquire (news), release);
  g_source_attach (source, news->context);
}

/* ---- on the context ---- */

static gboolean
tell_progress (gpointer user_data)
{
  DifNews    *news = user_data;
  DifProgress progress;

  g_mutex_lock (&news->lock);
  progress           = news->progress;
  news->has_progress = FALSE;
  g_mutex_unlock (&news->lock);
  if (! news->is_over && news->watch.progress != NULL)
    news->watch.progress (&progress, news->watch.user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
show_preview (gpointer user_data)
{
  DifNews           *news   = user_data;
  g_autoptr (GBytes) pixels = NULL;
  DifPreview         preview;

  g_mutex_lock (&news->lock);
  preview = news->preview;
  pixels  = g_steal_pointer (&news->pixels);
  g_mutex_unlock (&news->lock);
  preview.pixels = g_bytes_get_data (pixels, NULL);
  if (! news->is_over)
    news->watch.preview (&preview, news->watch.user_data);
  return G_SOURCE_REMOVE;
}

/* ---- on the computing thread ---- */

static void
on_progress (const DifProgress *progress, gpointer user_data)
{
  DifNews *news = user_data;
  gboolean had_one;

  g_mutex_lock (&news->lock);
  news->progress       = *progress;
  news->progress.stage = g_intern_string (progress->stage);
  had_one              = news->has_progress;
  news->has_progress   = TRUE;
  g_mutex_unlock (&news->lock);
  if (! had_one)
    soon (news, tell_progress);
}

static void
on_preview (const DifPreview *preview, gpointer user_data)
{
  DifNews *news   = user_data;
  gsize    n      = (gsize) preview->n_images * preview->width * preview->height * 3;
  GBytes  *pixels = g_bytes_new (preview->pixels, n), *before;

  g_mutex_lock (&news->lock);
  before        = news->pixels;
  news->preview = *preview;
  news->pixels  = pixels;
  g_mutex_unlock (&news->lock);
  if (before == NULL)
    soon (news, show_preview);
  else
    g_bytes_unref (before);
}

DifWatch
dif_news_watch (DifNews *news)
{
  DifWatch watch = { .progress   = on_progress,
                     .preview    = news->watch.preview != NULL ? on_preview : NULL,
                     .preview_ms = news->watch.preview_ms,
                     .user_data  = news };

  return watch;
}
