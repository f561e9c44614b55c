/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* news.h - how a run gets on, from the thread that computes to a main context.
 *
 * What the context did not fetch in time gives way to what came after it.
 */
#ifndef DIF_ENGINE_NEWS_H
#define DIF_ENGINE_NEWS_H

#include "dif.h"

G_BEGIN_DECLS

/** DifNews: what is on its way. */
typedef struct _DifNews DifNews;

/**
 * dif_news_new:
 * @context: (nullable): where @watch is told; NULL for the default one
 * @watch: copied
 *
 * Returns: (transfer full): nothing on its way
 */
DifNews *dif_news_new (GMainContext *context, const DifWatch *watch);

/**
 * dif_news_free:
 * @news: (nullable) (transfer full): from its context's thread: nothing is told any more
 */
void dif_news_free (DifNews *news);

/**
 * dif_news_watch:
 * @news: lives until the computing is over
 *
 * Returns: what to give to the thread that computes
 */
DifWatch dif_news_watch (DifNews *news);

G_END_DECLS

#endif /* DIF_ENGINE_NEWS_H */
