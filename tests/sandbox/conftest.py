from __future__ import annotations

import pytest

from django_patreon.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()
