"""How experiments are defined: by a small file, or by the platform's own tables."""
