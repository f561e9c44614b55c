/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* connection.h - one end of the line between the engine and a client.
 *
 * Lives on a main context and never blocks: what the other end does not take
 * waits in a queue.  Knows frames, not what they mean.
 */
#ifndef DIF_ENGINE_CONNECTION_H
#define DIF_ENGINE_CONNECTION_H

#include "engine/frame.h"

G_BEGIN_DECLS

/** DifConnection: a socket, what arrived from it and what it is still to get. */
typedef struct _DifConnection DifConnection;

/**
 * DifConnectionEvents:
 * @message: a frame arrived
 * @closed: the other end is gone or sent rubbish, which is @failure then, or all is
 *   sent after dif_connection_finish(); called once, and not from within another
 *   dif_connection function
 *
 * Both may free @connection.
 */
typedef struct
{
  void (*message) (DifConnection *connection, DifFrame *frame, gpointer user_data);
  void (*closed) (DifConnection *connection, const GError *failure, gpointer user_data);
} DifConnectionEvents;

/**
 * dif_connection_new:
 * @socket: a connected socket
 * @events: whom to tell
 * @user_data: for @events
 *
 * Accepts no header above 4096 bytes and no payload until dif_connection_greet().
 *
 * Returns: (transfer full): a connection on the thread's default main context
 */
DifConnection *dif_connection_new (GSocket *socket, const DifConnectionEvents *events,
                                   gpointer user_data);

/**
 * dif_connection_free:
 * @connection: (nullable) (transfer full): closes it; nothing is told any more
 */
void dif_connection_free (DifConnection *connection);

/**
 * dif_connection_greet:
 * @connection: a connection that said hello; long headers and payloads are
 *   welcome now
 */
void dif_connection_greet (DifConnection *connection);

/**
 * dif_connection_is_greeted:
 * @connection: a connection
 *
 * Returns: whether it said hello
 */
gboolean dif_connection_is_greeted (DifConnection *connection);

/**
 * dif_connection_send:
 * @connection: a connection
 * @header: an object
 * @payload: (nullable): bytes, kept until they are sent, not copied
 */
void dif_connection_send (DifConnection *connection, DifJson *header, GBytes *payload);

/**
 * dif_connection_send_error:
 * @connection: a connection
 * @failure: sent as an "error"
 */
void dif_connection_send_error (DifConnection *connection, const GError *failure);

/**
 * dif_connection_backlog:
 * @connection: a connection
 *
 * Returns: bytes that the other end has not taken yet
 */
gsize dif_connection_backlog (DifConnection *connection);

/**
 * dif_connection_finish:
 * @connection: a connection; nothing is read from it any more, and it closes
 *   when everything is sent
 */
void dif_connection_finish (DifConnection *connection);

G_END_DECLS

#endif /* DIF_ENGINE_CONNECTION_H */
