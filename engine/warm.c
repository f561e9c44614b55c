/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* warm.c - the models that stay loaded, last used first.
 *
 * A run takes its model out of the list and puts it back at the front, so that
 * the list can be emptied meanwhile.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "engine/platform.h"
#include "engine/warm.h"

/* Of a run that loads first, the share of the loading: it is short against the drawing. */
#define LOAD_SHARE 0.2

/* Models are folders of folders; whatever lies deeper is not read. */
#define PRINT_DEPTH     3
#define PRINT_MAX_FILES 10000

#define DEFAULT_PERCENT 50

/* One of them; all but @pipe is settled when it is put into the list. */
typedef struct
{
  DifPipeline *pipe;
  char        *key;
  char        *print;
  char        *model;
  const char  *device; /* that computes */
  const char  *dtype;
  guint64      bytes;
  gint64       used; /* monotonic time */
} Loaded;

struct _DifWarm
{
  guint64 budget;
  GMutex  lock;      /* of what follows */
  GQueue  loaded;    /* of Loaded, without the one that runs */
  Loaded *running;   /* described as it was when it was put here */
  guint   n_unloads; /* so that one that runs meanwhile goes, too */
  guint   loads;
};

typedef struct
{
  DifProgressFunc func;
  gpointer        user_data;
  double          from;
  double          share;
} Span;

static void
loaded_free (Loaded *one)
{
  if (one == NULL)
    return;
  dif_pipeline_free (one->pipe);
  g_free (one->key);
  g_free (one->print);
  g_free (one->model);
  g_free (one);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Loaded, loaded_free)

/* ---- the budget ---- */

gboolean
dif_warm_parse_budget (const char *text, guint64 *bytes, GError **error)
{
  static const char units[] = "KMGT";
  const char       *shown   = text;
  guint64           total = 0, available = 0;
  char             *end = NULL;
  double            n, percent = -1.0;

  if (text == NULL || *text == '\0')
    percent = DEFAULT_PERCENT;
  else if (g_ascii_isdigit (*text))
    {
      n = g_ascii_strtod (text, &end);
      if (strcmp (end, "%") == 0)
        percent = n;
      for (guint i = 0; units[i] && *end; i++)
        {
          n *= 1024.0;
          if (g_ascii_toupper (*end) == units[i] && end[1] == '\0')
            end++;
        }
      if (*end == '\0' && percent < 0.0 && n < (double) G_MAXINT64)
        {
          *bytes = (guint64) n;
          return TRUE;
        }
    }
  if (percent < 0.0 || percent > 100.0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "DIF_ENGINE_MEMORY: expected bytes (with K, M, G or T) or a share of the "
                   "memory such as 50%%, found \"%.40s\"",
                   shown);
      return FALSE;
    }
  dif_platform_memory (&total, &available);
  *bytes = (guint64) ((double) total * percent / 100.0);
  return TRUE;
}

static guint64
bytes_of_all (GQueue *queue)
{
  guint64 bytes = 0;

  for (GList *link = queue->head; link != NULL; link = link->next)
    bytes += ((Loaded *) link->data)->bytes;
  return bytes;
}

/* Takes those not used for longest out of the list, but for the first @n_kept, as
 * long as they and @more bytes are above the budget, or there is no memory for
 * @more: all, if that is G_MAXUINT64.  Freed without the lock: it may take long. */
static void
make_room (DifWarm *warm, guint64 more, guint n_kept)
{
  GQueue  gone  = G_QUEUE_INIT;
  guint64 freed = 0, total = 0, available = 0;

  dif_platform_memory (&total, &available);
  g_mutex_lock (&warm->lock);
  while (warm->loaded.length > n_kept)
    {
      guint64 kept  = bytes_of_all (&warm->loaded);
      Loaded *last  = warm->loaded.tail->data;
      guint64 room  = available < G_MAXUINT64 - freed ? available + freed : G_MAXUINT64;
      guint64 limit = warm->budget > more ? warm->budget - more : 0;

      if (kept <= limit && more <= room)
        break;
      freed += last->bytes;
      g_queue_push_tail (&gone, g_queue_pop_tail (&warm->loaded));
    }
  g_mutex_unlock (&warm->lock);
  g_queue_clear_full (&gone, (GDestroyNotify) loaded_free);
}

static gboolean
is_on_card (const Loaded *one)
{
  return ! g_str_equal (one->device, "cpu") && ! g_str_equal (one->device, "ref");
}

