/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* denoiser.h - what the loop asks of a network that predicts noise, and the
 * conditioning that it gives.
 */
#ifndef DIF_MODELS_DENOISER_H
#define DIF_MODELS_DENOISER_H

#include "tensor/ops.h"

G_BEGIN_DECLS

/**
 * DifConditioning:
 * @tokens: (nullable): `[B, T, D]`: embeddings of the prompts' tokens; NULL for
 *   a denoiser without prompts
 * @pooled: (nullable): `[B, P]`: the whole prompts
 * @micro: (nullable) (element-type float): micro-conditioning (diffusers'
 *   time_ids): as many numbers for each of the B prompts
 * @guidance: guidance scale, for a denoiser that takes it as an input
 * @cached: (nullable): what the denoiser keeps of all this for the loop, such as
 *   keys and values
 * @free_cached: (nullable): frees @cached
 *
 * What a denoiser is conditioned on, besides the time; the tensors are the
 * context's.
 */
typedef struct
{
  DifTensor     *tokens, *pooled;
  GArray        *micro;
  double         guidance;
  gpointer       cached;
  GDestroyNotify free_cached;
} DifConditioning;

/**
 * DifDenoiserInfo:
 * @in_channels: channels of what it is given
 * @out_channels: channels of what it predicts
 * @sample_size: the side it was trained for, in latent pixels
 * @token_width: channels of a prompt's tokens; 0 for a denoiser without prompts
 * @added_width: channels of the pooled prompt and of the embedded micro-conditioning
 *   together; 0 without them
 * @size_width: channels that one number of the micro-conditioning is embedded in
 * @takes_guidance: whether the guidance scale is an input, so that it is asked
 *   once a step
 */
typedef struct
{
  guint    in_channels, out_channels, sample_size;
  guint    token_width, added_width, size_width;
  gboolean takes_guidance;
} DifDenoiserInfo;

/**
 * DifDenoiserClass:
 * @info: fills @info
 * @prepare: (nullable): computes, once a run, what stays the same from step to
 *   step into the conditioning's `cached`
 * @time: `[n, D]`: the embedding of a timestep that may be fractional and is the
 *   same for all @n items, with what belongs to it of the conditioning
 * @input: `[B, h, w, in_channels]`, f32 or the context's dtype, as the denoiser
 *   computes with it
 * @forward: `[B, h, w, out_channels]` f32, from what @input and @time made: the
 *   same ops each time, nothing from the host, so that it can be a graph
 *
 * A network that predicts noise (or velocity, or the sample).
 */
struct _DifDenoiserClass
{
  void (*info) (gpointer model, DifDenoiserInfo *info);
  void (*prepare) (gpointer model, DifContext *cx, DifConditioning *c);
  DifTensor *(*time) (gpointer model, DifContext *cx, gsize n, double timestep,
                      const DifConditioning *c);
  DifTensor *(*input) (gpointer model, DifContext *cx, DifTensor *sample);
  DifTensor *(*forward) (gpointer model, DifContext *cx, DifTensor *sample, DifTensor *time,
                         const DifConditioning *c);
};

/**
 * dif_conditioning_clear:
 * @c: a conditioning, whose own memory is freed; not the tensors
 */
static inline void
dif_conditioning_clear (DifConditioning *c)
{
  if (c->free_cached)
    c->free_cached (c->cached);
  if (c->micro)
    g_array_unref (c->micro);
  *c = (DifConditioning) { NULL };
}

G_END_DECLS

#endif /* DIF_MODELS_DENOISER_H */
