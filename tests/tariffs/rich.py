"""A catalogue with the words of the language in it, as YAML text, to be changed a word at a time; and its one-mistake tables' shape.

`REST` is a second file of its folder, with the words that the first has no use for; together they say every word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tariffs.reading.load import load
from tests.tariffs.sample import problems

if TYPE_CHECKING:
    from pathlib import Path

    from rating.model import Catalogue

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
  - {id: 2, name: far, title: {en: Far away}, prefixes: ["1", "86"]}
  - {id: 3, name: emergency, short_codes: ["112", 110]}
roaming_zones:
  - {id: 1, name: eu, plmns: ["208-01", 22210], timezone: Europe/Paris}
  - {id: 2, name: usa, plmns: [310410, "310-26"], title: {en: United States}}
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
      - {id: 82, name: texts, services: [mms, sms], quantity: 50 messages, shared: pooled, at_plan_change: carry}
      - {id: 83, name: data, service: data, quantity: 1GB, prorate: false, rollover: {periods: 2, maximum: 500MB}}
      - {id: 84, name: money, money: "10.00", title: {en: Credit}, rollover: {periods: 1, maximum: "5.00"}}
      - {id: 85, name: letters, service: sms, quantity: 7 messages, shared: one, at_plan_change: carry}
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
    recurring:
      - {id: 101, name: fee, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "9.99", timing: advance, prorate: false}
    one_offs:
      - {id: 102, name: setup, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "20", title: {en: Set-up}}
      - {id: 103, name: leaving, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "5", at: end}
      - {id: 104, name: change, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "1", at: plan_change}
      - id: 106
        name: early
        charge_code: 9
        revenue_code: 400
        tax_class: standard
        amount: "8"
        at: early_end
        per_remaining_month: true
    commitments:
      - {id: 105, name: least, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "15", counts: usage_and_fees, prorate: false}
    spend_limits:
      - {id: 1, name: careful, amount: "30", window: period, action: bar, services: [sms, data], zones: ["*"], title: {en: Careful}}
    volume_tiers:
      - id: 110
        name: much-data
        title: {en: Much data}
        charge_code: 3
        revenue_code: 403
        tax_class: standard
        prices: [data]
        scope: account
        steps:
          - {rate: "0.05", per: 1MB}
          - {from: 10GB, rate: "0.03", per: 1MB, flat: "2.00"}
    invoice_discounts:
      - {id: 111, name: loyal, charge_code: 9, revenue_code: 400, percent: "10", kinds: [usage, volume], title: {en: Loyal}}
      - {id: 112, name: welcome, charge_code: 9, revenue_code: 400, amount: "5", charge_codes: [3, 9], months: 6}
    bill_thresholds:
      - {id: 1, name: hundred, amount: "100", title: {en: Hundred}}
      - {id: 2, name: much, amount: "500"}
    late_usage: arrival_period
    late_after_days: 5
    late_usage_days_max: 90
    add_ons: [travel, booster]
    terms: {activation_hours: 48, late_credit_percent: "5", minimum_months: 12, notice_days: 30}
    sold_from: 2026-01-01
    sold_to: 2026-12-31
disclosure: {en: Sample prices.}
complaint_channel: {en: Call 10000.}
effective_to: 2027-01-01T00:00:00+01:00
notice_days: 10
add_ons:
  - name: booster
    title: {en: Booster}
    excludes: [travel]
    allowances:
      - {id: 201, name: more-data, service: data, quantity: 5GB, prorate: false}
    recurring:
      - {id: 210, name: booster-fee, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "3.00"}
  - name: travel
    title: {en: Travel}
    day_passes:
      - {id: 202, name: abroad, fee: "2.99", service: data}
    caps:
      - {id: 203, name: travel-cap, amount: "40.00", window: period, service: data}
    discounts:
      - {id: 204, name: travel-texts, percent: "50", service: sms}
    one_offs:
      - {id: 211, name: travel-start, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "1.00"}
      - {id: 212, name: travel-end, charge_code: 9, revenue_code: 400, tax_class: standard, amount: "0.50", at: end}
"""