/* What may go to a card finds it empty. */
static void
clear_cards (DifWarm *warm, const char *device)
{
  GQueue gone = G_QUEUE_INIT;
  GList *next;

  if (g_str_equal (device, "cpu") || g_str_equal (device, "ref"))
    return;
  g_mutex_lock (&warm->lock);
  for (GList *link = warm->loaded.head; link != NULL; link = next)
    {
      next = link->next;
      if (is_on_card (link->data))
        {
          g_queue_push_tail (&gone, link->data);
          g_queue_delete_link (&warm->loaded, link);
        }
    }
  g_mutex_unlock (&warm->lock);
  g_queue_clear_full (&gone, (GDestroyNotify) loaded_free);
}

DifWarm *
dif_warm_new (guint64 budget)
{
  DifWarm *warm = g_new0 (DifWarm, 1);

  warm->budget = budget;
  g_mutex_init (&warm->lock);
  g_queue_init (&warm->loaded);
  return warm;
}

void
dif_warm_free (DifWarm *warm)
{
  if (warm == NULL)
    return;
  g_queue_clear_full (&warm->loaded, (GDestroyNotify) loaded_free);
  g_mutex_clear (&warm->lock);
  g_free (warm);
}

/* ---- what tells models apart ---- */

/* Adds what would differ if the file were written again. */
static void
add_file (GChecksum *sum, const char *path, const GStatBuf *st)
{
  g_autofree char *text = g_strdup_printf ("%s %ju %jd %jd %ld\n", path, (uintmax_t) st->st_ino,
                                           (intmax_t) st->st_size, (intmax_t) st->st_mtim.tv_sec,
                                           st->st_mtim.tv_nsec);

  g_checksum_update (sum, (const guchar *) text, -1);
}

