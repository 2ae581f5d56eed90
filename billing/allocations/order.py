"""The order in which money settles open items: the setting `allocation_order`, as of any commit.

The value is a list of words, the first one decides first:
    instruction   invoices that the payer named, in the order named (a credit note: the invoice that it is about)
    claims        costs before interest before principal, over all that is open (the setting `claim_codes` names the charges of each)
    oldest        the earliest due date, then the number; always the last word
The default is `instruction, oldest`. `claim_codes` reads `costs=810 811; interest=820`: charge codes of invoice lines.
"""

from __future__ import annotations

import bisect
import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa

from billing.store import tables
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

ORDER_SETTING: Final = "allocation_order"
CLAIMS_SETTING: Final = "claim_codes"
INSTRUCTION, CLAIMS, OLDEST = "instruction", "claims", "oldest"
_WORDS: Final = (INSTRUCTION, CLAIMS, OLDEST)
_CLAIM_NAMES: Final = ("costs", "interest")  # what is neither is principal


class Order(NamedTuple):
    """The order of settlement. `costs` and `interest` are charge codes; they matter only where `by_claim` is set."""

    by_instruction: bool = True
    by_claim: bool = False
    costs: frozenset[int] = frozenset()
    interest: frozenset[int] = frozenset()


DEFAULT: Final = Order()


class Orders:
    """The orders that held, by the commit from which each did."""

    def __init__(self, changes: Iterable[tuple[int, Order]]) -> None:
        self._changes = sorted(changes, key=lambda change: change[0])
        self._from = [seq for seq, _ in self._changes]

    def at(self, commit_seq: int) -> Order:
        """The order that held when this commit was made."""
        place = bisect.bisect_right(self._from, commit_seq)
        return self._changes[place - 1][1] if place else DEFAULT

    def all(self) -> list[Order]:
        """Every order that ever held, the default first."""
        return [DEFAULT, *(order for _, order in self._changes)]

    def current(self) -> Order:
        """The order that holds now."""
        return self._changes[-1][1] if self._changes else DEFAULT


def parse_order(text: str) -> tuple[str, ...]:
    """The words of `allocation_order`. Raises UserError for a word that is unknown, twice there, or after `oldest`."""
    words = tuple(text.replace(",", " ").split())
    known = [word for word in words if word in _WORDS]
    if len(known) != len(words) or len(set(words)) != len(words) or not words or words[-1] != OLDEST:
        raise UserError(
            f"{text!r} is not an order of allocation",
            f"give some of the words {', '.join(_WORDS[:-1])}, each once, and {OLDEST} as the last one",
            exit_status=2,
        )
    return words


def parse_claims(text: str) -> tuple[frozenset[int], frozenset[int]]:
    """Charge codes of costs and of interest. Raises UserError for a text that cannot be read, and a code that is in both."""
    found: dict[str, frozenset[int]] = dict.fromkeys(_CLAIM_NAMES, frozenset())
    for part in filter(None, (each.strip() for each in text.split(";"))):
        name, _, codes = part.partition("=")
        if name.strip() not in found or not all(code.isascii() and code.isdigit() for code in codes.split()):
            raise UserError(f"{part!r} names no claims", "write it as: costs=810 811; interest=820", exit_status=2)
        found[name.strip()] = frozenset(map(int, codes.split()))
    costs, interest = (found[name] for name in _CLAIM_NAMES)
    if costs & interest:
        raise UserError(f"charge code {min(costs & interest)} is both costs and interest", "name it once", exit_status=2)
    return costs, interest


def orders(connection: sa.Connection) -> Orders:
    """Every order that ever held."""
    setting = tables.billing_settings.c
    query = sa.select(setting.name, setting.value, setting.commit_seq).where(setting.name.in_((ORDER_SETTING, CLAIMS_SETTING)))
    order, made = DEFAULT, []
    for name, value, commit_seq in connection.execute(query.order_by(setting.setting_id)):
        with contextlib.suppress(UserError):  # a value that says nothing changes nothing
            order = _changed(order, name, value)
        made.append((int(commit_seq), order))
    return Orders(made)


def _changed(order: Order, name: str, value: str) -> Order:
    if name == ORDER_SETTING:
        words = parse_order(value)
        return order._replace(by_instruction=INSTRUCTION in words, by_claim=CLAIMS in words)
    costs, interest = parse_claims(value)
    return order._replace(costs=costs, interest=interest)
