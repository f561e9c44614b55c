/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* warm.c - see warm.h. */
#include "config.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "engine/warm.h"

/* Of a run that loads first, the share of the loading: it is short against the drawing. */
#define LOAD_SHARE 0.2

/* Models are folders of folders; whatever lies deeper is not read. */
#define PRINT_DEPTH     3
#define PRINT_MAX_FILES 10000

struct _DifWarm
{
  DifPipeline *pipe;
  char        *key;
  char        *print;

  GMutex lock; /* of what follows, which describe reads */
  char  *model;
  char  *device;
  char  *dtype;
  double weight_bytes;
  guint  loads;
};

typedef struct
{
  DifProgressFunc func;
  gpointer        user_data;
  double          from;
  double          share;
} Span;

DifWarm *
dif_warm_new (void)
{
  DifWarm *warm = g_new0 (DifWarm, 1);

  g_mutex_init (&warm->lock);
  return warm;
}

static void
unload (DifWarm *warm)
{
  g_clear_pointer (&warm->pipe, dif_pipeline_free);
  g_clear_pointer (&warm->key, g_free);
  g_clear_pointer (&warm->print, g_free);
  g_mutex_lock (&warm->lock);
  g_clear_pointer (&warm->model, g_free);
  g_clear_pointer (&warm->device, g_free);
  g_clear_pointer (&warm->dtype, g_free);
  warm->weight_bytes = 0.0;
  g_mutex_unlock (&warm->lock);
}

void
dif_warm_free (DifWarm *warm)
{
  if (warm == NULL)
    return;
  unload (warm);
  g_mutex_clear (&warm->lock);
  g_free (warm);
}

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

static void
add_tree (GChecksum *sum, const char *path, guint depth, guint *n_files)
{
  g_autoptr (GDir)      folder = NULL;
  g_autoptr (GPtrArray) names  = NULL;
  GStatBuf              st;
  const char           *name;

  if (depth == 0 || *n_files >= PRINT_MAX_FILES || g_stat (path, &st) != 0)
    return;
  (*n_files)++;
  add_file (sum, path, &st);
  folder = S_ISDIR (st.st_mode) ? g_dir_open (path, 0, NULL) : NULL;
  if (folder == NULL)
    return;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((name = g_dir_read_name (folder)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, by_name);
  for (guint i = 0; i < names->len; i++)
    add_tree (sum, g_ptr_array_index (names, i), depth - 1, n_files);
}

static char *
fingerprint (const char *path)
{
  g_autoptr (GChecksum) sum     = g_checksum_new (G_CHECKSUM_SHA256);
  guint                 n_files = 0;

  add_tree (sum, path, PRINT_DEPTH, &n_files);
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

static const char *
dtype_name (DifDtype dtype)
{
  switch (dtype)
    {
    case DIF_BF16:
      return "bf16";
    case DIF_F16:
      return "f16";
    default:
      return "f32";
    }
}

static void
remember (DifWarm *warm, const char *path, const char *device)
{
  g_mutex_lock (&warm->lock);
  warm->model        = g_strdup (path);
  warm->device       = g_strdup (device);
  warm->dtype        = g_strdup (dtype_name (dif_pipeline_dtype (warm->pipe)));
  warm->weight_bytes = (double) dif_pipeline_weight_bytes (warm->pipe);
  warm->loads++;
  g_mutex_unlock (&warm->lock);
}

/* Appends the elements of a list and, so that a file written again counts, the
 * state of those that are files. */
static void
append_files (GString *key, DifRequest *rq, const char *name, const char *kind)
{
  const char *const *list = dif_request_list (rq, name);

  for (guint i = 0; list[i]; i++)
    {
      g_autofree char *rest  = NULL;
      g_autofree char *file  = dif_catalog_split_spec (list[i], &rest);
      g_autofree char *path  = dif_catalog_resolve_file (kind, file, NULL);
      g_autofree char *print = path ? fingerprint (path) : NULL;

      g_string_append_printf (key, "\n%s %s %s", name, list[i], print ? print : "");
    }
}

/* What must be the same for a pipeline to be used again. */
static char *
make_key (DifRequest *rq, const char *path, const char *device, const char *dtype)
{
  GString *key = g_string_new (NULL);

  g_string_printf (key, "%s\n%s\n%s", path, device, dtype);
  append_files (key, rq, "lora", "loras");
  append_files (key, rq, "embedding", "embeddings");
  return g_string_free (key, FALSE);
}

/* Makes warm->pipe the pipeline that the request asks for. */
static gboolean
make_ready (DifWarm *warm, DifRequest *rq, const char *path, Span *span, GCancellable *cancellable,
            GError **error)
{
  const char      *device = text_or (rq, "device", "auto");
  const char      *dtype  = text_or (rq, "dtype", "auto");
  g_autofree char *key    = make_key (rq, path, device, dtype);
  g_autofree char *print  = fingerprint (path);

  if (warm->pipe != NULL && g_str_equal (key, warm->key) && g_str_equal (print, warm->print))
    return TRUE;

  unload (warm);
  span->share = LOAD_SHARE;
  warm->pipe  = dif_pipeline_load_for (rq, span_progress, span, cancellable, error);
  if (warm->pipe == NULL)
    return FALSE;
  warm->key   = g_steal_pointer (&key);
  warm->print = g_steal_pointer (&print);
  remember (warm, path, device);
  span->from = LOAD_SHARE;
  return TRUE;
}

DifResult *
dif_warm_run (DifWarm *warm, DifRequest *rq, DifProgressFunc progress, gpointer user_data,
              GCancellable *cancellable, GError **error)
{
  Span             span = { progress, user_data, 0.0, 1.0 };
  g_autofree char *path = dif_catalog_resolve (dif_request_text (rq, "model"), error);

  if (path == NULL || ! make_ready (warm, rq, path, &span, cancellable, error))
    return NULL;
  span.share = 1.0 - span.from;
  return dif_pipeline_run (warm->pipe, rq, span_progress, &span, cancellable, error);
}

void
dif_warm_describe (DifWarm *warm, DifJson *status)
{
  g_mutex_lock (&warm->lock);
  if (warm->model != NULL)
    {
      dif_json_set_string (status, "model", warm->model);
      dif_json_set_string (status, "device", warm->device);
      dif_json_set_string (status, "dtype", warm->dtype);
    }
  else
    {
      dif_json_set_null (status, "model");
    }
  dif_json_set_double (status, "weight_bytes", warm->weight_bytes);
  dif_json_set_double (status, "loads", warm->loads);
  g_mutex_unlock (&warm->lock);
}
