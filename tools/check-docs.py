#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every public symbol of the library is documented where it is declared.

Public is what core's headers declare, those named *-private.h and *-internal.h and those
below backends/ apart.  Directly above a declaration, or above a group of them without
blank lines, stands a comment `/** ... */` that has `<symbol>:` in its head; that of a
function names every parameter (@name:) and, if it returns something, says so
(Returns:); that of an enumeration names every value.
"""

import re
import sys

from check_common import Report, bare_code, find, line_of, read, source_root

HEAD = re.compile(r"/\*\*[\s*]*((?:\w+:[\s*]*)+)")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
NO_PARAMETER = {"error", "user_data"}


def public_headers(root):
    return [path for path in find(root, ("core",), (".h",))
            if not path.endswith(("-private.h", "-internal.h"))
            and not path.startswith("core/backends/")]


def declarations(code):
    """Yields (position, text) of each top-level declaration or #define."""
    depth, start = 0, 0
    position = 0
    while position < len(code):
        line_start = position == 0 or code[position - 1] == "\n"
        if line_start and depth == 0 and not code[start:position].strip() \
                and code[position:].lstrip(" ").startswith("#"):
            end = re.compile(r"(?:[^\n]*\\\n)*[^\n]*").match(code, position).end()
            yield position, code[position:end]
            start = position = end
            continue
        char = code[position]
        depth += (char in "{(") - (char in "})")
        text = code[start:position + 1]
        inline_ends = char == "}" and depth == 0 and re.search(r"\binline\b", text)
        linkage = re.match(r'\s*(G_BEGIN_DECLS|G_END_DECLS|extern "C" \{)\s', text)
        macro = re.match(r"\s*G_(DEFINE|DECLARE)_\w+ ?\([^)]*\)\s", text)
        if depth == 0 and (char == ";" or inline_ends) or linkage or macro:
            if not linkage and not macro and text.strip(" \n;"):
                lead = len(text) - len(text.lstrip())
                yield start + lead, re.sub(r"^DIF_API\s+", "", text.strip())
            start = position + 1
            depth = 0
        position += 1


def struct_name(text):
    match = re.match(r"(?:typedef\s+)?struct\s+_?(\w+)\s*\{", text)
    return match[1] if match else None


def function_of(text):
    """(name, parameters, returns something) of a prototype or of an inline function."""
    match = re.match(r"([\w\s*]*?)\b(\w+) ?\((.*)", text, re.S)
    if not match or "typedef" in match[1] or "=" in match[1]:
        return None
    depth, end = 1, 0
    for end, char in enumerate(match[3]):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            break
    names = []
    for parameter in match[3][:end].split(","):
        word = re.search(r"(?:\(\*(\w+)\)|(\w+))(?:\[[^\]]*\])*\s*(?:G_GNUC_UNUSED)?$",
                         parameter.strip())
        if word and (word[1] or word[2]) != "void":
            names.append(word[1] or word[2])
    kind = re.sub(r"\b(static|inline|extern|const|DIF_API|G_GNUC_\w+)\b", "", match[1])
    return match[2], names, kind.split() != ["void"]


def symbols(text):
    """Yields (name, what the comment must contain) of one declaration."""
    define = re.match(r"\s*#\s*define\s+(DIF_\w+)", text)
    if define:
        if not define[1].endswith("_H"):
            yield define[1], []
    elif text.lstrip().startswith("#"):
        return
    elif re.match(r"typedef\s+enum", text):
        body = re.search(r"\{(.*)\}\s*(\w+)", text, re.S)
        yield body[2], [f"@{value}:" for value in re.findall(r"\b(DIF_\w+)\b(?=\s*[,=}]|\s*$)",
                                                           body[1])]
    elif struct_name(text) or re.match(r"typedef\s+struct\s*\{", text):
        named = re.search(r"\}\s*(\w+)\s*;$", text)
        yield (named[1] if named else struct_name(text)), []
    elif re.match(r"typedef\s+(struct|union)\s+\w+\s+\w+\s*;", text):
        return
    elif text.startswith("typedef"):
        callback = re.search(r"\(\*\s*(\w+)\)", text) or re.search(r"(\w+)\s*;", text)
        yield callback[1], []
    else:
        function = function_of(text)
        if function:
            name, names, returns = function
            yield name, [f"@{n}:" for n in names if n not in NO_PARAMETER] \
                + (["Returns:"] if returns else [])


def comment_before(text, position):
    """The comment above the declaration or above its group, or ''."""
    found = ""
    for match in COMMENT.finditer(text, 0, position):
        between = text[match.end():position]
        if not re.search(r"\n[ \t]*\n", between) and (match[0].startswith("/**") or not found):
            found = match[0]
    return found


def check(root, path, report):
    text = read(root, path)
    for position, declaration in declarations(bare_code(text)):
        for name, wanted in symbols(declaration):
            where = f"{path}:{line_of(text, position)}"
            comment = comment_before(text, position)
            head = HEAD.match(comment)
            if not head or name + ":" not in head[1].split():
                report.add("documented", where, f"{name} has no comment /** {name}: above it")
                continue
            for item in wanted:
                if item not in comment:
                    report.add("completely", where, f"the comment of {name} lacks {item}")


def main():
    root = source_root()
    report = Report("documented", "completely")
    for path in public_headers(root):
        check(root, path, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
