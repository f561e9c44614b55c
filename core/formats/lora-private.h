/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-private.h - a LoRA's modules: what a file holds, its names, its arithmetic. */
#ifndef DIF_FORMATS_LORA_PRIVATE_H
#define DIF_FORMATS_LORA_PRIVATE_H

#include "formats/lora.h"

G_BEGIN_DECLS

/** DifLoraRole: what a tensor is of its module, whatever it is called. */
typedef enum
{
  DIF_LORA_ALPHA,
  DIF_LORA_DOWN,     /* [rank, in] or [rank, in, kh, kw] */
  DIF_LORA_UP,       /* [out, rank] or [out, rank, 1, 1] */
  DIF_LORA_MID,      /* [rank, rank, kh, kw] */
  DIF_LORA_UP_BIAS,  /* [out], times the scale */
  DIF_LORA_DORA,     /* a magnitude an output or, LyCORIS' way, an input */
  DIF_LORA_DORA_OUT, /* peft's: an output's always */
  DIF_LORA_HADA_W1_A,
  DIF_LORA_HADA_W1_B,
  DIF_LORA_HADA_W2_A,
  DIF_LORA_HADA_W2_B,
  DIF_LORA_HADA_T1,
  DIF_LORA_HADA_T2,
  DIF_LORA_KRON_W1,
  DIF_LORA_KRON_W1_A,
  DIF_LORA_KRON_W1_B,
  DIF_LORA_KRON_W2,
  DIF_LORA_KRON_W2_A,
  DIF_LORA_KRON_W2_B,
  DIF_LORA_KRON_T2,
  DIF_LORA_DIFF,      /* as the weight */
  DIF_LORA_DIFF_BIAS, /* as the bias */
  DIF_LORA_N_ROLES
} DifLoraRole;

typedef struct _DifLoraModule DifLoraModule;

/**
 * DifLoraKind:
 * @name: as people call it
 * @needs: bits of the roles without which there is no such module
 * @takes: bits of the roles that it may have besides
 * @measure: checks shapes and sets the module's sizes; what is found instead
 *   where they do not fit each other, else NULL
 * @delta: (nullable): (transfer full): what is added to the weight, before the
 *   scale, `[n_out, n_columns]`; NULL when memory runs out
 *
 * A way to write down a change of a weight.
 */
typedef struct
{
  const char *name;
  guint32     needs, takes;
  const char *(*measure) (DifLoraModule *m);
  float *(*delta) (const DifLoraModule *m);
} DifLoraKind;

/**
 * DifLoraModule:
 * @key: as the file spells it
 * @part: the part it changes; NULL if the name tells none
 * @name: its name in the part, with underscores for dots
 * @dotted: the same as it came, for peft's patterns
 * @is_peft: whether peft itself wrote it, whose settings lie beside the file
 * @is_alone: whether it is a text encoder's that was saved alone
 * @tensors: by role; without data where the file has none
 * @kind: how it is written
 * @rank: of its product; 0 for a kind that has none
 * @n_out: rows of the weight it changes; 0 if it changes a bias only
 * @n_in: inputs of one row, or all columns where @area is 0
 * @area: of a kernel; 0 if the shapes do not tell it
 * @scale: what the product is multiplied by: alpha / rank, 1 without an alpha
 * @bound: whether the tensor it changes has been found
 */
struct _DifLoraModule
{
  char              *key;
  const char        *part;
  char              *name, *dotted;
  gboolean           is_peft, is_alone;
  DifHostArray       tensors[DIF_LORA_N_ROLES];
  const DifLoraKind *kind;
  gsize              rank, n_out, n_in, area;
  double             scale;
  gboolean           bound;
};

struct _DifLora
{
  char       *path;
  DifWeights *tensors; /* as spelled */
  GPtrArray  *modules; /* of DifLoraModule, in order of their keys */
  guint       n_idle;  /* alphas of modules that are not there */
};

/* ---- lora-names.c ---- */

/**
 * _dif_lora_split:
 * @name: a tensor's name
 * @role: (out): what it is of its module
 *
 * Returns: (transfer full) (nullable): what the module is called; NULL if it is
 * no tensor of a LoRA
 */
char *_dif_lora_split (const char *name, DifLoraRole *role);

/**
 * _dif_lora_name:
 * @m: a module whose key is set; its part and names are filled in
 */
void _dif_lora_name (DifLoraModule *m);

