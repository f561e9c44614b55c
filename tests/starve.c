/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* starve.c - see starve.h. */
#include "starve.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* so that the libraries find it */
#define EXPORT __attribute__ ((visibility ("default")))

static gint is_on, n_asked, refused;

void
starve_begin (guint n)
{
  g_atomic_int_set (&n_asked, 0);
  g_atomic_int_set (&refused, (gint) n);
  g_atomic_int_set (&is_on, TRUE);
}

guint
starve_end (void)
{
  g_atomic_int_set (&is_on, FALSE);
  return (guint) g_atomic_int_get (&n_asked);
}

static gboolean
is_refused (void)
{
  return g_atomic_int_get (&is_on) &&
         g_atomic_int_add (&n_asked, 1) + 1 == g_atomic_int_get (&refused);
}

EXPORT gpointer
g_try_malloc (gsize n)
{
  return n && ! is_refused () ? malloc (n) : NULL;
}

EXPORT gpointer
g_try_malloc0 (gsize n)
{
  return n && ! is_refused () ? calloc (n, 1) : NULL;
}

EXPORT gpointer
g_try_malloc_n (gsize n, gsize size)
{
  return size && n > G_MAXSIZE / size ? NULL : g_try_malloc (n * size);
}

EXPORT gpointer
g_try_malloc0_n (gsize n, gsize size)
{
  return size && n > G_MAXSIZE / size ? NULL : g_try_malloc0 (n * size);
}

EXPORT gpointer
g_try_realloc (gpointer data, gsize n)
{
  return is_refused () ? NULL : realloc (data, n);
}

/* Others, OpenMP among them, do without no such memory. */
static gboolean
is_libdif (gconstpointer caller)
{
  Dl_info info = { 0 };

  return dladdr (caller, &info) != 0 && strstr (info.dli_fname, "libdif") != NULL;
}

EXPORT void *
aligned_alloc (size_t alignment, size_t n)
{
  void *data = NULL;

  if (g_atomic_int_get (&is_on) && is_libdif (__builtin_return_address (0)) && is_refused ())
    return NULL;
  return posix_memalign (&data, alignment, n) == 0 ? data : NULL;
}
