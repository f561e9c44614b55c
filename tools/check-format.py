#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""C and CUDA sources are as clang-format 19 leaves them (./dev format)."""

import os
import re
import shutil
import subprocess
import sys

from check_common import Report, c_files, source_root

RULE = "formatted by clang-format 19"


def formatter():
    """The pinned version, whatever its program is called."""
    for name in ("clang-format-19", "clang-format"):
        if shutil.which(name):
            said = subprocess.run([name, "--version"], check=True, stdout=subprocess.PIPE,
                                  text=True).stdout
            if re.search(r"version 19\.", said):
                return name
    return None


def main():
    root = source_root()
    report = Report(RULE)
    program = formatter()
    if program is None:
        report.skip(RULE, "needs clang-format-19")
        return report.finish()
    paths = [os.path.join(root, path) for path in c_files(root)]
    said = subprocess.run([program, "--dry-run", "--style=file", *paths], check=True,
                          stderr=subprocess.PIPE, text=True).stderr
    for line in said.splitlines():
        match = re.match(r"(.*):(\d+):\d+: (warning|error): (.*)", line)
        if match:
            report.add(RULE, f"{os.path.relpath(match[1], root)}:{match[2]}", match[4])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
