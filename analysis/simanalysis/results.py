# SPDX-License-Identifier: GPL-3.0-or-later
#
# A results folder as typed frames. Decides what belongs to a folder (datapackage.json lists it), what is
# checked
# beyond each file (check.py), and how several folders become one set of frames.

import json
from dataclasses import dataclass, field
from pathlib import Path

from .check import check_folder
from .errors import ResultsError, UnreadableError
from .table import category, check_digest, concatenate, read_table

PACKAGE, RUN = "datapackage.json", "run.json"


@dataclass
class Results:
    """Frames by the name of their file without .csv, and what each folder's run.json says.

    `results["summary"]` is a frame; `results.run` the part `run` of the first folder's run.json.
    With several folders each frame has a first column `folder`. `notes` are sentences about what is unusual.
    """

    folders: list
    tables: dict
    documents: list
    notes: list = field(default_factory=list)

    @property
    def run(self):
        return self.documents[0]["run"]

    @property
    def host(self):
        return self.documents[0].get("host", {})

    def __getitem__(self, name):
        return self.tables[name]

    def __contains__(self, name):
        return name in self.tables

    def get(self, name):
        """The frame, or None where the folders have no such file."""
        return self.tables.get(name)


def load(*folders, tables=None):
    """Reads one results folder or several.

    tables -- names of the files wanted, without .csv; all of them by default. Names that a folder has not are left
    out. Raises ResultsError (something is wrong with the contents) or UnreadableError.
    """
    if not folders:
        raise TypeError("load() needs a folder")
    parts = [_load_folder(Path(folder), tables) for folder in folders]
    if len(parts) == 1:
        return parts[0]
    _check_distinct(parts)
    names = list(dict.fromkeys(name for part in parts for name in part.tables))
    frames = {}
    for name in names:
        having = [part for part in parts if name in part.tables]
        for part in having:
            folder = str(part.folders[0])
            part.tables[name].insert(0, "folder", category([folder] * len(part.tables[name]), [folder]))
        frames[name] = concatenate([part.tables[name] for part in having])
    notes = [f"{part.folders[0]}: {note}" for part in parts for note in part.notes]
    versions = sorted({part.run.get("version", "?") for part in parts})
    if len(versions) > 1:
        notes.append("the folders come from different versions of sim: " + ", ".join(versions))
    return Results(
        [f for p in parts for f in p.folders], frames, [d for p in parts for d in p.documents], notes
    )


def _load_folder(folder, wanted):
    if not folder.exists():
        raise UnreadableError(folder, "there is no such folder")
    if not folder.is_dir():
        raise UnreadableError(folder, "is no folder", expected="one that sim run or sim compare wrote")
    package = _json(folder / PACKAGE)
    document = _json(folder / RUN)
    resources = _resources(folder / PACKAGE, package)
    if not isinstance(document.get("run"), dict):
        raise ResultsError(folder / RUN, "has no member “run”", expected="what sim wrote")
    tables = {}
    for resource in resources:
        path = folder / resource["path"]
        name = path.name.removesuffix(".csv")
        if wanted is None or name in wanted:
            tables[name] = read_table(path, resource)
        elif not path.exists():
            raise ResultsError(
                path,
                "the file is missing",
                expected="every file that datapackage.json lists: the folder is incomplete",
            )
    listed = {resource["path"] for resource in resources}
    notes = [
        f"{path.name} is not in {PACKAGE} and was not read"
        for path in sorted(folder.glob("*.csv"))
        if path.name not in listed
    ]
    notes += check_folder(folder, document["run"], tables)
    for resource in resources:
        if (folder / resource["path"]).name.removesuffix(".csv") in tables:
            check_digest(folder / resource["path"], resource)
    return Results([folder], tables, [document], notes)


def _json(path):
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ResultsError(
            path, "the file is missing", expected="a folder that sim run or sim compare wrote"
        ) from None
    except UnicodeDecodeError:
        raise ResultsError(path, "is not UTF-8") from None
    except OSError as error:
        raise UnreadableError(path, f"cannot be read: {error.strerror}") from None
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ResultsError(
            path, f"{error.msg} in column {error.colno}: cut or edited", line=error.lineno, expected="JSON"
        ) from None
    if not isinstance(value, dict):
        raise ResultsError(path, "is no object", line=1, expected="what sim wrote")
    return value


def _resources(path, package):
    resources = package.get("resources")
    if not isinstance(resources, list) or not resources:
        raise ResultsError(path, "lists no files", expected="an array “resources”")
    for resource in resources:
        fields = resource.get("schema", {}).get("fields") if isinstance(resource, dict) else None
        name = resource.get("path") if isinstance(resource, dict) else None
        if not isinstance(name, str) or "/" in name or not isinstance(fields, list) or not fields:
            raise ResultsError(path, "a resource without path or fields", expected="what sim wrote")
        if not all(isinstance(f, dict) and "name" in f and "type" in f for f in fields):
            raise ResultsError(path, f"a field of {name} without name or type", expected="what sim wrote")
    return resources


def _check_distinct(parts):
    """The same replication from two folders would count twice."""
    seen = {}
    for part in parts:
        frame = part.tables.get("summary")
        if frame is None:
            continue
        keys = frame[["run_id", "variant", "replication"]].dropna().drop_duplicates().astype(str)
        for key in keys.itertuples(index=False, name=None):
            if key in seen:
                raise ResultsError(
                    part.folders[0],
                    f"run {key[0]}, variant {key[1]}, replication {key[2]} is in {seen[key]} already",
                    expected="folders of different runs",
                )
            seen[key] = part.folders[0]
