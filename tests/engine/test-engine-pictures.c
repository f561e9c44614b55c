/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-engine-pictures.c - pictures on their way to the engine and back, whole and broken. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "engine/message.h"
#include "engine/picture.h"
#include "engine/socket-dir.h"
#include "tests/engine/harness.h"

#define HELLO  "{\"type\":\"hello\",\"protocol\":3}"
#define WIDTH  37
#define HEIGHT 19

static DifImage *
picture (guint channels, gboolean is_8bit)
{
  float     values[WIDTH * HEIGHT * 3];
  DifImage *image;

  for (guint i = 0; i < WIDTH * HEIGHT * channels; i++)
    values[i] = is_8bit ? (float) (i % 256) / 255 : (float) (i % 1000) / 999;
  image = dif_image_new (WIDTH, HEIGHT, channels, values);
  g_assert_nonnull (image);
  g_assert_true (dif_image_is_8bit (image) == is_8bit);
  return image;
}

static void
assert_same (DifImage *a, DifImage *b)
{
  gsize n = (gsize) dif_image_width (a) * dif_image_height (a) * dif_image_channels (a);

  g_assert_nonnull (b);
  g_assert_cmpuint (dif_image_width (a), ==, dif_image_width (b));
  g_assert_cmpuint (dif_image_height (a), ==, dif_image_height (b));
  g_assert_cmpuint (dif_image_channels (a), ==, dif_image_channels (b));
  g_assert_true (dif_image_is_8bit (a) == dif_image_is_8bit (b));
  g_assert_cmpmem (dif_image_pixels (a), n * sizeof (float), dif_image_pixels (b),
                   n * sizeof (float));
}

/* A frame as it would have arrived. */
static DifFrame *
frame_of (const char *header, gconstpointer payload, gsize n_payload)
{
  DifFrame *frame = g_new0 (DifFrame, 1);

  frame->header = dif_json_parse (header, strlen (header), "engine message", NULL);
  g_assert_nonnull (frame->header);
  if (n_payload > 0)
    frame->payload = g_bytes_new (payload, n_payload);
  return frame;
}

static DifFrame *
frame_of_size (guint width, guint height, guint channels, const char *format,
               gconstpointer payload, gsize n_payload)
{
  g_autofree char *text = g_strdup_printf (
      "{\"width\":%u,\"height\":%u,\"channels\":%u,\"format\":\"%s\"}", width, height, channels,
      format);

  return frame_of (text, payload, n_payload);
}

static void
test_round_trip (void)
{
  for (guint channels = 1; channels <= 3; channels += 2)
    {
      for (guint is_8bit = 0; is_8bit < 2; is_8bit++)
        {
          g_autoptr (DifImage) sent    = picture (channels, is_8bit != 0);
          g_autoptr (DifImage) got     = NULL;
          g_autoptr (DifFrame) frame   = g_new0 (DifFrame, 1);
          g_autoptr (GError)   failure = NULL;

          frame->header  = dif_message_new ("input");
          frame->payload = dif_picture_pack (sent, frame->header, &failure);
          g_assert_no_error (failure);
          g_assert_cmpuint (g_bytes_get_size (frame->payload), ==,
                            WIDTH * HEIGHT * channels * (is_8bit != 0 ? 1 : 4));
          got = dif_picture_unpack (frame, &failure);
          g_assert_no_error (failure);
          assert_same (sent, got);
        }
    }
}

static void
test_alpha (void)
{
  const guint8 bytes[]  = { 10, 20, 30, 40, 50, 60, 70, 80 };
  const float  floats[] = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f };

  for (guint n = 2; n <= 4; n += 2)
    {
      g_autoptr (DifFrame) a        = frame_of_size (8 / n, 1, n, "u8", bytes, sizeof bytes);
      g_autoptr (DifFrame) b        = frame_of_size (8 / n, 1, n, "f32", floats, sizeof floats);
      g_autoptr (DifImage) whole    = dif_picture_unpack (a, NULL);
      g_autoptr (DifImage) floating = dif_picture_unpack (b, NULL);

      g_assert_nonnull (whole);
      g_assert_nonnull (floating);
      g_assert_cmpuint (dif_image_channels (whole), ==, n - 1);
      g_assert_cmpuint (dif_image_channels (floating), ==, n - 1);
      g_assert_cmpfloat (dif_image_pixels (whole)[n - 1], ==, (float) bytes[n] / 255);
      g_assert_cmpfloat (dif_image_pixels (floating)[n - 1], ==, floats[n]);
    }
}

