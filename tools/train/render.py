# SPDX-License-Identifier: LGPL-3.0-or-later
"""Ray caster for the scenes: picture, depth and one mask per object.

Every object is convex, so a ray meets it in one interval: the intersection of
the interval inside its side (a quadric, or two pairs of planes for the cube)
with the interval between its bottom and its top.  All scenes of a batch are
drawn at once; nothing is sampled at random while drawing, so the same
parameters always give the same picture.

Anti-aliasing: 3x3 rays per pixel under a tent filter a little wider than a
pixel.  The nine rays also see nine slightly different sun directions, which
gives shadows a soft border at no cost.
"""

import numpy as np
import torch

SIZE = 128  # pixels of a side
RAYS = 3  # rays per pixel and axis
TENT = (1, 2, 3, 2, 1)  # filter over rays
FAR = 1.0e4
HALF_VIEW = 0.40  # tangent of half the opening angle

OBJECT_RGB = np.array(
    [
        [0.86, 0.07, 0.07],
        [0.10, 0.62, 0.14],
        [0.09, 0.24, 0.92],
        [0.98, 0.88, 0.06],
        [0.99, 0.46, 0.03],
        [0.56, 0.12, 0.74],
        [0.96, 0.96, 0.96],
        [0.045, 0.045, 0.05],
    ]
)
FLOOR_RGB = np.array(
    [
        [0.50, 0.50, 0.50],
        [0.50, 0.33, 0.20],
        [0.36, 0.58, 0.32],
        [0.34, 0.50, 0.74],
        [0.86, 0.58, 0.66],
    ]
)
SKY_RGB = np.array(
    [  # high up, at the horizon
        [[0.30, 0.58, 0.95], [0.74, 0.87, 0.99]],
        [[0.93, 0.50, 0.66], [0.99, 0.82, 0.78]],
        [[0.56, 0.60, 0.64], [0.80, 0.82, 0.84]],
    ]
)
NIGHT_RGB = np.array([[0.02, 0.03, 0.10], [0.10, 0.12, 0.27]])

# Columns of one object's parameters.
OBJECT_FIELDS = (
    "there",
    "cube",
    "x",
    "z",
    "cos",
    "sin",
    "radius",
    "height",
    "qy",
    "apex",
    "c0",
    "r",
    "g",
    "b",
)
N_OBJECT = len(OBJECT_FIELDS)


def _object_parameters(rows, which, rng, two):
    """Parameters of object 1 or 2 for all scenes, [n, N_OBJECT]."""
    n = len(rows)

    def uniform(low, high):
        return low + (high - low) * rng.random(n)

    shape, colour, size = (rows[:, 1 + 3 * which + k] for k in range(3))
    scale = np.where(size == 1, uniform(0.68, 0.76), uniform(0.43, 0.48))
    x = np.where(two, uniform(0.83, 0.97) * (1 if which else -1), uniform(-0.8, 0.8))
    z = np.where(two, uniform(-0.3, 0.3), uniform(-0.4, 0.5))
    yaw = uniform(0.62, 0.72)  # a cube shows its two sides as 5 to 4, give or take: easy to learn
    sphere, cube, cylinder, cone = (np.where(shape == k, 1.0, 0.0) for k in range(4))
    radius = scale * (sphere + 0.76 * cube + 0.76 * cylinder + 0.95 * cone)
    height = scale * (2 * sphere + 1.52 * cube + 1.8 * cylinder + 2.1 * cone)
    # Side quadric: x^2 + z^2 + qy (y - apex)^2 = c0
    slope = radius / np.maximum(height, 1e-6)
    qy = sphere - cone * slope**2
    apex = sphere * scale + cone * height
    c0 = (sphere + cylinder) * radius**2
    rgb = OBJECT_RGB[np.maximum(colour, 0)] * uniform(0.95, 1.03)[:, None]
    columns = [shape >= 0, cube, x, z, np.cos(yaw), np.sin(yaw), radius, height, qy, apex, c0]
    return np.concatenate([np.stack(columns, 1), rgb], 1)


def scene_parameters(rows, rng):
    """Scenes (captions.COLUMNS) to numbers for `render`, with all the random play."""
    rows = np.asarray(rows)
    n, two, night = len(rows), rows[:, 0] == 2, rows[:, 9] == 1

    def uniform(low, high):
        return low + (high - low) * rng.random(n)

    objects = [_object_parameters(rows, k, rng, two) for k in range(2)]
    azimuth = np.where(rng.random(n) < 0.5, -1, 1) * uniform(0.55, 1.15)
    raised = uniform(0.75, 0.95)
    sun = np.stack(
        [np.sin(azimuth) * np.cos(raised), np.sin(raised), -np.cos(azimuth) * np.cos(raised)], 1
    )
    strength = np.stack([np.where(night, 0.30, 0.48), np.where(night, 0.47, 0.60)], 1)
    tint = np.where(night[:, None], np.array([0.86, 0.93, 1.12]), np.array([1.0, 0.99, 0.97]))
    floor = FLOOR_RGB[rows[:, 7]] * uniform(0.96, 1.04)[:, None]
    sky = np.where(night[:, None, None], NIGHT_RGB, SKY_RGB[rows[:, 8]]).reshape(n, 6)
    camera = np.stack([uniform(1.65, 2.05), uniform(-4.95, -4.65)], 1)
    parts = objects + [sun, strength, tint, floor, sky, camera]
    return torch.from_numpy(np.concatenate(parts, 1).astype(np.float32))


