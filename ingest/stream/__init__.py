"""Events as they come: from Kafka, a pipe or a file of messages to enriched rows and journeys."""
