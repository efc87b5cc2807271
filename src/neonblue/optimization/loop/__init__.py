"""The closed loop: from a goal to a rolled-out winner, one step of a state machine a call."""
