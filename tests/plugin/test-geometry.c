/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test-geometry.c - placements by table, and their invariants over many canvases. */
#include <stdlib.h>

#include "plugin/geometry.h"

typedef struct
{
  const char *name;
  DifRect     bounds, selection; /* an empty selection stands for none */
  int         padding, native;
  DifRect     context;
  int         width, height;
  gboolean    is_square;
  DifRect     seen; /* empty for nothing */
} Row;

/* clang-format off */
#define NONE { 0, 0, 0, 0 }

static const Row rows[] = {
  /* name, bounds, selection, padding, native, context, width, height, square, seen */
  { "all of a native canvas", { 0, 0, 512, 512 }, NONE, -1, 512, { 0, 0, 512, 512 }, 512, 512 },
  { "a near one keeps its size", { 0, 0, 768, 512 }, NONE, -1, 512, { 0, 0, 768, 512 }, 768, 512 },
  { "odd sides go to the nearest",
    { 0, 0, 500, 517 }, NONE, -1, 512, { 0, 0, 500, 517 }, 504, 520 },
  { "a large one shrinks", { 0, 0, 2000, 1000 }, NONE, -1, 512, { 0, 0, 2000, 1000 }, 728, 360 },
  { "a tiny one grows", { 0, 0, 1, 1 }, NONE, -1, 512, { 0, 0, 1, 1 }, 512, 512 },
  { "a strip is stretched", { 0, 0, 4000, 2 }, NONE, -1, 512, { 0, 0, 4000, 2 }, 1024, 256 },
  { "context all around",
    { 0, 0, 2000, 2000 }, { 1000, 900, 20, 10 }, -1, 512, { 754, 649, 512, 512 }, 512, 512 },
  { "context at the corner",
    { 0, 0, 2000, 2000 }, { 0, 0, 20, 10 }, -1, 512, { 0, 0, 512, 512 }, 512, 512 },
  { "context at the other corner",
    { 0, 0, 2000, 2000 }, { 1980, 1990, 20, 10 }, -1, 512, { 1488, 1488, 512, 512 }, 512, 512 },
  { "a quarter of the longest side",
    { 0, 0, 4000, 4000 }, { 1000, 1000, 1000, 600 }, -1, 512, { 750, 750, 1500, 1100 }, 600, 440 },
  { "no more than twice as long",
    { 0, 0, 4000, 4000 }, { 1000, 1000, 2000, 100 }, -1, 512, { 500, 300, 3000, 1500 }, 728, 360 },
  { "no room to widen",
    { 0, 0, 4000, 100 }, { 1000, 0, 2000, 100 }, -1, 512, { 500, 0, 3000, 100 }, 1024, 256 },
  { "a padding of one's own",
    { 0, 0, 2000, 2000 }, { 1000, 1000, 300, 304 }, 100, 512, { 898, 900, 504, 504 }, 504, 504 },
  { "padding stops at the edge",
    { 0, 0, 2000, 2000 }, { 10, 20, 400, 400 }, 100, 512, { 0, 0, 512, 520 }, 512, 520 },
  { "no padding at all",
    { 0, 0, 2000, 2000 }, { 10, 20, 64, 64 }, 0, 512, { 10, 20, 64, 64 }, 512, 512 },
  { "endless padding",
    { 0, 0, 2000, 2000 }, { 10, 20, 64, 64 }, G_MAXINT, 512, { 0, 0, 2000, 2000 }, 512, 512 },
  { "units without scaling",
    { 0, 0, 600, 600 }, { 100, 100, 401, 399 }, 0, 512, { 97, 100, 408, 400 }, 408, 400 },
  { "a layer beyond the canvas",
    { -100, -50, 300, 400 }, { 0, 0, 1000, 1000 }, 0, 128, { 0, 0, 200, 350 }, 96, 168 },
  { "a selection that sticks out",
    { 0, 0, 512, 512 }, { -50, 500, 100, 100 }, 0, 128, { 0, 500, 50, 12 }, 256, 64 },
  { "as wide as high",
    { 0, 0, 4000, 4000 }, { 1000, 1000, 1000, 600 }, -1, 512, { 750, 550, 1500, 1500 }, 512, 512,
    TRUE },
  { "a square at the edge",
    { 0, 0, 4000, 4000 }, { 3900, 0, 100, 900 }, 0, 512, { 3100, 0, 900, 900 }, 512, 512, TRUE },
  { "no room for a square",
    { 0, 0, 4000, 300 }, { 1000, 0, 1200, 100 }, 0, 512, { 1000, 0, 1200, 300 }, 1024, 256, TRUE },
  { "what is to be seen",
    { 0, 0, 2000, 2000 }, { 500, 500, 64, 64 }, -1, 512, { 500, 300, 200, 264 }, 448, 592, FALSE,
    { 600, 300, 100, 100 } },
  { "some more around it",
    { 0, 0, 2000, 2000 }, { 500, 500, 64, 64 }, 10, 512, { 490, 290, 220, 284 }, 448, 584, FALSE,
    { 600, 300, 100, 100 } },
  { "what is to be seen reaches out",
    { 0, 0, 2000, 2000 }, { 500, 500, 64, 64 }, -1, 128, { 0, 500, 564, 64 }, 256, 64, FALSE,
    { -100, 520, 150, 20 } },
  { "what is to be seen is elsewhere",
    { 0, 0, 2000, 2000 }, { 500, 500, 64, 64 }, -1, 128, { 500, 500, 64, 64 }, 64, 64, FALSE,
    { -100, 520, 50, 20 } },
};
/* clang-format on */

