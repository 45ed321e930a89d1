"""What data is, told from its bytes or its objects: digests, schemas, rows, pointers.

Nothing here knows a store or opens a file: it is handed bytes, or what a caller holds
in memory, and says what they are. No library is imported for it.
"""

from modelver._capture.data.delimited import MAX_COUNTED, TableFacts, count_records
from modelver._capture.data.dvc import (
    MAX_DVC,
    MAX_LISTING,
    DvcConfig,
    DvcOut,
    cache_key,
    listing_sum,
    read_config,
    read_dvc_file,
    read_dvc_lock,
    read_listing,
)
from modelver._capture.data.frames import Frame, array_of, frame_of
from modelver._capture.data.npy import MAX_HEADER, ArrayFacts, array_pieces, read_head
from modelver._capture.data.parquet import TAIL, footer_length, read_footer

__all__ = [
    "MAX_COUNTED",
    "MAX_DVC",
    "MAX_HEADER",
    "MAX_LISTING",
    "TAIL",
    "ArrayFacts",
    "DvcConfig",
    "DvcOut",
    "Frame",
    "TableFacts",
    "array_of",
    "array_pieces",
    "cache_key",
    "count_records",
    "footer_length",
    "frame_of",
    "listing_sum",
    "read_config",
    "read_dvc_file",
    "read_dvc_lock",
    "read_footer",
    "read_head",
    "read_listing",
]
