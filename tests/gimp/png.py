# SPDX-License-Identifier: LGPL-3.0-or-later
"""8-bit RGB pictures as PNG files, written and read without any library."""

import struct
import zlib


def write(path, rows):
    """rows: lists of (r, g, b)."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + \
            struct.pack(">I", zlib.crc32(name + data))

    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" +
                   chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)) +
                   chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def predictor(kind, left, up, corner):
    if kind == 4:
        guess = left + up - corner
        nearest = min((abs(guess - left), 0), (abs(guess - up), 1), (abs(guess - corner), 2))[1]
        return (left, up, corner)[nearest]
    return (0, left, up, (left + up) // 2)[kind]


def unfilter(kind, line, before):
    for i, value in enumerate(line):
        left = line[i - 3] if i >= 3 else 0
        corner = before[i - 3] if i >= 3 else 0
        line[i] = (value + predictor(kind, left, before[i], corner)) & 255


def read(path):
    """Lists of (r, g, b)."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if name == b"IHDR":
            width, height, depth, kind = struct.unpack(">IIBB", body[:10])
            assert (depth, kind) == (8, 2), "expected 8-bit RGB"
        elif name == b"IDAT":
            packed += body
        at += length + 12
    raw, before, rows = zlib.decompress(packed), bytearray(3 * width), []
    for y in range(height):
        start = y * (3 * width + 1)
        line = bytearray(raw[start + 1:start + 1 + 3 * width])
        unfilter(raw[start], line, before)
        rows.append([tuple(line[i:i + 3]) for i in range(0, 3 * width, 3)])
        before = line
    return rows
