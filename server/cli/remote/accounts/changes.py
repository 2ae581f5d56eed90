"""Changes of accounts by a service: `ratewright accounts open|activate|... --server`, and `accounts entity add`.

Each method makes the message that the function of its name takes in `server.grpc.accounts.account_changes`. A subscription is named without
its account: `accounts/-`.
"""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from billing.accounts.kinds import SUBSCRIPTION_KINDS
from billing.accounts.recording import Done
from ratewright.v1 import account_change_pb2 as pb
from ratewright.v1 import account_import_pb2 as import_pb
from ratewright.v1 import account_service_pb2_grpc as stubs
from rating.errors import NotFoundError
from rating.money import format_micros
from server.cli.remote.calling import account
from server.cli.remote.operations import fitting
from server.client import date, money, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import msgspec

    from billing.accounts import kinds
    from billing.accounts.entities import Entity
    from billing.accounts.lifecycle import Activation
    from server.client import Connection

_OF_A_SUBSCRIPTION: Final = "accounts/-"
_MICROS_OF_PPM: Final = 100  # a percentage in micro-units, of one part per million


class AccountChanges:
    """Calls of AccountService that write, each one change. `dry_run`: it is only previewed."""

    def __init__(self, service: Connection, *, dry_run: bool) -> None:
        self._service, self._dry_run = service, dry_run
        self._stub = stubs.AccountServiceStub(service.channel)

    def add_entity(self, entity: Entity) -> Done:
        """`accounts entity add`."""
        wanted = import_pb.LegalEntity(
            name=f"legalEntities/{entity.entity}",
            display_name=entity.name,
            invoice_prefix=entity.invoice_prefix,
            credit_prefix=entity.credit_prefix,
        )
        asked = import_pb.AddLegalEntityRequest(legal_entity=wanted, validate_only=self._dry_run)
        return self._done(self._service.call(self._stub.AddLegalEntity, asked))

    def open(self, fields: Mapping[str, str]) -> Done:
        """`accounts open`: the columns of accounts.csv."""
        from billing.accounts import opening

        row = opening.read(fields)
        message = pb.OpenAccount(
            display_name=row["name"],
            currency_code=row["currency"],
            time_zone=row["timezone"],
            bill_day=row["bill_day"],
            open_date=_day(row["opened_on"]),
            language_code=row["language"],
            billed_through_date=_day(row["billed_through"]),
            dunning_policy=row["dunning_policy"],
            payment_days=row["payment_days"],
            legal_entity=row["legal_entity"] or "",
            category=row["category"] or "",
        )
        return self._change(account(row["account_id"]), {"open": message})

    def activate(self, wanted: Activation) -> Done:
        """`accounts activate`."""
        message = pb.ActivateSubscription(
            subscription=wanted.subscription_id,
            plan=wanted.plan,
            from_date=date(wanted.from_date),
            numbers=wanted.numbers,
            quarantine_days=fitting(wanted.quarantine_days, "--quarantine-days"),
        )
        return self._change(named(wanted.account_id), {"activate": message})

    def change_plan(self, subscription: str, plan: str, on: dt.date | None, *, now: bool) -> Done:
        """`accounts change-plan`: today, on a day, or where neither is given from the end of the cycle on."""
        return self._change(
            _OF_A_SUBSCRIPTION, {"change_plan": pb.ChangePlan(subscription=subscription, plan=plan, start=_start(on, now=now))}
        )

    def change_add_on(self, subscription: str, name: str, on: dt.date | None, *, now: bool, adds: bool) -> Done:
        """`accounts add-on add|remove`."""
        message = pb.ChangeAddOn(subscription=subscription, add_on=name, start=_start(on, now=now))
        return self._change(_OF_A_SUBSCRIPTION, {"add_add_on" if adds else "remove_add_on": message})

    def pause(self, subscription: str, begin: dt.date, end: dt.date | None, reason: str) -> Done:
        """`accounts pause`."""
        message = pb.PauseSubscription(subscription=subscription, from_date=date(begin), to_date=_day(end), reason=reason)
        return self._change(_OF_A_SUBSCRIPTION, {"pause": message})

    def resume(self, subscription: str, on: dt.date) -> Done:
        """`accounts resume`."""
        return self._change(_OF_A_SUBSCRIPTION, {"resume": pb.ResumeSubscription(subscription=subscription, date=date(on))})

    def outage(self, subscription: str, begin: dt.date, end: dt.date, reason: str, ticket: str) -> Done:
        """`accounts outage`."""
        message = pb.RecordOutage(subscription=subscription, from_date=date(begin), to_date=date(end), reason=reason, ticket=ticket)
        return self._change(_OF_A_SUBSCRIPTION, {"outage": message})

    def end(self, subscription: str, on: dt.date, reason: str) -> Done:
        """`accounts end`."""
        return self._change(_OF_A_SUBSCRIPTION, {"end": pb.EndSubscription(subscription=subscription, date=date(on), reason=reason)})

    def revive(self, subscription: str, reason: str) -> Done:
        """`accounts revive`."""
        return self._change(_OF_A_SUBSCRIPTION, {"revive": pb.ReviveSubscription(subscription=subscription, reason=reason)})

    def transfer(self, subscription: str, new_owner: str, on: dt.date, new_subscription: str) -> Done:
        """`accounts transfer`."""
        message = pb.TransferSubscription(
            subscription=subscription, to_account=named(new_owner), date=date(on), new_subscription=new_subscription
        )
        return self._change(_OF_A_SUBSCRIPTION, {"transfer": message})

    def untransfer(self, subscription: str, reason: str) -> Done:
        """`accounts untransfer`."""
        return self._change(_OF_A_SUBSCRIPTION, {"untransfer": pb.UntransferSubscription(subscription=subscription, reason=reason)})

    def agree(self, name: str, kind: str, begin: dt.date, end: dt.date | None, detail: msgspec.Struct) -> Done:
        """`accounts terms|discount|tax|category|hold|payer|sponsor|pool`. Terms, discounts and payers may name a subscription."""
        message = _AGREEMENTS[kind](detail)
        message.from_date.CopyFrom(date(begin))
        if end is not None:
            message.to_date.CopyFrom(date(end))
        if kind not in SUBSCRIPTION_KINDS:
            return self._change(named(name), {kind: message})
        message.subscription = name
        return self._change(_OF_A_SUBSCRIPTION, {kind: message})

    def change_bill_day(self, account_id: str, bill_day: int, begin: dt.date) -> Done:
        """`accounts bill-day`."""
        message = pb.ChangeBillDay(bill_day=fitting(bill_day, "DAY"), from_date=date(begin))
        return self._change(named(account_id), {"bill_day": message})

    def close(self, account_id: str, on: dt.date, reason: str) -> Done:
        """`accounts close`."""
        return self._change(named(account_id), {"close": pb.CloseAccount(date=date(on), reason=reason)})

    def retract(self, account_id: str, fact: int, reason: str, *, of_subscription: bool) -> Done:
        """`accounts retract`."""
        message = pb.RetractFact(fact=fact, of_subscription=of_subscription, reason=reason)
        return self._change(named(account_id), {"retract": message})

    def give_number(self, number: str, subscription: str, since: int | dt.date, quarantine_days: int) -> Done:
        """`accounts number give`."""
        message = pb.GiveNumber(number=number, subscription=subscription, quarantine_days=fitting(quarantine_days, "--quarantine-days"))
        if isinstance(since, int):
            message.from_time.CopyFrom(timestamp(since))
        else:
            message.from_date.CopyFrom(date(since))
        return self._change(_OF_A_SUBSCRIPTION, {"give_number": message})

    def take_number(self, number: str, subscription: str, since: int | dt.date) -> Done:
        """`accounts number take`."""
        message = pb.TakeNumber(number=number, subscription=subscription)
        if isinstance(since, int):
            message.time.CopyFrom(timestamp(since))
        else:
            message.date.CopyFrom(date(since))
        return self._change(_OF_A_SUBSCRIPTION, {"take_number": message})

    def _change(self, name: str, change: dict[str, Any]) -> Done:
        asked = pb.ChangeAccountRequest(name=name, validate_only=self._dry_run, **change)
        return self._done(self._service.call(self._stub.ChangeAccount, asked))

    def _done(self, answer: pb.ChangeAccountResponse | import_pb.LegalEntity) -> Done:
        return Done(answer.already_recorded, self._dry_run, answer.commit_seq or None, tuple(answer.effects))