static void
test_strange_floats (void)
{
  const float          floats[] = { NAN, INFINITY, -INFINITY, 1e30f, -0.5f, 2.0f };
  const float          wanted[] = { 0, 1, 0, 1, 0, 1 };
  g_autoptr (DifFrame) frame    = frame_of_size (2, 1, 3, "f32", floats, sizeof floats);
  g_autoptr (DifImage) image    = dif_picture_unpack (frame, NULL);

  g_assert_nonnull (image);
  g_assert_cmpmem (dif_image_pixels (image), sizeof wanted, wanted, sizeof wanted);
}

static void
test_refused (void)
{
  static const char *const headers[] = {
    "{}",
    "{\"width\":4,\"height\":1,\"channels\":1}",
    "{\"width\":4,\"height\":1,\"channels\":1,\"format\":\"u16\"}",
    "{\"width\":4,\"height\":1,\"channels\":1,\"format\":8}",
    "{\"width\":4,\"height\":1,\"channels\":0,\"format\":\"u8\"}",
    "{\"width\":4,\"height\":1,\"channels\":5,\"format\":\"u8\"}",
    "{\"width\":0,\"height\":1,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":4,\"height\":-1,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":4.5,\"height\":1,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":5,\"height\":1,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":3,\"height\":1,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":4,\"height\":1,\"channels\":1,\"format\":\"f32\"}",
    "{\"width\":4294967297,\"height\":4,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":32768,\"height\":32768,\"channels\":4,\"format\":\"f32\"}",
    "{\"width\":32769,\"height\":1,\"channels\":1,\"format\":\"u8\"}",
    "{\"width\":[4],\"height\":{},\"channels\":null,\"format\":\"u8\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      for (gsize n = 0; n <= 4; n += 4)
        {
          g_autoptr (DifFrame) frame   = frame_of (headers[i], "abcd", n);
          g_autoptr (GError)   failure = NULL;

          g_assert_null (dif_picture_unpack (frame, &failure));
          g_assert_nonnull (failure);
          g_assert_true (failure->domain == DIF_FORMAT_ERROR);
          g_assert_null (strchr (failure->message, '\n'));
        }
    }
}

/* What the engine was given comes back as planes. */
static void
test_echo (void)
{
  g_autoptr (DifImage)   image   = NULL;
  g_autoptr (DifImage)   mask    = NULL;
  g_autoptr (DifRequest) rq      = NULL;
  g_autoptr (DifResult)  result  = NULL;
  g_autoptr (GError)     failure = NULL;

  harness_begin ();
  image = picture (3, FALSE);
  mask  = picture (1, TRUE);
  rq    = dif_request_new ("inpaint", NULL);
  g_assert_true (dif_request_set (rq, "model", harness_model (), NULL));
  g_assert_true (dif_request_set (rq, "prompt", "echo", NULL));
  g_assert_true (dif_request_set_image (rq, "image", image, NULL));
  g_assert_true (dif_request_set_image (rq, "mask", mask, NULL));
  result = dif_engine_run (rq, NULL, NULL, NULL, &failure);
  g_assert_no_error (failure);
  assert_same (image, dif_result_plane (result, "image"));
  assert_same (mask, dif_result_plane (result, "mask"));
  g_assert_null (dif_result_plane (result, "depth"));
  harness_end ();
}

/* Far more than a socket holds, so that sending has to wait. */
static void
test_large (void)
{
  const guint            side    = 2048;
  g_autofree float      *values  = g_new (float, (gsize) side *side * 3);
  g_autoptr (DifImage)   image   = NULL;
  g_autoptr (DifRequest) rq      = NULL;
  g_autoptr (DifResult)  result  = NULL;
  g_autoptr (GError)     failure = NULL;

  harness_begin ();
  for (gsize i = 0; i < (gsize) side * side * 3; i++)
    values[i] = (float) (i % 65521) / 65520;
  image = dif_image_new (side, side, 3, values);
  rq    = dif_request_new ("img2img", NULL);
  g_assert_true (dif_request_set (rq, "model", harness_model (), NULL));
  g_assert_true (dif_request_set (rq, "prompt", "echo", NULL));
  g_assert_true (dif_request_set_image (rq, "image", image, NULL));
  result = dif_engine_run (rq, NULL, NULL, NULL, &failure);
  g_assert_no_error (failure);
  assert_same (image, dif_result_plane (result, "image"));
  harness_end ();
}

static int
greeted (DifFrameReader *reader)
{
  int                 fd    = harness_connect ();
  g_autoptr (DifJson) hello = NULL;

  harness_send (fd, HELLO);
  hello = harness_receive (fd, reader);
  g_assert_true (dif_message_is (hello, "hello"));
  return fd;
}

static void
assert_answer (int fd, DifFrameReader *reader, const char *type)
{
  g_autoptr (DifJson) answer = harness_receive (fd, reader);

  g_assert_nonnull (answer);
  g_assert_true (dif_message_is (answer, type));
}

