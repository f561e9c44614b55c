/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter.c - see painter.h. */
#include "config.h"

#include "ui/model-about.h"
#include "ui/model-chooser.h"
#include "ui/painter-private.h"
#include "ui/prompt-editor.h"
#include "ui/queue-list.h"
#include "ui/settings-panel.h"
#include "ui/settings.h"
#include "ui/style-row.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SPACING     6
#define POLL_MS     250
#define SAVE_MS     1000
#define LEFT_WIDTH  300
#define HISTORY_MIB 512
#define MIN_PERCENT 5.0
#define ZOOM_STEP   1.5

/* ---- settings that come back ---- */

static gboolean
save (gpointer user_data)
{
  DifUiPainter    *painter = user_data;
  g_autofree char *text    = dif_ui_settings_to_json (painter->settings);

  painter->saving = 0;
  dif_ui_store_set_settings (painter->store, painter->image_key, text);
  dif_ui_store_save (painter->store);
  return G_SOURCE_REMOVE;
}

static void
load_settings (DifUiPainter *painter)
{
  g_autofree char *text = dif_ui_store_settings (painter->store, NULL);

  dif_ui_settings_from_json (painter->settings, text);
}

static guint64
max_history (DifUiPainter *painter)
{
  return (guint64) CLAMP (dif_ui_store_number (painter->store, "history-mebibytes", HISTORY_MIB), 0,
                          G_MAXINT) *
         1024 * 1024;
}

static char **
prompts (gpointer user_data)
{
  DifUiPainter *painter = user_data;

  return dif_ui_store_prompts (painter->store);
}

/* ---- what changes ---- */

void
dif_ui_painter_say (DifUiPainter *painter, const char *text)
{
  if (painter->is_closing)
    return;
  gtk_label_set_text (GTK_LABEL (painter->message), text != NULL ? text : "");
  gtk_widget_set_visible (painter->message_box, text != NULL);
}

DifUiVerb
dif_ui_painter_verb (DifUiPainter *painter, const DifUiFacts *facts)
{
  return painter->chosen != DIF_UI_N_VERBS ? painter->chosen : dif_ui_intent (facts);
}

static void
take_model (DifUiPainter *painter)
{
  g_autofree char *name = dif_ui_settings_text (painter->settings, "model");

  if (painter->model != NULL && g_str_equal (painter->model->name, name))
    return;
  dif_ui_model_free (painter->model);
  painter->model = dif_ui_model_new (name);
  dif_ui_prompt_editor_set_model (painter->prompt, name);
  dif_ui_style_row_set_model (painter->style, painter->model);
  if (painter->model->problem != NULL)
    dif_ui_painter_say (painter, painter->model->problem);
}

static void
on_setting (GObject *settings, GParamSpec *spec, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  if (g_str_equal (spec->name, "model"))
    take_model (painter);
  dif_ui_painter_show_verb (painter);
  dif_ui_painter_plan_soon (painter);
  if (painter->saving == 0)
    painter->saving = g_timeout_add (SAVE_MS, save, painter);
}

static gboolean
on_poll (gpointer user_data)
{
  dif_ui_painter_poll (user_data);
  return G_SOURCE_CONTINUE;
}

static void
on_image_chosen (GtkComboBox *combo, gpointer user_data)
{
  const char *id = gtk_combo_box_get_active_id (combo);

  if (id != NULL)
    dif_ui_painter_set_image (user_data, (int) g_ascii_strtoll (id, NULL, 10));
}

static void
on_seen_changed (DifUiCanvasView *canvas, DifUiRect *seen, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  painter->seen     = *seen;
  painter->has_seen = TRUE;
  dif_ui_painter_plan_soon (painter);
}

static void
on_generate (GtkButton *button, gpointer user_data)
{
  dif_ui_painter_generate (user_data);
}

static void
on_cancel (GtkButton *button, gpointer user_data)
{
  DifUiPainter *painter = user_data;
  DifUiJob     *job     = dif_ui_queue_running (painter->queue);

  if (job != NULL)
    dif_ui_queue_cancel (painter->queue, job);
}

