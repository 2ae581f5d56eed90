"""Import of accounts.csv, subscriptions.csv and numbers.csv: all of it or nothing, every mistake at once.

The same rows again are recognised and change nothing; the same id with other data is an error that names the field. One thing may be
learned later: the end of a subscription or of a number that had none. It is kept as a new fact, so that bills made before knew no end.
Refuses ids that nobody knows, unknown plans, a plan in another currency than its account's, and two subscriptions for one number at one
instant.
"""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from billing import catalogue
from billing.accounts.rows import (
    AccountRow,
    Mistakes,
    NumberRow,
    SubscriptionRow,
    read_account_rows,
    read_number_rows,
    read_subscription_rows,
)
from billing.accounts.stored import ACCOUNT_FIELDS, NEVER_US, Files, Known, Span, read_known, store
from billing.dunning_policy import POLICY_FOLDER, load_policies
from billing.store import commit_points
from rating.errors import Problem, ProblemsError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from billing.store.home import Home

ACCOUNTS: Final = "accounts.csv"
SUBSCRIPTIONS: Final = "subscriptions.csv"
NUMBERS: Final = "numbers.csv"
_Row = TypeVar("_Row", AccountRow, SubscriptionRow)
_SUBSCRIPTION_FIELDS: Final = SubscriptionRow._fields[2:]
_KEEP: Final = "imported facts do not change, but for an end that was open: give the data that was imported, or a new id"


class ImportReport(NamedTuple):
    """How many rows were new, and how many were there already with the same data."""

    accounts_added: int
    accounts_known: int
    subscriptions_added: int
    subscriptions_known: int
    numbers_added: int
    numbers_known: int
    commit_seq: int | None  # None when nothing was new
    subscriptions_ended: int = 0  # known before, and their end is new
    numbers_ended: int = 0


