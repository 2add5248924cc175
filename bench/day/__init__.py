"""A day of Hab.la, replayed: `python -m bench.day`. What it costs the store, counted by the store."""
