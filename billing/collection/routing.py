"""Assignment of files to sources, by the patterns that the definitions give for the names of their files.

A pattern such as `sw1_*.csv` is compared with the last part of a name. One with a slash, such as `sw1/*.csv`, is compared with all of the
name below the incoming folder. Large and small letters differ. Exactly one source must want a file: none, or two, is a mistake of the
definitions.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Final

from billing.collection.folders import base_name
from mediation.definitions.file import read_source
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mediation.sources.model import Source

DEFINITION_SUFFIXES: Final = (".yaml", ".yml")


class RoutingError(UserError):
    """No source, or more than one, wants a file."""


def load_sources(folder: Path) -> list[Source]:
    """Every definition in `folder` that names files. Raises ProblemsError with the mistakes of all of them."""
    if not folder.is_dir():
        raise UserError(f"there is no folder of source definitions {folder}", "name it with --sources", exit_status=2)
    paths = sorted(path for path in folder.iterdir() if path.suffix in DEFINITION_SUFFIXES)
    problems: list[Problem] = []
    sources: dict[str, Source] = {}
    for path in paths:
        try:
            source = read_source(path)
        except ProblemsError as error:
            problems += error.problems
            continue
        if source.name in sources:
            problems.append(Problem(str(path), "name", f"{source.name!r} is the name of another definition as well", "give each its own"))
        sources[source.name] = source
    if problems:
        raise ProblemsError(problems)
    wanted = [source for source in sources.values() if source.files]
    if not wanted:
        raise UserError(
            f"no source definition in {folder} says which files are its own",
            "add patterns of file names to them, such as files: ['sw1_*.csv'], see docs/collecting.md",
            exit_status=2,
        )
    return wanted


def route(name: str, sources: Sequence[Source]) -> Source:
    """The one source that wants the file `name`. Raises RoutingError."""
    found = [source for source in sources if wants(source, name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RoutingError(
            f"no source takes files with names such as {base_name(name)}",
            "add a pattern to `files` of its definition, then move the file back",
        )
    names = " and ".join(source.name for source in found)
    raise RoutingError(f"sources {names} both take {base_name(name)}", "make their patterns exclude each other, then move the file back")


def wants(source: Source, name: str) -> bool:
    """Return whether one of the patterns of `source` fits the name."""
    return any(fnmatch.fnmatchcase(name if "/" in pattern else base_name(name), pattern) for pattern in source.files)


def marker_of(name: str, sources: Sequence[Source]) -> str:
    """The ending of the ready file that `name` has to wait for; empty where its source knows none."""
    found = [source.marker for source in sources if wants(source, name)]
    return found[0] if len(found) == 1 else ""
