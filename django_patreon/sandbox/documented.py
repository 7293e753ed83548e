"""Attributes of Patreon's documented types that nothing here serves yet.

Asking for them is no mistake, and a word that is not among them is. Lives are observed.
"""

from __future__ import annotations

__all__ = ["ATTRIBUTES"]

_WORDS = {
    "address": ("addressee city country created_at line_1 line_2 phone_number postal_code state"),
    "client": (
        "author_name category client_secret default_scopes description domain icon_url name"
        " privacy_policy_url redirect_uris tos_url version"
    ),
    "deliverable": "completed_at delivery_status due_at",
    "goal": "amount_cents completed_percentage created_at description reached_at title",
    "live": "description rtmp_url scheduled_for state stream_key title",
    "live-access-rule": "access_rule_type",
    "media": (
        "created_at download_url file_name image_urls metadata mimetype owner_id"
        " owner_relationship owner_type size_bytes state upload_expires_at upload_parameters"
        " upload_url"
    ),
    "pledge-event": (
        "amount_cents currency_code date payment_status pledge_payment_status tier_id tier_title"
        " type"
    ),
    "webhook": "last_attempted_at num_consecutive_times_failed paused secret triggers uri",
}
ATTRIBUTES = {kind: frozenset(words.split()) for kind, words in _WORDS.items()}
