"""The language server, as an editor meets it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradlint import pipeline
from gradlint.editors.server import Server

from ..cli.command import BAD, GOOD
from .client import Client

UNCALLED = """\
import torch

with torch.no_grad:
    y = torch.ones(3)
"""
RELATED = {"textDocument": {"publishDiagnostics": {"relatedInformation": True}}}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    yield made
    made.kill()


@pytest.fixture
def uri(tmp_path: Path) -> str:
    return (tmp_path / "train.py").as_uri()


def place(line: int, character: int) -> dict[str, int]:
    return {"line": line, "character": character}


def actions(client: Client, uri: str, line: int, **context: Any) -> list[Any]:
    where = {"start": place(line, 0), "end": place(line, 0)}
    given = {"textDocument": {"uri": uri}, "range": where, "context": {"diagnostics": [], **context}}
    result: list[Any] = client.ask("textDocument/codeAction", given)
    return result


def hovered(client: Client, uri: str, line: int, character: int) -> str:
    given = {"textDocument": {"uri": uri}, "position": place(line, character)}
    result = client.ask("textDocument/hover", given)
    return str(result["contents"]["value"]) if result else ""


def test_it_says_what_it_can_do_and_ends_when_told(client: Client) -> None:
    said = client.start()
    assert said["capabilities"]["hoverProvider"] and said["capabilities"]["positionEncoding"] == "utf-16"
    assert said["serverInfo"]["name"] == "gradlint"
    assert client.stop() == 0


def test_it_ends_with_1_without_a_shutdown_and_when_its_input_ends(client: Client, tmp_path: Path) -> None:
    client.start()
    client.notify("exit")
    assert client.process.wait(timeout=60) == 1
    other = Client(tmp_path)
    other.start()
    assert other.process.stdin
    other.process.stdin.close()
    assert other.process.wait(timeout=60) == 1
    other.kill()


def test_diagnostics_come_and_go_with_the_text(client: Client, uri: str) -> None:
    client.start(**RELATED)
    client.open(uri, BAD)
    told = client.diagnostics(uri)
    (row,) = told["diagnostics"]
    assert told["version"] == 1
    assert (row["code"], row["severity"], row["source"]) == ("GRD101", 1, "gradlint")
    assert row["range"] == {"start": place(5, 0), "end": place(5, 15)}
    assert "`loss` does not require grad" in row["message"] and "\n" not in row["message"]
    near = row["relatedInformation"]
    assert [note["location"]["range"]["start"]["line"] for note in near] == [3, 4]
    assert all(note["location"]["uri"] == uri and note["message"] for note in near)
    client.change(uri, GOOD, 2)
    assert client.diagnostics(uri) == {"uri": uri, "version": 2, "diagnostics": []}
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.diagnostics(uri)["diagnostics"] == []
    assert client.stop() == 0


def test_a_client_that_knows_no_related_places_gets_none(client: Client, uri: str) -> None:
    client.start()
    client.open(uri, BAD)
    (row,) = client.diagnostics(uri)["diagnostics"]
    assert "relatedInformation" not in row


def test_changes_that_follow_each_other_closely_are_checked_once(client: Client, uri: str) -> None:
    client.start()
    client.open(uri, GOOD)
    client.diagnostics(uri)
    for version in range(2, 12):
        client.change(uri, BAD + "#" * version, version)
    assert client.diagnostics(uri)["version"] == 11


def test_a_broken_text_is_told_where_it_is_broken(client: Client, uri: str) -> None:
    client.start()
    client.open(uri, BAD + "x = (\n")
    (row,) = client.diagnostics(uri)["diagnostics"]
    assert row["range"]["start"]["line"] >= 5 and "syntax" in row["message"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_fix_and_an_ignore_comment_are_offered(client: Client, uri: str, end: str) -> None:
    client.start()
    client.open(uri, UNCALLED.replace("\n", end))
    client.diagnostics(uri)
    fix, ignore = [one for one in actions(client, uri, 2) if one["kind"] == "quickfix"]
    assert fix["isPreferred"] and fix["diagnostics"][0]["code"] == "GRD131"
    (edit,) = fix["edit"]["changes"][uri]
    assert edit["newText"] in ("()", "torch.no_grad()") and edit["range"]["start"]["line"] == 2
    (edit,) = ignore["edit"]["changes"][uri]
    assert edit["newText"] == f"with torch.no_grad:  # gradlint: ignore[GRD131]{end}"
    assert edit["range"] == {"start": place(2, 0), "end": place(3, 0)}
    assert actions(client, uri, 0, only=["quickfix"]) == []
    (whole,) = actions(client, uri, 0, only=["source.fixAll"])
    assert whole["edit"]["changes"][uri][0]["newText"] == f"with torch.no_grad():{end}"


def test_an_action_is_about_the_newest_text(client: Client, uri: str) -> None:
    client.start()
    client.open(uri, GOOD)
    client.diagnostics(uri)
    client.change(uri, "# moved\n" + UNCALLED, 2)
    assert [one["kind"] for one in actions(client, uri, 3)][0] == "quickfix"


def test_hovers_tell_the_prediction(client: Client, uri: str) -> None:
    client.start()
    client.open(uri, BAD)
    assert "requires_grad=False" in hovered(client, uri, 4, 5)
    assert "`x`: **requires_grad=True**" in hovered(client, uri, 2, 0)
    assert "wherever this file binds it (line 3)" in hovered(client, uri, 4, 12)
    assert hovered(client, uri, 0, 1) == "" == hovered(client, uri, 99, 0)


def test_columns_are_those_of_the_client(client: Client, tmp_path: Path, uri: str) -> None:
    text = "import torch\nx = torch.ones(3, requires_grad=True)\n'\U0001f525'; x += 1\n"
    client.start()
    client.open(uri, text)
    assert client.diagnostics(uri)["diagnostics"][0]["range"]["start"] == place(2, 6)
    other = Client(tmp_path)
    assert other.start(general={"positionEncodings": ["utf-32"]})["capabilities"]["positionEncoding"] == "utf-32"
    other.open(uri, text)
    assert other.diagnostics(uri)["diagnostics"][0]["range"]["start"] == place(2, 5)
    other.kill()


def test_settings_are_heeded_and_told_where_they_are_wrong(client: Client, uri: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.gradlint]\nignore = ["GRD101"]\n')
    client.start()
    client.open(uri, BAD)
    assert client.diagnostics(uri)["diagnostics"] == []
    (tmp_path / "pyproject.toml").write_text('[tool.gradlint]\nignroe = ["GRD101"]\n')
    client.notify("workspace/didChangeWatchedFiles", {"changes": []})
    assert "ignroe: unknown key" in client.wait_for("window/showMessage")["message"]
    (tmp_path / "pyproject.toml").write_text('[tool.gradlint]\nextend-exclude = ["train.py"]\n')
    client.notify("workspace/didChangeConfiguration", {"settings": {}})
    client.diagnostics(uri)
    assert client.diagnostics(uri)["diagnostics"] == []


def test_a_saved_file_that_another_imports(client: Client, uri: str, tmp_path: Path) -> None:
    steps = tmp_path / "steps.py"
    steps.write_text("def loss_of(x):\n    return (x * 2).sum()\n")
    client.start(**RELATED)
    client.open(
        uri,
        "import torch\nfrom steps import loss_of\nloss = loss_of(torch.ones(2, requires_grad=True))\nloss.backward()\n",
    )
    assert client.diagnostics(uri)["diagnostics"] == []
    steps.write_text("import torch\n\n\n@torch.no_grad()\ndef loss_of(x):\n    return (x * 2).sum()\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": steps.as_uri()}})
    (row,) = client.diagnostics(uri)["diagnostics"]
    assert row["code"] == "GRD101"
    assert {note["location"]["uri"] for note in row["relatedInformation"]} == {steps.as_uri()}


def test_a_text_without_a_file(client: Client) -> None:
    client.start()
    client.open("untitled:Untitled-1", BAD)
    assert [row["code"] for row in client.diagnostics("untitled:Untitled-1")["diagnostics"]] == ["GRD101"]


def test_what_it_does_not_know_is_refused_and_it_goes_on(client: Client, uri: str) -> None:
    assert client.ask("textDocument/hover", {})["error"]["code"] == -32002
    client.start()
    assert client.ask("textDocument/definition", {})["error"]["code"] == -32601
    assert client.ask("textDocument/hover", {"textDocument": {}})["error"]["code"] == -32602
    client.notify("textDocument/didChange", {"textDocument": {"uri": "file:///gone.py"}, "contentChanges": []})
    client.notify("$/somethingNew", {})
    assert client.process.stdin
    client.process.stdin.write(b"Content-Length: 4\r\n\r\n{nonContent-Length: 2\r\nX: y\r\n\r\n[]")
    client.process.stdin.flush()
    client.open(uri, BAD)
    assert client.diagnostics(uri)["diagnostics"]
    assert client.stop() == 0


def test_a_document_that_cannot_be_worked_on_takes_nobody_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **more: object) -> None:
        raise ValueError("of its own")

    monkeypatch.setattr(pipeline, "check_bytes", fail)
    taken = io.BytesIO()
    server = Server(io.BytesIO(), taken)
    server._open({"textDocument": {"uri": "untitled:a", "text": BAD}})
    server._work()
    assert b"ValueError: of its own" in taken.getvalue() and server._pause() is None
