"""Servers that people run behind a proxy, each with an HTTP parser of its own, as upstreams that tell what they read."""
