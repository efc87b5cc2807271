"""What to test next, and what to change in a running test.

idea.py            a candidate experiment and the evidence it comes from
sources.py         all ideas that there is evidence for:
pattern_ideas.py     another change of a kind that worked
winner_ideas.py      a winner carried over, or taken further
funnel_ideas.py      the weakest step towards a conversion
segment_ideas.py     who should see a change, by segment_advice.py
remembered.py      what ideas quote of past experiments
goal.py            how well ideas fit a goal
constraints.py     what a recommendation must respect, and what of it cannot be checked
tried.py           what was tried already; near-copies of one idea
ranking.py         worth of an idea: value times probability over cost in traffic
next_tests.py      recommended experiments for a goal
improvement.py     what to do about one experiment now
"""
