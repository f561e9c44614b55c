/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* cmd-info.c - what a checkpoint is, for people and as JSON. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "inspect.h"

static const CliOption options[] = {
  { "verbose", 'v', NULL, "Print every part's whole config and all names of tensors", NULL,
    "Output" },
  { "json", 0, NULL, "Print one JSON object instead of text", NULL, "Output" },
};

/* Keys worth a line, whichever part has them. */
static const char *const highlights[] = {
  "sample_size", "in_channels", "out_channels", "block_out_channels", "layers_per_block",
  "cross_attention_dim", "attention_head_dim", "latent_channels", "scaling_factor", "hidden_size",
  "num_hidden_layers", "num_attention_heads", "hidden_act", "vocab_size", "beta_schedule",
  "prediction_type", "timestep_spacing", "num_train_timesteps"
};

/* Names of tensors listed per kind unless --verbose. */
#define LIST_SHORT 5

/* ---- text ---- */

static void
print_highlights (DifJson *config)
{
  guint    column = 0;
  gboolean any    = FALSE;

  for (guint i = 0; i < G_N_ELEMENTS (highlights); i++)
    {
      DifJson         *member = dif_json_member (config, highlights[i]);
      g_autofree char *value  = member ? dif_json_to_string (member, FALSE) : NULL;
      guint            width;

      if (! value)
        continue;
      width = (guint) (strlen (highlights[i]) + strlen (value) + 3);
      if (column + width > 78)
        column = 0;
      fputs (column ? ", " : any ? "\n    "
                                 : "    ",
             stdout);
      printf ("%s %s", highlights[i], value);
      column += width + (column ? 0 : 4);
      any = TRUE;
    }
  if (any)
    putchar ('\n');
}

static void
print_list (const char *what, GPtrArray *names, gboolean all)
{
  if (! names->len)
    return;
  printf ("    %u %s:\n", names->len, what);
  for (guint i = 0; i < names->len && (all || i < LIST_SHORT); i++)
    printf ("      %s\n", (const char *) names->pdata[i]);
  if (! all && names->len > LIST_SHORT)
    printf ("      ... and %u more (--verbose lists them)\n", names->len - LIST_SHORT);
}

static void
print_part (const CliPart *part, gboolean verbose)
{
  g_autofree char *size = g_format_size (part->file_bytes);

  printf ("\n%s: %s", part->name, part->class_name);
  if (part->note->len)
    printf (" (%s)", part->note->str);
  putchar ('\n');
  if (part->dtypes->len)
    printf ("    %" G_GUINT64_FORMAT " parameters, %s, %s on disk\n", part->parameters,
            part->dtypes->str, size);
  if (part->config && ! verbose)
    print_highlights (part->config);
  if (part->config && verbose)
    {
      g_autofree char *text  = dif_json_to_string (part->config, TRUE);
      g_auto (GStrv)   lines = g_strsplit (text, "\n", -1);

      for (guint i = 0; lines[i]; i++)
        if (lines[i][0])
          printf ("    %s\n", lines[i]);
    }
  print_list ("tensors missing", part->missing, verbose);
  print_list ("tensors of the wrong shape", part->wrong, verbose);
  print_list ("tensors nothing asks for", part->unused, verbose);
  if (part->error)
    printf ("    unusable: %s\n", part->error->message);
}

/* What "auto" means on this machine; NULL where no device opens. */
static DifJson *
auto_choice (void)
{
  g_autoptr (DifBackend) backend = dif_backend_open ("auto", NULL);
  DifJson               *json    = backend ? dif_json_new_object ("auto") : NULL;
  DifDtype               dtype;

  if (! json)
    return NULL;
  dtype = backend->klass->best_dtype (backend);
  dif_json_set_string (json, "device", backend->klass->name);
  dif_json_set_string (json, "dtype", dif_dtype_name (dtype));
  dif_json_set_string (json, "why", dif_backend_why_best (backend));
  return json;
}

