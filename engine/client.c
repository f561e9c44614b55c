/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* client.c - calls of the engine, as events on the caller's main context.
 *
 * A call reaches the engine (in a thread, since it may have to wait), says hello,
 * asks, and takes messages until the answer is whole.  A run that reaches no
 * engine is computed in a thread of this process.
 */
#include "config.h"

#include <string.h>

#include "engine/client.h"
#include "engine/connection.h"
#include "engine/message.h"
#include "engine/news.h"
#include "engine/picture.h"
#include "engine/reach.h"
#include "engine/warm.h"

#define ANSWER_MS 20000
#define CANCEL_MS 2000
#define QUIT_MS   3000
#define ATTEMPTS  2

/* What a call waits for. */
typedef enum
{
  REACHING,   /* the thread that looks for an engine */
  GREETING,   /* the engine's hello */
  ASKING,     /* its answer */
  CANCELLING, /* that the run, which is of no use any more, is over */
  COMPUTING   /* the thread that computes in the engine's place */
} State;

/* The data of a GTask; ends with it. */
typedef struct
{
  GTask      *task;
  State       state;
  guint       attempt;
  DifRequest *rq; /* NULL for a question */
  const char *question, *answer;
  guint       patience; /* with the engine's answers, in milliseconds */
  DifWatch    watch;

  DifConnection *connection;
  int            pid;
  GSource       *timer;
  GSource       *cancel_source;
  DifResult     *result; /* as far as it has arrived */
  guint          n_arrived;
  guint8        *has;     /* which of its pictures have */
  gboolean       is_full; /* there was no memory for it */

  DifNews *news; /* of a computing thread */
} Call;

static void reach (Call *call);
static void compute (Call *call);

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
call_free (gpointer data)
{
  Call *call = data;

  dif_request_free (call->rq);
  dif_result_free (call->result);
  g_free (call->has);
  g_free (call);
}

static Call *
call_new (GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  Call  *call = g_new0 (Call, 1);
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);

  call->task     = task;
  call->patience = ANSWER_MS;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, call, call_free);
  return call;
}

/* ---- the end of a call ---- */

/* Nothing happens any more but what the caller does with the answer. */
static GTask *
call_close (Call *call)
{
  clear_source (&call->timer);
  clear_source (&call->cancel_source);
  g_clear_pointer (&call->connection, dif_connection_free);
  g_clear_pointer (&call->news, dif_news_free);
  return call->task;
}

/* Takes @failure. */
static void
call_fail (Call *call, GError *failure)
{
  g_autoptr (GTask) task = call_close (call);

  if (call->state == CANCELLING)
    {
      g_clear_error (&failure);
      g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
    }
  else
    {
      g_task_return_error (task, failure);
    }
}

static void
call_succeed (Call *call, gpointer value, GDestroyNotify destroy)
{
  g_autoptr (GTask) task = call_close (call);

  g_task_return_pointer (task, value, destroy);
}

