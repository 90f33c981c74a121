<?php

/*
 * What Apache does for simplesamlphp by an alias, for PHP's own server: files of its www directory, and its programs
 * with what stands behind them as PATH_INFO. At a host name of its own: other services, which simplesamlphp knows.
 */

if (strpos($_SERVER['HTTP_HOST'] ?? '', 'autre.localhost') === 0) {
    require __DIR__ . '/other_service.php';
    return true;
}

$www = '/usr/share/simplesamlphp/www';
$path = rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH) ?: '/');
if (strpos($path, '..') !== false || !preg_match('#^(/.*?\.php)(/.*)?$#', $path, $parts)) {
    $parts = [1 => $path];
}
$file = $www . $parts[1];
if (!is_file($file)) {
    http_response_code(404);
    return true;
}
if (substr($file, -4) !== '.php') {
    return false;   // as it stands: the server's document root is $www
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = $parts[1];
$_SERVER['SCRIPT_FILENAME'] = $file;
unset($_SERVER['PATH_INFO']);
if (isset($parts[2])) {
    $_SERVER['PATH_INFO'] = $parts[2];
    $_SERVER['PHP_SELF'] .= $parts[2];
}
chdir(dirname($file));
require $file;
return true;
