/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cuda-library.c - the driver and cuBLASLt by dlopen: neither need be there.
 *
 * An opened library persistent: NVIDIA's do not like to be unloaded.
 */
#include <dlfcn.h>
#include <string.h>

#include "backends/cuda/cuda-library.h"
#include "base/error.h"

/* Fills the table of functions at @to. */
static gboolean
find_all (void *library, const char *const *names, gsize n, gpointer *to, const char **missing)
{
  for (gsize i = 0; i < n; i++)
    {
      to[i] = dlsym (library, names[i]);
      if (! to[i])
        {
          *missing = names[i];
          return FALSE;
        }
    }
  return TRUE;
}

#define NAME(field, name, parameters) name,

gboolean
_dif_cuda_open_driver (DifCudaDriver *driver, GError **error)
{
  static const char *const names[] = { DIF_CUDA_DRIVER_CALLS (NAME) };
  const char              *missing = NULL;
  void                    *library = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  int                      version = 0;
  CuResult                 result;

  if (! library)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_ABSENT,
                   "device cuda: expected NVIDIA's driver, found none (%s)", dlerror ());
      return FALSE;
    }
  G_STATIC_ASSERT (sizeof *driver == sizeof names);
  if (! find_all (library, names, G_N_ELEMENTS (names), (gpointer *) driver, &missing))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected a driver for CUDA %d or newer, found one without %s",
                   DIF_CUDA_MAJOR, missing);
      return FALSE;
    }
  if (driver->driver_version (&version) == CU_SUCCESS && version < DIF_CUDA_MAJOR * 1000)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected a driver for CUDA %d or newer, found one for %d.%d",
                   DIF_CUDA_MAJOR, version / 1000, version % 1000 / 10);
      return FALSE;
    }
  result = driver->init (0);
  if (result != CU_SUCCESS)
    {
      const char *text = "no reason";

      driver->error_string (result, &text);
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device cuda: expected an NVIDIA card, the driver reports: %s", text);
      return FALSE;
    }
  return TRUE;
}

gboolean
_dif_cuda_open_lt (DifCudaLt *lt)
{
  static const char *const names[]  = { DIF_CUDA_LT_CALLS (NAME) };
  static const char *const places[] = { "libcublasLt.so.13", "libcublasLt.so.12",
                                        "/usr/local/cuda/lib64/libcublasLt.so.13",
                                        "/usr/local/cuda/lib64/libcublasLt.so.12" };
  const char              *setting  = g_getenv ("DIF_CUDA_BLAS"), *missing;

  G_STATIC_ASSERT (sizeof *lt == sizeof names);
  if (setting && strcmp (setting, "off") == 0)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      void *library = dlopen (places[i], RTLD_NOW | RTLD_LOCAL);

      if (library && find_all (library, names, G_N_ELEMENTS (names), (gpointer *) lt, &missing))
        return TRUE;
    }
  return FALSE;
}
