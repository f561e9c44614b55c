/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prompt-editor.c - see prompt-editor.h. */
#include "config.h"

#include <string.h>

#include "ui/prompt-editor.h"
#include "ui/prompt-text.h"
#include "ui/settings.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SPACING     6
#define LINES       4
#define LINE_HEIGHT 20
#define WEIGHT_STEP 0.1
#define COUNT_MS    150
#define MAX_SHOWN   60
#define EDITOR      "dif-ui-editor"

typedef struct
{
  GObject         *settings;
  GtkWidget       *view, *negative, *count, *history, *list, *search;
  DifTokenizer    *tokenizer;
  char            *model;
  guint            timer;
  DifUiPromptsFunc prompts;
  gpointer         user_data;
} Editor;

static char *
text_of (GtkTextBuffer *buffer)
{
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  return gtk_text_buffer_get_text (buffer, &start, &end, FALSE);
}

/* ---- tokens ---- */

static gboolean
is_syntax (Editor *editor, const char *word)
{
  g_autofree char *syntax = dif_ui_settings_text (editor->settings, "prompt-syntax");

  return g_str_equal (syntax, word);
}

static void
get_iter (GtkTextBuffer *buffer, const char *text, gsize bytes, GtkTextIter *iter)
{
  gtk_text_buffer_get_iter_at_offset (buffer, iter,
                                      (int) g_utf8_pointer_to_offset (text, text + bytes));
}

/* Marks the words at which another chunk begins; where the syntax knows but one chunk, all
 * that nobody reads. */
static void
mark_edges (Editor *editor, GtkTextBuffer *buffer, const char *text, GArray *edges)
{
  gboolean    is_cut = is_syntax (editor, "plain");
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  gtk_text_buffer_remove_all_tags (buffer, &start, &end);
  for (guint i = 0; i < edges->len && (i == 0 || ! is_cut); i++)
    {
      get_iter (buffer, text, g_array_index (edges, gsize, i), &start);
      if (! is_cut)
        {
          end = start;
          gtk_text_iter_forward_word_end (&end);
        }
      gtk_text_buffer_apply_tag_by_name (buffer, is_cut ? "cut" : "edge", &start, &end);
    }
}

static gboolean
count_tokens (gpointer user_data)
{
  Editor            *editor = user_data;
  GtkTextBuffer     *buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (editor->view));
  g_autofree char   *text   = text_of (buffer);
  g_autofree char   *said   = NULL;
  g_autoptr (GArray) edges  = g_array_new (FALSE, FALSE, sizeof (gsize));
  guint              n, length;

  editor->timer = 0;
  gtk_widget_set_visible (editor->count, editor->tokenizer != NULL);
  if (editor->tokenizer == NULL)
    return G_SOURCE_REMOVE;
  n      = dif_ui_prompt_tokens (editor->tokenizer, text, is_syntax (editor, "weighted"), edges);
  length = dif_tokenizer_max_length (editor->tokenizer) - 2;
  if (n > length && is_syntax (editor, "plain"))
    said = g_strdup_printf (_ ("%u of %u tokens: the rest is not read"), n, length);
  else
    said = g_strdup_printf (_ ("%u of %u tokens"), n, MAX ((n + length - 1) / length, 1) * length);
  gtk_label_set_text (GTK_LABEL (editor->count), said);
  mark_edges (editor, buffer, text, edges);
  return G_SOURCE_REMOVE;
}

static void
count_soon (Editor *editor)
{
  if (editor->timer == 0)
    editor->timer = g_timeout_add (COUNT_MS, count_tokens, editor);
}

static void
on_changed (GtkTextBuffer *buffer, gpointer user_data)
{
  count_soon (user_data);
}

static void
on_syntax (GObject *settings, GParamSpec *spec, gpointer box)
{
  count_soon (g_object_get_data (box, EDITOR));
}

/* ---- weights ---- */

static void
weigh (Editor *editor, GtkTextBuffer *buffer, double step)
{
  GtkTextIter      from, to;
  g_autofree char *text    = text_of (buffer);
  g_autofree char *weighed = NULL;
  gsize            start, end;

  gtk_text_buffer_get_selection_bounds (buffer, &from, &to);
  start   = (gsize) (g_utf8_offset_to_pointer (text, gtk_text_iter_get_offset (&from)) - text);
  end     = (gsize) (g_utf8_offset_to_pointer (text, gtk_text_iter_get_offset (&to)) - text);
  weighed = dif_ui_prompt_weigh (text, &start, &end, step);
  gtk_text_buffer_set_text (buffer, weighed, -1);
  get_iter (buffer, weighed, start, &from);
  get_iter (buffer, weighed, end, &to);
  gtk_text_buffer_select_range (buffer, &from, &to);
  dif_ui_settings_set_text (editor->settings, "prompt-syntax", "weighted");
}

