"""Patreon and Django, one thing.

    INSTALLED_APPS += ["social_django", "django_patreon"]
    AUTHENTICATION_BACKENDS = [
        "django_patreon.backends.PatreonOAuth2",
        "django.contrib.auth.backends.ModelBackend",
    ]
    SOCIAL_AUTH_PATREON_KEY, SOCIAL_AUTH_PATREON_SECRET = "client id", "client secret"
    urlpatterns += [path("", include("social_django.urls", namespace="social"))]

    {% load patreon %}{% patreon_login_button %}     in a template
    request.user.patreon_account                      the person's Patreon side

`python -m django_patreon.sandbox` is a pretend Patreon to try it with.
Importing this package imports nothing else: every name lives in its module.
"""

__version__ = "0.1.0"
