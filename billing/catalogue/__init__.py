"""Versions of tariff catalogues in the store: drafts, what was decided about them, publications, and what is in force.

A published version is kept as canonical bytes, compared with its hash whenever it is read, and never changed nor deleted.
"""

from __future__ import annotations

from billing.catalogue.decisions import Decision, Kind, decisions, record_what_if, repeal, review
from billing.catalogue.drafts import Draft, drafts, save
from billing.catalogue.gates import Waivers
from billing.catalogue.in_force import in_force, in_force_of, tables
from billing.catalogue.names import Operator, version_name
from billing.catalogue.publications import Publication, publish, publish_at_once, publish_draft
from billing.catalogue.states import State, state_of
from billing.catalogue.stored import Repeal, ever_billed_by_arrival, published, published_by, published_seq

__all__ = [
    "Decision",
    "Draft",
    "Kind",
    "Operator",
    "Publication",
    "Repeal",
    "State",
    "Waivers",
    "decisions",
    "drafts",
    "ever_billed_by_arrival",
    "in_force",
    "in_force_of",
    "publish",
    "publish_at_once",
    "publish_draft",
    "published",
    "published_by",
    "published_seq",
    "record_what_if",
    "repeal",
    "review",
    "save",
    "state_of",
    "tables",
    "version_name",
]
