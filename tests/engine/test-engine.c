/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine.c - the engine process as its clients see it, with a fake pipeline. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "engine/socket-dir.h"
#include "engine/platform.h"
#include "tests/engine/harness.h"

#define LONG 1000

typedef struct
{
  GThread *thread;
  double   fraction;
  guint    n_calls;
  guint    stop_after;
  int      kill_pid;

  GCancellable *cancellable;
} Watch;

static void
watch (const DifProgress *progress, gpointer user_data)
{
  Watch *w = user_data;

  g_assert_true (g_thread_self () == w->thread);
  g_assert_cmpfloat (progress->fraction, >=, w->fraction);
  w->fraction = progress->fraction;
  if (++w->n_calls == w->stop_after && w->cancellable != NULL)
    g_cancellable_cancel (w->cancellable);
  else if (w->n_calls == w->stop_after)
    kill (w->kill_pid, SIGKILL);
}

static void
test_warm (void)
{
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifRequest) rq      = NULL;
  g_autoptr (DifResult)  result  = NULL;
  Watch                  w       = { .thread = g_thread_self () };
  int                    pid;

  harness_begin ();
  g_assert_false (harness_is_running ());
  rq = harness_request ("warn", 5);
  g_assert_true (dif_request_set_number (rq, "seed", 4294967295.0, NULL));
  g_assert_true (dif_request_set_number (rq, "num-images", 2, NULL));
  result = dif_engine_run (rq, watch, &w, NULL, &failure);
  g_assert_no_error (failure);
  g_assert_cmpuint (dif_result_n_images (result), ==, 2);
  g_assert_cmpuint (dif_result_width (result), ==, 8);
  g_assert_cmpuint (dif_result_seed (result), ==, 4294967295u);
  g_assert_cmpstr (dif_result_warning (result), ==, "beware");
  g_assert_cmpstr (dif_result_recipe (result, 1), ==, "{\"run\": 0, \"index\": 1}");
  g_assert_cmpfloat (dif_result_pixels (result, 1)[191], ==, 192.0f / 1000.0f);
  g_assert_cmpuint (w.n_calls, >=, 3);
  g_assert_cmpfloat (w.fraction, ==, 1.0);

  pid = harness_status ("pid");
  harness_run ("again", 1);
  g_assert_cmpint (harness_status ("pid"), ==, pid);
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  g_assert_cmpint (harness_status ("done"), ==, 2);
  g_assert_cmpint (harness_status ("weight_bytes"), ==, 12345);
  harness_end ();
}

static void
test_cancel (void)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError)       failure     = NULL;
  g_autoptr (DifRequest)   rq          = NULL;
  Watch                    w           = { .thread = g_thread_self (), .stop_after = 3 };
  gint64                   begin       = g_get_monotonic_time ();
  int                      pid;

  harness_begin ();
  harness_run ("first", 1);
  pid           = harness_status ("pid");
  rq            = harness_request ("long", LONG);
  w.cancellable = cancellable;
  g_assert_null (dif_engine_run (rq, watch, &w, cancellable, &failure));
  g_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 10 * G_USEC_PER_SEC);
  harness_wait_for ("jobs", 0);
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), ==, pid);
  g_assert_cmpint (harness_status ("loads"), ==, 1);

  g_clear_error (&failure);
  g_assert_null (dif_engine_run (rq, NULL, NULL, cancellable, &failure));
  g_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  harness_end ();
}

static void
test_killed_client (void)
{
  g_autoptr (GSubprocess) client = NULL;
  int                     pid;

  harness_begin ();
  harness_run ("first", 1);
  pid    = harness_status ("pid");
  client = harness_spawn_client ("long", LONG);
  harness_wait_for ("jobs", 1);
  g_subprocess_force_exit (client);
  g_assert_true (g_subprocess_wait (client, NULL, NULL));
  harness_wait_for ("jobs", 0);
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), ==, pid);
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  harness_end ();
}

static void
test_killed_engine (void)
{
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifRequest) rq      = NULL;
  Watch                  w       = { .thread = g_thread_self (), .stop_after = 3 };

  harness_begin ();
  harness_run ("first", 1);
  w.kill_pid = harness_status ("pid");
  rq         = harness_request ("long", LONG);
  g_assert_null (dif_engine_run (rq, watch, &w, NULL, &failure));
  g_assert_error (failure, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED);
  g_assert_nonnull (strstr (failure->message, "had ended"));
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), !=, w.kill_pid);
  harness_end ();
}

