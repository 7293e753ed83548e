"""Tag libraries of the site."""
