"""`ratewright source`: which sources there are, what one says, and what a definition makes of a file. Nothing is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import AsJson  # noqa: TC001 -- cyclopts reads the annotations when the command runs

if TYPE_CHECKING:
    from mediation.sources.model import Source
    from mediation.trial import Trial, TriedRow

app = cyclopts.App(name="source", help="Definitions of usage sources: list, show, and try one on a file.")

Definition = Annotated[str, Parameter(name="DEFINITION", help="Name of a built-in source, or a YAML file that defines one.")]
Folder = Annotated[Path | None, Parameter(name="--sources", help="Folder of definitions (*.yaml).")]
_BEFORE_CHARACTERS = 300


@app.command
def check(
    definition: Definition,
    file: Annotated[Path | None, Parameter(name="FILE", help="A file of that source; without it only the definition is checked.")] = None,
    /,
    *,
    rows: Annotated[int, Parameter(name="--rows", help="First rows to show.")] = 5,
    as_json: AsJson = False,
) -> int:
    """Try a definition on a file: the first rows before and after, and what was guessed. Nothing is stored.

    The exit status is 1 when the definition has mistakes or no row of the file can be used.
    """
    from mediation.definitions import named
    from server.cli import output

    found = named.find(definition)
    if file is None:
        if as_json:
            output.print_json(_summary(found))
        else:
            print(f"{found.name}: good, format {found.format.value}")
        return 0
    import msgspec

    from billing.intake.unusable import refuse_unusable
    from mediation import trial
    from mediation.bytes import containers
    from mediation.bytes.reader import shown
    from rating.errors import UserError
    from server.cli import progress
    from server.cli.usage import common

    common.refuse_unreadable([file])
    with containers.files_in(file) as members:
        if len(members) != 1:
            raise UserError(f"{file} holds {len(members)} files", "unpack it, and name the one to try")
        (member,) = members
        with progress.show(shown(Path(member.name)), "bytes") as report:
            tried = trial.attempt(member.path, found, max(rows, 0), progress=common.of_file(member.path, report))
        if member.path != file:
            tried = msgspec.structs.replace(tried, figures=msgspec.structs.replace(tried.figures, file=shown(Path(member.name))))
    if as_json:
        output.print_json(tried)
    else:
        _print(tried)
    refuse_unusable(tried.figures.file, found, tried.figures.rows, tried.figures.rejected)
    return 0


@app.command(name="list")
def list_(*, sources: Folder = None, as_json: AsJson = False) -> int:
    """List the built-in sources, and the definitions of a folder. A definition with mistakes is listed with what is wrong."""
    from mediation.sources.model import BUILT_IN
    from server.cli import output

    rows = [{"name": name, **_summary(source), "from": "built in"} for name, source in sorted(BUILT_IN.items())]
    problems: list[str] = []
    for path in sorted(sources.glob("*.y*ml")) if sources else []:
        row, wrong = _read(path)
        rows += row
        problems += wrong
    if as_json:
        output.print_json({"sources": rows, "problems": problems})
    else:
        columns = ("name", "format", "columns", "timezone", "files", "from")
        output.print_table(columns, [[row[name] for name in columns] for row in rows])
        for problem in problems:
            print(problem)
    return 1 if problems else 0


@app.command
def show(definition: Definition, /, *, as_json: AsJson = False) -> int:
    """Show a source as a definition: what is not said has its default."""
    import msgspec

    from mediation.definitions import named
    from mediation.definitions.text import definition as definition_of
    from server.cli import output

    made = definition_of(named.find(definition))
    if as_json:
        output.print_json(made)
    else:
        print(msgspec.yaml.encode(made).decode(), end="")
    return 0


def _summary(source: Source) -> dict[str, Any]:
    from mediation.sources.format_columns import COLUMNS, Shape

    is_by_place = COLUMNS[source.format].shape is Shape.BY_PLACE and source.layouts
    widths = " ".join(map(str, source.widths)) if is_by_place else "by name"
    return {
        "name": source.name,
        "format": source.format.value,
        "columns": widths,
        "timezone": source.timezone,
        "files": " ".join(source.files),
    }


def _read(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The definition of a file as a row of the list, or what is wrong with it."""
    from mediation.definitions import named
    from rating.errors import ProblemsError

    try:
        return [{**_summary(named.find(str(path))), "from": str(path)}], []
    except ProblemsError as error:
        return [], error.lines()[:-2]


def _print(tried: Trial) -> None:
    """The trial for a person, part by part."""
    from server.cli import output

    print(f"{tried.source}: {tried.format}, times in {tried.timezone}, doubtful local times: {tried.local_time}\n")
    unit = _unit(tried)
    for row in tried.first_rows:
        _print_row(row, unit)
    output.print_table(("what", "figure"), _figures(tried), right=("figure",))
    print()
    if tried.looked_at < tried.figures.rows:
        print(f"of the first {counted(tried.looked_at, 'row')}:")
    output.print_table(("taken from the file", "as", "rows"), _taken(tried), right=("rows",))
    if tried.words:
        print()
        words = [(word.word, word.rows, word.answered, word.unanswered, word.refused) for word in tried.words]
        names = ("word", "rows", "answered", "unanswered", "refused")
        output.print_table(names, words, right=names[1:])
    print(f"\ncolumns read:   {', '.join(tried.columns_read)}")
    print(f"columns unused: {', '.join(tried.columns_unused)}")
    if tried.no_numbers:
        print(f"destinations that are not numbers: {', '.join(output.printable(text) for text in tried.no_numbers)}")
    for note in tried.notes:
        print(f"note: {output.printable(note)}")


def _figures(tried: Trial) -> list[tuple[str, object]]:
    found = tried.figures
    names = ("rows", "accepted", "answered", "unanswered", "duplicate", "conflicting", "absorbed", "waiting")
    counts: list[tuple[str, object]] = [(name, getattr(found, name)) for name in names]
    counts += [(f"rejected {reason}", count) for reason, count in found.rejected.items()]
    counts += [(name, getattr(found, name)) for name in ("answered_duration_us", "bytes", "units", "first", "last")]
    return [(name, figure) for name, figure in counts if figure is not None]


def _taken(tried: Trial) -> list[tuple[str, str, int]]:
    """Findings of the trial and how many rows had each: columns of a row, layouts, offsets, payers and destinations."""
    parts = {
        "columns of a row": {str(width): rows for width, rows in tried.widths.items()},
        "layout": tried.layouts,
        "offset of the start": tried.times,
        "who pays": tried.served,
        "destination": tried.other,
    }
    return [(part, name, rows) for part, counts in parts.items() for name, rows in counts.items() if rows]


def _unit(tried: Trial) -> str:
    """The word for the place of a row: files of columns have rows and no bytes."""
    from mediation.formats.registry import is_columnar
    from mediation.sources.model import Format

    return "row" if is_columnar(Format(tried.format)) else "byte"


def _print_row(row: TriedRow, unit: str) -> None:
    from server.cli import output

    before = output.printable(row.before[:_BEFORE_CHARACTERS]) + (" ..." if len(row.before) > _BEFORE_CHARACTERS else "")
    if before:
        print(f"{unit} {row.offset + (unit == 'row')}: {before}")
    after = row.refused or ", ".join(f"{name} {value}" for name, value in row.after.items())
    print(f"  {'refused, ' if row.refused else '-> '}{output.printable(after)}\n")
