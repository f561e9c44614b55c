/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-jobs.c - the queue with a runner that does as it is told, and the history on disk. */
#include "config.h"

#include <string.h>

#include <glib/gstdio.h>

#include "ui/history.h"
#include "ui/job-queue.h"

/* ---- a runner: one run at a time, which ends when the test says so ---- */

static struct
{
  GTask   *task;
  DifWatch watch;
  guint    n_runs;
} runner;

static void
run (DifRequest *rq, const DifWatch *watch, GCancellable *cancellable,
     GAsyncReadyCallback callback, gpointer user_data)
{
  g_assert_null (runner.task);
  runner.task  = g_task_new (NULL, cancellable, callback, user_data);
  runner.watch = *watch;
  runner.n_runs++;
}

static DifResult *
finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
end_run (gboolean is_good)
{
  g_autoptr (GTask) task = g_steal_pointer (&runner.task);

  g_assert_nonnull (task);
  if (is_good)
    g_task_return_pointer (task, dif_result_new (1, 8, 8, 7), (GDestroyNotify) dif_result_free);
  else
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_FAILED, "no luck");
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static const DifUiRunner the_runner = { run, finish };

typedef struct
{
  guint n_changed, n_progress, n_done, n_failed;
  char  last[64];
} Told;

static void
on_changed (DifUiQueue *queue, gpointer user_data)
{
  ((Told *) user_data)->n_changed++;
}

static void
on_progress (DifUiQueue *queue, DifUiJob *job, gpointer user_data)
{
  ((Told *) user_data)->n_progress++;
}

static void
on_done (DifUiQueue *queue, DifUiJob *job, DifResult *result, gpointer user_data)
{
  Told *told = user_data;

  told->n_done++;
  g_strlcpy (told->last, job->prompt, sizeof told->last);
}

static void
on_failed (DifUiQueue *queue, DifUiJob *job, gpointer user_data)
{
  ((Told *) user_data)->n_failed++;
  g_assert_error (job->error, G_IO_ERROR, G_IO_ERROR_FAILED);
}

static const DifUiQueueEvents events = { on_changed, on_progress, on_done, on_failed };

static DifUiJob *
add (DifUiQueue *queue, const char *prompt, gboolean is_live)
{
  DifUiDrawing *drawing = g_new0 (DifUiDrawing, 1);
  DifUiJob     *job;

  drawing->rq  = dif_request_new ("txt2img", NULL);
  job          = dif_ui_job_new (1, "key", drawing);
  job->prompt  = g_strdup (prompt);
  job->is_live = is_live;
  dif_ui_queue_add (queue, job);
  return job;
}

static char *
order (DifUiQueue *queue)
{
  GPtrArray *jobs = dif_ui_queue_jobs (queue);
  GString   *all  = g_string_new (NULL);

  for (guint i = 0; i < jobs->len; i++)
    g_string_append (all, ((DifUiJob *) jobs->pdata[i])->prompt);
  return g_string_free (all, FALSE);
}

static void
assert_order (DifUiQueue *queue, const char *expected)
{
  g_autofree char *found = order (queue);

  g_assert_cmpstr (found, ==, expected);
}

static void
test_one_after_the_other (void)
{
  Told         told  = { 0 };
  DifUiQueue  *queue = dif_ui_queue_new (&the_runner, &events, &told);
  DifUiJob    *a = add (queue, "a", FALSE), *b = add (queue, "b", FALSE);
  DifUiJob    *c        = add (queue, "c", FALSE);
  const guint8 pixels[] = { 0, 0, 0, 255, 255, 255, 9, 9, 9, 9, 9, 9 }; /* of two pictures */
  DifPreview   shown    = { 3, 20, 2, 2, 1, pixels };
  DifProgress  now      = { .stage = "denoise", .step = 3, .n_steps = 20, .seconds_left = 4.0 };

  assert_order (queue, "abc");
  g_assert_true (dif_ui_queue_running (queue) == a);
  runner.watch.progress (&now, runner.watch.user_data);
  g_assert_cmpuint (told.n_progress, ==, 1);
  g_assert_cmpuint (a->progress.step, ==, 3);
  g_assert_null (a->preview);
  runner.watch.preview (&shown, runner.watch.user_data);
  g_assert_cmpuint (told.n_progress, ==, 2);
  g_assert_cmpuint (dif_image_width (a->preview), ==, 2);
  g_assert_cmpfloat (dif_image_pixels (a->preview)[3], ==, 1.0f);
  end_run (TRUE);
  g_assert_cmpstr (told.last, ==, "a");
  g_assert_cmpint (a->state, ==, DIF_UI_JOB_DONE);
  g_assert_true (dif_ui_queue_running (queue) == b);
  end_run (FALSE);
  g_assert_cmpuint (told.n_failed, ==, 1);
  g_assert_cmpint (b->state, ==, DIF_UI_JOB_FAILED);
  end_run (TRUE);
  g_assert_cmpstr (told.last, ==, "c");
  assert_order (queue, "");
  dif_ui_queue_free (queue);
  dif_ui_job_unref (a);
  dif_ui_job_unref (b);
  dif_ui_job_unref (c);
}

