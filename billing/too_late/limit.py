"""The value of late usage on which one person may decide alone: added up over thirty days, by person and by account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from billing.give_back_limit import Given, columns_of_acts, given_alone
from billing.late_decisions import LIMIT, TAKEN_BACK
from billing.store import settings, tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.persons import Who


def needs_second(connection: sa.Connection, values: Mapping[tuple[int | None, str], int], who: Who) -> bool:
    """True where another person must agree to decisions of these values (above zero) by account and currency; to an unknown one always."""
    if any(not currency for _, currency in values):
        return True
    limit, alone = settings.integer(connection, LIMIT), _alone()
    of_person: dict[str, int] = {}
    for (_, currency), micros in values.items():
        of_person[currency] = of_person.get(currency, 0) + micros
    asked = [Given(key, currency, micros) for (key, currency), micros in values.items()]
    asked += [Given(None, currency, micros) for currency, micros in of_person.items()]
    return any(each.amount_micros + given_alone(connection, alone, each, who) > limit for each in asked)


def _alone() -> sa.Select[Any]:
    """Decisions to which no other person agreed, each with the larger of its amount and its worth. One that was taken back stays."""
    row = tables.late_decisions.c
    worth = sa.func.abs(row.worth_micros)  # of a difference of versions it may be below zero
    value = sa.case((row.amount_micros > worth, row.amount_micros), else_=worth)
    query = sa.select(*columns_of_acts(row.by_uid, row.at_us, row.account_key, row.currency, value))
    return query.where(row.kind != TAKEN_BACK, row.agreed_uid.is_(None))
