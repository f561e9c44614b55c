/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* ref.c - the oracle: memory, weights and the class of the naive backend.
 *
 * Says what an op means, in a few lines each and with sums in double; slow on
 * purpose.  Also injects allocation failures for tests.
 */
#include <math.h>
#include <string.h>

#include "backends/backends.h"
#include "backends/ref/ref.h"
#include "base/error.h"

void
dif_backend_ref_fail_at (DifBackend *be, int n)
{
  ((Ref *) be)->fail_at = n;
}

static DifBackend *
ref_open (const char *options, GError **error)
{
  Ref *ref = g_new0 (Ref, 1);

  ref->parent.klass     = &dif_backend_ref_class;
  ref->parent.ref_count = 1;
  ref->fail_at          = -1;
  return &ref->parent;
}

static void
ref_close (DifBackend *be)
{
  g_free (be);
}

static gboolean
ref_supports (DifBackend *be, DifDtype dtype)
{
  return dif_dtype_is_float (dtype);
}

static DifDtype
ref_best_dtype (DifBackend *be)
{
  return DIF_F32;
}

static void
ref_trim (DifBackend *be)
{
  /* nothing is kept */
}

static gboolean
ref_copy (DifBackend *be, gpointer dst, const void *src, gsize bytes, GError **error)
{
  memcpy (dst, src, bytes);
  return TRUE;
}

/* @array as floats that hold only what @dtype can. */
static float *
rounded (DifBackend *be, const DifHostArray *array, DifDtype dtype, gsize *bytes, GError **error)
{
  gsize  n = 0;
  float *data;

  if (! dif_shape_count (&array->shape, &n))
    n = 0;
  *bytes = n * sizeof *data;
  data   = ref_alloc (be, *bytes, error);
  if (! data)
    return NULL;
  dif_host_rows_to_f32 (array, 0, dif_host_n_rows (array), data);
  for (gsize i = 0; i < n; i++)
    if (dtype == DIF_BF16)
      data[i] = dif_bf16_to_f32 (dif_f32_to_bf16 (data[i]));
    else if (dtype == DIF_F16)
      data[i] = dif_f16_to_f32 (dif_f32_to_f16 (data[i]));
  return data;
}

static void
weight_free (DifBackend *be, gpointer data)
{
  RefWeight *w     = data;
  gsize      first = w->n_out * w->n_in * w->kh * w->kw * sizeof (float);

  if (w->w)
    ref_free (be, w->w, first);
  if (w->bias)
    ref_free (be, w->bias, w->bytes - first);
  g_free (w);
}

static gpointer
weight_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, const DifHostArray *bias,
            gsize *bytes, GError **error)
{
  RefWeight *r    = g_new0 (RefWeight, 1);
  gsize      more = 0;

  r->n_out = w->shape.d[0];
  r->n_in  = w->shape.n > 1 ? w->shape.d[1] : 1;
  r->kh    = w->shape.n > 2 ? w->shape.d[2] : 1;
  r->kw    = w->shape.n > 3 ? w->shape.d[3] : 1;
  r->w     = rounded (be, w, dtype, bytes, error);
  if (r->w && bias && bias->data)
    r->bias = rounded (be, bias, DIF_F32, &more, error);
  *bytes += more;
  r->bytes = *bytes;
  if (! r->w || (bias && bias->data && ! r->bias))
    {
      r->bytes -= more;
      g_clear_pointer (&r->bias, free);
      weight_free (be, r);
      return NULL;
    }
  return r;
}

static gpointer
linear_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, const DifHostArray *bias,
            gsize *bytes, GError **error)
{
  return weight_new (be, dtype, w, bias, bytes, error);
}

static gpointer
conv_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, const DifHostArray *bias,
          const DifConvSpec *spec, gsize *bytes, GError **error)
{
  return weight_new (be, dtype, w, bias, bytes, error);
}

static gpointer
norm_new (DifBackend *be, const DifHostArray *scale, const DifHostArray *shift, gsize *bytes,
          GError **error)
{
  return weight_new (be, DIF_F32, scale, shift, bytes, error);
}

static gpointer
table_new (DifBackend *be, DifDtype dtype, const DifHostArray *w, gsize *bytes, GError **error)
{
  return weight_new (be, dtype, w, NULL, bytes, error);
}

static gboolean
ref_download (DifBackend *be, void *dst, gconstpointer src, gsize bytes, GError **error)
{
  return ref_copy (be, dst, src, bytes, error);
}

const DifBackendClass dif_backend_ref_class = {
  .api         = DIF_BACKEND_API,
  .name        = "ref",
  .description = "naive loops, for checking other devices",
  .open        = ref_open,
  .close       = ref_close,
  .supports    = ref_supports,
  .best_dtype  = ref_best_dtype,
  .alloc       = ref_alloc,
  .free        = ref_free,
  .trim        = ref_trim,
  .upload      = ref_copy,
  .download    = ref_download,
  .linear_new  = linear_new,
  .conv_new    = conv_new,
  .norm_new    = norm_new,
  .table_new   = table_new,
  .linear_free = weight_free,
  .conv_free   = weight_free,
  .norm_free   = weight_free,
  .table_free  = weight_free,
  .linear      = ref_linear,
  .glu         = ref_glu,
  .conv2d      = ref_conv2d,
  .group_norm  = ref_group_norm,
  .row_norm    = ref_row_norm,
  .scale_shift = ref_scale_shift,
  .rotate      = ref_rotate,
  .multiply    = ref_multiply,
  .prelu       = ref_prelu,
  .permute     = ref_permute,
  .attention   = ref_attention,
  .activation  = ref_activation,
  .add         = ref_add,
  .concat      = ref_concat,
  .upsample    = ref_upsample,
  .gather      = ref_gather,
  .embed       = ref_embed,
  .lincomb     = ref_lincomb,
  .clamp       = ref_clamp,
  .cast        = ref_cast,
};
