/* SPDX-License-Identifier: GPL-3.0-or-later */
/* results-strip.c - see results-strip.h. */
#include "config.h"

#include <string.h>

#include "ui/results-strip.h"
#include "ui/widgets.h"

#include <glib/gi18n-lib.h>

#define SIDE    80
#define SPACING 6
#define INDENT  10 /* before the first picture of a job */
#define STRIP   "dif-ui-strip"
#define RESULT  "dif-ui-result"

typedef struct
{
  const DifUiResultsEvents *events;
  gpointer                  user_data;
  GtkWidget                *flow, *search, *empty;
  char                     *image_key; /* NULL for all */
  guint                     loader;
} Strip;

typedef struct
{
  DifUiResult result;
  guint       n_refs;
} Counted;

DifUiResult *
dif_ui_result_new (DifUiEntry *entry, DifImage *pixels, DifUiJob *job)
{
  Counted *counted = g_new0 (Counted, 1);

  counted->n_refs        = 1;
  counted->result.entry  = entry;
  counted->result.pixels = pixels != NULL ? dif_image_ref (pixels) : NULL;
  counted->result.job    = job != NULL ? dif_ui_job_ref (job) : NULL;
  return &counted->result;
}

DifUiResult *
dif_ui_result_ref (DifUiResult *result)
{
  ((Counted *) result)->n_refs++;
  return result;
}

void
dif_ui_result_unref (DifUiResult *result)
{
  if (--((Counted *) result)->n_refs > 0)
    return;
  dif_ui_entry_free (result->entry);
  dif_image_unref (result->pixels);
  if (result->job != NULL)
    dif_ui_job_unref (result->job);
  g_clear_object (&result->thumbnail);
  g_free (result);
}

static Strip *
strip_of (GtkWidget *widget)
{
  return g_object_get_data (G_OBJECT (widget), STRIP);
}

static DifUiResult *
result_of (gpointer child)
{
  return child != NULL ? g_object_get_data (G_OBJECT (child), RESULT) : NULL;
}

static GtkFlowBoxChild *
child_of (Strip *strip, DifUiResult *result)
{
  GtkFlowBoxChild *found    = NULL;
  GList           *children = gtk_container_get_children (GTK_CONTAINER (strip->flow));

  for (GList *l = children; l != NULL && found == NULL; l = l->next)
    {
      if (result_of (l->data) == result)
        found = l->data;
    }
  g_list_free (children);
  return found;
}

static GtkFlowBoxChild *
selected_child (Strip *strip)
{
  GList           *selected = gtk_flow_box_get_selected_children (GTK_FLOW_BOX (strip->flow));
  GtkFlowBoxChild *child    = selected != NULL ? selected->data : NULL;

  g_list_free (selected);
  return child;
}

/* ---- which, and in what order ---- */

/* The newest job first, its pictures in their own order. */
static int
compare (GtkFlowBoxChild *a, GtkFlowBoxChild *b, gpointer user_data)
{
  const DifUiEntry *first = result_of (a)->entry, *second = result_of (b)->entry;

  if (first->time != second->time)
    return first->time > second->time ? -1 : 1;
  return (int) first->index - (int) second->index;
}

