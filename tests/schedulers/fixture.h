/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fixture.h - loading what diffusers computed, and running schedulers on it. */
#ifndef DIF_TESTS_SCHEDULERS_FIXTURE_H
#define DIF_TESTS_SCHEDULERS_FIXTURE_H

#include "base/json.h"
#include "schedulers/scheduler.h"

G_BEGIN_DECLS

/** Stage: a backend and a context for one test. */
typedef struct
{
  DifBackend *backend;
  DifContext *cx;
} Stage;

/** stage_open: the ref backend and an f32 context. */
void stage_open (Stage *stage);

/** stage_close: fails the test if tensors are left in the backend. */
void stage_close (Stage *stage);

/** fixture_load: a JSON file of tests/fixtures; aborts the test on error. */
DifJson *fixture_load (const char *name);

/** fixture_number: a number, or one of the strings "inf", "-inf", "nan". */
double fixture_number (DifJson *node);

/** fixture_floats: the array @key of @node as floats; @n (out). */
float *fixture_floats (DifJson *node, const char *key, guint *n);

/** new_scheduler: by name and JSON text; aborts the test on error. */
DifScheduler *new_scheduler (const char *name, const char *config);

/** set_timesteps: sets @n timesteps; aborts the test on error. */
void set_timesteps (DifScheduler *s, guint n);

G_END_DECLS

#endif /* DIF_TESTS_SCHEDULERS_FIXTURE_H */
