/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* error.h - the four error domains.
 *
 * A domain exists where a caller branches on it.  Cancelling is
 * G_IO_ERROR_CANCELLED; file errors pass through, prefixed with the path.
 * Messages are one line: where, what was expected, what was found.
 */
#ifndef DIF_BASE_ERROR_H
#define DIF_BASE_ERROR_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DIF_FORMAT_ERROR:
 *
 * A file's bytes are not what its format promises.
 */
#define DIF_FORMAT_ERROR (dif_format_error_quark ())

/**
 * DIF_MODEL_ERROR:
 *
 * A well-formed checkpoint does not hold the model it claims to hold.
 */
#define DIF_MODEL_ERROR (dif_model_error_quark ())

/**
 * DIF_BACKEND_ERROR:
 *
 * A device cannot do what was asked.
 */
#define DIF_BACKEND_ERROR (dif_backend_error_quark ())

/**
 * DIF_REQUEST_ERROR:
 *
 * The caller's parameters make no sense.
 */
#define DIF_REQUEST_ERROR (dif_request_error_quark ())

/**
 * DifFormatError:
 * @DIF_FORMAT_ERROR_CORRUPT: the file is damaged or cut off
 * @DIF_FORMAT_ERROR_UNSUPPORTED: well-formed, but a kind not handled
 * @DIF_FORMAT_ERROR_TOO_LARGE: a count or size beyond the stated limit
 * @DIF_FORMAT_ERROR_MISSING_KEY: a required key or file is absent
 * @DIF_FORMAT_ERROR_BAD_VALUE: a value of the wrong type or out of range
 */
typedef enum
{
  DIF_FORMAT_ERROR_CORRUPT,
  DIF_FORMAT_ERROR_UNSUPPORTED,
  DIF_FORMAT_ERROR_TOO_LARGE,
  DIF_FORMAT_ERROR_MISSING_KEY,
  DIF_FORMAT_ERROR_BAD_VALUE
} DifFormatError;

/**
 * DifModelError:
 * @DIF_MODEL_ERROR_UNKNOWN_CLASS: a class name nobody registered
 * @DIF_MODEL_ERROR_MISSING_WEIGHT: a tensor the config calls for is absent
 * @DIF_MODEL_ERROR_SHAPE: a tensor has another shape than the config says
 */
typedef enum
{
  DIF_MODEL_ERROR_UNKNOWN_CLASS,
  DIF_MODEL_ERROR_MISSING_WEIGHT,
  DIF_MODEL_ERROR_SHAPE
} DifModelError;

/**
 * DifBackendError:
 * @DIF_BACKEND_ERROR_NOT_AVAILABLE: no such device here, or one that will not do
 * @DIF_BACKEND_ERROR_ABSENT: not available, and nothing suggests that it should
 *   be: no module, no driver
 * @DIF_BACKEND_ERROR_OUT_OF_MEMORY: memory of the device is exhausted
 * @DIF_BACKEND_ERROR_UNSUPPORTED: the device cannot do this dtype or op
 * @DIF_BACKEND_ERROR_FAILED: the device or its library reported a failure
 * @DIF_BACKEND_ERROR_LOST: the device is gone: every further call fails
 */
typedef enum
{
  DIF_BACKEND_ERROR_NOT_AVAILABLE,
  DIF_BACKEND_ERROR_ABSENT,
  DIF_BACKEND_ERROR_OUT_OF_MEMORY,
  DIF_BACKEND_ERROR_UNSUPPORTED,
  DIF_BACKEND_ERROR_FAILED,
  DIF_BACKEND_ERROR_LOST
} DifBackendError;

/**
 * DifRequestError:
 * @DIF_REQUEST_ERROR_BAD_PARAM: a parameter is unknown or out of range
 * @DIF_REQUEST_ERROR_BAD_SIZE: a width or height the model cannot draw
 * @DIF_REQUEST_ERROR_MISSING_INPUT: the task needs an input not given
 */
typedef enum
{
  DIF_REQUEST_ERROR_BAD_PARAM,
  DIF_REQUEST_ERROR_BAD_SIZE,
  DIF_REQUEST_ERROR_MISSING_INPUT
} DifRequestError;

/**
 * dif_format_error_quark:
 *
 * Returns: the quark behind %DIF_FORMAT_ERROR
 */
DIF_API GQuark dif_format_error_quark (void);

/**
 * dif_model_error_quark:
 *
 * Returns: the quark behind %DIF_MODEL_ERROR
 */
DIF_API GQuark dif_model_error_quark (void);

/**
 * dif_backend_error_quark:
 *
 * Returns: the quark behind %DIF_BACKEND_ERROR
 */
DIF_API GQuark dif_backend_error_quark (void);

/**
 * dif_request_error_quark:
 *
 * Returns: the quark behind %DIF_REQUEST_ERROR
 */
DIF_API GQuark dif_request_error_quark (void);

G_END_DECLS

#endif /* DIF_BASE_ERROR_H */
