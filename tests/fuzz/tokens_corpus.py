# SPDX-License-Identifier: LGPL-3.0-or-later
"""Corpora of the byte-level and unigram tokenizers, for make-corpus.py."""

import base64
import struct

PROMPTS = {
    "words": "It's a cat,  don't you'LL see?\n\n 1999 <x> aab ab!<l> <r>  b<w>",
    "marks": "e\u0301 a\u0323\u0302 \u1112\u1161\u11ab \u0344\u0958 a" + "\u0323\u0301" * 20,
    "spaces": " \u00a0\u3000\t\u2028a\u200b\u0085\r\n\r\n b   ",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308",
    "compatible": "\ufb01\u2026\u00bd\uff21\uff76\uff9e\u2167 \u2581\u2581a",
    "extra": "a <extra_id_0>  <extra_id_0>b</s> <unk><pad",
    "nul": b"a\0b\0",
    "invalid": b"a\xff\xc3",
    "run": "a" * 300 + "ab" * 100,
    "empty": "",
}

BLANK = "\u2581"


# ---- byte level ----


def make_byte_bpe(write, parts, dump):
    words = ["<|endoftext|>", "a", "b", "\u0120", "\u010a", "'", "s", "\u0120a", "ab", "\u0120ab"]
    vocab = {w: i for i, w in enumerate(words)}
    merges = ["\u0120 a", "a b", "\u0120a b"]
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    whole = {
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]},
        "model": {"type": "BPE", "vocab": vocab, "merges": [m.split() for m in merges]},
        "added_tokens": [
            {"id": 10, "content": "<x>", "special": True, "normalized": False},
            {"id": 11, "content": "<l>", "lstrip": True, "rstrip": True},
            {"id": 12, "content": "<w>", "single_word": True, "normalized": True},
        ],
    }
    gpt2 = {**whole, "normalizer": None, "pre_tokenizer": {**level, "use_regex": True}}
    gpt2["model"] = {**whole["model"], "merges": merges}
    qwen = dump({"tokenizer_class": "Qwen2Tokenizer", "bos_token": None})
    folders = {
        "json": parts(t=dump(whole), p=PROMPTS["words"]),
        "json-gpt2": parts(t=dump(gpt2), p=PROMPTS["words"]),
        "json-qwen": parts(t=dump(whole), c=qwen, p="ab a\n b's"),
        "files": parts(v=dump(vocab), m="\n".join(merges), c=qwen, p="ab a\n b's"),
        "files-no-class": parts(v=dump(vocab), m="\n".join(merges), p="ab a"),
        "files-gpt2": parts(v=dump(vocab), m="", c=dump({"tokenizer_class": "GPT2Tokenizer"})),
        "long-added": parts(
            t=dump(whole), c=dump({"extra_special_tokens": ["a" * 1024, "ab"]}), p="a" * 1500
        ),
        "extras": parts(t=dump(whole), c=dump({"extra_special_tokens": {"q": "<q>"}}), p="<q>"),
        "map": parts(t=dump(whole), s=dump({"additional_special_tokens": [{"content": "<y>"}]})),
        "bad-added": parts(t=dump(whole), c=dump({"pad_token": "a" * 1025})),
        "bad-split": parts(
            t=dump({**whole, "pre_tokenizer": {**split, "pattern": {"Regex": "a"}}})
        ),
        "bad-prefix": parts(
            t=dump({**whole, "pre_tokenizer": {**level, "add_prefix_space": True}})
        ),
        "bad-normalizer": parts(t=dump({**whole, "normalizer": {"type": "Lowercase"}})),
        "bad-merge": parts(t=dump({**whole, "model": {**whole["model"], "merges": [["a"]]}})),
        "bad-length": parts(t=dump(whole), c=dump({"model_max_length": 1})),
        "bad-class": parts(x="", c=qwen),
    }
    for name, data in folders.items():
        write("byte-bpe", "folder-" + name, data)
    for name, data in PROMPTS.items():
        write("byte-bpe", "prompt-" + name, data)


# ---- unigram ----