static gboolean
has_words (const char *text, const char *words)
{
  g_autofree char *folded = g_utf8_casefold (text, -1);
  g_autofree char *wanted = g_utf8_casefold (words, -1);
  g_auto (GStrv)   parts  = g_strsplit_set (wanted, " \t", -1);

  for (guint i = 0; parts[i] != NULL; i++)
    {
      if (strstr (folded, parts[i]) == NULL)
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_shown (GtkFlowBoxChild *child, gpointer user_data)
{
  Strip      *strip  = user_data;
  DifUiEntry *entry  = result_of (child)->entry;
  const char *wanted = gtk_entry_get_text (GTK_ENTRY (strip->search));

  return (strip->image_key == NULL || g_str_equal (entry->image_key, strip->image_key)) &&
         has_words (entry->prompt, wanted);
}

static void
show_whether_empty (Strip *strip)
{
  GList   *children = gtk_container_get_children (GTK_CONTAINER (strip->flow));
  gboolean is_any   = FALSE;

  for (GList *l = children; l != NULL; l = l->next)
    is_any |= is_shown (l->data, strip);
  g_list_free (children);
  gtk_widget_set_visible (strip->empty, ! is_any);
}

static void
on_search (GtkSearchEntry *search, gpointer user_data)
{
  Strip *strip = user_data;

  gtk_flow_box_invalidate_filter (GTK_FLOW_BOX (strip->flow));
  show_whether_empty (strip);
}

/* ---- thumbnails, one at a time while nothing else is to be done ---- */

static GtkWidget *
image_of (gpointer child)
{
  return g_object_get_data (child, "dif-ui-image");
}

static void
show_thumbnail (Strip *strip, gpointer child)
{
  DifUiResult *result = result_of (child);
  int          factor = gtk_widget_get_scale_factor (strip->flow);

  if (result->thumbnail == NULL)
    result->thumbnail = strip->events->thumbnail (result, SIDE * factor, strip->user_data);
  if (result->thumbnail == NULL)
    gtk_image_set_from_icon_name (GTK_IMAGE (image_of (child)), "image-missing",
                                  GTK_ICON_SIZE_DIALOG);
  else
    {
      cairo_surface_t *surface =
          gdk_cairo_surface_create_from_pixbuf (result->thumbnail, factor, NULL);

      gtk_image_set_from_surface (GTK_IMAGE (image_of (child)), surface);
      cairo_surface_destroy (surface);
    }
}

static gboolean
load_next (gpointer user_data)
{
  Strip *strip    = user_data;
  GList *children = gtk_container_get_children (GTK_CONTAINER (strip->flow));
  GList *l;

  for (l = children; l != NULL; l = l->next)
    {
      if (gtk_image_get_storage_type (GTK_IMAGE (image_of (l->data))) == GTK_IMAGE_EMPTY &&
          is_shown (l->data, strip))
        break;
    }
  if (l != NULL)
    show_thumbnail (strip, l->data);
  else
    strip->loader = 0;
  g_list_free (children);
  return strip->loader != 0;
}

static void
want_thumbnails (Strip *strip)
{
  if (strip->loader == 0)
    strip->loader = g_idle_add (load_next, strip);
}

/* ---- the mouse and keys ---- */

static void
on_selected (GtkFlowBox *flow, gpointer user_data)
{
  Strip *strip = user_data;

  strip->events->show (result_of (selected_child (strip)), strip->user_data);
}

static gboolean
on_enter (GtkWidget *box, GdkEventCrossing *event, gpointer user_data)
{
  Strip *strip = user_data;

  strip->events->show (result_of (gtk_widget_get_parent (box)), strip->user_data);
  return FALSE;
}

static gboolean
on_leave (GtkWidget *box, GdkEventCrossing *event, gpointer user_data)
{
  on_selected (NULL, user_data);
  return FALSE;
}

static void
on_activated (GtkFlowBox *flow, GtkFlowBoxChild *child, gpointer user_data)
{
  Strip *strip = user_data;

  strip->events->command (result_of (child), DIF_UI_RESULT_APPLY, strip->user_data);
}

static gboolean
on_key (GtkWidget *flow, GdkEventKey *event, gpointer user_data)
{
  Strip       *strip  = user_data;
  DifUiResult *result = result_of (selected_child (strip));

  if (result == NULL || event->keyval != GDK_KEY_Delete)
    return FALSE;
  strip->events->command (result, DIF_UI_RESULT_DISCARD, strip->user_data);
  return TRUE;
}

static const struct
{
  DifUiResultCommand command;
  const char        *label;
} menu_entries[] = {
  { DIF_UI_RESULT_APPLY, N_ ("_Apply") },
  { DIF_UI_RESULT_USE_SETTINGS, N_ ("Use _Settings") },
  { DIF_UI_RESULT_USE_SEED, N_ ("Use S_eed") },
  { DIF_UI_RESULT_VARY, N_ ("_More Like This") },
  { DIF_UI_RESULT_DISCARD, N_ ("_Discard") },
};

static void
on_menu_entry (GtkMenuItem *item, gpointer user_data)
{
  Strip       *strip  = user_data;
  DifUiResult *result = result_of (item);

  strip->events->command (
      result, GPOINTER_TO_UINT (g_object_get_data (G_OBJECT (item), "dif-ui-command")),
      strip->user_data);
}

static void
pop_up (Strip *strip, GtkFlowBoxChild *child, GdkEvent *event)
{
  GtkWidget *menu = gtk_menu_new ();

  for (guint i = 0; i < G_N_ELEMENTS (menu_entries); i++)
    {
      GtkWidget *item = gtk_menu_item_new_with_mnemonic (_ (menu_entries[i].label));

      g_object_set_data (G_OBJECT (item), "dif-ui-command",
                         GUINT_TO_POINTER (menu_entries[i].command));
      g_object_set_data_full (G_OBJECT (item), RESULT, dif_ui_result_ref (result_of (child)),
                              (GDestroyNotify) dif_ui_result_unref);
      g_signal_connect (item, "activate", G_CALLBACK (on_menu_entry), strip);
      gtk_menu_shell_append (GTK_MENU_SHELL (menu), item);
    }
  gtk_widget_show_all (menu);
  gtk_menu_attach_to_widget (GTK_MENU (menu), GTK_WIDGET (child), NULL);
  g_signal_connect (menu, "selection-done", G_CALLBACK (gtk_widget_destroy), NULL);
  if (event != NULL)
    gtk_menu_popup_at_pointer (GTK_MENU (menu), event);
  else
    gtk_menu_popup_at_widget (GTK_MENU (menu), GTK_WIDGET (child), GDK_GRAVITY_SOUTH_WEST,
                              GDK_GRAVITY_NORTH_WEST, NULL);
}

static gboolean
on_button (GtkWidget *box, GdkEventButton *event, gpointer user_data)
{
  Strip           *strip = user_data;
  GtkFlowBoxChild *child = GTK_FLOW_BOX_CHILD (gtk_widget_get_parent (box));

  if (! gdk_event_triggers_context_menu ((GdkEvent *) event))
    return FALSE;
  gtk_flow_box_select_child (GTK_FLOW_BOX (strip->flow), child);
  pop_up (strip, child, (GdkEvent *) event);
  return TRUE;
}

static gboolean
on_popup_menu (GtkWidget *flow, gpointer user_data)
{
  Strip           *strip = user_data;
  GtkFlowBoxChild *child = selected_child (strip);

  if (child != NULL)
    pop_up (strip, child, NULL);
  return child != NULL;
}

static void
on_drag_data_get (GtkWidget *box, GdkDragContext *context, GtkSelectionData *data, guint info,
                  guint time, gpointer user_data)
{
  Strip           *strip  = user_data;
  g_autofree char *path   = strip->events->path (result_of (gtk_widget_get_parent (box)),
                                                 strip->user_data);
  g_autofree char *uri    = path != NULL ? g_filename_to_uri (path, NULL, NULL) : NULL;
  char            *uris[] = { uri, NULL };

  if (uri != NULL)
    gtk_selection_data_set_uris (data, uris);
}

static void
on_drag_begin (GtkWidget *box, GdkDragContext *context, gpointer user_data)
{
  DifUiResult *result = result_of (gtk_widget_get_parent (box));

  if (result->thumbnail != NULL)
    gtk_drag_set_icon_pixbuf (context, result->thumbnail, 0, 0);
}

/* ---- a result in the strip ---- */

static char *
caption_of (const DifUiEntry *entry)
{
  if (entry->index > 0)
    return g_strdup_printf ("%u", entry->index + 1);
  return g_strdup (*entry->prompt != '\0' ? entry->prompt : _ ("no prompt"));
}

static char *
description_of (const DifUiEntry *entry)
{
  g_autoptr (GDateTime) utc   = g_date_time_new_from_unix_utc (entry->time / G_USEC_PER_SEC);
  g_autoptr (GDateTime) local = g_date_time_to_local (utc);
  g_autofree char      *when  = g_date_time_format (local, "%x %X");

  return g_strdup_printf (_ ("%s\nSeed %u, picture %u, %u × %u, %s"),
                          *entry->prompt != '\0' ? entry->prompt : _ ("no prompt"),
                          (guint) entry->seed, entry->index + 1, entry->width, entry->height,
                          when);
}

static GtkWidget *
new_child (Strip *strip, DifUiResult *result)
{
  GtkWidget       *child   = gtk_flow_box_child_new ();
  GtkWidget       *events  = gtk_event_box_new ();
  GtkWidget       *box     = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2);
  GtkWidget       *image   = gtk_image_new ();
  g_autofree char *caption = caption_of (result->entry);
  g_autofree char *about   = description_of (result->entry);
  GtkWidget       *label   = gtk_label_new (caption);

  gtk_widget_set_size_request (image, SIDE, SIDE);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 1);
  gtk_widget_set_tooltip_text (child, about);
  gtk_container_add (GTK_CONTAINER (box), image);
  gtk_container_add (GTK_CONTAINER (box), label);
  gtk_container_add (GTK_CONTAINER (events), box);
  gtk_container_add (GTK_CONTAINER (child), events);
  if (result->entry->index == 0)
    gtk_widget_set_margin_start (child, INDENT);
  gtk_widget_set_halign (child, GTK_ALIGN_START);
  gtk_widget_set_valign (child, GTK_ALIGN_START);
  atk_object_set_name (gtk_widget_get_accessible (child), about);
  g_object_set_data (G_OBJECT (child), "dif-ui-image", image);
  g_object_set_data (G_OBJECT (child), "dif-ui-label", label);
  g_object_set_data_full (G_OBJECT (child), RESULT, dif_ui_result_ref (result),
                          (GDestroyNotify) dif_ui_result_unref);
  gtk_drag_source_set (events, GDK_BUTTON1_MASK, NULL, 0, GDK_ACTION_COPY);
  gtk_drag_source_add_uri_targets (events);
  g_signal_connect (events, "drag-data-get", G_CALLBACK (on_drag_data_get), strip);
  g_signal_connect (events, "drag-begin", G_CALLBACK (on_drag_begin), strip);
  g_signal_connect (events, "enter-notify-event", G_CALLBACK (on_enter), strip);
  g_signal_connect (events, "leave-notify-event", G_CALLBACK (on_leave), strip);
  g_signal_connect (events, "button-press-event", G_CALLBACK (on_button), strip);
  return child;
}

