"""Unit and meaning of every column of usage and charges, as they are in the metadata of each field and in docs/tables.md.

Names were frozen before units ended them; this says what each really holds. A column without a unit counts nothing.
"""

from __future__ import annotations

from typing import Final

from rating.money import RoundingMode

Meaning = tuple[str, str]  # unit, or empty; meaning

USAGE: Final[dict[str, Meaning]] = {
    "event_key": ("", "128-bit hash of the source and the native key of the record: what makes it count once"),
    "content_hash": ("", "hash of the columns that a charge depends on: rows equal in key and this are duplicates"),
    "source": ("", "name of the source that the record came from"),
    "record_id": ("", "native key of the record, as the source writes it"),
    "source_seq": ("", "number that the source gives its records, where it numbers them"),
    "raw_file_id": ("", "file of the record: raw_files.raw_file_id in the database; 0 where it came in a stream or was assembled"),
    "raw_offset": ("bytes", "place of the record in its file"),
    "raw_length": ("bytes", "length of the record in its file"),
    "service": ("", "1 voice, 2 sms, 3 mms, 4 data, 5 content"),
    "direction": ("", "1 originating, 2 terminating, seen from the served party"),
    "leg_role": ("", "1 the leg that bills, 2 forwarded, 3 another leg"),
    "served_kind": ("", "served_id is: 1 a number in E.164, 2 an account code, 3 an extension of the switch"),
    "served_id": ("", "the party whose subscription pays, after normalisation"),
    "served_raw": ("", "the same as the source wrote it"),
    "other_e164": ("", "number of the other party in E.164 without +"),
    "third_e164": ("", "number of a third party, such as who forwarded"),
    "other_raw": ("", "the other party as the source wrote it"),
    "other_text": ("", "the other party where it is not a number: access point, content, address"),
    "routing_number": ("", "routing number of a ported number"),
    "trunk_in": ("", "trunk on which the call came"),
    "trunk_out": ("", "trunk on which the call left"),
    "start_us": ("instant, UTC", "start of the event: answer of a call, acceptance of a message, opening of a session"),
    "offset_s": ("seconds", "offset of the local time from UTC"),
    "offset_origin": ("", "offset_s was: 1 given by the source, 2 taken from its time zone, 3 guessed"),
    "duration_us": ("microseconds", "from answer to end"),
    "bytes_up": ("bytes", "sent by the subscriber"),
    "bytes_down": ("bytes", "received by the subscriber"),
    "units": ("pieces", "messages or pieces of content"),
    "source_amount_micros": ("micro-units of source_currency", "amount that a content provider asks for"),
    "source_currency": ("", "currency of source_amount_micros, ISO 4217"),
    "serving_plmn": ("", "visited network: country and network code; empty at home"),
    "rating_group": ("", "number by which a network marks kinds of data"),
    "location": ("", "cell or area"),
    "call_ref": ("", "what records of one call or session share"),
    "segment_first": ("", "number of the first segment that the row is made of"),
    "segment_last": ("", "number of the last segment that the row is made of"),
    "cause": ("", "code with which the call or session ended"),
    "flags": ("", "bits: 1 unanswered, 2 absorbed, 4 segment, 8 assembled, 16 last, 32 cumulative, 64 recycled, 128 first"),
}

CHARGE: Final[dict[str, Meaning]] = {
    "event_key": ("", "the event: event_key of usage"),
    "component": ("", "1 usage, with connect fee, day pass and content share in its one rounding; 2 to 4 are not written"),
    "run_seq": ("", "the run that computed the charge: bill_runs.run_id in the database"),
    "stage": ("", "2 final; provisional charges are not written"),
    "rating_unit_id": ("", "account that owns the subscription: accounts.account_key in the database"),
    "subscription_id": ("", "subscription that made the event: subscriptions.subscription_key in the database; 0 where none did"),
    "payer_account_id": (
        "",
        "account that owns the subscription, not who pays: accounts.account_key; who pays is invoice_lines.account_key of the line",
    ),
    "period_from": ("local date", "first day of the billing period that the event belongs to"),
    "period_to": ("local date", "day after the last day of that period"),
    "tax_point": ("local date", "last day of the period: its rate of tax holds"),
    "start_us": ("instant, UTC", "start of the event"),
    "tariff_version": ("", "SHA-256 of the published version that priced the event; empty where none was in force"),
    "chargeable_qty": ("as qty_unit says", "quantity after minimum and increments"),
    "free_qty": ("as qty_unit says", "part of chargeable_qty that allowances and day passes covered"),
    "qty_unit": ("", "1 milliseconds, 2 messages or pieces, 3 bytes"),
    "gross_micros": ("units of currency, six decimal places", "charge before discount, money allowances and caps; empty where refused"),
    "discount_micros": ("units of currency, six decimal places", "gross less charge: discount, money allowances and caps together"),
    "charge_micros": (
        "units of currency, six decimal places",
        "the charge, rounded once. A decimal in units of the currency (1.500000 is one and a half); its int64 buffer is micro-units",
    ),
    "currency": ("", "ISO 4217"),
    "rounding_mode": ("", ", ".join(f"{code} {mode.replace('_', ' ')}" for code, mode in enumerate(RoundingMode))),
    "step_num": ("", "step of rounding, as a fraction of the currency unit: numerator"),
    "step_den": ("", "step of rounding: denominator"),
    "revenue_code": ("", "code of the revenue account"),
    "tax_class": ("", "code of the tax class"),
    "status": ("", "0 rated, 1 zero-rated; 10 and above refused, without a charge (docs/tables.md has the codes)"),
    "rule_id": ("", "always 0: rules have no stable number"),
    "price_id": ("", "price, in its catalogue; 0 where refused"),
    "zone_id": ("", "zone of the destination, in its catalogue"),
    "charge_code": ("", "code of the charge, in its catalogue"),
}
