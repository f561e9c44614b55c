/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-intent.c - what the button would do, and weights and tokens in a prompt. */
#include "config.h"

#include "ui/intent.h"
#include "ui/prompt-text.h"
#include "ui/settings.h"

static const char *const plain_tasks[]   = { "txt2img", "img2img", "inpaint", NULL };
static const char *const inpaint_tasks[] = { "inpaint", NULL };
static const char *const depth_tasks[]   = { "depth2img", NULL };
static const char *const nothing[]       = { "unconditional", NULL };
static const char *const edit_tasks[]    = { "txt2img", "edit", NULL };

static const struct
{
  DifUiFacts  facts;
  DifUiVerb   verb;
  const char *task;
} rows[] = {
  /* an empty canvas, and one with a picture */
  { { FALSE, 0.0, 1.0, TRUE, NULL }, DIF_UI_GENERATE, "txt2img" },
  { { FALSE, 1.0, 1.0, TRUE, NULL }, DIF_UI_GENERATE, "txt2img" },
  { { FALSE, 1.0, 0.6, TRUE, NULL }, DIF_UI_REFINE, "img2img" },
  { { FALSE, 0.0, 0.6, TRUE, NULL }, DIF_UI_GENERATE, "txt2img" },
  /* a selection */
  { { TRUE, 1.0, 1.0, TRUE, NULL }, DIF_UI_FILL, "inpaint" },
  { { TRUE, 1.0, 1.0, FALSE, NULL }, DIF_UI_REMOVE, "inpaint" },
  { { TRUE, 0.5, 1.0, TRUE, NULL }, DIF_UI_EXPAND, "inpaint" },
  { { TRUE, 0.0, 1.0, FALSE, NULL }, DIF_UI_EXPAND, "inpaint" },
  { { TRUE, 1.0, 0.3, TRUE, NULL }, DIF_UI_REFINE, "inpaint" },
  /* models */
  { { TRUE, 1.0, 1.0, TRUE, plain_tasks }, DIF_UI_FILL, "inpaint" },
  { { FALSE, 1.0, 1.0, TRUE, inpaint_tasks }, DIF_UI_GENERATE, "inpaint" },
  { { FALSE, 1.0, 0.5, TRUE, inpaint_tasks }, DIF_UI_REFINE, "inpaint" },
  { { TRUE, 1.0, 1.0, TRUE, depth_tasks }, DIF_UI_RESTYLE, "depth2img" },
  { { TRUE, 1.0, 0.5, TRUE, nothing }, DIF_UI_GENERATE, "unconditional" },
  { { FALSE, 1.0, 1.0, TRUE, edit_tasks }, DIF_UI_EDIT, "edit" },
  { { FALSE, 0.0, 1.0, TRUE, edit_tasks }, DIF_UI_GENERATE, "txt2img" },
};

static void
test_verbs (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      DifUiVerb verb = dif_ui_intent (&rows[i].facts);

      g_test_message ("row %u: %s", i, dif_ui_intent_word (verb));
      g_assert_cmpint (verb, ==, rows[i].verb);
      g_assert_cmpstr (dif_ui_intent_task (verb, &rows[i].facts, NULL), ==, rows[i].task);
    }
}

static void
test_refused (void)
{
  const DifUiFacts unselected = { FALSE, 1.0, 1.0, TRUE, NULL };
  const DifUiFacts depth      = { TRUE, 1.0, 1.0, TRUE, depth_tasks };
  const char      *reason     = NULL;

  g_assert_null (dif_ui_intent_task (DIF_UI_FILL, &unselected, &reason));
  g_assert_cmpstr (reason, ==, "Select something first.");
  g_assert_null (dif_ui_intent_task (DIF_UI_FILL, &depth, &reason));
  g_assert_cmpstr (reason, ==, "This model cannot do that.");
}

