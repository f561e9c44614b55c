/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* single-file.c - a whole checkpoint in one .safetensors file.
 *
 * Invariant: the file is mapped while its header is looked at and while a part
 * is taken out, not in between.
 */
#include "formats/single-file.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "formats/ldm-spelling.h"
#include "formats/safetensors.h"
#include "formats/scales.h"
#include "formats/stranger.h"

#define GGUF ".gguf"

static const char *const endings[] = { ".safetensors", GGUF };

struct _DifSingleFile
{
  char                  *path;
  DifLdmSpelling         spelling;
  DifSingleHeader        header;
  const DifSingleFamily *family;
  const DifSingleKind   *kind;
  const char            *prediction; /* that the file itself states, or NULL */
  gboolean               zero_snr;
  DifJson               *settings; /* NAME.dif.json; may be NULL */
};

/* @path without its ending */
static char *
without_ending (const char *path)
{
  gsize n = strlen (path);

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (path, endings[i]))
      return g_strndup (path, n - strlen (endings[i]));
  return g_strdup (path);
}

static gboolean
is_gguf (const char *path)
{
  return g_str_has_suffix (path, GGUF);
}

static gboolean
read_tensors (const char *path, DifWeights *into, DifWantFunc want, gpointer user_data,
              GError **error)
{
  return (is_gguf (path) ? dif_gguf_read : dif_safetensors_read) (path, into, want, user_data,
                                                                  error);
}

gboolean
dif_single_file_has_ending (const char *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (path, endings[i]))
      return TRUE;
  return FALSE;
}

char *
dif_single_file_settings_path (const char *path)
{
  g_autofree char *stem = without_ending (path);

  return g_strconcat (stem, ".dif.json", NULL);
}

/* ---- opening ---- */

typedef struct
{
  const DifLdmSpelling         *spelling;
  const DifSingleFamily *const *families;
} Known;

#define STEP "global_step"

/* Takes what a family is recognized by, as Stability would have spelled it. */
static char *
want_known (const char *name, gpointer user_data)
{
  const Known     *known = user_data;
  g_autofree char *own   = dif_ldm_respell (known->spelling, name);
  gboolean         taken = strcmp (own, STEP) == 0;

  for (guint i = 0; ! taken && known->families[i]; i++)
    taken = dif_ldm_part (known->families[i]->keys, own) != NULL;
  return taken ? g_steal_pointer (&own) : NULL;
}

/* The shapes of @file, which hold on to nothing. */
static DifWeights *
shapes_of (DifWeights *file)
{
  g_autoptr (GPtrArray) names  = dif_weights_names (file);
  DifWeights           *shapes = dif_weights_new ("header");

  for (guint i = 0; i < names->len; i++)
    {
      DifHostArray array = *dif_weights_lookup (file, names->pdata[i]);

      array.data = NULL;
      dif_weights_add (shapes, names->pdata[i], &array, NULL);
    }
  return shapes;
}

static gboolean
load_settings (DifSingleFile *file, GError **error)
{
  g_autofree char *path = dif_single_file_settings_path (file->path);

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  file->settings = dif_json_load (path, error);
  if (! file->settings)
    return FALSE;
  if (dif_json_type (file->settings) != DIF_JSON_OBJECT)
    dif_json_fail_value (file->settings, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
  return dif_json_finish (file->settings, error);
}

/* ---- what a file says of itself ---- */

/* More of a training configuration is none. */
#define MAX_YAML (256 * 1024)

/* Words of the metadata's `modelspec.prediction_type` and of `parameterization` in a
 * training configuration.  Source: Stability-AI/ModelSpec; kohya-ss/sd-scripts,
 * sai_model_spec.py; CompVis/stable-diffusion, ddpm.py. */
static const struct
{
  const char *word, *prediction;
} predictions[] = {
  { "epsilon", "epsilon" },
  { "eps", "epsilon" },
  { "v", "v_prediction" },
  { "v_prediction", "v_prediction" },
  { "v-prediction", "v_prediction" },
  { "velocity", "v_prediction" },
};

/* Takes @word, which stands at @key of @path. */
static gboolean
take_prediction (DifSingleFile *file, const char *word, const char *path, const char *key,
                 GError **error)
{
  g_autofree char *shown = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (predictions); i++)
    if (g_ascii_strcasecmp (word, predictions[i].word) == 0)
      {
        file->prediction = predictions[i].prediction;
        return TRUE;
      }
  shown = g_strescape (word, NULL);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
               "%s: %s: expected epsilon or v, found \"%.60s\"", path, key, shown);
  return FALSE;
}

