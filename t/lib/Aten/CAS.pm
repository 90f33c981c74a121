package Aten::CAS;

# The real CAS server (Debian's python3-django-cas-server, started by demo/cas/server.py), for one test.

use v5.36;
use parent 'Aten::Process';
use HTTP::Tiny ();
use JSON::PP ();
use Test::More ();

my $json = JSON::PP->new->utf8->canonical->pretty;

# Start one on a free port, wait until it answers. Options: port => N, host => another name for this machine (two
# servers in one browser: ports don't separate cookies), services => [regex...] (default: everything on localhost and
# 127.0.0.1 under /aten/cas, and names under .test and .example), env => {...}, ticket_seconds => N, ca => file of the
# authority to trust when it tells a service by https of a logout.
sub new ($class, %option) {
    my $self  = bless {%option}, $class;
    my $top   = Aten::Process::top();
    my $state = $self->{state} = Aten::Process::temporary_directory('cas');
    $self->{port} //= Aten::Process::free_port();
    $self->{services} //=
        ['^https?://(localhost|127\.0\.0\.1|[a-z0-9.-]+\.(test|example|localhost))(:\d+)?/.*aten/cas(\?.*)?$'];
    Aten::Process::spew("$state/accounts.json", Aten::Process::slurp("$top/demo/cas/accounts.json"));
    return $self->run;
}

# Start the server program; again after ->stop: same port, same accounts, same sessions of its own.
sub run ($self) {
    my $state   = $self->{state};
    my $port    = $self->{port};
    my @command = (
        '/usr/bin/python3', Aten::Process::top() . '/demo/cas/server.py', '--port', $port, '--state', $state,
        '--accounts', "$state/accounts.json", map({ ('--service', $_) } @{ $self->{services} }),
        $self->{ticket_seconds} ? ('--ticket-seconds', $self->{ticket_seconds}) : (),
        $self->{ca} ? ('--ca', $self->{ca}) : (),
    );
    $self->launch(name => 'CAS server', command => \@command, output => "$state/log", env => $self->{env});
    return $self->wait_for(sub { HTTP::Tiny->new(timeout => 2)->get("http://127.0.0.1:$port/ready")->{success} });
}

# One that is running already, started by somebody else.
sub attach ($class, $port, $state) { return bless { port => $port, state => $state, output => "$state/log" }, $class }

sub url  ($self) { return 'http://' . ($self->{host} // '127.0.0.1') . ":$self->{port}/cas" }
sub port ($self) { return $self->{port} }
sub log  ($self) { return $self->output_text }

# The accounts, decoded: {name => {password, who, attributes}}.
sub accounts ($self) { return $json->decode(Aten::Process::slurp("$self->{state}/accounts.json")) }

sub password ($self, $name) { return $self->accounts->{$name}{password} // die "no account $name" }

# Add or replace an account, at once: $cas->set_account('x', {ENTPersonProfils => ['National_1']}).
sub set_account ($self, $name, $attributes, $password = 'demo') {
    my $accounts = $self->accounts;
    $accounts->{$name} = { password => $password, attributes => $attributes };
    # Whole or not at all: the server reads the file at any moment.
    Aten::Process::spew("$self->{state}/accounts.new", $json->encode($accounts));
    rename "$self->{state}/accounts.new", "$self->{state}/accounts.json" or die "rename: $!";
    return $self;
}

# Lines of the server's own access log for validation calls, to count them.
sub validations ($self) { return grep { m{/cas/\S*[vV]alidate\?} } split /\n/, $self->log }

# A person logs out at the CAS server itself, which tells the services before it answers. Returns the page.
sub logout ($self, $browser, %option) {
    return $browser->get($self->url . '/logout' . ($option{everywhere} ? '?all=1' : ''));
}

# How many services it set out to tell of a logout, and which of these it could not tell, as its log says it.
sub told ($self) { return scalar(() = $self->log =~ /Sending SLO requests to service /g) }
sub not_told ($self) { return grep { /Error during SLO for user/ } split /\n/, $self->log }

1;
