/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* flow-private.h - the noise levels of flow matching. */
#ifndef DIF_SCHEDULERS_FLOW_PRIVATE_H
#define DIF_SCHEDULERS_FLOW_PRIVATE_H

#include "schedulers/scheduler-private.h"

G_BEGIN_DECLS

/** _dif_flow_shift: @sigmas, rounded to float where @single, shifted: by mu with
 * use_dynamic_shifting, else by @shift; then stretched to shift_terminal. */
gboolean _dif_flow_shift (DifScheduler *s, double shift, double *sigmas, guint n, gboolean single,
                          GError **error);

/** _dif_flow_shifted: s x / (1 + (s - 1) x), in float32 where @single. */
double _dif_flow_shifted (double x, double shift, gboolean single);

/** _dif_flow_from_one: 1 to 1 / n as pipelines hand it over; rounded to float32 where @single. */
void _dif_flow_from_one (double *sigmas, guint n, gboolean single);

/** _dif_flow_check: (nullable): why the keys of a solver's flow do not go together. */
char *_dif_flow_check (DifScheduler *s);

/** _dif_flow_set_timesteps: set_timesteps of FlowMatchEulerDiscreteScheduler. */
gboolean _dif_flow_set_timesteps (DifScheduler *s, guint n, GError **error);

G_END_DECLS

#endif /* DIF_SCHEDULERS_FLOW_PRIVATE_H */
