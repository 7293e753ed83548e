"""The data of the sandbox: campaigns, people, memberships, webhooks, and the clock."""
