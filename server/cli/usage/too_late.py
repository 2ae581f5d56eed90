"""`ratewright usage too-late`: usage that no run bills any more, and the commands that decide on it; without one of them, the list."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import cyclopts
from cyclopts import Parameter

from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.languages import Language, words

if TYPE_CHECKING:
    from billing.left_out.decisions import DecisionTold
    from billing.store.home import Home
    from billing.too_late.listing import Listed, TooLate

SHOWN_ROWS = 50
_WORDS: Final = {
    "en": {
        "undecided": "no decision on late usage was taken", "nothing": "no usage is too late for a bill", "billed": "billed",
        "billed_by": "billed: {}", "written_off": "written off", "taken_back": "taken back:", "unknown": "unknown", "and": "; ",
        "may_be_on": "re-rating document {} may have billed the difference",
        "never": "never billed: take it back", "in_part": ": {part} of {whole} before tax", "more": "... and {} more: --limit, or --json",
    },
    "zh": {
        "undecided": "尚无人对过期使用作出决定", "nothing": "没有已过期的使用", "billed": "收取",
        "billed_by": "收取：{}", "written_off": "核销", "taken_back": "已撤回：", "unknown": "未知", "and": "；",
        "may_be_on": "重新批价单据 {} 可能已计入差额",
        "never": "不会出账：请撤回", "in_part": "：{part}（共 {whole}，均不含税）", "more": "另有 {} 条：请用 --limit 或 --json",
    },
}  # fmt: skip
_FOLDER = "server.cli.usage"
# name, module and function, what the list of commands says about it
TOO_LATE_COMMANDS = (
    ("list", "too_late:too_late", "Show usage that is too late for a bill, with age and worth."),
    ("bill", "too_late_decide:bill", "Bill records by adjustments."),
    ("write-off", "too_late_decide:write_off", "Give records up: nothing is billed."),
    ("take-back", "too_late_decide:take_back", "Take a decision back: its records are open again."),
)


def _require_count(_: object, number: int) -> None:
    """Raises ValueError for a number that counts nothing."""
    if number < 0:
        message = f"{number} is not a number of records"
        raise ValueError(message)


app = cyclopts.App(name="too-late", help="Usage that no run bills any more: list it, bill it by an adjustment, write it off.")
for _name, _path, _summary in TOO_LATE_COMMANDS:
    if _name != "list":
        app.command(f"{_FOLDER}.{_path}", name=_name, help=_summary)


@app.default
@app.command(name="list")
def too_late(
    *,
    account: Annotated[str | None, Parameter(help="Only of this account.", allow_leading_hyphen=True)] = None,
    decided: Annotated[bool, Parameter(name="--decided", negative="", help="Show records with a decision, instead of open ones.")] = False,
    limit: Annotated[int, Parameter(help="Records to show, oldest first; --json gives all.", validator=_require_count)] = SHOWN_ROWS,
    language: Language = "en",
    at: Place = HERE,
    as_json: AsJson = False,
) -> int:
    """List usage that runs have left out for good: record, account, age, reason, and what it was worth by the tariff of its time.

    Worth is an estimate of each record alone, without allowances and without tax; with --decided the one that the decision was taken on.
    `bill explain RECORD` shows more of one record.
    """
    from server.actions import late_usage
    from server.cli import output, practice, progress
    from server.clock import now_us

    def here(home: Home) -> Listed:
        with progress.show("too late", "files and runs") as report:
            return late_usage.list_late(home, now_us(home), account, decided=decided, progress=report)

    opened, found = done_at(at, here, lambda service: service.late_usage.listed(account, decided=decided))
    practice.say(opened, language, as_json=as_json)
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        _print(found, limit, language, decided=decided)
    return 0


def _print(found: Listed, limit: int, language: str, *, decided: bool) -> None:
    from billing.late_decisions import BILLED
    from server.cli import output
    from server.cli.bill import instant

    if not found.records and not found.taken_back:
        print(_WORDS[language]["undecided" if decided else "nothing"])
        return
    if found.records:
        _print_records(found, limit, language, decided=decided)
    text = _WORDS[language]
    if found.taken_back:
        rows = [
            (each.decision_id, text["billed" if each.kind == BILLED else "written_off"], each.decided_by, each.account_id,
             f"{each.records:,}", _worth(each.worth_micros, each.currency, language), each.currency, instant(each.at_us), each.by_name,
             each.reason)
            for each in found.taken_back
        ]  # fmt: skip
        print(text["taken_back"])
        columns = words(("no.", "decision", "of", "account", "records", "worth", "currency", "taken back (UTC)", "by", "why"), language)
        output.print_table(columns, rows, right=(columns[0], *columns[4:6]))


def _print_records(found: Listed, limit: int, language: str, *, decided: bool) -> None:
    from server.cli import output
    from server.cli.bill import instant

    keyed = _has_namesakes(found)  # names alone do not tell the entries apart
    rows = [
        (each.record.record_id, *_key(each, keyed=keyed), each.record.source, each.record.account_id, each.record.subscription_id,
         instant(each.record.start_us), each.age_days, _worth(each.worth_micros, each.currency, language), each.currency,
         each.record.run_id, _reason(each, language), *_decision(each.record.decision, language))
        for each in found.records[:limit]
    ]  # fmt: skip
    more = ("no.", "decision", "decided (UTC)", "by", "agreed by", "why", "invoice", "credited by") if decided else ()
    key = ("key",) if keyed else ()
    names = ("record", *key, "source", "account", "subscription", "start (UTC)", "days old", "worth", "currency", "run", "reason", *more)
    output.print_table(words(names, language), rows, right=words(("days old", "worth", "run", "no."), language))
    if len(found.records) > limit:
        print(_WORDS[language]["more"].format(f"{len(found.records) - limit:,}"))
    print()
    sums = [
        (each.account_id, f"{each.records:,}", _worth(each.worth_micros, each.currency, language), each.currency) for each in found.sums
    ]
    columns = words(("account", "records", "worth", "currency"), language)
    output.print_table(columns, sums, right=columns[1:3])


def _has_namesakes(found: Listed) -> bool:
    return len({each.record.record_id for each in found.records}) < len(found.records)


def _key(each: TooLate, *, keyed: bool) -> tuple[str, ...]:
    """The beginning of the key by which an entry is chosen alone."""
    from billing.too_late.wording import KEY_DIGITS

    return (each.record.event_key[:KEY_DIGITS],) if keyed else ()


def _reason(each: TooLate, language: str) -> str:
    """The reason why no run bills a record, its versions where that is about them, and the proposal that waits."""
    from billing.left_out.words import refused_in_time, waiting_proposal
    from billing.runs.selection.left_out import REASONS
    from billing.too_late.wording import in_short

    found = each.record
    versions = "" if each.versions is None else in_short(each.versions, language)
    reason = refused_in_time(found, REASONS[found.reason].words[language], language)
    text = _WORDS[language]
    document = text["may_be_on"].format(each.may_be_on) if each.may_be_on else ""
    return text["and"].join(part for part in (reason, versions, document, waiting_proposal(found.proposal, language)) if part)


def _decision(found: DecisionTold | None, language: str) -> tuple[object, ...]:
    from server.cli import output
    from server.cli.bill import instant

    if found is None:
        return ()
    text = _WORDS[language]
    what = text["billed_by"].format(found.reference) if found.reference else text["written_off"]
    line = text["never"] if found.never_billed else found.invoice and f"{found.invoice}/{found.line_no}"
    credited = ", ".join(found.credit_notes)
    if found.is_credited_in_part:
        part, whole = (output.amount(micros, found.currency) for micros in (found.credited_micros, found.line_micros))
        credited += text["in_part"].format(part=part, whole=whole)
    return found.decision_id, what, instant(found.at_us), found.by_name, found.agreed_by, found.reason, line, credited


def _worth(micros: int, currency: str, language: str) -> str:
    from server.cli import output

    return output.about(micros, currency) if currency else _WORDS[language]["unknown"]
