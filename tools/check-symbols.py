#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""What libdif.so gives to programs is what core/symbols.txt lists.

A symbol that is gone, or that nobody meant to give away, is a change of the ABI: it is made
on purpose, by committing the list that --write makes.

check-symbols.py ROOT BUILD [--write]
"""

import os
import subprocess
import sys

from check_common import Report

LIST = "core/symbols.txt"


def exported(build):
    """The symbols of the library, sorted; the sanitizers' own and the linker's apart."""
    library = os.path.join(build, "core", "libdif.so")
    listing = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", library],
                             check=True, capture_output=True, text=True).stdout
    return sorted(name for name in (line.split()[0] for line in listing.splitlines())
                  if name.startswith(("dif_", "_dif_")))


def main():
    root, build = sys.argv[1:3]
    path = os.path.join(root, LIST)
    found = exported(build)
    if "--write" in sys.argv:
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join(found) + "\n")
        return 0
    with open(path, encoding="utf-8") as listing:
        expected = listing.read().split()
    report = Report("symbols")
    for name in sorted(set(expected) - set(found)):
        report.add("symbols", LIST, f"expected {name}, found none")
    for name in sorted(set(found) - set(expected)):
        report.add("symbols", LIST, f"{name} is not in it")
    return report.finish()


sys.exit(main())
