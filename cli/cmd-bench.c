/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-bench.c - how long a picture takes, per stage and per kind of operation.
 *
 * Absolute times on a shared machine drift; so the limit, the rate of a large
 * matrix product, is measured in the same run and every rate is held against
 * it.  Ops are told apart by the stage that ends after them.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "bar.h"
#include "commands.h"

#define GROUP_WHAT "What to time"
#define GROUP_HOW  "How"

static const CliOption options[] = {
  { "model", 0, "MODEL", "A diffusers folder, or the name of an installed model",
    "the bundled one", GROUP_WHAT },
  { "device", 0, "NAME", "Where to compute: auto, cpu, cuda, cuda:1 or ref", "auto", GROUP_WHAT },
  { "dtype", 0, "auto|f32|bf16|f16", "What to compute in", "auto", GROUP_WHAT },
  { "width", 0, "N", "Width of the picture in pixels, a multiple of 8", "the model's own",
    GROUP_WHAT },
  { "height", 0, "N", "Height of the picture in pixels, a multiple of 8", "the model's own",
    GROUP_WHAT },
  { "lora", 0, "FILE[:WEIGHT]", "A LoRA to lay over the model", NULL, GROUP_WHAT },
  { "guidance-scale", 0, "X", "Above 1 every step asks the U-Net for two pictures", "7.5",
    GROUP_WHAT },
  { "steps", 0, "N", "Steps to time, after two to warm up", "5", GROUP_HOW },
  { "repeat", 0, "N", "Pictures to draw", "1", GROUP_HOW },
  { "json", 0, NULL, "Print one JSON object instead of text", NULL, "Output" },
  { "quiet", 0, NULL, "No progress", NULL, "Output" },
};

static const char *const stage_names[] = { "load", "encode", "step", "decode" };

/* of the large copy: 128 MiB there and as much back, the first time only to take the memory */
#define COPY_FLOATS ((gsize) 32 << 20)
#define COPIES      6

#define N_STAGES G_N_ELEMENTS (stage_names)
#define STEP     2

typedef struct
{
  char   op[24];
  double seconds, macs, bytes;
  guint  calls;
} Op;

typedef struct
{
  GArray *seconds; /* of double, one per time the stage ran */
  GArray *ops;     /* of Op, summed over all of them */
} Stage;

typedef struct
{
  Stage   stages[N_STAGES];
  GArray *pending; /* of Op, since the last stage ended */
  double  limit;   /* multiply-adds per second, 0 when unknown */
  double  copy;    /* bytes read and written per second by a large copy, 0 when unknown */

  gsize peak_process, peak_tensors; /* bytes, before that copy */

  const char *why; /* the dtype is what it is; NULL where it was asked for */

  GArray *unprofiled;  /* of double: seconds of steps that nobody looked into */
  gint64  last_report; /* of progress, in microseconds */
} Bench;

/* ---- collecting ---- */

static void
add_op (GArray *ops, const Op *op)
{
  for (guint i = 0; i < ops->len; i++)
    {
      Op *to = &g_array_index (ops, Op, i);

      if (strcmp (to->op, op->op) != 0)
        continue;
      to->seconds += op->seconds;
      to->macs += op->macs;
      to->bytes += op->bytes;
      to->calls += op->calls;
      return;
    }
  g_array_append_vals (ops, op, 1);
}

static void
profile (const char *name, double seconds, double macs, double bytes, gpointer data)
{
  Bench *b  = data;
  Op     op = { "", seconds, macs, bytes, 1 };

  if (! g_str_has_prefix (name, "stage:"))
    {
      g_strlcpy (op.op, name, sizeof op.op);
      add_op (b->pending, &op);
      return;
    }
  for (guint s = 0; s < N_STAGES; s++)
    if (strcmp (stage_names[s], name + strlen ("stage:")) == 0)
      {
        g_array_append_val (b->stages[s].seconds, seconds);
        for (guint i = 0; i < b->pending->len; i++)
          add_op (b->stages[s].ops, &g_array_index (b->pending, Op, i));
        g_array_set_size (b->pending, 0);
        return;
      }
}

