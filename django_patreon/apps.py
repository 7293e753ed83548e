from __future__ import annotations

from django.apps import AppConfig, apps
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class PatreonConfig(AppConfig):
    name = "django_patreon"
    verbose_name = _("Patreon")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, groups  # noqa: F401, PLC0415  (registers; needs loaded apps)
        from .access import listen  # noqa: PLC0415
        from .api import install_gate  # noqa: PLC0415
        from .limits import current_gate  # noqa: PLC0415  (needs loaded models)

        install_gate(current_gate)
        listen()
        groups.listen()

        if apps.is_installed("social_django"):
            from .models import PatreonAccount  # noqa: PLC0415
            from .pipeline import forget_account  # noqa: PLC0415  (needs loaded models)
            from .tokens import revoke_at_patreon  # noqa: PLC0415

            post_delete.connect(
                revoke_at_patreon, sender=PatreonAccount, dispatch_uid="django_patreon.revoke"
            )
            post_delete.connect(
                forget_account, sender="social_django.UserSocialAuth", dispatch_uid="django_patreon"
            )
