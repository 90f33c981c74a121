"""Who the person is, and whether the portal may say so: vectors, staff, EduConnect, scopes."""

from message import MARKER, PUPIL, Raw
from names import EDUCONNECT, NAME_URI
from registry import Group, let_in, refused

identity = Group("identity")

MALFORMED, MIXED, SEVERAL = "AT0340", "AT0341", "AT0342"
NONE, NAME, USER, SCOPE, KIND = "AT0343", "AT0344", "AT0345", "AT0346", "AT0347"
STAFF = {"profile": "agents"}
EDU = {"profile": "educonnect"}


def row(name, why, expect, attributes, options=None, **fields):
    identity.row(name, why, expect, None, options, attributes=attributes, **fields)


def vectors(name, why, expect, *values, options=None, more=()):
    row(name, why, expect, [("FrEduVecteur", list(values)), *more], options)


# --- pupils ---

for kind, degree, role in (("3", "1", "eleve"), ("4", "2", "eleve")):
    vectors(f"pupil-{kind}", f"a pupil of type {kind}", let_in(
        "eleve:701294@0340039X", {"ATEN_DEGRE": degree, "ATEN_ROLE": role, "ATEN_NOM": "N", "ATEN_PRENOM": "P",
                                  "ATEN_PROFILE": "familles"}), f"{kind}|N|P|701294|0340039X")
vectors("pupil-no-name", "a pupil without a name, as since 2018", let_in(
    "eleve:701294@0340031E", {"ATEN_ELEVE_ID": "701294", "ATEN_UAI": "0340031E"}, without=["ATEN_NOM", "ATEN_PRENOM"]),
    "4|||701294|0340031E")
vectors("pupil-no-first-name", "a pupil without a first name", let_in(
    "eleve:701294@0340039X", {"ATEN_NOM": "N"}, without=["ATEN_PRENOM"]), "4|N||701294|0340039X")
vectors("pupil-id-signs", "an id with every sign that it may have", let_in("eleve:Az09._-@0340039X"),
    "4|||Az09._-|0340039X")
vectors("pupil-id-64", "an id of 64 letters", let_in(f"eleve:{'7' * 64}@0340039X"), f"4|||{'7' * 64}|0340039X")
vectors("pupil-accents", "accents, apostrophes and other signs of a name", let_in(
    "eleve:1@0340039X", {"ATEN_NOM": "D'Œuvre-Ñandú ß;&<>\"", "ATEN_PRENOM": "Ÿvonne «É» 日本 😀"}),
    "4|D'Œuvre-Ñandú ß;&<>\"|Ÿvonne «É» 日本 😀|1|0340039X")
vectors("pupil-same-twice", "the same vector twice", refused(SEVERAL), PUPIL, PUPIL)
vectors("pupil-two", "two vectors of a pupil", refused(SEVERAL), PUPIL, "4|L'Hérault|Zoé|701295|0340039X")
vectors("pupil-two-schools", "a pupil in two schools", refused(SEVERAL), "4|||1|0340039X", "3|||1|0340040Y")

# --- parents ---

THREE = ["2|L'Hérault-Müller|Françoise|701294|0340039X", "2|L'Hérault-Müller|Françoise|701295|0340039X",
         "1|L'Hérault-Müller|Françoise|600777|0341234B"]
PARENT = {
    "ATEN_ROLE": "parent", "ATEN_ROLES": "parent", "ATEN_NOM": "L'Hérault-Müller", "ATEN_PRENOM": "Françoise",
    "ATEN_ELEVE_ID": "701294;701295;600777", "ATEN_UAI": "0340039X;0340039X;0341234B", "ATEN_DEGRE": "2;2;1",
    "ATEN_VECTEUR": ";".join(THREE), "ATEN_BACKEND": "aten",
}
LOWEST = "parent:L'Hérault-Müller:Françoise:600777@0341234B"
vectors("parent-three", "a parent of three children in two schools", let_in(LOWEST, PARENT), *THREE)
vectors("parent-three-turned", "the same in another order is the same person", let_in(
    LOWEST, {**PARENT, "ATEN_ELEVE_ID": "600777;701295;701294", "ATEN_UAI": "0341234B;0340039X;0340039X",
             "ATEN_DEGRE": "1;2;2", "ATEN_VECTEUR": ";".join(reversed(THREE))}), *reversed(THREE))
vectors("parent-twice", "the same vector twice: both stand", let_in(
    "parent:N:P:1@0340039X", {"ATEN_ELEVE_ID": "1;1", "ATEN_UAI": "0340039X;0340039X", "ATEN_DEGRE": "2;2"}),
    "2|N|P|1|0340039X", "2|N|P|1|0340039X")
