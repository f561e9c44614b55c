/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-form.c - forms of all tasks: letters, rows, and the model's field. */
#include "config.h"

#include <gtk/gtk.h>
#include <string.h>

#include "ui/form.h"
#include "ui/mnemonics.h"
#include "ui/settings.h"

/* A dialog as the plug-in's: GIMP's buttons around the form. */
static GtkWidget *
new_dialog (GObject *settings, const char *task)
{
  DifUiForm  about  = { .settings = settings, .task = task };
  GtkWidget *dialog = gtk_dialog_new ();
  GtkWidget *area   = gtk_dialog_get_content_area (GTK_DIALOG (dialog));

  gtk_container_add (GTK_CONTAINER (area), dif_ui_form_new (&about));
  gtk_container_add (GTK_CONTAINER (area),
                     gtk_button_new_with_mnemonic ("_Load Saved Settings"));
  gtk_container_add (GTK_CONTAINER (area), gtk_button_new_with_mnemonic ("_Save Settings"));
  gtk_dialog_add_buttons (GTK_DIALOG (dialog), "_Help", 1, "_Reset", 2, "_Cancel", 3,
                          "_Generate", 4, NULL);
  dif_ui_mnemonics_settle (dialog);
  return dialog;
}

typedef struct
{
  GHashTable *letters; /* to texts */
  GHashTable *widgets; /* by name */
  guint       n_without;
} Found;

static void
note (Found *found, const char *text)
{
  const char *mark = strchr (text, '_');
  gunichar    letter;

  if (mark == NULL)
    {
      found->n_without++;
      return;
    }
  letter = g_unichar_tolower (g_utf8_get_char (mark + 1));
  if (g_hash_table_contains (found->letters, GUINT_TO_POINTER (letter)))
    g_test_message ("%s and %s", text,
                    (char *) g_hash_table_lookup (found->letters, GUINT_TO_POINTER (letter)));
  g_assert_true (g_hash_table_insert (found->letters, GUINT_TO_POINTER (letter), g_strdup (text)));
}

static void
collect (GtkWidget *widget, gpointer user_data)
{
  Found *found = user_data;

  g_hash_table_insert (found->widgets, g_strdup (gtk_widget_get_name (widget)), widget);
  if (GTK_IS_BUTTON (widget) && gtk_button_get_label (GTK_BUTTON (widget)) != NULL)
    {
      if (gtk_button_get_use_underline (GTK_BUTTON (widget)))
        note (found, gtk_button_get_label (GTK_BUTTON (widget)));
    }
  else if (GTK_IS_LABEL (widget) && gtk_label_get_use_underline (GTK_LABEL (widget)))
    note (found, gtk_label_get_label (GTK_LABEL (widget)));
  else if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), collect, found);
}

static Found
look (GtkWidget *dialog)
{
  Found found = { g_hash_table_new_full (NULL, NULL, NULL, g_free),
                  g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), 0 };

  collect (dialog, &found);
  return found;
}

static void
forget (Found *found)
{
  g_hash_table_unref (found->letters);
  g_hash_table_unref (found->widgets);
}

static void
test_letters (void)
{
  const char *const *tasks = dif_task_names ();

  for (guint i = 0; tasks[i] != NULL; i++)
    {
      g_autoptr (GObject) settings = dif_ui_settings_new (tasks[i]);
      GtkWidget          *dialog   = new_dialog (settings, tasks[i]);
      Found               found    = look (dialog);
      const char         *advanced;

      advanced = g_hash_table_lookup (found.letters, GUINT_TO_POINTER ('a'));
      g_assert_cmpstr (advanced, ==, "_Advanced");
      g_assert_cmpstr (g_hash_table_lookup (found.letters, GUINT_TO_POINTER ('m')), ==, "_Model");
      g_assert_cmpstr (g_hash_table_lookup (found.letters, GUINT_TO_POINTER ('g')), ==,
                       "_Generate");
      g_assert_cmpuint (g_hash_table_size (found.letters), >, 12);
      forget (&found);
      gtk_widget_destroy (dialog);
    }
}

/* Who loses takes no letter that another is known by. */
static void
test_losers (void)
{
  static const char *const texts[]  = { "_Seed", "_Steps", "S_ource", "_Tea", "_Sss", "A__s",
                                        NULL };
  static const char *const wanted[] = { "_Seed", "St_eps", "S_ource", "_Tea", "Sss", "A__s",
                                        NULL };
  GtkWidget               *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GList                   *labels;
  guint                    i = 0;

  g_object_ref_sink (box);
  for (guint k = 0; texts[k] != NULL; k++)
    gtk_container_add (GTK_CONTAINER (box), gtk_label_new_with_mnemonic (texts[k]));
  dif_ui_mnemonics_settle (box);
  labels = gtk_container_get_children (GTK_CONTAINER (box));
  for (GList *l = labels; l != NULL; l = l->next, i++)
    g_assert_cmpstr (gtk_label_get_label (l->data), ==, wanted[i]);
  g_list_free (labels);
  g_object_unref (box);
}

/* A row's widget is seen when the model has a use for it: whatever rows a family has. */
static void
check_xl (Found *found, gboolean is_seen)
{
  guint           n = 0, n_bound = 0;
  const DifParam *rows = dif_task_params ("txt2img", &n);

  for (guint i = 0; i < n; i++)
    {
      GtkWidget *field = g_hash_table_lookup (found->widgets, rows[i].name);

      if (field == NULL || rows[i].families == NULL)
        continue;
      g_assert_true (g_strv_contains (rows[i].families, "sdxl"));
      g_assert_cmpint (gtk_widget_get_visible (field), ==, is_seen);
      n_bound++;
    }
  g_assert_cmpuint (n_bound, >=, 9);
  g_assert_true (gtk_widget_get_visible (g_hash_table_lookup (found->widgets, "eta")));
}

