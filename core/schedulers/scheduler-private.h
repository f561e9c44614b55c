/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scheduler-private.h - what the files of this folder share.
 *
 * A scheduler class is a table of keys and a table of functions in one file
 * sched-NAME.c, found through the list in meson.build.  Everything that JSON,
 * config and set_key know about a key stands in its DifSchedulerKey.
 */
#ifndef DIF_SCHEDULERS_SCHEDULER_PRIVATE_H
#define DIF_SCHEDULERS_SCHEDULER_PRIVATE_H

#include "schedulers/scheduler.h"

G_BEGIN_DECLS

/**
 * DifSchedulerKeyType:
 * @DIF_KEY_INT: an integer in [min, max]
 * @DIF_KEY_DOUBLE: a number in [min, max]
 * @DIF_KEY_BOOL: a truth value; null counts as false
 * @DIF_KEY_WORD: one of a list of strings
 * @DIF_KEY_LIST: null or an array of numbers, each in [min, max]
 * @DIF_KEY_NULL: nothing but null is supported
 */
typedef enum
{
  DIF_KEY_INT,
  DIF_KEY_DOUBLE,
  DIF_KEY_BOOL,
  DIF_KEY_WORD,
  DIF_KEY_LIST,
  DIF_KEY_NULL
} DifSchedulerKeyType;

/**
 * DifSchedulerKey:
 * @name: as in scheduler_config.json
 * @type: what it holds
 * @number: default of INT, DOUBLE, BOOL
 * @min: least INT, DOUBLE or list element
 * @max: greatest
 * @word: default of WORD, NULL for null
 * @choices: words allowed, separated by "|"
 * @nullable: null is a value of its own (and, for numbers, the default)
 * @fixed: values other than the default are known to diffusers but not done here
 */
typedef struct
{
  const char         *name;
  DifSchedulerKeyType type;
  double              number;
  double              min, max;
  const char         *word;
  const char         *choices;
  gboolean            nullable;
  gboolean            fixed;
} DifSchedulerKey;

/**
 * DifSchedulerValue:
 * @given: literally in the config, so that it passes on to another class
 * @is_null: the value is null
 * @number: INT, DOUBLE, BOOL
 * @word: WORD
 * @list: LIST, @n_list numbers
 *
 * The value of one key.
 */
typedef struct
{
  gboolean given;
  gboolean is_null;
  double   number;
  char    *word;
  double  *list;
  guint    n_list;
} DifSchedulerValue;

/**
 * DifScheduler:
 *
 * Classes embed this as their first member.
 */
struct _DifScheduler
{
  const DifSchedulerClass *klass;
  DifSchedulerValue       *values; /* one per key of the class */
  DifJson                 *hidden; /* keys of other classes, passed on */

  /* Tables of the keys, valid while is_ready. */
  gboolean is_ready;
  guint    n_train;
  float   *alphas_cumprod; /* [n_train] */

  /* What set_timesteps made.  Sigmas are NULL for classes without them. */
  guint   n_steps;
  guint   n_calls;
  double *timesteps; /* [n_calls] */
  guint   n_sigmas;
  float  *sigmas; /* [n_sigmas] */

  /* diffusers' begin_index and step_index; -1 is None. */
  int begin;
  int index;

  double   mu;       /* the shift that a picture's size calls for; NaN: not said */
  gboolean from_one; /* whether flow begins as pipelines hand it over, from 1 to 1 / n */

  double strength; /* part of the way that set_timesteps spreads the steps over */
};

/**
 * DifSchedulerStep:
 * @cx: where to compute
 * @output: the model's answer
 * @sample: before the step
 * @i: which call
 * @index: diffusers' step_index of this call
 * @eta: noise of DDIM
 * @rng: (nullable): where noise comes from
 *
 * One call of step.
 */
typedef struct
{
  DifContext *cx;
  DifTensor  *output;
  DifTensor  *sample;
  guint       i;
  guint       index;
  double      eta;
  DifRng     *rng;
} DifSchedulerStep;

