"""Taking over from another login app: whose Patreon identity is whose, and the tokens it kept.

    take_over       goes through everybody, in one transaction each
    social          what social-auth keeps: associations, and tokens in clear in `extra_data`
    from_social     social-core's own Patreon backend as the app that was used before
    from_allauth    django-allauth as the app that was used before

Nothing here asks Patreon.
"""
