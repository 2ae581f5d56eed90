"""Messages of accounts, with names and numbers as the caller may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratewright.v1 import account_service_pb2 as pb
from server.grpc import convert

if TYPE_CHECKING:
    from billing.accounts.lookup import AccountDetail, AccountLine, FactLine, NumberLine, SubscriptionLine
    from billing.enquiries.account import Standing
    from server.access.masking import Mask


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
        subscription_count=line.subscriptions,
    )


def whole(detail: AccountDetail, money: Standing, mask: Mask) -> pb.Account:
    """An account with all that is known of it."""
    message = of_list(detail.account, mask)
    message.bill_day, message.category = detail.bill_day_now, detail.category_now
    message.as_of.CopyFrom(convert.date(detail.as_of))
    if detail.closed_on is not None:
        message.close_date.CopyFrom(convert.date(detail.closed_on))
    message.subscriptions.extend(_subscription(each, mask) for each in detail.subscriptions)
    message.facts.extend(_fact(each) for each in detail.facts)
    message.billed_with.extend(f"accounts/{each}" for each in detail.unit)
    message.standing.CopyFrom(_standing(money))
    return message


def _subscription(line: SubscriptionLine, mask: Mask) -> pb.Subscription:
    message = pb.Subscription(
        subscription=line.subscription_id,
        plan=line.plan,
        from_date=convert.date(line.from_date),
        numbers=[_number(each, mask) for each in line.spans],
    )
    if line.to_date is not None:
        message.to_date.CopyFrom(convert.date(line.to_date))
    return message


def _number(span: NumberLine, mask: Mask) -> pb.NumberSpan:
    message = pb.NumberSpan(number=mask.number(span.served_id), from_time=convert.timestamp(span.from_us))
    if span.to_us is not None:
        message.to_time.CopyFrom(convert.timestamp(span.to_us))
    return message


def _fact(line: FactLine) -> pb.AccountFact:
    message = pb.AccountFact(about=line.about, kind=line.kind, from_date=convert.date(line.from_date), text=line.says)
    if line.to_date is not None:
        message.to_date.CopyFrom(convert.date(line.to_date))
    return message


def _standing(found: Standing) -> pb.AccountStanding:
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
    )
    if found.next_bill_date:
        message.next_bill_date.CopyFrom(convert.date(found.next_bill_date))
    return message
