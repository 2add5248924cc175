"""Visits, cached."""
