"""The pages of the portals, in French. Every value from outside goes through e()."""
import html
import urllib.parse

from accounts import PASSWORD_RULES

SCHOOL_PATH = "Administration des Téléservices > Accès des élèves > Gérer le compte élève"


class Look:
    """How a portal presents itself."""

    def __init__(self, name, audience, hint):
        self.name = name
        self.audience = audience
        self.hint = hint


LOOKS = {
    "familles": Look("Guichet ATEN", "élèves et parents",
                     "Votre établissement vous a remis un identifiant (prenom.nom) et un mot de passe provisoire."),
    "agents": Look("Guichet des agents", "personnels de l’académie",
                   "Votre identifiant est de la forme prenom.nom."),
}


def e(text):
    return html.escape(str(text), quote=True)


def document(title, body, look=None, script=False):
    name = look.name if look else "Guichets de démonstration"
    return f"""<!DOCTYPE html>
<html lang="fr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{e(title)} - {e(name)} (démonstration)</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/guichet.css">
{'<script src="/guichet.js" defer></script>' + chr(10) if script else ''}</head>
<body>
<header><p>{e(name)}{f' <span>{e(look.audience)}</span>' if look else ''}</p></header>
<p class="demo">Démonstration : ce portail imite celui du ministère et n’en fait pas partie.
N’y donnez aucun vrai mot de passe.</p>
<main>
<h1>{e(title)}</h1>
{body}
</main>
</body>
</html>
"""


def link(place, demand, text, **more):
    fields = {**more, **({"demande": demand} if demand else {})}
    query = "?" + urllib.parse.urlencode(fields) if fields else ""
    return f'<a href="{e(place + query)}">{e(text)}</a>'


def form(action, visit, demand, inside, button, extra=""):
    hidden = f'<input type="hidden" name="jeton" value="{e(visit.token)}">'
    if demand:
        hidden += f'<input type="hidden" name="demande" value="{e(demand)}">'
    return f"""<form method="post" action="{e(action)}"{extra}>{hidden}
{inside}
<p><button>{e(button)}</button></p>
</form>"""


def field(name, label, kind="text", value="", auto="", help_text=""):
    described = f' aria-describedby="aide-{e(name)}"' if help_text else ""
    help_line = f'<span class="help" id="aide-{e(name)}">{e(help_text)}</span>' if help_text else ""
    return (f'<p><label for="{e(name)}">{e(label)}</label>{help_line}'
            f'<input id="{e(name)}" name="{e(name)}" type="{kind}" value="{e(value)}" autocomplete="{e(auto or "off")}"'
            f'{" spellcheck=false" if kind == "text" else ""}{described}></p>')


def faults_block(faults):
    if not faults:
        return ""
    return '<div class="alert" role="alert">' + "".join(f"<p>{e(fault)}</p>" for fault in faults) + "</div>"


def index(names):
    looks = [(name, LOOKS[name]) for name in names]
    items = "".join(f'<li><a href="/{e(name)}/">{e(look.name)}</a> : {e(look.audience)}</li>' for name, look in looks)
    return document("Guichets", f"<ul>{items}</ul>")


def login(look, visit, demand, service, faults=(), name=""):
    towards = f"<p>Vous serez ensuite conduit vers <strong>{e(service)}</strong>.</p>" if service else ""
    inside = (field("identifiant", "Identifiant", value=name, auto="username", help_text=look.hint)
              + field("motdepasse", "Mot de passe", "password", auto="current-password"))
    return document("Connexion", f"""{faults_block(faults)}{towards}
{form("connexion", visit, demand, inside, "Se connecter")}
<p>{link("mot-de-passe-perdu", demand, "Mot de passe perdu ?")}</p>""", look)


def rules():
    return '<ul id="regles">' + "".join(f"<li>{e(rule)}</li>" for rule in PASSWORD_RULES) + "</ul>"


def new_password_fields(account):
    # The identifier is for whoever keeps passwords, a person or a browser; it is not sent.
    return (f'<p><label for="compte">Identifiant</label>'
            f'<input id="compte" type="text" value="{e(account.login)}" autocomplete="username" readonly></p>'
            f"<p>Le nouveau mot de passe doit avoir :</p>{rules()}"
            + field("nouveau", "Nouveau mot de passe", "password", auto="new-password")
            + field("encore", "Le même mot de passe, encore une fois", "password", auto="new-password"))


def first_login(look, visit, demand, account, faults=(), email=""):
    whose = "Date de naissance de votre enfant" if account.kind == "parent" else "Votre date de naissance"
    which = "d’un de vos enfants scolarisés, " if account.kind == "parent" else ""
    no_email = ""
    if account.kind == "pupil":
        no_email = ('<p class="check"><input id="sans-courriel" name="sans-courriel" type="checkbox" value="oui">'
                    '<label for="sans-courriel">Je n’ai pas d’adresse de messagerie</label></p>')
    inside = (new_password_fields(account)
              + field("courriel", "Votre adresse de messagerie personnelle", "email", email, "email",
                      "Elle servira si vous perdez votre mot de passe.") + no_email
              + field("naissance", whose, "date", "", "off" if which else "bday", which + "par exemple 12/05/2011"))
    return document("Première connexion", f"""{faults_block(faults)}
<p>Bonjour {e(account.name)}. Votre mot de passe est provisoire : choisissez le vôtre.</p>
{form("premiere-connexion", visit, demand, inside, "Activer mon compte")}""", look)


