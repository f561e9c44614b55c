/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine-hostile.c - clients that lie, stall and shout; the engine stays. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/message.h"
#include "engine/socket-dir.h"
#include "tests/engine/harness.h"

#define HELLO  "{\"type\":\"hello\",\"protocol\":3}"
#define NOBODY 65534

static DifFrameReader *
new_reader (void)
{
  return dif_frame_reader_new (DIF_FRAME_MAX_HEADER, DIF_FRAME_MAX_PAYLOAD);
}

/* Sends raw bytes, expects one error and the end of the connection. */
static void
assert_thrown_out (const void *bytes, gsize n)
{
  g_autoptr (DifFrameReader) reader = new_reader ();
  g_autoptr (DifJson)        answer = NULL;
  int                        fd     = harness_connect ();

  g_assert_cmpint (harness_write (fd, bytes, n), ==, (gssize) n);
  answer = harness_receive (fd, reader);
  g_assert_nonnull (answer);
  g_assert_true (dif_message_is (answer, "error"));
  g_assert_null (harness_receive (fd, reader));
  close (fd);
}

/* Says hello, then @text; expects an error, and that the connection stays good. */
static void
assert_answered (const char *text)
{
  g_autoptr (DifFrameReader) reader = new_reader ();
  int                        fd     = harness_connect ();
  g_autoptr (DifJson)        hello  = NULL;
  g_autoptr (DifJson)        answer = NULL;
  g_autoptr (DifJson)        pong   = NULL;

  harness_send (fd, HELLO);
  hello = harness_receive (fd, reader);
  g_assert_true (dif_message_is (hello, "hello"));
  harness_send (fd, text);
  answer = harness_receive (fd, reader);
  g_assert_nonnull (answer);
  if (! dif_message_is (answer, "error"))
    g_error ("no error for %s", text);
  harness_send (fd, "{\"type\":\"ping\"}");
  pong = harness_receive (fd, reader);
  g_assert_true (dif_message_is (pong, "pong"));
  close (fd);
}

static void
test_rubbish (void)
{
  const guint8 long_header[12]  = { 0xff, 0xff, 0xff, 0x7f };
  const guint8 long_payload[12] = { 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
  guint8       noise[4096];
  int          pid;

  harness_begin ();
  harness_run ("first", 1);
  pid = harness_status ("pid");
  for (guint i = 0; i < sizeof noise; i++)
    noise[i] = (guint8) (i * 31 + 255);
  assert_thrown_out (noise, sizeof noise);
  assert_thrown_out (long_header, sizeof long_header);
  assert_thrown_out (long_payload, sizeof long_payload);
  assert_thrown_out ("\2\0\0\0\0\0\0\0\0\0\0\0[]", 14);
  assert_thrown_out ("\2\0\0\0\0\0\0\0\0\0\0\0{}", 14);
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), ==, pid);
  harness_end ();
}

static void
test_bad_requests (void)
{
  static const char *const texts[] = {
    "{\"type\":\"run\"}",
    "{\"type\":\"run\",\"request\":7}",
    "{\"type\":\"run\",\"request\":[]}",
    "{\"type\":\"run\",\"request\":{}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"paint\"}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"steps\":-1}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"steps\":\"x\"}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"prompt\":1}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"guidance-scale\":NaN}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"unknown\":1}}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"model\":\"/nowhere\"}}",
    "{\"type\":\"input\"}",
    "{\"type\":\"input\",\"name\":\"image\",\"width\":1,\"height\":1,\"channels\":1,"
    "\"format\":\"u8\"}",
  };
  int pid;

  harness_begin ();
  harness_run ("first", 1);
  pid = harness_status ("pid");
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_answered (texts[i]);
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), ==, pid);
  harness_end ();
}

static void
test_hello (void)
{
  static const char *const texts[] = {
    "{\"type\":\"hello\"}",
    "{\"type\":\"hello\",\"protocol\":2}",
    "{\"type\":\"hello\",\"protocol\":-1}",
    "{\"type\":\"hello\",\"protocol\":\"3\"}",
    "{\"type\":\"status\"}",
    "{\"type\":\"run\",\"request\":{\"task\":\"txt2img\"}}",
    "{\"type\":\"quit\"}",
  };

  harness_begin ();
  harness_run ("first", 1);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (DifFrameReader) reader = new_reader ();
      g_autoptr (DifJson)        answer = NULL;
      int                        fd     = harness_connect ();

      harness_send (fd, texts[i]);
      answer = harness_receive (fd, reader);
      g_assert_true (dif_message_is (answer, "error"));
      g_assert_null (harness_receive (fd, reader));
      close (fd);
    }
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("done"), ==, 2);
  harness_end ();
}

