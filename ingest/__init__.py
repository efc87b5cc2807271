"""From events to rows: sources, decode, sink."""
