#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Is what bf16 does to a picture the dtype's own?

Random "loud" models (tools/fixtures/checkpoints.py), each with another scheduler, are drawn four
times: by diffusers in f32, by diffusers in bf16, and by dif in both.  Every bf16 picture is held
against the f32 picture of the same program.  diffusers keeps latents in the model's dtype; a third
run of it keeps them in f32, as dif does, with the networks alone in bf16.

    bench/bf16.py [--dif "./dev run dif"] [--models 80] [--only ddim,ddpm] [--wild] [--loud X]

Needs the packages of tools/fixtures/requirements.txt.  Times are of no interest here.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile

import diffusers
import numpy as np
import torch
import transformers
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools", "fixtures"))

import checkpoints  # noqa: E402
from golden import NEGATIVE, PROMPT, SCHEDULERS  # noqa: E402

SIZE = 64
STEPS = 8


def make_model(folder, base, seed, wild, loud):
    """One of the fixtures' layouts with other numbers in it, about as loud; a wild one's answer
    does not contain its input, so that latents and errors grow from step to step."""
    rng = np.random.default_rng(seed)
    checkpoints.SEEDS[base] = 100000 + seed
    checkpoints.LOUD[base] = {
        "unet.conv_out": loud * rng.uniform(0.4, 0.7),
        "vae.decoder.conv_out": rng.uniform(0.3, 0.5),
        "context": rng.uniform(3, 7),
        "echo": 0 if wild else -0.8 if base == "sd21" else 0.8,
    }
    os.makedirs(folder)
    checkpoints.WRITERS[base](folder)
    checkpoints.tidy(folder)


def whole_numbers():
    """Random numbers are drawn in f32 and then rounded: in bf16 torch draws others."""
    draw = torch.randn

    def randn(*a, dtype=None, **k):
        x = draw(*a, **k)
        return x if dtype is None else x.to(dtype)

    torch.randn = randn


def hook_unet(pipe):
    """The network in bf16 between latents that stay in f32."""
    forward = pipe.unet.forward

    def call(sample, t, encoder_hidden_states=None, return_dict=True, **more):
        out = forward(
            sample.bfloat16(),
            t,
            encoder_hidden_states=encoder_hidden_states.bfloat16(),
            return_dict=False,
            **more,
        )
        return (out[0].float(),)

    decode = pipe.vae.decode
    pipe.unet.forward = call
    pipe.vae.decode = lambda z, *a, **k: [x.float() for x in decode(z.bfloat16(), *a, **k)]


def by_diffusers(where, base, case, dtype, wide_latents):
    pipe = checkpoints.load(where, base, dtype)
    klass, overrides, eta = SCHEDULERS[case["scheduler"]]
    kind = getattr(diffusers, klass) if klass else type(pipe.scheduler)
    pipe.scheduler = kind.from_config(pipe.scheduler.config, **overrides)
    more = {}
    if wide_latents:
        embeds = pipe.encode_prompt(PROMPT, "cpu", 1, case["guidance"] > 1, NEGATIVE)
        more = {"prompt_embeds": embeds[0].float()}
        if embeds[1] is not None:
            more["negative_prompt_embeds"] = embeds[1].float()
        pipe.text_encoder.float()
        hook_unet(pipe)
        pipe.unet.float = pipe.vae.float = None
    else:
        more = {"prompt": PROMPT, "negative_prompt": NEGATIVE}
    with torch.no_grad():
        image = pipe(
            **more,
            width=SIZE,
            height=SIZE,
            num_inference_steps=STEPS,
            guidance_scale=case["guidance"],
            eta=eta,
            generator=torch.Generator("cpu").manual_seed(case["seed"]),
            output_type="np",
        ).images[0]
    return np.asarray(image, np.float32)


