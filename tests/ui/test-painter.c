/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-painter.c - the painter's window with a canvas and a runner of its own: nothing touches
 * the canvas unasked, everything has a name, and every letter is there once. */
#include "config.h"

#include <gtk/gtk.h>
#include <string.h>

#include "ui/demo-host.h"
#include "ui/keepsake.h"
#include "ui/mnemonics.h"
#include "ui/painter.h"
#include "ui/store.h"
#include "ui/styles.h"
#include "ui/settings.h"

#define WAIT_US (20 * G_USEC_PER_SEC)

typedef struct
{
  DifUiDemo     demo;
  DifUiPainter *painter;
  GtkWidget    *window;
} Fixture;

static void
open_window (Fixture *f, const char *folder)
{
  f->painter = dif_ui_painter_new (&f->demo.host, folder, folder);
  f->window  = gtk_window_new (GTK_WINDOW_TOPLEVEL);
  gtk_container_add (GTK_CONTAINER (f->window), dif_ui_painter_widget (f->painter));
  dif_ui_mnemonics_settle (f->window);
  gtk_widget_show_all (f->window);
}

static GtkWidget *
find_by (GtkWidget *root, const char *name, const char *label)
{
  GtkWidget *found    = NULL;
  GList     *children = NULL;

  if ((name != NULL && g_str_equal (gtk_widget_get_name (root), name)) ||
      (label != NULL && GTK_IS_BUTTON (root) &&
       g_strcmp0 (gtk_button_get_label (GTK_BUTTON (root)), label) == 0))
    return root;
  if (! GTK_IS_CONTAINER (root))
    return NULL;
  children = gtk_container_get_children (GTK_CONTAINER (root));
  for (GList *l = children; l != NULL && found == NULL; l = l->next)
    found = find_by (l->data, name, label);
  g_list_free (children);
  return found;
}

static guint
count_results (Fixture *f)
{
  GList *children = gtk_container_get_children (
      GTK_CONTAINER (find_by (f->window, "results", NULL)));
  guint n = g_list_length (children);

  g_list_free (children);
  return n;
}

static void
iterate (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_usleep (2000);
}

static void
wait_for_results (Fixture *f, guint n)
{
  gint64 end = g_get_monotonic_time () + WAIT_US;

  while (count_results (f) < n && g_get_monotonic_time () < end)
    iterate ();
  g_assert_cmpuint (count_results (f), ==, n);
}

static gboolean
is_drawing (Fixture *f)
{
  return gtk_widget_get_visible (find_by (f->window, "drawing", NULL));
}

static void
press_key (Fixture *f, guint keyval, guint state)
{
  GdkEventKey event = { .type = GDK_KEY_PRESS, .keyval = keyval, .state = state };

  g_assert_true (dif_ui_painter_key (f->painter, &event));
}

static void
test_draw_and_apply (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dif-painter-XXXXXX", NULL);
  Fixture          f      = { 0 };
  GtkWidget       *flow;

  dif_ui_demo_init (&f.demo);
  f.demo.step_ms = 1;
  open_window (&f, folder);
  press_key (&f, GDK_KEY_Return, GDK_CONTROL_MASK);
  press_key (&f, GDK_KEY_Return, GDK_CONTROL_MASK);
  g_assert_true (is_drawing (&f));
  wait_for_results (&f, 2);
  g_assert_false (is_drawing (&f));
  g_assert_cmpuint (f.demo.n_layers + f.demo.n_writes, ==, 0);
  /* the newest is chosen; Enter in the strip applies it, and once more goes into its layer */
  flow = find_by (f.window, "results", NULL);
  for (guint i = 0; i < 2; i++)
    g_signal_emit_by_name (flow, "child-activated",
                           gtk_flow_box_get_child_at_index (GTK_FLOW_BOX (flow), 0));
  g_assert_cmpuint (f.demo.n_layers, ==, 1);
  g_assert_cmpuint (f.demo.n_writes, ==, 1);
  g_assert_nonnull (f.demo.kept);
  gtk_widget_destroy (f.window);

  /* what was there comes back */
  open_window (&f, folder);
  g_assert_cmpuint (count_results (&f), ==, 2);
  gtk_widget_destroy (f.window);

  /* also on another machine, with the image alone */
  g_free (folder);
  folder = g_dir_make_tmp ("dif-painter-XXXXXX", NULL);
  open_window (&f, folder);
  g_assert_cmpuint (count_results (&f), ==, 2);
  gtk_widget_destroy (f.window);
  g_bytes_unref (f.demo.kept);
}

