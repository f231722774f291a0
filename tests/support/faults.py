"""faults.py - the faults that faultd.py knows: what each does, and what has to come of it.

A fault is a function and a row of FAULTS at the end. The function is called once per request with an Exchange; exchange.number counts
the requests for that fault from 1, so that "the first time" can be told from the next. What it sends is up to it; exchange.ok()
is the answer of a proper server. A fault that passes is expected to be survived; one that stays, to end in an error as soon as
NoProgressMs has passed.
"""

import collections
import email.utils
import time

from exchange import HALF, NEW_DATE, PART, SIZE, content


# --- the connection and the body ---------------------------------------------------------------------------------------------


def cut_thrice(x):
    x.ok(stop=40000 if x.number <= 3 else None)


def reset_body(x):
    if x.number > 1:
        return x.ok()
    x.head("200 OK", "Content-Length: %d" % SIZE, *x.validators())
    x.send(x.data[:PART])
    x.reset()


def at_first(action, times=1):
    """A fault of the first requests only. One request may not do: if it came over a connection that had been used before, curl
    makes it again by itself over a new one, and nobody hears of it."""
    def play(x):
        if x.number > times:
            x.ok()
        else:
            getattr(x, action)()
    return play


def stall_midway(x):
    if x.number > 1:
        return x.ok()
    x.head("200 OK", "Content-Length: %d" % SIZE, *x.validators())
    x.send(x.data[:HALF])
    x.wait()


def stall_in_head(x):
    if x.number > 1:
        return x.ok()
    x.send("HTTP/1.1 200 OK\r\nContent-Le")
    x.wait()


def drip(x):
    """Slow, but not dead: a byte every few milliseconds."""
    x.head("200 OK", "Content-Length: 100")
    for i in range(100):
        x.send(x.data[i : i + 1])
        time.sleep(0.02)


def cut_in_head(x):
    if x.number > 1:
        return x.ok()
    x.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: \"a")
    x.close()


def cut_after_status(x):
    if x.number > 1:
        return x.ok()
    x.send("HTTP/1.1 200 OK\r\n")
    x.close()


# --- ranges and versions -----------------------------------------------------------------------------------------------------


def no_ranges(x):
    x.ok(ranges=False)


def no_ranges_cut(x):
    x.cut(ranges=False)


def whole_to_a_range(x):
    """The first request got ranges, the next gets everything."""
    x.cut(ranges=x.number == 1)


def shifted(by):
    def play(x):
        if x.number == 2 and x.offset:
            return x.partial(x.offset + by, x.data[x.offset + by :], SIZE, *x.validators())
        return x.cut()
    return play


def range_lies(x):
    """Says the range that was asked, with a length that is not its."""
    if x.offset is not None:
        x.head("206 Partial Content", "Content-Range: bytes %d-%d/%d" % (x.offset, SIZE - 1, SIZE), "Content-Length: 1000")
        x.send(x.data[x.offset : x.offset + 1000])
        return None
    return x.ok()


def first_206(*fields):
    """206 with such fields to a range; a proper answer when asked without."""
    def play(x):
        if x.offset is None:
            return x.ok()
        x.head("206 Partial Content", "Content-Length: %d" % SIZE, *fields)
        return x.send(x.data)
    return play


def multipart(x):
    if x.offset is None:
        return x.ok()
    body = ("--b\r\nContent-Type: a/b\r\nContent-Range: bytes 0-%d/%d\r\n\r\n" % (SIZE - 1, SIZE)).encode() + x.data + b"\r\n--b--\r\n"
    x.head("206 Partial Content", "Content-Type: multipart/byteranges; boundary=b", "Content-Length: %d" % len(body))
    return x.send(body)


def total_changes(x):
    if x.number == 2 and x.offset:
        return x.partial(x.offset, x.data[x.offset :], SIZE + 1000, *x.validators())
    return x.cut()


def short_ranges(x):
    """The server gives a part of what was asked, as it may."""
    first = x.offset or 0
    x.partial(first, x.data[first : first + 50000], SIZE, *x.validators())


def version(x, number, size=SIZE):
    """The file as it was before it became what DIR/www has."""
    if number == 1:
        x.data = content(x.name, size, version=0)
        x.etag, x.date = '"%s-0"' % x.name, "Sat, 05 Nov 1994 08:49:37 GMT"


def etag_changes(x):
    version(x, x.number)
    x.cut()


def etag_changes_unseen(x):
    """If-Range is ignored: the rest of another version comes as 206."""
    version(x, x.number)
    x.if_range = None
    x.cut()


def length_changes(x):
    version(x, x.number, SIZE + 5000)
    x.cut()


def length_changes_unseen(x):
    version(x, x.number, SIZE - 5000)
    x.etag, x.if_range = None, None
    x.date = NEW_DATE
    x.cut()


def date_changes(x):
    version(x, x.number)
    x.etag = None
    x.cut()


def date_changes_unseen(x):
    version(x, x.number)
    x.etag, x.if_range = None, None
    x.cut()


def no_validator(x):
    x.etag = x.date = None
    x.cut()


def weak_validator(x):
    x.etag, x.date = 'W/"weak"', None
    x.cut()


def date_only(x):
    x.etag = None
    if x.number == 2 and x.if_range != x.date:
        return x.say("500 No If-Range")
    return x.cut()


def bare_206(x):
    """The rest comes without validators, as a 206 to If-Range should."""
    x.ok(stop=HALF if x.number == 1 else None, send_etag=x.number == 1)


def complete_416(x):
    """Everything arrives but the end; the rest of nothing is 416."""
    if x.number > 1:
        return x.ok()
    x.head("200 OK", "Transfer-Encoding: chunked", *x.validators())
    x.send(b"%x\r\n" % SIZE + x.data + b"\r\n")
    x.reset()


