/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* registry.c - finds a device by name.
 *
 * ref and cpu are linked in; cuda is a module opened at run time, so that a
 * program starts where no NVIDIA driver is.  "auto" takes the first that
 * opens.
 */
#include "config.h"

#include <gmodule.h>
#include <string.h>

#include "backends/backends.h"
#include "base/error.h"

/* More than a machine has. */
#define MAX_CARDS 64

static const char *const names[] = { "cuda", "cpu", "ref", NULL };

const char *const *
dif_backend_names (void)
{
  return names;
}

/* The module's one symbol is `const DifBackendClass *dif_backend_module (void)`. */
static const DifBackendClass *
find_module (const char *name, GError **error)
{
  const char      *folder = g_getenv ("DIF_MODULE_DIR");
  g_autofree char *file   = g_strdup_printf ("dif-%s.so", name);
  g_autofree char *path   = g_build_filename (folder ? folder : DIF_MODULEDIR, file, NULL);
  const DifBackendClass *(*get_class) (void);
  const DifBackendClass *klass;
  GModule               *module;

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_ABSENT,
                   "device %s: expected the module %s, found no such file", name, path);
      return NULL;
    }
  module = g_module_open (path, G_MODULE_BIND_LOCAL);
  if (! module || ! g_module_symbol (module, "dif_backend_module", (gpointer *) &get_class))
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE, "device %s: %s", name,
                   g_module_error ());
      if (module)
        g_module_close (module);
      return NULL;
    }
  klass = get_class ();
  if (klass->api != DIF_BACKEND_API)
    {
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device %s: expected a module of interface %u, found %u in %s", name,
                   DIF_BACKEND_API, klass->api, path);
      g_module_close (module);
      return NULL;
    }
  g_module_make_resident (module);
  return klass;
}

static DifBackend *
open_module (const char *name, const char *options, GError **error)
{
  const DifBackendClass *klass = find_module (name, error);

  return klass ? klass->open (options, error) : NULL;
}

static DifBackend *
open_auto (GError **error)
{
  DifBackend        *be;
  g_autoptr (GError) why = NULL;

  be = open_module ("cuda", NULL, &why);
  if (be)
    return be;
  g_debug ("auto: %s", why->message);
  return dif_backend_cpu.open (NULL, error);
}

DifBackend *
dif_backend_open (const char *spec, GError **error)
{
  g_auto (GStrv) parts = NULL;
  const char    *name, *options;

  if (! spec || strcmp (spec, "auto") == 0)
    return open_auto (error);
  parts   = g_strsplit (spec, ":", 2);
  name    = parts[0] ? parts[0] : "";
  options = parts[0] ? parts[1] : NULL;
  if (strcmp (name, "cpu") == 0)
    return dif_backend_cpu.open (options, error);
  if (strcmp (name, "ref") == 0)
    return dif_backend_ref_class.open (options, error);
  if (strcmp (name, "cuda") == 0)
    return open_module (name, options, error);
  g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
               "device: expected auto, cpu, cuda, cuda:N, cuda:all or ref, found \"%.40s\"", spec);
  return NULL;
}

/* "cuda:0", "cuda:1" and so on are added to @to */
static gboolean
add_all_cards (GPtrArray *to, GError **error)
{
  const DifBackendClass *klass = find_module ("cuda", error);
  g_auto (GStrv)         found = klass ? klass->list (error) : NULL;

  for (guint i = 0; found && found[i]; i++)
    g_ptr_array_add (to, g_strconcat ("cuda:", found[i], NULL));
  return found != NULL;
}

/* "cuda:" and a number as one writes it, so that different words are different
 * cards. */
static gboolean
is_one_card (const char *word)
{
  const char *number = g_str_has_prefix (word, "cuda:") ? word + strlen ("cuda:") : "";
  gsize       digits = strspn (number, "0123456789");

  return digits > 0 && ! number[digits] && (digits == 1 || number[0] != '0');
}

/* What shares a batch holds a copy of the model each, so that a list must not be
 * longer than there can be use for it. */
static gboolean
check_several (char **parts, GError **error)
{
  guint n = g_strv_length (parts);

  for (guint i = 0; i < n; i++)
    {
      gboolean is_twice = FALSE;

      for (guint k = 0; k < i && ! is_twice; k++)
        is_twice = strcmp (parts[k], parts[i]) == 0;
      if (! is_twice && i < MAX_CARDS && is_one_card (parts[i]))
        continue;
      g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_NOT_AVAILABLE,
                   "device: expected several only as different cards cuda:N, at most %d, found "
                   "\"%.40s\"%s",
                   MAX_CARDS, parts[i], is_twice ? " twice" : i < MAX_CARDS ? ""
                                                                            : " beyond that");
      return FALSE;
    }
  return TRUE;
}

char **
dif_backend_list (const char *spec, GError **error)
{
  g_auto (GStrv)        parts = g_strsplit (spec && *spec ? spec : "auto", ",", MAX_CARDS + 2);
  g_autoptr (GPtrArray) all   = g_ptr_array_new_with_free_func (g_free);

  if (parts[1])
    return check_several (parts, error) ? g_steal_pointer (&parts) : NULL;
  if (strcmp (parts[0], "cuda:all") != 0)
    return g_steal_pointer (&parts);
  if (! add_all_cards (all, error))
    return NULL;
  g_ptr_array_add (all, NULL);
  return (char **) g_ptr_array_steal (all, NULL);
}
