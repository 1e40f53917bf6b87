"""Smoke runs: a few real steps of Tunix's trainers on a tiny model, held to checks that a broken run cannot pass."""