static void
test_moved (void)
{
  Told        told  = { 0 };
  DifUiQueue *queue = dif_ui_queue_new (&the_runner, &events, &told);
  DifUiJob   *a = add (queue, "a", FALSE), *b = add (queue, "b", FALSE);
  DifUiJob   *c = add (queue, "c", FALSE), *d = add (queue, "d", FALSE);

  dif_ui_queue_move (queue, d, -1);
  assert_order (queue, "abdc");
  dif_ui_queue_move (queue, d, -9); /* never past the one that runs */
  assert_order (queue, "adbc");
  dif_ui_queue_move (queue, b, 9);
  assert_order (queue, "adcb");
  dif_ui_queue_move (queue, a, 1);
  assert_order (queue, "adcb");
  dif_ui_queue_cancel (queue, c);
  assert_order (queue, "adb");
  dif_ui_queue_cancel_all (queue);
  assert_order (queue, "");
  g_assert_null (dif_ui_queue_running (queue));
  end_run (FALSE);
  g_assert_cmpuint (told.n_failed, ==, 0); /* nobody hears of what was cancelled */
  dif_ui_queue_free (queue);
  dif_ui_job_unref (a);
  dif_ui_job_unref (b);
  dif_ui_job_unref (c);
  dif_ui_job_unref (d);
}

/* Seen at once, but the runner has its time to let go. */
static void
test_cancelled (void)
{
  Told          told  = { 0 };
  DifUiQueue   *queue = dif_ui_queue_new (&the_runner, &events, &told);
  DifUiJob     *a = add (queue, "a", FALSE), *b = add (queue, "b", FALSE);
  GCancellable *cancellable = g_task_get_cancellable (runner.task);
  guint         n_runs      = runner.n_runs;

  dif_ui_queue_cancel (queue, a);
  g_assert_true (g_cancellable_is_cancelled (cancellable));
  g_assert_cmpint (a->state, ==, DIF_UI_JOB_CANCELLED);
  assert_order (queue, "b");
  g_assert_cmpuint (runner.n_runs, ==, n_runs);
  end_run (TRUE); /* it was done just before it heard */
  g_assert_cmpuint (told.n_done, ==, 0);
  g_assert_true (dif_ui_queue_running (queue) == b);
  end_run (TRUE);
  g_assert_cmpuint (told.n_done, ==, 1);
  dif_ui_queue_free (queue);
  dif_ui_job_unref (a);
  dif_ui_job_unref (b);
}

static void
test_live (void)
{
  Told        told  = { 0 };
  DifUiQueue *queue = dif_ui_queue_new (&the_runner, &events, &told);
  DifUiJob   *a = add (queue, "a", TRUE), *b = add (queue, "b", TRUE), *c;

  g_assert_cmpint (a->state, ==, DIF_UI_JOB_CANCELLED);
  assert_order (queue, "b");
  end_run (FALSE);
  g_assert_true (dif_ui_queue_running (queue) == b);
  c = add (queue, "c", FALSE);
  g_assert_cmpint (b->state, ==, DIF_UI_JOB_CANCELLED);
  end_run (FALSE);
  g_assert_true (dif_ui_queue_running (queue) == c);
  end_run (TRUE);
  g_assert_cmpstr (told.last, ==, "c");
  dif_ui_queue_free (queue);
  dif_ui_job_unref (a);
  dif_ui_job_unref (b);
  dif_ui_job_unref (c);
}

