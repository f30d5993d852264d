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


def _listed(words: str) -> frozenset[str]:
    """Terms with a comma between them, which may have blanks inside."""
    return frozenset(" ".join(word.split()) for word in words.split(","))


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
    "AP PA LL RL RLD LLD RLO LLO LAT LLAT RLAT LATERAL LPO RPO LAO RAO AXIAL OBL OBLIQUE TAN TANGENTIAL DECUB CC MLO "
    "ML LM LMO SIO ISO XCC XCCL XCCM FB CV AT RM SPECIMEN SUPINE ERECT PRONE"
)
#: Image Laterality and Laterality (PS3.3 C.7.3.1 and C.8.11.7).
_SIDES = frozenset("RLBU")
#: Scanning Sequence (PS3.3 C.8.3.1).
_SEQUENCES = frozenset({"SE", "IR", "GR", "EP", "RM"})
#: Image Type and Frame Type, underscores as blanks: values 1 and 2 (PS3.3 C.7.6.1.1.2), then those of CT, MR, NM, PET,
#: US, X-ray, mammography, radiotherapy, ophthalmology, microscopy and enhanced images (C.8), and those that makers
#: write behind them. Ultrasound's number of its modes (value 4, C.8.5.6.1.1) is left out: a date can have its shape.
_IMAGE_TYPES = _listed(
    "2D, 2D IMAGING, 3D, 3D RENDERING, ABDOMINAL, ADC, ADDITION, ANGIO, ANGIO TIME, ASL, ATTENUATION, AVERAGE, AXIAL, "
    "B0, BIPLANE A, BIPLANE B, BLANK, BREAST, CAPTURE, CARDIAC, CARDIAC CASCORE, CARDIAC CTA, CARDIAC GATED, CARDRESP "
    "GATED, CBF, CBV, CHEST, CINE, COLOR, COLOR DOPPLER, COLOR M-MODE, COLOR POWER MODE, CORNEAL TOPO, CORONAL, CSA, "
    "CSA RESAMPLED, CSAPARALLEL, CT SOM5, CT SOM5 SEQ, CT SOM5 SPI, CT SOM5 TOP, CT SOM7, CT SOM7 SPI, "
    "CW DOPPLER, DENSITY MAP, DERIVED, DIFF MAP, DIFFUSION, DIFFUSION "
    "MAP, DIS2D, DIS2D M, DIS3D, DIVISION, DIXON, DRR, DUAL, DWI, DYNAMIC, EFF ATOMIC NUM, ELECTRON DENSITY, "
    "EMISSION, ENDOCAVITARY, ENDORECTAL, ENDOVAGINAL, ENERGY, ENERGY PROP WT, ENHANCED, EPICARDIAL, F, FA, FAT, FETAL "
    "HEART, FFE, FIL, FILTERED, FLOW, FLOW ENCODED, FLUENCE, FLUID ATTENUATED, FLUOROSCOPY, FM, FM3 2, FMRI, GATED, "
    "GATED TOMO, GENERATED 2D, GYNECOLOGY, HELICAL, HIGH ENERGY, I, I FFE, IMAGE ADDITION, IMAGINARY, IN PHASE, "
    "INTRACARDIAC, INTRAOPERATIVE, INTRAVASCULAR, IODINE, IP, ISOTROPIC, LABEL, LOCALIZER, LONGITUDINAL, LOW ENERGY, "
    "M, M FFE, M IR, M MODE, M PCA, M SE, MAG, MAG REFORMAT, MAGNITUDE, MASKED, MAT FRACTIONAL, MAT MODIFIED, MAT "
    "REMOVED, MAT SPECIFIC, MAT VALUE BASED, MAX IP, MAXIMUM, MEAN, MEDIAN, METABOLITE MAP, MFSPLIT, MIN IP, MINIMUM, "
    "MINIP, MIP, MIXED, MIXED ENERGY, MODULUS SUBTRACT, MONO, MONOENERGETIC, MONTAGE, MOSAIC, MOTION, MPR, MTT, "
    "MULTIECHO, MULTIPLICATION, MUSCULOSKELETAL, ND, NEONATAL HEAD, NON PARALLEL, NONE, NORM, OBLIQUE, OBSTETRICAL, "
    "ONH, OP, OPHTHALMIC, OPP PHASE, ORIGINAL, OTHER, OUT PHASE, OVERLAY, OVERVIEW, P, P FFE, P PCA, P SE, PALETTE, "
    "PARALLEL, PDW, PEDIATRIC, PELVIC, PERFUSION, PERMEABILITY, PHASE, PHASE MAP, PHASE SUBTRACT, PORTAL, POST "
    "CONTRAST, POST PROCESSED, POSTBIOPSY, POSTBIOPSY MINUS, POSTBIOPSY PLUS, POSTFIRE, POSTFIRE MINUS, POSTFIRE "
    "PLUS, POSTMARKER, POSTMARKER MINUS, POSTMARKER PLUS, PRE CONTRAST, PREFIRE, PREFIRE MINUS, PREFIRE PLUS, "
    "PRESENTATION, PRIMARY, PROCESSED, PROJECTION, PROJECTION IMAGE, PROTON DENSITY, PW DOPPLER, QUALITY CONTROL, "
    "QUANTITY, R, R FFE, RADIAL, RADIANCE, RADIOGRAPH, RCBF, RCBV, REAL, REALTIME, RECON, RECON GATED TOMO, RECON "
    "TOMO, REFERENCE, REFORMATTED, RELCBF, RELCBV, RESAMPLED, RESP GATED, REST, RETINAL THICK, RETROPERITONEAL, "
    "SAGITTAL, SCOUT, SCREEN, SCREENSHOT, SCROTAL, SE, SECONDARY, SH, SIMULATOR, SINGLE PLANE, SMALL PARTS, SNAPSHOT, "
    "SPATIALLY-RELATED FRAMES, SPECTROSCOPY, SPI, SPIRAL, STATIC, STD DEVIATION, STDDEV, STEREO L, STEREO MINUS, "
    "STEREO PLUS, STEREO R, STEREO SCOUT, STIR, STRESS, SUBTRACTION, SURVEY, T1, T1 MAP, T2, T2 MAP, T2 STAR, T2STAR, "
    "TAGGING, TEE, TEMPERATURE, THUMBNAIL, THYROID, TISSUE CHARACTERIZATION, TMAX, TOF, TOMO, TOMO PROJ, TOMO SCOUT, "
    "TOMOSYNTHESIS, TOPOGRAM, TRACE, TRACEW, TRANSCRANIAL, TRANSMISSION, TTE, TTP, US BIOPSY, VASCULAR, VELOCITY, "
    "VELOCITY MAP, VIRTUAL MONO, VIRTUAL NON CONTRAST, VMI, VNC, VOLUME, W, WATER, WATER FAT, WHOLE, WHOLE BODY, ZEFF"
)
#: Body Part Examined (PS3.16 table L-1, with its spellings), and the words that systems write for the same.
BODY_PARTS = _listed(
    "3RDVENTRICLE, 4THVENTRICLE, ABD, ABDOMEN, ABDOMEN PELVIS, ABDOMENPELVIS, ABDOMINAL, ABDOMINALAORTA, ACA, "
    "ACJOINT, ADRENAL, AMNIOTICFLUID, ANKLE, ANTCARDIACV, ANTCOMMA, ANTECUBITALV, ANTSPINALA, ANTTIBIALA, "
    "ANUSRECTUMSIGMD, AORTA, AORTICARCH, APPENDIX, ARM, ARTERY, ASCAORTA, ASCENDINGCOLON, ASILARA, AXILLA, AXILLARYA, "
    "AXILLARYV, AZYGOSVEIN, BACK, BASILARA, BILEDUCT, BILIARYTRACT, BLADDER, BLADDERURETHRA, BODY, BRACHIALA, "
    "BRACHIALV, BRAIN, BREAST, BRONCHUS, BULB, BUTTOCK, C SPINE, CALCANEUS, CALF, CARDIAC, CAROTID, CCA, CELIACA, "
    "CEPHALICV, CEREBELLUM, CEREBHEMISPHERE, CEREBRALA, CERVICAL SPINE, CERVICALSPINE, CERVIX, CFA, CFV, CHEEK, "
    "CHEST, CHEST ABDOMEN, CHEST ABDOMEN PELVIS, CHESTABDOMEN, CHESTABDPELVIS, CHESTPELVIS, CHOROIDPLEXUS, "
    "CIRCLEOFWILLIS, CLAVICLE, COCCYX, COLON, COLUMN, COMILIACA, COMILIACV, COMMONBILEDUCT, CORNEA, CORONARYARTERY, "
    "CORONARYSINUS, CSPINE, CTSPINE, CULDESAC, DESCAORTA, DESCENDINGCOLON, DUODENUM, EAC, EAR, ECA, ELBOW, "
    "ENDOARTERIAL, ENDOCARDIAC, ENDOESOPHAGEAL, ENDOMETRIUM, ENDONASAL, ENDONASOPHARYNX, ENDONASOPHARYNYX, "
    "ENDORECTAL, ENDORENAL, ENDOURETERIC, ENDOURETHRAL, ENDOVAGINAL, ENDOVASCULAR, ENDOVENOUS, ENDOVESICAL, "
    "EPIDIDYMIS, EPIGASTRIC, ESOPHAGUS, EXTILIACA, EXTILIACV, EXTJUGV, EXTREMITY, EYE, EYELID, FACE, FACIALA, "
    "FEMORALA, FEMORALV, FEMUR, FETALARM, FETALDIGIT, FETALHEART, FETALLEG, FETALPOLE, FIBULA, FINGER, FLANK, "
    "FONTANEL, FOOT, FOREARM, FUNDUS, GALLBLADDER, GASTRICV, GENICULARA, GESTSAC, GLUTEAL, GSV, HAND, HEAD, HEAD "
    "NECK, HEADNECK, HEART, HEPATICA, HEPATICV, HIP, HUMERUS, HYPOGASTRIC, HYPOPHARYNX, IAC, ICA, ILEUM, ILIACA, "
    "ILIACV, ILIUM, INFMESA, INFVENACAVA, INGUINAL, INNOMINATEA, INNOMINATEV, INTILIACA, INTJUGULARV, INTMAMMARYA, "
    "INTRACRANIAL, JAW, JAWS, JEJUNUM, JOINT, KIDNEY, KNEE, L SPINE, LACRIMALA, LARGEINTESTINE, LARYNX, LATRIUM, "
    "LATVENTRICLE, LEG, LFEMORALA, LHEPATICV, LHYPOCHONDRIAC, LINGUALA, LINGUINAL, LIVER, LLQ, LLUMBAR, LOWER LEG, "
    "LOWERLEG, LOWERLIMB, LPORTALV, LPULMONARYA, LSPINE, LSSPINE, LSUPPULMONARYV, LUMBAR, LUMBAR SPINE, LUMBARA, "
    "LUMEN, LUNG, LUNGS, LUQ, LVENTRICLE, MACULA, MAMMA, MANDIBLE, MASTOID, MAXILLA, MCA, MEDIASTINUM, MESENTRICA, "
    "MESENTRICV, MIDHEPATICV, MORISONSPOUCH, MOUTH, NASOPHARYNX, NECK, NECK CHEST, NECKCHEST, NECKCHESTABDOMEN, "
    "NECKCHESTABDPELV, NOSE, OCCIPTALV, OCCPITALA, OPHTHALMICA, OPTICCANAL, OPTICDISC, ORBIT, OVARY, PANCBILEDUCT, "
    "PANCREAS, PANCREATICDUCT, PANORAMIC, PARASTERNAL, PARATHYROID, PAROTID, PATELLA, PCA, PELVIS, PELVISLOWEXTREMT, "
    "PENILEA, PENIS, PERINEUM, PERONEALA, PHANTOM, PHARYNX, PHARYNXLARYNX, PITUITARY, PLACENTA, POPLITEALA, "
    "POPLITEALFOSSA, POPLITEALV, PORTALV, POSCOMMA, POSTIBIALA, PROFFEMA, PROFFEMV, PROSTATE, PULMONARYA, PULMONARYV, "
    "RADIALA, RADIUS, RADIUSULNA, RATRIUM, RECTUM, RENALA, RENALV, RETINA, RETROPERITONEUM, RFEMORALA, RHEPATICV, "
    "RHYPOCHONDRIAC, RIB, RIBS, RINGUINAL, RLQ, RLUMBAR, RPORTALV, RPULMONARYA, RSUPPULMONARYV, RUQ, RVENTRICLE, "
    "SACRUM, SAPHENOUSV, SCALP, SCAPULA, SCJOINT, SCLERA, SCROTUM, SELLA, SEMVESICLE, SESAMOID, SFA, SFJ, SFV, "
    "SHOULDER, SIGMOID, SIJOINT, SINUS, SINUSES, SKIN, SKULL, SMA, SMALLINTESTINE, SPINALCORD, SPINE, SPLEEN, "
    "SPLENICA, SPLENICV, SSPINE, STERNUM, STOMACH, SUBCLAVIANA, SUBCLAVIANV, SUBCOSTAL, SUBMANDIBULAR, "
    "SUPRACLAVICULAR, SUPRAPUBIC, SUPTHYROIDA, SVC, T SPINE, TEETH, TESTIS, THALAMUS, THIGH, THORACIC SPINE, "
    "THORACICAORTA, THORAX, THUMB, THYMUS, THYROID, TIBIA, TIBIAFIBULA, TLSPINE, TMJ, TOE, TONGUE, TRACHEA, "
    "TRACHEABRONCHUS, TRANSVERSECOLON, TSPINE, ULNA, ULNARA, UMBILICAL, UMBILICALA, UMBILICALV, UPPER ARM, UPPERARM, "
    "UPPERLIMB, UPRURINARYTRACT, URETER, URETHRA, URINARYTRACT, UTERUS, VAGINA, VEIN, VERTEBRALA, VULVA, WHOLE BODY, "
    "WHOLEBODY, WRIST, ZYGOMA"
)
#: Convolution Kernel by how makers name theirs: Siemens (B30f, Br40d\3, Hr68h), Canon (FC08-H), Philips (B, YA, UB),
#: and the words of GE and of general use. DICOM defines none, so a letter with a bare number, which initials and a year
#: look like, is none; strengths of iterative reconstruction go from 1 to 5.
_KERNEL_PATTERNS = re.compile(
    r"[BHUJITDQS]\d{2}[fhimsuv]|[BHUTQS][cflnprv]\d{2}[a-z]?|FC\d{2}(?:-[HQS])?|[A-F]|L|[UY][A-F]|IMR[1-3]|[1-5]",
    re.ASCII,
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
    "PULMONARY PET INVERTED VOI LUT LINEAR SIGMOID IDENTITY DISPLAY EAR INNER PETROUS ORBIT SINUS SINUSES LARYNX "
    "KIDNEY KIDNEYS RIBS BASE SKULL HRCT 1 2 3 4 5 6 7 8 9"
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
        elif term.upper().replace("_", " ") in _TERMS.get(keyword, ()):
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
