/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* prompt-weights.c - see prompt-weights.h for the rule.
 *
 * The parser cuts the text into pieces at brackets and keeps, for every bracket
 * that was opened, the pieces inside and its factor; a piece's weight is the
 * product of the factors around it, in the order of opening.
 */
#include "text/prompt-weights.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define ROUND 1.1
#define BLANK " \t\n\r"

const char *const *
dif_prompt_syntax_names (void)
{
  static const char *const names[] = { "plain", "long", "weighted", NULL };

  return names;
}

/* ---- the syntax ---- */

/* A bracket as it was opened. */
typedef struct
{
  guint  first;  /* piece it begins with */
  double factor; /* of what is inside, once closed */
  guint  end;    /* piece behind it; 0 while open */
} Bracket;

typedef struct
{
  GArray  *pieces;   /* DifPromptPart */
  GArray  *brackets; /* Bracket, in the order of opening */
  GArray  *open[2];  /* guint: indices into brackets; round, square */
  GString *text;     /* of the piece being read */
} Parser;

static void
part_clear (gpointer part)
{
  g_free (((DifPromptPart *) part)->text);
}

static GArray *
parts_new (void)
{
  GArray *parts = g_array_new (FALSE, FALSE, sizeof (DifPromptPart));

  g_array_set_clear_func (parts, part_clear);
  return parts;
}

/* Moves what @text holds to the end of @parts. */
static void
add_part (GArray *parts, GString *text, double weight)
{
  DifPromptPart part = { g_strndup (text->str, text->len), weight };

  g_array_append_val (parts, part);
  g_string_truncate (text, 0);
}

/* Ends the piece being read, even an empty one: brackets count pieces. */
static void
end_piece (Parser *p)
{
  add_part (p->pieces, p->text, 1);
}

static void
open_bracket (Parser *p, gboolean square)
{
  Bracket bracket = { .factor = square ? 1 / ROUND : ROUND };
  guint   index   = p->brackets->len;

  end_piece (p);
  bracket.first = p->pieces->len;
  g_array_append_val (p->brackets, bracket);
  g_array_append_val (p->open[square], index);
}

static void
close_bracket (Parser *p, gboolean square, const double *factor)
{
  GArray  *open = p->open[square];
  Bracket *bracket =
      &g_array_index (p->brackets, Bracket, g_array_index (open, guint, open->len - 1));

  end_piece (p);
  bracket->end = p->pieces->len;
  if (factor)
    bracket->factor = *factor;
  g_array_set_size (open, open->len - 1);
}

/* The number in ":1.3)" at @at; returns what is behind the parenthesis, or NULL. */
static const char *
read_weight (const char *at, double *weight)
{
  const char      *digits, *end;
  g_autofree char *number = NULL;
  char            *rest;

  digits = at + 1 + strspn (at + 1, BLANK);
  end    = digits + (*digits == '+' || *digits == '-');
  end += strspn (end, "0123456789.");
  number  = g_strndup (digits, (gsize) (end - digits));
  *weight = g_ascii_strtod (number, &rest);
  if (rest == number || *rest)
    return NULL;
  end += strspn (end, BLANK);
  return *end == ')' ? end + 1 : NULL;
}

/* Reads one letter or bracket at @at; returns what is behind it. */
static const char *
read_one (Parser *p, const char *at)
{
  gboolean    square = *at == '[' || *at == ']';
  const char *behind;
  double      weight;

  if (*at == '\\' && at[1] && strchr ("()[]:\\", at[1]))
    {
      g_string_append_c (p->text, at[1]);
      return at + 2;
    }
  if (*at == '(' || *at == '[')
    {
      open_bracket (p, square);
      return at + 1;
    }
  if (*at == ':' && p->open[0]->len && (behind = read_weight (at, &weight)))
    {
      close_bracket (p, FALSE, &weight);
      return behind;
    }
  if ((*at == ')' || *at == ']') && p->open[square]->len)
    close_bracket (p, square, NULL);
  else
    g_string_append_c (p->text, *at);
  return at + 1;
}

