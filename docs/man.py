#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes sim.1, the manual page (mdoc), from what the program says of its own commands.

Usage: docs/man.py path/of/sim > sim.1      Checked with: mandoc -T lint -W warning sim.1
"""

import json
import re
import subprocess
import sys


def escaped(text: str) -> str:
    """Text as roff takes it: no line begins with a control character, no backslash is an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def word(text: str) -> str:
    """An argument of a macro: words that mdoc would take for macros or punctuation are kept apart."""
    return '"' + escaped(text).replace('"', "\\(dq") + '"'


def paragraphs(text: str) -> list[str]:
    """Indented lines stand as they are; others are running text."""
    lines, literal = [], False
    for line in text.strip("\n").split("\n"):
        if line.startswith("  ") and not literal:
            lines.append(".Bd -literal -offset 2n")
            literal = True
        elif literal and not line.startswith("  "):
            lines.append(".Ed")
            literal = False
            if not line:
                lines.append(".Pp")
                continue
        if not line:
            if lines and lines[-1] not in (".Pp", ".Ed"):
                lines.append(".Pp")
        else:
            lines += [escaped(line)] if literal else [escaped(s) for s in re.split(r"(?<=[.?!])\s+(?=[^a-z])", line)]
    if literal:
        lines.append(".Ed")
    while lines and lines[-1] == ".Pp":
        lines.pop()
    return [line for i, line in enumerate(lines) if not (line == ".Pp" and lines[i + 1].startswith(".Bd"))]


def flag(name: dict) -> str:
    return name["name"] if name["kind"] != "long" else "-" + name["name"]


def option(argument: dict) -> list[str]:
    """One item of a list of options."""
    value = argument.get("valueName", "value")
    if argument["kind"] == "positional":
        head = f".It Ar {word(value)}"
    else:
        names = " , ".join(f"Fl {word(flag(name))}" for name in argument["names"])
        head = f".It {names}" + (f" Ar {word(value)}" if argument["kind"] == "option" else "")
    lines = [head, *paragraphs(argument.get("abstract") or "")]
    if values := argument.get("allValues"):
        lines += ["One of", ".Li " + word(", ".join(values)) + " ."]
    if (default := argument.get("defaultValue")) and default != "false":
        lines += ["Default:", ".Li " + word(default) + " ."]
    return lines


def shown(arguments: list[dict]) -> list[dict]:
    return [a for a in arguments if a["shouldDisplay"] and a.get("valueName") not in ("help", "version")]


def command(node: dict, path: str) -> list[str]:
    name = f"{path} {node['commandName']}"
    arguments = shown(node.get("arguments", []))
    lines = [f".Ss {escaped(name)}", *paragraphs(node.get("abstract", ""))]
    if node.get("discussion"):
        lines += [".Pp", *paragraphs(node["discussion"])]
    if arguments:
        lines += [".Bl -tag -width Ds"]
        for argument in arguments:
            lines += option(argument)
        lines += [".El"]
    for sub in node.get("subcommands", []):
        if sub["shouldDisplay"] and sub["commandName"] != "help":
            lines += command(sub, name)
    return lines


def page(root: dict) -> str:
    lines = [
        '.\\" Made by docs/man.py from sim --experimental-dump-help.',
        ".Dd $Mdocdate$",
        ".Dt SIM 1",
        ".Os",
        ".Sh NAME",
        ".Nm sim",
        ".Nd simulates Kubernetes Service networking",
        ".Sh SYNOPSIS",
        ".Nm",
        ".Op Ar command",
        ".Ar scenario",
        ".Op Ar options",
        ".Sh DESCRIPTION",
        *paragraphs(root["abstract"]),
        ".Pp",
        *paragraphs(root.get("discussion", "")),
        ".Sh COMMANDS",
    ]
    for sub in root["subcommands"]:
        if sub["shouldDisplay"] and sub["commandName"] != "help":
            lines += command(sub, "sim")
    lines += [
        ".Sh FILES",
        ".Bl -tag -width Ds",
        ".It Pa results/NAME",
        "Where a run puts its reports unless",
        ".Fl \\-out",
        "names another folder.",
        ".El",
        ".Sh SEE ALSO",
        "The folder",
        ".Pa docs",
        "of the sources explains the model, every file of the results and every key of scenarios.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    dump = subprocess.run([sys.argv[1], "--experimental-dump-help"], check=True, capture_output=True, text=True)
    sys.stdout.write(page(json.loads(dump.stdout)["command"]))
