# The start of a server that shares with others: with and without Redis, with and without a store of its own; and many
# ended sessions, which a new one has to learn. Real httpd, a real redis-server.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Cluster ();
use Aten::Redis ();
use Aten::Test;
use Time::HiRes qw(sleep time);

need_module;

my $away = qr/\[auth_aten:warn\] .*AtenStore: \S+ cannot be used: /;
my $back = qr/\[auth_aten:notice\] .*AtenStore: \S+ can be used again/;
my $behind = qr/\[auth_aten:warn\] .*AtenStore: \S+ has not told in time which sessions were ended/;
my $cas  = Aten::CAS->new;

sub lines ($node, $pattern) { return grep { /$pattern/ } $node->log->lines }

subtest 'the start while Redis is away' => sub {
    my $redis   = Aten::Redis->new;
    my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, nodes => 2);
    my $lives   = $cluster->login(0, 'prof');
    my $ended   = $cluster->login(1, 'parent');
    my $copy    = $cluster->browser(1);
    $copy->jar->set(name => 'aten', value => $ended->jar->find('aten')->{value}, domain => 'localhost');
    $cluster->logout($ended, 1);
    is($cluster->wait_who($copy, 'out'), 'out out', 'a session has ended');
    $redis->crash;

    my $old = $cluster->node(0);
    $old->log_like($away, 'Redis is away');
    my $mark = $old->log->mark;
    $cluster->crash(0);
    $old->run;
    my $new = $cluster->add(mpm => 'worker');
    is($cluster->who($lives, 0), 'prof', 'a node that had caught up once serves: whoever lives is in');
    is($cluster->who($copy, 0), 'out', '... and what has ended is ended');
    is($cluster->login(0, 'parent')->page->status, 200, '... people log in');
    is(scalar(() = $old->log->since($mark) =~ /$away/g), 1, '... its log says once that Redis is away');
    is(scalar(() = $old->log->since($mark) =~ /$behind/g), 1, '... and once what it goes by');

    is($cluster->browser(2)->get($cluster->url('/'))->status, 200, 'a node that never caught up serves public paths');
    for my $turn (1 .. 4) {
        my $page = $lives->at(2)->get($cluster->url('/who'));
        is($page->status, 503, '... a session can\'t be judged there') or next;
        like($page->header('retry-after') // '', qr/^\d+$/, '... it says when to try again');
        like($page->html, qr/<h1/, '... on a page') if $turn == 1;
        is($cluster->who($copy, 2), 503, '... neither can one that has ended');
        is($cluster->login(2, 'parent')->page->status, 503, '... nor can anybody log in');
        is($cluster->browser(2)->fetch($cluster->url('/who'))->status, 401, '... who has no session is told so')
            if $turn == 1;
    }
    is(scalar lines($new, $behind), 1, '... its log says so, once') or diag join "\n", lines($new, qr/AtenStore/);
    like($new->log->text, qr/AT0161/, '... each request\'s line has the tag');
    is(scalar lines($new, qr/\[auth_aten:(?:notice|warn|error|crit)\].*AT0161/), 0, '... and is none that is loud');
    is($cluster->who_everywhere($lives), 'prof prof 503', 'the others don\'t mind');

    $redis->run;
    is($cluster->wait_who($lives, 'prof', 15, 2), 'prof', 'when Redis is back it serves');
    is($cluster->wait_who($copy, 'out', 10, 2), 'out', '... and hears what had ended, though that Redis had lost it');
    is(scalar lines($new, qr/resuming normal operations/), 1, '... by itself, without a restart');
    is(scalar lines($new, $back), 1, '... and says so once') or diag join "\n", lines($new, $back);
    is($cluster->login(2, 'eleve')->page->status, 200, '... people log in there');
    $cluster->clean_logs_ok(qr/AtenStore: /, qr/AH00098: pid file/);
    $cluster->stop_ok;
};

subtest 'the first node of all, and an empty Redis' => sub {
    my $redis   = Aten::Redis->new;
    my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, nodes => 1, mpms => ['prefork']);
    is($cluster->login(0, 'parent')->page->status, 200, 'serves');
    $cluster->clean_logs_ok;
    $cluster->stop_ok;
};

# --- many ended sessions ---

