/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* pipeline.h - a loaded model, and running a request on it.
 *
 *   g_autoptr (DifPipeline) pipe = dif_pipeline_load (NULL, NULL, NULL, NULL, NULL, NULL, &error);
 *   g_autoptr (DifRequest)  rq   = dif_request_new ("txt2img", &error);
 *   dif_request_set (rq, "prompt", "a large red cube", &error);
 *   g_autoptr (DifResult) result = dif_pipeline_run (pipe, rq, NULL, NULL, NULL, &error);
 *   pixels = dif_result_rgb8 (result, 0);
 *
 * A pipeline is used by one thread at a time.
 */
#ifndef DIF_PIPELINES_PIPELINE_H
#define DIF_PIPELINES_PIPELINE_H

#include "base/progress.h"
#include "formats/checkpoint.h"
#include "pipelines/adapters.h"
#include "pipelines/requests.h"
#include "run/safety.h"
#include "schedulers/scheduler.h"
#include "tensor/context.h"
#include "text/tokenizer.h"

G_BEGIN_DECLS

/**
 * dif_pipeline_load:
 * @model: (nullable): a folder, a .safetensors file, or the name of an
 *   installed model; NULL is the bundled one
 * @device: (nullable): "auto", "cpu", "ref", "cuda", "cuda:1"; NULL is "auto":
 *   the card if there is one and everything can be loaded, else the CPU.  Several
 *   with commas between ("cuda:0,cuda:2"), or "cuda:all", share the pictures of
 *   a batch
 * @dtype: (nullable): "auto", "f32", "bf16", "f16"; NULL is "auto"
 * @progress: (nullable): called with how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Reads every part, checks every tensor and has the device prepare it.
 *
 * Errors: all four domains, file errors, G_IO_ERROR_CANCELLED.
 *
 * Returns: (transfer full) (nullable): a pipeline
 */
DIF_API DifPipeline *dif_pipeline_load (const char *model, const char *device, const char *dtype,
                                        DifProgressFunc progress, gpointer user_data,
                                        GCancellable *cancellable, GError **error);

/**
 * dif_pipeline_load_for:
 * @rq: a request: its "model", "device", "dtype", "low-memory" and adapters ("lora",
 *   "embedding") count
 * @progress: (nullable): called with how far it is
 * @user_data: for @progress
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * As dif_pipeline_load(), with the request's adapters laid over.  The pipeline draws
 * any request with those of @rq, until dif_pipeline_set_adapters().  With
 * "low-memory" the device prepares no weights before a run needs them, and lets them
 * go afterwards, but for a card, whose weights wait in host memory.
 *
 * Errors: as dif_pipeline_load(); those of dif_lora_set_bind() and
 * dif_embedding_set_apply() say what a file that does not fit is for.
 *
 * Returns: (transfer full) (nullable): a pipeline
 */
DIF_API DifPipeline *dif_pipeline_load_for (DifRequest *rq, DifProgressFunc progress,
                                            gpointer      user_data,
                                            GCancellable *cancellable, GError **error);

/**
 * dif_pipeline_set_adapters:
 * @pipe: a pipeline
 * @rq: a request: its adapters count
 * @cancellable: (nullable): to give up
 * @error: return location
 *
 * Lays the request's adapters over the model in place of those before.  Nothing is
 * loaded again but single weights that are changed in place; where the same files lie
 * there already, in the same order and as strong, nothing is done.  What is drawn then
 * is what a pipeline loaded for @rq draws, to the last bit.
 *
 * Kinds that are not DifAdapterKind.is_live stay as they were loaded: @rq must have
 * the same ones.  A failure leaves those before; if they cannot be laid again, the
 * pipeline refuses to draw until this function has succeeded.
 *
 * Errors: as dif_pipeline_load_for(); DIF_REQUEST_ERROR BAD_PARAM for other adapters of
 * a kind that stays.
 *
 * Returns: FALSE on error
 */
