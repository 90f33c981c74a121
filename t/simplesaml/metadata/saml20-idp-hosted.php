<?php

/* The entities of this run, each at a host name of its own. */

require_once dirname(__DIR__) . '/state.php';

foreach (aten_state()['entities'] as $name => $entity) {
    $option = $entity['options'];
    $metadata[$entity['entity_id']] = [
        'host' => $entity['host'],
        'auth' => $name,
        'privatekey' => $entity['keys'][$entity['signs']] . '.key',
        'certificate' => $entity['keys'][$entity['signs']] . '.pem',
        'signature.algorithm' => $option['algorithm'] === 'rsa-sha1' ? 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'
            : 'http://www.w3.org/2001/04/xmldsig-more#' . $option['algorithm'],
        'saml20.sign.response' => (bool) $option['sign_response'],
        'saml20.sign.assertion' => (bool) $option['sign_assertion'],
        'assertion.encryption' => (bool) $option['encrypt'],
        'nameid.encryption' => (bool) $option['encrypt_name_id'],
        'assertion.lifetime' => (int) $option['lifetime'],
        'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:' . $option['name_id'],
        'attributes.NameFormat' => 'urn:oasis:names:tc:SAML:2.0:attrname-format:' . $option['name_format'],
        'sign.logout' => (bool) $option['sign_logout'],
        'validate.logout' => true,
        'logouttype' => $option['logout_type'],
        'SingleLogoutServiceBinding' => array_map(
            static fn ($binding) => 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-' . $binding,
            $option['logout']
        ),
        // Whom a NameID that stays names; the attribute itself is not sent.
        'authproc' => [5 => ['class' => 'core:PHP', 'code' =>
            '$state["UserID"] = $attributes["account"][0]; unset($attributes["account"]);']],
    ];
    $mine = &$metadata[$entity['entity_id']];
    foreach ($entity['keys'] as $number => $key) {
        if ($number !== $entity['signs']) {
            $mine['new_privatekey'] = "$key.key";
            $mine['new_certificate'] = "$key.pem";
        }
    }
    if ($option['authn_context'] !== '') {
        $mine['authproc'][10] =
            ['class' => 'saml:AuthnContextClassRef', 'AuthnContextClassRef' => $option['authn_context']];
    }
    if ($option['refuse'] !== '') {
        // The portal answers, and says that it did not log the person in.
        $mine['authproc'][20] = ['class' => 'core:PHP', 'code' =>
            '\SimpleSAML\Auth\State::throwException($state, new \SimpleSAML\Module\saml\Error('
            . '"urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:RequestDenied", '
            . var_export($option['refuse'], true) . '));'];
    }
    unset($mine);
}
