package Aten::Portals;

# People who come by a portal, for tests where what the portal says is not in question: the portals of Aten::Forge answer
# at once, well, and at whatever date the server believes.

use v5.36;
use Aten::Forge ();
use Aten::Process ();
use Aten::URL ();
use Time::HiRes ();

# account => the case of t/forge that is this person, and the portal that knows them.
my %people = (
    eleve  => ['good/signed-assertion', 'familles'],
    parent => ['identity/parent-three', 'familles'],
    agent  => ['identity/staff',        'agents'],
);

sub new ($class, %option) { return bless { forge => Aten::Forge->new(%option) }, $class }

sub forge ($self) { return $self->{forge} }
sub id    ($self, $portal = 'familles') { return $self->{forge}->entity_id($portal) }

# REMOTE_USER of an account.
sub user ($self, $who) { return $self->case_of($who)->{expect}{in}{user} }

sub case_of ($self, $who) {
    my ($case) = grep { $_->{name} eq ($people{$who} // die "no account $who")->[0] } $self->{forge}->cases;
    return $case // die "the forge has no case $people{$who}[0]";
}

# A file with these portals alone, and nothing in it that a start would have to speak of. Option more => attributes of
# each entity.
sub metadata_file ($self, $file, $portals, %option) {
    my $text = Aten::Process::slurp($self->{forge}{metadata});
    my ($root) = $text =~ /^(<md:EntitiesDescriptor [^>]*>)/;
    my %entity = map { /^<md:EntityDescriptor entityID="([^"]+)"/ ? ($1 => $_) : () }
        $text =~ m{(<md:EntityDescriptor .*?</md:EntityDescriptor>)}gs;
    my @wanted = map { $entity{ $self->id($_) } // die "no portal $_" } @$portals;
    my $more   = $option{more} ? " $option{more}" : '';
    for (@wanted) {
        # The forge has more keys than one for its cases; the longest certificate is that of the usual one.
        my ($key) = sort { length $b <=> length $a } m{(<md:KeyDescriptor use="signing">.*?</md:KeyDescriptor>)}gs;
        s{<md:KeyDescriptor.*</md:KeyDescriptor>}{$key}s;
        s{ WantAuthnRequestsSigned="true"}{};
        s{^<md:EntityDescriptor}{<md:EntityDescriptor$more};
    }
    Aten::Process::spew("$file.new", join "\n", $root, @wanted, "</md:EntitiesDescriptor>\n");
    chmod 0644, "$file.new";
    rename "$file.new", $file or die "rename: $!";
    return $file;
}

# --- a login ---

# For a browser's `until`: stop before a portal.
sub stop ($self) { return sub ($address) { $self->{forge}->is_portal($address) } }

# Does the page lead to this portal? Its request then: {id, relay_state, address, text}.
sub request_of ($self, $page, $portal = undef) {
    $page = $page->page if $page->isa('Aten::Browser');
    my $request = $self->{forge}->request_of($page) // return undef;
    return undef if $portal && index($request->{address}, $self->{forge}{entities}{$portal}{sso}) != 0;
    my ($field) = $request->{address} =~ /[?&]SAMLRequest=([^&]*)/;
    $request->{text} = Aten::Forge::inflate(MIME::Base64::decode(Aten::Forge::unescape($field)));
    return $request;
}

# The time that the server believes (its file for libfaketime says), or ours.
sub now_of ($server) {
    my $text = Aten::Process::slurp($server->root . '/conf/faketime');
    return Time::HiRes::time() if !length $text;
    return $text =~ /^([+-][\d.]+)s/ ? Time::HiRes::time() + $1 : $text + 0;
}

# The portal's answer for that person to the request at which the browser stands. SITE has ->url, and is the Aten::Server
# or has it as ->server. Options: portal => another one than the person's own, request => undef: nobody asked; and what the
# forge takes.
sub answer ($self, $site, $browser, $who, %option) {
    my $case    = $option{case} ? { name => delete $option{case} } : $self->case_of($who);
    my $request = exists $option{request} ? delete $option{request} : $self->request_of($browser)
        // die 'the browser does not stand before a portal: ' . $browser->page->url . "\n" . $browser->page->text;
    my $server  = $site->can('server') ? $site->server : $site;
    return $self->{forge}->make($case, $site, $request // {}, portal => $people{$who}[1], now => int now_of($server), %option);
}

# ... sent, as a page of the portal does by itself. Ends where the redirects end, or before a portal.
sub pass ($self, $site, $browser, $who, %option) {
    my %post = map { $_ => delete $option{$_} } grep { exists $option{$_} } qw(follow until headers);
    return $self->{forge}->post($site, $browser, $self->answer($site, $browser, $who, %option), %post);
}

# Begin by a link to the login page, up to the portal. Options: to, profile, browser, switch => 1.
sub begin ($self, $site, %option) {
    my $browser = $option{browser} // Aten::Browser->new;
    my $query   = 'to=' . Aten::URL::escape($option{to} // '/ent/') . '&profile=' . ($option{profile} // 'eleves-parents')
        . ($option{switch} ? '&switch=1' : '');
    $browser->get($site->url("/aten/login?$query"), until => $self->stop);
    return $browser;
}

# The whole login. Returns the browser.
sub login ($self, $site, $who, %option) {
    my %begin   = map { $_ => delete $option{$_} } grep { exists $option{$_} } qw(to profile browser switch);
    $begin{profile} //= 'agents' if $people{$who}[1] eq 'agents';
    my $browser = $self->begin($site, %begin);
    $self->pass($site, $browser, $who, %option);
    return $browser;
}

1;