/**
 * DifSchedulerClass:
 * @name: diffusers' class name
 * @aliases: short names separated by "|"; the first is shown
 * @size: bytes of its struct
 * @order: model calls per step
 * @keys: its config, @n_keys rows
 * @zero_snr_floor: with rescale_betas_zero_snr the last cumulative alpha is
 *   2^-24 instead of 0
 * @check: (nullable): whether the keys go together; may replace synonyms.
 *   Returns (transfer full) (nullable) why not
 * @set_timesteps: fills n_calls, timesteps, sigmas; 1 <= n <= n_train
 * @takes_strength: set_timesteps follows the scheduler's strength
 * @scale_by_sigma: the model sees sample / sqrt (sigma^2 + 1), and the initial
 *   noise is as large as the first sigma
 * @noising: which add_noise
 * @initial_noise: (nullable): size of the initial noise, where it is another
 * @input_factor: (nullable): factor of the model's input at step_index @index,
 *   where it is another
 * @clean_factors: (nullable): dif_scheduler_clean_factors() at step_index @index,
 *   where the kind of noising does not tell
 * @step: the arithmetic of a step, inside a scope of its own
 * @reset: (nullable): drops history
 * @finalize: (nullable): frees what set_timesteps made besides
 */
struct _DifSchedulerClass
{
  const char            *name;
  const char            *aliases;
  gsize                  size;
  guint                  order;
  const DifSchedulerKey *keys;
  guint                  n_keys;
  gboolean               zero_snr_floor;
  gboolean               takes_strength;
  gboolean               scale_by_sigma;
  enum
  {
    DIF_NOISING_ALPHAS,      /* sqrt (a) x + sqrt (1 - a) n */
    DIF_NOISING_SIGMA,       /* x + sigma n */
    DIF_NOISING_SIGMA_ALPHA, /* alpha x + alpha sigma n, alpha = (sigma^2 + 1)^-1/2 */
    DIF_NOISING_FLOW         /* (1 - sigma) x + sigma n */
  } noising;
  char *(*check) (DifScheduler *s);
  gboolean (*set_timesteps) (DifScheduler *s, guint n, GError **error);
  double (*initial_noise) (DifScheduler *s);
  double (*input_factor) (DifScheduler *s, guint index);
  void (*clean_factors) (DifScheduler *s, guint index, double factors[2]);
  DifTensor *(*step) (DifScheduler *s, const DifSchedulerStep *c);
  void (*reset) (DifScheduler *s);
  void (*finalize) (DifScheduler *s);
};

/** _dif_scheduler_classes: generated from meson.build; NULL-terminated. */
extern const DifSchedulerClass *const _dif_scheduler_classes[];

/* ---- rows of key tables ---- */

/** DIF_KEY_ROW_INT: an integer in [least, most]. */
#define DIF_KEY_ROW_INT(key, fallback, least, most) \
  { .name = key, .type = DIF_KEY_INT, .number = fallback, .min = least, .max = most }

/** DIF_KEY_ROW_DOUBLE: a number in [least, most]. */
#define DIF_KEY_ROW_DOUBLE(key, fallback, least, most) \
  { .name = key, .type = DIF_KEY_DOUBLE, .number = fallback, .min = least, .max = most }

/** DIF_KEY_ROW_MAYBE: null (the default) or a number in [least, most]. */
#define DIF_KEY_ROW_MAYBE(key, least, most) \
  { .name = key, .type = DIF_KEY_DOUBLE, .min = least, .max = most, .nullable = TRUE }

/** DIF_KEY_ROW_FLAG: a truth value. */
#define DIF_KEY_ROW_FLAG(key, fallback) \
  { .name = key, .type = DIF_KEY_BOOL, .number = fallback }

/** DIF_KEY_ROW_NEVER: a truth value that diffusers knows and that must be false here. */
#define DIF_KEY_ROW_NEVER(key) \
  { .name = key, .type = DIF_KEY_BOOL, .fixed = TRUE }

/** DIF_KEY_ROW_WORD: one of @words, separated by "|". */
#define DIF_KEY_ROW_WORD(key, fallback, words) \
  { .name = key, .type = DIF_KEY_WORD, .word = fallback, .choices = words }

/** DIF_KEY_ROW_LIST: numbers in [0, most]; null or empty by default. */
#define DIF_KEY_ROW_LIST(key, most, is_nullable) \
  { .name = key, .type = DIF_KEY_LIST, .max = most, .nullable = is_nullable }

/** DIF_KEY_ROW_NULL: only null is done here. */
#define DIF_KEY_ROW_NULL(key) \
  { .name = key, .type = DIF_KEY_NULL }

