"""What the tests stand on."""

from __future__ import annotations

from pathlib import Path

import psycopg


def test_no_other_run_of_pytest_shuts_the_database_server_out(postgres: str, tmp_path: Path) -> None:
    # Pytest makes the folder of all its runs private whenever one begins.
    (pytest_s,) = (folder for folder in tmp_path.parents if folder.name.startswith("pytest-of-"))
    with psycopg.connect(postgres) as connection:
        (data,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    assert not Path(data).is_relative_to(pytest_s)
