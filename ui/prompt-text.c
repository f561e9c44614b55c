/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prompt-text.c - see prompt-text.h. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "ui/prompt-text.h"

#define PLAIN      1.0
#define BRACKETS   1.1 /* what brackets without a number weigh */
#define MAX_WEIGHT 4.0

/* ---- weights ---- */

static gboolean
is_of_word (char letter)
{
  return ! g_ascii_isspace (letter) && strchr ("()[]:,.;", letter) == NULL;
}

static void
find_word (const char *text, gsize *start, gsize *end)
{
  while (*start > 0 && is_of_word (text[*start - 1]))
    (*start)--;
  while (text[*end] != '\0' && is_of_word (text[*end]))
    (*end)++;
}

/* Whether the words stand in brackets of their own: what those weigh, and where they end. */
static gboolean
find_brackets (const char *text, gsize start, gsize end, double *weight, gsize *after)
{
  char *rest = NULL;

  if (start == 0 || text[start - 1] != '(')
    return FALSE;
  if (text[end] == ')')
    {
      *weight = BRACKETS;
      *after  = end + 1;
      return TRUE;
    }
  if (text[end] != ':')
    return FALSE;
  *weight = g_ascii_strtod (text + end + 1, &rest);
  *after  = (gsize) (rest - text) + 1;
  return rest > text + end + 1 && *rest == ')' && isfinite (*weight);
}

static char *
number (double weight)
{
  char  text[G_ASCII_DTOSTR_BUF_SIZE];
  gsize length;

  g_ascii_formatd (text, sizeof text, "%.2f", weight);
  length = strlen (text);
  if (text[length - 1] == '0')
    text[length - 1] = '\0';
  return g_strdup (text);
}

char *
dif_ui_prompt_weigh (const char *text, gsize *start, gsize *end, double step)
{
  double           weight = PLAIN;
  gsize            before, after;
  g_autofree char *head = NULL, *words = NULL, *value = NULL;
  char            *weighed;

  if (*start == *end)
    find_word (text, start, end);
  if (*start == *end)
    return g_strdup (text);
  before = *start;
  after  = *end;
  if (find_brackets (text, *start, *end, &weight, &after))
    before--;
  else
    weight = PLAIN, after = *end;
  weight = CLAMP (round ((weight + step) * 100.0) / 100.0, 0.0, MAX_WEIGHT);
  head   = g_strndup (text, before);
  words  = g_strndup (text + *start, *end - *start);
  value  = number (weight);
  if (weight == PLAIN)
    weighed = g_strconcat (head, words, text + after, NULL);
  else
    weighed = g_strconcat (head, "(", words, ":", value, ")", text + after, NULL);
  *end   = before + (weight == PLAIN ? 0 : 1) + strlen (words);
  *start = *end - strlen (words);
  return weighed;
}

/* ---- tokens ---- */

/* The length of ":1.3" before a closing bracket, or 0. */
static gsize
weight_length (const char *text)
{
  char *rest = NULL;

  if (*text != ':')
    return 0;
  g_ascii_strtod (text + 1, &rest);
  while (g_ascii_isspace (*rest))
    rest++;
  return rest > text + 1 && *rest == ')' ? (gsize) (rest - text) : 0;
}

/* A word while its letters come. */
typedef struct
{
  DifTokenizer *tokenizer;
  GString      *word;
  gsize         start;
  guint         n, length; /* tokens so far, and of a chunk */
  GArray       *edges;
} Counting;

static void
end_word (Counting *c)
{
  g_autoptr (GArray) ids = NULL;
  guint              n;

  if (c->word->len == 0)
    return;
  ids = dif_tokenizer_split (c->tokenizer, c->word->str, (gssize) c->word->len, NULL);
  n   = ids != NULL ? ids->len : 0;
  for (guint edge = (c->n + c->length - 1) / c->length * c->length;
       edge < c->n + n && c->edges != NULL; edge += c->length)
    {
      if (edge > 0)
        g_array_append_val (c->edges, c->start);
    }
  c->n += n;
  g_string_truncate (c->word, 0);
}

guint
dif_ui_prompt_tokens (DifTokenizer *tokenizer, const char *text, gboolean is_weighted,
                      GArray *edges)
{
  Counting c = { .tokenizer = tokenizer,
                 .word      = g_string_new (NULL),
                 .length    = MAX (dif_tokenizer_max_length (tokenizer), 3) - 2,
                 .edges     = edges };

  for (gsize i = 0; text[i] != '\0'; i++)
    {
      gsize skip = is_weighted ? weight_length (text + i) : 0;

      if (is_weighted && text[i] == '\\' && text[i + 1] != '\0' &&
          strchr ("()[]:\\", text[i + 1]) != NULL)
        i++;
      else if (g_ascii_isspace (text[i]) || skip > 0 ||
               (is_weighted && strchr ("()[]", text[i]) != NULL))
        {
          end_word (&c);
          i += skip > 0 ? skip - 1 : 0;
          continue;
        }
      if (c.word->len == 0)
        c.start = i;
      g_string_append_c (c.word, text[i]);
    }
  end_word (&c);
  g_string_free (c.word, TRUE);
  return c.n;
}
