<?php

/*
 * A service beside ours in the portal's session: asked to end its own, it agrees, refuses, or says nothing at all. The
 * address says which: /agrees, /refuses, /silent.
 */

require_once '/usr/share/simplesamlphp/lib/_autoload.php';

$kind = basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if ($kind === 'silent') {
    http_response_code(503);
    header('Content-Type: text/plain; charset=utf-8');
    echo "Panne.\n";
    return;
}

$request = \SAML2\Binding::getCurrentBinding()->receive();
$response = new \SAML2\LogoutResponse();
$issuer = new \SAML2\XML\saml\Issuer();
$issuer->setValue('urn:test:' . $kind);
$response->setIssuer($issuer);
$response->setInResponseTo($request->getId());
$response->setRelayState($request->getRelayState());
$response->setDestination($_GET['portal']);
$status = $kind === 'agrees' ? 'Success' : 'Responder';
$response->setStatus(['Code' => 'urn:oasis:names:tc:SAML:2.0:status:' . $status]);
(new \SAML2\HTTPRedirect())->send($response);
