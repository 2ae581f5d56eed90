"""Schemes of electronic addresses: the code list EAS (Electronic Address Scheme) that EN 16931 names for BT-34 and BT-49. Pure."""

from __future__ import annotations

from typing import Final

EMAIL: Final = "EM"
LEITWEG: Final = "0204"
# Schemes whose addresses are numbers of VAT, each with its country. Those of Monaco (9940) begin with FR, and are not looked at.
VAT: Final = {
    "9910": "HU", "9914": "AT", "9920": "ES", "9922": "AD", "9923": "AL", "9924": "BA", "9925": "BE", "9926": "BG", "9927": "CH",
    "9928": "CY", "9929": "CZ", "9930": "DE", "9931": "EE", "9932": "GB", "9933": "GR", "9934": "HR", "9935": "IE", "9936": "LI",
    "9937": "LT", "9938": "LU", "9939": "LV", "9941": "ME", "9942": "MK", "9943": "MT", "9944": "NL", "9945": "PL",
    "9946": "PT", "9947": "RO", "9948": "RS", "9949": "SI", "9950": "SK", "9951": "SM", "9952": "TR", "9953": "VA", "9957": "FR",
}  # fmt: skip
_OTHERS: Final = """
0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190 0191 0192 0193 0194 0195
0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216 0217 0218 0219 0220 0221 0225 0230 0235 0240 0244
9901 9913 9915 9918 9919 9940 9959 AN AQ AS AU EM
"""
SCHEMES: Final = frozenset({*_OTHERS.split(), *VAT})