vectors("parent-other", "the other parent of the same child is somebody else",
    let_in("parent:L'Hérault:Jérôme:701294@0340039X"),
        "2|L'Hérault|Jérôme|701294|0340039X")
vectors("parent-signs", "what separates in a user name is escaped in a name", let_in(
    "parent:a%3Ab%25:c;d:1@0340039X", {"ATEN_NOM": "a:b%", "ATEN_VECTEUR": r"2|a:b%|c\;d|1|0340039X"}),
    "2|a:b%|c;d|1|0340039X")
vectors("parent-no-first-name", "a parent with a nom alone", refused(NAME),
        "2|N||1|0340039X")
vectors("parent-no-name", "a parent without a name", refused(NAME), "2|||701294|0340039X")
vectors("parent-no-name-primary", "a parent of the first degree without a name", refused(NAME), "1|||701294|0340039X")
vectors("parent-blank-name", "a parent whose name is blanks", refused(NAME), "2| | |701294|0340039X")
vectors("parent-no-name-lowest", "the lowest vector has no name", refused(NAME), "1|||1|0340039X", "2|N|P|2|0340039X")
vectors("parent-mixed", "vectors of a parent and of a pupil", refused(MIXED), "2|N|P|1|0340039X", PUPIL)
vectors("parent-mixed-turned", "the pupil's first", refused(MIXED), PUPIL, "2|N|P|1|0340039X")
vectors("parent-of-41", "41 children", refused(MALFORMED), *(f"2|N|P|{100 + n}|0340039X" for n in range(41)))
vectors("parent-one-malformed", "two good vectors and a malformed one", refused(MALFORMED), *THREE[:2], "2|N|P|1")

# --- vectors broken in every field ---

for word, value in {
        "type-0": "0|N|P|1|0340039X", "type-5": "5|N|P|1|0340039X", "type-none": "|N|P|1|0340039X",
        "type-two": "44|N|P|1|0340039X",
        "type-word": "eleve|N|P|1|0340039X", "type-minus": "-4|N|P|1|0340039X", "type-blank": "4 |N|P|1|0340039X",
        "type-full-width": "４|N|P|1|0340039X", "id-none": "4|N|P||0340039X", "id-blank": "4|N|P| |0340039X",
        "id-inner-blank": "4|N|P|1 2|0340039X", "id-at": "4|N|P|1@x|0340039X", "id-colon": "4|N|P|1:2|0340039X",
        "id-slash": "4|N|P|../1|0340039X", "id-accent": "4|N|P|é|0340039X", "id-65": f"4|N|P|{'7' * 65}|0340039X",
        "uai-none": "4|N|P|1|", "uai-short": "4|N|P|1|034039X", "uai-long": "4|N|P|1|03400390X",
        "uai-small": "4|N|P|1|0340039x",
        "uai-no-letter": "4|N|P|1|03400391", "uai-letters": "4|N|P|1|O340039X", "uai-blank": "4|N|P|1|0340039 X",
        "uai-accent": "4|N|P|1|0340039É", "uai-behind": "4|N|P|1|0340039X;", "uai-two": "4|N|P|1|0340039X0340040Y",
        "fields-4": "4|N|P|1", "fields-6": "4|N|P|1|0340039X|", "fields-6-before": "|4|N|P|1|0340039X", "fields-1": "4",
        "fields-none": "|", "fields-only-bars": "||||", "separator": "4;N;P;1;0340039X",
        "separator-escaped": r"4\|N|P|1|0340039X",
        "separator-wide": "4｜N｜P｜1｜0340039X", "merged": "4|N|1|0340039X", "many-bars": "|" * 1000,
        "long": f"4|{'N' * 1010}|P|1|0340039X", "two-in-one": f"{PUPIL};{PUPIL}", "json": '{"type": 4}'}.items():
    vectors(f"vector-{word}", f"a malformed vector: {word}", refused(MALFORMED), value)
for word, raw in (("line", "4|N&#10;X-Injected: 1|P|1|0340039X"), ("tab", "4|N&#9;|P|1|0340039X"),
                  ("delete", "4|N&#x7f;|P|1|0340039X"), ("c1", "4|N&#x85;|P|1|0340039X")):
    vectors(f"vector-{word}", f"a control character in a vector: {word}", refused("AT0332"), Raw(raw))
vectors("vector-1024", "a vector of 1024 bytes", let_in("eleve:1@0340039X"),
    "4|" + "N" * (1024 - 15) + "||1|0340039X"[-13:])
