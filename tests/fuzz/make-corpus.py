#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Writes the corpora of the fuzz targets: small files, good and bad in every way known.

    python3 tests/fuzz/make-corpus.py

writes tests/fuzz/corpus/TARGET/NAME; the same bytes every time.  Files found by a fuzzer
(named found-...) are left alone.  An input of several files has a line ==LETTER before
each; the letters are in the target's table of files.
"""

import base64
import json
import os
import random
import struct
import zlib

import tokens_corpus

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def write(target, name, data):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def parts(**sections):
    """Sections by letter; a letter that is no name (1, 2) is given as _1, _2."""
    out = b""
    for letter, data in sections.items():
        if out and not out.endswith(b"\n"):
            out += b"\n"
        out += b"==" + letter[-1].encode() + b"\n"
        out += data if isinstance(data, bytes) else data.encode()
    return out


# ---- json ----

def make_json():
    good = {
        "values": '{"a": [1, -2.5e-3, true, false, null, "x\\u00e9\\n\\ud83d\\ude00"], '
                  '"b": {"c": {}}}',
        "python-floats": '{"lambda_min_clipped": -Infinity, "b": Infinity, "c": NaN}',
        "numbers": "[0, -0, 0.0, 1e2, 1E+2, 1e-300, 9007199254740993, 1e308, "
                   "123456789012345678901234567890]",
        "nested": "[" * 100 + "]" * 100,
        "wide": dump({f"key{i}": i for i in range(40)}),
        "spaces": " \t\r\n[ 1 , 2 ] \n",
        "mark": b"\xef\xbb\xbf{}",
        "escapes": '["\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"]',
        "empty-key": '{"": {"": []}}',
    }
    bad = {
        "deep": "[" * 200,
        "duplicate": '{"a": 1, "b": 2, "a": 3}',
        "duplicate-escaped": '{"a": 1, "\\u0061": 2}',
        "trailing": "{} {}",
        "cut": '{"a": [1, 2',
        "comma": "[1,]",
        "no-utf8": b'"\xff"',
        "overlong": b'"\xc0\xaf"',
        "surrogate": '"\\ud800"',
        "nul": b'"a\0b"',
        "nul-escaped": '"\\u0000"',
        "control": '"a\nb"',
        "huge-number": "1e999",
        "long-number": "1" * 70,
        "leading-zero": "[01]",
        "word": "[nulL]",
        "empty": "",
    }
    for name, data in {**{f"good-{k}": v for k, v in good.items()},
                       **{f"bad-{k}": v for k, v in bad.items()}}.items():
        write("json", name + ".json", data)


# ---- safetensors ----

def tensors(header, data=b"", length=None):
    text = dump(header) if isinstance(header, dict) else header
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def make_safetensors():
    f32 = entry("F32", [2, 1, 1, 1], 0, 8)
    eight = bytes(range(8))
    files = {
        "good-one": tensors({"a": f32}, eight),
        "good-metadata": tensors({"__metadata__": {"format": "pt"}, "a": f32}, eight),
        "good-order": tensors({"b": entry("F16", [2], 8, 12), "a": f32}, eight + b"abcd"),
        "good-empty": tensors("{}"),
        "good-padded": tensors(dump({"a": f32}) + "      ", eight),
        "good-scalar": tensors({"a": entry("I64", [], 0, 8)}, eight),
        "good-zero": tensors({"a": entry("F32", [0, 4], 0, 0), "b": f32}, eight),
        "good-unreadable": tensors({"even": entry("F64", [2], 0, 16)}, bytes(16)),
        "good-skipped": tensors({"even": entry("F8_E4M3", [8], 0, 8)}, eight),
        "bad-five-dims": tensors({"a": entry("F32", [1, 1, 2, 1, 1], 0, 8)}, eight),
        "bad-nothing": b"",
        "bad-short": b"\x01\x02",
        "bad-length": tensors({"a": f32}, eight, length=2 ** 63),
        "bad-length-beyond": tensors({"a": f32}, eight, length=1000),
        "bad-length-short": tensors({"a": f32}, eight, length=10),
        "bad-overlap": tensors({"a": f32, "b": f32}, eight),
        "bad-overlap-part": tensors({"a": f32, "b": entry("F32", [1], 4, 8)}, eight),
        "bad-hole": tensors({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 8, 12)},
                            bytes(12)),
        "bad-beyond": tensors({"a": entry("F32", [4], 0, 16)}, eight),
        "bad-left-over": tensors({"a": f32}, eight + b"x"),
        "bad-backwards": tensors({"a": entry("F32", [2], 8, 0)}, eight),
        "bad-size": tensors({"a": entry("F32", [3], 0, 8)}, eight),
        "bad-overflow": tensors({"a": entry("F32", [2 ** 32, 2 ** 32], 0, 8)}, eight),
        "bad-overflow-to-8": tensors({"a": entry("F32", [2 ** 31, 2 ** 31, 2], 0, 8)}, eight),
        "bad-offset-overflow": tensors('{"a":{"dtype":"F32","shape":[2],'
                                       '"data_offsets":[18446744073709551608,0]}}', eight),
        "bad-negative": tensors({"a": entry("F32", [-2], 0, 8)}, eight),
        "bad-fraction": tensors({"a": entry("F32", [2.5], 0, 10)}, bytes(10)),
        "bad-dtype": tensors({"a": entry("F33", [2], 0, 8)}, eight),
        "bad-dtype-number": tensors({"a": entry(32, [2], 0, 8)}, eight),
        "bad-bits": tensors({"a": entry("F4", [3], 0, 2)}, b"ab"),
        "bad-duplicate": tensors('{"a":%s,"a":%s}' % (dump(f32), dump(entry("F32", [0], 8, 8))),
                                 eight),
        "bad-metadata": tensors({"__metadata__": {"a": [1]}, "a": f32}, eight),
        "bad-root": tensors("[]"),
        "bad-entry": tensors({"a": None}),
        "bad-offsets": tensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4, 8]}},
                               eight),
        "bad-no-shape": tensors({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, eight),
        "bad-utf8": tensors(b'{"\xff": 1}'),
    }
    for name, data in files.items():
        write("safetensors", name + ".safetensors", data)
    return files


# ---- frame ----

def frame(header, payload=b"", n_header=None, n_payload=None):
    text = header if isinstance(header, bytes) else dump(header).encode()
    return struct.pack("<IQ", len(text) if n_header is None else n_header,
                       len(payload) if n_payload is None else n_payload) + text + payload


def input_frame(width, height, channels, form, payload, **more):
    return frame({"type": "input", "name": "image", "width": width, "height": height,
                  "channels": channels, "format": form, **more}, payload)


def make_frames():
    eight = bytes(range(8))
    floats = struct.pack("<4f", 0.25, float("nan"), -1, 2)
    run = {"type": "run", "request": {"task": "img2img", "strength": 0.5, "prompt": "a"}}
    files = {
        "good-hello": frame({"type": "hello", "protocol": 2, "version": "0.1.0"}),
        "good-several": frame({"type": "ping"}) + input_frame(2, 2, 2, "u8", eight) + frame(run),
        "good-u8-gray": input_frame(8, 1, 1, "u8", eight),
        "good-u8-rgba": input_frame(1, 2, 4, "u8", eight),
        "good-f32-gray": input_frame(2, 2, 1, "f32", floats),
        "good-f32-rgba": input_frame(1, 1, 4, "f32", floats),
        "good-f32-rgb": input_frame(1, 1, 3, "f32", floats[:12]),
        "good-progress": frame({"type": "progress", "stage": "denoise", "step": 1, "n_steps": 2,
                                "fraction": 0.5, "seconds_left": 1.5}),
        "good-error": frame({"type": "error", "domain": "g-io-error-quark", "code": 1,
                             "message": "no"}),
        "good-plane": frame({"type": "plane", "name": "depth", "width": 4, "height": 2,
                             "channels": 1, "format": "u8"}, eight),
        "bad-format": input_frame(8, 1, 1, "u16", eight),
        "bad-size": input_frame(3, 3, 1, "u8", eight),
        "bad-channels": input_frame(1, 1, 8, "u8", eight),
        "bad-huge": input_frame(2 ** 31, 2 ** 31, 4, "f32", eight),
        "bad-types": input_frame("8", [1], {}, None, eight),
        "bad-request": frame({"type": "run", "request": {"task": "img2img", "strength": "x"}}),
        "bad-request-type": frame({"type": "run", "request": [1, 2]}),
        "bad-header-length": frame({"type": "ping"}, n_header=2 ** 32 - 1),
        "bad-payload-length": frame({"type": "ping"}, n_payload=2 ** 64 - 1),
        "bad-cut": input_frame(8, 1, 1, "u8", eight)[:-3],
        "bad-array": frame(b"[]"),
        "bad-nothing": b"",
    }
    for name, data in files.items():
        write("frame", name, data)


# ---- tokenizer ----

VOCAB = ["<|endoftext|>", "<|startoftext|>", "!", "a", "b", "c", "a</w>", "b</w>", "c</w>",
         "ab", "ab</w>", "abc</w>"]
MERGES = ["a b", "a b</w>", "ab c</w>"]


def make_tokenizer():
    vocab = {word: i for i, word in enumerate(VOCAB)}
    model = {"type": "BPE", "unk_token": "<|endoftext|>", "vocab": vocab,
             "merges": [m.split() for m in MERGES]}
    added = [{"id": 0, "content": "<|endoftext|>", "special": True, "normalized": False},
             {"id": 12, "content": "<new>", "special": False, "lstrip": False}]
    whole = dump({"version": "1.0", "added_tokens": added, "model": model})
    lines = "#version: 0.2\n" + "\n".join(MERGES) + "\n"
    config = {"model_max_length": 9, "pad_token": "!",
              "bos_token": {"__type": "AddedToken", "normalized": True,
                            "content": "<|startoftext|>"}}
    folders = {
        "tokenizer-json": parts(t=whole, p="abc <new> <|EndOfText|> !"),
        "vocab-merges": parts(v=dump(vocab), m=lines, c=dump(config),
                              s=dump({"pad_token": "c"}), p="abc a!c"),
        "added": parts(v=dump(vocab), m=lines, a=dump({"<x>": 12, "Y y": 13}), p="<x>a y Y <X>"),
        "decoder": parts(v=dump(vocab), m=lines, p="a<q>!",
                         c=dump({"added_tokens_decoder": {"12": added[1], "0": added[0]},
                                 "pad_token": "a"})),
        "strings": parts(t=dump({"model": {**model, "merges": MERGES}}), p="abcabcabc"),
        "no-limit": parts(t=whole, c='{"model_max_length": 1000000000000000019884624838656}'),
        "no-merges": parts(v=dump(vocab), m="", p="abc"),
        "bad-merges-nul": parts(v=dump(vocab), m="a b\0"),
        "bad-merge": parts(v=dump(vocab), m="a x\n"),
        "bad-merge-words": parts(v=dump(vocab), m="a b c\n"),
        "bad-vocab": parts(v='{"a": -1}', m=lines),
        "bad-vocab-huge": parts(v='{"a": 1e15}', m=lines),
        "bad-no-unknown": parts(v='{"a": 1}', m=""),
        "bad-no-merges": parts(v=dump(vocab)),
        "bad-model": parts(t='{"model": {"type": "Unigram", "vocab": []}}'),
        "bad-model-type": parts(t='{"model": 5, "added_tokens": {"a": 1}}'),
        "bad-length": parts(t=whole, c='{"model_max_length": NaN}'),
        "bad-special": parts(t=whole, s='{"pad_token": {"content": "", "rstrip": true}}'),
        "bad-decoder": parts(t=whole, c='{"added_tokens_decoder": {"-1": {"content": 5}}}'),
        "bad-nothing": parts(p="a"),
    }
    prompts = {
        "words": "a photo of an astronaut, don't you think? it's 1999 <|endoftext|> ab!ab",
        "marks": "e\u0301 a\u0323\u0302 \u1112\u1161\u11ab \u0344\u0958 a"
                 + "\u0323\u0301" * 20,
        "case": "\u0130\u03a3\u1e9e\u2160\u24b6\ua7cb\U00010d50",
        "spaces": " \u00a0\u3000\t\u2028a\u200b\u0085",
        "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
        "east": "\u6771\u4eac\u3068 \ud55c\uad6d\uc5b4",
        "nul": b"a\0b",
        "invalid": b"a\xff\xc3",
        "run": "ab" * 200,
        "specials": "<|endoftext|><|STARTOFTEXT|>!<|endoftext",
        "empty": "",
    }
    for name, data in folders.items():
        write("tokenizer", "folder-" + name, data)
    for name, data in prompts.items():
        write("tokenizer", "prompt-" + name, data)


# ---- prompt-weights ----


def make_prompt_weights():
    prompts = {
        "plain": "a red cube beside a blue sphere, night",
        "round": "a (red) cube",
        "number": "a (red cube:1.3), (night : -.5 )",
        "square": "[a [red] cube]",
        "nested": "(a [red (cube:1.2)] sphere:1.4) ground",
        "crossed": "(a [b) c] d",
        "open": "((a [b (c",
        "closed": "a) b] c)",
        "escapes": "\\(a\\) \\[b\\] \\: \\\\ \\x \\",
        "no-number": "(a:b) (4:3) (1.2.3:1.2.3) (a:) (a:+) (:2)",
        "large": "((a:900):900)",
        "deep": "([" * 150 + "a" + "])" * 150,
        "empty": "",
        "empties": "()[]()(())[[]](:1.5)",
        "unicode": "\u00e9(\u6771:1.2)\u4eac",
        "invalid": b"(\xff:1.2)\xc3",
    }
    for name, data in prompts.items():
        write("prompt-weights", name, data)


# ---- checkpoint-config ----

UNET = {
    "_class_name": "UNet2DConditionModel",
    "act_fn": "silu",
    "attention_head_dim": [2, 4],
    "block_out_channels": [8, 16],
    "center_input_sample": False,
    "cross_attention_dim": 12,
    "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"],
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 1,
    "norm_eps": 1e-5,
    "norm_num_groups": 4,
    "out_channels": 4,
    "sample_size": 8,
    "use_linear_projection": True,
}
VAE = {
    "_class_name": "AutoencoderKL",
    "act_fn": "silu",
    "block_out_channels": [8, 16],
    "in_channels": 3,
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "up_block_types": ["UpDecoderBlock2D"] * 2,
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "out_channels": 3,
    "sample_size": 16,
    "scaling_factor": 0.18215,
}
ADDED = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 56,
    "time_cond_proj_dim": 16,
    "transformer_layers_per_block": [1, 2],
}
CLIP = {
    "architectures": ["CLIPTextModel"],
    "hidden_act": "quick_gelu",
    "hidden_size": 16,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 77,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "vocab_size": 100,
    "eos_token_id": 2,
}
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
    "prediction_type": "epsilon",
    "timestep_spacing": "leading",
}
DPT = {
    "architectures": ["DPTForDepthEstimation"],
    "backbone_out_indices": [0, 1, 2, 3],
    "fusion_hidden_size": 8,
    "head_in_index": -1,
    "hidden_size": 16,
    "image_size": 64,
    "intermediate_size": 32,
    "is_hybrid": False,
    "neck_hidden_sizes": [8, 8, 16, 16],
    "num_attention_heads": 2,
    "num_hidden_layers": 4,
    "patch_size": 16,
    "qkv_bias": True,
    "readout_type": "add",
    "reassemble_factors": [4, 2, 1, 0.5],
}
BIT = {
    "depths": [1, 2, 1],
    "embedding_dynamic_padding": True,
    "embedding_size": 8,
    "global_padding": "same",
    "hidden_sizes": [8, 8, 16],
    "layer_type": "bottleneck",
    "num_groups": 4,
    "out_features": ["stage1", "stage2", "stage3"],
    "output_stride": 32,
    "width_factor": 1,
}
HYBRID = {**DPT, "is_hybrid": True, "readout_type": "project", "neck_ignore_stages": [0, 1],
          "reassemble_factors": [1, 1, 1, 0.5], "backbone_config": BIT}
PROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "ensure_multiple_of": 8,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "keep_aspect_ratio": True,
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 64, "width": 48},
}
CLIP_PROCESSOR = {
    "crop_size": {"height": 30, "width": 28},
    "do_center_crop": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.5, 0.4, 0.3],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 30},
}
VISION = {
    "hidden_act": "quick_gelu",
    "hidden_size": 40,
    "image_size": 30,
    "intermediate_size": 72,
    "layer_norm_eps": 1e-05,
    "num_attention_heads": 5,
    "num_channels": 3,
    "num_hidden_layers": 3,
    "patch_size": 7,
}
HOSTILE = [0, -1, 1, 7, 2 ** 31, 2 ** 53, 1e300, float("inf"), float("nan"), 0.5, True, None,
           "", "x", [], [0], [[]], {}, [2 ** 40] * 3, [1] * 40, ["DownBlock2D"] * 30]


def write_changed(name, config, draw):
    """A config as it is, and with up to three hostile values."""
    write("checkpoint-config", f"{name}.json", json.dumps(config, indent=1))
    for number in range(12):
        changed = dict(config)
        for key in draw.sample(sorted(config), 1 + number % 3):
            changed[key] = draw.choice(HOSTILE)
        write("checkpoint-config", f"{name}-changed-{number:02}.json", json.dumps(changed))


def make_checkpoint_config(safetensors):
    configs = {"unet": UNET, "vae": VAE, "clip": CLIP, "scheduler": SCHEDULER, "dpt": DPT,
               "hybrid": HYBRID, "processor": PROCESSOR}
    later = {"unet-xl": {**UNET, **ADDED}, "clip-projected": {**CLIP, "projection_dim": 8}}
    draw = random.Random(20261123)
    for name, config in configs.items():
        write_changed(name, config, draw)
    for number in range(24):
        changed = dict(BIT)
        for key in draw.sample(sorted(BIT), 1 + number % 3):
            changed[key] = draw.choice(HOSTILE)
        write("checkpoint-config", f"bit-changed-{number:02}.json",
              json.dumps({**HYBRID, "backbone_config": changed}))
    other = random.Random(20261127)
    for number in range(24):
        changed, seen = dict(VISION), dict(CLIP_PROCESSOR)
        for key in other.sample(sorted(VISION), number % 3):
            changed[key] = other.choice(HOSTILE)
        for key in other.sample(sorted(CLIP_PROCESSOR), number % 3):
            seen[key] = other.choice(HOSTILE)
        write("checkpoint-config", f"safety-changed-{number:02}.json",
              json.dumps({**seen, "projection_dim": 24, "vision_config": changed}))
    for name, config in later.items():
        write_changed(name, config, draw)
    extras = {"karras": {"use_karras_sigmas": True}, "spacing": {"timestep_spacing": "trailing"},
              "dpm": {"algorithm_type": "sde-dpmsolver++", "solver_order": 3,
                      "lambda_min_clipped": -float("inf")},
              "betas": {"trained_betas": [0.1, 0.2, 0.3]},
              "cap": {"beta_schedule": "squaredcos_cap_v2"},
              "snr": {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
              "one": {"num_train_timesteps": 1}, "many": {"num_train_timesteps": 10 ** 9}}
    for name, extra in extras.items():
        write("checkpoint-config", f"scheduler-{name}.json", json.dumps({**SCHEDULER, **extra}))
    index = dump({"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"],
                  "scheduler": ["diffusers", "PNDMScheduler"],
                  "text_encoder": ["transformers", "CLIPTextModel"],
                  "safety_checker": [None, None], "requires_safety_checker": False})
    good, other = safetensors["good-one"], safetensors["good-order"]
    shards = dump({"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})
    legacy = tensors({"attentions.0.query.bias": entry("F32", [2], 0, 8)}, bytes(8))
    prefix = tensors({"embeddings.position_ids": entry("I64", [1], 0, 8)}, bytes(8))
    folders = {
        "variant": parts(i=index, c=dump(VAE), f=good, s=dump(SCHEDULER), e=prefix),
        "shards": parts(i=index, c=dump(VAE), x=shards, _1=good, _2=other),
        "shard-missing": parts(i=index, x=shards, _1=good),
        "shard-outside": parts(i=index, x=shards.replace("one.", "../one."), _1=good),
        "shard-types": parts(i=index, x='{"weight_map": {"a": ["one.safetensors"]}}', _1=good),
        "shard-lost": parts(i=index, x=shards, _1=good, _2=legacy),
        "legacy": parts(i=index, f=legacy, e=legacy),
        "no-weights": parts(i=index, c=dump(VAE)),
        "index-types": parts(i='{"_class_name": "X", "vae": ["a", 5], "b": [1, 2], "c": {}}'),
        "index-outside": parts(i='{"_class_name": "X", "../vae": ["a", "b"]}'),
        "index-no-class": parts(i='{"vae": ["diffusers", "AutoencoderKL"]}'),
        "index-array": parts(i="[]"),
        "nothing": parts(c="{}"),
    }
    for name, data in folders.items():
        write("checkpoint-config", "folder-" + name, data)


# ---- files of models ----

def listed(shapes, dtypes=(), fill=b"\0"):
    """A file of F32 tensors (or of the dtype given) by name and shape."""
    header, at, sizes = {}, 0, {"F32": 4, "F16": 2, "I64": 8, "F64": 8, "F8_E4M3": 1, "F8_E5M2": 1,
                                         "I8": 1, "U8": 1}
    for name, shape in shapes.items():
        dtype = dict(dtypes).get(name, "F32")
        size = sizes[dtype]
        for d in shape:
            size *= d
        header[name] = entry(dtype, shape, at, at + size)
        at += size
    return tensors(header, fill * at)


def make_model_files():
    unet, text = "model.diffusion_model.", "cond_stage_model.model."
    single = {
        unet + "input_blocks.0.0.weight": [2, 4, 1, 1],
        unet + "input_blocks.1.0.in_layers.2.weight": [2, 2, 1, 1],
        unet + "input_blocks.1.0.out_layers.3.weight": [2, 2, 1, 1],
        unet + "input_blocks.2.0.op.weight": [2, 2, 1, 1],
        unet + "middle_block.1.transformer_blocks.0.attn2.to_k.weight": [2, 3],
        unet + "output_blocks.0.0.in_layers.2.weight": [2, 4, 1, 1],
        unet + "output_blocks.0.1.conv.weight": [2, 2, 1, 1],
        unet + "label_emb.0.0.weight": [2, 5],
        "first_stage_model.decoder.up.0.block.0.conv1.weight": [2, 2, 1, 1],
        "first_stage_model.encoder.down.0.block.0.conv1.weight": [2, 2, 1, 1],
        "first_stage_model.encoder.mid.attn_1.q.weight": [2, 2, 1, 1],
        text + "token_embedding.weight": [4, 2],
        text + "positional_embedding": [3, 2],
        text + "transformer.resblocks.0.attn.in_proj_weight": [6, 2],
        text + "transformer.resblocks.0.attn.in_proj_bias": [6],
        text + "transformer.resblocks.0.ln_1.weight": [2],
        text + "text_projection": [2, 2],
        "global_step": [],
    }
    step = {"global_step": "I64"}
    xl = {k.replace(text, "conditioner.embedders.1.model."): v for k, v in single.items()}
    xl["conditioner.embedders.0.transformer.text_model.embeddings.token_embedding.weight"] = [4, 2]
    odd = {**single, text + "transformer.resblocks.0.attn.in_proj_weight": [5, 2],
           text + "text_projection": [2]}
    q, conv = "down_blocks.0.attentions.0.to_q", "down_blocks.0.resnets.0.conv1"
    kohya = "lora_unet_" + conv.replace(".", "_")
    lora = {f"unet.{q}.lora_A.weight": [1, 3], f"unet.{q}.lora_B.weight": [2, 1]}
    conv_lora = {kohya + ".lora_down.weight": [2, 1, 1, 1], kohya + ".lora_up.weight": [2, 2, 1, 1],
                 kohya + ".lora_mid.weight": [2, 2, 1, 2], kohya + ".alpha": []}
    inputs = {
        "single": parts(_1=listed(single, step.items())),
        "single-settings": parts(_1=listed(single, step.items()),
                                 d='{"unet": {"norm_num_groups": 8}, "steps": 3}'),
        "single-settings-bad": parts(_1=listed(single, step.items()), d='{"unet": []}'),
        "single-xl": parts(_1=listed(xl, step.items())),
        "single-odd": parts(_1=listed(odd, step.items())),
        "unet-alone": parts(_1=listed({unet + "input_blocks.0.0.weight": [2, 9, 1, 1]})),
        "lora": parts(_1=listed(lora, fill=b"\x40")),
        "lora-middle": parts(_1=listed(conv_lora, fill=b"\x3f")),
        "lora-half": parts(_1=listed({kohya + ".lora_down.weight": [1, 1, 1, 2]})),
        "lora-misfit": parts(_1=listed({**lora, f"unet.{q}.lora_A.weight": [1, 4]})),
        "lora-processor": parts(_1=listed({
            "down_blocks.0.attentions.0.processor.to_q_lora.down.weight": [1, 3],
            "down_blocks.0.attentions.0.processor.to_q_lora.up.weight": [2, 1]})),
        "dora": parts(_1=listed({**lora, f"unet.{q}.dora_scale": [2]})),
        "embedding": parts(_1=listed({"<word>": [2]})),
        "embedding-several": parts(_1=listed({"emb_params": [3, 2]})),
        "embedding-xl": parts(_1=listed({"clip_l": [1, 2], "clip_g": [1, 3]})),
        "embedding-odd": parts(_1=listed({"a": [0, 2]})),
    }
    q8 = unet + "middle_block.1.transformer_blocks.0.attn2.to_k."
    scaled = {**single, q8 + "scale_weight": [], q8 + "scale_input": [], unet + "scaled_fp8": [2]}
    f8 = {**step, q8 + "weight": "F8_E4M3", unet + "scaled_fp8": "F8_E4M3"}
    sgm = {k.replace(text, "conditioner.embedders.0.model."): v for k, v in single.items()
           if "label_emb" not in k}
    inputs |= {
        "single-sgm": parts(_1=listed(sgm, step.items())),
        "single-markers": parts(_1=listed({**xl, "v_pred": [0], "ztsnr": [0]}, step.items())),
        "single-wrapped": parts(_1=listed({"state_dict.module." + k: v for k, v in xl.items()})),
        "single-unknown": parts(_1=listed({**single, unet + "time_mix.weight": [2]}, step.items())),
        "single-scaled": parts(_1=listed(scaled, f8.items(), b"\x7f")),
        "single-scales-odd": parts(_1=listed({**scaled, q8 + "scale_weight": [3]}, f8.items())),
        "single-wide": parts(_1=listed(single, {k: "F64" for k in single}.items())),
        "single-e5m2": parts(_1=listed(single, {k: "F8_E5M2" for k in single}.items())),
        "single-i8": parts(_1=listed({**single, q8 + "weight_scale": [2, 1]},
                                     {**step, q8 + "weight": "I8"}.items())),
        "single-quantized": parts(_1=listed({**single, q8 + "comfy_quant": [8]},
                                            {**step, q8 + "comfy_quant": "U8"}.items(), b"{")),
        "single-yaml": parts(_1=listed(single, step.items()), y='parameterization: "v"  # x\n'),
        "single-yaml-odd": parts(_1=listed(single, step.items()), y="parameterization:\n\0"),
        "single-stated": parts(_1=tensors({"__metadata__": {"modelspec.prediction_type": "v"},
                                           unet + "input_blocks.0.0.weight":
                                           entry("F32", [2, 4], 0, 32)}, bytes(32))),
    }
    described = tensors({"__metadata__": {"lora_adapter_metadata": dump(
        {"unet.lora_alpha": 8, "unet.alpha_pattern": {"to_q": 2}, "unet.use_rslora": True})},
        f"unet.{q}.lora_A.weight": entry("F32", [1, 3], 0, 12),
        f"unet.{q}.lora_B.weight": entry("F32", [2, 1], 12, 20)}, bytes(20))
    inputs["lora-metadata"] = parts(_1=described)
    for name, data in inputs.items():
        write("model-files", name, data)


def make_adapters():
    q, conv, norm = "down_blocks_0_attentions_0_to_q", "down_blocks_0_resnets_0_conv1", "norm1"
    dotted = "down_blocks.0.attentions.0.to_q"
    lora = {f"lora_unet_{q}.lora_down.weight": [1, 3], f"lora_unet_{q}.lora_up.weight": [2, 1]}
    loha = {f"lora_unet_{q}.hada_w1_a": [2, 1], f"lora_unet_{q}.hada_w1_b": [1, 3],
            f"lora_unet_{q}.hada_w2_a": [2, 1], f"lora_unet_{q}.hada_w2_b": [1, 3],
            f"lora_unet_{q}.alpha": []}
    core = {f"lora_unet_{conv}.hada_w1_a": [1, 2], f"lora_unet_{conv}.hada_w1_b": [1, 2],
            f"lora_unet_{conv}.hada_w2_a": [1, 2], f"lora_unet_{conv}.hada_w2_b": [1, 2],
            f"lora_unet_{conv}.hada_t1": [1, 1, 1, 2], f"lora_unet_{conv}.hada_t2": [1, 1, 1, 2]}
    lokr = {f"lycoris_{q}.lokr_w1": [2, 1], f"lycoris_{q}.lokr_w2_a": [1, 2],
            f"lycoris_{q}.lokr_w2_b": [2, 3], f"lycoris_{q}.alpha": []}
    kron = {f"lycoris_{conv}.lokr_w1_a": [1, 1], f"lycoris_{conv}.lokr_w1_b": [1, 2],
            f"lycoris_{conv}.lokr_t2": [1, 1, 1, 2], f"lycoris_{conv}.lokr_w2_a": [1, 2],
            f"lycoris_{conv}.lokr_w2_b": [1, 1]}
    peft = {f"base_model.model.{dotted}.lora_A.weight": [1, 3],
            f"base_model.model.{dotted}.lora_B.weight": [2, 1]}
    te = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    inputs = {
        "lora": listed({**lora, f"lora_unet_{q}.alpha": []}, fill=b"\x3f"),
        "dora": listed({**lora, f"lora_unet_{q}.dora_scale": [2, 1]}, fill=b"\x3f"),
        "dora-in": listed({**lora, f"lora_unet_{q}.dora_scale": [1, 3]}, fill=b"\x3f"),
        "dora-peft": listed({f"unet.{dotted}.lora_A.default.weight": [1, 3],
                             f"unet.{dotted}.lora_B.default.weight": [2, 1],
                             f"unet.{dotted}.lora_magnitude_vector": [2]}, fill=b"\x3e"),
        "loha": listed(loha, fill=b"\x3f"),
        "loha-core": listed(core, fill=b"\x3f"),
        "lokr": listed(lokr, fill=b"\x3f"),
        "lokr-core": listed(kron, fill=b"\x3f"),
        "lokr-conv": listed({f"lycoris_{conv}.lokr_w1": [1, 1],
                             f"lycoris_{conv}.lokr_w2": [2, 2, 1, 2]}, fill=b"\x3f"),
        "diff": listed({f"lora_unet_{conv}.diff": [2, 2, 1, 2], f"lora_unet_{conv}.diff_b": [2],
                        f"lora_unet_down_blocks_0_{norm}.w_norm": [2],
                        f"lora_unet_down_blocks_0_{norm}.b_norm": [2],
                        "lora_unet_conv_in.diff": [1, 4, 1, 1]}, fill=b"\x3f"),
        "text": listed({f"{te}.lora_down.weight": [2, 4], f"{te}.lora_up.weight": [4, 2],
                        f"{te.replace('te_', 'te2_')}.diff": [4, 4]}, fill=b"\x3f"),
        "nan": listed(lora, fill=b"\xff"),
        "no-kernel": listed({f"lora_unet_{conv}.lora_down.weight": [1, 2, 0, 2],
                             f"lora_unet_{conv}.lora_up.weight": [2, 1, 1, 1]}),
        "twice": listed({**lora, f"unet.{dotted}.lora_A.weight": [1, 3]}),
        "idle": listed({**lora, f"lora_unet_{conv}.alpha": []}),
        "other": listed({f"lora_unet_{q}.oft_blocks": [1, 2, 2]}),
        "words": listed({"clip_l": [2, 2], "clip_g": [1, 3]}),
        "words-pivotal": listed({"text_encoders_0": [2], "text_encoders_1": [3]}),
        "words-plain": listed({"<a>": [2]}),
        "words-more": listed({"emb_params": [1, 2], "string_to_token.*": []}),
    }
    for name, data in inputs.items():
        write("adapters", name, parts(_1=data))
    write("adapters", "words-two", parts(_1=listed({"<a>": [2]}), _2=listed({"<a>": [1, 3]})))
    settings = {"r": 1, "lora_alpha": 2, "alpha_pattern": {"(a+)+$": 1, ".*to_(q|k)": 3},
                "use_rslora": True}
    write("adapters", "peft", parts(_1=listed(peft, fill=b"\x3f"), c=dump(settings)))
    write("adapters", "peft-bad", parts(_1=listed(peft), c=dump({**settings, "r": 2})))
    for name, pattern in {"dot": "attn2.to_q", "group": "(down|up)_blocks.*", "open": "(",
                          "endless": "((((a|.)+)+)+)+[0-9][0-9]"}.items():
        meta = {"unet.lora_alpha": 8, "unet.alpha_pattern": {pattern: 2}, "unet.r": 1}
        described = tensors({"__metadata__": {"lora_adapter_metadata": dump(meta)},
                             f"unet.{dotted}.lora_A.weight": entry("F32", [1, 3], 0, 12),
                             f"unet.{dotted}.lora_B.weight": entry("F32", [2, 1], 12, 20)},
                            bytes(20))
        write("adapters", "pattern-" + name, parts(_1=described))


def make_import():
    import gzip

    text = '"bpe_simple_vocab_16e6.txt#version: 0.2\n' + "".join(
        f"{a} {b}\n" for a, b in [("a", "b"), ("ab", "c</w>"), ("t", "h"), ("th", "e</w>")])
    packed = gzip.compress(text.encode(), 9, mtime=0)
    inputs = {"list": parts(w=text), "list-bad": parts(w=text + "a b c\n"),
              "gzip": packed, "gzip-list": parts(w=packed)}
    inputs["zip"] = parts(w=b"PK\3\4 a zip archive")
    inputs["json"] = parts(j=dump({"model": {"type": "BPE", "vocab": {"<|endoftext|>": 0},
                                             "merges": []}}))
    inputs["json-merges"] = parts(j=dump({"model": {
        "vocab": {"<|endoftext|>": 0, "<|startoftext|>": 1, "a": 2, "b": 3, "ab": 4},
        "merges": [["a", "b"], "a b"]}}))
    inputs["json-bad"] = parts(j=dump({"model": {"vocab": [], "merges": {}}}))
    for name, data in inputs.items():
        write("import", name, data)


# ---- recipes ----

def make_recipes():
    def packed(n, value=0):
        return base64.b64encode(zlib.compress(bytes([value]) * n, 9)).decode()

    def recipe(canvas=None, **members):
        whole = {"format": 1, "program": "gimp-diffusion", "version": "0.1.0", "task": "inpaint",
                 "prompt": "a red cube", "negative-prompt": "", "guidance-scale": 5, "steps": 2,
                 "seed": 7, "num-images": 1, "index": 0, "scheduler": "PNDMScheduler",
                 "scheduler-set": "a=1\nb=2", "strength": 0.5, "width": 64, "height": 64,
                 "model": "sd15", "model-fingerprint": "0" * 64, "device": "cpu", "dtype": "f32"}
        place = {"x": 3, "y": -4, "width": 8, "height": 6}
        own = {"origin": "o", "source": "visible", "padding": -1, "feather": 0, "square": 0,
               "image": {"width": 128, "height": 112}, "context": place, "target": place,
               "selection": {"format": "Y u8", "zlib": packed(48)}}
        return dump({**whole, "canvas": {**own, **(canvas or {})}, **members})

    inputs = {
        "good": recipe(),
        "good-loras": recipe(lora="ink:0.5\nwash", embedding="<cat>:x",
                             **{"lora-fingerprints": "1" * 64 + "\n" + "2" * 64}),
        "good-old": recipe(model="/nowhere/models/sd15", lora="/nowhere/ink.safetensors:1",
                           latents="/tmp/x", **{"extras-fingerprint": "3" * 64}),
        "passwd": recipe(model="/etc/passwd", lora="/proc/self/mem:9", embedding="../../x:w"),
        "devices": recipe(device="cpu," * 200, dtype="f64", **{"safety-checker": "off"}),
        "words": recipe(model="..", lora=":\n:::\n\n", embedding="\u202egnp.x\u0007"),
        "huge-context": recipe({"context": {"x": 0, "y": 0, "width": 524288, "height": 524288}}),
        "huge-size": recipe(width=8192, height=8192, steps=1000, **{"num-images": 64}),
        "no-context": recipe({"context": {}}),
        "context-twice": recipe({"context": [8, 6], "target": None}),
        "bomb": recipe({"selection": {"format": "Y u8", "zlib": packed(1 << 22)}}),
        "short": recipe({"selection": {"format": "Y double", "zlib": packed(48)}}),
        "no-zlib": recipe({"selection": {"format": "Y' u16", "zlib": "!!!!"}}),
        "encoding": recipe({"selection": {"format": "CIE Lab u8", "zlib": ""}}),
        "other-types": recipe(steps="2", prompt=[], seed={}, model=5, task=None),
        "numbers": recipe(steps=1e308, seed=-1, strength=-0.0, index=64),
        "layers": recipe({"depth": {"layer": 1}, "layer": {"mask-of": 4294967296}}),
        "unconditional": recipe(task="unconditional"),
        "task": recipe(task="../inpaint\n"),
        "format": dump({"format": 2, "canvas": {}}),
    }
    for name, data in inputs.items():
        write("recipe", name + ".json", data)


# ---- a model's own words ----

def make_presets():
    inputs = {
        "good": dump({"steps": 20, "guidance-scale": 2.5, "strength": 0.8, "about": "Small.",
                      "words": ["a", "red", "cube"]}),
        "good-parts": dump({"scheduler": {"prediction_type": "v_prediction"}, "unet": {}}),
        "good-empty": "{}",
        "word-for-number": dump({"steps": "20", "guidance-scale": 5}),
        "negative": dump({"steps": -1}),
        "huge": dump({"steps": 1e20}),
        "half": dump({"steps": 2.5}),
        "automatic": dump({"steps": 0, "guidance-scale": -1}),
        "infinite": '{"guidance-scale": Infinity, "strength": NaN}',
        "unknown": dump({"step": 20}),
        "other-parameter": dump({"device": "cuda", "seed": 1}),
        "part-of-another": dump({"vae": {}}),
        "part-no-object": dump({"unet": 5}),
        "about-lines": dump({"about": "a\nb"}),
        "about-number": dump({"about": 5}),
        "about-long": dump({"about": "a" * 1001}),
        "words-text": dump({"words": "a b"}),
        "words-numbers": dump({"words": [1, "a"]}),
        "words-many": dump({"words": ["\u00e4", "\u00df", "\u0130"], "about": "a B c d E f g h "
                            "i j k l m n o p q r s t u v w x y z \u1e9e " + "w" * 300}),
        "list": "[]",
        "null": dump({"steps": None}),
    }
    for name, data in inputs.items():
        write("presets", name + ".json", data)


# ---- GGUF files ----

def make_gguf():
    def text(s):
        return struct.pack("<Q", len(s)) + s

    def file(keys, listed, data, version=3):
        out = b"GGUF" + struct.pack("<IQQ", version, len(listed), len(keys))
        out += b"".join(keys) + b"".join(listed)
        return out + bytes(-len(out) % 32) + data

    def tensor(name, dims, kind, at):
        return (text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
                + struct.pack("<IQ", kind, at))

    name = text(b"general.architecture") + struct.pack("<I", 8) + text(b"sd1")
    texts = text(b"t") + struct.pack("<IIQ", 9, 8, 2) + text(b"a") + text(b"")
    moved = text(b"comfy.gguf.orig_shape.a") + struct.pack("<IIQ2i", 9, 5, 2, 4, 8)
    aligned = text(b"general.alignment") + struct.pack("<II", 4, 64)
    blocks = bytes(range(1, 35))
    inputs = {
        "plain": file([name], [tensor(b"a", [4, 2], 0, 0)], bytes(32)),
        "old": file([], [tensor(b"a", [3], 1, 0)], bytes(6), 2),
        "keys": file([name, texts, moved, aligned], [tensor(b"a", [32], 8, 0)], blocks + bytes(30)),
        "two": file([], [tensor(b"a", [32], 8, 0), tensor(b"b", [256], 12, 64)], bytes(64 + 144)),
        "twins": file([], [tensor(b"a", [1], 0, 0), tensor(b"a", [1], 0, 0)], bytes(4)),
        "type": file([], [tensor(b"a", [1], 16, 0)], bytes(4)),
        "outside": file([], [tensor(b"a", [9], 0, 0)], bytes(32)),
        "many": b"GGUF" + struct.pack("<IQQ", 3, 2**63, 0),
        "nothing": file([], [], b""),
    }
    for key, data in inputs.items():
        write("gguf", key, data)


def main():
    make_json()
    make_gguf()
    make_frames()
    safetensors = make_safetensors()
    make_tokenizer()
    tokens_corpus.make(write, parts, dump)
    make_prompt_weights()
    make_checkpoint_config(safetensors)
    make_model_files()
    make_adapters()
    make_import()
    make_recipes()
    make_presets()


if __name__ == "__main__":
    main()
