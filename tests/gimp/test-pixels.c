/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test-pixels.c - a plug-in of the tests: compares pixels, which Script-Fu sees rounded to
 * 8 bit only.
 *
 *   (test-pixels #:a DRAWABLE #:b DRAWABLE #:mask DRAWABLE)
 *
 * returns how many pixels differ in any bit where the mask is 0, how many where it is not,
 * how many it is 0 for, and the greatest difference as R'G'B' of sRGB.  Without a mask
 * every pixel counts as outside.  The drawables must have one size.
 *
 * One process does it for as long as GIMP runs: starting one takes longer than comparing.
 */
#include <math.h>
#include <string.h>

#include <libgimp/gimp.h>

typedef struct
{
  GimpPlugIn parent_instance;
} TestPixels;

typedef struct
{
  GimpPlugInClass parent_class;
} TestPixelsClass;

static GType test_pixels_get_type (void) G_GNUC_CONST;

G_DEFINE_TYPE (TestPixels, test_pixels, GIMP_TYPE_PLUG_IN)

GIMP_MAIN (test_pixels_get_type ())

/* All pixels of a drawable in @format, or in its own. */
static guint8 *
read_all (GimpDrawable *drawable, const Babl *format, int *bytes_per_pixel)
{
  g_autoptr (GeglBuffer) buffer = gimp_drawable_get_buffer (drawable);
  gsize                  width  = (gsize) gimp_drawable_get_width (drawable);
  gsize                  n      = width * (guint) gimp_drawable_get_height (drawable);
  guint8                *pixels;

  if (format == NULL)
    format = gegl_buffer_get_format (buffer);
  *bytes_per_pixel = babl_format_get_bytes_per_pixel (format);
  pixels           = g_malloc (n * (guint) *bytes_per_pixel);
  gegl_buffer_get (buffer, NULL, 1.0, format, pixels, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
  return pixels;
}

static double
distance (GimpDrawable *a, GimpDrawable *b, gsize n)
{
  int               bytes   = 0;
  const Babl       *format  = babl_format ("R'G'B' float");
  g_autofree float *pixels1 = (float *) read_all (a, format, &bytes);
  g_autofree float *pixels2 = (float *) read_all (b, format, &bytes);
  double            most    = 0.0;

  for (gsize i = 0; i < n * 3; i++)
    {
      double difference = fabs ((double) pixels1[i] - pixels2[i]);

      most = isnan (difference) ? INFINITY : MAX (most, difference);
    }
  return most;
}

static GimpValueArray *
run (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer run_data)
{
  g_autoptr (GimpDrawable) a = NULL, b = NULL, mask = NULL;
  g_autofree guint8       *pixels1 = NULL, *pixels2 = NULL;
  g_autofree float        *values  = NULL;
  double                   outside = 0, inside = 0, n_outside = 0;
  int                      size1 = 0, size2 = 0;
  gsize                    n;
  GimpValueArray          *result;

  g_object_get (config, "a", &a, "b", &b, "mask", &mask, NULL);
  n = (gsize) gimp_drawable_get_width (a) * (guint) gimp_drawable_get_height (a);
  if (gimp_drawable_get_width (a) != gimp_drawable_get_width (b) ||
      gimp_drawable_get_height (a) != gimp_drawable_get_height (b))
    return gimp_procedure_new_return_values (procedure, GIMP_PDB_CALLING_ERROR,
                                             g_error_new_literal (GIMP_PLUG_IN_ERROR, 0, "sizes"));
  pixels1 = read_all (a, NULL, &size1);
  pixels2 = read_all (b, NULL, &size2);
  if (mask != NULL)
    values = (float *) read_all (mask, babl_format ("Y float"), &size2);
  size2 = babl_format_get_bytes_per_pixel (gimp_drawable_get_format (b));
  for (gsize i = 0; i < n; i++)
    {
      gboolean is_out  = values == NULL || values[i] == 0.0f;
      gboolean differs = size1 != size2 || memcmp (pixels1 + i * (guint) size1,
                                                   pixels2 + i * (guint) size1, (guint) size1) != 0;

      n_outside += is_out;
      outside += is_out && differs;
      inside += ! is_out && differs;
    }
  result = gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
  GIMP_VALUES_SET_DOUBLE (result, 1, outside);
  GIMP_VALUES_SET_DOUBLE (result, 2, inside);
  GIMP_VALUES_SET_DOUBLE (result, 3, n_outside);
  GIMP_VALUES_SET_DOUBLE (result, 4, distance (a, b, n));
  return result;
}

/* The procedure that is called; GIMP starts the plug-in for the other one, "test-pixels-ready". */
static void
add_compare (GimpPlugIn *plug_in)
{
  static const char *const results[] = { "outside", "inside", "n-outside", "distance" };
  GimpProcedure           *procedure =
      gimp_procedure_new (plug_in, "test-pixels", GIMP_PDB_PROC_TYPE_TEMPORARY, run, NULL, NULL);

  gimp_procedure_add_drawable_argument (procedure, "a", "a", "a", FALSE, G_PARAM_READWRITE);
  gimp_procedure_add_drawable_argument (procedure, "b", "b", "b", FALSE, G_PARAM_READWRITE);
  gimp_procedure_add_drawable_argument (procedure, "mask", "mask", "mask", TRUE,
                                        G_PARAM_READWRITE);
  for (guint i = 0; i < G_N_ELEMENTS (results); i++)
    gimp_procedure_add_double_return_value (procedure, results[i], results[i], results[i], 0.0,
                                            G_MAXDOUBLE, 0.0, G_PARAM_READWRITE);
  gimp_plug_in_add_temp_procedure (plug_in, procedure);
  g_object_unref (procedure);
}

static GimpValueArray *
serve (GimpProcedure *procedure, GimpProcedureConfig *config, gpointer run_data)
{
  GimpPlugIn           *plug_in = gimp_procedure_get_plug_in (procedure);
  g_autoptr (GMainLoop) loop    = g_main_loop_new (NULL, FALSE);

  gegl_init (NULL, NULL);
  add_compare (plug_in);
  gimp_procedure_persistent_ready (procedure);
  gimp_plug_in_persistent_enable (plug_in);
  g_main_loop_run (loop);
  return gimp_procedure_new_return_values (procedure, GIMP_PDB_SUCCESS, NULL);
}

static GList *
query_procedures (GimpPlugIn *plug_in)
{
  return g_list_append (NULL, g_strdup ("test-pixels-ready"));
}

static GimpProcedure *
create_procedure (GimpPlugIn *plug_in, const char *name)
{
  return gimp_procedure_new (plug_in, name, GIMP_PDB_PROC_TYPE_PERSISTENT, serve, NULL, NULL);
}

static void
test_pixels_class_init (TestPixelsClass *klass)
{
  GIMP_PLUG_IN_CLASS (klass)->query_procedures = query_procedures;
  GIMP_PLUG_IN_CLASS (klass)->create_procedure = create_procedure;
}

static void
test_pixels_init (TestPixels *self)
{
}
