/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* connection.c - see connection.h. */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include <glib-unix.h>

#include "engine/connection.h"
#include "engine/message.h"
#include "engine/place.h"

#define FIRST_HEADER 4096
#define CHUNK        (64 * 1024)

struct _DifConnection
{
  int                        fd;
  const DifConnectionEvents *events;
  gpointer                   user_data;
  DifFrameReader            *reader;
  GQueue                    *unsent; /* of GBytes */
  gsize                      backlog;
  guint                      in_source;
  guint                      out_source;
  guint                      end_source;
  gboolean                   is_greeted;
  gboolean                   is_finishing;
};

static gboolean
on_end (gpointer user_data)
{
  DifConnection *connection = user_data;

  connection->end_source = 0;
  connection->events->closed (connection, connection->user_data);
  return G_SOURCE_REMOVE;
}

/* From the main loop, so that nobody's connection is freed under their feet. */
static void
end_soon (DifConnection *connection)
{
  g_clear_handle_id (&connection->in_source, g_source_remove);
  g_clear_handle_id (&connection->out_source, g_source_remove);
  if (connection->end_source == 0)
    connection->end_source = g_idle_add_full (G_PRIORITY_DEFAULT, on_end, connection, NULL);
}

static gboolean
on_writable (int fd, GIOCondition condition, gpointer user_data)
{
  DifConnection *connection = user_data;
  GBytes        *bytes;

  while ((bytes = g_queue_peek_head (connection->unsent)) != NULL)
    {
      gsize         n    = 0;
      gconstpointer data = g_bytes_get_data (bytes, &n);
      gssize        sent = dif_place_send (fd, data, n);

      if (sent < 0 && errno == EINTR)
        continue;
      if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return G_SOURCE_CONTINUE;
      if (sent < 0)
        {
          connection->out_source = 0;
          end_soon (connection);
          return G_SOURCE_REMOVE;
        }
      connection->backlog -= (gsize) sent;
      g_queue_pop_head (connection->unsent);
      if ((gsize) sent < n)
        g_queue_push_head (connection->unsent,
                           g_bytes_new_from_bytes (bytes, (gsize) sent, n - (gsize) sent));
      g_bytes_unref (bytes);
    }
  connection->out_source = 0;
  if (connection->is_finishing)
    end_soon (connection);
  return G_SOURCE_REMOVE;
}

/* Hands over what is complete; rubbish is answered once, and ends the connection. */
static void
take_frames (DifConnection *connection)
{
  g_autoptr (GError) failure = NULL;

  while (connection->in_source != 0 && connection->end_source == 0)
    {
      g_autoptr (DifFrame) frame = NULL;

      if (! dif_frame_reader_next (connection->reader, &frame, &failure))
        {
          g_debug ("client on descriptor %d: %s", connection->fd, failure->message);
          dif_connection_send_error (connection, failure);
          dif_connection_finish (connection);
          return;
        }
      if (frame == NULL)
        return;
      connection->events->message (connection, frame, connection->user_data);
    }
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  DifConnection *connection = user_data;
  guint8         chunk[CHUNK];
  gssize         n = read (fd, chunk, sizeof chunk);

  if (n > 0)
    {
      dif_frame_reader_feed (connection->reader, chunk, (gsize) n);
      take_frames (connection);
      return connection->in_source != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
    }
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
    return G_SOURCE_CONTINUE;
  connection->in_source = 0;
  end_soon (connection);
  return G_SOURCE_REMOVE;
}

DifConnection *
dif_connection_new (int fd, const DifConnectionEvents *events, gpointer user_data)
{
  DifConnection *connection = g_new0 (DifConnection, 1);

  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  connection->fd        = fd;
  connection->events    = events;
  connection->user_data = user_data;
  connection->reader    = dif_frame_reader_new (FIRST_HEADER, 0);
  connection->unsent    = g_queue_new ();
  connection->in_source =
      g_unix_fd_add (fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, connection);
  return connection;
}

void
dif_connection_free (DifConnection *connection)
{
  if (connection == NULL)
    return;
  g_clear_handle_id (&connection->in_source, g_source_remove);
  g_clear_handle_id (&connection->out_source, g_source_remove);
  g_clear_handle_id (&connection->end_source, g_source_remove);
  close (connection->fd);
  dif_frame_reader_free (connection->reader);
  g_queue_free_full (connection->unsent, (GDestroyNotify) g_bytes_unref);
  g_free (connection);
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
dif_connection_send (DifConnection *connection, DifJson *header, gconstpointer payload,
                     gsize n_payload)
{
  GBytes *bytes;

  if (connection->end_source != 0 || connection->is_finishing)
    return;
  bytes = dif_frame_pack (header, payload, n_payload);
  connection->backlog += g_bytes_get_size (bytes);
  g_queue_push_tail (connection->unsent, bytes);
  if (connection->out_source == 0)
    connection->out_source = g_unix_fd_add (connection->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR,
                                            on_writable, connection);
}

void
dif_connection_send_error (DifConnection *connection, const GError *failure)
{
  g_autoptr (DifJson) message = dif_message_from_error (failure);

  dif_connection_send (connection, message, NULL, 0);
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
  g_clear_handle_id (&connection->in_source, g_source_remove);
  if (connection->out_source == 0)
    end_soon (connection);
}