static void
on_apply (GtkButton *button, gpointer user_data)
{
  dif_ui_painter_command (user_data, DIF_UI_RESULT_APPLY);
}

static void
on_discard (GtkButton *button, gpointer user_data)
{
  dif_ui_painter_command (user_data, DIF_UI_RESULT_DISCARD);
}

static void
on_vary (GtkButton *button, gpointer user_data)
{
  dif_ui_painter_command (user_data, DIF_UI_RESULT_VARY);
}

static void
on_before (GtkToggleButton *button, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  dif_ui_canvas_view_set_before (DIF_UI_CANVAS_VIEW (painter->canvas),
                                 gtk_toggle_button_get_active (button));
}

static void
on_zoom_in (GtkButton *button, gpointer user_data)
{
  dif_ui_canvas_view_zoom (DIF_UI_CANVAS_VIEW (((DifUiPainter *) user_data)->canvas), ZOOM_STEP);
}

static void
on_zoom_out (GtkButton *button, gpointer user_data)
{
  dif_ui_canvas_view_zoom (DIF_UI_CANVAS_VIEW (((DifUiPainter *) user_data)->canvas),
                           1.0 / ZOOM_STEP);
}

static void
on_zoom_fit (GtkButton *button, gpointer user_data)
{
  dif_ui_canvas_view_zoom (DIF_UI_CANVAS_VIEW (((DifUiPainter *) user_data)->canvas), 0.0);
}

gboolean
dif_ui_painter_key (DifUiPainter *painter, GdkEventKey *event)
{
  guint    modifiers = event->state & gtk_accelerator_get_default_mod_mask ();
  gboolean is_enter  = event->keyval == GDK_KEY_Return || event->keyval == GDK_KEY_KP_Enter;

  if (is_enter && modifiers == GDK_CONTROL_MASK)
    {
      dif_ui_painter_generate (painter);
      return TRUE;
    }
  if (event->keyval == GDK_KEY_Escape && modifiers == 0 &&
      dif_ui_queue_running (painter->queue) != NULL)
    {
      on_cancel (NULL, painter);
      return TRUE;
    }
  return FALSE;
}

/* ---- the button and its verbs ---- */

static void
on_verb (GtkCheckMenuItem *item, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  if (! gtk_check_menu_item_get_active (item))
    return;
  painter->chosen = GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (item), "dif-ui-verb"));
  dif_ui_painter_show_verb (painter);
  dif_ui_painter_plan_soon (painter);
}

static GtkWidget *
new_verbs (DifUiPainter *painter)
{
  GtkWidget *button = gtk_menu_button_new ();
  GtkWidget *menu   = gtk_menu_new ();
  GSList    *group  = NULL;

  for (guint i = 0; i <= DIF_UI_N_VERBS; i++)
    {
      DifUiVerb        verb  = i == 0 ? DIF_UI_N_VERBS : (DifUiVerb) (i - 1);
      g_autofree char *label = i == 0                  ? g_strdup (_ ("What _Suits"))
                               : verb == DIF_UI_REFINE ? g_strdup (_ ("_Refine"))
                                                       : dif_ui_intent_label (verb, 1.0);
      GtkWidget       *item  = gtk_radio_menu_item_new_with_mnemonic (group, label);

      group = gtk_radio_menu_item_get_group (GTK_RADIO_MENU_ITEM (item));
      g_object_set_data (G_OBJECT (item), "dif-ui-verb", GUINT_TO_POINTER (verb));
      gtk_widget_set_tooltip_text (item, i == 0 ? _ ("As selection, prompt and strength say")
                                                : dif_ui_intent_about (verb));
      g_signal_connect (item, "toggled", G_CALLBACK (on_verb), painter);
      gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
    }
  gtk_widget_show_all (menu);
  gtk_menu_button_set_popup (GTK_MENU_BUTTON (button), menu);
  gtk_widget_set_tooltip_text (button, _ ("What the button does"));
  atk_object_set_name (gtk_widget_get_accessible (button), _ ("What the button does"));
  return button;
}

