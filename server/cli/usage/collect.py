"""`ratewright usage collect`: usage files out of a watched folder into the home folder."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.counted import counted
from rating.dates import SECOND_US
from server.cli.homes import DEFAULT_HOME, AsJson, HomeFolder, Practice, made

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.collection.collecting import Collector, FileReport
    from billing.collection.loop import Pace, Surroundings
    from billing.store.home import Home
    from rating.errors import UserError


def collect(
    folder: Annotated[Path, Parameter(name="DIR", help="The folder into which switches put their files.")],
    /,
    *,
    sources: Annotated[Path, Parameter(help="Folder of source definitions; their `files` say which files are theirs.")] = Path("sources"),
    watch: Annotated[bool, Parameter(negative="", help="Go on until Ctrl-C, instead of looking once.")] = False,
    settle: Annotated[float, Parameter(help="Seconds a file must have stayed the same; 0 where switches rename finished files.")] = 5.0,
    poll: Annotated[float, Parameter(help="Seconds between two looks at the folder.")] = 1.0,
    seal_rows: Annotated[int, Parameter(help="Seal the journal whenever it holds so many rows; 0 for never.")] = 2_000_000,
    home: HomeFolder = DEFAULT_HOME,
    as_json: AsJson = False,
    practice: Practice = False,
) -> int:
    """Take in every finished file of a folder, each once, and put it into the archive.

    Several collectors may work on one folder, and each may be killed at any moment: the next one goes on where it ended. Files that cannot
    be used go to `rejected`, each with its reason beside it. Without --watch it looks once, waits until new files have settled, and
    ends; the exit status is 1 when a file was rejected or could not be finished. With --json every file is one line.
    """
    from billing.collection import folders, routing
    from rating.errors import UserError

    if settle < 0 or poll <= 0 or seal_rows < 0:
        raise UserError("a wait is below 0, or --poll is not above it", "give seconds, such as --settle 5 --poll 1", exit_status=2)
    found = routing.load_sources(sources)
    opened_folders = folders.open_folders(folder)

    import functools

    from billing.collection import claims, collecting, loop
    from server import clock

    pace = loop.Pace(int(poll * SECOND_US), int(settle * SECOND_US), seal_rows)
    with made(home, practice=practice) as opened, claims.taken_place(opened_folders) as place:
        now = functools.partial(clock.now_us, opened)
        clocks = collecting.Clocks(now, clock.machine_now_us)
        now()  # a home that has no clock takes nothing
        world = _world(now, as_json=as_json)
        collector = collecting.Collector(opened, opened_folders, place, collecting.Rules(found, pace.settle_us), clocks)
        work = _watch if watch else _once
        return work(opened, collector, pace, world)


def _once(home: Home, collector: Collector, pace: Pace, world: Surroundings) -> int:
    """Visit the folder once. All troubles but the first are reported, then the first is raised."""
    from billing.collection import loop, stored

    found = loop.once(home, collector, pace, world)
    for each in found.troubles[1:]:
        world.complain(each.file, each.error)
    if found.waiting:
        _note(f"not finished yet, and left for the next time: {found.waiting:,} {'file' if found.waiting == 1 else 'files'}")
    if not found.done and not found.troubles:
        _note("no finished file to take")
    if found.troubles:
        raise found.troubles[0].error
    return 1 if any(each.state == stored.REJECTED for each in found.done) else 0


def _watch(home: Home, collector: Collector, pace: Pace, world: Surroundings) -> int:
    from billing.collection import loop

    _note("watching; Ctrl-C finishes the file at hand and ends")
    files = loop.watch(home, collector, pace, world)
    _note(f"{counted(files, 'file')} collected")
    return 0


def _world(now: Callable[[], int], *, as_json: bool) -> Surroundings:
    """Real clocks, and an end that Ctrl-C or a service manager asks for."""
    from billing.collection.loop import Surroundings

    stop, sleep_us = _stoppable()
    tell = _tell_json if as_json else _tell
    return Surroundings(lambda: time.monotonic_ns() // 1000, now, sleep_us, stop, tell, _complain)


def _stoppable() -> tuple[Callable[[], bool], Callable[[int], None]]:
    """A function that says whether a stop was asked for, and a sleep that such a request ends.

    A second Ctrl-C ends at once, as always: that is safe.
    """
    import signal
    import threading

    asked = threading.Event()

    def on_signal(number: int, _frame: object) -> None:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)

    def sleep_us(microseconds: int) -> None:
        asked.wait(microseconds / SECOND_US)

    return asked.is_set, sleep_us


def _tell(report: FileReport) -> None:
    from server.cli import output

    print(output.printable(f"{report.file}: {_what(report)}"), flush=True)


def _what(report: FileReport) -> str:
    from billing.collection import stored

    if report.state == stored.REJECTED:
        return f"rejected: {report.reason}; remedy: {report.remedy}"
    if report.state == stored.RESENT:
        return f"sent before: {report.reason}"
    counts = ", ".join(f"{rows:,} {name}" for name, rows in report.rows.items() if rows)
    records = counted(report.received, "record") + (f" ({counts})" if counts else "")
    return f"taken as {report.source}: {records}" + (f"; {report.reason}" if report.reason else "")


def _tell_json(report: FileReport) -> None:
    import msgspec

    print(msgspec.json.encode(report).decode(), flush=True)


def _complain(file: str, error: UserError) -> None:
    _note(f"{file}: {error.message}; remedy: {error.remedy}")


def _note(text: str) -> None:
    from server.cli import output

    print(output.printable(text), file=sys.stderr, flush=True)
