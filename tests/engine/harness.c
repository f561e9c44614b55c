/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* harness.c - see harness.h. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib/gstdio.h>

#include "engine/message.h"
#include "engine/socket-dir.h"
#include "tests/engine/harness.h"

#define WAIT_MS 10000
#define POLL_MS 10

static char *folder;
static char *runtime_folder;
static char *model_folder;

void
harness_begin (void)
{
  g_autofree char *file = NULL;

  folder         = g_dir_make_tmp ("dif-engine-XXXXXX", NULL);
  runtime_folder = g_build_filename (folder, "run", NULL);
  model_folder   = g_build_filename (folder, "model", NULL);
  file           = g_build_filename (model_folder, "model_index.json", NULL);
  g_assert_cmpint (g_mkdir (runtime_folder, 0700), ==, 0);
  g_assert_cmpint (g_mkdir (model_folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, "{}", -1, NULL));
  g_setenv ("XDG_RUNTIME_DIR", runtime_folder, TRUE);
  g_setenv ("DIF_ENGINE", g_getenv ("TEST_ENGINE"), TRUE);
  g_unsetenv ("DIF_ENGINE_IDLE_SECONDS");
}

void
harness_end (void)
{
  g_autofree char *command = g_strdup_printf ("rm -rf '%s'", folder);

  g_assert_true (dif_engine_quit (NULL, NULL));
  g_assert_false (harness_is_running ());
  g_assert_cmpint (system (command), ==, 0);
  g_clear_pointer (&folder, g_free);
  g_clear_pointer (&runtime_folder, g_free);
  g_clear_pointer (&model_folder, g_free);
}

const char *
harness_runtime (void)
{
  return runtime_folder;
}

const char *
harness_model (void)
{
  return model_folder;
}

DifRequest *
harness_request (const char *prompt, guint n_steps)
{
  DifRequest *rq    = dif_request_new ("txt2img", NULL);
  const char *model = model_folder != NULL ? model_folder : g_getenv ("TEST_MODEL");

  g_assert_true (dif_request_set (rq, "model", model, NULL));
  g_assert_true (dif_request_set (rq, "prompt", prompt, NULL));
  g_assert_true (dif_request_set_number (rq, "steps", n_steps, NULL));
  return rq;
}

char *
harness_new_model (const char *name)
{
  g_autofree char *other = g_build_filename (folder, name, NULL);
  g_autofree char *file  = g_build_filename (other, "model_index.json", NULL);

  g_assert_cmpint (g_mkdir (other, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, "{}", -1, NULL));
  return g_steal_pointer (&other);
}

void
harness_run (const char *prompt, guint n_steps)
{
  g_autoptr (DifRequest) rq      = harness_request (prompt, n_steps);
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifResult)  result  = dif_engine_run (rq, NULL, NULL, NULL, &failure);

  g_assert_no_error (failure);
  g_assert_nonnull (result);
}

int
harness_status (const char *key)
{
  g_autoptr (GError)  failure = NULL;
  g_autoptr (DifJson) status  = dif_engine_status (&failure);

  g_assert_no_error (failure);
  return (int) dif_json_int (status, key, -1, -1, G_MAXINT);
}

void
harness_wait_for (const char *key, int value)
{
  for (guint waited = 0; harness_status (key) != value; waited += POLL_MS)
    {
      g_assert_cmpuint (waited, <, WAIT_MS);
      g_usleep (POLL_MS * 1000);
    }
}

gboolean
harness_is_running (void)
{
  g_autoptr (DifJson) status = dif_engine_status (NULL);

  return status != NULL;
}

GSubprocess *
harness_spawn_client (const char *prompt, guint n_steps)
{
  g_autofree char *self  = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *steps = g_strdup_printf ("%u", n_steps);
  GSubprocess     *client;

  g_setenv ("TEST_MODEL", model_folder, TRUE);
  client = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL, self, "--client", prompt, steps,
                             NULL);
  g_assert_nonnull (client);
  return client;
}

static void
note_wait (const DifProgress *progress, gpointer user_data)
{
  gboolean *has_waited = user_data;

  if (g_str_equal (progress->stage, "wait"))
    *has_waited = TRUE;
}

int
harness_client_main (char **argv)
{
  gboolean               has_waited = FALSE;
  g_autoptr (DifRequest) rq         = harness_request (argv[2], (guint) atoi (argv[3]));
  g_autoptr (DifResult)  result     = dif_engine_run (rq, note_wait, &has_waited, NULL, NULL);

  if (result == NULL)
    return EXIT_FAILURE;
  printf ("%d %d\n", harness_status ("pid"), has_waited);
  return EXIT_SUCCESS;
}

int
harness_connect (void)
{
  g_autoptr (GError)       failure = NULL;
  g_autoptr (DifSocketDir) dir     = dif_socket_dir_open (&failure);
  g_autoptr (GSocket)      socket  = NULL;
  int                      fd;

  g_assert_no_error (failure);
  socket = dif_socket_dir_connect (dir, &failure);
  g_assert_no_error (failure);
  fd = dup (g_socket_get_fd (socket));
  g_assert_cmpint (fd, >=, 0);
  g_unix_set_fd_nonblocking (fd, FALSE, NULL);
  return fd;
}

gssize
harness_write (int fd, gconstpointer bytes, gsize n)
{
  return send (fd, bytes, n, MSG_NOSIGNAL);
}

void
harness_send_frame (int fd, const char *header, gconstpointer payload, gsize n_payload)
{
  gsize            n_header = strlen (header);
  guint32          n1       = GUINT32_TO_LE ((guint32) n_header);
  guint64          n2       = GUINT64_TO_LE ((guint64) n_payload);
  g_autofree char *bytes    = g_malloc (DIF_FRAME_PREFIX + n_header + n_payload);

  memcpy (bytes, &n1, 4);
  memcpy (bytes + 4, &n2, 8);
  memcpy (bytes + DIF_FRAME_PREFIX, header, n_header);
  if (n_payload > 0)
    memcpy (bytes + DIF_FRAME_PREFIX + n_header, payload, n_payload);
  harness_write (fd, bytes, DIF_FRAME_PREFIX + n_header + n_payload);
}

void
harness_send (int fd, const char *header)
{
  harness_send_frame (fd, header, NULL, 0);
}

DifJson *
harness_receive (int fd, DifFrameReader *reader)
{
  while (TRUE)
    {
      g_autoptr (DifFrame) frame = NULL;
      struct pollfd        wait  = { .fd = fd, .events = POLLIN };
      char                 chunk[4096];
      gssize               n;

      g_assert_true (dif_frame_reader_next (reader, &frame, NULL));
      if (frame != NULL)
        return dif_json_ref (frame->header);
      g_assert_cmpint (poll (&wait, 1, WAIT_MS), ==, 1);
      n = read (fd, chunk, sizeof chunk);
      if (n <= 0)
        return NULL; /* also where the other end left what we said unread */
      dif_frame_reader_feed (reader, chunk, (gsize) n);
    }
}
