"""Language models: one interface, used only to phrase what was computed."""