static gboolean
read_stated_prediction (DifSingleFile *file, GError **error)
{
  g_autofree char *word = NULL;

  if (is_gguf (file->path))
    return TRUE;
  if (! dif_safetensors_metadata (file->path, "modelspec.prediction_type", &word, error))
    return FALSE;
  return ! word || ! *word ||
         take_prediction (file, word, file->path, "metadata modelspec.prediction_type", error);
}

/* NAME.yaml beside NAME.safetensors is the configuration it was trained by, which
 * AUTOMATIC1111 reads; of it, one line. */
static gboolean
read_yaml (DifSingleFile *file, GError **error)
{
  static const char  key[] = "parameterization:";
  g_autofree char   *stem  = without_ending (file->path);
  g_autofree char   *path  = g_strconcat (stem, ".yaml", NULL);
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char   *text  = NULL;
  g_auto (GStrv)     lines = NULL;

  if (! g_file_test (path, G_FILE_TEST_EXISTS))
    return TRUE;
  bytes = dif_file_read (path, MAX_YAML, error);
  if (! bytes)
    return FALSE;
  text  = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++)
    {
      char *word = g_strstrip (lines[i]), *end;

      if (! g_str_has_prefix (word, key))
        continue;
      word = g_strstrip (word + strlen (key));
      end  = strchr (word, '#');
      if (end)
        *end = '\0';
      word = g_strdelimit (g_strstrip (word), "\"'", ' ');
      return take_prediction (file, g_strstrip (word), path, "parameterization", error);
    }
  return TRUE;
}

/* Tensors whose presence alone says something, put there by those who train.
 * Source: ComfyUI, supported_models.py, SDXL.model_type. */
static void
read_markers (DifSingleFile *file, GPtrArray *names)
{
  for (guint i = 0; i < names->len; i++)
    if (strcmp (names->pdata[i], "v_pred") == 0)
      file->prediction = "v_prediction";
    else if (strcmp (names->pdata[i], "ztsnr") == 0)
      file->zero_snr = TRUE;
}

/* "A, B or C" */
static char *
known_labels (const DifSingleFamily *const *families)
{
  g_autoptr (GPtrArray) labels = g_ptr_array_new ();
  GString              *list   = g_string_new (NULL);

  for (guint i = 0; families[i]; i++)
    if (families[i]->label)
      g_ptr_array_add (labels, (gpointer) families[i]->label);
  for (guint i = 0; i < labels->len; i++)
    g_string_append_printf (list, "%s%s",
                            i == 0                ? ""
                            : i + 1 < labels->len ? ", "
                                                  : " or ",
                            (const char *) labels->pdata[i]);
  return g_string_free (list, FALSE);
}

/* @shapes are mapped still, so that a family can read global_step. */
static gboolean
detect (DifSingleFile *file, const DifSingleFamily *const *families, DifWeights *shapes,
        GError **error)
{
  DifSingleHeader  header   = { .shapes = shapes, .names = file->header.names };
  const char      *stranger = NULL;
  g_autofree char *known    = NULL;
  guint            n        = 0;

  while (families[n])
    n++;
  dif_ldm_layout_from_file (&header.layout, shapes);
  while (n-- > 0 && ! stranger)
    {
      file->family = families[n];
      file->kind   = families[n]->detect (&header, &stranger);
      if (! file->kind)
        continue;
      file->header.layout = header.layout;
      file->header.shapes = shapes_of (shapes);
      return TRUE;
    }
  known = known_labels (families);
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
               "%s: expected a checkpoint of %s, found %s", file->path, known,
               stranger ? stranger : dif_stranger_describe (file->header.names));
  return FALSE;
}

DifSingleFile *
dif_single_file_open (const char *path, const DifSingleFamily *const *families, GError **error)
{
  g_autoptr (DifSingleFile) file   = g_new0 (DifSingleFile, 1);
  g_autoptr (DifWeights)    shapes = dif_weights_new ("header");
  Known                     known  = { &file->spelling, families };

  file->path         = g_strdup (path);
  file->header.names = (is_gguf (path) ? dif_gguf_names : dif_safetensors_names) (path, error);
  if (! file->header.names)
    return NULL;
  file->spelling = dif_ldm_spelling_of (file->header.names);
  if (! read_tensors (path, shapes, want_known, &known, error) ||
      ! detect (file, families, shapes, error) || ! load_settings (file, error) ||
      ! read_yaml (file, error) || ! read_stated_prediction (file, error))
    return NULL;
  read_markers (file, file->header.names);
  return g_steal_pointer (&file);
}