static void
bench_init (Bench *b)
{
  b->pending    = g_array_new (FALSE, FALSE, sizeof (Op));
  b->unprofiled = g_array_new (FALSE, FALSE, sizeof (double));
  b->limit = b->copy = 0;
  b->why             = NULL;
  for (guint s = 0; s < N_STAGES; s++)
    {
      b->stages[s].seconds = g_array_new (FALSE, FALSE, sizeof (double));
      b->stages[s].ops     = g_array_new (FALSE, FALSE, sizeof (Op));
    }
}

static void
bench_clear (Bench *b)
{
  g_array_unref (b->pending);
  g_array_unref (b->unprofiled);
  for (guint s = 0; s < N_STAGES; s++)
    {
      g_array_unref (b->stages[s].seconds);
      g_array_unref (b->stages[s].ops);
    }
}

static int
compare_doubles (gconstpointer a, gconstpointer b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static int
compare_ops (gconstpointer a, gconstpointer b)
{
  double x = ((const Op *) a)->seconds, y = ((const Op *) b)->seconds;

  return (x < y) - (x > y);
}

static void
bench_sort (Bench *b)
{
  g_array_sort (b->unprofiled, compare_doubles);
  for (guint s = 0; s < N_STAGES; s++)
    {
      g_array_sort (b->stages[s].seconds, compare_doubles);
      g_array_sort (b->stages[s].ops, compare_ops);
    }
}

/* These two: of sorted numbers; 0 where there are none. */
static double
least (GArray *seconds)
{
  return seconds->len ? g_array_index (seconds, double, 0) : 0;
}

static double
median (GArray *seconds)
{
  guint n = seconds->len;

  if (! n)
    return 0;
  return (g_array_index (seconds, double, (n - 1) / 2) + g_array_index (seconds, double, n / 2)) /
         2;
}

static double
stage_min (const Stage *stage)
{
  return least (stage->seconds);
}

static double
stage_median (const Stage *stage)
{
  return median (stage->seconds);
}

/* Multiply-adds of the stage running once. */
static double
stage_macs (const Stage *stage)
{
  double sum = 0;

  for (guint i = 0; i < stage->ops->len; i++)
    sum += g_array_index (stage->ops, Op, i).macs;
  return stage->seconds->len ? sum / stage->seconds->len : 0;
}

/* Share of the limit, or 0 when either is unknown. */
static double
stage_share (const Bench *b, const Stage *stage)
{
  double seconds = stage_median (stage);

  return b->limit > 0 && seconds > 0 ? stage_macs (stage) / b->limit / seconds : 0;
}

/* ---- text ---- */

static void
print_stages (const Bench *b)
{
  printf ("\n%-10s%5s%10s%10s%10s%12s\n", "stage", "runs", "min s", "median s", "GMAC",
          "% of limit");
  for (guint s = 0; s < N_STAGES; s++)
    {
      const Stage *stage = &b->stages[s];

      printf ("%-10s%5u%10.3f%10.3f", stage_names[s], stage->seconds->len, stage_min (stage),
              stage_median (stage));
      if (stage_macs (stage) > 0)
        printf ("%10.1f%12.1f", stage_macs (stage) * 1e-9, 100 * stage_share (b, stage));
      putchar ('\n');
    }
  if (b->unprofiled->len)
    printf ("a step as a whole, not op by op: min %.4f s, median %.4f s of %u\n",
            least (b->unprofiled), median (b->unprofiled), b->unprofiled->len);
}

/* Bytes per second. */
static double
op_rate (const Op *op)
{
  return op->seconds > 0 ? op->bytes / op->seconds : 0;
}

static void
print_ops (const Bench *b, const Stage *stage)
{
  double total = 0, runs = stage->seconds->len, known = 0;

  for (guint i = 0; i < stage->seconds->len; i++)
    total += g_array_index (stage->seconds, double, i);
  if (total <= 0)
    return;
  printf ("\n%-18s%8s%10s%8s%10s%12s%8s%11s\n", "in a step", "calls", "ms", "%", "GFLOP/s",
          "% of limit", "GB/s", "% of copy");
  for (guint i = 0; i < stage->ops->len; i++)
    {
      const Op *op = &g_array_index (stage->ops, Op, i);

      known += op->seconds;
      printf ("%-18s%8.0f%10.2f%8.1f", op->op, op->calls / runs, op->seconds / runs * 1e3,
              100 * op->seconds / total);
      if (op->macs > 0)
        printf ("%10.1f%12.1f", 2e-9 * op->macs / op->seconds,
                b->limit > 0 ? 100 * op->macs / op->seconds / b->limit : 0.0);
      else
        printf ("%10s%12s", "", "");
      printf ("%8.1f", 1e-9 * op_rate (op));
      if (b->copy > 0)
        printf ("%11.1f", 100 * op_rate (op) / b->copy);
      putchar ('\n');
    }
  printf ("%-18s%8s%10.2f%8.1f\n", "between ops", "", (total - known) / runs * 1e3,
          100 * (total - known) / total);
}

static void
print_text (const Bench *b, DifPipeline *pipe, DifResult *result)
{
  DifBackend      *backend = dif_pipeline_backend (pipe);
  g_autofree char *peak    = g_format_size (b->peak_process);
  g_autofree char *held    = g_format_size (b->peak_tensors);
  g_autofree char *weights = g_format_size (dif_pipeline_weight_bytes (pipe));

  printf ("%s, %s %s, %ux%u\n", dif_checkpoint_path (dif_pipeline_checkpoint (pipe)),
          backend->klass->name, dif_dtype_name (dif_pipeline_dtype (pipe)),
          dif_result_width (result), dif_result_height (result));
  if (dif_pipeline_fallback (pipe))
    printf ("%s\n", dif_pipeline_fallback (pipe));
  if (b->why)
    printf ("auto computes in %s: %s\n", dif_dtype_name (dif_pipeline_dtype (pipe)), b->why);
  if (b->limit > 0)
    printf ("limit: %.0f GFLOP/s, a large matrix product measured now\n", 2e-9 * b->limit);
  if (b->copy > 0)
    printf ("limit: %.1f GB/s read and written by a large copy measured now\n", 1e-9 * b->copy);
  print_stages (b);
  print_ops (b, &b->stages[STEP]);
  printf ("\nmemory: %s peak of the process; %s peak of tensors, weights being %s of it\n", peak,
          held, weights);
}

/* ---- JSON ---- */

static void
set_stage (DifJson *json, const Bench *b, guint s)
{
  const Stage        *stage = &b->stages[s];
  g_autoptr (DifJson) node  = dif_json_new_object ("stage");
  g_autoptr (DifJson) ops   = dif_json_new_object ("ops");

  dif_json_set_double (node, "runs", stage->seconds->len);
  dif_json_set_double (node, "min_seconds", stage_min (stage));
  dif_json_set_double (node, "median_seconds", stage_median (stage));
  dif_json_set_double (node, "macs", stage_macs (stage));
  dif_json_set_double (node, "share_of_limit", stage_share (b, stage));
  for (guint i = 0; i < stage->ops->len; i++)
    {
      const Op           *op    = &g_array_index (stage->ops, Op, i);
      g_autoptr (DifJson) entry = dif_json_new_object ("op");

      dif_json_set_double (entry, "calls", (double) op->calls / stage->seconds->len);
      dif_json_set_double (entry, "seconds", op->seconds / stage->seconds->len);
      dif_json_set_double (entry, "macs", op->macs / stage->seconds->len);
      dif_json_set_double (entry, "bytes", op->bytes / stage->seconds->len);
      dif_json_set_copy (ops, op->op, entry);
    }
  dif_json_set_copy (node, "ops", ops);
  dif_json_set_copy (json, stage_names[s], node);
}

static void
print_json (const Bench *b, DifPipeline *pipe, DifResult *result)
{
  g_autoptr (DifJson) json    = dif_json_new_object ("bench");
  g_autoptr (DifJson) stages  = dif_json_new_object ("stages");
  DifBackend         *backend = dif_pipeline_backend (pipe);
  g_autofree char    *text    = NULL;

  dif_json_set_string (json, "model", dif_checkpoint_path (dif_pipeline_checkpoint (pipe)));
  dif_json_set_string (json, "device", backend->klass->name);
  dif_json_set_string (json, "dtype", dif_dtype_name (dif_pipeline_dtype (pipe)));
  if (b->why)
    dif_json_set_string (json, "why_dtype", b->why);
  dif_json_set_double (json, "width", dif_result_width (result));
  dif_json_set_double (json, "height", dif_result_height (result));
  dif_json_set_double (json, "limit_macs_per_second", b->limit);
  dif_json_set_double (json, "limit_bytes_per_second", b->copy);
  for (guint s = 0; s < N_STAGES; s++)
    set_stage (stages, b, s);
  dif_json_set_copy (json, "stages", stages);
  if (b->unprofiled->len)
    {
      dif_json_set_double (json, "whole_step_min_seconds", least (b->unprofiled));
      dif_json_set_double (json, "whole_step_median_seconds", median (b->unprofiled));
    }
  dif_json_set_double (json, "peak_bytes_process", (double) b->peak_process);
  dif_json_set_double (json, "peak_bytes_tensors", (double) b->peak_tensors);
  dif_json_set_double (json, "weight_bytes", (double) dif_pipeline_weight_bytes (pipe));
  text = dif_json_to_string (json, TRUE);
  puts (g_strchomp (text));
}

/* ---- the command ---- */

static gboolean
set_option (DifRequest *rq, const CliArgs *args, const char *name, GError **error)
{
  const char *value = cli_args_value (args, name, NULL);

  if (! value || dif_request_set (rq, name, value, error))
    return TRUE;
  g_prefix_error (error, "--");
  return FALSE;
}

static DifRequest *
make_request (const CliArgs *args, const char *steps, GError **error)
{
  g_autoptr (DifRequest) rq = dif_request_new ("txt2img", error);

  if (! rq || ! set_option (rq, args, "width", error) || ! set_option (rq, args, "height", error) ||
      ! set_option (rq, args, "dtype", error) || ! set_option (rq, args, "device", error) ||
      ! set_option (rq, args, "guidance-scale", error) ||
      ! set_option (rq, args, "model", error) || ! set_option (rq, args, "lora", error) ||
      ! dif_request_set (rq, "prompt", "a large red cube beside a small blue sphere", error) ||
      ! dif_request_set (rq, "seed", "0", error) ||
      ! dif_request_set (rq, "scheduler", "euler", error))
    return NULL;
  if (! cli_args_has (args, "guidance-scale") &&
      ! dif_request_set (rq, "guidance-scale", "7.5", error))
    return NULL;
  if (! dif_request_set (rq, "steps", steps, error))
    {
      g_prefix_error (error, "--");
      return NULL;
    }
  return g_steal_pointer (&rq);
}

static double
measure_limit (DifPipeline *pipe)
{
  DifBackend *backend = dif_pipeline_backend (pipe);

  return backend->klass->limit ? backend->klass->limit (backend, dif_pipeline_dtype (pipe)) : 0;
}

static void
keep_best_rate (const char *op, double seconds, double macs, double bytes, gpointer best)
{
  if (seconds > 0)
    *(double *) best = MAX (*(double *) best, bytes / seconds);
}

/* Bytes per second of copies so large that no cache holds them, the best of some; 0 where
 * there is no memory for them. */
static double
measure_copy (DifPipeline *pipe)
{
  DifContext       *cx   = dif_context_new (dif_pipeline_backend (pipe), DIF_F32);
  g_autofree float *host = g_try_new0 (float, COPY_FLOATS);
  DifTensor        *x    = NULL;
  float             one  = 1;
  double            best = 0;

  if (host)
    x = dif_upload (cx, DIF_F32, DIF_SHAPE (COPY_FLOATS / 1024, 1024), host);
  dif_context_set_profile (cx, keep_best_rate, &best);
  for (guint i = 0; x && i < COPIES; i++)
    {
      dif_context_enter (cx, "copy");
      dif_lincomb (cx, 1, &one, &x);
      dif_context_leave (cx, NULL);
    }
  if (! dif_context_finish (cx, NULL))
    best = 0;
  dif_context_free (cx);
  return best;
}

static void
keep_peaks (Bench *b, DifPipeline *pipe)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  b->peak_process = (gsize) usage.ru_maxrss * 1024;
  b->peak_tensors = dif_pipeline_backend (pipe)->peak_bytes;
}

