import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.errors import AppError
from app.settings import Settings


def test_environment_decides(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "VRET_HOME": str(tmp_path),
            "VRET_CATALOG_URL": "postgresql://me:secret@host/vret",
            "VRET_ENCODER": "pace",
            "VRET_UI_PORT": "9000",
            "VRET_UI_HOSTS": "vret.example.com, 10.0.0.7,",
        }
    )
    assert settings.home == tmp_path
    assert settings.encoder_name == "pace"
    assert settings.ui_port == 9000
    assert settings.ui_hosts == ("vret.example.com", "10.0.0.7")
    assert "secret" not in settings.shown_catalog_url
    assert settings.shown_catalog_url.endswith("@host/vret")


def test_a_password_among_the_options_is_not_shown(tmp_path: Path) -> None:
    url = "postgresql://host/vret?user=me&password=secret&sslmode=require&sslpassword=hidden"
    shown = Settings(home=tmp_path, catalog_url=url).shown_catalog_url
    assert shown == "postgresql://host/vret?user=me&password=***&sslmode=require&sslpassword=***"


def test_everything_lies_in_home_by_default(tmp_path: Path) -> None:
    settings = Settings.from_environment({"VRET_HOME": str(tmp_path), "VRET_ENCODER": ""})
    assert settings == Settings.at(tmp_path)
    assert settings.catalog_url == f"sqlite:///{tmp_path}/catalog.db"


@pytest.mark.parametrize(
    "name", ["plain", "what?", "a%20b", "x?timeout=1", "#;&=", "new\nline", "a:b@c", "мир", os.fsdecode(b"b\xffd")]
)
def test_the_catalogs_url_gives_the_folders_name_back(tmp_path: Path, name: str) -> None:
    settings = Settings.from_environment({"VRET_HOME": str(tmp_path / name)})
    url = sa.make_url(settings.catalog_url)
    assert (url.database, dict(url.query)) == (str(tmp_path / name / "catalog.db"), {})
    assert sa.make_url(settings.shown_catalog_url).database == url.database
    if name.isascii():
        assert sa.URL.create("sqlite", database=url.database).render_as_string() == str(url)


def test_home_of_somebody_unknown_is_said() -> None:
    with pytest.raises(AppError, match=r"VRET_HOME is '~nobody-of-that-name/x'.*no such home folder"):
        Settings.from_environment({"VRET_HOME": "~nobody-of-that-name/x"})
    with pytest.raises(AppError, match="no such home folder"):
        Settings.at(Path("~nobody-of-that-name"))


def test_without_any_home_folder_nothing_is_called_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_data_path", lambda *_, **__: Path("~/.local/share/vret"))
    with pytest.raises(AppError, match="VRET_HOME"):
        Settings.from_environment({})


def test_without_home_the_platform_decides() -> None:
    assert Settings.from_environment({}).home.name == "vret"


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_must_be_one(port: str) -> None:
    with pytest.raises(AppError, match=f"VRET_UI_PORT.*'{port}'"):
        Settings.from_environment({"VRET_UI_PORT": port})
