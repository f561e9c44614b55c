/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* frame.h - how dif-engine and its clients cut a stream of bytes into messages.
 *
 * A frame is 12 bytes of lengths (header: u32, payload: u64, little endian), a
 * JSON object, and a payload of raw bytes, which are pixels.  The reader trusts
 * none of them: it never allocates much more than twice what has arrived,
 * whatever the lengths promise.  Payloads are read to where they stay.
 */
#ifndef DIF_ENGINE_FRAME_H
#define DIF_ENGINE_FRAME_H

#include "dif.h"

G_BEGIN_DECLS

/** DIF_FRAME_PREFIX: bytes before the header. */
#define DIF_FRAME_PREFIX 12u

/** DIF_FRAME_MAX_HEADER: two prompts of the greatest length, every byte escaped, fit. */
#define DIF_FRAME_MAX_HEADER (56u * 1000 * 1000)

/** DIF_FRAME_MAX_PAYLOAD: bytes; a picture of 8192 x 8192 pixels fits. */
#define DIF_FRAME_MAX_PAYLOAD (900u * 1000 * 1000)

/** DifFrame: one message; @payload may be NULL. */
typedef struct
{
  DifJson *header;
  GBytes  *payload;
} DifFrame;

/** DifFrameReader: the bytes of frames that are not complete yet. */
typedef struct _DifFrameReader DifFrameReader;

/**
 * dif_frame_free:
 * @frame: (nullable) (transfer full): a frame
 */
void dif_frame_free (DifFrame *frame);

/**
 * dif_frame_pack:
 * @header: an object
 * @n_payload: bytes that follow, at most %DIF_FRAME_MAX_PAYLOAD
 *
 * Returns: (transfer full): the frame's bytes up to the payload
 */
GBytes *dif_frame_pack (DifJson *header, gsize n_payload);

/**
 * dif_frame_reader_new:
 * @max_header: longest header accepted, in bytes
 * @max_payload: longest payload accepted, in bytes
 *
 * Returns: (transfer full): a reader
 */
DifFrameReader *dif_frame_reader_new (gsize max_header, gsize max_payload);

/**
 * dif_frame_reader_free:
 * @reader: (nullable) (transfer full): a reader
 */
void dif_frame_reader_free (DifFrameReader *reader);

/**
 * dif_frame_reader_allow:
 * @reader: a reader
 * @max_header: longest header accepted from now on, in bytes
 * @max_payload: longest payload accepted from now on, in bytes
 */
void dif_frame_reader_allow (DifFrameReader *reader, gsize max_header, gsize max_payload);

/**
 * dif_frame_reader_room:
 * @reader: a reader
 * @n: (out): how many bytes fit there, above 0
 *
 * Returns: (transfer none) (nullable): where the next bytes that arrive go; NULL
 * for want of memory
 */
guint8 *dif_frame_reader_room (DifFrameReader *reader, gsize *n);

/**
 * dif_frame_reader_filled:
 * @reader: a reader
 * @n: how many bytes are in dif_frame_reader_room() now
 */
void dif_frame_reader_filled (DifFrameReader *reader, gsize n);

/**
 * dif_frame_reader_feed:
 * @reader: a reader
 * @bytes: (array length=n): what arrived
 * @n: how many
 *
 * Copies them to where they go; for want of memory dif_frame_reader_next() fails.
 */
void dif_frame_reader_feed (DifFrameReader *reader, gconstpointer bytes, gsize n);

/**
 * dif_frame_reader_next:
 * @reader: a reader
 * @frame: (out) (nullable) (transfer full): the next complete frame, or NULL
 *   when more bytes are needed
 * @error: return location
 *
 * Errors: DIF_FORMAT_ERROR TOO_LARGE (a length beyond the limits), CORRUPT (the
 * header is no JSON object), DIF_BACKEND_ERROR OUT_OF_MEMORY; the stream is of no
 * use afterwards.
 *
 * Returns: FALSE on error
 */
gboolean dif_frame_reader_next (DifFrameReader *reader, DifFrame **frame, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifFrame, dif_frame_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifFrameReader, dif_frame_reader_free)

G_END_DECLS

#endif /* DIF_ENGINE_FRAME_H */
