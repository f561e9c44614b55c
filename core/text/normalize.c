/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* normalize.c - what CLIP's tokenizer does to a text before it looks at it.
 *
 * Knows no vocabulary.  Form C is computed here and not by
 * g_utf8_normalize(), which stops at U+0000 and takes time quadratic in the
 * length of a run of combining marks.
 */
#include "text/normalize.h"

#include <stdlib.h>

/* A decomposed character, its combining class and where it stood. */
typedef struct
{
  gunichar c;
  int      order;
  guint    at;
} Mark;

/* Characters below U+0300 are their own form C and combine with nothing
 * before them. */
#define FIRST_COMBINING 0x300

/* Longest canonical decomposition of one character (GLib's documentation of
 * g_unichar_fully_decompose()). */
#define MAX_DECOMPOSITION G_UNICHAR_MAX_DECOMPOSITION_LENGTH

DifCharClass
dif_char_class (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_LOWERCASE_LETTER:
    case G_UNICODE_MODIFIER_LETTER:
    case G_UNICODE_OTHER_LETTER:
    case G_UNICODE_TITLECASE_LETTER:
    case G_UNICODE_UPPERCASE_LETTER:
      return DIF_CHAR_LETTER;
    case G_UNICODE_DECIMAL_NUMBER:
    case G_UNICODE_LETTER_NUMBER:
    case G_UNICODE_OTHER_NUMBER:
      return DIF_CHAR_NUMBER;
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_SPACE_SEPARATOR:
      return DIF_CHAR_SPACE;
    default:
      return (c >= '\t' && c <= '\r') || c == 0x85 ? DIF_CHAR_SPACE : DIF_CHAR_OTHER;
    }
}

gboolean
dif_text_is_valid (const char *text, gsize length)
{
  const char *end = text + length;

  /* GLib's validation stops at U+0000, which is a character here. */
  while (! g_utf8_validate_len (text, (gsize) (end - text), &text))
    if (*text++ != '\0')
      return FALSE;
  return TRUE;
}

/* ---- form C ---- */

/* The reference's form C is that of Unicode 9: to it these characters, added
 * later, neither combine nor decompose.  (Source: its behaviour, compared with
 * GLib 2.84's tables, Unicode 16.) */
static const gunichar after_unicode_9[][2] = {
  { 0x7fd, 0x7fd },
  { 0x897, 0x89f },
  { 0x8ca, 0x8d3 },
  { 0x9fe, 0x9fe },
  { 0xc3c, 0xc3c },
  { 0xd3b, 0xd3c },
  { 0xeba, 0xeba },
  { 0x1715, 0x1715 },
  { 0x1abf, 0x1ace },
  { 0x1df6, 0x1dfa },
  { 0xa82c, 0xa82c },
  { 0x105c9, 0x105c9 },
  { 0x105e4, 0x105e4 },
  { 0x10d24, 0x10d27 },
  { 0x10d69, 0x10d6d },
  { 0x10eab, 0x10eac },
  { 0x10efd, 0x10eff },
  { 0x10f46, 0x10f50 },
  { 0x10f82, 0x10f85 },
  { 0x11070, 0x11070 },
  { 0x1133b, 0x1133b },
  { 0x11383, 0x11385 },
  { 0x1138e, 0x11391 },
  { 0x113c5, 0x113c8 },
  { 0x113ce, 0x113d0 },
  { 0x1145e, 0x1145e },
  { 0x11839, 0x1183a },
  { 0x11938, 0x11938 },
  { 0x1193d, 0x1193e },
  { 0x11943, 0x11943 },
  { 0x119e0, 0x119e0 },
  { 0x11a34, 0x11a34 },
  { 0x11a47, 0x11a47 },
  { 0x11a99, 0x11a99 },
  { 0x11d42, 0x11d42 },
  { 0x11d44, 0x11d45 },
  { 0x11d97, 0x11d97 },
  { 0x11f41, 0x11f42 },
  { 0x16121, 0x16128 },
  { 0x1612f, 0x1612f },
  { 0x16d68, 0x16d6a },
  { 0x16ff0, 0x16ff1 },
  { 0x1e08f, 0x1e08f },
  { 0x1e130, 0x1e136 },
  { 0x1e2ae, 0x1e2ae },
  { 0x1e2ec, 0x1e2ef },
  { 0x1e4ec, 0x1e4ef },
  { 0x1e5ee, 0x1e5ef },
};

static gboolean
is_after_unicode_9 (gunichar c)
{
  for (guint i = 0; i < G_N_ELEMENTS (after_unicode_9) && c >= after_unicode_9[i][0]; i++)
    if (c <= after_unicode_9[i][1])
      return TRUE;
  return FALSE;
}

static int
compare_marks (const void *a, const void *b)
{
  const Mark *x = a;
  const Mark *y = b;

  if (x->order != y->order)
    return x->order - y->order;
  return x->at < y->at ? -1 : x->at > y->at;
}

