/* SPDX-License-Identifier: GPL-3.0-or-later */
/* host.c - see host.h. */
#include "config.h"

#include "ui/host.h"

void
dif_ui_drawing_free (DifUiDrawing *drawing)
{
  if (drawing == NULL)
    return;
  if (drawing->place_free != NULL)
    drawing->place_free (drawing->place);
  dif_request_free (drawing->rq);
  dif_image_unref (drawing->composite);
  dif_image_unref (drawing->before);
  g_free (drawing);
}

void
dif_ui_plan_clear (DifUiPlan *plan)
{
  g_clear_pointer (&plan->denoise, dif_image_unref);
  g_clear_pointer (&plan->composite, dif_image_unref);
}
