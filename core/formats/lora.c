/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* lora.c - the modules of a LoRA file, in every spelling.
 *
 * Sources: diffusers, state_dict_utils.py (DIFFUSERS_OLD_TO_PEFT,
 * DIFFUSERS_TO_PEFT) and lora_conversion_utils.py; kohya-ss/sd-scripts,
 * networks/lora.py.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "formats/family.h"
#include "formats/lora-private.h"
#include "formats/safetensors.h"

typedef enum
{
  DOWN,
  UP,
  MID,
  ALPHA
} Role;

/* Ends of keys; what is before them names the module. */
static const struct
{
  const char *end;
  Role        role;
} ends[] = {
  { ".lora_linear_layer.down.weight", DOWN },
  { ".lora_linear_layer.up.weight", UP },
  { ".lora_down.weight", DOWN },
  { ".lora_up.weight", UP },
  { ".lora_mid.weight", MID },
  { ".lora_A.weight", DOWN },
  { ".lora_B.weight", UP },
  { ".lora.down.weight", DOWN },
  { ".lora.up.weight", UP },
  { "_lora.down.weight", DOWN },
  { "_lora.up.weight", UP },
  { ".alpha", ALPHA },
};

/* Ends of keys that other methods leave. */
static const struct
{
  const char *part;
  const char *method;
} others[] = {
  { "dora_scale", "DoRA" },
  { "lora_magnitude_vector", "DoRA" },
  { "hada_", "LoHa" },
  { "lokr_", "LoKr" },
  { "oft_", "OFT" },
  { "bundle_emb", "a LoRA with an embedding inside" },
  { "lora_B.bias", "a LoRA with biases" },
};

/* What begins a module's name, and the part it means. */
static const struct
{
  const char *prefix;
  const char *part;
  gboolean    flat;  /* underscores for dots */
  gboolean    keeps; /* the beginning is a part of the name */
} prefixes[] = {
  { "lora_unet_", "unet", TRUE, FALSE },
  { "lora_te_", "text_encoder", TRUE, FALSE },
  { "lora_te1_", "text_encoder", TRUE, FALSE },
  { "lora_te2_", "text_encoder_2", TRUE, FALSE },
  { "unet.", "unet", FALSE, FALSE },
  { "text_encoder.", "text_encoder", FALSE, FALSE },
  { "text_encoder_2.", "text_encoder_2", FALSE, FALSE },
  /* attention processors, as diffusers saved them at first */
  { "down_blocks.", "unet", FALSE, TRUE },
  { "mid_block.", "unet", FALSE, TRUE },
  { "up_blocks.", "unet", FALSE, TRUE },
};

/* The oldest spelling calls a text encoder's projections like a U-Net's. */
static const struct
{
  const char *from;
  const char *to;
} text_ends[] = {
  { ".self_attn.to_q", ".self_attn.q_proj" },
  { ".self_attn.to_k", ".self_attn.k_proj" },
  { ".self_attn.to_v", ".self_attn.v_proj" },
  { ".self_attn.to_out", ".self_attn.out_proj" },
};

static void
module_free (gpointer data)
{
  DifLoraModule *m = data;

  g_free (m->key);
  g_free (m->name);
  g_free (m);
}

void
dif_lora_free (DifLora *lora)
{
  if (! lora)
    return;
  g_ptr_array_unref (lora->modules);
  dif_weights_free (lora->tensors);
  g_free (lora->path);
  g_free (lora);
}

gsize
_dif_lora_rank (const DifLoraModule *m)
{
  return m->mid.data ? m->mid.shape.d[0] : m->down.shape.d[0];
}

/* ---- names ---- */

/* @name without the first @word in it. */
static char *
without (const char *name, const char *word)
{
  const char *at = strstr (name, word);

  return at ? g_strdup_printf ("%.*s%s", (int) (at - name), name, at + strlen (word))
            : g_strdup (name);
}

/* The canonical name of a module in diffusers' spellings. */
static char *
dotted_name (const char *part, const char *rest)
{
  g_autofree char *name = without (rest, "processor.");

  if (strcmp (part, "unet") == 0)
    return g_strconcat (name, g_str_has_suffix (name, ".to_out") ? ".0" : "", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (text_ends); i++)
    if (g_str_has_suffix (name, text_ends[i].from))
      {
        name[strlen (name) - strlen (text_ends[i].from)] = '\0';
        return g_strconcat (name, text_ends[i].to, NULL);
      }
  if (g_str_has_prefix (name, "encoder.") || g_str_has_prefix (name, "embeddings."))
    return g_strconcat ("text_model.", name, NULL);
  return g_steal_pointer (&name);
}

static DifLoraModule *
module_new (const char *key)
{
  DifLoraModule *m = g_new0 (DifLoraModule, 1);

  m->key = g_strdup (key);
  for (guint i = 0; i < G_N_ELEMENTS (prefixes) && ! m->name; i++)
    if (g_str_has_prefix (key, prefixes[i].prefix))
      {
        const char *rest = key + (prefixes[i].keeps ? 0 : strlen (prefixes[i].prefix));

        m->part = prefixes[i].part;
        m->flat = prefixes[i].flat;
        m->name = m->flat ? g_strdup (rest) : dotted_name (m->part, rest);
      }
  return m;
}

