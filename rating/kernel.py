"""The rating kernel: columns of events and compiled tables to charges, in int64, without the GIL.

**Problem.** Each event has to find its rule (plan, version, service, longest prefix, conditions) and the band in force. It needs its
chargeable quantity by increments, what its holder's buckets leave to charge, and one exact rational amount that is rounded once. Tens of
millions of times a second, and bit for bit what `rating.reference` says.

**Worked example.** A call of 200.3 s on a card 60/1 at 0.09 a minute, from 180 s on 0.06, rounded half up to 0.0001; 50 s are free.
    D = 60,000 (ms a minute)             weight 90,000 up to `change` = 180,000 ms, 60,000 beyond
    wanted  = 200,300 ms                 chargeable: 180,000 + ceil(20,300 / 1,000) x 1,000 = 201,000 ms
    free    = 50,000 ms from the head    the rest keeps its position
    numerator = F(201,000) - F(50,000)   F(x) = x * 90,000 up to the change, then 180,000 * 90,000 + (x - 180,000) * 60,000
              = 17,460,000,000 - 4,500,000,000 = 12,960,000,000
    divisor = D x 100 micros = 6,000,000; half of it makes // round half up: (12,960,000,000 + 3,000,000) // 6,000,000 = 2,160 steps
    charge  = 2,160 x 100 micros = 0.2160

**Layout of a card** (`rating.tables.CARD_ROW`, one a price and band, one cache line): what a charge of at most two steps needs.
    weight | weight_2 | change | D, first | increment, increment_2 | connect, minimum | maximum, rounding step | rounding mode
`TERMS_ROW` beside it holds what the general path asks for: the same in 64 bits, and the rows of all steps.

**How.** Rows go through in tiles, a stage at a time. Each stage is a loop or a few over the tile's lines, eight at a time where nothing
is looked up. A line that is refused stays where it is, with no quantity and row 0 of rules and cards, which charges nothing.
    gather    the columns of the tile's rows, in any order
    sift      refusals that need no table; where the search for the rest begins
    find      version, longest prefix -> the first candidate rule (`dig`: numbers that a leaf does not decide)
    choose    lines whose candidate has conditions, or a price that is not active in every band
    measure   bounds; band and card of each line; `lay_out` puts the cards into columns
    reach     chargeable quantity as if the card were all
    draw      lines that need it, in their order: counters, the general walk, allowances and day passes
    charge    numerator, minimum, maximum and the one rounding of quick lines
    settle    lines that need it, in their order: discounts, pass fees, money, caps
    write     results to their rows
The *quick* path is a card's closed form, eight lines at a time; the *general* path walks runs of increments over the same steps. Which
one a line takes is settled in `measure` and nowhere else. What an earlier event of a rating unit leaves, the next one finds: `draw` and
`settle` keep the order they are given, and no bucket is touched by both.

**Left out.** One loop over everything (57 ns a record: nothing of it goes eight at a time). Helpers that take arrays inside a loop over
records: each call counts references of each array, which costs more than what most helpers do. 128-bit products: the compiler bounds them
instead (`tariffs.compiling.bounds`). Branches on what holds as often as not, such as the code of rounding: a wrong guess costs 4 ns.
Division of 64-bit integers in `reach` and `charge`: a float64 quotient, corrected by one, is exact below 2**50 (`tariffs.compiling.cards`
proves it for a quick card).

Units: instants and voice quantities in microseconds, positions in price units (milliseconds, bytes, messages), numerators in micro-units
times the price's denominator D. The rules are those of docs/rating-rules.md, "One event, exactly".
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numba
import numpy as np
from numba.core import types

from rating import jit, model, money, status, tables
from rating.jit import borrowed, kernel_module
from rating.model import PPM, BucketKind
from rating.money import RoundingMode
from rating.status import Status
from rating.tables import (
    HOME_CLOCK,
    LEAF_EXACT,
    NO_MAXIMUM,
    NO_RULE,
    NUMBER_DIGITS_MAX,
    OF_CAPS,
    OF_MONEY,
    OF_QUANTITY,
    PACKAGE,
    PER_EVENT,
    ROAMING_HOME,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    SERVICES,
    SHORT_DIGITS_MAX,
    SLOT_BITS,
    SLOT_MASK,
    TARIFF_CLOCK,
    TIME_MAX_US,
    TIME_MIN_US,
    VISITED_CLOCK,
)

njit = kernel_module(__file__, jit.__file__, tables.__file__, status.__file__, model.__file__, money.__file__)
stage = numba.njit(nogil=True, error_model="numpy")  # compiled into `rate_rows`, and cached with it: one thing to load
inlined = numba.njit(inline="always", error_model="numpy")

TILE: Final = 1024
APART: Final = 24
FOR_EVER = 2**62  # a position beyond every quantity
CONTENT_MICROS_MAX = 10**12
QUICK_STEPS = 2  # of a card
COUNTER_MAX = 2**61  # where a counter stays: beyond every step

HALF_UP = tables.ROUNDING_CODES[RoundingMode.HALF_UP]
HALF_EVEN = tables.ROUNDING_CODES[RoundingMode.HALF_EVEN]
UP = tables.ROUNDING_CODES[RoundingMode.UP]

RATED = int(Status.RATED)
ZERO_RATED = int(Status.ZERO_RATED)
UNKNOWN_SUBSCRIPTION = int(Status.UNKNOWN_SUBSCRIPTION)
UNKNOWN_PLAN = int(Status.UNKNOWN_PLAN)
NEGATIVE_QUANTITY = int(Status.NEGATIVE_QUANTITY)
TIME_OUT_OF_RANGE = int(Status.TIME_OUT_OF_RANGE)
INVALID_NUMBER = int(Status.INVALID_NUMBER)
NO_VERSION = int(Status.NO_VERSION)
NO_ZONE = int(Status.NO_ZONE)
NOT_SOLD_STATUS = int(Status.NOT_SOLD)
QUANTITY_TOO_LARGE = int(Status.QUANTITY_TOO_LARGE)
CONTENT_AMOUNT_MISSING = int(Status.CONTENT_AMOUNT_MISSING)

DAY_PASS = int(BucketKind.DAY_PASS)

U64 = np.uint64
ZERO, ONE = U64(0), U64(1)
SCALE = np.array([10.0 ** (NUMBER_DIGITS_MAX - digits) for digits in range(NUMBER_DIGITS_MAX + 1)])  # by digits, all exact
ALIGNED_MAX = 1e15
TEN_TO = np.array([10**power for power in range(NUMBER_DIGITS_MAX + 1)], dtype=np.uint64)


class Events(NamedTuple):
    """Columns of a batch. `circumstances` has one row an event, or one for all: then `each` is 0."""

    start_us: Any
    quantity: Any
    service: Any
    plan: Any
    number: Any
    number_digits: Any
    holder: Any
    circumstances: Any


class Rules(NamedTuple):
    """From a plan to its candidate rules."""

    plan_from: Any
    plan_versions: Any
    version_rows: Any
    plmns: Any
    latest: Any
    plan_services: Any
    rules: Any
    conditions: Any


class Decks(NamedTuple):
    """From a number to its class."""

    decks: Any
    first: Any
    leaves: Any
    blocks: Any
    intervals: Any
    prefixes: Any
    codes: Any


class Prices(NamedTuple):
    """From a rule to a charge."""

    cards: Any
    terms: Any
    step_rows: Any
    timelines: Any
    boundaries: Any
    bands: Any
    stretches: Any


class Promises(NamedTuple):
    """Definitions that serve a rule besides its price."""

    definition_of: Any
    definitions: Any
    discounts: Any


class Buckets(NamedTuple):
    """Bucket numbers by holder, `held[holder_from[h] : holder_from[h + 1]]`, in draw order."""

    holder_from: Any
    held: Any
    spans: Any
    state: Any  # written


class Results(NamedTuple):
    """Columns that the kernel writes, by row."""

    status: Any
    match: Any  # rule row, -1 none
    charge_micros: Any
    reduced_micros: Any  # what discount, money and caps took off
    chargeable_qty: Any
    free_qty: Any


# Scratch of one thread: a line an event of the tile, in columns one after the other, which the compiler finds by themselves.
_LINE: Final = (
    # The event
    "row", "start_us", "quantity", "number", "number_digits", "service", "plan", "holder",
    # Its rule, step by step
    "code", "plan_service", "six", "three", "entry", "base", "deck", "match", "rule",
    # Its charge
    "card", "place", "wanted", "position", "free", "numerator", "walk", "walk_amount", "amount", "fee", "reduced",
    "held_from", "held_to",  # the holder's buckets; an empty range where they have no say
    "charged",  # whether connect fee and bounds apply, 0 or 1
    "walked",  # whether the numerator comes from the general path, 0 or 1
    # Its card, so that `charge` goes through eight lines at a time
    "first", "increment", "increment_2", "change", "weight", "weight_2", "common", "connect", "minimum", "maximum", "step_micros",
    "rounding",
    # Lines that `dig`, `choose` and `draw`, and `settle` have to look at
    "deep", "todo", "due",
)  # fmt: skip
TILE_ROW: Final = np.dtype([(name, np.uint64 if name == "number" else np.int64, (TILE + APART,)) for name in _LINE])
RUN_ROW: Final = np.dtype([("to", np.int64), ("weight", np.int64), ("increment", np.int64)])  # equal increments of an event being walked


def _column(dtype: Any, *, writable: bool = False) -> types.Array:
    return types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C", readonly=not writable)


def _group(group: Any, *kinds: Any, writable: bool = False) -> types.NamedTuple:
    return types.NamedTuple([kind if isinstance(kind, types.Array) else _column(kind, writable=writable) for kind in kinds], group)


_i64, _bool = types.int64, types.boolean
_EVENTS = _group(Events, np.int64, np.int64, np.int8, np.int32, np.uint64, np.int8, np.int32, tables.CIRCUMSTANCE)
# By group of tables, what each column is compiled as.
TABLE_TYPES: Final = (
    (
        np.int32, tables.PLAN_VERSION_ROW, tables.VERSION_ROW, tables.PLMN_ROW, tables.LATEST_ROW, tables.PLAN_SERVICE_ROW, tables.RULE_ROW,
        tables.CONDITION_ROW,
    ),
    (tables.DECK_ROW, np.uint32, np.uint16, np.int32, tables.INTERVAL_ROW, tables.PREFIX_ROW, tables.CODE_ROW),
    (tables.CARD_ROW, tables.TERMS_ROW, tables.STEP_ROW, tables.TIMELINE_ROW, np.int64, np.int32, np.int32),
    (np.int32, tables.DEFINITION_ROW, tables.DISCOUNT_ROW),
)  # fmt: skip
_RULES, _DECKS, _PRICES, _PROMISES = (
    _group(group, *kinds) for group, kinds in zip((Rules, Decks, Prices, Promises), TABLE_TYPES, strict=True)
)
_BUCKETS = _group(Buckets, np.int64, np.int32, tables.SPAN_ROW, _column(tables.BUCKET_ROW, writable=True))
_RESULTS = _group(Results, np.int16, np.int32, np.int64, np.int64, np.int64, np.int64, writable=True)
_TILE = _column(TILE_ROW, writable=True)
_RUNS = _column(RUN_ROW, writable=True)


# ---- Small parts, in numbers only ----


@inlined
def version_at(plan_from, plan_versions, plan, instant_us):
    """Row of the plan's version that is in force at an instant; -1 where it has none."""
    earliest = np.int64(plan_from[U64(plan)])
    held = np.int64(plan_from[U64(plan) + ONE]) - 1
    while held >= earliest and plan_versions[U64(held)]["from_us"] > instant_us:
        held -= 1
    return held if held >= earliest and plan_versions[U64(held)]["present"] else -1


