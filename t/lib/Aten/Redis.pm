package Aten::Redis;

# A real redis-server for one test: on a port of its own, in a directory of its own, with the faults that it can have.
# Debian's package redis-tools brings the program without the service: as redis-check-rdb, which is the server when it is
# called by that name.

use v5.36;
use parent 'Aten::Process';
use Aten::Process ();
use Aten::TLS ();
use Aten::URL ();
use IO::Socket::INET ();

# Start one on a free port, wait until it answers. Options:
#   port     => N
#   tls      => 1: it speaks TLS alone, with a certificate of an Aten::TLS of its own (or tls => that one); names =>
#               ['DNS:localhost', ...] of the certificate
#   password => of the default user
#   user     => [name, password, what it may: '~aten:* +@all']: then the default user is off
#   keeps    => 1: what it has survives the end of its process (an append-only file, flushed at each write)
#   config   => ['--maxmemory', '10mb', ...], more of its options
sub new ($class, %option) {
    my $self = bless { config => [], %option }, $class;
    $self->{directory} = Aten::Process::temporary_directory('redis');
    $self->{port} //= Aten::Process::free_port();
    $self->make_certificate if $self->{tls};
    symlink program(), "$self->{directory}/redis-server" or die "symlink: $!";
    return $self->run;
}

sub program () {
    my ($found) = grep { -x } '/usr/bin/redis-check-rdb', '/usr/bin/redis-server';
    return $found // die 'redis-server is not found: is redis-tools installed?';
}

sub make_certificate ($self) {
    $self->{tls} = Aten::TLS->new if !ref $self->{tls};
    @$self{qw(certificate key)} = $self->{tls}->certificate(name => 'redis', names => $self->{names}
        // ['DNS:localhost', 'IP:127.0.0.1']);
    return;
}

sub command_line ($self) {
    my @tls = $self->{tls}
        ? ('--tls-port', $self->{port}, '--port', 0, '--tls-cert-file', $self->{certificate}, '--tls-key-file',
            $self->{key}, '--tls-ca-cert-file', $self->{tls}->ca_file, '--tls-auth-clients', 'no')
        : ('--port', $self->{port});
    my @access = $self->{user} ? ('--aclfile', $self->write_users)
        : defined $self->{password} ? ('--requirepass', $self->{password}) : ();
    my @keeps = $self->{keeps} ? qw(--appendonly yes --appendfsync always) : qw(--appendonly no);
    return ("$self->{directory}/redis-server", '--bind', '127.0.0.1', '--dir', $self->{directory}, '--save', '', @keeps,
        @tls, @access, @{ $self->{config} });
}

# The one that is given, and one for the test itself.
sub write_users ($self) {
    my ($name, $password, $rights) = @{ $self->{user} };
    return Aten::Process::spew("$self->{directory}/users",
        "user default off\nuser $name on >$password $rights\nuser test on >test ~* &* +\@all\n");
}

# Start the program; again after ->stop or ->crash: the same port, and what it kept.
sub run ($self) {
    delete $self->{client};
    $self->launch(name => 'redis-server', command => [$self->command_line], output => "$self->{directory}/log");
    return $self->wait_for(sub { (eval { $self->command('PING') } // '') eq 'PONG' });
}

# A stopped program doesn't see that it is to end.
sub stop ($self, @how) {
    $self->signal('CONT');
    delete $self->{client};
    return $self->SUPER::stop(@how);
}

sub crash ($self) {
    delete $self->{client};
    $self->signal('KILL');
    $self->wait_end(5) or die 'redis-server does not end by SIGKILL';
    return $self;
}

# Connections are taken by the kernel, and no one answers.
sub freeze ($self) {
    $self->signal('STOP') or die 'redis-server is not running';
    return $self;
}

sub thaw ($self) {
    $self->signal('CONT') or die 'redis-server is not running';
    return $self;
}

sub port ($self) { return $self->{port} }
sub tls  ($self) { return $self->{tls} }

# The address as AtenStore takes it. Options: password => another one, db => N, host => NAME.
sub url ($self, %option) {
    my $scheme   = $self->{tls} ? 'rediss' : 'redis';
    my ($user, $password) = $self->{user} ? @{ $self->{user} } : ('', $self->{password});
    $password = $option{password} if exists $option{password};
    my $login = defined $password ? join(':', map { Aten::URL::escape($_) } $user, $password) . '@' : '';
    my $host  = $option{host} // ($self->{tls} ? 'localhost' : '127.0.0.1');
    return "$scheme://$login$host:$self->{port}/" . ($option{db} // 0);
}

# --- commands ---

# One command and its answer: a text, a number, undef, or a list of these. An error is died of.
sub command ($self, @words) { return ($self->commands([@words]))[0] }

# Several, sent together; at most a few hundred, so that neither side waits for the other with full buffers.
sub commands ($self, @commands) {
    my $client = $self->client;
    print {$client} join '', map { encode(@$_) } @commands;
    return map { read_answer($client) } @commands;
}

sub encode (@words) { return '*' . @words . "\r\n" . join '', map { '$' . length($_) . "\r\n$_\r\n" } @words }

sub client ($self) {
    return $self->{client} if $self->{client} && $self->{client_of} == $$;
    my @where = (PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5);
    my $client;
    if ($self->{tls}) {
        require IO::Socket::SSL;
        $client = IO::Socket::SSL->new(@where, SSL_ca_file => $self->{tls}->ca_file, SSL_verifycn_scheme => 'none');
    }
    else { $client = IO::Socket::INET->new(@where) }
    die "no connection to redis-server\n" if !$client;
    $client->autoflush(1);
    my @login = $self->{user} ? ('test', 'test') : grep { defined } $self->{password};
    if (@login) {
        print {$client} encode('AUTH', @login);
        read_answer($client);
    }
    @$self{qw(client client_of)} = ($client, $$);
    return $client;
}

sub read_answer ($client) {
    my $line = readline($client) // die "redis-server closed the connection\n";
    $line =~ s/\r\n\z//;
    my $kind = substr $line, 0, 1, '';
    return $line if $kind eq '+' || $kind eq ':';
    die "redis: $line\n" if $kind eq '-';
    return undef if $line == -1;
    return [map { read_answer($client) } 1 .. $line] if $kind eq '*';
    read $client, my $text, $line + 2;
    return substr $text, 0, $line;
}

# Figures of INFO: used_memory, connected_clients ...
sub info ($self, $name) { return $self->command('INFO', 'all') =~ /^\Q$name\E:(\S+)/m ? $1 : die "INFO has no $name" }

sub pid_memory_kb ($self) {
    my ($kb) = Aten::Process::slurp("/proc/$self->{pid}/status") =~ /^VmRSS:\s+(\d+)/m;
    return $kb;
}

1;
