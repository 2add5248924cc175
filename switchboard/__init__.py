"""The conversation itself. Knows neither XMPP nor HTTP; see docs/architecture.md."""
