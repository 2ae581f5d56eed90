"""Messages of accounts, with names and numbers as the caller may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from billing import allocations
from billing.accounts import lookup
from billing.accounts.kinds import HoldFact
from billing.accounts.lookup import ComingLine, NumberLine
from billing.accounts.parties.fields import Masking
from billing.accounts.searching import PARTY_KINDS
from ratewright.v1 import account_import_pb2 as import_pb
from ratewright.v1 import account_service_pb2 as pb
from ratewright.v1 import invoice_service_pb2 as invoice_pb
from rating.model import QuantityUnit
from server.grpc import convert, dunning_messages, invoice_messages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.accounts.entities import Entity
    from billing.accounts.importing.whole import ImportReport
    from billing.accounts.lookup import AccountDetail, AccountLine, FactLine, OpeningLine, SubscriptionLine
    from billing.accounts.recording import Done
    from billing.accounts.searching import Hit
    from billing.documents.allowances_left import Left
    from billing.documents.enquiry import Charge, Enquiry
    from billing.dunning import Undone
    from billing.enquiries.account import Standing
    from billing.store.home import Home
    from rating.errors import Problem
    from server.access.masking import Mask

PROBLEMS_MAX: Final = 5_000
_MORE: Final = (
    *("plan_changes", "account_facts", "subscription_facts", "opening_items", "opening_allowances", "baselines"),
    *("party_facts", "issuer_facts"),
)


def of_list(line: AccountLine, mask: Mask) -> pb.Account:
    """An account as lists have it."""
    return pb.Account(
        name=f"accounts/{line.account_id}",
        display_name=mask.name(line.name),
        currency_code=line.currency,
        time_zone=line.timezone,
        bill_day=line.bill_day,
        language_code=line.language,
        open_date=convert.date(line.opened_on),
        legal_entity=line.legal_entity or "",
        category=line.category or "normal",
        payment_days=line.payment_days,
        dunning_policy=line.dunning_policy,
        billed_through_date=None if line.billed_through is None else convert.date(line.billed_through),
        subscription_count=line.subscriptions,
    )


def whole(detail: AccountDetail, money: Standing, mask: Mask, *, practice: bool) -> pb.Account:
    """An account with all that is known of it."""
    message = of_list(detail.account, mask)
    message.bill_day, message.category = detail.bill_day_now, detail.category_now
    message.as_of.CopyFrom(convert.date(detail.as_of))
    if detail.closed_on is not None:
        message.close_date.CopyFrom(convert.date(detail.closed_on))
    message.subscriptions.extend(_subscription(each, mask) for each in detail.subscriptions)
    message.facts.extend(_fact(each) for each in detail.facts)
    holds = (each for each in detail.facts if each.kind == "hold" and (each.to_date is None or each.to_date > detail.as_of))
    message.holds.extend(map(_hold, holds))
    message.coming_changes.extend(map(_coming, detail.coming))
    message.billed_with.extend(f"accounts/{each}" for each in detail.unit)
    message.opening_bill_day, message.opening_category = detail.account.bill_day, detail.account.category or "normal"
    message.language_code, message.payment_days = detail.language_now, detail.payment_days_now
    message.opening_language_code, message.opening_payment_days = detail.account.language, detail.account.payment_days
    message.relations.extend(detail.relations)
    currency = detail.account.currency
    message.opening_items.extend(_opening_item(each, currency) for each in detail.opening_items)
    message.baselines.extend(pb.Baseline(month=month, amount=convert.money(currency, total)) for month, total in detail.baselines.items())
    message.standing.CopyFrom(_standing(money, practice=practice))
    return message


def _opening_item(line: OpeningLine, currency: str) -> pb.OpeningItem:
    return pb.OpeningItem(
        reference=line.reference,
        issue_date=convert.date(line.issued_on),
        due_date=convert.date(line.due_on),
        amount=convert.money(currency, line.amount_micros),
    )


def _subscription(line: SubscriptionLine, mask: Mask) -> pb.Subscription:
    message = pb.Subscription(
        subscription=line.subscription_id,
        plan=line.plan,
        from_date=convert.date(line.from_date),
        numbers=[_number(each, mask) for each in line.spans],
        plans=[pb.PlanStart(plan=each.plan, from_date=convert.date(each.from_date)) for each in line.plans],
        transferred_from=line.transferred_from or "",
        transferred_from_account="" if line.transferred_from_account is None else f"accounts/{line.transferred_from_account}",
        numbers_on_day=map(mask.number, line.numbers),
    )
    if line.to_date is not None:
        message.to_date.CopyFrom(convert.date(line.to_date))
    return message


def _coming(line: ComingLine) -> pb.ComingChange:
    message = pb.ComingChange(from_date=convert.date(line.from_date), about=line.about, text=line.says)
    if line.to_date is not None:
        message.to_date.CopyFrom(convert.date(line.to_date))
    return message


def _number(span: NumberLine, mask: Mask) -> pb.NumberSpan:
    message = pb.NumberSpan(number=mask.number(span.served_id), from_time=convert.timestamp(span.from_us))
    if span.to_us is not None:
        message.to_time.CopyFrom(convert.timestamp(span.to_us))
    return message


def _fact(line: FactLine) -> pb.AccountFact:
    message = pb.AccountFact(
        about=line.about,
        kind=line.kind,
        from_date=convert.date(line.from_date),
        text=line.says,
        fact=line.fact_id,
        detail=line.detail,
        recorded_by=line.by_name,
        commit_seq=line.commit_seq,
        dunning_run=dunning_messages.run_name(line.dunning_run),
        dunning_level=line.dunning_level or 0,
        dunning_undone=line.dunning_undone,
        replaced_by=line.replaced_by or 0,
    )
    if line.to_date is not None:
        message.to_date.CopyFrom(convert.date(line.to_date))
    return message


def _hold(line: FactLine) -> pb.BillHold:
    message = pb.BillHold(fact=line.fact_id, from_date=convert.date(line.from_date), reason=_reason(line))
    if line.to_date is not None:
        message.to_date.CopyFrom(convert.date(line.to_date))
    return message


def _reason(line: FactLine) -> str:
    return msgspec.json.decode(line.detail, type=HoldFact).reason


def open_items(home: Home, account_id: str, currency: str) -> list[pb.AccountOpenItem]:
    """Documents of an account that are not settled, by due date."""
    with home.connect() as connection:
        found = allocations.open_items(connection, [lookup.key_of(home, account_id)])
    return [
        pb.AccountOpenItem(invoice=each.number, due_date=convert.date(each.due_on), open=convert.money(currency, each.open_micros))
        for each in sorted(found, key=lambda each: (each.due_on, each.number))
    ]


def unbilled(found: Enquiry, left: Iterable[Left]) -> pb.UnbilledAmounts:
    """Amounts that are on no invoice yet."""
    return pb.UnbilledAmounts(
        through_date=convert.date(found.through),
        net=[convert.money(currency, micros) for currency, micros in sorted(found.net_micros.items())],
        charges=map(_charge, found.lines),
        allowances=map(_allowance, left),
        language_code=found.language,
    )


def _allowance(found: Left) -> pb.AllowanceBalance:
    return pb.AllowanceBalance(
        subscription=found.subscription_id,
        allowance=found.allowance,
        granted=found.granted,
        left=found.left,
        unit=_unit(found.unit),
        expire_date=convert.date(found.expires_on),
    )


def _charge(line: Charge) -> pb.UnbilledCharge:
    return pb.UnbilledCharge(
        subscription=line.subscription_id,
        kind=line.kind,
        text=f"{line.text} ({line.tax_name})" if line.tax_name else line.text,
        from_date=convert.date(line.period_from),
        to_date=convert.date(line.period_to),
        event_count=line.events,
        quantity=line.quantity,
        free_quantity=line.free_quantity,
        unit=_unit(line.quantity_unit) if line.quantity else "",
        amount=convert.money(line.currency, line.amount_micros),
        days=[invoice_pb.DaySpan(from_date=convert.date(each.from_date), to_date=convert.date(each.to_date)) for each in line.days],
        tax_name=line.tax_name,
        quantity_unit=invoice_pb.QuantityUnit.ValueType(line.quantity_unit),
    )


def _unit(number: int) -> str:
    return QuantityUnit(number).name.lower()


def match(found: Hit, mask: Mask) -> pb.AccountMatch:
    """An account that was found."""
    message = pb.AccountMatch(
        account=f"accounts/{found.account_id}",
        display_name=mask.name(found.name),
        found_by=found.found_by,
        exact=found.exact,
        subscription=found.subscription_id,
        time_zone=found.timezone,
    )
    if found.from_us is not None:
        message.number.CopyFrom(_number(NumberLine(found.text, found.from_us, found.to_us), mask))
    if found.found_by in PARTY_KINDS.values():
        is_number = found.found_by in {"tax_id", "bank_account"}
        message.party_text = str(mask.field(Masking.NUMBER if is_number else Masking.HIDDEN, found.text))
    return message


def entity(found: Entity) -> import_pb.LegalEntity:
    """An issuer of documents."""
    return import_pb.LegalEntity(
        name=f"legalEntities/{found.entity}",
        display_name=found.name,
        invoice_prefix=found.invoice_prefix,
        credit_prefix=found.credit_prefix,
    )


def added(found: Entity, done: Done) -> import_pb.LegalEntity:
    """An issuer of documents, with what adding it did."""
    message = entity(found)
    message.effects.extend(done.said)
    message.already_recorded, message.commit_seq = done.existed, done.commit_seq or 0
    return message


def imported(report: ImportReport | None, found: Sequence[Problem]) -> import_pb.ImportAccountsResponse:
    """Rows that were imported, or every mistake."""
    problems = [
        import_pb.ImportProblem(file_name=each.file, place=each.path, message=each.message, remedy=each.remedy)
        for each in found[:PROBLEMS_MAX]
    ]
    if report is None:
        return import_pb.ImportAccountsResponse(problems=problems, problem_count=len(found))
    rows = [
        ("accounts", report.accounts_added, 0, report.accounts_known),
        ("subscriptions", report.subscriptions_added, report.subscriptions_ended, report.subscriptions_known),
        ("numbers", report.numbers_added, report.numbers_ended, report.numbers_known),
        *((name, *(getattr(getattr(report, name), field) for field in ("added", "ended", "known"))) for name in _MORE),
    ]
    counts = [
        import_pb.ImportCount(kind=kind, added_count=added, ended_count=ended, known_count=known) for kind, added, ended, known in rows
    ]
    return import_pb.ImportAccountsResponse(counts=counts, commit_seq=report.commit_seq or 0, moved_ends=report.moved_ends)


def _standing(found: Standing, *, practice: bool) -> pb.AccountStanding:
    message = pb.AccountStanding(
        as_of=convert.date(found.as_of),
        balance=convert.money(found.currency, found.balance_micros),
        open=convert.money(found.currency, found.open_micros),
        credit=convert.money(found.currency, found.credit_micros),
        overdue=convert.money(found.currency, found.overdue_micros),
        promised=convert.money(found.currency, found.promised_micros),
        deposits_held=convert.money(found.currency, found.deposits_held_micros),
        dunning_level=found.dunning_level,
        outgoing_barred=found.barred,
        bills_held=found.bills_held,
        dunning_policy=found.dunning_policy,
        dunning_date=convert.date(found.dunning_taken_on) if found.dunning_taken_on else None,
        policy_level=found.policy_level,
        policy_action=found.policy_action,
        oldest_due_date=convert.date(found.oldest_due_on) if found.oldest_due_on else None,
        dunning_action=found.dunning_action,
        dunning_undone=None if found.dunning_undone is None else _undone(found.dunning_undone),
        document_count=found.documents,
        last_documents=[invoice_messages.of_list(each, practice=practice) for each in found.bills],
    )
    if found.next_bill_date:
        message.next_bill_date.CopyFrom(convert.date(found.next_bill_date))
    return message


def _undone(found: Undone) -> pb.UndoneDunningRun:
    return pb.UndoneDunningRun(
        dunning_run=dunning_messages.run_name(found.run_id),
        date=convert.date(found.as_of),
        undone_by=found.by_name,
        undo_time=convert.timestamp(found.at_us),
        reason=found.reason,
        asked_by=found.asked_by,
        ask_reason=found.asked_reason,
    )
