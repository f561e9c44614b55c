/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora-kinds.c - the ways to write down a change of weights, and what they come to.
 *
 * Sources: Hu et al. 2021 (LoRA); Hyeon-Woo et al. 2021 (LoHa); Yeh et al. 2023
 * and LyCORIS, functional/{locon,loha,lokr,general}.py; Liu et al. 2024 (DoRA);
 * peft, tuners/lora/{layer,dora}.py.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "formats/lora-private.h"

#define BIT(role) (1u << (role))

/* What any kind may have besides. */
#define COMMON (BIT (DIF_LORA_ALPHA) | BIT (DIF_LORA_DIFF_BIAS))
#define DORA   (BIT (DIF_LORA_DORA) | BIT (DIF_LORA_DORA_OUT))

gboolean
_dif_lora_has (const DifLoraModule *m, DifLoraRole role)
{
  return m->tensors[role].data != NULL;
}

float *
_dif_lora_floats (const DifLoraModule *m, DifLoraRole role, gsize *n)
{
  return dif_host_to_f32 (&m->tensors[role], n);
}

/* ---- matrices ---- */

/* A tensor as a matrix: its first dimension, and all the others. */
typedef struct
{
  gsize rows, columns;
} Size;

static Size
size_of (const DifLoraModule *m, DifLoraRole role)
{
  const DifShape *s = &m->tensors[role].shape;
  Size            z = { s->n ? s->d[0] : 0, 1 };

  for (guint i = 1; i < s->n; i++)
    z.columns *= s->d[i];
  return z;
}

/* Whether it is `[n, n]` or, but for a kernel, `[n, n, 1, 1]`. */
static gboolean
is_matrix (const DifLoraModule *m, DifLoraRole role, gboolean may_have_kernel)
{
  const DifShape *s = &m->tensors[role].shape;

  return s->n == 2 || (s->n == 4 && (may_have_kernel || (s->d[2] == 1 && s->d[3] == 1)));
}

static float *
new_matrix (gsize rows, gsize columns)
{
  gsize n;

  return g_size_checked_mul (&n, rows, columns) ? g_try_new (float, MAX (n, 1)) : NULL;
}

/* `[n_rows, k]` times `[k, n]`, rows apart. */
static float *
product (const float *a, const float *b, gsize n_rows, gsize k, gsize n)
{
  float *out       = a && b ? new_matrix (n_rows, n) : NULL;
  guint  n_threads = MIN (g_get_num_processors (), 32);

  if (! out)
    return NULL;
#pragma omp parallel for num_threads(n_threads) schedule(static)
  for (gsize o = 0; o < n_rows; o++)
    {
      float *row = out + o * n;

      memset (row, 0, n * sizeof *row);
      for (gsize r = 0; r < k; r++)
        {
          float        factor = a[o * k + r];
          const float *from   = b + r * n;

          for (gsize i = 0; i < n; i++)
            row[i] += factor * from[i];
        }
    }
  return out;
}

static float *
product_of (const DifLoraModule *m, DifLoraRole a, DifLoraRole b)
{
  g_autofree float *fa = _dif_lora_floats (m, a, NULL), *fb = _dif_lora_floats (m, b, NULL);

  return product (fa, fb, size_of (m, a).rows, size_of (m, a).columns, size_of (m, b).columns);
}

/* `[rows, ranks, area]` and `[ranks, n_in]` to `[rows, n_in, area]`. */
static float *
through_core (const float *core, const float *b, gsize rows, gsize ranks, gsize area, gsize n_in)
{
  gsize  n;
  float *out = NULL;

  if (core && b && g_size_checked_mul (&n, rows, n_in) && g_size_checked_mul (&n, n, area))
    out = g_try_new0 (float, MAX (n, 1));
  for (gsize a = 0; out && a < rows; a++)
    for (gsize r = 0; r < ranks; r++)
      for (gsize i = 0; i < n_in; i++)
        for (gsize k = 0; k < area; k++)
          out[(a * n_in + i) * area + k] += core[(a * ranks + r) * area + k] * b[r * n_in + i];
  return out;
}

/* Tucker's form: a core `[r, r, kh, kw]`, and `[r, out]` and `[r, in]` before
 * it (LyCORIS, rebuild_tucker). */
