/* SPDX-License-Identifier: GPL-3.0-or-later */
/* geometry.c - see geometry.h. */
#include <math.h>

#include "plugin/geometry.h"

#define MAX_RATIO    2
#define PADDING_PART 4

gboolean
dif_geometry_intersect (const DifRect *a, const DifRect *b, DifRect *both)
{
  gint64 x1 = MAX (a->x, b->x), x2 = MIN ((gint64) a->x + a->width, (gint64) b->x + b->width);
  gint64 y1 = MAX (a->y, b->y), y2 = MIN ((gint64) a->y + a->height, (gint64) b->y + b->height);

  if (x2 <= x1 || y2 <= y1)
    return FALSE;
  both->x      = (int) x1;
  both->y      = (int) y1;
  both->width  = (int) (x2 - x1);
  both->height = (int) (y2 - y1);
  return TRUE;
}

void
dif_geometry_limit (int side, int *width, int *height)
{
  int longest = MAX (*width, *height);

  if (side <= 0 || longest <= side)
    return;
  *width  = MAX (*width * side / longest / DIF_PICTURE_UNIT, 1) * DIF_PICTURE_UNIT;
  *height = MAX (*height * side / longest / DIF_PICTURE_UNIT, 1) * DIF_PICTURE_UNIT;
}

void
dif_geometry_unite (const DifRect *a, const DifRect *b, DifRect *both)
{
  int x = MIN (a->x, b->x), right = MAX (a->x + a->width, b->x + b->width);
  int y = MIN (a->y, b->y), bottom = MAX (a->y + a->height, b->y + b->height);

  *both = (DifRect) { x, y, right - x, bottom - y };
}

static gboolean
is_near (int side, int native)
{
  return 2 * (gint64) side >= native && 2 * (gint64) side <= 3 * (gint64) native;
}

static int
to_unit (double side)
{
  return MAX ((int) (side / DIF_PICTURE_UNIT + 0.5), 1) * DIF_PICTURE_UNIT;
}

void
dif_geometry_fit (int native, int *width, int *height)
{
  double scale = 1.0;

  if (! is_near (*width, native) || ! is_near (*height, native))
    scale = native / sqrt ((double) *width * *height);
  *width  = to_unit (CLAMP (*width * scale, native / 2.0, 2.0 * native));
  *height = to_unit (CLAMP (*height * scale, native / 2.0, 2.0 * native));
}

void
dif_geometry_own_or_native (int native, int *width, int *height)
{
  int w      = *width / DIF_PICTURE_UNIT * DIF_PICTURE_UNIT;
  int h      = *height / DIF_PICTURE_UNIT * DIF_PICTURE_UNIT;
  int is_own = is_near (w, native) && is_near (h, native);

  *width  = is_own ? w : native;
  *height = is_own ? h : native;
}

/* Makes one axis @wanted long, if there is room, with the old part in the middle, if there is. */
static void
widen (int *start, int *length, gint64 wanted, int from, int room)
{
  int longer = (int) CLAMP (wanted, *length, room);
  int begin  = *start - (longer - *length) / 2;

  *start  = CLAMP (begin, from, from + room - longer);
  *length = longer;
}

static void
pad (const DifRect *bounds, int padding, DifRect *context)
{
  DifRect wide = { 0 };
  int     most = MAX (bounds->width, bounds->height);

  padding     = MIN (padding, most);
  wide.x      = context->x - padding;
  wide.y      = context->y - padding;
  wide.width  = context->width + 2 * padding;
  wide.height = context->height + 2 * padding;
  dif_geometry_intersect (&wide, bounds, context);
}

static void
pad_by_rule (const DifRect *bounds, int native, DifRect *context)
{
  gint64 more   = MAX (context->width, context->height) / PADDING_PART * 2;
  gint64 width  = MAX (context->width + more, native);
  gint64 height = MAX (context->height + more, native);

  width  = MAX (width, height / MAX_RATIO);
  height = MAX (height, width / MAX_RATIO);
  widen (&context->x, &context->width, width, bounds->x, bounds->width);
  widen (&context->y, &context->height, height, bounds->y, bounds->height);
}

/* Whole units, so that pixels need not be scaled. */
static void
round_up (const DifRect *bounds, int native, DifRect *context)
{
  const int more = DIF_PICTURE_UNIT - 1;

  if (! is_near (context->width, native) || ! is_near (context->height, native))
    return;
  widen (&context->x, &context->width,
         (context->width + more) / DIF_PICTURE_UNIT * DIF_PICTURE_UNIT, bounds->x, bounds->width);
  widen (&context->y, &context->height,
         (context->height + more) / DIF_PICTURE_UNIT * DIF_PICTURE_UNIT, bounds->y, bounds->height);
}

static void
make_square (const DifRect *bounds, DifRect *context)
{
  int side = MAX (context->width, context->height);

  widen (&context->x, &context->width, side, bounds->x, bounds->width);
  widen (&context->y, &context->height, side, bounds->y, bounds->height);
}

/* What the model sees of @bounds, before it is squared and rounded. */
static void
choose_context (const DifRect *bounds, const DifGeometrySpec *spec, DifRect *context)
{
  DifRect seen;

  if (spec->seen != NULL && dif_geometry_intersect (spec->seen, bounds, &seen))
    dif_geometry_unite (context, &seen, context);
  if (spec->padding >= 0)
    pad (bounds, spec->padding, context);
  else if (spec->seen == NULL && spec->selection != NULL)
    pad_by_rule (bounds, spec->native, context);
}

gboolean
dif_geometry_compute (const DifRect *bounds, const DifGeometrySpec *spec, DifPlacement *placement)
{
  const DifRect *selection = spec->selection != NULL ? spec->selection : bounds;
  DifRect       *context   = &placement->context;

  if (! dif_geometry_intersect (selection, bounds, &placement->target))
    return FALSE;
  *context = placement->target;
  choose_context (bounds, spec, context);
  if (spec->is_square)
    make_square (bounds, context);
  round_up (bounds, spec->native, context);
  placement->width  = context->width;
  placement->height = context->height;
  dif_geometry_fit (spec->native, &placement->width, &placement->height);
  return TRUE;
}
