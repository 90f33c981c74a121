/* What the files of the flow share. Nobody else includes it. */
#ifndef ATEN_FLOW_PRIVATE_H
#define ATEN_FLOW_PRIVATE_H

#include <jansson.h>

#include "aten_date.h"
#include "aten_ended.h"
#include "aten_flow.h"
#include "aten_leaving.h"
#include "aten_page.h"
#include "aten_pending.h"
#include "aten_result.h"
#include "aten_text.h"

/* One request on its way through the flow. */
typedef struct {
    const aten_env_t *env;
    const aten_site_t *site;
    const aten_request_t *request;
    const char *lang;
    apr_pool_t *p;
} aten_turn_t;

/* --- aten_flow_answer.c: building answers --- */

aten_turn_t aten_turn_make(const aten_env_t *env, const aten_site_t *site, const aten_request_t *request,
                           apr_pool_t *p);

/** Is a person waiting for a page, or is it a script? (DESIGN section 2) */
typedef enum { ATEN_CLIENT_PERSON, ATEN_CLIENT_FRAME, ATEN_CLIENT_SCRIPT } aten_client_t;
aten_client_t aten_client_of(const aten_request_t *request);

/** A text of the catalogue, in the turn's language. Arguments end with NULL. */
const char *aten_say(const aten_turn_t *turn, aten_text_t id, ...) __attribute__((sentinel));

aten_answer_t *aten_answer_make(const aten_turn_t *turn, int status, aten_verdict_t verdict, aten_log_level_t level);

/** 303 to an address that was already judged. */
aten_answer_t *aten_answer_redirect(const aten_turn_t *turn, const char *location);

/** 303 to the chooser, with `to`. @param renew whoever chooses there logs in anew */
aten_answer_t *aten_answer_to_chooser(const aten_turn_t *turn, const char *to, int renew);

/** An empty page of that title, with what every page has. Lines and buttons are added by the two below. */
aten_page_t *aten_turn_page(const aten_turn_t *turn, aten_text_t title);
void aten_page_line(aten_page_t *page, const char *line);
void aten_page_button(aten_page_t *page, const char *href, const char *label, int primary);

/** Render the page into an answer, with a fresh reference on both. */
aten_answer_t *aten_answer_page(const aten_turn_t *turn, aten_page_t *page, int status, aten_verdict_t verdict,
                                aten_log_level_t level);

/** The same for a script: a JSON body with the error's name, the login address and the reference. */
aten_answer_t *aten_answer_script(const aten_turn_t *turn, int status, aten_verdict_t verdict, aten_log_level_t level,
                                  const char *to);

/** The page (or for a script the JSON) that tells an error of the protocol or of the request. */
aten_answer_t *aten_answer_error(const aten_turn_t *turn, aten_verdict_t verdict, const char *why, const char *to);

/** The same for what is wrong with a portal's answer: XML is then the portal's, not the CAS server's. */
aten_answer_t *aten_answer_portal_error(const aten_turn_t *turn, aten_verdict_t verdict, const char *why);

/** The module's own address with parameters: site path + page. */
char *aten_own_url(const aten_turn_t *turn, const char *page, const char *const params[]);

/** The names of populations as people read them, "les élèves, les parents". @param names const char * */
const char *aten_populations_text(const aten_turn_t *turn, const apr_array_header_t *names);

/** The help links of a place and a profile (may be NULL) that fit, array of aten_button_t. */
apr_array_header_t *aten_help_buttons(const aten_turn_t *turn, const aten_place_t *place,
                                      const aten_profile_t *profile);

/** A JSON answer. Takes over the reference to object. */
aten_answer_t *aten_answer_json(const aten_turn_t *turn, int status, json_t *object);

/** The person's name for the person: « Prénom Nom », else the user name. */
const char *aten_person_name(const aten_turn_t *turn, const aten_person_t *person);

/** Who it is, for the log: the CAS user's name, so that an administrator finds the account. Of who came by a portal the
 *  role alone: their REMOTE_USER is made of attribute values (a parent's name, a pupil's id), which never stand in the
 *  log. */
const char *aten_said_of_person(const aten_turn_t *turn, const aten_session_t *session);

