/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* inspect.h - a checkpoint's part held against what its config calls for. */
#ifndef DIF_CLI_INSPECT_H
#define DIF_CLI_INSPECT_H

#include "dif-parts.h"

G_BEGIN_DECLS

/**
 * CliTensorFunc:
 * @name: canonical name
 * @shape: as the network asks for it: 1x1 convolutions have two dimensions
 * @user_data: as given
 */
typedef void (*CliTensorFunc) (const char *name, const DifShape *shape, gpointer user_data);

/* Calls @func once for every tensor that a network of class @class_name made
 * from @config has, in its order.  Errors: those of DifModelClass.load. */
gboolean cli_network_tensors (const char *class_name, DifJson *config, CliTensorFunc func,
                              gpointer user_data, GError **error);

/**
 * CliPart:
 * @name: such as "unet"
 * @class_name: such as "UNet2DConditionModel"
 * @used: whether this program uses parts of this class
 * @config: (nullable): its config
 * @parameters: elements of its floating tensors
 * @file_bytes: what its tensors take on disk
 * @dtypes: such as "f16" or "f16 f32"; empty without tensors
 * @note: what else there is to say, or empty
 * @missing: tensors called for and absent
 * @wrong: tensors of another shape, with both shapes
 * @unused: tensors there that nothing calls for
 * @error: (nullable): why it cannot be used
 */
typedef struct
{
  char      *name;
  char      *class_name;
  gboolean   used;
  DifJson   *config;
  guint64    parameters;
  guint64    file_bytes;
  GString   *dtypes;
  GString   *note;
  GPtrArray *missing, *wrong, *unused;
  GError    *error;
} CliPart;

/* Looks at one part; never fails, see its fields. */
CliPart *cli_part_inspect (DifCheckpoint *checkpoint, const char *name);
void     cli_part_free (gpointer part);

G_END_DECLS

#endif /* DIF_CLI_INSPECT_H */