static void
print_choice (void)
{
  g_autoptr (DifJson) choice = auto_choice ();

  if (choice)
    printf ("auto computes on %s in %s: %s\n", dif_json_string (choice, "device", ""),
            dif_json_string (choice, "dtype", ""), dif_json_string (choice, "why", ""));
}

static void
print_text (DifCheckpoint *checkpoint, DifJson *presets, GPtrArray *parts, gboolean verbose)
{
  g_autofree char *f32 = NULL, *half = NULL;
  guint64          total = 0;

  printf ("%s: %s", dif_checkpoint_path (checkpoint), dif_checkpoint_pipeline_class (checkpoint));
  if (dif_checkpoint_is_file (checkpoint))
    printf (" (%s)", dif_checkpoint_family (checkpoint));
  putchar ('\n');
  if (dif_presets_about (presets))
    printf ("%s\n", dif_presets_about (presets));
  for (guint i = 0; i < parts->len; i++)
    {
      const CliPart *part = parts->pdata[i];

      print_part (part, verbose);
      total += part->used ? part->parameters : 0;
    }
  f32  = g_format_size (4 * total);
  half = g_format_size (2 * total);
  printf ("\n%" G_GUINT64_FORMAT " parameters in use; weights take %s of memory in f32, "
          "%s in bf16 or f16\n",
          total, f32, half);
  print_choice ();
}

/* ---- JSON ---- */

static void
append_quoted (GString *s, const char *text)
{
  g_autofree char *quoted = dif_json_quote (text);

  g_string_append (s, quoted);
}

static void
append_list (GString *s, const char *key, GPtrArray *names)
{
  g_string_append_printf (s, ",\"%s\":[", key);
  for (guint i = 0; i < names->len; i++)
    {
      if (i)
        g_string_append_c (s, ',');
      append_quoted (s, names->pdata[i]);
    }
  g_string_append_c (s, ']');
}

static void
append_part (GString *s, const CliPart *part)
{
  g_autofree char *config = part->config ? dif_json_to_string (part->config, FALSE) : NULL;

  append_quoted (s, part->name);
  g_string_append (s, ":{\"class\":");
  append_quoted (s, part->class_name);
  g_string_append_printf (s, ",\"used\":%s", part->used ? "true" : "false");
  g_string_append_printf (s, ",\"parameters\":%" G_GUINT64_FORMAT, part->parameters);
  g_string_append_printf (s, ",\"bytes\":%" G_GUINT64_FORMAT ",\"dtypes\":", part->file_bytes);
  append_quoted (s, part->dtypes->str);
  append_list (s, "missing", part->missing);
  append_list (s, "wrong", part->wrong);
  append_list (s, "unused", part->unused);
  if (part->error)
    {
      g_string_append (s, ",\"error\":");
      append_quoted (s, part->error->message);
    }
  g_string_append_printf (s, ",\"config\":%s}", config ? config : "null");
}

static gboolean
print_json (DifCheckpoint *checkpoint, DifJson *presets, GPtrArray *parts, GError **error)
{
  g_autoptr (GString) s      = g_string_new ("{\"path\":");
  g_autoptr (DifJson) json   = NULL;
  g_autoptr (DifJson) choice = NULL;
  g_autofree char    *text   = NULL;
  guint64             total  = 0;

  append_quoted (s, dif_checkpoint_path (checkpoint));
  g_string_append (s, ",\"pipeline\":");
  append_quoted (s, dif_checkpoint_pipeline_class (checkpoint));
  if (dif_presets_about (presets))
    {
      g_string_append (s, ",\"about\":");
      append_quoted (s, dif_presets_about (presets));
    }
  g_string_append (s, ",\"parts\":{");
  for (guint i = 0; i < parts->len; i++)
    {
      const CliPart *part = parts->pdata[i];

      if (i)
        g_string_append_c (s, ',');
      append_part (s, part);
      total += part->used ? part->parameters : 0;
    }
  g_string_append_printf (s, "},\"parameters\":%" G_GUINT64_FORMAT, total);
  g_string_append_printf (s, ",\"memory\":{\"f32\":%" G_GUINT64_FORMAT, 4 * total);
  g_string_append_printf (s, ",\"bf16\":%" G_GUINT64_FORMAT "}}", 2 * total);
  json = dif_json_parse (s->str, s->len, "info", error);
  if (! json)
    return FALSE;
  choice = auto_choice ();
  if (choice)
    dif_json_set_copy (json, "auto", choice);
  text = dif_json_to_string (json, TRUE);
  fputs (text, stdout);
  if (! g_str_has_suffix (text, "\n"))
    putchar ('\n');
  return TRUE;
}

