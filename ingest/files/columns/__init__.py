"""What the cells of a file mean: one rule a column, decided from all of its values."""
