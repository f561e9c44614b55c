#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Commands, options, messages and exit statuses of `dif`.

Arguments: path of dif, -Db_sanitize, path of the man page.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import MODELS, PROGRAM, TASKS, Safetensors, Skip, main, write
from png import read_png, read_text, write_gray_png

MAN_PAGE = sys.argv[3]
COMMANDS = TASKS + ("info", "schedulers", "make-checkpoint", "bench", "engine")

# Each: what follows the arguments of a small picture, and words of the message.
WRONG_USAGE = (
    (["--frobnicate"], ["unknown option --frobnicate", "--help"]),
    (["--steps"], ["--steps", "expected N", "found nothing"]),
    (["--steps", "0"], ["--steps", "1 to 1000", '"0"', "dif txt2img --help"]),
    (["--steps", "-3"], ["--steps", '"-3"']),
    (["--steps=1.5"], ["--steps", '"1.5"']),
    (["--steps", "ten"], ["--steps", '"ten"']),
    (["--steps", ""], ["--steps", '""']),
    (["--steps", "99999999999999999999"], ["--steps"]),
    (["--width", "-64"], ["--width", '"-64"']),
    (["--width", "100"], ["--width", "multiple of 8", "100"]),
    (["--height", "7"], ["--height", '"7"']),
    (["--height", "1000000"], ["--height", '"1000000"']),
    (["--guidance-scale", "nan"], ["--guidance-scale", '"nan"']),
    (["--guidance-scale", "inf"], ["--guidance-scale", '"inf"']),
    (["--guidance-scale", "7,5"], ["--guidance-scale", '"7,5"']),
    (["--seed", "4294967296"], ["--seed"]),
    (["--seed", "-2"], ["--seed"]),
    (["--num-images", "0"], ["--num-images"]),
    (["--eta", "2"], ["--eta"]),
    (["--dtype", "f64"], ["--dtype", "auto, f32", '"f64"']),
    (["--generator", "numpy"], ["--generator", "torch-cpu"]),
    (["--scheduler-set", "steps_offset"], ["--scheduler-set", "KEY=VALUE"]),
    (["--scheduler-set", "no_such_key=1"], ["--scheduler-set", "no_such_key"]),
    (["--prompt", b"\xff\xfe"], ["--prompt", "UTF-8"]),
    (["stray"], ['unexpected argument "stray"']),
    (["--quiet=yes"], ["--quiet", "no value"]),
    (["-o", "out.jpg"], ["--output", ".png", "out.jpg"]),
    (["--dump", "out.bin"], ["--dump", ".safetensors"]),
)

FAILURES = (
    (["--scheduler", "nope"], ["nope", "euler"]),
    (["--device", "abacus"], ["abacus", "cpu"]),
    (["-o", "nowhere/out.png"], ["nowhere", "No such file"]),
    (["-o", "model/model_index.json/out.png"], ["model_index.json"]),
    (["-o", "folder.png"], ["folder.png", "directory"]),
    (["--dump", "nowhere/out.safetensors"], ["nowhere", "No such file"]),
)


def test_wrong_usage_is_status_2_and_one_line(bench):
    for args, words in WRONG_USAGE:
        bench.fails(2, words, *bench.draw("-o", "never.png", *args))
    assert not os.path.exists(bench.path("never.png"))


def test_failures_are_status_1_and_one_line(bench):
    os.makedirs(bench.path("folder.png"), exist_ok=True)
    for args, words in FAILURES:
        result = bench.run(*bench.draw("-o", "never.png", *args))
        assert result.status in (1, 2), f"expected status 1 or 2: {result}"
        bench.fails(result.status, words, *bench.draw("-o", "never.png", *args))
    assert not os.path.exists(bench.path("never.png"))


