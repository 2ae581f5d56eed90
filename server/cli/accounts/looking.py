"""`ratewright accounts list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from rating.dates import local_date, local_time
from server.cli.accounts.common import AccountId  # noqa: TC001 -- cyclopts reads annotations
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    import datetime as dt

    from billing.accounts.lookup import AccountDetail, FactLine, SubscriptionLine
    from billing.enquiries.account import Standing
    from billing.store.home import Home

SHOWN_ROWS = 50


def list_(
    *,
    limit: Annotated[int, Parameter(help="Rows to show, by id.")] = SHOWN_ROWS,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List accounts."""
    from billing.accounts import lookup
    from rating.errors import UserError
    from server.cli import output

    if limit < 0:
        raise UserError(f"--limit {limit} is below 0", "give the number of rows to show", exit_status=2)
    _, (accounts, total) = done_at(
        at,
        lambda home: (lookup.list_accounts(home, limit), lookup.count_accounts(home)),
        lambda service: service.accounts.list_accounts(limit),
    )
    if as_json:
        output.print_json({"total": total, "accounts": accounts})
        return 0
    columns = ("account", "name", "currency", "bill day", "opened on", "subscriptions")
    rows = [(each.account_id, each.name, each.currency, each.bill_day, each.opened_on, each.subscriptions) for each in accounts]
    output.print_table(columns, rows, right=("bill day", "subscriptions"))
    if total > len(accounts):
        print(f"{total - len(accounts):,} more: --limit {total} shows all")
    return 0


