"""XML signatures by xmlsec, over templates that may ask for anything."""

import xmlsec
from lxml import etree

from names import DS, ECDSA_SHA256, ENVELOPED, EXC, RSA_SHA256, SAML, SHA256

xmlsec.init()


def transform(algorithm, inside=""):
    return f'<ds:Transform Algorithm="{algorithm}">{inside}</ds:Transform>'


def inclusive(*prefixes):
    return f'<ec:InclusiveNamespaces xmlns:ec="{EXC}" PrefixList="{" ".join(prefixes)}"/>'


USUAL = transform(ENVELOPED) + transform(EXC)


def template(uri, *, method=RSA_SHA256, digest=SHA256, c14n=EXC, transforms=USUAL, key_info="", objects="",
             method_inside="", references=None, prefix="ds", c14n_inside=""):
    """The text of a Signature that waits for its values."""
    if references is None:
        references = reference(uri, digest=digest, transforms=transforms)
    info = f"<ds:KeyInfo>{key_info}</ds:KeyInfo>" if key_info else ""
    text = (f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo>'
            f'<ds:CanonicalizationMethod Algorithm="{c14n}">{c14n_inside}</ds:CanonicalizationMethod>'
            f'<ds:SignatureMethod Algorithm="{method}">{method_inside}</ds:SignatureMethod>'
            f"{references}</ds:SignedInfo><ds:SignatureValue/>{info}{objects}</ds:Signature>")
    if prefix == "ds":
        return text
    return text.replace("<ds:", f"<{prefix}:" if prefix else "<").replace("</ds:", f"</{prefix}:" if prefix else "</") \
        .replace("xmlns:ds=", f"xmlns:{prefix}=" if prefix else "xmlns=")


def reference(uri, *, digest=SHA256, transforms=USUAL, more=""):
    target = "" if uri is None else f' URI="{uri}"'
    transforms = f"<ds:Transforms>{transforms}</ds:Transforms>" if transforms else ""
    return (f'<ds:Reference{target}{more}>{transforms}<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/>'
            "</ds:Reference>")


def place(element, node, where="schema"):
    """Put a signature where the schema has it, behind the Issuer; or 'first', or 'last'."""
    issuer = element.find(f"{{{SAML}}}Issuer")
    if where == "last":
        element.append(node)
    elif where == "first" or issuer is None:
        element.insert(0, node)
    else:
        element.insert(element.index(issuer) + 1, node)
    return node


def sign(element, key, *, where="schema", uri="own", sign_with=None, **options):
    """Sign an element. Options: those of template(); sign_with: an xmlsec key instead of key's.
    @return the Signature"""
    target = "#" + element.get("ID", "") if uri == "own" else uri
    if key.is_ec():
        options.setdefault("method", ECDSA_SHA256)
    if "key_info" in options and options["key_info"] == "own":
        options["key_info"] = key.x509_data()
    node = place(element, etree.fromstring(template(target, **options)), where)
    run(node, sign_with or key.for_xmlsec())
    return node


def run(node, key):
    """Compute the values of a template that stands in its place."""
    xmlsec.tree.add_ids(node.getroottree().getroot(), ["ID"])
    context = xmlsec.SignatureContext()
    context.key = key
    context.sign(node)
