"""UNGAR, the card-game framework: playing its games, and turning what was played into traces."""
