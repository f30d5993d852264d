"""What the numbers in MedMNIST's files mean (Yang et al. 2023, doi:10.1038/s41597-022-01721-8; medmnist 3.0.2).

The files hold numbers only, and in some a 1 is the healthy class. A file is known by its name and its number of
classes together; for others the numbers stay, and what is positive is asked.
"""

from __future__ import annotations

_ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left",
    "lung-right", "pancreas", "spleen",
)  # fmt: skip

#: Start of the file's name to the labels in the order of their numbers.
LABELS: dict[str, tuple[str, ...]] = {
    "pathmnist": (
        "adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle", "normal colon mucosa",
        "cancer-associated stroma", "colorectal adenocarcinoma epithelium",
    ),
    "chestmnist": (
        "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax",
        "consolidation", "edema", "emphysema", "fibrosis", "pleural", "hernia",
    ),
    "dermamnist": (
        "actinic keratoses and intraepithelial carcinoma", "basal cell carcinoma", "benign keratosis-like lesions",
        "dermatofibroma", "melanoma", "melanocytic nevi", "vascular lesions",
    ),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    "pneumoniamnist": ("normal", "pneumonia"),
    "retinamnist": ("0", "1", "2", "3", "4"),
    "breastmnist": ("malignant", "normal, benign"),
    "bloodmnist": (
        "basophil", "eosinophil", "erythroblast", "immature granulocytes", "lymphocyte", "monocyte", "neutrophil",
        "platelet",
    ),
    "tissuemnist": (
        "Collecting Duct, Connecting Tubule", "Distal Convoluted Tubule", "Glomerular endothelial cells",
        "Interstitial endothelial cells", "Leukocytes", "Podocytes", "Proximal Tubule Segments",
        "Thick Ascending Limb",
    ),
    "organamnist": _ORGANS,
    "organcmnist": _ORGANS,
    "organsmnist": _ORGANS,
    "organmnist3d": (
        "liver", "kidney-right", "kidney-left", "femur-right", "femur-left", "bladder", "heart", "lung-right",
        "lung-left", "spleen", "pancreas",
    ),
    "nodulemnist3d": ("benign", "malignant"),
    "adrenalmnist3d": ("normal", "hyperplasia"),
    "fracturemnist3d": ("buckle rib fracture", "nondisplaced rib fracture", "displaced rib fracture"),
    "vesselmnist3d": ("vessel", "aneurysm"),
    "synapsemnist3d": ("inhibitory synapse", "excitatory synapse"),
}  # fmt: skip


#: Sets whose images may have several labels or none.
_SEVERAL = frozenset({"chestmnist"})


def is_multilabel(file_name: str, classes: int) -> bool:
    """Whether a file is one of MedMNIST's whose images may have several labels or none."""
    start = file_name.rsplit("/", 1)[-1].lower()
    return any(start.startswith(flag) and len(LABELS[flag]) == classes for flag in _SEVERAL)


def known_labels(file_name: str, classes: int) -> tuple[str, ...]:
    """The labels of a file, `()` where it is none of MedMNIST's or has another number of classes.

    Args:
        file_name: E.g. `"pneumoniamnist_64.npz"`.
        classes: One more than the largest number found, or the number of columns.
    """
    start = file_name.rsplit("/", 1)[-1].lower()
    flag = max((flag for flag in LABELS if start.startswith(flag)), key=len, default="")
    labels = LABELS.get(flag, ())
    return labels if len(labels) >= classes else ()