static void
test_freed_meanwhile (void)
{
  Told        told  = { 0 };
  DifUiQueue *queue = dif_ui_queue_new (&the_runner, &events, &told);
  DifUiJob   *a = add (queue, "a", FALSE), *b = add (queue, "b", FALSE);
  guint       n_changed = told.n_changed, n_runs = runner.n_runs;

  dif_ui_queue_free (queue);
  g_assert_true (g_cancellable_is_cancelled (g_task_get_cancellable (runner.task)));
  end_run (TRUE);
  g_assert_cmpuint (runner.n_runs, ==, n_runs);
  g_assert_cmpuint (told.n_changed, ==, n_changed);
  g_assert_cmpint (b->state, ==, DIF_UI_JOB_CANCELLED);
  dif_ui_job_unref (a);
  dif_ui_job_unref (b);
}

/* ---- the history ---- */

static DifImage *
picture (float value)
{
  float pixels[16 * 16 * 3];

  for (guint i = 0; i < G_N_ELEMENTS (pixels); i++)
    pixels[i] = i % 2 ? value : 1.0f - value;
  return dif_image_new (16, 16, 3, pixels);
}

static char *
remember (DifUiHistory *history, const char *prompt, float value)
{
  DifUiEntry           entry = { .image_key   = (char *) "key",
                                 .job         = (char *) "job",
                                 .verb        = (char *) "fill",
                                 .prompt      = (char *) prompt,
                                 .seed        = 4294967295u,
                                 .area_width  = 20,
                                 .area_height = 30,
                                 .x           = -5,
                                 .recipe      = (char *) "{\"a\": \"\303\274\"}",
                                 .settings    = (char *) "{}" };
  g_autoptr (DifImage) image = picture (value);
  GError              *error = NULL;

  g_assert_true (dif_ui_history_add (history, &entry, image, &error));
  g_assert_no_error (error);
  return entry.id;
}

static char *
new_folder (void)
{
  return g_dir_make_tmp ("dif-history-XXXXXX", NULL);
}

static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint            n   = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char      *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

static void
test_history_comes_back (void)
{
  g_autofree char     *folder  = new_folder ();
  DifUiHistory        *history = dif_ui_history_new (folder, G_MAXUINT64);
  g_autofree char     *first   = remember (history, "one", 0.25f);
  g_autofree char     *second  = remember (history, "two \"words\"", 1.0f);
  GPtrArray           *entries;
  DifUiEntry          *entry;
  g_autoptr (DifImage) back = NULL;

  g_assert_cmpstr (first, <, second);
  dif_ui_history_free (history);
  history = dif_ui_history_new (folder, G_MAXUINT64);
  entries = dif_ui_history_entries (history);
  g_assert_cmpuint (entries->len, ==, 2);
  entry = entries->pdata[0];
  g_assert_cmpstr (entry->prompt, ==, "two \"words\"");
  g_assert_cmpuint (entry->seed, ==, 4294967295u);
  g_assert_cmpint (entry->x, ==, -5);
  g_assert_cmpint (entry->area_height, ==, 30);
  g_assert_cmpuint (entry->width, ==, 16);
  g_assert_cmpstr (entry->recipe, ==, "{\"a\": \"\303\274\"}");
  back = dif_ui_history_load (history, second, NULL);
  g_assert_nonnull (back);
  g_assert_cmpfloat (dif_image_pixels (back)[1], ==, 1.0f);
  g_assert_cmpfloat (dif_image_pixels (back)[0], ==, 0.0f);
  dif_ui_history_remove (history, first);
  g_assert_cmpuint (entries->len, ==, 1);
  g_assert_cmpuint (count_files (folder), ==, 2);
  dif_ui_history_clear (history);
  g_assert_cmpuint (count_files (folder), ==, 0);
  dif_ui_history_free (history);
  remove_folder (folder);
}

static void
test_history_is_bounded (void)
{
  g_autofree char *folder  = new_folder ();
  DifUiHistory    *history = dif_ui_history_new (folder, G_MAXUINT64);
  g_autofree char *first   = remember (history, "1", 0.1f);
  guint64          each    = dif_ui_history_bytes (history);
  GPtrArray       *entries = dif_ui_history_entries (history);

  dif_ui_history_set_max (history, 4 * each);
  for (guint i = 0; i < 12; i++)
    {
      g_autofree char *id = remember (history, "more", (float) i / 12.0f);

      g_assert_cmpuint (dif_ui_history_bytes (history), <=, 4 * each);
      g_assert_cmpstr (((DifUiEntry *) entries->pdata[0])->id, ==, id);
    }
  g_assert_cmpuint (entries->len, >=, 3);
  g_assert_cmpuint (count_files (folder), ==, 2 * entries->len);
  dif_ui_history_set_max (history, 0);
  g_assert_cmpuint (count_files (folder), ==, 0);
  dif_ui_history_free (history);
  remove_folder (folder);
}

