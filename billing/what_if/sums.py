"""Sums of one world, exact: usage by plan, service and zone; refusals by status; usage, fees and terms by subscription.

Arrays are dense. Sums that leave the range of int64 money are refused: no plausible month comes near.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from billing.charges.lines import Int64s
from billing.what_if import terms
from rating.errors import UserError
from rating.model import ANY_ZONE, Service
from rating.on_use import ModuleOnUse
from rating.status import Status

if TYPE_CHECKING:
    from billing.runs.contracts.price_list import PriceList
    from billing.what_if import adding_kernel
    from billing.what_if.events import Answer
    from billing.what_if.terms import Terms
    from billing.what_if.worlds import World
else:
    adding_kernel = ModuleOnUse("billing.what_if.adding_kernel")

OTHERS: Final = 2  # plan numbers begin at -2: a plan that no tariff has, and no subscription at all
HIGH_LIMIT: Final = 1 << 30  # of the high half: 62 bits less `adding_kernel.LOW_BITS`


class Cell(NamedTuple):
    """A cell of revenue."""

    plan: str
    zone: str
    service: str


class Term(NamedTuple):
    """A volume tier, a discount or a commitment of a plan."""

    plan: str
    kind: str  # volume, discount, commitment
    name: str


class Amount(NamedTuple):
    """A number of events or fees, and their sum."""

    number: int
    micros: int


@dataclasses.dataclass(frozen=True, eq=False)
class Sums:
    """Sums of the month in one world."""

    cells: dict[Cell, Amount]
    refused: dict[tuple[str, str, str], int]  # plan, service, status
    usage_micros: Int64s  # by subscription
    has_usage: npt.NDArray[np.bool_]  # by subscription
    fees: dict[tuple[str, str], Amount]  # plan, name of the fee
    fee_micros: Int64s  # by subscription
    terms: dict[Term, Amount]  # what follows from totals
    term_micros: Int64s  # by subscription


class Zones:
    """The zones that rules of the tables are about, as dense numbers."""

    def __init__(self, tariffs: PriceList) -> None:
        rules = tariffs.tables.rules
        pair = (rules["version"].astype(np.int64) << 32) | rules["zone_id"].astype(np.int64)
        self._pairs, number = np.unique(pair, return_inverse=True)
        self.of_rule = number.reshape(-1).astype(np.int32)
        self._names: dict[tuple[int, int], str] = {}
        catalogues = {(each.identity, each.version): each for each in tariffs.catalogues}
        for index, version in enumerate(tariffs.tables.versions):
            for zone in catalogues[version.identity, version.version].zones:
                self._names[index, zone.zone_id] = zone.name

    def __len__(self) -> int:
        """Number of zones."""
        return len(self._pairs)

    def name(self, number: int) -> str:
        """Name of a zone in the tariff; ANY_ZONE for that of rules for every destination."""
        version, zone_id = divmod(int(self._pairs[number]), 1 << 32)
        return self._names.get((version, zone_id), ANY_ZONE)


def add(made: World, answer: Answer, counted: npt.NDArray[np.bool_]) -> Sums:
    """Add up the rated events of the subscriptions that are counted; the last of `counted` is for events without an owner."""
    zones, batch, rated = Zones(made.tariffs), answer.batch, answer.rated
    groups = (len(made.tariffs.tables.plan_index) + OTHERS) * adding_kernel.SERVICES
    cells = np.zeros((groups * len(zones), 3), np.int64)
    people = np.zeros((len(counted), 3), np.int64)
    refused = np.zeros((groups, adding_kernel.STATUSES), np.int64)
    adding_kernel.add_up(
        rated.status, rated.match, rated.charge_micros, batch.plan, batch.service, answer.subscription, zones.of_rule, counted,
        len(zones), cells, people, refused,
    )  # fmt: skip
    names = plan_names(made.tariffs)
    chosen = counted[:-1]
    of_totals = terms.terms(made, answer)
    of_totals = terms.Terms(*(column[chosen[of_totals.subscription]] for column in of_totals))
    return Sums(
        _cells(cells, zones, names),
        _refused(refused, names),
        _joined(people[:-1, 1], people[:-1, 2]),
        people[:-1, 0] > 0,
        _fees(made, chosen),
        np.where(chosen, _fee_micros(made), 0),
        _terms(made, of_totals),
        _term_micros(of_totals, len(chosen)),
    )


def plan_names(tariffs: PriceList) -> list[str]:
    """Names of plans by the kernel's number, from -2 on."""
    by_number = {number: name for name, number in tariffs.tables.plan_index.items()}
    return ["", "", *(by_number[number] for number in range(len(by_number)))]


