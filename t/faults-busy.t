# AtenCASMaxPending: a CAS server that doesn't answer never takes all workers, and what it took comes back.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Test;
use Faults;
use IO::Socket::INET ();
use Time::HiRes qw(sleep time);

need_module;

my $faults = Faults->new(tls => 0);

sub config ($max, $timeout = 20) {
    my $profiles = join '', map {
        my $url = $_ eq 'silent' ? 'http://127.0.0.1:' . $faults->port('silent') : $faults->url($_);
        qq{<AtenProfile $_>\nAtenLabel fr "$_"\nAtenBackend cas $url\n</AtenProfile>\n}
    } qw(good hold reset silent);
    return <<~"END";
        AtenBaseURL \@BASE\@
        @{[ $max ? "AtenCASMaxPending $max" : '' ]}
        AtenCASTimeout $timeout
        $profiles
        ScriptAlias /ent "\@CGI\@/env"
        <Location "/ent">
            AuthType aten
            Require valid-user
        </Location>
        END
}

my $server;

# A login that stands before the return to us: the request by which it would come back, as bytes.
sub ready ($profile) {
    my $browser = browser();
    my $login   = Faults::begin($browser, $server->url("/aten/login?profile=$profile&to=/ent/"));
    my $cookies = join '; ', map { "$_->{name}=$_->{value}" } $browser->jar->all;
    my ($path)  = Faults::service_of($login) =~ m{^http://[^/]+(/.*)};
    return "GET $path&ticket=ST-$profile HTTP/1.1\r\nHost: localhost:" . $server->port
        . "\r\nAccept: text/html\r\nCookie: $cookies\r\nConnection: close\r\n\r\n";
}

# Send it and don't wait.
sub launch ($request) {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $server->port) or die "connect: $!";
    $socket->syswrite($request);
    return $socket;
}

sub answer ($socket, $seconds = 30) {
    my $answer = '';
    my $until  = time + $seconds;
    while (time < $until) {
        vec(my $ready = '', fileno $socket, 1) = 1;
        next if !select $ready, undef, undef, 0.2;
        last if !$socket->sysread($answer, 65536, length $answer);
    }
    return $answer;
}

sub wait_holding ($number) {
    for (1 .. 200) {
        return 1 if $faults->holding == $number;
        sleep 0.05;
    }
    return 0;
}

# Everything else goes on while the CAS server is silent.
sub check_others () {
    my $began = time;
    is(browser()->get($server->url('/index.html'))->status, 200, 'other pages answer');
    is(browser()->get($server->url('/aten/login?to=/ent/'))->status, 200, 'the chooser answers');
    is(browser()->get($server->url('/ent/'), follow => 0)->status, 303, 'protected paths answer');
    cmp_ok(time - $began, '<', 2, 'at once');
    return;
}

sub check_busy ($answer) {
    like($answer, qr{^HTTP/1\.1 503 }, 'one more: 503');
    like($answer, qr{^Retry-After: \d+\r$}m, 'with Retry-After');
    like($answer, qr/Beaucoup de monde/, 'and a page in plain words');
    unlike($answer, qr/^Set-Cookie: aten=[^;]/m, 'no session');
    return;
}

sub check_good ($what) {
    my $browser = browser();
    $browser->get($server->url('/aten/login?profile=good&to=/ent/'));
    is(identity_of($browser)->{REMOTE_USER}, 'fautes', $what) or diag $browser->page->text;
    return;
}

my $busy = qr/\[auth_aten:(?:warn|error|info)\].*\bAT02(?:10|0[0267])\b|new session keys in/;

for my $shape (['event', 1, 8], ['worker', 2, 4], ['prefork', 6, 1]) {
    my ($mpm, $children, $threads) = @$shape;
    subtest "the limit counts over all children: $mpm" => sub {
        $server = Aten::Server->new(
            config => config(3), mpm => $mpm, children => $mpm eq 'prefork' ? 1 : $children,
            threads => $mpm eq 'prefork' ? 6 : $threads, name => "busy $mpm",
        );
        my @held = map { launch(ready('hold')) } 1 .. 3;
        ok(wait_holding(3), 'three are in flight');
        my $mark = $faults->mark;
        check_busy(answer(launch(ready('hold'))));
        check_busy(answer(launch(ready('good'))));
        is(scalar $faults->validations($mark), 0, 'the CAS server was not asked');
        check_others();
        $server->log_like(qr/\bAT0210\b/, 'the log says why');
        $faults->release;
        # "hold" answers honestly, and the tickets are not of its making.
        like(answer($_), qr{^HTTP/1\.1 303 }, 'one that waited gets its answer') for @held;
        check_good("free again after its end: login $_") for 1 .. 5;
        $server->clean_log_ok($busy);
        $server->stop_ok;
    };
}

