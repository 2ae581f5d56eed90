"""`ratewright usage ingest`: usage files into the home folder."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from server.cli.homes import HERE, AsJson, Place, Practice, made
from server.cli.usage import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from billing.intake.reports import IntakeReport
    from server.actions.usage_files import Ingested

_SELDOM = {"waiting", "suspended"}  # outcomes that have no column where no row has them


def ingest(
    files: Annotated[list[Path], Parameter(name="FILE", help="Usage files, also packed; each is taken whole or not at all.")],
    /,
    *,
    source: common.SourceName,
    at: Place = HERE,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Take in usage files. A file that was taken before is recognised and adds nothing, so the same call can be repeated.

    Each member of an archive is a file of its own. A file with nothing that can be used is refused, and the others are taken; the exit
    status is then 1. The home folder is made when it does not exist.
    """
    from server.cli import output

    common.refuse_unreadable(files)
    taken = _in_home if at.server is None else _by_service
    done = taken(at, files, source, practice=practice)

    from server.actions import usage_files

    if as_json:
        output.print_json(done.reports)
    elif done.reports:
        _print_reports(done.reports)
    usage_files.raise_refused(done.refused, len(done.reports) + len(done.refused))
    return 0


def _in_home(at: Place, files: Sequence[Path], source: str, *, practice: bool) -> Ingested:
    import functools
    import shutil

    from mediation.definitions import named
    from rating.errors import UnusableFileError
    from server import clock

    found = named.find(source)

    from billing.intake.taking import Intake
    from server.actions import usage_files

    done = usage_files.Ingested([], [])
    fresh = not at.home.exists()
    try:
        with made(at.home, practice=practice) as opened:
            intake, now = Intake(opened), functools.partial(clock.now_us, opened)
            now()  # a home that has no clock takes nothing
            for file in files:
                try:
                    usage_files.take(intake, file, found, now, done, _told)
                except UnusableFileError as error:
                    done.refused.append(error)
    finally:
        if fresh and not done.reports:  # nothing was stored: not even an empty home is left
            shutil.rmtree(at.home, ignore_errors=True)
    return done


def _by_service(at: Place, files: Sequence[Path], source: str, *, practice: bool) -> Ingested:
    from mediation.bytes.reader import shown
    from rating.errors import UnusableFileError, UserError
    from server.actions import usage_files
    from server.cli import progress
    from server.cli.remote.service import connected

    if practice:
        raise UserError("--practice makes a home, and a service has one", "leave it out with --server", exit_status=2)
    if Path(source).suffix in {".yaml", ".yml"} or "/" in source:
        remedy = "start the service with it (serve --source) and name the source, or give the command on the machine that holds the home"
        raise UserError(f"--source {source}: a definition is not sent to a service", remedy, exit_status=2)
    done = usage_files.Ingested([], [])
    with connected(at) as service:
        for file in files:
            try:
                with progress.show(shown(file), "bytes") as report:
                    service.usage_files.ingest(file, source, done, report)
            except UnusableFileError as error:
                done.refused.append(error)
    return done


def _told(name: str, path: Path) -> AbstractContextManager[Callable[[int, int], None]]:
    """Progress of a file on the screen."""
    from server.cli import progress

    @contextlib.contextmanager
    def shown() -> Iterator[Callable[[int, int], None]]:
        with progress.show(name, "bytes") as report:
            yield common.of_file(path, report)

    return shown()


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
