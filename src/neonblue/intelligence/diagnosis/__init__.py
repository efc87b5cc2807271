"""What is wrong with an experiment, why, and how to mend it."""
