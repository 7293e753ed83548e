"""Ours beside what a site would use instead: `make bench`."""
