"""One small catalogue as YAML text, to be changed a word at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rating.errors import Problem, ProblemsError
from tariffs.reading.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue

SAMPLE = """\
identity: sample
version: 1
currency: EUR
timezone: Europe/Berlin
effective_from: 2026-01-01T00:00:00+01:00
tax_classes:
  - {name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}
calendars:
  - name: week
    bands:
      - {name: peak, days: mon-fri, from: "08:00", to: "18:00"}
      - {name: night, days: daily, from: "22:00", to: "06:00"}
zones:
  - {id: 1, name: land, prefixes: ["49"]}
  - {id: 2, name: far, prefixes: ["1", "86"]}
prices:
  - id: 11
    name: home-voice
    charge_code: 1
    revenue_code: 401
    tax_class: standard
    calendar: week
    increments: 60/1
    per: 60s
    rates:
      - {band: peak, rate: "0.09"}
      - {band: night, rate: "0.03"}
      - {band: other, rate: "0.06"}
  - id: 12
    name: far-voice
    charge_code: 2
    revenue_code: 402
    tax_class: standard
    increments: 60/60
    steps:
      - {rate: "0.50", per: 60s}
      - {from: 10min, rate: "0.40", per: 60s, increment: 1s}
    minimum: "0.10"
    maximum: "9.00"
    rounding: {mode: half_up, step: "0.01"}
  - {id: 13, name: data, charge_code: 3, revenue_code: 403, tax_class: standard, rate: "0.01", per: 1MB, increments: 100KB/100KB}
  - {id: 14, name: sms, charge_code: 4, revenue_code: 404, tax_class: standard, rate: "0.07", per: 1 message}
plans:
  - name: basic
    title: {en: Basic, zh: 基本}
    rules:
      - {service: voice, zone: land, price: home-voice}
      - {service: voice, zone: far, price: far-voice}
      - {service: data, zone: "*", price: data}
      - {service: sms, zone: "*", price: sms}
      - {service: mms, zone: "*", price: null}
    allowances:
      - {id: 81, name: minutes, service: voice, quantity: 100min, zones: [land]}
    recurring:
      - {id: 91, name: fee, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "9.99", timing: advance}
disclosure: {en: Sample prices., zh: 示例价格。}
"""


def loaded(folder: Path, text: str) -> Catalogue:
    """The catalogue of `text`."""
    path = folder / "sample.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def problems(folder: Path, text: str) -> list[Problem]:
    """The mistakes in `text`; none when it is good."""
    try:
        loaded(folder, text)
    except ProblemsError as error:
        return list(error.problems)
    return []


def changed(old: str, new: str) -> str:
    """The sample with one piece of text, which stands there, put another way."""
    assert old in SAMPLE, old
    return SAMPLE.replace(old, new, 1)
