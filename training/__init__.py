"""Training rigs for the networks that Rubylith ships; not part of the installed package."""
