"""The resources of API v2 as JSON:API documents."""