static void
call_fail_with (Call *call, GQuark domain, int code, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static void
call_fail_with (Call *call, GQuark domain, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  call_fail (call, g_error_new_valist (domain, code, format, args));
  va_end (args);
}

/* No engine, or none that says hello: a run is computed here, then.  Takes
 * @failure. */
static void
call_do_without (Call *call, GError *failure)
{
  if (call->rq == NULL || g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      call_fail (call, failure);
      return;
    }
  g_debug ("no engine, this process computes: %s", failure->message);
  g_error_free (failure);
  clear_source (&call->timer);
  clear_source (&call->cancel_source);
  g_clear_pointer (&call->connection, dif_connection_free);
  compute (call);
}

/* ---- pictures ---- */

/* Returns: FALSE if it is not a picture that fits those before it */
static gboolean
take_picture (Call *call, DifFrame *frame)
{
  DifJson *header   = frame->header;
  guint    index    = (guint) dif_json_require_int (header, "index", 0, DIF_ENGINE_MAX_IMAGES - 1);
  guint    n_images = (guint) dif_json_require_int (header, "n_images", 1, DIF_ENGINE_MAX_IMAGES);
  guint    width    = (guint) dif_json_require_int (header, "width", 1, DIF_ENGINE_MAX_SIDE);
  guint    height   = (guint) dif_json_require_int (header, "height", 1, DIF_ENGINE_MAX_SIDE);
  guint64  seed     = (guint64) dif_json_require_int (header, "seed", 0, G_MAXUINT32);
  guint    batch    = (guint) dif_json_int (header, "batch_index", index, 0, DIF_ENGINE_MAX_IMAGES);
  guint    safety   = (guint) dif_json_int (header, "safety", DIF_SAFETY_UNCHECKED,
                                            DIF_SAFETY_UNCHECKED, DIF_SAFETY_FLAGGED);
  gsize    expected = (gsize) width * height * 3 * sizeof (float);

  if (! dif_json_finish (header, NULL) || index >= n_images || frame->payload == NULL ||
      g_bytes_get_size (frame->payload) != expected)
    return FALSE;
  if (call->result == NULL)
    {
      call->result  = dif_result_new (n_images, width, height, seed);
      call->is_full = call->result == NULL;
      if (call->is_full)
        return FALSE;
      call->has = g_new0 (guint8, n_images);
    }
  if (dif_result_n_images (call->result) != n_images || dif_result_width (call->result) != width ||
      dif_result_height (call->result) != height || call->has[index])
    return FALSE;
  dif_result_fill (call->result, index, g_bytes_get_data (frame->payload, NULL),
                   dif_json_string (header, "recipe", ""));
  dif_result_set_verdict (call->result, index, batch, (DifSafety) safety);
  call->has[index] = 1;
  call->n_arrived++;
  return TRUE;
}

/* Returns: FALSE if it is no plane, or one too many */
static gboolean
take_plane (DifFrame *frame, DifResult *result)
{
  g_autoptr (DifImage)    image = dif_picture_unpack (frame, NULL);
  const char             *name  = dif_json_string (frame->header, "name", "");
  g_autofree const char **names = dif_result_plane_names (result);

  if (! dif_json_finish (frame->header, NULL) || image == NULL ||
      g_strv_length ((char **) names) >= DIF_ENGINE_MAX_INPUTS)
    return FALSE;
  dif_result_set_plane (result, name, image);
  return TRUE;
}

/* Returns: FALSE if it is no part of a result that makes sense here */
static gboolean
take_part (Call *call, DifFrame *frame)
{
  if (dif_message_is (frame->header, "picture"))
    return take_picture (call, frame);
  return call->result != NULL && take_plane (frame, call->result);
}

static void
take_done (Call *call, DifJson *header)
{
  guint n_images = call->result != NULL ? dif_result_n_images (call->result) : 1;

  if (call->n_arrived < n_images)
    {
      call_fail_with (call, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                      "dif-engine: expected %u pictures before the end of the answer, found %u",
                      n_images, call->n_arrived);
      return;
    }
  dif_result_set_warning (call->result, dif_json_string (header, "warning", NULL));
  dif_result_set_n_withheld (
      call->result, (guint) dif_json_int (header, "n_withheld", 0, 0, DIF_ENGINE_MAX_IMAGES));
  dif_json_finish (header, NULL);
  call_succeed (call, g_steal_pointer (&call->result), (GDestroyNotify) dif_result_free);
}

/* ---- messages ---- */

static void
send_question (Call *call)
{
  g_autoptr (DifJson) message = dif_message_new (call->question);
  g_autoptr (DifJson) request = call->rq != NULL ? dif_request_to_json (call->rq) : NULL;

  if (request != NULL)
    dif_json_set_copy (message, "request", request);
  if (call->watch.preview != NULL)
    dif_json_set_double (message, "preview_ms", MAX (call->watch.preview_ms, 1));
  dif_connection_send (call->connection, message, NULL);
}

static gboolean
send_input (Call *call, const DifParam *row, GError **error)
{
  DifImage           *image   = dif_request_image (call->rq, row->name);
  g_autoptr (DifJson) message = dif_message_new ("input");
  g_autoptr (GBytes)  pixels  = NULL;

  if (image == NULL)
    return TRUE;
  pixels = dif_picture_pack (image, message, error);
  if (pixels == NULL)
    return FALSE;
  dif_json_set_string (message, "name", row->name);
  dif_connection_send (call->connection, message, pixels);
  return TRUE;
}

/* The pictures that the request starts from, ahead of it. */
static gboolean
send_inputs (Call *call, GError **error)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (dif_request_task (call->rq), &n);

  for (guint i = 0; i < n; i++)
    if (rows[i].type == DIF_PARAM_IMAGE && ! send_input (call, &rows[i], error))
      return FALSE;
  return TRUE;
}

