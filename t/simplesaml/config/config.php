<?php

/* simplesamlphp's configuration: everything in the directory of this run. */

require_once dirname(__DIR__) . '/state.php';

$config = [
    'baseurlpath' => '/',
    'certdir' => aten_top() . '/keys/',
    'loggingdir' => aten_top() . '/log/',
    'datadir' => aten_top() . '/data/',
    'tempdir' => aten_top() . '/tmp/',
    'metadatadir' => aten_top() . '/metadata/',
    'attributenamemapdir' => '/usr/share/simplesamlphp/config/attributemap/',
    'timezone' => 'UTC',
    'secretsalt' => aten_state()['salt'],
    'auth.adminpassword' => aten_state()['salt'],
    'admin.protectindexpage' => true,
    'admin.protectmetadata' => false,
    'admin.checkforupdates' => false,
    'technicalcontact_email' => 'na@example.org',
    'debug' => ['saml' => true, 'backtraces' => true, 'validatexml' => false],
    'showerrors' => true,
    'errorreporting' => false,
    'logging.level' => \SimpleSAML\Logger::DEBUG,
    'logging.handler' => 'file',
    'logging.logfile' => 'simplesamlphp.log',
    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true, 'cron' => false, 'statistics' => false],
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => aten_top() . '/sessions/',
    'session.duration' => 8 * 3600,
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'language.default' => 'fr',
    'language.cookie.secure' => false,
    'language.cookie.samesite' => null,
    'theme.use' => 'default',
    'production' => true,
    'metadata.sources' => [['type' => 'flatfile']],
];