/* Between two reports lies a step; the first that counts is after the step that is done op
 * by op and the one that is noted down. */
static void
time_step (const DifProgress *p, gpointer data)
{
  Bench *b   = data;
  gint64 now = g_get_monotonic_time ();

  if (strcmp (p->stage, "denoise") == 0 && p->step > 3)
    {
      double seconds = (double) (now - b->last_report) * 1e-6;

      g_array_append_val (b->unprofiled, seconds);
    }
  b->last_report = now;
}

/* A device that does a step as a whole is slowed down by whoever asks for every op. */
static gboolean
time_whole_steps (Cli *cli, Bench *b, DifPipeline *pipe, DifRequest *rq, GError **error)
{
  DifResult *result;

  if (! dif_pipeline_backend (pipe)->klass->graph_begin)
    return TRUE;
  result = dif_pipeline_run (pipe, rq, time_step, b, cli->cancellable, error);
  dif_result_free (result);
  return result != NULL;
}

/* Draws once to warm up, then @repeat times with the clock running. */
static DifResult *
time_runs (Cli *cli, Bench *b, DifPipeline *pipe, DifRequest *warm_up, DifRequest *rq,
           gint64 repeat, CliBar *bar, GError **error)
{
  DifResult *result;

  result = dif_pipeline_run (pipe, warm_up, cli_bar_update, bar, cli->cancellable, error);
  if (result && ! time_whole_steps (cli, b, pipe, rq, error))
    g_clear_pointer (&result, dif_result_free);

  b->limit = result ? measure_limit (pipe) : 0;
  dif_pipeline_set_profile (pipe, profile, b);
  for (gint64 i = 0; result && i < repeat; i++)
    {
      dif_result_free (result);
      result = dif_pipeline_run (pipe, rq, cli_bar_update, bar, cli->cancellable, error);
    }
  dif_pipeline_set_profile (pipe, NULL, NULL);
  if (result)
    {
      b->limit = MAX (b->limit, measure_limit (pipe));
      keep_peaks (b, pipe);
      b->copy = measure_copy (pipe);
    }
  return result;
}

