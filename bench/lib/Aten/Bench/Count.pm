package Aten::Bench::Count;

# Instructions in user space for each request: counted by the processor (perf) where it can, otherwise by valgrind's
# callgrind, which runs httpd on a processor in software. Unlike times they hardly change from run to run.

use v5.36;
use Aten::Process ();
use IO::Socket::INET ();
use Time::HiRes ();

use constant { FEW => 300, MANY => 1300 };    # requests of two runs under callgrind: the difference has no start in it

my $event = $ENV{BENCH_EVENT} // 'instructions:u';

# The way that this machine offers: 'perf', 'callgrind' or undef.
sub way () {
    return 'perf' if installed('perf') && defined perf_count(sub { sleep 1 }, $$);
    return installed('valgrind') ? 'callgrind' : undef;
}

sub installed ($program) { return scalar grep { -x "$_/$program" } split /:/, $ENV{PATH} }

# What a process counts while DO runs; undef where it can't.
sub perf_count ($do, $pid) {
    my $directory = Aten::Process::temporary_directory('perf');
    my $perf = Aten::Process->start(
        name => 'perf', output => "$directory/output",
        command => ['perf', 'stat', '-x', ';', '-o', "$directory/count", '-e', $event, '-p', $pid],
    );
    Time::HiRes::sleep(0.5);
    $do->();
    $perf->stop('INT');
    return Aten::Process::slurp("$directory/count") =~ /^(\d+)[;.]/m ? $1 : undef;
}

# By perf: a run of LOAD (Aten::Bench::Load) while the child is counted.
sub by_perf ($load, %what) {
    my $requests;
    my $count = perf_count(sub { $requests = $load->run(%what) }, $what{server}->child) // die "perf counted nothing\n";
    return $count / $requests;
}

# By callgrind: START makes a server that runs under the command given.
sub by_callgrind ($start, %what) {
    my ($few, $many) = map { callgrind_total($start, $_, %what) } FEW, MANY;
    return ($many - $few) / (MANY - FEW);
}

# Only what happens between the arrival of a request and its end counts: not the start, nor the waiting.
sub callgrind_total ($start, $requests, %what) {
    my $directory = Aten::Process::temporary_directory('callgrind');
    chmod 0777, $directory;
    my $server = $start->(
        'valgrind', '-q', '--tool=callgrind', '--toggle-collect=ap_run_process_connection',
        "--callgrind-out-file=$directory/%p",
    );
    my $child = $server->child;
    ask_often($server, $requests, %what);
    $server->stop('TERM', 60);
    my ($total) = Aten::Process::slurp("$directory/$child") =~ /^(?:totals|summary): (\d+)/m
        or die "callgrind counted nothing\n";
    return $total;
}

# One request behind the other, on one connection or each on its own.
sub ask_often ($server, $requests, %what) {
    my @bytes = map {
        "GET $what{path} HTTP/1.1\r\nHost: localhost\r\n" . (defined $_ ? "Cookie: $_\r\n" : '')
            . ($what{close} ? "Connection: close\r\n" : '') . "\r\n"
    } @{ $what{cookies} };
    my $socket;
    for my $i (1 .. $requests) {
        $socket = undef if $what{close};
        $socket //= IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port, Timeout => 10)
            // die "connect: $!";
        $socket->syswrite($bytes[$i % @bytes]);
        read_answer($socket);
    }
    return;
}

sub read_answer ($socket) {
    my $answer = '';
    until ($answer =~ /\r\n\r\n(.*)\z/s && length $1 >= 1024) {
        $socket->sysread($answer, 65536, length $answer) or die "the server closed the connection\n";
    }
    die "not the file: $answer" if $answer !~ m{^HTTP/1\.1 200 };
    return;
}

1;
