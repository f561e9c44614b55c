/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-normalize.c - normal forms, lower case, character classes. */
#include "text/normalize.h"

#include <string.h>

static void
assert_form (DifTextForm form, const char *text, const char *expected)
{
  GString *found = dif_text_to_form (text, strlen (text), form);

  g_assert_cmpstr (found->str, ==, expected);
  g_string_free (found, TRUE);
}

static void
assert_form_c (const char *text, const char *expected)
{
  assert_form (DIF_TEXT_NFC, text, expected);
}

static void
assert_lower (const char *text, const char *expected)
{
  GString *found = g_string_new (NULL);

  for (; *text; text = g_utf8_next_char (text))
    dif_text_append_lower (found, g_utf8_get_char (text));
  g_assert_cmpstr (found->str, ==, expected);
  g_string_free (found, TRUE);
}

static void
test_form_c (void)
{
  assert_form_c ("e\u0301", "\u00e9");
  assert_form_c ("a\u0302\u0323", "\u1ead");
  assert_form_c ("q\u0307\u0323", "q\u0323\u0307");
  assert_form_c ("\u1112\u1161\u11ab", "\ud55c");
  assert_form_c ("\uac00\u11a8", "\uac01");
  assert_form_c ("\u0344", "\u0308\u0301");
  assert_form_c ("\u212b\u2126", "\u00c5\u03a9");
  assert_form_c ("\u0958", "\u0915\u093c");
  assert_form_c ("\uf900", "\u8c48");
  assert_form_c ("a\u0300b\u0300", "\u00e0b\u0300");
  assert_form_c ("\u0301e", "\u0301e");
  /* A mark of the same class keeps a later one from the starter. */
  assert_form_c ("a\u0308\u0301x", "\u00e4\u0301x");
  /* Added after Unicode 9: the reference neither orders nor composes them. */
  assert_form_c ("a\u08ca\u0316", "a\u08ca\u0316");
  assert_form_c ("\U000105d2\u0307", "\U000105d2\u0307");
  assert_form_c ("\U000105c9", "\U000105c9");
  assert_form_c ("\U00011935\U00011930", "\U00011935\U00011930");
  assert_form_c ("\ufb01\u2026\u00bd\u3300", "\ufb01\u2026\u00bd\u3300");
  assert_form_c ("", "");
}

static void
test_form_kc (void)
{
  assert_form (DIF_TEXT_NFKC, "\ufb01\u2026\u00bd", "fi...1\u20442");
  assert_form (DIF_TEXT_NFKC, "e\u0301\u00a0\u00b2", "\u00e9 2");
  assert_form (DIF_TEXT_NFKC, "\uff76\uff9e\u3000", "\u30ac ");
  assert_form (DIF_TEXT_NFKC, "\ufdfa",
               "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 "
               "\u0648\u0633\u0644\u0645");
  assert_form (DIF_TEXT_NFKC, "plain", "plain");
}

/* Quadratic sorting of marks would not end in the test's time. */
static void
test_many_marks (void)
{
  GString *text = g_string_new ("a");
  GString *found;

  for (guint i = 0; i < 1000000; i++)
    g_string_append (text, i % 2 ? "\u0323" : "\u0301");
  found = dif_text_to_form (text->str, text->len, DIF_TEXT_NFC);
  g_assert_cmpmem (found->str, 5, "\u1ea1\u0323", 5);
  g_assert_cmpuint (found->len, ==, text->len);
  g_string_free (found, TRUE);
  g_string_free (text, TRUE);
}

static void
test_lower (void)
{
  assert_lower ("ABCxyz\u00c4\u0416", "abcxyz\u00e4\u0436");
  assert_lower ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c3");
  assert_lower ("\u0130I", "i\u0307i");
  assert_lower ("\u1e9e\u00df", "\u00df\u00df");
  assert_lower ("\u2160\u216f\u2170", "\u2170\u217f\u2170");
  assert_lower ("\u24b6\u24cf", "\u24d0\u24e9");
  assert_lower ("\ua7cb\ua7dc", "\u0264\u019b");
  assert_lower ("\u1c89\ua7ce\U00010d50\U00016ea0", "\u1c8a\ua7cf\U00010d70\U00016ebb");
}

static void
test_nul (void)
{
  GString *found = dif_text_to_form ("e\0\u0301", 4, DIF_TEXT_NFC);

  g_assert_cmpmem (found->str, found->len, "e\0\u0301", 4);
  g_string_free (found, TRUE);
  g_assert_true (dif_text_is_valid ("A\0B", 3));
  g_assert_true (dif_text_is_valid ("\0\0", 2));
  g_assert_true (dif_text_is_valid ("", 0));
  g_assert_false (dif_text_is_valid ("\0\xff", 2));
  g_assert_false (dif_text_is_valid ("a\xc3", 2));
}

static void
test_classes (void)
{
  static const struct
  {
    gunichar c;
    DifCharClass class;
  } rows[] = {
    { 'a', DIF_CHAR_LETTER },
    { 0x4e2d, DIF_CHAR_LETTER },
    { 0x2b0, DIF_CHAR_LETTER },
    { 0x1c5, DIF_CHAR_LETTER },
    { '7', DIF_CHAR_NUMBER },
    { 0xb2, DIF_CHAR_NUMBER },
    { 0x2167, DIF_CHAR_NUMBER },
    { 0x663, DIF_CHAR_NUMBER },
    { ' ', DIF_CHAR_SPACE },
    { '\n', DIF_CHAR_SPACE },
    { 0xb, DIF_CHAR_SPACE },
    { 0x85, DIF_CHAR_SPACE },
    { 0x3000, DIF_CHAR_SPACE },
    { 0x2029, DIF_CHAR_SPACE },
    { 0x1c, DIF_CHAR_OTHER },
    { 0x200b, DIF_CHAR_OTHER },
    { 0x180e, DIF_CHAR_OTHER },
    { 0, DIF_CHAR_OTHER },
    { 0x301, DIF_CHAR_OTHER },
    { 0x1f600, DIF_CHAR_OTHER },
    { 0xe000, DIF_CHAR_OTHER },
    { 0x378, DIF_CHAR_OTHER },
    { '_', DIF_CHAR_OTHER },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    g_assert_cmpint (dif_char_class (rows[i].c), ==, rows[i].class);
}

static void
test_words (void)
{
  static const gunichar in[]  = { 'a', '7', '_', 0x4e2d, 0x301, 0x200d, 0x2167, 0x24b6 };
  static const gunichar out[] = { ' ', '-', 0xb2, 0x1f600, 0, 0x200b, 0x2026 };

  for (guint i = 0; i < G_N_ELEMENTS (in); i++)
    g_assert_true (dif_char_is_word (in[i]));
  for (guint i = 0; i < G_N_ELEMENTS (out); i++)
    g_assert_false (dif_char_is_word (out[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/normalize/composes", test_form_c);
  g_test_add_func ("/text/normalize/composes-what-is-compatible", test_form_kc);
  g_test_add_func ("/text/normalize/takes-a-million-marks", test_many_marks);
  g_test_add_func ("/text/normalize/lowers-letter-by-letter", test_lower);
  g_test_add_func ("/text/normalize/takes-nul-for-a-character", test_nul);
  g_test_add_func ("/text/normalize/classes", test_classes);
  g_test_add_func ("/text/normalize/knows-letters-of-words", test_words);
  return g_test_run ();
}
