/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test-resources.c - what a recipe names, against what is installed. */
#include "plugin/resources.h"

#include <glib/gstdio.h>
#include <string.h>

#include "formats/scratch.h"

static char             *scratch;
static char             *tiny_print, *other_print, *lora_print;
static const char *const none[] = { NULL };

static GPtrArray *
read_all (const char *members, const char *const *given, DifJson **recipe)
{
  g_autofree char *text = g_strdup_printf ("{\"format\":1,\"canvas\":{}%s%s}",
                                           *members != '\0' ? "," : "", members);

  *recipe = dif_json_parse (text, strlen (text), "recipe", NULL);
  g_assert_nonnull (*recipe);
  return dif_resources_read (*recipe, given);
}

/* What becomes of a recipe with these members, as the model's state and value. */
static void
assert_model (const char *name, const char *print, DifResourceState state, const char *value)
{
  g_autofree char *members =
      g_strdup_printf ("\"model\":\"%s\",\"model-fingerprint\":\"%s\"", name, print);
  g_autoptr (DifJson)   recipe = NULL;
  g_autoptr (GPtrArray) all    = read_all (members, none, &recipe);
  g_autofree char      *found  = dif_resources_value (all, "model");
  const DifResource    *r      = g_ptr_array_index (all, 0);
  g_autofree char      *line   = dif_resource_problem (r);

  g_assert_cmpuint (all->len, ==, 1);
  g_assert_cmpint (r->state, ==, state);
  g_assert_cmpstr (found, ==, value);
  g_assert_null (strchr (line, '\n'));
  g_assert_cmpint (dif_resource_is_sure (r), ==, state <= DIF_RESOURCE_FOUND);
  if (state == DIF_RESOURCE_PATH)
    g_assert_nonnull (strstr (line, name));
}

static void
test_models (void)
{
  assert_model ("one", tiny_print, DIF_RESOURCE_INSTALLED, "one");
  /* two of the same: the one that is named */
  assert_model ("twin", tiny_print, DIF_RESOURCE_INSTALLED, "twin");
  assert_model ("one", other_print, DIF_RESOURCE_OTHER, "one");
  assert_model ("one", "", DIF_RESOURCE_OTHER, "one");
  assert_model ("gone", "1234", DIF_RESOURCE_UNKNOWN, "");
  assert_model ("", tiny_print, DIF_RESOURCE_UNKNOWN, "one");
  assert_model (".", "x", DIF_RESOURCE_UNKNOWN, "");
  assert_model ("..", "x", DIF_RESOURCE_UNKNOWN, "");
  /* renamed: the dialog may propose it */
  assert_model ("renamed", other_print, DIF_RESOURCE_UNKNOWN, "second");
}

/* A path is never opened: what counts is the fingerprint. */
static void
test_paths (void)
{
  g_autofree char *stranger = scratch_path (scratch, "stranger/one");

  assert_model ("/etc/passwd", "", DIF_RESOURCE_PATH, "/etc/passwd");
  assert_model (stranger, "", DIF_RESOURCE_PATH, stranger);
  assert_model ("./one", "", DIF_RESOURCE_PATH, "./one");
  assert_model ("../models/one", "x", DIF_RESOURCE_PATH, "../models/one");
  assert_model ("/net/host/models/second", other_print, DIF_RESOURCE_FOUND, "second");
  assert_model ("/nowhere/elsewhere/unknown.safetensors", other_print, DIF_RESOURCE_FOUND,
                "second");
}

/* The folder that the program was started in is nobody's catalog. */
static void
test_current_folder (void)
{
  g_autofree char *before = g_get_current_dir ();
  g_autofree char *here   = scratch_path (scratch, "stranger");

  g_assert_cmpint (g_chdir (here), ==, 0);
  assert_model ("stray", other_print, DIF_RESOURCE_UNKNOWN, "second");
  g_assert_cmpint (g_chdir (before), ==, 0);
}

static void
assert_loras (const char *members, guint n_sure, const char *value)
{
  g_autofree char *with_model = g_strdup_printf (
      "\"model\":\"one\",\"model-fingerprint\":\"%s\",%s", tiny_print, members);
  g_autoptr (DifJson)   recipe = NULL;
  g_autoptr (GPtrArray) all    = read_all (with_model, none, &recipe);
  g_autofree char      *found  = dif_resources_value (all, "lora");
  guint                 n      = 0;

  for (guint i = 1; i < all->len; i++)
    n += (guint) dif_resource_is_sure (g_ptr_array_index (all, i));
  g_assert_cmpuint (n, ==, n_sure);
  g_assert_cmpstr (found, ==, value);
}

