/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fields.c - see fields.h.
 *
 * Invariant: the property is the truth; a widget shows it and writes to it,
 * and a value that the widget does not know yet is added, never dropped.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "ui/combo.h"
#include "ui/fields.h"
#include "ui/model-field.h"

#include <glib/gi18n-lib.h>

#define TEXT_LINES        4
#define LIST_LINES        2
#define LINE_HEIGHT       21
#define TEXT_WIDTH        380
#define WORD_CHARACTERS   24
#define NUMBER_CHARACTERS 12
#define PIXEL_STEP        8.0
#define BINDING           (G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE)

typedef GtkWidget *(*MakeField) (GObject *settings, const DifParam *row);

static void
set_focus (GtkWidget *field, GtkWidget *focus)
{
  g_object_set_data (G_OBJECT (field), "dif-ui-focus", focus);
}

GtkWidget *
dif_ui_field_focus (GtkWidget *field)
{
  GtkWidget *focus = g_object_get_data (G_OBJECT (field), "dif-ui-focus");

  return focus != NULL ? focus : field;
}

/* Text */

static gboolean
null_to_empty (GBinding *binding, const GValue *from, GValue *to, gpointer user_data)
{
  const char *text = g_value_get_string (from);

  g_value_set_string (to, text != NULL ? text : "");
  return TRUE;
}

