"""Learns from past tests which of two texts people respond to.

arms.py        what was shown, how often, and how often it worked
style.py       features that a person would name: length, pronouns, punctuation
features.py    words, characters, style and meaning of a text as matrices
process.py     a Gaussian process over texts, with what tests share taken out
model.py       the trained model: scores, probabilities, files
evaluation.py  accuracy, log loss, calibration, skill, with intervals by test
training.py    earlier weeks train, later ones judge; keeps a model only if it is better
"""