subtest 'the person may try again with the same browser' => sub {
    $server = Aten::Server->new(config => config(1), name => 'busy once');
    my $held = launch(ready('hold'));
    ok(wait_holding(1), 'one is in flight');
    my $browser = browser();
    my $page    = $browser->get($server->url('/aten/login?profile=good&to=/ent/x'));
    is($page->status, 503, 'busy');
    my $again = $page->link(qr/^Réessayer$/);
    ok($again, 'with a button to try again');
    $faults->release;
    answer($held);
    $browser->get($server->url("/aten/login?profile=good&to=/ent/x"));
    is(identity_of($browser)->{REMOTE_USER}, 'fautes', 'in');
    $server->clean_log_ok($busy);
};

subtest 'what ends badly is given back as well' => sub {
    $server = Aten::Server->new(config => config(1, 1), name => 'busy and bad');
    for my $profile (qw(reset silent hold reset silent)) {
        my $answer = answer(launch(ready($profile)));
        like($answer, qr{^HTTP/1\.1 50[24] }, "$profile fails");
        unlike($answer, qr{^HTTP/1\.1 503 }, 'and is not busy');
    }
    check_good('free again');

    # The person closes the page while the CAS server is asked.
    my $socket = launch(ready('hold'));
    ok(wait_holding(1), 'one is in flight');
    close $socket;
    sleep 1.5;
    check_good('free again after a person who went away');
    $server->clean_log_ok($busy);
};

subtest 'a child that dies gives back what it held' => sub {
    $server = Aten::Server->new(config => config(1), children => 1, name => 'busy and dead');
    launch(ready('hold'));
    ok(wait_holding(1), 'one is in flight');
    my @children = $server->children;
    my ($owner) = grep { threads_of($_) > 3 } @children;
    ok($owner, 'the child is found');
    kill 'KILL', $owner;
    my $in = 0;
    for (1 .. 50) {
        my $page = browser()->get($server->url('/aten/login?profile=good&to=/ent/'));
        last if $in = reached($page);
        sleep 0.2;
    }
    ok($in, 'somebody gets in again');
    $server->clean_log_ok($busy, qr/child pid \d+ exit signal Killed/);
};

sub threads_of ($pid) {
    my @tasks = glob "/proc/$pid/task/*";
    return scalar @tasks;
}

subtest 'graceful while one is in flight' => sub {
    $server = Aten::Server->new(config => config(1), name => 'busy and graceful');
    my $held = launch(ready('hold'));
    ok(wait_holding(1), 'one is in flight');
    $server->graceful;
    $faults->release;
    like(answer($held), qr{^HTTP/1\.1 303 }, 'it gets its answer');
    check_good('the new generation serves');
    $server->clean_log_ok($busy);
};

subtest 'by default a quarter of the workers' => sub {
    $server = Aten::Server->new(config => config(0), children => 1, threads => 8, name => 'busy by default');
    my @held = map { launch(ready('hold')) } 1 .. 2;
    ok(wait_holding(2), 'two of eight are in flight');
    check_busy(answer(launch(ready('hold'))));
    check_others();
    $faults->release;
    answer($_) for @held;
    $server->clean_log_ok($busy);
};

subtest 'a CAS server that is down' => sub {
    $server = Aten::Server->new(config => config(0, 1), children => 1, threads => 8, name => 'CAS down');
    my @all = map { launch(ready('silent')) } 1 .. 12;
    check_others();
    my %seen;
    $seen{ substr answer($_), 9, 3 }++ for @all;
    is(($seen{503} // 0) + ($seen{504} // 0), 12, 'everybody gets a page: 503 or 504') or diag explain \%seen;
    ok($seen{503}, 'most of them at once');
    check_good('and other servers are asked again');
    $server->clean_log_ok($busy);
};

done_testing;