/* The brackets around piece @i, from those around the piece before. */
static gboolean
step_inside (Parser *p, GPtrArray *inside, guint i, guint *next, GError **error)
{
  for (guint k = 0; k < inside->len;)
    if (((Bracket *) inside->pdata[k])->end == i)
      g_ptr_array_remove_index (inside, k);
    else
      k++;
  while (*next < p->brackets->len && g_array_index (p->brackets, Bracket, *next).first == i)
    g_ptr_array_add (inside, &g_array_index (p->brackets, Bracket, (*next)++));
  if (inside->len <= DIF_PROMPT_MAX_DEPTH)
    return TRUE;
  g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
               "expected at most %u brackets inside each other, found more", DIF_PROMPT_MAX_DEPTH);
  return FALSE;
}

static gboolean
weigh (Parser *p, GError **error)
{
  g_autoptr (GPtrArray) inside = g_ptr_array_new ();
  guint                 next   = 0;

  for (guint i = 0; i < p->pieces->len; i++)
    {
      double weight = 1;

      if (! step_inside (p, inside, i, &next, error))
        return FALSE;
      for (guint k = 0; k < inside->len; k++)
        weight *= ((Bracket *) inside->pdata[k])->factor;
      g_array_index (p->pieces, DifPromptPart, i).weight = weight;
      if (! (fabs (weight) <= DIF_PROMPT_MAX_WEIGHT))
        {
          g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                       "expected weights from %g to %g, found %g", -DIF_PROMPT_MAX_WEIGHT,
                       DIF_PROMPT_MAX_WEIGHT, weight);
          return FALSE;
        }
    }
  return TRUE;
}

/* The pieces that are not empty, neighbours of one weight joined. */
static GArray *
joined (const GArray *pieces)
{
  GArray             *parts  = parts_new ();
  g_autoptr (GString) text   = g_string_new (NULL);
  double              weight = 1;

  for (guint i = 0; i < pieces->len; i++)
    {
      const DifPromptPart *piece = &g_array_index (pieces, DifPromptPart, i);

      if (! *piece->text)
        continue;
      if (text->len && piece->weight != weight)
        add_part (parts, text, weight);
      weight = piece->weight;
      g_string_append (text, piece->text);
    }
  if (text->len)
    add_part (parts, text, weight);
  return parts;
}

GArray *
dif_prompt_parse (const char *text, GError **error)
{
  Parser  p     = { .pieces = parts_new (), .text = g_string_new (NULL) };
  GArray *parts = NULL;

  p.brackets = g_array_new (FALSE, FALSE, sizeof (Bracket));
  for (guint i = 0; i < G_N_ELEMENTS (p.open); i++)
    p.open[i] = g_array_new (FALSE, FALSE, sizeof (guint));
  while (*text)
    text = read_one (&p, text);
  end_piece (&p);
  if (weigh (&p, error))
    parts = joined (p.pieces);
  for (guint i = 0; i < G_N_ELEMENTS (p.open); i++)
    g_array_unref (p.open[i]);
  g_array_unref (p.brackets);
  g_array_unref (p.pieces);
  g_string_free (p.text, TRUE);
  return parts;
}

/* ---- tokens and chunks ---- */

/* All tokens of a prompt with their weights. */
typedef struct
{
  GArray *ids;     /* gint32 */
  GArray *weights; /* float */
} Tokens;

static gboolean
add_piece (Tokens *tokens, DifTokenizer *t, const char *text, double weight, GError **error)
{
  g_autoptr (GArray) ids = dif_tokenizer_split (t, text, -1, error);
  float              w   = (float) weight;

  if (! ids)
    return FALSE;
  g_array_append_vals (tokens->ids, ids->data, ids->len);
  for (guint i = 0; i < ids->len; i++)
    g_array_append_val (tokens->weights, w);
  return TRUE;
}