DIF_API gboolean dif_pipeline_set_adapters (DifPipeline *pipe, DifRequest *rq,
                                            GCancellable *cancellable,
                                            GError      **error);

/**
 * dif_pipeline_free:
 * @pipe: (nullable) (transfer full): a pipeline
 */
DIF_API void dif_pipeline_free (DifPipeline *pipe);

/**
 * dif_pipeline_run:
 * @pipe: a pipeline
 * @rq: a request; "model", "device", "dtype" and adapters in it are not looked at
 * @progress: (nullable): called after every evaluation of the denoiser and every stage
 * @user_data: for @progress
 * @cancellable: (nullable): to give up; looked at before every op
 * @error: return location
 *
 * Draws what diffusers draws for the same checkpoint, prompt, sizes, scheduler
 * and seed with torch.Generator ("cpu").  After a failure or a cancel the
 * pipeline is as before and can run again.
 *
 * Where the pipeline has several devices, each draws its share of "num-images",
 * the same pictures as a single device would; a request of one picture, or one
 * that is dumped or profiled, is drawn by the first.
 *
 * On a card, what the run takes is found out first, and weights for which there
 * is no room wait in host memory.  A run that is too large for the card fails, and
 * the error says what would fit.  A pipeline loaded for "auto" whose card is too
 * small for any run, or lost while it works, falls back to the CPU for good and begins
 * again there; then what dif_pipeline_part() returned is gone.
 *
 * Errors: DIF_REQUEST_ERROR (BAD_SIZE: not a multiple of 8, MISSING_INPUT);
 * DIF_BACKEND_ERROR; G_IO_ERROR_CANCELLED; G_IO_ERROR_PERMISSION_DENIED: the
 * safety checker flagged every picture and the policy is "block"; errors of
 * loading where the safety checker is loaded, by the first run that needs it.
 *
 * Returns: (transfer full) (nullable): the pictures
 */
DIF_API DifResult *dif_pipeline_run (DifPipeline *pipe, DifRequest *rq, DifProgressFunc progress,
                                     gpointer user_data, GCancellable *cancellable, GError **error);

/**
 * dif_pipeline_set_dump:
 * @pipe: a pipeline
 * @func: (nullable): receives `prompt_embeds`, `negative_prompt_embeds`,
 *   `pooled_prompt_embeds`, `negative_pooled_prompt_embeds` (SDXL),
 *   `initial_latents`, `noise_pred.N` (before guidance), `latents.N` (after
 *   step N, from 0), `depth_map` (what the U-Net sees, in depth2img) and
 *   `image`, in diffusers' layout, float32
 * @user_data: for @func
 */
DIF_API void dif_pipeline_set_dump (DifPipeline *pipe, DifDumpFunc func, gpointer user_data);

/**
 * dif_pipeline_set_profile:
 * @pipe: a pipeline
 * @func: (nullable): receives the time of every op and stage ("stage:load",
 *   "stage:encode", "stage:step", "stage:decode")
 * @user_data: for @func
 */
DIF_API void dif_pipeline_set_profile (DifPipeline *pipe, DifProfileFunc func, gpointer user_data);

/**
 * dif_pipeline_set_preview:
 * @pipe: a pipeline
 * @func: (nullable): shown what the pictures of a run are becoming, from its first
 *   step; of several devices, those that the first draws
 * @user_data: for @func
 * @interval_ms: least time between two, such as %DIF_PREVIEW_MS; those that would
 *   come sooner are not made.  0 for one a step
 *
 * What the denoiser predicts is brought to colors by a matrix: the family's, or the
 * "latent-rgb" of the model's own dif.json.  Nothing is shown of latents of which
 * nobody says their colors.  Pictures are the same with previews and without.
 */
DIF_API void dif_pipeline_set_preview (DifPipeline *pipe, DifPreviewFunc func, gpointer user_data,
                                       guint interval_ms);

/**
 * dif_pipeline_checkpoint: dif_pipeline_backend: dif_pipeline_dtype:
 * @pipe: a pipeline
 *
 * Returns: (transfer none): what it was loaded from, where it computes (of
 * several devices the first), and in which dtype
 */
