# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reads PNG files of eight bits a sample: sizes, samples, text chunks; writes flat ones."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def chunks(path):
    """Yields (type, data) of every chunk; checks lengths and sums."""
    with open(path, "rb") as file:
        data = file.read()
    assert data.startswith(SIGNATURE), f"{path}: not a PNG file"
    at = len(SIGNATURE)
    kind = None
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        assert len(body) == length, f"{path}: cut off in {kind}"
        (expected,) = struct.unpack_from(">I", data, at + 8 + length)
        assert zlib.crc32(kind + body) == expected, f"{path}: wrong sum of {kind}"
        yield kind.decode("ascii"), body
        at += 12 + length
    assert kind == b"IEND", f"{path}: ends without IEND"


def write_gray_png(path, width, height, value):
    """A picture of one gray."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(
            ">I", zlib.crc32(kind + body))

    rows = (b"\0" + bytes([value]) * width) * height
    with open(path, "wb") as file:
        file.write(SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def read_text(path):
    """The text chunks, as a dictionary."""
    texts = {}
    for kind, body in chunks(path):
        key, _, rest = body.partition(b"\0")
        if kind == "tEXt":
            texts[key.decode("latin-1")] = rest.decode("latin-1")
        elif kind == "zTXt":
            texts[key.decode("latin-1")] = zlib.decompress(rest[1:]).decode("latin-1")
        elif kind == "iTXt":
            packed, rest = rest[0], rest[2:]
            rest = rest.split(b"\0", 2)[2]
            rest = zlib.decompress(rest) if packed else rest
            texts[key.decode("latin-1")] = rest.decode("utf-8")
    return texts


def unfilter(kind, line, above, step):
    for i, value in enumerate(line):
        left = line[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            value += left
        elif kind == 2:
            value += up
        elif kind == 3:
            value += (left + up) // 2
        elif kind == 4:
            guess = left + up - corner
            distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
            value += (left, up, corner)[distances.index(min(distances))]
        line[i] = value & 255


def read_png(path):
    """Returns (width, height, samples)."""
    header, packed = None, b""
    for kind, body in chunks(path):
        if kind == "IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == "IDAT":
            packed += body
    width, height, depth, color, _, _, interlaced = header
    assert depth == 8 and not interlaced and color in CHANNELS, f"{path}: {header}"
    step = CHANNELS[color]
    stride = width * step
    raw = zlib.decompress(packed)
    assert len(raw) == height * (stride + 1), f"{path}: {len(raw)} bytes of samples"
    samples = bytearray()
    above = bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(raw[start + 1:start + 1 + stride])
        unfilter(raw[start], line, above, step)
        samples += line
        above = line
    return width, height, bytes(samples)