static gboolean
tokenize (Tokens *tokens, DifTokenizer *t, const char *text, DifPromptSyntax syntax,
          GError **error)
{
  g_autoptr (GArray) parts = NULL;

  if (syntax != DIF_PROMPT_WEIGHTED)
    return add_piece (tokens, t, text, 1, error);
  parts = dif_prompt_parse (text, error);
  for (guint i = 0; parts && i < parts->len; i++)
    {
      const DifPromptPart *part = &g_array_index (parts, DifPromptPart, i);

      if (! add_piece (tokens, t, part->text, part->weight, error))
        return FALSE;
    }
  return parts != NULL;
}

/* Writes chunk @at with @n tokens. */
static void
fill_chunk (DifPrompt *p, DifTokenizer *t, guint at, const gint32 *ids, const float *weights,
            guint n)
{
  float *w = p->weights + (gsize) at * p->length;
  guint  before;

  dif_tokenizer_overhead (t, &before);
  dif_tokenizer_wrap (t, ids, n, p->ids + (gsize) at * p->length, p->length);
  for (guint i = 0; i < p->length; i++)
    w[i] = i >= before && i - before < n ? weights[i - before] : 1;
}

static DifPrompt *
cut (DifTokenizer *t, const Tokens *tokens, DifPromptSyntax syntax, GError **error)
{
  guint      length = dif_tokenizer_max_length (t), n = tokens->ids->len;
  guint      run      = length - dif_tokenizer_overhead (t, NULL);
  guint      n_chunks = 1;
  DifPrompt *p;

  /* a tokenizer of two ids has room for begin and end alone */
  if (syntax != DIF_PROMPT_PLAIN && run > 0 && n > run)
    n_chunks = n / run + (n % run != 0);
  if (n_chunks > DIF_PROMPT_MAX_CHUNKS)
    {
      g_set_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM,
                   "expected at most %u tokens, found %u", DIF_PROMPT_MAX_CHUNKS * run, n);
      return NULL;
    }
  p         = g_new0 (DifPrompt, 1);
  p->length = length;
  for (guint at = 0; at < n_chunks; at++)
    {
      guint first = at * run;

      dif_prompt_pad (p, t, at + 1);
      fill_chunk (p, t, at, (const gint32 *) (gconstpointer) tokens->ids->data + first,
                  (const float *) (gconstpointer) tokens->weights->data + first,
                  MIN (n - first, run));
    }
  p->n_dropped = n > n_chunks * run ? n - n_chunks * run : 0;
  return p;
}

DifPrompt *
dif_prompt_new (DifTokenizer *t, const char *text, DifPromptSyntax syntax, GError **error)
{
  Tokens     tokens = { g_array_new (FALSE, FALSE, sizeof (gint32)),
                        g_array_new (FALSE, FALSE, sizeof (float)) };
  DifPrompt *p      = NULL;

  if (tokenize (&tokens, t, text, syntax, error))
    p = cut (t, &tokens, syntax, error);
  g_array_unref (tokens.ids);
  g_array_unref (tokens.weights);
  return p;
}

void
dif_prompt_pad (DifPrompt *p, DifTokenizer *t, guint n_chunks)
{
  if (n_chunks <= p->n_chunks)
    return;
  p->ids     = g_renew (gint32, p->ids, (gsize) n_chunks * p->length);
  p->weights = g_renew (float, p->weights, (gsize) n_chunks * p->length);
  while (p->n_chunks < n_chunks)
    fill_chunk (p, t, p->n_chunks++, NULL, NULL, 0);
}

gboolean
dif_prompt_is_weighted (const DifPrompt *p, guint chunk)
{
  for (guint i = 0; i < p->length; i++)
    if (p->weights[(gsize) chunk * p->length + i] != 1)
      return TRUE;
  return FALSE;
}

void
dif_prompt_free (DifPrompt *p)
{
  if (! p)
    return;
  g_free (p->ids);
  g_free (p->weights);
  g_free (p);
}