void
dif_single_file_free (DifSingleFile *file)
{
  if (! file)
    return;
  dif_weights_free (file->header.shapes);
  g_clear_pointer (&file->header.names, g_ptr_array_unref);
  dif_json_unref (file->settings);
  g_free (file->path);
  g_free (file);
}

const char *
dif_single_file_label (DifSingleFile *file)
{
  return file->kind->label;
}

DifJson *
dif_single_file_index (DifSingleFile *file, GError **error)
{
  const DifSingleKind *kind = file->kind;
  g_autoptr (DifJson)  scheduler =
      dif_json_parse (kind->scheduler, strlen (kind->scheduler), file->path, error);
  g_autofree char *text = NULL;

  if (! scheduler)
    return NULL;
  text = g_strdup_printf ("{\"_class_name\": \"%s\", \"scheduler\": [\"diffusers\", \"%s\"], %s}",
                          kind->pipeline, dif_json_string (scheduler, "_class_name", ""),
                          kind->index);
  return dif_json_parse (text, strlen (text), file->path, error);
}

/* ---- parts ---- */

static gboolean
has_part (DifSingleFile *file, const char *part, GError **error)
{
  g_autoptr (GPtrArray) names = dif_weights_names (file->header.shapes);

  for (guint i = 0; i < names->len; i++)
    if (g_strcmp0 (dif_ldm_part (file->family->keys, names->pdata[i]), part) == 0)
      return TRUE;
  g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY,
               "%s: expected the tensors of a %s, found none: the file is not a whole checkpoint",
               file->path, part);
  return FALSE;
}

/* Whether there are tensors that tell about @part: the encoder's about its tokenizer,
 * none about the scheduler. */
static gboolean
has_telling_part (DifSingleFile *file, const char *part, GError **error)
{
  static const char tokenizer[] = "tokenizer";
  g_autofree char  *encoder     = NULL;

  if (strcmp (part, "scheduler") == 0)
    return TRUE;
  if (! g_str_has_prefix (part, tokenizer))
    return has_part (file, part, error);
  encoder = g_strconcat ("text_encoder", part + strlen (tokenizer), NULL);
  return has_part (file, encoder, error);
}

DifJson *
dif_single_file_config (DifSingleFile *file, const char *part, GError **error)
{
  g_autofree char    *name   = g_strdup_printf ("%s: %s", file->path, part);
  DifJson            *own    = NULL;
  g_autoptr (DifJson) config = NULL;

  if (! has_telling_part (file, part, error))
    return NULL;
  config = file->family->config (file->family->keys, file->kind, &file->header, part, name, error);
  if (! config)
    return NULL;
  if (strcmp (part, "scheduler") == 0 && file->prediction)
    dif_json_set_string (config, "prediction_type", file->prediction);
  if (strcmp (part, "scheduler") == 0 && file->zero_snr)
    dif_json_set_bool (config, "rescale_betas_zero_snr", TRUE);
  own = file->settings ? dif_json_member (file->settings, part) : NULL;
  if (own && dif_json_type (own) != DIF_JSON_OBJECT)
    dif_json_fail_value (own, DIF_FORMAT_ERROR_BAD_VALUE, "an object");
  for (guint i = 0; own && i < dif_json_length (own); i++)
    if (dif_json_key (dif_json_at (own, i)))
      dif_json_set_copy (config, dif_json_key (dif_json_at (own, i)), dif_json_at (own, i));
  if (file->settings && ! dif_json_finish (file->settings, error))
    return NULL;
  return g_steal_pointer (&config);
}

typedef struct
{
  DifSingleFile *file;
  const char    *part;
  char          *unknown; /* a tensor of the part that nobody knows, or NULL */
} Want;

static char *
want_part (const char *name, gpointer user_data)
{
  Want            *want      = user_data;
  g_autofree char *own       = dif_ldm_respell (&want->file->spelling, name);
  char            *canonical = NULL;

  if (g_strcmp0 (dif_ldm_part (want->file->family->keys, own), want->part) != 0)
    return NULL;
  canonical = dif_ldm_canonical (want->file->family->keys, &want->file->header.layout, own);
  if (! canonical && ! want->unknown)
    want->unknown = g_strdup (name);
  return canonical;
}