/* ---- reading ---- */

/* The module @name belongs to (transfer full), and what it is of it; NULL if
 * it is no tensor of a LoRA. */
static char *
split_name (const char *name, Role *role)
{
  for (guint i = 0; i < G_N_ELEMENTS (ends); i++)
    if (g_str_has_suffix (name, ends[i].end))
      {
        gsize n = strlen (name) - strlen (ends[i].end);

        *role = ends[i].role;
        /* "to_q_lora.alpha" is of the module "to_q" */
        if (*role == ALPHA && n > 5 && strncmp (name + n - 5, "_lora", 5) == 0)
          n -= 5;
        return g_strndup (name, n);
      }
  return NULL;
}

/* Every name must be understood. */
static gboolean
check_names (const char *path, GPtrArray *names, GError **error)
{
  const char *method = NULL, *stranger = NULL;
  gboolean    any = FALSE;

  for (guint i = 0; i < names->len; i++)
    {
      const char      *name   = names->pdata[i];
      Role             role   = ALPHA;
      g_autofree char *module = split_name (name, &role);

      for (guint k = 0; k < G_N_ELEMENTS (others); k++)
        if (strstr (name, others[k].part))
          method = others[k].method;
      any = any || (module && role != ALPHA);
      if (! module && ! stranger)
        stranger = name;
    }
  if (any && ! method && ! stranger)
    return TRUE;
  if (method)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected a plain LoRA, found %s", path, method);
  else if (any)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected the tensors of a LoRA only, found %s", path, stranger);
  else
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                 "%s: expected a LoRA, found %s", path, dif_family_describe (names));
  return FALSE;
}

/* Files the tensors under their modules. */
static void
collect (DifLora *lora)
{
  g_autoptr (GHashTable) found = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray)  names = dif_weights_names (lora->tensors);

  for (guint i = 0; i < names->len; i++)
    {
      const DifHostArray *array = dif_weights_lookup (lora->tensors, names->pdata[i]);
      Role                role  = ALPHA;
      g_autofree char    *key   = split_name (names->pdata[i], &role);
      DifLoraModule      *m     = g_hash_table_lookup (found, key);

      if (! m)
        {
          m = module_new (key);
          g_hash_table_insert (found, m->key, m);
          g_ptr_array_add (lora->modules, m);
        }
      if (role == ALPHA)
        m->alpha = array;
      else
        *(role == DOWN ? &m->down
          : role == UP ? &m->up
                       : &m->mid) = *array;
    }
}

static gboolean
is_floating (const DifHostArray *array)
{
  return array->data && dif_host_is_weight (array);
}

/* The halves must be there and fit each other. */
static gboolean
check_module (const DifLora *lora, const DifLoraModule *m, GError **error)
{
  const DifShape *down = &m->down.shape, *up = &m->up.shape, *mid = &m->mid.shape;
  const char     *found = NULL;
  gsize           n     = 1;

  if (! is_floating (&m->down) || ! is_floating (&m->up))
    found = "one alone";
  else if (m->alpha && ! (dif_shape_count (&m->alpha->shape, &n) && n == 1))
    found = "an alpha of several numbers";
  else if (down->n != up->n || (down->n != 2 && down->n != 4) ||
           (up->n == 4 && (up->d[2] != 1 || up->d[3] != 1)))
    found = "shapes of something else";
  else if (m->mid.data ? ! is_floating (&m->mid) || mid->n != 4 || down->n != 4 ||
                             down->d[2] != 1 || down->d[3] != 1 || mid->d[1] != down->d[0] ||
                             mid->d[0] != up->d[1]
                       : up->d[1] != down->d[0])
    found = "halves of different ranks";
  else if (down->d[0] == 0 || up->d[0] == 0 || (m->mid.data && mid->d[0] == 0))
    found = "a rank of 0";
  if (found)
    g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_CORRUPT,
                 "%s: %s: expected two matrices whose product is a change of weights, found %s",
                 lora->path, m->key, found);
  return found == NULL;
}

/* ---- how strong a module is ---- */

static double
alpha_of (const DifLoraModule *m)
{
  float  alpha;
  gint64 whole;
  gint32 small;

  if (m->alpha->encoding == DIF_ENC_I64)
    {
      memcpy (&whole, m->alpha->data, sizeof whole);
      return (double) whole;
    }
  if (m->alpha->encoding == DIF_ENC_I32)
    {
      memcpy (&small, m->alpha->data, sizeof small);
      return small;
    }
  dif_host_rows_to_f32 (m->alpha, 0, 1, &alpha);
  return (double) alpha;
}

/* A number of the metadata for @part, such as "unet.lora_alpha". */
static double
stated (DifJson *config, const char *part, const char *key, double fallback)
{
  g_autofree char *full = g_strconcat (part, ".", key, NULL);

  return dif_json_double (config, full, fallback);
}

