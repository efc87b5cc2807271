"""What to run next and how: design, lifecycle, allocation."""