static void
test_crash (void)
{
  g_autoptr (GError)     failure = NULL;
  g_autoptr (DifRequest) rq      = NULL;

  harness_begin ();
  rq = harness_request ("crash", 1);
  g_assert_null (dif_engine_run (rq, NULL, NULL, NULL, &failure));
  g_assert_error (failure, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED);
  harness_run ("after the crash", 1);
  harness_end ();
}

static void
test_idle (void)
{
  g_autoptr (GDir) folder = NULL;
  const char      *name;

  harness_begin ();
  g_setenv ("DIF_ENGINE_IDLE_SECONDS", "1", TRUE);
  harness_run ("longer than the engine idles", 60);
  g_assert_true (harness_is_running ());
  for (guint i = 0; i < 100 && harness_is_running (); i++)
    g_usleep (1500 * 1000); /* asking is work, too */
  g_assert_false (harness_is_running ());
  folder = g_dir_open (harness_runtime (), 0, NULL);
  name   = g_dir_read_name (folder);
  g_assert_cmpstr (name, ==, "gimp-diffusion");
  harness_run ("second", 1);
  harness_end ();
}

static void
test_two_first_calls (void)
{
  GSubprocess     *clients[4];
  g_autofree char *seen      = NULL;
  guint            n_waiting = 0;

  harness_begin ();
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    clients[i] = harness_spawn_client ("at once", 10);
  for (guint i = 0; i < G_N_ELEMENTS (clients); i++)
    {
      g_autofree char *said = NULL;
      g_auto (GStrv)   words;

      g_assert_true (g_subprocess_communicate_utf8 (clients[i], NULL, NULL, &said, NULL, NULL));
      g_assert_true (g_subprocess_get_successful (clients[i]));
      words = g_strsplit (g_strstrip (said), " ", 2);
      if (seen == NULL)
        seen = g_strdup (words[0]);
      g_assert_cmpstr (words[0], ==, seen);
      n_waiting += g_str_equal (words[1], "1");
      g_object_unref (clients[i]);
    }
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  g_assert_cmpint (harness_status ("done"), ==, 4);
  g_assert_cmpuint (n_waiting, >=, 1);
  harness_end ();
}

static void
test_errors (void)
{
  static const struct
  {
    const char *text;
    int         code;
  } cases[] = {
    { "dif-format-error-quark", DIF_FORMAT_ERROR_MISSING_KEY },
    { "dif-model-error-quark", DIF_MODEL_ERROR_SHAPE },
    { "dif-backend-error-quark", DIF_BACKEND_ERROR_OUT_OF_MEMORY },
    { "dif-request-error-quark", DIF_REQUEST_ERROR_BAD_SIZE },
    { "g-io-error-quark", G_IO_ERROR_NO_SPACE },
    { "g-file-error-quark", G_FILE_ERROR_ACCES },
  };

  harness_begin ();
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char       *prompt  = g_strdup_printf ("error:%s:%d", cases[i].text,
                                                        cases[i].code);
      g_autoptr (DifRequest) rq      = harness_request (prompt, 1);
      g_autofree char       *said    = g_strdup_printf ("as told: %s", prompt);
      g_autoptr (GError)     failure = NULL;

      g_assert_null (dif_engine_run (rq, NULL, NULL, NULL, &failure));
      g_assert_error (failure, g_quark_try_string (cases[i].text), cases[i].code);
      g_assert_cmpstr (failure->message, ==, said);
    }
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  harness_end ();
}

