/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-rate.c - how fast this machine multiplies, and what it is best to compute in.
 *
 * A CPU with AMX multiplies bf16 several times as fast as f32, one without any
 * instructions for bf16 not at all.  In between it depends: AMD's do it about
 * twice as fast, some of Intel's more slowly.  There a product is timed in both,
 * once, and the rates are kept in the user's cache folder beside all that they
 * depend on.  A file that does not fit in every respect is measured again.
 */
#include "config.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include "backends/cpu/cpu-private.h"
#include "base/file.h"
#include "base/json.h"

/* ---- timing ---- */

/* A square product. */
typedef struct
{
  DifBackend *be;
  gsize       side;
  DifTensor  *x, *y;
  gpointer    w;
} Product;

static gboolean
product_init (Product *p, DifBackend *be, DifDtype dtype, gsize side)
{
  const DifShape    square = DIF_SHAPE (side, side);
  g_autofree float *values = g_try_new (float, side *side);
  DifHostArray      array  = { .encoding = DIF_ENC_F32, .shape = square, .data = values };
  gsize             bytes;

  *p = (Product) { .be = be, .side = side };
  if (! values)
    return FALSE;
  /* not all alike: the power a product takes, and so the clock, depends on it */
  for (gsize i = 0; i < side * side; i++)
    values[i] = (float) (i * 2654435761u % 1021) / 510.0f - 1.0f;
  p->x = dif_tensor_new (be, dtype, &square, NULL);
  p->y = dif_tensor_new (be, dtype, &square, NULL);
  p->w = p->x && p->y ? _dif_cpu_linear_new (be, dtype, &array, NULL, &bytes, NULL) : NULL;
  if (p->w)
    dif_convert_from_f32 (p->x->data, dtype, values, side * side);
  return p->w != NULL;
}

static void
product_clear (Product *p)
{
  _dif_cpu_weight_free (p->be, p->w);
  g_clear_pointer (&p->x, dif_tensor_unref);
  g_clear_pointer (&p->y, dif_tensor_unref);
}

/* Multiply-adds per second of doing it once; 0 on failure. */
static double
product_rate (const Product *p)
{
  gint64 start = g_get_monotonic_time ();

  if (! _dif_cpu_linear (p->be, p->x, p->w, DIF_ACT_NONE, NULL, p->y, NULL))
    return 0;
  return pow ((double) p->side, 3) * G_USEC_PER_SEC /
         (double) MAX (1, g_get_monotonic_time () - start);
}

/* The product that limit times: large enough to be bound by arithmetic alone. */
#define LIMIT_SIDE 2048

double
_dif_cpu_limit (DifBackend *be, DifDtype dtype)
{
  Product p;
  gint64  begin = g_get_monotonic_time ();
  double  best = 0, rate = 1;

  if (product_init (&p, be, dtype, LIMIT_SIDE))
    while (rate > 0 && g_get_monotonic_time () - begin < G_USEC_PER_SEC)
      {
        rate = product_rate (&p);
        best = MAX (best, rate);
      }
  product_clear (&p);
  return best;
}

/* The product that is timed in both dtypes, a layer of the middle of a U-Net, and
 * for how long. */
#define CHOICE_SIDE    1024
#define CHOICE_SECONDS 0.25
#define CHOICE_TURNS   4

/* The best of each in turn, so that what disturbs one disturbs both. */
static gboolean
measure (DifBackend *be, DifCpuRates *rates)
{
  Product  f32, bf16 = { 0 };
  gint64   begin = g_get_monotonic_time ();
  gboolean ok    = product_init (&f32, be, DIF_F32, CHOICE_SIDE) &&
                product_init (&bf16, be, DIF_BF16, CHOICE_SIDE);

  *rates = (DifCpuRates) { 0, 0 };
  for (guint i = 0; ok; i++)
    {
      double a = product_rate (&f32), b = product_rate (&bf16);

      ok = a > 0 && b > 0;
      if (i) /* the first time kernels are made */
        *rates = (DifCpuRates) { MAX (rates->f32, a), MAX (rates->bf16, b) };
      if (i >= CHOICE_TURNS &&
          (double) (g_get_monotonic_time () - begin) > CHOICE_SECONDS * G_USEC_PER_SEC)
        break;
    }
  product_clear (&f32);
  if (bf16.be)
    product_clear (&bf16);
  return ok;
}

/* ---- the file ---- */

#define MAX_FILE 4096

/* Rates that no CPU of today or tomorrow has are no rates. */
#define LEAST_RATE    1e6
#define GREATEST_RATE 1e17

static void
append_cpu (GString *to)
{
#if defined(__x86_64__) || defined(__i386__)
  unsigned a, b, c, d;
  char     vendor[13] = "";

  if (__get_cpuid (0, &a, &b, &c, &d))
    {
      memcpy (vendor, &b, 4);
      memcpy (vendor + 4, &d, 4);
      memcpy (vendor + 8, &c, 4);
    }
  for (char *p = vendor; *p; p++)
    if (! g_ascii_isprint (*p))
      *p = '?';
  /* family, model and stepping, and nothing of which core this is */
  if (__get_cpuid (1, &a, &b, &c, &d))
    g_string_append_printf (to, "%s %08x", vendor, a);
#else
  g_string_append (to, "unknown");
#endif
}

