# Metadata in both directions. Ours: the page that portals read, by simplesamlphp's and pysaml2's own readers, the same
# bytes whatever is restarted. A portal's: the file, read again when it changes, and never left for a broken one.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Test;
use Aten::IdP ();
use POSIX ();
use Time::HiRes qw(sleep);

need_module;
Aten::IdP::available() or BAIL_OUT('simplesamlphp and php-cli are not installed: run make deps');

my $idp = Aten::IdP->new;
my ($families, $agents) = map { $idp->entity_id($_) } qw(families agents);
my $file = $idp->metadata_file;

# AtenServiceKey and AtenServiceCertificate, one pair for each name.
sub key_lines (@names) {
    return join '', map {
        "AtenServiceKey \@ROOT\@/tls/$_.key\nAtenServiceCertificate \@ROOT\@/tls/$_.pem\n"
    } @names;
}

sub host ($port, $cookie, $lines) {
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    return $listen . <<~"END";
        <VirtualHost 127.0.0.1:\@$port\@>
            ServerName localhost
            AtenSessionCookie $cookie
            ScriptAlias /ent \@CGI\@/env
            <Location "/ent">
                AuthType aten
                Require valid-user
            </Location>
            $lines
        </VirtualHost>
        END
}

my $portal = "AtenPortalMetadata \@METADATA\@\nAtenPortal \@FAMILIES\@\n";

sub config (@keys) {
    return join '',
        host(PORT  => 'bare',  $portal),
        host(PORT2 => 'keys',  $portal . key_lines(map { "service$_" } @keys)),
        host(PORT3 => 'named', "${portal}AtenServiceEntityID urn:test:ent\nAtenPath /connexion\n"
                . "AtenBaseURL https://ent.example\n" . key_lines('service1')),
        host(PORT4 => 'cas',   "AtenCASServer http://127.0.0.1:9/cas\n"),
        host(PORT5 => 'ec',    $portal . key_lines('ec')),
        host(PORT6 => 'two',   "AtenPortalMetadata \@ROOT\@/conf/one.xml\nAtenPortalMetadata \@ROOT\@/conf/two.xml\n"
                . "AtenPortal \@FAMILIES\@\n");
}

my $server = Aten::Server->prepare(
    at => time, vars => { METADATA => $file, FAMILIES => $families, AGENTS => $agents },
);
Aten::IdP::make_key($server->root . "/tls/service$_") for 1, 2;
Aten::TLS::openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days 3650 -subj /CN=ec
    -keyout), $server->root . '/tls/ec.key', '-out', $server->root . '/tls/ec.pem');
chmod 0600, $server->root . '/tls/ec.key';
$idp->metadata_file(['families'], file => $server->root . '/conf/one.xml');
$idp->metadata_file(['agents'],   file => $server->root . '/conf/two.xml');
$server->set_time(time);    # not before the keys' own dates
$server->set_config(config(1));
$server->run;

my %port = (bare => 'PORT', keys => 'PORT2', named => 'PORT3', cas => 'PORT4', ec => 'PORT5', two => 'PORT6');
sub base ($which = 'bare') { return 'http://localhost:' . $server->var($port{$which}) }
sub page ($which) {
    my $path = $which eq 'named' ? '/connexion' : '/aten';
    return browser()->get(base($which) . "$path/saml/metadata");
}

package Site {
    sub url ($self, $path, %option) { return main::base($self->{which}) . $path }
}
sub site ($which = 'bare') { return bless { which => $which }, 'Site' }

sub pysaml2 ($text) {
    my $in = Aten::Process::spew(Aten::Process::temporary_directory('pysaml2') . '/service.xml', $text);
    open my $out, '-|', 'sh', '-c', 'exec /usr/bin/python3 "$1" <"$0" 2>&1', $in,
        Aten::IdP::source() . '/pysaml2_service.py' or die "python3: $!";
    my $said = do { local $/; <$out> };
    close $out or die "pysaml2 cannot read it: $said";
    return JSON::PP->new->decode($said);
}

sub certificate ($name) {
    my ($base64) = Aten::Process::slurp($server->root . "/tls/$name.pem") =~ /-----BEGIN CERTIFICATE-----([^-]+)-----/;
    return $base64 =~ s/\s+//gr;
}