static void
send_input (int fd, const char *name)
{
  g_autofree char *text = g_strdup_printf ("{\"type\":\"input\",\"name\":\"%s\",\"width\":2,"
                                           "\"height\":2,\"channels\":1,\"format\":\"u8\"}",
                                           name);

  harness_send_frame (fd, text, "abcd", 4);
}

static void
send_run (int fd, const char *task, guint n_steps)
{
  g_autofree char *text = g_strdup_printf (
      "{\"type\":\"run\",\"request\":{\"task\":\"%s\",\"model\":\"%s\",\"steps\":%u}}", task,
      harness_model (), n_steps);

  harness_send (fd, text);
}

static void
test_hostile_inputs (void)
{
  g_autoptr (DifFrameReader) reader = NULL;
  int                        fd;

  harness_begin ();
  harness_run ("first", 1);
  reader = dif_frame_reader_new (DIF_FRAME_MAX_HEADER, DIF_FRAME_MAX_PAYLOAD);
  fd     = greeted (reader);
  for (guint i = 0; i < DIF_ENGINE_MAX_INPUTS; i++)
    {
      g_autofree char *name = g_strdup_printf ("input-%u", i);

      send_input (fd, name);
    }
  send_input (fd, "one-too-many");
  assert_answer (fd, reader, "error");
  send_input (fd, "image");
  send_input (fd, "image");
  assert_answer (fd, reader, "error");
  send_input (fd, "image");
  send_run (fd, "txt2img", 1); /* which takes no image */
  assert_answer (fd, reader, "error");
  harness_send_frame (fd, "{\"type\":\"ping\"}", "abcd", 4);
  assert_answer (fd, reader, "pong"); /* pixels that nobody asked for are left alone */
  harness_send_frame (fd, "{\"type\":\"input\",\"name\":[]}", "abcd", 4);
  assert_answer (fd, reader, "error");
  harness_send (fd, "{\"type\":\"ping\"}");
  assert_answer (fd, reader, "pong");
  close (fd);
  harness_run ("second", 1);
  harness_end ();
}

/* Inputs belong to the run that follows them, and to no other. */
static void
test_inputs_while_running (void)
{
  g_autoptr (DifFrameReader) reader     = NULL;
  gboolean                   is_refused = FALSE;
  gboolean                   is_done    = FALSE;
  int                        fd;

  harness_begin ();
  harness_run ("first", 1);
  reader = dif_frame_reader_new (DIF_FRAME_MAX_HEADER, DIF_FRAME_MAX_PAYLOAD);
  fd     = greeted (reader);
  send_input (fd, "image");
  send_run (fd, "img2img", 20);
  send_input (fd, "image");
  while (! is_done)
    {
      g_autoptr (DifJson) answer = harness_receive (fd, reader);

      g_assert_nonnull (answer);
      is_refused = is_refused || dif_message_is (answer, "error");
      is_done    = dif_message_is (answer, "done");
    }
  g_assert_true (is_refused);
  close (fd);
  harness_end ();
}

/* A payload that never comes costs nothing and stops nobody. */
static void
test_promised_payload (void)
{
  const guint8               prefix[12] = { 2, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0 };
  g_autoptr (DifFrameReader) reader     = NULL;
  int                        fds[8];

  harness_begin ();
  harness_run ("first", 1);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    {
      g_clear_pointer (&reader, dif_frame_reader_free);
      reader = dif_frame_reader_new (DIF_FRAME_MAX_HEADER, DIF_FRAME_MAX_PAYLOAD);
      fds[i] = greeted (reader);
      harness_write (fds[i], prefix, sizeof prefix);
      harness_write (fds[i], "{}and some bytes", 16);
    }
  harness_run ("second", 1);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  harness_wait_for ("clients", 1);
  harness_end ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/engine/picture/round-trip", test_round_trip);
  g_test_add_func ("/engine/picture/alpha-is-left-out", test_alpha);
  g_test_add_func ("/engine/picture/strange-floats-are-tamed", test_strange_floats);
  g_test_add_func ("/engine/picture/broken-ones-are-refused", test_refused);
  g_test_add_func ("/engine/picture/inputs-and-planes-arrive-unchanged", test_echo);
  g_test_add_func ("/engine/picture/large-ones-arrive-unchanged", test_large);
  g_test_add_func ("/engine/picture/hostile-inputs-are-answered", test_hostile_inputs);
  g_test_add_func ("/engine/picture/no-inputs-while-running", test_inputs_while_running);
  g_test_add_func ("/engine/picture/promised-payload-stops-nobody", test_promised_payload);
  return g_test_run ();
}
