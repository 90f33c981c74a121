<?php

/*
 * Read a service's metadata (standard input): by the schema of SAML 2.0 metadata first, then by simplesamlphp's own
 * parser. Prints what that makes of it, as JSON.
 */

require_once '/usr/share/simplesamlphp/lib/_autoload.php';

$text = stream_get_contents(STDIN);
libxml_use_internal_errors(true);
$document = new DOMDocument();
if (
    !$document->loadXML($text, LIBXML_NONET)
    || !$document->schemaValidate('/usr/share/simplesamlphp/schemas/saml-schema-metadata-2.0.xsd')
) {
    foreach (libxml_get_errors() as $error) {
        fwrite(STDERR, 'line ' . $error->line . ': ' . $error->message);
    }
    exit(1);
}
libxml_use_internal_errors(false);

$entity = \SimpleSAML\Metadata\SAMLParser::parseString($text);
$found = $entity->getMetadata20SP();
if ($found === null) {
    fwrite(STDERR, "no SAML 2.0 service in the metadata\n");
    exit(1);
}
unset($found['entityDescriptor'], $found['expire']);
echo json_encode($found, JSON_UNESCAPED_SLASHES | JSON_THROW_ON_ERROR), "\n";
