# SPDX-License-Identifier: LGPL-3.0-or-later
"""Measure an exported inpainting, depth2img or unconditional model on held-out scenes.

    python evaluate_tasks.py inpaint --model DIR --judge judge.pt --out DIR --dif "../../dev run dif"
    python evaluate_tasks.py depth2img --model DIR --judge judge.pt --judge-masks judge-masks.pt --out DIR
    python evaluate_tasks.py unconditional --model DIR --data DIR --judge judge.pt --out DIR

Draws with diffusers' pipelines, weights in f32; writes report.json, report.md
and a contact sheet.
"""

import argparse
import json
import os
import random
import shlex
import subprocess
import tempfile
import time

import numpy as np
import torch
from diffusers import (
    DDIMPipeline,
    StableDiffusionDepth2ImgPipeline,
    StableDiffusionInpaintPipeline,
)
from PIL import Image
from torch.nn import functional as F

import captions
import common
import judge as judging
import judge_masks
import masks
from evaluate import contact_sheet, gradient, write_report
from render import N_OBJECT, OBJECT_FIELDS, SIZE, render, scene_parameters

SEED = 4343
BATCH = 10
SURE = 0.98  # share of renders that counts as recognised


def render_all(parameters):
    """Pictures as uint8 [n,3,s,s] and boolean masks [n,2,s,s]."""
    parts = [render(parameters[i : i + 20]) for i in range(0, len(parameters), 20)]
    rgb, solid = (torch.cat([part[k] for part in parts]).numpy() for k in (0, 2))
    return rgb, solid > 0.5


def as_float(pictures):
    """uint8 [n,3,h,w] to what pipelines take, [n,3,h,w] in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).float() / 255


def draw(pipeline, prompts, options, **inputs):
    """Pictures for the prompts, seed 10000 + number, uint8 [n,3,h,w]; inputs are cut into batches."""
    pipeline.set_progress_bar_config(disable=True)
    parts = []
    for i in range(0, len(prompts), BATCH):
        part = slice(i, i + BATCH)
        texts = prompts[part]
        given = {name: value[part] for name, value in inputs.items()}
        seeds = [torch.Generator().manual_seed(10_000 + i + k) for k in range(len(texts))]
        found = pipeline(
            texts,
            num_inference_steps=options.steps,
            guidance_scale=options.guidance,
            strength=options.strength,
            generator=seeds,
            output_type="np",
            **given,
        )
        parts.append(found.images)
    pictures = np.concatenate(parts)
    return (pictures * 255).round().astype(np.uint8).transpose(0, 3, 1, 2)


# ---- inpainting ----


def varied(row, change, rng, tries=200):
    """`row` after change(row), repainted until the combination is a held-out one.

    The last draw is taken where none of them is: a few scenes have no such neighbour.
    """
    for _ in range(tries):
        other = row.copy()
        change(other, rng)
        if captions.held_out(other[None])[0]:
            break
    return other


def another(now, count, rng):
    """A number below `count` other than `now`."""
    return (now + rng.integers(1, count)) % count


def hide(parameters, which):
    """Take object `which` out of the scenes (a column says whether it is there)."""
    parameters = parameters.clone()
    parameters[np.arange(len(which)), which * N_OBJECT + OBJECT_FIELDS.index("there")] = 0
    return parameters


def inpaint_cases(count):
    """Scenes with a region, what to write for it, and what must then be seen.

    A third each: one object is replaced by another; one of two objects is
    replaced; a second object is put beside the only one.  Scenes are held-out
    combinations before and, nearly all, after; the new object has another shape
    and another colour than what was there.
    """
    rng = np.random.default_rng(SEED)
    shares = [0, 1, 1]
    rows = np.concatenate(
        [
            captions.sample_scenes(count, rng, two_share=share, want_held_out=True)
            for share in shares
        ]
    )
    wanted, which = rows.copy(), np.where(rows[:, 0] == 2, rng.integers(0, 2, len(rows)), 0)
    for k, row in enumerate(rows):
        first = 1 + 3 * which[k]

        def change(other, rng, first=first):
            other[first] = another(other[first], 4, rng)
            other[first + 1] = another(other[first + 1], 8, rng)

        wanted[k] = varied(row, change, rng)
    parameters = scene_parameters(rows, rng)
    pictures, solid = render_all(parameters)
    bare, _ = render_all(hide(parameters[2 * count :], which[2 * count :]))
    pictures[2 * count :] = bare
    regions, prompts = [], []
    for k, row in enumerate(wanted):
        y, x = np.nonzero(solid[k, which[k]])
        regions.append(masks.around((x.min(), y.min(), x.max(), y.max()), rng))
        shape, colour = row[1 + 3 * which[k] : 3 + 3 * which[k]]
        prompts.append(captions.article(f"{captions.COLOURS[colour]} {captions.SHAPES[shape]}"))
    kinds = np.repeat(["replaced", "one of two replaced", "put beside"], count)
    return wanted, which, kinds, prompts, pictures, np.stack(regions)


def border(regions):
    """The pixels on both sides of the regions' edges, as `gradient` counts them, [n,126,126]."""
    inside = regions
    wide = np.pad(inside, ((0, 0), (1, 1), (1, 1)), mode="edge")
    sides = [wide[:, 1:-1, :-2], wide[:, 1:-1, 2:], wide[:, :-2, 1:-1], wide[:, 2:, 1:-1]]
    different = np.zeros_like(inside)
    for side in sides:
        different |= side != inside
    return different[:, 1:-1, 1:-1]


