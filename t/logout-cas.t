# CAS single logout: the CAS server's back channel ends the one session that its ticket made, whoever sends it, whatever
# else it says, at whichever process it arrives, during the login's validation and after it; and a flood of invented
# tickets leaves no trace.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Ended;
use Aten::Test;
use Aten::TLS ();
use Aten::URL ();
use Encode ();
use Faults;
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);

need_module;

my $tls    = Aten::TLS->new;
my $cas    = Aten::CAS->new(ca => $tls->ca_file);
my $faults = Faults->new(tls => 0);

# A CAS server that answers a validation when it is told to, and one that takes a moment.
my $late = <<~"END";
    <AtenProfile lent>
        AtenLabel "Lent"
        AtenBackend cas @{[ $faults->url('hold') ]}
    </AtenProfile>
    <AtenProfile bref>
        AtenLabel "Bref"
        AtenBackend cas @{[ $faults->url('slow') ]}
    </AtenProfile>
    AtenCASTimeout 20
    END

sub host ($port, %option) {
    my $listen = $port eq 'PORT' || $port eq 'HTTPS_PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    my ($scheme, $tls_lines) = $port eq 'HTTPS_PORT' ? ('https', '@TLS_CONFIG@') : ('http', '');
    return "$listen<VirtualHost 127.0.0.1:\@$port\@>\nServerName localhost\n$tls_lines\n"
        . ended_config(faults => $faults, base => "$scheme://localhost:\@$port\@", %option) . "</VirtualHost>\n";
}

my $server = Aten::Server->new(
    cas => $cas, https => 1, tls => $tls, children => 2, threads => 6, name => 'httpd',
    config => join '', host('PORT', more => $late), host('HTTPS_PORT'),
    host('PORT2', more => 'AtenCASProtocol 2'), host('PORT3', more => 'AtenCASProtocol 1'),
    host('PORT4', more => 'AtenCASProtocol saml1.1'),
);
my $ended   = qr/auth_aten:info.*AT0136.*single logout/;
my $unknown = qr/auth_aten:debug.*AT0214/;

# Somebody who has logged in: cookie and ticket.
sub session (%option) {
    my $browser = enter($server, browser_options => { keep_alive => 0 }, %option);
    return { browser => $browser, cookie => cookie_of($browser) // die('no session'), ticket => ticket_of($browser) };
}

sub is_in ($session, $name, $who = 'fautes') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(who($server, $session->{cookie}), $who, $name);
}

sub is_out ($session, $name) { return is_in($session, $name, 'nobody') }

# The one answer that anybody gets to a well-formed request.
sub taken_ok ($page, $name = 'taken') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($page->status, 200, "$name: 200") or diag $page->text;
    is($page->body, '', '... and nothing else');
    is_deeply([$page->header_all('set-cookie')], [], '... no cookie');
    return;
}

# --- the real CAS server ---

