package Aten::Forge;

# Portals whose keys are the test's own (t/forge/server.py): they answer whatever the test wants, well made or forged.
# One process makes all answers of a test.

use v5.36;
use parent 'Aten::Process';
use Aten::Process ();
use Aten::Server ();
use Aten::TLS ();
use Aten::URL ();
use IO::Select ();
use IO::Socket::INET ();
use IPC::Open2 ();
use JSON::PP ();
use MIME::Base64 ();
use Socket ();
use Time::HiRes ();

my $json = JSON::PP->new->utf8;

# Start it; keys for the service are made here, and their certificates given to it. Options: logout => 1: the portals'
# metadata says where to log out (see Aten::ForgeLogout).
sub new ($class, %option) {
    my $self = bless { directory => Aten::Process::temporary_directory('forge'), %option }, $class;
    $self->{service} = [map { { key => "$_.key", certificate => "$_.pem" } }
        map { "$self->{directory}/service$_" } 1, 2];
    my @command = (
        'setpriv', '--pdeathsig', 'TERM', '--', '/usr/bin/python3', Aten::Process::top() . '/t/forge/server.py',
        map { ('--service-certificate', $_->{certificate}) } @{ $self->{service} },
    );
    $self->{pid} = IPC::Open2::open2(my $out, my $in, @command);
    @$self{qw(owner out in)} = ($$, $out, $in);
    make_service_key($_) for @{ $self->{service} };
    $self->{listener} = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 10)
        // die "listen: $!";
    $self->{metadata} = "$self->{directory}/metadata.xml";
    $self->{entities} = $self->ask(
        do => 'metadata', file => $self->{metadata}, logout => $self->{logout} ? 1 : 0,
    )->{entities};
    return $self;
}

sub DESTROY ($self) {
    return if !$self->{pid} || $self->{owner} != $$;
    local ($?, $!);
    close $self->{in};
    waitpid $self->{pid}, 0;
    return;
}

sub make_service_key ($file) {
    Aten::TLS::openssl(qw(req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj /CN=service -keyout), $file->{key},
        '-out', $file->{certificate});
    chmod 0600, $file->{key};
    return;
}

sub ask ($self, %what) {
    print { $self->{in} } $json->encode(\%what), "\n";
    $self->{in}->flush;
    my $line = readline($self->{out}) // die 'the forge is gone';
    my $said = $json->decode($line);
    die "forge: $said->{error}\n" if $said->{error};
    $said->{body} = '';
    read $self->{out}, $said->{body}, $said->{bytes} if $said->{bytes};
    return $said;
}

# Every case, in order: {group, name, why, expect, profile, to}.
sub cases ($self, @groups) {
    my %wanted = map { $_ => 1 } @groups;
    $self->{cases} //= $self->ask(do => 'list')->{cases};
    return grep { !@groups || $wanted{ $_->{group} } } @{ $self->{cases} };
}

sub entity_id ($self, $portal) { return $self->{entities}{$portal}{entity_id} }

# Is that an address of one of its portals?
sub is_portal ($self, $address) { return scalar grep { index($address, $_->{sso}) == 0 } values %{ $self->{entities} } }

# Where a message may point to, and nobody may look. Did anybody connect since the last question?
sub address ($self) { return 'http://127.0.0.1:' . $self->{listener}->sockport }

sub contacted ($self) {
    my $count = 0;
    while (IO::Select->new($self->{listener})->can_read(0)) {
        $self->{listener}->accept;
        $count++;
    }
    return $count;
}

# --- the service ---

