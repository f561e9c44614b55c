/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json-scan.c - what cJSON does not check, checked on the text beforehand.
 *
 * cJSON takes invalid UTF-8, control characters, "01" and numbers cut off
 * after 63 characters, ends a string at \u0000, and knows no NaN or Infinity,
 * which Python's json writes.  This pass refuses or notes all of that, so that
 * what cJSON accepts afterwards is what the text says.
 */
#include "base/json-scan.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* cJSON copies a number into a buffer of 64 bytes. */
#define MAX_NUMBER_LENGTH 63

typedef struct
{
  char       *text;
  gsize       length;
  gsize       at;
  const char *name;
  guint       depth;
  guint       n_values;
  guint       n_numbers;
  GArray     *odd;
  GError    **error;
} Scan;

void
dif_json_position (const char *text, gsize offset, guint *line, guint *column)
{
  *line   = 1;
  *column = 1;
  for (gsize i = 0; i < offset; i++)
    {
      *column += 1;
      if (text[i] == '\n')
        {
          *line += 1;
          *column = 1;
        }
    }
}

static gboolean G_GNUC_PRINTF (4, 5)
    fail (Scan *s, gsize at, DifFormatError code, const char *format, ...)
{
  g_autofree char *what = NULL;
  guint            line, column;
  va_list          args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  dif_json_position (s->text, at, &line, &column);
  g_set_error (s->error, DIF_FORMAT_ERROR, code, "%s: line %u, column %u: %s", s->name, line,
               column, what);
  return FALSE;
}

static gboolean
count_value (Scan *s)
{
  s->n_values++;
  if (s->n_values > DIF_JSON_MAX_VALUES)
    return fail (s, s->at, DIF_FORMAT_ERROR_TOO_LARGE, "expected at most %u values",
                 DIF_JSON_MAX_VALUES);
  return TRUE;
}

static gboolean
scan_string (Scan *s)
{
  gsize start = s->at++;

  while (s->at < s->length && s->text[s->at] != '"')
    {
      unsigned char c = (unsigned char) s->text[s->at];

      if (c < 0x20)
        return fail (s, s->at, DIF_FORMAT_ERROR_CORRUPT,
                     "expected text, found control character 0x%02x", c);
      if (c == '\\' && s->length - s->at >= 6 && memcmp (s->text + s->at, "\\u0000", 6) == 0)
        return fail (s, s->at, DIF_FORMAT_ERROR_CORRUPT, "expected text, found \\u0000");
      s->at += c == '\\' ? 2 : 1;
    }
  if (s->at >= s->length)
    return fail (s, start, DIF_FORMAT_ERROR_CORRUPT, "expected a string, found no closing quote");
  s->at++;
  return count_value (s);
}

static gsize
skip_digits (const char *p, gsize i, gsize length)
{
  while (i < length && g_ascii_isdigit (p[i]))
    i++;
  return i;
}

/* Length of the number at @p by JSON's grammar, 0 if it is none; @whole is
 * set when it has neither fraction nor exponent. */
static gsize
number_length (const char *p, gsize length, gboolean *whole)
{
  gsize i = length > 0 && p[0] == '-';
  gsize digits, end;

  digits = i;
  i      = skip_digits (p, i, length);
  if (i == digits || (p[digits] == '0' && i - digits > 1))
    return 0;
  *whole = TRUE;
  if (i < length && p[i] == '.')
    {
      end = skip_digits (p, i + 1, length);
      if (end == i + 1)
        return 0;
      i      = end;
      *whole = FALSE;
    }
  if (i < length && (p[i] == 'e' || p[i] == 'E'))
    {
      i++;
      if (i < length && (p[i] == '+' || p[i] == '-'))
        i++;
      end = skip_digits (p, i, length);
      if (end == i)
        return 0;
      i      = end;
      *whole = FALSE;
    }
  return i;
}

static void
note_odd (Scan *s, DifJsonOddKind kind)
{
  DifJsonOdd odd = { .ordinal = s->n_numbers, .kind = kind };

  g_array_append_val (s->odd, odd);
}

/* Beyond 2^53 a double may stand for several whole numbers. */
static gboolean
is_inexact (const char *digits, double value)
{
  gint64 exact = g_ascii_strtoll (digits, NULL, 10);

  return fabs (value) >= 9223372036854775808.0 || (gint64) value != exact ||
         fabs (value) > 9007199254740992.0;
}

