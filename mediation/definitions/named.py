"""A source by its name, or by the file that defines it."""

from __future__ import annotations

from pathlib import Path

from mediation.sources.model import BUILT_IN, Source
from rating.errors import UserError


def find(name_or_path: str) -> Source:
    """The built-in source of that name, or the one defined in a YAML file."""
    if name_or_path in BUILT_IN:
        return BUILT_IN[name_or_path]
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"} or path.exists():
        from mediation.definitions.file import read_source  # noqa: PLC0415 - YAML is for those who give a file

        return read_source(path)
    names = ", ".join(sorted(BUILT_IN))
    raise UserError(
        f"there is no source {name_or_path!r}; built in are {names}",
        "name one of these, or the path of a YAML file that defines the source, see docs/sources.md",
        exit_status=2,
    )
