"""The `parley` command: the top floor, where all the parts are put together."""
