"""`ratewright usage inspect`: a look at a usage file, nothing stored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from server.cli.homes import AsJson  # noqa: TC001 -- cyclopts reads the annotations when the command runs
from server.cli.usage_commands import common


def inspect(
    file: Annotated[Path, Parameter(name="FILE", help="A usage file, plain or .gz.")],
    /,
    *,
    source: common.SourceName,
    as_json: AsJson = False,
) -> int:
    """Decode a usage file and tell what is in it. Nothing is stored; a home folder is not needed.

    The exit status is 1 when no row of the file can be used.
    """
    from mediation import sources
    from server.cli import output

    common.refuse_unreadable([file])
    found = sources.find(source)

    import msgspec

    from billing.intake.unusable import refuse_unusable
    from mediation.inspect import inspect as inspect_file
    from mediation.reader import shown
    from server.cli import progress

    with progress.show(shown(Path(file.name)), "bytes") as report:
        inspection = inspect_file(file, found, progress=common.of_file(file, report))
    if as_json:
        output.print_json(inspection)
    else:
        rows = [(name, value) for name, value in _flat("", msgspec.to_builtins(inspection)) if value is not None]
        output.print_table(("what", "figure"), rows, right=("figure",))
        for note in inspection.notes():
            print(f"note: {note}")
    refuse_unusable(inspection.file, found.name, inspection.rows, inspection.rejected)
    return 0


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(f"{prefix} {key}".strip(), inner)]
    return [(prefix, value)]
