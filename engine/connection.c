/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* connection.c - frames over the pollable streams of a GSocketConnection.
 *
 * Sources instead of asynchronous calls: freeing a connection ends everything at
 * once, with nothing left to wait for.
 */
#include "config.h"

#include "engine/connection.h"
#include "engine/message.h"

#define FIRST_HEADER 4096
#define MAX_VECTORS  16

struct _DifConnection
{
  gint                       ref_count;
  GSocketConnection         *stream;
  GPollableInputStream      *in;
  GPollableOutputStream     *out;
  GMainContext              *context;
  const DifConnectionEvents *events; /* NULL once freed */
  gpointer                   user_data;
  DifFrameReader            *reader;
  GQueue                     unsent;  /* of GBytes */
  gsize                      n_taken; /* of the first of them */
  gsize                      backlog;
  GSource                   *in_source;
  GSource                   *out_source;
  GSource                   *end_source;
  GError                    *failure;
  gboolean                   is_greeted;
  gboolean                   is_finishing;
};

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* While one of its own functions has it, a connection may be freed by whom it
 * tells. */
static void
unref (DifConnection *connection)
{
  if (--connection->ref_count > 0)
    return;
  dif_frame_reader_free (connection->reader);
  g_queue_clear_full (&connection->unsent, (GDestroyNotify) g_bytes_unref);
  g_clear_error (&connection->failure);
  g_object_unref (connection->stream);
  g_main_context_unref (connection->context);
  g_free (connection);
}

static gboolean
on_end (gpointer user_data)
{
  DifConnection *connection = user_data;

  clear_source (&connection->end_source);
  connection->ref_count++;
  connection->events->closed (connection, connection->failure, connection->user_data);
  unref (connection);
  return G_SOURCE_REMOVE;
}

/* From the main loop, so that nobody's connection is freed under their feet. */
static void
end_soon (DifConnection *connection)
{
  clear_source (&connection->in_source);
  clear_source (&connection->out_source);
  if (connection->end_source != NULL || connection->events == NULL)
    return;
  connection->end_source = g_idle_source_new ();
  g_source_set_priority (connection->end_source, G_PRIORITY_DEFAULT);
  g_source_set_callback (connection->end_source, on_end, connection, NULL);
  g_source_attach (connection->end_source, connection->context);
}

/* Writes what it can of the queue; FALSE if the other end is gone. */
static gboolean
write_some (DifConnection *connection, gboolean *would_block)
{
  GOutputVector   vectors[MAX_VECTORS];
  gsize           n_vectors = 0, n_written = 0;
  GPollableReturn done;

  for (GList *link = connection->unsent.head; link && n_vectors < MAX_VECTORS; link = link->next)
    {
      gsize       skip = n_vectors == 0 ? connection->n_taken : 0;
      gsize       n    = 0;
      const char *data = g_bytes_get_data (link->data, &n);

      vectors[n_vectors++] = (GOutputVector) { data + skip, n - skip };
    }
  done         = g_pollable_output_stream_writev_nonblocking (connection->out, vectors, n_vectors,
                                                              &n_written, NULL, NULL);
  *would_block = done == G_POLLABLE_RETURN_WOULD_BLOCK;
  connection->backlog -= n_written;
  n_written += connection->n_taken;
  while (connection->unsent.head != NULL &&
         n_written >= g_bytes_get_size (connection->unsent.head->data))
    {
      n_written -= g_bytes_get_size (connection->unsent.head->data);
      g_bytes_unref (g_queue_pop_head (&connection->unsent));
    }
  connection->n_taken = n_written;
  return done != G_POLLABLE_RETURN_FAILED;
}

static gboolean
on_writable (GObject *stream, gpointer user_data)
{
  DifConnection *connection  = user_data;
  gboolean       would_block = FALSE;

  while (connection->unsent.head != NULL)
    {
      if (! write_some (connection, &would_block))
        {
          end_soon (connection);
          return G_SOURCE_REMOVE;
        }
      if (would_block)
        return G_SOURCE_CONTINUE;
    }
  clear_source (&connection->out_source);
  if (connection->is_finishing)
    end_soon (connection);
  return G_SOURCE_REMOVE;
}

/* Rubbish is answered once, and ends the connection. */
static void
throw_out (DifConnection *connection, GError *failure)
{
  g_debug ("the other end: %s", failure->message);
  connection->failure = failure;
  dif_connection_send_error (connection, failure);
  dif_connection_finish (connection);
}