row("vector-none", "no vector and nothing else that names a person", refused(NONE), [])
row("vector-empty", "an empty vector", refused(MALFORMED), [("FrEduVecteur", [""])])
row("vector-empty-among", "an empty vector beside a good one", refused(MALFORMED),
    [("FrEduVecteur", ["2|DUPONT|Marie|701294|0340039X", ""])])
row("vector-empty-mail", "a parent whose vector is empty is no staff", refused(MALFORMED),
    [("FrEduVecteur", [""]), ("mail", ["marie@famille.example"])])
row("vector-name-letters", "the vector under a name in small letters", refused(NONE), [("freduvecteur", [PUPIL])])
row("vector-name-longer", "the vector under a longer name", refused(NONE), [("FrEduVecteur2", [PUPIL])])
row("vector-friendly", "the vector by FriendlyName alone", refused(NONE), [
    ("urn:x", [PUPIL], ' FriendlyName="FrEduVecteur"')])

# --- scopes ---

vectors("scope-school", "a school outside of the portal's scope", refused(SCOPE), "4|N|P|1|0750001A")
vectors("scope-second-child", "a second child outside of the scope", refused(SCOPE), "2|N|P|1|0340039X",
    "2|N|P|2|0750001A")
vectors("scope-second-pattern", "a school of the scope's second pattern", let_in("eleve:1@0300001A"),
    "4|N|P|1|0300001A")
vectors("scope-near", "a school that begins almost like one of the scope", refused(SCOPE), "4|N|P|1|0350001A")
vectors("scope-staff-of-staff-portal", "the staff's portal speaks of a pupil", refused(KIND), PUPIL, options=STAFF)
vectors("scope-parent-of-staff-portal", "the staff's portal speaks of a parent", refused(KIND), "2|N|P|1|0340039X",
    options=STAFF)
row("scope-families-staff", "the families' portal speaks of staff", refused(KIND), [
    ("ctemail", ["p.durand@ac.example"]), ("FrEduRne", ["0340039X$x"])])
row("scope-families-staff-no-school", "the families' portal speaks of staff without a school", refused(KIND),
    [("ctemail", ["p.durand@ac.example"])])
row("scope-rne", "staff of a school outside of the scope", refused(SCOPE),
    [("ctemail", ["p.durand@ac.example"]), ("FrEduRne", ["0750001A$x"])], STAFF)
row("scope-rne-second", "a second school outside of the scope", refused(SCOPE),
    [("ctemail", ["p.durand@ac.example"]), ("FrEduRne", ["0340039X$x", "0750001A$x"])], STAFF)
row("scope-rne-none", "staff without a school, from a portal with a scope", refused(SCOPE),
    [("ctemail", ["p.durand@ac.example"])],
    STAFF)
row("scope-rne-odd", "a school that is no school's code", refused(SCOPE),
    [("ctemail", ["p.durand@ac.example"]), ("FrEduRne", ["034"])], STAFF)
row("scope-rne-beside-vector", "a pupil with a second school in FrEduRne", refused(SCOPE),
    [("FrEduVecteur", [PUPIL]), ("FrEduRne", ["0750001A$x"])])

# --- staff ---

RNE = ("FrEduRne", ["0340039X$UAJ$PU$N$T3$COL$340"])
row("staff", "a teacher", let_in("p.durand@ac.example", {
    "ATEN_ROLE": "personnel", "ATEN_ROLES": "personnel", "ATEN_PROFILE": "agents", "ATEN_NOM": "Durand",
    "ATEN_PRENOM": "Paul",
    "ATEN_UAI": "0340039X", "ATEN_ATTR_FrEduRne": RNE[1][0], "ATEN_ATTR_FrEduFonctAdm": "ENS|a,b$c",
    "ATEN_ATTR_FrEduMarque": MARKER}, without=["ATEN_VECTEUR"]),
    [("ctemail", ["p.durand@ac.example"]), RNE, ("sn", ["Durand"]), ("givenName", ["Paul"]),
    ("FrEduFonctAdm", ["ENS|a,b$c"])],
    STAFF)
row("staff-mail", "a teacher with mail alone", let_in("p.durand@ac.example"), [("mail", ["p.durand@ac.example"]), RNE],
    STAFF)
row("staff-mail-oid", "the same with the attribute's OID", let_in("p.durand@ac.example"),
    [("urn:oid:0.9.2342.19200300.100.1.3", ["p.durand@ac.example"], f' NameFormat="{NAME_URI}"'), RNE], STAFF)
row("staff-both-mails", "ctemail comes before mail", let_in("a@ac.example"),
    [("mail", ["b@ac.example"]), ("ctemail", ["a@ac.example"]), RNE],
    STAFF)
