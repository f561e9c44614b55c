/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine-frame.c - the engine's messages, whole, in pieces and broken. */
#include <string.h>

#include "engine/frame.h"
#include "engine/message.h"
#include "engine/picture.h"
#include "starve.h"

static DifFrameReader *
reader_with (gconstpointer bytes, gsize n)
{
  DifFrameReader *reader = dif_frame_reader_new (1000, 1000);

  dif_frame_reader_feed (reader, bytes, n);
  return reader;
}

static void
assert_refused (const char *header, guint32 n_header, guint64 n_payload, int code)
{
  guint8                     bytes[200] = { 0 };
  g_autoptr (GError)         failure    = NULL;
  g_autoptr (DifFrameReader) reader     = NULL;
  g_autoptr (DifFrame)       frame      = NULL;

  n_header  = GUINT32_TO_LE (n_header);
  n_payload = GUINT64_TO_LE (n_payload);
  memcpy (bytes, &n_header, 4);
  memcpy (bytes + 4, &n_payload, 8);
  memcpy (bytes + 12, header, strlen (header));
  reader = reader_with (bytes, 12 + strlen (header));
  g_assert_false (dif_frame_reader_next (reader, &frame, &failure));
  g_assert_error (failure, DIF_FORMAT_ERROR, code);
  g_assert_null (frame);
}

/* A frame as it travels. */
static GByteArray *
pack (DifJson *message, const char *payload)
{
  gsize              n      = payload ? strlen (payload) : 0;
  g_autoptr (GBytes) head   = dif_frame_pack (message, n);
  GByteArray        *packed = g_bytes_unref_to_array (g_bytes_ref (head));

  return n > 0 ? g_byte_array_append (packed, (const guint8 *) payload, (guint) n) : packed;
}

static void
test_round_trip (void)
{
  const char                *pixels  = "0123456789";
  g_autoptr (DifJson)        message = dif_message_new ("picture");
  g_autoptr (GByteArray)     packed  = pack (message, pixels);
  gsize                      n       = packed->len;
  const guint8              *bytes   = packed->data;
  g_autoptr (DifFrameReader) reader  = dif_frame_reader_new (1000, 1000);

  for (guint round = 0; round < 3; round++)
    {
      for (gsize i = 0; i < n; i++)
        {
          g_autoptr (DifFrame) frame = NULL;

          dif_frame_reader_feed (reader, bytes + i, 1);
          g_assert_true (dif_frame_reader_next (reader, &frame, NULL));
          g_assert_true ((frame != NULL) == (i == n - 1));
          if (frame == NULL)
            continue;
          g_assert_true (dif_message_is (frame->header, "picture"));
          g_assert_cmpmem (g_bytes_get_data (frame->payload, NULL),
                           g_bytes_get_size (frame->payload), pixels, 10);
        }
    }
}

static void
test_two_at_once (void)
{
  g_autoptr (DifJson)        message = dif_message_new ("ping");
  g_autoptr (GByteArray)     packed  = pack (message, NULL);
  gsize                      n       = packed->len;
  const guint8              *bytes   = packed->data;
  g_autoptr (DifFrameReader) reader  = reader_with (bytes, n);

  dif_frame_reader_feed (reader, bytes, n);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (DifFrame) frame = NULL;

      g_assert_true (dif_frame_reader_next (reader, &frame, NULL));
      g_assert_true ((frame != NULL) == (i < 2));
      if (frame != NULL)
        g_assert_null (frame->payload);
    }
}

/* A payload is read to where it stays: room is given in it, never more than it
 * lacks, and no more memory than twice what has arrived. */
static void
test_payload_in_place (void)
{
  const gsize                n_payload = 900 * 1000 * 1000;
  g_autoptr (DifJson)        message   = dif_message_new ("picture");
  g_autoptr (GBytes)         head      = dif_frame_pack (message, n_payload);
  g_autoptr (DifFrameReader) reader    = dif_frame_reader_new (1000, n_payload);
  g_autoptr (DifFrame)       frame     = NULL;
  gsize                      arrived   = 0;

  dif_frame_reader_feed (reader, g_bytes_get_data (head, NULL), g_bytes_get_size (head));
  while (arrived < 4 * 1000 * 1000)
    {
      gsize   room = 0;
      guint8 *to;

      g_assert_true (dif_frame_reader_next (reader, &frame, NULL));
      g_assert_null (frame);
      to = dif_frame_reader_room (reader, &room);
      g_assert_nonnull (to);
      g_assert_cmpuint (room, <=, MAX (arrived, 65536));
      memset (to, 7, room);
      dif_frame_reader_filled (reader, room);
      arrived += room;
    }
}

