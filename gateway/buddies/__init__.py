"""Visitors in the operators' contact lists: what to show (policy.py) and how (ways.py)."""
