"""Why cases are listed: what follows another convention than ours, what our model has no words for, and what is later work.

Shapes name a reason, or an adapter does where only some cases of a shape differ. Four reasons have figures in them and stand where
these are known: other periods than months, amounts finer than a micro-unit, rates finer than a millionth (`form`), and rates that rise
(`metered`).
"""

from __future__ import annotations

from typing import Final

# Another convention of time
FIXED_DAY: Final = "a run on a fixed day of the month bills running periods of accounts with other days: ours bills periods that have ended"
BY_SHORT_MONTH: Final = "a cycle that ends on a month's last day begins on that day of the month before: ours is derived from the bill day"
BEFORE_START: Final = "a bill before the first day is an error: ours has nothing to bill then"
THIRTY: Final = "months of so many days, whatever the calendar says: ours are exact days of the cycle"
WHOLE_QUARTER: Final = "a quarter, divided whole though service began within it, the day of termination counted: ours are months, half open"
YEARLY: Final = "a yearly fee that a pause makes longer: ours are months, and a pause makes none longer"
OTHER_DAYS: Final = (
    "several subscriptions of an account, each with a bill day of its own, some of them yearly: ours have the account's, by months"
)
INTERVALS: Final = "intervals that cut each other: ours compares sums of a charge key and period, and a bill day changes as a cycle ends"
AT_THE_END: Final = "a one-off fee comes with the first bill in advance; ours comes with the bill at the end of its period"
ANOTHER_LIMIT: Final = "another limit of how far ahead a bill may be dated: ours is three calendar years"

# Another convention of money
NOTHING: Final = "a first fee without any usage: nothing is due for nothing (docs/charges.md)"
PRECISE: Final = "tax of the unrounded credit: ours is the tax on what is left, less the tax billed (docs/charges.md)"
OF_ITEMS: Final = "a refund that must equal credited lines: ours are two acts, a credit note and a refund, and neither asks for the other"
DRAFTS: Final = (
    "a draft of the payer that takes up children's lines until the end of the day: ours is one bill, whose lines name the subscriptions"
)
NUMBERS: Final = "a count a customer, and a change of counting later: ours is one gapless series a legal entity and kind of document"
VOID_AS_CREDIT: Final = (
    "a void invoice whose value moves to a credit note: ours turns its postings back itself, and frees what had settled it"
)
OTHER_CREDIT: Final = "credit of the account that does not follow from its documents and payments"
WORDS: Final = "a line in words that nobody reads"
VOID_PAID: Final = "a paid invoice that is void: ours is void only while nobody has paid it, and is credited otherwise"
HOLD_OF_ONE: Final = "a hold of one subscription: ours is of an account with everything it pays for, and catches up the same way"
PARENT: Final = "a state of the payer that children take over: ours is the payer's account alone, whose lines theirs are"

# What our model has no words for
SEATS: Final = "seats over time: which range holds is decided by another count than the one that is priced; ours price what they count"
CAPACITY: Final = "a price of the highest peak among several meters: no price of ours is about peaks"
FREE_AMOUNT: Final = "an allowance of content money within a percentage price: our money allowances pay charges, not content"
LARGER_BLOCKS: Final = (
    "blocks of different sizes, one of them begun, where the tier reached prices everything: our increments are of the event"
)
ONE_LINE: Final = "lines of parts that reach a range with a fee: a tier of ours is one line"

# Later work
COUNTS: Final = "a step on a number of unpaid invoices: a step of ours has days past due, an amount, and days after another step"
CAUSES: Final = "a step on the cause of a failed payment: a step of ours has days past due, an amount, and days after another step"
CONDITION: Final = "a condition that no step of ours has, or in words that nobody reads"
AT_ONCE: Final = "a state from the due date itself on: an item of ours is past due from the day after it"
RETRIES: Final = "the days on which a failed payment is tried again: nothing of ours collects from a card, or tries again"
HUNDREDTHS: Final = "cents of a currency that may have none"
PREPAID: Final = "prepaid balances are later work"
RESERVED: Final = "an amount that is reserved first: prepaid balances are later work; nothing of ours is posted in two phases"

# What cannot be worked out from the case alone
ANY_SEQUENCE: Final = "a property of any sequence: `tests/lives` and `tests/billing/test_ledger.py` hold it, not a case"
NOT_TOLD: Final = "on which days service was blocked is not told"
NO_PRICE: Final = "what is billed anew is not told by what is given"
