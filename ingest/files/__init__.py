"""Experiments in files: read in bounded memory, checked, and loaded as a whole or not at all."""
