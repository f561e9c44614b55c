/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* test-catalog.c - where models are looked for.
 *
 * GLib reads the data folders once per process, so they are set before the
 * first test, to folders that the tests fill.
 */
#include "base/error.h"
#include "formats/catalog.h"

#include <string.h>

#include <glib/gstdio.h>

#include "formats/scratch.h"

static char *scratch;

static void
add_model (const char *folder, const char *name)
{
  g_autofree char *index = g_build_filename (folder, name, "model_index.json", NULL);

  scratch_write_text (scratch, index, "{}");
}

/* @model means the folder @relative of the scratch folder. */
static void
assert_resolves (const char *model, const char *relative)
{
  g_autoptr (GError) error    = NULL;
  g_autofree char   *path     = dif_catalog_resolve (model, &error);
  g_autofree char   *expected = scratch_path (scratch, relative);

  g_assert_no_error (error);
  g_assert_cmpstr (path, ==, expected);
}

static void
test_folders (void)
{
  g_auto (GStrv)   folders = dif_catalog_folders ();
  g_autofree char *own     = scratch_path (scratch, "own/models");
  g_autofree char *user    = scratch_path (scratch, "user/gimp-diffusion/models");
  g_autofree char *first   = scratch_path (scratch, "system1/gimp-diffusion/models");
  g_autofree char *second  = scratch_path (scratch, "system2/gimp-diffusion/models");

  g_assert_cmpuint (g_strv_length (folders), ==, 5);
  g_assert_cmpstr (folders[0], ==, own);
  g_assert_cmpstr (folders[1], ==, user);
  g_assert_cmpstr (folders[2], ==, first);
  g_assert_cmpstr (folders[3], ==, second);
  g_assert_true (g_str_has_suffix (folders[4], "gimp-diffusion/models"));
}

static void
test_order (void)
{
  add_model ("own/models", "everywhere");
  add_model ("user/gimp-diffusion/models", "everywhere");
  add_model ("user/gimp-diffusion/models", "users");
  add_model ("system1/gimp-diffusion/models", "users");
  add_model ("system2/gimp-diffusion/models", "shared");
  assert_resolves ("everywhere", "own/models/everywhere");
  assert_resolves ("users", "user/gimp-diffusion/models/users");
  assert_resolves ("shared", "system2/gimp-diffusion/models/shared");
}

static void
test_default (void)
{
  add_model ("own/models", DIF_DEFAULT_MODEL);
  assert_resolves (NULL, "own/models/" DIF_DEFAULT_MODEL);
  assert_resolves ("", "own/models/" DIF_DEFAULT_MODEL);
  g_assert_cmpstr (dif_catalog_default ("txt2img"), ==, DIF_DEFAULT_MODEL);
  g_assert_cmpstr (dif_catalog_default ("inpaint"), ==, DIF_DEFAULT_MODEL);
  add_model ("system2/gimp-diffusion/models", DIF_DEFAULT_MODEL "-inpaint");
  g_assert_cmpstr (dif_catalog_default ("txt2img"), ==, DIF_DEFAULT_MODEL);
  g_assert_cmpstr (dif_catalog_default ("inpaint"), ==, DIF_DEFAULT_MODEL "-inpaint");
}

static void
test_paths (void)
{
  g_autofree char *path = scratch_path (scratch, "elsewhere");
  g_autofree char *here = dif_catalog_resolve (".", NULL);

  scratch_write_text (scratch, "elsewhere/file.safetensors", "x");
  assert_resolves (path, "elsewhere");
  g_assert_cmpstr (here, ==, ".");
}

/* A bare word is a name wherever the program was started; recipes come from strangers. */
static void
test_current_folder (void)
{
  g_autofree char   *before = g_get_current_dir ();
  g_autofree char   *here   = scratch_path (scratch, "here");
  g_autoptr (GError) error = NULL, file_error = NULL;
  g_autofree char   *model = NULL, *file = NULL, *none = NULL, *rest = NULL, *spec = NULL;

  scratch_write_text (scratch, "here/holiday/model_index.json", "{}");
  scratch_write_text (scratch, "here/beach.safetensors", "");
  scratch_write_text (scratch, "here/beach.safetensors:0.5", "");
  g_assert_cmpint (g_chdir (here), ==, 0);
  g_assert_null (dif_catalog_resolve ("holiday", &error));
  assert_one_line (error, "./");
  g_assert_null (dif_catalog_resolve_file ("loras", "beach.safetensors", &file_error));
  assert_one_line (file_error, "./");
  model = dif_catalog_resolve ("./holiday", NULL);
  file  = dif_catalog_resolve_file ("loras", "./beach.safetensors", NULL);
  spec  = dif_catalog_split_spec ("beach.safetensors:0.5", &rest);
  g_assert_cmpstr (model, ==, "./holiday");
  g_assert_cmpstr (file, ==, "./beach.safetensors");
  g_assert_cmpstr (rest, ==, "0.5");
  g_clear_error (&error);
  g_assert_null (dif_catalog_resolve ("holidays", &error));
  g_assert_null (strstr (error->message, "./"));
  g_assert_cmpint (g_chdir (before), ==, 0);
}

