#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Missing, damaged and hostile models: one line that says what is wrong, no crash.

Arguments: path of dif, -Db_sanitize.
"""

import json
import os
import shutil
import struct
import sys

from harness import Safetensors, edit_json, flip_bits, main, write
from png import read_png, read_text

UNET = ("unet", "diffusion_pytorch_model.safetensors")


def attempt(bench, model, words, status=1):
    """Drawing must fail with this message; info must not crash."""
    bench.fails(status, words, "txt2img", "--model", model, "--prompt", "x", "--steps", "1", "-o",
                "never.png")
    assert not os.path.exists(bench.path("never.png"))
    result = bench.run("info", model)
    assert result.status in (0, 1), f"info: expected status 0 or 1: {result}"


def test_no_model_there(bench):
    attempt(bench, "no-such-model", ["no-such-model"])
    os.mkdir(bench.path("hollow"))
    attempt(bench, bench.path("hollow"), ["hollow", "model_index.json"])
    write(bench.path("note.txt"), b"not a model\n")
    attempt(bench, bench.path("note.txt"), ["note.txt"])
    attempt(bench, "/dev/null", ["/dev/null"])


def test_bundled_models_are_whole(bench):
    """In a folder of their own, as they are installed: links to each other's parts included."""
    source = os.path.join(os.environ["DIF_FIXTURES"], "..", "..", "data", "models")
    shutil.copytree(source, bench.path("bundled", "models"), symlinks=True)
    env = {**os.environ, "DIF_DATA_DIR": bench.path("bundled"), "XDG_DATA_HOME": bench.path("none")}
    total = 0
    for folder, _, names in os.walk(bench.path("bundled")):
        for name in names:
            path = os.path.join(folder, name)
            assert os.path.exists(path), f"{path}: expected a link to something"
            total += 0 if os.path.islink(path) else os.path.getsize(path)
    assert total <= 32 << 20, f"expected at most 32 MB of bundled models, found {total} bytes"
    scene = ("--image", bench.path("scene.png"), "--prompt", "a red cube")
    tasks = {"txt2img": ("--prompt", "a red cube"), "img2img": scene, "unconditional": (),
             "inpaint": (*scene, "--mask", bench.path("scene.png")), "depth2img": scene}
    for task, arguments in tasks.items():
        out = bench.path("scene.png" if task == "txt2img" else "out.png")
        bench.ok(task, *arguments, "--steps", "2", "--seed", "1", "--quiet", "-o", out, env=env)
        assert read_png(out)[2], f"{task}: expected a picture"


def test_a_model_says_what_it_knows(bench):
    """A demonstration must not pass for a painter who draws nonsense."""
    draw = ("txt2img", "--steps", "1", "--width", "64", "--height", "64", "-o", "said.png",
            "--prompt")
    said = bench.run(*draw, "a cat sitting in a garden")
    assert said.status == 0 and said.err.count("\n") == 1, said
    for words in ("tiny-scenes does not know: cat, sitting, in, garden", "small demonstration",
                  "dif pull"):
        assert words in said.err, said
    bench.ok(*draw, "a cat sitting in a garden", "--quiet")
    bench.ok(*draw, "a picture of a tiny RED cube left of a cone, at night")
    assert "small demonstration" in bench.ok("info", "tiny-scenes").out
    other = bench.ok("info", "--json", "tiny-scenes-unconditional")
    assert "dif pull" in json.loads(other.out)["about"]
    assert "about" not in json.loads(bench.ok("info", "--json", bench.model).out)


def test_defaults_of_a_model_are_checked(bench):
    model = bench.copy_model("presets")
    for text, words in (('{"steps": "20", "guidance-scale": 5}', ["steps", "expected a number"]),
                        ('{"steps": -1}', ["steps", "from 1 to 1000"]),
                        ('{"step": 5}', ["step:", "one of steps"]),
                        ('{"steps": 1e20}', ["steps", "from 1 to 1000"])):
        with open(os.path.join(model, "dif.json"), "w", encoding="utf-8") as file:
            file.write(text)
        bench.fails(1, ["dif.json", *words], "txt2img", "--model", model, "--prompt", "x", "-o",
                    "never.png")
        bench.fails(1, ["dif.json", *words], "info", model)



