/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* params.h - a parameter, declared once.
 *
 * A pipeline lists its parameters as rows of this table; the command line's
 * options, the procedures' arguments and the dialogs' widgets are made from
 * them.  Names are spelled as on the command line, without the dashes.
 */
#ifndef DIF_BASE_PARAMS_H
#define DIF_BASE_PARAMS_H

#include "dif-types.h"

G_BEGIN_DECLS

/**
 * DifParamType:
 * @DIF_PARAM_STRING: UTF-8 text
 * @DIF_PARAM_INT: a whole number in [min, max]
 * @DIF_PARAM_DOUBLE: a finite number in [min, max]
 * @DIF_PARAM_BOOL: on or off
 * @DIF_PARAM_CHOICE: one of the words in @choices
 * @DIF_PARAM_STRINGS: a list of strings; the option may be repeated
 * @DIF_PARAM_IMAGE: a picture; front ends read it from a file or the canvas
 */
typedef enum
{
  DIF_PARAM_STRING,
  DIF_PARAM_INT,
  DIF_PARAM_DOUBLE,
  DIF_PARAM_BOOL,
  DIF_PARAM_CHOICE,
  DIF_PARAM_STRINGS,
  DIF_PARAM_IMAGE
} DifParamType;

/**
 * DifParam:
 * @name: option and argument name, such as "guidance-scale"
 * @type: its type
 * @label: for widgets, translatable
 * @blurb: one sentence, translatable
 * @unit: unit of a number ("steps", "pixels"), or NULL
 * @min: least allowed number
 * @max: greatest allowed number
 * @fallback: default number (bool: 0 or 1)
 * @text: default text or choice; NULL for none
 * @choices: NULL-terminated words, or NULL
 * @auto_default: the default is the checkpoint's own; @fallback is what a
 *   front end stores for "as the checkpoint says" (0 for sizes)
 * @required: an image without which the task cannot run
 * @instead: (nullable): what may be given in place of a required image, where
 *   the task has it
 * @advanced: front ends may fold it away
 * @families: (nullable) (array zero-terminated=1): the families of models that have it;
 *   NULL for all
 */
typedef struct
{
  const char        *name;
  DifParamType       type;
  const char        *label;
  const char        *blurb;
  const char        *unit;
  double             min;
  double             max;
  double             fallback;
  const char        *text;
  const char *const *choices;
  gboolean           auto_default;
  gboolean           required;
  const char        *instead;
  gboolean           advanced;
  const char *const *families;
} DifParam;

/**
 * dif_param_allows:
 * @row: an INT, DOUBLE or BOOL parameter
 * @value: a number
 *
 * Returns: whether it is the row's fallback, or in its range and, of an INT,
 * whole; NaN is neither
 */
DIF_API gboolean dif_param_allows (const DifParam *row, double value);

G_END_DECLS

#endif /* DIF_BASE_PARAMS_H */
