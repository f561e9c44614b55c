#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""build-image.py FATBIN SOURCE: a C file that holds the compiled kernels."""

import os
import sys


def main():
    fatbin, source = sys.argv[1:]
    path = os.path.abspath(fatbin)
    with open(source, "w", encoding="utf-8") as out:
        out.write(
            "/* made by build-image.py */\n"
            '__asm__ (".section .rodata\\n"\n'
            '         ".balign 64\\n"\n'
            '         ".globl _dif_cuda_image\\n"\n'
            '         ".hidden _dif_cuda_image\\n"\n'
            '         "_dif_cuda_image:\\n"\n'
            f'         ".incbin \\"{path}\\"\\n"\n'
            '         ".previous\\n");\n'
        )


if __name__ == "__main__":
    sys.exit(main())
