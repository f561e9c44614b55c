# SPDX-License-Identifier: LGPL-3.0-or-later
"""Single files, vocabularies, LoRAs and embeddings on the command line."""

import json
import os
import shutil
import struct
import sys

from harness import MODELS, Safetensors, main, write

FIXTURES = os.path.dirname(MODELS)
LORA = os.path.join(FIXTURES, "adapters", "kohya.safetensors")
WORD = os.path.join(FIXTURES, "adapters", "sphere.safetensors")
SETTINGS = {
    "unet": {"norm_num_groups": 8},
    "vae": {"norm_num_groups": 8},
    "text_encoder": {"num_attention_heads": 4},
    "steps": 2,
}
OLD = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}


def tensors(path):
    """{canonical name: (dtype, shape, bytes)} of a part of models/sd15."""
    file = Safetensors(path)
    out = {}
    for name in file.names():
        entry = file.header[name]
        begin, end = entry["data_offsets"]
        new = name
        for old, now in OLD.items():
            new = new.replace(f".attentions.0.{old}.", f".attentions.0.{now}.")
        out[new] = (entry["dtype"], entry["shape"], file.data[begin:end])
    return out


def single_file(path):
    """models/sd15 as one file, by the list that diffusers' loader was tried with."""
    folder = os.path.join(MODELS, "sd15")
    diffusers = "diffusion_pytorch_model.safetensors"
    parts = {
        "unet": tensors(os.path.join(folder, "unet", diffusers)),
        "vae": tensors(os.path.join(folder, "vae", diffusers)),
        "text_encoder": tensors(os.path.join(folder, "text_encoder", "model.safetensors")),
    }
    with open(os.path.join(FIXTURES, "singles", "sd15.json"), encoding="utf-8") as file:
        rows = json.load(file)["tensors"]
    header, data = {}, b""
    for name, operation, part, *names in rows:
        dtype, shape, _ = parts[part][names[0]]
        shape = shape + [1, 1] if operation == "convolution" and len(shape) == 2 else shape
        raw = b"".join(parts[part][n][2] for n in names)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data + raw)]}
        data += raw
    text = json.dumps(header).encode()
    write(path, struct.pack("<Q", len(text)) + text + data)
    write(path.replace(".safetensors", ".dif.json"), json.dumps(SETTINGS).encode())


def environment(bench):
    return {**os.environ, "XDG_DATA_HOME": bench.path("data"), "OMP_NUM_THREADS": "1"}


def picture(bench, *args):
    """The bytes of a picture drawn with these options."""
    out = bench.path("picture.png")
    bench.ok("txt2img", "--prompt", "a red <sphere>", "--width", "64", "--height", "64", "--seed",
             "7", "--steps", "2", "-o", out, "--quiet", *args, env=environment(bench))
    with open(out, "rb") as file:
        data = file.read()
    # the recipe names the model; what is drawn comes behind it
    return data[data.index(b"IDAT"):]


def test_a_file_without_vocabulary_says_how_to_get_one(bench):
    os.makedirs(bench.path("data", "gimp-diffusion", "models"))
    single_file(bench.path("data", "gimp-diffusion", "models", "one.safetensors"))
    bench.fails(1, ["one.safetensors: expected CLIP's vocabulary of 844 words",
                    "dif import-tokenizer FILE"],
                "txt2img", "--model", "one", "--prompt", "x", "-o", "never.png",
                env=environment(bench))
    assert not os.path.exists(bench.path("never.png"))


def test_import_tokenizer(bench):
    clip = bench.path("data", "gimp-diffusion", "tokenizers", "clip")
    bench.fails(1, ["note.txt"], "import-tokenizer", "note.txt", env=environment(bench))
    bench.fails(2, ["FILE"], "import-tokenizer", env=environment(bench))
    assert not os.path.exists(os.path.dirname(clip))
    result = bench.ok("import-tokenizer", os.path.join(MODELS, "sd21"), env=environment(bench))
    assert result.out == f"{clip}: 844 words\n", result
    assert sorted(os.listdir(clip)) == ["merges.txt", "vocab.json"]
    assert os.listdir(os.path.dirname(clip)) == ["clip"]


def test_a_single_file_draws_what_its_folder_draws(bench):
    by_name = picture(bench, "--model", "one")
    path = bench.path("data", "gimp-diffusion", "models", "one.safetensors")
    assert by_name == picture(bench, "--model", path)
    assert by_name == picture(bench, "--model", os.path.join(MODELS, "sd15"))


def test_info_tells_what_a_file_is(bench):
    result = bench.ok("info", "one", env=environment(bench))
    for words in ("one.safetensors: StableDiffusionPipeline (Stable Diffusion 1.x)",
                  "tokenizer: CLIPTokenizer (844 tokens", "unet: UNet2DConditionModel"):
        assert words in result.out, result
    for words in ("missing", "wrong shape", "nothing asks for", "unusable"):
        assert words not in result.out, result
    result = bench.ok("info", LORA)
    assert "kohya.safetensors: LoRA for" in result.out and "rank 4, times 0.5\n" in result.out, result
    result = bench.ok("info", WORD)
    assert "the word <sphere>, 3 vectors of 32 numbers" in result.out, result