static float *
tucker (const DifLoraModule *m, DifLoraRole core, DifLoraRole a, DifLoraRole b)
{
  const DifShape   *t    = &m->tensors[core].shape;
  gsize             area = t->d[2] * t->d[3], n_in = size_of (m, b).columns, n_out;
  g_autofree float *ft = _dif_lora_floats (m, core, NULL);
  g_autofree float *fa = _dif_lora_floats (m, a, NULL), *fb = _dif_lora_floats (m, b, NULL);
  g_autofree float *joined = through_core (ft, fb, t->d[0], t->d[1], area, n_in), *turned = NULL;

  n_out  = size_of (m, a).columns;
  turned = fa ? new_matrix (n_out, t->d[0]) : NULL;
  for (gsize o = 0; turned && o < n_out; o++)
    for (gsize r = 0; r < t->d[0]; r++)
      turned[o * t->d[0] + r] = fa[r * n_out + o];
  return product (turned, joined, n_out, t->d[0], n_in * area);
}

static gboolean
is_core (const DifLoraModule *m, DifLoraRole core, gsize rank_a, gsize rank_b)
{
  const DifShape *t = &m->tensors[core].shape;

  return t->n == 4 && t->d[0] == rank_a && t->d[1] == rank_b && t->d[2] && t->d[3];
}

/* Sets the inputs and the kernel from a tensor `[…, in]` or `[…, in, kh, kw]`. */
static void
set_inputs (DifLoraModule *m, const DifShape *s)
{
  m->area = s->n == 4 ? s->d[2] * s->d[3] : 0;
  m->n_in = s->n == 4 && ! m->area ? 0 : s->d[1];
}

/* ---- LoRA ---- */

static const char *
measure_lora (DifLoraModule *m)
{
  Size up = size_of (m, DIF_LORA_UP), down = size_of (m, DIF_LORA_DOWN);

  if (! is_matrix (m, DIF_LORA_UP, FALSE) ||
      ! is_matrix (m, DIF_LORA_DOWN, ! _dif_lora_has (m, DIF_LORA_MID)))
    return "shapes of something else";
  m->rank  = up.columns;
  m->n_out = up.rows;
  set_inputs (m, &m->tensors[DIF_LORA_DOWN].shape);
  if (m->rank == 0 && down.rows == 0)
    return "a rank of 0";
  if (_dif_lora_has (m, DIF_LORA_MID))
    {
      const DifShape *mid = &m->tensors[DIF_LORA_MID].shape;

      if (! is_core (m, DIF_LORA_MID, up.columns, down.rows))
        return "halves of different ranks";
      m->n_in = down.columns;
      m->area = mid->d[2] * mid->d[3];
      return NULL;
    }
  return up.columns == down.rows ? NULL : "halves of different ranks";
}

static float *
delta_lora (const DifLoraModule *m)
{
  const DifShape   *mid  = &m->tensors[DIF_LORA_MID].shape;
  g_autofree float *core = NULL, *up = NULL, *down = NULL, *joined = NULL;

  if (! _dif_lora_has (m, DIF_LORA_MID))
    return product_of (m, DIF_LORA_UP, DIF_LORA_DOWN);
  core   = _dif_lora_floats (m, DIF_LORA_MID, NULL);
  up     = _dif_lora_floats (m, DIF_LORA_UP, NULL);
  down   = _dif_lora_floats (m, DIF_LORA_DOWN, NULL);
  joined = through_core (core, down, mid->d[0], mid->d[1], m->area, m->n_in);
  return product (up, joined, m->n_out, m->rank, m->n_in * m->area);
}

/* ---- LoHa: two products, multiplied number by number ---- */

static const char *
measure_loha (DifLoraModule *m)
{
  Size     a1 = size_of (m, DIF_LORA_HADA_W1_A), b1 = size_of (m, DIF_LORA_HADA_W1_B);
  Size     a2 = size_of (m, DIF_LORA_HADA_W2_A), b2 = size_of (m, DIF_LORA_HADA_W2_B);
  gboolean is_tucker = _dif_lora_has (m, DIF_LORA_HADA_T1);

  for (DifLoraRole role = DIF_LORA_HADA_W1_A; role <= DIF_LORA_HADA_W2_B; role++)
    if (! is_matrix (m, role, FALSE))
      return "shapes of something else";
  if (is_tucker != _dif_lora_has (m, DIF_LORA_HADA_T2))
    return "one core alone";
  if (b1.rows == 0 || b2.rows == 0)
    return "a rank of 0";
  m->rank  = b1.rows;
  m->n_in  = b1.columns;
  m->n_out = is_tucker ? a1.columns : a1.rows;
  m->area  = 0;
  if (! is_tucker)
    return a1.columns == b1.rows && a2.columns == b2.rows && a1.rows == a2.rows &&
                   b1.columns == b2.columns
               ? NULL
               : "factors that do not fit each other";
  m->area = size_of (m, DIF_LORA_HADA_T1).columns / b1.rows;
  return is_core (m, DIF_LORA_HADA_T1, a1.rows, b1.rows) &&
                 is_core (m, DIF_LORA_HADA_T2, a2.rows, b2.rows) && a1.columns == a2.columns &&
                 b1.columns == b2.columns &&
                 size_of (m, DIF_LORA_HADA_T2).columns == m->area * b2.rows
             ? NULL
             : "factors that do not fit each other";
}