static void
test_cancel (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dif-painter-XXXXXX", NULL);
  Fixture          f      = { 0 };
  gint64           begun;

  dif_ui_demo_init (&f.demo);
  f.demo.step_ms = 60 * 1000; /* never done */
  open_window (&f, folder);
  press_key (&f, GDK_KEY_Return, GDK_CONTROL_MASK);
  for (guint i = 0; i < 40; i++)
    iterate ();
  g_assert_true (is_drawing (&f));
  begun = g_get_monotonic_time ();
  press_key (&f, GDK_KEY_Escape, 0);
  g_assert_false (is_drawing (&f));
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 100 * 1000);
  g_assert_cmpuint (count_results (&f), ==, 0);
  /* closed in mid-job, nothing is called any more */
  press_key (&f, GDK_KEY_Return, GDK_CONTROL_MASK);
  for (guint i = 0; i < 60; i++)
    iterate ();
  gtk_widget_destroy (f.window);
  for (guint i = 0; i < 60; i++)
    iterate ();
  g_assert_cmpuint (f.demo.n_layers + f.demo.n_writes, ==, 0);
}

static void
wait_for_runs (Fixture *f, guint n)
{
  gint64 end = g_get_monotonic_time () + WAIT_US;

  while (f->demo.n_runs < n && g_get_monotonic_time () < end)
    iterate ();
  g_assert_cmpuint (f->demo.n_runs, ==, n);
}

/* Drawn again at a change, and at nothing else; shown, and not kept. */
static void
test_live (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dif-painter-XXXXXX", NULL);
  Fixture          f      = { 0 };
  GtkWidget       *live;

  dif_ui_demo_init (&f.demo);
  f.demo.step_ms = 20;
  open_window (&f, folder);
  live = find_by (f.window, "live", NULL);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (live), TRUE);
  wait_for_runs (&f, 1);
  f.demo.stamp++; /* in mid-job */
  wait_for_runs (&f, 2);
  for (guint i = 0; i < 400; i++)
    iterate ();
  g_assert_cmpuint (f.demo.n_runs, ==, 2);
  g_assert_cmpuint (count_results (&f), ==, 0);
  /* the button draws as ever */
  press_key (&f, GDK_KEY_Return, GDK_CONTROL_MASK);
  wait_for_results (&f, 1);
  gtk_toggle_button_set_active (GTK_TOGGLE_BUTTON (live), FALSE);
  f.demo.stamp++;
  for (guint i = 0; i < 200; i++)
    iterate ();
  g_assert_cmpuint (f.demo.n_runs, ==, 3);
  g_assert_cmpuint (f.demo.n_layers + f.demo.n_writes, ==, 0);
  gtk_widget_destroy (f.window);
  g_bytes_unref (f.demo.kept);
}

static void
test_image_goes (void)
{
  g_autofree char *folder = g_dir_make_tmp ("dif-painter-XXXXXX", NULL);
  Fixture          f      = { 0 };
  GtkWidget       *generate;

  dif_ui_demo_init (&f.demo);
  open_window (&f, folder);
  generate = find_by (f.window, "generate", NULL);
  g_assert_true (gtk_widget_get_sensitive (generate));
  f.demo.is_open = FALSE;
  press_key (&f, GDK_KEY_Return, GDK_CONTROL_MASK);
  g_assert_false (gtk_widget_get_sensitive (generate));
  g_assert_cmpuint (f.demo.n_runs, ==, 0);
  gtk_widget_destroy (f.window);
}

static gboolean
has_label (GtkWidget *widget)
{
  AtkRelationSet *relations =
      atk_object_ref_relation_set (gtk_widget_get_accessible (widget));
  gboolean is = atk_relation_set_contains (relations, ATK_RELATION_LABELLED_BY);

  g_object_unref (relations);
  return is;
}