static void
cut (const char *folder, const char *id, const char *ending, int size)
{
  g_autofree char *name = g_strconcat (id, ending, NULL);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  gsize            n    = 0;

  if (size < 0)
    g_unlink (path);
  else
    {
      g_assert_true (g_file_get_contents (path, &text, &n, NULL));
      g_assert_true (g_file_set_contents (path, text, MIN ((gssize) n, size), NULL));
    }
}

/* Wherever a crash comes, whole results stay, and nothing else does. */
static void
test_history_after_a_crash (void)
{
  g_autofree char *folder     = new_folder ();
  DifUiHistory    *history    = dif_ui_history_new (folder, G_MAXUINT64);
  g_autofree char *whole      = remember (history, "whole", 0.1f);
  g_autofree char *no_text    = remember (history, "no text", 0.2f);
  g_autofree char *no_picture = remember (history, "no picture", 0.3f);
  g_autofree char *half_text  = remember (history, "half a text", 0.4f);
  g_autofree char *part       = g_strconcat (folder, "/0123456789abcdef-01234567.png.part", NULL);
  g_autofree char *strange    = g_build_filename (folder, "somebody else's", NULL);

  dif_ui_history_free (history);
  cut (folder, no_text, ".json", -1);
  cut (folder, no_picture, ".png", -1);
  cut (folder, half_text, ".json", 40);
  g_assert_true (g_file_set_contents (part, "x", 1, NULL));
  g_assert_true (g_file_set_contents (strange, "x", 1, NULL));
  history = dif_ui_history_new (folder, G_MAXUINT64);
  g_assert_cmpuint (dif_ui_history_entries (history)->len, ==, 1);
  g_assert_cmpstr (((DifUiEntry *) dif_ui_history_entries (history)->pdata[0])->id, ==, whole);
  g_assert_cmpuint (count_files (folder), ==, 3); /* the whole one, and what is not ours */
  dif_ui_history_free (history);
  remove_folder (folder);
}

static void
test_history_without_a_folder (void)
{
  DifUiHistory        *history = dif_ui_history_new ("/proc/no/such/folder", G_MAXUINT64);
  g_autoptr (DifImage) image   = picture (0.5f);
  g_autoptr (GError)   error   = NULL;
  DifUiEntry           entry   = { .prompt = (char *) "" };

  g_assert_false (dif_ui_history_add (history, &entry, image, &error));
  g_assert_nonnull (error);
  g_assert_cmpuint (dif_ui_history_entries (history)->len, ==, 0);
  g_free (entry.id);
  dif_ui_history_free (history);
}

static void
test_history_texts (void)
{
  static const char *const bad[] = {
    "{}", "[]", "{\"format\": 1, \"id\": \"../../x\", \"time\": 1, \"width\": 1, \"height\": 1}",
    "{\"format\": 1, \"id\": \"0123456789abcdef-01234567\", \"time\": 1, \"width\": 0, "
    "\"height\": 1}",
    "{\"format\": 2, \"id\": \"0123456789abcdef-01234567\", \"time\": 1, \"width\": 1, "
    "\"height\": 1}",
    NULL
  };

  for (guint i = 0; bad[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dif_ui_entry_from_json (bad[i], strlen (bad[i]), &error));
      g_assert_nonnull (error);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/queue/one-after-the-other", test_one_after_the_other);
  g_test_add_func ("/ui/queue/what-waits-is-moved", test_moved);
  g_test_add_func ("/ui/queue/cancelled-at-once", test_cancelled);
  g_test_add_func ("/ui/queue/live-gives-way", test_live);
  g_test_add_func ("/ui/queue/freed-while-it-runs", test_freed_meanwhile);
  g_test_add_func ("/ui/history/comes-back", test_history_comes_back);
  g_test_add_func ("/ui/history/is-bounded", test_history_is_bounded);
  g_test_add_func ("/ui/history/after-a-crash", test_history_after_a_crash);
  g_test_add_func ("/ui/history/without-a-folder", test_history_without_a_folder);
  g_test_add_func ("/ui/history/refuses-nonsense", test_history_texts);
  return g_test_run ();
}
