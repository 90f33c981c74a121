"""The table of misbehaviours.

A scenario is the first segment of the path: http://127.0.0.1:PORT/SCENARIO is the CAS server that behaves so.
Each has an answer to the validation call (whatever its endpoint, save "good", which follows the protocol of the
endpoint) and a way to answer the login page. A text that ends in ": legal" tells of an answer that a client may accept;
nearly all others would log in VICTIM if they were believed.
"""

import gzip
import html
import re
from urllib.parse import quote

from replies import (CAS, DECLARATION, HOLD, MARKER, RESET, VICTIM, Reply, cas_attributes, failure, head, http, ok, raw,
                     response, saml_assertion, saml_attributes, saml_conditions, saml_response, saml_statements,
                     saml_subject, soap, status, success, success_of, with_attributes, with_user, SAML_SUCCESS)

MEGABYTE = 1024 * 1024
VALID = response(success())  # a success for VICTIM, which only a fault of its envelope may keep from being believed


class Scenario:
    """validate and login take a Call (server.py) and give a Reply; login None: the honest one."""

    def __init__(self, text, validate, login=None):
        self.text = text
        self.validate = validate
        self.login = login


SCENARIOS = {}


def add(name, text, reply, login=None):
    """reply: a Reply that is always the same, or a function of the call."""
    SCENARIOS[name] = Scenario(text, reply if callable(reply) else lambda call: reply, login)


def add_body(name, text, body):
    add(name, text, ok(body))


# --- The honest server ---

def validate_honestly(call):
    if call.endpoint not in ENDPOINTS:
        return status("404 Not Found", "no such page")
    return ENDPOINTS[call.endpoint](call, call.ticket_error())


def honest_v1(call, error):
    return ok("no\n\n" if error else "yes\n%s\n" % call.person["user"], "text/plain;charset=UTF-8")


def honest_v2(call, error):
    if error:
        return ok(response(failure(error, "Ticket '%s' not recognized" % call.ticket())))
    # Protocol 2 has no attributes, but most servers send them all the same.
    return ok(response(success(call.person["user"], call.person["attributes"])))


def honest_saml(call, error):
    target = call.parameter("TARGET") or ""
    if error:
        refused = '<saml1p:Status><saml1p:StatusCode Value="saml1p:RequestDenied"/></saml1p:Status>'
        return ok(soap(saml_response("", target, call.request_id(), refused)))
    inner = saml_assertion(saml_conditions(target),
                           saml_statements(html.escape(call.person["user"]), call.person["attributes"]))
    return ok(soap(saml_response(inner, target, call.request_id())))


ENDPOINTS = {"validate": honest_v1, "serviceValidate": honest_v2, "p3/serviceValidate": honest_v2,
             "samlValidate": honest_saml}


def without_p3(call):
    return status("404 Not Found", "no such page") if call.endpoint.startswith("p3/") else validate_honestly(call)


def stale(call):
    """Promises to keep the connection and closes it."""
    return Reply(validate_honestly(call).steps, keep=False)


def with_set_cookie(call):
    honest = validate_honestly(call)
    steps = [step.replace(b"\r\n", b"\r\nSet-Cookie: planted=1; Path=/\r\n", 1) for step in honest.steps]
    return Reply(steps, keep=True)


add("good", "an honest CAS server; the person is set by /_control/person", validate_honestly)
add("no-p3", "404 for /p3/..., honest elsewhere", without_p3)
add("stale", "honest, but closes connections that it promised to keep", stale)
add("sets-cookie", "honest, and sets a cookie that the next call must not bring back", with_set_cookie)
add("hold", "answers nothing before /_control/release, then honestly",
    lambda call: raw(HOLD, *validate_honestly(call).steps))


# --- Tickets: the login page sends the browser back with these; validation says yes to whatever comes ---

def go_back(tail):
    """Send the browser to the service with tail behind it, as it stands."""
    return lambda call: call.redirect(call.service_with(tail))


def add_ticket(name, text, tail):
    add("ticket-" + name, text, ok(VALID), go_back(tail))


