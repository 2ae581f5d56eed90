"""Consequences of a return by its reason code, read from `reason_codes.yaml`: again on a day, mandate ended, or the desk."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import re
from pathlib import Path
from typing import Final

import msgspec

from rating import definition_file

_FILE: Final = Path(__file__).with_name("reason_codes.yaml")
_CODE: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2,4}[0-9]{0,2}(?![A-Za-z0-9])")
NOT_LISTED: Final = "code is not listed"


class Follows(enum.StrEnum):
    """Consequence of a return."""

    AGAIN = "again"
    MANDATE_ENDED = "mandate_ended"
    DESK = "desk"


class Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason code: its words and its consequence. `after_days`: of `again` alone."""

    says: str
    follows: Follows
    after_days: int = 0

    def day(self, booked_on: dt.date) -> dt.date | None:
        """The first day on which it may be collected again; None where it is not."""
        return booked_on + dt.timedelta(days=self.after_days) if self.follows is Follows.AGAIN else None


@functools.cache
def table() -> dict[str, Reason]:
    """Every reason that is known, by its code."""
    return definition_file.decode(definition_file.read(_FILE), dict[str, Reason])


def of(code: str) -> Reason:
    """The reason of a code. One that is not listed goes to the desk."""
    return table().get(code, Reason(NOT_LISTED, Follows.DESK))


def named_in(text: str) -> str:
    """The first code of the table that a text names; empty where it names none."""
    known = table()
    return next((found for found in _CODE.findall(text) if found in known), "")