def test_commands_must_make_sense(bench):
    bench.fails(2, ["expected a command"])
    bench.fails(2, ['unknown command "paint"'], "paint")
    bench.fails(2, ['unknown command "--paint"'], "--paint")
    bench.fails(2, ["--output", "found nothing"], "txt2img", "--prompt", "x")
    bench.fails(2, ["too few arguments"], "make-checkpoint")
    bench.fails(2, ["unexpected argument"], "info", "a", "b")
    bench.fails(2, ["--like", "sd15", "sd99"], "make-checkpoint", "--like", "sd99", "x")
    bench.fails(2, ["--dtype", "i64"], "make-checkpoint", "--dtype", "i64", "x")
    bench.fails(2, ["--seed", "minus"], "make-checkpoint", "--seed", "minus", "x")
    bench.fails(2, ["--repeat"], "bench", "--repeat", "0")
    bench.fails(2, ["--steps"], "bench", "--steps", "0")
    bench.fails(2, ["--steps"], "txt2img", "--output", "a.png", "--steps")


def test_version(bench):
    assert re.fullmatch(r"dif \d+\.\d+\.\d+\n", bench.ok("--version").out)


def test_help_fits_and_covers_every_option(bench):
    assert bench.ok("--help").out == bench.ok("-h").out == bench.ok("help").out
    overview = bench.ok("--help").out
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", overview, re.M), name
        text = bench.ok(name, "--help").out
        assert text == bench.ok("help", name).out, name
        assert text.startswith(f"Usage: dif {name} "), name
        assert "Example:" in text or "Examples:" in text, name
        too_long = [line for line in text.splitlines() if len(line) > 80]
        assert not too_long, too_long
    text = bench.ok("txt2img", "--help").out
    for option in ("prompt", "negative-prompt", "model", "steps", "guidance-scale", "seed", "width",
                   "height", "num-images", "scheduler", "scheduler-set", "eta", "clip-skip",
                   "guidance-rescale", "device", "dtype", "generator", "dump", "quiet", "output"):
        assert re.search(rf"^  (-., )?--{option}\b", text, re.M), option


