/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-added-tokens.c - words that are one token. */
#include "text/added-tokens.h"

#include <string.h>

static void
add (DifAddedTokens *added, const char *content, gint32 id, gboolean normalized)
{
  const DifAddedToken token = { .content = content, .id = id, .normalized = normalized };

  dif_added_tokens_add (added, &token);
}

static GString *
lower (const char *text, gsize length, gpointer user_data)
{
  GString *out = g_string_new_len (text, (gssize) length);

  return g_string_ascii_down (out);
}

static DifAddedTokens *
make_set (void)
{
  DifAddedTokens *added = dif_added_tokens_new ();

  add (added, "cat", 1, FALSE);
  add (added, "cats and", 2, FALSE);
  add (added, "Dog", 3, TRUE);
  add (added, "\u00fc", 4, FALSE);
  add (added, "cab", 9, TRUE);
  add (added, "cab", 5, FALSE);
  return added;
}

/* What the set makes of @text: plain text as it is, ids in brackets. */
static void
assert_cut (DifAddedTokens *added, gboolean normalized, const char *text, const char *expected)
{
  g_autoptr (GString) found = g_string_new (NULL);
  DifAddedCursor      at    = { 0 };
  gint32              id;

  do
    {
      gsize begin = at.from, end = 77;

      id = dif_added_tokens_next (added, normalized, text, strlen (text), &at, &end);
      g_assert_cmpuint (end, >=, begin);
      g_assert_cmpuint (end, <=, strlen (text));
      g_string_append_len (found, text + begin, (gssize) (end - begin));
      if (id >= 0)
        g_string_append_printf (found, "[%d]", id);
    }
  while (id >= 0);
  g_assert_cmpstr (found->str, ==, expected);
}

static void
test_search (void)
{
  g_autoptr (DifAddedTokens) added = make_set ();

  dif_added_tokens_freeze (added, lower, NULL);
  assert_cut (added, FALSE, "", "");
  assert_cut (added, FALSE, "no", "no");
  assert_cut (added, FALSE, "a cat", "a [1]");
  assert_cut (added, FALSE, "cats", "[1]s");
  assert_cut (added, FALSE, "cats andcat", "[2][1]");
  assert_cut (added, FALSE, "concab cat", "con[5] [1]");
  assert_cut (added, FALSE, "ca", "ca");
  assert_cut (added, FALSE, "x\u00fc", "x[4]");
  assert_cut (added, FALSE, "dog Dog", "dog Dog");
  assert_cut (added, TRUE, "a dog", "a [3]");
  assert_cut (added, TRUE, "cat cab", "cat cab");
}

/* A token with one of its flags set. */
static DifAddedTokens *
make_flagged (gboolean lstrip, gboolean rstrip, gboolean single_word)
{
  DifAddedTokens     *added = dif_added_tokens_new ();
  const DifAddedToken token = { .content     = "<x>",
                                .id          = 7,
                                .lstrip      = lstrip,
                                .rstrip      = rstrip,
                                .single_word = single_word };

  dif_added_tokens_add (added, &token);
  add (added, " y", 8, FALSE);
  dif_added_tokens_freeze (added, NULL, NULL);
  return added;
}

static void
test_flags (void)
{
  g_autoptr (DifAddedTokens) left   = make_flagged (TRUE, FALSE, FALSE);
  g_autoptr (DifAddedTokens) right  = make_flagged (FALSE, TRUE, FALSE);
  g_autoptr (DifAddedTokens) both   = make_flagged (TRUE, TRUE, FALSE);
  g_autoptr (DifAddedTokens) single = make_flagged (FALSE, FALSE, TRUE);

  assert_cut (left, FALSE, "a  \u3000<x>  b", "a[7]  b");
  assert_cut (left, FALSE, " <x> <x>", "[7][7]");
  assert_cut (right, FALSE, "a <x> \n b", "a [7]b");
  assert_cut (right, FALSE, "<x> ", "[7]");
  /* The white space that one took may begin the next. */
  assert_cut (right, FALSE, "<x> y", "[7][8]");
  assert_cut (both, FALSE, " <x> <x> ", "[7][7]");
  assert_cut (single, FALSE, "<x> a<x> <x>a <x>", "[7] a<x> <x>a [7]");
  assert_cut (single, FALSE, "<x>.\u4e2d<x>", "[7].\u4e2d<x>");
}

static void
test_set (void)
{
  g_autoptr (DifAddedTokens) added = make_set ();
  g_autoptr (DifAddedTokens) empty = dif_added_tokens_new ();

  g_assert_cmpint (dif_added_tokens_find (added, "cab"), ==, 5);
  g_assert_cmpint (dif_added_tokens_find (added, "dog"), ==, -1);
  g_assert_cmpint (dif_added_tokens_max_id (added), ==, 5);
  g_assert_cmpint (dif_added_tokens_max_id (empty), ==, -1);
  g_assert_cmpuint (dif_added_tokens_count (added), ==, 5);
  g_assert_cmpstr (dif_added_tokens_of_id (added, 2)->content, ==, "cats and");
  g_assert_null (dif_added_tokens_of_id (added, 9));
  dif_added_tokens_freeze (empty, NULL, NULL);
  assert_cut (empty, FALSE, "abc", "abc");
  assert_cut (empty, TRUE, "abc", "abc");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/added-tokens/finds-the-first-and-longest", test_search);
  g_test_add_func ("/text/added-tokens/keeps-to-its-flags", test_flags);
  g_test_add_func ("/text/added-tokens/keeps-a-word-once", test_set);
  return g_test_run ();
}