/**
 * _dif_lora_other_method:
 * @name: a tensor's name
 *
 * Returns: (transfer none) (nullable): the method it belongs to, if it is one
 * that is known by name only
 */
const char *_dif_lora_other_method (const char *name);

/**
 * _dif_lora_model_of_key:
 * @key: as a file spells it
 *
 * Returns: (transfer none) (nullable): a model with such names that has no
 * U-Net
 */
const char *_dif_lora_model_of_key (const char *key);

/* ---- lora-kinds.c ---- */

/**
 * _dif_lora_has:
 * @m: a module
 * @role: a role
 *
 * Returns: whether it has such a tensor
 */
gboolean _dif_lora_has (const DifLoraModule *m, DifLoraRole role);

/**
 * _dif_lora_floats:
 * @m: a module
 * @role: one it has
 * @n: (out) (optional): number of elements
 *
 * Returns: (transfer full) (nullable): the tensor; NULL when memory runs out
 */
float *_dif_lora_floats (const DifLoraModule *m, DifLoraRole role, gsize *n);

/**
 * _dif_lora_measure:
 * @m: a module with its tensors; its kind and sizes are filled in
 *
 * Returns: (transfer full) (nullable): what is found instead of a change of
 * weights
 */
char *_dif_lora_measure (DifLoraModule *m);

/**
 * _dif_lora_kind_name:
 * @i: its number
 *
 * Returns: (transfer none) (nullable): what a kind is called; NULL behind the
 * last
 */
const char *_dif_lora_kind_name (guint i);

/**
 * _dif_lora_is_idle:
 * @m: a module with its tensors
 *
 * Returns: whether it says how strong it is and no more
 */
gboolean _dif_lora_is_idle (const DifLoraModule *m);

/**
 * _dif_lora_is_dora:
 * @m: a module
 *
 * Returns: whether it has magnitudes
 */
gboolean _dif_lora_is_dora (const DifLoraModule *m);

/**
 * _dif_lora_change:
 * @m: a module that fits
 * @w: (inout) (array): the weight, `[n_out, n_columns]`
 * @n_columns: numbers in a row, at least as many as the module changes
 * @weight: how strong, 1 as trained
 *
 * Returns: FALSE when memory runs out
 */
gboolean _dif_lora_change (const DifLoraModule *m, float *w, gsize n_columns, double weight);

/**
 * _dif_lora_is_low_rank:
 * @m: a module
 *
 * Returns: whether what it adds to the weight is the product of two factors of its rank
 */
gboolean _dif_lora_is_low_rank (const DifLoraModule *m);

/**
 * _dif_lora_factors:
 * @m: a module that fits, of a low rank
 * @n_columns: numbers in a row of the weight, at least as many as the module changes
 * @weight: how strong, 1 as trained
 * @down: (array): `[rank, n_columns]`, zeros before
 * @up: (array): `[n_out, rank]` with rows @stride apart; has the strength in it
 * @stride: numbers from one row of @up to the next
 *
 * Returns: FALSE when memory runs out
 */
gboolean _dif_lora_factors (const DifLoraModule *m, gsize n_columns, double weight, float *down,
                            float *up, gsize stride);

/**
 * _dif_lora_change_bias:
 * @m: a module that changes a bias
 * @b: (inout) (array): the bias
 * @weight: how strong
 *
 * Returns: FALSE when memory runs out
 */
gboolean _dif_lora_change_bias (const DifLoraModule *m, float *b, double weight);

/**
 * _dif_lora_has_bias:
 * @m: a module
 *
 * Returns: whether it changes a bias by something else than zeros
 */
gboolean _dif_lora_has_bias (const DifLoraModule *m);

/**
 * _dif_lora_bias_size:
 * @m: a module that changes a bias
 *
 * Returns: how many numbers the bias must have
 */
gsize _dif_lora_bias_size (const DifLoraModule *m);

/* ---- lora-config.c ---- */

/**
 * _dif_lora_set_scales:
 * @lora: a LoRA whose modules are measured
 * @error: return location
 *
 * An alpha in the file, else what peft's settings say: diffusers keeps them in
 * the metadata, peft in adapter_config.json beside the file.
 *
 * Errors: of the settings.
 *
 * Returns: FALSE on error
 */
gboolean _dif_lora_set_scales (DifLora *lora, GError **error);

G_END_DECLS

#endif /* DIF_FORMATS_LORA_PRIVATE_H */
