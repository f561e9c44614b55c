/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* request-files.c - the files a request names, for a process in another folder. */
#include "formats/catalog.h"
#include "run/request.h"

/* Replaces every FILE or FILE:REST of the list by its absolute path. */
static gboolean
resolve_list (DifRequest *rq, const char *name, const char *kind, GError **error)
{
  g_auto (GStrv) list = g_strdupv ((char **) dif_request_list (rq, name));

  dif_request_unset (rq, name);
  for (guint i = 0; list[i]; i++)
    {
      g_autofree char *rest     = NULL;
      g_autofree char *file     = dif_catalog_split_spec (list[i], &rest);
      g_autofree char *path     = dif_catalog_resolve_file (kind, file, error);
      g_autofree char *absolute = path ? g_canonicalize_filename (path, NULL) : NULL;
      g_autofree char *spec     = NULL;

      if (! absolute)
        {
          g_prefix_error (error, "%s: ", name);
          return FALSE;
        }
      spec = g_strconcat (absolute, rest ? ":" : NULL, rest, NULL);
      if (! dif_request_set (rq, name, spec, error))
        return FALSE;
    }
  return TRUE;
}

/* Replaces a file's path by its absolute one. */
static gboolean
resolve_path (DifRequest *rq, const char *name, GError **error)
{
  const char      *path     = dif_request_text (rq, name);
  g_autofree char *absolute = path && *path ? g_canonicalize_filename (path, NULL) : NULL;

  return ! absolute || dif_request_set (rq, name, absolute, error);
}

gboolean
dif_request_resolve_files (DifRequest *rq, GError **error)
{
  return resolve_list (rq, "lora", "loras", error) &&
         resolve_list (rq, "embedding", "embeddings", error) && resolve_path (rq, "latents", error);
}
