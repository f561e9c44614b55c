/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine-async.c - calls that do not wait, cancelling, many clients, lying engines. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/message.h"
#include "engine/socket-dir.h"
#include "tests/engine/harness.h"

#define HELLO     "{\"type\":\"hello\",\"protocol\":3}"
#define LONG      1000
#define N_CLIENTS 8
#define N_ROUNDS  12

typedef struct
{
  GMainLoop    *loop;
  GThread      *thread;
  GCancellable *cancellable;
  DifResult    *result;
  GError       *error;
  guint         n_ticks, n_progress, stop_after;
  double        fraction;
  guint         n_previews, stop_at_preview, last_step;
} Wait;

static void
on_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Wait *wait = user_data;

  g_assert_true (g_thread_self () == wait->thread);
  wait->result = dif_engine_run_finish (result, &wait->error);
  g_main_loop_quit (wait->loop);
}

static void
on_progress (const DifProgress *progress, gpointer user_data)
{
  Wait *wait = user_data;

  g_assert_true (g_thread_self () == wait->thread);
  g_assert_cmpfloat (progress->fraction, >=, wait->fraction);
  wait->fraction = progress->fraction;
  if (++wait->n_progress == wait->stop_after)
    g_cancellable_cancel (wait->cancellable);
}

static void
on_preview (const DifPreview *preview, gpointer user_data)
{
  Wait *wait = user_data;

  g_assert_true (g_thread_self () == wait->thread);
  g_assert_null (wait->result);
  g_assert_cmpuint (preview->step, >, wait->last_step);
  g_assert_cmpuint (preview->n_images * preview->width * preview->height, ==, 2);
  g_assert_cmpuint (preview->pixels[0], ==, preview->step);
  g_assert_cmpuint (preview->pixels[5], ==, preview->step);
  wait->last_step = preview->step;
  if (++wait->n_previews == wait->stop_at_preview)
    g_cancellable_cancel (wait->cancellable);
}

static gboolean
on_tick (gpointer user_data)
{
  Wait *wait = user_data;

  wait->n_ticks++;
  return G_SOURCE_CONTINUE;
}

static void
wait_init (Wait *wait)
{
  *wait             = (Wait) { .thread = g_thread_self () };
  wait->loop        = g_main_loop_new (NULL, FALSE);
  wait->cancellable = g_cancellable_new ();
}

static void
wait_clear (Wait *wait)
{
  g_main_loop_unref (wait->loop);
  g_object_unref (wait->cancellable);
  dif_result_free (wait->result);
  g_clear_error (&wait->error);
}

static void
run_and_wait (DifRequest *rq, Wait *wait)
{
  guint    tick  = g_timeout_add (20, on_tick, wait);
  DifWatch watch = { .progress = on_progress, .user_data = wait };

  dif_engine_run_async (rq, &watch, wait->cancellable, on_done, wait);
  g_main_loop_run (wait->loop);
  g_source_remove (tick);
}

/* The caller's main loop goes on, also where this process computes by itself. */
static void
test_without_waiting (void)
{
  const char *const engines[] = { NULL, "none" };

  harness_begin ();
  for (guint i = 0; i < G_N_ELEMENTS (engines); i++)
    {
      g_autoptr (DifRequest) rq = harness_request ("slow", 20);
      Wait                   wait;

      if (engines[i] != NULL)
        g_setenv ("DIF_ENGINE", engines[i], TRUE);
      wait_init (&wait);
      run_and_wait (rq, &wait);
      g_assert_no_error (wait.error);
      g_assert_cmpuint (dif_result_n_images (wait.result), ==, 1);
      g_assert_cmpuint (wait.n_ticks, >=, 3);
      g_assert_cmpuint (wait.n_progress, >=, 3);
      g_assert_cmpfloat (wait.fraction, >, 0.5);
      wait_clear (&wait);
    }
  harness_end ();
}

/* They come while it is drawn, to those who want them, and a cancel at one of them
 * leaves the engine as it was. */
