"""Meanings of the fields of a catalogue, but for those of plans and add-ons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tariffs.language import entries as words
from tariffs.reference.field_texts.meanings import TITLE, Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

OF_CATALOGUES: Final[Mapping[type[msgspec.Struct], Mapping[str, Meaning]]] = {
    words.Document: {
        "identity": Meaning("name of the catalogue: small letters, digits and hyphens; subscriptions have plans named `identity/plan`"),
        "version": Meaning("number of this version, from 1 on; a published one is never changed: give the next one a higher number"),
        "currency": Meaning("ISO 4217 code of every amount in the catalogue"),
        "minor_digits": Meaning("decimal places to which invoices round", "those of the currency"),
        "timezone": Meaning("IANA name of the wall clock on which bands and local days run"),
        "home_timezones": Meaning("IANA names of the zones that subscribers may live in, for `clock: home`", "none"),
        "effective_from": Meaning("it prices every event that starts from here on, until the next version does"),
        "tax_classes": Meaning("classes of tax that prices and fees name"),
        "calendars": Meaning("bands of time and holidays that prices name", "none"),
        "zones": Meaning("destinations: sets of prefixes and short codes", "none"),
        "roaming_zones": Meaning("sets of visited networks", "none"),
        "prices": Meaning("what usage costs", "none"),
        "decks": Meaning("rate decks: prices of many zones, from CSV files", "none"),
        "plans": Meaning("what subscriptions can have"),
        "disclosure": Meaning("text shown with the tariff, by language"),
        "effective_to": Meaning("it prices nothing from here on, even where no other version follows", "until the next version"),
        "corrects": Meaning(
            "number of the earlier version that it replaces from the beginning; only then may both have one `effective_from`",
            "it corrects none",
        ),
        "notice_days": Meaning("customers hear of a price that rises so many days ahead; publishing earlier asks for a waiver", "0"),
        "complaint_channel": Meaning("where customers complain, by language, for the tariff sheet", "none"),
        "add_ons": Meaning("what can be bought on top of plans", "none"),
        "tax_inclusive": Meaning(
            "`true`: every amount of the catalogue holds its tax, and bills take it out; the same in every version", "`false`"
        ),
    },
    words.TaxClassEntry: {
        "name": Meaning("what prices and fees name"),
        "code": Meaning("number on charges, 1 to 32767; keeps its meaning for ever"),
        "rates": Meaning("its percentages by date; one must hold on the day on which the catalogue begins"),
        "title": Meaning("what invoices call the tax, by language", "the name"),
    },
    words.TaxRateEntry: {
        "from": Meaning("first day of this percentage"),
        "percent": Meaning("percentage of the net amount"),
    },
    words.CalendarEntry: {
        "name": Meaning("what prices name"),
        "bands": Meaning("times with prices of their own; every instant that none covers is in `other`"),
        "holidays": Meaning("dates of public holidays, on top of those below", "none"),
        "holidays_file": Meaning("a CSV file with a column `date`, and its dates are holidays too", "none"),
        "public_holidays": Meaning("the public holidays of a country, on top; their dates are frozen into the version", "none"),
        "not_holidays": Meaning("dates taken away from the holidays", "none"),
        "working_days": Meaning("dates that count as another day of the week", "none"),
    },
    words.PublicHolidaysEntry: {
        "country": Meaning("two letters of ISO 3166, such as CN"),
        "subdivision": Meaning("code of a province or state, whose own holidays count too", "the whole country's only"),
        "years": Meaning("years whose holidays are taken"),
        "swaps": Meaning("`true`: weekend days that are worked for a holiday count as the weekday they replace", "`false`"),
    },
    words.WorkingDayEntry: {
        "date": Meaning("the date"),
        "as": Meaning("the day of the week it counts as in the `days` of bands"),
    },
    words.BandEntry: {
        "name": Meaning("what rates name; several bands may have one name"),
        "days": Meaning("only on these days of the week", "on all"),
        "from": Meaning("time of day at which it begins", "00:00"),
        "to": Meaning(
            "time of day before which it ends; one before `from` runs over midnight and belongs to the day it begins on", "24:00"
        ),
        "weight": Meaning("the heaviest band that covers an instant wins, then the one that begins latest", "0"),
        "years": Meaning("only in these years", "in all"),
        "months": Meaning("only in these months", "in all"),
        "month_days": Meaning("only on these days of the month", "on all"),
        "dates": Meaning("only on these dates", "on all"),
        "holidays": Meaning("`true`: only on the calendar's holidays", "on all days"),
    },
    words.ZoneEntry: {
        "id": Meaning("number of the zone, 1 to 65534; keeps its meaning for ever"),
        "name": Meaning("what rules and allowances name"),
        "prefixes": Meaning("numbers that begin so; a prefix is in one zone only", "none"),
        "prefixes_file": Meaning("a CSV file with a column `prefix`, on top", "none"),
        "short_codes": Meaning("whole numbers, exactly as dialled; they go before any prefix", "none"),
        "title": Meaning("what the tariff sheet calls it, by language", "the name"),
    },
    words.RoamingZoneEntry: {
        "id": Meaning("number of the zone, 1 to 65534; keeps its meaning for ever"),
        "name": Meaning("what rules and allowances name"),
        "plmns": Meaning("mobile country code and network code of its networks; a network is in one roaming zone only"),
        "timezone": Meaning("IANA name of the wall clock there", "the catalogue's"),
        "title": Meaning("what the tariff sheet calls it, by language", "the name"),
    },
    words.Lengths: {
        "per": Meaning("the quantity that `rate` is the price of; it also says what is counted: time, messages or volume"),
        "increments": Meaning("first and further increment: what is begun is charged whole", "`1/1` for messages and `flat`, else refused"),
        "first_increment": Meaning("instead of `increments`: the first one", "as `increment`"),
        "increment": Meaning("instead of `increments`: the further ones", "as `first_increment`"),
        "connect_fee": Meaning("charged once, by the band in which the event begins, unless all of it was free", "0"),
    },
    words.RateEntry: {
        "band": Meaning("a band of the calendar, or `other`"),
        "rate": Meaning("the price of `per`"),
        "steps": Meaning("instead of `rate`: rates by quantity"),
        "flat": Meaning("instead of `rate`: an amount for each event of any length"),
        "package": Meaning("instead of `rate`: a quantity that is paid whole as soon as it is begun"),
    },
    words.StepEntry: {
        "from": Meaning("quantity from which on it holds", "0, of the first step"),
        "rate": Meaning("the price of `per`"),
        "per": Meaning("the quantity that `rate` is the price of"),
        "increment": Meaning("length of its increments", "the further increment of the rate"),
    },
    words.PackageEntry: {
        "size": Meaning("how much a package holds"),
        "price": Meaning("what a package costs"),
    },
    words.RoundingEntry: {
        "mode": Meaning("to the nearest step (`half_up`, `half_even`), or always `up` or `down`"),
        "step": Meaning("the charge is a multiple of this", "0.000001"),
    },
    words.Pricing: {
        "charge_code": Meaning("number that groups charges into invoice lines; keeps its meaning for ever"),
        "revenue_code": Meaning("account of the revenue, 1 to 32767"),
        "tax_class": Meaning("name of the tax class"),
        "title": TITLE,
        "minimum": Meaning("least amount of the whole charge, connect fee and content share included", "0"),
        "maximum": Meaning("largest amount of the whole charge", "none"),
        "minimum_quantity": Meaning("usage above zero is charged as if it were at least this", "none"),
        "rounding": Meaning("how the charge is rounded, once, last", "`half_even` to 0.000001"),
        "charge_zero_usage": Meaning("`true`: an event without usage still pays connect fee and minimum", "`false`"),
    },
    words.PriceEntry: {
        "id": Meaning("number of the price; stays the same in every version, and is that of no other price or fee"),
        "name": Meaning("what rules name"),
        "calendar": Meaning("the calendar of its bands", "one band, all the time"),
        "clock": Meaning(
            "whose wall clock the calendar follows: the `tariff`'s, the subscriber's `home`, or of the `visited` network", "`tariff`"
        ),
        "band_policy": Meaning(
            "`split`: each increment at the band in which it begins; `start`: the whole event at the band in which it begins",
            "`split` for time, `start` for the rest",
        ),
        "counting": Meaning("where steps and increments count from: `event`, or over the period `graduated` or by `package`", "`event`"),
        "counter": Meaning("number of the counter over the period; prices with the same one count together", "none"),
        "unit": Meaning("what is counted, where no quantity says it", "messages"),
        "content_percent": Meaning("share of the content provider's amount that is charged on top; alone it is the whole price", "0"),
        "rates": Meaning("instead of the fields of a single rate: one entry for each band"),
        "rate": Meaning("the price of `per`"),
        "steps": Meaning("instead of `rate`: rates by quantity"),
        "flat": Meaning("instead of `rate`: an amount for each event of any length, charged as a connect fee is"),
        "package": Meaning("instead of `rate`: a quantity that is paid whole as soon as it is begun"),
    },
    words.DeckEntry: {
        "name": Meaning("what plans name; zone prices are named `deck:zone`"),
        "file": Meaning("CSV file of the rows, in the catalogue's folder"),
        "service": Meaning("the service of its rules"),
        "price_ids_from": Meaning("the id of a row's price is this plus its `zone_id`"),
        "titles_file": Meaning("CSV file of what customers read of its zones: column `zone`, and one for each language", "their names"),
    },
}
