/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* client.c - see client.h.
 *
 * The client makes the socket and hands it to the engine that it starts, so it
 * can connect at once and nothing has to be waited for but the answer.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "engine/client.h"
#include "engine/frame.h"
#include "engine/message.h"
#include "engine/picture.h"
#include "engine/place.h"
#include "engine/warm.h"

#define ENGINE_FD 3
#define LOCK_MS   5000
#define ANSWER_MS 20000
#define CHUNK     (256 * 1024)
#define ATTEMPTS  2

/* A connection to the engine. */
typedef struct
{
  int             fd;
  int             pid;
  DifFrameReader *reader;
  GCancellable   *cancellable;
} Link;

static void
link_free (Link *engine)
{
  if (engine == NULL)
    return;
  close (engine->fd);
  dif_frame_reader_free (engine->reader);
  g_free (engine);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Link, link_free)

static Link *
link_new (int fd, GCancellable *cancellable)
{
  Link *engine = g_new0 (Link, 1);

  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  engine->fd          = fd;
  engine->cancellable = cancellable;
  engine->reader      = dif_frame_reader_new (DIF_FRAME_MAX_HEADER, DIF_FRAME_MAX_PAYLOAD);
  return engine;
}

static gboolean
link_lost (Link *engine, GError **error)
{
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
               "dif-engine (process %d): expected an answer, found that it had ended "
               "(it may have run out of memory)",
               engine->pid);
  return FALSE;
}

/* Waits for the descriptor; @timeout_ms of -1 is for ever. */
static gboolean
link_wait (Link *engine, short events, int timeout_ms, GError **error)
{
  GPollFD fds[2] = { { .fd = engine->fd, .events = (gushort) events } };
  guint   n_fds  = 1;
  int     n;

  if (g_cancellable_make_pollfd (engine->cancellable, &fds[1]))
    n_fds = 2;
  do
    n = g_poll (fds, n_fds, timeout_ms);
  while (n < 0 && errno == EINTR);
  if (n_fds == 2)
    g_cancellable_release_fd (engine->cancellable);

  if (g_cancellable_set_error_if_cancelled (engine->cancellable, error))
    return FALSE;
  if (n <= 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
                   "dif-engine: expected an answer within %d ms, found none", timeout_ms);
      return FALSE;
    }
  return TRUE;
}

static gboolean
link_send_bytes (Link *engine, GBytes *data, GError **error)
{
  gsize         n     = 0;
  const guint8 *bytes = g_bytes_get_data (data, &n);

  while (n > 0)
    {
      gssize sent = dif_place_send (engine->fd, bytes, n);

      if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return link_lost (engine, error);
      if (sent < 0 && ! link_wait (engine, G_IO_OUT, ANSWER_MS, error))
        return FALSE;
      if (sent > 0)
        {
          bytes += sent;
          n -= (gsize) sent;
        }
    }
  return TRUE;
}

static gboolean
link_send (Link *engine, DifJson *message, GError **error)
{
  g_autoptr (GBytes) frame = dif_frame_pack (message, NULL, 0);

  return link_send_bytes (engine, frame, error);
}

static gboolean
link_send_input (Link *engine, const char *name, DifImage *image, GError **error)
{
  g_autoptr (DifJson) message = dif_message_new ("input");
  g_autoptr (GBytes)  pixels  = dif_picture_pack (image, message, error);
  g_autoptr (GBytes)  head    = NULL;

  if (pixels == NULL)
    return FALSE;
  dif_json_set_string (message, "name", name);
  head = dif_frame_pack_head (message, g_bytes_get_size (pixels));
  return link_send_bytes (engine, head, error) && link_send_bytes (engine, pixels, error);
}

static DifFrame *
link_receive (Link *engine, int timeout_ms, GError **error)
{
  g_autofree guint8 *chunk = g_malloc (CHUNK);

  while (TRUE)
    {
      DifFrame *frame = NULL;
      gssize    n;

      if (! dif_frame_reader_next (engine->reader, &frame, error))
        return NULL;
      if (frame != NULL)
        return frame;
      if (! link_wait (engine, G_IO_IN, timeout_ms, error))
        return NULL;
      n = read (engine->fd, chunk, CHUNK);
      if (n > 0)
        {
          dif_frame_reader_feed (engine->reader, chunk, (gsize) n);
        }
      else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        {
          link_lost (engine, error);
          return NULL;
        }
    }
}

/* Asks and takes one answer of the given type. */
static DifFrame *
link_ask (Link *engine, DifJson *question, const char *type, GError **error)
{
  g_autoptr (DifFrame) frame = NULL;

  if (! link_send (engine, question, error))
    return NULL;
  frame = link_receive (engine, ANSWER_MS, error);
  if (frame == NULL)
    return NULL;
  if (dif_message_is (frame->header, "error"))
    {
      g_propagate_error (error, dif_message_to_error (frame->header));
      return NULL;
    }
  if (! dif_message_is (frame->header, type))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                   "dif-engine: expected the answer \"%s\", found another", type);
      return NULL;
    }
  return g_steal_pointer (&frame);
}

