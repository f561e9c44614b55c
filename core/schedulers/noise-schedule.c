/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* noise-schedule.c - how much noise at which timestep: tables and their visits.
 *
 * Knows the config, no tensors.  Every line rounds where diffusers' line rounds:
 * what torch holds in float32 is a float here, what numpy holds in float64 a
 * double, because timesteps are rounded to integers afterwards.
 *
 * Sources: Ho et al. 2020 (linear), Rombach et al. 2022 (scaled linear), Nichol &
 * Dhariwal 2021 (cosine), Karras et al. 2022 eq. 5, Lin et al. 2023 (zero
 * terminal SNR, trailing), Lee et al. 2024 (beta); diffusers' schedulers.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "schedulers/scheduler-private.h"

/* ---- cumulative alphas ---- */

/* torch.linspace in float32: from both ends to the middle, each by one fused
 * multiply-add, as its vector kernels do. */
static void
linspace_float (float *out, guint n, double start, double end)
{
  float s = (float) start, e = (float) end;
  float step = (e - s) / (float) (n - 1);

  for (guint i = 0; i < n; i++)
    out[i] = i < n / 2 ? fmaf (step, (float) i, s) : fmaf (-step, (float) (n - 1 - i), e);
}

static double
cosine_alpha_bar (double t)
{
  double c = cos ((t + 0.008) / 1.008 * G_PI / 2);

  return c * c;
}

static void
fill_betas (DifScheduler *s, float *betas)
{
  guint  n            = s->n_train, n_given;
  double start        = _dif_scheduler_number (s, "beta_start"),
         end          = _dif_scheduler_number (s, "beta_end");
  const double *given = _dif_scheduler_list (s, "trained_betas", &n_given);

  if (given)
    for (guint i = 0; i < n; i++)
      betas[i] = (float) given[i];
  else if (_dif_scheduler_word_is (s, "beta_schedule", "linear"))
    linspace_float (betas, n, start, end);
  else if (_dif_scheduler_word_is (s, "beta_schedule", "scaled_linear"))
    {
      linspace_float (betas, n, sqrt (start), sqrt (end));
      for (guint i = 0; i < n; i++)
        betas[i] *= betas[i];
    }
  else
    for (guint i = 0; i < n; i++)
      {
        double t1 = (double) i / n, t2 = (double) (i + 1) / n;

        betas[i] = (float) MIN (1 - cosine_alpha_bar (t2) / cosine_alpha_bar (t1), 0.999);
      }
}

/* torch.cumprod accumulates in double and rounds every entry. */
static void
cumulate (float *out, const float *betas, guint n)
{
  double product = 1;

  for (guint i = 0; i < n; i++)
    {
      product *= (double) (1.0f - betas[i]);
      out[i] = (float) product;
    }
}

/* Lin et al. 2023, algorithm 1: shifts and scales sqrt (alpha bar) so that the
 * last is 0 and the first stays. */
static void
rescale_to_zero_snr (float *betas, float *work, guint n)
{
  float first, last, scale;

  cumulate (work, betas, n);
  first = sqrtf (work[0]);
  last  = sqrtf (work[n - 1]);
  scale = first / (first - last);
  for (guint i = 0; i < n; i++)
    {
      float root = (sqrtf (work[i]) - last) * scale;

      work[i] = root * root;
    }
  betas[0] = 1.0f - work[0];
  for (guint i = 1; i < n; i++)
    betas[i] = 1.0f - work[i] / work[i - 1];
}

char *
_dif_noise_tables (DifScheduler *s)
{
  g_autofree float *betas = NULL;
  guint             n_given;

  s->n_train = (guint) _dif_scheduler_number (s, "num_train_timesteps");
  if (! _dif_scheduler_has (s, "beta_start"))
    return NULL; /* a class without training noise of its own: EDM */
  if (_dif_scheduler_list (s, "trained_betas", &n_given) && n_given != s->n_train)
    return g_strdup_printf ("trained_betas: expected num_train_timesteps, %u, numbers, found %u",
                            s->n_train, n_given);
  g_free (s->alphas_cumprod);
  s->alphas_cumprod = g_new (float, s->n_train);
  betas             = g_new (float, s->n_train);
  fill_betas (s, betas);
  if (_dif_scheduler_flag (s, "rescale_betas_zero_snr"))
    rescale_to_zero_snr (betas, s->alphas_cumprod, s->n_train);
  cumulate (s->alphas_cumprod, betas, s->n_train);
  if (_dif_scheduler_flag (s, "rescale_betas_zero_snr") && s->klass->zero_snr_floor)
    s->alphas_cumprod[s->n_train - 1] = 0x1p-24f;
  return NULL;
}

