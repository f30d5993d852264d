"""The tables of results.

Names begin with `scanlens_`, so that they may share a database with others. Case names and patient keys are stored as
the dataset has them, on the user's own machine or server only; pixels never are.
"""

from __future__ import annotations

import sqlalchemy as sa

#: Raised with every change of the tables below.
SCHEMA_VERSION = 1

TABLES = sa.MetaData()

FACTS = sa.Table(
    "scanlens_facts",
    TABLES,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

DATASETS = sa.Table(
    "scanlens_datasets",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("place", sa.String(64), nullable=False, unique=True),  # sha256 of location and options
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("layout", sa.Text, nullable=False),
    sa.Column("options", sa.Text, nullable=False),  # JSON
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("labels", sa.Text, nullable=False),  # JSON
    sa.Column("cases", sa.Integer, nullable=False),
    sa.Column("added", sa.Float, nullable=False),
)

LABEL_MAPS = sa.Table(
    "scanlens_label_maps",
    TABLES,
    sa.Column("dataset_id", sa.Integer, sa.ForeignKey(DATASETS.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("model", sa.String(200), primary_key=True),
    sa.Column("mapping", sa.Text, nullable=False),  # JSON
)

RUNS = sa.Table(
    "scanlens_runs",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model_sha256", sa.String(64), nullable=False),
    sa.Column("dataset_digest", sa.String(64), nullable=False),
    sa.Column("split", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),  # open or done
    sa.Column("created", sa.Float, nullable=False),  # seconds since 1970, UTC
    sa.Column("finished", sa.Float),
    sa.Column("usable", sa.Integer, nullable=False),  # cases that have a truth
    sa.Column("facts", sa.Text, nullable=False),  # JSON, as `record.facts_of` with mapping, input and versions
    sa.Column("cases", sa.LargeBinary, nullable=False),  # as `stored_cases.pack`
    sa.Column("owner", sa.Text, nullable=False),  # the process that computes it, "" for none
    sa.Column("beat", sa.Float, nullable=False),  # when it last gave a sign of life
    sa.UniqueConstraint("model_sha256", "dataset_digest", "split", name="scanlens_runs_once"),
)

#: A chunk is a few dozen cases in two arrays: a row a case would make 10,000 rows of what is 160 here.
CHUNKS = sa.Table(
    "scanlens_chunks",
    TABLES,
    sa.Column("run_id", sa.Integer, sa.ForeignKey(RUNS.c.id, ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("scored", sa.Integer, nullable=False),
    sa.Column("indices", sa.LargeBinary, nullable=False),  # (scored,) little-endian int32 into the run's cases
    sa.Column("logits", sa.LargeBinary, nullable=False),  # (scored, units) little-endian float64
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failed", sa.Text, nullable=False),  # JSON, index to sentence
)
