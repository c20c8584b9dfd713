# SPDX-License-Identifier: GPL-3.0-or-later
#
# One CSV file into one typed frame, held against its description in datapackage.json. Decides what a
# truncated or
# edited file is: a last line without its end, rows with other numbers of cells than the header, cells that
# are not of
# the declared type, outside the enumeration, or empty where a value is required.

import hashlib
import io

import numpy
import pandas

from .errors import ResultsError, UnreadableError

IDENTITY = ("run_id", "scenario", "variant", "proxy_mode", "replication", "seed")
ROWS_AT_ONCE = 200_000
_NEWLINE, _COMMA, _QUOTE, _RETURN = b"\n"[0], b","[0], b'"'[0], b"\r"[0]


def read_table(path, resource):
    """The frame of one file.

    resource -- its entry in datapackage.json.
    Strings are `str` (categories where they identify a row or have an enumeration), integers nullable `Int64`
    (`seed`: `UInt64`), numbers `float64` with NaN for "no value", booleans nullable.
    """
    data = _read(path)
    fields = resource["schema"]["fields"]
    lines = _structure(path, data, len(fields))
    header = pandas.read_csv(io.BytesIO(data), nrows=0, dtype=str)
    _check_header(path, [str(name) for name in header.columns], [field["name"] for field in fields])
    reader = pandas.read_csv(
        io.BytesIO(data), dtype=str, keep_default_na=False, na_filter=False, chunksize=ROWS_AT_ONCE
    )
    parts, first = [], 0
    for chunk in reader:
        at = lines[1 + first : 1 + first + len(chunk)]
        chunk = chunk.reset_index(drop=True)
        parts.append(pandas.DataFrame({f["name"]: _typed(path, chunk[f["name"]], f, at) for f in fields}))
        first += len(chunk)
    if not parts:
        return pandas.DataFrame({f["name"]: _typed(path, header[f["name"]], f, lines[:0]) for f in fields})
    return concatenate(parts)


def concatenate(frames):
    """The rows of all frames; a category that only one of them has is one of the whole."""
    if len(frames) == 1:
        return frames[0]
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    columns = {}
    for name in names:
        parts = [
            frame[name] if name in frame else pandas.Series([pandas.NA] * len(frame)) for frame in frames
        ]
        if all(isinstance(part.dtype, pandas.CategoricalDtype) for part in parts):
            columns[name] = pandas.Series(pandas.api.types.union_categoricals(parts))
        else:
            columns[name] = pandas.concat(parts, ignore_index=True)
    return pandas.DataFrame(columns)


def _read(path):
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ResultsError(
            path,
            "the file is missing",
            expected="every file that datapackage.json lists: the folder is incomplete",
        ) from None
    except OSError as error:
        raise UnreadableError(path, f"cannot be read: {error.strerror}") from None


def check_digest(path, resource):
    """Where the package carries sizes and digests (Frictionless `bytes` and `hash`), any edit is found.

    Asked last: what is wrong with a line is told with its place first.
    """
    data = _read(path)
    size = resource.get("bytes")
    if size is not None and size != len(data):
        raise ResultsError(path, f"has {len(data)} bytes", expected=f"{size}: the file was cut or edited")
    digest = resource.get("hash")
    if digest:
        kind, _, value = digest.rpartition(":")
        if hashlib.new(kind or "md5", data).hexdigest() != value.lower():
            raise ResultsError(
                path, f"its {kind or 'md5'} is not that of datapackage.json: the file was edited"
            )


