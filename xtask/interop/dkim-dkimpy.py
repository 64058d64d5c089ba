"""dkim-dkimpy.py: what dkimpy says of the messages that `dkim-cases` writes, one line each: pass or not for every signature, none if
there is none, or malformed."""
import logging
import sys

import dkim

logging.disable(logging.CRITICAL)
records = {}


def judge(message):
    try:
        verifier = dkim.DKIM(message, minkey=1024)
    except dkim.DKIMException:
        return "malformed"
    count = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
    verdicts = []
    for index in range(count):
        try:
            good = verifier.verify(index, dnsfunc=lambda name, timeout=5: records.get(name.rstrip(b".").lower()))
        except Exception:  # it has many for what is broken, and some that it does not mean to have
            good = False
        verdicts.append("pass" if good else "not")
    return ",".join(verdicts) or "none"


stream = sys.stdin.buffer
for line in stream:
    kind, *rest = line.rstrip(b"\n").split(b" ", 3)
    if kind == b"record":
        records[rest[0]] = stream.read(int(rest[1]))
    else:
        print(judge(stream.read(int(rest[0]))))
