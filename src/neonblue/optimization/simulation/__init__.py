"""Policies tried in worlds whose truth is known: the loop's own rules, on simulated units."""
