"""Ways to carry one event stream: each is a kind of `readers.Reader`."""
