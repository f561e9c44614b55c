/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* message.c - see message.h. */
#include "config.h"

#include "engine/message.h"
#include "engine/picture.h"

#define MAX_CODE 1000

static const char *const stages[] = { "wait", "load", "encode", "denoise", "decode" };

DifJson *
dif_message_new (const char *type)
{
  DifJson *message = dif_json_new_object ("engine message");

  dif_json_set_string (message, "type", type);
  return message;
}

gboolean
dif_message_is (DifJson *message, const char *type)
{
  DifJson *member = dif_json_member (message, "type");

  return member != NULL && dif_json_type (member) == DIF_JSON_STRING &&
         g_str_equal (dif_json_value_string (member), type);
}

DifJson *
dif_message_from_error (const GError *failure)
{
  DifJson         *message = dif_message_new ("error");
  g_autofree char *text    = g_utf8_make_valid (failure->message, -1);

  dif_json_set_string (message, "domain", g_quark_to_string (failure->domain));
  dif_json_set_double (message, "code", failure->code);
  dif_json_set_string (message, "message", text);
  return message;
}

GError *
dif_message_to_error (DifJson *message)
{
  const GQuark known[]  = { DIF_FORMAT_ERROR, DIF_MODEL_ERROR, DIF_BACKEND_ERROR,
                            DIF_REQUEST_ERROR, G_IO_ERROR, G_FILE_ERROR };
  const char  *domain   = dif_json_string (message, "domain", "");
  int          code     = (int) dif_json_int (message, "code", 0, 0, MAX_CODE);
  const char  *text     = dif_json_string (message, "message", "the engine failed");
  gboolean     is_sound = dif_json_finish (message, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    {
      if (is_sound && g_str_equal (domain, g_quark_to_string (known[i])))
        return g_error_new_literal (known[i], code, text);
    }
  return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_FAILED, text);
}

DifJson *
dif_message_from_progress (const DifProgress *progress)
{
  DifJson *message = dif_message_new ("progress");

  dif_json_set_string (message, "stage", progress->stage);
  dif_json_set_double (message, "step", progress->step);
  dif_json_set_double (message, "n_steps", progress->n_steps);
  dif_json_set_double (message, "fraction", progress->fraction);
  dif_json_set_double (message, "seconds_left", progress->seconds_left);
  dif_json_set_double (message, "step_seconds", progress->step_seconds);
  return message;
}

gboolean
dif_message_to_progress (DifJson *message, DifProgress *progress)
{
  const char *stage = dif_json_string (message, "stage", "");

  progress->stage        = NULL;
  progress->step         = (guint) dif_json_int (message, "step", 0, 0, G_MAXINT);
  progress->n_steps      = (guint) dif_json_int (message, "n_steps", 1, 1, G_MAXINT);
  progress->fraction     = dif_json_double (message, "fraction", 0.0);
  progress->seconds_left = dif_json_double (message, "seconds_left", -1.0);
  progress->step_seconds = dif_json_double (message, "step_seconds", -1.0);
  for (guint i = 0; i < G_N_ELEMENTS (stages); i++)
    {
      if (g_str_equal (stage, stages[i]))
        progress->stage = stages[i];
    }
  return dif_json_finish (message, NULL) && progress->stage != NULL &&
         progress->step <= progress->n_steps && progress->fraction >= 0.0 &&
         progress->fraction <= 1.0;
}

DifJson *
dif_message_from_preview (const DifPreview *preview)
{
  DifJson *message = dif_message_new ("preview");

  dif_json_set_double (message, "step", preview->step);
  dif_json_set_double (message, "n_steps", preview->n_steps);
  dif_json_set_double (message, "n_images", preview->n_images);
  dif_json_set_double (message, "width", preview->width);
  dif_json_set_double (message, "height", preview->height);
  return message;
}

gboolean
dif_message_to_preview (DifJson *message, GBytes *payload, DifPreview *preview)
{
  gsize n;

  preview->step     = (guint) dif_json_require_int (message, "step", 1, G_MAXINT);
  preview->n_steps  = (guint) dif_json_require_int (message, "n_steps", 1, G_MAXINT);
  preview->n_images = (guint) dif_json_require_int (message, "n_images", 1, DIF_ENGINE_MAX_IMAGES);
  preview->width    = (guint) dif_json_require_int (message, "width", 1, DIF_ENGINE_MAX_SIDE);
  preview->height   = (guint) dif_json_require_int (message, "height", 1, DIF_ENGINE_MAX_SIDE);
  if (! dif_json_finish (message, NULL) || payload == NULL || preview->step > preview->n_steps)
    return FALSE;
  preview->pixels = g_bytes_get_data (payload, &n);
  return n % ((gsize) preview->width * preview->height * 3) == 0 &&
         n / ((gsize) preview->width * preview->height * 3) == preview->n_images;
}