static void
assert_name_of (const char *relative, const char *name)
{
  g_autofree char *path  = scratch_path (scratch, relative);
  g_autofree char *found = dif_catalog_name_of (path);

  g_assert_cmpstr (found, ==, name);
}

static void
test_name_of (void)
{
  static const char *const no_names[] = { "", ".", "..", "../own/models/everywhere", "/etc" };
  g_autofree char         *found      = dif_catalog_find ("models", "everywhere");
  g_autofree char         *expected   = scratch_path (scratch, "own/models/everywhere");

  g_assert_cmpstr (found, ==, expected);
  for (guint i = 0; i < G_N_ELEMENTS (no_names); i++)
    {
      g_assert_null (dif_catalog_find ("models", no_names[i]));
      g_assert_null (dif_catalog_find ("loras", no_names[i]));
    }
  scratch_write_text (scratch, "elsewhere/folder.safetensors/model_index.json", "{}");
  assert_name_of ("own/models/everywhere", "everywhere");
  assert_name_of ("own/models/everywhere/", "everywhere");
  assert_name_of ("elsewhere/file.safetensors", "file");
  assert_name_of ("elsewhere/folder.safetensors", "folder.safetensors");
}

static void
test_names (void)
{
  g_auto (GStrv)   names  = NULL;
  g_autofree char *joined = NULL;

  scratch_write_text (scratch, "own/models/no-model/config.json", "{}");
  scratch_write_text (scratch, "own/models/file", "");
  names  = dif_catalog_names ();
  joined = g_strjoinv (" ", names);
  g_assert_cmpstr (joined, ==, "everywhere shared tiny-scenes tiny-scenes-inpaint users");
}

static void
test_not_found (void)
{
  static const char *const models[] = { "absent", "no-model", "../own/models", "/nonexistent/model",
                                        "a/b" };

  for (guint i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (dif_catalog_resolve (models[i], &error));
      g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
      assert_one_line (error, models[i]);
      assert_one_line (error, "found the models everywhere, shared, tiny-scenes, "
                              "tiny-scenes-inpaint, users in ");
      assert_one_line (error, scratch);
    }
}

