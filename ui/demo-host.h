/* SPDX-License-Identifier: GPL-3.0-or-later */
/* demo-host.h - a canvas without GIMP and a runner without a model, for demo and tests. */
#ifndef DIF_UI_DEMO_HOST_H
#define DIF_UI_DEMO_HOST_H

#include "ui/host.h"

G_BEGIN_DECLS

/**
 * DifUiDemo:
 * @host: to be given to a painter
 * @width: @height: of its one image, number 1
 * @is_open: whether the image is there
 * @is_selected: whether the middle of it is selected
 * @stamp: to be changed with the canvas
 * @step_ms: how long a step takes
 * @n_layers: how many layers were applied
 * @n_writes: how often one was written into
 * @n_runs: how many runs were begun
 * @kept: (nullable): what stays with the image
 *
 * A program with one canvas, and what was done to it.
 */
typedef struct
{
  DifUiHost host;
  int       width, height;
  gboolean  is_open, is_selected;
  guint     stamp, step_ms;
  guint     n_layers, n_writes, n_runs;
  GBytes   *kept;
} DifUiDemo;

/**
 * dif_ui_demo_init:
 * @demo: (out): with an image of 640 x 480 pixels, nothing selected
 */
void dif_ui_demo_init (DifUiDemo *demo);

G_END_DECLS

#endif /* DIF_UI_DEMO_HOST_H */
