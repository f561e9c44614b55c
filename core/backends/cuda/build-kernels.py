#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""build-kernels.py NVCC ARCHS SOURCE FATBIN REPORT: compiles the kernels.

ARCHS is a list such as "80,86,89,90a,100": machine code for each, and PTX of the last
without a letter, from which the driver compiles for newer cards.  REPORT gets a line
`sm kernel registers spilled shared` (the last two in bytes) for each kernel and card, from
what ptxas says, below one that names the compiler.
"""

import re
import subprocess
import sys

ENTRY = re.compile(r"Compiling entry function '(\w+)' for '(\w+)'")
SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
USED = re.compile(r"Used (\d+) registers")
SHARED = re.compile(r"(\d+) bytes smem")


def targets(archs):
    """nvcc's options for the list of cards."""
    plain = [arch for arch in archs if arch.isdigit()]
    options = []
    for arch in archs:
        options += ["-gencode", f"arch=compute_{arch},code=sm_{arch}"]
    if plain:
        newest = max(plain, key=int)
        options += ["-gencode", f"arch=compute_{newest},code=compute_{newest}"]
    return options


def resources(said):
    """Yields the lines of the report."""
    kernel = arch = None
    spilled = 0
    for line in said.splitlines():
        if match := ENTRY.search(line):
            kernel, arch = match.groups()
        elif match := SPILLS.search(line):
            spilled = int(match[1]) + int(match[2])
        elif (match := USED.search(line)) and kernel:
            shared = SHARED.search(line)
            yield f"{arch} {kernel} {match[1]} {spilled} {shared[1] if shared else 0}"
            kernel, spilled = None, 0


def version(nvcc):
    """Such as V13.0.88."""
    said = subprocess.run([nvcc, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search(r"V\d[\d.]*", said)[0]


def main():
    nvcc, archs, source, fatbin, report = sys.argv[1:]
    command = [nvcc, "-fatbin", "-O3", "--std=c++17", "-Xptxas", "-v", "--threads", "0",
               *targets(archs.split(",")), "-o", fatbin, source]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = sorted(resources(run.stdout))
    if run.returncode != 0 or not lines:
        sys.stderr.write(run.stdout)
        return run.returncode or 1
    with open(report, "w", encoding="utf-8") as out:
        out.write("\n".join([f"# nvcc {version(nvcc)}", *lines]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
