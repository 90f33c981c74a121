package Aten::ForgeLogout;

# Single Logout messages of the forged portals (t/forge/logout.py, cases_logout.py), for tests of our logout service:
#
#     my $forge  = Aten::Forge->new(logout => 1);      # portals whose metadata says where to log out
#     my $server = Aten::Server->new(config => $forge->config, name => 'logout');
#     my $logout = Aten::ForgeLogout->new($forge, $server);
#
# A person logs in by a portal with a NameID and a SessionIndex that the test chooses:
#
#     my $browser = $logout->login(name_id => 'n1', session_index => 's1');   # also: portal => 'agents', browser => ...
#
# A good message of the portal, sent by this browser (across sites, as a page of the portal would):
#
#     my $message = $logout->good(kind => 'request', binding => 'redirect', name_id => 'n1',
#         session_indexes => ['s1', 's2'], relay_state => 'r', id => '_x');   # all but kind and binding have defaults
#     my $page = $logout->send($browser, $message);
#     my $said = $logout->read($page);     # what we answered the portal; undef if the page doesn't lead to a portal
#         # {portal, at => 'logout_redirect_response', binding => 'redirect' (or 'post': a form on the page), parameter,
#         #  root, id, in_response_to, destination, issuer, status, name_id, session_indexes, relay_state, signed, ...};
#         #  signed: by one of the service's keys, over the address or over the message
#     $logout->good(kind => 'response', binding => 'post', in_response_to => $said->{id}, status => [...]);
#
# The cases, forged ones and good ones, each with what has to become of it:
#
#     for my $case ($logout->cases) {      # {name, why, binding, kind, expect}
#         my $message = $logout->make($case, name_id => 'n1', session_indexes => ['s1'], in_response_to => ...);
#         my $page = $logout->send($browser, $message);
#         # expect => {refused => ['AT0313', ...]}: one of these tags stands in the log, nobody's session ended;
#         # expect => {good => 'done'}, or 'partial', 'failed' (responses): believed. No log has any of
#         # @{ $message->{secrets} }, and $forge->contacted stays 0.
#     }
#
# A message: {method, query (raw, without '?'), type, body, binding, kind, id, relay_state, secrets}.
# Portals (see slo() in t/forge/keys.py): familles takes requests and responses at two addresses, and has HTTP-POST too;
# agents has HTTP-Redirect alone, one address for both; educonnect HTTP-POST alone; the others do not take part.

use v5.36;
use Aten::Browser ();
use Time::HiRes ();

sub new ($class, $forge, $server) {
    return bless { forge => $forge, server => $server, made => 0 }, $class;
}

# Our single logout service's address.
sub address ($self) { return $self->{server}->url('/aten/saml/logout') }

# Log in by a portal. Options: name_id, session_index, portal (familles), browser, to, case => name of another answer.
sub login ($self, %option) {
    my ($forge, $server) = @$self{qw(forge server)};
    my $browser = $option{browser} // Aten::Browser->new;
    my $portal  = $option{portal} // 'familles';
    my $name    = $option{case} // ($portal eq 'agents' ? 'identity/staff' : 'good/signed-assertion');
    my $request = $forge->begin($server, $browser, profile => $portal, to => $option{to} // '/ent/');
    my ($case)  = grep { $_->{name} eq $name } $forge->cases;
    die "no such case: $name" if !$case;
    my $answer = $forge->make(
        { %$case, profile => $portal }, $server, $request,
        map { $_ => $option{$_} } grep { defined $option{$_} } qw(name_id session_index),
    );
    $forge->post($server, $browser, $answer);
    return $browser;
}

# --- messages ---

# Every case, or those whose names match.
sub cases ($self, $which = qr//) {
    $self->{cases} //= $self->{forge}->ask(do => 'logout-list')->{cases};
    return grep { $_->{name} =~ $which } @{ $self->{cases} };
}

# The message of a case. Options: name_id, session_indexes, id, in_response_to, relay_state, status (of a response:
# codes, the outer one first), portal (familles), now (seconds), address (our service's).
sub make ($self, $case, %option) { return $self->message(case => $case->{name}, %option) }

# A good message. Options: kind => 'request' or 'response', binding => 'redirect' or 'post', and those of make.
sub good ($self, %option) { return $self->message(kind => 'request', binding => 'redirect', %option) }

sub message ($self, %option) {
    my $made = $self->{made}++;
    return $self->{forge}->ask(
        do => 'logout', address => $self->address, now => int Time::HiRes::time, listener => $self->{forge}->address,
        in_response_to => "_nobody$made", %option,
    );
}

# --- to the service and back ---

# Send it as the portal does: the browser goes there, or a page of the portal posts the form by itself. Ends where the
# redirects end, or before a portal. Options: those of Aten::Browser.
sub send ($self, $browser, $message, %option) {
    my $query = $message->{method} eq 'GET' ? "?$message->{query}" : '';
    return $browser->navigate(
        method => $message->{method}, url => $self->address . $query, from => 'https://familles.forge.example/slo',
        until => sub ($address) { defined $self->portal_of($address) },
        $query ? () : (type => $message->{type}, body => $message->{body}), %option,
    );
}

# Whose logout address is that? (portal, which: logout_redirect, logout_redirect_response, ...), or nothing.
sub portal_of ($self, $address) {
    my $entities = $self->{forge}{entities};
    for my $portal (sort keys %$entities) {
        for my $which (qw(logout_redirect logout_redirect_response logout_post logout_post_response)) {
            my $its = $entities->{$portal}{$which} // next;
            return wantarray ? ($portal, $which) : $portal if $address =~ /^\Q$its\E(?:\?|$)/;
        }
    }
    return wantarray ? () : undef;
}

# What we say to a portal, by the address that this page leads to (its Location) or by a form on it; undef if it says
# nothing to any. Takes an address too.
sub read ($self, $page) {
    my $address = ref $page ? $page->location : $page;
    my ($portal, $at) = defined $address ? $self->portal_of($address) : ();
    if ($portal) {
        my $said = $self->{forge}->ask(do => 'logout-read', query => $address =~ s/^[^?]*\?//r);
        return { %$said, portal => $portal, at => $at, address => $address, binding => 'redirect' };
    }
    return ref $page ? $self->read_form($page) : undef;
}

sub read_form ($self, $page) {
    for my $form ($page->forms) {
        my ($portal, $at) = $self->portal_of($form->{action} // '');
        next if !$portal;
        my %fields = map { @$_ } grep { defined $_->[1] } @{ $form->{fields} };
        my $said   = $self->{forge}->ask(do => 'logout-read', fields => \%fields);
        return { %$said, portal => $portal, at => $at, address => $form->{action}, binding => 'post' };
    }
    return undef;
}

1;
