"""What finished experiments leave behind: a description, its facts, and patterns over many.

facts.py        an analysis of a finished experiment, reduced to what others can learn from
audience.py     for whom an experiment was
category.py     what kind of change an experiment tested
category_table.py  the kinds that are known: words, aims, the idea in general
removal.py      whether a change takes something away
copies.py       the same data under several ids counts once
description.py  the facts as a text and as metadata
patterns.py     what kinds of change did, pooled over experiments
learning.py     finished experiments enter the memory by themselves, once
discovery.py    hits in the memory joined with what ClickHouse knows of them
insights.py     what similar experiments did, for another tool's answer
"""
