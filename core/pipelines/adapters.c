/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* adapters.c - the table of kinds, and a pipeline's adapters.
 *
 * A kind is a row: where its files are named and found, and the functions that
 * lay a set of them over a part.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include "formats/catalog.h"
#include "formats/embedding.h"
#include "formats/fingerprint.h"
#include "formats/lora.h"
#include "pipelines/adapters-private.h"

/**
 * AdapterClass:
 * @kind: as others see it
 * @open: opens the files of a list, FILE or FILE:REST each
 * @close: frees what that gave
 * @bind: finds what changes a part
 * @lay_over: of a live kind: changes the prepared weights of the part bound last
 * @finish: checks that everything was taken
 */
typedef struct
{
  DifAdapterKind kind;
  gpointer (*open) (const char *const *specs, GError **error);
  void (*close) (gpointer set);
  gboolean (*bind) (gpointer set, const DifAdapterPart *part, GError **error);
  gboolean (*lay_over) (gpointer set, const DifAdapterPart *part, GError **error);
  gboolean (*finish) (gpointer set, GError **error);
} AdapterClass;

/* ---- LoRA and its kin ---- */

static gpointer
open_loras (const char *const *specs, GError **error)
{
  return dif_lora_set_new (specs, error);
}

static void
close_loras (gpointer set)
{
  dif_lora_set_free (set);
}

static gboolean
bind_loras (gpointer set, const DifAdapterPart *part, GError **error)
{
  return dif_lora_set_bind (set, part->name, part->weights, error);
}

static gboolean
lay_loras_over (gpointer set, const DifAdapterPart *part, GError **error)
{
  DifOverlay overlay = dif_lora_set_overlay (set);

  return dif_store_lay_over (part->store, part->weights, &overlay, part->cancellable, error);
}

static gboolean
finish_loras (gpointer set, GError **error)
{
  return dif_lora_set_finish (set, error);
}

/* ---- textual inversion ---- */

static gpointer
open_embeddings (const char *const *specs, GError **error)
{
  return dif_embedding_set_new (specs, error);
}

static void
close_embeddings (gpointer set)
{
  dif_embedding_set_free (set);
}

static gboolean
learn_word (const char *token, guint first, guint n, gpointer tokenizer, GError **error)
{
  return dif_tokenizer_add_placeholder (tokenizer, token, first, n, error);
}

/* The tokenizer of a part that comes back. */
static gboolean
know_word (const char *token, guint first, guint n, gpointer tokenizer, GError **error)
{
  return TRUE;
}

static gboolean
bind_embeddings (gpointer set, const DifAdapterPart *part, GError **error)
{
  return ! part->tokenizer ||
         dif_embedding_set_apply (set, part->name, part->weights, part->config,
                                  part->is_back ? know_word : learn_word, part->tokenizer, error);
}

static gboolean
finish_embeddings (gpointer set, GError **error)
{
  return dif_embedding_set_finish (set, error);
}

/* ---- the table ---- */

enum
{
  LORA,
  EMBEDDING,
  N_KINDS
};

static const AdapterClass classes[N_KINDS] = {
  [LORA]      = { { "lora", "loras", "lora-fingerprints", TRUE },
                  open_loras,
                  close_loras,
                  bind_loras,
                  lay_loras_over,
                  finish_loras },
  [EMBEDDING] = { { "embedding", "embeddings", "embedding-fingerprints", FALSE },
                  open_embeddings,
                  close_embeddings,
                  bind_embeddings,
                  NULL,
                  finish_embeddings },
};

const DifAdapterKind *
dif_adapter_kind (guint i)
{
  return i < N_KINDS ? &classes[i].kind : NULL;
}

/* What would differ if the file were written again. */
static void
append_state (GString *key, const char *path)
{
  GStatBuf st;

  if (path && g_stat (path, &st) == 0)
    g_string_append_printf (key, " %s %ju %jd %jd.%09ld", path, (uintmax_t) st.st_ino,
                            (intmax_t) st.st_size, (intmax_t) st.st_mtim.tv_sec,
                            st.st_mtim.tv_nsec);
}

static void
append_list (GString *key, const DifAdapterKind *kind, const char *const *specs)
{
  for (guint i = 0; specs && specs[i]; i++)
    {
      g_autofree char *rest = NULL;
      g_autofree char *file = dif_catalog_split_spec (specs[i], &rest);
      g_autofree char *path = dif_catalog_resolve_file (kind->folder, file, NULL);

      g_string_append_printf (key, "\n%s %s", kind->option, specs[i]);
      append_state (key, path);
    }
}

char *
dif_adapters_key (DifRequest *rq, gboolean is_live)
{
  GString *key = g_string_new (NULL);

  for (guint k = 0; k < N_KINDS; k++)
    if (classes[k].kind.is_live == is_live)
      append_list (key, &classes[k].kind, dif_request_list (rq, classes[k].kind.option));
  return g_string_free (key, FALSE);
}

