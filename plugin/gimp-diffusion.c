/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gimp-diffusion.c - the plug-in: one procedure for every task of libdif, one that repeats
 * what the others did, and two for the painter's window.
 *
 * A task that libdif gets appears here by itself.
 */
#include "config.h"

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/arguments.h"
#include "plugin/folder.h"
#include "plugin/icon.h"
#include "plugin/region.h"
#include "plugin/repeat.h"
#include "plugin/run.h"
#include "plugin/window.h"

#include <glib/gi18n-lib.h>

#define PREFIX DIF_PROCEDURE_PREFIX
#define REPEAT PREFIX "repeat"

#define MENU      "<Image>/Filters/"
#define ICON_SIDE 48

typedef struct
{
  GimpPlugIn parent_instance;
} Diffusion;

typedef struct
{
  GimpPlugInClass parent_class;
} DiffusionClass;

static GType diffusion_get_type (void) G_GNUC_CONST;

G_DEFINE_TYPE (Diffusion, diffusion, GIMP_TYPE_PLUG_IN)

/* babl converts 8-bit pixels by tables where that is faster, which it finds out in every process
 * anew: a third of a second and 350 MiB at the first pixel that is read.  One that reads a canvas
 * once never gets that back. */
int
main (int argc, char **argv)
{
  g_setenv ("BABL_LUT", "0", FALSE);
  return gimp_main (diffusion_get_type (), argc, argv);
}

static void
set_help (GimpPlugIn *plug_in)
{
  g_autofree char  *path  = dif_folder_find ("help");
  g_autoptr (GFile) place = path != NULL ? g_file_new_for_path (path) : NULL;

  if (place != NULL)
    gimp_plug_in_set_help_domain (plug_in, GETTEXT_PACKAGE, place);
}

static GList *
query_procedures (GimpPlugIn *plug_in)
{
  GList             *names = NULL;
  const char *const *tasks = dif_task_names ();

  set_help (plug_in);
  for (guint i = 0; tasks[i] != NULL; i++)
    names = g_list_append (names, g_strconcat (PREFIX, tasks[i], NULL));
  names = g_list_append (names, g_strdup (REPEAT));
  names = g_list_append (names, g_strdup (DIF_WINDOW_PROCEDURE));
  return g_list_append (names, g_strdup (DIF_WINDOW_TRIGGER));
}

static const char *
task_of (const char *procedure_name)
{
  const char *const *tasks = dif_task_names ();

  for (guint i = 0; tasks[i] != NULL; i++)
    {
      g_autofree char *name = g_strconcat (PREFIX, tasks[i], NULL);

      if (g_str_equal (procedure_name, name))
        return tasks[i];
    }
  return NULL;
}

static const char *
help_of (const char *task)
{
  if (dif_region_is_for (task))
    return _ ("Repaints what is selected, or all, in one undo step: a layer for every picture, "
              "scaled to its place, with the selection as its layer mask, so that everything "
              "around it stays as it is to the last bit. The model sees what is visible, or the "
              "selected layer, with some context around the selection. Arguments that are left "
              "out, numbers that are 0 and names that are empty stand for the model's own value. "
              "Several pictures become a group that shows the first. The picture's recipe is kept "
              "in the layer's parasite gimp-diffusion-recipe.");
  return _ ("Adds a layer for every picture, centered on the selection or the canvas, in one "
            "undo step. Arguments that are left out, numbers that are 0 and names that are empty "
            "stand for the model's own value. Several pictures become a group that shows the "
            "first. The picture's recipe is kept in the layer's parasite gimp-diffusion-recipe.");
}

/* Labels in the menu; a task that is new shows its own. */
static const struct
{
  const char *task, *label;
} menu_labels[] = {
  { "txt2img", N_ ("_Text to Image…") },
  { "img2img", N_ ("_Image to Image…") },
  { "inpaint", N_ ("Inpai_nt…") },
  { "depth2img", N_ ("_Depth to Image…") },
  { "unconditional", N_ ("_Unconditional…") },
};

static char *
menu_label_of (const char *task)
{
  for (guint i = 0; i < G_N_ELEMENTS (menu_labels); i++)
    {
      if (g_str_equal (task, menu_labels[i].task))
        return g_strdup (_ (menu_labels[i].label));
    }
  return g_strconcat (g_dgettext (GETTEXT_PACKAGE, dif_task_label (task)), "…", NULL);
}