/* ---- the strip ---- */

static void
strip_free (gpointer data)
{
  Strip *strip = data;

  if (strip->loader != 0)
    g_source_remove (strip->loader);
  g_free (strip->image_key);
  g_free (strip);
}

static void
make_flow (Strip *strip)
{
  strip->flow = gtk_flow_box_new ();
  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (strip->flow), GTK_SELECTION_SINGLE);
  gtk_flow_box_set_activate_on_single_click (GTK_FLOW_BOX (strip->flow), FALSE);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (strip->flow), 64);
  gtk_flow_box_set_sort_func (GTK_FLOW_BOX (strip->flow), compare, NULL, NULL);
  gtk_flow_box_set_filter_func (GTK_FLOW_BOX (strip->flow), is_shown, strip, NULL);
  gtk_widget_set_valign (strip->flow, GTK_ALIGN_START);
  gtk_widget_set_name (strip->flow, "results");
  atk_object_set_name (gtk_widget_get_accessible (strip->flow), _ ("Results"));
  g_signal_connect (strip->flow, "selected-children-changed", G_CALLBACK (on_selected), strip);
  g_signal_connect (strip->flow, "child-activated", G_CALLBACK (on_activated), strip);
  g_signal_connect (strip->flow, "key-press-event", G_CALLBACK (on_key), strip);
  g_signal_connect (strip->flow, "popup-menu", G_CALLBACK (on_popup_menu), strip);
}