/* ---- a pipeline's ---- */

struct _DifAdapters
{
  char   **specs[N_KINDS]; /* as asked for */
  char    *keys[2];        /* by is_live */
  gpointer sets[N_KINDS];  /* while they are open */
  char    *prints[N_KINDS];
};

DifAdapters *
_dif_adapters_new (DifRequest *rq)
{
  DifAdapters *a = g_new0 (DifAdapters, 1);

  for (guint k = 0; rq && k < N_KINDS; k++)
    a->specs[k] = g_strdupv ((char **) dif_request_list (rq, classes[k].kind.option));
  for (guint live = 0; live < 2; live++)
    a->keys[live] = rq ? dif_adapters_key (rq, live != 0) : g_strdup ("");
  return a;
}

DifAdapters *
_dif_adapters_copy (const DifAdapters *a)
{
  DifAdapters *copy = g_new0 (DifAdapters, 1);

  for (guint k = 0; k < N_KINDS; k++)
    copy->specs[k] = g_strdupv (a->specs[k]);
  for (guint live = 0; live < 2; live++)
    copy->keys[live] = g_strdup (a->keys[live]);
  return copy;
}

void
_dif_adapters_close (DifAdapters *a)
{
  for (guint k = 0; a && k < N_KINDS; k++)
    g_clear_pointer (&a->sets[k], classes[k].close);
}

void
_dif_adapters_free (DifAdapters *a)
{
  if (! a)
    return;
  _dif_adapters_close (a);
  for (guint k = 0; k < N_KINDS; k++)
    {
      g_strfreev (a->specs[k]);
      g_free (a->prints[k]);
    }
  g_free (a->keys[0]);
  g_free (a->keys[1]);
  g_free (a);
}

/* Fingerprints of the files in the list, a line each; NULL for none. */
static gboolean
take_prints (DifAdapters *a, guint k, GError **error)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  for (guint i = 0; a->specs[k] && a->specs[k][i]; i++)
    {
      g_autofree char *rest  = NULL;
      g_autofree char *file  = dif_catalog_split_spec (a->specs[k][i], &rest);
      g_autofree char *path  = dif_catalog_resolve_file (classes[k].kind.folder, file, error);
      g_autofree char *print = path ? dif_fingerprint_of_file (path, error) : NULL;

      if (! print)
        return FALSE;
      g_string_append_printf (lines, "%s%s", lines->len ? "\n" : "", print);
    }
  g_free (a->prints[k]);
  a->prints[k] = lines->len ? g_strdup (lines->str) : NULL;
  return TRUE;
}

gboolean
_dif_adapters_open (DifAdapters *a, GError **error)
{
  _dif_adapters_close (a);
  for (guint k = 0; k < N_KINDS; k++)
    {
      a->sets[k] = classes[k].open ((const char *const *) a->specs[k], error);
      if (! a->sets[k] || ! take_prints (a, k, error))
        return FALSE;
    }
  return TRUE;
}

gboolean
_dif_adapters_bind (DifAdapters *a, const DifAdapterPart *part, GError **error)
{
  /* what grows a part's tensors comes before what is held against their shapes */
  for (guint live = 0; live < 2; live++)
    for (guint k = 0; k < N_KINDS; k++)
      if (classes[k].kind.is_live == (gboolean) live && (live || part->config) &&
          ! classes[k].bind (a->sets[k], part, error))
        return FALSE;
  return TRUE;
}

gboolean
_dif_adapters_lay_over (DifAdapters *a, const DifAdapterPart *part, GError **error)
{
  for (guint k = 0; k < N_KINDS; k++)
    if (classes[k].lay_over && ! classes[k].lay_over (a->sets[k], part, error))
      return FALSE;
  return TRUE;
}

gboolean
_dif_adapters_finish (DifAdapters *a, gboolean is_live, GError **error)
{
  for (guint k = 0; k < N_KINDS; k++)
    if (classes[k].kind.is_live == is_live && ! classes[k].finish (a->sets[k], error))
      return FALSE;
  return TRUE;
}

gboolean
_dif_adapters_have (const DifAdapters *a, const char *option)
{
  for (guint k = 0; k < N_KINDS; k++)
    if (strcmp (classes[k].kind.option, option) == 0)
      return a->specs[k] && a->specs[k][0];
  return FALSE;
}

const char *
_dif_adapters_prints (const DifAdapters *a, guint i)
{
  return a->prints[i];
}

const char *
_dif_adapters_key (const DifAdapters *a, gboolean is_live)
{
  return a->keys[is_live ? 1 : 0];
}

void
_dif_adapters_take_fixed (DifAdapters *a, DifAdapters *from)
{
  for (guint k = 0; k < N_KINDS; k++)
    if (! classes[k].kind.is_live)
      {
        g_free (a->prints[k]);
        a->prints[k] = g_steal_pointer (&from->prints[k]);
      }
}
