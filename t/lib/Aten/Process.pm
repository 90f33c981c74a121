package Aten::Process;

# Programs that a test starts: each ends with the test, whatever ends the test, and nobody else's is touched.

use v5.36;
use Fcntl ();
use Config;
use File::Temp ();
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep time);

my %running;    # pid => the perl process that started it
my @temporary;  # directories kept until the very end, for what is stopped last writes into them

my @signal_names = split ' ', $Config{sig_name};

# A signal must run the END blocks, or the programs would outlive the test.
for my $signal (qw(INT TERM HUP)) {
    $SIG{$signal} //= sub { exit 130 };
}

END {
    local $?;
    stay();
    my @mine = grep { $running{$_}{owner} == $$ } keys %running;
    $running{$_}->stop for @mine;
}

# A second Ctrl-C must not cut the clearing up short. Every END block that clears up calls this.
sub stay () {
    $SIG{$_} = 'IGNORE' for qw(INT TERM HUP);
    return;
}

# Start a program. Options: command => [...], env => {NAME => value or undef}, output => FILE (both streams),
# name => what messages call it.
sub start ($class, %option) { return (bless {}, $class)->launch(%option) }

# The same for an object that is there already, and whose program is not running.
sub launch ($self, %option) {
    my $pid = fork() // die "fork: $!";
    run_child(%option) if !$pid;
    @$self{qw(pid owner name output status)} = ($pid, $$, $option{name} // $option{command}[0], $option{output}, undef);
    return $running{$pid} = $self;
}

sub run_child (%option) {
    # Own process group: Ctrl-C at the terminal goes to the test, which then stops its programs in order.
    setpgrp;
    open STDIN, '<', '/dev/null' or POSIX::_exit(126);
    if ($option{output}) {
        open STDOUT, '>>', $option{output} or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT        or POSIX::_exit(126);
    }
    for my $name (keys %{ $option{env} // {} }) {
        my $value = $option{env}{$name};
        defined $value ? ($ENV{$name} = $value) : delete $ENV{$name};
    }
    # A test that is killed by SIGKILL runs no END block: the kernel then tells the program.
    exec 'setpriv', '--pdeathsig', 'TERM', '--', @{ $option{command} } or POSIX::_exit(127);
}

sub pid ($self) { return $self->{pid} }

# Still there? Collects the exit status when not.
sub alive ($self) {
    return 0 if defined $self->{status};
    return 1 if waitpid($self->{pid}, POSIX::WNOHANG) == 0;
    $self->{status} = $?;
    delete $running{ $self->{pid} };
    return 0;
}

sub signal ($self, $signal) { return $self->alive && kill $signal, $self->{pid} }

# Wait up to SECONDS for the end. True if it ended.
sub wait_end ($self, $seconds) {
    my $until = time + $seconds;
    while ($self->alive) {
        return 0 if time > $until;
        sleep 0.02;
    }
    return 1;
}

# End it: TERM, and KILL when it doesn't listen. Returns what it died of in words, '' for an exit with 0 or by TERM.
sub stop ($self, $signal = 'TERM', $seconds = 10) {
    if ($self->alive) {
        kill $signal, $self->{pid};
        if (!$self->wait_end($seconds)) {
            kill 'KILL', $self->{pid};
            $self->wait_end(5);
            return "did not end within $seconds s of SIG$signal";
        }
    }
    return $self->ended_by;
}

sub ended_by ($self) {
    my $status = $self->{status} // return 'still running';
    my $signal = $status & 127;
    return '' if $status == 0 || $signal == POSIX::SIGTERM;
    return $signal ? "SIG$signal_names[$signal]" : 'exit status ' . ($status >> 8);
}

# Wait until PROBE is true; dies with the program's output if it ends before, or takes too long.
sub wait_for ($self, $probe, $seconds = 30) {
    my $until = time + $seconds;
    until ($probe->()) {
        my $alive = $self->alive;
        next if $alive && time < $until && sleep 0.03;
        my $why = $alive ? "not ready within $seconds s" : 'ended: ' . $self->ended_by;
        die "$self->{name}: $why\n" . $self->output_text;
    }
    return $self;
}

sub output_text ($self) { return defined $self->{output} ? slurp($self->{output}) : '' }

# --- functions ---

sub slurp ($file) {
    open my $in, '<:raw', $file or return '';
    local $/;
    return scalar(<$in>) // '';
}

sub spew ($file, $text) {
    open my $out, '>:raw', $file or die "$file: $!";
    print {$out} $text;
    close $out or die "$file: $!";
    return $file;
}

# A directory under the system's temporary one, readable by the user that httpd's children run as.
sub temporary_directory ($name) {
    my $directory = File::Temp->newdir("aten-$name-XXXXXX", TMPDIR => 1, CLEANUP => !$ENV{ATEN_KEEP});
    chmod 0755, "$directory";
    push @temporary, $directory;
    return "$directory";
}

# A port on which nothing listens. Below the range from which the kernel takes ports for outgoing connections, and not
# given twice by the same test, nor by two tests of a suite, which may run at the same time (ATEN_PORTS: a directory with
# a file for each port that was given).
my %given;
sub free_port () {
    for (1 .. 200) {
        my $port = 20000 + int rand 12000;
        next if $given{$port}++ || !reserve_port($port);
        my $socket = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1) or next;
        close $socket;
        return $port;
    }
    die 'no free port';
}

sub reserve_port ($port) {
    my $directory = $ENV{ATEN_PORTS} // return 1;
    return sysopen my $file, "$directory/$port", Fcntl::O_CREAT() | Fcntl::O_EXCL() | Fcntl::O_WRONLY();
}

sub listening ($port, $address = '127.0.0.1') {
    return !!IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 1);
}

# The top of the source tree; t/TEST, which runs a copy of t/, says where.
sub top () {
    return $ENV{ATEN_TOP} if $ENV{ATEN_TOP};
    require Cwd;
    require File::Basename;
    return Cwd::abs_path(File::Basename::dirname(__FILE__) . '/../../..');
}

1;