GtkWidget *
dif_ui_results_strip_new (const DifUiResultsEvents *events, gpointer user_data)
{
  Strip     *strip    = g_new0 (Strip, 1);
  GtkWidget *box      = gtk_box_new (GTK_ORIENTATION_VERTICAL, SPACING);
  GtkWidget *scroller = gtk_scrolled_window_new (NULL, NULL);
  GtkWidget *overlay  = gtk_overlay_new ();

  strip->events    = events;
  strip->user_data = user_data;
  strip->search    = gtk_search_entry_new ();
  strip->empty     = dif_ui_dim_label (_ ("Results come here."));
  gtk_label_set_xalign (GTK_LABEL (strip->empty), 0.5f);
  gtk_entry_set_placeholder_text (GTK_ENTRY (strip->search), _ ("Search results by prompt"));
  atk_object_set_name (gtk_widget_get_accessible (strip->search), _ ("Search results by prompt"));
  g_signal_connect (strip->search, "search-changed", G_CALLBACK (on_search), strip);
  make_flow (strip);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_shadow_type (GTK_SCROLLED_WINDOW (scroller), GTK_SHADOW_IN);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scroller), SIDE + 36);
  gtk_container_add (GTK_CONTAINER (scroller), strip->flow);
  gtk_container_add (GTK_CONTAINER (overlay), scroller);
  gtk_widget_set_no_show_all (strip->empty, TRUE);
  gtk_widget_show (strip->empty);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), strip->empty);
  gtk_overlay_set_overlay_pass_through (GTK_OVERLAY (overlay), strip->empty, TRUE);
  gtk_box_pack_start (GTK_BOX (box), strip->search, FALSE, FALSE, 0);
  gtk_box_pack_start (GTK_BOX (box), overlay, TRUE, TRUE, 0);
  g_object_set_data_full (G_OBJECT (box), STRIP, strip, strip_free);
  return box;
}

