/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mnemonics.c - see mnemonics.h.
 *
 * Three walks: buttons, which GIMP and the platform name; everything else in its order; then those
 * whose letter was taken, so that they take none that another is known by.
 */
#include "config.h"

#include <string.h>

#include "ui/mnemonics.h"

typedef enum
{
  BUTTONS, /* keep their letters */
  LABELS,  /* keep theirs where they are free */
  LOSERS   /* get others */
} Pass;

typedef struct
{
  GHashTable *taken;  /* letters, lower case */
  GHashTable *losers; /* widgets whose letter was taken */
  Pass        pass;
} Walk;

/* Letter behind the first single underscore; 0 for none. */
static gunichar
preferred_of (const char *text)
{
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (*p != '_')
        continue;
      p++;
      if (*p == '\0')
        return 0;
      if (*p != '_')
        return g_unichar_tolower (g_utf8_get_char (p));
    }
  return 0;
}

/* The text without its mnemonic; doubled underscores stay doubled. */
static char *
bare (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (*p == '_' && p[1] == '_')
        g_string_append (out, "__"), p++;
      else if (*p != '_')
        g_string_append_unichar (out, g_utf8_get_char (p));
    }
  return g_string_free (out, FALSE);
}

/* Whether a word begins at @p. */
static gboolean
begins_word (const char *text, const char *p)
{
  return p == text || ! g_unichar_isalnum (g_utf8_get_char (g_utf8_prev_char (p)));
}

/* Returns: (nullable): @text with a free letter marked */
static char *
with_free_letter (Walk *walk, const char *text)
{
  for (int within = 0; within < 2; within++)
    {
      for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
        {
          gunichar letter = g_unichar_tolower (g_utf8_get_char (p));

          if (! g_unichar_isalnum (letter) || (! within && ! begins_word (text, p)) ||
              ! g_hash_table_add (walk->taken, GUINT_TO_POINTER (letter)))
            continue;
          return g_strdup_printf ("%.*s_%s", (int) (p - text), text, p);
        }
    }
  return NULL;
}

/* Returns: (nullable): what the text is to be instead; NULL to leave it */
static char *
settled (Walk *walk, GtkWidget *widget, const char *text)
{
  gunichar         preferred = preferred_of (text);
  g_autofree char *plain     = NULL;
  char            *marked;

  if (walk->pass != LOSERS)
    {
      if (preferred != 0 && ! g_hash_table_add (walk->taken, GUINT_TO_POINTER (preferred)))
        g_hash_table_add (walk->losers, widget);
      return NULL;
    }
  if (! g_hash_table_contains (walk->losers, widget))
    return NULL;
  plain  = bare (text);
  marked = with_free_letter (walk, plain);
  return marked != NULL ? marked : g_steal_pointer (&plain);
}

static void
settle_button (Walk *walk, GtkButton *button)
{
  g_autofree char *text = NULL;

  if (gtk_button_get_use_underline (button))
    text = settled (walk, GTK_WIDGET (button), gtk_button_get_label (button));
  if (text != NULL)
    gtk_button_set_label (button, text);
}

static void
settle_label (Walk *walk, GtkLabel *label)
{
  g_autofree char *text = NULL;

  if (gtk_label_get_use_underline (label))
    text = settled (walk, GTK_WIDGET (label), gtk_label_get_label (label));
  if (text != NULL)
    gtk_label_set_label (label, text);
}

static void
visit (GtkWidget *widget, gpointer user_data)
{
  Walk *walk = user_data;

  if (widget == NULL)
    return;
  if (GTK_IS_BUTTON (widget) && gtk_button_get_label (GTK_BUTTON (widget)) != NULL)
    {
      if (walk->pass == LOSERS || (walk->pass == BUTTONS) != GTK_IS_TOGGLE_BUTTON (widget))
        settle_button (walk, GTK_BUTTON (widget));
    }
  else if (GTK_IS_LABEL (widget))
    {
      if (walk->pass != BUTTONS)
        settle_label (walk, GTK_LABEL (widget));
    }
  else if (GTK_IS_EXPANDER (widget))
    {
      /* What is folded away comes behind what is seen. */
      visit (gtk_expander_get_label_widget (GTK_EXPANDER (widget)), walk);
      if (gtk_bin_get_child (GTK_BIN (widget)) != NULL)
        visit (gtk_bin_get_child (GTK_BIN (widget)), walk);
    }
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), visit, walk);
}

void
dif_ui_mnemonics_settle (GtkWidget *root)
{
  Walk walk = { g_hash_table_new (NULL, NULL), g_hash_table_new (NULL, NULL), BUTTONS };

  for (; walk.pass <= LOSERS; walk.pass++)
    visit (root, &walk);
  g_hash_table_unref (walk.taken);
  g_hash_table_unref (walk.losers);
}
