"""`ratewright usage inspect`: a look at a usage file, nothing stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter

from server.cli.homes import AsJson  # noqa: TC001 -- cyclopts reads the annotations when the command runs
from server.cli.usage import common

if TYPE_CHECKING:
    from mediation.inspect import Inspection


def inspect(
    file: Annotated[Path, Parameter(name="FILE", help="A usage file, plain, gzip or zstd, or a zip or tar of such files.")],
    /,
    *,
    source: common.SourceName,
    as_json: AsJson = False,
) -> int:
    """Decode a usage file and show what is in it. Nothing is stored; a home folder is not needed.

    Each member of an archive is a file of its own; --json then gives a list. The exit status is 1 when no row of a file can be used.
    """
    from mediation.definitions import named
    from server.cli import output

    common.refuse_unreadable([file])
    found = named.find(source)

    from billing.intake.unusable import refuse_unusable
    from mediation.bytes import containers
    from mediation.bytes.reader import shown
    from mediation.inspect import inspect as inspect_file
    from server.cli import progress

    inspections = []
    with containers.files_in(file) as members:
        for member in members:
            with progress.show(shown(Path(member.name)), "bytes") as report:
                inspection = inspect_file(member.path, found, progress=common.of_file(member.path, report))
            is_member = member.path != file
            inspections.append(msgspec.structs.replace(inspection, file=shown(Path(member.name))) if is_member else inspection)
    if as_json:
        output.print_json(inspections if containers.is_archive(file) else inspections[0])
    else:
        for inspection in inspections:
            _print(inspection)
    for inspection in inspections:
        refuse_unusable(inspection.file, found, inspection.rows, inspection.rejected)
    return 0


def _print(inspection: Inspection) -> None:
    """One file's figures for a person."""
    from server.cli import output

    rows = [(name, value) for name, value in _flat("", msgspec.to_builtins(inspection)) if value is not None]
    output.print_table(("what", "figure"), rows, right=("figure",))
    for note in inspection.notes():
        print(f"note: {note}")


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(f"{prefix} {key}".strip(), inner)]
    return [(prefix, value)]