def service_name(number: int) -> str:
    """Such as voice; empty for none."""
    return Service(number).name.lower() if number else ""


def _cells(cells: npt.NDArray[np.int64], zones: Zones, names: list[str]) -> dict[Cell, Amount]:
    """By name: versions of the month that know a zone by one name meet in one cell."""
    rows = np.flatnonzero(cells[:, 0])
    micros = _joined(cells[rows, 1], cells[rows, 2])
    found: dict[Cell, Amount] = {}
    for row, count, amount in zip(rows.tolist(), cells[rows, 0].tolist(), micros.tolist(), strict=True):
        group, zone = divmod(row, len(zones))
        plan, service = divmod(group, adding_kernel.SERVICES)
        cell = Cell(names[plan], zones.name(zone), service_name(service))
        before = found.get(cell, Amount(0, 0))
        found[cell] = Amount(before.number + count, before.micros + amount)
    return found


def _refused(refused: npt.NDArray[np.int64], names: list[str]) -> dict[tuple[str, str, str], int]:
    found: collections.Counter[tuple[str, str, str]] = collections.Counter()
    for group, code in zip(*(each.tolist() for each in np.nonzero(refused)), strict=True):
        plan, service = divmod(group, adding_kernel.SERVICES)
        found[names[plan], service_name(service), Status(code).name] += int(refused[group, code])
    return dict(found)


def _joined(high: Int64s, low: Int64s) -> Int64s:
    carried = high + (low >> adding_kernel.LOW_BITS)
    if len(carried) and int(np.abs(carried).max()) >= HIGH_LIMIT:
        raise UserError("a sum of charges is beyond the limit of money", "`ratewright tariffs check` names prices that are too large")
    joined: Int64s = (carried << adding_kernel.LOW_BITS) | (low & ((1 << adding_kernel.LOW_BITS) - 1))
    return joined


def _fees(made: World, chosen: npt.NDArray[np.bool_]) -> dict[tuple[str, str], Amount]:
    """By plan and name of the fee, of the subscriptions that are chosen."""
    having = np.bincount(made.patterns.of[chosen & (made.patterns.of >= 0)], minlength=len(made.fees))
    found: dict[tuple[str, str], Amount] = {}
    for count, dues in zip(having.tolist(), made.fees, strict=True):
        for due in dues if count else ():
            before = found.get((due.plan, due.name), Amount(0, 0))
            found[due.plan, due.name] = Amount(before.number + count * due.times, before.micros + count * due.micros)
    return found


def _terms(made: World, found: Terms) -> dict[Term, Amount]:
    by_name: dict[Term, Amount] = {}
    for plan, kind, name, number, micros in terms.named(made, found):
        before = by_name.get(Term(plan, kind, name), Amount(0, 0))
        by_name[Term(plan, kind, name)] = Amount(before.number + number, before.micros + micros)
    return by_name


def _term_micros(found: Terms, subscriptions: int) -> Int64s:
    micros = np.zeros(subscriptions, np.int64)
    np.add.at(micros, found.subscription, found.micros)
    return micros


def _fee_micros(made: World) -> Int64s:
    """Fees of each subscription."""
    by_pattern = np.array([*(sum(due.micros for due in dues) for dues in made.fees), 0], np.int64)
    of_subscription: Int64s = by_pattern[made.patterns.of]
    return of_subscription
