"""An app of a site's own whose label, URL namespace and tag library are called `patreon`."""
