"""What the fields of plans and add-ons mean: rules, what they grant, fees and terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs import plan_language as words
from tariffs.field_texts.meanings import FEE, TITLE, Meaning

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
        "decks": Meaning("rate decks, each zone of which is a rule", _NONE),
        "fallbacks": Meaning(
            "plans of this catalogue whose rules are asked, in this order, where none of this plan's holds, for a shorter prefix either: "
            "dearer zones inside a zone that this plan names must be named by it too. What the plan grants is its own only",
            _NONE,
        ),
        **_HELD,
        "one_offs": Meaning("fees charged once", _NONE),
        "commitments": Meaning("least amounts of a bill period. *No bill acts on them yet*", _NONE),
        "spend_limits": Meaning("amounts at which a subscriber is told, or barred. *Nothing acts on them yet*", _NONE),
        "add_ons": Meaning("names of the add-ons that may be bought with it, 5 at most", _NONE),
        "terms": Meaning("what is promised beside prices", "nothing"),
        "sold_from": Meaning("first local day on which it is sold; says nothing to those who have it", "from the beginning"),
        "sold_to": Meaning("last local day on which it is sold", "without end"),
        "late_usage": Meaning(
            "usage that arrives after its period was billed: `origin_period` computes that period again; or `waive`", "`origin_period`"
        ),
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
        "shared": Meaning("`true`: one for all subscriptions of an account that have it", "`false`"),
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
    },
    words.OneOffEntry: {
        **FEE,
        "amount": Meaning("charged whole, in the bill period of its day"),
        "at": Meaning(
            "`activation`: first day of the subscription; `end`: its last day; `plan_change`: first day on this plan, after another one. "
            "Of an add-on: its own first or last day",
            "`activation`",
        ),
    },
    words.CommitmentEntry: {
        **FEE,
        "amount": Meaning("least amount for a whole bill period; what is missing is charged"),
        "counts": Meaning("what counts: `usage`, or `usage_and_fees`", "`usage`"),
        "prorate": Meaning("`true`: a part period commits to the exact share of its days", "`true`"),
    },
    words.SpendLimitEntry: {
        "id": Meaning("number, unique in its plan; keeps its meaning for ever"),
        "name": Meaning("what lists call it"),
        "amount": Meaning("what may be spent in the window"),
        "window": Meaning("a local `day`, or the bill `period`"),
        "action": Meaning("`notify`: the subscriber is told; `bar`: and what costs more is stopped", "`notify`"),
        "title": TITLE,
    },
    words.TermsEntry: {
        "activation_hours": Meaning("the service works so many hours after the order", "nothing is promised"),
        "late_credit_percent": Meaning("of the recurring fees of a period, for each day that activation is late", "0"),
        "minimum_months": Meaning("the least time that a contract runs", "0"),
        "notice_days": Meaning("a customer ends the contract so many days ahead", "0"),
    },
}
