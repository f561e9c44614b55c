/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* server.c - clients come and go, their runs are queued.
 *
 * Invariant: a client that is connected, or that the kernel has queued for us,
 * gets an answer: the engine ends as idle only while it holds the folder's lock
 * and nobody is queued.
 */
#include "config.h"

#include <unistd.h>

#include "engine/connection.h"
#include "engine/jobs.h"
#include "engine/message.h"
#include "engine/picture.h"
#include "engine/platform.h"
#include "engine/server.h"

#define MAX_CLIENTS   64
#define HELLO_SECONDS 10
#define RETRY_MS      500

/* A client that does not read gets no more news than this, in bytes. */
#define MAX_BACKLOG (64 * 1024)

typedef struct
{
  DifSocketDir *dir;
  GSocket      *listener; /* NULL once out of reach */
  GSource      *listen_source;
  guint         idle_seconds;
  GMainLoop    *loop;
  DifWarm      *warm;
  DifJobs      *jobs;
  GPtrArray    *clients;
  guint         idle_source;
  gint64        started;
  guint         n_done;
} Server;

typedef struct
{
  Server        *server;
  DifConnection *connection;
  gint64         owner; /* whose runs take turns with others' */
  DifJob        *job;
  guint          hello_source;
  GHashTable    *inputs; /* of the run to come: name -> DifImage */
  gsize          input_bytes;
} Client;

static gboolean on_idle_over (gpointer user_data);

static void
restart_idle (Server *server, guint milliseconds)
{
  g_clear_handle_id (&server->idle_source, g_source_remove);
  server->idle_source = g_timeout_add (milliseconds, on_idle_over, server);
}

static void
client_free (gpointer data)
{
  Client *client = data;

  g_clear_handle_id (&client->hello_source, g_source_remove);
  if (client->job != NULL)
    dif_jobs_cancel (client->server->jobs, client->job);
  g_hash_table_unref (client->inputs);
  dif_connection_free (client->connection);
  g_free (client);
}

static void
on_job_progress (DifJob *job, const DifProgress *progress, gpointer user_data)
{
  Client             *client  = user_data;
  g_autoptr (DifJson) message = dif_message_from_progress (progress);

  if (dif_connection_backlog (client->connection) < MAX_BACKLOG)
    dif_connection_send (client->connection, message, NULL);
}

static void
on_job_preview (DifJob *job, const DifPreview *preview, gpointer user_data)
{
  Client             *client  = user_data;
  gsize               n       = (gsize) preview->n_images * preview->width * preview->height * 3;
  g_autoptr (DifJson) message = dif_message_from_preview (preview);
  g_autoptr (GBytes)  pixels  = g_bytes_new (preview->pixels, n);

  if (dif_connection_backlog (client->connection) < MAX_BACKLOG)
    dif_connection_send (client->connection, message, pixels);
}

static gboolean
send_planes (DifConnection *connection, DifResult *result, GError **error)
{
  g_autofree const char **names = dif_result_plane_names (result);

  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autoptr (DifJson) plane  = dif_message_new ("plane");
      g_autoptr (GBytes)  pixels = dif_picture_pack (dif_result_plane (result, names[i]), plane,
                                                     error);

      if (pixels == NULL)
        return FALSE;
      dif_json_set_string (plane, "name", names[i]);
      dif_connection_send (connection, plane, pixels);
    }
  return TRUE;
}

/* Pixels travel out of the result, which is there until the last is sent. */
static void
clear_result (gpointer box)
{
  dif_result_free (*(DifResult **) box);
}

static void
release_result (gpointer box)
{
  g_rc_box_release_full (box, clear_result);
}

static void
send_picture (DifConnection *connection, DifResult **box, guint i)
{
  DifResult          *result  = *box;
  g_autoptr (DifJson) picture = dif_message_new ("picture");
  g_autoptr (GBytes)  pixels  = NULL;
  gsize               n       = (gsize) dif_result_width (result) * dif_result_height (result) * 3;

  dif_json_set_double (picture, "index", i);
  dif_json_set_double (picture, "n_images", dif_result_n_images (result));
  dif_json_set_double (picture, "width", dif_result_width (result));
  dif_json_set_double (picture, "height", dif_result_height (result));
  dif_json_set_double (picture, "seed", (double) dif_result_seed (result));
  dif_json_set_string (picture, "recipe", dif_result_recipe (result, i));
  dif_json_set_double (picture, "batch_index", dif_result_index (result, i));
  dif_json_set_double (picture, "safety", dif_result_safety (result, i));
  pixels = g_bytes_new_with_free_func (dif_result_pixels (result, i), n * sizeof (float),
                                       release_result, g_rc_box_acquire (box));
  dif_connection_send (connection, picture, pixels);
}

