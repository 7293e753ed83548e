"""OAuth: codes and tokens, the consent page and the token endpoint."""