static void
test_previews (void)
{
  const char *const engines[] = { NULL, "none" };

  harness_begin ();
  for (guint i = 0; i < 2 * G_N_ELEMENTS (engines); i++)
    {
      g_autoptr (DifRequest) rq = harness_request ("slow", 10);
      Wait                   wait;
      DifWatch               watch = { .preview = on_preview, .user_data = &wait };

      if (engines[i / 2] != NULL)
        g_setenv ("DIF_ENGINE", engines[i / 2], TRUE);
      wait_init (&wait);
      wait.stop_at_preview = i % 2 ? 3 : 0;
      dif_engine_run_async (rq, &watch, wait.cancellable, on_done, &wait);
      g_main_loop_run (wait.loop);
      if (i % 2)
        {
          g_assert_error (wait.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
          g_assert_cmpuint (wait.n_previews, ==, 3);
        }
      else
        {
          g_assert_no_error (wait.error);
          g_assert_cmpuint (wait.n_previews, >=, 5);
        }
      wait_clear (&wait);
    }
  harness_end ();
}

/* Nobody is sent what was not asked for. */
static void
test_previews_unasked (void)
{
  static const char *const wishes[] = { "", "\"preview_ms\":0,", "\"preview_ms\":1," };

  harness_begin ();
  harness_run ("first", 1);
  for (guint i = 0; i < G_N_ELEMENTS (wishes); i++)
    {
      g_autofree char *run = g_strdup_printf (
          "{\"type\":\"run\",%s\"request\":{\"task\":\"txt2img\",\"model\":\"%s\","
          "\"prompt\":\"slow\",\"steps\":5}}",
          wishes[i], harness_model ());
      g_autoptr (DifFrameReader) reader     = dif_frame_reader_new (100000, 100000);
      int                        fd         = harness_connect ();
      guint                      n_previews = 0;
      gboolean                   is_over    = FALSE;

      harness_send (fd, HELLO);
      harness_send (fd, run);
      while (! is_over)
        {
          g_autoptr (DifJson) message = harness_receive (fd, reader);

          g_assert_nonnull (message);
          g_assert_false (dif_message_is (message, "error"));
          n_previews += dif_message_is (message, "preview");
          is_over = dif_message_is (message, "done");
        }
      if (i < 2)
        g_assert_cmpuint (n_previews, ==, 0);
      else
        g_assert_cmpuint (n_previews, >=, 2);
      close (fd);
    }
  harness_end ();
}

static void
test_cancel (void)
{
  const char *const engines[] = { NULL, "none" };

  harness_begin ();
  harness_run ("first", 1);
  for (guint i = 0; i < G_N_ELEMENTS (engines); i++)
    {
      g_autoptr (DifRequest) rq    = harness_request ("long", LONG);
      gint64                 begin = g_get_monotonic_time ();
      Wait                   wait;

      if (engines[i] != NULL)
        g_setenv ("DIF_ENGINE", engines[i], TRUE);
      wait_init (&wait);
      wait.stop_after = 4;
      run_and_wait (rq, &wait);
      g_assert_null (wait.result);
      g_assert_error (wait.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 10 * G_USEC_PER_SEC);
      /* the engine has let go of it when the caller is told */
      g_assert_cmpint (harness_status ("jobs"), ==, 0);
      wait_clear (&wait);
    }
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  harness_end ();
}

/* ---- by hand ---- */

static int
greeted (DifFrameReader *reader)
{
  int                 fd    = harness_connect ();
  g_autoptr (DifJson) hello = NULL;

  harness_send (fd, HELLO);
  hello = harness_receive (fd, reader);
  g_assert_true (dif_message_is (hello, "hello"));
  return fd;
}

static void
send_run (int fd, guint n_steps)
{
  g_autofree char *text = g_strdup_printf ("{\"type\":\"run\",\"request\":{\"task\":\"txt2img\","
                                           "\"model\":\"%s\",\"steps\":%u}}",
                                           harness_model (), n_steps);

  harness_send (fd, text);
}

/* The next message that is not of a kind. */
static DifJson *
receive_but (int fd, DifFrameReader *reader, const char *type)
{
  while (TRUE)
    {
      DifJson *message = harness_receive (fd, reader);

      g_assert_nonnull (message);
      if (! dif_message_is (message, type))
        return message;
      dif_json_unref (message);
    }
}

static void
assert_cancelled (int fd, DifFrameReader *reader)
{
  g_autoptr (DifJson) answer  = receive_but (fd, reader, "progress");
  g_autoptr (GError)  failure = dif_message_to_error (answer);

  g_assert_true (dif_message_is (answer, "error"));
  g_assert_error (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Cancelling is a message: the connection stays good, a run that waits ends at once. */
static void
test_cancel_is_a_message (void)
{
  g_autoptr (DifFrameReader) first  = dif_frame_reader_new (1000000, 1000000);
  g_autoptr (DifFrameReader) second = dif_frame_reader_new (1000000, 1000000);
  g_autoptr (DifJson)        news = NULL, picture = NULL, pong = NULL;
  int                        fds[2];

  harness_begin ();
  harness_run ("first", 1);
  fds[0] = greeted (first);
  fds[1] = greeted (second);
  harness_send (fds[0], "{\"type\":\"cancel\"}"); /* of nothing */
  send_run (fds[0], LONG);
  news = harness_receive (fds[0], first);
  g_assert_true (dif_message_is (news, "progress"));
  send_run (fds[1], LONG);
  harness_wait_for ("jobs", 2);
  harness_send (fds[1], "{\"type\":\"cancel\"}");
  assert_cancelled (fds[1], second);
  g_assert_cmpint (harness_status ("jobs"), ==, 1);
  harness_send (fds[0], "{\"type\":\"cancel\"}");
  assert_cancelled (fds[0], first);
  send_run (fds[0], 1);
  picture = receive_but (fds[0], first, "progress");
  g_assert_true (dif_message_is (picture, "picture"));
  harness_send (fds[1], "{\"type\":\"ping\"}");
  pong = harness_receive (fds[1], second);
  g_assert_true (dif_message_is (pong, "pong"));
  close (fds[0]);
  close (fds[1]);
  harness_end ();
}

/* What one end does not know is left alone, with its pixels. */
static void
test_unknown_messages (void)
{
  static const char *const   texts[] = { "{\"type\":\"dance\"}", "{\"type\":[]}", "{}",
                                         "{\"type\":\"progress\"}",
                                         "{\"type\":\"preview\",\"x\":1}" };
  g_autoptr (DifFrameReader) reader  = dif_frame_reader_new (1000000, 1000000);
  int                        fd;

  harness_begin ();
  harness_run ("first", 1);
  fd = greeted (reader);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (DifJson) pong = NULL;

      harness_send_frame (fd, texts[i], "abcd", 4);
      harness_send (fd, texts[i]);
      harness_send (fd, "{\"type\":\"ping\"}");
      pong = harness_receive (fd, reader);
      g_assert_true (dif_message_is (pong, "pong"));
    }
  close (fd);
  harness_end ();
}

/* ---- many ---- */

typedef struct
{
  Wait  *wait;
  guint *n_left;
  guint  n_done, n_cancelled, round;

  GCancellable *cancellable;
} Client;

static void start_client (Client *client);

static void
on_client_done (GObject *source, GAsyncResult *answer, gpointer user_data)
{
  Client               *client = user_data;
  g_autoptr (GError)    error  = NULL;
  g_autoptr (DifResult) result = dif_engine_run_finish (answer, &error);

  if (result == NULL)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (result != NULL)
    g_assert_cmpfloat (dif_result_pixels (result, 0)[191], ==, 191.0f / 1000.0f);
  client->n_done += result != NULL;
  client->n_cancelled += result == NULL;
  g_clear_object (&client->cancellable);
  if (++client->round < N_ROUNDS)
    start_client (client);
  else if (--*client->n_left == 0)
    g_main_loop_quit (client->wait->loop);
}

static gboolean
cancel_client (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
start_client (Client *client)
{
  g_autoptr (DifRequest) rq = harness_request ("of many", (guint) g_test_rand_int_range (1, 6));

  client->cancellable = g_cancellable_new ();
  if (g_test_rand_bit ())
    g_timeout_add_full (G_PRIORITY_DEFAULT, (guint) g_test_rand_int_range (0, 400), cancel_client,
                        g_object_ref (client->cancellable), g_object_unref);
  dif_engine_run_async (rq, NULL, client->cancellable, on_client_done, client);
}

/* Eight at a time, every other cancelled at some moment: while the engine is
 * reached, in its queue, in the run, or after it. */
static void
test_many_clients (void)
{
  Client clients[N_CLIENTS] = { 0 };
  guint  n_left = N_CLIENTS, n_done = 0, n_cancelled = 0;
  Wait   wait;
  int    pid;

  harness_begin ();
  harness_run ("first", 1);
  pid = harness_status ("pid");
  wait_init (&wait);
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      clients[i].wait   = &wait;
      clients[i].n_left = &n_left;
      start_client (&clients[i]);
    }
  g_main_loop_run (wait.loop);
  for (guint i = 0; i < N_CLIENTS; i++)
    {
      n_done += clients[i].n_done;
      n_cancelled += clients[i].n_cancelled;
    }
  g_test_message ("%u drawn, %u cancelled", n_done, n_cancelled);
  g_assert_cmpuint (n_done + n_cancelled, ==, N_CLIENTS * N_ROUNDS);
  g_assert_cmpuint (n_done, >, 0);
  g_assert_cmpuint (n_cancelled, >, 0);
  harness_wait_for ("jobs", 0);
  harness_wait_for ("clients", 1);
  g_assert_cmpint (harness_status ("pid"), ==, pid);
  g_assert_cmpint (harness_status ("loads"), ==, 1);
  wait_clear (&wait);
  harness_end ();
}

/* ---- turns ---- */

#define N_GREEDY 6

/* Runs of this process, and how many of them were over when another's was. */
typedef struct
{
  GMainLoop *loop;
  guint      n_over, n_over_then;
  gboolean   is_other_over;
} Greed;

static void
on_greedy_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Greed                *greed    = user_data;
  g_autoptr (GError)    failure  = NULL;
  g_autoptr (DifResult) pictures = dif_engine_run_finish (result, &failure);

  g_assert_no_error (failure);
  if (++greed->n_over == N_GREEDY && greed->is_other_over)
    g_main_loop_quit (greed->loop);
}

static void
on_other_over (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Greed *greed = user_data;

  g_assert_true (g_subprocess_wait_check_finish (G_SUBPROCESS (source), result, NULL));
  greed->is_other_over = TRUE;
  greed->n_over_then   = greed->n_over;
  if (greed->n_over == N_GREEDY)
    g_main_loop_quit (greed->loop);
}

static gboolean
spawn_other (gpointer user_data)
{
  g_autoptr (GSubprocess) other = harness_spawn_client ("short", 1);

  g_subprocess_wait_check_async (other, NULL, on_other_over, user_data);
  return G_SOURCE_REMOVE;
}

/* Who asks for many runs does not keep another waiting for all of them. */
static void
test_turns (void)
{
  Greed greed = { .loop = g_main_loop_new (NULL, FALSE) };

  harness_begin ();
  harness_run ("first", 1);
  for (guint i = 0; i < N_GREEDY; i++)
    {
      g_autoptr (DifRequest) rq = harness_request ("of many", 40);

      dif_engine_run_async (rq, NULL, NULL, on_greedy_done, &greed);
    }
  g_timeout_add (100, spawn_other, &greed);
  g_main_loop_run (greed.loop);
  g_test_message ("%u of %u were over", greed.n_over_then, N_GREEDY);
  g_assert_cmpuint (greed.n_over_then, <, N_GREEDY - 2);
  g_main_loop_unref (greed.loop);
  harness_end ();
}

/* ---- engines that lie ---- */

#define GOOD_HELLO "{\"type\":\"hello\",\"protocol\":4,\"pid\":7,\"more\":[1]}"
#define PICTURE(index, n)                                       \
  "{\"type\":\"picture\",\"index\":" #index ",\"n_images\":" #n \
  ",\"width\":8,\"height\":8,\"seed\":5,\"recipe\":\"{}\"}"
#define DONE "{\"type\":\"done\"}"

/* What an engine says; a picture comes with its pixels. */
typedef struct
{
  const char *texts[6];
  int         code;     /* of DIF_FORMAT_ERROR; -1: good, -2: DIF_BACKEND_ERROR FAILED */
  gboolean    is_short; /* half of the last picture's pixels, then the end */
} Lie;

static const Lie lies[] = {
  { { GOOD_HELLO, PICTURE (0, 1), DONE }, -1 },
  { { GOOD_HELLO, "{\"type\":\"preview\",\"width\":\"x\"}", "{}", PICTURE (0, 1),
      "{\"type\":\"heard\"}", DONE },
    -1 },
  { { GOOD_HELLO, PICTURE (1, 2), PICTURE (0, 2), DONE }, -1 },
  { { GOOD_HELLO, DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, PICTURE (0, 2), DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, PICTURE (0, 2), PICTURE (0, 2), DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, PICTURE (2, 2), DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, PICTURE (0, 2), PICTURE (1, 3), DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, "{\"type\":\"picture\"}", DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, "{\"type\":\"plane\",\"name\":\"depth\"}", DONE }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, "{\"type\":\"progress\",\"stage\":\"denoise\",\"fraction\":7}" },
    DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, "[]" }, DIF_FORMAT_ERROR_CORRUPT },
  { { GOOD_HELLO, PICTURE (0, 1) }, -2, TRUE },
  { { GOOD_HELLO }, -2 },
  /* with none that says hello this process computes */
  { { "{\"type\":\"hello\",\"protocol\":2}" }, -1 },
  { { "{\"type\":\"error\",\"domain\":\"g-io-error-quark\",\"code\":3,\"message\":\"no\"}" }, -1 },
  { { NULL }, -1 },
};

