/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* message.h - what dif-engine and its clients say to each other.
 *
 *   client                                   engine
 *   {"type":"hello","protocol":3}            {"type":"hello","protocol":3,"pid":…}
 *   {"type":"input","name":…,…} + pixels, …
 *   {"type":"run","request":{…}}             {"type":"progress",…}*
 *     with "preview_ms":…                    {"type":"preview",…} + bytes, … between them
 *                                            {"type":"picture","index":0,…} + pixels, …
 *                                            {"type":"plane","name":…,…} + pixels, …
 *                                            {"type":"done","seed":…}
 *   {"type":"cancel"}                        the run's error, CANCELLED, unless it ended before
 *   {"type":"status"}                        {"type":"status",…}
 *   {"type":"unload"}                        {"type":"unloaded","models":…,"weight_bytes":…}
 *   {"type":"ping"}                          {"type":"pong"}
 *   {"type":"quit"}                          {"type":"bye"}, then the end of the connection
 *
 * Instead of any answer: {"type":"error","domain":…,"code":…,"message":…}.
 * Inputs are the pictures that the next run starts from, by the names of its
 * parameters; planes are what a run found out besides its pictures, such as
 * depth; previews come only if "preview_ms" says how far apart they are to be at
 * least.  Messages and members that a receiver does not know are left alone, so
 * that either side can learn to say more; picture.h tells how pixels travel.  A
 * connection that ends cancels its run.
 */
#ifndef DIF_ENGINE_MESSAGE_H
#define DIF_ENGINE_MESSAGE_H

#include "dif.h"

G_BEGIN_DECLS

/** DIF_ENGINE_PROTOCOL: what this end speaks; raised where a peer may want to know. */
#define DIF_ENGINE_PROTOCOL 3

/** DIF_ENGINE_OLDEST: the oldest protocol that this end understands. */
#define DIF_ENGINE_OLDEST 3

/** DIF_ENGINE_MAX_IMAGES: more pictures in one answer are refused. */
#define DIF_ENGINE_MAX_IMAGES 4096u

/** DIF_ENGINE_MAX_INPUTS: more pictures for one run are refused; of planes, too. */
#define DIF_ENGINE_MAX_INPUTS 8u

/**
 * dif_message_new:
 * @type: such as "hello"
 *
 * Returns: (transfer full): an object with a "type"
 */
DifJson *dif_message_new (const char *type);

/**
 * dif_message_is:
 * @message: an object
 * @type: a type
 *
 * Returns: whether it is of that type; never fails
 */
gboolean dif_message_is (DifJson *message, const char *type);

/**
 * dif_message_from_error:
 * @failure: what went wrong
 *
 * Returns: (transfer full): an "error"
 */
DifJson *dif_message_from_error (const GError *failure);

/**
 * dif_message_to_error:
 * @message: an "error"
 *
 * Domains and codes that libdif documents come back as they were, any other
 * as G_IO_ERROR_FAILED.
 *
 * Returns: (transfer full): the error
 */
GError *dif_message_to_error (DifJson *message);

/**
 * dif_message_from_progress:
 * @progress: how far a run is
 *
 * Returns: (transfer full): a "progress"
 */
DifJson *dif_message_from_progress (const DifProgress *progress);

/**
 * dif_message_to_progress:
 * @message: a "progress"
 * @progress: (out): its content; the stage is interned
 *
 * Returns: FALSE if it is not a progress that makes sense
 */
gboolean dif_message_to_progress (DifJson *message, DifProgress *progress);

/**
 * dif_message_from_preview:
 * @preview: what a run's pictures are becoming
 *
 * Returns: (transfer full): a "preview", without its pixels
 */
DifJson *dif_message_from_preview (const DifPreview *preview);

/**
 * dif_message_to_preview:
 * @message: a "preview"
 * @payload: (nullable): what came with it
 * @preview: (out): its content; its pixels are @payload's
 *
 * Returns: FALSE if it is not a preview that makes sense
 */
gboolean dif_message_to_preview (DifJson *message, GBytes *payload, DifPreview *preview);

G_END_DECLS

#endif /* DIF_ENGINE_MESSAGE_H */
