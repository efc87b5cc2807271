"""The one way in which experiments are written: plan check, frozen check, move and record.

Whoever changes an experiment (a definition, a load, the platform's change capture, a tool) comes
through here, and each change is one step of ``stores.experiment_history``: whole, or not at all.
"""
