# Session cookies that this server did not make for this place: cut, changed, from elsewhere, of another purpose.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Aten::Page ();
use Faults;
use HTTP::Tiny ();
use MIME::Base64 ();

need_module;

my $faults = Faults->new(tls => 0);

sub key () {
    open my $random, '<:raw', '/dev/urandom' or die "urandom: $!";
    read $random, my $bytes, 32;
    return MIME::Base64::encode($bytes, '');
}

my @keys = map { key() } 1 .. 3;

sub host ($port, $base, $cas = 'good') {
    return <<~"END";
        <VirtualHost *:\@$port\@>
            AtenBaseURL $base
            AtenInsecureHTTP on
            AtenCASServer @{[ $faults->url($cas) ]}
            ScriptAlias /ent "\@CGI\@/env"
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
        </VirtualHost>
        END
}

my $server = Aten::Server->prepare(https => 1, name => 'forged cookies', config => <<"END");
AtenSessionKeys \@ROOT\@/conf/keys
Listen 127.0.0.1:\@PORT2\@
Listen 127.0.0.1:\@PORT3\@
@{[ host('PORT', 'http://localhost:@PORT@') ]}
@{[ host('PORT2', 'http://autre.test:@PORT2@') ]}
@{[ host('PORT3', 'http://localhost:@PORT3@', 'stale') ]}
<VirtualHost *:\@HTTPS_PORT\@>
    \@TLS_CONFIG\@
    AtenBaseURL https://localhost:\@HTTPS_PORT\@
    AtenCASServer @{[ $faults->url('good') ]}
    ScriptAlias /ent "\@CGI\@/env"
    <Location "/ent">
        AuthType aten
        Require valid-user
    </Location>
</VirtualHost>
END

sub write_keys (@list) {
    $server->file('conf/keys', join '', map { "$_\n" } @list);
    chmod 0600, $server->root . '/conf/keys';
    return;
}

write_keys(@keys[0, 1]);
$server->run;

my %base = (
    main  => 'http://localhost:' . $server->port,
    other => 'http://autre.test:' . $server->var('PORT2'),
    third => 'http://localhost:' . $server->var('PORT3'),
    https => 'https://localhost:' . $server->var('HTTPS_PORT'),
);

sub log_in ($where, $user = 'fautes') {
    $faults->person($user, { ENTPersonProfils => ['National_3'] });
    my $browser = browser(ca => $server->tls->ca_file);
    $browser->get("$base{$where}/aten/login?profile=autres-publics&to=/ent/");
    is(identity_of($browser)->{REMOTE_USER}, $user, "$user is in at $where") or diag $browser->page->text;
    return $browser;
}

sub session_of ($browser) { return $browser->jar->find(qr/^(?:__Host-)?aten$/)->{value} }

my $client = HTTP::Tiny->new(
    timeout => 10, max_redirect => 0, no_proxy => ['localhost', 'autre.test'], verify_SSL => 1,
    SSL_options => { SSL_ca_file => $server->tls->ca_file },
);

# One request, as a person's browser sends it.
sub ask ($address, $cookie) {
    return $client->get($address, { peer => '127.0.0.1', headers => { accept => 'text/html', cookie => $cookie } });
}

# Who is let in with this Cookie header: the user, or 'nobody' for somebody sent to log in, or the status.
sub user_by ($cookie, $where = 'main') {
    my $address = "$base{$where}/ent/";
    my $page    = Aten::Page->new($address, ask($address, $cookie), {});
    return env_of($page)->{REMOTE_USER} // 'the application, without a user' if reached($page);
    return 'nobody' if $page->status == 303;
    return $page->status . ' ' . substr $page->body, 0, 80;
}

sub nobody_by ($cookie, $name, $where = 'main') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(user_by($cookie, $where), 'nobody', $name);
}

my $browser = log_in('main');
my $good    = session_of($browser);
is(user_by("aten=$good"), 'fautes', 'the cookie as it is');
like($good, qr/^[\w-]+$/, 'is base64url');
cmp_ok(length($good), '<', 1000, length($good) . ' bytes');

subtest 'cut' => sub {
    my @wrong = grep { user_by('aten=' . substr $good, 0, $_) ne 'nobody' } 0 .. length($good) - 1;
    is_deeply(\@wrong, [], 'at every length');
    @wrong = grep { user_by('aten=' . substr $good, $_) ne 'nobody' } 1 .. 60;
    is_deeply(\@wrong, [], 'at the start');
};