static void
append_decomposed (GArray *out, gunichar c)
{
  gunichar parts[MAX_DECOMPOSITION];
  gsize    n;

  if (is_after_unicode_9 (c))
    {
      Mark mark = { .c = c };

      g_array_append_val (out, mark);
      return;
    }
  n = g_unichar_fully_decompose (c, FALSE, parts, MAX_DECOMPOSITION);
  for (gsize i = 0; i < n; i++)
    {
      Mark mark = { .c = parts[i], .order = g_unichar_combining_class (parts[i]), .at = out->len };

      g_array_append_val (out, mark);
    }
}

/* Sorts every run of marks (order > 0) by order, equal ones staying in place. */
static void
sort_marks (GArray *text)
{
  Mark *marks = (Mark *) text->data;

  for (guint i = 0; i < text->len; i++)
    {
      guint end = i;

      while (end < text->len && marks[end].order > 0)
        end++;
      if (end - i > 1)
        qsort (marks + i, end - i, sizeof (Mark), compare_marks);
      i = end;
    }
}

/* Joins what has a composed form; the starter takes every following mark that
 * no mark of the same or a higher order, or another starter, keeps from it. */
static void
compose (GArray *text)
{
  Mark  *marks   = (Mark *) text->data;
  guint  n       = 0;
  gssize starter = -1;

  for (guint i = 0; i < text->len; i++)
    {
      gboolean blocked = starter < 0 ||
                         ((gsize) starter + 1 < n &&
                          (marks[n - 1].order == 0 || marks[n - 1].order >= marks[i].order));
      gunichar joined;

      if (! blocked && g_unichar_compose (marks[starter].c, marks[i].c, &joined) &&
          ! is_after_unicode_9 (joined))
        {
          marks[starter].c = joined;
          continue;
        }
      if (marks[i].order == 0)
        starter = n;
      marks[n++] = marks[i];
    }
  g_array_set_size (text, n);
}

static GArray *
to_form_c (const char *text, gsize length)
{
  GArray  *out   = g_array_new (FALSE, FALSE, sizeof (Mark));
  gboolean plain = TRUE;

  for (const char *p = text; p < text + length; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      plain = plain && c < FIRST_COMBINING;
    }
  for (const char *p = text; p < text + length; p = g_utf8_next_char (p))
    {
      Mark mark = { .c = g_utf8_get_char (p) };

      if (plain)
        g_array_append_val (out, mark);
      else
        append_decomposed (out, mark.c);
    }
  if (! plain)
    {
      sort_marks (out);
      compose (out);
    }
  return out;
}

/* ---- lower case ---- */

/* Where Unicode 17's lower case, which the reference has, differs from
 * g_unichar_tolower() of some GLib since 2.74: capital letters outside \p{Lu}
 * (Roman numerals, circled letters) and those of Unicode 16 and 17. */
static const struct
{
  gunichar first, last;
  int      distance;
} lower_ranges[] = {
  { 0x1c89, 0x1c89, 1 },
  { 0x2160, 0x216f, 16 },
  { 0x24b6, 0x24cf, 26 },
  { 0xa7cb, 0xa7cb, 0x264 - 0xa7cb },
  { 0xa7cc, 0xa7cc, 1 },
  { 0xa7ce, 0xa7ce, 1 },
  { 0xa7d2, 0xa7d2, 1 },
  { 0xa7d4, 0xa7d4, 1 },
  { 0xa7da, 0xa7da, 1 },
  { 0xa7dc, 0xa7dc, 0x19b - 0xa7dc },
  { 0x10d50, 0x10d65, 32 },
  { 0x16ea0, 0x16eb8, 27 },
};

static void
append_lower (GString *out, gunichar c)
{
  if (c < 0x80)
    {
      g_string_append_c (out, g_ascii_tolower ((char) c));
      return;
    }
  if (c == 0x130)
    {
      /* The only character whose lower case is two. */
      g_string_append (out, "i\xcc\x87");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (lower_ranges); i++)
    if (c >= lower_ranges[i].first && c <= lower_ranges[i].last)
      {
        g_string_append_unichar (out, (gunichar) ((int) c + lower_ranges[i].distance));
        return;
      }
  g_string_append_unichar (out, g_unichar_tolower (c));
}

GString *
dif_text_normalize (const char *text, gsize length)
{
  g_autoptr (GArray) marks = to_form_c (text, length);
  GString           *out   = g_string_sized_new (length);
  gboolean           space = FALSE;

  for (guint i = 0; i < marks->len; i++)
    {
      gunichar c        = g_array_index (marks, Mark, i).c;
      gboolean is_space = dif_char_class (c) == DIF_CHAR_SPACE;

      if (is_space && ! space)
        g_string_append_c (out, ' ');
      else if (! is_space)
        append_lower (out, c);
      space = is_space;
    }
  return out;
}
