"""Scenario files and state files."""
