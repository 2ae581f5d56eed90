"""`ratewright usage ingest|inspect|suspense|seal`: usage files into the home folder, and a look at what came of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.intake.reports import IntakeReport
    from rating.errors import UnusableFileError

app = cyclopts.App(name="usage", help="Ingest and inspect usage files; see what waits in suspense.")
SourceName = Annotated[str, Parameter(name="--source", help="Name of a source, or a YAML file that defines one.")]
SHOWN_ROWS = 50


@app.command
def ingest(
    files: Annotated[list[Path], Parameter(name="FILE", help="Usage files, plain or .gz; each is taken whole or not at all.")],
    /,
    *,
    source: SourceName,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Take in usage files. A file that was taken before is recognised and adds nothing, so the same call can be repeated.

    A file of which nothing can be used is refused, and the others are taken; the exit status is then 1. The home folder is made when it
    does not exist.
    """
    import shutil

    from mediation import sources
    from rating.errors import UnusableFileError
    from server.cli import output

    _refuse_unreadable(files)
    found = sources.find(source)

    from billing.intake.taking import Intake
    from billing.store.home import Home
    from mediation.reader import shown
    from server.cli import progress

    reports: list[IntakeReport] = []
    refused: list[UnusableFileError] = []
    fresh = not home.exists()
    try:
        with Home.open(home, create=True) as opened:
            intake = Intake(opened)
            for file in files:
                try:
                    with progress.show(shown(Path(file.name)), "bytes") as report:
                        reports.append(intake.take_file(file, found, _now_us(), _of_file(file, report)))
                except UnusableFileError as error:
                    refused.append(error)
    finally:
        if fresh and not reports:  # nothing was stored: not even an empty home is left
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        output.print_json(reports)
    elif reports:
        _print_reports(reports)
    _raise_refused(refused, len(files))
    return 0


@app.command
def inspect(
    file: Annotated[Path, Parameter(name="FILE", help="A usage file, plain or .gz.")], /, *, source: SourceName, as_json: AsJson = False
) -> int:
    """Decode a usage file and tell what is in it. Nothing is stored; a home folder is not needed.

    The exit status is 1 when no row of the file can be used.
    """
    from mediation import sources
    from server.cli import output

    _refuse_unreadable([file])
    found = sources.find(source)

    import msgspec

    from billing.intake.unusable import refuse_unusable
    from mediation.inspect import inspect as inspect_file
    from mediation.reader import shown
    from server.cli import progress

    with progress.show(shown(Path(file.name)), "bytes") as report:
        inspection = inspect_file(file, found, progress=_of_file(file, report))
    if as_json:
        output.print_json(inspection)
    else:
        rows = [(name, value) for name, value in _flat("", msgspec.to_builtins(inspection)) if value is not None]
        output.print_table(("what", "figure"), rows, right=("figure",))
        for note in inspection.notes():
            print(f"note: {note}")
    refuse_unusable(inspection.file, found.name, inspection.rows, inspection.rejected)
    return 0


@app.command
def suspense(
    *,
    reason: Annotated[str | None, Parameter(help="Only rows with this reason, such as conflicting.")] = None,
    limit: Annotated[int, Parameter(help="How many rows to show, oldest first.")] = SHOWN_ROWS,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
) -> int:
    """Show what waits in suspense: rows that could not be read, and events of which different versions came."""
    from billing.intake.suspense import suspended_rows, suspense_counts
    from billing.store.home import Home
    from server.cli import output

    with Home.open(home) as opened:
        counts = suspense_counts(opened)
        rows = suspended_rows(opened, reason, limit)
    if as_json:
        output.print_json({"counts": counts, "rows": rows})
        return 0
    if not counts:
        print("nothing waits in suspense")
        return 0
    output.print_table(("source", "reason", "rows"), [(each.source, each.reason, each.rows) for each in counts], right=("rows",))
    print()
    shown = [(row.reason, row.file or "stream", row.offset, row.raw) for row in rows]
    output.print_table(("reason", "file", "offset", "row"), shown, right=("offset",))
    _print_rest(reason, counts, len(rows))
    return 0