static void
test_rows_follow_model (void)
{
  g_autoptr (GObject) settings = dif_ui_settings_new ("txt2img");
  GtkWidget          *dialog   = new_dialog (settings, "txt2img");
  Found               found    = look (dialog);
  g_autofree char    *sd15     = g_test_build_filename (G_TEST_DIST, "fixtures", "models", "sd15",
                                                        NULL);
  g_autofree char    *sdxl     = g_test_build_filename (G_TEST_DIST, "fixtures", "models", "sdxl",
                                                        NULL);

  check_xl (&found, FALSE);
  g_object_set (settings, "model", sdxl, NULL);
  check_xl (&found, TRUE);
  g_object_set (settings, "model", sd15, NULL);
  check_xl (&found, FALSE);
  g_object_set (settings, "model", "no-such-model", NULL);
  check_xl (&found, FALSE);
  forget (&found);
  gtk_widget_destroy (dialog);
  /* A form that is gone follows no more. */
  g_object_set (settings, "model", sdxl, NULL);
}

/* What SDXL was given is no reason for another model to refuse. */
static void
test_hidden_is_forgotten (void)
{
  g_autoptr (GObject) settings = dif_ui_settings_new ("txt2img");
  g_autofree char    *sdxl     = g_test_build_filename (G_TEST_DIST, "fixtures", "models", "sdxl",
                                                        NULL);
  g_autofree char    *kept = NULL, *text = NULL;
  double              steps = 0, crop = 0;

  g_object_set (settings, "model", sdxl, "prompt-2", "a cat", "crop-left", 5.0, "steps", 7.0,
                NULL);
  dif_ui_form_forget_hidden (settings, "txt2img");
  g_object_get (settings, "prompt-2", &kept, NULL);
  g_assert_cmpstr (kept, ==, "a cat");
  g_object_set (settings, "model", "", NULL);
  dif_ui_form_forget_hidden (settings, "txt2img");
  g_object_get (settings, "prompt-2", &text, "crop-left", &crop, "steps", &steps, NULL);
  g_assert_cmpstr (text, ==, "");
  g_assert_cmpfloat (crop, ==, 0.0);
  g_assert_cmpfloat (steps, ==, 7.0);
}

static void
test_model_is_shown_in_full (void)
{
  g_autoptr (GObject) settings = dif_ui_settings_new ("txt2img");
  GtkWidget          *dialog   = new_dialog (settings, "txt2img");
  Found               found    = look (dialog);
  GtkComboBoxText    *combo    = g_hash_table_lookup (found.widgets, "model");
  g_autofree char    *shown = NULL, *back = NULL, *value = NULL;

  g_object_set (settings, "model", "/tmp/x/tiny-scenes", NULL);
  shown = gtk_combo_box_text_get_active_text (combo);
  g_assert_cmpstr (shown, ==, "/tmp/x/tiny-scenes");
  gtk_combo_box_set_active_id (GTK_COMBO_BOX (combo), "");
  g_object_get (settings, "model", &value, NULL);
  g_assert_cmpstr (value, ==, "");
  back = gtk_combo_box_text_get_active_text (combo);
  g_assert_nonnull (strstr (back, "tiny-scenes"));
  forget (&found);
  gtk_widget_destroy (dialog);
}

/* Entries that open a chooser change nothing until something is chosen. */
static void
test_other_is_no_value (void)
{
  static const char *const commands[] = { "\001file", "\001folder", NULL };
  g_autoptr (GObject)      settings   = dif_ui_settings_new ("txt2img");
  GtkWidget               *dialog     = new_dialog (settings, "txt2img");
  Found                    found      = look (dialog);
  GtkComboBox             *combo      = g_hash_table_lookup (found.widgets, "model");

  for (guint i = 0; commands[i] != NULL; i++)
    {
      g_autofree char *value   = NULL;
      GtkNativeDialog *chooser = NULL;

      gtk_combo_box_set_active_id (combo, commands[i]);
      g_assert_cmpstr (gtk_combo_box_get_active_id (combo), ==, "");
      g_object_get (settings, "model", &value, NULL);
      g_assert_cmpstr (value, ==, "");
      chooser = g_object_get_data (G_OBJECT (combo), "dif-ui-chooser");
      g_assert_true (GTK_IS_FILE_CHOOSER_NATIVE (chooser));
      g_assert_cmpint (gtk_file_chooser_get_action (GTK_FILE_CHOOSER (chooser)), ==,
                       i == 0 ? GTK_FILE_CHOOSER_ACTION_OPEN
                              : GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER);
      gtk_native_dialog_hide (chooser);
      g_object_set_data (G_OBJECT (combo), "dif-ui-chooser", NULL);
    }
  forget (&found);
  gtk_widget_destroy (dialog);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (! gtk_init_check (&argc, &argv))
    {
      g_print ("1..0 # SKIP no display\n");
      return 0;
    }
  g_test_add_func ("/ui/form/every-letter-once", test_letters);
  g_test_add_func ("/ui/form/losers-take-free-letters", test_losers);
  g_test_add_func ("/ui/form/rows-follow-the-model", test_rows_follow_model);
  g_test_add_func ("/ui/form/hidden-rows-are-forgotten", test_hidden_is_forgotten);
  g_test_add_func ("/ui/form/a-path-is-shown-in-full", test_model_is_shown_in_full);
  g_test_add_func ("/ui/form/other-is-no-value", test_other_is_no_value);
  return g_test_run ();
}