char *
_dif_cpu_identity (DifCpu *cpu)
{
  const dnnl_version_t *v = dnnl_version ();
  GString              *s = g_string_new (NULL);

  append_cpu (s);
  g_string_append_printf (s, ", %s, oneDNN %d.%d.%d %.12s with %#x, %d threads, dif %s",
                          cpu->kernels->name, v->major, v->minor, v->patch, v->hash,
                          (unsigned) dnnl_get_effective_cpu_isa (), cpu->n_threads, DIF_VERSION);
  return g_string_free (s, FALSE);
}

static gboolean
is_rate (double rate)
{
  return isfinite (rate) && rate >= LEAST_RATE && rate <= GREATEST_RATE;
}

gboolean
_dif_cpu_rates_read (const char *path, const char *identity, DifCpuRates *rates)
{
  g_autoptr (GBytes)  bytes = dif_file_read (path, MAX_FILE, NULL);
  g_autoptr (DifJson) json  = NULL;
  const char         *text;
  gsize               n;

  if (! bytes)
    return FALSE;
  text = g_bytes_get_data (bytes, &n);
  json = dif_json_parse (text, n, path, NULL);
  if (! json || strcmp (dif_json_string (json, "machine", ""), identity) != 0)
    return FALSE;
  rates->f32  = dif_json_double (json, "f32", 0);
  rates->bf16 = dif_json_double (json, "bf16", 0);
  return dif_json_finish (json, NULL) && is_rate (rates->f32) && is_rate (rates->bf16);
}

void
_dif_cpu_rates_write (const char *path, const char *identity, const DifCpuRates *rates)
{
  g_autoptr (DifJson) json   = dif_json_new_object ("rates");
  g_autofree char    *folder = g_path_get_dirname (path), *text = NULL;

  dif_json_set_string (json, "machine", identity);
  dif_json_set_double (json, "f32", rates->f32);
  dif_json_set_double (json, "bf16", rates->bf16);
  text = dif_json_to_string (json, TRUE);
  if (g_mkdir_with_parents (folder, 0700) != 0 ||
      ! g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL))
    g_debug ("%s: not kept", path);
}

/* ---- the choice ---- */

/* bf16 costs a picture some of its last bits: it has to be worth that. */
#define WORTH 1.1

static DifDtype
choose (DifCpu *cpu, const char *path, char **why)
{
  const int        amx      = dnnl_cpu_isa_avx512_core_amx;
  g_autofree char *identity = NULL;
  DifCpuRates      rates;
  gboolean         kept;

  if (! cpu->has_bf16)
    {
      *why = g_strdup ("this CPU has no instructions for bf16");
      return DIF_F32;
    }
  if (((int) dnnl_get_effective_cpu_isa () & amx) == amx)
    {
      *why = g_strdup ("this CPU has AMX");
      return DIF_BF16;
    }
  identity = _dif_cpu_identity (cpu);
  kept     = _dif_cpu_rates_read (path, identity, &rates);
  if (! kept && ! measure (&cpu->parent, &rates))
    {
      *why = g_strdup ("neither could be timed");
      return DIF_F32;
    }
  if (! kept)
    _dif_cpu_rates_write (path, identity, &rates);
  *why = g_strdup_printf ("a product in bf16 was %.2f times as fast as in f32, %s",
                          rates.bf16 / rates.f32, kept ? "measured before" : "measured now");
  return rates.bf16 > WORTH * rates.f32 ? DIF_BF16 : DIF_F32;
}

char *
_dif_cpu_rates_path (DifCpu *cpu)
{
  g_autofree char *identity = _dif_cpu_identity (cpu);
  g_autofree char *sum      = g_compute_checksum_for_string (G_CHECKSUM_SHA256, identity, -1);
  g_autofree char *name     = g_strdup_printf ("cpu-%.16s.json", sum);

  return g_build_filename (g_get_user_cache_dir (), "gimp-diffusion", name, NULL);
}

static void
know_best (DifCpu *cpu)
{
  g_mutex_lock (&cpu->choice_lock);
  if (! cpu->why_best)
    {
      g_autofree char *path = _dif_cpu_rates_path (cpu);

      cpu->best = choose (cpu, path, &cpu->why_best);
    }
  g_mutex_unlock (&cpu->choice_lock);
}

DifDtype
_dif_cpu_best_dtype (DifBackend *be)
{
  know_best ((DifCpu *) be);
  return ((DifCpu *) be)->best;
}

const char *
_dif_cpu_why_best (DifBackend *be)
{
  know_best ((DifCpu *) be);
  return ((DifCpu *) be)->why_best;
}