static void
take_hello (Call *call, DifJson *header)
{
  GError *failure  = NULL;
  gint64  protocol = dif_json_int (header, "protocol", 0, 0, G_MAXINT);

  call->pid = (int) dif_json_int (header, "pid", 0, 0, G_MAXINT);
  if (dif_json_finish (header, &failure) && protocol < DIF_ENGINE_OLDEST)
    g_set_error (&failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                 "dif-engine: expected protocol %d or newer, found %" G_GINT64_FORMAT,
                 DIF_ENGINE_OLDEST, protocol);
  if (failure != NULL)
    {
      call_do_without (call, failure);
      return;
    }
  call->state = ASKING;
  /* a run takes as long as it takes */
  if (call->rq != NULL)
    clear_source (&call->timer);
  if (call->rq != NULL && ! send_inputs (call, &failure))
    call_fail (call, failure);
  else
    send_question (call);
}

static void
take_progress (Call *call, DifJson *header)
{
  DifProgress now;

  if (! dif_message_to_progress (header, &now))
    call_fail_with (call, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                    "dif-engine: expected how far it is, found a message that makes no sense");
  else if (call->watch.progress != NULL && call->state == ASKING)
    call->watch.progress (&now, call->watch.user_data);
}

static void
take_preview (Call *call, DifFrame *frame)
{
  DifPreview preview;

  if (call->watch.preview == NULL)
    return; /* it was not asked for */
  if (dif_message_to_preview (frame->header, frame->payload, &preview))
    call->watch.preview (&preview, call->watch.user_data);
  else
    call_fail_with (call, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                    "dif-engine: expected a preview, found a message that makes no sense");
}

/* Of a run; what is not known is left alone. */
static void
take_news (Call *call, DifFrame *frame)
{
  DifJson *header = frame->header;

  if (dif_message_is (header, "progress"))
    take_progress (call, header);
  else if (dif_message_is (header, "preview"))
    take_preview (call, frame);
  else if (dif_message_is (header, "done"))
    take_done (call, header);
  else if ((! dif_message_is (header, "picture") && ! dif_message_is (header, "plane")) ||
           take_part (call, frame))
    return;
  else if (call->is_full)
    call_fail_with (call, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY,
                    "out of memory: the pictures of an answer");
  else
    call_fail_with (call, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                    "dif-engine: expected pictures, found a message that makes no sense");
}

static void
on_message (DifConnection *connection, DifFrame *frame, gpointer user_data)
{
  Call    *call   = user_data;
  DifJson *header = frame->header;

  if (dif_message_is (header, "error"))
    {
      if (call->state == GREETING)
        call_do_without (call, dif_message_to_error (header));
      else
        call_fail (call, dif_message_to_error (header));
    }
  else if (call->state == GREETING)
    {
      if (dif_message_is (header, "hello"))
        take_hello (call, header);
    }
  else if (call->state == CANCELLING)
    {
      if (dif_message_is (header, "done"))
        call_fail (call, NULL);
    }
  else if (call->rq != NULL)
    {
      take_news (call, frame);
    }
  else if (dif_message_is (header, call->answer))
    {
      call_succeed (call, dif_json_ref (header), (GDestroyNotify) dif_json_unref);
    }
}

static void
on_closed (DifConnection *connection, const GError *failure, gpointer user_data)
{
  Call   *call = user_data;
  GError *lost;

  if (failure != NULL)
    {
      call_fail (call, g_error_copy (failure));
      return;
    }
  lost = g_error_new (DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                      "dif-engine (process %d): expected an answer, found that it had ended "
                      "(it may have run out of memory)",
                      call->pid);
  if (call->state != GREETING)
    {
      call_fail (call, lost);
    }
  else if (++call->attempt < ATTEMPTS)
    {
      /* one that was about to end */
      g_error_free (lost);
      clear_source (&call->timer);
      g_clear_pointer (&call->connection, dif_connection_free);
      reach (call);
    }
  else
    {
      call_do_without (call, lost);
    }
}

static const DifConnectionEvents events = { on_message, on_closed };

/* ---- time and cancelling ---- */

static gboolean
on_timer (gpointer user_data)
{
  Call   *call = user_data;
  GError *late = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                              "dif-engine: expected an answer within %u ms, found none",
                              call->patience);

  if (call->state == GREETING)
    call_do_without (call, late);
  else
    call_fail (call, late);
  return G_SOURCE_REMOVE;
}

