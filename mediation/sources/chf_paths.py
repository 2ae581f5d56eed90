"""Paths of the fields of a charging data request (3GPP TS 32.291).

`FIELDS` are the columns of the format: a source's `key` and `charge_columns` use their names.
"""

from __future__ import annotations

from typing import Final

_PDU: Final = "pDUSessionChargingInformation"
_SESSION: Final = f"{_PDU}.pduSessionInformation"
_SERVING: Final = f"{_SESSION}.servingNetworkFunctionID.servingNetworkFunctionInformation.nFPLMNID"
_PLACE: Final = f"{_PDU}.userLocationinfo.nrLocation"
_SMS: Final = "sMSChargingInformation"
_UNIT: Final = "multipleUnitUsage[]"
ROWS: Final = f"{_UNIT}.usedUnitContainer[]"
LISTS: Final = (_UNIT, ROWS)  # whose elements further columns may name
CLOSED_BY: Final = "closed_by"
TARIFF_CHANGE: Final = b"TARIFF_TIME_CHANGE"

FIELDS: Final = {
    "nf_name": "nfConsumerIdentification.nFName",
    "nf_ipv4": "nfConsumerIdentification.nFIPv4Address",
    "nf_ipv6": "nfConsumerIdentification.nFIPv6Address",
    "nf_function": "nfConsumerIdentification.nodeFunctionality",
    "invoked": "invocationTimeStamp",
    "invocation": "invocationSequenceNumber",
    "one_time": "oneTimeEvent",
    "subscriber": "subscriberIdentifier",
    "session": "chargingId",
    "session_ref": "chargingDataRef",
    "pdu_session": f"{_PDU}.chargingId",
    "smf_session": f"{_PDU}.sMFchargingId",
    "gpsi": f"{_PDU}.userInformation.servedGPSI",
    "dnn": f"{_SESSION}.dnnId",
    "session_zone": f"{_PDU}.uetimeZone",
    "mcc": f"{_SERVING}.mcc",
    "mnc": f"{_SERVING}.mnc",
    "location_mcc": f"{_PLACE}.tai.plmnId.mcc",
    "location_mnc": f"{_PLACE}.tai.plmnId.mnc",
    "cell": f"{_PLACE}.ncgi.nrCellId",
    "sender": f"{_SMS}.originatorInfo.originatorGPSI",
    "receiver": f"{_SMS}.recipientInfo[0].recipientGPSI",
    "receiver_address": f"{_SMS}.recipientInfo[0].recipientOtherAddress.sMaddressData",
    "message_reference": f"{_SMS}.messageReference",
    "called": "iMSChargingInformation.calledPartyAddress",
    "api": "nEFChargingInformation.aPIName",
    "rating_group": f"{_UNIT}.ratingGroup",
    "place": f"{ROWS}.localSequenceNumber",
    "time": f"{ROWS}.time",
    "total": f"{ROWS}.totalVolume",
    "up": f"{ROWS}.uplinkVolume",
    "down": f"{ROWS}.downlinkVolume",
    "units": f"{ROWS}.serviceSpecificUnits",
    "service_id": f"{ROWS}.serviceId",
    "event_time": f"{ROWS}.eventTimeStamps[0]",
    "triggered": f"{ROWS}.triggerTimestamp",
    "first_usage": f"{ROWS}.pDUContainerInformation.timeofFirstUsage",
    "last_usage": f"{ROWS}.pDUContainerInformation.timeofLastUsage",
    "container_zone": f"{ROWS}.pDUContainerInformation.uetimeZone",
    CLOSED_BY: f"{ROWS}.triggers[].triggerType",
}
NUMBERS: Final = ("gpsi", "subscriber", "sender", "receiver", "receiver_address", "called")