static void
on_live (GtkToggleButton *button, gpointer user_data)
{
  dif_ui_painter_set_live (user_data, gtk_toggle_button_get_active (button));
}

static GtkWidget *
new_live_switch (DifUiPainter *painter)
{
  painter->live_switch = gtk_check_button_new_with_mnemonic (_ ("_Live painting"));
  gtk_widget_set_tooltip_text (
      painter->live_switch,
      _ ("Draws again, small and in few steps, whenever the image or the prompt changes"));
  gtk_widget_set_name (painter->live_switch, "live");
  g_signal_connect (painter->live_switch, "toggled", G_CALLBACK (on_live), painter);
  return painter->live_switch;
}

static GtkWidget *
new_button_row (DifUiPainter *painter)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

  painter->generate = gtk_button_new_with_mnemonic (_ ("_Generate"));
  painter->verbs    = new_verbs (painter);
  gtk_style_context_add_class (gtk_widget_get_style_context (box), GTK_STYLE_CLASS_LINKED);
  gtk_style_context_add_class (gtk_widget_get_style_context (painter->generate),
                               GTK_STYLE_CLASS_SUGGESTED_ACTION);
  gtk_widget_set_name (painter->generate, "generate");
  g_signal_connect (painter->generate, "clicked", G_CALLBACK (on_generate), painter);
  gtk_box_pack_start (GTK_BOX (box), painter->generate, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), painter->verbs, FALSE, FALSE, 0);
  return box;
}

/* ---- rows of the left side ---- */

static GtkWidget *
add_row (GtkGrid *grid, int line, const char *text, GtkWidget *field)
{
  GtkWidget *label = gtk_label_new_with_mnemonic (text);

  gtk_label_set_mnemonic_widget (GTK_LABEL (label), field);
  gtk_label_set_xalign (GTK_LABEL (label), 0.0f);
  gtk_widget_set_hexpand (field, TRUE);
  gtk_grid_attach (grid, label, 0, line, 1, 1);
  gtk_grid_attach (grid, field, 1, line, 1, 1);
  return field;
}

static gboolean
to_percent (GBinding *binding, const GValue *from, GValue *to, gpointer user_data)
{
  double strength = g_value_get_double (from);

  g_value_set_double (to, strength < 0.0 ? 100.0 : 100.0 * strength);
  return TRUE;
}

static gboolean
from_percent (GBinding *binding, const GValue *from, GValue *to, gpointer user_data)
{
  g_value_set_double (to, g_value_get_double (from) / 100.0);
  return TRUE;
}

static char *
format_percent (GtkScale *scale, double value, gpointer user_data)
{
  return g_strdup_printf (_ ("%.0f %%"), value);
}

static GtkWidget *
new_strength (DifUiPainter *painter)
{
  GtkWidget *scale =
      gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, MIN_PERCENT, 100.0, 1.0);

  gtk_scale_set_value_pos (GTK_SCALE (scale), GTK_POS_RIGHT);
  gtk_widget_set_tooltip_text (
      scale, _ ("How much of the picture is replaced: below 100 % it is refined"));
  gtk_widget_set_name (scale, "strength");
  g_signal_connect (scale, "format-value", G_CALLBACK (format_percent), NULL);
  g_object_bind_property_full (painter->settings, "strength",
                               gtk_range_get_adjustment (GTK_RANGE (scale)), "value",
                               G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE, to_percent,
                               from_percent, NULL, NULL);
  return scale;
}