/** DIF_VARIANCE_WORDS: what a DPM-Solver's variance_type may be. */
#define DIF_VARIANCE_WORDS \
  "learned|learned_range|fixed_small|fixed_small_log|fixed_large|fixed_large_log"

/* ---- rows that many classes have ---- */

/** DIF_KEYS_BETAS: the training noise; @start and @end differ by class. */
#define DIF_KEYS_BETAS(start, end) DIF_KEYS_BETAS_OF ("linear", start, end)

/** DIF_KEYS_BETAS_OF: the same for a class with another beta_schedule. */
#define DIF_KEYS_BETAS_OF(schedule, start, end)                                               \
  DIF_KEY_ROW_INT ("num_train_timesteps", 1000, 2, 1e5),                                      \
      DIF_KEY_ROW_DOUBLE ("beta_start", start, 0, 1),                                         \
      DIF_KEY_ROW_DOUBLE ("beta_end", end, 0, 1),                                             \
      DIF_KEY_ROW_WORD ("beta_schedule", schedule, "linear|scaled_linear|squaredcos_cap_v2"), \
      DIF_KEY_ROW_LIST ("trained_betas", 1, TRUE)

/** DIF_KEY_PREDICTION: what the model answers, one of @words. */
#define DIF_KEY_PREDICTION(words) DIF_KEY_ROW_WORD ("prediction_type", "epsilon", words)

/** DIF_KEYS_SPACING: which timesteps are visited. */
#define DIF_KEYS_SPACING(fallback)                                              \
  DIF_KEY_ROW_WORD ("timestep_spacing", fallback, "linspace|leading|trailing"), \
      DIF_KEY_ROW_INT ("steps_offset", 0, 0, 1e5)

/** DIF_KEYS_THRESHOLDING: dynamic thresholding of the predicted picture. */
#define DIF_KEYS_THRESHOLDING                                         \
  DIF_KEY_ROW_FLAG ("thresholding", FALSE),                           \
      DIF_KEY_ROW_DOUBLE ("dynamic_thresholding_ratio", 0.995, 0, 1), \
      DIF_KEY_ROW_DOUBLE ("sample_max_value", 1.0, 0, G_MAXDOUBLE)

/** DIF_KEYS_CLIP: clipping of the predicted picture. */
#define DIF_KEYS_CLIP(fallback)               \
  DIF_KEY_ROW_FLAG ("clip_sample", fallback), \
      DIF_KEY_ROW_DOUBLE ("clip_sample_range", 1.0, 0, G_MAXDOUBLE)

/** DIF_KEYS_SIGMA_SHAPES: other distributions of the sigmas. */
#define DIF_KEYS_SIGMA_SHAPES                             \
  DIF_KEY_ROW_FLAG ("use_karras_sigmas", FALSE),          \
      DIF_KEY_ROW_FLAG ("use_exponential_sigmas", FALSE), \
      DIF_KEY_ROW_FLAG ("use_beta_sigmas", FALSE)

/** DIF_KEYS_SIGMA_ENDS: the ends of such a distribution. */
#define DIF_KEYS_SIGMA_ENDS                     \
  DIF_KEY_ROW_MAYBE ("sigma_min", 1e-10, 1e10), \
      DIF_KEY_ROW_MAYBE ("sigma_max", 1e-10, 1e10)

/** DIF_KEY_FINAL_SIGMAS: the sigma after the last step. */
#define DIF_KEY_FINAL_SIGMAS DIF_KEY_ROW_WORD ("final_sigmas_type", "zero", "zero|sigma_min")

/** DIF_KEY_ZERO_SNR: whether the last training timestep is rescaled to pure noise. */
#define DIF_KEY_ZERO_SNR DIF_KEY_ROW_FLAG ("rescale_betas_zero_snr", FALSE)

/** DIF_KEYS_FLOW: keys for flow matching models, with predictions of "flow_prediction". */
#define DIF_KEYS_FLOW                                    \
  DIF_KEY_ROW_FLAG ("use_flow_sigmas", FALSE),           \
      DIF_KEY_ROW_DOUBLE ("flow_shift", 1.0, 1e-6, 1e6), \
      DIF_KEY_ROW_FLAG ("use_dynamic_shifting", FALSE),  \
      DIF_KEY_ROW_WORD ("time_shift_type", "exponential", "exponential|linear")