add_ticket("none", "comes back without a ticket", "")
add_ticket("empty", "an empty ticket", "ticket=")
add_ticket("ampersand", "an encoded '&' in the ticket", "ticket=ST-1%26user%3Dadmin")
add_ticket("newline", "a line feed in the ticket", "ticket=ST-1%0AX-Injected%3A+1")
add_ticket("crlf", "a CRLF and a header in the ticket", "ticket=ST-1%0D%0AX-Injected%3A+1")
add_ticket("nul", "a NUL in the ticket", "ticket=ST-1%00admin")
add_ticket("dots", "dot segments in the ticket", "ticket=" + quote("../../etc/passwd", safe=""))
add_ticket("percent", "a percent sign in the ticket", "ticket=ST-1%2541")
add_ticket("blank", "a blank in the ticket", "ticket=ST-1+2")
add_ticket("utf8", "letters beyond ASCII in the ticket", "ticket=" + quote("ST-é"))
add_ticket("bad-escape", "a broken escape in the ticket", "ticket=ST-%ZZ")
add_ticket("fragment", "an encoded '#' in the ticket", "ticket=ST-1%23x")
add_ticket("markup", "markup in the ticket", "ticket=" + quote("<script>alert(1)</script>", safe=""))
add_ticket("twice", "two different tickets", "ticket=ST-1&ticket=ST-2")
add_ticket("twice-same", "the same ticket twice", "ticket=ST-1&ticket=ST-1")
add_ticket("long-256", "256 characters, the most that a ticket may have", "ticket=ST-" + "a" * 253)
add_ticket("long-257", "257 characters", "ticket=ST-" + "a" * 254)
add_ticket("long-7000", "7000 characters", "ticket=ST-" + "a" * 6997)
add_ticket("state-twice", "a second state beside ours", "ticket=ST-1&state=AAAAAAAAAAAAAAAAAAAAAA.0.x")

# --- Transport ---


def forever(step, pause=None):
    while True:
        yield step
        if pause:
            yield pause


def drip(data, pause=1):
    for index in range(len(data)):
        yield data[index:index + 1]
        yield pause


def chain(*parts):
    for part in parts:
        if isinstance(part, (bytes, int, float)) or part in (RESET, HOLD):
            yield part
        else:
            yield from part


def fresh(*parts):
    """A reply whose generators start anew with each call: parts are functions or constants."""
    return lambda call: Reply(chain(*(part() if callable(part) else part for part in parts)))


BODY = VALID.encode()
CHUNKED = head("Transfer-Encoding: chunked")
CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)

add("reset", "resets the connection once the request is read", raw(RESET))
add("reset-in-body", "resets the connection in the middle of a success",
    raw(head("Content-Length: %d" % len(BODY)) + BODY[:-9], 0.2, RESET))
add("close", "closes the connection without an answer", raw())
add("slow", "answers a success after the seconds of /_control/slow?wait=N, 30 at first",
    lambda call: raw(call.slow_seconds, http(VALID)))
add("drip", "the head at once, then one byte of the body a second",
    fresh(head("Content-Length: %d" % len(BODY)), lambda: drip(BODY)))
add("drip-header", "one byte of the head a second", fresh(lambda: drip(http(VALID))))
add("drip-header-lines", "a header line a second, without end",
    fresh(b"HTTP/1.1 200 OK\r\n", lambda: forever(b"X-Line: x\r\n", 1)))
add("endless-header", "header lines without end, fast",
    fresh(b"HTTP/1.1 200 OK\r\n", lambda: forever(b"X-Line: %s\r\n" % (b"x" * 1000), 0.0001)))
add("long-header", "one header line of 10 MB", raw(b"HTTP/1.1 200 OK\r\nX-Line: " + b"x" * (10 * MEGABYTE) +
                                                   b"\r\n\r\n" + BODY))
add("endless-continue", "100 Continue without end", fresh(lambda: forever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)))
# The pauses spare the processor of the machine that runs the tests; 13 MB a second are enough of a flood.
add("endless", "a body without end, not chunked",
    fresh(head() + BODY, lambda: forever(b" " * 65536, 0.005)))
add("endless-chunked", "chunks without end",
    fresh(CHUNKED + CHUNK, lambda: forever(b"10000\r\n" + b" " * 65536 + b"\r\n", 0.005)))
add("large", "a success followed by 10 MB of blanks, honestly announced", ok(VALID + " " * (10 * MEGABYTE)))
add("large-comment", "a success with a comment of 10 MB",
    ok(response("<!--%s-->" % ("x" * (10 * MEGABYTE)) + success())))
add("empty", "200 with an empty body", ok(""))
add("no-content", "204", raw(b"HTTP/1.1 204 No Content\r\n\r\n"))
add("short", "Content-Length larger than the body",
    raw(head("Content-Length: %d" % (len(BODY) + 100)) + BODY))
add("long", "Content-Length smaller than the body: the success is cut",
    raw(head("Content-Length: %d" % (len(BODY) - 20)) + BODY))
