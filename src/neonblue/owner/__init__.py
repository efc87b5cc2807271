"""One owner a data directory: every other process works through it, and one takes over."""
