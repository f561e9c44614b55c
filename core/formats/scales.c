/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scales.c - see scales.h. */
#include "formats/scales.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* A module's name if @name is one of its tensors that end so, else NULL. */
static char *
module_of (const char *name, const char *end)
{
  return g_str_has_suffix (name, end) ? g_strndup (name, strlen (name) - strlen (end)) : NULL;
}

static gboolean
apply_one (DifWeights *w, const char *name, const char *module, const char *path, GError **error)
{
  const DifHostArray *array  = dif_weights_lookup (w, name);
  g_autofree char    *weight = g_strconcat (module, ".weight", NULL);
  g_autofree float   *scales = NULL;
  gsize               n;

  scales = dif_host_to_f32 (array, &n);
  if (! scales)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "no memory for %s", name);
      return FALSE;
    }
  if (! dif_weights_set_scales (w, weight, scales, n))
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                   "%s: tensor %s: expected one number, or one for each row of %s, found "
                   "%" G_GSIZE_FORMAT "%s",
                   path, name, weight, n,
                   dif_weights_lookup (w, weight) ? "" : " and no such tensor");
      return FALSE;
    }
  dif_weights_remove (w, name);
  return TRUE;
}

/* What ComfyUI notes of a quantized module: an object in JSON, as bytes. */
static gboolean
check_note (DifWeights *w, const char *name, const char *path, GError **error)
{
  const DifHostArray *array  = dif_weights_lookup (w, name);
  g_autofree char    *where  = g_strdup_printf ("%s: tensor %s", path, name);
  g_autoptr (DifJson) note   = NULL;
  const char         *format = NULL;
  gsize               bytes;

  if (! dif_host_bytes (array, &bytes) || array->encoding != DIF_ENC_U8)
    bytes = 0;
  note = dif_json_parse (array->data, bytes, where, error);
  if (! note)
    return FALSE;
  if (dif_json_type (note) != DIF_JSON_OBJECT)
    dif_json_fail_value (note, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
  else
    format = dif_json_string (note, "format", "none");
  if (format && ! g_str_has_prefix (format, "float8_"))
    dif_json_fail (note, DIF_FORMAT_ERROR_UNSUPPORTED, "expected a float8 format, found %s",
                   format);
  if (! dif_json_finish (note, error))
    return FALSE;
  dif_weights_remove (w, name);
  return TRUE;
}

gboolean
dif_scales_apply (DifWeights *w, const char *path, GError **error)
{
  static const char *const ends[] = { ".scale_weight", ".weight_scale" };
  g_autoptr (GPtrArray)    names  = dif_weights_names (w);
  g_autoptr (GPtrArray)    copies = g_ptr_array_new_with_free_func (g_free);

  /* names go with their tensors */
  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (copies, g_strdup (names->pdata[i]));
  for (guint i = 0; i < copies->len; i++)
    {
      const char *name = copies->pdata[i];

      if (g_str_has_suffix (name, ".comfy_quant") && ! check_note (w, name, path, error))
        return FALSE;
      for (guint k = 0; k < G_N_ELEMENTS (ends); k++)
        {
          g_autofree char *module = module_of (name, ends[k]);

          if (module && ! apply_one (w, name, module, path, error))
            return FALSE;
        }
    }
  return TRUE;
}
