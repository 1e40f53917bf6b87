"""The service: datasets built, watched and streamed over HTTP. It stands on top of everything; nothing imports it.

It has no second way of building: a job is a DVC experiment of this repository, and what is served is read from DVC's
cache by its hash.
"""