static GtkWidget *
new_head (DifUiPainter *painter)
{
  GtkWidget *grid  = gtk_grid_new ();
  GtkWidget *style = NULL;

  gtk_grid_set_row_spacing (GTK_GRID (grid), SPACING);
  gtk_grid_set_column_spacing (GTK_GRID (grid), SPACING);
  painter->images = gtk_combo_box_text_new ();
  gtk_widget_set_tooltip_text (painter->images, _ ("Which image to draw on"));
  gtk_widget_set_name (painter->images, "image");
  g_object_set (gtk_cell_layout_get_cells (GTK_CELL_LAYOUT (painter->images))->data, "ellipsize",
                PANGO_ELLIPSIZE_MIDDLE, NULL);
  g_signal_connect (painter->images, "changed", G_CALLBACK (on_image_chosen), painter);
  add_row (GTK_GRID (grid), 0, _ ("_Image"), painter->images);
  painter->style = dif_ui_style_row_new (painter->settings, &style);
  add_row (GTK_GRID (grid), 1, _ ("_Model"), dif_ui_model_chooser_new (painter->settings));
  add_row (GTK_GRID (grid), 2, _ ("St_yle"), painter->style);
  gtk_label_set_mnemonic_widget (
      GTK_LABEL (gtk_grid_get_child_at (GTK_GRID (grid), 0, 2)), style);
  return grid;
}

static GtkWidget *
new_progress (DifUiPainter *painter)
{
  GtkWidget *box    = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);
  GtkWidget *cancel = gtk_button_new_with_mnemonic (_ ("_Cancel"));

  painter->progress = gtk_progress_bar_new ();
  gtk_progress_bar_set_show_text (GTK_PROGRESS_BAR (painter->progress), TRUE);
  gtk_progress_bar_set_ellipsize (GTK_PROGRESS_BAR (painter->progress), PANGO_ELLIPSIZE_END);
  gtk_widget_set_valign (painter->progress, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (cancel, _ ("Stops what is being drawn; the model stays ready"));
  g_signal_connect (cancel, "clicked", G_CALLBACK (on_cancel), painter);
  gtk_box_pack_start (GTK_BOX (box), painter->progress, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), cancel, FALSE, FALSE, 0);
  gtk_widget_set_name (box, "drawing");
  gtk_widget_show_all (box);
  gtk_widget_set_no_show_all (box, TRUE);
  gtk_widget_hide (box);
  return box;
}

static GtkWidget *
scrolled (GtkWidget *content)
{
  GtkWidget *scroller = gtk_scrolled_window_new (NULL, NULL);

  g_object_set (content, "margin", SPACING, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_container_add (GTK_CONTAINER (scroller), content);
  return scroller;
}

static GtkWidget *
new_notebook (DifUiPainter *painter)
{
  GtkWidget *notebook = gtk_notebook_new ();

  painter->panel      = dif_ui_settings_panel_new (painter->settings, painter->host);
  painter->queue_list = dif_ui_queue_list_new (painter->queue);
  painter->queue_tab  = gtk_label_new_with_mnemonic (_ ("_Queue"));
  gtk_notebook_append_page (GTK_NOTEBOOK (notebook), scrolled (painter->panel),
                            gtk_label_new_with_mnemonic (_ ("_Settings")));
  gtk_notebook_append_page (GTK_NOTEBOOK (notebook), scrolled (painter->queue_list),
                            painter->queue_tab);
  return notebook;
}

static GtkWidget *
new_left (DifUiPainter *painter)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);

  painter->prompt       = dif_ui_prompt_editor_new (painter->settings, prompts, painter);
  painter->strength     = new_strength (painter);
  painter->progress_box = new_progress (painter);
  painter->about        = dif_ui_model_about_new (painter->settings, "txt2img");
  gtk_box_pack_start (GTK_BOX (box), new_head (painter), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), painter->about, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), painter->prompt, FALSE, FALSE, 0);
  {
    GtkWidget *grid = gtk_grid_new ();

    gtk_grid_set_column_spacing (GTK_GRID (grid), SPACING);
    add_row (GTK_GRID (grid), 0, _ ("S_trength"), painter->strength);
    gtk_box_pack_start (GTK_BOX (box), grid, FALSE, FALSE, 0);
  }
  gtk_box_pack_start (GTK_BOX (box), new_button_row (painter), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), painter->progress_box, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), new_live_switch (painter), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), new_notebook (painter), TRUE, TRUE, 0);
  gtk_widget_set_size_request (box, LEFT_WIDTH, -1);
  return box;
}

