"""Cog predictors that draw: one folder each, and the few helpers that they share."""
