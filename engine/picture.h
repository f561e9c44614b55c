/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* picture.h - pictures as they travel between dif-engine and its clients.
 *
 * A frame's header describes them ("width", "height", "channels" and "format"),
 * its payload holds the rows without gaps.  "u8" is one byte a value, as files
 * have them; "f32" a float in [0, 1] in the machine's byte order.
 */
#ifndef DIF_ENGINE_PICTURE_H
#define DIF_ENGINE_PICTURE_H

#include "engine/frame.h"

G_BEGIN_DECLS

/** DIF_ENGINE_MAX_SIDE: wider or higher pictures are refused, in pixels. */
#define DIF_ENGINE_MAX_SIDE 32768u

/**
 * dif_picture_pack:
 * @image: a picture
 * @header: gets the four members
 * @error: return location
 *
 * Travels as "u8" where no value is lost by it.
 *
 * Errors: DIF_BACKEND_ERROR OUT_OF_MEMORY; DIF_FORMAT_ERROR TOO_LARGE for a
 * picture beyond %DIF_FRAME_MAX_PAYLOAD.
 *
 * Returns: (transfer full) (nullable): the payload; it may refer to @image
 */
GBytes *dif_picture_pack (DifImage *image, DifJson *header, GError **error);

/**
 * dif_picture_unpack:
 * @frame: whatever arrived
 * @error: return location
 *
 * Of two or four channels the last is alpha and left out, as diffusers leaves
 * it out.
 *
 * Errors: DIF_FORMAT_ERROR BAD_VALUE (members missing or out of range, a
 * payload of another size), DIF_BACKEND_ERROR OUT_OF_MEMORY.
 *
 * Returns: (transfer full) (nullable): the picture
 */
DifImage *dif_picture_unpack (DifFrame *frame, GError **error);

G_END_DECLS

#endif /* DIF_ENGINE_PICTURE_H */
