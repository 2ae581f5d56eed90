"""Planted faults by command: python -m tests.faults list | run | table | compare. See README.md in this folder."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests import tiers
from tests.faults import campaign, records, results
from tests.faults.tree import Copy, CopyError
from tests.faults.trying import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

FIRST = ".venv/bin/pytest -q -n 2 --dist loadfile --no-loadscope-reorder {tests}"
MAKE = "make --no-print-directory"
ALL = "all"
WHOLE = {tiers.TEST: (f"{MAKE} test",), ALL: (f"{MAKE} test", f"{MAKE} test-deep")}


def main() -> int:
    """Exit status 1 where a campaign cannot go on, or a comparison finds what only the first one caught."""
    asked = _words().parse_args()
    try:
        return int(asked.act(asked))
    except (CopyError, campaign.NotCleanError) as error:
        say([f"error: {error}"])
        return 1
    except KeyboardInterrupt:
        say(["stopped; the same command goes on"])
        return 1


def show(asked: argparse.Namespace) -> int:
    """The list, in the order of a campaign."""
    for fault in _chosen(asked):
        marks = [f"reading {fault.reading}"] * bool(fault.reading) + [f"shows in {fault.shows_in}"] * bool(fault.shows_in)
        say([f"{fault.id} ({fault.file}{''.join(f'; {mark}' for mark in marks)})", f"    {fault.harm}"])
    return 0


def run(asked: argparse.Namespace) -> int:
    """A campaign, or more of one."""
    copy = Copy(asked.copy.resolve())
    copy.prepare(records.ROOT, asked.tree)
    with copy.alone():
        subprocess.run(["make", "--no-print-directory", ".venv"], cwd=copy.folder, check=True)
        first = asked.first if asked.tier == ALL else asked.first.replace("{tests}", f"--tier {asked.tier} {{tests}}")
        whole = () if asked.package_only else tuple(asked.whole or WHOLE[asked.tier])
        target = Target(first, whole, asked.first_minutes, asked.whole_minutes)
        faults = _chosen(asked)
        try:
            campaign.carry_out(copy, target, faults, asked.results, hours=asked.hours, tell=lambda text: say([text]))
        finally:
            copy.restore()
    say(results.table(faults, results.read(asked.results)))
    return 0


def table(asked: argparse.Namespace) -> int:
    """The results of a campaign so far."""
    say(results.table(_chosen(asked), results.read(asked.results)))
    return 0


def compare(asked: argparse.Namespace) -> int:
    """Two campaigns side by side."""
    faults, one, other = _chosen(asked), results.read(asked.one), results.read(asked.other)
    say(results.compared(faults, one, other))
    lost = [each for each in faults if {each.id} <= one.keys() & other.keys() and _is_lost(one[each.id], other[each.id])]
    return int(bool(lost))


def say(lines: Iterable[str]) -> None:
    """Lines for whoever watches."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _is_lost(one: results.Result, other: results.Result) -> bool:
    return (one.outcome, other.outcome) == (results.CAUGHT, results.SURVIVED)


def _chosen(asked: argparse.Namespace) -> list[records.Fault]:
    wanted = frozenset(asked.only or ())
    return [each for each in records.in_turns(records.load()) if not wanted or {each.id, each.area} & wanted]


def _words() -> argparse.ArgumentParser:
    only = argparse.ArgumentParser(add_help=False)
    only.add_argument("--only", action="append", metavar="ID|AREA", help="these faults, or those of these areas")
    of_results = argparse.ArgumentParser(add_help=False)
    of_results.add_argument("--results", type=Path, required=True, help="file of results, a JSON line a fault")
    words = argparse.ArgumentParser(prog="tests.faults", description=__doc__)
    verbs = words.add_subparsers(required=True)
    verbs.add_parser("list", parents=[only], help="all faults, in the order of a campaign").set_defaults(act=show)
    verbs.add_parser("table", parents=[only, of_results], help="what a campaign has found").set_defaults(act=table)
    comparing = verbs.add_parser("compare", parents=[only], help="what one campaign caught and another did not")
    comparing.add_argument("one", type=Path)
    comparing.add_argument("other", type=Path)
    comparing.set_defaults(act=compare)
    running = verbs.add_parser("run", parents=[only, of_results], help="a campaign, or more of one", epilog="--help of make: `make help`")
    running.add_argument("--copy", type=Path, required=True, help="folder of the copy; the same for all campaigns")
    running.add_argument("--tree", default="HEAD", help="commit that the copy is of")
    running.add_argument("--hours", type=float, default=4.0)
    running.add_argument("--tier", default=tiers.TEST, choices=list(WHOLE), help="the tests of `make test`, or all that there are")
    running.add_argument("--first", default=FIRST, help="command for the tests of a package, with {tests} in it")
    running.add_argument("--whole", action="append", help="command for all tests, once or more; without any those of make for the tier")
    running.add_argument("--package-only", action="store_true", help="leave the whole target out: what survives the first tests survives")
    running.add_argument("--first-minutes", type=float, default=30.0)
    running.add_argument("--whole-minutes", type=float, default=90.0)
    running.set_defaults(act=run)
    return words


if __name__ == "__main__":
    sys.exit(main())
