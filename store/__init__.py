"""Persistence: activations, datasets, runs, vectors; knows no torch."""
