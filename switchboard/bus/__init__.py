"""Hints between the edges."""
