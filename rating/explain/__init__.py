"""Explanations of outcomes, as text for people (en, zh) and as plain objects for programs."""

from rating.explain.check import check_parts
from rating.explain.explaining import LANGUAGES, as_json, as_text
from rating.explain.stages import COMPOSITION, Stage

__all__ = ["COMPOSITION", "LANGUAGES", "Stage", "as_json", "as_text", "check_parts"]
