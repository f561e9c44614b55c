/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* open-checkpoint.c - a model on disk, of any family. */
#include "pipelines/open-checkpoint.h"

#include "families/families.h"

DifCheckpoint *
dif_checkpoint_open (const char *path, GError **error)
{
  return dif_checkpoint_open_of (path, dif_family_singles (), error);
}
