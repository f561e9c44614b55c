/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* params.c - the one check of a number against its row. */
#include "base/params.h"

#include <math.h>

gboolean
dif_param_allows (const DifParam *row, double value)
{
  if (value == row->fallback)
    return TRUE;
  if (row->type == DIF_PARAM_BOOL)
    return value == 0.0 || value == 1.0;
  return value >= row->min && value <= row->max &&
         (row->type != DIF_PARAM_INT || value == floor (value));
}
