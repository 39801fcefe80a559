"""Judges networks: metrics of arrays, controls of matrices, and BEELINE's protocol over both."""

from grn.evaluation.candidates import Candidates, TruthScorer, candidates
from grn.evaluation.protocol import evaluate, evaluate_json, precision_recall

__all__ = [
    "Candidates",
    "TruthScorer",
    "candidates",
    "evaluate",
    "evaluate_json",
    "precision_recall",
]