@inlined
def ceil_div(number, divisor):
    """`number / divisor` rounded up; neither is negative."""
    return np.int64((U64(number) + U64(divisor) - ONE) // U64(divisor))


@inlined
def quick_div(number, divisor):
    """`number // divisor` for 0 <= number < 2**62 and a quotient below 2**50: float64 is off by one at most, and the rest tells."""
    quotient = np.int64(np.float64(number) / np.float64(divisor))
    rest = number - quotient * divisor
    return quotient - np.int64(rest < 0) + np.int64(rest >= divisor)


@inlined
def rounding_up(mode, whole, some, half, tie):
    """Return the 0 or 1 that rounding by a code adds: `some` is left over, at least a `half`, just a half (`tie`). No branches."""
    to_half = np.int64(mode == HALF_UP) | np.int64(mode == HALF_EVEN) & (np.int64(not tie) | whole & 1)
    return np.int64(mode == UP) & np.int64(some) | to_half & np.int64(half)


@inlined
def rounded(numerator, divisor, mode):
    """`numerator / divisor` to a whole number, by rounding code; none is negative."""
    whole = np.int64(U64(numerator) // U64(divisor))
    rest = numerator - whole * divisor
    return whole + rounding_up(mode, whole, rest > 0, rest + rest >= divisor, rest + rest == divisor)


@inlined
def grid_floor(limit, first, increment, change, increment_2):
    """The greatest end of an increment of a quick card that is at most `limit`."""
    if limit < first:
        return 0
    if limit < change:
        return first + np.int64(U64(limit - first) // U64(increment)) * increment
    return change + np.int64(U64(limit - change) // U64(increment_2)) * increment_2


@inlined
def with_discount(numerator, ppm, divisor, mode):
    """`numerator x (PPM - ppm) / (PPM x divisor)` to a whole number, by rounding code.

    The compiler proved divisor < 2**43 and numerator // divisor x PPM < 2**63.
    """
    kept = PPM - ppm
    whole = np.int64(U64(numerator) // U64(divisor))
    rest = (numerator - whole * divisor) * kept
    millionths = whole * kept + np.int64(U64(rest) // U64(divisor))
    fraction = np.int64(U64(rest) % U64(divisor))  # of a millionth, over divisor
    quotient = np.int64(U64(millionths) // U64(PPM))
    part = millionths - quotient * PPM
    tie = part == PPM // 2 and fraction == 0
    return quotient + rounding_up(mode, quotient, part > 0 or fraction > 0, part >= PPM // 2, tie)


@inlined
def place_at(timelines, boundaries, stretches, timeline, instant_us):
    """Position in `boundaries` of what is in force at an instant."""
    line = timelines[timeline]
    stretch = U64(line["stretch_from"]) + (U64(instant_us - TIME_MIN_US) >> U64(line["shift"]))
    place = line["boundary_from"] + np.int64(stretches[stretch])
    while boundaries[place + 1] <= instant_us:
        place += 1
    return place


@inlined
def network_at(plmns, version_row, visited):
    """Row of a visited network among those of a version; -1 where no roaming zone lists it."""
    low, high = np.int64(version_row["plmn_from"]), np.int64(version_row["plmn_to"])
    end = high
    while low < high:
        middle = (low + high) >> 1
        if plmns[middle]["plmn"] < visited:
            low = middle + 1
        else:
            high = middle
    return low if low < end and plmns[low]["plmn"] == visited else -1


@inlined
def clock_at(kind, plmns, version_row, home_clock, visited):
    """Index of the time zone that a clock of this kind runs on."""
    if kind == HOME_CLOCK and home_clock >= 0:
        return np.int64(home_clock)
    if kind == VISITED_CLOCK:
        network = network_at(plmns, version_row, visited)
        if network >= 0 and plmns[network]["clock"] >= 0:
            return np.int64(plmns[network]["clock"])
    return np.int64(version_row["clock"])


@inlined
def class_of(number, digits, deck, first, leaves, blocks, intervals, prefixes, codes):
    """Class of a number of 1 to 15 digits: a short code's, else that of its longest prefix, 0 where there is none."""
    low, high = U64(deck["interval_from"]), U64(deck["interval_to"])
    aligned = U64(number) * TEN_TO[U64(NUMBER_DIGITS_MAX) - U64(digits)]
    if digits > SHORT_DIGITS_MAX:
        six = aligned // U64(1_000_000_000)
        three = aligned // U64(1_000_000) - six * U64(1_000)
        entry = U64(first[U64(deck["first_base"]) + six])
        leaf = U64(leaves[(entry >> ONE) + (entry & ONE) * three])
        if leaf != U64(LEAF_EXACT):
            return leaf
        block = U64(deck["block_base"]) + ((entry >> ONE) - U64(deck["singles"])) // U64(1_000)
        low, high = U64(blocks[block]), U64(blocks[block + ONE]) + ONE
    else:
        key = np.int64(digits) * 100_000_000 + np.int64(number)
        code, end = np.int64(deck["code_from"]), np.int64(deck["code_to"])
        while code < end:
            middle = (code + end) >> 1
            if codes[middle]["key"] < key:
                code = middle + 1
            else:
                end = middle
        if code < deck["code_to"] and codes[code]["key"] == key:
            return U64(codes[code]["zone"])
    while high - low > ONE:
        middle_row = (low + high) >> ONE
        if U64(intervals[middle_row]["low"]) <= aligned:
            low = middle_row
        else:
            high = middle_row
    prefix = np.int64(intervals[low]["prefix"])
    while prefix >= 0 and prefixes[prefix]["digits"] > digits:
        prefix = np.int64(prefixes[prefix]["parent"])
    return U64(prefixes[prefix]["zone"]) if prefix >= 0 else ZERO


# ---- Stages ----


@stage
def pick(count, row, column, into):
    """Values of a column by line."""
    for line in range(count):
        into[line] = column[U64(row[line])]


@stage
def put(place_from, count, in_place, row, values, column):
    """Values by line to the rows of a column; `in_place`: they follow each other."""
    if in_place:
        for line in range(count):
            column[U64(place_from) + U64(line)] = values[line]
    else:
        for line in range(count):
            column[U64(row[line])] = values[line]


@stage
def gather(place_from, count, order, events, tile):
    """Columns of the tile's events, side by side. Loops of one column each: distant memory is prefetched many lines ahead."""
    row = tile["row"]
    for line in range(count):
        row[line] = place_from + line
    if len(order) > 0:
        for line in range(count):
            row[line] = order[U64(place_from + line)]
    pick(count, row, events.start_us, tile["start_us"])
    pick(count, row, events.quantity, tile["quantity"])
    pick(count, row, events.number, tile["number"])
    pick(count, row, events.number_digits, tile["number_digits"])
    pick(count, row, events.service, tile["service"])
    pick(count, row, events.plan, tile["plan"])
    pick(count, row, events.holder, tile["holder"])


@stage
def sift(count, plan, quantity, start_us, service, number, digits, code, plan_service, six, three):
    """The refusals that need no table, in order of precedence; else where the search of a line begins. A refused line has no quantity.

    Numbers are aligned to 15 digits in float64: exact for those that have no more digits than they say, and too large for the others.
    """
    for line in range(count):
        told = digits[line] >= 0 and digits[line] <= NUMBER_DIGITS_MAX
        aligned = np.float64(number[line]) * SCALE[U64(digits[line]) & U64(15)]
        found = RATED if told and aligned < ALIGNED_MAX else INVALID_NUMBER
        found = found if start_us[line] >= TIME_MIN_US and start_us[line] < TIME_MAX_US else TIME_OUT_OF_RANGE
        found = found if quantity[line] >= 0 else NEGATIVE_QUANTITY
        found = found if plan[line] >= 0 else UNKNOWN_PLAN
        found = found if plan[line] != -1 else UNKNOWN_SUBSCRIPTION
        rated = found == RATED
        sold = service[line] if service[line] > 0 and service[line] < SERVICES else 0
        code[line] = found
        quantity[line] = quantity[line] if rated else 0
        plan_service[line] = plan[line] * SERVICES + sold if rated else 0
        nine = np.int64((aligned if rated else 0.0) / 1e6)
        six[line] = np.int64(np.float64(nine) / 1e3)
        three[line] = nine - six[line] * 1_000


@stage
def look_up(count, first, leaves, entry, three):
    """From the entry of `first` and the next three digits of each line to what its leaf says, which replaces the three digits.

    Loops of one far load each, so that many are under way at once.
    """
    for index in range(count):
        line = U64(index)
        found = U64(first[U64(entry[line])])
        entry[line] = (found >> ONE) + (found & ONE) * U64(three[line])
    for index in range(count):
        line = U64(index)
        three[line] = leaves[U64(entry[line])]


@stage
def find(count, plan_from, plan_versions, latest, plan_services, rules, decks, first, leaves, tile):
    """Lines to their first candidate rule, or to row 0, which belongs to no plan.

    Puts lines for `dig` into `deep`, lines for `choose` into `todo`. Returns how many there are of either kind.
    """
    start_us, digits, plan, code, plan_service = tile["start_us"], tile["number_digits"], tile["plan"], tile["code"], tile["plan_service"]
    six, three, entry, base, deck_of = tile["six"], tile["three"], tile["entry"], tile["base"], tile["deck"]
    match, rule_of, deep, todo = tile["match"], tile["rule"], tile["deep"], tile["todo"]
    no_entry, exact_entry = np.int64(len(first)) - 2, np.int64(len(first)) - 1  # leaf of no class, and one that says LEAF_EXACT
    for index in range(count):
        line = U64(index)
        known = latest[U64(plan_service[line])]
        rules_from, deck, first_base = np.int64(known["rules"]), np.int64(known["deck"]), np.int64(known["first_base"])
        if start_us[line] < known["from_us"] and code[line] == RATED:
            held = version_at(plan_from, plan_versions, plan[line], start_us[line])
            if held < 0:
                code[line] = NO_VERSION
                tile["quantity"][line] = 0
            else:
                older = plan_services[U64(held * SERVICES + plan_service[line] - plan[line] * SERVICES)]
                rules_from, deck = np.int64(older["rules"]), np.int64(older["deck"])
                first_base = np.int64(decks[U64(deck)]["first_base"]) if deck >= 0 else 0
        rated = code[line] == RATED
        at = first_base + six[line] if digits[line] > SHORT_DIGITS_MAX else exact_entry
        entry[line] = at if rated and deck >= 0 and digits[line] > 0 else no_entry
        base[line] = rules_from if rated else 0
        deck_of[line] = deck
    look_up(count, first, leaves, entry, three)
    deep_count = 0
    unsure = 0
    for index in range(count):
        line = U64(index)
        exact = three[line] == LEAF_EXACT
        at = base[line] + (0 if exact else three[line])
        match[line] = at
        rule_of[line] = at
        # Written in any case and counted if wanted: a branch that goes either way costs more than the write.
        deep[U64(deep_count)] = index
        deep_count += np.int64(exact)
        todo[U64(unsure)] = index
        unsure += np.int64(not exact and not rules[U64(at)]["plain"])
    return deep_count, unsure


@stage
def dig(deep_count, unsure, rules, deck_table, tile):
    """Lines in `deep`, whose number is short or may have a prefix of more than nine digits: their exact class.

    Appends to the `unsure` lines of `todo`; returns how many there are then.
    """
    decks, first, leaves, blocks = deck_table.decks, deck_table.first, deck_table.leaves, deck_table.blocks
    intervals, prefixes, codes = deck_table.intervals, deck_table.prefixes, deck_table.codes
    for index in range(deep_count):
        line = U64(tile["deep"][U64(index)])
        deck = decks[U64(tile["deck"][line])]
        found = class_of(tile["number"][line], tile["number_digits"][line], deck, first, leaves, blocks, intervals, prefixes, codes)
        at = tile["base"][line] + np.int64(found)
        tile["match"][line] = at
        tile["rule"][line] = at
        if not rules[U64(at)]["plain"]:
            tile["todo"][U64(unsure)] = line
            unsure += 1
    return unsure


@stage
def choose(count, each, circumstances, table, deck_table, price_table, tile):
    """Lines in `todo` to the first candidate that holds and whose price is active; without one they are refused."""
    start_us = tile["start_us"]
    version_rows, plmns, rules, conditions = table.version_rows, table.plmns, table.rules, table.conditions
    decks, first, leaves, blocks = deck_table.decks, deck_table.first, deck_table.leaves, deck_table.blocks
    intervals, prefixes, codes = deck_table.intervals, deck_table.prefixes, deck_table.codes
    terms, timelines, boundaries = price_table.terms, price_table.timelines, price_table.boundaries
    bands, stretches = price_table.bands, price_table.stretches
    match, row_of, todo = tile["match"], tile["row"], tile["todo"]
    for index in range(count):
        line = U64(todo[U64(index)])
        row = row_of[line]
        candidate = match[line]
        circumstance = circumstances[row * each]
        version_row = version_rows[rules[candidate]["version"]]
        origin = -1  # -1: not looked up yet
        roaming = -1
        holds = False
        while not holds:
            rule = rules[candidate]
            if rule["price"] == NO_RULE:
                break
            holds = True
            if rule["condition"] >= 0:
                condition = conditions[rule["condition"]]
                if condition["origin"] >= 0 and origin < 0:
                    origin = 0
                    digits = np.int64(circumstance["origin_digits"])
                    if digits > 0 and digits <= NUMBER_DIGITS_MAX and circumstance["origin"] < TEN_TO[U64(digits)]:
                        origin = np.int64(
                            class_of(
                                circumstance["origin"], digits, decks[version_row["origin_deck"]],
                                first, leaves, blocks, intervals, prefixes, codes,
                            )
                        )  # fmt: skip
                if condition["roaming"] > ROAMING_HOME and roaming < 0:
                    network = network_at(plmns, version_row, circumstance["visited"])
                    roaming = np.int64(plmns[network]["zone"]) if network >= 0 and circumstance["visited"] != 0 else 0
                holds = (
                    (condition["origin"] < 0 or condition["origin"] == origin)
                    and (condition["roaming"] != ROAMING_HOME or circumstance["visited"] == 0)
                    and (condition["roaming"] <= ROAMING_HOME or condition["roaming"] == roaming)
                    and (condition["rating_group"] < 0 or condition["rating_group"] == circumstance["rating_group"])
                    and (condition["customer_group"] < 0 or condition["customer_group"] == circumstance["customer_group"])
                    and (condition["direction"] < 0 or condition["direction"] == circumstance["direction"])
                    and (condition["on_net"] < 0 or condition["on_net"] == circumstance["on_net"])
                )
            if holds and rule["price"] >= 0 and rule["calendar"] >= 0:
                timeline = np.int64(rule["calendar"])
                if rule["clock"] != TARIFF_CLOCK:
                    timeline += clock_at(rule["clock"], plmns, version_row, circumstance["home_clock"], circumstance["visited"])
                band = bands[place_at(timelines, boundaries, stretches, timeline, start_us[line])]
                holds = terms[rule["cards"] + band]["active"]
            if not holds:
                candidate = np.int64(rule["next"])
        match[line] = candidate
        tile["rule"][line] = candidate
        if rules[candidate]["price"] < 0:
            tile["code"][line] = NO_ZONE if rules[candidate]["price"] == NO_RULE else NOT_SOLD_STATUS
            tile["rule"][line] = 0
            tile["quantity"][line] = 0


@stage
def reach(count, wanted, change, first, increment, increment_2, position, charged, free, fee, reduced):
    """Chargeable quantity of quick lines: usage rounded up to the end of its last increment. A quantity above zero is charged."""
    for line in range(count):
        later = wanted[line] > change[line]
        base = change[line] if later else first[line]
        step = increment_2[line] if later else increment[line]
        over = max(wanted[line] - base, 0) + step - 1
        reached = base + quick_div(over, step) * step
        position[line] = reached if wanted[line] > 0 else 0
        charged[line] = np.int64(wanted[line] > 0)
        free[line] = 0
        fee[line] = 0
        reduced[line] = 0


@stage
def approach(count, todo_count, buckets, tile):
    """From the holder in `held_from` (-1: nobody's) to the range of its buckets, and the first of them into the cache.

    Loops of one far load each, so that many are under way at once; `draw` goes line by line, and would wait for each.
    """
    holder_from, held, state = buckets.holder_from, buckets.held, buckets.state
    held_from, held_to, amount, todo = tile["held_from"], tile["held_to"], tile["amount"], tile["todo"]
    for index in range(count):
        line = U64(index)
        holder = held_from[line]
        held_to[line] = holder_from[U64(holder) + ONE] if holder >= 0 else 0
        held_from[line] = holder_from[U64(holder)] if holder >= 0 else 0
    for index in range(todo_count):
        line = U64(todo[U64(index)])
        amount[line] = held[U64(held_from[line])] if held_to[line] > held_from[line] else -1
    for index in range(todo_count):
        line = U64(todo[U64(index)])
        if amount[line] >= 0:
            amount[line] = state[U64(amount[line])]["amount"]


@stage
def measure(count, each, circumstances, version_rows, plmns, rules, price_table, tile):
    """Bounds of quantity and content amount; card and usage of each line.

    Lines for `draw` go to `todo`, lines for `settle` to `due`. Returns how many there are of either kind.
    """
    terms, timelines = price_table.terms, price_table.timelines
    boundaries, bands, stretches = price_table.boundaries, price_table.bands, price_table.stretches
    rule_of, card_of, wanted_qty, walked = tile["rule"], tile["card"], tile["wanted"], tile["walked"]
    quantity, start_us, holder, held_from = tile["quantity"], tile["start_us"], tile["holder"], tile["held_from"]
    todo, due = tile["todo"], tile["due"]
    todo_count = 0
    due_count = 0
    for index in range(count):
        line = U64(index)
        rule = rules[U64(rule_of[line])]
        refusal = QUANTITY_TOO_LARGE if quantity[line] > rule["quantity_max"] else RATED
        if not rule["quick"] and refusal == RATED and terms[rule["cards"]]["content_weight"] > 0:
            content = circumstances[tile["row"][line] * each]["content_micros"]
            if content < 0 or content > CONTENT_MICROS_MAX:
                refusal = CONTENT_AMOUNT_MISSING if content < 0 else QUANTITY_TOO_LARGE
        if refusal != RATED:
            tile["code"][line] = refusal
            rule_of[line] = 0
            quantity[line] = 0
            rule = rules[ZERO]
        usage = quantity[line]
        wanted = np.int64(U64(usage + 999) // U64(1_000)) if rule["voice"] else usage
        card_row = U64(rule["cards"])
        limit = FOR_EVER
        if rule["calendar"] >= 0:
            timeline = np.int64(rule["calendar"])
            if rule["clock"] != TARIFF_CLOCK:
                circumstance = circumstances[tile["row"][line] * each]
                version_row = version_rows[rule["version"]]
                timeline += clock_at(rule["clock"], plmns, version_row, circumstance["home_clock"], circumstance["visited"])
            instant_us = start_us[line]
            line_of_time = timelines[U64(timeline)]
            stretch = U64(line_of_time["stretch_from"]) + (U64(instant_us - TIME_MIN_US) >> U64(line_of_time["shift"]))
            at = U64(line_of_time["boundary_from"]) + U64(stretches[stretch])
            while boundaries[at + ONE] <= instant_us:
                at += ONE
            card_row += U64(bands[at])
            tile["place"][line] = at
            limit = np.int64(U64(boundaries[at + ONE] - instant_us + 999) // U64(1_000)) + np.int64(not rule["split"]) * FOR_EVER
        slow = (not rule["quick"]) | (wanted > limit)
        if rule["stepped"]:
            slow |= wanted > terms[card_row]["quick_to"]
        card_of[line] = card_row
        wanted_qty[line] = wanted
        walked[line] = slow
        held = holder[line] >= 0
        held_from[line] = holder[line] if rule["draws"] | rule["settles"] else -1
        todo[U64(todo_count)] = index
        todo_count += np.int64(slow | (rule["draws"] & held))
        due[U64(due_count)] = index
        due_count += np.int64(slow | rule["discounted"] | (rule["settles"] & held))
    return todo_count, due_count


@stage
def lay_out(count, cards, tile):
    """The card of each line, column by column; the first by itself, since a short loop asks for more cards ahead."""
    card_of, firsts, increments, increments_2 = tile["card"], tile["first"], tile["increment"], tile["increment_2"]
    changes, weights, weights_2, commons = tile["change"], tile["weight"], tile["weight_2"], tile["common"]
    connects, minimums, maximums = tile["connect"], tile["minimum"], tile["maximum"]
    steps_micros, roundings = tile["step_micros"], tile["rounding"]
    for index in range(count):
        line = U64(index)
        firsts[line] = cards[U64(card_of[line])]["first"]
    for index in range(count):
        line = U64(index)
        card = cards[U64(card_of[line])]
        increments[line] = card["increment"]
        increments_2[line] = card["increment_2"]
        changes[line] = card["change"]
        weights[line] = card["weight"]
        weights_2[line] = card["weight_2"]
        commons[line] = card["common"]
        connects[line] = card["connect"]
        minimums[line] = card["minimum"]
        maximums[line] = card["maximum"]
        steps_micros[line] = card["step_micros"]
        roundings[line] = card["rounding"]


@stage
def draw(todo_count, each, days_base, circumstances, version_rows, plmns, rules, price_table, promises, buckets, tile, walk):
    """Lines in `todo`, in their order: counters, the general walk, and what allowances and day passes give from the head of the event."""
    start_us, rule_of = tile["start_us"], tile["rule"]
    terms, steps, timelines = price_table.terms, price_table.step_rows, price_table.timelines
    boundaries, bands, stretches = price_table.boundaries, price_table.bands, price_table.stretches
    definition_of, definitions = promises.definition_of, promises.definitions
    held, spans, state = buckets.held, buckets.spans, buckets.state
    for index in range(todo_count):
        line = U64(tile["todo"][U64(index)])
        slow = tile["walked"][line] != 0
        rule = rules[U64(rule_of[line])]
        if not slow and not rule["draws"]:
            continue
        instant_us = start_us[line]
        held_from = tile["held_from"][line]
        held_to = tile["held_to"][line]
        term = terms[U64(tile["card"][line])]
        reached = tile["position"][line]
        runs = 0
        wanted = tile["wanted"][line]
        zero_usage = wanted == 0
        # The counter: where on the line of the period this event begins.
        base = np.int64(0)
        paid = np.int64(0)
        counter = np.int64(-1)
        if rule["counting"] != PER_EVENT:
            for place in range(held_from, held_to):
                if state[U64(held[U64(place)])]["slot"] == rule["counter_slot"]:
                    counter = np.int64(held[U64(place)])
                    base = state[U64(counter)]["amount"]
                    paid = state[U64(counter)]["mark"] if rule["counting"] == PACKAGE else 0
                    break
        used = wanted
        if not slow and base > 0 and wanted > 0:
            # Counted over the period on a quick card: its second step begins so much earlier, or has begun.
            if term["step_to"] - term["step_from"] == QUICK_STEPS:
                ahead = steps[U64(term["step_to"] - 1)]["from_qty"] - base
                if ahead <= 0:
                    tile["weight"][line] = tile["weight_2"][line]
                    tile["increment"][line] = tile["increment_2"][line]
                    tile["change"][line] = FOR_EVER
                else:
                    turns = ceil_div(max(ahead - term["first"], 0), tile["increment"][line])
                    tile["change"][line] = term["first"] + turns * tile["increment"][line]
            begin = tile["change"][line] if wanted > tile["change"][line] else term["first"]
            increment = tile["increment_2"][line] if wanted > tile["change"][line] else tile["increment"][line]
            reached = begin + ceil_div(max(wanted - begin, 0), increment) * increment
        if slow:
            wanted = max(wanted, term["minimum_qty"]) if wanted > 0 else 0
            used = wanted
            wanted = max(wanted - paid, 0)

            # Increments: the first, then runs of equal ones up to the end of the usage, the band or the step.
            reached = 0
            if wanted > 0:
                timeline_place = np.int64(0)
                split_at = FOR_EVER
                if rule["split"]:
                    timeline_place = tile["place"][line]
                    split_at = ceil_div(boundaries[timeline_place + 1] - instant_us, 1_000) - paid
                step = np.int64(term["step_from"])
                last_step = np.int64(term["step_to"]) - 1
                begun = rule["counting"] == PACKAGE and base > 0
                while reached < wanted:
                    while reached >= split_at:
                        timeline_place += 1
                        split_at = ceil_div(boundaries[timeline_place + 1] - instant_us, 1_000) - paid
                        in_band = terms[U64(rule["cards"]) + U64(bands[timeline_place])]
                        if in_band["active"]:
                            step = np.int64(in_band["step_from"])
                            last_step = np.int64(in_band["step_to"]) - 1
                    while step < last_step and steps[step + 1]["from_qty"] <= base + reached:
                        step += 1
                    increment = steps[step]["increment"]
                    limit = reached + 1
                    if reached == 0 and not begun:
                        increment = term["first"]
                    else:
                        limit = min(wanted, split_at)
                        if step < last_step:
                            limit = min(limit, steps[step + 1]["from_qty"] - base)
                    reached += ceil_div(limit - reached, increment) * increment
                    walk[runs]["to"] = reached
                    walk[runs]["weight"] = steps[step]["weight"]
                    walk[runs]["increment"] = increment
                    runs += 1
        if counter >= 0 and not zero_usage:
            state[U64(counter)]["amount"] = min(base + reached, COUNTER_MAX)
            if rule["counting"] == PACKAGE:
                state[U64(counter)]["mark"] = paid + reached - used

        # The head of the event, from the holder's buckets in draw order.
        free = np.int64(0)
        kept_connect = False
        if reached > 0 and rule["serves"] >= 0:
            serves = np.int64(rule["serves"])
            first_slot = np.int64(definition_of[serves])
            slots = np.int64(definition_of[serves + 1])
            for place in range(held_from, held_to):
                if free >= reached:
                    break
                bucket = U64(held[U64(place)])
                slot = np.int64(state[bucket]["slot"])
                if slot >> SLOT_BITS > OF_QUANTITY:
                    break
                served = (slot & SLOT_MASK) - first_slot
                if served < 0 or served >= slots or definition_of[U64(serves + 2 + served)] < 0:
                    continue
                definition = definitions[U64(definition_of[U64(serves + 2 + served)])]
                span = spans[U64(state[bucket]["span"])]
                if instant_us < span["from_us"] or instant_us >= span["to_us"]:
                    continue
                take = min(state[bucket]["amount"], reached - free)
                if definition["kind"] == DAY_PASS:
                    circumstance = circumstances[tile["row"][line] * each]
                    version_row = version_rows[rule["version"]]
                    clock = clock_at(definition["clock"], plmns, version_row, circumstance["home_clock"], circumstance["visited"])
                    day = np.int64(bands[place_at(timelines, boundaries, stretches, days_base + clock, instant_us)])
                    if state[bucket]["mark"] != day:
                        state[bucket]["mark"] = day
                        state[bucket]["amount"] = definition["amount"]
                        tile["fee"][line] += definition["fee"]
                    if not definition["limited"]:
                        free = reached
                        continue
                    take = min(state[bucket]["amount"], reached - free)
                elif definition["whole"] and take < reached - free:
                    limit = free + take
                    end = np.int64(0)
                    if not slow:
                        end = grid_floor(
                            limit, tile["first"][line], tile["increment"][line], tile["change"][line], tile["increment_2"][line]
                        )
                    else:
                        begin = np.int64(0)
                        for run in range(runs):
                            if walk[U64(run)]["to"] > limit:
                                if limit > begin:
                                    end = begin + np.int64(U64(limit - begin) // U64(walk[run]["increment"])) * walk[run]["increment"]
                                break
                            begin = walk[U64(run)]["to"]
                            end = begin
                    take = max(end - free, 0)
                if take > 0:
                    state[bucket]["amount"] -= take
                    free += take
                    kept_connect |= definition["connect_when_free"]

        tile["position"][line] = reached
        tile["free"][line] = free
        tile["charged"][line] = reached > free or (zero_usage and rule["charge_zero_usage"]) or (kept_connect and reached > 0)
        if slow:
            total = np.int64(0)
            begin = np.int64(0)
            for run in range(runs):
                total += max(walk[U64(run)]["to"] - max(begin, free), 0) * walk[run]["weight"]
                begin = walk[U64(run)]["to"]
            if term["content_weight"] > 0 and tile["charged"][line]:
                total += circumstances[tile["row"][line] * each]["content_micros"] * term["content_weight"]
            exact = max(total + term["connect"], term["minimum"]) if tile["charged"][line] != 0 else 0
            exact = min(exact, term["maximum"])
            tile["walk"][line] = exact
            tile["walk_amount"][line] = rounded(exact, term["divisor"], term["rounding_mode"]) * term["step_micros"]


@stage
def charge(
    count, position, free, charged, weight, weight_2, change, common, connect, minimum, maximum, step_micros, rounding, numerator, amount
):  # fmt: skip
    """Numerators, minimum and maximum, and the one rounding of quick lines. Of walked ones `settle` knows better."""
    for line in range(count):
        before = (min(position[line], change[line]) - min(free[line], change[line])) * weight[line]
        after = (max(position[line], change[line]) - max(free[line], change[line])) * weight_2[line]
        exact = max(before + after + connect[line] * common[line], minimum[line] * common[line]) * charged[line]
        exact = min(exact, maximum[line] * common[line] if maximum[line] != NO_MAXIMUM else FOR_EVER)
        numerator[line] = exact
        mode = rounding[line]
        divisor = common[line] * step_micros[line]
        shifted = exact + (divisor >> 1 if mode >= ROUND_HALF_UP else (divisor - 1 if mode == ROUND_UP else 0))
        quotient = quick_div(shifted, divisor)
        tie = np.int64(quotient * divisor == shifted) & np.int64(mode == ROUND_HALF_EVEN) & quotient
        amount[line] = (quotient - tie) * step_micros[line]


@stage
def settle(due_count, each, days_base, circumstances, version_rows, rules, price_table, promises, buckets, tile):
    """Lines in `due`, in their order: discount, pass fees, money allowances and caps."""
    start_us, quantity, rule_of = tile["start_us"], tile["quantity"], tile["rule"]
    terms, timelines = price_table.terms, price_table.timelines
    boundaries, bands, stretches = price_table.boundaries, price_table.bands, price_table.stretches
    definition_of, definitions, discounts = promises.definition_of, promises.definitions, promises.discounts
    held, spans, state = buckets.held, buckets.spans, buckets.state
    for index in range(due_count):
        line = U64(tile["due"][U64(index)])
        rule = rules[U64(rule_of[line])]
        instant_us = start_us[line]
        term = terms[U64(tile["card"][line])]
        divisor = term["divisor"]
        slow = tile["walked"][line] != 0
        numerator = tile["walk"][line] if slow else tile["numerator"][line]
        gross = tile["walk_amount"][line] if slow else tile["amount"][line]
        left = gross
        for place in range(rule["discount_from"], rule["discount_to"]):
            discount = discounts[place]
            if (
                instant_us >= discount["from_us"]
                and instant_us < discount["to_us"]
                and (not discount["friends_only"] or circumstances[tile["row"][line] * each]["friend"])
            ):
                steps = with_discount(numerator, discount["ppm"], divisor, term["rounding_mode"])
                left = steps * term["step_micros"]
                break
        gross += tile["fee"][line]
        left += tile["fee"][line]
        if rule["settles"] and tile["held_to"][line] > tile["held_from"][line] and (quantity[line] > 0 or tile["charged"][line] != 0):
            serves = np.int64(rule["serves"])
            first_slot = np.int64(definition_of[serves])
            slots = np.int64(definition_of[serves + 1])
            held_from = tile["held_from"][line]
            held_to = tile["held_to"][line]
            # From the end: caps, then money.
            day = np.int64(-1)
            room = FOR_EVER  # what the fullest cap still takes
            caps_from = held_to
            while caps_from > held_from:
                bucket = U64(held[U64(caps_from - 1)])
                slot = np.int64(state[bucket]["slot"])
                if slot >> SLOT_BITS < OF_CAPS:
                    break
                caps_from -= 1
                served = (slot & SLOT_MASK) - first_slot
                if served < 0 or served >= slots or definition_of[U64(serves + 2 + served)] < 0:
                    continue
                definition = definitions[U64(definition_of[U64(serves + 2 + served)])]
                if definition["daily"]:
                    if day < 0:
                        clock = np.int64(version_rows[U64(rule["version"])]["clock"])
                        day = np.int64(bands[U64(place_at(timelines, boundaries, stretches, days_base + clock, instant_us))])
                    if state[bucket]["mark"] != day:
                        state[bucket]["mark"] = day
                        state[bucket]["amount"] = 0
                room = min(room, max(definition["amount"] - state[bucket]["amount"], 0))
            money_from = caps_from
            while money_from > held_from and np.int64(state[U64(held[U64(money_from - 1)])]["slot"]) >> SLOT_BITS == OF_MONEY:
                money_from -= 1
            for place in range(money_from, caps_from):
                bucket = U64(held[U64(place)])
                served = (np.int64(state[bucket]["slot"]) & SLOT_MASK) - first_slot
                if served < 0 or served >= slots or definition_of[U64(serves + 2 + served)] < 0:
                    continue
                span = spans[U64(state[bucket]["span"])]
                if instant_us >= span["from_us"] and instant_us < span["to_us"]:
                    take = min(state[bucket]["amount"], left)
                    state[bucket]["amount"] -= take
                    left -= take
            left = min(left, room)
            for place in range(caps_from, held_to):
                bucket = U64(held[U64(place)])
                served = (np.int64(state[bucket]["slot"]) & SLOT_MASK) - first_slot
                if served >= 0 and served < slots and definition_of[U64(serves + 2 + served)] >= 0:
                    state[bucket]["amount"] += left
        tile["amount"][line] = left
        tile["reduced"][line] = gross - left


@stage
def write(place_from, count, in_place, results, tile):
    """Results of all lines to their rows."""
    row, code, match, amount = tile["row"], tile["code"], tile["match"], tile["amount"]
    for line in range(count):
        code[line] = code[line] if code[line] != RATED or amount[line] != 0 else ZERO_RATED
        match[line] = match[line] if match[line] > 0 else -1
    put(place_from, count, in_place, row, code, results.status)
    put(place_from, count, in_place, row, match, results.match)
    put(place_from, count, in_place, row, amount, results.charge_micros)
    put(place_from, count, in_place, row, tile["reduced"], results.reduced_micros)
    put(place_from, count, in_place, row, tile["position"], results.chargeable_qty)
    put(place_from, count, in_place, row, tile["free"], results.free_qty)


# ---- Drivers ----


_ALL = (_EVENTS, _RULES, _DECKS, _PRICES, _PROMISES, _BUCKETS, _RESULTS, _TILE, _RUNS)


@njit(types.void(_i64, _i64, _i64, _i64, _column(np.int64), *_ALL))
def rate_rows(
    place_from, place_to, each, days_base, order, events, table, deck_table, price_table, promises, buckets, results, scratch, walk
):
    """Rate the rows [place_from, place_to), or those that this part of `order` names, in that order.

    Writes the results of these rows, and the buckets of their holders, which no other thread may touch.
    """
    events, table, deck_table, price_table = borrowed(events), borrowed(table), borrowed(deck_table), borrowed(price_table)
    promises, buckets, results = borrowed(promises), borrowed(buckets), borrowed(results)
    tile = scratch[0]
    circumstances, version_rows, plmns, rules = events.circumstances, table.version_rows, table.plmns, table.rules
    for tile_from in range(place_from, place_to, TILE):
        count = min(place_to - tile_from, TILE)
        gather(tile_from, count, order, events, tile)
        sift(
            count, tile["plan"], tile["quantity"], tile["start_us"], tile["service"], tile["number"], tile["number_digits"], tile["code"],
            tile["plan_service"], tile["six"], tile["three"],
        )  # fmt: skip
        deep_count, unsure = find(
            count, table.plan_from, table.plan_versions, table.latest, table.plan_services, rules, deck_table.decks, deck_table.first,
            deck_table.leaves, tile,
        )  # fmt: skip
        if deep_count > 0:
            unsure = dig(deep_count, unsure, rules, deck_table, tile)
        if unsure > 0:
            choose(unsure, each, circumstances, table, deck_table, price_table, tile)
        todo_count, due_count = measure(count, each, circumstances, version_rows, plmns, rules, price_table, tile)
        lay_out(count, price_table.cards, tile)
        if todo_count > 0 or due_count > 0:
            approach(count, todo_count, buckets, tile)
        reach(
            count, tile["wanted"], tile["change"], tile["first"], tile["increment"], tile["increment_2"], tile["position"], tile["charged"],
            tile["free"], tile["fee"], tile["reduced"],
        )  # fmt: skip
        if todo_count > 0:
            draw(todo_count, each, days_base, circumstances, version_rows, plmns, rules, price_table, promises, buckets, tile, walk)
        charge(
            count, tile["position"], tile["free"], tile["charged"], tile["weight"], tile["weight_2"], tile["change"], tile["common"],
            tile["connect"], tile["minimum"], tile["maximum"], tile["step_micros"], tile["rounding"], tile["numerator"], tile["amount"],
        )  # fmt: skip
        if due_count > 0:
            settle(due_count, each, days_base, circumstances, version_rows, rules, price_table, promises, buckets, tile)
        write(tile_from, count, len(order) == 0, results, tile)


# The compiled code itself, without numba's look at the type of every array at every call (8 us, a fifth of a batch of a thousand). Whoever
# calls it has made sure of the types.
_compiled: Any = rate_rows
run = _compiled.get_overload(_compiled.signatures[0]) if hasattr(_compiled, "get_overload") else rate_rows