# --- our page ---

subtest 'our metadata page' => sub {
    my $page = page('bare');
    is $page->status, 200, 'is there for everybody';
    is $page->header('content-type'), 'application/samlmetadata+xml', 'by the type of metadata';
    is_deeply [$page->header_all('set-cookie')], [], 'with no cookie';
    is $page->header('x-content-type-options'), 'nosniff', 'taken for nothing else';
    unlike $page->body, qr/validUntil|cacheDuration/, 'without an end that somebody would have to watch';
    my $head = browser()->head(base() . '/aten/saml/metadata');
    is $head->status, 200, 'HEAD';
    is $head->header('content-length'), length $page->body, '... says how long it is';
    is $head->body, '', '... and nothing more';
    my $post = browser()->post_form(base() . '/aten/saml/metadata', { a => 'b' }, from => base() . '/');
    is $post->status, 405, 'POST is refused';
    is page('cas')->status, 404, 'a site without a portal has none';
};

my %expected = (
    bare  => { id => base('bare') . '/aten/saml/metadata', base => base('bare') . '/aten/saml', keys => [] },
    keys  => { id => base('keys') . '/aten/saml/metadata', base => base('keys') . '/aten/saml', keys => ['service1'] },
    named => { id => 'urn:test:ent', base => 'https://ent.example/connexion/saml', keys => ['service1'] },
    ec    => { id => base('ec') . '/aten/saml/metadata', base => base('ec') . '/aten/saml', keys => ['ec'], only => 1 },
);