def _interval(origin, ray, o):
    """Where rays enter and leave an object, and what `_normal` needs."""
    there, cube, x, z, cos, sin, radius, height, qy, apex, c0 = o[:11]
    px, pz = origin[0] - x, origin[2] - z
    ax, az = px * cos - pz * sin, px * sin + pz * cos
    bx, bz = ray[0] * cos - ray[2] * sin, ray[0] * sin + ray[2] * cos
    y = origin[1] - apex
    a = bx * bx + bz * bz + qy * ray[1] * ray[1]
    b = bx * ax + bz * az + qy * y * ray[1]
    c = ax * ax + az * az + qy * y * y - c0
    disc = b * b - a * c
    root = torch.sqrt(disc.clamp(min=0))
    ia = 1 / a
    ix, iz = 1 / bx, 1 / bz
    x0, x1 = (-ax) * ix - radius * ix.abs(), (-ax) * ix + radius * ix.abs()
    z0, z1 = (-az) * iz - radius * iz.abs(), (-az) * iz + radius * iz.abs()
    is_cube = cube > 0.5
    side_in = torch.where(is_cube, torch.maximum(x0, z0), (-b - root) * ia)
    side_out = torch.where(is_cube, torch.minimum(x1, z1), (-b + root) * ia)
    iy = 1 / ray[1]
    t0, t1 = -origin[1] * iy, (height - origin[1]) * iy
    cap_in, cap_out = torch.minimum(t0, t1), torch.maximum(t0, t1)
    t_in, t_out = torch.maximum(side_in, cap_in), torch.minimum(side_out, cap_out)
    hit = (t_in < t_out) & (t_out > 1e-3) & (there > 0.5) & (is_cube | (disc > 0))
    return hit, t_in, (ax, az, bx, bz, x0, z0, side_in, cap_in)


def _normal(t, point_y, ray_y, o, geometry):
    """Outward unit normal of an object where its rays enter."""
    ax, az, bx, bz, x0, z0, side_in, cap_in = geometry
    cube, cos, sin = o[1] > 0.5, o[4], o[5]
    on_x = x0 > z0
    nx = torch.where(cube, torch.where(on_x, -torch.sign(bx), 0.0), ax + t * bx)
    nz = torch.where(cube, torch.where(on_x, 0.0, -torch.sign(bz)), az + t * bz)
    ny = torch.where(cube, 0.0, o[8] * (point_y - o[9]))
    on_cap = cap_in > side_in
    nx, nz = torch.where(on_cap, 0.0, nx), torch.where(on_cap, 0.0, nz)
    ny = torch.where(on_cap, -torch.sign(ray_y), ny)
    k = torch.rsqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    nx, ny, nz = nx * k, ny * k, nz * k
    return nx * cos + nz * sin, ny, nz * cos - nx * sin