def _structure(path, data, columns):
    """Line number of each record's first line, header first, after all records were found whole."""
    if not data:
        raise ResultsError(path, "is empty", line=1, expected="a header")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ResultsError(path, "is not UTF-8", line=line) from None
    octets = numpy.frombuffer(data, dtype=numpy.uint8)
    inside = numpy.bitwise_xor.accumulate(octets == _QUOTE)
    breaks = octets == _NEWLINE
    ends = numpy.flatnonzero(breaks & ~inside)
    whole = len(ends) and ends[-1] == len(octets) - 1
    starts = numpy.concatenate([[0], ends[:-1] + 1] if whole else [[0], ends + 1])
    lines = numpy.searchsorted(numpy.flatnonzero(breaks), starts) + 1
    if not whole:
        raise ResultsError(
            path, "the last line has no end", line=int(lines[-1]), expected="a line feed: the file was cut"
        )
    if numpy.any(octets == _RETURN):
        at = data.count(b"\n", 0, int(numpy.argmax(octets == _RETURN))) + 1
        raise ResultsError(path, "has a carriage return", line=at, expected="LF: the file was edited")
    separators = numpy.flatnonzero((octets == _COMMA) & ~inside)
    cells = numpy.diff(numpy.searchsorted(separators, ends), prepend=0) + 1
    for row in numpy.flatnonzero(cells[1:] != cells[0])[:1] + 1:
        raise ResultsError(
            path, f"has {cells[row]} cells", line=int(lines[row]), expected=f"{cells[0]}, as the header has"
        )
    return lines


def _check_header(path, found, declared):
    missing = [name for name in declared if name not in found]
    extra = [name for name in found if name not in declared]
    if missing:
        raise ResultsError(path, "is missing", line=1, column=missing[0], expected="it by datapackage.json")
    if extra:
        raise ResultsError(
            path, "is not in datapackage.json", line=1, column=extra[0], expected=", ".join(declared)
        )
    if found != declared:
        place = next(i for i, pair in enumerate(zip(found, declared)) if pair[0] != pair[1])
        raise ResultsError(
            path,
            f"stands where {declared[place]} should",
            line=1,
            column=found[place],
            expected=", ".join(declared),
        )


def _typed(path, texts, field, lines):
    """One column of one chunk.  lines -- the line of each of its rows."""
    name, kind = field["name"], field["type"]
    constraints = field.get("constraints", {})
    empty = texts == ""

    def fail(bad, expected):
        for row in numpy.flatnonzero(bad.to_numpy())[:1]:
            text = texts.iloc[row]
            raise ResultsError(
                path,
                f"“{text}”" if text else "is empty",
                line=int(lines[row]),
                column=name,
                expected=expected,
            )

    if constraints.get("required"):
        fail(empty, "a value")
    allowed = constraints.get("enum")
    if kind == "string":
        if allowed:
            fail(~empty & ~texts.isin(allowed), "one of " + ", ".join(allowed))
            return category(texts.mask(empty), allowed)
        if name in IDENTITY:
            return category(texts.mask(empty), sorted(texts[~empty].unique()))
        return texts.mask(empty).astype("str")
    if kind == "boolean":
        fail(~empty & ~texts.isin(["true", "false"]), "true or false")
        return texts.map({"true": True, "false": False}).astype("boolean")
    values = pandas.to_numeric(texts[~empty], errors="coerce")
    bad = pandas.Series(False, index=texts.index)
    bad.loc[values.index] = ~numpy.isfinite(values.astype("float64"))
    if kind == "integer":
        bad.loc[values.index] |= ~texts[values.index].str.fullmatch(r"-?[0-9]+")
        fail(bad, "an integer")
        whole = "UInt64" if name == "seed" else "Int64"
        if name == "seed":
            fail(texts.str.startswith("-"), "an integer from 0")
        return values.astype(whole).reindex(texts.index)
    if kind == "number":
        fail(bad, "a number")
        return values.astype("float64").reindex(texts.index)
    raise ResultsError(
        path.parent / "datapackage.json",
        f"type {kind} of {path.name}",
        column=name,
        expected="string, integer, number or boolean",
    )


def category(texts, categories):
    """Categories are always texts, also where there is none, so that frames of several files fit together."""
    return pandas.Series(pandas.Categorical(texts, categories=pandas.Index(list(categories), dtype="str")))
