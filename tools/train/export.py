# SPDX-License-Identifier: LGPL-3.0-or-later
"""Write the trained parts as a diffusers folder in f16.

python export.py --vae vae-ready.pt --unet unet.pt --tokenizer DIR --out DIR
"""

import argparse
import json
import os

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from transformers import CLIPTokenizer

import captions
from train_unet import NOISE, make_model
from train_vae import make_vae

PREFIX = "text_model."


def load_average(model, path):
    """The averaged weights of a checkpoint (buffers stay as they are)."""
    weights = torch.load(path, weights_only=False)["average"]
    missing, unknown = model.load_state_dict(weights, strict=False)
    trained = dict(model.named_parameters())
    assert not unknown and not any(name in trained for name in missing), (missing, unknown)
    return model.eval()


def publish_names(folder):
    """Text encoder tensors under the names of published checkpoints."""
    path = os.path.join(folder, "text_encoder", "model.safetensors")
    tensors = {
        name if name.startswith(PREFIX) else PREFIX + name: value.contiguous()
        for name, value in load_file(path).items()
        if not name.endswith("position_ids")
    }
    save_file(tensors, path, metadata={"format": "pt"})


def tidy_json(folder):
    """Drop where the files came from, and values that JSON has no number for (defaults anyway)."""
    for root, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(root, name)
            if name not in ("config.json", "model_index.json", "scheduler_config.json"):
                continue
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            content = {
                key: value
                for key, value in content.items()
                if key != "_name_or_path" and value not in (float("inf"), float("-inf"))
            }
            with open(path, "w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")


def size_of(folder):
    return sum(
        os.path.getsize(os.path.join(root, name))
        for root, _, files in os.walk(folder)
        for name in files
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--vae", required=True)
    parser.add_argument("--unet", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    tokenizer = CLIPTokenizer.from_pretrained(options.tokenizer)
    model = load_average(make_model(tokenizer), options.unet)
    vae = load_average(make_vae(), options.vae)
    scheduler = DPMSolverMultistepScheduler(**NOISE)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=model.text,
        tokenizer=tokenizer,
        unet=model.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(dtype=torch.float16).save_pretrained(options.out, safe_serialization=True)
    for name in os.listdir(options.tokenizer):
        with open(os.path.join(options.tokenizer, name), "rb") as source, open(
            os.path.join(options.out, "tokenizer", name), "wb"
        ) as target:
            target.write(source.read())
    with open(os.path.join(options.out, "dif.json"), "w", encoding="utf-8") as file:
        json.dump(captions.settings({"steps": 20, "guidance-scale": 2}), file, indent=2)
        file.write("\n")
    publish_names(options.out)
    tidy_json(options.out)
    total = size_of(options.out)
    print(f"{options.out}: {total} bytes ({total / 1e6:.2f} MB)")
    assert total <= 12_000_000


if __name__ == "__main__":
    main()
