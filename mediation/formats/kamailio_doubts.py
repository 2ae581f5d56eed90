"""Doubts about a definition of Kamailio's tables, for `source check`: what the switch's configuration may be, seen from its rows.

Three settings of the switch decide money and are in no row. `start_time` may be the answer (cdr_start_on_confirmed). The parties of
a cdr may be those of the BYE ($fU of the BYE are exchanged where the called side hangs up). Times may be written more or less finely.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mediation.calls.events import text_hash
from mediation.formats import kamailio, kamailio_cdrs
from mediation.sources.model import Format
from rating.dates import SECOND_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.calls.events import Events
    from mediation.records.rows import Block
    from mediation.sources.model import Source

SETTLED_US: Final = 100_000  # between the answer and what the switch takes for it
EXCHANGED_MIN: Final = 3  # calls, before anything is said of them
FAILED_MIN: Final = 3
PAGE: Final = "see docs/formats/kamailio.md"


class KamailioDoubts:
    """Observations of a file's rows so far."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: collections.Counter[str] = collections.Counter()
        self._answered: list[NDArray[np.uint64]] = []  # caller and destination of each answered call, hashed
        self._failed: list[NDArray[np.uint64]] = []

    def add(self, block: Block, read: Events) -> None:
        """Look at a block and what was read of it."""
        good = block.code == 0
        if self._source.format is Format.KAMAILIO_ACC:
            coarse = kamailio.moment(block, self._source).fineness_us >= SECOND_US
            self._seen["coarse"] += int((good & read.answered & coarse).sum())
        elif self._source.format is Format.KAMAILIO_CDRS:
            self._add_cdrs(block, good & read.answered, good & ~read.answered)

    def notes(self) -> list[str]:
        """Sentences for a person."""
        seen, made = self._seen, []
        if seen["coarse"]:
            made.append(
                f"{seen['coarse']:,} times are whole seconds, so a call may be a second off: time_attr and time_exten are finer, {PAGE}"
            )
        if seen["cut_off"]:
            made.append(
                f"{seen['cut_off']:,} calls last from an answer with a fraction to an end in whole seconds, half a second too short on "
                f"average: have the switch write the end as finely ($TV(Sn) of the BYE), {PAGE}"
            )
        if seen["rings"]:
            made.append(
                f"{seen['rings']:,} of {seen['answered']:,} calls began before their answer: the switch counts from the "
                f"INVITE, and start_on_confirmed: true bills ringing, {PAGE}"
            )
        if seen["unproved"] and not seen["proved"]:
            made.append(
                "no column says when calls were answered, so nothing here shows whether start_on_confirmed: true is right; if the switch "
                f"is not set so, ringing is billed: hold some calls against its table acc, {PAGE}"
            )
        return [*made, *self._exchanged()]

    def _add_cdrs(self, block: Block, answered: NDArray[np.bool_], failed: NDArray[np.bool_]) -> None:
        start, answer, end = kamailio_cdrs.moments(block, self._source)
        told = answered & answer.present
        self._seen["answered"] += int(answered.sum())
        self._seen["proved"] += int(told.sum())
        if self._source.start_on_confirmed:
            self._seen["unproved"] += int((answered & ~answer.present).sum())
            self._seen["rings"] += int((told & (answer.earliest_us - start.latest_us > start.fineness_us + SETTLED_US)).sum())
        else:
            is_cut_off = (end.fineness_us >= SECOND_US) & (answer.fineness_us < SECOND_US)
            self._seen["cut_off"] += int((told & end.present & is_cut_off).sum())
        parties = np.stack([text_hash(block, kamailio.text(block, name)) for name in ("src_user", "dst_user")], axis=1)
        self._answered.append(parties[answered])
        self._failed.append(parties[failed])

    def _exchanged(self) -> list[str]:
        """Answered calls that run from a stranger to one who calls, while no failed call does: failed ones have no BYE."""
        if not self._failed:
            return []
        answered, failed = np.concatenate(self._answered), np.concatenate(self._failed)
        callers: Any = np.unique(failed[:, 0])
        turned = np.isin(answered[:, 1], callers) & ~np.isin(answered[:, 0], callers)
        if len(failed) < FAILED_MIN or turned.sum() < EXCHANGED_MIN or np.isin(failed[:, 1], callers).any():
            return []
        note = (
            f"{int(turned.sum()):,} answered calls run from a number that never calls otherwise to one that does, and no failed call does: "
            f"if cdr_extra takes $fU and $tU, they are those of the BYE, exchanged where the called side hangs up, {PAGE}"
        )
        return [note]
