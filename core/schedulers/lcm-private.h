/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lcm-private.h - what the schedulers of consistency models share. */
#ifndef DIF_SCHEDULERS_LCM_PRIVATE_H
#define DIF_SCHEDULERS_LCM_PRIVATE_H

#include "schedulers/scheduler-private.h"

G_BEGIN_DECLS

/** DIF_LCM_KEYS: their config; timestep_spacing and steps_offset do nothing. */
#define DIF_LCM_KEYS                                                 \
  DIF_KEYS_BETAS_OF ("scaled_linear", 0.00085, 0.012),               \
      DIF_KEY_ROW_INT ("original_inference_steps", 50, 1, 1e5),      \
      DIF_KEYS_CLIP (FALSE),                                         \
      DIF_KEY_ROW_FLAG ("set_alpha_to_one", TRUE),                   \
      DIF_KEY_PREDICTION ("epsilon|sample|v_prediction"),            \
      DIF_KEYS_THRESHOLDING,                                         \
      DIF_KEYS_SPACING ("leading"),                                  \
      DIF_KEY_ROW_DOUBLE ("timestep_scaling", 10.0, 0, G_MAXDOUBLE), \
      DIF_KEY_ZERO_SNR

/**
 * _dif_lcm_set_timesteps: @n of the original_inference_steps timesteps the model
 * was distilled at.
 */
gboolean _dif_lcm_set_timesteps (DifScheduler *s, guint n, GError **error);

/** _dif_lcm_is_last: whether no noise is added after this call any more. */
gboolean _dif_lcm_is_last (DifScheduler *s, const DifSchedulerStep *c);

G_END_DECLS

#endif /* DIF_SCHEDULERS_LCM_PRIVATE_H */
