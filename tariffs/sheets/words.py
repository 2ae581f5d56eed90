"""The words of a tariff sheet. A language is one `Words`; fields in braces are filled in by the modules beside this one.

The texts of `Prices` are read back by tests, so that what a customer reads is what rating charges: each must be distinct from every
other one, with any figures in it. Pairs are the forms for one and for many.
"""

from __future__ import annotations

from typing import NamedTuple

from rating.model import (
    AtPlanChange,
    CapWindow,
    Counting,
    FeeOccasion,
    FeeTiming,
    LateUsage,
    LimitAction,
    Service,
    WallClock,
    WhilePaused,
)
from rating.money import RoundingMode


class Figures(NamedTuple):
    """Amounts, quantities, dates."""

    amount: str  # {amount}, {currency}
    currency: dict[str, str]  # beside an amount, in place of the ISO code
    currency_name: dict[str, str]
    hour: tuple[str, str]
    minute: tuple[str, str]
    second: tuple[str, str]
    millisecond: tuple[str, str]
    bytes: str
    message: tuple[str, str]
    purchase: tuple[str, str]
    month: tuple[str, str]
    day: tuple[str, str]
    date: str  # {year}, {month}, {day}, {name} of the month
    date_month: str
    months: tuple[str, ...]
    days: tuple[str, ...]  # Monday first
    comma: str
    enumeration: str
    semicolon: str
    sentence_gap: str  # between two sentences
    between: str  # two ends of a span of days of the week
    span: str  # between two dates


class Prices(NamedTuple):
    """The clauses of a price and the sentences of a way of counting."""

    free: str
    not_sold: str
    rate: str  # {amount}, {per}
    per_one: dict[str, str]
    step: str  # {begin}, {rate}
    step_increment: str  # {step}, {increment}: where a step counts otherwise than the first
    flat: str  # {amount}, {use}
    connect: str  # {amount}, {use}
    use: dict[Service, str]
    share: str
    minimum: str
    maximum: str
    whole: dict[Service, str]  # where all increments are equal
    first_and_further: dict[Service, str]  # {first}, {further}
    each: dict[Service, str]  # where each message or purchase counts
    minimum_qty: str
    zero_usage: str
    rounding: dict[RoundingMode, str]
    counting: dict[Counting, str]
    split: str
    start: str


class Worked(NamedTuple):
    """Worked examples."""

    example: str  # {number}, {label}, {used}
    period_begins: str
    used: dict[Service, str]
    used_of_content: str
    counted: str
    piece: str  # {quantity}, {clause}, {amount}
    connect: str  # {amount}, {use}
    share: str  # {percent}, {amount}
    plus: str
    exact: str
    minimum: str
    maximum: str
    discount: str
    charge: str
    rounded: str
    ends_here: str
    ran_out: str  # {left}, {used}, {counted}, {number}, {free}
    pass_opened: str  # {covered}, {fee}
    rest_charged: str  # {rest}
    counted_as: str


class LineLabels(NamedTuple):
    """Labels of a line of a price table: its use and its time."""

    service: dict[Service, str]
    anywhere: str
    elsewhere: str
    from_elsewhere: str
    any_use: str  # of a service without destinations
    other_use: str
    direction: dict[int, str]
    on_net: dict[bool, str]
    origin: str
    otherwise: str
    at_home: str
    roaming: str
    rating_group: str
    customer_group: str
    more_numbers: str
    codes: str
    see_destinations: str
    any_time: str
    other_times: str
    daily: str
    holidays: str
    month_days: str


class Sections(NamedTuple):
    """Headings, in the order of the sheet."""

    overview: str
    composition: str
    fees: str
    allowances: str
    usage: str
    methods: str
    volume: str
    others: str
    add_ons: str
    times: str
    destinations: str
    terms: str


class Overview(NamedTuple):
    """Words for the identity and validity of the tariff."""

    plan: str
    valid: str
    valid_from: str
    valid_between: str
    sold: str
    sold_from: str
    sold_to: str
    currency: str
    currency_text: str
    tax: str
    without_tax: str
    with_tax: str
    tax_class: str
    tax_rate: str
    tax_from: str
    version: str
    version_text: str