/* ---- files that are no checkpoints ---- */

static void
print_lora (DifLora *lora, const char *path)
{
  static const char *const parts[] = { "unet", "text_encoder", "text_encoder_2" };
  g_autofree char         *kinds   = dif_lora_kinds (lora);
  const char              *family  = dif_lora_family (lora);
  gsize                    least, greatest;
  double                   weakest, strongest;
  guint                    idle = dif_lora_idle (lora);

  printf ("%s: LoRA for %s\n    %s\n", path,
          strcmp (family, "another model") == 0 ? "a model that its widths do not tell" : family,
          kinds);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    if (dif_lora_count (lora, parts[i]))
      printf ("    %u layers of %s\n", dif_lora_count (lora, parts[i]), parts[i]);
  dif_lora_ranks (lora, &least, &greatest);
  dif_lora_scales (lora, &weakest, &strongest);
  if (greatest)
    printf ("    rank %" G_GSIZE_FORMAT, least);
  if (greatest > least)
    printf (" to %" G_GSIZE_FORMAT, greatest);
  if (greatest)
    printf (", times %g", weakest);
  if (greatest && strongest > weakest)
    printf (" to %g", strongest);
  if (greatest)
    putchar ('\n');
  if (idle)
    printf ("    %u alphas that are 0 or of layers that are not there, and change nothing\n", idle);
}

static void
print_lora_json (DifLora *lora, const char *path)
{
  static const char *const parts[] = { "unet", "text_encoder", "text_encoder_2" };
  g_autofree char         *name    = dif_json_quote (path);
  g_autofree char         *kinds   = dif_lora_kinds (lora);
  gsize                    least, greatest;
  double                   weakest, strongest;

  dif_lora_ranks (lora, &least, &greatest);
  dif_lora_scales (lora, &weakest, &strongest);
  printf ("{\"path\": %s, \"type\": \"lora\", \"for\": \"%s\", \"kinds\": \"%s\", \"layers\": {",
          name, dif_lora_family (lora), kinds);
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    printf ("%s\"%s\": %u", i ? ", " : "", parts[i], dif_lora_count (lora, parts[i]));
  printf ("}, \"rank\": [%" G_GSIZE_FORMAT ", %" G_GSIZE_FORMAT "], \"scale\": [%g, %g], "
          "\"idle\": %u}\n",
          least, greatest, weakest, strongest, dif_lora_idle (lora));
}

/* Whether --lora takes it, which only the model can refuse then. */
static gboolean
tell_lora (const char *path, gboolean as_json, GError **error)
{
  g_autoptr (DifLora) lora = dif_lora_open (path, error);
  const char         *example;
  guint               n;

  if (! lora)
    return FALSE;
  if (as_json)
    print_lora_json (lora, path);
  else
    print_lora (lora, path);
  n = dif_lora_unknown (lora, &example);
  if (! n)
    return TRUE;
  g_set_error (error, DIF_MODEL_ERROR, DIF_MODEL_ERROR_MISSING_WEIGHT,
               "%s: expected changes of a unet or of text encoders, found %u layers of %s, such as "
               "%s",
               path, n, dif_lora_family (lora), example);
  return FALSE;
}

static void
print_embedding (DifEmbedding *e, const char *path)
{
  const char *part;
  gsize       width;
  guint       n;

  printf ("%s: embedding\n    the word %s", path, dif_embedding_token (e));
  for (guint i = 0; (n = dif_embedding_vectors (e, i, &part, &width)); i++)
    printf (", %u vectors of %" G_GSIZE_FORMAT " numbers%s%s", n, width, part ? " for the " : "",
            part ? part : "");
  putchar ('\n');
}

