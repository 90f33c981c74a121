# Several servers that share by Redis what they remember: a session that ended at one of them is ended at the others, what
# was used at one of them is used at all; and how a server gets to its Redis. Three httpd, one of each MPM, and a real
# redis-server. What happens when that is away: t/redis-away.t.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/faults";
use Aten::Cluster ();
use Aten::Forge ();
use Aten::Redis ();
use Aten::Test;
use Faults ();
use POSIX ();
use Storable ();

need_module;

my @mpms = qw(event worker prefork);

# --- the directive ---

subtest 'what AtenStore takes' => sub {
    my $ca     = Aten::TLS->new->ca_file;
    my $server = Aten::Server->prepare(name => 'configtest', vars => { CA => $ca });
    my $secret = 'Xgeheim7';
    for my $case (
        ['lmdb',                                   1, 'the default'],
        ['redis://127.0.0.1:7000/0',               1, 'host, port, database'],
        ['redis://cache.example',                  1, 'the port is 6379, the database 0'],
        ['redis://[::1]:7000/3',                   1, 'an IPv6 address'],
        ["redis://aten:$secret\@127.0.0.1:7000/0", 1, 'user and password'],
        ["redis://:$secret%40%3A\@127.0.0.1/0",    1, 'a password alone, encoded'],
        ['rediss://cache.example:7000/0',          1, 'TLS'],
        ['rediss://cache.example/0 ca=@CA@',       1, 'an authority of its own'],
        ['',                                       0, 'nothing'],
        ['memcache',                               0, 'another store'],
        ["http://:$secret\@127.0.0.1/",            0, 'another scheme'],
        ["redis:/:$secret\@127.0.0.1/",            0, 'no address'],
        ["redis://:$secret\@/0",                   0, 'no host'],
        ["redis://:$secret\@127.0.0.1:0/0",        0, 'no such port'],
        ["redis://:$secret\@127.0.0.1:65536/0",    0, 'no such port'],
        ["redis://:$secret\@127.0.0.1:7000x/0",    0, 'junk behind the port'],
        ["redis://:$secret\@127.0.0.1:7000/x",     0, 'no such database'],
        ["redis://:$secret\@127.0.0.1:7000/-1",    0, 'no such database'],
        ["redis://:$secret%zz\@127.0.0.1/0",       0, 'broken encoding'],
        ["redis://$secret\@127.0.0.1:7000/0",      0, 'a user without a password'],
        ["redis://:$secret\@127.0.0.1/0?x=1",      0, 'a query'],
        ["redis://:$secret\@127.0.0.1/0 ca=\@CA@", 0, 'an authority without TLS'],
        ['rediss://127.0.0.1/0 ca=/nowhere.pem',   0, 'a file that is not there'],
        ['rediss://127.0.0.1/0 ca=@DOCROOT@/index.html', 0, 'a file that is no certificate'],
        ['rediss://127.0.0.1/0 cert=@CA@',         0, 'another option'],
    ) {
        my ($value, $good, $why) = @$case;
        $server->set_config("AtenStore $value\n");
        my ($status, $output) = $server->configtest;
        my $name = "AtenStore $value" =~ s/$secret/.../r;
        is($status ? 'refused' : 'taken', $good ? 'taken' : 'refused', "$name: $why") or diag $output;
        like($output, qr/AtenStore/, '... and told by the directive\'s name') if !$good;
        unlike($output, qr/$secret/, '... the password is not shown');
    }
    $server->set_config("<VirtualHost *:\@PORT@>\nAtenStore redis://127.0.0.1/0\n</VirtualHost>\n");
    isnt(($server->configtest)[0], 0, 'in a virtual host it is an error');
};

my $cas = Aten::CAS->new;

# One node with such a store.
sub alone ($store) { return Aten::Cluster->new(nodes => 1, children => 1, cas => $cas, store => "AtenStore $store") }

# Those that never get to their Redis wait for their first catch-up meanwhile; what becomes of them: see the end.
my $locked = Aten::Redis->new(password => 'Xgeheim7@:/');
my $tls    = Aten::Redis->new(tls => 1, password => 'Xgeheim7');
my $named  = Aten::Redis->new(tls => $tls->tls, names => ['DNS:other.example'], password => 'Xgeheim7');
my $ca     = $tls->tls->ca_file;
my %never  = (
    password  => alone($locked->url(password => 'Xfalsch8')),
    authority => alone($tls->url),
    name      => alone($named->url . " ca=$ca"),
);

# --- sessions ---

my $redis   = Aten::Redis->new;
my $cluster = Aten::Cluster->new(cas => $cas, redis => $redis, mpms => \@mpms);

