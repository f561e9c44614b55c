/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* op-runs.h - what the runs of rows share; see op-runs.c. */
#ifndef DIF_TESTS_OP_RUNS_H
#define DIF_TESTS_OP_RUNS_H

#include "op-rows.h"

G_BEGIN_DECLS

/** OpRun: one row on one backend. */
typedef struct
{
  DifBackend *be;
  DifDtype    dtype;
  const Row  *row;
  guint32     seed;
  GPtrArray  *tensors; /* inputs and outputs, views into bands */
  GPtrArray  *views;   /* of these, whose rows lie apart */
  GPtrArray  *floats;  /* memory behind host arrays */
} OpRun;

/** op_check: ends the row unless @ok, with the reason. */
void op_check (gboolean ok, GError *error);

/** op_next: the next of the row's numbers, in [-1, 1). */
float op_next (OpRun *r);

/** op_banded: a tensor between bands that nothing may write to. */
DifTensor *op_banded (OpRun *r, DifDtype dtype, DifShape shape);

/** op_input: a banded tensor filled with the row's numbers. */
DifTensor *op_input (OpRun *r, DifDtype dtype, DifShape shape);

/** op_host: a weight in the dtype the row asks for: numbers of up to @scale around @offset. */
DifHostArray op_host (OpRun *r, DifShape shape, float scale, float offset);

/* op-runs-rows.c: one for each op over rows. */
DifTensor *op_run_row_norm (OpRun *r);
DifTensor *op_run_scale_shift (OpRun *r);
DifTensor *op_run_rotate (OpRun *r);
DifTensor *op_run_attention (OpRun *r);
DifTensor *op_run_multiply (OpRun *r);
DifTensor *op_run_prelu (OpRun *r);
DifTensor *op_run_permute (OpRun *r);

G_END_DECLS

#endif /* DIF_TESTS_OP_RUNS_H */