static char *
run_text (guint n_steps)
{
  return g_strdup_printf ("{\"type\":\"run\",\"request\":{\"task\":\"txt2img\",\"model\":\"%s\","
                          "\"steps\":%u}}",
                          harness_model (), n_steps);
}

static void
test_second_run (void)
{
  g_autoptr (DifFrameReader) reader     = new_reader ();
  g_autofree char           *text       = NULL;
  gboolean                   is_refused = FALSE;
  gboolean                   is_done    = FALSE;
  int                        fd;

  harness_begin ();
  harness_run ("first", 1);
  text = run_text (20);
  fd   = harness_connect ();
  harness_send (fd, HELLO);
  harness_send (fd, text);
  harness_send (fd, text);
  while (! is_done)
    {
      g_autoptr (DifJson) answer = harness_receive (fd, reader);

      g_assert_nonnull (answer);
      is_refused = is_refused || dif_message_is (answer, "error");
      is_done    = dif_message_is (answer, "done");
    }
  g_assert_true (is_refused);
  close (fd);
  harness_end ();
}

static void
test_stalls (void)
{
  g_autofree char *text = NULL;
  int              half, full;

  harness_begin ();
  harness_run ("first", 1);
  text = run_text (3);
  half = harness_connect ();
  g_assert_cmpint (harness_write (half, "\x40\0\0", 3), ==, 3);
  full = harness_connect ();
  harness_send (full, HELLO);
  for (guint i = 0; i < 20000; i++)
    harness_send (full, "{\"type\":\"ping\"}");
  harness_run ("second", 1);
  close (half);
  close (full);
  harness_run ("third", 1);
  harness_end ();
}

static void
test_crowd (void)
{
  int fds[80];

  harness_begin ();
  harness_run ("first", 1);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = harness_connect ();
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  harness_run ("second", 1);
  harness_wait_for ("clients", 1);
  harness_end ();
}

/* As another user, with the socket's folder open and its door held wide. */
static void
knock_as_nobody (int folder_fd, const char *name)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int                fd      = socket (AF_UNIX, SOCK_STREAM, 0);
  char               byte;

  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder_fd, name);
  if (fchmod (folder_fd, 0777) != 0 || fchmodat (folder_fd, name, 0777, 0) != 0 ||
      setgid (NOBODY) != 0 || setuid (NOBODY) != 0)
    _exit (2);
  if (connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    _exit (3);
  harness_write (fd, "\2\0\0\0\0\0\0\0\0\0\0\0{}", 14);
  _exit (read (fd, &byte, 1) <= 0 ? 0 : 4); /* not even an error */
}

static void
test_other_user (void)
{
  g_autoptr (DifSocketDir) dir    = NULL;
  g_autofree char         *folder = NULL;
  g_autofree char         *name   = NULL;
  int                      folder_fd, status;
  pid_t                    child;

  if (geteuid () != 0)
    {
      g_test_skip ("only root can try as another user");
      return;
    }
  harness_begin ();
  harness_run ("first", 1);
  dir       = dif_socket_dir_open (NULL);
  folder    = g_path_get_dirname (dif_socket_dir_path (dir));
  name      = g_path_get_basename (dif_socket_dir_path (dir));
  folder_fd = open (folder, O_RDONLY | O_DIRECTORY);
  child     = fork ();
  if (child == 0)
    knock_as_nobody (folder_fd, name);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  g_assert_cmpint (fchmod (folder_fd, 0700), ==, 0);
  close (folder_fd);
  g_assert_cmpint (harness_status ("clients"), ==, 1);
  harness_end ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/hostile/rubbish-is-thrown-out", test_rubbish);
  g_test_add_func ("/engine/hostile/bad-requests-are-answered", test_bad_requests);
  g_test_add_func ("/engine/hostile/hello-comes-first", test_hello);
  g_test_add_func ("/engine/hostile/second-run-of-a-client-is-refused", test_second_run);
  g_test_add_func ("/engine/hostile/stalling-and-shouting-stop-nobody", test_stalls);
  g_test_add_func ("/engine/hostile/crowd-is-turned-away", test_crowd);
  g_test_add_func ("/engine/hostile/other-users-are-turned-away", test_other_user);
  return g_test_run ();
}
