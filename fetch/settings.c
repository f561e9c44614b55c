/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* settings.c - what the environment says about servers, tokens and folders.
 *
 * Source: huggingface_hub's constants.py; the hub's public address stands here and nowhere else.
 */
#include <curl/curl.h>
#include <string.h>

#include "base/hub-cache.h"
#include "fetch/fetch-private.h"

#define PUBLIC_ENDPOINT "https://huggingface.co"
#define MAX_TOKEN       4096

static const char *
environment (const char *name)
{
  const char *value = g_getenv (name);

  return value && *value ? value : NULL;
}

static gboolean
is_on (const char *name)
{
  const char *value = environment (name);

  return value && (g_ascii_strcasecmp (value, "1") == 0 || g_ascii_strcasecmp (value, "on") == 0 ||
                   g_ascii_strcasecmp (value, "yes") == 0 ||
                   g_ascii_strcasecmp (value, "true") == 0);
}

static char *
home_folder (void)
{
  const char *home = environment ("HF_HOME");

  return home ? g_strdup (home) : g_build_filename (g_get_user_cache_dir (), "huggingface", NULL);
}

/* A line that would end a header early is no token. */
static char *
check_token (char *token)
{
  g_strstrip (token);
  for (const char *p = token; *p; p++)
    if ((unsigned char) *p <= 0x20 || (unsigned char) *p >= 0x7f)
      *token = '\0';
  if (*token)
    return token;
  g_free (token);
  return NULL;
}

static char *
find_token (void)
{
  const char      *named = environment ("HF_TOKEN");
  const char      *path  = environment ("HF_TOKEN_PATH");
  g_autofree char *home  = home_folder ();
  g_autofree char *file  = path ? g_strdup (path) : g_build_filename (home, "token", NULL);
  char            *text  = NULL;
  gsize            size;

  if (! named)
    named = environment ("HUGGING_FACE_HUB_TOKEN");
  if (named)
    return check_token (g_strdup (named));
  if (is_on ("HF_HUB_DISABLE_IMPLICIT_TOKEN") || ! g_file_get_contents (file, &text, &size, NULL))
    return NULL;
  if (size > MAX_TOKEN)
    *text = '\0';
  return check_token (text);
}

DifFetchSettings *
dif_fetch_settings_new (void)
{
  static gsize      is_ready = 0;
  DifFetchSettings *settings = g_new0 (DifFetchSettings, 1);
  const char       *endpoint = environment ("HF_ENDPOINT");

  if (g_once_init_enter (&is_ready))
    {
      curl_global_init (CURL_GLOBAL_DEFAULT);
      g_once_init_leave (&is_ready, 1);
    }
  settings->endpoint = g_strdup (endpoint ? endpoint : PUBLIC_ENDPOINT);
  while (g_str_has_suffix (settings->endpoint, "/"))
    settings->endpoint[strlen (settings->endpoint) - 1] = '\0';
  settings->token      = find_token ();
  settings->cache      = dif_hub_cache_folder ();
  settings->is_offline = is_on ("HF_HUB_OFFLINE") || is_on ("TRANSFORMERS_OFFLINE");
  settings->timeout    = 30;
  settings->n_tries    = 5;
  settings->n_parallel = 4;
  return settings;
}

void
dif_fetch_settings_free (DifFetchSettings *settings)
{
  if (! settings)
    return;
  g_free (settings->endpoint);
  g_free (settings->token);
  g_free (settings->cache);
  g_free (settings);
}
