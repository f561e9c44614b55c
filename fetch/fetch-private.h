/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fetch-private.h - what the files of fetch/ share. */
#ifndef DIF_FETCH_FETCH_PRIVATE_H
#define DIF_FETCH_FETCH_PRIVATE_H

#include "fetch/fetch.h"

G_BEGIN_DECLS

/* ---- http.c: one answer, with its redirections ---- */

/* Bytes of a body as they come; @offset is where they belong.  FALSE, with @error, ends it. */
typedef gboolean (*DifHttpSink) (guint64 offset, const guint8 *data, gsize n, gpointer user_data,
                                 GError **error);

/**
 * DifHttp:
 * @settings: whose token goes to whose endpoint
 * @cancellable: (nullable): ends it
 * @offset: first byte wanted
 * @sink: (nullable): takes the body of a good answer; NULL gathers it in @body
 * @sink_data: for @sink
 * @body: (transfer full): what was gathered, of at most a few MB
 * @headers: (transfer full): the last answer's, names in lower case
 * @total: size of the whole that the answer states, or G_MAXUINT64
 * @status: the last answer's status, 0 if there was none
 * @wait: seconds that a server asks to wait before the next try, or 0
 * @may_retry: whether another try might do better
 *
 * A request and its answer.  Begin with zeros, end with _dif_http_clear().
 */
typedef struct
{
  const DifFetchSettings *settings;
  GCancellable           *cancellable;
  guint64                 offset;
  DifHttpSink             sink;
  gpointer                sink_data;
  GByteArray             *body;
  GHashTable             *headers;
  guint64                 total;
  long                    status;
  guint                   wait;
  gboolean                may_retry;
} DifHttp;

/* Gets @address, over at most a few redirections, none from https to http.  One try.
 * Errors: DIF_FETCH_ERROR, of the sink, G_IO_ERROR_CANCELLED. */
gboolean _dif_http_get (DifHttp *http, const char *address, GError **error);

/* The same with tries, for small bodies. */
gboolean _dif_http_get_patiently (DifHttp *http, const char *address, GError **error);

/* Waits before try @i (from 1) as long as the server says, or twice as long each time. */
gboolean _dif_http_wait (const DifHttp *http, guint i, GError **error);

void _dif_http_clear (DifHttp *http);

/* ---- digest.c: the hashes that name files ---- */

typedef struct _DifDigest DifDigest;

/* For a file of @size bytes whose hash is @hash (its length tells the kind). */
DifDigest *_dif_digest_new (const char *hash, guint64 size);
void       _dif_digest_update (DifDigest *digest, const guint8 *data, gsize n);

/* Adds the first @n bytes of an open file. */
gboolean _dif_digest_file (DifDigest *digest, int fd, guint64 n, GCancellable *cancellable,
                           GError **error);

/* Whether all that was added has the hash; what it has instead goes to @found. */
gboolean _dif_digest_matches (DifDigest *digest, char **found);
void     _dif_digest_free (DifDigest *digest);

/* Sets @error to what errno says of @path; returns FALSE. */
gboolean _dif_fetch_fail_file (const char *path, GError **error);

/* Whether @hash is 40 or 64 lower-case hexadecimal digits. */
gboolean _dif_digest_is_hash (const char *hash);

/* ---- part.c: one file, resumed and verified ---- */

/* Adds to a count; @note says in one line why it waits, NULL that it goes on.  From any thread. */
typedef void (*DifPartFunc) (gint64 n_bytes, const char *note, gpointer user_data);

/**
 * DifPart:
 * @address: where it comes from
 * @partial: what has come of it, beside its place
 * @place: where it will be; nothing that is there is replaced
 * @lock: (nullable): a file that other programs lock meanwhile
 * @hash: (nullable): what it must have
 * @size: its bytes, or G_MAXUINT64 if nobody said
 * @func: called on every change; bytes may be negative, when it begins again
 * @user_data: for @func
 */
typedef struct
{
  const char *address, *partial, *place, *lock, *hash;
  guint64     size;
  DifPartFunc func;
  gpointer    user_data;
} DifPart;

/* Fetches it; afterwards @place is there, verified, and @partial is gone. */
gboolean _dif_part_fetch (const DifFetchSettings *settings, const DifPart *part,
                          GCancellable *cancellable, GError **error);

/* ---- select.c: which files of a repository are needed ---- */

/* Whether a server's @path may become a path here. */
gboolean _dif_select_is_safe (const char *path);

/* Those of @all that @pattern means or, without one, that the pipeline with @index needs.
 * Errors: DIF_FETCH_ERROR_CHOICE, naming what there is. */
GPtrArray *_dif_select_files (GPtrArray *all, DifJson *index, const char *variant,
                              const char *pattern, const char *repository, GError **error);

/* ---- hub.c: the server's words ---- */

DifFetchFile *_dif_fetch_file_new (const char *path, const char *hash, guint64 size);
void          _dif_fetch_file_free (gpointer file);

/* Where the repository's folder in the cache is. */
char *_dif_hub_folder (const DifFetchSettings *settings, const char *repository);

/* Paths of a blob below that folder, and of what has come of it. */
char *_dif_hub_blob (const char *folder, const char *hash, gboolean is_partial);

char *_dif_hub_address (const DifFetchSettings *settings, const DifFetchPlan *plan,
                        const DifFetchFile *file);

G_END_DECLS

#endif /* DIF_FETCH_FETCH_PRIVATE_H */
