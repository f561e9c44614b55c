/* SPDX-License-Identifier: GPL-3.0-or-later */
/* painter-canvas.c - the painter follows the host's images.
 *
 * Invariant: whatever is known of an image is as old as the last glance; all ids are looked
 * up anew, since an image may be closed at any time.
 */
#include "config.h"

#include <string.h>

#include "ui/mnemonics.h"
#include "ui/painter-private.h"
#include "ui/prompt-editor.h"
#include "ui/settings-panel.h"
#include "ui/settings.h"

#include <glib/gi18n-lib.h>

#define THUMBNAIL 1024
#define PLAN_MS   120

void
dif_ui_painter_facts (DifUiPainter *painter, DifUiFacts *facts)
{
  g_autofree char *prompt   = dif_ui_settings_text (painter->settings, "prompt");
  double           strength = dif_ui_settings_number (painter->settings, "strength");

  *facts = (DifUiFacts) { .is_selected = painter->look.is_selected,
                          .cover       = painter->look.cover,
                          .strength    = strength < 0.0 ? 1.0 : strength,
                          .has_prompt  = *g_strstrip (prompt) != '\0',
                          .tasks       = (const char *const *) painter->model->tasks };
}

void
dif_ui_painter_show_verb (DifUiPainter *painter)
{
  DifUiFacts       facts;
  DifUiVerb        verb;
  const char      *task, *reason = NULL;
  gboolean         is_other;
  g_autofree char *label = NULL;

  dif_ui_painter_facts (painter, &facts);
  verb     = dif_ui_painter_verb (painter, &facts);
  task     = dif_ui_intent_task (verb, &facts, &reason);
  label    = dif_ui_intent_label (verb, facts.strength);
  is_other = g_strcmp0 (painter->verb_shown, label) != 0;
  if (is_other)
    {
      gtk_button_set_label (GTK_BUTTON (painter->generate), label);
      g_free (painter->verb_shown);
      painter->verb_shown = g_strdup (label);
    }
  gtk_widget_set_tooltip_text (painter->generate,
                               task != NULL ? dif_ui_intent_about (verb) : reason);
  gtk_widget_set_sensitive (painter->generate, task != NULL && painter->image != 0);
  if (task != NULL)
    is_other |= dif_ui_settings_panel_show (painter->panel, task, painter->model);
  if (is_other)
    dif_ui_mnemonics_settle (gtk_widget_get_toplevel (painter->root));
}

/* ---- where it would be drawn ---- */

static gboolean
plan (gpointer user_data)
{
  DifUiPainter      *painter = user_data;
  DifUiFacts         facts;
  DifUiPlan          found = { 0 };
  DifUiWish          wish  = { .image    = painter->image,
                               .settings = painter->settings,
                               .seen     = painter->has_seen ? &painter->seen : NULL };
  g_autoptr (GError) error = NULL;

  painter->planning = 0;
  dif_ui_painter_facts (painter, &facts);
  wish.task = dif_ui_intent_task (dif_ui_painter_verb (painter, &facts), &facts, NULL);
  if (painter->image != 0 && wish.task != NULL &&
      painter->host->plan (painter->host->data, &wish, &found, &error))
    dif_ui_canvas_view_set_plan (DIF_UI_CANVAS_VIEW (painter->canvas), &found);
  else
    dif_ui_canvas_view_set_plan (DIF_UI_CANVAS_VIEW (painter->canvas), NULL);
  dif_ui_plan_clear (&found);
  return G_SOURCE_REMOVE;
}

void
dif_ui_painter_plan_soon (DifUiPainter *painter)
{
  if (painter->planning == 0)
    painter->planning = g_timeout_add (PLAN_MS, plan, painter);
}

/* ---- which image ---- */

static void
forget_image (DifUiPainter *painter)
{
  g_clear_pointer (&painter->image_key, g_free);
  painter->look     = (DifUiLook) { 0 };
  painter->image    = 0;
  painter->has_seen = FALSE;
  dif_ui_canvas_view_set_canvas (DIF_UI_CANVAS_VIEW (painter->canvas), NULL, 0, 0);
  dif_ui_canvas_view_set_plan (DIF_UI_CANVAS_VIEW (painter->canvas), NULL);
}

static void
show_canvas (DifUiPainter *painter)
{
  g_autoptr (GdkPixbuf) thumbnail =
      painter->host->thumbnail (painter->host->data, painter->image, THUMBNAIL);

  dif_ui_canvas_view_set_canvas (DIF_UI_CANVAS_VIEW (painter->canvas), thumbnail,
                                 painter->look.width, painter->look.height);
}

