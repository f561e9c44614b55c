#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Writes an ICC color profile whose gamut is wider than sRGB's, for tests and the demo.

    wide_gamut.py FILE
"""

import struct
import sys


def wide_profile():
    """Gamma 2.2, and primaries that enclose sRGB's."""
    def fixed(*numbers):
        return struct.pack(f">{len(numbers)}i", *[round(x * 65536) for x in numbers])

    text = b"Wide gamut of Diffusion for GIMP\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78)
    tags = {b"desc": description, b"cprt": b"text\0\0\0\0CC0\0",
            b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249)}
    for color, xyz in ((b"r", (0.60974, 0.31111, 0.01947)), (b"g", (0.20528, 0.62567, 0.06087)),
                       (b"b", (0.14919, 0.06322, 0.74457))):
        tags[color + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*xyz)
        tags[color + b"TRC"] = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)
    table, data, start = b"", b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    header = struct.pack(">III", start + len(data), 0, 0x02100000) + b"mntrRGB XYZ " + \
        struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + \
        fixed(0.9642, 1, 0.8249) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + data


if __name__ == "__main__":
    with open(sys.argv[1], "wb") as out:
        out.write(wide_profile())
