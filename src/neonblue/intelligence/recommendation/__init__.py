"""What to test next, and what to change in a running test.

idea.py          a candidate experiment and the evidence it comes from
sources.py       where ideas come from: patterns, winners, the funnel, confirmed segments
ranking.py       worth of an idea: value times probability over cost in traffic
next_tests.py    recommended experiments for a goal
improvement.py   what to do about one experiment now
"""