/* Takes the result. */
static void
send_result (DifConnection *connection, DifResult *result)
{
  g_autoptr (DifJson) done    = dif_message_new ("done");
  g_autoptr (GError)  failure = NULL;
  DifResult         **box     = g_rc_box_new (DifResult *);

  *box = result;
  for (guint i = 0; i < dif_result_n_images (result); i++)
    send_picture (connection, box, i);
  dif_json_set_double (done, "n_withheld", dif_result_n_withheld (result));
  if (dif_result_warning (result) != NULL)
    dif_json_set_string (done, "warning", dif_result_warning (result));
  if (send_planes (connection, result, &failure))
    dif_connection_send (connection, done, NULL);
  else
    dif_connection_send_error (connection, failure);
  release_result (box);
}

static void
on_job_finished (DifJob *job, DifResult *result, const GError *failure, gpointer user_data)
{
  Client *client = user_data;

  client->job = NULL;
  client->server->n_done++;
  restart_idle (client->server, client->server->idle_seconds * 1000);
  if (result != NULL)
    send_result (client->connection, result);
  else
    dif_connection_send_error (client->connection, failure);
}

static const DifJobEvents job_events = { on_job_progress, on_job_preview, on_job_finished };

static void
answer_hello (Client *client, DifJson *header)
{
  g_autoptr (DifJson) answer   = dif_message_new ("hello");
  gint64              protocol = dif_json_int (header, "protocol", 0, 0, G_MAXINT);

  if (! dif_json_finish (header, NULL) || protocol < DIF_ENGINE_OLDEST)
    {
      g_autoptr (GError) failure = NULL;

      g_set_error (&failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "engine: expected protocol %d or newer, found %" G_GINT64_FORMAT,
                   DIF_ENGINE_OLDEST, protocol);
      dif_connection_send_error (client->connection, failure);
      dif_connection_finish (client->connection);
      return;
    }
  g_clear_handle_id (&client->hello_source, g_source_remove);
  dif_connection_greet (client->connection);
  dif_json_set_double (answer, "protocol", DIF_ENGINE_PROTOCOL);
  dif_json_set_string (answer, "version", DIF_VERSION);
  dif_json_set_double (answer, "pid", getpid ());
  dif_connection_send (client->connection, answer, NULL);
}

static gboolean
is_free (Client *client, GError **error)
{
  if (client->job == NULL)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                       "engine: expected one run at a time, found a second");
  return FALSE;
}

static void
forget_inputs (Client *client)
{
  g_hash_table_remove_all (client->inputs);
  client->input_bytes = 0;
}

static gboolean
keep_input (Client *client, DifFrame *frame, GError **error)
{
  const char *name  = dif_json_string (frame->header, "name", "");
  gsize       bytes = frame->payload != NULL ? g_bytes_get_size (frame->payload) : 0;
  DifImage   *image;

  if (! dif_json_finish (frame->header, error) || ! is_free (client, error))
    return FALSE;
  if (g_hash_table_contains (client->inputs, name) ||
      g_hash_table_size (client->inputs) >= DIF_ENGINE_MAX_INPUTS ||
      client->input_bytes + bytes > DIF_FRAME_MAX_PAYLOAD)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_TOO_LARGE,
                   "engine message: expected at most %u inputs of different names and %u bytes in "
                   "all, found more",
                   DIF_ENGINE_MAX_INPUTS, DIF_FRAME_MAX_PAYLOAD);
      return FALSE;
    }
  image = dif_picture_unpack (frame, error);
  if (image == NULL)
    return FALSE;
  g_hash_table_insert (client->inputs, g_strdup (name), image);
  client->input_bytes += bytes;
  return TRUE;
}

static void
take_input (Client *client, DifFrame *frame)
{
  g_autoptr (GError) failure = NULL;

  if (! keep_input (client, frame, &failure))
    {
      forget_inputs (client);
      dif_connection_send_error (client->connection, failure);
    }
}

