"""The customers: accounts, their subscriptions, and the lines (numbers or account codes) that pay through them.

Two kinds: people with a mobile plan, whose number stands in the records, and companies with a SIP trunk, whose account code does.
Some join or leave in mid-month, some have another bill day, some numbers go to another subscriber in mid-month.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Ints = npt.NDArray[np.int64]

ZONE = ZoneInfo("Europe/Berlin")
CURRENCY = "EUR"
MONTH = (dt.date(2026, 10, 1), dt.date(2026, 11, 1))
OPENED = dt.date(2026, 9, 1)
NEVER = dt.date(2060, 1, 1)
COMPANY_SHARE = 0.1
SECOND_LINE_SHARE = 0.25
MID_MONTH_SHARE = 0.03
RECYCLED_SHARE = 0.005
CHINESE_SHARE = 0.1
COMPANY_WEIGHT = 12.0  # a trunk makes as many calls as so many people
BILL_DAYS, BILL_DAY_SHARES = (1, 15, 31), (0.94, 0.04, 0.02)
FIRST_NUMBER = 4_915_110_000_000
FIRST_STRANGER = 4_915_190_000_000
FAR_SHARE = 0.12
NOWHERE = "999"  # a prefix that no catalogue prices
LONG_NUMBER = 12


class Kind(NamedTuple):
    """What all customers of one kind share."""

    plans: tuple[str, ...]
    plan_shares: tuple[float, ...]
    home_prefixes: tuple[str, ...]  # most calls go here
    far_prefixes: tuple[str, ...]  # abroad, dear services, and satellites that no plan sells
    payment_days: int


PERSON = Kind(
    plans=("mobile/smart-s", "mobile/smart-m"),
    plan_shares=(0.6, 0.4),
    home_prefixes=("49151", "49160", "49170", "49175", "4930", "4989", "4940", "4969"),
    far_prefixes=("33", "39", "43", "4420", "4850", "1212", "8610", "8190", "852", "90212", "49180", "49900", "4313930", "8816"),
    payment_days=14,
)
COMPANY = Kind(
    plans=("sip-trunk/trunk", "sip-trunk/trunk-flat"),
    plan_shares=(0.7, 0.3),
    home_prefixes=("4930", "4989", "4940", "49221", "49711", "49151", "49170", "4932", "49800"),
    far_prefixes=("331", "336", "4420", "447", "4822", "1212", "1907", "8610", "8613", "9711", "49180", "49199130", "4470055501", "8816"),
    payment_days=30,
)
KINDS = (PERSON, COMPANY)
SATELLITE = "8816"  # in every catalogue, but not for sale


class Population(NamedTuple):
    """Columns of the lines, and the rows of the three import files."""

    is_company: npt.NDArray[np.bool_]
    number: Ints  # E.164 digits a person calls from, the extension a company does
    weight: npt.NDArray[np.float64]
    account_code: list[str]  # of a line, "" for people
    from_us: Ints  # the subscription's span
    to_us: Ints
    accounts: list[tuple[str, ...]]
    subscriptions: list[tuple[str, ...]]
    numbers: list[tuple[str, ...]]


def draw(rng: np.random.Generator, accounts: int) -> Population:
    """A population of `accounts` accounts; the first is a person, the second a company."""
    is_company = rng.random(accounts) < COMPANY_SHARE
    is_company[:2] = (False, True)[: min(accounts, 2)]
    lines_of = np.where(is_company, 1, 1 + (rng.random(accounts) < SECOND_LINE_SHARE))
    owner = np.repeat(np.arange(accounts), lines_of)
    company = is_company[owner]
    count = len(owner)
    start, end = _spans(rng, count)
    number = np.where(company, rng.integers(200, 999, count), FIRST_NUMBER + rng.permutation(count * 7)[:count] * 11)
    codes = [f"trunk-{line + 1:06d}" if each else "" for line, each in enumerate(company)]
    return Population(
        is_company=company,
        number=number,
        weight=rng.exponential(1.0, count) * np.where(company, COMPANY_WEIGHT, 1.0) + 0.02,
        account_code=codes,
        from_us=_midnights_us(start),
        to_us=_midnights_us([each or NEVER for each in end]),
        accounts=_accounts(rng, is_company),
        subscriptions=_subscriptions(rng, owner, company, start, end),
        numbers=_number_facts(rng, company, number, codes, start, end),
    )


def write(people: Population, folder: Path) -> None:
    """The three files of `ratewright accounts import`."""
    account_columns = "account_id,name,currency,timezone,bill_day,language,opened_on,billed_through,dunning_policy,payment_days"
    _write_csv(folder / "accounts.csv", account_columns, people.accounts)
    _write_csv(folder / "subscriptions.csv", "subscription_id,account_id,plan,from_date,to_date", people.subscriptions)
    _write_csv(folder / "numbers.csv", "served_id,subscription_id,from,to", people.numbers)


def strangers(rng: np.random.Generator, count: int) -> Ints:
    """Numbers that belong to nobody."""
    return FIRST_STRANGER + rng.integers(0, 10_000_000, count)


def numbers_below(rng: np.random.Generator, prefixes: tuple[str, ...], count: int) -> Ints:
    """Random numbers of 12 digits (14 at most) that begin with one of the prefixes."""
    which = rng.integers(0, len(prefixes), count)
    base = np.array([int(prefix) for prefix in prefixes])[which]
    power = 10 ** np.array([max(LONG_NUMBER - len(prefix), 4) for prefix in prefixes])[which]
    number: Ints = base * power + rng.integers(0, power)
    return number


def _account_id(account: int) -> str:
    return f"A{account + 1:06d}"


def _subscription_id(line: int) -> str:
    return f"S{line + 1:06d}"


def _accounts(rng: np.random.Generator, is_company: npt.NDArray[np.bool_]) -> list[tuple[str, ...]]:
    bill_day = rng.choice(BILL_DAYS, len(is_company), p=BILL_DAY_SHARES)
    chinese = rng.random(len(is_company)) < CHINESE_SHARE
    chinese[0] = False  # the demo shows this account's invoice
    rows: list[tuple[str, ...]] = []
    for account, company in enumerate(is_company):
        kind = KINDS[int(company)]
        name = f"{'Company' if company else 'Customer'} {account + 1}"
        language = "zh" if chinese[account] else "en"
        billed_through = MONTH[0].isoformat() if bill_day[account] == 1 else ""
        known = (_account_id(account), name, CURRENCY, ZONE.key, str(bill_day[account]), language, OPENED.isoformat(), billed_through)
        rows.append((*known, "standard", str(kind.payment_days)))
    return rows


def _subscriptions(
    rng: np.random.Generator, owner: Ints, company: npt.NDArray[np.bool_], start: list[dt.date], end: list[dt.date | None]
) -> list[tuple[str, ...]]:
    plan_of_kind = [rng.choice(kind.plans, len(owner), p=kind.plan_shares) for kind in KINDS]
    plan_of_kind[0][0] = PERSON.plans[0]  # without an allowance, so that a quote of one call is what the bill has for it
    rows: list[tuple[str, ...]] = []
    for line, (first, last) in enumerate(zip(start, end, strict=True)):
        plan = str(plan_of_kind[int(company[line])][line])
        rows.append((_subscription_id(line), _account_id(int(owner[line])), plan, first.isoformat(), last.isoformat() if last else ""))
    return rows


def _spans(rng: np.random.Generator, count: int) -> tuple[list[dt.date], list[dt.date | None]]:
    """First day and first day after of each subscription; most began before the month and have no end."""
    days = (MONTH[1] - MONTH[0]).days
    begins_late, ends_early = rng.random(count) < MID_MONTH_SHARE, rng.random(count) < MID_MONTH_SHARE
    begins_late[:2] = ends_early[:2] = False
    first_day, last_day = rng.integers(1, 12, count), rng.integers(14, days, count)
    start = [MONTH[0] + dt.timedelta(days=int(day)) if late else OPENED for day, late in zip(first_day, begins_late, strict=True)]
    end = [MONTH[0] + dt.timedelta(days=int(day)) if early else None for day, early in zip(last_day, ends_early, strict=True)]
    return start, end


def _number_facts(  # noqa: PLR0913, PLR0917 - one argument a column of the lines
    rng: np.random.Generator,
    company: npt.NDArray[np.bool_],
    number: Ints,
    codes: list[str],
    start: list[dt.date],
    end: list[dt.date | None],
) -> list[tuple[str, ...]]:
    """One fact a line, and for a recycled number a second one: another person's subscription takes it over in mid-month."""
    always = [line for line in range(len(company)) if not company[line] and start[line] == OPENED and end[line] is None]
    givers = always[1:-1]  # never the first line: its calls are planted
    recycled = set([line for line in givers if rng.random() < RECYCLED_SHARE] or givers[:1])
    heir = dict(itertools.pairwise(always))
    handover = _midnight(MONTH[0] + dt.timedelta(days=15))
    facts: list[tuple[str, ...]] = []
    for line, code in enumerate(codes):
        served = code or str(number[line])
        begin, finish = _midnight(start[line]), _midnight(end[line])
        facts.append((served, _subscription_id(line), begin, finish))
        if line in recycled:
            facts[-1:] = [(served, _subscription_id(line), begin, handover), (served, _subscription_id(heir[line]), handover, "")]
    return facts


def _midnight(date: dt.date | None) -> str:
    return "" if date is None else dt.datetime.combine(date, dt.time(), ZONE).isoformat()


def _midnights_us(dates: list[dt.date]) -> Ints:
    known = {date: round(dt.datetime.combine(date, dt.time(), ZONE).timestamp()) * 1_000_000 for date in set(dates)}
    return np.array([known[date] for date in dates], dtype=np.int64)


def _write_csv(path: Path, columns: str, rows: Iterable[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.split(","))
        writer.writerows(rows)
