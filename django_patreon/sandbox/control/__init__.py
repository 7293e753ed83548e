"""Controls of the sandbox itself: JSON under `/_sandbox/`, and the same as a page at `/`."""
