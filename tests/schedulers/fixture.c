/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fixture.c - loading what diffusers computed, and running schedulers on it. */
#include "fixture.h"

#include <math.h>
#include <string.h>

void
stage_open (Stage *stage)
{
  g_autoptr (GError) error = NULL;

  stage->backend = dif_backend_open ("ref", &error);
  g_assert_no_error (error);
  stage->cx = dif_context_new (stage->backend, DIF_F32);
}

void
stage_close (Stage *stage)
{
  dif_context_free (stage->cx);
  g_assert_cmpuint (stage->backend->live_bytes, ==, 0);
  dif_backend_unref (stage->backend);
}

DifJson *
fixture_load (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char   *path  = g_build_filename (g_getenv ("DIF_FIXTURES"), name, NULL);
  DifJson           *json  = dif_json_load (path, &error);

  g_assert_no_error (error);
  return json;
}

double
fixture_number (DifJson *node)
{
  if (dif_json_type (node) == DIF_JSON_STRING)
    return g_ascii_strtod (dif_json_value_string (node), NULL);
  return dif_json_value_double (node);
}

float *
fixture_floats (DifJson *node, const char *key, guint *n)
{
  DifJson *list = key ? dif_json_member (node, key) : node;
  float   *out;

  g_assert_nonnull (list);
  *n  = dif_json_length (list);
  out = g_new (float, *n + 1);
  for (guint i = 0; i < *n; i++)
    out[i] = (float) fixture_number (dif_json_at (list, i));
  return out;
}

DifScheduler *
new_scheduler (const char *name, const char *config)
{
  g_autoptr (GError)  error = NULL;
  g_autoptr (DifJson) json =
      config ? dif_json_parse (config, strlen (config), "config", &error) : NULL;
  DifScheduler *s;

  g_assert_no_error (error);
  s = dif_scheduler_new (name, json, &error);
  g_assert_no_error (error);
  return s;
}

void
set_timesteps (DifScheduler *s, guint n)
{
  g_autoptr (GError) error = NULL;

  dif_scheduler_set_timesteps (s, n, &error);
  g_assert_no_error (error);
}
