# SPDX-License-Identifier: LGPL-3.0-or-later
"""Make our own byte-pair vocabulary in CLIP's format.

    python tokenizer.py --out DIR

Merges are learned from the words of captions.py until each of them is one
token.  Every byte has a token (inside a word and at its end), so any text can
be encoded.
"""

import argparse
import collections
import json
import os
import tempfile

from transformers import CLIPTokenizer

from captions import EXTRA_WORDS, GRAMMAR_WORDS

LENGTH = 77
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"


def byte_letters():
    """A visible letter for each byte, in the order CLIP's vocabulary has them."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [b for b in range(256) if b not in visible]
    return [chr(b) for b in visible] + [chr(256 + k) for k in range(len(hidden))]


def _join(pieces, pair):
    joined, k = [], 0
    while k < len(pieces):
        if tuple(pieces[k : k + 2]) == pair:
            joined.append(pieces[k] + pieces[k + 1])
            k += 2
        else:
            joined.append(pieces[k])
            k += 1
    return joined


def learn_merges(words):
    """Merge the commonest pair of neighbours until every word is whole."""
    parts = {w: [*w[:-1], w[-1] + WORD_END] for w in words}
    merges = []
    while True:
        pairs = collections.Counter(p for s in parts.values() for p in zip(s, s[1:]))
        if not pairs:
            return merges
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        parts = {w: _join(s, best) for w, s in parts.items()}


def make_vocabulary(merges):
    letters = byte_letters()
    tokens = letters + [c + WORD_END for c in letters] + ["".join(m) for m in merges]
    tokens = list(dict.fromkeys(tokens)) + [START, END]
    return {token: k for k, token in enumerate(tokens)}


def build(folder):
    """Write vocab.json, merges.txt, tokenizer.json and the two small configs."""
    merges = learn_merges(list(GRAMMAR_WORDS) + list(EXTRA_WORDS))
    vocabulary = make_vocabulary(merges)
    pairs = [" ".join(m) for m in merges]
    os.makedirs(folder, exist_ok=True)
    tokenizer = CLIPTokenizer(
        vocab=vocabulary,
        merges=[tuple(m) for m in merges],
        model_max_length=LENGTH,
        bos_token=START,
        eos_token=END,
        unk_token=END,
        pad_token=END,
    )
    tokenizer.save_pretrained(folder)
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump(vocabulary, file, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "\n".join(pairs) + "\n")
    special = {"bos_token": START, "eos_token": END, "pad_token": END, "unk_token": END}
    with open(os.path.join(folder, "special_tokens_map.json"), "w", encoding="utf-8") as file:
        json.dump(special, file, indent=2)
        file.write("\n")
    return CLIPTokenizer.from_pretrained(folder)


class Encoder:
    """Quick ids for captions of the grammar: one token a word, padded to LENGTH."""

    def __init__(self, tokenizer):
        vocabulary = tokenizer.get_vocab()
        self.start, self.end = vocabulary[START], vocabulary[END]
        self.words = {t[: -len(WORD_END)]: k for t, k in vocabulary.items() if t.endswith(WORD_END)}

    def __call__(self, text):
        ids = [self.start, *(self.words[w] for w in text.replace(",", " ,").split()), self.end]
        return ids + [self.end] * (LENGTH - len(ids))


def check(tokenizer):
    encode = Encoder(tokenizer)
    for text in ("", "a large red cube left of an orange sphere on a grey floor, at night"):
        assert encode(text) == tokenizer(text, padding="max_length", max_length=LENGTH).input_ids
    whole = [w for w in (*GRAMMAR_WORDS, *EXTRA_WORDS) if len(tokenizer(w).input_ids) != 3]
    assert not whole, f"not one token: {whole}"
    hard = "déjà vu 🙂 日本 <|x|> \x07"
    assert all(k < len(tokenizer.get_vocab()) for k in tokenizer(hard).input_ids)
    text = tokenizer.decode(tokenizer("pixelated zebra").input_ids, skip_special_tokens=True)
    assert text.strip() == "pixelated zebra", text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    tokenizer = build(options.out)
    check(tokenizer)
    print(f"{len(tokenizer.get_vocab())} tokens, files: {sorted(os.listdir(options.out))}")


if __name__ == "__main__":
    main()