/* ---- the right side ---- */

static GtkWidget *
result_button (DifUiPainter *painter, const char *text, const char *about, GCallback func)
{
  GtkWidget *button = gtk_button_new_with_mnemonic (text);

  gtk_widget_set_tooltip_text (button, about);
  gtk_widget_set_sensitive (button, FALSE);
  g_signal_connect (button, "clicked", func, painter);
  return button;
}

static void
add_zoom (DifUiPainter *painter, GtkWidget *box, const char *icon, const char *about,
          GCallback func)
{
  GtkWidget *button = dif_ui_icon_button (icon, about);

  g_signal_connect (button, "clicked", func, painter);
  gtk_box_pack_start (GTK_BOX (box), button, FALSE, FALSE, 0);
}

static GtkWidget *
new_result_row (DifUiPainter *painter)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, SPACING);

  painter->apply   = result_button (painter, _ ("_Apply"),
                                    _ ("Puts the chosen result onto the canvas, as a layer"),
                                    G_CALLBACK (on_apply));
  painter->discard = result_button (painter, _ ("_Discard"), _ ("Forgets the chosen result"),
                                    G_CALLBACK (on_discard));
  painter->vary    = result_button (painter, _ ("_More Like This"),
                                    _ ("Draws with its settings and another seed"),
                                    G_CALLBACK (on_vary));
  painter->before  = gtk_toggle_button_new_with_mnemonic (_ ("_Before"));
  gtk_widget_set_tooltip_text (painter->before,
                               _ ("What was there before; on the canvas, hold B, or draw over the "
                                  "picture with the mouse"));
  g_signal_connect (painter->before, "toggled", G_CALLBACK (on_before), painter);
  add_zoom (painter, box, "zoom-out-symbolic", _ ("Zoom out"), G_CALLBACK (on_zoom_out));
  add_zoom (painter, box, "zoom-fit-best-symbolic", _ ("Show all of the canvas"),
            G_CALLBACK (on_zoom_fit));
  add_zoom (painter, box, "zoom-in-symbolic", _ ("Zoom in"), G_CALLBACK (on_zoom_in));
  gtk_box_pack_start (GTK_BOX (box), painter->before, FALSE, FALSE, 0);
  gtk_box_pack_end (GTK_BOX (box), painter->apply, FALSE, FALSE, 0);
  gtk_box_pack_end (GTK_BOX (box), painter->discard, FALSE, FALSE, 0);
  gtk_box_pack_end (GTK_BOX (box), painter->vary, FALSE, FALSE, 0);
  return box;
}

static GtkWidget *
new_right (DifUiPainter *painter)
{
  GtkWidget *box   = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  GtkWidget *frame = gtk_frame_new (NULL);

  painter->canvas = dif_ui_canvas_view_new ();
  painter->strip  = dif_ui_painter_new_strip (painter);
  gtk_widget_set_size_request (painter->canvas, 240, 160);
  g_signal_connect (painter->canvas, "seen-changed", G_CALLBACK (on_seen_changed), painter);
  gtk_container_add (GTK_CONTAINER (frame), painter->canvas);
  gtk_box_pack_start (GTK_BOX (box), frame, TRUE, TRUE, 0);
  gtk_box_pack_start (GTK_BOX (box), new_result_row (painter), FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), painter->strip, FALSE, FALSE, 0);
  return box;
}

static void
on_message_response (GtkInfoBar *bar, int response, gpointer user_data)
{
  dif_ui_painter_say (user_data, NULL);
}

