/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* fake-pipeline.c - stands in for libdif's pipeline in tests of the engine.
 *
 * Linked into a program, its functions are taken instead of the library's.  A
 * run takes 20 ms a step, of which it shows two pixels, and draws 8 x 8 pixels
 * from the seed; prompts are commands: "error:DOMAIN:CODE" fails, "crash" ends the
 * process, "warn" warns, "echo" gives the inputs back as planes.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dif-parts.h"

#define STEP_MS       20
#define DEFAULT_STEPS 3
#define SIDE          8

struct _DifPipeline
{
  guint    n_runs;
  gboolean is_on_card;

  DifPreviewFunc preview;
  gpointer       preview_data;
};

DifPipeline *
dif_pipeline_load_for (DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                       GCancellable *cancellable, GError **error)
{
  DifProgress  done = { "load", 1, 1, 1.0, 0.0, -1.0 };
  DifPipeline *pipe;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  if (progress != NULL)
    progress (&done, user_data);
  pipe             = g_new0 (DifPipeline, 1);
  pipe->is_on_card = g_strcmp0 (dif_request_text (rq, "device"), "cuda") == 0;
  return pipe;
}

gboolean
dif_pipeline_set_adapters (DifPipeline *pipe, DifRequest *rq, GCancellable *cancellable,
                           GError **error)
{
  return TRUE;
}

void
dif_pipeline_free (DifPipeline *pipe)
{
  g_free (pipe);
}

DifDtype
dif_pipeline_dtype (DifPipeline *pipe)
{
  return DIF_F32;
}

DifBackend *
dif_pipeline_backend (DifPipeline *pipe)
{
  static const DifBackendClass klasses[]  = { { .name = "cpu" }, { .name = "cuda" } };
  static DifBackend            backends[] = { { .klass = &klasses[0] }, { .klass = &klasses[1] } };

  return &backends[pipe->is_on_card];
}

void
dif_pipeline_set_preview (DifPipeline *pipe, DifPreviewFunc func, gpointer user_data,
                          guint interval_ms)
{
  pipe->preview      = func;
  pipe->preview_data = user_data;
}

gsize
dif_pipeline_weight_bytes (DifPipeline *pipe)
{
  return 12345;
}

static gboolean
obey (const char *prompt, GError **error)
{
  g_auto (GStrv) words = g_strsplit (prompt, ":", 3);

  if (g_str_equal (prompt, "crash"))
    kill (getpid (), SIGKILL);
  if (g_strv_length (words) != 3 || ! g_str_equal (words[0], "error"))
    return TRUE;
  g_set_error (error, g_quark_from_string (words[1]), atoi (words[2]), "as told: %s", prompt);
  return FALSE;
}

/* One wake-up a step, so that a busy machine does not stretch it much. */
static void
sleep_or_cancel (GCancellable *cancellable)
{
  GPollFD fd = { 0 };

  if (! g_cancellable_make_pollfd (cancellable, &fd))
    {
      g_usleep (STEP_MS * 1000);
      return;
    }
  g_poll (&fd, 1, STEP_MS);
  g_cancellable_release_fd (cancellable);
}

/* Two pixels, that say the step. */
static void
show (DifPipeline *pipe, guint step, guint n_steps)
{
  guint8     pixels[6] = { (guint8) step, 0, 0, 0, 0, (guint8) step };
  DifPreview preview   = { step, n_steps, 1, 2, 1, pixels };

  if (pipe->preview != NULL)
    pipe->preview (&preview, pipe->preview_data);
}

static gboolean
take_time (DifPipeline *pipe, guint n_steps, DifProgressFunc progress, gpointer user_data,
           GCancellable *cancellable, GError **error)
{
  for (guint step = 1; step <= n_steps; step++)
    {
      DifProgress now = { "denoise", step, n_steps, (double) step / n_steps, 1.0, 0.5 };

      sleep_or_cancel (cancellable);
      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      show (pipe, step, n_steps);
      if (progress != NULL)
        progress (&now, user_data);
    }
  return TRUE;
}

static void
echo (DifRequest *rq, DifResult *result)
{
  guint           n    = 0;
  const DifParam *rows = dif_task_params (dif_request_task (rq), &n);

  for (guint i = 0; i < n; i++)
    {
      DifImage *image = rows[i].type == DIF_PARAM_IMAGE ? dif_request_image (rq, rows[i].name)
                                                        : NULL;

      if (image != NULL)
        dif_result_set_plane (result, rows[i].name, image);
    }
}

DifResult *
dif_pipeline_run (DifPipeline *pipe, DifRequest *rq, DifProgressFunc progress, gpointer user_data,
                  GCancellable *cancellable, GError **error)
{
  guint      n_images = (guint) dif_request_number (rq, "num-images");
  guint      n_steps  = (guint) dif_request_number (rq, "steps");
  double     seed     = dif_request_number (rq, "seed");
  DifResult *result;
  float      pixels[SIDE * SIDE * 3];

  if (! obey (dif_request_text (rq, "prompt"), error) ||
      ! take_time (pipe, n_steps != 0 ? n_steps : DEFAULT_STEPS, progress, user_data, cancellable,
                   error))
    return NULL;
  result = dif_result_new (n_images, SIDE, SIDE, seed < 0.0 ? 77 : (guint64) seed);
  for (guint i = 0; i < n_images; i++)
    {
      g_autofree char *recipe = g_strdup_printf ("{\"run\": %u, \"index\": %u}", pipe->n_runs, i);

      for (guint k = 0; k < G_N_ELEMENTS (pixels); k++)
        pixels[k] = (float) (k + i) / 1000.0f;
      dif_result_fill (result, i, pixels, recipe);
    }
  if (g_str_equal (dif_request_text (rq, "prompt"), "warn"))
    dif_result_set_warning (result, "beware");
  if (g_str_equal (dif_request_text (rq, "prompt"), "echo"))
    echo (rq, result);
  pipe->n_runs++;
  return result;
}
