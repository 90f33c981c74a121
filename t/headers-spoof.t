# Headers and variables by which a client pretends to be somebody: gone before anybody reads them, on every path.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Faults;
use JSON::PP ();

need_module;

my $faults  = Faults->new(tls => 0);
my $victim  = 'Zusurpateur';
my $backend = 'http://127.0.0.1:' . $faults->port('http');
my $server  = Aten::Server->new(name => 'headers that pretend', config => <<"END");
AtenBaseURL \@BASE\@
AtenCASServer @{[ $faults->url('good') ]}
ScriptAlias /ent "\@CGI\@/env"
ScriptAlias /public "\@CGI\@/env"
ScriptAlias /optional "\@CGI\@/env"
ScriptAlias /slurp "\@CGI\@/slurp"
ProxyPass /proxied $backend/proxied
ProxyPass /identity $backend/identity
ProxyPass /proxied-public $backend/proxied-public
<Location "/ent">
    AuthType aten
    Require valid-user
</Location>
<Location "/proxied">
    AuthType aten
    Require valid-user
</Location>
<Location "/proxied-public">
    AuthType none
    Require all granted
</Location>
<Location "/identity">
    # An administrator hands over an identity of their own making under such a name.
    RequestHeader set X-Aten-User honest
</Location>
<Location "/optional">
    AuthType aten
    AtenOptional on
    Require all granted
</Location>
Listen 127.0.0.1:\@PORT2\@
<VirtualHost *:\@PORT2\@>
    # A virtual host that doesn't use the module, in front of an application that trusts the headers all the same.
    ScriptAlias /public "\@CGI\@/env"
    ScriptAlias /slurp "\@CGI\@/slurp"
    ProxyPass /proxied-public $backend/proxied-public
</VirtualHost>
Listen 127.0.0.1:\@PORT3\@
<VirtualHost *:\@PORT3\@>
    MergeTrailers on
    # Evaluated when the answer goes out: the body has been read to its end by then.
    Header always set X-Seen "expr=[%{req:X-Aten-User}%{req:X_Aten_Nom}%{req:X-Other}]"
    ScriptAlias /public "\@CGI\@/env"
    ScriptAlias /slurp "\@CGI\@/slurp"
    ProxyPass /proxied-public $backend/proxied-public
</VirtualHost>
END