def test_man_page_covers_every_option(bench):
    with open(MAN_PAGE, encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    drawing = page.partition("\n.SS dif txt2img")[2].partition("\n.SS dif ")[0]
    for name in COMMANDS:
        section = page.partition(f"\n.SS dif {name}")[2].partition("\n.SS dif ")[0]
        section = section.partition("\n.SH")[0]
        assert section, f"no section about {name}"
        section += drawing if name in TASKS else ""
        for option in re.findall(r"^  (?:-., )?--([\w-]+)", bench.ok(name, "--help").out, re.M):
            assert f"--{option}" in section or option == "help", f"{name}: --{option}"


def test_man_page_is_well_formed(bench):
    checker = shutil.which("mandoc")
    if checker:
        command = [checker, "-T", "lint", "-W", "warning", MAN_PAGE]
    elif shutil.which("groff"):
        command = ["groff", "-man", "-Tutf8", "-ww", "-z", MAN_PAGE]
    else:
        raise Skip("neither mandoc nor groff here")
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and not done.stdout, done.stdout.decode()


def test_schedulers(bench):
    lines = bench.ok("schedulers").out.splitlines()
    names = dict(line.split() for line in lines)
    assert names["EulerDiscreteScheduler"] == "euler"
    assert len(names) >= 9
    verbose = bench.ok("schedulers", "--verbose").out
    assert re.search(r"^    num_train_timesteps +1000$", verbose, re.M)
    for long, short in names.items():
        bench.ok(*bench.draw("--scheduler", short, "-o", "short.png", "--quiet"))
        bench.ok(*bench.draw("--scheduler", long, "-o", "long.png", "--quiet"))
        assert read_png(bench.path("short.png")) == read_png(bench.path("long.png")), long


def test_a_picture_and_its_recipe(bench):
    said = bench.ok(*bench.draw("--negative-prompt", "blue", "--width", "72", "--height", "64",
                                "--scheduler", "euler", "--scheduler-set", "use_karras_sigmas=true",
                                "--scheduler-set", "timestep_spacing=trailing", "-o", "first.png"))
    assert said.out == "first.png: 72x64, seed 7\n", said
    assert read_png(bench.path("first.png"))[:2] == (72, 64)
    texts = read_text(bench.path("first.png"))
    assert set(texts) >= {"Software", "parameters", "dif-recipe"}, texts
    assert texts["parameters"].startswith("a red cube\nNegative prompt: blue\nSteps: 2, "), texts
    assert "Seed: 7" in texts["parameters"] and "Size: 72x64" in texts["parameters"], texts
    recipe = json.loads(texts["dif-recipe"])
    args = []
    options = re.findall(r"^  (?:-., )?--([\w-]+)", bench.ok("txt2img", "--help").out, re.M)
    for key, value in recipe.items():
        if key == "scheduler-set":
            values = value if isinstance(value, list) else value.split("\n")
            args += [part for setting in values for part in ("--scheduler-set", setting)]
        elif key == "model":
            assert value == os.path.basename(bench.model), recipe
            args += ["--model", bench.model]
        elif key in options:
            args += [f"--{key}", f"{value:g}" if isinstance(value, float) else str(value)]
    bench.ok("txt2img", *args, "-o", "again.png")
    assert read_png(bench.path("first.png")) == read_png(bench.path("again.png")), \
        "expected the recipe to draw the same picture again"
    assert json.loads(read_text(bench.path("again.png"))["dif-recipe"]) == recipe


def test_what_is_computed_where_is_told(bench):
    """Any machine has a CPU that computes in f32; what `auto` takes the recipe says."""
    for device, dtype in (("cpu", "f32"), ("ref", "f32"), ("auto", "auto")):
        bench.ok(*bench.draw("--device", device, "--dtype", dtype, "-o", "told.png"))
        recipe = json.loads(read_text(bench.path("told.png"))["dif-recipe"])
        assert device in (recipe["device"], "auto"), recipe
        assert dtype in (recipe["dtype"], "auto") and recipe["dtype"] != "auto", recipe
        assert recipe["device"] != "auto", recipe


def test_a_recipe_names_and_says_no_path(bench):
    """What others see of a picture, and need for it."""
    lora = bench.path("ink.safetensors")
    shutil.copy(os.path.join(os.path.dirname(MODELS), "adapters", "peft.safetensors"), lora)
    bench.ok("txt2img", "--model", os.path.join(MODELS, "sd15"), "--prompt", "a red cube",
             "--steps", "1", "--width", "64", "--height", "64", "--seed", "1", "--clip-skip", "1",
             "--lora", lora + ":0.5", "-o", "named.png")
    texts = read_text(bench.path("named.png"))
    recipe = json.loads(texts["dif-recipe"])
    assert recipe["model"] == "sd15" and recipe["lora"] == "ink:0.5", recipe
    assert len(recipe["lora-fingerprints"]) == len(recipe["model-fingerprint"]) == 64, recipe
    with open(bench.path("named.png"), "rb") as file:
        data = file.read()
    for path in (bench.path(""), MODELS):
        assert path.encode() not in data, path
    assert "Clip skip: 2, Lora: ink:0.5, Size: 64x64, Model: sd15" in texts["parameters"], texts


def test_prompts_of_any_kind(bench):
    for prompt in ("", " ", "é ü 漢字 🎨", "a" * 100_000, "word " * 20_000, "<|endoftext|>",
                   "line\nbreak\ttab", "\x01\x02"):
        result = bench.run(*bench.draw("--prompt", prompt, "-o", "any.png", "--quiet"))
        assert result.status == 0 and not result.err, result
        recipe = json.loads(read_text(bench.path("any.png"))["dif-recipe"])
        assert recipe["prompt"] == prompt


def test_a_cut_prompt_warns_unless_quiet(bench):
    result = bench.run(*bench.draw("--prompt", "word " * 200, "-o", "cut.png"))
    assert result.status == 0 and result.err.startswith("dif: ") and "prompt" in result.err, result
    assert result.err.count("\n") == 1, result
    quiet = bench.ok(*bench.draw("--prompt", "word " * 200, "-o", "cut.png", "--quiet"))
    assert not quiet.out, quiet


def test_a_picture_to_start_from(bench):
    bench.ok(*bench.draw("--width", "80", "-o", "start.png"))
    args = ("img2img", "--model", bench.model, "--prompt", "x", "--steps", "4", "--seed", "1")
    bench.ok(*args, "--image", "start.png", "--strength", "0.5", "-o", "anew.png")
    assert read_png(bench.path("anew.png"))[:2] == (80, 64)
    write(bench.path("broken.png"), b"\x89PNG\r\n\x1a\nnothing")
    bench.fails(2, ["--image", "found nothing"], *args, "-o", "never.png")
    bench.fails(1, ["no-such.png"], *args, "--image", "no-such.png", "-o", "never.png")
    bench.fails(1, ["broken.png"], *args, "--image", "broken.png", "-o", "never.png")


def test_depth(bench):
    bench.ok("make-checkpoint", "--like", "tiny-depth", "depth")
    bench.ok(*bench.draw("--width", "80", "-o", "near.png"))
    args = ("depth2img", "--model", "./depth", "--prompt", "x", "--steps", "3", "--seed", "1",
            "--image", "near.png")
    bench.ok(*args, "-o", "estimated.png")
    bench.ok(*args, "--depth", "estimated.png", "-o", "given.png")
    assert read_png(bench.path("estimated.png"))[:2] == (80, 64)
    # a depth image of another size is resized; one of a single gray is flat, not NaN
    bench.ok(*args, "--width", "64", "--height", "64", "--depth", "near.png", "-o", "other.png")
    write_gray_png(bench.path("flat.png"), 3, 5, 128)
    bench.ok(*args, "--depth", "flat.png", "-o", "even.png")
    write(bench.path("broken.png"), b"\x89PNG\r\n\x1a\nnothing")
    bench.fails(1, ["broken.png"], *args, "--depth", "broken.png", "-o", "never.png")
    bench.fails(1, ["no-such.png"], *args, "--depth", "no-such.png", "-o", "never.png")
    # a model of one kind asked for a task of another
    bench.fails(2, ["txt2img needs another kind of model", "made for depth2img"], "txt2img", "--model", "./depth", "--prompt",
                "x", "-o", "never.png")
    bench.fails(2, ["depth2img needs another kind of model", "made for txt2img"], "depth2img", "--model", bench.model,
                "--prompt", "x", "--image", "near.png", "-o", "never.png")
    text = bench.ok("info", "./depth").out
    assert "depth_estimator: DPTForDepthEstimation" in text and "pictures of 64x64" in text, text


def test_depth_without_estimator(bench):
    bench.ok("make-checkpoint", "--like", "tiny-depth", "blind")
    with open(bench.path("blind", "model_index.json"), encoding="utf-8") as file:
        index = json.load(file)
    index["depth_estimator"] = index["feature_extractor"] = [None, None]
    write(bench.path("blind", "model_index.json"), json.dumps(index).encode())
    bench.ok(*bench.draw("-o", "seen.png"))
    args = ("depth2img", "--model", "./blind", "--prompt", "x", "--steps", "2", "--image",
            "seen.png")
    bench.ok(*args, "--depth", "seen.png", "-o", "drawn.png")
    bench.fails(2, ["--depth", "depth_estimator", "found none"], *args, "-o", "never.png")


def test_only_around_the_mask(bench):
    bench.ok(*bench.draw("--width", "80", "-o", "whole.png"))
    write_gray_png(bench.path("black.png"), 80, 64, 0)
    write_gray_png(bench.path("white.png"), 80, 64, 255)
    write_gray_png(bench.path("small.png"), 40, 32, 255)
    args = ("inpaint", "--model", bench.model, "--prompt", "x", "--steps", "2", "--image",
            "whole.png", "--padding-mask-crop", "4", "--width", "32", "--height", "32")
    bench.ok(*args, "--mask", "white.png", "-o", "put-back.png")
    assert read_png(bench.path("put-back.png"))[:2] == (80, 64)
    bench.fails(2, ["--mask", "80 x 64", "40 x 32"], *args, "--mask", "small.png", "-o", "no.png")
    bench.fails(2, ["--mask", "black"], *args, "--mask", "black.png", "-o", "no.png")


def test_several_pictures_are_numbered(bench):
    bench.ok(*bench.draw("--num-images", "2", "-o", "many.png"))
    assert not os.path.exists(bench.path("many.png"))
    one, two = (read_png(bench.path(f"many-{i}.png")) for i in (1, 2))
    assert one != two
    index = json.loads(read_text(bench.path("many-2.png"))["dif-recipe"])["index"]
    assert index == 1


def test_a_new_seed_each_time_is_told(bench):
    args = ("txt2img", "--model", bench.model, "--steps", "1", "-o", "seed.png")
    seeds = {re.search(r"seed (\d+)", bench.ok(*args).out)[1] for _ in range(3)}
    assert len(seeds) == 3
    recipe = json.loads(read_text(bench.path("seed.png"))["dif-recipe"])
    assert str(int(recipe["seed"])) in seeds


def test_dump_holds_the_named_tensors(bench):
    bench.ok(*bench.draw("--num-images", "2", "--dump", "d.safetensors", "-o", "dumped.png"))
    dump = Safetensors(bench.path("d.safetensors"))
    wanted = {"prompt_embeds", "negative_prompt_embeds", "initial_latents", "noise_pred.0",
              "noise_pred.1", "latents.0", "latents.1", "image"}
    assert wanted <= set(dump.names()), dump.names()
    assert {entry["dtype"] for entry in dump.header.values() if "dtype" in entry} == {"F32"}
    assert dump.header["image"]["shape"] == [2, 3, 64, 64], dump.header["image"]
    assert dump.header["initial_latents"]["shape"] == [2, 4, 8, 8]
    assert dump.header["noise_pred.0"]["shape"] == [4, 4, 8, 8]
    pixels = dump.floats("image")
    assert min(pixels) >= 0 and max(pixels) <= 1
    _, _, samples = read_png(bench.path("dumped-1.png"))
    for c in range(3):
        for at in range(64 * 64):
            assert abs(pixels[c * 64 * 64 + at] * 255 - samples[at * 3 + c]) <= 0.501, (c, at)
    bench.ok(*bench.draw("--dump", "only.safetensors"))


def test_help_of_a_model_shows_what_it_has(bench):
    bench.ok("make-checkpoint", "--like", "tiny-xl", "its-rows")
    of_all = bench.ok("txt2img", "--help").out
    assert re.search(r"^Of models of the family SDXL", of_all, re.M)
    of_xl = bench.ok("txt2img", "--help", "--model", "./its-rows").out
    assert of_xl == bench.ok("txt2img", "--help", "./its-rows").out
    of_sd = bench.ok("txt2img", "--help", "--model", bench.model).out
    for option in ("--prompt-2 ", "--crop-left ", "--denoising-end "):
        assert option in of_all and option in of_xl and option not in of_sd
    assert "--negative-prompt " in of_sd and "of the family" not in of_sd
    bench.fails(1, ["no-such-model"], "txt2img", "--help", "--model", "./no-such-model")
    bench.fails(2, ["--prompt-2", "SDXL"], *bench.draw("-o", "never.png", "--prompt-2", "x"))


def test_preview_is_what_is_coming(bench):
    bench.ok(*bench.draw("-o", "without.png"))
    bench.ok(*bench.draw("-o", "with.png", "--preview", "coming.png"))
    assert read_png(bench.path("coming.png"))[:2] == (8, 8)
    assert read_png(bench.path("with.png")) == read_png(bench.path("without.png"))
    bench.ok(*bench.draw("--num-images", "2", "-o", "two.png", "--preview", "coming.png"))
    assert read_png(bench.path("coming.png"))[:2] == (8, 16)
    bench.fails(2, ["--preview", ".png"], *bench.draw("-o", "out.png", "--preview", "coming.jpg"))


def test_random_checkpoints(bench):
    for name, args in (("a", ["--seed", "3"]), ("b", ["--seed=3"]), ("c", ["--seed", "4"]),
                       ("d", ["--seed", "3", "--dtype", "bf16"])):
        bench.ok("make-checkpoint", "--like", "tiny", *args, name)
    weights = os.path.join("unet", "diffusion_pytorch_model.safetensors")
    data = {}
    for name in "abcd":
        with open(bench.path(name, weights), "rb") as file:
            data[name] = file.read()
    assert data["a"] == data["b"] and data["a"] != data["c"] and data["a"] != data["d"]
    bench.ok("info", "./d")
    for args in (["--like", "tiny-xl"], ["--like", "tiny-xl", "--dtype", "f32"]):
        bench.ok("make-checkpoint", *args, "xl" + args[-1])
    said = json.loads(bench.ok("info", "--json", "./xltiny-xl").out)
    assert said["pipeline"] == "StableDiffusionXLPipeline"
    assert all(part["used"] for part in said["parts"].values()), said["parts"].keys()
    assert said["parts"]["text_encoder_2"]["class"] == "CLIPTextModelWithProjection"
    read_png_of(bench, "xlf32")
    bench.fails(1, ["a", "not empty"], "make-checkpoint", "--like", "tiny", bench.path("a"))
    bench.fails(1, ["nowhere"], "make-checkpoint", "--like", "tiny", "nowhere/model")
    write(bench.path("plain-file"), b"")
    bench.fails(1, ["plain-file"], "make-checkpoint", "--like", "tiny", "plain-file")
    os.mkdir(bench.path("empty"))
    bench.ok("make-checkpoint", "--like", "tiny", "empty")
    _, _, samples = read_png_of(bench, "a")
    mean = sum(samples) / len(samples)
    deviation = (sum((s - mean) ** 2 for s in samples) / len(samples)) ** 0.5
    extreme = sum(s <= 5 or s >= 250 for s in samples) / len(samples)
    assert deviation > 12 and extreme < 0.1, (mean, deviation, extreme)


def read_png_of(bench, model):
    bench.ok("txt2img", "--model", bench.path(model), "--prompt", "a red cube", "--seed", "1",
             "--steps", "4", "-o", "made.png")
    return read_png(bench.path("made.png"))


def test_info(bench):
    said = json.loads(bench.ok("info", "--json", bench.model).out)
    assert said["pipeline"] == "StableDiffusionPipeline"
    assert said["parts"]["unet"]["config"]["cross_attention_dim"] == 32
    assert said["memory"]["f32"] == 4 * said["parameters"] == 2 * said["memory"]["bf16"]
    counted = sum(part["parameters"] for part in said["parts"].values())
    assert counted == said["parameters"] > 0
    text = bench.ok("info", bench.model).out
    for word in ("UNet2DConditionModel", "CLIPTextModel", "PNDMScheduler", "parameters"):
        assert word in text, word
    assert '"down_block_types"' in bench.ok("info", "--verbose", bench.model).out
    for name in sorted(os.listdir(MODELS)):  # the others are single networks, with more below
        if os.path.exists(os.path.join(MODELS, name, "model_index.json")):
            bench.ok("info", os.path.join(MODELS, name))


def test_bench(bench):
    args = ("bench", "--model", bench.model, "--steps", "2", "--device", "cpu", "--dtype", "f32")
    text = bench.ok(*args).out
    for word in ("limit", "% of copy", "step", "decode", "conv3x3", "memory"):
        assert word in text, text
    said = json.loads(bench.ok(*args, "--repeat", "2", "--json").out)
    step = said["stages"]["step"]
    assert step["runs"] == 4 and step["macs"] > 0 and step["min_seconds"] > 0, step
    assert step["min_seconds"] <= step["median_seconds"]
    assert said["limit_macs_per_second"] > 0 and said["limit_bytes_per_second"] > 1e8
    assert "linear" in step["ops"]
    words = ["device", "expected a single one to measure, found 2 (cuda:0,cuda:1)"]
    bench.fails(2, words, "bench", "--model", bench.model, "--device", "cuda:0,cuda:1")
    # every device of a list would load the model once more
    for many in ("cpu,cpu", ",".join(["cpu"] * 1000)):
        bench.fails(1, ["device: expected several only as different cards"],
                    *bench.draw("--device", many, "-o", "many.png"))


def test_auto_says_what_it_takes(bench):
    told = json.loads(bench.ok("info", "--json", bench.model).out)["auto"]
    assert told["why"] and told["dtype"] in ("f32", "bf16", "f16"), told
    line = f"auto computes on {told['device']} in {told['dtype']}: "
    assert line in bench.ok("info", bench.model).out
    text = bench.ok("bench", "--model", bench.model, "--steps", "1").out
    assert f"auto computes in {told['dtype']}: " in text, text
    # that there is no NVIDIA driver is no news to who asked for no card
    assert "found none" not in text, text
    # in a cache folder that cannot be written the answer is the same, and no complaint
    nowhere = dict(os.environ, XDG_CACHE_HOME="/proc/none")
    result = bench.ok("info", "--json", bench.model, env=nowhere)
    assert json.loads(result.out)["auto"]["device"] == told["device"] and not result.err
    asked = bench.ok("bench", "--model", bench.model, "--steps", "1", "--dtype", "f32").out
    assert "auto computes" not in asked, asked


def test_an_image_without_room_is_named(bench):
    write_gray_png(bench.path("dot.png"), 1, 1, 90)
    write_gray_png(bench.path("line.png"), 64, 7, 90)
    args = ("img2img", "--model", bench.model, "--prompt", "x", "-o", "dot-out.png", "--image")
    bench.fails(2, ["--image: expected at least 8 x 8 pixels, found 1 x 1"], *args, "dot.png")
    bench.fails(2, ["--image: expected at least 8 x 8 pixels, found 64 x 7"], *args, "line.png")
    bench.fails(2, ["--height: expected a whole number from 8 to 8192"], *args, "dot.png", "--width",
                "64", "--height", "4")


def test_engine(bench):
    program = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "engine", "dif-engine")
    os.mkdir(bench.path("runtime"), 0o700)
    env = dict(os.environ, XDG_RUNTIME_DIR=bench.path("runtime"), DIF_ENGINE_MEMORY="3G")
    bench.fails(1, ["engine: expected one that is running, found none"], "engine", "status", env=env)
    bench.ok("engine", "unload", env=env)
    assert bench.ok("engine", "stop", env=env).out == "no engine was running\n"
    said = json.loads(bench.ok("engine", "stop", "--json", env=env).out)
    assert said == {"ended": "none"}, said
    bench.fails(2, ["expected status, unload or stop", "dance"], "engine", "dance", env=env)
    bench.fails(2, [], "engine", env=env)
    with subprocess.Popen([program], env=env) as process:
        end = time.monotonic() + 60
        while bench.run("engine", "status", env=env).status and time.monotonic() < end:
            time.sleep(0.05)
        said = json.loads(bench.ok("engine", "status", "--json", env=env).out)
        assert said["pid"] == process.pid and said["models"] == [] and said["model"] is None, said
        assert said["memory_budget"] == 3 << 30, said
        text = bench.ok("engine", "status", env=env).out
        assert f"process {process.pid}, " in text and "models loaded: 0, " in text, text
        assert "unloaded 0 models" in bench.ok("engine", "unload", env=env).out
        assert bench.ok("engine", "stop", env=env).out == "stopped\n"
        assert process.wait(timeout=60) == 0
    with subprocess.Popen([program], env=env) as process:
        end = time.monotonic() + 60
        while bench.run("engine", "status", env=env).status and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGSTOP)
        said = bench.ok("engine", "stop", env=env).out
        assert said == f"process {process.pid} did not answer: terminated\n", said
        assert process.wait(timeout=60) == 0


def test_numbers_do_not_depend_on_the_locale(bench):
    bench.ok(*bench.draw("--guidance-scale", "2.5", "-o", "c.png"))
    comma = dict(os.environ, LC_ALL="de_DE.UTF-8")
    bench.ok(*bench.draw("--guidance-scale", "2.5", "-o", "de.png"), env=comma)
    with open(bench.path("c.png"), "rb") as one, open(bench.path("de.png"), "rb") as two:
        assert one.read() == two.read()


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")]))
