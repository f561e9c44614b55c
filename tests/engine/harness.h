/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* harness.h - what the tests of the engine share: a private dir, clients, a socket. */
#ifndef DIF_TESTS_ENGINE_HARNESS_H
#define DIF_TESTS_ENGINE_HARNESS_H

#include "engine/client.h"
#include "engine/frame.h"

G_BEGIN_DECLS

/**
 * harness_begin:
 *
 * A fresh folder for sockets and a fresh folder as model, in the environment.
 */
void harness_begin (void);

/**
 * harness_end:
 *
 * Ends the engine and removes the folders; fails if the engine stays.
 */
void harness_end (void);

/** harness_runtime: the folder for sockets; harness_model: the model's. */
const char *harness_runtime (void);
const char *harness_model (void);

/** harness_new_model: another folder as model; its path, to be freed. */
char *harness_new_model (const char *name);

/** harness_request: of the folder as model, with prompt and steps. */
DifRequest *harness_request (const char *prompt, guint n_steps);

/** harness_run: a run that must succeed. */
void harness_run (const char *prompt, guint n_steps);

/** harness_status: a number of the running engine's status. */
int harness_status (const char *key);

/** harness_wait_for: waits until the status has the number; fails after 10 s. */
void harness_wait_for (const char *key, int value);

/** harness_is_running: whether an engine answers. */
gboolean harness_is_running (void);

/** harness_spawn_client: this program again, as a client that runs one request. */
GSubprocess *harness_spawn_client (const char *prompt, guint n_steps);

/**
 * harness_client_main: what such a client does; prints the engine's process and
 * whether it had to wait.
 */
int harness_client_main (char **argv);

/** harness_connect: a raw connection. */
int harness_connect (void);

/** harness_write: bytes as they are. */
gssize harness_write (int fd, gconstpointer bytes, gsize n);

/** harness_send: text as a frame's header. */
void harness_send (int fd, const char *header);

/** harness_send_frame: text as a frame's header, and a payload. */
void harness_send_frame (int fd, const char *header, gconstpointer payload, gsize n_payload);

/** harness_receive: the next frame's header; NULL at the end of the connection. */
DifJson *harness_receive (int fd, DifFrameReader *reader);

G_END_DECLS

#endif /* DIF_TESTS_ENGINE_HARNESS_H */