static void
set_timer (Call *call, guint milliseconds)
{
  clear_source (&call->timer);
  call->timer = g_timeout_source_new (milliseconds);
  g_source_set_callback (call->timer, on_timer, call, NULL);
  g_source_attach (call->timer, g_task_get_context (call->task));
}

/* What the engine has not got yet need not be taken back. */
static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Call    *call    = user_data;
  gboolean is_sent = call->state == ASKING && call->rq != NULL &&
                     dif_connection_backlog (call->connection) == 0;

  call->state = CANCELLING;
  if (is_sent)
    {
      g_autoptr (DifJson) message = dif_message_new ("cancel");

      dif_connection_send (call->connection, message, NULL);
      clear_source (&call->cancel_source);
      set_timer (call, CANCEL_MS);
    }
  else
    {
      call_fail (call, NULL);
    }
  return G_SOURCE_REMOVE;
}

static void
watch_cancellable (Call *call)
{
  GCancellable *cancellable = g_task_get_cancellable (call->task);

  if (cancellable == NULL || call->cancel_source != NULL)
    return;
  call->cancel_source = g_cancellable_source_new (cancellable);
  g_source_set_callback (call->cancel_source, G_SOURCE_FUNC (on_cancelled), call, NULL);
  g_source_attach (call->cancel_source, g_task_get_context (call->task));
}

/* ---- reaching ---- */

/* The request with its model as an absolute path. */
static DifRequest *
with_path (DifRequest *rq, GError **error)
{
  g_autoptr (DifRequest) copy     = dif_request_copy (rq);
  g_autofree char       *path     = dif_catalog_resolve (dif_request_model (rq), error);
  g_autofree char       *absolute = path != NULL ? g_canonicalize_filename (path, NULL) : NULL;

  if (absolute == NULL || ! dif_request_set (copy, "model", absolute, error) ||
      ! dif_request_resolve_files (copy, error))
    return NULL;
  return g_steal_pointer (&copy);
}

/* Of a run: the request, once, and the engine, if there is to be one. */
static void
reach_in_thread (GTask *step, gpointer source, gpointer data, GCancellable *cancellable)
{
  Call    *call    = data;
  GError  *failure = NULL;
  GSocket *socket  = NULL;

  if (call->rq != NULL && call->attempt == 0)
    {
      DifRequest *resolved = with_path (call->rq, &failure);

      if (resolved != NULL)
        {
          dif_request_free (call->rq);
          call->rq = resolved;
        }
    }
  if (failure == NULL && ! g_cancellable_set_error_if_cancelled (cancellable, &failure) &&
      (call->rq == NULL || g_strcmp0 (g_getenv ("DIF_ENGINE"), "none") != 0))
    {
      g_autoptr (GError) none = NULL;

      socket = dif_reach_engine (call->rq != NULL, cancellable, &none);
      if (socket == NULL && (call->rq == NULL || g_cancellable_is_cancelled (cancellable)))
        failure = g_steal_pointer (&none);
      else if (socket == NULL)
        g_debug ("no engine: %s", none->message);
    }
  if (failure != NULL)
    g_task_return_error (step, failure);
  else
    g_task_return_pointer (step, socket, g_object_unref);
}

static void
on_reached (GObject *source, GAsyncResult *step, gpointer user_data)
{
  Call               *call    = user_data;
  GError             *failure = NULL;
  g_autoptr (GSocket) socket  = g_task_propagate_pointer (G_TASK (step), &failure);
  g_autoptr (DifJson) hello   = NULL;

  if (failure != NULL)
    {
      call_fail (call, failure);
      return;
    }
  if (socket == NULL)
    {
      compute (call);
      return;
    }
  call->state      = GREETING;
  call->connection = dif_connection_new (socket, &events, call);
  dif_connection_greet (call->connection);
  hello = dif_message_new ("hello");
  dif_json_set_double (hello, "protocol", DIF_ENGINE_PROTOCOL);
  dif_json_set_string (hello, "version", DIF_VERSION);
  dif_connection_send (call->connection, hello, NULL);
  set_timer (call, call->patience);
  watch_cancellable (call);
}

/* Runs @func in a thread and @then on the call's context, which need not be the
 * thread's default one by now. */
static void
run_step (Call *call, GTaskThreadFunc func, GAsyncReadyCallback then)
{
  GMainContext     *context = g_task_get_context (call->task);
  g_autoptr (GTask) step    = NULL;

  g_main_context_push_thread_default (context);
  step = g_task_new (NULL, g_task_get_cancellable (call->task), then, call);
  g_main_context_pop_thread_default (context);
  g_task_set_check_cancellable (step, FALSE);
  g_task_set_task_data (step, call, NULL);
  g_task_run_in_thread (step, func);
}

