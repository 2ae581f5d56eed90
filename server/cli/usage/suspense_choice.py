"""A choice among versions as it is shown: the versions side by side, their worth, the bill that has one, and the bill that will."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.actions import suspense_choice as choices
from server.cli import by_service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from billing.enquiries.version_bills import OnBill
    from billing.left_out.telling import UnbilledRecord
    from billing.suspense.choosing import Worth
    from server.actions.suspense_choice import Shown
    from server.cli.homes import Place


def as_json(shown: Shown, *, dry_run: bool) -> dict[str, object]:
    """The same for programs."""
    from server.cli.usage.suspense_common import proposal_json

    chosen: dict[str, object] = {"dry_run": dry_run}
    if shown.subject is not None:
        chosen |= {"decides": shown.subject.estimated, "unknown": shown.subject.unknown, "needs_second": shown.needs_second}
        chosen["proposal"] = None if shown.proposal is None else proposal_json(shown.proposal)
    if shown.found is None:
        return {"kept": str(shown.record), **chosen}
    told = shown.told
    return {
        "versions": shown.found.names,
        "differences": shown.differences,
        "worths": shown.worths,
        "kept": shown.found.names[shown.place] if shown.place >= 0 else None,
        "on_closed_bill": shown.closed and shown.closed.name,
        "owners": shown.owners,
        "on_bill": shown.bill,
        "given_back": _given_back_json(shown),
        "billed_to": told.account_id if told is not None and choices.is_to_come(told) else "",
        "waiting": [proposal_json(each) for each in shown.waiting],
        "next_bill_date": choices.bill_date(shown, told),
        **chosen,
    }


def _given_back_json(shown: Shown) -> dict[str, str] | None:
    """The account that gets its charge back since the chosen version is of another one, and the date of the run that takes it off."""
    back = shown.given_back
    if back is None or shown.bill is None:
        return None
    return {"account_id": shown.bill.account_id, "next_bill_date": choices.bill_date(shown, back)}


def print_shown(shown: Shown, definitions: Sequence[Path], at: Place, *, dry_run: bool) -> None:
    """A table of the versions, and what the choice does, or would do."""
    from server.actions.suspense_proposals import in_words
    from server.cli import output
    from server.cli.pages import usage_columns

    if shown.found is not None:
        rows = usage_columns.side_by_side(shown.differences)
        rows += [("account", *(each or "none" for each in shown.owners))] if len(set(shown.owners)) > 1 else []
        rows.append(("worth about", *(_worth(each) for each in shown.worths)))
        output.print_table(("differs in", *shown.found.names), rows)
    for each in shown.waiting:
        print(f"proposal {each.proposal_id} of {each.by.name} waits: {in_words(each)}")
    if shown.subject is None:
        _print_how_to_choose(shown)
        return
    would = dry_run or shown.needs_second
    print(f"{'dry run: ' if dry_run else ''}{_choice(shown, would=would)}")
    for sentence in _bills(shown) if would or shown.found is not None else ():
        print(sentence)
    _print_second(shown, definitions, at, dry_run=dry_run)


def _choice(shown: Shown, *, would: bool) -> str:
    if shown.found is None:
        made = "would be made" if would else "is to be made"
        after = "" if would else "; `ratewright usage assemble` does it"
        return f"record {shown.record} {made} of what is there{after}"
    name = shown.found.names[shown.place]
    return f"version {name} would count, and the others would be dropped" if would else f"version {name} counts; the others are dropped"


def _bills(shown: Shown) -> list[str]:
    """Worth of the choice, the bill that has a version, and the one that will have the chosen one."""
    from server.cli.usage.suspense_common import money

    assert shown.subject is not None, shown
    worth = money(shown.subject.estimated, shown.subject.unknown)
    if shown.found is None:
        return [f"it is worth {worth}"]
    chosen = shown.worths[shown.place]
    others = [
        f"{_more(chosen.estimated_micros - each.estimated_micros, chosen.currency or each.currency)} than version {each.name}"
        for each in shown.worths
        if each.name != chosen.name
    ]
    told = [] if shown.subject.unknown else [f"it is worth {', '.join(others)}"]
    return [*told, *([_on_bill(shown)] if shown.given_back is None else _moves(shown))]


def _moves(shown: Shown) -> list[str]:
    """The bill that gives a version back, and the one that has the chosen version, which is of another account or of none."""
    from billing.runs.selection.left_out import told as in_words

    back, told = shown.given_back, shown.told
    assert shown.found is not None, shown
    assert shown.bill is not None, shown
    assert back is not None, shown
    name, chosen, account_id = shown.found.names[shown.place], shown.worths[shown.place], shown.bill.account_id
    run = _run(shown, back)
    first = f"{_has(shown.bill)}: " + (f"{run} gives it back to {account_id}" if run else "no run takes it off")
    if told is None or not told.account_id:
        return [first, f"version {name} is on no bill then: its number has no owner"]
    if not choices.is_to_come(told):
        return [first, f"version {name} is of {told.account_id}, and on no bill then: {in_words(told.reason)}"]
    then = f"once it is given back, {_run(shown, told)} bills it, {_worth(chosen)}"
    return [first, f"version {name} is of {told.account_id}: {then}"]


def _has(bill: OnBill) -> str:
    from server.cli import output

    charge = f" ({output.amount(bill.charge_micros, bill.currency)} {bill.currency} before tax)" if bill.currency else ""
    return f"{has_version(bill)}{charge}"


def has_version(bill: OnBill) -> str:
    """The line or the interim bill that has a version."""
    where = f"{bill.invoice} line {bill.line_no}" if bill.line_no else f"interim bill {bill.invoice}"
    return f"{where} of {bill.account_id} has version {bill.version}"


def _on_bill(shown: Shown) -> str:
    from billing.runs.selection.left_out import told as in_words

    assert shown.found is not None, shown
    bill, told, name = shown.bill, shown.told, shown.found.names[shown.place]
    run = _run(shown, told)
    if bill is not None:
        next_ = "it stays there" if bill.version == name else f"{run} corrects it" if run else "no run corrects it"
        return f"{_has(bill)}: {next_}"
    if run and told is not None:
        return f"no bill has a version; {run} bills it to {told.account_id}"
    if told is None or not told.account_id:
        return "no bill has a version, and none will: its number has no owner"
    return f"no bill has a version, and none will: {in_words(told.reason)}"


def _run(shown: Shown, told: UnbilledRecord | None) -> str:
    """The same as the subject of a sentence; empty where no run bills it."""
    from billing.runs.selection.left_out import LeftOut

    if told is None or not choices.is_to_come(told):
        return ""
    date = choices.bill_date(shown, told)
    if told.reason is LeftOut.HELD:
        hold = f"after the hold on {told.account_id}"
        return f"the first run of {date} or later, {hold}," if date else f"a run {hold}, if the period is open then,"
    return f"the run of {date} or later"


def _print_second(shown: Shown, definitions: Sequence[Path], at: Place, *, dry_run: bool) -> None:
    if not shown.needs_second:
        return
    from server.cli.usage import suspense_common as common

    assert shown.subject is not None, shown
    worth = common.needs_second(shown.subject.estimated, shown.subject.unknown)
    if dry_run or shown.proposal is None:
        print(f"{worth}: another person would have to approve it")
        return
    given = "".join(f" --definition {path}" for path in definitions)
    number = shown.proposal.proposal_id
    approve = by_service.for_another(f"ratewright usage suspense approve {number}{given}", at)
    print(f"{worth}: saved as proposal {number}; next: another person runs `{approve}`")


def _print_how_to_choose(shown: Shown) -> None:
    assert shown.found is not None, shown
    if shown.closed is not None:
        period = f"the period of {shown.closed.account_id} from {shown.closed.period_from}"
        print(f"version {shown.closed.name} is on the bill of {period}; that period is closed, so only it can be kept")
    name = shown.found.names[0] if shown.closed is None else shown.closed.name
    print(
        f"to let one count: ratewright usage suspense resolve {shown.record} --keep {name} --note REASON; --dry-run shows what it changes"
    )


def _worth(each: Worth) -> str:
    from server.cli import output

    return f"{output.about(each.estimated_micros, each.currency)} {each.currency}" if each.currency else each.basis


def _more(micros: int, currency: str) -> str:
    from server.cli import output

    if not micros:
        return "no more and no less"
    return f"about {output.about(abs(micros), currency)} {currency} {'more' if micros > 0 else 'less'}"
