"""Judges networks: against known edges by BEELINE's protocol, or by what they predict."""

from grn.evaluation.candidates import Candidates, TruthScorer, candidates
from grn.evaluation.overlap import warn_of_overlap
from grn.evaluation.predictability import predictability, predictability_json
from grn.evaluation.protocol import evaluate, evaluate_json, precision_recall

__all__ = [
    "Candidates",
    "TruthScorer",
    "candidates",
    "evaluate",
    "evaluate_json",
    "precision_recall",
    "predictability",
    "predictability_json",
    "warn_of_overlap",
]