sub reads ($text, $expected, $why) {
    my @certificates = map { certificate($_) } @{ $expected->{keys} };
    my $signs        = @certificates ? 1 : 0;
    # An EC key signs; nobody encrypts for it.
    my @encryption = $expected->{only} ? () : @certificates;

    my $ssp = eval { $idp->read_service($text) } // {};
    is $@, '', "$why: valid by the schema, and simplesamlphp reads it";
    is $ssp->{entityid}, $expected->{id}, '... the name';
    is_deeply [map { "$_->{Binding} $_->{Location}" } @{ $ssp->{AssertionConsumerService} }],
        ["urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST $expected->{base}/acs"], '... where answers go';
    my @logout = @{ $ssp->{SingleLogoutService} // [] };
    ok scalar(@logout), '... where to log out';
    is $_->{Location}, "$expected->{base}/logout", "... $_->{Binding}" for @logout;
    my @keys = @{ $ssp->{keys} // [] };
    is_deeply [map { $_->{X509Certificate} =~ s/\s+//gr } grep { $_->{signing} } @keys], \@certificates,
        '... the certificates, in their order, for signatures';
    is_deeply [map { $_->{X509Certificate} =~ s/\s+//gr } grep { $_->{encryption} } @keys], \@encryption,
        '... and for encryption';
    is !!$ssp->{'validate.authnrequest'}, !!$signs, '... whether we sign requests';

    my $pysaml2 = eval { pysaml2($text) } // {};
    is $@, '', "$why: pysaml2 reads it";
    is $pysaml2->{entityid}, $expected->{id}, '... the name';
    is_deeply $pysaml2->{acs}, ["$expected->{base}/acs"], '... where answers go';
    ok !grep({ $_ ne "$expected->{base}/logout" } @{ $pysaml2->{logout} }), '... where to log out';
    is scalar(@{ $pysaml2->{logout} }), scalar(@logout), '... by as many ways';
    is_deeply $pysaml2->{signing}, [sort @certificates], '... for signatures';
    is_deeply $pysaml2->{encryption}, [sort @encryption], '... for encryption';
    is $pysaml2->{signs} // 'false', $signs ? 'true' : 'false', '... whether we sign requests';
    return;
}

my %text = map { $_ => page($_)->body } keys %expected;
for my $which (sort keys %expected) {
    subtest "read by others: $which" => sub { reads($text{$which}, $expected{$which}, $which) };
}

subtest 'the same bytes, always' => sub {
    my $same = sub ($why) {
        my @other = grep { page($_)->body ne $text{$_} } keys %text;
        is "@other", '', $why;
    };
    $same->('asked once more');
    $server->set_time(time + 86400 * 400);
    $same->('a year later');
    $server->set_time(time);
    $server->graceful;
    $same->('after a graceful restart');
    $server->restart;
    $same->('after a stop and a start');
    my $other = browser(lang => 'en', headers => { host => 'evil.example' })->get(base() . '/aten/saml/metadata');
    is $other->body, $text{bare}, 'whatever Host and language say' if $other->status == 200;
};

subtest 'two keys during a roll-over' => sub {
    $server->set_config(config(2, 1));
    $server->graceful;
    my %both = (%{ $expected{keys} }, keys => [qw(service2 service1)]);
    reads(page('keys')->body, \%both, 'the first signs, both decrypt');
    $server->set_config(config(1));
    $server->graceful;
    is page('keys')->body, $text{keys}, 'and back';
};

# --- a portal's file ---

$idp->trust($_) for grep { !/ent\.example/ } @text{qw(bare keys)}, page('two')->body;

# A child looks at the file once a second at most.
sub changed ($text) {
    Aten::IdP::write_file($file, $text);
    sleep 1.2;
    return $server->log->mark;
}

sub user_of_login ($which = 'bare') {
    my $browser = login(site($which), 'eleve', idp => $idp);
    return identity_of($browser)->{REMOTE_USER} // 'nobody: ' . ($browser->page->h1 // $browser->page->status);
}
my $eleve = 'eleve:701294@0340039X';

my $again = qr/auth_aten:info\].*AtenPortalMetadata: read again, /;
my $kept  = qr/auth_aten:error\].*AtenPortalMetadata: .*what was read before goes on/;
sub count ($pattern, $mark) { return scalar grep { $_ =~ $pattern } split /\n/, $server->log->since($mark) }

subtest 'a new key appears without a restart' => sub {
    is user_of_login(), $eleve, 'as it was at the start';
    my $pid = join ' ', $server->children;
    $idp->add_key('families');
    $idp->sign_with(families => 1);
    my $mark = $server->log->mark;
    like user_of_login(), qr/^nobody/, 'the portal signs by a key that the file does not have';
    $server->log_like(qr/AT0313: .*\Q$families\E/, '... says the log', $mark);
    $mark = changed($idp->metadata);
    is user_of_login(), $eleve, 'the file has it: in';
    is count($again, $mark), 1, '... it was read once';
    is user_of_login(), $eleve, '... and that holds';
    is count($again, $mark), 1, '... without another reading';
    is join(' ', $server->children), $pid, '... by the same process';
};

subtest 'a broken file never replaces a good one' => sub {
    my $good  = $idp->metadata;
    my @cases = (
        ['',                                                     'empty'],
        [substr($good, 0, length($good) / 2),                    'cut off in the middle'],
        ["$good<more/>",                                         'something behind its end'],
        ['<html><body>Maintenance</body></html>',                'a page of a proxy'],
        ["<!DOCTYPE x [<!ENTITY y 'z'>]>\n" . $good =~ s/^<\?xml[^>]*>\s*//r, 'a document type declaration'],
        [$good =~ s/<md:EntitiesDescriptor /<md:EntitiesDescriptor validUntil="demain" /r, 'an end that is no date'],
        [$text{bare},                                            'the metadata of a service'],
        [$good =~ s/\Q$agents\E"/$families"/r,                   'the same portal twice'],
    );
    for my $case (@cases) {
        my ($text, $why) = @$case;
        my $mark = changed($text);
        is user_of_login(), $eleve, "$why: the good one goes on";
        is count($kept, $mark), 1, '... and the log says so';
        sleep 1.2;
        is user_of_login(), $eleve, '... later too';
        is count($kept, $mark), 1, '... once' or diag $server->log->since($mark);
        $server->log_like($kept, '... by a line that names the directive', $mark);
    }
    my $mark = changed($good);
    is user_of_login(), $eleve, 'good again';
    is count($again, $mark), 1, '... it was read';
};

subtest 'a removed file' => sub {
    my $mark = $server->log->mark;
    rename $file, "$file.away" or die "rename: $!";
    sleep 1.2;
    is user_of_login(), $eleve, 'what was read goes on';
    sleep 1.2;
    is user_of_login(), $eleve, '... and on';
    is count($kept, $mark), 1, '... the log says so, once';
    $server->log_like(qr/\Q$file\E' cannot be read/, '... which file', $mark);
    $mark = $server->log->mark;
    rename "$file.away", $file or die "rename: $!";
    sleep 1.2;
    is user_of_login(), $eleve, 'it is back';
    is count($again, $mark), 1, '... and was read';
};

subtest 'rewritten in place' => sub {
    $idp->drop_other_key('families');
    $idp->add_key('families');
    $idp->sign_with(families => 1);
    my $mark = $server->log->mark;
    Aten::Process::spew($file, $idp->metadata);
    sleep 1.2;
    is user_of_login(), $eleve, 'the same file, other bytes: in by the new key';
    is count($again, $mark), 1, '... it was read';
};

subtest 'a portal that disappears from the file' => sub {
    my $mark = changed($idp->metadata(['agents']));
    like user_of_login(), qr/^nobody/, 'nobody logs in by it';
    $server->log_like(qr/auth_aten:\w+\].*AT0307: .*\Q$families\E/, '... says the log, by its name', $mark);
    changed($idp->metadata);
    is user_of_login(), $eleve, 'it is back: in';
};

subtest 'validUntil' => sub {
    my $until = time + 60;
    changed($idp->metadata([], valid_until => POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $until)));
    is user_of_login(), $eleve, 'until then it is used';
    $server->set_time($until + 1);
    sleep 0.1;
    my $mark = $server->log->mark;
    my $page = login(site(), 'eleve', idp => $idp)->page;
    cmp_ok $page->status, '>=', 400, 'past it nobody logs in: ' . $page->h1;
    ok !$idp->is_here($page), '... nor is sent there';
    my ($reference) = $page->text =~ /: ([0-9a-f]{10})/;
    $reference //= 'none';
    my $why = qr/AT0307: .*\Q$families\E.*was valid until 20.*\(reference \Q$reference\E\)/;
    $server->log_like($why, '... the log says why', $mark);

    # Begun before, ended after.
    $server->set_time($until - 20);
    my $browser = browser();
    $browser->get(base() . '/aten/login?profile=eleves-parents&to=/ent/');
    $server->set_time($until + 1);
    $mark = $server->log->mark;
    $idp->pass($browser, 'eleve');
    ok !identity_of($browser)->{REMOTE_USER}, 'a login that was begun before it ends in no session';
    $server->log_like(qr/AT0307: /, '... says the log', $mark);
    $server->set_time(time);
    changed($idp->metadata);
    is user_of_login(), $eleve, 'a new file: in';
};

subtest 'several files' => sub {
    my $one  = $server->root . '/conf/one.xml';
    my $mark = $server->log->mark;
    $idp->metadata_file(['families'], file => $one);
    sleep 1.2;
    is user_of_login('two'), $eleve, 'a change of one of them is seen';
    is count($again, $mark), 1, '... all are read';
    $mark = $server->log->mark;
    Aten::IdP::write_file($server->root . '/conf/two.xml', 'broken');
    sleep 1.2;
    is user_of_login('two'), $eleve, 'a broken one leaves all as they were';
    $server->log_like(qr{\Qconf/two.xml\E'.*what was read before goes on}, '... the log names it', $mark);
    $idp->metadata_file(['agents'], file => $server->root . '/conf/two.xml');
};

# --- what is told at the start ---

subtest 'only for now, or worth a word' => sub {
    $idp->drop_other_key('families');
    $idp->add_key('families', days => -1);
    $idp->sign_with(families => 1);
    $idp->drop_other_key('families');
    my $wants = 'WantAuthnRequestsSigned="true"';
    Aten::IdP::write_file($file, $idp->metadata =~ s/<md:IDPSSODescriptor /<md:IDPSSODescriptor $wants /r);
    my $mark = $server->log->mark;
    $server->graceful;
    $server->log_like(qr/auth_aten:warn\].*certificate of the portal \Q$families\E is valid from .* which is not now/,
        'a certificate that has ended: said at the start', $mark);
    $server->log_like(qr/auth_aten:warn\].*AtenServiceKey: missing, and the portal \Q$families\E wants signed requests/,
        'a portal that wants signed requests, and no key: said too', $mark);
    is user_of_login(), $eleve, 'but it is a container of a key: in';
    $idp->add_key('families');
    $idp->sign_with(families => 1);
    $idp->drop_other_key('families');
    Aten::IdP::write_file($file, $idp->metadata);

    if ($> == 0) {
        chmod 0600, $file;
        $mark = $server->log->mark;
        $server->graceful;
        $server->log_like(qr/auth_aten:warn\].*AtenPortalMetadata: '\Q$file\E' cannot be read by the children/,
            'a file that the children cannot read: said at the start', $mark);
        is user_of_login(), $eleve, '... what was read then is used';
        chmod 0644, $file;
        $server->graceful;
    }
    $mark = $server->log->mark;
    Aten::IdP::write_file($file, $idp->metadata([], valid_until => '2020-01-01T00:00:00Z'));
    $server->graceful;
    $server->log_like(qr/auth_aten:error\].*nobody can log in by \Q$families\E: .*2020-01-01/,
        'metadata past its end: the server starts all the same, and says so', $mark);
    changed($idp->metadata);
    is user_of_login(), $eleve, '... a new file: in';
};

# --- judged by configtest ---

# Each an error of one line that names the directive: [why, lines, pattern].
sub bad_configurations ($root, $one) {
    my $only = "AtenPortalMetadata $one\n";
    my $both = sub ($key, $certificate) {
        return "${only}AtenServiceKey $root/tls/$key.key\nAtenServiceCertificate $root/tls/$certificate.pem\n";
    };
    my $pair = qr/AtenService(?:Key|Certificate): /;
    return (
        ['several portals and no default', "AtenPortalMetadata $file\n",
            qr/AtenPortal: missing.*(?:\Q$families\E.*\Q$agents\E|\Q$agents\E.*\Q$families\E)/],
        ['a default that is not there', "${only}AtenPortal $agents\n", qr/AtenPortal\w*: .*\Q$agents\E/],
        ['no file', "AtenPortalMetadata $root/conf/none.xml\n", qr{AtenPortalMetadata: .*\Q$root/conf/none.xml\E}],
        ['a broken file', "AtenPortalMetadata $root/conf/broken.xml\n", qr{AtenPortalMetadata: .*\Qconf/broken.xml\E}],
        ['a directory', "AtenPortalMetadata $root/conf\n", qr{AtenPortalMetadata: .*\Q$root/conf\E}],
        ['a portal without metadata', "AtenPortal $families\n", qr/AtenPortal\w*: .*\Q$families\E/],
        ['the file twice', "$only$only", qr{AtenPortalMetadata: .*\Q$one\E}],
        ['the portal twice, in two files', "${only}AtenPortalMetadata $file\nAtenPortal $agents\n",
            qr/AtenPortalMetadata: .*\Q$families\E/],
        ['a portal by plain http', "AtenPortalMetadata $root/conf/plain.xml\n", qr/AtenPortalMetadata: .*http/],
        ['a portal without a key', "AtenPortalMetadata $root/conf/nokey.xml\n", qr/AtenPortalMetadata: .*key/],
        ['a key without its certificate', "${only}AtenServiceKey $root/tls/service1.key\n", $pair],
        ['a certificate without its key', "${only}AtenServiceCertificate $root/tls/service1.pem\n", $pair],
        ['a key and the certificate of another', $both->('service1', 'service2'), qr/$pair.*service[12]/],
        ['a key that others may read', $both->('open', 'service1'), qr{AtenServiceKey: .*\Q$root/tls/open.key\E}],
        ['a key of 1024 bits', $both->('small', 'small'), qr/$pair.*(?:1024|2048)/],
        ['a key file that is not there', $both->('none', 'service1'), qr{AtenServiceKey: .*\Q$root/tls/none.key\E}],
        ['no key in the key file', $both->('text', 'service1'), qr/AtenServiceKey: .*text\.key/],
        ['three keys', $only . key_lines(qw(service1 service2 ec)), qr/AtenService(?:Key|Certificate)/],
        ['an entityID with a blank', "${only}AtenPortal \"urn:x y\"\n", qr/AtenPortal/],
        ['a scope that is no UAI', "${only}AtenPortal $families uai=34*5\n", qr/AtenPortal.*34\*5/],
        ['a word that nobody knows', "${only}AtenPortal $families pupils\n", qr/AtenPortal.*pupils/],
        ['accept without a portal', "${only}AtenPortalUnsolicited accept\n", qr/AtenPortalUnsolicited.*entityID/],
        ['accept of somebody else', "${only}AtenPortalUnsolicited accept $agents\n",
            qr/AtenPortalUnsolicited: .*\Q$agents\E/],
        ['a word for unsolicited', "${only}AtenPortalUnsolicited perhaps\n", qr/AtenPortalUnsolicited.*perhaps/],
        ['a skew of an hour', "${only}AtenPortalClockSkew 3600\n", qr/AtenPortalClockSkew.*3600/],
        ['an entityID of ours with a blank', "${only}AtenServiceEntityID \"a b\"\n", qr/AtenServiceEntityID/],
        ['a context that is no URI', "${only}AtenPortalAuthnContext strong\n", qr/AtenPortalAuthnContext.*strong/],
        ['a profile that leads to an unknown portal',
            "$only<AtenProfile x>\nAtenLabel x\nAtenBackend aten urn:nobody\n</AtenProfile>\n", qr/urn:nobody/],
    );
}

subtest 'configtest' => sub {
    my $root = $server->root;
    my $text = $idp->metadata(['families']);
    my $one  = Aten::IdP::write_file("$root/conf/only.xml", $text);
    Aten::IdP::write_file("$root/conf/plain.xml",
        $text =~ s{http://familles\.localhost:\d+(/saml2/idp/SSOService)}{http://portail.example$1}r);
    Aten::IdP::write_file("$root/conf/broken.xml", substr $text, 0, 1000);
    Aten::IdP::write_file("$root/conf/nokey.xml", $text =~ s{<md:KeyDescriptor.*</md:KeyDescriptor>}{}sr);
    Aten::TLS::openssl(qw(req -x509 -newkey rsa:1024 -nodes -sha256 -days 30 -subj /CN=small -keyout),
        "$root/tls/small.key", '-out', "$root/tls/small.pem");
    Aten::Process::spew("$root/tls/text.key", "nothing\n");
    Aten::Process::spew("$root/tls/open.key", Aten::Process::slurp("$root/tls/service1.key"));
    chmod 0600, map { "$root/tls/$_.key" } qw(small text);
    chmod 0644, "$root/tls/open.key";

    my @good = (
        ['one portal',     "AtenPortalMetadata $one\n"],
        ['one of several', "AtenPortalMetadata $file\nAtenPortal $agents staff\n"],
        ['an EC key',      "AtenPortalMetadata $one\n" . key_lines('ec')],
        ['two keys',       "AtenPortalMetadata $one\n" . key_lines(qw(service1 service2))],
        ['scopes',         "AtenPortalMetadata $one\nAtenPortal $families uai=034*,0300001A vectors\n"],
    );
    # One httpd's directory for all of them: only the configuration differs.
    my $before = $server->{config};
    my $test   = sub ($lines) { return $server->set_config(host(PORT => 'x', $lines))->configtest };
    for my $case (@good) {
        my ($status, $output) = $test->($case->[1]);
        is $status, 0, "$case->[0]: good" or diag $output;
    }
    for my $case (bad_configurations($root, $one)) {
        my ($why, $lines, $pattern) = @$case;
        my ($status, $output) = $test->($lines);
        isnt $status, 0, "$why: an error";
        my @said = grep { /Aten/ } split /\n/, $output;
        is scalar(@said), 1, '... of one line' or diag $output;
        like "@said", $pattern, '... that names the directive and says what is wrong';
        unlike $output, qr/BEGIN|MII[A-Za-z0-9]/, '... without a byte of a key';
    }
    $server->set_config($before);
};

$server->clean_log_ok(qr/auth_aten:error\].*AT0313/);
done_testing;
