"""ClickHouse's error codes that only the content of a row can cause.

By their names in ClickHouse's ``ErrorCodes.cpp`` (``SELECT errorCodeToName(code)``). Whatever is
not here is taken as the server's own trouble: too many parts (252), read-only (164, 242), missing
rights (497), memory (241), timeouts (159), disks (243), keepers (999), and what is not known yet.
"""

from collections.abc import Mapping
from types import MappingProxyType

ROW_FAULTS: Mapping[int, str] = MappingProxyType(
    {
        6: "CANNOT_PARSE_TEXT",
        25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
        26: "CANNOT_PARSE_QUOTED_STRING",
        27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
        38: "CANNOT_PARSE_DATE",
        41: "CANNOT_PARSE_DATETIME",
        53: "TYPE_MISMATCH",
        69: "ARGUMENT_OUT_OF_BOUND",
        70: "CANNOT_CONVERT_TYPE",
        72: "CANNOT_PARSE_NUMBER",
        117: "INCORRECT_DATA",
        128: "TOO_LARGE_ARRAY_SIZE",
        131: "TOO_LARGE_STRING_SIZE",
        190: "SIZES_OF_ARRAYS_DONT_MATCH",
        321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
        349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
        376: "CANNOT_PARSE_UUID",
        407: "DECIMAL_OVERFLOW",
        441: "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
        467: "CANNOT_PARSE_BOOL",
        469: "VIOLATED_CONSTRAINT",
        675: "CANNOT_PARSE_IPV4",
        676: "CANNOT_PARSE_IPV6",
        691: "UNKNOWN_ELEMENT_OF_ENUM",
    }
)
