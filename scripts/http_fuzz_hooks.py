"""Teaches Schemathesis to send bytes as application/x-protobuf: what it makes for a body of that media type is no protobuf, and
is to be refused as such."""

import schemathesis


@schemathesis.serializer("application/x-protobuf")
def protobuf(_context, value):
    if isinstance(value, bytes):
        return value
    # A binary body comes wrapped; a wrong body of any other type goes as its text.
    wrapped = getattr(value, "data", None)
    return wrapped if isinstance(wrapped, bytes) else str(value).encode("utf-8", "replace")