def lying_416(x):
    if x.number == 2:
        return x.head("416 Range Not Satisfiable", "Content-Range: bytes */%d" % SIZE, "Content-Length: 0")
    return x.cut()


def empty_file(x):
    x.data = b""
    x.ok()


def endless_restarts(x):
    """Never more than half, and never a range: no progress however many bytes come."""
    x.ok(ranges=False, stop=HALF)


# --- answers that are less, or something else, than the file ----------------------------------------------------------------

PAGE = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please accept our terms</body></html>\n"
HTML, TEXT = "Content-Type: text/html; charset=utf-8", "Content-Type: text/plain"


def page(x, *fields, status="200 OK", data=PAGE):
    x.head(status, "Content-Length: %d" % len(data), *fields)
    x.send(data)


def portal(*fields, times=2, data=PAGE):
    """Half of the file; then the network's own page; then the file again."""
    def play(x):
        return x.ok(stop=HALF) if x.number == 1 else x.ok() if x.number > times + 1 else page(x, *fields, data=data)
    return play


def portal_chunked(x):
    if x.number != 2:
        return x.cut()
    x.head("200 OK", "Transfer-Encoding: chunked", HTML)
    return x.send(b"%x\r\n" % len(PAGE) + PAGE + b"\r\n0\r\n\r\n")


def portal_by_redirect(x):
    if "?portal" in x.path:
        return page(x, HTML)
    if x.number == 2:
        return x.redirect("/" + x.name + "?portal")
    return x.cut()


def portal_at_first(x):
    return page(x, HTML) if x.number <= 2 else x.ok()


def portal_without_validators(x):
    """The file has none, so that nothing but the media type tells the page from a new version."""
    x.etag = x.date = None
    return x.cut() if x.number != 2 else page(x, HTML)


def rest_as_200(x):
    """The asked part, but the status of the whole."""
    if not x.offset:
        return x.ok(stop=HALF)
    rest = x.data[x.offset :]
    x.head("200 OK", "Content-Range: bytes %d-%d/%d" % (x.offset, SIZE - 1, SIZE), "Content-Length: %d" % len(rest), *x.validators())
    return x.send(rest)


def begin_as_200(x):
    """Less than the file, as Content-Range says and the status does not."""
    first = x.offset or 0
    data = x.data[first : first + PART]
    x.head("200 OK", "Content-Range: bytes %d-%d/%d" % (first, first + len(data) - 1, SIZE), "Content-Length: %d" % len(data), *x.validators())
    return x.send(data)


def tail_unasked(x):
    """The tail instead of the whole, whatever is asked."""
    rest = x.data[HALF:]
    x.head("200 OK", "Content-Range: bytes %d-%d/%d" % (HALF, SIZE - 1, SIZE), "Content-Length: %d" % len(rest), *x.validators())
    return x.send(rest)


def other_part_as_200(x):
    if x.offset != HALF:
        return x.cut()
    x.head("200 OK", "Content-Range: bytes 0-%d/%d" % (PART - 1, SIZE), "Content-Length: %d" % PART, *x.validators())
    return x.send(x.data[:PART])


def whole_with_range(x):
    x.head("200 OK", "Content-Range: bytes 0-%d/%d" % (SIZE - 1, SIZE), "Content-Length: %d" % SIZE, *x.validators())
    x.send(x.data)


# --- servers that resume, but not in the way that is asked first -------------------------------------------------------------


def ignores_if_range_with(*kinds):
    """The whole file to such an If-Range although the version is the same, and each connection breaks."""
    def play(x):
        kind = None if x.if_range is None else "tag" if x.if_range.startswith('"') else "date"
        x.ok(stop=PART, ranges=kind not in kinds)
    return play


def date_is_now(x):
    x.date = email.utils.formatdate(time.time() + x.number, usegmt=True)
    x.if_range = x.etag if x.if_range else None
    x.ok(stop=PART)


def written_as(etag=None, date=None):
    def play(x):
        x.etag, x.date = etag, date
        x.ok(stop=PART)
    return play


def range_written_as(form):
    def play(x):
        first = x.offset or 0
        x.head("206 Partial Content", "Content-Range: " + form % (first, SIZE - 1, SIZE), "Content-Length: %d" % (SIZE - first), *x.validators())
        x.send(x.data[first : first + PART])
        x.close()
    return play


def refuses_a_range(status):
    def play(x):
        if x.offset is None:
            return x.ok(ranges=False)
        return x.reset() if status == "reset" else x.close() if status == "close" else x.say(status)
    return play


def refuses_the_rest(status):
    """The address has expired: the bytes that are there stay, and nothing is asked twice that worked before."""
    def play(x):
        return x.ok(stop=HALF) if x.number == 1 else x.say(status)
    return play


# --- lengths and framing -----------------------------------------------------------------------------------------------------


def promises_more(x):
    if x.number > 1:
        return x.ok()
    x.head("200 OK", "Content-Length: %d" % (SIZE + 50000), *x.validators())
    x.send(x.data)
    x.close()


def promises_more_always(x):
    x.head("200 OK", "Content-Length: %d" % (SIZE + 50000))
    x.send(x.data)
    x.close()


def promises_less(x):
    x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + x.data[:3000])
    x.close()


def promises_nothing(x):
    x.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + x.data[:3000])
    x.close()


def range_longer(x):
    if x.offset is None:
        return x.say("500 No")
    x.send(b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/1000\r\nTransfer-Encoding: chunked\r\n\r\n"
           b"5dc\r\n" + x.data[:1500] + b"\r\n0\r\n\r\n")
    return None


