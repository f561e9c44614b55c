/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* server.c - see server.h.
 *
 * Invariant: a client that is connected, or that the kernel has queued for us,
 * gets an answer: the engine ends as idle only while it holds the place's lock
 * and nobody is queued.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>

#include "engine/connection.h"
#include "engine/jobs.h"
#include "engine/message.h"
#include "engine/picture.h"
#include "engine/server.h"

#define MAX_CLIENTS   64
#define HELLO_SECONDS 10
#define RETRY_MS      500

/* A client that does not read gets no more news than this, in bytes. */
#define MAX_BACKLOG (64 * 1024)

typedef struct
{
  DifPlace  *place;
  int        listen_fd;
  guint      listen_source;
  guint      idle_seconds;
  GMainLoop *loop;
  DifWarm   *warm;
  DifJobs   *jobs;
  GPtrArray *clients;
  guint      idle_source;
  gint64     started;
  guint      n_done;
} Server;

typedef struct
{
  Server        *server;
  DifConnection *connection;
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
    dif_connection_send (client->connection, message, NULL, 0);
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
      dif_connection_send (connection, plane, g_bytes_get_data (pixels, NULL),
                           g_bytes_get_size (pixels));
    }
  return TRUE;
}

static void
send_result (DifConnection *connection, DifResult *result)
{
  g_autoptr (DifJson) done    = dif_message_new ("done");
  g_autoptr (GError)  failure = NULL;
  gsize               n       = (gsize) dif_result_width (result) * dif_result_height (result) * 3;

  for (guint i = 0; i < dif_result_n_images (result); i++)
    {
      g_autoptr (DifJson) picture = dif_message_new ("picture");

      dif_json_set_double (picture, "index", i);
      dif_json_set_double (picture, "n_images", dif_result_n_images (result));
      dif_json_set_double (picture, "width", dif_result_width (result));
      dif_json_set_double (picture, "height", dif_result_height (result));
      dif_json_set_double (picture, "seed", (double) dif_result_seed (result));
      dif_json_set_string (picture, "recipe", dif_result_recipe (result, i));
      dif_json_set_double (picture, "batch_index", dif_result_index (result, i));
      dif_json_set_double (picture, "safety", dif_result_safety (result, i));
      dif_connection_send (connection, picture, dif_result_pixels (result, i), n * sizeof (float));
    }
  dif_json_set_double (done, "n_withheld", dif_result_n_withheld (result));
  if (! send_planes (connection, result, &failure))
    {
      dif_connection_send_error (connection, failure);
      return;
    }
  if (dif_result_warning (result) != NULL)
    dif_json_set_string (done, "warning", dif_result_warning (result));
  dif_connection_send (connection, done, NULL, 0);
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

static const DifJobEvents job_events = { on_job_progress, on_job_finished };

static void
answer_hello (Client *client, DifJson *header)
{
  g_autoptr (DifJson) answer   = dif_message_new ("hello");
  gint64              protocol = dif_json_int (header, "protocol", 0, 0, G_MAXINT);

  if (! dif_json_finish (header, NULL) || protocol != DIF_ENGINE_PROTOCOL)
    {
      g_autoptr (GError) failure = NULL;

      g_set_error (&failure, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                   "engine: expected protocol %d, found %" G_GINT64_FORMAT, DIF_ENGINE_PROTOCOL,
                   protocol);
      dif_connection_send_error (client->connection, failure);
      dif_connection_finish (client->connection);
      return;
    }
  g_clear_handle_id (&client->hello_source, g_source_remove);
  dif_connection_greet (client->connection);
  dif_json_set_double (answer, "protocol", DIF_ENGINE_PROTOCOL);
  dif_json_set_string (answer, "version", DIF_VERSION);
  dif_json_set_double (answer, "pid", getpid ());
  dif_connection_send (client->connection, answer, NULL, 0);
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
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifRequest) rq      = read_request (client, header, &failure);

  forget_inputs (client);
  if (rq == NULL)
    dif_connection_send_error (client->connection, failure);
  else
    client->job = dif_jobs_add (client->server->jobs, g_steal_pointer (&rq), &job_events, client);
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
  dif_connection_send (client->connection, answer, NULL, 0);
}

static void
answer_simply (Client *client, const char *type)
{
  g_autoptr (DifJson) answer = dif_message_new (type);

  dif_connection_send (client->connection, answer, NULL, 0);
}