subtest 'the real CAS server: two browsers of one person' => sub {
    my %browser = map { $_ => login($server, s/\d//r, to => '/who') } qw(prof1 prof2 eleve);
    my %cookie  = map { $_ => cookie_of($browser{$_}) } keys %browser;
    my $who     = sub { join ' ', map { who($server, $cookie{$_}) } sort keys %cookie };
    my %kept    = map { $_ => connection() } keys %cookie;
    is(join(' ', map { who($server, $cookie{$_}, on => $kept{$_}) } sort keys %kept), 'eleve prof prof', 'all are in');
    is($who->(), 'eleve prof prof', '... on whichever connection');
    my ($told, $mark) = ($cas->told, $server->log->mark);
    is($cas->logout($browser{prof1})->status, 200, 'one logs out at the CAS server');
    is($cas->told - $told, 1, '... which tells one service');
    is_deeply([$cas->not_told], [], '... and can');
    $server->log_like($ended, '... the log says so', $mark);
    is($who->(), 'eleve nobody prof', '... that session is dead, and no other');
    is(who($server, $cookie{prof1}, on => $kept{prof1}), 'nobody', '... on a connection that remembers it too');
    is(who($server, $cookie{prof2}, on => $kept{prof2}), 'prof', '... the other one lives there too');
    is($browser{prof1}->get($server->url('/who'))->h1, 'Indiquez votre profil', '... and is asked to log in');

    my $third = login($server, 'prof', to => '/who');
    $cas->logout($third, everywhere => 1);
    is(who($server, cookie_of($third)), 'nobody', 'out everywhere: this one');
    is($who->(), 'eleve nobody nobody', '... and the other browser');
    $cas->logout($browser{eleve});
    is($who->(), 'nobody nobody nobody', 'the third person');
};

subtest 'one login at the CAS server, two sites' => sub {
    my $secure  = $server->url('', https => 1);
    my $browser = browser(ca => $tls->ca_file);
    my $both    = sub {
        login($server, 'prof', browser => $browser, to => '/who');
        login($server, 'prof', browser => $browser, to => '/who', https => 1);
        return map { cookie_of($browser, $_) } 'aten', '__Host-aten';
    };
    my $who = sub ($plain, $host) {
        return join ' ', who($server, $plain),
            who($server, $host, url => "$secure/who", on => connection(ca => $tls->ca_file));
    };
    my @cookies = $both->();
    is($who->(@cookies), 'prof prof', 'in at both');
    my $told = $cas->told;
    $cas->logout($browser);
    is($cas->told - $told, 2, 'out at the CAS server, which tells both');
    is($who->(@cookies), 'nobody nobody', '... and out at both');
    @cookies = $both->();
    is($who->(@cookies), 'prof prof', 'in again at both');
    my $page = $browser->get($server->url('/aten/logout'), from => $server->url('/who'));
    is($page->h1, 'Vous êtes déconnecté', 'out at one of them, by way of the CAS server');
    is($who->(@cookies), 'nobody nobody', '... and out at the other too');
    is_deeply([$cas->not_told], [], 'by https as well');
};

# --- one session, and what the request may look like ---

subtest 'one session of several' => sub {
    my @all = map { session() } 1 .. 3;
    taken_ok(back_channel($server, logout_request($all[1]{ticket})));
    is(join(' ', map { who($server, $_->{cookie}) } @all), 'fautes nobody fautes', 'the session of that ticket ends');
    ok(!ask($server->url('/aten/session'), $all[1]{cookie})->json->{authenticated}, '... everywhere');
    my $mark = store_transaction($server);
    taken_ok(back_channel($server, logout_request($all[1]{ticket})), 'once more');
    is(join(' ', map { who($server, $_->{cookie}) } @all), 'fautes nobody fautes', '... the same');
    my ($service) = map { $_->{to} =~ /^([^?]+\?state=[^&]+)&ticket/ ? $1 : () } $all[2]{browser}->page->redirects;
    taken_ok(back_channel($server, logout_request($all[2]{ticket}), url => $service), 'to the whole service address');
    is(join(' ', map { who($server, $_->{cookie}) } @all), 'fautes nobody nobody', '... ends that session');
    my $again = enter($server, browser => $all[2]{browser});
    is($again->page->header('x-who'), 'fautes', 'a new login gets in at once');
    is(who($server, cookie_of($again)), 'fautes', '... and stays');
};

# The text around a ticket, as servers write it and as they might.
my $form  = 'application/x-www-form-urlencoded';
my @good  = (
    ['with a declaration',     sub ($t) { qq(<?xml version="1.0" encoding="UTF-8"?>\n) . logout_request($t) }],
    ['with a name',            sub ($t) { logout_request($t) =~ s{></saml:NameID>}{>\@NOT_USED@</saml:NameID>}r }],
    ['without a name',         sub ($t) { logout_request($t) =~ s{<saml:NameID.*</saml:NameID>}{}r }],
    ['by the default namespace', sub ($t) { logout_request($t) =~ s/samlp://gr =~ s/xmlns:samlp/xmlns/r }],
    ['by another prefix',      sub ($t) { logout_request($t) =~ s/samlp/p/gr }],
    ['with blanks around it',  sub ($t) { logout_request("\n  $t\t\n") }],
    ['with a comment in it',   sub ($t) { logout_request(substr($t, 0, 8) . '<!-- x -->' . substr $t, 8) }],
    ['as CDATA',               sub ($t) { logout_request("<![CDATA[$t]]>") }],
    ['without an ID',          sub ($t) { logout_request($t) =~ s/ID="_5f2b" //r }],
    ['with an extension',      sub ($t) { logout_request($t) =~ s{(?=<saml:NameID)}{<samlp:Extensions/>}r }],
);
subtest 'well-formed' => sub {
    for my $case (@good) {
        my ($why, $text) = @$case;
        my $session = session();
        taken_ok(back_channel($server, $text->($session->{ticket})), $why);
        is_out($session, '... the session ends');
    }
    my $session = session();
    my $field   = Aten::URL::form_encode({ logoutRequest => logout_request($session->{ticket}) });
    taken_ok(back_channel($server, '', body => "unrelated=x&$field&y="), 'among other fields');
    is_out($session, '... the session ends');
    $session = session();
    my @parts = Aten::URL::form_encode({ logoutRequest => logout_request($session->{ticket}) }) =~ /(.{1,100})/gs;
    taken_ok(back_channel($server, '', body => sub { shift @parts }), 'in chunks');
    is_out($session, '... the session ends');
    $session = session();
    my %charset = (headers => { 'content-type' => "$form; charset=UTF-8" });
    taken_ok(back_channel($server, logout_request($session->{ticket}), %charset), 'with a charset');
    is_out($session, '... the session ends');
};

# What is wrong, the logout request with it, of a live ticket, or { the whole body }, and the tag in the log.
sub field ($ticket, $name = 'logoutRequest') { return "$name=" . Aten::URL::escape(logout_request($ticket)) }
my $deep = ('<a>' x 300) . ('</a>' x 300);
my $next = '</samlp:SessionIndex><samlp:SessionIndex>';
my $foreign = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"';
my @bad  = (
    ['no field',             { body => sub ($t) { field($t, 'x') } }, 'AT0213'],
    ['another spelling',     { body => sub ($t) { field($t, 'LogoutRequest') } }, 'AT0213'],
    ['no body',              { body => sub ($t) { '' } }, 'AT0213'],
    ['the bare message',     { body => sub ($t) { logout_request($t) } }, 'AT0104|AT0213'],
    ['the field twice',      { body => sub ($t) { join '&', (field($t)) x 2 } }, 'AT0103'],
    ['twice, once escaped',  { body => sub ($t) { field($t) . '&%6c' . substr field($t), 1 } }, 'AT0103'],
    ['a broken escape',      { body => sub ($t) { 'logoutRequest=%3' } }, 'AT0104'],
    ['a NUL',                { body => sub ($t) { field($t) . "\0" } }, 'AT0104'],
    ['a NUL in the field',   { body => sub ($t) { field($t) . '%00' } }, 'AT0104'],
    ['an empty field',       sub ($t) { '' }, 'AT0110|AT0213'],
    ['the ticket alone',     sub ($t) { $t }, 'AT0110'],
    ['cut short',            sub ($t) { logout_request($t) =~ s{</samlp:LogoutRequest>}{}r }, 'AT0110'],
    ['two documents',        sub ($t) { logout_request($t) x 2 }, 'AT0110'],
    ['a DTD',                sub ($t) { '<!DOCTYPE samlp:LogoutRequest>' . logout_request($t) }, 'AT0111'],
    ['an entity',            sub ($t) { qq(<!DOCTYPE x [<!ENTITY t "$t">]>) . logout_request('&t;') }, 'AT0111'],
    ['nested too deep',      sub ($t) { logout_request($t) =~ s{(?=</samlp:LogoutRequest>)}{$deep}r }, 'AT0112'],
    ['another root',         sub ($t) { logout_request($t) =~ s/LogoutRequest/LogoutResponse/gr }, 'AT0213'],
    ['inside another root',  sub ($t) { '<x>' . logout_request($t) . '</x>' }, 'AT0213'],
    ['another namespace',    sub ($t) { logout_request($t) =~ s/2\.0:protocol/1.0:protocol/r }, 'AT0213'],
    ['no namespace',         sub ($t) { "<LogoutRequest><SessionIndex>$t</SessionIndex></LogoutRequest>" }, 'AT0213'],
    ['no SessionIndex',      sub ($t) { logout_request($t) =~ s{<samlp:Session.*Index>}{}r }, 'AT0213'],
    ['a SessionIndex of another namespace', sub ($t) {
        logout_request($t) =~ s/samlp:SessionIndex/saml:SessionIndex/gr =~ s/(?= ID=)/ $foreign/r;
    }, 'AT0213'],
    ['two of them',          sub ($t) { logout_request("ST-other$next$t") }, 'AT0213'],
    ['two of them, the other way round', sub ($t) { logout_request("$t${next}ST-other") }, 'AT0213'],
    ['the same two times',   sub ($t) { logout_request("$t$next$t") }, 'AT0213'],
    ['deeper inside',        sub ($t) { logout_request($t) =~ s{(<samlp:Session.*Index>)}{<x>$1</x>}r }, 'AT0213'],
    ['an element in it',     sub ($t) { logout_request("<x>$t</x>") }, 'AT0213'],
    ['an empty one',         sub ($t) { logout_request('') }, 'AT0150|AT0213'],
    ['in a comment',         sub ($t) { logout_request("<!--$t-->") }, 'AT0150|AT0213'],
    ['two tickets',          sub ($t) { logout_request("$t $t") }, 'AT0150'],
    ['with markup',          sub ($t) { logout_request("$t&lt;b&gt;") }, 'AT0150'],
    ['a path',               sub ($t) { logout_request('../../' . $t) }, 'AT0150'],
    ['of 257 characters',    sub ($t) { logout_request('ST-' . 'a' x 254) }, 'AT0150'],
);
subtest 'malformed' => sub {
    my $session = session();
    my $count   = store_transaction($server);
    for my $case (@bad) {
        my ($why, $text, $tag) = @$case;
        my $mark = $server->log->mark;
        my $page = ref $text eq 'HASH' ? back_channel($server, '', body => $text->{body}->($session->{ticket}))
            : back_channel($server, $text->($session->{ticket}));
        is($page->status, 400, "$why: 400") or diag $page->text;
        like($server->log->wait_like(qr/$tag/, $mark, 1), qr/\b(?:$tag)\b/, "... the log says $tag");
        my $said = $page->body . $server->log->since($mark);
        unlike($said, qr/\Q$session->{ticket}\E|<b>/, '... and nothing of what came');
        is_in($session, '... the session goes on');
    }
    is(store_transaction($server), $count, 'nothing was written');
    my $get = ask($server->url('/aten/cas?' . field($session->{ticket})), undef);
    isnt($get->status, 200, 'by GET: another matter');
    is_in($session, '... the session goes on');
    is(ask($server->url('/aten/cas'), undef, method => 'PUT', body => 'x')->status, 405, 'by PUT: refused');
    taken_ok(back_channel($server, logout_request($session->{ticket})), 'after all this the right one');
    is_out($session, '... ends it');
};

subtest 'too large, and broken off' => sub {
    my $session = session();
    my $field   = field($session->{ticket});
    my $fill    = sub ($bytes) { "$field&x=" . 'x' x ($bytes - 3 - length $field) };
    for my $bytes (16_385, 20_000, 300_000) {
        my $mark = $server->log->mark;
        is(back_channel($server, '', body => $fill->($bytes))->status, 413, "$bytes bytes: 413");
        $server->log_like(qr/auth_aten:info.*AT0114/, '... says the log', $mark);
        my @parts = $fill->($bytes) =~ /(.{1,5000})/gs;
        # The server may answer and close before all of it was sent.
        my $page = back_channel($server, '', body => sub { shift @parts });
        like($page->status, qr/^(?:413|599)$/, '... in chunks: not taken');
        is_in($session, '... the session goes on');
    }
    my $mark = $server->log->mark;
    my $head = "POST /aten/cas HTTP/1.1\r\nHost: localhost:" . $server->port . "\r\nContent-Type: $form\r\n";
    my $cut  = connected();
    $cut->syswrite($head . 'Content-Length: ' . (length($field) + 10) . "\r\n\r\n$field");
    shutdown $cut, 1;
    1 while $cut->sysread(my $rest, 65_536);
    is_in($session, 'a body that ends too early: the session goes on');
    my $cl = raw_request($server->port, "${head}Content-Length: 0\r\nConnection: close\r\n\r\n");
    like($cl, qr{^HTTP/1\.1 400 }, 'an empty one: 400');
    taken_ok(back_channel($server, '', body => $fill->(16_384)), 'as large as may be');
    is_out($session, '... ends it');
};

# --- unknown tickets ---

sub connected () {
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port) || die "connect: $!";
}

sub post_bytes ($body) {
    return join "\r\n", 'POST /aten/cas HTTP/1.1', 'Host: localhost:' . $server->port, "Content-Type: $form",
        'Content-Length: ' . length $body, '', $body;
}

subtest 'an unknown ticket' => sub {
    my $session = session();
    my $unsent  = browser();
    my $waiting = sub ($address) { $address =~ /ticket=/ };
    $unsent->get($server->url('/aten/login?profile=vite&to=/who'), until => $waiting);
    my ($issued) = $unsent->page->location =~ /ticket=([^&]+)/;
    my $count    = store_transaction($server);
    for my $case (
        ['ST-' . 'f' x 32,                 'invented'],
        [$session->{ticket} =~ s/.$//r,    'a good one, cut short'],
        [$session->{ticket} . 'x',         'a good one, and more'],
        [uc $session->{ticket},            'a good one in capitals'],
        ['PT-' . $session->{ticket},       'of another kind'],
        [$issued,                          'issued, and not come here yet'],
    ) {
        my ($ticket, $why) = @$case;
        my $mark = $server->log->mark;
        taken_ok(back_channel($server, logout_request($ticket)), $why);
        like($server->log->wait_like($unknown, $mark), $unknown, '... a line for who looks closely');
        unlike($server->log->since($mark), qr/\Q$ticket\E|auth_aten:(?:info|notice|warn|error)/, '... and no other');
    }
    is(store_transaction($server), $count, 'nothing was written');
    is_in($session, 'nobody was logged out');
    $unsent->get($unsent->page->location);
    is($unsent->page->header('x-who'), 'fautes', 'the login that had not come yet gets in');
};

subtest 'a flood of invented tickets' => sub {
    my $session = session();
    my $count   = store_transaction($server);
    my $size    = -s $server->root . '/state/store/data.mdb';
    my $mark    = $server->log->mark;
    my $began   = time;
    # Fifty at a time go out on one connection, without waiting for answers.
    my $flood = sub ($number, $going) {
        my ($answers, @statuses) = ('');
        for my $turn (1 .. 20) {
            my $socket  = connected();
            my @tickets = map { sprintf 'ST-%d-%d-%d-%012x', $number, $turn, $_, int rand 2**48 } 1 .. 50;
            $socket->syswrite(join '', map { post_bytes(field($_)) } @tickets);
            while (@statuses < 50 * $turn) {
                $socket->sysread($answers, 65_536, length $answers) or return \@statuses;
                push @statuses, $1 while $answers =~ s{^HTTP/1\.1 (\d+) .*?\r\n\r\n}{}s;
            }
        }
        return \@statuses;
    };
    my (undef, $data) = beside(2, $flood, sub { return is_in($session, 'others are served meanwhile') });
    my %count;
    $count{$_}++ for map { @$_ } @$data;
    is_deeply(\%count, { 200 => 2000 }, '2,000 of them are answered');
    note(sprintf 'in %.1f s', time - $began);
    is(scalar(() = $server->log->since($mark) =~ /$unknown/g), 2000, '... each with one line');
    is(store_transaction($server), $count, 'nothing was written');
    is(-s $server->root . '/state/store/data.mdb', $size, '... the file has not grown');
    is_in($session, 'nobody was logged out');
    taken_ok(back_channel($server, logout_request($session->{ticket})), 'the real one');
    is_out($session, '... is still found');
};

# --- while the login is being validated ---

# A login that stands before the return to us, the request for it is on its way: the socket, and the ticket.
sub returning ($profile) {
    my $browser = browser(keep_alive => 0);
    my $ticket_given = sub ($address) { $address =~ /ticket=/ };
    $browser->get($server->url("/aten/login?profile=$profile&to=/who"), until => $ticket_given);
    my $address  = $browser->page->location;
    my ($path)   = $address =~ m{^http://[^/]+(/.*)};
    my ($ticket) = $address =~ /ticket=([^&]+)/;
    my $cookies  = join '; ', map { "$_->{name}=$_->{value}" } $browser->jar->all;
    my $socket   = connected();
    $socket->syswrite("GET $path HTTP/1.1\r\nHost: localhost:" . $server->port
        . "\r\nAccept: text/html\r\nCookie: $cookies\r\nConnection: close\r\n\r\n");
    return { socket => $socket, ticket => $ticket };
}

# The same when the CAS server has been asked, and waits with its answer.
sub validating () {
    my $before = $faults->holding;
    my $login  = returning('lent');
    $server->wait_for(sub { $faults->holding > $before }, 10);
    return $login;
}

# What became of it: the answer, and who its cookie is.
sub validated ($login) {
    $faults->release;
    return returned($login);
}

sub returned ($login) {
    my ($answer, $socket) = ('', $login->{socket});
    1 while $socket->sysread($answer, 65_536, length $answer);
    my ($cookie) = $answer =~ /^Set-Cookie: (aten=[^;]+)/m;
    return { answer => $answer, who => defined $cookie ? who($server, $cookie) : 'no cookie' };
}

subtest 'while the login is validated' => sub {
    is(validated(validating())->{who}, 'fautes', 'nobody logs out: in');
    my ($same, $apart, @wrong) = (0, 0);
    my ($title, $log) = ('', $server->log->mark);
    for my $round (1 .. 30) {
        my $login = validating();
        my $mark  = -s $server->root . '/logs/processes.log';
        my $page  = back_channel($server, logout_request($login->{ticket}));
        my $end   = validated($login);
        push @wrong, "round $round: " . $page->status . " $end->{who}"
            if $page->status != 200 || $page->body ne '' || $end->{who} !~ /^(?:nobody|no cookie)$/;
        $title = $end->{answer};
        my @pids = map { $_->{pid} } grep { $_->{path} eq '/aten/cas' } answered_by($server, $mark, 2);
        $pids[0] == $pids[1] ? $same++ : $apart++ if @pids == 2;
        last if $same >= 2 && $apart >= 3;
    }
    is_deeply(\@wrong, [], 'a logout meanwhile: never in');
    ok($same && $apart, "... by one process ($same times) and by two ($apart times)");
    like(Encode::decode('UTF-8', $title), qr/Votre session a été fermée pendant la connexion/,
        'the page says what happened');
    $server->log_like($ended, 'and the log', $log);

    my $login = validating();
    taken_ok(back_channel($server, logout_request("$login->{ticket}x")), 'a logout of another ticket meanwhile');
    is(validated($login)->{who}, 'fautes', '... does not count');
    my @two = (validating(), validating());
    taken_ok(back_channel($server, logout_request($two[0]{ticket})), 'two logins at once, a logout of one');
    my @ends = map { validated($_)->{who} } @two;
    is($ends[1], 'fautes', '... the other gets in');
    like($ends[0], qr/^(?:nobody|no cookie)$/, '... that one does not');
};

# Logouts at about the moment when the login ends: before, during or after, the session must not live.
subtest 'at the moment when the login ends' => sub {
    my %before;
    my @wrong;
    $faults->slow(0.025);
    for my $round (1 .. 50) {
        my $mark  = $faults->mark;
        my $login = returning('bref');
        $server->wait_for(sub { $faults->validations($mark) }, 10);
        sleep 0.0006 * $round;
        my $status = back_channel($server, logout_request($login->{ticket}))->status;
        my $end    = returned($login);
        push @wrong, "round $round: $status, $end->{who}" if $status != 200 || $end->{who} !~ /^(?:nobody|no cookie)$/;
        $before{ $end->{who} }++;
    }
    is_deeply(\@wrong, [], 'after the answer to the logout the session is dead, in 50 rounds');
    note(join ', ', map { "$before{$_} times $_" } sort keys %before);
};

# --- crashes and restarts ---

subtest 'after crashes and restarts' => sub {
    my @all  = map { session() } 1 .. 5;
    my $pick = sub ($number) { back_channel($server, logout_request($all[$number]{ticket})) };
    my $who  = sub { join ' ', map { who($server, $_->{cookie}) } @all };
    taken_ok($pick->(0), 'before');
    my @children = $server->children;
    kill 'KILL', @children;
    my %gone = map { $_ => 1 } @children;
    $server->wait_for(sub { !grep { $gone{$_} } $server->children });
    is($who->(), 'nobody fautes fautes fautes fautes', 'the children are killed: what had ended is ended');
    taken_ok($pick->(1), 'the ticket of a child that is gone');
    is($who->(), 'nobody nobody fautes fautes fautes', '... is known');
    $server->graceful;
    taken_ok($pick->(2), 'after a graceful restart');
    is($who->(), 'nobody nobody nobody fautes fautes', '... it is known');
    $server->restart;
    taken_ok($pick->(3), 'after a full restart');
    is($who->(), 'nobody nobody nobody nobody fautes', '... it is known, and what had ended is ended');

    my $login = validating();
    kill 'KILL', grep { $_ != $server->pid } $server->children;
    close $login->{socket};
    $faults->release;
    $server->wait_for(sub { enter($server, browser_options => { keep_alive => 0 })->page->status == 200 });
    taken_ok(back_channel($server, logout_request($login->{ticket})), 'the ticket of a login that died with its child');
    is(enter($server)->page->header('x-who'), 'fautes', 'logins go on');
    is($who->(), 'nobody nobody nobody nobody fautes', 'and sessions');
};

# --- the other protocols ---

for my $case (['PORT2', 2], ['PORT3', 1], ['PORT4', 'saml1.1']) {
    my ($port, $protocol) = @$case;
    subtest "protocol $protocol" => sub {
        my $base = 'http://localhost:' . $server->var($port);
        my ($one, $other) = map { session(base => $base) } 1, 2;
        my $who = sub ($session) { who($server, $session->{cookie}, url => "$base/who") };
        is($who->($_), 'fautes', 'in') for $one, $other;
        taken_ok(back_channel($server, logout_request($one->{ticket}), url => "$base/aten/cas"));
        is($who->($one), 'nobody', 'that session ends');
        is($who->($other), 'fautes', 'the other does not');
    };
}

$server->clean_log_ok(qr/AH02008|AH02032/, qr/AH00052: child pid \d+ exit signal Killed/, qr/AH00051/,
    qr/AH10392: children are killed successively/, qr/AH01239: cgid daemon process died/);
done_testing;
