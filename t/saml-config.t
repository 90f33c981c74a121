# The directives of the ATEN path: what configtest says of each value that cannot be used, what only the start says, what a
# virtual host inherits and what it replaces, and that two virtual hosts with two portals are two sites.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Portals ();
use Aten::Test;
use Aten::TLS ();

need_module;

my $portals = Aten::Portals->new;
my ($families, $agents, $educonnect) = map { $portals->id($_) } qw(familles agents educonnect);

# --- configtest: one httpd's directory for all of them, only the configuration differs ---

my $bench = Aten::Server->prepare(name => 'configtest', config => '');
my $root  = $bench->root;

sub openssl (@arguments) { return Aten::TLS::openssl(@arguments) }
sub self_signed ($name, @key) {
    openssl('req', '-x509', '-nodes', '-sha256', '-days', 30, '-subj', "/CN=$name", @key, '-keyout', "$root/tls/$name.key",
        '-out', "$root/tls/$name.pem");
    return chmod 0600, "$root/tls/$name.key";
}

my $one  = $portals->metadata_file("$root/conf/one.xml", ['familles']);
my $more = $portals->metadata_file("$root/conf/more.xml", ['agents']);
my $all  = $portals->metadata_file("$root/conf/all.xml", [qw(familles agents)]);
my $text = Aten::Process::slurp($one);

# name => what stands in the file
my %metadata = (
    empty       => '',
    cut         => substr($text, 0, length($text) / 2),
    behind      => "$text<more/>",
    html        => '<html><body>Maintenance</body></html>',
    dtd         => "<!DOCTYPE x [<!ENTITY y 'z'>]>\n$text",
    service     => '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:x"><md:SPSSODescriptor '
        . 'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"/></md:EntityDescriptor>',
    saml1       => $text =~ s/SAML:2\.0:protocol"/SAML:1.1:protocol"/r,
    twice       => $text =~ s{(<md:EntityDescriptor .*</md:EntityDescriptor>)}{$1$1}sr,
    until       => $text =~ s{<md:EntityDescriptor }{<md:EntityDescriptor validUntil="demain" }r,
    http        => $text =~ s{https://familles\.forge\.example/sso}{http://familles.forge.example/sso}r,
    post        => $text =~ s{bindings:HTTP-Redirect}{bindings:HTTP-POST}r,
    nokey       => $text =~ s{<md:KeyDescriptor.*</md:KeyDescriptor>}{}sr,
    encryption  => $text =~ s{use="signing"}{use="encryption"}r,
    nocert      => $text =~ s{<ds:X509Certificate>[^<]+}{<ds:X509Certificate>AAAA}r,
    name        => $text =~ s{entityID="[^"]+"}{entityID="familles"}r,
);
for my $name (keys %metadata) {
    Aten::Process::spew("$root/conf/$name.xml", $metadata{$name});
    chmod 0644, "$root/conf/$name.xml";
}

self_signed($_, qw(-newkey rsa:2048)) for qw(service1 service2);
self_signed('small', qw(-newkey rsa:1024));
self_signed('ec',    qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256));
self_signed('curve', qw(-newkey ec -pkeyopt ec_paramgen_curve:secp256k1));
self_signed('ed',    qw(-newkey ed25519));
openssl('pkey', '-in', "$root/tls/service1.key", '-aes256', '-passout', 'pass:secret', '-out', "$root/tls/locked.key");
openssl('rsa', '-in', "$root/tls/service1.key", '-aes128', '-traditional', '-passout', 'pass:secret', '-out', "$root/tls/locked1.key");
openssl('pkey', '-in', "$root/tls/service1.key", '-pubout', '-out', "$root/tls/public.key");
Aten::Process::spew("$root/tls/text.key", "nothing\n");
Aten::Process::spew("$root/tls/text.pem", "nothing\n");
Aten::Process::spew("$root/tls/large.pem", "-\n" x 40_000);
Aten::Process::spew("$root/tls/$_.key", Aten::Process::slurp("$root/tls/service1.key")) for qw(open group foreign);
chmod 0600, map { "$root/tls/$_.key" } qw(locked locked1 public text foreign);
chmod 0644, "$root/tls/open.key";
chmod 0640, "$root/tls/group.key";
chown +(getpwnam 'www-data')[2, 3], "$root/tls/foreign.key" if $> == 0;

# The words of the configuration that every case begins with: a site that people log in at.
sub site ($lines, %option) {
    my $metadata = $option{metadata} // $one;
    return ($metadata ? "AtenPortalMetadata $metadata\n" : '') . "$lines\n" . <<~'END';
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        END
}

sub pair ($key, $certificate = $key) {
    return "AtenServiceKey $root/tls/$key.key\nAtenServiceCertificate $root/tls/$certificate.pem\n";
}

# The same key of the file and of its name: the path as the administrator wrote it.
sub at ($name) { return quotemeta "'$root/conf/$name.xml'" }
sub tls ($name) { return quotemeta "'$root/tls/$name'" }

my $long = 'https://a.example/' . 'x' x 1010;
my $list = qr/AtenPortal ENTITYID \[uai=034\*,030\*\] \[vectors\|staff\] \[FrEduCtId\]/;
my $profile = sub ($lines) { return "<AtenProfile x>\nAtenLabel x\n$lines\n</AtenProfile>" };

