"""What operators read, whether or not the site has Django's admin.

figures      the figures of the overview
standings    active, declined, leaving and so on, as filters
words        amounts and statuses in words
"""