def test_adapters_change_the_picture(bench):
    model = os.path.join(MODELS, "sd15")
    plain = picture(bench, "--model", model)
    loras = bench.path("data", "gimp-diffusion", "loras")
    os.makedirs(loras)
    shutil.copy(LORA, os.path.join(loras, "style.safetensors"))
    with_lora = picture(bench, "--model", model, "--lora", LORA + ":0.5")
    assert with_lora != plain
    assert with_lora == picture(bench, "--model", model, "--lora", "style:0.5")
    assert plain == picture(bench, "--model", model, "--lora", "style:0")
    assert plain != picture(bench, "--model", model, "--embedding", WORD)
    assert with_lora == picture(bench, "--model", "one", "--lora", "style:0.5")


def refuses(bench, words, *args):
    bench.fails(1, words, "txt2img", "--prompt", "x", "--steps", "1", "-o", "never.png", *args,
                env=environment(bench))
    assert not os.path.exists(bench.path("never.png"))


def test_files_that_do_not_fit_are_refused(bench):
    other = os.path.join(MODELS, "odd")
    refuses(bench, ["--lora: ", LORA, "expected a LoRA for this model, found one for"],
            "--model", other, "--lora", LORA)
    refuses(bench, ["--embedding: ", WORD, "expected vectors of 20 numbers", "found 32"],
            "--model", other, "--embedding", WORD)
    refuses(bench, ["--lora: ", "found an embedding"], "--lora", WORD)
    refuses(bench, ["--embedding: ", "found a LoRA"], "--embedding", LORA)
    refuses(bench, ["--lora: no-such-lora: expected a file, or the name of one in"],
            "--lora", "no-such-lora")
    bench.fails(2, ["--lora: expected FILE or FILE:WEIGHT with a number"], "txt2img", "--prompt", "x",
                "-o", "never.png", "--lora", LORA + ":much")
    refuses(bench, [LORA, "expected a checkpoint of Stable Diffusion", "found a LoRA"],
            "--model", LORA)
    write(bench.path("old.ckpt"), b"\x80\x02}q\x01")
    refuses(bench, ["old.ckpt", "pickled checkpoint, which may hold code"],
            "--model", bench.path("old.ckpt"))


def test_cut_files_are_refused(bench):
    whole = bench.path("data", "gimp-diffusion", "models", "one.safetensors")
    with open(whole, "rb") as file:
        data = file.read()
    for length in (0, 7, 100, len(data) // 2, len(data) - 1):
        write(bench.path("cut.safetensors"), data[:length])
        refuses(bench, ["cut.safetensors"], "--model", bench.path("cut.safetensors"))


def handing_on(name):
    """The arguments of a case of families/cases.json, but for its task."""
    with open(os.path.join(FIXTURES, "families", "cases.json"), encoding="utf-8") as file:
        case = next(c for c in json.load(file)["cases"] if c["name"] == name)
    names = ("prompt", "negative_prompt", "width", "height", "steps", "seed", "denoising_start",
             "denoising_end")
    words = [w for n in names if case.get(n) is not None
             for w in ("--" + n.replace("_", "-"), str(case[n]))]
    return ["--model", os.path.join(MODELS, case["model"]), "--device", "cpu", "--dtype", "f32",
            *words]


def test_a_base_model_hands_its_latents_to_a_refiner(bench):
    """As diffusers' ensemble of expert denoisers draws it."""
    base, name = bench.path("base.safetensors"), "img2img__refiner__own-after"
    bench.ok("txt2img", *handing_on("txt2img__sdxl__own-end"), "--dump", base)
    bench.ok("img2img", *handing_on(name), "--latents", "base.safetensors", "--dump",
             bench.path("refined.safetensors"))
    image = Safetensors(bench.path("refined.safetensors"))
    golden = Safetensors(os.path.join(FIXTURES, "families", name + ".safetensors"))
    _, planes, height, width = image.header["image"]["shape"]
    values = image.floats("image")
    rows = [values[(c * height + y) * width:(c * height + y + 1) * width]
            for c in range(planes) for y in range(0, height, 3)]
    found, expected = [v for row in rows for v in row], golden.floats("image.rows3")
    assert len(found) == len(expected)
    worst = max(abs(a - b) for a, b in zip(found, expected))
    assert worst < 5e-4, worst


def test_img2img_wants_a_picture_or_latents(bench):
    bench.fails(2, ["--image: expected FILE, found nothing"], "img2img", "--model", bench.model,
                "-o", "never.png")
    bench.fails(2, ["--image: expected FILE, found nothing"], "img2img", "--model", bench.model,
                "--latents", "", "-o", "never.png")
    bench.fails(1, ["--latents: no.safetensors"], "img2img", "--model", bench.model, "--latents",
                "no.safetensors", "-o", "never.png")
    bench.fails(2, ["--latents"], "depth2img", "--latents", "x.safetensors", "-o", "never.png")


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")]))