def named(account_id: str) -> str:
    """The resource name of an account. Raises NotFoundError for a text that is no part of a name, or means all accounts."""
    if not account_id or account_id == "-" or "/" in account_id:
        raise NotFoundError(f"account {account_id} is unknown", "`ratewright accounts list` shows the ids")
    return account(account_id)


def _day(of: dt.date | str | None) -> Any:  # noqa: ANN401 -- a date of a message, or none
    if not of:
        return None
    return date(dt.date.fromisoformat(of) if isinstance(of, str) else of)


def _start(on: dt.date | None, *, now: bool) -> pb.StartDay:
    if now:
        return pb.StartDay(today=True)
    return pb.StartDay(at_cycle_end=True) if on is None else pb.StartDay(date=date(on))


def _codes(codes: Iterable[int]) -> list[int]:
    return [fitting(each, "--charge-code") for each in codes]


def _terms(detail: kinds.TermsFact) -> pb.RecordTerms:
    days, months = detail.payment_days, detail.minimum_months
    return pb.RecordTerms(
        language_code=detail.language,
        payment_days=None if days is None else fitting(days, "--payment-days"),
        dunning_policy=detail.dunning_policy,
        minimum_months=None if months is None else fitting(months, "--minimum-months"),
        early_end_waived=detail.early_end_waived,
    )