static GtkWidget *
new_message (DifUiPainter *painter)
{
  GtkWidget *bar = gtk_info_bar_new ();

  painter->message = gtk_label_new (NULL);
  gtk_label_set_line_wrap (GTK_LABEL (painter->message), TRUE);
  gtk_label_set_line_wrap_mode (GTK_LABEL (painter->message), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (painter->message), 0.0f);
  gtk_label_set_selectable (GTK_LABEL (painter->message), TRUE);
  gtk_info_bar_set_message_type (GTK_INFO_BAR (bar), GTK_MESSAGE_WARNING);
  gtk_info_bar_add_button (GTK_INFO_BAR (bar), _ ("Close"), GTK_RESPONSE_CLOSE);
  gtk_box_pack_start (GTK_BOX (gtk_info_bar_get_content_area (GTK_INFO_BAR (bar))),
                      painter->message, TRUE, TRUE, 0);
  g_signal_connect (bar, "response", G_CALLBACK (on_message_response), painter);
  gtk_widget_show_all (bar);
  gtk_widget_set_no_show_all (bar, TRUE);
  gtk_widget_hide (bar);
  return bar;
}

/* ---- all of it ---- */

static void
on_destroy (GtkWidget *root, gpointer user_data)
{
  DifUiPainter *painter = user_data;

  if (painter->is_closing)
    return;
  painter->is_closing = TRUE;
  if (painter->saving != 0)
    {
      g_source_remove (painter->saving);
      save (painter);
    }
  g_clear_handle_id (&painter->poll, g_source_remove);
  g_clear_handle_id (&painter->planning, g_source_remove);
  g_clear_handle_id (&painter->live, g_source_remove);
  g_signal_handlers_disconnect_by_data (painter->settings, painter);
  dif_ui_queue_free (painter->queue);
}

static void
painter_free (gpointer data)
{
  DifUiPainter *painter = data;

  dif_ui_history_free (painter->history);
  dif_ui_model_free (painter->model);
  g_object_unref (painter->settings);
  g_hash_table_unref (painter->layers);
  g_queue_clear_full (&painter->fresh, (GDestroyNotify) dif_ui_result_unref);
  g_free (painter->image_key);
  g_free (painter->images_seen);
  g_free (painter->verb_shown);
  dif_ui_store_free (painter->store);
  g_free (painter);
}

static void
make_root (DifUiPainter *painter)
{
  GtkWidget *paned = gtk_paned_new (GTK_ORIENTATION_HORIZONTAL);
  GtkWidget *left  = new_left (painter);
  GtkWidget *right = new_right (painter);

  painter->message_box = new_message (painter);
  painter->root        = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  gtk_widget_set_margin_end (left, SPACING);
  gtk_widget_set_margin_start (right, SPACING);
  gtk_paned_pack1 (GTK_PANED (paned), left, FALSE, FALSE);
  gtk_paned_pack2 (GTK_PANED (paned), right, TRUE, FALSE);
  gtk_box_pack_start (GTK_BOX (painter->root), painter->message_box, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (painter->root), paned, TRUE, TRUE, 0);
  g_object_set_data_full (G_OBJECT (painter->root), "dif-ui-painter", painter, painter_free);
  g_signal_connect (painter->root, "destroy", G_CALLBACK (on_destroy), painter);
}

DifUiPainter *
dif_ui_painter_new (const DifUiHost *host, const char *cache, const char *config)
{
  DifUiPainter    *painter = g_new0 (DifUiPainter, 1);
  g_autofree char *folder  = g_build_filename (cache, "history", NULL);

  painter->host     = host;
  painter->store    = dif_ui_store_new (config);
  painter->chosen   = DIF_UI_N_VERBS;
  painter->settings = dif_ui_settings_new_all (host->params, host->data);
  painter->history  = dif_ui_history_new (folder, max_history (painter));
  painter->layers   = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_queue_init (&painter->fresh);
  load_settings (painter);
  dif_ui_painter_start_queue (painter);
  make_root (painter);
  take_model (painter);
  dif_ui_painter_fill_strip (painter);
  g_signal_connect (painter->settings, "notify", G_CALLBACK (on_setting), painter);
  painter->poll = g_timeout_add (POLL_MS, on_poll, painter);
  dif_ui_painter_poll (painter);
  return painter;
}

GtkWidget *
dif_ui_painter_widget (DifUiPainter *painter)
{
  return painter->root;
}
