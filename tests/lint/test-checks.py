#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""The checks catch what they are for: each is run on a small tree full of violations.

test-checks.py ROOT
"""

import json
import os
import subprocess
import sys
import tempfile

SPDX = "/* SPDX-License-Identifier: LGPL-3.0-or-later */\n"
LONG = "int\nf{0} (void)\n{{\n" + "  g ();\n" * 101 + "  return 0;\n}}\n"

TREE = {
    "core/LAYERS": "types:\nbase: types\nbackends: types base\nmodels: types base\n",
    "core/base/error.h": SPDX + "#ifndef DIF_BASE_ERROR_H\n#define DIF_BASE_ERROR_H\n"
                         "typedef enum { DIF_A_ERROR_ONE } DifAError;\n"
                         "int dif_undocumented (int a);\n/**\n * dif_partly:\n */\n"
                         "int dif_partly (int a);\n"
                         "#endif /* DIF_BASE_ERROR_H */\n",
    "core/base/up.c": SPDX + '#include "models/m.h"\n#include <gtk/gtk.h>\n#include "no.h"\n',
    "core/dif.h": '#include "models/m.h"\n',
    "core/models/m.h": '#include "base/error.h"\n' "int bad;\nunknown_type x;\n",
    "core/stray/s.c": SPDX,
    "core/base/talk.c": SPDX + "void f (void) { printf (\"\"); }\nextern int x;\n"
                        "#if 0\n#endif\n#ifdef HAVE_CUDA\n#endif\n\tint y; \n" + "/* " + "x" * 100
                        + " */\nchar *p = \"/wo" + "rk/x\";",
    "core/base/long.c": SPDX + LONG.format(1) + "/* long: a table */\n" + LONG.format(2)
                        + "int a;\n" * 700,
    "cli/main.c": SPDX + '#include "base/error.h"\n',
    "plugin/p.c": SPDX.replace("LGPL", "GPL") + 'void f (void) { puts (_("words")); }\n',
    "po/POTFILES": "plugin/gone.c\n",
    "po/LINGUAS": "xx\n",
    "po/xx.po": 'msgid "a"\nmsgstr "b"\nbroken\n',
    "dev": "#!/bin/sh\nrm -rf $1/x\n",
    ".ci/run": "#!/bin/sh\n",
    "tools/x.sh": "#!/bin/sh\n",
    "tests/t.c": SPDX,
}

# check -> how many of its rules the tree breaks
EXPECTED = {"layers": 6, "headers": 2, "style": 11, "length": 3, "format": 1, "errors": 2,
            "docs": 2, "po": 3, "shell": 1, "circles": 2}

# files that need each other, in two folders
CIRCLE = {"base_up": "int down (void);\nint up (void);\nint up (void) { return down (); }\n",
          "models_m": "int up (void);\nint down (void);\nint down (void) { return up (); }\n"}


def write_tree(folder):
    for path, text in TREE.items():
        full = os.path.join(folder, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as out:
            out.write(text)


def build_circle(folder):
    """Objects as meson leaves them, and its list of them."""
    made = []
    for name, text in CIRCLE.items():
        output = f"core/libdif-objects.a.p/{name}.c.o"
        source = os.path.join(folder, name + ".c")
        os.makedirs(os.path.join(folder, "core/libdif-objects.a.p"), exist_ok=True)
        with open(source, "w", encoding="utf-8") as out:
            out.write(text)
        subprocess.run(["cc", "-c", source, "-o", os.path.join(folder, output)], check=True)
        os.remove(source)
        made.append({"output": output})
    with open(os.path.join(folder, "compile_commands.json"), "w", encoding="utf-8") as out:
        json.dump(made, out)


def run_check(tools, name, folder):
    suffix = ".sh" if name == "shell" else ".py"
    command = ["sh" if name == "shell" else sys.executable,
               os.path.join(tools, f"check-{name}{suffix}"), folder]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def main():
    tools = os.path.join(os.path.abspath(sys.argv[1]), "tools")
    failed = 0
    print(f"1..{len(EXPECTED)}")
    with tempfile.TemporaryDirectory() as folder:
        write_tree(folder)
        build_circle(folder)
        for number, (name, wanted) in enumerate(EXPECTED.items(), 1):
            result = run_check(tools, name, folder)
            lines = result.stdout.splitlines()
            broken = sum(line.startswith("not ok") for line in lines)
            skipped = sum("# SKIP" in line for line in lines)
            good = broken + skipped >= wanted and (result.returncode != 0 or skipped >= wanted)
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - check-{name} finds {wanted}")
            if not good:
                print("\n".join(f"# {line}" for line in lines + result.stderr.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
