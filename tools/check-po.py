#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Translations: POTFILES lists exactly the sources that have strings for people, every
listed language compiles, and at least one is complete."""

import os
import re
import subprocess
import sys
import tempfile

from check_common import Report, bare_code, c_files, read, source_root

MARKED = re.compile(r"(?<![\w])(_|N_|C_|NC_|Q_|ngettext|g_dngettext|dngettext)\s*\(")
KEYWORDS = ("_", "N_", "C_:1c,2", "NC_:1c,2", "Q_", "ngettext:1,2", "g_dngettext:2,3",
            "dngettext:2,3")
RULES = ("POTFILES lists every file with strings", "languages compile",
         "one language is complete")


def words_of(root, path):
    lines = (line.split("#")[0].strip() for line in read(root, path).splitlines())
    return " ".join(lines).split()


def check_potfiles(root, potfiles, report):
    listed = set(words_of(root, potfiles))
    for path in c_files(root, ("core", "ui", "plugin")):
        lines = bare_code(read(root, path)).splitlines()
        code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
        if MARKED.search(code) and path not in listed:
            report.add(RULES[0], potfiles, f"lacks {path}")
    for path in sorted(listed):
        if not os.path.exists(os.path.join(root, path)):
            report.add(RULES[0], potfiles, f"lists {path}, which is not there")


def run(root, *command):
    return subprocess.run(command, check=False, cwd=root, capture_output=True, text=True)


def template(root, potfiles, pot):
    """The strings of C sources as they are now."""
    sources = [path for path in words_of(root, potfiles) if path.endswith((".c", ".h"))]
    return run(root, "xgettext", "--from-code=UTF-8", f"--output={pot}", "--language=C",
               *[f"--keyword={word}" for word in KEYWORDS], *sources)


def check_languages(root, potfiles, report):
    languages = words_of(root, "po/LINGUAS") if os.path.exists(f"{root}/po/LINGUAS") else []
    complete = []
    with tempfile.TemporaryDirectory() as folder:
        pot = os.path.join(folder, "all.pot")
        made = template(root, potfiles, pot)
        for language in languages:
            said = run(root, "msgfmt", "--check", "-o", os.devnull, f"po/{language}.po")
            if said.returncode != 0:
                report.add(RULES[1], f"po/{language}.po", said.stderr.strip())
            elif run(root, "msgcmp", f"po/{language}.po", pot).returncode == 0:
                complete.append(language)
        if not complete:
            report.add(RULES[2], "po/LINGUAS",
                       f"none of [{', '.join(languages)}] has every string {made.stderr.strip()}")


def main():
    root = source_root()
    report = Report(*RULES)
    potfiles = next((path for path in ("po/POTFILES", "po/POTFILES.in")
                     if os.path.exists(os.path.join(root, path))), None)
    if potfiles is None:
        for rule in RULES:
            report.add(rule, "po", "neither POTFILES nor POTFILES.in is there")
        return report.finish()
    check_potfiles(root, potfiles, report)
    try:
        check_languages(root, potfiles, report)
    except FileNotFoundError:
        for rule in RULES[1:]:
            report.skip(rule, "needs gettext")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
