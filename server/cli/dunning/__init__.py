"""`ratewright dunning run|preview|show` here; `list`, `undo` and `policy` are named by import path and imported when called."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import cyclopts
from cyclopts import Parameter

from rating.dates import utc_time
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.languages import DUNNING_RUN, Language, word, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.dunning import Change, History, Undone
    from server.cli.practice import Opened

app = cyclopts.App(name="dunning", help="Remind and bar accounts that are past due.")
policy = cyclopts.App(name="policy", help="Policies of dunning: try, add and list them.")
app.command(policy)
_FOLDER = "server.cli.dunning"
for _app, _name, _path, _summary in (
    (app, "list", "runs:list_", "List the runs that took steps, and those that are undone."),
    (app, "undo", "runs:undo", "Propose to undo the newest run, or agree to it."),
    (policy, "check", "policies:check", "Check a policy file; every mistake at once."),
    (policy, "add", "policies:add", "Add a policy: it applies to the accounts that name it."),
    (policy, "list", "policies:list_", "List the policies that are known, and those that apply."),
):
    _app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)

AsOf = Annotated[str, Parameter(name="--date", help="The date to judge by, such as 2025-12-01.")]


@app.command
def run(*, date: AsOf, at: Place = HERE, as_json: AsJson = False) -> int:
    """Take the steps that are due: remind, bar outgoing calls, or clear after payment. Given again for the date, it does nothing."""
    from billing import dunning
    from server import clock, operator
    from server.cli.bill import parse_date

    as_of = parse_date(date)
    opened, changes = done_at(
        at,
        lambda home: dunning.run(home, as_of, clock.now_us(home), by=operator.current()),
        lambda service: service.dunning.run(as_of),
    )
    _print(opened, changes, as_json=as_json, head=f"run {changes[0].run_id} of {as_of}" if changes else "")
    return 0


@app.command
def preview(*, date: AsOf, at: Place = HERE, as_json: AsJson = False) -> int:
    """Show the steps that `dunning run` would take. Nothing is stored; exit status 1 says that a run of that date would refuse now."""
    import sys

    from billing import dunning
    from server import clock
    from server.cli.bill import parse_date

    as_of = parse_date(date)
    opened, (changes, refused) = done_at(
        at,
        lambda home: (dunning.preview(home, as_of), dunning.refusal(home, as_of, clock.now_us(home))),
        lambda service: service.dunning.preview(as_of),
    )
    _print(opened, changes, as_json=as_json)
    if refused:
        print(f"a run would refuse: {refused}", file=sys.stderr if as_json else sys.stdout)
    return 1 if refused else 0


@app.command
def show(
    account: Annotated[str, Parameter(name="ACCOUNT", help="Id of the account.")],
    /,
    *,
    date: Annotated[str | None, Parameter(help="The date to judge by; today where the account is by default.")] = None,
    language: Language = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """Show the dunning level of an account and the steps taken so far."""
    from billing import dunning
    from server import clock
    from server.actions import dunning as actions
    from server.cli import output, practice
    from server.cli.bill import parse_date

    as_of = None if date is None else parse_date(date)
    opened, found = done_at(
        at,
        lambda home: dunning.history(home, account, as_of or actions.today(home, account, clock.now_us(home))),
        lambda service: service.dunning.show(account, as_of),
    )
    if as_json:
        output.print_json(practice.marked(opened, found))
        return 0
    practice.say(opened, language)
    _print_history(found, language)
    return 0


def level(number: int, action: str, since: str = "", language: str = "en") -> str:
    """A level in words, such as `level 1, remind, since 2026-04-20`."""
    told = word(action.replace("_", " "), language)
    if not number:
        return word("clear", language)
    if language == "zh":
        return f"第 {number} 级，{told}" + (f"，自 {since} 起" if since else "")
    return f"level {number}, {told}" + (f", since {since}" if since else "")


def undoing_in_words(found: Undone, language: str = "en") -> str:
    """The persons who undid a run, when, and why."""
    if language == "zh":
        at = utc_time(found.at_us)
        return f"由 {found.asked_by} 和 {found.by_name} 于 {at:%Y-%m-%d %H:%M} UTC 撤销：{undone_because(found)}"
    return f"{undone_by(found)}: {undone_because(found)}"


def undone_by(found: Undone) -> str:
    """The persons who undid a run, and when."""
    at = utc_time(found.at_us)
    return f"undone by {found.asked_by} and {found.by_name} on {at:%Y-%m-%d %H:%M} UTC"


def undone_because(found: Undone) -> str:
    """The reason why a run was undone; those of both persons where they differ."""
    if found.reason == found.asked_reason:
        return found.reason
    return f"{found.asked_by}: {found.asked_reason}; {found.by_name}: {found.reason}"


def _print_history(found: History, language: str) -> None:
    from server.cli import output

    told = _HISTORY[language]
    amount = f"{output.amount(found.overdue_micros, found.currency)} {found.currency}"
    since = told["oldest"].format(found.oldest_due_on) if found.oldest_due_on else ""
    barred = told["barred"] if found.barred else ""
    print(told["head"].format(account=found.account_id, on=found.as_of, amount=amount) + since + barred)
    print(told["taken"].format(level(found.taken_level, found.taken_action, found.taken_on, language)))
    print(told["asked"].format(found.policy, level(found.level, found.action, language=language)))
    if found.held_level:
        print(told["held"].format(found.held_level))
    if found.steps:
        undone = [undoing_in_words(each.undoing, language) if each.undoing else "" for each in found.steps]
        marks = [(each.run_id, each.as_of, each.policy_hash[:12], words) for each, words in zip(found.steps, undone, strict=True)]
        rows = [(*mark[:2], *row[1:], *mark[2:]) for mark, row in zip(marks, _rows(found.steps, language), strict=True)]
        columns = words((DUNNING_RUN, "date", *_COLUMNS[1:], "policy", ""), language)
        output.print_table(columns, rows, right=words((DUNNING_RUN, *_RIGHT), language))


_HISTORY: Final = {
    "en": {
        "head": "account {account} on {on}: {amount} past due", "oldest": ", oldest due on {}", "barred": "; outgoing calls are barred",
        "taken": "last step: {}", "asked": "policy {} asks for: {}",
        "held": "level {} waits: open promises cover what is past due (ratewright payment promise list)",
    },
    "zh": {
        "head": "账户 {account}，截至 {on}：逾期 {amount}", "oldest": "，最早付款期限 {}", "barred": "；已限制呼出",
        "taken": "最近措施：{}", "asked": "催缴政策 {} 要求：{}",
        "held": "第 {} 级暂缓：未到期的付款承诺涵盖逾期金额（ratewright payment promise list）",
    },
}  # fmt: skip
_COLUMNS = ("account", "action", "level before", "level", "oldest due on", "past due", "currency")
_RIGHT = ("level before", "level", "past due")


def _print(opened: Opened, changes: Sequence[Change], *, as_json: bool, head: str = "") -> None:
    from server.cli import output, practice

    if as_json:
        output.print_json(practice.marked(opened, list(changes)))
        return
    practice.say(opened)
    if head:
        print(head)
    if changes:
        output.print_table(_COLUMNS, _rows(changes), right=_RIGHT)
    else:
        print("no account changes its state")


def _rows(changes: Sequence[Change], language: str = "en") -> list[tuple[object, ...]]:
    from server.cli import output

    return [
        (
            each.account_id,
            word(each.action.replace("_", " "), language) if language == "zh" else each.action,
            each.level_before,
            each.level,
            each.oldest_due_on or "",
            output.amount(each.overdue_micros, each.currency),
            each.currency,
        )
        for each in changes
    ]