static void
test_words (void)
{
  g_autofree char *refine = dif_ui_intent_label (DIF_UI_REFINE, 0.6);

  g_assert_cmpstr (refine, ==, "_Refine 60 %");
  for (DifUiVerb verb = DIF_UI_GENERATE; verb < DIF_UI_N_VERBS; verb++)
    g_assert_cmpint (dif_ui_intent_from_word (dif_ui_intent_word (verb)), ==, verb);
  g_assert_cmpint (dif_ui_intent_from_word ("dance"), ==, DIF_UI_N_VERBS);
  g_assert_cmpint (dif_ui_intent_from_word (NULL), ==, DIF_UI_N_VERBS);
}

static void
test_cover (void)
{
  const guint8 alpha[]     = { 255, 255, 0, 0 };
  const guint8 selection[] = { 0, 255, 255, 0 };
  const guint8 none[]      = { 0, 0, 0, 0 };

  g_assert_cmpfloat (dif_ui_intent_cover (alpha, NULL, 4), ==, 0.5);
  g_assert_cmpfloat (dif_ui_intent_cover (alpha, selection, 4), ==, 0.5);
  g_assert_cmpfloat (dif_ui_intent_cover (alpha, selection, 2), ==, 1.0);
  g_assert_cmpfloat (dif_ui_intent_cover (alpha, none, 4), ==, 0.0);
}

/* "|" stands where the selection begins and ends. */
static void
check_weigh (const char *before, double step, const char *after)
{
  const char      *first  = strchr (before, '|');
  const char      *second = strchr (first + 1, '|');
  gsize            start = (gsize) (first - before), end = (gsize) (second - before) - 1;
  g_auto (GStrv)   parts   = g_strsplit (before, "|", -1);
  g_autofree char *text    = g_strjoinv ("", parts);
  g_autofree char *weighed = dif_ui_prompt_weigh (text, &start, &end, step);
  g_autofree char *shown =
      g_strdup_printf ("%.*s|%.*s|%s", (int) start, weighed, (int) (end - start),
                       weighed + start, weighed + end);

  g_assert_cmpstr (shown, ==, after);
}

static void
test_weights (void)
{
  check_weigh ("a red cu||be on", 0.1, "a red (|cube|:1.1) on");
  check_weigh ("a red (|cube|:1.1) on", 0.1, "a red (|cube|:1.2) on");
  check_weigh ("a red (|cube|:1.1) on", -0.1, "a red |cube| on");
  check_weigh ("a (|red cube|) on", 0.1, "a (|red cube|:1.2) on");
  check_weigh ("a |red cube| on", -0.1, "a (|red cube|:0.9) on");
  check_weigh ("(|x|:3.95)", 0.1, "(|x|:4.0)");
  check_weigh ("(|x|:0.05)", -0.1, "(|x|:0.0)");
  check_weigh ("a, || b", 0.1, "a, || b");
  check_weigh ("gr\303\274n||", 0.1, "(|gr\303\274n|:1.1)");
}

static DifTokenizer *
tokenizer (void)
{
  g_autofree char *folder = g_test_build_filename (G_TEST_DIST, "fixtures", "models", "sd15",
                                                   "tokenizer", NULL);
  DifTokenizer    *t      = dif_tokenizer_load (folder, NULL);

  g_assert_nonnull (t);
  return t;
}

/* What is counted is what a run would see. */
static void
test_tokens (void)
{
  static const char *const prompts[] = { "", "a red cube", "a (red:1.3) cube, [small]",
                                         "a\\(b\\) cube", "(one two:1.25)three", NULL };
  g_autoptr (DifTokenizer) t         = tokenizer ();

  for (guint i = 0; prompts[i] != NULL; i++)
    {
      for (int weighted = 0; weighted < 2; weighted++)
        {
          DifPromptSyntax       syntax = weighted ? DIF_PROMPT_WEIGHTED : DIF_PROMPT_LONG;
          g_autoptr (DifPrompt) p      = dif_prompt_new (t, prompts[i], syntax, NULL);
          guint                 n      = 0;

          g_assert_nonnull (p);
          for (guint k = 1; k < p->length && p->ids[k] != dif_tokenizer_eos (t); k++)
            n++;
          g_assert_cmpuint (dif_ui_prompt_tokens (t, prompts[i], weighted, NULL), ==, n);
        }
    }
}

