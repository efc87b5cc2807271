"""From messages and files to rows: ``messages`` are read, by a ``stream`` or from ``files``."""
