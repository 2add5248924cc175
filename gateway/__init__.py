"""The Jabber edge: one external component (XEP-0114) a domain; see docs/architecture.md."""