static float *
delta_loha (const DifLoraModule *m)
{
  gboolean          is_tucker = _dif_lora_has (m, DIF_LORA_HADA_T1);
  gsize             n         = m->n_out * m->n_in * MAX (m->area, 1);
  g_autofree float *one = NULL, *two = NULL;

  one = is_tucker ? tucker (m, DIF_LORA_HADA_T1, DIF_LORA_HADA_W1_A, DIF_LORA_HADA_W1_B)
                  : product_of (m, DIF_LORA_HADA_W1_A, DIF_LORA_HADA_W1_B);
  two = is_tucker ? tucker (m, DIF_LORA_HADA_T2, DIF_LORA_HADA_W2_A, DIF_LORA_HADA_W2_B)
                  : product_of (m, DIF_LORA_HADA_W2_A, DIF_LORA_HADA_W2_B);
  for (gsize i = 0; one && two && i < n; i++)
    one[i] *= two[i];
  return two ? g_steal_pointer (&one) : NULL;
}

/* ---- LoKr: a Kronecker product of two factors, each whole or a product ---- */

/* Whether a factor is there, either whole or as two that are multiplied. */
static gboolean
has_factor (const DifLoraModule *m, DifLoraRole whole)
{
  gboolean a = _dif_lora_has (m, whole + 1), b = _dif_lora_has (m, whole + 2);

  return _dif_lora_has (m, whole) ? ! a && ! b : a && b;
}

static gboolean
is_whole (const DifLoraModule *m, DifLoraRole whole)
{
  return _dif_lora_has (m, whole);
}

/* The size of the first or the second factor; FALSE if it cannot be. */
static gboolean
measure_factor (const DifLoraModule *m, DifLoraRole whole, gboolean is_tucker, Size *out)
{
  Size a = size_of (m, whole + 1), b = size_of (m, whole + 2);

  if (is_whole (m, whole))
    {
      *out = size_of (m, whole);
      return is_matrix (m, whole, whole == DIF_LORA_KRON_W2) && ! is_tucker;
    }
  if (! is_matrix (m, whole + 1, FALSE) || ! is_matrix (m, whole + 2, whole == DIF_LORA_KRON_W2))
    return FALSE;
  out->rows    = is_tucker ? a.columns : a.rows;
  out->columns = b.columns;
  if (is_tucker)
    out->columns *= size_of (m, DIF_LORA_KRON_T2).columns / MAX (b.rows, 1);
  return is_tucker ? is_core (m, DIF_LORA_KRON_T2, a.rows, b.rows) : a.columns == b.rows;
}

static const char *
measure_lokr (DifLoraModule *m)
{
  gboolean is_tucker = _dif_lora_has (m, DIF_LORA_KRON_T2);
  Size     w1, w2;

  if (! has_factor (m, DIF_LORA_KRON_W1) || ! has_factor (m, DIF_LORA_KRON_W2))
    return "a factor that is not there once";
  if (! measure_factor (m, DIF_LORA_KRON_W1, FALSE, &w1) ||
      ! measure_factor (m, DIF_LORA_KRON_W2, is_tucker, &w2) ||
      ! g_size_checked_mul (&m->n_out, w1.rows, w2.rows) ||
      ! g_size_checked_mul (&m->n_in, w1.columns, w2.columns))
    return "factors that do not fit each other";
  m->area = 0;
  m->rank = ! is_whole (m, DIF_LORA_KRON_W2)   ? size_of (m, DIF_LORA_KRON_W2_B).rows
            : ! is_whole (m, DIF_LORA_KRON_W1) ? size_of (m, DIF_LORA_KRON_W1_B).rows
                                               : 0;
  if (m->rank == 0 && ! (is_whole (m, DIF_LORA_KRON_W1) && is_whole (m, DIF_LORA_KRON_W2)))
    return "a rank of 0";
  return NULL;
}