def longer(version="1.1", length=HALF, end="", *fields):
    """The whole file where a part of it was promised. The head goes out alone, so that the length is known when the body comes."""
    def play(x):
        x.send("HTTP/%s 200 OK\r\nContent-Length: %d\r\n" % (version, length) + "".join(f + "\r\n" for f in fields) + "\r\n")
        time.sleep(0.1)
        x.send(x.data + end.encode())
        if version == "1.0" or fields or end:  # else the end could be the next request's answer
            x.close()
    return play


def longer_rest(*fields):
    """Half of the file; then the right rest, and more."""
    def play(x):
        if x.number == 1 or not x.offset:
            return x.ok(stop=HALF)
        rest = x.data[x.offset :]
        x.head("206 Partial Content", "Content-Range: bytes %d-%d/%d" % (x.offset, SIZE - 1, SIZE), *x.validators(),
               *(fields or ["Content-Length: %d" % len(rest)]))
        time.sleep(0.1)
        more = rest + rest[:5000]
        return x.send(b"%x\r\n" % len(more) + more + b"\r\n0\r\n\r\n" if fields else more)
    return play


def other_than_before(size):
    """The same entity tag, no length, and another size than it was."""
    def play(x):
        if not x.offset:
            return x.ok(stop=HALF if x.offset == 0 else None)
        data = (x.data + x.data)[:size]
        x.head("200 OK", "Transfer-Encoding: chunked", *x.validators())
        return x.send(b"%x\r\n" % size + data + b"\r\n0\r\n\r\n")
    return play


def chunked_size(size):
    """So many bytes, and no word about it before."""
    def play(x):
        x.head("200 OK", "Transfer-Encoding: chunked", *x.validators())
        x.send(b"%x\r\n" % size + (x.data + x.data)[:size] + b"\r\n0\r\n\r\n")
    return play


def without_end(x):
    x.head("200 OK", "Connection: close")
    end = time.monotonic() + x.server.hang_s
    while time.monotonic() < end:
        x.send(x.data)
    x.close()


def redirect_and_more(x):
    """What a redirect says about its own body is nobody's business."""
    if "?final" in x.path:
        return x.ok()
    x.send("HTTP/1.1 302 Found\r\nLocation: /%s?final\r\nContent-Length: 3\r\nConnection: close\r\n\r\nmuch more" % x.name)
    return x.close()


def no_length(x):
    x.head("200 OK", "Connection: close", *x.validators())
    x.send(x.data)
    x.close()


def no_length_reset(x):
    if x.number > 1:
        return x.ok()
    x.head("200 OK", "Connection: close", *x.validators())
    x.send(x.data[:HALF])
    x.reset()


def chunked(x, *fields, tail="0\r\n\r\n"):
    x.head("200 OK", "Transfer-Encoding: chunked", *x.validators(), *fields)
    for at in range(0, SIZE, 7001):
        piece = x.data[at : at + 7001]
        x.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
    x.send(tail)


def chunk_trailers(x):
    chunked(x, "Trailer: X-Sum", tail="0\r\nX-Sum: 1\r\nContent-Length: 5\r\n\r\n")


def bad_chunk(size):
    def play(x):
        if x.number > 1:
            return x.ok()
        x.head("200 OK", "Transfer-Encoding: chunked", *x.validators())
        x.send(b"%x\r\n" % PART + x.data[:PART] + b"\r\n" + size + b"\r\n" + x.data[PART:HALF])
        x.close()
    return play


def chunk_cut(x):
    if x.number > 1:
        return x.ok()
    x.head("200 OK", "Transfer-Encoding: chunked", *x.validators())
    x.send(b"%x\r\n" % SIZE + x.data[:HALF])
    x.close()


