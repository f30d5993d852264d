"""How much the pages of a Parquet file unpack to, read from the pages themselves.

The footer states it too, but a reader takes each page at the word of its own header, so a footer that lies would let a
small file fill the memory. The headers are Thrift structs in the compact protocol: field 2 of a page header is the
unpacked size in bytes, field 3 the packed size (parquet.thrift of the Apache Parquet format, 2.10).
"""

from __future__ import annotations

from typing import Any

#: Structs inside structs that a page header may have; the format has three.
_DEPTH = 8
#: Types of the compact protocol.
_BOOLEANS, _BYTE, _INTEGERS, _DOUBLE, _BINARY, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, 12


def unpacked_size(content: bytes, metadata: Any) -> int:
    """Bytes that all pages of all column chunks say they unpack to.

    Args:
        content: The file.
        metadata: Its footer, a `pyarrow.parquet.FileMetaData`; only its places are believed, since a reader goes there.

    Raises:
        ValueError: A page header is broken or lies outside the file.
    """
    total = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for number in range(row_group.num_columns):
            chunk = row_group.column(number)
            places = (chunk.data_page_offset, chunk.dictionary_page_offset if chunk.has_dictionary_page else 0)
            at = min((place for place in places if place != 0), default=0)  # 0 says that there is none
            end = at + chunk.total_compressed_size
            if at < 0 or end > len(content):
                raise ValueError("a column outside the file")
            while at < end:
                header = _Struct(content, at)
                if header.packed < 0 or header.unpacked < 0:
                    raise ValueError("a page of less than nothing")
                total += header.unpacked
                at = header.end + header.packed
    return total


class _Struct:
    """One page header: its two sizes, and where it ends."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self.end = content, at
        self.unpacked = self.packed = -1
        self._read(0)

    def _byte(self) -> int:
        if self.end >= len(self._content):
            raise ValueError("a page header that is cut short")
        self.end += 1
        return self._content[self.end - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise ValueError("a number without an end")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _read(self, depth: int) -> None:
        """One struct to its end; the sizes are those of the outermost."""
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._integer()
            kind = head & 0x0F
            if depth == 0 and field in {2, 3} and kind in _INTEGERS:
                value = self._integer()
                self.unpacked, self.packed = (value, self.packed) if field == 2 else (self.unpacked, value)
            else:
                self._skip(kind, depth)

    def _skip(self, kind: int, depth: int) -> None:
        if kind in _INTEGERS:
            self._integer()
        elif kind == _BYTE:
            self.end += 1
        elif kind == _DOUBLE:
            self.end += 8
        elif kind == _BINARY:
            length = self._varint()  # moves the end itself
            self.end += length
        elif kind == _STRUCT and depth < _DEPTH:
            self._read(depth + 1)
        elif kind not in _BOOLEANS:  # lists and maps, which no page header has
            raise ValueError("a page header of an unknown form")