static int
by_name (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* @bytes gets the sizes of files of weights as well. */
static void
add_tree (GChecksum *sum, const char *path, guint depth, guint *n_files, guint64 *bytes)
{
  g_autoptr (GDir)      folder = NULL;
  g_autoptr (GPtrArray) names  = NULL;
  GStatBuf              st;
  const char           *name;

  if (depth == 0 || *n_files >= PRINT_MAX_FILES || g_stat (path, &st) != 0)
    return;
  (*n_files)++;
  add_file (sum, path, &st);
  if (S_ISREG (st.st_mode) && g_str_has_suffix (path, ".safetensors"))
    *bytes += (guint64) st.st_size;
  folder = S_ISDIR (st.st_mode) ? g_dir_open (path, 0, NULL) : NULL;
  if (folder == NULL)
    return;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    add_tree (sum, g_ptr_array_index (names, i), depth - 1, n_files, bytes);
}

static char *
fingerprint (const char *path, guint64 *bytes)
{
  g_autoptr (GChecksum) sum     = g_checksum_new (G_CHECKSUM_SHA256);
  guint                 n_files = 0;

  add_tree (sum, path, PRINT_DEPTH, &n_files, bytes);
  return g_strdup (g_checksum_get_string (sum));
}

static void
span_progress (const DifProgress *progress, gpointer user_data)
{
  Span       *span = user_data;
  DifProgress part = *progress;

  if (span->func == NULL)
    return;
  part.fraction = span->from + span->share * CLAMP (progress->fraction, 0.0, 1.0);
  if (g_str_equal (part.stage, "load"))
    part.seconds_left = -1.0;
  span->func (&part, span->user_data);
}

static const char *
text_or (DifRequest *rq, const char *name, const char *fallback)
{
  const char *text = dif_request_text (rq, name);

  return text != NULL && *text != '\0' ? text : fallback;
}

/* What must be the same for a pipeline to be used again; adapters that can be changed
 * need not be. */
static char *
make_key (DifRequest *rq, const char *path, const char *device, const char *dtype)
{
  g_autofree char *adapters = dif_adapters_key (rq, FALSE);

  return g_strdup_printf ("%s\n%s\n%s\n%d%s", path, device, dtype,
                          dif_request_number (rq, "low-memory") != 0, adapters);
}

/* Takes the model of @key out of the list, if it is there; one whose files have
 * changed goes. */
static Loaded *
take_loaded (DifWarm *warm, const char *key, const char *print)
{
  Loaded *found = NULL;

  g_mutex_lock (&warm->lock);
  for (GList *link = warm->loaded.head; link != NULL && found == NULL; link = link->next)
    {
      found = link->data;
      if (! g_str_equal (found->key, key))
        found = NULL;
    }
  if (found != NULL)
    g_queue_remove (&warm->loaded, found);
  g_mutex_unlock (&warm->lock);
  if (found == NULL || g_str_equal (found->print, print))
    return found;
  loaded_free (found);
  return NULL;
}

/* ---- runs ---- */

/* What a run needs to find its model, or to load it. */
typedef struct
{
  DifRequest   *rq;
  char         *path, *key, *print;
  const char   *device;
  guint64       file_bytes;
  Span          span;
  DifWatch      watch;
  GCancellable *cancellable;
} Run;

static gboolean
run_init (Run *run, DifRequest *rq, GError **error)
{
  run->rq     = rq;
  run->device = text_or (rq, "device", "auto");
  run->path   = dif_catalog_resolve (dif_request_text (rq, "model"), error);
  if (run->path == NULL)
    return FALSE;
  run->key   = make_key (rq, run->path, run->device, text_or (rq, "dtype", "auto"));
  run->print = fingerprint (run->path, &run->file_bytes);
  return TRUE;
}

static void
run_clear (Run *run)
{
  g_free (run->path);
  g_free (run->key);
  g_free (run->print);
}

/* After a run: where it computes now, and what it takes, may have changed. */
static void
settle (Loaded *one)
{
  one->device = dif_pipeline_backend (one->pipe)->klass->name;
  one->dtype  = dif_dtype_name (dif_pipeline_dtype (one->pipe));
  one->bytes  = dif_pipeline_weight_bytes (one->pipe);
  one->used   = g_get_monotonic_time ();
}

static Loaded *
load (DifWarm *warm, Run *run, GError **error)
{
  DifPipeline *pipe;
  Loaded      *one;

  run->span.share = LOAD_SHARE;

  pipe = dif_pipeline_load_for (run->rq, span_progress, &run->span, run->cancellable, error);
  if (pipe == NULL)
    return NULL;
  one        = g_new0 (Loaded, 1);
  one->pipe  = pipe;
  one->key   = g_strdup (run->key);
  one->print = g_strdup (run->print);
  one->model = g_strdup (run->path);
  settle (one);
  g_mutex_lock (&warm->lock);
  warm->loads++;
  g_mutex_unlock (&warm->lock);
  run->span.from = LOAD_SHARE;
  return one;
}

static gboolean
is_out_of_memory (const GError *error)
{
  return g_error_matches (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
}

/* Whether there was something to let go of after a failure that more memory
 * would have spared. */
static gboolean
give_way (DifWarm *warm, GError **failure)
{
  gboolean is_any;

  g_mutex_lock (&warm->lock);
  is_any = warm->loaded.head != NULL;
  g_mutex_unlock (&warm->lock);
  if (! is_any || ! is_out_of_memory (*failure))
    return FALSE;
  make_room (warm, G_MAXUINT64, 0);
  g_clear_error (failure);
  return TRUE;
}

static Loaded *
make_ready (DifWarm *warm, Run *run, GError **error)
{
  Loaded *one     = take_loaded (warm, run->key, run->print);
  GError *failure = NULL;

  if (one != NULL)
    return one;
  clear_cards (warm, run->device);
  make_room (warm, run->file_bytes, 0);
  one = load (warm, run, &failure);
  if (one == NULL && give_way (warm, &failure))
    one = load (warm, run, &failure);
  if (one == NULL)
    g_propagate_error (error, failure);
  return one;
}

static DifResult *
draw_once (Run *run, Loaded *one, GError **error)
{
  return dif_pipeline_set_adapters (one->pipe, run->rq, run->cancellable, error)
             ? dif_pipeline_run (one->pipe, run->rq, span_progress, &run->span, run->cancellable,
                                 error)
             : NULL;
}

static DifResult *
draw (DifWarm *warm, Run *run, Loaded *one, GError **error)
{
  GError    *failure = NULL;
  DifResult *result;

  run->span.share = 1.0 - run->span.from;
  dif_pipeline_set_preview (one->pipe, run->watch.preview, run->watch.user_data,
                            run->watch.preview_ms);
  result = draw_once (run, one, &failure);
  if (result == NULL && give_way (warm, &failure))
    result = draw_once (run, one, &failure);
  dif_pipeline_set_preview (one->pipe, NULL, NULL, 0);
  if (result == NULL)
    g_propagate_error (error, failure);
  return result;
}

/* Puts the model where it is found again, unless all were to go meanwhile. */
static void
put_back (DifWarm *warm, Loaded *one, guint n_unloads)
{
  gboolean stays;

  g_mutex_lock (&warm->lock);
  settle (one);
  warm->running = NULL;
  stays         = warm->n_unloads == n_unloads;
  if (stays)
    g_queue_push_head (&warm->loaded, one);
  g_mutex_unlock (&warm->lock);
  if (! stays)
    loaded_free (one);
}

DifResult *
dif_warm_run (DifWarm *warm, DifRequest *rq, const DifWatch *watch, GCancellable *cancellable,
              GError **error)
{
  Run        run    = { .span        = { watch->progress, watch->user_data, 0.0, 1.0 },
                        .watch       = *watch,
                        .cancellable = cancellable };
  DifResult *result = NULL;
  Loaded    *one;
  guint      n_unloads;

  g_mutex_lock (&warm->lock);
  n_unloads = warm->n_unloads;
  g_mutex_unlock (&warm->lock);
  one = run_init (&run, rq, error) ? make_ready (warm, &run, error) : NULL;
  if (one != NULL)
    {
      g_mutex_lock (&warm->lock);
      warm->running = one;
      g_mutex_unlock (&warm->lock);
      result = draw (warm, &run, one, error);
      put_back (warm, one, n_unloads);
      make_room (warm, 0, 1);
    }
  run_clear (&run);
  return result;
}

void
dif_warm_unload (DifWarm *warm, DifJson *answer)
{
  GQueue  gone = G_QUEUE_INIT;
  guint   n;
  guint64 bytes;

  g_mutex_lock (&warm->lock);
  while (warm->loaded.head != NULL)
    g_queue_push_tail (&gone, g_queue_pop_head (&warm->loaded));
  n     = gone.length + (warm->running != NULL);
  bytes = bytes_of_all (&gone) + (warm->running != NULL ? warm->running->bytes : 0);
  warm->n_unloads++;
  g_mutex_unlock (&warm->lock);
  g_queue_clear_full (&gone, (GDestroyNotify) loaded_free);
  dif_json_set_double (answer, "models", n);
  dif_json_set_double (answer, "weight_bytes", (double) bytes);
}

static void
describe_one (const Loaded *one, DifJson *to)
{
  dif_json_set_string (to, "model", one->model);
  dif_json_set_string (to, "device", one->device);
  dif_json_set_string (to, "dtype", one->dtype);
}

/* Appends an object to the text of an array. */
static void
add_one (const Loaded *one, GString *models)
{
  g_autoptr (DifJson) row  = dif_json_new_object ("engine message");
  double              idle = (double) (g_get_monotonic_time () - one->used) / G_USEC_PER_SEC;
  g_autofree char    *text = NULL;

  describe_one (one, row);
  dif_json_set_double (row, "weight_bytes", (double) one->bytes);
  dif_json_set_double (row, "idle_seconds", idle);
  text = dif_json_to_string (row, FALSE);
  g_string_append_printf (models, "%s%s", models->len > 1 ? "," : "", text);
}

void
dif_warm_describe (DifWarm *warm, DifJson *status)
{
  g_autoptr (GString) text  = g_string_new ("[");
  g_autoptr (DifJson) array = NULL;
  Loaded             *first;
  guint64             bytes;

  g_mutex_lock (&warm->lock);
  first = warm->running != NULL       ? warm->running
          : warm->loaded.head != NULL ? warm->loaded.head->data
                                      : NULL;
  bytes = bytes_of_all (&warm->loaded) + (warm->running != NULL ? warm->running->bytes : 0);
  if (first != NULL)
    describe_one (first, status);
  else
    dif_json_set_null (status, "model");
  if (warm->running != NULL)
    add_one (warm->running, text);
  for (GList *link = warm->loaded.head; link != NULL; link = link->next)
    add_one (link->data, text);
  dif_json_set_double (status, "loads", warm->loads);
  g_mutex_unlock (&warm->lock);
  g_string_append_c (text, ']');
  array = dif_json_parse (text->str, text->len, "engine message", NULL);
  if (array != NULL)
    dif_json_set_copy (status, "models", array);
  dif_json_set_double (status, "weight_bytes", (double) bytes);
  dif_json_set_double (status, "memory_budget", (double) warm->budget);
}