typedef struct
{
  GSocket      *listener;
  const Lie    *lie;
  GCancellable *end;
} Liar;

static void
tell (int fd, const Lie *lie)
{
  g_autofree char *pixels = g_malloc0 (8 * 8 * 3 * sizeof (float));

  for (guint i = 0; i < G_N_ELEMENTS (lie->texts) && lie->texts[i] != NULL; i++)
    {
      gboolean has_pixels = strstr (lie->texts[i], "index") != NULL;
      gboolean is_cut     = has_pixels && lie->is_short;
      char     prefix[12] = { 0 };

      if (is_cut)
        {
          prefix[0] = (char) strlen (lie->texts[i]);
          prefix[5] = 3; /* 768 bytes, of which 100 come */
          harness_write (fd, prefix, sizeof prefix);
          harness_write (fd, lie->texts[i], strlen (lie->texts[i]));
          harness_write (fd, pixels, 100);
        }
      else
        {
          harness_send_frame (fd, lie->texts[i], pixels, has_pixels ? 768 : 0);
        }
    }
}

/* Lies to whoever comes, until that is to end. */
static gpointer
lie_to_all (gpointer data)
{
  Liar *liar = data;

  while (TRUE)
    {
      g_autoptr (GSocket) client = g_socket_accept (liar->listener, liar->end, NULL);
      char                bytes[4096];

      if (client == NULL)
        return NULL;
      g_socket_receive (client, bytes, sizeof bytes, NULL, NULL);
      tell (g_socket_get_fd (client), liar->lie);
      g_socket_shutdown (client, FALSE, TRUE, NULL);
      while (g_socket_receive (client, bytes, sizeof bytes, NULL, NULL) > 0)
        ;
    }
}

