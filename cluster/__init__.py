"""An example of a deployment on several nodes, all of it on one machine: `make cluster`."""