def import_files(home: Home, folder: Path, now_us: int) -> ImportReport:
    """Import the three files of `folder`. Raises ProblemsError with every mistake of all of them; then nothing is stored."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise UserError(f"{folder} {what}", f"name a folder that holds {ACCOUNTS}, {SUBSCRIPTIONS} and {NUMBERS}", exit_status=2)
    mistakes = Mistakes()
    files = Files(
        read_account_rows(folder / ACCOUNTS, mistakes),
        read_subscription_rows(folder / SUBSCRIPTIONS, mistakes),
        read_number_rows(folder / NUMBERS, mistakes),
        [],
    )
    _refuse_unknown_policies(files.accounts, mistakes)
    currency_of_plan = {f"{each.identity}/{plan.name}": each.currency for each in catalogue.published(home) for plan in each.plans}
    with home.begin() as connection:
        known = read_known(connection)
        accounts = _new_accounts(files.accounts, known, mistakes)
        subscriptions, ends = _new_subscriptions(files, known, currency_of_plan, mistakes)
        numbers, numbers_ended = _new_numbers(files, known, mistakes)
        if mistakes.problems:
            raise ProblemsError(sorted(mistakes.problems, key=_place))
        commit_seq = None
        if accounts or subscriptions or numbers or ends:
            commit_seq = home.next_commit_seq(connection, "fact", now_us)
            store(connection, known, Files(accounts, subscriptions, numbers, ends), commit_seq)
        commit_points.reached("accounts.before_commit")
    commit_points.reached("accounts.committed")
    return ImportReport(
        accounts_added=len(accounts),
        accounts_known=len(files.accounts) - len(accounts),
        subscriptions_added=len(subscriptions),
        subscriptions_known=len(files.subscriptions) - len(subscriptions) - len(ends),
        numbers_added=len(numbers) - numbers_ended,
        numbers_known=len(files.numbers) - len(numbers),
        commit_seq=commit_seq,
        subscriptions_ended=len(ends),
        numbers_ended=numbers_ended,
    )


def _place(problem: Problem) -> tuple[int, int]:
    """Files in their order, lines in theirs."""
    files = (ACCOUNTS, SUBSCRIPTIONS, NUMBERS)
    digits = "".join(letter for letter in problem.path.split(",")[0] if letter.isdigit())
    return files.index(problem.file), int(digits or 0)


def _refuse_unknown_policies(rows: Sequence[AccountRow], mistakes: Mistakes) -> None:
    """An account without a policy that exists would stop dunning for everyone."""
    policies = load_policies()
    mistakes.problems.extend(
        Problem(
            ACCOUNTS,
            f"line {row.line}, dunning_policy",
            f"there is no dunning policy {row.dunning_policy}",
            f"known policies: {', '.join(policies)}; or add {row.dunning_policy}.yaml to {POLICY_FOLDER}",
        )
        for row in rows
        if row.dunning_policy not in policies
    )


def _new_accounts(rows: Sequence[AccountRow], known: Known, mistakes: Mistakes) -> list[AccountRow]:
    fresh = []
    for row in _without_repeats(rows, ACCOUNTS, "account_id", mistakes):
        stored = known.accounts.get(row.account_id)
        if stored is None:
            fresh.append(row)
        else:
            what = f"account {row.account_id}"
            mistakes.problems.extend(
                Problem(ACCOUNTS, f"line {row.line}, {field}", f"{what} {text}", _KEEP)
                for field, text in _changes(ACCOUNT_FIELDS, stored[1:], row[2:])
            )
    return fresh


def _new_subscriptions(
    files: Files, known: Known, currency_of_plan: Mapping[str, str], mistakes: Mistakes
) -> tuple[list[SubscriptionRow], list[SubscriptionRow]]:
    """Rows that are not known, and rows that are known without the end they have now."""
    currencies = {account_id: fields[2] for account_id, fields in known.accounts.items()}
    currencies.update((row.account_id, row.currency) for row in files.accounts)
    fresh, ends = [], []
    for row in _without_repeats(files.subscriptions, SUBSCRIPTIONS, "subscription_id", mistakes):
        stored = known.subscriptions.get(row.subscription_id)
        if stored is not None and stored[-1] is None and stored[1:-1] == row[2:-1] and row.to_date is not None:
            ends.append(row)
            continue
        if stored is not None:
            what = f"subscription {row.subscription_id}"
            mistakes.problems.extend(
                Problem(SUBSCRIPTIONS, f"line {row.line}, {field}", f"{what} {text}", _KEEP)
                for field, text in _changes(_SUBSCRIPTION_FIELDS, stored[1:], row[2:])
            )
            continue
        fresh.append(row)
        currency = currencies.get(row.account_id)
        if currency is None and not mistakes.may_hold(ACCOUNTS, row.account_id):
            message = f"account {row.account_id} is unknown"
            mistakes.add(SUBSCRIPTIONS, f"line {row.line}, account_id", message, f"add it to {ACCOUNTS}, or mend the id")
        mistakes.problems.extend(_plan_problems(row, currency, currency_of_plan))
    return fresh, ends


def _plan_problems(row: SubscriptionRow, currency: str | None, currency_of_plan: Mapping[str, str]) -> Iterator[Problem]:
    """What is wrong between a subscription, the currency of its account (None if that is not known) and its plan."""
    plan_currency = currency_of_plan.get(row.plan)
    if plan_currency is None:
        close = difflib.get_close_matches(row.plan, currency_of_plan, n=1)
        remedy = f"did you mean {close[0]}?" if close else "publish its catalogue first with `ratewright tariffs publish`"
        yield Problem(SUBSCRIPTIONS, f"line {row.line}, plan", f"plan {row.plan} is in no published catalogue", remedy)
    elif currency not in {None, plan_currency}:
        message = f"plan {row.plan} is in {plan_currency}, account {row.account_id} in {currency}"
        yield Problem(SUBSCRIPTIONS, f"line {row.line}, plan", message, "choose a plan in the account's currency")


def _new_numbers(files: Files, known: Known, mistakes: Mistakes) -> tuple[list[NumberRow], int]:
    """Rows that are not known, and how many of them only tell the end of one that is."""
    ids = known.subscriptions.keys() | {row.subscription_id for row in files.subscriptions}
    fresh = []
    ended = 0
    spans: dict[str, list[Span]] = {}
    for row in files.numbers:
        if row.subscription_id not in ids:
            if not mistakes.may_hold(SUBSCRIPTIONS, row.subscription_id):
                message = f"subscription {row.subscription_id} is unknown"
                mistakes.add(NUMBERS, f"line {row.line}, subscription_id", message, f"add it to {SUBSCRIPTIONS}, or mend the id")
            continue
        span = Span(row.from_us, NEVER_US if row.to_us is None else row.to_us, row.subscription_id, row.line)
        of_number = spans.setdefault(row.served_id, known.spans.get(row.served_id, []).copy())
        if any(span[:3] == other[:3] for other in of_number):
            continue  # the same fact again
        without_end = Span(row.from_us, NEVER_US, row.subscription_id, 0)
        if without_end in of_number:
            of_number.remove(without_end)
            ended += 1
        of_number.append(span)
        fresh.append(row)
    for served_id, of_number in spans.items():
        if len(of_number) > 1:
            mistakes.problems.extend(_overlaps(served_id, of_number))
    return fresh, ended


def _overlaps(served_id: str, spans: Iterable[Span]) -> Iterable[Problem]:
    ordered = sorted(spans)
    for one, two in itertools.pairwise(ordered):
        if two.from_us < one.to_us:
            late, other = (two, one) if two.line >= one.line else (one, two)
            where = f"line {other.line}" if other.line else "an earlier import"
            message = f"{served_id} belongs to {late.subscription_id} while {where} gives it to {other.subscription_id}"
            yield Problem(NUMBERS, f"line {late.line}", message, "let the spans of one number end before the next begins")


def _without_repeats(rows: Sequence[_Row], file: str, id_field: str, mistakes: Mistakes) -> Iterable[_Row]:
    seen: dict[str, int] = {}
    for row in rows:
        first = seen.setdefault(row[1], row.line)
        if first != row.line:
            mistakes.problems.append(
                Problem(file, f"line {row.line}, {id_field}", f"{row[1]} stands on line {first} already", "remove one of them")
            )
        else:
            yield row


def _changes(fields: Sequence[str], stored: Sequence[object], given: Sequence[object]) -> Iterable[tuple[str, str]]:
    """Name and description of every field that is not as stored."""
    for field, old, new in zip(fields, stored, given, strict=True):
        if old != new:
            yield field, f"exists with {field} {_shown(old)}, not {_shown(new)}"


def _shown(value: object) -> str:
    return "empty" if value is None else repr(value)
