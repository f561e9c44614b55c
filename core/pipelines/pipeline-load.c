/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline-load.c - loading a model, on one device or several. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "families/families.h"
#include "formats/catalog.h"
#include "formats/fingerprint.h"
#include "pipelines/adapters-private.h"
#include "pipelines/open-checkpoint.h"
#include "pipelines/pipelines-private.h"
#include "pipelines/presets.h"

static gboolean
choose_dtype (DifPipeline *pipe, const char *name, GError **error)
{
  const DifBackendClass *klass = pipe->backend->klass;

  if (! name || strcmp (name, "auto") == 0)
    pipe->dtype = klass->best_dtype (pipe->backend);
  else if (! dif_dtype_from_name (name, &pipe->dtype) || ! dif_dtype_is_float (pipe->dtype))
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "dtype: expected auto, f32, bf16 or f16, found \"%s\"", name);
      return FALSE;
    }
  if (! klass->supports (pipe->backend, pipe->dtype))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_UNSUPPORTED,
                   "dtype: the device %s does not compute in %s here", klass->name,
                   dif_dtype_name (pipe->dtype));
      return FALSE;
    }
  return TRUE;
}

static gboolean
load_scheduler (DifPipeline *pipe, GError **error)
{
  const char              *klass = dif_checkpoint_part_class (pipe->checkpoint, "scheduler");
  g_autoptr (DifScheduler) probe = NULL;

  if (! klass)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                   "%s: expected a scheduler, found none", dif_checkpoint_path (pipe->checkpoint));
      return FALSE;
    }
  pipe->scheduler_config = dif_checkpoint_config (pipe->checkpoint, "scheduler", error);
  if (! pipe->scheduler_config)
    return FALSE;
  dif_fingerprint_add (pipe->sum, klass, pipe->scheduler_config, NULL);
  pipe->scheduler_class = g_strdup (klass);
  probe                 = dif_pipeline_scheduler (pipe, NULL, error);
  return probe != NULL;
}

static gboolean
load_all (DifPartLoad *load, GError **error)
{
  DifPipeline *pipe  = load->pipe;
  const char  *klass = dif_checkpoint_pipeline_class (pipe->checkpoint);

  pipe->family = dif_family_of_checkpoint (pipe->checkpoint, &pipe->kind);
  if (! pipe->family)
    {
      g_autofree char *known = dif_family_known ();

      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: expected one of %s, found a %s", dif_checkpoint_path (pipe->checkpoint),
                   known, klass);
      return FALSE;
    }
  return load_scheduler (pipe, error) &&
         dif_presets_load (pipe->checkpoint, &pipe->presets, error) &&
         _dif_pipeline_load_parts (load, error);
}

/* ---- where ---- */

/* Everything that a device holds, and the device. */
static void
unload (DifPipeline *pipe)
{
  _dif_pipeline_free_parts (pipe);
  g_clear_pointer (&pipe->family_data, g_free);
  _dif_adapters_close (pipe->adapters);
  g_clear_pointer (&pipe->sum, g_checksum_free);
  g_clear_pointer (&pipe->scheduler_config, dif_json_unref);
  g_clear_pointer (&pipe->presets, dif_json_unref);
  g_clear_pointer (&pipe->scheduler_class, g_free);
  g_clear_pointer (&pipe->backend, dif_backend_unref);
  g_clear_pointer (&pipe->others, g_ptr_array_unref);
}

/* Loads everything on @device. */
static gboolean
load_on (DifPipeline *pipe, const char *device, DifProgressFunc progress, gpointer user_data,
         GCancellable *cancellable, GError **error)
{
  gint64      start = g_get_monotonic_time ();
  DifPartLoad load  = { pipe, progress, user_data, cancellable, 0, 0 };

  if (_dif_adapters_open (pipe->adapters, error))
    pipe->backend = dif_backend_open (device, error);
  pipe->sum = g_checksum_new (G_CHECKSUM_SHA256);
  /* weights for which a card has no room wait in host memory as it is */
  if (pipe->backend && pipe->low_memory && ! pipe->backend->klass->plan)
    pipe->need = _dif_part_load;
  if (! pipe->backend || ! choose_dtype (pipe, pipe->asked_dtype, error) ||
      ! load_all (&load, error))
    return FALSE;
  if (! pipe->need)
    _dif_adapters_close (pipe->adapters);
  g_free (pipe->fingerprint);
  pipe->fingerprint = g_strdup (g_checksum_get_string (pipe->sum));
  g_clear_pointer (&pipe->sum, g_checksum_free);
  _dif_part_load_report (&load);
  pipe->load_seconds = (double) (g_get_monotonic_time () - start) * 1e-6;
  return TRUE;
}

/* Whether the device is to blame, so that another may do.  A run that is too large
 * for it, where a smaller one would fit, is not its fault. */
static gboolean
is_of_device (DifPipeline *pipe, const GError *error)
{
  if (g_error_matches (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY) &&
      pipe->fits_less)
    return FALSE;
  return error->domain == DIF_BACKEND_ERROR && error->code != DIF_BACKEND_ERROR_UNSUPPORTED &&
         error->code != DIF_BACKEND_ERROR_FAILED;
}

