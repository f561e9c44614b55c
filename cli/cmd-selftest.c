/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-selftest.c - whether a device computes what it should, on this machine.
 *
 * The op table of the tests against ref, in every dtype the device has; then
 * pictures of the bundled model: in f32 against another device, in half
 * precision against f32.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "op-rows.h"

/* how far pictures in f32 may be from the other device's, and halves from f32 */
#define MAX_DELTA 1e-3
#define MIN_PSNR  35.0

static const CliOption options[] = {
  { "device", 0, "NAME", "What to test: auto, cpu, cuda, cuda:1, cuda:all or ref", "auto",
    "What to test" },
  { "model", 0, "MODEL", "What draws the pictures", "the bundled one", "What to test" },
  { "ops-only", 0, NULL, "No pictures", NULL, "What to test" },
  { "pictures-only", 0, NULL, "No table of ops", NULL, "What to test" },
};

typedef struct
{
  const char   *device, *model; /* model: NULL for the bundled one */
  DifBackend   *be, *ref;
  guint         n_devices; /* which share a batch of as many pictures */
  GCancellable *cancellable;
  guint         n_checks, n_bad;
} SelfTest;

static void
report (SelfTest *t, gboolean ok, const char *what, const char *text)
{
  t->n_checks++;
  t->n_bad += ! ok;
  printf ("%-8s%-24s%s\n", ok ? "ok" : "FAILED", what, text);
  fflush (stdout);
}

/* ---- ops ---- */

/* NMSE of one row as a share of what is allowed; infinite, with @why, if it failed. */
static double
try_row (SelfTest *t, const Row *row, DifDtype dtype, char **why)
{
  g_autoptr (GError) error = NULL;
  gsize              n = 0, m = 0;
  g_autofree float  *expected = op_run (t->ref, dtype, row, &n, &error);
  g_autofree float  *found    = expected ? op_run (t->be, dtype, row, &m, &error) : NULL;
  double             nmse     = found && n == m ? op_nmse (found, expected, n) : INFINITY;

  if (error && ! *why)
    *why = g_strdup (error->message);
  if (nmse == 0)
    return 0;
  return nmse / op_allowed (row, dtype, n);
}

static void
try_op (SelfTest *t, Op op, DifDtype dtype)
{
  g_autofree char *what = g_strdup_printf ("%s %s", op_bounds[op].name, dif_dtype_name (dtype));
  g_autofree char *text = NULL, *why = NULL;
  double           worst = 0;
  guint            n = 0, at = 0;

  for (guint i = 0; i < op_n_rows; i++)
    if (op_rows[i].op == op && ! g_cancellable_is_cancelled (t->cancellable))
      {
        double share = try_row (t, &op_rows[i], dtype, &why);

        n++;
        if (share > worst)
          {
            worst = share;
            at    = i;
          }
      }
  if (why)
    text = g_strdup_printf ("row %u: %s", at, why);
  else if (worst > 0)
    text = g_strdup_printf ("%u cases, worst %.2g of what is allowed (row %u)", n, worst, at);
  else
    text = g_strdup_printf ("%u cases, exact", n);
  report (t, worst <= 1, what, text);
}

static void
try_ops (SelfTest *t)
{
  static const DifDtype dtypes[] = { DIF_F32, DIF_BF16, DIF_F16 };

  for (guint op = 0; op < N_OPS; op++)
    for (guint k = 0; k < G_N_ELEMENTS (dtypes); k++)
      if (t->be->klass->supports (t->be, dtypes[k]))
        try_op (t, (Op) op, dtypes[k]);
}

/* ---- pictures ---- */

/* Small pictures by @task, after @image if that takes one. */
static DifResult *
draw (SelfTest *t, const char *device, const char *dtype, const char *task, DifImage *image,
      GError **error)
{
  g_autoptr (DifPipeline) pipe = dif_pipeline_load (t->model, device, dtype, NULL, NULL,
                                                    t->cancellable, error);
  g_autoptr (DifRequest)  rq   = pipe ? dif_request_new (task, error) : NULL;

  if (! rq || ! dif_request_set (rq, "prompt", "a large red cube", error) ||
      ! dif_request_set_number (rq, "num-images", t->n_devices, error) ||
      ! dif_request_set (rq, "seed", "7", error) || ! dif_request_set (rq, "steps", "4", error))
    return NULL;
  if (image ? ! dif_request_set_image (rq, "image", image, error)
            : (! dif_request_set (rq, "width", "64", error) ||
               ! dif_request_set (rq, "height", "64", error)))
    return NULL;
  return dif_pipeline_run (pipe, rq, NULL, NULL, t->cancellable, error);
}