def locked(look, seconds, demand):
    return document("Compte bloqué", f"""<p>Trop de réponses fausses ont été données pour ce compte :
il est bloqué pour un moment.</p>
<p>Attendez {e(seconds)} secondes, puis essayez de nouveau. Votre mot de passe n’a pas changé.</p>
<p>{link("connexion", demand, "Retour à la connexion")}</p>""", look)


def ask_school():
    return f"""<p>Sans adresse de messagerie, un élève ne peut pas renouveler son mot de passe ici.</p>
<p><strong>Adressez-vous à votre établissement</strong> : il vous donnera un nouveau mot de passe provisoire
({e(SCHOOL_PATH)}).</p>"""


def no_email(look, demand):
    return document("Adressez-vous à votre établissement",
                    ask_school() + f'<p>{link("connexion", demand, "Retour à la connexion")}</p>', look)


def lost(look, visit, demand, faults=(), name=""):
    inside = (field("identifiant", "Identifiant", value=name, auto="username")
              + field("courriel", "L’adresse de messagerie que vous avez donnée", "email", auto="email"))
    school = ""
    if look is LOOKS["familles"]:
        school = f"<h2>Vous êtes élève et n’avez pas d’adresse de messagerie ?</h2>{ask_school()}"
    return document("Mot de passe perdu", f"""{faults_block(faults)}
<p>Un message contenant un lien vous sera envoyé. Il sert une fois, pendant un court moment.</p>
{form("mot-de-passe-perdu", visit, demand, inside, "Envoyer le message")}{school}
<p>{link("connexion", demand, "Retour à la connexion")}</p>""", look)


def sent(look, demand, mail):
    shown = ""
    if mail:
        shown = f"""<section class="mail" aria-labelledby="message">
<h2 id="message">Dans cette démonstration, le message s’affiche ici</h2>
<p>À : {e(mail["to"])}<br>Objet : Votre mot de passe</p>
<p>Bonjour {e(mail["name"])},</p>
<p>Vous avez demandé à changer le mot de passe de {e(mail["login"])}. Suivez ce lien dans les {e(mail["minutes"])} :</p>
<p>{link("nouveau-mot-de-passe", demand, "Choisir un nouveau mot de passe", lien=mail["secret"])}</p>
</section>"""
    return document("Message envoyé", f"""
<p>Si cet identifiant et cette adresse vont ensemble, un message vient de partir.</p>
{shown}
<p>{link("connexion", demand, "Retour à la connexion")}</p>""", look)


def new_password(look, visit, demand, account, secret, faults=()):
    inside = f'<input type="hidden" name="lien" value="{e(secret)}">' + new_password_fields(account)
    return document("Nouveau mot de passe", f"""{faults_block(faults)}
{form("nouveau-mot-de-passe", visit, demand, inside, "Changer le mot de passe")}""", look)


def bad_link(look, demand):
    return document("Lien périmé", f"""
<p>Ce lien a déjà servi, ou il est trop ancien. Votre mot de passe n’a pas changé.</p>
<p>{link("mot-de-passe-perdu", demand, "Demander un nouveau message")}</p>""", look)


def password_changed(look, demand):
    return document("Mot de passe changé", f"""<p>Connectez-vous avec votre nouveau mot de passe.</p>
<p>{link("connexion", demand, "Se connecter")}</p>""", look)


def home(look, visit, account, services):
    ways = "".join(form("service", visit, None, f'<input type="hidden" name="service" value="{e(service)}">'
                        f"<p>{e(service)}</p>", "Accéder à l’ENT", ' id="service"') for service in services)
    return document("Vous êtes connecté", f"""<p>Bonjour {e(account.name)} ({e(account.login)}).</p>
{ways or "<p>Aucun service ne s’est encore fait connaître.</p>"}
{form("deconnexion", visit, None, "", "Se déconnecter", ' id="deconnexion"')}""", look)


def logged_out(look, ended=(), failed=()):
    lines = "".join(f"<li>{e(service)} : session finie</li>" for service in ended)
    lines += "".join(f"<li>{e(service)} : <strong>la session n’est peut-être pas finie</strong></li>"
                     for service in failed)
    services = f"<p>Les services où vous êtes allé :</p><ul>{lines}</ul>" if lines else ""
    return document("Vous êtes déconnecté", f"""
<p>Votre session au guichet est finie.</p>{services}
<p>{link("connexion", None, "Se connecter")}</p>""", look)


def onward(look, address, message, relay_state):
    """The answer, in a form that the browser takes to the service: by a script, or by its button."""
    relay = f'<input type="hidden" name="RelayState" value="{e(relay_state)}">' if relay_state else ""
    return document("Retour au service", f"""<p>Votre identité est transmise à {e(address)}.</p>
<form method="post" action="{e(address)}" id="suite">
<input type="hidden" name="SAMLResponse" value="{e(message)}">{relay}
<p><button>Continuer</button></p>
</form>""", look, script=True)


def plain(title, sentences, look=None, back=True):
    way = '<p><a href="./">Retour au guichet</a></p>' if look and back else ""
    return document(title, "".join(f"<p>{e(sentence)}</p>" for sentence in sentences) + way, look)