subtest 'changed in one byte' => sub {
    my @alphabet = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
    my %at       = map { $alphabet[$_] => $_ } 0 .. $#alphabet;
    for my $flip (1, 2, 16, 32, 63) {
        my @wrong;
        for my $index (0 .. length($good) - 1) {
            my $changed = $good;
            substr($changed, $index, 1) = $alphabet[$at{ substr $good, $index, 1 } ^ $flip];
            push @wrong, $index if user_by("aten=$changed") ne 'nobody';
        }
        is_deeply(\@wrong, [], "bits $flip of each character");
    }
    my @wrong = grep { my $c = $good; substr($c, $_, 1) = '%'; user_by("aten=$c") ne 'nobody' } 0 .. length($good) - 1;
    is_deeply(\@wrong, [], 'a character that base64url does not have');
    @wrong = grep { my $c = $good; substr($c, $_, 0) = 'A'; user_by("aten=$c") ne 'nobody' } 0 .. length($good);
    is_deeply(\@wrong, [], 'one more character');
};

subtest 'dressed up' => sub {
    nobody_by("aten=$good$_", 'followed by ' . s/\t/tab /r) for '=', '==', 'A', '.', '%00', ',x', "\t.";
    nobody_by("aten=$_$good", "behind $_") for 'A', '=', '.', '%';
    nobody_by('aten=' . lc $good, 'in small letters');
    nobody_by('aten=' . $good =~ tr{-_}{+/}r, 'in the other base64') if $good =~ /[-_]/;
    nobody_by('aten=' . reverse($good), 'backwards');
    nobody_by("aten=$good$good", 'twice in one value');
    nobody_by('aten=' . MIME::Base64::encode($good, ''), 'encoded once more');
    nobody_by('aten=', 'empty');
    nobody_by('aten', 'a name alone');
    nobody_by('=' . $good, 'a value alone');
    nobody_by($good, 'neither');
    nobody_by('aten=' . 'A' x 60, 'zero bytes');
    nobody_by('aten=' . 'A' x 8000, '8 kB of zero bytes');
    nobody_by('aten=' . $good . 'A' x 7000, 'followed by 7 kB');
};

subtest 'other names' => sub {
    nobody_by("$_=$good", $_) for qw(atenx xaten aten-login aten-login-0 Aten ATEN aten2 __Host-aten __Secure-aten),
        'aten-', 'a', 'aten[]', '$aten', '%61ten';
    is(user_by("atenx=1; aten=$good"), 'fautes', 'beside one whose name begins alike');
    is(user_by("xaten=1; __Host-aten=1; aten=$good; aten-x=2"), 'fautes', 'among neighbours');
    nobody_by("x=aten=$good", 'as the value of another');
    is(user_by("x=\"; aten=$good"), 'fautes', 'behind an open quote, which means nothing in a Cookie header');
};

subtest 'duplicates' => sub {
    my $second = session_of(log_in('main', 'autre'));
    my $bad    = $good =~ s/.$/$& eq 'A' ? 'B' : 'A'/er;
    like(user_by("aten=$bad; aten=$good"), qr/^(?:fautes|nobody)$/, 'a bad one first');
    is(user_by("aten=$good; aten=$bad"), 'fautes', 'a bad one behind');
    is(user_by("aten=$good; aten=$good"), 'fautes', 'the same twice');
    is(user_by("aten=$good; aten=$second"), 'fautes', 'two good ones: the first');
    is(user_by("aten=$second; aten=$good"), 'autre', '... whichever it is');
    nobody_by(join('; ', map { "aten=$bad" } 1 .. 8), 'eight bad ones');
    nobody_by(join('; ', map { 'aten=x' } 1 .. 800), '800 bad ones');
};

