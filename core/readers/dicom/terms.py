r"""The words of a DICOM header that may leave it: DICOM's defined terms, and vocabularies of series and windows.

Elements such as View Position or Convolution Kernel are short codes by their definition and free text in practice: a
name typed there has the same shape as a code. So nothing passes by its shape; only what stands in these lists does, and
the rest is left out in silence, since repeating it in a sentence would tell it.

Example:
    >>> defined_terms("ViewPosition", "PA")
    ('PA',)
    >>> defined_terms("ViewPosition", "ROE^RICHARD")
    ()
    >>> described_words("ROE RICHARD t1_mprage sag post Gd")
    ('t1', 'mprage', 'sag', 'post', 'gd')
"""

from __future__ import annotations

import re


def _terms(words: str, separator: str | None = None) -> frozenset[str]:
    return frozenset(words.split(separator))


#: Modality (PS3.3 C.7.3.1.1.1), retired terms included.
MODALITIES = _terms(
    "ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT "
    "IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPR OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF "
    "RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SC SEG SM SMR SR SRF STAIN TEXTUREMAP TG "
    "US VA XA XAPROTOCOL XC AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST VF"
)
#: Photometric Interpretation (PS3.3 C.7.6.3.1.2), retired terms included.
PHOTOMETRICS = _terms(
    "MONOCHROME1,MONOCHROME2,PALETTE COLOR,RGB,YBR_FULL,YBR_FULL_422,YBR_PARTIAL_422,YBR_PARTIAL_420,YBR_ICT,YBR_RCT,"
    "XYB,HSV,ARGB,CMYK",
    ",",
)
#: View Position: PS3.3 C.8.1.3 and C.8.11.5.1 for projections, CID 4014 for mammograms, and how systems write LATERAL.
_VIEWS = _terms(
    "AP PA LL RL RLD LLD RLO LLO LAT LATERAL LPO RPO LAO RAO AXIAL OBL OBLIQUE TAN TANGENTIAL CC MLO ML LM LMO "
    "SIO XCC XCCL XCCM FB ISO SIO CV AT RM RL TAN SUPINE ERECT PRONE"
)
#: Image Laterality and Laterality (PS3.3 C.7.3.1 and C.8.11.7).
_SIDES = frozenset("RLBU")
#: Scanning Sequence (PS3.3 C.8.3.1).
_SEQUENCES = frozenset({"SE", "IR", "GR", "EP", "RM"})
#: Image Type and Frame Type: values 1 and 2 (PS3.3 C.7.6.1.1.2), then those of CT, MR, NM, PET, US, X-ray,
#: mammography, ophthalmology, dose and enhanced images (C.8), and those that makers write behind them.
_IMAGE_TYPES = _terms(
    "ORIGINAL DERIVED MIXED PRIMARY SECONDARY AXIAL LOCALIZER REFORMATTED MPR AVERAGE MIP MINIP MAX_IP MIN_IP "
    "MAXIMUM MINIMUM MEAN MEDIAN STDDEV SUBTRACTION NONE OTHER ADC FA TRACE TRACEW ISOTROPIC DIFFUSION DIFF_MAP "
    "DWI B0 PERFUSION CBF CBV MTT TTP TMAX RCBF RCBV RELCBF RELCBV PERMEABILITY T1 T2 T2_STAR T1_MAP T2_MAP "
    "T2STAR PROTON_DENSITY PDW M M_FFE M_SE M_IR M_PCA P P_FFE P_SE P_PCA R I R_FFE I_FFE MAG PHASE REAL "
    "IMAGINARY MAGNITUDE MAG_REFORMAT FFE SE ND NORM DIS2D DIS3D DIS2D_M FM FM3_2 MFSPLIT FILTERED SH FIL MOSAIC "
    "CSA CSAPARALLEL CSA_RESAMPLED WATER FAT IN_PHASE OUT_PHASE OPP_PHASE IP OP W F WATER_FAT STATIC DYNAMIC "
    "GATED WHOLE_BODY WHOLE TOMO RECON RECON_TOMO RECON_GATED_TOMO GATED_TOMO EMISSION TRANSMISSION SINGLE_PLANE "
    "BIPLANE_A BIPLANE_B VOLUME TOMOSYNTHESIS TOMO_PROJ GENERATED_2D PROJECTION RESAMPLED CT_SOM5 CT_SOM7 SPI "
    "DUAL SPIRAL HELICAL SCOUT SURVEY TOPOGRAM VIRTUAL_MONO VMI MONO MONOENERGETIC IODINE VNC "
    "VIRTUAL_NON_CONTRAST ENHANCED MIXED_ENERGY ANGIO TOF ENERGY ZEFF LABEL CARDIAC CINE FLOW VELOCITY RADIANCE "
    "RADIAL CORONAL SAGITTAL OBLIQUE COLOR CAPTURE SCREEN SCREENSHOT SNAPSHOT PALETTE LABEL OVERLAY THUMBNAIL "
    "POST_PROCESSED PRESENTATION PROCESSED QUALITY_CONTROL ATTENUATION ABDOMINAL VASCULAR 2D 3D STRESS REST"
)
#: Body Part Examined (PS3.16 Annex L), with the words that systems write for the same.
BODY_PARTS = _terms(
    "ABDOMEN,ABDOMENPELVIS,ABD,ABDOMINAL,ADRENAL,ANKLE,AORTA,ARM,AXILLA,BACK,BLADDER,BODY,BRAIN,BREAST,BRONCHUS,"
    "BUTTOCK,CALCANEUS,CALF,CARDIAC,CAROTID,CEREBELLUM,CERVIX,CHEEK,CHEST,CHESTABDOMEN,CHESTABDPELVIS,CHESTPELVIS,"
    "CHEST ABDOMEN,CHEST ABDOMEN PELVIS,ABDOMEN PELVIS,CLAVICLE,COCCYX,COLON,CORNEA,CORONARYARTERY,CSPINE,C SPINE,"
    "CERVICAL SPINE,CERVICALSPINE,CTSPINE,DUODENUM,EAR,ELBOW,ENDOMETRIUM,ESOPHAGUS,EXTREMITY,EYE,EYELID,FACE,FEMUR,"
    "FIBULA,FINGER,FOOT,FOREARM,GALLBLADDER,HAND,HEAD,HEADNECK,HEAD NECK,HEART,HIP,HUMERUS,IAC,ILEUM,ILIUM,JAW,"
    "JAWS,JEJUNUM,JOINT,KIDNEY,KNEE,LARYNX,LEG,LIVER,LOWERLEG,LOWER LEG,LSPINE,L SPINE,LSSPINE,LUMBAR SPINE,LUNG,LUNGS,"
    "MANDIBLE,MAXILLA,MEDIASTINUM,MOUTH,NECK,NECKCHEST,NECK CHEST,NOSE,OPTICCANAL,ORBIT,OVARY,PANCREAS,PANCREATICDUCT,"
    "PANORAMIC,PATELLA,PELVIS,PENIS,PERINEUM,PHARYNX,PITUITARY,PLACENTA,PROSTATE,RECTUM,RETINA,RIB,RIBS,SACRUM,SCALP,"
    "SCAPULA,SCLERA,SCROTUM,SHOULDER,SINUS,SINUSES,SKIN,SKULL,SPINE,SPINALCORD,SPLEEN,SSPINE,STERNUM,STOMACH,TEETH,"
    "TESTIS,THIGH,THORAX,THUMB,THYMUS,THYROID,TIBIA,TLSPINE,TMJ,TOE,TONGUE,TRACHEA,TSPINE,T SPINE,THORACIC SPINE,"
    "ULNA,UPPERARM,UPPER ARM,URETER,URETHRA,URINARYTRACT,UTERUS,VAGINA,VULVA,WHOLEBODY,WHOLE BODY,WRIST,ZYGOMA,RADIUS,"
    "RADIUSULNA,TIBIAFIBULA,MAMMA,COLUMN,FUNDUS,MACULA,OPTICDISC",
    ",",
)
#: Convolution Kernel by how makers name theirs: Siemens (B30f, Br40d\3, Hr68h), Canon (FC08-H), Philips (B, YA, UB),
#: and the words of GE and of general use.
_KERNEL_PATTERNS = re.compile(
    r"[BHUJITDQS](?:[cflnprv])?\d{2}[a-z]?|FC\d{2}(?:-[HQS])?|[A-F]|L|[UY][A-F]|IMR[1-3]|\d{1,2}", re.ASCII
)
_KERNEL_WORDS = _terms(
    "STANDARD STND STD SOFT SMOOTH BONE BONEPLUS BONE_PLUS LUNG DETAIL EDGE CHEST ULTRA HD SHARP SHARPER MEDIUM "
    "HARD EXTRA HIGH LOW PLUS BODY BRAIN HEAD NEURO CARDIAC CARDIO TISSUE ANGIO FILTER RAMP GAUSSIAN HANN HANNING "
    "HAMMING BUTTERWORTH SHEPP LOGAN SHEPP-LOGAN RAM-LAK NONE ALL-PASS"
)
#: What window explanations are made of (PS3.3 C.11.2.1.2 names none): tissues, regions and how hard a window is.
_WINDOW_WORDS = _terms(
    "WINDOW WIN WINDOW1 WINDOW2 WINDOW3 ALGO1 ALGO2 ALGO3 NORMAL HARDER SOFTER HARD SOFT DEFAULT AUTO AUTOMATIC "
    "USER STANDARD PRESET BRAIN BONE BONES LUNG LUNGS TISSUE TISSUES MEDIASTINUM MEDIASTINAL ABDOMEN ABDOMINAL "
    "LIVER CHEST HEAD NECK SPINE PELVIS STROKE SUBDURAL BLOOD POSTERIOR FOSSA TEMPORAL ANGIO ANGIOGRAPHY CTA "
    "VESSEL VESSELS CARDIAC HEART BREAST FAT WATER CONTRAST FULL RANGE WIDE NARROW MIN MAX HIGH LOW LEVEL "
    "PULMONARY PET INVERTED VOI LUT LINEAR SIGMOID IDENTITY DISPLAY 1 2 3 4 5 6 7 8 9"
)
#: What a series is, in words of Series Description and Protocol Name: weighting, plane, contrast, sequence, region.
_SERIES_WORDS = _terms(
    "t1 t1w t1c t1ce t1gd t2 t2w t2star pd pdw flair stir dwi adc swi swan gre tse fse se ffe spgr mprage mpr "
    "bravo vibe dixon haste space cube tirm tof mra mrv bold dti perfusion dsc dce asl trace trufi fiesta ssfp "
    "bssfp lge dark fluid tfe bffe pre post without with contrast native gd gad gadolinium km kontrast plain "
    "enhanced arterial venous portal delayed late early ax axial tra trans transversal transverse cor coronal "
    "coronary sag sagittal obl oblique sax lax short long axis 2ch 3ch 4ch chamber cine scout localizer localiser "
    "survey head brain neck chest thorax lung abdomen liver pelvis spine knee hip shoulder breast heart cardiac "
    "aorta pa ap lat lateral 2d 3d bone soft tissue mip reformat map"
)
_TERMS = {
    "ViewPosition": _VIEWS,
    "ImageLaterality": _SIDES,
    "Laterality": _SIDES,
    "ScanningSequence": _SEQUENCES,
    "ImageType": _IMAGE_TYPES,
    "Modality": MODALITIES,
    "BodyPartExamined": BODY_PARTS,
}
#: Words that are read of a description at most; a series has a dozen.
_DESCRIPTION = 256


