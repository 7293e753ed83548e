"""HTTP without sockets: requests, responses, web pages, errors, faults and rate limits."""
