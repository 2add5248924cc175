"""Stanzas -> typed values and calls; what is wrong in them is refused here."""
