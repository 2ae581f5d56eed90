"""`ratewright bill due`: which bill dates are to be run today."""

# ruff: noqa: RUF001 - Chinese sentences have Chinese punctuation
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rating.counted import counted
from server.cli.done import done_at
from server.cli.homes import HERE, AsJson, Place
from server.cli.languages import Language  # noqa: TC001 -- cyclopts reads the annotations

if TYPE_CHECKING:
    from billing.runs.dates.due import Due, DueDate

_WORDS: Final = {
    "en": {
        "columns": ("bill date", "accounts", "computed again", "test", "held", "passed by", "command"),
        "unfinished": "a bill run is not finished, and comes first: {}",
        "none": "no bill date is to be run today",
        "again": "computed again: billed before; a run computes them once more, and bills what differs, if anything (--dry-run shows it)",
        "wait": "wait: it has not begun for {accounts} on the clock of {clock}; others: --accounts A,B",
        "nobody": "none: a run would bill no account; a run of a later date will",
    },
    "zh": {
        "columns": ("出账日", "账户数", "重新计算", "测试", "暂停", "跳过", "命令"),
        "unfinished": "有一次出账尚未完成，应先完成：{}",
        "none": "今天没有要出账的日期",
        "again": "重新计算：已出账的账户再计算一次，如有差异才出账（用 --dry-run 查看）",
        "wait": "等待：{clock} 时间尚未到该日，涉及 {number:,} 个账户；其他账户：--accounts A,B",
        "nobody": "无：该日期的出账不会向任何账户出账，由更晚日期的出账计费",
    },
}


def due(*, language: Language = "en", at: Place = HERE, as_json: AsJson = False) -> int:
    """List bill dates with a period that no run has billed, oldest first, and the command that bills them; by the clocks of accounts.

    `computed again`: accounts that were billed on that date, and that its run computes once more: something came for them, or they have a
    closing or another bill day. It bills what differs, which may be nothing.
    """
    from billing.runs.dates.due import due_dates
    from server import clock
    from server.cli import output, practice

    opened, found = done_at(at, lambda home: due_dates(home, clock.now_us(home)), lambda service: service.follow_ups.due())
    if as_json:
        output.print_json(practice.marked(opened, found))
    else:
        practice.say(opened, language)
        _print(found, language)
    return 0


def _print(found: Due, language: str) -> None:
    from server.cli import output

    words = _WORDS[language]
    if found.unfinished:
        print(str(words["unfinished"]).format(found.unfinished))
    if not found.dates:
        print(words["none"])
        return
    columns = tuple(words["columns"])
    rows = [
        (each.bill_date, each.accounts, each.again, each.test, each.held, each.passed_by, each.command or _why_not(each, language))
        for each in found.dates
    ]
    output.print_table(columns, rows, right=columns[1:-1])
    if any(each.again for each in found.dates):
        print(words["again"])


def _why_not(each: DueDate, language: str) -> str:
    words = _WORDS[language]
    if each.clock:
        return str(words["wait"]).format(accounts=counted(each.waiting, "account"), number=each.waiting, clock=each.clock)
    return str(words["nobody"])
