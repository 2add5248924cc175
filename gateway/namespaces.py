"""Namespaces of the protocols that the gateway speaks."""

COMPONENT = "jabber:component:accept"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
ROSTER = "jabber:iq:roster"
VERSION = "jabber:iq:version"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
CHAT_STATES = "http://jabber.org/protocol/chatstates"
NICK = "http://jabber.org/protocol/nick"
RECEIPTS = "urn:xmpp:receipts"
MARKERS = "urn:xmpp:chat-markers:0"
PING = "urn:xmpp:ping"
DELAY = "urn:xmpp:delay"
STANZA_IDS = "urn:xmpp:sid:0"
HINTS = "urn:xmpp:hints"
PRIVILEGES = ("urn:xmpp:privilege:2", "urn:xmpp:privilege:1")
ENCRYPTION = "urn:xmpp:eme:0"
OMEMO = ("eu.siacs.conversations.axolotl", "urn:xmpp:omemo:2")
