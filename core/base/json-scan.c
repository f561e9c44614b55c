/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* json-scan.c - what cJSON does not check or keep, found on the text beforehand.
 *
 * cJSON takes invalid UTF-8, control characters, "01" and numbers cut off after 63 characters,
 * ends a string at \u0000, has no whole numbers beyond 2^53, and knows no NaN or Infinity, which
 * Python's json writes.  This pass refuses or notes all of that, so that what cJSON accepts
 * afterwards is what the text says.
 */
#include "base/json-private.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"

/* cJSON copies a number into a buffer of 64 bytes. */
#define MAX_NUMBER_LENGTH 63

typedef struct
{
  char       *text;
  gsize       length, at;
  const char *name;
  guint       depth, n_values, n_numbers;
  GArray     *odd;
  GError    **error;
} Scan;

gboolean
_dif_json_fail_at (const char *text, gsize at, const char *name, int code, GError **error,
                   const char *format, ...)
{
  g_autofree char *what = NULL;
  guint            line = 1, column = 1;
  va_list          args;

  for (gsize i = 0; i < at; i++)
    {
      column = text[i] == '\n' ? 1 : column + 1;
      line += text[i] == '\n';
    }
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, DIF_FORMAT_ERROR, code, "%s: line %u, column %u: %s", name, line, column,
               what);
  return FALSE;
}

#define FAIL(s, at, code, ...) \
  _dif_json_fail_at ((s)->text, at, (s)->name, DIF_FORMAT_ERROR_##code, (s)->error, __VA_ARGS__)

static gboolean
count_value (Scan *s)
{
  if (++s->n_values > DIF_JSON_MAX_VALUES)
    return FAIL (s, s->at, TOO_LARGE, "expected at most %u values", DIF_JSON_MAX_VALUES);
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
        return FAIL (s, s->at, CORRUPT, "expected text, found control character 0x%02x", c);
      if (c == '\\' && s->length - s->at >= 6 && memcmp (s->text + s->at, "\\u0000", 6) == 0)
        return FAIL (s, s->at, CORRUPT, "expected text, found \\u0000");
      s->at += c == '\\' ? 2 : 1;
    }
  if (s->at >= s->length)
    return FAIL (s, start, CORRUPT, "expected a string, found no closing quote");
  s->at++;
  return count_value (s);
}

/* Steps over digits; FALSE if there are none. */
static gboolean
skip_digits (const char *p, gsize *i, gsize length)
{
  gsize first = *i;

  while (*i < length && g_ascii_isdigit (p[*i]))
    ++*i;
  return *i > first;
}

/* Length of the number at @p by JSON's grammar, 0 if it is none; @whole is set when it has
 * neither fraction nor exponent. */
static gsize
number_length (const char *p, gsize length, gboolean *whole)
{
  gsize i = length > 0 && p[0] == '-', first = i;

  if (! skip_digits (p, &i, length) || (p[first] == '0' && i - first > 1))
    return 0;
  first = i;
  if (i < length && p[i] == '.' && (i++, ! skip_digits (p, &i, length)))
    return 0;
  if (i < length && (p[i] == 'e' || p[i] == 'E'))
    {
      i++;
      i += i < length && (p[i] == '+' || p[i] == '-');
      if (! skip_digits (p, &i, length))
        return 0;
    }
  *whole = i == first;
  return i;
}

static gboolean
scan_number (Scan *s)
{
  char     digits[MAX_NUMBER_LENGTH + 1] = "";
  gboolean whole;
  gsize    n;
  double   value;

  n = number_length (s->text + s->at, s->length - s->at, &whole);
  if (n == 0)
    return FAIL (s, s->at, CORRUPT, "expected a number as JSON spells it");
  if (n > MAX_NUMBER_LENGTH)
    return FAIL (s, s->at, TOO_LARGE,
                 "expected a number of at most %d characters, found %" G_GSIZE_FORMAT,
                 MAX_NUMBER_LENGTH, n);
  memcpy (digits, s->text + s->at, n);
  value = g_ascii_strtod (digits, NULL);
  if (! isfinite (value))
    return FAIL (s, s->at, BAD_VALUE, "expected a number within a double's range, found %s",
                 digits);
  /* 2^53 + 1 reads as 2^53. */
  if (whole && fabs (value) >= 9007199254740992.0)
    {
      DifJsonOdd odd = { .ordinal = s->n_numbers, .at = s->at, .length = (guint) n };

      g_array_append_val (s->odd, odd);
    }
  s->n_numbers++;
  s->at += n;
  return count_value (s);
}

static gboolean
is_word (const Scan *s, const char *word)
{
  gsize n = strlen (word), end = s->at + n;

  return s->length - s->at >= n && memcmp (s->text + s->at, word, n) == 0 &&
         (end == s->length || ! g_ascii_isalnum (s->text[end]));
}

/* The letters true, false, null and Python's words for numbers that are not finite. */
static gboolean
scan_word (Scan *s)
{
  static const char *const words[]  = { "NaN", "Infinity", "-Infinity", "true", "false", "null" };
  static const double      values[] = { (double) NAN, HUGE_VAL, -HUGE_VAL };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    if (is_word (s, words[i]))
      {
        gsize n = strlen (words[i]);

        if (i < G_N_ELEMENTS (values))
          {
            DifJsonOdd odd = { .ordinal = s->n_numbers++, .value = values[i] };

            g_array_append_val (s->odd, odd);
            memset (s->text + s->at, ' ', n);
            s->text[s->at] = '0';
          }
        s->at += n;
        return count_value (s);
      }
  return FAIL (s, s->at, CORRUPT, "expected a JSON value, found an unknown word");
}

static gboolean
scan_token (Scan *s)
{
  char c = s->text[s->at];

  if (c == '"')
    return scan_string (s);
  if (g_ascii_isdigit (c) || (c == '-' && ! is_word (s, "-Infinity")))
    return scan_number (s);
  if (! strchr (" \t\n\r,:[]{}", c))
    return scan_word (s);
  s->at++;
  if ((c == '[' || c == '{') && ++s->depth > DIF_JSON_MAX_DEPTH)
    return FAIL (s, s->at, TOO_LARGE, "expected at most %d levels of nesting", DIF_JSON_MAX_DEPTH);
  if ((c == ']' || c == '}') && s->depth-- == 0)
    return FAIL (s, s->at, CORRUPT, "expected a JSON value, found \"%c\"", c);
  return c == '[' || c == '{' ? count_value (s) : TRUE;
}

GArray *
_dif_json_scan (char *text, gsize length, const char *name, GError **error)
{
  Scan        s = { .text = text, .length = length, .name = name, .error = error };
  const char *bad;

  if (! g_utf8_validate_len (text, length, &bad))
    {
      FAIL (&s, (gsize) (bad - text), CORRUPT, "expected UTF-8, found byte 0x%02x",
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