/** DIF_KEYS_NO_FLOW: the same of classes that are not for such models here. */
#define DIF_KEYS_NO_FLOW                                      \
  DIF_KEY_ROW_NEVER ("use_flow_sigmas"),                      \
      DIF_KEY_ROW_DOUBLE ("flow_shift", 1.0, 0, G_MAXDOUBLE), \
      DIF_KEY_ROW_NEVER ("use_dynamic_shifting"),             \
      DIF_KEY_ROW_WORD ("time_shift_type", "exponential", "exponential|linear")

/* ---- scheduler-config.c: values by name; the key must be the class's ---- */

/** _dif_scheduler_has: whether the class has this key. */
gboolean _dif_scheduler_has (DifScheduler *s, const char *key);

/** _dif_scheduler_number: value of an INT or DOUBLE key; NaN for null. */
double _dif_scheduler_number (DifScheduler *s, const char *key);

/** _dif_scheduler_flag: value of a BOOL key; FALSE if the class lacks it. */
gboolean _dif_scheduler_flag (DifScheduler *s, const char *key);

/** _dif_scheduler_word_is: whether a WORD key holds @word. */
gboolean _dif_scheduler_word_is (DifScheduler *s, const char *key, const char *word);

/** _dif_scheduler_word: value of a WORD key, NULL for null. */
const char *_dif_scheduler_word (DifScheduler *s, const char *key);

/** _dif_scheduler_list: value of a LIST key, @n numbers; NULL for null. */
const double *_dif_scheduler_list (DifScheduler *s, const char *key, guint *n);

/** _dif_scheduler_replace_word: a synonym becomes the word meant. */
void _dif_scheduler_replace_word (DifScheduler *s, const char *key, const char *word);

/** _dif_scheduler_values_new: the defaults of @klass. */
DifSchedulerValue *_dif_scheduler_values_new (const DifSchedulerClass *klass);

/** _dif_scheduler_values_free: frees what _dif_scheduler_values_new() made. */
void _dif_scheduler_values_free (const DifSchedulerClass *klass, DifSchedulerValue *values);

/** _dif_scheduler_read_config: takes values from @config; FALSE on error. */
gboolean _dif_scheduler_read_config (DifScheduler *s, DifJson *config, GError **error);

/** _dif_scheduler_set_value: dif_scheduler_set_key() on the values alone. */
gboolean _dif_scheduler_set_value (DifScheduler *s, const char *key, const char *value,
                                   GError **error);

/* ---- noise-schedule.c: tables and timesteps ---- */

/** _dif_noise_tables: computes alphas_cumprod; returns (nullable) why not. */
char *_dif_noise_tables (DifScheduler *s);

/** _dif_noise_alpha: cumulative alpha at @t; beyond the table its last. */
float _dif_noise_alpha (DifScheduler *s, int t);

/** _dif_noise_sigmas: (transfer full): sqrt ((1 - a) / a), n_train of them. */
float *_dif_noise_sigmas (DifScheduler *s);

/** DifSpacing: how a class counts its timesteps. */
typedef enum
{
  DIF_SPACING_INTEGER, /* n points, rounded: DDIM, DDPM, PNDM */
  DIF_SPACING_FLOAT,   /* n points, linspace not rounded: Euler, LMS, Heun */
  DIF_SPACING_SOLVER   /* n + 1 points, the last dropped: DPM, UniPC */
} DifSpacing;

/**
 * _dif_noise_spacing: timesteps of timestep_spacing and steps_offset,
 * descending, into a new array of @n_out <= @n; @last is n_train, or less
 * where lambda_min_clipped cuts.
 */
double *_dif_noise_spacing (DifScheduler *s, DifSpacing family, guint last, guint n, guint *n_out);

/** _dif_noise_interpolate: sigma at the fractional timestep @t. */
double _dif_noise_interpolate (const float *sigmas, guint n_train, double t);

/** _dif_noise_sigma_to_t: the fractional timestep at which sigma is @sigma. */
double _dif_noise_sigma_to_t (const float *log_sigmas, guint n_train, double sigma);

/**
 * _dif_noise_shaped: replaces the @n sigmas by a Karras, exponential or beta
 * distribution between @low and @high (or sigma_min and sigma_max, where the
 * class has these keys), if the config asks for it.  Returns whether it did.
 */
