<?php

/* The services that are trusted, as their own metadata has them. What is signed and encrypted, our options say. */

require_once dirname(__DIR__) . '/state.php';

foreach (aten_state()['services'] as $entity_id => $service) {
    foreach (['saml20.sign.response', 'saml20.sign.assertion', 'assertion.encryption', 'NameIDFormat'] as $ours) {
        unset($service[$ours]);
    }
    $metadata[$entity_id] = $service;
}
