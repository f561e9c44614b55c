/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-added-tokens.c - words that are one token. */
#include "text/added-tokens.h"

#include <string.h>

static DifAddedTokens *
make_set (void)
{
  DifAddedTokens *added = dif_added_tokens_new ();

  dif_added_tokens_add (added, "cat", 1, FALSE);
  dif_added_tokens_add (added, "cats and", 2, FALSE);
  dif_added_tokens_add (added, "Dog", 3, TRUE);
  dif_added_tokens_add (added, "\xff", 4, FALSE);
  dif_added_tokens_add (added, "cab", 9, TRUE);
  dif_added_tokens_add (added, "cab", 5, FALSE);
  return added;
}

static void
assert_next (DifAddedTokens *added, gboolean normalized, const char *text, gint32 id, gsize begin,
             gsize end)
{
  gsize b = 77, e = 77;

  g_assert_cmpint (dif_added_tokens_next (added, normalized, text, strlen (text), &b, &e), ==, id);
  g_assert_cmpuint (b, ==, begin);
  g_assert_cmpuint (e, ==, end);
}

static void
test_search (void)
{
  g_autoptr (DifAddedTokens) added = make_set ();

  dif_added_tokens_freeze (added);
  assert_next (added, FALSE, "", -1, 0, 0);
  assert_next (added, FALSE, "no", -1, 2, 2);
  assert_next (added, FALSE, "a cat", 1, 2, 5);
  assert_next (added, FALSE, "cats", 1, 0, 3);
  assert_next (added, FALSE, "cats andcat", 2, 0, 8);
  assert_next (added, FALSE, "concab cat", 5, 3, 6);
  assert_next (added, FALSE, "ca", -1, 2, 2);
  assert_next (added, FALSE, "x\xff", 4, 1, 2);
  assert_next (added, FALSE, "dog Dog", -1, 7, 7);
  assert_next (added, TRUE, "a dog", 3, 2, 5);
  assert_next (added, TRUE, "cat cab", -1, 7, 7);
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
  dif_added_tokens_freeze (empty);
  assert_next (empty, FALSE, "abc", -1, 3, 3);
  assert_next (empty, TRUE, "abc", -1, 3, 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/added-tokens/finds-the-first-and-longest", test_search);
  g_test_add_func ("/text/added-tokens/keeps-a-word-once", test_set);
  return g_test_run ();
}