static void
test_lying_engine (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autoptr (GError)       error    = NULL;
      g_autoptr (DifSocketDir) dir      = NULL;
      g_autoptr (GSocket)      listener = NULL;
      g_autoptr (DifRequest)   rq       = NULL;
      g_autoptr (DifResult)    result   = NULL;
      g_autoptr (GCancellable) end      = g_cancellable_new ();
      Liar                     liar     = { NULL, &lies[i], end };
      GThread                 *thread;

      harness_begin ();
      g_setenv ("DIF_ENGINE", "/bin/false", TRUE);
      dir           = dif_socket_dir_open (&error);
      liar.listener = listener = dif_socket_dir_listen (dir, &error);
      g_assert_no_error (error);
      thread = g_thread_new ("liar", lie_to_all, &liar);
      rq     = harness_request ("x", 1);
      result = dif_engine_run (rq, NULL, NULL, NULL, &error);
      g_test_message ("%u: %s", i, error != NULL ? error->message : "good");
      if (lies[i].code == -1)
        g_assert_no_error (error);
      else if (lies[i].code == -2)
        g_assert_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED);
      else
        g_assert_error (error, DIF_FORMAT_ERROR, lies[i].code);
      g_assert_true ((result == NULL) == (error != NULL));
      dif_socket_dir_remove (dir);
      g_cancellable_cancel (end);
      g_thread_join (thread);
      harness_end ();
    }
}

