/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* denoise.c - the one denoising loop, with guidance.
 *
 * Per call: scale the latents, have the denoiser predict both halves in one batch,
 * combine them, let the scheduler step.  Latents stay in f32 whatever the
 * network computes in.
 */
#include "run/denoise.h"

#include <math.h>

#include "run/pipeline-private.h"
#include "run/preview.h"
#include "run/timesteps.h"
#include "tensor/graph.h"

/* Calls after which a plan sees nothing new: no scheduler looks back further. */
#define PLAN_CALLS 8

/* Standard deviation of every item, n - 1 in the denominator. */
static gboolean
deviations (DifContext *cx, DifTensor *t, double *out)
{
  gsize             n = dif_tensor_dim (t, 0), each = dif_tensor_count (t) / MAX (n, 1);
  g_autofree float *data = g_try_new (float, dif_tensor_count (t) + 1);

  if (! data || ! dif_download (cx, t, data))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      double mean = 0, sum = 0;

      for (gsize k = 0; k < each; k++)
        mean += data[i * each + k] / (double) each;
      for (gsize k = 0; k < each; k++)
        sum += (data[i * each + k] - mean) * (data[i * each + k] - mean);
      out[i] = sqrt (sum / (double) (each > 1 ? each - 1 : 1));
    }
  return TRUE;
}

/* Lin et al. 2023, "Common diffusion noise schedules", 3.4; diffusers
 * rescale_noise_cfg. */
static DifTensor *
rescaled (DifContext *cx, DifTensor *guided, DifTensor *text, double rescale)
{
  gsize              n        = dif_tensor_dim (guided, 0);
  g_autofree double *std_cfg  = g_new0 (double, n + 1);
  g_autofree double *std_text = g_new0 (double, n + 1);
  DifTensor         *all      = NULL;

  if (! deviations (cx, guided, std_cfg) || ! deviations (cx, text, std_text))
    return guided;
  for (gsize i = 0; i < n; i++)
    {
      /* what is the same everywhere has nothing to scale; diffusers makes it NaN */
      double     by   = std_cfg[i] > 0 ? std_text[i] / std_cfg[i] : 1;
      float      f    = (float) (rescale * by + 1 - rescale);
      DifTensor *item = dif_slice_batch (cx, guided, i, 1);

      item = dif_lincomb (cx, 1, &f, &item);
      all  = all ? dif_concat_batch (cx, all, item) : item;
    }
  return all;
}

/* What the scheduler is to see: [n_images, h, w, C]. */
static DifTensor *
guide (DifRun *run, DifTensor *out)
{
  DifContext *cx = run->cx;
  DifTensor  *halves[2], *guided;
  float       coef[2] = { (float) (1 - run->spec->guidance), (float) run->spec->guidance };
  double      rescale = dif_request_number (run->rq, "guidance-rescale");

  if (! dif_run_guided (run))
    return out;
  halves[0] = dif_slice_batch (cx, out, 0, run->spec->n_images);
  halves[1] = dif_slice_batch (cx, out, run->spec->n_images, run->spec->n_images);
  guided    = dif_lincomb (cx, 2, coef, halves);
  return rescale > 0 ? rescaled (cx, guided, halves[1], rescale) : guided;
}

/* What the denoiser sees of the latents before call @i. */
static DifTensor *
model_input (DifRun *run, DifTensor *latents, guint i, const DifHooks *hooks)
{
  DifTensor *x = dif_scheduler_scale_model_input (run->scheduler, run->cx, latents, i);

  if (hooks && hooks->extra)
    x = dif_concat (run->cx, x, hooks->extra);
  return dif_run_guided (run) ? dif_concat_batch (run->cx, x, x) : x;
}

/* ---- the denoiser ---- */

/* What stays from call to call. */
typedef struct
{
  const DifPart         *denoiser;
  const DifConditioning *conditioning;
  DifGraph              *graph;
  DifTensor            **times; /* one a call, from the first: [N, time width] */
} Model;

static DifTensor *
forward (DifContext *cx, DifTensor *const *inputs, gpointer data)
{
  Model         *model = data;
  const DifPart *d     = model->denoiser;

  return d->klass->denoiser->forward (d->model, cx, inputs[0], inputs[1], model->conditioning);
}

/* Before the loop: what stays the same of the prompt, time embeddings of all calls.
 * FALSE and a failed context if there is no denoiser. */
static gboolean
model_begin (Model *model, DifRun *run, guint first, guint n)
{
  const DifPart          *d     = dif_run_part (run, DIF_ROLE_DENOISER);
  gsize                   batch = run->spec->n_images * (dif_run_guided (run) ? 2 : 1);
  const DifDenoiserClass *klass;

  if (! d)
    return FALSE;
  klass               = d->klass->denoiser;
  model->denoiser     = d;
  model->conditioning = &run->conditioning;
  if (klass->prepare)
    klass->prepare (d->model, run->cx, &run->conditioning);
  model->graph = dif_graph_new (forward, 2, model);
  model->times = g_new0 (DifTensor *, n - first + 1);
  for (guint i = first; i < n; i++)
    model->times[i - first] =
        klass->time (d->model, run->cx, batch, dif_scheduler_timestep (run->scheduler, i),
                     model->conditioning);
  return TRUE;
}

static void
model_end (Model *model, DifRun *run)
{
  dif_graph_free (model->graph);
  dif_conditioning_clear (&run->conditioning);
  g_free (model->times);
}

static DifTensor *
predict (Model *model, DifContext *cx, DifTensor *x, DifTensor *time)
{
  const DifPart *d        = model->denoiser;
  DifTensor     *inputs[] = { d->klass->denoiser->input (d->model, cx, x), time };

  return dif_graph_call (model->graph, cx, inputs);
}

DifTensor *
dif_run_denoise (DifRun *run, DifTensor *latents, guint first, const DifHooks *hooks)
{
  DifContext *cx    = run->cx;
  guint       n     = dif_run_end (run, first);
  double      eta   = dif_request_number (run->rq, "eta");
  Model       model = { NULL };

  if (run->spec->is_plan)
    n = MIN (n, first + PLAN_CALLS);
  if (! model_begin (&model, run, first, n))
    return dif_context_inert (cx);
  dif_run_report (run, DIF_STAGE_DENOISE, 0, n - first);
  for (guint i = first; i < n && ! dif_context_failed (cx); i++)
    {
      DifTensor *x, *out, *before = latents;
      gint64     start = g_get_monotonic_time ();

      dif_context_enter (cx, "step.%u", i);
      x   = model_input (run, latents, i, hooks);
      out = predict (&model, cx, x, model.times[i - first]);
      dif_context_dump (cx, out, "noise_pred.%u", i - first);
      out = guide (run, out);
      dif_run_preview (run, latents, out, i, i + 1 - first, n - first);
      latents = dif_scheduler_step (run->scheduler, cx, out, i, latents, eta, run->rng);
      if (hooks && hooks->after)
        latents = hooks->after (run, i, latents, hooks->data);
      dif_context_leave (cx, latents);
      if (before != latents)
        dif_context_release (cx, before);
      dif_context_dump (cx, latents, "latents.%u", i - first);
      dif_context_pace (cx);
      dif_run_preview_paced (run);
      dif_context_profile (cx, "stage:step", start, 0, 0);
      dif_run_report (run, DIF_STAGE_DENOISE, i + 1 - first, n - first);
    }
  model_end (&model, run);
  return latents;
}
