"""Some of the differences of a run, with their tax: those of a re-rating, or those that no later run of the cycle is for.

Tax is due on an account, period and class. If all differences there are wanted, so is their tax, less the tax billed. If others differ as
well, the tax is that of the wanted differences alone; the run that bills the others bills the rest to the cent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from billing.charges.charge_keys import KEY_FIELDS, Kind
from billing.charges.conservation import require_same_accounts
from billing.charges.lines import Lines, numbers, taken
from billing.charges.ordering import order_by
from billing.charges.reconcile import Differences
from billing.charges.taxes.tax import tax_due
from billing.runs.contracts.currencies import rates_of
from billing.runs.settlement.drafting import UNKNOWN_CATALOGUE, with_catalogues
from billing.runs.settlement.tax_exemptions import as_agreed

if TYPE_CHECKING:
    import numpy.typing as npt

    from billing.runs.contracts.contracts import Contracts
    from billing.runs.contracts.currencies import Currencies
    from billing.runs.settlement.payer_table import Payers

    Bools = npt.NDArray[np.bool_]

TAX_OF: Final = ("account_key", "period_from", "period_to", "tax_class")


def parted(found: Differences, wanted: Bools, contracts: Contracts, payers: Payers, currencies: Currencies) -> Differences:
    """The differences that are `wanted`, with their tax, sorted by key. `wanted` of a line of tax counts where nothing but tax differs."""
    lines = found.lines
    is_tax = lines["kind"] == Kind.TAX
    own = wanted & ~is_tax
    group, groups = numbers(lines, TAX_OF)
    has_own = np.bincount(group[own], minlength=groups) > 0
    has_other = np.bincount(group[~wanted & ~is_tax], minlength=groups) > 0
    whole = own | (is_tax & ~has_other[group] & (has_own[group] | wanted))
    kept, billed = taken(lines, np.flatnonzero(whole)), found.billed_micros[whole]
    apart = taken(lines, np.flatnonzero(own & (has_own & has_other)[group]))
    require_same_accounts("wanted differences", lines[own], kept[kept["kind"] != Kind.TAX])
    if apart.size:
        net = _rated(apart, contracts, payers)
        kept = np.concatenate([kept, tax_due(net, currencies.steps_of(net))])
        billed = np.append(billed, np.zeros(kept.size - billed.size, np.int64))
        by_key = order_by([kept[name] for name in KEY_FIELDS])
        kept, billed = taken(kept, by_key), billed[by_key]
    return Differences(kept, billed)


def _rated(lines: Lines, contracts: Contracts, payers: Payers) -> Lines:
    """The lines with the rate of tax, also billed lines that are no longer due."""
    gone = np.flatnonzero(lines["catalogue"] == UNKNOWN_CATALOGUE)
    if gone.size:
        billed = with_catalogues(taken(lines, gone), contracts)
        billed["rate_ppm"] = rates_of(billed, contracts)
        lines[gone] = as_agreed(billed, contracts, payers)
    return lines
