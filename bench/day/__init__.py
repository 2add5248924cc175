"""A day of Hab.la, replayed: `python -m bench.day`. What it asks of the store."""