static void
assert_rect (const char *name, const DifRect *found, const DifRect *wanted)
{
  if (found->x != wanted->x || found->y != wanted->y || found->width != wanted->width ||
      found->height != wanted->height)
    g_error ("%s: expected %d %d %d %d, found %d %d %d %d", name, wanted->x, wanted->y,
             wanted->width, wanted->height, found->x, found->y, found->width, found->height);
}

static void
test_table (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      const Row      *row = &rows[i];
      DifPlacement    placement;
      DifGeometrySpec spec = { row->selection.width > 0 ? &row->selection : NULL,
                               row->seen.width > 0 ? &row->seen : NULL, row->padding,
                               row->is_square,
                               row->native };

      g_assert_true (dif_geometry_compute (&row->bounds, &spec, &placement));
      assert_rect (row->name, &placement.context, &row->context);
      if (placement.width != row->width || placement.height != row->height)
        g_error ("%s: expected %d x %d, found %d x %d", row->name, row->width, row->height,
                 placement.width, placement.height);
    }
}

static gboolean
contains (const DifRect *outer, const DifRect *inner)
{
  DifRect both;

  return dif_geometry_intersect (outer, inner, &both) && both.x == inner->x &&
         both.y == inner->y && both.width == inner->width && both.height == inner->height;
}

static void
check_invariants (const DifRect *bounds, const DifGeometrySpec *spec)
{
  DifPlacement placement;
  DifRect      both, seen;
  gboolean     is_there = dif_geometry_intersect (spec->selection, bounds, &both);
  const int    native   = spec->native;

  g_assert_true (dif_geometry_compute (bounds, spec, &placement) == is_there);
  if (! is_there)
    return;
  assert_rect ("the target is the selection", &placement.target, &both);
  g_assert_true (contains (&placement.context, &placement.target));
  g_assert_true (contains (bounds, &placement.context));
  if (spec->seen && dif_geometry_intersect (spec->seen, bounds, &seen))
    g_assert_true (contains (&placement.context, &seen));
  if (spec->is_square && placement.context.width < placement.context.height - DIF_PICTURE_UNIT)
    g_assert_cmpint (placement.context.width, ==, bounds->width);
  if (spec->is_square && placement.context.height < placement.context.width - DIF_PICTURE_UNIT)
    g_assert_cmpint (placement.context.height, ==, bounds->height);
  g_assert_cmpint (placement.width % DIF_PICTURE_UNIT, ==, 0);
  g_assert_cmpint (placement.height % DIF_PICTURE_UNIT, ==, 0);
  g_assert_cmpint (placement.width, >=, MAX (native / 2 - DIF_PICTURE_UNIT, DIF_PICTURE_UNIT));
  g_assert_cmpint (placement.height, >=, MAX (native / 2 - DIF_PICTURE_UNIT, DIF_PICTURE_UNIT));
  g_assert_cmpint (placement.width, <=, 2 * native + DIF_PICTURE_UNIT);
  g_assert_cmpint (placement.height, <=, 2 * native + DIF_PICTURE_UNIT);
}

/* A side: mostly small, sometimes as large as GIMP allows. */
static int
random_side (GRand *rand)
{
  static const int most[] = { 4, 30, 600, 5000, 262144 };

  return g_rand_int_range (rand, 1, most[g_rand_int_range (rand, 0, G_N_ELEMENTS (most))] + 1);
}

static void
test_invariants (void)
{
  g_autoptr (GRand) rand      = g_rand_new_with_seed (5);
  const int         natives[] = { 8, 32, 100, 128, 512, 768, 1024 };

  for (guint i = 0; i < 200000; i++)
    {
      DifRect         bounds = { 0, 0, random_side (rand), random_side (rand) }, selection, seen;
      DifGeometrySpec spec   = { &selection, i % 5 == 0 ? &seen : NULL, DIF_PADDING_AUTOMATIC,
                                 i % 7 == 0, natives[i % G_N_ELEMENTS (natives)] };

      if (i % 2 == 0)
        {
          bounds.x = g_rand_int_range (rand, -1000, 1000);
          bounds.y = g_rand_int_range (rand, -1000, 1000);
        }
      selection.width  = random_side (rand);
      selection.height = random_side (rand);
      selection.x      = bounds.x + g_rand_int_range (rand, -100, bounds.width + 100);
      selection.y      = bounds.y + g_rand_int_range (rand, -100, bounds.height + 100);
      seen             = selection;
      seen.x           = bounds.x + g_rand_int_range (rand, -100, bounds.width + 100);
      if (i % 3 == 0)
        spec.padding = g_rand_int_range (rand, 0, 2000);
      check_invariants (&bounds, &spec);
      spec.selection = &bounds;
      spec.padding   = 0;
      check_invariants (&bounds, &spec);
    }
}

static void
test_nothing_shared (void)
{
  const DifRect bounds = { 10, 10, 20, 20 };
  const DifRect far[]  = {
    { 30, 10, 5, 5 },
    { 5, 10, 5, 5 },
    { 10, 30, 5, 5 },
    { 10, 5, 5, 5 },
    { 100, 100, 5, 5 }
  };
  DifPlacement placement;

  for (guint i = 0; i < G_N_ELEMENTS (far); i++)
    {
      DifGeometrySpec spec = { &far[i], &bounds, DIF_PADDING_AUTOMATIC, TRUE, 512 };

      g_assert_false (dif_geometry_compute (&bounds, &spec, &placement));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plugin/geometry/table", test_table);
  g_test_add_func ("/plugin/geometry/invariants", test_invariants);
  g_test_add_func ("/plugin/geometry/nothing-shared-is-refused", test_nothing_shared);
  return g_test_run ();
}