def test_broken_json(bench):
    for name in ("model_index.json", "unet/config.json", "vae/config.json",
                 "text_encoder/config.json", "scheduler/scheduler_config.json",
                 "tokenizer/vocab.json"):
        for data in (b"", b"{", b"[]", b"\xff\xfe{}", b'{"a": 1,}', b"nonsense", b"[" * 100_000,
                     b'{"x": 1e999}'):
            model = bench.copy_model()
            write(os.path.join(model, *name.split("/")), data)
            if data == b'{"x": 1e999}' and name.endswith("vocab.json"):
                continue
            attempt(bench, model, [os.path.basename(name) if data not in (b"[]",) else ""])


def test_wrongly_typed_configs(bench):
    cases = (
        ("unet", "block_out_channels", "wide"), ("unet", "block_out_channels", [32, -64]),
        ("unet", "block_out_channels", [32, 10**12]), ("unet", "block_out_channels", []),
        ("unet", "cross_attention_dim", "32"), ("unet", "cross_attention_dim", 48),
        ("unet", "down_block_types", ["CrossAttnDownBlock2D", "NoSuchBlock"]),
        ("unet", "norm_num_groups", 0), ("unet", "norm_num_groups", 7),
        ("unet", "attention_head_dim", 0), ("unet", "layers_per_block", 10**9),
        ("unet", "in_channels", 2**40), ("unet", "act_fn", "no-such-act"),
        ("unet", "sample_size", -8),
        ("vae", "latent_channels", 0), ("vae", "block_out_channels", {"a": 1}),
        ("vae", "up_block_types", ["NoSuchBlock"] * 4),
        ("text_encoder", "hidden_size", 33), ("text_encoder", "num_attention_heads", 0),
        ("text_encoder", "hidden_act", "no-such-act"), ("text_encoder", "vocab_size", 100),
        ("text_encoder", "num_hidden_layers", -1), ("text_encoder", "hidden_size", None),
    )
    for part, key, value in cases:
        model = bench.copy_model()
        edit_json(os.path.join(model, part, "config.json"), lambda json, k=key, v=value:
                  json.__setitem__(k, v))
        result = bench.run("txt2img", "--model", model, "--steps", "1", "-o", "never.png")
        assert result.status == 1, f"{part}: {key} = {value}: expected status 1: {result}"
        attempt(bench, model, [])


def test_unknown_classes(bench):
    for change, words in (
            (lambda i: i.__setitem__("_class_name", "NoSuchPipeline"), ["NoSuchPipeline"]),
            (lambda i: i.__setitem__("_class_name", 5), ["_class_name"]),
            (lambda i: i.__setitem__("unet", ["diffusers", "NoSuchModel"]),
             ["unet", "NoSuchModel"]),
            (lambda i: i.__setitem__("unet", "UNet2DConditionModel"), ["unet"]),
            (lambda i: i.pop("unet"), ["unet"]),
            (lambda i: i.__setitem__("vae", [None, None]), ["vae"]),
            (lambda i: i.__setitem__("scheduler", ["diffusers", "NoSuchScheduler"]),
             ["NoSuchScheduler"])):
        model = bench.copy_model()
        edit_json(os.path.join(model, "model_index.json"), change)
        attempt(bench, model, words)


def test_missing_files(bench):
    for name in ("unet/config.json", "/".join(UNET), "text_encoder/model.safetensors",
                 "tokenizer/vocab.json", "tokenizer/merges.txt", "scheduler/scheduler_config.json"):
        model = bench.copy_model()
        os.remove(os.path.join(model, *name.split("/")))
        attempt(bench, model, [name.split("/", maxsplit=1)[0]])
    model = bench.copy_model()
    shutil.rmtree(os.path.join(model, "vae"))
    attempt(bench, model, ["vae"])
    os.rename(os.path.join(bench.copy_model(), *UNET),
              os.path.join(bench.path("copy"), "unet", "diffusion_pytorch_model.bin"))
    attempt(bench, bench.path("copy"), ["unet"])


