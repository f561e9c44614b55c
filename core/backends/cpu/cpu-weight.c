/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-weight.c - packed weights and the oneDNN primitives that use them.
 *
 * A weight lies in memory once, in the layout oneDNN likes best for a
 * representative use.  A use that this layout does not serve (no fast
 * implementation) makes it change its layout; it never exists twice.  Where
 * the file's numbers are half as wide as the products', they stay so: the
 * packed weight has the same elements in the same order, and they are widened
 * where they are used, which changes no bit of them.
 * Invariant: all primitives of a weight are for its present layout.
 */
#include <string.h>

#include "backends/cpu/cpu-private.h"
#include "base/error.h"

dnnl_status_t
_dif_cpu_md (dnnl_memory_desc_t *md, int n, const gint64 *dims, DifDtype dtype,
             dnnl_format_tag_t tag)
{
  dnnl_dims_t d = { 0 };

  for (int i = 0; i < n; i++)
    d[i] = dims[i];
  return dnnl_memory_desc_create_with_tag (md, n, d, dtype == DIF_BF16 ? dnnl_bf16 : dnnl_f32, tag);
}

/* ---- packing ---- */

/* of the packed weight, what fills up blocks among them */
static gsize
elements (const DifCpuWeight *w)
{
  return dnnl_memory_desc_get_size (w->md) / dif_dtype_size (w->dtype);
}

/* the layout of a weight in a file: [N, K] seen as oneDNN's [K, N], or OIHW */
static dnnl_status_t
plain_md (const DifCpuWeight *w, dnnl_memory_desc_t *md)
{
  const gint64 matrix[] = { (gint64) w->n_in, (gint64) w->n_out };
  const gint64 kernel[] = { (gint64) w->n_out, (gint64) w->n_in, (gint64) w->kh, (gint64) w->kw };

  return w->is_conv ? _dif_cpu_md (md, 4, kernel, w->dtype, dnnl_oihw)
                    : _dif_cpu_md (md, 2, matrix, w->dtype, dnnl_ba);
}

/* the layout oneDNN would choose for a use */
static dnnl_status_t
wanted_md (DifCpu *cpu, const DifCpuWeight *w, DifCpuDescribe describe, const gint64 *key,
           dnnl_memory_desc_t *md)
{
  const gint64          matrix[] = { (gint64) w->n_in, (gint64) w->n_out };
  const gint64          kernel[] = { (gint64) w->n_out, (gint64) w->n_in, (gint64) w->kh,
                                     (gint64) w->kw };
  dnnl_memory_desc_t    any      = NULL;
  dnnl_primitive_desc_t pd       = NULL;
  DifCpuPrimitive       unused   = { 0 };
  dnnl_status_t         s;

  s = w->is_conv ? _dif_cpu_md (&any, 4, kernel, w->dtype, dnnl_format_tag_any)
                 : _dif_cpu_md (&any, 2, matrix, w->dtype, dnnl_format_tag_any);
  if (s == dnnl_success)
    s = describe (cpu, w, key, any, &pd, &unused);
  if (s == dnnl_success)
    s = dnnl_memory_desc_clone (md, dnnl_primitive_desc_query_md (pd, dnnl_query_weights_md, 0));
  if (pd)
    dnnl_primitive_desc_destroy (pd);
  if (any)
    dnnl_memory_desc_destroy (any);
  return s;
}

static gboolean
pack (DifCpu *cpu, DifCpuWeight *w, const DifHostArray *from, DifCpuDescribe describe,
      const gint64 *key, GError **error)
{
  dnnl_memory_desc_t plain = NULL;
  gboolean           ok    = FALSE;
  gsize              bytes;

  if (! _dif_cpu_check (plain_md (w, &plain), "describing a weight", error))
    return FALSE;
  if (_dif_cpu_headroom (error) &&
      _dif_cpu_check (wanted_md (cpu, w, describe, key, &w->md), "choosing a layout", error))
    {
      bytes   = elements (w) * dif_dtype_size (w->stored);
      w->data = _dif_cpu_pool_alloc (cpu->weights, bytes);
      if (! w->data)
        _dif_cpu_out_of_memory (error, bytes);
      else
        {
          w->bytes += bytes;
          ok = _dif_cpu_pack (cpu, w, from, plain, error);
        }
    }
  dnnl_memory_desc_destroy (plain);
  return ok;
}