/* The request with the inputs that arrived before it. */
static DifRequest *
read_request (Client *client, DifJson *header, GError **error)
{
  DifJson               *member = dif_json_member (header, "request");
  g_autoptr (DifRequest) rq     = NULL;
  GHashTableIter         iter;
  gpointer               name, image;

  if (! is_free (client, error))
    return NULL;
  if (member == NULL)
    {
      g_set_error_literal (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                           "engine message: expected a request, found none");
      return NULL;
    }
  rq = dif_request_from_json (member, error);
  g_hash_table_iter_init (&iter, client->inputs);
  while (rq != NULL && g_hash_table_iter_next (&iter, &name, &image))
    {
      if (! dif_request_set_image (rq, name, image, error))
        return NULL;
    }
  return g_steal_pointer (&rq);
}

static void
answer_run (Client *client, DifJson *header)
{
  g_autoptr (GError)     failure    = NULL;
  guint                  preview_ms = (guint) dif_json_int (header, "preview_ms", 0, 0, G_MAXINT);
  g_autoptr (DifRequest) rq         = read_request (client, header, &failure);

  forget_inputs (client);
  if (rq == NULL || ! dif_json_finish (header, &failure))
    dif_connection_send_error (client->connection, failure);
  else
    client->job = dif_jobs_add (client->server->jobs, client->owner, g_steal_pointer (&rq),
                                preview_ms,
                                &job_events, client);
}

static void
answer_status (Client *client)
{
  g_autoptr (DifJson) answer = dif_message_new ("status");
  Server             *server = client->server;

  dif_json_set_string (answer, "version", DIF_VERSION);
  dif_json_set_double (answer, "pid", getpid ());
  dif_json_set_double (answer, "clients", server->clients->len);
  dif_json_set_double (answer, "jobs", dif_jobs_count (server->jobs));
  dif_json_set_double (answer, "done", server->n_done);
  dif_json_set_double (answer, "idle_seconds", server->idle_seconds);
  dif_json_set_double (answer, "uptime_seconds",
                       (double) (g_get_monotonic_time () - server->started) / G_USEC_PER_SEC);
  dif_warm_describe (server->warm, answer);
  dif_connection_send (client->connection, answer, NULL);
}

static void
answer_simply (Client *client, const char *type)
{
  g_autoptr (DifJson) answer = dif_message_new (type);

  dif_connection_send (client->connection, answer, NULL);
}

static void
refuse (Client *client, const char *why)
{
  g_autoptr (GError) failure = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, why);

  dif_connection_send_error (client->connection, failure);
}

static void
close_listener (Server *server)
{
  if (server->listener == NULL)
    return;
  g_source_destroy (server->listen_source);
  g_clear_pointer (&server->listen_source, g_source_unref);
  g_socket_close (server->listener, NULL);
  g_clear_object (&server->listener);
}

/* Out of reach: whoever asks from now on starts another engine. */
static void
stop_listening (Server *server)
{
  int lock;

  if (server->listener == NULL)
    return;
  lock = dif_socket_dir_lock (server->dir, RETRY_MS, NULL, NULL);
  dif_socket_dir_remove (server->dir);
  close_listener (server);
  dif_socket_dir_unlock (lock);
}

static gboolean
on_quit (gpointer user_data)
{
  Server *server = user_data;

  stop_listening (server);
  g_main_loop_quit (server->loop);
  return G_SOURCE_CONTINUE;
}

static void
answer_quit (Client *client)
{
  stop_listening (client->server);
  answer_simply (client, "bye");
  dif_connection_finish (client->connection);
  g_idle_add_full (G_PRIORITY_LOW, on_quit, client->server, NULL);
}

static void
answer_unload (Client *client)
{
  g_autoptr (DifJson) answer = dif_message_new ("unloaded");

  dif_warm_unload (client->server->warm, answer);
  dif_connection_send (client->connection, answer, NULL);
}

/* What came too late is left alone: its run has been answered. */
static void
take_cancel (Client *client)
{
  forget_inputs (client);
  if (client->job != NULL)
    dif_jobs_interrupt (client->server->jobs, client->job);
}