static void
test_edges (void)
{
  g_autoptr (DifTokenizer) t      = tokenizer ();
  guint                    length = dif_tokenizer_max_length (t) - 2;
  g_autoptr (GArray)       edges  = g_array_new (FALSE, FALSE, sizeof (gsize));
  g_autoptr (GString)      text   = g_string_new (NULL);
  guint                    each   = dif_ui_prompt_tokens (t, "a", FALSE, NULL);

  g_assert_cmpuint (each, ==, 1);
  for (guint i = 0; i < 2 * length + 1; i++)
    g_string_append (text, "a ");
  g_assert_cmpuint (dif_ui_prompt_tokens (t, text->str, FALSE, edges), ==, 2 * length + 1);
  g_assert_cmpuint (edges->len, ==, 2);
  g_assert_cmpuint (g_array_index (edges, gsize, 0), ==, 2 * length);
  g_assert_cmpuint (g_array_index (edges, gsize, 1), ==, 4 * length);
}

static void
test_settings (void)
{
  g_autoptr (GObject) settings = dif_ui_settings_new_all (NULL, NULL);
  g_autoptr (GObject) copy     = NULL;
  g_autofree char    *text     = NULL;
  g_autofree char    *prompt   = NULL;

  dif_ui_settings_set_text (settings, "prompt", "a \"red\" cube");
  dif_ui_settings_set_number (settings, "steps", 7.0);
  g_object_set (settings, "differential", TRUE, NULL);
  g_assert_false (dif_ui_settings_is_default (settings, "steps"));
  text = dif_ui_settings_to_json (settings);
  copy = dif_ui_settings_new_all (NULL, NULL);
  dif_ui_settings_set_number (copy, "seed", 5.0);
  dif_ui_settings_from_json (copy, text);
  prompt = dif_ui_settings_text (copy, "prompt");
  g_assert_cmpstr (prompt, ==, "a \"red\" cube");
  g_assert_cmpfloat (dif_ui_settings_number (copy, "steps"), ==, 7.0);
  g_assert_false (dif_ui_settings_is_default (copy, "differential"));
  g_assert_true (dif_ui_settings_is_default (copy, "seed"));
  /* what makes no sense is left out, whoever wrote it */
  dif_ui_settings_from_json (copy, "{\"steps\": 1e9, \"seed\": \"x\", \"dance\": 1, "
                                   "\"prompt\": 3, \"eta\": NaN, \"strength\": 0.5}");
  g_assert_true (dif_ui_settings_is_default (copy, "steps"));
  g_assert_true (dif_ui_settings_is_default (copy, "prompt"));
  g_assert_true (dif_ui_settings_is_default (copy, "eta"));
  g_assert_cmpfloat (dif_ui_settings_number (copy, "strength"), ==, 0.5);
  dif_ui_settings_from_json (copy, "not JSON");
  g_assert_true (dif_ui_settings_is_default (copy, "strength"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/intent/verbs-follow-from-facts", test_verbs);
  g_test_add_func ("/ui/intent/says-why-not", test_refused);
  g_test_add_func ("/ui/intent/words", test_words);
  g_test_add_func ("/ui/intent/cover", test_cover);
  g_test_add_func ("/ui/prompt/weights", test_weights);
  g_test_add_func ("/ui/prompt/tokens-are-those-of-a-run", test_tokens);
  g_test_add_func ("/ui/prompt/edges-of-chunks", test_edges);
  g_test_add_func ("/ui/settings/survive-as-text", test_settings);
  return g_test_run ();
}