static float *
factor (const DifLoraModule *m, DifLoraRole whole)
{
  return is_whole (m, whole) ? _dif_lora_floats (m, whole, NULL)
                             : product_of (m, whole + 1, whole + 2);
}

static float *
delta_lokr (const DifLoraModule *m)
{
  gboolean          is_tucker = _dif_lora_has (m, DIF_LORA_KRON_T2);
  Size              one, two;
  g_autofree float *w1 = factor (m, DIF_LORA_KRON_W1);
  g_autofree float *w2 = is_tucker ? tucker (m, DIF_LORA_KRON_T2, DIF_LORA_KRON_W2_A,
                                             DIF_LORA_KRON_W2_B)
                                   : factor (m, DIF_LORA_KRON_W2);
  float            *out;

  measure_factor (m, DIF_LORA_KRON_W1, FALSE, &one);
  measure_factor (m, DIF_LORA_KRON_W2, is_tucker, &two);
  out = w1 && w2 ? new_matrix (m->n_out, m->n_in) : NULL;
  for (gsize o = 0; out && o < m->n_out; o++)
    for (gsize j = 0; j < one.columns; j++)
      {
        float        by   = w1[o / two.rows * one.columns + j];
        const float *from = w2 + o % two.rows * two.columns;
        float       *to   = out + o * m->n_in + j * two.columns;

        for (gsize i = 0; i < two.columns; i++)
          to[i] = by * from[i];
      }
  return out;
}

/* ---- whole differences ---- */

static const char *
measure_diff (DifLoraModule *m)
{
  Size            w = size_of (m, DIF_LORA_DIFF);
  const DifShape *s = &m->tensors[DIF_LORA_DIFF].shape;

  if (s->n != 1 && s->n != 2 && s->n != 4)
    return "shapes of something else";
  m->n_out = w.rows;
  m->n_in  = s->n > 1 ? s->d[1] : 1;
  m->area  = s->n == 4 ? s->d[2] * s->d[3] : 0;
  return w.rows && w.columns ? NULL : "nothing";
}

static float *
delta_diff (const DifLoraModule *m)
{
  return _dif_lora_floats (m, DIF_LORA_DIFF, NULL);
}

static const char *
measure_bias (DifLoraModule *m)
{
  return NULL;
}

/* ---- the kinds ---- */

static const DifLoraKind kinds[] = {
  { "LoRA", BIT (DIF_LORA_DOWN) | BIT (DIF_LORA_UP),
    COMMON | DORA | BIT (DIF_LORA_MID) | BIT (DIF_LORA_UP_BIAS), measure_lora, delta_lora },
  { "LoHa",
    BIT (DIF_LORA_HADA_W1_A) | BIT (DIF_LORA_HADA_W1_B) | BIT (DIF_LORA_HADA_W2_A) |
        BIT (DIF_LORA_HADA_W2_B),
    COMMON | DORA | BIT (DIF_LORA_HADA_T1) | BIT (DIF_LORA_HADA_T2), measure_loha, delta_loha },
  { "LoKr", 0,
    COMMON | DORA | BIT (DIF_LORA_KRON_W1) | BIT (DIF_LORA_KRON_W1_A) | BIT (DIF_LORA_KRON_W1_B) |
        BIT (DIF_LORA_KRON_W2) | BIT (DIF_LORA_KRON_W2_A) | BIT (DIF_LORA_KRON_W2_B) |
        BIT (DIF_LORA_KRON_T2),
    measure_lokr, delta_lokr },
  { "full difference", BIT (DIF_LORA_DIFF), COMMON, measure_diff, delta_diff },
  { "difference of biases", BIT (DIF_LORA_DIFF_BIAS), COMMON, measure_bias, NULL },
};

const char *
_dif_lora_kind_name (guint i)
{
  return i < G_N_ELEMENTS (kinds) ? kinds[i].name : NULL;
}

static guint32
roles_of (const DifLoraModule *m)
{
  guint32 roles = 0;

  for (guint i = 0; i < DIF_LORA_N_ROLES; i++)
    if (_dif_lora_has (m, i))
      roles |= BIT (i);
  return roles;
}