my $fill = ($ENV{ATEN_BUILD} // Aten::Process::top() . '/build') . '/bench/fill_store';
-x $fill or BAIL_OUT("$fill is not there: run make $fill");

# What the program says to a node's store, as its owner.
sub fill_store ($node, $what, @more) {
    my ($user, $group) = Aten::Server::unprivileged();
    my @as = defined $user ? ('setpriv', "--reuid=$user", "--regid=$group", '--init-groups', '--') : ();
    # Where that user can read it, whatever the checkout's place.
    state $copy = do {
        my $directory = Aten::Process::temporary_directory('fill');
        Aten::Server::copy_readable($fill, "$directory/fill_store");
        "$directory/fill_store";
    };
    open my $out, '-|', @as, $copy, $what, $node->root . '/state/store', @more or die "fill_store: $!";
    my $said = do { local $/; <$out> } // '';
    close $out or die "fill_store $what: $said";
    return $said;
}

sub records ($node) { return fill_store($node, 'count') =~ /^(\d+) records, 0 outbox/ ? $1 : -1 }

subtest 'ten thousand ended sessions' => sub {
    my $redis = Aten::Redis->new;
    my $day   = 86400 * 1000;
    # What is older than anything that can still matter: longest lifetime and a day.
    for my $i (1 .. 20) {
        $redis->commands(map {
            [qw(XADD aten:ended), int(time * 1000) - 5 * $day + ($i * 100 + $_), key => '0' x 32, value => 1, until => 2]
        } 1 .. 100);
    }
    my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, mpms => [qw(event prefork worker)]);
    my $lives   = $cluster->login(0, 'prof');
    my @ended;
    my $end_one = sub () {
        my $number  = @ended % 3;
        my $browser = $cluster->login($number, 'parent');
        my $copy    = $cluster->browser($number);
        $copy->jar->set(name => 'aten', value => $browser->jar->find('aten')->{value}, domain => 'localhost');
        $cluster->logout($browser, $number);
        push @ended, $copy;
    };
    $end_one->();
    my @memory = map { $cluster->memory_kb($_) } $cluster->numbers;
    fill_store($cluster->node(0), 'end', 6000);
    $end_one->();
    fill_store($cluster->node(1), 'end', 4000);
    $end_one->();
    my $all = wait_records(10_003, $cluster->nodes);
    is(join(' ', map { $cluster->wait_who($_, 'out') } @ended), join(' ', ('out out out') x 3), 'the real ones too');

    my $entries = $redis->command('XLEN', 'aten:ended');
    cmp_ok($entries, '>=', 10_003, 'all stand in the stream');
    cmp_ok($entries, '<', 10_003 + 1000, '... and nothing old');
    cmp_ok($redis->info('used_memory'), '<', 16e6, '... which is small');
    for my $number ($cluster->numbers) {
        cmp_ok($cluster->store_bytes($number), '<', 8e6, "the file of node $number is small");
        cmp_ok($cluster->memory_kb($number) - $memory[$number], '<', 30_000, '... and its processes have not grown, in kB');
    }

    my $new = $cluster->add;
    wait_records(10_003, $new);
    is(join(' ', map { $cluster->who($_, 3) } @ended), 'out out out', 'a new node knows the real ones');
    is($cluster->who_everywhere($lives), 'prof prof prof prof', 'and whoever lives is in everywhere');

    $redis->crash;
    $redis->run;
    for (1 .. 100) {
        last if ($entries = $redis->command('XLEN', 'aten:ended')) >= 10_003;
        sleep 0.1;
    }
    cmp_ok($entries, '>=', 10_003, 'a Redis that has lost all of it is given it back');
    cmp_ok($entries, '<', 4 * 10_500, '... by each of the four once at most');
    $cluster->clean_logs_ok(qr/AtenStore: /);
    $cluster->stop_ok;
};

# Until each has so many, at least, and nothing waits to be sent.
sub wait_records ($wanted, @nodes) {
    my @have;
    my $until = time + 20;
    while (1) {
        @have = map { records($_) } @nodes;
        last if !grep({ $_ < $wanted } @have) || time > $until;
        sleep 0.1;
    }
    cmp_ok($have[$_], '>=', $wanted, "$nodes[$_]{name} has all of them") for 0 .. $#nodes;
    return;
}

done_testing;
