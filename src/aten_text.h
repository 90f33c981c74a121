/* The catalogue of what the pages say, in French and English. */
#ifndef ATEN_TEXT_H
#define ATEN_TEXT_H

#include <apr_pools.h>

/* id, French, English. Plain words, written for families; no markup; {0} to {3} are arguments.
 * The French has a no-break space (\u00a0) inside « » and before : ; ? !, and the apostrophe ’.
 * "(CAS)" stands only where staff may look for the word: families know « l’identifiant de l’ENT ». */
#define ATEN_TEXTS(X) \
    /* every page */ \
    X(PORTAL, "Espace numérique de travail", "School portal") \
    X(PORTAL_SHORT, "ENT", "School portal") /* behind the page's title, in the browser's tab */ \
    X(REFERENCE, "Référence à donner si vous demandez de l’aide\u00a0: {0}", \
      "Reference to give if you ask for help: {0}") \
    X(MOVED, "Continuer vers {0}", "Continue to {0}") \
    \
    /* the chooser; {0} is a date, populations come as « les élèves, les parents » */ \
    X(CHOOSER_TITLE, "Indiquez votre profil", "Choose your profile") \
    X(CHOOSER_CLOSED_SINCE, "Fermé depuis le {0}. Utilisez un autre choix.", "Closed since {0}. Use another choice.") \
    X(CHOOSER_CLOSED, "Fermé. Utilisez un autre choix.", "Closed. Use another choice.") \
    X(CHOOSER_CLOSED_FOR, \
      "Depuis le {1}, ce choix n’est plus ouvert pour\u00a0: {0}. " \
      "Les autres personnes peuvent continuer à l’utiliser.", \
      "Since {1}, this choice is no longer open for: {0}. Other people can go on using it.") \
    X(CHOOSER_EMPTY, \
      "Aucun choix n’est ouvert pour cette page. Demandez à votre établissement comment vous connecter.", \
      "No choice is open for this page. Please ask your school how to log in.") \
    X(NOTICE_TITLE, "À savoir", "Please note") \
    X(NOTICE_EVERYONE, \
      "À partir du {0}, l’identifiant de l’ENT ne permettra plus de se connecter ici. " \
      "Élèves et parents\u00a0: préparez votre identifiant national (prenom.nom).", \
      "From {0} on, the school portal’s own identifier (l’identifiant de l’ENT) will no longer work here. " \
      "Pupils and parents: have your national identifier (prenom.nom) ready.") \
    X(NOTICE_FOR, \
      "À partir du {0}, l’identifiant de l’ENT ne permettra plus de se connecter ici pour\u00a0: {1}. " \
      "Élèves et parents\u00a0: préparez votre identifiant national (prenom.nom).", \
      "From {0} on, the school portal’s own identifier (l’identifiant de l’ENT) will no longer work here for: {1}. " \
      "Pupils and parents: have your national identifier (prenom.nom) ready.") \
    X(CONNECTED_AS, "Une personne est déjà connectée\u00a0: {0}", "Somebody is already logged in: {0}") \
    X(CONNECTED_CONTINUE, "Continuer avec ce compte", "Continue with this account") \
    X(NOT_YOU, "Ce n’est pas vous\u00a0? Changez de compte", "Not you? Use another account") \
    X(CONNECTED_PARENT_ROLE, \
      "Vous êtes aussi parent d’élève\u00a0? Depuis le {0}, les parents se connectent par le guichet ATEN, " \
      "avec leur identifiant national. Pour votre travail, rien ne change.", \
      "Are you a parent too? Since {0}, parents log in at the ATEN portal, with their national identifier. " \
      "Nothing changes for your work.") \
    \
    /* the ATEN portal */ \
    X(PORTAL_ANSWER_TITLE, "La connexion n’a pas pu se terminer", "The login could not be completed") \
    X(PORTAL_ANSWER_WHY, \
      "Le guichet vous a renvoyé vers l’ENT, mais sa réponse n’a pas pu être acceptée. " \
      "Vous n’avez pas fait d’erreur. Essayez encore une fois\u00a0; si cela se reproduit, " \
      "donnez la référence ci-dessous à votre établissement.", \
      "The ATEN portal sent you back to the school portal, but its answer could not be accepted. " \
      "You have done nothing wrong. Try once more. If it happens again, give the reference below to your school.") \
    X(PORTAL_STATUS_TITLE, "Le guichet n’a pas confirmé la connexion", "The ATEN portal did not confirm the login") \
    X(PORTAL_STATUS_WHY, \
      "Le guichet indique que la connexion n’a pas eu lieu\u00a0: elle a été interrompue, ou le compte ne peut pas " \
      "être utilisé ici. Vous pouvez réessayer.", \
      "The ATEN portal says that the login did not take place: it was broken off, or the account cannot be used here. " \
      "You can try again.") \
    X(PORTAL_DOWN_TITLE, "Le guichet ne peut pas être utilisé en ce moment", \
      "The ATEN portal cannot be used at the moment") \
    X(PORTAL_DOWN_WHY, \
      "L’ENT ne sait pas comment joindre le guichet de façon sûre. Ce n’est pas votre faute\u00a0: réessayez plus tard.", \
      "The school portal does not know how to reach the ATEN portal safely. This is not your fault: try again later.") \
    X(PORTAL_UNSOLICITED_TITLE, "Commencez par l’ENT", "Start at the school portal") \
    X(PORTAL_UNSOLICITED_WHY, \
      "Vous êtes parti de la page du guichet. Ici, la connexion commence par l’ENT\u00a0: utilisez le bouton ci-dessous.", \
      "You started at the ATEN portal’s own page. Here a login starts at the school portal: use the button below.") \
    X(PORTAL_CONTEXT_TITLE, "Cette page demande de se connecter à nouveau", "This page asks you to log in again") \
    X(PORTAL_CONTEXT_WHY, \
      "La façon dont le guichet vous a connecté ne suffit pas pour cette page. Connectez-vous à nouveau au guichet, " \
      "avec votre mot de passe.", \
      "The way in which the ATEN portal logged you in is not enough for this page. " \
      "Log in at the ATEN portal again, with your password.") \
    X(IDENTITY_TITLE, "Le guichet n’a pas dit qui vous êtes", "The ATEN portal did not say who you are") \
    X(IDENTITY_WHY, \
      "Vous êtes connecté au guichet, mais il n’a pas transmis à l’ENT ce qu’il faut pour ouvrir votre espace " \
      "(élève, parent ou personnel, et établissement). Votre établissement peut corriger votre fiche\u00a0: " \
      "donnez-lui la référence ci-dessous.", \
      "You are logged in at the ATEN portal, but it did not tell the school portal what is needed to open your space " \
      "(pupil, parent or staff, and the school). Your school can correct your record: " \
      "give them the reference below.") \
    X(SCOPE_TITLE, "Ce guichet ne donne pas accès à cet ENT", "This ATEN portal gives no access to this school portal") \
    X(SCOPE_WHY, \
      "Le guichet que vous avez utilisé ne peut pas répondre pour cette personne ou cet établissement. Vérifiez que " \
      "vous avez choisi le bon profil, puis réessayez.", \
      "The ATEN portal that you used may not answer for this person or this school. Check that you chose the right " \
      "profile, then try again.") \
    X(STORE_TITLE, "L’ENT a un problème technique", "The school portal has a technical problem") \
    X(STORE_WHY, \
      "Les connexions et les sessions ne peuvent pas être vérifiées en ce moment. Ce n’est pas votre faute\u00a0: " \
      "réessayez dans quelques minutes.", \
      "Logins and sessions cannot be checked at the moment. This is not your fault: try again in a few minutes.") \
    X(STORE_BEHIND_TITLE, "L’ENT démarre", "The school portal is starting") \
    X(STORE_BEHIND_WHY, \
      "L’ENT vient de démarrer et ne sait pas encore quelles sessions ont été fermées. Réessayez dans quelques instants.", \
      "The school portal has just started and does not know yet which sessions were ended. Try again in a moment.") \
    \
    /* leaving */ \
    X(LOGOUT_ASK_TITLE, "Voulez-vous vous déconnecter\u00a0?", "Do you want to log out?") \
    X(LOGOUT_ASK_WHY, \
      "Une page d’un autre site demande à vous déconnecter de l’ENT. Si ce n’est pas vous, restez connecté.", \
      "A page of another site asks to log you out of the school portal. If you did not ask for it, stay logged in.") \
    X(LOGOUT_ASK_YES, "Me déconnecter", "Log me out") \
    X(LOGOUT_ASK_NO, "Rester connecté", "Stay logged in") \
    X(LOGGED_OUT_TITLE, "Vous êtes déconnecté", "You are logged out") \
    X(LOGGED_OUT_HERE, "Votre session de l’ENT est terminée.", "Your session at the school portal has ended.") \
    X(LOGGED_OUT_NOBODY, "Vous n’avez pas de session ouverte dans l’ENT.", \
      "You have no open session at the school portal.") \
    X(LOGGED_OUT_CAS, "Le service de connexion de l’ENT (CAS) vous a déconnecté aussi.", \
      "The school portal’s login service (CAS) has logged you out as well.") \
    X(LOGGED_OUT_AT_PORTAL, "Le guichet vous a déconnecté aussi.", "The ATEN portal has logged you out as well.") \
    X(LOGGED_OUT_PARTLY, \
      "Le guichet n’a pas pu fermer toutes vos sessions\u00a0: vous êtes peut-être encore connecté au guichet ou à un " \
      "autre service.", \
      "The ATEN portal could not end all of your sessions: you may still be logged in there or at another service.") \
    X(LOGGED_OUT_PORTAL, \
      "Vous êtes peut-être encore connecté au guichet.", \
      "You may still be logged in at the ATEN portal.") \
    X(LOGGED_OUT_WHY, \
      "Sur un ordinateur partagé, fermez aussi toutes les fenêtres du navigateur.", \
      "On a shared computer, close all windows of the browser as well.") \
    X(LOGOUT_FAILED_TITLE, "La déconnexion n’est pas complète", "The logout is not complete") \
    X(LOGOUT_FAILED_WHY, \
      "Ce navigateur a oublié votre session, mais un problème technique empêche l’ENT de la fermer partout. " \
      "Sur un ordinateur partagé, fermez toutes les fenêtres du navigateur, puis réessayez plus tard.", \
      "This browser has forgotten your session, but a technical problem keeps the school portal from ending it " \
      "everywhere. On a shared computer, close all windows of the browser, and try again later.") \
    X(LOGOUT_ANSWER_TITLE, "La réponse du guichet n’a pas été acceptée", "The ATEN portal’s answer was not accepted") \
    X(LOGOUT_ANSWER_WHY, \
      "Aucune déconnexion n’attend cette réponse, ou elle est arrivée trop tard. Votre session de l’ENT n’a pas changé.", \
      "No logout waits for this answer, or it came too late. Your session at the school portal has not changed.") \
    X(LOGOUT_RETURN_TITLE, "Votre session de l’ENT est terminée", "Your session at the school portal has ended") \
    X(LOGOUT_RETURN_WHY, \
      "Le guichet a demandé cette déconnexion. Utilisez le bouton pour la terminer.", \
      "The ATEN portal asked for this logout. Use the button to complete it.") \
    X(LOGOUT_RETURN, "Retourner au guichet", "Return to the ATEN portal") \
    X(ENDED_TITLE, "Votre session a été fermée pendant la connexion", "Your session was ended during the login") \
    X(ENDED_WHY, \
      "Une déconnexion est arrivée en même temps que votre connexion. Vous pouvez vous connecter à nouveau.", \
      "A logout arrived at the same time as your login. You can log in again.") \
    \
    /* the cut-off */ \
    X(REFUSED_TITLE, "Cet identifiant n’ouvre plus cette page", "This identifier no longer opens this page") \
    X(REFUSED_SINCE, \
      "Depuis le {0}, l’identifiant de l’ENT (CAS) n’ouvre plus cette page pour\u00a0: {1}.", \
      "Since {0}, the school portal’s own identifier (CAS) no longer opens this page for: {1}.") \
    X(REFUSED_EVERYONE, "Depuis le {0}, l’identifiant de l’ENT (CAS) n’ouvre plus cette page.", \
      "Since {0}, the school portal’s own identifier (CAS) no longer opens this page.") \
    X(REFUSED_WHY, \
      "Vous n’avez pas fait d’erreur. L’identifiant de l’ENT est remplacé par un identifiant national.", \
      "You have done nothing wrong. The school portal’s own identifier is replaced by a national one.") \
    X(REFUSED_WHAT, \
      "Connectez-vous au guichet ATEN avec votre identifiant national (prenom.nom)\u00a0: " \
      "utilisez le bouton ci-dessous.", \
      "Log in at the ATEN portal with your national identifier (prenom.nom): use the button below.") \
    X(REFUSED_NO_WAY, \
      "Cette page ne propose pas d’autre façon de se connecter. Demandez à votre établissement comment faire.", \
      "This page offers no other way to log in. Please ask your school what to do.") \
    X(UNKNOWN_TITLE, "Votre profil n’a pas été transmis", "Your profile was not passed on") \
    X(UNKNOWN_WHY, \
      "Votre mot de passe est juste, mais le service de connexion de l’ENT (CAS) n’a pas dit si vous êtes élève, " \
      "parent ou membre du personnel. Sans cette information, cette page ne peut pas s’ouvrir.", \
      "Your password is right, but the school portal’s login service (CAS) did not say whether you are a pupil, " \
      "a parent or a member of staff. Without that, this page cannot open.") \
    X(UNKNOWN_WHAT, \
      "Élèves et parents\u00a0: utilisez votre identifiant national (prenom.nom). " \
      "Autres personnes\u00a0: signalez ce message à votre établissement.", \
      "Pupils and parents: use your national identifier (prenom.nom). " \
      "Everybody else: please tell your school about this message.") \
    \
    /* profiles; {0} is the label of one */ \
    X(PROFILE_NOT_HERE_TITLE, "Ce profil n’ouvre pas cette page", "This profile does not open this page") \
    X(PROFILE_NOT_HERE_WHY, \
      "Le profil «\u00a0{0}\u00a0» n’est pas prévu pour cette page. Choisissez un profil qui l’ouvre.", \
      "The profile “{0}” is not meant for this page. Choose a profile that opens it.") \
    X(PROFILE_CLOSED_TITLE, "Ce profil est fermé", "This profile is closed") \
    X(PROFILE_CLOSED_WHY, "On ne peut plus se connecter par «\u00a0{0}\u00a0». Choisissez un autre profil.", \
      "It is no longer possible to log in by “{0}”. Choose another profile.") \
    X(PROFILE_UNKNOWN_WHY, \
      "Le lien que vous avez suivi nomme un profil qui n’existe pas ici. Choisissez votre profil dans la liste.", \
      "The link that you followed names a profile that does not exist here. Choose your profile from the list.") \
    X(FORBIDDEN_TITLE, "Cette page n’est pas ouverte à votre compte", "This page is not open to your account") \
    X(FORBIDDEN_WHY, \
      "Vous utilisez le compte «\u00a0{0}\u00a0». Il n’a pas le droit d’ouvrir cette page. " \
      "Si vous pensez que c’est une erreur, demandez à votre établissement.", \
      "You are using the account “{0}”. It does not have the right to open this page. " \
      "If you think that this is a mistake, please ask your school.") \
    \
    /* the login service */ \
    X(CAS_DOWN_TITLE, "La connexion ne marche pas pour le moment", "Logging in does not work at the moment") \
    X(CAS_DOWN_WHY, \
      "Le service de connexion de l’ENT (CAS) ne répond pas. Ce n’est pas de votre faute. " \
      "Attendez quelques minutes, puis réessayez.", \
      "The school portal’s login service (CAS) does not answer. It is not your fault. " \
      "Wait a few minutes, then try again.") \
    X(CAS_BUSY_TITLE, "Beaucoup de monde se connecte en ce moment", "Many people are logging in right now") \
    X(CAS_BUSY_WHY, "Le service de connexion ne peut pas vous répondre tout de suite. Réessayez dans une minute.", \
      "The login service cannot answer you at once. Try again in a minute.") \
    X(CAS_ANSWER_TITLE, "Votre connexion n’a pas pu être vérifiée", "Your login could not be checked") \
    X(CAS_ANSWER_WHY, \
      "Le service de connexion de l’ENT (CAS) a répondu, mais sa réponse ne peut pas être acceptée. " \
      "Ce n’est pas de votre faute. Si cela se répète, signalez ce message à votre établissement.", \
      "The school portal’s login service (CAS) answered, but its answer cannot be accepted. " \
      "It is not your fault. If it happens again, please tell your school about this message.") \
    X(CAS_TICKET_TITLE, "Votre connexion n’a pas été confirmée", "Your login was not confirmed") \
    X(CAS_TICKET_WHY, \
      "Le service de connexion de l’ENT (CAS) n’a pas confirmé votre connexion. " \
      "Cela arrive quand on attend trop longtemps ou quand on revient en arrière. Réessayez.", \
      "The school portal’s login service (CAS) did not confirm your login. " \
      "That happens after a long wait, or when one goes back a page. Try again.") \
    \
    /* the request */ \
    X(BAD_REQUEST_TITLE, "Cette adresse n’est pas correcte", "This address is not right") \
    X(BAD_REQUEST_WHY, \
      "Le lien que vous avez suivi est abîmé ou incomplet. Retournez à l’accueil et recommencez.", \
      "The link that you followed is damaged or incomplete. Go back to the home page and start again.") \
    X(COOKIES_TITLE, "Votre navigateur semble refuser les cookies", "Your browser seems to refuse cookies") \
    X(COOKIES_WHY, \
      "Pour vous reconnaître, ce site a besoin de déposer un petit fichier, appelé cookie, dans votre navigateur. " \
      "Il ne l’y a pas retrouvé.", \
      "To recognise you, this site needs to leave a small file, called a cookie, in your browser. " \
      "It did not find it there.") \
    X(COOKIES_WHAT, \
      "Ouvrez les réglages de votre navigateur et cherchez «\u00a0cookies\u00a0» ou «\u00a0confidentialité\u00a0». " \
      "Autorisez les cookies pour ce site, puis réessayez. Si cela ne suffit pas, essayez un autre navigateur.", \
      "Open the settings of your browser and look for “cookies” or “privacy”. " \
      "Allow cookies for this site, then try again. If that is not enough, try another browser.") \
    X(NOT_FOUND_TITLE, "Cette page n’existe pas", "This page does not exist") \
    X(NOT_FOUND_WHY, "L’adresse est peut-être mal écrite, ou la page a été déplacée.", \
      "The address may be mistyped, or the page may have moved.") \
    X(INTERNAL_TITLE, "Un problème est survenu", "Something went wrong") \
    X(INTERNAL_WHY, \
      "Le site n’a pas pu traiter votre demande. Ce n’est pas de votre faute. Attendez un peu, puis réessayez. " \
      "Si cela se répète, signalez ce message à votre établissement.", \
      "The site could not handle your request. It is not your fault. Wait a little, then try again. " \
      "If it happens again, please tell your school about this message.") \
    X(INSECURE_TITLE, "Cette adresse n’est pas protégée", "This address is not protected") \
    X(INSECURE_WHY, \
      "Pour votre sécurité, on ne peut se connecter qu’à une adresse qui commence par https://. " \
      "Vérifiez l’adresse, ou signalez ce message à votre établissement.", \
      "For your safety, logging in is possible only at an address that begins with https://. " \
      "Check the address, or tell your school about this message.") \
    X(FRAMED_TITLE, "La connexion s’ouvre dans toute la fenêtre", "Logging in takes the whole window") \
    X(FRAMED_WHY, \
      "Cette page s’affiche à l’intérieur d’une autre. Pour votre sécurité, on ne peut pas s’y connecter. " \
      "Ouvrez-la dans toute la fenêtre avec le bouton ci-dessous.", \
      "This page is shown inside another one. For your safety, it is not possible to log in here. " \
      "Open it in the whole window with the button below.") \
    X(METHOD_WHY, \
      "Cette adresse ne s’utilise pas de cette façon. Retournez à l’accueil et recommencez.", \
      "This address is not to be used in this way. Go back to the home page and start again.") \
    X(SESSION_LARGE_TITLE, "Votre session n’a pas pu être ouverte", "Your session could not be opened") \
    X(SESSION_LARGE_WHY, \
      "Le service de connexion a envoyé trop d’informations sur votre compte. Ce n’est pas de votre faute. " \
      "Signalez ce message à votre établissement.", \
      "The login service sent too much information about your account. It is not your fault. " \
      "Please tell your school about this message.") \
    X(NOT_SUPPORTED_WHY, "Ce site ne propose pas cette fonction.", "This site does not offer this function.") \
    \
    /* buttons */ \
    X(TRY_AGAIN, "Réessayer", "Try again") \
    X(CONTINUE, "Continuer", "Continue") \
    X(TO_HOME, "Aller à l’accueil", "Go to the home page") \
    X(TO_CHOOSER, "Choisir un profil", "Choose a profile") \
    X(OPEN_TOP, "Ouvrir dans toute la fenêtre", "Open in the whole window") \
    X(GO_PROFILE, "Se connecter\u00a0: {0}", "Log in: {0}") \
    \
    /* help */ \
    X(HELP_TITLE, "Besoin d’aide\u00a0?", "Need help?") \
    X(HELP_NO_IDENTIFIER, "Je n’ai pas reçu mon identifiant", "I have not received my identifier") \
    X(HELP_FIRST_LOGIN, "C’est ma première connexion", "I am logging in for the first time") \
    X(HELP_LOST_PASSWORD, "J’ai oublié mon mot de passe", "I have forgotten my password") \
    X(HELP_NO_EMAIL, "Je n’ai pas d’adresse électronique", "I have no e-mail address") \
    X(HELP_LOCKED, "Mon compte est bloqué", "My account is locked") \
    X(HELP_CONTACT, "Contacter l’établissement", "Contact the school") \
    \
    /* people */ \
    X(POPULATION_PUPILS, "les élèves", "pupils") \
    X(POPULATION_PARENTS, "les parents", "parents") \
    X(POPULATION_STAFF, "les personnels", "staff")

typedef enum {
#define X(id, fr, en) ATEN_T_##id,
    ATEN_TEXTS(X)
#undef X
    ATEN_T_COUNT
} aten_text_t;

/** The text in that language ("fr", otherwise English), with {0}.. replaced by args in one pass (an argument's own
 *  braces stay). args ends with NULL; a missing argument gives "". args may be NULL. An id outside the list gives "".
 *  @return UTF-8, not escaped, from p or constant */
const char *aten_text(const char *lang, aten_text_t id, const char *const args[], apr_pool_t *p);

#endif