static void
on_message (DifConnection *connection, DifFrame *frame, gpointer user_data)
{
  Client *client = user_data;

  if (! dif_connection_is_greeted (connection) && ! dif_message_is (frame->header, "hello"))
    {
      refuse (client, "engine: expected hello first, found another message");
      dif_connection_finish (connection);
      return;
    }
  restart_idle (client->server, client->server->idle_seconds * 1000);
  if (dif_message_is (frame->header, "input"))
    take_input (client, frame);
  else if (dif_message_is (frame->header, "hello"))
    answer_hello (client, frame->header);
  else if (dif_message_is (frame->header, "run"))
    answer_run (client, frame->header);
  else if (dif_message_is (frame->header, "cancel"))
    take_cancel (client);
  else if (dif_message_is (frame->header, "status"))
    answer_status (client);
  else if (dif_message_is (frame->header, "unload"))
    answer_unload (client);
  else if (dif_message_is (frame->header, "ping"))
    answer_simply (client, "pong");
  else if (dif_message_is (frame->header, "quit"))
    answer_quit (client);
}

static void
on_closed (DifConnection *connection, const GError *failure, gpointer user_data)
{
  Client *client = user_data;

  g_ptr_array_remove_fast (client->server->clients, client);
}

static const DifConnectionEvents connection_events = { on_message, on_closed };

static gboolean
on_no_hello (gpointer user_data)
{
  Client *client = user_data;

  client->hello_source = 0;
  refuse (client, "engine: expected hello, found nothing in time");
  dif_connection_finish (client->connection);
  return G_SOURCE_REMOVE;
}

/* Returns: whether somebody was queued */
static gboolean
accept_one (Server *server)
{
  g_autoptr (GSocket) socket = NULL;
  Client             *client;

  if (server->listener == NULL || (socket = g_socket_accept (server->listener, NULL, NULL)) == NULL)
    return FALSE;
  if (! dif_platform_is_own_peer (socket) || server->clients->len >= MAX_CLIENTS)
    {
      g_debug ("a client was turned away");
      return TRUE;
    }
  client               = g_new0 (Client, 1);
  client->server       = server;
  client->owner        = dif_platform_peer (socket);
  client->inputs       = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                (GDestroyNotify) dif_image_unref);
  client->connection   = dif_connection_new (socket, &connection_events, client);
  client->hello_source = g_timeout_add_seconds (HELLO_SECONDS, on_no_hello, client);
  g_ptr_array_add (server->clients, client);
  return TRUE;
}

static gboolean
on_incoming (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  for (guint i = 0; i < MAX_CLIENTS && accept_one (user_data); i++)
    ;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_idle_over (gpointer user_data)
{
  Server *server = user_data;
  int     lock;

  server->idle_source = 0;
  if (dif_jobs_count (server->jobs) > 0)
    {
      restart_idle (server, server->idle_seconds * 1000);
      return G_SOURCE_REMOVE;
    }
  lock = dif_socket_dir_lock (server->dir, 0, NULL, NULL);
  if (lock < 0 || accept_one (server))
    {
      restart_idle (server, RETRY_MS);
    }
  else
    {
      g_debug ("idle for %u seconds", server->idle_seconds);
      dif_socket_dir_remove (server->dir);
      g_main_loop_quit (server->loop);
    }
  dif_socket_dir_unlock (lock);
  return G_SOURCE_REMOVE;
}

void
dif_server_run (DifSocketDir *dir, GSocket *listener, const DifServerLimits *limits)
{
  Server server = { .dir          = dir,
                    .listener     = g_object_ref (listener),
                    .idle_seconds = limits->idle_seconds };

  server.started = g_get_monotonic_time ();
  server.loop    = g_main_loop_new (NULL, FALSE);
  server.warm    = dif_warm_new (limits->memory);
  server.jobs    = dif_jobs_new (server.warm);
  server.clients = g_ptr_array_new_with_free_func (client_free);
  g_socket_set_blocking (listener, FALSE);
  dif_platform_on_terminate (on_quit, &server);
  server.listen_source = g_socket_create_source (listener, G_IO_IN, NULL);
  g_source_set_callback (server.listen_source, G_SOURCE_FUNC (on_incoming), &server, NULL);
  g_source_attach (server.listen_source, NULL);
  restart_idle (&server, limits->idle_seconds * 1000);
  g_main_loop_run (server.loop);

  while (g_source_remove_by_user_data (&server))
    ;
  close_listener (&server);
  g_ptr_array_unref (server.clients);
  dif_jobs_free (server.jobs);
  dif_warm_free (server.warm);
  g_main_loop_unref (server.loop);
}
