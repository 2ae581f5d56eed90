"""`make demo`: a month of an operator, from switch files to posted invoices, with books that balance.

    python examples/demo/run.py --seed 1 --accounts 20000 --records 2000000 --dir demo-out

Everything is done through the installed command line and the example clients. Killed at any moment and called again, it goes on and ends
with the same invoices; called again after it has ended, it asks every stage once more and bills nothing twice.
Refuses a folder that holds something else, or a demo of other sizes.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import commands
import stages
from closing import Closing
from commands import DemoError
from display import Display
from progresslog import ProgressLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stages import Context

MARK = "demo.json"
STREAM_RECORDS = 100_000
STREAM_RECORDS_OF_SMALL = 2  # a demo of fewer records than this many streams' worth streams a part of its own size
LEAST = {"accounts": 10, "records": 1_000}


def main() -> int:
    """Run the demo; 0 when all books balance, 1 when one does not or something failed, 2 for a wrong call."""
    options = _options()
    try:
        with _claimed(options):
            return _run(options)
    except DemoError as error:
        sys.stderr.write(f"error: {error.message}\n  remedy: {error.remedy}\n")
        return 2 if error.is_wrong_call else 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; give the same command again: the demo goes on where it stopped\n")
        return 130


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make demo", description="A month of calls, from switch files to posted invoices.")
    parser.add_argument("--seed", type=int, default=1, help="changes everything")
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=2_000_000, help="rows of all switch files together")
    parser.add_argument("--dir", type=Path, default=Path("demo-out"), help="folder to work in; kept")
    return parser.parse_args()


@contextlib.contextmanager
def _claimed(options: argparse.Namespace) -> Iterator[None]:
    """Make the folder ours, or refuse it. Only one demo works in it at a time."""
    for name, least in LEAST.items():
        if getattr(options, name) < least:
            raise DemoError(
                f"{name.upper()}={getattr(options, name)} is too small to hold one of everything",
                f"give at least {least:,}",
                is_wrong_call=True,
            )
    folder: Path = options.dir
    ordered = {"what": "ratewright demo", "seed": options.seed, "accounts": options.accounts, "records": options.records}
    mark = folder / MARK
    try:
        _check_free(folder, ordered)
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{MARK}"
        draft.write_text(json.dumps(ordered) + "\n", encoding="utf-8")
        draft.replace(mark)
    except OSError as error:
        raise DemoError(f"{error.filename}: {error.strerror}", "name a folder that can be written with DIR=") from error
    with mark.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"another demo is at work in {folder}", "wait until it has ended, or name another folder with DIR=") from None
        yield


def _check_free(folder: Path, ordered: dict[str, Any]) -> None:
    """The folder is new, empty or this very demo's."""
    if folder.exists() and not folder.is_dir():
        raise DemoError(f"{folder} is not a folder", "name another one with DIR=", is_wrong_call=True)
    if (folder / MARK).exists():
        _check_same(folder / MARK, ordered)
    elif folder.is_dir() and any(folder.iterdir()):
        raise DemoError(f"{folder} holds something that is not a demo", "name a new or empty folder with DIR=", is_wrong_call=True)


def _check_same(mark: Path, ordered: dict[str, Any]) -> None:
    try:
        found = json.loads(mark.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise DemoError(
            f"{mark} cannot be read", f"delete the folder {mark.parent}, or name another one with DIR=", is_wrong_call=True
        ) from error
    differing = [name for name in ordered if found.get(name) != ordered[name]]
    if differing:
        made = ", ".join(f"{name.upper()}={found.get(name)}" for name in differing)
        remedy = f"call it with {made}, delete the folder, or name another one with DIR="
        raise DemoError(f"{mark.parent} was made with {made}", remedy, is_wrong_call=True)


def _run(options: argparse.Namespace) -> int:
    display = Display(len(stages.STAGES))
    stream_records = min(STREAM_RECORDS, max(100, options.records // STREAM_RECORDS_OF_SMALL))
    context = stages.Context(options.dir, options.seed, options.accounts, options.records, stream_records, display.watch)
    log = ProgressLog(options.dir / "progress.jsonl")
    began_s = time.monotonic()
    try:
        _do_stages(context, log, display)
    finally:
        display.stop()
    commands.on_day(stages.DUNNED_ON)
    closing = Closing(context, log, time.monotonic() - began_s, _peak_mib())
    closing.write()
    closing.show()
    return 0 if closing.is_balanced else 1


def _do_stages(context: Context, log: ProgressLog, display: Display) -> None:
    """What is left to do. When nothing is, everything once more, to see that it changes nothing.

    A stage that has ended is not asked again before all have: an October run after late usage came in would bill that usage at once.
    """
    is_repeat = all(name in log.ended for name, _ in stages.STAGES)
    for name, stage in stages.STAGES:
        display.start(name)
        if name in log.ended and not is_repeat:
            display.skip(log.ended[name].result)
            continue
        commands.on_day(stages.DUNNED_ON if is_repeat else stages.DAYS[name])
        log.start(name)
        began_s = time.monotonic()
        result = stage(context)
        seconds = time.monotonic() - began_s
        log.end(name, seconds, result)
        display.end(seconds, result)


def _peak_mib() -> int:
    """Most memory that one of the processes had."""
    most_kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return most_kib // 1024 if sys.platform != "darwin" else most_kib // 1024**2


if __name__ == "__main__":
    sys.exit(main())