static gboolean
link_hello (Link *engine, GError **error)
{
  g_autoptr (DifJson)  hello  = dif_message_new ("hello");
  g_autoptr (DifFrame) answer = NULL;

  dif_json_set_double (hello, "protocol", DIF_ENGINE_PROTOCOL);
  dif_json_set_string (hello, "version", DIF_VERSION);
  answer = link_ask (engine, hello, "hello", error);
  if (answer == NULL)
    return FALSE;
  engine->pid = (int) dif_json_int (answer->header, "pid", 0, 0, G_MAXINT);
  return dif_json_finish (answer->header, error);
}

static char *
find_engine (void)
{
  const char      *named  = g_getenv ("DIF_ENGINE");
  g_autofree char *self   = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *folder = self != NULL ? g_path_get_dirname (self) : NULL;
  g_autofree char *beside = folder != NULL ? g_build_filename (folder, "dif-engine", NULL) : NULL;

  if (named != NULL && *named != '\0')
    return g_file_test (named, G_FILE_TEST_IS_EXECUTABLE) ? g_strdup (named) : NULL;
  if (beside != NULL && g_file_test (beside, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&beside);
  return g_build_filename (DIF_LIBEXECDIR, "dif-engine", NULL);
}

/* A session of its own, so that nothing meant for the client reaches the engine. */
static void
leave_session (gpointer user_data)
{
  setsid ();
}

static gboolean
spawn_engine (int listen_fd, GError **error)
{
  g_autofree char                *program  = find_engine ();
  const char                     *seconds  = g_getenv ("DIF_ENGINE_IDLE_SECONDS");
  g_autofree char                *fd       = g_strdup_printf ("--listen-fd=%d", ENGINE_FD);
  g_autofree char                *idle     = NULL;
  const char                     *argv[]   = { program, fd, NULL, NULL };
  g_autoptr (GSubprocess)         process  = NULL;
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE);

  if (program == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                           "DIF_ENGINE: expected a program, found none");
      return FALSE;
    }
  if (seconds != NULL && *seconds != '\0')
    argv[2] = idle = g_strdup_printf ("--idle-seconds=%s", seconds);
  g_subprocess_launcher_set_cwd (launcher, "/");
  g_subprocess_launcher_set_child_setup (launcher, leave_session, NULL, NULL);
  g_subprocess_launcher_take_fd (launcher, dup (listen_fd), ENGINE_FD);
  process = g_subprocess_launcher_spawnv (launcher, argv, error);
  return process != NULL;
}

/* Under the lock: whoever comes second finds the first one's engine. */
static int
connect_or_start (DifPlace *place, GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) failure   = NULL;
  int                listen_fd = -1;
  int                lock      = dif_place_lock (place, LOCK_MS, cancellable, error);
  int                fd;

  if (lock < 0)
    return -1;
  fd = dif_place_connect (place, &failure);
  if (fd < 0 && ! g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&failure));
    }
  else if (fd < 0)
    {
      listen_fd = dif_place_listen (place, error);
      if (listen_fd >= 0 && spawn_engine (listen_fd, error))
        fd = dif_place_connect (place, error);
      if (listen_fd >= 0 && fd < 0)
        dif_place_remove (place);
    }
  if (listen_fd >= 0)
    close (listen_fd);
  close (lock);
  return fd;
}

