"""Numbers that went with the end of a subscription, and come back to it when its end moves.

An end frees the numbers: the spans of the subscription end as its day begins, in the commit that records the end. An end that moves to a
later day lets those spans go on until then. Where another span of the number is in the way, they go on until that begins. A number that
was given while an end was known has it until that end, and goes on with it. A number that was taken by hand stays taken. Spans are only
added: of two with one beginning the one learned last holds.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from billing.accounts import facts
from billing.accounts.numbers import NumberSpan, end_spans, name_of, owners_of, told
from billing.accounts.picture import end_of
from billing.store import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.accounts.picture import Contract, Customer
    from billing.accounts.recording import Recorder


class Freed(NamedTuple):
    """A span as an end left it: `to_us` is the instant from which the number is free, `meant_us` the end it had before (None: for good)."""

    served_id: str
    from_us: int
    to_us: int
    meant_us: int | None


class _Row(NamedTuple):
    to_us: int | None
    owner: int
    commit_seq: int


def freed(recorder: Recorder, customer: Customer, contract: Contract) -> list[Freed]:
    """The spans of a subscription that its ends have cut, and no later change of the number, by number and time."""
    ends = [(seq, None if day is None else customer.midnight_us(day)) for seq, day in sorted(_ends(recorder, contract).items())]
    every, found = _rows(recorder, contract), []
    for (served_id, from_us), rows in every.items():
        before = list(rows)
        while before and before[-1].owner == contract.key and _is_cut(before[-1], from_us, ends, _begun_at(every, served_id, before[-1])):
            before.pop()
        if len(before) < len(rows):
            meant_us = before[-1].to_us if before and before[-1].owner == contract.key else None
            to_us = rows[-1].to_us
            assert to_us is not None
            found.append(Freed(served_id, from_us, to_us, meant_us))
    return sorted(found, key=lambda each: (each.served_id, each.from_us))


def follow_end(recorder: Recorder, customer: Customer, contract: Contract, on: dt.date | None) -> list[NumberSpan]:
    """Let the numbers of a subscription, as it was before, follow its end to another day (None: it has none any more).

    Returns the spans of numbers that are free from that day on.
    """
    if on is None:
        say_still_free(recorder, customer, contract)
        return []
    end_us = customer.midnight_us(on)
    spans = end_spans(recorder, contract, end_us)
    if contract.to_date is not None and contract.to_date < on:
        spans += [span for span in keep_until(recorder, customer, contract, end_us) if span.to_us == end_us]
    return spans


def keep_until(recorder: Recorder, customer: Customer, contract: Contract, end_us: int) -> list[NumberSpan]:
    """Let freed spans go on until the instant at which a subscription ends now, and say so; those that do.

    A number that another span has by then stays until that begins: the report names it, and how what is left is given back.
    """
    kept = []
    for each in freed(recorder, customer, contract):
        until_us = end_us if each.meant_us is None else min(each.meant_us, end_us)
        if until_us <= max(each.to_us, each.from_us):
            continue
        in_the_way = _others(recorder, each, until_us)
        first_us = in_the_way[0][0] if in_the_way else until_us
        if first_us > each.to_us:
            recorder.number(each.served_id, contract.key, each.from_us, first_us)
            span = f"from {told(customer, each.to_us)} until {told(customer, first_us)}"
            recorder.say(f"{each.served_id}, which the end before had freed, stays with it {span}")
            kept.append(NumberSpan(each.served_id, each.to_us, first_us))
        for begin, end, owner in in_the_way:
            _say_in_the_way(recorder, customer, contract, NumberSpan(each.served_id, begin, end), owner)
        last_us = max((until_us if end is None else end for _, end, _ in in_the_way), default=until_us)
        if last_us < until_us:
            _say_free(recorder, customer, contract, each.served_id, last_us, " --quarantine-days 0")
    return kept


def say_still_free(recorder: Recorder, customer: Customer, contract: Contract) -> None:
    """Say of every number that went with the end of a subscription from when on it is free, and how it is given back."""
    said = set()
    for each in freed(recorder, customer, contract):
        in_the_way = _others(recorder, each, each.meant_us)
        if not in_the_way and each.served_id not in said:  # a later span of it that was taken back comes with the earlier one
            said.add(each.served_id)
            _say_free(recorder, customer, contract, each.served_id, each.to_us)
        elif in_the_way and in_the_way[0][0] > each.to_us:
            _say_free(recorder, customer, contract, each.served_id, each.to_us, until_us=in_the_way[0][0])
        for begin, end, owner in in_the_way:
            _say_in_the_way(recorder, customer, contract, NumberSpan(each.served_id, begin, end), owner)
        ended = [end for _, end, _ in in_the_way if end is not None]
        if ended and len(ended) == len(in_the_way) and (each.meant_us is None or max(ended) < each.meant_us):
            _say_free(recorder, customer, contract, each.served_id, max(ended), " --quarantine-days 0")


def _rows(recorder: Recorder, contract: Contract) -> dict[tuple[str, int], list[_Row]]:
    """All rows about the numbers that a subscription ever had, by number and beginning, oldest first."""
    fact = tables.guiding_facts.c
    numbers = sa.select(fact.served_id).where(fact.subscription_key == contract.key)
    query = sa.select(fact.served_id, fact.from_us, fact.to_us, fact.subscription_key, fact.commit_seq)
    rows: dict[tuple[str, int], list[_Row]] = {}
    for served_id, from_us, *row in recorder.connection.execute(
        query.where(fact.served_id.in_(numbers)).order_by(fact.commit_seq, fact.fact_id)
    ):
        rows.setdefault((served_id, from_us), []).append(_Row(*row))
    return rows


def _ends(recorder: Recorder, contract: Contract) -> dict[int, dt.date | None]:
    """The end that holds as of each commit that changed it, the one that brought the subscription among them; None: it has none."""
    fact, subscription = tables.subscription_facts.c, tables.subscriptions.c
    query = sa.select(subscription.commit_seq, subscription.to_date).where(subscription.subscription_key == contract.key)
    first, imported = recorder.connection.execute(query).one()
    kinds = ("end", "no_end")
    changed = sa.select(fact.commit_seq).where(fact.subscription_key == contract.key, fact.kind.in_((*kinds, facts.RETRACTION))).distinct()
    of_import = dt.date.fromisoformat(imported) if imported else None
    return {
        int(seq): end_of(facts.subscription_facts(recorder.connection, seq, kinds=kinds, keys=[contract.key]), of_import)
        for seq in {first, *recorder.connection.execute(changed).scalars()}
    }


def _begun_at(every: Mapping[tuple[str, int], Sequence[_Row]], served_id: str, row: _Row) -> Sequence[_Row]:
    """Rows about the span of a number that begins where a row ends."""
    return () if row.to_us is None else every.get((served_id, row.to_us), ())


def _is_cut(row: _Row, from_us: int, ends: Sequence[tuple[int, int | None]], at_its_end: Sequence[_Row]) -> bool:
    """Return whether the end that was known at the row's commit ended the span, or took it back as it began later.

    A span that an end of the same commit let go on until another one begins is cut too. `at_its_end`: what begins where the row ends.
    """
    known = [each for each in ends if each[0] <= row.commit_seq]
    seq, end_us = known[-1] if known else (0, None)
    if row.to_us is None or end_us is None:
        return False
    in_the_way = any(each.commit_seq < row.commit_seq and each.owner != row.owner for each in at_its_end)
    return row.to_us == max(from_us, end_us) or (seq == row.commit_seq and row.to_us < end_us and in_the_way)


def _others(recorder: Recorder, span: Freed, until_us: int | None) -> list[tuple[int, int | None, int]]:
    """Other spans of the number between the instant from which it is free and `until_us` (None: ever)."""
    return [
        (begin, end, owner)
        for begin, end, owner in owners_of(recorder.connection, span.served_id)
        if begin != span.from_us and (end is None or end > span.to_us) and (until_us is None or begin < until_us)
    ]


def _say_in_the_way(recorder: Recorder, customer: Customer, contract: Contract, span: NumberSpan, owner: int) -> None:
    """Say that another subscription has a number; nothing where it is this one."""
    if owner == contract.key:
        return
    until = f"until {told(customer, span.to_us)}" if span.to_us is not None else "for good"
    recorder.say(f"{span.served_id}: it is {name_of(recorder, owner)}'s from {told(customer, span.from_us)} {until}, and that stays")


def _say_free(  # noqa: PLR0913, PLR0917 -- whose number, and since when
    recorder: Recorder,
    customer: Customer,
    contract: Contract,
    served_id: str,
    from_us: int,
    options: str = "",
    *,
    until_us: int | None = None,
) -> None:
    """Say that a number has no owner from an instant on (until another one has it, if given), and the command that gives it back."""
    day = customer.local_date(from_us)
    begin = day.isoformat() if customer.midnight_us(day) == from_us else told(customer, from_us).replace(" ", "T")
    command = f"`ratewright accounts number give {served_id} {contract.subscription_id} --from {begin}{options}`"
    until = "on until it is given again" if until_us is None else f"until {told(customer, until_us)} unless it is given again"
    recorder.say(f"{served_id} stays free from {told(customer, from_us)} {until}: {command}")
