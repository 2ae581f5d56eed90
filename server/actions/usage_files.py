"""Usage files as they are taken in: a file, or each member of an archive, whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.intake import resent
from billing.intake.reports import IntakeReport
from billing.intake.settle import OUTCOME_NAMES, Outcome
from billing.store import tables
from mediation.bytes import containers
from mediation.bytes.containers import Limits
from mediation.bytes.reader import shown
from rating.counted import counted
from rating.errors import UnusableFileError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from billing.intake.taking import Intake
    from billing.store.home import Home
    from mediation.sources.model import Source

    Report = Callable[[int, int], None]


class Ingested(NamedTuple):
    """Reports of files that were taken, and the errors of those that were refused. Both grow while files are taken."""

    reports: list[IntakeReport]
    refused: list[UnusableFileError]


class Kept(NamedTuple):
    """A file in the store: its id, and its rows by outcome as they were when the last one came; rejected ones by reason."""

    raw_file_id: int
    received: int
    rows: dict[str, int]
    rejected: dict[str, int]
    answered_duration_us: int


def kept(home: Home, source: str, commit_seq: int) -> Kept:
    """The file of a source whose last rows came with a commit."""
    raw_file_id = resent.raw_file_id(home, source, commit_seq)
    count, row = tables.intake_counts.c, tables.suspense.c
    of_file = sa.select(count.outcome, sa.func.sum(count.rows), sa.func.sum(count.duration_us)).where(
        count.raw_file_id == raw_file_id, count.commit_seq <= commit_seq
    )
    of_reason = sa.select(row.reason, sa.func.count()).where(row.raw_file_id == raw_file_id, row.commit_seq <= commit_seq)
    with home.connect() as connection:
        sums = connection.execute(of_file.group_by(count.outcome)).all()
        rejected = connection.execute(of_reason.where(row.event_key.is_(None)).group_by(row.reason))
        reasons = {str(name): int(rows) for name, rows in rejected}
    counts = {str(name): int(rows) for name, rows, _ in sums}
    answered_us = sum(int(duration_us) for name, _, duration_us in sums if name == OUTCOME_NAMES[Outcome.ANSWERED])
    return Kept(raw_file_id, counts.get("received", 0), {name: counts.get(name, 0) for name in OUTCOME_NAMES}, reasons, answered_us)


def untold(_name: str, _path: Path) -> AbstractContextManager[Report | None]:
    """No progress of a file."""
    return contextlib.nullcontext()


def take(  # noqa: PLR0913, PLR0917 -- a file, what it is, and where it is told
    intake: Intake,
    file: Path,
    source: Source,
    clock_us: Callable[[], int],
    done: Ingested,
    told: Callable[[str, Path], AbstractContextManager[Report | None]] = untold,
    unpacked_in: Path | None = None,
    limits: Limits = Limits(),  # noqa: B008 -- it cannot be changed
) -> None:
    """Take a file, or each member of an archive; `done` gets the results. Members are unpacked below `unpacked_in`, if given.

    Raises UnusableFileError where an archive cannot be unpacked. `told` gives the progress of one file.
    """
    with containers.files_in(file, unpacked_in, limits) as members:
        for member in members:
            name = shown(Path(member.name))
            own_name = "" if member.path == file else name
            try:
                with told(name, member.path) as report:
                    done.reports.append(intake.take_file(member.path, source, clock_us(), report, file_name=own_name))
            except UnusableFileError as error:
                error.message = error.message.replace(shown(member.path), own_name or shown(file))  # not where it was unpacked
                done.refused.append(error)


def raise_refused(refused: Sequence[UnusableFileError], files: int) -> None:
    """Raise the one file's own error, or all of them as a list; nothing where none was refused."""
    if files == 1 and refused:
        raise refused[0]
    if refused:
        rows = "".join(f"\n  {error.message}; remedy: {error.remedy}" for error in refused)
        taken = "nothing was stored" if len(refused) == files else "the others were taken"
        raise UserError(
            f"{len(refused)} of {counted(files, 'file')} {'was' if len(refused) == 1 else 'were'} refused, {taken}:{rows}",
            "correct or leave out what was refused and give the same command again: what was taken is recognised",
        )