row("staff-two-mails", "two values of ctemail", refused(USER), [("ctemail", ["a@ac.example", "b@ac.example"]), RNE],
    STAFF)
row("staff-no-at", "a ctemail without an @", refused(USER), [("ctemail", ["durand"]), RNE], STAFF)
row("staff-colon", "a ctemail that looks like a pupil's name", refused(USER),
    [("ctemail", ["eleve:701294@0340039X"]), RNE], STAFF)
row("staff-long", "a ctemail of 300 bytes", refused(USER), [("ctemail", ["a" * 290 + "@x.example"]), RNE], STAFF)
row("staff-control", "a control character in ctemail", refused("AT0332"),
    [("ctemail", [Raw("a&#x85;@ac.example")]), RNE], STAFF)
row("staff-cut", "a ctemail with a comment: whole", let_in("p.durand@ac.example.evil.example"),
    [("ctemail", [Raw("p.durand@ac.example<!-- -->.evil.example")]), RNE], STAFF)
row("staff-empty", "an empty ctemail, and mail", let_in("b@ac.example"),
    [("ctemail", [""]), ("mail", ["b@ac.example"]), RNE], STAFF)

# --- EduConnect ---


def edu(**values):
    numbers = {"url": 5, "affiliation": 7, "id": 57, "born": 67, "uai": 72, "level": 73}
    return [(f"{EDUCONNECT}{numbers[name]}", value if isinstance(value, list) else [value]) for name,
        value in values.items()]


SN = [("urn:oid:2.5.4.4", ["Hérault"]), ("urn:oid:2.5.4.42", ["Zoé"])]
ID = "a1b2c3d4e5f6a7b8"
row("educonnect-vector", "EduConnect with a vector", let_in("eleve:701294@0340039X", {
    "ATEN_ROLE": "eleve", "ATEN_PROFILE": "educonnect", "ATEN_UAI": "0340039X"}), [("FrEduVecteur", [PUPIL])], EDU)
row("educonnect-pupil", "a pupil by EduConnect's attributes", let_in(ID, {
    "ATEN_ROLE": "eleve", "ATEN_NOM": "Hérault", "ATEN_PRENOM": "Zoé", "ATEN_UAI": "0340039X", "ATEN_DEGRE": "2"},
    without=["ATEN_VECTEUR"]), [*edu(id=ID, affiliation="eleve2d", uai="0340039X", born="2004-02-29"), *SN], EDU)
row("educonnect-parent", "a parent by EduConnect's attributes", let_in(ID, {
    "ATEN_ROLE": "parent", "ATEN_NOM": "Hérault", "ATEN_DEGRE": "1"}),
    [*edu(id=ID, affiliation="resp1d", uai="0340039X"), *SN], EDU)
row("educonnect-names", "the same attributes by their names", let_in(ID,
    {"ATEN_ROLE": "eleve", "ATEN_UAI": "0340039X"}), [
    ("FrEduCtId", [ID]), ("FrEduCtPersonAffiliation", ["eleve1d"]), ("FrEduCtEleveUAI", ["0340039X"])], EDU)
row("educonnect-vector-and-id", "a vector and a FrEduCtId: the latter names the person", let_in(ID, {
    "ATEN_ROLE": "eleve", "ATEN_ELEVE_ID": "701294"}), [("FrEduVecteur", [PUPIL]), *edu(id=ID, affiliation="eleve2d")],
    EDU)
row("educonnect-two-ids", "two FrEduCtIds", refused(USER), edu(id=[ID, "b" * 16], affiliation="eleve2d",
    uai="0340039X"), EDU)
row("educonnect-contradiction", "a pupil's vector and a parent's affiliation", refused(NONE),
    [("FrEduVecteur", [PUPIL]), *edu(id=ID, affiliation="resp2d")], EDU)
row("educonnect-malformed-vector", "a malformed vector beside a good FrEduCtId", refused(MALFORMED),
    [("FrEduVecteur", ["4|N|P|1"]), *edu(id=ID, affiliation="eleve2d")], EDU)
row("educonnect-no-id", "an affiliation and nothing that names the person", refused(NONE),
    edu(affiliation="eleve2d", uai="0340039X"), EDU)
row("educonnect-id-control", "a FrEduCtId with a control character", refused("AT0332"),
    edu(id=Raw("x&#x85;y"), affiliation="eleve2d", uai="0340039X"), EDU)
identity.row("educonnect-unsolicited", "began at EduConnect, which is believed without having been asked", let_in(
    "eleve:701294@0340039X", {"ATEN_PROFILE": "educonnect"}), None, EDU, in_response_to=None,
    response_in_response_to=None)