void
dif_ui_results_strip_add (GtkWidget *widget, DifUiResult *result)
{
  Strip     *strip = strip_of (widget);
  GtkWidget *child = new_child (strip, result);

  gtk_widget_show_all (child);
  gtk_flow_box_insert (GTK_FLOW_BOX (strip->flow), child, -1);
  gtk_widget_set_visible (strip->empty, FALSE);
  show_whether_empty (strip);
  want_thumbnails (strip);
}

void
dif_ui_results_strip_remove (GtkWidget *widget, DifUiResult *result)
{
  Strip           *strip = strip_of (widget);
  GtkFlowBoxChild *child = child_of (strip, result);
  GtkFlowBoxChild *next;
  int              index;

  if (child == NULL)
    return;
  index = gtk_flow_box_child_get_index (child);
  gtk_widget_destroy (GTK_WIDGET (child));
  next = gtk_flow_box_get_child_at_index (GTK_FLOW_BOX (strip->flow), index);
  if (next == NULL && index > 0)
    next = gtk_flow_box_get_child_at_index (GTK_FLOW_BOX (strip->flow), index - 1);
  if (next != NULL && is_shown (next, strip))
    {
      gtk_flow_box_select_child (GTK_FLOW_BOX (strip->flow), next);
      gtk_widget_grab_focus (GTK_WIDGET (next));
    }
  show_whether_empty (strip);
}

void
dif_ui_results_strip_clear (GtkWidget *widget)
{
  Strip *strip = strip_of (widget);

  dif_ui_empty (strip->flow);
  show_whether_empty (strip);
}

void
dif_ui_results_strip_set_image (GtkWidget *widget, const char *image_key)
{
  Strip *strip = strip_of (widget);

  if (g_strcmp0 (strip->image_key, image_key) == 0)
    return;
  g_free (strip->image_key);
  strip->image_key = g_strdup (image_key);
  gtk_flow_box_unselect_all (GTK_FLOW_BOX (strip->flow));
  gtk_flow_box_invalidate_filter (GTK_FLOW_BOX (strip->flow));
  show_whether_empty (strip);
  want_thumbnails (strip);
}

DifUiResult *
dif_ui_results_strip_current (GtkWidget *widget)
{
  return result_of (selected_child (strip_of (widget)));
}

void
dif_ui_results_strip_choose (GtkWidget *widget, DifUiResult *result)
{
  Strip           *strip = strip_of (widget);
  GtkFlowBoxChild *child = result != NULL ? child_of (strip, result) : NULL;

  if (child != NULL)
    gtk_flow_box_select_child (GTK_FLOW_BOX (strip->flow), child);
  else
    gtk_flow_box_unselect_all (GTK_FLOW_BOX (strip->flow));
}

DifUiResult *
dif_ui_results_strip_find (GtkWidget *widget, const char *job, guint index)
{
  GList       *children = gtk_container_get_children (GTK_CONTAINER (strip_of (widget)->flow));
  DifUiResult *found    = NULL;

  for (GList *l = children; l != NULL && found == NULL; l = l->next)
    {
      DifUiEntry *entry = result_of (l->data)->entry;

      if (entry->index == index && g_str_equal (entry->job, job))
        found = result_of (l->data);
    }
  g_list_free (children);
  return found;
}

void
dif_ui_results_strip_mark (GtkWidget *widget, DifUiResult *result, gboolean is_applied)
{
  GtkFlowBoxChild *child   = child_of (strip_of (widget), result);
  g_autofree char *caption = NULL;
  g_autofree char *marked  = NULL;

  if (child == NULL)
    return;
  caption = caption_of (result->entry);
  marked  = g_strconcat ("\342\234\223 ", caption, NULL);
  gtk_label_set_text (GTK_LABEL (g_object_get_data (G_OBJECT (child), "dif-ui-label")),
                      is_applied ? marked : caption);
}