/* Single files are models by their names, with or without the ending. */
static void
test_files (void)
{
  g_auto (GStrv)     tokenizers = NULL;
  g_autofree char   *joined     = NULL;
  g_autofree char   *lora       = NULL;
  g_autofree char   *expected   = scratch_path (scratch, "user/gimp-diffusion/loras/s.safetensors");
  g_autofree char   *folder     = dif_catalog_tokenizer_folder ();
  g_auto (GStrv)     names      = NULL;
  g_autoptr (GError) error      = NULL;

  scratch_write_text (scratch, "user/gimp-diffusion/models/one.safetensors", "");
  scratch_write_text (scratch, "user/gimp-diffusion/models/one.dif.json", "{}");
  scratch_write_text (scratch, "system1/gimp-diffusion/models/shared.safetensors", "");
  scratch_write_text (scratch, "user/gimp-diffusion/loras/s.safetensors", "");
  names  = dif_catalog_names ();
  joined = g_strjoinv (" ", names);
  g_assert_cmpstr (joined, ==, "everywhere one shared tiny-scenes tiny-scenes-inpaint users");
  assert_resolves ("one", "user/gimp-diffusion/models/one.safetensors");
  assert_resolves ("one.safetensors", "user/gimp-diffusion/models/one.safetensors");
  lora = dif_catalog_resolve_file ("loras", "s", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (lora, ==, expected);
  g_assert_null (dif_catalog_resolve_file ("embeddings", "s", &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (error, "s: expected a file, or the name of one in ");
  tokenizers = dif_catalog_tokenizers ();
  g_assert_true (g_strv_contains ((const char *const *) tokenizers, folder));
  scratch_remove (scratch, "user/gimp-diffusion/models/one.safetensors");
  scratch_remove (scratch, "system1/gimp-diffusion/models/shared.safetensors");
}

/* LoRAs lie in folders inside their folder. */
static void
test_nested (void)
{
  static const char root[] = "user/gimp-diffusion/loras/";
  static const struct
  {
    const char *name;
    const char *below; /* NULL: refused */
    const char *what;
  } rows[] = {
    { "style/ink", "style/ink.safetensors", NULL },
    { "style/ink.safetensors", "style/ink.safetensors", NULL },
    { "deep", "people/old/deep.safetensors", NULL },
    { "old/deep", NULL, "found neither" },
    { "both", NULL, "both: expected the name of one file, found people/both and style/both" },
    { "style/both", "style/both.safetensors", NULL },
    /* what lies in the folder itself is meant before what lies deeper */
    { "top", "top.safetensors", NULL },
    { "style/../top", NULL, "found neither" },
    { "/style/ink", NULL, "found neither" },
    { "", NULL, "found neither" },
  };
  static const char *const files[] = { "style/ink", "people/old/deep", "people/both",
                                       "style/both", "top", "style/top" };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *file = g_strconcat (root, files[i], ".safetensors", NULL);

      scratch_write_text (scratch, file, "");
    }
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error    = NULL;
      g_autofree char   *relative = g_strconcat (root, rows[i].below, NULL);
      g_autofree char   *expected = rows[i].below ? scratch_path (scratch, relative) : NULL;
      g_autofree char   *path     = dif_catalog_resolve_file ("loras", rows[i].name, &error);

      g_assert_cmpstr (path, ==, expected);
      if (! path)
        assert_one_line (error, rows[i].what);
    }
  scratch_remove (scratch, "user/gimp-diffusion/loras");
}

static void
test_specs (void)
{
  static const struct
  {
    const char *spec, *file, *rest;
  } rows[] = {
    { "a", "a", NULL },
    { "a:1", "a", "1" },
    { "a:b:0.5", "a:b", "0.5" },
    { "a:", "a:", NULL },
    { "", "", NULL },
    { ":x", "", "x" },
    { "/no:/such", "/no", "/such" },
  };
  g_autofree char *path = scratch_path (scratch, "odd:name");
  g_autofree char *rest = NULL, *file = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *found_rest = NULL;
      g_autofree char *found      = dif_catalog_split_spec (rows[i].spec, &found_rest);

      g_assert_cmpstr (found, ==, rows[i].file);
      g_assert_cmpstr (found_rest, ==, rows[i].rest);
    }
  scratch_write_text (scratch, "odd:name", "");
  file = dif_catalog_split_spec (path, &rest);
  g_assert_cmpstr (file, ==, path);
  g_assert_null (rest);
}

static void
test_nothing_installed (void)
{
  g_autoptr (GError) error = NULL;

  scratch_remove (scratch, "own");
  scratch_remove (scratch, "user");
  scratch_remove (scratch, "system1");
  scratch_remove (scratch, "system2");
  g_assert_null (dif_catalog_resolve (NULL, &error));
  g_assert_error (error, DIF_FORMAT_ERROR, DIF_FORMAT_ERROR_MISSING_KEY);
  assert_one_line (error, "found no models in ");
}

int
main (int argc, char **argv)
{
  g_autofree char *own    = NULL;
  g_autofree char *user   = NULL;
  g_autofree char *system = NULL;
  int              status;

  g_test_init (&argc, &argv, NULL);
  scratch = scratch_new ();
  own     = scratch_path (scratch, "own");
  user    = scratch_path (scratch, "user");
  system  = g_strdup_printf ("%s/system1:%s/system2", scratch, scratch);
  g_setenv ("DIF_DATA_DIR", own, TRUE);
  g_setenv ("XDG_DATA_HOME", user, TRUE);
  g_setenv ("XDG_DATA_DIRS", system, TRUE);
  g_test_add_func ("/formats/catalog/1-lists-its-folders", test_folders);
  g_test_add_func ("/formats/catalog/2-takes-the-first-hit", test_order);
  g_test_add_func ("/formats/catalog/3-has-a-default", test_default);
  g_test_add_func ("/formats/catalog/4-takes-paths", test_paths);
  g_test_add_func ("/formats/catalog/4-takes-no-words-for-paths", test_current_folder);
  g_test_add_func ("/formats/catalog/4-calls-paths-by-names", test_name_of);
  g_test_add_func ("/formats/catalog/5-lists-names-once", test_names);
  g_test_add_func ("/formats/catalog/6-says-what-it-found-instead", test_not_found);
  g_test_add_func ("/formats/catalog/7-knows-files", test_files);
  g_test_add_func ("/formats/catalog/folders-inside", test_nested);
  g_test_add_func ("/formats/catalog/8-splits-file-and-weight", test_specs);
  g_test_add_func ("/formats/catalog/9-says-when-nothing-is-installed", test_nothing_installed);
  status = g_test_run ();
  scratch_free (scratch);
  return status;
}