def show(
    account: AccountId,
    /,
    *,
    as_of: Annotated[str | None, Parameter(name="--as-of", help="The day whose state is shown; left out: today, on its clock.")] = None,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show one account: what it owes, its last bills and dunning now, its rating unit, subscriptions, and every fact about it in words."""
    import msgspec

    from server.cli import output, practice
    from server.cli.accounts.common import date_or_none

    day = date_or_none(as_of, "--as-of")
    opened, (detail, money) = done_at(at, lambda home: _shown(home, account, day), lambda service: service.accounts.show(account, day))
    if as_json:
        output.print_json(practice.marked(opened, {**msgspec.to_builtins(detail), "standing": msgspec.to_builtins(money)}))
        return 0
    practice.say(opened)
    output.print_table(("account", detail.account.account_id), _fields(detail))
    print()
    _print_standing(money)
    rows = [
        (each.subscription_id, _plan(each, detail.as_of), each.from_date, output.last_day(each.to_date), _numbers(each))
        for each in detail.subscriptions
    ]
    output.print_table(("subscription", f"plan on {detail.as_of}", "from", "to", "numbers"), rows)
    for line in detail.subscriptions:
        if line.transferred_from is not None and (line.to_date is None or line.to_date > line.from_date):
            before = f"was {line.transferred_from} of account {line.transferred_from_account}"
            print(f"{line.subscription_id} {before} to {output.last_day(line.from_date)}")
    plans = [
        (each.subscription_id, plan.from_date, plan.plan)
        for each in detail.subscriptions
        for plan in each.plans
        if each.plans[1:] and plan.from_date <= detail.as_of
    ]
    if plans:
        print()
        output.print_table(("subscription", "from", "on plan"), plans)
    facts = [
        (each.fact_id, each.about, each.from_date, output.last_day(each.to_date), each.says, _told_by(each))
        for each in detail.facts
        if each.from_date <= detail.as_of
    ]
    if facts:
        print()
        output.print_table(("fact", "about", "from", "to", "says", "recorded by"), facts)
    coming = _coming(detail)
    if coming:
        print(f"\nto come after {detail.as_of}")
        output.print_lines(coming)
    if detail.opening_items:
        print()
        items = [(each.reference, each.issued_on, each.due_on, _amount(detail, each.amount_micros)) for each in detail.opening_items]
        output.print_table(("opening item", "issued on", "due on", "amount"), items, right=("amount",))
    return 0


def _plan(line: SubscriptionLine, day: str) -> str:
    """The plan of a subscription on a day; of one that begins later none, nor of one whose handover was taken back."""
    if line.to_date is not None and line.to_date <= line.from_date:
        return "taken back"
    return line.plan if line.from_date <= day else "not begun"


def _coming(detail: AccountDetail) -> list[str]:
    """Lines on facts, plans and numbers that begin after the day, by date."""
    from server.cli import output

    told = [
        (each.from_date, each.about, each.says, f" to {output.last_day(each.to_date)}" if each.to_date else "") for each in detail.coming
    ]
    for line in detail.subscriptions:
        for span in line.spans:
            begins = local_time(span.from_us, detail.account.timezone)
            if begins.date().isoformat() > detail.as_of:
                told.append((begins.date().isoformat(), line.subscription_id, f"number {span.served_id}", ""))
    return [f"from {begins}{ends}: {about}: {says}" for begins, about, says, ends in sorted(told)]


def _told_by(fact: FactLine) -> str:
    """The person who recorded a fact; of a bar and its end, the dunning behind it as well."""
    if fact.dunning_run is None:
        return fact.by_name
    what = f"{'undoing of ' if fact.dunning_undone else ''}dunning run {fact.dunning_run}, level {fact.dunning_level}"
    return f"{what}, by {fact.by_name}" if fact.by_name else what


def _shown(home: Home, account: str, day: dt.date | None) -> tuple[AccountDetail, Standing]:
    """An account on a day (None: today on its clock), and its standing now."""
    from billing.accounts import lookup
    from billing.enquiries.account import standing
    from server import clock

    now_us = clock.now_us(home)
    detail = lookup.show_account(home, account, day)
    if day is None:
        detail = lookup.show_account(home, account, local_date(now_us, detail.account.timezone))
    return detail, standing(home, account, now_us)


def _print_standing(money: Standing) -> None:
    """The amount it owes now, and its last documents."""
    from server.cli import output
    from server.cli.languages import document

    output.print_table((f"on {money.as_of}", ""), _standing(money))
    print()
    if not money.bills:
        return
    rows = [
        (each.number, document(each.document_type, each.total_micros), each.issued_on, each.due_on,
         output.amount(each.total_micros, each.currency), output.amount(each.open_micros, each.currency),
         f"void since {each.voided_on}" if each.voided_on else "")
        for each in money.bills
    ]  # fmt: skip
    output.print_table(("last bills", "what", "issued on", "due on", "total", "open", ""), rows, right=("total", "open"))
    if money.documents > len(rows):
        print(f"{money.documents - len(rows):,} before: ratewright invoice list --account {money.account_id}")
    print()


def _standing(money: Standing) -> list[tuple[str, str]]:
    """Amounts that are nothing are left out, but for the balance."""
    from server.cli import output

    def told(micros: int) -> str:
        return f"{output.amount(micros, money.currency)} {money.currency}"

    past_due = f", oldest due on {money.oldest_due_on}" if money.oldest_due_on else ""
    amounts = (
        ("invoices open", money.open_micros, ""),
        ("credit not used up", money.credit_micros, ""),
        ("past due", money.overdue_micros, past_due),
        ("promised", money.promised_micros, ""),
        ("deposits held apart", money.deposits_held_micros, ""),
    )
    next_bill = money.next_bill_date or "none"
    return [
        ("balance", told(money.balance_micros)),
        *((name, told(micros) + more) for name, micros, more in amounts if micros),
        ("dunning", _dunning(money)),
        ("next bill date", f"{next_bill}, held: no bill is made of it" if money.bills_held else next_bill),
    ]


def _dunning(money: Standing) -> str:
    """The last step that was taken, and what the policy asks for where that is another."""
    from server.cli.dunning import level, undoing_in_words

    taken = level(money.dunning_level, money.dunning_action, money.dunning_taken_on)
    barred = "; outgoing calls are barred" if money.barred else ""
    undone = money.dunning_undone
    barred += f"; run {undone.run_id} of {undone.as_of} is {undoing_in_words(undone)}" if undone is not None else ""
    asked = (money.policy_level, money.policy_action)
    if asked == (money.dunning_level, money.dunning_action):
        return f"{taken}, by policy {money.dunning_policy}{barred}"
    return f"{taken}{barred}; policy {money.dunning_policy} asks for {level(*asked)}, which no run has taken"


def _fields(detail: AccountDetail) -> list[tuple[str, object]]:
    """Fields of the account itself, then its state on the day."""
    account = detail.account
    told: dict[str, object] = {name: getattr(account, name) for name in account.__struct_fields__ if name != "account_id"}
    for name, now, first in (
        ("bill_day", detail.bill_day_now, account.bill_day),
        ("category", detail.category_now, account.category or "normal"),
        ("language", detail.language_now, account.language),
        ("payment_days", detail.payment_days_now, account.payment_days),
    ):
        if now != first:
            told[name] = f"{now} on {detail.as_of}; {first} when it was opened"
    fields = [(name.replace("_", " "), value) for name, value in told.items()]
    fields += [("closed on", detail.closed_on), ("billed together with", " ".join(detail.unit) or None)]
    fields += [(f"on {detail.as_of}", relation) for relation in detail.relations]
    fields += [(f"billed in {month}", _amount(detail, micros)) for month, micros in detail.baselines.items()]
    return [(name, value) for name, value in fields if value is not None]


def _numbers(line: SubscriptionLine) -> str:
    return " ".join(dict.fromkeys(line.numbers))


def _amount(detail: AccountDetail, micros: int) -> str:
    from server.cli import output

    return output.amount(micros, detail.account.currency)
