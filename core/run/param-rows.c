/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* param-rows.c - the words of rows that several tasks share. */
#include "run/param-rows.h"

const char *const dif_dtype_choices[]     = { "auto", "f32", "bf16", "f16", NULL };
const char *const dif_generator_choices[] = { "torch-cpu", "torch-cuda", NULL };
const char *const dif_syntax_choices[]    = { "plain", "long", "weighted", NULL };
const char *const dif_safety_choices[]    = { "auto", "off", "on", "warn", "block", NULL };
