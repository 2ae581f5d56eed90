"""Plans, pauses and outages of a few subscriptions as of a commit. They are read by key, so that one invoice does not read all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from billing.accounts import facts as dated
from billing.charges.pauses import Breaks
from billing.charges.proration import Span
from billing.charges.recurring import PlanSpan, plan_spans
from billing.runs.contracts import agreements
from billing.runs.contracts.agreements import merged, span_of
from billing.store import tables
from billing.store.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Collection

    from billing.accounts.facts import Fact

_KINDS = ("pause", "outage", "end", "no_end")


class Life(NamedTuple):
    """A subscription on its owner's clock."""

    zone: str
    spans: Sequence[PlanSpan]
    breaks: Breaks

    def identity_on(self, first: dt.date, end: dt.date) -> str:
        """The catalogue of the last plan before `end` that was held from `first` on; of any plan where there is none; else empty."""
        held = [each for each in self.spans if each.span.start < end and (each.span.end is None or each.span.end > first)]
        return next((each.plan.partition("/")[0] for each in reversed(held or self.spans)), "")


def lives(connection: sa.Connection, seq: int, keys: Collection[int]) -> dict[int, Life]:
    """The lives of some subscriptions by key."""
    if not keys:
        return {}
    rows = _SUBSCRIPTIONS.rows(connection, keys=list(keys))
    told = dated.subscription_facts(connection, seq, kinds=_KINDS, keys=keys)
    ends, plans = agreements.ends(told), _plans(connection, seq, keys)
    found = {}
    for key, from_date, to_date, zone in rows:
        end = None if to_date is None else dt.date.fromisoformat(to_date)
        if key in ends:
            end = ends[key].from_date if ends[key].kind == "end" else None
        spans = plan_spans(plans.get(key, ()), Span(dt.date.fromisoformat(from_date), end))
        found[key] = Life(zone, spans, Breaks(_spans(told, key, "pause"), _spans(told, key, "outage")))
    return found


def _plans(connection: sa.Connection, seq: int, keys: Collection[int]) -> dict[int, list[tuple[dt.date, str]]]:
    """Plans by subscription in order of time; of two with one date the one learned last."""
    newest = {(key, day): plan for key, day, plan in _PLANS.rows(connection, keys=list(keys), seq=seq)}
    found: dict[int, list[tuple[dt.date, str]]] = {}
    for (key, day), plan in sorted(newest.items()):
        found.setdefault(key, []).append((dt.date.fromisoformat(day), plan))
    return found


def _subscriptions_of() -> sa.Select[Any]:
    subscription, account = tables.subscriptions.c, tables.accounts.c
    query = sa.select(subscription.subscription_key, subscription.from_date, subscription.to_date, account.timezone)
    query = query.join_from(tables.subscriptions, tables.accounts, account.account_key == subscription.account_key)
    return query.where(subscription.subscription_key.in_(sa.bindparam("keys", expanding=True)))


def _plans_of() -> sa.Select[Any]:
    fact = tables.plan_facts.c
    of_keys = fact.subscription_key.in_(sa.bindparam("keys", expanding=True))
    query = sa.select(fact.subscription_key, fact.from_date, fact.plan).where(of_keys, fact.commit_seq <= sa.bindparam("seq"))
    return query.order_by(fact.commit_seq, fact.fact_id)


_SUBSCRIPTIONS: Final = Prepared(_subscriptions_of)
_PLANS: Final = Prepared(_plans_of)


def _spans(facts: Sequence[Fact], key: int, kind: str) -> tuple[Span, ...]:
    return merged(span_of(fact) for fact in facts if (fact.subject, fact.kind) == (key, kind))
