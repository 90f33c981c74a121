/* What the two files that judge the configuration share. */
#ifndef MOD_ATEN_CHECK_H
#define MOD_ATEN_CHECK_H

#include <httpd.h>
#include <http_log.h>
#include <openssl/crypto.h>

#include "aten_date.h"
#include "mod_auth_aten.h"

/* The line that configtest prints: the directive, the value, and what would be right. */
#define MOD_ATEN_COMPLAIN(s, ...) ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, (s), __VA_ARGS__)

/** Read the metadata and the service's keys of a server. The main server comes first. @return 1, or 0: complained */
int mod_aten_saml_read(server_rec *s, const server_rec *main_server, apr_pool_t *p);

/** The portals that are believed at a site, and our own side of SAML. */
void mod_aten_saml_resolve(aten_site_t *site, const mod_aten_server_conf *conf, apr_pool_t *p);

/** Does each way to a portal lead to one by which people can log in? @return 1, or 0: complained */
int mod_aten_saml_check(server_rec *s, apr_pool_t *p);

/** Log what is wrong only for now: metadata past its time, dates of certificates. */
void mod_aten_saml_tell(server_rec *s, const server_rec *main_server, apr_pool_t *p);

#endif
