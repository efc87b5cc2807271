"""A small world of experiments whose truth is known, generated from a seed."""
