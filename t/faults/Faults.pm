package Faults;

# The misbehaving CAS server (server.py), for one test.

use v5.36;
use parent 'Aten::Process';
use Aten::Process ();
use HTTP::Tiny ();
use JSON::PP ();

my $json = JSON::PP->new->utf8;

# What no log and no page may show; who may never be let in.
our $MARKER = 'Zvaleurmarquee';
our $VICTIM = 'admin';

sub program () { return Aten::Process::top() . '/t/faults/server.py' }

# Start one on free ports, wait until it answers. Options: tls => 0, seconds => N (its own end).
sub new ($class, %option) {
    my $self      = bless {%option}, $class;
    my $directory = Aten::Process::temporary_directory('faults');
    my @command   = (
        '/usr/bin/python3', program(), '--max-seconds', $option{seconds} // 900, '--log', "$directory/journal",
        $option{tls} // 1 ? () : '--no-tls',
    );
    $self->launch(name => 'fault server', command => \@command, output => "$directory/output");
    $self->wait_for(sub { $self->output_text =~ /^\{.*\}$/m });
    $self->{ready} = $json->decode($self->output_text =~ /^(\{.*\})$/m);
    return $self;
}

# Every scenario: {name => what it does}.
sub scenarios ($class) {
    open my $list, '-|', '/usr/bin/python3', program(), '--list' or die "server.py: $!";
    local $/;
    return $json->decode(scalar <$list>);
}

sub port ($self, $name) { return $self->{ready}{ports}{$name} // die "no port $name" }
sub ca ($self) { return $self->{ready}{ca} }

# The CAS server that behaves so.
sub url ($self, $scenario) { return 'http://127.0.0.1:' . $self->port('http') . "/$scenario" }
sub tls_url ($self, $port, $scenario = 'good') { return 'https://localhost:' . $self->port($port) . "/$scenario" }

sub control ($self, $call, $body = undef) {
    my @what   = defined $body ? ('POST', { content => $body }) : ('GET', {});
    my $client = HTTP::Tiny->new(timeout => 10, no_proxy => ['127.0.0.1']);
    my $answer = $client->request($what[0], $self->url("_control/$call"), $what[1]);
    die "control $call: $answer->{status} $answer->{content}" if !$answer->{success};
    return JSON::PP->new->utf8->allow_nonref->decode($answer->{content});
}

# Who logs in by "good" from now on; without arguments the first person again.
sub person ($self, $user = undef, $attributes = {}) {
    return $self->control('person', defined $user ? $json->encode({ user => $user, attributes => $attributes }) : '');
}

sub slow ($self, $seconds) { return $self->control("slow?wait=$seconds") }
sub holding ($self) { return $self->control('holding') }
sub release ($self) { return $self->control('release') }

# Where the journal ends now, and what came after: all events, or those of one kind.
sub mark ($self) { return $self->control('count') }

sub since ($self, $mark, $event = undef) {
    return grep { !defined $event || $_->{event} eq $event } @{ $self->control("log?since=$mark") };
}

# The validation calls after MARK, as journal events.
sub validations ($self, $mark = 0) {
    return grep { $_->{endpoint} =~ /alidate$/ } $self->since($mark, 'request');
}

# How the reply to a request of the journal ended; waits for it.
sub done ($self, $request, $seconds = 5) {
    for (1 .. $seconds * 20) {
        my ($done) = grep { $_->{request} == $request->{n} } $self->since($request->{n}, 'done');
        return $done if $done;
        select undef, undef, undef, 0.05;
    }
    return undef;
}

# A browser stands before the CAS login page and doesn't ask for it: the address that the module sent it to, and the
# service in it, which is where it comes back to.
sub begin ($browser, $address) {
    my $page = $browser->get($address, until => sub ($to) { $to =~ m{/login\?.*service=} });
    return $page->location // '';
}

sub service_of ($login) {
    my ($service) = $login =~ /[?&]service=([^&]*)/ or return undef;
    return $service =~ s/%([0-9a-fA-F]{2})/chr hex $1/ger;
}

sub state_of ($login) { return (service_of($login) // '') =~ /[?&]state=([^&]*)/ ? $1 : undef }

# Was a port contacted that nobody may contact?
sub contacts ($self, $listener, $mark = 0) {
    return grep { ($_->{listener} // '') eq $listener } $self->since($mark);
}

1;
