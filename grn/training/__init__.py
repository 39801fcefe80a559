"""Trains the predictor of expression: objective, Lightning module, fit and checkpoints."""