static void
describe (GimpProcedure *procedure, const char *menu_label, const char *blurb, const char *help,
          GimpProcedureSensitivityMask sensitivity)
{
  g_autoptr (GdkPixbuf) icon = dif_icon_new (ICON_SIDE);
  g_autofree char      *menu = g_strconcat (MENU, _ ("_Diffusion"), NULL);

  gimp_procedure_set_image_types (procedure, "RGB*, GRAY*");
  gimp_procedure_set_sensitivity_mask (procedure, sensitivity);
  gimp_procedure_set_menu_label (procedure, menu_label);
  gimp_procedure_set_icon_pixbuf (procedure, icon);
  gimp_procedure_add_menu_path (procedure, menu);
  gimp_procedure_set_documentation (procedure, blurb, help, gimp_procedure_get_name (procedure));
  gimp_procedure_set_attribution (procedure, "The authors of Diffusion for GIMP",
                                  "The authors of Diffusion for GIMP", "2026");
}

static GimpProcedure *
create_repeat (GimpPlugIn *plug_in)
{
  GimpProcedure *procedure =
      gimp_image_procedure_new (plug_in, REPEAT, GIMP_PDB_PROC_TYPE_PLUGIN, dif_repeat_procedure,
                                NULL, NULL);

  describe (procedure, _ ("_Repeat…"),
            _ ("Draws the picture of a layer again, with changes if you like"),
            _ ("Follows the recipe of the selected layer and adds a layer above it, at the same "
               "place and with the same kind of layer mask. What is visible counts without the "
               "layers that the recipe made. Arguments that are left out stay as in the recipe; a "
               "seed of -1 takes a new one. More than one picture becomes a group."),
            GIMP_PROCEDURE_SENSITIVE_DRAWABLE);
  dif_arguments_add_changes (procedure);
  return procedure;
}

static GimpProcedure *
create_window (GimpPlugIn *plug_in, const char *name)
{
  gboolean       is_trigger = g_str_equal (name, DIF_WINDOW_TRIGGER);
  GimpProcedure *procedure  = gimp_image_procedure_new (
      plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN, dif_window_procedure, NULL, NULL);

  describe (procedure, is_trigger ? _ ("_Generate") : _ ("_Diffusion…"),
            is_trigger ? _ ("Has the Diffusion window draw on this image")
                       : _ ("Opens the window to paint with: select, write, compare, keep one"),
            is_trigger ? _ ("Does what the button of the Diffusion window does, for this image; "
                            "opens the window if it is not open.")
                       : _ ("A window that stays open beside the canvas. It says on its button "
                            "what it would do, draws in the background, and changes the image only "
                            "when a result is applied, in one undo step. There is one window: a "
                            "second call presents it and makes this image the current one."),
            GIMP_PROCEDURE_SENSITIVE_DRAWABLE | GIMP_PROCEDURE_SENSITIVE_DRAWABLES |
                GIMP_PROCEDURE_SENSITIVE_NO_DRAWABLES);
  return procedure;
}

static GimpProcedure *
create_procedure (GimpPlugIn *plug_in, const char *name)
{
  const char      *task  = task_of (name);
  g_autofree char *label = NULL;
  GimpProcedure   *procedure;

  if (g_str_equal (name, DIF_WINDOW_PROCEDURE) || g_str_equal (name, DIF_WINDOW_TRIGGER))
    return create_window (plug_in, name);
  if (task == NULL && ! g_str_equal (name, REPEAT))
    return NULL;
  if (task != NULL)
    {
      procedure = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                            dif_run_procedure, (gpointer) task, NULL);
      label     = menu_label_of (task);
      describe (procedure, label, g_dgettext (GETTEXT_PACKAGE, dif_task_blurb (task)),
                help_of (task),
                GIMP_PROCEDURE_SENSITIVE_DRAWABLE | GIMP_PROCEDURE_SENSITIVE_DRAWABLES |
                    GIMP_PROCEDURE_SENSITIVE_NO_DRAWABLES);
      dif_arguments_add (procedure, task);
    }
  else
    procedure = create_repeat (plug_in);
  dif_run_add_results (procedure);
  return procedure;
}

static void
quit (GimpPlugIn *plug_in)
{
  dif_window_quit ();
}

static void
diffusion_class_init (DiffusionClass *klass)
{
  GimpPlugInClass *plug_in = GIMP_PLUG_IN_CLASS (klass);

  plug_in->query_procedures = query_procedures;
  plug_in->create_procedure = create_procedure;
  plug_in->quit             = quit;
}

static void
diffusion_init (Diffusion *diffusion)
{
}
