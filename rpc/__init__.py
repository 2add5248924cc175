"""The visitors' web: JSON-RPC by POST and WebSocket, and the pages. Starts at `edge.WebEdge`."""
