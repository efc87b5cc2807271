"""Chroma: the semantic index over documents that ClickHouse holds."""
