# SPDX-License-Identifier: LGPL-3.0-or-later
"""Measure an exported model: 400 prompts that were held out, autoencoder, edges.

    python evaluate.py --model DIR --data DIR --judge judge.pt --out DIR

Writes report.json, report.md and contact sheets.  Weights are used in f32.
"""

import argparse
import json
import os
import random
import time

import numpy as np
import torch
from concurrent.futures import ThreadPoolExecutor
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    StableDiffusionPipeline,
)
from PIL import Image, ImageDraw

import captions
import common
import judge as judging
from render import render, scene_parameters

SCHEDULERS = {
    "dpm": DPMSolverMultistepScheduler,
    "ddim": DDIMScheduler,
    "euler": EulerDiscreteScheduler,
}
SEED = 4242
BATCH = 10


def test_prompts(count):
    """`count` scenes with one object and as many with two, all held out, and prompts.

    One-object prompts name everything, so that the named combination is one
    that was not trained on; two-object prompts use the grammar, always with
    both colours and a side.
    """
    rng, words = np.random.default_rng(SEED), random.Random(SEED)
    one = captions.sample_scenes(count, rng, two_share=0, want_held_out=True)
    two = captions.sample_scenes(count, rng, two_share=1, want_held_out=True)
    prompts = [captions.caption(row, words, full=True) for row in one]
    while len(prompts) < 2 * count:
        row = two[len(prompts) - count]
        text = captions.caption(row, words)
        sided = " left of " in text or " right of " in text
        if (
            sided
            and all(captions.COLOURS[row[k]] in text.replace("floor", "") for k in (2, 5))
            and both_coloured(text)
        ):
            prompts.append(text)
    return np.concatenate([one, two]), prompts


def both_coloured(text):
    """Whether each object of a caption has its colour named."""
    before = text.split()
    return all(
        before[k - 1] in captions.COLOURS for k, w in enumerate(before) if w in captions.SHAPES
    )


