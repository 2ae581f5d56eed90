"""Handovers of an import: a subscription has one next owner, and ends on the first day of that one.

On another day the days between would be billed to two owners, or to none. One that has no end yet may be handed over:
its end may follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from billing.accounts.handovers.known import Pair, pairs, take_back
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.accounts.importing.sheets import Sheet
    from billing.accounts.importing.step import Importer


def refuse(work: Importer, end_lines: Mapping[int, int]) -> set[int]:
    """Note the handovers of this import, and those with an end of this import, whose days do not meet, and every second next owner.

    `end_lines`: the line of the fact that tells the end of a subscription (key). Returns the subscriptions that end on another day.
    """
    keys = _touched(work) | work.ended
    if not keys:
        return set()
    first, second, apart = dict[int, Pair](), list[Pair](), list[Pair]()
    for pair in pairs(work.connection, keys):
        if first.setdefault(pair.key, pair) is not pair:
            second += [pair] if pair.given.commit_seq == work.commit_seq else []
        elif pair.is_apart:
            apart.append(pair)
    lines = _lines(work.sheets["subscriptions"]) if second or apart else {}
    for pair in second:
        _refuse_second(work, lines, pair, first[pair.key])
    for pair in apart:
        _refuse_apart(work, lines, end_lines, pair)
    return {pair.key for pair in apart}


def _touched(work: Importer) -> set[int]:
    """The subscriptions that others of this import were transferred from."""
    row = tables.subscriptions.c
    query = sa.select(row.transferred_from).where(row.commit_seq == work.commit_seq, row.transferred_from.is_not(None))
    return set(work.connection.execute(query).scalars()) if work.commit_seq is not None else set()


def _lines(sheet: Sheet) -> dict[str, int]:
    return dict(zip(map(str, sheet.table["subscription_id"].to_pylist()), sheet.lines().tolist(), strict=True))


def _refuse_apart(work: Importer, lines: Mapping[str, int], end_lines: Mapping[int, int], pair: Pair) -> None:
    """Note it beside the next owner where the import has that one, else beside the end."""
    name, given = pair.subscription_id, pair.given
    message = f"{name} has another owner from {given.from_date} on, as {given.subscription_id}, and ends on {pair.ends}"
    if given.commit_seq == work.commit_seq:
        known = pair.key not in work.ended and name not in lines
        move = (
            f", or move the end of {name} first: `ratewright accounts end {name} --on {given.from_date}`"
            if known
            else f", or correct {name}"
        )
        remedy = f"let {given.subscription_id} begin on the day on which {name} ends{move}"
        work.mistakes.add_row(work.sheets["subscriptions"], lines[given.subscription_id], "from_date", message, remedy)
        return
    remedy = f"let it end on {given.from_date}, end {given.subscription_id}, or {take_back(given)}"
    if pair.key in end_lines:
        work.mistakes.add_row(work.sheets["subscription_facts"], end_lines[pair.key], "from_date", message, remedy)
    else:
        work.mistakes.add_row(work.sheets["subscriptions"], lines[name], "to_date", message, remedy)


def _refuse_second(work: Importer, lines: Mapping[str, int], pair: Pair, first: Pair) -> None:
    """Note a further next owner of one subscription."""
    name, given = pair.subscription_id, first.given
    message = f"{name} has another owner from {given.from_date} on already, as {given.subscription_id}"
    remedy = f"name {given.subscription_id} where that was handed on"
    remedy += "" if given.commit_seq == work.commit_seq else f"; {take_back(given)}"
    work.mistakes.add_row(work.sheets["subscriptions"], lines[pair.given.subscription_id], "transferred_from", message, remedy)
