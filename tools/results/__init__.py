"""What tools answer, as Pydantic models: verdict first, lists last, lifts as fractions."""
