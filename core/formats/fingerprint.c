/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fingerprint.c - see fingerprint.h. */
#include "formats/fingerprint.h"

#include <string.h>

#include "base/file.h"

#include "base/error.h"

#define N_SAMPLES 256

/* With the final NUL, so that "a" "bc" is not "ab" "c". */
static void
add_text (GChecksum *sum, const char *text)
{
  g_checksum_update (sum, (const guchar *) text, (gssize) strlen (text) + 1);
}

static void
add_tensor (GChecksum *sum, const char *name, const DifHostArray *array)
{
  GString *head = g_string_new (dif_encoding_name (array->encoding));
  gsize    size, taken;

  for (guint i = 0; i < array->shape.n; i++)
    g_string_append_printf (head, " %" G_GSIZE_FORMAT, array->shape.d[i]);
  add_text (sum, name);
  add_text (sum, head->str);
  g_string_free (head, TRUE);
  if (array->n_scales)
    g_checksum_update (sum, (const guchar *) array->scales,
                       (gssize) (array->n_scales * sizeof *array->scales));
  if (! array->data || ! dif_host_bytes (array, &size))
    return;
  taken = MIN (size, DIF_FINGERPRINT_SAMPLE);
  g_checksum_update (sum, (const guchar *) array->data + (size - taken) / 2, (gssize) taken);
}

void
dif_fingerprint_add (GChecksum *sum, const char *part, DifJson *config, DifWeights *weights)
{
  g_autoptr (GPtrArray) names = weights ? dif_weights_names (weights) : NULL;
  g_autofree char      *text  = config ? dif_json_to_string (config, FALSE) : NULL;

  add_text (sum, part);
  add_text (sum, text ? text : "");
  for (guint i = 0; names && i < names->len; i++)
    add_tensor (sum, names->pdata[i], dif_weights_lookup (weights, names->pdata[i]));
}

gboolean
dif_fingerprint_add_file (GChecksum *sum, const char *path, GError **error)
{
  g_autoptr (DifFileMap) file = dif_file_map (path, error);
  g_autofree char       *text = NULL;
  const guchar          *bytes;
  gsize                  size, room;

  if (! file)
    return FALSE;
  bytes = g_bytes_get_data (dif_file_map_bytes (file), &size);
  text  = g_strdup_printf ("%" G_GSIZE_FORMAT, size);
  add_text (sum, text);
  if (size <= DIF_FINGERPRINT_HEAD)
    {
      g_checksum_update (sum, bytes, (gssize) size);
      return TRUE;
    }
  g_checksum_update (sum, bytes, DIF_FINGERPRINT_HEAD);
  /* from the head on, the last one ends the file */
  room = size - DIF_FINGERPRINT_HEAD - MIN (size - DIF_FINGERPRINT_HEAD, DIF_FINGERPRINT_SAMPLE);
  for (guint i = 0; i < N_SAMPLES; i++)
    {
      gsize at = DIF_FINGERPRINT_HEAD + room * i / (N_SAMPLES - 1);

      g_checksum_update (sum, bytes + at, (gssize) MIN (DIF_FINGERPRINT_SAMPLE, size - at));
    }
  return TRUE;
}

char *
dif_fingerprint_of_file (const char *path, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  return dif_fingerprint_add_file (sum, path, error) ? g_strdup (g_checksum_get_string (sum))
                                                     : NULL;
}

static gboolean
add_part (GChecksum *sum, DifCheckpoint *c, const char *part, GError **error)
{
  g_autoptr (DifJson)    config  = dif_checkpoint_config (c, part, error);
  g_autoptr (DifWeights) weights = config ? dif_checkpoint_weights (c, part, error) : NULL;

  if (weights)
    dif_fingerprint_add (sum, part, config, weights);
  return weights != NULL;
}

char *
dif_fingerprint_of_checkpoint (DifCheckpoint *c, GError **error)
{
  /* in the order in which a pipeline loads them */
  static const char *const parts[] = { "text_encoder", "text_encoder_2", "unet", "vae",
                                       "depth_estimator" };
  const char              *klass   = dif_checkpoint_part_class (c, "scheduler");
  g_autoptr (GChecksum)    sum     = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (DifJson)      config  = NULL;

  if (! klass)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
                 "%s: expected a scheduler, found none", dif_checkpoint_path (c));
  config = klass ? dif_checkpoint_config (c, "scheduler", error) : NULL;
  if (! config)
    return NULL;
  dif_fingerprint_add (sum, klass, config, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (dif_checkpoint_part_class (c, parts[i]) && ! add_part (sum, c, parts[i], error))
      return NULL;
  return g_strdup (g_checksum_get_string (sum));
}
