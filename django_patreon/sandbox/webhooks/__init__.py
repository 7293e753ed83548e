"""Webhooks: their queues, bodies, addresses, and the sender."""