def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """A field of a message: bytes, a float, or a whole number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def piece(text, score, kind=1):
    return field(1, field(1, text.encode()) + field(2, score) + field(3, kind))


def charsmap(rules):
    """A precompiled_charsmap: a double array of the sources, and the targets."""
    targets, tree = b"", {}
    for source, target in rules.items():
        node = tree
        for byte in source.encode():
            node = node.setdefault(byte, {})
        node[None] = len(targets)
        targets += target.encode() + b"\0"
    units, taken = {0: 0}, {0}

    def place(node, at):
        """Puts the children of the node whose unit is AT where all have room."""
        labels = [0 if k is None else k for k in node]
        base = next(b for b in range(1, 4096) if not any(b ^ label in taken for label in labels))
        units[at] = units.get(at, 0) | (at ^ base) << 10 | (0x100 if None in node else 0)
        taken.update(base ^ label for label in labels)
        for label, child in node.items():
            if label is None:
                units[base] = 0x80000000 | child
            else:
                units[base ^ label] = label
        for label, child in node.items():
            if label is not None:
                place(child, base ^ label)

    place(tree, 0)
    n = max(units) // 256 * 256 + 256
    blob = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(n))
    return struct.pack("<I", len(blob)) + blob + targets


RULES = {
    "\ufb01": "fi",
    "\u2026": "...",
    "\u3000": " ",
    "\t": " ",
    "\x01": "",
    "e\u0301": "\u00e9",
    "\uff21": "A",
    "\u0301": "'",
}


def make_unigram(write, parts, dump):
    words = [
        ("<pad>", 0.0, 3),
        ("</s>", 0.0, 3),
        ("<unk>", 0.0, 2),
        (BLANK, -2.0, 1),
        ("a", -3.0, 1),
        (BLANK + "a", -2.5, 1),
        ("aa", -4.0, 1),
        ("ab", -4.25, 1),
        ("b", -6.0, 1),
        ("\u00e9", -7.0, 1),
        ("fi", -5.0, 1),
        ("<q>", 0.0, 4),
        ("bb", -1.0, 5),
    ]
    bytes_ = [(f"<0x{b:02X}>", 0.0, 6) for b in range(256)]
    rules = charsmap(RULES)
    model = b"".join(piece(*w) for w in words)
    fallback = b"".join(piece(*w) for w in words + bytes_)
    normal = field(3, field(1, b"small") + field(2, rules))
    own = dump({"tokenizer_class": "LlamaTokenizer", "pad_token": "<pad>", "eos_token": "</s>"})
    t5 = dump({"tokenizer_class": "T5Tokenizer", "extra_ids": 3})
    vocab = [[w, s] for w, s, _ in words]
    precompiled = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(rules).decode()}
    meta = {"type": "Metaspace", "replacement": BLANK, "prepend_scheme": "always", "split": True}
    space = {"type": "WhitespaceSplit"}
    whole = {
        "normalizer": {"type": "Sequence", "normalizers": [precompiled, {"type": "NFKC"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [space, meta]},
        "model": {"type": "Unigram", "unk_id": 2, "vocab": vocab},
    }
    both = {
        **whole["model"],
        "byte_fallback": True,
        "vocab": [[w, s] for w, s, _ in words + bytes_],
    }
    text = "aab ab\u3000\ufb01 e\u0301\x01\t<q> bb \u00fc<extra_id_0> " + BLANK + "a"
    folders = {
        "spiece-t5": parts(x=model + normal, c=t5, p=text),
        "spiece-no-class": parts(x=model, p=text),
        "spiece-own": parts(x=model + normal, c=own, p=text),
        "spiece-plain": parts(
            x=model
            + field(2, field(3, 1) + field(40, 2))
            + field(3, field(3, 0) + field(4, 0) + field(5, 0)),
            c=own,
            p=text,
        ),
        "spiece-bytes": parts(
            x=fallback + field(2, field(35, 1) + field(40, 2)) + normal, c=own, p=text
        ),
        "json-t5": parts(t=dump(whole), c=t5, p=text),
        "json-own": parts(t=dump(whole), c=own, p=text),
        "json-bytes": parts(t=dump({**whole, "model": both}), c=own, p=text),
        "json-meta": parts(
            t=dump({**whole, "normalizer": None, "pre_tokenizer": meta}), c=own, p=text
        ),
        "json-none": parts(t=dump({"model": whole["model"]}), c=own, p=text),
        "bad-bpe": parts(x=model + field(2, field(3, 2)), c=own),
        "bad-suffix": parts(x=model + field(2, field(24, 1)), c=own),
        "bad-unk": parts(x=model + field(2, field(40, 99)), c=own),
        "bad-piece": parts(x=model + piece("", 0.0)),
        "bad-utf8": parts(x=model + field(1, field(1, b"\xff"))),
        "bad-score": parts(x=model + piece("n", float("nan"))),
        "bad-type": parts(x=model + piece("n", 0.0, 7)),
        "bad-length": parts(x=model + b"\x0a\xff\xff\xff\xff\x0f"),
        "bad-varint": parts(x=model + b"\xff" * 12),
        "bad-wire": parts(x=model + b"\x0b\x0c"),
        "bad-empty": parts(x=""),
        "bad-charsmap": parts(x=model + field(3, field(2, struct.pack("<I", 1 << 20) + b"abc\0"))),
        "bad-offsets": parts(
            x=model + field(3, field(2, struct.pack("<II", 4, 0xFFFFFF00) + b"a\0")), c=t5, p=text
        ),
        "bad-base64": parts(
            t=dump({**whole, "normalizer": {**precompiled, "precompiled_charsmap": "!!"}})
        ),
        "bad-vocab": parts(t=dump({"model": {**whole["model"], "vocab": [["a"]]}}), c=own),
        "bad-scheme": parts(
            t=dump({**whole, "pre_tokenizer": {**meta, "prepend_scheme": "first"}}), c=own
        ),
        "bad-extra": parts(x=model, c=dump({"extra_ids": 1001})),
    }
    for name, data in folders.items():
        write("unigram", "folder-" + name, data)
    for name, data in PROMPTS.items():
        write("unigram", "prompt-" + name, data)


def make(write, parts, dump):
    make_byte_bpe(write, parts, dump)
    make_unigram(write, parts, dump)
