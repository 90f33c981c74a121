# Redis is away, or has lost its data: nothing waits for it, nothing that was answered is lost, and what happened meanwhile
# reaches the other servers afterwards. Three httpd, one of each MPM, and a real redis-server that is killed, frozen, full,
# and emptied. `make soak` does the same for longer and under load.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Cluster ();
use Aten::Crowd ();
use Aten::Forge ();
use Aten::Redis ();
use Aten::Test;
use Time::HiRes qw(sleep time);

need_module;

my @mpms    = qw(event worker prefork);
my $cas     = Aten::CAS->new;
my $redis   = Aten::Redis->new;
my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, mpms => \@mpms);

# What a node says of Redis: loudly when it is away, once more when it is back.
my $away = qr/\[auth_aten:warn\] .*AtenStore: \S+ cannot be used: /;
my $back = qr/\[auth_aten:notice\] .*AtenStore: \S+ can be used again/;

sub marks () { return [map { $_->log->mark } $cluster->nodes] }

# Each of these nodes (all) has said it once since then, and not once a child or a request.
sub said_once_ok ($pattern, $marks, $name, @numbers) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    @numbers = $cluster->numbers if !@numbers;
    $cluster->node($_)->log->wait_like($pattern, $marks->[$_], 10) for @numbers;
    my %lines = map { $_ => [grep { /$pattern/ } split /\n/, $cluster->node($_)->log->since($marks->[$_])] } @numbers;
    return is(join(' ', map { scalar @{ $lines{$_} } } @numbers), join(' ', (1) x @numbers), $name)
        || diag map { ("  node $_\n", map { "    $_\n" } @{ $lines{$_} }) } @numbers;
}

# Logins, requests and logouts at each node; returns the browsers that logged out: their sessions have to be dead.
sub work_ok ($how) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my (@ended, @wrong);
    for my $number ($cluster->numbers) {
        my $browser = $cluster->login($number, 'parent');
        push @wrong, "login at $number: " . $browser->page->status if ($browser->page->header('x-who') // '') ne 'parent';
        my $copy = $cluster->browser($number);
        $copy->jar->set(name => 'aten', value => $browser->jar->find('aten')->{value}, domain => 'localhost');
        push @wrong, "request at $number: " . $cluster->who($browser, $number) if $cluster->who($browser, $number) ne 'parent';
        push @wrong, "logout at $number" if !$cluster->logout($browser, $number);
        push @wrong, "after the logout at $number: " . $cluster->who($copy, $number) if $cluster->who($copy, $number) ne 'out';
        push @ended, $copy;
    }
    is_deeply(\@wrong, [], "logins, requests and logouts go on $how");
    return @ended;
}

sub all_out_ok ($name, @ended) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(join(', ', map { $cluster->wait_who($_, 'out', 10) } @ended), join(', ', map { 'out out out' } @ended), $name);
}

my $stays = $cluster->login(0, 'prof');
sub stays_ok ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($cluster->who_everywhere($stays), 'prof prof prof', $name);
}