static gboolean
on_key (GtkWidget *view, GdkEventKey *event, gpointer user_data)
{
  gboolean is_up = event->keyval == GDK_KEY_Up;

  if ((event->state & GDK_CONTROL_MASK) == 0 || (! is_up && event->keyval != GDK_KEY_Down))
    return FALSE;
  weigh (user_data, gtk_text_view_get_buffer (GTK_TEXT_VIEW (view)),
         is_up ? WEIGHT_STEP : -WEIGHT_STEP);
  return TRUE;
}

/* ---- prompts of before ---- */

static gboolean
has_text (const char *prompt, const char *wanted)
{
  g_autofree char *folded = g_utf8_casefold (prompt, -1);
  g_autofree char *part   = g_utf8_casefold (wanted, -1);

  return strstr (folded, part) != NULL;
}

static void
fill_list (Editor *editor)
{
  g_auto (GStrv) prompts = editor->prompts (editor->user_data);
  const char    *wanted  = gtk_entry_get_text (GTK_ENTRY (editor->search));
  guint          n       = 0;

  dif_ui_empty (editor->list);
  for (guint i = 0; prompts[i] != NULL && n < MAX_SHOWN; i++)
    {
      GtkWidget *label;

      if (! has_text (prompts[i], wanted))
        continue;
      label = gtk_label_new (prompts[i]);
      gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
      gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
      gtk_label_set_max_width_chars (GTK_LABEL (label), 40);
      gtk_widget_set_tooltip_text (label, prompts[i]);
      g_object_set (label, "margin", SPACING, NULL);
      gtk_list_box_insert (GTK_LIST_BOX (editor->list), label, -1);
      n++;
    }
  gtk_widget_show_all (editor->list);
}

static void
on_history (GtkToggleButton *button, gpointer user_data)
{
  if (gtk_toggle_button_get_active (button))
    fill_list (user_data);
}

static void
on_search (GtkSearchEntry *search, gpointer user_data)
{
  fill_list (user_data);
}

static void
on_prompt (GtkListBox *list, GtkListBoxRow *row, gpointer user_data)
{
  Editor    *editor = user_data;
  GtkWidget *label  = gtk_bin_get_child (GTK_BIN (row));

  dif_ui_settings_set_text (editor->settings, "prompt", gtk_label_get_text (GTK_LABEL (label)));
  gtk_popover_popdown (gtk_menu_button_get_popover (GTK_MENU_BUTTON (editor->history)));
  gtk_widget_grab_focus (editor->view);
}

static GtkWidget *
new_history (Editor *editor)
{
  GtkWidget *button   = gtk_menu_button_new ();
  GtkWidget *popover  = gtk_popover_new (button);
  GtkWidget *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  GtkWidget *scroller = gtk_scrolled_window_new (NULL, NULL);

  editor->history = button;
  editor->search  = gtk_search_entry_new ();
  editor->list    = gtk_list_box_new ();
  gtk_button_set_image (GTK_BUTTON (button), gtk_image_new_from_icon_name (
                                                 "document-open-recent-symbolic",
                                                 GTK_ICON_SIZE_BUTTON));
  gtk_button_set_relief (GTK_BUTTON (button), GTK_RELIEF_NONE);
  gtk_widget_set_tooltip_text (button, _ ("Prompts of before"));
  atk_object_set_name (gtk_widget_get_accessible (button), _ ("Prompts of before"));
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scroller), 200);
  gtk_widget_set_size_request (scroller, 280, -1);
  gtk_container_add (GTK_CONTAINER (scroller), editor->list);
  g_object_set (box, "margin", SPACING, NULL);
  gtk_box_pack_start (GTK_BOX (box), editor->search, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), scroller, TRUE, TRUE, 0);
  gtk_container_add (GTK_CONTAINER (popover), box);
  gtk_widget_show_all (box);
  gtk_menu_button_set_popover (GTK_MENU_BUTTON (button), popover);
  g_signal_connect (button, "toggled", G_CALLBACK (on_history), editor);
  g_signal_connect (editor->search, "search-changed", G_CALLBACK (on_search), editor);
  g_signal_connect (editor->list, "row-activated", G_CALLBACK (on_prompt), editor);
  return button;
}

/* ---- the editor ---- */

static gboolean
not_null (GBinding *binding, const GValue *from, GValue *to, gpointer user_data)
{
  const char *text = g_value_get_string (from);

  g_value_set_string (to, text != NULL ? text : "");
  return TRUE;
}

