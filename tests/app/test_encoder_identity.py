"""An encoder is what decides its vectors, worked out from its file, whatever the file claims to be."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import sqlalchemy as sa

import embedder.encoder_trial
from app.doctor import examine
from app.encoder_files import PACKAGED_FOLDER, add_encoder, list_encoders
from app.encoder_metadata import check_self_contained, read_card, read_facts, weights_sha256
from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.index_run import IndexRun
from app.workspace import Workspace
from embedder.errors import EncoderCardError, EncoderError
from pretrain.onnx_graph import weights_sha256 as hash_of_graph
from tests.helpers import odd_encoders as odd
from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder.encoder_trial, "STEP_LIMIT_S", 1.0)


def other_precision_of_a_number(model: onnx.ModelProto) -> None:
    """Another graph with the same initialisers."""
    model.graph.node[-1].attribute[1].i = 1


def other_weight(model: onnx.ModelProto) -> None:
    bias = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    bias[0] += 1
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(bias, model.graph.initializer[0].name))


def other_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 16


def about_the_file(model: onnx.ModelProto) -> None:
    model.producer_name, model.doc_string, model.model_version = "somebody", "long ago", 7


# --- what it is ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{"spans_s": [1.0]}, {"spans_s": [1.0, 2.0]}, {"num_frames": 4}, {"height_px": 16}, {"geometry": "centre_crop"}, {"dim": 7}],
)
def test_identity__changes_with_what_goes_in(tmp_path: Path, changes: dict[str, object]) -> None:
    one, two = (write_tiny_encoder(tmp_path / name) for name in ("1.onnx", "2.onnx"))
    assert read_facts(one).identity == read_facts(two).identity
    assert read_facts(odd.edit_card(two, **changes)).identity != read_facts(one).identity


@pytest.mark.parametrize("change", [other_precision_of_a_number, other_weight, other_opset])
def test_identity__changes_with_the_graph_though_the_claimed_hash_stays(
    tmp_path: Path, change: Callable[[onnx.ModelProto], None]
) -> None:
    one, two = write_tiny_encoder(tmp_path / "1.onnx"), odd.edit(write_tiny_encoder(tmp_path / "2.onnx"), change)
    assert read_card(one) == read_card(two)
    assert read_facts(one).identity != read_facts(two).identity


def test_identity__stays_when_words_change(tmp_path: Path) -> None:
    one, two = (write_tiny_encoder(tmp_path / name) for name in ("1.onnx", "2.onnx"))
    odd.edit_card(two, name="renamed", training={"seed": 3}, task="pace", weights_sha256="f" * 64)
    odd.edit(two, about_the_file)
    assert read_facts(one).identity == read_facts(two).identity


@pytest.mark.parametrize("name", ["default", "colour"])
def test_weights__hash_is_the_one_that_an_export_writes(name: str) -> None:
    path = PACKAGED_FOLDER / f"{name}.onnx"
    assert weights_sha256(path) == read_card(path).weights_sha256 == hash_of_graph(onnx.load(path))


# --- one index for each ----------------------------------------------------------------------------------------------------------


def test_same_weights_with_other_clips_are_another_encoder(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    other = odd.edit_card(write_tiny_encoder(tmp_path / "other.onnx"), spans_s=[1.0])
    assert read_card(other).weights_sha256 == ws.encoder_card().weights_sha256
    index_library(ws, "films", [folder])
    assert index_library(ws, "films", encoder_name=str(other)).added == 4
    assert index_library(ws, "films").unchanged == 4
    lengths = [{length for _, own in ws.catalog.clip_lengths_s(row.id) for length in own} for row in ws.catalog.encoders()]
    assert lengths == [{2.0}, {1.0}]


def test_a_file_that_claims_another_hash_does_not_get_into_its_index(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "films", [folder])
    claimed = ws.encoder_card().weights_sha256
    liar = odd.edit_card(write_tiny_encoder(tmp_path / "liar.onnx", seed=5), weights_sha256=claimed)
    assert ws.encoder_id(str(liar)) != ws.encoder_id()
    assert index_library(ws, "films", encoder_name=str(liar)).added == 4


def test_a_renamed_encoder_needs_no_new_vectors(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "films", [folder])
    renamed = odd.edit_card(write_tiny_encoder(tmp_path / "another.onnx"), name="another", training={"by": "me"})
    assert index_library(ws, "films", encoder_name=str(renamed)).unchanged == 4


def test_a_file_replaced_with_its_old_size_and_time_is_seen(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "films", [folder])
    path = ws.encoder_path()
    before, facts, old = path.stat(), ws.encoder_facts(), ws.encoder()
    path.write_bytes(write_tiny_encoder(tmp_path / "new.onnx", seed=3).read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert ws.encoder_facts().identity != facts.identity
    clip = np.random.default_rng(0).integers(0, 256, (1, 8, 32, 32, 3), np.uint8)
    assert float((ws.encoder().encode(clip) @ old.encode(clip).T).item()) < 0.9
    assert index_library(ws, "films").added == 4


def test_a_file_replaced_while_the_run_begins_ends_it(
    ws: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = write_tiny_encoder(tmp_path / "new.onnx", seed=3)
    carry_out = IndexRun.carry_out

    def replaced_before(self: IndexRun, *given: object, **named: object) -> None:
        os.replace(new, ws.encoder_path())
        carry_out(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(IndexRun, "carry_out", replaced_before)
    with pytest.raises(EncoderError, match="replaced by another encoder"):
        index_library(ws, "films", [folder])
    assert [row.num_clips for row in ws.catalog.encoders()] == [0, 0]


# --- catalogs of older versions --------------------------------------------------------------------------------------------------


def as_an_older_version_left_it(ws: Workspace, **card: object) -> None:
    """The first encoder of the catalog is known by what its file claims for the weights."""
    (row, *_) = ws.catalog.encoders()
    stored = json.loads(row.card_json) | card
    ws.close()
    engine = sa.create_engine(ws.settings.catalog_url)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE encoder SET identity = NULL, weights_sha256 = :sha, card_json = :card WHERE id = :id"),
            {"sha": stored["weights_sha256"], "card": json.dumps(stored), "id": row.id},
        )
    engine.dispose()


def test_old_catalog__a_known_encoder_keeps_its_number_and_vectors(ws: Workspace, folder: Path, home: Path) -> None:
    index_library(ws, "films", [folder])
    known = ws.encoder_id()
    as_an_older_version_left_it(ws)
    with Workspace(ws.settings) as again:
        assert index_library(again, "films").unchanged == 4
        assert [(row.id, row.identity) for row in again.catalog.encoders()] == [(known, again.encoder_facts().identity)]
        assert find_similar(again, ClipQuery(path=folder / "a.mp4")).hits[0].path == folder / "a.mp4"


def test_old_catalog__another_file_was_used_last_but_has_no_vectors(ws: Workspace, folder: Path) -> None:
    index_library(ws, "films", [folder])
    as_an_older_version_left_it(ws, spans_s=[1.0], name="variant")
    with Workspace(ws.settings) as again:
        assert index_library(again, "films").unchanged == 4


def test_old_catalog__a_liar_is_told(ws: Workspace, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    odd.edit(ws.encoder_path(), other_weight)
    index_library(ws, "films", [folder])
    as_an_older_version_left_it(ws)
    with Workspace(ws.settings) as again:
        assert index_library(again, "films").added == 4
    assert [record.message for record in caplog.records if "another hash than it claims" in record.message]


def test_old_catalog__mixed_vectors_are_told(ws: Workspace, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    index_library(ws, "films", [folder])
    as_an_older_version_left_it(ws)
    other = odd.edit_card(write_tiny_encoder(tmp_path / "other.onnx"), spans_s=[1.0])
    with Workspace(ws.settings) as again:
        assert index_library(again, "films", encoder_name=str(other)).added == 4
        assert index_library(again, "films").unchanged == 4, "who made them keeps them"
    assert [record.message for record in caplog.records if "of other lengths" in record.message]


# --- tried, however it comes -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (odd.endless, "did not come to an end"),
        (odd.with_outside_weights, "a second file"),
        (lambda path: odd.with_outside_weights(path, "../../etc/passwd"), "a second file"),
        (lambda path: odd.edit_card(write_tiny_encoder(path), dim=47), "dim 47"),
    ],
)
def test_add__tries_the_copy_and_leaves_nothing_of_a_bad_one(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    source = make(tmp_path / "source" / "odd.onnx")
    with pytest.raises(EncoderError, match=rf"source/odd\.onnx .*{said}"):
        add_encoder(tmp_path / "home" / "encoders", source)
    assert not (tmp_path / "home" / "encoders").exists()
    good = write_tiny_encoder(tmp_path / "good.onnx", name="odd")
    added = add_encoder(tmp_path / "home" / "encoders", good)
    before = added.path.read_bytes()
    with pytest.raises(EncoderError):
        add_encoder(tmp_path / "home" / "encoders", source, name="odd", replace=True)
    assert added.path.read_bytes() == before
    assert [path.name for path in added.path.parent.iterdir()] == ["odd.onnx"]


@pytest.mark.usefixtures("impatient")
def test_a_file_that_is_named_or_dropped_in_is_tried_at_first_use(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    named, dropped = odd.endless(tmp_path / "odd.onnx"), odd.random(ws.encoders_folder / "dropped.onnx")
    for name in (str(named), dropped.stem):
        with pytest.raises(EncoderError, match="was tried and does not work"):
            index_library(ws, "films", [folder], encoder_name=name)
    assert ws.catalog.encoders() == []


@pytest.mark.usefixtures("impatient")
def test_doctor__does_not_hang_with_an_encoder_that_does(ws: Workspace) -> None:
    odd.endless(ws.encoder_path())
    (finding,) = [finding for finding in examine(ws) if finding.subject == "encoder default"]
    assert finding.level == "wrong" and "did not come to an end" in finding.detail


def test_outside_weights__deep_inside_are_found(tmp_path: Path) -> None:
    """In a loop's body, as an attribute's tensor."""

    def hide(model: onnx.ModelProto) -> None:
        body = model.graph.node[-1].attribute[0].g
        constant = onnx.helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], [0.0])
        constant.ClearField("float_data")
        constant.data_location = onnx.TensorProto.EXTERNAL
        constant.external_data.add(key="location", value="/etc/passwd")
        body.node.append(onnx.helper.make_node("Constant", [], ["unused"], value=constant))

    path = odd.edit(odd.endless(tmp_path / "odd.onnx"), hide)
    with pytest.raises(EncoderError, match="a second file"):
        check_self_contained(path)


# --- files that are none ---------------------------------------------------------------------------------------------------------


def test_card__of_a_pipe_or_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "folder.onnx").mkdir()
    refused: list[str] = []

    def look() -> None:
        for name in ("pipe.onnx", "folder.onnx"):
            with pytest.raises(EncoderCardError) as caught:
                read_facts(tmp_path / name)
            refused.append(str(caught.value))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(30)
    assert len(refused) == 2 and all("no file but a folder" in said for said in refused)


def test_list__bears_whatever_lies_in_the_folder(ws: Workspace) -> None:
    ws.encoders_folder.joinpath("gone.onnx").symlink_to("nowhere")
    ws.encoders_folder.joinpath("folder.onnx").mkdir()
    ws.encoders_folder.joinpath("text ü.onnx").write_text("no encoder")
    for file in list_encoders(ws.encoders_folder):
        if file.path.stem in ("gone", "folder", "text ü"):
            assert file.size_bytes >= 0
            with pytest.raises(EncoderError):
                file.read_card()


def two_cards(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="vret.card", value=model.metadata_props[0].value)


def long_card(model: onnx.ModelProto) -> None:
    card = json.loads(model.metadata_props[0].value)
    model.metadata_props[0].value = json.dumps(card | {"training": {"words": "x" * 3_000_000}})


def deep_card(model: onnx.ModelProto) -> None:
    model.metadata_props[0].value = "[" * 200_000


@pytest.mark.parametrize(("change", "said"), [(two_cards, "2 cards"), (long_card, "a card of 3"), (deep_card, "nested too deeply")])
def test_card__that_is_odd_is_refused(tmp_path: Path, change: Callable[[onnx.ModelProto], None], said: str) -> None:
    with pytest.raises(EncoderCardError, match=said):
        read_card(odd.edit(write_tiny_encoder(tmp_path / "odd.onnx"), change))
