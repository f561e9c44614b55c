# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the check-*.py scripts share: finding files, reading C, reporting in TAP."""

import os
import re
import sys

C_FOLDERS = ("core", "cli", "engine", "fetch", "ui", "plugin", "tests", "bench", "examples",
             "tools")
C_SUFFIXES = (".c", ".h", ".cu", ".cuh")

# Strings before comments: a quote inside a comment and a comment inside a string are
# each other's trap.
_LEXEME = re.compile(
    r'"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'" r"|/\*.*?\*/" r"|//[^\n]*", re.S)


def source_root():
    """The folder given on the command line, or the one above tools/."""
    if len(sys.argv) > 1:
        return os.path.abspath(sys.argv[1])
    return os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find(root, folders, suffixes):
    """Paths relative to root, sorted, of files with one of the suffixes."""
    found = []
    for folder in folders:
        for where, inner, names in os.walk(os.path.join(root, folder)):
            inner[:] = [name for name in inner if name != "__pycache__"]
            found += [os.path.relpath(os.path.join(where, name), root)
                      for name in names if name.endswith(suffixes)]
    return sorted(found)


def c_files(root, folders=C_FOLDERS):
    return find(root, folders, C_SUFFIXES)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as source:
        return source.read()


def blank(text):
    """Spaces in place of everything but line ends, so that line numbers stay."""
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    return _LEXEME.sub(lambda m: blank(m[0]) if m[0][0] == "/" else m[0], text)


def bare_code(text):
    """C without comments and without what strings and characters say."""
    def replace(match):
        lexeme = match[0]
        return blank(lexeme) if lexeme[0] == "/" else lexeme[0] + blank(lexeme[1:-1]) + lexeme[-1]
    return _LEXEME.sub(replace, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class Report:
    """Collects findings by rule and prints them as TAP."""

    def __init__(self, *rules):
        self.findings = {rule: [] for rule in rules}
        self.skips = {}

    def add(self, rule, where, what):
        self.findings[rule].append(f"{where}: {what}")

    def skip(self, rule, why):
        self.skips[rule] = why

    def finish(self):
        print(f"1..{len(self.findings)}")
        for number, (rule, found) in enumerate(self.findings.items(), 1):
            if rule in self.skips:
                print(f"ok {number} - {rule} # SKIP {self.skips[rule]}")
                continue
            print(f"{'not ok' if found else 'ok'} {number} - {rule}")
            for line in found:
                print(f"# {line}")
        return 1 if any(self.findings.values()) else 0