/* Hands over what is complete. */
static void
take_frames (DifConnection *connection)
{
  while (connection->in_source != NULL)
    {
      g_autoptr (DifFrame) frame   = NULL;
      GError              *failure = NULL;

      if (! dif_frame_reader_next (connection->reader, &frame, &failure))
        throw_out (connection, failure);
      if (frame == NULL)
        return;
      connection->events->message (connection, frame, connection->user_data);
    }
}

static gboolean
on_readable (GObject *stream, gpointer user_data)
{
  DifConnection     *connection = user_data;
  g_autoptr (GError) failure    = NULL;
  gsize              room       = 0;
  guint8            *to         = dif_frame_reader_room (connection->reader, &room);
  gssize             n          = to != NULL ? g_pollable_input_stream_read_nonblocking (
                              connection->in, to, room, NULL, &failure)
                                             : 0;

  if (n < 0 && g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  connection->ref_count++;
  if (n > 0)
    dif_frame_reader_filled (connection->reader, (gsize) n);
  if (n > 0 || to == NULL)
    take_frames (connection);
  else
    end_soon (connection);
  unref (connection);
  return G_SOURCE_CONTINUE; /* it is destroyed where it is not wanted any more */
}

DifConnection *
dif_connection_new (GSocket *socket, const DifConnectionEvents *events, gpointer user_data)
{
  DifConnection *connection = g_new0 (DifConnection, 1);
  GIOStream     *stream;

  connection->ref_count = 1;
  connection->stream    = g_socket_connection_factory_create_connection (socket);
  stream                = G_IO_STREAM (connection->stream);
  connection->in        = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (stream));
  connection->out       = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
  connection->context   = g_main_context_ref_thread_default ();
  connection->events    = events;
  connection->user_data = user_data;
  connection->reader    = dif_frame_reader_new (FIRST_HEADER, 0);
  connection->in_source = g_pollable_input_stream_create_source (connection->in, NULL);
  g_source_set_callback (connection->in_source, G_SOURCE_FUNC (on_readable), connection, NULL);
  g_source_attach (connection->in_source, connection->context);
  return connection;
}

void
dif_connection_free (DifConnection *connection)
{
  if (connection == NULL)
    return;
  clear_source (&connection->in_source);
  clear_source (&connection->out_source);
  clear_source (&connection->end_source);
  connection->events = NULL;
  g_socket_close (g_socket_connection_get_socket (connection->stream), NULL);
  unref (connection);
}

void
dif_connection_greet (DifConnection *connection)
{
  connection->is_greeted = TRUE;
  dif_frame_reader_allow (connection->reader, DIF_FRAME_MAX_HEADER, DIF_FRAME_MAX_PAYLOAD);
}

gboolean
dif_connection_is_greeted (DifConnection *connection)
{
  return connection->is_greeted;
}

void
dif_connection_send (DifConnection *connection, DifJson *header, GBytes *payload)
{
  GBytes *head;

  if (connection->end_source != NULL || connection->is_finishing || connection->events == NULL)
    return;
  head = dif_frame_pack (header, payload != NULL ? g_bytes_get_size (payload) : 0);
  connection->backlog += g_bytes_get_size (head);
  g_queue_push_tail (&connection->unsent, head);
  if (payload != NULL && g_bytes_get_size (payload) > 0)
    {
      connection->backlog += g_bytes_get_size (payload);
      g_queue_push_tail (&connection->unsent, g_bytes_ref (payload));
    }
  if (connection->out_source != NULL)
    return;
  connection->out_source = g_pollable_output_stream_create_source (connection->out, NULL);
  g_source_set_callback (connection->out_source, G_SOURCE_FUNC (on_writable), connection, NULL);
  g_source_attach (connection->out_source, connection->context);
}

void
dif_connection_send_error (DifConnection *connection, const GError *failure)
{
  g_autoptr (DifJson) message = dif_message_from_error (failure);

  dif_connection_send (connection, message, NULL);
}

gsize
dif_connection_backlog (DifConnection *connection)
{
  return connection->backlog;
}

void
dif_connection_finish (DifConnection *connection)
{
  connection->is_finishing = TRUE;
  clear_source (&connection->in_source);
  if (connection->out_source == NULL)
    end_soon (connection);
}
