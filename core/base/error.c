/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* error.c - the quarks of the four error domains. */
#include "base/error.h"

G_DEFINE_QUARK (dif-format-error-quark, dif_format_error)
G_DEFINE_QUARK (dif-model-error-quark, dif_model_error)
G_DEFINE_QUARK (dif-backend-error-quark, dif_backend_error)
G_DEFINE_QUARK (dif-request-error-quark, dif_request_error)
