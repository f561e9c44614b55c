/* SPDX-License-Identifier: GPL-3.0-or-later */
/* demo-host.c - see demo-host.h.
 *
 * The runner draws a gradient out of noise, step by step.
 */
#include "config.h"

#include <string.h>

#include "ui/demo-host.h"
#include "ui/settings.h"

#define IMAGE   1
#define LAYER   7
#define SIDE    64
#define STEPS   10
#define STEP_MS 60
#define CONTEXT 32 /* canvas pixels around the selection */

/* The runner has no data of its own: one demo runs at a time. */
static DifUiDemo *running_demo;

/* ---- the runner ---- */

typedef struct
{
  GTask   *task;
  DifWatch watch;
  guint    step, n_steps, n_images;
  guint8   pixels[SIDE * SIDE * 3];
} Run;

static void
paint (Run *run, guint index)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (index);
  guint8           *to   = run->pixels;

  for (guint y = 0; y < SIDE; y++)
    {
      for (guint x = 0; x < SIDE; x++)
        {
          guint noise    = (guint) g_rand_int_range (rand, 0, 256);
          guint values[] = { x * 4, y * 4, 60 + 90 * index };

          for (guint c = 0; c < 3; c++)
            *to++ = (guint8) MIN (
                (values[c] * run->step + noise * (run->n_steps - run->step)) / run->n_steps, 255);
        }
    }
}

static DifResult *
result_of (Run *run)
{
  DifResult *result = dif_result_new (run->n_images, SIDE, SIDE, 42);
  float      pixels[SIDE * SIDE * 3];

  for (guint i = 0; i < run->n_images; i++)
    {
      paint (run, i);
      for (guint k = 0; k < G_N_ELEMENTS (pixels); k++)
        pixels[k] = (float) run->pixels[k] / 255.0f;
      dif_result_fill (result, i, pixels, "{}");
    }
  return result;
}

static void
end (Run *run)
{
  g_autoptr (GTask) task = run->task;

  if (! g_task_return_error_if_cancelled (task))
    g_task_return_pointer (task, result_of (run), (GDestroyNotify) dif_result_free);
  g_free (run);
}

static gboolean
on_step (gpointer user_data)
{
  Run        *run  = user_data;
  DifProgress now  = { .stage        = "denoise",
                       .step         = run->step,
                       .n_steps      = run->n_steps,
                       .fraction     = (double) run->step / run->n_steps,
                       .seconds_left = (run->n_steps - run->step) * 1.2,
                       .step_seconds = 1.2 };
  DifPreview  seen = { run->step, run->n_steps, 1, SIDE, SIDE, run->pixels };

  if (g_cancellable_is_cancelled (g_task_get_cancellable (run->task)) || run->step == run->n_steps)
    {
      end (run);
      return G_SOURCE_REMOVE;
    }
  run->step++;
  paint (run, 0);
  run->watch.progress (&now, run->watch.user_data);
  run->watch.preview (&seen, run->watch.user_data);
  return G_SOURCE_CONTINUE;
}

static void
run (DifRequest *rq, const DifWatch *watch, GCancellable *cancellable,
     GAsyncReadyCallback callback, gpointer user_data)
{
  Run *r = g_new0 (Run, 1);

  r->task     = g_task_new (NULL, cancellable, callback, user_data);
  r->watch    = *watch;
  r->n_steps  = STEPS;
  r->n_images = (guint) dif_request_number (rq, "num-images");
  g_task_set_check_cancellable (r->task, FALSE);
  running_demo->n_runs++;
  g_timeout_add (running_demo->step_ms, on_step, r);
}

static DifResult *
finish (GAsyncResult *answer, GError **error)
{
  return g_task_propagate_pointer (G_TASK (answer), error);
}

/* ---- the canvas ---- */

static int *
images (gpointer data)
{
  DifUiDemo *demo = data;
  int       *ids  = g_new0 (int, 2);

  ids[0] = demo->is_open ? IMAGE : 0;
  return ids;
}

static char *
name (gpointer data, int image)
{
  return ((DifUiDemo *) data)->is_open ? g_strdup ("[demo]") : NULL;
}

static DifUiRect
middle (DifUiDemo *demo)
{
  return (DifUiRect) { demo->width / 4, demo->height / 4, demo->width / 2, demo->height / 2 };
}

