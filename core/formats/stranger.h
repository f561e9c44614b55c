/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* stranger.h - what a file holds that is not what was asked for. */
#ifndef DIF_FORMATS_STRANGER_H
#define DIF_FORMATS_STRANGER_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * dif_stranger_describe:
 * @names: (element-type utf8): names of a file's tensors
 *
 * Returns: (transfer none): what it holds, such as "a LoRA, which --lora takes"
 */
const char *dif_stranger_describe (GPtrArray *names);

G_END_DECLS

#endif /* DIF_FORMATS_STRANGER_H */
