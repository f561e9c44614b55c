# SPDX-License-Identifier: LGPL-3.0-or-later
"""Write the further models as diffusers folders in f16, beside the text model.

    python export_tasks.py inpaint --unet inpaint.pt --model ../../data/models/tiny-scenes --out DIR
    python export_tasks.py depth2img --unet depth2img.pt --depth depth.pt --model … --out DIR
    python export_tasks.py unconditional --unet unconditional.pt --out DIR

Autoencoder, text encoder and tokenizer are those of the text model that was
trained from (--model).  Files of theirs that a folder beside the new one holds
too, byte for byte, become links to it.
"""

import argparse
import filecmp
import json
import os
import shutil

import torch
from diffusers import DDIMPipeline, DDIMScheduler, DPMSolverMultistepScheduler
from safetensors.torch import load_file, save_file

import captions
import train_depth
import train_edit
import train_unconditional
from export import load_average, size_of, tidy_json

CLASSES = {
    "inpaint": "StableDiffusionInpaintPipeline",
    "depth2img": "StableDiffusionDepth2ImgPipeline",
}
SHARED = ("vae", "text_encoder", "tokenizer")
SETTINGS = {
    "inpaint": captions.settings({"steps": 20, "guidance-scale": 2}),
    "depth2img": captions.settings({"steps": 20, "guidance-scale": 2}),
    "unconditional": captions.settings({"steps": 50}, has_prompt=False),
}


def write_json(path, content):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")


def twin(source, part, file, folder):
    """Name of a folder beside `folder` that holds a file of the same bytes, or None."""
    above, own = os.path.split(os.path.abspath(folder))
    for name in sorted(os.listdir(above)):
        path = os.path.join(above, name, part, file)
        there = name != own and os.path.isfile(path) and not os.path.islink(path)
        if there and filecmp.cmp(source, path, shallow=False):
            return name
    return None


def share_parts(model, folder):
    """The text model's parts: links to the files of a folder beside, copies where there is none."""
    for part in SHARED:
        os.makedirs(os.path.join(folder, part), exist_ok=True)
        for file in sorted(os.listdir(os.path.join(model, part))):
            source, target = os.path.join(model, part, file), os.path.join(folder, part, file)
            if os.path.lexists(target):
                os.remove(target)
            name = twin(source, part, file, folder)
            if name:
                os.symlink(os.path.join("..", "..", name, part, file), target)
            else:
                shutil.copyfile(source, target)


def write_index(task, model, folder):
    """model_index.json: the text model's with another pipeline and the depth parts."""
    with open(os.path.join(model, "model_index.json"), encoding="utf-8") as file:
        index = json.load(file)
    index["_class_name"] = CLASSES[task]
    if task == "depth2img":
        for name in ("image_encoder", "requires_safety_checker", "safety_checker"):
            index.pop(name, None)
        index["depth_estimator"] = ["transformers", "DPTForDepthEstimation"]
        index["feature_extractor"] = ["transformers", "DPTImageProcessor"]
    write_json(os.path.join(folder, "model_index.json"), dict(sorted(index.items())))


def half(model):
    """In f16 and in plain memory order, as files are."""
    return model.to(dtype=torch.float16, memory_format=torch.contiguous_format)


def export_depth(path, folder):
    """Depth estimator and its processor."""
    model = half(load_average(train_depth.make_dpt(), path))
    target = os.path.join(folder, "depth_estimator")
    model.save_pretrained(target)
    weights = os.path.join(target, "model.safetensors")
    save_file(load_file(weights), weights, metadata={"format": "pt"})
    os.makedirs(os.path.join(folder, "feature_extractor"), exist_ok=True)
    write_json(
        os.path.join(folder, "feature_extractor", "preprocessor_config.json"),
        train_depth.PROCESSOR,
    )


def export_edit(options):
    unet = load_average(train_edit.make_unet(options.task, options.model), options.unet)
    half(unet).save_pretrained(os.path.join(options.out, "unet"))
    scheduler = DPMSolverMultistepScheduler.from_pretrained(options.model, subfolder="scheduler")
    scheduler.save_pretrained(os.path.join(options.out, "scheduler"))
    if options.task == "depth2img":
        export_depth(options.depth, options.out)
    write_index(options.task, options.model, options.out)


def export_unconditional(options):
    unet = load_average(train_unconditional.make_unet(), options.unet)
    pipeline = DDIMPipeline(unet=half(unet), scheduler=DDIMScheduler(**train_unconditional.NOISE))
    pipeline.save_pretrained(options.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("task", choices=SETTINGS)
    parser.add_argument("--unet", required=True, help="checkpoint of the task's trainer")
    parser.add_argument("--depth", help="checkpoint of train_depth.py (depth2img)")
    parser.add_argument("--model", help="text model that was trained from (inpaint, depth2img)")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    if options.task == "unconditional":
        export_unconditional(options)
    else:
        export_edit(options)
    write_json(os.path.join(options.out, "dif.json"), SETTINGS[options.task])
    tidy_json(options.out)
    if options.task != "unconditional":
        share_parts(options.model, options.out)
    own = 0
    for root, _, files in os.walk(options.out):
        for path in (os.path.join(root, name) for name in files):
            if not os.path.islink(path):
                os.chmod(path, 0o644)
                own += os.path.getsize(path)
    print(f"{options.out}: {size_of(options.out)} bytes, {own} of them its own")


if __name__ == "__main__":
    main()