static void
test_missing_model (void)
{
  g_autoptr (DifRequest) rq      = NULL;
  g_autoptr (GError)     failure = NULL;

  harness_begin ();
  rq = harness_request ("", 1);
  g_assert_true (dif_request_set (rq, "model", "no such model", NULL));
  g_assert_null (dif_engine_run (rq, NULL, NULL, NULL, &failure));
  g_assert_error (failure, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  g_assert_false (harness_is_running ());
  harness_end ();
}

static void
test_model_changed (void)
{
  g_autofree char *file = NULL;

  harness_begin ();
  file = g_build_filename (harness_model (), "unet", NULL);
  harness_run ("first", 1);
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  g_assert_cmpint (g_mkdir (file, 0700), ==, 0);
  harness_run ("third", 1);
  g_assert_cmpint (harness_status ("loads"), ==, 2);
  harness_end ();
}

/* LoRAs are changed on what is loaded; textual-inversion words belong to it: their files and their
 * words. */
static void
test_adapters_changed (void)
{
  g_autofree char *file = NULL;
  static const struct
  {
    const char *row, *suffix;
    int         loads;
  } rows[] = {
    { "lora", NULL, 1 },
    { "lora", "", 1 },
    { "lora", ":0.5", 1 },
    { "embedding", "", 2 },
    { "embedding", "", 2 },
    { "embedding", ":word", 3 },
    { "embedding", NULL, 3 },
  };

  harness_begin ();
  file = g_build_filename (harness_model (), "style.safetensors", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (DifRequest) rq     = harness_request ("with", 1);
      g_autofree char       *spec   = g_strconcat (file, rows[i].suffix, NULL);
      g_autoptr (DifResult)  result = NULL;
      g_autoptr (GError)     error  = NULL;

      if (i == 0)
        g_assert_true (g_file_set_contents (file, "x", 1, NULL));
      if (rows[i].suffix)
        g_assert_true (dif_request_set (rq, rows[i].row, spec, NULL));
      result = dif_engine_run (rq, NULL, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (harness_status ("loads"), ==, rows[i].loads);
    }
  harness_end ();
}

static void
test_without_engine (void)
{
  const char *const programs[] = { "none", "/bin/false", "/no/such/program" };

  harness_begin ();
  for (guint i = 0; i < G_N_ELEMENTS (programs); i++)
    {
      g_setenv ("DIF_ENGINE", programs[i], TRUE);
      harness_run ("in this process", 1);
      g_assert_false (harness_is_running ());
    }
  harness_end ();
}

static void
test_open_folder (void)
{
  g_autofree char   *folder  = NULL;
  g_autoptr (GError) failure = NULL;

  harness_begin ();
  folder = g_build_filename (harness_runtime (), "gimp-diffusion", NULL);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  g_assert_cmpint (g_chmod (folder, 0711), ==, 0);
  g_assert_null (dif_engine_status (&failure));
  g_assert_error (failure, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  harness_run ("in this process", 1);
  g_assert_cmpint (g_chmod (folder, 0700), ==, 0);
  g_assert_false (harness_is_running ());
  harness_end ();
}

static void
test_long_path (void)
{
  g_autofree char *name   = g_strnfill (200, 'x');
  g_autofree char *folder = NULL;

  harness_begin ();
  folder = g_build_filename (harness_runtime (), name, NULL);
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  harness_run ("first", 1);
  g_assert_true (harness_is_running ());
  harness_end ();
}

static void
test_terminated (void)
{
  guint waited = 0;
  int   pid;

  harness_begin ();
  harness_run ("first", 1);
  pid = harness_status ("pid");
  g_assert_cmpint (kill (pid, SIGTERM), ==, 0);
  while (harness_is_running ())
    g_assert_cmpuint (++waited, <, 1000);
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), !=, pid);
  harness_end ();
}

/* One that is stopped answers nothing, and a signal that it could handle reaches it only when it
 * goes on. */
static void
test_hung (void)
{
  DifEngineEnd       end;
  g_autoptr (GError) failure = NULL;
  int                pid;

  harness_begin ();
  g_assert_true (dif_engine_quit (&end, NULL));
  g_assert_cmpint (end.how, ==, DIF_ENGINE_ENDED_NONE);
  harness_run ("first", 1);
  pid = harness_status ("pid");
  g_assert_cmpint (kill (pid, SIGSTOP), ==, 0);
  g_assert_true (dif_engine_quit (&end, &failure));
  g_assert_no_error (failure);
  g_assert_cmpint (end.how, ==, DIF_ENGINE_ENDED_TERMINATED);
  g_assert_cmpint (end.pid, ==, pid);
  g_assert_false (harness_is_running ());
  harness_run ("second", 1);
  g_assert_cmpint (harness_status ("pid"), !=, pid);
  g_assert_true (dif_engine_quit (&end, NULL));
  g_assert_cmpint (end.how, ==, DIF_ENGINE_ENDED_ASKED);
  harness_end ();
}

/* Returns: a process that has taken the socket and cannot be asked to end; it is left when it
 * has closed @fds[1] */
static pid_t
fork_deaf (DifSocketDir *dir, GSocket *listener, const int *fds)
{
  pid_t pid = fork ();

  if (pid != 0)
    return pid;
  signal (SIGTERM, SIG_IGN);
  if (dif_socket_dir_take (dir, dup (g_socket_get_fd (listener)), NULL) == NULL)
    _exit (1);
  close (fds[1]);
  while (TRUE)
    pause ();
}

/* A hung engine is one that does not end when it is asked to; what is no engine is left alone. */
static void
test_deaf (void)
{
  g_autofree char         *self       = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char         *program    = g_path_get_basename (self);
  g_autoptr (GError)       failure    = NULL;
  g_autoptr (DifSocketDir) dir        = NULL;
  g_autoptr (GSocket)      listener   = NULL;
  g_autoptr (GSocket)      socket     = NULL;
  gboolean                 was_killed = FALSE;
  char                     byte;
  int                      fds[2], status;
  pid_t                    pid;

  harness_begin ();
  dir      = dif_socket_dir_open (NULL);
  listener = dif_socket_dir_listen (dir, &failure);
  g_assert_no_error (failure);
  g_assert_cmpint (pipe (fds), ==, 0);
  pid = fork_deaf (dir, listener, fds);
  close (fds[1]);
  g_assert_cmpint (read (fds[0], &byte, 1), ==, 0);
  close (fds[0]);
  socket = dif_socket_dir_connect (dir, &failure);
  g_assert_no_error (failure);
  g_assert_cmpint (dif_platform_end_peer (socket, "dif-engine", &was_killed, &failure), ==, -1);
  g_assert_error (failure, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
  g_assert_nonnull (strstr (failure->message, program));
  g_assert_cmpint (waitpid (pid, &status, WNOHANG), ==, 0);
  g_clear_error (&failure);
  g_assert_cmpint (dif_platform_end_peer (socket, program, &was_killed, &failure), ==, pid);
  g_assert_no_error (failure);
  g_assert_true (was_killed);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  g_clear_object (&listener);
  harness_end ();
}

static void
assert_by_hand (const char *argument, int status, const char *said)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autofree char        *out     = NULL;
  g_autofree char        *err     = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, NULL,
                              g_getenv ("DIF_ENGINE"), argument, NULL);
  g_assert_true (g_subprocess_communicate_utf8 (process, NULL, NULL, &out, &err, NULL));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, status);
  g_assert_cmpstr (out, ==, "");
  g_assert_true (g_str_has_prefix (err, "dif-engine: "));
  g_assert_nonnull (strstr (err, said));
  g_assert_true (strchr (err, '\n') == err + strlen (err) - 1);
}

