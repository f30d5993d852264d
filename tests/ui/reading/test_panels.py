"""Which panel of the reading page shows a model."""

import pytest

from ui.cache import cached_cards
from ui.reading.panels import PANELS, kind_of


@pytest.fixture(scope="module")
def kinds():
    return {slug: kind_of(card) for slug, card in cached_cards()[0].items()}


def test_every_shipped_model_has_a_panel_and_every_panel_a_model(kinds):
    assert set(kinds.values()) == set(PANELS)


@pytest.mark.parametrize(
    ("slug", "kind"),
    [
        ("pneumonia-chest-xray", "classification"),
        ("fundus-vessels", "segmentation"),
        ("dementia-table", "multi_input"),
        ("dementia-picture-table", "multi_input"),
        ("heart-cine-gru", "multi_input"),
        ("glioma-late-fusion", "multi_input"),
    ],
)
def test_a_panel_is_chosen_by_the_task_then_by_the_inputs(kinds, slug, kind):
    assert kinds[slug] == kind