static gboolean
look (gpointer data, int image, DifUiLook *look)
{
  DifUiDemo *demo = data;

  if (! demo->is_open || image != IMAGE)
    return FALSE;
  *look = (DifUiLook) { .width       = demo->width,
                        .height      = demo->height,
                        .is_selected = demo->is_selected,
                        .cover       = 1.0,
                        .stamp       = demo->stamp };
  if (demo->is_selected)
    look->selection = middle (demo);
  return TRUE;
}

static char *
key (gpointer data, int image, gboolean make)
{
  return g_strdup ("demo");
}

static GdkPixbuf *
thumbnail (gpointer data, int image, int side)
{
  DifUiDemo *demo   = data;
  GdkPixbuf *pixbuf = gdk_pixbuf_new (GDK_COLORSPACE_RGB, FALSE, 8, side,
                                      MAX (side * demo->height / demo->width, 1));

  gdk_pixbuf_fill (pixbuf, 0x8fa3b5ffu);
  return pixbuf;
}

static const DifParam *
params (gpointer data, const char *task, guint *n)
{
  *n = 0;
  return NULL;
}

static DifImage *
full_mask (int width, int height)
{
  gsize             n      = (gsize) width * (gsize) height;
  g_autofree float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = 1.0f;
  return dif_image_new ((guint) width, (guint) height, 1, values);
}

static void
find_place (DifUiDemo *demo, const DifUiWish *wish, DifUiRect *context)
{
  *context = (DifUiRect) { 0, 0, demo->width, demo->height };
  if (wish->seen != NULL)
    *context = *wish->seen;
  else if (demo->is_selected)
    *context = (DifUiRect) { demo->width / 4 - CONTEXT, demo->height / 4 - CONTEXT,
                             demo->width / 2 + 2 * CONTEXT, demo->height / 2 + 2 * CONTEXT };
}

static gboolean
plan (gpointer data, const DifUiWish *wish, DifUiPlan *plan, GError **error)
{
  DifUiDemo *demo = data;

  find_place (demo, wish, &plan->context);
  plan->target = plan->context;
  plan->width = plan->height = SIDE;
  if (demo->is_selected)
    plan->denoise = full_mask (SIDE, SIDE);
  return TRUE;
}

static DifUiDrawing *
gather (gpointer data, const DifUiWish *wish, GError **error)
{
  DifUiDrawing *drawing = g_new0 (DifUiDrawing, 1);

  drawing->task = wish->task;
  drawing->rq   = dif_request_new (wish->task, NULL);
  dif_request_set_number (drawing->rq, "num-images",
                          dif_ui_settings_number (wish->settings, "num-images"), NULL);
  find_place (data, wish, &drawing->context);
  return drawing;
}

static char **
recipes (gpointer data, DifUiDrawing *drawing, DifResult *result, GError **error)
{
  char **all = g_new0 (char *, dif_result_n_images (result) + 1);

  for (guint i = 0; i < dif_result_n_images (result); i++)
    all[i] = g_strdup (dif_result_recipe (result, i));
  return all;
}

static int
apply (gpointer data, int image, const DifUiGift *gift, GError **error)
{
  ((DifUiDemo *) data)->n_layers++;
  return LAYER;
}

static gboolean
write_layer (gpointer data, int image, int layer, const DifUiGift *gift, GError **error)
{
  ((DifUiDemo *) data)->n_writes++;
  return layer == LAYER;
}

static void
keep (gpointer data, int image, GBytes *bytes)
{
  DifUiDemo *demo = data;

  g_clear_pointer (&demo->kept, g_bytes_unref);
  if (bytes != NULL)
    demo->kept = g_bytes_ref (bytes);
}

static GBytes *
kept (gpointer data, int image)
{
  DifUiDemo *demo = data;

  return demo->kept != NULL ? g_bytes_ref (demo->kept) : NULL;
}

void
dif_ui_demo_init (DifUiDemo *demo)
{
  *demo        = (DifUiDemo) { .width = 640, .height = 480, .is_open = TRUE, .step_ms = STEP_MS };
  demo->host   = (DifUiHost) { .data      = demo,
                               .runner    = { run, finish },
                               .images    = images,
                               .name      = name,
                               .look      = look,
                               .key       = key,
                               .thumbnail = thumbnail,
                               .params    = params,
                               .plan      = plan,
                               .gather    = gather,
                               .recipes   = recipes,
                               .apply     = apply,
                               .write     = write_layer,
                               .keep      = keep,
                               .kept      = kept };
  running_demo = demo;
}
