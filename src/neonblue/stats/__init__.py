"""Statistics over sufficient statistics: pure functions, numpy and scipy only."""
