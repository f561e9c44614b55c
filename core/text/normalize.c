/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* normalize.c - characters and normal forms of a text, as the reference's tokenizers see them.
 *
 * Knows no vocabulary.  utf8proc decomposes and composes; marks are sorted
 * here, since utf8proc_decompose() takes time quadratic in the length of a run
 * of them, and characters that are newer than the reference's tables are kept
 * from it.
 */
#include "text/normalize.h"

#include <stdlib.h>
#include <utf8proc.h>

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

/* Longest compatibility decomposition of one character (U+FDFA). */
#define MAX_DECOMPOSITION 18

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
dif_char_is_word (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_NON_SPACING_MARK:
    case G_UNICODE_SPACING_MARK:
    case G_UNICODE_ENCLOSING_MARK:
    case G_UNICODE_DECIMAL_NUMBER:
    case G_UNICODE_LETTER_NUMBER:
    case G_UNICODE_CONNECT_PUNCTUATION:
      return TRUE;
    default:
      return dif_char_class (c) == DIF_CHAR_LETTER || c == 0x200c || c == 0x200d ||
             (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f189);
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

/* ---- normal forms ---- */

/* The reference's forms are those of Unicode 9: to it these characters, added
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
  { 0x32ff, 0x32ff },
  { 0xa7f1, 0xa7f4 },
  { 0xa82c, 0xa82c },
  { 0xab69, 0xab69 },
  { 0x105c9, 0x105c9 },
  { 0x105e4, 0x105e4 },
  { 0x10781, 0x10785 },
  { 0x10787, 0x107b0 },
  { 0x107b2, 0x107ba },
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
  { 0x1ccd6, 0x1ccf9 },
  { 0x1e030, 0x1e06d },
  { 0x1e08f, 0x1e08f },
  { 0x1e130, 0x1e136 },
  { 0x1e2ae, 0x1e2ae },
  { 0x1e2ec, 0x1e2ef },
  { 0x1e4ec, 0x1e4ef },
  { 0x1e5ee, 0x1e5ef },
  { 0x1f16c, 0x1f16c },
  { 0x1fbf0, 0x1fbf9 },
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
append_decomposed (GArray *out, gunichar c, DifTextForm form)
{
  int              options = UTF8PROC_DECOMPOSE | (form == DIF_TEXT_NFKC ? UTF8PROC_COMPAT : 0);
  utf8proc_int32_t parts[MAX_DECOMPOSITION];
  utf8proc_ssize_t n;

  if (is_after_unicode_9 (c))
    {
      Mark mark = { .c = c };

      g_array_append_val (out, mark);
      return;
    }
  n = utf8proc_decompose_char ((utf8proc_int32_t) c, parts, MAX_DECOMPOSITION,
                               (utf8proc_option_t) options, NULL);
  for (utf8proc_ssize_t i = 0; i < n; i++)
    {
      Mark mark = { .c     = (gunichar) parts[i],
                    .order = utf8proc_get_property (parts[i])->combining_class,
                    .at    = out->len };

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

/* Appends @c, or what a newer character was composed of. */
static void
append_old (GString *out, utf8proc_int32_t c)
{
  utf8proc_int32_t parts[MAX_DECOMPOSITION] = { c };
  utf8proc_ssize_t n                        = 1;

  if (is_after_unicode_9 ((gunichar) c))
    n = utf8proc_decompose_char (c, parts, MAX_DECOMPOSITION, UTF8PROC_DECOMPOSE, NULL);
  for (utf8proc_ssize_t i = 0; i < n; i++)
    g_string_append_unichar (out, (gunichar) parts[i]);
}

/* Appends [@begin, @end), of which nothing is to be kept from utf8proc. */
static void
append_composed (GString *out, const Mark *marks, guint begin, guint end, GArray *scratch)
{
  utf8proc_ssize_t n;

  g_array_set_size (scratch, end - begin);
  for (guint i = begin; i < end; i++)
    g_array_index (scratch, utf8proc_int32_t, i - begin) = (utf8proc_int32_t) marks[i].c;
  n = utf8proc_normalize_utf32 ((utf8proc_int32_t *) (gpointer) scratch->data, end - begin,
                                (utf8proc_option_t) (UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  for (utf8proc_ssize_t i = 0; i < n; i++)
    append_old (out, g_array_index (scratch, utf8proc_int32_t, i));
}

/* Newer characters and what they might combine with stay as they are: to the
 * reference a newer one is a starter that nothing composes with. */
static GString *
compose (GArray *text, gsize length)
{
  g_autoptr (GArray) scratch = g_array_new (FALSE, FALSE, sizeof (utf8proc_int32_t));
  GString           *out     = g_string_sized_new (length);
  const Mark        *marks   = (const Mark *) text->data;
  guint              begin   = 0;

  for (guint i = 0; i <= text->len; i++)
    if (i == text->len || is_after_unicode_9 (marks[i].c))
      {
        append_composed (out, marks, begin, i, scratch);
        if (i < text->len)
          g_string_append_unichar (out, marks[i].c);
        begin = i + 1;
      }
  return out;
}

GString *
dif_text_to_form (const char *text, gsize length, DifTextForm form)
{
  g_autoptr (GArray) marks = NULL;
  gunichar           limit = form == DIF_TEXT_NFC ? FIRST_COMBINING : 0x80;
  gboolean           plain = TRUE;

  for (const char *p = text; plain && p < text + length; p = g_utf8_next_char (p))
    plain = g_utf8_get_char (p) < limit;
  if (plain)
    return g_string_new_len (text, (gssize) length);
  marks = g_array_new (FALSE, FALSE, sizeof (Mark));
  for (const char *p = text; p < text + length; p = g_utf8_next_char (p))
    append_decomposed (marks, g_utf8_get_char (p), form);
  sort_marks (marks);
  return compose (marks, length);
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

void
dif_text_append_lower (GString *out, gunichar c)
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