add("length-negative", "a negative Content-Length", raw(head("Content-Length: -1") + BODY))
add("length-huge", "a Content-Length beyond 64 bits", raw(head("Content-Length: 99999999999999999999999") + BODY))
add("chunk-garbage", "a chunk size that is no number", raw(CHUNKED + b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"))
add("chunk-huge", "a chunk size of 2^64-1", raw(CHUNKED + b"ffffffffffffffff\r\n" + BODY))
add("chunk-unfinished", "the last chunk never comes and the connection closes", raw(CHUNKED + CHUNK))
add("http09", "a body without any head", raw(BODY))
add("garbage", "bytes that are no HTTP", raw(bytes(range(256)) * 8))
add("gzip", "Content-Encoding: gzip, which nobody asked for",
    raw(http(gzip.compress(BODY), headers=("Content-Encoding: gzip",))))
add("gzip-bomb", "10 MB of blanks behind a success, compressed",
    raw(http(gzip.compress(BODY + b" " * (10 * MEGABYTE)), headers=("Content-Encoding: gzip",))))

for line in ("400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone",
             "429 Too Many Requests", "500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"):
    add("status-" + line[:3], line + ", with a whole success as body", status(line, VALID, (
        'WWW-Authenticate: Basic realm="cas"',) if line.startswith("401") else ()))
add("status-206", "206 with a success as body", status("206 Partial Content", VALID))
add("status-999", "a status that HTTP does not have", status("999 Odd", VALID))


def to_trap(line):
    """A redirect to the listener that nobody may contact, with a success as body."""
    return lambda call: Reply([http(VALID, status=line, headers=(
        "Location: %s/good/p3/serviceValidate?ticket=ST-1" % call.trap,))])


for line in ("301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect",
             "308 Permanent Redirect"):
    add("redirect-" + line[:3], line + " to the trap, with a success as body", to_trap(line))
add("redirect-200", "200 with Location and Refresh to the trap: an empty body", lambda call: Reply(
    [http("", headers=("Location: " + call.trap + "/", "Refresh: 0;url=" + call.trap + "/"))]))
add("redirect-self", "302 to its own address: a loop for who follows", lambda call: Reply(
    [http("", status="302 Found", headers=("Location: " + call.own_url(),))]))
add("redirect-file", "302 to a file: address",
    status("302 Found", "", ("Location: file:///etc/hostname",)))
add("html", "a login page in HTML with status 200", ok(
    "<!DOCTYPE html><html><head><title>CAS</title></head><body><form><input name=username></form></body></html>",
    "text/html"))
add("alt-svc", "an error, with Alt-Svc and Strict-Transport-Security that name the trap", lambda call: Reply(
    [http(response(failure("INTERNAL_ERROR")), headers=(
        'Alt-Svc: h2="127.0.0.1:%d"; ma=3600' % call.ports["trap"], "Strict-Transport-Security: max-age=3600"))]))

# --- XML ---

add_body("xml-invalid", "tags that do not match", VALID.replace("</cas:user>", "</cas:usr>"))
add_body("xml-truncated", "a success cut before its last tag", VALID[:VALID.rindex("</cas:serviceResponse")])
add_body("xml-truncated-user", "a success cut inside the user", VALID[:VALID.index(VICTIM) + 3])
add_body("xml-junk-behind", "text behind the root", VALID + "junk")
add_body("xml-junk-before", "text before the root", "junk" + VALID)
add_body("xml-two-roots", "a failure and behind it a success as a second root",
         response(failure()) + response(success(), declaration=""))
add_body("xml-nul", "a NUL behind the user", VALID.replace(VICTIM, VICTIM + "\0x"))
add_body("xml-bad-utf8", "bytes that are not UTF-8 in the user",
         VALID.encode().replace(VICTIM.encode(), b"adm\xe9in"))
add_body("xml-overlong", "an overlong UTF-8 form in the user", VALID.encode().replace(VICTIM.encode(), b"adm\xc1\xa9n"))
add_body("xml-surrogate", "a surrogate in UTF-8", VALID.encode().replace(VICTIM.encode(), b"adm\xed\xa0\x80in"))
add_body("xml-utf16", "a success in UTF-16, declared so",
         response(success("fautes"), '<?xml version="1.0" encoding="UTF-16"?>').encode("utf-16"))
add_body("xml-utf16-undeclared", "UTF-16 without a mark or a declaration", response(success(), "").encode("utf-16-le"))
add_body("xml-latin1", "a success in ISO-8859-1, declared so",
         response(success("hélène"), '<?xml version="1.0" encoding="ISO-8859-1"?>').encode("latin-1"))
add_body("xml-utf7", "UTF-7, in which '+ADw-' is '<'",
         '<?xml version="1.0" encoding="UTF-7"?>' + VALID[len(DECLARATION):].replace(VICTIM, "+AGEAZABtAGkAbg-"))
add_body("xml-unknown-encoding", "an encoding that nobody has", VALID.replace("UTF-8", "x-nobody"))
add_body("xml-bom", "a byte order mark before a success: legal", ("\ufeff" + response(success("fautes"))).encode())
add_body("xml-deep", "10,000 elements inside each other",
         response("<cas:a>" * 10000 + "</cas:a>" * 10000))
add_body("xml-deep-success", "a success below 300 elements",
         response("<cas:a>" * 300 + success() + "</cas:a>" * 300))
add_body("xml-wide", "20,000 empty elements, then a success", response("<cas:a/>" * 20000 + success()))
add_body("xml-many-attributes", "an element with 10,000 attributes",
         response("<cas:a %s/>" % " ".join('a%d=""' % n for n in range(10000)) + success()))
add_body("xml-long-name", "an element whose name has 100,000 characters",
         response("<cas:%s/>" % ("a" * 100000) + success()))

BOMB = ('<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">' + "".join(
    '<!ENTITY %s "%s">' % (name, "&%s;" % inner * 10) for inner, name in zip("abcdefghi", "bcdefghij")) + "]>")


def doctype(text, user="&x;"):
    return response(success_of("<cas:user>%s</cas:user>" % user), DECLARATION + text)


add_body("entity-bomb", "ten levels of entities, a billion characters", doctype(BOMB, "&j;"))
add_body("entity-quadratic", "one entity of 100 kB, 1,000 times",
         doctype('<!DOCTYPE r [<!ENTITY x "%s">]>' % ("a" * 100000), "&x;" * 1000))
add_body("entity-internal", "an entity that holds the user", doctype('<!DOCTYPE r [<!ENTITY x "admin">]>'))
add_body("entity-file", "an entity from a file", doctype('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>'))
add("entity-http", "an entity from the trap",
    lambda call: ok(doctype('<!DOCTYPE r [<!ENTITY x SYSTEM "%s/e">]>' % call.trap)))
add("entity-parameter", "a parameter entity from the trap",
    lambda call: ok(doctype('<!DOCTYPE r [<!ENTITY %% x SYSTEM "%s/p"> %%x;]>' % call.trap, VICTIM)))
add("doctype-external", "a DTD from the trap",
    lambda call: ok(doctype('<!DOCTYPE r SYSTEM "%s/d">' % call.trap, VICTIM)))
add_body("doctype-plain", "a document type and no entity", doctype("<!DOCTYPE r>", VICTIM))
add_body("doctype-internal", "a document type with declarations only",
         doctype("<!DOCTYPE r [<!ELEMENT r ANY>]>", VICTIM))
add_body("entity-undeclared", "an entity that nobody declared", doctype("", "adm&in;"))
add("xinclude", "XInclude of the trap inside the user", lambda call: ok(with_user(
    '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="%s/i" parse="text"/>' % call.trap)))
add("stylesheet", "an xml-stylesheet and a schemaLocation that name the trap; the answer is a refusal",
    lambda call: ok('<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="%s/s"?>' % call.trap + response(
        failure(), "").replace("<cas:serviceResponse ", '<cas:serviceResponse xmlns:xsi='
        '"http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="%s %s/x" ' % (CAS, call.trap))))

# --- The shape of a CAS 2 and 3 answer ---

add_body("ns-wrong", "another namespace under the usual prefix", VALID.replace(CAS, "http://www.yale.edu/tp/cas2"))
add_body("ns-none", "no namespace at all", VALID.replace(' xmlns:cas="%s"' % CAS, "").replace("cas:", ""))
add_body("ns-undeclared", "the usual prefix, never declared", VALID.replace(' xmlns:cas="%s"' % CAS, ""))
add_body("ns-case", "the namespace in capitals", VALID.replace(CAS, CAS.upper()))
add_body("ns-default", "the right namespace as the default one: legal",
         response(success("fautes")).replace("xmlns:cas", "xmlns").replace("cas:", ""))
add_body("ns-prefix", "the right namespace under another prefix: legal",
         response(success("fautes")).replace("cas:", "q:").replace("xmlns:cas", "xmlns:q"))
add_body("ns-switched", "the usual prefix means something else inside", response(
    '<cas:authenticationSuccess xmlns:cas="urn:other"><cas:user>admin</cas:user></cas:authenticationSuccess>'))
add_body("ns-user", "a user of another namespace", response(success_of('<user xmlns="urn:other">admin</user>')))
add_body("root-wrong", "another root", VALID.replace("serviceResponse", "proxyResponse"))
add_body("root-missing", "the success itself as the root", success_of("<cas:user>admin</cas:user>").replace(
    "<cas:authenticationSuccess", '<cas:authenticationSuccess xmlns:cas="%s"' % CAS, 1))
add_body("root-bare", "a root with nothing in it", response(""))
add_body("root-text", "a root with text only", response("yes"))
add_body("success-in-failure", "a success inside a failure",
         response('<cas:authenticationFailure code="INVALID_TICKET">%s</cas:authenticationFailure>' % success()))
add_body("success-in-comment", "a success in a comment", response("<!-- %s -->" % success() + failure()))
add_body("success-in-comment-only", "nothing but a success in a comment", response("<!-- %s -->" % success()))
add_body("success-in-cdata", "a success in CDATA", response("<![CDATA[%s]]>" % success()))
add_body("success-in-failure-cdata", "a success in the CDATA of a failure", response(
    '<cas:authenticationFailure code="INVALID_TICKET"><![CDATA[%s]]></cas:authenticationFailure>' % success()))
add_body("success-in-pi", "a success in a processing instruction", response("<?x %s ?>" % success()))
add_body("success-in-attribute", "a success in an attribute", response('<cas:a b="%s"/>' % html.escape(success())))
add_body("success-escaped", "a failure that quotes a success", response(failure("INVALID_TICKET", success())))
add_body("success-nested", "a success one element deeper", response("<cas:wrapper>%s</cas:wrapper>" % success()))
add_body("success-in-success", "a success inside a success without a user", response(success_of(success())))
add_body("success-in-proxy", "a success inside a proxySuccess",
         response("<cas:proxySuccess>%s</cas:proxySuccess>" % success()))
add_body("two-successes", "two successes", response(success() + success("fautes")))
add_body("two-same-successes", "the same success twice", response(success() + success()))
add_body("success-then-failure", "a success, then a failure", response(success() + failure()))
add_body("failure-then-success", "a failure, then a success", response(failure() + success()))
add_body("success-and-foreign", "a success beside an element of another namespace",
         response(success() + '<x xmlns="urn:other"/>'))
add_body("success-and-text", "a success beside text", response("text" + success()))
add_body("name-case", "authenticationsuccess in small letters",
         VALID.replace("authenticationSuccess", "authenticationsuccess"))

# --- Failures ---

for code in ("INVALID_TICKET", "INVALID_SERVICE", "INVALID_REQUEST", "INTERNAL_ERROR", "UNAUTHORIZED_SERVICE"):
    add_body("failure-" + code.lower().replace("_", "-"), code, response(failure(code)))
add("failure-echo", "a failure whose text quotes the ticket, as servers do", lambda call: ok(response(
    failure("INVALID_TICKET", "Ticket '%s' not recognized" % call.ticket()))))
add("failure-echo-code", "a failure whose code quotes the ticket", lambda call: ok(response(
    failure("INVALID " + call.ticket()))))
add_body("failure-markup", "a failure with markup in code and text",
         response(failure("<script>alert(1)</script>", "<script>alert(2)</script> " + MARKER)))
add_body("failure-newline", "a failure with a line feed in code and text", response(
    '<cas:authenticationFailure code="A&#10;[aten:error] forged">B&#13;&#10;[aten:error] forged'
    "</cas:authenticationFailure>"))
add_body("failure-long", "a failure with 100 kB in code and text", response(failure("C" * 100000, "t" * 100000)))
add_body("failure-no-code", "a failure without a code",
         response("<cas:authenticationFailure>no</cas:authenticationFailure>"))
add_body("failure-empty", "an empty failure", response("<cas:authenticationFailure/>"))

# --- Users ---

USERS = {
    "two": ("two users", "admin</cas:user><cas:user>fautes"),
    "two-same": ("the same user twice", "admin</cas:user><cas:user>admin"),
    "empty": ("an empty user", ""),
    "blank": ("a user of blanks", " \t\r\n "),
    "nbsp": ("a user of a no-break space", "&#xA0;"),
    "comment-only": ("only a comment in the user", "<!-- admin -->"),
    "pi-only": ("only a processing instruction in the user", "<?admin?>"),
    "comment-split": ("a comment that cuts 'administrateur' after 'admin'", "admin<!-- -->istrateur"),
    "pi-split": ("a processing instruction that cuts 'administrateur'", "admin<?x?>istrateur"),
    "cdata-split": ("'administrateur' half in CDATA", "admin<![CDATA[istrateur]]>"),
    "cdata": ("'administrateur' in CDATA: legal", "<![CDATA[administrateur]]>"),
    "charref-split": ("'administrateur' with a character reference inside", "admin&#105;strateur"),
    "entity-split": ("a user with &amp; inside: legal", "fautes&amp;co"),
    "control-raw": ("a raw control character", "adm\x01in"),
    "control-reference": ("a control character by reference", "adm&#x1;in"),
    "newline-reference": ("a line feed by reference", "admin&#10;X-Injected: 1"),
    "cr-reference": ("a carriage return by reference", "admin&#13;X-Injected: 1"),
    "tab-reference": ("a tab by reference", "adm&#9;in"),
    "newline-raw": ("a raw line feed inside", "adm\nin"),
    "delete": ("DEL", "adm&#127;in"),
    "c1": ("a control character of the second block", "adm&#x85;in"),
    "padded": ("blanks around 'fautes': legal", "\n  fautes\n  "),
    "long-256": ("256 bytes, the most that a user may have", "u" * 256),
    "long-257": ("257 bytes", "u" * 257),
    "long-10k": ("10 kB", "u" * 10240),
    "markup": ("an element around the user", "<b>admin</b>"),
    "markup-inside": ("an element inside the user", "ad<b/>min"),
    "markup-escaped": ("escaped markup: a name that pages must escape", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    "quotes": ("quotes and a format directive: a name that pages must escape", "&quot;'%s%n'&quot;"),
}
for name, (text, markup) in USERS.items():
    add_body("user-" + name, text, with_user(markup))
add_body("user-missing", "a success without a user", response(success_of(cas_attributes({"sn": [MARKER]}))))
add_body("user-in-attributes", "a user inside the attributes only",
         response(success_of("<cas:attributes><cas:user>admin</cas:user></cas:attributes>")))
add_body("user-nested", "a user one element deeper", response(success_of("<cas:a><cas:user>admin</cas:user></cas:a>")))
add_body("user-as-attribute", "the user as an XML attribute", response('<cas:authenticationSuccess user="admin"/>'))
add_body("user-in-root", "the user beside the success", response("<cas:user>admin</cas:user>" + success_of("")))
add_body("success-text", "the user as text of the success", response(success_of("admin")))

# --- Attributes ---

ATTRIBUTES = {
    "clash": ("two names that become one variable", "<cas:a-b>1</cas:a-b><cas:a_b>2</cas:a_b>"),
    "clash-letters": ("two names that differ in accents only", "<cas:é>1</cas:é><cas:è>2</cas:è>"),
    "2000": ("2,000 attributes", "".join("<cas:a%d>%s</cas:a%d>" % (n, MARKER, n) for n in range(2000))),
    "100k": ("100 kB in 100 attributes", "".join("<cas:a%d>%s</cas:a%d>" % (n, "v" * 1000, n) for n in range(100))),
    "100k-one": ("100 kB in one attribute", "<cas:a>%s</cas:a>" % ("v" * 100000)),
    "100k-needed": ("100 kB in the attribute that tells the population, the person's among them",
                    "<cas:ENTPersonProfils>National_2</cas:ENTPersonProfils>"
                    "<cas:ENTPersonProfils>%s</cas:ENTPersonProfils>" % ("v" * 100000)),
    "2000-values": ("2,000 values of one attribute",
                    "".join("<cas:a>%d</cas:a>" % n for n in range(2000))),
    "control-reference": ("a control character by reference in a value", "<cas:a>x&#x1;y</cas:a>"),
    "newline": ("CRLF and a header in a value", "<cas:a>x&#13;&#10;X-Injected: 1</cas:a>"),
    "markup-escaped": ("a value that looks like markup", "<cas:sn>&lt;script&gt;alert(1)&lt;/script&gt;</cas:sn>"),
    "markup": ("an element inside a value", "<cas:sn>a<b>c</b></cas:sn>"),
    "separator": ("';' and a backslash in values", "<cas:a>x;y</cas:a><cas:a>z\\;</cas:a>"),
    "empty": ("an empty value and an empty element", "<cas:a></cas:a><cas:b/><cas:c> </cas:c>"),
    "long-name": ("a name of 10,000 characters", "<cas:%s>1</cas:%s>" % ("n" * 10000, "n" * 10000)),
    "reserved": ("names of variables that are not an attribute's", "".join(
        "<cas:%s>%s</cas:%s>" % (name, VICTIM, name)
        for name in ("REMOTE_USER", "AUTH_TYPE", "HTTP_PROXY", "LD_PRELOAD", "ATEN_ROLE", "user"))),
    "foreign": ("an attribute of another namespace that tells a population",
                '<ENTPersonProfils xmlns="urn:other">National_3</ENTPersonProfils>'),
    "population-comment": ("'National_30', which is nobody's, cut by a comment after National_3, which is staff's",
                           "<cas:ENTPersonProfils>National_3<!-- -->0</cas:ENTPersonProfils>"),
    "population-cdata": ("'National_30' half in CDATA",
                         "<cas:ENTPersonProfils>National_3<![CDATA[0]]></cas:ENTPersonProfils>"),
    "population-comment-staff": ("National_3 put together around a comment: legal",
                                 "<cas:ENTPersonProfils>National<!-- x -->_3</cas:ENTPersonProfils>"),
    "population-nested": ("a population one element deeper",
                          "<cas:g><cas:ENTPersonProfils>National_3</cas:ENTPersonProfils></cas:g>"),
    "population-case": ("the attribute in other letters", "<cas:entpersonprofils>National_3</cas:entpersonprofils>"),
}
for name, (text, markup) in ATTRIBUTES.items():
    add_body("attr-" + name, text, with_attributes(markup))
add_body("attr-two-blocks", "two attributes elements", response(success_of(
    "<cas:user>fautes</cas:user>" + cas_attributes({"ENTPersonProfils": ["National_2"]}) +
    cas_attributes({"ENTPersonProfils": ["National_3"]}))))
add_body("attr-outside-success", "attributes beside the success",
         response(success_of("<cas:user>fautes</cas:user>") + cas_attributes({"ENTPersonProfils": ["National_3"]})))
add_body("attr-beside", "attributes directly in the success, as old servers write them", response(success_of(
    "<cas:user>fautes</cas:user><cas:ENTPersonProfils>National_3</cas:ENTPersonProfils>")))
add_body("attr-name-value", "<cas:attribute name= value=/>, as old servers write them", response(success_of(
    '<cas:user>fautes</cas:user><cas:attribute name="ENTPersonProfils" value="National_3"/>')))

# --- Protocol 1 ---

V1 = {
    "yes": ("a success", "yes\nfautes\n"),
    "crlf": ("a success with CRLF", "yes\r\nfautes\r\n"),
    "no-user": ("yes without a user", "yes\n"),
    "bare": ("yes without even a line end", "yes"),
    "blank-user": ("yes and a blank line", "yes\n \n"),
    "two-users": ("yes and two lines", "yes\nfautes\nadmin\n"),
    "no": ("no", "no\n\n"),
    "no-with-user": ("no and a user", "no\nadmin\n"),
    "no-then-yes": ("no, then yes", "no\nyes\nadmin\n"),
    "html": ("yes and HTML", "yes\n<html><body>admin</body></html>\n"),
    "html-only": ("HTML", "<html><body>yes</body></html>\n"),
    "capitals": ("YES", "YES\nadmin\n"),
    "prefix": ("a word that begins with yes", "yesterday\nadmin\n"),
    "space": ("a blank before yes", " yes\nadmin\n"),
    "bom": ("a byte order mark before yes", "\ufeffyes\nadmin\n"),
    "nul": ("a NUL in the user", "yes\nadm\0in\n"),
    "control": ("a control character in the user", "yes\nadm\x07in\n"),
    "one-line": ("yes and the user in one line", "yes admin\n"),
    "empty": ("nothing", ""),
    "cr-only": ("CR as the line end", "yes\radmin\r"),
    "unfinished": ("no line end behind the user", "yes\nfautes"),
    "long": ("a user of 10 kB", "yes\n" + "u" * 10240 + "\n"),
    "xml": ("an answer of protocol 3", VALID),
}
for name, (text, body) in V1.items():
    add("v1-" + name, text, ok(body, "text/plain;charset=UTF-8"))

# --- SAML 1.1 ---

DENIED = '<saml1p:Status><saml1p:StatusCode Value="saml1p:%s">%s</saml1p:StatusCode></saml1p:Status>'
INNER_SUCCESS = '<saml1p:StatusCode Value="saml1p:Success"/>'


def add_saml(name, text, build, change=None):
    """build: a function of (target, request id) that gives the SAML response; change: of the whole body."""
    def validate(call):
        body = soap(build(call.parameter("TARGET") or "", call.request_id()))
        return ok(change(body) if change else body)
    add("saml-" + name, text, validate)


def assertion_for(target, user=VICTIM, **conditions):
    return saml_assertion(saml_conditions(target, **conditions), saml_statements(user))


add_saml("yes", "a success", lambda target, rid: saml_response(assertion_for(target, "fautes"), target, rid))
add_saml("no-assertion", "Success without an assertion", lambda target, rid: saml_response("", target, rid))
add_saml("two-assertions", "two assertions",
         lambda target, rid: saml_response(assertion_for(target) + assertion_for(target, "fautes"), target, rid))
add_saml("wrong-recipient", "the response is for another recipient",
         lambda target, rid: saml_response(assertion_for(target), "https://other.example/aten/cas", rid))
add_saml("wrong-audience", "the assertion is for another audience",
         lambda target, rid: saml_response(assertion_for("https://other.example/aten/cas"), target, rid))
add_saml("longer-audience", "the audience begins as ours and goes on",
         lambda target, rid: saml_response(assertion_for(target + ".other.example"), target, rid))
add_saml("expired", "NotOnOrAfter has passed an hour ago",
         lambda target, rid: saml_response(assertion_for(target, before=-7200, after=-3600), target, rid))
add_saml("future", "NotBefore is an hour ahead",
         lambda target, rid: saml_response(assertion_for(target, before=3600, after=7200), target, rid))
add_saml("no-conditions", "no Conditions",
         lambda target, rid: saml_response(saml_assertion("", saml_statements(VICTIM)), target, rid))
add_saml("no-window", "Conditions without dates",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: re.sub(r' Not(Before|OnOrAfter)="[^"]*"', "", body))
add_saml("no-audience", "Conditions without an audience",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: re.sub(r"<saml1:AudienceRestrictionCondition>.*</saml1:AudienceRestrictionCondition>", "", body))
add_saml("no-recipient", "no Recipient",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: re.sub(r" Recipient=(\"[^\"]*\"|'[^']*')", "", body))
add_saml("bad-dates", "dates that are no dates",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: body.replace('NotOnOrAfter="2', 'NotOnOrAfter="soon'))
add_saml("failure-with-assertion", "status Responder beside a good assertion",
         lambda target, rid: saml_response(assertion_for(target), target, rid, DENIED % ("Responder", "")))
add_saml("nested-success", "Success below Responder",
         lambda target, rid: saml_response(assertion_for(target), target, rid, DENIED % ("Responder", INNER_SUCCESS)))
add_saml("no-status", "no status", lambda target, rid: saml_response(assertion_for(target), target, rid, ""))
add_saml("two-statuses", "Responder, then Success", lambda target, rid: saml_response(
    assertion_for(target), target, rid, DENIED % ("Responder", "") + SAML_SUCCESS))
add_saml("wrong-version", "MajorVersion 2",
         lambda target, rid: saml_response(assertion_for(target), target, rid, major=2))
add_saml("other-namespace", "the namespace of SAML 2",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: body.replace("urn:oasis:names:tc:SAML:1.0", "urn:oasis:names:tc:SAML:2.0"))
add_saml("two-subjects", "the statements name different people", lambda target, rid: saml_response(
    saml_assertion(saml_conditions(target), saml_statements(VICTIM, attribute_user="fautes")), target, rid))
add_saml("comment-split", "a comment that cuts 'administrateur' after 'admin'",
         lambda target, rid: saml_response(assertion_for(target, "admin<!-- -->istrateur"), target, rid))
add_saml("empty-user", "an empty NameIdentifier",
         lambda target, rid: saml_response(assertion_for(target, ""), target, rid))
add_saml("no-authentication", "an AttributeStatement alone", lambda target, rid: saml_response(saml_assertion(
    saml_conditions(target), "<saml1:AttributeStatement>%s%s</saml1:AttributeStatement>" % (
        saml_subject(VICTIM), saml_attributes({"sn": [MARKER]}))), target, rid))
add_saml("other-request", "the answer to another request",
         lambda target, rid: saml_response(assertion_for(target), target, "_other"))
add_saml("two-responses", "two responses", lambda target, rid: saml_response(
    "", target, rid, DENIED % ("Responder", "")) + saml_response(assertion_for(target), target, rid))
add_saml("nested-assertion", "the assertion inside an Advice of the assertion",
         lambda target, rid: saml_response(saml_assertion(saml_conditions(target), "<saml1:Advice>%s</saml1:Advice>"
                                                          % assertion_for(target)), target, rid))
add_saml("fault", "a SOAP fault", lambda target, rid:
         "<SOAP-ENV:Fault><faultcode>SOAP-ENV:Server</faultcode><faultstring>no</faultstring></SOAP-ENV:Fault>")
add_saml("empty-body", "an empty SOAP body", lambda target, rid: "")
add_saml("doctype", "a document type",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: body.replace("<SOAP-ENV:Envelope", "<!DOCTYPE x><SOAP-ENV:Envelope", 1))
add_saml("no-envelope", "the response without SOAP",
         lambda target, rid: saml_response(assertion_for(target), target, rid),
         lambda body: DECLARATION + body[body.index("<saml1p:Response"):body.index("</SOAP-ENV:Body>")])
add("saml-in-header", "the response in the SOAP header", lambda call: ok(soap("", saml_response(
    assertion_for(call.parameter("TARGET") or ""), call.parameter("TARGET") or "", call.request_id()))))