def defined_terms(keyword: str, value: str) -> tuple[str, ...]:
    r"""Those values of an element that DICOM or a maker's documentation defines, in upper case but for kernels.

    Args:
        keyword: `ViewPosition`, `ConvolutionKernel`, …; elements that have no list give nothing.
        value: Its values as text, joined by a backslash.
    """
    found = []
    for part in value[: 1 << 12].split("\\"):
        term = " ".join(part.split())
        if keyword == "ConvolutionKernel":
            if _is_kernel(term):
                found.append(term)
        elif term.upper() in _TERMS.get(keyword, ()):
            found.append(term.upper())
    return tuple(found)


def _is_kernel(term: str) -> bool:
    words = term.upper().split()
    return bool(_KERNEL_PATTERNS.fullmatch(term) or (words and all(word in _KERNEL_WORDS for word in words)))


def window_name(explanation: str) -> str:
    """A window's explanation where each of its words is one of the vocabulary, e.g. `"Soft tissue"`; else `""`."""
    name = " ".join(explanation[:64].split())
    words = re.split(r"[ _/-]+", name.upper())
    return name if all(word in _WINDOW_WORDS for word in words) else ""


def described_words(description: str) -> tuple[str, ...]:
    """The words of a free description that say what kind of series it is, each once, in lower case.

    For finding which series is which input of a model; what else stands there stays in the file.
    """
    words = re.split(r"[^a-z0-9]+", description[:_DESCRIPTION].lower())
    return tuple(dict.fromkeys(word for word in words if word in _SERIES_WORDS))
