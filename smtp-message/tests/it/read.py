"""Reads messages, each behind a line with its length, and prints what they say, one field a line, in hexadecimal."""
import email, email.header, email.policy, email.utils, re, sys

data = memoryview(sys.stdin.buffer.read())


def show(text):
    print((text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")).hex())


def defects(message):
    for part in message.walk():
        yield from part.defects
        for name in part.keys():
            yield from part[name].defects


def raw_values(message, field):
    """The values as they are written, on one line each."""
    for name, value in message.raw_items():
        if name.lower() == field.lower():
            yield value.encode("utf-8", "surrogateescape").decode("utf-8").replace("\r\n", "").strip(" \t")


def decoded(text):
    return str(email.header.make_header(email.header.decode_header(text)))


def same(newer, older):
    """What both parsers say: the newer changes white space in encoded names (it keeps what is between encoded words, against
    RFC 2047 section 6.2, and makes several spaces one)."""
    return older if "".join(newer.split()) == "".join(older.split()) else newer


def group_names(text):
    """The names of groups, in front of colons that are neither in a quoted string nor in a domain literal."""
    start = 0
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|\[[^\]]*\]|[,;:]', text):
        if token[0] == ":":
            yield phrase(text[start : token.start()])
        if token[0] in ",;:":
            start = token.end()


def show_addresses(header, written):
    pairs, names = iter(email.utils.getaddresses([written])), group_names(written)
    for group in header.groups:
        if group.display_name is not None:
            show("group")
            show(same(group.display_name, next(names)))
            if not group.addresses:
                next(pairs)
        for address in group.addresses:
            name, _ = next(pairs)
            show(same(address.display_name, decoded(name)) if "=?" in name else address.display_name)
            show(address.username)
            show(address.domain)
        if group.display_name is not None:
            show("end")


def phrase(text):
    """A phrase, which is quoted, encoded, or words."""
    text = text.strip(" \t")
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else decoded(text)


def show_headers(message, written):
    show("" if message["subject"] is None else message["subject"])
    for field in ["From", "Sender", "Reply-To", "To", "Cc", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc"]:
        for header, text in zip(message.get_all(field, []), raw_values(written, field), strict=True):
            show(field)
            show_addresses(header, text)
    for field in ["Resent-Message-ID", "In-Reply-To", "References"]:
        for text in raw_values(written, field):
            show(field)
            for word in text.split():
                show(word)
    for text in message.get_all("comments", []):
        show(text)
    show(message["x-other"])
    for text in raw_values(written, "Keywords"):
        show("Keywords")
        for words in re.findall(r'(?:"(?:\\.|[^"\\])*"|[^,"])+', text):
            show(phrase(words))
    for text in raw_values(written, "List-Id"):
        show("List-Id")
        description, _, name = text.rpartition("<")
        show(phrase(description))
        show(name.removesuffix(">"))
    for field in ["Unsubscribe", "Help", "Subscribe", "Post", "Owner", "Archive"]:
        for text in raw_values(written, f"List-{field}"):
            show(f"List-{field}")
            for uri in re.findall("<([^>]*)>", text):
                show(uri)
    for field in ["List-Unsubscribe-Post", "Auto-Submitted", "Importance"]:
        for text in raw_values(written, field):
            show(text)


def unwrapped(text):
    """The paragraphs of flowed text (RFC 3676 section 4.1), each behind its quote depth."""
    paragraphs, open_depth = [], None
    for line in text.removesuffix("\r\n").split("\r\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        if open_depth == depth and content != "-- ":
            paragraphs[-1][1] += content
        else:
            paragraphs.append([depth, content])
        open_depth = depth if content.endswith(" ") and content != "-- " else None
    return "".join(f"{depth} {text}\n" for depth, text in paragraphs)


def show_part(part):
    media = part.get_content_type()
    show(media)
    params = dict(part["content-type"].params) if part["content-type"] else {}
    for name in ["method", "format", "protocol", "micalg", "report-type"]:
        if name in params:
            show(f"{name}={params[name]}")
    if part["content-description"] is not None:
        show("description=" + part["content-description"])
    if media == "message/delivery-status":
        for group in part.get_payload():
            fields = ((name, value.replace("\r\n", "")) for name, value in group.raw_items())
            show("\n".join(f"{name}: {value}" for name, value in fields))
        return
    if part.is_multipart():
        for inner in part.get_payload():
            show_part(inner)
        return
    disposition = part["content-disposition"]
    show("" if disposition is None else disposition.params.get("filename", ""))
    show((part["content-id"] or "").strip("<>"))
    if part.get_content_maintype() != "text":
        show(part.get_payload(decode=True))
        return
    # As it is shown: where no character set is said all that is not ASCII is lost.
    charset = part.get_content_charset()
    errors = "replace" if charset is None else "surrogateescape"
    text = part.get_content(errors=errors)
    if params.get("format") == "flowed":
        text = unwrapped(text)
    show(text.encode(charset or "utf-8", errors))


start = 0
while start < len(data):
    end = start
    while data[end] != 10:
        end += 1
    length = int(data[start:end].tobytes())
    raw = data[end + 1 : end + 1 + length].tobytes()
    start = end + 1 + length
    message = email.message_from_bytes(raw, policy=email.policy.default)
    show_headers(message, email.message_from_bytes(raw))
    show_part(message)
    found = [str(defect) for defect in defects(message)]
    # Headers may be UTF-8, which the parser reads and does not like.
    if not raw.isascii():
        found = [defect for defect in found if "Non-ASCII characters" not in defect]
    show("; ".join(found))
