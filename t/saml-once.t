# An answer, and the login that it ends, are used one time, and by the browser that began it: replays by anybody, at the
# same moment on two processes, after restarts and after a crash.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Aten::Forge ();
use Aten::Jar ();
use Aten::Test;
use Aten::URL ();
use MIME::Base64 ();
use Storable ();

need_module;

my $forge  = Aten::Forge->new;
my $server = Aten::Server->new(
    name => 'httpd of two processes', children => 2, threads => 4,
    config => $forge->config(inside => "CustomLog logs/processes.log \"%P %U %>s\""),
);
browser()->get($server->url('/'));

my ($usual)  = grep { $_->{name} eq 'good/signed-assertion' } $forge->cases;
my ($whole)  = grep { $_->{name} eq 'good/signed-response' } $forge->cases;
my ($sealed) = grep { $_->{name} eq 'encryption/gcm256-assertion' } $forge->cases;
my $user     = $usual->{expect}{in}{user};

# A browser on its way: the login is begun, the answer is made and not sent yet.
sub started (%option) {
    my $browser = $option{browser} // browser();
    my $request = $forge->begin($server, $browser, to => $option{to} // '/ent/');
    my $answer  = $forge->make($option{case} // $usual, $server, $request);
    return { browser => $browser, request => $request, answer => $answer };
}

sub post ($from, $browser = $from->{browser}, %option) {
    return $forge->post($server, $browser, $from->{answer}, %option);
}

sub in_ok ($browser, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(env_of($browser)->{REMOTE_USER}, $user, $name) || diag($browser->page->text);
}

sub nobody_ok ($browser, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $json = $browser->fetch($server->url('/aten/session'))->json;
    return ok(!$json->{authenticated} && !$browser->jar->find('aten'), $name);
}

# Not believed and no error: a fresh request to the portal. Returns it.
sub again_ok ($browser, $old, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $request = $forge->request_of($browser->page);
    ok($request && $request->{id} ne $old->{request}{id}, $name)
        or diag($browser->page->status . ' ' . $browser->page->text);
    return $request;
}

sub replayed_ok ($mark, $name = 'the log says that it was used before') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @lines = grep { /AT0333/ } split /\n/, $server->log->wait_like(qr/AT0333/, $mark);
    return is(scalar @lines, 1, $name) || diag($server->log->since($mark));
}

# The same browser with the cookies that it has now: what somebody copied.
sub copy_of ($browser) {
    my $copy = browser();
    $copy->jar->{cookies} = Storable::dclone($browser->jar->{cookies});
    return $copy;
}

# --- one after the other ---

for my $case ($usual, $whole, $sealed) {
    subtest "$case->{name}, sent again" => sub {
        my $one = started(case => $case);
        post($one);
        in_ok($one->{browser}, 'the first time it counts');
        my $session = $one->{browser}->jar->find('aten')->{value};

        my $mark = $server->log->mark;
        my $page = post($one);
        is($page->status, 200, 'by the same browser: no error');
        is($page->url, $server->url('/ent/accueil'), 'the live session goes on');
        is($one->{browser}->jar->find('aten')->{value}, $session, 'and is the same');
        replayed_ok($mark);

        $mark = $server->log->mark;
        my $other = browser();
        post($one, $other);
        again_ok($other, $one, 'by another browser: a fresh request');
        nobody_ok($other, 'nobody is logged in there');
        replayed_ok($mark);
    };
}

subtest 'sent again before the first is at its end' => sub {
    my $one  = started();
    my $done = post($one, $one->{browser}, follow => 0)->location;
    my $other = browser();
    post($one, $other);
    again_ok($other, $one, 'the second gets a fresh request');
    nobody_ok($other, 'and nothing else');
    $one->{browser}->get($done, from => $forge->address);
    in_ok($one->{browser}, 'the first ends well');
    my $mark = $server->log->mark;
    post($one, $other = browser());
    again_ok($other, $one, 'the third gets a fresh request');
    nobody_ok($other, 'and nothing else');
    replayed_ok($mark);
};

subtest 'the same assertion in another response' => sub {
    my $one = started();
    post($one);
    my ($field) = $one->{answer}{body} =~ /SAMLResponse=([^&]*)/;
    my $text = MIME::Base64::decode(Aten::Forge::unescape($field));
    $text =~ s/(<samlp:Response[^>]* ID=")[^"]*/$1_another/ or fail('no ID');
    my $again = 'SAMLResponse=' . Aten::URL::escape(MIME::Base64::encode($text, ''));
    my ($other, $mark) = (browser(), $server->log->mark);
    post({ %$one, answer => { %{ $one->{answer} }, body => $again } }, $other);
    again_ok($other, $one, 'is known all the same');
    replayed_ok($mark);
};

subtest 'two answers to one request' => sub {
    my $one    = started();
    my $copy   = copy_of($one->{browser});
    my $second = $forge->make($usual, $server, $one->{request});
    post($one);
    in_ok($one->{browser}, 'the first counts');
    post({ %$one, answer => $second }, $copy);
    again_ok($copy, $one, 'the second, with the cookies that somebody copied: a fresh request');
    nobody_ok($copy, 'and nothing else');
};

# --- another browser ---

subtest 'an answer to the login of another browser' => sub {
    my ($victim, $thief) = (started(), started());
    my $page = post($victim, $thief->{browser});
    again_ok($thief->{browser}, $victim, 'the other browser gets a fresh request');
    nobody_ok($thief->{browser}, 'and nobody is logged in there');
    post($victim);
    in_ok($victim->{browser}, 'the browser that began it ends well: nothing was used up by that');
    nobody_ok($thief->{browser}, 'the other one is still nobody');
    post($thief);
    in_ok($thief->{browser}, 'until it ends its own login');
};

subtest 'an answer forced upon a browser that began nothing' => sub {
    my ($one, $other) = (started(), browser());
    post($one, $other);
    again_ok($other, $one, 'a fresh request');
    nobody_ok($other, 'nobody is logged in');
};

subtest 'an answer forced upon a browser that is logged in' => sub {
    my $live = started();
    post($live);
    my $session = $live->{browser}->jar->find('aten')->{value};
    my $one = started();
    my $page = post($one, $live->{browser});
    is($page->status, 200, 'no error');
    is($live->{browser}->jar->find('aten')->{value}, $session, 'it stays who it is');
};

subtest 'the address of the end, without the answer' => sub {
    my $one  = started();
    my $done = post($one, $one->{browser}, follow => 0)->location;
    my $other = browser();
    $other->get($done, from => $forge->address, until => sub ($to) { $forge->is_portal($to) });
    again_ok($other, $one, 'a fresh request');
    nobody_ok($other, 'nobody is logged in');
    my $two = started();
    $two->{browser}->get($done, from => $forge->address, until => sub ($to) { $forge->is_portal($to) });
    nobody_ok($two->{browser}, 'nor in a browser with a login of its own');
};

subtest 'a browser that keeps no cookies' => sub {
    my $browser = browser();
    my $one = started(browser => $browser);
    $browser->jar->{cookies} = [];
    post($one, $browser);
    my $request = again_ok($browser, $one, 'the first time a fresh request');
    $browser->jar->{cookies} = [];
    my $mark = $server->log->mark;
    my $page = post({ answer => $forge->make($usual, $server, $request) }, $browser);
    is($page->status, 400, 'the second time a page');
    like($server->log->since($mark), qr/AT0107/, 'that says so in the log');
    nobody_ok($browser, 'nobody is logged in');
};

subtest 'the end of a login, asked for again' => sub {
    my $one  = started();
    my $done = post($one, $one->{browser}, follow => 0)->location;
    my $copy = copy_of($one->{browser});
    $one->{browser}->get($done, from => $forge->address);
    in_ok($one->{browser}, 'the first time it counts');
    $copy->get($done, from => $forge->address, until => sub ($to) { $forge->is_portal($to) });
    again_ok($copy, $one, 'with copied cookies: a fresh request');
    nobody_ok($copy, 'nobody is logged in');
    $one->{browser}->get($done, from => $forge->address);
    is($one->{browser}->url, $server->url('/ent/accueil'), 'by the same browser: the live session goes on');
};

# --- at the same moment ---

# Two clients do the same at once: DO, which is told the number of its client (0, 1). Each child says one line; returns
# both lines.
sub at_once ($do) {
    pipe my $gate, my $start or die "pipe: $!";
    my @children = map {
        my $number = $_;
        pipe my $read, my $write or die "pipe: $!";
        my $pid = fork() // die "fork: $!";
        if (!$pid) {
            close $start;
            sysread $gate, my $go, 1;
            my $said = eval { $do->($number) } // "died: $@";
            syswrite $write, "$said\n";
            POSIX::_exit(0);
        }
        close $write;
        { pid => $pid, read => $read };
    } 0, 1;
    close $gate;
    close $start;   # both read the end of the file at the same moment
    return map {
        my $line = readline $_->{read};
        waitpid $_->{pid}, 0;
        chomp $line;
        $line;
    } @children;
}

my $processes = $server->root . '/logs/processes.log';

# The processes that answered this page since MARK, one for each of COUNT answers. The lines are written after these.
sub processes_of ($page, $mark, $count = 2) {
    my @pids;
    for (1 .. 100) {
        @pids = map { /^(\d+) \Q$page\E / ? $1 : () } split /\n/, substr Aten::Process::slurp($processes), $mark;
        last if @pids >= $count;
        select undef, undef, undef, 0.01;
    }
    return @pids;
}

sub cookie_of ($page, $name) { return grep { /^\Q$name\E=[^;]{20}/ } $page->header_all('set-cookie') }

# Repeat until both processes had their part often enough; bounded, whatever happens. DO sets where the log of processes
# ended before the two went off, and says what became of them.
sub race ($page, $do) {
    my ($rounds, $apart, @wrong) = (0, 0);
    while ($rounds < 60 && $apart < 6) {
        my @said = $do->(\my $mark);
        $rounds++;
        push @wrong, "round $rounds: @said" if join(' ', sort @said) ne 'lost won';
        my ($one, $other) = processes_of($page, $mark);
        $apart++ if ($one // 0) != ($other // 0);
    }
    is_deeply(\@wrong, [], "one of two wins, in $rounds rounds");
    ok($apart, "$apart of them on two processes");
    return;
}

subtest 'one answer twice at the same moment' => sub {
    my $mark = $server->log->mark;
    my $rounds = 0;
    race('/aten/saml/done', sub ($before) {
        my $one  = started();
        my @both = map { copy_of($one->{browser}) } 0, 1;
        my @done = map { post($one, $_, follow => 0)->location } @both;
        $rounds++;
        $$before = -s $processes;
        return at_once(sub ($number) {
            my $page = $both[$number]->get($done[$number], from => $forge->address, follow => 0);
            return $page->status != 303 ? $page->status : cookie_of($page, 'aten') ? 'won' : 'lost';
        });
    });
    my @lines = grep { /AT0333/ } split /\n/, $server->log->since($mark);
    is(scalar @lines, $rounds, 'the log says so of the other one, each time');
};

subtest 'one end twice at the same moment' => sub {
    race('/aten/saml/done', sub ($before) {
        my $one  = started();
        my $done = post($one, $one->{browser}, follow => 0)->location;
        $$before = -s $processes;
        return at_once(sub ($number) {
            my $page = copy_of($one->{browser})->get($done, from => $forge->address, follow => 0);
            return $page->status != 303 ? $page->status : cookie_of($page, 'aten') ? 'won' : 'lost';
        });
    });
};

# --- restarts ---

my $used   = started();
my $unsent = started();
my $midway = started();
my $done   = post($midway, $midway->{browser}, follow => 0)->location;
my $copied = copy_of($midway->{browser});
post($used);
in_ok($used->{browser}, 'before the restarts it counts');
$midway->{browser}->get($done, from => $forge->address);
in_ok($midway->{browser}, 'so does another');

sub known_ok ($after) {
    my ($other, $mark) = (browser(), $server->log->mark);
    post($used, $other);
    again_ok($other, $used, "after $after the answer is known");
    nobody_ok($other, 'nobody is logged in');
    replayed_ok($mark);
    my $copy = copy_of($copied);
    $copy->get($done, from => $forge->address, until => sub ($to) { $forge->is_portal($to) });
    nobody_ok($copy, 'the end of the login too');
    return;
}

subtest 'after a graceful restart' => sub {
    $server->graceful;
    known_ok('a graceful restart');
};

subtest 'after a child was killed' => sub {
    my ($one, $before) = (started(), -s $processes);
    post($one);
    in_ok($one->{browser}, 'a login');
    my %pids = map { $_ => 1 } processes_of('/aten/saml/acs', $before, 1), processes_of('/aten/saml/done', $before, 1);
    kill 'KILL', keys %pids;
    # Those before it may still be there from the graceful restart; what counts is that others took its place.
    $server->wait_for(sub { !grep { $pids{$_} } $server->children });
    my ($other, $mark) = (browser(), $server->log->mark);
    post($one, $other);
    again_ok($other, $one, 'its answer is known');
    replayed_ok($mark);
    known_ok('a crash');
};

subtest 'after a full restart' => sub {
    $server->restart;
    known_ok('a full restart');
    post($unsent);
    in_ok($unsent->{browser}, 'a login that was begun before it ends well');
};

is($forge->contacted, 0, 'nothing was fetched');
$server->clean_log_ok($forge->start_lines, qr/AT0107: .*\(reference/, qr/login by portal/,
    qr/AH00052: child pid \d+ exit signal Killed/);
done_testing;