/** Which portal, and why, for the log. @param portal NULL: not known yet @param why may be NULL */
const char *aten_said_of_portal(const aten_turn_t *turn, const aten_portal_t *portal, const char *why);

/** The address that the CAS server sends the browser back to, with parameters. From configuration alone, never from the
 *  request. */
char *aten_cas_address(const aten_turn_t *turn, const char *const params[]);

/** "group > label" of a profile, for a sentence or a button. */
const char *aten_profile_text(const aten_turn_t *turn, const aten_profile_t *profile);

/** Take the session cookie away. */
void aten_answer_end_session(const aten_turn_t *turn, aten_answer_t *answer);

aten_pending_place_t aten_turn_pending_place(const aten_turn_t *turn);

/** The wanted parameters of the form that was POSTed. @param why for the log
 *  @return OK, BODY_*, PARAM_MALFORMED (also: no form) or PARAM_REPEATED */
aten_verdict_t aten_turn_form(const aten_turn_t *turn, const char *const wanted[], apr_table_t **params,
                              const char **why);

/* --- aten_flow_wish.c: is it the person who wants it? --- */

/** Has this person asked for it, and not another site (a link, a picture, a frame, a page fetched in advance)?
 *  @param confirm the request's parameter of that name, or NULL: what aten_wish_token made is as good as a header */
int aten_is_own_wish(const aten_turn_t *turn, const char *confirm);

/** What a link of our own pages brings along, for browsers that do not say where a request comes from, and where
 *  another
 *  site asked first. Nobody but this browser and this server knows the session's id, so nobody else can make it.
 *  @return NULL without a person, or if a hash failed */
const char *aten_wish_token(const aten_turn_t *turn);

/** The address of a login as somebody else, by that profile or (NULL) by the chooser. */
char *aten_switch_url(const aten_turn_t *turn, const char *to, const char *profile);

/* --- aten_flow_login.c: the chooser, and where a login begins --- */

/** Begin a login by that profile, if it is open now: pending login, 303 to the backend; else the page that says
 *  why not.
 *  @param retry this is the second try in a row */
aten_answer_t *aten_login_begin(const aten_turn_t *turn, const aten_place_t *place, const aten_profile_t *profile,
                                const char *to, int renew, int retry);

/** Where pending logins stand when one begins: on a site with portals less of them, for a result must have room. */
aten_pending_place_t aten_login_slots(const aten_turn_t *turn);

/** The answer that begins a login, with its cookies, and without the session where that could not stay beside them; or,
 *  where another site asked for such a login, the way to the chooser: the session stays.
 *  @param cookies those of aten_pending_store: the last one is the new login's */
aten_answer_t *aten_login_with_cookies(const aten_turn_t *turn, const char *to, const apr_array_header_t *cookies,
                                       aten_answer_t *answer);

aten_answer_t *aten_login_page(const aten_turn_t *turn);

/** The chooser view of a place.
 *  @param asked somebody asked for `to`; otherwise the entries leave open where to, for a profile may have a home of
 *               its own
 *  @param explain set to 1 if something on it must be read before choosing
 *  @param only set to the profile if just one is left */
aten_chooser_t *aten_chooser_view(const aten_turn_t *turn, const aten_place_t *place, const char *to, int asked,
                                  int renew, int *explain, const aten_profile_t **only);

/* --- aten_flow_saml.c: where an ATEN login begins, and our metadata page --- */
aten_answer_t *aten_saml_begin(const aten_turn_t *turn, const aten_place_t *place, const aten_portal_t *portal,
                               const aten_profile_t *profile, const char *to, int renew, int retry);
aten_answer_t *aten_saml_metadata_page(const aten_turn_t *turn);

/** Which path the results of this site are kept for, and how. */
aten_result_place_t aten_turn_result_place(const aten_turn_t *turn);

/* --- aten_flow_acs.c: the portal's answer arrives, in whichever browser --- */
aten_answer_t *aten_saml_acs(const aten_turn_t *turn);

/* --- aten_flow_done.c: where an ATEN login ends, in the browser that began it --- */
aten_answer_t *aten_saml_done(const aten_turn_t *turn);

/* --- aten_flow_cas.c: where a CAS login ends --- */
aten_answer_t *aten_cas_return(const aten_turn_t *turn);

/* --- aten_flow_end.c: what the backends share where a login ends --- */

