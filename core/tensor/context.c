/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* context.c - scopes as a stack of arrays of tensors, and the first error.
 *
 * Invariant: every tensor handed out by an op is owned by exactly one scope;
 * leaving the scope drops that reference.
 */
#include <string.h>

#include "base/error.h"
#include "tensor/backend.h"
#include "tensor/context.h"
#include "tensor/ops.h"

typedef struct
{
  char      *name;
  GPtrArray *tensors;
} Scope;

struct _DifContext
{
  DifBackend    *backend;
  DifDtype       dtype;
  GArray        *scopes; /* of Scope; [0] is the outermost */
  GError        *error;
  GCancellable  *cancellable;
  DifTensor      inert;
  DifDumpFunc    dump;
  gpointer       dump_data;
  DifProfileFunc profile;
  gpointer       profile_data;
};

static Scope *
top (DifContext *cx)
{
  return &g_array_index (cx->scopes, Scope, cx->scopes->len - 1);
}

static void
push (DifContext *cx, char *name)
{
  Scope s = { .name    = name,
              .tensors = g_ptr_array_new_with_free_func ((GDestroyNotify) dif_tensor_unref) };

  g_array_append_val (cx->scopes, s);
}

static void
pop (DifContext *cx)
{
  Scope *s = top (cx);

  g_ptr_array_unref (s->tensors);
  g_free (s->name);
  g_array_set_size (cx->scopes, cx->scopes->len - 1);
}

DifContext *
dif_context_new (DifBackend *backend, DifDtype dtype)
{
  DifContext *cx = g_new0 (DifContext, 1);

  cx->backend         = dif_backend_ref (backend);
  cx->dtype           = dtype;
  cx->scopes          = g_array_new (FALSE, TRUE, sizeof (Scope));
  cx->inert.ref_count = G_MAXINT / 2; /* never freed: lives in the context */
  push (cx, g_strdup (""));
  return cx;
}

void
dif_context_free (DifContext *cx)
{
  if (! cx)
    return;
  while (cx->scopes->len)
    pop (cx);
  g_array_unref (cx->scopes);
  g_clear_error (&cx->error);
  g_clear_object (&cx->cancellable);
  dif_backend_unref (cx->backend);
  g_free (cx);
}

DifBackend *
dif_context_backend (DifContext *cx)
{
  return cx->backend;
}

DifDtype
dif_context_dtype (DifContext *cx)
{
  return cx->dtype;
}

DifDtype
dif_context_set_dtype (DifContext *cx, DifDtype dtype)
{
  DifDtype before = cx->dtype;

  cx->dtype = dtype;
  return before;
}

void
dif_context_set_cancellable (DifContext *cx, GCancellable *cancellable)
{
  g_set_object (&cx->cancellable, cancellable);
}

void
dif_context_set_dump (DifContext *cx, DifDumpFunc func, gpointer user_data)
{
  cx->dump      = func;
  cx->dump_data = user_data;
}

void
dif_context_set_profile (DifContext *cx, DifProfileFunc func, gpointer user_data)
{
  cx->profile      = func;
  cx->profile_data = user_data;
}

void
dif_context_enter (DifContext *cx, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  push (cx, g_strdup_vprintf (format, args));
  va_end (args);
}

DifTensor *
dif_context_keep (DifContext *cx, DifTensor *t)
{
  Scope *s = top (cx), *outer;
  guint  i;

  if (t == &cx->inert || cx->scopes->len < 2 || ! g_ptr_array_find (s->tensors, t, &i))
    return t;
  outer = &g_array_index (cx->scopes, Scope, cx->scopes->len - 2);
  g_ptr_array_add (outer->tensors, g_ptr_array_steal_index_fast (s->tensors, i));
  return t;
}

DifTensor *
dif_context_leave (DifContext *cx, DifTensor *keep)
{
  g_assert (cx->scopes->len > 1);
  if (keep)
    dif_context_keep (cx, keep);
  pop (cx);
  return keep;
}

void
dif_context_release (DifContext *cx, DifTensor *t)
{
  if (t && t != &cx->inert)
    g_ptr_array_remove_fast (top (cx)->tensors, t);
}

DifTensor *
dif_context_adopt (DifContext *cx, DifTensor *t)
{
  if (! t)
    return &cx->inert;
  g_ptr_array_add (top (cx)->tensors, t);
  return t;
}

gboolean
dif_context_failed (DifContext *cx)
{
  return cx->error != NULL;
}

/* "unet.down_blocks.0.resnets.1", from the open scopes' names */
static char *
scope_path (DifContext *cx)
{
  GString *s = g_string_new (NULL);

  for (guint i = 1; i < cx->scopes->len; i++)
    {
      if (s->len)
        g_string_append_c (s, '.');
      g_string_append (s, g_array_index (cx->scopes, Scope, i).name);
    }
  return g_string_free (s, FALSE);
}

DifTensor *
dif_context_fail (DifContext *cx, GError *error)
{
  if (cx->error)
    g_error_free (error);
  else
    {
      g_autofree char *path = scope_path (cx);

      if (*path && ! g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        g_prefix_error (&error, "%s: ", path);
      cx->error = error;
    }
  return &cx->inert;
}

gboolean
dif_context_check (DifContext *cx)
{
  GError *error = NULL;

  if (cx->error)
    return FALSE;
  if (cx->cancellable && g_cancellable_set_error_if_cancelled (cx->cancellable, &error))
    {
      dif_context_fail (cx, error);
      return FALSE;
    }
  return TRUE;
}

DifTensor *
dif_context_inert (DifContext *cx)
{
  return &cx->inert;
}

gboolean
dif_context_finish (DifContext *cx, GError **error)
{
  if (! cx->error)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&cx->error));
  return FALSE;
}

gboolean
dif_context_wants_dump (DifContext *cx)
{
  return cx->dump != NULL;
}

void
dif_context_dump_host (DifContext *cx, const char *name, const DifShape *shape, const float *data)
{
  if (cx->dump && ! cx->error)
    cx->dump (name, shape, data, cx->dump_data);
}

void
dif_context_pace (DifContext *cx)
{
  const DifBackendClass *klass = cx->backend->klass;
  GError                *error = NULL;

  if (! cx->error && klass->pace && ! klass->pace (cx->backend, &error))
    dif_context_fail (cx, error);
}

gboolean
dif_context_wants_profile (DifContext *cx)
{
  return cx->profile != NULL;
}

void
dif_context_profile (DifContext *cx, const char *op, gint64 start, double macs, double bytes)
{
  const DifBackendClass *klass = cx->backend->klass;

  if (! cx->profile)
    return;
  /* a failure shows at the next op */
  if (klass->wait)
    klass->wait (cx->backend, NULL);
  cx->profile (op, (double) (g_get_monotonic_time () - start) * 1e-6, macs, bytes,
               cx->profile_data);
}