subtest 'a session holds at each server' => sub {
    for my $number ($cluster->numbers) {
        my $browser = $cluster->login($number, 'parent');
        is($cluster->who_everywhere($browser), 'parent parent parent', "logged in at node $number");
    }
    my ($browser, $back) = $cluster->begin(0, 'prof');
    $browser->at(2)->get($back);
    is($cluster->who_everywhere($browser), 'prof prof prof', 'a login begun at one server ends at another');
};

subtest 'a logout at one server' => sub {
    my $stays = $cluster->login(0, 'prof');
    for my $number ($cluster->numbers) {
        my $browser = $cluster->login(($number + 1) % 3, 'parent');
        my $copy    = copy_of($browser);
        ok($cluster->logout($browser, $number), "at node $number");
        is($cluster->who($copy, $number), 'out', '... there the session is dead at once, whoever has the cookie');
        is($cluster->wait_who($copy, 'out'), 'out out out', '... and at the others soon');
    }
    is($cluster->who_everywhere($stays), 'prof prof prof', 'the session of somebody else goes on');
    my $again = $cluster->login(1, 'parent');
    is($cluster->who_everywhere($again), 'parent parent parent', 'the person can log in again');
};

sub copy_of ($browser) {
    my $copy = $cluster->browser($browser->{node});
    $copy->jar->{cookies} = Storable::dclone($browser->jar->{cookies});
    return $copy;
}

sub ticket_of ($address) { return $address =~ /[?&]ticket=([^&]*)/ ? $1 : die "no ticket in $address" }

subtest 'a logout that CAS tells another server' => sub {
    # The service's address is that of node 0.
    my $browser = $cluster->login(1, 'parent');
    my $copy    = copy_of($browser);
    $browser->get($cas->url . '/logout');
    is($cluster->wait_who($copy, 'out'), 'out out out', 'by the real CAS server');
    for my $number ($cluster->numbers) {
        my ($person, $back) = $cluster->begin(($number + 1) % 3, 'prof');
        $person->get($back);
        is($cluster->who_everywhere($person), 'prof prof prof', "somebody is in, not by node $number");
        is($cluster->back_channel($number, $back, ticket_of($back)), 200, 'which hears of the logout');
        is($cluster->wait_who($person, 'out'), 'out out out', '... and it counts everywhere');
    }
};

subtest 'children that are killed' => sub {
    # One of them carries what is written; another one has to take over at once.
    for my $number (1, 2) {
        my $node = $cluster->node($number);
        for my $child ($node->children) {
            next if child_threads($child) == 0;
            my ($hears, $tells) = ($cluster->login(0, 'parent'), $cluster->login(0, 'prof'));
            my @copies = map { copy_of($_) } $hears, $tells;
            kill 'KILL', $child;
            $node->wait_for(sub { !-e "/proc/$child" });
            $cluster->logout($hears, 0);
            $cluster->logout($tells, $number);
            is($cluster->wait_who($copies[0], 'out', 5, $number), 'out', "node $number goes on hearing of logouts");
            is($cluster->wait_who($copies[1], 'out', 5, 0), 'out', '... and telling of them');
        }
    }
};

# Threads that it has beside the first; mod_cgid's daemon has none.
sub child_threads ($pid) { return (() = glob "/proc/$pid/task/*") - 1 }

sub figures () {
    return join ' ', map { "$_=" . $redis->command(@{ { entries => ['XLEN', 'aten:ended'], keys => ['DBSIZE'] }->{$_} }) }
        qw(entries keys);
}

subtest 'a logout of a ticket that nobody knows' => sub {
    my ($browser, $back) = $cluster->begin(0, 'prof');
    $browser->get($back);
    my $before = figures();
    my %sizes  = map { $_ => -s $cluster->node($_)->root . '/state/store/data.mdb' } $cluster->numbers;
    for my $i (0 .. 89) {
        my $status = $cluster->back_channel($i % 3, $back, sprintf 'ST-%040d', $i);
        is($status, 200, 'an answer') if $i < 3;
    }
    is(figures(), $before, 'ninety of them write nothing into Redis');
    is_deeply({ map { $_ => -s $cluster->node($_)->root . '/state/store/data.mdb' } $cluster->numbers }, \%sizes,
        'and nothing into a store');
    is($cluster->who_everywhere($browser), 'prof prof prof', 'and end nobody\'s session');
};

