"""The tables of reading sessions, beside those of `core.evaluation.store.schema`.

Names of cases are stored as their source has them; pixels, and anything else about a patient, never are.
"""

from __future__ import annotations

import sqlalchemy as sa

TABLES = sa.MetaData()

ROOMS = sa.Table(
    "scanlens_reading_rooms",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("code", sa.String(16), nullable=False, unique=True),
    sa.Column("kind", sa.String(8), nullable=False),  # class, or alone
    sa.Column("state", sa.String(8), nullable=False),  # waiting, open or closed
    sa.Column("key_hash", sa.String(64), nullable=False),  # sha256 of what the teacher's link holds
    sa.Column("created", sa.Float, nullable=False),  # seconds since 1970, UTC
    sa.Column("plan", sa.Text, nullable=False),  # JSON, as `design.Plan`
)

READERS = sa.Table(
    "scanlens_reading_readers",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("room_id", sa.Integer, sa.ForeignKey(ROOMS.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("nickname", sa.Text, nullable=False),
    sa.Column("folded", sa.String(200), nullable=False),  # the nickname without upper case
    sa.Column("token_hash", sa.String(64), nullable=False),  # sha256 of what the reader's link holds
    sa.Column("seed", sa.Integer, nullable=False),  # of the order of cases
    sa.UniqueConstraint("room_id", "folded", name="scanlens_reading_names"),
)

ANSWERS = sa.Table(
    "scanlens_reading_answers",
    TABLES,
    sa.Column(
        "reader_id", sa.Integer, sa.ForeignKey(READERS.c.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    ),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),  # of the case in the plan
    sa.Column("aided", sa.Integer, primary_key=True, autoincrement=False),  # 0 or 1
    sa.Column("called", sa.Integer, nullable=False),  # 0 or 1
    sa.Column("sureness", sa.Integer, nullable=False),  # 1 to 5
    sa.Column("seconds", sa.Float, nullable=False),
)