float
_dif_noise_alpha (DifScheduler *s, int t)
{
  return s->alphas_cumprod[CLAMP (t, 0, (int) s->n_train - 1)];
}

float *
_dif_noise_sigmas (DifScheduler *s)
{
  float *sigmas = g_new (float, s->n_train);

  for (guint i = 0; i < s->n_train; i++)
    sigmas[i] = sqrtf ((1.0f - s->alphas_cumprod[i]) / s->alphas_cumprod[i]);
  return sigmas;
}

/* ---- timesteps ---- */

/* numpy.linspace (start, stop, n)[i] */
static double
linspace_at (double start, double stop, guint n, guint i)
{
  if (n < 2)
    return start;
  return i == n - 1 ? stop : i * ((stop - start) / (n - 1)) + start;
}

/* round (numpy.arange (last, 0, -step)) - 1.  Where rounding errors make arange
 * one longer than n, its surplus -1 is left out: it is no timestep. */
static guint
trailing (double *out, double last, double step, guint n)
{
  double spacing = (last - step) - last; /* what arange adds, after rounding */
  guint  count   = 0;

  while (count < n)
    {
      double t = rint (last + count * spacing) - 1;

      if (t < 0)
        break;
      out[count++] = t;
    }
  return count;
}

double *
_dif_noise_spacing (DifScheduler *s, DifSpacing family, guint last, guint n, guint *n_out)
{
  double  *out     = g_new (double, n);
  guint    points  = family == DIF_SPACING_SOLVER ? n + 1 : n;
  gboolean is_free = _dif_scheduler_has (s, "timestep_spacing"); /* or always linspace */
  double   offset  = is_free ? _dif_scheduler_number (s, "steps_offset") : 0;

  *n_out = n;
  if (is_free && _dif_scheduler_word_is (s, "timestep_spacing", "trailing"))
    *n_out = trailing (out, last, (double) s->n_train / n, n);
  else if (is_free && _dif_scheduler_word_is (s, "timestep_spacing", "leading"))
    for (guint i = 0; i < n; i++)
      out[i] = (double) (points - 1 - i) * (last / points) + offset;
  else
    for (guint i = 0; i < n; i++)
      {
        double t = linspace_at (0, last - 1.0, points, points - 1 - i);

        out[i] = family == DIF_SPACING_FLOAT ? (double) (float) t : rint (t);
      }
  return out;
}

double
_dif_noise_interpolate (const float *sigmas, guint n_train, double t)
{
  guint  j;
  double slope;

  if (t <= 0)
    return sigmas[0];
  if (t >= n_train - 1)
    return sigmas[n_train - 1];
  j     = (guint) t;
  slope = (double) sigmas[j + 1] - (double) sigmas[j];
  return slope * (t - j) + (double) sigmas[j];
}

double
_dif_noise_sigma_to_t (const float *log_sigmas, guint n_train, double sigma)
{
  double log_sigma = log (MAX (sigma, 1e-10)), w;
  guint  low       = 0;

  for (guint i = 0; i < n_train; i++)
    if (log_sigma >= (double) log_sigmas[i])
      low = i;
  low = MIN (low, n_train - 2);
  w   = ((double) log_sigmas[low] - log_sigma) / (double) (log_sigmas[low] - log_sigmas[low + 1]);
  w   = CLAMP (w, 0, 1);
  return (1 - w) * low + w * (low + 1);
}

/* ---- other distributions of the sigmas ---- */

char *
_dif_noise_check_shapes (DifScheduler *s)
{
  if (_dif_scheduler_flag (s, "use_karras_sigmas") +
          _dif_scheduler_flag (s, "use_exponential_sigmas") +
          _dif_scheduler_flag (s, "use_beta_sigmas") >
      1)
    return g_strdup ("expected at most one of use_karras_sigmas, use_exponential_sigmas, "
                     "use_beta_sigmas to be true");
  return NULL;
}

/* Karras et al. 2022, eq. 5, rho = 7 */
static double
karras (double low, double high, double ramp)
{
  double low_root = pow (low, 1.0 / 7.0), high_root = pow (high, 1.0 / 7.0);

  return pow (high_root + ramp * (low_root - high_root), 7.0);
}

static double
number_or (DifScheduler *s, const char *key, double fallback)
{
  double x = _dif_scheduler_has (s, key) ? _dif_scheduler_number (s, key) : (double) NAN;

  return isnan (x) ? fallback : x;
}