static void
test_by_hand (void)
{
  harness_begin ();
  harness_run ("first", 1);
  assert_by_hand (NULL, 1, "listening already");
  assert_by_hand ("--idle-seconds=0", 2, "expected 1 to");
  assert_by_hand ("--nonsense", 2, "nonsense");
  assert_by_hand ("nonsense", 2, "expected options only");
  harness_end ();
}

int
main (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--client"))
    return harness_client_main (argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/run/second-call-is-warm", test_warm);
  g_test_add_func ("/engine/run/cancel-keeps-the-model", test_cancel);
  g_test_add_func ("/engine/run/killed-client-keeps-the-model", test_killed_client);
  g_test_add_func ("/engine/run/killed-engine-is-one-error", test_killed_engine);
  g_test_add_func ("/engine/run/crash-is-one-error", test_crash);
  g_test_add_func ("/engine/run/errors-keep-domain-and-code", test_errors);
  g_test_add_func ("/engine/run/missing-model-starts-nothing", test_missing_model);
  g_test_add_func ("/engine/run/changed-model-is-loaded-again", test_model_changed);
  g_test_add_func ("/engine/run/loads-again-when-words-change-only", test_adapters_changed);
  g_test_add_func ("/engine/run/computes-here-without-an-engine", test_without_engine);
  g_test_add_func ("/engine/life/ends-when-idle", test_idle);
  g_test_add_func ("/engine/life/simultaneous-first-calls-share-one", test_two_first_calls);
  g_test_add_func ("/engine/life/sigterm-ends-it-cleanly", test_terminated);
  g_test_add_func ("/engine/life/stopped-one-is-ended", test_hung);
  g_test_add_func ("/engine/life/deaf-one-is-killed-a-stranger-is-not", test_deaf);
  g_test_add_func ("/engine/life/by-hand-refuses-a-second-and-bad-usage", test_by_hand);
  g_test_add_func ("/engine/socket-dir/open-folder-is-not-used", test_open_folder);
  g_test_add_func ("/engine/socket-dir/any-length-of-path", test_long_path);
  return g_test_run ();
}
