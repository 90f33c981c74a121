package Aten::Harness;

# The httpd that t/TEST runs by Apache::Test, seen from a test; used like an Aten::Server. A test that runs alone starts
# it for itself, by t/TEST --serve.

use v5.36;
use Aten::CAS ();
use Aten::Log ();
use Aten::Process ();
use JSON::PP ();

my $instance;
my $serving;    # the pipe that keeps our own t/TEST alive

END {
    local $?;
    Aten::Process::stay();
    stop_serving() if $serving && $serving->{owner} == $$;
}

sub instance ($class) {
    return $instance if $instance;
    my $file = $ENV{ATEN_HARNESS} // serve();
    my $self = bless JSON::PP->new->decode(Aten::Process::slurp($file)), $class;
    $self->{cas} = Aten::CAS->attach($self->{cas_port}, $self->{cas_state});
    $self->{log_file} = $self->{log};
    $self->{log} = Aten::Log->new(file => $self->{log_file}, name => 'the suite');
    # What earlier tests did there is their affair.
    $self->{log}{read} = $self->{log}->mark if $ENV{ATEN_HARNESS};
    return $instance = $self;
}

sub serve () {
    pipe my $read, my $write or die "pipe: $!";
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        close $write;
        open STDIN, '<&', $read or exit 126;
        exec $^X, Aten::Process::top() . '/t/TEST', '--serve' or exit 127;
    }
    close $read;
    $serving = { owner => $$, pid => $pid, write => $write, out => $out };
    while (my $line = <$out>) {
        return $1 if $line =~ /^harness: (.*)/;
        print "# $line";
    }
    die "t/TEST --serve did not start\n";
}

sub stop_serving () {
    close $serving->{write};
    1 while readline $serving->{out};
    close $serving->{out};
    undef $serving;
    return;
}

# The whole address of a path. Options: vhost => name in t/conf/extra.conf.in (default: main), host => another name.
sub url ($self, $path = '/', %option) {
    my $vhost = $option{vhost} // $self->{vhost} // 'main';
    my $port  = $self->{vhosts}{$vhost} // die "no virtual host $vhost";
    my $host  = $option{host} // $self->{names}{$vhost} // 'localhost';
    return "http://$host:$port$path";
}

# The same with another virtual host as the default, for login(harness->vhost('whole'), ...).
sub vhost ($self, $name) { return bless { %$self, vhost => $name }, ref $self }

sub port ($self) { return $self->{vhosts}{ $self->{vhost} // 'main' } }
sub root ($self) { return $self->{root} }
sub cas  ($self) { return $self->{cas} }
sub log  ($self) { return $self->{log} }

sub pid ($self) { return Aten::Process::slurp($self->{pid_file}) =~ /(\d+)/ ? $1 : die 'no pid file' }

sub clean_log_ok ($self, @allowed) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->{log}->clean_ok(@allowed);
}

sub log_like ($self, $regex, $name, $mark = 0) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->{log}->like($regex, $name, $mark);
}

1;
