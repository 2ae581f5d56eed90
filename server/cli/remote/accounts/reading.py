"""Accounts by a service: lists, searches, and one with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from billing.accounts import searching
from billing.accounts.entities import Entity
from billing.accounts.lookup import (
    AccountDetail,
    AccountLine,
    ComingLine,
    FactLine,
    NumberLine,
    OpeningLine,
    PlanLine,
    SubscriptionLine,
)
from billing.accounts.searching import Hit, Search
from billing.dunning import Undone
from billing.enquiries.account import Standing
from ratewright.v1 import account_import_pb2 as import_pb
from ratewright.v1 import account_service_pb2 as pb
from ratewright.v1 import account_service_pb2_grpc as stubs
from server.cli.remote.accounts.changes import named
from server.cli.remote.calling import PAGE_SIZE, day, last, tail
from server.cli.remote.documents.summaries import summary_of
from server.client import date, micros

if TYPE_CHECKING:
    import datetime as dt

    from server.client import Connection

_NORMAL: Final = "normal"


class Accounts:
    """Calls of AccountService that read what is stored."""

    def __init__(self, service: Connection) -> None:
        self._service = service
        self._stub = stubs.AccountServiceStub(service.channel)

    def list_accounts(self, limit: int) -> tuple[list[AccountLine], int]:
        """`accounts list`: the first accounts by id, and how many there are."""
        asked = pb.ListAccountsRequest(page_size=max(1, min(limit, PAGE_SIZE)))
        pages = self._service.each_page(self._stub.ListAccounts, asked)
        first = next(pages)
        total, found = first.total_size, list(first.accounts)
        while len(found) < limit and (page := next(pages, None)) is not None:
            found += page.accounts
        return [_line(each, each.bill_day, each.category) for each in found[:limit]], total

    def show(self, account_id: str, as_of: dt.date | None) -> tuple[AccountDetail, Standing]:
        """`accounts show`."""
        asked = pb.GetAccountRequest(name=named(account_id), as_of=None if as_of is None else date(as_of))
        found = self._service.call(self._stub.GetAccount, asked)
        return _detail(found), _standing(found)

    def find(self, text: str, on: dt.date | None, limit: int) -> Search:
        """`accounts find`."""
        asked = pb.SearchAccountsRequest(
            query=searching.wanted(text, limit), date=None if on is None else date(on), page_size=limit, search_names=True
        )
        found = self._service.call(self._stub.SearchAccounts, asked)
        return Search(tuple(map(_hit, found.matches)), found.more, found.whole)

    def entities(self) -> list[Entity]:
        """`accounts entity list`."""
        found = self._service.call(self._stub.ListLegalEntities, import_pb.ListLegalEntitiesRequest()).legal_entities
        return [Entity(tail(each.name), each.display_name, each.invoice_prefix, each.credit_prefix) for each in found]


def _line(row: pb.Account, bill_day: int, category: str) -> AccountLine:
    return AccountLine(
        account_id=tail(row.name),
        name=row.display_name,
        currency=row.currency_code,
        timezone=row.time_zone,
        bill_day=bill_day,
        language=row.language_code,
        opened_on=day(row.open_date),
        billed_through=day(row.billed_through_date) or None,
        dunning_policy=row.dunning_policy,
        payment_days=row.payment_days,
        legal_entity=row.legal_entity or None,
        category=None if category == _NORMAL else category,
        subscriptions=row.subscription_count,
    )


def _opened(row: pb.Account) -> AccountLine:
    """An account as it was opened."""
    line = _line(row, row.opening_bill_day, row.opening_category)
    return msgspec.structs.replace(line, language=row.opening_language_code, payment_days=row.opening_payment_days)


def _detail(row: pb.Account) -> AccountDetail:
    return AccountDetail(
        account=_opened(row),
        as_of=day(row.as_of),
        bill_day_now=row.bill_day,
        category_now=row.category,
        language_now=row.language_code,
        payment_days_now=row.payment_days,
        closed_on=day(row.close_date) or None,
        unit=list(map(tail, row.billed_with)),
        relations=list(row.relations),
        subscriptions=list(map(_subscription, row.subscriptions)),
        facts=list(map(_fact, row.facts)),
        opening_items=[
            OpeningLine(each.reference, day(each.issue_date), day(each.due_date), micros(each.amount)) for each in row.opening_items
        ],
        baselines={each.month: micros(each.amount) for each in row.baselines},
        coming=[
            ComingLine(day(each.from_date), each.about, each.text, day(each.to_date) if each.HasField("to_date") else None)
            for each in row.coming_changes
        ],
    )


def _subscription(row: pb.Subscription) -> SubscriptionLine:
    return SubscriptionLine(
        subscription_id=row.subscription,
        plan=row.plan,
        from_date=day(row.from_date),
        to_date=day(row.to_date) or None,
        numbers=list(row.numbers_on_day),
        plans=[PlanLine(day(each.from_date), each.plan) for each in row.plans],
        spans=list(map(_span, row.numbers)),
        transferred_from=row.transferred_from or None,
        transferred_from_account=tail(row.transferred_from_account) or None,
    )


def _span(row: pb.NumberSpan) -> NumberLine:
    to_us = row.to_time.ToMicroseconds() if row.HasField("to_time") else None
    return NumberLine(row.number, row.from_time.ToMicroseconds(), to_us)


def _fact(row: pb.AccountFact) -> FactLine:
    run = row.dunning_run
    return FactLine(
        fact_id=row.fact,
        about=row.about,
        kind=row.kind,
        from_date=day(row.from_date),
        to_date=day(row.to_date) or None,
        says=row.text,
        detail=row.detail,
        by_name=row.recorded_by,
        commit_seq=row.commit_seq,
        dunning_run=int(last(run)) if run else None,
        dunning_level=row.dunning_level if run else None,
        dunning_undone=row.dunning_undone,
        replaced_by=row.replaced_by or None,
    )


def _standing(row: pb.Account) -> Standing:
    found = row.standing
    return Standing(
        account_id=tail(row.name),
        as_of=day(found.as_of),
        currency=found.balance.currency_code,
        balance_micros=micros(found.balance),
        open_micros=micros(found.open),
        credit_micros=micros(found.credit),
        deposits_held_micros=micros(found.deposits_held),
        promised_micros=micros(found.promised),
        overdue_micros=micros(found.overdue),
        oldest_due_on=day(found.oldest_due_date),
        dunning_policy=found.dunning_policy,
        dunning_level=found.dunning_level,
        dunning_action=found.dunning_action,
        barred=found.outgoing_barred,
        next_bill_date=day(found.next_bill_date),
        bills_held=found.bills_held,
        documents=found.document_count,
        bills=tuple(map(summary_of, found.last_documents)),
        dunning_taken_on=day(found.dunning_date),
        policy_level=found.policy_level,
        policy_action=found.policy_action,
        dunning_undone=_undone(found.dunning_undone) if found.HasField("dunning_undone") else None,
    )


def _undone(row: pb.UndoneDunningRun) -> Undone:
    return Undone(
        run_id=int(last(row.dunning_run)),
        as_of=day(row.date),
        by_name=row.undone_by,
        at_us=row.undo_time.ToMicroseconds(),
        reason=row.reason,
        asked_by=row.asked_by,
        asked_reason=row.ask_reason,
    )


def _hit(row: pb.AccountMatch) -> Hit:
    account_id, is_number = tail(row.account), row.HasField("number")
    texts = {"account": account_id, "name": row.display_name, "subscription": row.subscription, "number": row.number.number}
    span = _span(row.number) if is_number else None
    return Hit(
        account_id=account_id,
        name=row.display_name,
        timezone=row.time_zone,
        found_by=row.found_by,
        text=texts.get(row.found_by, row.party_text),
        exact=row.exact,
        subscription_id=row.subscription,
        from_us=None if span is None else span.from_us,
        to_us=None if span is None else span.to_us,
    )