static GtkWidget *
new_view (Editor *editor, const char *name, const char *label, int n_lines, GtkWidget **scroller)
{
  GtkWidget     *view   = gtk_text_view_new ();
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (view));

  *scroller = gtk_scrolled_window_new (NULL, NULL);
  gtk_text_view_set_wrap_mode (GTK_TEXT_VIEW (view), GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_accepts_tab (GTK_TEXT_VIEW (view), FALSE);
  g_object_set (view, "left-margin", 6, "right-margin", 6, "top-margin", 4, "bottom-margin", 4,
                NULL);
  gtk_text_buffer_create_tag (buffer, "edge", "underline", PANGO_UNDERLINE_DOUBLE, "weight",
                              PANGO_WEIGHT_BOLD, NULL);
  gtk_text_buffer_create_tag (buffer, "cut", "strikethrough", TRUE, NULL);
  gtk_widget_set_name (view, name);
  atk_object_set_name (gtk_widget_get_accessible (view), label);
  g_object_bind_property_full (editor->settings, name, buffer, "text",
                               G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE, not_null, NULL,
                               NULL, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (*scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_shadow_type (GTK_SCROLLED_WINDOW (*scroller), GTK_SHADOW_IN);
  gtk_widget_set_size_request (*scroller, -1, n_lines * LINE_HEIGHT);
  gtk_container_add (GTK_CONTAINER (*scroller), view);
  g_signal_connect (view, "key-press-event", G_CALLBACK (on_key), editor);
  return view;
}

static void
editor_free (gpointer data)
{
  Editor *editor = data;

  if (editor->timer != 0)
    g_source_remove (editor->timer);
  g_object_unref (editor->settings);
  dif_tokenizer_free (editor->tokenizer);
  g_free (editor->model);
  g_free (editor);
}

static void
on_negative (GObject *settings, GParamSpec *spec, gpointer user_data)
{
  g_autofree char *text = dif_ui_settings_text (settings, "negative-prompt");

  if (*text != '\0')
    gtk_expander_set_expanded (GTK_EXPANDER (user_data), TRUE);
}

static GtkWidget *
new_negative (Editor *editor)
{
  GtkWidget *expander = gtk_expander_new_with_mnemonic (_ ("_Negative prompt"));
  GtkWidget *scroller = NULL;

  editor->negative =
      new_view (editor, "negative-prompt", _ ("Negative prompt"), 2, &scroller);
  gtk_widget_set_tooltip_text (expander, _ ("What should not be in the picture"));
  gtk_widget_set_margin_top (scroller, SPACING);
  gtk_container_add (GTK_CONTAINER (expander), scroller);
  g_signal_connect_object (editor->settings, "notify::negative-prompt", G_CALLBACK (on_negative),
                           expander, 0);
  on_negative (editor->settings, NULL, expander);
  return expander;
}

GtkWidget *
dif_ui_prompt_editor_new (GObject *settings, DifUiPromptsFunc prompts, gpointer user_data)
{
  Editor    *editor   = g_new0 (Editor, 1);
  GtkWidget *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  GtkWidget *head     = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);
  GtkWidget *label    = gtk_label_new_with_mnemonic (_ ("_Prompt"));
  GtkWidget *scroller = NULL;

  editor->settings  = g_object_ref (settings);
  editor->prompts   = prompts;
  editor->user_data = user_data;
  editor->view      = new_view (editor, "prompt", _ ("Prompt"), LINES, &scroller);
  editor->count     = dif_ui_dim_label (NULL);
  gtk_label_set_mnemonic_widget (GTK_LABEL (label), editor->view);
  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_widget_set_tooltip_text (editor->view, _ ("What should be in the picture; Ctrl+Up and "
                                                "Ctrl+Down give words more or less weight"));
  gtk_box_pack_start (GTK_BOX (head), label, FALSE, FALSE, 0);
  if (prompts != NULL)
    gtk_box_pack_end (GTK_BOX (head), new_history (editor), FALSE, FALSE, 0);
  gtk_label_set_ellipsize (GTK_LABEL (editor->count), PANGO_ELLIPSIZE_END);
  gtk_box_pack_end (GTK_BOX (head), editor->count, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), head, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), scroller, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), new_negative (editor), FALSE, FALSE, 0);
  g_object_set_data_full (G_OBJECT (box), EDITOR, editor, editor_free);
  g_signal_connect (gtk_text_view_get_buffer (GTK_TEXT_VIEW (editor->view)), "changed",
                    G_CALLBACK (on_changed), editor);
  g_signal_connect_object (settings, "notify::prompt-syntax", G_CALLBACK (on_syntax), box, 0);
  return box;
}

void
dif_ui_prompt_editor_set_model (GtkWidget *box, const char *model)
{
  Editor                   *editor     = g_object_get_data (G_OBJECT (box), EDITOR);
  g_autofree char          *path       = NULL;
  g_autoptr (DifCheckpoint) checkpoint = NULL;

  if (g_strcmp0 (editor->model, model) == 0 && editor->tokenizer != NULL)
    return;
  g_free (editor->model);
  editor->model = g_strdup (model);
  g_clear_pointer (&editor->tokenizer, dif_tokenizer_free);
  path = dif_catalog_resolve (model, NULL);
  if (path != NULL && (checkpoint = dif_checkpoint_open (path, NULL)) != NULL)
    editor->tokenizer = dif_vocabulary_load (checkpoint, "tokenizer", NULL);
  count_soon (editor);
}

void
dif_ui_prompt_editor_focus (GtkWidget *box)
{
  Editor *editor = g_object_get_data (G_OBJECT (box), EDITOR);

  gtk_widget_grab_focus (editor->view);
}
