/* SPDX-License-Identifier: GPL-3.0-or-later */
/* window.c - see window.h.
 *
 * Nothing here calls gimp_progress_*: its Cancel would kill the window.
 */
#include "config.h"

#include <unistd.h>

#include <libgimp/gimpui.h>

#include "engine/socket-dir.h"
#include "engine/platform.h"
#include "plugin/run.h"
#include "plugin/window-host.h"
#include "plugin/window.h"
#include "ui/mnemonics.h"
#include "ui/painter.h"

#include <glib/gi18n-lib.h>

#define LOCK_MS     3000
#define MAX_MESSAGE 64
#define WIDTH       900
#define HEIGHT      640
#define BORDER      12

typedef struct
{
  DifUiHost       host;
  DifUiPainter   *painter;
  GtkWidget      *window;
  GSocketService *service;
  DifSocketDir   *place;
} Window;

/* For the quit of the plug-in, which knows nothing else. */
static Window *open_window;

/* ---- what procedures say to the window: "show IMAGE" or "generate IMAGE" ---- */

static gboolean
tell (DifSocketDir *place, const char *what, int image)
{
  g_autoptr (GSocket) socket = dif_socket_dir_connect (place, NULL);
  g_autofree char    *line   = g_strdup_printf ("%s %d\n", what, image);

  return socket != NULL && g_socket_send (socket, line, strlen (line), NULL, NULL) > 0;
}

static void
obey (Window *w, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 2);
  gint64         image = 0;

  if (words[0] == NULL || words[1] == NULL ||
      ! g_ascii_string_to_signed (words[1], 10, 1, G_MAXINT, &image, NULL))
    return;
  dif_ui_painter_set_image (w->painter, (int) image);
  if (g_str_equal (words[0], "generate"))
    dif_ui_painter_generate (w->painter);
  else
    gtk_window_present_with_time (GTK_WINDOW (w->window), GDK_CURRENT_TIME);
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDataInputStream *stream = G_DATA_INPUT_STREAM (source);
  g_autofree char  *line   = g_data_input_stream_read_line_finish_utf8 (stream, result, NULL, NULL);

  if (line != NULL && strlen (line) < MAX_MESSAGE && open_window != NULL)
    obey (open_window, line);
  g_object_unref (stream);
}

static gboolean
on_caller (GSocketService *service, GSocketConnection *connection, GObject *from,
           gpointer user_data)
{
  GDataInputStream *stream;

  if (! dif_platform_is_own_peer (g_socket_connection_get_socket (connection)))
    return TRUE;
  stream = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  g_object_set_data_full (G_OBJECT (stream), "connection", g_object_ref (connection),
                          g_object_unref);
  g_data_input_stream_read_line_async (stream, G_PRIORITY_DEFAULT, NULL, on_line, NULL);
  return TRUE;
}

static gboolean
listen_at (Window *w, GError **error)
{
  g_autoptr (GSocket) socket = dif_socket_dir_listen (w->place, error);

  if (socket == NULL)
    return FALSE;
  w->service = g_socket_service_new ();
  g_signal_connect (w->service, "incoming", G_CALLBACK (on_caller), w);
  return g_socket_listener_add_socket (G_SOCKET_LISTENER (w->service), socket, NULL, error);
}

/* ---- the window ---- */

static gboolean
on_delete (GtkWidget *widget, GdkEvent *event, gpointer user_data)
{
  gtk_main_quit ();
  return TRUE;
}

static gboolean
on_key (GtkWidget *widget, GdkEventKey *event, gpointer user_data)
{
  Window *w = user_data;

  if (dif_ui_painter_key (w->painter, event))
    return TRUE;
  if (event->keyval == GDK_KEY_w &&
      (event->state & gtk_accelerator_get_default_mod_mask ()) == GDK_CONTROL_MASK)
    {
      gtk_main_quit ();
      return TRUE;
    }
  return FALSE;
}