def by_dif(dif, folder, case, dtype, out):
    klass, overrides, eta = SCHEDULERS[case["scheduler"]]
    command = [*dif, "txt2img", "--model", folder, "--prompt", PROMPT]
    command += ["--negative-prompt", NEGATIVE, "--width", str(SIZE), "--height", str(SIZE)]
    command += ["--steps", str(STEPS), "--quiet"]
    command += ["--guidance-scale", str(case["guidance"]), "--seed", str(case["seed"])]
    command += ["--device", "cpu", "--dtype", dtype, "--eta", str(eta)]
    if klass:
        command += ["--scheduler", klass]
    for key, value in overrides.items():
        command += ["--scheduler-set", f"{key}={json.dumps(value).strip(chr(34))}"]
    dump = out + ".safetensors"
    subprocess.run([*command, "-o", out, "--dump", dump], check=True, stdout=subprocess.DEVNULL)
    return load_file(dump)["image"][0].permute(1, 2, 0).numpy()


def psnr(a, b):
    error = float(np.mean((np.clip(a, 0, 1) - np.clip(b, 0, 1)) ** 2))
    return 99.0 if error == 0 else -10 * np.log10(error)


def one(dif, where, i, base, scheduler, args):
    case = {"scheduler": scheduler, "guidance": 7.5 if i % 4 else 1.0, "seed": i}
    folder = f"{where}/models/{base}"
    make_model(folder, base, i, args.wild, args.loud)
    f32 = by_diffusers(where, base, case, torch.float32, False)
    ours = by_dif(dif, folder, case, "f32", f"{where}/f32.png")
    found = {
        "model": f"{base}-{i}",
        "guidance": case["guidance"],
        "scheduler": scheduler,
        "f32 max": float(np.abs(f32 - ours).max()),
        "dif": psnr(ours, by_dif(dif, folder, case, "bf16", f"{where}/bf16.png")),
        "torch": psnr(f32, by_diffusers(where, base, case, torch.bfloat16, False)),
        "torch, wide latents": psnr(f32, by_diffusers(where, base, case, torch.bfloat16, True)),
    }
    return found


COLUMNS = ("dif", "torch", "torch, wide latents")


def summary(rows):
    print(f"\n{'PSNR of bf16, dB':24}{'n':>4}" + "".join(f"{c:>22}" for c in COLUMNS))
    names = sorted({r["scheduler"] for r in rows})
    for name in names + [None]:
        some = [r for r in rows if name in (None, r["scheduler"])]
        line = f"{name or 'all':24}{len(some):4}"
        for c in COLUMNS:
            values = [r[c] for r in some]
            line += f"{np.median(values):12.1f} ({min(values):6.1f})"
        print(line)
    print("median, and the least in brackets")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    p.add_argument("--dif", default="dif", help="how to run it")
    p.add_argument("--models", type=int, default=80)
    p.add_argument("--only", help="schedulers, with commas between")
    p.add_argument("--wild", action="store_true", help="models that amplify errors")
    p.add_argument("--loud", type=float, default=1, help="factor of the U-Net's answer")
    p.add_argument("--json", help="where to write every picture's figures")
    args = p.parse_args()
    names = args.only.split(",") if args.only else list(SCHEDULERS)
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    whole_numbers()
    torch.set_num_threads(1)  # small models: threads would wait for each other
    rows = []
    for i in range(args.models):
        with tempfile.TemporaryDirectory() as where:
            base = checkpoints.NAMES[(i % len(names) + i // len(names)) % len(checkpoints.NAMES)]
            if names[i % len(names)] == "ddim-trailing":
                base = "sd21"  # a noise of nothing is no start for one that predicts epsilon
            dif, scheduler = shlex.split(args.dif), names[i % len(names)]
            rows.append(one(dif, where, i, base, scheduler, args))
        r = rows[-1]
        print(
            f"{r['model']:9} {r['scheduler']:16} {r['guidance']:4}  f32 {r['f32 max']:.1e}  "
            + "  ".join(f"{c} {r[c]:.1f}" for c in COLUMNS),
            flush=True,
        )
        if args.json:
            with open(args.json, "w", encoding="utf-8") as f:
                json.dump(rows, f, indent=1)
    summary(rows)


if __name__ == "__main__":
    main()
