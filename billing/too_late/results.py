"""Requests about late usage, and their results."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import msgspec

from billing.too_late.choosing import Choice


class LateAct(NamedTuple):
    """An act on late usage, and its records. `kind`: of `billing.late_decisions`.

    `on_date`, `amount_micros` and `text` are of adjustments; None: today, and their worth.
    """

    kind: str
    choice: Choice
    reason: str
    on_date: dt.date | None = None
    amount_micros: int | None = None
    text: str = ""


class Group(msgspec.Struct, frozen=True):
    """One decision. `decision_id` 0 and `reference` empty: not made yet. `amount_micros`: what is billed, 0 where nothing is.

    `versions`: of its differences between versions, the key, the account and the versions of each, in words.
    """

    decision_id: int
    account_id: str
    subscription_id: str
    currency: str
    catalogue: str
    tax_class: str
    records: tuple[str, ...]
    event_keys: tuple[str, ...]
    worth_micros: int
    amount_micros: int
    on_date: str
    text: str
    reference: str
    versions: tuple[str, ...] = ()


class Obstacle(NamedTuple):
    """The reason why a record cannot be billed by decision, and what can be done."""

    why: str
    remedy: str


class LeftAlone(msgspec.Struct, frozen=True):
    """A record that was chosen and cannot be billed, why, and what can be done."""

    record_id: str
    event_key: str
    why: str
    remedy: str


class Decided(msgspec.Struct, frozen=True):
    """The result of a decision, or of a dry run. `values`: what counts for the limit, by currency (empty: of unknown worth).

    `needs_second`: another person has to agree, to `proposal` where it is stored; nothing is done yet.
    """

    kind: str
    groups: tuple[Group, ...]
    left_alone: tuple[LeftAlone, ...]
    records: int
    values: dict[str, int]
    needs_second: bool = False
    proposal: int = 0
    dry_run: bool = False
