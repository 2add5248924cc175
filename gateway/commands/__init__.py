"""Operator commands: one table of small functions, from which `!help` is made too."""

from .table import Commands

__all__ = ["Commands"]
