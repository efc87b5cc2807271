"""Questions and raw SQL, answered read-only and behind the gate of looks."""
