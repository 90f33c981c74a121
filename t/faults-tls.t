# The CAS server's certificate: nobody gets in by a server that cannot prove its name, and no ticket goes to it.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Faults;

need_module;

my $faults = Faults->new;

# Each is a CAS server that says yes to every ticket ("user-padded"): only its certificate can keep somebody out.
sub at ($port, $host = 'localhost') { return "https://$host:" . $faults->port($port) . '/user-padded' }

my %servers = (
    'good'         => [at('tls-good'), 'a good certificate', 1],
    'good-address' => [at('tls-good', '127.0.0.1'), 'a good certificate, the server named by its address', 1],
    'wrong-name'   => [at('tls-wrong-name'), 'a certificate of another name'],
    'wrong-address' => [at('tls-wrong-name', '127.0.0.1'), 'a certificate of another name, named by address'],
    'expired'      => [at('tls-expired'), 'an expired certificate'],
    'future'       => [at('tls-future'), 'a certificate that is not valid yet'],
    'self-signed'  => [at('tls-self-signed'), 'a self-signed certificate'],
    'other-ca'     => [at('tls-other-ca'), 'a certificate of an authority that has the name of ours'],
    'client-only'  => [at('tls-client-only'), 'a certificate for clients'],
    'no-tls'       => [at('http'), 'no TLS at all where https is configured'],
    'silent'       => [at('silent'), 'a handshake that never ends'],
);

sub profiles () {
    return join '', map {
        qq{<AtenProfile $_>\nAtenLabel fr "$_"\nAtenBackend cas $servers{$_}[0]\n</AtenProfile>\n}
    } sort keys %servers;
}

my $location = <<'END';
ScriptAlias /ent "@CGI@/env"
<Location "/ent">
    AuthType aten
    Require valid-user
</Location>
END
my $server = Aten::Server->new(name => 'httpd before CAS servers by https', config => <<"END");
<VirtualHost *:\@PORT\@>
    AtenBaseURL \@BASE\@
    AtenCASCAFile @{[ $faults->ca ]}
    AtenCASTimeout 1
    @{[ profiles() ]}
    $location
</VirtualHost>
Listen 127.0.0.1:\@PORT2\@
<VirtualHost *:\@PORT2\@>
    AtenBaseURL http://localhost:\@PORT2\@
    AtenCASServer @{[ at('tls-good') ]}
    $location
</VirtualHost>
Listen 127.0.0.1:\@PORT3\@
<VirtualHost *:\@PORT3\@>
    AtenBaseURL http://localhost:\@PORT3\@
    AtenCASServer @{[ at('tls-good') ]}
    AtenCASValidateURL @{[ at('tls-wrong-name') ]}/p3/serviceValidate
    AtenCASCAFile @{[ $faults->ca ]}
    $location
</VirtualHost>
END

# The browser itself would not accept such servers either: it comes back by itself, with a ticket that tells the case.
sub come_back ($port, $profile, $ticket) {
    my $browser = browser();
    my $start   = 'http://localhost:' . $server->var($port) . "/aten/login?profile=$profile&to=/ent/";
    $browser->get(Faults::service_of(Faults::begin($browser, $start)) . "&ticket=$ticket");
    return $browser;
}

sub check_refused ($browser, $before, $mark, $tag) {
    my $page = $browser->page;
    my $text = $server->log->wait_like(qr/\b$tag\b/, $before);
    like($text, qr/\b$tag\b/, "the log says $tag");
    unlike($text, qr/\bST-/, 'and no ticket');
    is($page->status, $tag eq 'AT0202' ? 504 : 502, 'status') or diag $page->text;
    ok(!reached($page), 'not the application');
    is($browser->jar->find('aten'), undef, 'no session cookie');
    is(scalar $faults->validations($mark), 0, 'no request, so no ticket, went to the server');
    return;
}

for my $name (sort keys %servers) {
    my (undef, $what, $good) = @{ $servers{$name} };
    subtest $what => sub {
        my ($before, $mark) = ($server->log->mark, $faults->mark);
        my $browser = come_back('PORT', $name, "ST-$name");
        if ($good) {
            is(identity_of($browser)->{REMOTE_USER}, 'fautes', 'in') or diag $browser->page->text;
            is(scalar $faults->validations($mark), 1, 'one call');
            return;
        }
        my $tag = $name eq 'silent' ? 'AT0202' : $name eq 'no-tls' ? 'AT020[01]' : 'AT0201';
        check_refused($browser, $before, $mark, $tag);
    };
}

subtest 'without AtenCASCAFile the authorities of the system are asked' => sub {
    my ($before, $mark) = ($server->log->mark, $faults->mark);
    check_refused(come_back('PORT2', 'autres-publics', 'ST-system'), $before, $mark, 'AT0201');
};

subtest 'AtenCASValidateURL is verified as well' => sub {
    my ($before, $mark) = ($server->log->mark, $faults->mark);
    check_refused(come_back('PORT3', 'autres-publics', 'ST-validate'), $before, $mark, 'AT0201');
};

subtest 'a good connection is used again, and only for its own server' => sub {
    my $mark = $faults->mark;
    come_back('PORT', 'good', "ST-again-$_") for 1 .. 6;
    is(scalar $faults->validations($mark), 6, 'six calls');
    my @new = grep { $_->{event} eq 'connect' } $faults->contacts('tls-good', $mark);
    cmp_ok(scalar @new, '<=', 1, 'at most one new connection');
    my ($before, $after) = ($server->log->mark, $faults->mark);
    check_refused(come_back('PORT', 'wrong-name', 'ST-after'), $before, $after, 'AT0201');
};

subtest 'the reason is for the administrator' => sub {
    my $before = $server->log->mark;
    come_back('PORT', 'expired', 'ST-why');
    $server->log_like(qr/AT0201.*(?:expired|certificate)/i, 'what is wrong with the certificate', $before);
};

$server->clean_log_ok(qr/\[auth_aten:(?:error|info)\].*\bAT020[012]\b/, qr/new session keys in/);
done_testing;