/* A pipeline of the same model and files, with nothing loaded. */
static DifPipeline *
new_like (DifPipeline *pipe, GError **error)
{
  g_autoptr (DifPipeline) other = g_new0 (DifPipeline, 1);

  other->checkpoint = dif_checkpoint_open (dif_checkpoint_path (pipe->checkpoint), error);
  if (! other->checkpoint)
    return NULL;
  other->low_memory   = pipe->low_memory;
  other->asked_dtype  = g_strdup (pipe->asked_dtype);
  other->adapters     = _dif_adapters_copy (pipe->adapters);
  other->dump         = pipe->dump;
  other->dump_data    = pipe->dump_data;
  other->profile      = pipe->profile;
  other->profile_data = pipe->profile_data;
  other->preview      = pipe->preview;
  other->preview_data = pipe->preview_data;
  other->preview_ms   = pipe->preview_ms;
  return g_steal_pointer (&other);
}

/* The pipeline changes only once another is there to take its place: a cancel while
 * that is loaded, or a failure, leaves it as it was. */
gboolean
_dif_pipeline_fall_back_to_cpu (DifPipeline *pipe, GError **why, DifProgressFunc progress,
                                gpointer user_data, GCancellable *cancellable)
{
  g_autoptr (DifPipeline) other = NULL;
  g_autoptr (GError)      first = NULL;
  DifPipeline             before;

  if (! pipe->may_fall_back || ! is_of_device (pipe, *why))
    return FALSE;
  first = g_steal_pointer (why);
  other = new_like (pipe, why);
  if (! other || ! load_on (other, "cpu", progress, user_data, cancellable, why))
    return FALSE;
  other->is_fallback_usual = g_error_matches (first, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_ABSENT);
  other->fallback          = g_strdup_printf ("%s; computing on the CPU instead", first->message);
  before                   = *pipe;
  *pipe                    = *other;
  *other                   = before;
  return TRUE;
}

/* The model on one device. */
static DifPipeline *
load_one (const char *model, const char *device, const char *dtype, const DifAdapters *adapters,
          gboolean low_memory, DifProgressFunc progress, gpointer user_data,
          GCancellable *cancellable, GError **error)
{
  g_autoptr (DifPipeline) pipe = g_new0 (DifPipeline, 1);
  g_autofree char        *path = dif_catalog_resolve (model, error);
  GError                 *why  = NULL;
  gboolean                ok;

  if (! path)
    return NULL;
  pipe->checkpoint = dif_checkpoint_open (path, error);
  if (! pipe->checkpoint)
    return NULL;
  pipe->low_memory    = low_memory;
  pipe->asked_dtype   = g_strdup (dtype);
  pipe->adapters      = _dif_adapters_copy (adapters);
  pipe->may_fall_back = strcmp (device, "auto") == 0;

  ok = load_on (pipe, pipe->may_fall_back ? "cuda" : device, progress, user_data, cancellable,
                &why);
  if (! ok)
    {
      /* what the card holds of it, in host memory too, would be in the way */
      unload (pipe);
      ok = _dif_pipeline_fall_back_to_cpu (pipe, &why, progress, user_data, cancellable);
    }
  if (ok)
    return g_steal_pointer (&pipe);
  g_propagate_error (error, why);
  return NULL;
}

/* The model on one of several devices, loaded by a thread of its own. */
typedef struct
{
  const char        *model, *device, *dtype;
  const DifAdapters *adapters;
  gboolean           low_memory;
  GCancellable      *cancellable;
  GThread           *thread;
  DifPipeline       *pipe;
  GError            *error;
} DeviceLoad;

static gpointer
load_place (gpointer data)
{
  DeviceLoad *p = data;

  p->pipe = load_one (p->model, p->device, p->dtype, p->adapters, p->low_memory, NULL, NULL,
                      p->cancellable, &p->error);
  return NULL;
}

/* All of them behind the first, or NULL and the first failure. */
static DifPipeline *
gather_loads (DeviceLoad *loads, guint n, GError **error)
{
  DifPipeline *first = loads[0].pipe;
  guint        bad   = 0;

  while (bad < n && loads[bad].pipe)
    bad++;
  if (bad < n)
    g_propagate_prefixed_error (error, g_steal_pointer (&loads[bad].error), "%s: ",
                                loads[bad].device);
  for (guint i = 0; i < n; i++)
    {
      g_clear_error (&loads[i].error);
      if (bad < n)
        dif_pipeline_free (loads[i].pipe);
      else
        loads[i].pipe->place = g_strdup (loads[i].device);
    }
  if (bad < n)
    return NULL;
  first->others = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_pipeline_free);
  for (guint i = 1; i < n; i++)
    g_ptr_array_add (first->others, loads[i].pipe);
  return first;
}

