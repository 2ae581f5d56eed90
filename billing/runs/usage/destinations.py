"""The number that each event went to, or came from, as the engine takes it: digits as an integer, and how many there are.

Usage has the number in E.164, or nothing where what was dialled is none: an extension, or a short code. A short code is known by the plan:
what was dialled counts as one if rules of the version in force at that instant are about it, for the service used. Extensions are not
taken for numbers: 853 is a desk, not Macau.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from billing.runs.contracts.columns import digits_of, int64
from billing.runs.contracts.plan_counters import short_codes

if TYPE_CHECKING:
    from billing.charges.lines import Int64s
    from billing.runs.contracts.contracts import Contracts

MALFORMED: Final = -1
_NOBODY: Final = -1
_NO_CODE: Final = -1


def numbers(
    usage: pa.Table, start_us: Int64s, holding: Int64s, contracts: Contracts
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int8]]:
    """Number and count of digits of each row: 0 without one, MALFORMED for one that is no number."""
    number = int64(usage["other_e164"], missing=0)
    digits = digits_of(number)
    digits[number < 0] = MALFORMED
    number = np.maximum(number, 0)
    if "other_raw" in usage.column_names:
        _fill_short_codes(number, digits, usage, start_us, holding, contracts)
    return number.astype(np.uint64), digits


def _fill_short_codes(  # noqa: PLR0913, PLR0917 -- the columns to fill, and those they follow from
    number: Int64s, digits: npt.NDArray[np.int8], usage: pa.Table, start_us: Int64s, holding: Int64s, contracts: Contracts
) -> None:
    codes = sorted({code for each in contracts.price_list.catalogues for zone in each.zones for code in zone.short_codes})
    dialled: Any = pc.index_in(usage["other_raw"].cast(pa.string()), value_set=pa.array(codes, pa.string()))
    code = int64(dialled, missing=_NO_CODE)
    rows = np.flatnonzero((code != _NO_CODE) & (holding != _NOBODY))
    service = int64(usage["service"])[rows]
    rows = rows[_is_asked(codes, code[rows], service, start_us[rows], holding[rows], contracts)]
    number[rows] = np.array([int(each) for each in codes], np.int64)[code[rows]]
    digits[rows] = np.array([len(each) for each in codes], np.int8)[code[rows]]


def _is_asked(  # noqa: PLR0913, PLR0917 -- columns of one look-up, not options
    codes: list[str], code: Int64s, service: Int64s, start_us: Int64s, holding: Int64s, contracts: Contracts
) -> npt.NDArray[np.bool_]:
    """Mask of the events whose plan has rules about the code. Asked once for each plan, version, service and code that occur together."""
    price_list = contracts.price_list
    begins = np.unique([each.effective_from_us for each in price_list.catalogues])
    names: dict[str, int] = {}
    plan = contracts.of_holdings(holding, lambda name: names.setdefault(name, len(names)), _NOBODY)
    version = np.searchsorted(begins, start_us, side="right") - 1
    cases, case = np.unique(np.stack([plan, version, service, code], axis=1), axis=0, return_inverse=True)
    by_number = list(names)
    answers = []
    for plan_number, place, kind, code_number in cases.tolist():
        found = price_list.plan_at(by_number[plan_number], int(begins[place])) if place >= 0 else None
        answers.append(found is not None and codes[code_number] in short_codes(*found, kind))
    return np.array(answers, np.bool_)[case.reshape(-1)]