# Configuration of a service that believes these portals. Options: inside => more lines of the server.
sub config ($self, %option) {
    my ($first, $second) = @{ $self->{service} };
    my %id = map { $_ => $self->entity_id($_) } keys %{ $self->{entities} };
    my $profiles = join '', map {
        qq{<AtenProfile $_>\nAtenLabel fr "$_"\nAtenBackend aten $id{$_}\n</AtenProfile>\n}
    } qw(familles agents educonnect perime);
    my $more = $option{inside} // '';
    return <<~"END";
        AtenPortalMetadata $self->{metadata}
        AtenPortal $id{familles} uai=034*,030* vectors
        AtenPortal $id{agents} uai=034* staff
        AtenPortal $id{educonnect}
        AtenPortal $id{perime}
        AtenPortalUnsolicited accept $id{educonnect}
        AtenServiceKey $first->{key}
        AtenServiceKey $second->{key}
        AtenServiceCertificate $first->{certificate}
        AtenServiceCertificate $second->{certificate}
        AtenBaseURL \@BASE\@
        AtenHome /ent/accueil
        $profiles
        $more
        ScriptAlias /ent "\@CGI\@/env"
        ScriptAlias /fort "\@CGI\@/env"
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        <Location "/fort">
            AuthType aten
            Require valid-user
            AtenPortalForceAuthn on
            AtenPortalAuthnContext urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport
        </Location>
        END
}

# What the module says of this configuration at each start: keys and entities of the metadata that cannot be used.
sub start_lines ($self) {
    return qr{\[auth_aten:\w+\] \[[^\]]*\] (?:.*\.forge\.example/idp|new session keys)};
}

# --- a login ---

# A browser begins a login, and stops before the portal: what the portal would have got. Options: profile, to, browser.
sub begin ($self, $server, $browser, %option) {
    my $to   = $option{to} // '/ent/';
    my $page = $browser->get(
        $server->url('/aten/login?profile=' . ($option{profile} // 'familles') . '&to=' . Aten::URL::escape($to)),
        until => sub ($address) { $self->is_portal($address) },
    );
    return $self->request_of($page) // die 'no request to the portal: ' . $page->status . ' ' . $page->text;
}

# The request on its way to a portal: {id, relay_state, address}; undef if that page doesn't lead there.
sub request_of ($self, $page) {
    my $address = $page->location // return undef;
    return undef if !$self->is_portal($address);
    my %parameter = map { map { unescape($_) } split /=/, $_, 2 } split /&/, $address =~ s/^[^?]*\?//r;
    my ($id) = inflate(MIME::Base64::decode($parameter{SAMLRequest} // '')) =~ /\bID="([^"]+)"/;
    return { id => $id, relay_state => $parameter{RelayState}, address => $address };
}

sub unescape ($text) { return $text =~ tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger }

sub inflate ($data) {
    require Compress::Raw::Zlib;
    my ($stream) = Compress::Raw::Zlib::Inflate->new(-WindowBits => -Compress::Raw::Zlib::MAX_WBITS());
    $stream->inflate($data, my $text);
    return $text // '';
}

# The answer of a case to a request. Options: now, portal, name_id, session_index (the person's NameID and SessionIndex).
sub make ($self, $case, $server, $request, %option) {
    return $self->ask(
        do => 'make', case => $case->{name}, acs => $server->url('/aten/saml/acs'),
        audience => $server->url('/aten/saml/metadata'), in_response_to => $request->{id},
        relay_state => $request->{relay_state}, now => int Time::HiRes::time, listener => $self->address,
        portal => $case->{profile} // 'familles', %option,
    );
}

# Send it, as a page of the portal does by itself: across sites, so that Lax cookies stay at home. Ends where the
# redirects end, or before a portal.
sub post ($self, $server, $browser, $answer, %option) {
    without_delay($browser);
    return $browser->navigate(
        method => $answer->{method}, url => $server->url("/aten/saml/acs$answer->{query}"),
        from => $self->{entities}{familles}{sso}, headers => $answer->{headers}, type => $answer->{type},
        until => sub ($address) { $self->is_portal($address) },
        $answer->{method} =~ /^(?:GET|HEAD)$/ ? () : (body => $answer->{body}), %option,
    );
}

# A body goes out in a segment of its own: the kernel would keep it back until the head's is acknowledged, 40 ms later.
sub without_delay ($browser) {
    my $handle = $browser->{http}{handle} // return;
    setsockopt $handle->{fh}, Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1 if $handle->{fh} && $handle->{fh}->connected;
    return;
}

1;