DIF_API DifCheckpoint *dif_pipeline_checkpoint (DifPipeline *pipe);
DIF_API DifBackend    *dif_pipeline_backend (DifPipeline *pipe);
DIF_API DifDtype       dif_pipeline_dtype (DifPipeline *pipe);

/**
 * dif_pipeline_fallback:
 * @pipe: a pipeline
 *
 * Why "auto" did not take the card, or gave up on it: one line.  The warning of
 * every result says so as well.
 *
 * Returns: (transfer none) (nullable): the reason; NULL where it computes on
 * what was asked for, and where there is neither a card's driver nor the module
 * for it, which is no news
 */
DIF_API const char *dif_pipeline_fallback (DifPipeline *pipe);

/**
 * dif_pipeline_about:
 * @pipe: a pipeline
 *
 * Returns: (transfer none) (nullable): what the model says it is: dif_presets_about()
 */
DIF_API const char *dif_pipeline_about (DifPipeline *pipe);

/**
 * dif_pipeline_weight_bytes:
 * @pipe: a pipeline
 *
 * Returns: memory the weights take, on all devices, in bytes
 */
DIF_API gsize dif_pipeline_weight_bytes (DifPipeline *pipe);

/**
 * dif_pipeline_part:
 * @pipe: a pipeline
 * @name: the part's folder, such as "unet", "vae", "text_encoder_2" or "tokenizer"
 * @class_name: what it is expected to be, such as "UNet2DConditionModel";
 *   "CLIPTokenizer" for tokenizers
 *
 * A part, for loops by hand.  SDXL's refiner has "text_encoder_2" and
 * "tokenizer_2" alone, whatever its folders are called.
 *
 * Returns: (transfer none) (nullable): the DifUnet, DifVae, ... of that class; NULL
 * if the model has none, or, with "low-memory", if it is not loaded
 */
DIF_API gpointer dif_pipeline_part (DifPipeline *pipe, const char *name, const char *class_name);

/**
 * dif_pipeline_scheduler:
 * @pipe: a pipeline
 * @class_name: (nullable): another class, made from the checkpoint's config by
 *   diffusers' `from_config` rules; NULL for the checkpoint's own
 * @error: return location
 *
 * Returns: (transfer full) (nullable): a scheduler with the pipeline's patches
 */
DIF_API DifScheduler *dif_pipeline_scheduler (DifPipeline *pipe, const char *class_name,
                                              GError **error);

/**
 * dif_result_free:
 * @r: (nullable) (transfer full): a result
 */
DIF_API void dif_result_free (DifResult *r);

/**
 * dif_result_n_images:
 * @r: a result
 *
 * Returns: how many pictures
 */
DIF_API guint dif_result_n_images (DifResult *r);

/**
 * dif_result_width: dif_result_height:
 * @r: a result
 *
 * Returns: size of its pictures, in pixels
 */
DIF_API guint dif_result_width (DifResult *r);
DIF_API guint dif_result_height (DifResult *r);

/**
 * dif_result_pixels:
 * @r: a result
 * @i: which picture
 *
 * Returns: (transfer none): `[height, width, 3]` float32, R'G'B' (sRGB curve),
 * in [0, 1]
 */
DIF_API const float *dif_result_pixels (DifResult *r, guint i);

/**
 * dif_result_rgb8:
 * @r: a result
 * @i: which picture
 *
 * Returns: (transfer full) (nullable): `[height, width, 3]` bytes, rounded half to
 * even as diffusers does; NULL without memory for them
 */
DIF_API GBytes *dif_result_rgb8 (DifResult *r, guint i);

/**
 * dif_result_seed:
 * @r: a result
 *
 * Returns: the seed used, 0 to 2^32 - 1
 */
DIF_API guint64 dif_result_seed (DifResult *r);

