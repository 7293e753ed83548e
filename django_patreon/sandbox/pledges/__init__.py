"""What happens to memberships: people's actions, renewals and ends, and how webhooks hear of it."""