static void
differences (DifResult *a, DifResult *b, double *largest, double *psnr)
{
  gsize  each    = (gsize) dif_result_width (a) * dif_result_height (a) * 3;
  gsize  n       = each * dif_result_n_images (a);
  double squares = 0;

  *largest = 0;
  for (gsize i = 0; i < n; i++)
    {
      guint  k = (guint) (i / each);
      double d = fabs ((double) dif_result_pixels (a, k)[i % each] -
                       dif_result_pixels (b, k)[i % each]);

      *largest = isfinite (d) ? MAX (*largest, d) : INFINITY;
      squares += d * d;
    }
  *psnr = squares > 0 ? -10 * log10 (squares / (double) n) : INFINITY;
}

/* f32 here against f32 there, then each half precision against f32 here. */
static gboolean
try_task (SelfTest *t, const char *task, DifImage *image, GError **error)
{
  static const char *const dtypes[] = { "f32", "bf16", "f16" };
  const char              *other    = strcmp (t->be->klass->name, "cpu") == 0 ? "ref" : "cpu";
  g_autoptr (DifResult)    truth    = draw (t, other, "f32", task, image, error);

  for (guint i = 0; truth && i < G_N_ELEMENTS (dtypes); i++)
    {
      g_autoptr (DifResult) found = NULL;
      g_autofree char      *what = g_strdup_printf ("%s %s", task, dtypes[i]), *text = NULL;
      DifDtype              dtype = DIF_F32;
      double                largest, psnr;

      dif_dtype_from_name (dtypes[i], &dtype);
      if (! t->be->klass->supports (t->be, dtype))
        continue;
      found = draw (t, t->device, dtypes[i], task, image, error);
      if (! found)
        return FALSE;
      differences (found, truth, &largest, &psnr);
      if (i == 0)
        text = g_strdup_printf ("largest difference from %s %.2g, at most %g", other, largest,
                                MAX_DELTA);
      else
        text = g_strdup_printf ("PSNR %.1f dB against f32, at least %g", psnr, MIN_PSNR);
      report (t, i == 0 ? largest <= MAX_DELTA : psnr >= MIN_PSNR, what, text);
      if (i == 0)
        {
          g_clear_pointer (&truth, dif_result_free);
          truth = g_steal_pointer (&found);
        }
    }
  return truth != NULL;
}

static gboolean
try_pictures (SelfTest *t, GError **error)
{
  const guint          side  = 64;
  g_autofree guint8   *bytes = g_new (guint8, side * side * 3);
  g_autoptr (DifImage) image = NULL;

  for (guint i = 0; i < side * side * 3; i++)
    bytes[i] = (guint8) (i * 255 / (side * side * 3));
  image = dif_image_new_8bit (side, side, 3, bytes, side * 3, 3);
  return try_task (t, "txt2img", NULL, error) && try_task (t, "img2img", image, error);
}

/* Each device by itself; the first stays open in @t. */
static gboolean
try_devices (SelfTest *t, const char *const *devices, gboolean with_ops, GError **error)
{
  for (guint i = t->n_devices; i--;)
    {
      g_clear_pointer (&t->be, dif_backend_unref);
      t->be = dif_backend_open (devices[i], error);
      if (! t->be)
        return FALSE;
      printf ("%s: %s, %s\n", devices[i], t->be->klass->name, t->be->klass->description);
      if (with_ops)
        try_ops (t);
    }
  return TRUE;
}

static gboolean
try_all (SelfTest *t, const CliArgs *args, GError **error)
{
  g_auto (GStrv)         devices = dif_backend_list (t->device, error);
  g_autoptr (DifBackend) ref     = devices ? dif_backend_open ("ref", error) : NULL;
  gboolean               ops     = ! cli_args_has (args, "pictures-only"), ok;

  t->ref       = ref;
  t->n_devices = devices ? g_strv_length (devices) : 0;

  ok = ref && try_devices (t, (const char *const *) devices, ops, error);
  ok = ok && (cli_args_has (args, "ops-only") || try_pictures (t, error));
  g_clear_pointer (&t->be, dif_backend_unref);
  return ok;
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  SelfTest t = { .device      = cli_args_value (args, "device", "auto"),
                 .model       = cli_args_value (args, "model", NULL),
                 .cancellable = cli->cancellable };

  if (! try_all (&t, args, error))
    return FALSE;
  if (g_cancellable_set_error_if_cancelled (cli->cancellable, error))
    return FALSE;
  printf ("%u checks, %u failed\n", t.n_checks, t.n_bad);
  if (t.n_bad)
    g_set_error (error, DIF_BACKEND_ERROR, DIF_BACKEND_ERROR_FAILED,
                 "device %s: expected %u checks to pass, found %u failed", t.device, t.n_checks,
                 t.n_bad);
  return t.n_bad == 0;
}

const CliCommand cmd_selftest = {
  .name      = "selftest",
  .summary   = "Check that a device computes what it should",
  .usage     = "[OPTION]...",
  .details   = "Every op against a naive one, then pictures of the bundled model against\n"
               "another device's; several devices share a batch of them.  A line for each on\n"
               "stdout; exit status 1 if any failed.\n",
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .run       = run,
};
