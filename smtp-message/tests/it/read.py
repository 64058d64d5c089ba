"""Reads messages, each behind a line with its length, and prints what they say, one field a line, in hexadecimal."""
import email, email.header, email.policy, email.utils, sys

data = memoryview(sys.stdin.buffer.read())


def show(text):
    print((text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")).hex())


def defects(message):
    for part in message.walk():
        yield from part.defects
        for name in part.keys():
            yield from part[name].defects


start = 0
while start < len(data):
    end = start
    while data[end] != 10:
        end += 1
    length = int(data[start:end].tobytes())
    raw = data[end + 1 : end + 1 + length].tobytes()
    start = end + 1 + length
    message = email.message_from_bytes(raw, policy=email.policy.default)
    show("" if message["subject"] is None else message["subject"])
    older = email.message_from_bytes(raw)
    for field in ["from", "to", "cc"]:
        if not message[field]:
            continue
        text = older[field]
        if not isinstance(text, str):
            # Raw UTF-8 makes the older interface say that it does not know the character set.
            text = str(text)
        pairs = email.utils.getaddresses([text.replace("\r\n", "")])
        for address, (name, _) in zip(message[field].addresses, pairs, strict=True):
            # The newer parser changes white space in encoded names (it keeps what is between encoded words, against
            # RFC 2047 section 6.2, and makes several spaces one), the older interface does not.
            newer = address.display_name
            if "=?" in name:
                older_says = str(email.header.make_header(email.header.decode_header(name)))
                same = "".join(newer.split()) == "".join(older_says.split())
                newer = older_says if same else newer
            show(newer)
            show(address.username)
            show(address.domain)
    show(message["x-other"])
    for part in message.walk():
        show(part.get_content_type())
        if part.is_multipart():
            continue
        disposition = part["content-disposition"]
        show("" if disposition is None else disposition.params.get("filename", ""))
        show((part["content-id"] or "").strip("<>"))
        if part.get_content_maintype() != "text":
            show(part.get_payload(decode=True))
            continue
        # As it is shown: where no character set is said all that is not ASCII is lost.
        charset = part.get_content_charset()
        errors = "replace" if charset is None else "surrogateescape"
        show(part.get_content(errors=errors).encode(charset or "utf-8", errors))
    found = [str(defect) for defect in defects(message)]
    # Headers may be UTF-8, which the parser reads and does not like.
    if not raw.isascii():
        found = [defect for defect in found if "Non-ASCII characters" not in defect]
    show("; ".join(found))