def seam(pictures, originals, regions):
    """Mean gradient on the regions' borders over that of the originals at the same places."""
    edge = border(regions)
    return float(gradient(pictures)[edge].sum() / gradient(originals)[edge].sum())


def there(found, wanted, which):
    """Whether count, and shape and colour of the object `which`, are as wanted."""
    index = np.arange(len(wanted))
    first = 1 + 3 * which
    same = found == wanted
    return same[:, 0] & same[index, first] & same[index, first + 1]


@torch.no_grad()
def round_trip(vae, pictures):
    """The pictures after encoding and decoding."""
    parts = []
    for i in range(0, len(pictures), 20):
        x = common.to_float(pictures[i : i + 20])
        y = vae.decode(vae.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
        parts.append(((y + 1) * 127.5).round().to(torch.uint8).numpy())
    return np.concatenate(parts)


def by_dif(options, prompts, originals, regions):
    """The pictures that `dif` draws, its colors matched to the surroundings, uint8 [n,3,h,w]."""
    drawn = []
    with tempfile.TemporaryDirectory(dir=options.out) as folder:
        image, mask, out = (os.path.abspath(f"{folder}/{n}.png") for n in ("image", "mask", "out"))
        for k, prompt in enumerate(prompts):
            Image.fromarray(originals[k].transpose(1, 2, 0)).save(image)
            Image.fromarray(regions[k].astype(np.uint8) * 255).save(mask)
            words = ["inpaint", "--model", os.path.abspath(options.model), "--prompt", prompt]
            words += ["--image", image, "--mask", mask, "--match-colors", "seamless"]
            words += ["--steps", str(options.steps), "--guidance-scale", str(options.guidance)]
            words += ["--seed", str(10_000 + k), "--quiet", "-o", out]
            subprocess.run(shlex.split(options.dif) + words, check=True)
            drawn.append(np.asarray(Image.open(out)).copy())
    return np.stack(drawn).transpose(0, 3, 1, 2)


def inpaint(options, judge):
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(
        options.model, torch_dtype=torch.float32
    )
    wanted, which, kinds, prompts, originals, regions = inpaint_cases(options.count // 3)
    raw = draw(
        pipeline,
        prompts,
        options,
        image=as_float(originals),
        mask_image=torch.from_numpy(regions)[:, None].float(),
    )
    hole = regions[:, None]
    pictures = np.where(hole, raw, originals)
    right = there(judging.name(judge, pictures), wanted, which)
    away = np.abs(raw.astype(int) - originals)[np.broadcast_to(~hole, raw.shape)].mean() / 255
    decoded = round_trip(pipeline.vae, originals)
    report = {"named object inside the region": float(right.mean())}
    for kind in dict.fromkeys(kinds):
        report[f"of these, {kind}"] = float(right[kinds == kind].mean())
    report |= {
        "border gradient over that of renders, region pasted": seam(pictures, originals, regions),
        "the same, picture as the pipeline gives it": seam(raw, originals, regions),
        "the same, renders after the autoencoder, pasted": seam(
            np.where(hole, decoded, originals), originals, regions
        ),
        "mean difference outside the region before pasting": float(away),
    }
    if options.dif:
        pictures = by_dif(options, prompts, originals, regions)
        pictures = np.where(hole, pictures, originals)
        right = there(judging.name(judge, pictures), wanted, which)
        report["named object, by dif with --match-colors seamless"] = float(right.mean())
        report["border gradient of these, region pasted"] = seam(pictures, originals, regions)
    shown = originals.copy()
    shown[np.broadcast_to(hole, shown.shape)] //= 3
    return report, pictures, prompts, right, shown


# ---- depth to image ----


def depth_cases(count):
    """Held-out scenes, and prompts that give the same objects other colours, floor and sky."""
    rng, words = np.random.default_rng(SEED + 1), random.Random(SEED + 1)
    halves = [
        captions.sample_scenes(count // 2, rng, two_share=share, want_held_out=True)
        for share in (0, 1)
    ]
    rows = np.concatenate(halves)

    def change(other, rng):
        other[2] = another(other[2], 8, rng)
        other[7], other[8] = rng.integers(0, 5), rng.integers(0, 3)
        if other[0] == 2:
            other[5] = another(other[5], 8, rng)

    wanted = np.stack([varied(row, change, rng) for row in rows])
    prompts = [captions.caption(row, words, full=True) for row in wanted]
    pictures, solid = render_all(scene_parameters(rows, rng))
    return wanted, prompts, pictures, solid.any(1)


def depth2img(options, judge):
    pipeline = StableDiffusionDepth2ImgPipeline.from_pretrained(
        options.model, torch_dtype=torch.float32
    )
    wanted, prompts, originals, solid = depth_cases(options.count)
    views = [Image.fromarray(p.transpose(1, 2, 0)) for p in originals]
    pictures = draw(pipeline, prompts, options, image=views)
    found = judging.name(judge, pictures)
    one = wanted[:, 0] == 1
    colours = np.where(one, found[:, 2] == wanted[:, 2], (found == wanted)[:, [2, 5]].all(1))
    mask_judge = judge_masks.load(options.judge_masks)
    overlaps = judge_masks.overlap(judge_masks.masks(mask_judge, pictures), solid)
    of_renders = judge_masks.overlap(judge_masks.masks(mask_judge, originals), solid)
    same = found == wanted
    report = {
        "overlap of object masks, mean": float(overlaps.mean()),
        "overlap of object masks, share of at least 0.8": float((overlaps >= 0.8).mean()),
        "overlap of object masks, one object": float(overlaps[one].mean()),
        "overlap of object masks, two objects": float(overlaps[~one].mean()),
        "the mask judge on the renders themselves": float(of_renders.mean()),
        "all colours as the prompt says": float(colours.mean()),
        "all colours, one object": float(colours[one].mean()),
        "all colours, two objects": float(colours[~one].mean()),
        "shapes kept": float(np.where(one, same[:, 1], same[:, [1, 4]].all(1)).mean()),
        "floor as the prompt says": float(same[:, 7].mean()),
    }
    return report, pictures, prompts, colours & (overlaps >= 0.8), originals


# ---- unconditional ----


def enlarge(pictures):
    """uint8 pictures to SIZE, bilinear."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).float()
    x = F.interpolate(x, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    return x.round().to(torch.uint8).numpy()


@torch.no_grad()
def certainty(judge, pictures):
    """How sure the judge is of count, shape and colour of object 1, floor and night: the least."""
    least = []
    for i in range(0, len(pictures), 50):
        scores = judge(common.to_float(pictures[i : i + 50]))
        sure = torch.stack([s.softmax(1).amax(1) for s in scores], 1)
        least.append(sure[:, [0, 1, 2, 7, 9]].amin(1))
    return torch.cat(least).numpy()


def unconditional(options, judge):
    pipeline = DDIMPipeline.from_pretrained(options.model, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    side = pipeline.unet.config.sample_size
    pictures = np.concatenate(
        [
            pipeline(
                batch_size=min(BATCH, options.count - i),
                num_inference_steps=options.steps,
                generator=torch.Generator().manual_seed(10_000 + i),
                output_type="np",
            ).images
            for i in range(0, options.count, BATCH)
        ]
    )
    pictures = (pictures * 255).round().astype(np.uint8).transpose(0, 3, 1, 2)
    base = os.path.join(options.data, "held-out")
    rows = np.load(base + "-rows.npy").astype(int)
    one = np.flatnonzero(rows[:, 0] == 1)[:400]
    renders = F.avg_pool2d(
        torch.from_numpy(np.load(base + "-pictures.npy", mmap_mode="r")[one]).float(), SIZE // side
    )
    renders = enlarge(renders.numpy())
    named = judging.name(judge, renders)
    # Sure enough is what all but 1 - SURE of the renders reach, shrunk in the same way.
    least = np.quantile(certainty(judge, renders), 1 - SURE)
    large = enlarge(pictures)
    found = certainty(judge, large) >= least
    rng = np.random.default_rng(SEED)
    tiles = renders.reshape(-1, 3, 4, SIZE // 4, 4, SIZE // 4).transpose(0, 2, 4, 1, 3, 5)
    tiles = rng.permuted(tiles.reshape(len(tiles), 16, -1), axis=1)
    mixed = tiles.reshape(-1, 4, 4, 3, SIZE // 4, SIZE // 4).transpose(0, 3, 1, 4, 2, 5)
    mixed = np.ascontiguousarray(mixed).reshape(renders.shape)
    of_samples = judging.name(judge, large)
    report = {
        "samples recognised as scenes": float(found.mean()),
        "least certainty that counts": float(least),
        "renders of this size named rightly": float(
            (named[:, :3] == rows[one][:, :3]).all(1).mean()
        ),
        "renders in 16 shuffled tiles recognised (should be few)": float(
            (certainty(judge, mixed) >= least).mean()
        ),
        "kinds of object among the samples, of 32": len(
            {tuple(row[1:3]) for row in of_samples[found]}
        ),
    }
    prompts = [f"{captions.COLOURS[row[2]]} {captions.SHAPES[row[1]]}" for row in of_samples]
    return report, large, prompts, found, None


TASKS = {"inpaint": inpaint, "depth2img": depth2img, "unconditional": unconditional}


def beside(before, pictures):
    """Each picture right of what it was made from."""
    return np.concatenate([before, pictures], 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--model", required=True)
    parser.add_argument("--judge", required=True)
    parser.add_argument("--judge-masks", help="checkpoint of judge_masks.py (depth2img)")
    parser.add_argument("--data", help="folder of make_data.py (unconditional)")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=198)
    parser.add_argument("--steps", type=int, help="default 20, unconditional 50")
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--strength", type=float, help="default 1 for inpaint, 0.8 for depth2img")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dif", help='draw with it as well (inpaint); such as "../../dev run dif"')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.makedirs(options.out, exist_ok=True)
    options.steps = options.steps or (50 if options.task == "unconditional" else 20)
    options.strength = options.strength or (0.8 if options.task == "depth2img" else 1.0)
    begin = time.time()
    report, pictures, prompts, right, before = TASKS[options.task](
        options, judging.load(options.judge)
    )
    setting = {name: getattr(options, name) for name in ("steps", "guidance", "strength", "count")}
    if options.task == "unconditional":
        setting = {name: setting[name] for name in ("steps", "count")}
    setting["seconds"] = round(time.time() - begin, 1)
    report = {"setting": setting, options.task: report}
    write_report(options.out, report)
    shown = pictures if before is None else beside(before, pictures)
    pick = np.linspace(0, len(shown) - 1, min(60, len(shown))).astype(int)
    contact_sheet(
        os.path.join(options.out, f"sheet-{options.task}.png"),
        shown[pick],
        [prompts[k] for k in pick],
        right[pick],
        columns=10 if before is None else 6,
    )
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
