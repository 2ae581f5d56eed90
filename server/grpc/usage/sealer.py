"""Seals what streams leave in the journal: each group that is stored is a range, and a stream of small batches makes millions.

Every reading of usage opens each range. So they are sealed once there are many, by a thread of lower priority: the oldest ones first, some
rows at a time. Streams store in between. A seal that is cut off is one that was not (see `billing.intake.sealing`).

A seal that fails is tried again after RETRY_S, of any error; a metric says that it failed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Final

from billing import acting
from billing.intake import records
from billing.intake.sealing import Portion
from rating.errors import UserError
from server.observing.meter import Meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.acting import Actor
    from billing.intake.taking import Intake
    from billing.store.home import Home

RANGES_MIN: Final = 1_024  # of the journal: fewer are read in no time
ROWS_MIN: Final = 65_536  # in them: fewer make many small files
RANGES_MAX: Final = 8_192  # then it is sealed, however few rows there are
AT_ONCE: Final = Portion(ranges=2_048, rows=250_000)  # a second or two, in which the store is kept from streams
LOOK_EACH: Final = 128  # groups that are stored from one look to the next
PRIORITY: Final = 10  # as of `nice`
RETRY_S: Final = 30.0
_log = logging.getLogger(__name__)


class Sealer:
    """Looks after the journal of a home, from a thread of its own, until its end."""

    def __init__(self, home: Home, intake: Intake, actor: Actor, clock_us: Callable[[], int], meter: Meter | None = None) -> None:
        """`actor` seals: the service itself."""
        self._meter = meter or Meter()
        self._meter.sealing(is_well=True)
        self._home, self._intake, self._actor, self._clock_us = home, intake, actor, clock_us
        self._since_look = LOOK_EACH  # what an earlier process left is looked at as well
        self._look, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="usage-sealer", daemon=True)
        self._thread.start()

    def stored(self) -> None:
        """One more group is stored."""
        self._since_look += 1
        if self._since_look >= LOOK_EACH:
            self._since_look = 0
            self._look.set()

    def end(self, wait_s: float = 0.0) -> None:
        """Begin no further seal, and wait that long for the one that is under way."""
        self._over.set()
        self._look.set()
        self._thread.join(wait_s)

    def _work(self) -> None:
        with contextlib.suppress(OSError, AttributeError):  # where threads have no priority of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        while self._look.wait() and not self._over.is_set():
            self._look.clear()
            try:
                self._seal_what_is_due()
            except (UserError, OSError) as error:  # the store is full, busy or gone: streams say so themselves
                _log.warning("the journal is not sealed: %s", error)
                self._try_later()
            except Exception:  # noqa: BLE001 -- the edge of a thread, which is to last as long as the service
                _log.exception("the journal is not sealed: internal error")
                self._try_later()
            else:
                self._meter.sealing(is_well=True)

    def _try_later(self) -> None:
        self._meter.sealing(is_well=False)
        self._over.wait(RETRY_S)
        self._look.set()

    def _seal_what_is_due(self) -> None:
        left = _due_rows(records.unsealed(self._home))
        while left > 0 and not self._over.is_set():
            began_s = time.monotonic()
            with acting.acting_as(self._actor):
                report = self._intake.seal_oldest(self._clock_us(), AT_ONCE)
            _log.info("sealed %s ranges of the journal, %s rows", report.ranges, report.rows)
            left = left - report.rows if report.rows else 0
            self._over.wait(time.monotonic() - began_s)  # as long as it took: streams have half of the time at least


def _due_rows(found: records.Unsealed) -> int:
    """The number of rows to seal: all that are there, or none."""
    is_due = found.ranges > RANGES_MAX or (found.ranges > RANGES_MIN and found.rows >= ROWS_MIN)
    return found.rows if is_due else 0
