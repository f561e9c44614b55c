/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fuzz-frame.c - any bytes as what the engine's peers say, taken as every kind of message. */
#include "engine/message.h"
#include "engine/picture.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define MAX_HEADER  4096
#define MAX_PAYLOAD 65536

static void
take_picture (DifFrame *frame)
{
  g_autoptr (GError)   failure = NULL;
  g_autoptr (DifImage) image   = dif_picture_unpack (frame, &failure);
  g_autoptr (DifFrame) again   = NULL;
  g_autoptr (DifImage) same    = NULL;
  gsize                n;

  g_assert_true ((image == NULL) == (failure != NULL));
  if (image == NULL)
    {
      g_assert_null (strchr (failure->message, '\n'));
      return;
    }
  again          = g_new0 (DifFrame, 1);
  again->header  = dif_message_new ("input");
  again->payload = dif_picture_pack (image, again->header, NULL);
  same           = dif_picture_unpack (again, NULL);
  g_assert_nonnull (same);
  n = (gsize) dif_image_width (image) * dif_image_height (image) * dif_image_channels (image);
  g_assert_cmpmem (dif_image_pixels (image), n * sizeof (float), dif_image_pixels (same),
                   n * sizeof (float));
}

static void
take_request (DifJson *header)
{
  DifJson               *member = dif_json_member (header, "request");
  g_autoptr (GError)     error  = NULL;
  g_autoptr (DifRequest) rq     = NULL;

  if (member == NULL)
    return;
  rq = dif_request_from_json (member, &error);
  g_assert_true ((rq == NULL) == (error != NULL));
}

static void
take_frame (DifFrame *frame)
{
  g_autoptr (GError) failure = dif_message_to_error (frame->header);
  DifProgress        progress;

  g_assert_nonnull (failure);
  g_assert_true (g_utf8_validate (failure->message, -1, NULL));
  if (dif_message_to_progress (frame->header, &progress))
    g_assert_true (progress.fraction >= 0.0 && progress.fraction <= 1.0);
  take_picture (frame);
  take_request (frame->header);
}

/* Returns: how many frames there are; fed in pieces of @piece bytes */
static guint
take_all (const guint8 *data, gsize size, gsize piece)
{
  g_autoptr (DifFrameReader) reader   = dif_frame_reader_new (MAX_HEADER, MAX_PAYLOAD);
  guint                      n_frames = 0;

  for (gsize at = 0; at < size; at += piece)
    {
      dif_frame_reader_feed (reader, data + at, MIN (piece, size - at));
      while (TRUE)
        {
          g_autoptr (DifFrame) frame   = NULL;
          g_autoptr (GError)   failure = NULL;

          if (! dif_frame_reader_next (reader, &frame, &failure))
            {
              g_assert_nonnull (failure);
              return n_frames;
            }
          if (frame == NULL)
            break;
          n_frames++;
          take_frame (frame);
        }
    }
  return n_frames;
}

int
LLVMFuzzerTestOneInput (const guint8 *data, size_t size)
{
  g_assert_cmpuint (take_all (data, size, MAX (size, 1)), ==, take_all (data, size, 7));
  return 0;
}