def _rays(height, distance, size):
    """Camera origin and unit rays, and for each ray its place in the 3x3 pattern."""
    count = RAYS * size + 2 * (len(TENT) // 2 - 1)
    index = torch.arange(count) - (len(TENT) // 2 - 1)
    place = ((index + 0.5) / (RAYS * size) * 2 - 1) * HALF_VIEW
    u, v = place[None, None, :], -place[None, :, None]
    fy, fz = 0.46 - height, -distance
    k = torch.rsqrt(fy * fy + fz * fz)
    fy, fz = fy * k, fz * k
    x, y, z = u + 0 * v + 0 * fy, fy + v * fz + 0 * u, fz - v * fy + 0 * u
    k = torch.rsqrt(x * x + y * y + z * z)
    pattern = (index % RAYS - 1).float()
    return (
        (0 * height, height, distance),
        (x * k, y * k, z * k),
        (pattern[None, None, :], pattern[None, :, None]),
    )


def _downsample(x, size):
    """Tent filter over the rays, one value per pixel."""
    total = float(sum(TENT))
    for axis in (1, 2):
        parts = 0
        for k, w in enumerate(TENT):
            stop = k + RAYS * (size - 1) + 1
            part = x[:, k:stop:RAYS] if axis == 1 else x[:, :, k:stop:RAYS]
            parts = parts + part * (w / total)
        x = parts
    return x


def _trace(parameters, size):
    """Colour planes, object masks and distance for every ray."""
    p = [parameters[:, i, None, None] for i in range(parameters.shape[1])]
    first, second = p[:N_OBJECT], p[N_OBJECT : 2 * N_OBJECT]
    rest = p[2 * N_OBJECT :]
    sun, (ambient, direct), tint = rest[:3], rest[3:5], rest[5:8]
    floor, sky, camera = rest[8:11], rest[11:17], rest[17:19]
    origin, ray, (sx, sy) = _rays(camera[0], camera[1], size)
    sun = (sun[0] + 0.022 * sx, sun[1] + 0 * sx, sun[2] + 0.022 * sy)

    hit1, t1, geo1 = _interval(origin, ray, first)
    hit2, t2, geo2 = _interval(origin, ray, second)
    t1, t2 = torch.where(hit1, t1, FAR), torch.where(hit2, t2, FAR)
    tf = torch.where(ray[1] < -1e-4, -origin[1] / ray[1], FAR)
    tf = torch.where(tf < 80, tf, FAR)
    t = torch.minimum(torch.minimum(t1, t2), tf)
    is1 = hit1 & (t1 <= t)
    is2 = hit2 & (t2 <= t) & ~is1
    on_object, ground = is1 | is2, t < FAR
    on_floor = ground & ~on_object
    point = [o + t * d for o, d in zip(origin, ray)]
    n1 = _normal(t, point[1], ray[1], first, geo1)
    n2 = _normal(t, point[1], ray[1], second, geo2)
    normal = [
        torch.where(is1, a, torch.where(is2, b, c)) for a, b, c in zip(n1, n2, (0.0, 1.0, 0.0))
    ]

    facing = sum(n * s for n, s in zip(normal, sun))
    lifted = [q + 2e-3 * n for q, n in zip(point, normal)]
    shade1, _, _ = _interval(lifted, sun, first)
    shade2, _, _ = _interval(lifted, sun, second)
    shadow = (shade1 & ~is1) | (shade2 & ~is2)
    lit = torch.where(shadow, 0.0, facing.clamp(min=0))
    near = 1.0
    for o in (first, second):
        away = (point[0] - o[2]) ** 2 + (point[2] - o[3]) ** 2
        near = near * (1 - 0.30 * o[0] * torch.exp(-away / (1.7 * o[6] * o[6])))
    open_sky = torch.where(on_floor, near, 0.80 + 0.20 * (point[1] / 0.6).clamp(0, 1))
    half = [s - d for s, d in zip(sun, ray)]
    k = torch.rsqrt(sum(h * h for h in half))
    shine = (sum(n * h for n, h in zip(normal, half)) * k).clamp(min=0)
    for _ in range(4):
        shine = shine * shine
    gloss = torch.where(on_object & ~shadow, 0.22 * direct * shine, 0.0)
    light = ambient * open_sky * (0.84 + 0.16 * normal[1]) + direct * lit
    haze = torch.where(on_floor, 1 - torch.exp(-0.05 * (t - 5.5).clamp(min=0)), 0.0)
    up = ((ray[1] + 0.04) / 0.28).clamp(0, 1)
    planes = []
    for c in range(3):
        albedo = torch.where(is1, first[11 + c], torch.where(is2, second[11 + c], floor[c]))
        colour = albedo * light * tint[c] + gloss
        colour = colour * (1 - haze) + sky[3 + c] * haze
        above = sky[3 + c] + (sky[c] - sky[3 + c]) * up
        planes.append(torch.where(ground, colour, above).clamp(0, 1))
    return (*planes, is1.float(), is2.float(), torch.where(ground, t, 80.0))


_compiled = None


def render(parameters, size=SIZE, compiled=False):
    """Draw scenes: uint8 [n,3,s,s], depth along the ray [n,s,s], masks [n,2,s,s] in 0..1.

    `compiled` fuses the whole drawing into one program (worth it for many
    pictures; give every call the same number of scenes).
    """
    global _compiled
    with torch.no_grad():
        if compiled and _compiled is None:
            _compiled = torch.compile(_trace, dynamic=False)
        *planes, distance = (_compiled if compiled else _trace)(parameters, size)
        planes = torch.stack([_downsample(p, size) for p in planes], 1)
        first = len(TENT) // 2
        middle = slice(first, first + RAYS * (size - 1) + 1, RAYS)
        rgb = (planes[:, :3] * 255 + 0.5).to(torch.uint8)
        return rgb, distance[:, middle, middle], planes[:, 3:]


def sheet(pictures, columns):
    """uint8 pictures [n,3,h,w] side by side as one array [H,W,3]."""
    n, _, h, w = pictures.shape
    rows = n // columns
    grid = pictures[: rows * columns].reshape(rows, columns, 3, h, w)
    return grid.permute(0, 3, 1, 4, 2).reshape(rows * h, columns * w, 3).numpy()


def main():
    """Write a sheet of pictures, depth and masks to look at."""
    import argparse
    from PIL import Image
    from captions import sample_scenes

    parser = argparse.ArgumentParser(description="draw a sheet of scenes")
    parser.add_argument("--out", default="scenes.png")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    rows = sample_scenes(40, rng)
    rgb, depth, masks = render(scene_parameters(rows, rng))
    near = (255 * (1 - (depth[:8] - 3.5) / 5).clamp(0, 1)).byte()
    parts = [rgb, near[:, None].expand(-1, 3, -1, -1)]
    mask = (masks[:8] * 255).byte()
    parts.append(torch.cat([mask, torch.zeros_like(mask[:, :1])], 1))
    Image.fromarray(sheet(torch.cat(parts), 8)).save(options.out)


if __name__ == "__main__":
    main()