/* q, k and v of an in_proj, which lie one behind the other. */
static gboolean
add_thirds (DifWeights *into, DifWeights *from, const char *name)
{
  static const char *const projections[] = { "q_proj", "k_proj", "v_proj" };
  const DifHostArray      *all           = dif_weights_lookup (from, name);
  const char              *end           = strstr (name, "in_proj_");
  gsize                    rows          = dif_host_n_rows (all) / 3;

  if (! all->shape.n || all->shape.d[0] % 3)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (projections); i++)
    {
      g_autofree char *one   = g_strdup_printf ("%.*s%s.%s", (int) (end - name), name,
                                                projections[i], end + strlen ("in_proj_"));
      DifHostArray     third = dif_host_rows (all, i * rows, rows);

      dif_weights_add_from (into, one, &third, from, name);
    }
  return TRUE;
}

static gboolean
add_transposed (DifWeights *into, const char *name, const DifHostArray *from, GError **error)
{
  gsize              rows = from->shape.d[0], columns = from->shape.d[1], bytes, unit;
  DifHostArray       array = *from;
  g_autofree char   *full  = g_strconcat (name, ".weight", NULL);
  g_autofree float  *plain = NULL;
  g_autoptr (GBytes) owner = NULL;
  char              *copy  = NULL;

  /* elements that can be moved about by themselves stay what they are */
  if (from->n_scales > 1 || ! dif_encoding_bytes (from->encoding, 1, &unit))
    {
      plain = dif_host_to_f32 (from, NULL);
      array = (DifHostArray) { .shape = from->shape, .data = plain };
      unit  = sizeof *plain;
    }
  if (array.data && dif_host_bytes (&array, &bytes))
    copy = g_try_malloc (MAX (bytes, 1));

  if (! copy)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "no memory for %s", full);
      return FALSE;
    }
  for (gsize i = 0; i < rows; i++)
    for (gsize j = 0; j < columns; j++)
      memcpy (copy + (j * rows + i) * unit, (const char *) array.data + (i * columns + j) * unit,
              unit);
  owner       = g_bytes_new_take (copy, bytes);
  array.shape = DIF_SHAPE (columns, rows);
  array.data  = copy;
  dif_weights_add (into, full, &array, owner);
  return TRUE;
}

/* Files @name of @from as diffusers has it. */
static gboolean
add_one (DifWeights *into, DifWeights *from, const char *name, const char *path, GError **error)
{
  const DifHostArray *array = dif_weights_lookup (from, name);
  const char         *odd   = NULL;

  if (g_str_has_suffix (name, ".in_proj_weight") || g_str_has_suffix (name, ".in_proj_bias"))
    odd = add_thirds (into, from, name) ? NULL : "q, k and v of one size";
  else if (strcmp (name, "text_projection") != 0)
    dif_weights_add_from (into, name, array, from, name);
  else if (array->shape.n == 2)
    return add_transposed (into, name, array, error);
  else
    odd = "a matrix";
  if (odd)
    {
      g_autofree char *found = dif_shape_to_string (&array->shape);

      g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_SHAPE,
                   "%s: tensor %s: expected %s, found shape %s", path, name, odd, found);
    }
  return odd == NULL;
}

DifWeights *
dif_single_file_weights (DifSingleFile *file, const char *part, GError **error)
{
  Want                   want = { file, part };
  g_autoptr (DifWeights) raw = dif_weights_new (part), weights = dif_weights_new (part);
  g_autoptr (GPtrArray)  names   = NULL;
  g_autofree char       *unknown = NULL;
  gboolean               done;

  if (! has_part (file, part, error))
    return NULL;
  done    = read_tensors (file->path, raw, want_part, &want, error);
  unknown = want.unknown;
  if (done && unknown)
    {
      g_set_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_UNSUPPORTED,
                   "%s: tensor %s: expected one that a %s of %s has, found one that it has not",
                   file->path, unknown, part, file->kind->label);
      return NULL;
    }
  if (! done || ! dif_scales_apply (raw, file->path, error))
    return NULL;
  names = dif_weights_names (raw);
  for (guint i = 0; i < names->len; i++)
    if (! add_one (weights, raw, names->pdata[i], file->path, error))
      return NULL;
  return g_steal_pointer (&weights);
}
