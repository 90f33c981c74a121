package Aten::Guichet;

# The demo's ATEN portals (demo/guichet/server.py, over Debian's python3-pysaml2), for one test.

use v5.36;
use parent 'Aten::Process';

# Start them on a free port, wait until they answer. Options: service => address or file of the service's metadata,
# which they read when somebody comes from there; port => N; lock_seconds => N, link_seconds => N; signed_requests => 1.
sub new ($class, %option) {
    my $self = bless {%option}, $class;
    $self->{state} = Aten::Process::temporary_directory('guichet');
    $self->{port} //= Aten::Process::free_port();
    return $self->run;
}

# Start the program; again after ->stop: same port, keys and accounts, nobody logged in. Options as above.
sub run ($self, %option) {
    @$self{keys %option} = values %option;
    my @command = (
        '/usr/bin/python3', Aten::Process::top() . '/demo/guichet/server.py', '--port', $self->{port},
        '--state', $self->{state}, '--metadata', $self->metadata,
        '--service', $self->{service} // "$self->{state}/no-service.xml",
        map({ defined $self->{$_} ? ('--' . tr/_/-/r, $self->{$_}) : () } qw(lock_seconds link_seconds)),
        $self->{signed_requests} ? '--signed-requests' : (),
    );
    $self->launch(name => 'ATEN portal', command => \@command, output => "$self->{state}/log");
    return $self->wait_for(sub { Aten::Process::listening($self->{port}) });
}

# The file with the metadata of both portals.
sub metadata ($self) { return "$self->{state}/metadata.xml" }

# A portal's page, 'familles' or 'agents', and its entityID.
sub url       ($self, $portal, $place = '') { return "http://127.0.0.1:$self->{port}/$portal/$place" }
sub entity_id ($self, $portal)              { return $self->url($portal, 'saml/metadata') }
sub log       ($self)                       { return $self->output_text }

1;
