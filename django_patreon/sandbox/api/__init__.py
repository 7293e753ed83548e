"""API v2 and v1, and the OpenAPI description of v2."""
