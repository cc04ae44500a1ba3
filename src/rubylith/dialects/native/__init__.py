"""Rubylith's own API under /v1: every prompt, every format, answers now or later.

Five parts in five files: wire (documents), read (wire → domain), write (domain → wire), errors, routes.
"""
