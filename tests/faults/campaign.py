"""A campaign: every fault planted in turn, and the tests asked whether they catch it.

The tests of the package concerned come first and stop at the first failure; a fault that survives them is held to the whole target. A test
that failed has to pass once the fault is gone, or it has caught nothing. Each result is on disk before the next fault is planted, so a
campaign that was stopped goes on where it was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.faults import results, trying
from tests.faults.records import DoesNotApplyError, first_tests
from tests.faults.results import ABSENT, CAUGHT, NOTHING_PLANTED, SURVIVED, UNSURE, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.faults.records import Fault
    from tests.faults.tree import Copy
    from tests.faults.trying import Run, Target

FIRST: Final = "first"
WHOLE: Final = "whole"
_TESTS_NAMED: Final = 5
_SECONDS_PER_HOUR: Final = 3600


class NotCleanError(Exception):
    """The target fails without any fault."""


def carry_out(  # noqa: PLR0913 -- what, where, how long and who is told
    copy: Copy, target: Target, faults: Sequence[Fault], file: Path, *, hours: float, tell: Callable[[str], None]
) -> None:
    """Try the faults that the results `file` has nothing sure of, in their order, for so many hours.

    Raises NotCleanError where the whole target fails with nothing planted.
    """
    began, tree = time.monotonic(), copy.revision
    copy.restore()
    if target.whole:
        _require_clean(copy, target, file, tree, tell)
    ahead = results.open_faults(faults, results.read(file))
    spent: list[float] = []
    for number, fault in enumerate(ahead):
        if time.monotonic() - began > hours * _SECONDS_PER_HOUR:
            tell(f"the time is up: {len(ahead) - number} faults are left for the next call")
            return
        result = tried(copy, target, fault, tree)
        results.add(file, result)
        spent.append(result.seconds)
        tell(_progress(len(faults) - len(ahead) + number + 1, len(faults), result, spent, len(ahead) - number - 1))


def tried(copy: Copy, target: Target, fault: Fault, tree: str) -> Result:
    """Plant a fault, run the tests, and take it out again."""
    began = time.monotonic()

    def result(outcome: str, run: Run | None = None, step: str = "", why: str = "") -> Result:
        by = run.failed[:_TESTS_NAMED] if run is not None else ()
        return Result(fault.id, outcome, tree, round(time.monotonic() - began, 1), by, step, why)

    try:
        copy.plant(fault)
    except DoesNotApplyError as error:
        return result(ABSENT, why=str(error))
    first = trying.tests_of(copy, fault, first_tests(fault, copy.folder))
    try:
        step, run = FIRST, trying.run_first(copy, target, first)
        if run.passed and target.whole:
            step, run = WHOLE, trying.run_whole(copy, target)
    finally:
        copy.restore()
    if run.passed:
        return result(SURVIVED)
    if not run.failed:
        return result(UNSURE, run, step, f"exit status {run.status}, and no test is named: {run.tail}")
    if not _pass_without(copy, target, run, step, first):
        return result(UNSURE, run, step, "the test fails without the fault as well")
    return result(CAUGHT, run, step)


def _pass_without(copy: Copy, target: Target, run: Run, step: str, first: Sequence[str]) -> bool:
    """True where the first test that failed passes without the fault. Of tests that never ended all do; the whole target did before."""
    if run.failed[0] != trying.TIMED_OUT:
        return trying.run_first(copy, target, run.failed[:1]).passed
    return step == WHOLE or trying.run_first(copy, target, first).passed


def _require_clean(copy: Copy, target: Target, file: Path, tree: str, tell: Callable[[str], None]) -> None:
    """The whole target passes with nothing planted: asked once for a tree."""
    known = results.read(file).get(NOTHING_PLANTED)
    if known is not None and known.outcome == SURVIVED and known.tree == tree:
        return
    tell("the whole target once, with nothing planted")
    run = trying.run_whole(copy, target)
    outcome = SURVIVED if run.passed else UNSURE
    results.add(file, Result(NOTHING_PLANTED, outcome, tree, round(run.seconds, 1), run.failed, WHOLE, "" if run.passed else run.tail))
    if not run.passed:
        named = ", ".join(run.failed) or run.tail
        raise NotCleanError(f"the target fails with nothing planted, so it would catch anything: {named}")
    tell(f"it passes, in {run.seconds / 60:.1f} minutes")


def _progress(number: int, total: int, result: Result, spent: Sequence[float], left: int) -> str:
    how = f"by {result.by[0]} ({result.step})" if result.by else result.why[:80]
    minutes = sum(spent) / len(spent) / 60
    rate = f"{minutes:.1f} min a fault, {minutes * left / 60:.1f} h left"
    return f"{number}/{total} {result.fault}: {result.outcome} {how} in {result.seconds:.0f} s | {rate}"
