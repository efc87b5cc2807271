"""Replays numbers that other statistics tools gave, by category and inputs."""
