#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Times a denoising step and a decode of Stable Diffusion 1.5 with guidance in PyTorch and
OpenVINO beside `dif bench`, on the same machine, threads and sizes.

    ./dev run dif make-checkpoint --like sd15 random-sd15
    python3 bench/peers.py --dif ./dev random-sd15
    python3 bench/peers.py --dif BUNDLE/dif --device cuda --dtype f16 random-sd15

Needs torch and diffusers for PyTorch's rows, openvino for its own; what is absent is
left out by name.  All swing from run to run on a shared machine: compare minima of one
call of this script only.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import time


def have(*modules):
    return all(importlib.util.find_spec(module) for module in modules)


def minimum(function, repeats):
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def ours(options):
    command = [options.dif] + (["run", "dif"] if os.path.basename(options.dif) == "dev" else [])
    command += ["bench", "--model", options.model, "--device", options.device, "--dtype", options.dtype,
                "--width", str(options.size), "--height", str(options.size),
                "--steps", str(options.steps), "--json", "--quiet"]
    env = dict(os.environ, OMP_NUM_THREADS=str(options.threads))
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=env)
    said = json.loads(done.stdout)
    stages = said["stages"]
    share = stages["step"]["share_of_limit"]
    yield (f"dif ({100 * share:.0f} % of {2e-9 * said['limit_macs_per_second']:.0f} GFLOP/s)",
           stages["step"]["min_seconds"], stages["decode"]["min_seconds"])


def networks(options):
    """U-Net and decoder in channels-last, and their inputs for one picture with guidance."""
    import torch
    from diffusers import AutoencoderKL, UNet2DConditionModel

    torch.set_num_threads(options.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[options.dtype]
    layout = torch.channels_last
    unet = UNet2DConditionModel.from_pretrained(options.model, subfolder="unet", torch_dtype=dtype)
    vae = AutoencoderKL.from_pretrained(options.model, subfolder="vae", torch_dtype=dtype)
    side = options.size // 8
    latents = torch.randn(2, 4, side, side, dtype=dtype).to(memory_format=layout)
    text = torch.randn(2, 77, unet.config.cross_attention_dim, dtype=dtype)
    device = options.device
    return (unet.eval().to(device, memory_format=layout), vae.eval().to(device, memory_format=layout),
            latents.to(device), text.to(device))


def pytorch(options, compiled):
    import torch

    unet, vae, latents, text = networks(options)
    step = torch.compile(unet) if compiled else unet
    decode = torch.compile(vae.decode) if compiled else vae.decode

    def finished(function):
        """A card works behind the caller's back."""
        def whole():
            function()
            if options.device == "cuda":
                torch.cuda.synchronize()
        return whole

    with torch.inference_mode():
        yield (f"PyTorch {torch.__version__} {'torch.compile' if compiled else 'eager'}",
               minimum(finished(lambda: step(latents, 500, text)), options.steps),
               minimum(finished(lambda: decode(latents[:1])), options.steps))


def openvino(options):
    import openvino as ov
    import torch

    class Step(torch.nn.Module):
        def __init__(self, unet):
            super().__init__()
            self.unet = unet

        def forward(self, latents, timestep, text):
            return self.unet(latents, timestep, text, return_dict=False)[0]

    class Decode(torch.nn.Module):
        def __init__(self, vae):
            super().__init__()
            self.vae = vae

        def forward(self, latents):
            return self.vae.decode(latents, return_dict=False)[0]

    wanted, options.dtype = options.dtype, "f32"
    unet, vae, latents, text = networks(options)
    options.dtype = wanted
    core = ov.Core()
    config = {"INFERENCE_PRECISION_HINT": wanted, "INFERENCE_NUM_THREADS": options.threads}
    inputs = (latents.contiguous(), torch.tensor(500.0), text)
    times = []
    for module, example in ((Step(unet), inputs), (Decode(vae), (inputs[0][:1],))):
        with torch.no_grad():
            model = ov.convert_model(module, example_input=example,
                                     input=[x.shape for x in example])
        request = core.compile_model(model, "CPU", config).create_infer_request()
        arrays = [x.numpy() for x in example]
        times.append(minimum(lambda r=request, a=arrays: r.infer(a), options.steps))
        del model, request
    yield (f"OpenVINO {ov.__version__.split('-')[0]}", *times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("model", help="folder that `dif make-checkpoint --like sd15` made")
    parser.add_argument("--dif", default="dif", help="the program, or ./dev")
    parser.add_argument("--dtype", choices=("f32", "bf16", "f16"), default="bf16")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--size", type=int, default=512, help="side of the picture in pixels")
    parser.add_argument("--steps", type=int, default=5, help="repeats; the minimum counts")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--compile", action="store_true", help="torch.compile too (minutes)")
    options = parser.parse_args()
    options.model = os.path.abspath(options.model)

    print(f"Stable Diffusion 1.5, {options.size} x {options.size}, guidance, {options.dtype}, "
          f"{options.threads} threads, {options.device}; minima of {options.steps}")
    print(f"{'':44}{'step s':>8}{'decode s':>10}")
    rows = [ours]
    if have("torch", "diffusers"):
        rows += [lambda o: pytorch(o, False)] + [lambda o: pytorch(o, True)] * options.compile
    else:
        print("(no PyTorch here: torch or diffusers is not installed)")
    if options.device != "cpu":
        print("(no OpenVINO: it has no backend for this device)")
    elif have("openvino", "torch", "diffusers"):
        rows.append(openvino)
    else:
        print("(no OpenVINO here: openvino is not installed)")
    for row in rows:
        for name, step, decode in row(options):
            print(f"{name:44}{step:8.3f}{decode:10.3f}", flush=True)


if __name__ == "__main__":
    main()
