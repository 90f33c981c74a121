package Aten::Bench::Portal;

# A portal for measuring, and logins by it. Its answers are made by the generator of t/forge, which stands beside the
# way of a login: whatever they cost, httpd's threads don't see it.

use v5.36;
use Aten::Browser ();
use Aten::Forge ();
use Aten::Process ();
use MIME::Base64 ();

my $portal = 'familles';

# What the answers may look like: one of the generator's cases each.
my %case = (
    assertion => 'good/signed-assertion',
    response  => 'good/signed-response',
    both      => 'good/signed-assertion-and-response',
    encrypted => 'encryption/gcm256-assertion-and-response',
);

sub new ($class) {
    my $forge = Aten::Forge->new;
    my $self  = bless { forge => $forge, directory => Aten::Process::temporary_directory('portal') }, $class;
    $self->{certificate} = $self->signing_certificate;
    return $self;
}

sub entity_id ($self) { return $self->{forge}->entity_id($portal) }
sub is_portal ($self, $address) { return $self->{forge}->is_portal($address) }

# A key and its certificate for a service, PEM files that httpd can read at its start: {key, certificate}.
sub service_key ($self) { return $self->{forge}{service}[0] }

sub service_certificate ($self) {
    return Aten::Process::slurp($self->service_key->{certificate}) =~ s/-----[^-]+-----|\s//gr;
}

# Metadata with one key, so that nobody tries several: by OPTION signed => 1 it asks for signed requests.
sub metadata_file ($self, %option) {
    my $signed = $option{signed} ? 'true' : 'false';
    my $sso    = $self->{forge}{entities}{$portal}{sso};
    return Aten::Process::spew("$self->{directory}/portal-$signed.xml", <<~"END");
        <md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"
            xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="@{[$self->entity_id]}">
          <md:IDPSSODescriptor WantAuthnRequestsSigned="$signed"
              protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
            <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data>
              <ds:X509Certificate>$self->{certificate}</ds:X509Certificate>
            </ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
            <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="$sso"/>
          </md:IDPSSODescriptor>
        </md:EntityDescriptor>
        END
}

# One of its answers brings the certificate along.
sub signing_certificate ($self) {
    my $answer = $self->make('good/key-info', 'https://service.example/acs', 'https://service.example', {});
    my ($text) = message_of($answer) =~ m{<ds:X509Certificate>([^<]+)<} or die "no certificate in the answer\n";
    return $text;
}

sub make ($self, $case, $acs, $audience, $request) {
    return $self->{forge}->ask(
        do => 'make', case => $case, acs => $acs, audience => $audience, portal => $portal, now => time,
        in_response_to => $request->{id}, relay_state => $request->{relay_state},
    );
}

# An answer in one of the forms above.
sub answer ($self, $form, $acs, $audience, $request) {
    return $self->make($case{$form}, $acs, $audience, $request);
}

# The XML of an answer.
sub message_of ($answer) {
    my ($base64) = $answer->{body} =~ /(?:^|&)SAMLResponse=([^&]*)/ or die "no answer\n";
    return MIME::Base64::decode(Aten::Forge::unescape($base64));
}

# --- logins ---

# One login of a new browser, and the nanoseconds that each step used: {go, post, done, page}; done is 0 where there is
# no such step. The login begins on a connection of its own, and goes on, when the person has typed their password
# elsewhere, on another one.
# Options: server, path, acs, audience, form => of the answer, from => the page that posts it.
sub login ($self, %option) {
    my ($server, $browser, %ns) = ($option{server}, Aten::Browser->new(secure_loopback => 1));
    my $step = sub ($name, $do) {
        my $before = $server->settled_ns;
        $do->();
        $ns{$name} = $server->settled_ns - $before;
    };
    my $start = $server->url($option{path});
    $step->(go => sub { $browser->get($start, until => sub ($to) { $self->is_portal($to) }) });
    my $request = $self->{forge}->request_of($browser->page) // failed($server, $browser, 'no request to the portal');
    my $answer  = $self->answer($option{form}, @option{qw(acs audience)}, $request);
    $browser->{http} = $browser->make_client;
    $step->(post => sub {
        $browser->navigate(method => 'POST', url => $option{acs}, body => $answer->{body}, type => $answer->{type},
            from => $option{from}, follow => 0);
    });
    $ns{done} = 0;
    my $to = $browser->page->location // failed($server, $browser, 'the answer was not taken');
    if ($to =~ m{/saml/done\?}) {
        $step->(done => sub { $browser->get($to, follow => 0) });
        $to = $browser->page->location // failed($server, $browser, 'the login did not end');
    }
    $step->(page => sub { $browser->get($to, follow => 0) });
    failed($server, $browser, 'not the page that was asked for')
        if $browser->page->status != 200 || length $browser->page->body != 1024;
    return \%ns;
}

sub failed ($server, $browser, $what) {
    my $page = $browser->page;
    die "$what: " . $page->status . ' ' . $page->url . ' ' . ($page->location // '') . "\n" . $page->text . "\n"
        . $server->log->text;
}

1;