static void
reach (Call *call)
{
  call->state = REACHING;
  clear_source (&call->cancel_source);
  run_step (call, reach_in_thread, on_reached);
}

/* ---- computing here ---- */

static void
compute_in_thread (GTask *step, gpointer source, gpointer data, GCancellable *cancellable)
{
  Call               *call    = data;
  g_autoptr (DifWarm) own     = dif_warm_new (0);
  GError             *failure = NULL;
  DifWatch            watch   = dif_news_watch (call->news);
  DifResult          *result;

  result = dif_warm_run (own, call->rq, &watch, cancellable, &failure);
  if (result != NULL)
    g_task_return_pointer (step, result, (GDestroyNotify) dif_result_free);
  else
    g_task_return_error (step, failure);
}

static void
on_computed (GObject *source, GAsyncResult *step, gpointer user_data)
{
  Call      *call    = user_data;
  GError    *failure = NULL;
  DifResult *result  = g_task_propagate_pointer (G_TASK (step), &failure);

  if (result != NULL)
    call_succeed (call, result, (GDestroyNotify) dif_result_free);
  else
    call_fail (call, failure);
}

static void
compute (Call *call)
{
  call->state = COMPUTING;
  call->news  = dif_news_new (g_task_get_context (call->task), &call->watch);
  run_step (call, compute_in_thread, on_computed);
}

/* ---- public ---- */

void
dif_engine_run_async (DifRequest *rq, const DifWatch *watch, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
  Call *call = call_new (cancellable, callback, user_data);

  call->rq       = dif_request_copy (rq);
  call->question = "run";
  if (watch != NULL)
    call->watch = *watch;
  reach (call);
}

DifResult *
dif_engine_run_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
keep_answer (GObject *source, GAsyncResult *result, gpointer answer)
{
  *(GAsyncResult **) answer = g_object_ref (result);
}

/* Waits for the end of a call that was made on this context. */
static GAsyncResult *
wait_for (GMainContext *context, GAsyncResult *const *answer)
{
  while (*answer == NULL)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return *answer;
}

static GMainContext *
own_context (void)
{
  GMainContext *context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  return context;
}

DifResult *
dif_engine_run (DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                GCancellable *cancellable, GError **error)
{
  GMainContext            *context = own_context ();
  DifWatch                 watch   = { .progress = progress, .user_data = user_data };
  g_autoptr (GAsyncResult) answer  = NULL;

  dif_engine_run_async (rq, &watch, cancellable, keep_answer, &answer);
  return dif_engine_run_finish (wait_for (context, &answer), error);
}

/* Asks an engine that is running, and waits for the answer. */
static DifJson *
ask (const char *question, const char *type, guint patience, GError **error)
{
  GMainContext            *context = own_context ();
  g_autoptr (GAsyncResult) answer  = NULL;
  Call                    *call    = call_new (NULL, keep_answer, &answer);

  call->question = question;
  call->answer   = type;
  call->patience = patience;
  reach (call);
  return g_task_propagate_pointer (G_TASK (wait_for (context, &answer)), error);
}

DifJson *
dif_engine_status (GError **error)
{
  return ask ("status", "status", ANSWER_MS, error);
}

DifJson *
dif_engine_unload (GError **error)
{
  return ask ("unload", "unloaded", ANSWER_MS, error);
}

gboolean
dif_engine_quit (DifEngineEnd *end, GError **error)
{
  g_autoptr (GError)  failure    = NULL;
  g_autoptr (DifJson) bye        = ask ("quit", "bye", QUIT_MS, &failure);
  DifEngineEnd        how        = { 0, DIF_ENGINE_ENDED_ASKED };
  gboolean            was_killed = FALSE;

  if (end == NULL)
    end = &how;
  *end = how;
  if (bye != NULL)
    return TRUE;
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      g_clear_error (&failure);
      end->pid = dif_reach_end (&was_killed, &failure);
      end->how = was_killed ? DIF_ENGINE_ENDED_KILLED : DIF_ENGINE_ENDED_TERMINATED;
      if (end->pid > 0)
        return TRUE;
    }
  end->how = DIF_ENGINE_ENDED_NONE;
  if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}
