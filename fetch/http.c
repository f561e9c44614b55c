/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* http.c - one answer of a server, by libcurl.
 *
 * libcurl follows proxies (http_proxy, no_proxy …) and the system's certificates by itself and
 * needs
 * no main loop; redirections are followed here, so that the token leaves with the first of them
 * that goes to another server, and none goes from https to http.
 */
#include <curl/curl.h>
#include <string.h>

#include "fetch/fetch-private.h"

#define MAX_HOPS        8
#define MAX_BODY        (64u * 1024 * 1024)
#define MAX_HEADERS     200
#define CONNECT_SECONDS 15L
#define MAX_WAIT        300u

G_DEFINE_QUARK (dif-fetch-error-quark, dif_fetch_error)

typedef struct
{
  DifHttp *http;
  CURL    *curl;
  GError  *error;
  guint64  at;
  long     status;
} Call;

void
_dif_http_clear (DifHttp *http)
{
  g_clear_pointer (&http->body, g_byte_array_unref);
  g_clear_pointer (&http->headers, g_hash_table_unref);
}

/* ---- what libcurl calls ---- */

static const char *
header (const DifHttp *http, const char *name)
{
  return g_hash_table_lookup (http->headers, name);
}

static size_t
take_header (char *data, size_t size, size_t n, void *user_data)
{
  Call            *call = user_data;
  g_autofree char *line = g_strndup (data, size * n);
  char            *colon;

  /* an answer before the last one, such as a proxy's, is over */
  if (g_str_has_prefix (line, "HTTP/"))
    g_hash_table_remove_all (call->http->headers);
  colon = strchr (line, ':');
  if (colon && g_hash_table_size (call->http->headers) < MAX_HEADERS)
    {
      *colon = '\0';
      g_hash_table_insert (call->http->headers, g_ascii_strdown (line, -1),
                           g_strdup (g_strstrip (colon + 1)));
    }
  return size * n;
}

/* Where the body's bytes belong: what was asked for, unless the server sends all. */
static gboolean
find_place (Call *call)
{
  DifHttp    *http  = call->http;
  const char *range = header (http, "content-range");
  guint64     first = 0;

  if (call->status != 206)
    return TRUE;
  if (range && g_ascii_strncasecmp (range, "bytes ", 6) == 0)
    first = g_ascii_strtoull (range + 6, NULL, 10);
  if (! range || first != http->offset)
    {
      g_set_error (&call->error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SERVER,
                   "expected bytes from %" G_GUINT64_FORMAT " on, found \"%.60s\"", http->offset,
                   range ? range : "no Content-Range");
      return FALSE;
    }
  call->at = first;
  return TRUE;
}

static size_t
take_body (char *data, size_t size, size_t n, void *user_data)
{
  Call    *call  = user_data;
  DifHttp *http  = call->http;
  gboolean first = call->status == 0;

  if (first)
    {
      curl_easy_getinfo (call->curl, CURLINFO_RESPONSE_CODE, &call->status);
      if (! find_place (call))
        return 0;
    }
  if (http->sink && (call->status == 200 || call->status == 206))
    {
      if (! http->sink (call->at, (const guint8 *) data, size * n, http->sink_data, &call->error))
        return 0;
      call->at += size * n;
      return size * n;
    }
  if (http->body->len + size * n > MAX_BODY)
    {
      g_set_error (&call->error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SERVER,
                   "expected an answer of at most %u bytes, found more", MAX_BODY);
      return 0;
    }
  g_byte_array_append (http->body, (const guint8 *) data, (guint) (size * n));
  return size * n;
}

static int
take_progress (void *user_data, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up)
{
  return g_cancellable_is_cancelled (((Call *) user_data)->http->cancellable);
}

/* ---- one request ---- */

static gboolean
is_origin (const char *address, const char *endpoint)
{
  g_autoptr (GUri) a = g_uri_parse (address, G_URI_FLAGS_NONE, NULL);
  g_autoptr (GUri) b = g_uri_parse (endpoint, G_URI_FLAGS_NONE, NULL);

  return a && b && g_strcmp0 (g_uri_get_scheme (a), g_uri_get_scheme (b)) == 0 &&
         g_strcmp0 (g_uri_get_host (a), g_uri_get_host (b)) == 0 &&
         g_uri_get_port (a) == g_uri_get_port (b);
}

