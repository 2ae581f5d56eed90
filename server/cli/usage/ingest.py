"""`ratewright usage ingest`: usage files into the home folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Practice, made
from server.cli.usage import common

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from billing.intake.reports import IntakeReport
    from billing.intake.taking import Intake
    from mediation.sources.model import Source
    from rating.errors import UnusableFileError

_SELDOM = {"waiting", "suspended"}  # outcomes that have no column where no row has them


def ingest(
    files: Annotated[list[Path], Parameter(name="FILE", help="Usage files, also packed; each is taken whole or not at all.")],
    /,
    *,
    source: common.SourceName,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Take in usage files. A file that was taken before is recognised and adds nothing, so the same call can be repeated.

    Each member of an archive is a file of its own. A file with nothing that can be used is refused, and the others are taken; the exit
    status is then 1. The home folder is made when it does not exist.
    """
    import functools
    import shutil

    from mediation.definitions import named
    from rating.errors import UnusableFileError
    from server import clock
    from server.cli import output

    common.refuse_unreadable(files)
    found = named.find(source)

    from billing.intake.taking import Intake

    reports: list[IntakeReport] = []
    refused: list[UnusableFileError] = []
    fresh = not home.exists()
    try:
        with made(home, practice=practice) as opened:
            intake, now = Intake(opened), functools.partial(clock.now_us, opened)
            now()  # a home that has no clock takes nothing
            for file in files:
                try:
                    _take(intake, file, found, now, reports, refused)
                except UnusableFileError as error:
                    refused.append(error)
    finally:
        if fresh and not reports:  # nothing was stored: not even an empty home is left
            shutil.rmtree(home, ignore_errors=True)
    if as_json:
        output.print_json(reports)
    elif reports:
        _print_reports(reports)
    _raise_refused(refused, len(reports) + len(refused))
    return 0


def _take(
    intake: Intake, file: Path, source: Source, now: Callable[[], int], reports: list[IntakeReport], refused: list[UnusableFileError]
) -> None:
    """Take a file, or each member of an archive. Raises UnusableFileError where an archive cannot be unpacked."""
    from mediation.bytes import containers
    from mediation.bytes.reader import shown
    from rating.errors import UnusableFileError
    from server.cli import progress

    with containers.files_in(file) as members:
        for member in members:
            name = shown(Path(member.name))
            own_name = "" if member.path == file else name
            try:
                with progress.show(name, "bytes") as report:
                    told = common.of_file(member.path, report)
                    reports.append(intake.take_file(member.path, source, now(), told, file_name=own_name))
            except UnusableFileError as error:
                error.message = error.message.replace(shown(member.path), own_name or shown(file))  # not where it was unpacked
                refused.append(error)


def _raise_refused(refused: Sequence[UnusableFileError], files: int) -> None:
    """One file's own error, or all of them as a list."""
    from rating.errors import UserError

    if files == 1 and refused:
        raise refused[0]
    if refused:
        rows = "".join(f"\n  {error.message}; remedy: {error.remedy}" for error in refused)
        taken = "nothing was stored" if len(refused) == files else "the others were taken"
        raise UserError(
            f"{len(refused)} of {counted(files, 'file')} {'was' if len(refused) == 1 else 'were'} refused, {taken}:{rows}",
            "correct or leave out what was refused and give the same command again: what was taken is recognised",
        )


def _print_reports(reports: Sequence[IntakeReport]) -> None:
    from billing.intake.settle import OUTCOME_NAMES
    from server.cli import output

    names = [name for name in OUTCOME_NAMES if name not in _SELDOM or any(each.rows[name] for each in reports)]
    columns = ("file", "received", *names, "note")
    rows = [(Path(each.name).name, each.received, *(each.rows[name] for name in names), _note(each)) for each in reports]
    output.print_table(columns, rows, right=columns[1:-1])
    if any(each.rejected_by_reason or each.rows["conflicting"] or each.rows["suspended"] for each in reports):
        print("rejected and conflicting rows wait in suspense: see `ratewright usage suspense`")


def _note(report: IntakeReport) -> str:
    if report.already_taken:
        same = "" if Path(report.same_as).name == Path(report.name).name else f" as {Path(report.same_as).name}"
        return f"taken before{same}, nothing added"
    notes = [f"{counted(report.taken_back, 'earlier row')} now conflicting"] if report.taken_back else []
    notes += [f"{rows} {reason}" for reason, rows in report.suspended_by_reason.items()]
    notes += [f"{report.assembled} put together from segments"] if report.assembled else []
    notes += [f"at least {counted(calls, 'call')} from {other} as well: each bills twice" for other, calls in report.told_twice.items()]
    notes += [f"{counted(report.absorbed_later, 'earlier row')} now absorbed"] if report.absorbed_later else []
    return "; ".join(notes)
