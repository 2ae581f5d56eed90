"""Names of each format's columns, and the ones that a source must have: data only, so that a definition is checked quickly.

A column that is not named here is ignored, unless the source's key, charge columns, sequence, legs or fields name it.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from mediation.sources.chf_paths import FIELDS as CHF_FIELDS
from mediation.sources.rules import Partials, ServiceRules, Services


class Shape(enum.Enum):
    """The way in which a record's columns are found."""

    BY_PLACE = "by place"  # the n-th field of a row, or the n-th position of a line
    BY_NAME = "by name"  # the record names its fields; further names may be given as `columns`
    ARROW = "arrow"  # columns of Arrow or Parquet


class FormatColumns(NamedTuple):
    """Columns of one format. `needed`: one of each group must be there."""

    shape: Shape
    layouts: tuple[tuple[str, ...], ...] = ()  # built in; none: a definition has to give them
    needed: tuple[tuple[str, ...], ...] = ()
    key: tuple[str, ...] = ()  # needed where the definition gives no `key` of its own
    header_lines: int = 0
    is_built_in: bool = True  # usable by its name alone, without a definition
    services: Services = Services()  # how the format's records hang together, where a definition does not say otherwise


_ASTERISK_BASE: Final = (
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
)
_ASTERISK_NEW: Final = ("peeraccount", "linkedid", "sequence")
_ASTERISK_OPTIONAL: Final = ((), ("uniqueid",), ("userfield",), ("uniqueid", "userfield"))
_ASTERISK_NEEDED: Final = (("dst",), ("src", "accountcode"), ("start",), ("answer",), ("disposition",), ("billsec", "end"))
_FREESWITCH_EXAMPLE: Final = (
    "caller_id_name",
    "caller_id_number",
    "destination_number",
    "context",
    "start_stamp",
    "answer_stamp",
    "end_stamp",
    "duration",
    "billsec",
    "hangup_cause",
    "uuid",
    "bleg_uuid",
    "accountcode",
    "read_codec",
    "write_codec",
)
_FREESWITCH_NEEDED: Final = (
    ("destination_number",),
    ("caller_id_number", "ani", "accountcode"),
    ("answer_uepoch", "answer_epoch", "answer_stamp"),
    ("start_uepoch", "start_epoch", "start_stamp", "end_uepoch", "end_epoch", "end_stamp"),
    ("billusec", "billmsec", "billsec", "end_uepoch", "end_epoch", "end_stamp"),
)
_FREESWITCH_NAMED: Final = (  # fields of JSON and XML records
    "uuid",
    "call_uuid",
    "originator",
    "bleg_uuid",
    "caller_id_number",
    "ani",
    "accountcode",
    "destination_number",
    "rdnis",
    "direction",
    *(f"{moment}_{form}" for moment in ("start", "answer", "end") for form in ("stamp", "epoch", "uepoch")),
    "billusec",
    "hangup_cause",
    "channel_name",
    "bridge_channel",
)

_KAMAILIO_ACC: Final = (
    "id",
    "method",
    "from_tag",
    "to_tag",
    "callid",
    "sip_code",
    "sip_reason",
    "time",
    "src_user",
    "src_domain",
    "src_ip",
    "dst_ouser",
    "dst_user",
    "dst_domain",
)
_KAMAILIO_PARTIES: Final = (("dst_user", "dst_ouser"), ("src_user", "account"))
_RADIUS_NAMED: Final = (  # attributes of accounting requests
    "Acct-Status-Type",
    "Acct-Session-Id",
    "Acct-Unique-Session-Id",
    "Acct-Session-Time",
    "Acct-Input-Octets",
    "Acct-Output-Octets",
    "Acct-Input-Gigawords",
    "Acct-Output-Gigawords",
    "Acct-Delay-Time",
    "Acct-Terminate-Cause",
    "Event-Timestamp",
    "Timestamp",
    "User-Name",
    "Calling-Station-Id",
    "Called-Station-Id",
    "NAS-Identifier",
    "NAS-IP-Address",
    "NAS-IPv6-Address",
    "Client-IP-Address",
    "Packet-Src-IP-Address",
    "3GPP-SGSN-MCC-MNC",
)

# By the name of the format (`sources.Format`). One entry a format; a decoder's own columns are part of its entry.
COLUMNS: Final[dict[str, FormatColumns]] = {
    "asterisk": FormatColumns(
        Shape.BY_PLACE,
        tuple((*_ASTERISK_BASE, *optional, *new) for new in ((), _ASTERISK_NEW) for optional in _ASTERISK_OPTIONAL),
        _ASTERISK_NEEDED,
    ),
    "freeswitch": FormatColumns(Shape.BY_PLACE, (_FREESWITCH_EXAMPLE,), _FREESWITCH_NEEDED, ("uuid",)),
    "freeswitch-json": FormatColumns(Shape.BY_NAME, (_FREESWITCH_NAMED,)),
    "freeswitch-xml": FormatColumns(Shape.BY_NAME, (_FREESWITCH_NAMED,)),
    "kamailio-acc": FormatColumns(
        Shape.BY_PLACE,
        (_KAMAILIO_ACC,),
        (("method",), ("callid",), ("from_tag",), ("to_tag",), ("sip_code",), ("time", "time_attr"), *_KAMAILIO_PARTIES),
        services=Services(voice=ServiceRules(partials=Partials.JOIN)),
    ),
    "kamailio-cdrs": FormatColumns(
        Shape.BY_PLACE, needed=(("start_time",), ("end_time",), ("duration",), *_KAMAILIO_PARTIES), key=("callid",), is_built_in=False
    ),
    "cisco-cucm": FormatColumns(Shape.BY_NAME, header_lines=2),
    "radius-detail": FormatColumns(
        Shape.BY_NAME, (_RADIUS_NAMED,), services=Services(data=ServiceRules(partials=Partials.EACH, cumulative=True))
    ),
    "chf-json": FormatColumns(Shape.BY_NAME, (tuple(CHF_FIELDS),)),
    "canonical": FormatColumns(Shape.ARROW),
    "delimited": FormatColumns(Shape.BY_PLACE, is_built_in=False),
    "fixed-width": FormatColumns(Shape.BY_PLACE, is_built_in=False),
}