static void
set_options (Call *call, const char *address, struct curl_slist *headers, char *message)
{
  const DifHttp *http = call->http;
  CURL          *curl = call->curl;
  char           range[32];

  curl_easy_setopt (curl, CURLOPT_URL, address);
  curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, message);
  curl_easy_setopt (curl, CURLOPT_USERAGENT, "gimp-diffusion");
  curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt (curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt (curl, CURLOPT_LOW_SPEED_TIME, (long) http->settings->timeout);
  curl_easy_setopt (curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt (curl, CURLOPT_HEADERDATA, call);
  curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt (curl, CURLOPT_WRITEDATA, call);
  curl_easy_setopt (curl, CURLOPT_XFERINFOFUNCTION, take_progress);
  curl_easy_setopt (curl, CURLOPT_XFERINFODATA, call);
  curl_easy_setopt (curl, CURLOPT_NOPROGRESS, 0L);
  if (http->offset > 0)
    {
      g_snprintf (range, sizeof range, "%" G_GUINT64_FORMAT "-", http->offset);
      curl_easy_setopt (curl, CURLOPT_RANGE, range);
    }
}

/* What libcurl made of the request, as an error; TRUE if there is an answer. */
static gboolean
judge_transfer (Call *call, CURLcode code, const char *address, const char *message, GError **error)
{
  DifHttp *http = call->http;

  curl_easy_getinfo (call->curl, CURLINFO_RESPONSE_CODE, &call->status);
  if (g_cancellable_set_error_if_cancelled (http->cancellable, error))
    return FALSE;
  if (call->error)
    {
      g_propagate_prefixed_error (error, g_steal_pointer (&call->error), "%s: ", address);
      return FALSE;
    }
  if (code == CURLE_OK)
    return TRUE;
  /* What a slower line or a later moment may mend; a wrong certificate is none of it. */
  http->may_retry = code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT ||
                    code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR ||
                    code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
                    code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_HTTP2 ||
                    code == CURLE_HTTP2_STREAM;
  g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_NETWORK, "%s: %s", address,
               *message ? message : curl_easy_strerror (code));
  return FALSE;
}

/* One request without redirections. */
static gboolean
perform (DifHttp *http, const char *address, GError **error)
{
  char               message[CURL_ERROR_SIZE] = "";
  Call               call                     = { .http = http, .curl = curl_easy_init () };
  struct curl_slist *headers                  = NULL;
  gboolean           done                     = FALSE;

  headers = curl_slist_append (NULL, "Accept-Encoding: identity");
  g_clear_pointer (&http->body, g_byte_array_unref);
  g_clear_pointer (&http->headers, g_hash_table_unref);
  http->body      = g_byte_array_new ();
  http->headers   = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  http->may_retry = FALSE;
  http->wait      = 0;
  http->status    = 0;
  if (http->settings->token && is_origin (address, http->settings->endpoint))
    {
      g_autofree char *line = g_strconcat ("Authorization: Bearer ", http->settings->token, NULL);

      headers = curl_slist_append (headers, line);
    }
  if (! call.curl)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "%s: no memory", address);
  else
    {
      set_options (&call, address, headers, message);
      done = judge_transfer (&call, curl_easy_perform (call.curl), address, message, error);
    }
  http->status = call.status;
  curl_slist_free_all (headers);
  if (call.curl)
    curl_easy_cleanup (call.curl);
  return done;
}

/* ---- answers ---- */

/* One line of what a server says, for a message. */
static char *
one_line (const char *text)
{
  char *line = g_utf8_make_valid (text, MIN (strlen (text), 200));

  for (char *p = line; *p; p++)
    if ((unsigned char) *p < 0x20 || *p == 0x7f)
      *p = ' ';
  return g_strstrip (line);
}