def http10(x):
    x.send("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
    x.send(x.data)
    x.close()


def http10_bare(x):
    x.send("HTTP/1.0 200 OK\r\n\r\n")
    x.send(x.data)
    x.close()


def two_lengths(x):
    x.head("200 OK", "Content-Length: %d" % SIZE, "Content-Length: 1000")
    x.send(x.data)
    x.close()


def bad_length(text):
    def play(x):
        x.head("200 OK", "Content-Length: " + text)
        x.send(x.data)
        x.close()
    return play


def too_big_for_any_disk(x):
    x.head("200 OK", "Content-Length: 4611686018427387904", *x.validators())
    x.send(x.data[:1000])
    x.wait()


def gzip_unasked(x):
    x.ok("Content-Encoding: gzip")


def identity_said(x):
    x.ok("Content-Encoding: identity")


def gzip_framed(x):
    x.head("200 OK", "Transfer-Encoding: gzip, chunked")
    x.send(b"3e8\r\n" + x.data[:1000] + b"\r\n0\r\n\r\n")
    x.close()


# --- heads -------------------------------------------------------------------------------------------------------------------


def raw(text, *, body=True):
    def play(x):
        x.send(text.replace("SIZE", str(SIZE)))
        if body:
            x.send(x.data)
        x.close()
    return play


def endless(line, start="HTTP/1.1 200 OK\r\n"):
    def play(x):
        x.send(start)
        block = (line * 200).encode("latin-1")
        end = time.monotonic() + x.server.hang_s
        while time.monotonic() < end:
            x.send(block)
        x.close()
    return play


def long_header(size):
    def play(x):
        x.ok("X-Long: " + "a" * size)
    return play


def early_hints(x):
    x.send("HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nETag: \"wrong\"\r\n\r\n")
    x.ok()


def no_resume_with_hint(x):
    early_hints(x) if x.number == 1 else x.ok()


# --- statuses ----------------------------------------------------------------------------------------------------------------


def always(status, *fields):
    return lambda x: x.say(status, *fields)


def first(status, *fields, times=1):
    def play(x):
        if x.number > times:
            return x.ok()
        return x.say(status, *[f() if callable(f) else f for f in fields])
    return play


def soon():
    return "Retry-After: " + email.utils.formatdate(time.time() + 2, usegmt=True)


def status_after_half(x):
    """An error in place of the rest: what is there stays."""
    if x.number == 2:
        return x.say("503 Busy")
    if x.number == 3 and x.offset != HALF:
        return x.say("404 Bytes were lost")
    return x.cut()


def authenticate(scheme):
    """Asks for it, and is content with the right name."""
    challenge = {"Basic": 'Basic realm="x"', "Digest": 'Digest realm="x", nonce="n", qop="auth", algorithm=MD5'}[scheme]
    accepted = {"Basic": "Basic dXNlcjp3b3Jk", "Digest": 'Digest username="user"'}[scheme]

    def play(x):
        if x.fields.get("authorization", "").startswith(accepted):
            return x.ok()
        return x.say("401 Who", "WWW-Authenticate: " + challenge)
    return play


def never_as_the_service(kind):
    """Wants Windows authentication. A client that agrees shows the credentials of the service to a stranger."""
    field, status, prefix = {401: ("authorization", "401 Who", "WWW-"), 407: ("proxy-authorization", "407 Proxy", "Proxy-")}[kind]

    def play(x):
        if not x.fields.get(field, "Basic").startswith("Basic"):
            return x.say("418 Credentials were shown")
        return x.say(status, prefix + "Authenticate: Negotiate", prefix + "Authenticate: NTLM",
                     prefix + 'Authenticate: Digest realm="x", nonce="n", qop="auth"')
    return play


# --- redirects ---------------------------------------------------------------------------------------------------------------


def redirects(count, status="302 Found"):
    def play(x):
        hop = int(x.path.partition("?hop=")[2] or 0)
        if hop < count:
            return x.redirect("/%s?hop=%d" % (x.name, hop + 1), status)
        return x.ok()
    return play


def redirect_loop(x):
    x.redirect("/" + x.name)


def redirect_to(where):
    return lambda x: x.redirect(where)


def via(*stations):
    """Sends the client along these, in this order; the last one has the file."""
    def play(x):
        at = int(x.path.partition("?at=")[2] or 0)
        if at < len(stations):
            return x.redirect(x.url(stations[at], "?at=%d" % (at + 1)))
        return x.ok()
    return play


def by_the_right_way(*stations):
    """As via, and each host is asked as it has to be: those that only the proxy knows through it, this computer without; and the
    credentials for the proxy are sent to it alone."""
    go = via(*stations)

    def play(x):
        wants_proxy = not x.fields["host"].startswith(("127.", "localhost"))
        if x.is_proxied != wants_proxy:
            return x.say("404 Not this way")
        if "proxy-authorization" in x.fields and not x.is_proxied:
            return x.say("404 The name for the proxy was shown to a server")
        return go(x)
    return play


def redirect_twice_said(x):
    x.redirect("/%s?a" % x.name, "302 Found", "Location: /%s?b" % x.name)


def redirect_etag(x):
    """The redirect has a tag of its own; the one of the file counts."""
    if "?final" not in x.path:
        return x.redirect("/%s?final" % x.name, "302 Found", 'ETag: "redirect"', "Last-Modified: " + NEW_DATE)
    if x.offset and x.if_range != x.etag:
        return x.say("404 Wrong validator %s" % x.if_range)
    return x.ok(stop=HALF if x.number == 2 else None)


def signed(x):
    return x.say("403 Signed for GET") if x.method != "GET" else x.ok()


# --- what is taken although it is odd ----------------------------------------------------------------------------------------


def with_fields(*fields, status=None):
    """A proper answer, with fields besides, and perhaps another status."""
    def play(x):
        if status:
            x.head(status, "Content-Length: %d" % SIZE, *x.validators(), *fields)
            return x.send(x.data)
        return x.ok(*fields)
    return play


def wants_a_cookie(*via):
    """Sends on, by other hosts perhaps, and wants the cookie back that it has set."""
    def play(x):
        _, _, step = x.path.partition("?")
        step = int(step or 0)
        if step <= len(via):
            cookie = ["Set-Cookie: seen=1; path=/"] if step == 0 else []
            return x.redirect(x.url((via + ("http",))[step], "?%d" % (step + 1)), "302 Found", *cookie)
        return x.ok() if x.fields.get("cookie") == "seen=1" else x.say("403 No cookie")
    return play


def forgets_the_cookie(x):
    """The cookie is one of the first request's redirects; the second request, after a failure, must not have it."""
    if "?" not in x.path:
        if "cookie" in x.fields:
            return x.say("403 A cookie of an earlier request")
        return x.redirect(x.url("http", "?x"), "302 Found", "Set-Cookie: seen=1; path=/")
    return x.ok(stop=HALF if x.number <= 2 else None)


def clock_ahead():
    """The server's clock is a day ahead, and it asks for a second."""
    now = time.time() + 86400
    return "Date: %s\r\nRetry-After: %s" % (email.utils.formatdate(now, usegmt=True), email.utils.formatdate(now + 1, usegmt=True))


def no_name_no_file(status, *fields):
    """Servers that do not ask for a name: without one there is this, with it the file."""
    def play(x):
        if x.fields.get("authorization", "") == "Basic dXNlcjp3b3Jk":
            return x.ok()
        return x.say(status, *fields)
    return play


def scanned(first_byte):
    """A filter that scans before it gives the last bytes, or the first; with each request again."""
    def play(x):
        # In a body libcurl sees five seconds of the past, so that its first silence counts later.
        silence_s = 12 if x.number == 1 and not first_byte else 4.5
        first = x.offset or 0
        if not first_byte:
            x.head("206 Partial Content", "Content-Range: bytes %d-%d/%d" % (first, SIZE - 1, SIZE), "Content-Length: %d" % (SIZE - first),
                   *x.validators())
            x.send(x.data[first : max(first, SIZE - 4000)])
        time.sleep(silence_s)
        return x.ok() if first_byte else x.send(x.data[max(first, SIZE - 4000) :])
    return play


def sign_in_page(x):
    """For somebody whose name is not the right one."""
    x.head("200 OK", "Content-Type: text/html; charset=utf-8", "Content-Length: 15")
    x.send("<html>who</html>"[:15])


def expired_address(x):
    return x.ok(stop=HALF) if x.number == 1 else x.say("403 Expired")


def glitch(times, data):
    """Something in between answers, so often. What comes over a connection that was kept counts as the rest of another answer,
    hence more than once."""
    def play(x):
        if x.number <= times:
            x.send(data)
            x.close()
        x.ok()
    return play


# --- the table ---------------------------------------------------------------------------------------------------------------

Fault = collections.namedtuple("Fault", "name play outcome win32 http words station size")


def fault(name, play, outcome="complete", win32=0, http=0, words="-> complete", at="http"):
    return Fault(name, play, outcome, win32, http, words, at, 0)


def fails(name, play, win32, words, http=0, at="http", size=0):
    """size: what the client says the file must have."""
    return Fault(name, play, "error", win32, http, words, at, size)


def sized(name, play, words):
    return Fault(name, play, "complete", 0, 0, words, "http", SIZE)


def proper(x):
    x.ok()


def half_first(x):
    x.cut()


CUT = "Connection closed before the end"
OTHER = "Not the file"
AGAIN = "repeated without a range"
BAD_NET_RESP = 58
DAMAGED = 323
TIMEOUT = 0x8020003B
CLOSED = 0x8020002E
PROTOCOL = 0x8020003A
BAD_RESPONSE = 0x8020001B
NO_PROTOCOL = 0x80200005
TLS = 0x80200038

FAULTS = [
    fault("proper", proper),
    fault("refused-at-first", proper, words="Connection failed", at="late"),  # early, while it still refuses
    # the connection
    fault("cut", half_first, words=CUT),
    fault("cut-thrice", cut_thrice, words=CUT),
    fault("reset-body", reset_body, words=CUT),
    fault("reset-at-once", at_first("reset", 2), words=CUT),
    fault("hang-up", at_first("close", 2), words=CUT),
    fails("hang-up-always", lambda x: x.close(), CLOSED, CUT),
    fault("never-answers", at_first("wait"), words="Connection timed out"),
    fails("never-answers-always", lambda x: x.wait(), TIMEOUT, "Connection timed out"),
    fault("stall-midway", stall_midway, words="Transfer stalled"),
    fault("stall-in-head", stall_in_head, words="Connection timed out"),
    fault("drip", drip),
    fault("cut-in-head", cut_in_head, words=CUT),
    fault("cut-after-status", cut_after_status, words=CUT),
    # ranges and versions
    fault("no-ranges", no_ranges),
    fault("no-ranges-cut", no_ranges_cut, words="the server sends the whole file"),
    fault("whole-to-a-range", whole_to_a_range, words="the server sends the whole file"),
    fault("range-shifted", shifted(5000), words="does not begin where it was asked"),
    fault("range-overlapping", shifted(-5000), words="does not begin where it was asked"),
    fault("range-wrong-length", range_lies, words="contradict each other"),
    fault("range-garbage", first_206("Content-Range: bytes banana"), words="does not say which range"),
    fault("range-missing", first_206(), words="does not say which range"),
    fault("range-beyond-total", first_206("Content-Range: bytes 0-199999/1000"), words="does not say which range"),
    fault("range-of-other-units", first_206("Content-Range: lines 0-199999/200000"), words="does not say which range"),
    fault("range-total-unknown", first_206("Content-Range: bytes 0-199999/*"), words="does not say how long"),
    fault("range-multipart", multipart, words="does not say which range"),
    fault("range-total-changes", total_changes, words="the size has changed"),
    fault("range-shortened", short_ranges),
    fault("etag-changes", etag_changes, words="the server sends the whole file"),
    fault("etag-changes-unseen", etag_changes_unseen, words="the entity tag has changed"),
    fault("length-changes", length_changes, words="the server sends the whole file"),
    fault("length-changes-unseen", length_changes_unseen, words="the size has changed"),
    fault("date-changes", date_changes, words="the server sends the whole file"),
    fault("date-changes-unseen", date_changes_unseen, words="the modification time has changed"),
    fault("no-validator", no_validator, words=CUT),
    fault("weak-validator", weak_validator, words=CUT),
    fault("date-only", date_only, words=CUT),
    fault("rest-without-validators", bare_206, words=CUT),
    fault("416-complete", complete_416, words=CUT),
    fault("416-lie", lying_416, words="refuses the range"),
    fails("416-always", always("416 No"), BAD_NET_RESP, "Range not satisfiable", 416),
    fault("empty", empty_file),
    fails("no-progress", endless_restarts, CLOSED, CUT),
    # less than the file, or something else
    fault("rest-as-200", rest_as_200, words=CUT),
    fault("begin-as-200", begin_as_200),
    fault("whole-with-a-range", whole_with_range),
    fault("other-part-as-200", other_part_as_200, words="does not begin where it was asked"),
    fails("tail-unasked", tail_unasked, PROTOCOL, "does not begin where it was asked"),
    fault("portal", portal(HTML), words=OTHER),
    fault("portal-with-validators.bin", portal(HTML, 'ETag: "page"', "Last-Modified: " + NEW_DATE), words=OTHER),
    fault("portal-as-text", portal(TEXT), words=OTHER),
    fault("portal-xhtml", portal("Content-Type: application/xhtml+xml"), words=OTHER),
    fault("portal-empty", portal(data=b""), words=OTHER),
    fault("portal-larger", portal(HTML, data=PAGE * 4000), words=OTHER),
    fault("portal-chunked", portal_chunked, words=OTHER),
    fault("portal-by-redirect", portal_by_redirect, words=OTHER),
    fault("portal-without-validators.bin", portal_without_validators, words=OTHER),
    sized("portal-at-first.bin", portal_at_first, words=OTHER),
    fails("portal-for-ever", portal(HTML, times=1000), BAD_RESPONSE, OTHER),
    # resuming in another way
    fault("if-range-no-tag", ignores_if_range_with("tag"), words="asked for in another way"),
    fault("if-range-never", ignores_if_range_with("tag", "date"), words="asked for in another way"),
    fault("date-is-now", date_is_now, words=CUT),
    fault("etag-without-quotes", written_as(etag="5d8c72a5"), words=CUT),
    fault("date-of-one-digit", written_as(date="Mon, 1 Jan 2024 00:00:00 GMT"), words=CUT),
    fault("date-with-zone", written_as(date="Mon, 01 Jan 2024 00:00:00 +0000"), words=CUT),
    fault("date-iso", written_as(date="2024-01-01T00:00:00Z"), words=CUT),
    fault("range-with-equals", range_written_as("bytes=%d-%d/%d"), words=CUT),
    fault("range-with-colon", range_written_as("bytes: %d-%d/%d"), words=CUT),
    fault("range-with-blanks", range_written_as("bytes %d - %d / %d"), words=CUT),
] + [
    fault("range-refused-" + status[:3], refuses_a_range(status), words=AGAIN)
    for status in ("400 Bad", "403 Policy", "404 None", "405 No", "406 No", "409 No", "412 No", "500 No", "501 No")
] + [
    fault("range-reset", refuses_a_range("reset"), words=CUT),
    fault("range-hung-up", refuses_a_range("close"), words=CUT),
    fails("expired-midway", refuses_the_rest("403 Expired"), 5, "HTTP 403", 403),
    fails("gone-midway", refuses_the_rest("404 Gone"), 2, "HTTP 404", 404),
    # lengths and framing
    fault("promises-more", promises_more, words=CUT),
    fails("promises-more-always", promises_more_always, CLOSED, CUT),
    fails("promises-less", promises_less, BAD_RESPONSE, "longer than announced"),
    fails("range-longer", range_longer, BAD_RESPONSE, "longer than announced"),
    fails("longer", longer(), BAD_RESPONSE, "longer than announced"),
    fails("longer-and-closed", longer("1.1", HALF, "", "Connection: close"), BAD_RESPONSE, "longer than announced"),
    fails("longer-http-1.0", longer("1.0"), BAD_RESPONSE, "longer than announced"),
    fails("longer-than-nothing", promises_nothing, BAD_RESPONSE, "longer than announced"),
    fails("longer-in-tls", promises_less, BAD_RESPONSE, "longer than announced", at="https"),
    fails("longer-rest", longer_rest(), BAD_RESPONSE, "longer than announced"),
    fails("longer-rest-chunked", longer_rest("Transfer-Encoding: chunked"), BAD_RESPONSE, "longer than announced"),
    fault("longer-by-a-line-end", longer("1.1", SIZE, "\r\n")),
    fault("longer-than-before", other_than_before(SIZE + 5000), words="longer than the server said before"),
    fault("shorter-than-before", other_than_before(SIZE - 5000), words="shorter than the server said before"),
    fails("longer-than-expected", chunked_size(SIZE + 5000), DAMAGED, "Size mismatch", size=SIZE),
    fails("shorter-than-expected", chunked_size(SIZE - 5000), DAMAGED, "Size mismatch", size=SIZE),
    fails("longer-without-end", without_end, DAMAGED, "Size mismatch", size=SIZE),
    fault("redirect-and-more", redirect_and_more),
    fault("no-length", no_length),
    fault("no-length-reset", no_length_reset, words=CUT),
    fault("chunked", chunked),
    fault("chunk-trailers", chunk_trailers),
    fault("chunk-size-garbage", bad_chunk(b"zzz"), words=CUT),
    fault("chunk-size-huge", bad_chunk(b"ffffffffffffffffff"), words=CUT),
    fault("chunk-cut", chunk_cut, words=CUT),
    fault("http-1.0", http10),
    fault("http-1.0-no-length", http10_bare),
    fails("two-lengths", two_lengths, PROTOCOL, "Invalid HTTP response"),
    fails("length-negative", bad_length("-5"), PROTOCOL, "Invalid HTTP response"),
    fails("length-huge", bad_length("99999999999999999999999"), PROTOCOL, "Invalid HTTP response"),
    fails("length-garbage", bad_length("many"), PROTOCOL, "Invalid HTTP response"),
    fails("too-big-for-any-disk", too_big_for_any_disk, 112, "bytes are missing"),
    fails("gzip-unasked", gzip_unasked, 0x80200012, "Unrequested content encoding"),
    fails("gzip-framed", gzip_framed, 0x80200012, "Unrequested content encoding"),
    fault("identity-said", identity_said),
    # heads
    fails("status-garbage", raw("BLAH BLAH\r\n\r\n"), PROTOCOL, "Invalid HTTP response"),
    fails("status-icy", raw("ICY 200 OK\r\nContent-Length: SIZE\r\n\r\n"), PROTOCOL, "Invalid HTTP response"),
    fails("status-two-digits", raw("HTTP/1.1 20 OK\r\nContent-Length: SIZE\r\n\r\n"), PROTOCOL, "Invalid HTTP response"),
    fails("status-000", raw("HTTP/1.1 000 Zero\r\nContent-Length: SIZE\r\n\r\n"), PROTOCOL, "Invalid HTTP response"),
    fails("status-binary", raw("\0\1\2\3\xff\xfe" * 20, body=False), PROTOCOL, "Invalid HTTP response"),
    fails("http-9.9", raw("HTTP/9.9 200 OK\r\nContent-Length: SIZE\r\n\r\n"), PROTOCOL, "Invalid HTTP response"),
    fails("head-endless", endless("X-Header: once more\r\n"), PROTOCOL, "Invalid HTTP response"),
    fails("head-endless-line", endless("aaaaaaaaaa", "HTTP/1.1 200 OK\r\nX-Long: "), PROTOCOL, "Invalid HTTP response"),
    fails("head-endless-100", endless("HTTP/1.1 100 Continue\r\n\r\n", ""), PROTOCOL, "Invalid HTTP response"),
    fault("head-of-100000-bytes", long_header(100000)),
    fails("head-of-200000-bytes", long_header(200000), PROTOCOL, "Invalid HTTP response"),
    fails("head-with-nul", raw("HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Length: SIZE\r\n\r\n"), PROTOCOL,
          "Invalid HTTP response"),
    fails("head-without-colon", raw("HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: SIZE\r\n\r\n"), PROTOCOL,
          "Invalid HTTP response"),
    fault("head-folded", raw("HTTP/1.1 200 OK\r\nX-Fold: a\r\n b\r\nContent-Length: SIZE\r\n\r\n")),
    fault("head-with-line-feeds", raw("HTTP/1.1 200 OK\nContent-Length: SIZE\n\n")),
    fault("early-hints", no_resume_with_hint),
    # statuses
    fails("101", always("101 Switching Protocols", "Upgrade: x"), BAD_NET_RESP, "HTTP 101", 101),
    fails("204", raw("HTTP/1.1 204 No Content\r\n\r\n", body=False), BAD_NET_RESP, "HTTP 204", 204),
    fails("304", raw("HTTP/1.1 304 Not Modified\r\n\r\n", body=False), BAD_NET_RESP, "HTTP 304", 304),
    fails("400", always("400 Bad"), BAD_NET_RESP, "HTTP 400", 400),
    fails("401", always("401 Who", 'WWW-Authenticate: Basic realm="x"'), 5, "HTTP 401", 401),
    fails("401-negotiate", never_as_the_service(401), 5, "HTTP 401", 401),
    fails("403", always("403 Forbidden"), 5, "HTTP 403", 403),
    fails("404", always("404 Not Found"), 2, "HTTP 404", 404),
    fails("407", always("407 Proxy", 'Proxy-Authenticate: Basic realm="x"'), 5, "HTTP 407", 407),
    fails("407-negotiate", never_as_the_service(407), 5, "HTTP 407", 407),
    fails("401-negotiate-no-name", never_as_the_service(401), 5, "HTTP 401", 401, at="no-name"),
    fault("408", first("408 Slow"), words="HTTP 408"),
    fails("410", always("410 Gone"), 2, "HTTP 410", 410),
    fault("429", first("429 Many"), words="HTTP 429"),
    fault("429-after-seconds", first("429 Many", "Retry-After: 1"), words="HTTP 429"),
    fault("429-after-a-date", first("429 Many", soon), words="HTTP 429"),
    fails("451", always("451 Law"), BAD_NET_RESP, "HTTP 451", 451),
    fault("500", first("500 Oops"), words=AGAIN),
    fault("500-twice", first("500 Oops", times=2), words="HTTP 500"),
    fails("500-always", always("500 Oops"), BAD_NET_RESP, "HTTP 500", 500),
    fails("501", always("501 What"), BAD_NET_RESP, "HTTP 501", 501),
    fault("502", first("502 Bad"), words="HTTP 502"),
    fault("503", first("503 Busy"), words="HTTP 503"),
    fault("503-after-seconds", first("503 Busy", "Retry-After: 1"), words="HTTP 503"),
    fault("503-after-a-date", first("503 Busy", soon), words="HTTP 503"),
    fault("503-after-nonsense", first("503 Busy", "Retry-After: tomorrow"), words="HTTP 503"),
    fails("503-always", always("503 Busy", "Retry-After: 1"), BAD_NET_RESP, "HTTP 503", 503),
    fault("503-midway", status_after_half, words="HTTP 503"),
    fault("504", first("504 Slow"), words="HTTP 504"),
    fails("999", always("999 No"), BAD_NET_RESP, "HTTP 999", 999),
    # redirects
    fault("redirect-301", redirects(1, "301 Moved")),
    fault("redirect-303", redirects(1, "303 See")),
    fault("redirect-307", redirects(1, "307 Temporary")),
    fault("redirect-308", redirects(1, "308 Permanent")),
    fault("redirect-ten-times", redirects(10)),
    fails("redirect-eleven-times", redirects(11), BAD_RESPONSE, "Too many redirects"),
    fails("redirect-loop", redirect_loop, BAD_RESPONSE, "Too many redirects"),
    fails("redirect-to-file", redirect_to("file:///etc/passwd"), NO_PROTOCOL, "unsupported or insecure URL"),
    fails("redirect-to-ftp", redirect_to("ftp://127.0.0.1/x"), NO_PROTOCOL, "unsupported or insecure URL"),
    fails("redirect-to-smb", redirect_to("smb://127.0.0.1/x/y"), NO_PROTOCOL, "unsupported or insecure URL"),
    fails("redirect-to-nonsense", redirect_to("http://[::/"), NO_PROTOCOL, "unsupported or insecure URL"),
    fails("redirect-nowhere", always("302 Found"), BAD_NET_RESP, "HTTP 302", 302),
    fault("redirect-to-https", via("https")),
    fails("redirect-from-https", via("http"), NO_PROTOCOL, "unsupported or insecure URL", at="https"),
    fails("redirect-there-and-back", via("https", "http"), NO_PROTOCOL, "unsupported or insecure URL"),
    fault("redirect-to-proxied", by_the_right_way("proxy")),
    fault("redirect-from-proxied", by_the_right_way("http"), at="proxy"),
    fault("redirect-to-proxied-https", by_the_right_way("proxy-https")),
    fault("redirect-from-proxied-https", by_the_right_way("https"), at="proxy-https"),
    fault("redirect-in-and-out", by_the_right_way("proxy", "http", "proxy", "localhost", "proxy-https", "https")),
    fails("redirect-said-twice", redirect_twice_said, PROTOCOL, "Invalid HTTP response"),
    fault("redirect-etag", redirect_etag, words=CUT),
    fault("signed-for-get", signed),
    # HTTPS
    fault("tls", proper, at="https"),
    fault("tls-cut", half_first, words=CUT, at="https"),
    fails("tls-expired", proper, 0x800B0101, "Certificate expired", at="expired"),
    fails("tls-wrong-name", proper, 0x800B010F, "Certificate name mismatch", at="wrongname"),
    fails("tls-self-signed", proper, 0x800B0109, "Untrusted certificate", at="unknown"),
    fault("tls-handshake-cut", proper, words="TLS handshake failed", at="tls-cut"),
    fails("tls-not-spoken", proper, TLS, "TLS handshake failed", at="tls-plain"),
    fails("tls-1.1", proper, TLS, "TLS handshake failed", at="tls-old"),
    fails("tls-handshake-hangs", proper, TIMEOUT, "Connection timed out", at="tls-mute"),
    # proxies and authentication
    fault("proxy", proper, at="proxy"),
    fault("proxy-cut", half_first, words=CUT, at="proxy"),
    fault("proxy-https", proper, at="proxy-https"),
    fails("proxy-wants-auth", proper, 5, "HTTP 407", 407, at="proxy-407"),
    fails("proxy-refuses", proper, 5, "HTTP 403 from the proxy", 403, at="proxy-403"),
    fault("proxy-is-busy", proper, words="HTTP 503 from the proxy", at="proxy-503"),
    fault("auth-basic", authenticate("Basic"), at="auth"),
    fault("auth-digest", authenticate("Digest"), at="auth"),
    fault("auth-basic-or-404", no_name_no_file("404 Not Found"), at="auth"),
    fault("auth-basic-or-403", no_name_no_file("403 Forbidden"), at="auth"),
    fault("auth-basic-or-bare-401", no_name_no_file("401 Who"), at="auth"),
    fault("auth-basic-or-sign-in", no_name_no_file("200 OK", "Content-Type: text/html"), at="auth"),
    # what is taken although it is odd
    fault("coding-none", with_fields("Content-Encoding: none")),
    fault("coding-utf-8", with_fields("Content-Encoding: UTF-8")),
    fault("coding-aws-chunked", with_fields("Content-Encoding: aws-chunked")),
    fault("coding-binary-cut", lambda x: x.cut() if x.number == 1 else x.ok("Content-Encoding: binary"), words=CUT),
    fault("203", with_fields(status="203 Non-Authoritative Information")),
    fault("226", with_fields(status="226 IM Used")),
    fault("202", first("202 Accepted"), words="HTTP 202"),
    fault("202-after-seconds", first("202 Accepted", "Retry-After: 1"), words="HTTP 202"),
    fails("202-always", always("202 Accepted", "Retry-After: 1"), BAD_NET_RESP, "HTTP 202", 202),
    fault("503-clock-ahead", first("503 Busy", clock_ahead), words="HTTP 503"),
    fault("cookie", wants_a_cookie()),
    fault("cookie-by-a-proxy", wants_a_cookie("proxy")),
    fault("cookie-forgotten", forgets_the_cookie, words=CUT),
    fault("scanned-before-the-end", scanned(False), words="silent twice at byte 196000", at="scans-the-end"),
    fault("scanned-before-the-first-byte", scanned(True), words="silent twice at byte 0", at="scans-first"),
    fails("auth-sign-in-page.bin", sign_in_page, 5, "Sign-in failed", at="auth"),
    fails("expired-address", expired_address, 5, "set-url continues", 403),
    fault("glitch-no-http", glitch(2, "BLAH BLAH\r\n\r\n"), words="Invalid HTTP response", at="fresh-1"),
    fault("glitch-two-lengths", glitch(2, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n1234567"),
          words="Invalid HTTP response", at="fresh-2"),
    fault("glitch-head", glitch(2, "HTTP/1.1 200 OK\r\n" + "X-Fill: %s\r\n" % ("a" * 1000) * 400), words="Invalid HTTP response", at="fresh-3"),
    # the way there
    fails("refused", proper, 0x8020002D, "Connection failed", at="closed"),
    fails("no-such-host", proper, 0x80200031, "Host not found", at="nowhere"),
    fails("connect-hangs", proper, TIMEOUT, "Connection timed out", at="full"),
    fault("two-families", proper, at="localhost"),
    fault("ipv6", proper, at="ipv6"),
]
