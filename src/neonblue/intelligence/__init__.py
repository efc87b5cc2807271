"""What the numbers mean: analysis, diagnosis, forecast, recommendation."""