/**
 * dif_result_recipe:
 * @r: a result
 * @i: which picture
 *
 * Returns: (transfer none): a JSON object with everything needed to draw the
 * picture again: version, task, model, parameters as used, scheduler config,
 * index in the batch.  It says names and no paths: "model-fingerprint" tells the
 * model from others of its name (dif_fingerprint_of_checkpoint()),
 * "lora-fingerprints" and "embedding-fingerprints", a line each, those files
 * (dif_fingerprint_of_file()); of "latents" there is the "latents-fingerprint" alone
 */
DIF_API const char *dif_result_recipe (DifResult *r, guint i);

/**
 * dif_result_safety:
 * @r: a result
 * @i: which picture
 *
 * Returns: the safety checker's verdict on it
 */
DIF_API DifSafety dif_result_safety (DifResult *r, guint i);

/**
 * dif_result_index:
 * @r: a result
 * @i: which picture
 *
 * Returns: its number in the batch that was asked for, from 0; larger than @i
 * where pictures before it were withheld
 */
DIF_API guint dif_result_index (DifResult *r, guint i);

/**
 * dif_result_n_withheld:
 * @r: a result
 *
 * Returns: pictures that were drawn and are not in it, because the safety
 * checker flagged them and the policy is "block"; dif_result_warning() says so.
 * Where that goes for all of them there is an error instead of a result.
 */
DIF_API guint dif_result_n_withheld (DifResult *r);

/**
 * dif_result_warning:
 * @r: a result
 *
 * Returns: (transfer none) (nullable): something the user should know, such
 * as words of the prompt that did not fit
 */
DIF_API const char *dif_result_warning (DifResult *r);

/**
 * dif_result_new:
 * @n_images: pictures
 * @width: pixels
 * @height: pixels
 * @seed: as used
 *
 * For clients of an engine, which receive pictures over a socket.
 *
 * Returns: (transfer full) (nullable): a result with black pictures and empty
 * recipes; NULL for want of memory
 */
DIF_API DifResult *dif_result_new (guint n_images, guint width, guint height, guint64 seed);

/**
 * dif_result_fill:
 * @r: a result of dif_result_new()
 * @i: which picture
 * @pixels: `[height, width, 3]`, copied
 * @recipe: JSON text, copied
 */
DIF_API void dif_result_fill (DifResult *r, guint i, const float *pixels, const char *recipe);

/**
 * dif_result_set_verdict:
 * @r: a result of dif_result_new()
 * @i: which picture
 * @index: its number in the batch
 * @safety: the verdict on it
 */
DIF_API void dif_result_set_verdict (DifResult *r, guint i, guint index, DifSafety safety);

/**
 * dif_result_set_n_withheld:
 * @r: a result of dif_result_new()
 * @n: pictures that are not in it
 */
DIF_API void dif_result_set_n_withheld (DifResult *r, guint n);

/**
 * dif_result_set_warning:
 * @r: a result
 * @warning: (nullable): copied
 */
DIF_API void dif_result_set_warning (DifResult *r, const char *warning);

/**
 * dif_result_set_plane:
 * @r: a result
 * @name: such as "depth"
 * @image: kept, not copied; replaces one of the same name
 *
 * What a run found out about the picture it started from, shared by all
 * pictures of the result: "depth" is what depth2img estimated, `[height,
 * width]` from 0 (farthest) to 1 (nearest), 0.5 throughout if nothing is nearer
 * than anything else.
 */
DIF_API void dif_result_set_plane (DifResult *r, const char *name, DifImage *image);

/**
 * dif_result_plane:
 * @r: a result
 * @name: such as "depth"
 *
 * Returns: (transfer none) (nullable): the plane, if there is one
 */
DIF_API DifImage *dif_result_plane (DifResult *r, const char *name);

/**
 * dif_result_plane_names:
 * @r: a result
 *
 * Returns: (transfer container) (array zero-terminated=1): names of its planes
 */
DIF_API const char **dif_result_plane_names (DifResult *r);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifPipeline, dif_pipeline_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DifResult, dif_result_free)

G_END_DECLS

#endif /* DIF_PIPELINES_PIPELINE_H */
