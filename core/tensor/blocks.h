/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* blocks.h - decoders of ggml's quantized blocks, for the table of encodings.
 */
#ifndef DIF_TENSOR_BLOCKS_H
#define DIF_TENSOR_BLOCKS_H

#include "dif-types.h"

G_BEGIN_DECLS

/** DIF_BLOCK: elements of a simple block. */
#define DIF_BLOCK 32

/** DIF_SUPER_BLOCK: elements of a block of the K kinds. */
#define DIF_SUPER_BLOCK 256

/**
 * _dif_q4_0_to_f32: _dif_q4_1_to_f32: _dif_q5_0_to_f32: _dif_q5_1_to_f32:
 * _dif_q8_0_to_f32: _dif_q2_k_to_f32: _dif_q3_k_to_f32: _dif_q4_k_to_f32:
 * _dif_q5_k_to_f32: _dif_q6_k_to_f32:
 * @out: (array length=n): floats
 * @in: blocks, any alignment
 * @n: elements, whole blocks
 *
 * Source: ggml-org/ggml, ggml-common.h (layouts), ggml-quants.c,
 * `dequantize_row_*`; results are those of the gguf package's quants.py.
 */
void _dif_q4_0_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q4_1_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q5_0_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q5_1_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q8_0_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q2_k_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q3_k_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q4_k_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q5_k_to_f32 (float *out, const guint8 *in, gsize n);
void _dif_q6_k_to_f32 (float *out, const guint8 *in, gsize n);

G_END_DECLS

#endif /* DIF_TENSOR_BLOCKS_H */