subtest 'nothing about anybody stands in Redis' => sub {
    my @keys = @{ $redis->command('KEYS', '*') };
    ok(scalar @keys, 'there are keys');
    is_deeply([grep { !/^aten:[a-z]+(?::[0-9a-f]{32})?\z/ } @keys], [], 'of the form that is documented');
    my @entries = @{ $redis->command('XRANGE', 'aten:ended', '-', '+') };
    ok(scalar @entries, 'there are entries');
    my @odd = grep { /[^0-9a-z]/ } map { @{ $_->[1] } } @entries;
    is_deeply(\@odd, [], 'which are hashes and numbers');
};

# --- used once ---

# Two do the same at once, by a node each; returns what each says, in the order of their nodes.
sub at_once (@do) {
    pipe my $gate, my $start or die "pipe: $!";
    my @children = map {
        my $do = $_;
        pipe my $read, my $write or die "pipe: $!";
        my $pid = fork() // die "fork: $!";
        if (!$pid) {
            close $start;
            sysread $gate, my $go, 1;
            my $said = eval { $do->() } // "died: $@";
            syswrite $write, "$said\n";
            POSIX::_exit(0);
        }
        close $write;
        { pid => $pid, read => $read };
    } @do;
    close $gate;
    close $start;
    return map {
        my $line = readline $_->{read};
        waitpid $_->{pid}, 0;
        chomp $line;
        $line;
    } @children;
}

sub cookie_of ($page, $name) { return grep { /^\Q$name\E=[^;]{20}/ } $page->header_all('set-cookie') }

my $forge  = Aten::Forge->new;
my $saml   = Aten::Cluster->new(nodes => 2, redis => $redis, mpms => ['worker', 'event'],
    config => $forge->config =~ s/^\s*AtenBaseURL.*\n//mr);
# An answer that nobody asked for, which EduConnect may give here: nothing but its own use stands between it and a second
# session.
my ($case) = grep { $_->{name} eq 'identity/educonnect-unsolicited' } $forge->cases;

sub unasked () { return $forge->make($case, $saml, {}, portal => 'educonnect') }

# Somebody's browser brings it to a node. Did a session come of it?
sub brought ($answer, $number) {
    my $browser = $saml->browser($number);
    $forge->post($saml, $browser, $answer);
    return $browser->jar->find('aten') ? 'won' : 'lost';
}

subtest 'the same answer of a portal at two servers' => sub {
    for my $first (0, 1) {
        my $answer = unasked();
        is(brought($answer, $first), 'won', "node $first takes it");
        my $mark = $saml->node(1 - $first)->log->mark;
        is(brought($answer, 1 - $first), 'lost', '... the other one does not');
        $saml->node(1 - $first)->log_like(qr/AT0333/, '... and says that it was used', $mark);
    }
    my (@wrong, %first);
    for my $round (1 .. 15) {
        my $answer = unasked();
        my @said   = at_once(map { my $number = $_; sub { brought($answer, $number) } } 0, 1);
        $first{$said[0]}++;
        push @wrong, "round $round: @said" if join(' ', sort @said) ne 'lost won';
    }
    is_deeply(\@wrong, [], 'of two at the same moment one wins') or diag explain \%first;
};

subtest 'a login by a portal that is begun at one server' => sub {
    my ($usual) = grep { $_->{name} eq 'good/signed-assertion' } $forge->cases;
    my $browser = $saml->browser(0);
    my $answer  = $forge->make($usual, $saml, $forge->begin($saml, $browser));
    my $done    = $forge->post($saml, $browser->at(1), $answer, follow => 0)->location;
    $browser->at(0)->get($done, from => $forge->address);
    is(env_of($browser)->{AUTH_TYPE}, 'aten', 'goes on at the other, and ends at either');
};

my $faults = Faults->new(tls => 0);
my $always = Aten::Cluster->new(nodes => 2, redis => $redis, cas => undef, mpms => ['event', 'prefork'],
    config => join '', map { "<AtenProfile $_>\nAtenLabel fr $_\nAtenBackend cas " . $faults->url($_) . "\n</AtenProfile>\n" }
        qw(ns-default hold));

subtest 'the same login by CAS at two servers' => sub {
    # This CAS server says yes to any ticket, as often as it is asked: what is used once is our own pending login.
    my $start = $always->url('/aten/login?profile=ns-default&to=/who');
    my @wrong;
    for my $round (1 .. 9) {
        my $browser = $always->browser($round % 2);
        my $service = Faults::service_of(Faults::begin($browser, $start)) . '&ticket=ST-';
        my @do = map { my $number = $_;
            my $copy = $always->browser($number);
            $copy->jar->{cookies} = Storable::dclone($browser->jar->{cookies});
            sub { cookie_of($copy->get("$service$round-$number", follow => 0), 'aten') ? 'won' : 'lost' };
        } 0, 1;
        my @said = $round < 4 ? map { $_->() } @do : at_once(@do);
        push @wrong, "round $round: @said" if join(' ', sort @said) ne 'lost won';
    }
    is_deeply(\@wrong, [], 'one of two ends with a session: one after the other, and at the same moment');
};

subtest 'a logout that arrives elsewhere while the login is being validated' => sub {
    my $browser = $always->browser(0);
    my $back    = $browser->get($always->url('/aten/login?profile=hold&to=/who'), until => sub ($to) { $to =~ /ticket=/ })
        ->location;
    my ($said) = at_once_with(
        sub {
            my $status = $browser->get($back, follow => 0)->status;
            $browser->get($always->url('/'));
            return $status . ' ' . $always->wait_who($browser, 'out', 5);
        },
        sub {
            for (1 .. 100) {
                last if $faults->holding;
                select undef, undef, undef, 0.05;
            }
            is($faults->holding, 1, 'the ticket is being validated for node 0');
            is($always->back_channel(1, $back, ticket_of($back)), 200, 'node 1 hears of its logout');
            # It has reached node 0, or reaches it when the session is there already: it counts either way.
            $faults->release;
        },
    );
    like($said, qr/^\d+ out out$/, 'no session comes of it that lives');
};

# One in a process of its own, the other one here.
sub at_once_with ($apart, $here) {
    pipe my $read, my $write or die "pipe: $!";
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
        my $said = eval { $apart->() } // "died: $@";
        syswrite $write, "$said\n";
        POSIX::_exit(0);
    }
    close $write;
    $here->();
    my $line = readline $read;
    waitpid $pid, 0;
    chomp $line;
    return $line;
}