/* An engine that has said hello. */
static Link *
reach_engine (gboolean may_start, GCancellable *cancellable, GError **error)
{
  g_autoptr (DifPlace) place = dif_place_open (error);

  for (guint attempt = 1; place != NULL; attempt++)
    {
      g_autoptr (GError) failure = NULL;
      g_autoptr (Link)   engine  = NULL;
      int                fd      = dif_place_connect (place, &failure);

      if (fd < 0 && may_start && g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
        {
          g_clear_error (&failure);
          fd = connect_or_start (place, cancellable, &failure);
        }
      if (fd >= 0)
        {
          engine = link_new (fd, cancellable);
          if (link_hello (engine, &failure))
            return g_steal_pointer (&engine);
        }
      if (fd < 0 || attempt == ATTEMPTS ||
          ! g_error_matches (failure, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
  return NULL;
}

/* Returns: FALSE if it is not a picture that fits those before it */
static gboolean
take_picture (DifFrame *frame, DifResult **result)
{
  DifJson *header   = frame->header;
  guint    index    = (guint) dif_json_int (header, "index", 0, 0, DIF_ENGINE_MAX_IMAGES - 1);
  guint    n_images = (guint) dif_json_int (header, "n_images", 0, 1, DIF_ENGINE_MAX_IMAGES);
  guint    width    = (guint) dif_json_int (header, "width", 0, 1, DIF_ENGINE_MAX_SIDE);
  guint    height   = (guint) dif_json_int (header, "height", 0, 1, DIF_ENGINE_MAX_SIDE);
  guint64  seed     = (guint64) dif_json_int (header, "seed", 0, 0, G_MAXUINT32);
  guint    batch    = (guint) dif_json_int (header, "batch_index", index, 0, DIF_ENGINE_MAX_IMAGES);
  guint    safety   = (guint) dif_json_int (header, "safety", DIF_SAFETY_UNCHECKED,
                                            DIF_SAFETY_UNCHECKED, DIF_SAFETY_FLAGGED);
  gsize    expected = (gsize) width * height * 3 * sizeof (float);

  if (! dif_json_finish (header, NULL) || index >= n_images || frame->payload == NULL ||
      g_bytes_get_size (frame->payload) != expected)
    return FALSE;
  if (*result == NULL)
    *result = dif_result_new (n_images, width, height, seed);
  if (dif_result_n_images (*result) != n_images || dif_result_width (*result) != width ||
      dif_result_height (*result) != height)
    return FALSE;
  dif_result_fill (*result, index, g_bytes_get_data (frame->payload, NULL),
                   dif_json_string (header, "recipe", ""));
  dif_result_set_verdict (*result, index, batch, (DifSafety) safety);
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
take_part (DifFrame *frame, DifResult **result)
{
  if (dif_message_is (frame->header, "picture"))
    return take_picture (frame, result);
  return dif_message_is (frame->header, "plane") && *result != NULL &&
         take_plane (frame, *result);
}

static DifResult *
receive_result (Link *engine, DifProgressFunc progress, gpointer user_data, GError **error)
{
  g_autoptr (DifResult) result = NULL;

  while (TRUE)
    {
      g_autoptr (DifFrame) frame = link_receive (engine, -1, error);
      DifProgress          now;

      if (frame == NULL)
        return NULL;
      if (dif_message_is (frame->header, "error"))
        {
          g_propagate_error (error, dif_message_to_error (frame->header));
          return NULL;
        }
      if (dif_message_is (frame->header, "done") && result != NULL)
        {
          dif_result_set_warning (result, dif_json_string (frame->header, "warning", NULL));
          dif_result_set_n_withheld (result, (guint) dif_json_int (frame->header, "n_withheld", 0,
                                                                   0, DIF_ENGINE_MAX_IMAGES));
          return g_steal_pointer (&result);
        }
      if (dif_message_is (frame->header, "progress") &&
          dif_message_to_progress (frame->header, &now))
        {
          if (progress != NULL)
            progress (&now, user_data);
        }
      else if (! take_part (frame, &result))
        {
          g_set_error_literal (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_BAD_VALUE,
                               "dif-engine: expected progress or pictures, found something else");
          return NULL;
        }
    }
}

static gboolean
send_inputs (Link *engine, DifRequest *rq, GError **error)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (dif_request_task (rq), &n);

  for (guint i = 0; i < n; i++)
    {
      DifImage *image = rows[i].type == DIF_PARAM_IMAGE ? dif_request_image (rq, rows[i].name)
                                                        : NULL;

      if (image != NULL && ! link_send_input (engine, rows[i].name, image, error))
        return FALSE;
    }
  return TRUE;
}

static DifResult *
run_in_engine (Link *engine, DifRequest *rq, DifProgressFunc progress, gpointer user_data,
               GError **error)
{
  g_autoptr (DifJson) message = dif_message_new ("run");
  g_autoptr (DifJson) request = dif_request_to_json (rq);

  dif_json_set_copy (message, "request", request);
  if (! send_inputs (engine, rq, error))
    return NULL;
  if (! link_send (engine, message, error))
    return NULL;
  return receive_result (engine, progress, user_data, error);
}

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

DifResult *
dif_engine_run (DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                GCancellable *cancellable, GError **error)
{
  g_autoptr (DifRequest) resolved = with_path (rq, error);
  g_autoptr (Link)       engine   = NULL;
  g_autoptr (DifWarm)    own      = NULL;
  g_autoptr (GError)     failure  = NULL;

  if (resolved == NULL || g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (g_strcmp0 (g_getenv ("DIF_ENGINE"), "none") != 0)
    {
      engine = reach_engine (TRUE, cancellable, &failure);
      if (engine != NULL)
        return run_in_engine (engine, resolved, progress, user_data, error);
      if (g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
      g_debug ("no engine, this process computes: %s", failure->message);
    }
  own = dif_warm_new ();
  return dif_warm_run (own, resolved, progress, user_data, cancellable, error);
}

DifJson *
dif_engine_status (GError **error)
{
  g_autoptr (DifJson)  question = dif_message_new ("status");
  g_autoptr (DifFrame) answer   = NULL;
  g_autoptr (Link)     engine   = reach_engine (FALSE, NULL, error);

  if (engine == NULL)
    return NULL;
  answer = link_ask (engine, question, "status", error);
  return answer != NULL ? dif_json_ref (answer->header) : NULL;
}

gboolean
dif_engine_quit (GError **error)
{
  g_autoptr (DifJson)  question = dif_message_new ("quit");
  g_autoptr (DifFrame) answer   = NULL;
  g_autoptr (DifFrame) none     = NULL;
  g_autoptr (GError)   failure  = NULL;
  g_autoptr (Link)     engine   = reach_engine (FALSE, NULL, &failure);

  if (engine == NULL && g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return TRUE;
  if (engine == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  answer = link_ask (engine, question, "bye", error);
  if (answer == NULL)
    return FALSE;
  none = link_receive (engine, ANSWER_MS, NULL);
  return none == NULL;
}
