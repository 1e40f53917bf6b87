"""`python -m service`: run the dataset service."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from commands.app import paragraphs, run
from commands.history import require_git_repository, require_whole_history
from service.prefix import read_prefix
from service.settings import LOOPBACK, TOKEN, Limits, Settings, is_loopback, load_token
from traces.errors import WrongUse

app = typer.Typer(
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8000,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="How many datasets are built at a time.")] = 1,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name under which it may be asked, as a proxy passes it on."),
    ] = None,
    root_path: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The path under which a proxy serves it, such as /datasets: for a proxy that passes this prefix on, "
            "and for tools that read the OpenAPI document.",
        ),
    ] = "",
    writes_a_minute: Annotated[int, typer.Option(min=1, help="How often one address may ask for what writes.")] = 120,
    require_token: Annotated[
        bool, typer.Option("--require-token", help="Ask for the token also of who only reads: behind a proxy.")
    ] = False,
) -> None:
    """Serve this repository's datasets over HTTP, and build new ones.

    What writes needs the secret in TRACES_SERVE_TOKEN, as a bearer token; where others than this machine can reach the
    service, everything does.

    [bold]Examples[/bold]

      TRACES_SERVE_TOKEN=$(openssl rand -hex 32) python -m service

      python -m service --port 9000 --jobs 2
    """
    import uvicorn

    from service.app import alone, create_app

    require_git_repository()
    require_whole_history("the service would not know every dataset")
    open_to_others = not is_loopback(host)
    token = load_token(host)
    if require_token and token is None:
        raise WrongUse("--require-token: there is none; set TRACES_SERVE_TOKEN")
    names = {name.lower() for name in (*LOOPBACK, *(allow_host or ()), f"[{host}]" if ":" in host else host)}
    settings = Settings(
        Path.cwd(),
        host,
        token=token,
        reads_need_token=open_to_others or require_token,
        hosts=frozenset(names),
        root_path=read_prefix(root_path),
        jobs=jobs,
        limits=Limits(writes_a_minute=writes_a_minute),
    )
    listening = _listening(host, port)
    served = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            served,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
    )
    # The guard limits them: uvicorn's own limit answers in plain text.
    served.state.connections = lambda: len(server.server_state.connections)
    with alone(settings.root), listening, suppress(KeyboardInterrupt):
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}/"
        may = "" if token else f" (only to read: started without {TOKEN})"
        print(f"service: {address}{may}", file=sys.stderr, flush=True)
        server.run([listening])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        WrongUse: it cannot.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        # Python adds where, which is said here already; what the resolver of names says has a number below 0.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
        raise WrongUse(f"--host {host} --port {port}: {why.lower()}") from None


app.command(help=paragraphs(serve.__doc__ or ""))(serve)


if __name__ == "__main__":
    run(app, "service")