@app.command
def seal(*, home: HomeFolder = DEFAULT_HOME, as_json: AsJson = False) -> int:
    """Turn the usage journal into sorted Parquet files. What counts does not change; reading it becomes cheaper."""
    from billing.intake.taking import Intake
    from billing.store.home import Home
    from server.cli import output, progress

    with Home.open(home) as opened, progress.show("seal", "rows") as report:
        sealed = Intake(opened).seal(_now_us(), report)
    if as_json:
        output.print_json(sealed._asdict())
    elif sealed.rows:
        print(f"{sealed.rows:,} rows in {sealed.files} files, {sealed.sealed_bytes:,} bytes")
    else:
        print("nothing to seal")
    return 0


def _refuse_unreadable(files: Sequence[Path]) -> None:
    """All files are looked at before the first is taken."""
    from rating.errors import Problem, ProblemsError, UserError

    problems = []
    for file in files:
        if file.is_dir():
            problems.append(Problem(str(file), "file", "is a folder", "name the files in it"))
        elif not file.exists():
            problems.append(Problem(str(file), "file", "does not exist", "mend the name"))
        elif not file.is_file():
            problems.append(Problem(str(file), "file", "is a pipe or device", "write what comes from it to a file, and name that"))
    if len(problems) == 1:
        only = problems[0]
        raise UserError(f"{only.file} {only.message}", only.remedy)
    if problems:
        raise ProblemsError(problems)


def _raise_refused(refused: Sequence[UnusableFileError], files: int) -> None:
    """One file's own error, or all of them as a list."""
    from rating.errors import UserError

    if files == 1 and refused:
        raise refused[0]
    if refused:
        rows = "".join(f"\n  {error.message}; remedy: {error.remedy}" for error in refused)
        taken = "nothing was stored" if len(refused) == files else "the others were taken"
        raise UserError(
            f"{len(refused)} of {files} files {'was' if len(refused) == 1 else 'were'} refused, {taken}:{rows}",
            "mend or leave out what was refused and give the same command again: what was taken is recognised",
        )


def _print_reports(reports: Sequence[IntakeReport]) -> None:
    from billing.intake.settle import OUTCOME_NAMES
    from server.cli import output

    columns = ("file", "received", *OUTCOME_NAMES, "note")
    rows = [(Path(each.name).name, each.received, *(each.rows[name] for name in OUTCOME_NAMES), _note(each)) for each in reports]
    output.print_table(columns, rows, right=columns[1:-1])
    if any(each.rejected_by_reason or each.rows["conflicting"] for each in reports):
        print("rejected and conflicting rows wait in suspense: see `ratewright usage suspense`")


def _note(report: IntakeReport) -> str:
    if report.already_taken:
        return "taken before, nothing added"
    notes = [f"{report.taken_back} earlier rows now conflicting"] if report.taken_back else []
    notes += [f"{report.absorbed_later} earlier rows now absorbed"] if report.absorbed_later else []
    return "; ".join(notes)


def _print_rest(reason: str | None, counts: Sequence[object], shown: int) -> None:
    from billing.intake.suspense import SuspenseCount

    total = sum(each.rows for each in counts if isinstance(each, SuspenseCount) and reason in {None, each.reason})
    if total > shown:
        print(f"{total - shown:,} more: --limit {total} shows all")


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(f"{prefix} {key}".strip(), inner)]
    return [(prefix, value)]


def _of_file(file: Path, report: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress in bytes of the file, however often decoding reads it."""
    size_bytes = file.stat().st_size
    return lambda done, total: report(done * size_bytes // max(total, 1), size_bytes)


def _now_us() -> int:
    return time.time_ns() // 1000