def _discount(detail: kinds.DiscountFact) -> pb.AgreeDiscount:
    message = pb.AgreeDiscount(
        name=detail.name,
        kinds=detail.kinds,
        charge_codes=_codes(detail.charge_codes),
        own_charge_code=fitting(detail.charge_code, "--own-charge-code"),
        own_revenue_code=fitting(detail.revenue_code, "--own-revenue-code"),
    )
    if detail.amount_micros:
        message.amount.CopyFrom(money(detail.amount_micros))
    else:
        message.percent = format_micros(detail.percent_ppm * _MICROS_OF_PPM)
    return message


def _tax(detail: kinds.TaxFact) -> pb.AgreeTax:
    return pb.AgreeTax(exempt=detail.exempt, instead=detail.classes, certificate=detail.certificate, place=detail.place)


def _category(detail: kinds.CategoryFact) -> pb.SetCategory:
    return pb.SetCategory(category=detail.category)


def _hold(detail: kinds.HoldFact) -> pb.HoldBills:
    return pb.HoldBills(reason=detail.reason)


def _payer(detail: kinds.PayerFact) -> pb.AgreePayer:
    return pb.AgreePayer(payer=_other(detail.payer), kinds=detail.kinds, charge_codes=_codes(detail.charge_codes))


def _sponsor(detail: kinds.SponsorFact) -> pb.AgreePayer:
    return pb.AgreePayer(payer=_other(detail.sponsor), kinds=detail.kinds, charge_codes=_codes(detail.charge_codes))


def _pool(detail: kinds.PoolFact) -> pb.JoinPool:
    return pb.JoinPool(root=_other(detail.root))


def _other(account_id: str) -> str:
    """The name of another account; empty where none is named."""
    return named(account_id) if account_id else ""


_AGREEMENTS: Final[MappingProxyType[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "terms": _terms,
        "discount": _discount,
        "tax": _tax,
        "category": _category,
        "hold": _hold,
        "payer": _payer,
        "sponsor": _sponsor,
        "pool": _pool,
    }
)