# [why, lines, the whole line that is said, option of site()]
my @bad = (
    # AtenPortalMetadata
    ['a file that is not there', '', qr{AtenPortalMetadata: '\Q$root\E/conf/none\.xml' cannot be read: No such file}, "$root/conf/none.xml"],
    ['a relative one: below ServerRoot', '', qr{AtenPortalMetadata: '\Q$root\E/conf/none\.xml' cannot be read}, 'conf/none.xml'],
    ['a directory',      '', qr{AtenPortalMetadata: '\Q$root\E/conf' is not a file}, "$root/conf"],
    ['an empty file',    '', qr{AtenPortalMetadata: @{[at('empty')]}: .}, "$root/conf/empty.xml"],
    ['a file cut off',   '', qr{AtenPortalMetadata: @{[at('cut')]}: .*line \d|AtenPortalMetadata: @{[at('cut')]}: .*XML}, "$root/conf/cut.xml"],
    ['more behind the end', '', qr{AtenPortalMetadata: @{[at('behind')]}: .*XML}, "$root/conf/behind.xml"],
    ['a page of a proxy', '', qr{AtenPortalMetadata: @{[at('html')]}: .*(?:EntityDescriptor|EntitiesDescriptor)}, "$root/conf/html.xml"],
    ['a document type',  '', qr{AtenPortalMetadata: @{[at('dtd')]}: .*document type}, "$root/conf/dtd.xml"],
    ['no identity provider', '', qr{AtenPortalMetadata: @{[at('service')]}: .*(?:IDPSSODescriptor|portal)}, "$root/conf/service.xml"],
    ['one of SAML 1.1',  '', qr{AtenPortalMetadata: @{[at('saml1')]}: .*(?:IDPSSODescriptor|portal)}, "$root/conf/saml1.xml"],
    ['a portal twice',   '', qr{AtenPortalMetadata: @{[at('twice')]}: .*\Q'$families'\E.*second}, "$root/conf/twice.xml"],
    ['... in two files', "AtenPortalMetadata $all", qr{AtenPortalMetadata: @{[at('all')]}: .*\Q'$families'\E.*second}],
    ['a file twice',     "AtenPortalMetadata $one", qr{AtenPortalMetadata: '\Q$one\E' stands twice}],
    ['an end that is no date', '', qr{AtenPortalMetadata: @{[at('until')]}: .*validUntil 'demain' is not a time.*such as}, "$root/conf/until.xml"],
    ['a portal by plain http', '', qr{AtenPortalMetadata: nobody can log in by '\Q$families\E': .*'http://familles\.forge\.example/sso' is not https}, "$root/conf/http.xml"],
    ['a portal without the redirect', '', qr{AtenPortalMetadata: nobody can log in by '\Q$families\E': no SingleSignOnService by HTTP-Redirect}, "$root/conf/post.xml"],
    (map { ["a portal whose keys are of no use: $_", '', qr{AtenPortalMetadata: nobody can log in by '\Q$families\E': no key for signatures}, "$root/conf/$_.xml"] }
        qw(nokey encryption nocert)),
    ['a portal whose name is no URI', '', qr{AtenPortal\w*: .*familles}, "$root/conf/name.xml"],
    ['nothing behind it', 'AtenPortalMetadata', qr/AtenPortalMetadata takes one argument/],
    ['two files in a line', "AtenPortalMetadata $more $all", qr/AtenPortalMetadata takes one argument/],

    # AtenPortal
    ['several portals and no default', '', qr{AtenPortal: missing, and the metadata has several portals \((?=.*\Q$families\E)(?=.*\Q$agents\E).*\); name the default}, $all],
    ['a default that is not in the file', "AtenPortal $agents", qr{AtenPortalMetadata: no portal '\Q$agents\E' in it; it has \Q$families\E}],
    ['no metadata at all', "AtenPortal $families", qr{AtenPortalMetadata: missing, and the portal '\Q$families\E' is named; give the file}, ''],
    ['nobody could log in', '', qr{AuthType aten \(\S+:\d+\): nobody could log in; name the portal with AtenPortalMetadata, or the CAS server}, ''],
    ['nothing behind it', 'AtenPortal', qr/AtenPortal: a portal is ENTITYID \[uai=034\*,030\*\] \[vectors\|staff\]/],
    ['a name that is no URI', 'AtenPortal familles', qr{AtenPortal: 'familles' is not a portal's entityID: write the entityID of its metadata, an absolute URI}],
    ['a name with a blank', 'AtenPortal "urn:x y"', qr{AtenPortal: 'urn:x y' is not a portal's entityID}],
    ['a name that is too long', "AtenPortal $long", qr{AtenPortal: 'https://a\.example/x+[^']*' is not a portal's entityID: .*at most 1024}],
    ['a portal twice', "AtenPortal $families\nAtenPortal $families vectors", qr{AtenPortal: '\Q$families\E' stands twice; put all words into one line}],
    (map { ["a scope: $_->[0]", "AtenPortal $families uai=$_->[1]", qr{AtenPortal: '\Q$_->[2]\E' in 'uai=\Q$_->[1]\E' is not a school's UAI: write seven digits and a capital letter}] }
        ['a star inside', '34*5', '34*5'], ['no star', '034', '034'], ['empty', '', ''], ['a comma too many', '034*,', ''],
        ['a small letter', '0340039x', '0340039x'], ['eight digits', '03400391*', '03400391*'], ['the second', '034*,Z', 'Z'], ['star alone', '*', '*']),
    ['two scopes', "AtenPortal $families uai=034* uai=030*", qr{AtenPortal: 'uai=030\*': the schools stand twice: write them in one uai=}],
    ['two kinds',  "AtenPortal $families vectors staff", qr{AtenPortal: 'staff': the kind of people stands twice: write vectors or staff, once}],
    ['a word that nobody knows', "AtenPortal $families pupils", qr{AtenPortal: 'pupils' is not understood: write $list}],

    # profiles that lead to a portal
    ['a profile whose portal is not in the file', $profile->("AtenBackend aten $agents"), qr{AtenPortalMetadata: no portal '\Q$agents\E' in it; it has \Q$families\E}],
    ['... from a date on', $profile->("AtenBackend aten\nAtenBackendFrom 2030-01-01 aten $educonnect"), qr{AtenPortalMetadata: no portal '\Q$educonnect\E' in it}],
    ['a profile whose portal is no URI', $profile->('AtenBackend aten familles'), qr{AtenBackend: 'familles' is not a portal's entityID}],
    ['... from a date on', $profile->("AtenBackend aten\nAtenBackendFrom 2030-01-01 aten familles"), qr{AtenBackendFrom: 'familles' is not a portal's entityID}],
    ['a profile and no metadata', "AtenCASServer https://cas.example/cas\n" . $profile->('AtenBackend aten'),
        qr{AtenBackend: profile 'x' leads to the ATEN portal, but there is no AtenPortalMetadata; give the file}, ''],
    ['a profile and no default', $profile->('AtenBackend aten'), qr{AtenPortal: missing, and the metadata has several portals}, $all],
    ['a profile to CAS, and no CAS', $profile->('AtenBackend cas'), qr{AtenBackend: profile 'x' leads to CAS, but there is no AtenCASServer}],

    # AtenPortalUnsolicited
    ['nothing behind it', 'AtenPortalUnsolicited', qr{AtenPortalUnsolicited: '' is not restart, off or accept ENTITYID}],
    ['a word', 'AtenPortalUnsolicited perhaps', qr{AtenPortalUnsolicited: 'perhaps' is not restart, off or accept ENTITYID}],
    ['off and more', "AtenPortalUnsolicited off $families", qr{AtenPortalUnsolicited: 'off' is not restart, off or accept ENTITYID}],
    ['accept of nobody', 'AtenPortalUnsolicited accept', qr{AtenPortalUnsolicited: accept needs the entityID of a portal or more}],
    ['accept of no URI', 'AtenPortalUnsolicited accept familles', qr{AtenPortalUnsolicited: 'familles' is not a portal's entityID}],
    ['accept of who is not believed', "AtenPortalUnsolicited accept $families $agents",
        qr{AtenPortalUnsolicited: '\Q$agents\E' is neither the default portal nor one that a profile leads to}],

    # AtenPortalClockSkew
    (map { ["a skew of $_", "AtenPortalClockSkew $_", qr{AtenPortalClockSkew: '\Q$_\E' is not a number of seconds from 0 to 600}] }
        qw(601 3600 -1 60s 1.5 abc 99999999999999999999)),

    # AtenPortalForceAuthn, AtenPortalAuthnContext
    ['neither on nor off', 'AtenPortalForceAuthn yes', qr/AtenPortalForceAuthn must be On or Off/],
    ['no context', 'AtenPortalAuthnContext', qr/AtenPortalAuthnContext: names the URI of an authentication context or more, or none/],
    ['a context that is no URI', 'AtenPortalAuthnContext strong', qr{AtenPortalAuthnContext: 'strong' is not an absolute URI}],
    ['none beside another', 'AtenPortalAuthnContext urn:a none', qr{AtenPortalAuthnContext: 'none' is not an absolute URI}],
    ['a context in a section', "<Location /x>\nAtenPortalAuthnContext strong\n</Location>", qr{AtenPortalAuthnContext: 'strong' is not an absolute URI}],

    # AtenServiceEntityID
    ['our name is no URI', 'AtenServiceEntityID ent', qr{AtenServiceEntityID: 'ent' is not an absolute URI of at most 1024 printable ASCII}],
    ['our name has a blank', 'AtenServiceEntityID "urn:a b"', qr{AtenServiceEntityID: 'urn:a b' is not an absolute URI}],
    ['our name is too long', "AtenServiceEntityID $long", qr{AtenServiceEntityID: 'https://a\.example/x+[^']*' is not an absolute URI of at most 1024}],
    ['our name has accents', 'AtenServiceEntityID urn:école', qr{AtenServiceEntityID: '[^']*' is not an absolute URI}],

    # AtenServiceKey, AtenServiceCertificate
    ['a key without its certificate', "AtenServiceKey $root/tls/service1.key", qr{AtenServiceKey: @{[tls('service1.key')]}: no AtenServiceCertificate}],
    ['a certificate without its key', "AtenServiceCertificate $root/tls/service1.pem", qr{AtenServiceCertificate: @{[tls('service1.pem')]}: no AtenServiceKey belongs to this certificate}],
    ['the certificate of another key', pair('service1', 'service2'), qr{AtenServiceKey: @{[tls('service1.key')]}: no AtenServiceCertificate}],
    ['one pair and one odd certificate', pair('service1') . "AtenServiceCertificate $root/tls/service2.pem", qr{AtenServiceCertificate: @{[tls('service2.pem')]}: no AtenServiceKey belongs}],
    ['one pair and one odd key', pair('service1') . "AtenServiceKey $root/tls/service2.key", qr{AtenServiceKey: @{[tls('service2.key')]}: no AtenServiceCertificate}],
    (map { ["a key with a passphrase: $_", pair($_, 'service1'), qr{AtenServiceKey: @{[tls("$_.key")]}: a key with a passphrase.*openssl pkey}] } qw(locked locked1)),
    ['no key in the file', pair('text', 'service1'), qr{AtenServiceKey: @{[tls('text.key')]}: no private key in PEM}],
    ['a public key', pair('public', 'service1'), qr{AtenServiceKey: @{[tls('public.key')]}: no private key in PEM}],
    ['no certificate in the file', pair('service1', 'text'), qr{AtenServiceCertificate: @{[tls('text.pem')]}: no certificate in PEM}],
    ['a file that is too large', pair('service1', 'large'), qr{AtenServiceCertificate: @{[tls('large.pem')]} is too large for a certificate}],
    ['a key that all may read', pair('open', 'service1'), qr{AtenServiceKey: @{[tls('open.key')]} may be read or written by others; chmod 0600}],
    ['a key that a group may read', pair('group', 'service1'), qr{AtenServiceKey: @{[tls('group.key')]} may be read or written by others; chmod 0600}],
    ($> == 0 ? ['a key of another user', pair('foreign', 'service1'), qr{AtenServiceKey: @{[tls('foreign.key')]} belongs to a user who is not root; chown root}] : ()),
    ['a key that is not there', pair('none', 'service1'), qr{AtenServiceKey: @{[tls('none.key')]} does not exist}],
    ['a certificate that is not there', pair('service1', 'none'), qr{AtenServiceCertificate: @{[tls('none.pem')]} cannot be read: No such file}],
    ['a key that is a directory', "AtenServiceKey $root/tls\nAtenServiceCertificate $root/tls/service1.pem", qr{AtenServiceKey: '\Q$root\E/tls' is not a file}],
    ['a key of 1024 bits', pair('small'), qr{AtenService(?:Key|Certificate): '\S+/tls/small\.\w+': an RSA key of 1024 bits; 2048}],
    ['a curve that is not taken', pair('curve'), qr{AtenService(?:Key|Certificate): '\S+/tls/curve\.\w+': an EC key that is not on P-256, P-384 or P-521}],
    ['Ed25519', pair('ed'), qr{AtenService(?:Key|Certificate): '\S+/tls/ed\.\w+': a key that is neither RSA nor EC}],
    ['three keys', join('', map { pair($_) } qw(service1 service2 ec)), qr{AtenServiceKey: '\Q$root\E/tls/ec\.key' is one too many: two at most}],
    ['a key twice', pair('service1') . "AtenServiceKey $root/tls/service1.key", qr{AtenServiceKey: @{[tls('service1.key')]} stands twice}],

    # plain http
    ['a base address of plain http', 'AtenBaseURL http://ent.example', qr{AtenBaseURL: 'http://ent\.example' is plain http: .*use https, or say AtenInsecureHTTP on}],

    # where they may stand
    (map { ["$_->[0] in a section", "<Location /x>\n$_->[0] $_->[1]\n</Location>", qr{$_->[0] not allowed (?:here|in <Location> context)|$_->[0] cannot occur within}] }
        ['AtenPortalMetadata', $one], ['AtenPortal', $families], ['AtenPortalUnsolicited', 'off'], ['AtenPortalClockSkew', 10],
        ['AtenServiceEntityID', 'urn:a'], ['AtenServiceKey', "$root/tls/service1.key"], ['AtenServiceCertificate', "$root/tls/service1.pem"]),
);

my @good = (
    ['one portal',                 ''],
    ['by a path below ServerRoot', '', 'conf/one.xml'],
    ['one of several',             "AtenPortal $agents staff", $all],
    ['two files',                  "AtenPortalMetadata $more\nAtenPortal $families"],
    ['a line for each portal',     "AtenPortal $families uai=034*,0300001A,0* vectors\nAtenPortal $agents staff uai=034*", $all],
    ['a portal with a line that nobody leads to', "AtenPortal $families\nAtenPortal $educonnect"],
    ['a profile for each',         "AtenPortal $families\n" . $profile->("AtenBackend aten\nAtenBackendFrom 2030-01-01 aten $agents"), $all],
    ['profiles that name theirs, and no default', $profile->("AtenBackend aten $agents"), $all],
    ['restart',                    'AtenPortalUnsolicited restart'],
    ['off',                        'AtenPortalUnsolicited off'],
    ['accept',                     "AtenPortalUnsolicited accept $families"],
    ['no skew at all',             'AtenPortalClockSkew 0'],
    ['the largest skew',           'AtenPortalClockSkew 600'],
    ['ForceAuthn for all',         'AtenPortalForceAuthn on'],
    ['contexts for all',           'AtenPortalAuthnContext urn:a urn:b'],
    ['none in a section',          "AtenPortalAuthnContext urn:a\n<Location /x>\nAtenPortalAuthnContext none\nAtenPortalForceAuthn off\n</Location>"],
    ['our name',                   'AtenServiceEntityID urn:test:ent'],
    ['an RSA key',                 pair('service1')],
    ['two keys',                   pair('service1') . pair('service2')],
    ['two keys, the certificates in another order', "AtenServiceKey $root/tls/service1.key\nAtenServiceKey $root/tls/service2.key\n"
        . "AtenServiceCertificate $root/tls/service2.pem\nAtenServiceCertificate $root/tls/service1.pem"],
    ['an EC key',                  pair('ec')],
    ['a base address of this machine', 'AtenBaseURL http://localhost:8080'],
    ['plain http that somebody wants', "AtenBaseURL http://ent.example\nAtenInsecureHTTP on"],
);

sub configtest ($lines, $metadata) {
    my $config = site($lines, defined $metadata ? (metadata => $metadata) : ());
    utf8::encode($config);
    return $bench->set_config($config)->configtest;
}

subtest 'configtest: good' => sub {
    for my $case (@good) {
        my ($why, $lines, $metadata) = @$case;
        my ($status, $output) = configtest($lines, $metadata);
        is($status, 0, $why) or diag $output;
        is(join("\n", grep { /Aten/ } split /\n/, $output), '', '... without a word');
    }
    ok(!-e "$root/state", 'and it has left nothing behind');
};

subtest 'configtest: errors' => sub {
    for my $case (@bad) {
        my ($why, $lines, $pattern, $metadata) = @$case;
        my ($status, $output) = configtest($lines, $metadata);
        my @said = grep { /Aten|AuthType/ } split /\n/, $output;
        isnt($status, 0, $why);
        is(scalar @said, 1, '... one line') or diag $output;
        like("@said", $pattern, '... that names the directive, the value and what would be right');
        unlike($output, qr/BEGIN|MII[A-Za-z0-9]|secret/, '... without a byte of a key');
    }
};

subtest 'configtest: in a virtual host' => sub {
    my $host = sub ($lines) { return "<VirtualHost *:1>\n$lines\n</VirtualHost>" };
    for my $case (
        ["AtenPortal $agents",                qr{AtenPortalMetadata: no portal '\Q$agents\E' in it}],
        ["AtenPortalMetadata $all",           qr{AtenPortal: missing, and the metadata has several portals}],
        ["AtenPortalMetadata $more\nAtenPortal $families", qr{AtenPortalMetadata: no portal '\Q$families\E' in it; it has \Q$agents\E}],
        [pair('service1', 'service2'),        qr{AtenServiceKey: @{[tls('service1.key')]}: no AtenServiceCertificate}],
        ["AtenPortalUnsolicited accept $agents", qr{AtenPortalUnsolicited: '\Q$agents\E' is neither the default portal}],
        ['AtenBaseURL http://ent.example',    qr{AtenBaseURL: 'http://ent\.example' is plain http}],
    ) {
        my ($lines, $pattern) = @$case;
        my ($status, $output) = configtest($host->($lines), $one);
        isnt($status, 0, $lines =~ s/\Q$root\E//gr);
        like($output, $pattern, '... says why');
    }
    # A virtual host has both of its own, or inherits both.
    my ($status, $output) = configtest(pair('service1') . $host->("AtenServiceCertificate $root/tls/service2.pem"), $one);
    isnt($status, 0, 'a certificate in a virtual host, the key outside');
    like($output, qr{AtenServiceCertificate: @{[tls('service2.pem')]}: no AtenServiceKey belongs}, '... says why');
    ($status, $output) = configtest($host->("AtenPortalMetadata $more\nAtenPortal $agents"), $one);
    is($status, 0, 'a virtual host with a portal of its own') or diag $output;
    ($status, $output) = configtest($host->("AtenPortal $agents"), $all);
    is($status, 0, 'metadata of several portals for all hosts, and the default in each') or diag $output;
    ($status, $output) = configtest($host->(''), $all);
    like($output, qr{AtenPortal: missing, and the metadata has several portals}, '... and in none of them');
};

$bench->clean_log_ok(qr/Aten/);

# --- what only the start says ---

subtest 'the start' => sub {
    my $server = Aten::Server->prepare(name => 'start', at => '2017-03-15 12:00:00', env => { NO_FAKE_STAT => 1 });
    my $root = $server->root;
    my %file = (
        plain   => [['familles']],
        several => [[qw(familles agents)]],
        past    => [['familles'], more => 'validUntil="2017-03-14T23:00:00Z"'],
        until   => [['familles'], more => 'validUntil="2017-03-15T11:00:01Z"'],
    );
    $portals->metadata_file("$root/conf/$_.xml", @{ $file{$_} }) for keys %file;
    my $text = Aten::Process::slurp("$root/conf/plain.xml");
    Aten::Process::spew("$root/conf/signed.xml", $text =~ s/<md:IDPSSODescriptor /<md:IDPSSODescriptor WantAuthnRequestsSigned="true" /r);
    Aten::Process::spew("$root/conf/mixed.xml", Aten::Process::slurp("$root/conf/several.xml")
        =~ s/(entityID="\Q$agents\E")/$1 validUntil="2017-03-01T00:00:00Z"/r);
    Aten::Process::spew("$root/conf/closed.xml", $text);
    chmod 0644, "$root/conf/signed.xml", "$root/conf/mixed.xml";
    chmod 0600, "$root/conf/closed.xml";
    Aten::TLS::openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', 30, '-subj', '/CN=x', '-keyout',
        "$root/tls/later.key", '-out', "$root/tls/later.pem");    # from now on, which is not 2017
    chmod 0600, "$root/tls/later.key";

    my $key    = "AtenServiceKey $root/tls/later.key\nAtenServiceCertificate $root/tls/later.pem\n";
    my $wants  = qr/\[auth_aten:warn\].*AtenServiceKey: missing, and the portal \Q$families\E wants signed requests: it will refuse logins/;
    my $past   = qr/\[auth_aten:error\].*AtenPortalMetadata: nobody can log in by \Q$families\E: its metadata was valid until 2017-03-15T00:00:00\+01:00/;
    my $agents_past = qr/\[auth_aten:error\].*AtenPortalMetadata: nobody can log in by \Q$agents\E: its metadata was valid until 2017-03-01/;
    my $unseen = qr/\[auth_aten:warn\].*AtenPortalMetadata: '\Q$root\E\/conf\/closed\.xml' cannot be read by the children \(User\)/;
    my $date   = qr/\[auth_aten:warn\].*the certificate of AtenServiceCertificate is valid from \S+ to \S+, which is not now; its key is used all the same/;
    my @cases  = (
        ['a file without fault',          "AtenPortalMetadata $root/conf/plain.xml", 'the portal'],
        ['good for a second more',        "AtenPortalMetadata $root/conf/until.xml", 'the portal'],
        ['past its validUntil',           "AtenPortalMetadata $root/conf/past.xml", 'AT0307', $past],
        ['a portal that wants signed requests, and no key', "AtenPortalMetadata $root/conf/signed.xml", 'the portal', $wants],
        ['... and a key, whose certificate is not valid', "AtenPortalMetadata $root/conf/signed.xml\n$key", 'the portal', $date],
        ['another portal of the file is past its end', "AtenPortalMetadata $root/conf/mixed.xml\nAtenPortal $families", 'the portal'],
        ['... and a profile leads there', "AtenPortalMetadata $root/conf/mixed.xml\nAtenPortal $families\n<AtenProfile eleves-parents>\n"
            . "AtenLabel x\nAtenBackend aten\nAtenBackendFrom 2030-01-01 aten $agents\n</AtenProfile>", 'the portal', $agents_past],
        $> == 0 ? ['a file that the children cannot read', "AtenPortalMetadata $root/conf/closed.xml", 'the portal', $unseen] : (),
    );
    my $started = 0;
    for my $case (@cases) {
        my ($why, $lines, $leads, @said) = @$case;
        my $mark = $server->log->mark;
        $server->set_config(site($lines, metadata => ''));
        $started++ ? $server->graceful : $server->run;
        $server->hold_time('2017-03-15 12:00:00');
        $server->log->wait_like($_, $mark) for @said;    # a child may say it after the start is over
        browser()->get($server->url('/'));
        my $log  = $server->log->since($mark);
        my @loud = grep { /\[auth_aten:(?:warn|error|crit)\]/ } split /\n/, $log;
        is(scalar @loud, scalar @said, "$why: it starts, and has " . (@said ? 'one thing' : 'nothing') . ' to say') or diag $log;
        $server->log_like($_, '... which is that', $mark) for @said;
        my $page = browser()->get($server->url('/aten/login?to=/ent&profile=eleves-parents'), until => $portals->stop);
        if ($leads eq 'the portal') { ok($portals->request_of($page, 'familles'), '... a login leads to the portal') }
        else {
            is($page->status, 503, '... a login ends in a page') or diag $page->text;
            is($page->h1, 'Le guichet ne peut pas être utilisé en ce moment', '... that says so');
            $server->log_like(qr/\[auth_aten:error\].*AT0307: .*\Q$families\E/, '... and the log', $mark);
        }
        $server->set_time('2017-03-15 12:00:00');
    }
    $server->clean_log_ok(qr/AtenBackendFrom \(profile/);
};

subtest 'the start: a virtual host that inherits the file, and leads elsewhere' => sub {
    my $server = Aten::Server->prepare(name => 'hosts', at => '2017-03-15 12:00:00');
    my $root   = $server->root;
    my $file   = $portals->metadata_file("$root/conf/all.xml", [qw(familles agents)]);
    my $text   = Aten::Process::slurp($file);
    $text =~ s/(entityID="\Q$agents\E")/$1 validUntil="2017-03-01T00:00:00Z"/;
    $text =~ s/(\Q$agents\E".*?<md:IDPSSODescriptor )/$1WantAuthnRequestsSigned="true" /s;
    Aten::Process::spew($file, $text);
    chmod 0644, $file;
    $server->set_config(<<~"END");
        AtenPortalMetadata $file
        AtenPortal $families
        Listen 127.0.0.1:\@PORT2\@
        <VirtualHost 127.0.0.1:\@PORT2\@>
            ServerName localhost
            AtenPortal $agents
        </VirtualHost>
        Listen 127.0.0.1:\@PORT3\@
        <VirtualHost 127.0.0.1:\@PORT3\@>
            ServerName localhost
        </VirtualHost>
        END
    $server->run;
    my @said = grep { /\[auth_aten:(?:warn|error)\]/ } $server->log->lines;
    is(scalar @said, 2, 'what is wrong with its portal is said, once') or diag join "\n", @said;
    $server->log_like(qr/\[auth_aten:error\].*nobody can log in by \Q$agents\E: its metadata was valid until/, '... past its end');
    $server->log_like(qr/\[auth_aten:warn\].*AtenServiceKey: missing, and the portal \Q$agents\E wants signed requests/, '... wants signatures');
    $server->clean_log_ok;
};

# --- inheritance ---

# What is set outside, and for each port what a virtual host there says instead.
my $outside = <<~'END';
    AtenPortalMetadata @ROOT@/conf/all.xml
    AtenPortal @FAMILLES@ uai=034* vectors
    AtenPortalUnsolicited off
    AtenPortalClockSkew 400
    AtenPortalForceAuthn on
    AtenPortalAuthnContext urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport
    AtenServiceEntityID urn:test:outside
    AtenServiceKey @ROOT@/tls/service1.key
    AtenServiceCertificate @ROOT@/tls/service1.pem
    AtenHome /ent/
    ScriptAlias /ent "@CGI@/env"
    <Location "/ent">
        AuthType aten
        Require valid-user
    </Location>
    END
my $ppt = 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport';
my %as_outside = (
    leads => 'familles', name => 'urn:test:outside', key => 'service1', signed => 1, force => 1, contexts => $ppt,
    unsolicited => 'AT0328', late => 'in', other_school => 'AT0346', staff => 'AT0306',
);
my @hosts = (
    [PORT  => 'nothing', '', {}],
    # Files replace those outside, whole.
    [PORT2 => 'AtenPortalMetadata', 'AtenPortalMetadata @ROOT@/conf/named.xml', {}],
    [PORT3 => 'AtenPortal', 'AtenPortal @AGENTS@', { leads => 'agents', unsolicited => 'AT0306', late => 'AT0306', other_school => 'AT0306', staff => 'in' }],
    [PORT4 => 'AtenPortalUnsolicited', 'AtenPortalUnsolicited restart', { unsolicited => 'the portal' }],
    [PORT5 => 'AtenPortalClockSkew', 'AtenPortalClockSkew 0', { late => 'the portal' }],
    [PORT6 => 'AtenServiceEntityID', 'AtenServiceEntityID urn:test:inside', { name => 'urn:test:inside' }],
    [PORT7 => 'AtenServiceKey', "AtenServiceKey \@ROOT\@/tls/service2.key\nAtenServiceCertificate \@ROOT\@/tls/service2.pem", { key => 'service2' }],
    [PORT8 => 'AtenPortalForceAuthn', 'AtenPortalForceAuthn off', { force => 0 }],
    [PORT9 => 'AtenPortalAuthnContext', 'AtenPortalAuthnContext none', { contexts => '' }],
);

sub host ($port, $lines) {
    my $listen = $port eq 'PORT' ? '' : "Listen 127.0.0.1:\@$port\@\n";
    # Ports don't separate cookies, names do.
    return "$listen<VirtualHost 127.0.0.1:\@$port\@>\nServerName localhost\nAtenSessionCookie \L$port\E\n$lines\n</VirtualHost>\n";
}

my $server = Aten::Server->prepare(
    name => 'inheritance', vars => { map { uc $_ => $portals->id($_) } qw(familles agents educonnect) },
);
$portals->metadata_file($server->root . '/conf/all.xml', [qw(familles agents educonnect)]);
$portals->metadata_file($server->root . '/conf/named.xml', ['familles']);
for my $name (qw(service1 service2)) {
    for my $kind (qw(key pem)) {
        my $file = Aten::Process::spew($server->root . "/tls/$name.$kind", Aten::Process::slurp("$root/tls/$name.$kind"));
        chmod 0600, $file;
    }
}
$server->set_config($outside . join '', map { host(@$_[0, 2]) } @hosts);
$server->run;

package Site {
    sub new ($class, $port) { return bless { port => $port }, $class }
    sub url ($self, $path = '/', %option) { return 'http://localhost:' . $server->var($self->{port}) . $path }
    sub server ($self) { return $server }
}

sub session ($browser, $port) { return $browser->jar->find(lc $port) }

# What became of a login.
sub seen ($page) {
    return 'in' if reached($page);
    return 'the portal' if $portals->request_of($page);
    my ($reference) = $page->text =~ /Référence à donner.*?: ([0-9a-f]{10})/;
    $reference //= 'none';
    my $log = $server->log->text;
    return $log =~ /\b(AT\d{4}): [^\n]*\(reference \Q$reference\E\)/ ? $1 : 'status ' . $page->status;
}

sub certificate_name ($text) {
    my ($found) = $text =~ m{<ds:X509Certificate>([^<]+)} or return 'none';
    for my $name (qw(service1 service2)) {
        my ($base64) = Aten::Process::slurp("$root/tls/$name.pem") =~ /-----BEGIN CERTIFICATE-----([^-]+)-----/;
        return $name if $base64 =~ s/\s+//gr eq $found =~ s/\s+//gr;
    }
    return 'another one';
}

# Does the signature of a redirect hold with that certificate (saml-bindings 3.4.4.1)?
sub signature_holds ($address, $name) {
    my ($signed, $value) = $address =~ /\?(SAMLRequest=.*&SigAlg=[^&]*)&Signature=([^&]*)$/ or return 0;
    my $directory = Aten::Process::temporary_directory('signature');
    Aten::Process::spew("$directory/data", $signed);
    Aten::Process::spew("$directory/value", MIME::Base64::decode(Aten::Forge::unescape($value)));
    Aten::Process::spew("$directory/key", openssl('x509', '-in', "$root/tls/$name.pem", '-pubkey', '-noout'));
    return eval { openssl('dgst', '-sha256', '-verify', "$directory/key", '-signature', "$directory/value", "$directory/data") } ? 1 : 0;
}

# Everything that the directives decide, as it can be seen from outside.
sub facts ($site) {
    my $browser = $portals->begin($site, to => '/ent/x');
    my $request = $portals->request_of($browser) // return { leads => 'nowhere: ' . $browser->page->text };
    my ($leads) = grep { $portals->request_of($browser, $_) } qw(familles agents educonnect);
    my ($name)  = $request->{text} =~ m{<(?:\w+:)?Issuer[^>]*>([^<]*)<};
    my $key     = certificate_name(browser()->get($site->url('/aten/saml/metadata'))->body);
    my $login   = sub ($who, %option) {
        my $tab = $portals->begin($site, to => '/ent/x');
        return seen($portals->pass($site, $tab, $who, audience => $name, %option));
    };
    return {
        leads => $leads, name => $name, key => $key, signed => signature_holds($request->{address}, $key),
        force => $request->{text} =~ /ForceAuthn="(?:true|1)"/ ? 1 : 0,
        contexts => join(' ', $request->{text} =~ m{<(?:\w+:)?AuthnContextClassRef>([^<]*)<}g),
        unsolicited  => seen($portals->pass($site, browser(), 'eleve', audience => $name, request => undef)),
        # Its end was 50 s ago, the person logged in 355 s ago.
        late         => $login->('eleve', now => time - 350),
        other_school => other_school($site, $name),
        staff        => $login->('agent'),
    };
}

# A pupil of a school that uai=034* does not have.
sub other_school ($site, $name) {
    my $browser = $portals->begin($site, to => '/ent/x');
    my $answer  = $portals->forge->make({ name => 'identity/scope-school' }, $site, $portals->request_of($browser),
        audience => $name, portal => 'familles');
    return seen($portals->forge->post($site, $browser, $answer));
}

for my $host (@hosts) {
    my ($port, $what, undef, $different) = @$host;
    subtest "a virtual host that says $what" => sub {
        my %expected = (%as_outside, %$different);
        my $facts    = facts(Site->new($port));
        is($facts->{$_}, $expected{$_}, "$_: " . (exists $different->{$_} ? 'its own' : 'inherited')) for sort keys %expected;
    };
}

# --- two virtual hosts, two portals ---

subtest 'two portals, two sites' => sub {
    my $two = Aten::Server->prepare(name => 'two sites', vars => { map { uc $_ => $portals->id($_) } qw(familles agents) });
    $portals->metadata_file($two->root . '/conf/all.xml', [qw(familles agents)]);
    # One cookie name, one host: only the portal tells them apart.
    my $place = "ScriptAlias /ent \"\@CGI\@/env\"\n<Location \"/ent\">\nAuthType aten\nRequire valid-user\n</Location>";
    $two->set_config(<<~"END");
        AtenPortalMetadata \@ROOT\@/conf/all.xml
        AtenPortal \@FAMILLES\@
        $place
        Listen 127.0.0.1:\@PORT2\@
        <VirtualHost 127.0.0.1:\@PORT2\@>
            ServerName localhost
            AtenPortal \@AGENTS\@
        </VirtualHost>
        Listen 127.0.0.1:\@PORT3\@
        <VirtualHost 127.0.0.1:\@PORT3\@>
            ServerName localhost
            AtenPath /connexion
        </VirtualHost>
        Listen 127.0.0.1:\@PORT4\@
        <VirtualHost 127.0.0.1:\@PORT4\@>
            ServerName ent.example
            AtenBaseURL https://ent.example
            AtenServiceEntityID urn:test:ent
        </VirtualHost>
        Listen 127.0.0.1:\@PORT5\@
        <VirtualHost 127.0.0.1:\@PORT5\@>
            ServerName plain.example
        </VirtualHost>
        END
    $two->run;
    my $base  = sub ($port, $host = 'localhost') { return "http://$host:" . $two->var($port) };
    my %site  = map { my $port = $_; $port => (bless { base => $base->($port), two => $two }, 'TwoSite') } qw(PORT PORT2 PORT3);

    my $families = $portals->login($site{PORT}, 'parent', to => '/ent/');
    is(identity_of($families)->{REMOTE_USER}, $portals->user('parent'), 'a parent at the one');
    my @there = (from => $base->('PORT2') . '/');
    is($families->fetch($base->('PORT2') . '/aten/session', @there)->json->{authenticated}, JSON::PP::false(), 'is nobody at the other');
    is($families->fetch($base->('PORT2') . '/ent/', @there)->status, 401, '... a script there is asked to log in');
    $two->log_like(qr/\[auth_aten:debug\].*AT0133: /, '... and the log says why');
    is(identity_of($families->get($base->('PORT') . '/ent/'))->{ATEN_ROLE}, 'parent', 'still a parent at the one');
    my $page = $families->get($base->('PORT2') . '/ent/', until => $portals->stop);
    ok(!reached($page), 'a page of the other does not open');
    ok($portals->request_of($page, 'agents'), '... but leads to its own portal');
    my $staff = $portals->login($site{PORT2}, 'agent', to => '/ent/', profile => 'eleves-parents');
    is(identity_of($staff)->{ATEN_ROLE}, 'personnel', 'an agent at the other');
    ok(!reached($staff->get($base->('PORT') . '/ent/', until => $portals->stop)), '... is nobody at the one');

    my $mark  = $two->log->mark;
    my $tab   = $portals->begin($site{PORT}, to => '/ent/');
    my $other = $portals->answer($site{PORT}, $tab, 'parent', acs => $base->('PORT2') . '/aten/saml/acs',
        audience => $base->('PORT2') . '/aten/saml/metadata');
    my $sent = $portals->forge->post($site{PORT2}, browser(), $other);
    is($sent->status, 403, 'an answer of the one\'s portal at the other');
    $two->log_like(qr/AT0306: .*\Q@{[ $portals->id ]}\E/, '... whom it does not believe', $mark);

    my %expected = (
        PORT  => [$base->('PORT') . '/aten/saml/metadata',  $base->('PORT') . '/aten/saml/acs',       '/aten'],
        PORT2 => [$base->('PORT2') . '/aten/saml/metadata', $base->('PORT2') . '/aten/saml/acs',      '/aten'],
        PORT3 => [$base->('PORT3') . '/connexion/saml/metadata', $base->('PORT3') . '/connexion/saml/acs', '/connexion'],
        PORT4 => ['urn:test:ent', 'https://ent.example/aten/saml/acs', '/aten', 'ent.example'],
    );
    for my $port (sort keys %expected) {
        my ($name, $acs, $path, $host) = @{ $expected{$port} };
        my $text = browser()->get($base->($port, $host // 'localhost') . "$path/saml/metadata")->body;
        like($text, qr/entityID="\Q$name\E"/, "$port: its own name");
        like($text, qr/AssertionConsumerService[^>]*Location="\Q$acs\E"/, '... and address');
        my $page = browser()->get($base->($port, $host // 'localhost') . "$path/login?profile=eleves-parents&to=/ent/", until => $portals->stop);
        my $sent = $portals->request_of($page)->{text};
        like($sent, qr{Issuer[^>]*>\Q$name\E<}, '... in the request too');
        like($sent, qr{AssertionConsumerServiceURL="\Q$acs\E"}, '... both');
    }
    my $evil = browser(headers => { host => 'evil.example' })->get($base->('PORT') . '/aten/saml/metadata');
    unlike($evil->body, qr/evil/, 'whatever Host says');

    # Plain http elsewhere: no login begins, ends, or leaves for a portal.
    $mark = $two->log->mark;
    for my $path ('/ent/', '/aten/login?profile=eleves-parents', '/aten/saml/metadata', '/aten/saml/done?state=' . 'A' x 22 . '.0.x') {
        my $page = browser()->get($base->('PORT5', 'plain.example') . $path);
        is($page->status, 403, "plain http elsewhere: $path");
        is($page->h1, 'Cette adresse n’est pas protégée', '... says so');
        is_deeply([$page->header_all('set-cookie')], [], '... no cookie');
    }
    $page = browser()->post_form($base->('PORT5', 'plain.example') . '/aten/saml/acs', { SAMLResponse => 'x' }, from => $portals->forge->address);
    is($page->status, 403, '... /aten/saml/acs');
    $two->log_like(qr/\[auth_aten:error\].*AT0108: .*http:\/\/plain\.example/, '... and the log', $mark);
    $two->clean_log_ok(qr/AT0306: /);
};

package TwoSite {
    sub url ($self, $path = '/', %option) { return "$self->{base}$path" }
    sub server ($self) { return $self->{two} }
}

$server->clean_log_ok(qr/\[auth_aten:warn\].*AT03\d\d: .*\(reference/);
done_testing;