# A program that reads the body to its end, trailers included, before it looks at its environment.
$server->file('cgi-bin/slurp', qq{#!/bin/sh\ncat > /dev/null\nexec "\@CGI\@/env" < /dev/null\n});
chmod 0755, $server->root . '/cgi-bin/slurp';

my @names = (
    'X-Aten-User', 'x-aten-user', 'X-ATEN-USER', 'X_Aten_User', 'x_aten-user', 'X-Aten_User', 'X.Aten.User',
    'X-aTeN-Vecteur', 'X-Aten-Roles', 'X-Aten-', 'X~Aten~User', "X'Aten-User", 'X*Aten*Nom',
);
my $spoof = join '', map { "$_: $victim\r\n" } @names;

my $session = browser();
$session->get($server->url('/aten/login?profile=autres-publics&to=/ent/'));
is(identity_of($session)->{REMOTE_USER}, 'fautes', 'somebody with a session');
my $cookie = join '; ', map { "$_->{name}=$_->{value}" } $session->jar->all;

# One request with all of them; more headers and another method by option. The whole answer.
sub request ($path, %option) {
    my $method = $option{method} // 'GET';
    my $bytes  = "$method $path HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: "
        . ($option{connection} // 'close') . "\r\n" . ($option{headers} // $spoof)
        . ($option{cookie} ? "Cookie: $option{cookie}\r\n" : '') . ($option{body} // "\r\n");
    return raw_request($server->var($option{port} // 'PORT'), $bytes);
}

# What the application saw, of an answer that is its own.
sub seen ($answer) {
    my ($json) = $answer =~ /\r\n\r\n.*?(\{.*\})/s or return undef;
    return eval { JSON::PP->new->decode($json) };
}

sub pretended ($env) {
    return grep { /^HTTP_X.?ATEN/i || ($env->{$_} // '') =~ /\Q$victim\E/ } sort keys %$env;
}

sub check_application ($what, $answer, $user) {
    my $seen = seen($answer) // { env => { 'no answer of the application' => $victim } };
    my $env  = $seen->{env};
    is_deeply([pretended($env)], [], "$what: nothing of it is left") or diag substr $answer, 0, 300;
    is($env->{REMOTE_USER}, $user, "$what: REMOTE_USER");
    is_deeply([grep { /^(?:REDIRECT_)?ATEN_/ } keys %$env], [], "$what: no ATEN_* variable") if !defined $user;
    return;
}

for my $case (
    ['protected, with a session', '/ent/x', { cookie => $cookie }, 'fautes'],
    ['public', '/public/x', {}, undef],
    ['public, with a session', '/public/x', { cookie => $cookie }, undef],
    ['AtenOptional', '/optional/x', {}, undef],
    ['AtenOptional, with a session', '/optional/x', { cookie => $cookie }, 'fautes'],
    ['a virtual host without the module', '/public/x', { port => 'PORT2' }, undef],
) {
    my ($what, $path, $option, $user) = @$case;
    for my $method (qw(GET POST OPTIONS PROPFIND)) {
        my $body = $method eq 'POST' ? "Content-Length: 0\r\n\r\n" : "\r\n";
        check_application("$method $what", request($path, %$option, method => $method, body => $body), $user);
    }
}

subtest 'one at a time' => sub {
    for my $name (@names) {
        my $answer = request('/public/x', headers => "$name: $victim\r\n");
        # A name that HTTP doesn't allow is refused by httpd itself.
        $answer =~ m{^HTTP/1\.1 400} ? pass("$name: refused") : check_application($name, $answer, undef);
    }
    check_application('twice', request('/public/x', headers => "X-Aten-User: a\r\nX-Aten-User: $victim\r\n"), undef);
    unlike(request('/public/x', headers => "X-Aten-User : $victim\r\n"), qr/$victim/, 'a blank before the colon');
    unlike(request('/public/x', headers => "X-Aten-User:\r\n $victim\r\n"), qr/$victim/, 'a folded line');
    my $both = request('/public/x', headers => "X-Honest: yes\r\n$spoof");
    check_application('beside an honest one', $both, undef);
    is(seen($both)->{env}{HTTP_X_HONEST}, 'yes', 'the honest one is still there');
};

subtest 'without a session nobody is in, whatever they pretend' => sub {
    my $identity = "Remote-User: $victim\r\nREMOTE_USER: $victim\r\nX-Remote-User: $victim\r\n"
        . "Authorization: Basic YWRtaW46eA==\r\nAuth-Type: aten\r\nATEN_BACKEND: cas\r\nAten-Role: personnel\r\n";
    for my $path ('/ent/x', '/proxied/x') {
        for my $method (qw(GET HEAD POST OPTIONS PUT)) {
            my $answer = request($path, headers => $spoof . $identity, method => $method,
                body => $method =~ /^P/ ? "Content-Length: 0\r\n\r\n" : "\r\n");
            like($answer, qr{^HTTP/1\.1 (?:303|401|405) }, "$method $path");
            unlike($answer, qr/X-Answered-By/, "$method $path: not the application");
        }
    }
    # httpd answers TRACE by itself, before anybody is asked who it is (TraceEnable).
    my $trace = request('/ent/x', headers => $spoof, method => 'TRACE');
    unlike($trace, qr/X-Answered-By|\Q$victim\E/, 'TRACE shows nothing of it');
    my $env = seen(request('/public/x', headers => $spoof . $identity))->{env};
    is($env->{REMOTE_USER}, undef, 'no REMOTE_USER on a public path');
    is_deeply([grep { /^(?:REDIRECT_)?(?:ATEN_|AUTH_TYPE)/ } keys %$env], [], 'nor ATEN_* nor AUTH_TYPE');
};

subtest 'pages of our own' => sub {
    for my $page ('/aten/login?to=/ent/', '/aten/session', '/aten/logout', '/aten/nothing') {
        my $answer = request($page);
        unlike($answer, qr/\Q$victim\E/, "$page shows nothing of it");
        like($answer, qr{^HTTP/1\.1 (?:200|303|404)}, "$page answers");
    }
    like(request('/aten/session'), qr/"authenticated":false/, 'and nobody is logged in');
};

# What arrives at an application behind a proxy: the fault server writes down each request.
sub forwarded (%option) {
    my $mark = $faults->mark;
    my $path = delete $option{path} // '/proxied-public/x';
    my $answer = request($path, %option);
    my ($request) = $faults->since($mark, 'request');
    return ($answer, $request ? $request->{headers} : undef);
}

# What of an identity is in headers that arrived; that nothing arrived is no good sign.
sub spoofed ($headers) {
    return 'nothing arrived' if !$headers;
    return map { $_->[0] } grep { $_->[0] =~ /^x.aten/i || $_->[1] =~ /\baten=|\Q$victim\E/ } @$headers;
}

subtest 'behind a proxy' => sub {
    for my $case (
        ['public', {}],
        ['protected, with a session', { path => '/proxied/x', cookie => $cookie }],
        ['a virtual host without the module', { port => 'PORT2' }],
        ['named in Connection', { connection => 'close, X-Aten-User, x_aten_user' }],
        ['Connection alone', { connection => 'X-Aten-User' . "\r\nConnection: close" }],
    ) {
        my ($what, $option) = @$case;
        my ($answer, $headers) = forwarded(%$option);
        ok($headers, "$what: arrives") or diag substr $answer, 0, 400;
        is_deeply([spoofed($headers)], [], "$what: without them");
    }
    my (undef, $headers) = forwarded(path => '/proxied/x', cookie => "other=1; $cookie; another=2");
    my ($sent) = map { $_->[1] } grep { lc $_->[0] eq 'cookie' } @{ $headers // [] };
    is($sent, 'other=1; another=2', 'our cookie goes no further');
};

subtest 'Connection takes away nothing that is set behind us' => sub {
    for my $connection ('close, X-Aten-User', 'x-aten-user, close',
        "X_Aten_User, X-Aten-User\r\nConnection: close, X-ATEN-USER")
    {
        my (undef, $headers) = forwarded(path => '/identity/x', connection => $connection);
        is_deeply([map { $_->[1] } grep { lc $_->[0] eq 'x-aten-user' } @{ $headers // [] }], ['honest'],
            $connection =~ s/\r\n/ | /r);
    }
};

subtest 'trailers' => sub {
    my $body = "Transfer-Encoding: chunked\r\nTrailer: X-Aten-User\r\n\r\n3\r\na=b\r\n0\r\n"
        . "X-Aten-User: $victim\r\nX_Aten_Nom: $victim\r\n\r\n";
    for my $port (qw(PORT PORT2 PORT3)) {
        my %posted = (port => $port, method => 'POST', body => $body);
        check_application("$port, a program", request('/slurp/x', %posted), undef);
        my (undef, $headers) = forwarded(%posted);
        is_deeply([spoofed($headers)], [], "$port, a proxy");
    }
    for my $trailer ('X-Aten-User', 'X_Aten_Nom', 'x-aten-user') {
        my $answer = request('/slurp/x', port => 'PORT3', method => 'POST', body => "Transfer-Encoding: chunked\r\n\r\n"
            . "3\r\na=b\r\n0\r\n$trailer: $victim\r\nX-Other: merged\r\n\r\n");
        like($answer, qr/^X-Seen: \[merged\]\r$/m, "MergeTrailers: $trailer goes, others stay")
            or diag $answer =~ /^(X-Seen.*)/m;
    }
};

subtest 'many' => sub {
    my $many   = join '', map { "X-Aten-$_: $victim\r\n" } 1 .. 90;
    my $answer = request('/public/x', headers => $many);
    check_application('90 headers', $answer, undef);
};

$server->clean_log_ok(qr/\[auth_aten:(?:debug|info)\]/, qr/\[core:error\].*AH00128|AH02430/);
done_testing;
