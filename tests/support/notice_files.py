"""Files of several notices, as an operator writes them."""

import json
from collections.abc import Iterable

from gateway.supervision.files.codecs import dump
from gateway.supervision.files.notices import SCHEMA, NoticeFile, write_notice


def write_notices(notices: Iterable[NoticeFile]) -> str:
    return dump({"schema": SCHEMA, "notices": [json.loads(write_notice(each)) for each in notices]})