gboolean
_dif_lora_is_idle (const DifLoraModule *m)
{
  return roles_of (m) == BIT (DIF_LORA_ALPHA);
}

/* The kind that has all it needs and takes the rest. */
static const DifLoraKind *
find_kind (guint32 roles)
{
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    if ((roles & kinds[i].needs) == kinds[i].needs &&
        (roles & ~(kinds[i].needs | kinds[i].takes)) == 0 && (kinds[i].needs || roles & ~COMMON))
      return &kinds[i];
  return NULL;
}

gboolean
_dif_lora_is_dora (const DifLoraModule *m)
{
  return _dif_lora_has (m, DIF_LORA_DORA) || _dif_lora_has (m, DIF_LORA_DORA_OUT);
}

static DifLoraRole
magnitudes_of (const DifLoraModule *m)
{
  return _dif_lora_has (m, DIF_LORA_DORA) ? DIF_LORA_DORA : DIF_LORA_DORA_OUT;
}

static const char *
measure_dora (const DifLoraModule *m)
{
  DifLoraRole role = magnitudes_of (m);
  gsize       n;

  if (! _dif_lora_has (m, role))
    return NULL;
  if (! dif_shape_count (&m->tensors[role].shape, &n) ||
      (n != m->n_out && (role == DIF_LORA_DORA_OUT || n == 0 || m->n_in % n)))
    return "magnitudes that are neither as many as outputs nor as inputs";
  return NULL;
}

/* What is the matter with what any kind may have. */
static const char *
measure_common (const DifLoraModule *m)
{
  gsize n = 1, diff = 0, up = 0;

  if (_dif_lora_has (m, DIF_LORA_ALPHA) &&
      ! (dif_shape_count (&m->tensors[DIF_LORA_ALPHA].shape, &n) && n == 1))
    return "an alpha of several numbers";
  if (_dif_lora_has (m, DIF_LORA_DIFF_BIAS) && _dif_lora_has (m, DIF_LORA_UP_BIAS) &&
      ! (dif_shape_count (&m->tensors[DIF_LORA_DIFF_BIAS].shape, &diff) &&
         dif_shape_count (&m->tensors[DIF_LORA_UP_BIAS].shape, &up) && diff == up))
    return "biases of different sizes";
  return NULL;
}

char *
_dif_lora_measure (DifLoraModule *m)
{
  const char *found = NULL;

  for (guint i = 0; i < DIF_LORA_N_ROLES && ! found; i++)
    if (_dif_lora_has (m, i) && i != DIF_LORA_ALPHA && ! dif_host_is_weight (&m->tensors[i]))
      found = "integers";
  m->kind = find_kind (roles_of (m));
  if (! found && ! m->kind)
    found = "one alone";
  if (! found)
    found = measure_common (m);
  if (! found)
    found = m->kind->measure (m);
  if (! found && m->kind->delta && (m->n_out == 0 || m->n_in == 0))
    found = "no numbers";
  if (! found)
    found = measure_dora (m);
  return g_strdup (found);
}

/* ---- changing a weight ---- */

/* Whether the magnitudes are those of inputs. */
static gboolean
is_of_inputs (const DifLoraModule *m, DifLoraRole role)
{
  const DifShape *s = &m->tensors[role].shape;
  gsize           n;

  if (role == DIF_LORA_DORA_OUT || ! dif_shape_count (s, &n))
    return FALSE;
  return n != m->n_out || (s->n > 1 && s->d[0] == 1 && m->n_out > 1);
}

/* The length of one output's or one input's numbers. */
static double
norm_of (const float *w, gsize first, gsize n_groups, gsize step, gsize n)
{
  double sum = 0;

  for (gsize g = 0; g < n_groups; g++)
    for (gsize i = 0; i < n; i++)
      {
        double x = (double) w[first + g * step + i];

        sum += x * x;
      }
  return sqrt (sum);
}

/* w, which holds W + delta already, is brought to its magnitudes.  peft has the
 * weight in delta; LyCORIS moves @share of the way. */