static gboolean
judge_refusal (DifHttp *http, const char *address, GError **error)
{
  long             status  = http->status;
  const char      *code    = header (http, "x-error-code");
  const char      *words   = header (http, "x-error-message");
  const char      *after   = header (http, "retry-after");
  g_autofree char *message = one_line (words ? words : code ? code
                                                            : "no reason given");
  DifFetchError    kind    = DIF_FETCH_ERROR_SERVER;
  const char      *advice  = "";

  if (status == 401 || status == 403)
    {
      kind   = DIF_FETCH_ERROR_FORBIDDEN;
      advice = g_strcmp0 (code, "GatedRepo") == 0
                   ? "; its owner wants conditions accepted on its page first, and HF_TOKEN set"
                   : "; it does not exist, or HF_TOKEN must be that of somebody who may read it";
    }
  else if (status == 404 || status == 410)
    kind = DIF_FETCH_ERROR_NOT_FOUND;
  http->may_retry = status == 408 || status == 429 || (status >= 500 && status != 501);
  if (http->may_retry && after)
    http->wait = (guint) MIN (g_ascii_strtoull (after, NULL, 10), MAX_WAIT + 1);
  if (http->wait > MAX_WAIT)
    {
      http->may_retry = FALSE;
      advice          = "; it wants to be left alone for more than five minutes";
    }
  g_set_error (error, DIF_FETCH_ERROR, kind, "%s: the server answers %ld: %s%s", address, status,
               message, advice);
  return FALSE;
}

/* The whole's size, from whichever header states it. */
static guint64
stated_size (const DifHttp *http)
{
  const char *range  = header (http, "content-range");
  const char *slash  = range ? strrchr (range, '/') : NULL;
  const char *length = header (http, "content-length");

  if (http->status == 206 && slash && g_ascii_isdigit (slash[1]))
    return g_ascii_strtoull (slash + 1, NULL, 10);
  return http->status == 200 && length ? g_ascii_strtoull (length, NULL, 10) : G_MAXUINT64;
}

/* The next address of a redirection; NULL with an error if it leads nowhere good. */
static char *
next_address (const DifHttp *http, const char *address, GError **error)
{
  const char      *location = header (http, "location");
  g_autofree char *next     = NULL;

  next = location ? g_uri_resolve_relative (address, location, G_URI_FLAGS_NONE, error) : NULL;
  if (! next)
    {
      g_clear_error (error);
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SERVER,
                   "%s: expected where it has moved to, found no address", address);
      return NULL;
    }
  if (! g_str_has_prefix (next, "https://") &&
      (! g_str_has_prefix (next, "http://") || ! g_str_has_prefix (address, "http://")))
    {
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SERVER,
                   "%s: expected to be sent to a safe address, found \"%.100s\"", address, next);
      return NULL;
    }
  return g_steal_pointer (&next);
}

gboolean
_dif_http_get (DifHttp *http, const char *address, GError **error)
{
  g_autofree char *now = g_strdup (address);

  if (http->settings->is_offline)
    {
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_OFFLINE,
                   "%s: not asked for, since HF_HUB_OFFLINE is set", address);
      return FALSE;
    }
  if (! g_str_has_prefix (address, "http://") && ! g_str_has_prefix (address, "https://"))
    {
      g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_CHOICE,
                   "%s: expected an address that begins with https:// or http://", address);
      return FALSE;
    }
  for (guint hop = 0; hop < MAX_HOPS; hop++)
    {
      char *next;

      if (! perform (http, now, error))
        return FALSE;
      if (http->status / 100 != 3 || http->status == 304)
        {
          http->total = stated_size (http);
          return http->status == 200 || http->status == 206 || judge_refusal (http, now, error);
        }
      next = next_address (http, now, error);
      if (! next)
        return FALSE;
      g_free (now);
      now = next;
    }
  g_set_error (error, DIF_FETCH_ERROR, DIF_FETCH_ERROR_SERVER,
               "%s: expected at most %d redirections, found more", address, MAX_HOPS);
  return FALSE;
}

gboolean
_dif_http_wait (const DifHttp *http, guint i, GError **error)
{
  gint64 seconds = http->wait ? (gint64) http->wait : (gint64) 1 << MIN (i, 5);
  gint64 until   = g_get_monotonic_time () + seconds * G_USEC_PER_SEC / (http->wait ? 1 : 4);

  while (g_get_monotonic_time () < until)
    {
      if (g_cancellable_set_error_if_cancelled (http->cancellable, error))
        return FALSE;
      g_usleep (50000);
    }
  return TRUE;
}

gboolean
_dif_http_get_patiently (DifHttp *http, const char *address, GError **error)
{
  for (guint i = 1;; i++)
    {
      g_autoptr (GError) failure = NULL;

      if (_dif_http_get (http, address, &failure))
        return TRUE;
      if (! http->may_retry || i >= http->settings->n_tries)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return FALSE;
        }
      if (! _dif_http_wait (http, i, error))
        return FALSE;
    }
}
