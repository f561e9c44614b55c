/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-normalize.c - form C, white space, lower case, character classes. */
#include "text/normalize.h"

#include <string.h>

static void
assert_normalized (const char *text, const char *expected)
{
  GString *found = dif_text_normalize (text, strlen (text));

  g_assert_cmpstr (found->str, ==, expected);
  g_string_free (found, TRUE);
}

static void
test_form_c (void)
{
  assert_normalized ("e\u0301", "\u00e9");
  assert_normalized ("a\u0302\u0323", "\u1ead");
  assert_normalized ("q\u0307\u0323", "q\u0323\u0307");
  assert_normalized ("\u1112\u1161\u11ab", "\ud55c");
  assert_normalized ("\uac00\u11a8", "\uac01");
  assert_normalized ("\u0344", "\u0308\u0301");
  assert_normalized ("\u212b\u2126", "\u00e5\u03c9");
  assert_normalized ("\u0958", "\u0915\u093c");
  assert_normalized ("\uf900", "\u8c48");
  assert_normalized ("a\u0300b\u0300", "\u00e0b\u0300");
  assert_normalized ("\u0301e", "\u0301e");
  /* A mark of the same class keeps a later one from the starter. */
  assert_normalized ("a\u0308\u0301x", "\u00e4\u0301x");
  /* Added after Unicode 9: the reference neither orders nor composes them. */
  assert_normalized ("a\u08ca\u0316", "a\u08ca\u0316");
  assert_normalized ("\U000105d2\u0307", "\U000105d2\u0307");
  assert_normalized ("\U000105c9", "\U000105c9");
}

static void
test_space (void)
{
  assert_normalized (" a \t\r\n b ", " a b ");
  assert_normalized ("a\u00a0\u2003\u3000b\xc2\x85\u2028\u1680", "a b ");
  assert_normalized ("a\u200bb\ufeff\u180e", "a\u200bb\ufeff\u180e");
  assert_normalized ("", "");
}

static void
test_lower (void)
{
  assert_normalized ("ABCxyz\u00c4\u0416", "abcxyz\u00e4\u0436");
  assert_normalized ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c3");
  assert_normalized ("\u0130I", "i\u0307i");
  assert_normalized ("\u1e9e\u00df", "\u00df\u00df");
  assert_normalized ("\u2160\u216f\u2170", "\u2170\u217f\u2170");
  assert_normalized ("\u24b6\u24cf", "\u24d0\u24e9");
  assert_normalized ("\ua7cb\ua7dc", "\u0264\u019b");
  assert_normalized ("\u1c89\ua7ce\U00010d50\U00016ea0", "\u1c8a\ua7cf\U00010d70\U00016ebb");
}

static void
test_nul (void)
{
  GString *found = dif_text_normalize ("A\0B", 3);

  g_assert_cmpmem (found->str, found->len, "a\0b", 3);
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/normalize/composes", test_form_c);
  g_test_add_func ("/text/normalize/joins-white-space", test_space);
  g_test_add_func ("/text/normalize/lowers-letter-by-letter", test_lower);
  g_test_add_func ("/text/normalize/takes-nul-for-a-character", test_nul);
  g_test_add_func ("/text/normalize/classes", test_classes);
  return g_test_run ();
}