static GtkWidget *
text_view (GObject *settings, const DifParam *row, int n_lines)
{
  GtkWidget *scroller = gtk_scrolled_window_new (NULL, NULL);
  GtkWidget *view     = gtk_text_view_new ();

  gtk_text_view_set_wrap_mode (GTK_TEXT_VIEW (view), GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_accepts_tab (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_left_margin (GTK_TEXT_VIEW (view), 6);
  gtk_text_view_set_right_margin (GTK_TEXT_VIEW (view), 6);
  gtk_text_view_set_top_margin (GTK_TEXT_VIEW (view), 4);
  gtk_text_view_set_bottom_margin (GTK_TEXT_VIEW (view), 4);
  g_object_bind_property_full (settings, row->name, gtk_text_view_get_buffer (GTK_TEXT_VIEW (view)),
                               "text", BINDING, null_to_empty, NULL, NULL, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_shadow_type (GTK_SCROLLED_WINDOW (scroller), GTK_SHADOW_IN);
  gtk_widget_set_size_request (scroller, TEXT_WIDTH, n_lines * LINE_HEIGHT);
  gtk_container_add (GTK_CONTAINER (scroller), view);
  gtk_widget_set_vexpand (scroller, TRUE);
  set_focus (scroller, view);
  return scroller;
}

static GtkWidget *
prompt_field (GObject *settings, const DifParam *row)
{
  return text_view (settings, row, TEXT_LINES);
}

static GtkWidget *
list_field (GObject *settings, const DifParam *row)
{
  return text_view (settings, row, LIST_LINES);
}

static GtkWidget *
word_field (GObject *settings, const DifParam *row)
{
  GtkWidget *entry = gtk_entry_new ();

  gtk_entry_set_width_chars (GTK_ENTRY (entry), WORD_CHARACTERS);
  gtk_entry_set_activates_default (GTK_ENTRY (entry), TRUE);
  g_object_bind_property_full (settings, row->name, entry, "text", BINDING, null_to_empty, NULL,
                               NULL, NULL);
  return entry;
}

/* Numbers */

/* A number whose fallback is shown as a word. */
static const char *
word_of (GtkSpinButton *spin)
{
  return g_object_get_data (G_OBJECT (spin), "dif-ui-word");
}

static gboolean
on_output (GtkSpinButton *spin, gpointer user_data)
{
  const DifParam *row = user_data;

  if (gtk_spin_button_get_value (spin) != row->fallback)
    return FALSE;
  if (strcmp (gtk_entry_get_text (GTK_ENTRY (spin)), word_of (spin)) != 0)
    gtk_entry_set_text (GTK_ENTRY (spin), word_of (spin));
  return TRUE;
}

static int
on_input (GtkSpinButton *spin, double *value, gpointer user_data)
{
  const DifParam *row  = user_data;
  const char     *text = gtk_entry_get_text (GTK_ENTRY (spin));

  if (*text != '\0' && strcmp (text, word_of (spin)) != 0)
    return FALSE;
  *value = row->fallback;
  return TRUE;
}

static GtkWidget *
new_spin (double least, double most, double step)
{
  GtkWidget *spin = gtk_spin_button_new_with_range (least, most, step);

  gtk_entry_set_activates_default (GTK_ENTRY (spin), TRUE);
  gtk_entry_set_width_chars (GTK_ENTRY (spin), NUMBER_CHARACTERS);
  gtk_widget_set_halign (spin, GTK_ALIGN_START);
  return spin;
}

/* Shows a word where the fallback is. */
static void
show_word (GtkWidget *spin, const DifParam *row, const char *word)
{
  gtk_spin_button_set_numeric (GTK_SPIN_BUTTON (spin), FALSE);
  g_object_set_data (G_OBJECT (spin), "dif-ui-word", (gpointer) word);
  g_signal_connect (spin, "output", G_CALLBACK (on_output), (gpointer) row);
  g_signal_connect (spin, "input", G_CALLBACK (on_input), (gpointer) row);
}

/* Between automatic and the least there is nothing: steps over it, both ways. */
static void
on_value_changed (GtkSpinButton *spin, gpointer user_data)
{
  const DifParam *row   = user_data;
  double          value = gtk_spin_button_get_value (spin);
  double         *last  = g_object_get_data (G_OBJECT (spin), "dif-ui-last");

  if (value < row->min && value != row->fallback && row->auto_default)
    gtk_spin_button_set_value (spin, *last >= row->min ? row->fallback : row->min);
  *last = gtk_spin_button_get_value (spin);
}

static double
step_of (const DifParam *row)
{
  if (g_strcmp0 (row->unit, "pixels") == 0 && row->min >= PIXEL_STEP)
    return PIXEL_STEP;
  if (row->type == DIF_PARAM_INT)
    return 1.0;
  return row->max - row->min <= 1.0 ? 0.05 : 0.5;
}

void
dif_ui_field_tune (GtkWidget *spin, const DifParam *row)
{
  double  step = step_of (row);
  double *last = g_new (double, 1);

  *last = gtk_spin_button_get_value (GTK_SPIN_BUTTON (spin));
  g_object_set_data_full (G_OBJECT (spin), "dif-ui-last", last, g_free);
  gtk_spin_button_set_digits (GTK_SPIN_BUTTON (spin), row->type == DIF_PARAM_INT ? 0 : 2);
  gtk_spin_button_set_increments (GTK_SPIN_BUTTON (spin), step, 8.0 * step);
  gtk_spin_button_set_snap_to_ticks (GTK_SPIN_BUTTON (spin), step == PIXEL_STEP);
  g_signal_connect (spin, "value-changed", G_CALLBACK (on_value_changed), (gpointer) row);
  if (row->auto_default)
    show_word (spin, row, _ ("automatic"));
  gtk_entry_set_width_chars (GTK_ENTRY (spin), NUMBER_CHARACTERS);
  gtk_entry_set_activates_default (GTK_ENTRY (spin), TRUE);
  gtk_spin_button_update (GTK_SPIN_BUTTON (spin));
}

static GtkWidget *
number_field (GObject *settings, const DifParam *row)
{
  double     least = row->auto_default ? MIN (row->min, row->fallback) : row->min;
  GtkWidget *spin  = new_spin (least, row->max, step_of (row));

  g_object_bind_property (settings, row->name, spin, "value", BINDING);
  dif_ui_field_tune (spin, row);
  return spin;
}

/* The seed: a number, or a new one every time */

static void
on_random_toggled (GtkToggleButton *random, gpointer user_data)
{
  GtkSpinButton  *spin = user_data;
  const DifParam *row  = g_object_get_data (G_OBJECT (spin), "dif-ui-row");
  gboolean        is   = gtk_spin_button_get_value (spin) == row->fallback;

  if (gtk_toggle_button_get_active (random) && ! is)
    gtk_spin_button_set_value (spin, row->fallback);
  else if (! gtk_toggle_button_get_active (random) && is)
    gtk_spin_button_set_value (spin, g_random_int ());
}

static void
on_seed_changed (GtkSpinButton *spin, gpointer user_data)
{
  GtkToggleButton *random = user_data;
  const DifParam  *row    = g_object_get_data (G_OBJECT (spin), "dif-ui-row");
  gboolean         is     = gtk_spin_button_get_value (spin) == row->fallback;

  gtk_toggle_button_set_active (random, is);
  gtk_widget_set_sensitive (GTK_WIDGET (spin), ! is);
}

static GtkWidget *
seed_field (GObject *settings, const DifParam *row)
{
  GtkWidget *box    = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *spin   = new_spin (row->min, row->max, 1.0);
  GtkWidget *random = gtk_check_button_new_with_mnemonic (_ ("_Randomize"));

  g_object_set_data (G_OBJECT (spin), "dif-ui-row", (gpointer) row);
  show_word (spin, row, _ ("random"));
  gtk_spin_button_set_digits (GTK_SPIN_BUTTON (spin), 0);
  gtk_widget_set_tooltip_text (random, _ ("A new seed for every image; off to keep one"));
  g_signal_connect (spin, "value-changed", G_CALLBACK (on_seed_changed), random);
  g_signal_connect (random, "toggled", G_CALLBACK (on_random_toggled), spin);
  g_object_bind_property (settings, row->name, spin, "value", BINDING);
  on_seed_changed (GTK_SPIN_BUTTON (spin), random);
  gtk_spin_button_update (GTK_SPIN_BUTTON (spin));
  gtk_box_pack_start (GTK_BOX (box), spin, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), random, FALSE, FALSE, 0);
  set_focus (box, spin);
  return box;
}

/* Words out of a list */

char *
dif_ui_field_word (const char *word)
{
  const char *own      = g_dgettext (GETTEXT_PACKAGE, word);
  char        first[7] = "";

  for (const char *p = own; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (! g_unichar_isalpha (g_utf8_get_char (p)))
        return g_strdup (own);
    }
  if (*own == '\0')
    return g_strdup (own);
  g_unichar_to_utf8 (g_unichar_toupper (g_utf8_get_char (own)), first);
  return g_strconcat (first, g_utf8_next_char (own), NULL);
}

static GtkWidget *
choice_field (GObject *settings, const DifParam *row)
{
  GtkWidget *combo = gtk_combo_box_text_new ();

  for (guint i = 0; row->choices[i] != NULL; i++)
    {
      g_autofree char *label = dif_ui_field_word (row->choices[i]);

      gtk_combo_box_text_append (GTK_COMBO_BOX_TEXT (combo), row->choices[i], label);
    }
  dif_ui_combo_bind (settings, row->name, GTK_COMBO_BOX_TEXT (combo));
  return combo;
}

static GtkWidget *
scheduler_field (GObject *settings, const DifParam *row)
{
  GtkWidget         *combo = gtk_combo_box_text_new ();
  const char *const *names = dif_scheduler_class_names ();

  gtk_combo_box_text_append (GTK_COMBO_BOX_TEXT (combo), "", _ ("The model’s own"));
  for (guint i = 0; names[i] != NULL; i++)
    {
      g_autofree char *label = g_strdup (names[i]);

      if (g_str_has_suffix (label, "Scheduler"))
        label[strlen (label) - strlen ("Scheduler")] = '\0';
      gtk_combo_box_text_append (GTK_COMBO_BOX_TEXT (combo), names[i], label);
    }
  dif_ui_combo_bind (settings, row->name, GTK_COMBO_BOX_TEXT (combo));
  return combo;
}

static GtkWidget *
switch_field (GObject *settings, const DifParam *row)
{
  GtkWidget *check = gtk_check_button_new ();

  gtk_widget_set_halign (check, GTK_ALIGN_START);
  g_object_bind_property (settings, row->name, check, "active", BINDING);
  return check;
}

static MakeField
maker_of (const DifParam *row)
{
  static const struct
  {
    const char *name;
    MakeField   make;
  } special[] = {
    { "prompt", prompt_field },
    { "negative-prompt", list_field },
    { "scheduler", scheduler_field },
    { "seed", seed_field },
  };
  static const MakeField by_type[] = {
    [DIF_PARAM_STRING]  = word_field,
    [DIF_PARAM_INT]     = number_field,
    [DIF_PARAM_DOUBLE]  = number_field,
    [DIF_PARAM_BOOL]    = switch_field,
    [DIF_PARAM_CHOICE]  = choice_field,
    [DIF_PARAM_STRINGS] = list_field,
  };

  for (guint i = 0; i < G_N_ELEMENTS (special); i++)
    {
      if (strcmp (row->name, special[i].name) == 0)
        return special[i].make;
    }
  return (guint) row->type < G_N_ELEMENTS (by_type) ? by_type[row->type] : NULL;
}

GtkWidget *
dif_ui_field_new (GObject *settings, const char *task, const DifParam *row)
{
  MakeField  make  = maker_of (row);
  GtkWidget *field = NULL;

  if (strcmp (row->name, "model") == 0)
    field = dif_ui_model_field_new (settings, task, row);
  else if (make != NULL)
    field = make (settings, row);
  if (field == NULL)
    return NULL;
  gtk_widget_set_tooltip_text (dif_ui_field_focus (field),
                               g_dgettext (GETTEXT_PACKAGE, row->blurb));
  gtk_widget_set_hexpand (field, TRUE);
  gtk_widget_set_name (dif_ui_field_focus (field), row->name);
  return field;
}

gboolean
dif_ui_field_is_wide (const DifParam *row)
{
  MakeField make = maker_of (row);

  return make == prompt_field || make == list_field;
}