static DifPipeline *
load_pipeline (const char *model, const char *device, const char *dtype,
               const DifAdapters *adapters, gboolean low_memory, DifProgressFunc progress,
               gpointer user_data, GCancellable *cancellable, GError **error)
{
  g_auto (GStrv)         devices = dif_backend_list (device, error);
  guint                  n       = devices ? g_strv_length (devices) : 0;
  g_autofree DeviceLoad *loads   = g_new0 (DeviceLoad, n + 1);

  if (n <= 1)
    return n ? load_one (model, devices[0], dtype, adapters, low_memory, progress, user_data,
                         cancellable, error)
             : NULL;
  for (guint i = 0; i < n; i++)
    {
      loads[i] = (DeviceLoad) { model, devices[i], dtype, adapters, low_memory,
                                cancellable, NULL, NULL, NULL };
      if (i)
        loads[i].thread =
            g_thread_try_new ("dif-load", load_place, &loads[i], &loads[i].error);
    }
  loads[0].pipe = load_one (model, devices[0], dtype, adapters, low_memory, progress, user_data,
                            cancellable, &loads[0].error);
  for (guint i = 1; i < n; i++)
    if (loads[i].thread)
      g_thread_join (loads[i].thread);
  return gather_loads (loads, n, error);
}

DifPipeline *
dif_pipeline_load (const char *model, const char *device, const char *dtype,
                   DifProgressFunc progress, gpointer user_data, GCancellable *cancellable,
                   GError **error)
{
  DifAdapters *none = _dif_adapters_new (NULL);
  DifPipeline *pipe = load_pipeline (model, device, dtype, none, FALSE, progress, user_data,
                                     cancellable, error);

  _dif_adapters_free (none);
  return pipe;
}

DifPipeline *
dif_pipeline_load_for (DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                       GCancellable *cancellable, GError **error)
{
  DifAdapters *adapters = _dif_adapters_new (rq);
  DifPipeline *pipe     = load_pipeline (dif_request_model (rq), dif_request_text (rq, "device"),
                                         dif_request_text (rq, "dtype"), adapters,
                                         dif_request_number (rq, "low-memory") != 0, progress,
                                         user_data, cancellable, error);

  _dif_adapters_free (adapters);
  return pipe;
}

void
dif_pipeline_free (DifPipeline *pipe)
{
  if (! pipe)
    return;
  unload (pipe);
  _dif_adapters_free (pipe->adapters);
  g_free (pipe->place);
  g_free (pipe->asked_dtype);
  g_free (pipe->fallback);
  g_free (pipe->fingerprint);
  dif_checkpoint_free (pipe->checkpoint);
  g_free (pipe);
}

/* ---- parts ---- */

DifCheckpoint *
dif_pipeline_checkpoint (DifPipeline *pipe)
{
  return pipe->checkpoint;
}

DifBackend *
dif_pipeline_backend (DifPipeline *pipe)
{
  return pipe->backend;
}

const char *
dif_pipeline_fallback (DifPipeline *pipe)
{
  return pipe->is_fallback_usual ? NULL : pipe->fallback;
}

DifDtype
dif_pipeline_dtype (DifPipeline *pipe)
{
  return pipe->dtype;
}

const char *
dif_pipeline_about (DifPipeline *pipe)
{
  return dif_presets_about (pipe->presets);
}

gsize
dif_pipeline_weight_bytes (DifPipeline *pipe)
{
  gsize total = 0;

  for (guint i = 0; i < DIF_N_ROLES; i++)
    total += dif_store_bytes (pipe->parts[i].store);
  for (guint i = 0; pipe->others && i < pipe->others->len; i++)
    total += dif_pipeline_weight_bytes (pipe->others->pdata[i]);
  return total;
}

void
dif_pipeline_set_dump (DifPipeline *pipe, DifDumpFunc func, gpointer user_data)
{
  pipe->dump      = func;
  pipe->dump_data = user_data;
}

void
dif_pipeline_set_profile (DifPipeline *pipe, DifProfileFunc func, gpointer user_data)
{
  pipe->profile      = func;
  pipe->profile_data = user_data;
}

void
dif_pipeline_set_preview (DifPipeline *pipe, DifPreviewFunc func, gpointer user_data,
                          guint interval_ms)
{
  pipe->preview      = func;
  pipe->preview_data = user_data;
  pipe->preview_ms   = interval_ms;
}

DifScheduler *
dif_pipeline_scheduler (DifPipeline *pipe, const char *class_name, GError **error)
{
  g_autoptr (DifScheduler) own =
      dif_scheduler_new (pipe->scheduler_class, pipe->scheduler_config, error);
  g_autoptr (DifJson) config = NULL;

  if (! own)
    return NULL;
  /* the reference patches the scheduler it is built with, except in SDXL and
   * depth2img; another class is then made from the patched config */
  if (pipe->kind->patches_scheduler)
    dif_scheduler_patch_for_pipeline (own);
  if (! class_name)
    return g_steal_pointer (&own);
  config = dif_scheduler_config (own);
  return dif_scheduler_new (class_name, config, error);
}
