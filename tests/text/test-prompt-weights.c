/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-prompt-weights.c - the rule in text/prompt-weights.h, against an
 * independent reading of it: tests/fixtures/prompts/cases.json.
 */
#include "base/error.h"
#include "base/json.h"
#include "text/prompt-weights.h"

#include <string.h>

static DifJson *
load_cases (void)
{
  g_autofree char *path =
      g_build_filename (g_getenv ("DIF_FIXTURES"), "prompts", "cases.json", NULL);
  GError  *error = NULL;
  DifJson *json  = dif_json_load (path, &error);

  g_assert_no_error (error);
  return json;
}

static DifTokenizer *
load_tokenizer (const char *model)
{
  g_autofree char *folder =
      g_build_filename (g_getenv ("DIF_FIXTURES"), "models", model, "tokenizer", NULL);
  GError       *error = NULL;
  DifTokenizer *t     = dif_tokenizer_load (folder, &error);

  g_assert_no_error (error);
  return t;
}

static void
test_syntax (void)
{
  g_autoptr (DifJson) cases = load_cases ();
  DifJson            *all   = dif_json_member (cases, "parsed");

  g_assert_cmpuint (dif_json_length (all), >, 30);
  for (guint i = 0; i < dif_json_length (all); i++)
    {
      DifJson           *expected = dif_json_member (dif_json_at (all, i), "parts");
      const char        *text     = dif_json_string (dif_json_at (all, i), "text", NULL);
      GError            *error    = NULL;
      g_autoptr (GArray) found    = dif_prompt_parse (text, &error);

      g_assert_no_error (error);
      g_test_message ("%s", text);
      g_assert_cmpuint (found->len, ==, dif_json_length (expected));
      for (guint k = 0; k < found->len; k++)
        {
          const DifPromptPart *part = &g_array_index (found, DifPromptPart, k);
          DifJson             *pair = dif_json_at (expected, k);

          g_assert_cmpstr (part->text, ==, dif_json_value_string (dif_json_at (pair, 0)));
          g_assert_cmpfloat (part->weight, ==, dif_json_value_double (dif_json_at (pair, 1)));
        }
    }
}

static void
compare_chunk (const DifPrompt *p, guint chunk, DifJson *ids, DifJson *weights)
{
  g_assert_cmpuint (dif_json_length (ids), ==, p->length);
  for (guint k = 0; k < p->length; k++)
    {
      guint at = chunk * p->length + k;

      g_assert_cmpint (p->ids[at], ==, dif_json_value_int (dif_json_at (ids, k), 0, G_MAXINT32));
      g_assert_cmpfloat (p->weights[at], ==,
                         (float) dif_json_value_double (dif_json_at (weights, k)));
    }
}

static DifPromptSyntax
syntax_of (const char *word)
{
  const char *const *names = dif_prompt_syntax_names ();
  guint              i     = 0;

  while (strcmp (names[i], word) != 0)
    i++;
  return (DifPromptSyntax) i;
}

static void
test_chunks (void)
{
  g_autoptr (DifJson) cases = load_cases ();
  DifJson            *all   = dif_json_member (cases, "tokens");

  g_assert_cmpuint (dif_json_length (all), >, 20);
  for (guint i = 0; i < dif_json_length (all); i++)
    {
      DifJson                 *c     = dif_json_at (all, i), *ids, *weights;
      GError                  *error = NULL;
      g_autoptr (DifTokenizer) t     = load_tokenizer (dif_json_string (c, "model", NULL));
      g_autoptr (DifPrompt)    p =
          dif_prompt_new (t, dif_json_string (c, "text", NULL),
                          syntax_of (dif_json_string (c, "syntax", NULL)), &error);

      g_assert_no_error (error);
      ids     = dif_json_member (c, "ids");
      weights = dif_json_member (c, "weights");
      g_assert_cmpuint (p->n_chunks, ==, dif_json_length (ids));
      for (guint k = 0; k < p->n_chunks; k++)
        compare_chunk (p, k, dif_json_at (ids, k), dif_json_at (weights, k));
    }
}

/* Plain prompts are what dif_tokenizer_encode() makes of them. */
static void
test_plain (void)
{
  static const char *const texts[] = { "", "a (red:1.3) cube", "cube cube \\( [x]" };
  g_autoptr (DifTokenizer) t       = load_tokenizer ("sd15");
  guint                    length  = dif_tokenizer_max_length (t);
  g_autofree gint32       *ids     = g_new (gint32, length);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      GError               *error = NULL;
      g_autoptr (DifPrompt) p     = dif_prompt_new (t, texts[i], DIF_PROMPT_PLAIN, &error);

      g_assert_no_error (error);
      dif_tokenizer_encode (t, texts[i], ids, length, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (p->n_chunks, ==, 1);
      g_assert_cmpmem (p->ids, length * sizeof *ids, ids, length * sizeof *ids);
      g_assert_false (dif_prompt_is_weighted (p, 0));
    }
}

static void
test_pad (void)
{
  g_autoptr (DifTokenizer) t     = load_tokenizer ("sd21");
  GError                  *error = NULL;
  g_autoptr (DifPrompt)    p     = dif_prompt_new (t, "(red)", DIF_PROMPT_WEIGHTED, &error);
  g_autoptr (DifPrompt)    empty = dif_prompt_new (t, "", DIF_PROMPT_LONG, &error);
  gsize                    bytes = p->length * sizeof (gint32);

  g_assert_no_error (error);
  dif_prompt_pad (p, t, 3);
  dif_prompt_pad (p, t, 2);
  g_assert_cmpuint (p->n_chunks, ==, 3);
  g_assert_true (dif_prompt_is_weighted (p, 0));
  for (guint k = 1; k < 3; k++)
    {
      g_assert_false (dif_prompt_is_weighted (p, k));
      g_assert_cmpmem (p->ids + (gsize) k * p->length, bytes, empty->ids, bytes);
    }
}

static char *
repeat (const char *text, guint n)
{
  GString *s = g_string_new (NULL);

  while (n--)
    g_string_append (s, text);
  return g_string_free (s, FALSE);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *piece;
    guint       n;
    const char *message;
  } rows[] = {
    { "(a:1000.5)", 1, "*weights from -1000 to 1000, found 1000.5*" },
    { "(a:-1001)", 1, "*found -1001*" },
    { "((a:100):100)", 1, "*found 10000*" },
    { "(", 100, "*found 1*" },
    { "([", 200, "*at most 256 brackets inside each other*" },
    { "cube ", 4801, "*at most 4800 tokens, found 4801*" },
    { "\xff", 1, "*UTF-8*" },
  };
  g_autoptr (DifTokenizer) t = load_tokenizer ("sd15");

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text  = repeat (rows[i].piece, rows[i].n);
      GError          *error = NULL;

      g_assert_null (dif_prompt_new (t, text, DIF_PROMPT_WEIGHTED, &error));
      g_assert_error (error, DIF_REQUEST_ERROR, DIF_REQUEST_ERROR_BAD_PARAM);
      if (! g_pattern_match_simple (rows[i].message, error->message))
        g_error ("expected %s, found %s", rows[i].message, error->message);
      g_clear_error (&error);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/text/prompt-weights/syntax", test_syntax);
  g_test_add_func ("/text/prompt-weights/chunks", test_chunks);
  g_test_add_func ("/text/prompt-weights/plain-is-as-ever", test_plain);
  g_test_add_func ("/text/prompt-weights/pad", test_pad);
  g_test_add_func ("/text/prompt-weights/refused", test_refused);
  return g_test_run ();
}