static void
test_loras (void)
{
  g_autofree char      *print = g_strdup_printf ("\"lora-fingerprints\":\"%s\"", lora_print);
  g_autofree char      *path  = scratch_path (scratch, "data/loras/ink.safetensors");
  g_autoptr (GChecksum) sum   = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char      *text  = NULL;

  text = g_strconcat ("\"lora\":\"ink:0.5\",", print, NULL);
  assert_loras (text, 1, "ink:0.5");
  g_free (text);
  text = g_strconcat ("\"lora\":\"ink:0.5\\nwash\",", print, NULL);
  assert_loras (text, 1, "ink:0.5");
  g_free (text);
  text = g_strconcat ("\"lora\":\"/tmp/x/ink.safetensors:0.5\",", print, NULL);
  assert_loras (text, 1, "ink:0.5");
  assert_loras ("\"lora\":\"ink\"", 0, "ink");
  assert_loras ("\"lora\":\"ink\",\"lora-fingerprints\":\"00\"", 0, "ink");
  assert_loras ("\"lora\":\"/tmp/x/ink.safetensors:1\"", 0, "/tmp/x/ink.safetensors:1");
  /* an older recipe: paths, and one fingerprint of all */
  dif_fingerprint_add_file (sum, path, NULL);
  g_free (text);
  text = g_strdup_printf ("\"lora\":\"/nowhere/ink.safetensors:2\",\"extras-fingerprint\":\"%s\"",
                          g_checksum_get_string (sum));
  assert_loras (text, 1, "ink:2");
  g_free (text);
  text = g_strdup_printf ("\"lora\":\"/nowhere/ink.safetensors:2\",\"extras-fingerprint\":\"%s\"",
                          other_print);
  assert_loras (text, 0, "/nowhere/ink.safetensors:2");
}

/* What the user said is not looked at. */
static void
test_given (void)
{
  static const char *const given[] = { "model", "lora", NULL };
  g_autoptr (DifJson)      recipe  = NULL;
  g_autoptr (GPtrArray)    all =
      read_all ("\"model\":\"/etc/passwd\",\"lora\":\"x\",\"embedding\":\"y\"", given, &recipe);
  const DifResource *r = g_ptr_array_index (all, 0);

  g_assert_cmpuint (all->len, ==, 1);
  g_assert_cmpstr (r->row, ==, "embedding");
}

static char *
print_of (const char *relative)
{
  g_autofree char          *path       = scratch_path (scratch, relative);
  g_autoptr (DifCheckpoint) checkpoint = dif_checkpoint_open (path, NULL);

  return dif_fingerprint_of_checkpoint (checkpoint, NULL);
}

static void
install (const char *relative, const char *fixture)
{
  g_autofree char *from = g_test_build_filename (G_TEST_DIST, "fixtures/models", fixture, NULL);

  scratch_copy (scratch, relative, from);
}

int
main (int argc, char **argv)
{
  g_autofree char *data = NULL, *empty = NULL, *lora = NULL;
  int              status;

  g_test_init (&argc, &argv, NULL);
  scratch = scratch_new ();
  data    = scratch_path (scratch, "data");
  empty   = scratch_path (scratch, "empty");
  g_setenv ("DIF_DATA_DIR", data, TRUE);
  g_setenv ("XDG_DATA_HOME", empty, TRUE);
  g_setenv ("XDG_DATA_DIRS", empty, TRUE);
  install ("data/models/one", "ddpm");
  install ("data/models/twin", "ddpm");
  install ("data/models/second", "ddpm-cifar");
  install ("stranger/stray", "ddpm-cifar");
  install ("stranger/one", "ddpm-cifar");
  scratch_write_text (scratch, "data/loras/ink.safetensors", "ink");
  tiny_print  = print_of ("data/models/one");
  other_print = print_of ("data/models/second");
  lora        = scratch_path (scratch, "data/loras/ink.safetensors");
  lora_print  = dif_fingerprint_of_file (lora, NULL);
  g_assert_cmpstr (tiny_print, !=, other_print);
  g_test_add_func ("/plugin/resources/models-by-name-and-fingerprint", test_models);
  g_test_add_func ("/plugin/resources/paths-by-fingerprint-alone", test_paths);
  g_test_add_func ("/plugin/resources/nothing-in-the-current-folder", test_current_folder);
  g_test_add_func ("/plugin/resources/loras-one-by-one", test_loras);
  g_test_add_func ("/plugin/resources/not-what-the-user-said", test_given);
  status = g_test_run ();
  scratch_free (scratch);
  g_free (tiny_print);
  g_free (other_print);
  g_free (lora_print);
  return status;
}