static gboolean
is_same_rect (const DifUiRect *a, const DifUiRect *b)
{
  return memcmp (a, b, sizeof *a) == 0;
}

/* Looks at the current image.  Returns: FALSE if it is gone */
static gboolean
look (DifUiPainter *painter)
{
  DifUiLook now = { 0 };
  gboolean  is_other;

  if (painter->image == 0 || ! painter->host->look (painter->host->data, painter->image, &now))
    return FALSE;
  is_other = now.stamp != painter->look.stamp || now.width != painter->look.width ||
             now.height != painter->look.height;
  if (is_other || now.is_selected != painter->look.is_selected ||
      ! is_same_rect (&now.selection, &painter->look.selection))
    {
      /* Another selection wants another context. */
      if (! is_same_rect (&now.selection, &painter->look.selection))
        painter->has_seen = FALSE;
      painter->look = now;
      show_canvas (painter);
      dif_ui_painter_show_verb (painter);
      dif_ui_painter_plan_soon (painter);
    }
  return TRUE;
}

/* The chooser shows what is open; it is left alone while nothing has changed. */
static void
show_images (DifUiPainter *painter, const int *images)
{
  GtkComboBoxText    *combo = GTK_COMBO_BOX_TEXT (painter->images);
  g_autoptr (GString) seen  = g_string_new (NULL);
  g_autofree char    *id    = g_strdup_printf ("%d", painter->image);
  g_auto (GStrv)      lines = NULL;

  for (guint i = 0; images[i] != 0; i++)
    {
      g_autofree char *name = painter->host->name (painter->host->data, images[i]);

      g_string_append_printf (seen, "%d\t%s (%d)\n", images[i],
                              name != NULL ? name : "", images[i]);
    }
  if (g_strcmp0 (seen->str, painter->images_seen) != 0)
    {
      g_free (painter->images_seen);
      painter->images_seen = g_strdup (seen->str);
      lines                = g_strsplit (seen->str, "\n", -1);
      g_signal_handlers_block_matched (combo, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, painter);
      gtk_combo_box_text_remove_all (combo);
      for (guint i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
        {
          g_auto (GStrv) parts = g_strsplit (lines[i], "\t", 2);

          gtk_combo_box_text_append (combo, parts[0], parts[1]);
        }
      gtk_combo_box_set_active_id (GTK_COMBO_BOX (combo), id);
      g_signal_handlers_unblock_matched (combo, G_SIGNAL_MATCH_DATA, 0, 0, NULL, NULL, painter);
    }
  else if (g_strcmp0 (gtk_combo_box_get_active_id (GTK_COMBO_BOX (combo)), id) != 0)
    gtk_combo_box_set_active_id (GTK_COMBO_BOX (combo), id);
}

void
dif_ui_painter_poll (DifUiPainter *painter)
{
  g_autofree int *images = painter->host->images (painter->host->data);

  if (! look (painter))
    {
      forget_image (painter);
      if (images[0] != 0)
        dif_ui_painter_set_image (painter, images[0]);
      dif_ui_painter_show_verb (painter);
    }
  show_images (painter, images);
}

void
dif_ui_painter_glance (DifUiPainter *painter)
{
  look (painter);
}

/* An image without results needs no name. */
void
dif_ui_painter_take_key (DifUiPainter *painter, gboolean make)
{
  g_free (painter->image_key);
  painter->image_key = painter->host->key (painter->host->data, painter->image, make);
  dif_ui_results_strip_set_image (painter->strip,
                                  painter->image_key != NULL ? painter->image_key : "");
}

/* An image has the settings that it was left with. */
static void
take_settings (DifUiPainter *painter)
{
  g_autofree char *text = NULL;

  if (painter->image_key != NULL)
    text = dif_ui_store_settings (painter->store, painter->image_key);
  if (text != NULL)
    dif_ui_settings_from_json (painter->settings, text);
}

void
dif_ui_painter_set_image (DifUiPainter *painter, int image)
{
  g_autofree char *id = g_strdup_printf ("%d", image);

  if (image == painter->image)
    return;
  forget_image (painter);
  painter->image = image;
  dif_ui_painter_take_key (painter, FALSE);
  take_settings (painter);
  dif_ui_painter_take_keepsake (painter);
  dif_ui_painter_show_result (painter, NULL);
  if (! look (painter))
    forget_image (painter);
  gtk_combo_box_set_active_id (GTK_COMBO_BOX (painter->images), id);
  dif_ui_painter_show_verb (painter);
  dif_ui_painter_show_progress (painter);
}
