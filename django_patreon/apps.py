from __future__ import annotations

from django.apps import AppConfig, apps
from django.db.models.signals import post_delete, pre_delete
from django.utils.translation import gettext_lazy as _


class PatreonConfig(AppConfig):
    name = "django_patreon"
    verbose_name = _("Patreon")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, groups  # noqa: F401, PLC0415  (registers; needs loaded apps)
        from .access.changes import listen  # noqa: PLC0415
        from .api import install_gate  # noqa: PLC0415
        from .limits import current_gate  # noqa: PLC0415  (needs loaded models)
        from .models import PatreonAccount  # noqa: PLC0415
        from .sync import collect_deleted, erase_collected  # noqa: PLC0415
        from .tokens import revoke_deleted  # noqa: PLC0415
        from .webhooks import secrets  # noqa: PLC0415

        install_gate(current_gate)
        listen()
        groups.listen()
        secrets.listen()

        uid = "django_patreon.revoke"
        pre_delete.connect(revoke_deleted, sender=PatreonAccount, dispatch_uid=uid)
        uid = "django_patreon.erase"
        pre_delete.connect(collect_deleted, sender=PatreonAccount, dispatch_uid=uid)
        post_delete.connect(erase_collected, sender=PatreonAccount, dispatch_uid=uid)
        if apps.is_installed("social_django"):
            from .sign_in import associations  # noqa: PLC0415

            associations.listen()