static gboolean
is_embedding (const char *path)
{
  g_autoptr (DifEmbedding) e = dif_embedding_open (path, NULL, NULL);

  if (e)
    print_embedding (e, path);
  return e != NULL;
}

/* The path of a model, or of an installed LoRA or embedding. */
static char *
find_path (const char *name, GError **error)
{
  g_autoptr (GError) first = NULL;
  char              *path  = dif_catalog_resolve (name, &first);

  if (! path && name)
    path = dif_catalog_resolve_file ("loras", name, NULL);
  if (! path && name)
    path = dif_catalog_resolve_file ("embeddings", name, NULL);
  if (! path)
    g_propagate_error (error, g_steal_pointer (&first));
  return path;
}

/* ---- the command ---- */

/* The first thing that keeps the model from being used. */
static gboolean
verdict (GPtrArray *parts, GError **error)
{
  for (guint i = 0; i < parts->len; i++)
    {
      const CliPart *part = parts->pdata[i];

      if (part->error)
        {
          g_propagate_error (error, g_error_copy (part->error));
          return FALSE;
        }
      if (part->missing->len || part->wrong->len)
        {
          g_set_error (error, DIF_MODEL_ERROR,
                       part->missing->len ? DIF_MODEL_ERROR_MISSING_WEIGHT : DIF_MODEL_ERROR_SHAPE,
                       "%s: %u tensors missing, %u of the wrong shape, the first: %s", part->name,
                       part->missing->len, part->wrong->len,
                       (const char *) (part->missing->len ? part->missing : part->wrong)->pdata[0]);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
run (Cli *cli, const CliArgs *args, GError **error)
{
  g_autofree char          *path       = NULL;
  g_autoptr (DifCheckpoint) checkpoint = NULL;
  g_autoptr (GPtrArray)     parts      = g_ptr_array_new_with_free_func (cli_part_free);
  g_autoptr (DifJson)       presets    = NULL;
  g_autoptr (GError)        failure    = NULL;
  const char *const        *names;

  path = find_path (args->rest->len ? args->rest->pdata[0] : NULL, error);
  if (path && g_str_has_suffix (path, ".safetensors") && dif_lora_is_one (path))
    return tell_lora (path, cli_args_has (args, "json"), error);
  checkpoint = path ? dif_checkpoint_open (path, &failure) : NULL;
  if (path && ! checkpoint && g_str_has_suffix (path, ".safetensors") &&
      ! cli_args_has (args, "json") && is_embedding (path))
    return TRUE;
  if (! checkpoint)
    {
      if (failure)
        g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  if (! dif_presets_load (checkpoint, &presets, error))
    return FALSE;
  names = dif_checkpoint_parts (checkpoint);
  for (guint i = 0; names[i]; i++)
    g_ptr_array_add (parts, cli_part_inspect (checkpoint, names[i]));
  if (cli_args_has (args, "json"))
    {
      if (! print_json (checkpoint, presets, parts, error))
        return FALSE;
    }
  else
    print_text (checkpoint, presets, parts, cli_args_has (args, "verbose"));
  return verdict (parts, error);
}

const CliCommand cmd_info = {
  .name      = "info",
  .summary   = "Tells what a model is: its parts, their configs, parameters and memory",
  .usage     = "[OPTION]... [MODEL]",
  .details   = "MODEL is a diffusers folder, a .safetensors file or the name of an installed\n"
               "model; without one, the bundled model.  Fails if a tensor that a config calls\n"
               "for is missing or has the wrong shape.  Of a LoRA or an embedding it tells what\n"
               "it is for, and fails if --lora would refuse it with any model.\n"
               "\n"
               "Example:\n"
               "  dif info --json ~/models/stable-diffusion-v1-5\n",
  .options   = options,
  .n_options = G_N_ELEMENTS (options),
  .max_args  = 1,
  .run       = run,
};