gboolean
_dif_noise_shaped (DifScheduler *s, double low, double high, double *sigmas, guint n)
{
  gboolean use_karras = _dif_scheduler_flag (s, "use_karras_sigmas");
  gboolean use_exp    = _dif_scheduler_flag (s, "use_exponential_sigmas");

  if (! use_karras && ! use_exp && ! _dif_scheduler_flag (s, "use_beta_sigmas"))
    return FALSE;
  low  = number_or (s, "sigma_min", low);
  high = number_or (s, "sigma_max", high);
  for (guint i = 0; i < n; i++)
    {
      double ramp = linspace_at (0, 1, n, i);

      if (use_karras)
        sigmas[i] = karras (low, high, ramp);
      else if (use_exp)
        sigmas[i] = exp (linspace_at (log (high), log (low), n, i));
      else
        sigmas[i] = low + _dif_beta_quantile (1 - ramp, 0.6, 0.6) * (high - low);
    }
  return TRUE;
}

gboolean
_dif_noise_reshape (DifScheduler *s, const float *table, double low, double high, double *sigmas,
                    double *t, guint n)
{
  g_autofree float *logs = NULL;

  if (! _dif_noise_shaped (s, low, high, sigmas, n))
    return FALSE;
  logs = g_new (float, s->n_train);
  for (guint i = 0; i < s->n_train; i++)
    logs[i] = logf (table[i]);
  for (guint i = 0; i < n; i++)
    t[i] = _dif_noise_sigma_to_t (logs, s->n_train, sigmas[i]);
  return TRUE;
}

/* ---- Euler and its kin ---- */

void
_dif_noise_ancestral (float from, float to, float *down, float *up)
{
  float square;

  *up    = sqrtf (to * to * (from * from - to * to) / (from * from));
  square = to * to - *up * *up;
  /* The difference is to^4 / from^2; for very wide steps rounding makes it
   * negative, and diffusers' result NaN. */
  *down = square >= 0 ? sqrtf (square) : to * to / from;
}

/* Sigmas evenly spaced in their logarithm (interpolation_type log_linear). */
static void
log_linear (double *sigmas, guint n, const float *table, guint n_train)
{
  g_autofree float *logs = g_new (float, n);

  linspace_float (logs, n, logf (table[n_train - 1]), logf (table[0]));
  for (guint i = 0; i < n; i++)
    sigmas[i] = expf (logs[i]);
}

gboolean
_dif_noise_discrete_sigmas (DifScheduler *s, guint n, GError **error)
{
  g_autofree float *table   = _dif_noise_sigmas (s);
  guint             n_calls = 0, n_sigmas;
  double           *t       = _dif_noise_spacing (s, DIF_SPACING_FLOAT, s->n_train, n, &n_calls);
  gboolean          is_log  = _dif_scheduler_has (s, "interpolation_type") &&
                    _dif_scheduler_word_is (s, "interpolation_type", "log_linear");
  g_autofree double *sigmas = g_new (double, n_calls + 1);
  float             *final;

  n_sigmas = n_calls + is_log;
  if (is_log)
    log_linear (sigmas, n_sigmas, table, s->n_train);
  else
    for (guint i = 0; i < n_calls; i++)
      sigmas[i] = _dif_noise_interpolate (table, s->n_train, t[i]);
  if (_dif_noise_reshape (s, table, sigmas[n_sigmas - 1], sigmas[0], sigmas, t, n_calls))
    n_sigmas = n_calls;
  final = g_new (float, n_sigmas + 1);
  for (guint i = 0; i < n_sigmas; i++)
    final[i] = (float) sigmas[i];
  final[n_sigmas] = _dif_scheduler_has (s, "final_sigmas_type") &&
                            _dif_scheduler_word_is (s, "final_sigmas_type", "sigma_min")
                        ? table[0]
                        : 0.0f;
  for (guint i = 0; i < n_calls; i++)
    t[i] = (float) t[i];
  _dif_noise_take (s, t, n_calls, final, n_sigmas + 1);
  return TRUE;
}

gboolean
_dif_noise_integer_timesteps (DifScheduler *s, guint n, GError **error)
{
  guint   n_calls;
  double *t = _dif_noise_spacing (s, DIF_SPACING_INTEGER, s->n_train, n, &n_calls);

  _dif_noise_take (s, t, n_calls, NULL, 0);
  return TRUE;
}

void
_dif_noise_take (DifScheduler *s, double *timesteps, guint n_calls, float *sigmas, guint n_sigmas)
{
  g_free (s->timesteps);
  g_free (s->sigmas);
  s->timesteps = timesteps;
  s->n_calls   = n_calls;
  s->sigmas    = sigmas;
  s->n_sigmas  = n_sigmas;
}
