"""`traces record`: play UNGAR's games and keep them as traces."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.options import Json, ToUrl, counted, require_repository, require_url, time_option
from traces.ungar.keeping import EVERY_S, START, to_recording, to_store


def record(
    game: Annotated[str, typer.Option(help="high_card_duel, spades_mini or gin_rummy.", show_default=False)],
    episodes: Annotated[int, typer.Option(min=1, help="How many games to play.", show_default=False)],
    seed: Annotated[int, typer.Option(min=0, help="Game k is played with seed SEED + k.", show_default=False)],
    start: Annotated[str, typer.Option(metavar="TIME", help="created_at of the first game; never the clock.")] = START,
    every: Annotated[int, typer.Option(min=1, metavar="SECONDS", help="Time between two games.")] = EVERY_S,
    name: Annotated[
        str | None, typer.Option(help="The recording's name in data/recorded/. \\[default: GAME-SEED]")
    ] = None,
    to: ToUrl = None,
    json: Json = False,
) -> None:
    """Play a game of UNGAR's with random moves and write data/recorded/NAME.jsonl.gz, or into a database.

    The same options give the same bytes. High Card Duel gives one trace a game; Mini Spades and Gin Rummy one a
    decision. A game that cannot finish is cut, its result is `unfinished`.

    [bold]Examples[/bold]

      traces record --game high_card_duel --episodes 500 --seed 42

      traces record --game gin_rummy --episodes 20 --seed 7 --to sqlite:///traces.db
    """
    from stages.runtime.progress import progress
    from traces.errors import WrongUse
    from traces.recordings import RECORDED, recording_path
    from traces.times import LAST_US
    from traces.ungar.play import GAMES
    from traces.ungar.record import SECOND_US, record_episodes

    if game not in GAMES:
        raise WrongUse(f"--game {game}: not one of {', '.join(GAMES)}")
    start_us = time_option(start, "--start")
    require_url(to)
    if start_us + (episodes + 1) * every * SECOND_US > LAST_US:
        raise WrongUse("--start: the last game would be after the year 9999")
    if not to:
        require_repository()
    played = progress(record_episodes(game, episodes, seed, start_us, every), episodes, game)
    if to:
        where, count = to_store(to, played)
    else:
        path = recording_path(RECORDED, name or f"{game}-{seed}")
        if path.exists():
            raise WrongUse(f"{path}: exists; take another --name or --seed, or remove it")
        where = path.as_posix()
        count = to_recording(path, played, game, episodes, seed, start_us, every)
    if json:
        import json as json_module

        print(json_module.dumps({"written": where, "traces": count}))
    else:
        after = " with TRACES_DATABASE_URL set to it" if to else ""
        print(
            f"{counted(count, 'trace')} of {counted(episodes, 'game')} written to {where}; "
            f"next{after}: traces pin && dvc repro"
        )
