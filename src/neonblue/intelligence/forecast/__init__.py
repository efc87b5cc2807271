"""What an experiment is likely to find, said before it runs and judged after it.

plan.py         what is known before launch
past.py         the organisation's past: base rates, the spread of lifts, similar experiments
outlook.py      outcome probabilities and the expected lift
sizing.py       how many units and days, fixed and sequential
risks.py        what may go wrong, and what to do about it
forecasting.py  the forecast as a whole, and its entry in the log
calibration.py  how forecasts came true
"""
