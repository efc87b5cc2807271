"""What users do: journeys, next actions, intent, personalisation."""
