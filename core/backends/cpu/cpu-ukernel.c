/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cpu-ukernel.c - the only user of oneDNN's experimental micro-kernel interface.
 *
 * A oneDNN built without it, and a CPU that it does not serve, show as a NULL
 * kernel.  Kernels are made once per tile and kept.
 */
#include "backends/cpu/cpu-ukernel.h"

#if defined(DNNL_EXPERIMENTAL_UKERNEL) && DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 7
#include <oneapi/dnnl/dnnl_ukernel.h>
#define HAVE_UKERNEL
#endif

struct _DifCpuUkernel
{
  DifCpuTile tile;
  gsize      scratch_bytes;
  gboolean   usable;
#ifdef HAVE_UKERNEL
  dnnl_brgemm_t brgemm;
#endif
};

struct _DifCpuFlash
{
  GPtrArray *kernels;
};

static gboolean
same_tile (const DifCpuTile *a, const DifCpuTile *b)
{
  return a->m == b->m && a->n == b->n && a->k == b->k && a->lda == b->lda && a->ldb == b->ldb &&
         a->ldc == b->ldc && a->bf16 == b->bf16 && a->add == b->add;
}

#ifdef HAVE_UKERNEL

static void
ukernel_make (DifCpuUkernel *u)
{
  const DifCpuTile *t    = &u->tile;
  dnnl_data_type_t  type = t->bf16 ? dnnl_bf16 : dnnl_f32;
  dnnl_pack_type_t  pack = dnnl_pack_type_undef;
  dnnl_status_t     s;

  /* without room the kernel stays unusable and the plain product is taken */
  if (! _dif_cpu_headroom (NULL))
    return;
  s = dnnl_brgemm_create (&u->brgemm, t->m, t->n, t->k, 1, t->lda, t->ldb, t->ldc, type, type,
                          dnnl_f32);
  if (s == dnnl_success)
    s = dnnl_brgemm_set_add_C (u->brgemm, t->add);
  if (s == dnnl_success)
    s = dnnl_brgemm_finalize (u->brgemm);
  if (s == dnnl_success)
    s = dnnl_brgemm_get_B_pack_type (u->brgemm, &pack);
  if (s == dnnl_success)
    s = dnnl_brgemm_get_scratchpad_size (u->brgemm, &u->scratch_bytes);
  if (s == dnnl_success)
    s = dnnl_brgemm_generate (u->brgemm);
  u->usable = s == dnnl_success &&
              pack == (t->bf16 ? dnnl_pack_type_pack32 : dnnl_pack_type_no_trans);
}

static void
ukernel_free (DifCpuUkernel *u)
{
  if (u->brgemm)
    dnnl_brgemm_destroy (u->brgemm);
  g_free (u);
}

void
_dif_cpu_ukernel_enter (const DifCpuUkernel *kernel)
{
  dnnl_brgemm_set_hw_context (kernel->brgemm);
}

void
_dif_cpu_ukernel_leave (void)
{
  dnnl_brgemm_release_hw_context ();
}

void
_dif_cpu_ukernel_run (const DifCpuUkernel *kernel, const void *a, const void *b, float *c,
                      void *scratch)
{
  const dnnl_dim_t offsets[2] = { 0, 0 };

  dnnl_brgemm_execute (kernel->brgemm, a, b, offsets, c, scratch);
}

#else

static void
ukernel_make (DifCpuUkernel *u)
{
  u->usable = FALSE;
}

static void
ukernel_free (DifCpuUkernel *u)
{
  g_free (u);
}

void
_dif_cpu_ukernel_enter (const DifCpuUkernel *kernel)
{
}

void
_dif_cpu_ukernel_leave (void)
{
}

void
_dif_cpu_ukernel_run (const DifCpuUkernel *kernel, const void *a, const void *b, float *c,
                      void *scratch)
{
  g_assert_not_reached ();
}

#endif

gsize
_dif_cpu_ukernel_scratch (const DifCpuUkernel *kernel)
{
  return kernel->scratch_bytes;
}

const DifCpuUkernel *
_dif_cpu_ukernel_get (DifCpu *cpu, const DifCpuTile *tile)
{
  DifCpuUkernel *u;

  if (! cpu->flash)
    {
      cpu->flash          = g_new0 (DifCpuFlash, 1);
      cpu->flash->kernels = g_ptr_array_new_with_free_func ((GDestroyNotify) ukernel_free);
    }
  for (guint i = 0; i < cpu->flash->kernels->len; i++)
    {
      u = cpu->flash->kernels->pdata[i];
      if (same_tile (&u->tile, tile))
        return u->usable ? u : NULL;
    }
  u       = g_new0 (DifCpuUkernel, 1);
  u->tile = *tile;
  ukernel_make (u);
  g_ptr_array_add (cpu->flash->kernels, u);
  return u->usable ? u : NULL;
}

void
_dif_cpu_flash_free (DifCpuFlash *flash)
{
  if (! flash)
    return;
  g_ptr_array_unref (flash->kernels);
  g_free (flash);
}