static void
test_refused (void)
{
  assert_refused ("{}", 1001, 0, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_refused ("{}", G_MAXUINT32, 0, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_refused ("{}", 2, 1001, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_refused ("{}", 2, G_MAXUINT64, DIF_FORMAT_ERROR_TOO_LARGE);
  assert_refused ("[]", 2, 0, DIF_FORMAT_ERROR_CORRUPT);
  assert_refused ("", 0, 0, DIF_FORMAT_ERROR_CORRUPT);
  assert_refused ("{\"a\":", 5, 0, DIF_FORMAT_ERROR_CORRUPT);
  assert_refused ("{}garbage", 9, 0, DIF_FORMAT_ERROR_CORRUPT);
  assert_refused ("\xff\xfe", 2, 0, DIF_FORMAT_ERROR_CORRUPT);
}

static void
test_types (void)
{
  const char *const texts[] = { "{}", "{\"type\":1}", "{\"type\":null}", "{\"type\":[]}" };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (DifJson) message = dif_json_parse (texts[i], strlen (texts[i]), "test", NULL);

      g_assert_nonnull (message);
      g_assert_false (dif_message_is (message, "run"));
      g_assert_true (dif_json_finish (message, NULL));
    }
}

static void
test_errors (void)
{
  const GQuark domains[] = { DIF_FORMAT_ERROR, DIF_MODEL_ERROR, DIF_BACKEND_ERROR,
                             DIF_REQUEST_ERROR, G_IO_ERROR, G_FILE_ERROR };

  for (guint i = 0; i < G_N_ELEMENTS (domains); i++)
    {
      for (int code = 0; code < 5; code++)
        {
          g_autoptr (GError)  sent    = g_error_new (domains[i], code, "a \"reason\" \xff");
          g_autoptr (DifJson) message = dif_message_from_error (sent);
          g_autoptr (GError)  got     = dif_message_to_error (message);

          g_assert_error (got, domains[i], code);
          g_assert_true (g_str_has_prefix (got->message, "a \"reason\" "));
          g_assert_true (g_utf8_validate (got->message, -1, NULL));
        }
    }
}

static void
test_foreign_errors (void)
{
  const char *const texts[] = {
    "{\"domain\":\"nobody-knows\",\"code\":1,\"message\":\"m\"}",
    "{\"domain\":\"g-io-error-quark\",\"code\":-1,\"message\":\"m\"}",
    "{\"domain\":7,\"code\":1,\"message\":\"m\"}",
    "{\"domain\":\"g-io-error-quark\",\"code\":\"x\"}",
    "{}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (DifJson) message = dif_json_parse (texts[i], strlen (texts[i]), "test", NULL);
      g_autoptr (GError)  got     = dif_message_to_error (message);

      g_assert_error (got, G_IO_ERROR, G_IO_ERROR_FAILED);
    }
}

static void
test_progress (void)
{
  const char *const broken[] = {
    "{\"stage\":\"juggle\",\"step\":1,\"n_steps\":2,\"fraction\":0.5}",
    "{\"stage\":\"load\",\"step\":3,\"n_steps\":2,\"fraction\":0.5}",
    "{\"stage\":\"load\",\"step\":1,\"n_steps\":0,\"fraction\":0.5}",
    "{\"stage\":\"load\",\"step\":-1,\"n_steps\":2,\"fraction\":0.5}",
    "{\"stage\":\"load\",\"step\":1,\"n_steps\":2,\"fraction\":1.5}",
    "{\"stage\":\"load\",\"step\":1,\"n_steps\":2,\"fraction\":NaN}",
    "{\"stage\":5}",
  };
  const DifProgress   sent    = { "denoise", 3, 20, 0.25, 7.5, 0.5 };
  g_autoptr (DifJson) message = dif_message_from_progress (&sent);
  DifProgress         got;

  g_assert_true (dif_message_to_progress (message, &got));
  g_assert_cmpstr (got.stage, ==, "denoise");
  g_assert_cmpuint (got.step, ==, 3);
  g_assert_cmpuint (got.n_steps, ==, 20);
  g_assert_cmpfloat (got.fraction, ==, 0.25);
  g_assert_cmpfloat (got.seconds_left, ==, 7.5);
  g_assert_cmpfloat (got.step_seconds, ==, 0.5);
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (DifJson) text = dif_json_parse (broken[i], strlen (broken[i]), "test", NULL);

      g_assert_false (dif_message_to_progress (text, &got));
    }
}

#define SIDE 200

/* A picture sent and received; NULL and an error when memory runs out on the way. */
static DifImage *
send_picture (DifImage *image, GError **error)
{
  g_autoptr (DifFrameReader) reader  = dif_frame_reader_new (1000, 10 * SIDE * SIDE);
  g_autoptr (DifJson)        message = dif_message_new ("input");
  g_autoptr (GBytes)         pixels  = dif_picture_pack (image, message, error);
  g_autoptr (GBytes)         head    = NULL;
  g_autoptr (DifFrame)       frame   = NULL;

  if (pixels == NULL)
    return NULL;
  head = dif_frame_pack (message, g_bytes_get_size (pixels));
  dif_frame_reader_feed (reader, g_bytes_get_data (head, NULL), g_bytes_get_size (head));
  if (! dif_frame_reader_next (reader, &frame, error))
    return NULL;
  g_assert_null (frame);
  dif_frame_reader_feed (reader, g_bytes_get_data (pixels, NULL), g_bytes_get_size (pixels));
  if (! dif_frame_reader_next (reader, &frame, error))
    return NULL;
  g_assert_nonnull (frame);
  return dif_picture_unpack (frame, error);
}

static void
test_starved (void)
{
  g_autoptr (DifImage) image = dif_image_new (SIDE, SIDE, 3, NULL);
  gboolean             was   = TRUE;
  guint                n;

  for (n = 1; was; n++)
    {
      g_autoptr (GError)   failure = NULL;
      g_autoptr (DifImage) found   = NULL;

      starve_begin (n);
      found = send_picture (image, &failure);
      was   = starve_end () >= n;
      if (was)
        {
          g_assert_null (found);
          g_assert_error (failure, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_OUT_OF_MEMORY);
          g_assert_null (strchr (failure->message, '\n'));
          continue;
        }
      g_assert_no_error (failure);
      g_assert_cmpmem (dif_image_pixels (found), SIDE * SIDE * 12, dif_image_pixels (image),
                       SIDE * SIDE * 12);
    }
  /* packing, the head, growing twice, unpacking */
  g_assert_cmpuint (n, >, 5);
}

static void
test_preview (void)
{
  static const char *const broken[] = {
    "{\"step\":0,\"n_steps\":2,\"n_images\":1,\"width\":2,\"height\":2}",
    "{\"step\":3,\"n_steps\":2,\"n_images\":1,\"width\":2,\"height\":2}",
    "{\"step\":1,\"n_steps\":2,\"n_images\":2,\"width\":2,\"height\":2}",
    "{\"step\":1,\"n_steps\":2,\"n_images\":1,\"width\":2,\"height\":3}",
    "{\"step\":1,\"n_steps\":2,\"n_images\":1,\"width\":0,\"height\":2}",
    "{\"step\":1,\"n_steps\":2,\"n_images\":4096,\"width\":32768,\"height\":32768}",
    "{\"step\":1,\"n_steps\":2,\"n_images\":1,\"width\":2}",
    "{}",
  };
  const guint8        bytes[24] = { 1, 2, 3 };
  g_autoptr (GBytes)  pixels = g_bytes_new (bytes, 12), more = g_bytes_new (bytes, 24);
  const DifPreview    sent    = { 3, 20, 2, 1, 4, bytes };
  g_autoptr (DifJson) message = dif_message_from_preview (&sent);
  DifPreview          got;

  g_assert_true (dif_message_is (message, "preview"));
  g_assert_true (dif_message_to_preview (message, more, &got));
  g_assert_cmpuint (got.step, ==, 3);
  g_assert_cmpuint (got.n_steps, ==, 20);
  g_assert_cmpuint (got.n_images, ==, 2);
  g_assert_cmpuint (got.width, ==, 1);
  g_assert_cmpuint (got.height, ==, 4);
  g_assert_cmpmem (got.pixels, 24, bytes, 24);
  g_assert_false (dif_message_to_preview (message, pixels, &got));
  g_assert_false (dif_message_to_preview (message, NULL, &got));
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autoptr (DifJson) text = dif_json_parse (broken[i], strlen (broken[i]), "test", NULL);

      g_assert_false (dif_message_to_preview (text, pixels, &got));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/frame/arrives-byte-by-byte", test_round_trip);
  g_test_add_func ("/engine/frame/two-arrive-at-once", test_two_at_once);
  g_test_add_func ("/engine/frame/refuses-hostile-lengths-and-headers", test_refused);
  g_test_add_func ("/engine/frame/payload-is-read-in-place", test_payload_in_place);
  g_test_add_func ("/engine/frame/the-nth-allocation-failing-is-one-error", test_starved);
  g_test_add_func ("/engine/message/asking-for-a-type-never-fails", test_types);
  g_test_add_func ("/engine/message/errors-come-back-as-they-were", test_errors);
  g_test_add_func ("/engine/message/foreign-errors-become-plain-failures", test_foreign_errors);
  g_test_add_func ("/engine/message/progress-that-makes-no-sense-is-refused", test_progress);
  g_test_add_func ("/engine/message/a-preview-that-makes-no-sense-is-refused", test_preview);
  return g_test_run ();
}