gboolean _dif_noise_shaped (DifScheduler *s, double low, double high, double *sigmas, guint n);

/**
 * _dif_noise_reshape: replaces the @n sigmas by a Karras, exponential or beta
 * distribution between @low and @high (or sigma_min and sigma_max, where the
 * class has these keys), and @t by the timesteps that belong to them, if the
 * config asks for it.  Returns whether it did.
 */
gboolean _dif_noise_reshape (DifScheduler *s, const float *table, double low, double high,
                             double *sigmas, double *t, guint n);

/** _dif_noise_ancestral: splits a step to @to into one to @down and noise of @up. */
void _dif_noise_ancestral (float from, float to, float *down, float *up);

/**
 * _dif_noise_discrete_sigmas: set_timesteps of Euler and its kin: sigmas at
 * the timesteps, reshaped, followed by the final one.
 */
gboolean _dif_noise_discrete_sigmas (DifScheduler *s, guint n, GError **error);

/** _dif_noise_integer_timesteps: set_timesteps of DDIM and DDPM. */
gboolean _dif_noise_integer_timesteps (DifScheduler *s, guint n, GError **error);

/** _dif_noise_take: hands timesteps and sigmas over to @s. */
void _dif_noise_take (DifScheduler *s, double *timesteps, guint n_calls, float *sigmas,
                      guint n_sigmas);

/** _dif_noise_check_shapes: (nullable): why the chosen shapes exclude each other. */
char *_dif_noise_check_shapes (DifScheduler *s);

/* ---- beta-quantile.c ---- */

/** _dif_beta_quantile: x with I_x (a, b) = p, for p in [0, 1]. */
double _dif_beta_quantile (double p, double a, double b);

/* ---- scheduler-tensors.c: tensor arithmetic of the steps ---- */

/** _dif_combine: a x + b y; fails the context if a coefficient is not finite. */
DifTensor *_dif_combine (DifContext *cx, double a, DifTensor *x, double b, DifTensor *y);

/** _dif_combine_n: like dif_lincomb(), but checks the coefficients. */
DifTensor *_dif_combine_n (DifContext *cx, guint n, const double *coef, DifTensor *const *x);

/** _dif_step_noise: standard normal numbers shaped like the sample. */
DifTensor *_dif_step_noise (const DifSchedulerStep *c);

/** _dif_threshold: dynamic thresholding (Saharia et al. 2022). */
DifTensor *_dif_threshold (DifScheduler *s, DifContext *cx, DifTensor *x0);

/** _dif_bound: thresholding or clipping of @x0, as the config says. */
DifTensor *_dif_bound (DifScheduler *s, DifContext *cx, DifTensor *x0);

/**
 * _dif_clean_factors: predicted picture = factors[0] sample + factors[1] output, where
 * sample = @root_a picture + @root_b noise.
 */
void _dif_clean_factors (DifScheduler *s, float root_a, float root_b, double factors[2]);

/** _dif_clean_factors_at_sigma: the same where sample = picture + sigma noise. */
void _dif_clean_factors_at_sigma (DifScheduler *s, float sigma, double factors[2]);

/** _dif_predict_x0: the predicted picture at cumulative alpha @a. */
DifTensor *_dif_predict_x0 (DifScheduler *s, const DifSchedulerStep *c, float a);

/** _dif_predict_noise: the predicted noise at cumulative alpha @a. */
DifTensor *_dif_predict_noise (DifScheduler *s, const DifSchedulerStep *c, float a);

/** _dif_predict_x0_at_sigma: the same where sample = picture + sigma noise. */
DifTensor *_dif_predict_x0_at_sigma (DifScheduler *s, const DifSchedulerStep *c, float sigma);

/** _dif_hold: *slot = @t, referenced; nothing if the context has failed. */
void _dif_hold (DifContext *cx, DifTensor **slot, DifTensor *t);

/** _dif_shift_in: drops slots[0], moves the others down, holds @t last. */
void _dif_shift_in (DifContext *cx, DifTensor **slots, guint n, DifTensor *t);

/** _dif_drop: releases @n slots. */
void _dif_drop (DifTensor **slots, guint n);

G_END_DECLS

#endif /* DIF_SCHEDULERS_SCHEDULER_PRIVATE_H */
