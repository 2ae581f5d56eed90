"""One change of one account: each kind of change has a function here that converts it, and calls the function of its command."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from billing.accounts import agreements, kinds, lifecycle, opening
from billing.accounts.handovers import taking_back
from billing.accounts.recording import Asked
from billing.store.home import Home
from rating.errors import quoted
from server.actions import accounts
from server.grpc import entrance
from server.grpc.finance import values
from server.grpc.refusals import invalid, not_found

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import msgspec

    from billing.accounts.recording import Done
    from ratewright.v1 import account_change_pb2 as pb

_OF_A_SUBSCRIPTION: Final = "accounts/-"
_OF_BOTH: Final = kinds.ACCOUNT_KINDS.keys() & kinds.SUBSCRIPTION_KINDS.keys()  # agreed with an account, or for a subscription
_QUARANTINE_DAYS_MAX: Final = 3_650
_FIRST_US, _LAST_US = 0, 32_503_680_000_000_000  # 1970 and the year 3000


class Changing(NamedTuple):
    """The home, who asks for a change, and the account."""

    home: Home
    asked: Asked
    account_id: str
    names_account: bool = False  # by the field `subscription`

    def subscription(self, subscription_id: str) -> str:
        """The id of a subscription of the account. Refuses one of another account, or of none."""
        owner = accounts.owner_of(self.home, subscription_id)
        if owner is None:
            message = f"no subscription has the id {quoted(subscription_id)}"
            raise not_found("SUBSCRIPTION_UNKNOWN", message, {"field": "subscription"})
        if owner != self.account_id:
            message = f"subscription {quoted(subscription_id)} is not one of account {quoted(self.account_id)}"
            raise invalid("SUBSCRIPTION_OF_ANOTHER", message, {"field": "subscription"})
        return subscription_id

    def agree(self, subscription_id: str, kind: str, message: Any, detail: msgspec.Struct, *, has_end: bool = True) -> Done:  # noqa: ANN401 -- with from_date, and to_date where it has an end
        """Record a fact about the account, or about one of its subscriptions; `subscription_id` may be the id of the account as well."""
        begin, end = values.day(message, "from_date"), values.day_or_none(message, "to_date") if has_end else None
        if kind not in _OF_BOTH:  # says so where the account's id is one of a subscription
            return agreements.agree_with(self.home, self.asked, self.account_id, kind, begin, end, detail)
        if subscription_id and not self.names_account:
            return agreements.agree_for(self.home, self.asked, self.subscription(subscription_id), kind, begin, end, detail)
        return agreements.agree(self.home, self.asked, self.account_id, kind, begin, end, detail)


def changing(home: Home, asked: Asked, request: pb.ChangeAccountRequest) -> Changing:
    """The account that a request is about. Refuses other legal entities, a name that is none, and `accounts/-` where no account has it."""
    kind = request.WhichOneof("change")
    named = _named_subscription(request, kind) if request.name == _OF_A_SUBSCRIPTION else ""
    owner = _owner(home, named, kind) if named else values.account(request.name)
    _require_entities(home, request, kind)
    entrance.about_account(home, owner or named)
    return Changing(home, asked, owner or named, names_account=owner is None)


def change(to: Changing, request: pb.ChangeAccountRequest) -> Done:
    """Do what a request asks for. Refuses CHANGE_MISSING, and as `Changing.subscription` does."""
    kind = request.WhichOneof("change")
    if kind is None:
        raise invalid("CHANGE_MISSING", "change: say what is changed", {"field": "change"})
    return _CHANGES[kind](to, getattr(request, kind))


def _named_subscription(request: pb.ChangeAccountRequest, kind: str | None) -> str:
    """The subscription that a change names; empty where it names none that is there."""
    return "" if kind in {None, "activate"} else str(getattr(getattr(request, str(kind)), "subscription", ""))


def _owner(home: Home, subscription_id: str, kind: str | None) -> str | None:
    """The account of a subscription; None where the change may name an account in its place. Else refuses one that is not there."""
    owner = accounts.owner_of(home, subscription_id)
    if owner is None and kind not in _OF_BOTH:
        entrance.about_account(home, "")  # refused to a role of one legal entity, as what is of another one
        error = accounts.unknown_subscription(home, subscription_id)
        raise not_found("SUBSCRIPTION_UNKNOWN", error.message, {"field": "subscription", "remedy": error.remedy})
    return owner


def _require_entities(home: Home, request: pb.ChangeAccountRequest, kind: str | None) -> None:
    """Refuse a role that is limited to a legal entity where the change is about an account of another one as well."""
    others = {
        "transfer": request.transfer.to_account,
        "payer": request.payer.payer,
        "sponsor": request.sponsor.payer,
        "pool": request.pool.root,
    }
    if kind is not None and others.get(kind):
        entrance.about_account(home, values.account(others[kind]))
    before = accounts.owner_before(home, request.untransfer.subscription) if kind == "untransfer" else None
    if before is not None:
        entrance.about_account(home, before)


def _open(to: Changing, message: pb.OpenAccount) -> Done:
    fields = {
        "account_id": to.account_id,
        "name": message.display_name,
        "currency": message.currency_code,
        "timezone": message.time_zone,
        "bill_day": str(message.bill_day),
        "language": message.language_code or "en",
        "opened_on": values.day(message, "open_date").isoformat(),
        "billed_through": day.isoformat() if (day := values.day_or_none(message, "billed_through_date")) is not None else "",
        "dunning_policy": message.dunning_policy or "standard",
        "payment_days": str(message.payment_days) if message.HasField("payment_days") else "14",
        "legal_entity": message.legal_entity,
        "category": message.category or "normal",
    }
    return opening.open_account(to.home, fields, to.asked)


def _activate(to: Changing, message: pb.ActivateSubscription) -> Done:
    begin, numbers = values.day(message, "from_date"), tuple(message.numbers)
    wanted = lifecycle.Activation(message.subscription, to.account_id, message.plan, begin, numbers, _quarantine_days(message))
    return lifecycle.activate(to.home, to.asked, wanted)


def _change_plan(to: Changing, message: pb.ChangePlan) -> Done:
    subscription = to.subscription(message.subscription)
    return lifecycle.change_plan(to.home, to.asked, subscription, message.plan, _start(to, subscription, message.start))


def _add_on(*, adds: bool) -> Callable[[Changing, pb.ChangeAddOn], Done]:
    def work(to: Changing, message: pb.ChangeAddOn) -> Done:
        subscription = to.subscription(message.subscription)
        day = _start(to, subscription, message.start)
        return lifecycle.change_add_on(to.home, to.asked, subscription, message.add_on, day, adds=adds)

    return work


def _pause(to: Changing, message: pb.PauseSubscription) -> Done:
    begin, end = values.day(message, "from_date"), values.day_or_none(message, "to_date")
    return lifecycle.pause(to.home, to.asked, to.subscription(message.subscription), begin, end, message.reason)


def _resume(to: Changing, message: pb.ResumeSubscription) -> Done:
    return lifecycle.resume(to.home, to.asked, to.subscription(message.subscription), values.day(message, "date"))


def _outage(to: Changing, message: pb.RecordOutage) -> Done:
    begin, end = values.day(message, "from_date"), values.day(message, "to_date")
    subscription = to.subscription(message.subscription)
    return lifecycle.outage(to.home, to.asked, subscription, begin, end, message.reason, message.ticket)


def _end(to: Changing, message: pb.EndSubscription) -> Done:
    return lifecycle.end(to.home, to.asked, to.subscription(message.subscription), values.day(message, "date"), message.reason)


def _revive(to: Changing, message: pb.ReviveSubscription) -> Done:
    return lifecycle.revive(to.home, to.asked, to.subscription(message.subscription), message.reason)


def _transfer(to: Changing, message: pb.TransferSubscription) -> Done:
    new_owner, day = values.account(message.to_account), values.day(message, "date")
    subscription = to.subscription(message.subscription)
    return lifecycle.transfer(to.home, to.asked, subscription, new_owner, day, message.new_subscription)


def _untransfer(to: Changing, message: pb.UntransferSubscription) -> Done:
    return taking_back.untransfer(to.home, to.asked, to.subscription(message.subscription), message.reason)


def _terms(to: Changing, message: pb.RecordTerms) -> Done:
    detail = kinds.TermsFact(
        language=message.language_code if message.HasField("language_code") else None,
        payment_days=message.payment_days if message.HasField("payment_days") else None,
        dunning_policy=message.dunning_policy if message.HasField("dunning_policy") else None,
        minimum_months=message.minimum_months if message.HasField("minimum_months") else None,
        early_end_waived=message.early_end_waived,
    )
    return to.agree(message.subscription, "terms", message, detail)


def _discount(to: Changing, message: pb.AgreeDiscount) -> Done:
    off = message.WhichOneof("off")
    if off is None:
        raise invalid("MALFORMED_REQUEST", "off: a discount is a percentage or an amount", {"field": "off"})
    percent = accounts.percent_ppm(message.percent, "percent") if off == "percent" else 0
    amount = 0 if off == "percent" else _amount(to, message)
    detail = kinds.DiscountFact(
        message.name,
        percent,
        amount,
        tuple(message.kinds),
        tuple(message.charge_codes),
        message.own_charge_code,
        message.own_revenue_code,
    )
    return to.agree(message.subscription, "discount", message, detail)


def _amount(to: Changing, message: pb.AgreeDiscount) -> int:
    given = values.required_amount(message, "amount")
    currency = accounts.currency_of(to.home, to.account_id)
    if given.currency not in {None, currency} and currency is not None:
        raise invalid("MALFORMED_REQUEST", f"amount: it is in {given.currency}, and the account in {currency}", {"field": "amount"})
    return given.micros


def _tax(to: Changing, message: pb.AgreeTax) -> Done:
    place = next((each for each in kinds.PLACES if each == message.place), message.place or kinds.PLACES[0])  # a default is not stored
    detail = kinds.TaxFact(tuple(message.exempt), dict(sorted(message.instead.items())), message.certificate, place)
    return to.agree("", "tax", message, detail)


def _category(to: Changing, message: pb.SetCategory) -> Done:
    if message.category not in kinds.CATEGORIES:
        told = f"category: {quoted(message.category)} is not one of {', '.join(kinds.CATEGORIES)}"
        raise invalid("MALFORMED_REQUEST", told, {"field": "category"})
    return to.agree("", "category", message, kinds.CategoryFact(message.category), has_end=False)


def _hold(to: Changing, message: pb.HoldBills) -> Done:
    return to.agree("", "hold", message, kinds.HoldFact(message.reason))


def _payer(to: Changing, message: pb.AgreePayer) -> Done:
    detail = kinds.PayerFact(_account(message.payer), tuple(message.kinds), tuple(message.charge_codes))
    return to.agree(message.subscription, "payer", message, detail)


def _sponsor(to: Changing, message: pb.AgreePayer) -> Done:
    if message.subscription:
        raise invalid("MALFORMED_REQUEST", "subscription: a sponsor is of a whole account", {"field": "subscription"})
    detail = kinds.SponsorFact(_account(message.payer), tuple(message.kinds), tuple(message.charge_codes))
    return to.agree("", "sponsor", message, detail)


def _pool(to: Changing, message: pb.JoinPool) -> Done:
    return to.agree("", "pool", message, kinds.PoolFact(_account(message.root)))


def _bill_day(to: Changing, message: pb.ChangeBillDay) -> Done:
    return agreements.change_bill_day(to.home, to.asked, to.account_id, message.bill_day, values.day(message, "from_date"))


def _close(to: Changing, message: pb.CloseAccount) -> Done:
    return agreements.close(to.home, to.asked, to.account_id, values.day(message, "date"), message.reason)


def _retract(to: Changing, message: pb.RetractFact) -> Done:
    return agreements.retract(to.home, to.asked, to.account_id, message.fact, message.reason, of_subscription=message.of_subscription)


def _give_number(to: Changing, message: pb.GiveNumber) -> Done:
    subscription = to.subscription(message.subscription)
    since = _instant_or_day(message, "from_time", "from_date")
    return accounts.give_number(to.home, to.asked, message.number, subscription, since, _quarantine_days(message))


def _take_number(to: Changing, message: pb.TakeNumber) -> Done:
    subscription = to.subscription(message.subscription)
    return accounts.take_number(to.home, to.asked, message.number, subscription, _instant_or_day(message, "time", "date"))


def _start(to: Changing, subscription: str, start: pb.StartDay) -> dt.date | None:
    """The first day; None: the end of the cycle."""
    kind = start.WhichOneof("day")
    if kind == "date":
        return values.day(start, "date")
    if kind is None or not getattr(start, kind):
        raise invalid("MALFORMED_REQUEST", "start: say when: a date, today, or the end of the cycle", {"field": "start"})
    return lifecycle.today(to.home, subscription, to.asked.now_us) if kind == "today" else None


def _instant_or_day(message: Any, instant: str, day: str) -> int | dt.date:  # noqa: ANN401 -- with one of the two fields
    if not message.HasField(instant):
        return values.day(message, day)
    found = getattr(message, instant)
    at_us: int = found.seconds * 1_000_000 + found.nanos // 1_000
    if found.nanos % 1_000 or not 0 <= found.nanos < 1_000_000_000 or not _FIRST_US <= at_us < _LAST_US:  # noqa: PLR2004 -- nanoseconds of a second
        raise invalid("MALFORMED_REQUEST", f"{instant}: give an instant, to the microsecond at most", {"field": instant})
    return at_us


def _quarantine_days(message: pb.ActivateSubscription | pb.GiveNumber) -> int:
    if not message.HasField("quarantine_days"):
        return accounts.QUARANTINE_DAYS
    if not 0 <= message.quarantine_days <= _QUARANTINE_DAYS_MAX:
        told = f"quarantine_days: {message.quarantine_days} is not between 0 and {_QUARANTINE_DAYS_MAX}"
        raise invalid("MALFORMED_REQUEST", told, {"field": "quarantine_days"})
    return message.quarantine_days


def _account(name: str) -> str:
    """The id in the name of another account; empty for none."""
    return values.account(name) if name else ""


_CHANGES: Final[MappingProxyType[str, Callable[[Changing, Any], Done]]] = MappingProxyType(
    {
        "open": _open,
        "activate": _activate,
        "change_plan": _change_plan,
        "add_add_on": _add_on(adds=True),
        "remove_add_on": _add_on(adds=False),
        "pause": _pause,
        "resume": _resume,
        "outage": _outage,
        "end": _end,
        "revive": _revive,
        "transfer": _transfer,
        "untransfer": _untransfer,
        "terms": _terms,
        "discount": _discount,
        "tax": _tax,
        "category": _category,
        "hold": _hold,
        "payer": _payer,
        "sponsor": _sponsor,
        "pool": _pool,
        "bill_day": _bill_day,
        "close": _close,
        "retract": _retract,
        "give_number": _give_number,
        "take_number": _take_number,
    }
)