static gboolean
keep_bias (DifCpu *cpu, DifCpuWeight *w, const DifHostArray *bias, GError **error)
{
  gsize bytes = w->n_out * sizeof *w->bias;

  if (! bias || ! bias->data)
    return TRUE;
  w->bias = _dif_cpu_pool_alloc (cpu->weights, bytes);
  if (! w->bias)
    {
      _dif_cpu_out_of_memory (error, bytes);
      return FALSE;
    }
  w->bytes += bytes;
  _dif_cpu_to_f32 (cpu, w->bias, bias->data, dif_host_dtype (bias), w->n_out);
  return TRUE;
}

static void
weight_destroy (DifCpu *cpu, DifCpuWeight *w)
{
  g_ptr_array_unref (w->primitives);
  if (w->md)
    dnnl_memory_desc_destroy (w->md);
  _dif_cpu_pool_free (cpu->weights, w->data);
  _dif_cpu_pool_free (cpu->weights, w->bias);
  g_free (w);
}

DifCpuWeight *
_dif_cpu_weight_new (DifCpu *cpu, const DifCpuWeight *template, const DifHostArray *from,
                     const DifHostArray *bias, DifCpuDescribe describe, const gint64 *key,
                     GError **error)
{
  DifCpuWeight *w = g_new0 (DifCpuWeight, 1);

  *w            = *template;
  w->stored     = cpu->keep_narrow && w->dtype == DIF_F32 ? dif_host_dtype (from) : w->dtype;
  w->primitives = g_ptr_array_new_with_free_func ((GDestroyNotify) _dif_cpu_primitive_free);
  if (! keep_bias (cpu, w, bias, error) || ! pack (cpu, w, from, describe, key, error))
    {
      weight_destroy (cpu, w);
      return NULL;
    }
  dif_backend_account (&cpu->parent, (gssize) w->bytes);
  return w;
}

void
_dif_cpu_weight_free (DifBackend *be, gpointer data)
{
  DifCpuWeight *w = data;

  if (! w)
    return;
  dif_backend_account (be, -(gssize) w->bytes);
  weight_destroy ((DifCpu *) be, w);
}

/* ---- running ---- */

const void *
_dif_cpu_weight_wide (DifCpu *cpu, const DifCpuWeight *w, GError **error)
{
  gsize  n = elements (w);
  float *wide;

  if (w->stored == w->dtype)
    return w->data;
  wide = _dif_cpu_buffer (cpu, 3, n * sizeof *wide, error);
  if (wide)
    _dif_cpu_to_f32 (cpu, wide, w->data, w->stored, n);
  return wide;
}

/* the weight's elements in another order; @md is taken over where it works */
static gpointer
reordered (DifCpu *cpu, const DifCpuWeight *w, dnnl_memory_desc_t md, gsize n, GError **error)
{
  const void *from = _dif_cpu_weight_wide (cpu, w, error);
  gsize       wide = n * dif_dtype_size (w->dtype), bytes = n * dif_dtype_size (w->stored);
  gpointer    data = from ? _dif_cpu_pool_alloc (cpu->weights, bytes) : NULL;
  gpointer    to   = data;

  if (from && ! data)
    _dif_cpu_out_of_memory (error, bytes);
  if (data && w->stored != w->dtype)
    to = _dif_cpu_buffer (cpu, 1, wide, error);
  if (! data || ! to || ! _dif_cpu_reorder (cpu, w->md, from, md, to, error))
    {
      _dif_cpu_pool_free (cpu->weights, data);
      return NULL;
    }
  if (to != data)
    _dif_cpu_span_narrow (cpu, data, to, w->stored, n);
  return data;
}

