/* Reading a CAS answer: what the readers of CAS 2/3 and of SAML 1.1 share. Nobody but aten_cas*.c includes it. */
#ifndef ATEN_CAS_READ_H
#define ATEN_CAS_READ_H

#include <libxml/tree.h>

#include "aten_cas.h"

#define ATEN_CAS_NAME_MAX 128        /* bytes of an attribute's name */
#define ATEN_CAS_ATTRIBUTES_MAX 256  /* names in an answer */
#define ATEN_CAS_VALUES_MAX 1024     /* values in an answer */

/* One answer while it is read. */
typedef struct {
    const char *service;
    const char *request_id;    /* saml1.1: what InResponseTo has to be; NULL: not looked at */
    apr_time_t now;
    aten_cas_answer_t *answer; /* strings are copied from p: nothing in it points into the XML tree */
    int values;                /* how many so far */
    const char *why;           /* set with any verdict but OK */
    apr_pool_t *p;
} aten_cas_reading_t;

/** Note why the answer is refused. @return verdict */
aten_verdict_t aten_cas_no(aten_cas_reading_t *reading, aten_verdict_t verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** The user: text trimmed, clean UTF-8, 1 to ATEN_USER_MAX bytes. @param text NULL is no user @return OK or CAS_USER */
aten_verdict_t aten_cas_take_user(aten_cas_reading_t *reading, const char *text);

/** One value (not NULL) of one attribute. Blanks at its ends go, and so does a value of nothing else; a run of tabs and
 *  line ends inside (a postal address) becomes one blank, for the value goes into an environment variable; any other
 *  control character refuses the answer.
 *  @return OK or CAS_ATTRIBUTE */
aten_verdict_t aten_cas_take_value(aten_cas_reading_t *reading, const char *name, const char *text);

/** An element's or attribute's name as it may stand in a log. */
const char *aten_cas_shown(const aten_cas_reading_t *reading, const char *name);

/** Put the SOAP envelope that asks /samlValidate about the ticket into the request. */
void aten_cas_saml1_request(aten_http_request_t *request, const char *ticket, const char *request_id, apr_time_t now,
                            apr_pool_t *p);

/** Read the SOAP envelope that /samlValidate answers with. @return OK or CAS_* */
aten_verdict_t aten_cas_saml1_read(aten_cas_reading_t *reading, xmlNode *root);

#endif
