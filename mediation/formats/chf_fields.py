"""Words of a charging data request and their meanings: network functions to services, triggers to causes (3GPP TS 32.291 and TS 32.298)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mediation.sources.chf_paths import CLOSED_BY
from mediation.values import columns
from rating.model import Service

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mediation.records.rows import Block

# Network functions and the service they charge. Upper case.
_SERVICES: Final = {
    **dict.fromkeys(("SMF", "PGW_C_SMF", "I_SMF", "V_SMF", "SGW", "SGSN", "EPDG", "UPF"), Service.DATA),
    "SMSF": Service.SMS,
    "IMS_NODE": Service.VOICE,
    **dict.fromkeys(("NEF", "NEFF", "CEF", "AMF", "EES", "MNS_PRODUCER", "5G_DDNMF"), Service.CONTENT),
}
# Why a container was closed: CauseForRecClosing of TS 32.298 where it has the like; above 1000 our own.
_CAUSES: Final = {
    "FINAL": 0,
    "ABNORMAL_RELEASE": 4,
    "VOLUME_LIMIT": 16,
    "TIME_LIMIT": 17,
    "SERVING_NODE_CHANGE": 18,
    "MAX_NUMBER_OF_CHANGES_IN_CHARGING_CONDITIONS": 19,
    "MANAGEMENT_INTERVENTION": 20,
    "RAT_CHANGE": 22,
    "UE_TIMEZONE_CHANGE": 23,
    "TARIFF_TIME_CHANGE": 1001,
    "QUOTA_THRESHOLD": 1002,
    "QUOTA_EXHAUSTED": 1003,
    "VALIDITY_TIME": 1004,
    "EVENT_LIMIT": 1005,
    "QHT": 1006,
}
_OTHER_CAUSE: Final = 1000


def served_services(block: Block) -> NDArray[np.int8]:
    """The service of each row, by the network function that asks, else by what the request holds; 0: it is not known."""
    by_function = np.array([*_SERVICES.values(), 0, 0], np.int8)  # the last two: -2 empty, -1 unknown
    service = by_function[columns.words(block, block.spans("nf_function"), tuple(_SERVICES))]
    hints = (
        (Service.SMS, ("sender", "receiver", "receiver_address", "message_reference")),
        (Service.VOICE, ("called",)),
        (Service.DATA, ("dnn", "pdu_session", "smf_session", "total", "up", "down")),
        (Service.CONTENT, ("api",)),
    )
    for kind, names in hints:
        is_so = np.logical_or.reduce([block.spans(name).filled for name in names])
        service = np.where((service == 0) & is_so, kind, service)
    return service.astype(np.int8)


def cause_numbers(block: Block) -> NDArray[np.int16]:
    """The cause for which each container was closed, as a number."""
    numbers = np.array([*_CAUSES.values(), 0, _OTHER_CAUSE], np.int16)
    return numbers[columns.words(block, block.spans(CLOSED_BY), tuple(_CAUSES))]