/** The cookies that take a pending login away go first: the answer may put a new one into the same place. */
aten_answer_t *aten_end_with_cookies(const aten_turn_t *turn, const apr_array_header_t *cookies,
                                     aten_answer_t *answer);

/** The live session goes on, or one fresh request goes to the same backend, whose own session answers without a
 *  screen; who asked for a login anew is asked again.
 *  @param profile its id, or NULL @param pending the login that did not end, or NULL */
aten_answer_t *aten_end_begin_again(const aten_turn_t *turn, const char *profile, const aten_pending_t *pending,
                                    int retry);

/** An answer for which no login waits (any more). The second time in a row ends in a page.
 *  @param pending the login, where it has ended already, or NULL */
aten_answer_t *aten_end_nothing_pending(const aten_turn_t *turn, const aten_state_t *state,
                                        const aten_pending_t *pending);

/* What a login uses up, to be noted in one write. Zeroed: nothing yet. */
typedef struct {
    aten_store_write_t writes[ATEN_STORE_WRITE_MAX - 1]; /* one is left for the session that is replaced */
    int count;
    int failed;             /* a hash failed: nothing may be believed */
    apr_uint64_t validation; /* place of a CAS login among those being validated, or 0 */
} aten_once_t;

/** Add a key that must be absent, and is there until then. */
void aten_end_once(aten_once_t *once, const aten_store_key_t *key, apr_time_t until);

/** Add a pending login: used once, by all processes. */
void aten_end_once_login(aten_once_t *once, const char *nonce, apr_time_t begun);

/** Was one of the keys that must be absent used already? Looks, writes nothing. @param why for the log
 *  @return OK, used or STORE */
aten_verdict_t aten_end_look(const aten_turn_t *turn, const aten_once_t *once, aten_verdict_t used, const char **why);

/** Write to the store. @param used the verdict where something that must be absent is there @param why for the log
 *  @return OK, used or STORE */
aten_verdict_t aten_end_write(const aten_turn_t *turn, const aten_store_write_t *writes, int count, aten_verdict_t used,
                              const char **why);

/** End the session of this request's person for good: everywhere, at once. @param why for the log
 *  @return OK (also without a person) or STORE */
aten_verdict_t aten_end_session(const aten_turn_t *turn, const char **why);

/** Who has just proved who they are: noted as used what the login uses up, and let in at the path that they asked for?
 *  Then the session's cookie and the way there, and the session that it replaces is ended; if not, no session is made
 *  at
 *  all. A logout that arrived in the meantime counts.
 *  @param session with its profile; the first `needed` attributes must fit into the cookie
 *  @param by      for the log: "CAS"
 *  @return NULL: what the login uses up was used before */
aten_answer_t *aten_end_judge(const aten_turn_t *turn, aten_session_t *session, int needed, aten_once_t *once,
                              const char *to, const char *by);

/* --- aten_flow_logout.c: logouts that begin here, and CAS single logout --- */
aten_answer_t *aten_logout_page(const aten_turn_t *turn);
aten_answer_t *aten_cas_logout_post(const aten_turn_t *turn);
/** Where CAS sends the browser back to after a logout. @param nonce of the logout */
aten_answer_t *aten_cas_logged_out(const aten_turn_t *turn, const char *nonce);
/** The place of a logout under way that comes back to that page of ours. */
aten_leaving_place_t aten_turn_leaving_place(const aten_turn_t *turn, const char *page);
/** The last page of a logout, or the way to `to` where somebody asked for it and everything was ended.
 *  @param verdict OK; otherwise something is left, and the page is shown whatever `to` says
 *  @param line    what became of the session at the backend */
aten_answer_t *aten_logged_out(const aten_turn_t *turn, const char *to, aten_verdict_t verdict, aten_text_t line);

/* --- aten_flow_slo.c: SAML single logout --- */
/** Send the browser to the portal with a LogoutRequest for the person's session, which has ended here already.
 *  @param to judged already, or NULL @return NULL where it cannot be: no address, no NameID, no key of ours */
aten_answer_t *aten_slo_begin(const aten_turn_t *turn, const char *to);
aten_answer_t *aten_slo_get(const aten_turn_t *turn);
aten_answer_t *aten_slo_post(const aten_turn_t *turn);

#endif
