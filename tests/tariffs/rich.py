"""A catalogue with every word of the language in it, as YAML text, to be changed a word at a time; and its one-mistake tables' shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.tariffs.sample import problems

if TYPE_CHECKING:
    from pathlib import Path

RICH = """\
identity: rich
version: 1
currency: EUR
timezone: Europe/Berlin
home_timezones: [Europe/Berlin, Asia/Kolkata]
effective_from: 2026-01-01T00:00:00+01:00
tax_classes:
  - {name: standard, code: 1, rates: [{from: 2020-01-01, percent: "19"}]}
calendars:
  - name: year
    holidays: [2026-12-25, 2026-01-01]
    bands:
      - {name: peak, days: mon-fri, from: "08:00", to: "20:00"}
      - {name: holiday, holidays: true, weight: 20}
      - {name: summer, months: [jul, 8], years: [2026, 2027], weight: 5}
      - {name: pay-day, month_days: [1, 15], from: "12:00", to: "14:00", weight: 9}
      - {name: new-year, dates: [2026-12-31], from: "20:00", to: "04:00", weight: 30}
zones:
  - {id: 1, name: land, prefixes: ["49"]}
  - {id: 2, name: far, prefixes: ["1", "86"]}
  - {id: 3, name: emergency, short_codes: ["112", 110]}
roaming_zones:
  - {id: 1, name: eu, plmns: ["208-01", 22210], timezone: Europe/Paris}
  - {id: 2, name: usa, plmns: [310410, "310-26"]}
prices:
  - {id: 10, name: free, charge_code: 1, revenue_code: 401, tax_class: standard, flat: "0", unit: seconds}
  - id: 11
    name: home-voice
    charge_code: 1
    revenue_code: 401
    tax_class: standard
    calendar: year
    clock: home
    minimum_quantity: 30s
    increments: 60/1
    per: 60s
    rates:
      - {band: peak, rate: "0.09"}
      - {band: holiday, flat: "0.20"}
      - {band: other, package: {size: 10min, price: "0.25"}, connect_fee: "0.01"}
  - id: 12
    name: eu-voice
    charge_code: 2
    revenue_code: 402
    tax_class: standard
    counting: graduated
    counter: 5
    increments: 1/1
    steps:
      - {rate: "0.50", per: 60s}
      - {from: 100h, rate: "0.40", per: 60s}
  - id: 13
    name: data
    charge_code: 3
    revenue_code: 403
    tax_class: standard
    package: {size: 10MB, price: "0.50"}
    counting: package
    counter: 6
  - {id: 14, name: sms, charge_code: 4, revenue_code: 404, tax_class: standard, flat: "0.07"}
  - {id: 15, name: content, charge_code: 5, revenue_code: 404, tax_class: standard, content_percent: "30", rate: "0.10", per: 1 message}
  - {id: 16, name: shop, charge_code: 5, revenue_code: 404, tax_class: standard, content_percent: "100"}
plans:
  - name: rich
    title: {en: Rich}
    fallbacks: [basic]
    rules:
      - {service: voice, zone: emergency, price: free}
      - {service: voice, zone: land, direction: terminating, price: free}
      - {service: voice, zone: land, origin: far, on_net: false, price: null}
      - {service: voice, zone: land, roaming: eu, rating_group: 7, customer_group: 3, price: eu-voice}
      - {service: voice, zone: land, roaming: home, price: home-voice}
      - {service: voice, zone: land, price: free}
    allowances:
      - id: 81
        name: minutes
        service: voice
        quantity: 100min
        zones: [land]
        priority: 2
        draw: whole_increments
        connect_when_free: true
      - {id: 82, name: texts, services: [mms, sms], quantity: 50 messages, shared: true, at_plan_change: carry}
      - {id: 83, name: data, service: data, quantity: 1GB, prorate: false, rollover: {periods: 2, maximum: 500MB}}
      - {id: 84, name: money, money: "10.00", title: {en: Credit}, rollover: {periods: 1, maximum: "5.00"}}
    day_passes:
      - {id: 91, name: day, fee: "1.99", service: data, quantity: 500MB, clock: visited, priority: 3}
      - {id: 92, name: talk, fee: "0.99", service: voice, zones: [land]}
    caps:
      - {id: 1, name: daily, amount: "5.00", window: day, service: data}
      - {id: 2, name: monthly, amount: "50.00", window: period}
    discounts:
      - {id: 1, name: friends, percent: "25", friends_only: true, service: voice, zones: [land]}
      - {id: 2, name: spring, percent: "10.5", from: 2026-03-01T00:00:00+01:00, to: 2026-04-01T00:00:00+02:00}
  - name: basic
    title: {en: Basic}
    rules:
      - {service: data, zone: "*", price: data}
      - {service: sms, zone: "*", price: sms}
      - {service: content, zone: "*", rating_group: 7, price: content}
      - {service: content, zone: "*", price: shop}
disclosure: {en: Sample prices.}
"""


class Mistake(NamedTuple):
    """One word put another way, and what is told: part of the message and of the remedy. An empty message: nothing is wrong."""

    old: str
    new: str
    path: str  # how the place begins
    message: str
    remedy: str = ""
    others: int = 0  # how many more mistakes follow from it


def changed(old: str, new: str, text: str = RICH) -> str:
    """The sample, or another text, with one piece of it, which stands there, put another way."""
    assert old in text, old
    return text.replace(old, new, 1)


def check_row(folder: Path, row: Mistake, first: Mistake | None = None) -> None:
    """Asserts that the row's mistake is found, and as many others as it says. `first`: a change made before, no mistake itself."""
    text = RICH if first is None else changed(first.old, first.new)
    found = problems(folder, changed(row.old, row.new, text))
    if not row.message:
        assert found == []
        return
    assert [p for p in found if p.path.startswith(row.path) and row.message in p.message and row.remedy in p.remedy], found
    assert len(found) == 1 + row.others, found