static void
refuse (Client *client, const char *why)
{
  g_autoptr (GError) failure = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, why);

  dif_connection_send_error (client->connection, failure);
}

/* Out of reach: whoever asks from now on starts another engine. */
static void
stop_listening (Server *server)
{
  int lock = dif_place_lock (server->place, RETRY_MS, NULL, NULL);

  dif_place_remove (server->place);
  g_clear_handle_id (&server->listen_source, g_source_remove);
  close (server->listen_fd);
  server->listen_fd = -1;
  if (lock >= 0)
    close (lock);
}

static gboolean
on_quit (gpointer user_data)
{
  Server *server = user_data;

  if (server->listen_fd >= 0)
    stop_listening (server);
  g_main_loop_quit (server->loop);
  return G_SOURCE_CONTINUE;
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
  else if (frame->payload != NULL)
    refuse (client, "engine: expected pixels with an input only, found some with another message");
  else if (dif_message_is (frame->header, "hello"))
    answer_hello (client, frame->header);
  else if (dif_message_is (frame->header, "run"))
    answer_run (client, frame->header);
  else if (dif_message_is (frame->header, "status"))
    answer_status (client);
  else if (dif_message_is (frame->header, "ping"))
    answer_simply (client, "pong");
  else if (dif_message_is (frame->header, "quit"))
    {
      if (client->server->listen_fd >= 0)
        stop_listening (client->server);
      answer_simply (client, "bye");
      dif_connection_finish (connection);
      g_idle_add_full (G_PRIORITY_LOW, on_quit, client->server, NULL);
    }
  else
    refuse (client, "engine: expected input, run, status, ping or quit, found another message");
}

static void
on_closed (DifConnection *connection, gpointer user_data)
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
  int     fd = accept4 (server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
  Client *client;

  if (fd < 0)
    return FALSE;
  if (! dif_place_is_own_peer (fd) || server->clients->len >= MAX_CLIENTS)
    {
      g_debug ("a client was turned away");
      close (fd);
      return TRUE;
    }
  client               = g_new0 (Client, 1);
  client->server       = server;
  client->inputs       = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                                (GDestroyNotify) dif_image_unref);
  client->connection   = dif_connection_new (fd, &connection_events, client);
  client->hello_source = g_timeout_add_seconds (HELLO_SECONDS, on_no_hello, client);
  g_ptr_array_add (server->clients, client);
  return TRUE;
}

static gboolean
on_incoming (int fd, GIOCondition condition, gpointer user_data)
{
  accept_one (user_data);
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
  lock = dif_place_lock (server->place, 0, NULL, NULL);
  if (lock < 0 || accept_one (server))
    {
      restart_idle (server, RETRY_MS);
    }
  else
    {
      g_debug ("idle for %u seconds", server->idle_seconds);
      dif_place_remove (server->place);
      g_main_loop_quit (server->loop);
    }
  if (lock >= 0)
    close (lock);
  return G_SOURCE_REMOVE;
}

void
dif_server_run (DifPlace *place, int listen_fd, guint idle_seconds)
{
  Server server = { .place = place, .listen_fd = listen_fd, .idle_seconds = idle_seconds };
  guint  term, interrupt;

  server.started = g_get_monotonic_time ();
  server.loop    = g_main_loop_new (NULL, FALSE);
  server.warm    = dif_warm_new ();
  server.jobs    = dif_jobs_new (server.warm);
  server.clients = g_ptr_array_new_with_free_func (client_free);
  g_unix_set_fd_nonblocking (listen_fd, TRUE, NULL);
  term                 = g_unix_signal_add (SIGTERM, on_quit, &server);
  interrupt            = g_unix_signal_add (SIGINT, on_quit, &server);
  server.listen_source = g_unix_fd_add (listen_fd, G_IO_IN, on_incoming, &server);
  restart_idle (&server, idle_seconds * 1000);
  g_main_loop_run (server.loop);

  g_clear_handle_id (&server.listen_source, g_source_remove);
  g_source_remove (term);
  g_source_remove (interrupt);
  g_clear_handle_id (&server.idle_source, g_source_remove);
  if (server.listen_fd >= 0)
    close (server.listen_fd);
  g_ptr_array_unref (server.clients);
  dif_jobs_free (server.jobs);
  dif_warm_free (server.warm);
  g_main_loop_unref (server.loop);
}
