"""A semantic document as an electronic invoice: bytes of XML, and findings of what the norm, the profile or XML cannot hold. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from billing.documents.en16931 import cii, fitting, ubl
from billing.documents.en16931.norm import Norm
from billing.documents.en16931.profiles import PROFILES
from billing.documents.semantic.model import Finding
from rating.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.documents.en16931.norm import Attachment, TaxCurrency
    from billing.documents.en16931.profiles import ProfileName, Syntax
    from billing.documents.semantic.model import Charged


class Written(NamedTuple):
    """An electronic invoice. `findings`: those of the document, and of its writing. `norm`: what was written."""

    xml: bytes
    findings: tuple[Finding, ...]
    norm: Norm


def written(
    document: Charged,
    syntax: Syntax,
    profile: ProfileName = "en16931",
    tax_currency: TaxCurrency | None = None,
    attachments: Sequence[Attachment] = (),
) -> Written:
    """A document in a syntax and a profile.

    It is made also where data is missing: findings say what. Raises UserError for a syntax that the profile does not have, and for an
    attachment that the norm does not take.
    """
    chosen = PROFILES[profile]
    if syntax not in chosen.syntaxes:
        raise UserError(f"{profile} has no {syntax}", f"take --syntax {chosen.syntaxes[0]}")
    norm = fitting.fit(document, chosen, tax_currency, attachments)
    tree = (ubl if syntax == "ubl" else cii).write(norm)
    xml = tree.data()
    place = f"document {document.number}"
    unheld = [
        Finding("character", place, f"{path} has {char}, which XML cannot hold: it is written as U+FFFD", "correct the text at its source")
        for path, char in dict.fromkeys(tree.unheld)
    ]
    return Written(xml, (*document.findings, *norm.findings, *unheld), norm)
