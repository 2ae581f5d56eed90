"""A tariff file, or a folder of them, as a checked catalogue.

`load` reads YAML and the CSV files it names, and raises `ProblemsError` with every mistake at once: file, place in the document with
its line, remedy. Its result is complete, checked, and carries its content hash. Nothing is stored.
The YAML files of a folder are read in the order of their names as one document: lists are joined, any other field is there once. Hidden
files, other files and inner folders are skipped.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rating.errors import Problem, ProblemsError, UserError
from rating.model import Catalogue
from tariffs import canonical, check
from tariffs.documents import csvfiles, limits, parsing
from tariffs.documents.decode import decode
from tariffs.documents.document import Finding, Parsed, Place
from tariffs.documents.joined import File, Joined
from tariffs.documents.uncollected import uncollected
from tariffs.language.entries import Document
from tariffs.reading import build, sizes
from tariffs.warnings import files
from tariffs.warnings.common import Warning  # noqa: A004 -- see there

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SUFFIXES: Final = (".yaml", ".yml")


class Located(NamedTuple):
    """A checked catalogue, the way from a place in it to file and line, and what was doubtful in its files themselves.

    `files`: the names of those that were read, below `folder`.
    """

    catalogue: Catalogue
    locate: Callable[[Finding], Problem]
    notes: tuple[Warning, ...]
    folder: Path
    files: tuple[str, ...]


def load(path: Path) -> Catalogue:
    """The catalogue of the file or folder `path`. Raises UserError or ProblemsError."""
    return load_located(path).catalogue


def load_located(path: Path) -> Located:
    """As `load`, for those who have more to say about places of the catalogue, such as warnings."""
    with uncollected():
        return _load(path)


def _load(path: Path) -> Located:
    paths = _yaml_files(path)
    joined = Joined(_read(paths))
    findings = list(joined.findings)
    entries = decode(joined.fields, Document, (), findings)
    if joined.broken:  # what is missing may stand in the part that could not be read
        raise _problems(joined, [f for f in findings if len(f.place) != 1 or f.place[0] in joined.fields])
    csv, notes = files.clear(entries, csvfiles.read(entries, joined.folder, findings))
    joined.note_decks(entries, csv)
    too_much = sizes.before_building(entries, csv)
    if too_much:
        raise _problems(joined, [*findings, *too_much])
    catalogue = build.build(entries, csv, findings)
    joined.note_add_ons(entries, catalogue)
    noted = {place for finding in findings for place in (finding.place, _what_it_fills(finding.place))}  # not judged by placeholders
    findings += [finding for finding in check.check(catalogue) if finding.place not in noted]
    findings = findings or list(sizes.of_catalogue(catalogue))
    if findings:
        raise _problems(joined, findings)
    names = (*(each.name for each in paths), *csvfiles.named(entries))
    return Located(canonical.sealed(catalogue), joined.problem, tuple(notes), joined.folder, names)


def _problems(joined: Joined, findings: Iterable[Finding]) -> ProblemsError:
    """All mistakes, each once; of a great many the first."""
    once = list(dict.fromkeys(findings))
    problems = [joined.problem(finding) for finding in once[: limits.FINDINGS_MAX]]
    if len(once) > limits.FINDINGS_MAX:
        left = f"and {len(once) - limits.FINDINGS_MAX:,} more mistakes, which are not shown"
        problems.append(Problem(problems[-1].file, "document", left, "correct these first"))
    return ProblemsError(problems)


def _yaml_files(path: Path) -> list[Path]:
    """The files to read for `path`."""
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder", "name a tariff file (.yaml) or a folder of them")
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path}: is neither a file nor a folder", "name a tariff file (.yaml) or a folder of them")
    try:
        entries = list(itertools.islice(path.iterdir(), limits.FOLDER_ENTRIES_MAX + 1))
        files = sorted(file for file in entries if _is_tariff(file) and file.is_file())
        near = itertools.islice(path.glob("*/*"), 0 if files else limits.FOLDER_ENTRIES_MAX)
        inner = sorted(file.parent.name for file in near if _is_tariff(file))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}", "name a tariff file (.yaml) or a folder of them") from None
    if len(entries) > limits.FOLDER_ENTRIES_MAX or len(files) > limits.FILES_MAX:
        most = f"at most {limits.FILES_MAX} tariff files, and {limits.FOLDER_ENTRIES_MAX:,} files of any kind, can be in it"
        raise UserError(f"{path}: the folder holds too many files", f"give the catalogue a folder of its own; {most}")
    if not files:
        remedy = f"name one of its folders, such as {path / inner[0]}" if inner else "name a folder that holds .yaml files"
        raise UserError(f"{path}: the folder holds no tariff file", remedy)
    return files


def _is_tariff(file: Path) -> bool:
    """Return whether a folder's file belongs to the catalogue: what editors and systems leave behind is hidden."""
    return file.suffix in SUFFIXES and not file.name.startswith(".")


def _read(paths: Sequence[Path]) -> list[File]:
    """Contents of the files. They share one allowance of bytes and entries, so that many of them are no way around it."""
    found: list[File] = []
    bytes_left, nodes_left = limits.FOLDER_YAML_BYTES_MAX, limits.YAML_NODES_MAX
    for path in paths:
        parsed = _parse(path, min(bytes_left, limits.YAML_BYTES_MAX), nodes_left, is_one_of_many=len(paths) > 1)
        bytes_left, nodes_left = bytes_left - parsed.bytes_read, nodes_left - len(parsed.seen)
        found.append(File(path, parsed))
    return found


def _parse(file: Path, bytes_max: int, nodes_max: int, *, is_one_of_many: bool) -> Parsed:
    if is_one_of_many and not file.resolve().is_relative_to(file.parent.resolve()):
        remedy = f"put the file itself into {file.parent}"
        return Parsed({}, {}, [Finding((), "a link that leads out of the catalogue's folder", remedy)], set())
    try:
        return parsing.parse(file, bytes_max, nodes_max)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}", "check its permissions") from None


def _what_it_fills(place: Place) -> Place:
    """The field that a file fills, such as `prefixes` of `prefixes_file`; any other place itself."""
    return (*place[:-1], str(place[-1]).removesuffix("_file")) if place and str(place[-1]).endswith("_file") else place