static gboolean
is_stated (DifJson *config, const char *part, const char *key)
{
  g_autofree char *full = g_strconcat (part, ".", key, NULL);

  return dif_json_bool (config, full, FALSE);
}

/* peft's alpha of a module: that of a pattern which the module's name ends
 * with, else the part's. */
static double
stated_alpha (DifJson *config, const DifLoraModule *m)
{
  g_autofree char *full     = g_strconcat (m->part, ".alpha_pattern", NULL);
  DifJson         *patterns = dif_json_member (config, full);

  for (guint i = 0; patterns && i < dif_json_length (patterns); i++)
    {
      DifJson    *entry = dif_json_at (patterns, i);
      const char *key   = dif_json_key (entry);
      gsize       n     = strlen (m->name);
      const char *at    = NULL;

      if (key && g_str_has_suffix (m->name, key))
        at = m->name + n - strlen (key);

      if (at && (at == m->name || at[-1] == '.'))
        return dif_json_value_double (entry);
    }
  return stated (config, m->part, "lora_alpha", (double) _dif_lora_rank (m));
}

static void
set_scales (DifLora *lora, DifJson *config)
{
  for (guint i = 0; i < lora->modules->len; i++)
    {
      DifLoraModule *m    = lora->modules->pdata[i];
      double         rank = (double) _dif_lora_rank (m);

      m->scale = m->alpha ? alpha_of (m) / rank : 1;
      if (! config || ! m->part || m->alpha)
        continue;
      m->scale = stated_alpha (config, m) /
                 (is_stated (config, m->part, "use_rslora") ? sqrt (rank) : rank);
      if (is_stated (config, m->part, "use_dora") || is_stated (config, m->part, "lora_bias"))
        dif_json_fail (config, DIF_FORMAT_ERROR_UNSUPPORTED,
                       "expected a plain LoRA, found one with use_dora or lora_bias");
    }
}

/* diffusers keeps peft's settings as JSON in the metadata (lora_base.py,
 * LORA_ADAPTER_METADATA_KEY). */
static gboolean
read_scales (DifLora *lora, GError **error)
{
  g_autoptr (DifJson) config = NULL;
  g_autofree char    *name   = g_strconcat (lora->path, ": lora_adapter_metadata", NULL);
  g_autofree char    *text   = NULL;

  if (! dif_safetensors_metadata (lora->path, "lora_adapter_metadata", &text, error))
    return FALSE;
  if (text)
    {
      config = dif_json_parse (text, strlen (text), name, error);
      if (! config)
        return FALSE;
    }
  set_scales (lora, config);
  for (guint i = 0; i < lora->modules->len; i++)
    if (config && ! isfinite (((const DifLoraModule *) lora->modules->pdata[i])->scale))
      dif_json_fail (config, DIF_FORMAT_ERROR_BAD_VALUE, "expected finite alphas, found others");
  return ! config || dif_json_finish (config, error);
}

DifLora *
dif_lora_open (const char *path, GError **error)
{
  g_autoptr (DifLora)   lora  = g_new0 (DifLora, 1);
  g_autoptr (GPtrArray) names = NULL;

  lora->path    = g_strdup (path);
  lora->tensors = dif_weights_new ("lora");
  lora->modules = g_ptr_array_new_with_free_func (module_free);
  names         = dif_safetensors_names (path, error);
  if (! names || ! check_names (path, names, error) ||
      ! dif_safetensors_read (path, lora->tensors, NULL, NULL, error))
    return NULL;
  collect (lora);
  for (guint i = 0; i < lora->modules->len; i++)
    if (! check_module (lora, lora->modules->pdata[i], error))
      return NULL;
  return read_scales (lora, error) ? g_steal_pointer (&lora) : NULL;
}

/* ---- telling ---- */

const char *
dif_lora_family (DifLora *lora)
{
  const char *family = NULL;

  for (guint i = 0; i < lora->modules->len; i++)
    {
      const DifLoraModule *m = lora->modules->pdata[i];

      if (g_strcmp0 (m->part, "text_encoder_2") == 0)
        return "Stable Diffusion XL";
      if (strstr (m->key, "double_blocks") || strstr (m->key, "single_transformer_blocks"))
        return "Flux";
      if (strstr (m->key, "joint_blocks") || strstr (m->key, "lora_te3_"))
        return "Stable Diffusion 3";
      if (strstr (m->key, "attn2") && strstr (m->key, "to_k"))
        family = dif_family_of_context (m->down.shape.d[1]);
    }
  return family ? family : "another model";
}

guint
dif_lora_count (DifLora *lora, const char *part)
{
  guint n = 0;

  for (guint i = 0; i < lora->modules->len; i++)
    n += g_strcmp0 (((const DifLoraModule *) lora->modules->pdata[i])->part, part) == 0;
  return n;
}

void
dif_lora_ranks (DifLora *lora, gsize *least, gsize *greatest)
{
  *least    = G_MAXSIZE;
  *greatest = 0;
  for (guint i = 0; i < lora->modules->len; i++)
    {
      gsize rank = _dif_lora_rank (lora->modules->pdata[i]);

      *least    = MIN (*least, rank);
      *greatest = MAX (*greatest, rank);
    }
}
