"""`ratewright approvals list|agree|refuse`: what waits for a second person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place

if TYPE_CHECKING:
    from billing.enquiries.waiting import Waiting
    from billing.store.approvals import Approval
    from billing.store.home import Home
    from server.cli.remote.service import Service

app = cyclopts.App(name="approvals", help="Proposals of one person that another person has to agree to: list, agree, refuse.")
Number = Annotated[int, Parameter(name="N", help="The number, as `approvals list` shows it.")]


@app.command(name="list")
def list_(
    *,
    every: Annotated[bool, Parameter(name="--all", negative="", help="Show what is decided as well.")] = False,
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List what waits, with proposer and reason; with --all also what is decided, and by whom.

    Charges and credits by hand, write-offs, undoing of bill runs, re-ratings and reopening of months have no number: the command that
    approves each is shown below.
    """
    from billing.enquiries.waiting import waiting
    from billing.store import approvals
    from server.cli import by_service, output, practice
    from server.cli.payment.common import plain

    def here(home: Home) -> tuple[list[Approval], list[Waiting], str]:
        with home.connect() as connection:
            found = approvals.list_all(connection, decided=every)
        return found, waiting(home), by_service.option_here(home, at)

    def there(service: Service) -> tuple[list[Approval], list[Waiting], str]:
        found, beside = service.approvals.list_all(decided=every)
        return found, beside, by_service.option_there(service, at) if found or beside else ""

    opened, (found, beside, option) = done_at(at, here, there)
    beside = [each._replace(command=each.command + option) for each in beside]
    practice.say(opened, as_json=as_json)
    if as_json:
        numbered = [plain(each) | {"fee_micros": _fee_micros(each), "command": _command(each, option)} for each in found]
        every_one = [*numbered, *({**plain(each), "approval_id": None, "state": approvals.WAITS} for each in beside)]
        output.print_json(practice.marked(opened, every_one))
        return 0
    rows: list[tuple[object, ...]] = [
        (each.approval_id, what(each), each.account_id, *_money(each), each.by_name, each.reason, _state(each)) for each in found
    ]
    rows += [("", what(each), each.account_id, *_money(each), each.by_name, each.reason, _state(each)) for each in beside]
    if not rows:
        print("nothing waits for a second person" if not every else "no proposal was made")
        return 0
    output.print_table(("no.", "what", "account", "amount", "currency", "asked by", "reason", "state"), rows, right=("no.", "amount"))
    if beside:
        print("Without a number: another person gives the command below.")
        for each in beside:
            print(each.command)
    return 0


@app.command
def agree(
    number: Number,
    /,
    *,
    note: Annotated[str, Parameter(help="A note; it is kept with your name.")] = "",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Agree to another person's proposal: it is checked again, and done."""
    from billing import agreeing
    from server.cli import output, practice
    from server.cli.ledger.common import who
    from server.cli.payment.common import plain

    opened, done = done_at(
        at, lambda home: agreeing.agree(home, number, note, who(home)), lambda service: service.approvals.agree(number, note)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, plain(done)))
        return 0
    result = plain(done.result)
    made = result.get("number", "") if isinstance(result, dict) else getattr(result, "number", "")
    amount = " ".join(_money(done.approval)).strip()
    told = " ".join(word for word in (what(done.approval), amount, f"({made})" if made and made != done.approval.subject else "") if word)
    print(output.printable(f"{told}, asked for by {done.approval.by_name}: agreed to by {done.approval.decided_by}, and done"))
    return 0


@app.command
def refuse(
    number: Number,
    /,
    *,
    note: Annotated[str, Parameter(help="The reason; it is kept with your name.")],
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Refuse another person's proposal, or withdraw your own: it is never done."""
    from billing import agreeing
    from server.cli import output, practice
    from server.cli.ledger.common import who
    from server.cli.payment.common import plain

    opened, found = done_at(
        at, lambda home: agreeing.refuse(home, number, note, who(home)), lambda service: service.approvals.refuse(number, note)
    )
    practice.say(opened, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, plain(found)))
    else:
        print(output.printable(f"{what(found)}, asked for by {found.by_name}: refused by {found.decided_by}; nothing was done"))
    return 0


def what(found: Approval | Waiting) -> str:
    """Kind and subject in words, such as `credit note K-1` or `setting approval = none`."""
    from billing import late_decisions
    from billing.store import approvals, settings

    if isinstance(found, approvals.Approval) and found.kind == approvals.SETTING:
        return f"setting {found.subject} = {settings.wanted_value(found)}"
    if isinstance(found, approvals.Approval) and found.kind in {late_decisions.LATE_BILL, late_decisions.LATE_WRITE_OFF}:
        return f"{found.kind.replace('_', ' ')} {found.subject}: {_late(found)}"
    from server.cli.payment.common import fee_apart

    return f"{found.kind.replace('_', ' ')} {found.subject}{fee_apart(_fee_micros(found), found.currency)}"


def _fee_micros(found: Approval | Waiting) -> int:
    """The fee of a bank that is in the amount."""
    import msgspec

    from billing.store import approvals

    asked = msgspec.json.decode(found.payload) if isinstance(found, approvals.Approval) else None
    return int(asked.get("fee_micros", 0)) if isinstance(asked, dict) else 0


def _late(found: Approval) -> str:
    """The first records that a decision on late usage is about, and what all of them were worth."""
    import msgspec

    from billing.too_late.wording import named
    from server.cli import output

    asked = msgspec.json.decode(found.payload)
    worths = (f"{output.amount(micros, currency)} {currency}" if currency else "unknown" for currency, micros in asked["worths"].items())
    return f"{named(asked['names'], 'en')}; worth {', '.join(worths)}"


def _command(found: Approval, option: str) -> str:
    """The command of another person; empty where nothing waits any more."""
    from billing.store import approvals

    return f"ratewright approvals agree {found.approval_id}{option}" if found.state == approvals.WAITS else ""


def _money(found: Approval | Waiting) -> tuple[str, str]:
    from server.cli import output

    return (output.amount(found.amount_micros, found.currency), found.currency) if found.currency else ("", "")


def _state(found: Approval | Waiting) -> str:
    from billing.store import approvals

    if not isinstance(found, approvals.Approval) or found.state == approvals.WAITS:
        return "waits for a second person"
    return f"{found.state} by {found.decided_by}{f': {found.note}' if found.note else ''}"
