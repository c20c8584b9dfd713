# SPDX-License-Identifier: GPL-3.0-or-later
#
# A results folder whose scenario, Service, client and node have names that try to leave their place in the page.

import csv
import io
import json

SCRIPT = "<script>alert(1)</script>"
CLOSING = "</script><script>alert(2)</script>"
IMAGE = "<img src=x onerror=alert(3)>"
QUOTES = "\"'><svg onload=alert(4)>"
COMMENT = "<!--<script>"
NAMES = [SCRIPT, CLOSING, IMAGE, QUOTES, COMMENT]


def spoil(folder):
    """Replaces names in every CSV file and in run.json of a copy of a folder."""
    swaps = {
        "scenario": lambda _: SCRIPT,
        "service": lambda old: CLOSING + old if old else old,
        "client": lambda old: IMAGE + old if old else old,
        "node": lambda old: QUOTES + old if old else old,
        "pod": lambda old: COMMENT + old if old else old,
        "object": lambda old: old.split("/")[0] + "/" + CLOSING + old.rpartition("/")[2],
        "variant": lambda old: SCRIPT + old,
        "baseline": lambda old: SCRIPT + old,
    }
    for path in folder.glob("*.csv"):
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        if not rows:
            continue
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({key: swaps.get(key, lambda old: old)(value) for key, value in row.items()})
        path.write_text(text.getvalue(), encoding="utf-8")
    package = json.loads((folder / "datapackage.json").read_text())
    for resource in package["resources"]:
        resource.pop("hash", None)
        resource.pop("bytes", None)
    (folder / "datapackage.json").write_text(json.dumps(package))
    document = json.loads((folder / "run.json").read_text())
    run = document["run"]
    run["scenario"], run["question"], run["scenario_file"] = SCRIPT, CLOSING + IMAGE, QUOTES
    run["arguments"] = [SCRIPT, CLOSING]
    for one in run.get("variants", [run]):
        one["variant"] = SCRIPT + one["variant"]
    (folder / "run.json").write_text(json.dumps(document))
    return folder