def draw(pipeline, prompts, options):
    """Pictures for the prompts, seed 10000 + number, uint8 [n,3,128,128]."""

    def part(first):
        texts = prompts[first : first + BATCH]
        seeds = [torch.Generator().manual_seed(10_000 + first + k) for k in range(len(texts))]
        local = StableDiffusionPipeline(**pipeline.components, requires_safety_checker=False)
        local.scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
        local.set_progress_bar_config(disable=True)
        return local(
            texts,
            num_inference_steps=options.steps,
            guidance_scale=options.guidance,
            height=128,
            width=128,
            generator=seeds,
            output_type="np",
        ).images

    with ThreadPoolExecutor(
        options.threads, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        pictures = np.concatenate(list(pool.map(part, range(0, len(prompts), BATCH))))
    return (pictures * 255).round().astype(np.uint8).transpose(0, 3, 1, 2)


def score(rows, prompts, found):
    """Shares that are right, and which pictures are."""
    same = found == rows
    one = rows[:, 0] == 1
    right = np.where(one, same[:, :3].all(1), same[:, [0, 1, 2, 4, 5]].all(1))
    swapped = ~one & (found[:, [1, 2, 4, 5]] == rows[:, [4, 5, 1, 2]]).all(1) & ~right
    has = {word: np.array([word in p for p in prompts]) for word in ("floor", "sky", "night")}
    sized = one & np.array([any(w in p for w in ("small", "large")) for p in prompts])
    result = {
        "one object: colour, shape, count": right[one].mean(),
        "one object: colour": same[one, 2].mean(),
        "one object: shape": same[one, 1].mean(),
        "two objects: everything and sides": right[~one].mean(),
        "two objects: sides swapped": swapped[~one].mean(),
        "two objects: count": same[~one, 0].mean(),
        "two objects: colours": same[~one][:, [2, 5]].mean(),
        "two objects: shapes": same[~one][:, [1, 4]].mean(),
        "size where named": same[sized, 3].mean(),
        "floor where named": same[has["floor"], 7].mean(),
        "sky where named": same[has["sky"], 8].mean(),
        "night where named": same[has["night"], 9].mean(),
    }
    return {k: float(v) for k, v in result.items()}, right


def gradient(pictures):
    """Size of the colour gradient (central differences) per pixel, [n,126,126]."""
    x = pictures.astype(np.float32) / 255
    gx = (x[:, :, 1:-1, 2:] - x[:, :, 1:-1, :-2]) / 2
    gy = (x[:, :, 2:, 1:-1] - x[:, :, :-2, 1:-1]) / 2
    return np.sqrt((gx**2 + gy**2).sum(1))


def edge_strength(pictures, counts):
    """Mean of each picture's `count` strongest gradients."""
    flat = np.sort(gradient(pictures).reshape(len(pictures), -1), 1)
    return np.array([row[-max(1, n) :].mean() for row, n in zip(flat, counts)])


def edges(rows, pictures, right):
    """Edge strength of generated pictures over that of renders of the same scenes.

    Renders tell how many pixels lie on objects' outlines; the same number of
    strongest gradients is taken from render and from picture.  Also the
    gradient exactly on the renders' outlines, to show that both agree.
    """
    rng = np.random.default_rng(SEED + 1)
    renders, on_outline, counts = [], [], []
    parameters = scene_parameters(rows, rng)
    for i in range(0, len(rows), 20):
        rgb, _, masks = render(parameters[i : i + 20])
        inside = masks.sum(1).numpy()[:, 1:-1, 1:-1]
        outline = (inside > 0.15) & (inside < 0.85)
        counts += list(outline.sum((1, 2)))
        slope = gradient(rgb.numpy())
        on_outline += [s[o].mean() for s, o in zip(slope, outline)]
        renders.append(rgb.numpy())
    ours = edge_strength(pictures, counts)
    theirs = edge_strength(np.concatenate(renders), counts)
    ratio = ours[right].sum() / theirs[right].sum()
    return {
        "ratio (strongest gradients)": float(ratio),
        "ratio, one object": float(ours[: len(rows) // 2].sum() / theirs[: len(rows) // 2].sum()),
        "ratio, two objects": float(ours[len(rows) // 2 :].sum() / theirs[len(rows) // 2 :].sum()),
        "renders, strongest gradients": float(theirs.mean()),
        "renders, on the masks' outlines": float(np.mean(on_outline)),
    }


@torch.no_grad()
def autoencoder(vae, folder, count=400):
    """PSNR and edge strength of held-out renders after encoding and decoding."""
    pictures = np.load(os.path.join(folder, "held-out-pictures.npy"), mmap_mode="r")[:count]
    values, back = [], []
    for i in range(0, len(pictures), 20):
        x = common.to_float(pictures[i : i + 20])
        y = vae.decode(vae.encode(x).latent_dist.mode()).sample.clamp(-1, 1)
        values.append(common.psnr(y - x))
        back.append(((y + 1) * 127.5).round().to(torch.uint8).numpy())
    back = np.concatenate(back)
    error = ((back.astype(np.float32) - pictures) ** 2).mean() / 255**2
    counts = [150] * len(back)
    return {
        "pictures": len(back),
        "PSNR, mean over pictures": float(np.mean(values)),
        "PSNR of the mean error": float(-10 * np.log10(error)),
        "edges after / before": float(
            edge_strength(back, counts).sum() / edge_strength(pictures, counts).sum()
        ),
    }


def contact_sheet(path, pictures, prompts, right, columns=10):
    """Pictures with their prompts; red where the judge disagrees."""
    w, h = pictures.shape[3] + 8, 172
    lines = (len(pictures) + columns - 1) // columns
    paper = Image.new("RGB", (columns * w, lines * h), "white")
    pen = ImageDraw.Draw(paper)
    for k, (picture, prompt) in enumerate(zip(pictures, prompts)):
        x, y = k % columns * w + 4, k // columns * h + 4
        paper.paste(Image.fromarray(picture.transpose(1, 2, 0)), (x, y))
        text = [""]
        for word in prompt.split():
            if len(text[-1]) + len(word) > 25:
                text.append("")
            text[-1] += word + " "
        pen.multiline_text(
            (x, y + 129),
            "\n".join(text[:3]),
            fill="black" if right[k] else "red",
            font_size=9,
            spacing=1,
        )
    paper.save(path)


def write_report(folder, report):
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file, indent=2)
        file.write("\n")
    with open(os.path.join(folder, "report.md"), "w", encoding="utf-8") as file:
        for part, values in report.items():
            file.write(f"\n**{part}**\n\n")
            for key, value in values.items():
                shown = f"{value:.4f}" if isinstance(value, float) else value
                file.write(f"- {key}: {shown}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--judge", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument(
        "--count", type=int, default=200, help="prompts with one object, and with two"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--scheduler", choices=SCHEDULERS, default="dpm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="prompts only, no autoencoder or edges"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.makedirs(options.out, exist_ok=True)
    pipeline = StableDiffusionPipeline.from_pretrained(options.model, torch_dtype=torch.float32)
    pipeline.scheduler = SCHEDULERS[options.scheduler].from_config(pipeline.scheduler.config)
    judge = judging.load(options.judge)
    rows, prompts = test_prompts(options.count)
    begin = time.time()
    pictures = draw(pipeline, prompts, options)
    drawn = time.time() - begin
    found = judging.name(judge, pictures)
    result, right = score(rows, prompts, found)
    setting = {
        "scheduler": options.scheduler,
        "steps": options.steps,
        "guidance": options.guidance,
        "prompts": len(prompts),
        "seconds": round(drawn, 1),
    }
    report = {"setting": setting, "prompts": result}
    if not options.quick:
        report["edges of generated pictures"] = edges(rows, pictures, right)
        report["autoencoder, held-out renders"] = autoencoder(pipeline.vae, options.data)
        report["judge, held-out renders"] = judging.accuracy(judge, options.data)
    write_report(options.out, report)
    half = options.count
    for name, first in (("one", 0), ("two", half)):
        pick = slice(first, first + min(80, half))
        contact_sheet(
            os.path.join(options.out, f"sheet-{name}.png"),
            pictures[pick],
            prompts[pick],
            right[pick],
        )
    print(json.dumps(report, indent=1))
    for k in np.flatnonzero(~right):
        print("miss:", prompts[k], "->", found[k].tolist())


if __name__ == "__main__":
    main()
