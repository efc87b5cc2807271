"""ClickHouse: the only source of truth and the only SQL."""