class Composition(NamedTuple):
    """Cycle, method, fee composition."""

    cycle: str
    cycle_text: str
    method: str
    method_text: str
    made_of: str
    made_of_text: str
    made_of_with_tax: str
    plus: str
    parts: dict[str, str]
    less: dict[str, str]
    invoice: str
    invoice_text: str
    invoice_with_tax: str
    late: str
    late_usage: dict[LateUsage, str]
    late_after: str  # usage that is late after so many days only, in place of that for LateUsage.ARRIVAL_PERIOD
    late_max: str


class Fees(NamedTuple):
    """Fixed fees."""

    heads: tuple[str, ...]
    none: str
    a_month: str
    once: str
    each_month_left: str
    at_least: str
    timing: dict[FeeTiming, str]
    occasion: dict[FeeOccasion, str]
    tax: str
    prorated: str
    whole: str
    commitment_usage: str
    commitment_usage_and_fees: str
    paused: dict[WhilePaused, str]
    outage: str
    share: str
    shares: str
    begun_month: str


class Volume(NamedTuple):
    """Prices of the whole quantity of a month."""

    heads: tuple[str, ...]
    below: str
    from_on: str
    any_quantity: str
    rate_and_flat: str
    flat: str
    for_lines: tuple[str, str]
    subscription: str
    account: str
    difference: str
    example: str  # {quantity}, {cost}, {total}
    lower: str


class Granted(NamedTuple):
    """Allowances, passes, discounts, caps, limits, add-ons."""

    heads: tuple[str, ...]
    other_heads: tuple[str, ...]
    add_on_heads: tuple[str, ...]
    none: str
    only_passes: str  # no allowances, but day passes
    a_month: str
    everything: str
    to: str
    pooled: str
    once: str
    rollover: tuple[str, str]
    rollover_most: str
    lapses: str
    prorated: str
    whole: str
    at_plan_change: dict[AtPlanChange, str]
    whole_increments: str
    connect_when_free: str
    order: str
    runs_out: str
    first_pass: str
    then_pass: str
    then_cap: str
    then_barred: str
    then_not_cut: str
    day_pass: str  # {fee}, {served}, {quantity}
    day_pass_without_limit: str
    day_pass_clock: dict[WallClock, str]
    discount: str
    friends: str
    starts: str
    ends: str
    largest_discount: str
    cap: dict[CapWindow, str]
    limit: dict[CapWindow, str]
    limit_action: dict[LimitAction, str]
    off_percent: str
    off_amount: str
    off_kinds: dict[str, str]
    off_everything: str
    off_months: str
    off_no_account: str
    off_order: str
    threshold: str
    add_on_grants: str
    add_on_sheet: str
    add_on_excludes: str


class Usage(NamedTuple):
    """The price tables."""

    out_of_bundle: str
    no_bundle: str
    out_of_passes: str  # where there are day passes beside allowances
    only_passes: str
    number: str
    what_for: str
    when: str
    price: str
    tax: str
    counted: str
    not_listed: dict[Service, str]
    longest: str
    received: str
    not_offered: str
    method_intro: str
    method_heads: tuple[str, ...]


class Times(NamedTuple):
    """Times of day."""

    heads: tuple[str, ...]
    first_wins: str
    holidays: str
    swapped: str
    clock: dict[WallClock, str]


class Destinations(NamedTuple):
    """Numbers and networks."""

    heads: tuple[str, ...]
    network_heads: tuple[str, ...]


class Terms(NamedTuple):
    """Words for promises, and the channel for complaints."""

    activation: str
    activation_text: str
    late_credit: str
    minimum: str
    minimum_text: str
    no_minimum: str
    notice: str
    notice_text: str
    no_notice: str
    changes: str
    changes_text: str
    complaints: str


class Cards(NamedTuple):
    """Words below the figures at the top."""

    month: str


class Words(NamedTuple):
    """Every text of one language."""

    language: str
    kind: str
    subtitle: str
    page: str
    footer: str
    cards: Cards
    figures: Figures
    prices: Prices
    examples: Worked
    labels: LineLabels
    sections: Sections
    overview: Overview
    composition: Composition
    fees: Fees
    grants: Granted
    usage: Usage
    volume: Volume
    times: Times
    destinations: Destinations
    terms: Terms
