/* SPDX-License-Identifier: GPL-3.0-or-later */
/* region.h - the part of a canvas that a task starts from, and where its pictures go.
 *
 * A task that has an "image" parameter is given what the canvas shows there; a
 * "mask" parameter is given the selection; any other picture is a layer that
 * the user names.  Such tasks get some parameters more, which are declared
 * here and nowhere else.
 */
#ifndef DIF_PLUGIN_REGION_H
#define DIF_PLUGIN_REGION_H

#include <libgimp/gimp.h>

#include "dif.h"
#include "plugin/geometry.h"

G_BEGIN_DECLS

/**
 * DifRegion:
 * @context: the part of the canvas that pictures cover
 * @selection: (nullable): its values in @context, as they were at the call
 * @feather: pixels over which the layer mask's edge is softened inwards
 * @has_mask: whether new layers get a layer mask
 * @has_depth: whether estimated depth becomes a layer as well
 * @above: (nullable): the layer that new ones go above; NULL for on top
 */
typedef struct
{
  DifRect     context;
  GeglBuffer *selection;
  guint       feather;
  gboolean    has_mask;
  gboolean    has_depth;
  GimpLayer  *above;
} DifRegion;

/**
 * dif_region_is_for:
 * @task: a task of dif_task_names()
 *
 * Returns: whether it starts from a picture
 */
gboolean dif_region_is_for (const char *task);

/**
 * dif_region_params:
 * @task: a task of dif_task_names()
 * @n: (out): how many
 *
 * Returns: (transfer none) (array length=n): the parameters it gets besides its
 * own; none if dif_region_is_for() is FALSE
 */
const DifParam *dif_region_params (const char *task, guint *n);

/**
 * dif_region_is_layer_row:
 * @row: a parameter of a task
 *
 * Returns: whether it is a picture that the user names a layer for
 */
gboolean dif_region_is_layer_row (const DifParam *row);

/**
 * dif_region_replaces:
 * @row: a parameter of a task that dif_region_is_for()
 *
 * Returns: whether one of dif_region_params() stands for it on a canvas
 */
gboolean dif_region_replaces (const DifParam *row);

/**
 * dif_region_new:
 * @image: the canvas
 * @layer: (nullable): the selected layer
 * @config: the arguments
 * @rq: a request with everything but its pictures, which are set
 * @error: return location
 *
 * Changes nothing on the canvas.
 *
 * Errors: DIF_REQUEST_ERROR BAD_PARAM naming the argument; MISSING_INPUT if
 * the selection and the source share nothing; those of dif_size_native() and
 * dif_source_visible().
 *
 * Returns: (transfer full) (nullable): the region
 */
DifRegion *dif_region_new (GimpImage *image, GimpLayer *layer, GimpProcedureConfig *config,
                           DifRequest *rq, GError **error);

/**
 * dif_region_free:
 * @region: (nullable) (transfer full): a region
 */
void dif_region_free (DifRegion *region);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifRegion, dif_region_free)

G_END_DECLS

#endif /* DIF_PLUGIN_REGION_H */
