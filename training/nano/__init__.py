"""Nano: the small promptable network inside Rubylith, trained from scratch on scenes that this folder generates."""
