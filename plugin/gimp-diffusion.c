/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gimp-diffusion.c - the plug-in: one procedure for every task of libdif.
 *
 * A task that libdif gets appears here by itself.
 */
#include "config.h"

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/arguments.h"
#include "plugin/region.h"
#include "plugin/run.h"

#include <glib/gi18n-lib.h>

#define PREFIX "plug-in-diffusion-"

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

GIMP_MAIN (diffusion_get_type ())

static GList *
query_procedures (GimpPlugIn *plug_in)
{
  GList             *names = NULL;
  const char *const *tasks = dif_task_names ();

  for (guint i = 0; tasks[i] != NULL; i++)
    names = g_list_append (names, g_strconcat (PREFIX, tasks[i], NULL));
  return names;
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
    return _ ("Draws anew what is selected, or all, in one undo step: a layer for every picture, "
              "scaled to its place, with the selection as its layer mask, so that everything "
              "around it stays as it is to the last bit. The model sees what is visible, or the "
              "selected layer, with some context around the selection. Arguments that are left "
              "out, numbers that are 0 and names that are empty stand for the model's own value. "
              "The picture's recipe is kept in the layer's parasite gimp-diffusion-recipe.");
  return _ ("Adds a layer for every picture, centered on the selection or the canvas, in one "
            "undo step. Arguments that are left out, numbers that are 0 and names that are empty "
            "stand for the model's own value. The picture's recipe is kept in the layer's "
            "parasite gimp-diffusion-recipe.");
}

static void
describe (GimpProcedure *procedure, const char *task)
{
  const char      *label     = g_dgettext (GETTEXT_PACKAGE, dif_task_label (task));
  const char      *blurb     = g_dgettext (GETTEXT_PACKAGE, dif_task_blurb (task));
  g_autofree char *menu_name = g_strdup_printf (_ ("%s\342\200\246"), label);

  gimp_procedure_set_image_types (procedure, "RGB*, GRAY*");
  gimp_procedure_set_sensitivity_mask (procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE |
                                                      GIMP_PROCEDURE_SENSITIVE_DRAWABLES |
                                                      GIMP_PROCEDURE_SENSITIVE_NO_DRAWABLES);
  gimp_procedure_set_menu_label (procedure, menu_name);
  gimp_procedure_add_menu_path (procedure, "<Image>/Filters/Diffusion");
  gimp_procedure_set_documentation (
      procedure, blurb,
      help_of (task),
      gimp_procedure_get_name (procedure));
  gimp_procedure_set_attribution (procedure, "The authors of Diffusion for GIMP",
                                  "The authors of Diffusion for GIMP", "2026");
}

static GimpProcedure *
create_procedure (GimpPlugIn *plug_in, const char *name)
{
  const char    *task = task_of (name);
  GimpProcedure *procedure;

  if (task == NULL)
    return NULL;
  procedure = gimp_image_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                        dif_run_procedure, (gpointer) task, NULL);
  describe (procedure, task);
  dif_arguments_add (procedure, task);
  gimp_procedure_add_core_object_array_return_value (
      procedure, "layers", _ ("Layers"), _ ("The new layers, the first picture first"),
      GIMP_TYPE_LAYER, G_PARAM_READWRITE);
  gimp_procedure_add_double_return_value (procedure, "seed", _ ("Seed"),
                                          _ ("The seed that was used"), 0.0, G_MAXUINT32, 0.0,
                                          G_PARAM_READWRITE);
  return procedure;
}

static void
diffusion_class_init (DiffusionClass *klass)
{
  GimpPlugInClass *plug_in = GIMP_PLUG_IN_CLASS (klass);

  plug_in->query_procedures = query_procedures;
  plug_in->create_procedure = create_procedure;
}

static void
diffusion_init (Diffusion *diffusion)
{
}