REST = """\
minor_digits: 3
tax_inclusive: true
tax_classes:
  - {name: reduced, code: 2, rates: [{from: 2020-01-01, percent: "7"}], title: {en: VAT}}
calendars:
  - name: public
    holidays_file: holidays.csv
    public_holidays: {country: DE, subdivision: BY, years: [2026], swaps: false}
    not_holidays: [2026-05-02]
    working_days: [{date: 2026-02-28, as: fri}]
    bands: [{name: off, holidays: true}]
zones:
  - {id: 10, name: listed, prefixes_file: prefixes.csv, title: {en: Listed}}
roaming_zones:
  - {id: 10, name: neighbours, plmns: ["228-01"], title: {en: Neighbours}}
decks:
  - name: far-away
    file: deck.csv
    service: voice
    price_ids_from: 5000
    titles_file: titles.csv
    per: 60s
    first_increment: 60s
    increment: 1s
    connect_fee: "0.01"
    charge_code: 8
    revenue_code: 408
    tax_class: reduced
    title: {en: Far away}
    minimum: "0.01"
    maximum: "9"
    minimum_quantity: 1s
    rounding: {mode: up, step: "0.01"}
    charge_zero_usage: true
  - name: near
    file: near.csv
    service: voice
    price_ids_from: 6000
    per: 60s
    increments: 1/1
    charge_code: 8
    revenue_code: 408
    tax_class: reduced
prices:
  - id: 20
    name: all-terms
    title: {en: All terms}
    charge_code: 7
    revenue_code: 407
    tax_class: reduced
    calendar: public
    band_policy: start
    first_increment: 30s
    increment: 6s
    minimum: "0.02"
    maximum: "5"
    rounding: {mode: half_up, step: "0.001"}
    charge_zero_usage: true
    rates:
      - {band: off, per: 60s, rate: "0.01", increments: 6/6}
      - {band: other, first_increment: 12s, increment: 6s, steps: [{per: 60s, rate: "0.02", increment: 1s}]}
  - id: 21
    name: with-fee
    charge_code: 7
    revenue_code: 407
    tax_class: reduced
    rate: "0.01"
    per: 60s
    increments: 1/1
    connect_fee: "0.05"
plans:
  - name: rest
    title: {en: Rest}
    late_usage: waive
    decks: [far-away, near]
    rules:
      - {service: voice, zone: listed, price: all-terms}
      - {service: voice, zone: "*", price: with-fee}
    day_passes:
      - {id: 301, name: chat, fee: "1", services: [voice], title: {en: Chat}}
    caps:
      - {id: 302, name: some, amount: "5", window: day, services: [voice], zones: [listed], title: {en: Some}}
    discounts:
      - {id: 303, name: less, percent: "5", services: [voice], title: {en: Less}}
    recurring:
      - id: 304
        name: line
        charge_code: 7
        revenue_code: 407
        tax_class: reduced
        amount: "1"
        title: {en: Line}
        while_paused: charged
        outage_credit: false
        shares:
          - {tax_class: reduced, percent: "60", revenue_code: 407}
          - {tax_class: standard, percent: "40", revenue_code: 401}
    commitments:
      - {id: 305, name: least-of-all, charge_code: 7, revenue_code: 407, tax_class: reduced, amount: "1", title: {en: Least}}
    spend_limits:
      - {id: 306, name: talk, amount: "9", window: day, service: voice, title: {en: Talk}}
"""
FILES = {
    "holidays.csv": "date\n2026-05-02\n",
    "prefixes.csv": "prefix\n77\n",
    "titles.csv": "zone,en,zh\nchad,Chad,乍得\n",
    "deck.csv": "zone_id,zone,prefixes,rate\n50,chad,235,0.5\n",
    "near.csv": "zone_id,zone,prefixes,rate\n60,denmark,45,0.1\n",
}


def whole(folder: Path) -> Catalogue:
    """The catalogue that says every word."""
    text = RICH.replace("version: 1\n", "version: 2\ncorrects: 1\n")
    for name, content in {"1.yaml": text, "2.yaml": REST, **FILES}.items():
        (folder / name).write_text(content, encoding="utf-8")
    return load(folder)


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
