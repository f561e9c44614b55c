# SPDX-License-Identifier: LGPL-3.0-or-later
"""Encode the training pictures once, with --mirror their mirror images too.

    python encode.py --data DIR --vae vae.pt --out-vae vae-ready.pt --out latents.npz

First the autoencoder gets latents with mean 0 and deviation 1 in each channel:
a shift and a scale that go into quant_conv and post_quant_conv, so that
nothing outside the autoencoder needs to know of them.  A folder as --vae is an
exported one, whose latents are so already.
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from diffusers import AutoencoderKL

import common
from train_vae import make_vae

MIRROR = np.array([0, 4, 5, 6, 1, 2, 3, 7, 8, 9])


@torch.no_grad()
def normalise(vae, pictures):
    """Fold the latents' mean and deviation into the two 1x1 convolutions."""
    latents = torch.cat(
        [
            vae.encode(common.to_float(pictures[i : i + 20])).latent_dist.mode()
            for i in range(0, len(pictures), 20)
        ]
    )
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    enter, leave = vae.quant_conv, vae.post_quant_conv
    enter.weight[:4] /= deviation[:, None, None, None]
    enter.bias[:4] = (enter.bias[:4] - mean) / deviation
    enter.bias[4:] -= 2 * torch.log(deviation)
    leave.bias += leave.weight[:, :, 0, 0] @ mean
    leave.weight *= deviation[None, :, None, None]
    return mean, deviation


def mirrored_rows(rows):
    """The scenes seen in a mirror: left and right objects change places."""
    return np.where(rows[:, :1] == 2, rows[:, MIRROR], rows)


def encode(vae, pictures, mirror, workers, batch=16):
    """Mean and deviation of the latents as f16 arrays; mirror images after the originals."""

    def part(i):
        x = common.to_float(pictures[i : i + batch])
        with torch.no_grad(), common.autocast():
            x = torch.stack([x, x.flip(-1)] if mirror else [x])
            moments = vae.quant_conv(vae.encoder(x.flatten(0, 1)).float()).float()
        mean, log_variance = moments.unflatten(0, x.shape[:2]).chunk(2, 2)
        if i % (100 * batch) == 0:
            print(f"{i} of {len(pictures)}", flush=True)
        return mean.half(), torch.exp(0.5 * log_variance.clamp(-20, 10)).half()

    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        parts = list(pool.map(part, range(0, len(pictures), batch)))
    return [torch.cat(column, 1).flatten(0, 1).numpy() for column in zip(*parts)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--vae", required=True)
    parser.add_argument("--out-vae", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=40000, help="pictures at most")
    parser.add_argument("--mirror", action="store_true", help="mirror images too")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base = os.path.join(options.data, "train")
    done = np.load(base + "-done.npy")
    pictures = np.load(base + "-pictures.npy", mmap_mode="r")
    count = int(done.argmin() if not done.all() else len(done)) * (len(pictures) // len(done))
    count = min(count, options.count)
    pictures, rows = pictures[:count], np.load(base + "-rows.npy")[:count]
    if os.path.isdir(options.vae):
        vae = AutoencoderKL.from_pretrained(options.vae, torch_dtype=torch.float32).eval()
    else:
        vae = make_vae().eval()
        vae.load_state_dict(torch.load(options.vae, weights_only=False)["average"])
        mean, deviation = normalise(vae, pictures[:300])
        print("latents were", mean.tolist(), deviation.tolist(), flush=True)
    torch.save({"average": vae.state_dict()}, options.out_vae)
    begin = time.time()
    means, deviations = encode(vae, pictures, options.mirror, options.threads)
    if options.mirror:
        rows = np.concatenate([rows, mirrored_rows(rows)])
    np.savez(options.out, mean=means, deviation=deviations, rows=rows)
    print(
        f"{len(rows)} latents in {time.time() - begin:.0f} s, deviation "
        f"{means.astype(np.float32).std((0, 2, 3))}, noise {deviations.astype(np.float32).mean((0, 2, 3))}"
    )


if __name__ == "__main__":
    main()
