"""One's own models: renamed, exported and deleted, and no others."""

import io
import shutil
import zipfile
from pathlib import Path

import pytest

from core.errors import ScanLensError
from core.models.card import load_card
from core.models.own import delete_model, export_model, rename_model

SHIPPED = Path(__file__).resolve().parents[3] / "models" / "pneumonia-small-cnn"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The card of a model in a user's folder."""
    monkeypatch.setenv("SCANLENS_HOME", str(tmp_path))
    shutil.copytree(SHIPPED, tmp_path / "models" / "mine")
    return load_card(tmp_path / "models" / "mine")


def test_a_renamed_model_keeps_its_contract_numbers_and_text(own):
    renamed = rename_model(own, "  My *own*:\nmodel\\1 ")
    assert renamed.title == "My *own*: model\\1"
    assert renamed.text.startswith("# My *own*: model\\1\n")
    assert renamed.text.partition("\n")[2] == own.text.partition("\n")[2]
    assert (renamed.labels, renamed.threshold, renamed.sha256) == (own.labels, own.threshold, own.sha256)
    assert renamed.metrics == own.metrics
    assert sorted(path.name for path in own.folder.iterdir()) == sorted(path.name for path in SHIPPED.iterdir())


def test_a_name_of_nothing_is_refused_and_changes_nothing(own):
    with pytest.raises(ScanLensError, match="type one"):
        rename_model(own, " \n")
    assert load_card(own.folder).title == own.title


def test_an_export_holds_the_card_and_every_file_under_one_folder(own):
    content = export_model(own)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for path in (path for path in own.folder.rglob("*") if path.is_file()):
            assert archive.read(f"mine/{path.relative_to(own.folder).as_posix()}") == path.read_bytes()
        assert all(name.startswith("mine/") for name in archive.namelist())
    assert export_model(own) == content


def test_an_export_without_one_of_its_files_is_refused(own):
    (own.folder / "model.onnx").unlink()
    with pytest.raises(ScanLensError, match="restore"):
        export_model(own)


def test_a_file_outside_is_never_exported(own, tmp_path):
    (tmp_path / "secret").write_text("secret")
    text = (own.folder / "README.md").read_text(encoding="utf-8")
    text = text.replace("model.onnx:", "../../secret: 00\n    model.onnx:")
    (own.folder / "README.md").write_text(text, encoding="utf-8")
    changed = load_card(own.folder)
    assert "../../secret" in changed.sha256
    with pytest.raises(ScanLensError, match="restore"):
        export_model(changed)


def test_a_deleted_model_is_gone(own):
    delete_model(own)
    assert not own.folder.exists()
    delete_model(own)


@pytest.mark.parametrize("change", [delete_model, lambda card: rename_model(card, "Other")])
def test_a_shipped_model_is_left_alone(change):
    before = (SHIPPED / "README.md").read_bytes()
    with pytest.raises(ScanLensError, match="came with ScanLens"):
        change(load_card(SHIPPED))
    assert (SHIPPED / "README.md").read_bytes() == before


def test_a_link_in_the_folder_is_not_followed(own, tmp_path):
    own.folder.rename(tmp_path / "elsewhere")
    own.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ScanLensError):
        delete_model(load_card(own.folder))
    assert (tmp_path / "elsewhere" / "README.md").exists()
