"""Figures that are measured, not tested: run as python -m benchmarks.NAME."""