static void
make_window (Window *w, GimpPlugIn *plug_in, int image)
{
  g_autofree char *cache  = g_build_filename (g_get_user_cache_dir (), "gimp-diffusion", NULL);
  g_autofree char *config = g_build_filename (gimp_directory (), "gimp-diffusion", NULL);
  GtkWidget       *root;

  dif_window_host_init (&w->host, plug_in);
  w->painter = dif_ui_painter_new (&w->host, cache, config);
  w->window  = gtk_window_new (GTK_WINDOW_TOPLEVEL);
  root       = dif_ui_painter_widget (w->painter);
  gtk_window_set_title (GTK_WINDOW (w->window), _ ("Diffusion"));
  gtk_window_set_role (GTK_WINDOW (w->window), "gimp-diffusion-window");
  gtk_window_set_default_size (GTK_WINDOW (w->window), WIDTH, HEIGHT);
  g_object_set (root, "margin", BORDER, NULL);
  gtk_container_add (GTK_CONTAINER (w->window), root);
  g_signal_connect (w->window, "delete-event", G_CALLBACK (on_delete), w);
  g_signal_connect (w->window, "key-press-event", G_CALLBACK (on_key), w);
  gimp_window_set_transient (GTK_WINDOW (w->window));
  dif_ui_mnemonics_settle (w->window);
  gtk_widget_show_all (w->window);
  dif_ui_painter_set_image (w->painter, image);
}

static void
close_window (Window *w)
{
  open_window = NULL;
  if (w->service != NULL)
    {
      g_socket_service_stop (w->service);
      g_socket_listener_close (G_SOCKET_LISTENER (w->service));
      g_clear_object (&w->service);
    }
  if (w->window != NULL)
    gtk_widget_destroy (w->window);
}

void
dif_window_quit (void)
{
  if (open_window != NULL)
    gtk_main_quit ();
}

/* One window in a session: that of GIMP, whose child this process is. */
static DifSocketDir *
open_place (GError **error)
{
  g_autofree char *name = g_strdup_printf ("window-%d", (int) getppid ());

  return dif_socket_dir_open_named (name, error);
}

/* Opens the window unless one is open, which is told instead. */
static gboolean
open_or_tell (Window *w, GimpProcedure *procedure, const char *what, int image, GError **error)
{
  int      lock = dif_socket_dir_lock (w->place, LOCK_MS, NULL, error);
  gboolean is_here;

  if (lock < 0)
    return FALSE;
  if (tell (w->place, what, image))
    {
      dif_socket_dir_unlock (lock);
      return TRUE;
    }
  is_here = listen_at (w, error);
  dif_socket_dir_unlock (lock);
  if (! is_here)
    return FALSE;
  gimp_ui_init ("gimp-diffusion");
  gimp_plug_in_persistent_enable (gimp_procedure_get_plug_in (procedure));
  open_window = w;
  make_window (w, gimp_procedure_get_plug_in (procedure), image);
  gtk_main ();
  dif_socket_dir_remove (w->place);
  return TRUE;
}

GimpValueArray *
dif_window_procedure (GimpProcedure *procedure, GimpRunMode run_mode, GimpImage *image,
                      GimpDrawable **drawables, GimpProcedureConfig *config, gpointer run_data)
{
  gboolean    is_trigger = g_str_equal (gimp_procedure_get_name (procedure), DIF_WINDOW_TRIGGER);
  const char *what       = is_trigger ? "generate" : "show";
  Window      w          = { 0 };
  GError     *error      = NULL;
  gboolean    is_done;

  dif_run_begin (procedure);
  if (g_getenv ("DISPLAY") == NULL && g_getenv ("WAYLAND_DISPLAY") == NULL)
    {
      g_set_error_literal (&error, GIMP_PLUG_IN_ERROR, 0,
                           _ ("There is no display to open a window on."));
      return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR, error);
    }
  w.place = open_place (&error);
  is_done = w.place != NULL &&
            open_or_tell (&w, procedure, what, gimp_image_get_id (image), &error);
  close_window (&w);
  dif_socket_dir_free (w.place);
  if (! is_done)
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_EXECUTION_ERROR, error);
  return gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
}