/* What cannot be read by somebody who cannot see is a wall. */
static void
check_names (GtkWidget *widget, gpointer user_data)
{
  GHashTable *letters = user_data;
  const char *text    = NULL;
  const char *mark;

  if (GTK_IS_BUTTON (widget) || GTK_IS_TEXT_VIEW (widget) || GTK_IS_DRAWING_AREA (widget))
    {
      const char *label = GTK_IS_BUTTON (widget) ? gtk_button_get_label (GTK_BUTTON (widget))
                                                 : NULL;
      const char *name  = atk_object_get_name (gtk_widget_get_accessible (widget));

      if (GTK_IS_BUTTON (widget) && gtk_button_get_use_underline (GTK_BUTTON (widget)))
        text = label;
      g_test_message ("%s %s: %s", G_OBJECT_TYPE_NAME (widget), gtk_widget_get_name (widget),
                      name != NULL ? name : "");
      /* a combo box has a button inside, which is not on its own */
      if (gtk_widget_get_visible (widget) && gtk_widget_get_can_focus (widget) &&
          ! GTK_IS_COMBO_BOX (gtk_widget_get_parent (widget)))
        g_assert_true ((name != NULL && *name != '\0') || (label != NULL && *label != '\0') ||
                       has_label (widget) ||
                       gtk_widget_get_ancestor (widget, GTK_TYPE_COMBO_BOX) != NULL);
    }
  else if (GTK_IS_LABEL (widget) && gtk_label_get_use_underline (GTK_LABEL (widget)))
    text = gtk_label_get_label (GTK_LABEL (widget));
  if (text != NULL && gtk_widget_get_mapped (widget) && (mark = strchr (text, '_')) != NULL)
    {
      gunichar letter = g_unichar_tolower (g_utf8_get_char (mark + 1));

      g_test_message ("letter of %s", text);
      g_assert_true (g_hash_table_add (letters, GUINT_TO_POINTER (letter)));
    }
  if (GTK_IS_CONTAINER (widget) && ! (GTK_IS_BUTTON (widget) && text != NULL))
    gtk_container_forall (GTK_CONTAINER (widget), check_names, letters);
}

static void
test_names (void)
{
  g_autofree char       *folder  = g_dir_make_tmp ("dif-painter-XXXXXX", NULL);
  g_autoptr (GHashTable) letters = g_hash_table_new (NULL, NULL);
  Fixture                f       = { 0 };

  dif_ui_demo_init (&f.demo);
  f.demo.is_selected = TRUE;
  open_window (&f, folder);
  for (guint i = 0; i < 200; i++)
    iterate ();
  check_names (f.window, letters);
  g_assert_cmpuint (g_hash_table_size (letters), >, 8);
  gtk_widget_destroy (f.window);
}

static void
test_store (void)
{
  g_autofree char *folder  = g_dir_make_tmp ("dif-store-XXXXXX", NULL);
  DifUiStore      *store   = dif_ui_store_new (folder);
  g_auto (GStrv)   prompts = NULL;
  g_autofree char *own = NULL, *last = NULL, *none = NULL;

  dif_ui_store_set_settings (store, "image-a", "{\"prompt\":\"a;b\\n\"}");
  dif_ui_store_set_settings (store, NULL, "{}");
  for (guint i = 0; i < 2 * DIF_UI_STORE_IMAGES; i++)
    {
      g_autofree char *name = g_strdup_printf ("image-%u", i);

      dif_ui_store_set_settings (store, name, "{}");
      dif_ui_store_set_settings (store, "image-a", "{\"prompt\":\"a;b\\n\"}");
    }
  dif_ui_store_add_prompt (store, "one; two\nthree");
  dif_ui_store_add_prompt (store, "four");
  dif_ui_store_add_prompt (store, "one; two\nthree");
  dif_ui_store_add_prompt (store, "");
  g_assert_true (dif_ui_store_save (store));
  dif_ui_store_free (store);
  store   = dif_ui_store_new (folder);
  prompts = dif_ui_store_prompts (store);
  g_assert_cmpuint (g_strv_length (prompts), ==, 2);
  g_assert_cmpstr (prompts[0], ==, "one; two\nthree");
  own  = dif_ui_store_settings (store, "image-a");
  last = dif_ui_store_settings (store, NULL);
  none = dif_ui_store_settings (store, "image-0");
  g_assert_cmpstr (own, ==, "{\"prompt\":\"a;b\\n\"}");
  g_assert_cmpstr (last, ==, own);
  g_assert_null (none);
  g_assert_cmpint (dif_ui_store_number (store, "x", 5), ==, 5);
  dif_ui_store_free (store);
}

