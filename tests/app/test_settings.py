from pathlib import Path

import pytest

from app.errors import AppError
from app.settings import Settings


def test_environment_decides(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {
            "VRET_HOME": str(tmp_path),
            "VRET_CATALOG_URL": "postgresql://me:secret@host/vret",
            "VRET_ENCODER": "pace",
            "VRET_UI_PORT": "9000",
        }
    )
    assert settings.home == tmp_path
    assert settings.encoder_name == "pace"
    assert settings.ui_port == 9000
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


def test_without_home_the_platform_decides() -> None:
    assert Settings.from_environment({}).home.name == "vret"


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_must_be_one(port: str) -> None:
    with pytest.raises(AppError, match=f"VRET_UI_PORT.*'{port}'"):
        Settings.from_environment({"VRET_UI_PORT": port})
