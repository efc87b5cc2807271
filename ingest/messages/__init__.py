"""What one message says: the event contract, change capture's envelopes, rules for all events."""
