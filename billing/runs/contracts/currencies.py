"""Currencies and tax rates of a run: a number and the minor unit of each currency, and the rate of each line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.runs.contracts.fact_columns import groups
from rating.dates import day_of, last_day
from rating.money import minor_step_micros

if TYPE_CHECKING:
    from billing.charges.lines import Int64s, Lines
    from billing.runs.contracts.contracts import Contracts


class Currencies:
    """Currencies of a run: a number for each, and the minor unit of each."""

    def __init__(self, contracts: Contracts) -> None:
        catalogues = contracts.price_list.catalogues
        self.names = sorted({each.currency for each in catalogues} | set(contracts.facts.currencies))
        self.index = {name: place for place, name in enumerate(self.names)}
        steps = [minor_step_micros(contracts.price_list.minor_digits(name)) for name in self.names]
        self.step_micros = np.array(steps, np.int64)

    def step_of(self, name: str) -> int:
        """The minor unit of a currency, in micro-units."""
        return int(self.step_micros[self.index[name]])

    def steps_of(self, lines: Lines) -> Int64s:
        """The minor unit of each line, in micro-units."""
        steps: Int64s = self.step_micros[lines["currency"]] if lines.size else np.zeros(0, np.int64)
        return steps


def step_of(identity: str, contracts: Contracts, currencies: Currencies) -> int:
    """The minor unit of a catalogue's currency, in micro-units."""
    return currencies.step_of(contracts.price_list.currency(identity))


def rates_of(lines: Lines, contracts: Contracts) -> Int64s:
    """Tax rate of each line, looked up once for each catalogue, class and period end."""
    names = ("catalogue", "tax_class", "period_to")
    place, models = groups([np.ascontiguousarray(lines[name]) for name in names])
    price_list = contracts.price_list
    asked = zip(*(lines[name][models].tolist() for name in names), strict=True)
    rates = [price_list.rate_ppm(price_list.identities[catalogue], code, last_day(day_of(end))) for catalogue, code, end in asked]
    answer: Int64s = np.array(rates, np.int64)[place]
    return answer
