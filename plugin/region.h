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
 * @target: the part of @context that was asked for
 * @source: (nullable): the layer that pictures start from; NULL for all that is
 *   visible
 * @cover: (nullable): `[height, width]` of @context, how opaque what lies below is,
 *   where the layer mask is softened
 */
typedef struct
{
  DifRect     context;
  GeglBuffer *selection;
  guint       feather;
  gboolean    has_mask;
  gboolean    has_depth;
  GimpLayer  *above;
  DifRect     target;
  GimpLayer  *source;
  float      *cover;
} DifRegion;

/**
 * DifSavedRegion:
 * @context: @target: @selection: @above: as of DifRegion, and taken as they are
 * @visible: an image that shows what is visible
 *
 * A region that was found before.
 */
typedef struct
{
  DifRect     context, target;
  GeglBuffer *selection;
  GimpImage  *visible;
  GimpLayer  *above;
} DifSavedRegion;

/**
 * DifHints:
 * @seen: (nullable): what the model is to see, whatever the arguments say
 * @side: the picture's longest side at most, in pixels; 0 for what suits the model
 *
 * What a window wants besides the arguments.
 */
typedef struct
{
  const DifRect *seen;
  int            side;
} DifHints;

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
 * dif_region_is_place_row:
 * @row: one of dif_region_params()
 *
 * Returns: whether it says where a region is or what pictures start from, which
 * a recipe settles
 */
gboolean dif_region_is_place_row (const DifParam *row);

/**
 * dif_region_new:
 * @image: the canvas
 * @layer: (nullable): the selected layer
 * @config: the arguments
 * @saved: (nullable): a region to use once more, whatever is selected now
 * @hints: (nullable): what a window wants besides
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
                           const DifSavedRegion *saved, const DifHints *hints, DifRequest *rq,
                           GError **error);

/**
 * dif_region_locate:
 * @image: @layer: @config: @hints: @rq: as of dif_region_new()
 * @placement: (out): where everything is, and how large the picture is to be
 * @denoise: (out) (nullable) (transfer full): the task's mask; NULL if it has none
 * @error: return location
 *
 * As dif_region_new(), but reads no pixels but the selection's.
 *
 * Returns: (transfer full) (nullable): the region
 */
DifRegion *dif_region_locate (GimpImage *image, GimpLayer *layer, GimpProcedureConfig *config,
                              const DifHints *hints, DifRequest *rq, DifPlacement *placement,
                              DifImage **denoise, GError **error);

/**
 * dif_region_free:
 * @region: (nullable) (transfer full): a region
 */
void dif_region_free (DifRegion *region);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifRegion, dif_region_free)

G_END_DECLS

#endif /* DIF_PLUGIN_REGION_H */