# Whoever takes over from a child that was killed in the middle of it gives the records once more.
$cluster->clean_logs_ok(qr/AH00052: child pid \d+ exit signal Killed/, qr/AH10392: children are killed successively/,
    qr/records of this server were given to Redis/);
$saml->clean_logs_ok($forge->start_lines, qr/AT0333|AT0107/, qr/records of this server were given to Redis/);
$always->clean_logs_ok(qr/AT0143|AT0136/, qr/records of this server were given to Redis/);

# --- the way to Redis ---

my @alone;

sub gets_there_ok ($alone, $redis, $name, @secrets) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $browser = $alone->login(0, 'parent');
    is($browser->page->status, 200, "$name: a login ends well");
    ok($alone->logout($browser, 0), '... a logout too');
    my $entries = 0;
    for (1 .. 100) {
        last if $entries = $redis->command('XLEN', 'aten:ended');
        select undef, undef, undef, 0.05;
    }
    ok($entries, '... and Redis has it');
    $alone->clean_logs_ok;
    no_secrets_ok($alone, @secrets);
    return;
}

sub never_there_ok ($alone, $says, $name, @secrets) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($alone->browser->get($alone->url('/'))->status, 200, "$name: public paths are served");
    is($alone->login(0, 'parent')->page->status, 503, '... nobody can log in');
    $alone->node(0)->log_like(qr/cannot be used: .*(?:$says)/, '... the log says why not');
    $alone->clean_logs_ok(qr/AtenStore: /);
    no_secrets_ok($alone, @secrets);
    return;
}

sub no_secrets_ok ($alone, @secrets) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    unlike($alone->node(0)->log->text, qr/\Q$_\E/, '... and has no password') for @secrets;
    push @alone, $alone;
    return;
}

subtest 'a password' => sub {
    gets_there_ok(alone($locked->url), $locked, 'the right one', 'Xgeheim7');
    never_there_ok($never{password}, qr/WRONGPASS/, 'a wrong one', 'Xfalsch8');
};

subtest 'a user with the rights that the documentation asks for' => sub {
    my $text = Aten::Process::slurp(Aten::Process::top() . '/docs/several-servers.md');
    my ($rights) = $text =~ /^user aten on >\S+ (.*)$/m;
    ok($rights, 'it does') or return;
    my $redis = Aten::Redis->new(user => ['aten', 'Xgeheim7', $rights]);
    gets_there_ok(alone($redis->url), $redis, 'a user', 'Xgeheim7');
};

subtest 'TLS' => sub {
    gets_there_ok(alone($tls->url . " ca=$ca"), $tls, 'an authority of our own', 'Xgeheim7');
    never_there_ok($never{authority}, qr/certificate/, 'one that the system does not know', 'Xgeheim7');
    never_there_ok($never{name}, qr/certificate/, 'a certificate of another host', 'Xgeheim7');
};

Aten::Cluster::stop_ok($cluster, $saml, $always, @alone);
done_testing;
