"""Consistency of facts: the rules for an account, its subscriptions and its unit whenever a fact is added or retracted. Pure.

Members of a unit share currency, time zone and bill day for as long as they belong together. No account takes over from itself, also not
through others. The root of a pool is in no other pool. Membership begins and ends where a bill period does. A hold is set on the account
that takes over from others, since a unit is billed as one.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from billing.accounts.details import wrongs
from billing.accounts.facts import DUNNING_KINDS, Fact
from billing.accounts.handovers.known import NAME_ANOTHER, never_was, take_back
from billing.accounts.kinds import DiscountFact
from billing.accounts.picture import RELATIONS, named_in
from billing.accounts.reach import of_picture
from billing.charges.periods import stretches
from rating.dates import last_day
from rating.money import format_micros, minor_step_micros
from tariffs.currencies import MINOR_DIGITS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from billing.accounts.details import Known
    from billing.accounts.picture import Contract, Customer, Picture
    from billing.accounts.reach import Reach
    from billing.charges.proration import Span


class Trouble(NamedTuple):
    """A fact that does not fit, its field at fault, and the remedy."""

    fact: Fact
    of_account: bool
    field: str
    message: str
    remedy: str
    is_beside_handover: bool = False  # an end that is not the first day of the next owner


def new_troubles(picture: Picture, before: Callable[[], Picture], known: Known) -> list[Trouble]:
    """Facts that do not fit, and did fit before. A fault that was there already (a policy that is gone) blocks no other change."""
    found = list(troubles(picture, known))
    if not found:
        return []
    old = {(each.fact.fact_id, each.message) for each in troubles(before(), known)}
    return [each for each in found if (each.fact.fact_id, each.message) not in old]


def troubles(picture: Picture, known: Known) -> Iterator[Trouble]:
    """Everything that does not fit in a picture."""
    relations = of_picture(picture)
    for customer in picture.customers.values():
        yield from _of_account(customer, known)
        yield from _coins(customer)
        for contract in customer.contracts:
            yield from _of_subscription(contract, known)
    yield from _holds(picture, relations)
    yield from _closing(picture, relations)
    for relation in relations:
        yield from _relation(picture, relation)
    yield from _cycles(picture, relations)
    yield from _pools_in_pools(picture, relations)


def _of_account(customer: Customer, known: Known) -> Iterator[Trouble]:
    for fact in customer.facts:
        if fact.kind not in DUNNING_KINDS:
            yield from _alone(fact, known, of_account=True)
            yield from _ending_a_relation(fact, customer)


def _alone(fact: Fact, known: Known, *, of_account: bool) -> Iterator[Trouble]:
    for wrong in wrongs(fact.detail, known, of_account=of_account):
        message = wrong.message if wrong.message.startswith(("there", "no ", "a ")) else f"{wrong.field} {wrong.message}"
        yield Trouble(fact, of_account, wrong.field, f"{fact.kind}: {message}", wrong.remedy)
    if fact.to_date is not None and fact.to_date <= fact.from_date:
        message = f"{fact.kind}: to_date {fact.to_date} is not after from_date {fact.from_date}"
        yield Trouble(fact, of_account, "to_date", message, "to_date is the first day on which it no longer holds; empty means no end")
    if fact.to_date is not None and fact.kind in {"bill_day", "closed", "end", "no_end"}:
        yield Trouble(fact, of_account, "to_date", f"{fact.kind}: holds for good, and has a to_date", "leave to_date empty")


def _ending_a_relation(fact: Fact, customer: Customer) -> Iterator[Trouble]:
    """A relation that names no account ends the agreement, at an edge as well."""
    if fact.kind in RELATIONS and not named_in(fact):
        yield from _edges(fact, customer, of_account=True)


def _of_subscription(contract: Contract, known: Known) -> Iterator[Trouble]:
    for fact in contract.facts:
        yield from _alone(fact, known, of_account=False)
        if fact.kind == "end" and fact.from_date <= contract.from_date and not fact.detail.taken_back:
            message = f"{contract.subscription_id} ends on {fact.from_date}, and begins on {contract.from_date}"
            yield Trouble(fact, False, "from_date", message, "the first day without service lies after the first day with it")
        if fact.kind in {"pause", "outage"} and fact.from_date < contract.from_date:
            message = f"{contract.subscription_id} begins on {contract.from_date}, and its {fact.kind} on {fact.from_date}"
            yield Trouble(fact, False, "from_date", message, "give a day on which it is active")
        if fact.kind in {"pause", "outage"} and _after_its_end(fact, contract):
            message = f"{contract.subscription_id} ends on {contract.to_date}, and its {fact.kind} begins on {fact.from_date}"
            yield Trouble(fact, False, "from_date", message, "give a day on which it is active")
    yield from _beside_its_handover(contract)
    yield from _of_a_handover_taken_back(contract)
    pauses = contract.of_kind("pause")
    for one, two in itertools.pairwise(pauses):
        if one.to_date is None or two.from_date < one.to_date:
            ended = f"to {last_day(one.to_date)}" if one.to_date else "without an end"
            message = f"{contract.subscription_id} is paused from {one.from_date} {ended}, and again from {two.from_date}"
            yield Trouble(
                max(one, two, key=lambda fact: fact.fact_id), False, "from_date", message, "resume it first, or retract the other pause"
            )


def _beside_its_handover(contract: Contract) -> Iterator[Trouble]:
    """An end, or the undoing of one, that was recorded after a handover: the days between would have two owners, or none."""
    given, fact = contract.handover, contract.deciding_end
    if given is not None and fact is not None and fact.commit_seq > given.commit_seq and contract.to_date != given.from_date:
        ends = f"ends on {fact.from_date}" if fact.kind == "end" else "goes on"
        message = f"{contract.subscription_id} has another owner from {given.from_date} on, as {given.subscription_id}, and {ends}"
        remedy = f"end {given.subscription_id}, or {take_back(given)}"
        yield Trouble(fact, False, "from_date", message, remedy, is_beside_handover=True)


def _of_a_handover_taken_back(contract: Contract) -> Iterator[Trouble]:
    """Facts about a subscription that never was, learned after that was said."""
    if contract.is_taken_back:
        said = min(fact.commit_seq for fact in contract.of_kind("end") if fact.detail.taken_back)
        for fact in (each for each in contract.facts if each.commit_seq > said):
            yield Trouble(fact, False, "subscription_id", f"{fact.kind}: {never_was(contract.subscription_id)}", NAME_ANOTHER)


def _after_its_end(fact: Fact, contract: Contract) -> bool:
    """Return whether a fact begins when the subscription has ended, and that was known. An end recorded later overrides the fact."""
    told = max((each.commit_seq for each in contract.of_kind("end", "no_end")), default=0)
    return contract.to_date is not None and fact.from_date >= contract.to_date and fact.commit_seq >= told


def _coins(customer: Customer) -> Iterator[Trouble]:
    step = minor_step_micros(MINOR_DIGITS.get(customer.currency, 2))
    told = [(fact, True) for fact in customer.of_kind("discount")]
    told += [(fact, False) for contract in customer.contracts for fact in contract.of_kind("discount")]
    for fact, of_account in told:
        assert isinstance(fact.detail, DiscountFact)
        if fact.detail.amount_micros % step:
            message = f"discount: {format_micros(fact.detail.amount_micros)} is finer than {customer.currency} is counted"
            yield Trouble(fact, of_account, "amount_micros", message, "give whole minor units of the account's currency")


def _holds(picture: Picture, relations: list[Reach]) -> Iterator[Trouble]:
    """Holds of accounts from which another one takes over on any day of the hold; reported once for each other account."""
    of_member: dict[int, list[Reach]] = {}
    for each in relations:
        if each.subscription is None and each.root is not None:
            of_member.setdefault(each.member, []).append(each)
    for key, own in of_member.items():
        customer = picture.customers[key]
        for fact in customer.of_kind("hold"):
            since: dict[int | None, dt.date] = {}
            for root, day in ((each.root, each.first_within(fact.from_date, fact.to_date)) for each in own):
                if day is not None:
                    since[root] = min(day, since.get(root, day))
            for root, day in since.items():
                assert root is not None
                name = picture.customers[root].account_id
                message = f"hold: {customer.account_id} is billed with {name} on {day}"
                remedy = f"hold {name}: its unit is billed as one"
                if day > fact.from_date:
                    remedy += f"; retract the hold of {customer.account_id}, or let it end by {day}"
                yield Trouble(fact, True, "account_id", message, remedy)


def _closing(picture: Picture, relations: list[Reach]) -> Iterator[Trouble]:
    for customer in picture.customers.values():
        closings = customer.of_kind("closed")
        if closings:
            yield from _closed(customer, closings)
            yield from _taking_over(picture, customer, closings[0], [each for each in relations if each.root == customer.key])


def _closed(customer: Customer, closings: list[Fact]) -> Iterator[Trouble]:
    first, name = closings[0], customer.account_id
    known, *others = sorted(closings, key=lambda fact: (fact.commit_seq, fact.fact_id))
    for fact in others:
        remedy = f"retract fact {known.fact_id} first, to close it on another day"
        yield Trouble(fact, True, "from_date", f"{name} is closed on {known.from_date} already", remedy)
    if first.from_date <= customer.billed_from:
        message = f"{name} is closed on {first.from_date}, and billed from {customer.billed_from} on"
        yield Trouble(first, True, "from_date", message, "close it after its first day")
    for contract in customer.contracts:
        if not contract.is_taken_back and (contract.to_date is None or contract.to_date > first.from_date):
            message = f"{name} is closed on {first.from_date}, and {contract.subscription_id} goes on"
            yield Trouble(first, True, "from_date", message, f"end {contract.subscription_id} by {first.from_date}")


def _taking_over(picture: Picture, customer: Customer, closing: Fact, relations: list[Reach]) -> Iterator[Trouble]:
    """Relations by which an account takes over from others on the day of its closing or later."""
    for each in relations:
        if each.lasts(closing.from_date):
            member = picture.customers[each.member].account_id
            message = f"{customer.account_id} is closed on {closing.from_date}, and takes over from {member}"
            yield Trouble(closing, True, "from_date", message, f"name another payer or pool instead of {member} first, or end the relation")


def _relation(picture: Picture, relation: Reach) -> Iterator[Trouble]:
    fact, of_account = relation.fact, relation.subscription is None
    member, field = picture.customers[relation.member], {"payer": "payer", "sponsor": "sponsor", "pool": "root"}[fact.kind]
    if relation.root is None:
        yield Trouble(fact, of_account, field, f"{fact.kind}: account {named_in(fact)} is unknown", "name an account that exists")
        return
    root = picture.customers[relation.root]
    if member.key == root.key:
        yield Trouble(
            fact, of_account, field, f"{fact.kind}: {member.account_id} would take over from itself", "name another account, or none"
        )
        return
    for what in ("currency", "timezone"):
        one, other = getattr(member, what), getattr(root, what)
        if one != other:
            message = f"{fact.kind}: {member.account_id} has {what} {one}, {root.account_id} {other}"
            yield Trouble(fact, of_account, field, message, f"only accounts of one {what} are billed together")
    if any(_bill_days(member, span, root) != _bill_days(root, span, member) for span in relation.spans):
        message = f"{fact.kind}: {member.account_id} and {root.account_id} do not have the same bill days from {fact.from_date} on"
        yield Trouble(fact, of_account, field, message, f"change the bill day of one of them first, by {fact.from_date}")
    yield from _able(relation, member, root, field)
    yield from _edges(fact, member, of_account=of_account)


def _able(relation: Reach, member: Customer, root: Customer, field: str) -> Iterator[Trouble]:
    """Faults of the account that takes over: it must exist by then, and be invoiced where it pays.

    A test account is not invoiced: no account would pay its share.
    """
    fact, of_account = relation.fact, relation.subscription is None
    begins = relation.first_within(member.billed_from, None)
    if begins is None:
        return
    if begins < root.opened_on:
        message = f"{fact.kind}: {root.account_id} is opened on {root.opened_on}, and would take over from {member.account_id} on {begins}"
        yield Trouble(fact, of_account, field, message, f"use a bill date of {member.account_id} from {root.opened_on} on")
    told = [*member.of_kind("category"), *root.of_kind("category")]
    days = {begins, *(day for each in told for day in (each.from_date, each.to_date) if day is not None and day > begins)}
    tested = [day for day in sorted(days) if relation.covers(day) and root.category_on(day) == "test" != member.category_on(day)]
    if tested and fact.kind != "pool":
        message = f"{fact.kind}: {root.account_id} is a test account on {tested[0]}, and would pay for {member.account_id}, which is none"
        remedy = f"by then, name a payer for {member.account_id} that is invoiced, or none"
        yield Trouble(fact, of_account, field, message, remedy)


def _bill_days(customer: Customer, span: Span, other: Customer) -> list[tuple[dt.date, int]]:
    """The bill days, each with its first day, in the days of a relation."""
    begin = max(span.start, customer.billed_from, other.billed_from)
    found: list[tuple[dt.date, int]] = []
    for each in stretches(customer.billed_from, customer.bill_days):
        touches = (each.end is None or each.end > begin) and (span.end is None or each.start < span.end)
        if touches and (not found or found[-1][1] != each.bill_day):
            found.append((max(begin, each.start), each.bill_day))
    return found


def _edges(fact: Fact, customer: Customer, *, of_account: bool) -> Iterator[Trouble]:
    for field, day in (("from_date", fact.from_date), ("to_date", fact.to_date)):
        if day is not None and day > customer.billed_from and not customer.is_edge(day):
            period = customer.period_of(day)
            remedy = f"{customer.account_id} is closed by then"
            if period is not None:
                remedy = f"use {period.start} or {period.end}"
                remedy += f"; as --to, {last_day(period.start)} or {period.last_day}" if field == "to_date" else ""
            what = f"{day}, the day after its last one," if field == "to_date" else str(day)
            yield Trouble(fact, of_account, field, f"{fact.kind}: {what} is not a bill date of {customer.account_id}", remedy)


def _cycles(picture: Picture, relations: list[Reach]) -> Iterator[Trouble]:
    """Relations that are in effect on one day and lead back to where they began; reported once, for the fact learned last."""
    whole = _both_ways([each for each in relations if each.root is not None and each.root != each.member])
    told: set[int] = set()
    for day in sorted({span.start for each in whole for span in each.spans}):
        roots: dict[int, list[Reach]] = {}
        for each in whole:
            if each.covers(day):
                roots.setdefault(each.member, []).append(each)
        for start in roots:
            path = _way_back(start, roots)
            if path:
                last = max(path, key=lambda each: (each.fact.commit_seq, each.fact.fact_id))
                if last.fact.fact_id not in told:
                    told.add(last.fact.fact_id)
                    names = " -> ".join(picture.customers[each.member].account_id for each in path)
                    message = f"{last.fact.kind}: {names} -> {picture.customers[start].account_id} leads back to where it began on {day}"
                    yield Trouble(last.fact, last.subscription is None, "from_date", message, "end one of these relations first")


def _pools_in_pools(picture: Picture, relations: list[Reach]) -> Iterator[Trouble]:
    """Roots that are members of another pool on some day; reported once, for the fact learned last. Their members would share nothing."""
    pools = [each for each in relations if each.fact.kind == "pool" and each.root is not None]
    of_member: dict[int | None, list[Reach]] = {}
    for each in pools:
        of_member.setdefault(each.member, []).append(each)
    told: set[int] = set()
    for inner, outer in ((each, further) for each in pools for further in of_member.get(each.root, ()) if further.root != each.member):
        days = sorted(span.start for each in (inner, outer) for span in each.spans)
        holding = [day for day in days if inner.covers(day) and outer.covers(day)]
        last = max(inner.fact, outer.fact, key=lambda fact: (fact.commit_seq, fact.fact_id))
        if holding and inner.member != inner.root and last.fact_id not in told:
            told.add(last.fact_id)
            one, two = (picture.customers[each.member].account_id for each in (inner, outer))
            three = named_in(outer.fact)
            message = f"pool: {one} shares with {two}, and {two} with {three} on {holding[0]}"
            yield Trouble(last, True, "root", message, f"let both share with {three}, or end one of the two by {holding[0]}")


def _both_ways(relations: list[Reach]) -> list[Reach]:
    """Relations between accounts that both give and take, on any dates: only these can lead in a circle. Mostly none."""
    while True:
        members, roots = {each.member for each in relations}, {each.root for each in relations}
        kept = [each for each in relations if each.member in roots and each.root in members]
        if len(kept) == len(relations):
            return kept
        relations = kept


def _way_back(start: int, roots: dict[int, list[Reach]]) -> list[Reach]:
    """A path of relations from an account back to itself; empty if there is none."""
    stack: list[tuple[int, list[Reach]]] = [(start, [])]
    seen: set[int] = set()
    while stack:
        at, path = stack.pop()
        for each in roots.get(at, ()):
            assert each.root is not None
            if each.root == start:
                return [*path, each]
            if each.root not in seen:
                seen.add(each.root)
                stack.append((each.root, [*path, each]))
    return []