static gboolean
scan_number (Scan *s)
{
  char     digits[MAX_NUMBER_LENGTH + 1];
  gboolean whole;
  gsize    n = number_length (s->text + s->at, s->length - s->at, &whole);
  double   value;

  if (n == 0)
    return fail (s, s->at, DIF_FORMAT_ERROR_CORRUPT, "expected a number as JSON spells it");
  if (n > MAX_NUMBER_LENGTH)
    return fail (s, s->at, DIF_FORMAT_ERROR_TOO_LARGE,
                 "expected a number of at most %d characters, found %" G_GSIZE_FORMAT,
                 MAX_NUMBER_LENGTH, n);
  memcpy (digits, s->text + s->at, n);
  digits[n] = '\0';
  value     = g_ascii_strtod (digits, NULL);
  if (! isfinite (value))
    return fail (s, s->at, DIF_FORMAT_ERROR_BAD_VALUE,
                 "expected a number within a double's range, found %s", digits);
  if (whole && is_inexact (digits, value))
    note_odd (s, DIF_JSON_ODD_INEXACT);
  s->n_numbers++;
  s->at += n;
  return count_value (s);
}

static gboolean
is_word (const Scan *s, const char *word)
{
  gsize n   = strlen (word);
  gsize end = s->at + n;

  return s->length - s->at >= n && memcmp (s->text + s->at, word, n) == 0 &&
         (end == s->length || ! g_ascii_isalnum (s->text[end]));
}

/* The letters true, false, null and Python's words for odd numbers. */
static gboolean
scan_word (Scan *s)
{
  static const char *const    plain[]     = { "true", "false", "null" };
  static const char *const    odd[]       = { "NaN", "Infinity", "-Infinity" };
  static const DifJsonOddKind odd_kinds[] = { DIF_JSON_ODD_NAN, DIF_JSON_ODD_PLUS_INFINITY,
                                              DIF_JSON_ODD_MINUS_INFINITY };

  for (guint i = 0; i < G_N_ELEMENTS (plain); i++)
    if (is_word (s, plain[i]))
      {
        s->at += strlen (plain[i]);
        return count_value (s);
      }
  for (guint i = 0; i < G_N_ELEMENTS (odd); i++)
    if (is_word (s, odd[i]))
      {
        gsize n = strlen (odd[i]);

        note_odd (s, odd_kinds[i]);
        s->n_numbers++;
        memset (s->text + s->at, ' ', n);
        s->text[s->at] = '0';
        s->at += n;
        return count_value (s);
      }
  return fail (s, s->at, DIF_FORMAT_ERROR_CORRUPT, "expected a JSON value, found an unknown word");
}

static gboolean
scan_token (Scan *s)
{
  char c = s->text[s->at];

  switch (c)
    {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case ',':
    case ':':
      s->at++;
      return TRUE;
    case '[':
    case '{':
      if (++s->depth > DIF_JSON_MAX_DEPTH)
        return fail (s, s->at, DIF_FORMAT_ERROR_TOO_LARGE, "expected at most %d levels of nesting",
                     DIF_JSON_MAX_DEPTH);
      s->at++;
      return count_value (s);
    case ']':
    case '}':
      if (s->depth == 0)
        return fail (s, s->at, DIF_FORMAT_ERROR_CORRUPT, "expected a JSON value, found \"%c\"", c);
      s->depth--;
      s->at++;
      return TRUE;
    case '"':
      return scan_string (s);
    default:
      if (g_ascii_isdigit (c) || (c == '-' && ! is_word (s, "-Infinity")))
        return scan_number (s);
      return scan_word (s);
    }
}

GArray *
dif_json_scan (char *text, gsize length, const char *name, GError **error)
{
  Scan        s = { .text = text, .length = length, .name = name, .error = error };
  const char *bad;

  if (! g_utf8_validate_len (text, length, &bad))
    {
      fail (&s, (gsize) (bad - text), DIF_FORMAT_ERROR_CORRUPT, "expected UTF-8, found byte 0x%02x",
            (unsigned char) *bad);
      return NULL;
    }
  /* cJSON skips a byte order mark, which some editors leave. */
  if (length >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    s.at = 3;
  s.odd = g_array_new (FALSE, FALSE, sizeof (DifJsonOdd));
  while (s.at < length)
    if (! scan_token (&s))
      {
        g_array_unref (s.odd);
        return NULL;
      }
  return s.odd;
}