static void
never (DifUiEntry *entry, DifImage *picture, gpointer user_data)
{
  g_assert_not_reached ();
}

/* An image is somebody else's as likely as not. */
static void
test_hostile_keepsake (void)
{
  for (guint i = 0; i < 2000; i++)
    {
      guint8             noise[64];
      g_autoptr (GBytes) bytes = NULL;

      for (guint k = 0; k < sizeof noise; k++)
        noise[k] = (guint8) g_test_rand_int_range (0, 256);
      bytes = g_bytes_new (noise, (gsize) g_test_rand_int_range (0, sizeof noise));
      dif_ui_keepsake_foreach (bytes, "demo", never, NULL);
    }
}

static void
test_styles (void)
{
  g_autoptr (GPtrArray) styles   = dif_ui_styles_list ();
  g_autoptr (GObject)   settings = dif_ui_settings_new_all (NULL, NULL);
  DifUiStyle           *style    = dif_ui_styles_find (styles, "photograph");
  g_autofree char      *prompt = NULL, *negative = NULL, *device = NULL, *path = NULL;
  g_autoptr (GError)    error = NULL;

  g_assert_nonnull (style);
  g_assert_true (dif_ui_style_is_for (style, "StableDiffusionPipeline"));
  g_assert_false (dif_ui_style_is_for (style, "StableDiffusionXLPipeline"));
  dif_ui_settings_set_text (settings, "prompt", "a cat");
  dif_ui_settings_set_text (settings, "negative-prompt", "dogs");
  dif_ui_settings_set_text (settings, "device", "cpu");
  dif_ui_style_choose (style, settings);
  g_assert_cmpfloat (dif_ui_settings_number (settings, "steps"), ==, 25.0);
  dif_ui_style_frame (style, settings);
  prompt   = dif_ui_settings_text (settings, "prompt");
  negative = dif_ui_settings_text (settings, "negative-prompt");
  g_assert_cmpstr (prompt, ==, "a cat, photograph, natural light, sharp focus");
  g_assert_cmpstr (negative, ==, "painting, drawing, blurry, deformed, dogs");
  /* one's own comes back, without what belongs to a picture or to a machine */
  path = dif_ui_style_save ("My / Style", settings, "StableDiffusionPipeline", style->prompt,
                            &error);
  g_assert_no_error (error);
  style = dif_ui_style_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (style->name, ==, "My / Style");
  g_assert_null (strstr (style->settings, "cat"));
  g_assert_null (strstr (style->settings, "device"));
  g_assert_nonnull (strstr (style->settings, "\"steps\""));
  dif_ui_style_free (style);
  /* all that come with the program make sense */
  for (guint i = 0; i < styles->len; i++)
    {
      g_autoptr (GObject) fresh = dif_ui_settings_new_all (NULL, NULL);

      style = g_ptr_array_index (styles, i);
      g_test_message ("%s", style->path);
      dif_ui_style_choose (style, fresh);
      g_assert_false (dif_ui_settings_is_default (fresh, "steps"));
      device = dif_ui_settings_text (fresh, "scheduler");
      g_assert_nonnull (dif_scheduler_resolve_name (device, NULL));
      g_clear_pointer (&device, g_free);
    }
}

int
main (int argc, char **argv)
{
  g_autofree char *data = g_dir_make_tmp ("dif-data-XXXXXX", NULL);

  g_setenv ("XDG_DATA_HOME", data, TRUE);
  gtk_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ui/painter/draws-and-applies-when-asked", test_draw_and_apply);
  g_test_add_func ("/ui/painter/cancels-at-once", test_cancel);
  g_test_add_func ("/ui/painter/live", test_live);
  g_test_add_func ("/ui/painter/image-goes", test_image_goes);
  g_test_add_func ("/ui/painter/names-and-letters", test_names);
  g_test_add_func ("/ui/store/comes-back", test_store);
  g_test_add_func ("/ui/keepsake/of-a-stranger", test_hostile_keepsake);
  g_test_add_func ("/ui/styles/say-what-they-may", test_styles);
  return g_test_run ();
}
