"""What a room costs: ours, a Jabber server's own, and one whose guests ask again and again."""
