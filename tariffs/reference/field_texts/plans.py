"""Meanings of the fields of plans and add-ons: rules, what they grant, fees and terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.language import plans as words
from tariffs.reference.field_texts.meanings import FEE, TITLE, Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

_NONE: Final = "none"
_HELD: Final = {
    "allowances": Meaning("free quantity, or money, in each bill period", _NONE),
    "day_passes": Meaning("fees for a day on which usage is used, which is free then", _NONE),
    "caps": Meaning("amounts beyond which the rest of a day or period is free", _NONE),
    "discounts": Meaning("percentages off", _NONE),
    "recurring": Meaning("fees of each bill period", _NONE),
}
OF_PLANS: Final[Mapping[type[msgspec.Struct], Mapping[str, Meaning]]] = {
    words.PlanEntry: {
        "name": Meaning("small letters, digits and hyphens; subscriptions have `identity/plan`"),
        "title": Meaning("what customers read, by language"),
        "rules": Meaning("what usage costs, in the order in which it is asked", _NONE),
        "decks": Meaning("rate decks; each zone of one is a rule", _NONE),
        "fallbacks": Meaning(
            "plans of this catalogue whose rules are asked, in this order, where none of this plan's holds, for a shorter prefix either: "
            "dearer zones inside a zone that this plan names must be named by it too. What the plan grants is its own only",
            _NONE,
        ),
        **_HELD,
        "one_offs": Meaning("fees charged once", _NONE),
        "commitments": Meaning("least amounts of a bill period", _NONE),
        "spend_limits": Meaning("amounts at which a subscriber is informed or barred. *Alarms only: they change no bill*", _NONE),
        "add_ons": Meaning("names of the add-ons that may be bought with it, 5 at most", _NONE),
        "terms": Meaning("what is promised beside prices", "nothing"),
        "sold_from": Meaning("first local day on which it is sold; says nothing to those who have it", "from the beginning"),
        "sold_to": Meaning("last local day on which it is sold", "without end"),
        "late_usage": Meaning(
            "usage that arrives after its period was billed: `origin_period` computes that period again; `arrival_period` bills it in the "
            "period in which it arrives; or `waive`",
            "`origin_period`",
        ),
        "late_after_days": Meaning("with `arrival_period`: usage is late only so many days after the end of its period", "0"),
        "late_usage_days_max": Meaning("usage that arrives more than so many days after it began is not billed", "all is billed"),
        "volume_tiers": Meaning("prices of the whole quantity of a bill period", _NONE),
        "invoice_discounts": Meaning("percentages and amounts off the lines of a bill period", _NONE),
        "bill_thresholds": Meaning("amounts of unbilled usage at which it is billed at once, the lowest first", _NONE),
    },
    words.AddOnEntry: {
        "name": Meaning("small letters, digits and hyphens; with it, plan `smart-m` is `smart-m+name`"),
        "title": Meaning("what customers read, by language"),
        "excludes": Meaning("names of add-ons that cannot be bought beside it", _NONE),
        **_HELD,
        "one_offs": Meaning("fees charged once, for the first or the last day with the add-on", _NONE),
    },
    words.RuleEntry: {
        "service": Meaning("the service used"),
        "zone": Meaning('name of a zone; `"*"`: anywhere, and usage without destination'),
        "price": Meaning("name of a price; `null`: not sold"),
        "direction": Meaning(
            "only usage of this direction; what a subscriber receives is billed only by rules that say `terminating`", "both"
        ),
        "origin": Meaning(
            "only calls from a number of this zone: that of its longest prefix, among zones that rules name as origin", "from anywhere"
        ),
        "on_net": Meaning("whether the other side is a subscriber of this network; usage that does not say so meets neither", "either"),
        "roaming": Meaning("`home`: not roaming; or the name of a roaming zone", "either"),
        "rating_group": Meaning("only this number", "any"),
        "customer_group": Meaning("only this number", "any"),
    },
    words.Served: {
        "service": Meaning("the service that it serves"),
        "services": Meaning("instead of `service`: several", "all, for caps, discounts, limits and money"),
        "zones": Meaning("zones of the rules that it serves; also roaming zones, or `home`: rules with that `roaming`, wherever to", "all"),
    },
    words.AllowanceEntry: {
        "id": Meaning("number; the same one in several plans is the same thing. Shared with day passes"),
        "name": Meaning("what explanations call it"),
        "quantity": Meaning("free for a whole bill period, in what its services are counted in"),
        "money": Meaning("instead of `quantity`: an amount that pays charges, after they are rounded"),
        "prorate": Meaning("`true`: a part period grants the exact share of its days", "`true`"),
        "priority": Meaning("the lowest number is drawn first, then what expires first", "0"),
        "draw": Meaning("`exact`: to the last unit; `whole_increments`: to the end of the last increment that is covered whole", "`exact`"),
        "connect_when_free": Meaning("`true`: an event that it makes wholly free still pays connect fee and minimum", "`false`"),
        "shared": Meaning(
            "for all subscriptions of an account (or pool of accounts) that have it: `pooled`, each brings its own quantity into one pool; "
            "`one`, granted once to all of them together; `true` is `pooled`",
            "`false`",
        ),
        "rollover": Meaning("what is left stays", "it lapses"),
        "at_plan_change": Meaning(
            "to a plan that has it too: `carry` (what is left goes on, nothing new), `reset` (a new whole grant) or `prorate` (each plan "
            "its days' share)",
            "`prorate`",
        ),
        "title": TITLE,
    },
    words.RolloverEntry: {
        "periods": Meaning("for so many further bill periods"),
        "maximum": Meaning("no more than this stays", "all of it"),
    },
    words.DayPassEntry: {
        "id": Meaning("number; the same one in several plans is the same thing. Shared with allowances"),
        "name": Meaning("what explanations call it"),
        "fee": Meaning("charged once a day, with the first event that has something left to charge"),
        "quantity": Meaning("free on that day", "everything is"),
        "clock": Meaning("whose day it is, as of a price", "`tariff`"),
        "priority": Meaning("drawn in one order with the allowances", "0"),
        "title": TITLE,
    },
    words.CapEntry: {
        "id": Meaning("number; the same one in several plans is the same thing"),
        "name": Meaning("what explanations call it"),
        "amount": Meaning("once charges reach it, the rest is free"),
        "window": Meaning("a local `day`, or the bill `period`"),
        "title": TITLE,
    },
    words.DiscountEntry: {
        "id": Meaning("number, unique in its plan"),
        "name": Meaning("what explanations call it"),
        "percent": Meaning("percentage off the exact charge, before it is rounded; where several hold the largest applies, alone"),
        "friends_only": Meaning("`true`: only with the numbers that the subscriber chose", "`false`"),
        "from": Meaning("only events that start from here on", "from the beginning"),
        "to": Meaning("only events that start before this", "without end"),
        "title": TITLE,
    },
    words.RecurringEntry: {
        **FEE,
        "amount": Meaning("for a whole bill period"),
        "timing": Meaning("`advance`: with the bill on whose date the period begins; `arrears`: with the bill at its end", "`arrears`"),
        "prorate": Meaning("`true`: a part period pays the exact share of its days", "`true`"),
        "while_paused": Meaning(
            "the days on which the subscription is paused: `free`; `charged` as others; or `only` those are charged", "`free`"
        ),
        "outage_credit": Meaning("`true`: days of an outage are not charged", "`true`"),
        "shares": Meaning(
            "of a bundle: the parts of the fee that are of several tax classes, 100 percent together", "all is of `tax_class`"
        ),
    },
    words.TaxShareEntry: {
        "tax_class": Meaning("name of the tax class"),
        "percent": Meaning("of the fee"),
        "revenue_code": Meaning("account of this part's revenue, 1 to 32767"),
    },
    words.OneOffEntry: {
        **FEE,
        "amount": Meaning("charged whole, in the bill period of its day"),
        "at": Meaning(
            "`activation`: first day of the subscription; `end`: its last day; `early_end`: its last day, where `minimum_months` of the "
            "plan's `terms` are not over by then; `plan_change`: first day on this plan, after another one. "
            "Of an add-on: its own first or last day",
            "`activation`",
        ),
        "per_remaining_month": Meaning(
            "of `early_end`. `true`: the amount for each month of the least time that is left, a begun one counts whole", "`false`"
        ),
    },
    words.CommitmentEntry: {
        **FEE,
        "amount": Meaning("least amount for a whole bill period; what is missing is charged"),
        "counts": Meaning("what counts: `usage`, or `usage_and_fees`", "`usage`"),
        "prorate": Meaning("`true`: a part period commits to the exact share of its days", "`true`"),
    },
    words.VolumeTierEntry: {
        **FEE,
        "prices": Meaning("names of prices of one unit, whose chargeable quantity is added up over the bill period"),
        "steps": Meaning("what all of that quantity costs: the last step that it reaches decides"),
        "scope": Meaning("quantity of each `subscription`, or of all of the `account` together", "`subscription`"),
    },
    words.VolumeStepEntry: {
        "from": Meaning("quantity of the period from which on it holds", "0, of the first step"),
        "rate": Meaning("what `per` costs, for the whole quantity from the first unit on", "nothing"),
        "per": Meaning("the quantity that `rate` is the price of; written with it", "with `rate`"),
        "flat": Meaning("an amount on top, once a period", "0"),
    },
    words.InvoiceDiscountEntry: {
        **{name: meaning for name, meaning in FEE.items() if name != "tax_class"},
        "percent": Meaning("percentage off; percentages go before amounts"),
        "amount": Meaning("instead of `percent`: an amount off each bill period, no more than there is"),
        "kinds": Meaning("only lines of these kinds", "all of them"),
        "charge_codes": Meaning("only lines with these charge codes", "all"),
        "months": Meaning("only in the first so many bill periods on the plan", "always"),
    },
    words.BillThresholdEntry: {
        "id": Meaning("number, unique in its plan; keeps its meaning for ever"),
        "name": Meaning("what lists call it"),
        "amount": Meaning("unbilled usage of the running bill period that is billed at once; each threshold once a period"),
        "title": TITLE,
    },
    words.SpendLimitEntry: {
        "id": Meaning("number, unique in its plan; keeps its meaning for ever"),
        "name": Meaning("what lists call it"),
        "amount": Meaning("what may be spent in the window"),
        "window": Meaning("a local `day`, or the bill `period`"),
        "action": Meaning("`notify`: the subscriber is informed; `bar`: usage beyond the limit is stopped too", "`notify`"),
        "title": TITLE,
    },
    words.TermsEntry: {
        "activation_hours": Meaning("the service works so many hours after the order", "nothing is promised"),
        "late_credit_percent": Meaning("of the recurring fees of a period, for each day that activation is late", "0"),
        "minimum_months": Meaning("the least time that a contract runs", "0"),
        "notice_days": Meaning("a customer ends the contract so many days ahead", "0"),
    },
}
