<?php

/* An authentication source for each entity, with its accounts: NAME:PASSWORD => attributes. */

require_once dirname(__DIR__) . '/state.php';

$config = ['admin' => ['core:AdminPassword']];
foreach (aten_state()['accounts'] as $entity => $accounts) {
    $config[$entity] = ['exampleauth:UserPass'];
    foreach ($accounts as $name => $account) {
        $config[$entity]["$name:" . $account['password']] = $account['attributes'] + ['account' => $name];
    }
}
