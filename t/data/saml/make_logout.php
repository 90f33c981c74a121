<?php
// Single Logout messages by SimpleSAMLphp's library (Debian's simplesamlphp), as records: see make_logout.py.
//   php make_logout.php PRIVATE-KEY-OF-THE-PORTAL PUBLIC-KEY-OF-THE-SERVICE

require '/usr/share/simplesamlphp/lib/_autoload.php';

use RobRichards\XMLSecLibs\XMLSecurityKey;
use SAML2\Constants;
use SAML2\HTTPRedirect;
use SAML2\LogoutRequest;
use SAML2\LogoutResponse;
use SAML2\XML\saml\Issuer;
use SAML2\XML\saml\NameID;

SAML2\Compat\ContainerSingleton::setContainer(new SAML2\Compat\Ssp\Container());

function key_from(string $algorithm, string $type, string $file): XMLSecurityKey
{
    $key = new XMLSecurityKey($algorithm, ['type' => $type]);
    $key->loadKey($file, true);
    return $key;
}

function addressed($message)
{
    global $argv;
    $issuer = new Issuer();
    $issuer->setValue('https://portail.example/idp');
    $message->setIssuer($issuer);
    $message->setDestination('https://ent.example/aten/saml/logout');
    $message->setIssueInstant(strtotime('2026-11-24T10:00:00Z'));
    $message->setRelayState('https://portail.example/module.php?state=_a:b');
    $message->setSignatureKey(key_from(XMLSecurityKey::RSA_SHA256, 'private', $argv[1]));
    return $message;
}

function request(bool $encrypted): LogoutRequest
{
    global $argv;
    $name = new NameID();
    $name->setValue('Zname-1');
    $name->setFormat(Constants::NAMEID_TRANSIENT);
    $name->setSPNameQualifier('https://ent.example/aten/saml/metadata');
    $message = addressed(new LogoutRequest());
    $message->setNameId($name);
    $message->setSessionIndexes(['Zindex-1', 'Zindex-2']);
    $message->setNotOnOrAfter(strtotime('2026-11-24T10:02:00Z'));
    if ($encrypted) {
        $message->encryptNameId(key_from(XMLSecurityKey::RSA_OAEP_MGF1P, 'public', $argv[2]));
    }
    return $message;
}

function response(array $status): LogoutResponse
{
    $message = addressed(new LogoutResponse());
    $message->setInResponseTo('lAbCdEfGhIjKlMnOpQrSt-_');
    $message->setStatus($status);
    return $message;
}

function redirect($message): string
{
    return explode('?', (new HTTPRedirect())->getRedirectURL($message), 2)[1];
}

function post($message): string
{
    $element = $message->toSignedXML();
    return base64_encode($element->ownerDocument->saveXML($element));
}

$partial = ['Code' => Constants::STATUS_SUCCESS, 'SubCode' => Constants::STATUS_PARTIAL_LOGOUT];
foreach ([
    'request redirect' => redirect(request(false)),
    'request redirect encrypted' => redirect(request(true)),
    'request post' => post(request(false)),
    'request post encrypted' => post(request(true)),
    'response redirect' => redirect(response(['Code' => Constants::STATUS_SUCCESS])),
    'response redirect partial' => redirect(response($partial)),
    'response post' => post(response(['Code' => Constants::STATUS_SUCCESS])),
] as $name => $text) {
    echo "== simplesamlphp $name\n$text\n";
}
