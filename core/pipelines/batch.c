/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* batch.c - the pictures of a request, over all devices that have the model.
 *
 * Each device draws a share by itself, with the numbers that its pictures would
 * have got on a single one; nothing goes from device to device.  The first
 * draws in the caller's thread and speaks for all of progress.
 */
#include "base/error.h"
#include "pipelines/pipelines-private.h"

typedef struct
{
  DifPipeline  *pipe;
  DifRequest   *rq;
  DifShare      share;
  GCancellable *cancellable; /* of all parts */
  GThread      *thread;
  DifResult    *result;
  GError       *error;
} Part;

static void
draw (Part *part, DifProgressFunc progress, gpointer user_data)
{
  part->result = _dif_pipeline_draw (part->pipe, part->rq, &part->share, progress, user_data,
                                     part->cancellable, &part->error);
  /* what the others draw is of no use then */
  if (! part->result)
    g_cancellable_cancel (part->cancellable);
}

static gpointer
draw_in_thread (gpointer part)
{
  draw (part, NULL, NULL);
  return NULL;
}

static void
cancel_parts (GCancellable *cancellable, gpointer inner)
{
  g_cancellable_cancel (inner);
}

/* The failure that made the others give up. */
static void
propagate_first (Part *parts, guint n, GError **error)
{
  Part *first = NULL;

  for (guint i = 0; i < n; i++)
    if (parts[i].error &&
        (! first || g_error_matches (first->error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
      first = &parts[i];
  if (first->pipe->place && ! g_error_matches (first->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_prefix_error (&first->error, "%s: ", first->pipe->place);
  g_propagate_error (error, g_steal_pointer (&first->error));
}

/* Draws all parts at the same time; FALSE if any failed. */
static gboolean
draw_all (Part *parts, guint n, DifProgressFunc progress, gpointer user_data,
          GCancellable *cancellable, GError **error)
{
  g_autoptr (GCancellable) inner = g_cancellable_new ();
  gulong                   tie   = 0;
  gboolean                 ok    = TRUE;

  if (cancellable)
    tie = g_cancellable_connect (cancellable, G_CALLBACK (cancel_parts), inner, NULL);
  for (guint i = 0; i < n; i++)
    parts[i].cancellable = inner;
  for (guint i = 1; i < n; i++)
    {
      parts[i].thread =
          g_thread_try_new ("dif-share", draw_in_thread, &parts[i], &parts[i].error);
      if (! parts[i].thread)
        g_cancellable_cancel (inner);
    }
  draw (&parts[0], progress, user_data);
  for (guint i = 1; i < n; i++)
    if (parts[i].thread)
      g_thread_join (parts[i].thread);
  g_cancellable_disconnect (cancellable, tie);
  for (guint i = 0; i < n; i++)
    ok = ok && parts[i].result;
  if (! ok)
    propagate_first (parts, n, error);
  return ok;
}

/* On how many devices; who looks at single ops or tensors wants them from one. */
static guint
count_parts (DifPipeline *pipe, guint n_images)
{
  if (! pipe->others || pipe->dump || pipe->profile)
    return 1;
  return MIN (n_images, 1 + pipe->others->len);
}

/* As draw_all(), the parts' pictures in one result. */
static DifResult *
draw_batch (DifPipeline *pipe, DifRequest *rq, guint64 seed, DifProgressFunc progress,
            gpointer user_data, GCancellable *cancellable, GError **error)
{
  guint            n_images = (guint) dif_request_number (rq, "num-images");
  guint            n        = count_parts (pipe, n_images);
  DifShare         whole    = { seed, 0, n_images };
  DifResult       *result   = NULL;
  g_autofree Part *parts    = NULL;

  if (n <= 1)
    return _dif_pipeline_draw (pipe, rq, &whole, progress, user_data, cancellable, error);
  parts = g_new0 (Part, n);
  for (guint i = 0; i < n; i++)
    {
      guint from = n_images / n * i + MIN (i, n_images % n);

      parts[i].pipe  = i ? pipe->others->pdata[i - 1] : pipe;
      parts[i].rq    = rq;
      parts[i].share = (DifShare) { seed, from, n_images / n + (i < n_images % n) };
    }
  if (draw_all (parts, n, progress, user_data, cancellable, error))
    {
      g_autofree DifResult **results = g_new (DifResult *, n);

      for (guint i = 0; i < n; i++)
        results[i] = parts[i].result;
      result = _dif_result_join (results, n);
      if (! result)
        g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                     "out of memory: joining the pictures of %u devices", n);
    }
  for (guint i = 0; i < n; i++)
    {
      dif_result_free (parts[i].result);
      g_clear_error (&parts[i].error);
    }
  return result;
}

DifResult *
dif_pipeline_run (DifPipeline *pipe, DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                  GCancellable *cancellable, GError **error)
{
  GError               *why    = NULL;
  double                wanted = dif_request_number (rq, "seed");
  guint64               seed   = wanted < 0 ? g_random_int () : (guint64) wanted;
  g_autoptr (DifResult) result = NULL;

  if (pipe->is_mixed)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "%s: expected adapters that could be laid over, found a mixture after a failure",
                   dif_checkpoint_path (pipe->checkpoint));
      return NULL;
    }
  result = draw_batch (pipe, rq, seed, progress, user_data, cancellable, &why);
  if (! result && _dif_pipeline_fall_back_to_cpu (pipe, &why, progress, user_data, cancellable))
    result = draw_batch (pipe, rq, seed, progress, user_data, cancellable, &why);
  if (! result)
    g_propagate_error (error, why);
  else if (! dif_result_n_images (result))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                   "%s; to keep such pictures, set safety-checker to warn",
                   dif_result_warning (result));
      return NULL;
    }
  return g_steal_pointer (&result);
}