def test_cut_and_empty_weights(bench):
    size = os.path.getsize(os.path.join(bench.model, *UNET))
    for keep in (0, 4, 8, 100, 5000, size // 2, size - 1):
        path = os.path.join(bench.copy_model(), *UNET)
        os.truncate(path, keep)
        attempt(bench, bench.path("copy"), ["diffusion_pytorch_model.safetensors"])
    with open(os.path.join(bench.copy_model(), *UNET), "ab") as file:
        file.write(b"more")
    attempt(bench, bench.path("copy"), ["diffusion_pytorch_model.safetensors"])


def test_hostile_headers(bench):
    def entry(file, **changes):
        name = file.names()[0]
        file.header[name] = dict(file.header[name], **changes)

    def overlap(file):
        first, second = file.names()[:2]
        begin, end = file.header[first]["data_offsets"]
        size = file.header[second]["data_offsets"]
        file.header[second]["data_offsets"] = [begin, begin + size[1] - size[0]]
        assert end > begin

    for change in (lambda f: entry(f, dtype="F99"), lambda f: entry(f, dtype=5),
                   lambda f: entry(f, shape=[2**40, 2**40]), lambda f: entry(f, shape=[-1]),
                   lambda f: entry(f, shape=["x"]), lambda f: entry(f, shape=[1] * 100),
                   lambda f: entry(f, shape=[2**63, 2]), lambda f: entry(f, shape=None),
                   lambda f: entry(f, data_offsets=[0, 2**62]),
                   lambda f: entry(f, data_offsets=[10, 4]), lambda f: entry(f, data_offsets=[0]),
                   lambda f: entry(f, data_offsets=[-4, 0]), lambda f: entry(f, data_offsets="all"),
                   overlap):
        bench.copy_model()
        file = Safetensors(bench.path("copy", *UNET))
        change(file)
        file.write()
        attempt(bench, bench.path("copy"), ["diffusion_pytorch_model.safetensors"])
    for length in (0, 1, 2**31, 2**40, 2**63, 2**64 - 1):
        bench.copy_model()
        Safetensors(bench.path("copy", *UNET)).write(length=length)
        attempt(bench, bench.path("copy"), ["diffusion_pytorch_model.safetensors"])


def test_duplicate_names(bench):
    bench.copy_model()
    file = Safetensors(bench.path("copy", *UNET))
    one = '"conv_in.bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    file.data = b""
    file.write(header="{" + one + "," + one + "}")
    attempt(bench, bench.path("copy"), ["conv_in.bias"])


def test_a_missing_tensor_is_named(bench):
    bench.copy_model()
    file = Safetensors(bench.path("copy", *UNET))
    file.header["strange.weight"] = file.header.pop("conv_out.weight")
    file.write()
    attempt(bench, bench.path("copy"), ["conv_out.weight", "[4, 32, 3, 3]", "no such"])
    said = bench.run("info", bench.path("copy"))
    assert "conv_out.weight" in said.out and "strange.weight" in said.out, said


def test_a_wrong_shape_is_named_with_both(bench):
    bench.copy_model()
    file = Safetensors(bench.path("copy", *UNET))
    file.header["conv_out.weight"]["shape"] = [4, 16, 6, 3]
    file.write()
    attempt(bench, bench.path("copy"), ["conv_out.weight", "[4, 32, 3, 3]", "[4, 16, 6, 3]"])


def test_flipped_bits_in_headers(bench):
    with open(os.path.join(bench.model, *UNET), "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
    for seed in range(30):
        path = os.path.join(bench.copy_model(), *UNET)
        flip_bits(path, 1 + seed % 3, 0, 8 + length, seed)
        result = bench.run("txt2img", "--model", bench.path("copy"), "--steps", "1",
                           "-o", "flip.png")
        assert result.status in (0, 1), f"seed {seed}: {result}"
        assert (result.status == 0) == (result.err == ""), result
        assert result.err.count("\n") <= 1, result


def test_a_prediction_that_is_the_same_everywhere(bench):
    model = bench.copy_model("flat")
    path = os.path.join(model, "unet", "diffusion_pytorch_model.safetensors")
    file = Safetensors(path)
    for name in ("conv_out.weight", "conv_out.bias"):
        begin, end = file.header[name]["data_offsets"]
        file.data = file.data[:begin] + bytes(end - begin) + file.data[end:]
    file.write()
    # it has no deviation to be rescaled by
    bench.ok("txt2img", "--model", model, "--prompt", "x", "--steps", "2", "--width", "64",
             "--height", "64", "--guidance-rescale", "0.7", "-o", "flat.png")
    read_png(bench.path("flat.png"))


def test_weights_that_are_not_numbers(bench):
    """NaN and infinity in the weights draw something or fail, and never crash."""
    for value in (float("nan"), float("inf"), -3e38):
        for part, file_name in (UNET, ("vae", UNET[1]), ("text_encoder", "model.safetensors")):
            path = os.path.join(bench.copy_model(), part, file_name)
            file = Safetensors(path)
            file.data = struct.pack("<f", value) * (len(file.data) // 4)
            file.write()
            result = bench.run("txt2img", "--model", bench.path("copy"), "--steps", "2", "-o",
                               "odd.png", "--quiet")
            assert result.status in (0, 1), result
            assert result.err.count("\n") <= 1, result
            if result.status == 0:
                read_png(bench.path("odd.png"))


def test_parts_that_do_not_fit_each_other(bench):
    bench.ok("make-checkpoint", "--like", "tiny", "other")
    sharp = os.path.join(os.environ["DIF_FIXTURES"], "models", "odd")
    for part in ("text_encoder", "vae"):
        model = bench.copy_model()
        shutil.rmtree(os.path.join(model, part))
        shutil.copytree(os.path.join(sharp, part), os.path.join(model, part))
        result = bench.run("txt2img", "--model", model, "--steps", "1", "-o", "mixed.png")
        assert result.status in (0, 1) and result.err.count("\n") <= 1, result


def with_safety_checker(bench):
    """sd15 with a small safety checker, and the call whose pictures it judges no, yes, yes, no."""
    fixtures = os.environ["DIF_FIXTURES"]
    model = bench.path("checked")
    shutil.copytree(os.path.join(fixtures, "models", "sd15"), model)
    shutil.copytree(os.path.join(fixtures, "safety", "parts"), model, dirs_exist_ok=True)
    path = os.path.join(model, "model_index.json")
    with open(path, encoding="utf-8") as file:
        index = json.load(file)
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    with open(path, "w", encoding="utf-8") as file:
        json.dump(index, file)
    with open(os.path.join(fixtures, "safety", "cases.json"), encoding="utf-8") as file:
        drawn = json.load(file)["drawn"]
    return model, ("txt2img", "--model", model, "--prompt", drawn["prompt"], "--steps",
                   str(drawn["steps"]), "--seed", str(drawn["seed"]), "--num-images",
                   str(drawn["num_images"]), "--width", "64", "--height", "64")


def test_safety_checker(bench):
    model, draw = with_safety_checker(bench)
    info = bench.ok("info", model)
    assert "safety_checker: StableDiffusionSafetyChecker" in info.out, info
    result = bench.run(*draw, "-o", "marked.png")
    assert result.status == 0 and "picture 2 of 4" in result.err, result
    for number, flagged in enumerate((False, True, True, False), 1):
        recipe = read_text(bench.path(f"marked-{number}.png"))["dif-recipe"]
        assert json.loads(recipe)["nsfw"] is flagged, recipe
    bench.fails(1, ["picture 3 of 4 is withheld"], *draw, "--safety-checker", "block", "-o",
                "kept.png")
    kept = sorted(name for name in os.listdir(bench.folder) if name.startswith("kept"))
    assert kept == ["kept-1.png", "kept-4.png"], kept
    bench.ok(*draw, "--safety-checker", "off", "-o", "off.png")
    bench.fails(2, ["--safety-checker", "none in"], *bench.draw("-o", "x.png"),
                "--safety-checker", "block")


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")]))
