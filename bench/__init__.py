"""What Parley costs: `python -m bench` prints one JSON object. Compare within one run only."""