static gpointer
say_nothing_more (gpointer data)
{
  Liar               *liar   = data;
  g_autoptr (GSocket) client = g_socket_accept (liar->listener, NULL, NULL);
  char                bytes[4096];

  g_socket_receive (client, bytes, sizeof bytes, NULL, NULL);
  harness_send (g_socket_get_fd (client), GOOD_HELLO);
  harness_send (g_socket_get_fd (client), "{\"type\":\"progress\",\"stage\":\"load\",\"step\":0,"
                                          "\"n_steps\":1,\"fraction\":0}");
  while (g_socket_receive (client, bytes, sizeof bytes, NULL, NULL) > 0)
    ;
  return NULL;
}

/* An engine that hangs does not hold those who cancel. */
static void
test_cancel_of_a_hanging_engine (void)
{
  g_autoptr (GError)       error = NULL;
  g_autoptr (DifSocketDir) dir   = NULL;
  g_autoptr (DifRequest)   rq    = NULL;
  Liar                     liar;
  Wait                     wait;
  gint64                   begin;
  GThread                 *thread;

  harness_begin ();
  dir           = dif_socket_dir_open (&error);
  liar.listener = dif_socket_dir_listen (dir, &error);
  g_assert_no_error (error);
  thread = g_thread_new ("hanging", say_nothing_more, &liar);
  rq     = harness_request ("x", 1);
  wait_init (&wait);
  wait.stop_after = 1;
  begin           = g_get_monotonic_time ();
  run_and_wait (rq, &wait);
  g_assert_error (wait.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 8 * G_USEC_PER_SEC);
  g_thread_join (thread);
  dif_socket_dir_remove (dir);
  g_object_unref (liar.listener);
  wait_clear (&wait);
  harness_end ();
}

int
main (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "--client"))
    return harness_client_main (argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/async/previews-come-and-a-cancel-at-one", test_previews);
  g_test_add_func ("/engine/async/previews-only-for-those-who-ask", test_previews_unasked);
  g_test_add_func ("/engine/async/nothing-waits", test_without_waiting);
  g_test_add_func ("/engine/async/cancel", test_cancel);
  g_test_add_func ("/engine/async/cancel-is-a-message", test_cancel_is_a_message);
  g_test_add_func ("/engine/async/unknown-messages-are-left-alone", test_unknown_messages);
  g_test_add_func ("/engine/async/eight-clients-cancel-at-random", test_many_clients);
  g_test_add_func ("/engine/async/clients-take-turns", test_turns);
  g_test_add_func ("/engine/async/engines-that-lie", test_lying_engine);
  g_test_add_func ("/engine/async/cancel-does-not-wait-for-a-hanging-engine",
                   test_cancel_of_a_hanging_engine);
  return g_test_run ();
}