# Eight logins: how long that takes.
sub eight_logins () {
    my $start = time;
    for my $i (0 .. 7) {
        my $browser = $cluster->login($i % 3, 'eleve');
        return 1e6 if ($browser->page->header('x-who') // '') ne 'eleve';
    }
    return time - $start;
}

my $usual = eight_logins();

subtest 'killed' => sub {
    my $marks = marks();
    $redis->crash;
    my @ended = work_ok('with Redis just gone');
    said_once_ok($away, $marks, 'each node says it once');
    push @ended, work_ok('with Redis known to be away');
    stays_ok('a session from before goes on');

    $cluster->node(0)->graceful;
    stays_ok('... after a graceful restart of a node too');
    is($cluster->who($ended[$_], $_ % 3), 'out', "what ended at node @{[$_ % 3]} is ended there") for 0 .. $#ended;
    push @ended, work_ok('after that');
    $cluster->crash(1);
    is($cluster->wait_who($stays, 'prof', 5, $cluster->others(1)), 'prof prof', 'with a node killed the others go on');

    $marks = marks();
    $redis->run;
    $cluster->node(1)->run;
    all_out_ok('when Redis and the node are back, everything that ended meanwhile is ended everywhere', @ended);
    said_once_ok($back, $marks, 'and each node says once that it is back', 0, 2);
    stays_ok('the session from before goes on');
    all_out_ok('a logout then is heard of as usual', work_ok('as usual'));
};

subtest 'frozen: it takes connections and says nothing' => sub {
    my $marks = marks();
    $redis->freeze;
    my $start = time;
    my @said = map { $cluster->who_everywhere($stays) } 1 .. 10;
    my $took = time - $start;
    is_deeply([grep { $_ ne 'prof prof prof' } @said], [], 'thirty requests are answered');
    cmp_ok($took, '<', 10, '... none of which waits for it');   # with a wait in each: 15 s at least
    my @ended = work_ok('with Redis frozen');
    said_once_ok($away, $marks, 'each node says it once');
    # A wait of half a second in each would be four seconds more.
    cmp_ok(eight_logins(), '<', 2 * $usual + 3, 'logins wait for it no longer, once it is known to be away');
    $marks = marks();
    $redis->thaw;
    all_out_ok('when it goes on, everything that ended meanwhile is ended everywhere', @ended);
    said_once_ok($back, $marks, 'and each node says once that it is back');
};

subtest 'full: it takes no writes' => sub {
    my $marks = marks();
    $redis->command(qw(CONFIG SET maxmemory 1));
    my @ended = work_ok('with Redis full');
    said_once_ok($away, $marks, 'each node says it once');
    $marks = marks();
    $redis->command(qw(CONFIG SET maxmemory 0));
    all_out_ok('when it has room again, everything is ended everywhere', @ended);
    said_once_ok($back, $marks, 'and each node says so once');
};

# --- a Redis that has lost what it had ---

my $forge  = Aten::Forge->new;
my $saml   = Aten::Cluster->new(nodes => 2, redis => $redis, config => $forge->config =~ s/^\s*AtenBaseURL.*\n//mr);
# An answer that nobody asked for, which EduConnect may give here: nothing but its own use stands between it and a second
# session.
my ($case) = grep { $_->{name} eq 'identity/educonnect-unsolicited' } $forge->cases;

sub answer_used_at ($number) {
    my $answer = $forge->make($case, $saml, {}, portal => 'educonnect');
    taken($answer, $number) or die 'the answer was not taken';
    return $answer;
}

# Somebody's browser brings it to a node. Did a session come of it?
sub taken ($answer, $number) {
    my $browser = $saml->browser($number);
    $forge->post($saml, $browser, $answer);
    return $browser->jar->find('aten');
}

# A node that was never here learns what ended before; then it goes again.
sub newcomer_ok ($name, @ended) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $node   = $cluster->add;
    my $number = $#{ $cluster->{nodes} };
    my @said   = map { $cluster->wait_who($_, 'out', 10, $number) } @ended;
    is("@said", join(' ', ('out') x @ended), $name);
    is($cluster->who($stays, $number), 'prof', '... and that others live');
    $node->clean_log_ok(qr/AtenStore: /);
    $cluster->crash($number);
    pop @{ $cluster->{nodes} };
    return;
}

my @before = work_ok('before Redis loses anything');
all_out_ok('these have ended everywhere', @before);

# [how Redis loses its data, what does it]
my @losses = (
    ['emptied while it runs' => sub { $redis->command('FLUSHALL') }],
    ['started anew with what it had before the last logouts' => sub {
        # As an old snapshot does: its stream ends where it ended then.
        $redis->command('SAVE');
        push @before, work_ok('after the snapshot');
        all_out_ok('these have ended everywhere', @before);
        $redis->crash;
        $redis->run;
        unlink "$redis->{directory}/dump.rdb";
    }],
);
push @losses, ['started anew without its data' => sub { $redis->crash; $redis->run }],
    ['without the stream alone' => sub { $redis->command('DEL', 'aten:ended') }],
    ['with nothing but its stream' => sub { $redis->command('DEL', grep { $_ ne 'aten:ended' } @{ $redis->command('KEYS', '*') }) }]
    if $ENV{ATEN_SOAK};
for my $loss (@losses) {
    my ($how, $lose) = @$loss;
    subtest "Redis $how" => sub {
        my $answer = answer_used_at(0);
        $lose->();
        wait_given_back();
        newcomer_ok('a new node learns all that ended before', @before);
        ok(!taken($answer, 1), 'an answer that was used is used at the other node too');
        my @ended = work_ok('afterwards');
        all_out_ok('and what ends then is ended everywhere', @ended);
        push @before, @ended;
        stays_ok('the session of somebody else goes on');
    };
}

# Until nothing is added any longer: the nodes have given back what they have.
sub wait_given_back () {
    my ($before, $calm, $until) = ('', 0, time + 15);
    while ($calm < 4 && time < $until) {
        sleep 0.2;
        my $now = join ' ', $redis->command('XLEN', 'aten:ended'), $redis->command('DBSIZE');
        $calm   = $now eq $before ? $calm + 1 : 0;
        $before = $now;
    }
    cmp_ok($redis->command('XLEN', 'aten:ended'), '>=', scalar @before, 'its stream has entries again');
    return;
}

# --- with people at work ---

subtest 'a crowd, while Redis and nodes die' => sub {
    my $crowd = Aten::Crowd->new(cluster => $cluster, people => 4);
    sleep 1.5;
    $redis->crash;
    sleep 0.5;
    $cluster->crash(2);
    sleep 0.5;
    $redis->run;
    $cluster->node(2)->run;
    $cluster->crash(0);
    $cluster->node(0)->run;
    sleep 1.5;
    my $found = $crowd->stop;
    is_deeply($found->{findings}, [], 'no session was lost, and none lived on where it had ended');
    my $what = join ', ', map { "$found->{$_} $_" } qw(logins requests logouts);
    ok($found->{$_} > 10, "enough of $_: $what") for qw(logins requests logouts);
    is_deeply([$crowd->late(10)], [], 'what was answered is ended everywhere');
};

$cluster->clean_logs_ok(qr/AtenStore: /, qr/AH00098: pid file/);
$saml->clean_logs_ok($forge->start_lines, qr/AtenStore: /);
Aten::Cluster::stop_ok($cluster, $saml);
done_testing;