/* moves the weight to the layout a use wants; its primitives are for the old one */
static gboolean
repack (DifCpu *cpu, DifCpuWeight *w, dnnl_memory_desc_t md, GError **error)
{
  gsize    n    = dnnl_memory_desc_get_size (md) / dif_dtype_size (w->dtype);
  gsize    size = dif_dtype_size (w->stored), bytes = n * size, old = elements (w) * size;
  gpointer data = reordered (cpu, w, md, n, error);

  if (! data)
    return FALSE;
  g_ptr_array_set_size (w->primitives, 0);
  dnnl_memory_desc_destroy (w->md);
  _dif_cpu_pool_free (cpu->weights, w->data);
  dif_backend_account (&cpu->parent, (gssize) bytes - (gssize) old);
  w->md   = md;
  w->data = data;
  w->bytes += bytes - old;
  return TRUE;
}

/* a description for the present layout; if that has only a slow
 * implementation and another layout would not, the layout changes */
static gboolean
choose (DifCpu *cpu, DifCpuWeight *w, DifCpuDescribe describe, const gint64 *key,
        dnnl_primitive_desc_t *pd, DifCpuPrimitive *p, GError **error)
{
  dnnl_status_t      s  = describe (cpu, w, key, w->md, pd, p);
  dnnl_memory_desc_t md = NULL;

  if (s == dnnl_success && ! _dif_cpu_is_slow (*pd))
    return TRUE;
  if (wanted_md (cpu, w, describe, key, &md) == dnnl_success &&
      ! dnnl_memory_desc_equal (md, w->md))
    {
      if (s == dnnl_success)
        dnnl_primitive_desc_destroy (*pd);
      *pd = NULL;
      if (! repack (cpu, w, md, error))
        {
          dnnl_memory_desc_destroy (md);
          return FALSE;
        }
      s = describe (cpu, w, key, w->md, pd, p);
    }
  else if (md)
    dnnl_memory_desc_destroy (md);
  return _dif_cpu_check (s, w->is_conv ? "conv2d" : "linear", error);
}

static DifCpuPrimitive *
find (DifCpu *cpu, DifCpuWeight *w, const gint64 *key, DifCpuDescribe describe, GError **error)
{
  dnnl_primitive_desc_t pd = NULL;
  DifCpuPrimitive      *p;
  dnnl_status_t         s;

  for (guint i = 0; i < w->primitives->len; i++)
    {
      p = w->primitives->pdata[i];
      if (memcmp (p->key, key, sizeof p->key) == 0)
        return p;
    }
  if (! _dif_cpu_headroom (error))
    return NULL;
  p = g_new0 (DifCpuPrimitive, 1);
  memcpy (p->key, key, sizeof p->key);
  if (! choose (cpu, w, describe, key, &pd, p, error))
    {
      _dif_cpu_primitive_free (p);
      return NULL;
    }
  s = _dif_cpu_primitive_fill (cpu, pd, p);
  dnnl_primitive_desc_destroy (pd);
  if (! _dif_cpu_check (s, w->is_conv ? "conv2d" : "linear", error))
    {
      _dif_cpu_primitive_free (p);
      return NULL;
    }
  g_ptr_array_add (w->primitives, p);
  return p;
}

gboolean
_dif_cpu_weight_run (DifCpu *cpu, DifCpuWeight *w, const DifCpuCall *call, DifCpuDescribe describe,
                     GError **error)
{
  DifCpuPrimitive *p;
  const void      *weights;
  void            *scratch = NULL;
  gboolean         ok;

  if (_dif_cpu_slices_run (cpu, w, call, describe, &ok, error))
    return ok;
  p       = find (cpu, w, call->key, describe, error);
  weights = p ? _dif_cpu_weight_wide (cpu, w, error) : NULL;
  if (! weights)
    return FALSE;
  if (p->scratch)
    {
      scratch = _dif_cpu_buffer (cpu, 0, p->scratch_bytes, error);
      if (! scratch)
        return FALSE;
    }
  return _dif_cpu_check (_dif_cpu_primitive_run (cpu, p, call, weights,
                                                 call->bias ? call->bias : w->bias, scratch),
                         w->is_conv ? "conv2d" : "linear", error);
}