static gboolean
decompose (const DifLoraModule *m, float *w, gsize n_columns, double share)
{
  DifLoraRole       role       = magnitudes_of (m);
  gboolean          of_in      = is_of_inputs (m, role);
  gsize             groups     = of_in ? m->n_out : 1, n, run;
  g_autofree float *magnitudes = _dif_lora_floats (m, role, &n);

  if (! magnitudes)
    return FALSE;
  run = of_in ? n_columns / n : n_columns;

  for (gsize k = 0; k < n; k++)
    {
      gsize  first = k * run;
      double norm  = norm_of (w, first, groups, n_columns, run) + (double) FLT_EPSILON;
      float  by    = (float) (share * ((double) magnitudes[k] / norm - 1) + 1);

      for (gsize g = 0; g < groups; g++)
        for (gsize i = 0; i < run; i++)
          w[first + g * n_columns + i] *= by;
    }
  return TRUE;
}

gboolean
_dif_lora_change (const DifLoraModule *m, float *w, gsize n_columns, double weight)
{
  gboolean          is_dora = _dif_lora_is_dora (m);
  gboolean          is_peft = m->kind->delta == delta_lora;
  gsize             n       = m->n_in * MAX (m->area, 1);
  float             scale   = (float) (m->scale * (is_dora && ! is_peft ? 1 : weight));
  g_autofree float *delta   = m->kind->delta (m);

  if (! delta)
    return FALSE;
  for (gsize o = 0; o < m->n_out; o++)
    for (gsize i = 0; i < n; i++)
      w[o * n_columns + i] += scale * delta[o * n + i];
  return ! is_dora || decompose (m, w, n_columns, is_peft ? 1 : weight);
}

gboolean
_dif_lora_is_low_rank (const DifLoraModule *m)
{
  return m->kind->delta == delta_lora && ! _dif_lora_is_dora (m);
}

gboolean
_dif_lora_factors (const DifLoraModule *m, gsize n_columns, double weight, float *down, float *up,
                   gsize stride)
{
  const DifShape   *mid   = &m->tensors[DIF_LORA_MID].shape;
  gsize             n     = m->n_in * MAX (m->area, 1);
  float             scale = (float) (m->scale * weight);
  g_autofree float *a     = _dif_lora_floats (m, DIF_LORA_DOWN, NULL);
  g_autofree float *b     = a ? _dif_lora_floats (m, DIF_LORA_UP, NULL) : NULL;

  if (b && _dif_lora_has (m, DIF_LORA_MID))
    {
      g_autofree float *core   = _dif_lora_floats (m, DIF_LORA_MID, NULL);
      float            *joined = through_core (core, a, mid->d[0], mid->d[1], m->area, m->n_in);

      g_free (a);
      a = joined;
    }
  if (! a || ! b)
    return FALSE;
  for (gsize r = 0; r < m->rank; r++)
    memcpy (down + r * n_columns, a + r * n, n * sizeof *a);
  for (gsize o = 0; o < m->n_out; o++)
    for (gsize r = 0; r < m->rank; r++)
      up[o * stride + r] = scale * b[o * m->rank + r];
  return TRUE;
}

gboolean
_dif_lora_change_bias (const DifLoraModule *m, float *b, double weight)
{
  static const DifLoraRole roles[] = { DIF_LORA_DIFF_BIAS, DIF_LORA_UP_BIAS };

  for (guint k = 0; k < G_N_ELEMENTS (roles); k++)
    if (_dif_lora_has (m, roles[k]))
      {
        gsize             n;
        g_autofree float *add = _dif_lora_floats (m, roles[k], &n);
        double            by  = weight * (roles[k] == DIF_LORA_UP_BIAS ? m->scale : 1);

        if (! add)
          return FALSE;
        for (gsize i = 0; i < n; i++)
          b[i] += (float) by * add[i];
      }
  return TRUE;
}

gboolean
_dif_lora_has_bias (const DifLoraModule *m)
{
  static const DifLoraRole roles[] = { DIF_LORA_DIFF_BIAS, DIF_LORA_UP_BIAS };
  gboolean                 any     = FALSE;

  for (guint k = 0; k < G_N_ELEMENTS (roles); k++)
    if (_dif_lora_has (m, roles[k]))
      {
        gsize             n;
        g_autofree float *add = _dif_lora_floats (m, roles[k], &n);

        for (gsize i = 0; add && i < n; i++)
          any = any || add[i] != 0;
        any = any || ! add;
      }
  return any;
}

gsize
_dif_lora_bias_size (const DifLoraModule *m)
{
  gsize n = 0;

  dif_shape_count (
      &m->tensors[_dif_lora_has (m, DIF_LORA_DIFF_BIAS) ? DIF_LORA_DIFF_BIAS : DIF_LORA_UP_BIAS]
           .shape,
      &n);
  return n;
}