/* Of several devices only the first would be seen. */
static gboolean
check_device (const char *device, GError **error)
{
  g_auto (GStrv) devices = dif_backend_list (device, error);

  if (devices && devices[1])
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                 "device: expected a single one to measure, found %u (%s)",
                 g_strv_length (devices), device);
  return devices && ! devices[1];
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  g_autoptr (DifRequest)  warm_up = make_request (args, "2", error);
  g_autoptr (DifRequest)  rq      = NULL;
  g_autoptr (DifPipeline) pipe    = NULL;
  g_autoptr (DifResult)   result  = NULL;
  gint64                  repeat;
  CliBar                  bar;
  Bench                   b;

  rq = warm_up ? make_request (args, cli_args_value (args, "steps", "5"), error) : NULL;
  if (! rq || ! cli_args_int (args, "repeat", 1, 1000, 1, &repeat, error) ||
      ! check_device (dif_request_text (rq, "device"), error))
    return FALSE;
  cli_bar_init (&bar, cli_args_has (args, "quiet"));
  bench_init (&b);
  pipe = dif_pipeline_load_for (rq, cli_bar_update, &bar, cli->cancellable, error);
  if (pipe && strcmp (dif_request_text (rq, "dtype"), "auto") == 0)
    b.why = dif_backend_why_best (dif_pipeline_backend (pipe));
  if (pipe)
    result = time_runs (cli, &b, pipe, warm_up, rq, repeat, &bar, error);
  cli_bar_clear (&bar);
  bench_sort (&b);
  if (result && cli_args_has (args, "json"))
    print_json (&b, pipe, result);
  else if (result)
    print_text (&b, pipe, result);
  bench_clear (&b);
  return result != NULL;
}

const CliCommand cmd_bench = {
  .name      = "bench",
  .summary   = "Times a picture, per stage and per kind of operation",
  .usage     = "[OPTION]...",
  .details   = "The limit is the rate of a large matrix product, measured in the same run; a\n"
               "step at 60 % of it takes 1.67 times as long as its multiply-adds alone would.\n"
               "Beside it stands the rate of a large copy; an op whose tensors a cache holds\n"
               "may be faster than that.\n"
               "\n"
               "Example:\n"
               "  dif make-checkpoint --like sd15 random-sd15\n"
               "  dif bench --model random-sd15 --dtype bf16\n",
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .run       = run,
};
