/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* soak-queue.c - clients that ask the engine at the same time, look at previews, and
 * cancel at random.
 *
 * soak-queue MODEL CLIENTS JOBS SEED has CLIENTS processes run JOBS pictures in all, a third of
 * them cancelled at some moment, half of them with previews.  Every picture that comes must be
 * the known one of its seed; afterwards the engine has no jobs, no other clients, and takes
 * no more memory than it took before, give or take MAX_GROWTH.
 */
#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include "engine/client.h"

#define N_PICTURES 4    /* different ones */
#define N_WARM     24   /* runs until memory is what it will be */
#define MAX_GROWTH 0.02 /* of the engine's resident memory */
#define MAX_DELAY  400  /* of a cancel, in milliseconds */

static void
fail (const char *what, const GError *error)
{
  g_printerr ("soak-queue: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
  exit (1);
}

static DifRequest *
request (const char *model, guint picture)
{
  g_autofree char *seed      = g_strdup_printf ("%u", picture);
  const char      *rows[][2] = {
    { "model", model },
    { "prompt", "a red cube" },
    { "device", "cpu" },
    { "dtype", "f32" },
    { "steps", "3" },
    { "seed", seed },
    { "width", "64" },
    { "height", "64" },
  };
  GError     *error = NULL;
  DifRequest *rq    = dif_request_new ("txt2img", &error);

  for (guint i = 0; rq && i < G_N_ELEMENTS (rows); i++)
    if (! dif_request_set (rq, rows[i][0], rows[i][1], &error))
      fail ("request", error);
  return rq;
}

static char *
checksum (DifResult *result)
{
  gsize n = (gsize) dif_result_width (result) * dif_result_height (result) * 3 * sizeof (float);

  return g_compute_checksum_for_data (G_CHECKSUM_SHA256,
                                      (const guchar *) dif_result_pixels (result, 0), n);
}

/* ---- a client ---- */

typedef struct
{
  GMainLoop    *loop;
  GCancellable *cancellable;
  DifResult    *result;
  GError       *error;
  guint         n_previews;
} Job;

static void
on_done (GObject *source, GAsyncResult *answer, gpointer user_data)
{
  Job *job = user_data;

  job->result = dif_engine_run_finish (answer, &job->error);
  g_main_loop_quit (job->loop);
}

static void
on_preview (const DifPreview *preview, gpointer user_data)
{
  Job *job = user_data;

  if (preview->n_images != 1 || preview->width != 8 || preview->height != 8)
    fail ("a preview of another size", NULL);
  job->n_previews++;
}

static gboolean
on_time (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

/* Returns: whether it was drawn */
static gboolean
run_job (const char *model, char **sums, GRand *chance, guint *n_previews)
{
  guint                  picture = (guint) g_rand_int_range (chance, 0, N_PICTURES);
  g_autoptr (DifRequest) rq      = request (model, picture);
  Job                    job     = { .loop        = g_main_loop_new (NULL, FALSE),
                                     .cancellable = g_cancellable_new () };
  DifWatch               watch   = { .preview_ms = 1, .user_data = &job };
  gboolean               is_cut  = g_rand_int_range (chance, 0, 3) == 0, is_drawn;

  if (g_rand_boolean (chance))
    watch.preview = on_preview;
  if (is_cut)
    g_timeout_add_full (G_PRIORITY_DEFAULT, (guint) g_rand_int_range (chance, 0, MAX_DELAY),
                        on_time, g_object_ref (job.cancellable), g_object_unref);
  dif_engine_run_async (rq, &watch, job.cancellable, on_done, &job);
  g_main_loop_run (job.loop);
  is_drawn = job.result != NULL;
  if (is_drawn)
    {
      g_autofree char *sum = checksum (job.result);

      if (strcmp (sum, sums[picture]) != 0)
        fail ("expected the picture of its seed, found another", NULL);
    }
  else if (! is_cut || ! g_error_matches (job.error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    fail ("a run failed", job.error);
  *n_previews += job.n_previews;
  g_clear_error (&job.error);
  dif_result_free (job.result);
  g_object_unref (job.cancellable);
  g_main_loop_unref (job.loop);
  return is_drawn;
}

static int
client_main (char **argv)
{
  guint             n_jobs = (guint) atoi (argv[3]), n_drawn = 0, n_previews = 0;
  g_autoptr (GRand) chance = g_rand_new_with_seed ((guint32) strtoul (argv[4], NULL, 10));

  for (guint i = 0; i < n_jobs; i++)
    n_drawn += run_job (argv[2], argv + 5, chance, &n_previews);
  g_print ("%u %u\n", n_drawn, n_previews);
  return 0;
}

/* ---- all of them ---- */

static guint
status_of (const char *key)
{
  GError             *error  = NULL;
  g_autoptr (DifJson) status = dif_engine_status (&error);

  if (! status)
    fail ("the engine's status", error);
  return (guint) dif_json_int (status, key, 0, 0, G_MAXINT);
}

/* The engine's resident memory, in KiB. */
static guint
memory (void)
{
  g_autofree char *path = g_strdup_printf ("/proc/%u/status", status_of ("pid"));
  g_autofree char *text = NULL;
  const char      *line;

  if (! g_file_get_contents (path, &text, NULL, NULL) || ! (line = strstr (text, "VmRSS:")))
    fail ("the engine's memory", NULL);
  return (guint) strtoul (line + strlen ("VmRSS:"), NULL, 10);
}

static void
learn_pictures (const char *model, char **sums)
{
  for (guint i = 0; i < N_WARM; i++)
    {
      g_autoptr (DifRequest) rq     = request (model, i % N_PICTURES);
      GError                *error  = NULL;
      g_autoptr (DifResult)  result = dif_engine_run (rq, NULL, NULL, NULL, &error);

      if (! result)
        fail ("a first run", error);
      if (i < N_PICTURES)
        sums[i] = checksum (result);
    }
}

static void
run_clients (const char *model, guint n_clients, guint n_jobs, guint seed, char **sums)
{
  g_autofree char         *self    = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree GSubprocess **clients = g_new0 (GSubprocess *, n_clients);
  guint                    n_drawn = 0, n_previews = 0;

  for (guint i = 0; i < n_clients; i++)
    {
      g_autofree char *jobs   = g_strdup_printf ("%u",
                                                 n_jobs / n_clients + (i < n_jobs % n_clients));
      g_autofree char *own    = g_strdup_printf ("%u", seed * 1000 + i);
      const char      *args[] = { self, "--client", model, jobs, own,
                                  sums[0], sums[1], sums[2], sums[3], NULL };

      clients[i] = g_subprocess_newv (args, G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL);
      if (! clients[i])
        fail ("a client", NULL);
    }
  for (guint i = 0; i < n_clients; i++)
    {
      g_autofree char *text = NULL;
      g_auto (GStrv)   said = NULL;

      if (! g_subprocess_communicate_utf8 (clients[i], NULL, NULL, &text, NULL, NULL) ||
          ! g_subprocess_get_successful (clients[i]))
        fail ("a client failed", NULL);
      said = g_strsplit (g_strchomp (text), " ", 2);
      n_drawn += (guint) atoi (said[0]);
      n_previews += (guint) atoi (said[1]);
      g_object_unref (clients[i]);
    }
  g_print ("# %u of %u drawn, %u previews\n", n_drawn, n_jobs, n_previews);
  if (n_drawn == 0 || n_drawn == n_jobs || n_previews == 0)
    fail ("expected pictures, cancelled runs and previews, found none of one of them", NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char      *name;

  while (folder && (name = g_dir_read_name (folder)))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      remove_tree (inner);
    }
  g_remove (path);
}

int
main (int argc, char **argv)
{
  char   *sums[N_PICTURES + 1] = { NULL };
  guint   before, after;
  GError *error = NULL;
  char   *folder;

  if (argc == 5 + N_PICTURES && strcmp (argv[1], "--client") == 0)
    return client_main (argv);
  if (argc != 5)
    {
      g_printerr ("usage: soak-queue MODEL CLIENTS JOBS SEED\n");
      return 2;
    }
  folder = g_dir_make_tmp ("dif-queue-XXXXXX", &error);
  if (! folder)
    fail ("a folder", error);
  g_setenv ("XDG_RUNTIME_DIR", folder, TRUE);
  learn_pictures (argv[1], sums);
  before = memory ();
  run_clients (argv[1], (guint) atoi (argv[2]), (guint) atoi (argv[3]), (guint) atoi (argv[4]),
               sums);
  for (guint i = 0; i < 100 && (status_of ("jobs") > 0 || status_of ("clients") > 1); i++)
    g_usleep (100000);
  after = memory ();
  g_print ("# the engine took %u KiB before and %u KiB after\n", before, after);
  if (status_of ("jobs") > 0 || status_of ("clients") > 1 || status_of ("loads") != 1)
    fail ("expected an idle engine that loaded once, found another", NULL);
  if (after > before * (1 + MAX_GROWTH))
    fail ("expected the memory there was before, found more", NULL);
  if (! dif_engine_quit (NULL, &error))
    fail ("quit", error);
  for (guint i = 0; i < N_PICTURES; i++)
    g_free (sums[i]);
  remove_tree (folder);
  g_free (folder);
  return 0;
}