subtest 'from elsewhere' => sub {
    my $other = session_of(log_in('other'));
    my $https = session_of(log_in('https'));
    my $third = session_of(log_in('third'));
    is(user_by("aten=$other", 'other'), 'fautes', 'good where it was made');
    nobody_by("aten=$other", 'of another virtual host');
    nobody_by("aten=$good", 'and the other way round', 'other');
    is(user_by("__Host-aten=$https", 'https'), 'fautes', 'https, good where it was made');
    nobody_by("aten=$https", 'of https, by http');
    nobody_by("__Host-aten=$https", '... under its own name');
    nobody_by("__Host-aten=$good", 'of http, by https', 'https');
    nobody_by("aten=$good", '... under its own name', 'https');
    nobody_by("__Secure-aten=$https", 'under the other prefix', 'https');
    nobody_by("aten=$https", 'without the prefix', 'https');
    nobody_by("aten=$third", 'made by a CAS server that is not configured here');
    nobody_by("aten=$good", 'and the other way round', 'third');
};

subtest 'of another purpose' => sub {
    my $begun = browser();
    my $login = Faults::begin($begun, "$base{main}/aten/login?profile=autres-publics&to=/ent/");
    my @pending = grep { $_->{name} =~ /^aten-login-\d+$/ } $begun->jar->all;
    is(scalar @pending, 1, 'a pending login');
    nobody_by("aten=$pending[0]{value}", 'a pending login is no session');

    my $mark    = $faults->mark;
    my $service = Faults::service_of($login);
    for my $cookie (map({ "aten-login-$_=$good" } 0 .. 4), "aten=$pending[0]{value}",
        map { "aten-login-$_=$pending[0]{value}" } grep { "aten-login-$_" ne $pending[0]{name} } 0 .. 4)
    {
        my $answer = ask("$service&ticket=ST-purpose", $cookie);
        is($answer->{status}, 303, substr($cookie, 0, 12) . '...: not believed, one fresh request');
        my ($set) = grep { /^aten=[^;]/ } map { ref ? @$_ : $_ } $answer->{headers}{'set-cookie'} // ();
        is($set, undef, 'no session');
    }
    is(scalar $faults->validations($mark), 0, 'and no ticket was validated');
};

subtest 'headers that are no cookies' => sub {
    for my $header ("\x{1}\x{2}\x{3}", ';;;;;', '=;=;=', 'aten=;aten=;aten', '"', ',', ' ', 'a' x 8000, '; ' x 3000,
        "aten=\"$good", "aten=\"\"", 'aten="', 'aten=' . "\xff" x 100, "a\xc3\xa9ten=$good")
    {
        my $raw = raw_request($server->port, "GET /ent/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n"
            . "Cookie: $header\r\nConnection: close\r\n\r\n");
        unlike($raw, qr/X-Answered-By/, 'not in by ' . substr($header =~ s/[^\x21-\x7e]/?/gr, 0, 20));
        like($raw, qr{^HTTP/1\.1 (?:303|400) }, 'and an answer');
    }
    my $two = raw_request($server->port, "GET /ent/ HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: a=b\r\n"
        . "Cookie: aten=$good\r\nConnection: close\r\n\r\n");
    like($two, qr{^HTTP/1\.1 (?:200|303) }, 'two Cookie headers: an answer');
};

subtest 'the keys change' => sub {
    my $old = $good;
    write_keys(@keys[2, 0, 1]);
    $server->graceful;
    is(user_by("aten=$old"), 'fautes', 'a new key in front: the old one still opens');
    my $new = session_of(log_in('main'));
    write_keys(@keys[2, 1]);
    $server->graceful;
    nobody_by("aten=$old", 'a retired key opens nothing');
    is(user_by("aten=$new"), 'fautes', 'the new one does');
    write_keys(@keys[0, 1]);
    $server->graceful;
    nobody_by("aten=$new", 'and nothing that a key will open later');
    is(user_by("aten=$old"), 'fautes', 'the first key again');
};

subtest 'the answer to a forged cookie takes it away or leaves it, and nothing else' => sub {
    my $answer = ask("$base{main}/ent/", 'aten=forged; other=1');
    my @set    = map { ref ? @$_ : $_ } $answer->{headers}{'set-cookie'} // ();
    is_deeply([grep { !/^aten(?:-login-\d+)?=/ } @set], [], 'no cookie of another name is set');
    ok(!grep({ /forged/ } $answer->{content}, values %{ $answer->{headers} }), 'it is not repeated');
};

is_deeply([grep { /forged|\Q$good\E/ } $server->log->lines], [], 'no cookie in the log');
$server->clean_log_ok(qr/\[auth_aten:(?:debug|info|notice)\]/, qr/AH00128|AH02008|\[core:info\]/);
done_testing;
