"""What signing in with Patreon needs besides `backends` and `pipeline`, whose names sites write.

errors         the page that says why a sign-in failed, and how to go on
identity       asking Patreon who signs in
details        what a new user takes from Patreon: username, names, e-mail address
grants         the tokens of a sign-in that is under way
transaction    the pipeline in one transaction
accounts       the `PatreonAccount` of the person who signs in
associations   social-auth's associations, which accounts follow
disconnecting  taking Patreon off a user
adopt          connecting a user by tokens that an operator has brought
creator        connecting a campaign
"""
